/* test_engine.c: the run loop: phases of an instant, ties, ends and limits. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/sim.h"

static char order[256];

struct letter {
    struct sim_event event;
    char name;
};

static void write_letter(struct sim *s, struct sim_event *e)
{
    (void)s;
    size_t n = strlen(order);
    order[n] = CONTAINER_OF(e, struct letter, event)->name;
    order[n + 1] = '\0';
}

static void put(struct sim *s, struct letter *l, char name, enum sim_class cls, sim_time when)
{
    l->name = name;
    sim_event_init(&l->event, cls, write_letter);
    sim_at(s, &l->event, when);
}

Test(engine, an_instant_runs_class_by_class_and_then_in_order_of_scheduling)
{
    struct sim *s = sim_create(NULL);
    struct letter l[6];
    put(s, &l[0], 'f', SIM_CLASS_MEASURE, 5);
    put(s, &l[1], 'd', SIM_CLASS_SOFTWARE, 5);
    put(s, &l[2], 'b', SIM_CLASS_ARRIVAL, 5);
    put(s, &l[3], 'e', SIM_CLASS_SOFTWARE, 5);
    put(s, &l[4], 'c', SIM_CLASS_ARBITER, 5);
    put(s, &l[5], 'a', SIM_CLASS_MEASURE, 4);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, "abcdef");
    cr_assert_eq(sim_now(s), 5);
    cr_assert_eq(sim_events_fired(s), 6);
    sim_destroy(s);
}

static void run_shuffled(uint64_t seed, char out[27])
{
    struct sim_options o = { .seed = seed, .tie = SIM_TIE_SHUFFLE };
    struct sim *s = sim_create(&o);
    struct letter l[26];
    order[0] = '\0';
    for (int i = 0; i < 26; i++)
        put(s, &l[i], (char)('a' + i), i < 13 ? SIM_CLASS_ARRIVAL : SIM_CLASS_DEVICE, 9);
    sim_run(s);
    memcpy(out, order, 27);
    sim_destroy(s);
}

Test(engine, shuffled_ties_follow_the_seed_and_stay_inside_their_class)
{
    char a[27], again[27], b[27];
    run_shuffled(1, a);
    run_shuffled(1, again);
    run_shuffled(2, b);
    cr_assert_str_eq(a, again);
    cr_assert_str_neq(a, b);
    cr_assert_str_neq(a, "abcdefghijklmnopqrstuvwxyz");
    cr_assert_eq(strlen(a), 26);
    for (int i = 0; i < 26; i++)
        cr_assert_eq(a[i] <= 'm', i < 13);
}

static uint32_t last_first(void *arg, const struct sim_event *e)
{
    (void)arg;
    return (uint32_t)('z' - CONTAINER_OF(e, const struct letter, event)->name);
}

Test(engine, a_chooser_decides_ties)
{
    struct sim_options o = { .tie = SIM_TIE_CHOOSER, .choose = last_first };
    struct sim *s = sim_create(&o);
    struct letter l[3];
    for (int i = 0; i < 3; i++)
        put(s, &l[i], (char)('a' + i), SIM_CLASS_DEVICE, 1);
    sim_run(s);
    cr_assert_str_eq(order, "cba");
    sim_destroy(s);
}

static void tick(struct sim *s, struct sim_event *e)
{
    sim_after(s, e, 10);
}

static struct sim *ticking(struct sim_options o, struct sim_event *e)
{
    struct sim *s = sim_create(&o);
    sim_event_init(e, SIM_CLASS_SOFTWARE, tick);
    sim_at(s, e, 3);
    return s;
}

static struct ahead {
    struct sim_event event;
    sim_time seen[16];
    int count, left;
    bool jumped[16];
} ahead;

/* A model with instants of its own, 10 apart. */
static void run_on(struct sim *s, struct sim_event *e)
{
    struct ahead *a = CONTAINER_OF(e, struct ahead, event);
    do {
        a->seen[a->count++] = sim_now(s);
        if (--a->left == 0)
            return;
        a->jumped[a->count] = sim_run_ahead(s, sim_now(s) + 10);
    } while (a->jumped[a->count]);
    sim_at(s, e, sim_now(s) + 10);
}

Test(engine, a_model_runs_ahead_up_to_the_next_event_and_the_limits)
{
    static const struct sim_options limits[] = { { 0 },
                                                 { .event_limit = 4 },
                                                 { .time_limit = 25 } };
    for (size_t k = 0; k < ARRAY_LEN(limits); k++) {
        struct sim *s = sim_create(&limits[k]);
        struct letter l;
        order[0] = '\0';
        ahead = (struct ahead){ .left = 6 };
        sim_event_init(&ahead.event, SIM_CLASS_DEVICE, run_on);
        sim_at(s, &ahead.event, 0);
        put(s, &l, 'a', SIM_CLASS_ARRIVAL, 20); /* at 20 it comes before the model */
        enum sim_end end = sim_run(s);
        for (int i = 0; i < ahead.count; i++)
            cr_assert_eq(ahead.seen[i], 10 * i);
        cr_assert_str_eq(order, "a");
        cr_assert(ahead.jumped[1]);
        cr_assert_not(ahead.jumped[2], "an event lies at 20");
        if (k == 0) {
            cr_assert_eq(end, SIM_END_IDLE);
            cr_assert_eq(sim_events_fired(s), 7);
            cr_assert(ahead.jumped[3]);
        } else if (k == 1) { /* 0, 10, the letter, 20 */
            cr_assert_eq(end, SIM_END_EVENT_LIMIT);
            cr_assert_eq(ahead.count, 3);
            cr_assert_eq(sim_events_fired(s), 4);
        } else {
            cr_assert_eq(end, SIM_END_TIME_LIMIT);
            cr_assert_eq(ahead.count, 3);
        }
        sim_cancel(s, &ahead.event);
        sim_destroy(s);
    }
}

Test(engine, a_run_ends_at_its_time_limit_and_not_before)
{
    struct sim_event e;
    struct sim *s = ticking((struct sim_options){ .time_limit = 103 }, &e);
    cr_assert_eq(sim_run(s), SIM_END_TIME_LIMIT);
    cr_assert_eq(sim_events_fired(s), 11); /* 3, 13, ..., 103 */
    cr_assert_eq(sim_now(s), 103);
    sim_destroy(s);
}

Test(engine, a_run_ends_at_its_event_limit)
{
    for (uint64_t limit = 4095; limit <= 4097; limit++) {
        struct sim_event e;
        struct sim *s = ticking((struct sim_options){ .event_limit = limit }, &e);
        cr_assert_eq(sim_run(s), SIM_END_EVENT_LIMIT);
        cr_assert_eq(sim_events_fired(s), limit);
        sim_destroy(s);
    }
}

Test(engine, a_run_ends_at_the_limits_of_the_host)
{
    struct sim_event e;
    struct sim *s = ticking((struct sim_options){ .host_seconds_limit = 0.01 }, &e);
    cr_assert_eq(sim_run(s), SIM_END_HOST_LIMIT);
    sim_destroy(s);
    s = ticking((struct sim_options){ .host_bytes_limit = 4096 }, &e);
    cr_assert_eq(sim_run(s), SIM_END_HOST_LIMIT);
    sim_destroy(s);
}

static void ask_never(struct sim *s, struct sim_event *e)
{
    sim_after(s, e, SIM_NEVER - 5);
}

Test(engine, a_time_past_the_end_of_time_ends_the_run_by_name)
{
    struct sim_event e, other;
    struct sim *s = ticking((struct sim_options){ .seed = 1 }, &other);
    sim_event_init(&e, SIM_CLASS_SOFTWARE, ask_never);
    sim_at(s, &e, 50);
    cr_assert_eq(sim_run(s), SIM_END_NEVER);
    cr_assert_eq(sim_now(s), 50);
    cr_assert_str_eq(sim_end_name(SIM_END_NEVER), "past 106 days");
    sim_destroy(s);
}

static void stop_here(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_stop(s);
}

Test(engine, a_stopped_run_goes_on_when_it_is_called_again)
{
    struct sim *s = sim_create(NULL);
    struct letter a, b;
    struct sim_event e;
    sim_event_init(&e, SIM_CLASS_SOFTWARE, stop_here);
    put(s, &a, 'a', SIM_CLASS_SOFTWARE, 7);
    sim_at(s, &e, 7);
    put(s, &b, 'b', SIM_CLASS_SOFTWARE, 7);
    cr_assert_eq(sim_run(s), SIM_END_STOPPED);
    cr_assert_str_eq(order, "a");
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, "ab");
    sim_destroy(s);
}

Test(engine, destroying_a_run_leaves_its_pending_events_idle)
{
    struct sim_event e;
    struct sim *s = ticking((struct sim_options){ .event_limit = 5 }, &e);
    sim_run(s);
    cr_assert(sim_event_pending(&e));
    sim_destroy(s);
    cr_assert_not(sim_event_pending(&e));
}

static void fails(struct sim *s, struct sim_event *e)
{
    sim_set_context(s, "node", 17);
    sim_at(s, e, sim_now(s) - 1);
}

Test(engine, a_failing_assertion_says_seed_time_event_and_context)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        struct sim_options o = { .seed = 42 };
        struct sim *s = sim_create(&o);
        struct sim_event e;
        sim_event_init(&e, SIM_CLASS_DEVICE, fails);
        sim_at(s, &e, 1234);
        sim_run(s);
        _exit(0);
    }
    close(ends[1]);
    char text[1024] = "";
    size_t length = 0;
    ssize_t got;
    while (length < sizeof(text) - 1 &&
           (got = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert(strstr(text, "an event is never scheduled in the past"), "%s", text);
    cr_assert(strstr(text, "seed 42, simulated time 1234 ps, event 1, node 17\n"), "%s", text);
}
