/* test_fake.c: the fake port itself: order, exploring, threads, crashes, disks. */
#include <criterion/criterion.h>
#include <string.h>

#include "os/registry.h"
#include "tests/changer_steps.h"
#include "tests/ends.h"
#include "tests/fake/port_fake.h"
#include "tests/tape_steps.h"
#include "tests/three_ports.h"

struct log {
    uint64_t seen;
    uint32_t order[16], count;
    struct port *p[2];
    struct port_thread *t;
    struct port_timer timer[4];
};

static void on_frame(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    struct log *l = arg;
    uint8_t b;
    (void)src, (void)flags;
    rope_read(frame, 0, 1, &b);
    l->order[l->count++] = b;
}

static void boot(struct port *p, void *arg)
{
    struct log *l = arg;
    l->p[port_node(p) % 2] = p;
    static const struct port_end_ops ops = { .receive = on_frame };
    end_open(p, &ops, l);
}

static void send_three(struct port *p, void *arg)
{
    (void)arg;
    for (uint8_t i = 1; i <= 3; i++) {
        struct rope r;
        rope_init(&r);
        rope_add_bytes(&r, &i, 1);
        cr_assert_eq(end_send(p, 1, 0, &r), PORT_IF_OK);
        rope_fini(&r);
    }
}

static void explore_setup(struct fake *f, void *arg)
{
    memset(arg, 0, sizeof(struct log));
    fake_boot(f, 1, boot, arg);
    fake_boot(f, 0, boot, arg);
    fake_step(f);
    fake_step(f);
    fake_call(f, 0, send_three, NULL);
}

static uint64_t orders_seen; /* bit per order */
static bool explore_check(struct fake *f, void *arg)
{
    (void)f;
    struct log *l = arg;
    uint32_t code = 0;
    for (uint32_t i = 0; i < l->count; i++)
        code = code * 4 + l->order[i];
    orders_seen |= UINT64_C(1) << code;
    return true;
}

/* FAKE1. */
Test(fake, explores_every_order_of_three_frames_once)
{
    struct log l;
    struct fake_explore x = { .options = { .nodes = 2, .unordered = true },
                              .setup = explore_setup,
                              .check = explore_check,
                              .arg = &l };
    orders_seen = 0;
    fake_explore(&x);
    cr_assert(x.complete);
    /* 3! orders, times the two orders in which the nodes boot. */
    cr_assert_eq(x.orders, 2 * 6);
    cr_assert_eq(__builtin_popcountll(orders_seen), 6);
}

Test(fake, explores_every_single_loss)
{
    struct log l;
    struct fake_explore x = { .options = { .nodes = 2, .explore_drops = 1 },
                              .setup = explore_setup,
                              .check = explore_check,
                              .arg = &l };
    orders_seen = 0;
    fake_explore(&x);
    cr_assert(x.complete);
    /* All three, or one of three lost. */
    cr_assert_eq(__builtin_popcountll(orders_seen), 4);
}

static void on_timer(struct port_timer *t)
{
    struct log *l = t->arg;
    l->order[l->count++] = (uint32_t)(t - l->timer);
}

static void timers(struct port *p, void *arg)
{
    struct log *l = arg;
    for (uint32_t i = 0; i < 4; i++)
        port_timer_init(p, &l->timer[i], on_timer, l);
    port_timer_set(&l->timer[0], 30);
    port_timer_set(&l->timer[1], 20);
    port_timer_set(&l->timer[2], 20);
    port_timer_set(&l->timer[3], 10);
    port_timer_set(&l->timer[3], 40);
    cr_assert(port_timer_cancel(&l->timer[0]));
    cr_assert_not(port_timer_cancel(&l->timer[0]));
    cr_assert(port_timer_pending(&l->timer[3]));
}

Test(fake, timers_fire_in_time_order_and_equal_ones_in_order_of_setting)
{
    struct log l = { 0 };
    struct fake *f = fake_create(&(struct fake_options){ 0 });
    fake_boot(f, 0, boot, &l);
    fake_run(f, 0);
    fake_call(f, 0, timers, &l);
    fake_run(f, 0);
    cr_assert_eq(l.count, 3);
    cr_assert_eq(l.order[0], 1);
    cr_assert_eq(l.order[1], 2);
    cr_assert_eq(l.order[2], 3);
    cr_assert_eq(fake_now(f), 40);
    fake_destroy(f);
}

static void body(void *arg)
{
    struct log *l = arg;
    struct port *p = l->p[0];
    l->order[l->count++] = 1;
    port_thread_sleep(p, SIM_MS);
    l->order[l->count++] = 2;
    cr_assert_not(port_thread_block_for(p, "a test", 0, SIM_MS));
    cr_assert_eq(port_now(p), 2 * SIM_MS);
    l->order[l->count++] = 3;
    port_thread_block(p, "a test", 0);
    l->order[l->count++] = 4;
    port_compute(p, 5 * SIM_MS);
    port_thread_block(p, "a test", 0); /* never woken */
}

static void start(struct port *p, void *arg)
{
    struct log *l = arg;
    l->p[0] = p;
    l->t = port_thread_spawn(p, "t", body, l, 0);
}

static void wake(struct port *p, void *arg)
{
    port_thread_wake(p, ((struct log *)arg)->t);
}

Test(fake, threads_sleep_time_out_and_keep_an_early_wake)
{
    struct log l = { 0 };
    struct fake *f = fake_create(&(struct fake_options){ 0 });
    fake_boot(f, 0, start, &l);
    fake_run_until(f, 0);
    cr_assert_eq(l.count, 1);
    fake_run(f, 0);
    cr_assert_eq(l.count, 3);
    cr_assert_eq(fake_blocked(f), 1);
    fake_call(f, 0, wake, &l);
    fake_run(f, 0);
    cr_assert_eq(l.count, 4);
    cr_assert_eq(fake_now(f), 7 * SIM_MS);
    fake_crash(f, 0);
    cr_assert_eq(fake_blocked(f), 0);
    fake_destroy(f);
}

static void one_write(struct port_io *io)
{
    *(bool *)io->arg = io->status == PORT_IO_OK;
}

static struct port_io *the_io;
static bool io_done;
static void submit(struct port *p, void *arg)
{
    const char *text = arg;
    the_io = port_alloc(p, sizeof *the_io);
    rope_init(&the_io->data);
    the_io->op = text != NULL ? PORT_IO_WRITE : PORT_IO_READ;
    the_io->sector = 3;
    the_io->sectors = 2;
    the_io->done = one_write;
    the_io->arg = &io_done;
    if (text) {
        rope_add_bytes(&the_io->data, text, strlen(text));
        rope_add_zero(&the_io->data, 1024 - strlen(text));
    }
    port_blk_submit(p, 0, the_io);
}

Test(fake, a_disk_keeps_its_content_over_a_crash)
{
    struct log l = { 0 };
    struct fake *f = fake_create(&(struct fake_options){ .disks = 1 });
    char text[] = "survives", got[16] = "";
    fake_boot(f, 0, boot, &l);
    fake_run(f, 0);
    fake_call(f, 0, submit, text);
    fake_run(f, 0);
    cr_assert(io_done);
    rope_fini(&the_io->data);
    fake_crash(f, 0);
    fake_restart(f, 0);
    fake_run(f, 0);
    fake_call(f, 0, submit, NULL);
    fake_run(f, 0);
    cr_assert_eq(the_io->data.length, 1024);
    rope_read(&the_io->data, 0, 8, got);
    cr_assert_str_eq(got, "survives");
    rope_fini(&the_io->data);
    fake_destroy(f);
    cr_assert_eq(rope_leaves_alive(), 0);
}

static void own_and_time(struct port *p, void *arg)
{
    (void)arg;
    sim_time before = port_now(p);
    port_work(p, PORT_WORK_COPY, 10);
    cr_assert_eq(port_now(p), before + 10 * SIM_NS);
}

/* FAKE5. */
Test(fake, work_moves_the_clock_of_the_upcall_and_keeps_the_node_busy)
{
    struct log l = { 0 };
    struct fake *f = fake_create(&(struct fake_options){ .work_cost = SIM_NS });
    fake_boot(f, 0, boot, &l);
    fake_run(f, 0);
    fake_call(f, 0, own_and_time, NULL);
    fake_call(f, 0, own_and_time, NULL);
    cr_assert_eq(fake_work(f, 0, PORT_WORK_COPY), 20);
    cr_assert_eq(fake_now(f), 0);
    fake_destroy(f);
}

static void spawn_two(struct port *p, void *arg)
{
    struct log *l = arg;
    l->t = port_thread_spawn(p, "one", body, l, 0);
    cr_assert_not_null(l->t);
    cr_assert_null(port_thread_spawn(p, "two", body, l, 0));
}

static void allocate(struct port *p, void *arg)
{
    (void)arg;
    port_free(p, port_alloc(p, 10));
}

Test(fake, a_hostile_world_refuses_threads_and_crashes_at_an_allocation)
{
    struct log l = { 0 };
    struct fake *f = fake_create(&(struct fake_options){ .threads_max = 1, .crash_at_alloc = 3 });
    fake_boot(f, 0, boot, &l);
    fake_run(f, 0);
    fake_call(f, 0, spawn_two, &l);
    fake_call(f, 0, allocate, NULL);
    fake_call(f, 0, allocate, NULL);
    cr_assert(fake_up(f, 0));
    fake_call(f, 0, allocate, NULL);
    cr_assert_not(fake_up(f, 0));
    fake_run(f, 0);
    fake_destroy(f);
}

static void count_up(void *arg)
{
    ++*(uint32_t *)arg;
}

static void spawn_one(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "brief", count_up, arg, 0));
}

Test(fake, a_thread_that_has_ended_makes_room_for_another)
{
    struct log l = { 0 };
    uint32_t ran = 0;
    struct fake *f = fake_create(&(struct fake_options){ .threads_max = 1 });
    fake_boot(f, 0, boot, &l);
    fake_run(f, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        fake_call(f, 0, spawn_one, &ran);
        fake_run(f, 0);
        cr_assert_eq(ran, i);
    }
    fake_destroy(f);
}

/* ---- orders that differ in more than the order of steps of different nodes ---- */

#define GOSSIPS 3

/* What each node has received, in order: all that anybody can see of a run. */
struct gossip {
    uint64_t heard[GOSSIPS];
    struct port_timer soon[GOSSIPS];
};

static uint64_t outcomes[4096];
static uint32_t outcome_count;

static void tell(struct port *p, uint32_t to, uint8_t what)
{
    struct rope r;
    rope_init(&r);
    rope_add_bytes(&r, &what, 1);
    cr_assert_eq(end_send(p, to, 0, &r), PORT_IF_OK);
    rope_fini(&r);
}

static struct port *gossip_port[GOSSIPS];

/* Every frame is passed on once, to the next node; the first sets off a timer without delay. */
static void gossip_hear(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    (void)flags;
    struct gossip *g = arg;
    uint8_t what;
    rope_read(frame, 0, 1, &what);
    uint32_t me = (uint32_t)(what / 16 + 1 + (what % 16 >= 8)) % GOSSIPS;
    cr_assert_neq(src, me);
    if (g->heard[me] == 0)
        port_timer_set(&g->soon[me], 0);
    g->heard[me] = g->heard[me] * 8 + 1u + what / 16u + (what % 16 >= 8 ? 3u : 0u);
    if (what % 16 < 8)
        tell(gossip_port[me], (me + 1) % GOSSIPS, (uint8_t)(what + 8));
}

static void gossip_soon(struct port_timer *t)
{
    struct gossip *g = t->arg;
    uint32_t me = port_node(t->port);
    g->heard[me] = g->heard[me] * 8 + 7;
}

static void gossip_boot(struct port *p, void *arg)
{
    struct gossip *g = arg;
    uint32_t me = port_node(p);
    gossip_port[me] = p;
    port_timer_init(p, &g->soon[me], gossip_soon, g);
    static const struct port_end_ops ops = { .receive = gossip_hear };
    end_open(p, &ops, g);
    tell(p, (me + 1) % GOSSIPS, (uint8_t)(16 * me));
}

static void gossip_setup(struct fake *f, void *arg)
{
    memset(arg, 0, sizeof(struct gossip));
    for (uint32_t i = 0; i < GOSSIPS; i++)
        fake_boot(f, i, gossip_boot, arg);
}

static bool gossip_check(struct fake *f, void *arg)
{
    const struct gossip *g = arg;
    (void)f;
    uint64_t code = (g->heard[0] << 32) ^ (g->heard[1] << 16) ^ g->heard[2];
    uint32_t i = 0;
    while (i < outcome_count && outcomes[i] != code)
        i++;
    if (i == outcome_count && i < ARRAY_LEN(outcomes))
        outcomes[outcome_count++] = code;
    return true;
}

Test(fake, a_reduced_search_sees_each_outcome_once)
{
    static struct gossip g;
    struct fake_explore x = { .options = { .nodes = GOSSIPS, .explore_timers = true },
                              .setup = gossip_setup,
                              .check = gossip_check,
                              .arg = &g,
                              .orders_max = 3000000 };
    fake_explore(&x);
    cr_assert(x.complete);
    uint64_t orders = x.orders;
    uint32_t all = outcome_count;
    outcome_count = 0;
    x.options = (struct fake_options){ .nodes = GOSSIPS, .explore_reduced = true };
    fake_explore(&x);
    cr_assert(x.complete);
    cr_log_info("%llu orders, %u outcomes; reduced %llu orders and %llu cut",
                (unsigned long long)orders, all, (unsigned long long)x.orders,
                (unsigned long long)x.cut);
    cr_assert_gt(all, 5u);
    cr_assert_eq(outcome_count, all);
    cr_assert_eq(x.orders, all);
    cr_assert_gt(orders, 10 * x.orders);
}

/* ---- the window ---- */

static const struct measure seen = { "seen", "1", "", 0 };
static const struct measure whole = { "whole", "1", "", MEASURE_TOTAL };

static void opens(struct port *p, void *of)
{
    port_window(p, true, *(uint32_t *)of);
}

static void closes(struct port *p, void *of)
{
    port_window(p, false, *(uint32_t *)of);
}

static void observes(struct port *p, void *arg)
{
    (void)arg;
    port_measure(p, &seen, 3);
    port_measure(p, &whole, 5);
}

static void progresses(struct port *p, void *since)
{
    port_progress(p, *(sim_time *)since, 100);
}

/* As the simulator's: from the last that opens to the first that is enough to close; of progress
 * the part inside, of observations those inside and those of the whole. */
Test(fake, the_window_is_stated_by_the_programs)
{
    struct log l = { 0 };
    struct fake *f = fake_create(&(struct fake_options){ .nodes = 2 });
    const struct fake_window *w = fake_window(f);
    uint32_t both = 2, one = 1;
    sim_time zero = 0, at_40 = 40, at_60 = 60;
    fake_boot(f, 0, boot, &l);
    fake_boot(f, 1, boot, &l);
    fake_run(f, 0);
    fake_call(f, 0, opens, &both);
    fake_call(f, 0, observes, NULL);
    cr_assert_eq(w->from, SIM_NEVER);
    cr_assert_eq(fake_measures(f, "seen"), 1);
    fake_run_until(f, 40);
    fake_call(f, 0, progresses, &zero); /* before it opens: it begins anew */
    fake_call(f, 1, opens, &both);
    cr_assert_eq(w->from, 40);
    cr_assert_eq(fake_measures(f, "seen"), 0);
    cr_assert_eq(w->progress, 0);
    fake_run_until(f, 60);
    fake_call(f, 0, observes, NULL);
    fake_call(f, 0, progresses, &zero);  /* a third of [0, 60) */
    fake_call(f, 0, progresses, &at_40); /* all */
    fake_call(f, 0, progresses, &at_60); /* at once */
    cr_assert_float_eq(w->progress, 100.0 / 3 + 200, 1e-9);
    fake_run_until(f, 80);
    fake_call(f, 1, closes, &one);
    fake_run_until(f, 100);
    fake_call(f, 0, closes, &one); /* it is closed */
    fake_call(f, 0, opens, &one);
    cr_assert_eq(w->from, 40);
    cr_assert_eq(w->to, 80);
    fake_call(f, 0, observes, NULL);
    cr_assert_eq(fake_measures(f, "seen"), 1);
    cr_assert_eq(fake_measures(f, "whole"), 2);
    cr_assert_eq(fake_measure_sum(f, "whole"), 10);
    sim_time now = 100;
    fake_call(f, 0, progresses, &at_60); /* half of [60, 100) */
    fake_call(f, 0, progresses, &now);   /* after it: nothing */
    cr_assert_float_eq(w->progress, 100.0 / 3 + 250, 1e-9);
    fake_destroy(f);
}

static void boot_tape(struct port *p, void *arg)
{
    (void)arg;
    if (port_incarnation(p) == 1)
        tape_take_steps(p, 1);
}

/* The drive behind the disks does what one of the simulator does (tests/models/test_blk.c). */
Test(fake, a_tape_drive_takes_the_steps_of_any)
{
    struct fake *f =
        fake_create(&(struct fake_options){ .disks = 1, .tapes = 1, .disk_cache = true });
    fake_boot(f, 0, boot_tape, NULL);
    fake_run(f, 0);
    cr_assert_eq(tape_step_now, TAPE_STEPS);
    struct port *p = fake_port(f, 0);
    cr_assert_eq(port_blk_locate_time(p, 1, 3, 8), 5 * SIM_MS);
    cr_assert_eq(port_blk_locate_time(p, 0, 3, 8), SIM_NEVER);
    fake_tape_load(f, 0, 1, "");
    cr_assert_eq(port_blk_locate_time(p, 1, 3, 8), SIM_NEVER);
    fake_destroy(f);
}

static void boot_library(struct port *p, void *arg)
{
    (void)arg;
    if (port_incarnation(p) == 1)
        changer_take_steps(p);
}

/* One of the simulator does the same (tests/models/test_changer.c). */
Test(fake, a_library_takes_the_steps_of_any)
{
    struct fake *f = fake_create(&(struct fake_options){ .changers = 1, .tapes = 2 });
    fake_boot(f, 0, boot_library, NULL);
    fake_run(f, 0);
    cr_assert_eq(changer_step_now, CHANGER_STEPS);
    fake_destroy(f);
}

static struct port_change moves[3];
static struct port_io tape_block;
static unsigned moved;

static void library_moved(struct port_change *c)
{
    moved += c->status == PORT_CHANGE_OK;
}

static void move_tape(struct port *p, void *arg)
{
    const uint32_t *step = arg;
    static const struct port_place from[] = { { PORT_CELL, 0 }, { PORT_DRIVE, 0 } };
    static const struct port_place to[] = { { PORT_DRIVE, 0 }, { PORT_DRIVE, 1 } };
    moves[*step] = (struct port_change){
        .op = PORT_CHANGE_MOVE, .from = from[*step], .to = to[*step], .done = library_moved
    };
    port_changer_submit(p, 0, &moves[*step]);
}

static void block_ended(struct port_io *io)
{
    cr_expect_eq(io->status, PORT_IO_OK);
}

static void write_tape(struct port *p, void *arg)
{
    const uint32_t *dev = arg;
    tape_block = (struct port_io){ .op = *dev == 0 ? PORT_IO_WRITE : PORT_IO_READ,
                                   .sectors = 1,
                                   .done = block_ended };
    rope_init(&tape_block.data);
    if (*dev == 0)
        rope_add_bytes(&tape_block.data, "abc", 3);
    port_blk_submit(p, *dev, &tape_block);
}

Test(fake, a_cartridge_has_its_tape_in_every_drive)
{
    struct fake *f = fake_create(&(struct fake_options){ .changers = 1, .tapes = 2 });
    uint8_t bytes[3];
    fake_boot(f, 0, boot, &(struct log){ .count = 0 });
    fake_run(f, 0);
    for (uint32_t i = 0; i < 2; i++) {
        fake_call(f, 0, move_tape, &i);
        fake_run(f, 0);
        fake_call(f, 0, write_tape, &i);
        fake_run(f, 0);
    }
    cr_assert_eq(moved, 2);
    rope_read(&tape_block.data, 0, 3, bytes);
    cr_assert_eq(memcmp(bytes, "abc", 3), 0);
    fake_destroy(f);
}

/* ---- ends ---- */

static char whose[16];
static struct port *second[3];

static void mine(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    const struct port *p = arg;
    (void)from, (void)frame;
    size_t n = strlen(whose);
    whose[n] = port_task_name(p)[0];
    whose[n + 1] = (char)('0' + port_node(p) + (flags & PORT_ALL ? 5 : 0));
}

static void boot_ends(struct port *p, void *arg)
{
    static const struct port_end_ops ops = { .receive = mine };
    static const struct match s[] = { { 0, 0xff000000, 's' << 24 } };
    enum port_if_result why;
    (void)arg;
    second[port_node(p)] = port_task_create(p, "second", NULL, NULL);
    cr_assert(port_end_open(second[port_node(p)], 0, s, 1, &ops, second[port_node(p)], &why));
    cr_assert_null(port_end_open(p, 0, s, 1, &ops, p, &why));
    cr_assert_eq(why, PORT_IF_TAKEN);
    cr_assert_null(port_end_open(p, 1, s, 1, &ops, p, &why));
    cr_assert_eq(why, PORT_IF_NONE);
    end_open(p, &ops, p);
    if (port_node(p) == 2)
        port_end_first(port_end_open(p, 0, &(struct match){ 0 }, 1, &ops, p, &why));
}

static void say_to(struct port *p, void *arg)
{
    struct rope r;
    rope_init(&r);
    rope_add_bytes(&r, arg, 1);
    cr_assert_eq(end_send(p, 1, *(const char *)arg == 'a' ? PORT_ALL : 0, &r), PORT_IF_OK);
    rope_fini(&r);
}

static void say_to_two(struct port *p, void *arg)
{
    struct rope r;
    (void)arg;
    rope_init(&r);
    rope_add_bytes(&r, "s", 1);
    cr_assert_eq(end_send(p, 2, 0, &r), PORT_IF_OK);
    rope_fini(&r);
}

Test(fake, a_frame_is_the_first_end_s_whose_conditions_it_meets)
{
    struct fake *f = fake_create(&(struct fake_options){ .nodes = 3, .broadcast = true });
    for (uint32_t i = 0; i < 3; i++)
        fake_boot(f, i, boot_ends, NULL);
    fake_run(f, 0);
    for (const char *c = "sxsa"; *c; c++) {
        fake_call(f, 0, say_to, (void *)(uintptr_t)c);
        if (c[0] == 'x') { /* the second's task ends: the kernel's has what follows */
            fake_run(f, 0);
            port_task_crash(second[1]);
        }
    }
    fake_run(f, 0);
    cr_assert_str_eq(whose, "s1k1k1k6k7");
    fake_call(f, 0, say_to_two, NULL);
    fake_run(f, 0);
    cr_assert_str_eq(whose, "s1k1k1k6k7k2", "who taps it goes before the second's");
    cr_assert_eq(fake_work(f, 1, PORT_WORK_FILTER), 2, "until it went");
    fake_destroy(f);
}

/* ---- one program on three ports (tests/three_ports.h) ---- */

static struct os_boot three;
static void three_boot(struct port *p, void *arg)
{
    (void)arg;
    (void)os_node_boot(p, &three);
}

Test(fake, a_program_over_tcp_and_udp_gets_what_it_gets_on_the_other_ports)
{
    static const uint32_t nodes[] = { 0, 1 };
    const struct os_layout layout = {
        .nodes = 2, .compute_count = 2, .compute = nodes, .ranks = nodes, .boot = &three
    };
    const struct xk_network lan = {
        .name = "mesh", .mtu = THREE_MTU, .gives = XK_NETWORK, .stations = 2
    };
    struct three_got got[2] = { { 0 }, { 0 } };
    uint64_t counted[THREE_COUNTERS];
    struct three_counter c[THREE_COUNTERS];
    struct err e = ERR_INIT;
    struct val *graph = three_graph();
    three = (struct os_boot){ .layout = &layout,
                              .layers = &os_layers,
                              .graph = xk_graph_load(graph, &os_protocols, "graph", &lan, 1, &e),
                              .main = three_main,
                              .params = got,
                              .ranks = 2 };
    cr_assert(three.graph && os_groups_load(&three, NULL, NULL, "machine", &e), "%s", e.text);
    struct fake *f = fake_create(&(struct fake_options){ .broadcast = true, .mtu = THREE_MTU });
    for (uint32_t i = 0; i < 2; i++)
        fake_boot(f, i, three_boot, NULL);
    fake_run(f, 0);
    three_expect((struct three_got[2]){ { 0 } }, c);
    for (int i = 0; i < THREE_COUNTERS; i++)
        counted[i] = fake_count(f, 0, c[i].name) + fake_count(f, 1, c[i].name);
    three_check(got, counted);
    fake_destroy(f);
    os_boot_free(&three);
    val_free(graph);
}
