/* test_fuzz.c: no frame, however damaged, makes a protocol crash, loop, or lose count.
 *
 * Three nodes talk over a stack.  Of what they send some frames are damaged on the way, and damaged
 * copies of earlier ones come besides, from whichever node.  What stands here of a stack is how its
 * nodes talk, how a frame is mended after the damage so that it passes the lower checks and reaches
 * the layer above, and what each instance says of what came up to it:
 *
 *   FUZZ1  What came up to an instance is what it has given up, kept or answered, and what it has
 *       dropped by a counted cause: `accounts` says which counters these are.
 *   FUZZ2  What it says that it gave to uppers is what they have got.
 *
 * The network that damages is the test's.  BLAST, CHAN and RDM need one that does not (XK_INTACT),
 * and the driver's header has no sum, so nothing is promised of messages; that what ULP delivers is
 * right says test_ulp.c.
 * A failure names the seed; scripts/soak-fuzz takes more of them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/proto/select/select.h"
#include "os/proto/ulp/ulp_internal.h"
#include "os/xk/xk_internal.h"
#include "tests/os/tcp_rig.h"
#include "tests/sample.h"

#define NODES 3
#define MTU 300
#define FRAME_MAX 640 /* lengthened ones, too */
#define CORPUS 64
#define INSTANCES 12
#define DRIVER_HEADER 8
#define ETH_HEADER 14
#define STREAM_PORT 80

/* ---- draws ---- */

static uint64_t state, seen[INSTANCES];

static uint64_t draw(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(draw() % n);
}

/* ---- what came up to whom ---- */

static struct spy {
    const struct xk_protl_ops *was;
    struct xk_protl_ops now;
    struct xk_protl *of;
    uint64_t in, from[INSTANCES]; /* by the number of the instance that gave it */
} spies[NODES][INSTANCES];

static void spy_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    uint32_t node = port_node(xk_port(self));
    for (uint32_t i = 0; i < INSTANCES; i++) {
        struct spy *s = &spies[node][i];
        if (s->of != self)
            continue;
        s->in++;
        s->from[lower->protl->number]++;
        s->was->demux(self, lower, m);
        return;
    }
    cr_assert_fail("nobody has looked at %s", self->instance);
}

static void spy_on(struct rig *r, uint32_t node, struct port *p)
{
    (void)p;
    for (uint32_t n = 0; n < INSTANCES; n++) {
        struct xk_protl *q = xk_numbered(r->k[node], n);
        struct spy *s = &spies[node][n];
        *s = (struct spy){ .of = q };
        if (q == NULL || q->ops->demux == NULL)
            continue;
        s->was = q->ops;
        s->now = *q->ops;
        s->now.demux = spy_demux;
        q->ops = &s->now;
    }
}

/* ---- damage ---- */

struct bytes {
    uint32_t length, src, dst;
    uint8_t b[FRAME_MAX];
};
static struct bytes corpus[CORPUS];
static uint32_t corpus_count;

struct stack {
    const char *name, *graph;
    struct fake_options o;
    void (*talk)(struct rig *r, uint32_t from, uint32_t to, uint64_t length);
    void (*mend)(struct bytes *x, uint32_t depth); /* headers up to a depth say what is there */
    uint32_t depths;
    bool quiet; /* once nothing is damaged any more all ends */
};

static const struct stack *stack;

static void put(struct bytes *x, uint32_t at, uint32_t size, uint64_t v)
{
    for (uint32_t i = 0; i < size && at + i < x->length; i++)
        x->b[at + i] = (uint8_t)(v >> 8 * (size - 1 - i));
}

/* Offsets of headers, mostly. */
static uint32_t place(const struct bytes *x)
{
    uint32_t most = below(4) ? 72 : FRAME_MAX;
    return below(x->length < most ? x->length : most);
}

static void damage_once(struct bytes *x)
{
    static const uint64_t edges[] = { 0,          1,      2,          0x7f,       0x80,
                                      0xff,       0x100,  0x7fff,     0x8000,     0xffff,
                                      0x10000,    MTU,    0x7fffffff, 0x80000000, 0xffffffff,
                                      0xfffffffe, 0x4000, 64,         63,         65 };
    const struct bytes *other = &corpus[below(corpus_count)];
    uint32_t size = 1u << below(4), at, n;
    if (x->length == 0)
        return;
    at = place(x);
    switch (below(10)) {
    case 0: /* bits */
    case 1:
        for (n = 1 + below(3); n > 0; n--)
            x->b[place(x)] ^= (uint8_t)(1u << below(8));
        break;
    case 2: /* the edges of a field */
    case 3:
        put(x, at & ~(size - 1), size, edges[below(ARRAY_LEN(edges))]);
        break;
    case 4: /* a field that is one more or less */
        at &= ~1u;
        if (at + 1 < x->length)
            put(x, at, 2, (uint64_t)(x->b[at] << 8 | x->b[at + 1]) + (below(2) ? 1 : UINT64_MAX));
        break;
    case 5: /* cut */
        x->length = below(4) ? at : below(x->length + 1);
        break;
    case 6: /* lengthened */
        n = 1 + below(below(4) ? 8 : FRAME_MAX - MTU);
        for (; n > 0 && x->length < FRAME_MAX; n--)
            x->b[x->length++] = (uint8_t)draw();
        break;
    case 7: /* two fields change places */
        n = place(x);
        for (uint32_t i = 0; i < size && at + i < x->length && n + i < x->length; i++) {
            uint8_t one = x->b[at + i];
            x->b[at + i] = x->b[n + i];
            x->b[n + i] = one;
        }
        break;
    case 8: /* the rest is another frame's */
        if (other->length > at) {
            memcpy(x->b + at, other->b + at, other->length - at);
            x->length = other->length;
        }
        break;
    default: /* random from there on, or a few of them */
        n = below(2) ? x->length : at + size;
        for (uint32_t i = at; i < n && i < x->length; i++)
            x->b[i] = (uint8_t)draw();
    }
}

static void damage(struct bytes *x)
{
    for (uint32_t n = 1 + below(3); n > 0; n--)
        damage_once(x);
    if (stack->depths > 0 && below(4))
        stack->mend(x, 1 + below(stack->depths));
}

static bool damaging;

static void remember(uint32_t src, uint32_t dst, const struct rope *frame)
{
    struct bytes *x = &corpus[corpus_count < CORPUS ? corpus_count++ : below(CORPUS)];
    cr_assert_leq(frame->length, MTU);
    x->src = src;
    x->dst = dst;
    x->length = (uint32_t)frame->length;
    rope_read(frame, 0, x->length, x->b);
}

static bool on_frame(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg;
    if (!damaging)
        return true;
    remember(src, dst, frame);
    if (below(5) > 0)
        return true;
    struct bytes x = { .length = (uint32_t)frame->length };
    rope_read(frame, 0, x.length, x.b);
    damage(&x);
    rope_fini(frame);
    rope_init(frame);
    rope_add_bytes(frame, x.b, x.length);
    return below(8) > 0;
}

/* An earlier frame, damaged or not, from the node that sent it or another, to any. */
static void inject(struct rig *r)
{
    if (corpus_count == 0)
        return;
    struct bytes x = corpus[below(corpus_count)];
    if (below(6))
        damage(&x);
    fake_inject(r->f, below(4) ? x.src : below(NODES), below(4) ? x.dst : below(NODES), x.b,
                x.length);
}

/* ---- FUZZ1, FUZZ2 ---- */

/* What came up to an instance of that protocol, and what it made of it or gave to itself (`own`),
 * is the sum of these counters, and, where it is no protocol of messages of its own (`passes`), of
 * what it gave up, which is the sum of those, but for what waits for its key to be enabled
 * (`waits`).  What comes to one that has an interface below says `came`. */
static const struct account {
    const char *protocol;
    bool passes, waits;
    const char *in[20], *out[4], *own[3], *came[2];
} accounts[] = {
    { .protocol = "driver",
      .passes = true,
      .in = { "bad_length", "stale", "nobody" },
      .came = { "received" } },
    { .protocol = "eth",
      .passes = true,
      .in = { "bad", "other", "nobody" },
      .came = { "received" } },
    { .protocol = "arp",
      .passes = true,
      .in = { "bad", "requests_in", "replies_in", "unknown", "nobody" } },
    { .protocol = "filter", .passes = true, .in = { "nobody" } },
    { .protocol = "ip",
      .in = { "bad_header", "bad_checksum", "bad_length", "bad_address", "not_mine", "ttl_exceeded",
              "no_route", "dont_fragment", "discarded", "forwarded", "unknown_protocol",
              "bad_errors", "errors_in", "fragments_in", "delivered" },
      .out = { "delivered" },
      .own = { "looped", "reassembled" } },
    { .protocol = "icmp",
      .in = { "bad", "bad_checksum", "nobody", "answers", "answered", "unanswered" },
      .out = { "answers" } },
    { .protocol = "udp",
      .in = { "short", "bad_checksum", "no_port", "stranger", "delivered" },
      .out = { "delivered" } },
    { .protocol = "tcp",
      .in = { "rcvshort", "rcvbadsum", "rcvbadoff", "nobody", "rcvbadrst", "rcvrst", "rcvbadack",
              "rcvbadflags", "rcvbadsyn", "listendrop", "pawsdrop", "rcvafterclose",
              "rcvpackafterwin", "rcvacktoomuch", "rcvlent", "rcvtaken" } },
    { .protocol = "bid",
      .in = { "bad", "stale", "misled", "nobody", "controls", "received" },
      .out = { "received" } },
    { .protocol = "vdrop", .passes = true, .in = { "orphans" } },
    { .protocol = "vipsize", .passes = true, .in = { "orphans" } },
    { .protocol = "vipaddr", .passes = true, .in = { "orphans" } },
    { .protocol = "vcache", .passes = true, .in = { "orphans" } },
    { .protocol = "blast",
      .in = { "bad", "stale", "nobody", "duplicates", "nacks_got", "nacks_late", "short_got",
              "fragments_got" },
      .out = { "delivered" } },
    { .protocol = "chan",
      .in = { "bad", "stale", "nobody", "duplicates", "requests", "replies", "controls",
              "unready" },
      .out = { "requests", "replies" } },
    { .protocol = "select", .in = { "requests", "replies" } },
    { .protocol = "rdm",
      .waits = true,
      .in = { "bad", "stale", "nobody", "duplicates", "early", "taken", "controls" },
      .out = { "received" } },
    { .protocol = "ulp",
      .waits = true,
      .in = { "damaged", "bad", "stale", "nobody", "duplicates", "ahead", "taken", "controls" },
      .out = { "received" } },
};

static uint64_t sum(struct rig *r, uint32_t node, const char *instance, const char *const *names)
{
    uint64_t all = 0;
    char name[64];
    for (; *names; names++) {
        snprintf(name, sizeof name, "%s.%s", instance, *names);
        all += fake_count(r->f, node, name);
    }
    return all;
}

static void expect_account(struct rig *r, uint32_t node, const struct spy *s, uint64_t up,
                           uint64_t seed)
{
    const char *kind = s->of->ops->kind.name, *instance = s->of->instance;
    const struct account *a = accounts, *end = accounts + ARRAY_LEN(accounts);
    while (a < end && strcmp(a->protocol, kind) != 0)
        a++;
    if (a == end) /* the probe and the streams, and M.RPC, which does not count all that it gets */
        return;
    uint64_t in = (a->came[0] ? sum(r, node, instance, a->came) : s->in) +
                  sum(r, node, instance, a->own),
             counted = sum(r, node, instance, a->in) + (a->passes ? up : 0);
    cr_assert_eq(in, counted, "FUZZ1: %s, seed %lu: %lu came to %s of node %u, %lu are counted",
                 stack->name, (unsigned long)seed, (unsigned long)in, instance, node,
                 (unsigned long)counted);
    counted = sum(r, node, instance, a->out);
    cr_assert(a->out[0] == NULL || up == counted || (a->waits && up < counted),
              "FUZZ2: %s, seed %lu: %s of node %u gave up %lu, %lu are counted", stack->name,
              (unsigned long)seed, instance, node, (unsigned long)up, (unsigned long)counted);
}

static void expect_accounts(struct rig *r, uint64_t seed)
{
    for (uint32_t node = 0; node < NODES; node++)
        for (uint32_t n = 0; n < INSTANCES; n++) {
            const struct spy *s = &spies[node][n];
            uint64_t up = 0;
            for (uint32_t k = 0; k < INSTANCES; k++)
                up += spies[node][k].from[n];
            seen[n] += s->in;
            if (s->of != NULL)
                expect_account(r, node, s, up, seed);
        }
}

/* ---- how nodes talk ---- */

static void by_probe(struct rig *r, uint32_t from, uint32_t to, uint64_t length)
{
    (void)!rig_send_pattern(r, from, to, draw(), length);
}

static void done(void *arg, enum xk_status status, struct rope *reply)
{
    (void)arg, (void)status, (void)reply;
}

struct job {
    struct rig *r;
    uint32_t from, to;
    uint64_t length;
};

static void call_now(struct port *p, void *arg)
{
    const struct job *j = arg;
    struct rope args;
    (void)p;
    rope_init(&args);
    rope_add_pattern(&args, draw(), 0, j->length);
    (void)!select_call(xk_find(j->r->k[j->from], "rpc"), j->to, 6 + below(2), below(3), &args, done,
                       NULL);
    rope_fini(&args);
}

/* The session stays, for the answer. */
static void echo_now(struct port *p, void *arg)
{
    const struct job *j = arg;
    struct xk_protl *icmp = xk_find(j->r->k[j->from], "icmp");
    enum xk_status why;
    struct xk_sessn *s = xk_open(icmp, xk_find(j->r->k[j->from], "probe"), xk_node(j->to), &why);
    struct xk_msg m;
    (void)p;
    if (!s)
        return;
    xk_msg_init(&m);
    rope_add_pattern(&m.data, draw(), 0, j->length);
    (void)!xk_push(s, &m);
    xk_msg_fini(&m);
}

static void by_echo(struct rig *r, uint32_t from, uint32_t to, uint64_t length)
{
    struct job j = { r, from, to, length };
    if (below(3))
        fake_call(r->f, from, echo_now, &j);
    else
        by_probe(r, from, to, length);
}

static void by_call(struct rig *r, uint32_t from, uint32_t to, uint64_t length)
{
    struct job j = { r, from, to, length };
    fake_call(r->f, from, call_now, &j);
}

/* A new stream, or more to one that there is, or its end. */
static void by_stream(struct rig *r, uint32_t from, uint32_t to, uint64_t length)
{
    struct streams *all = tcp_streams(r, from);
    struct stream *x = all->count ? &all->at[below(all->count)] : NULL;
    enum xk_status why;
    if (all->count < STREAMS / 2 && below(2))
        x = tcp_rig_open(r, from, to, 0, STREAM_PORT, &why);
    for (uint32_t node = 0; node < NODES; node++)
        tcp_streams(r, node)->refuse = tcp_streams(r, node)->count > STREAMS - 8;
    if (!x || !x->s)
        return;
    if (x->fails > 0 || below(8) == 0) {
        tcp_rig_close(r, from, x);
        return;
    }
    x->to_push += length;
    x->finish = below(6) == 0;
    tcp_rig_push(r, from, x, 1 + below(500));
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    (void)arg, (void)procedure;
    struct rope reply;
    rope_init(&reply);
    rope_move(&reply, args);
    select_reply(request, &reply);
    rope_fini(&reply);
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct xk_protl *rpc = xk_find(r->k[node], "rpc"), *probe = xk_find(r->k[node], "probe"),
                    *user = xk_find(r->k[node], "user");
    struct xk_parts port = { 0 };
    if (user != NULL) {
        xk_part_push(&port, XK_PART_PORT, STREAM_PORT);
        cr_assert_eq(xk_open_enable(user->down[0], user, port), XK_OK);
    }
    if (rpc != NULL)
        cr_assert_eq(select_serve(rpc, 6, serve, NULL), XK_OK);
    if (probe != NULL && strcmp(probe->down[0]->ops->kind.name, "chan") == 0)
        ((struct probe *)probe->state)->echo = true;
    spy_on(r, node, p);
}

/* ---- mending ---- */

static void mend_driver(struct bytes *x, uint32_t depth)
{
    (void)depth;
    if (x->length >= DRIVER_HEADER)
        put(x, 4, 4, x->length - DRIVER_HEADER);
}

/* And then its sum. */
static void mend_ulp(struct bytes *x, uint32_t depth)
{
    mend_driver(x, 1);
    if (depth < 2 || x->length < DRIVER_HEADER + ULP_HEADER)
        return;
    uint8_t *h = x->b + DRIVER_HEADER;
    struct rope data;
    rope_init(&data);
    rope_add_bytes(&data, h + ULP_HEADER, x->length - DRIVER_HEADER - ULP_HEADER);
    put(x, DRIVER_HEADER + ULP_SUM_AT, 2, 0);
    put(x, DRIVER_HEADER + ULP_SUM_AT, 2, ulp_sum(h, &data));
    rope_fini(&data);
}

static uint32_t sum_of(const uint8_t *b, uint32_t from, uint32_t to, uint32_t sum)
{
    for (uint32_t i = from; i < to; i++)
        sum += (uint32_t)b[i] << ((i - from) % 2 ? 0 : 8);
    return sum;
}

static uint16_t folded(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

/* IP behind an Ethernet header: its length and the sum of its header, and then those of ICMP, TCP
 * and UDP, whose sum may be left out. */
static void mend_ip(struct bytes *x, uint32_t depth)
{
    uint8_t *ip = x->b + ETH_HEADER;
    uint32_t length = x->length - ETH_HEADER, header;
    if (x->length < ETH_HEADER + 20 || x->b[12] != 0x08 || x->b[13] != 0)
        return;
    header = (ip[0] & 15u) * 4;
    header = header < 20 || header > length ? 20 : header;
    put(x, ETH_HEADER + 2, 2, length);
    if (depth > 1 && ip[9] == 17)
        put(x, ETH_HEADER + header + 4, 4, (uint64_t)(length - header) << 16);
    if (depth > 1 && ip[9] == 1) {
        put(x, ETH_HEADER + header + 2, 2, 0);
        put(x, ETH_HEADER + header + 2, 2, folded(sum_of(ip, header, length, 0)));
    }
    if (depth > 1 && ip[9] == 6) {
        put(x, ETH_HEADER + header + 16, 2, 0);
        put(x, ETH_HEADER + header + 16, 2,
            folded(sum_of(ip, header, length, sum_of(ip, 12, 20, 6 + length - header))));
    }
    put(x, ETH_HEADER + 10, 2, 0);
    put(x, ETH_HEADER + 10, 2, folded(sum_of(ip, 0, header, 0)));
}

/* ---- the stacks ---- */

#define LOSSY                                                                                      \
    {                                                                                              \
        .nodes = NODES, .mtu = MTU, .lossy = true, .unordered = true, .timer_odds = 20             \
    }
#define SURE                                                                                       \
    {                                                                                              \
        .nodes = NODES, .mtu = MTU                                                                 \
    }

#define HEARD                                                                                      \
    {                                                                                              \
        .nodes = NODES, .mtu = MTU, .lossy = true, .unordered = true, .timer_odds = 20,            \
        .broadcast = true                                                                          \
    }
#define INTERNET                                                                                   \
    "eth eth interface=mesh; arp arp <eth address=10.1.0.0/16 retry=1ms tries=3 down=20ms; "       \
    "ip ip <arp reassembly=50ms; "

static const struct stack stacks[] = {
    { "driver", "mesh driver; probe probe <mesh", SURE, by_probe, mend_driver, 1, true },
    { "vdrop",
      "mesh driver; v vdrop <mesh drop=0.05 duplicate=0.05 delay=0.05 corrupt=0.05; probe probe <v",
      LOSSY, by_probe, mend_driver, 1, true },
    { "blast", "mesh driver; blast blast <mesh; probe probe <blast", LOSSY, by_probe, mend_driver,
      1, true },
    { "blast that trusts", "mesh driver; blast blast <mesh; probe probe <blast", SURE, by_probe,
      mend_driver, 1, true },
    { "vipsize", "mesh driver; blast blast <mesh; size vipsize <mesh <blast; probe probe <size",
      LOSSY, by_probe, mend_driver, 1, true },
    { "chan", "mesh driver; blast blast <mesh; chan chan <blast; probe probe <chan", LOSSY,
      by_probe, mend_driver, 1, true },
    { "rpc", "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan", LOSSY, by_call,
      mend_driver, 1, true },
    { "rpc that trusts", "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan", SURE,
      by_call, mend_driver, 1, true },
    { "rpc past blast",
      "mesh driver; blast blast <mesh; size vipsize <mesh <blast; chan chan <size; rpc select "
      "<chan",
      LOSSY, by_call, mend_driver, 1, true },
    { "rdm", "mesh driver; rdm rdm <mesh; probe probe <rdm", LOSSY, by_probe, mend_driver, 1,
      false },
    { "rdm that trusts", "mesh driver; rdm rdm <mesh; probe probe <rdm", SURE, by_probe,
      mend_driver, 1, true },
    { "ulp", "mesh driver; u ulp <mesh; probe probe <u", LOSSY, by_probe, mend_ulp, 2, false },
    { "bid", "mesh driver lives=false; bid bid <mesh; probe probe <bid", LOSSY, by_probe,
      mend_driver, 1, true },
    { "mrpc", "mesh driver; chan mrpc <mesh; rpc select <chan", LOSSY, by_call, mend_driver, 1,
      true },
    { "ip", INTERNET "probe probe <ip", HEARD, by_probe, mend_ip, 2, true },
    { "udp", INTERNET "udp udp <ip; icmp icmp <ip; probe probe <udp", HEARD, by_probe, mend_ip, 2,
      true },
    { "icmp", INTERNET "udp udp <ip; icmp icmp <ip; probe probe <udp", HEARD, by_echo, mend_ip, 2,
      true },
    { "tcp",
      INTERNET "tcp tcp <ip rto_min=10ms rto_first=100ms tick=1ms ack_delay=5ms msl=100ms "
               "persist_min=50ms; user streams <tcp",
      HEARD, by_stream, mend_ip, 2, false },
    { "record",
      INTERNET "tcp tcp <ip rto_min=10ms rto_first=100ms tick=1ms ack_delay=5ms msl=100ms "
               "persist_min=50ms; record record <tcp; probe probe <record",
      HEARD, by_probe, mend_ip, 2, false },
    { "filter",
      "eth eth interface=mesh; arp arp <eth address=10.1.0.0/16 retry=1ms tries=3 down=20ms; "
      "filter filter <arp fragments=2; ip ip <filter reassembly=50ms; "
      "lib ip <filter filter=ip[9]=253&&!ip[8]=1 reassembly=50ms; probe probe <lib",
      HEARD, by_probe, mend_ip, 2, true },
    { "vipaddr", "mesh driver; blast blast <mesh; a vipaddr <mesh <blast; probe probe <a", LOSSY,
      by_probe, mend_driver, 1, true },
    { "vcache", "mesh driver; blast blast <mesh; c vcache <blast; probe probe <c", LOSSY, by_probe,
      mend_driver, 1, true },
};

static void fuzz(uint64_t seed)
{
    struct rig r;
    struct fake_options o = stack->o;
    state = seed * 1000003;
    corpus_count = 0;
    o.seed = seed;
    o.order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER;
    damaging = true;
    tcp_rig_protocols();
    rig_start(&r, &o, stack->graph, booted, NULL);
    fake_on_frame(r.f, on_frame, NULL);
    for (uint32_t turn = 0; turn < 60; turn++) {
        uint32_t from = below(NODES), to = below(4) ? (from + 1 + below(NODES - 1)) % NODES : from;
        uint64_t length = below(3) ? below(250) : below(3) ? below(3000) : 0;
        stack->talk(&r, from, to, length);
        fake_run(r.f, 1 + below(12));
        for (uint32_t n = below(5); n > 0; n--)
            inject(&r);
        fake_run(r.f, 1 + below(20));
        if (below(8) == 0)
            fake_run_until(r.f, fake_now(r.f) + (sim_time)below(30) * SIM_MS);
    }
    damaging = false;
    uint64_t most = stack->quiet ? 200000 : 5000, steps = fake_run(r.f, most);
    if (stack->quiet)
        cr_assert_lt(steps, most, "%s, seed %lu does not end", stack->name, (unsigned long)seed);
    expect_accounts(&r, seed);
    rig_stop(&r);
}

static void fuzz_all(const char *name)
{
    for (stack = stacks; strcmp(stack->name, name) != 0;)
        stack++;
    uint64_t seeds = sample("FUZZ_SEEDS", 20);
    for (uint64_t seed = 1; seed <= seeds; seed++)
        fuzz(seed);
    for (uint32_t n = 0; n < INSTANCES && seeds >= 20; n++) /* fewer do not come everywhere */
        cr_assert(spies[0][n].was == NULL || seen[n] > 0, "%s: nothing came to instance %u", name,
                  n);
}

Test(fuzz, driver, .timeout = 86400)
{
    fuzz_all("driver");
}

Test(fuzz, vdrop, .timeout = 86400)
{
    fuzz_all("vdrop");
}

Test(fuzz, blast, .timeout = 86400)
{
    fuzz_all("blast");
}

Test(fuzz, blast_that_trusts, .timeout = 86400)
{
    fuzz_all("blast that trusts");
}

Test(fuzz, vipsize, .timeout = 86400)
{
    fuzz_all("vipsize");
}

Test(fuzz, record, .timeout = 86400)
{
    fuzz_all("record");
}

Test(fuzz, vipaddr, .timeout = 86400)
{
    fuzz_all("vipaddr");
}

Test(fuzz, vcache, .timeout = 86400)
{
    fuzz_all("vcache");
}

Test(fuzz, chan, .timeout = 86400)
{
    fuzz_all("chan");
}

Test(fuzz, rpc, .timeout = 86400)
{
    fuzz_all("rpc");
}

Test(fuzz, rpc_that_trusts, .timeout = 86400)
{
    fuzz_all("rpc that trusts");
}

Test(fuzz, rpc_past_blast, .timeout = 86400)
{
    fuzz_all("rpc past blast");
}

Test(fuzz, rdm, .timeout = 86400)
{
    fuzz_all("rdm");
}

Test(fuzz, rdm_that_trusts, .timeout = 86400)
{
    fuzz_all("rdm that trusts");
}

Test(fuzz, ulp, .timeout = 86400)
{
    fuzz_all("ulp");
}

Test(fuzz, bid, .timeout = 86400)
{
    fuzz_all("bid");
}

Test(fuzz, mrpc, .timeout = 86400)
{
    fuzz_all("mrpc");
}

Test(fuzz, ip, .timeout = 86400)
{
    fuzz_all("ip");
}

Test(fuzz, filter, .timeout = 86400)
{
    fuzz_all("filter");
}

Test(fuzz, udp, .timeout = 86400)
{
    fuzz_all("udp");
}

Test(fuzz, icmp, .timeout = 86400)
{
    fuzz_all("icmp");
}

Test(fuzz, tcp, .timeout = 86400)
{
    fuzz_all("tcp");
}
