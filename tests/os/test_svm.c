/* test_svm.c: shared virtual memory on the fake port: coherence under random programs, exact
 * message counts per fault, bounds.
 *
 * Two oracles of coherence: one flat array, written in the order in which the fake port runs the
 * accesses, of which every read must be the most recent write; and, in every other run, the
 * recorded history of all nodes, judged by os/svm/history.h.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/svm_rig.h"
#include "tests/sample.h"

/* What differs from the usual: length, frames, the interface's queue, the tree's fanout. */
struct variant {
    uint32_t accesses; /* of a node; 0: 150 */
    uint32_t mtu, tx_queue;
    int64_t frames; /* of a node; 0: no limit; the rest goes to a disk */
    int64_t fanout, announce_every;
};

/* The number of reads that were checked. */
static uint64_t run_variant(int manager, uint64_t seed, struct variant v)
{
    static struct cluster c;
    c = (struct cluster){ .mtu = v.mtu,
                          .tx_queue = v.tx_queue,
                          .frames = v.frames,
                          .fanout = v.fanout,
                          .announce_every = v.announce_every,
                          .nodes = 2 + (uint32_t)(seed % 6),
                          .pages = 1 + (uint32_t)(seed % 5),
                          .manager = manager,
                          .initial_owner = (int)(seed % 3),
                          .hash_block = 1 + (int64_t)(seed % 2),
                          .seed = seed,
                          .record = seed % 4 < 2,
                          .accesses = v.accesses ? v.accesses : 150,
                          .program = cluster_random_program };
    cluster_start(&c, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM);
    fake_run(c.rig.f, 30000000);
    cr_assert_eq(c.finished, c.nodes, "%s, seed %llu: %u of %u programs ended", manager_of(&c),
                 (unsigned long long)seed, c.finished, c.nodes);
    cr_assert_null(cluster_fault(&c), "%s, seed %llu: %s", manager_of(&c), (unsigned long long)seed,
                   cluster_fault(&c));
    cr_assert_gt(c.checked, 100u);
    struct history_report r;
    if (c.record) {
        cr_assert_eq(history_recent(&c.history, &r), HISTORY_OK, "%s, seed %llu: %s",
                     manager_of(&c), (unsigned long long)seed, r.text);
        cr_assert_eq(history_sequential(&c.history, &r), HISTORY_OK, "%s, seed %llu: %s",
                     manager_of(&c), (unsigned long long)seed, r.text);
    }
    cluster_stop(&c);
    return c.checked;
}

Test(svm, a_page_longer_than_a_frame_goes_in_segments)
{
    /* Frames of 100 bytes carry 60 of a message: a page of 256 takes five; and a busy interface
     * stops the sender in the middle of a message. */
    for (int m = 0; svm_is_strict(m); m++)
        for (uint64_t seed = 1; seed <= 10; seed++)
            run_variant(m, seed, (struct variant){ .mtu = 100, .tx_queue = seed % 3 == 0 ? 2 : 0 });
}

/* SVM3. */
Test(svm, a_tree_of_bounded_fanout_is_coherent)
{
    int tree = manager_named("tree");
    for (int64_t fanout = 1; fanout <= 2; fanout++)
        for (uint64_t seed = 1; seed <= 40; seed++)
            run_variant(tree, seed, (struct variant){ .fanout = fanout });
}

Test(svm, a_read_returns_the_most_recent_write_under_every_manager)
{
    for (int m = 0; svm_is_strict(m); m++)
        for (uint64_t seed = 1; seed <= sample(NULL, 60); seed++)
            run_variant(m, seed,
                        (struct variant){ .frames = seed % 3 == 0 ? 1 + (int64_t)(seed % 2) : 0,
                                          .announce_every = (int64_t)(seed % 4) });
}

/* ---- one access at a time, counted ---- */

struct access {
    struct cluster *c;
    uint32_t node;
    uint64_t addr;
    bool write;
};

static void access_thread(void *arg)
{
    struct access *a = arg;
    if (a->write)
        vm_store_u8(a->c->space[a->node], a->addr, 1);
    else
        vm_load_u8(a->c->space[a->node], a->addr);
}

static void access_start(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "access", access_thread, arg, 0));
}

struct cost {
    uint64_t frames, forwards, invalidations;
};

static struct cost total(struct cluster *c)
{
    struct cost t = { .frames = fake_counts(c->rig.f)->frames };
    for (uint32_t n = 0; n < c->nodes; n++) {
        struct svm_counts k;
        svm_counts(c->svm[n], &k);
        t.forwards += k.forwards;
        t.invalidations += k.invalidations;
    }
    return t;
}

/* The frames that cross the network for one access of a quiet system. */
static struct cost touch(struct cluster *c, uint32_t node, uint32_t page, bool write)
{
    struct cost before = total(c);
    struct access a = { .c = c, .node = node, .addr = BASE + page * PAGE + 7, .write = write };
    fake_call(c->rig.f, node, access_start, &a);
    fake_run(c->rig.f, 0);
    struct cost after = total(c);
    return (struct cost){ after.frames - before.frames, after.forwards - before.forwards,
                          after.invalidations - before.invalidations };
}

static struct cluster *quiet_announcing(const char *manager, uint32_t nodes, int64_t every)
{
    static struct cluster c;
    c = (struct cluster){ .nodes = nodes,
                          .pages = 16,
                          .seed = 5,
                          .announce_every = every,
                          .manager = manager_named(manager) };
    cluster_start(&c, FAKE_IN_ORDER);
    fake_run(c.rig.f, 0);
    return &c;
}

static struct cluster *quiet(const char *manager, uint32_t nodes)
{
    return quiet_announcing(manager, nodes, 0);
}

/* Owner 1 with readers 2..m+1; then node 6 reads, node 7 writes.  Manager 0 (page 8 of 8 nodes for
 * fixed) and
 * all others are distinct nodes. */
static void expect(const char *manager, uint64_t read, uint64_t write, uint32_t m)
{
    struct cluster *c = quiet(manager, 8);
    touch(c, 1, 8, true);
    for (uint32_t i = 0; i < m - 1; i++)
        touch(c, 2 + i, 8, false);
    cr_assert_eq(touch(c, 6, 8, false).frames, read, "%s: read", manager);
    cr_assert_eq(touch(c, 7, 8, true).frames, write, "%s: write with %u copies", manager, m);
    cluster_stop(c);
}

Test(svm, messages_per_fault_are_those_of_the_paper)
{
    /* [Li & Hudak 1989]: central 4 and 4 + 2m; improved and fixed 3 and 3 + 2m; broadcast N
     * and N + 2m. */
    for (uint32_t m = 1; m <= 4; m++) {
        expect("central", 4, 4 + 2 * m, m);
        expect("improved", 3, 3 + 2 * m, m);
        expect("fixed", 3, 3 + 2 * m, m);
        expect("broadcast", 8, 8 + 2 * m, m);
    }
}

Test(svm, a_manager_that_owns_saves_a_message)
{
    struct cluster *c = quiet("improved", 4);
    cr_assert_eq(touch(c, 2, 3, false).frames, 2, "manager is owner");
    cr_assert_eq(touch(c, 1, 3, true).frames, 4, "manager is owner, one copy to invalidate");
    cr_assert_eq(touch(c, 0, 3, false).frames, 2, "manager is requester");
    cluster_stop(c);
}

Test(svm, an_owner_that_asks_for_its_own_page_keeps_no_message)
{
    static const char *const names[] = { "central", "improved", "fixed" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct cluster *c = quiet(names[i], 4);
        uint64_t blocks = 0;
        for (int k = 0; k < 4; k++) {
            cr_assert_gt(touch(c, 1, 6, true).frames, 0u, "%s", names[i]);
            touch(c, 2, 6, false); /* the owner may only read now */
            uint64_t now = fake_heap_blocks(c->rig.f, 1);
            cr_assert(k < 2 || now == blocks, "%s: %llu blocks, then %llu", names[i],
                      (unsigned long long)blocks, (unsigned long long)now);
            blocks = now;
        }
        cluster_stop(c);
    }
}

Test(svm, dynamic_faults_cost_two_messages_and_one_per_forward_and_two_per_copy)
{
    static const char *const names[] = { "dynamic", "dynamic_s", "tree" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct cluster *c = quiet(names[i], 16);
        uint64_t x = 77, forwards = 0, requests = 0;
        for (int k = 0; k < 600; k++) {
            uint32_t node = (uint32_t)(mix(&x) % 16);
            struct svm_view v;
            svm_look(c->svm[node], 3, &v);
            bool write = mix(&x) % 3 == 0;
            struct cost t = touch(c, node, 3, write);
            uint64_t asked = v.owner || v.prot == VM_WRITE || (!write && v.prot == VM_READ) ? 0 : 2;
            cr_assert_eq(t.frames, asked + t.forwards + 2 * t.invalidations, "%s, access %d: %llu",
                         names[i], k, (unsigned long long)t.frames);
            forwards += t.forwards;
            requests += asked > 0;
        }
        cr_assert_gt(requests, 100u);
        /* The bound O(N + K log N) on the forwardings of K requests among N nodes. */
        cr_assert_leq((double)forwards, 16 + (double)requests * log2(16), "%s", names[i]);
        cluster_stop(c);
    }
}

/* Whose copy a node has, it asks next: the copy's sender owned the page, or had it from the
 * owner. */
Test(svm, a_read_copy_tells_the_hint_of_its_reader)
{
    static const char *const names[] = { "dynamic", "dynamic_s", "tree" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct cluster *c = quiet(names[i], 8);
        struct svm_view v;
        touch(c, 1, 0, true); /* node 0 owned it, and is who the others know */
        cr_assert_eq(touch(c, 2, 0, false).forwards, 1, "%s: by way of node 0", names[i]);
        svm_look(c->svm[2], 0, &v);
        cr_assert(v.owner || v.hint == 1, "%s: hint %u", names[i], v.hint);
        cr_assert_eq(touch(c, 2, 0, true).forwards, 0, "%s", names[i]);
        cluster_stop(c);
    }
}

/* How far a request from `node` has to go: steps along hints to the owner. */
static uint32_t steps_to_owner(struct cluster *c, uint32_t node, uint32_t page)
{
    struct svm_view v;
    uint32_t steps = 0;
    for (svm_look(c->svm[node], page, &v); !v.owner && steps <= c->nodes; steps++)
        svm_look(c->svm[v.hint], page, &v);
    return steps;
}

/* Requests that an adversary makes who sees all hints: always from a node that is farthest from the
 * owner.  The bound of the paper with c = 2, on the messages at the interfaces but those that
 * invalidate: 2 (N + K log2 N).  SVM4, SVMI4. */
Test(svm, dynamic_faults_of_an_adversary_stay_within_the_bound)
{
    static const char *const names[] = { "dynamic", "dynamic_s", "tree" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (uint32_t nodes = 4; nodes <= 64; nodes *= 2)
            for (uint32_t reads = 0; reads <= 2; reads++) {
                struct cluster *c = quiet(names[i], nodes);
                uint64_t x = 5, messages = 0, requests = 0, far = 0;
                for (uint32_t k = 0; k < 4 * nodes; k++) {
                    uint32_t worst = 0;
                    for (uint32_t n = 1; n < nodes; n++)
                        if (steps_to_owner(c, n, 3) > steps_to_owner(c, worst, 3))
                            worst = n;
                    cr_assert_leq(steps_to_owner(c, worst, 3), nodes - 1, "hints form a circle");
                    far += steps_to_owner(c, worst, 3);
                    struct cost t = touch(c, worst, 3, mix(&x) % 3 >= reads);
                    messages += t.frames - 2 * t.invalidations;
                    requests += t.frames > 0;
                }
                double bound = 2 * (nodes + (double)requests * log2(nodes));
                cr_log_info("%s, %u nodes, reads %u of 3: %llu requests, %.2f messages each, bound "
                            "%.2f; the adversary's nodes are %.2f away",
                            names[i], nodes, reads, (unsigned long long)requests,
                            (double)messages / (double)requests, bound / (double)requests,
                            (double)far / (4.0 * nodes));
                cr_assert_leq((double)messages, bound, "%s, %u nodes", names[i], nodes);
                cluster_stop(c);
            }
}

/* The refinement: after every M moves of the ownership its owner tells the N - 1 others. */
Test(svm, announcements_cost_a_broadcast_for_every_so_many_moves)
{
    for (int64_t every = 1; every <= 4; every++) {
        struct cluster *c = quiet_announcing("dynamic", 16, every);
        uint64_t x = 9, moves = 0, frames = 0, expected = 0, forwards = 0;
        for (int k = 0; k < 300; k++) {
            uint32_t node = (uint32_t)(mix(&x) % 16);
            struct svm_view v;
            svm_look(c->svm[node], 3, &v);
            bool write = mix(&x) % 3 == 0;
            bool asks = !(v.owner || v.prot == VM_WRITE || (!write && v.prot == VM_READ));
            struct cost t = touch(c, node, 3, write);
            moves += asks;
            frames += t.frames;
            forwards += t.forwards;
            expected += (asks ? 2 : 0) + t.forwards + 2 * t.invalidations;
        }
        cr_assert_eq(frames, expected + 15 * (moves / (uint64_t)every), "M = %d", (int)every);
        cr_assert(every > 1 || forwards == 0, "everybody knows the owner, and yet is %d away",
                  (int)forwards);
        cr_log_info("M = %d: %.2f forwards a move", (int)every, (double)forwards / (double)moves);
        cluster_stop(c);
    }
}

Test(svm, the_baseline_sends_a_page_twice)
{
    struct cluster *c = quiet("xmm", 4);
    touch(c, 1, 2, true);
    struct svm_counts a, b;
    svm_counts(c->svm[1], &a);
    svm_counts(c->svm[0], &b);
    uint64_t before = a.pages_sent + b.pages_sent;
    cr_assert_eq(touch(c, 2, 2, false).frames, 4, "request, flush, data, page");
    svm_counts(c->svm[1], &a);
    svm_counts(c->svm[0], &b);
    cr_assert_eq(a.pages_sent + b.pages_sent - before, 2);
    cluster_stop(c);
}

/* ---- the long script: scripts/soak-svm ---- */

Test(svm, soak)
{
    const char *checks = getenv("SVM_SOAK"), *first = getenv("SVM_SEED");
    const char *only = getenv("SVM_MANAGER");
    if (!checks)
        return;
    uint64_t want = strtoull(checks, NULL, 10), from = first ? strtoull(first, NULL, 10) : 1;
    for (int m = 0; svm_is_strict(m); m++) {
        const char *name = svm_managers.items[m]->name;
        uint64_t checked = 0, seed = from;
        for (; (!only || strcmp(only, name) == 0) && checked < want; seed++)
            checked += run_variant(m, seed,
                                   (struct variant){ .accesses = 1000,
                                                     .frames = (int64_t)(seed % 4),
                                                     .mtu = seed % 5 == 0 ? 100 : 0,
                                                     .tx_queue = seed % 10 == 0 ? 2 : 0,
                                                     .fanout = (int64_t)(seed % 3),
                                                     .announce_every = (int64_t)(seed % 7) });
        if (checked > 0)
            printf("%-10s %llu reads checked, seeds %llu to %llu\n", name,
                   (unsigned long long)checked, (unsigned long long)from,
                   (unsigned long long)seed - 1);
        fflush(stdout);
    }
}
