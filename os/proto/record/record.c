/* record.c: RECORD's protocol object: parameters, sessions, uppers of pieces, a life's end.
 *
 *   RCDT1  A session is in `turns` of its peer exactly while something waits on it that need not
 *       wait for credit.
 */
#include "os/proto/record/record_internal.h"
#include "os/proto/tcp/tcp.h"

static const struct param params[] = {
    P_INT(record_params, port, "2049", "1", "65535", "TCP's port that it listens at",
          "ASSUMED(any that programs leave alone)"),
    P_SIZE(record_params, queue, "64KiB", "1B", "1GiB",
           "bytes that wait on a session before a push is answered with busy", "ASSUMED(as RDM)"),
    P_SIZE(record_params, fragment, "8KiB", "1B", "1GiB",
           "bytes of a fragment of a record, and of a piece for who holds pieces",
           "ASSUMED(TCP's send_buffer; Sun's xdrrec: 4,000)"),
    P_SIZE(record_params, longest, "64MiB", "1B", "1GiB",
           "a message that is longer is refused, and who claims to send one is not believed",
           "ASSUMED(what a node has)"),
    P_BOOL(record_params, nodelay, "true",
           "Nagle's rule is off: the end of a message does not wait for an acknowledgement",
           "ASSUMED(requests and answers are short)"),
    P_INT(record_params, tries, "6", "1", "1000",
          "connections in a row that do not stand before a host never heard of is given up",
          "ASSUMED(some seconds)"),
    P_TIME(record_params, retry, "50ms", "1us", "1h",
           "after a connection that did not stand; doubles each time", "ASSUMED(some round trips)"),
    P_TIME(record_params, retry_max, "5s", "1us", "1h", "longest of these waits",
           "ASSUMED(a reboot takes longer)"),
    P_END,
};

const struct record_counts *record_counts(const struct xk_protl *record)
{
    return &((const struct record_state *)record->state)->counts;
}

/* ---- peers and sessions ---- */

struct record_peer *record_peer(struct xk_protl *self, uint32_t host)
{
    struct record_state *st = self->state;
    struct record_peer *p = xk_map_resolve(&st->peers, &host);
    if (p)
        return p;
    p = port_alloc(xk_port(self), sizeof *p);
    p->self = self;
    p->host = host;
    p->own = host == port_node(xk_port(self));
    record_patience(p);
    list_init(&p->turns);
    list_init(&p->out);
    port_timer_init(xk_port(self), &p->retry, record_timed_out, p);
    xk_map_bind(&st->peers, &host, p);
    return p;
}

static const struct xk_sessn_ops sessn_ops;

static struct record_key key_of(const struct xk_protl *upper, uint32_t host, uint32_t key)
{
    return (struct record_key){ .host = host, .upper = upper->number, .key = key };
}

struct record_talk *record_open(struct record_peer *p, struct xk_protl *upper, uint32_t key,
                                bool *fresh)
{
    struct record_state *st = record_state(p);
    struct record_key at = key_of(upper, p->host, key);
    struct record_talk *t = xk_map_resolve(&st->sessns, &at);
    *fresh = !t;
    if (t) {
        xk_dup(xk_sessn_of(t));
        return t;
    }
    struct xk_sessn *s =
        xk_sessn_new(p->self, upper, p->host, &sessn_ops, sizeof(struct record_talk));
    s->key = (uint8_t)key;
    t = s->state;
    t->peer = p;
    list_init(&t->known);
    list_init(&t->turn);
    list_init(&t->ring);
    list_init(&t->todo);
    xk_map_bind(&st->sessns, &at, t);
    return t;
}

void record_settle(struct record_talk *t)
{
    bool credit = t->credit.used || t->credit.heard || t->credit.held || t->credit.given;
    bool idle =
        list_empty(&t->todo) && list_empty(&t->ring) && !t->begun && !t->wants_ready && !credit;
    ASSERT(list_empty(&t->turn) == (list_empty(&t->todo) || t->stalled)); /* RCDT1 */
    if (idle != t->kept)
        return;
    t->kept = !idle;
    if (idle) {
        list_remove(&t->known);
        xk_close(xk_sessn_of(t));
    } else {
        list_push(&record_state(t->peer)->known, &t->known);
        xk_dup(xk_sessn_of(t));
    }
}

static void sessn_close(struct xk_sessn *s)
{
    struct record_talk *t = s->state;
    struct record_key at = key_of(s->upper, s->host, s->key);
    ASSERT(!t->kept && list_empty(&t->turn));
    xk_map_unbind(&record_state(t->peer)->sessns, &at);
    xk_sessn_free(s);
}

/* ---- room ---- */

void record_ring(struct record_state *st)
{
    struct list *it;
    while ((it = list_pop(&st->rings))) {
        struct record_talk *t = LIST_ENTRY(it, struct record_talk, ring);
        struct xk_sessn *s = xk_dup(xk_sessn_of(t));
        t->wants_ready = false;
        xk_ready(s);
        record_settle(t);
        xk_close(s);
    }
}

static void bell(struct port_timer *timer)
{
    record_ring(((struct xk_protl *)timer->arg)->state);
}

/* Not from inside what an upper calls. */
static void ring_later(struct record_state *st)
{
    if (!list_empty(&st->rings) && !port_timer_pending(&st->bell))
        port_timer_set(&st->bell, 0);
}

/* ---- the end of what was said ---- */

static void drop_waits(struct record_talk *t)
{
    LIST_EACH_SAFE (it, next, &t->todo) {
        struct record_wait *w = LIST_ENTRY(it, struct record_wait, link);
        record_state(t->peer)->counts.dropped += w->op == RECORD_PIECE;
        record_wait_free(t, w);
    }
    t->queued = t->stalled = false;
    record_turn(t);
}

/* RCD2, RCD4: the session is as new. */
static void reset(struct record_talk *t, bool some, enum xk_status why)
{
    struct record_state *st = record_state(t->peer);
    uint32_t limit = t->credit.limit;
    some |= t->begun || !list_empty(&t->todo);
    st->counts.dropped += t->begun;
    drop_waits(t);
    xk_keys_drop(&st->keys, xk_sessn_of(t));
    memset(&t->credit, 0, sizeof t->credit);
    t->credit.limit = limit;
    t->begun = false;
    record_room(t);
    ring_later(st);
    if (some)
        xk_failed(xk_sessn_of(t), why);
    record_settle(t);
}

/* All that is kept of that host. */
static void reset_all(struct record_peer *p, enum xk_status why)
{
    struct record_state *st = record_state(p);
    struct list now, *it;
    list_init(&now);
    LIST_EACH_SAFE (at, next, &st->known) { /* all at once: one may end others' sessions */
        struct record_talk *t = LIST_ENTRY(at, struct record_talk, known);
        if (t->peer != p)
            continue;
        xk_dup(xk_sessn_of(t));
        list_remove(at);
        list_push(&now, at);
    }
    while ((it = list_pop(&now))) {
        struct record_talk *t = LIST_ENTRY(it, struct record_talk, known);
        list_push(&st->known, &t->known);
        reset(t, false, why);
        xk_close(xk_sessn_of(t));
    }
}

void record_fail(struct record_peer *p, enum xk_status why)
{
    record_patience(p);
    reset_all(p, why);
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct xk_protl *self = arg;
    struct record_state *st = self->state;
    struct record_peer *p = xk_map_resolve(&st->peers, &host);
    (void)life;
    if (alive || !p)
        return;
    if (p->conn && p->conn != st->greeting)
        record_end(p->conn, false);
    record_drop_out(p);
    port_timer_cancel(&p->retry);
    p->heard = false;
    record_patience(p);
    reset_all(p, XK_UNREACHABLE);
}

/* ---- what the upper does ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct record_talk *t = s->state;
    struct record_state *st = s->protl->state;
    if (!xk_alive(s->protl->kernel, s->host))
        return XK_UNREACHABLE;
    if (xk_msg_length(m) > (uint64_t)st->params->longest)
        return XK_TOO_LONG;
    bool takes = s->upper->ops->needs & XK_TAKES;
    bool full = t->pieces ? !list_empty(&t->todo) : t->unsent >= (uint64_t)st->params->queue;
    if (full && !takes) { /* RCD7 */
        t->wants_ready = true;
        st->counts.refused++;
        record_settle(t);
        return XK_BUSY;
    }
    st->counts.sent++;
    record_queue(t, RECORD_PIECE, m);
    record_settle(t);
    record_pump(t->peer);
    ring_later(st);
    return XK_OK;
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct record_state *st = self->state;
    switch (c->op) {
    case XK_GET_OPT_PACKET:
        c->u64 = (uint64_t)st->params->fragment;
        return XK_OK;
    case XK_FREE_RESOURCES:
        c->u64 = 0; /* nothing is kept of a session that has nothing to do */
        return XK_OK;
    default:
        return xk_protl_control(self->down[0], c);
    }
}

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    if (c->op == XK_GET_PEER_HOST) {
        c->u64 = s->host;
        return XK_OK;
    }
    return protl_control(s->protl, c);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = sessn_close,
                                               .control = sessn_control };

/* ---- uppers that take pieces, hold them, and give credit back themselves ---- */

static void hold_pieces(struct xk_sessn *s)
{
    ((struct record_talk *)s->state)->pieces = true;
}

static void hold_credit(struct xk_sessn *s, uint64_t credit)
{
    struct record_talk *t = s->state;
    ASSERT(t->pieces); /* of a whole message that is longer than the credit the end would not come
                        */
    uint64_t least = 2 * (uint64_t)record_state(t->peer)->params->fragment;
    t->credit.limit = (uint32_t)(credit < least ? least : credit);
}

static void hold_consumed(struct xk_sessn *s, uint64_t bytes)
{
    struct record_talk *t = s->state;
    ASSERT(bytes <= t->credit.held); /* RCD8 */
    t->credit.held -= (uint32_t)bytes;
    t->credit.given += (uint32_t)bytes;
    record_credit_if_due(t);
    record_settle(t);
    record_pump(t->peer);
    ring_later(s->protl->state);
}

static bool hold_gone(struct xk_sessn *s)
{
    struct record_talk *t = s->state;
    bool gone = list_empty(&t->todo);
    t->wants_ready |= !gone;
    return gone;
}

static bool hold_stalled(const struct xk_sessn *s)
{
    return ((const struct record_talk *)s->state)->stalled;
}

static void hold_give_up(struct xk_sessn *s)
{
    struct record_talk *t = s->state;
    bool begun = false;
    xk_dup(s);
    LIST_EACH_SAFE (it, next, &t->todo) {
        struct record_wait *w = LIST_ENTRY(it, struct record_wait, link);
        if (w->op != RECORD_PIECE)
            continue;
        begun |= !w->first;
        record_state(t->peer)->counts.dropped++;
        record_wait_free(t, w);
    }
    t->stalled = t->wants_ready = false;
    record_turn(t);
    if (begun)
        record_queue(t, RECORD_QUIT, NULL);
    record_settle(t);
    record_pump(t->peer);
    ring_later(s->protl->state);
    xk_close(s);
}

static const struct xk_pieces_ops hold_ops = { .pieces = hold_pieces,
                                               .hold = hold_credit,
                                               .consumed = hold_consumed,
                                               .gone = hold_gone,
                                               .stalled = hold_stalled,
                                               .give_up = hold_give_up };

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct record_state *st = self->state;
    st->params = p;
    xk_map_init(&st->peers, xk_port(self), sizeof(uint32_t));
    xk_map_init(&st->sessns, xk_port(self), sizeof(struct record_key));
    list_init(&st->known);
    list_init(&st->rings);
    port_timer_init(xk_port(self), &st->bell, bell, self);
    xk_keys_init(&st->keys);
    xk_on_peer(self->kernel, peer_changed, self);
    return xk_open_enable(self->down[0], self, xk_at_port((uint16_t)st->params->port));
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    uint64_t key = 0; /* PART2 */
    uint32_t host;
    bool fresh;
    xk_part_take(&peer, XK_PART_KEY, &key);
    ASSERT(key < XK_KEYS);
    *why = XK_REFUSED; /* PART1 */
    if (!xk_parts_node(&peer, &host))
        return NULL;
    return xk_sessn_of(record_open(record_peer(self, host), upper, (uint32_t)key, &fresh));
}

static enum xk_status protl_enable(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local)
{
    return xk_keys_enable(&((struct record_state *)self->state)->keys, upper, local);
}

/* TCP gives a stream and no messages: what is promised is RECORD's own. */
static unsigned protl_gives(const void *params_, unsigned below)
{
    (void)params_;
    (void)below;
    return XK_NETWORK | XK_LONG | XK_LIVES | XK_TAKES | XK_PIECES;
}

static uint64_t protl_carries(const void *p, uint64_t below)
{
    return below > 0 ? (uint64_t)((const struct record_params *)p)->longest : 0;
}

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    (void)p;
    (void)count;
    return below[0].ops == &tcp_protl ||
           err_set(e, "%s: record stands right on tcp, and '%s' is not", at, below[0].name);
}

#define C(m, doc) C_SUM(record_state, counts, m, "1", doc)
static const struct counter counters[] = {
    C(sent, "Messages sent."),
    C(received, "Messages given to uppers."),
    C(records, "Records sent for the first time."),
    C(resent, "Records sent again, on another connection."),
    C(fragments, "Fragments sent."),
    C(connects, "Connections asked for."),
    C(accepts, "Connections that peers asked for, and that were taken."),
    C(greeted, "Connections that stood."),
    C(yielded, "Connections given up for the peer's, opened at the same time."),
    C(broken, "Connections that ended after they stood, while both hosts lived."),
    C(credits, "Records with nothing but credit."),
    C(stalled, "Times that a message had to wait for credit."),
    C(bad, "Connections broken: what came makes no sense."),
    C(longer, "Of these, by a length that nobody may send."),
    C(stale, "Connections of a life that has ended, or given up by the peer."),
    C(nobody, "Records and connections dropped: nobody is there for them."),
    C(refused, "Pushes refused for want of room."),
    C(dropped, "Messages cut off, going or coming: given up, or by a life's end."),
    C_END,
};

const struct xk_protl_ops record_protl = {
    .kind = { .name = "record",
              .doc = "whole messages in order and once over tcp, by record marking",
              .params = params,
              .params_size = sizeof(struct record_params),
              .state_size = sizeof(struct record_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .gives = protl_gives,
    .carries = protl_carries,
    .check = protl_check,
    .init = protl_init,
    .open = protl_open,
    .open_enable = protl_enable,
    .open_done = record_open_done,
    .demux = record_demux,
    .ready = record_ready,
    .failed = record_failed,
    .control = protl_control,
    .pieces = &hold_ops,
};
