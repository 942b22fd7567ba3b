/* rdm_tap.c: a tap on the messages of an upper: epochs, what waits for its own, what is in flight.
 *
 *   RDMT1  `holding` has the conversations with something in `held`, which keep their sessions.
 */
#include "os/proto/rdm/rdm_internal.h"

void rdm_tap(struct xk_protl *rdm, struct xk_protl *upper, const struct rdm_tap_ops *ops, void *arg)
{
    struct rdm_state *st = rdm->state;
    ASSERT(rdm->ops == &rdm_protl && !st->tap.upper && st->sessns.count == 0);
    st->tap.upper = upper;
    st->tap.ops = ops;
    st->tap.arg = arg;
}

/* ---- what comes ---- */

bool rdm_tap_holds(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m)
{
    struct rdm_state *st = rdm_state(t);
    struct xk_sessn *s = xk_sessn_of(t);
    bool first = list_empty(&t->held);
    if (h->op == RDM_CREDIT || (first && (int32_t)(h->epoch - st->tap.epoch) <= 0))
        return false;
    struct rdm_piece *p = port_alloc(xk_port(s->protl), sizeof *p);
    p->op = h->op;
    p->first = h->first;
    p->last = h->last;
    p->epoch = h->epoch;
    rope_init(&p->whole);
    xk_msg_to_rope(m, &p->data);
    list_push(&t->held, &p->link);
    if (first) {
        list_push(&st->tap.holding, &t->holding);
        st->tap.ops->early(st->tap.arg, s->host, h->epoch);
    }
    return true;
}

bool rdm_tap_passes(struct rdm_talk *t, const struct rdm_header *h, const struct xk_msg *m)
{
    const struct rdm_state *st = rdm_state(t);
    bool late = (int32_t)(h->epoch - st->tap.epoch) < 0,
         parts = t->pieces && !(h->first && h->last);
    if (parts || (h->last && late)) {
        struct xk_msg copy;
        struct rope data;
        xk_msg_copy(&copy, m);
        xk_msg_to_rope(&copy, &data);
        rope_join(&t->front, &data);
    }
    return h->last && late;
}

void rdm_tap_passed(struct rdm_talk *t, const struct rdm_header *h, bool late)
{
    const struct rdm_state *st = rdm_state(t);
    const struct xk_sessn *s = xk_sessn_of(t);
    if (!h->last)
        return;
    st->tap.ops->came(st->tap.arg, s->host, s->key, h->epoch, late ? &t->front : NULL);
    rope_fini(&t->front);
}

static void piece_drop(struct rdm_talk *t, struct rdm_piece *p)
{
    rope_fini(&p->data);
    port_free(xk_port(xk_sessn_of(t)->protl), p);
}

/* Up to the first that still waits. */
static void release(struct rdm_talk *t)
{
    struct list now, *l;
    list_init(&now);
    while ((l = list_pop(&t->held)))
        list_push(&now, l);
    while ((l = list_pop(&now))) {
        struct rdm_piece *p = LIST_ENTRY(l, struct rdm_piece, link);
        struct rdm_header h = {
            .op = p->op, .last = p->last, .first = p->first, .epoch = p->epoch
        };
        struct xk_msg m;
        xk_msg_init_rope(&m, &p->data);
        rdm_join(t, &h, &m);
        xk_msg_fini(&m);
        piece_drop(t, p);
    }
}

void rdm_tap_drop(struct rdm_talk *t)
{
    struct list *l;
    while ((l = list_pop(&t->held)))
        piece_drop(t, LIST_ENTRY(l, struct rdm_piece, link));
    list_remove(&t->holding);
    rope_fini(&t->front);
}

/* ---- turns ---- */

static void tell_unsent(struct rdm_state *st, struct rdm_talk *t)
{
    const struct xk_sessn *s = xk_sessn_of(t);
    LIST_EACH (l, &t->todo) {
        const struct rdm_piece *p = LIST_ENTRY(l, struct rdm_piece, link);
        if (p->op == RDM_PIECE)
            st->tap.ops->unsent(st->tap.arg, s->host, s->key,
                                p->whole.length > 0 ? &p->whole : &p->data);
    }
}

void rdm_tap_turn(struct xk_protl *rdm, uint32_t epoch)
{
    struct rdm_state *st = rdm->state;
    struct list now, *l;
    st->tap.epoch = epoch;
    LIST_EACH (it, &st->known)
        if (rdm_tapped(LIST_ENTRY(it, struct rdm_talk, known)))
            tell_unsent(st, LIST_ENTRY(it, struct rdm_talk, known));
    list_init(&now);
    while ((l = list_pop(&st->tap.holding)))
        list_push(&now, l);
    while ((l = list_pop(&now))) {
        struct rdm_talk *t = LIST_ENTRY(l, struct rdm_talk, holding);
        struct xk_sessn *s = xk_dup(xk_sessn_of(t));
        release(t);
        rdm_pump(t);
        xk_close(s);
    }
}

void rdm_tap_stop(struct xk_protl *rdm, bool on)
{
    struct rdm_state *st = rdm->state;
    struct list now, *l;
    list_init(&now);
    st->tap.stopped = on;
    if (on)
        return;
    LIST_EACH_SAFE (it, next, &st->known) {
        struct rdm_talk *t = LIST_ENTRY(it, struct rdm_talk, known);
        if (!rdm_tapped(t) || list_empty(&t->todo))
            continue;
        list_remove(it);
        list_push(&now, it);
    }
    while ((l = list_pop(&now))) {
        struct rdm_talk *t = LIST_ENTRY(l, struct rdm_talk, known);
        list_push(&st->known, l);
        rdm_pump(t);
    }
}
