/* test_mesh_compare.c: the mapping of docs/models/mesh.md on a router described in cycles.
 *
 * The router, stage by stage, in cycles after a flit is sent into a channel:
 *     +1 on the channel, +1 read from it (a channel takes 2),
 *     at once its output is allocated (or: routing one cycle, virtual channel one cycle, then the
 *     switch), +1 through the switch, and it is sent into the next channel.
 * So from switch to switch a flit takes 1 + 2 cycles; a slot is used again 2 cycles after its flit
 * won the switch; the terminal takes a flit 3 cycles after it won the last switch, and its credit
 * is back 2 cycles later.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/direct/bench_net.h"

#define ROUTER                                                                                     \
    "flit_time=1ns routing_at=front crossbar=1ns wire=2ns credit=2ns injection_delay=2ns "         \
    "ejection_delay=3ns ejection_credits=true "

static const struct pipeline {
    const char *mesh;
    int cycles; /* a router */
} pipelines[] = {
    { ROUTER "routing=0 allocation=0 ", 3 },     /* allocations in one cycle */
    { ROUTER "routing=0 allocation=1ns ", 4 },   /* virtual channel, then switch */
    { ROUTER "routing=1ns allocation=1ns ", 5 }, /* routing besides */
};

static struct bench_net b;

static void run(const struct net_ops *net, const char *mesh, const struct direct_ops *direct,
                const char *workload)
{
    cr_assert(bench_start(&b, net, mesh, direct, workload, 1), "%s", b.err.text);
    bench_run(&b);
}

/* All terminals but src send to themselves, and so stay silent. */
static double makespan_of_one(const char *router, uint32_t src, uint32_t dst, int flits)
{
    char mesh[256], work[512], list[300];
    size_t used = 0;
    for (uint32_t i = 0; i < 64; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%u,", i == src ? dst : i);
    snprintf(mesh, sizeof(mesh), "%srows=8 columns=8", router);
    snprintf(work, sizeof(work), "pattern=list packet_flits=%d destinations=%s", flits, list);
    run(&net_worm, mesh, &direct_mesh_batch, work);
    double got = bench_value(&b, "makespan_cycles");
    bench_stop(&b);
    return got;
}

Test(mesh_compare, a_packet_alone_takes_c_h_plus_2_plus_l_minus_1_cycles)
{
    /* From (0,0) to (7,7): 14 channels, 15 routers.  Header with c = 3: sent at 0, read by the
     * first router at 2, by the others at 5, 8, ..., 44, by the terminal at 47 = 2 + 15 * 3.  The
     * tail of 8 flits 7 later: 54.  c = 4: 2 + 60 + 7 = 69; c = 5: 2 + 75 + 7 = 84. */
    static const int far[] = { 54, 69, 84 };
    static const uint32_t sources[] = { 0, 9, 37, 63 };
    for (size_t k = 0; k < ARRAY_LEN(pipelines); k++) {
        cr_assert_eq(makespan_of_one(pipelines[k].mesh, 0, 63, 8), far[k]);
        for (size_t s = 0; s < ARRAY_LEN(sources); s++) {
            for (uint32_t dst = 0; dst < 64; dst++) {
                int x = abs((int)(sources[s] % 8) - (int)(dst % 8));
                int y = abs((int)(sources[s] / 8) - (int)(dst / 8));
                int flits = 1 + (int)dst % 7;
                if (dst == sources[s])
                    continue;
                double want = pipelines[k].cycles * (x + y + 1) + 2 + flits - 1;
                cr_assert_eq(makespan_of_one(pipelines[k].mesh, sources[s], dst, flits), want);
            }
        }
    }
}

Test(mesh_compare, a_slot_is_used_again_after_5_cycles_so_that_b_slots_carry_b_flits_in_5)
{
    /* 101 flits over one channel: every B flits wait 5 - B cycles, (L-1) div B times. */
    static const int depths[] = { 1, 2, 3, 4, 5, 8 };
    for (size_t d = 0; d < ARRAY_LEN(depths); d++) {
        char router[300];
        int depth = depths[d], gap = depth < 5 ? 5 - depth : 0;
        int want = 3 * 2 + 2 + 100 + 100 / depth * gap;
        snprintf(router, sizeof(router), "%sfifo_flits=%d ", pipelines[0].mesh, depth);
        cr_assert_eq(makespan_of_one(router, 0, 1, 101), want);
    }
}

Test(mesh_compare, a_hot_terminal_takes_b_flits_in_5_cycles_and_one_a_cycle_with_5_slots)
{
    static const int depths[] = { 4, 5, 8 };
    for (size_t d = 0; d < ARRAY_LEN(depths); d++) {
        char mesh[300];
        snprintf(mesh, sizeof(mesh), "%srows=4 columns=4 fifo_flits=%d", pipelines[0].mesh,
                 depths[d]);
        run(&net_worm, mesh, &direct_mesh_load,
            "pattern=hotspot hot=5, hot_share=1 self_sends=true load=0.9 packet_flits=1 "
            "warmup=500ns measure=10us drain=0");
        cr_assert_float_eq(bench_value(&b, "taken_most"), depths[d] < 5 ? depths[d] / 5.0 : 1,
                           0.002);
        cr_assert_eq(bench_value(&b, "taken_least"), 0);
        bench_stop(&b);
    }
}

Test(mesh_compare, a_virtual_channel_allocated_first_idles_a_channel_one_cycle_a_packet)
{
    /* 0 sends 50 packets of L flits to 1: one every L cycles, or L + 1; behind the one before in
     * its FIFO a header is routed at the front, which takes one more. */
    for (size_t k = 0; k < ARRAY_LEN(pipelines); k++) {
        for (int flits = 1; flits <= 6; flits++) {
            char work[128], mesh[256];
            snprintf(mesh, sizeof(mesh), "%srows=1 columns=2", pipelines[k].mesh);
            snprintf(work, sizeof(work),
                     "pattern=list destinations=1,1, packets=50 packet_flits=%d", flits);
            run(&net_worm, mesh, &direct_mesh_batch, work);
            int each = flits + pipelines[k].cycles - 3;
            double want = 2 * pipelines[k].cycles + 2 + flits - 1 + 49.0 * each;
            cr_assert_eq(bench_value(&b, "makespan_cycles"), want, "%zu, %d flits: %g not %g", k,
                         flits, bench_value(&b, "makespan_cycles"), want);
            bench_stop(&b);
        }
    }
}

Test(mesh_compare, uniform_traffic_with_self_sends_passes_2_k_minus_1_over_k_thirds_plus_1_routers)
{
    /* The mean of |x - x'| over all pairs of 0..k-1 is (k^2 - 1) / 3k. */
    char mesh[300];
    for (int k = 4; k <= 16; k *= 2) {
        snprintf(mesh, sizeof(mesh), "%srows=%d columns=%d", pipelines[0].mesh, k, k);
        run(&net_worm, mesh, &direct_mesh_load,
            "self_sends=true load=0.02 packet_flits=1 warmup=1us measure=40us");
        double hops = 2 * (k * k - 1) / (3.0 * k) + 1;
        cr_assert_float_eq(bench_value(&b, "hops"), hops, 0.01 * hops);
        cr_assert_float_eq(bench_value(&b, "latency_cycles"), 3 * hops + 2, 0.02 * (3 * hops + 2));
        bench_stop(&b);
    }
}

/* Makespans of batches as the other simulator gives them, which counts the last cycle whole. */
static const struct {
    const char *mesh, *work;
    double cycles;
} batches[] = {
    /* wait_for_tail_credit: the terminal's too.  The tail crosses the second router at
     * 2 + 3 + 3 cycles; its credit is back after 5. */
    { "routing=0 fifo=empty rows=1 columns=2",
      "pattern=hotspot hot=1, hot_share=1 self_sends=true packets=2 packet_flits=4", 33 },
    /* priority = age: packets of one age in turn. */
    { "routing=0 arbitration=age rows=4 columns=4",
      "pattern=bit_complement self_sends=true packets=3 packet_flits=50", 367 },
    /* routing_delay = 2, 3, 4: a router begins to route only when it routes nothing. */
    { "routing=2ns routing_at=router rows=1 columns=2",
      "pattern=hotspot hot=1, hot_share=1 self_sends=true packets=10 packet_flits=1", 48 },
    { "routing=3ns routing_at=router rows=1 columns=2",
      "pattern=hotspot hot=1, hot_share=1 self_sends=true packets=10 packet_flits=1", 68 },
    { "routing=4ns routing_at=router rows=1 columns=2",
      "pattern=hotspot hot=1, hot_share=1 self_sends=true packets=10 packet_flits=1", 88 },
};

Test(mesh_compare, batches_of_another_simulator_to_the_cycle)
{
    static const struct net_ops *const nets[] = { &net_worm, &net_flit };
    for (size_t i = 0; i < 2 * ARRAY_LEN(batches); i++) {
        char mesh[300];
        snprintf(mesh, sizeof(mesh), "%s%s", ROUTER "allocation=0 ", batches[i / 2].mesh);
        run(nets[i % 2], mesh, &direct_mesh_batch, batches[i / 2].work);
        double got = bench_value(&b, "makespan_cycles") + 1;
        cr_assert_eq(got, batches[i / 2].cycles, "%s: %g", batches[i / 2].mesh, got);
        bench_stop(&b);
    }
}

Test(mesh_compare, percentiles_in_cycles_are_exact)
{
    /* A line of 10 terminals, each alone on its way to the last: 9 sends 1 hop far, 0 ten routers:
     * 3 H + 2 for H = 1..10 with one flit: p50 is the fifth, p90 the ninth, p99 and the longest the
     * tenth; spaced by 3 cycles a router they meet at the sink one after the other. */
    char mesh[300];
    snprintf(mesh, sizeof(mesh), "%srows=1 columns=10", pipelines[0].mesh);
    run(&net_worm, mesh, &direct_mesh_batch,
        "pattern=list destinations=9,9,9,9,9,9,9,9,9,9 self_sends=true packet_flits=1");
    cr_assert_eq(bench_value(&b, "latency_cycles.p50"), 3 * 5 + 2);
    cr_assert_eq(bench_value(&b, "latency_cycles.p90"), 3 * 9 + 2);
    cr_assert_eq(bench_value(&b, "latency_cycles.p95"), 3 * 10 + 2);
    cr_assert_eq(bench_value(&b, "latency_cycles.p99"), 3 * 10 + 2);
    cr_assert_eq(bench_value(&b, "latency_cycles.max"), 3 * 10 + 2);
    bench_stop(&b);
}
