/* test_port.c: the port's time rules (law 4), in exact picoseconds worked out by hand.
 *
 * PORT_WORK_OP costs 1 us an operation everywhere here, so that port_work(p, OP, n) is n us.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"
#include "tests/ends.h"

#define US SIM_US

static void op(struct port *p, uint64_t us)
{
    port_work(p, PORT_WORK_OP, us);
}

/* What happened, in order. */
struct entry {
    const char *what;
    sim_time at;
};
static struct entry trail[256];
static size_t entries;

static void note(struct port *p, const char *what)
{
    trail[entries++] = (struct entry){ what, port_now(p) };
}

static void expect_trail(const struct entry *want, size_t count)
{
    for (size_t i = 0; i < count && i < entries; i++) {
        cr_expect_str_eq(trail[i].what, want[i].what, "entry %zu", i);
        cr_expect_eq(trail[i].at, want[i].at, "entry %zu, %s: %ld, not %ld", i, want[i].what,
                     trail[i].at, want[i].at);
    }
    cr_expect_eq(entries, count, "%zu entries, not %zu", entries, count);
}
#define EXPECT_TRAIL(...)                                                                          \
    do {                                                                                           \
        const struct entry want[] = { __VA_ARGS__ };                                               \
        expect_trail(want, ARRAY_LEN(want));                                                       \
    } while (0)

static void rig_1us(struct rig *r, int columns)
{
    entries = 0;
    rig_init(r, 1, columns);
    rig_set(r, "prices.op.each", "1us");
}

/* ---- upcalls ---- */

static struct port_timer timers[4];

static void on_timer_a(struct port_timer *t)
{
    note(t->port, "a");
    op(t->port, 10);
    note(t->port, "a worked");
    port_timer_set(&timers[2], US);
    op(t->port, 2);
}
static void on_timer_b(struct port_timer *t)
{
    note(t->port, "b");
    op(t->port, 3);
}
static void on_timer_c(struct port_timer *t)
{
    note(t->port, "c");
}

static void boot_timers(struct port *p, const struct os_layout *l)
{
    (void)l;
    op(p, 1000); /* booting costs nothing */
    port_timer_init(p, &timers[0], on_timer_a, NULL);
    port_timer_init(p, &timers[1], on_timer_b, NULL);
    port_timer_init(p, &timers[2], on_timer_c, NULL);
    port_timer_set(&timers[0], 5 * US);
    port_timer_set(&timers[1], 7 * US);
}

/* NODE2. */
Test(port, an_upcall_starts_when_its_cpu_is_free_and_its_effects_come_where_they_are_made)
{
    struct rig r;
    rig_1us(&r, 1);
    rig_open(&r, boot_timers);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    /* a: 5..17; it arms c at 15 for 16; b, due at 7, waits until 17; c until 20. */
    EXPECT_TRAIL({ "a", 5 * US }, { "a worked", 15 * US }, { "b", 17 * US }, { "c", 20 * US });
    cr_expect_eq(sim_busy_time(&r.m->nodes[0].cpu.busy, sim_now(r.sim)), 15 * US);
    rig_close(&r);
}

Test(port, doubling_every_price_doubles_the_software_part)
{
    struct rig r;
    rig_1us(&r, 1);
    rig_set(&r, "prices.scale", "2");
    val_put(r.spec->items[r.spec->count - 1], "scale", val_new_real(2, NULL, 0));
    rig_open(&r, boot_timers);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    EXPECT_TRAIL({ "a", 5 * US }, { "a worked", 25 * US }, { "b", 29 * US }, { "c", 35 * US });
    rig_close(&r);
}

static void on_timer_cancels(struct port_timer *t)
{
    op(t->port, 10);
    /* b fired at 7 and waits for the CPU: it can still be cancelled, once. */
    cr_expect(port_timer_pending(&timers[1]));
    if (t->arg != NULL) {
        cr_expect(port_timer_cancel(&timers[1]));
        cr_expect_not(port_timer_cancel(&timers[1]));
    } else {
        port_timer_set(&timers[1], 20 * US);
    }
}

static void boot_cancel(struct port *p, const struct os_layout *l)
{
    (void)l;
    port_timer_init(p, &timers[1], on_timer_b, NULL);
    port_timer_init(p, &timers[0], on_timer_cancels, port_node(p) == 0 ? &timers[1] : NULL);
    port_timer_set(&timers[0], 5 * US);
    port_timer_set(&timers[1], 7 * US);
}

Test(port, a_timer_that_waits_for_its_cpu_can_be_cancelled)
{
    struct rig r;
    rig_1us(&r, 1);
    rig_open(&r, boot_cancel);
    /* The upcall runs at 5, when b has not fired; so b is cancelled before it does. */
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(entries, 0);
    rig_close(&r);
}

/* ---- threads ---- */

static sim_time arrived[8];
static char tags[8];
static unsigned arrivals;

static void on_frame(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    (void)src, (void)flags;
    rope_read(frame, 0, 1, &tags[arrivals]);
    arrived[arrivals++] = port_now(arg);
}

static void send(struct port *p, uint32_t dst)
{
    struct rope f;
    rope_init(&f);
    rope_add_bytes(&f, "frame", 5);
    cr_assert_eq(end_send(p, dst, 0, &f), PORT_IF_OK);
}

static void worker(void *arg)
{
    struct port *p = arg;
    note(p, "start");
    op(p, 10);
    send(p, 1);
    op(p, 20);
    note(p, "worked");
    port_pay(p);
    note(p, "paid");
}

static void on_interruption(struct port_timer *t)
{
    note(t->port, "upcall");
    op(t->port, 5);
}

static void boot_worker(struct port *p, const struct os_layout *l)
{
    (void)l;
    arrivals = 0;
    static const struct port_end_ops ops = { .receive = on_frame };
    end_open(p, &ops, p);
    if (port_node(p) != 0)
        return;
    port_thread_spawn(p, "worker", worker, p, 0);
    port_timer_init(p, &timers[0], on_interruption, NULL);
    port_timer_set(&timers[0], 4 * US);
}

static void sends_between(struct port_timer *t)
{
    struct rope f;
    rope_init(&f);
    rope_add_bytes(&f, "upcall", 6);
    cr_assert_eq(end_send(t->port, 1, 0, &f), PORT_IF_OK);
}

/* Arrival of a frame sent at 0 by free code. */
static sim_time path;
static void boot_send(struct port *p, const struct os_layout *l)
{
    boot_worker(p, l);
    if (port_node(p) == 0)
        send(p, 1);
}

static void measure_path(void)
{
    struct rig r;
    rig_init(&r, 1, 2);
    rig_open(&r, boot_send);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    path = arrived[0];
    cr_assert_geq(path, RIG_WIRE_DELAY);
    rig_close(&r);
}

/* NODE3. */
Test(port, an_upcall_interrupts_a_thread_behind_its_last_effect)
{
    measure_path();
    struct rig r;
    rig_1us(&r, 2);
    rig_open(&r, boot_worker);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    /* The thread's code runs at 0; until its frame leaves at 10 it is not interrupted; then
     * for 5. */
    EXPECT_TRAIL({ "start", 0 }, { "worked", 30 * US }, { "upcall", 10 * US }, { "paid", 35 * US });
    cr_expect_eq(arrived[0], 10 * US + path);
    rig_close(&r);
}

Test(port, without_preemption_an_upcall_waits_until_the_thread_leaves)
{
    measure_path();
    struct rig r;
    rig_1us(&r, 2);
    rig_set_bool(&r, "node.preempt", false);
    rig_open(&r, boot_worker);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    EXPECT_TRAIL({ "start", 0 }, { "worked", 30 * US }, { "paid", 30 * US }, { "upcall", 30 * US });
    cr_expect_eq(arrived[0], 10 * US + path);
    rig_close(&r);
}

Test(port, a_coprocessor_runs_upcalls_beside_the_thread)
{
    measure_path();
    struct rig r;
    rig_1us(&r, 2);
    rig_set(&r, "node.upcall_cpu", "coprocessor");
    rig_open(&r, boot_worker);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    EXPECT_TRAIL({ "start", 0 }, { "worked", 30 * US }, { "upcall", 4 * US }, { "paid", 30 * US });
    cr_expect_eq(arrived[0], 10 * US + path);
    cr_expect_eq(sim_busy_time(&r.m->nodes[0].coprocessor.busy, sim_now(r.sim)), 5 * US);
    cr_expect_eq(sim_busy_time(&r.m->nodes[0].cpu.busy, sim_now(r.sim)), 30 * US);
    rig_close(&r);
}

static struct port_thread *waiter;

static void waits(void *arg)
{
    struct port *p = arg;
    op(p, 1);
    port_thread_block(p, "the waker", 0);
    note(p, "woken");
    op(p, 2);
    cr_expect_not(port_thread_block_for(p, "nobody", 0, 50 * US));
    note(p, "timed out");
    cr_expect(port_thread_block_for(p, "the waker again", 0, 500 * US));
    note(p, "woken again");
    port_thread_sleep(p, 7 * US);
    note(p, "slept");
    port_compute(p, 3 * US);
    note(p, "computed");
}

static void wakes(void *arg)
{
    struct port *p = arg;
    op(p, 10);
    port_thread_wake(p, waiter);
    port_thread_wake(p, waiter); /* counts once */
    op(p, 4);
    port_thread_sleep(p, 100 * US);
    port_thread_wake(p, waiter);
}

static void boot_two(struct port *p, const struct os_layout *l)
{
    (void)l;
    waiter = port_thread_spawn(p, "waits", waits, p, 0);
    port_thread_spawn(p, "wakes", wakes, p, 0);
}

Test(port, threads_wait_for_wakes_deadlines_and_the_cpu)
{
    struct rig r;
    rig_1us(&r, 1);
    rig_set(&r, "prices.switch.fixed", "1us");
    rig_open(&r, boot_two);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    /* waits works 0..1 and blocks; wakes works 1..11, wakes it, works to 15, sleeps to 115.  The
     * waiter has the CPU at 15, 1 us of it for the switch; works to 18; its 50 us count from 18;
     * has the CPU at 68; the switch again; blocks at 69.  The waker wakes at 115 and is switched to
     * by 116 and wakes it then; switched by 117; sleeps to 124; switched by 125; computes to 128.
     */
    EXPECT_TRAIL({ "woken", 16 * US }, { "timed out", 69 * US }, { "woken again", 117 * US },
                 { "slept", 125 * US }, { "computed", 128 * US });
    cr_expect_eq(sim_digest_records(r.sim, SIM_WAIST_THREAD), 2); /* each end is recorded once */
    rig_close(&r);
}

static void ends_with_work(void *arg)
{
    struct port *p = arg;
    op(p, 9);
    send(p, 1);
    op(p, 6);
}

static void boot_last_work(struct port *p, const struct os_layout *l)
{
    boot_send(p, l);
    if (port_node(p) == 0)
        port_thread_spawn(p, "ends", ends_with_work, p, 0);
}

Test(port, the_last_work_of_a_thread_is_served_and_its_effects_come)
{
    measure_path();
    struct rig r;
    rig_1us(&r, 2);
    rig_set_bool(&r, "node.preempt", false);
    rig_open(&r, boot_last_work);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    /* worker 0..30, the upcall that came at 4 30..35, `ends` 35..50: its frame at 44. */
    cr_expect_eq(arrivals, 3);
    cr_expect_eq(arrived[2], 44 * US + path);
    cr_expect_eq(sim_busy_time(&r.m->nodes[0].cpu.busy, sim_now(r.sim)), 50 * US);
    rig_close(&r);
}

static void boot_between(struct port *p, const struct os_layout *l)
{
    boot_worker(p, l);
    if (port_node(p) != 0)
        return;
    port_timer_init(p, &timers[1], sends_between, NULL);
    port_timer_set(&timers[1], 4 * US);
}

/* NODE5. */
Test(port, frames_to_one_node_leave_in_the_order_of_the_calls)
{
    measure_path();
    struct rig r;
    rig_1us(&r, 2);
    rig_set(&r, "node.upcall_cpu", "coprocessor");
    rig_open(&r, boot_between);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    /* The thread called first, at 0, though its frame leaves at 10; the upcall called at 9, when
     * the interruption at 4 had been served. */
    cr_expect_eq(arrivals, 2);
    cr_expect_eq(tags[0], 'f');
    cr_expect_eq(tags[1], 'u');
    cr_expect_eq(arrived[0], 10 * US + path);
    cr_expect_geq(arrived[1], arrived[0]);
    rig_close(&r);
}

static void sends_from_upcall(struct port_timer *t)
{
    op(t->port, 10);
    send(t->port, 1);
    op(t->port, 5);
    send(t->port, 1);
}

static void boot_upcall_sends(struct port *p, const struct os_layout *l)
{
    boot_worker(p, l);
    if (port_node(p) != 0)
        return;
    port_timer_cancel(&timers[0]);
    port_timer_init(p, &timers[1], sends_from_upcall, NULL);
    port_timer_set(&timers[1], 2 * US);
}

/* PORT1. */
Test(port, what_an_upcall_sends_leaves_where_its_work_has_come_to)
{
    measure_path();
    struct rig r;
    rig_1us(&r, 2);
    rig_set(&r, "node.upcall_cpu", "coprocessor");
    rig_open(&r, boot_upcall_sends);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    /* The worker's frame leaves at 10, the upcall's at 12 and 17. */
    cr_expect_eq(arrivals, 3);
    cr_expect_eq(arrived[1], 12 * US + path);
    cr_expect_eq(arrived[2], 17 * US + path);
    rig_close(&r);
}

static void wakes_early(struct port_timer *t)
{
    port_thread_wake(t->port, waiter);
}

static void computes(void *arg)
{
    struct port *p = arg;
    op(p, 30);
    port_pay(p);
    note(p, "paid");
}

static void boot_computes(struct port *p, const struct os_layout *l)
{
    (void)l;
    port_thread_spawn(p, "computes", computes, p, 0);
    port_timer_init(p, &timers[0], on_interruption, NULL);
    port_timer_set(&timers[0], 4 * US);
    port_timer_init(p, &timers[1], on_interruption, NULL);
    port_timer_set(&timers[1], 0);
}

Test(port, an_upcall_interrupts_the_work_of_a_thread_at_any_moment)
{
    struct rig r;
    rig_1us(&r, 1);
    rig_open(&r, boot_computes);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    /* One waits while the code runs at 0 and goes first, to 5, the other right behind it. */
    EXPECT_TRAIL({ "upcall", 0 }, { "upcall", 5 * US }, { "paid", 40 * US });
    rig_close(&r);
}

static void waits_late(void *arg)
{
    struct port *p = arg;
    waiter = port_thread_self(p);
    op(p, 10);
    port_thread_block(p, "a wake that came at 4", 0);
    note(p, "first");
    port_thread_wake(p, waiter); /* of itself, while it runs */
    port_thread_block(p, "its own wake", 0);
    note(p, "second");
    cr_expect_not(port_thread_block_for(p, "nothing", 0, 3 * US));
    note(p, "third");
    op(p, 20);
    /* The deadline is past when its 20 us are served. */
    cr_expect_not(port_thread_block_for(p, "nothing", 0, 0));
    note(p, "fourth");
}

static void boot_early(struct port *p, const struct os_layout *l)
{
    (void)l;
    port_thread_spawn(p, "waits", waits_late, p, 0);
    port_timer_init(p, &timers[0], wakes_early, NULL);
    port_timer_set(&timers[0], 4 * US);
}

Test(port, a_wake_that_comes_before_the_block_counts_once)
{
    struct rig r;
    rig_1us(&r, 1);
    rig_open(&r, boot_early);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    EXPECT_TRAIL({ "first", 10 * US }, { "second", 10 * US }, { "third", 13 * US },
                 { "fourth", 33 * US });
    rig_close(&r);
}

/* ---- markers ---- */

static struct {
    uint32_t node;
    char tag;
    sim_time at;
} handed[64];
static unsigned handed_count;
static unsigned marker_flags;

static void on_marked(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    struct port *p = arg;
    (void)src, (void)flags;
    handed[handed_count].node = port_node(p);
    rope_read(frame, 0, 1, &handed[handed_count].tag);
    handed[handed_count++].at = port_now(p);
    op(p, 20);
}

static void send_tagged(struct port *p, uint32_t dst, char tag, uint64_t more, unsigned flags)
{
    struct rope f;
    rope_init(&f);
    rope_add_bytes(&f, &tag, 1);
    rope_add_pattern(&f, 1, 0, more);
    cr_assert_eq(end_send(p, dst, flags, &f), PORT_IF_OK);
    rope_fini(&f);
}

static void posts_late(void *arg)
{
    op(arg, 10);
    send_tagged(arg, 1, 'f', 4, 0);
    op(arg, 20);
}

static void marks(struct port_timer *t)
{
    send_tagged(t->port, 2, 'm', 4, marker_flags);
    send_tagged(t->port, 3, 'l', 4, 0);
}

static void boot_receiver(struct port *p)
{
    struct port_if_info info;
    port_if_describe(p, 0, &info);
    cr_assert(info.control);
    static const struct port_end_ops ops = { .receive = on_marked };
    end_open(p, &ops, p);
}

static void boot_marked(struct port *p, const struct os_layout *l)
{
    (void)l;
    boot_receiver(p);
    if (port_node(p) != 0)
        return;
    port_thread_spawn(p, "posts late", posts_late, p, 0);
    port_timer_init(p, &timers[0], marks, NULL);
    port_timer_set(&timers[0], 4 * US);
}

/* PORT_CONTROL: a marker leaves behind all that was posted before it, to whatever node: the frame
 * that the thread posted at 0 leaves at 10; the upcall's, called at 4, only behind that.  What is
 * no marker leaves when its work is done, and so does what was posted after one. */
Test(port, a_marker_leaves_behind_all_that_was_posted_before_to_whatever_node)
{
    measure_path();
    for (unsigned k = 0; k < 2; k++) {
        struct rig r;
        rig_1us(&r, 4);
        rig_set(&r, "node.upcall_cpu", "coprocessor");
        handed_count = 0;
        marker_flags = k == 1 ? PORT_CONTROL : 0;
        rig_open(&r, boot_marked);
        cr_assert_eq(rig_run(&r), SIM_END_IDLE);
        cr_assert_eq(handed_count, 3);
        sim_time at[4] = { 0 };
        for (unsigned i = 0; i < 3; i++)
            at[handed[i].node] = handed[i].at;
        cr_expect_eq(at[1], 10 * US + path);
        cr_expect(k == 1 ? at[2] > at[1] : at[2] == 4 * US + path);
        cr_expect_lt(at[3], at[1]);
        rig_close(&r);
    }
}

static void posts_parts(struct port_timer *t)
{
    for (char i = 0; i < 40; i++)
        send_tagged(t->port, 1, (char)('A' + i), 400, i == 17 ? PORT_CONTROL : PORT_PART);
}

static void boot_parts(struct port *p, const struct os_layout *l)
{
    (void)l;
    boot_receiver(p);
    if (port_node(p) == 0) {
        port_timer_init(p, &timers[0], posts_parts, NULL);
        port_timer_set(&timers[0], 4 * US);
    }
}

/* Frames that are reckoned together (PORT_PART) are not passed by one, and its receiver, who is
 * slower than they come, has it in its turn. */
Test(port, a_marker_is_handed_up_in_its_turn)
{
    for (unsigned k = 0; k < 4; k++) {
        struct rig r;
        rig_1us(&r, 2);
        rig_set_bool(&r, "trains", k % 2);
        if (k > 1)
            rig_set(&r, "network.model", "worm");
        rig_set_int(&r, "nic.queue_frames", 64);
        handed_count = 0;
        rig_open(&r, boot_parts);
        cr_assert_eq(rig_run(&r), SIM_END_IDLE);
        cr_assert_eq(handed_count, 40);
        for (unsigned i = 0; i < handed_count; i++)
            cr_expect_eq(handed[i].tag, (char)('A' + i), "%u", i);
        rig_close(&r);
    }
}

/* ---- memory ---- */

static void boot_heap(struct port *p, const struct os_layout *l)
{
    (void)l;
    uint8_t *a = port_alloc(p, 100);
    for (int i = 0; i < 100; i++)
        cr_expect_eq(a[i], 0);
    memset(a, 7, 100);
    a = port_realloc(p, a, 300);
    cr_expect_eq(a[99], 7);
    cr_expect_eq(a[100], 0);
    cr_expect_eq(p->heap_bytes, 300);
    cr_expect_eq((uintptr_t)a % 16, 0);
    void *b = port_alloc(p, 24);
    cr_expect_eq(p->heap_bytes, 324);
    port_free(p, b);
    port_free(p, NULL);
    cr_expect_eq(p->heap_bytes, 300);
    cr_expect_eq(p->heap_most, 324);
    /* The rest is dropped with the task: the leak checker says whether it is. */
}

Test(port, a_heap_is_accounted_and_dropped_whole)
{
    struct rig r;
    rig_init(&r, 2, 2);
    rig_open(&r, boot_heap);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    machine_crash(r.m, 2);
    cr_expect_not(machine_node_up(r.m, 2));
    rig_close(&r);
}

/* ---- tasks on other processors ---- */

static struct port *beside;

static void beside_runs(struct port *task, void *arg)
{
    cr_expect_eq(task, beside);
    cr_expect_str_eq(arg, "arg");
    note(task, "beside");
    op(task, 5);
    port_work(task, PORT_WORK_INTERRUPT, 1);
    note(task, "beside done");
}

static void asks(void *arg)
{
    static char text[] = "arg";
    struct port *p = arg;
    op(p, 4);
    port_task_run(beside, beside_runs, text);
    op(p, 10);
    port_pay(p);
    note(p, "paid");
}

static const char *place, *placed;
static void boot_beside(struct port *p, const struct os_layout *l)
{
    (void)l;
    beside = port_task_create(p, "beside", NULL, NULL);
    cr_expect_eq(port_task_place(beside, place), placed != NULL);
    if (placed)
        cr_expect_str_eq(port_task_cpu(beside), placed);
    port_thread_spawn(p, "asks", asks, p, 0);
}

Test(port, a_task_runs_on_the_processor_where_it_is_placed)
{
    static const struct {
        const char *cpu;
        sim_time done, paid;
    } of[] = {
        { "application", 11 * US, 21 * US }, /* interrupts the thread */
        { "coprocessor", 9 * US, 14 * US },
        { "third", 9 * US, 14 * US },
    };
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        struct rig r;
        rig_1us(&r, 1);
        rig_set_bool(&r, "node.third", true);
        rig_set(&r, "prices.interrupt.each", "2us"); /* others poll */
        place = placed = of[i].cpu;
        rig_open(&r, boot_beside);
        cr_assert_eq(rig_run(&r), SIM_END_IDLE);
        EXPECT_TRAIL({ "beside", 4 * US }, { "beside done", of[i].done }, { "paid", of[i].paid });
        cr_expect_eq(sim_busy_time(&r.m->nodes[0].third->busy, sim_now(r.sim)),
                     i == 2 ? 5 * US : 0);
        cr_expect_eq(sim_busy_time(&r.m->nodes[0].coprocessor.busy, sim_now(r.sim)),
                     i == 1 ? 5 * US : 0);
        rig_close(&r);
    }
    struct rig r;
    rig_1us(&r, 1);
    place = "third";
    placed = NULL;
    rig_open(&r, boot_beside);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    rig_close(&r);
}
