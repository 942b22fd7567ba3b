/* ulp_input.c: ULP's receiver: sum, order, joining.
 *
 *   ULPI1  Nothing is kept but what is next: what comes early is dropped, and its sender is told
 *       once which frame is missing.
 *   ULPI2  Who sends what has come already is told at once, for what told it was lost.
 */
#include "os/proto/ulp/ulp_internal.h"

static bool header_load(struct ulp_header *h, const uint8_t *in)
{
    *h = (struct ulp_header){ .upper = in[0] & 0x7f,
                              .last = in[1] & 1,
                              .first = in[1] >> 1 & 1,
                              .op = in[1] >> 2 & 7,
                              .key = (uint8_t)(in[1] >> 5 | in[0] >> 7 << 3),
                              .to = wire_get16(in + 2),
                              .from = wire_get32(in + 4),
                              .number = wire_get32(in + 8),
                              .next = wire_get32(in + 12),
                              .granted = wire_get32(in + 16),
                              .end = wire_get32(in + 20) };
    return h->op >= ULP_PIECE && h->op <= ULP_NACK && h->from != 0;
}

/* The rest of the message that has begun does not come. */
static void break_off(struct ulp_line *l)
{
    if (!l->begun)
        return;
    ulp_state(l)->counts.dropped++;
    rope_fini(&l->partial);
    l->begun = false;
    xk_failed(xk_sessn_of(l), XK_CLOSED);
}

/* To the upper; what comes before its key is enabled waits, in the credit if there is one. */
static void give(struct ulp_line *l, bool first, struct xk_msg *m)
{
    struct ulp_state *st = ulp_state(l);
    struct xk_sessn *s = xk_sessn_of(l);
    xk_keys_give(&st->keys, s, first, m);
}

enum xk_status ulp_enable(struct xk_protl *self, struct xk_protl *upper, struct xk_parts local)
{
    return xk_keys_enable(&((struct ulp_state *)self->state)->keys, upper, local);
}

/* The next of a message; with the last a whole message goes up. */
static void join(struct ulp_line *l, const struct ulp_header *h, struct xk_msg *m)
{
    if (h->op == ULP_QUIT || h->first)
        break_off(l);
    if (h->op != ULP_PIECE)
        return;
    l->begun = !h->last;
    ulp_state(l)->counts.received += h->last;
    if (!l->pieces && !(h->first && h->last)) {
        struct rope data;
        xk_msg_to_rope(m, &data);
        rope_join(&l->partial, &data);
        if (!h->last)
            return;
        xk_msg_init_rope(m, &l->partial);
    }
    give(l, h->first, m);
}

static void got_frame(struct ulp_line *l, const struct ulp_header *h, struct xk_msg *m)
{
    struct ulp_state *st = ulp_state(l);
    int32_t ahead = (int32_t)(h->number - l->expected);
    if (ahead > 0) {
        st->counts.ahead++;
        l->nack_due |= !l->nacked;
        return;
    }
    if (ahead < 0) {
        st->counts.duplicates++;
        l->grant_due = true;
        return;
    }
    st->counts.taken++;
    l->expected++;
    l->nacked = l->nack_due = false;
    l->unacked++;
    l->end = h->end;
    if (h->op == ULP_PIECE) {
        uint64_t length = xk_msg_length(m);
        l->held += l->credit ? length : 0;
        l->freed += ulp_cost(l->credit ? 0 : length);
    }
    join(l, h, m);
    ulp_grant_if_due(l);
    if (st->keeps || l->grant_due || l->unacked == 0 || ulp_ack_set(l))
        return;
    port_work(ulp_port(l), PORT_WORK_TIMER, 1);
    port_timer_set(&ulp_clock(l)->ack, st->ack_delay);
}

/* The session of what comes, referenced: that below knows it without a look-up. */
static struct xk_sessn *session_of(struct xk_protl *self, struct xk_protl *upper, uint8_t key,
                                   struct xk_sessn *lower)
{
    struct xk_sessn *s = lower->upper_state;
    enum xk_status why;
    bool fresh;
    if (s && s->upper == upper && s->key == key)
        return xk_table_hold(&((struct ulp_state *)self->state)->sessns, s);
    s = ulp_open(self, upper, xk_node_key(lower->host, key), &fresh, &why);
    if (s && s->down[0] == lower)
        lower->upper_state = s;
    if (s && fresh)
        xk_open_done(upper, s);
    return s;
}

static void got(struct ulp_line *l, const struct ulp_header *h, struct xk_msg *m)
{
    ulp_state(l)->counts.controls += h->op > ULP_CREDIT;
    if (h->op == ULP_ASK) {
        if (l->expected == 1)
            l->end = h->end;
        ulp_asked(l);
    }
    if (h->to == 0) {
        ulp_state(l)->counts.bad += h->op <= ULP_CREDIT; /* its sender knows for which life */
        return;
    }
    ulp_got_grant(l, h);
    if (h->op == ULP_NACK)
        ulp_go_back(l, h->next);
    else if (h->op <= ULP_CREDIT)
        got_frame(l, h, m);
}

/* The copy of what comes into memory sums it. */
static bool intact(struct xk_protl *self, struct xk_msg *m, uint8_t wire[ULP_HEADER])
{
    struct rope whole;
    xk_msg_to_rope(m, &whole);
    port_work(xk_port(self), PORT_WORK_COPY_SUM, whole.length);
    xk_msg_init_rope(m, &whole);
    if (!xk_msg_pop(m, wire, ULP_HEADER))
        return false;
    uint16_t sum = wire_get16(wire + ULP_SUM_AT);
    wire_put16(wire + ULP_SUM_AT, 0);
    return ulp_sum(wire, &m->data) == sum;
}

void ulp_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct ulp_state *st = self->state;
    uint8_t wire[ULP_HEADER];
    struct ulp_header h;
    if (!intact(self, m, wire)) {
        st->counts.damaged++;
        return;
    }
    if (!header_load(&h, wire)) {
        st->counts.bad++;
        return;
    }
    struct xk_protl *upper = xk_stands_on(self, h.upper);
    if (!upper) {
        st->counts.nobody++;
        return;
    }
    if (xk_heard(self->kernel, lower->host, h.from) == XK_OLD) {
        st->counts.stale++;
        return;
    }
    struct xk_sessn *s = session_of(self, upper, h.key, lower);
    if (!s) {
        st->counts.nobody++;
        return;
    }
    struct ulp_line *l = s->state;
    if (h.to != 0 && h.to != ulp_life(port_incarnation(xk_port(self)))) {
        st->counts.stale++;
        l->grant_due = true; /* tells our life */
    } else {
        got(l, &h, m);
    }
    ulp_pump(l);
    xk_close(s);
    ulp_turns(st);
}
