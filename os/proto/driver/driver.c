/* driver.c: the driver protocol.  See driver.h and README.md.
 *
 *   DRV3  A session is referenced while a message of its own is on the way up.
 *   DRV4  All are told of a new life of the sender before its first frame goes up (peers.h).
 * Called by the port (receive, ready) and by the uppers.
 */
#include "os/proto/driver/driver_internal.h"

#include "os/xk/peers.h"

static const struct param params[] = {
    P_STRING(
        driver_params, interface, "",
        "the network whose interface it drives, by its name in machine.networks; '': the first"),
    P_INT(driver_params, queue, "128", "1", "65536",
          "frames that wait for a busy interface before a push is answered with busy",
          "ASSUMED(two messages of BLAST)"),
    P_BOOL(driver_params, lives, "true",
           "the header names the life of the sender; false: as headers of networks, it does not"),
    P_INT(driver_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

void driver_header_store(uint8_t out[DRIVER_HEADER], const struct driver_header *h)
{
    wire_put16(out, h->protocol);
    wire_put16(out + 2, h->life);
    wire_put32(out + 4, h->length);
}

void driver_header_load(struct driver_header *h, const uint8_t in[DRIVER_HEADER])
{
    h->protocol = wire_get16(in);
    h->life = wire_get16(in + 2);
    h->length = wire_get32(in + 4);
}

/* ---- down ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct driver_state *st = s->protl->state;
    struct driver_sessn *ds = s->state;
    struct port *p = xk_port(s->protl);
    struct driver_header h = { .protocol = (uint16_t)s->upper->number,
                               .life = st->params->lives ? (uint16_t)port_incarnation(p) : 0,
                               .length = (uint32_t)xk_msg_length(m) };
    if (xk_msg_length(m) + DRIVER_HEADER > st->out.info.mtu)
        return XK_TOO_LONG;
    if (m->control && !st->out.info.control)
        return XK_REFUSED;
    if (outq_full(&st->out, s, &ds->waiter))
        return XK_BUSY;
    struct rope frame;
    unsigned flags = (m->part ? PORT_PART : 0) | (m->control ? PORT_CONTROL : 0);
    driver_header_store(xk_msg_push(m, DRIVER_HEADER), &h);
    xk_msg_to_rope(m, &frame);
    xk_swap(s->protl);
    outq_send(&st->out, ds->station, flags, &frame);
    st->counts.sent++;
    return XK_OK;
}

static void if_ready(void *arg)
{
    struct xk_protl *self = arg;
    outq_ready(&((struct driver_state *)self->state)->out);
}

static void sessn_close(struct xk_sessn *s)
{
    struct driver_state *st = s->protl->state;
    outq_forget(&((struct driver_sessn *)s->state)->waiter);
    xk_table_idle(&st->sessns, s);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push, .close = sessn_close };

/* ---- up ---- */

static struct xk_sessn *get_sessn(struct xk_protl *self, struct xk_protl *upper, uint32_t host,
                                  uint64_t station, bool *fresh)
{
    struct driver_state *st = self->state;
    enum xk_status why;
    struct xk_sessn *s = xk_table_open(&st->sessns, self, upper, host, &sessn_ops,
                                       sizeof(struct driver_sessn), fresh, &why);
    if (*fresh)
        ((struct driver_sessn *)s->state)->station = station;
    return s;
}

static void if_receive(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    struct xk_protl *self = arg;
    struct driver_state *st = self->state;
    uint32_t src;
    struct driver_header h;
    uint8_t wire[DRIVER_HEADER];
    struct xk_msg m;
    port_end_in(st->out.end, frame->length);
    xk_swap(self);
    st->counts.received++;
    xk_msg_from_rope(&m, frame);
    if (!xk_msg_pop(&m, wire, DRIVER_HEADER)) {
        st->counts.bad_length++;
        xk_msg_fini(&m);
        return;
    }
    driver_header_load(&h, wire);
    /* What goes to all, or comes from elsewhere, is no driver's. */
    bool known = !(flags & PORT_ALL) && port_if_host(xk_port(self), self->ifc, from, &src);
    struct xk_protl *upper = known ? xk_taker(self, h.protocol) : NULL;
    if (h.length != xk_msg_length(&m)) {
        st->counts.bad_length++;
    } else if (known && xk_heard_low(self->kernel, src, h.life) == XK_OLD) { /* DRV4 */
        st->counts.stale++;
    } else if (!upper) {
        st->counts.nobody++;
    } else {
        bool fresh;
        struct xk_sessn *s = get_sessn(self, upper, src, from, &fresh); /* DRV3 */
        if (fresh)
            xk_open_done(upper, s);
        xk_demux(s, &m);
        xk_close(s);
    }
    xk_msg_fini(&m);
}

static const struct port_end_ops end_ops = { .receive = if_receive, .ready = if_ready };

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct driver_state *st = self->state;
    st->params = p;
    xk_table_init(&st->sessns, self, (uint32_t)st->params->idle);
    return outq_open(&st->out, self, (uint32_t)st->params->queue, &end_ops);
}

static const char *interface_of(const void *p)
{
    return ((const struct driver_params *)p)->interface;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct driver_state *st = self->state;
    bool fresh;
    uint32_t host;
    uint64_t station;
    if (!st->out.end || !xk_parts_node(&peer, &host) || /* PART1 */
        !port_if_station(xk_port(self), self->ifc, host, &station)) {
        *why = XK_NO_PEER;
        return NULL;
    }
    xk_enable(self, upper); /* answers come to who has asked */
    return get_sessn(self, upper, host, station, &fresh);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct driver_state *st = self->state;
    return xk_table_control(&st->sessns, self, self->carries, c);
}

static const struct counter counters[] = {
    C_SUM(driver_state, counts, sent, "1", "Frames sent."),
    C_SUM(driver_state, counts, received, "1", "Frames received."),
    C_SUM(driver_state, out.counts, queued, "1",
          "Frames that waited because the interface was busy."),
    C_SUM(driver_state, out.counts, refused, "1", "Pushes refused for want of room."),
    C_SUM(driver_state, counts, bad_length, "1",
          "Frames dropped: shorter or longer than their header says."),
    C_SUM(driver_state, counts, stale, "1",
          "Frames dropped: of a life of their sender that has ended."),
    C_SUM(driver_state, counts, nobody, "1", "Frames dropped: nobody here is for them."),
    C_END,
};

const struct xk_protl_ops driver_protl = {
    .kind = { .name = "driver",
              .doc = "drives a network interface of the node",
              .was = "mesh",
              .params = params,
              .params_size = sizeof(struct driver_params),
              .state_size = sizeof(struct driver_state),
              .counters = counters },
    .header = DRIVER_HEADER,
    .down_min = 0,
    .down_max = 0,
    .interface = interface_of,
    .renews = true,
    .init = protl_init,
    .open = protl_open,
    .control = protl_control,
};
