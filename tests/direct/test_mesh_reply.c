/* test_mesh_reply.c: closed loops against round trips worked out by hand and bounds of closed
 * systems. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/digest.h"
#include "tests/direct/bench_net.h"

static struct bench_net b;

/* Delays in cycles of 1 ns: a router of 3 cycles, credits back in 2, 2 cycles to leave. */
#define CYCLES                                                                                     \
    "flit_time=1ns routing=0 allocation=0 crossbar=1ns wire=2ns credit=2ns injection_delay=3ns "   \
    "ejection_delay=2ns "

static void run(const struct net_ops *net, const char *mesh, const char *workload)
{
    cr_assert(bench_start(&b, net, mesh, &direct_mesh_reply, workload, 5), "%s", b.err.text);
    bench_run(&b);
}

Test(mesh_reply, one_round_trip_at_a_time_is_two_packets_alone_and_the_server)
{
    static const struct net_ops *const nets[] = { &net_worm, &net_flit, &net_ideal };
    for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
        /* Terminal 0 asks terminal 3 of a line of four; the rest are silent.  Four routers of 3
         * cycles and 2 to leave each way; 5 and 12 flits; 7 to serve, 11 to think. */
        run(nets[i], CYCLES "rows=1 columns=4",
            "pattern=list destinations=3,1,2,3 request_flits=5 reply_flits=12 serve=7ns think=11ns "
            "warmup=0 measure=8600ns");
        double trip = (4 * 3 + 2 + 4) + 7 + (4 * 3 + 2 + 11);
        cr_assert_float_eq(bench_value(&b, "round_trip.mean"), trip * 1e-9, 1e-15);
        cr_assert_float_eq(bench_value(&b, "round_trip.max"), trip * 1e-9, 1e-15);
        cr_assert_float_eq(bench_value(&b, "request.mean"), 18e-9, 1e-15);
        cr_assert_float_eq(bench_value(&b, "reply.mean"), 25e-9, 1e-15);
        cr_assert_float_eq(bench_value(&b, "throughput"), 1 / ((trip + 11) * 1e-9), 2e5);
        /* It is under way for all but the thinking. */
        cr_assert_float_eq(bench_value(&b, "under_way"), trip / (trip + 11), 0.002);
        bench_stop(&b);
    }
}

Test(mesh_reply, many_round_trips_fill_the_reply_channel_of_the_one_server)
{
    /* All of 3x3 ask the middle, which sends 24 flits for each request: one in 24 cycles, because
     * its injection channel holds no gap; eight terminals keep 4 each under way. */
    run(&net_worm, CYCLES "rows=3 columns=3",
        "pattern=list destinations=4,4,4,4,4,4,4,4,4 outstanding=4 request_flits=3 reply_flits=24 "
        "warmup=10us measure=100us");
    cr_assert_float_eq(bench_value(&b, "throughput"), 1 / 24e-9, 1 / 24e-9 * 0.001);
    cr_assert_float_eq(bench_value(&b, "round_trip.mean"), 32 * 24e-9, 32 * 24e-9 * 0.002);
    cr_assert_float_eq(bench_value(&b, "under_way"), 32, 1e-9);
    bench_stop(&b);
}

Test(mesh_reply, throughput_obeys_little_and_the_bounds_of_a_closed_system)
{
    static const char *const patterns[] = { "uniform", "transpose", "tornado", "hotspot" };
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        double before = 0;
        for (int n = 1; n <= 16; n *= 4) {
            char text[160];
            snprintf(text, sizeof(text),
                     "pattern=%s outstanding=%d reply_flits=20 serve=50ns warmup=100us measure=1ms",
                     patterns[i], n);
            run(&net_worm, "rows=4 columns=4", text);
            double under_way = bench_value(&b, "under_way"), rate = bench_value(&b, "throughput");
            double senders = strcmp(patterns[i], "transpose") == 0 ? 12 : 16;
            /* The hot terminal is silent for the moment when it draws itself. */
            cr_assert_float_eq(under_way, senders * n, strcmp(patterns[i], "hotspot") ? 1e-9 : 2);
            cr_assert_leq(under_way, senders * n + 1e-9);
            cr_assert_float_eq(bench_value(&b, "little") / under_way, 1, 0.02, "%s, %d: %g",
                               patterns[i], n, bench_value(&b, "little"));
            /* REPLY1; exactly in the audit. */
            double law = bench_value(&b, "customers.law"), customers = senders * n;
            cr_assert_eq(bench_value(&b, "customers"), customers);
            /* The stages that the edges cut, some of them long: those of the hot terminal. */
            cr_assert_float_eq(law, customers, 3 * customers * customers / (rate * 1e-3), "%g",
                               law);
            /* No terminal replies faster than its channel; more slots are never slower, but for
             * what blocking costs. */
            cr_assert_leq(rate, 16 / (20 * 10e-9));
            cr_assert_geq(rate, before * 0.9, "%s, %d: %g after %g", patterns[i], n, rate, before);
            before = rate;
            bench_stop(&b);
        }
    }
}

Test(mesh_reply, worm_and_flit_agree_to_the_tick)
{
    static const char *const work[] = {
        "outstanding=3 reply_flits=13 measure=30us",
        "pattern=hotspot hot_share=0.5 outstanding=6 request_flits=2 reply_flits=40 measure=30us",
        "pattern=tornado outstanding=2 serve=130ns think=70ns measure=30us",
    };
    for (size_t i = 0; i < ARRAY_LEN(work); i++) {
        char digests[2][33];
        for (int k = 0; k < 2; k++) {
            run(k ? &net_flit : &net_worm, "rows=4 columns=5", work[i]);
            sim_digest_text(b.sim, digests[k]);
            bench_stop(&b);
        }
        cr_assert_str_eq(digests[0], digests[1], "%s", work[i]);
    }
}

Test(mesh_reply, a_dead_channel_loses_round_trips_and_the_rest_go_on)
{
    cr_assert(bench_start(&b, &net_worm, "rows=3 columns=3", &direct_mesh_reply,
                          "outstanding=2 measure=50us", 5));
    b.net->ops->fault(b.net, &(struct net_fault){ .at = 30 * SIM_US, .node = 4, .dead = true });
    bench_run(&b); /* the audit accounts for every round trip */
    cr_assert(bench_remarked(&b, "were lost at dead channels"));
    cr_assert_gt(bench_value(&b, "throughput_least"), 0);
    bench_stop(&b);
}
