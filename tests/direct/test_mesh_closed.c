/* test_mesh_closed.c: batches and lists against makespans worked out by hand. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/digest.h"
#include "sim/measure.h"
#include "tests/direct/bench_net.h"

static struct bench_net b;

/* Delays in cycles of 1 ns: a router of 3 cycles, credits back in 2, 2 cycles to leave. */
#define CYCLES                                                                                     \
    "flit_time=1ns routing=0 allocation=0 crossbar=1ns wire=2ns credit=2ns injection_delay=3ns "   \
    "ejection_delay=2ns "

static void run(const struct net_ops *net, const char *mesh, const struct direct_ops *direct,
                const char *workload)
{
    cr_assert(bench_start(&b, net, mesh, direct, workload, 1), "%s", b.err.text);
    bench_run(&b);
}

Test(mesh_closed, one_packet_a_node_without_conflict_takes_the_zero_load_time)
{
    /* Neighbour without wrap is not possible; bit complement on 1x2 has no conflict. */
    run(&net_worm, CYCLES "rows=1 columns=2", &direct_mesh_batch, "pattern=bit_complement");
    cr_assert_eq(bench_value(&b, "makespan_cycles"), 3 * 2 + 2 + 7);
    bench_stop(&b);
}

/* Whose result is one run claims no interval; all that were sent came, and nothing is said. */
Test(mesh_closed, a_pattern_that_draws_is_told_from_one_that_does_not)
{
    static const char *const work[] = { "pattern=tornado", "pattern=uniform" };
    for (size_t i = 0; i < ARRAY_LEN(work); i++) {
        run(&net_worm, "rows=4 columns=4", &direct_mesh_batch, work[i]);
        cr_assert_eq((bench_flags(&b, "makespan") & SIM_MEASURE_DETERMINISTIC) != 0, i == 0);
        cr_assert_not(bench_remarked(&b, "were delivered when the run ended"));
        bench_stop(&b);
    }
}

/* Where the C library counts its heap, which keeps some of what it gets; AddressSanitizer looks for
 * itself.  A pattern of 256 nodes that is not given back is 1 KiB a run. */
Test(mesh_closed, direct_workloads_give_all_back)
{
    static const struct {
        const struct direct_ops *ops;
        const char *work;
    } runs[] = {
        { &direct_mesh_batch, "pattern=transpose" },
        { &direct_mesh_load, "pattern=transpose warmup=1us measure=2us drain=10us" },
        { &direct_mesh_reply, "pattern=transpose warmup=1us measure=2us" },
    };
    enum { WARM = 10, MORE = 20 };
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        size_t used = 0;
        for (int k = 0; k < WARM + MORE; k++) {
            run(&net_ideal, "rows=16 columns=16", runs[i].ops, runs[i].work);
            bench_stop(&b);
            if (k + 1 == WARM)
                used = mallinfo2().uordblks;
        }
        cr_assert_leq(mallinfo2().uordblks, used + MORE * 512, "%s: %zu B more",
                      runs[i].ops->kind.name, mallinfo2().uordblks - used);
    }
}

Test(mesh_closed, two_packets_for_one_sink_follow_each_other_without_a_gap)
{
    /* 1x3: 0 and 2 send 8 flits each to 1 at time 0.  Both headers compete for the ejection channel
     * at 3 + 3; the first holds it for 8 cycles, the second follows: 6 + 8 + 7 + 2. */
    run(&net_worm, CYCLES "rows=1 columns=3", &direct_mesh_batch,
        "pattern=list destinations=1,1,1");
    cr_assert_eq(bench_value(&b, "makespan_cycles"), 6 + 8 + 7 + 2);
    bench_stop(&b);
}

Test(mesh_closed, all_fidelities_with_worms_agree_on_every_batch)
{
    static const char *const work[] = {
        "pattern=tornado packets=5 packet_flits=20",
        "pattern=bit_complement packets=3",
        "pattern=uniform packets=4 packet_flits=13",
        "exchange=shifted packet_flits=3",
        "exchange=same packet_flits=2",
        "pattern=transpose packets=2 self_sends=true",
    };
    static const char *const depths[] = { "1", "4", "8", "64" };
    for (size_t k = 0; k < ARRAY_LEN(work); k++)
        for (size_t d = 0; d < ARRAY_LEN(depths); d++) {
            char mesh[256], digests[2][33];
            double makespans[2];
            snprintf(mesh, sizeof(mesh), CYCLES "rows=4 columns=4 fifo_flits=%s", depths[d]);
            for (int i = 0; i < 2; i++) {
                run(i ? &net_flit : &net_worm, mesh, &direct_mesh_batch, work[k]);
                sim_digest_text(b.sim, digests[i]);
                makespans[i] = bench_value(&b, "makespan_cycles");
                bench_stop(&b);
            }
            cr_assert_eq(makespans[0], makespans[1], "%s, fifo %s: %g and %g", work[k], depths[d],
                         makespans[0], makespans[1]);
            cr_assert_str_eq(digests[0], digests[1]);
        }
}

Test(mesh_closed, a_stream_never_beats_the_ejection_channel)
{
    run(&net_worm, CYCLES "rows=3 columns=3", &direct_mesh_batch,
        "exchange=same packets=4 packet_flits=6");
    cr_assert_geq(bench_value(&b, "makespan_cycles"), 4 * 8 * 6);
    cr_assert_eq(bench_value(&b, "packets"), 4 * 9 * 8);
    bench_stop(&b);
}

static char path[] = "/tmp/psim-listXXXXXX";

static void write_file(const char *text)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static bool start_list(const char *text)
{
    char workload[64];
    write_file(text);
    snprintf(workload, sizeof(workload), "file=%s", path);
    bool good =
        bench_start(&b, &net_worm, CYCLES "rows=2 columns=2", &direct_mesh_list, workload, 1);
    unlink(path);
    return good;
}

Test(mesh_closed, a_list_is_read_in_any_order_with_comments)
{
    cr_assert(start_list("# a trace\n20ns, 0, 3, 4\n5ns 1 2 1 # late line\n\n"), "%s", b.err.text);
    bench_run(&b);
    /* The last: at 20, three routers, three more flits. */
    cr_assert_eq(bench_value(&b, "makespan_cycles"), 20 + 3 * 3 + 2 + 3 - 5);
    cr_assert_eq(bench_value(&b, "packets"), 2);
    bench_stop(&b);
}

Test(mesh_closed, a_bad_list_is_refused_with_its_line)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "1ns 0 1\n", ":1: a line has four fields" },
        { "1ns 0 1 2 3\n", ":1: a line has four fields" },
        { "1ns 0 1 2\n3 0 1 2\n", ":2: " },
        { "1ns 0 4 2\n", "'4' is not a terminal: 0 to 3" },
        { "1ns -1 2 2\n", "'-1' is not a terminal" },
        { "1ns 0 1 0\n", "'0' is not a length" },
        { "", "there is no packet" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        strcpy(path, "/tmp/psim-listXXXXXX");
        cr_assert_not(start_list(bad[i].text));
        cr_assert(strstr(b.err.text, bad[i].says), "%s: %s", bad[i].says, b.err.text);
        bench_stop(&b);
    }
}

Test(mesh_closed, an_exchange_in_random_order_sends_as_much_in_another_order_for_each_seed)
{
    double makespans[3];
    for (int i = 0; i < 3; i++) {
        cr_assert(bench_start(&b, &net_worm, CYCLES "rows=4 columns=4", &direct_mesh_batch,
                              "exchange=random packets=2 packet_flits=4", i < 2 ? 1 : 2),
                  "%s", b.err.text);
        bench_run(&b);
        makespans[i] = bench_value(&b, "makespan_cycles");
        cr_assert_eq(bench_value(&b, "packets"), 2 * 16 * 15);
        bench_stop(&b);
    }
    cr_assert_eq(makespans[0], makespans[1]);
    cr_assert_neq(makespans[0], makespans[2]);
    /* Every terminal takes 2 * 15 packets of 4 flits: no order is faster than that. */
    cr_assert_geq(makespans[0], 2 * 15 * 4);
}
