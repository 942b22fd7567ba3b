/* test_sync.c: locks exclude and are fair, barriers hold everybody, event counts count. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "os/svm/sync.h"
#include "tests/os/xk_rig.h"

struct world {
    struct rig rig;
    uint32_t nodes, rounds;
    struct sync *sync[RIG_NODES];
    uint32_t inside, finished;
    uint64_t entered, at[RIG_NODES];

    bool failed[RIG_NODES], done[RIG_NODES];
    char text[128];
};

struct start {
    struct world *w;
    uint32_t node;
};

static void program(void *arg)
{
    struct start *s = arg;
    struct world *w = s->w;
    struct sync *y = w->sync[s->node];
    struct port *p = fake_port(w->rig.f, s->node);
    port_thread_sleep(p, SIM_MS);
    for (uint32_t i = 0; i < w->rounds; i++) {
        sync_lock(y, 7);
        cr_assert_eq(w->inside++, 0, "two hold the lock");
        port_thread_sleep(p, (s->node + 1) * 3 * SIM_US);
        w->inside--;
        w->entered++;
        sync_unlock(y, 7);
        w->at[s->node]++;
        sync_barrier(y);
        for (uint32_t n = 0; n < w->nodes; n++)
            cr_assert_geq(w->at[n], i + 1, "node %u left barrier %u before node %u came", s->node,
                          i, n);
        sync_advance(y, 12);
        sync_await(y, 12, (uint64_t)w->nodes * (i + 1));
        cr_assert_geq(sync_read(y, 12), (uint64_t)w->nodes * (i + 1));
    }
    w->finished++;
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct world *w = r->arg;
    static uint32_t nodes[RIG_NODES];
    for (uint32_t i = 0; i < w->nodes; i++)
        nodes[i] = i;
    w->sync[node] = sync_join(xk_find(r->k[node], "sync"), nodes, w->nodes);
    struct start *s = port_alloc(p, sizeof *s);
    *s = (struct start){ .w = w, .node = node };
    cr_assert_not_null(port_thread_spawn(p, "program", program, s, 0));
}

/* SYNC1, SYNC2. */
Test(sync, locks_exclude_barriers_hold_and_counts_count)
{
    for (uint32_t nodes = 1; nodes <= 13; nodes++)
        for (uint64_t seed = 1; seed <= 6; seed++) {
            static struct world w;
            w = (struct world){ .nodes = nodes, .rounds = 5 };
            struct fake_options o = { .nodes = nodes,
                                      .seed = seed,
                                      .order = seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                      .tx_queue = seed % 3 == 0 };
            /* Every third run: an interface that is full most of the time. */
            rig_start(&w.rig, &o,
                      o.tx_queue ? "mesh driver queue=1; r rdm <mesh; sync sync <r"
                                 : "mesh driver; r rdm <mesh; sync sync <r",
                      booted, &w);
            fake_run(w.rig.f, 0);
            cr_assert_eq(w.finished, nodes, "%u of %u nodes ended", w.finished, nodes);
            cr_assert_eq(w.entered, nodes * 5);
            rig_stop(&w.rig);
        }
}

Test(sync, all_holds_over_a_network_that_loses_doubles_and_reorders)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        static struct world w;
        w = (struct world){ .nodes = 2 + (uint32_t)seed % 6, .rounds = 5 };
        struct fake_options o = { .nodes = w.nodes,
                                  .seed = seed,
                                  .order = seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                  .lossy = true,
                                  .unordered = true,
                                  .drop_ppm = 100000,
                                  .duplicate_ppm = 100000,
                                  .delay_ppm = 100000 };
        rig_start(&w.rig, &o, "mesh driver; r rdm <mesh; sync sync <r", booted, &w);
        fake_run(w.rig.f, 0);
        cr_assert_eq(w.finished, w.nodes, "%u of %u nodes ended", w.finished, w.nodes);
        cr_assert_eq(w.entered, w.nodes * 5);
        rig_stop(&w.rig);
    }
}

/* ---- deaths ---- */

struct told {
    struct world *w;
    uint32_t node;
};

static bool keep_error(void *arg, const char *text)
{
    struct told *t = arg;
    t->w->failed[t->node] = true;
    snprintf(t->w->text, sizeof t->w->text, "%s", text);
    return true;
}

static void mortal(void *arg)
{
    struct start *s = arg;
    struct world *w = s->w;
    struct sync *y = w->sync[s->node];
    struct port *p = fake_port(w->rig.f, s->node);
    struct told *t = port_alloc(p, sizeof *t);
    *t = (struct told){ .w = w, .node = s->node };
    sync_on_error(y, keep_error, t);
    port_thread_sleep(p, SIM_MS);
    for (uint32_t i = 0; i < w->rounds && !w->failed[s->node]; i++) {
        sync_lock(y, i % 3);
        if (w->failed[s->node])
            break;
        port_thread_sleep(p, (s->node + 1) * 3 * SIM_US);
        sync_unlock(y, i % 3);
        sync_barrier(y);
        if (w->failed[s->node])
            break;
        sync_advance(y, 5);
        sync_await(y, 5, (uint64_t)w->nodes * (i + 1));
    }
    w->done[s->node] = true;
}

static void boot_mortal(struct rig *r, uint32_t node, struct port *p)
{
    struct world *w = r->arg;
    static uint32_t nodes[RIG_NODES];
    for (uint32_t i = 0; i < w->nodes; i++)
        nodes[i] = i;
    w->sync[node] = sync_join(xk_find(r->k[node], "sync"), nodes, w->nodes);
    struct start *s = port_alloc(p, sizeof *s);
    *s = (struct start){ .w = w, .node = node };
    cr_assert_not_null(port_thread_spawn(p, "program", mortal, s, 0));
}

/* SYNC3. */
Test(sync, at_every_step_of_a_run_nobody_waits_for_the_dead)
{
    uint64_t runs = 0, told = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        bool alive = true;
        for (uint64_t step = 1; alive; step += 2) {
            static struct world w;
            w = (struct world){ .nodes = 2 + (uint32_t)(seed % 4), .rounds = 3 };
            struct fake_options o = { .nodes = w.nodes,
                                      .seed = seed,
                                      .order = seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                      .detect_delay = SIM_MS };
            uint32_t dead = (uint32_t)((seed + step) % w.nodes);
            rig_start(&w.rig, &o, "mesh driver; r rdm <mesh; sync sync <r", boot_mortal, &w);
            for (uint32_t n = 0; n < w.nodes;) /* who has not booted is not told */
                if (w.sync[n])
                    n++;
                else
                    fake_step(w.rig.f);
            fake_run(w.rig.f, step);
            alive = !w.done[dead];
            fake_crash(w.rig.f, dead);
            fake_run(w.rig.f, 0);
            for (uint32_t n = 0; n < w.nodes; n++) {
                cr_assert(n == dead || w.done[n],
                          "seed %llu, death of %u at step %llu: node %u hangs",
                          (unsigned long long)seed, dead, (unsigned long long)step, n);
                told += w.failed[n];
                cr_assert(!w.failed[n] || strstr(w.text, "a program cannot "), "%s", w.text);
            }
            runs++;
            rig_stop(&w.rig);
        }
    }
    cr_assert_gt(runs, 300u);
    cr_assert_gt(told, runs);
}
