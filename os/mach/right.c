/* right.c: how rights end: no-senders, send-once, dead names, the death of a port.
 *
 * Destroying a message destroys the rights that it carries, which may kill ports, whose messages
 * are destroyed in turn: those wait in a list (mach.doomed), so the depth of calls is bounded.
 */
#include "os/mach/mach_internal.h"
#include "os/xk/msg.h"

void mach_no_senders(struct mach *m, struct mach_port *port)
{
    struct mach_port *once = port->no_senders;
    if (port->sends > 0 || mach_is_lent(port) || !once || port->dead)
        return;
    port->no_senders = NULL; /* MACH4, MNET3 */
    mach_notify(m, once, MACH_NOTIFY_NO_SENDERS, true, port->make_send);
}

static void release_send(struct mach *m, struct mach_port *port)
{
    ASSERT_MSG(port->sends > 0, "MACH2");
    port->sends--;
    if (port->sends == 0 && !port->dead && mach_is_proxy(port))
        m->net_ops->no_local_senders(m->net, port->record);
    mach_no_senders(m, port);
    mach_put(m, port);
}

static void release_once(struct mach *m, struct mach_port *port)
{
    if (!port->dead) { /* MACH3 */
        mach_notify(m, port, MACH_NOTIFY_SEND_ONCE, false, 0);
        return;
    }
    ASSERT_MSG(port->onces > 0, "MACH2");
    port->onces--;
    mach_put(m, port);
}

bool mach_circular(const struct mach_port *port, const struct mach_port *dest)
{
    for (; dest && dest->receiver == NULL && !dest->dead; dest = dest->carrier)
        if (dest == port)
            return true;
    return dest == port;
}

void mach_clear_receiver(struct mach_port *port)
{
    mach_turn_away(&port->queue, MACH_RCV_PORT_DIED);
    if (port->set)
        mach_leave_set(port);
    port->receiver = NULL;
    port->name = MACH_PORT_NULL;
    port->make_send = 0;
    port->seqno = 0;
}

static void answer_deaths(struct mach *m, struct mach_port *port)
{
    struct list deaths;
    list_init(&deaths);
    list_splice(&deaths, &port->deaths);
    for (struct list *it; (it = list_pop(&deaths)) != NULL;) { /* MACH5 */
        struct mach_request *r = LIST_ENTRY(it, struct mach_request, link);
        struct mach_entry *e = mach_entry_at(r->task, r->name);
        struct mach_port *notify = r->notify;
        mach_name name = r->name;
        ASSERT(e->request == r);
        e->request = NULL;
        e = mach_entry_find(r->task, name); /* a dead name now */
        if (e->urefs < MACH_UREFS_MAX)
            e->urefs++;
        port_free(m->port, r);
        mach_notify(m, notify, MACH_NOTIFY_DEAD_NAME, true, name);
    }
}

static void send_back(struct mach *m, struct mach_port *port, struct mach_port *once)
{
    struct mach_kmsg *k = mach_kmsg_new(m, 1);
    k->dest = (struct mach_held){ once, MACH_HELD_ONCE };
    k->id = MACH_NOTIFY_PORT_DESTROYED;
    k->size += 2 * MACH_ITEM_BYTES;
    k->receives = true;
    k->items[0].type = MACH_PORT_RECEIVE;
    k->items[0].count = 1;
    k->items[0].rights = port_alloc(m->port, sizeof(struct mach_held));
    k->items[0].rights[0] = (struct mach_held){ port, MACH_HELD_RECEIVE };
    port->carrier = once;
    m->counts.notified++;
    mach_deliver(m, k);
}

void mach_die(struct mach *m, struct mach_port *port)
{
    struct mach_port *once = port->destroyed;
    port->destroyed = NULL;
    port->carrier = NULL;
    port->dead = true;
    if (once)
        release_once(m, once);
    while (!list_empty(&port->queue.messages)) {
        struct list *it = list_pop(&port->queue.messages);
        port->queued--;
        mach_kmsg_destroy(m, LIST_ENTRY(it, struct mach_kmsg, link));
    }
    while (!list_empty(&port->senders)) {
        struct mach_waiter *w = LIST_ENTRY(port->senders.next, struct mach_waiter, link);
        struct mach_kmsg *k = w->kmsg;
        w->kmsg = NULL;
        mach_served(w, MACH_MSG_SUCCESS);
        mach_kmsg_destroy(m, k);
    }
    answer_deaths(m, port);
    once = port->no_senders;
    port->no_senders = NULL;
    if (once)
        release_once(m, once);
}

/* The receive right, which is in no table any more, is destroyed. */
static void destroy_port(struct mach *m, struct mach_port *port)
{
    struct mach_port *once = port->destroyed;
    ASSERT_MSG(!port->receiver, "MACH1");
    if (port->dead) { /* what the net has ended, while a message had the right */
        mach_put(m, port);
        return;
    }
    if (mach_is_proxy(port)) { /* a right that has not come yet */
        m->net_ops->discard(m->net, port->record);
        mach_put(m, port);
        return;
    }
    if (once && !mach_circular(port, once)) {
        port->destroyed = NULL;
        port->carrier = NULL;
        send_back(m, port, once);
        return;
    }
    mach_die(m, port);
    if (port->record)
        m->net_ops->died(m->net, port->record);
    mach_put(m, port);
}

void mach_release(struct mach *m, struct mach_held h)
{
    switch (h.kind) {
    case MACH_HELD_RECEIVE:
        destroy_port(m, h.port);
        break;
    case MACH_HELD_SEND:
        release_send(m, h.port);
        break;
    case MACH_HELD_ONCE:
        release_once(m, h.port);
        break;
    case MACH_HELD_NONE:
    case MACH_HELD_DEAD:
        break;
    }
}

void mach_spend(struct mach *m, struct mach_held *h)
{
    struct mach_port *port = h->port;
    enum mach_held_kind kind = h->kind;
    *h = (struct mach_held){ NULL, MACH_HELD_NONE };
    if (kind == MACH_HELD_SEND) {
        release_send(m, port);
    } else if (kind == MACH_HELD_ONCE) {
        ASSERT_MSG(port->onces > 0, "MACH2");
        port->onces--;
        mach_put(m, port);
    }
}

static void reap(struct mach *m)
{
    if (m->reaping)
        return;
    m->reaping = true;
    for (struct list *it; (it = list_pop(&m->doomed)) != NULL;) {
        struct mach_kmsg *k = LIST_ENTRY(it, struct mach_kmsg, link);
        mach_release(m, k->dest);
        mach_release(m, k->reply);
        for (uint32_t i = 0; i < k->item_count; i++)
            for (uint32_t j = 0; k->items[i].rights && j < k->items[i].count; j++)
                mach_release(m, k->items[i].rights[j]);
        mach_kmsg_free(m, k);
    }
    m->reaping = false;
}

void mach_kmsg_destroy(struct mach *m, struct mach_kmsg *k)
{
    list_push(&m->doomed, &k->link);
    reap(m);
}

void mach_kmsg_spend(struct mach *m, struct mach_kmsg *k)
{
    mach_spend(m, &k->dest);
    mach_kmsg_destroy(m, k);
}

void mach_deliver(struct mach *m, struct mach_kmsg *k)
{
    if (k->circular || k->dest.port->dead)
        mach_kmsg_destroy(m, k);
    else if (mach_is_proxy(k->dest.port))
        m->net_ops->send(m->net, k->dest.port->record, k);
    else
        mach_post(k);
}

void mach_notify(struct mach *m, struct mach_port *once, enum mach_notification id, bool has_word,
                 uint32_t word)
{
    struct mach_kmsg *k = mach_kmsg_new(m, has_word ? 1 : 0);
    k->dest = (struct mach_held){ once, MACH_HELD_ONCE };
    k->id = (int32_t)id;
    if (has_word) {
        uint8_t bytes[4];
        wire_put32(bytes, word);
        k->items[0].type = MACH_TYPE_INTEGER_32;
        rope_add_bytes(&k->items[0].data, bytes, sizeof bytes);
        k->size += MACH_ITEM_BYTES + (uint32_t)sizeof bytes;
    }
    m->counts.notified++;
    mach_deliver(m, k);
}

struct mach_port *mach_want_death(struct mach_task *t, mach_name name, struct mach_entry *e,
                                  struct mach_port *once)
{
    struct mach_request *r = e->request;
    struct mach_port *old = r ? r->notify : NULL;
    if (r && once) {
        r->notify = once;
    } else if (r) {
        list_remove(&r->link);
        port_free(t->mach->port, r);
        e->request = NULL;
    } else if (once) {
        r = port_alloc(t->mach->port, sizeof *r);
        *r = (struct mach_request){ .task = t, .name = name, .notify = once };
        list_push(&e->u.port->deaths, &r->link);
        e->request = r;
        struct mach *m = t->mach;
        if (mach_is_proxy(e->u.port) && e->u.port->deaths.next == e->u.port->deaths.prev)
            m->net_ops->want_death(m->net, e->u.port->record);
    }
    return old;
}

/* The message, which goes, was forced: its sender is told. */
static void accepted(struct mach *m, struct mach_kmsg *k)
{
    struct mach_accept *a = k->accept;
    struct mach_port *notify = a->notify;
    mach_name name = a->name;
    k->accept = NULL;
    if (a->task && name)
        mach_entry_at(a->task, name)->accepting = false;
    list_remove(&a->link);
    port_free(m->port, a);
    mach_notify(m, notify, MACH_NOTIFY_MSG_ACCEPTED, true, name);
}

void mach_kmsg_free(struct mach *m, struct mach_kmsg *k)
{
    if (k->accept)
        accepted(m, k);
    for (uint32_t i = 0; i < k->item_count; i++) {
        port_free(m->port, k->items[i].rights);
        rope_fini(&k->items[i].data);
    }
    m->messages--;
    port_free(m->port, k);
}

void mach_request_cancel(struct mach_task *t, struct mach_entry *e)
{
    struct mach_request *r = e->request;
    if (!r)
        return;
    struct mach_port *notify = r->notify;
    mach_name name = r->name;
    e->request = NULL;
    list_remove(&r->link);
    port_free(t->mach->port, r);
    if (notify == t->quiet) {
        struct mach_held once = { notify, MACH_HELD_ONCE };
        mach_spend(t->mach, &once);
        return;
    }
    mach_notify(t->mach, notify, MACH_NOTIFY_PORT_DELETED, true, name);
}
