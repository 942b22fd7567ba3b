/* test_nx.c: message passing: selection, order, buffering and grants, asynchronous forms, global
 * operations, crashes.  Programs are threads on the fake port.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/nx/nx_internal.h"
#include "tests/os/tcp_rig.h"

#define NODES_MAX 16

typedef void program_fn(struct nx *n);

/* What the programs of one run share: the test looks at it afterwards. */
static struct {
    uint32_t count;
    program_fn *program;
    struct nx *nx[NODES_MAX];     /* by node number */
    struct port *port[NODES_MAX]; /* by rank */
    uint32_t nodes[NODES_MAX];
    char log[256];
    uint32_t ended;
} t;

static void note(char c)
{
    size_t k = strlen(t.log);
    if (k + 1 < sizeof(t.log)) {
        t.log[k] = c;
        t.log[k + 1] = '\0';
    }
}

static void thread_main(void *arg)
{
    t.program(arg);
    t.ended++;
}

static void spawn(struct port *p, void *arg)
{
    (void)arg;
    struct nx *n = t.nx[port_node(p)];
    if (t.program && nx_mynode(n) != NX_NO_NODE)
        port_thread_spawn(p, "program", thread_main, n, 0);
}

/* Programs start when all nodes have booted; that of a later life at once. */
static void booted(struct rig *r, uint32_t node, struct port *p)
{
    uint32_t mine = NX_NO_NODE;
    for (uint32_t rank = 0; rank < t.count; rank++)
        if (t.nodes[rank] == node) {
            t.port[rank] = p;
            mine = rank;
        }
    t.nx[node] = nx_start(xk_find(r->k[node], "nx"), t.nodes, t.count, mine);
    if (port_incarnation(p) > 1)
        spawn(p, NULL);
}

#define GRAPH "mesh driver queue=4; r rdm <mesh; nx nx <r"

static void start(struct rig *r, struct fake_options o, const char *graph, program_fn *program)
{
    memset(&t, 0, sizeof(t));
    t.count = o.nodes ? o.nodes : 2;
    t.program = program;
    for (uint32_t i = 0; i < t.count; i++)
        t.nodes[i] = t.count - 1 - i; /* ranks are not node numbers */
    rig_protocol_too = &tip_protl;
    rig_start(r, &o, graph, booted, NULL);
    for (uint32_t i = 0; i < t.count; i++)
        fake_call(r->f, i, spawn, NULL);
}

/* Records of TCP, whose segments are lost, doubled and delayed. */
#define OVER_TCP                                                                                   \
    "mesh driver queue=16; ip tip <mesh; v vdrop <ip drop=0.03 duplicate=0.03 delay=0.05; tcp "    \
    "tcp <v rto_first=5ms rto_min=2ms tick=1ms rto_max=20ms ack_delay=1ms persist_min=2ms "        \
    "persist_max=20ms connect_time=50ms msl=5ms tries=30 send_buffer=2KiB; "                       \
    "r record <tcp retry=1ms retry_max=8ms fragment=128B; "

/* Runs a program on every node to its end under several seeds, frame sizes and both send paths. */
static void run_everywhere(uint32_t count, program_fn *program)
{
    static const char *const graphs[] = { "mesh driver queue=2; r rdm <mesh; nx nx <r grant=1KiB",
                                          "mesh driver; r rdm <mesh; nx nx <r offload=true",
                                          "mesh driver queue=2; u ulp <mesh; nx nx <u grant=1KiB",
                                          OVER_TCP "nx nx <r grant=1KiB" };
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rig r;
        struct fake_options o = { .nodes = count,
                                  .seed = seed,
                                  .order = seed == 1 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                  .mtu = 64 + 100 * (uint32_t)seed,
                                  .flatten = seed % 2,
                                  .tx_queue = 2 };
        start(&r, o, graphs[seed > 6 ? 3 : seed / 2 % 3], program);
        fake_run(r.f, 0);
        cr_assert_eq(t.ended, count, "seed %d: %d of %d programs ended, %d blocked", (int)seed,
                     (int)t.ended, (int)count, (int)fake_blocked(r.f));
        for (uint32_t i = 0; i < count; i++)
            cr_assert_eq(fake_count(r.f, i, "nx.dropped"), 0);
        rig_stop(&r);
    }
    cr_assert_eq(rope_leaves_alive(), 0);
}

static void pattern(struct rope *data, uint64_t seed, uint64_t length)
{
    rope_init(data);
    rope_add_pattern(data, seed, 0, length);
}

static void send(struct nx *n, int64_t type, uint64_t length, uint32_t node)
{
    struct rope data;
    pattern(&data, (uint64_t)type, length);
    cr_assert_eq(nx_csend(n, type, &data, node), NX_OK);
    cr_assert_eq(data.length, 0, "a sent rope is empty");
    rope_fini(&data);
}

static void expect(struct nx *n, int64_t typesel, int64_t type, uint64_t length, uint32_t node)
{
    struct rope data, should;
    struct nx_info info = nx_crecv(n, typesel, 1 << 20, &data);
    cr_assert_eq(info.status, NX_OK);
    cr_assert_eq(info.type, type, "type %d came, expected %d", (int)info.type, (int)type);
    cr_assert_eq(info.count, length);
    cr_assert_eq(info.node, node);
    cr_assert_eq(nx_infocount(n), length);
    cr_assert_eq(nx_infonode(n), node);
    cr_assert_eq(nx_infotype(n), type);
    pattern(&should, (uint64_t)type, length);
    cr_assert(rope_equal(&data, &should));
    rope_fini(&should);
    rope_fini(&data);
}

/* ---- one to one ---- */
static void ping_pong(struct nx *n)
{
    static const uint64_t lengths[] = { 0, 1, 23, 64, 132, 1000, 5003 };
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        if (nx_mynode(n) == 0) {
            send(n, (int64_t)i, lengths[i], 1);
            expect(n, 100 + (int64_t)i, 100 + (int64_t)i, lengths[i], 1);
        } else {
            expect(n, (int64_t)i, (int64_t)i, lengths[i], 0);
            send(n, 100 + (int64_t)i, lengths[i], 0);
        }
    }
}

Test(nx, messages_of_any_length_arrive_whole)
{
    run_everywhere(2, ping_pong);
}

/* The receiver takes types in another order than they were sent in, then the rest by NX_ANY. */
static void selects(struct nx *n)
{
    if (nx_mynode(n) == 0) {
        for (int64_t type = 1; type <= 5; type++)
            send(n, type, (uint64_t)type * 30, 1);
    } else {
        expect(n, 4, 4, 120, 0);
        expect(n, 2, 2, 60, 0);
        expect(n, NX_ANY, 1, 30, 0);
        expect(n, NX_ANY, 3, 90, 0);
        expect(n, NX_ANY, 5, 150, 0);
    }
}

/* NX2, NXI3. */
Test(nx, a_receive_takes_the_oldest_message_that_fits)
{
    run_everywhere(2, selects);
}

static void from_all(struct nx *n)
{
    uint32_t me = nx_mynode(n), last[NODES_MAX] = { 0 };
    if (me != 0) {
        for (int64_t i = 1; i <= 4; i++)
            send(n, i, 100, 0);
        return;
    }
    for (uint32_t i = 0; i < 4 * (nx_numnodes(n) - 1); i++) {
        struct rope data;
        struct nx_info info = nx_crecv(n, NX_ANY, 100, &data);
        cr_assert_eq(info.type, last[info.node] + 1, "messages of one sender keep their order");
        last[info.node]++;
        rope_fini(&data);
    }
}

/* NX1, NXI4. */
Test(nx, messages_between_two_nodes_keep_their_order)
{
    run_everywhere(7, from_all);
}

static void to_self(struct nx *n)
{
    struct nx_op *op = nx_irecv(n, 9, 500);
    struct rope data;
    pattern(&data, 9, 500);
    cr_assert_eq(nx_csend(n, 9, &data, nx_mynode(n)), NX_OK);
    cr_assert_eq(nx_msgwait(op, &data).count, 500);
    rope_fini(&data);
}

Test(nx, a_node_sends_to_itself)
{
    run_everywhere(3, to_self);
}

static void too_long(struct nx *n)
{
    struct rope data;
    if (nx_mynode(n) == 0) {
        send(n, 3, 900, 1);
        send(n, 4, 10, 1);
        return;
    }
    struct nx_info info = nx_crecv(n, 3, 333, &data);
    cr_assert_eq(info.status, NX_TOO_LONG);
    cr_assert_eq(info.count, 900);
    cr_assert_eq(data.length, 333);
    struct rope should;
    pattern(&should, 3, 333);
    cr_assert(rope_equal(&data, &should));
    rope_fini(&should);
    rope_fini(&data);
    expect(n, NX_ANY, 4, 10, 0);
}

Test(nx, a_message_longer_than_the_receive_allows_is_cut_and_said)
{
    run_everywhere(2, too_long);
}

static void asynchronous(struct nx *n)
{
    uint32_t other = 1 - nx_mynode(n);
    struct nx_op *in[3], *out[3];
    for (int i = 0; i < 3; i++)
        in[i] = nx_irecv(n, i, 3000);
    for (int i = 2; i >= 0; i--) {
        struct rope data;
        pattern(&data, (uint64_t)i, 1500);
        out[i] = nx_isend(n, i, &data, other);
        rope_fini(&data);
    }
    for (int i = 0; i < 3; i++) {
        struct rope data;
        struct nx_info info = nx_msgwait(in[i], &data);
        cr_assert_eq(info.type, i);
        cr_assert_eq(info.count, 1500);
        rope_fini(&data);
    }
    for (int i = 0; i < 3; i++)
        cr_assert_eq(nx_msgwait(out[i], NULL).status, NX_OK);
    struct nx_op *nothing = nx_irecv(n, 77, 10);
    cr_assert_not(nx_msgdone(nothing));
    cr_assert(nx_msgcancel(nothing));
}

Test(nx, asynchronous_sends_and_receives_match_by_type)
{
    run_everywhere(2, asynchronous);
}

static uint64_t handled_bytes;

static void handler(void *arg, const struct nx_info *info, struct rope *data)
{
    struct nx *n = arg;
    cr_assert_eq(info->count, data->length);
    handled_bytes += data->length;
    struct rope reply;
    pattern(&reply, 6, 40);
    nx_msgignore(nx_isend(n, 6, &reply, info->node)); /* upcalls do not wait */
    rope_fini(&reply);
}

static void handles(struct nx *n)
{
    if (nx_mynode(n) == 0) {
        handled_bytes = 0;
        send(n, 5, 700, 1);
        expect(n, 6, 6, 40, 1);
        send(n, 8, 1, 1);
        expect(n, 6, 6, 40, 1);
        cr_assert_eq(handled_bytes, 701);
    } else {
        nx_hrecv(n, 5, 4096, handler, n);
        nx_cprobe(n, 8); /* type 8 is here before its handler is posted */
        nx_hrecv(n, 8, 4096, handler, n);
    }
}

Test(nx, handlers_are_called_once_and_may_send)
{
    run_everywhere(2, handles);
}

static void probes(struct nx *n)
{
    if (nx_mynode(n) == 0) {
        send(n, 5, 300, 1);
        return;
    }
    struct nx_info info;
    cr_assert_not(nx_iprobe(n, 4, NULL));
    info = nx_cprobe(n, NX_ANY);
    cr_assert_eq(info.type, 5);
    cr_assert_eq(info.count, 300);
    cr_assert_not(nx_iprobe(n, 4, NULL));
    cr_assert(nx_iprobe(n, 5, NULL));
    expect(n, 5, 5, 300, 0);
    cr_assert_not(nx_iprobe(n, NX_ANY, NULL));
}

Test(nx, probes_see_what_is_waiting_and_leave_it)
{
    run_everywhere(2, probes);
}

/* ---- buffering ---- */
static void late_receiver(struct nx *n)
{
    if (nx_mynode(n) == 0) {
        send(n, 1, 600, 1);
        send(n, 2, 600, 1);
    } else {
        struct nx_op *posted = nx_irecv(n, 1, 600);
        struct rope data;
        nx_msgwait(posted, &data);
        rope_fini(&data);
        nx_cprobe(n, 2);
        note('u');
        expect(n, 2, 2, 600, 0);
    }
}

Test(nx, only_what_finds_no_receive_posted_is_copied)
{
    struct rig r;
    start(&r, (struct fake_options){ .nodes = 2, .mtu = 4096 }, GRAPH, late_receiver);
    fake_run(r.f, 0);
    cr_assert_eq(t.ended, 2);
    cr_assert_str_eq(t.log, "u");
    /* node 0 has rank 1 */
    cr_assert_eq(fake_count(r.f, 0, "nx.unexpected"), 1);
    cr_assert_eq(fake_count(r.f, 0, "nx.copied_bytes"), 600);
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_COPY), 600);
    cr_assert_eq(fake_work(r.f, 1, PORT_WORK_COPY), 0);
    cr_assert_eq(fake_work(r.f, 1, PORT_WORK_SEND), 2);
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_RECEIVE), 2);
    rig_stop(&r);
}

static void slow_receiver(struct nx *n)
{
    if (nx_mynode(n) == 0) {
        for (int i = 0; i < 10; i++)
            send(n, 1, 3000, 1);
        note('S');
        send(n, 2, 0, 1);
        return;
    }
    port_thread_sleep(t.port[1], SIM_SEC);
    note('R');
    for (int i = 0; i < 10; i++)
        expect(n, 1, 1, 3000, 0);
    expect(n, 2, 2, 0, 0);
}

/* NX4, NXI1. */
Test(nx, a_sender_without_grant_waits_until_the_receiver_takes_something)
{
    static const struct {
        const char *graph, *log;
    } cases[] = { { "mesh driver; r rdm <mesh; nx nx <r grant=8KiB", "RS" },
                  { "mesh driver; r rdm <mesh; nx nx <r grant=64KiB", "SR" } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        start(&r, (struct fake_options){ .nodes = 2, .mtu = 1024 }, cases[i].graph, slow_receiver);
        fake_run(r.f, 0);
        cr_assert_eq(t.ended, 2);
        cr_assert_str_eq(t.log, cases[i].log);
        cr_assert_eq(fake_count(r.f, 1, "r.stalled") > 0, i == 0);
        cr_assert_eq(fake_count(r.f, 0, "r.credits") > 0, i == 0);
        rig_stop(&r);
    }
}

static void both_send_first(struct nx *n)
{
    send(n, 1, 3000, 1 - nx_mynode(n));
    expect(n, 1, 1, 3000, 1 - nx_mynode(n));
}

/* NX6. */
Test(nx, two_that_send_more_than_the_grant_before_they_receive_wait_for_ever)
{
    static const char *const graphs[] = { "mesh driver; r rdm <mesh; nx nx <r grant=1KiB",
                                          "mesh driver; r rdm <mesh; nx nx <r grant=8KiB" };
    for (uint32_t i = 0; i < 2; i++) {
        struct rig r;
        start(&r, (struct fake_options){ .nodes = 2, .mtu = 256 }, graphs[i], both_send_first);
        fake_run(r.f, 0);
        cr_assert_eq(t.ended, i == 0 ? 0 : 2);
        rig_stop(&r);
    }
}

static void sends_ahead(struct nx *n)
{
    struct rope data;
    pattern(&data, 1, 3000);
    struct nx_op *op = nx_isend(n, 1, &data, 1 - nx_mynode(n));
    rope_fini(&data);
    cr_assert_eq(nx_gsync(n), NX_OK);
    expect(n, 1, 1, 3000, 1 - nx_mynode(n));
    nx_msgwait(op, NULL);
}

/* NXI2. */
Test(nx, a_barrier_does_not_wait_behind_messages_that_wait_for_a_grant)
{
    struct rig r;
    start(&r, (struct fake_options){ .nodes = 2, .mtu = 256 },
          "mesh driver; r rdm <mesh; nx nx <r grant=1KiB", sends_ahead);
    fake_run(r.f, 0);
    cr_assert_eq(t.ended, 2);
    cr_assert_gt(fake_count(r.f, 0, "r.stalled"), 0);
    rig_stop(&r);
}

static void forced(struct nx *n)
{
    if (nx_mynode(n) == 0) {
        send(n, NX_TYPE_FORCE + 1, 700, 1); /* nobody wants it yet */
        send(n, 1, 10, 1);
        expect(n, 2, 2, 0, 1);
        send(n, NX_TYPE_FORCE + 1, 701, 1);
    } else {
        expect(n, NX_ANY, 1, 10, 0);
        struct nx_op *op = nx_irecv(n, NX_TYPE_FORCE + 1, 4096);
        send(n, 2, 0, 0);
        struct rope data;
        cr_assert_eq(nx_msgwait(op, &data).count, 701);
        rope_fini(&data);
    }
}

/* NX5. */
Test(nx, force_types_are_dropped_where_no_receive_is_posted)
{
    struct rig r;
    start(&r, (struct fake_options){ .nodes = 2, .mtu = 256 }, GRAPH, forced);
    fake_run(r.f, 0);
    cr_assert_eq(t.ended, 2);
    cr_assert_eq(fake_count(r.f, 0, "nx.dropped"), 1);
    cr_assert_eq(fake_count(r.f, 0, "nx.copied_bytes"), 0);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

static void posts_and_leaves(struct nx *n)
{
    if (nx_mynode(n) == 0) {
        struct rope data;
        pattern(&data, 1, 100);
        struct nx_op *op = nx_isend(n, 1, &data, 1);
        note(nx_msgdone(op) ? 'd' : 'p'); /* done at once, or posted */
        nx_msgwait(op, NULL);
        cr_assert_eq(nx_csend(n, 1, &data, 99), NX_NO_PEER);
        rope_fini(&data);
    } else {
        expect(n, 1, 1, 100, 0);
    }
}

/* NX3. */
Test(nx, an_offloaded_send_is_pushed_by_an_upcall)
{
    struct rig r;
    start(&r, (struct fake_options){ .nodes = 2 }, "mesh driver; r rdm <mesh; nx nx <r",
          posts_and_leaves);
    fake_run(r.f, 0);
    cr_assert_str_eq(t.log, "d");
    rig_stop(&r);
    start(&r, (struct fake_options){ .nodes = 2 },
          "mesh driver; r rdm <mesh; nx nx <r offload=true", posts_and_leaves);
    fake_run(r.f, 0);
    cr_assert_str_eq(t.log, "p");
    cr_assert_eq(t.ended, 2);
    rig_stop(&r);
}

Test(nx, releases_that_buffer_name_their_copies_and_traps)
{
    static const struct {
        const char *graph;
        uint64_t sender, receiver, traps;
    } cases[] = { { "mesh driver; r rdm <mesh; nx nx <r", 0, 600, 0 },
                  { "mesh driver; r ulp <mesh; nx nx <r", 0, 600, 0 },
                  { "mesh driver; r rdm <mesh; nx nx <r copies=received trap=true", 0, 1200, 2 },
                  { "mesh driver; r rdm <mesh; nx nx <r copies=all offload=true", 1200, 1200, 0 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        start(&r, (struct fake_options){ .nodes = 2, .mtu = 256 }, cases[i].graph, late_receiver);
        fake_run(r.f, 0);
        cr_assert_eq(t.ended, 2);
        cr_assert_eq(fake_work(r.f, 1, PORT_WORK_COPY), cases[i].sender);
        cr_assert_eq(fake_work(r.f, 0, PORT_WORK_COPY), cases[i].receiver);
        cr_assert_eq(fake_count(r.f, 0, "nx.straight_bytes"), 1200 - cases[i].receiver);
        cr_assert_eq(fake_work(r.f, 1, PORT_WORK_TRAP), cases[i].traps);
        rig_stop(&r);
    }
}

static void sends_twice(struct nx *n)
{
    uint32_t next = (nx_mynode(n) + 1) % nx_numnodes(n);
    for (int64_t i = 0; i < 2; i++) {
        send(n, i, 500, next);
        expect(n, i, i, 500, (next + nx_numnodes(n) - 2) % nx_numnodes(n));
        nx_gsync(n);
        port_thread_sleep(t.port[nx_mynode(n)], SIM_SEC);
    }
}

static void free_resources(struct port *p, void *arg)
{
    struct xk_control c = { .op = XK_FREE_RESOURCES };
    cr_assert_eq(xk_protl_control(xk_find(((struct rig *)arg)->k[port_node(p)], "nx"), &c), XK_OK);
    cr_assert_eq(c.u64, 3); /* to the next node; to it and two ahead in the barrier */
}

Test(nx, sessions_that_were_given_back_are_opened_again)
{
    struct rig r;
    start(&r, (struct fake_options){ .nodes = 4 }, GRAPH, sends_twice);
    fake_run_until(r.f, SIM_SEC / 2);
    for (uint32_t i = 0; i < 4; i++)
        fake_call(r.f, i, free_resources, &r);
    fake_run(r.f, 0);
    cr_assert_eq(t.ended, 4);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* ---- global operations ---- */
static uint32_t arrived;

static void synchronises(struct nx *n)
{
    if (nx_mynode(n) == 0)
        arrived = 0;
    nx_gsync(n);
    for (uint32_t round = 1; round <= 3; round++) {
        arrived++;
        nx_gsync(n);
        cr_assert_eq(arrived, round * nx_numnodes(n), "a node passed the barrier early");
        nx_gsync(n);
    }
}

static double sums[NODES_MAX][2];

static void reduces(struct nx *n)
{
    uint32_t me = nx_mynode(n), count = nx_numnodes(n);
    double x[2] = { 0.1 * (me + 1), -2.385 * me };
    nx_gdsum(n, x, 2);
    memcpy(sums[me], x, sizeof(x));
    double high[1] = { me == count / 2 ? 7.5 : -1.0 * me }, low[1] = { 3.5 - me };
    nx_gdhigh(n, high, 1);
    nx_gdlow(n, low, 1);
    cr_assert_eq(high[0], 7.5);
    cr_assert_eq(low[0], 3.5 - (count - 1));
    int64_t i[3] = { me, -1, (int64_t)1 << 40 };
    nx_gisum(n, i, 3);
    cr_assert_eq(i[0], (int64_t)count * (count - 1) / 2);
    cr_assert_eq(i[1], -(int64_t)count);
    cr_assert_eq(i[2], (int64_t)count << 40);
    int64_t top = me == 0 ? 5 : -5;
    nx_gihigh(n, &top, 1);
    cr_assert_eq(top, 5);
    nx_gsync(n);
    cr_assert_eq(memcmp(sums[me], sums[0], sizeof(sums[0])), 0, "all nodes compute the same bits");
    cr_assert_float_eq(sums[me][0], 0.1 * count * (count + 1) / 2, 1e-9);
    cr_assert_float_eq(sums[me][1], -2.385 * count * (count - 1) / 2, 1e-9);
}

static void moves_data(struct nx *n)
{
    uint32_t me = nx_mynode(n), count = nx_numnodes(n);
    for (uint32_t root = 0; root < count; root++) {
        struct rope data, should;
        pattern(&should, root, 37 * root);
        rope_init(&data);
        if (me == root)
            rope_add_pattern(&data, root, 0, 37 * root);
        nx_bcast(n, &data, root);
        cr_assert(rope_equal(&data, &should));
        rope_fini(&should);
        rope_fini(&data);
    }
    struct rope mine, all, should;
    pattern(&mine, me, 11 * me);
    rope_init(&should);
    for (uint32_t i = 0; i < count; i++)
        rope_add_pattern(&should, i, 0, 11 * i);
    nx_gcol(n, &mine, &all);
    cr_assert(rope_equal(&all, &should));
    rope_fini(&should);
    rope_fini(&all);
    rope_fini(&mine);
}

static const uint32_t counts[] = { 1, 2, 3, 5, 8, 13 };

Test(nx, nobody_passes_a_barrier_before_all_have_come)
{
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        run_everywhere(counts[i], synchronises);
}

Test(nx, reductions_give_all_nodes_the_same_bits)
{
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        run_everywhere(counts[i], reduces);
}

Test(nx, broadcasts_and_concatenations_carry_every_byte)
{
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        run_everywhere(counts[i], moves_data);
}

Test(nx, all_holds_over_a_network_that_loses_doubles_and_reorders, .timeout = 60)
{
    static program_fn *const programs[] = { synchronises, reduces, moves_data };
    uint64_t dropped = 0;
    for (uint64_t seed = 1; seed <= 9; seed++) {
        struct rig r;
        struct fake_options o = { .nodes = 5,
                                  .seed = seed,
                                  .order = seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                  .mtu = 100 + 50 * (uint32_t)seed,
                                  .lossy = true,
                                  .unordered = true,
                                  .drop_ppm = 50000,
                                  .duplicate_ppm = 50000,
                                  .delay_ppm = 50000 };
        start(&r, o, "mesh driver; r rdm <mesh; nx nx <r grant=1KiB", programs[seed % 3]);
        fake_run(r.f, 0);
        cr_assert_eq(t.ended, 5, "seed %d: %d of 5 programs ended", (int)seed, (int)t.ended);
        dropped += fake_counts(r.f)->dropped;
        rig_stop(&r);
    }
    cr_assert_gt(dropped, 10);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* ---- all orders ---- */
static void crossing(struct nx *n)
{
    uint32_t other = 1 - nx_mynode(n);
    struct nx_op *late = nx_irecv(n, 2, 200);
    send(n, 1, 150, other);
    send(n, 2, 0, other);
    struct rope data;
    cr_assert_eq(nx_msgwait(late, &data).type, 2);
    rope_fini(&data);
    expect(n, NX_ANY, 1, 150, other);
}

static struct rig explored;

static void explore_setup(struct fake *f, void *arg)
{
    t.ended = 0;
    rig_boot_all(&explored, f, arg, t.count, booted, NULL);
    for (uint32_t i = 0; i < t.count; i++)
        fake_call(f, i, spawn, NULL);
}

static bool explore_check(struct fake *f, void *arg)
{
    (void)arg;
    return t.ended == t.count && fake_blocked(f) == 0;
}

static void explore(uint32_t count, uint32_t mtu, const char *graph, program_fn *program)
{
    memset(&t, 0, sizeof(t));
    t.count = count;
    t.program = program;
    for (uint32_t i = 0; i < count; i++)
        t.nodes[i] = i;
    struct xk_graph *g = rig_graph(graph);
    struct fake_explore x = { .options = { .nodes = count, .mtu = mtu },
                              .setup = explore_setup,
                              .check = explore_check,
                              .arg = g,
                              .orders_max = 20000 };
    fake_explore(&x);
    cr_assert_not(x.failed, "order %s", x.order);
    cr_assert_gt(x.orders, 10);
    xk_graph_free(g);
}

Test(nx, crossing_messages_arrive_in_every_order_of_events)
{
    explore(2, 136, "mesh driver; r rdm <mesh; nx nx <r grant=0B", crossing);
    explore(2, 512, "mesh driver; r rdm <mesh; nx nx <r offload=true", crossing);
}

static void barrier(struct nx *n)
{
    cr_assert_eq(nx_gsync(n), NX_OK);
}

Test(nx, a_barrier_of_three_holds_in_every_order_of_events)
{
    explore(3, 512, "mesh driver; r rdm <mesh; nx nx <r", barrier);
}

/* ---- crashes ---- */
static enum nx_status last_status;

static void sends_to_the_dying(struct nx *n)
{
    if (nx_mynode(n) == 0) {
        struct rope data;
        pattern(&data, 1, 100000); /* more than the grant: it waits */
        last_status = nx_csend(n, 1, &data, 1);
        rope_fini(&data);
        port_thread_sleep(t.port[0], SIM_SEC);
        send(n, 2, 50, 1); /* to the next life */
    } else if (port_incarnation(t.port[1]) == 1) {
        expect(n, 3, 3, 0, 0); /* never comes */
    } else {
        nx_go_on(n);
        expect(n, NX_ANY, 2, 50, 0);
    }
}

Test(nx, a_send_to_a_node_that_dies_ends_and_its_next_life_is_reached)
{
    struct rig r;
    start(&r, (struct fake_options){ .nodes = 2, .detect_delay = SIM_MS }, GRAPH,
          sends_to_the_dying);
    fake_run_until(r.f, 10 * SIM_MS);
    cr_assert_eq(t.ended, 0);
    fake_crash(r.f, 0); /* rank 1 */
    fake_run_until(r.f, 20 * SIM_MS);
    cr_assert_eq(last_status, NX_PEER_DOWN);
    fake_restart(r.f, 0);
    fake_run(r.f, 0);
    cr_assert_eq(t.ended, 2);
    rig_stop(&r);
}

static uint32_t segments_left;

static bool first_segments(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg;
    (void)dst;
    if (src != 0 || frame->length < 80) /* node 0 is rank 1 */
        return true;
    return segments_left > 0 && segments_left-- > 0;
}

static void sends_and_dies(struct nx *n)
{
    if (nx_mynode(n) == 1) {
        send(n, 7, 10, 0);
        send(n, 5, 2000, 0);
        return;
    }
    expect(n, 7, 7, 10, 1);
    last_status = nx_crecv(n, 6, 10, &(struct rope){ 0 }).status; /* never comes */
}

/* What rank 0 has of memory when rank 1 has died in the middle of a message. */
static uint64_t memory_after_death(uint32_t segments)
{
    struct rig r;
    segments_left = segments;
    start(&r, (struct fake_options){ .nodes = 2, .mtu = 200, .detect_delay = SIM_MS }, GRAPH,
          sends_and_dies);
    fake_on_frame(r.f, first_segments, NULL);
    fake_run_until(r.f, 10 * SIM_MS);
    cr_assert_eq(segments_left, 0);
    cr_assert_eq(fake_count(r.f, 1, "nx.unexpected"), segments > 0, "it was kept");
    fake_crash(r.f, 0);
    fake_run(r.f, 0);
    cr_assert_eq(last_status, NX_PEER_DOWN);
    cr_assert_eq(fake_count(r.f, 1, "nx.dropped"), segments > 0);
    cr_assert_eq(rope_leaves_alive(), 0);
    uint64_t memory = fake_heap_bytes(r.f, 1);
    rig_stop(&r);
    return memory;
}

Test(nx, half_a_message_that_came_from_the_dead_is_given_back)
{
    uint64_t none = memory_after_death(0);
    for (uint32_t segments = 1; segments <= 3; segments++)
        cr_assert_leq(memory_after_death(segments), none, "%u segments", segments);
}

static void chatters(struct nx *n)
{
    uint32_t other = 1 - nx_mynode(n);
    for (int64_t i = 0; i < 4; i++) {
        struct rope data;
        pattern(&data, (uint64_t)i, 400);
        nx_msgignore(nx_isend(n, i, &data, other));
        rope_fini(&data);
        struct nx_op *op = nx_irecv(n, NX_ANY, 300);
        port_thread_sleep(t.port[nx_mynode(n)], 50 * SIM_US);
        nx_msgignore(op);
    }
}

/* NXI5. */
Test(nx, a_node_may_crash_and_come_back_after_any_step)
{
    for (uint64_t step = 1; step < 120; step++) {
        struct rig r;
        bool tcp = step % 3 == 0;
        start(&r,
              (struct fake_options){
                  .nodes = 2, .mtu = tcp ? 300 : 128, .detect_delay = tcp ? SIM_MS : SIM_US },
              tcp ? OVER_TCP "nx nx <r grant=256B"
                  : "mesh driver queue=2; r rdm <mesh; nx nx <r grant=256B",
              chatters);
        fake_run(r.f, step);
        if (fake_up(r.f, 1))
            fake_crash(r.f, 1);
        fake_run(r.f, step % 7 + 1);
        if (!fake_up(r.f, 1))
            fake_restart(r.f, 1);
        fake_run(r.f, 0);
        cr_assert_eq(fake_blocked(r.f), 0);
        rig_stop(&r);
    }
}

/* ---- every call ends when a member dies, wherever it is, and however soon it is back ---- */
static void big(struct rope *data)
{
    pattern(data, 5, 2000); /* more than the grant */
}

static enum nx_status shifts(struct nx *n)
{
    struct rope out, in;
    big(&out);
    struct nx_info got = nx_csendrecv(n, 1, &out, (nx_mynode(n) + 1) % 3, 1, 2000, &in);
    rope_fini(&out);
    rope_fini(&in);
    return got.status;
}

static enum nx_status sends_first(struct nx *n)
{
    struct rope out, in;
    big(&out);
    struct nx_op *op = nx_irecv(n, 1, 2000);
    enum nx_status status = nx_csend(n, 1, &out, (nx_mynode(n) + 2) % 3);
    struct nx_info got = nx_msgwait(op, &in);
    rope_fini(&out);
    rope_fini(&in);
    return status == NX_OK ? got.status : status;
}

static enum nx_status looks_first(struct nx *n)
{
    struct rope data;
    pattern(&data, 1, 10);
    nx_msgignore(nx_isend(n, 2, &data, (nx_mynode(n) + 1) % 3));
    rope_fini(&data);
    if (nx_cprobe(n, 2).status != NX_OK)
        return NX_PEER_DOWN;
    enum nx_status status = nx_crecv(n, 2, 10, &data).status;
    rope_fini(&data);
    return status;
}

static enum nx_status adds_up(struct nx *n)
{
    int64_t x[40] = { 1 };
    return nx_gisum(n, x, 40);
}

static enum nx_status tells_all(struct nx *n)
{
    struct rope data;
    rope_init(&data);
    if (nx_mynode(n) == 1)
        rope_add_pattern(&data, 1, 0, 2000);
    enum nx_status status = nx_bcast(n, &data, 1);
    rope_fini(&data);
    return status;
}

static enum nx_status collects(struct nx *n)
{
    struct rope mine, all;
    big(&mine);
    enum nx_status status = nx_gcol(n, &mine, &all);
    rope_fini(&mine);
    rope_fini(&all);
    return status;
}

typedef enum nx_status call_fn(struct nx *n);
static call_fn *the_call;
static uint32_t deaths_told;

static void calls_on(struct nx *n)
{
    enum nx_status status = NX_OK;
    for (int i = 0; i < 4 && status == NX_OK; i++)
        status = the_call(n);
    deaths_told += status == NX_PEER_DOWN;
}

/* NX7. */
Test(nx, every_call_ends_when_a_member_dies_and_however_soon_it_is_back, .timeout = 60)
{
    static call_fn *const calls[] = { shifts,  sends_first, looks_first, nx_gsync,
                                      adds_up, tells_all,   collects };
    for (size_t c = 0; c < ARRAY_LEN(calls); c++)
        for (uint64_t k = 0; k < 75; k++) {
            struct rig r;
            bool tcp = k >= 60;
            the_call = calls[c];
            deaths_told = 0;
            start(&r,
                  (struct fake_options){ .nodes = 3,
                                         .mtu = tcp ? 300 : 128,
                                         .seed = k,
                                         .order = k % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                         .lossy = k % 4 == 3,
                                         .unordered = k % 4 == 3,
                                         .drop_ppm = k % 4 == 3 ? 50000 : 0,
                                         .detect_delay = SIM_MS },
                  tcp ? OVER_TCP "nx nx <r grant=256B"
                      : "mesh driver queue=2; r rdm <mesh; nx nx <r grant=256B",
                  calls_on);
            fake_run(r.f, 3 * k + 1);
            fake_crash(r.f, 1);
            fake_run(r.f, k % 5 * 7 + 1);
            if (k % 3)
                fake_restart(r.f, 1);
            fake_run(r.f, 0);
            cr_assert_eq(fake_blocked(r.f), 0, "call %d, crash after step %d: one has no end",
                         (int)c, (int)(3 * k + 1));
            cr_assert(k > 2 || deaths_told > 0);
            rig_stop(&r);
        }
}

/* ---- ranks that move ---- */
#define MOVES 6
static uint32_t moved[2][3]; /* rank -> node, in turn the one and the other */
static struct rig *moving;

static void step_down(struct port *p, void *arg)
{
    nx_reset(t.nx[port_node(p)], *(const uint32_t *)arg);
}

static void take_place(struct port *p, void *arg)
{
    const uint32_t *nodes = arg;
    uint32_t rank = NX_NO_NODE;
    for (uint32_t r = 0; r < t.count; r++)
        rank = nodes[r] == port_node(p) ? r : rank;
    nx_place(t.nx[port_node(p)], nodes, rank);
    nx_resume(t.nx[port_node(p)]);
    t.program = NULL;
    cr_assert_eq(nx_mynode(t.nx[port_node(p)]), rank);
}

static void on_all(uint32_t nodes, void (*fn)(struct port *p, void *arg), void *arg)
{
    for (uint32_t i = 0; i < nodes; i++)
        fake_call(moving->f, i, fn, arg);
    fake_run(moving->f, 0);
}

/* Each sends to each what only it can have sent, in pieces, and a message that nobody receives. */
static void to_all(void *arg)
{
    struct nx *n = arg;
    uint32_t me = nx_mynode(n);
    for (uint32_t to = 0; to < t.count; to++)
        if (to != me) {
            send(n, 10 + me, 300 + 10 * me + to, to);
            send(n, 90, 120, to);
        }
    for (uint32_t from = 0; from < t.count; from++)
        if (from != me)
            expect(n, 10 + from, 10 + from, 300 + 10 * from + me, from);
    t.ended++;
}

static void enter_moved(struct port *p, void *arg)
{
    (void)arg;
    if (nx_mynode(t.nx[port_node(p)]) != NX_NO_NODE)
        port_thread_spawn(p, "program", to_all, t.nx[port_node(p)], 0);
}

/* `count` ranks on so many nodes go to and fro between two placements, with messages in each. */
static void move_ranks(uint32_t count, uint32_t nodes, uint64_t seed)
{
    struct rig r;
    moving = &r;
    memset(&t, 0, sizeof t);
    t.count = count;
    memcpy(t.nodes, moved[0], sizeof moved[0]);
    rig_start(&r,
              &(struct fake_options){ .nodes = nodes,
                                      .seed = seed,
                                      .order = seed == 1 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                      .mtu = 100,
                                      .flatten = seed % 2 },
              "mesh driver; r rdm <mesh; nx nx <r grant=512B", booted, NULL);
    for (uint32_t k = 0; k < MOVES; k++) {
        t.ended = 0;
        on_all(nodes, enter_moved, NULL);
        cr_assert_eq(t.ended, count, "placement %u: %u of %u have all messages", k, t.ended, count);
        on_all(nodes, step_down, &(uint32_t){ k + 1 });
        on_all(nodes, take_place, moved[(k + 1) % 2]);
    }
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(nx, a_rank_that_moves_is_found_where_it_is)
{
    static const uint32_t pairs[][2][3] = {
        { { 0, 1 }, { 0, 2 } },       /* one goes to a spare node and back */
        { { 0, 1 }, { 2, 1 } },       /* the other */
        { { 0, 1, 2 }, { 1, 2, 0 } }, /* all, round */
        { { 0, 1, 2 }, { 0, 2, 1 } }, /* two change places */
    };
    for (uint32_t k = 0; k < ARRAY_LEN(pairs); k++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            memcpy(moved, pairs[k], sizeof moved);
            move_ranks(k < 2 ? 2 : 3, 3, seed);
        }
}

/* PLACE1 */
Test(nx, an_old_placement_is_refused)
{
    struct rig r;
    start(&r, (struct fake_options){ .nodes = 1 }, GRAPH, NULL);
    static const uint32_t nodes[] = { 4, 5, 6 };
    struct os_node n = { .port = fake_port(r.f, 0), .places = { .count = 3, .nodes = nodes } };
    struct os_places one, two;
    os_places_copy(n.port, &one, &n.places);
    os_place(&one, 1, 9);
    os_places_copy(n.port, &two, &one);
    os_place(&two, 2, 5);
    cr_assert(!os_places_take(&n, &n.places));
    cr_assert(os_places_take(&n, &two));
    cr_assert(!os_places_take(&n, &one), "version %u after %u", one.version, n.places.version);
    cr_assert(!os_places_take(&n, &two));
    cr_assert_eq(os_places_rank(&n.places, 9), 1);
    cr_assert_eq(os_places_rank(&n.places, 5), 2);
    cr_assert_eq(os_places_rank(&n.places, 6), OS_NO_RANK);
    cr_assert_eq(nodes[1], 5, "the layout is what it was");
    rig_stop(&r);
}

/* Random bytes and damaged headers must neither crash nor be taken for messages. */
Test(nx, wrong_segments_are_dropped)
{
    struct rig r;
    start(&r, (struct fake_options){ .nodes = 2 }, GRAPH, NULL);
    uint64_t x = 7;
    uint32_t number = xk_find(r.k[0], "nx")->number, rdm = xk_find(r.k[0], "r")->number;
    for (uint32_t i = 0; i < 5000; i++) {
        uint8_t b[80] = { 0 };
        for (uint32_t j = 0; j < sizeof(b); j++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            b[j] = (uint8_t)(x >> 56) & (x >> 40 & 1 ? 0xff : 3);
        }
        uint32_t length = (uint32_t)((x >> 33) % 72);
        wire_put16(b, (uint16_t)rdm); /* a frame of the mesh driver for RDM, */
        b[8] = (uint8_t)number;       /* and a whole message of RDM's for nx */
        b[9] = 7;
        wire_put16(b + 10, 0);
        wire_put16(b + 2, 0);
        wire_put32(b + 4, length);
        fake_inject(r.f, 0, 1, b, 8 + length);
        fake_run(r.f, 0);
    }
    cr_assert_gt(fake_count(r.f, 1, "nx.dropped"), 1000);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* ---- what was in flight at a cut ---- */
#define IN_IMAGE 30 /* lengths, which tell the messages apart */

static void put_bytes(struct rope *out, uint64_t v, unsigned bytes)
{
    uint8_t wire[8];
    wire_put64(wire, v);
    rope_add_bytes(out, wire + sizeof wire - bytes, bytes);
}

static void put_message(struct rope *out, uint32_t rank, uint64_t length)
{
    struct rope data;
    put_bytes(out, rank, 4);
    put_bytes(out, 0, 1);
    put_bytes(out, 7, 8);
    put_bytes(out, length, 8);
    pattern(&data, 7, length);
    rope_join(out, &data);
}

/* An image with a message of the other that has come, and two to it that were not given to RDM. */
static void image(struct rope *out, uint32_t other)
{
    rope_init(out);
    put_bytes(out, 1, 4);
    put_bytes(out, 2, 4);
    put_bytes(out, 0, 8);
    put_bytes(out, 0, 1);
    put_bytes(out, 0, 8);
    put_bytes(out, 0, 8);
    put_bytes(out, 0, 4);
    put_message(out, other, IN_IMAGE);
    put_message(out, other, IN_IMAGE + 3);
    put_message(out, other, IN_IMAGE + 4);
}

/* As a log of a cut has it, of a former run. */
static void logged(struct rope *out, uint64_t type, uint64_t length, uint64_t claimed)
{
    struct nx_header h = { .run = 3, .source = 9, .type = type, .length = claimed };
    uint8_t wire[NX_HEADER];
    struct rope data;
    nx_header_store(wire, &h);
    rope_init(out);
    rope_add_bytes(out, wire, sizeof wire);
    pattern(&data, type, length);
    rope_join(out, &data);
}

static bool replays(struct nx *n, uint32_t other, bool again, uint64_t type, uint64_t length,
                    uint64_t claimed)
{
    struct rope message;
    logged(&message, type, length, claimed);
    bool good = again ? nx_resend(n, other, false, &message) : nx_replay(n, other, false, &message);
    rope_fini(&message);
    return good;
}

static void restore(struct port *p, void *arg)
{
    struct nx *n = t.nx[port_node(p)];
    uint32_t other = 1 - nx_mynode(n);
    struct rope in, none;
    (void)arg;
    nx_reset(n, 4);
    image(&in, other);
    cr_assert(nx_load(n, &in));
    rope_fini(&in);
    cr_assert(replays(n, other, false, 7, IN_IMAGE + 1, IN_IMAGE + 1));
    cr_assert(replays(n, other, true, 7, IN_IMAGE + 2, IN_IMAGE + 2));
    cr_assert(!replays(n, other, false, 7, 20, 21), "another length than it says");
    cr_assert(!replays(n, other, true, 7, 20, 19));
    cr_assert(!replays(n, 2, false, 7, 20, 20), "of no rank");
    cr_assert(!replays(n, other, false, (uint64_t)NX_TYPE_MAX + 1, 20, 20), "of no type");
    rope_init(&none);
    cr_assert(!nx_replay(n, other, false, &none));
}

static void resume(struct port *p, void *arg)
{
    (void)arg;
    nx_resume(t.nx[port_node(p)]);
}

static void takes_five(struct nx *n)
{
    uint32_t other = 1 - nx_mynode(n);
    for (uint64_t k = 0; k < 5; k++) /* NX1: of the other, in its order */
        expect(n, 7, 7, IN_IMAGE + k, other);
    cr_assert(!nx_iprobe(n, NX_ANY, NULL));
}

/* CKPT7 */
Test(nx, what_was_in_flight_comes_once_in_its_turn)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rig r;
        start(&r,
              (struct fake_options){
                  .nodes = 2, .seed = seed, .order = FAKE_RANDOM, .mtu = 64, .flatten = seed % 2 },
              seed % 3 ? "mesh driver; r rdm <mesh; nx nx <r grant=256B"
                       : "mesh driver; r rdm <mesh; nx nx <r offload=true",
              NULL);
        t.program = takes_five;
        for (uint32_t i = 0; i < 2; i++)
            fake_call(r.f, i, restore, NULL);
        for (uint32_t i = 0; i < 2; i++) {
            fake_call(r.f, i, resume, NULL);
            fake_call(r.f, i, spawn, NULL);
            fake_run(r.f, seed);
        }
        fake_run(r.f, 0);
        cr_assert_eq(t.ended, 2, "seed %d: %d have all", (int)seed, (int)t.ended);
        rig_stop(&r);
    }
    cr_assert_eq(rope_leaves_alive(), 0);
}
