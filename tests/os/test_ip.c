/* test_ip.c: IP and what stands on it, over two networks and a gateway: datagrams against their
 * octets, fragments against a model octet by octet, routes against a scan, errors, damaged input.
 *
 *   node 0: the gateway, 10.1.0.1 and 10.2.0.1;  node 1: 10.2.0.2;  nodes 2, 3: 10.1.0.3, 10.1.0.4
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/proto/ip/ip_internal.h"
#include "os/proto/udp/udp.h"
#include "tests/os/xk_rig.h"

#define BELOW                                                                                      \
    "eth eth interface=mesh; leth eth interface=lan; "                                             \
    "arp arp <eth address=10.1.0.0/16 retry=1ms tries=3 down=20ms; "                               \
    "larp arp <leth address=10.2.0.0/16 retry=1ms tries=3 down=20ms; "
#define GRAPH BELOW "ip ip <arp <larp forward=true reassembly=50ms; probe probe <ip"

static uint64_t draw(uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return *x >> 33;
}

static void add_list(struct val *instance, const char *key, const int64_t *nodes, size_t count)
{
    struct val *list = val_new(VAL_LIST, "graph", 1);
    for (size_t i = 0; i < count; i++)
        val_append(list, val_new_int(nodes[i], "graph", 1));
    val_put(instance, key, list);
}

static void add_route(struct val *list, const char *to, const char *via)
{
    struct val *r = val_new(VAL_TABLE, "graph", 1);
    val_put(r, "to", val_new_string(to, "graph", 1));
    val_put(r, "via", val_new_string(via, "graph", 1));
    val_append(list, r);
}

/* Whose place in the graph text is fixed: eth, leth, arp, larp, ip. */
static struct xk_graph *joined_graph(const char *text)
{
    static const int64_t mesh[] = { 0, 2, 3 }, lan[] = { 0, 1 };
    struct err e = ERR_INIT;
    struct val *v = rig_val(text), *routes = val_new(VAL_LIST, "graph", 1);
    add_list(v->items[2], "nodes", mesh, 3);
    add_list(v->items[3], "nodes", lan, 2);
    add_route(routes, "10.2.0.0/16", "10.1.0.1");
    add_route(routes, "10.1.0.0/16", "10.2.0.1");
    add_route(routes, "10.9.0.0/16", "10.1.0.1");
    val_put(v->items[4], "routes", routes);
    struct xk_graph *g = xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e);
    cr_assert_not_null(g, "%s", e.text);
    val_free(v);
    return g;
}

static void start(struct rig *r, struct fake_options o, const char *text)
{
    o.nodes = 4;
    o.interfaces = 2;
    o.lan_nodes = 2;
    o.broadcast = true;
    rig_boot_all(r, fake_create(&o), joined_graph(text), 4, NULL, NULL);
}

static bool last_is(struct rig *r, uint32_t node, uint32_t from, uint64_t seed, uint64_t len)
{
    struct probe *p = rig_probe(r, node);
    const struct probe_got *g = &p->log[(p->got - 1) % PROBE_KEEP];
    return p->got > 0 && g->from == from && g->length == len &&
           g->hash == rig_pattern_hash(seed, len);
}

static void each_to_each(struct rig *r, uint64_t len)
{
    for (uint32_t a = 0; a < 4; a++)
        for (uint32_t b = 0; b < 4; b++) {
            cr_assert_eq(rig_send_pattern(r, a, b, 5 * a + b, len), XK_OK);
            fake_run(r->f, 0);
            cr_assert(last_is(r, b, a, 5 * a + b, len), "%u to %u", a, b);
        }
}

/* IP1, IP4. */
Test(ip, every_node_reaches_every_other_with_every_length)
{
    static const uint64_t lengths[] = { 0,    1,    7,    100,  1456,  1457,  1460, 1461,
                                        1480, 2000, 2900, 4000, 10001, 30000, 65511 };
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 4096, .lan_mtu = 1494 }, GRAPH);
    for (uint32_t a = 0; a < 4; a++)
        for (uint32_t b = 0; b < 4; b++)
            for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                uint64_t before = rig_probe(&r, b)->got;
                cr_assert_eq(rig_send_pattern(&r, a, b, 16 * a + b + 64 * i, lengths[i]), XK_OK);
                fake_run(r.f, 0);
                cr_assert_eq(rig_probe(&r, b)->got, before + 1, "%u to %u, %zu bytes", a, b,
                             (size_t)lengths[i]);
                cr_assert(last_is(&r, b, a, 16 * a + b + 64 * i, lengths[i]), "IP1");
            }
    cr_assert_eq(rig_send_pattern(&r, 2, 1, 1, 65512), XK_TOO_LONG);
    cr_assert_eq(rig_send_pattern(&r, 2, 4, 1, 1), XK_NO_PEER);
    cr_assert_gt(fake_count(r.f, 0, "ip.fragments_out"), 100, "the gateway has cut");
    cr_assert_gt(fake_count(r.f, 0, "ip.forwarded"), 100);
    cr_assert_gt(fake_count(r.f, 2, "ip.looped"), 10);
    cr_assert_eq(fake_counts(r.f)->station_asks, 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ---- on the wire ---- */

static struct rig_seen seen;

static uint32_t slow_sum(const uint8_t *b, size_t n)
{
    uint32_t s = 0;
    for (size_t i = 0; i < n; i++)
        s += i % 2 ? b[i] : (uint32_t)b[i] << 8;
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return s;
}

/* Octet by octet, from [RFC 791, 3.1]; the checksum by a slow sum. */
Test(ip, a_datagram_and_its_fragments_are_what_the_standard_says)
{
    static const uint8_t whole[20] = { 0x45, 0, 0,  34, 0, 0, 0,  0, 64, 253,
                                       0,    0, 10, 1,  0, 3, 10, 1, 0,  4 };
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 1514 }, GRAPH);
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 1, 10), XK_OK); /* stations are known then */
    fake_run(r.f, 0);
    memset(&seen, 0, sizeof seen);
    fake_on_frame(r.f, rig_see, &seen);
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 1, 10), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 2, 3000), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(seen.count, 4);
    cr_assert_eq(seen.length[0], 14 + 20 + 4 + 10);
    const uint8_t *ip = seen.bytes[0] + 14;
    for (size_t i = 0; i < 20; i++)
        cr_assert(ip[i] == whole[i] || (i >= 4 && i < 6) || i == 10 || i == 11, "octet %zu", i);
    cr_assert_eq(slow_sum(ip, 20), 0xffff);
    cr_assert_eq(ip[20] << 8 | ip[21], 6, "the probe's number");
    static const uint16_t length[3] = { 1500, 1500, 3004 + 20 - 2 * 1480 };
    for (uint32_t k = 0; k < 3; k++) {
        ip = seen.bytes[1 + k] + 14;
        cr_assert_eq(ip[2] << 8 | ip[3], length[k]);
        cr_assert_eq(ip[4] << 8 | ip[5], seen.bytes[1][18] << 8 | seen.bytes[1][19]);
        cr_assert_eq(ip[6] << 8 | ip[7], (k < 2 ? 0x2000 : 0) | (int)k * 1480 / 8);
        cr_assert_eq(slow_sum(ip, 20), 0xffff);
    }
    cr_assert_neq(seen.bytes[0][19], seen.bytes[1][19], "each datagram has a number");
    rig_stop(&r);
}

/* ---- who is told what ---- */

/* IP3: hosts that do not answer, on this network and behind the gateway. */
Test(ip, a_host_that_does_not_answer_is_told_by_the_gateway)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 1514 }, GRAPH);
    struct probe *p = rig_probe(&r, 2);
    fake_crash(r.f, 1);
    cr_assert_eq(rig_send_pattern(&r, 2, 1, 1, 3000), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 0, "ip.errors_out"), 1, "IP5: of its fragments the first alone");
    cr_assert_eq(fake_count(r.f, 2, "ip.errors_in"), 1);
    cr_assert_eq(p->failed, 1, "IP3");
    cr_assert_eq(p->why, XK_UNREACHABLE);
    cr_assert_eq(rig_send_pattern(&r, 2, 1, 1, 10), XK_OK, "while it is down the gateway knows");
    fake_run(r.f, 0);
    cr_assert_eq(p->failed, 2);
    fake_crash(r.f, 3);
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 1, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(p->failed, 3, "on its own network too");
    cr_assert_eq(p->why, XK_UNREACHABLE);
    fake_crash(r.f, 0); /* the gateway */
    for (uint64_t i = 0; i < 3; i++)
        rig_send_pattern(&r, 2, 1, i, 10);
    fake_run(r.f, 0);
    fake_restart(r.f, 0);
    fake_restart(r.f, 1);
    fake_run(r.f, 0);
    fake_run_until(r.f, fake_now(r.f) + SIM_SEC);
    cr_assert_eq(rig_send_pattern(&r, 2, 1, 9, 3000), XK_OK);
    fake_run(r.f, 0);
    cr_assert(last_is(&r, 1, 2, 9, 3000), "it is back, and all goes on");
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

struct asked {
    struct rig *r;
    uint32_t node, to;
    enum xk_control_op op;
    uint64_t set, got;
};
static struct xk_sessn *kept;
static void open_kept(struct port *p, void *arg)
{
    (void)p;
    struct asked *a = arg;
    enum xk_status why;
    struct xk_protl *probe = xk_find(a->r->k[a->node], "probe");
    kept = xk_open(probe->down[0], probe, xk_node(a->to), &why);
}
static void control_kept(struct port *p, void *arg)
{
    (void)p;
    struct asked *a = arg;
    struct xk_control c = { .op = a->op, .u64 = a->set };
    cr_assert_eq(xk_sessn_control(kept, &c), XK_OK);
    a->got = c.u64;
}

/* IP3: [RFC 1191]. */
Test(ip, what_must_not_be_cut_is_told_how_long_it_may_be)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 4096, .lan_mtu = 1514 }, GRAPH);
    struct asked a = { .r = &r, .node = 2, .to = 1, .op = XK_GET_OPT_PACKET };
    fake_call(r.f, 2, open_kept, &a);
    fake_call(r.f, 2, control_kept, &a);
    cr_assert_eq(a.got, 4096 - 14 - 20 - 4);
    a.op = XK_SET_DONT_FRAGMENT;
    a.set = 1;
    fake_call(r.f, 2, control_kept, &a);
    cr_assert_eq(rig_send_pattern(&r, 2, 1, 1, 4059), XK_TOO_LONG);
    cr_assert_eq(rig_send_pattern(&r, 2, 1, 1, 4058), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 2)->failed, 1);
    cr_assert_eq(rig_probe(&r, 2)->why, XK_TOO_LONG, "IP3");
    cr_assert_eq(fake_count(r.f, 0, "ip.dont_fragment"), 1);
    a.op = XK_GET_OPT_PACKET;
    fake_call(r.f, 2, control_kept, &a);
    cr_assert_eq(a.got, 1514 - 14 - 20 - 4);
    cr_assert_eq(rig_send_pattern(&r, 2, 1, 1, a.got + 1), XK_TOO_LONG);
    cr_assert_eq(rig_send_pattern(&r, 2, 1, 1, a.got), XK_OK);
    fake_run(r.f, 0);
    cr_assert(last_is(&r, 1, 2, 1, a.got));
    a.op = XK_GET_MY_ADDRESS;
    fake_call(r.f, 2, control_kept, &a);
    cr_assert_eq(a.got, 0x0a010003, "IP2");
    a.op = XK_GET_PEER_ADDRESS;
    fake_call(r.f, 2, control_kept, &a);
    cr_assert_eq(a.got, 0x0a020002, "IP2");
    rig_stop(&r);
}

/* ---- datagrams by hand ---- */

struct hand {
    uint32_t src, dst;
    uint16_t id, offset; /* with flags */
    uint8_t ttl, protocol;
};

/* A frame of node `from` to station `to`; its length. */
static size_t by_hand(uint8_t *out, uint32_t from, uint32_t to, struct hand h, const void *data,
                      size_t len)
{
    memset(out, 0, 34);
    out[0] = out[6] = 2;
    out[5] = (uint8_t)to;
    out[11] = (uint8_t)from;
    out[12] = 8;
    uint8_t *ip = out + 14;
    ip[0] = 0x45;
    wire_put16(ip + 2, (uint16_t)(20 + len));
    wire_put16(ip + 4, h.id);
    wire_put16(ip + 6, h.offset);
    ip[8] = h.ttl;
    ip[9] = h.protocol;
    wire_put32(ip + 12, h.src);
    wire_put32(ip + 16, h.dst);
    wire_put16(ip + 10, (uint16_t)~slow_sum(ip, 20));
    memcpy(ip + 20, data, len);
    return 34 + len;
}

/* A frame of 60 octets, as an Ethernet has at least, with a datagram that is shorter. */
Test(ip, what_a_network_adds_behind_a_datagram_is_taken_off)
{
    struct rig r;
    uint8_t frame[60] = { 0 }, data[10] = { 0, 6, 0, 0, 1, 2, 3, 4, 5, 6 };
    start(&r, (struct fake_options){ .mtu = 1514 }, GRAPH);
    struct hand h = { 0x0a010003, 0x0a010004, 1, 0, 5, 253 };
    by_hand(frame, 2, 3, h, data, sizeof data);
    fake_inject(r.f, 2, 3, frame, sizeof frame);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 3)->got, 1);
    cr_assert_eq(rig_probe(&r, 3)->last.length, 6);
    rig_stop(&r);
}

/* IP5, IP4: what a gateway drops, and who is told of it. */
Test(ip, a_gateway_tells_of_what_it_drops_but_for_errors_and_broadcasts)
{
    static const struct {
        struct hand h;
        uint8_t first; /* of the data */
        const char *counter;
        uint8_t type, code; /* of the error; 0: none */
    } cases[] = {
        { { 0x0a010003, 0x0a020002, 1, 0, 1, 17 }, 0, "ip.ttl_exceeded", 11, 0 },
        { { 0x0a010003, 0x0a630001, 1, 0, 9, 17 }, 0, "ip.no_route", 3, 0 },
        { { 0x0a010003, 0x0a010001, 1, 0, 9, 77 }, 0, "ip.unknown_protocol", 3, 2 },
        { { 0x0a010003, 0x0a020002, 1, 0, 1, 1 }, 3, "ip.ttl_exceeded", 0, 0 },
        { { 0x0a010003, 0x0a020002, 1, 0, 1, 1 }, 8, "ip.ttl_exceeded", 11, 0 },
        { { 0x0a010003, 0x0a020002, 1, 5, 1, 17 }, 0, "ip.ttl_exceeded", 0, 0 },
        { { 0x0a010003, 0x0a01ffff, 1, 0, 9, 77 }, 0, "ip.unknown_protocol", 0, 0 },
        { { 0x0a01ffff, 0x0a010001, 1, 0, 9, 77 }, 0, "ip.bad_address", 0, 0 },
        { { 0x0a010003, 0x0a02ffff, 1, 0, 9, 77 }, 0, "ip.no_route", 3, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        uint8_t frame[256], data[16] = { cases[i].first };
        start(&r, (struct fake_options){ .mtu = 1514 }, GRAPH);
        cr_assert_eq(rig_send_pattern(&r, 0, 2, 1, 10), XK_OK); /* stations are known then */
        fake_run(r.f, 0);
        memset(&seen, 0, sizeof seen);
        fake_on_frame(r.f, rig_see, &seen);
        fake_inject(r.f, 2, 0, frame, by_hand(frame, 2, 0, cases[i].h, data, sizeof data));
        fake_step(r.f);
        cr_assert_eq(fake_count(r.f, 0, cases[i].counter), 1, "case %zu", i);
        cr_assert_eq(seen.count, cases[i].type ? 1 : 0, "IP5: case %zu", i);
        cr_assert_eq(fake_count(r.f, 0, "ip.errors_out"), cases[i].type ? 1 : 0);
        if (cases[i].type) { /* [RFC 792]: the header and 64 bits of the data */
            const uint8_t *ip = seen.bytes[0] + 14;
            cr_assert_eq(seen.length[0], 14 + 20 + 8 + 20 + 8);
            cr_assert_eq(ip[9], 1);
            cr_assert_eq(wire_get32(ip + 16), cases[i].h.src);
            cr_assert_eq(ip[20], cases[i].type, "case %zu", i);
            cr_assert_eq(ip[21], cases[i].code, "case %zu", i);
            cr_assert_eq(slow_sum(ip + 20, 36), 0xffff);
            cr_assert_eq(memcmp(ip + 28, frame + 14, 28), 0, "quoted as it came");
        }
        rig_stop(&r);
    }
}

/* ---- fragments against a model octet by octet ---- */

#define LONG 600
struct model { /* of a datagram that is put together */
    bool open, has[LONG];
    uint8_t octet[LONG];
    uint32_t total;
};

/* PARTIAL1, PARTIAL2: what the fragment does; true: it is whole. */
static bool model_add(struct model *m, uint32_t first, uint32_t end, bool more, const uint8_t *data)
{
    uint32_t last = 0;
    m->open = true;
    for (uint32_t i = 0; i < LONG; i++)
        last = m->has[i] ? i + 1 : last;
    bool bad = end == first || (more && (end - first) % 8) ||
               (!more && m->total && m->total != end) || (!more && last > end) ||
               (more && m->total && end > m->total);
    if (bad) {
        memset(m, 0, sizeof *m);
        return false;
    }
    if (!more)
        m->total = end;
    bool whole = m->total > 0;
    for (uint32_t i = first; i < end; i++)
        if (!m->has[i]) {
            m->has[i] = true;
            m->octet[i] = data[i - first];
        }
    for (uint32_t i = 0; i < m->total; i++)
        whole &= m->has[i];
    return whole;
}

Test(ip, fragments_in_any_order_with_copies_and_overlaps_make_what_a_model_makes)
{
    struct rig r;
    struct model models[3];
    uint64_t x = 11, whole = 0, bad = 0;
    start(&r, (struct fake_options){ .mtu = 1514 }, GRAPH);
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 1, 10), XK_OK);
    fake_run_until(r.f, SIM_MS);
    uint64_t before = rig_probe(&r, 3)->got;
    memset(models, 0, sizeof models);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t id = (uint32_t)(draw(&x) % 3), units = 2 + (uint32_t)(draw(&x) % 6);
        uint32_t first = 8 * (uint32_t)(draw(&x) % units),
                 end = first + 8 + 8 * (uint32_t)(draw(&x) % 3);
        bool more = end < 8 * units;
        uint8_t frame[256], data[64];
        if (draw(&x) % 40 == 0)
            end -= (uint32_t)(draw(&x) % 8); /* the last, or a wrong one */
        for (uint32_t k = 0; k < end - first; k++)
            data[k] = (uint8_t)draw(&x);
        if (first == 0) {
            wire_put16(data, 6); /* the probe's number */
            wire_put16(data + 2, 0);
        }
        struct hand h = { .src = 0x0a010003,
                          .dst = 0x0a010004,
                          .id = (uint16_t)id,
                          .offset = (uint16_t)(first / 8 | (more ? 0x2000 : 0)),
                          .ttl = 5,
                          .protocol = 253 };
        if (first == 0 && !more)
            continue; /* it is no fragment */
        fake_inject(r.f, 2, 3, frame, by_hand(frame, 2, 3, h, data, end - first));
        fake_step(r.f);
        bool done = model_add(&models[id], first, end, more, data);
        bad += !models[id].open;
        struct probe *p = rig_probe(&r, 3);
        cr_assert_eq(p->got, before + whole + done, "PARTIAL1: fragment %u", i);
        if (done) {
            uint8_t got[LONG];
            cr_assert_eq(p->last.length, models[id].total - 4);
            rope_read(&p->last, 0, p->last.length, got);
            cr_assert_eq(memcmp(got, models[id].octet + 4, p->last.length), 0, "PARTIAL1");
            memset(&models[id], 0, sizeof models[id]);
            whole++;
        }
        cr_assert_eq(fake_count(r.f, 3, "ip.reassembly_bad"), bad, "PARTIAL2: fragment %u", i);
    }
    cr_assert_gt(whole, 500);
    cr_assert_gt(bad, 500);
    fake_run(r.f, 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* IP7. */
Test(ip, fragments_without_the_rest_are_given_up_and_bounded)
{
    struct rig r;
    uint8_t frame[1600], data[1400] = { 0 };
    start(&r, (struct fake_options){ .mtu = 1514 },
          BELOW "ip ip <arp <larp reassembly=50ms memory=10000B; probe probe <ip");
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 1, 10), XK_OK);
    fake_run(r.f, 0);
    struct hand h = { 0x0a010003, 0x0a010004, 1, 0x2000, 5, 253 };
    wire_put16(data, 6);
    fake_inject(r.f, 2, 3, frame, by_hand(frame, 2, 3, h, data, 8));
    h.id = 2;
    h.offset = 0x2001;
    fake_inject(r.f, 2, 3, frame, by_hand(frame, 2, 3, h, data, 8));
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 3, "ip.reassembly_timeouts"), 2);
    cr_assert_eq(fake_count(r.f, 3, "ip.errors_out"), 1, "told of that whose first has come");
    cr_assert_eq(rig_probe(&r, 2)->failed, 1);
    uint64_t heap = fake_heap_bytes(r.f, 3);
    for (uint16_t id = 10; id < 200; id++) {
        h.id = id;
        h.offset = (uint16_t)(0x2000 | id);
        fake_inject(r.f, 2, 3, frame, by_hand(frame, 2, 3, h, data, 1400));
        fake_step(r.f);
        cr_assert_lt(fake_heap_bytes(r.f, 3), heap + 20000, "IP7");
    }
    cr_assert_gt(fake_count(r.f, 3, "ip.reassembly_overflows"), 150, "IP7");
    fake_run(r.f, 0);
    cr_assert_eq(fake_heap_bytes(r.f, 3), heap);
    rig_stop(&r);
}

/* ---- routes ---- */

/* Against a scan bit by bit for the longest prefix. */
Test(ip, the_longest_prefix_is_chosen)
{
    uint64_t x = 5;
    for (uint32_t trial = 0; trial < 300; trial++) {
        struct ip_state st = { 0 };
        struct ip_route routes[12];
        st.routes = routes;
        st.route_count = (uint32_t)(draw(&x) % 13);
        for (uint32_t i = 0; i < 2; i++)
            st.ifs[i] = (struct ip_if){
                .network = { .base = i << 28, .mask = 0xf0000000 },
                .address = (i << 28) + 5,
            };
        for (uint32_t i = 0; i < st.route_count; i++) {
            uint32_t bits = (uint32_t)(draw(&x) % 33);
            uint32_t mask = bits ? UINT32_MAX << (32 - bits) : 0;
            routes[i] = (struct ip_route){ .to = { (uint32_t)(draw(&x) % 4) << 28 & mask, mask },
                                           .via = 100 + i,
                                           .ifc = (uint8_t)(i % 2) };
        }
        for (uint32_t k = 0; k < 50; k++) {
            uint32_t dst = (uint32_t)(draw(&x) % 4) << 28 | (uint32_t)(draw(&x) % 2 ? 7 : 70000);
            uint32_t want = 0;
            int best = -1;
            for (uint32_t i = 0; i < 2; i++)
                if (dst >> 28 == i) {
                    best = 4;
                    want = dst;
                }
            for (uint32_t i = 0; i < st.route_count; i++) {
                int same = 0, bits = 0;
                while (bits < 32 && routes[i].to.mask << bits & 0x80000000)
                    bits++;
                while (same < bits &&
                       (dst >> (31 - same) & 1) == (routes[i].to.base >> (31 - same) & 1))
                    same++;
                if (same == bits && bits > best) {
                    best = bits;
                    want = routes[i].via;
                }
            }
            struct ip_hop hop;
            bool found = ip_route(&st, dst, &hop);
            cr_assert_eq(found, best >= 0);
            if (found)
                cr_assert_eq(hop.address, want, "trial %u", trial);
        }
    }
}

/* ---- damaged input ---- */

static uint64_t sum_of(const struct fake *f, uint32_t node)
{
    static const char *const drops[] = { "delivered",    "forwarded",        "fragments_in",
                                         "errors_in",    "bad_header",       "bad_checksum",
                                         "bad_length",   "bad_address",      "not_mine",
                                         "ttl_exceeded", "no_route",         "dont_fragment",
                                         "discarded",    "unknown_protocol", "bad_errors" };
    uint64_t sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(drops); i++) {
        char name[40];
        snprintf(name, sizeof name, "ip.%s", drops[i]);
        sum += fake_count(f, node, name);
    }
    return sum;
}

/* IP6: none may crash, and each is counted once. */
Test(ip, damaged_datagrams_are_dropped_by_cause)
{
    struct rig r;
    uint64_t x = 3;
    start(&r, (struct fake_options){ .mtu = 1514 }, GRAPH);
    for (uint32_t i = 0; i < 20000; i++) {
        static const uint32_t addresses[] = { 0x0a010001, 0x0a010003, 0x0a020002, 0x0a020001,
                                              0x0a01ffff, 0x0a630001, 0xffffffff, 0x0a010009 };
        uint8_t frame[256], data[100];
        for (size_t k = 0; k < sizeof data; k++)
            data[k] = (uint8_t)draw(&x);
        struct hand h = { addresses[draw(&x) % 8],  addresses[draw(&x) % 8],
                          (uint16_t)(draw(&x) % 3), (uint16_t)(draw(&x) % 4 ? 0 : draw(&x)),
                          (uint8_t)(draw(&x) % 4),  draw(&x) % 2 ? 253 : 1 };
        if (h.protocol == 253) {
            wire_put16(data, (uint16_t)(draw(&x) % 8));
        } else if (draw(&x) % 2) { /* an error about something */
            uint8_t about[64];
            struct hand of = { addresses[draw(&x) % 8], addresses[draw(&x) % 8], 1, 0, 1, 253 };
            by_hand(about, 0, 0, of, data, 8);
            data[0] = 3;
            data[1] = (uint8_t)(draw(&x) % 6);
            memcpy(data + 8, about + 14, 28);
            data[2] = data[3] = 0;
            wire_put16(data + 2, (uint16_t)~slow_sum(data, 36));
        }
        size_t len = by_hand(frame, 2, 0, h, data, h.protocol == 1 ? 36 : draw(&x) % 100);
        if (draw(&x) % 3 == 0)
            frame[14 + draw(&x) % 20] ^= (uint8_t)(1u << draw(&x) % 8);
        if (draw(&x) % 10 == 0)
            len = draw(&x) % (len + 1);
        fake_inject(r.f, 2, 0, frame, len);
        fake_run(r.f, 100);
    }
    fake_run(r.f, 0);
    for (uint32_t n = 0; n < 4; n++)
        cr_assert_eq(sum_of(r.f, n), fake_count(r.f, n, "ip.received"), "IP6: node %u", n);
    cr_assert_gt(fake_count(r.f, 0, "ip.forwarded"), 100);
    cr_assert_gt(fake_count(r.f, 0, "ip.bad_checksum"), 100);
    cr_assert_gt(fake_count(r.f, 0, "ip.errors_in"), 100);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ---- who stands on it and does not know ---- */

Test(ip, rdm_stands_on_it_through_the_gateway_whatever_is_lost)
{
    struct rig r;
    struct fake_options o = { .mtu = 1514,
                              .lossy = true,
                              .unordered = true,
                              .drop_ppm = 30000,
                              .duplicate_ppm = 20000,
                              .delay_ppm = 50000,
                              .seed = 4 };
    start(&r, o,
          BELOW "ip ip <arp <larp forward=true reassembly=20ms; rdm rdm <ip resend=10ms; "
                "probe probe <rdm");
    for (uint64_t i = 0; i < 40; i++) {
        cr_assert_eq(rig_send_pattern(&r, 2, 1, i, 100 + 300 * i), XK_OK);
        fake_run(r.f, 0);
        cr_assert(last_is(&r, 1, 2, i, 100 + 300 * i));
    }
    cr_assert_eq(rig_probe(&r, 1)->got, 40);
    cr_assert_eq(fake_counts(r.f)->station_asks, 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* A host of the same network is reached past IP, others through it. */
Test(ip, vipaddr_chooses_arp_for_neighbours_and_ip_for_others)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 1514 },
          BELOW "ip ip <arp <larp forward=true; v vipaddr <arp <larp <ip; rdm rdm <v resend=10ms; "
                "probe probe <rdm");
    each_to_each(&r, 900);
    /* Not over arp: node 1 is on the other network alone, and node 0 on both. */
    static const uint64_t others[4] = { 1, 4, 1, 1 };
    for (uint32_t n = 0; n < 4; n++)
        cr_assert_eq(fake_count(r.f, n, "v.others"), others[n], "node %u", n);
    cr_assert_gt(fake_count(r.f, 0, "ip.forwarded"), 3);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* A push of more fragments than the interface takes goes on when there is room. */
Test(ip, what_does_not_fit_the_interface_goes_on_when_there_is_room)
{
    struct rig r;
    start(
        &r, (struct fake_options){ .mtu = 1514, .tx_queue = 1 },
        "eth eth interface=mesh queue=4; leth eth interface=lan; arp arp <eth address=10.1.0.0/16; "
        "larp arp <leth address=10.2.0.0/16; ip ip <arp <larp; probe probe <ip");
    struct asked a = { .r = &r, .node = 2, .to = 3 };
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 1, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 4, 20000), XK_OK, "whose session is closed then");
    fake_run(r.f, 0);
    cr_assert(last_is(&r, 3, 2, 4, 20000));
    fake_call(r.f, 2, open_kept, &a);
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 2, 30000), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 2, 3, 3, 10), XK_BUSY);
    fake_run(r.f, 0);
    cr_assert(last_is(&r, 3, 2, 2, 30000));
    cr_assert_geq(rig_probe(&r, 2)->ready, 1);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ---- what a graph may say ---- */

static void expect_refused(const char *graph, const char *to, const char *via, const char *sentence)
{
    struct err e = ERR_INIT;
    struct val *v = rig_val(graph), *routes = val_new(VAL_LIST, "graph", 1);
    add_route(routes, to, via);
    val_put(v->items[v->count - 1], "routes", routes);
    struct xk_graph *g = xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e);
    cr_assert_eq(g == NULL, sentence != NULL, "%s", e.text);
    if (sentence)
        cr_assert(strstr(e.text, sentence), "%s", e.text);
    xk_graph_free(g);
    val_free(v);
}

Test(ip, what_makes_no_sense_is_refused_when_the_graph_is_read)
{
    expect_refused(BELOW "ip ip <arp <larp", "10.3.0.0/16", "10.1.0.1", NULL);
    expect_refused(BELOW "ip ip <arp <larp", "default", "10.2.0.1", NULL);
    expect_refused(BELOW "ip ip <arp <larp", "10.3.0.0", "10.1.0.1", "must be { to =, via = }");
    expect_refused(BELOW "ip ip <arp <larp", "10.3.0.0/16", "10.1.0", "must be { to =, via = }");
    expect_refused(BELOW "ip ip <arp <larp", "10.3.0.0/16", "10.3.0.1",
                   "no network below has a host 10.3.0.1");
    expect_refused("eth eth; arp arp <eth domain=net; ip ip <arp domain=net", "default", "10.1.0.1",
                   "it asks 'eth' for its station, and is in another protection domain");
    expect_refused("eth eth; arp arp <eth; ip ip <arp domain=net", "default", "10.1.0.1",
                   "it asks 'arp' for its hosts, and is in another protection domain");
    expect_refused("eth eth domain=net; arp arp <eth domain=net; ip ip <arp domain=net", "default",
                   "10.1.0.1", NULL);
    expect_refused("eth eth; ip ip <eth", "default", "10.1.0.1",
                   "protocol 'ip' stands on instances of 'arp' or 'filter', and 'eth' is none");
    expect_refused("eth eth; leth eth interface=lan; arp arp <eth; "
                   "larp arp <leth address=10.1.128.0/17; ip ip <arp <larp",
                   "default", "10.1.0.1",
                   "the networks of 'arp' and 'larp' have addresses in common");
}

/* ---- UDP ---- */

#define UDP_GRAPH                                                                                  \
    BELOW "ip ip <arp <larp forward=true reassembly=50ms; udp udp <ip; icmp icmp <ip; "            \
          "probe probe <udp"

struct port_job {
    struct rig *r;
    uint32_t node, address;
    uint64_t port, own; /* own: 0: any */
    bool enable;
    const char *lower; /* instance; the upper is the probe */
    enum xk_status status;
    struct xk_sessn *s;
};

static void port_now_(struct port *p, void *arg)
{
    (void)p;
    struct port_job *j = arg;
    struct xk_kernel *k = j->r->k[j->node];
    struct xk_protl *probe = xk_find(k, "probe"), *lower = xk_find(k, j->lower);
    struct xk_parts ps = { 0 };
    if (j->enable) {
        if (j->port)
            xk_part_push(&ps, XK_PART_PORT, j->port);
        j->status = xk_open_enable(lower, probe, ps);
        return;
    }
    xk_part_push(&ps, XK_PART_ADDRESS, j->address);
    if (j->port)
        xk_part_push(&ps, XK_PART_PORT, j->port);
    if (j->own)
        xk_part_push(&ps, XK_PART_PORT, j->own);
    j->s = xk_open(lower, probe, ps, &j->status);
}

static enum xk_status enable_port(struct rig *r, uint32_t node, uint64_t port)
{
    struct port_job j = { .r = r, .node = node, .port = port, .enable = true, .lower = "udp" };
    fake_call(r->f, node, port_now_, &j);
    return j.status;
}

static struct port_job open_to(struct rig *r, const char *lower, uint32_t node, uint32_t address,
                               uint64_t port, uint64_t own)
{
    struct port_job j = {
        .r = r, .node = node, .address = address, .port = port, .own = own, .lower = lower
    };
    fake_call(r->f, node, port_now_, &j);
    return j;
}

/* UDP2, UDP4. */
Test(udp, messages_go_to_the_port_and_answers_to_who_has_asked)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 1514 }, UDP_GRAPH);
    cr_assert_eq(enable_port(&r, 1, 7), XK_OK);
    cr_assert_eq(enable_port(&r, 1, 7), XK_OK);
    cr_assert_eq(enable_port(&r, 1, UDP_PORT_LOCAL), XK_REFUSED, "UDP4");
    rig_probe(&r, 1)->echo = true;
    struct port_job a = open_to(&r, "udp", 2, 0x0a020002, 7, 0);
    struct port_job b = open_to(&r, "udp", 2, 0x0a020002, 7, 1234);
    cr_assert(a.s && b.s && a.s != b.s);
    for (uint64_t i = 0; i < 40; i++) {
        struct port_job *j = i % 2 ? &a : &b;
        cr_assert_eq(rig_push(&r, 2, j->s, i, i * 97), XK_OK);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 2)->got, i + 1);
        cr_assert(last_is(&r, 2, 1, i, i * 97), "UDP2");
    }
    cr_assert_eq(rig_probe(&r, 1)->opened, 2, "UDP2: a session for each port of the peer's");
    cr_assert_eq(rig_push(&r, 2, a.s, 1, 65508), XK_TOO_LONG);
    cr_assert_eq(rig_push(&r, 2, a.s, 1, 65507), XK_OK);
    fake_run(r.f, 0);
    cr_assert(last_is(&r, 2, 1, 1, 65507));
    rig_close(&r, 2, a.s);
    rig_close(&r, 2, b.s);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* UDP3. */
Test(udp, a_port_that_nobody_has_is_told_to_the_session_that_asked)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 1514 }, UDP_GRAPH);
    struct port_job a = open_to(&r, "udp", 2, 0x0a020002, 9, 0);
    cr_assert_eq(rig_push(&r, 2, a.s, 1, 3000), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 1, "udp.no_port"), 1);
    cr_assert_eq(rig_probe(&r, 2)->failed, 1, "UDP3");
    cr_assert_eq(rig_probe(&r, 2)->why, XK_REFUSED);
    rig_close(&r, 2, a.s);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* UDP4: each open has a port of its own until there is none, and a port that is given back serves
 * again. */
/* What a frame carries, less the headers between. */
static void ask_uncut(struct port *p, void *arg)
{
    (void)p;
    struct rig *r = arg;
    struct xk_protl *probe = xk_find(r->k[0], "probe"), *udp = probe->down[0], *ip = udp->down[0];
    struct xk_control over = { .op = XK_GET_OPT_PACKET }, under = over;
    enum xk_status why;
    cr_assert_eq(xk_protl_control(udp, &over), XK_OK);
    cr_assert_eq(xk_protl_control(ip, &under), XK_OK);
    cr_assert_eq(over.u64, under.u64 - 8);
    cr_assert_eq(udp->carries, ip->carries - 8);
    struct xk_sessn *s = xk_open(udp, probe, xk_node(1), &why);
    cr_assert_eq(xk_sessn_control(s, &over), XK_OK);
    cr_assert_eq(xk_sessn_control(s->down[0], &under), XK_OK);
    cr_assert_eq(over.u64, under.u64 - 8);
    xk_close(s);
}

Test(udp, what_is_carried_uncut_is_less_by_its_header)
{
    struct rig r;
    struct fake_options o = { .broadcast = true };
    rig_start(&r, &o, "eth eth; arp arp <eth; ip ip <arp; udp udp <ip; probe probe <udp", NULL,
              NULL);
    fake_call(r.f, 0, ask_uncut, &r);
    fake_run(r.f, 0);
    rig_stop(&r);
}

Test(udp, ports_end_and_come_back)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 1514 },
          BELOW "ip ip <arp <larp; udp udp <ip idle=0; icmp icmp <ip; probe probe <udp");
    static struct xk_sessn *open[UDP_PORT_LOCAL - UDP_PORT_FIRST];
    for (size_t i = 0; i < ARRAY_LEN(open); i++) {
        open[i] = open_to(&r, "udp", 2, 0x0a010004, 7, 0).s;
        cr_assert_not_null(open[i], "UDP4: open %zu", i);
    }
    struct port_job more = open_to(&r, "udp", 2, 0x0a010004, 7, 0);
    cr_assert_null(more.s);
    cr_assert_eq(more.status, XK_REFUSED, "UDP4");
    rig_close(&r, 2, open[777]);
    more = open_to(&r, "udp", 2, 0x0a010004, 7, 0);
    cr_assert_not_null(more.s);
    rig_stop(&r);
}

/* UDP1, UDP5: octet by octet, from [RFC 768]; then with damage. */
Test(udp, what_is_damaged_is_dropped_by_cause)
{
    struct rig r;
    uint64_t x = 9;
    start(&r, (struct fake_options){ .mtu = 1514 }, UDP_GRAPH);
    cr_assert_eq(enable_port(&r, 3, 7), XK_OK);
    struct port_job a = open_to(&r, "udp", 2, 0x0a010004, 7, 5000);
    cr_assert_eq(rig_push(&r, 2, a.s, 1, 33), XK_OK);
    fake_run(r.f, 0);
    memset(&seen, 0, sizeof seen);
    fake_on_frame(r.f, rig_see, &seen);
    cr_assert_eq(rig_push(&r, 2, a.s, 1, 33), XK_OK);
    fake_run(r.f, 0);
    fake_on_frame(r.f, NULL, NULL);
    static const uint8_t header[6] = { 0x13, 0x88, 0, 7, 0, 41 };
    const uint8_t *udp = seen.bytes[0] + 34;
    cr_assert_eq(memcmp(udp, header, 6), 0);
    uint8_t pseudo[12 + 41];
    memcpy(pseudo, seen.bytes[0] + 26, 8);
    pseudo[8] = 0, pseudo[9] = 17, pseudo[10] = 0, pseudo[11] = 41;
    memcpy(pseudo + 12, udp, 41);
    cr_assert_eq(slow_sum(pseudo, sizeof pseudo), 0xffff, "UDP1");
    for (uint32_t i = 0; i < 4000; i++) {
        uint8_t frame[256], data[64];
        size_t len = 41;
        memcpy(data, udp, 41);
        if (draw(&x) % 2)
            data[draw(&x) % 41] ^= (uint8_t)(1u << draw(&x) % 8);
        if (draw(&x) % 4 == 0)
            data[6] = data[7] = 0; /* it says that there is no sum */
        if (draw(&x) % 8 == 0)
            len = draw(&x) % 41;
        struct hand h = { 0x0a010003, 0x0a010004, 1, 0, 5, 17 };
        fake_inject(r.f, 2, 3, frame, by_hand(frame, 2, 3, h, data, len));
        fake_run(r.f, 0);
    }
    uint64_t sum = fake_count(r.f, 3, "udp.delivered") + fake_count(r.f, 3, "udp.short") +
                   fake_count(r.f, 3, "udp.bad_checksum") + fake_count(r.f, 3, "udp.no_port") +
                   fake_count(r.f, 3, "udp.stranger");
    cr_assert_eq(sum, fake_count(r.f, 3, "udp.received"), "UDP5");
    cr_assert_gt(fake_count(r.f, 3, "udp.bad_checksum"), 500);
    cr_assert_gt(fake_count(r.f, 3, "udp.short"), 50);
    cr_assert_gt(fake_count(r.f, 3, "udp.no_port"), 5);
    rig_close(&r, 2, a.s);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

Test(udp, a_message_to_all_reaches_all_of_the_network_and_nobody_else)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 1514 }, UDP_GRAPH);
    for (uint32_t n = 0; n < 4; n++)
        cr_assert_eq(enable_port(&r, n, 7), XK_OK);
    struct port_job a = open_to(&r, "udp", 2, 0x0a01ffff, 7, 0);
    struct port_job b = open_to(&r, "udp", 2, 0xffffffff, 7, 0);
    cr_assert_eq(rig_push(&r, 2, a.s, 1, 33), XK_OK);
    cr_assert_eq(rig_push(&r, 2, b.s, 2, 34), XK_OK);
    fake_run(r.f, 0);
    for (uint32_t n = 0; n < 4; n++)
        cr_assert_eq(rig_probe(&r, n)->got, n == 0 || n == 3 ? 2 : 0, "node %u", n);
    rig_close(&r, 2, a.s);
    rig_close(&r, 2, b.s);
    rig_stop(&r);
}

Test(udp, rdm_stands_on_it_by_node)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 1514 },
          BELOW "ip ip <arp <larp forward=true; udp udp <ip; rdm rdm <udp resend=10ms; "
                "probe probe <rdm");
    each_to_each(&r, 9000);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ---- ICMP ---- */

/* ECHO1. */
Test(icmp, echoes_come_back_through_the_gateway)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 4096, .lan_mtu = 1494 }, UDP_GRAPH);
    struct port_job a = open_to(&r, "icmp", 2, 0x0a020002, 0, 0);
    struct port_job b = open_to(&r, "icmp", 2, 0x0a020001, 0, 0);
    for (uint64_t i = 0; i < 60; i++) {
        uint64_t length = i * 1113 % 65508;
        cr_assert_eq(rig_push(&r, 2, (i % 2 ? a : b).s, i, length), XK_OK);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 2)->got, i + 1, "ECHO1");
        cr_assert(last_is(&r, 2, i % 2 ? 1 : 0, i, length), "ECHO1: %zu bytes", (size_t)length);
    }
    cr_assert_eq(fake_count(r.f, 1, "icmp.answered"), 30);
    fake_crash(r.f, 3);
    struct port_job c = open_to(&r, "icmp", 2, 0x0a010004, 0, 0);
    cr_assert_eq(rig_push(&r, 2, c.s, 1, 100), XK_OK);
    fake_run(r.f, 0);
    rig_close(&r, 2, c.s);
    cr_assert_eq(rig_probe(&r, 2)->failed, 1, "ECHO2");
    cr_assert_eq(rig_probe(&r, 2)->why, XK_UNREACHABLE);
    rig_close(&r, 2, a.s);
    rig_close(&r, 2, b.s);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ECHO3. */
Test(icmp, damaged_echoes_are_dropped_by_cause)
{
    struct rig r;
    uint64_t x = 21;
    start(&r, (struct fake_options){ .mtu = 1514 }, UDP_GRAPH);
    struct port_job a = open_to(&r, "icmp", 3, 0x0a010003, 0, 0);
    cr_assert_eq(rig_push(&r, 3, a.s, 1, 10), XK_OK);
    fake_run(r.f, 0);
    uint64_t before = fake_count(r.f, 3, "ip.delivered"),
             first = fake_count(r.f, 3, "icmp.answers");
    for (uint32_t i = 0; i < 3000; i++) {
        uint8_t frame[256], data[24] = { (uint8_t)(draw(&x) % 2 ? 8 : 0) };
        if (draw(&x) % 3 == 0)
            data[4 + draw(&x) % 20] = (uint8_t)draw(&x);
        wire_put16(data + 2, (uint16_t)~slow_sum(data, 24));
        if (draw(&x) % 3 == 0)
            data[1 + draw(&x) % 23] ^= (uint8_t)(1u << draw(&x) % 8);
        struct hand h = { 0x0a010003, 0x0a010004, 1, 0, 5, 1 };
        fake_inject(r.f, 2, 3, frame,
                    by_hand(frame, 2, 3, h, data, draw(&x) % 9 ? 24 : 1 + draw(&x) % 23));
        fake_run(r.f, 0);
    }
    uint64_t sum = fake_count(r.f, 3, "icmp.answered") + fake_count(r.f, 3, "icmp.answers") -
                   first + fake_count(r.f, 3, "icmp.bad_checksum") +
                   fake_count(r.f, 3, "icmp.bad") + fake_count(r.f, 3, "icmp.nobody") +
                   fake_count(r.f, 3, "icmp.unanswered");
    cr_assert_eq(sum, fake_count(r.f, 3, "ip.delivered") - before, "ECHO3");
    cr_assert_gt(fake_count(r.f, 3, "icmp.bad_checksum"), 300);
    cr_assert_gt(fake_count(r.f, 3, "icmp.nobody"), 20);
    rig_close(&r, 3, a.s);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* UDP and ICMP in a domain of their own, above IP in the kernel. */
Test(udp, a_domain_boundary_below_it_changes_nothing)
{
    struct rig r;
    start(&r, (struct fake_options){ .mtu = 1514 },
          BELOW "ip ip <arp <larp forward=true; udp udp <ip domain=net; icmp icmp <ip domain=net; "
                "probe probe <udp domain=net");
    cr_assert_eq(enable_port(&r, 1, 7), XK_OK);
    rig_probe(&r, 1)->echo = true;
    struct port_job a = open_to(&r, "udp", 2, 0x0a020002, 7, 0);
    struct port_job b = open_to(&r, "icmp", 2, 0x0a020002, 0, 0);
    cr_assert(a.s && b.s);
    for (uint64_t i = 0; i < 10; i++) {
        cr_assert_eq(rig_push(&r, 2, (i % 2 ? a : b).s, i, i * 397), XK_OK);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 2)->got, i + 1);
        cr_assert(last_is(&r, 2, 1, i, i * 397));
    }
    struct port_job c = open_to(&r, "udp", 2, 0x0a020002, 9, 0);
    cr_assert_eq(rig_push(&r, 2, c.s, 1, 30), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 2)->failed, 1, "UDP3");
    cr_assert_eq(rig_probe(&r, 2)->why, XK_REFUSED);
    rig_stop(&r);
}
