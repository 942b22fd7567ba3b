/* test_svm_paging.c: shared memory with few frames: owned pages go to a store and come back, under
 * every manager; what happens when they cannot.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/svm_world.h"
#include "tests/sample.h"

static void run(struct world *w, enum fake_order order)
{
    w->program = world_random_program;
    world_start(w, order);
    fake_run(w->rig.f, 30000000);
    cr_assert_eq(w->finished, w->nodes, "%s, seed %llu: %u of %u programs ended", world_manager(w),
                 (unsigned long long)w->seed, w->finished, w->nodes);
    cr_assert_eq(w->failed, 0, "%s, seed %llu: %s", world_manager(w), (unsigned long long)w->seed,
                 w->error.text);
    world_check(w);
    for (uint32_t n = 0; n < w->nodes; n++)
        cr_assert_leq(fake_count(w->rig.f, n, "vm.frames_most"), (uint64_t)w->frames);
}

Test(svm_paging, owned_pages_go_to_disk_and_come_back_under_every_manager)
{
    static struct world w;
    uint64_t seeds = sample(NULL, 40);
    for (int m = 0; svm_is_strict(m); m++) {
        struct svm_counts all = { .sent = 0 };
        for (uint64_t seed = 1; seed <= seeds; seed++) {
            w = (struct world){ .nodes = 1 + (uint32_t)(seed % 5),
                                .pages = 4 + (uint32_t)(seed % 7),
                                .frames = 1 + (int64_t)(seed % 3),
                                .manager = m,
                                .replacement = (int)(seed % 3),
                                .initial_owner = (int)(seed % 3),
                                .store = STORE_DISK,
                                .seed = seed,
                                .accesses = 120 };
            run(&w, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM);
            struct svm_counts c = world_counts(&w);
            all.page_outs += c.page_outs;
            all.page_ins += c.page_ins;
            rig_stop(&w.rig);
        }
        cr_assert(sample_saw(all.page_outs, 12 * seeds), "%s", world_manager(&w));
        cr_assert(sample_saw(all.page_ins, 12 * seeds), "%s", world_manager(&w));
    }
}

Test(svm_paging, owned_pages_go_to_memory_servers_and_come_back_under_every_manager)
{
    static struct world w;
    for (int m = 0; svm_is_strict(m); m++)
        for (uint64_t seed = 1; seed <= sample(NULL, 12); seed++) {
            w = (struct world){ .nodes = 2 + (uint32_t)(seed % 3),
                                .servers = 1 + (uint32_t)(seed % 3),
                                .pages = 6,
                                .frames = 2,
                                .manager = m,
                                .initial_owner = (int)(seed % 3),
                                .store = STORE_SERVERS,
                                /* Pages in memory, or spilled to disk. */
                                .server = { .frames = seed % 2 ? 100 : 1, .disk_pages = 100 },
                                .client = { .placement = (int)(seed % 2), .mirror = seed % 4 == 3 },
                                .seed = seed,
                                .accesses = 120 };
            run(&w, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM);
            cr_assert_gt(world_counts(&w).page_outs, 10u);
            rig_stop(&w.rig);
        }
}

/* A server dies under running programs: mirrored pages are unharmed; else the loss is told.
 * SVMI8. */
Test(svm_paging, of_a_dead_server_only_what_had_no_mirror_is_lost)
{
    static struct world w;
    uint64_t lost = 0;
    for (int m = 0; svm_is_strict(m); m++)
        for (uint64_t seed = 1; seed <= sample(NULL, 12); seed++) {
            bool mirror = seed % 2;
            w = (struct world){ .nodes = 3,
                                .servers = 3,
                                .pages = 8,
                                .frames = 2,
                                .manager = m,
                                .store = STORE_SERVERS,
                                .server = { .frames = 100 },
                                .client = { .mirror = mirror },
                                .seed = seed,
                                .detect_delay = SIM_MS,
                                .accesses = 100,
                                .program = world_random_program };
            world_start(&w, seed % 3 ? FAKE_IN_ORDER : FAKE_RANDOM);
            fake_run(w.rig.f, 700 + 50 * seed);
            fake_crash(w.rig.f, 3 + (uint32_t)(seed % 3));
            fake_run(w.rig.f, 3000000);
            cr_assert_eq(w.finished, 3, "%s, seed %llu: %u of 3 programs ended", world_manager(&w),
                         (unsigned long long)seed, w.finished);
            cr_assert(!mirror || w.failed == 0, "%s, seed %llu: %s", world_manager(&w),
                      (unsigned long long)seed, w.error.text);
            lost += w.failed;
            world_check(&w);
            rig_stop(&w.rig);
        }
    cr_assert(sample_saw(lost, 50), "%d", (int)lost);
}

/* ---- all orders ---- */

static struct xk_graph *graph;

static void explore_setup(struct fake *f, void *arg)
{
    world_boot(arg, f, graph);
}

static bool explore_check(struct fake *f, void *arg)
{
    struct world *w = arg;
    (void)f;
    cr_assert_eq(w->finished, w->nodes, "%s: %u of %u ended", world_manager(w), w->finished,
                 w->nodes);
    cr_assert_eq(w->failed, 0, "%s: %s", world_manager(w), w->error.text);
    world_check(w);
    return true;
}

/* One frame and two pages: what a node has just written must go out for what it reads. */
static void short_program(struct world *w, uint32_t node)
{
    uint64_t mine = node % w->pages * WORLD_PAGE, other = (node + 1) % w->pages * WORLD_PAGE;
    w->failed += !world_store(w, node, other, (uint8_t)(node + 1));
    w->failed += !world_load(w, node, mine);
    if (w->accesses > 0) {
        w->failed += !world_store(w, node, mine, (uint8_t)(node + 11));
        w->failed += !world_load(w, node, other);
    }
}

static uint64_t explore(int manager, uint32_t nodes, bool twice)
{
    static struct world w;
    w = (struct world){ .nodes = nodes,
                        .pages = 2,
                        .frames = 1,
                        .manager = manager,
                        .initial_owner = 1,
                        .store = STORE_DISK,
                        .accesses = twice,
                        .at_once = manager != world_manager_named("broadcast"),
                        .program = short_program };
    struct fake_explore x = { .setup = explore_setup,
                              .check = explore_check,
                              .arg = &w,
                              .orders_max = sample("SVM_ORDERS", 200) };
    world_options(&w, FAKE_EXPLORE, &x.options);
    fake_explore(&x);
    cr_log_info("%s, %u nodes%s: %llu orders%s", world_manager(&w), nodes,
                twice ? ", two rounds" : "", (unsigned long long)x.orders,
                x.complete ? ", which are all" : "");
    cr_assert_not(x.failed);
    return x.orders;
}

/* SVMI7. */
Test(svm_paging, every_order_of_few_nodes_with_one_frame_is_coherent)
{
    static const struct world plain;
    uint64_t orders = 0;
    graph = rig_graph(world_graph(&plain));
    for (int m = 0; svm_is_strict(m); m++) {
        orders += explore(m, 2, false);
        orders += explore(m, 2, true);
        orders += explore(m, 3, false);
    }
    cr_log_info("%llu orders in all", (unsigned long long)orders);
    cr_assert_gt(orders, sample("SVM_ORDERS", 200) < 200 ? 0u : 3000u);
    xk_graph_free(graph);
}

/* ---- when it cannot be ---- */

static void two_pages(struct world *w, uint32_t node)
{
    if (node > 0)
        return;
    cr_assert(world_store(w, 0, 3, 7));
    cr_assert_not(world_store(w, 0, WORLD_PAGE + 3, 8));
    cr_assert_eq(w->error.status, VM_NO_FRAMES);
    cr_assert_not_null(strstr(w->error.text, "node 0: program test cannot write address 0x10000103:"
                                             " too few frames to make progress"),
                       "%s", w->error.text);
    cr_assert(world_load(w, 0, 3)); /* the page that has the frame is as it was */
}

static void then_elsewhere(struct world *w, uint32_t node)
{
    two_pages(w, node);
    if (node == 0)
        return;
    /* What node 0 had no frame for is not lost: others have it, then node 0. */
    port_thread_sleep(vm_port(w->vm[node]), 10000 * SIM_MS);
    cr_assert(world_load(w, node, WORLD_PAGE + 3), "%s", w->error.text);
}

Test(svm_paging, without_a_store_too_few_frames_are_told_and_nothing_is_lost)
{
    static struct world w;
    for (int m = 0; svm_is_strict(m); m++) {
        /* xmm's pager always takes pages: its programs need one frame. */
        if (m == world_manager_named("xmm"))
            continue;
        for (uint32_t nodes = 1; nodes <= 2; nodes++) {
            w = (struct world){
                .nodes = nodes, .pages = 2, .frames = 1, .manager = m, .program = then_elsewhere
            };
            world_start(&w, FAKE_IN_ORDER);
            fake_run(w.rig.f, 0);
            cr_assert_eq(w.finished, nodes, "%s", world_manager(&w));
            rig_stop(&w.rig);
        }
    }
}
