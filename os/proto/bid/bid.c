/* bid.c: BID's protocol object: parameters, sessions, the way down and up.  See bid.h and
 * README.md.
 */
#include "os/proto/bid/bid_internal.h"

#include "os/proto/ip/ip.h"

static const struct param params[] = {
    P_TIME(bid_params, query_wait, "5s", "1us", "1h",
           "time until a question is asked again; doubles each time", "x-kernel 3.2 bidctl_i.h"),
    P_TIME(bid_params, query_max, "60s", "1us", "1h", "longest time between two questions",
           "x-kernel 3.2 bidctl_i.h"),
    P_INT(bid_params, tries, "6", "0", "1000",
          "unanswered questions after which the peer's life counts as unknown again",
          "ASSUMED(x-kernel asks for ever; as CHAN)"),
    P_TIME(bid_params, tick, "60s", "0", "1h",
           "unit of silence; 0: nobody is asked while nothing is said", "x-kernel 3.2 bidctl_i.h"),
    P_INT(bid_params, keepalive, "5", "0", "1000000",
          "ticks of silence after which a peer is asked whether it is the same; 0: never",
          "x-kernel 3.2 bidctl_i.h"),
    P_INT(bid_params, idle_ticks, "10", "1", "1000000",
          "ticks of silence after which a peer is left alone, and forgotten if nobody talks to it",
          "x-kernel 3.2 bidctl_i.h"),
    P_INT(bid_params, queue, "64", "1", "65536",
          "messages to a peer that wait for its life before a push is answered with busy",
          "ASSUMED(as many messages as BLAST has out)"),
    P_INT(bid_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

/* ---- down ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct bid_state *st = s->protl->state;
    struct bid_sessn *bs = s->state;
    struct bid_peer *p = bs->peer;
    enum xk_status r;
    if (xk_msg_length(m) > s->protl->carries)
        return XK_TOO_LONG;
    if (p) {
        bid_peer_used(p);
        bid_peer_look(p);
    }
    if (!p)
        r = bid_send(st, s, st->boot, m);
    else if (p->life != 0 && list_empty(&p->waiting))
        r = bid_send(st, s, p->life, m);
    else
        r = bid_peer_wait(p, s, m); /* BID2 */
    if (r == XK_BUSY) {
        st->counts.refused++;
        if (list_empty(&bs->busy))
            list_push(&st->busy, &bs->busy);
    }
    return r;
}

static void room(struct port_timer *t)
{
    bid_told_room(t->arg);
}

static bool ready_each(void *arg, const void *key, void *value)
{
    bool *all = arg;
    (void)key;
    *all = *all && bid_peer_ready(value);
    return *all;
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct bid_state *st = self->state;
    bool all = true;
    (void)lower;
    xk_map_each(&st->peers, ready_each, &all);
    if (all)
        bid_told_room(self);
}

/* ---- sessions ---- */

static void sessn_close(struct xk_sessn *s)
{
    struct bid_state *st = s->protl->state;
    list_remove(&((struct bid_sessn *)s->state)->busy);
    xk_table_idle(&st->sessns, s);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push, .close = sessn_close };

static void forget(struct xk_sessn *s)
{
    struct bid_peer *p = ((struct bid_sessn *)s->state)->peer;
    if (p)
        p->sessns--;
}

static void sessn_init(struct xk_protl *self, struct xk_sessn *s)
{
    struct bid_sessn *bs = s->state;
    list_init(&bs->busy);
    if (s->host != port_node(xk_port(self))) {
        bs->peer = bid_peer_get(self, s->host, s->down[0]);
        bs->peer->sessns++;
    }
}

/* ---- up ---- */

static void deliver(struct xk_protl *self, struct xk_sessn *lower, const struct bid_header *h,
                    struct xk_msg *m)
{
    struct bid_state *st = self->state;
    struct xk_protl *upper = xk_taker(self, h->upper);
    bool fresh;
    if (!upper) {
        st->counts.nobody++;
        return;
    }
    struct xk_sessn *s = xk_table_over(&st->sessns, self, upper, xk_dup(lower), 0, &sessn_ops,
                                       sizeof(struct bid_sessn), &fresh);
    struct bid_sessn *bs = s->state;
    st->counts.received++;
    if (fresh)
        sessn_init(self, s);
    else
        xk_close(lower);
    if (bs->peer)
        bid_peer_used(bs->peer);
    if (fresh)
        xk_open_done(upper, s);
    xk_demux(s, m);
    xk_close(s);
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct bid_state *st = self->state;
    uint32_t host = lower->host;
    uint8_t wire[BID_HEADER];
    struct bid_header h;
    if (!xk_msg_pop(m, wire, BID_HEADER) || !bid_header_load(&h, wire) || h.src == 0 ||
        (h.upper == 0 && xk_msg_length(m) > 0) || (h.upper != 0 && (h.dst == 0 || h.flags != 0))) {
        st->counts.bad++;
        return;
    }
    if (xk_heard(self->kernel, host, h.src) == XK_OLD) { /* BID1 */
        st->counts.stale++;
        return;
    }
    if (host != port_node(xk_port(self))) {
        struct bid_peer *p = bid_peer_get(self, host, lower);
        bid_peer_heard(p, h.src);
        bid_peer_got(p, &h);
    }
    if (h.upper == 0) {
        st->counts.controls++;
        return;
    }
    if (h.dst == st->boot)
        deliver(self, lower, &h, m);
    else
        st->counts.misled++; /* BID1 */
}

/* ---- protocol ---- */

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct bid_peer *p = alive ? NULL : bid_peer_find(arg, host);
    if (p)
        bid_peer_ended(p, life);
}

/* A damaged header is not believed. */
static unsigned protl_gives(const void *params_, unsigned below)
{
    (void)params_;
    return (below & XK_INTACT ? below : below & ~(unsigned)XK_LOSSLESS) | XK_LIVES;
}

/* BID5.  Who does not hear it will by the first header. */
static void announce(struct xk_protl *self)
{
    struct bid_state *st = self->state;
    const struct xk_protl_ops *below = self->down[0]->ops;
    struct bid_header h = { .src = st->boot };
    struct xk_parts all = { 0 };
    enum xk_status why;
    struct xk_msg m;
    if (st->boot <= 1 || (below != &arp_protl && below != &ip_protl))
        return;
    xk_part_push(&all, XK_PART_ADDRESS, INET_ALL);
    struct xk_sessn *s = xk_open(self->down[0], self, all, &why);
    if (!s)
        return;
    xk_msg_init(&m);
    bid_header_store(xk_msg_push(&m, BID_HEADER), &h);
    st->counts.announced += xk_push(s, &m) == XK_OK;
    xk_msg_fini(&m);
    xk_close(s);
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct bid_state *st = self->state;
    struct port *port = xk_port(self);
    st->params = p;
    st->boot = port_incarnation(port);
    xk_table_init(&st->sessns, self, (uint32_t)st->params->idle);
    st->sessns.forget = forget;
    xk_map_init(&st->peers, port, sizeof(uint32_t));
    list_init(&st->busy);
    port_timer_init(port, &st->ticker, bid_tick, self);
    port_timer_init(port, &st->room, room, self);
    xk_on_peer(self->kernel, peer_changed, self);
    enum xk_status s = xk_open_enable(self->down[0], self, xk_any());
    if (s == XK_OK)
        announce(self);
    return s;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct bid_state *st = self->state;
    bool fresh;
    xk_enable(self, upper);
    struct xk_sessn *s = xk_table_open_parts(&st->sessns, self, upper, peer, 0, &sessn_ops,
                                             sizeof(struct bid_sessn), &fresh, why);
    if (s && fresh)
        sessn_init(self, s);
    return s;
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct bid_state *st = self->state;
    return xk_table_control(&st->sessns, self, self->carries, c);
}

static const struct counter counters[] = {
    C_SUM(bid_state, counts, sent, "1", "Messages of uppers sent."),
    C_SUM(bid_state, counts, received, "1", "Messages given to uppers."),
    C_SUM(bid_state, counts, controls, "1", "Messages received that are of no upper."),
    C_SUM(bid_state, counts, queries, "1", "Questions who is there."),
    C_SUM(bid_state, counts, responses, "1", "Such questions answered."),
    C_SUM(bid_state, counts, notices, "1", "Peers told that they took this life for an earlier."),
    C_SUM(bid_state, counts, announced, "1", "Boots told to all hosts of the network."),
    C_SUM(bid_state, counts, waited, "1", "Messages that waited for their receiver's life."),
    C_SUM(bid_state, counts, dropped, "1", "Of these, dropped: it ended, or no answer came."),
    C_SUM(bid_state, counts, misled, "1", "Messages dropped: for an earlier life of this node."),
    C_SUM(bid_state, counts, stale, "1", "Messages dropped: of an earlier life of their sender."),
    C_SUM(bid_state, counts, bad, "1", "Messages dropped: damaged, or the header makes no sense."),
    C_SUM(bid_state, counts, nobody, "1", "Messages dropped: nobody here is for them."),
    C_SUM(bid_state, counts, refused, "1", "Pushes refused for want of room."),
    C_SUM(bid_state, counts, unanswered, "1", "Peers that answered no question."),
    C_END,
};

const struct xk_protl_ops bid_protl = {
    .kind = { .name = "bid",
              .doc = "names the boots of sender and receiver, so that a reboot is noticed",
              .params = params,
              .params_size = sizeof(struct bid_params),
              .state_size = sizeof(struct bid_state),
              .counters = counters },
    .header = BID_HEADER,
    .down_min = 1,
    .down_max = 1,
    .gives = protl_gives,
    .init = protl_init,
    .open = protl_open,
    .demux = protl_demux,
    .ready = protl_ready,
    .control = protl_control,
};
