/* rdm_input.c: RDM's receiver: order, joining, acknowledgements.
 *
 *   RDMI1  `early` holds pieces above `expected`, by number, at most RDM_MASK above it.
 *   RDMI2  Who sends what has come already is told at once, for an acknowledgement was lost;
 *       likewise who sends what comes too early, for a piece was.
 */
#include "os/proto/rdm/rdm_internal.h"

static bool header_load(struct rdm_header *h, const uint8_t *in, bool numbers)
{
    *h = (struct rdm_header){ .protocol = wire_get16(in),
                              .op = in[2],
                              .last = in[3] & 1,
                              .first = in[3] >> 1,
                              .from = wire_get32(in + 4),
                              .to = wire_get32(in + 8) };
    if (numbers) {
        h->number = wire_get32(in + 12);
        h->next = wire_get32(in + 16);
        h->mask = wire_get32(in + 20);
    }
    return h->op >= RDM_PIECE && h->op <= RDM_ASK && in[3] <= 3 && h->from != 0;
}

uint32_t rdm_mask(const struct rdm_talk *t)
{
    uint32_t mask = 0;
    LIST_EACH (l, &t->early) {
        uint32_t after = LIST_ENTRY(l, struct rdm_piece, link)->number - t->expected;
        if (after > 0) /* 0: its turn comes when its upper returns */
            mask |= UINT32_C(1) << (after - 1);
    }
    return mask;
}

/* Takes the data of the piece that was expected. */
static void join(struct rdm_talk *t, struct xk_sessn *s, struct rope *data, bool last)
{
    struct xk_msg m;
    t->expected++;
    t->begun = !last;
    rope_join(&t->partial, data);
    if (!last)
        return;
    ((struct rdm_state *)t->self->state)->counts.received++;
    xk_msg_init_rope(&m, &t->partial);
    xk_demux(s, &m);
    xk_msg_fini(&m);
}

/* A message begins: of one that had begun the rest was for another life of this node. */
static void drop_front(struct rdm_talk *t)
{
    ((struct rdm_state *)t->self->state)->counts.dropped += t->begun;
    t->begun = false;
    rope_fini(&t->partial);
}

/* In order: and what waited for it. */
static void take(struct rdm_talk *t, struct xk_sessn *s, struct rope *data, bool last)
{
    join(t, s, data, last);
    while (!list_empty(&t->early)) {
        struct rdm_piece *p = LIST_ENTRY(t->early.next, struct rdm_piece, link);
        if (p->number != t->expected)
            return;
        list_remove(&p->link);
        join(t, s, &p->data, p->last);
        rope_fini(&p->data);
        port_free(xk_port(t->self), p);
    }
}

static void keep_early(struct rdm_talk *t, const struct rdm_header *h, struct rope *data)
{
    struct rdm_state *st = t->self->state;
    struct list *at = t->early.next;
    while (at != &t->early &&
           (int32_t)(LIST_ENTRY(at, struct rdm_piece, link)->number - h->number) < 0)
        at = at->next;
    if (at != &t->early && LIST_ENTRY(at, struct rdm_piece, link)->number == h->number) {
        st->counts.duplicates++;
        return;
    }
    struct rdm_piece *p = port_alloc(xk_port(t->self), sizeof *p);
    p->number = h->number;
    p->last = h->last;
    rope_init(&p->data);
    rope_move(&p->data, data);
    list_push(at, &p->link); /* before the first later one */
    st->counts.early++;
}

static void got_piece(struct rdm_talk *t, struct xk_sessn *s, const struct rdm_header *h,
                      struct rope *data)
{
    struct rdm_state *st = t->self->state;
    int32_t ahead = (int32_t)(h->number - t->expected);
    if (ahead == 0) {
        t->unacked++; /* unless an answer carries it */
        take(t, s, data, h->last);
        t->ack_due |= t->unacked >= (uint64_t)st->params->ack_every;
        if (t->ack_due || port_timer_pending(&t->ack) || t->unacked == 0)
            return;
        port_work(xk_port(t->self), PORT_WORK_TIMER, 1);
        port_timer_set(&t->ack, st->params->ack_delay);
        return;
    }
    t->ack_due = true; /* RDMI2 */
    if (ahead > 0 && ahead <= RDM_MASK)
        keep_early(t, h, data);
    else
        st->counts.duplicates++;
}

void rdm_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct rdm_state *st = self->state;
    uint8_t wire[RDM_HEADER + RDM_NUMBERS];
    struct rdm_header h;
    if (!xk_msg_pop(m, wire, st->header) || !header_load(&h, wire, st->numbers)) {
        st->counts.bad++;
        return;
    }
    struct xk_protl *upper = xk_taker(self, h.protocol);
    if (!upper) {
        st->counts.nobody++;
        return;
    }
    if (xk_heard(self->kernel, lower->host, h.from) == XK_OLD) {
        st->counts.stale++;
        return;
    }
    struct rdm_talk *t = rdm_talk_of(self, upper, lower->host);
    struct xk_sessn *s = rdm_session(t);
    if (!s)
        return;
    xk_dup(s);
    struct rope data;
    xk_msg_to_rope(m, &data);
    if (h.to != 0 && h.to != port_incarnation(xk_port(self))) {
        st->counts.stale++;
        t->ack_due = true; /* tells our life */
    } else if (!st->numbers) {
        if (h.op == RDM_PIECE && h.first)
            drop_front(t);
        if (h.op == RDM_PIECE && (h.first || t->begun))
            join(t, s, &data, h.last);
        else
            st->counts.stale += h.op == RDM_PIECE; /* its front went to another life of this node */
    } else {
        if (h.op == RDM_ASK)
            t->ack_due = true;
        if (h.to != 0)
            rdm_got_acks(t, &h);
        if (h.op == RDM_PIECE && h.to != 0)
            got_piece(t, s, &h, &data);
    }
    rope_fini(&data);
    rdm_pump(t);
    xk_close(s);
}
