/* filter.c: FILTER's protocol object.  See filter.h and README.md. */
#include "os/proto/arp/arp.h"
#include "os/proto/eth/eth.h"
#include "os/proto/filter/filter_internal.h"

#include <string.h>

#define IP_HEADER 20u /* bytes without options [RFC 791] */
#define ICMP_HEADER 8u
enum { ICMP = 1, TCP = 6, UDP = 17 }; /* protocols [RFC 1700] */
/* Its types that quote: unreachable, quench, redirect, time exceeded, parameter [RFC 792]. */
static const uint8_t icmp_errors[] = { 3, 4, 5, 11, 12 };

static const struct param params[] = {
    P_INT(filter_params, fragments, "16", "0", "65536",
          "datagrams that came cut whose later fragments still go where the first went",
          "ASSUMED(more than are under way to one host at once)"),
    P_KIND(filter_params, delivery, "ring", xk_transfers,
           "how datagrams cross into the domain of an instance of IP"),
    P_INT(filter_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

/* ---- sessions: one of ARP's each ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    return s->downs > 0 ? xk_push(s->down[0], m) : XK_REFUSED;
}

static void sessn_close(struct xk_sessn *s)
{
    xk_keyed_idle(&((struct filter_state *)s->protl->state)->sessns, s);
}

static void lost_free(struct port *p, struct list *lost)
{
    struct list *l;
    while ((l = list_pop(lost))) {
        struct filter_lost *x = LIST_ENTRY(l, struct filter_lost, link);
        xk_msg_fini(&x->msg);
        port_free(p, x);
    }
}

/* FILT7. */
static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    struct filter_sessn *fs = s->state;
    if (c->op != XK_TAKE_LOST)
        return s->downs > 0 ? xk_sessn_control(s->down[0], c) : XK_REFUSED;
    struct list *l = list_pop(&fs->lost);
    if (!l)
        return XK_REFUSED;
    struct filter_lost *x = LIST_ENTRY(l, struct filter_lost, link);
    xk_msg_move(c->msg, &x->msg);
    port_free(xk_port(s->protl), x);
    return XK_OK;
}

static void sessn_forget(struct xk_sessn *s)
{
    lost_free(xk_port(s->protl), &((struct filter_sessn *)s->state)->lost);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = sessn_close,
                                               .control = sessn_control };

/* Over that one of ARP, which it takes a reference of. */
static struct xk_sessn *get_sessn(struct xk_protl *self, struct xk_protl *upper, uint32_t address,
                                  struct xk_sessn *lower, bool *fresh)
{
    struct filter_state *st = self->state;
    struct filter_key k = { .address = address, .upper = upper->number };
    struct xk_sessn *s = xk_keyed_get(&st->sessns, &k);
    *fresh = !s;
    if (s)
        return s;
    s = xk_sessn_new(self, upper, lower->host, &sessn_ops, sizeof(struct filter_sessn));
    ((struct filter_sessn *)s->state)->key = k;
    list_init(&((struct filter_sessn *)s->state)->lost);
    s->down[s->downs++] = xk_dup(lower);
    xk_keyed_add(&st->sessns, s);
    return s;
}

/* ---- up ---- */

static bool lives(void *arg, uint32_t number)
{
    const struct xk_protl *upper = xk_taker(arg, number);
    return upper && xk_task_lives(upper);
}

struct datagram {
    uint8_t bytes[FILTER_REACH];
    uint32_t length; /* of these */
};

static void look(const struct xk_msg *m, struct datagram *d)
{
    struct xk_msg copy;
    uint64_t length = xk_msg_length(m);
    d->length = length < FILTER_REACH ? (uint32_t)length : FILTER_REACH;
    xk_msg_copy(&copy, m);
    bool popped = xk_msg_pop(&copy, d->bytes, d->length);
    ASSERT(popped);
    xk_msg_fini(&copy);
}

static bool same_part(const struct filter_part *a, const struct filter_part *b)
{
    return a->src == b->src && a->dst == b->dst && a->id == b->id && a->protocol == b->protocol;
}

/* Whose it is; NULL: nobody's. */
static struct xk_protl *by_filters(struct xk_protl *self, const struct datagram *d)
{
    struct filter_state *st = self->state;
    struct filter_seen seen = { 0 };
    struct filter_entry *x = filter_table_find(&st->table, d->bytes, d->length, lives, self, &seen);
    if (seen.looked)
        port_work(xk_port(self), PORT_WORK_FILTER, seen.looked);
    if (seen.steps)
        port_work(xk_port(self), PORT_WORK_FILTER_STEP, seen.steps);
    st->counts.looked += seen.looked;
    st->counts.steps += seen.steps;
    return x ? xk_taker(self, x->upper) : NULL;
}

/* The same, of a piece of a datagram: FILT6. */
static struct xk_protl *by_fragments(struct xk_protl *self, const struct datagram *d,
                                     uint16_t fragment)
{
    struct filter_state *st = self->state;
    uint32_t count = (uint32_t)st->params->fragments;
    struct filter_part p = { .src = wire_get32(d->bytes + 12),
                             .dst = wire_get32(d->bytes + 16),
                             .id = wire_get16(d->bytes + 4),
                             .protocol = d->bytes[9] };
    st->counts.fragments++;
    if ((fragment & 0x1fff) == 0) {
        struct xk_protl *upper = by_filters(self, d);
        p.upper = upper ? upper->number : 0;
        if (upper && count > 0)
            st->parts[st->next_part++ % count] = p;
        return upper;
    }
    for (uint32_t i = 0; i < count; i++)
        if (st->parts[i].upper && same_part(&st->parts[i], &p))
            return lives(self, st->parts[i].upper) ? xk_taker(self, st->parts[i].upper) : NULL;
    return by_filters(self, d);
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
    uint8_t was[4];
    memcpy(was, a, n);
    memcpy(a, b, n);
    memcpy(b, was, n);
}

/* FILT8: what an error of ICMP quotes, as if it came back; false: it is none, or quotes too little.
 */
static bool quoted(const struct datagram *d, struct datagram *out)
{
    uint32_t behind = d->length > 0 ? 4u * (d->bytes[0] & 15u) : 0, at = behind + ICMP_HEADER;
    if (d->length < at + IP_HEADER || behind < IP_HEADER || d->bytes[9] != ICMP ||
        !memchr(icmp_errors, d->bytes[behind], sizeof icmp_errors))
        return false;
    out->length = d->length - at;
    memcpy(out->bytes, d->bytes + at, out->length);
    uint32_t header = 4u * (out->bytes[0] & 15u);
    if (out->length < header + 4)
        return false;
    swap(out->bytes + 12, out->bytes + 16, 4);
    if (out->bytes[9] == TCP || out->bytes[9] == UDP)
        swap(out->bytes + header, out->bytes + header + 2, 2);
    return true;
}

/* Whose it is that came whole. */
static struct xk_protl *by_error(struct xk_protl *self, const struct datagram *d)
{
    struct datagram about;
    struct xk_protl *upper = quoted(d, &about) ? by_filters(self, &about) : NULL;
    return upper ? upper : by_filters(self, d);
}

static struct xk_protl *owner(struct xk_protl *self, const struct xk_msg *m)
{
    struct filter_state *st = self->state;
    struct datagram d;
    look(m, &d);
    uint16_t fragment = d.length >= IP_HEADER ? wire_get16(d.bytes + 6) & 0x3fff : 0;
    struct xk_protl *upper = fragment ? by_fragments(self, &d, fragment) : by_error(self, &d);
    if (upper) {
        st->counts.matched++;
        return upper;
    }
    upper = xk_taker(self, st->first);
    st->counts.rest += upper != NULL;
    return upper;
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct filter_state *st = self->state;
    bool fresh;
    st->counts.received++;
    struct xk_protl *upper = owner(self, m);
    if (!upper) {
        st->counts.nobody++;
        return;
    }
    struct xk_sessn *s = get_sessn(self, upper, 0, lower, &fresh);
    if (fresh)
        xk_open_done(upper, s);
    xk_demux(s, m);
    xk_close(s);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    xk_keyed_over(&((struct filter_state *)self->state)->sessns, lower, xk_ready);
}

static void keep(struct port *p, struct list *to, const struct xk_msg *m)
{
    struct filter_lost *x = port_alloc(p, sizeof *x);
    xk_msg_copy(&x->msg, m);
    list_push(to, &x->link);
}

/* One of those with the host is told: the first instance of all that was lost, another of what this
 * node has sent itself: no more than one tells the source of what was passed on. */
static void tell_lost(struct xk_sessn *s)
{
    struct filter_state *st = s->protl->state;
    struct filter_sessn *fs = s->state;
    struct xk_control mine = { .op = XK_GET_MY_ADDRESS };
    enum xk_status r = xk_control_below(s->protl, &mine);
    lost_free(xk_port(s->protl), &fs->lost);
    LIST_EACH (l, &st->lost) {
        const struct filter_lost *x = LIST_ENTRY(l, struct filter_lost, link);
        struct datagram d;
        look(&x->msg, &d);
        if (s->upper->number == st->first ||
            (r == XK_OK && d.length >= IP_HEADER && wire_get32(d.bytes + 12) == mine.u64))
            keep(xk_port(s->protl), &fs->lost, &x->msg);
    }
    xk_failed(s, XK_UNREACHABLE);
}

static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct filter_state *st = self->state;
    struct xk_msg m;
    struct xk_control c = { .op = XK_TAKE_LOST, .msg = &m };
    (void)why; /* ARP2: it is no other */
    while (xk_sessn_control(lower, &c) == XK_OK) {
        keep(xk_port(self), &st->lost, &m);
        xk_msg_fini(&m);
    }
    xk_keyed_over(&st->sessns, lower, tell_lost);
    lost_free(xk_port(self), &st->lost);
}

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct filter_state *st = self->state;
    st->params = p;
    filter_table_init(&st->table, xk_port(self));
    list_init(&st->lost);
    xk_keyed_init(&st->sessns, self, sizeof(struct filter_key), (uint32_t)st->params->idle);
    st->sessns.forget = sessn_forget;
    if (st->params->fragments > 0)
        st->parts = port_alloc(xk_port(self), (size_t)st->params->fragments * sizeof *st->parts);
    return xk_open_enable(self->down[0], self, xk_type(ETH_TYPE_IP));
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    bool fresh;
    *why = XK_REFUSED;
    if (peer.count != 2 || peer.type[0] != XK_PART_ADDRESS || peer.type[1] != XK_PART_TYPE ||
        peer.number[1] != ETH_TYPE_IP)
        return NULL; /* PART1 */
    struct xk_sessn *lower = xk_open(self->down[0], self, peer, why);
    if (!lower)
        return NULL;
    struct xk_sessn *s = get_sessn(self, upper, (uint32_t)peer.number[0], lower, &fresh);
    xk_close(lower);
    return s;
}

static enum xk_status protl_enable(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local)
{
    struct filter_state *st = self->state;
    struct xk_parts ip = xk_type(ETH_TYPE_IP);
    if (!xk_parts_same(&local, &ip))
        return XK_REFUSED; /* PART1 */
    xk_enable(self, upper);
    if (st->first == 0 || upper->number < st->first)
        st->first = upper->number;
    return XK_OK;
}

static enum xk_status protl_disable(struct xk_protl *self, struct xk_protl *upper,
                                    struct xk_parts local)
{
    (void)local;
    struct filter_state *st = self->state;
    xk_disable(self, upper);
    st->counts.removed += filter_table_drop(&st->table, upper->number); /* FILT9 */
    return XK_OK;
}

bool filter_taken(struct xk_control *c, struct filter_program *p)
{
    uint8_t wire[FILTER_WIRE(FILTER_INSNS)];
    uint64_t length = xk_msg_length(c->msg);
    return length <= sizeof wire && xk_msg_pop(c->msg, wire, (size_t)length) &&
           filter_load(p, wire, (uint32_t)length);
}

static enum xk_status change(struct xk_protl *self, struct xk_control *c)
{
    struct filter_state *st = self->state;
    struct filter_program p;
    bool adds = c->op == XK_FILTER_ADD;
    enum xk_status r = XK_REFUSED;
    uint32_t upper = (uint32_t)c->u64, by = (uint32_t)(c->u64 >> 32);
    bool there = adds ? xk_taker(self, upper) && (by == 0 || xk_taker(self, by)) : by == 0;
    if (filter_taken(c, &p) && there)
        r = adds ? filter_table_add(&st->table, upper, by, &p)
                 : filter_table_remove(&st->table, upper, &p);
    st->counts.added += adds && r == XK_OK;
    st->counts.removed += !adds && r == XK_OK;
    st->counts.refused += r != XK_OK;
    st->counts.most = st->table.count > st->counts.most ? st->table.count : st->counts.most;
    return r;
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct filter_state *st = self->state;
    switch (c->op) {
    case XK_FILTER_ADD:
    case XK_FILTER_REMOVE:
        return change(self, c);
    case XK_FREE_RESOURCES:
        c->u64 = xk_keyed_reclaim(&st->sessns);
        return XK_OK;
    default:
        return xk_control_below(self, c);
    }
}

static enum xk_status ask(struct xk_protl *below, enum xk_control_op op, uint64_t whose,
                          const struct filter_program *p)
{
    uint8_t wire[FILTER_WIRE(FILTER_INSNS)];
    struct xk_msg m;
    struct rope data;
    rope_init(&data);
    rope_add_bytes(&data, wire, filter_store(wire, p));
    xk_msg_init_rope(&m, &data);
    struct xk_control c = { .op = op, .u64 = whose, .msg = &m };
    enum xk_status r = xk_protl_control(below, &c);
    xk_msg_fini(&m);
    return r;
}

enum xk_status filter_add(struct xk_protl *below, uint32_t upper, const struct filter_program *p)
{
    return ask(below, XK_FILTER_ADD, upper, p);
}

enum xk_status filter_add_by(struct xk_protl *below, uint32_t by, uint32_t upper,
                             const struct filter_program *p)
{
    return ask(below, XK_FILTER_ADD, filter_whose(upper, by), p);
}

enum xk_status filter_remove(struct xk_protl *below, uint32_t upper, const struct filter_program *p)
{
    return ask(below, XK_FILTER_REMOVE, upper, p);
}

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    (void)p;
    return (count == 1 && below[0].ops == &arp_protl) ||
           err_set(e, "%s: protocol 'filter' stands on an instance of 'arp', and '%s' is none", at,
                   below[0].name);
}

/* Those of IP's type have no number behind it. */
static uint64_t protl_carries(const void *p, uint64_t below)
{
    (void)p;
    return below + 2;
}

static const struct kind_choice *protl_transfer(const void *p)
{
    return &((const struct filter_params *)p)->delivery;
}

static const struct counter counters[] = {
    C_SUM(filter_state, counts, received, "1", "Datagrams that came."),
    C_SUM(filter_state, counts, matched, "1", "Of these, given to whose filter they met."),
    C_SUM(filter_state, counts, rest, "1", "Of these, given to the first instance above."),
    C_SUM(filter_state, counts, nobody, "1", "Of these, dropped: there is none."),
    C_SUM(filter_state, counts, fragments, "1", "Of all, fragments."),
    C_SUM(filter_state, counts, looked, "1", "Look-ups in tables of filters of one shape."),
    C_SUM(filter_state, counts, steps, "1", "Instructions of filters that have no shape."),
    C_SUM(filter_state, counts, added, "1", "Filters added."),
    C_SUM(filter_state, counts, removed, "1", "Filters removed."),
    C_SUM(filter_state, counts, refused, "1", "Filters that could not be added or removed."),
    C_MOST(filter_state, counts, most, "1", "Filters at once, at most."),
    C_END,
};

const struct xk_protl_ops filter_protl = {
    .kind = { .name = "filter",
              .doc = "gives datagrams to one of several IPs, by filters",
              .params = params,
              .params_size = sizeof(struct filter_params),
              .state_size = sizeof(struct filter_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .joined = true, /* it puts nothing in front of messages: what it costs is what it looks up */
    .carries = protl_carries,
    .check = protl_check,
    .transfer = protl_transfer,
    .init = protl_init,
    .open = protl_open,
    .open_enable = protl_enable,
    .open_disable = protl_disable,
    .demux = protl_demux,
    .ready = protl_ready,
    .failed = protl_failed,
    .control = protl_control,
};
