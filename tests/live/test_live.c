/* test_live.c: the port of a live node: timers, threads, crashes; frames between two processes. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/live/live.h"
#include "tests/live/pair.h"

static struct live *one(void)
{
    return live_create(&(struct live_options){ .nodes = 2, .seed = 7 });
}

/* ---- order and timers ---- */

static struct {
    struct live *live;
    char log[256];
    struct port_timer timers[8];
    sim_time set[8], fired[8];
    struct port_thread *thread;
    struct port *task;
    int pipe[2];
} t;

static void note(const char *what)
{
    strncat(t.log, what, sizeof t.log - strlen(t.log) - 1);
}

static void fires(struct port_timer *timer)
{
    long i = timer - t.timers;
    char name[4] = { (char)('0' + i), 0 };
    t.fired[i] = port_now(timer->port);
    cr_assert(!port_timer_pending(timer));
    note(name);
}

static void set(struct port *p, int i, sim_time delay)
{
    t.set[i] = port_now(p) + delay;
    port_timer_set(&t.timers[i], delay);
}

static void arm(struct port *p, void *arg)
{
    (void)arg;
    for (int i = 0; i < 6; i++)
        port_timer_init(p, &t.timers[i], fires, NULL);
    set(p, 0, 30 * SIM_MS);
    set(p, 1, 10 * SIM_MS);
    set(p, 2, 20 * SIM_MS);
    set(p, 3, SIM_MS);
    set(p, 4, 5 * SIM_MS);
    set(p, 3, 25 * SIM_MS); /* anew */
    cr_assert(port_timer_cancel(&t.timers[4]));
    cr_assert(!port_timer_cancel(&t.timers[4]));
    cr_assert(!port_timer_cancel(&t.timers[5]));
    cr_assert(port_timer_pending(&t.timers[3]) && !port_timer_pending(&t.timers[4]));
}

Test(live, timers_fire_in_the_order_of_their_times_and_never_early)
{
    t.live = one();
    cr_assert(!live_run(t.live, arm, NULL), "nothing is left to come");
    cr_assert_str_eq(t.log, "1230");
    for (int i = 0; i < 4; i++)
        cr_assert_geq(t.fired[i], t.set[i]);
    live_destroy(t.live);
}

/* ---- threads ---- */

static void sleeper(void *arg)
{
    struct port *p = arg;
    sim_time before = port_now(p);
    note("a");
    cr_assert(!port_thread_block_for(p, "nobody", 0, 5 * SIM_MS));
    cr_assert_geq(port_now(p) - before, 5 * SIM_MS);
    note("d");
    before = port_now(p);
    port_thread_sleep(p, 20 * SIM_MS); /* it is woken meanwhile, and sleeps on */
    cr_assert_geq(port_now(p) - before, 20 * SIM_MS);
    port_thread_block(p, "the other", 0); /* has been woken: a wake that came before counts */
    note("f");
    port_work(p, PORT_WORK_OP, 1000000000);
    port_pay(p);
    before = port_now(p);
    port_thread_sleep(p, 2 * SIM_MS);
    cr_assert_geq(port_now(p) - before, 2 * SIM_MS);
    note("g");
    port_thread_block(p, "the other", 0); /* that is killed */
    note("x");
}

static void waker(void *arg)
{
    struct port *p = arg;
    note("b");
    port_thread_sleep(p, 0);
    note("c");
    port_thread_sleep(p, 8 * SIM_MS);
    note("e");
    port_thread_wake(p, t.thread);
    port_thread_sleep(p, 60 * SIM_MS);
    live_stop(t.live);
}

static void spawn(struct port *p, void *arg)
{
    (void)arg;
    cr_assert(!port_in_thread(p) && port_thread_self(p) == NULL);
    t.thread = port_thread_spawn(p, "sleeper", sleeper, p, 0);
    cr_assert_not_null(port_thread_spawn(p, "waker", waker, p, 0));
    note("0");
}

/* LIVE1, LIVE2. */
Test(live, threads_wait_sleep_and_are_woken_and_work_is_not_waited_for)
{
    t.live = one();
    cr_assert(live_run(t.live, spawn, NULL), "it was stopped");
    cr_assert_str_eq(t.log, "0abcdefg");
    cr_assert_eq(live_work(t.live, PORT_WORK_OP), 1000000000);
    live_destroy(t.live);
}

/* ---- descriptors ---- */

static void reader(void *arg)
{
    struct port *p = arg;
    char byte;
    note("r");
    live_wait(p, t.pipe[0], false);
    cr_assert_eq(read(t.pipe[0], &byte, 1), 1);
    note("R");
}

static void writer(void *arg)
{
    struct port *p = arg;
    port_thread_wake(p, t.thread); /* not for the descriptor: it waits on */
    port_thread_sleep(p, 3 * SIM_MS);
    note("w");
    live_wait(p, t.pipe[1], true);
    cr_assert_eq(write(t.pipe[1], "z", 1), 1);
}

static void pipes(struct port *p, void *arg)
{
    (void)arg;
    t.thread = port_thread_spawn(p, "reader", reader, p, 0);
    cr_assert_not_null(port_thread_spawn(p, "writer", writer, p, 0));
}

Test(live, a_thread_waits_for_a_descriptor_while_others_run)
{
    t.live = one();
    cr_assert_eq(pipe(t.pipe), 0);
    cr_assert(!live_run(t.live, pipes, NULL));
    cr_assert_str_eq(t.log, "rwR");
    live_destroy(t.live);
}

/* ---- crashes ---- */

static uint64_t counted = 5;
static const struct counter counters[] = {
    { .name = "things", .unit = "1", .doc = "", .offset = 0, .how = COUNTER_SUM }, C_END
};

static void late(struct port *p, void *arg)
{
    (void)p, (void)arg;
    note("x");
}

static void doomed_thread(void *arg)
{
    struct port *p = arg;
    port_timer_set(&t.timers[0], 2 * SIM_MS);
    port_task_run(p, late, NULL);
    note("t");
    port_task_crash(p); /* its own */
    note("x");
}

static void ended(void *arg)
{
    (void)arg;
    note("e");
}

static void doomed(struct port *p, void *arg)
{
    (void)arg;
    struct rope *held = port_alloc(p, sizeof *held);
    rope_init(held);
    rope_add_bytes(held, "held", 4);
    port_timer_init(p, &t.timers[0], fires, NULL);
    port_counters(p, "doomed", counters, &counted);
    port_task_on_end(p, ended, NULL);
    cr_assert_eq(port_heap_bytes(p), sizeof *held);
    cr_assert_not_null(port_thread_spawn(p, "doomed", doomed_thread, p, 0));
}

static void make_doomed(struct port *p, void *arg)
{
    (void)arg;
    t.task = port_task_create(p, "doomed", doomed, NULL);
    cr_assert_str_eq(port_task_name(t.task), "doomed");
}

/* LIVE3. */
Test(live, what_a_task_owns_goes_with_it_and_what_it_counted_stays)
{
    uint64_t leaves = rope_leaves_alive(), value;
    t.live = one();
    cr_assert(!live_run(t.live, make_doomed, NULL));
    cr_assert_str_eq(t.log, "te");
    cr_assert_eq(rope_leaves_alive(), leaves);
    cr_assert(live_count(t.live, "doomed.things", &value) && value == 5);
    cr_assert(!live_count(t.live, "doomed.other", &value));
    live_destroy(t.live);
}

/* ---- frames ---- */

#define FRAMES 2000
#define LONGEST 1200

struct side {
    struct live *live;
    struct port *port;
    struct port_end *end;
    uint32_t peer, sent, got, echoed;
    bool echoes, waits;
};

/* Length of frame i, and its bytes by a pattern of its number. */
static uint64_t length_of(uint32_t i)
{
    return 4 + (uint64_t)i * 37 % (LONGEST - 3);
}

static void send_more(struct side *s)
{
    while (s->sent < FRAMES && s->sent < s->got + 200) {
        struct rope r;
        rope_init(&r);
        rope_add_pattern(&r, s->sent, 0, length_of(s->sent));
        enum port_if_result why = port_end_send(s->end, s->peer, 0, &r);
        rope_fini(&r);
        if (why == PORT_IF_BUSY) {
            s->waits = true;
            return;
        }
        cr_assert_eq(why, PORT_IF_OK);
        s->sent++;
    }
}

static void on_frame(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    struct side *s = arg;
    struct rope want;
    cr_assert(from == s->peer && flags == 0);
    rope_init(&want);
    rope_add_pattern(&want, s->got, 0, length_of(s->got));
    cr_assert(rope_equal(frame, &want), "frame %u", s->got);
    rope_fini(&want);
    s->got++;
    if (s->got == FRAMES && s->sent == FRAMES)
        live_stop(s->live);
    send_more(s);
}

static void on_ready(void *arg)
{
    struct side *s = arg;
    s->waits = false;
    send_more(s);
    if (s->got == FRAMES && s->sent == FRAMES)
        live_stop(s->live);
}

static const struct port_end_ops side_ops = { .receive = on_frame, .ready = on_ready };

static void side_boot(struct port *p, void *arg)
{
    struct side *s = arg;
    struct port_if_info info;
    enum port_if_result why;
    uint64_t station;
    struct rope r;
    cr_assert_eq(port_if_count(p), 1);
    port_if_describe(p, 0, &info);
    cr_assert_str_eq(info.name, "wire");
    cr_assert(info.mtu == LONGEST && info.reliable && info.station == port_node(p));
    cr_assert(port_if_station(p, 0, s->peer, &station) && station == s->peer);
    s->end = port_end_open(p, 0, NULL, 0, &side_ops, s, &why);
    cr_assert_null(port_end_open(p, 0, NULL, 0, &side_ops, s, &why));
    cr_assert_eq(why, PORT_IF_TAKEN);
    cr_assert_null(port_end_open(p, 1, NULL, 0, &side_ops, s, &why));
    cr_assert_eq(why, PORT_IF_NONE);
    rope_init(&r);
    rope_add_zero(&r, LONGEST + 1);
    cr_assert_eq(port_end_send(s->end, s->peer, 0, &r), PORT_IF_TOO_LONG);
    rope_drop_front(&r, 1);
    cr_assert_eq(port_end_send(s->end, port_node(p), 0, &r), PORT_IF_NO_STATION);
    rope_fini(&r);
    send_more(s);
}

static int run_side(uint32_t node, int fd)
{
    struct side s = { .peer = !node };
    s.live = live_create(&(struct live_options){ .node = node, .nodes = 2 });
    live_socket(s.live, "wire", fd, s.peer, LONGEST, true);
    live_run(s.live, side_boot, &s);
    int code = s.got == FRAMES && s.sent == FRAMES ? 0 : 1;
    cr_assert_eq(live_counts(s.live)->frames_in, FRAMES);
    live_destroy(s.live);
    return code;
}

Test(live, two_processes_give_each_other_every_frame_whole_and_in_order)
{
    int fds[2], small = 4096, status;
    pair_make(fds);
    for (int i = 0; i < 2; i++) /* so small that they are refused now and then */
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        _exit(run_side(1, fds[1]));
    }
    close(fds[1]);
    int code = run_side(0, fds[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(code, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
