/* rdm.c: RDM's protocol object and its sender: cutting, numbers, credit, resending, the end of a
 * life.
 *
 *   RDMO1  `out` holds the pieces that were sent in order of number, `todo` what was not sent in
 *       the order of their pushes; nothing of a message stands in both but its tail in `todo`.
 *   RDMO2  At most `window` bytes are sent and not acknowledged, or one piece.
 *   RDMO3  Nothing is sent under numbers before the other's life is known.
 *   RDMO4  At most the credit's bytes are sent and not given back.
 */
#include "os/proto/rdm/rdm_internal.h"
#include "os/xk/pace.h"

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
    P_TIME(rdm_params, ack_delay, "0", "0", "1h",
           "an acknowledgement waits so long for something that carries it; 0: what four pieces "
           "take below, 500 us at least",
           "ASSUMED(some round trips)"),
    P_TIME(
        rdm_params, resend, "0", "0", "1h",
        "time until a piece is sent again; doubles each time; 0: three times what a window and an "
        "acknowledgement take below, 5 ms at least",
        "ASSUMED(some round trips)"),
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

static uint64_t header_of(struct rdm_talk *t)
{
    return rdm_state(t)->header + (t->credit.limit ? RDM_CREDIT_BYTES : 0) +
           (rdm_tapped(t) ? RDM_EPOCH_BYTES : 0);
}

static void header_store(uint8_t *out, const struct rdm_header *h, const struct xk_sessn *s)
{
    struct rdm_talk *t = s->state;
    uint32_t life = life_of(s);
    out[0] = (uint8_t)(s->upper->number | s->key >> 3 << 7);
    out[1] = (uint8_t)(h->last | h->first << 1 | h->op << 2 | s->key << 5);
    wire_put16(out + 2, life ? rdm_life(life) : 0);
    if (t->credit.limit)
        wire_put32(out + rdm_state(t)->header, t->credit.given);
    if (rdm_tapped(t))
        wire_put32(out + header_of(t) - RDM_EPOCH_BYTES, h->epoch);
    if (!rdm_state(t)->numbers)
        return;
    wire_put32(out + 4, port_incarnation(xk_port(s->protl)));
    wire_put32(out + 8, h->number);
    wire_put32(out + 12, t->expected);
    wire_put32(out + 16, rdm_mask(t));
}

/* Data of the longest piece. */
static uint64_t piece_of(struct rdm_talk *t)
{
    return rdm_state(t)->piece + rdm_state(t)->header - header_of(t);
}

/* Takes the message, unless the layer below is full: false.  Acknowledgement and credit go with
 * everything; that credit arrives is sure of what is numbered or cannot be lost. */
static bool push(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m)
{
    struct xk_sessn *s = xk_sessn_of(t);
    uint8_t header[RDM_HEADER + RDM_NUMBERS + RDM_CREDIT_BYTES + RDM_EPOCH_BYTES];
    uint64_t size = header_of(t);
    header_store(xk_msg_push(m, size), h, s);
    xk_swap_bytes(s->protl, size);
    if (xk_push(s->down[0], m) == XK_BUSY)
        return !xk_msg_pop(m, header, size);
    xk_msg_fini(m);
    if (!rdm_state(t)->numbers || h->number != 0)
        t->credit.told = t->credit.given;
    t->ack_due = false;
    t->unacked = 0;
    cancel_ack(t);
    return true;
}

static bool push_alone(struct rdm_talk *t, enum rdm_op op)
{
    struct rdm_header h = { .op = (uint8_t)op, .epoch = rdm_state(t)->tap.epoch };
    struct xk_msg m;
    rdm_state(t)->counts.acks++;
    xk_msg_init(&m);
    bool pushed = push(t, &h, &m);
    xk_msg_fini(&m);
    return pushed;
}

static struct rdm_piece *piece_new(struct rdm_talk *t, enum rdm_op op)
{
    struct rdm_piece *p = port_alloc(port_of(t), sizeof *p);
    p->op = (uint8_t)op;
    p->last = true;
    rope_init(&p->data);
    rope_init(&p->whole);
    list_init(&p->link);
    return p;
}

static void piece_free(struct rdm_talk *t, struct rdm_piece *p)
{
    list_remove(&p->link);
    rope_fini(&p->data);
    rope_fini(&p->whole);
    port_free(port_of(t), p);
}

/* Pushes the first `size` bytes of it. */
static bool push_piece(struct rdm_talk *t, struct rdm_piece *p, uint64_t size, uint32_t number)
{
    struct rdm_header h = { .op = p->op,
                            .last = p->last && size == p->data.length,
                            .first = p->first,
                            .number = number,
                            .epoch = p->epoch };
    struct xk_msg m;
    xk_msg_init(&m);
    rope_add_slice(&m.data, &p->data, 0, size);
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

/* An upcall sends at most half of the credit, and the next goes on: what one sends has its place in
 * the interface's queue until the work for all of it is done. */
static bool burst_over(struct rdm_talk *t, uint64_t sent)
{
    uint32_t limit = t->credit.limit;
    if (rdm_state(t)->numbers || !limit || 2 * sent <= limit || port_thread_self(port_of(t)))
        return false;
    port_timer_set(&rdm_clock(t)->resend, 0);
    return true;
}

/* May so many bytes of data go now?  RDMO2: and the other side keeps no more than RDM_MASK after a
 * piece that is missing.  RDMO4. */
static bool may_send(struct rdm_talk *t, enum rdm_op op, uint64_t size)
{
    const struct rdm_state *st = rdm_state(t);
    struct rdm_credit *c = &t->credit;
    if (op == RDM_PIECE && st->tap.stopped && rdm_tapped(t))
        return false;
    if (op == RDM_PIECE && c->limit && c->used + rdm_cost(size) > c->limit) {
        rdm_state(t)->counts.stalled += !c->stalled;
        c->stalled = true;
        return false;
    }
    if (!st->numbers || list_empty(&t->out))
        return true;
    uint32_t first = LIST_ENTRY(t->out.next, struct rdm_piece, link)->number;
    return t->number + 1 - first <= RDM_MASK &&
           t->in_flight + rdm_cost(size) <= (uint64_t)st->params->window;
}

static void piece_sent(struct rdm_talk *t, enum rdm_op op, uint64_t size, bool last)
{
    const struct rdm_state *st = rdm_state(t);
    if (op == RDM_PIECE) {
        if (last && rdm_tapped(t))
            st->tap.ops->sent(st->tap.arg, xk_sessn_of(t)->host);
        rdm_state(t)->counts.pieces++;
        t->credit.stalled = false;
        if (t->credit.limit)
            t->credit.used += (uint32_t)rdm_cost(size);
    } else if (op == RDM_CREDIT) {
        rdm_state(t)->counts.credits++;
        t->credit.queued = false;
    }
}

/* The first `size` bytes of p have been sent: kept for as long as they may have to go again. */
static void keep(struct rdm_talk *t, struct rdm_piece *p, uint64_t size)
{
    struct rdm_piece *sent = p;
    if (size < p->data.length) {
        sent = piece_new(t, RDM_PIECE);
        sent->first = p->first;
        sent->last = false;
        sent->epoch = p->epoch;
        rope_add_slice(&sent->data, &p->data, 0, size);
    }
    list_remove(&sent->link);
    sent->number = ++t->number;
    list_push(&t->out, &sent->link);
    t->in_flight += rdm_cost(size);
    set_resend(t);
}

/* Sends what waits, as far as it may go.  False: the layer below is full. */
static bool send_waiting(struct rdm_talk *t)
{
    struct rdm_state *st = rdm_state(t);
    if (list_empty(&t->todo) || (!st->numbers && rdm_resend_set(t)))
        return true;
    if (st->numbers && life_of(xk_sessn_of(t)) == 0) { /* RDMO3 */
        if (rdm_resend_set(t))
            return true;
        set_resend(t);
        return push_alone(t, RDM_ASK);
    }
    for (uint64_t sent = 0; !list_empty(&t->todo);) {
        struct rdm_piece *p = LIST_ENTRY(t->todo.next, struct rdm_piece, link);
        uint64_t most = piece_of(t), all = p->data.length, size = all < most ? all : most;
        if (!may_send(t, p->op, size) || burst_over(t, sent += rdm_cost(size)))
            return true;
        p->epoch = st->tap.epoch;
        if (!push_piece(t, p, size, st->numbers ? t->number + 1 : 0))
            return false;
        piece_sent(t, p->op, size, p->last && size == all);
        t->unsent -= size == all ? rdm_cost(size) : size;
        if (st->numbers)
            keep(t, p, size);
        if (size < all) {
            rope_drop_front(&p->data, size);
            p->first = false;
        } else if (!st->numbers) {
            piece_free(t, p);
        }
    }
    return true;
}

/* Nothing to remember? */
static bool is_new(const struct rdm_talk *t)
{
    const struct rdm_credit *c = &t->credit;
    return t->number == 0 && t->expected == 1 && c->used == 0 && c->heard == 0 && c->given == 0;
}

/* Nothing was to do and nothing is: so it is with most messages where none can be lost or held. */
static bool quiet(struct rdm_talk *t)
{
    return !t->kept && !t->ack_due && !t->wants_ready && !t->begun && list_empty(&t->todo) &&
           !t->credit.limit && !rdm_state(t)->numbers;
}

/* A conversation with something to do keeps its session. */
static void settle(struct rdm_talk *t)
{
    bool idle = list_empty(&t->todo) && list_empty(&t->out) && list_empty(&t->early) &&
                list_empty(&t->held) && !t->begun && !t->ack_due && !t->wants_ready &&
                t->credit.held == 0 && list_empty(&t->waiting) && !rdm_resend_set(t) &&
                !rdm_ack_set(t);
    if (idle && t->clock) {
        port_free(port_of(t), t->clock);
        t->clock = NULL;
    }
    if (idle && is_new(t))
        list_remove(&t->known);
    else if (list_empty(&t->known))
        list_push(&rdm_state(t)->known, &t->known);
    if (idle != t->kept)
        return;
    t->kept = !idle;
    if (idle)
        xk_close(xk_sessn_of(t));
    else
        xk_dup(xk_sessn_of(t));
}

static void wait_to_send(struct rdm_talk *t, struct rdm_piece *p)
{
    t->unsent += rdm_cost(p->data.length);
    list_push(&t->todo, &p->link);
}

/* RDM6.  It does not wait behind what waits for credit itself. */
static void queue_credit(struct rdm_talk *t)
{
    struct rdm_credit *c = &t->credit;
    if (!c->limit || c->queued || 2 * (uint64_t)(c->given - c->told) < c->limit)
        return;
    c->queued = true;
    struct rdm_piece *p = piece_new(t, RDM_CREDIT);
    t->unsent += rdm_cost(0);
    list_push_front(&t->todo, &p->link);
}

/* Of the layer below, which says by the session to its host when there is some. */
static void wait_for_room(struct rdm_talk *t)
{
    list_push(&xk_sessn_of(t)->down[0]->waiting, &t->waiting);
}

/* Sends what may be sent; true: who was answered XK_BUSY is to be told that there is room. */
static bool pump(struct rdm_talk *t)
{
    struct rdm_state *st = rdm_state(t);
    queue_credit(t);
    bool room = send_waiting(t) && (!t->ack_due || push_alone(t, RDM_ACK));
    list_remove(&t->waiting);
    if (!room)
        wait_for_room(t);
    if (t->pieces)
        room = list_empty(&t->todo);
    else if (st->numbers)
        room = 2 * (t->unsent + t->in_flight) <= (uint64_t)st->params->queue;
    return t->wants_ready && room;
}

void rdm_pump(struct rdm_talk *t)
{
    if (quiet(t))
        return;
    struct xk_sessn *s = xk_dup(xk_sessn_of(t)); /* its upper may end what keeps it */
    bool stalled = t->credit.stalled, room = pump(t);
    if (room)
        t->wants_ready = false;
    if (room || (t->wants_ready && t->credit.stalled && !stalled))
        xk_ready(s);
    settle(t);
    xk_close(s);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct list now, *l;
    (void)self;
    list_init(&now);
    list_splice(&now, &lower->waiting);
    while ((l = list_pop(&now)))
        rdm_pump(LIST_ENTRY(l, struct rdm_talk, waiting));
}

/* ---- what was lost ---- */

static void resend(struct rdm_talk *t, struct rdm_piece *p)
{
    /* When the layer below is full it counts as lost again: the timer comes back. */
    rdm_state(t)->counts.resent++;
    (void)push_piece(t, p, p->data.length, p->number);
}

static void timed_out(struct port_timer *timer)
{
    struct rdm_talk *t = timer->arg;
    struct rdm_state *st = rdm_state(t);
    t->wait =
        sim_time_min(sim_time_mul(t->wait, 2), sim_time_max(st->resend, st->params->resend_max));
    LIST_EACH (l, &t->out) {
        struct rdm_piece *p = LIST_ENTRY(l, struct rdm_piece, link);
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
        st->counts.bad_acks++;
        return;
    }
    uint32_t highest = h->next + (h->mask ? 32 - (uint32_t)__builtin_clz(h->mask) : 0);
    bool some = false;
    LIST_EACH_SAFE (l, next, &t->out) {
        struct rdm_piece *p = LIST_ENTRY(l, struct rdm_piece, link);
        p->got |= has(h, p->number);
        if ((int32_t)(p->number - h->next) < 0) {
            t->in_flight -= rdm_cost(p->data.length);
            piece_free(t, p);
            some = true;
        } else if (!p->got && !p->again && (int32_t)(p->number - highest) < 0) {
            p->again = true;
            resend(t, p);
        }
    }
    if (!some)
        return;
    t->wait = st->resend;
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

static uint64_t books_key(const struct xk_sessn *s)
{
    return (uint64_t)((uint32_t)s->key << 16 | s->upper->number) << 32 | s->host;
}

/* Its session goes, but what the next must know stays. */
static void forget(struct xk_sessn *s)
{
    struct rdm_talk *t = s->state;
    uint64_t key = books_key(s);
    list_remove(&t->known);
    if (is_new(t)) {
        rdm_state(t)->counts.promised -= t->credit.limit;
        return;
    }
    struct rdm_books *b = port_alloc(port_of(t), sizeof *b);
    *b =
        (struct rdm_books){ xk_life(s->protl->kernel, s->host), t->number, t->expected, t->credit };
    xk_map_bind(&rdm_state(t)->books, &key, b);
}

static void remember(struct xk_sessn *s)
{
    struct rdm_talk *t = s->state;
    struct rdm_state *st = rdm_state(t);
    uint64_t key = books_key(s);
    struct rdm_books *b = xk_map_count(&st->books) > 0 ? xk_map_unbind(&st->books, &key) : NULL;
    uint32_t life = xk_life(s->protl->kernel, s->host);
    if (b && xk_alive(s->protl->kernel, s->host) &&
        (b->life == life || (b->life == 0 && life == 1))) {
        t->number = b->number;
        t->expected = b->expected;
        t->credit = b->credit;
        list_push(&st->known, &t->known);
    } else if (b) {
        st->counts.promised -= b->credit.limit;
    }
    port_free(port_of(t), b);
}

struct xk_sessn *rdm_open(struct xk_protl *self, struct xk_protl *upper, struct xk_parts peer,
                          bool *fresh, enum xk_status *why)
{
    struct rdm_state *st = self->state;
    uint64_t key = 0; /* PART2 */
    xk_part_take(&peer, XK_PART_KEY, &key);
    ASSERT(key < XK_KEYS);
    struct xk_sessn *s = xk_table_open_parts(&st->sessns, self, upper, peer, (uint32_t)key,
                                             &sessn_ops, sizeof(struct rdm_talk), fresh, why);
    if (!s || !*fresh)
        return s;
    struct rdm_talk *t = s->state;
    t->expected = 1;
    t->wait = st->resend;
    list_init(&t->known);
    list_init(&t->waiting);
    list_init(&t->todo);
    list_init(&t->out);
    list_init(&t->early);
    list_init(&t->held);
    list_init(&t->holding);
    rope_init(&t->partial);
    rope_init(&t->front);
    remember(s);
    return s;
}

static void drop_all(struct rdm_talk *t, struct list *list)
{
    struct rdm_state *st = rdm_state(t);
    while (!list_empty(list)) {
        struct rdm_piece *p = LIST_ENTRY(list->next, struct rdm_piece, link);
        st->counts.dropped += p->last && p->op == RDM_PIECE;
        piece_free(t, p);
    }
}

/* RDM2. */
static void reset(struct rdm_talk *t)
{
    struct rdm_state *st = rdm_state(t);
    bool some = t->begun || !list_empty(&t->todo) || !list_empty(&t->out);
    drop_all(t, &t->todo);
    drop_all(t, &t->out);
    drop_all(t, &t->early);
    st->counts.dropped += t->begun;
    rope_fini(&t->partial);
    rdm_tap_drop(t);
    xk_keys_drop(&rdm_state(t)->keys, xk_sessn_of(t));
    list_remove(&t->waiting);
    t->begun = t->ack_due = false;
    t->number = t->unacked = 0;
    t->expected = 1;
    t->unsent = t->in_flight = 0;
    t->credit = (struct rdm_credit){ .limit = t->credit.limit };
    t->wait = st->resend;
    cancel_resend(t);
    cancel_ack(t);
    /* Later: its upper has not been told yet. */
    if (t->wants_ready)
        port_timer_set(&rdm_clock(t)->resend, 0);
    if (some)
        xk_failed(xk_sessn_of(t), XK_UNREACHABLE);
    settle(t);
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct rdm_state *st = ((struct xk_protl *)arg)->state;
    (void)life;
    struct list now, *l;
    list_init(&now);
    LIST_EACH_SAFE (it, next,
                    &st->known) { /* all at once: one that ends may end others' sessions */
        struct xk_sessn *s = xk_sessn_of(LIST_ENTRY(it, struct rdm_talk, known));
        if (alive || s->host != host)
            continue;
        xk_table_hold(&st->sessns, s);
        list_remove(it);
        list_push(&now, it);
    }
    while ((l = list_pop(&now))) {
        reset(LIST_ENTRY(l, struct rdm_talk, known));
        xk_close(xk_sessn_of(LIST_ENTRY(l, struct rdm_talk, known)));
    }
}

/* ---- sessions ---- */

/* Cuts a message; what need not be kept and can go goes at once.  False: the layer below has not
 * even room for the start, and the upper keeps the message. */
static bool cut(struct rdm_talk *t, struct xk_msg *m, bool takes)
{
    struct rdm_state *st = rdm_state(t);
    struct rdm_header h = { .op = RDM_PIECE, .first = true, .epoch = st->tap.epoch };
    struct rope whole; /* of a long one, for a tap */
    rope_init(&whole);
    if (rdm_tapped(t) && xk_msg_length(m) > piece_of(t)) {
        struct xk_msg copy;
        xk_msg_copy(&copy, m);
        xk_msg_to_rope(&copy, &whole);
    }
    bool now = !st->numbers && list_empty(&t->todo), full = false;
    for (uint64_t sent = 0; now;) {
        struct xk_msg rest;
        uint64_t most = piece_of(t), length = xk_msg_length(m),
                 size = length < most ? length : most;
        h.last = size == length;
        if (!may_send(t, RDM_PIECE, size) || burst_over(t, sent += rdm_cost(size)))
            break;
        if (!h.last)
            xk_msg_split(m, size, &rest);
        full = !push(t, &h, m);
        if (full && !h.last)
            xk_msg_join(m, &rest);
        if (full)
            break;
        piece_sent(t, RDM_PIECE, size, h.last);
        if (h.last) {
            rope_fini(&whole);
            return true;
        }
        xk_msg_move(m, &rest);
        h.first = false;
    }
    if (full && h.first && !takes && !t->pieces) {
        rope_fini(&whole);
        return false;
    }
    struct rdm_piece *p = piece_new(t, RDM_PIECE);
    p->first = h.first;
    rope_move(&p->whole, &whole);
    xk_msg_to_rope(m, &p->data);
    wait_to_send(t, p);
    return true;
}

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct rdm_state *st = s->protl->state;
    struct rdm_talk *t = s->state;
    if (!xk_alive(s->protl->kernel, s->host))
        return XK_UNREACHABLE;
    bool takes = s->upper->ops->needs & XK_TAKES;
    bool full = st->numbers && !t->pieces ? t->unsent + t->in_flight >= (uint64_t)st->params->queue
                                          : !list_empty(&t->todo);
    bool taken = (takes || !full) && cut(t, m, takes);
    t->wants_ready |= !taken;
    if (!st->numbers && (!taken || !list_empty(&t->todo)) && !t->credit.stalled &&
        !rdm_resend_set(t) && list_empty(&t->waiting))
        wait_for_room(t); /* below was full just now */
    if (!taken) {
        st->counts.refused++;
        settle(t);
        return XK_BUSY;
    }
    st->counts.sent++;
    if (quiet(t))
        return XK_OK;
    if (list_empty(&t->waiting) && pump(t) && !rdm_resend_set(t))
        port_timer_set(&rdm_clock(t)->resend, 0); /* not from inside a push */
    settle(t);
    return XK_OK;
}

void rdm_give_up(struct xk_sessn *s)
{
    struct rdm_talk *t = s->state;
    bool in_part = false;
    LIST_EACH_SAFE (l, next, &t->todo) {
        struct rdm_piece *p = LIST_ENTRY(l, struct rdm_piece, link);
        if (p->op != RDM_PIECE)
            continue;
        in_part |= !p->first;
        t->unsent -= rdm_cost(p->data.length);
        rdm_state(t)->counts.dropped++;
        piece_free(t, p);
    }
    t->credit.stalled = t->wants_ready = false;
    if (in_part)
        wait_to_send(t, piece_new(t, RDM_QUIT));
    rdm_pump(t);
}

static void sessn_close(struct xk_sessn *s)
{
    xk_table_idle(&((struct rdm_state *)s->protl->state)->sessns, s);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct rdm_state *st = self->state;
    return xk_table_control(&st->sessns, self, st->piece, c);
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
    if (below <= st->header + RDM_CREDIT_BYTES)
        return XK_TOO_LONG;
    st->piece = below - st->header;
    uint64_t pieces = (uint64_t)st->params->window >= 2 * below ? 4 : 0; /* 0: no other comes */
    st->ack_delay = xk_pace_ack(self->down[0], st->params->ack_delay, pieces * below);
    st->resend = xk_pace_resend(self->down[0], st->params->resend, (uint64_t)st->params->window,
                                st->ack_delay);
    xk_table_init(&st->sessns, self, (uint32_t)st->params->idle);
    st->sessns.forget = forget;
    xk_map_init(&st->books, xk_port(self), sizeof(uint64_t));
    list_init(&st->known);
    xk_keys_init(&st->keys);
    list_init(&st->tap.holding);
    xk_on_peer(self->kernel, peer_changed, self);
    return xk_open_enable(self->down[0], self, xk_any());
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    bool fresh;
    return rdm_open(self, upper, peer, &fresh, why);
}

static unsigned protl_gives(const void *params_, unsigned below)
{
    (void)params_;
    return below | XK_LOSSLESS | XK_ORDERED | XK_ONCE | XK_LONG | XK_LIVES | XK_TAKES | XK_PIECES;
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
    C_SUM(rdm_state, counts, acks, "1", "Acknowledgements and questions that went alone."),
    C_SUM(rdm_state, counts, credits, "1", "Messages with nothing but credit."),
    C_SUM(rdm_state, counts, stalled, "1", "Times that a message had to wait for credit."),
    C_NOW(rdm_state, counts, promised, "B", "Memory promised to those who may send."),
    C_SUM(rdm_state, counts, taken, "1", "Pieces and credit that came in their turn."),
    C_SUM(rdm_state, counts, controls, "1", "Acknowledgements and questions that came alone."),
    C_SUM(rdm_state, counts, early, "1", "Pieces kept because one before them had not come."),
    C_SUM(rdm_state, counts, duplicates, "1", "Pieces dropped: had already."),
    C_SUM(rdm_state, counts, stale, "1", "Pieces dropped: from or for a life that has ended."),
    C_SUM(rdm_state, counts, bad, "1", "Pieces dropped: the header makes no sense."),
    C_SUM(rdm_state, counts, bad_acks, "1", "Acknowledgements of what was not sent."),
    C_SUM(rdm_state, counts, nobody, "1", "Pieces dropped: no protocol has their number here."),
    C_SUM(rdm_state, counts, refused, "1", "Pushes refused for want of room."),
    C_SUM(rdm_state, counts, dropped, "1", "Messages cut off: given up, or by a life's end."),
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
    .called = true,
    .init = protl_init,
    .open = protl_open,
    .open_enable = rdm_enable,
    .demux = rdm_demux,
    .ready = protl_ready,
    .control = protl_control,
    .pieces = &rdm_hold_ops,
};
