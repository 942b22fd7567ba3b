/* test_tcp_lend.c: a connection goes from one TCP of a node to another and back at any event, and
 * nobody notices. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "os/proto/tcp/tcp_internal.h"
#include "os/xk/domain.h"
#include "tests/os/tcp_rig.h"
#include "tests/sample.h"

#define PORT 80

#define COUNTERS 128
struct story { /* of a run: each counter of both instances together, and what was on the wire */
    uint64_t counts[2][COUNTERS], wire, frames, moves, state;
    struct rig *r;
};

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

static bool watch(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct story *x = arg;
    x->wire = (x->wire ^ rope_hash(frame) ^ (uint64_t)fake_now(x->r->f) ^ src ^ dst << 8) *
              UINT64_C(0x9e3779b97f4a7c15);
    x->frames++;
    return true;
}

static bool about_lending(const char *name)
{
    return strcmp(name, "exported") == 0 || strcmp(name, "imported") == 0 ||
           strcmp(name, "lost") == 0;
}

static void start(struct rig *r, const char *params, uint64_t seed, bool tight)
{
    /* all are delayed: no two things happen at once */
    struct fake_options o = tcp_rig_lossy(seed, 1000000, 5 * SIM_MS);
    char graph[1024];
    snprintf(graph, sizeof graph, TCP_RIG_TWO("%s"), tight ? 1 : 64, params, params);
    o.tx_queue = tight;
    tcp_rig_start(r, &o, graph);
}

/* Streams of both ways; `every` so many events what has a connection moves it, 0: nobody does. */
static void run(struct story *x, const char *params, uint64_t seed, uint32_t every, bool tight)
{
    struct rig r;
    enum xk_status why;
    *x = (struct story){ .r = &r };
    start(&r, params, seed, tight);
    fake_on_frame(r.f, watch, x);
    struct streams *server = tcp_streams(&r, 1);
    server->accept_push = 20000;
    server->accept_seed = 9;
    server->accept_from = 8;
    server->close_at_end = true;
    cr_assert_eq(tcp_rig_listen(&r, 1, PORT), XK_OK);
    struct stream *a = tcp_rig_open(&r, 0, 1, 0, PORT, &why), *b = &server->at[0];
    a->seed = 8;
    a->from_seed = 9;
    a->to_push = 40000;
    a->finish = true;
    tcp_rig_push(&r, 0, a, 1000);
    for (uint32_t step = 1; fake_step(r.f); step++) {
        if (every == 0 || step % every != 0)
            continue;
        x->moves += tcp_rig_move(&r, 0, a);
        x->moves += b->s && tcp_rig_move(&r, 1, b);
    }
    cr_assert(a->got == 20000 && b->got == 40000 && a->ends == 1 && b->ends == 1);
    cr_assert(a->fails == 1 && a->why == XK_CLOSED && b->fails == 1 && b->why == XK_CLOSED);
    tcp_rig_close(&r, 0, a);
    tcp_rig_close(&r, 1, b);
    fake_run(r.f, 0);
    for (uint32_t node = 0; node < 2; node++) {
        uint32_t i = 0;
        for (const struct counter *c = tcp_protl.kind.counters; c->name; c++, i++) {
            char tcp[64], lib[64];
            cr_assert_lt(i, COUNTERS);
            snprintf(tcp, sizeof tcp, "tcp.%s", c->name);
            snprintf(lib, sizeof lib, "lib.%s", c->name);
            if (!about_lending(c->name))
                x->counts[node][i] = fake_count(r.f, node, tcp) + fake_count(r.f, node, lib);
        }
        for (uint32_t k = 0; k < 2; k++) {
            struct tcp_state_of *st = xk_find(r.k[node], k ? "lib" : "tcp")->state;
            cr_assert_eq(xk_map_count(&st->conns), 0, "a connection is left");
        }
    }
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* All that the peer and the counters see is the same. */
Test(tcp_lend, at_any_event_it_changes_nothing)
{
    static const char *const params[] = {
        TCP_QUICK,
        TCP_QUICK "congestion=newreno stamps=false",
        TCP_QUICK "sack=true mss=300B receive_buffer=262144B send_buffer=65536B",
        TCP_QUICK "receive_buffer=3000B send_buffer=5000B keepalive=true keep_idle=50ms",
        TCP_QUICK "isn=4294960000 window_scale=false nagle=false",
    };
    static const uint32_t every[] = { 1, 2, 7 };
    uint64_t runs = sample("TCP_LENDS", 20), moves = 0;
    for (uint64_t seed = 1; seed <= runs; seed++)
        for (size_t i = 0; i < ARRAY_LEN(params); i++) {
            struct story still, moved;
            run(&still, params[i], seed, 0, false);
            run(&moved, params[i], seed, every[(seed + i) % ARRAY_LEN(every)], false);
            moves += moved.moves;
            cr_assert(still.wire == moved.wire && still.frames == moved.frames,
                      "%s, seed %d: other frames", params[i], (int)seed);
            for (uint32_t node = 0; node < 2; node++)
                for (uint32_t k = 0; k < COUNTERS; k++)
                    cr_assert_eq(still.counts[node][k], moved.counts[node][k],
                                 "%s, seed %d, node %d: %s: %d and %d", params[i], (int)seed,
                                 (int)node, tcp_protl.kind.counters[k].name,
                                 (int)still.counts[node][k], (int)moved.counts[node][k]);
        }
    cr_assert_gt(moves, 100 * runs);
}

/* What is below one is full, and below the other, too: it goes on when there is room. */
Test(tcp_lend, while_it_waits_for_room_below)
{
    uint64_t runs = sample("TCP_LENDS", 20);
    for (uint64_t seed = 1; seed <= runs; seed++) {
        struct story x;
        run(&x, TCP_QUICK "mss=500B", seed, 1 + (uint32_t)seed % 5, true);
        cr_assert_gt(x.moves, 20);
    }
}

/* ---- what is refused ---- */

static struct stream *connected(struct rig *r)
{
    enum xk_status why;
    start(r, TCP_QUICK, 1, false);
    fake_set_faults(r->f, 0, 0);
    cr_assert_eq(tcp_rig_listen(r, 1, PORT), XK_OK);
    struct stream *x = tcp_rig_open(r, 0, 1, 2000, PORT, &why);
    cr_assert_not(tcp_rig_move(r, 0, x), "before it stands");
    fake_run(r->f, 0);
    return x;
}

struct asked {
    struct rig *r;
    struct xk_sessn *s;
};

static void ask(struct port *p, void *arg)
{
    const struct asked *a = arg;
    struct xk_protl *user = xk_find(a->r->k[0], "user"), *lib = user->down[1];
    struct xk_parts local = xk_any(), peer = xk_any();
    struct xk_control c = { .op = XK_TCP_FINISH }, port = { .op = XK_GET_MY_PORT };
    struct xk_msg m;
    enum xk_status why;
    (void)p;
    xk_msg_init(&m);
    rope_add_zero(&m.data, 5);
    cr_assert_eq(xk_push(a->s, &m), XK_CLOSED); /* TCP7 */
    cr_assert_eq(xk_sessn_control(a->s, &c), XK_REFUSED);
    c = (struct xk_control){ .op = XK_TCP_IMPORT, .msg = &m };
    cr_assert_eq(xk_sessn_control(a->s, &c), XK_REFUSED); /* it is no block */
    cr_assert_eq(xk_msg_length(&m), 5);
    c = (struct xk_control){ .op = XK_TCP_EXPORT, .msg = &m };
    cr_assert_eq(xk_sessn_control(a->s, &c), XK_REFUSED);
    xk_msg_fini(&m);
    cr_assert(xk_sessn_control(a->s, &port) == XK_OK && port.u64 == 2000);
    xk_part_push(&local, XK_PART_PORT, 90);
    cr_assert_eq(xk_open_enable(lib, user, local), XK_REFUSED); /* a guest has no ports */
    xk_part_push(&peer, XK_PART_ADDRESS, TIP_BASE + 1);
    xk_part_push(&peer, XK_PART_PORT, 90);
    cr_assert_null(xk_open(lib, user, peer, &why));
    cr_assert_eq(why, XK_REFUSED);
    c = (struct xk_control){ .op = XK_TCP_GET_USERS, .u64 = 2000 };
    cr_assert(xk_protl_control(user->down[0], &c) == XK_OK && c.u64 == 1); /* it is taken */
}

static void lend_and_lose(struct rig *r, struct stream *x)
{
    struct xk_sessn *lib = x->s;
    x->s = x->lent; /* the borrower is gone with the block */
    x->lent = lib;
    tcp_rig_close(r, 0, x);
}

Test(tcp_lend, a_lent_session_has_its_ends_and_nothing_else)
{
    struct rig r;
    struct stream *x = connected(&r);
    cr_assert(tcp_rig_move(&r, 0, x));
    fake_call(r.f, 0, ask, &(struct asked){ &r, x->lent });
    struct stream *y = &tcp_streams(&r, 1)->at[0];
    y->seed = x->from_seed = 9;
    y->to_push = 3000;
    tcp_rig_push(&r, 1, y, 1000);
    fake_run(r.f, 0);
    cr_assert_eq(x->got, 3000);
    lend_and_lose(&r, x);
    y->to_push += 10;
    tcp_rig_push(&r, 1, y, 1000); /* nobody has it: a reset */
    fake_run(r.f, 0);
    cr_assert(y->fails == 1 && y->why == XK_RESET);
    cr_assert_eq(fake_count(r.f, 0, "tcp.lost"), 1);
    cr_assert_eq(fake_count(r.f, 0, "lib.lost"), 0);
    tcp_rig_close(&r, 1, y);
    enum xk_status why;
    cr_assert_not_null(tcp_rig_open(&r, 0, 1, 2000, PORT, &why)); /* the port is free */
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* ---- between domains ---- */

/* The user is alone in a domain, on another processor if `cpu` names one. */
static struct stream *apart(struct rig *r, const char *cpu)
{
    struct err e = ERR_INIT;
    enum xk_status why;
    tcp_rig_protocols();
    struct xk_graph *g = rig_graph("mesh driver; ip tip <mesh; tcp tcp <ip domain=server " TCP_QUICK
                                   "; lib tcp <ip domain=server guest=true " TCP_QUICK
                                   "; user streams <tcp <lib domain=app");
    struct val *domains = val_new(VAL_TABLE, "test", 1), *row = val_new(VAL_TABLE, "test", 1);
    if (cpu)
        val_put(row, "cpu", val_new_string(cpu, "test", 1));
    val_put(domains, "app", row);
    cr_assert(xk_graph_domains(g, domains, "domains", &e), "%s", e.text);
    val_free(domains);
    rig_boot_all(r, fake_create(&(struct fake_options){ .latency = SIM_MS }), g, 2, NULL, NULL);
    cr_assert_eq(tcp_rig_listen(r, 1, PORT), XK_OK);
    tcp_streams(r, 1)->accept_from = 8;
    struct stream *x = tcp_rig_open(r, 0, 1, 2000, PORT, &why);
    x->seed = 8;
    fake_run(r->f, 0);
    cr_assert(x->ready > 0);
    return x;
}

static uint64_t crossings(struct rig *r)
{
    return fake_work(r->f, 0, PORT_WORK_CROSS);
}

/* DOM5. */
Test(tcp_lend, a_block_crosses_as_a_message_does)
{
    struct rig r;
    struct stream *x = apart(&r, NULL);
    uint64_t before = crossings(&r);
    cr_assert(tcp_rig_move(&r, 0, x));
    cr_assert_eq(crossings(&r) - before, 4); /* up, two openings, down */
    cr_assert(tcp_rig_move(&r, 0, x));
    cr_assert_eq(crossings(&r) - before, 6);
    x->to_push = 3000;
    tcp_rig_push(&r, 0, x, 1000);
    fake_run(r.f, 0);
    cr_assert_eq(tcp_streams(&r, 1)->at[0].got, 3000);
    rig_stop(&r);
}

/* DOM5: bytes that are on their way to the other processor are not forgotten. */
Test(tcp_lend, nothing_is_lent_of_which_messages_are_under_way)
{
    struct rig r;
    struct stream *x = apart(&r, "third");
    x->to_push = 3000;
    tcp_rig_push(&r, 0, x, 1000);
    cr_assert_not(tcp_rig_move(&r, 0, x));
    cr_assert_eq(x->why_not, XK_BUSY);
    fake_run(r.f, 0);
    cr_assert(tcp_rig_move(&r, 0, x));
    x->to_push = 6000;
    tcp_rig_push(&r, 0, x, 1000);
    fake_run(r.f, 0);
    cr_assert_eq(tcp_streams(&r, 1)->at[0].got, 6000);
    rig_stop(&r);
}

/* ---- forged blocks ---- */

struct forge {
    uint64_t state;
    bool cut;
};

static void forge(void *arg, struct rope *block)
{
    struct forge *x = arg;
    uint32_t n = 1 + draw(&x->state, 3);
    for (uint32_t i = 0; i < n; i++) {
        struct rope tail;
        uint64_t head = block->length < 280 ? block->length : 280;
        uint64_t at = draw(&x->state, (uint32_t)(draw(&x->state, 4) ? head : block->length));
        uint8_t byte = (uint8_t)draw(&x->state, 256);
        if (draw(&x->state, 20) == 0) {
            rope_truncate(block, at);
            return;
        }
        rope_split(block, at, &tail);
        rope_drop_front(&tail, 1);
        rope_add_bytes(block, &byte, 1);
        rope_join(block, &tail);
        rope_fini(&tail);
    }
}

/* TCPL1: whatever the block is, it is refused, or the connection does no harm. */
Test(tcp_lend, a_forged_block_is_refused_or_does_no_harm)
{
    uint64_t runs = sample("TCP_FORGED", 1000), taken = 0;
    struct forge x = { .state = 7 };
    for (uint64_t run = 0; run < runs; run++) {
        struct rig r;
        enum xk_status why;
        start(&r, TCP_QUICK "sack=true", run + 1, false);
        cr_assert_eq(tcp_rig_listen(&r, 1, PORT), XK_OK);
        tcp_streams(&r, 1)->accept_push = 20000;
        struct stream *a = tcp_rig_open(&r, 0, 1, 2000, PORT, &why);
        a->to_push = 20000;
        tcp_rig_push(&r, 0, a, 1000);
        fake_run(r.f, 20 + run % 60);
        if (tcp_rig_move(&r, 0, a)) {
            fake_run(r.f, run % 7);
            if (a->s && a->fails == 0 && tcp_rig_move_changed(&r, 0, a, forge, &x))
                taken++;
        }
        fake_run(r.f, 2000);
        tcp_rig_close(&r, 0, a);
        fake_run(r.f, 2000);
        rig_stop(&r);
        cr_assert_eq(rope_leaves_alive(), 0);
    }
    cr_assert(taken > 0 && taken < runs);
}
