/* test_svm_death.c: nodes die under shared memory: at every step of small programs the survivors go
 * on, read what was written last, and are told what is lost.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/svm_world.h"
#include "tests/sample.h"

struct outcome {
    uint64_t runs, lost, checked, recoveries;
};

static struct world *world_new(int manager, uint64_t seed, uint32_t nodes)
{
    static struct world w;
    w = (struct world){ .nodes = nodes,
                        .pages = 1 + (uint32_t)(seed % 4),
                        .manager = manager,
                        .initial_owner = (int)(seed % 3),
                        .seed = seed,
                        .accesses = 25,
                        .detect_delay = SIM_MS,
                        .program = world_random_program };
    if (seed % 4 == 0) { /* few frames, and a disk behind them */
        w.frames = 2;
        w.store = STORE_DISK;
    }
    return &w;
}

/* Runs to the end with up to two deaths; false: it had ended before the first. */
static bool run(struct world *w, enum fake_order order, uint64_t step, uint32_t dead, uint64_t more,
                uint32_t then, struct outcome *o)
{
    world_start(w, order);
    fake_run(w->rig.f, step);
    bool alive = w->finished < w->nodes;
    uint32_t deaths = 1;
    bool ended[RIG_NODES];
    fake_crash(w->rig.f, dead);
    if (more > 0) {
        fake_run(w->rig.f, more);
        deaths += then != dead;
        fake_crash(w->rig.f, then);
    }
    memcpy(ended, w->done, sizeof ended);
    fake_run(w->rig.f, 3000000);
    for (uint32_t n = 0; n < w->nodes; n++)
        cr_assert(w->done[n] || !fake_up(w->rig.f, n),
                  "%s, seed %llu, death of %u at step %llu, of %u %llu later: node %u hangs",
                  world_manager(w), (unsigned long long)w->seed, dead, (unsigned long long)step,
                  then, (unsigned long long)more, n);
    cr_assert(w->failed == 0 || w->error.status == VM_OK || w->error.status == VM_LOST, "%s",
              w->error.text);
    world_check(w);
    struct svm_counts c = world_counts(w);
    cr_assert_geq(c.recoveries, (uint64_t)w->nodes - deaths);
    o->runs++;
    o->lost += w->failed;
    o->checked += w->checked;
    rig_stop(&w->rig);
    return alive;
}

Test(svm_death, at_every_step_the_survivors_go_on_under_every_manager)
{
    for (int m = 0; svm_is_strict(m); m++) {
        struct outcome o = { .runs = 0 };
        for (uint64_t seed = 1; seed <= 8; seed++) {
            uint32_t nodes = 2 + (uint32_t)(seed % 3);
            bool alive = true;
            for (uint64_t step = 1 + seed % 3; alive; step += 3)
                alive = run(world_new(m, seed, nodes), seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM, step,
                            (uint32_t)((seed + step) % nodes), 0, 0, &o);
        }
        cr_log_info("%s: %llu deaths, %llu accesses to lost pages, %llu reads checked",
                    svm_managers.items[m]->name, (unsigned long long)o.runs,
                    (unsigned long long)o.lost, (unsigned long long)o.checked);
        cr_assert_gt(o.runs, 200u);
        cr_assert_gt(o.lost, 100u);
    }
}

/* SVM_DEATHS: so many seeds a manager.  REC3. */
Test(svm_death, of_two_nodes_one_during_the_recovery_from_the_other)
{
    uint64_t seeds = sample("SVM_DEATHS", 60);
    for (int m = 0; svm_is_strict(m); m++) {
        struct outcome o = { .runs = 0 };
        for (uint64_t seed = 1; seed <= seeds; seed++) {
            uint64_t x = seed;
            uint64_t step = 20 + world_random(&x) % 250;
            run(world_new(m, seed, 5), seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM, step,
                (uint32_t)(world_random(&x) % 5), 1 + world_random(&x) % 60,
                (uint32_t)(world_random(&x) % 5), &o);
        }
        cr_assert_gt(o.checked, 6 * seeds);
    }
}

/* ---- one death of a quiet system ---- */

struct access {
    struct world *w;
    uint32_t node;
    uint64_t at;
    bool write, ok;
};

static void access_thread(void *arg)
{
    struct access *a = arg;
    a->ok = a->write ? world_store(a->w, a->node, a->at, 77) : world_load(a->w, a->node, a->at);
}

static void access_start(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "access", access_thread, arg, 0));
}

static bool touch(struct world *w, uint32_t node, uint32_t page, bool write)
{
    struct access a = { .w = w, .node = node, .at = page * WORLD_PAGE + 9, .write = write };
    fake_call(w->rig.f, node, access_start, &a);
    fake_run(w->rig.f, 0);
    return a.ok;
}

static void nothing(struct world *w, uint32_t node)
{
    (void)w;
    (void)node;
}

static struct world *quiet(int manager)
{
    static struct world w;
    w = (struct world){
        .nodes = 4, .pages = 4, .manager = manager, .detect_delay = SIM_MS, .program = nothing
    };
    world_start(&w, FAKE_IN_ORDER);
    fake_run(w.rig.f, 0);
    return &w;
}

/* REC2. */
Test(svm_death, a_copy_that_survives_is_the_page_and_the_rest_is_told)
{
    for (int m = 0; svm_is_strict(m); m++) {
        struct world *w = quiet(m);
        const char *name = world_manager(w);
        /* Node 1 writes pages 1 and 2; nodes 2 and 3 have copies of page 1; 3 writes page 3. */
        touch(w, 1, 1, true);
        touch(w, 1, 2, true);
        touch(w, 2, 1, false);
        touch(w, 3, 1, false);
        touch(w, 3, 3, true);
        uint64_t before = fake_counts(w->rig.f)->frames;
        fake_crash(w->rig.f, 1);
        fake_run(w->rig.f, 0);
        /* Marks among three, reports to the first, verdicts from it. */
        uint64_t frames = fake_counts(w->rig.f)->frames - before;
        cr_assert_eq(frames, 6u + 2 + 2, "%s: %llu", name, (unsigned long long)frames);
        cr_assert(touch(w, 2, 1, false), "%s: %s", name, w->error.text);
        cr_assert(touch(w, 3, 1, true), "%s: %s", name, w->error.text);
        cr_assert(touch(w, 2, 1, false), "%s: %s", name, w->error.text);
        cr_assert(touch(w, 0, 3, false), "%s: %s", name, w->error.text);
        cr_assert(touch(w, 2, 0, true), "%s: %s", name, w->error.text);
        for (int write = 0; write < 2; write++) {
            cr_assert_not(touch(w, 0, 2, write));
            cr_assert_str_eq(w->error.text,
                             write ? "node 0: program test cannot write address 0x10000209: the "
                                     "only copy of the page died with its node"
                                   : "node 0: program test cannot read address 0x10000209: the "
                                     "only copy of the page died with its node");
        }
        cr_assert_geq(world_counts(w).lost, 1u);
        cr_assert_eq(fake_counts(w->rig.f)->remarks, 1u);
        world_check(w);
        rig_stop(&w->rig);
    }
}

Test(svm_death, the_manager_dies_and_the_next_that_lives_manages)
{
    for (int m = 0; svm_is_strict(m); m++) {
        struct world *w = quiet(m);
        const char *name = world_manager(w);
        touch(w, 1, 1, true);
        touch(w, 2, 1, false);
        touch(w, 2, 2, true);
        fake_crash(w->rig.f, 0);
        fake_run(w->rig.f, 0);
        for (uint32_t n = 1; n < 4; n++)
            for (uint32_t p = 1; p < 3; p++)
                cr_assert(touch(w, n, p, n == 3), "%s: node %u, page %u: %s", name, n, p,
                          w->error.text);
        /* Node 0 owned page 3 first, and may have written it. */
        cr_assert_not(touch(w, 3, 3, false));
        cr_assert_eq(w->error.status, VM_LOST);
        world_check(w);
        rig_stop(&w->rig);
    }
}

Test(svm_death, who_comes_back_shares_nothing)
{
    for (int m = 0; svm_is_strict(m); m++) {
        struct world *w = quiet(m);
        w->rejoin = true;
        touch(w, 1, 1, true);
        touch(w, 2, 1, false);
        fake_crash(w->rig.f, 1);
        fake_run(w->rig.f, 0);
        fake_restart(w->rig.f, 1);
        fake_run(w->rig.f, 0);
        cr_assert_not(touch(w, 1, 1, false));
        cr_assert_eq(w->error.status, VM_OUT);
        cr_assert(touch(w, 3, 1, true), "%s: %s", world_manager(w), w->error.text);
        rig_stop(&w->rig);
    }
}

/* ---- frames that are late or lost with their sender ---- */

#define OP 12 /* offset of the operation in a frame: behind the headers of driver and RDM */
enum { OP_PAGE = 2, OP_INVALIDATE = 4 };

struct catch
{
    uint8_t op;
    uint32_t from, to;
    uint32_t length;
    uint8_t bytes[WORLD_PAGE + 256];
};

/* Keeps the frame instead of sending it. */
static bool caught(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct catch *c = arg;
    uint8_t op = 0;
    if (frame->length > OP)
        rope_read(frame, OP, 1, &op);
    if (op != c->op || src != c->from || dst != c->to)
        return true;
    c->length = (uint32_t)frame->length;
    cr_assert_leq(c->length, sizeof c->bytes);
    rope_read(frame, 0, c->length, c->bytes);
    return false;
}

static void touch_start(struct world *w, struct access *a, uint32_t node, uint32_t page, bool write)
{
    *a = (struct access){ .w = w, .node = node, .at = page * WORLD_PAGE + 9, .write = write };
    fake_call(w->rig.f, node, access_start, a);
    fake_run(w->rig.f, 0);
}

/* REC1. */
Test(svm_death, what_the_dead_has_sent_comes_too_late)
{
    static const char *const names[] = { "central", "improved",  "fixed",
                                         "dynamic", "dynamic_s", "tree" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct world *w = quiet(world_manager_named(names[i]));
        struct catch c = { .op = OP_PAGE, .from = 1, .to = 2 };
        struct access a;
        touch(w, 1, 1, true);
        touch(w, 3, 1, false);
        if (strcmp(names[i], "dynamic") == 0) /* where a reader becomes owner */
            touch(w, 1, 1, true);
        fake_on_frame(w->rig.f, caught, &c);
        touch_start(w, &a, 2, 1, true);
        cr_assert_gt(c.length, 0u, "%s", names[i]);
        fake_on_frame(w->rig.f, NULL, NULL);
        fake_crash(w->rig.f, 1);
        fake_run(w->rig.f, 0);
        /* Node 2 has asked again, and has the copy of node 3 or was told that there is none. */
        bool lost = !touch(w, 0, 1, true);
        fake_inject(w->rig.f, 1, 2, c.bytes, c.length);
        fake_run(w->rig.f, 0);
        cr_assert_eq(touch(w, 2, 1, false), !lost, "%s", names[i]);
        cr_assert_eq(touch(w, 3, 1, false), !lost, "%s", names[i]);
        world_check(w);
        rig_stop(&w->rig);
    }
}

/* Lets the first `pass` frames through, and nothing after them. */
struct cut {
    uint32_t from, to, pass, seen;
};

static bool cut_off(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct cut *c = arg;
    (void)frame;
    if (src != c->from || dst != c->to)
        return true;
    return c->seen++ < c->pass;
}

/* A page goes in segments of less than 100 bytes, of which `pass` come before its sender dies: what
 * node 2 has of memory then, and after the death. */
static uint64_t memory_after_death(int manager, uint32_t pass, uint64_t *with_a_part)
{
    struct world *w = world_new(manager, 1, 4);
    w->pages = 4;
    w->program = nothing;
    struct fake_options o;
    world_options(w, FAKE_IN_ORDER, &o);
    o.mtu = 100;
    struct fake *f = fake_create(&o);
    struct xk_graph *g = rig_graph(world_graph(w));
    world_boot(w, f, g);
    fake_run(f, 0);
    struct cut c = { .from = 1, .to = 2, .pass = pass };
    struct access a;
    cr_assert(touch(w, 1, 1, true));
    fake_on_frame(f, cut_off, &c);
    touch_start(w, &a, 2, 1, false);
    cr_assert_gt(c.seen, pass, "%s", world_manager(w));
    *with_a_part = fake_heap_bytes(f, 2) + rope_leaves_alive();
    fake_on_frame(f, NULL, NULL);
    fake_crash(f, 1);
    fake_run(f, 0);
    cr_assert_eq(w->error.status, VM_LOST, "%s", world_manager(w));
    uint64_t memory = fake_heap_bytes(f, 2), leaves = rope_leaves_alive();
    cr_assert_eq(leaves, 0, "%s: %d leaves", world_manager(w), (int)leaves);
    fake_destroy(f);
    xk_graph_free(g);
    return memory;
}

Test(svm_death, half_a_page_that_came_from_the_dead_is_given_back)
{
    int m = world_manager_named("fixed");
    uint64_t before, part, none = memory_after_death(m, 0, &before);
    for (uint32_t pass = 1; pass <= 2; pass++) {
        cr_assert_eq(memory_after_death(m, pass, &part), none, "%u segments", pass);
        cr_assert_gt(part, before, "what came was kept");
    }
}

/* Ownership that is on its way between survivors reaches a node that is frozen, before the mark of
 * its sender. */
Test(svm_death, ownership_in_flight_is_not_lost)
{
    for (int m = 0; svm_is_strict(m); m++) {
        struct world *w = quiet(m);
        struct catch c = { .op = OP_PAGE, .from = 1, .to = 2 };
        struct access a;
        if (m == world_manager_named("xmm"))
            c.from = 0;
        touch(w, 1, 1, true);
        fake_on_frame(w->rig.f, caught, &c);
        a = (struct access){ .w = w, .node = 2, .at = WORLD_PAGE + 9, .write = true };
        fake_call(w->rig.f, 2, access_start, &a);
        fake_run_until(w->rig.f, fake_now(w->rig.f) + SIM_MS);
        cr_assert_gt(c.length, 0u, "%s", world_manager(w));
        fake_on_frame(w->rig.f, NULL, NULL);
        fake_crash(w->rig.f, 3);
        /* The news are due after 1 ms; a frame takes 10 us. */
        fake_run_until(w->rig.f, fake_now(w->rig.f) + SIM_MS - 5 * SIM_US);
        fake_inject(w->rig.f, c.from, 2, c.bytes, c.length);
        fake_run(w->rig.f, 0);
        cr_assert(a.ok, "%s: %s", world_manager(w), w->error.text);
        cr_assert(touch(w, 0, 1, false), "%s: %s", world_manager(w), w->error.text);
        world_check(w);
        rig_stop(&w->rig);
    }
}

/* The writer dies when one reader has dropped its copy and the other has not: that copy is the
 * page, and the first reader, who knows of a later version, must take it. */
Test(svm_death, a_writer_dies_among_its_invalidations)
{
    static const char *const names[] = { "improved", "fixed", "dynamic", "dynamic_s", "tree" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct world *w = quiet(world_manager_named(names[i]));
        struct catch c = { .op = OP_INVALIDATE, .from = 1, .to = 3 };
        struct access a;
        touch(w, 1, 1, true);
        touch(w, 3, 1, false);
        touch(w, 2, 1, false);
        fake_on_frame(w->rig.f, caught, &c);
        touch_start(w, &a, 1, 1, true);
        cr_assert_gt(c.length, 0u, "%s", names[i]);
        fake_on_frame(w->rig.f, NULL, NULL);
        fake_crash(w->rig.f, 1);
        fake_run(w->rig.f, 0);
        cr_assert(touch(w, 2, 1, false), "%s: %s", names[i], w->error.text);
        cr_assert(touch(w, 0, 1, true), "%s: %s", names[i], w->error.text);
        world_check(w);
        rig_stop(&w->rig);
    }
}

/* ---- what is lost, exactly ---- */

static bool survives(struct world *w, uint32_t page)
{
    for (uint32_t n = 0; n < w->nodes; n++) {
        struct svm_view v;
        if (!fake_up(w->rig.f, n))
            continue;
        svm_look(w->svm[n], page, &v);
        if (v.owner || v.prot != VM_NONE)
            return true;
    }
    return false;
}

Test(svm_death, of_a_quiet_system_takes_the_pages_that_only_the_dead_had_and_no_others)
{
    uint64_t kept = 0, gone = 0;
    for (int m = 0; svm_is_strict(m); m++) {
        if (m == world_manager_named("xmm")) /* its manager has pages that nobody maps */
            continue;
        for (uint64_t seed = 1; seed <= 25; seed++) {
            static struct world w;
            w = (struct world){ .nodes = 2 + (uint32_t)(seed % 5),
                                .pages = 20,
                                .manager = m,
                                .initial_owner = (int)(seed % 3),
                                .seed = seed,
                                .detect_delay = SIM_MS,
                                .program = nothing };
            world_start(&w, FAKE_IN_ORDER);
            fake_run(w.rig.f, 0);
            uint64_t x = seed;
            for (int i = 0; i < 60; i++) {
                uint32_t node = (uint32_t)(world_random(&x) % w.nodes);
                cr_assert(touch(&w, node, (uint32_t)(world_random(&x) % w.pages),
                                world_random(&x) % 3 == 0));
            }
            uint32_t dead = (uint32_t)(world_random(&x) % w.nodes);
            bool expected[20];
            fake_crash(w.rig.f, dead);
            for (uint32_t p = 0; p < w.pages; p++)
                expected[p] = survives(&w, p);
            fake_run(w.rig.f, 0);
            for (uint32_t p = 0; p < w.pages; p++) {
                uint32_t node = (dead + 1 + p) % w.nodes;
                if (node == dead)
                    node = (node + 1) % w.nodes;
                cr_assert_eq(touch(&w, node, p, p % 2), expected[p], "%s, seed %llu: page %u",
                             world_manager(&w), (unsigned long long)seed, p);
                kept += expected[p];
                gone += !expected[p];
            }
            world_check(&w);
            rig_stop(&w.rig);
        }
    }
    cr_assert_gt(kept, 1000u);
    cr_assert_gt(gone, 300u);
}

Test(svm_death, relaxed_memory_does_not_recover_and_says_so)
{
    int hlrc = 0;
    while (svm_is_strict(hlrc))
        hlrc++;
    struct world *w = quiet(hlrc);
    touch(w, 2, 0, false);
    fake_crash(w->rig.f, 1);
    fake_run(w->rig.f, 0);
    /* Page p has its home at node p; what a node has, it has. */
    cr_assert(touch(w, 2, 0, false));
    cr_assert(touch(w, 3, 3, true));
    cr_assert_not(touch(w, 2, 1, false));
    cr_assert_eq(w->error.status, VM_LOST, "%s", w->error.text);
    cr_assert_not(touch(w, 2, 3, false));
    cr_assert_eq(w->error.status, VM_UNREACHABLE, "%s", w->error.text);
    rig_stop(&w->rig);
}
