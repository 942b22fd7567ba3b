/* ip_error.c: the errors of ICMP: made for who has sent what is dropped here, and read for who is
 * told of what he has sent [RFC 792; RFC 1122, 3.2.2].
 */
#include "os/proto/ip/ip_internal.h"

/* IP5. */
static bool may_be_told(const struct ip_state *st, const struct ip_header *h, const uint8_t *quote,
                        size_t quoted, bool all)
{
    bool error = h->protocol == IP_TYPE_ICMP &&
                 (quoted == 0 || (quote[0] != ICMP_ECHO && quote[0] != ICMP_ECHO_REPLY));
    bool source = h->src != 0 && h->src != INET_ALL && !ip_mine(st, h->src);
    for (uint8_t i = 0; i < XK_DOWN_MAX; i++)
        source &= !st->ifs[i].address || h->src != inet_all_of(st->ifs[i].network);
    return source && !all && !error && (h->offset & IP_OFFSET) == 0;
}

void ip_error_send(struct xk_protl *self, const struct ip_header *h, const uint8_t *quote,
                   size_t quoted, bool all, uint8_t type, uint8_t code, uint16_t mtu)
{
    struct ip_state *st = self->state;
    struct ip_hop hop;
    struct xk_msg m;
    uint8_t header[IP_HEADER_MOST];
    if (!may_be_told(st, h, quote, quoted, all) || !ip_route(st, h->src, &hop) || hop.loop) {
        st->counts.errors_unsent++;
        return;
    }
    xk_msg_init(&m);
    memcpy(xk_msg_push(&m, quoted), quote, quoted);
    ip_header_store(header, h);
    memcpy(xk_msg_push(&m, ip_header_length(h)), header, ip_header_length(h));
    uint8_t *wire = xk_msg_push(&m, ICMP_HEADER);
    memset(wire, 0, ICMP_HEADER);
    wire[0] = type;
    wire[1] = code;
    wire_put16(wire + 6, mtu);
    wire_put16(wire + 2, inet_checksum(inet_sum_msg(0, &m)));
    port_work(xk_port(self), PORT_WORK_CHECKSUM, xk_msg_length(&m));
    st->counts.errors_out++;
    ip_send(self, st->ifs[hop.ifc].address, h->src, IP_TYPE_ICMP, &m);
}

static enum xk_status status_of(uint8_t type, uint8_t code)
{
    if (type != ICMP_UNREACHABLE)
        return XK_UNREACHABLE;
    return code == ICMP_PROTOCOL || code == ICMP_PORT ? XK_REFUSED
           : code == ICMP_TOO_LONG                    ? XK_TOO_LONG
                                                      : XK_UNREACHABLE;
}

/* IP3: the session that the datagram came from. */
void ip_error_tell(struct xk_protl *self, const struct ip_header *about, const uint8_t *quote,
                   size_t quoted, uint8_t type, uint8_t code, uint16_t mtu)
{
    struct ip_state *st = self->state;
    uint32_t kind = about->protocol;
    uint8_t octets[IP_QUOTE] = { 0 };
    if (kind == IP_TYPE_LOCAL && quoted >= 2)
        kind = IP_UNTYPED | wire_get16(quote);
    struct xk_sessn *s = kind > UINT16_MAX || !ip_mine(st, about->src)
                             ? NULL
                             : ip_sessn_find(self, about->dst, about->src, kind);
    if (!s)
        return;
    struct ip_sessn *is = s->state;
    enum xk_status why = status_of(type, code);
    if (why == XK_TOO_LONG) {
        /* A gateway that does not say how much passes is asked no further [RFC 1191, 5]. */
        uint32_t most = mtu ? mtu : 576;
        most = most < IP_LEAST_MTU ? IP_LEAST_MTU : most;
        is->mtu = most < is->mtu ? most : is->mtu;
    }
    memcpy(octets, quote, quoted);
    st->error = (uint16_t)(type << 8 | code);
    st->quoted = wire_get64(octets);
    xk_failed(s, why);
    xk_close(s);
}

void ip_error_take(struct xk_protl *self, const struct ip_header *h, struct xk_msg *m)
{
    struct ip_state *st = self->state;
    uint8_t wire[ICMP_HEADER], header[IP_HEADER_MOST], quote[IP_QUOTE];
    struct ip_header about = { 0 };
    (void)h;
    port_work(xk_port(self), PORT_WORK_CHECKSUM, xk_msg_length(m));
    bool good = inet_sum_msg(0, m) == 0xffff && xk_msg_pop(m, wire, ICMP_HEADER);
    if (good && (wire[0] == ICMP_QUENCH || wire[0] == ICMP_REDIRECT)) {
        st->counts.errors_in++; /* which nobody has to heed [RFC 1122, 3.2.2] */
        return;
    }
    good = good &&
           (wire[0] == ICMP_UNREACHABLE || wire[0] == ICMP_TIME_EXCEEDED ||
            wire[0] == ICMP_PARAMETER) &&
           xk_msg_pop(m, header, IP_HEADER) && header[0] >> 4 == 4 && (header[0] & 15) >= 5 &&
           xk_msg_pop(m, header + IP_HEADER, 4u * (header[0] & 15) - IP_HEADER);
    if (!good) {
        st->counts.bad_errors++;
        return;
    }
    st->counts.errors_in++;
    about.protocol = header[9];
    about.src = wire_get32(header + 12);
    about.dst = wire_get32(header + 16);
    size_t quoted = xk_msg_length(m) < IP_QUOTE ? (size_t)xk_msg_length(m) : IP_QUOTE;
    bool popped = xk_msg_pop(m, quote, quoted);
    ASSERT(popped);
    ip_error_tell(self, &about, quote, quoted, wire[0], wire[1], wire_get16(wire + 6));
}
