/* bench_machine.c: what a whole machine costs: programs, message passing, x-kernel, nodes, mesh.
 *
 * Every compute node runs a program that exchanges messages with its neighbours in a ring and meets
 * the others at a barrier.  The peer is the same machine with 64 nodes: the cost of a message should
 * not grow with the machine but for the longer paths of the barrier.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/machine.h"
#include "os/nx/nx.h"
#include "sim/sim.h"
#include "tests/bench/bench.h"

#define ROUNDS 30
#define SIZE 1000

static void program(struct os_node *node, uint32_t rank, uint32_t ranks, const void *params)
{
    (void)params;
    for (int64_t i = 0; i < ROUNDS; i++) {
        struct rope out, in;
        rope_init(&out);
        rope_add_pattern(&out, rank, 0, SIZE);
        nx_csendrecv(node->nx, i, &out, (rank + 1) % ranks, i, SIZE, &in);
        rope_fini(&in);
        rope_fini(&out);
        nx_gsync(node->nx);
    }
}

static const struct workload_ops ring = { .name = "ring", .doc = "", .main = program };

/* Of mesh/mesh.h and os/proto/mesh/mesh.h, which do not go together. */
extern const struct net_ops net_worm, net_ideal;
extern const struct xk_protl_ops mesh_protl;

static const struct net_ops *const nets[] = { &net_worm, &net_ideal, NULL };
static const struct xk_protl_ops *const protls[] = { &mesh_protl, &nx_protl, NULL };
static const struct machine_registry registry = {
    .nets = nets,
    .protls = protls,
    .os = { .params = os_params_desc, .params_size = &os_params_size, .boot = os_node_boot },
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

static struct val *machine_spec(int64_t rows, int64_t columns)
{
    struct val *v = val_new(VAL_TABLE, "bench", 1), *graph = val_new(VAL_LIST, "bench", 1);
    val_put(v, "rows", val_new_int(rows, "bench", 1));
    val_put(v, "columns", val_new_int(columns, "bench", 1));
    val_append(graph, protocol("mesh", NULL));
    val_append(graph, protocol("nx", "mesh"));
    val_put(v, "graph", graph);
    return v;
}

static uint64_t messages_of(uint64_t nodes)
{
    uint64_t rounds = 0;
    for (uint64_t step = 1; step < nodes; step *= 2)
        rounds++;
    return nodes * ROUNDS * (1 + rounds);
}

/* Messages a second of host time. */
static double messages(uint64_t rows, uint64_t columns)
{
    struct err e = ERR_INIT;
    struct sim *s = sim_create(NULL);
    struct val *spec = machine_spec((int64_t)rows, (int64_t)columns);
    struct machine *m = machine_create(s, spec, "machine", &registry, &e);
    if (!m || !machine_load(m, &ring, NULL, &e)) {
        fprintf(stderr, "bench_machine: %s\n", e.text);
        exit(1);
    }
    double from = bench_seconds();
    enum sim_end end = sim_run(s);
    double seconds = bench_seconds() - from;
    if (end != SIM_END_IDLE) {
        fprintf(stderr, "bench_machine: the run ended by %s\n", sim_end_name(end));
        exit(1);
    }
    if (getenv("BENCH_EVENTS"))
        fprintf(stderr, "%lu events\n", (unsigned long)sim_events_fired(s));
    machine_destroy(m);
    val_free(spec);
    sim_destroy(s);
    return (double)messages_of(rows * columns) / seconds;
}

int main(int argc, char **argv)
{
    static const struct {
        uint64_t rows, columns;
    } sizes[] = { { 8, 8 }, { 16, 32 }, { 64, 64 } };
    double first = 0;
    size_t count = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 1 : ARRAY_LEN(sizes);
    for (size_t i = 0; i < count; i++) {
        double rate = bench_median(messages, sizes[i].rows, sizes[i].columns);
        char name[64];
        first = first > 0 ? first : rate;
        snprintf(name, sizeof(name), "NX messages of 1000 B at %d nodes",
                 (int)(sizes[i].rows * sizes[i].columns));
        bench_print(name, rate, "messages/s", "64 nodes", rate / first);
    }
    return 0;
}
