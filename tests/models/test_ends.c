/* test_ends.c: whose a frame is: ends of two tasks on the interfaces of a node. */
#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"

#define US SIM_US
#define NODES 4

/* What was heard, in order. */
static struct heard {
    uint32_t node, from;
    const char *task;
    char tag;
    unsigned flags;
    sim_time at;
} heard[64];
static unsigned count, readies;
static struct port *kernels[NODES], *servers[NODES];
static struct port_end *kernel_ends[NODES], *server_ends[NODES], *others[NODES];

static void hear(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    struct port *p = arg;
    struct heard *h = &heard[count++];
    *h = (struct heard){ .node = port_node(p),
                         .from = (uint32_t)from,
                         .task = port_task_name(p),
                         .flags = flags,
                         .at = port_now(p) };
    rope_read(frame, 0, 1, &h->tag);
    port_work(p, PORT_WORK_OP, 1);
}

static void ready(void *arg)
{
    (void)arg;
    readies++;
}
static const struct port_end_ops ops = { .receive = hear, .ready = ready };

static struct port_end *open_end(struct port *p, const struct match *m, uint32_t n)
{
    enum port_if_result why;
    struct port_end *e = port_end_open(p, 0, m, n, &ops, p, &why);
    cr_assert(e != NULL && why == PORT_IF_OK);
    return e;
}

static enum port_if_result say(struct port_end *e, uint64_t to, unsigned flags, const char *what)
{
    struct rope f;
    rope_init(&f);
    rope_add_bytes(&f, what, strlen(what));
    enum port_if_result r = port_end_send(e, to, flags, &f);
    cr_expect_eq(f.length == 0, r == PORT_IF_OK);
    rope_fini(&f);
    return r;
}

static void start(struct rig *r, const char *network)
{
    count = readies = 0;
    memset(heard, 0, sizeof heard);
    rig_init(r, 1, NODES);
    r->reg.nets = &net_kinds;
    rig_set(r, "network.model", network);
    rig_set(r, "prices.op.each", "1us");
    if (strcmp(network, "ethernet") == 0) {
        rig_set_int(r, "nic.header_flits", 18);
        rig_set(r, "nic.packet_bytes", "1500B");
        rig_set(r, "nic.mtu", "3000B");
    }
}

/* "A..." is the server's, "?b" the other's, and the rest the kernel's, though it was there last. */
static void boot(struct port *p, const struct os_layout *l)
{
    static const struct match a[] = { { 0, 0xff000000, 'A' << 24 } };
    static const struct match b[] = { { 1, 0xff000000, 'b' << 24 } };
    uint32_t me = port_node(p);
    enum port_if_result why;
    (void)l;
    kernels[me] = p;
    servers[me] = port_task_create(p, "server", NULL, NULL);
    server_ends[me] = open_end(servers[me], a, 1);
    others[me] = open_end(p, b, 1);
    kernel_ends[me] = open_end(p, NULL, 0);
    cr_assert_null(port_end_open(p, 0, a, 1, &ops, p, &why), "equal conditions");
    cr_assert_eq(why, PORT_IF_TAKEN);
    cr_assert_null(port_end_open(servers[me], 0, NULL, 0, &ops, p, &why));
    cr_assert_eq(why, PORT_IF_TAKEN);
    cr_assert_null(port_end_open(p, port_if_count(p), a, 1, &ops, p, &why));
    cr_assert_eq(why, PORT_IF_NONE);
}

static void expect(unsigned i, uint32_t node, const char *task, char tag)
{
    cr_expect_eq(heard[i].node, node, "%u: node %u", i, heard[i].node);
    cr_expect_str_eq(heard[i].task, task, "%u: %s", i, heard[i].task);
    cr_expect_eq(heard[i].tag, tag, "%u: %c", i, heard[i].tag);
}

static struct port_timer timer;
static void (*play)(struct port *p);
static void on_timer(struct port_timer *t)
{
    play(t->port);
}

static void boot_player(struct port *p, const struct os_layout *l)
{
    boot(p, l);
    if (port_node(p) != 1)
        return;
    port_timer_init(p, &timer, on_timer, NULL);
    port_timer_set(&timer, 5 * US);
}

static void run(struct rig *r, void (*fn)(struct port *p))
{
    play = fn;
    rig_open(r, boot_player);
    cr_assert_eq(rig_run(r), SIM_END_IDLE);
}

static void say_four(struct port *p)
{
    (void)p;
    cr_expect_eq(say(kernel_ends[1], 3, 0, "Abcd"), PORT_IF_OK); /* meets two: the first has it */
    cr_expect_eq(say(kernel_ends[1], 3, 0, "xbcd"), PORT_IF_OK);
    cr_expect_eq(say(server_ends[1], 3, 0, "yycd"), PORT_IF_OK);
    cr_expect_eq(say(server_ends[1], 3, 0, "A"), PORT_IF_OK); /* ends where a mask looks no more */
    cr_expect_eq(say(server_ends[1], 3, 0, "Z"), PORT_IF_OK);
}

/* PEND1.  Two shapes are looked up for each frame, and that is priced. */
Test(ends, a_frame_is_an_upcall_of_the_first_end_whose_conditions_it_meets)
{
    struct rig r;
    start(&r, "wire");
    r.reg.nets = &(const struct kind_set){ "network", "machine.network",
                                           (const struct kind *const[]){ &rig_wire.kind, NULL } };
    rig_set(&r, "prices.filter.each", "10us");
    run(&r, say_four);
    cr_assert_eq(count, 5);
    expect(0, 3, "server", 'A');
    expect(1, 3, "kernel", 'x');
    expect(2, 3, "kernel", 'y');
    expect(3, 3, "server", 'A');
    expect(4, 3, "kernel", 'Z');
    cr_expect_eq(heard[0].from, 1);
    cr_expect_eq(heard[0].flags, 0);
    for (unsigned i = 1; i < 5; i++)
        cr_expect_eq(heard[i].at - heard[i - 1].at, 21 * US, "%u", i);
    rig_close(&r);
}

static bool taps_alone;
static void taps(struct port *p)
{
    static const struct match all[] = { { 0 } };
    port_end_close(others[3]);
    if (taps_alone) /* but for the kernel's, which takes all */
        port_end_close(server_ends[3]);
    port_end_first(open_end(servers[3], all, 1));
    say_four(p);
}

/* What meets another, too, comes to the one that has gone before all, whoever they are. */
Test(ends, one_that_goes_first_taps_the_node)
{
    for (unsigned k = 0; k < 2; k++) {
        struct rig r;
        taps_alone = k > 0;
        start(&r, "worm");
        run(&r, taps);
        cr_assert_eq(count, 5);
        for (unsigned i = 0; i < 5; i++)
            expect(i, 3, "server", "AxyAZ"[i]);
        rig_close(&r);
    }
}

static void ends_at_once(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    hear(arg, from, flags, frame);
    port_end_close(others[3]);
    others[3] = NULL;
    cr_expect_eq(say(kernel_ends[3], 3, 0, "A to itself"), PORT_IF_OK);
}
static const struct port_end_ops closing = { .receive = ends_at_once };

static struct port_timer busy;
static void works(struct port_timer *t)
{
    port_work(t->port, PORT_WORK_OP, 500); /* so that all that comes waits for its upcall */
    port_task_crash(servers[3]);
    port_work(t->port, PORT_WORK_OP, 500);
}

static void boot_dying(struct port *p, const struct os_layout *l)
{
    static const struct match b[] = { { 1, 0xff000000, 'b' << 24 } };
    enum port_if_result why;
    boot_player(p, l);
    port_end_close(others[port_node(p)]);
    port_end_close(kernel_ends[port_node(p)]);
    others[port_node(p)] = port_end_open(p, 0, b, 1, &closing, p, &why);
    kernel_ends[port_node(p)] = open_end(p, NULL, 0);
    if (port_node(p) != 3)
        return;
    port_timer_init(p, &busy, works, NULL);
    port_timer_set(&busy, 4 * US);
}

static void say_later(struct port *p)
{
    say_four(p);
    cr_expect_eq(say(kernel_ends[1], 3, 0, "qbcd"), PORT_IF_OK);
    cr_expect_eq(say(kernel_ends[1], 3, 0, "rbcd"), PORT_IF_OK);
}

/* PEND2: what waited for the server when it died is dropped, and what comes later is the next one's
 * whose conditions it meets; an end that is closed inside its own upcall is none any more, for what
 * waits behind it, too. */
Test(ends, those_of_a_dead_task_and_those_that_are_closed_get_nothing_more)
{
    struct rig r;
    start(&r, "worm");
    play = say_later;
    rig_open(&r, boot_dying);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_assert_eq(count, 4);
    expect(0, 3, "kernel", 'x'); /* the closing one's: "?b" */
    expect(1, 3, "kernel", 'y');
    expect(2, 3, "kernel", 'Z');
    expect(3, 3, "kernel", 'A');
    cr_expect_eq(r.m->counts.frames_dropped[DROP_NO_RECEIVER], 2);
    cr_expect_eq(r.m->counts.frames_dropped[DROP_RECEIVER_CRASHED], 2);
    rig_close(&r);
}

static void tell_all(struct port *p)
{
    (void)p;
    char large[1600];
    memset(large, 'L', sizeof large);
    large[1501] = '\0';
    cr_expect_eq(say(kernel_ends[1], 0, PORT_ALL, large), PORT_IF_TOO_LONG);
    cr_expect_eq(say(kernel_ends[1], 0, 0, large), PORT_IF_OK);
    cr_expect_eq(say(kernel_ends[1], NODES, 0, "x"), PORT_IF_NO_STATION);
    cr_expect_eq(say(kernel_ends[1], 99, PORT_ALL, "Call"), PORT_IF_OK);
    cr_expect_eq(say(kernel_ends[1], 2, 0, "Done"), PORT_IF_OK);
    cr_expect_eq(say(kernel_ends[1], 99, PORT_ALL, "A!"), PORT_IF_OK);
}

Test(ends, what_is_for_all_comes_to_all_others_and_says_so)
{
    struct rig r;
    start(&r, "ethernet");
    run(&r, tell_all);
    unsigned calls[NODES] = { 0 }, mine[NODES] = { 0 };
    for (unsigned i = 0; i < count; i++) {
        cr_expect_eq(heard[i].flags, heard[i].tag == 'L' || heard[i].tag == 'D' ? 0 : PORT_ALL);
        calls[heard[i].node] += heard[i].tag == 'C';
        mine[heard[i].node] += heard[i].tag == 'A' && strcmp(heard[i].task, "server") == 0;
    }
    for (uint32_t n = 0; n < NODES; n++) {
        cr_expect_eq(calls[n], n != 1, "node %u", n);
        cr_expect_eq(mine[n], n != 1, "node %u", n);
    }
    cr_expect_eq(count, 8);
    cr_expect_eq(r.m->counts.frames_in, 4);
    rig_close(&r);
}

static void cannot_tell(struct port *p)
{
    struct port_if_info info;
    port_if_describe(p, 0, &info);
    cr_expect_not(info.broadcast);
    cr_expect_eq(say(kernel_ends[1], 0, PORT_ALL, "all"), PORT_IF_NO_STATION);
}

Test(ends, a_mesh_has_no_way_to_all)
{
    struct rig r;
    start(&r, "worm");
    run(&r, cannot_tell);
    cr_expect_eq(count, 0);
    rig_close(&r);
}

static void fill(struct port *p)
{
    (void)p;
    unsigned sent = 0;
    while (say(kernel_ends[1], 0, 0, "k") == PORT_IF_OK)
        sent++;
    cr_expect_eq(say(server_ends[1], 0, 0, "s"), PORT_IF_BUSY);
    cr_expect_eq(say(server_ends[1], 0, 0, "s"), PORT_IF_BUSY);
    cr_expect_eq(sent, 2);
}

Test(ends, each_that_was_refused_is_told_once_of_room)
{
    struct rig r;
    start(&r, "worm");
    rig_set_int(&r, "nic.queue_frames", 2);
    run(&r, fill);
    cr_expect_eq(readies, 2);
    cr_expect_eq(count, 2);
    rig_close(&r);
}

static void posts_late(void *arg)
{
    struct port *p = arg;
    port_work(p, PORT_WORK_OP, 10);
    cr_expect_eq(say(kernel_ends[1], 0, 0, "1"), PORT_IF_OK);
    port_work(p, PORT_WORK_OP, 1000);
}

static void posts_to_all(struct port *p)
{
    (void)p;
    cr_expect_eq(say(kernel_ends[1], 0, PORT_ALL, "2"), PORT_IF_OK);
    cr_expect_eq(say(kernel_ends[1], 2, 0, "3"), PORT_IF_OK);
}

static void boot_ordered(struct port *p, const struct os_layout *l)
{
    boot_player(p, l);
    if (port_node(p) == 1)
        port_thread_spawn(p, "posts late", posts_late, p, 0);
}

/* NODE5: the thread's frame was called first, and leaves at 10; what is for all waits for it, since
 * it is for node 0, too, and what is for node 2 waits for that. */
Test(ends, what_is_for_all_keeps_its_order_with_what_is_for_each)
{
    struct rig r;
    start(&r, "ethernet");
    rig_set(&r, "node.upcall_cpu", "coprocessor");
    play = posts_to_all;
    rig_open(&r, boot_ordered);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    char at0[8] = "", at2[8] = "";
    for (unsigned i = 0; i < count; i++)
        strncat(heard[i].node == 0   ? at0
                : heard[i].node == 2 ? at2
                                     : (char[8]){ 0 },
                &heard[i].tag, 1);
    cr_expect_str_eq(at0, "12");
    cr_expect_str_eq(at2, "23");
    rig_close(&r);
}
