/* norma_rpc.c: what kernels ask each other: messages to the special port of a node's kernel.
 *
 * They travel as messages of ports do, in turn with them.  A question begins with a number and the
 * node of who asks, so that it may be handed on; the answer goes there, to the kernel, not to a
 * port of a thread as in the source.
 */
#include "os/mach/mach_msg.h"
#include "os/proto/norma/norma_internal.h"

struct norma_msg *norma_kernel_msg(struct norma_state *st, uint32_t host, uint32_t op,
                                   const uint32_t *words, uint32_t count,
                                   const struct mach_held *rights, uint32_t right_count)
{
    struct port *port = xk_port(st->self);
    struct mach_kmsg *k = mach_kmsg_new(st->m, 1 + right_count);
    k->id = (int32_t)op;
    k->items[0].type = MACH_TYPE_INTEGER_32;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t bytes[4];
        wire_put32(bytes, words[i]);
        rope_add_bytes(&k->items[0].data, bytes, sizeof bytes);
    }
    k->size += MACH_ITEM_BYTES + 4 * count;
    for (uint32_t i = 0; i < right_count; i++) {
        struct mach_kitem *it = &k->items[1 + i];
        it->type = rights[i].kind == MACH_HELD_SEND ? MACH_PORT_SEND : MACH_PORT_SEND_ONCE;
        it->count = 1;
        it->rights = port_alloc(port, sizeof *it->rights);
        it->rights[0] = rights[i];
        k->size += MACH_ITEM_BYTES + 4;
    }
    st->counts.kernel++;
    return norma_convert(st, k, MACH_UID(host, MACH_SPECIAL_HOST_PRIV), MACH_HELD_SEND, 0);
}

void norma_tell(struct norma_state *st, uint32_t host, uint32_t op, const uint32_t *words,
                uint32_t count, struct mach_held *rights, uint32_t right_count)
{
    struct norma_msg *msg = norma_kernel_msg(st, host, op, words, count, rights, right_count);
    struct norma_queue *q = &norma_peer(st, host)->kernel;
    list_push(&q->messages, &msg->link);
    norma_enqueue(st, host, q);
}

uint32_t norma_words(const struct mach_kmsg *k, uint32_t *words, uint32_t most)
{
    uint64_t n = k->item_count ? k->items[0].data.length / 4 : 0;
    for (uint32_t i = 0; i < most; i++) {
        uint8_t bytes[4] = { 0 };
        if (i < n)
            rope_read(&k->items[0].data, 4 * i, sizeof bytes, bytes);
        words[i] = wire_get32(bytes);
    }
    return (uint32_t)n;
}

void norma_ask(struct norma_state *st, uint32_t host, uint32_t op, struct mach_record *r,
               uint32_t word, struct mach_special_ask *ask)
{
    struct norma_pending *w = port_alloc(xk_port(st->self), sizeof *w);
    *w = (struct norma_pending){ .xid = ++st->next_xid, .op = op, .record = r, .ask = ask };
    list_init(&w->link);
    list_push(&st->pending, &w->link);
    if (r)
        mach_record_get(r);
    const uint32_t words[3] = { w->xid, port_node(xk_port(st->self)), word };
    norma_tell(st, host, op, words, 3, NULL, 0);
}

struct norma_pending *norma_answered(struct norma_state *st, uint32_t xid, uint32_t op)
{
    LIST_EACH (it, &st->pending) {
        struct norma_pending *w = LIST_ENTRY(it, struct norma_pending, link);
        if (w->xid != xid || w->op != op)
            continue;
        list_remove(it);
        return w;
    }
    return NULL;
}

void norma_want_transits(struct norma_state *st, struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    if (o->asking)
        return;
    o->asking = true;
    st->counts.transits++;
    norma_ask(st, o->dest, NORMA_STRANSIT_REQUEST, r, norma_uid(r->uid), NULL);
}

void norma_no_local_senders(struct norma_state *st, struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    if (r->principal || mach_record_dead(r) || mach_record_sends(r) || !o->stransit)
        return;
    const uint32_t words[2] = { norma_uid(r->uid), (uint32_t)-o->stransit };
    o->stransit = 0;
    st->counts.no_locals++;
    norma_tell(st, o->dest, NORMA_NO_LOCAL_SENDERS, words, 2, NULL, 0);
}

static void lacks(void *arg, struct mach_record *r)
{
    norma_want_transits(arg, r);
}

bool norma_may_send(struct norma_state *st, struct mach_kmsg *const *k, uint32_t count)
{
    return norma_enough(k, count, lacks, st);
}

void norma_got_transits(struct norma_state *st, struct mach_record *r, uint32_t answer, uint32_t n)
{
    norma_own(r)->asking = false;
    if (answer != 0 && !r->principal && !mach_record_dead(r) && mach_record_sends(r) > 0) {
        if (answer == 1)
            norma_kill(st, r);
        else
            norma_panic(st, "norma_ipc_stransit_wait: stransit_request of %08x", norma_uid(r->uid));
    } else if (answer == 0 && r->principal) {
        mach_net_lent(r, r->lent - n, r->lent_onces); /* the port has come here meanwhile */
    } else if (answer == 0) {
        norma_own(r)->stransit -= n;
        norma_no_local_senders(st, r); /* who wanted them may have gone */
    }
    struct list again;
    list_init(&again);
    list_splice(&again, &st->stalled);
    for (struct list *it; (it = list_pop(&again)) != NULL;)
        mach_net_room(LIST_ENTRY(it, struct norma_own, stalled)->out.record);
}
