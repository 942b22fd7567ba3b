/* rdm.c: RDM's protocol object and its sender: cutting, numbers, resending, the end of a life.
 *
 *   RDMO1  `out` holds the pieces in order of number; those that were sent stand before those that
 *       were not.
 *   RDMO2  At most `window` bytes are sent and not acknowledged, or one piece.
 *   RDMO3  Nothing is sent under numbers before the other's life is known.
 */
#include "os/proto/rdm/rdm_internal.h"

static const struct param params[] = {
    P_SIZE(rdm_params, queue, "64KiB", "1B", "1GiB",
           "bytes that wait to be sent to a host before a push is answered with busy",
           "ASSUMED(as much as a grant of NX)"),
    P_SIZE(rdm_params, window, "64KiB", "1B", "1GiB",
           "bytes that may be sent and not acknowledged, where messages can be lost",
           "ASSUMED(as much as a grant of NX)"),
    P_INT(rdm_params, ack_every, "2", "1", "1000",
          "pieces after which they are acknowledged, where nothing else carries that",
          "ASSUMED(every second, as TCP)"),
    P_TIME(rdm_params, ack_delay, "500us", "1ns", "1h",
           "an acknowledgement waits so long for something that carries it",
           "ASSUMED(some round trips)"),
    P_TIME(rdm_params, resend, "5ms", "1us", "1h",
           "time until a piece is sent again; doubles each time", "ASSUMED(some round trips)"),
    P_TIME(rdm_params, resend_max, "1s", "1us", "1h", "longest time until it is sent again",
           "ASSUMED(as BLAST)"),
    P_INT(rdm_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

const struct rdm_counts *rdm_counts(const struct xk_protl *rdm)
{
    return &((const struct rdm_state *)rdm->state)->counts;
}

/* ---- what is sent ---- */

uint16_t rdm_life(uint32_t life)
{
    return (uint16_t)(life % UINT16_MAX + 1);
}

static struct port *port_of(struct rdm_talk *t)
{
    return xk_port(xk_sessn_of(t)->protl);
}

/* The other's life; 0: it is not known, or has ended. */
static uint32_t life_of(const struct xk_sessn *s)
{
    const struct xk_kernel *k = s->protl->kernel;
    return xk_alive(k, s->host) ? xk_life(k, s->host) : 0;
}

static void timed_out(struct port_timer *timer);
static void ack_late(struct port_timer *timer);

struct rdm_clock *rdm_clock(struct rdm_talk *t)
{
    if (!t->clock) {
        t->clock = port_alloc(port_of(t), sizeof *t->clock);
        port_timer_init(port_of(t), &t->clock->resend, timed_out, t);
        port_timer_init(port_of(t), &t->clock->ack, ack_late, t);
    }
    return t->clock;
}

static void cancel_resend(struct rdm_talk *t)
{
    if (t->clock)
        port_timer_cancel(&t->clock->resend);
}

static void cancel_ack(struct rdm_talk *t)
{
    if (t->clock)
        port_timer_cancel(&t->clock->ack);
}

static void header_store(uint8_t *out, const struct rdm_header *h, const struct xk_sessn *s)
{
    struct rdm_talk *t = s->state;
    out[0] = (uint8_t)s->upper->number;
    out[1] = (uint8_t)(h->last | h->first << 1 | h->op << 2);
    uint32_t life = life_of(s);
    wire_put16(out + 2, life ? rdm_life(life) : 0);
    if (!rdm_state(t)->numbers)
        return;
    wire_put32(out + 4, port_incarnation(xk_port(s->protl)));
    wire_put32(out + 8, h->number);
    wire_put32(out + 12, t->expected);
    wire_put32(out + 16, rdm_mask(t));
}

/* Takes the message, unless the layer below is full: false.  The acknowledgement goes with
 * everything. */
static bool push(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m)
{
    struct xk_sessn *s = xk_sessn_of(t);
    uint8_t header[RDM_HEADER + RDM_NUMBERS];
    uint64_t size = rdm_state(t)->header;
    header_store(xk_msg_push(m, size), h, s);
    if (xk_push(s->down[0], m) == XK_BUSY)
        return !xk_msg_pop(m, header, size);
    xk_msg_fini(m);
    t->ack_due = false;
    t->unacked = 0;
    cancel_ack(t);
    return true;
}

static bool push_alone(struct rdm_talk *t, enum rdm_op op)
{
    struct rdm_header h = { .op = (uint8_t)op };
    struct xk_msg m;
    rdm_state(t)->counts.acks++;
    xk_msg_init(&m);
    bool pushed = push(t, &h, &m);
    xk_msg_fini(&m);
    return pushed;
}

static void piece_free(struct rdm_talk *t, struct rdm_piece *p)
{
    list_remove(&p->link);
    rope_fini(&p->data);
    port_free(port_of(t), p);
}

static bool push_piece(struct rdm_talk *t, struct rdm_piece *p)
{
    struct rdm_header h = {
        .op = RDM_PIECE, .last = p->last, .first = p->first, .number = p->number
    };
    struct xk_msg m;
    xk_msg_init(&m);
    rope_add_slice(&m.data, &p->data, 0, p->data.length);
    bool pushed = push(t, &h, &m);
    xk_msg_fini(&m);
    return pushed;
}

static void set_resend(struct rdm_talk *t)
{
    if (rdm_resend_set(t))
        return;
    port_work(port_of(t), PORT_WORK_TIMER, 1);
    port_timer_set(&rdm_clock(t)->resend, t->wait);
}

/* The first piece that was not sent (RDMO1), or NULL. */
static struct rdm_piece *next_piece(struct rdm_talk *t)
{
    LIST_EACH (l, &t->out)
        if (!LIST_ENTRY(l, struct rdm_piece, link)->sent)
            return LIST_ENTRY(l, struct rdm_piece, link);
    return NULL;
}

/* An empty message is something too. */
static uint64_t size_of(const struct rdm_piece *p)
{
    return p->data.length + RDM_HEADER;
}

/* RDMO2; and the other side keeps no more than RDM_MASK after a piece that is missing. */
static bool may_send(struct rdm_talk *t, const struct rdm_piece *p)
{
    const struct rdm_state *st = rdm_state(t);
    uint32_t first = LIST_ENTRY(t->out.next, struct rdm_piece, link)->number;
    return !st->numbers || t->in_flight == 0 ||
           (p->number - first <= RDM_MASK &&
            t->in_flight + size_of(p) <= (uint64_t)st->params->window);
}

/* False: the layer below is full. */
static bool send_pieces(struct rdm_talk *t)
{
    struct rdm_state *st = rdm_state(t);
    struct rdm_piece *p = next_piece(t);
    if (!p)
        return true;
    if (st->numbers && life_of(xk_sessn_of(t)) == 0) { /* RDMO3 */
        if (rdm_resend_set(t))
            return true;
        set_resend(t);
        return push_alone(t, RDM_ASK);
    }
    while (p && may_send(t, p)) {
        struct list *next = p->link.next;
        if (!push_piece(t, p))
            return false;
        st->counts.pieces++;
        p->sent = true;
        if (st->numbers) {
            t->in_flight += size_of(p);
            set_resend(t);
        } else {
            t->queued -= size_of(p);
            piece_free(t, p);
        }
        p = next == &t->out ? NULL : LIST_ENTRY(next, struct rdm_piece, link);
    }
    return true;
}

/* A conversation with something to do or to remember keeps its session. */
static void settle(struct rdm_talk *t)
{
    bool idle = list_empty(&t->out) && list_empty(&t->early) && !t->begun && !t->ack_due &&
                !t->wants_ready && t->number == 0 && t->expected == 1 && list_empty(&t->waiting) &&
                !rdm_resend_set(t) && !rdm_ack_set(t);
    if (idle && t->clock) {
        port_free(port_of(t), t->clock);
        t->clock = NULL;
    }
    if (idle == list_empty(&t->busy))
        return;
    struct xk_sessn *s = xk_sessn_of(t);
    if (idle) {
        list_remove(&t->busy);
        xk_close(s);
    } else {
        list_push(&rdm_state(t)->busy, &t->busy);
        xk_dup(s);
    }
}

/* Sends what may be sent; true: who was answered XK_BUSY is to be told that there is room. */
static bool pump(struct rdm_talk *t)
{
    struct rdm_state *st = rdm_state(t);
    bool room = send_pieces(t) && (!t->ack_due || push_alone(t, RDM_ACK));
    list_remove(&t->waiting);
    if (!room)
        list_push(&st->waiting, &t->waiting);
    return t->wants_ready && (st->numbers ? 2 * t->queued <= (uint64_t)st->params->queue : room);
}

void rdm_pump(struct rdm_talk *t)
{
    if (pump(t)) {
        t->wants_ready = false;
        xk_ready(xk_sessn_of(t));
    }
    settle(t);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct rdm_state *st = self->state;
    struct list now, *l;
    list_init(&now);
    while ((l = list_pop(&st->waiting)))
        list_push(&now, l);
    while ((l = list_pop(&now))) {
        struct rdm_talk *t = LIST_ENTRY(l, struct rdm_talk, waiting);
        if (xk_sessn_of(t)->down[0] == lower)
            rdm_pump(t);
        else
            list_push(&st->waiting, l);
    }
}

/* ---- what was lost ---- */

static void resend(struct rdm_talk *t, struct rdm_piece *p)
{
    /* When the layer below is full it counts as lost again: the timer comes back. */
    rdm_state(t)->counts.resent++;
    (void)push_piece(t, p);
}

static void timed_out(struct port_timer *timer)
{
    struct rdm_talk *t = timer->arg;
    struct rdm_state *st = rdm_state(t);
    t->wait = sim_time_min(sim_time_mul(t->wait, 2), st->params->resend_max);
    LIST_EACH (l, &t->out) {
        struct rdm_piece *p = LIST_ENTRY(l, struct rdm_piece, link);
        if (!p->sent)
            break;
        if (!p->got || l == t->out.next) /* it may be the acknowledgement that was lost */
            resend(t, p);
    }
    if (t->in_flight > 0)
        set_resend(t);
    rdm_pump(t);
}

static bool has(const struct rdm_header *h, uint32_t number)
{
    uint32_t after = number - h->next;
    return (int32_t)after < 0 || (after > 0 && after <= RDM_MASK && h->mask >> (after - 1) & 1);
}

/* What has arrived is forgotten; what has not, though a later one has, goes again, once. */
void rdm_got_acks(struct rdm_talk *t, const struct rdm_header *h)
{
    struct rdm_state *st = rdm_state(t);
    if ((int32_t)(h->next - t->number) > 1) {
        st->counts.bad++;
        return;
    }
    uint32_t highest = h->next + (h->mask ? 32 - (uint32_t)__builtin_clz(h->mask) : 0);
    bool some = false;
    LIST_EACH_SAFE (l, next, &t->out) {
        struct rdm_piece *p = LIST_ENTRY(l, struct rdm_piece, link);
        if (!p->sent)
            break;
        p->got |= has(h, p->number);
        if ((int32_t)(p->number - h->next) < 0) {
            t->queued -= size_of(p);
            t->in_flight -= size_of(p);
            piece_free(t, p);
            some = true;
        } else if (!p->got && !p->again && (int32_t)(p->number - highest) < 0) {
            p->again = true;
            resend(t, p);
        }
    }
    if (!some)
        return;
    t->wait = st->params->resend;
    cancel_resend(t);
    if (t->in_flight > 0)
        set_resend(t);
}

static void ack_late(struct port_timer *timer)
{
    struct rdm_talk *t = timer->arg;
    t->ack_due = true;
    rdm_pump(t);
}

/* ---- conversations ---- */

static const struct xk_sessn_ops sessn_ops;

struct xk_sessn *rdm_open(struct xk_protl *self, struct xk_protl *upper, uint32_t host,
                          enum xk_status *why)
{
    struct rdm_state *st = self->state;
    bool fresh;
    struct xk_sessn *s = xk_table_open(&st->sessns, self, upper, host, &sessn_ops,
                                       sizeof(struct rdm_talk), &fresh, why);
    if (!s || !fresh)
        return s;
    struct rdm_talk *t = s->state;
    t->expected = 1;
    t->wait = st->params->resend;
    list_init(&t->busy);
    list_init(&t->waiting);
    list_init(&t->out);
    list_init(&t->early);
    rope_init(&t->partial);
    return s;
}

static void drop_all(struct rdm_talk *t, struct list *list)
{
    struct rdm_state *st = rdm_state(t);
    while (!list_empty(list)) {
        struct rdm_piece *p = LIST_ENTRY(list->next, struct rdm_piece, link);
        st->counts.dropped += p->last;
        piece_free(t, p);
    }
}

/* RDM2. */
static void reset(struct rdm_talk *t)
{
    struct rdm_state *st = rdm_state(t);
    drop_all(t, &t->out);
    drop_all(t, &t->early);
    st->counts.dropped += t->begun;
    rope_fini(&t->partial);
    list_remove(&t->waiting);
    t->begun = t->ack_due = false;
    t->number = t->unacked = 0;
    t->expected = 1;
    t->queued = t->in_flight = 0;
    t->wait = st->params->resend;
    cancel_resend(t);
    cancel_ack(t);
    /* Later: its upper has not been told yet. */
    if (t->wants_ready)
        port_timer_set(&rdm_clock(t)->resend, 0);
    settle(t);
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct rdm_state *st = ((struct xk_protl *)arg)->state;
    (void)life;
    LIST_EACH_SAFE (l, next, &st->busy)
        if (!alive && xk_sessn_of(LIST_ENTRY(l, struct rdm_talk, busy))->host == host)
            reset(LIST_ENTRY(l, struct rdm_talk, busy));
}

/* ---- sessions ---- */

static void queue_piece(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m)
{
    struct rdm_piece *p = port_alloc(port_of(t), sizeof *p);
    p->last = h->last;
    p->first = h->first;
    if (rdm_state(t)->numbers)
        p->number = ++t->number;
    xk_msg_to_rope(m, &p->data);
    t->queued += size_of(p);
    list_push(&t->out, &p->link);
}

/* Cuts a message; what need not be kept and can go goes at once.  False: the layer below has not
 * even room for the start, and the upper keeps the message. */
static bool cut(struct rdm_talk *t, struct xk_msg *m, bool takes)
{
    struct rdm_state *st = rdm_state(t);
    struct rdm_header h = { .op = RDM_PIECE, .first = true };
    bool now = !st->numbers && list_empty(&t->out);
    for (; !h.last; h.first = false) {
        struct xk_msg rest;
        h.last = xk_msg_length(m) <= st->piece;
        if (!h.last)
            xk_msg_split(m, st->piece, &rest);
        now = now && push(t, &h, m);
        if (!now && h.first && !st->numbers && !takes) {
            if (!h.last)
                xk_msg_join(m, &rest);
            return false;
        }
        st->counts.pieces += now;
        if (!now)
            queue_piece(t, &h, m);
        if (!h.last)
            xk_msg_move(m, &rest);
    }
    return true;
}

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct rdm_state *st = s->protl->state;
    struct rdm_talk *t = s->state;
    if (!xk_alive(s->protl->kernel, s->host))
        return XK_UNREACHABLE;
    bool takes = s->upper->ops->needs & XK_TAKES;
    bool full = st->numbers ? t->queued >= (uint64_t)st->params->queue : !list_empty(&t->out);
    bool taken = (takes || !full) && cut(t, m, takes);
    t->wants_ready |= !taken;
    if (!st->numbers && (!taken || !list_empty(&t->out)) && list_empty(&t->waiting))
        list_push(&st->waiting, &t->waiting); /* below was full just now */
    if (!taken) {
        st->counts.refused++;
        settle(t);
        return XK_BUSY;
    }
    st->counts.sent++;
    if (list_empty(&t->waiting) && pump(t) && !rdm_resend_set(t))
        port_timer_set(&rdm_clock(t)->resend, 0); /* not from inside a push */
    settle(t);
    return XK_OK;
}

static void sessn_close(struct xk_sessn *s)
{
    xk_table_idle(&((struct rdm_state *)s->protl->state)->sessns, s);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct rdm_state *st = self->state;
    switch (c->op) {
    case XK_GET_OPT_PACKET:
        c->u64 = st->piece;
        return XK_OK;
    case XK_FREE_RESOURCES:
        c->u64 = xk_table_reclaim(&st->sessns);
        return XK_OK;
    default:
        return xk_protl_control(self->down[0], c);
    }
}

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    return protl_control(s->protl, c);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = sessn_close,
                                               .control = sessn_control };

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct rdm_state *st = self->state;
    const unsigned without = XK_LOSSLESS | XK_ORDERED | XK_ONCE;
    st->params = p;
    st->numbers = (self->down[0]->gives & without) != without; /* RDM3 */
    st->header = RDM_HEADER + (st->numbers ? RDM_NUMBERS : 0);
    uint64_t below = self->down[0]->carries;
    if (below <= st->header)
        return XK_TOO_LONG;
    st->piece = below - st->header;
    xk_table_init(&st->sessns, self, (uint32_t)st->params->idle);
    list_init(&st->busy);
    list_init(&st->waiting);
    xk_on_peer(self->kernel, peer_changed, self);
    return xk_open_enable(self->down[0], self, 0);
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   const struct xk_part *peer, enum xk_status *why)
{
    xk_enable(self, upper);
    return rdm_open(self, upper, peer->host, why);
}

static unsigned protl_gives(const void *params_, unsigned below)
{
    (void)params_;
    return below | XK_LOSSLESS | XK_ORDERED | XK_ONCE | XK_LONG | XK_LIVES | XK_TAKES;
}

static uint64_t protl_carries(const void *p, uint64_t below)
{
    (void)p;
    return below > 0 ? UINT32_MAX : 0;
}

static const struct counter counters[] = {
    C_SUM(rdm_state, counts, sent, "1", "Messages sent."),
    C_SUM(rdm_state, counts, received, "1", "Messages given to uppers."),
    C_SUM(rdm_state, counts, pieces, "1", "Pieces sent for the first time."),
    C_SUM(rdm_state, counts, resent, "1", "Pieces sent again."),
    C_SUM(rdm_state, counts, acks, "1",
          "Acknowledgements that nothing else carried, and questions."),
    C_SUM(rdm_state, counts, early, "1", "Pieces kept because one before them had not come."),
    C_SUM(rdm_state, counts, duplicates, "1", "Pieces dropped: had already."),
    C_SUM(rdm_state, counts, stale, "1", "Pieces dropped: from or for a life that has ended."),
    C_SUM(rdm_state, counts, bad, "1", "Pieces dropped: the header makes no sense."),
    C_SUM(rdm_state, counts, nobody, "1", "Pieces dropped: nobody has enabled their protocol."),
    C_SUM(rdm_state, counts, refused, "1", "Pushes refused for want of room."),
    C_SUM(rdm_state, counts, dropped, "1", "Messages that a life's end cut off, going or coming."),
    C_END,
};

const struct xk_protl_ops rdm_protl = {
    .kind = { .name = "rdm",
              .doc =
                  "whole messages of any length, in order and once, over a path that may lose them",
              .params = params,
              .params_size = sizeof(struct rdm_params),
              .state_size = sizeof(struct rdm_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .needs = XK_INTACT,
    .joined = true,
    .gives = protl_gives,
    .carries = protl_carries,
    .init = protl_init,
    .open = protl_open,
    .demux = rdm_demux,
    .ready = protl_ready,
    .control = protl_control,
};
