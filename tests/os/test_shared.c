/* test_shared.c: the programs over shared memory compute the right results under every manager. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "os/svm/svm_internal.h"
#include "tests/os/xk_rig.h"
#include "workloads/shared.h"

struct world {
    struct rig rig;
    const struct workload_ops *ops;
    void *params;
    uint32_t nodes, finished;
    uint32_t compute[RIG_NODES];
    struct os_layout layout;
};

struct start {
    struct world *w;
    struct os_node node;
};

static void program(void *arg)
{
    struct start *s = arg;
    struct world *w = s->w;
    port_thread_sleep(s->node.port, SIM_MS);
    w->ops->main(&s->node, s->node.node, w->nodes, w->params);
    w->finished++;
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct world *w = r->arg;
    struct start *s = port_alloc(p, sizeof *s);
    s->w = w;
    s->node = (struct os_node){ .port = p, .layout = &w->layout, .node = node, .xk = r->k[node] };
    cr_assert_not_null(port_thread_spawn(p, "program", program, s, 0));
}

static const struct {
    const struct workload_ops *ops;
    const char *name, *value; /* the size parameter */
} programs[] = {
    { &workload_svm_dot, "n", "1537" },       { &workload_svm_matmul, "n", "17" },
    { &workload_svm_jacobi, "n", "23" },      { &workload_svm_pde, "n", "9" },
    { &workload_svm_sort, "records", "333" }, { &workload_svm_tsp, "cities", "7" },
};

static void run(size_t program_idx, const char *pattern, const char *manager, uint32_t nodes,
                uint64_t seed)
{
    static struct world w;
    struct err e = ERR_INIT;
    w = (struct world){ .nodes = nodes,
                        .ops = pattern ? &workload_svm_pattern : programs[program_idx].ops };
    for (uint32_t i = 0; i < nodes; i++)
        w.compute[i] = i;
    w.layout = (struct os_layout){ .nodes = nodes, .compute_count = nodes, .compute = w.compute };
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    cr_assert(val_set_path(v, "svm.manager", val_new_string(manager, NULL, 0), &e));
    cr_assert(val_set_path(v, "memory.page", val_new_string("512B", NULL, 0), &e));
    if (pattern)
        val_put(v, "pattern", val_new_string(pattern, NULL, 0));
    else
        val_put(v, programs[program_idx].name,
                val_new_int(atol(programs[program_idx].value), NULL, 0));
    w.params = calloc(1, w.ops->params_size);
    cr_assert(param_load(w.ops->params, w.params, v, "workload", &e), "%s", e.text);
    struct fake_options o = { .nodes = nodes, .seed = seed, .work_cost = 20 * SIM_NS };
    rig_start(&w.rig, &o, "mesh mesh; svm svm <mesh; sync sync <mesh", booted, &w);
    fake_run(w.rig.f, 0);
    cr_assert_eq(w.finished, nodes, "%s, %s: %u of %u ended", w.ops->name, manager, w.finished,
                 nodes);
    cr_assert_eq(fake_counts(w.rig.f)->failures, 0, "%s, %s: %s", w.ops->name, manager,
                 fake_last_failure(w.rig.f));
    cr_assert_eq(fake_measures(w.rig.f, "svm.time"), 1);
    rig_stop(&w.rig);
    free(w.params);
    val_free(v);
}

Test(shared, programs_compute_what_a_sequential_run_computes)
{
    for (int m = 0; svm_managers[m]; m++)
        for (size_t i = 0; i < ARRAY_LEN(programs); i++)
            for (uint32_t nodes = 1; nodes <= 5; nodes += 2)
                run(i, NULL, svm_mgr_name(svm_managers[m]), nodes, 3);
}

Test(shared, patterns_see_what_was_written)
{
    static const char *const patterns[] = {
        "producer_consumer", "migratory", "false_sharing", "pingpong",
        "readers",           "random",    "lock",          "test_and_set"
    };
    for (int m = 0; svm_managers[m]; m++)
        for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
            run(0, patterns[i], svm_mgr_name(svm_managers[m]), 6, 4);
}
