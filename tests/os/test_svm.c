/* test_svm.c: shared virtual memory on the fake port: coherence under random programs and all
 * orders, exact
 * message counts per fault, bounds.
 *
 * The oracle of coherence is one flat array, written in the order in which the fake port runs the
 * accesses: a
 * read must return the most recent write.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/svm/svm.h"
#include "tests/os/xk_rig.h"

#define BASE 0x10000000u
#define PAGE 256
#define PAGES_MAX 64

struct cluster {
    struct rig rig;
    uint32_t nodes;
    uint32_t pages;
    int64_t frames;
    int manager;
    int initial_owner;
    int64_t hash_block, fanout;
    uint64_t seed;
    uint32_t accesses;
    bool at_once; /* programs start when their node has booted: no timer holds them back */
    uint32_t mtu, tx_queue; /* 0: a page fits a frame; no limit */
    void (*program)(struct cluster *c, uint32_t node);
    struct vm *vm[RIG_NODES];
    struct vm_space *space[RIG_NODES];
    struct svm *svm[RIG_NODES];
    uint32_t finished;
    uint64_t checked;
    uint8_t shadow[PAGES_MAX * PAGE];
    uint64_t script[RIG_NODES];
};

struct start {
    struct cluster *c;
    uint32_t node;
};

static void thread(void *arg)
{
    struct start *s = arg;
    if (!s->c->at_once)
        port_thread_sleep(vm_port(s->c->vm[s->node]), SIM_MS); /* until all have booted */
    s->c->program(s->c, s->node);
    s->c->finished++;
}

static void join(struct cluster *c, uint32_t node, struct port *p)
{
    struct vm_params vp = { .page_bytes = PAGE, .frames = c->frames, .replacement = 1 };
    struct svm_params sp = { .manager = c->manager,
                             .hash_block = c->hash_block ? c->hash_block : 1,
                             .fanout = c->fanout,
                             .retry = 10 * SIM_MS,
                             .initial_owner = c->initial_owner };
    static uint32_t nodes[RIG_NODES];
    for (uint32_t i = 0; i < c->nodes; i++)
        nodes[i] = i;
    c->vm[node] = vm_create(p, &vp);
    c->space[node] = vm_space_create(c->vm[node], "test");
    c->svm[node] = svm_join(xk_find(c->rig.k[node], "svm"), c->space[node], BASE, c->pages * PAGE,
                            nodes, c->nodes, &sp);
    cr_assert_not_null(c->svm[node]);
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct cluster *c = r->arg;
    join(c, node, p);
    if (c->program) {
        struct start *s = port_alloc(p, sizeof *s);
        *s = (struct start){ .c = c, .node = node };
        cr_assert_not_null(port_thread_spawn(p, "program", thread, s, 0));
    }
}

static void start(struct cluster *c, enum fake_order order)
{
    struct fake_options o = { .nodes = c->nodes,
                              .seed = c->seed,
                              .order = order,
                              .mtu = c->mtu ? c->mtu : 4096,
                              .tx_queue = c->tx_queue };
    rig_start(&c->rig, &o,
              c->tx_queue ? "mesh mesh queue=1; svm svm <mesh" : "mesh mesh; svm svm <mesh", booted,
              c);
}

static uint64_t mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* S1 and S2 over all nodes, for every page; only between steps of a quiet system. */
static void check_invariants(struct cluster *c)
{
    for (uint32_t p = 0; p < c->pages; p++) {
        uint32_t owners = 0, writers = 0, readers = 0;
        for (uint32_t n = 0; n < c->nodes; n++) {
            struct svm_view v;
            svm_look(c->svm[n], p, &v);
            owners += v.owner;
            writers += v.prot == VM_WRITE;
            readers += v.prot == VM_READ;
            cr_assert(!v.locked, "page %u is locked at node %u at the end", p, n);
        }
        cr_assert_leq(writers, 1u);
        cr_assert(writers == 0 || readers == 0, "page %u has a writer and %u readers", p, readers);
        if (strcmp(svm_mgr_name(svm_managers[c->manager]), "xmm") != 0)
            cr_assert_eq(owners, 1u, "page %u has %u owners", p, owners);
    }
}

static void random_program(struct cluster *c, uint32_t node)
{
    uint64_t x = c->seed * 1000 + node;
    struct port *p = vm_port(c->vm[node]);
    for (uint32_t i = 0; i < c->accesses; i++) {
        uint64_t at = mix(&x) % (c->pages * PAGE);
        if (mix(&x) % 3 == 0) {
            uint8_t value = (uint8_t)mix(&x);
            vm_store_u8(c->space[node], BASE + at, value);
            c->shadow[at] = value;
        } else {
            uint8_t got = vm_load_u8(c->space[node], BASE + at);
            cr_assert_eq(got, c->shadow[at],
                         "%s, seed %llu: node %u reads %u at offset %llu where %u was written last",
                         svm_mgr_name(svm_managers[c->manager]), (unsigned long long)c->seed, node,
                         got, (unsigned long long)at, c->shadow[at]);
            c->checked++;
        }
        if (mix(&x) % 8 == 0)
            port_thread_sleep(p, (sim_time)(mix(&x) % 50) * SIM_US);
    }
}

/* What differs from the usual: frames, the interface's queue, the tree's fanout, length. */
struct variant {
    uint32_t accesses; /* of a node; 0: 150 */
    uint32_t mtu, tx_queue;
    int64_t fanout;
};

/* The number of reads that were checked. */
static uint64_t run_variant(int manager, uint64_t seed, enum fake_order order, struct variant v)
{
    static struct cluster c;
    c = (struct cluster){ .mtu = v.mtu,
                          .tx_queue = v.tx_queue,
                          .fanout = v.fanout,
                          .nodes = 2 + (uint32_t)(seed % 6),
                          .pages = 1 + (uint32_t)(seed % 5),
                          .manager = manager,
                          .initial_owner = (int)(seed % 3),
                          .seed = seed,
                          .accesses = v.accesses ? v.accesses : 150,
                          .program = random_program };
    start(&c, order);
    fake_run(c.rig.f, 30000000);
    cr_assert_eq(c.finished, c.nodes, "%s, seed %llu: %u of %u programs ended",
                 svm_mgr_name(svm_managers[manager]), (unsigned long long)seed, c.finished,
                 c.nodes);
    check_invariants(&c);
    cr_assert_gt(c.checked, 100u);
    rig_stop(&c.rig);
    return c.checked;
}

static void run_random(int manager, uint64_t seed, enum fake_order order)
{
    run_variant(manager, seed, order, (struct variant){ .mtu = 0 });
}

Test(svm, a_page_longer_than_a_frame_goes_in_segments)
{
    /* Frames of 100 bytes carry 60 of a message: a page of 256 takes five; and a busy interface
     * stops the sender in the middle of a message. */
    for (int m = 0; svm_managers[m]; m++)
        for (uint64_t seed = 1; seed <= 10; seed++)
            run_variant(m, seed, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM,
                        (struct variant){ .mtu = 100, .tx_queue = seed % 3 == 0 ? 2 : 0 });
}

static int manager_named(const char *name)
{
    int m = 0;
    while (strcmp(svm_mgr_name(svm_managers[m]), name) != 0)
        m++;
    return m;
}

Test(svm, a_tree_of_bounded_fanout_is_coherent)
{
    int tree = manager_named("tree");
    for (int64_t fanout = 1; fanout <= 2; fanout++)
        for (uint64_t seed = 1; seed <= 40; seed++)
            run_variant(tree, seed, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM,
                        (struct variant){ .fanout = fanout });
}

Test(svm, a_read_returns_the_most_recent_write_under_every_manager)
{
    for (int m = 0; svm_managers[m]; m++)
        for (uint64_t seed = 1; seed <= 60; seed++)
            run_random(m, seed, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM);
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

static struct cluster *quiet(const char *manager, uint32_t nodes)
{
    static struct cluster c;
    c = (struct cluster){
        .nodes = nodes, .pages = 16, .seed = 5, .manager = manager_named(manager)
    };
    start(&c, FAKE_IN_ORDER);
    fake_run(c.rig.f, 0);
    return &c;
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
    rig_stop(&c->rig);
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
    rig_stop(&c->rig);
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
        rig_stop(&c->rig);
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
    rig_stop(&c->rig);
}

/* ---- all orders ---- */

static void explored_store(struct cluster *c, uint32_t node, uint64_t at, uint8_t value)
{
    vm_store_u8(c->space[node], BASE + at, value);
    c->shadow[at] = value;
}

static void explored_load(struct cluster *c, uint32_t node, uint64_t at)
{
    uint8_t got = vm_load_u8(c->space[node], BASE + at);
    cr_assert_eq(got, c->shadow[at], "%s: node %u reads %u where %u was written last",
                 svm_mgr_name(svm_managers[c->manager]), node, got, c->shadow[at]);
}

/* Pages begin with the nodes of their numbers: each writes the next one's page and reads its own,
 * so
 * that requests, ownerships and invalidations cross. */
static void short_program(struct cluster *c, uint32_t node)
{
    uint64_t mine = node % c->pages * PAGE, other = (node + 1) % c->pages * PAGE;
    explored_store(c, node, other, (uint8_t)(node + 1));
    explored_load(c, node, mine);
    if (c->accesses > 0) {
        explored_store(c, node, mine, (uint8_t)(node + 11));
        explored_load(c, node, other);
    }
}

static struct xk_graph *explored_graph;

static void boot_node(struct port *p, void *arg)
{
    struct rig *r = arg;
    r->k[port_node(p)] = xk_boot(p, r->g);
    booted(r, port_node(p), p);
}

static void explore_setup(struct fake *f, void *arg)
{
    struct cluster *c = arg;
    c->finished = 0;
    memset(c->shadow, 0, sizeof c->shadow);
    rig_boot(&c->rig, f, explored_graph, NULL, c);
    for (uint32_t n = 0; n < c->nodes; n++)
        fake_boot(f, n, boot_node, &c->rig);
}

static bool explore_check(struct fake *f, void *arg)
{
    struct cluster *c = arg;
    (void)f;
    cr_assert_eq(c->finished, c->nodes,
                 "%s: %u ended; pending %llu, steps %llu, now %lld, frames %llu",
                 svm_mgr_name(svm_managers[c->manager]), c->finished,
                 (unsigned long long)fake_pending(f), (unsigned long long)fake_steps(f),
                 (long long)fake_now(f), (unsigned long long)fake_counts(f)->frames);
    check_invariants(c);
    return true;
}

static uint64_t explore(int manager, uint32_t nodes, uint32_t pages, bool twice, bool must_complete)
{
    static struct cluster c;
    c = (struct cluster){ .nodes = nodes,
                          .pages = pages,
                          .manager = manager,
                          .initial_owner = 1,
                          /* A broadcast that misses a node which has not booted is made again after
                           * a while: orders without end. */
                          .at_once = manager != manager_named("broadcast"),
                          .accesses = twice,
                          .program = short_program };
    const char *most = getenv("SVM_ORDERS");
    struct fake_explore x = { .options = { .nodes = nodes, .mtu = 4096 },
                              .setup = explore_setup,
                              .check = explore_check,
                              .arg = &c,
                              .orders_max = most ? strtoull(most, NULL, 10) : 4000 };
    fake_explore(&x);
    cr_log_info("%s, %u nodes, %u pages%s: %llu orders%s", svm_mgr_name(svm_managers[manager]),
                nodes, pages, twice ? ", two rounds" : "", (unsigned long long)x.orders,
                x.complete ? ", which are all" : "");
    cr_assert_not(x.failed);
    cr_assert_gt(x.orders, 1u);
    cr_assert(x.complete || !must_complete);
    return x.orders;
}

Test(svm, every_order_of_few_nodes_and_pages_is_coherent)
{
    explored_graph = rig_graph("mesh mesh; svm svm <mesh");
    uint64_t orders = 0;
    for (int m = 0; svm_managers[m]; m++) {
        orders += explore(m, 2, 1, false, true);
        orders += explore(m, 2, 2, false, false);
        orders += explore(m, 2, 2, true, false);
        orders += explore(m, 3, 1, false, false);
        orders += explore(m, 3, 2, false, false);
    }
    cr_log_info("%llu orders in all", (unsigned long long)orders);
    xk_graph_free(explored_graph);
}

/* ---- planted faults: the checker must find each ---- */

#define OP 8 /* offset of the operation in a frame: behind the driver's header */
#define HEADERS 40

enum plant_kind {
    PLANT_NOTHING,
    PLANT_SKIP,   /* an invalidation is swallowed, and acknowledged in its place */
    PLANT_FLIP,   /* a page's bytes change in flight */
    PLANT_STALE,  /* a page is answered with the bytes it had when it was last sent */
    PLANT_OWNERS, /* who gives the ownership away goes on as owner */
};
static const char *const plant_names[] = { "nothing", "a skipped invalidation", "a flipped byte",
                                           "stale bytes", "a stale owner" };

struct plant {
    struct cluster *c;
    enum plant_kind kind;
    uint8_t op; /* enum svm_op */
    uint32_t after, seen;
    uint8_t before[PAGE]; /* STALE: the last page sent */
};

static void replace(struct rope *frame, const uint8_t *bytes, size_t len)
{
    rope_fini(frame);
    rope_add_bytes(frame, bytes, len);
}

static bool tamper(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct plant *t = arg;
    uint8_t bytes[HEADERS + PAGE + 256], now[PAGE];
    cr_assert_leq(frame->length, sizeof bytes);
    size_t len = frame->length;
    bool page = len >= HEADERS + PAGE;
    rope_read(frame, 0, len, bytes);
    if (len < HEADERS || bytes[OP] != t->op || (t->kind != PLANT_SKIP && !page))
        return true;
    bool act = t->seen++ >= t->after;
    switch (t->kind) {
    case PLANT_NOTHING:
        break;
    case PLANT_SKIP:
        if (!act)
            break;
        bytes[OP] = 5; /* an acknowledgement that nobody has earned */
        fake_inject(t->c->rig.f, dst, src, bytes, len);
        return false;
    case PLANT_FLIP:
        for (size_t i = len - PAGE; act && i < len; i++)
            bytes[i] ^= 0x5a;
        replace(frame, bytes, len);
        break;
    case PLANT_STALE:
        memcpy(now, bytes + len - PAGE, PAGE);
        if (act)
            memcpy(bytes + len - PAGE, t->before, PAGE);
        memcpy(t->before, now, PAGE);
        replace(frame, bytes, len);
        break;
    case PLANT_OWNERS:
        if (act && (bytes[OP + 2] & 2))
            fake_inject(t->c->rig.f, dst, src, bytes, len);
        break;
    }
    return true;
}

static bool mismatch;

static void watching_program(struct cluster *c, uint32_t node)
{
    uint64_t x = c->seed * 1000 + node;
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t at = mix(&x) % 16;
        if (mix(&x) % 3 == 0) {
            uint8_t value = (uint8_t)(mix(&x) | 1);
            vm_store_u8(c->space[node], BASE + at, value);
            c->shadow[at] = value;
        } else if (vm_load_u8(c->space[node], BASE + at) != c->shadow[at]) {
            mismatch = true;
        }
        port_thread_sleep(vm_port(c->vm[node]), (sim_time)(mix(&x) % 50) * SIM_US);
    }
}

/* Wrong values, a program that does not end, or two owners; an assertion ends the process. */
static bool noticed(int manager, enum plant_kind kind, uint8_t op, uint64_t seed)
{
    static struct cluster c;
    c = (struct cluster){
        .nodes = 4, .pages = 1, .manager = manager, .seed = seed, .program = watching_program
    };
    struct plant t = { .c = &c, .kind = kind, .op = op, .after = 5 };
    mismatch = false;
    start(&c, FAKE_IN_ORDER);
    fake_on_frame(c.rig.f, tamper, &t);
    fake_run(c.rig.f, 100000);
    uint32_t owners = 0;
    for (uint32_t n = 0; n < c.nodes; n++) {
        struct svm_view v;
        svm_look(c.svm[n], 0, &v);
        owners += v.owner;
    }
    bool found = mismatch || c.finished < c.nodes || owners > 1;
    rig_stop(&c.rig);
    return found;
}

static bool found(int manager, enum plant_kind kind, uint8_t op)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        signal(SIGABRT, SIG_DFL);
        for (uint64_t seed = 1; seed <= 10; seed++)
            if (noticed(manager, kind, op, seed))
                _exit(1);
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(!WIFEXITED(status) || WEXITSTATUS(status) < 2);
    return WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) == 1;
}

Test(svm, planted_faults_of_the_protocol_are_found)
{
    for (int m = 0; svm_managers[m]; m++) {
        const char *name = svm_mgr_name(svm_managers[m]);
        bool baseline = strcmp(name, "xmm") == 0;
        uint8_t page = baseline ? 8 : 2; /* SVM_DATA, SVM_PAGE */
        cr_assert_not(found(m, PLANT_NOTHING, page), "%s: %s", name, plant_names[PLANT_NOTHING]);
        cr_assert(found(m, PLANT_FLIP, page), "%s: %s", name, plant_names[PLANT_FLIP]);
        cr_assert(found(m, PLANT_STALE, page), "%s: %s", name, plant_names[PLANT_STALE]);
        if (baseline) /* a kernel answers a flush with the page, and nobody owns */
            continue;
        cr_assert(found(m, PLANT_SKIP, 4), "%s: %s", name, plant_names[PLANT_SKIP]);
        cr_assert(found(m, PLANT_OWNERS, page), "%s: %s", name, plant_names[PLANT_OWNERS]);
    }
}

/* ---- the long script: scripts/soak-svm ---- */

Test(svm, soak)
{
    const char *checks = getenv("SVM_SOAK"), *first = getenv("SVM_SEED");
    const char *only = getenv("SVM_MANAGER");
    if (!checks)
        return;
    uint64_t want = strtoull(checks, NULL, 10), from = first ? strtoull(first, NULL, 10) : 1;
    for (int m = 0; svm_managers[m]; m++) {
        const char *name = svm_mgr_name(svm_managers[m]);
        uint64_t checked = 0, seed = from;
        for (; (!only || strcmp(only, name) == 0) && checked < want; seed++)
            checked += run_variant(m, seed, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                   (struct variant){ .accesses = 1000,
                                                     .mtu = seed % 5 == 0 ? 100 : 0,
                                                     .tx_queue = seed % 10 == 0 ? 2 : 0,
                                                     .fanout = (int64_t)(seed % 3) });
        if (checked > 0)
            printf("%-10s %llu reads checked, seeds %llu to %llu\n", name,
                   (unsigned long long)checked, (unsigned long long)from,
                   (unsigned long long)seed - 1);
        fflush(stdout);
    }
}
