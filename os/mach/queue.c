/* queue.c: queues of messages, and the threads that wait at them. */
#include "os/mach/mach_internal.h"

void mach_queue_init(struct mach_queue *q)
{
    list_init(&q->messages);
    list_init(&q->receivers);
}

void mach_served(struct mach_waiter *w, enum mach_msg_return result)
{
    list_remove(&w->link);
    w->result = result;
    w->done = true;
    if (w->blocked)
        port_thread_wake(w->task->port, w->thread);
}

static struct mach_queue *queue_of(struct mach_port *port)
{
    return port->set ? &port->set->queue : &port->queue;
}

static void enqueue(struct mach_kmsg *k)
{
    struct mach_port *port = k->dest.port;
    ASSERT(!port->dead);
    port->queued++;
    list_push(&queue_of(port)->messages, &k->link);
}

void mach_take(struct mach_kmsg *k)
{
    struct mach_port *port = k->dest.port;
    list_remove(&k->link);
    port->queued--;
    k->seqno = port->seqno++;
    for (uint32_t i = 0; k->receives && i < k->item_count; i++)
        for (uint32_t j = 0; k->items[i].rights && j < k->items[i].count; j++)
            if (k->items[i].rights[j].kind == MACH_HELD_RECEIVE)
                k->items[i].rights[j].port->carrier = NULL;
    mach_room(port);
}

/* Has it a place for k, whoever waits? */
static bool has_room(const struct mach_port *port, struct mach_kmsg *k)
{
    if (!mach_is_proxy(port))
        return port->queued < port->qlimit;
    struct mach *m = port->record->mach;
    return !m->net_ops->room || m->net_ops->room(m->net, port->record, k);
}

bool mach_full(const struct mach_port *port, struct mach_kmsg *k)
{
    return !list_empty(&port->senders) || !has_room(port, k);
}

void mach_room(struct mach_port *port)
{
    while (!list_empty(&port->senders)) { /* MACH6, MACH7 */
        struct mach_waiter *w = LIST_ENTRY(port->senders.next, struct mach_waiter, link);
        struct mach_kmsg *k = w->kmsg;
        struct mach *m = w->task->mach;
        if (!has_room(port, k))
            return;
        w->kmsg = NULL;
        m->counts.sent++;
        mach_served(w, MACH_MSG_SUCCESS);
        if (mach_is_proxy(port))
            m->net_ops->send(m->net, port->record, k);
        else
            enqueue(k);
    }
    struct mach_record *r = port->record;
    if (r && r->wants_room && port->queued < port->qlimit) {
        r->wants_room = false;
        r->mach->net_ops->queue_room(r->mach->net, r);
    }
}

void mach_serve(struct mach_queue *q)
{
    while (!list_empty(&q->messages) && !list_empty(&q->receivers)) {
        struct mach_waiter *w = LIST_ENTRY(q->receivers.next, struct mach_waiter, link);
        struct mach_kmsg *k = LIST_ENTRY(q->messages.next, struct mach_kmsg, link);
        w->size = k->size;
        if (w->limit && k->size > w->limit && w->large) {
            mach_served(w, MACH_RCV_TOO_LARGE);
            continue;
        }
        mach_take(k);
        w->kmsg = k;
        mach_served(w, w->limit && k->size > w->limit ? MACH_RCV_TOO_LARGE : MACH_MSG_SUCCESS);
    }
}

void mach_post(struct mach_kmsg *k)
{
    struct mach_queue *q = queue_of(k->dest.port);
    enqueue(k);
    mach_serve(q);
}

void mach_turn_away(struct mach_queue *q, enum mach_msg_return result)
{
    while (!list_empty(&q->receivers))
        mach_served(LIST_ENTRY(q->receivers.next, struct mach_waiter, link), result);
}

void mach_join_set(struct mach_port *port, struct mach_set *set)
{
    ASSERT(!port->set && list_empty(&port->queue.receivers));
    port->set = set;
    list_push(&set->members, &port->in_set);
    list_splice(&set->queue.messages, &port->queue.messages);
    mach_serve(&set->queue);
}

void mach_leave_set(struct mach_port *port)
{
    LIST_EACH_SAFE (it, next, &port->set->queue.messages) {
        struct mach_kmsg *k = LIST_ENTRY(it, struct mach_kmsg, link);
        if (k->dest.port != port)
            continue;
        list_remove(it);
        list_push(&port->queue.messages, it);
    }
    list_remove(&port->in_set);
    port->set = NULL;
}
