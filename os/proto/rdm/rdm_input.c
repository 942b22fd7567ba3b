/* rdm_input.c: RDM's receiver: order, joining, acknowledgements.
 *
 *   RDMI1  `early` holds pieces above `expected`, by number, at most RDM_MASK above it.
 *   RDMI2  Who sends what has come already is told at once, for an acknowledgement was lost;
 *       likewise who sends what comes too early, for a piece was.
 *   RDMI3  Who sends to another life of this node is told which it is, but for an acknowledgement:
 *       two who are wrong about each other would have no end of them.
 */
#include "os/proto/rdm/rdm_internal.h"

static bool header_load(struct rdm_header *h, const uint8_t *in, bool numbers)
{
    *h = (struct rdm_header){ .upper = in[0] & 0x7f,
                              .last = in[1] & 1,
                              .first = in[1] >> 1 & 1,
                              .op = in[1] >> 2 & 7,
                              .key = (uint8_t)(in[1] >> 5 | in[0] >> 7 << 3),
                              .to = wire_get16(in + 2) };
    if (numbers) {
        h->from = wire_get32(in + 4);
        h->number = wire_get32(in + 8);
        h->next = wire_get32(in + 12);
        h->mask = wire_get32(in + 16);
    }
    return h->op >= RDM_PIECE && h->op <= RDM_QUIT && (!numbers || h->from != 0);
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

/* The rest of the message that has begun does not come. */
static void break_off(struct rdm_talk *t)
{
    if (!t->begun)
        return;
    rdm_state(t)->counts.dropped++;
    rope_fini(&t->partial);
    rope_fini(&t->front);
    t->begun = false;
    xk_failed(xk_sessn_of(t), XK_CLOSED);
}

/* To the upper.  What comes before its key is enabled waits, in the credit if there is one; headers
 * are given back at once. */
static void give(struct rdm_talk *t, bool first, struct xk_msg *m)
{
    struct rdm_state *st = rdm_state(t);
    struct xk_sessn *s = xk_sessn_of(t);
    if (t->credit.limit) {
        t->credit.given += RDM_HEADER;
        t->credit.held += (uint32_t)xk_msg_length(m);
    }
    xk_keys_give(&st->keys, s, first, m);
}

enum xk_status rdm_enable(struct xk_protl *self, struct xk_protl *upper, struct xk_parts local)
{
    return xk_keys_enable(&((struct rdm_state *)self->state)->keys, upper, local);
}

/* Takes the next piece of a message; with the last a whole message goes up. */
void rdm_join(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m)
{
    struct rdm_state *st = rdm_state(t);
    if (rdm_tapped(t) && rdm_tap_holds(t, h, m))
        return;
    if (h->op == RDM_QUIT || h->first) /* the rest of one was for another life of this node */
        break_off(t);
    if (h->op != RDM_PIECE)
        return;
    t->begun = !h->last;
    st->counts.received += h->last;
    if (!t->pieces && (!h->first || !h->last)) {
        struct rope data;
        xk_msg_to_rope(m, &data);
        rope_join(&t->partial, &data);
        if (!h->last)
            return;
        xk_msg_init_rope(m, &t->partial);
    }
    bool tapped = rdm_tapped(t), late = tapped && rdm_tap_passes(t, h, m);
    give(t, h->first, m);
    if (tapped)
        rdm_tap_passed(t, h, late);
}

/* In order: and what waited for it. */
static void take(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m)
{
    t->expected++;
    rdm_join(t, h, m);
    while (!list_empty(&t->early)) {
        struct rdm_piece *p = LIST_ENTRY(t->early.next, struct rdm_piece, link);
        struct rdm_header of = {
            .op = p->op, .last = p->last, .first = p->first, .epoch = p->epoch
        };
        struct xk_msg kept;
        if (p->number != t->expected)
            return;
        list_remove(&p->link);
        xk_msg_init_rope(&kept, &p->data);
        port_free(xk_port(xk_sessn_of(t)->protl), p);
        t->expected++;
        rdm_join(t, &of, &kept);
        xk_msg_fini(&kept);
    }
}

static void keep_early(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m)
{
    struct rdm_state *st = rdm_state(t);
    struct list *at = t->early.next;
    while (at != &t->early &&
           (int32_t)(LIST_ENTRY(at, struct rdm_piece, link)->number - h->number) < 0)
        at = at->next;
    if (at != &t->early && LIST_ENTRY(at, struct rdm_piece, link)->number == h->number) {
        st->counts.duplicates++;
        return;
    }
    struct rdm_piece *p = port_alloc(xk_port(xk_sessn_of(t)->protl), sizeof *p);
    p->number = h->number;
    p->op = h->op;
    p->last = h->last;
    p->first = h->first;
    p->epoch = h->epoch;
    rope_init(&p->whole);
    xk_msg_to_rope(m, &p->data);
    list_push(at, &p->link); /* before the first later one */
    st->counts.early++;
}

static void got_piece(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m)
{
    struct rdm_state *st = rdm_state(t);
    int32_t ahead = (int32_t)(h->number - t->expected);
    if (ahead == 0) {
        st->counts.taken++;
        t->unacked++; /* unless an answer carries it */
        take(t, h, m);
        t->ack_due |= t->unacked >= (uint64_t)st->params->ack_every;
        if (t->ack_due || rdm_ack_set(t) || t->unacked == 0)
            return;
        port_work(xk_port(xk_sessn_of(t)->protl), PORT_WORK_TIMER, 1);
        port_timer_set(&rdm_clock(t)->ack, st->ack_delay);
        return;
    }
    t->ack_due = true; /* F2 */
    if (ahead > 0 && ahead <= RDM_MASK)
        keep_early(t, h, m);
    else
        st->counts.duplicates++;
}

/* The session of what comes, referenced: that below knows it without a look-up. */
static struct xk_sessn *session_of(struct xk_protl *self, struct xk_protl *upper, uint8_t key,
                                   struct xk_sessn *lower)
{
    struct xk_sessn *s = lower->upper_state;
    enum xk_status why;
    bool fresh;
    if (s && s->upper == upper && s->key == key)
        return xk_table_hold(&((struct rdm_state *)self->state)->sessns, s);
    s = rdm_open(self, upper, xk_node_key(lower->host, key), &fresh, &why);
    if (s && s->down[0] == lower)
        lower->upper_state = s;
    if (s && fresh)
        xk_open_done(upper, s);
    return s;
}

/* The piece is for this life of this node. */
static void got(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m)
{
    struct rdm_state *st = rdm_state(t);
    bool control = h->op == RDM_ACK || h->op == RDM_ASK;
    if (st->numbers) {
        st->counts.controls += control;
        t->ack_due |= h->op == RDM_ASK;
        if (h->to != 0)
            rdm_got_acks(t, h);
        if (h->to != 0 && !control)
            got_piece(t, h, m);
        else
            st->counts.bad += !control; /* a piece is for a life that its sender knows */
    } else if (control) {
        st->counts.bad++; /* there is nothing to acknowledge */
    } else if (h->op != RDM_PIECE || h->first || t->begun || !list_empty(&t->held)) {
        st->counts.taken++;
        rdm_join(t, h, m);
    } else {
        st->counts.stale++; /* its front went to another life of this node: its sender will hear */
    }
}

static void got_credit(struct rdm_talk *t, uint32_t given)
{
    struct rdm_credit *c = &t->credit;
    uint32_t more = given - c->heard;
    if ((int32_t)more <= 0) /* of a piece that others have overtaken */
        return;
    c->heard = given;
    c->used -= more < c->used ? more : c->used; /* more: for what an earlier life sent */
}

void rdm_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct rdm_state *st = self->state;
    uint8_t wire[RDM_HEADER + RDM_NUMBERS];
    uint8_t given[RDM_CREDIT_BYTES], epoch[RDM_EPOCH_BYTES] = { 0 };
    struct rdm_header h;
    if (!xk_msg_pop(m, wire, st->header) || !header_load(&h, wire, st->numbers)) {
        st->counts.bad++;
        return;
    }
    xk_swap_bytes(self, st->header);
    struct xk_protl *upper = xk_stands_on(self, h.upper);
    if (!upper) {
        st->counts.nobody++;
        return;
    }
    if (st->numbers && xk_heard(self->kernel, lower->host, h.from) == XK_OLD) {
        st->counts.stale++;
        return;
    }
    struct xk_sessn *s = session_of(self, upper, h.key, lower);
    if (!s) {
        st->counts.nobody++;
        return;
    }
    struct rdm_talk *t = s->state;
    if ((t->credit.limit && !xk_msg_pop(m, given, sizeof given)) ||
        (rdm_tapped(t) && !xk_msg_pop(m, epoch, sizeof epoch))) {
        st->counts.bad++;
    } else if (h.to != 0 && h.to != rdm_life(port_incarnation(xk_port(self)))) {
        st->counts.stale++;
        t->ack_due |= h.op != RDM_ACK; /* RDMI3 */
    } else {
        xk_swap_bytes(self,
                      (t->credit.limit ? sizeof given : 0) + (rdm_tapped(t) ? sizeof epoch : 0));
        if (t->credit.limit && (h.to != 0 || !st->numbers))
            got_credit(t, wire_get32(given));
        h.epoch = wire_get32(epoch);
        got(t, &h, m);
    }
    rdm_pump(t);
    xk_close(s);
}
