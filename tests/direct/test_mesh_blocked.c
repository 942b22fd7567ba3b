/* test_mesh_blocked.c: who blocked whom, by hand and on the parking lot. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/server.h"
#include "tests/direct/bench_net.h"

static struct bench_net b;
static uint32_t pairs;
static sim_time sum;

static void run(const struct net_ops *net, const struct direct_ops *direct, const char *mesh,
                const char *workload)
{
    pairs = 0;
    sum = 0;
    cr_assert(bench_start(&b, net, mesh, direct, workload, 1), "%s", b.err.text);
    bench_run(&b);
}

static void add_pair(void *arg, const struct net_pair *p)
{
    (void)arg;
    pairs++;
    sum += p->blocked;
    cr_assert_neq(p->waiting, p->holding);
}

static void add_channel(void *arg, const struct net_channel *c)
{
    *(sim_time *)arg += c->blocked;
}

Test(mesh_blocked, of_two_packets_for_one_sink_the_second_waits_for_all_of_the_first)
{
    /* Both headers compete for the ejection channel of 1 at one instant; 8 flits of 1 ns. */
    run(&net_worm, &direct_mesh_batch,
        "flit_time=1ns routing=0 allocation=0 crossbar=1ns wire=2ns credit=2ns injection_delay=3ns "
        "ejection_delay=2ns rows=1 columns=3",
        "pattern=list destinations=1,1,1");
    sim_time channels = 0;
    b.net->ops->pairs(b.net, add_pair, NULL);
    b.net->ops->channels(b.net, add_channel, &channels);
    cr_assert_eq(pairs, 1);
    cr_assert_eq(sum, 8 * SIM_NS);
    cr_assert_eq(channels, sum);
    cr_assert_float_eq(bench_value(&b, "blocked_worst"), 8e-9, 1e-15);
    bench_stop(&b);
}

Test(mesh_blocked, the_third_for_one_sink_waits_for_the_first_and_then_for_the_second)
{
    run(&net_worm, &direct_mesh_batch,
        "flit_time=1ns routing=0 allocation=0 crossbar=1ns wire=2ns credit=2ns injection_delay=3ns "
        "ejection_delay=2ns rows=3 columns=3",
        "pattern=list destinations=0,4,2,4,4,4,6,7,8");
    b.net->ops->pairs(b.net, add_pair, NULL);
    cr_assert_eq(pairs, 3);
    cr_assert_eq(sum, (8 + 8 + 8) * SIM_NS);
    cr_assert_float_eq(bench_value(&b, "blocked_worst"), 8e-9, 1e-15);
    bench_stop(&b);
}

/* At every router of the line but the first and last, injection and the channel from the left take
 * turns for the output: each waits for the other half of the time. */
static void check_lot(void *arg, const struct net_pair *p)
{
    double share = (double)p->blocked / (200e6);
    (void)arg;
    pairs++;
    cr_assert(strstr(p->busy->name, "+x"), "%s", p->busy->name);
    cr_assert_eq(p->busy->node == p->waiting->node, p->busy->node != p->holding->node,
                 "injection waits for the line or the line for it");
    cr_assert_float_eq(share, 0.5, 0.03, "%s for %s at %s: %g", p->waiting->name, p->holding->name,
                       p->busy->name, share);
}

Test(mesh_blocked, in_a_parking_lot_injection_and_the_line_block_each_other_half_of_the_time)
{
    run(&net_worm, &direct_mesh_load, "rows=1 columns=8",
        "pattern=hotspot hot=7, hot_share=1 load=0.9 packet_flits=8 warmup=100us measure=200us "
        "drain=0");
    b.net->ops->pairs(b.net, check_lot, NULL);
    cr_assert_eq(pairs, 2 * 6);
    bench_stop(&b);
}

Test(mesh_blocked, waiting_of_channels_is_over_the_window_and_the_same_in_flit_and_worm)
{
    sim_time blocked[2] = { 0, 0 };
    for (int k = 0; k < 2; k++) {
        run(k ? &net_flit : &net_worm, &direct_mesh_load, "rows=4 columns=4",
            "load=0.3 warmup=100us measure=50us drain=0");
        b.net->ops->channels(b.net, add_channel, &blocked[k]);
        if (k == 0) {
            b.net->ops->pairs(b.net, add_pair, NULL);
            cr_assert_gt(sum, 0);
        }
        bench_stop(&b);
    }
    /* The two count a wait when it is known to end, which is not the same moment. */
    cr_assert_float_eq((double)blocked[0] / (double)blocked[1], 1, 0.02, "%lld and %lld",
                       (long long)blocked[0], (long long)blocked[1]);
    cr_assert_leq(sum, blocked[0] + blocked[0] / 50);
}
