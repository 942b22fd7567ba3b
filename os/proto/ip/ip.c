/* ip.c: IP's protocol object.  See ip.h and README.md. */
#include "os/proto/ip/ip_internal.h"

#include "os/proto/eth/eth.h"
#include "os/proto/filter/filter.h"

static const struct param params[] = {
    P_VAL(ip_params, routes,
          "list of { to =, via = }: a network or 'default', and a gateway's address"),
    P_STRING(ip_params, filter, "",
             "which datagrams it is given by 'filter' below it (os/proto/filter/program.h); '': "
             "those that nobody else is, of the first instance above that"),
    P_BOOL(ip_params, forward, "false", "a node on several networks is a gateway between them",
           "RFC 1122, 3.1: a host does not"),
    P_BOOL(ip_params, dont_fragment, "false",
           "what a node sends goes whole or not at all, as path MTU discovery wants",
           "RFC 791: it is cut"),
    P_INT(ip_params, ttl, "64", "1", "255", "time to live of what a node sends: gateways it passes",
          "RFC 1700"),
    P_TIME(ip_params, reassembly, "60s", "1us", "1h", "time for which fragments wait for the rest",
           "RFC 1122, 3.3.2: 60 to 120 s"),
    P_SIZE(ip_params, memory, "256KiB", "1KiB", "1GiB",
           "memory that fragments may take; the oldest datagram is dropped for another",
           "ASSUMED(four of the longest)"),
    P_INT(ip_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

/* At FILTER of all networks, or of none. */
static enum xk_status add_filter(struct xk_protl *self, uint32_t upper,
                                 const struct filter_program *p)
{
    enum xk_status r = XK_OK;
    uint8_t i = 0;
    for (; i < self->downs && r == XK_OK; i++)
        r = filter_add_by(self->down[i], self->number, upper, p);
    for (i--; r != XK_OK && i > 0; i--) /* but for the last, which has refused */
        (void)filter_remove(self->down[i - 1], upper, p);
    return r;
}

static enum xk_status remove_filter(struct xk_protl *self, uint32_t upper,
                                    const struct filter_program *p)
{
    enum xk_status r = XK_OK;
    for (uint8_t i = 0; i < self->downs; i++) {
        enum xk_status one = filter_remove(self->down[i], upper, p);
        r = r == XK_OK ? one : r;
    }
    return r;
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct ip_state *st = self->state;
    struct port *port = xk_port(self);
    enum xk_status s = XK_OK;
    st->params = p;
    st->types = (struct xk_types){ .end = IP_UNTYPED, .own = IP_TYPE_LOCAL, .untyped = IP_UNTYPED };
    xk_keyed_init(&st->sessns, self, sizeof(struct ip_key), (uint32_t)st->params->idle);
    st->id = (uint16_t)(self->domain << 12); /* several of one node cut datagrams: FILTER */
    list_init(&st->loop);
    list_init(&st->partials);
    port_timer_init(port, &st->loop_timer, ip_loop, self);
    port_timer_init(port, &st->partial_timer, ip_partial_timer, self);
    ip_routes_init(self);
    for (uint8_t i = 0; i < self->downs && s == XK_OK; i++)
        s = xk_open_enable(self->down[i], self, xk_type(ETH_TYPE_IP));
    if (s != XK_OK || !st->params->filter[0])
        return s;
    struct filter_program own;
    bool good = filter_compile(st->params->filter, &own, "", NULL);
    ASSERT(good); /* ip_routes_check */
    return add_filter(self, self->number, &own);
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct ip_state *st = self->state;
    uint32_t type = xk_type_take(&st->types, &peer, upper), node, address;
    uint64_t number;
    struct ip_hop hop;
    bool fresh;
    *why = XK_NO_PEER;
    if (xk_parts_node(&peer, &node)) {
        if (!ip_node_address(self, node, &address))
            return NULL;
    } else if (xk_part_take(&peer, XK_PART_ADDRESS, &number) && peer.count == 0 &&
               number <= INET_ALL) {
        address = (uint32_t)number;
    } else {
        return NULL; /* PART1 */
    }
    if (!ip_route(st, address, &hop))
        return NULL;
    *why = xk_types_enable(&st->types, type, upper);
    if (*why != XK_OK)
        return NULL;
    struct ip_key k = { .peer = address,
                        .local = hop.loop ? address : st->ifs[hop.ifc].address,
                        .type = (uint16_t)type,
                        .upper = (uint16_t)upper->number };
    return ip_sessn_get(self, upper, k, &fresh);
}

static enum xk_status protl_enable(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local)
{
    struct ip_state *st = self->state;
    return xk_types_enable(&st->types, xk_type_local(&st->types, local, upper), upper);
}

static enum xk_status protl_disable(struct xk_protl *self, struct xk_protl *upper,
                                    struct xk_parts local)
{
    struct ip_state *st = self->state;
    return xk_types_disable(&st->types, xk_type_local(&st->types, local, upper), upper);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct ip_state *st = self->state;
    switch (c->op) {
    case XK_GET_MY_ADDRESS:
        c->u64 = 0;
        for (uint8_t i = 0; i < self->downs && c->u64 == 0; i++)
            c->u64 = st->ifs[i].address;
        return c->u64 ? XK_OK : XK_NO_PEER;
    case XK_GET_OPT_PACKET: /* by the narrowest of its networks */
        c->u64 = IP_LONGEST;
        for (uint8_t i = 0; i < self->downs; i++)
            if (st->ifs[i].address && st->ifs[i].mtu < c->u64)
                c->u64 = st->ifs[i].mtu;
        c->u64 -= c->u64 > IP_HEADER + IP_LOCAL_HEADER ? IP_HEADER + IP_LOCAL_HEADER : c->u64;
        return XK_OK;
    case XK_SEND_UNREACHABLE:
        if (!st->now || (c->u64 != ICMP_PROTOCOL && c->u64 != ICMP_PORT))
            return XK_REFUSED;
        ip_error_send(self, st->now, st->now_quote, st->now_quoted, st->now_all, ICMP_UNREACHABLE,
                      (uint8_t)c->u64, 0);
        return XK_OK;
    case XK_GET_TARGET_ADDRESS:
        c->u64 = st->now ? st->now->dst : 0;
        return st->now ? XK_OK : XK_REFUSED;
    case XK_GET_ERROR:
        c->u64 = st->error;
        return XK_OK;
    case XK_GET_QUOTED:
        c->u64 = st->quoted;
        return XK_OK;
    case XK_FILTER_ADD:
    case XK_FILTER_REMOVE: {
        struct filter_program p;
        if (!filter_taken(c, &p))
            return XK_REFUSED;
        return c->op == XK_FILTER_ADD ? add_filter(self, (uint32_t)c->u64, &p)
                                      : remove_filter(self, (uint32_t)c->u64, &p);
    }
    case XK_FREE_RESOURCES:
        c->u64 = xk_keyed_reclaim(&st->sessns);
        return XK_OK;
    default:
        return XK_REFUSED;
    }
}

static unsigned protl_gives(const void *p, unsigned below)
{
    (void)p;
    return (below & ~(unsigned)(XK_LOSSLESS | XK_ORDERED | XK_ONCE)) | XK_LONG | XK_HOSTS; /* IP1 */
}

static uint64_t protl_carries(const void *p, uint64_t below)
{
    (void)p;
    (void)below;
    return IP_LONGEST - IP_HEADER - IP_LOCAL_HEADER;
}

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    return ip_routes_check(p, at, below, count, e);
}

static const struct counter counters[] = {
    C_SUM(ip_state, counts, received, "1", "Datagrams that came, and those made of fragments."),
    C_SUM(ip_state, counts, delivered, "1", "Of these, given to an upper."),
    C_SUM(ip_state, counts, forwarded, "1", "Of these, passed on to another network."),
    C_SUM(ip_state, counts, fragments_in, "1", "Of these, fragments for this node."),
    C_SUM(ip_state, counts, errors_in, "1", "Of these, errors of ICMP."),
    C_SUM(ip_state, counts, bad_header, "1", "Dropped: not a header of IP, or cut short."),
    C_SUM(ip_state, counts, bad_checksum, "1", "Dropped: the header's checksum is wrong."),
    C_SUM(ip_state, counts, bad_length, "1", "Dropped: shorter than the header says."),
    C_SUM(ip_state, counts, bad_address, "1", "Dropped: the source is none that may be."),
    C_SUM(ip_state, counts, not_mine, "1", "Dropped: for another, and this node is no gateway."),
    C_SUM(ip_state, counts, ttl_exceeded, "1", "Dropped: the time to live was over."),
    C_SUM(ip_state, counts, no_route, "1", "Dropped by a gateway: no route."),
    C_SUM(ip_state, counts, dont_fragment, "1", "Dropped: to be cut, and must not be."),
    C_SUM(ip_state, counts, discarded, "1", "Dropped by a gateway: the next network took none."),
    C_SUM(ip_state, counts, unknown_protocol, "1", "Dropped: nobody here takes the protocol."),
    C_SUM(ip_state, counts, bad_errors, "1", "Dropped: an error of ICMP that makes no sense."),
    C_SUM(ip_state, counts, sent, "1", "Datagrams sent by this node."),
    C_SUM(ip_state, counts, fragmented, "1", "Datagrams that were cut."),
    C_SUM(ip_state, counts, fragments_out, "1", "Fragments made of them."),
    C_SUM(ip_state, counts, out_no_route, "1", "Pushes refused: no route."),
    C_SUM(ip_state, counts, out_lost, "1",
          "Datagrams and fragments that the network did not take."),
    C_SUM(ip_state, counts, looped, "1", "Datagrams of the node to itself."),
    C_SUM(ip_state, counts, reassembled, "1", "Datagrams made of fragments."),
    C_SUM(ip_state, counts, reassembly_timeouts, "1", "Given up: the rest did not come in time."),
    C_SUM(ip_state, counts, reassembly_overflows, "1", "Given up for want of memory."),
    C_SUM(ip_state, counts, reassembly_bad, "1", "Given up: fragments that make no sense."),
    C_SUM(ip_state, counts, errors_out, "1", "Errors of ICMP sent."),
    C_SUM(ip_state, counts, errors_unsent, "1", "Errors that nobody may be told (IP5)."),
    C_END,
};

const struct xk_protl_ops ip_protl = {
    .kind = { .name = "ip",
              .doc = "datagrams between hosts of joined networks, and gateways",
              .params = params,
              .params_size = sizeof(struct ip_params),
              .state_size = sizeof(struct ip_state),
              .counters = counters },
    .down_min = 1,
    .down_max = XK_DOWN_MAX,
    .header = IP_HEADER,
    .gives = protl_gives,
    .carries = protl_carries,
    .check = protl_check,
    .init = protl_init,
    .open = protl_open,
    .open_enable = protl_enable,
    .open_disable = protl_disable,
    .demux = ip_demux,
    .ready = ip_ready,
    .failed = ip_failed,
    .control = protl_control,
};
