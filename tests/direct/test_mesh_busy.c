/* test_mesh_busy.c: busy time of every channel in the window: worm against flit.
 *
 * A channel is busy while flits cross it: flits x flit time, never the time that a stopped worm
 * holds it.  flit books each; worm books those of a packet as one stretch that ends with the tail,
 * so an edge of the window that falls between its header and its tail may cut it elsewhere.  An
 * edge cuts one packet of a channel at most: the difference is below its flit time.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sim/server.h"
#include "tests/direct/bench_net.h"

enum { NODES = 16, SEEDS = 6 };

struct shares {
    size_t count;
    sim_time busy[NODES * 8];
};

static void take(void *arg, const struct sim_busy *b)
{
    struct shares *x = arg;
    if (b->kind == SIM_KIND_CHANNEL)
        x->busy[x->count++] = sim_busy_time(b, sim_now(b->sim));
}

static struct shares shares_of(const struct net_ops *net, const char *workload, uint64_t seed)
{
    struct bench_net b;
    struct shares x = { 0 };
    cr_assert(bench_start(&b, net, "rows=4 columns=4", &direct_mesh_load, workload, seed), "%s",
              b.err.text);
    bench_run(&b);
    sim_busy_each(b.sim, take, &x);
    bench_stop(&b);
    return x;
}

static sim_time difference(const char *workload, sim_time most)
{
    sim_time worst = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct shares w = shares_of(&net_worm, workload, seed);
        struct shares f = shares_of(&net_flit, workload, seed);
        cr_assert_eq(w.count, f.count);
        cr_assert_gt(w.count, 0);
        for (size_t i = 0; i < w.count; i++) {
            sim_time d = w.busy[i] > f.busy[i] ? w.busy[i] - f.busy[i] : f.busy[i] - w.busy[i];
            worst = sim_time_max(worst, d);
            cr_assert_leq(d, most, "seed %d, channel %zu: %lld and %lld ps", (int)seed, i,
                          (long long)w.busy[i], (long long)f.busy[i]);
        }
    }
    return worst;
}

/* Two edges, each with one packet; what is seen is a part of that. */
Test(mesh_busy, worm_and_flit_differ_by_the_packets_that_the_edges_cut)
{
    static const struct {
        int flits;
        const char *work;
    } cases[] = {
        { 50, "pattern=transpose load=0.9 packet_flits=50 warmup=3us measure=7us" },
        { 200, "pattern=hotspot hot_share=0.2 load=0.9 packet_flits=200 warmup=5us measure=20us" },
        { 5000, "load=0.9 packet_flits=5000 warmup=100us measure=200us drain=0" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        sim_time packet = cases[i].flits * (10 * SIM_NS);
        sim_time worst = difference(cases[i].work, 2 * packet);
        cr_assert_gt(worst, 0);
    }
}

/* Packets that none stands in the way of: whatever the window cuts. */
Test(mesh_busy, nothing_differs_where_no_packet_stops)
{
    (void)difference("pattern=list destinations=1,2,3,3,5,6,7,7,9,10,11,11,13,14,15,15 load=0.2 "
                     "packet_flits=40 warmup=1003ns measure=5777ns",
                     0);
}
