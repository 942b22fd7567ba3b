/* record_in.c: RECORD's receiver: records out of the stream, and to whom they go.
 *
 *   RCDI1  A record counts as come (`received`) before its upper has it: a greeting that the upper
 *       brings about tells of it.
 *   RCDI2  What is left of a stream whose connection has ended is not looked at: it comes again.
 */
#include "os/proto/record/record_internal.h"

static bool header_load(struct record_header *h, struct xk_msg *m)
{
    uint8_t in[RECORD_HEADER];
    if (!xk_msg_pop(m, in, sizeof in))
        return false;
    *h = (struct record_header){ .upper = in[0],
                                 .key = in[1],
                                 .op = in[2],
                                 .first = in[3] & 1,
                                 .last = in[3] >> 1 & 1,
                                 .given = wire_get32(in + 4) };
    return h->op >= RECORD_PIECE && h->op <= RECORD_GREETING && h->key < XK_KEYS && in[3] < 4;
}

/* ---- credit ---- */

void record_credit_if_due(struct record_talk *t)
{
    uint32_t more = t->credit.given - t->credit.told;
    if (t->credit.limit > 0 && !t->queued && more > 0 && 2 * (uint64_t)more >= t->credit.limit)
        record_queue(t, RECORD_CREDIT, NULL);
}

static bool got_credit(struct record_talk *t, uint32_t given)
{
    int32_t more = (int32_t)(given - t->credit.heard);
    if (more > 0 && (uint32_t)more > t->credit.used - t->credit.heard)
        return false; /* more than was sent */
    if (more > 0) {
        t->credit.heard = given;
        t->stalled = false;
        if (list_empty(&t->turn))
            record_turn(t);
    }
    return true;
}

/* ---- to the upper ---- */

/* The rest of the message that has begun does not come. */
static void break_off(struct record_talk *t)
{
    if (!t->begun)
        return;
    t->begun = false;
    record_state(t->peer)->counts.dropped++;
    xk_failed(xk_sessn_of(t), XK_CLOSED);
}

static bool give(struct record_talk *t, const struct record_header *h, struct xk_msg *m)
{
    struct record_state *st = record_state(t->peer);
    uint64_t length = xk_msg_length(m);
    bool whole = h->first && h->last;
    if ((!t->pieces && !whole) || (!h->first && !t->begun) ||
        (t->credit.limit > 0 && t->credit.held + length > t->credit.limit)) /* RCD8 */
        return false;
    if (h->first)
        break_off(t);
    t->begun = !h->last;
    t->credit.held += t->credit.limit > 0 ? (uint32_t)length : 0;
    st->counts.received += h->last;
    xk_keys_give(&st->keys, xk_sessn_of(t), h->first, m);
    return true;
}

static bool got(struct record_talk *t, const struct record_header *h, struct xk_msg *m)
{
    if (!got_credit(t, h->given))
        return false;
    if (h->op == RECORD_PIECE)
        return give(t, h, m);
    if (h->op == RECORD_QUIT)
        break_off(t);
    return xk_msg_length(m) == 0;
}

/* To the session that it is for. */
static bool deliver(struct record_peer *p, const struct record_header *h, struct xk_msg *m)
{
    struct record_state *st = record_state(p);
    struct xk_protl *upper = xk_stands_on(p->self, h->upper);
    bool fresh;
    if (!upper) {
        st->counts.nobody++;
        return true;
    }
    struct record_talk *t = record_open(p, upper, h->key, &fresh);
    struct xk_sessn *s = xk_sessn_of(t);
    if (fresh)
        xk_open_done(upper, s);
    bool good = got(t, h, m);
    record_settle(t);
    xk_close(s);
    return good;
}

bool record_came(struct record_peer *p, struct record_conn *c, struct rope *record)
{
    struct record_header h;
    struct xk_msg m;
    xk_msg_init_rope(&m, record);
    xk_swap_bytes(p->self, RECORD_HEADER);
    bool good = header_load(&h, &m), greeting = h.op == RECORD_GREETING;
    if (c && c->greeted == greeting)
        good = false; /* the first record, and no other */
    if (good && greeting) {
        good = c && record_hello(c, &m);
    } else if (good) {
        p->received++;
        good = deliver(p, &h, &m);
    }
    xk_msg_fini(&m);
    return good;
}

/* ---- the stream ---- */

/* A mark; false: so much nobody may send.  RCD6 */
static bool read_mark(struct record_conn *c)
{
    struct record_state *st = record_state(c->peer);
    uint8_t mark[RECORD_MARK];
    xk_swap_bytes(c->peer->self, RECORD_MARK);
    rope_take_front(&c->in, sizeof mark, mark);
    c->last = wire_get32(mark) & RECORD_LAST;
    c->left = wire_get32(mark) & ~RECORD_LAST;
    c->marked = true;
    uint64_t most =
        c->greeted ? (uint64_t)st->params->longest + RECORD_HEADER : RECORD_HEADER + RECORD_HELLO;
    bool good = c->record.length + c->left <= most && (c->left > 0 || c->last);
    st->counts.longer += !good;
    return good;
}

/* The next step through what has come; false: it makes no sense. */
static bool step(struct record_conn *c)
{
    struct rope rest, record;
    if (!c->marked)
        return read_mark(c);
    uint64_t n = c->left < c->in.length ? c->left : c->in.length;
    rope_split(&c->in, n, &rest);
    rope_join(&c->record, &c->in);
    rope_move(&c->in, &rest);
    c->left -= n;
    if (c->left > 0)
        return true;
    c->marked = false;
    if (!c->last)
        return true;
    rope_move(&record, &c->record);
    bool good = record_came(c->peer, c, &record);
    rope_fini(&record);
    return good;
}

static bool more(const struct record_conn *c)
{
    return c->marked ? c->in.length > 0 || c->left == 0 : c->in.length >= RECORD_MARK;
}

void record_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct record_state *st = self->state;
    struct record_conn *c = lower->upper_state;
    if (!c)
        return;
    struct record_peer *p = c->peer;
    bool ends = xk_msg_length(m) == 0, good = true;
    c->inside++;
    xk_msg_to_end(m, &c->in);
    while (good && more(c))
        good = step(c);
    if (c->tcp && (ends || !good)) {
        st->counts.bad += !good;
        record_broke(c, false, XK_RESET);
    }
    if (--c->inside == 0 && !c->tcp)
        port_free(xk_port(self), c);
    record_pump(p);
    record_ring(st);
}
