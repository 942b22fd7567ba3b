/* eth.c: ETH.  See eth.h and README.md.  Called by the port (receive, ready) and by the uppers. */
#include "os/proto/eth/eth_internal.h"

static const struct param params[] = {
    P_STRING(
        eth_params, interface, "",
        "the network whose interface it drives, by its name in machine.networks; '': the first"),
    P_INT(eth_params, queue, "128", "1", "65536",
          "frames that wait for a busy interface before a push is answered with busy",
          "ASSUMED(as the driver)"),
    P_INT(eth_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

void eth_address_store(uint8_t out[ETH_ADDRESS], uint32_t station)
{
    wire_put16(out, station == ETH_ALL ? 0xffff : 0x0200);
    wire_put32(out + 2, station);
}

bool eth_address_load(const uint8_t in[ETH_ADDRESS], uint32_t *station)
{
    *station = wire_get32(in + 2);
    return wire_get16(in) == (*station == ETH_ALL ? 0xffff : 0x0200);
}

bool eth_station(const struct xk_protl *eth, uint32_t *station)
{
    const struct eth_state *st = eth->state;
    *station = (uint32_t)st->out.info.station;
    return st->out.end != NULL;
}

uint32_t eth_peer(const struct xk_sessn *s)
{
    return ((const struct eth_sessn *)s->state)->key.station;
}

uint32_t eth_type(const struct xk_sessn *s)
{
    return ((const struct eth_sessn *)s->state)->key.type;
}

/* ---- down ---- */

static uint32_t header_of(uint32_t type)
{
    return type < ETH_TYPE_LEAST ? ETH_LOCAL_HEADER : ETH_HEADER;
}

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct eth_state *st = s->protl->state;
    struct eth_sessn *es = s->state;
    const struct eth_key *k = &es->key;
    uint32_t header = header_of(k->type);
    if (xk_msg_length(m) + header > st->out.info.mtu)
        return XK_TOO_LONG;
    if (m->control && (!st->out.info.control || k->station == ETH_ALL))
        return XK_REFUSED;
    if (outq_full(&st->out, s, &es->waiter))
        return XK_BUSY;
    uint8_t *wire = xk_msg_push(m, header);
    eth_address_store(wire, k->station);
    eth_address_store(wire + ETH_ADDRESS, (uint32_t)st->out.info.station);
    wire_put16(wire + 12, header == ETH_HEADER ? k->type : ETH_TYPE_LOCAL);
    if (header == ETH_LOCAL_HEADER)
        wire_put16(wire + 14, k->type);
    struct rope frame;
    unsigned flags = (m->part ? PORT_PART : 0) | (m->control ? PORT_CONTROL : 0) |
                     (k->station == ETH_ALL ? PORT_ALL : 0);
    xk_msg_to_rope(m, &frame);
    xk_swap(s->protl);
    outq_send(&st->out, k->station, flags, &frame);
    st->counts.sent++;
    st->counts.broadcasts += k->station == ETH_ALL;
    return XK_OK;
}

static void if_ready(void *arg)
{
    struct xk_protl *self = arg;
    outq_ready(&((struct eth_state *)self->state)->out);
}

static void sessn_close(struct xk_sessn *s)
{
    outq_forget(&((struct eth_sessn *)s->state)->waiter);
    xk_keyed_idle(&((struct eth_state *)s->protl->state)->sessns, s);
}

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    struct eth_state *st = s->protl->state;
    if (c->op != XK_GET_OPT_PACKET)
        return xk_protl_control(s->protl, c);
    uint32_t header = header_of(eth_type(s));
    c->u64 = st->out.info.mtu > header ? st->out.info.mtu - header : 0;
    return XK_OK;
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = sessn_close,
                                               .control = sessn_control };

/* ---- up ---- */

static struct xk_sessn *get_sessn(struct xk_protl *self, struct xk_protl *upper, uint32_t station,
                                  uint32_t type, bool *fresh)
{
    struct eth_state *st = self->state;
    struct eth_key k = { .station = station,
                         .type = (uint16_t)type,
                         .upper = (uint16_t)upper->number };
    struct xk_sessn *s = xk_keyed_get(&st->sessns, &k);
    *fresh = !s;
    if (s)
        return s;
    s = xk_sessn_new(self, upper, XK_NO_HOST, &sessn_ops, sizeof(struct eth_sessn));
    ((struct eth_sessn *)s->state)->key = k;
    xk_keyed_add(&st->sessns, s);
    return s;
}

/* Takes the header off; false: what is left is nothing for this station, and has been counted. */
static bool header_take(struct eth_state *st, struct xk_msg *m, uint32_t *src, uint32_t *type)
{
    uint8_t wire[ETH_LOCAL_HEADER];
    uint32_t dst;
    bool good = xk_msg_pop(m, wire, ETH_HEADER) && eth_address_load(wire + ETH_ADDRESS, src) &&
                *src != ETH_ALL;
    if (good) {
        *type = wire_get16(wire + 12);
        good = *type >= ETH_TYPE_LEAST;
    }
    if (good && *type == ETH_TYPE_LOCAL) {
        good = xk_msg_pop(m, wire + ETH_HEADER, ETH_LOCAL_HEADER - ETH_HEADER);
        *type = good ? wire_get16(wire + ETH_HEADER) : 0;
        good = good && *type < ETH_TYPE_LEAST;
    }
    if (!good) {
        st->counts.bad++; /* FRAME2 */
        return false;
    }
    if (eth_address_load(wire, &dst) && (dst == ETH_ALL || dst == st->out.info.station))
        return true;
    st->counts.other++; /* FRAME2 */
    return false;
}

static void if_receive(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    struct xk_protl *self = arg;
    struct eth_state *st = self->state;
    struct xk_msg m;
    uint32_t src, type;
    (void)from;
    (void)flags;
    port_end_in(st->out.end, frame->length);
    xk_swap(self);
    st->counts.received++;
    xk_msg_from_rope(&m, frame);
    if (header_take(st, &m, &src, &type)) {
        struct xk_protl *upper = xk_types_find(&st->types, type);
        if (upper) {
            bool fresh;
            struct xk_sessn *s = get_sessn(self, upper, src, type, &fresh);
            if (fresh)
                xk_open_done(upper, s);
            xk_demux(s, &m);
            xk_close(s);
        } else {
            st->counts.nobody++; /* FRAME2 */
        }
    }
    xk_msg_fini(&m);
}

static const struct port_end_ops end_ops = { .receive = if_receive, .ready = if_ready };

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct eth_state *st = self->state;
    st->params = p;
    st->types = (struct xk_types){ .end = UINT16_MAX + 1, .own = ETH_TYPE_LOCAL };
    xk_keyed_init(&st->sessns, self, sizeof(struct eth_key), (uint32_t)st->params->idle);
    return outq_open(&st->out, self, (uint32_t)st->params->queue, &end_ops);
}

static const char *interface_of(const void *p)
{
    return ((const struct eth_params *)p)->interface;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct eth_state *st = self->state;
    bool fresh;
    uint64_t station;
    uint32_t type = xk_type_take(&st->types, &peer, upper);
    if (!st->out.end || !xk_part_take(&peer, XK_PART_STATION, &station) || peer.count > 0 ||
        station > ETH_ALL || (station == ETH_ALL && !st->out.info.broadcast)) { /* PART1 */
        *why = XK_NO_PEER;
        return NULL;
    }
    /* Answers come to who has asked. */
    *why = xk_types_enable(&st->types, type, upper);
    return *why == XK_OK ? get_sessn(self, upper, (uint32_t)station, type, &fresh) : NULL;
}

static enum xk_status protl_enable(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local)
{
    struct eth_state *st = self->state;
    return xk_types_enable(&st->types, xk_type_local(&st->types, local, upper), upper);
}

static enum xk_status protl_disable(struct xk_protl *self, struct xk_protl *upper,
                                    struct xk_parts local)
{
    struct eth_state *st = self->state;
    return xk_types_disable(&st->types, xk_type_local(&st->types, local, upper), upper);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct eth_state *st = self->state;
    switch (c->op) {
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

/* Of what has the longer header. */
static uint64_t protl_carries(const void *p, uint64_t below)
{
    (void)p;
    return below > ETH_LOCAL_HEADER ? below - ETH_LOCAL_HEADER : 0;
}

static const struct counter counters[] = {
    C_SUM(eth_state, counts, sent, "1", "Frames sent."),
    C_SUM(eth_state, counts, broadcasts, "1", "Of these, to all stations."),
    C_SUM(eth_state, counts, received, "1", "Frames received."),
    C_SUM(eth_state, out.counts, queued, "1", "Frames that waited because the interface was busy."),
    C_SUM(eth_state, out.counts, refused, "1", "Pushes refused for want of room."),
    C_SUM(eth_state, counts, bad, "1", "Frames dropped: cut short, or from no station."),
    C_SUM(eth_state, counts, other, "1", "Frames dropped: for another station."),
    C_SUM(eth_state, counts, nobody, "1", "Frames dropped: nobody here takes their type."),
    C_END,
};

const struct xk_protl_ops eth_protl = {
    .kind = { .name = "eth",
              .doc = "frames with an Ethernet header on a network interface of the node",
              .params = params,
              .params_size = sizeof(struct eth_params),
              .state_size = sizeof(struct eth_state),
              .counters = counters },
    .down_min = 0,
    .down_max = 0,
    .carries = protl_carries,
    .header = ETH_HEADER,
    .interface = interface_of,
    .init = protl_init,
    .open = protl_open,
    .open_enable = protl_enable,
    .open_disable = protl_disable,
    .control = protl_control,
};
