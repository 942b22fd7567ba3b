/* test_svm_states.c: every pair of a page's state and an event happens, or cannot.
 *
 * Random programs, programs without frames and all orders of small programs run while every event
 * is counted by the state that it meets.  A pair that was never met must be one that the code
 * asserts to be impossible (os/svm/state.c), and then it has a reason.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/svm/svm_internal.h"
#include "tests/os/svm_rig.h"

static uint64_t hits[SVM_STATE_COUNT][SVM_EVENT_COUNT];

static void count(void *c, enum svm_state state, enum svm_event e)
{
    (void)c;
    hits[state][e]++;
}

/* Announcements can be late, for nothing that they say has to be so; and who has asked twice, as
 * broadcasts do, can have its copy a second time when it has long gone on. */
#define OP 12 /* offset of the operation in a frame: behind the headers of driver and RDM */
#define LATE_MOST 16
#define LATE_BYTES 300

static struct late {
    uint32_t src, dst;
    uint8_t bytes[LATE_BYTES];
    size_t len;
} late[LATE_MOST];
static uint64_t late_random;

static bool hold_back(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct cluster *c = arg;
    struct late *l = &late[mix(&late_random) % LATE_MOST];
    if (l->len > 0) {
        size_t len = l->len;
        l->len = 0;
        fake_inject(c->rig.f, l->src, l->dst, l->bytes, len);
    }
    if (frame->length < OP + 1 || frame->length > LATE_BYTES)
        return true;
    *l = (struct late){ .src = src, .dst = dst, .len = frame->length };
    rope_read(frame, 0, l->len, l->bytes);
    if (l->bytes[OP] == SVM_ANNOUNCE && mix(&late_random) % 2)
        return false;
    bool copy = l->bytes[OP] == SVM_PAGE && !(l->bytes[OP + 2] & 2);
    if (!copy || c->manager != manager_named("broadcast"))
        l->len = 0;
    return true;
}

static void run(struct cluster *c, uint64_t seed)
{
    c->seed = seed;
    c->watch = count;
    cluster_start(c, seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM);
    memset(late, 0, sizeof late);
    fake_on_frame(c->rig.f, hold_back, c);
    fake_run(c->rig.f, 3000000);
    cr_assert_eq(c->finished, c->nodes * (c->threads ? c->threads : 1), "%s, seed %llu",
                 manager_of(c), (unsigned long long)seed);
    cluster_stop(c);
}

static bool all_met(int manager)
{
    for (int s = 0; s < SVM_STATE_COUNT; s++)
        for (int e = 0; e < SVM_EVENT_COUNT; e++)
            if (hits[s][e] == 0 && !svm_why_never(manager, s, e))
                return false;
    return true;
}

/* Until all is met that can be, SVM_SEEDS: so many runs all the same. */
static void random_runs(int manager)
{
    static struct cluster c;
    const char *most = getenv("SVM_SEEDS");
    uint64_t seeds = most ? strtoull(most, NULL, 10) : 210;
    bool tree =
        manager == manager_named("tree"); /* its rare pairs need a deep tree and few frames */
    seeds = tree ? 3 * seeds : seeds;
    for (uint64_t seed = 1; seed <= seeds && (most || seed < 32 || !all_met(manager)); seed++) {
        c = (struct cluster){ .nodes = 2 + (uint32_t)(seed % 5),
                              .pages = 1 + (uint32_t)(seed % 4),
                              .frames = tree ? 1 + (int64_t)(seed % 2) : (int64_t)(seed % 3),
                              .manager = manager,
                              .initial_owner = (int)(seed % 3),
                              .fanout = (int64_t)(tree ? 1 + seed % 2 : 0),
                              .announce_every = (int64_t)(seed % 5 == 1),
                              .threads = seed % 7 < 3 ? 2 : 0,
                              .retry = seed % 3 ? SIM_US << seed % 5 : 0,
                              .timer_odds = seed % 4 ? 30 + (uint32_t)(seed % 40) : 0,
                              .accesses = 150,
                              .program = cluster_random_program };
        run(&c, seed);
    }
}

static void show(int manager)
{
    printf("\n%s\n%-18s", svm_managers.items[manager]->name, "");
    for (int e = 0; e < SVM_EVENT_COUNT; e++)
        printf(" %7.7s", svm_event_names[e]);
    for (int s = 0; s < SVM_STATE_COUNT; s++) {
        printf("\n%-18s", svm_state_names[s]);
        for (int e = 0; e < SVM_EVENT_COUNT; e++)
            if (hits[s][e])
                printf(" %7llu", (unsigned long long)hits[s][e]);
            else
                printf(" %7s", svm_why_never(manager, s, e) ? "-" : "?");
    }
    printf("\n");
}

Test(svm_states, every_pair_of_a_state_and_an_event_happens_or_cannot)
{
    for (int m = 0; svm_is_strict(m); m++) {
        memset(hits, 0, sizeof hits);
        random_runs(m);
        if (getenv("SVM_STATES") || getenv("SVM_SEEDS"))
            show(m);
        int met = 0;
        for (int s = 0; s < SVM_STATE_COUNT; s++)
            for (int e = 0; e < SVM_EVENT_COUNT; e++)
                met += hits[s][e] > 0;
        cr_log_info("%s: %d pairs met, %d cannot be", svm_managers.items[m]->name, met,
                    SVM_STATE_COUNT * SVM_EVENT_COUNT - met);
        for (int s = 0; s < SVM_STATE_COUNT; s++)
            for (int e = 0; e < SVM_EVENT_COUNT; e++)
                cr_expect(hits[s][e] > 0 || svm_why_never(m, s, e), "%s: never met: %s while %s",
                          svm_managers.items[m]->name, svm_event_names[e], svm_state_names[s]);
    }
}
