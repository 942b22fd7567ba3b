/* test_switched.c: the switch against a model that goes frame by frame, and against closed forms of
 * its queues. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "mesh/lan/ethernet.h"
#include "mesh/lan/switched.h"
#include "sim/audit.h"
#include "sim/rng.h"
#include "tests/mesh/oracle.h"
#include "tests/mesh/trips.h"
#include "tests/sample.h"

static struct switched_params stations(int64_t count)
{
    struct switched_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(switched_params_desc, &p, NULL, "mesh", &e), "%s", e.text);
    p.stations = count;
    return p;
}

/* Preamble and frame, of 64 bytes at least. */
static sim_time frame_time(uint32_t flits, sim_time bit)
{
    return (64 + 8 * (sim_time)(flits < 64 ? 64 : flits)) * bit;
}

/* 100 m at 0.6 c: 0.555940 us.  100 bytes: 86.4 us at 10 Mb/s, 8.64 us at 100. */
Test(switched, a_lone_frame_takes_both_links_and_the_switch_to_the_picosecond)
{
    for (int duplex = 0; duplex < 2; duplex++) {
        struct switched_params p = stations(5);
        struct trip t[4];
        struct val *bits = val_new(VAL_LIST, NULL, 0);
        for (int i = 0; i < 5; i++)
            val_append(bits, val_new_string(i == 4 ? "10ns" : "100ns", NULL, 0));
        p.duplex = duplex;
        p.forwarding = 10 * SIM_US;
        p.bit_times = bits;
        trips_start(&net_switched, &p, 1, SIM_TIE_SEQUENCE, 0);
        trips_terminals(5);
        trips_post(&t[0], 0, 4, 100, 777);
        trips_post(&t[1], 4, 0, 100, SIM_MS);
        trips_post(&t[2], 2, 2, 1, 2 * SIM_MS);
        trips_post(&t[3], 3, NET_ALL, 1518, 3 * SIM_MS);
        cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
        sim_time link = 555940 * SIM_PS, ten = 86400 * SIM_NS, hundred = 8640 * SIM_NS;
        cr_assert_eq(t[0].sent, 777 + ten);
        cr_assert_eq(t[0].done, 777 + ten + hundred + 2 * link + 10 * SIM_US);
        cr_assert_eq(t[1].sent, SIM_MS + hundred);
        cr_assert_eq(t[1].done, SIM_MS + ten + hundred + 2 * link + 10 * SIM_US);
        cr_assert_eq(t[2].done, 2 * SIM_MS + 2 * 57600 * SIM_NS + 2 * link + 10 * SIM_US);
        sim_time at = 3 * SIM_MS + 1220800 * SIM_NS + 2 * link + 10 * SIM_US;
        for (uint32_t i = 0; i < 5; i++)
            cr_assert_eq(t[3].came[i],
                         i == 3 ? 0 : at + (i == 4 ? 122080 * SIM_NS : 1220800 * SIM_NS));
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(t[k].p.blocked, 0);
            cr_assert_eq(t[k].done - t[k].at, trips_net->ops->zero_load(trips_net, t[k].p.src,
                                                                        t[k].p.dst, t[k].p.flits));
        }
        trips_stop();
        val_free(bits);
    }
}

/* ---- the model that goes frame by frame ---- */

#define MOST 8
#define PACKETS 80

struct slow_frame {
    uint32_t src, dst, flits;
    sim_time at, due;
    sim_time came[MOST]; /* 0: has not; -1: lost at the output */
};
static struct slow_frame slow_frames[PACKETS];
static uint32_t slow_stations, slow_count;
static sim_time slow_bits[MOST];

static int by_due(const void *a, const void *b)
{
    const struct slow_frame *x = *(struct slow_frame *const *)a;
    const struct slow_frame *y = *(struct slow_frame *const *)b;
    return x->due != y->due ? (x->due > y->due) - (x->due < y->due)
                            : (x->src > y->src) - (x->src < y->src);
}

/* Its place in the output's queue, from when the frames before it end. */
static sim_time slow_output(uint32_t port, const struct slow_frame *f, int64_t most)
{
    static sim_time ends[MOST][PACKETS];
    static size_t counts[MOST];
    if (f == NULL) {
        for (uint32_t j = 0; j < MOST; j++)
            counts[j] = 0;
        return 0;
    }
    int64_t held = 0;
    sim_time start = f->due;
    for (size_t i = 0; i < counts[port]; i++) {
        held += ends[port][i] > f->due;
        start = sim_time_max(start, ends[port][i] + 96 * slow_bits[port]);
    }
    if (most > 0 && held >= most)
        return -1;
    return ends[port][counts[port]++] = start + frame_time(f->flits, slow_bits[port]);
}

static void slow_run(const struct switched_params *p, sim_time delay)
{
    struct slow_frame *order[PACKETS] = { NULL };
    sim_time seen[MOST], free_at[MOST] = { 0 };
    for (uint32_t k = 0; k < slow_count; k++) {
        struct slow_frame *f = order[k] = &slow_frames[k];
        sim_time start = sim_time_max(f->at, free_at[f->src]);
        sim_time end = start + frame_time(f->flits, slow_bits[f->src]);
        free_at[f->src] = end + 96 * slow_bits[f->src];
        f->due = end + delay + p->forwarding;
    }
    qsort(order, slow_count, sizeof order[0], by_due);
    slow_output(0, NULL, 0);
    for (uint32_t j = 0; j < MOST; j++)
        seen[j] = -1;
    for (uint32_t k = 0; k < slow_count; k++) {
        struct slow_frame *f = order[k];
        seen[f->src] = f->due;
        bool known =
            f->dst != NET_ALL && (p->table == SWITCHED_KNOWN ||
                                  (seen[f->dst] >= 0 && f->due - seen[f->dst] < p->ageing));
        for (uint32_t j = 0; j < slow_stations; j++) {
            if (known ? j != f->dst : j == f->src)
                continue;
            sim_time end = slow_output(j, f, p->queue_frames);
            if (f->dst == NET_ALL || f->dst == j)
                f->came[j] = end < 0 ? -1 : end + delay;
        }
    }
}

static void equals_frame_by_frame(uint64_t number)
{
    static struct trip trips[PACKETS];
    uint64_t r = number;
    struct switched_params p = stations(1 + (int64_t)oracle_below(&r, MOST));
    slow_stations = (uint32_t)p.stations;
    slow_count = 1 + (uint32_t)oracle_below(&r, PACKETS);
    struct val *bits = val_new(VAL_LIST, NULL, 0);
    bool mixed = oracle_below(&r, 2);
    for (uint32_t j = 0; j < slow_stations; j++) {
        slow_bits[j] = mixed && oracle_below(&r, 2) ? 10 * SIM_NS : 100 * SIM_NS;
        val_append(bits, val_new_string(slow_bits[j] == 10 * SIM_NS ? "10ns" : "100ns", NULL, 0));
    }
    p.bit_times = bits;
    p.length = oracle_below(&r, 2) ? 0 : 90;
    p.forwarding = oracle_below(&r, 2) ? 0 : 7 * SIM_US;
    p.table = oracle_below(&r, 2) ? SWITCHED_LEARNED : SWITCHED_KNOWN;
    p.ageing = oracle_below(&r, 2) ? SIM_MS : 300 * SIM_SEC;
    p.queue_frames = (int64_t)oracle_below(&r, 6);
    sim_time at = 0, latest[MOST] = { 0 }, unit = 96 * 100 * SIM_NS;
    trips_start(&net_switched, &p, number, number % 2 ? SIM_TIE_SHUFFLE : SIM_TIE_SEQUENCE, 0);
    trips_terminals(slow_stations);
    for (uint32_t k = 0; k < slow_count; k++) {
        if (oracle_below(&r, 3) == 0) /* of lengths that meet again */
            at += (sim_time)oracle_below(&r, oracle_below(&r, 9) ? 10 : 200) * unit;
        uint32_t src = (uint32_t)oracle_below(&r, slow_stations);
        bool all = slow_stations > 1 && oracle_below(&r, 6) == 0;
        latest[src] = sim_time_max(at, latest[src] + 1);
        slow_frames[k] =
            (struct slow_frame){ .src = src,
                                 .dst = all ? NET_ALL : (uint32_t)oracle_below(&r, slow_stations),
                                 .flits =
                                     oracle_below(&r, 2) ? 64 : 1 + (uint32_t)oracle_below(&r, 600),
                                 .at = latest[src] };
        trips_post(&trips[k], src, slow_frames[k].dst, slow_frames[k].flits, latest[src]);
    }
    slow_run(&p, p.length > 0 ? (sim_time)llround(90 / (0.6 * 299792458) * 1e12) : 0);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    for (uint32_t k = 0; k < slow_count; k++) {
        const struct slow_frame *f = &slow_frames[k];
        if (f->dst == NET_ALL) {
            cr_assert_eq(trips[k].calls, slow_stations - 1);
            for (uint32_t j = 0; j < slow_stations; j++)
                cr_assert_eq(trips[k].came[j], f->came[j] < 0 ? 0 : f->came[j],
                             "case %lu, frame %u at %u", (unsigned long)number, k, j);
            continue;
        }
        cr_assert_eq(trips[k].calls, 1);
        cr_assert_eq(trips[k].status, f->came[f->dst] < 0 ? NET_DROPPED_QUEUE : NET_OK,
                     "case %lu, frame %u", (unsigned long)number, k);
        if (f->came[f->dst] > 0)
            cr_assert_eq(trips[k].done, f->came[f->dst], "case %lu, frame %u: %ld, not %ld",
                         (unsigned long)number, k, (long)trips[k].done, (long)f->came[f->dst]);
    }
    trips_stop();
    val_free(bits);
}

/* SWITCHED1, SWITCHED2 */
Test(switched, equals_a_model_that_goes_frame_by_frame)
{
    for (uint64_t number = 1; number <= sample("SWITCHED", 500); number++)
        equals_frame_by_frame(number);
}

/* ---- queues of outputs ---- */

#define SLOT ((64 + 8 * 64 + 96) * 100 * SIM_NS)
#define BATCHES 20
static double waits[BATCHES];
static uint64_t waited[BATCHES], offered, refused;

struct tick {
    struct sim_event event;
    uint32_t slots, left, count;
    double p;
    struct sim_rng rng;
};

static void note_wait(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg;
    refused += status == NET_DROPPED_QUEUE;
    if (status == NET_OK) {
        waits[p->user] += (double)p->blocked / (double)SLOT;
        waited[p->user]++;
    }
    free(p);
}

/* In each slot each station has a frame with probability p, to any station, itself too. */
static void tick(struct sim *s, struct sim_event *e)
{
    struct tick *t = CONTAINER_OF(e, struct tick, event);
    uint32_t batch = (t->slots - t->left) / (t->slots / BATCHES);
    for (uint32_t i = 0; i < t->count; i++) {
        if (!sim_rng_chance(&t->rng, t->p))
            continue;
        struct net_packet *p = base_zalloc(1, sizeof(*p));
        *p = (struct net_packet){ .src = i,
                                  .dst = (uint32_t)sim_rng_below(&t->rng, t->count),
                                  .flits = 64,
                                  .user = batch < BATCHES ? batch : BATCHES - 1 };
        offered++;
        net_inject(trips_net, p);
    }
    if (--t->left > 0)
        sim_after(s, e, SLOT);
}

static void run_slots(uint32_t count, double p, uint32_t slots, int64_t queue_frames)
{
    struct tick t = { .slots = slots, .left = slots, .count = count, .p = p };
    struct switched_params params = stations(count);
    params.table = SWITCHED_KNOWN;
    params.queue_frames = queue_frames;
    offered = refused = 0;
    for (int b = 0; b < BATCHES; b++) {
        waits[b] = 0;
        waited[b] = 0;
    }
    trips_start(&net_switched, &params, 1, SIM_TIE_SEQUENCE, 0);
    for (uint32_t i = 0; i < count; i++)
        trips_net->ops->set_terminal(trips_net, i, &(struct net_terminal){ .receive = note_wait });
    sim_rng_init_indexed(&t.rng, trips_sim, "slots", 0);
    sim_event_init(&t.event, SIM_CLASS_SOFTWARE, tick);
    sim_after(trips_sim, &t.event, SLOT);
    sim_run(trips_sim);
    trips_stop();
}

/* W = (N - 1)/N p/(2 (1 - p)) slots: N inputs of equal slots, outputs drawn evenly. */
Test(switched, waits_of_an_output_are_those_of_binomial_arrivals)
{
    static const struct {
        uint32_t n;
        double p;
    } rows[] = { { 2, 0.5 }, { 4, 0.8 }, { 16, 0.5 }, { 16, 0.8 } };
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        double n = rows[k].n, p = rows[k].p, mean = 0, square = 0;
        run_slots(rows[k].n, p, 400000 / rows[k].n, 0);
        for (int b = 0; b < BATCHES; b++) {
            double x = waits[b] / (double)waited[b];
            mean += x / BATCHES;
            square += x * x / BATCHES;
        }
        double error = sqrt((square - mean * mean) / (BATCHES - 1));
        cr_assert_float_eq(mean, (n - 1) / n * p / (2 * (1 - p)), 3 * error, "%g at %g: %g +- %g",
                           n, p, mean, error);
        cr_assert_lt(error, 0.1 * mean);
        cr_assert_eq(refused, 0);
    }
}

/* The chain of one output with room for k frames, slot by slot: the share that finds it full. */
static double loss_of_chain(uint32_t n, double p, int64_t k)
{
    double at[64] = { 1 }, next[64], batch[33], lost = 0;
    for (uint32_t a = 0; a <= n; a++)
        batch[a] = exp(lgamma(n + 1.0) - lgamma(a + 1.0) - lgamma(n - a + 1.0)) * pow(p / n, a) *
                   pow(1 - p / n, n - a);
    for (int slot = 0; slot < 2000; slot++) {
        lost = 0;
        for (int64_t q = 0; q <= k; q++)
            next[q] = 0;
        for (int64_t q = 0; q < k; q++)
            for (uint32_t a = 0; a <= n; a++) {
                int64_t held = q + a > k ? k : q + a;
                lost += at[q] * batch[a] * (double)(q + a - held);
                next[held > 0 ? held - 1 : 0] += at[q] * batch[a];
            }
        for (int64_t q = 0; q <= k; q++)
            at[q] = next[q];
    }
    return lost / p;
}

Test(switched, a_bounded_output_loses_what_its_chain_says)
{
    static const int64_t rooms[] = { 1, 2, 4, 8 };
    double before = 1;
    for (size_t k = 0; k < ARRAY_LEN(rooms); k++) {
        run_slots(16, 0.8, 20000, rooms[k]);
        double share = (double)refused / (double)offered, want = loss_of_chain(16, 0.8, rooms[k]);
        /* Losses come in bunches: five errors of single ones. */
        cr_assert_float_eq(share, want, 5 * sqrt(want / (double)offered), "%ld: %g, not %g",
                           (long)rooms[k], share, want);
        cr_assert_lt(share, before / 2 + (rooms[k] == 1));
        before = share;
    }
}

/* ---- half duplex ---- */

/* Nobody talks back: no link has two senders at once, and all is as in full duplex. */
Test(switched, half_duplex_is_full_duplex_where_traffic_goes_one_way)
{
    static struct trip t[2][60];
    for (int duplex = 0; duplex < 2; duplex++) {
        struct switched_params p = stations(6);
        uint64_t r = 7;
        p.table = SWITCHED_KNOWN;
        p.duplex = duplex;
        trips_start(&net_switched, &p, 1, SIM_TIE_SEQUENCE, 0);
        trips_terminals(6);
        for (uint32_t k = 0; k < 60; k++)
            trips_post(&t[duplex][k], k % 3, 3 + (uint32_t)oracle_below(&r, 3),
                       64 + (uint32_t)oracle_below(&r, 900),
                       (sim_time)oracle_below(&r, 9) * SIM_MS + (sim_time)k);
        cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
        trips_stop();
    }
    for (uint32_t k = 0; k < 60; k++) {
        cr_assert_eq(t[0][k].sent, t[1][k].sent);
        cr_assert_eq(t[0][k].done, t[1][k].done, "%u", k);
    }
}

/* Two stations that are full both ways.  In half duplex each frame crosses two cables, each with
 * two full stations: together no more than one sender; in full duplex as many as two. */
Test(switched, half_duplex_shares_a_link_and_full_duplex_does_not)
{
    uint64_t out[2][64] = { 0 };
    for (int duplex = 0; duplex < 2; duplex++) {
        struct switched_params p = stations(2);
        p.table = SWITCHED_KNOWN;
        p.duplex = duplex;
        p.queue_frames = 0;
        trips_start(&net_switched, &p, 1, SIM_TIE_SEQUENCE, 10 * SIM_SEC);
        trips_saturate(2, 1518, 20, out[duplex]);
        trips_stop();
    }
    double one = 10 / 1230.4e-6; /* frames of one sender in 10 s */
    cr_assert_float_eq((double)out[0][0], one, 3);
    cr_assert_float_eq((double)out[0][1], one, 3);
    double both = (double)(out[1][0] + out[1][1]);
    cr_assert_lt(both, one);
    cr_assert_gt(both, 0.9 * one); /* Metcalfe and Boggs: 0.96 for two stations */
}

/* ---- what every network owes ---- */

Test(switched, each_packet_comes_once_and_in_order_whatever_the_order_of_events)
{
    for (int duplex = 0; duplex < 2; duplex++) {
        struct switched_params p = stations(20);
        uint32_t lost;
        p.queue_frames = 0;
        p.duplex = duplex;
        uint64_t hash =
            trips_random(&net_switched, &p, 20, 600, 60 * SIM_US, SIM_TIE_SEQUENCE, 0, &lost);
        cr_assert_eq(lost, 0);
        cr_assert_eq(
            trips_random(&net_switched, &p, 20, 600, 60 * SIM_US, SIM_TIE_SHUFFLE, 0, NULL), hash);
        hash = trips_random(&net_switched, &p, 20, 600, 60 * SIM_US, SIM_TIE_SEQUENCE, 4, &lost);
        cr_assert_gt(lost, 10);
        cr_assert_eq(
            trips_random(&net_switched, &p, 20, 600, 60 * SIM_US, SIM_TIE_SHUFFLE, 4, NULL), hash);
    }
}

Test(switched, refuses_what_cannot_be)
{
    struct switched_params p = stations(2);
    struct val *list = val_new(VAL_LIST, NULL, 0);
    p.bit_times = list;
    trips_refused(&net_switched, &p, "mesh.bit_times: must be a list of 2 times, one a station");
    val_append(list, val_new_string("10ns", NULL, 0));
    val_append(list, val_new_int(0, NULL, 0));
    trips_refused(&net_switched, &p, "mesh.bit_times: the time of a bit is 1ps at least");
    p.bit_times = NULL;
    p.duplex = SWITCHED_HALF;
    p.length = 4800;
    trips_refused(&net_switched, &p, "mesh.length: on 4800 m a collision may come after the slot");
    val_free(list);
}
