/* tcp_rig.c: see tcp_rig.h. */
#include "tests/os/tcp_rig.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/proto/tcp/tcp_internal.h"

/* ---- tip: addresses ---- */

struct tip_key { /* as bytes: no padding */
    uint32_t address, upper;
};
struct tip_sessn {
    uint32_t peer;
};
struct tip {
    uint32_t mtu;    /* of the path; 0: of the interface */
    uint64_t quoted; /* by the error that is told */
    bool whole;      /* XK_SET_DONT_FRAGMENT */
    struct xk_protl *uppers[2];
    struct xk_map sessns; /* by struct tip_key */
};
static void tip_deliver(struct xk_protl *self, uint32_t from, struct xk_msg *m);

static enum xk_status tip_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct tip_sessn *t = s->state;
    if (t->peer == TIP_BASE + port_node(xk_port(s->protl))) { /* to itself, at once */
        struct xk_msg own;
        xk_msg_move(&own, m);
        tip_deliver(s->protl, t->peer, &own);
        xk_msg_fini(&own);
        return XK_OK;
    }
    uint8_t *h = xk_msg_push(m, TIP_HEADER);
    uint8_t gone[TIP_HEADER];
    wire_put32(h, TIP_BASE + port_node(xk_port(s->protl)));
    wire_put32(h + 4, t->peer);
    enum xk_status r = xk_push(s->down[0], m);
    if (r != XK_OK)
        cr_assert(xk_msg_pop(m, gone, TIP_HEADER));
    return r;
}

static enum xk_status tip_control(struct xk_sessn *s, struct xk_control *c)
{
    struct tip_sessn *t = s->state;
    struct tip *st = s->protl->state;
    if (c->op == XK_GET_MY_ADDRESS)
        c->u64 = TIP_BASE + port_node(xk_port(s->protl));
    else if (c->op == XK_GET_PEER_ADDRESS)
        c->u64 = t->peer;
    else if (c->op == XK_GET_OPT_PACKET && xk_sessn_control(s->down[0], c) == XK_OK)
        c->u64 = st->mtu ? st->mtu : c->u64 - TIP_HEADER;
    else if (c->op == XK_GET_QUOTED)
        c->u64 = st->quoted;
    else if (c->op == XK_SET_DONT_FRAGMENT)
        st->whole = c->u64;
    else
        return XK_REFUSED;
    return XK_OK;
}

static void tip_close(struct xk_sessn *s)
{
    (void)s; /* it is kept */
}

static const struct xk_sessn_ops tip_sessn_ops = { .push = tip_push,
                                                   .close = tip_close,
                                                   .control = tip_control };

static struct xk_sessn *tip_get_for(struct xk_protl *self, uint32_t upper, uint32_t address,
                                    enum xk_status *why)
{
    struct tip *st = self->state;
    struct tip_key key = { address, upper };
    struct xk_sessn *s = xk_map_resolve(&st->sessns, &key);
    if (s)
        return xk_dup(s);
    struct xk_sessn *lower = xk_open(self->down[0], self, xk_node(address - TIP_BASE), why);
    if (!lower)
        return NULL;
    s = xk_sessn_new(self, st->uppers[upper], lower->host, &tip_sessn_ops,
                     sizeof(struct tip_sessn));
    ((struct tip_sessn *)s->state)->peer = address;
    s->down[s->downs++] = lower;
    xk_map_bind(&st->sessns, &key, s);
    return s;
}

static struct xk_sessn *tip_get(struct xk_protl *self, uint32_t address, enum xk_status *why)
{
    return tip_get_for(self, 0, address, why);
}

static struct xk_sessn *tip_open(struct xk_protl *self, struct xk_protl *upper,
                                 struct xk_parts peer, enum xk_status *why)
{
    uint64_t type = 0, address = 0;
    const struct tip *st = self->state;
    cr_assert(xk_part_take(&peer, XK_PART_TYPE, &type) && type == TCP_NUMBER);
    uint32_t node;
    if (xk_parts_node(&peer, &node))
        return tip_get(self, TIP_BASE + node, why);
    cr_assert(xk_part_take(&peer, XK_PART_ADDRESS, &address) && peer.count == 0);
    return tip_get_for(self, upper == st->uppers[1], (uint32_t)address, why);
}

static enum xk_status tip_enable(struct xk_protl *self, struct xk_protl *upper,
                                 struct xk_parts local)
{
    uint64_t type = 0;
    cr_assert(xk_part_take(&local, XK_PART_TYPE, &type) && type == TCP_NUMBER);
    struct tip *st = self->state;
    st->uppers[st->uppers[0] != NULL] = upper;
    return XK_OK;
}

static unsigned tip_gives(const void *params, unsigned below)
{
    (void)params;
    return below | XK_HOSTS;
}

static enum xk_status tip_init(struct xk_protl *self, const void *params)
{
    (void)params;
    xk_map_init(&((struct tip *)self->state)->sessns, xk_port(self), sizeof(struct tip_key));
    return xk_open_enable(self->down[0], self, xk_any());
}

/* The guest has the connection whose peer sends this. */
static bool is_guests(struct xk_protl *tip, uint32_t from, const struct xk_msg *m)
{
    struct tcp_state_of *st = xk_find(tip->kernel, "lib")->state;
    uint8_t ports[4];
    struct xk_msg copy;
    xk_msg_copy(&copy, m);
    bool good = xk_msg_pop(&copy, ports, sizeof ports);
    xk_msg_fini(&copy);
    struct tcp_key key = { TIP_BASE + port_node(xk_port(tip)), from, wire_get16(ports + 2),
                           wire_get16(ports) };
    const struct tcp_conn *t = good ? xk_map_resolve(&st->conns, &key) : NULL;
    return t && !t->lent;
}

static void tip_deliver(struct xk_protl *self, uint32_t from, struct xk_msg *m)
{
    struct tip *st = self->state;
    enum xk_status why;
    bool guests = st->uppers[1] && is_guests(self, from, m);
    struct xk_sessn *s = tip_get_for(self, guests, from, &why);
    cr_assert_not_null(s);
    xk_demux(s, m);
    xk_close(s);
}

static void tip_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    uint8_t h[TIP_HEADER];
    (void)lower;
    if (!xk_msg_pop(m, h, TIP_HEADER) || wire_get32(h + 4) != TIP_BASE + port_node(xk_port(self)) ||
        wire_get32(h) - TIP_BASE >= port_nodes(xk_port(self)))
        return;
    tip_deliver(self, wire_get32(h), m);
}

static void tip_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    for (uint32_t upper = 0; upper < 2; upper++) {
        struct tip_key key = { TIP_BASE + lower->host, upper };
        struct xk_sessn *s = xk_map_resolve(&((struct tip *)self->state)->sessns, &key);
        if (s)
            xk_ready(s);
    }
}

const struct xk_protl_ops tip_protl = {
    .kind = { .name = "tip", .doc = "addresses for a test", .state_size = sizeof(struct tip) },
    .down_min = 1,
    .down_max = 1,
    .gives = tip_gives,
    .init = tip_init,
    .open = tip_open,
    .open_enable = tip_enable,
    .demux = tip_demux,
    .ready = tip_ready,
};

/* ---- user: streams ---- */

static void push_some(struct stream *x, uint64_t piece)
{
    while (x->s && x->pushed < x->to_push) {
        uint64_t left = x->to_push - x->pushed, n = left < piece ? left : piece;
        struct xk_msg m;
        xk_msg_init(&m);
        rope_add_pattern(&m.data, x->seed, x->pushed, n);
        enum xk_status r = xk_push(x->s, &m);
        xk_msg_fini(&m);
        if (r != XK_OK)
            return;
        x->pushed += n;
    }
    if (x->s && x->finish && x->pushed == x->to_push) {
        struct xk_control c = { .op = XK_TCP_FINISH };
        x->finish = false;
        cr_assert_eq(xk_sessn_control(x->s, &c), XK_OK);
    }
}

static struct stream *stream_new(struct streams *st, struct xk_sessn *s)
{
    cr_assert_lt(st->count, STREAMS);
    struct stream *x = &st->at[st->count++];
    x->s = s;
    s->upper_state = x;
    if (st->hold) {
        struct xk_control c = { .op = XK_TCP_HOLD };
        cr_assert_eq(xk_sessn_control(s, &c), XK_OK);
    }
    return x;
}

static void user_done(struct xk_protl *self, struct xk_sessn *lower)
{
    struct streams *st = self->state;
    if (st->refuse)
        return;
    struct stream *x = stream_new(st, xk_dup(lower));
    x->seed = st->accept_seed;
    x->from_seed = st->accept_from;
    x->to_push = st->accept_push;
    push_some(x, 1000);
}

static void user_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct streams *st = self->state;
    struct stream *x = lower->upper_state;
    cr_assert_not_null(x);
    cr_assert_eq(x->ends, 0, "bytes or an end behind the end");
    uint64_t n = xk_msg_length(m);
    if (n == 0) {
        x->ends++;
        x->finish |= st->close_at_end;
        push_some(x, 1000);
        return;
    }
    if (x->from_seed) {
        struct rope want;
        rope_init(&want);
        rope_add_pattern(&want, x->from_seed, x->got, n);
        cr_assert(rope_equal(&want, &m->data), "bytes %" PRIu64 " to %" PRIu64 " are others",
                  x->got, x->got + n);
        rope_fini(&want);
    }
    x->got += n;
    x->piece = n;
}

static void user_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    (void)self;
    struct stream *x = lower->upper_state;
    struct xk_control c = { .op = XK_TCP_GET_URGENT };
    x->ready++;
    if (xk_sessn_control(lower, &c) == XK_OK)
        x->urgent = c.u64;
    push_some(x, 1000);
}

static void user_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    (void)self;
    struct stream *x = lower->upper_state;
    cr_assert_eq(x->fails, 0, "two ends");
    x->fails++;
    x->why = why;
    struct tcp_view v = { .state = TCP_LISTEN };
    if (x->lent)
        tcp_look(lower, &v);
    if (v.state == TCP_CLOSED) { /* there is nothing to be given back */
        xk_close(x->lent);
        x->lent = NULL;
    }
}

static enum xk_status user_init(struct xk_protl *self, const void *params)
{
    (void)self;
    (void)params;
    return XK_OK;
}

static const struct xk_protl_ops user_protl = {
    .kind = { .name = "streams", .doc = "streams of a test", .state_size = sizeof(struct streams) },
    .down_min = 1,
    .down_max = 2,
    .init = user_init,
    .open_done = user_done,
    .demux = user_demux,
    .ready = user_ready,
    .failed = user_failed,
};

/* ---- acts ---- */

void tcp_rig_protocols(void)
{
    rig_protocol = &tip_protl;
    rig_protocol_too = &user_protl;
}

struct fake_options tcp_rig_lossy(uint64_t seed, uint32_t delay_ppm, sim_time delay_max)
{
    return (struct fake_options){ .seed = seed,
                                  .lossy = true,
                                  .unordered = true,
                                  .latency = 1 * SIM_MS,
                                  .byte_time = 100 * SIM_NS,
                                  .drop_ppm = 30000,
                                  .duplicate_ppm = 20000,
                                  .delay_ppm = delay_ppm,
                                  .delay_max = delay_max };
}

void tcp_rig_start(struct rig *r, struct fake_options *o, const char *graph)
{
    tcp_rig_protocols();
    rig_start(r, o, graph, NULL, NULL);
}

static struct xk_protl *user_of(struct rig *r, uint32_t node)
{
    return xk_find(r->k[node], "user");
}

struct streams *tcp_streams(struct rig *r, uint32_t node)
{
    return user_of(r, node)->state;
}

const struct tcp_counts *tcp_rig_counts(struct rig *r, uint32_t node)
{
    return tcp_counts(xk_find(r->k[node], "tcp"));
}

struct act {
    struct rig *r;
    uint32_t node, to;
    uint16_t own, port;
    struct stream *x;
    uint64_t piece;
    struct xk_control c;
    enum xk_status why;
};

static void do_listen(struct port *p, void *arg)
{
    (void)p;
    struct act *a = arg;
    struct xk_protl *user = user_of(a->r, a->node);
    a->why = xk_open_enable(user->down[0], user, xk_at_port(a->port));
}

enum xk_status tcp_rig_listen(struct rig *r, uint32_t node, uint16_t port)
{
    struct act a = { .r = r, .node = node, .port = port };
    fake_call(r->f, node, do_listen, &a);
    return a.why;
}

static void do_open(struct port *p, void *arg)
{
    (void)p;
    struct act *a = arg;
    struct xk_protl *user = user_of(a->r, a->node);
    struct xk_parts peer = xk_any();
    if (xk_find(a->r->k[a->node], "arp"))
        xk_part_push(&peer, XK_PART_NODE, a->to);
    else
        xk_part_push(&peer, XK_PART_ADDRESS, TIP_BASE + a->to);
    if (a->own)
        xk_part_push(&peer, XK_PART_PORT, a->own);
    xk_part_push(&peer, XK_PART_PORT, a->port);
    struct xk_sessn *s = xk_open(user->down[0], user, peer, &a->why);
    if (!s)
        return;
    a->x = stream_new(user->state, s);
    a->x->opened = true;
}

struct stream *tcp_rig_open(struct rig *r, uint32_t node, uint32_t to, uint16_t own, uint16_t port,
                            enum xk_status *why)
{
    struct act a = { .r = r, .node = node, .to = to, .own = own, .port = port };
    fake_call(r->f, node, do_open, &a);
    *why = a.why;
    return a.x;
}

static void do_push(struct port *p, void *arg)
{
    (void)p;
    struct act *a = arg;
    push_some(a->x, a->piece);
}

void tcp_rig_push(struct rig *r, uint32_t node, struct stream *x, uint64_t piece)
{
    struct act a = { .r = r, .x = x, .piece = piece };
    fake_call(r->f, node, do_push, &a);
}

static void do_control(struct port *p, void *arg)
{
    (void)p;
    struct act *a = arg;
    cr_assert_eq(xk_sessn_control(a->x->s, &a->c), XK_OK);
}

void tcp_rig_control(struct rig *r, uint32_t node, struct stream *x, enum xk_control_op op,
                     uint64_t u64)
{
    struct act a = { .x = x, .c = { .op = op, .u64 = u64 } };
    fake_call(r->f, node, do_control, &a);
}

struct move {
    struct rig *r;
    uint32_t node;
    struct stream *x;
    void (*change)(void *arg, struct rope *block);
    void *arg;
    bool moved, taken;
    enum xk_status why;
};

static struct xk_sessn *open_guest(struct xk_protl *user, struct xk_sessn *s)
{
    struct xk_control mine = { .op = XK_GET_MY_PORT }, peer = { .op = XK_GET_PEER_PORT },
                      at = { .op = XK_GET_PEER_ADDRESS };
    struct xk_parts parts = xk_any();
    enum xk_status why;
    cr_assert(xk_sessn_control(s, &mine) == XK_OK && xk_sessn_control(s, &peer) == XK_OK &&
              xk_sessn_control(s, &at) == XK_OK);
    xk_part_push(&parts, XK_PART_ADDRESS, at.u64);
    xk_part_push(&parts, XK_PART_PORT, mine.u64);
    xk_part_push(&parts, XK_PART_PORT, peer.u64);
    struct xk_sessn *guest = xk_open(user->down[1], user, parts, &why);
    cr_assert_not_null(guest, "%s", xk_status_name(why));
    return guest;
}

static void do_move(struct port *p, void *arg)
{
    struct move *a = arg;
    struct stream *x = a->x;
    struct xk_protl *user = user_of(a->r, a->node);
    struct xk_msg block;
    (void)p;
    xk_msg_init(&block);
    struct xk_control out = { .op = XK_TCP_EXPORT, .msg = &block },
                      in = { .op = XK_TCP_IMPORT, .msg = &block };
    struct xk_sessn *from = x->s;
    a->why = from ? xk_sessn_control(from, &out) : XK_CLOSED;
    a->moved = a->why == XK_OK;
    if (!a->moved)
        return;
    struct xk_sessn *to = x->lent ? x->lent : open_guest(user, from);
    if (a->change)
        a->change(a->arg, &block.data);
    x->lent = x->lent ? NULL : from;
    x->s = to;
    to->upper_state = x;
    a->taken = xk_sessn_control(to, &in) == XK_OK;
    xk_msg_fini(&block);
    if (!x->lent)
        xk_close(from);
}

bool tcp_rig_move_changed(struct rig *r, uint32_t node, struct stream *x,
                          void (*change)(void *arg, struct rope *block), void *arg)
{
    struct move a = { .r = r, .node = node, .x = x, .change = change, .arg = arg };
    fake_call(r->f, node, do_move, &a);
    cr_assert(change || a.taken == a.moved);
    x->why_not = a.why;
    return a.taken;
}

bool tcp_rig_move(struct rig *r, uint32_t node, struct stream *x)
{
    return tcp_rig_move_changed(r, node, x, NULL, NULL);
}

static void do_close(struct port *p, void *arg)
{
    (void)p;
    struct act *a = arg;
    xk_close(a->x->s);
    if (a->x->lent)
        xk_close(a->x->lent);
    a->x->s = a->x->lent = NULL;
}

void tcp_rig_close(struct rig *r, uint32_t node, struct stream *x)
{
    struct act a = { .x = x };
    fake_call(r->f, node, do_close, &a);
}

/* ---- errors of the path ---- */

struct trouble {
    struct rig *r;
    enum xk_status why;
    int shift; /* of the number that is quoted */
};

/* Of the first that the connection of 0.2000 to 1.80 sent and that is not acknowledged. */
static void tell_trouble(struct port *p, void *arg)
{
    struct trouble *x = arg;
    struct xk_protl *ip = xk_find(x->r->k[0], "ip");
    struct tcp_state_of *st = xk_find(x->r->k[0], "tcp")->state;
    struct tcp_key key = { TIP_BASE, TIP_BASE + 1, 2000, 80 };
    const struct tcp_conn *t = xk_map_resolve(&st->conns, &key);
    enum xk_status why;
    (void)p;
    cr_assert_not_null(t);
    ((struct tip *)ip->state)->quoted =
        UINT64_C(2000) << 48 | UINT64_C(80) << 32 | (t->una + (uint32_t)x->shift);
    struct xk_sessn *s = tip_get(ip, TIP_BASE + 1, &why);
    xk_failed(s, x->why);
    xk_close(s);
}

static void tip_fails(struct rig *r, enum xk_status why, int shift)
{
    struct trouble x = { r, why, shift };
    fake_call(r->f, 0, tell_trouble, &x);
}

/* Some gateway takes no longer datagrams than so many bytes. */
static void tip_too_long(struct rig *r, uint32_t mtu)
{
    ((struct tip *)xk_find(r->k[0], "ip")->state)->mtu = mtu;
    tip_fails(r, XK_TOO_LONG, 0);
}

/* ---- noise ---- */

struct noise {
    struct rig *r;
    uint32_t node;
    uint64_t *state;
};

static uint32_t draw(struct noise *x)
{
    *x->state = *x->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*x->state >> 32);
}

static void make_noise(struct port *p, void *arg)
{
    struct noise *x = arg;
    struct tcp_state_of *st = xk_find(x->r->k[x->node], "tcp")->state;
    struct tcp_key key = { TIP_BASE + x->node, TIP_BASE, 80, 2000 };
    const struct tcp_conn *t = xk_map_resolve(&st->conns, &key);
    uint8_t bytes[60 + 100];
    enum xk_status why;
    size_t size = draw(x) % 20 == 0 ? draw(x) % sizeof bytes : 20 + draw(x) % 100;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)draw(x);
    if (size >= 20) {
        uint32_t jitter = draw(x) % 4 ? draw(x) % 300 - 150 : draw(x);
        wire_put16(bytes, 2000);
        wire_put16(bytes + 2, 80);
        wire_put32(bytes + 4, (t ? t->rcv_nxt : 1001) + jitter);
        wire_put32(bytes + 8, (t ? t->una : 0) + (draw(x) % 3 ? draw(x) % 100 : draw(x)));
        bytes[12] = (uint8_t)((5 + (draw(x) % 3 ? 0 : draw(x) % 11)) << 4);
        bytes[13] = (uint8_t)(draw(x) % 4 ? 16 | (bytes[13] & 9) : bytes[13]);
        wire_put16(bytes + 16, 0);
    }
    struct rope r;
    rope_init(&r);
    rope_add_bytes(&r, bytes, size);
    uint16_t sum = tcp_sum(key.peer, key.mine, &r);
    rope_fini(&r);
    if (size >= 20 && draw(x) % 20)
        wire_put16(bytes + 16, sum);
    struct xk_msg m;
    xk_msg_init(&m);
    rope_add_bytes(&m.data, bytes, size);
    (void)p;
    struct xk_sessn *s = tip_get(xk_find(x->r->k[x->node], "ip"), TIP_BASE, &why);
    xk_demux(s, &m);
    xk_msg_fini(&m);
    xk_close(s);
}

void tcp_rig_noise(struct rig *r, uint32_t node, uint64_t *state)
{
    struct noise x = { r, node, state };
    fake_call(r->f, node, make_noise, &x);
}

struct holes {
    struct rig *r;
    uint32_t node, count;
};

static void make_holes(struct port *p, void *arg)
{
    struct holes *x = arg;
    struct tcp_state_of *st = xk_find(x->r->k[x->node], "tcp")->state;
    struct tcp_key key = { TIP_BASE + x->node, TIP_BASE, 80, 2000 };
    const struct tcp_conn *t = xk_map_resolve(&st->conns, &key);
    enum xk_status why;
    cr_assert_not_null(t);
    struct xk_sessn *s = tip_get(xk_find(x->r->k[x->node], "ip"), TIP_BASE, &why);
    for (uint32_t i = 0; i < x->count; i++) {
        struct tcp_segment g = { .from = 2000, .to = 80, .flags = TCP_ACK, .window = 1000 };
        struct xk_msg m;
        g.seq = t->rcv_nxt + 1 + 2 * i;
        g.ack = t->una;
        rope_init(&g.data);
        rope_add_pattern(&g.data, 8, 1 + 2 * i, 1);
        tcp_store(p, key.peer, key.mine, &g, false, &m);
        xk_demux(s, &m);
        xk_msg_fini(&m);
    }
    xk_close(s);
}

void tcp_rig_holes(struct rig *r, uint32_t node, uint32_t count)
{
    struct holes x = { r, node, count };
    fake_call(r->f, node, make_holes, &x);
}

/* ---- scripts ---- */

#define SENT_MOST 256

struct script {
    struct rig r;
    char sent[SENT_MOST][120];
    uint32_t count, seen;
    struct stream *x;
    const char *line;
    uint32_t number;
};

static void parse(const char *text, struct tcp_segment *g)
{
    char flags[16], ack[16];
    unsigned long seq, len, win, v, e;
    int at = 0;
    *g = (struct tcp_segment){ .from = 80, .to = 2000 };
    cr_assert_eq(sscanf(text, "%15s %lu:%lu ack %15s win %lu%n", flags, &seq, &len, ack, &win, &at),
                 5, "no segment: '%s'", text);
    for (const char *f = flags; *f; f++)
        g->flags |= (uint8_t)(*f == 'S'   ? TCP_SYN
                              : *f == 'F' ? TCP_FIN
                              : *f == 'R' ? TCP_RST
                              : *f == 'P' ? TCP_PSH
                              : *f == '.' ? TCP_ACK
                              : *f == 'U' ? TCP_URG
                                          : 0);
    g->seq = SCRIPT_ISN + (uint32_t)seq;
    g->ack = strcmp(ack, "-") == 0 ? 0 : TCP_ISN + (uint32_t)strtoul(ack, NULL, 10);
    g->window = (uint16_t)win;
    const char *o = strstr(text + at, "mss");
    if (o && sscanf(o, "mss %lu", &v) == 1)
        g->mss = (uint16_t)v;
    o = strstr(text + at, "ws");
    g->has_scale = o && sscanf(o, "ws %lu", &v) == 1;
    if (g->has_scale)
        g->scale = (uint8_t)v;
    o = strstr(text + at, "ts");
    g->has_stamp = o && sscanf(o, "ts %lu %lu", &v, &e) == 2;
    if (g->has_stamp) {
        g->stamp = (uint32_t)v;
        g->echo = (uint32_t)e;
    }
    g->sack_ok = strstr(text + at, "sackok") != NULL;
    o = strstr(text + at, "urg");
    if (o && sscanf(o, "urg %lu", &v) == 1)
        g->urgent = (uint16_t)v;
    o = strstr(text + at, "sack ");
    for (o = o ? o + 4 : NULL; o && sscanf(o, " %lu-%lu", &v, &e) == 2; o = strchr(o + 1, ' '))
        g->sack[g->sacks++] = (struct tcp_range){ TCP_ISN + (uint32_t)v, TCP_ISN + (uint32_t)e };
    rope_init(&g->data);
    rope_add_pattern(&g->data, 77, (uint32_t)seq - !(g->flags & TCP_SYN), len);
}

static void put(struct port *p, void *arg)
{
    struct script *x = arg;
    struct tcp_segment g;
    struct xk_msg m;
    enum xk_status why;
    parse(x->line + 2, &g);
    tcp_store(p, TIP_BASE + 1, TIP_BASE, &g, g.has_scale, &m);
    struct xk_sessn *s = tip_get(xk_find(x->r.k[0], "ip"), TIP_BASE + 1, &why);
    cr_assert_not_null(s);
    xk_demux(s, &m);
    xk_msg_fini(&m);
    xk_close(s);
}

/* As the lines of a script have it. */
static void tell(const struct tcp_segment *g, char *out, size_t size)
{
    char flags[8] = "", ack[16] = "-";
    static const struct {
        unsigned bit;
        char letter;
    } letters[] = { { TCP_SYN, 'S' }, { TCP_FIN, 'F' }, { TCP_RST, 'R' },
                    { TCP_PSH, 'P' }, { TCP_URG, 'U' }, { TCP_ACK, '.' } };
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (g->flags & letters[i].bit)
            flags[n++] = letters[i].letter;
    flags[n] = '\0';
    bool none = g->flags & TCP_RST && !(g->flags & TCP_ACK);
    if (g->flags & TCP_ACK)
        snprintf(ack, sizeof ack, "%" PRIu32, g->ack - SCRIPT_ISN);
    bool nobody = g->flags & TCP_RST && g->seq == 0;
    n = (size_t)snprintf(out, size, "%s %" PRIu32 ":%" PRIu64 " ack %s win %u", flags,
                         nobody ? 0 : g->seq - TCP_ISN, g->data.length, ack, none ? 0 : g->window);
    if (g->mss)
        n += (size_t)snprintf(out + n, size - n, " mss %u", g->mss);
    if (g->has_scale)
        n += (size_t)snprintf(out + n, size - n, " ws %u", g->scale);
    if (g->sack_ok)
        n += (size_t)snprintf(out + n, size - n, " sackok");
    if (g->flags & TCP_URG)
        n += (size_t)snprintf(out + n, size - n, " urg %u", g->urgent);
    for (uint32_t i = 0; i < g->sacks; i++)
        n += (size_t)snprintf(out + n, size - n, "%s %" PRIu32 "-%" PRIu32, i ? "" : " sack",
                              g->sack[i].from - SCRIPT_ISN, g->sack[i].to - SCRIPT_ISN);
    if (g->has_stamp)
        snprintf(out + n, size - n, " ts %" PRIu32 " %" PRIu32, g->stamp, g->echo);
}

static bool watch(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct script *x = arg;
    struct tcp_state_of none = { .inside = 0 };
    struct tcp_segment g;
    struct xk_msg m;
    struct rope copy;
    if (src != 0 || dst != 1)
        return true;
    rope_copy(&copy, frame);
    rope_drop_front(&copy, TIP_DRIVER + TIP_HEADER);
    xk_msg_init_rope(&m, &copy);
    cr_assert(tcp_load(&none, fake_port(x->r.f, 0), TIP_BASE, TIP_BASE + 1, &m, &g));
    cr_assert_lt(x->count, SENT_MOST);
    tell(&g, x->sent[x->count++], sizeof x->sent[0]);
    rope_init(&copy);
    rope_add_pattern(&copy, 5, g.seq - TCP_ISN - 1, g.data.length);
    cr_assert(rope_equal(&copy, &g.data), "'%s': not the stream's bytes", x->sent[x->count - 1]);
    rope_fini(&copy);
    rope_fini(&g.data);
    return false;
}

static struct tcp_conn *conn_of(struct script *x)
{
    struct tcp_state_of *st = xk_find(x->r.k[0], "tcp")->state;
    struct tcp_key key = { TIP_BASE, TIP_BASE + 1, 2000, 80 };
    return xk_map_resolve(&st->conns, &key);
}

static void nothing_else(struct script *x)
{
    cr_assert_eq(x->seen, x->count, "line %u, '%s': before it was sent '%s'", x->number, x->line,
                 x->seen < x->count ? x->sent[x->seen] : "");
}

static void act(struct script *x)
{
    char word[32];
    unsigned long v = 0;
    enum xk_status why = XK_OK;
    struct rig *r = &x->r;
    struct streams *st = tcp_streams(r, 0);
    cr_assert_geq(sscanf(x->line + 2, "%31s %lu", word, &v), 1);
    if (!x->x && st->count > 0)
        x->x = &st->at[0];
    if (strcmp(word, "open") == 0)
        x->x = tcp_rig_open(r, 0, 1, 2000, 80, &why);
    else if (strcmp(word, "listen") == 0)
        why = tcp_rig_listen(r, 0, 2000);
    else if (strcmp(word, "hold") == 0)
        st->hold = true;
    else if (strcmp(word, "refuse") == 0)
        st->refuse = true;
    else if (strcmp(word, "push") == 0) {
        x->x->to_push += v;
        tcp_rig_push(r, 0, x->x, v);
    } else if (strcmp(word, "close") == 0)
        tcp_rig_close(r, 0, x->x);
    else if (strcmp(word, "finish") == 0)
        tcp_rig_control(r, 0, x->x, XK_TCP_FINISH, 0);
    else if (strcmp(word, "abort") == 0)
        tcp_rig_control(r, 0, x->x, XK_TCP_ABORT, 0);
    else if (strcmp(word, "consume") == 0)
        tcp_rig_control(r, 0, x->x, XK_TCP_CONSUMED, v);
    else if (strcmp(word, "user_timeout") == 0)
        tcp_rig_control(r, 0, x->x, XK_TCP_USER_TIMEOUT, v * SIM_MS);
    else if (strcmp(word, "urgent") == 0)
        tcp_rig_control(r, 0, x->x, XK_TCP_URGENT, 0);
    else if (strcmp(word, "mtu") == 0)
        tip_too_long(r, (uint32_t)v);
    else if (strcmp(word, "unreachable") == 0)
        tip_fails(r, XK_UNREACHABLE, 0);
    else if (strcmp(word, "refused") == 0)
        tip_fails(r, XK_REFUSED, 0);
    else if (strcmp(word, "refused_old") == 0)
        tip_fails(r, XK_REFUSED, -1);
    else if (strcmp(word, "nodelay") == 0)
        tcp_rig_control(r, 0, x->x, XK_TCP_NODELAY, v);
    else
        cr_assert_fail("no act: '%s'", x->line);
    cr_assert_eq(why, XK_OK, "line %u, '%s': %s", x->number, x->line, xk_status_name(why));
}

static void ask(struct script *x)
{
    char word[32], text[32];
    cr_assert_eq(sscanf(x->line + 2, "%31s %31[^\n]", word, text), 2);
    const struct streams *st = tcp_streams(&x->r, 0);
    const struct stream *s = &st->at[0];
    uint64_t v = strtoull(text, NULL, 10), is = 0;
    if (strcmp(word, "failed") == 0) {
        cr_assert(s->fails == 1 && strcmp(xk_status_name(s->why), text) == 0, "line %u, '%s': %s",
                  x->number, x->line, s->fails ? xk_status_name(s->why) : "it did not");
        return;
    }
    if (strcmp(word, "got") == 0)
        is = s->got;
    else if (strcmp(word, "ready") == 0)
        is = s->ready;
    else if (strcmp(word, "ends") == 0)
        is = s->ends;
    else if (strcmp(word, "streams") == 0)
        is = st->count;
    else if (strcmp(word, "pushed") == 0)
        is = s->pushed;
    else if (strcmp(word, "piece") == 0)
        is = s->piece;
    else if (strcmp(word, "urgent") == 0)
        is = s->urgent;
    else {
        char name[40];
        snprintf(name, sizeof name, "tcp.%s", word);
        is = fake_count(x->r.f, 0, name);
    }
    cr_assert_eq(is, v, "line %u, '%s': it is %" PRIu64, x->number, x->line, is);
}

static void step(struct script *x)
{
    struct rig *r = &x->r;
    struct tcp_conn *t;
    switch (x->line[0]) {
    case '!':
        nothing_else(x);
        act(x);
        break;
    case '<':
        nothing_else(x);
        fake_call(r->f, 0, put, x);
        fake_run_until(r->f, fake_now(r->f) + 10 * SIM_US);
        break;
    case '>':
        cr_assert_lt(x->seen, x->count, "line %u, '%s': nothing was sent", x->number, x->line);
        cr_assert_str_eq(x->sent[x->seen], x->line + 2, "line %u, '%s': sent was '%s'", x->number,
                         x->line, x->sent[x->seen]);
        x->seen++;
        break;
    case '+':
        nothing_else(x);
        fake_run_until(r->f, fake_now(r->f) + strtoll(x->line + 2, NULL, 10) * SIM_MS);
        break;
    case '=':
        t = conn_of(x);
        cr_assert_str_eq(t ? tcp_state_name((enum tcp_state)t->state) : "gone", x->line + 2,
                         "line %u, '%s': it is %s", x->number, x->line,
                         t ? tcp_state_name((enum tcp_state)t->state) : "gone");
        break;
    case '?':
        ask(x);
        break;
    default:
        cr_assert_fail("no step: '%s'", x->line);
    }
}

/* Of each segment that came one counter says what became of it. */
static void each_has_its_cause(struct script *x)
{
    const struct tcp_counts *c = tcp_rig_counts(&x->r, 0);
    uint64_t all = c->rcvshort + c->rcvbadsum + c->rcvbadoff + c->nobody + c->rcvbadrst +
                   c->rcvrst + c->rcvbadack + c->rcvbadflags + c->rcvbadsyn + c->listendrop +
                   c->pawsdrop + c->rcvafterclose + c->rcvpackafterwin + c->rcvacktoomuch +
                   c->rcvtaken;
    cr_assert_eq(c->rcvtotal, all, "line %u, '%s': %" PRIu64 " came, %" PRIu64 " have a cause",
                 x->number, x->line, c->rcvtotal, all);
}

void tcp_script(const char *params, const char *const *script)
{
    struct script *x = base_zalloc(1, sizeof *x);
    struct fake_options o = { .latency = SIM_US, .mtu = 1508 };
    char graph[512];
    snprintf(graph, sizeof graph, TCP_RIG("isn=%" PRIu32 " %s"), TCP_ISN, params);
    tcp_rig_start(&x->r, &o, graph);
    tcp_streams(&x->r, 0)->accept_seed = 5;
    tcp_streams(&x->r, 0)->accept_from = 77;
    fake_on_frame(x->r.f, watch, x);
    for (; *script; script++) {
        x->line = *script;
        x->number++;
        if (x->x) {
            x->x->seed = 5;
            x->x->from_seed = 77;
        }
        step(x);
    }
    nothing_else(x);
    each_has_its_cause(x);
    rig_stop(&x->r);
    cr_assert_eq(rope_leaves_alive(), 0);
    free(x);
}
