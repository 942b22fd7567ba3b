/* test_ckpt.c: jobs that are killed at any event and go on from checkpoints end as if nothing had
 * happened: every program, policy and sink, also when a node dies during a checkpoint, the commit,
 * or a restart.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/blkdev.h"
#include "os/ckpt/ckpt.h"
#include "os/ckpt/pack.h"
#include "os/xk/msg.h"
#include "rig.h"
#include "sim/audit.h"
#include "sim/thread.h"
#include "tests/sample.h"

extern const struct workload_ops workload_job;

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

static void instance(struct val *graph, const char *name, const char *protocol, const char *below)
{
    struct val *v = table();
    text(v, "name", name);
    text(v, "protocol", protocol);
    if (below) {
        struct val *l = val_new(VAL_LIST, NULL, 0);
        val_append(l, val_new_string(below, NULL, 0));
        val_put(v, "below", l);
    }
    val_append(graph, v);
}

struct run {
    const char *program, *policy, *sink;
    bool incremental, uneven, named, compare, compress;
    uint64_t seed;
    uint32_t crashes;
    uint64_t at[4]; /* events */
    uint32_t node[4];
    uint64_t after[4]; /* us; 0: it never comes back */
    uint32_t spares;
    const char *interval, *think;
    sim_time rots;                              /* 0: nothing */
    uint64_t dirty, table, rewrite, more_steps; /* table: pages */
    /* out */
    double memory;
    uint64_t steps;
    double saves, pages, page_bytes, meta_bytes, damaged, rewritten, diffs, space, kept;
    char said[512];
};

static uint64_t mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 2 x 4 nodes: two I/O nodes, a service node, five programs; two more for two spares. */
static void machine(struct rig *r, const struct run *x)
{
    struct val *graph = val_new(VAL_LIST, NULL, 0), *disk = table(),
               *os = val_new(VAL_LIST, NULL, 0), *ckpt = NULL;
    static const char *const services[] = { "nx", "pfs_meta", "pfs_server", "pfs_client", "ckpt" };
    rig_init(r, 2, x->spares > 0 ? 5 : 4);
    rig_set_int(r, "io_nodes", 2);
    rig_set(r, "detector_delay", "1ms");
    instance(graph, "mesh", "mesh", NULL);
    instance(graph, "rdm", "rdm", "mesh");
    instance(graph, "nx", "nx", "rdm");
    instance(graph, "blast", "blast", "mesh");
    instance(graph, "chan", "chan", "blast");
    instance(graph, "rpc", "select", "chan");
    val_put(r->spec, "graph", graph);
    text(disk, "kind", "disk");
    val_put(r->spec, "storage", disk);
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        ckpt = table();
        text(ckpt, "service", services[i]);
        val_append(os, ckpt);
    }
    text(ckpt, "policy", x->policy);
    text(ckpt, "sink", x->sink);
    text(ckpt, "interval", x->interval);
    text(ckpt, "retry", "2ms");
    number(ckpt, "pool", 3);
    val_put(ckpt, "compare", val_new_bool(x->compare, NULL, 0));
    val_put(ckpt, "compress", val_new_bool(x->compress, NULL, 0));
    number(ckpt, "spares", x->spares);
    text(ckpt, "patience", "3ms");
    text(ckpt, "give_up", "10s");
    val_put(ckpt, "incremental", val_new_bool(x->incremental, NULL, 0));
    val_put(r->spec, "os", os);
    rig_set(r, "prices.copy.each", "10ns");
    rig_set(r, "prices.fault.each", "50us");
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    for (uint32_t i = 0; i < x->crashes; i++) {
        struct val *f = table();
        char after[32];
        snprintf(after, sizeof after, "%luus", x->after[i]);
        number(f, "event", x->at[i]);
        val_put(f, "path", rig_node(x->node[i]));
        if (x->after[i] > 0)
            text(f, "after", after);
        val_append(faults, f);
    }
    if (x->crashes > 0)
        val_put(r->spec, "faults", faults);
    else
        val_free(faults);
    rig_os(r);
}

static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    struct run *x = arg;
    const struct {
        const char *name;
        double *to;
    } wanted[] = {
        { "saves", &x->saves }, { "damaged", &x->damaged },       { "rewritten", &x->rewritten },
        { "pages", &x->pages }, { "page_bytes", &x->page_bytes }, { "meta_bytes", &x->meta_bytes },
        { "diffs", &x->diffs }, { "space", &x->space },           { "kept", &x->kept },
    };
    (void)unit;
    (void)half_width;
    (void)flags;
    for (size_t i = 0; strncmp(name, "ckpt.", 5) == 0 && i < ARRAY_LEN(wanted); i++)
        if (strcmp(name + 5, wanted[i].name) == 0)
            *wanted[i].to = value;
}

/* A byte of the newest header of rank 1 turns over on its disk; then its node crashes. */
struct rot {
    struct sim_event event, back;
    struct rig *rig;
    struct blk_req read[2];
    uint32_t left, newest, where;
    uint64_t sector;
};
#define ROT_FROM 12288u /* where the files of the ranks lie */
#define ROT_SECTORS 1024u

static void node_back(struct sim *s, struct sim_event *e)
{
    struct rot *x = CONTAINER_OF(e, struct rot, back);
    (void)s;
    machine_restart(x->rig->m, machine_layout(x->rig->m)->io[x->where]);
    machine_restart(x->rig->m, machine_layout(x->rig->m)->compute[1]);
}

static struct blkdev *device(const struct rot *x, uint32_t i)
{
    return x->rig->m->nodes[machine_layout(x->rig->m)->io[i]].devs[0];
}

static void scanned(struct blk_req *r)
{
    struct rot *x = r->owner;
    uint64_t sector = r->data.length / ROT_SECTORS;
    for (uint64_t k = 0; k < ROT_SECTORS; k++) {
        uint8_t wire[12];
        rope_read(&r->data, k * sector, sizeof wire, wire);
        uint32_t generation = wire_get32(wire + 8);
        if (wire_get32(wire) != 0x636b7074 || wire_get32(wire + 4) != 1 || generation < x->newest)
            continue;
        x->newest = generation;
        x->where = r == &x->read[1];
        x->sector = ROT_FROM + k;
    }
    rope_fini(&r->data);
    if (--x->left > 0)
        return;
    cr_assert_geq(x->newest, 2);
    cr_assert(device(x, x->where)->ops->corrupt(device(x, x->where), x->sector, 33, 0x40));
    machine_crash(x->rig->m, machine_layout(x->rig->m)->io[x->where]); /* it has it in memory */
    machine_crash(x->rig->m, machine_layout(x->rig->m)->compute[1]);
    sim_after(x->rig->sim, &x->back, SIM_MS);
}

static void rot(struct sim *s, struct sim_event *e)
{
    struct rot *x = CONTAINER_OF(e, struct rot, event);
    (void)s;
    x->left = 2;
    for (uint32_t i = 0; i < 2; i++) {
        x->read[i] = (struct blk_req){
            .op = BLK_READ, .sector = ROT_FROM, .sectors = ROT_SECTORS, .done = scanned, .owner = x
        };
        rope_init(&x->read[i].data);
        device(x, i)->ops->submit(device(x, i), &x->read[i]);
    }
}

static void ignore(void *arg, const char *said)
{
    (void)arg;
    (void)said;
}

static void play(struct run *x)
{
    struct rig r;
    struct err e = ERR_INIT;
    struct val *p = table(), *page = table();
    machine(&r, x);
    text(p, "program", x->program);
    text(page, "page", "1KiB");
    val_put(p, "page", page);
    text(p, "memory", "12KiB");
    text(p, "scratch", "4KiB");
    char bytes[32];
    snprintf(bytes, sizeof bytes, "%luKiB", x->table);
    text(p, "table", bytes);
    number(p, "rewrite", x->rewrite);
    val_put(p, "named", val_new_bool(x->named, NULL, 0));
    number(p, "columns", 16);
    text(p, "bytes", "3KiB");
    number(p, "steps", 12 + x->more_steps);
    number(p, "seed", x->seed);
    number(p, "dirty", x->dirty);
    val_put(p, "uneven", val_new_bool(x->uneven, NULL, 0));
    text(p, "think", x->think);
    number(p, "meet", 3);
    r.sim = sim_create(&r.options);
    r.m = machine_create(r.sim, r.spec, "machine", &r.reg, &e);
    cr_assert_not_null(r.m, "%s", e.text);
    void *params = calloc(1, workload_job.kind.params_size);
    cr_assert(param_load(workload_job.kind.params, params, p, "workload", &e), "%s", e.text);
    cr_assert(rig_load(&r, &workload_job, params, &e), "%s", e.text);
    struct rot rotten = { .rig = &r };
    sim_event_init(&rotten.event, SIM_CLASS_DEVICE, rot);
    sim_event_init(&rotten.back, SIM_CLASS_DEVICE, node_back);
    if (x->rots > 0)
        sim_at(r.sim, &rotten.event, x->rots);
    enum sim_end end = sim_run(r.sim);
    snprintf(x->said, sizeof x->said, "%s",
             end != SIM_END_IDLE    ? sim_end_name(end)
             : machine_failure(r.m) ? machine_failure(r.m)
                                    : "");
    struct sim_measure *m = sim_measure_find(r.sim, "job.memory");
    x->memory = m && sim_measure_count(m) > 0 ? sim_measure_mean(m) : -1;
    x->steps = machine_steps(r.m);
    if (x->said[0] == 0 && sim_audit_run(r.sim, x->said, sizeof x->said) == 0)
        x->said[0] = 0;
    machine_finish(r.m);
    sim_measures_write(
        r.sim, &(struct sim_result_sink){ .arg = x, .scalar = on_scalar, .remark = ignore });
    machine_destroy(r.m);
    sim_destroy(r.sim);
    val_free(r.spec);
    val_free(p);
    free(params);
}

static const char *const programs[] = { "random", "jacobi", "ring" };
static const char *const policies[] = { "stop", "copy", "cow", "cll" };
static const char *const sinks[] = { "file", "memory" };

static void choose(struct run *x, uint64_t seed)
{
    uint64_t s = seed;
    *x = (struct run){ .program = programs[mix(&s) % ARRAY_LEN(programs)],
                       .policy = policies[mix(&s) % ARRAY_LEN(policies)],
                       .sink = sinks[mix(&s) % ARRAY_LEN(sinks)],
                       .incremental = mix(&s) % 2,
                       .seed = seed,
                       .dirty = 4,
                       .think = "300us",
                       .interval = mix(&s) % 2 ? "1ms" : "4ms" };
    x->uneven = true; /* ranks are saved while they wait for others, too */
    if (seed == 315)  /* what it stands for depends on the time of each event */
        return;
    x->table = mix(&s) % 3;
    x->rewrite = mix(&s) % 4 == 0 ? 5 : 0;
    x->named = mix(&s) % 2;
    x->compare = mix(&s) % 2;
    x->compress = mix(&s) % 3 == 0;
}

/* CKPT1, CKPT2, CKPT4, CKPTM1, NX8, NX9, OSRUN1: whatever dies, and when. */
Test(ckpt, a_job_that_is_killed_at_any_event_ends_as_if_it_had_not)
{
    static const uint32_t ranks[] = { 0, 1, 4, 5, 6, 3 }; /* their nodes, and an I/O node */
    uint64_t count = sample("CKPT_SEEDS", 24), from = sample("CKPT_FIRST", sample_one_in());
    for (uint64_t k = from; k <= from + count; k++) {
        uint64_t seed =
            k < from + count ? k : 315; /* a slot cannot be read, the other has nothing */
        struct run calm, x;
        uint64_t s = seed * 77;
        choose(&calm, seed);
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        choose(&x, seed);
        x.crashes = x.sink[0] == 'm' ? 1 : 1 + (uint32_t)(mix(&s) % 3);
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % (calm.steps * (i + 1));
            x.node[i] = ranks[mix(&s) % ARRAY_LEN(ranks)];
            x.after[i] = 1 + mix(&s) % 5000;
        }
        if (seed % 3 == 0) { /* the service node, before it has the name of any file */
            x.node[0] = 2;
            x.at[0] = 1 + mix(&s) % 60;
        }
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory && x.damaged == 0,
                  "seed %lu (%s, %s, %s%s; %u crashes, first at %lu of %lu): memory %.0f, not "
                  "%.0f. %s",
                  seed, x.program, x.policy, x.sink, x.incremental ? ", incremental" : "",
                  x.crashes, x.at[0], calm.steps, x.memory, calm.memory, x.said);
    }
}

/* PLACE2, PLACE3, PLACE4: nodes die for ever, leaders among them; two of seven are spares, and one
 * that comes back may take another rank. */
Test(ckpt, ranks_go_on_on_spare_nodes)
{
    static const uint32_t seats[] = { 0, 1, 2, 5, 6, 7, 8, 0, 0 }; /* 7, 8: spares */
    uint64_t count = sample("CKPT_SEEDS", 24), from = sample("CKPT_FIRST", sample_one_in());
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run calm, x;
        uint64_t s = seed * 79;
        uint32_t for_ever = 0;
        choose(&calm, seed);
        calm.spares = 2;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        choose(&x, seed);
        x.spares = 2;
        x.crashes = x.sink[0] == 'm' ? 1 : 1 + (uint32_t)(mix(&s) % 4);
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % (calm.steps * (i + 1));
            x.node[i] = seats[mix(&s) % ARRAY_LEN(seats)];
            x.after[i] = 1 + mix(&s) % 8000;
            if (for_ever < x.spares && mix(&s) % 2) {
                x.after[i] = 0;
                for_ever++;
            }
        }
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory,
                  "seed %lu (%s, %s, %s%s; %u crashes, %u for ever): memory %.0f, not %.0f. %s",
                  seed, x.program, x.policy, x.sink, x.incremental ? ", incremental" : "",
                  x.crashes, for_ever, x.memory, calm.memory, x.said);
    }
}

Test(ckpt, a_job_with_too_few_nodes_is_given_up)
{
    struct run x = { .program = "random",
                     .policy = "cow",
                     .sink = "file",
                     .dirty = 4,
                     .spares = 2,
                     .crashes = 3,
                     .at = { 700, 900, 1200 },
                     .node = { 0, 5, 8 },
                     .interval = "1ms",
                     .think = "300us" };
    play(&x);
    cr_expect_str_eq(x.said,
                     "node 1, kernel: the job has 5 ranks and only 4 nodes are left that may have "
                     "one: node 8, of rank 3, does not come back");
}

/* CKPT3: each rank has 12 pages, and one of them is written in each step; its 4 pages of scratch
 * memory, all of them written, are in no checkpoint. */
Test(ckpt, increments_are_the_pages_that_were_written)
{
    for (size_t policy = 0; policy < ARRAY_LEN(policies); policy++) {
        struct run x = { .program = "ring",
                         .policy = policies[policy],
                         .sink = "memory",
                         .incremental = true,
                         .interval = "30ms",
                         .think = "20ms" };
        play(&x);
        cr_assert_str_empty(x.said, "%s", x.said);
        cr_expect_geq(x.saves, 3 * 5, "%s: %.0f saves, %.0f pages %.0f bytes", x.policy, x.saves,
                      x.pages, x.page_bytes);
        cr_expect_eq(x.pages, 5 * 12 + (x.saves - 5), "%s: %.0f pages of %.0f saves", x.policy,
                     x.pages, x.saves);
        cr_expect(x.page_bytes <= x.pages * 1024 && x.page_bytes >= (x.pages - 5) * 1024);
    }
}

/* PACK1, by the slow count of words and runs; what is damaged is refused or is another page, and
 * nothing beyond the buffers is touched (for who checks memory). */
Test(ckpt, differences_and_compression_are_read_back_the_same)
{
    enum { MOST = 5000 };
    static uint8_t old[MOST], new[MOST], out[2 * MOST], back[MOST], again[MOST];
    static uint32_t lz[PACK_TABLE];
    uint64_t s = 5;
    for (int round = 0; round < 600; round++) {
        size_t n = mix(&s) % (MOST / 4 + 1) * 4, words = 0, runs = 0, kinds = 1 + mix(&s) % 300;
        uint64_t changes = mix(&s) % 3 == 0 ? mix(&s) % MOST : mix(&s) % 8;
        for (size_t i = 0; i < n; i++)
            old[i] = new[i] = (uint8_t)(mix(&s) % kinds);
        for (uint64_t k = 0; n > 0 && k < changes; k++)
            new[mix(&s) % n] ^= (uint8_t)(1 + mix(&s) % 255);
        for (size_t w = 0; w < n / 4; w++) {
            bool differs = memcmp(old + 4 * w, new + 4 * w, 4) != 0;
            words += differs;
            runs += differs && (w == 0 || memcmp(old + 4 * w - 4, new + 4 * w - 4, 4) == 0);
        }
        size_t length = pack_diff(old, new, n, out, sizeof out);
        cr_assert_eq(length, 4 * (words + runs));
        cr_assert_eq(pack_diff(old, new, n, out, length), length);
        cr_assert(length == 0 || pack_diff(old, new, n, out, length - 1) == PACK_NONE);
        length = pack_diff(old, new, n, out, sizeof out);
        memcpy(back, old, n);
        cr_assert(pack_patch(back, n, out, length) && memcmp(back, new, n) == 0);
        for (uint64_t k = 0; length > 0 && k < 4; k++) {
            out[mix(&s) % length] ^= (uint8_t)(1 + mix(&s) % 255);
            memcpy(back, old, n);
            (void)pack_patch(back, n, out, length - mix(&s) % 3 % length);
        }
        size_t packed = pack_lz(new, n, out, sizeof out, lz);
        cr_assert_leq(packed, n + 2 * ((n + 15) / 16));
        cr_assert(pack_unlz(out, packed, back, n) && memcmp(back, new, n) == 0);
        if (packed > 2)
            cr_assert_eq(pack_lz(new, n, out, packed - 1, lz), PACK_NONE);
        packed = pack_lz(new, n, out, sizeof out, lz);
        for (uint64_t k = 0; packed > 0 && k < 4; k++) {
            out[mix(&s) % packed] ^= (uint8_t)(1 + mix(&s) % 255);
            (void)pack_unlz(out, packed - mix(&s) % 3 % packed, again, n);
        }
    }
    static const uint8_t before[] = { 0, 1, 0, 1 }; /* a copy of what is not there yet */
    cr_assert_not(pack_unlz(before, sizeof before, back, 3));
    static uint8_t far[2][300000];
    far[1][299999] = 1;
    cr_assert_eq(pack_diff(far[0], far[1], sizeof far[0], out, sizeof out), 4 * (1 + 1 + 1));
    cr_assert(pack_patch(far[0], sizeof far[0], out, 12) && far[0][299999] == 1);
    memset(new, 7, MOST); /* a literal, then copies of 18: two bytes each */
    size_t items = 1 + (MOST - 1 + 17) / 18;
    cr_assert_leq(pack_lz(new, MOST, out, sizeof out, lz), 2 * items + 2 * ((items + 15) / 16));
}

/* Of a page in which one word of 8 bytes is written a step the words alone are written, until they
 * are half the page. */
Test(ckpt, compared_pages_are_written_by_words)
{
    for (size_t policy = 0; policy < 2 * ARRAY_LEN(policies); policy++) {
        struct run x = { .program = "ring",
                         .policy = policies[policy % 4],
                         .sink = "memory",
                         .compare = true,
                         .incremental = policy >= 4,
                         .more_steps = 28,
                         .interval = "30ms",
                         .think = "20ms" };
        play(&x);
        cr_assert_str_empty(x.said, "%s", x.said);
        double later = x.saves - 5, all = 12 * 5 * 1024;
        cr_expect_geq(later, 15 * 5);
        cr_expect_eq(x.diffs, later * (x.incremental ? 1 : 12), "%s", x.policy);
        cr_expect(x.page_bytes > all && x.page_bytes <= all + later * 40 * 12, "%s: %.0f bytes",
                  x.policy, x.page_bytes);
        cr_expect_eq(x.kept, all);
        double bytes = x.page_bytes;
        x.compress = true;
        play(&x);
        cr_expect_str_empty(x.said, "%s", x.said);
        cr_expect_lt(x.page_bytes, bytes / 2, "zeros, mostly");
    }
    struct run x = { .program = "ring",
                     .policy = "stop",
                     .sink = "memory",
                     .compare = true,
                     .incremental = true,
                     .more_steps = 60,
                     .interval = "30ms",
                     .think = "20ms" };
    play(&x);
    cr_expect_str_empty(x.said, "%s", x.said);
    cr_expect(x.diffs < x.saves - 5 && x.diffs > x.saves * 0.8, "more than half a page");
}

/* What is compared is what the sink has, after restarts, too; differences are not overwritten. */
Test(ckpt, a_job_whose_pages_are_compared_goes_on_after_crashes)
{
    for (size_t policy = 0; policy < ARRAY_LEN(policies); policy++) {
        struct run calm = { .program = "random",
                            .policy = policies[policy],
                            .sink = "memory",
                            .compare = true,
                            .compress = policy % 2,
                            .incremental = true,
                            .dirty = 4,
                            .more_steps = 20,
                            .interval = "3ms",
                            .think = "1ms" };
        struct run x = calm;
        play(&calm);
        x.crashes = 3;
        for (uint32_t i = 0; i < 3; i++) {
            x.at[i] = calm.steps * (2 + i) / 5;
            x.node[i] = 4 + i % 2;
            x.after[i] = 500;
        }
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory, "%s: %s", x.policy, x.said);
        cr_expect(x.damaged == 0 && x.diffs > 20, "%.0f damaged, %.0f diffs", x.damaged, x.diffs);
    }
}

/* CKPT2: frames are used again: of a job that writes all of its 12 pages all the time the store has
 * two checkpoints, and with comparison half a page more of each. */
Test(ckpt, the_store_of_a_rank_is_bounded)
{
    for (uint64_t k = 0; k < 8; k++) {
        struct run x = { .program = "ring",
                         .policy = policies[k % 4],
                         .sink = "memory",
                         .compare = k >= 4,
                         .incremental = true,
                         .dirty = 12,
                         .interval = "30ms",
                         .think = "20ms" };
        play(&x);
        cr_assert_str_empty(x.said, "%s", x.said);
        double slots = 4 * 4096, meta = x.meta_bytes / x.saves, pages = 12 * 1024;
        cr_expect_leq(x.space, slots + 2 * (meta + 2048) + pages * (x.compare ? 2.5 : 2));
        cr_expect_geq(x.space, slots + meta + pages);
    }
}

/* CKPT6: each rank has 3 pages that are read only, and 12 others; the first are saved once, and the
 * page of them that is written after all once more. */
Test(ckpt, ranges_that_are_read_only_are_saved_once)
{
    for (size_t policy = 0; policy < ARRAY_LEN(policies); policy++)
        for (uint64_t rewrite = 0; rewrite <= 6; rewrite += 6) {
            struct run x = { .program = "ring",
                             .policy = policies[policy],
                             .sink = "memory",
                             .table = 3,
                             .rewrite = rewrite,
                             .named = policy % 2,
                             .interval = "30ms",
                             .think = "20ms" };
            play(&x);
            cr_assert_str_empty(x.said, "%s", x.said);
            cr_expect_geq(x.saves, 5 * 5);
            cr_expect_eq(x.rewritten, rewrite > 0 ? 5 : 0, "%s: %.0f", x.policy, x.rewritten);
            cr_expect_eq(x.pages, x.saves * 12 + 5 * 3 + x.rewritten,
                         "%s: %.0f pages of %.0f saves", x.policy, x.pages, x.saves);
        }
}

/* CKPT5: what is damaged is found, and the checkpoint before is used. */
Test(ckpt, a_damaged_checkpoint_is_not_used)
{
    struct run calm = { .program = "random",
                        .policy = "cow",
                        .sink = "file",
                        .dirty = 4,
                        .interval = "2500ms",
                        .think = "1s" };
    struct run x = calm;
    play(&calm);
    cr_assert_str_empty(calm.said, "%s", calm.said);
    x.rots = 9 * SIM_SEC; /* between the second and the third */
    play(&x);
    cr_expect_str_empty(x.said, "%s", x.said);
    cr_expect_eq(x.memory, calm.memory);
    cr_expect_eq(x.damaged, 1, "%.0f of %.0f saves", x.damaged, x.saves);
}
