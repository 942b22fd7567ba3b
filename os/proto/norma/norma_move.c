/* norma_move.c: a receive right that has come as a uid is pulled from where it is.
 *
 *   state of the proxy   guarantee                            event -> next
 *   as any               the right, if any, is in a message   a thread receives that: pull
 *   pulling              the old node has been asked; what    the answer -> pulled
 *                        it hands on waits in the atrium
 *   pulled               the old node is a proxy, and all it  nothing of this proxy is out ->
 *                        had is here                          principal
 */
#include "os/proto/norma/norma_internal.h"

static void pull(struct norma_state *st, struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    if (o->pulling)
        return;
    o->pulling = true;
    st->counts.pulls++;
    norma_ask(st, o->source, NORMA_PULL_RECEIVE, r, norma_uid(r->uid), NULL);
}

void norma_fetch(struct norma_state *st, struct mach_kmsg *k)
{
    for (uint32_t i = 1; i < mach_wire_rights(k); i++) {
        const struct mach_held *h = mach_wire_held(k, i);
        struct mach_record *r = h->kind == MACH_HELD_RECEIVE ? mach_record_of(h->port) : NULL;
        if (!r || r->principal || mach_record_dead(r))
            continue;
        norma_own(r)->fetcher = k;
        pull(st, r);
        return;
    }
    mach_net_fetched(k);
}

void norma_discard(struct norma_state *st, struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    o->fetcher = NULL;
    o->discarded = true;
    mach_record_get(r); /* until it has come */
    pull(st, r);
}

void norma_wants_add(struct norma_state *st, struct mach_record *r, uint32_t node)
{
    struct norma_own *o = norma_own(r);
    struct port *port = xk_port(st->self);
    if (node == port_node(port))
        return;
    for (uint32_t i = 0; i < o->want_count; i++)
        if (o->wants[i] == node)
            return;
    o->wants = port_realloc(port, o->wants, (o->want_count + 1) * sizeof *o->wants);
    o->wants[o->want_count++] = node;
}

/* ---- the old node ---- */

static struct norma_queue *hand_on(struct norma_state *st, struct mach_record *r,
                                   struct list *messages)
{
    struct norma_queue *q = port_alloc(xk_port(st->self), sizeof *q);
    norma_queue_init(q, NULL);
    q->once = true;
    for (struct list *it; (it = list_pop(messages)) != NULL;) {
        struct mach_kmsg *k = LIST_ENTRY(it, struct mach_kmsg, link);
        enum mach_held_kind kind = k->dest.kind;
        k->dest = (struct mach_held){ NULL, MACH_HELD_NONE };
        struct norma_msg *msg = norma_convert(st, k, r->uid, kind, NORMA_MIGRATED);
        list_push(&q->messages, &msg->link);
        st->counts.migrated++;
    }
    return q;
}

struct own {
    const struct mach_record *r;
    uint32_t count;
};
static void count_own(void *arg, struct mach_held *h)
{
    struct own *own = arg;
    own->count += h->kind == MACH_HELD_SEND && mach_record_of(h->port) == own->r;
}

/* Send rights to the port in the messages that wait at it. */
static uint32_t own_rights(struct norma_state *st, struct mach_record *r)
{
    struct own own = { .r = r };
    uint32_t count;
    struct mach_kmsg **all = mach_net_queued(r, &count);
    for (uint32_t i = 0; i < count; i++)
        mach_kmsg_rights(all[i], count_own, &own);
    port_free(xk_port(st->self), all);
    return own.count;
}

void norma_give_up(struct norma_state *st, struct mach_record *r, uint32_t to, uint32_t xid)
{
    struct norma_own *o = norma_own(r);
    struct port *port = xk_port(st->self);
    struct mach_moved moved;
    uint32_t lent = r->lent, onces = r->lent_onces, go = own_rights(st, r), n = 0;
    if (mach_record_wanted(r)) { /* this node is one of those that want to hear */
        o->wants = port_realloc(port, o->wants, (o->want_count + 1) * sizeof *o->wants);
        o->wants[o->want_count++] = port_node(port);
    }
    uint32_t *words = port_alloc(port, (7 + o->want_count) * sizeof *words);
    o->dest = to;
    o->leaving = false;
    o->kept = true; /* the right's reference: it forwards from now on */
    mach_net_to_proxy(r, &moved);
    /* Those that remain are one more that it has not itself, as is each of those that go. */
    o->stransit = -(int64_t)go - (mach_record_sends(r) > go);
    uint32_t owed = (uint32_t)-o->stransit;
    onces += mach_record_onces(r);
    struct norma_queue *q = hand_on(st, r, &moved.messages);
    words[n++] = xid;
    words[n++] = lent + owed;
    words[n++] = onces;
    words[n++] = moved.seqno;
    words[n++] = moved.qlimit;
    words[n++] = o->want_count;
    for (uint32_t i = 0; i < o->want_count; i++)
        words[n++] = o->wants[i];
    struct mach_held rights[2] = { moved.no_senders, moved.destroyed };
    struct norma_msg *answer =
        norma_kernel_msg(st, to, NORMA_PULL_RECEIVE + NORMA_REPLY, words, n, rights, 2);
    list_push(&q->messages, &answer->link); /* behind what is handed on */
    norma_enqueue(st, to, q);
    port_free(port, words);
    port_free(port, o->wants);
    o->wants = NULL;
    o->want_count = 0;
    mach_net_room(r);
}

/* ---- the new node ---- */

void norma_pulled(struct norma_state *st, struct mach_record *r, struct mach_kmsg *k)
{
    struct norma_own *o = norma_own(r);
    uint32_t head[6], all[6 + NORMA_NODES];
    norma_words(k, head, 6);
    uint32_t count = head[5] <= NORMA_NODES ? head[5] : NORMA_NODES;
    norma_words(k, all, 6 + count);
    o->pulled = true;
    o->moved_lent = head[1];
    o->moved_onces = head[2];
    o->moved.seqno = head[3];
    o->moved.qlimit = head[4];
    for (uint32_t i = 0; i < count; i++)
        norma_wants_add(st, r, all[6 + i]);
    o->moved.no_senders = *mach_wire_held(k, 2);
    o->moved.destroyed = *mach_wire_held(k, 3);
    *mach_wire_held(k, 2) = *mach_wire_held(k, 3) = (struct mach_held){ NULL, MACH_HELD_NONE };
    norma_pull_end(st, r);
}

/* A send-once right whose port has died in the meantime is none. */
static void mend(struct mach_held *h)
{
    if (h->kind != MACH_HELD_ONCE)
        *h = (struct mach_held){ NULL, MACH_HELD_NONE };
}

void norma_pull_end(struct norma_state *st, struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    if (!o->pulled || norma_in_flight(st, &o->out) || mach_record_dead(r))
        return;
    mach_record_get(r);
    /* What this node owed is not lent any more. */
    ASSERT_MSG((int64_t)o->moved_lent + o->stransit >= 0, "NORMA1");
    r->lent = (uint32_t)((int64_t)o->moved_lent + o->stransit);
    r->lent_onces = o->moved_onces - mach_record_onces(r);
    o->stransit = 0;
    o->pulling = o->pulled = false;
    mend(&o->moved.no_senders);
    mend(&o->moved.destroyed);
    if (o->kept) { /* it had been here before */
        o->kept = false;
        mach_record_put(r);
    }
    mach_net_to_principal(r, &o->moved);
    norma_absorb(st, r);
    struct mach_kmsg *k = o->fetcher;
    o->fetcher = NULL;
    if (k) {
        norma_fetch(st, k);
    } else if (o->discarded) {
        o->discarded = false;
        struct mach_held h = mach_net_got(r, MACH_HELD_RECEIVE);
        mach_record_put(r);
        mach_release(st->m, h);
    }
    mach_record_put(r);
}
