/* test_svm_plant.c: faults that are planted in the protocol, and who finds them.
 *
 * A frame on its way is changed so that the nodes behave as a broken manager would make them.  Each
 * fault must be found for each manager by the judge of histories, which knows no manager; where an
 * assertion of the protocol stops a run before, another seed must get through to the judge.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/svm/svm_internal.h"
#include "tests/os/svm_rig.h"
#include "tests/sample.h"

#define OP 12 /* offset of the operation in a frame: behind the headers of driver and RDM */
#define HEADERS 40
#define SEEDS 12
#define OLD 3 /* a stale owner has what it had so many pages ago */

enum plant_kind {
    PLANT_NOTHING,
    PLANT_SKIP,   /* an invalidation is swallowed, and acknowledged in its place */
    PLANT_STALE,  /* a page is answered with the bytes it had when it was last sent: too early */
    PLANT_OWNERS, /* a request to read goes to a stale owner, which serves it from what it had */
    PLANT_FLIP,   /* bytes of a page change in flight */
    PLANT_KINDS
};
static const char *const plant_names[PLANT_KINDS] = { "nothing", "a skipped invalidation",
                                                      "an answer before the data is written",
                                                      "a stale owner", "flipped bytes" };

struct plant {
    struct cluster *c;
    enum plant_kind kind;
    bool baseline; /* xmm: flushes and data in place of invalidations and ownership */
    uint32_t seen;
    uint8_t before[PAGE]; /* STALE: the last page sent */
    struct page_frame {   /* OWNERS: pages that were sent, the older first */
        uint32_t src;
        uint8_t bytes[HEADERS + PAGE];
    } sent[OLD];
};

#define AFTER 5 /* the first so many of a kind pass */

static void replace(struct rope *frame, const uint8_t *bytes, size_t len)
{
    rope_fini(frame);
    rope_add_bytes(frame, bytes, len);
}

/* The frame that the fault wants; it may be another that has to be answered in its place. */
static bool wanted(const struct plant *t, const uint8_t *bytes, size_t len, uint32_t dst)
{
    struct svm_view v;
    bool page = len >= HEADERS + PAGE;
    svm_look(t->c->svm[dst], 0, &v);
    switch (t->kind) {
    case PLANT_SKIP:
        return t->baseline ? bytes[OP] == SVM_FLUSH && v.prot == VM_READ
                           : bytes[OP] == SVM_INVALIDATE;
    case PLANT_OWNERS:
        if (t->baseline)
            return bytes[OP] == SVM_FLUSH && v.prot == VM_WRITE;
        return (bytes[OP] == SVM_FORWARD || bytes[OP] == SVM_REQUEST) && bytes[OP + 1] == VM_READ &&
               t->sent[0].bytes[OP] == SVM_PAGE;
    default:
        return page && bytes[OP] == (t->baseline ? SVM_DATA : SVM_PAGE);
    }
}

/* The page as its sender had it then, in answer to this request. */
static void serve_stale(struct plant *t, const uint8_t *request)
{
    struct page_frame f = t->sent[0];
    uint32_t origin = wire_get32(request + OP + 8);
    bool moves = t->c->manager == manager_named("dynamic"); /* a read moves the ownership */
    memcpy(f.bytes + OP + 8, request + OP + 8, 8);          /* origin, fault */
    f.bytes[OP + 1] = VM_READ;
    f.bytes[OP + 2] = moves ? 2 : 0;
    fake_inject(t->c->rig.f, f.src, origin, f.bytes, sizeof f.bytes);
}

/* Keeps the last pages that were sent with ownership, without their copy sets. */
static void remember(struct plant *t, uint32_t src, const uint8_t *bytes, size_t len)
{
    if (bytes[OP] != SVM_PAGE || len < HEADERS + PAGE)
        return;
    memmove(&t->sent[0], &t->sent[1], (OLD - 1) * sizeof t->sent[0]);
    struct page_frame *f = &t->sent[OLD - 1];
    f->src = src;
    memcpy(f->bytes, bytes, HEADERS);
    memcpy(f->bytes + HEADERS, bytes + len - PAGE, PAGE);
    wire_put32(f->bytes + 4, HEADERS - 8 + PAGE);
    wire_put16(f->bytes + OP + 26, 0); /* members of the copy set */
}

static bool tamper(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct plant *t = arg;
    uint8_t bytes[HEADERS + PAGE + 256], now[PAGE];
    cr_assert_leq(frame->length, sizeof bytes);
    size_t len = frame->length;
    rope_read(frame, 0, len, bytes);
    if (len < HEADERS || t->kind == PLANT_NOTHING)
        return true;
    remember(t, src, bytes, len);
    if (!wanted(t, bytes, len, dst))
        return true;
    bool act = t->seen++ >= AFTER;
    switch (t->kind) {
    case PLANT_SKIP:
    case PLANT_OWNERS:
        if (!act)
            break;
        if (bytes[OP] == SVM_FORWARD || bytes[OP] == SVM_REQUEST) {
            serve_stale(t, bytes);
            return false;
        }
        /* An answer that nobody has earned: dropped, or given back without bytes.  For the baseline
         * that is a stale owner, too: the manager takes its own contents for the latest. */
        bytes[OP] = bytes[OP] == SVM_FLUSH ? SVM_DATA : SVM_ACK;
        fake_inject(t->c->rig.f, dst, src, bytes, len);
        return false;
    case PLANT_STALE:
        memcpy(now, bytes + len - PAGE, PAGE);
        if (act)
            memcpy(bytes + len - PAGE, t->before, PAGE);
        memcpy(t->before, now, PAGE);
        replace(frame, bytes, len);
        break;
    case PLANT_FLIP:
        for (size_t i = len - PAGE; act && i < len; i++)
            bytes[i] ^= 0x5a;
        replace(frame, bytes, len);
        break;
    case PLANT_NOTHING:
    case PLANT_KINDS:
        break;
    }
    return true;
}

static void watched_program(struct cluster *c, uint32_t node)
{
    uint64_t x = c->seed * 1000 + node;
    for (uint32_t i = 1; i <= 200; i++) {
        uint64_t at = mix(&x) % 4 * 8;
        if (mix(&x) % 3 == 0)
            cluster_write(c, node, at, 8, (uint64_t)i * c->nodes + node + 1);
        else
            cluster_read(c, node, at, 8);
        port_thread_sleep(vm_port(c->vm[node]), (sim_time)(mix(&x) % 50) * SIM_US);
    }
}

enum finding { FOUND_NOTHING, FOUND_RECENT, FOUND_SEQUENTIAL, FOUND_ELSE, FINDINGS };

static enum finding judged(int manager, enum plant_kind kind, uint64_t seed)
{
    static struct cluster c;
    c = (struct cluster){ .nodes = 4,
                          .pages = 1,
                          .manager = manager,
                          .seed = seed,
                          .record = true,
                          .program = watched_program };
    struct plant t = { .c = &c, .kind = kind, .baseline = manager == manager_named("xmm") };
    struct history_report r;
    cluster_start(&c, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM);
    fake_on_frame(c.rig.f, tamper, &t);
    fake_run(c.rig.f, 100000);
    if (history_sequential(&c.history, &r) == HISTORY_VIOLATION)
        return FOUND_SEQUENTIAL;
    if (history_recent(&c.history, &r) == HISTORY_VIOLATION)
        return FOUND_RECENT;
    return c.finished < c.nodes || cluster_fault(&c) ? FOUND_ELSE : FOUND_NOTHING;
}

/* In a process of its own, for an assertion may end it. */
static enum finding judged_apart(int manager, enum plant_kind kind, uint64_t seed)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        if (!freopen("/dev/null", "w", stderr))
            _exit(FINDINGS);
        signal(SIGABRT, SIG_DFL);
        _exit((int)judged(manager, kind, seed));
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        cr_assert_eq(WTERMSIG(status), SIGABRT);
        return FOUND_ELSE;
    }
    cr_assert_lt(WEXITSTATUS(status), FINDINGS);
    return (enum finding)WEXITSTATUS(status);
}

/* SVM_SEEDS: so many runs of each fault; else, up to SEEDS, until the judge has found it. */
Test(svm_plant, faults_of_every_manager_are_found_by_the_judge)
{
    const char *more = getenv("SVM_SEEDS");
    uint64_t seeds = sample("SVM_SEEDS", SEEDS);
    for (int m = 0; svm_is_strict(m); m++)
        for (enum plant_kind k = PLANT_NOTHING; k < PLANT_KINDS; k++) {
            const char *name = svm_managers.items[m]->name;
            int found[FINDINGS] = { 0 };
            uint64_t most = k == PLANT_NOTHING || more ? seeds : SEEDS;
            for (uint64_t seed = 1; seed <= most; seed++) {
                found[judged_apart(m, k, seed)]++;
                if (k != PLANT_NOTHING && !more &&
                    found[FOUND_RECENT] + found[FOUND_SEQUENTIAL] > 0)
                    break;
            }
            cr_log_info("%-10s %-37s judge %2d (with times alone %d), else %d, not %d", name,
                        plant_names[k], found[FOUND_RECENT] + found[FOUND_SEQUENTIAL],
                        found[FOUND_RECENT], found[FOUND_ELSE], found[FOUND_NOTHING]);
            if (k == PLANT_NOTHING)
                cr_assert_eq(found[FOUND_NOTHING], (int)seeds, "%s: %s", name, plant_names[k]);
            else
                cr_assert_gt(found[FOUND_RECENT] + found[FOUND_SEQUENTIAL], 0, "%s: %s", name,
                             plant_names[k]);
        }
}
