/* test_lrc_plant.c: lazy release consistency: planted faults that the judge must find, all orders
 * of small programs, and what is left behind after barriers.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/svm/lrc.h"
#include "tests/os/lrc_rig.h"
#include "tests/sample.h"

#define DRIVER 8       /* bytes of the driver's header */
#define BELOW 12       /* and of RDM's behind it: the number of the upper protocol first */
#define SVM_HEAD 28    /* of a message of the memory */
#define SYNC_HEAD 16   /* of a message of the synchronisation */
#define FRAME_MAX 8192 /* as large as any here */

enum plant_kind {
    PLANT_NOTHING,
    PLANT_NOTICE, /* the notices of a page are lost */
    PLANT_LATE,   /* a home answers before the diff is there: it is told of the interval first */
    PLANT_LOST,   /* a twin that was made too late: the diff is empty */
    PLANT_WHOLE,  /* a twin that was never made: the whole page goes home as changed */
    PLANT_FLIP,   /* a byte of a diff changes */
    PLANT_STALE,  /* a home answers with the bytes that it had when it last answered */
};
static const char *const plant_names[] = {
    "nothing",         "a lost notice",  "a diff applied late", "a twin made too late",
    "a twin not made", "a flipped byte", "a stale page"
};

struct plant {
    struct lrc_world *w;
    enum plant_kind kind;
    uint32_t seen, after;
    uint8_t late[FRAME_MAX]; /* LATE: a diff that is held back */
    size_t late_length;
    uint32_t late_src, late_dst;
    uint8_t before[LRC_PAGES][LRC_PAGE]; /* STALE: the last copy of each page */
};

static uint8_t bytes[FRAME_MAX];

static void replace(struct rope *frame, size_t len)
{
    wire_put32(bytes + 4, (uint32_t)(len - DRIVER)); /* the driver's length */
    rope_fini(frame);
    rope_add_bytes(frame, bytes, len);
}

/* Moves the pages of the first interval in a clock with notices out of the region. */
static bool lose_notice(struct plant *t, size_t len)
{
    size_t at = BELOW + SYNC_HEAD + 4 * t->w->nodes;
    if (len < at + 24 || wire_get32(bytes + at) == 0)
        return false;
    uint32_t runs = wire_get32(bytes + at + 12);
    for (uint32_t i = 0; i < runs; i++)
        wire_put32(bytes + at + 16 + 8 * i, 0xffffff);
    return true;
}

static size_t whole_page(struct plant *t, uint32_t src)
{
    size_t at = BELOW + SVM_HEAD;
    uint32_t page = wire_get32(bytes + BELOW + 4);
    const uint8_t *now = vm_frame(t->w->svm[src]->region, page, false);
    wire_put16(bytes + at, 0);
    wire_put16(bytes + at + 2, LRC_PAGE);
    memcpy(bytes + at + 4, now, LRC_PAGE);
    return at + 4 + LRC_PAGE;
}

static void tamper_diff(struct plant *t, uint32_t src, uint32_t dst, size_t len, struct rope *frame)
{
    switch (t->kind) {
    case PLANT_LATE:
        if (t->late_length > 0)
            return;
        memcpy(t->late, bytes, len);
        t->late_length = len;
        t->late_src = src;
        t->late_dst = dst;
        replace(frame, BELOW + SVM_HEAD);
        break;
    case PLANT_LOST:
        replace(frame, BELOW + SVM_HEAD);
        break;
    case PLANT_WHOLE:
        replace(frame, whole_page(t, src));
        break;
    case PLANT_FLIP:
        bytes[len - 1] ^= 0x5a;
        replace(frame, len);
        break;
    default:
        break;
    }
}

static void tamper_copy(struct plant *t, uint32_t src, size_t len, struct rope *frame)
{
    uint32_t page = wire_get32(bytes + BELOW + 4);
    uint8_t now[LRC_PAGE];
    if (t->kind == PLANT_LATE && t->late_length > 0 && src == t->late_dst) {
        fake_inject(t->w->rig.f, t->late_src, t->late_dst, t->late, t->late_length);
        t->late_length = 0;
    }
    if (t->kind != PLANT_STALE || len < LRC_PAGE)
        return;
    memcpy(now, bytes + len - LRC_PAGE, LRC_PAGE);
    memcpy(bytes + len - LRC_PAGE, t->before[page], LRC_PAGE);
    memcpy(t->before[page], now, LRC_PAGE);
    replace(frame, len);
}

static bool tamper(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct plant *t = arg;
    size_t len = frame->length;
    cr_assert_leq(len, sizeof bytes);
    rope_read(frame, 0, len, bytes);
    bool memory = bytes[DRIVER] == xk_find(t->w->rig.k[src], "svm")->number;
    if (!memory && t->kind == PLANT_NOTICE && t->seen++ >= t->after && lose_notice(t, len))
        replace(frame, len);
    if (memory && bytes[BELOW] == SVM_DIFF && t->seen++ >= t->after)
        tamper_diff(t, src, dst, len, frame);
    if (memory && bytes[BELOW] == SVM_COPY)
        tamper_copy(t, src, len, frame);
    return true;
}

/* A wrong read, or a program that does not end; an assertion ends the process. */
static bool noticed(enum plant_kind kind, uint64_t seed)
{
    static struct lrc_world w;
    static struct plant t;
    w = (struct lrc_world){ .nodes = 4,
                            .pages = 2,
                            .rounds = 4,
                            .unit = 1 + (uint32_t)(seed % 8),
                            .seed = seed,
                            .program = lrc_random_program };
    t = (struct plant){ .w = &w, .kind = kind, .after = 10 };
    lrc_world_start(&w, FAKE_IN_ORDER);
    fake_on_frame(w.rig.f, tamper, &t);
    fake_run(w.rig.f, 100000);
    bool found = w.judge.wrong > 0 || w.finished < w.nodes;
    rig_stop(&w.rig);
    return found;
}

static bool found(enum plant_kind kind)
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
            if (noticed(kind, seed))
                _exit(1);
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(!WIFEXITED(status) || WEXITSTATUS(status) < 2);
    return WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) == 1;
}

/* LRC2, LRC5. */
Test(lrc, planted_faults_of_the_protocol_are_found)
{
    cr_assert_not(found(PLANT_NOTHING));
    for (int k = PLANT_NOTICE; k <= PLANT_STALE; k++)
        cr_assert(found((enum plant_kind)k), "%s", plant_names[k]);
}

/* ---- all orders ---- */

/* Bytes of each other's pages, handed on by a lock, an event count and a barrier. */
static void short_program(struct lrc_world *w, uint32_t node)
{
    uint64_t mine = LRC_PAGE * (w->pages - 1) + 8 + node, shared = LRC_PAGE * (w->pages - 1);
    if (w->rounds & 1) {
        lrc_lock(w, node, 0);
        lrc_read(w, node, shared);
        lrc_write(w, node, shared, (uint8_t)(node + 1));
        lrc_unlock(w, node, 0);
    }
    if (w->rounds & 2) {
        lrc_write(w, node, mine, (uint8_t)(node + 11));
        if (node < 2)
            lrc_advance(w, node, node);
        lrc_await(w, node, (node + 1) % 2, 1);
        lrc_read(w, node, LRC_PAGE * (w->pages - 1) + 8 + (node + 1) % 2);
    }
    if (w->rounds & 4) {
        lrc_write(w, node, mine, (uint8_t)(node + 21));
        lrc_barrier(w, node);
        for (uint32_t n = 0; n < w->nodes; n++)
            lrc_read(w, node, LRC_PAGE * (w->pages - 1) + 8 + n);
    }
}

static struct xk_graph *explored_graph;

static void boot_node(struct port *p, void *arg)
{
    struct rig *r = arg;
    r->k[port_node(p)] = xk_boot(p, r->g);
    lrc_world_booted(r, port_node(p), p);
}

static void explore_setup(struct fake *f, void *arg)
{
    struct lrc_world *w = arg;
    w->finished = 0;
    w->judge = (struct judge){ .reads = 0 };
    rig_boot(&w->rig, f, explored_graph, NULL, w);
    for (uint32_t n = 0; n < w->nodes; n++)
        fake_boot(f, n, boot_node, &w->rig);
}

static bool explore_check(struct fake *f, void *arg)
{
    struct lrc_world *w = arg;
    cr_assert_eq(w->finished, w->nodes, "%u of %u ended, pending %llu", w->finished, w->nodes,
                 (unsigned long long)fake_pending(f));
    cr_assert_eq(w->judge.wrong, 0, "%s", w->judge.text);
    return true;
}

static uint64_t explore(uint32_t nodes, uint32_t pages, uint32_t what, int homes)
{
    static struct lrc_world w;
    w = (struct lrc_world){ .nodes = nodes,
                            .pages = pages,
                            .rounds = what,
                            .homes = homes,
                            .at_once = true,
                            .program = short_program };
    struct fake_explore x = { .options = { .nodes = nodes, .mtu = 4096 },
                              .setup = explore_setup,
                              .check = explore_check,
                              .arg = &w,
                              .orders_max = sample("SVM_ORDERS", 500) };
    fake_explore(&x);
    cr_log_info("%u nodes, %u pages, program %u, homes %d: %llu orders%s", nodes, pages, what,
                homes, (unsigned long long)x.orders, x.complete ? ", which are all" : "");
    cr_assert_not(x.failed);
    cr_assert_gt(x.orders, 1u);
    return x.orders;
}

/* LRC3. */
Test(lrc, every_order_of_small_programs_is_consistent)
{
    explored_graph = rig_graph("mesh driver; r rdm <mesh; svm svm <r; sync sync <r");
    uint64_t orders = 0;
    for (uint32_t nodes = 2; nodes <= 3; nodes++)
        for (uint32_t pages = 1; pages <= 2; pages++)
            for (uint32_t what = 1; what <= 4; what++)
                for (int homes = 0; homes < 2; homes++)
                    orders += explore(nodes, pages, what, homes);
    cr_log_info("%llu orders in all", (unsigned long long)orders);
    xk_graph_free(explored_graph);
}

/* ---- what is left behind ---- */

Test(lrc, after_a_barrier_no_notice_is_kept_and_after_a_release_no_twin)
{
    static struct lrc_world w;
    for (uint32_t rounds = 4; rounds <= 64; rounds *= 4) {
        w = (struct lrc_world){ .nodes = 5,
                                .pages = 4,
                                .rounds = rounds,
                                .unit = 3,
                                .seed = 8,
                                .program = lrc_random_program };
        lrc_world_start(&w, FAKE_RANDOM);
        fake_run(w.rig.f, 30000000);
        cr_assert_eq(w.finished, w.nodes);
        for (uint32_t n = 0; n < w.nodes; n++) {
            const struct lrc *l = lrc_of(w.svm[n]);
            for (uint32_t j = 0; j < w.nodes; j++) {
                cr_assert(list_empty(&l->log[j]), "node %u keeps notices of node %u", n, j);
                cr_assert_gt(l->clock[j], 0u);
            }
            cr_assert(list_empty(&l->known));
            cr_assert_eq(l->twins, 0u);
        }
        rig_stop(&w.rig);
    }
}
