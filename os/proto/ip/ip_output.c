/* ip_output.c: IP's sessions and the way down: headers, fragments, what goes to the node itself. */
#include "os/proto/ip/ip_internal.h"

#include "os/proto/eth/eth.h"

#define LOOP_MOST 256 /* datagrams to itself that wait: ASSUMED(more than any window above) */

/* ---- fragments ---- */

/* Of the options those that every fragment has [RFC 791, 3.1]. */
static void options_of_fragments(struct ip_header *h)
{
    uint8_t kept[sizeof h->options];
    uint8_t count = 0;
    for (uint8_t i = 0; i < h->options_length && h->options[i] != 0;) {
        bool alone = h->options[i] == 1; /* no operation */
        uint8_t n = alone ? 1 : i + 1 < h->options_length ? h->options[i + 1] : 0;
        if (n == 0 || (n == 1 && !alone) || i + n > h->options_length)
            break; /* it makes no sense: nobody has to read on */
        if (h->options[i] & 0x80) {
            memcpy(kept + count, h->options + i, n);
            count = (uint8_t)(count + n);
        }
        i = (uint8_t)(i + n);
    }
    while (count % 4 != 0)
        kept[count++] = 0;
    memcpy(h->options, kept, count);
    h->options_length = count;
}

static void header_push(struct port *p, struct ip_header *h, struct xk_msg *m)
{
    uint32_t length = ip_header_length(h);
    h->length = (uint16_t)(xk_msg_length(m) + length);
    ip_header_store(xk_msg_push(m, length), h);
    port_work(p, PORT_WORK_CHECKSUM, length);
}

static struct ip_fragment *fragment_new(struct port *p, struct list *to, struct xk_msg *m)
{
    struct ip_fragment *f = port_alloc(p, sizeof *f);
    xk_msg_move(&f->msg, m);
    list_push(to, &f->link);
    return f;
}

static void fragment_free(struct port *p, struct ip_fragment *f)
{
    list_remove(&f->link);
    xk_msg_fini(&f->msg);
    port_free(p, f);
}

/* Cuts the message into datagrams of at most `mtu` bytes, with headers, to the end of the list. */
static void cut(struct xk_protl *self, struct ip_header *h, struct xk_msg *m, uint32_t mtu,
                struct list *to)
{
    struct ip_state *st = self->state;
    struct port *p = xk_port(self);
    uint32_t last_more = h->offset & IP_MORE, at = h->offset & IP_OFFSET;
    bool rest = true;
    for (bool first = true; rest; first = false) {
        uint32_t most = (mtu - ip_header_length(h)) & ~7u;
        struct xk_msg tail;
        rest = xk_msg_length(m) + ip_header_length(h) > mtu;
        if (rest)
            xk_msg_split(m, most, &tail);
        h->offset = (uint16_t)(at | (rest ? IP_MORE : last_more));
        at += most / 8;
        header_push(p, h, m);
        fragment_new(p, to, m);
        st->counts.fragments_out++;
        if (rest)
            xk_msg_move(m, &tail);
        if (first)
            options_of_fragments(h);
    }
    st->counts.fragmented++;
}

/* ---- to the node itself ---- */

static bool loop(struct xk_protl *self, struct xk_msg *m)
{
    struct ip_state *st = self->state;
    uint32_t count = 0;
    LIST_EACH (it, &st->loop)
        count++;
    if (count >= LOOP_MOST)
        return false;
    if (count == 0)
        port_timer_set(&st->loop_timer, 0);
    fragment_new(xk_port(self), &st->loop, m);
    st->counts.looped++;
    return true;
}

/* ---- datagrams without a session ---- */

static struct xk_sessn *open_hop(struct xk_protl *self, const struct ip_hop *hop,
                                 enum xk_status *why)
{
    struct ip_state *st = self->state;
    struct xk_parts to = { 0 };
    xk_part_push(&to, XK_PART_ADDRESS, hop->address);
    xk_part_push(&to, XK_PART_TYPE, ETH_TYPE_IP);
    return xk_open(st->ifs[hop->ifc].below, self, to, why);
}

/* The datagram goes on to that hop, in pieces if it must: it has no header yet, and is gone
 * afterwards, but for XK_TOO_LONG and XK_UNREACHABLE.  XK_BUSY: some of it, or all, is lost. */
enum xk_status ip_pass(struct xk_protl *self, const struct ip_hop *hop, struct ip_header *h,
                       struct xk_msg *m)
{
    struct ip_state *st = self->state;
    uint32_t mtu = st->ifs[hop->ifc].mtu, length = ip_header_length(h);
    enum xk_status why;
    struct list out;
    list_init(&out);
    bool cuts = xk_msg_length(m) + length > mtu;
    if (cuts && (h->offset & IP_DONT_FRAGMENT || mtu < IP_LEAST_MTU))
        return XK_TOO_LONG;
    struct xk_sessn *s = open_hop(self, hop, &why);
    if (!s)
        return XK_UNREACHABLE;
    if (cuts) {
        cut(self, h, m, mtu, &out);
    } else {
        header_push(xk_port(self), h, m);
        fragment_new(xk_port(self), &out, m);
    }
    why = XK_OK;
    while (!list_empty(&out)) {
        struct ip_fragment *f = LIST_ENTRY(out.next, struct ip_fragment, link);
        if (why == XK_OK)
            why = xk_push(s, &f->msg);
        if (why == XK_UNREACHABLE) { /* what an error quotes of it */
            xk_msg_move(m, &f->msg);
            uint8_t header[IP_HEADER_MOST];
            bool popped = xk_msg_pop(m, header, length);
            ASSERT(popped);
            fragment_free(xk_port(self), f);
            break;
        }
        fragment_free(xk_port(self), f);
    }
    while (!list_empty(&out))
        fragment_free(xk_port(self), LIST_ENTRY(out.next, struct ip_fragment, link));
    xk_close(s);
    return why;
}

void ip_send(struct xk_protl *self, uint32_t src, uint32_t dst, uint8_t protocol, struct xk_msg *m)
{
    struct ip_state *st = self->state;
    struct ip_hop hop;
    struct ip_header h = { .ttl = (uint8_t)st->params->ttl,
                           .protocol = protocol,
                           .id = st->id++,
                           .src = src,
                           .dst = dst };
    bool good = ip_route(st, dst, &hop);
    if (good && hop.loop) {
        header_push(xk_port(self), &h, m);
        good = loop(self, m);
    } else if (good) {
        good = ip_pass(self, &hop, &h, m) == XK_OK;
    }
    st->counts.out_lost += !good;
    st->counts.sent++;
    xk_msg_fini(m);
}

/* ---- sessions ---- */

static uint32_t extra(const struct ip_sessn *is)
{
    return is->key.type >= IP_UNTYPED ? IP_LOCAL_HEADER : 0;
}

/* Sends what it can of `rest`.  XK_BUSY: some waits; else how the last went. */
static enum xk_status send_rest(struct xk_sessn *s)
{
    struct ip_state *st = s->protl->state;
    struct ip_sessn *is = s->state;
    while (!list_empty(&is->rest)) {
        struct ip_fragment *f = LIST_ENTRY(is->rest.next, struct ip_fragment, link);
        enum xk_status r = xk_push(s->down[0], &f->msg);
        if (r == XK_BUSY)
            return r;
        st->counts.out_lost += r != XK_OK;
        fragment_free(xk_port(s->protl), f);
    }
    return XK_OK;
}

static enum xk_status push_whole(struct xk_sessn *s, struct ip_header *h, struct xk_msg *m)
{
    uint8_t undo[IP_HEADER];
    enum xk_status r;
    header_push(xk_port(s->protl), h, m);
    if (((struct ip_sessn *)s->state)->loop)
        r = loop(s->protl, m) ? XK_OK : XK_BUSY;
    else
        r = xk_push(s->down[0], m);
    if (r != XK_OK) {
        bool popped = xk_msg_pop(m, undo, IP_HEADER);
        ASSERT(popped);
    }
    return r;
}

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct ip_state *st = s->protl->state;
    struct ip_sessn *is = s->state;
    uint64_t length = xk_msg_length(m) + IP_HEADER + extra(is);
    uint8_t undo[IP_LOCAL_HEADER];
    if (!is->loop && s->downs == 0) {
        st->counts.out_no_route++;
        return XK_UNREACHABLE;
    }
    if (length > IP_LONGEST || (length > is->mtu && (is->dont_fragment || is->mtu < IP_LEAST_MTU)))
        return XK_TOO_LONG;
    if (m->control)
        return XK_REFUSED; /* what keeps its place stands on what keeps order */
    if (!list_empty(&is->rest))
        return XK_BUSY;
    m->part = false;
    struct ip_header h = { .ttl = (uint8_t)st->params->ttl,
                           .protocol = (uint8_t)(extra(is) ? IP_TYPE_LOCAL : is->key.type),
                           .id = st->id,
                           .offset = is->dont_fragment ? IP_DONT_FRAGMENT : 0,
                           .src = is->key.local,
                           .dst = is->key.peer };
    if (extra(is)) {
        uint8_t *wire = xk_msg_push(m, IP_LOCAL_HEADER);
        wire_put16(wire, is->key.upper);
        wire_put16(wire + 2, 0);
    }
    enum xk_status r = XK_OK;
    if (length <= is->mtu) {
        r = push_whole(s, &h, m);
    } else {
        cut(s->protl, &h, m, is->mtu, &is->rest);
        if (send_rest(s) == XK_BUSY)
            xk_dup(s); /* until it has gone */
    }
    if (r != XK_OK) {
        bool popped = !extra(is) || xk_msg_pop(m, undo, IP_LOCAL_HEADER);
        ASSERT(popped);
        return r;
    }
    st->id++;
    st->counts.sent++;
    return XK_OK;
}

static void sessn_close(struct xk_sessn *s)
{
    xk_keyed_idle(&((struct ip_state *)s->protl->state)->sessns, s);
}

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    struct ip_sessn *is = s->state;
    switch (c->op) {
    case XK_GET_MY_ADDRESS:
        c->u64 = is->key.local;
        return XK_OK;
    case XK_GET_PEER_ADDRESS:
        c->u64 = is->key.peer;
        return XK_OK;
    case XK_GET_OPT_PACKET:
        c->u64 = is->mtu > IP_HEADER + extra(is) ? is->mtu - IP_HEADER - extra(is) : 0;
        return XK_OK;
    case XK_SET_DONT_FRAGMENT:
        is->dont_fragment = c->u64 != 0;
        return XK_OK;
    default:
        return xk_protl_control(s->protl, c);
    }
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = sessn_close,
                                               .control = sessn_control };

struct xk_sessn *ip_sessn_get(struct xk_protl *self, struct xk_protl *upper, struct ip_key k,
                              bool *fresh)
{
    struct ip_state *st = self->state;
    struct xk_sessn *s = xk_keyed_get(&st->sessns, &k);
    struct ip_hop hop;
    enum xk_status why;
    *fresh = !s;
    if (s)
        return s;
    s = xk_sessn_new(self, upper, ip_host(self, k.peer), &sessn_ops, sizeof(struct ip_sessn));
    struct ip_sessn *is = s->state;
    is->key = k;
    is->dont_fragment = st->params->dont_fragment;
    is->mtu = IP_LONGEST;
    list_init(&is->rest);
    if (ip_route(st, k.peer, &hop)) {
        is->loop = hop.loop;
        is->ifc = hop.ifc;
        if (!hop.loop && (s->down[0] = open_hop(self, &hop, &why))) {
            s->downs = 1;
            is->mtu = st->ifs[hop.ifc].mtu;
        }
    }
    xk_keyed_add(&st->sessns, s);
    return s;
}

struct xk_sessn *ip_sessn_find(struct xk_protl *self, uint32_t peer, uint32_t local, uint32_t type)
{
    struct ip_state *st = self->state;
    const struct xk_protl *upper = xk_types_find(&st->types, type);
    struct ip_key k = { .peer = peer, .local = local, .type = (uint16_t)type };
    if (!upper)
        return NULL;
    k.upper = (uint16_t)upper->number;
    return xk_keyed_get(&st->sessns, &k);
}

/* ---- ready ---- */

static void ready_one(struct xk_sessn *s)
{
    struct ip_sessn *is = s->state;
    bool waited = !list_empty(&is->rest);
    if (send_rest(s) == XK_BUSY)
        return;
    if (waited)
        xk_close(s); /* sessn_push held it */
    xk_ready(s);
}

void ip_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    xk_keyed_over(&((struct ip_state *)self->state)->sessns, lower, ready_one);
}
