/* test_mesh_load.c: what is offered is what was asked for, and what comes out obeys closed forms.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mesh/switch/atm.h"
#include "sim/digest.h"
#include "tests/direct/bench_net.h"

static struct bench_net b;

static void run(const struct net_ops *net, const char *mesh, const char *workload, uint64_t seed)
{
    cr_assert(bench_start(&b, net, mesh, &direct_mesh_load, workload, seed), "%s", b.err.text);
    bench_run(&b);
}

Test(mesh_load, offered_and_accepted_meet_the_load_asked_for)
{
    static const char *const processes[] = { "bernoulli", "poisson" };
    for (int k = 0; k < 2; k++) {
        char text[128];
        snprintf(text, sizeof(text), "load=0.213 packet_flits=5 measure=300us process=%s",
                 processes[k]);
        run(&net_worm, "rows=5 columns=4", text, 7);
        cr_assert_float_eq(bench_value(&b, "offered"), 0.213, 0.213 * 0.02);
        cr_assert_float_eq(bench_value(&b, "accepted"), 0.213, 0.213 * 0.02);
        cr_assert_not(bench_remarked(&b, "not steady"));
        bench_stop(&b);
    }
}

Test(mesh_load, all_fidelities_have_the_latency_of_a_packet_alone_at_a_light_load)
{
    static const struct net_ops *const nets[] = { &net_worm, &net_flit, &net_ideal };
    for (int k = 0; k < 3; k++) {
        run(nets[k], "rows=4 columns=4", "load=0.001 packet_flits=4 measure=2ms", 3);
        cr_assert_float_eq(bench_value(&b, "network.mean") / bench_value(&b, "alone"), 1, 0.002);
        bench_stop(&b);
    }
}

Test(mesh_load, worm_and_flit_have_the_same_digest_and_another_seed_has_another)
{
    static const char *const patterns[] = { "uniform", "hotspot", "tornado", "transpose" };
    for (int k = 0; k < 4; k++) {
        char digests[3][33], text[128];
        snprintf(text, sizeof(text), "load=0.4 packet_flits=6 measure=20us pattern=%s",
                 patterns[k]);
        for (int i = 0; i < 3; i++) {
            run(i == 1 ? &net_flit : &net_worm, "rows=5 columns=5", text, i == 2 ? 2 : 1);
            sim_digest_text(b.sim, digests[i]);
            bench_stop(&b);
        }
        cr_assert_str_eq(digests[0], digests[1], "%s", patterns[k]);
        cr_assert_str_neq(digests[0], digests[2], "%s", patterns[k]);
    }
}

Test(mesh_load, an_ejection_channel_is_an_m_d_1_queue)
{
    /* 63 sources send single flits to one terminal at a total load of 0.7 (arrivals are close to
     * Poisson); in the ideal network the only queue is the ejection channel: mean wait
     * rho S / (2 (1 - rho)) [Pollaczek & Khinchine]. */
    run(&net_ideal, "rows=8 columns=8",
        "pattern=hotspot hot=9, hot_share=1 load=0.0111111 packet_flits=1 process=poisson "
        "measure=4ms warmup=100us",
        11);
    double rho = 0.7, want = rho / (2 * (1 - rho)) * 10e-9;
    cr_assert_float_eq(bench_value(&b, "blocking") / want, 1, 0.06, "%g, want %g",
                       bench_value(&b, "blocking"), want);
    bench_stop(&b);
}

/* Cells of 40 bytes, at most one of a station in each slot of 53 octets: W = (N-1)/N p/(2(1-p))
 * slots of 4.24 us in an output queue of an ATM switch. */
Test(mesh_load, slots_hold_at_most_one_packet_of_a_terminal)
{
    char text[128];
    double p = 0.7;
    snprintf(text, sizeof(text),
             "load=%.9f slot=53 packet_flits=40 self_sends=true measure=400ms "
             "drain=20ms",
             p * 40 / 53);
    run(&net_atm, "stations=4 rate=taxi100 buffer_cells=0", text, 3);
    cr_assert_float_eq(bench_value(&b, "offered"), p * 40 / 53, 0.004);
    double want = 0.75 * p / (2 * (1 - p)) * 4.24e-6;
    cr_assert_float_eq(bench_value(&b, "blocking"), want, 0.03 * want, "%g, not %g",
                       bench_value(&b, "blocking"), want);
    cr_assert_float_eq(bench_value(&b, "queue"), 0, 1e-12);
    bench_stop(&b);
    snprintf(text, sizeof(text), "load=0.8 slot=53 packet_flits=40");
    cr_assert(!bench_start(&b, &net_atm, "stations=4 rate=taxi100", &direct_mesh_load, text, 1));
    cr_assert(strstr(b.err.text, "in each slot of 53"), "%s", b.err.text);
}

Test(mesh_load, past_saturation_it_says_so_and_accepts_no_more_than_the_bisection)
{
    run(&net_worm, "rows=8 columns=8", "load=0.9 packet_flits=8 drain=50us", 5);
    cr_assert(bench_remarked(&b, "not steady"));
    double accepted = bench_value(&b, "accepted");
    cr_assert_lt(accepted, 0.5, "the bisection of 8x8 carries 0.5 flits a node and cycle");
    cr_assert_gt(accepted, 0.2);
    bench_stop(&b);
}

Test(mesh_load, throughput_never_passes_the_bounds_of_bisection_and_injection)
{
    /* 8x8, bisected between columns 3 and 4: 8 channels each way.  Uniform: half of the packets of
     * 32 terminals cross it, 32/63 without self-sends; bit complement: all of them. */
    static const char *const patterns[] = { "uniform", "bit_complement", "tornado", "neighbour" };
    static const double bound[] = { 8 / (32 * 32.0 / 63), 8 / 32.0, 1, 1 };
    for (int k = 0; k < 4; k++) {
        char text[128];
        snprintf(text, sizeof(text), "load=0.95 packet_flits=4 drain=0 pattern=%s", patterns[k]);
        run(&net_worm, "rows=8 columns=8", text, 5);
        cr_assert_leq(bench_value(&b, "accepted"), bound[k] * 1.01, "%s: %g", patterns[k],
                      bench_value(&b, "accepted"));
        bench_stop(&b);
    }
}

Test(mesh_load, refuses_what_does_not_fit)
{
    cr_assert_not(
        bench_start(&b, &net_worm, "rows=3 columns=5", &direct_mesh_load, "pattern=transpose", 1));
    cr_assert_str_eq(b.err.text,
                     "workload.pattern: pattern \"transpose\" needs a square grid, not a 3x5 mesh");
    bench_stop(&b);
    cr_assert_not(bench_start(&b, &net_worm, "rows=3 columns=5", &direct_mesh_load,
                              "load=2 packet_flits=1", 1));
    cr_assert(strstr(b.err.text, "more than one packet"), "%s", b.err.text);
    bench_stop(&b);
    cr_assert_not(bench_start(&b, &net_worm, "rows=3 columns=5", &direct_mesh_load,
                              "pattern=hotspot hot=15,", 1));
    cr_assert(strstr(b.err.text, "0 to 14"), "%s", b.err.text);
    bench_stop(&b);
}

Test(mesh_load, one_node_alone_has_nobody_to_talk_to)
{
    cr_assert_not(bench_start(&b, &net_worm, "rows=1 columns=1", &direct_mesh_load, "load=0.1", 1));
    cr_assert(strstr(b.err.text, "workload.self_sends: a network of one terminal"));
    bench_stop(&b);
    cr_assert_not(bench_start(&b, &net_worm, "rows=1 columns=2", &direct_mesh_load,
                              "pattern=list destinations=0,1", 1));
    cr_assert(strstr(b.err.text, "maps every terminal to itself"), "%s", b.err.text);
    bench_stop(&b);
    run(&net_worm, "rows=1 columns=1", "load=0.1 self_sends=true", 1);
    cr_assert_gt(bench_value(&b, "accepted"), 0.08);
    bench_stop(&b);
}

Test(mesh_load, a_parking_lot_halves_the_share_at_every_merge)
{
    /* Seven sources on a line overload its end.  Locally fair round robin gives the two farthest
     * 1/64 each and doubles towards the sink: 1/64 1/64 1/32 1/16 1/8 1/4 1/2. */
    static const struct net_ops *const nets[] = { &net_worm, &net_flit };
    for (int k = 0; k < 2; k++) {
        run(nets[k], "rows=1 columns=8",
            "pattern=hotspot hot=7, hot_share=1 load=0.9 packet_flits=5 warmup=60us drain=0", 5);
        cr_assert_float_eq(bench_value(&b, "accepted_most"), 0.5, 0.005);
        cr_assert_float_eq(bench_value(&b, "accepted") * 8, 1, 0.005);
        bench_stop(&b);
    }
}

Test(mesh_load, a_merge_on_a_torus_takes_input_ports_in_turn_however_many_channels_ask)
{
    /* Four of nine terminals on a ring overload the next one; the ring's packets are all before the
     * dateline, on one virtual channel, a terminal's on both: 1/8 1/8 1/4 1/2 still. */
    run(&net_flit, "rows=1 columns=9 torus=true virtual_channels=2",
        "pattern=list destinations=4,4,4,4,4,5,6,7,8, load=0.9 packet_flits=5 warmup=60us drain=0",
        5);
    cr_assert_float_eq(bench_value(&b, "accepted_most"), 0.5, 0.005);
    cr_assert_float_eq(bench_value(&b, "accepted") * 9, 1, 0.005);
    bench_stop(&b);
}

Test(mesh_load, a_table_gives_each_pair_its_rate)
{
    /* Flits a flit time at load 1: 0 sends 0.3 in all, 2 sends 0.05, the other two nothing; half of
     * it is asked for.  Terminal 3 takes 0.2 + 0.05, terminal 1 takes 0.1. */
    run(&net_worm, "rows=1 columns=4",
        "pattern=table rates=0:1:0.1,2:3:0.05,0:3:0.2, load=0.5 packet_flits=2 measure=4ms", 5);
    cr_assert_float_eq(bench_value(&b, "accepted") * 4, 0.175, 0.005);
    cr_assert_float_eq(bench_value(&b, "accepted_most"), 0.15, 0.005);
    cr_assert_float_eq(bench_value(&b, "taken_most"), 0.125, 0.005);
    bench_stop(&b);
    cr_assert_not(bench_start(&b, &net_worm, "rows=1 columns=4", &direct_mesh_load,
                              "pattern=table rates=0:4:0.1,", 1));
    cr_assert(strstr(b.err.text, "whole number from 0 to 3"), "%s", b.err.text);
    bench_stop(&b);
    cr_assert_not(bench_start(&b, &net_worm, "rows=1 columns=4", &direct_mesh_load,
                              "pattern=table rates=0:1:0.1,2:1:-3,", 1));
    cr_assert(strstr(b.err.text, "above 0"), "%s", b.err.text);
    bench_stop(&b);
}

Test(mesh_load, where_ranks_sit_changes_how_far_neighbours_are)
{
    /* Ranks in a ring, each sends to the next: in rows of 8 the last of a row is 8 channels from
     * the next; along a snake all are neighbours but the last and the first. */
    static const struct {
        const char *mapping;
        double channels; /* in all */
    } maps[] = {
        { "row", 56 + 7 * 8 + 14 },
        { "column", 56 + 7 * 8 + 14 },
        { "snake", 63 + 7 },
        { "blocks mapping_block=4", 4 * (12 + 3 * 4) + 4 + 7 + 4 + 14 },
    };
    char work[512], list[300];
    size_t used = 0;
    for (int i = 0; i < 64; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%d,", (i + 1) % 64);
    for (size_t k = 0; k < ARRAY_LEN(maps); k++) {
        snprintf(work, sizeof(work),
                 "pattern=list destinations=%s load=0.05 measure=2ms mapping=%s", list,
                 maps[k].mapping);
        run(&net_ideal, "rows=8 columns=8", work, 5);
        cr_assert_float_eq(bench_value(&b, "hops"), maps[k].channels / 64 + 1, 0.03, "%s: %g",
                           maps[k].mapping, (bench_value(&b, "hops") - 1) * 64);
        bench_stop(&b);
    }
}

Test(mesh_load, a_dead_channel_loses_packets_but_no_account)
{
    static const struct net_ops *const nets[] = { &net_worm, &net_flit, &net_ideal };
    for (int k = 0; k < 3; k++) {
        cr_assert(bench_start(&b, nets[k], "rows=4 columns=4", &direct_mesh_load,
                              "load=0.2 packet_flits=6", 9));
        b.net->ops->fault(
            b.net, &(struct net_fault){ .at = 30 * SIM_US, .node = 5, .port = 0, .dead = true });
        bench_run(&b);
        cr_assert(bench_remarked(&b, "dropped by the network"));
        bench_stop(&b);
    }
}

Test(mesh_load, one_ejection_channel_is_steady_below_its_rate_alone)
{
    /* Eight sources and one sink: the sink takes one flit a cycle, so each of 8 can have 0.125 with
     * a network that divides fairly (ideal). */
    static const double loads[] = { 0.11, 0.15 };
    for (int k = 0; k < 2; k++) {
        char text[160];
        snprintf(text, sizeof(text),
                 "pattern=hotspot hot=4, hot_share=1 packet_flits=4 process=poisson measure=200us "
                 "drain=20us load=%g",
                 loads[k]);
        run(&net_ideal, "rows=3 columns=3", text, 1);
        cr_assert_float_eq(bench_value(&b, "steady"), k == 0, 0.1);
        cr_assert_eq(sim_why_of(bench_flags(&b, "steady")),
                     k == 0 ? SIM_WHY_GOOD : SIM_WHY_SATURATED);
        cr_assert_eq(bench_flags(&b, "latency_cycles"), 0);
        double share = bench_value(&b, "accepted") / bench_value(&b, "offered");
        cr_assert_float_eq(bench_value(&b, "accepted_share"), share, 1e-9);
        cr_assert_float_eq(share, k == 0 ? 1 : 0.125 / 0.15, 0.02);
        bench_stop(&b);
    }
}

/* By the packets of the window that have not arrived when the drain ends, though nothing climbs. */
Test(mesh_load, a_drain_that_is_too_short_is_told_as_saturation)
{
    run(&net_ideal, "rows=3 columns=3", "load=0.02 measure=200us drain=0", 1);
    cr_assert_gt(bench_value(&b, "accepted_share"), 0.97);
    cr_assert_eq(sim_why_of(bench_flags(&b, "steady")), SIM_WHY_SATURATED);
    bench_stop(&b);
}

Test(mesh_load, bursts_of_all_lengths_have_the_load_asked_for)
{
    run(&net_ideal, "rows=4 columns=4",
        "load=0.3 packet_flits=5 measure=8ms warmup=500us process=on_off", 3);
    cr_assert_float_eq(bench_value(&b, "offered"), 0.3, 0.04, "%g", bench_value(&b, "offered"));
    bench_stop(&b);
}

/* Short bursts, where the half packet that each is longer counts, and light tails. */
Test(mesh_load, short_bursts_have_the_load_asked_for)
{
    run(&net_ideal, "rows=4 columns=4",
        "load=0.5 packet_flits=5 measure=4ms warmup=100us process=on_off tail=4", 3);
    cr_assert_float_eq(bench_value(&b, "offered"), 0.5, 0.01, "%g", bench_value(&b, "offered"));
    bench_stop(&b);
}

/* One flit in each slice of the window: whoever adds one to a half sees a drift. */
Test(mesh_load, what_is_the_same_in_each_slice_is_steady)
{
    run(&net_ideal, "rows=1 columns=2",
        "pattern=list destinations=1,1 load=1 packet_flits=1 warmup=1005ns measure=200ns", 3);
    cr_assert_float_eq(bench_value(&b, "accepted"), 0.5, 1e-12);
    cr_assert_eq(bench_value(&b, "steady"), 1);
    bench_stop(&b);
}

Test(mesh_load, bursts_fill_source_queues_at_a_load_where_steady_sources_have_none)
{
    static const char *const processes[] = { "bernoulli", "on_off tail=1.8", "on_off tail=1.2" };
    double queue[3];
    for (int k = 0; k < 3; k++) {
        char text[160];
        snprintf(text, sizeof(text), "load=0.25 packet_flits=5 measure=4ms warmup=200us process=%s",
                 processes[k]);
        run(&net_worm, "rows=4 columns=4", text, 3);
        queue[k] = bench_value(&b, "queue");
        bench_stop(&b);
    }
    cr_assert_gt(queue[1], 3 * queue[0], "%g, %g", queue[1], queue[0]);
    cr_assert_gt(queue[2], 2 * queue[1], "%g, %g", queue[2], queue[1]);
}

Test(mesh_load, the_parts_of_latency_add_up)
{
    run(&net_worm, "rows=4 columns=4", "load=0.45 packet_flits=6 long_share=0.25 long_flits=30", 3);
    double sum = bench_value(&b, "queue") + bench_value(&b, "blocking") +
                 bench_value(&b, "header") + bench_value(&b, "serialisation");
    double whole = bench_value(&b, "latency_cycles") * 10e-9;
    cr_assert_float_eq(sum / whole, 1, 1e-9, "%g, %g", sum, whole);
    cr_assert_float_eq(bench_value(&b, "serialisation"), (5 * 0.75 + 29 * 0.25) * 10e-9, 5e-9);
    cr_assert_gt(bench_value(&b, "blocking"), 0.1 * whole);
    bench_stop(&b);
}

Test(mesh_load, fairness_is_jains_index_of_what_sources_got_through)
{
    /* The parking lot's shares 1/64 1/64 1/32 ... 1/2 and none for the sink itself:
     * 1 / (8 sum x^2) = 1 / (8 * 0.33350) = 0.3748. */
    run(&net_worm, "rows=1 columns=8",
        "pattern=hotspot hot=7, hot_share=1 load=0.9 packet_flits=8 warmup=100us measure=400us "
        "drain=0",
        3);
    cr_assert_float_eq(bench_value(&b, "accepted_fairness"), 0.3748, 0.003, "%g",
                       bench_value(&b, "accepted_fairness"));
    cr_assert_float_eq(bench_value(&b, "taken_most"), 1, 0.01);
    bench_stop(&b);
    run(&net_worm, "rows=1 columns=8", "pattern=bit_complement load=0.1 measure=2ms", 3);
    cr_assert_gt(bench_value(&b, "accepted_fairness"), 0.99);
    bench_stop(&b);
}

Test(mesh_load, a_window_that_opens_before_the_network_has_filled_is_not_steady)
{
    /* The first packets take half a microsecond to arrive. */
    run(&net_worm, "rows=16 columns=16", "load=0.1 packet_flits=2 warmup=0 measure=1500ns", 3);
    cr_assert_eq(bench_value(&b, "steady"), 0);
    bench_stop(&b);
    run(&net_worm, "rows=16 columns=16", "load=0.1 packet_flits=2 warmup=5us measure=1500ns", 3);
    cr_assert_eq(bench_value(&b, "steady"), 1);
    bench_stop(&b);
}

Test(mesh_load, a_hot_spot_above_its_rate_is_saturated_though_throughput_is_not_short)
{
    /* 63 of 64 terminals send 3 % of a load of 0.6 to one more, which can take 1: what it lacks is
     * 2 % of all flits.  Half of that is within its rate. */
    static const double loads[] = { 0.6, 0.3 };
    for (int k = 0; k < 2; k++) {
        char text[200];
        snprintf(text, sizeof text,
                 "pattern=hotspot hot=27, hot_share=0.03 packet_flits=4 process=poisson "
                 "warmup=20us measure=200us drain=10ms load=%g",
                 loads[k]);
        run(&net_ideal, "rows=8 columns=8", text, 2);
        cr_expect_gt(bench_value(&b, "accepted_share"), 0.95);
        cr_expect_eq(bench_value(&b, "steady"), k == 1, "load %g", loads[k]);
        cr_expect_eq(bench_remarked(&b, "climb through the whole window"), k == 0);
        bench_stop(&b);
    }
}

Test(mesh_load, shares_are_those_of_flits_that_crossed_in_the_window)
{
    /* Packets longer than the window is: what is booked ahead is clipped at both ends. */
    static const struct net_ops *const nets[] = { &net_flit, &net_worm };
    double mean[2];
    for (int k = 0; k < 2; k++) {
        run(nets[k], "rows=4 columns=4",
            "load=0.8 packet_flits=5000 process=poisson warmup=100us measure=30us drain=0", 4);
        mean[k] = bench_value(&b, "channel_mean");
        cr_expect_leq(bench_value(&b, "channel_busiest"), 1.0);
        bench_stop(&b);
    }
    cr_expect_float_eq(mean[0], mean[1], 0.01, "flit %g, worm %g", mean[0], mean[1]);
}
