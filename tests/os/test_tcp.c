/* test_tcp.c: TCP: what is delivered is what was pushed, whatever the path does to segments. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/proto/sock/sock.h"
#include "os/proto/tcp/tcp_internal.h"
#include "tests/os/tcp_rig.h"
#include "tests/sample.h"

#define PORT 80

static void start(struct rig *r, struct fake_options *o, const char *params)
{
    char graph[512];
    snprintf(graph, sizeof graph, TCP_RIG("%s"), params);
    tcp_rig_start(r, o, graph);
}

/* A stream from node 0 to node `to`: both sides push, `n` and `m` bytes, finish, and everything is
 * right. */
static void both_ways(struct rig *r, uint32_t to, uint64_t n, uint64_t m)
{
    enum xk_status why;
    struct streams *server = tcp_streams(r, to);
    server->accept_push = m;
    server->accept_seed = 9;
    server->accept_from = 8;
    server->close_at_end = true;
    cr_assert_eq(tcp_rig_listen(r, to, PORT), XK_OK);
    struct stream *x = tcp_rig_open(r, 0, to, 0, PORT, &why);
    cr_assert_not_null(x);
    x->seed = 8;
    x->from_seed = 9;
    x->to_push = n;
    x->finish = true;
    tcp_rig_push(r, 0, x, 1000);
    fake_run(r->f, 3000000);
    struct stream *y = &server->at[to == 0];
    cr_assert_eq(server->count, 1 + (to == 0));
    cr_assert_eq(y->got, n, "%d of %d bytes came", (int)y->got, (int)n);
    cr_assert_eq(x->got, m, "%d of %d bytes came back", (int)x->got, (int)m);
    cr_assert(y->ends == 1 && x->ends == 1);
    cr_assert(x->fails == 1 && x->why == XK_CLOSED);
    cr_assert(y->fails == 1 && y->why == XK_CLOSED);
    tcp_rig_close(r, 0, x);
    tcp_rig_close(r, to, y);
    fake_run(r->f, 0);
    for (uint32_t node = 0; node <= to; node++) {
        struct tcp_state_of *st = xk_find(r->k[node], "tcp")->state;
        cr_assert_eq(xk_map_count(&st->conns), 0, "a connection is left");
    }
}

Test(tcp, a_stream_both_ways_over_a_perfect_path)
{
    struct rig r;
    start(&r, &(struct fake_options){ 0 }, "");
    both_ways(&r, 1, 300000, 70001);
    cr_assert_eq(fake_count(r.f, 0, "tcp.sndrexmitpack"), 0);
    cr_assert_eq(fake_count(r.f, 1, "tcp.sndrexmitpack"), 0);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* Inverts a byte of one frame in a hundred, behind the driver's header, which nothing protects. */
static bool damage(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    uint64_t *state = arg;
    struct rope tail;
    uint8_t byte;
    (void)src;
    (void)dst;
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    if (*state >> 33 < UINT64_C(0x7fffffff) / 100) {
        uint64_t at = 8 + (*state >> 16) % (frame->length - 8);
        rope_split(frame, at, &tail);
        rope_read(&tail, 0, 1, &byte);
        byte = (uint8_t)~byte;
        rope_drop_front(&tail, 1);
        rope_add_bytes(frame, &byte, 1);
        rope_join(frame, &tail);
        rope_fini(&tail);
    }
    return true;
}

/* TCP1, TCP4, TCP5. */
Test(tcp, loss_copies_delay_and_damage_change_nothing, .timeout = 7200)
{
    static const char *const params[] = {
        TCP_QUICK,
        TCP_QUICK "congestion=tahoe stamps=false",
        TCP_QUICK "congestion=newreno",
        TCP_QUICK "sack=true",
        TCP_QUICK "sack=true mss=300B receive_buffer=262144B send_buffer=65536B",
        TCP_QUICK "mss=100B nagle=false",
        TCP_QUICK "isn=4294960000 window_scale=false",
        TCP_QUICK "receive_buffer=3000B send_buffer=5000B",
        TCP_QUICK "receive_buffer=262144B send_buffer=262144B",
    };
    uint64_t runs = sample("TCP_RUNS", 3), bad = 0;
    for (uint64_t seed = 1; seed <= runs; seed++)
        for (size_t i = 0; i < ARRAY_LEN(params); i++) {
            struct rig r;
            struct fake_options o = tcp_rig_lossy(seed, 50000, 30 * SIM_MS);
            uint64_t state = seed;
            start(&r, &o, params[i]);
            fake_on_frame(r.f, damage, &state);
            both_ways(&r, 1, 60000, 30000);
            bad += fake_count(r.f, 0, "tcp.rcvbadsum");
            rig_stop(&r);
            cr_assert_eq(rope_leaves_alive(), 0);
        }
    cr_assert_gt(bad, 0, "nothing was damaged");
}

/* Numbers of bytes come round after 2^32; scripts/soak-tcp goes all the way. */
Test(tcp, numbers_of_bytes_come_round, .timeout = 7200)
{
    struct rig r;
    start(&r, &(struct fake_options){ .mtu = 32000 },
          "isn=4290000000 receive_buffer=1000000B send_buffer=1000000B");
    both_ways(&r, 1, sample("TCP_LONG", 20000000), 0);
    rig_stop(&r);
}

/* TCPI1, TCPI2: the layer below delivers before its push returns. */
Test(tcp, a_node_talks_to_itself)
{
    struct rig r;
    start(&r, &(struct fake_options){ .nodes = 1 }, TCP_QUICK);
    both_ways(&r, 0, 50000, 30000);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* ---- the congestion window ----
 *
 * A slower model of it: told what was acknowledged, doubled or not heard in time, it keeps the
 * numbers of bytes from the beginning of the stream. */

enum cong { TAHOE, RENO, NEWRENO };
struct model {
    enum cong kind;
    double mss, cwnd, ssthresh;
    uint64_t acked, sent, recover; /* bytes of the stream */
    uint32_t duplicates;
    bool recovering;
};

static void lost(struct model *m, uint64_t window)
{
    double least = m->cwnd < (double)window ? m->cwnd : (double)window;
    double half = (double)(uint64_t)(least / 2);
    m->ssthresh = half > 2 * m->mss ? half : 2 * m->mss;
    m->recover = m->sent;
}

static void model_timeout(struct model *m, uint64_t window)
{
    lost(m, window);
    m->cwnd = m->mss;
    m->recovering = false;
    m->duplicates = 0;
}

static void model_duplicate(struct model *m, uint64_t window)
{
    if (m->recovering) {
        m->cwnd += m->mss;
        return;
    }
    if (++m->duplicates != 3 || (m->kind == NEWRENO && m->acked <= m->recover && m->recover > 0))
        return;
    lost(m, window);
    m->recovering = m->kind != TAHOE;
    m->cwnd = m->recovering ? m->ssthresh + 3 * m->mss : m->mss;
}

static void model_acked(struct model *m, uint64_t n, double most)
{
    m->acked += n;
    m->duplicates = 0;
    if (m->recovering && m->kind == NEWRENO && m->acked < m->recover) {
        m->cwnd = (m->cwnd > (double)n ? m->cwnd - (double)n : 0) + m->mss;
    } else if (m->recovering) {
        m->recovering = false;
        m->cwnd = m->ssthresh;
    } else {
        double more =
            m->cwnd < m->ssthresh ? m->mss : (double)(uint64_t)(m->mss * m->mss / m->cwnd);
        m->cwnd = m->cwnd + more < most ? m->cwnd + more : most;
    }
}

static bool lose_data(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    uint64_t *state = arg;
    (void)dst;
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return src != 0 || frame->length < 500 || *state >> 33 >= UINT64_C(0x7fffffff) / 50;
}

/* How many losses it has found by duplicates. */
static uint64_t against_the_model(enum cong kind, uint64_t seed)
{
    static const char *const names[] = { "tahoe", "reno", "newreno" };
    struct rig r;
    struct tcp_view v;
    enum xk_status why;
    char params[200];
    uint64_t total = 400000, state = seed;
    snprintf(params, sizeof params,
             TCP_QUICK "congestion=%s stamps=false mss=1000B receive_buffer=32000B "
                       "send_buffer=500000B window_scale=false",
             names[kind]);
    start(&r, &(struct fake_options){ .lossy = true, .latency = SIM_MS }, params);
    fake_on_frame(r.f, lose_data, &state);
    cr_assert_eq(tcp_rig_listen(&r, 1, PORT), XK_OK);
    struct stream *x = tcp_rig_open(&r, 0, 1, 0, PORT, &why);
    struct tcp_counts had = *tcp_rig_counts(&r, 0);
    x->to_push = total;
    tcp_rig_push(&r, 0, x, total);
    while (x->ready == 0)
        cr_assert(fake_step(r.f));
    struct model m = { .kind = kind, .mss = 1000, .cwnd = 1000, .ssthresh = 65535 };
    had = *tcp_rig_counts(&r, 0);
    tcp_look(x->s, &v);
    while (m.acked < total) {
        uint64_t window = v.window;
        m.sent = total - v.unsent;
        cr_assert(fake_step(r.f));
        tcp_look(x->s, &v);
        const struct tcp_counts *c = tcp_rig_counts(&r, 0);
        if (c->rexmttimeo > had.rexmttimeo)
            model_timeout(&m, window);
        if (c->rcvdupack > had.rcvdupack)
            model_duplicate(&m, window);
        if (c->rcvackbyte > had.rcvackbyte)
            model_acked(&m, c->rcvackbyte - had.rcvackbyte, 65535);
        had = *c;
        cr_assert(v.cwnd == (uint64_t)m.cwnd && v.ssthresh == (uint64_t)m.ssthresh,
                  "%s, seed %d, at %d: cwnd %d and ssthresh %d, of the model %g and %g",
                  names[kind], (int)seed, (int)m.acked, (int)v.cwnd, (int)v.ssthresh, m.cwnd,
                  m.ssthresh);
    }
    rig_stop(&r);
    return had.fastrexmit;
}

Test(tcp, the_congestion_window_is_that_of_a_model, .timeout = 7200)
{
    uint64_t runs = sample("TCP_MODEL", 20), found = 0;
    for (uint64_t seed = 1; seed <= runs; seed++)
        for (int kind = TAHOE; kind <= NEWRENO; kind++)
            found += against_the_model((enum cong)kind, seed);
    cr_assert_gt(found, runs);
}

/* ---- ports ---- */

Test(tcp, an_address_in_use_and_no_port_free_have_their_statuses)
{
    struct rig r;
    enum xk_status why;
    start(&r, &(struct fake_options){ 0 }, "port_first=2000 port_last=2003");
    cr_assert_eq(tcp_rig_listen(&r, 0, 2001), XK_OK);
    cr_assert_eq(tcp_rig_listen(&r, 0, 2001), XK_IN_USE);
    cr_assert_eq(tcp_rig_listen(&r, 0, 0), XK_REFUSED);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_not_null(tcp_rig_open(&r, 0, 1, 0, PORT, &why), "%u", i);
    cr_assert_null(tcp_rig_open(&r, 0, 1, 0, PORT, &why));
    cr_assert_eq(why, XK_NO_PORT);
    cr_assert_not_null(tcp_rig_open(&r, 0, 1, 0, PORT + 1, &why), "another peer's");
    cr_assert_not_null(tcp_rig_open(&r, 0, 1, 3000, PORT, &why));
    cr_assert_null(tcp_rig_open(&r, 0, 1, 3000, PORT, &why));
    cr_assert_eq(why, XK_IN_USE);
    fake_run(r.f, 0);
    const struct streams *st = tcp_streams(&r, 0);
    cr_assert_eq(st->count, 5);
    for (uint32_t i = 0; i < st->count; i++)
        cr_assert(st->at[i].fails == 1 && st->at[i].why == XK_REFUSED);
    rig_stop(&r);
}

static uint16_t own_port(struct stream *x)
{
    struct tcp_view v;
    cr_assert_not_null(x);
    tcp_look(x->s, &v);
    return v.my_port;
}

/* Each of the range is given once, in an order of the seed, but for one where somebody listens. */
Test(tcp, ports_that_are_drawn_are_all_given_and_none_twice)
{
    uint16_t first[2];
    for (uint32_t run = 0; run < 3; run++) {
        bool given[8] = { false };
        uint32_t steps = 0;
        enum xk_status why;
        struct rig r;
        start(&r, &(struct fake_options){ .seed = 1 + run / 2 },
              "port_first=65528 port_last=65535 port_choice=drawn");
        cr_assert_eq(tcp_rig_listen(&r, 0, 65530), XK_OK);
        for (uint32_t i = 0, before = 0; i < 7; i++) {
            uint16_t own = own_port(tcp_rig_open(&r, 0, 1, 0, PORT, &why));
            cr_assert(own >= 65528 && own != 65530 && !given[own - 65528]);
            given[own - 65528] = true;
            steps += i > 0 && own == before + 1;
            if (i == 0 && run < 2)
                first[run] = own;
            before = own;
        }
        cr_assert_lt(steps, 5, "one after another");
        cr_assert_null(tcp_rig_open(&r, 0, 1, 0, PORT, &why));
        cr_assert_eq(why, XK_NO_PORT);
        fake_run(r.f, 0);
        rig_stop(&r);
    }
    cr_assert_eq(first[0], first[1], "of one seed");
}

/* RFC 6528: rises with the clock between two ends; says nothing of those between others. */
Test(tcp, first_numbers_are_of_the_clock_and_of_a_hash_of_the_ends)
{
    const uint64_t secret[2] = { 7, 8 }, other[2] = { 7, 9 };
    struct tcp_key a = { .mine = 1, .peer = 2, .my_port = 3, .peer_port = 4 }, b = a;
    uint32_t at = tcp_hashed_iss(secret, &a, SIM_SEC);
    cr_assert_eq(tcp_hashed_iss(secret, &a, 2 * SIM_SEC) - at, 250000);
    cr_assert_eq(tcp_hashed_iss(secret, &a, SIM_SEC + 3999 * SIM_NS) - at, 0);
    for (int i = 0; i < 4; i++) {
        b = a;
        b.mine += i == 0;
        b.peer += i == 1;
        b.my_port = (uint16_t)(b.my_port + (i == 2));
        b.peer_port = (uint16_t)(b.peer_port + (i == 3));
        uint32_t away = tcp_hashed_iss(secret, &b, SIM_SEC) - at;
        cr_assert(away > 1000000 && away < UINT32_MAX - 1000000, "%d: %u", i, away);
    }
    cr_assert_neq(tcp_hashed_iss(other, &a, SIM_SEC), at);
}

/* ---- memory ---- */

Test(tcp, an_idle_connection_takes_less_than_a_kibibyte)
{
    struct rig r;
    enum xk_status why;
    start(&r, &(struct fake_options){ 0 }, "");
    cr_assert_eq(tcp_rig_listen(&r, 1, PORT), XK_OK);
    cr_assert_not_null(tcp_rig_open(&r, 0, 1, 0, PORT, &why));
    fake_run(r.f, 0);
    uint64_t before[2] = { fake_heap_bytes(r.f, 0), fake_heap_bytes(r.f, 1) };
    for (uint32_t i = 0; i < STREAMS - 1; i++)
        cr_assert_not_null(tcp_rig_open(&r, 0, 1, 0, PORT, &why));
    fake_run(r.f, 0);
    cr_assert_eq(tcp_streams(&r, 1)->count, STREAMS);
    for (uint32_t node = 0; node < 2; node++) {
        uint64_t each = (fake_heap_bytes(r.f, node) - before[node]) / (STREAMS - 1);
        cr_assert_lt(each, 1024, "it takes %d bytes", (int)each);
    }
    rig_stop(&r);
}

/* ---- hostile input ---- */

/* Segments of random bits, most with a good sum, to a listener and to a connection: nothing is
 * given up that was not sent, and what is left works.  TCP5. */
Test(tcp, random_segments_do_no_harm, .timeout = 7200)
{
    uint64_t runs = sample("TCP_NOISE", 200), state = 1;
    for (uint64_t run = 0; run < runs; run++) {
        struct rig r;
        enum xk_status why;
        start(&r, &(struct fake_options){ .seed = run + 1 }, TCP_QUICK "isn=1000");
        cr_assert_eq(tcp_rig_listen(&r, 1, PORT), XK_OK);
        cr_assert_not_null(tcp_rig_open(&r, 0, 1, 2000, PORT, &why));
        for (uint32_t i = 0; i < 40; i++) {
            tcp_rig_noise(&r, 1, &state);
            fake_run(r.f, 3);
        }
        fake_run(r.f, 100000);
        rig_stop(&r);
        cr_assert_eq(rope_leaves_alive(), 0);
    }
}

/* Every other byte of a window: a hostile peer has 64 stretches kept, and no more memory. */
Test(tcp, many_holes_take_little_memory)
{
    struct rig r;
    start(&r, &(struct fake_options){ 0 }, "isn=1000");
    cr_assert_eq(tcp_rig_listen(&r, 1, PORT), XK_OK);
    enum xk_status why;
    struct stream *x = tcp_rig_open(&r, 0, 1, 2000, PORT, &why);
    fake_run(r.f, 0);
    cr_assert_not_null(x);
    tcp_rig_holes(&r, 1, 200);
    cr_assert_eq(fake_count(r.f, 1, "tcp.rcvoodrop"), 200 - TCP_EARLY_MOST);
    tcp_streams(&r, 1)->at[0].from_seed = x->seed = 8;
    x->to_push = 5000;
    tcp_rig_push(&r, 0, x, 1000);
    fake_run(r.f, 0);
    cr_assert_eq(tcp_streams(&r, 1)->at[0].got, 5000);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* ---- over IP, through the port ---- */

/* Ends of connections are nodes, over IP, ARP and an Ethernet. */
#define REAL                                                                                       \
    "eth eth; arp arp <eth retry=1ms tries=20 down=20ms; ip ip <arp; tcp tcp <ip %s; "             \
    "user streams <tcp"

Test(tcp, over_ip_streams_are_whole_whatever_is_lost, .timeout = 7200)
{
    static const char *const params[] = { TCP_QUICK,
                                          TCP_QUICK "sack=true congestion=newreno path_mtu=true" };
    uint64_t runs = sample("TCP_IP", 5);
    for (uint64_t i = 0; i < runs * ARRAY_LEN(params); i++) {
        struct rig r;
        struct fake_options o = { .seed = i + 1,
                                  .broadcast = true,
                                  .lossy = true,
                                  .unordered = true,
                                  .latency = SIM_MS,
                                  .drop_ppm = 20000,
                                  .duplicate_ppm = 20000,
                                  .delay_ppm = 20000,
                                  .delay_max = 20 * SIM_MS };
        char graph[512];
        snprintf(graph, sizeof graph, REAL, params[i % ARRAY_LEN(params)]);
        tcp_rig_start(&r, &o, graph);
        both_ways(&r, 1, 40000, 20000);
        rig_stop(&r);
        cr_assert_eq(rope_leaves_alive(), 0);
    }
}

/* A node that crashes and comes back knows nothing of its connections: who sends to it is reset, or
 * gives up while it is down.  What was given before is a front part (the stream compares). */
Test(tcp, a_peer_that_crashes_ends_its_connections, .timeout = 7200)
{
    uint64_t runs = sample("TCP_CRASHES", 40), resets = 0;
    for (uint64_t i = 0; i < runs; i++) {
        struct rig r;
        enum xk_status why;
        struct fake_options o = { .seed = i + 1, .broadcast = true, .latency = SIM_MS };
        char graph[512];
        snprintf(graph, sizeof graph, REAL, TCP_QUICK "tries=4 connect_time=300ms");
        tcp_rig_start(&r, &o, graph);
        cr_assert_eq(tcp_rig_listen(&r, 1, PORT), XK_OK);
        tcp_streams(&r, 1)->accept_from = 8;
        struct stream *x = tcp_rig_open(&r, 0, 1, 0, PORT, &why);
        x->seed = 8;
        x->to_push = 20000000;
        tcp_rig_push(&r, 0, x, 1000);
        fake_run(r.f, 1 + i % 400 * 7); /* before all is sent */
        fake_crash(r.f, 1);
        fake_run(r.f, 1 + i % 5 * 10);
        if (i % 8)
            fake_restart(r.f, 1);
        fake_run(r.f, 0);
        cr_assert_eq(x->fails, 1, "run %d", (int)i);
        cr_assert(x->why == XK_RESET || x->why == XK_UNREACHABLE || x->why == XK_REFUSED, "%s",
                  xk_status_name(x->why));
        resets += x->why == XK_RESET;
        rig_stop(&r);
        cr_assert_eq(rope_leaves_alive(), 0);
    }
    cr_assert(sample_saw(resets, 0));
}

/* ---- SOCK: calls that block ---- */

#define SOCK_GRAPH                                                                                 \
    "eth eth; arp arp <eth retry=1ms; ip ip <arp; tcp tcp <ip " TCP_QUICK "; sock sock <tcp "      \
    "piece=700B"

struct talk {
    struct rig *r;
    uint64_t got[2]; /* bytes that each side received, all right */
    bool done[2], wrong;
    enum xk_status refused;
};

/* Receives `n` bytes of the pattern and then the end. */
static void receive_all(struct talk *x, uint32_t side, struct sock *s, uint64_t seed)
{
    for (;;) {
        struct rope data, want;
        enum xk_status why = sock_recv(s, 333, &data);
        rope_init(&want);
        rope_add_pattern(&want, seed, x->got[side], data.length);
        x->wrong |= why != XK_OK || data.length > 333 || !rope_equal(&data, &want);
        x->got[side] += data.length;
        bool end = data.length == 0;
        rope_fini(&want);
        rope_fini(&data);
        if (end)
            return;
    }
}

static void send_some(struct talk *x, struct sock *s, uint64_t seed, uint64_t n)
{
    struct rope data;
    rope_init(&data);
    rope_add_pattern(&data, seed, 0, n);
    x->wrong |= sock_send(s, &data) != XK_OK;
    sock_finish(s);
}

static void serve(void *arg)
{
    struct talk *x = arg;
    struct xk_protl *sock = xk_find(x->r->k[1], "sock");
    x->wrong |= sock_listen(sock, PORT) != XK_OK || sock_listen(sock, PORT) != XK_IN_USE;
    struct sock *s = sock_accept(sock, PORT);
    receive_all(x, 1, s, 8);
    send_some(x, s, 9, 30000);
    sock_close(s);
    x->done[1] = true;
}

static void ask(void *arg)
{
    struct talk *x = arg;
    struct xk_protl *sock = xk_find(x->r->k[0], "sock");
    struct xk_parts peer = xk_node(1), other = xk_node(1);
    enum xk_status why;
    xk_part_push(&peer, XK_PART_PORT, PORT);
    xk_part_push(&other, XK_PART_PORT, PORT + 1);
    if (!sock_connect(sock, other, &x->refused))
        x->done[0] = true;
    struct sock *s = sock_connect(sock, peer, &why);
    x->wrong |= !s || !x->done[0];
    if (!s)
        return;
    send_some(x, s, 8, 50000);
    receive_all(x, 0, s, 9);
    sock_close(s);
}

static void spawn(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "talk", port_node(p) ? serve : ask, arg, 0));
}

/* SOCK1, SOCK2. */
Test(tcp, programs_talk_by_calls_that_block)
{
    struct talk x = { .got = { 0 } };
    struct rig r;
    rig_protocol = rig_protocol_too = NULL;
    rig_start(&r, &(struct fake_options){ .broadcast = true }, SOCK_GRAPH, NULL, NULL);
    x.r = &r;
    fake_call(r.f, 1, spawn, &x);
    fake_run(r.f, 3);
    fake_call(r.f, 0, spawn, &x);
    fake_run(r.f, 0);
    cr_assert(!x.wrong && x.done[0] && x.done[1]);
    cr_assert_eq(x.refused, XK_REFUSED);
    cr_assert(x.got[1] == 50000 && x.got[0] == 30000);
    cr_assert_eq(fake_count(r.f, 0, "sock.sent"), 50000);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* An end that is broken off while one thread waits to send on it and another to receive. */
static struct {
    struct sock *s;
    enum xk_status send, recv, peer;
} off;

static void off_send(void *arg)
{
    struct rope data;
    (void)arg;
    rope_init(&data);
    rope_add_zero(&data, 10000000);
    off.send = sock_send(off.s, &data);
}

static void off_recv(void *arg)
{
    struct rope data;
    (void)arg;
    off.recv = sock_recv(off.s, 10, &data);
    rope_fini(&data);
}

static void off_call(void *arg)
{
    struct xk_kernel *k = arg;
    struct port *p = xk_port(xk_find(k, "sock"));
    struct xk_parts peer = xk_node(1);
    enum xk_status why;
    xk_part_push(&peer, XK_PART_PORT, PORT);
    off.s = sock_connect(xk_find(k, "sock"), peer, &why);
    cr_assert(off.s && port_thread_spawn(p, "send", off_send, NULL, 0) &&
              port_thread_spawn(p, "recv", off_recv, NULL, 0));
    port_thread_sleep(p, SIM_SEC);
    cr_assert(off.send == XK_STATUS_COUNT && off.recv == XK_STATUS_COUNT);
    sock_abort(off.s);
    sock_abort(off.s); /* it is already */
    cr_assert_null(sock_sessn(off.s));
    port_thread_sleep(p, SIM_SEC);
    sock_close(off.s);
}

static void off_serve(void *arg)
{
    struct xk_protl *sock = xk_find(arg, "sock");
    cr_assert_eq(sock_listen(sock, PORT), XK_OK);
    struct sock *s = sock_accept(sock, PORT);
    port_thread_sleep(xk_port(sock), 3 * SIM_SEC);
    do {
        struct rope data;
        off.peer = sock_recv(s, 1000000, &data);
        if (data.length == 0)
            break;
        rope_fini(&data);
    } while (off.peer == XK_OK);
    sock_close(s);
}

static void off_spawn(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "off", port_node(p) ? off_serve : off_call, arg, 0));
}

/* SOCK2. */
Test(tcp, a_stream_that_is_broken_off_ends_who_waits_and_resets_the_peer)
{
    struct rig r;
    off.send = off.recv = XK_STATUS_COUNT;
    rig_protocol = rig_protocol_too = NULL;
    rig_start(&r, &(struct fake_options){ .broadcast = true }, SOCK_GRAPH, NULL, NULL);
    fake_call(r.f, 1, off_spawn, r.k[1]);
    fake_run(r.f, 3);
    fake_call(r.f, 0, off_spawn, r.k[0]);
    fake_run(r.f, 0);
    cr_assert(off.send == XK_RESET && off.recv == XK_RESET && off.peer == XK_RESET);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* ---- where it stands ---- */

static void refused(const char *graph, const char *says)
{
    struct err e = ERR_INIT;
    struct val *v = rig_val(graph);
    cr_assert_null(xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e));
    cr_assert_not_null(strstr(e.text, says), "%s", e.text);
    val_free(v);
}

#define TCP_STANDS "eth eth; arp arp <eth; ip ip <arp; "

Test(tcp, stands_on_what_has_addresses)
{
    rig_protocol = rig_protocol_too = NULL;
    refused("mesh driver; tcp tcp <mesh",
            "needs a path that speaks with hosts by address and type, as ip");
    refused("mesh driver; sock sock <mesh",
            "sock stands right on tcp and udp, and 'mesh' is neither");
    refused("mesh driver; record record <mesh", "record stands right on tcp, and 'mesh' is not");
    refused(TCP_STANDS "lib tcp <ip guest=true; sock sock <lib",
            "'lib' is a guest: it stands behind the tcp that lends it connections, and in the "
            "domain of sock");
    refused(TCP_STANDS "udp udp <ip; ulib udp <ip guest=true; sock sock <ulib <udp",
            "'ulib' is a guest: it stands behind the udp that lends it ports, and in the domain of "
            "sock");
    refused(TCP_STANDS "udp udp <ip; ulib udp <ip guest=true domain=app; sock sock <udp <ulib",
            "'ulib' is a guest");
    refused(TCP_STANDS "a udp <ip; b udp <ip; sock sock <a <b", "'b' is the second of udp");
}
