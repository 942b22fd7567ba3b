/* test_ethernet.c: the cable against a model that goes bit by bit, closed forms, and published
 * relations. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mesh/lan/ethernet.h"
#include "mesh/nic.h"
#include "sim/audit.h"
#include "sim/rng.h"
#include "tests/mesh/oracle.h"
#include "tests/sample.h"

#define BIT (100 * SIM_NS)
#define SLOT (512 * BIT)
#define STATIONS 300

static struct sim *s;
static struct net *n;

static struct ethernet_params cable(int64_t stations)
{
    struct ethernet_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(ethernet_params_desc, &p, NULL, "mesh", &e), "%s", e.text);
    p.stations = stations;
    return p;
}

static void start(const struct ethernet_params *p, uint64_t seed, enum sim_tie tie, sim_time limit)
{
    static struct err e = ERR_INIT;
    s = sim_create(&(struct sim_options){ .seed = seed, .tie = tie, .time_limit = limit });
    n = net_ethernet.create(s, p, &e);
    cr_assert(n, "%s", e.text);
}

static void stop(void)
{
    char text[1024] = "";
    cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 0, "%s", text);
    n->ops->destroy(n);
    sim_destroy(s);
}

/* ---- a packet that goes at its time ---- */

#define MOST 6

struct trip {
    struct sim_event event;
    struct net_packet p;
    sim_time at, sent, done;
    enum net_status status;
    uint32_t calls, left, told; /* told: the last station that was */
    sim_time came[MOST];        /* at the first stations; -1: not */
};

static void depart(struct sim *sim, struct sim_event *e)
{
    (void)sim;
    net_inject(n, &CONTAINER_OF(e, struct trip, event)->p);
}

static void take(void *arg, struct net_packet *p, enum net_status status)
{
    struct trip *t = p->owner;
    uintptr_t station = (uintptr_t)arg;
    cr_assert(t->calls == 0 || p->left + 1 == t->left, "each is told once");
    t->status = status;
    t->done = sim_now(s);
    cr_assert_eq(t->done, p->delivered);
    cr_assert_eq(p->dropped, status != NET_OK);
    t->calls++;
    t->left = p->left;
    t->told = (uint32_t)station;
    if (station < MOST)
        t->came[station] = t->done;
}

static void left(void *arg, struct net_packet *p)
{
    struct trip *t = p->owner;
    (void)arg;
    t->sent = sim_now(s);
    cr_assert_eq(t->calls, 0);
}

static void post(struct trip *t, uint32_t src, uint32_t dst, uint32_t flits, sim_time at)
{
    *t = (struct trip){ .p = { .src = src, .dst = dst, .flits = flits, .owner = t }, .at = at };
    memset(t->came, -1, sizeof t->came);
    sim_event_init(&t->event, SIM_CLASS_SOFTWARE, depart);
    sim_at(s, &t->event, at);
}

static void terminals(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        n->ops->set_terminal(
            n, i,
            &(struct net_terminal){ .receive = take, .sent = left, .arg = (void *)(uintptr_t)i });
}

/* 500 m at 0.77 c: 2.166001 us.  14,880.95 frames of 64 bytes a second, 812.74 of 1518. */
Test(ethernet, a_lone_station_takes_the_closed_form_to_the_picosecond)
{
    static const struct {
        uint32_t flits;
        sim_time frame, period;
    } rows[] = { { 1, 57600 * SIM_NS, 67200 * SIM_NS },
                 { 64, 57600 * SIM_NS, 67200 * SIM_NS },
                 { 65, 58400 * SIM_NS, 68000 * SIM_NS },
                 { 1518, 1220800 * SIM_NS, 1230400 * SIM_NS } };
    sim_time end = (sim_time)llround(500 / (0.77 * 299792458) * 1e12);
    cr_assert_eq(end, 2166001);
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        struct ethernet_params p = cable(5);
        struct trip t[4];
        start(&p, 1, SIM_TIE_SEQUENCE, 0);
        terminals(5);
        for (uint32_t i = 0; i < 4; i++)
            post(&t[i], 0, i < 2 ? 4 : i == 2 ? 1 : 0, rows[k].flits, 12345);
        cr_assert_eq(sim_run(s), SIM_END_IDLE);
        for (uint32_t i = 0; i < 4; i++) {
            sim_time away = ethernet_delay(n, 0, t[i].p.dst);
            sim_time sent = 12345 + (sim_time)i * rows[k].period + rows[k].frame;
            cr_assert_eq(t[i].sent, sent, "%u: %ld", i, (long)t[i].sent);
            cr_assert_eq(t[i].done, sent + away);
            cr_assert_eq(n->ops->zero_load(n, 0, t[i].p.dst, rows[k].flits), rows[k].frame + away);
            cr_assert_eq(t[i].status, NET_OK);
            cr_assert_eq(t[i].p.delivered - t[i].p.injected, t[i].p.blocked + rows[k].frame + away);
        }
        cr_assert_eq(ethernet_delay(n, 0, 4), end);
        cr_assert_eq(ethernet_delay(n, 4, 1), end - ethernet_delay(n, 0, 1));
        cr_assert_eq(t[0].p.blocked, 0);
        cr_assert_eq(t[1].p.blocked, 96 * BIT);
        stop();
    }
}

/* own_gap: a station's packets stand so far apart, queued or not, and another goes in between
 * without a collision. */
Test(ethernet, an_interface_that_rests_lets_another_begin)
{
    struct ethernet_params p = cable(2);
    struct trip t[4];
    sim_time frame = 1220800 * SIM_NS, gap = 96 * BIT, own = 20 * SIM_US;
    p.length = 0;
    p.own_gap = own;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    terminals(2);
    post(&t[0], 0, 1, 1518, 0);
    post(&t[1], 0, 1, 1518, 0);
    post(&t[2], 0, 1, 1518, 2 * frame + own + 3 * SIM_US);
    post(&t[3], 1, 0, 1518, 2 * frame + own + 2 * SIM_US);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_eq(t[0].sent, frame);
    cr_assert_eq(t[1].sent, 2 * frame + own);
    cr_assert_eq(t[3].sent, t[1].sent + gap + frame);
    cr_assert_eq(t[2].sent, t[3].sent + gap + frame);
    stop();
    p.own_gap = 0;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    terminals(2);
    post(&t[0], 0, 1, 1518, 0);
    post(&t[1], 0, 1, 1518, frame + 15 * SIM_US);
    post(&t[2], 0, 1, 1518, frame + 15 * SIM_US);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_eq(t[1].sent, 2 * frame + 15 * SIM_US, "nobody rests");
    cr_assert_eq(t[2].sent, t[1].sent + gap + frame);
    stop();
}

/* ---- the model that goes bit by bit ---- */

#define PACKETS 40
#define TICKS 100000 /* 10 ms */

enum slow_state { QUIET, WANTS, SENDS, JAMS, BACKS_OFF };
struct slow {
    enum slow_state state;
    int place, gap, until, begun, collisions, next; /* next: index of its packet, or PACKETS */
    struct sim_rng rng;
    bool on[TICKS + 1]; /* sends in this bit */
};
struct slow_packet {
    uint32_t src, dst, flits;
    int at, done; /* has left; -1: not in time */
    int came[MOST];
    bool given_up;
};
static struct slow slow[MOST];
static struct slow_packet slow_packets[PACKETS];
static uint32_t slow_stations, slow_count;

/* Bit t of another (or, own, of itself) passes station j. */
static bool passes(uint32_t j, int t, bool own)
{
    for (uint32_t i = 0; i < slow_stations; i++) {
        int from = t - abs(slow[i].place - slow[j].place);
        if ((own || i != j) && from >= 0 && slow[i].on[from])
            return true;
    }
    return false;
}

static void slow_next(struct slow *x, uint32_t station, int t)
{
    x->state = QUIET;
    x->collisions = 0;
    do
        x->next++;
    while (x->next < (int)slow_count && slow_packets[x->next].src != station);
    if (x->next < (int)slow_count && slow_packets[x->next].at <= t)
        x->state = WANTS;
}

static void slow_end(struct slow *x, uint32_t station, int t)
{
    struct slow_packet *p = &slow_packets[x->next];
    if (x->state == QUIET && x->next < (int)slow_count && p->at == t)
        x->state = WANTS;
    if (x->until != t)
        return;
    if (x->state == SENDS) {
        p->done = t;
        for (uint32_t j = 0; j < slow_stations; j++)
            p->came[j] = p->dst == NET_ALL ? j != p->src : j == p->dst;
        for (uint32_t j = 0; j < slow_stations; j++)
            p->came[j] = p->came[j] ? t + abs(x->place - slow[j].place) : -1;
        slow_next(x, station, t);
    } else if (x->state == JAMS) {
        int k = ++x->collisions;
        if (k == 16) {
            p->done = t;
            p->given_up = true;
            for (uint32_t j = 0; j < slow_stations; j++)
                p->came[j] = j == (p->dst == NET_ALL ? p->src : p->dst) ? t : -1;
            slow_next(x, station, t);
            return;
        }
        int slots = (int)sim_rng_below(&x->rng, 1u << (k < 10 ? k : 10));
        x->state = slots ? BACKS_OFF : WANTS;
        x->until = t + 512 * slots;
    } else if (x->state == BACKS_OFF) {
        x->state = WANTS;
    }
}

static void slow_tick(int t)
{
    for (uint32_t j = 0; j < slow_stations; j++) {
        struct slow *x = &slow[j];
        bool carrier = t > 0 && passes(j, t - 1, true);
        x->gap = carrier && (x->gap < 64 || x->gap >= 96) ? 0 : x->gap + 1;
        slow_end(x, j, t);
        x->on[t] = x->state == SENDS || x->state == JAMS;
    }
    for (uint32_t j = 0; j < slow_stations; j++) {
        struct slow *x = &slow[j];
        if (x->state != WANTS || x->gap < 96)
            continue;
        uint32_t flits = slow_packets[x->next].flits;
        x->state = SENDS;
        x->begun = t;
        x->until = t + 64 + 8 * (int)(flits < 64 ? 64 : flits);
        x->on[t] = true;
        x->gap = 96;
    }
    for (uint32_t j = 0; j < slow_stations; j++)
        if (slow[j].state == SENDS && passes(j, t, false)) {
            slow[j].state = JAMS;
            slow[j].until = (t > slow[j].begun + 64 ? t : slow[j].begun + 64) + 32;
        }
}

static void slow_run(void)
{
    for (uint32_t j = 0; j < slow_stations; j++) {
        struct slow *x = &slow[j];
        memset(x->on, 0, sizeof x->on);
        x->gap = 96;
        x->until = x->next = -1;
        sim_rng_init_indexed(&x->rng, s, "ethernet/station", j);
        slow_next(x, j, -1);
    }
    for (int t = 0; t <= TICKS; t++)
        slow_tick(t);
}

/* A place is a whole number of bits: that many times 29.98 m at the speed of light. */
static struct val *draw_places(uint64_t *r, uint32_t longest)
{
    struct val *places = val_new(VAL_LIST, NULL, 0);
    bool ends = longest > 4 && oracle_below(r, 2); /* they stand in two groups */
    for (uint32_t i = 0; i < slow_stations; i++) {
        slow[i].place = (int)oracle_below(r, longest + 1);
        if (ends)
            slow[i].place =
                slow[i].place % 2 ? slow[i].place % 5 : (int)longest - slow[i].place % 5;
        val_append(places, val_new_real(slow[i].place * 29.9792458, NULL, 0));
    }
    return places;
}

static void equals_bit_by_bit(uint64_t number)
{
    static const uint32_t lengths[] = { 0, 3, 40, 100, 239 };
    static struct trip trips[PACKETS];
    uint64_t r = number;
    struct ethernet_params p = cable(2 + (int64_t)oracle_below(&r, MOST - 1));
    uint32_t longest = lengths[oracle_below(&r, ARRAY_LEN(lengths))];
    slow_stations = (uint32_t)p.stations;
    slow_count = 1 + (uint32_t)oracle_below(&r, PACKETS);
    struct val *places = draw_places(&r, longest);
    p.velocity = 1;
    p.length = longest * 29.9792458;
    p.places = places;
    start(&p, number, number % 2 ? SIM_TIE_SHUFFLE : SIM_TIE_SEQUENCE, TICKS * BIT);
    terminals(slow_stations);
    int at = 0, latest[MOST] = { 0 };
    for (uint32_t k = 0; k < slow_count; k++) {
        at += (int)oracle_below(&r, oracle_below(&r, 3) ? 300 : 3000) *
              (int)oracle_below(&r, 2); /* many at one moment */
        slow_packets[k] = (struct slow_packet){ .src = (uint32_t)oracle_below(&r, slow_stations),
                                                .dst = (uint32_t)oracle_below(&r, slow_stations),
                                                .flits = 1 + (uint32_t)oracle_below(&r, 200),
                                                .at = at,
                                                .done = -1 };
        if (oracle_below(&r, 4) == 0)
            slow_packets[k].dst = NET_ALL;
        slow_packets[k].at =
            at > latest[slow_packets[k].src] ? at : latest[slow_packets[k].src] + 1;
        latest[slow_packets[k].src] = slow_packets[k].at; /* the order of its own counts */
        const struct slow_packet *q = &slow_packets[k];
        post(&trips[k], q->src, q->dst, q->flits, q->at * BIT);
    }
    slow_run();
    sim_run(s);
    for (uint32_t k = 0; k < slow_count; k++) {
        const struct slow_packet *q = &slow_packets[k];
        uint32_t calls = 0;
        for (uint32_t j = 0; j < slow_stations; j++) {
            int came = q->done < 0 || q->came[j] > TICKS ? -1 : q->came[j];
            calls += came >= 0;
            cr_assert_eq(trips[k].came[j], came < 0 ? -1 : came * BIT,
                         "case %lu, packet %u at %u: by bit %d, by event %ld",
                         (unsigned long)number, k, j, came, (long)(trips[k].came[j] / BIT));
        }
        cr_assert_eq(trips[k].calls, calls);
        if (calls > 0)
            cr_assert_eq(trips[k].status, q->given_up ? NET_DROPPED_COLLISIONS : NET_OK);
    }
    stop();
    for (uint32_t k = 0; k < slow_count; k++)
        sim_event_init(&trips[k].event, SIM_CLASS_SOFTWARE, depart);
    val_free(places);
}

Test(ethernet, equals_a_model_that_goes_bit_by_bit)
{
    for (uint64_t number = 1; number <= sample("ETHERNET", 120); number++)
        equals_bit_by_bit(number);
    equals_bit_by_bit(687); /* what has passed counts for who has waited since before */
}

/* ---- stations that always have a packet ---- */

struct full {
    struct net_packet p[2];
    uint32_t collisions; /* at the end of its latest attempt */
    uint64_t sent;
    sim_time back; /* when its backoff is over, by its own draws */
    struct sim_rng rng;
};
static struct full full[STATIONS];
static uint32_t full_stations;
static uint64_t out, lost, most_collisions;
enum { A_WINS, B_WINS, TIE };
static uint64_t captures[6][3];
static uint32_t state_of[2]; /* collisions of each of two stations, of one encounter */
static bool known[2];

static void again(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg;
    out += status == NET_OK;
    lost += status != NET_OK;
    cr_assert(status == NET_OK || status == NET_DROPPED_COLLISIONS);
    net_inject(n, p);
}

static void fill(uint32_t stations, uint32_t flits)
{
    full_stations = stations;
    out = lost = most_collisions = 0;
    for (uint32_t i = 0; i < stations; i++) {
        sim_rng_init_indexed(&full[i].rng, s, "ethernet/station", i);
        full[i].collisions = 0;
        full[i].sent = 0;
        full[i].back = 0;
        n->ops->set_terminal(n, i, &(struct net_terminal){ .receive = again });
        for (uint32_t k = 0; k < 2; k++) {
            full[i].p[k] =
                (struct net_packet){ .src = i, .dst = (i + 1) % stations, .flits = flits };
            net_inject(n, &full[i].p[k]);
        }
    }
}

/* Two stations: after one has sent, both begin at once: it has collided once, the other c times. */
static void count_capture(void *arg, uint32_t station, uint32_t collisions, bool sent)
{
    (void)arg;
    static uint32_t winner, c; /* of the encounter whose outcome is awaited; c 0: none */
    if (sent) {
        if (c >= 2 && c < 6)
            captures[c][station == winner ? A_WINS : B_WINS]++;
        c = 0;
        known[0] = known[1] = false;
        winner = station;
        return;
    }
    known[station] = true;
    state_of[station] = collisions;
    if (!known[0] || !known[1])
        return;
    known[0] = known[1] = false;
    if (c >= 2 && c < 6)
        captures[c][TIE]++;
    c = state_of[winner] == 1 ? state_of[1 - winner] : 0;
}

/* P(who has just sent sends again) = 1 - 3/2^(c+1): 5/8, 13/16, 29/32; a tie: 2^-c. */
Test(ethernet, two_full_stations_capture_the_channel_with_the_known_probabilities)
{
    struct ethernet_params p = cable(2);
    memset(captures, 0, sizeof captures);
    start(&p, 7, SIM_TIE_SEQUENCE, 600 * SIM_SEC);
    fill(2, 1518);
    ethernet_watch(n, count_capture, NULL);
    sim_run(s);
    for (int c = 2; c <= 4; c++) {
        double total = (double)(captures[c][A_WINS] + captures[c][B_WINS] + captures[c][TIE]);
        double wins = 1 - 3 / pow(2, c + 1), tie = pow(2, -c);
        cr_assert_gt(total, 1000, "%d: %g encounters", c, total);
        cr_assert_float_eq((double)captures[c][A_WINS] / total, wins,
                           3 * sqrt(wins * (1 - wins) / total), "%d: %g of %g", c,
                           (double)captures[c][A_WINS], total);
        cr_assert_float_eq((double)captures[c][TIE] / total, tie, 3 * sqrt(tie * (1 - tie) / total),
                           "%d: %g ties of %g", c, (double)captures[c][TIE], total);
    }
    stop();
}

/* Draws what the station draws: no attempt is over before its backoff and the shortest fragment,
 * and none begins later than the frame and the fragments that it finds on the cable are gone. */
static void check_backoff(void *arg, uint32_t station, uint32_t collisions, bool sent)
{
    struct full *f = &full[station];
    sim_time now = sim_now(s), length = (sent ? 576 : 96) * BIT;
    (void)arg;
    if (f->back > 0) {
        cr_assert_geq(now - length, f->back);
        cr_assert_leq(now, f->back + 2 * (576 + 96) * BIT + SLOT);
    }
    f->back = 0;
    if (collisions > most_collisions)
        most_collisions = collisions;
    if (sent) {
        f->sent++;
        f->collisions = 0;
        return;
    }
    cr_assert_eq(collisions, f->collisions % 16 + 1);
    f->collisions = collisions;
    if (collisions < 16)
        f->back = now + SLOT * (sim_time)sim_rng_below(&f->rng,
                                                       1u << (collisions < 10 ? collisions : 10));
}

Test(ethernet, backoff_is_truncated_and_a_packet_is_dropped_after_16_attempts)
{
    struct ethernet_params p = cable(STATIONS);
    start(&p, 3, SIM_TIE_SEQUENCE, 3 * SIM_SEC);
    fill(STATIONS, 64);
    ethernet_watch(n, check_backoff, NULL);
    sim_run(s);
    cr_assert_eq(most_collisions, 16);
    cr_assert_gt(lost, 10);
    cr_assert_gt(out, 10000);
    for (uint32_t i = 0; i < STATIONS; i++)
        cr_assert_gt(full[i].sent, 0, "station %u is starved", i);
    stop();
}

/* Share of time that bits of delivered frames take. */
static double utilisation(uint32_t stations, uint32_t bytes, sim_time length)
{
    struct ethernet_params p = cable(stations);
    start(&p, 11, SIM_TIE_SEQUENCE, length);
    fill(stations, bytes);
    sim_run(s);
    double share = (double)out * bytes * 8 * (double)BIT / (double)length;
    stop();
    return share;
}

/* E = P/(P + W T), W = (1-A)/A, A = (1-1/Q)^(Q-1) [Metcalfe & Boggs 1976], T one slot. */
static double metcalfe_boggs(uint32_t stations, uint32_t bytes)
{
    double q = stations, a = pow(1 - 1 / q, q - 1), packet = 8.0 * bytes;
    return packet / (packet + (1 - a) / a * 512);
}

/* [Boggs, Mogul & Kent 1988]: longer packets, more bits and fewer packets a second. */
Test(ethernet, saturated_carries_no_less_than_metcalfe_and_boggs)
{
    static const uint32_t stations[] = { 2, 3, 10, 32, 64 }, bytes[] = { 64, 256, 512, 1500 };
    for (size_t i = 0; i < ARRAY_LEN(stations); i++) {
        double before = 0;
        for (size_t k = 0; k < ARRAY_LEN(bytes); k++) {
            double got = utilisation(stations[i], bytes[k], 2 * SIM_SEC);
            double bits = 8.0 * bytes[k];
            cr_assert_geq(got, metcalfe_boggs(stations[i], bytes[k]), "%u of %u: %g", stations[i],
                          bytes[k], got);
            cr_assert_leq(got, bits / (bits + 64 + 96), "%u of %u: %g", stations[i], bytes[k], got);
            cr_assert_gt(got, before);
            if (k > 0)
                cr_assert_lt(got / bytes[k], before / bytes[k - 1]);
            before = got;
        }
    }
}

/* ---- what every network owes ---- */

#define MANY 2000
static struct trip many[MANY];
static uint32_t order[STATIONS][STATIONS], full_up;

static void in_order(void *arg, struct net_packet *p, enum net_status status)
{
    uint32_t number = (uint32_t)p->user, *before = &order[p->src][p->dst];
    take(arg, p, status);
    cr_assert_gt(number, *before);
    *before = number;
    full_up += status == NET_DROPPED_FULL;
    if (status == NET_OK && p->dst == 3 && number % 3)
        n->ops->taken(n, 3);
}

static uint64_t random_load(enum sim_tie tie, uint32_t room)
{
    uint64_t r = 99, hash = 0;
    sim_time at = 0, latest[20] = { 0 };
    struct ethernet_params p = cable(20);
    start(&p, 5, tie, 0);
    memset(order, 0, sizeof order);
    full_up = 0;
    for (uint32_t i = 0; i < 20; i++)
        n->ops->set_terminal(
            n, i, &(struct net_terminal){ .receive = in_order, .room = i == 3 ? room : 0 });
    for (uint32_t k = 0; k < MANY; k++) {
        at += (sim_time)oracle_below(&r, 3) * (sim_time)oracle_below(&r, (uint64_t)(300 * SIM_US));
        uint32_t src = (uint32_t)oracle_below(&r, 20);
        latest[src] = sim_time_max(at, latest[src] + 1); /* the order of its own counts */
        uint32_t dst = (uint32_t)oracle_below(&r, 20);
        post(&many[k], src, dst, 64 + (uint32_t)oracle_below(&r, 500), latest[src]);
        many[k].p.user = k + 1;
    }
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    for (uint32_t k = 0; k < MANY; k++) {
        cr_assert_eq(many[k].calls, 1);
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)many[k].done + many[k].status;
    }
    stop();
    return hash;
}

/* NET1, NET2, NET3; ETH1: many begin at one moment. */
Test(ethernet, each_packet_comes_once_and_in_order_whatever_the_order_of_events)
{
    uint64_t hash = random_load(SIM_TIE_SEQUENCE, 0);
    cr_assert_eq(full_up, 0);
    cr_assert_eq(random_load(SIM_TIE_SHUFFLE, 0), hash);
}

Test(ethernet, who_has_no_room_loses_the_packet)
{
    uint64_t hash = random_load(SIM_TIE_SEQUENCE, 4);
    cr_assert_gt(full_up, 10);
    cr_assert_eq(random_load(SIM_TIE_SHUFFLE, 4), hash);
}

/* The same places among a thousand idle stations: the same events. */
Test(ethernet, idle_stations_cost_nothing)
{
    uint64_t events[2];
    sim_time ends[2];
    for (int k = 0; k < 2; k++) {
        struct ethernet_params p = cable(k ? 1002 : 2);
        struct val *places = val_new(VAL_LIST, NULL, 0);
        for (int64_t i = 0; i < p.stations; i++)
            val_append(places, val_new_real(i < 2 ? 500.0 * (double)i : 250, NULL, 0));
        p.places = places;
        start(&p, 5, SIM_TIE_SEQUENCE, SIM_SEC);
        fill(2, 64);
        sim_run(s);
        events[k] = sim_events_fired(s);
        ends[k] = (sim_time)out;
        stop();
        val_free(places);
    }
    cr_assert_eq(events[0], events[1]);
    cr_assert_eq(ends[0], ends[1]);
}

/* ---- to all ---- */

/* Stations at one place and around it: each hears the last bit when light and the cable say so. */
Test(ethernet, a_packet_to_all_arrives_at_each_as_its_last_bit_passes)
{
    static const int metres[] = { 250, 0, 500, 250, 100, 400 };
    struct ethernet_params p = cable(ARRAY_LEN(metres));
    struct val *places = val_new(VAL_LIST, NULL, 0);
    struct trip t[3];
    for (size_t i = 0; i < ARRAY_LEN(metres); i++)
        val_append(places, val_new_int(metres[i], NULL, 0));
    p.places = places;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    terminals(ARRAY_LEN(metres));
    n->ops->set_terminal(n, 4, /* that never says that it has taken one */
                         &(struct net_terminal){ .receive = take, .arg = (void *)4, .room = 1 });
    for (uint32_t i = 0; i < 3; i++)
        post(&t[i], 0, i == 1 ? 4 : NET_ALL, 64, 0);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    sim_time first = (512 + 64) * BIT, period = first + 96 * BIT;
    for (uint32_t k = 0; k < 3; k += 2) {
        cr_assert_eq(t[k].calls, ARRAY_LEN(metres) - 1);
        cr_assert_eq(t[k].came[0], -1, "its source does not hear it");
        for (uint32_t i = 1; i < ARRAY_LEN(metres); i++) {
            double away = fabs(metres[i] - 250.0) / (0.77 * 299792458) * 1e12;
            double at = (double)(first + period * k) + away;
            cr_assert_leq(fabs((double)t[k].came[i] - at), 1, "%u at %u", k, i);
        }
    }
    cr_assert_eq(t[1].status, NET_DROPPED_FULL);
    cr_assert_eq(n->dropped[NET_DROPPED_FULL], 2, "one of its own, and one to all");
    stop();
    val_free(places);
    p = cable(1);
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    terminals(1);
    post(&t[0], 0, NET_ALL, 64, 0);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_eq(t[0].status, NET_DROPPED_NOBODY);
    cr_assert_eq(t[0].came[0], first);
    stop();
}

Test(ethernet, a_packet_to_all_that_is_given_up_is_lost_for_all)
{
    static struct trip t[150];
    struct ethernet_params p = cable(ARRAY_LEN(t));
    uint32_t given_up = 0;
    start(&p, 2, SIM_TIE_SEQUENCE, 0);
    terminals(ARRAY_LEN(t));
    for (uint32_t i = 0; i < ARRAY_LEN(t); i++)
        post(&t[i], i, NET_ALL, 1518, 0);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    for (uint32_t i = 0; i < ARRAY_LEN(t); i++) {
        bool lost_it = t[i].status == NET_DROPPED_COLLISIONS;
        given_up += lost_it;
        cr_assert_eq(t[i].calls, lost_it ? 1 : ARRAY_LEN(t) - 1);
        cr_assert_eq(t[i].told == i, lost_it, "only its source is told");
        cr_assert_eq(t[i].left, 0);
    }
    cr_assert_gt(given_up, 10);
    stop();
}

#define HOSTS 5
static struct nic *hosts[HOSTS];
static uint64_t heard[HOSTS], heard_hash[HOSTS];
static uint32_t heard_dst;

static void hear(void *arg, struct nic_frame *f)
{
    uintptr_t me = (uintptr_t)arg;
    cr_assert_eq(f->src, 2);
    heard_dst = f->dst;
    heard[me]++;
    heard_hash[me] = rope_hash(&f->data);
    struct rope mine; /* what one does with its copy is nothing to the others */
    rope_move(&mine, &f->data);
    rope_fini(&mine);
}

static enum nic_result tell_all(uint64_t bytes, uint64_t *hash)
{
    struct rope r;
    rope_init(&r);
    rope_add_pattern(&r, 7, 0, bytes);
    *hash = rope_hash(&r);
    enum nic_result got = nic_send(hosts[2], NET_ALL, &r, 0);
    rope_fini(&r);
    return got;
}

Test(ethernet, a_frame_to_all_is_a_frame_of_each_interface_that_is_up)
{
    struct ethernet_params p = cable(HOSTS);
    struct nic_params params;
    struct err e = ERR_INIT;
    uint64_t hash;
    cr_assert(param_load(nic_params_desc, &params, NULL, "nic", &e), "%s", e.text);
    params.header_flits = 18;
    params.packet_bytes = 1500;
    params.setup_above = 100; /* who reserves asks nobody before it tells all */
    params.receive_packets = 1;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    for (uint32_t i = 0; i < HOSTS; i++) {
        hosts[i] = nic_create(s, n, i, (int32_t)i, &params, NULL, 0, &e);
        cr_assert(hosts[i], "%s", e.text);
        nic_set_handler(hosts[i],
                        &(struct nic_handler){ .receive = hear, .arg = (void *)(uintptr_t)i });
    }
    nic_down(hosts[3]);
    cr_assert_eq(tell_all(1501, &hash), NIC_TOO_LONG);
    for (uint64_t k = 1; k <= 3; k++) {
        cr_assert_eq(tell_all(500 * k, &hash), NIC_OK);
        cr_assert_eq(sim_run(s), SIM_END_IDLE);
        for (uint32_t i = 0; i < HOSTS; i++) {
            cr_assert_eq(heard[i], i == 2 || i == 3 ? 0 : k, "%u", i);
            cr_assert(heard[i] == 0 || heard_hash[i] == hash);
        }
        cr_assert_eq(heard_dst, NET_ALL);
    }
    struct nic_counts c;
    nic_counts(hosts[3], &c);
    cr_assert_eq(c.frames_dropped_down, 3);
    nic_counts(hosts[2], &c);
    cr_assert_eq(c.frames_in, 3);
    for (uint32_t i = 0; i < HOSTS; i++)
        nic_destroy(hosts[i]);
    stop();
}

static void refused(const struct ethernet_params *p, const char *part)
{
    struct err e = ERR_INIT;
    struct sim *sim = sim_create(NULL);
    cr_assert_null(net_ethernet.create(sim, p, &e));
    cr_assert(strstr(e.text, part), "%s", e.text);
    sim_destroy(sim);
}

Test(ethernet, refuses_what_cannot_be)
{
    struct ethernet_params p = cable(3);
    p.length = 5600; /* 2 x 24.258 us and 3.2 us of jam */
    refused(&p, "up to 5540 m");
    p.length = 5500;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    struct nic_params nic;
    struct err e = ERR_INIT;
    cr_assert(param_load(nic_params_desc, &nic, NULL, "nic", &e), "%s", e.text);
    nic.header_flits = 18;
    nic.packet_bytes = 1501;
    cr_assert_null(nic_create(s, n, 0, 0, &nic, NULL, 0, &e));
    cr_assert(strstr(e.text, "allowed are 1500 bytes"), "%s", e.text);
    nic.packet_bytes = 1500;
    struct nic *good = nic_create(s, n, 0, 0, &nic, NULL, 0, &e);
    cr_assert(good);
    nic_destroy(good);
    stop();
    struct val *places = val_new(VAL_LIST, NULL, 0);
    p.places = places;
    refused(&p, "a list of 3 places");
    for (int i = 0; i < 3; i++)
        val_append(places, val_new_int(2750 * i + (i == 2), NULL, 0));
    refused(&p, "not on the cable: 0 to 5500 m");
    val_free(places);
}
