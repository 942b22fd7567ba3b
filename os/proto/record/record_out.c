/* record_out.c: RECORD's sender: which record goes next, its fragments, what is kept.
 *
 *   RCDO1  `out` holds, in order, the records that were begun and that TCP has not been told to
 *       have come; the last `kept` of `number`.  All before `next` have gone whole on this
 *       connection.
 *   RCDO2  A record is put in `out` when all before it have gone whole, so that who waits for
 *       credit or has much to send holds up the others by one record.
 */
#include "os/proto/record/record_internal.h"

void record_header_store(uint8_t out[RECORD_HEADER], const struct record_header *h)
{
    out[0] = h->upper;
    out[1] = h->key;
    out[2] = h->op;
    out[3] = (uint8_t)(h->first | h->last << 1);
    wire_put32(out + 4, h->given);
}

/* ---- what waits ---- */

void record_wait_free(struct record_talk *t, struct record_wait *w)
{
    t->unsent -= w->data.length;
    list_remove(&w->link);
    rope_fini(&w->data);
    port_free(record_port(t->peer), w);
}

void record_turn(struct record_talk *t)
{
    list_remove(&t->turn);
    if (!list_empty(&t->todo) && !t->stalled)
        list_push(&t->peer->turns, &t->turn);
}

void record_queue(struct record_talk *t, enum record_op op, struct xk_msg *m)
{
    struct record_wait *w = port_alloc(record_port(t->peer), sizeof *w);
    w->op = (uint8_t)op;
    w->first = op == RECORD_PIECE;
    rope_init(&w->data);
    if (m)
        xk_msg_to_rope(m, &w->data);
    t->unsent += w->data.length;
    if (op == RECORD_CREDIT) { /* it does not wait behind what waits for credit itself */
        t->queued = true;
        t->stalled = false;
        list_push_front(&t->todo, &w->link);
    } else {
        list_push(&t->todo, &w->link);
    }
    if (list_empty(&t->turn))
        record_turn(t);
}

void record_room(struct record_talk *t)
{
    const struct record_params *params = record_state(t->peer)->params;
    bool room =
        t->pieces ? list_empty(&t->todo) || t->stalled : 2 * t->unsent <= (uint64_t)params->queue;
    if (t->wants_ready && room && list_empty(&t->ring))
        list_push(&record_state(t->peer)->rings, &t->ring);
}

bool record_waits(const struct record_peer *p)
{
    return p->next != NULL || !list_empty(&p->turns);
}

/* ---- the next record ---- */

/* Would that be more than the credit?  RCD8 */
static bool too_much(const struct record_talk *t, const struct record_wait *w, uint64_t size)
{
    return w->op == RECORD_PIECE && t->credit.limit > 0 &&
           (uint64_t)(t->credit.used - t->credit.heard) + size > t->credit.limit;
}

/* The next record of the talk; NULL: it waits for credit. */
static struct record_item *take_from(struct record_talk *t)
{
    struct record_state *st = record_state(t->peer);
    struct xk_sessn *s = xk_sessn_of(t);
    struct record_wait *w = LIST_ENTRY(t->todo.next, struct record_wait, link);
    uint64_t most = t->pieces ? (uint64_t)st->params->fragment : UINT64_MAX;
    uint64_t size = w->data.length < most ? w->data.length : most;
    if (too_much(t, w, size)) {
        st->counts.stalled++;
        t->stalled = true;
        return NULL;
    }
    bool all = size == w->data.length;
    struct record_header h = { .upper = (uint8_t)s->upper->number,
                               .key = s->key,
                               .op = w->op,
                               .first = w->first,
                               .last = all,
                               .given = t->credit.given };
    uint8_t header[RECORD_HEADER];
    record_header_store(header, &h);
    struct record_item *i = port_alloc(record_port(t->peer), sizeof *i);
    rope_init(&i->data);
    rope_add_bytes(&i->data, header, sizeof header);
    rope_add_slice(&i->data, &w->data, 0, size);
    list_init(&i->link);
    t->credit.told = t->credit.given;
    if (w->op == RECORD_PIECE)
        t->credit.used += t->credit.limit > 0 ? (uint32_t)size : 0;
    st->counts.credits += w->op == RECORD_CREDIT;
    t->queued = t->queued && w->op != RECORD_CREDIT;
    if (all) {
        record_wait_free(t, w);
    } else {
        rope_drop_front(&w->data, size);
        t->unsent -= size;
        w->first = false;
    }
    return i;
}

struct record_item *record_take(struct record_peer *p)
{
    while (!list_empty(&p->turns)) {
        struct record_talk *t = LIST_ENTRY(p->turns.next, struct record_talk, turn);
        struct xk_sessn *s = xk_dup(xk_sessn_of(t));
        struct record_item *i = take_from(t);
        record_turn(t); /* at the end */
        record_room(t);
        record_settle(t);
        xk_close(s);
        if (i)
            return i;
    }
    return NULL;
}

void record_item_free(struct record_peer *p, struct record_item *i)
{
    list_remove(&i->link);
    rope_fini(&i->data);
    port_free(record_port(p), i);
}

/* ---- the stream ---- */

static enum xk_status push_fragment(struct record_conn *c, const struct rope *record, uint64_t at,
                                    uint64_t size)
{
    struct xk_protl *self = c->peer->self;
    struct xk_msg m;
    bool last = at + size == record->length;
    xk_msg_init(&m);
    rope_add_slice(&m.data, record, at, size);
    wire_put32(xk_msg_push(&m, RECORD_MARK), (uint32_t)size | (last ? RECORD_LAST : 0));
    xk_swap_bytes(self, RECORD_MARK + (at == 0 ? RECORD_HEADER : 0));
    enum xk_status r = xk_push(c->tcp, &m);
    xk_msg_fini(&m);
    if (r == XK_OK) {
        ((struct record_state *)self->state)->counts.fragments++;
        c->pushed += RECORD_MARK + size;
    }
    return r;
}

enum xk_status record_push_whole(struct record_conn *c, struct rope *record)
{
    enum xk_status r = push_fragment(c, record, 0, record->length);
    rope_fini(record);
    return r;
}

/* The next fragment goes; false: it cannot now. */
static bool send_next(struct record_peer *p)
{
    struct record_conn *c = p->conn;
    struct record_item *i = p->next;
    uint64_t most = (uint64_t)record_state(p)->params->fragment + RECORD_HEADER;
    uint64_t left = i->data.length - p->at, size = left < most ? left : most;
    c->inside++;
    bool pushed = push_fragment(c, &i->data, p->at, size) == XK_OK;
    if (--c->inside == 0 && !c->tcp) {
        port_free(record_port(p), c);
        return false;
    }
    if (!pushed || p->next != i)
        return false;
    p->at += size;
    if (size < left)
        return true;
    i->end = c->pushed;
    record_state(p)->counts.records += !i->again;
    record_state(p)->counts.resent += i->again;
    i->again = true;
    p->next = i->link.next == &p->out ? NULL : LIST_ENTRY(i->link.next, struct record_item, link);
    p->at = 0;
    return true;
}

/* Drops what TCP says has come.  It will say so when all has. */
static void trim(struct record_peer *p)
{
    struct xk_control ask = { .op = XK_TCP_GET_UNACKED };
    struct record_conn *c = p->conn;
    if (!c || !c->greeted || list_empty(&p->out) ||
        p->next == LIST_ENTRY(p->out.next, struct record_item, link))
        return;
    if (xk_sessn_control(c->tcp, &ask) != XK_OK || p->conn != c)
        return;
    LIST_EACH_SAFE (it, next, &p->out) {
        struct record_item *i = LIST_ENTRY(it, struct record_item, link);
        if (i == p->next || i->end > c->pushed - ask.u64)
            return;
        p->kept--;
        record_item_free(p, i);
    }
}

void record_pump(struct record_peer *p)
{
    if (p->pumping)
        return;
    p->pumping = true;
    while (record_waits(p)) {
        record_connect(p);
        if (p->own || !p->conn || !p->conn->greeted) /* RCD5 */
            break;
        if (!p->next) {
            struct record_item *i = record_take(p); /* RCDO2 */
            if (!i)
                break;
            list_push(&p->out, &i->link);
            p->number++;
            p->kept++;
            p->next = i;
            p->at = 0;
        }
        if (!send_next(p))
            break;
    }
    trim(p);
    p->pumping = false;
    ASSERT(p->conn || !record_waits(p) || port_timer_pending(&p->retry)); /* RCDC2 */
}

/* ---- another connection ---- */

void record_rewind(struct record_peer *p)
{
    p->next = list_empty(&p->out) ? NULL : LIST_ENTRY(p->out.next, struct record_item, link);
    p->at = 0;
}

bool record_resume(struct record_peer *p, uint32_t received)
{
    uint32_t gone = p->number - p->kept, more = received - gone;
    if (more > p->kept)
        return false;
    for (; more > 0; more--) {
        p->kept--;
        record_item_free(p, LIST_ENTRY(p->out.next, struct record_item, link));
    }
    record_rewind(p);
    return true;
}

void record_drop_out(struct record_peer *p)
{
    while (!list_empty(&p->out))
        record_item_free(p, LIST_ENTRY(p->out.next, struct record_item, link));
    p->next = NULL;
    p->at = 0;
    p->number = p->kept = p->received = 0;
}
