/* test_lrc.c: lazy release consistency: what random programs without data races read, and messages
 * of each step.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/lrc_rig.h"
#include "tests/sample.h"

static struct lrc_world world;

/* One world for each seed: all parameters vary. */
static struct lrc_world *vary(uint64_t seed)
{
    world = (struct lrc_world){ .nodes = 1 + (uint32_t)(seed % 7),
                                .pages = 1 + (uint32_t)(seed % 5),
                                .rounds = 6,
                                .unit = 1 + (uint32_t)(seed % 8),
                                .spread = seed % 3 == 0   ? 256
                                          : seed % 3 == 1 ? 64
                                                          : 16,
                                .seed = seed,
                                .hash_block = 1 + (int64_t)(seed % 2),
                                .twins = (int64_t)(seed / 2 % 4),
                                .homes = (int)(seed / 3 % 2),
                                .watch = (int)(seed / 5 % 2),
                                .mtu = seed % 4 == 0 ? 100 : 0,
                                .tx_queue = seed % 6 == 0 ? 2 : 0,
                                .program = lrc_random_program };
    return &world;
}

static uint64_t run_over(uint64_t seed, enum fake_order order, bool ulp, bool tcp)
{
    struct lrc_world *w = vary(seed);
    w->over_ulp = ulp;
    w->over_tcp = tcp;
    lrc_world_start(w, order);
    fake_run(w->rig.f, 30000000);
    cr_assert_eq(w->finished, w->nodes, "seed %llu: %u of %u programs ended",
                 (unsigned long long)seed, w->finished, w->nodes);
    cr_assert_eq(w->judge.wrong, 0, "seed %llu: %s", (unsigned long long)seed, w->judge.text);
    for (uint32_t n = 0; n < w->nodes; n++) {
        struct svm_counts c;
        svm_counts(w->svm[n], &c);
        cr_assert_eq(c.retries, 0, "a home answered before it had what was asked for");
    }
    rig_stop(&w->rig);
    return w->judge.reads;
}

static uint64_t run(uint64_t seed, enum fake_order order)
{
    return run_over(seed, order, false, false);
}

Test(lrc, over_ulp_a_read_returns_the_last_write_that_happened_before)
{
    uint64_t reads = 0;
    for (uint64_t seed = 1; seed <= sample(NULL, 40); seed++)
        reads += run_over(seed, seed % 4 < 2 ? FAKE_IN_ORDER : FAKE_RANDOM, true, false);
    cr_assert(sample_saw(reads, 1000));
}

Test(lrc, over_tcp_a_read_returns_the_last_write_that_happened_before)
{
    uint64_t reads = 0;
    for (uint64_t seed = 1; seed <= sample(NULL, 40); seed++)
        reads += run_over(seed, seed % 4 < 2 ? FAKE_IN_ORDER : FAKE_RANDOM, false, true);
    cr_assert(sample_saw(reads, 1000));
}

/* LRC1. */
Test(lrc, a_read_returns_the_last_write_that_happened_before)
{
    uint64_t reads = 0;
    uint64_t seeds = sample(NULL, 240);
    for (uint64_t seed = 1; seed <= seeds; seed++)
        reads += run(seed, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM);
    cr_log_info("%llu reads", (unsigned long long)reads);
    cr_assert_gt(reads, 200 * seeds);
}

/* The long script: scripts/soak-svm. */
Test(lrc, soak)
{
    const char *checks = getenv("SVM_SOAK"), *first = getenv("SVM_SEED");
    if (!checks)
        return;
    uint64_t want = strtoull(checks, NULL, 10), from = first ? strtoull(first, NULL, 10) : 1;
    uint64_t reads = 0, seed = from;
    for (; reads < want; seed++)
        reads += run(seed, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM);
    printf("%-10s %llu reads checked, seeds %llu to %llu\n", "hlrc", (unsigned long long)reads,
           (unsigned long long)from, (unsigned long long)seed - 1);
}

/* ---- one step at a time, counted at the interfaces ---- */

struct step {
    struct lrc_world *w;
    uint32_t node;
    void (*fn)(struct lrc_world *w, uint32_t node);
};

static void step_thread(void *arg)
{
    struct step *s = arg;
    s->fn(s->w, s->node);
}

static void step_start(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "step", step_thread, arg, 0));
}

/* The frames that cross the network until all is quiet. */
static uint64_t frames_of(struct lrc_world *w, uint32_t node,
                          void (*fn)(struct lrc_world *w, uint32_t node))
{
    uint64_t before = fake_counts(w->rig.f)->frames;
    struct step s = { .w = w, .node = node, .fn = fn };
    fake_call(w->rig.f, node, step_start, &s);
    fake_run(w->rig.f, 0);
    cr_assert_eq(w->judge.wrong, 0, "%s", w->judge.text);
    return fake_counts(w->rig.f)->frames - before;
}

static uint64_t frames_of_all(struct lrc_world *w, void (*fn)(struct lrc_world *w, uint32_t node))
{
    static struct step s[LRC_NODES];
    uint64_t before = fake_counts(w->rig.f)->frames;
    for (uint32_t n = 0; n < w->nodes; n++) {
        s[n] = (struct step){ .w = w, .node = n, .fn = fn };
        fake_call(w->rig.f, n, step_start, &s[n]);
    }
    fake_run(w->rig.f, 0);
    cr_assert_eq(w->judge.wrong, 0, "%s", w->judge.text);
    return fake_counts(w->rig.f)->frames - before;
}

static struct lrc_world *quiet(uint32_t nodes, int homes)
{
    world = (struct lrc_world){ .nodes = nodes, .pages = 8, .seed = 1, .homes = homes };
    lrc_world_start(&world, FAKE_IN_ORDER);
    fake_run(world.rig.f, 0);
    return &world;
}

/* The steps: page p is at home on node p mod N, lock k on node k. */
static void read_page_1(struct lrc_world *w, uint32_t node)
{
    lrc_read(w, node, LRC_PAGE + 8 * LRC_NODES);
}
static void write_page_1(struct lrc_world *w, uint32_t node)
{
    lrc_write(w, node, LRC_PAGE + node, (uint8_t)(node + 1));
}
static void write_three_pages(struct lrc_world *w, uint32_t node)
{
    for (uint64_t p = 0; p < 3; p++)
        lrc_write(w, node, p * LRC_PAGE + node, (uint8_t)(node + 21 + p));
}
static void lock_3(struct lrc_world *w, uint32_t node)
{
    lrc_lock(w, node, 3);
}
static void unlock_3(struct lrc_world *w, uint32_t node)
{
    lrc_unlock(w, node, 3);
}
static void advance_2(struct lrc_world *w, uint32_t node)
{
    lrc_advance(w, node, 2);
}
static void await_2(struct lrc_world *w, uint32_t node)
{
    lrc_await(w, node, 2, w->judge.advanced[2]);
}
static void read_what_0_wrote(struct lrc_world *w, uint32_t node)
{
    for (uint64_t p = 0; p < 3; p++)
        lrc_read(w, node, p * LRC_PAGE);
}
static void barrier(struct lrc_world *w, uint32_t node)
{
    lrc_barrier(w, node);
}

Test(lrc, a_fault_costs_two_messages_a_release_one_a_changed_page_away_from_home)
{
    struct lrc_world *w = quiet(4, 0);
    cr_assert_eq(frames_of(w, 1, read_page_1), 0, "at home");
    cr_assert_eq(frames_of(w, 2, read_page_1), 2, "the home is known");
    cr_assert_eq(frames_of(w, 2, read_page_1), 0, "mapped");
    cr_assert_eq(frames_of(w, 2, write_page_1), 0, "a write of what is held makes a twin");
    cr_assert_eq(frames_of(w, 0, write_page_1), 2, "the page is fetched, then written");
    cr_assert_eq(frames_of(w, 0, lock_3), 2, "request and answer");
    cr_assert_eq(frames_of(w, 0, unlock_3), 2, "the diff of page 1, and the release");
    cr_assert_eq(frames_of(w, 2, lock_3), 3,
                 "a notice names a page that is written here: its diff");
    cr_assert_eq(frames_of(w, 2, unlock_3), 1, "nothing was changed since");
    cr_assert_eq(frames_of(w, 2, read_page_1), 2, "the copy was dropped");
    cr_assert_eq(frames_of(w, 0, lock_3), 2);
    cr_assert_eq(frames_of(w, 0, unlock_3), 1);
    cr_assert_eq(frames_of(w, 0, write_three_pages), 2 + 2, "page 0 at home, 1 was dropped, 2 new");
    cr_assert_eq(frames_of(w, 0, lock_3), 2);
    cr_assert_eq(frames_of(w, 0, unlock_3), 1 + 2, "pages 1 and 2");
    cr_assert_eq(frames_of(w, 3, lock_3), 0, "the lock's home");
    cr_assert_eq(frames_of(w, 3, read_what_0_wrote), 6);
    cr_assert_eq(frames_of(w, 3, unlock_3), 0);
    cr_assert_eq(frames_of(w, 2, lock_3), 2);
    cr_assert_eq(frames_of(w, 2, read_what_0_wrote), 4, "page 2 is at home and has its diff");
    cr_assert_eq(frames_of(w, 2, unlock_3), 1);
    rig_stop(&w->rig);
}

Test(lrc, an_event_count_carries_notices_as_a_lock_does)
{
    struct lrc_world *w = quiet(4, 0);
    cr_assert_eq(frames_of(w, 3, read_what_0_wrote), 6);
    cr_assert_eq(frames_of(w, 0, write_three_pages), 4);
    cr_assert_eq(frames_of(w, 0, advance_2), 1 + 2, "word to the count's home, node 2; two diffs");
    cr_assert_eq(frames_of(w, 3, await_2), 2);
    cr_assert_eq(frames_of(w, 3, read_what_0_wrote), 6, "all three were dropped");
    cr_assert_eq(frames_of(w, 2, await_2), 0);
    cr_assert_eq(frames_of(w, 2, read_what_0_wrote), 4);
    rig_stop(&w->rig);
}

/* LRC4. */
Test(lrc, a_page_that_is_falsely_shared_does_not_move)
{
    /* Each of N nodes fetches the page once and writes its byte as often as it likes. */
    struct lrc_world *w = quiet(7, 0);
    cr_assert_eq(frames_of_all(w, write_page_1), 2 * 6);
    for (int k = 0; k < 20; k++)
        cr_assert_eq(frames_of_all(w, write_page_1), 0);
    /* A barrier: ceil(log2 7) messages a node, and a diff of each that is not the home. */
    cr_assert_eq(frames_of_all(w, barrier), 7 * 3 + 6);
    cr_assert_eq(frames_of_all(w, barrier), 7 * 3);
    /* All have been told that the others wrote; the home has all. */
    cr_assert_eq(frames_of_all(w, read_page_1), 2 * 6);
    rig_stop(&w->rig);
}

Test(lrc, the_first_node_that_touches_a_page_is_its_home)
{
    struct lrc_world *w = quiet(5, 1);
    cr_assert_eq(frames_of(w, 3, write_page_1), 2, "asks node 1, which appoints it");
    cr_assert_eq(frames_of(w, 4, read_page_1), 3, "by way of node 1");
    cr_assert_eq(frames_of(w, 1, read_page_1), 2, "node 1 knows");
    cr_assert_eq(frames_of(w, 3, barrier) + frames_of(w, 0, barrier) + frames_of(w, 1, barrier) +
                     frames_of(w, 2, barrier) + frames_of(w, 4, barrier),
                 5 * 3, "no diff: the writer is the home");
    cr_assert_eq(frames_of(w, 4, read_page_1), 2, "it knows the home now");
    rig_stop(&w->rig);
}

/* One lock, any node, any pages: a model of who holds what, page by page. */
Test(lrc, random_sections_cost_what_the_notices_demand)
{
    enum { NODES = 6, PAGES = 8 };
    static bool held[NODES][PAGES], late[NODES][PAGES];
    struct lrc_world *w = quiet(NODES, 0);
    uint64_t x = 9;
    memset(held, 0, sizeof held);
    memset(late, 0, sizeof late);
    for (int k = 0; k < 400; k++) {
        uint32_t n = (uint32_t)(lrc_mix(&x) % NODES);
        uint64_t expected = n == 3 ? 0 : 2;
        cr_assert_eq(frames_of(w, n, lock_3), expected);
        for (uint32_t p = 0; p < PAGES; p++)
            if (late[n][p])
                held[n][p] = late[n][p] = false;
        void (*what)(struct lrc_world * w, uint32_t node) =
            lrc_mix(&x) % 2 ? write_three_pages : read_what_0_wrote;
        expected = 0;
        for (uint32_t p = 0; p < 3; p++) {
            expected += n != p && !held[n][p] ? 2 : 0;
            held[n][p] = true;
        }
        cr_assert_eq(frames_of(w, n, what), expected, "step %d: node %u", k, n);
        expected = n == 3 ? 0 : 1;
        /* The same bytes again are no change. */
        static bool wrote[NODES];
        bool changes = what == write_three_pages && !wrote[n];
        wrote[n] |= what == write_three_pages;
        for (uint32_t p = 0; p < 3; p++) {
            expected += changes && n != p;
            for (uint32_t m = 0; what == write_three_pages && m < NODES; m++)
                late[m][p] |= m != n && (changes || n == p) && m != p;
        }
        cr_assert_eq(frames_of(w, n, unlock_3), expected, "step %d: node %u", k, n);
    }
    rig_stop(&w->rig);
}

/* ---- spans ---- */

static uint8_t *pinned;

static void pin_page_1(struct lrc_world *w, uint32_t node)
{
    size_t got;
    pinned = vm_span(w->space[node], LRC_BASE + LRC_PAGE + node, 1, VM_WRITE, &got);
    cr_assert_not_null(pinned);
}
static void write_pinned(struct lrc_world *w, uint32_t node)
{
    *pinned = (uint8_t)(*pinned + 7);
    lrc_wrote(w, node, LRC_PAGE + node, *pinned);
}
static void unpin_page_1(struct lrc_world *w, uint32_t node)
{
    vm_unspan(w->space[node], LRC_BASE + LRC_PAGE + node);
}
static void read_all_of_page_1(struct lrc_world *w, uint32_t node)
{
    for (uint32_t n = 0; n < w->nodes; n++)
        lrc_read(w, node, LRC_PAGE + n);
}

Test(lrc, a_page_that_stays_pinned_over_synchronisation_is_told_of_and_dropped_later)
{
    for (uint32_t n = 0; n < 3; n++) { /* node 1 is the page's home */
        struct lrc_world *w = quiet(3, 0);
        uint32_t other = (n + 1) % 3, third = (n + 2) % 3;
        frames_of(w, n, pin_page_1);
        frames_of(w, n, write_pinned);
        frames_of(w, n, lock_3);
        frames_of(w, n, unlock_3);
        frames_of(w, other, lock_3);
        frames_of(w, other, read_all_of_page_1);
        frames_of(w, other, write_page_1);
        frames_of(w, other, unlock_3);
        frames_of(w, n, lock_3);
        frames_of(w, n, write_pinned);
        frames_of(w, n, unlock_3);
        frames_of(w, third, lock_3);
        frames_of(w, third, read_all_of_page_1);
        frames_of(w, third, unlock_3);
        frames_of(w, n, lock_3);
        frames_of(w, n, write_pinned);
        frames_of(w, n, unpin_page_1);
        frames_of(w, n, read_all_of_page_1);
        frames_of(w, n, unlock_3);
        frames_of(w, other, lock_3);
        frames_of(w, other, read_all_of_page_1);
        frames_of(w, other, unlock_3);
        rig_stop(&w->rig);
    }
}

/* Beside the byte that `other` writes over: a diff is of what the interval changed, no more. */
static void write_beside_pinned(struct lrc_world *w, uint32_t node)
{
    pinned[100]++;
    lrc_wrote(w, node, LRC_PAGE + node + 100, pinned[100]);
}
static void write_over_0_and_1(struct lrc_world *w, uint32_t node)
{
    for (uint64_t n = 0; n < 2; n++)
        lrc_write(w, node, LRC_PAGE + n, (uint8_t)(200 + n));
}

Test(lrc, the_diff_of_a_page_that_stays_pinned_has_nothing_of_the_interval_before)
{
    struct lrc_world *w = quiet(3, 0); /* node 1 is the page's home */
    frames_of(w, 0, pin_page_1);
    for (int k = 0; k < 3; k++) {
        frames_of(w, 0, lock_3);
        frames_of(w, 0, k == 0 ? write_pinned : write_beside_pinned);
        frames_of(w, 0, unlock_3);
        frames_of(w, 2, lock_3);
        frames_of(w, 2, read_all_of_page_1);
        frames_of(w, 2, write_over_0_and_1);
        frames_of(w, 2, unlock_3);
        frames_of(w, 1, lock_3);
        frames_of(w, 1, read_all_of_page_1);
        frames_of(w, 1, unlock_3);
    }
    rig_stop(&w->rig);
}

Test(lrc, frames_with_a_limit_are_refused_by_a_sentence)
{
    struct lrc_world *w = quiet(2, 0);
    struct port *p = fake_port(w->rig.f, 0);
    struct vm_params vp = { .page = LRC_PAGE, .frames = 10 };
    struct svm_params sp = { .manager = 8, .hash_block = 1 };
    static const uint32_t nodes[2] = { 0, 1 };
    struct vm_space *s = vm_space_create(vm_create(p, &vp), "test");
    cr_assert_str_eq(svm_managers.items[8]->name, "hlrc");
    cr_assert_null(svm_join(xk_find(w->rig.k[0], "svm"), s, LRC_BASE, LRC_PAGE, nodes, 2, &sp));
    cr_assert_str_eq(fake_last_failure(w->rig.f), "manager hlrc keeps the pages that it has "
                                                  "touched: memory.frames must be 0");
    rig_stop(&w->rig);
}

static void read_page_2(struct lrc_world *w, uint32_t node)
{
    lrc_read(w, node, 2 * LRC_PAGE);
}

Test(lrc, a_page_whose_home_died_ends_in_a_sentence)
{
    struct lrc_world *w = quiet(3, 0);
    frames_of(w, 1, write_page_1);
    fake_crash(w->rig.f, 2);
    fake_run(w->rig.f, 0);
    cr_assert_eq(fake_counts(w->rig.f)->failures, 0);
    frames_of(w, 0, read_page_2);
    cr_assert_str_eq(fake_last_failure(w->rig.f),
                     "program test cannot read address 0x10000200: the only copy of the "
                     "page died with its node");
    rig_stop(&w->rig);
}
