/* blast_output.c: the sender's side of BLAST: cutting, resending, forgetting.
 *
 *   BLAST1  At most params.outstanding messages of several fragments are held; a push above that is
 *       answered XK_BUSY.
 *   BLAST2  Messages of several fragments start in the order of their pushes: while one is stalled,
 *       a later one waits behind it.
 *   BLAST3  Below a reliable layer nothing is kept once it is sent, and no timer is set.
 */
#include "os/proto/blast/blast_internal.h"

uint64_t blast_all(uint16_t fragments)
{
    return fragments == BLAST_FRAGMENTS_MAX ? UINT64_MAX : (UINT64_C(1) << fragments) - 1;
}

static void out_free(struct xk_protl *self, struct blast_out *o)
{
    struct blast_state *st = self->state;
    struct xk_sessn *s = o->sessn;
    port_timer_cancel(&o->discard);
    list_remove(&o->link);
    st->out_count--;
    rope_fini(&o->data);
    port_free(xk_port(self), o);
    xk_close(s);
}

/* Sends what is left of it; false: the layer below is busy. */
static bool send_left(struct blast_state *st, struct blast_out *o)
{
    while (o->left) {
        uint16_t i = (uint16_t)__builtin_ctzll(o->left);
        uint64_t bit = UINT64_C(1) << i;
        uint64_t off = i * st->fragment_bytes;
        uint64_t rest = o->data.length - off;
        bool again = o->sent & bit;
        struct blast_header h = { .protocol = (uint16_t)o->sessn->upper->number,
                                  .op = again ? BLAST_RETRANSMIT : BLAST_SEND,
                                  .seq = o->seq,
                                  .length = (uint32_t)o->data.length,
                                  .fragments = o->fragments,
                                  .boot = st->boot,
                                  .mask = bit };
        struct xk_msg m;
        xk_msg_init(&m);
        m.part = st->reliable && i > 0 && i + 1 < o->fragments;
        rope_add_slice(&m.data, &o->data, off,
                       rest < st->fragment_bytes ? rest : st->fragment_bytes);
        blast_header_store(xk_msg_push(&m, BLAST_HEADER), &h);
        enum xk_status r = xk_push(o->sessn->down[0], &m);
        xk_msg_fini(&m);
        if (r == XK_BUSY)
            return false;
        o->left &= ~bit;
        o->sent |= bit;
        if (again)
            st->counts.resent++;
        else
            st->counts.fragments_sent++;
    }
    return true;
}

static void discard(struct port_timer *t)
{
    struct blast_out *o = t->arg;
    struct xk_protl *self = o->sessn->protl;
    struct blast_state *st = self->state;
    st->counts.discarded++;
    out_free(self, o);
    blast_ready(self, NULL);
}

/* Sends as far as it goes, then keeps or forgets it.  False: busy. */
static bool pump(struct xk_protl *self, struct blast_out *o)
{
    struct blast_state *st = self->state;
    if (!send_left(st, o))
        return false;
    if (st->reliable) { /* BLAST3 */
        out_free(self, o);
        return true;
    }
    port_work(xk_port(self), PORT_WORK_TIMER, 1);
    port_timer_set(&o->discard, st->params->discard);
    return true;
}

static bool any_stalled(const struct blast_state *st)
{
    return st->out_count && LIST_ENTRY(st->out.prev, struct blast_out, link)->left != 0;
}

static enum xk_status busy(struct blast_state *st, struct xk_sessn *s)
{
    struct blast_sessn *bs = s->state;
    if (list_empty(&bs->waiting))
        list_push(&st->waiting, &bs->waiting);
    st->counts.refused++;
    return XK_BUSY;
}

static enum xk_status push_short(struct blast_state *st, struct xk_sessn *s, struct xk_msg *m)
{
    struct blast_header h = { .protocol = (uint16_t)s->upper->number,
                              .op = BLAST_SEND,
                              .length = (uint32_t)xk_msg_length(m),
                              .fragments = 1,
                              .boot = st->boot,
                              .mask = 1 };
    uint8_t undo[BLAST_HEADER];
    blast_header_store(xk_msg_push(m, BLAST_HEADER), &h);
    enum xk_status r = xk_push(s->down[0], m);
    if (r == XK_OK) {
        st->counts.short_sent++;
        return r;
    }
    bool popped = xk_msg_pop(m, undo, BLAST_HEADER);
    ASSERT(popped);
    return r == XK_BUSY ? busy(st, s) : r;
}

enum xk_status blast_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct xk_protl *self = s->protl;
    struct blast_state *st = self->state;
    uint64_t length = xk_msg_length(m);
    if (length <= st->fragment_bytes)
        return push_short(st, s, m);
    if (length > BLAST_FRAGMENTS_MAX * st->fragment_bytes)
        return XK_TOO_LONG;
    if (st->out_count >= st->params->outstanding)
        return busy(st, s); /* BLAST1 */
    bool behind = any_stalled(st);
    struct blast_out *o = port_alloc(xk_port(self), sizeof *o);
    port_work(xk_port(self), PORT_WORK_ALLOC, 1);
    o->sessn = xk_dup(s);
    if (++st->seq == 0)
        st->seq = 1;
    o->seq = st->seq;
    o->fragments = (uint16_t)((length + st->fragment_bytes - 1) / st->fragment_bytes);
    o->left = blast_all(o->fragments);
    xk_msg_to_rope(m, &o->data);
    port_timer_init(xk_port(self), &o->discard, discard, o);
    list_push(&st->out, &o->link);
    st->out_count++;
    st->counts.long_sent++;
    if (!behind) /* BLAST2 */
        pump(self, o);
    return XK_OK;
}

/* There is room below, or a message was forgotten. */
void blast_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct blast_state *st = self->state;
    (void)lower;
    LIST_EACH_SAFE (l, next, &st->out) {
        struct blast_out *o = LIST_ENTRY(l, struct blast_out, link);
        if (o->left && !pump(self, o))
            return;
    }
    /* Each is told once; one that is refused again queues anew. */
    struct list told;
    list_init(&told);
    list_splice(&told, &st->waiting);
    while (!list_empty(&told)) {
        struct xk_sessn *s = xk_sessn_of(LIST_ENTRY(list_pop(&told), struct blast_sessn, waiting));
        s->refs++;
        xk_ready(s);
        xk_close(s);
        if (!list_empty(&st->waiting))
            break; /* full again: the rest is told the next time */
    }
    list_splice(&st->waiting, &told);
}

void blast_nacked(struct xk_protl *self, uint32_t host, const struct blast_header *h)
{
    struct blast_state *st = self->state;
    LIST_EACH (l, &st->out) {
        struct blast_out *o = LIST_ENTRY(l, struct blast_out, link);
        if (o->seq != h->seq || o->sessn->host != host || h->boot != st->boot)
            continue;
        st->counts.nacks_got++;
        o->left |= o->sent & ~h->mask;
        pump(self, o);
        return;
    }
    st->counts.nacks_late++;
}

void blast_out_drop_host(struct xk_protl *self, uint32_t host)
{
    struct blast_state *st = self->state;
    bool some = false;
    LIST_EACH_SAFE (l, next, &st->out) {
        struct blast_out *o = LIST_ENTRY(l, struct blast_out, link);
        if (o->sessn->host == host) {
            out_free(self, o);
            some = true;
        }
    }
    if (some)
        blast_ready(self, NULL);
}
