/* test_ckpt_shared.c: programs that share memory are killed at any event and go on from
 * checkpoints: they end as if nothing had happened, under every manager that can be saved; and what
 * a restart finds of owners, hints and copy sets is what was there at the cut.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/ckpt/ckpt.h"
#include "rig.h"
#include "rot.h"
#include "sim/audit.h"
#include "sim/thread.h"
#include "tests/sample.h"
#include "workloads/shared.h"

static struct val *table(void)
{
    return val_new(VAL_TABLE, NULL, 0);
}

static void text(struct val *t, const char *key, const char *value)
{
    val_put(t, key, val_new_string(value, NULL, 0));
}

static void number(struct val *t, const char *key, uint64_t value)
{
    val_put(t, key, val_new_int((int64_t)value, NULL, 0));
}

static const struct program_case {
    const struct workload_ops *ops;
    const char *sizes[2]; /* names of parameters, */
    uint64_t of[2];
} programs[] = {
    { &workload_svm_pde, { "n", "iterations" }, { 9, 8 } },
    { &workload_svm_jacobi, { "n", "iterations" }, { 37, 9 } },
    { &workload_svm_dot, { "n", "iterations" }, { 555, 16 } },
    { &workload_svm_matmul, { "n", "iterations" }, { 19, 6 } },
    { &workload_svm_sort, { "records", NULL }, { 377, 0 } },
    { &workload_svm_tsp, { "cities", NULL }, { 7, 0 } },
    { &workload_svm_fft, { "rows", NULL }, { 16, 0 } },
    { &workload_svm_lu, { "n", "block" }, { 29, 8 } },
    { &workload_svm_irregular, { "vertices", "iterations" }, { 111, 9 } },
};
static const char *const managers[] = { "central", "improved",  "fixed", "broadcast",
                                        "dynamic", "dynamic_s", "tree",  "xmm" };
static const char *const policies[] = { "stop", "copy", "cow", "cll" };
static const char *const sinks[] = { "file", "memory" };

struct run {
    const struct program_case *program;
    const char *manager, *policy, *sink, *interval, *initial_owner;
    bool incremental, compare, compress;
    bool slow; /* slow: the messages of shared memory come late */
    uint32_t crashes, frames, announce, spares;
    uint64_t at[4]; /* events */
    uint32_t node[4];
    uint64_t after[4]; /* us; 0: it never comes back */
    struct os_node *(*boot)(struct port *kernel, const struct os_boot *b);
    const struct workload_ops *instead; /* of the program's */
    /* out */
    double memory, saves, committed, restarts, pages, copies;
    uint64_t steps;
    char said[512];
    uint32_t damaged; /* times that the checkpoint before was used */
};

static uint64_t mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static struct val *graph(bool slow)
{
    static const char *const instances[][3] = {
        { "mesh", "driver", NULL },  { "rdm", "rdm", "mesh" },     { "nx", "nx", "rdm" },
        { "late", "vdrop", "mesh" }, { "rdm2", "rdm", "late" },    { "svm", "svm", "rdm2" },
        { "sync", "sync", "rdm2" },  { "blast", "blast", "mesh" }, { "chan", "chan", "blast" },
        { "rpc", "select", "chan" }, { "cut", "cut", "rdm" },
    };
    struct val *all = val_new(VAL_LIST, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(instances); i++) {
        struct val *v = table();
        text(v, "name", instances[i][0]);
        text(v, "protocol", instances[i][1]);
        if (i == 3) {
            val_put(v, "delay", val_new_real(slow ? 0.3 : 0, NULL, 0));
            text(v, "delay_max", "1ms");
        }
        if (instances[i][2]) {
            struct val *l = val_new(VAL_LIST, NULL, 0);
            val_append(l, val_new_string(instances[i][2], NULL, 0));
            if (strcmp(instances[i][0], "cut") == 0)
                val_append(l, val_new_string("mesh", NULL, 0));
            val_put(v, "below", l);
        }
        val_append(all, v);
    }
    return all;
}

/* 2 x 4 nodes: two I/O nodes, a service node, five programs; two more for two spares. */
static void machine(struct rig *r, const struct run *x)
{
    static const char *const services[] = { "nx",         "pfs_meta", "pfs_server",
                                            "pfs_client", "cut",      "ckpt" };
    struct val *disk = table(), *os = val_new(VAL_LIST, NULL, 0), *ckpt = NULL;
    rig_init(r, 2, x->spares > 0 ? 5 : 4);
    rig_set_int(r, "io_nodes", 2);
    rig_set(r, "detector_delay", "1ms");
    val_put(r->spec, "graph", graph(x->slow));
    text(disk, "kind", "disk");
    val_put(r->spec, "storage", disk);
    if (x->sink[0] == 's') { /* two copies: the I/O node that dies may be a server */
        ckpt = table();
        text(ckpt, "service", "memory_server");
        number(ckpt, "disk_pages", 0);
        val_append(os, ckpt);
    }
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        ckpt = table();
        text(ckpt, "service", services[i]);
        val_append(os, ckpt);
    }
    text(ckpt, "servers", "io");
    val_put(ckpt, "mirror", val_new_bool(true, NULL, 0));
    text(ckpt, "policy", x->policy);
    text(ckpt, "sink", x->sink);
    text(ckpt, "interval", x->interval);
    text(ckpt, "retry", "2ms");
    number(ckpt, "spares", x->spares);
    text(ckpt, "patience", "3ms");
    number(ckpt, "pool", 3);
    val_put(ckpt, "incremental", val_new_bool(x->incremental, NULL, 0));
    val_put(ckpt, "compare", val_new_bool(x->compare, NULL, 0));
    val_put(ckpt, "compress", val_new_bool(x->compress, NULL, 0));
    val_put(r->spec, "os", os);
    rig_set(r, "prices.copy.each", "10ns");
    rig_set(r, "prices.fault.each", "20us");
    /* A program lasts some checkpoints. */
    rig_set(r, "prices.flop.each", x->sink[0] == 'f' ? "3ms" : "20us");
    rig_set(r, "prices.op.each", x->sink[0] == 'f' ? "1ms" : "10us");
    rig_crashes(r, x->crashes, x->at, x->node, x->after);
    rig_os(r);
    if (x->boot)
        r->reg.boot = x->boot;
}

static struct val *parameters(const struct run *x)
{
    struct val *p = table(), *memory = table(), *svm = table();
    text(memory, "page", "512B");
    number(memory, "frames", x->frames);
    val_put(p, "memory", memory);
    text(svm, "manager", x->manager);
    text(svm, "retry", "200us");
    number(svm, "announce_every", x->announce);
    text(svm, "initial_owner", x->initial_owner);
    val_put(p, "svm", svm);
    for (size_t i = 0; i < 2 && x->program->sizes[i]; i++)
        number(p, x->program->sizes[i], x->program->of[i]);
    return p;
}

static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    struct run *x = arg;
    const struct {
        const char *name;
        double *to;
    } wanted[] = { { "ckpt.saves", &x->saves },
                   { "ckpt.committed", &x->committed },
                   { "ckpt.restarts", &x->restarts },
                   { "ckpt.pages", &x->pages },
                   { "ckpt.copies", &x->copies } };
    (void)unit;
    (void)half_width;
    (void)flags;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strcmp(name, wanted[i].name) == 0)
            *wanted[i].to = value;
}

static void on_remark(void *arg, const char *said)
{
    struct run *x = arg;
    x->damaged += strstr(said, "is damaged: the one before is used") != NULL;
}

static void play(struct run *x)
{
    struct rig r;
    const struct workload_ops *ops = x->program->ops;
    struct val *p = parameters(x);
    machine(&r, x);
    void *params = rig_start(&r, ops, x->instead, p);
    enum sim_end end = rig_run(&r);
    rig_verdict(&r, end, "", x->said, sizeof x->said);
    if (end == SIM_END_DEADLOCK && getenv("CKPT_TELL")) {
        char text[4096] = "";
        sim_report_deadlock(r.sim, text, sizeof text);
        printf("%s\n", text);
    }
    x->memory = rig_mean(&r, "svm.memory");
    x->steps = machine_steps(r.m);
    rig_finish(&r, params,
               &(struct sim_result_sink){ .arg = x, .scalar = on_scalar, .remark = on_remark });
    val_free(p);
}

/* ---- whatever dies, and when ---- */

static void choose(struct run *x, uint64_t seed)
{
    static const char *const owners[] = { "first", "modulo", "block" };
    uint64_t s = seed * 7919;
    *x = (struct run){ .program = &programs[mix(&s) % ARRAY_LEN(programs)],
                       .manager = managers[seed % ARRAY_LEN(managers)],
                       .policy = policies[mix(&s) % ARRAY_LEN(policies)],
                       .sink = sinks[mix(&s) % ARRAY_LEN(sinks)],
                       .incremental = mix(&s) % 2,
                       .initial_owner = owners[mix(&s) % ARRAY_LEN(owners)],
                       .announce = mix(&s) % 3 == 0 ? 3 : 0,
                       .spares = mix(&s) % 3 == 0 ? 2 : 0,
                       .compare = mix(&s) % 3 == 0,
                       .compress = mix(&s) % 3 == 0,
                       .interval = "1ms" };
    if (mix(&s) % 2)
        x->interval = x->sink[0] == 'f' ? "30ms" : "3ms";
    /* Copies are replaced; but owners keep their frames: no one rank may become the owner of most,
     * as who reads does under dynamic, and rank 0 that makes the vectors. */
    if (strcmp(x->manager, "dynamic") != 0 && x->program->ops != &workload_svm_dot &&
        x->initial_owner[0] != 'f' && mix(&s) % 2)
        x->frames = 16;
    if (seed * 7 / 5 % 3 == 1)
        x->sink = "servers";
}

/* SVMS4, SVMS5, SVMS6. */
Test(ckpt_shared, a_program_that_is_killed_at_any_event_ends_as_if_it_had_not)
{
    /* Their nodes, and an I/O node; or two spares, 7 and 8. */
    static const uint32_t seats[2][7] = { { 0, 1, 4, 5, 6, 3, 0 }, { 0, 1, 2, 5, 6, 7, 8 } };
    uint64_t count = sample("CKPT_SEEDS", 24), from = sample("CKPT_FIRST", 1);
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run calm, x;
        uint64_t s = seed * 77;
        choose(&calm, seed);
        play(&calm);
        cr_assert(calm.said[0] == 0 && calm.memory >= 0, "seed %lu (%s, %s) without a crash: %s",
                  seed, calm.program->ops->kind.name, calm.manager, calm.said);
        choose(&x, seed);
        x.crashes = x.sink[0] == 'm' ? 1 : 1 + (uint32_t)(mix(&s) % 3);
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % (calm.steps * (i + 1));
            x.node[i] = seats[x.spares > 0][mix(&s) % 7];
            x.after[i] = 1 + mix(&s) % 5000;
            if (x.spares > 0 && i < 2 && mix(&s) % 2)
                x.after[i] = 0;
        }
        play(&x);
        if (getenv("CKPT_TELL"))
            printf("seed %lu %s %s %s %s%s: %.0f of %.0f saves committed, %.0f restarts, calm "
                   "%.0f\n",
                   seed, x.program->ops->kind.name, x.manager, x.policy, x.sink,
                   x.incremental ? " incremental" : "", x.committed, x.saves, x.restarts,
                   calm.committed);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory,
                  "seed %lu (%s, %s, %s, %s%s; %u crashes, first at %lu of %lu): memory %.0f, not "
                  "%.0f. %s",
                  seed, x.program->ops->kind.name, x.manager, x.policy, x.sink,
                  x.incremental ? ", incremental" : "", x.crashes, x.at[0], calm.steps, x.memory,
                  calm.memory, x.said);
    }
}

static struct os_node *rot_node(struct port *kernel, const struct os_boot *b)
{
    struct os_node *n = os_node_boot(kernel, b);
    struct ckpt *c = os_find(n, &ckpt_service);
    if (c)
        rot_boot(c);
    return n;
}

/* CKPT9: what ranks know of pages in the checkpoint that was damaged is nowhere in what goes on. */
Test(ckpt_shared, a_program_that_finds_its_last_checkpoint_damaged_ends_as_if_it_had_not)
{
    static const uint32_t seats[] = { 0, 1, 4, 5, 6 };
    uint64_t count = sample("CKPT_SEEDS", 16), from = sample("CKPT_FIRST", 1);
    uint32_t before = 0;
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run calm, x;
        uint64_t s = seed * 97;
        choose(&calm, seed);
        calm.spares = 0;
        play(&calm);
        cr_assert(calm.said[0] == 0 && calm.memory >= 0, "seed %lu (%s, %s) without a crash: %s",
                  seed, calm.program->ops->kind.name, calm.manager, calm.said);
        x = calm;
        x.damaged = 0;
        x.boot = rot_node;
        x.crashes = 2 + (uint32_t)(mix(&s) % 3);
        for (uint32_t i = 0; i < x.crashes; i++) {
            bool alone = i > 0 && x.sink[0] == 'm'; /* no two neighbours */
            x.at[i] = i > 0 ? x.at[i - 1] + 100 + mix(&s) % (calm.steps / 3)
                            : calm.steps / 2 + mix(&s) % (calm.steps / 2);
            x.node[i] = alone ? x.node[0] : seats[mix(&s) % 5];
            x.after[i] = 1 + mix(&s) % 2000;
        }
        rot_begin(seed % 2 ? ROTS_OFTEN : ROTS_AGAIN, x.at[0]);
        play(&x);
        rot_begin(ROTS_NEVER, 0);
        bool told = strstr(x.said, "the job cannot go on") != NULL;
        cr_expect(told || (x.said[0] == 0 && x.memory == calm.memory),
                  "seed %lu (%s, %s, %s, %s): memory %.0f, not %.0f. %s", seed,
                  x.program->ops->kind.name, x.manager, x.policy, x.sink, x.memory, calm.memory,
                  x.said);
        before += !told && x.damaged > 0;
    }
    cr_expect(count < 16 || before > 0, "%u have gone on from the one before", before);
}

/* ---- what a restart finds ---- */

#define PAGES 12
#define STEPS 8
#define RANKS 5
#define FREE 10 /* event counts that rise without anybody waiting */

/* A part of each rank's checkpoints: what it believed of each page. */
static struct probe {
    struct svm *svm; /* NULL: not joined */
    struct svm_view found[PAGES];
    bool loaded;
} probes[8]; /* by node */
static uint64_t compared, wrong;

static bool probe_save(void *obj, struct rope *out, const char **why)
{
    struct probe *q = obj;
    (void)why;
    for (uint64_t page = 0; page < PAGES; page++) {
        struct svm_view v;
        uint8_t wire[12];
        svm_look(q->svm, page, &v);
        wire_put32(wire, v.owner);
        wire_put32(wire + 4, v.hint);
        wire_put32(wire + 8, v.copies);
        rope_add_bytes(out, wire, sizeof wire);
        cr_assert(!v.locked, "a page is saved while a fault is out");
    }
    return true;
}

static bool probe_load(void *obj, struct rope *in)
{
    struct probe *q = obj;
    q->loaded = true;
    for (uint64_t page = 0; page < PAGES; page++) {
        uint8_t wire[12];
        rope_read(in, page * sizeof wire, sizeof wire, wire);
        q->found[page] = (struct svm_view){ .owner = wire_get32(wire) != 0,
                                            .hint = wire_get32(wire + 4),
                                            .copies = wire_get32(wire + 8) };
    }
    return true;
}

static const struct ckpt_part_ops probe_part = { "probe", probe_save, probe_load };

static struct os_node *probe_boot(struct port *kernel, const struct os_boot *b)
{
    struct os_node *n = os_node_boot(kernel, b);
    struct ckpt *c = os_find(n, &ckpt_service);
    probes[n->node] = (struct probe){ .svm = NULL };
    if (c)
        ckpt_part(c, &probe_part, &probes[n->node]);
    return n;
}

/* SVMS3. */
static void compare(struct probe *q)
{
    for (uint64_t page = 0; page < PAGES; page++) {
        const struct svm_view *was = &q->found[page];
        struct svm_view v;
        svm_look(q->svm, page, &v);
        compared++;
        wrong += v.owner != was->owner || v.hint != was->hint || v.copies != was->copies;
    }
    q->loaded = false;
}

/* In the first step each page is written by one rank; then each rank writes to three, in a word of
 * its own. */
static bool writes(uint64_t step, uint32_t rank, uint64_t page)
{
    uint64_t s = step * 100 + rank;
    if (step == 0)
        return page % RANKS == rank;
    for (int k = 0; k < 3; k++)
        if (mix(&s) % PAGES == page)
            return true;
    return false;
}

static uint64_t word(uint64_t page, uint32_t rank)
{
    return SHARED_BASE + page * 512 + 8 * rank;
}

static void probe_reads(struct vm_space *space, uint64_t step, uint32_t rank)
{
    for (uint64_t page = 0; page < PAGES; page++)
        for (uint32_t of = 0; of < RANKS; of++) {
            uint64_t last = 0;
            if ((page + of + step) % 3 == rank % 3)
                continue;
            for (uint64_t k = 0; k <= step; k++)
                last = writes(k, of, page) ? k + 1 : last;
            wrong += vm_load_u64(space, word(page, of)) != last;
        }
}

static void probe_main(struct os_node *n, const struct program *me)
{
    const struct shared_params *p = me->params;
    struct probe *q = &probes[n->node];
    struct ckpt *c = os_find(n, &ckpt_service);
    struct xk_protl *svm = xk_find(n->xk, "svm"), *sync = xk_find(n->xk, "sync");
    struct vm_space *space = vm_space_create(vm_create(me->task, &p->memory), "probe");
    ckpt_shared(c, svm, sync);
    q->svm = svm_join(svm, space, SHARED_BASE, PAGES * 512, n->layout->compute, me->ranks, &p->svm);
    if (q->loaded)
        compare(q);
    struct sync *y = sync_join(sync, n->layout->compute, me->ranks);
    ckpt_memory(c, space);
    uint64_t counter = word(PAGES - 1, RANKS);
    for (uint64_t at = me->resume > 0 ? me->resume - 1 : 0; at < 4 * STEPS; at++) {
        uint64_t k = at / 4, s = at * RANKS + me->rank;
        bool again = me->resume == at + 1;
        for (uint64_t page = 0; !again && at % 4 == 0 && page < PAGES; page++)
            if (writes(k, me->rank, page))
                vm_store_u64(space, word(page, me->rank), k + 1);
        if (!again && at % 4 == 1) { /* it has the lock */
            vm_store_u64(space, counter, vm_load_u64(space, counter) + 1);
            sync_unlock(y, 3);
            sync_advance(y, 4);
        }
        if (!again && at % 4 == 3) {
            probe_reads(space, k, me->rank);
            wrong += vm_load_u64(space, counter) != RANKS * (k + 1);
            wrong += sync_read(y, 4) != RANKS * (k + 1);
        }
        port_compute(me->task, (sim_time)(mix(&s) % 400) * SIM_US);
        port_pay(me->task);
        for (uint32_t i = 0; !again && i < RANKS; i++) /* nobody waits for these */
            sync_advance(y, FREE + i);
        os_safe_call(n, at + 1);
        if (at % 4 == 0)
            sync_lock(y, 3);
        else if (at % 4 == 1)
            sync_await(y, 4, RANKS * (k + 1));
        else
            sync_barrier(y);
    }
    for (uint32_t i = 0; i < RANKS; i++)
        sync_await(y, FREE + i, RANKS * 4 * STEPS);
    if (me->rank == 0)
        port_measure(me->task, &shared_measures[SM_MEMORY], 1);
}

/* SVMS1, SVMS2, SVMS3: and each page is in each checkpoint once. */
Test(ckpt_shared, a_restart_finds_owners_and_copy_sets_as_they_were)
{
    struct workload_ops ops = workload_svm_pde;
    ops.main = probe_main;
    ops.check = NULL;
    for (size_t m = 0; m < ARRAY_LEN(managers); m++)
        for (uint64_t seed = 1; seed <= sample("CKPT_SEEDS", 4); seed++) {
            uint64_t s = seed * 100 + m;
            struct run calm = { .program = &programs[0],
                                .manager = managers[m],
                                .policy = "cow",
                                .sink = "memory",
                                .initial_owner = "modulo",
                                .interval = "1ms",
                                .slow = true,
                                .boot = probe_boot,
                                .instead = &ops };
            struct run x = calm;
            play(&calm);
            cr_expect(calm.said[0] == 0 && calm.memory == 1, "%s: %s", calm.manager, calm.said);
            cr_expect_gt(calm.saves, 2 * RANKS, "%s: %.0f", calm.manager, calm.saves);
            double all = calm.saves / RANKS * PAGES; /* but for pages that are not touched yet */
            cr_expect(calm.pages <= all && calm.pages > all - PAGES, "%s: %.0f pages in %.0f saves",
                      calm.manager, calm.pages, calm.saves);
            cr_expect_gt(calm.copies, 0);
            x.incremental = true;
            x.interval = seed % 2 ? "1ms" : "5ms"; /* pages come back between two */
            x.crashes = 1;
            x.at[0] = calm.steps / 2 + mix(&s) % (calm.steps / 3);
            x.node[0] = seed % 2 ? 0 : 5;
            x.after[0] = 500;
            play(&x);
            cr_expect(x.said[0] == 0 && x.memory == 1, "%s: %s", x.manager, x.said);
            cr_expect_eq(wrong, 0, "%s: %lu of %lu", x.manager, wrong, compared);
        }
    cr_expect_gt(compared, ARRAY_LEN(managers) * PAGES);
}

/* ---- what cannot be saved ---- */

/* A pager of the program's own. */
static const struct vm_pager_ops other = { .name = "other" };

static void unsaved_main(struct os_node *n, const struct program *me)
{
    const struct shared_params *p = me->params;
    struct ckpt *c = os_find(n, &ckpt_service);
    struct vm_space *space = vm_space_create(vm_create(me->task, &p->memory), "unsaved");
    if (p->svm.manager != 0) { /* hlrc */
        struct xk_protl *svm = xk_find(n->xk, "svm");
        ckpt_shared(c, svm, xk_find(n->xk, "sync"));
        cr_expect_null(
            svm_join(svm, space, SHARED_BASE, 512, n->layout->compute, me->ranks, &p->svm));
    } else {
        cr_expect_not_null(vm_map(space, SHARED_BASE, 512, VM_WRITE, &other, NULL));
        ckpt_memory(c, space);
    }
    os_safe_point(n, 1);
}

Test(ckpt_shared, memory_that_cannot_be_saved_is_refused_by_a_sentence)
{
    static const char *const said[] = { "memory of the pager other cannot be saved: allowed are",
                                        "memory of manager hlrc cannot be saved: it is the same" };
    struct workload_ops ops = workload_svm_pde;
    ops.main = unsaved_main;
    ops.check = NULL;
    for (size_t k = 0; k < ARRAY_LEN(said); k++) {
        struct run x = { .program = &programs[0],
                         .manager = k == 0 ? "central" : "hlrc",
                         .policy = "stop",
                         .sink = "memory",
                         .initial_owner = "first",
                         .interval = "1ms",
                         .instead = &ops };
        play(&x);
        cr_expect_not_null(strstr(x.said, said[k]), "%s", x.said);
    }
}
