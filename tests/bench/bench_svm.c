/* bench_svm.c: what shared virtual memory costs the host: faults a second, memory of a node.
 *
 * In each round every node writes the pages that its neighbour wrote in the round before, so that
 * each write is a fault that moves a page and its ownership.  The peer of
 * a larger machine is the one with 64 nodes, that of a manager is the dynamic one.  Memory: nodes
 * that have joined a gigabyte and touched a page of it, beside nodes whose program ends at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "models/machine.h"
#include "os/registry.h"
#include "sim/sim.h"
#include "tests/bench/bench.h"
#include "tests/bench/profile.h"
#include "workloads/shared.h"

#define FAULTS 60000 /* of a run, of all nodes */
#define PAGES 16
#define PAGE 4096
#define SPACE (UINT64_C(1) << 30)

enum { CENTRAL = 0, DYNAMIC = 4, XMM = 7, HLRC = 8 }; /* of svm_managers */

static struct shared_params params = {
    .svm = { .manager = DYNAMIC, .hash_block = 1, .retry = 10 * SIM_MS, .initial_owner = 2 },
    .memory = { .page = PAGE },
};

static const char *packet = "1KiB"; /* payload of a packet: a page takes five */
static uint64_t taken, sent;        /* faults and messages of all nodes */
static uint64_t events;             /* of the last run */

static void moving(struct os_node *node, const struct program *me)
{
    struct shared h;
    if (!shared_open(&h, node, me, me->params, (uint64_t)me->ranks * PAGES * PAGE))
        return;
    uint64_t rounds = (FAULTS + me->ranks * PAGES - 1) / (me->ranks * PAGES);
    for (uint64_t k = 0; k < rounds; k++) {
        for (uint64_t i = 0; i < PAGES; i++)
            vm_store_u64(h.space, SHARED_BASE + ((me->rank + k) % me->ranks * PAGES + i) * PAGE, k);
        port_pay(h.port);
        sync_barrier(h.sync);
    }
    struct svm_counts c;
    svm_counts(h.svm, &c);
    taken += c.read_faults + c.write_faults;
    sent += c.sent;
}

static void touching(struct os_node *node, const struct program *me)
{
    struct shared h;
    if (shared_open(&h, node, me, me->params, SPACE))
        vm_store_u64(h.space, SHARED_BASE + SPACE / me->ranks * me->rank, 1);
}

static void nothing(struct os_node *node, const struct program *me)
{
    (void)node, (void)me;
}

static const struct workload_ops workloads[] = {
    { .kind.name = "moving", .main = moving },
    { .kind.name = "touching", .main = touching },
    { .kind.name = "nothing", .main = nothing },
};
enum { MOVING, TOUCHING, NOTHING };

static const struct machine_registry registry = {
    .nets = &net_kinds,
    .protocols = &os_protocols,
    .services = &os_services,
    .layers = &os_layers,
    .boot = os_node_boot,
};

static struct val *protocol(const char *name, const char *below)
{
    struct val *v = val_new(VAL_TABLE, "bench", 1);
    val_put(v, "name", val_new_string(name, "bench", 1));
    val_put(v, "protocol", val_new_string(name, "bench", 1));
    if (below) {
        struct val *list = val_new(VAL_LIST, "bench", 1);
        val_append(list, val_new_string(below, "bench", 1));
        val_put(v, "below", list);
    }
    return v;
}

static struct val *machine_spec(int64_t side)
{
    struct err e = ERR_INIT;
    struct val *v = val_new(VAL_TABLE, "bench", 1), *graph = val_new(VAL_LIST, "bench", 1);
    val_put(v, "rows", val_new_int(side, "bench", 1));
    val_put(v, "columns", val_new_int(side, "bench", 1));
    val_append(graph, protocol("driver", NULL));
    val_append(graph, protocol("rdm", "driver"));
    val_append(graph, protocol("svm", "rdm"));
    val_append(graph, protocol("sync", "rdm"));
    val_put(v, "graph", graph);
    if (!val_set_path(v, "network.model", val_new_string("ideal", "bench", 1), &e) ||
        !val_set_path(v, "nic.packet_bytes", val_new_string(packet, "bench", 1), &e))
        abort();
    return v;
}

/* CPU seconds of a run. */
static double run(uint64_t side, const struct workload_ops *ops)
{
    struct err e = ERR_INIT;
    struct sim *s = sim_create(NULL);
    struct val *spec = machine_spec((int64_t)side);
    struct machine *m = machine_create(s, spec, "machine", &registry, &e);
    if (!m) {
        fprintf(stderr, "bench_svm: %s\n", e.text);
        exit(1);
    }
    machine_program(m, ops->main, &params, machine_layout(m)->compute_count, 0);
    double from = bench_seconds();
    enum sim_end end = sim_run(s);
    double seconds = bench_seconds() - from;
    if (end != SIM_END_IDLE) {
        fprintf(stderr, "bench_svm: the run ended by %s\n", sim_end_name(end));
        exit(1);
    }
    events = sim_events_fired(s);
    machine_destroy(m);
    val_free(spec);
    sim_destroy(s);
    return seconds;
}

static double faults(uint64_t side, uint64_t manager)
{
    params.svm.manager = (int)manager;
    double seconds = run(side, &workloads[MOVING]);
    return (double)taken / seconds;
}

/* What a fault takes: 0 events, 1 messages. */
static double of_a_fault(uint64_t side, uint64_t what)
{
    run(side, &workloads[MOVING]);
    return (double)(what == 0 ? events : sent) / (double)taken;
}

/* Prints where the time of a run goes; nothing is measured. */
static double profile(uint64_t side, uint64_t manager)
{
    params.svm.manager = (int)manager;
    profile_start();
    run(side, &workloads[MOVING]);
    profile_print(side == 8 ? "64 nodes" : "1024 nodes");
    return 0;
}

static double seconds_of(uint64_t side, uint64_t which)
{
    return run(side, &workloads[which]);
}

static double kibibytes(uint64_t side, uint64_t which)
{
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    run(side, &workloads[which]);
    getrusage(RUSAGE_SELF, &after);
    return (double)(after.ru_maxrss - before.ru_maxrss) / (double)(side * side);
}

int main(int argc, char **argv)
{
    (void)argv;
    bool quick = argc > 1;
    double first = bench_median(faults, 8, DYNAMIC);
    bench_print("faults of 64 nodes, dynamic", first, "faults/s", "", 0);
    double rate = bench_median(faults, 8, CENTRAL);
    bench_print("faults of 64 nodes, central", rate, "faults/s", "dynamic", rate / first);
    rate = bench_median(faults, 8, XMM);
    bench_print("faults of 64 nodes, xmm", rate, "faults/s", "dynamic", rate / first);
    rate = bench_median(faults, 8, HLRC);
    bench_print("faults of 64 nodes, hlrc", rate, "faults/s", "dynamic", rate / first);
    packet = "8KiB";
    rate = bench_median(faults, 8, DYNAMIC);
    bench_print("the same, a page in one packet", rate, "faults/s", "in five", rate / first);
    packet = "1KiB";
    bench_print("events of a fault, dynamic", bench_measure(of_a_fault, 8, 0), "events", "", 0);
    bench_print("messages of a fault, dynamic", bench_measure(of_a_fault, 8, 1), "messages", "", 0);
    bench_measure(profile, 8, DYNAMIC);
    if (quick)
        return 0;
    rate = bench_median(faults, 32, DYNAMIC);
    bench_print("faults of 1024 nodes, dynamic", rate, "faults/s", "64 nodes", rate / first);
    double joined = bench_measure(seconds_of, 64, TOUCHING);
    double bare = bench_measure(seconds_of, 64, NOTHING);
    bench_print("4096 nodes join 1 GiB, touch a page", joined, "s", "no memory", joined / bare);
    joined = bench_measure(kibibytes, 64, TOUCHING);
    bare = bench_measure(kibibytes, 64, NOTHING);
    bench_print("host memory of each of them", joined, "KiB", "no memory", joined / bare);
    return 0;
}
