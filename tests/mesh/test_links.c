/* test_links.c: links and parts of networks of stations that go down, and damage bits: the fate of
 * each packet against the intervals that it met, its errors against the bits that it had. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/lan/ethernet.h"
#include "mesh/lan/fddi.h"
#include "mesh/lan/switched.h"
#include "mesh/switch/atm.h"
#include "mesh/switch/hippi.h"
#include "mesh/switch/sp.h"
#include "sim/rng.h"
#include "tests/mesh/oracle.h"
#include "tests/mesh/trips.h"
#include "tests/sample.h"

#define STATIONS 6u
#define PACKETS 120
#define WAYS 8   /* that a packet takes, at most */
#define PLACES 8 /* that can fail, by number: the stations, and two parts */

/* A packet crosses a place from its first bit to its last. */
struct crossing {
    uint32_t place;
    bool back; /* to the station */
    sim_time begin, end;
    uint64_t bits;
};

/* A kind of network of STATIONS: its parameters with these faults, the packets' gap, and what a
 * lone packet that was injected at t->at and had left at t->sent crosses. */
struct kind_of {
    const struct net_ops *ops;
    const void *(*params)(const struct val *faults);
    sim_time gap;
    uint32_t longest;
    const char *parts[PLACES]; /* paths of places behind the stations */
    bool parts_err;            /* errors may happen to them */
    uint32_t (*cross)(const struct trip *t, struct crossing *c);
    const char *link, *back; /* streams */
    uint32_t back_index;     /* of the first station's */
};

static void *loaded(const struct param *desc, size_t size)
{
    static char space[512];
    struct err e = ERR_INIT;
    cr_assert(size <= sizeof space);
    memset(space, 0, sizeof space);
    cr_assert(param_load(desc, space, NULL, "mesh", &e), "%s", e.text);
    return space;
}

#define PARAMS(name)                                                                               \
    struct name##_params *p = loaded(name##_params_desc, sizeof(struct name##_params));            \
    p->stations = STATIONS;                                                                        \
    p->faults = faults

/* ---- the kinds ---- */

static uint64_t least(uint32_t flits)
{
    return 8 * (uint64_t)(flits < 64 ? 64 : flits);
}

static const void *ethernet(const struct val *faults)
{
    PARAMS(ethernet);
    return p;
}

/* A frame that finds its link down is sent at once. */
static uint32_t cross_ethernet(const struct trip *t, struct crossing *c)
{
    uint64_t bits = least(t->p.flits);
    sim_time length = (64 + (sim_time)bits) * 100 * SIM_NS;
    sim_time there = t->sent + ethernet_delay(trips_net, t->p.src, t->p.dst);
    c[0] = (struct crossing){ t->p.src, false, t->at, t->sent, bits };
    c[1] = (struct crossing){ STATIONS, false, t->at, t->sent, bits };
    c[2] = (struct crossing){ t->p.dst, false, there - length, there, bits };
    return 3;
}

static const void *fddi(const struct val *faults)
{
    PARAMS(fddi);
    return p;
}

/* While it waits for the token its link must be up, too. */
static uint32_t cross_fddi(const struct trip *t, struct crossing *c)
{
    uint64_t bits = 8 * (uint64_t)t->p.flits;
    sim_time there = t->sent + fddi_way(trips_net, t->p.src, t->p.dst);
    sim_time length = (sim_time)t->p.flits * 80 * SIM_NS;
    c[0] = (struct crossing){ t->p.src, false, t->at, t->sent, bits };
    c[1] = (struct crossing){ STATIONS, false, t->sent - length, t->sent, bits };
    c[2] = (struct crossing){ t->p.dst, true, there - length, there, bits };
    return 3;
}

static const void *switched_of(const struct val *faults, int duplex)
{
    PARAMS(switched);
    p->table = SWITCHED_KNOWN;
    p->duplex = duplex;
    p->forwarding = 10 * SIM_US;
    return p;
}

static const void *switched(const struct val *faults)
{
    return switched_of(faults, SWITCHED_FULL);
}

static const void *half(const struct val *faults)
{
    return switched_of(faults, SWITCHED_HALF);
}

/* Full duplex: a link's way back is over when the last bit leaves the switch. */
static uint32_t cross_switch(const struct trip *t, struct crossing *c, sim_time in, sim_time out)
{
    const sim_time delay = 555940 * SIM_PS; /* 100 m at 0.6 c */
    uint64_t bits = least(t->p.flits);
    sim_time length = (64 + (sim_time)bits) * 100 * SIM_NS, due = t->sent + delay + 10 * SIM_US;
    in += t->sent;
    out += due + length;
    c[0] = (struct crossing){ t->p.src, false, in - length, in, bits };
    c[1] = (struct crossing){ STATIONS, false, in - length, in, 0 };
    c[2] = (struct crossing){ STATIONS, false, due - 10 * SIM_US, due, 0 };
    c[3] = (struct crossing){ t->p.dst, true, out - length, out, bits };
    c[4] = (struct crossing){ STATIONS, false, out - length, out, 0 };
    return 5;
}

static uint32_t cross_full(const struct trip *t, struct crossing *c)
{
    return cross_switch(t, c, 0, 0);
}

/* Half duplex: both are over when the last bit is at the other end of the cable. */
static uint32_t cross_half(const struct trip *t, struct crossing *c)
{
    return cross_switch(t, c, 555940 * SIM_PS, 555940 * SIM_PS);
}

#define HIPPI_DELAY 108978 /* ps: 25 m at the speed that the parameters say */
static const void *hippi(const struct val *faults)
{
    PARAMS(hippi);
    p->velocity = 25 / (HIPPI_DELAY * 1e-12 * 299792458);
    return p;
}

/* A request over the one link finds the other up, or ends there. */
static uint32_t cross_hippi(const struct trip *t, struct crossing *c)
{
    const sim_time d = HIPPI_DELAY, there = t->at + d + SIM_US, began = there + 3 * d;
    uint64_t bits = 32 * (uint64_t)t->p.flits;
    c[0] = (struct crossing){ t->p.src, false, t->at, there, 0 };
    c[1] = (struct crossing){ t->p.dst, true, there, there, 0 };
    c[2] = (struct crossing){ t->p.src, false, began, t->sent, bits };
    c[3] = (struct crossing){ t->p.dst, true, began + 2 * d, t->sent + 2 * d, bits };
    return 4;
}

static const void *sp(const struct val *faults)
{
    PARAMS(sp);
    p->routes = SP_FIXED;
    return p;
}

/* SP4: the way is looked at as the packet leaves its source.  Each chip takes a byte off. */
static uint32_t cross_sp(const struct trip *t, struct crossing *c)
{
    uint32_t chips[SP_HOPS], ports[SP_HOPS], src = t->p.src, dst = t->p.dst;
    uint32_t ways = sp_ways(trips_net, src, dst);
    uint32_t hops = sp_way(trips_net, src, dst, (src + dst) % ways, chips, ports);
    c[0] = (struct crossing){ src, false, t->at, t->at, 8 * (t->p.flits + hops) };
    c[1] = (struct crossing){ dst, true, t->at, t->at, 8 * t->p.flits };
    for (uint32_t i = 0; i < hops; i++)
        c[2 + i] = (struct crossing){ chips[i] == 0   ? STATIONS
                                      : chips[i] == 5 ? STATIONS + 1
                                                      : PLACES,
                                      false, t->at, t->at, 0 };
    return 2 + hops;
}

static const void *atm(const struct val *faults)
{
    PARAMS(atm);
    return p;
}

static const struct kind_of kinds[] = {
    { &net_ethernet,
      ethernet,
      3 * SIM_MS,
      1518,
      { "cable" },
      true,
      cross_ethernet,
      "ethernet/link",
      NULL,
      0 },
    { &net_fddi, fddi, SIM_MS, 4500, { "ring" }, true, cross_fddi, "fddi/link", "fddi/back", 0 },
    { &net_switched,
      switched,
      4 * SIM_MS,
      1518,
      { "switch" },
      false,
      cross_full,
      "switched/link",
      "switched/back",
      0 },
    { &net_switched,
      half,
      4 * SIM_MS,
      1518,
      { "switch" },
      false,
      cross_half,
      "switched/link",
      "switched/back",
      0 },
    { &net_hippi,
      hippi,
      SIM_MS,
      2000,
      { NULL },
      false,
      cross_hippi,
      "hippi/link",
      "hippi/back",
      0 },
    { &net_sp,
      sp,
      100 * SIM_US,
      240,
      { "chip 0", "chip 5" },
      false,
      cross_sp,
      "sp/link",
      "sp/link",
      STATIONS },
    /* Cells: test_atm.c. */
    { &net_atm, atm, SIM_MS, 1500, { "switch 0" }, false, NULL, NULL, NULL, 0 },
};

/* ---- faults ---- */

static const char *path_of(const struct kind_of *k, uint32_t place)
{
    static char text[32];
    if (place >= STATIONS)
        return k->parts[place - STATIONS];
    snprintf(text, sizeof text, "station %u", place);
    return text;
}

struct interval {
    uint32_t place;
    sim_time from, to;
};

/* What it crosses on its way to one of those that it is for. */
static uint32_t cross_to(const struct kind_of *k, const struct trip *t, uint32_t dst,
                         struct crossing *c)
{
    struct trip one = *t;
    one.p.dst = dst;
    return k->cross(&one, c);
}

static struct interval downs[24];
static uint32_t down_count;

/* Was one of the places down that it crossed to dst? */
static bool is_lost(const struct kind_of *k, const struct trip *t, uint32_t dst)
{
    struct crossing c[WAYS];
    uint32_t n = cross_to(k, t, dst, c);
    for (uint32_t a = 0; a < n; a++)
        for (const struct interval *i = downs; i < downs + down_count; i++)
            if (c[a].place == i->place && i->from < c[a].end && i->to >= c[a].begin)
                return true;
    return false;
}

static struct trip trips[PACKETS];

static void post_all(const struct kind_of *k, uint64_t number, bool broadcast)
{
    struct net_describe d;
    uint64_t r = number;
    trips_net->ops->describe(trips_net, &d);
    trips_terminals(STATIONS);
    for (uint32_t i = 0; i < PACKETS; i++) {
        uint32_t src = (uint32_t)oracle_below(&r, STATIONS);
        uint32_t dst = (uint32_t)oracle_below(&r, STATIONS);
        if (oracle_below(&r, 6) == 0 && broadcast && d.broadcast)
            dst = NET_ALL;
        trips_post(&trips[i], src, dst,
                   1 + (uint32_t)oracle_below(&r, oracle_below(&r, 2) ? 80 : k->longest),
                   (i + 1) * k->gap);
    }
}

/* Times at which one of the packets began or ended to cross something, or one off. */
static sim_time moment(const struct kind_of *k, uint64_t *r, uint32_t *place)
{
    struct crossing c[WAYS];
    const struct trip *t = &trips[oracle_below(r, PACKETS)];
    uint32_t to = t->p.dst == NET_ALL ? (uint32_t)oracle_below(r, STATIONS) : t->p.dst;
    uint32_t n = cross_to(k, t, to, c), i = (uint32_t)oracle_below(r, n);
    *place = c[i].place;
    return (oracle_below(r, 2) ? c[i].begin : c[i].end) + (sim_time)oracle_below(r, 3) - 1;
}

/* Intervals of places that do not touch, from moments of the packets' trips. */
static struct val *draw_downs(const struct kind_of *k, uint64_t number)
{
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    uint64_t r = number;
    down_count = 0;
    for (uint64_t n = 1 + number % ARRAY_LEN(downs); n > 0; n--) {
        uint32_t place, other;
        sim_time a = moment(k, &r, &place), b = moment(k, &r, &other);
        bool free = place < STATIONS || (place < PLACES && strcmp(path_of(k, place), "ring") != 0);
        if (b <= a || b > a + 10 * k->gap)
            b = a + 1 + (sim_time)oracle_below(&r, (uint64_t)k->gap);
        for (uint32_t j = 0; j < down_count; j++)
            free &= downs[j].place != place || a > downs[j].to || b < downs[j].from;
        if (!free)
            continue;
        downs[down_count++] = (struct interval){ place, a, b };
        trips_fault(faults, path_of(k, place), "down", a, b - a, 0);
    }
    return faults;
}

/* LINK1 */
static void lost_by_intervals(const struct kind_of *k, uint64_t number)
{
    trips_start(k->ops, k->params(NULL), number, SIM_TIE_SEQUENCE, 0);
    post_all(k, number, true);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    struct val *faults = draw_downs(k, number);
    trips_stop();
    trips_start(k->ops, k->params(faults), number, number % 2 ? SIM_TIE_SHUFFLE : SIM_TIE_SEQUENCE,
                0);
    post_all(k, number, true);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    for (uint32_t i = 0; i < PACKETS; i++) {
        const struct trip *t = &trips[i];
        for (uint32_t j = 0; t->p.dst == NET_ALL && j < STATIONS; j++)
            cr_assert_eq(t->came[j] > 0, j != t->p.src && !is_lost(k, t, j),
                         "%s, case %lu, packet %u to all at %u", k->ops->kind.name,
                         (unsigned long)number, i, j);
        if (t->p.dst == NET_ALL)
            continue;
        cr_assert_eq(t->calls, 1);
        cr_assert_eq(t->status, is_lost(k, t, t->p.dst) ? NET_DROPPED_FAULT : NET_OK,
                     "%s, case %lu, packet %u at %ld: %s", k->ops->kind.name, (unsigned long)number,
                     i, (long)t->at, net_status_name(t->status));
    }
    trips_stop();
    val_free(faults);
}

Test(links, a_packet_is_lost_if_its_link_was_down_between_its_first_bit_and_its_last)
{
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (uint64_t number = 1; kinds[k].cross && number <= sample("LINKS", 60); number++)
            lost_by_intervals(&kinds[k], number);
}

/* ---- errors ---- */

/* The bit of a link that is damaged next, counted from the first packet that it can meet. */
struct slow_link {
    struct sim_rng rng;
    uint64_t next;
};

/* LINK2: each bit is damaged with that chance; draws begin anew behind a damaged packet. */
static void damaged_by_bits(const struct kind_of *k, double ber, uint64_t number)
{
    struct slow_link link[PLACES][2];
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    uint32_t places = STATIONS + (k->parts_err ? 1 : 0), lost = 0;
    double expected = 0, variance = 0;
    for (uint32_t i = 0; i < places; i++)
        trips_fault(faults, path_of(k, i), "errors", 0, 0, ber);
    trips_start(k->ops, k->params(faults), number, SIM_TIE_SEQUENCE, 0);
    post_all(k, number, false);
    for (uint32_t i = 0; i < places; i++)
        for (int back = 0; back < 2; back++) {
            struct slow_link *l = &link[i][back];
            const char *stream = back ? k->back : k->link;
            char part[32];
            snprintf(part, sizeof part, "%s/%s", k->ops->kind.name,
                     k->parts[0] ? k->parts[0] : "none");
            if (i < STATIONS && stream)
                sim_rng_init_indexed(&l->rng, trips_sim, stream, i + (back ? k->back_index : 0));
            else
                sim_rng_init_indexed(&l->rng, trips_sim, part, 0);
            l->next = sim_rng_geometric(&l->rng, ber);
        }
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    for (uint32_t i = 0; i < PACKETS; i++) {
        struct crossing c[WAYS];
        uint32_t n = k->cross(&trips[i], c);
        bool damaged = false;
        double whole = 1;
        for (uint32_t a = 0; a < n; a++) {
            if (c[a].place >= places)
                continue;
            struct slow_link *l = &link[c[a].place][k->back ? c[a].back : 0];
            whole *= pow(1 - ber, (double)c[a].bits);
            if (damaged)
                continue; /* it goes no further */
            damaged = l->next < c[a].bits;
            l->next = damaged ? sim_rng_geometric(&l->rng, ber) : l->next - c[a].bits;
        }
        cr_assert_eq(trips[i].status, damaged ? NET_DROPPED_DAMAGED : NET_OK, "%s, packet %u",
                     k->ops->kind.name, i);
        lost += damaged;
        expected += 1 - whole;
        variance += whole * (1 - whole);
    }
    cr_assert_float_eq(lost, expected, 4 * sqrt(variance), "%s: %u, not %g", k->ops->kind.name,
                       lost, expected);
    cr_assert_eq(trips_net->dropped[NET_DROPPED_DAMAGED], lost);
    trips_stop();
    val_free(faults);
}

Test(links, a_packet_is_damaged_if_one_of_its_bits_is)
{
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        if (!kinds[k].cross)
            continue;
        damaged_by_bits(&kinds[k], 1e-5, 3);
        damaged_by_bits(&kinds[k], 1e-4, 4);
        for (uint64_t number = 5; number < 25; number++)
            damaged_by_bits(&kinds[k], 1e-3, number);
    }
}

/* ---- each path, each action ---- */

/* Packets from 1 to 2 and back, at 1 and at 9 ms: their fates. */
static void to_and_fro(const struct kind_of *k, struct val *faults, const enum net_status want[4])
{
    trips_start(k->ops, k->params(faults), 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(STATIONS);
    for (uint32_t i = 0; i < 4; i++)
        trips_post(&trips[i], 1 + i % 2, 2 - i % 2, 100,
                   (i < 2 ? 1 : 9) * SIM_MS + i % 2 * 200 * SIM_US);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(trips[i].status, want[i], "%s, packet %u: %s", k->ops->kind.name, i,
                     net_status_name(trips[i].status));
    trips_stop();
    val_free(faults);
}

Test(links, a_path_of_one_way_leaves_the_other)
{
    static const enum net_status from[] = { NET_DROPPED_FAULT, NET_OK, NET_OK, NET_OK };
    static const enum net_status to[] = { NET_OK, NET_DROPPED_FAULT, NET_OK, NET_OK };
    static const struct {
        const struct kind_of *kind;
        const char *path;
        const enum net_status *want;
    } rows[] = {
        { &kinds[2], "port 1", to },
        { &kinds[3], "port 1", to },
        { &kinds[4], "output 1", to },
        { &kinds[5], "station 1 to chip 0", from },
        { &kinds[5], "chip 0 to station 1", to },
        { &kinds[6], "from station 1", from },
        { &kinds[6], "to station 1", to },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct val *faults = val_new(VAL_LIST, NULL, 0);
        trips_fault(faults, rows[i].path, "down", 0, 5 * SIM_MS, 0);
        to_and_fro(rows[i].kind, faults, rows[i].want);
    }
}

Test(links, what_has_begun_ends)
{
    static const enum net_status ups[] = { NET_DROPPED_FAULT, NET_DROPPED_FAULT, NET_OK, NET_OK };
    static const enum net_status errs[] = { NET_DROPPED_DAMAGED, NET_DROPPED_DAMAGED, NET_OK,
                                            NET_OK };
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct val *up = val_new(VAL_LIST, NULL, 0), *errors = val_new(VAL_LIST, NULL, 0);
        trips_fault(up, "station 1", "down", 0, 0, 0);
        trips_fault(up, "station 1", "up", 5 * SIM_MS, 0, 0);
        to_and_fro(&kinds[k], up, ups);
        trips_fault(errors, "station 1", "errors", 0, 5 * SIM_MS, 0.1);
        to_and_fro(&kinds[k], errors, errs);
    }
}

/* ---- a switch that goes down ---- */

/* What waits in it is lost, and it forgets at which ports stations are: frames to them go to all
 * ports until they have sent one. */
Test(links, a_switch_that_comes_back_knows_nobody)
{
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    struct switched_params p = *(const struct switched_params *)switched(faults);
    struct trip t[7];
    trips_fault(faults, "switch", "down", 10 * SIM_MS, SIM_MS, 0);
    p.table = SWITCHED_LEARNED;
    p.queue_frames = 3;
    trips_start(&net_switched, &p, 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(STATIONS);
    trips_post(&t[0], 1, 2, 64, SIM_MS);
    for (uint32_t i = 1; i < 4; i++) /* 1.2 ms each: two are in it at 10 ms, one goes out */
        trips_post(&t[i], i + 1, 1, 1518, 7 * SIM_MS + 500 * SIM_US);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    cr_assert_eq(t[0].status, NET_OK);
    for (uint32_t i = 1, lost = 0; i < 4; i++) {
        lost += t[i].status == NET_DROPPED_FAULT;
        cr_assert(t[i].status != NET_DROPPED_FAULT || t[i].done == 10 * SIM_MS ||
                  t[i].done > 11 * SIM_MS);
        cr_assert(i < 3 || lost == 2);
    }
    sim_time again = sim_now(trips_sim) + SIM_MS;
    for (uint32_t i = 4; i < 7; i++) /* there is room for three again */
        trips_post(&t[i], i - 2, 1, 64, again);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    for (uint32_t i = 4; i < 7; i++)
        cr_assert_eq(t[i].status, NET_OK);
    const struct counter *c = trips_net->ops->kind.counters;
    while (c->name && strcmp(c->name, "frames_flooded") != 0)
        c++;
    cr_assert_not_null(c->name);
    cr_assert_eq(counter_read(c, trips_net->counted.base), 4);
    trips_stop();
    val_free(faults);
}

/* ---- who is not on the network disturbs nobody ---- */

/* Station 1 waits for the frame of station 0 when its link goes down: its own frame takes its time
 * from then on, on no cable.  While the cable is down two that begin together do not collide. */
Test(links, a_station_without_a_cable_sends_into_the_void)
{
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    struct trip t[4];
    const sim_time frame = (64 + 8 * 1000) * 100 * SIM_NS;
    trips_fault(faults, "station 1", "down", SIM_MS + 300 * SIM_US, SIM_US, 0);
    trips_fault(faults, "cable", "down", 10 * SIM_MS, SIM_MS, 0);
    trips_start(&net_ethernet, ethernet(faults), 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(STATIONS);
    trips_post(&t[0], 0, 2, 1000, SIM_MS);
    trips_post(&t[1], 1, 2, 1000, SIM_MS + 100 * SIM_US);
    trips_post(&t[2], 3, 2, 1000, 10 * SIM_MS + 500 * SIM_US);
    trips_post(&t[3], 4, 2, 1000, 10 * SIM_MS + 500 * SIM_US);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    cr_assert_eq(t[0].status, NET_OK);
    cr_assert_eq(t[0].sent, SIM_MS + frame);
    cr_assert_eq(t[1].status, NET_DROPPED_FAULT);
    cr_assert_eq(t[1].sent, SIM_MS + 300 * SIM_US + frame);
    for (int i = 2; i < 4; i++) {
        cr_assert_eq(t[i].status, NET_DROPPED_FAULT);
        cr_assert_eq(t[i].sent, 10 * SIM_MS + 500 * SIM_US + frame);
    }
    trips_stop();
    val_free(faults);
}

/* Stations 1 and 2 ask for station 0; its link goes down while the first is sent.  Who camps is
 * refused when the connection falls: a delay to the switch, and one back. */
Test(links, who_camps_on_a_link_that_goes_down_is_refused)
{
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    struct trip t[2];
    trips_fault(faults, "output 0", "down", 100 * SIM_US, 0, 0);
    trips_start(&net_hippi, hippi(faults), 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(STATIONS);
    trips_post(&t[0], 1, 0, 10000, 0);
    trips_post(&t[1], 2, 0, 10, SIM_US);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    cr_assert_eq(t[0].status, NET_DROPPED_FAULT);
    cr_assert_eq(t[1].status, NET_DROPPED_FAULT);
    cr_assert_eq(t[1].done, t[0].sent + 2 * HIPPI_DELAY);
    trips_stop();
    val_free(faults);
}

/* The channel to station 0, whose one place is taken for good, goes down: what is for it is lost at
 * the chip before, and holds up nobody behind. */
Test(links, what_is_lost_at_a_chip_holds_up_nobody)
{
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    trips_fault(faults, "chip 0 to station 0", "down", 10 * SIM_US, 0, 0);
    trips_start(&net_sp, sp(faults), 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(STATIONS);
    trips_net->ops->set_terminal(trips_net, 0,
                                 &(struct net_terminal){ .receive = trips_take, .room = 1 });
    for (uint32_t i = 0; i < PACKETS; i++)
        trips_post(&trips[i], 4 + i % 2, i % 3 ? 1 : 0, 200,
                   i == 0 ? 0 : 20 * SIM_US + (sim_time)i);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    for (uint32_t i = 0; i < PACKETS; i++) {
        cr_assert_eq(trips[i].calls, 1, "packet %u", i);
        cr_assert_eq(trips[i].status, i > 0 && i % 3 == 0 ? NET_DROPPED_FAULT : NET_OK);
    }
    trips_stop();
    val_free(faults);
}

/* ---- many at once ---- */

Test(links, each_packet_is_told_once_whatever_fails_and_whatever_the_order_of_events)
{
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const struct kind_of *of = &kinds[k];
        struct val *faults = val_new(VAL_LIST, NULL, 0);
        uint64_t r = 17 + k, hash = 0;
        uint32_t longest = of->longest < 600 ? of->longest : 600;
        bool holds = of->ops == &net_hippi || of->ops == &net_sp; /* what comes to a full one */
        for (uint32_t i = 0; i < 40; i++) {
            uint32_t place = (uint32_t)oracle_below(&r, STATIONS + (of->parts[0] ? 1 : 0));
            bool ring = place == STATIONS && strcmp(path_of(of, place), "ring") == 0;
            bool errs = ring || (oracle_below(&r, 3) == 0 && (place < STATIONS || of->parts_err));
            trips_fault(faults, path_of(of, place), errs ? "errors" : "down",
                        (sim_time)oracle_below(&r, 100) * SIM_MS,
                        1 + (sim_time)oracle_below(&r, 3) * SIM_MS, errs ? 1e-5 : 0);
        }
        for (int run = 0; run < 3; run++) {
            uint64_t other = trips_random(
                of->ops, of->params(run < 2 ? faults : NULL), STATIONS, longest, 60 * SIM_US,
                run == 0 ? SIM_TIE_SEQUENCE : SIM_TIE_SHUFFLE, holds ? 0 : 4, NULL);
            cr_assert((run == 0 || other == hash) == (run < 2), "%s", of->ops->kind.name);
            hash = run == 0 ? other : hash;
        }
        val_free(faults);
    }
}

/* ---- places ---- */

static void take_at_once(void *arg, struct net_packet *p, enum net_status status)
{
    trips_take(arg, p, status);
    if (status == NET_OK)
        trips_net->ops->taken(trips_net, 0);
}

/* A terminal with one place, most of whose packets are damaged on its link, or meet it down: nobody
 * waits for the place of a packet that is lost. */
Test(links, the_place_of_a_lost_packet_is_free_again)
{
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const struct kind_of *of = &kinds[k];
        struct val *faults = val_new(VAL_LIST, NULL, 0);
        uint32_t lost[NET_STATUSES] = { 0 };
        trips_fault(faults, "station 0", "errors", 0, 0, 3e-4);
        trips_fault(faults, "station 0", "down", 3 * SIM_MS, SIM_MS, 0);
        trips_start(of->ops, of->params(faults), 1, SIM_TIE_SEQUENCE, 0);
        trips_terminals(STATIONS);
        trips_net->ops->set_terminal(trips_net, 0,
                                     &(struct net_terminal){ .receive = take_at_once, .room = 1 });
        for (uint32_t i = 0; i < PACKETS; i++)
            trips_post(&trips[i], 1 + i % (STATIONS - 1), 0, 100, (i + 1) * 50 * SIM_US);
        cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
        for (uint32_t i = 0; i < PACKETS; i++) {
            cr_assert_eq(trips[i].calls, 1, "%s, packet %u", of->ops->kind.name, i);
            lost[trips[i].status]++;
        }
        cr_assert_gt(lost[NET_OK], 10);
        cr_assert_gt(lost[NET_DROPPED_DAMAGED], 5);
        cr_assert_gt(lost[NET_DROPPED_FAULT], 0);
        trips_stop();
        val_free(faults);
    }
}

/* ---- what cannot be ---- */

static void refused(const struct kind_of *k, const char *path, const char *action, double ber,
                    const char *part)
{
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    trips_fault(faults, path, action, 0, 0, ber);
    trips_refused(k->ops, k->params(faults), part);
    val_free(faults);
}

Test(links, refuses_what_cannot_happen)
{
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        refused(&kinds[k], "station 6", "down", 0, "nothing 'station 6' that can fail, did you");
        refused(&kinds[k], "station 5", "dawn", 0, "'dawn' cannot happen to station 5, did you");
        refused(&kinds[k], "station 5", "errors", 0, "ber: errors have a bit error rate above 0");
        refused(&kinds[k], "station 5", "up", 1e-9, "ber: only errors have a bit error rate");
    }
    refused(&kinds[1], "ring", "down", 0, "'down' cannot happen to ring");
    refused(&kinds[6], "trunk 0", "down", 0, "nothing 'trunk 0' that can fail");
    refused(&kinds[2], "switch", "errors", 1e-9, "'errors' cannot happen to switch");
}
