/* udp.c: UDP.  See udp.h and README.md. */
#include "os/proto/udp/udp_internal.h"

#include "os/proto/filter/filter.h"
#include "os/proto/ip/ip.h"
#include "os/xk/inet.h"

static const struct param params[] = {
    P_BOOL(udp_params, checksum, "true", "what is sent is summed", "RFC 1122, 4.1.3.4"),
    P_BOOL(udp_params, guest, "false",
           "it has no ports of its own, only those that another instance of the node lends"),
    P_INT(udp_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

/* ---- ports ---- */

static struct udp_port *port_find(struct udp_state *st, uint32_t port)
{
    return xk_map_resolve(&st->ports, &port);
}

/* It is that upper's; NULL: it is another's. */
static struct udp_port *port_take(struct xk_protl *self, struct xk_protl *upper, uint32_t port)
{
    struct udp_state *st = self->state;
    struct udp_port *p = port_find(st, port);
    if (p)
        return p->upper == upper ? p : NULL;
    p = port_alloc(xk_port(self), sizeof *p);
    p->upper = upper;
    xk_map_bind(&st->ports, &port, p);
    return p;
}

static void port_drop(struct udp_state *st, uint32_t port)
{
    struct udp_port *p = port_find(st, port);
    if (!p || p->sessns > 0 || p->enabled)
        return;
    xk_map_unbind(&st->ports, &port);
    port_free(st->ports.port, p);
}

/* The next free one; 0: there is none. */
static uint32_t port_next(struct udp_state *st)
{
    uint32_t all = UDP_PORT_LOCAL - UDP_PORT_FIRST;
    for (uint32_t i = 0; i < all; i++) {
        uint32_t port = UDP_PORT_FIRST + st->next++ % all;
        if (!port_find(st, port))
            return port;
    }
    return 0;
}

/* ---- ports that are lent: UDP6 ---- */

bool udp_is_guest(const void *params_of)
{
    return ((const struct udp_params *)params_of)->guest;
}

enum xk_status udp_lend(struct xk_protl *udp, const struct udp_lent *to)
{
    struct xk_msg m;
    xk_msg_init(&m);
    uint8_t *wire = xk_msg_push(&m, UDP_LEND);
    wire_put32(wire, to->peer);
    wire_put16(wire + 4, to->peer_port);
    wire_put16(wire + 6, to->port);
    wire[8] = to->number;
    struct xk_control c = { .op = XK_UDP_LEND, .msg = &m };
    enum xk_status r = xk_protl_control(udp, &c);
    xk_msg_fini(&m);
    return r;
}

/* The filter of what is lent is added below, or removed. */
static enum xk_status filter_lent(struct xk_protl *self, const struct udp_lent *to, bool add)
{
    struct filter_program p;
    struct xk_control mine = { .op = XK_GET_MY_ADDRESS };
    enum xk_status r = xk_control_below(self, &mine);
    if (r != XK_OK)
        return r;
    filter_session(&p, IP_TYPE_UDP, (uint32_t)mine.u64, to->port, to->peer, to->peer_port);
    return add ? filter_add(self->down[0], to->number, &p)
               : filter_remove(self->down[0], to->number, &p);
}

static void set_lent(struct xk_protl *self, struct udp_port *p, const struct udp_lent *to)
{
    struct udp_state *st = self->state;
    if (p->lent.number)
        (void)filter_lent(self, &p->lent, false);
    st->counts.lent += !p->lent.number && to->number;
    st->counts.returned += p->lent.number && !to->number;
    p->lent = *to;
}

static enum xk_status lend(struct xk_protl *self, struct xk_control *c)
{
    struct udp_state *st = self->state;
    uint8_t wire[UDP_LEND];
    if (!c->msg || xk_msg_length(c->msg) != UDP_LEND || !xk_msg_pop(c->msg, wire, UDP_LEND))
        return XK_REFUSED;
    struct udp_lent to = { .peer = wire_get32(wire),
                           .peer_port = wire_get16(wire + 4),
                           .port = wire_get16(wire + 6),
                           .number = wire[8] };
    struct udp_port *p = port_find(st, to.port);
    if (!p || !p->enabled || st->params->guest)
        return XK_REFUSED;
    enum xk_status r = to.number ? filter_lent(self, &to, true) : XK_OK;
    if (r == XK_OK)
        set_lent(self, p, &to);
    return r;
}

/* ---- down ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct udp_state *st = s->protl->state;
    const struct udp_key *k = &((struct udp_sessn *)s->state)->key;
    uint8_t undo[UDP_HEADER];
    uint64_t length = xk_msg_length(m) + UDP_HEADER;
    if (length > IP_LONGEST - IP_HEADER)
        return XK_TOO_LONG;
    uint8_t *wire = xk_msg_push(m, UDP_HEADER);
    wire_put16(wire, k->port);
    wire_put16(wire + 2, k->peer_port);
    wire_put16(wire + 4, (uint16_t)length);
    wire_put16(wire + 6, 0);
    if (st->params->checksum) {
        uint16_t sum = inet_checksum(
            inet_sum_msg(inet_sum_pseudo(k->local, k->peer, IP_TYPE_UDP, (uint32_t)length), m));
        wire_put16(wire + 6, sum ? sum : 0xffff); /* 0 says that there is none */
        port_work(xk_port(s->protl), PORT_WORK_CHECKSUM, length);
    }
    enum xk_status r = xk_push(s->down[0], m);
    if (r != XK_OK) {
        bool popped = xk_msg_pop(m, undo, UDP_HEADER);
        ASSERT(popped);
        return r;
    }
    st->counts.sent++;
    return XK_OK;
}

static void sessn_close(struct xk_sessn *s)
{
    xk_keyed_idle(&((struct udp_state *)s->protl->state)->sessns, s);
}

static void sessn_forget(struct xk_sessn *s)
{
    struct udp_state *st = s->protl->state;
    uint32_t port = ((struct udp_sessn *)s->state)->key.port;
    port_find(st, port)->sessns--;
    port_drop(st, port);
}

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    const struct udp_key *k = &((struct udp_sessn *)s->state)->key;
    if (c->op != XK_GET_MY_PORT && c->op != XK_GET_PEER_PORT) {
        enum xk_status r = xk_sessn_control(s->down[0], c);
        if (c->op == XK_GET_OPT_PACKET && r == XK_OK)
            c->u64 -= c->u64 > UDP_HEADER ? UDP_HEADER : c->u64;
        return r;
    }
    c->u64 = c->op == XK_GET_MY_PORT ? k->port : k->peer_port;
    return XK_OK;
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = sessn_close,
                                               .control = sessn_control };

static uint32_t address(struct xk_sessn *lower, enum xk_control_op op)
{
    struct xk_control c = { .op = op };
    enum xk_status r = xk_sessn_control(lower, &c);
    ASSERT(r == XK_OK);
    return (uint32_t)c.u64;
}

/* The session over that one below, which it takes if it is made (*fresh). */
static struct xk_sessn *get_sessn(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_sessn *lower, uint32_t peer_port, struct udp_port *port,
                                  uint32_t number, bool *fresh)
{
    struct udp_state *st = self->state;
    struct udp_key k = { .peer = address(lower, XK_GET_PEER_ADDRESS),
                         .local = address(lower, XK_GET_MY_ADDRESS),
                         .peer_port = (uint16_t)peer_port,
                         .port = (uint16_t)number };
    struct xk_sessn *s = xk_keyed_get(&st->sessns, &k);
    *fresh = !s;
    if (s)
        return s;
    s = xk_sessn_new(self, upper, lower->host, &sessn_ops, sizeof(struct udp_sessn));
    ((struct udp_sessn *)s->state)->key = k;
    s->down[s->downs++] = lower;
    port->sessns++;
    xk_keyed_add(&st->sessns, s);
    return s;
}

/* ---- up ---- */

static struct xk_sessn *sessn_of(struct udp_state *st, struct xk_sessn *lower, uint16_t peer_port,
                                 uint16_t port)
{
    struct udp_key k = { .peer = address(lower, XK_GET_PEER_ADDRESS),
                         .local = address(lower, XK_GET_MY_ADDRESS),
                         .peer_port = peer_port,
                         .port = port };
    return xk_keyed_get(&st->sessns, &k);
}

/* Takes the header off, and what is behind the message; false: it is dropped, and counted. */
static bool header_take(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m,
                        uint16_t *peer_port, uint16_t *port)
{
    struct udp_state *st = self->state;
    uint8_t wire[UDP_HEADER];
    struct xk_msg padding;
    uint64_t all = xk_msg_length(m);
    bool good = xk_msg_pop(m, wire, UDP_HEADER);
    uint32_t length = good ? wire_get16(wire + 4) : 0;
    if (length < UDP_HEADER || length > all) {
        st->counts.short_++;
        return false;
    }
    if (length < all) {
        xk_msg_split(m, length - UDP_HEADER, &padding);
        xk_msg_fini(&padding);
    }
    *peer_port = wire_get16(wire);
    *port = wire_get16(wire + 2);
    if (wire_get16(wire + 6) == 0)
        return true;
    uint32_t sum = inet_sum_pseudo(address(lower, XK_GET_PEER_ADDRESS),
                                   address(lower, XK_GET_TARGET_ADDRESS), IP_TYPE_UDP, length);
    port_work(xk_port(self), PORT_WORK_CHECKSUM, length);
    if (inet_sum_msg(inet_sum(sum, wire, UDP_HEADER), m) == 0xffff)
        return true;
    st->counts.bad_checksum++;
    return false;
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct udp_state *st = self->state;
    uint16_t peer_port, number;
    bool fresh = false;
    st->counts.received++;
    if (!header_take(self, lower, m, &peer_port, &number))
        return;
    if (number >= UDP_PORT_LOCAL && lower->host == XK_NO_HOST) {
        st->counts.stranger++; /* it is none of the machine's nodes */
        return;
    }
    struct xk_sessn *s = sessn_of(st, lower, peer_port, number);
    struct udp_port *port = s ? NULL : port_find(st, number);
    if (port && port->enabled)
        s = get_sessn(self, port->upper, xk_dup(lower), peer_port, port, number, &fresh);
    if (!s) {
        struct xk_control c = { .op = XK_SEND_UNREACHABLE, .u64 = ICMP_PORT };
        st->counts.no_port++;
        xk_sessn_control(lower, &c);
        return;
    }
    st->counts.delivered++;
    if (fresh)
        xk_open_done(s->upper, s);
    xk_demux(s, m);
    xk_close(s);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    xk_keyed_over(&((struct udp_state *)self->state)->sessns, lower, xk_ready);
}

/* UDP3. */
static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct udp_state *st = self->state;
    struct xk_control c = { .op = XK_GET_QUOTED };
    uint8_t header[UDP_HEADER];
    if (xk_sessn_control(lower, &c) != XK_OK)
        return;
    wire_put64(header, c.u64);
    struct xk_sessn *s = sessn_of(st, lower, wire_get16(header + 2), wire_get16(header));
    if (!s)
        return;
    st->counts.failed++;
    xk_failed(s, why);
    xk_close(s);
}

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct udp_state *st = self->state;
    st->params = p;
    xk_keyed_init(&st->sessns, self, sizeof(struct udp_key), (uint32_t)st->params->idle);
    st->sessns.forget = sessn_forget;
    xk_map_init(&st->ports, xk_port(self), sizeof(uint32_t));
    return xk_open_enable(self->down[0], self, xk_type(IP_TYPE_UDP));
}

/* The ports off the parts: the peer's, and this end's.  0: none is named. */
static bool ports_take(struct xk_parts *ps, const struct xk_protl *upper, uint64_t *peer,
                       uint64_t *own)
{
    *own = 0;
    if (!xk_part_take(ps, XK_PART_PORT, peer)) {
        *peer = *own = UDP_PORT_LOCAL + upper->number;
        return true;
    }
    if (ps->count > 0 && ps->type[ps->count - 1] == XK_PART_PORT) {
        *own = *peer; /* it stood above */
        if (!xk_part_take(ps, XK_PART_PORT, peer))
            return false;
    }
    return *peer > 0 && *peer < UDP_PORT_LOCAL && *own < UDP_PORT_LOCAL;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct udp_state *st = self->state;
    uint64_t peer_port, own;
    bool fresh;
    *why = XK_REFUSED; /* UDP4 */
    if (!ports_take(&peer, upper, &peer_port, &own))
        return NULL;
    if (st->params->guest && (own == 0 || own >= UDP_PORT_LOCAL))
        return NULL; /* UDP6 */
    uint32_t number = own ? (uint32_t)own : port_next(st);
    struct udp_port *port = number ? port_take(self, upper, number) : NULL;
    if (!port)
        return NULL;
    if (number >= UDP_PORT_LOCAL)
        port->enabled = true; /* answers come to who has asked */
    xk_part_push(&peer, XK_PART_TYPE, IP_TYPE_UDP);
    struct xk_sessn *lower = xk_open(self->down[0], self, peer, why);
    if (!lower) {
        port_drop(st, number);
        return NULL;
    }
    struct xk_sessn *s = get_sessn(self, upper, lower, (uint32_t)peer_port, port, number, &fresh);
    if (!fresh)
        xk_close(lower);
    return s;
}

static bool port_of(struct xk_parts *local, const struct xk_protl *upper, uint64_t *port)
{
    bool named = xk_part_take(local, XK_PART_PORT, port);
    if (!named)
        *port = UDP_PORT_LOCAL + upper->number;
    return local->count == 0 && *port > 0 && (!named || *port < UDP_PORT_LOCAL);
}

static enum xk_status protl_enable(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local)
{
    uint64_t number;
    const struct udp_params *own = ((struct udp_state *)self->state)->params;
    bool good = port_of(&local, upper, &number) && !(own->guest && number >= UDP_PORT_LOCAL);
    struct udp_port *p = good ? port_take(self, upper, (uint32_t)number) : NULL;
    if (!p)
        return XK_REFUSED; /* UDP4, UDP6, PART1 */
    p->enabled = true;
    return XK_OK;
}

static enum xk_status protl_disable(struct xk_protl *self, struct xk_protl *upper,
                                    struct xk_parts local)
{
    struct udp_state *st = self->state;
    uint64_t number;
    struct udp_port *p = port_of(&local, upper, &number) ? port_find(st, (uint32_t)number) : NULL;
    if (!p || p->upper != upper)
        return XK_REFUSED;
    set_lent(self, p, &(struct udp_lent){ .number = 0 });
    p->enabled = false;
    port_drop(st, (uint32_t)number);
    return XK_OK;
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct udp_state *st = self->state;
    if (c->op == XK_UDP_LEND)
        return lend(self, c);
    if (c->op == XK_FREE_RESOURCES) {
        c->u64 = xk_keyed_reclaim(&st->sessns);
        return XK_OK;
    }
    return xk_control_below(self, c);
}

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    (void)p;
    if (count == 1 && below[0].ops == &ip_protl)
        return true;
    return err_set(e, "%s: protocol 'udp' stands on an instance of 'ip', and '%s' is none", at,
                   below[0].name);
}

static const struct counter counters[] = {
    C_SUM(udp_state, counts, sent, "1", "Messages sent."),
    C_SUM(udp_state, counts, received, "1", "Messages that came."),
    C_SUM(udp_state, counts, delivered, "1", "Of these, given to an upper."),
    COUNTER(COUNTER_SUM, "short", udp_state, counts.short_, "1",
            "Dropped: shorter than the header says."),
    C_SUM(udp_state, counts, bad_checksum, "1", "Dropped: the checksum is wrong."),
    C_SUM(udp_state, counts, no_port, "1", "Dropped: nobody here has that port."),
    C_SUM(udp_state, counts, stranger, "1",
          "Dropped: for an upper without a port, and not from a node."),
    C_SUM(udp_state, counts, failed, "1", "Errors of which an upper was told."),
    C_SUM(udp_state, counts, lent, "1", "Times that a port was lent to another instance."),
    C_SUM(udp_state, counts, returned, "1", "Times that one came back, or its upper was gone."),
    C_END,
};

const struct xk_protl_ops udp_protl = {
    .kind = { .name = "udp",
              .doc = "messages between ports of hosts",
              .params = params,
              .params_size = sizeof(struct udp_params),
              .state_size = sizeof(struct udp_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .header = UDP_HEADER,
    .check = protl_check,
    .needs = XK_HOSTS,
    .init = protl_init,
    .open = protl_open,
    .open_enable = protl_enable,
    .open_disable = protl_disable,
    .demux = protl_demux,
    .ready = protl_ready,
    .failed = protl_failed,
    .control = protl_control,
};
