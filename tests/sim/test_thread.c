/* test_thread.c: threads, and what they wait on. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/thread.h"

static char order[4096];

static void note(char c)
{
    size_t n = strlen(order);
    order[n] = c;
    order[n + 1] = '\0';
}

static struct sim *s;

static struct sim_thread *spawn(const char *name, void (*fn)(void *arg), void *arg)
{
    struct err e = ERR_INIT;
    struct sim_thread *t = sim_thread_spawn(s, name, fn, arg, 0, &e);
    cr_assert(t, "%s", e.text);
    return t;
}

static void setup(void)
{
    s = sim_create(NULL);
}

static void teardown(void)
{
    sim_destroy(s);
}

TestSuite(thread, .init = setup, .fini = teardown);

static void blocker(void *arg)
{
    const char *name = arg;
    note(*name);
    sim_thread_block(s, "a test", 1);
    note((char)(*name - 'a' + 'A'));
}

static struct sim_thread *four[4];

static void wake_in_odd_order(struct sim *sim, struct sim_event *e)
{
    (void)sim;
    (void)e;
    sim_thread_wake(four[2]);
    sim_thread_wake(four[0]);
    sim_thread_wake(four[2]);
    sim_thread_wake(four[3]);
    sim_thread_wake(four[1]);
}

/* BRIDGE2. */
Test(thread, threads_start_in_order_of_spawning_and_resume_in_order_of_waking)
{
    static char names[] = "abcd";
    for (int i = 0; i < 4; i++)
        four[i] = spawn("blocker", blocker, &names[i]);
    struct sim_event e;
    sim_event_init(&e, SIM_CLASS_DEVICE, wake_in_odd_order);
    sim_at(s, &e, 10);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, "abcdCADB");
    cr_assert_eq(sim_now(s), 10);
    cr_assert_eq(sim_thread_count(s), 0);
}

static void run_shuffled(uint64_t seed, char out[9])
{
    static char names[] = "abcd";
    sim_destroy(s);
    s = sim_create(&(struct sim_options){ .seed = seed, .tie = SIM_TIE_SHUFFLE });
    order[0] = '\0';
    for (int i = 0; i < 4; i++)
        four[i] = spawn("blocker", blocker, &names[i]);
    struct sim_event e;
    sim_event_init(&e, SIM_CLASS_DEVICE, wake_in_odd_order);
    sim_at(s, &e, 10);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    memcpy(out, order, 9);
}

Test(thread, shuffled_ties_shuffle_starts_and_wakes_by_the_seed)
{
    char first[9], again[9];
    int others = 0;
    run_shuffled(1, first);
    run_shuffled(1, again);
    cr_assert_str_eq(first, again);
    for (uint64_t seed = 2; seed < 6; seed++) {
        run_shuffled(seed, again);
        cr_assert_eq(strspn(again, "abcd"), 4, "all start before one is woken: %s", again);
        others += strcmp(first, again) != 0;
    }
    cr_assert_geq(others, 3);
}

static void token_user(void *arg)
{
    (void)arg;
    struct sim_thread *self = sim_thread_self(s);
    sim_thread_wake(self);
    sim_thread_wake(self);
    sim_thread_block(s, "a token", 0);
    cr_assert_not(sim_thread_block_until(s, "no token", 0, sim_now(s) + 7),
                  "two wakes before a block count as one");
    cr_assert_eq(sim_now(s), 7);
    sim_thread_wake(self);
    cr_assert(sim_thread_block_until(s, "a token", 0, sim_now(s) + 7));
    cr_assert_eq(sim_now(s), 7);
    sim_thread_wake(self);
    sim_thread_sleep(s, 3); /* a sleep takes its time and leaves the token */
    cr_assert_eq(sim_now(s), 10);
    cr_assert(sim_thread_block_until(s, "a token", 0, sim_now(s) + 7));
    cr_assert_eq(sim_now(s), 10);
    note('.');
}

Test(thread, a_wake_before_the_block_is_kept_once)
{
    spawn("t", token_user, NULL);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, ".");
}

static void waits_for_nobody(void *arg)
{
    (void)arg;
    sim_thread_sleep(s, 5 * SIM_US);
    sim_thread_block(s, "reply of node", 17);
}

static void serves(void *arg)
{
    (void)arg;
    for (;;)
        sim_thread_block(s, "work", 0);
}

Test(thread, a_deadlock_names_who_waits_for_what_and_since_when)
{
    spawn("client 3", waits_for_nobody, NULL);
    struct err e = ERR_INIT;
    cr_assert(sim_thread_spawn(s, "pool", serves, NULL, SIM_THREAD_SERVICE, &e));
    cr_assert_eq(sim_run(s), SIM_END_DEADLOCK);
    char text[512];
    cr_assert_eq(sim_report_deadlock(s, text, sizeof(text)), 1);
    cr_assert_str_eq(text, "thread 'client 3' waits for reply of node 17 since 0.000005000000 s\n");
}

Test(thread, threads_of_a_service_may_wait_for_ever)
{
    struct err e = ERR_INIT;
    cr_assert(sim_thread_spawn(s, "pool", serves, NULL, SIM_THREAD_SERVICE, &e));
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_eq(sim_thread_count(s), 1);
}

static void stopper(void *arg)
{
    (void)arg;
    note('a');
    sim_stop(s);
    sim_thread_sleep(s, 4);
    note('b');
}

Test(thread, a_stopped_run_keeps_its_threads)
{
    spawn("t", stopper, NULL);
    cr_assert_eq(sim_run(s), SIM_END_STOPPED);
    cr_assert_str_eq(order, "a");
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, "ab");
    cr_assert_eq(sim_now(s), 4);
}

/* ---- death ---- */
static struct sim_thread *victim;

static void victim_body(void *arg)
{
    switch (*(int *)arg) {
    case 0:
        sim_thread_block(s, "x", 0);
        break;
    case 1:
        sim_thread_sleep(s, 1000);
        break;
    default:
        sim_thread_block_until(s, "x", 0, 1000);
        break;
    }
    note('!');
}

static void kill_victim(struct sim *sim, struct sim_event *e)
{
    (void)sim;
    (void)e;
    sim_thread_kill(victim);
}

static void killer(void *arg)
{
    sim_thread_sleep(s, *(sim_time *)arg);
    sim_thread_kill(victim);
    note('k');
    sim_thread_sleep(s, 1);
    note('K');
}

/* BRIDGE3. */
Test(thread, a_thread_can_be_killed_wherever_it_blocks)
{
    for (int by_thread = 0; by_thread < 2; by_thread++) {
        for (int where = 0; where < 3; where++) {
            sim_time at = sim_now(s) + 5, wait = 5;
            struct sim_event e;
            sim_event_init(&e, SIM_CLASS_DEVICE, kill_victim);
            victim = spawn("victim", victim_body, &where);
            if (by_thread)
                spawn("killer", killer, &wait);
            else
                sim_at(s, &e, at);
            cr_assert_eq(sim_run(s), SIM_END_IDLE, "%d %d", by_thread, where);
            cr_assert_eq(sim_thread_count(s), 0);
        }
    }
    cr_assert_str_eq(order, "kKkKkK");
}

Test(thread, a_thread_can_be_killed_before_its_first_code_runs)
{
    int where = 0;
    victim = spawn("victim", victim_body, &where);
    sim_thread_kill(victim);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, "");
}

static void spawner(void *arg)
{
    static char names[] = "xy";
    note(*(char *)arg);
    spawn("child", blocker, &names[0]);
    spawn("child", blocker, &names[1]);
    note('b');
}

Test(thread, a_spawned_thread_starts_after_its_parent_has_blocked_or_ended)
{
    char a = 'a';
    spawn("parent", spawner, &a);
    cr_assert_eq(sim_run(s), SIM_END_DEADLOCK);
    cr_assert_str_eq(order, "abxy");
}

/* ---- many ---- */
static size_t ended, most;

static void sleeper(void *arg)
{
    (void)arg;
    size_t live = sim_thread_count(s);
    most = live > most ? live : most;
    sim_thread_sleep(s, 10);
    ended++;
}

static long resident_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long total = 0, pages = 0;
    if (f && fscanf(f, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return pages * 4;
}

static void report_memory(struct sim *sim, struct sim_event *e)
{
    (void)sim;
    (void)e;
    cr_log_info("%d threads: %ld KiB resident", SIM_THREAD_MAX, resident_kib());
}

Test(thread, thirty_thousand_threads_start_and_end_and_one_more_is_refused)
{
    for (int i = 0; i < SIM_THREAD_MAX; i++)
        spawn("sleeper", sleeper, NULL);
    struct err e = ERR_INIT;
    cr_assert_null(sim_thread_spawn(s, "last straw", sleeper, NULL, 0, &e));
    cr_assert(strstr(e.text, "'last straw'") && strstr(e.text, "30000"), "%s", e.text);
    struct sim_event memory;
    sim_event_init(&memory, SIM_CLASS_MEASURE, report_memory);
    sim_at(s, &memory, 5);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_eq(ended, SIM_THREAD_MAX);
    cr_assert_eq(most, SIM_THREAD_MAX);
}

Test(thread, runs_with_threads_follow_each_other_in_one_process)
{
    for (int i = 0; i < 3; i++) {
        spawn("sleeper", sleeper, NULL);
        spawn("pool", serves, NULL);
        cr_assert_eq(sim_run(s), SIM_END_DEADLOCK);
        sim_destroy(s);
        s = sim_create(NULL);
    }
    cr_assert_eq(ended, 3);
}

#if !defined(__SANITIZE_ADDRESS__) /* it ends such a process its own way */
/* Not a tail call, and every frame is used after the call: the stack must grow. */
static int recurse(volatile char *above, int left)
{
    volatile char frame[1024];
    frame[0] = *above;
    return left == 0 ? 0 : recurse(frame, left - 1) + frame[0];
}

static void overflows(void *arg)
{
    (void)arg;
    char c = 0;
    note((char)recurse(&c, 1 << 20));
}

Test(thread, an_overflowing_stack_meets_a_guard_page, .signal = SIGSEGV)
{
    spawn("deep", overflows, NULL);
    sim_run(s);
}
#endif
