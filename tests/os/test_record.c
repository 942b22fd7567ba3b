/* test_record.c: RECORD: what is delivered is a front part of what was sent, whatever the path, a
 * connection or a peer does.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "os/proto/record/record_internal.h"
#include "tests/os/rdm_cases.h"
#include "tests/os/tcp_rig.h"
#include "tests/sample.h"

/* Times of a network whose frames take 10 us. */
#define QUICK                                                                                      \
    "rto_first=5ms rto_min=2ms tick=1ms rto_max=20ms ack_delay=1ms persist_min=2ms "               \
    "persist_max=20ms connect_time=50ms msl=5ms tries=30 "
#define REST "ip tip <mesh; tcp tcp <ip " QUICK "send_buffer=1KiB receive_buffer=2KiB; " RECORD
#define RECORD "r record <tcp queue=2000B fragment=300B retry=1ms retry_max=8ms; probe probe <r"
#define GRAPH "mesh driver queue=64; " REST

static const struct record_counts *counts(struct rig *r, uint32_t node)
{
    return record_counts(xk_find(r->k[node], "r"));
}

/* ---- connections that break ---- */

static void break_now(struct port *p, void *arg)
{
    struct rig *r = arg;
    struct xk_protl *self = xk_find(r->k[port_node(p)], "r");
    struct record_conn *c = record_peer(self, 1 - port_node(p))->conn;
    struct xk_control abort = { .op = XK_TCP_ABORT };
    if (!c)
        return;
    struct xk_sessn *tcp = xk_dup(c->tcp);
    xk_sessn_control(tcp, &abort); /* the other is told; here nobody is, but by this */
    record_failed(self, tcp, XK_RESET);
    xk_close(tcp);
}

static void break_some(struct rig *r, uint64_t turn, void *arg)
{
    uint64_t breaks = *(uint64_t *)arg;
    if (breaks && turn % breaks == breaks - 1)
        fake_call(r->f, turn / breaks % 2, break_now, r);
}

/* RCD1, RCDO1, RCDO2, RCDI1, RCDI2, RCDC1: with connections that break in the middle, too. */
Test(record, loss_copies_delay_reordering_and_breaks_change_nothing, .timeout = 60)
{
    uint64_t resent = 0, yielded = 0, broken = 0, greeted = 0;
    uint64_t runs = sample("RECORD_RUNS", 300);
    for (uint64_t seed = 1; seed <= runs; seed++) {
        struct rig r;
        struct fake_options o = { .seed = seed,
                                  .order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                  .mtu = 120 + 40 * (uint32_t)(seed % 20),
                                  .lossy = true,
                                  .unordered = true,
                                  .drop_ppm = 20000 * (uint32_t)(seed % 4),
                                  .duplicate_ppm = 50000,
                                  .delay_ppm = seed % 2 ? 50000 : 0,
                                  .flatten = seed % 2 };
        uint64_t breaks = seed % 3 ? 3 + seed % 17 : 0;
        tcp_rig_start(&r, &o, GRAPH);
        numbered_both_ways(&r, 60, break_some, &breaks);
        for (uint32_t node = 0; node < 2; node++) {
            const struct record_counts *c = counts(&r, node);
            numbered_all_came(&r, node, 60);
            resent += c->resent;
            yielded += c->yielded;
            broken += c->broken;
            greeted += c->greeted;
            cr_assert_eq(c->sent, 60);
            cr_assert_eq(c->received, 60);
            cr_assert_eq(c->records, 60);
            cr_assert_eq(c->bad + c->dropped + c->nobody, 0, "seed %d", (int)seed);
        }
        cr_assert_eq(fake_pending(r.f), 0, "a timer runs for nothing");
        cr_assert(rig_alloc_quiet(&r), "what has come is kept");
        rig_stop(&r);
    }
    cr_assert_gt(resent, runs / 6);
    cr_assert_gt(yielded, runs / 30);
    cr_assert_gt(broken, runs / 6);
    cr_assert_gt(greeted, 2 * runs / 3);
}

/* Damage that TCP's sum does not see would not be noticed: it is not caused here. */
Test(record, over_ip_and_ethernet_it_is_the_same, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rig r;
        struct fake_options o = { .seed = seed,
                                  .mtu = 300 + 100 * (uint32_t)seed,
                                  .lossy = true,
                                  .unordered = true,
                                  .broadcast = true,
                                  .drop_ppm = 20000 * (uint32_t)(seed % 3) };
        tcp_rig_start(&r, &o,
                      "eth eth; hosts arp <eth retry=1ms tries=20 address=10.1.0.0/16; ip ip "
                      "<hosts; v vdrop <ip corrupt=0.02 duplicate=0.02; tcp tcp <v " QUICK
                      "; " RECORD);
        numbered_both_ways(&r, 40, NULL, NULL);
        for (uint32_t node = 0; node < 2; node++)
            numbered_all_came(&r, node, 40);
        rig_stop(&r);
    }
}

/* To itself there is no connection. */
Test(record, what_a_node_sends_to_itself_comes_in_order)
{
    struct rig r;
    tcp_rig_start(&r, &(struct fake_options){ 0 }, GRAPH);
    for (uint64_t i = 0; i < 40; i++) {
        while (!numbered_send(&r, 0, 0, i))
            fake_run(r.f, 1);
        fake_run(r.f, i % 3);
    }
    fake_run(r.f, 0);
    numbered_all_came(&r, 0, 40);
    cr_assert_eq(counts(&r, 0)->connects, 0);
    cr_assert_eq(fake_counts(r.f)->frames, 0);
    rig_stop(&r);
}

/* ---- every order ---- */

static void both_begin(struct rig *r)
{
    cr_assert(numbered_send(r, 0, 1, 1));
    cr_assert(numbered_send(r, 1, 0, 1));
}

static bool one_stands(struct rig *r)
{
    struct tcp_view v[2];
    for (uint32_t node = 0; node < 2; node++) {
        const struct probe *p = rig_probe(r, node);
        const struct record_conn *c = record_peer(xk_find(r->k[node], "r"), 1 - node)->conn;
        if (p->got != 1 || !numbered_is(&p->log[0], 1) || !c || !c->greeted)
            return false;
        tcp_look(c->tcp, &v[node]);
    }
    return v[0].my_port == v[1].peer_port && v[0].peer_port == v[1].my_port && rig_alloc_quiet(r);
}

/* RCD3, RCD5. */
Test(record, of_two_connections_at_once_one_stands_in_every_order, .timeout = 60)
{
    tcp_rig_protocols();
    for (uint32_t i = 0; i < 4; i++) { /* with a segment lost, doubled, or both */
        const struct fake_options o = { .mtu = 400,
                                        .unordered = true,
                                        .lossy = true,
                                        .explore_drops = i % 2,
                                        .explore_copies = i / 2 };
        rig_explore(&o, GRAPH, both_begin, one_stands);
    }
}

/* Node 0, the lower, asks for a connection again and again and is not heard. */
static bool lose_its_syn(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    uint8_t flags = 0;
    (void)arg, (void)dst;
    if (frame->length > TIP_DRIVER + TIP_HEADER + 13)
        rope_read(frame, TIP_DRIVER + TIP_HEADER + 13, 1, &flags);
    return src != 0 || (flags & 0x12) != 0x02; /* SYN, no ACK */
}

/* RCD3: one that is not connected does not stand in the way of the other's. */
Test(record, who_cannot_connect_is_connected_to)
{
    struct rig r;
    tcp_rig_start(&r, &(struct fake_options){ .lossy = true }, GRAPH);
    fake_on_frame(r.f, lose_its_syn, NULL);
    cr_assert(numbered_send(&r, 0, 1, 1));
    fake_run_until(r.f, 12 * SIM_MS);
    cr_assert_eq(counts(&r, 0)->greeted, 0);
    cr_assert(numbered_send(&r, 1, 0, 1));
    fake_run(r.f, 0);
    cr_assert(one_stands(&r));
    cr_assert_eq(counts(&r, 0)->yielded, 1);
    cr_assert_eq(counts(&r, 1)->connects, 1);
    rig_stop(&r);
}

/* ---- one connection, used again ---- */

Test(record, one_connection_serves_until_the_end)
{
    struct rig r;
    tcp_rig_start(&r, &(struct fake_options){ 0 }, GRAPH);
    cr_assert_eq(counts(&r, 0)->connects, 0);
    for (uint64_t i = 0; i < 30; i++) {
        cr_assert(numbered_send(&r, i % 2, 1 - i % 2, i / 2));
        fake_run(r.f, 0);
    }
    numbered_all_came(&r, 0, 15);
    numbered_all_came(&r, 1, 15);
    cr_assert_eq(counts(&r, 0)->connects + counts(&r, 1)->connects, 1);
    cr_assert_eq(counts(&r, 0)->greeted + counts(&r, 1)->greeted, 2);
    cr_assert_eq(tcp_counts(xk_find(r.k[0], "tcp"))->connects, 1);
    cr_assert_eq(xk_find(r.k[0], "r")->gives,
                 XK_NETWORK | XK_LONG | XK_LIVES | XK_TAKES | XK_PIECES);
    rig_stop(&r);
}

/* RCD7. */
Test(record, a_message_is_taken_whole_and_the_next_when_half_of_it_has_gone)
{
    struct rig r;
    tcp_rig_start(&r, &(struct fake_options){ 0 }, GRAPH);
    struct xk_sessn *s = rig_open(&r, 0, 1);
    cr_assert_eq(rig_push(&r, 0, s, 1, 50000), XK_OK);
    cr_assert_eq(rig_push(&r, 0, s, 2, 10), XK_BUSY); /* nothing goes before the greeting */
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 0)->ready, 1);
    cr_assert_eq(rig_push(&r, 0, s, 2, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 2);
    cr_assert_eq(rig_probe(&r, 1)->log[0].hash, rig_pattern_hash(1, 50000));
    cr_assert_geq(counts(&r, 0)->fragments, 50000 / 308);
    cr_assert_eq(rig_push(&r, 0, s, 3, (UINT64_C(64) << 20) + 1), XK_TOO_LONG);
    rig_close(&r, 0, s);
    rig_stop(&r);
}

/* ---- nobody there ---- */

static void deaf(struct port *p, void *arg)
{
    struct rig *r = arg;
    struct xk_protl *self = xk_find(r->k[port_node(p)], "r");
    cr_assert_eq(xk_open_disable(self->down[0], self, xk_at_port(2049)), XK_OK);
}

/* RCD4. */
Test(record, who_cannot_be_reached_is_given_up_with_the_reason)
{
    for (uint32_t down = 0; down < 2; down++) {
        struct rig r;
        tcp_rig_start(&r, &(struct fake_options){ 0 }, GRAPH);
        if (down)
            fake_crash(r.f, 1);
        else
            fake_call(r.f, 1, deaf, &r);
        cr_assert(numbered_send(&r, 0, 1, 1));
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 0)->failed, 1);
        cr_assert_eq(rig_probe(&r, 0)->why, down ? XK_UNREACHABLE : XK_REFUSED);
        cr_assert_eq(counts(&r, 0)->dropped, 1);
        cr_assert_eq(counts(&r, 0)->connects, 6);
        cr_assert(numbered_send(&r, 0, 1, 2)); /* it is tried again */
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 0)->failed, 2);
        cr_assert(rig_alloc_quiet(&r));
        rig_stop(&r);
    }
}

/* ---- hostile streams ---- */

/* The driver tells no lives: what a greeting claims is all that is known of them. */
#define SPY "mesh driver queue=64 lives=false; " REST "; user streams <tcp"

static void put(uint8_t *at, uint32_t a, uint32_t b)
{
    wire_put32(at, a);
    wire_put32(at + 4, b);
}

static struct {
    struct xk_sessn *s;
    const uint8_t *bytes;
    uint64_t n;
} raw;

static void push_raw(struct port *p, void *arg)
{
    struct xk_msg m;
    (void)p, (void)arg;
    xk_msg_init(&m);
    rope_add_bytes(&m.data, raw.bytes, raw.n);
    cr_assert_eq(xk_push(raw.s, &m), XK_OK);
    xk_msg_fini(&m);
}

/* A connection that is no RECORD's sends these bytes from node 2 to node 1; has it been reset? */
static bool resets(struct rig *r, const uint8_t *bytes, uint64_t n)
{
    enum xk_status why;
    struct stream *x = tcp_rig_open(r, 2, 1, 0, 2049, &why);
    fake_run(r->f, 0);
    cr_assert_eq(x->ready, 1);
    raw.s = x->s;
    raw.bytes = bytes;
    raw.n = n;
    fake_call(r->f, 2, push_raw, NULL);
    fake_run(r->f, 0);
    bool reset = x->fails > 0 && x->why == XK_RESET;
    if (x->fails == 0)
        tcp_rig_control(r, 2, x, XK_TCP_ABORT, 0);
    tcp_rig_close(r, 2, x);
    fake_run(r->f, 0);
    return reset;
}

/* A greeting and a record, and n bytes of both. */
static uint64_t good_stream(struct rig *r, uint8_t b[60])
{
    memset(b, 0, 60);
    put(b, RECORD_LAST | (RECORD_HEADER + RECORD_HELLO), RECORD_GREETING << 8 | 2);
    put(b + 8, 0, RECORD_MAGIC);
    put(b + 16, 1, 1); /* lives */
    wire_put32(b + 24, 0);
    wire_put32(b + 28, RECORD_LAST | (RECORD_HEADER + 4));
    put(b + 32, xk_find(r->k[1], "probe")->number << 24 | RECORD_PIECE << 8 | 3, 0);
    memcpy(b + 40, "data", 4);
    return 44;
}

/* RCD6. */
Test(record, a_stream_that_makes_no_sense_is_reset_and_gives_nothing)
{
    static const struct {
        uint8_t at, byte;
        const char *what;
    } cases[] = {
        { 0, 0xff, "a greeting of 2 GiB" },
        { 0, 0x00, "a greeting in two fragments" },
        { 3, 25, "a greeting too long" },
        { 3, 23, "a greeting too short" },
        { 6, RECORD_PIECE, "no greeting" },
        { 6, 9, "no operation" },
        { 12, 7, "no magic" },
        { 19, 0, "no life" },
        { 27, 1, "records that did not go" },
        { 28, 0xff, "a record of 2 GiB" },
        { 28, 0x04, "a fragment of 64 MiB" },
        { 31, 7, "a record without a header" },
        { 34, RECORD_GREETING, "two greetings" },
        { 34, 0, "no operation" },
        { 34, 7, "an unknown one" },
        { 33, 16, "a key that nobody has" },
        { 35, 1, "the front of a message" },
        { 35, 2, "the end of no message" },
        { 35, 8, "an unknown flag" },
        { 39, 1, "credit that was not sent" },
        { 34, RECORD_QUIT, "data that give up" },
        { 34, RECORD_CREDIT, "data that are credit" },
    };
    struct rig r;
    uint8_t b[60];
    tcp_rig_start(&r, &(struct fake_options){ .nodes = 3, .mtu = 500 }, SPY);
    cr_assert_not(resets(&r, b, good_stream(&r, b)));
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t n = good_stream(&r, b), bad = counts(&r, 1)->bad, longer = counts(&r, 1)->longer;
        if (cases[i].at == 31) /* and no more than it says */
            n = 32 + 7;
        b[cases[i].at] = cases[i].byte;
        bool more = strstr(cases[i].what, "fragment of") || strstr(cases[i].what, "GiB") ||
                    strstr(cases[i].what, "too long");
        cr_assert(resets(&r, b, n), "%s", cases[i].what);
        cr_assert_eq(counts(&r, 1)->bad, bad + 1, "%s", cases[i].what);
        cr_assert(!more || counts(&r, 1)->longer == longer + 1, "%s", cases[i].what);
        cr_assert_eq(rig_probe(&r, 1)->got, 1, "%s", cases[i].what);
    }
    uint64_t n = good_stream(&r, b);
    b[32] = 60; /* a protocol that is not there */
    cr_assert_not(resets(&r, b, n));
    cr_assert_eq(counts(&r, 1)->nobody, 1);
    wire_put32(b + 28, 0); /* an empty fragment that is not the last: for ever */
    cr_assert(resets(&r, b, 32));
    good_stream(&r, b);
    memcpy(b + 28, b, 28); /* two greetings */
    cr_assert(resets(&r, b, 56));
    n = good_stream(&r, b);
    b[23] = 9; /* for a life that is not this one: what came from that one is nothing to this */
    b[27] = 5;
    cr_assert_not(resets(&r, b, n));
    cr_assert_eq(rig_probe(&r, 1)->got, 2);
    n = good_stream(&r, b);
    b[19] = 3; /* of a later life, */
    cr_assert_not(resets(&r, b, n));
    cr_assert_eq(rig_probe(&r, 1)->got, 3);
    n = good_stream(&r, b); /* and of that before it */
    cr_assert(resets(&r, b, n));
    cr_assert_eq(counts(&r, 1)->stale, 1);
    cr_assert(numbered_send(&r, 0, 1, 1)); /* and nobody else is hurt */
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 4);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* RCD6: bytes of a good stream that are others, random ones behind it, cut anywhere. */
Test(record, random_streams_hurt_nobody, .timeout = 60)
{
    uint64_t seed = 7;
    for (uint64_t run = 0; run < sample("RECORD_NOISE", 2000); run++) {
        struct rig r;
        uint8_t b[60];
        tcp_rig_start(&r, &(struct fake_options){ .nodes = 3, .mtu = 500, .seed = run + 1 }, SPY);
        uint64_t n = good_stream(&r, b);
        for (uint64_t k = 0; k < 8; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint64_t x = seed >> 16;
            if (k < run % 8)
                b[x % sizeof b] = (uint8_t)(x >> 32);
        }
        (void)resets(&r, b, n + run % 17);
        uint64_t got = rig_probe(&r, 1)->got;
        cr_assert_leq(got, 3);
        cr_assert_eq(rig_send_pattern(&r, 1, 0, 5, 100), XK_OK);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 0)->got, 1);
        rig_stop(&r);
    }
}

/* ---- lives ---- */

static void crash(uint64_t seed, bool lossy, uint32_t victim)
{
    struct rig r;
    struct fake_options o = { .seed = seed,
                              .order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                              .mtu = 300,
                              .lossy = lossy,
                              .unordered = lossy,
                              .drop_ppm = 50000,
                              .duplicate_ppm = 50000,
                              .detect_delay = seed % 3 ? SIM_MS : 100 * SIM_US };
    tcp_rig_start(&r, &o, GRAPH);
    rdm_cases_crash(&r, seed, victim, seed % 7 + seed % 5 * 20);
}

/* RCD2, RCD5. */
Test(record, a_crash_and_a_quick_return_of_either_node_mix_nothing, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= sample("RECORD_CRASHES", 600); seed++) {
        crash(seed, seed % 4 != 0, 0);
        crash(seed, seed % 4 != 0, 1);
    }
}
