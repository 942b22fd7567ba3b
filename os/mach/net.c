/* net.c: what the net calls: records, rights and messages that come, receive rights that move. */
#include "os/mach/mach_internal.h"
#include "os/xk/xobj.h"

void mach_net_attach(struct mach *m, struct xk_protl *over)
{
    m->net_ops = over->ops->rights;
    m->net = m->net_ops->start(over, m);
}

struct port *mach_port_task(const struct mach *m)
{
    return m->port;
}

/* ---- records ---- */

struct mach_record *mach_record_of(const struct mach_port *port)
{
    return port->record;
}

struct mach_record *mach_record_find(struct mach *m, uint64_t uid)
{
    return xk_map_resolve(&m->by_uid, &uid);
}

struct mach_record *mach_record_export(struct mach *m, struct mach_port *port)
{
    if (port->record)
        return port->record;
    uint64_t uid = m->net_ops->new_uid(m->net);
    return uid ? mach_record_new(m, port, uid, true) : NULL;
}

struct mach_record *mach_proxy_new(struct mach *m, uint64_t uid)
{
    return mach_record_new(m, mach_port_new(m), uid, false);
}

void mach_record_get(struct mach_record *r)
{
    mach_get(r->port);
}

void mach_record_put(struct mach_record *r)
{
    mach_put(r->mach, r->port);
}

bool mach_record_dead(const struct mach_record *r)
{
    return r->port->dead;
}

uint32_t mach_record_sends(const struct mach_record *r)
{
    return r->port->sends;
}

uint32_t mach_record_onces(const struct mach_record *r)
{
    return r->port->onces;
}

bool mach_record_wanted(const struct mach_record *r)
{
    return !list_empty(&r->port->deaths);
}

void mach_record_each(struct mach *m, void (*fn)(void *arg, struct mach_record *r), void *arg)
{
    LIST_EACH_SAFE (it, next, &m->records)
        fn(arg, LIST_ENTRY(it, struct mach_record, link));
}

/* ---- rights and messages ---- */

bool mach_held_dead(const struct mach_held *h)
{
    return h->kind >= MACH_HELD_RECEIVE && h->port->dead;
}

void mach_kmsg_rights(struct mach_kmsg *k, void (*fn)(void *arg, struct mach_held *h), void *arg)
{
    if (k->reply.kind >= MACH_HELD_RECEIVE)
        fn(arg, &k->reply);
    for (uint32_t i = 0; i < k->item_count; i++)
        for (uint32_t j = 0; k->items[i].rights && j < k->items[i].count; j++)
            if (k->items[i].rights[j].kind >= MACH_HELD_RECEIVE)
                fn(arg, &k->items[i].rights[j]);
}

struct mach_held mach_net_got(struct mach_record *r, enum mach_held_kind kind)
{
    struct mach_port *port = r->port;
    if (port->dead)
        return (struct mach_held){ NULL, MACH_HELD_DEAD };
    if (kind == MACH_HELD_SEND)
        port->sends++;
    else if (kind == MACH_HELD_ONCE)
        port->onces++;
    return (struct mach_held){ mach_get(port), kind };
}

/* Messages with a receive right say where that waits, so that none waits for itself. */
static void carry(void *arg, struct mach_held *h)
{
    struct mach_kmsg *k = arg;
    if (h->kind != MACH_HELD_RECEIVE)
        return;
    k->receives = true;
    if (mach_circular(h->port, k->dest.port))
        k->circular = true;
    else
        h->port->carrier = k->dest.port;
}

void mach_net_deliver(struct mach_record *r, enum mach_held_kind kind, struct mach_kmsg *k)
{
    k->dest = mach_net_got(r, kind);
    if (k->dest.kind == MACH_HELD_DEAD) {
        mach_kmsg_destroy(r->mach, k);
        return;
    }
    mach_kmsg_rights(k, carry, k);
    mach_deliver(r->mach, k);
}

bool mach_net_full(struct mach_record *r)
{
    struct mach_port *port = r->port;
    if (port->queued < port->qlimit && list_empty(&port->senders))
        return false;
    r->wants_room = true;
    return true;
}

void mach_net_room(struct mach_record *r)
{
    mach_record_get(r);
    mach_room(r->port);
    mach_record_put(r);
}

void mach_net_lent(struct mach_record *r, uint32_t sends, uint32_t onces)
{
    r->lent = sends;
    r->lent_onces = onces;
    if (r->principal)
        mach_no_senders(r->mach, r->port);
}

void mach_net_once_lost(struct mach_record *r)
{
    struct mach_held h = mach_net_got(r, MACH_HELD_ONCE);
    mach_release(r->mach, h);
}

void mach_net_kill(struct mach_record *r)
{
    ASSERT_MSG(!r->port->receiver && !r->port->dead, "MACH1");
    mach_record_get(r);
    mach_die(r->mach, r->port);
    mach_record_put(r);
}

/* ---- receive rights ---- */

struct mach_record *mach_net_leave(struct mach_held *h)
{
    struct mach_record *r = h->port->record;
    ASSERT_MSG(h->kind == MACH_HELD_RECEIVE && !h->port->receiver && !h->port->dead, "MACH1");
    h->port->carrier = NULL;
    *h = (struct mach_held){ NULL, MACH_HELD_NONE };
    return r;
}

static struct mach_held once_of(struct mach_port **once)
{
    struct mach_held h = { *once, *once ? MACH_HELD_ONCE : MACH_HELD_NONE };
    *once = NULL;
    return h;
}

void mach_net_to_proxy(struct mach_record *r, struct mach_moved *out)
{
    struct mach_port *port = r->port;
    struct mach *m = r->mach;
    ASSERT_MSG(r->principal && !port->receiver && !port->dead, "MACH1, MNET1");
    *out = (struct mach_moved){ .seqno = port->seqno, .qlimit = port->qlimit };
    out->no_senders = once_of(&port->no_senders);
    out->destroyed = once_of(&port->destroyed);
    list_init(&out->messages);
    list_splice(&out->messages, &port->queue.messages);
    port->queued = 0;
    port->seqno = 0;
    port->carrier = NULL;
    mach_record_get(r);
    LIST_EACH (it, &out->messages) {
        struct mach_held *dest = &LIST_ENTRY(it, struct mach_kmsg, link)->dest;
        if (dest->kind == MACH_HELD_SEND)
            port->sends--;
        else
            port->onces--;
        mach_put(m, port);
        dest->port = NULL;
    }
    r->principal = false;
    r->wants_room = false;
    r->lent = r->lent_onces = 0;
    mach_record_put(r);
}

struct mach_kmsg **mach_net_queued(struct mach_record *r, uint32_t *count)
{
    struct mach_kmsg **all = port_alloc(r->mach->port, (r->port->queued + 1) * sizeof(*all));
    *count = 0;
    LIST_EACH (it, &r->port->queue.messages)
        all[(*count)++] = LIST_ENTRY(it, struct mach_kmsg, link);
    return all;
}

void mach_net_to_principal(struct mach_record *r, struct mach_moved *in)
{
    struct mach_port *port = r->port;
    ASSERT_MSG(!r->principal && !port->receiver && !port->dead && !port->queued, "MACH1, MNET1");
    r->principal = true;
    port->seqno = in->seqno;
    port->qlimit = (uint16_t)in->qlimit;
    port->no_senders = in->no_senders.port;
    port->destroyed = in->destroyed.port;
    for (struct list *it; (it = list_pop(&in->messages)) != NULL;) {
        struct mach_kmsg *k = LIST_ENTRY(it, struct mach_kmsg, link);
        mach_net_deliver(r, k->dest.kind, k);
    }
    mach_room(port);
    mach_no_senders(r->mach, port);
}

void mach_net_fetched(struct mach_kmsg *k)
{
    k->fetch = false;
    if (k->waiter && k->waiter->blocked)
        port_thread_wake(k->waiter->task->port, k->waiter->thread);
}
