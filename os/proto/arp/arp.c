/* arp.c: ARP's protocol object.  See arp.h and README.md. */
#include "os/proto/arp/arp_internal.h"

#include "os/proto/eth/eth.h"

uint64_t arp_frame(const struct xk_protl *arp)
{
    const struct arp_state *st = arp->state;
    return st->address ? st->frame : 0;
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    xk_keyed_over(&((struct arp_state *)self->state)->sessns, lower, xk_ready);
}

/* ---- protocol ---- */

/* A session to whom requests go: all, or the server; NULL: nobody. */
static struct xk_sessn *open_ask(struct xk_protl *self, uint64_t station)
{
    struct xk_parts to = { 0 };
    enum xk_status why;
    xk_part_push(&to, XK_PART_STATION, station);
    xk_part_push(&to, XK_PART_TYPE, ETH_TYPE_ARP);
    return xk_open(self->down[0], self, to, &why);
}

/* It is no host of this network. */
static void without_address(struct xk_protl *self)
{
    struct arp_state *st = self->state;
    struct port *p = xk_port(self);
    char text[INET_TEXT];
    uint32_t address, by;
    st->address = 0;
    if (self->down[0]->ifc != UINT32_MAX && arp_taken(st->params, port_node(p), &address, &by))
        port_fail(p, "%s: node %u and node %u, of hosts, have one address: %s", self->instance,
                  port_node(p), by, inet_text(address, text));
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct arp_state *st = self->state;
    struct port *port = xk_port(self);
    st->params = p;
    st->network = arp_network(p);
    st->types = (struct xk_types){ .end = UINT16_MAX + 1, .own = ETH_TYPE_ARP };
    xk_keyed_init(&st->sessns, self, sizeof(struct arp_key), (uint32_t)st->params->idle);
    st->sessns.forget = arp_sessn_forget;
    st->frame = self->down[0]->carries + 2; /* a type needs no number behind it */
    xk_map_init(&st->by_address, port, sizeof(uint32_t));
    xk_map_init(&st->by_station, port, sizeof(uint32_t));
    list_init(&st->asking);
    list_init(&st->spare);
    port_timer_init(port, &st->timer, arp_timer, self);
    if (!eth_station(self->down[0], &st->station) ||
        !arp_address(p, port_node(port), &st->address)) {
        without_address(self);
        return XK_OK;
    }
    st->ask = open_ask(self, ETH_ALL);
    st->broadcast = st->ask != NULL;
    st->server = !st->broadcast && st->station == (uint64_t)st->params->server;
    if (!st->broadcast && !st->server)
        st->ask = open_ask(self, (uint64_t)st->params->server);
    enum xk_status s = xk_open_enable(self->down[0], self, xk_type(ETH_TYPE_ARP));
    struct arp_entry *own = arp_entry_get(self, st->address);
    arp_entry_hold(own);
    own->station = st->station;
    own->state = ARP_KNOWN;
    if (!st->broadcast && !st->server) {
        arp_ask(self, own); /* until the server has heard of it */
    } else if (st->params->announce && st->ask) {
        struct arp_message a = { .operation = ARP_REQUEST,
                                 .sender = st->address,
                                 .target = st->address,
                                 .sender_station = st->station };
        st->counts.announced += arp_send(st->ask, &a);
    }
    return s;
}

/* Which address of this network the parts say; 0: none. */
static uint32_t address_of(const struct arp_state *st, struct xk_parts peer)
{
    uint32_t node, address;
    uint64_t number;
    if (xk_parts_node(&peer, &node))
        return arp_address(st->params, node, &address) ? address : 0;
    if (!xk_part_take(&peer, XK_PART_ADDRESS, &number) || peer.count > 0)
        return 0;
    if (number == INET_ALL || number == inet_all_of(st->network))
        return INET_ALL;
    return number < INET_ALL && arp_host_address(st, (uint32_t)number) ? (uint32_t)number : 0;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct arp_state *st = self->state;
    uint32_t type = xk_type_take(&st->types, &peer, upper), address = address_of(st, peer);
    bool fresh;
    *why = XK_NO_PEER;
    if (!st->address || !address || (address == INET_ALL && !st->broadcast))
        return NULL;
    *why = xk_types_enable(&st->types, type, upper);
    if (*why != XK_OK)
        return NULL;
    struct xk_sessn *s = arp_sessn_get(self, upper, address, type, &fresh);
    if (fresh && address == INET_ALL) {
        struct xk_parts all = { 0 };
        xk_part_push(&all, XK_PART_STATION, ETH_ALL);
        xk_part_push(&all, XK_PART_TYPE, type);
        s->down[0] = xk_open(self->down[0], self, all, why);
        s->downs = s->down[0] != NULL;
    }
    return s;
}

static enum xk_status protl_enable(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local)
{
    struct arp_state *st = self->state;
    uint32_t type = xk_type_local(&st->types, local, upper);
    enum xk_status s = xk_types_enable(&st->types, type, upper);
    return s == XK_OK ? xk_open_enable(self->down[0], self, xk_type(type)) : s;
}

static enum xk_status protl_disable(struct xk_protl *self, struct xk_protl *upper,
                                    struct xk_parts local)
{
    struct arp_state *st = self->state;
    uint32_t type = xk_type_local(&st->types, local, upper);
    enum xk_status s = xk_types_disable(&st->types, type, upper);
    return s == XK_OK ? xk_open_disable(self->down[0], self, xk_type(type)) : s;
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct arp_state *st = self->state;
    switch (c->op) {
    case XK_GET_MY_ADDRESS:
        c->u64 = st->address;
        return st->address ? XK_OK : XK_NO_PEER;
    case XK_GET_OPT_PACKET:
        c->u64 = self->carries;
        return XK_OK;
    case XK_FREE_RESOURCES:
        c->u64 = xk_keyed_reclaim(&st->sessns);
        return XK_OK;
    default:
        return XK_REFUSED;
    }
}

/* What waits may be dropped. */
static unsigned protl_gives(const void *p, unsigned below)
{
    (void)p;
    return below & ~(unsigned)XK_LOSSLESS;
}

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    if (count != 1 || below[0].ops != &eth_protl)
        return err_set(e, "%s: protocol 'arp' stands on an instance of 'eth', and '%s' is none", at,
                       below[0].name);
    if (below[0].apart)
        return err_set(e, "%s: it asks '%s' for its station, and is in another protection domain",
                       at, below[0].name);
    return arp_check(p, at, e);
}

static const struct counter counters[] = {
    C_SUM(arp_state, counts, requests, "1", "Requests sent."),
    C_SUM(arp_state, counts, replies, "1", "Replies sent."),
    C_SUM(arp_state, counts, passed, "1",
          "Requests that the server has passed on to whom they are for."),
    C_SUM(arp_state, counts, requests_in, "1", "Requests received."),
    C_SUM(arp_state, counts, replies_in, "1", "Replies received."),
    C_SUM(arp_state, counts, announced, "1", "Times that the node told all its station."),
    C_SUM(arp_state, counts, kept, "1", "Messages that waited for a station."),
    C_SUM(arp_state, counts, overflow, "1", "Of these, dropped for want of room."),
    C_SUM(arp_state, counts, unresolved, "1", "Of these, dropped: the host did not answer."),
    C_SUM(arp_state, counts, resolved, "1", "Hosts whose station was asked for and told."),
    C_SUM(arp_state, counts, failed, "1", "Hosts that did not answer."),
    C_SUM(arp_state, counts, unknown, "1", "Messages dropped: from a host that is not known yet."),
    C_SUM(arp_state, counts, conflicts, "1", "Times that another said to have this address."),
    C_SUM(arp_state, counts, bad, "1", "Messages of ARP dropped: they make no sense."),
    C_SUM(arp_state, counts, nobody, "1", "Messages dropped: nobody here takes their type."),
    C_END,
};

const struct xk_protl_ops arp_protl = {
    .kind = { .name = "arp",
              .doc = "sessions with the hosts of a network, whose stations it learns",
              .params = arp_params_desc,
              .params_size = sizeof(struct arp_params),
              .state_size = sizeof(struct arp_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .joined = true, /* it has no header in front of messages */
    .gives = protl_gives,
    .check = protl_check,
    .init = protl_init,
    .open = protl_open,
    .open_enable = protl_enable,
    .open_disable = protl_disable,
    .demux = arp_demux,
    .ready = protl_ready,
    .control = protl_control,
};
