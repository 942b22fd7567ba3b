/* three_ports.h: one program of two ranks over TCP, UDP and IP, for the simulator, the fake port
 * and the live one: on each, its ranks receive the same, and so do its protocols count what does
 * not depend on time.
 *
 * What is expected is said without a network: three_expect walks through the steps on patterns.
 */
#ifndef TESTS_THREE_PORTS_H
#define TESTS_THREE_PORTS_H

#include <criterion/criterion.h>
#include <string.h>

#include "os/node.h"
#include "os/proto/sock/fd.h"
#include "sim/base/val.h"

#define THREE_PORT 5001
#define THREE_MTU 1514      /* bytes of a frame */
#define THREE_FRAME "1514B" /* the same */
#define THREE_PIECE 1480u   /* of a datagram, in each of its fragments */

/* Bytes that rank 0 sends in a step, by a stream and then by datagrams; rank 1 answers each. */
static const uint64_t three_streams[] = { 1, 1460, 1461, 4096, 100000, 3, 65536, 250001 };
static const uint64_t three_datagrams[] = { 1, 1472, 1473, 5000, 20000 };

struct three_got { /* by a rank */
    uint64_t digest, bytes, pieces;
    uint64_t wrong; /* the step where it went wrong, from 1; 0: nowhere */
};

/* What must be the same, summed over both nodes. */
struct three_counter {
    const char *name;
    uint64_t value;
};
#define THREE_COUNTERS 15

static uint64_t three_answer(uint64_t length)
{
    return length / 2 + 1;
}

static void three_take(struct three_got *g, const struct rope *data)
{
    g->digest = (g->digest ^ rope_hash(data)) * UINT64_C(0x9e3779b97f4a7c15) + data->length;
    g->bytes += data->length;
    g->pieces++;
}

/* ---- without a network ---- */

static void three_expect_piece(struct three_got *g, uint64_t seed, uint64_t length)
{
    struct rope r;
    rope_init(&r);
    rope_add_pattern(&r, seed, 0, length);
    three_take(g, &r);
    rope_fini(&r);
}

static void three_expect(struct three_got got[2], struct three_counter c[THREE_COUNTERS])
{
    uint64_t bytes = 0, cut = 0, fragments = 0, n = ARRAY_LEN(three_datagrams);
    memset(got, 0, 2 * sizeof *got);
    for (uint64_t i = 0; i < ARRAY_LEN(three_streams); i++) {
        three_expect_piece(&got[1], i, three_streams[i]);
        three_expect_piece(&got[0], 100 + i, three_answer(three_streams[i]));
        bytes += three_streams[i] + three_answer(three_streams[i]);
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t pieces = (three_datagrams[i] + 8 + THREE_PIECE - 1) / THREE_PIECE;
        three_expect_piece(&got[1], 200 + i, three_datagrams[i]);
        three_expect_piece(&got[0], 200 + i, three_datagrams[i]); /* it is sent back */
        cut += pieces > 1 ? 2 : 0;
        fragments += pieces > 1 ? 2 * pieces : 0;
    }
    const struct three_counter all[THREE_COUNTERS] = {
        { "sock.sent", bytes },
        { "sock.received", bytes },
        { "sock.connected", 1 },
        { "sock.accepted", 1 },
        { "sock.datagrams_sent", 2 * n },
        { "sock.datagrams_received", 2 * n },
        { "tcp.connects", 2 },
        { "tcp.accepts", 1 },
        { "tcp.drops", 0 },
        { "tcp.sndbyte", bytes },
        { "tcp.rcvbyte", bytes },
        { "udp.delivered", 2 * n },
        { "ip.fragmented", cut },
        { "ip.fragments_out", fragments },
        { "ip.reassembled", cut },
    };
    memcpy(c, all, sizeof all);
}

/* ---- the program ---- */

static bool three_send(struct sock *s, uint64_t seed, uint64_t length)
{
    struct rope r;
    rope_init(&r);
    rope_add_pattern(&r, seed, 0, length);
    return sock_send(s, &r) == XK_OK;
}

/* So many bytes, in however many pieces they come; 0: the end. */
static bool three_receive(struct three_got *g, struct sock *s, uint64_t length)
{
    struct rope all;
    bool good = true;
    rope_init(&all);
    do {
        struct rope r;
        uint64_t left = length - all.length;
        good = sock_recv(s, left > 0 ? left : 1, &r) == XK_OK && (r.length > 0) == (left > 0);
        rope_join(&all, &r);
    } while (good && all.length < length);
    if (length > 0)
        three_take(g, &all);
    rope_fini(&all);
    return good;
}

static void three_ask(struct os_node *n, struct three_got *g, struct sock_fds *fds, int fd)
{
    struct xk_protl *over = xk_find(n->xk, "sock");
    struct xk_parts peer = xk_node(n->places.nodes[1]);
    enum xk_status why = XK_REFUSED;
    struct sock *s = NULL;
    xk_part_push(&peer, XK_PART_PORT, THREE_PORT);
    for (int i = 0; !s && why == XK_REFUSED && i < 100; i++) { /* until it listens */
        s = sock_connect(over, peer, &why);
        if (!s)
            port_thread_sleep(n->port, 10 * SIM_MS);
    }
    for (uint64_t i = 0; i < ARRAY_LEN(three_streams) && !g->wrong; i++)
        if (!s || !three_send(s, i, three_streams[i]) ||
            !three_receive(g, s, three_answer(three_streams[i])))
            g->wrong = 1 + i;
    for (uint64_t i = 0; i < ARRAY_LEN(three_datagrams) && !g->wrong; i++) {
        struct rope r;
        rope_init(&r);
        rope_add_pattern(&r, 200 + i, 0, three_datagrams[i]);
        bool good = fd_sendto(fds, fd, &r, peer) == SOCK_OK;
        rope_fini(&r);
        if (!good || fd_recv(fds, fd, 65507, &r, NULL) != SOCK_OK)
            g->wrong = 101 + i;
        three_take(g, &r);
        rope_fini(&r);
    }
    if (s) {
        sock_finish(s);
        g->wrong = g->wrong ? g->wrong : three_receive(g, s, 0) ? 0 : 201;
        sock_close(s);
    }
}

static void three_serve(struct os_node *n, struct three_got *g, struct sock_fds *fds, int fd)
{
    struct xk_protl *over = xk_find(n->xk, "sock");
    if (fd_bind(fds, fd, THREE_PORT) != SOCK_OK || sock_listen(over, THREE_PORT) != XK_OK) {
        g->wrong = 301;
        return;
    }
    struct sock *s = sock_accept(over, THREE_PORT);
    for (uint64_t i = 0; i < ARRAY_LEN(three_streams) && !g->wrong; i++)
        if (!three_receive(g, s, three_streams[i]) ||
            !three_send(s, 100 + i, three_answer(three_streams[i])))
            g->wrong = 1 + i;
    for (uint64_t i = 0; i < ARRAY_LEN(three_datagrams) && !g->wrong; i++) {
        struct sock_name from;
        struct xk_parts to = { .count = 0 };
        struct rope r;
        if (fd_recv(fds, fd, 65507, &r, &from) != SOCK_OK)
            g->wrong = 101 + i;
        three_take(g, &r);
        xk_part_push(&to, XK_PART_ADDRESS, from.address);
        xk_part_push(&to, XK_PART_PORT, from.port);
        if (fd_sendto(fds, fd, &r, to) != SOCK_OK)
            g->wrong = 101 + i;
        rope_fini(&r);
    }
    g->wrong = g->wrong ? g->wrong : three_receive(g, s, 0) ? 0 : 201;
    sock_finish(s);
    sock_close(s);
}

/* os_boot.main: its parameters are struct three_got of each rank. */
static void three_main(struct os_node *n, const struct program *me)
{
    struct three_got *g = (struct three_got *)(uintptr_t)me->params + me->rank;
    struct sock_fds *fds = sock_fds_new(xk_find(n->xk, "sock"));
    int fd;
    if (fd_socket(fds, SOCK_DGRAM, &fd) != SOCK_OK)
        g->wrong = 302;
    else if (me->rank == 0)
        three_ask(n, g, fds, fd);
    else
        three_serve(n, g, fds, fd);
    sock_fds_exit(fds);
}

/* ---- the graph ---- */

static struct val *three_graph(void)
{
    static const char *const rows[][4] = { { "eth" },       { "arp", "eth" },
                                           { "ip", "arp" }, { "udp", "ip" },
                                           { "tcp", "ip" }, { "sock", "tcp", "udp" } };
    struct val *graph = val_new(VAL_LIST, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct val *v = val_new(VAL_TABLE, NULL, 0), *below = val_new(VAL_LIST, NULL, 0);
        val_put(v, "name", val_new_string(rows[i][0], NULL, 0));
        val_put(v, "protocol", val_new_string(rows[i][0], NULL, 0));
        for (size_t k = 1; rows[i][k]; k++)
            val_append(below, val_new_string(rows[i][k], NULL, 0));
        val_put(v, "below", below);
        if (strcmp(rows[i][0], "tcp") == 0) /* a run soon ends */
            val_put(v, "msl", val_new_string("1ms", NULL, 0));
        val_append(graph, v);
    }
    return graph;
}

static void three_check(const struct three_got got[2], const uint64_t counted[THREE_COUNTERS])
{
    struct three_got want[2];
    struct three_counter c[THREE_COUNTERS];
    three_expect(want, c);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(got[i].wrong, 0, "rank %d: step %lu", i, got[i].wrong);
        cr_expect(got[i].pieces == want[i].pieces && got[i].bytes == want[i].bytes, "rank %d", i);
        cr_expect_eq(got[i].digest, want[i].digest, "rank %d", i);
    }
    for (int i = 0; i < THREE_COUNTERS; i++)
        cr_expect_eq(counted[i], c[i].value, "%s: %lu, expected %lu", c[i].name, counted[i],
                     c[i].value);
}

#endif
