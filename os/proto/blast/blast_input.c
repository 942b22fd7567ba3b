/* blast_input.c: the receiver's side of BLAST: joining, asking, giving up.
 *
 *   BLAST4  A message is delivered at most once while its number is among the last BLAST_RECENT
 *       finished ones.
 *   BLAST5  Fragments in order are appended at once; only early ones are kept apart.
 *   BLAST6  An incomplete message goes when it is delivered, given up after params.nacks requests
 *       (only below a layer that may lose), or its sender is known to be dead.
 */
#include "os/proto/blast/blast_internal.h"

#include <string.h>

static void in_free(struct xk_protl *self, struct blast_in *in)
{
    struct blast_state *st = self->state;
    struct port *p = xk_port(self);
    struct xk_sessn *s = in->sessn;
    struct list *l;
    port_timer_cancel(&in->timer);
    xk_map_unbind(&st->in_map, &in->key);
    list_remove(&in->link);
    while ((l = list_pop(&in->early))) {
        struct blast_fragment *f = LIST_ENTRY(l, struct blast_fragment, link);
        rope_fini(&f->data);
        port_free(p, f);
    }
    rope_fini(&in->data);
    port_free(p, in);
    xk_close(s);
}

/* Its next life numbers its messages from 1 again. */
void blast_in_forget_host(struct xk_protl *self, uint32_t host)
{
    struct blast_state *st = self->state;
    for (uint32_t i = 0; i < BLAST_RECENT; i++)
        if (st->recent[i].host == host)
            st->recent[i].seq = 0; /* no message's */
    LIST_EACH_SAFE (l, next, &st->in) {
        struct blast_in *in = LIST_ENTRY(l, struct blast_in, link);
        if (in->key.host == host) {
            st->counts.given_up++;
            in_free(self, in);
        }
    }
}

static bool same_key(const struct blast_key *a, const struct blast_key *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Takes the session; gives it back. */
static void deliver(struct blast_state *st, struct xk_sessn *s, struct xk_msg *m)
{
    st->counts.delivered++;
    xk_demux(s, m);
    xk_close(s);
}

/* ---- asking ---- */

static void ask(struct blast_state *st, struct blast_in *in)
{
    struct blast_header h = { .protocol = in->key.protocol,
                              .op = BLAST_NACK,
                              .seq = in->key.seq,
                              .length = in->length,
                              .fragments = in->fragments,
                              .boot = (uint16_t)xk_life(in->self->kernel, in->key.host),
                              .mask = in->mask };
    struct xk_msg m;
    xk_msg_init(&m);
    blast_header_store(xk_msg_push(&m, BLAST_HEADER), &h);
    /* When the layer below is busy the request is as good as lost: the timer asks again. */
    if (xk_push(in->sessn->down[0], &m) == XK_OK)
        st->counts.nacks_sent++;
    xk_msg_fini(&m);
    in->nacks++;
}

static void timed_out(struct port_timer *t)
{
    struct blast_in *in = t->arg;
    struct xk_protl *self = in->self;
    struct blast_state *st = self->state;
    if (in->nacks >= st->params->nacks) { /* BLAST6 */
        st->counts.given_up++;
        in_free(self, in);
        return;
    }
    ask(st, in);
    in->wait = sim_time_min(sim_time_mul(in->wait, 2), st->params->wait_max);
    port_work(xk_port(self), PORT_WORK_TIMER, 1);
    port_timer_set(&in->timer, in->wait);
}

/* ---- joining ---- */

static struct blast_in *in_new(struct xk_protl *self, const struct blast_key *key,
                               const struct blast_header *h, struct xk_sessn *s)
{
    struct blast_state *st = self->state;
    struct blast_in *in = port_alloc(xk_port(self), sizeof *in);
    struct blast_sessn *bs = s->state;
    port_work(xk_port(self), PORT_WORK_ALLOC, 1);
    in->self = self;
    in->key = *key;
    in->sessn = s;
    in->length = h->length;
    in->fragments = h->fragments;
    rope_init(&in->data);
    list_init(&in->early);
    list_push(&st->in, &in->link);
    xk_map_bind(&st->in_map, key, in);
    port_timer_init(xk_port(self), &in->timer, timed_out, in);
    in->wait = sim_time_mul(bs->fragment_wait, h->fragments);
    if (!st->reliable) {
        port_work(xk_port(self), PORT_WORK_TIMER, 1);
        port_timer_set(&in->timer, in->wait);
    }
    return in;
}

static void keep_early(struct xk_protl *self, struct blast_in *in, uint16_t idx, struct xk_msg *m)
{
    struct blast_fragment *f = port_alloc(xk_port(self), sizeof *f);
    f->idx = idx;
    xk_msg_to_rope(m, &f->data);
    struct list *at = in->early.next;
    while (at != &in->early && LIST_ENTRY(at, struct blast_fragment, link)->idx < idx)
        at = at->next;
    list_push(at, &f->link); /* before the first later one */
}

/* BLAST5. */
static void add_fragment(struct xk_protl *self, struct blast_in *in, uint16_t idx, struct xk_msg *m)
{
    in->mask |= UINT64_C(1) << idx;
    if (idx != in->next) {
        keep_early(self, in, idx, m);
        return;
    }
    xk_msg_to_end(m, &in->data);
    in->next++;
    while (!list_empty(&in->early)) {
        struct blast_fragment *f = LIST_ENTRY(in->early.next, struct blast_fragment, link);
        if (f->idx != in->next)
            return;
        rope_join(&in->data, &f->data);
        list_remove(&f->link);
        rope_fini(&f->data);
        port_free(xk_port(self), f);
        in->next++;
    }
}

static void complete(struct xk_protl *self, struct blast_in *in)
{
    struct blast_state *st = self->state;
    struct xk_sessn *s = xk_dup(in->sessn);
    struct xk_msg m;
    st->recent[st->recent_next++ % BLAST_RECENT] = in->key;
    xk_msg_init_rope(&m, &in->data);
    bool good = xk_msg_length(&m) == in->length;
    in_free(self, in);
    if (good) {
        deliver(st, s, &m);
    } else {
        st->counts.given_up++;
        xk_close(s);
    }
    xk_msg_fini(&m);
}

/* The session for what came, or NULL when nobody wants it. */
static struct xk_sessn *sessn_for(struct xk_protl *self, uint32_t host, uint16_t protocol)
{
    struct blast_state *st = self->state;
    struct xk_protl *upper = xk_taker(self, protocol);
    enum xk_status why;
    bool fresh;
    struct xk_sessn *s = upper ? blast_sessn_get(self, upper, xk_node(host), &fresh, &why) : NULL;
    st->counts.nobody += s == NULL;
    if (s && fresh)
        xk_open_done(upper, s);
    return s;
}

static void got_fragment(struct xk_protl *self, uint32_t host, const struct blast_header *h,
                         struct xk_msg *m)
{
    struct blast_state *st = self->state;
    uint16_t idx = (uint16_t)__builtin_ctzll(h->mask);
    struct blast_key key = { .host = host, .seq = h->seq, .protocol = h->protocol };
    struct blast_in *in = xk_map_resolve(&st->in_map, &key);
    if (!in) {
        for (uint32_t i = 0; i < BLAST_RECENT; i++) {
            if (same_key(&st->recent[i], &key)) { /* BLAST4 */
                st->counts.duplicates++;
                return;
            }
        }
        struct xk_sessn *s = sessn_for(self, host, h->protocol);
        if (!s)
            return;
        in = in_new(self, &key, h, s);
    }
    if (h->fragments != in->fragments || h->length != in->length) {
        st->counts.bad++;
        return;
    }
    if (in->mask & h->mask) {
        st->counts.duplicates++;
        return;
    }
    st->counts.fragments_got++;
    if (h->op == BLAST_SEND && in->nacks > 0 && !in->slow) {
        struct blast_sessn *bs = in->sessn->state;
        in->slow = true; /* asked too early: fragments take longer than was thought */
        bs->fragment_wait = sim_time_min(2 * bs->fragment_wait, st->params->wait_max);
    }
    add_fragment(self, in, idx, m);
    if (in->mask == blast_all(in->fragments))
        complete(self, in);
    else if (st->params->eager_nack && !st->reliable && idx + 1 == in->fragments &&
             h->op == BLAST_SEND)
        ask(st, in);
}

static bool makes_sense(const struct blast_state *st, const struct blast_header *h, uint64_t rest)
{
    switch (h->op) {
    case BLAST_NACK:
        return rest == 0 && h->seq != 0 && h->fragments >= 2 && h->fragments <= BLAST_FRAGMENTS_MAX;
    case BLAST_SEND:
        if (h->seq == 0)
            return h->fragments == 1 && h->mask == 1 && h->length == rest;
        break;
    case BLAST_RETRANSMIT:
        break;
    default:
        return false;
    }
    return h->seq != 0 && h->fragments >= 2 && h->fragments <= BLAST_FRAGMENTS_MAX &&
           h->mask != 0 && !(h->mask & (h->mask - 1)) && !(h->mask & ~blast_all(h->fragments)) &&
           rest > 0 && rest <= h->length && h->length <= BLAST_FRAGMENTS_MAX * st->fragment_bytes;
}

void blast_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct blast_state *st = self->state;
    uint8_t wire[BLAST_HEADER];
    struct blast_header h;
    if (!xk_msg_pop(m, wire, BLAST_HEADER)) {
        st->counts.bad++;
        return;
    }
    blast_header_load(&h, wire);
    if (!makes_sense(st, &h, xk_msg_length(m))) {
        st->counts.bad++;
    } else if (h.op != BLAST_NACK && xk_heard_low(self->kernel, lower->host, h.boot) == XK_OLD) {
        st->counts.stale++;
    } else if (h.op == BLAST_NACK) {
        blast_nacked(self, lower->host, &h);
    } else if (h.seq == 0) {
        struct xk_sessn *s = sessn_for(self, lower->host, h.protocol);
        if (s) {
            st->counts.short_got++;
            deliver(st, s, m);
        }
    } else {
        got_fragment(self, lower->host, &h, m);
    }
}
