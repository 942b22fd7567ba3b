/* ip_input.c: what comes to IP: checked, delivered, forwarded, or dropped by cause (IP6). */
#include "os/proto/ip/ip_internal.h"

/* Takes the header off, and what is behind the datagram; false: it makes no sense, and is
 * counted. */
static bool header_take(struct xk_protl *self, struct ip_header *h, struct xk_msg *m)
{
    struct ip_state *st = self->state;
    uint8_t wire[IP_HEADER_MOST];
    struct xk_msg padding;
    *h = (struct ip_header){ 0 };
    if (!xk_msg_pop(m, wire, IP_HEADER) || wire[0] >> 4 != 4 || (wire[0] & 15) < 5) {
        st->counts.bad_header++;
        return false;
    }
    uint32_t length = 4u * (wire[0] & 15);
    h->options_length = (uint8_t)(length - IP_HEADER);
    if (!xk_msg_pop(m, wire + IP_HEADER, h->options_length)) {
        st->counts.bad_header++;
        return false;
    }
    port_work(xk_port(self), PORT_WORK_CHECKSUM, length);
    if (inet_sum(0, wire, length) != 0xffff) {
        st->counts.bad_checksum++;
        return false;
    }
    h->tos = wire[1];
    h->length = wire_get16(wire + 2);
    h->id = wire_get16(wire + 4);
    h->offset = wire_get16(wire + 6);
    h->ttl = wire[8];
    h->protocol = wire[9];
    h->src = wire_get32(wire + 12);
    h->dst = wire_get32(wire + 16);
    memcpy(h->options, wire + IP_HEADER, h->options_length);
    if (h->length < length || h->length - length > xk_msg_length(m)) {
        st->counts.bad_length++;
        return false;
    }
    if (h->length - length < xk_msg_length(m)) {
        xk_msg_split(m, h->length - length, &padding); /* a short frame was made longer */
        xk_msg_fini(&padding);
    }
    return true;
}

static size_t quote_of(const struct xk_msg *m, uint8_t quote[IP_QUOTE])
{
    struct xk_msg copy;
    size_t n = xk_msg_length(m) < IP_QUOTE ? (size_t)xk_msg_length(m) : IP_QUOTE;
    xk_msg_copy(&copy, m);
    bool popped = xk_msg_pop(&copy, quote, n);
    ASSERT(popped);
    xk_msg_fini(&copy);
    return n;
}

/* ---- delivery ---- */

static void give(struct xk_protl *self, struct xk_protl *upper, const struct ip_header *h,
                 uint8_t ifc, bool all, uint32_t type, struct xk_msg *m)
{
    struct ip_state *st = self->state;
    bool fresh;
    struct ip_key k = { .peer = h->src,
                        .local = all ? st->ifs[ifc].address : h->dst,
                        .type = (uint16_t)type,
                        .upper = (uint16_t)upper->number };
    struct xk_sessn *s = ip_sessn_get(self, upper, k, &fresh);
    if (type >= IP_UNTYPED && s->host == XK_NO_HOST) {
        st->counts.bad_address++; /* it is none of the machine's nodes */
        xk_close(s);
        return;
    }
    st->counts.delivered++;
    st->now = h;
    st->now_ifc = ifc;
    st->now_all = all;
    if (fresh)
        xk_open_done(upper, s);
    xk_demux(s, m);
    st->now = NULL;
    xk_close(s);
}

static void deliver(struct xk_protl *self, const struct ip_header *h, uint8_t ifc, bool all,
                    struct xk_msg *m)
{
    struct ip_state *st = self->state;
    uint8_t wire[IP_LOCAL_HEADER];
    uint32_t type = h->protocol;
    st->now_quoted = quote_of(m, st->now_quote);
    if (type == IP_TYPE_ICMP && st->now_quoted > 0 && st->now_quote[0] != ICMP_ECHO &&
        st->now_quote[0] != ICMP_ECHO_REPLY) {
        ip_error_take(self, h, m);
        return;
    }
    if (type == IP_TYPE_LOCAL)
        type = st->now_quoted >= IP_LOCAL_HEADER && xk_msg_pop(m, wire, IP_LOCAL_HEADER)
                   ? IP_UNTYPED | (uint32_t)wire_get16(wire)
                   : IP_UNTYPED;
    struct xk_protl *upper = xk_types_find(&st->types, type);
    if (upper) {
        give(self, upper, h, ifc, all, type, m);
        return;
    }
    st->counts.unknown_protocol++;
    ip_error_send(self, h, st->now_quote, st->now_quoted, all, ICMP_UNREACHABLE, ICMP_PROTOCOL, 0);
}

/* ---- forwarding: IP4 ---- */

static void drop(struct xk_protl *self, const struct ip_header *h, struct xk_msg *m,
                 uint64_t *count, uint8_t type, uint8_t code, uint32_t mtu)
{
    uint8_t quote[IP_QUOTE];
    size_t n = quote_of(m, quote);
    ++*count;
    ip_error_send(self, h, quote, n, false, type, code, (uint16_t)mtu);
}

static void forward(struct xk_protl *self, const struct ip_header *came, struct xk_msg *m)
{
    struct ip_state *st = self->state;
    struct ip_hop hop;
    struct ip_header h = *came;
    if (h.ttl <= 1) {
        drop(self, came, m, &st->counts.ttl_exceeded, ICMP_TIME_EXCEEDED, 0, 0);
        return;
    }
    if (!ip_route(st, h.dst, &hop) || hop.address == INET_ALL) {
        drop(self, came, m, &st->counts.no_route, ICMP_UNREACHABLE, ICMP_NET, 0);
        return;
    }
    h.ttl--;
    switch (ip_pass(self, &hop, &h, m)) {
    case XK_OK:
        st->counts.forwarded++;
        break;
    case XK_TOO_LONG:
        drop(self, came, m, &st->counts.dont_fragment, ICMP_UNREACHABLE, ICMP_TOO_LONG,
             st->ifs[hop.ifc].mtu);
        break;
    case XK_UNREACHABLE:
        drop(self, came, m, &st->counts.discarded, ICMP_UNREACHABLE, ICMP_HOST, 0);
        break;
    default:
        st->counts.discarded++;
    }
}

/* ---- in ---- */

static void datagram(struct xk_protl *self, uint8_t ifc, struct xk_msg *m)
{
    struct ip_state *st = self->state;
    struct ip_header h;
    st->counts.received++;
    if (!header_take(self, &h, m))
        return;
    bool all = ip_all(st, ifc, h.dst);
    if (h.src == INET_ALL || ip_all(st, ifc, h.src) || h.src == 0) {
        st->counts.bad_address++;
        return;
    }
    if (!all && !ip_mine(st, h.dst)) {
        if (st->params->forward)
            forward(self, &h, m);
        else
            st->counts.not_mine++;
        return;
    }
    if (h.offset & (IP_MORE | IP_OFFSET)) {
        st->counts.fragments_in++;
        if (!ip_partial_add(self, &h, &ifc, &all, m))
            return;
        st->counts.received++; /* what they make is one */
    }
    deliver(self, &h, ifc, all, m);
}

void ip_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    uint8_t ifc = 0;
    while (self->down[ifc] != lower->protl)
        ifc++;
    datagram(self, ifc, m);
}

void ip_loop(struct port_timer *t)
{
    struct xk_protl *self = t->arg;
    struct ip_state *st = self->state;
    struct list now;
    uint8_t ifc = 0;
    list_init(&now);
    list_splice(&now, &st->loop);
    while (!st->ifs[ifc].address && ifc + 1 < self->downs)
        ifc++;
    while (!list_empty(&now)) {
        struct ip_fragment *f = LIST_ENTRY(list_pop(&now), struct ip_fragment, link);
        datagram(self, ifc, &f->msg);
        xk_msg_fini(&f->msg);
        port_free(t->port, f);
    }
}

/* ARP gives back what was to go to a host that does not answer. */
void ip_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct ip_state *st = self->state;
    struct xk_msg m;
    struct xk_control c = { .op = XK_TAKE_LOST, .msg = &m };
    (void)why;
    while (xk_sessn_control(lower, &c) == XK_OK) {
        struct ip_header h;
        uint8_t quote[IP_QUOTE];
        if (header_take(self, &h, &m)) {
            size_t n = quote_of(&m, quote);
            st->counts.out_lost++;
            if (!ip_mine(st, h.src))
                ip_error_send(self, &h, quote, n, false, ICMP_UNREACHABLE, ICMP_HOST, 0);
            else if ((h.offset & IP_OFFSET) == 0)
                ip_error_tell(self, &h, quote, n, ICMP_UNREACHABLE, ICMP_HOST, 0);
        }
        xk_msg_fini(&m);
    }
}

void ip_partial_timer(struct port_timer *t)
{
    struct xk_protl *self = t->arg;
    struct ip_state *st = self->state;
    sim_time now = port_now(t->port);
    while (!list_empty(&st->partials)) {
        struct ip_partial *p = LIST_ENTRY(st->partials.next, struct ip_partial, link);
        if (p->until > now) {
            port_timer_set(t, p->until - now);
            return;
        }
        st->counts.reassembly_timeouts++;
        if (p->has_first) {
            const struct ip_piece *x = LIST_ENTRY(p->pieces.next, struct ip_piece, link);
            uint8_t quote[IP_QUOTE];
            size_t n = x->end < IP_QUOTE ? x->end : IP_QUOTE;
            rope_read(&x->data, 0, n, quote);
            ip_error_send(self, &p->header, quote, n, p->all, ICMP_TIME_EXCEEDED, 1, 0);
        }
        ip_partial_free(self, p);
    }
}
