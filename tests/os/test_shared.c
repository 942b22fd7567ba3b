/* test_shared.c: the programs over shared memory compute the right results under every manager. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/svm/svm_internal.h"
#include "tests/os/xk_rig.h"
#include "tests/sample.h"
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
    const struct program me = { .params = w->params, .rank = s->node.node, .ranks = w->nodes };
    w->ops->main(&s->node, &me);
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
    { &workload_svm_dot, "n", "1537" },
    { &workload_svm_matmul, "n", "17" },
    { &workload_svm_jacobi, "n", "23" },
    { &workload_svm_pde, "n", "9" },
    { &workload_svm_sort, "records", "333" },
    { &workload_svm_tsp, "cities", "7" },
    { &workload_svm_fft, "rows", "8" },
    { &workload_svm_lu, "n", "50" },
    { &workload_svm_irregular, "vertices", "500" },
};

/* Starts programs[program_idx], or the pattern. */
static struct world *begin(size_t program_idx, const char *pattern, const char *manager,
                           uint32_t nodes, uint64_t seed)
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
    if (pattern) {
        val_put(v, "pattern", val_new_string(pattern, NULL, 0));
        val_put(v, "record", val_new_bool(seed % 2 == 0, NULL, 0));
        val_put(v, "access", val_new_int(seed % 3 == 0 ? 1 : seed % 3 == 1 ? 4 : 8, NULL, 0));
    } else {
        val_put(v, programs[program_idx].name,
                val_new_int(atol(programs[program_idx].value), NULL, 0));
    }
    w.params = calloc(1, w.ops->kind.params_size);
    cr_assert(param_load(w.ops->kind.params, w.params, v, "workload", &e), "%s", e.text);
    struct fake_options o = { .nodes = nodes, .seed = seed, .work_cost = 20 * SIM_NS };
    rig_start(&w.rig, &o, "mesh driver; r rdm <mesh; svm svm <r; sync sync <r", booted, &w);
    val_free(v);
    return &w;
}

static void end(struct world *w)
{
    rig_stop(&w->rig);
    free(w->params);
}

/* What is refused where reads need not return the most recent write. */
static bool strict_only(const char *pattern, uint64_t seed)
{
    return pattern && (strcmp(pattern, "test_and_set") == 0 || strcmp(pattern, "contended") == 0 ||
                       seed % 2 == 0);
}

static void run(size_t program_idx, const char *pattern, const char *manager, uint32_t nodes,
                uint64_t seed)
{
    struct world *w = begin(program_idx, pattern, manager, nodes, seed);
    struct err e = ERR_INIT;
    if (strict_only(pattern, seed) && strcmp(manager, "hlrc") == 0) {
        cr_assert_not(w->ops->check(w->params, &w->layout, &e));
        cr_assert(strstr(e.text, "where a read returns the most recent write"), "%s", e.text);
    } else {
        fake_run(w->rig.f, 0);
        cr_assert_eq(w->finished, nodes, "%s, %s: %u of %u ended", w->ops->kind.name, manager,
                     w->finished, nodes);
        cr_assert_eq(fake_counts(w->rig.f)->failures, 0, "%s, %s: %s", w->ops->kind.name, manager,
                     fake_last_failure(w->rig.f));
        cr_assert_eq(fake_measures(w->rig.f, "svm.time"), 1);
    }
    end(w);
}

Test(shared, programs_compute_what_a_sequential_run_computes)
{
    for (int m = 0; svm_managers.items[m]; m++)
        for (size_t i = 0; i < ARRAY_LEN(programs); i++)
            for (uint32_t nodes = 1; nodes <= 5; nodes += 2)
                run(i, NULL, svm_managers.items[m]->name, nodes, 3);
}

Test(shared, patterns_see_what_was_written)
{
    static const char *const patterns[] = {
        "producer_consumer", "migratory", "false_sharing", "pingpong", "readers", "random", "lock",
        "test_and_set",      "contended"
    };
    for (int m = 0; svm_managers.items[m]; m++)
        for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
            for (uint64_t n = sample(NULL, 2); n > 0; n--)
                run(0, patterns[i], svm_managers.items[m]->name, 6, 5 - n); /* 4 is judged */
}

#define OP 12    /* offset of the operation in a frame: behind the headers of driver and RDM */
#define REGION 3 /* behind the operation; 0: the program's, 1: the records' */

/* Once, in the words of the program's first page: the values that a page brings are changed. */
static bool flip(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    bool *done = arg;
    static uint8_t bytes[4096];
    size_t len = frame->length;
    (void)src, (void)dst;
    if (*done || len < 512 || len > sizeof bytes)
        return true;
    rope_read(frame, 0, len, bytes);
    bool data = bytes[OP] == SVM_PAGE || bytes[OP] == SVM_DATA;
    if (!data || bytes[OP + REGION] != 0 || bytes[OP + 7] != 0)
        return true;
    for (size_t i = len - 512; i < len - 448; i++)
        bytes[i] ^= 0x40;
    rope_fini(frame);
    rope_add_bytes(frame, bytes, len);
    *done = true;
    return true;
}

Test(shared, a_recorded_history_tells_bytes_that_changed_in_flight)
{
    for (int m = 0; svm_is_strict(m); m++) {
        bool done = false;
        struct world *w = begin(0, "contended", svm_managers.items[m]->name, 6, 4);
        fake_on_frame(w->rig.f, flip, &done);
        fake_run(w->rig.f, 0);
        cr_assert(done);
        cr_assert_eq(w->finished, 6u);
        const char *text = fake_last_failure(w->rig.f);
        cr_assert(strstr(text, "shared memory: page 0, address 0x1000000"), "%s", text);
        cr_assert(strstr(text, "which nobody has written"), "%s", text);
        end(w);
    }
}

/* The words of every page that comes. */
static bool spoil(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    static uint8_t bytes[4096];
    size_t len = frame->length;
    (void)arg, (void)src, (void)dst;
    if (len < 512 || len > sizeof bytes)
        return true;
    rope_read(frame, 0, len, bytes);
    if (bytes[OP] != SVM_PAGE || bytes[OP + REGION] != 0)
        return true;
    bytes[len - 506] ^= 0x40; /* of the first word */
    rope_fini(frame);
    rope_add_bytes(frame, bytes, len);
    return true;
}

/* A product of one element, which is computed by the last node and looked at by the first. */
Test(shared, a_result_that_differs_in_its_first_element_alone_is_told)
{
    struct world *w = begin(1, NULL, "dynamic", 2, 3);
    struct err e = ERR_INIT;
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    cr_assert(val_set_path(v, "svm.manager", val_new_string("dynamic", NULL, 0), &e));
    cr_assert(val_set_path(v, "memory.page", val_new_string("512B", NULL, 0), &e));
    val_put(v, "n", val_new_int(1, NULL, 0));
    cr_assert(param_load(w->ops->kind.params, w->params, v, "workload", &e), "%s", e.text);
    val_free(v);
    fake_on_frame(w->rig.f, spoil, NULL);
    fake_run(w->rig.f, 0);
    cr_assert_eq(w->finished, 2u);
    const char *text = fake_last_failure(w->rig.f);
    cr_assert(strstr(text, "matrix product: element 0 is"), "%s", text);
    end(w);
}

/* An owner that all ask takes longer than `retry`: asking again must not keep it from answering. */
Test(shared, broadcasts_are_repeated_less_often_when_the_answer_is_slow)
{
    struct world *w = begin(0, NULL, "broadcast", 8, 3);
    ((struct shared_params *)w->params)->svm.retry = SIM_US;
    fake_run(w->rig.f, 0);
    cr_assert_eq(w->finished, 8);
    cr_assert_eq(fake_counts(w->rig.f)->failures, 0, "%s", fake_last_failure(w->rig.f));
    end(w);
}

Test(shared, more_nodes_than_the_machine_has_are_refused)
{
    struct shared_params p = { .nodes = 9 };
    struct os_layout layout = { .compute_count = 8 };
    struct err e = ERR_INIT;
    cr_assert_not(shared_check(&p, &layout, &e));
    cr_assert_str_eq(e.text, "workload.nodes is 9, but the machine has 8 compute nodes");
    p.nodes = 8;
    e = (struct err)ERR_INIT;
    cr_assert(shared_check(&p, &layout, &e));
}
