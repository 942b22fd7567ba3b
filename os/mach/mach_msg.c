/* mach_msg.c: messages between a task's storage and the kernel, and mach_msg. */
#include "os/mach/mach_internal.h"

void mach_msg_init(struct mach_msg *msg)
{
    *msg = (struct mach_msg){ 0 };
    for (uint32_t i = 0; i < MACH_ITEMS_MAX; i++)
        rope_init(&msg->items[i].data);
}

void mach_msg_fini(struct mach_task *t, struct mach_msg *msg)
{
    for (uint32_t i = 0; i < msg->item_count; i++) {
        port_free(t->port, msg->items[i].names);
        rope_fini(&msg->items[i].data);
        msg->items[i] = (struct mach_item){ 0 };
        rope_init(&msg->items[i].data);
    }
    msg->item_count = 0;
}

void mach_msg_add(struct mach_msg *msg, enum mach_data type, struct rope *data)
{
    ASSERT(msg->item_count < MACH_ITEMS_MAX);
    struct mach_item *it = &msg->items[msg->item_count++];
    it->type = type;
    rope_move(&it->data, data);
}

void mach_msg_add_memory(struct mach_msg *msg, enum mach_data type, uint64_t address,
                         uint64_t bytes, bool deallocate)
{
    ASSERT(msg->item_count < MACH_ITEMS_MAX);
    struct mach_item *it = &msg->items[msg->item_count++];
    it->type = type;
    it->out_of_line = true;
    it->address = address;
    it->bytes = bytes;
    it->deallocate = deallocate;
}

void mach_msg_add_rights(struct mach_task *t, struct mach_msg *msg, enum mach_disposition d,
                         const mach_name *names, uint32_t count)
{
    ASSERT(msg->item_count < MACH_ITEMS_MAX);
    struct mach_item *it = &msg->items[msg->item_count++];
    it->type = d;
    it->count = count;
    it->names = port_alloc(t->port, (count ? count : 1) * sizeof *names);
    memcpy(it->names, names, count * sizeof *names);
}

/* It goes into the kernel, or out of it. */
static void copied(struct mach_task *t, const struct mach_kmsg *k)
{
    port_work(t->port, PORT_WORK_COPY, k->size);
    t->mach->counts.copied += k->size;
}

/* where: in which list; NULL: in none. */
static struct mach_waiter *waiter_new(struct mach_task *t, struct list *where)
{
    struct mach_waiter *w = port_alloc(t->mach->port, sizeof *w);
    w->task = t;
    w->thread = port_thread_self(t->port);
    list_init(&w->of_task);
    list_init(&w->link);
    if (where)
        list_push(where, &w->link);
    list_push(&t->waiters, &w->of_task);
    return w;
}

static void waiter_free(struct mach_waiter *w)
{
    list_remove(&w->link);
    list_remove(&w->of_task);
    port_free(w->task->mach->port, w);
}

/* ---- from names to rights ---- */

static bool to_send(uint32_t d)
{
    return d >= MACH_MOVE_SEND && d <= MACH_MAKE_SEND_ONCE;
}

static bool moves(uint32_t d)
{
    return d == MACH_MOVE_SEND || d == MACH_MOVE_SEND_ONCE;
}

/* The receive right that is to be told, or NULL. */
static struct mach_port *notify_port(struct mach_task *t, const struct mach_msg *msg)
{
    const struct mach_entry *e = mach_entry_find(t, msg->notify);
    return e && e->rights & BIT(MACH_RIGHT_RECEIVE) ? e->u.port : NULL;
}

static enum mach_msg_return check(struct mach_task *t, const struct mach_msg *msg, unsigned options)
{
    bool has_reply = msg->local_disp != MACH_NO_RIGHT;
    bool both =
        has_reply && msg->local == msg->remote && moves(msg->local_disp) && moves(msg->remote_disp);
    if (!to_send(msg->remote_disp) || (has_reply && !to_send(msg->local_disp)) ||
        (!has_reply && msg->local != MACH_PORT_NULL))
        return MACH_SEND_INVALID_HEADER;
    for (uint32_t i = 0; i < msg->item_count; i++)
        if (!mach_is_right(msg->items[i].type) && msg->items[i].type > MACH_TYPE_STRING)
            return MACH_SEND_INVALID_TYPE;
    if (options & MACH_SEND_CANCEL && !notify_port(t, msg))
        return MACH_SEND_INVALID_NOTIFY;
    struct mach_entry *e = mach_entry_find(t, msg->remote);
    if (!e || e->rights & BIT(MACH_RIGHT_DEAD_NAME) ||
        mach_copyin_check(t, msg->remote, msg->remote_disp, both) != KERN_SUCCESS)
        return MACH_SEND_INVALID_DEST;
    if (has_reply && msg->local != MACH_PORT_NULL && msg->local != MACH_PORT_DEAD &&
        mach_copyin_check(t, msg->local, msg->local_disp, false) != KERN_SUCCESS)
        return MACH_SEND_INVALID_REPLY;
    return MACH_MSG_SUCCESS;
}

/* A name in a message: the two that are none pass. */
static bool take(struct mach_task *t, mach_name name, uint32_t d, struct mach_held *out)
{
    *out = (struct mach_held){ NULL, MACH_HELD_NONE };
    if (name == MACH_PORT_DEAD)
        out->kind = MACH_HELD_DEAD;
    if (name == MACH_PORT_DEAD || name == MACH_PORT_NULL)
        return true;
    return mach_copyin(t, name, d, out) == KERN_SUCCESS;
}

static void take_header(struct mach_task *t, const struct mach_msg *msg, unsigned options,
                        struct mach_kmsg *k)
{
    const struct mach_port *quiet = options & MACH_SEND_CANCEL ? notify_port(t, msg) : NULL;
    bool ok = true;
    /* What is only copied comes first: the same name may be moved by the other. */
    if (msg->local_disp != MACH_NO_RIGHT && !moves(msg->local_disp))
        ok = take(t, msg->local, msg->local_disp, &k->reply);
    t->quiet = quiet;
    ok = ok && take(t, msg->remote, msg->remote_disp, &k->dest);
    if (msg->local != msg->remote)
        t->quiet = NULL;
    if (msg->local_disp != MACH_NO_RIGHT && moves(msg->local_disp))
        ok = ok && take(t, msg->local, msg->local_disp, &k->reply);
    t->quiet = NULL;
    ASSERT(ok);
    k->id = msg->id;
}

static bool take_rights(struct mach_task *t, const struct mach_item *it, struct mach_kitem *to,
                        struct mach_kmsg *k)
{
    to->rights = port_alloc(t->mach->port, (it->count ? it->count : 1) * sizeof *to->rights);
    for (uint32_t j = 0; j < it->count; j++) {
        struct mach_held *h = &to->rights[j];
        if (!take(t, it->names[j], it->type, h))
            return false;
        to->count = j + 1;
        if (h->kind != MACH_HELD_RECEIVE)
            continue;
        k->receives = true;
        if (mach_circular(h->port, k->dest.port))
            k->circular = true;
        else
            h->port->carrier = k->dest.port;
    }
    return true;
}

/* What it shows of a right that it has as disposition d. */
static uint32_t arrives_as(uint32_t d)
{
    return d == MACH_MAKE_SEND_ONCE                     ? MACH_PORT_SEND_ONCE
           : d == MACH_COPY_SEND || d == MACH_MAKE_SEND ? MACH_PORT_SEND
                                                        : d;
}

static enum mach_msg_return take_item(struct mach_task *t, struct mach_item *it,
                                      struct mach_kitem *to, struct mach_kmsg *k)
{
    to->type = arrives_as(it->type);
    k->size += MACH_ITEM_BYTES;
    if (mach_is_right(it->type)) {
        k->size += it->count * 4;
        return take_rights(t, it, to, k) ? MACH_MSG_SUCCESS : MACH_SEND_INVALID_RIGHT;
    }
    if (it->out_of_line) {
        k->size += MACH_MEMORY_BYTES;
        return mach_memory_take(t, it, to) ? MACH_MSG_SUCCESS : MACH_SEND_INVALID_MEMORY;
    }
    k->size += (uint32_t)(it->data.length + 3) & ~3u;
    rope_move(&to->data, &it->data);
    return MACH_MSG_SUCCESS;
}

static bool has_memory(const struct mach_msg *msg)
{
    for (uint32_t i = 0; i < msg->item_count; i++)
        if (msg->items[i].out_of_line)
            return true;
    return false;
}

/* (blocks on a fault of memory out of line: the message is then a waiter's, should the task end) */
static enum mach_msg_return take_items(struct mach_task *t, struct mach_msg *msg,
                                       struct mach_kmsg *k)
{
    enum mach_msg_return r = MACH_MSG_SUCCESS;
    struct mach_waiter *w = has_memory(msg) ? waiter_new(t, NULL) : NULL;
    if (w) {
        w->kmsg = k;
        w->sends = true;
    }
    for (uint32_t i = 0; r == MACH_MSG_SUCCESS && i < msg->item_count; i++)
        r = take_item(t, &msg->items[i], &k->items[i], k);
    if (w)
        waiter_free(w);
    mach_msg_fini(t, msg);
    return r;
}

/* ---- and back ---- */

static uint32_t shown(enum mach_held_kind kind)
{
    return kind == MACH_HELD_ONCE   ? MACH_PORT_SEND_ONCE
           : kind == MACH_HELD_NONE ? MACH_NO_RIGHT
                                    : MACH_PORT_SEND;
}

/* False: a right found no name, and is destroyed. */
static bool give(struct mach_task *t, struct mach_held *h, mach_name *name)
{
    struct mach_held mine = *h;
    *h = (struct mach_held){ NULL, MACH_HELD_NONE };
    if (mach_copyout(t, mine, name))
        return true;
    mach_release(t->mach, mine);
    return false;
}

static bool give_items(struct mach_task *t, struct mach_kmsg *k, struct mach_msg *msg)
{
    bool ok = true;
    for (uint32_t i = 0; i < k->item_count; i++) {
        struct mach_kitem *from = &k->items[i];
        struct mach_item *it = &msg->items[i];
        it->type = from->type;
        it->count = from->count;
        if (from->out_of_line)
            ok = mach_memory_give(t, from, it) && ok;
        rope_move(&it->data, &from->data);
        if (!from->rights)
            continue;
        it->names = port_alloc(t->port, (it->count ? it->count : 1) * sizeof *it->names);
        for (uint32_t j = 0; j < it->count; j++)
            ok = give(t, &from->rights[j], &it->names[j]) && ok;
    }
    msg->item_count = k->item_count;
    return ok;
}

/* A message that was not sent is its sender's again. */
static void give_back(struct mach_task *t, struct mach_kmsg *k, struct mach_msg *msg)
{
    msg->remote_disp = shown(k->dest.kind);
    msg->local_disp = shown(k->reply.kind);
    (void)give(t, &k->dest, &msg->remote);
    (void)give(t, &k->reply, &msg->local);
    (void)give_items(t, k, msg);
    mach_kmsg_free(t->mach, k);
}

/* Rights that a message brings to who receives it. */
static uint32_t brings(const struct mach_kmsg *k)
{
    uint32_t rights = k->reply.kind >= MACH_HELD_RECEIVE;
    for (uint32_t i = 0; i < k->item_count; i++)
        for (uint32_t j = 0; k->items[i].rights && j < k->items[i].count; j++)
            rights += k->items[i].rights[j].kind >= MACH_HELD_RECEIVE;
    return rights;
}

/* The reply right, which asks for its death to be told when the name is new and `notify` is not
 * NULL. */
static bool give_reply(struct mach_task *t, struct mach_kmsg *k, struct mach_msg *msg,
                       struct mach_port *notify)
{
    uint32_t before = t->names;
    if (!give(t, &k->reply, &msg->remote))
        return false;
    if (notify && t->names > before) {
        notify->onces++;
        (void)mach_want_death(t, msg->remote, mach_entry_find(t, msg->remote), mach_get(notify));
    }
    return true;
}

static bool is_alive(struct mach_held h)
{
    return h.kind >= MACH_HELD_RECEIVE && !h.port->dead;
}

static enum mach_msg_return give_message(struct mach_task *t, struct mach_kmsg *k,
                                         struct mach_msg *msg, unsigned options)
{
    struct mach_port *notify = options & MACH_RCV_NOTIFY ? notify_port(t, msg) : NULL;
    struct mach_port *port = k->dest.port;
    uint32_t rights = brings(k);
    msg->id = k->id;
    msg->seqno = k->seqno;
    msg->size = k->size;
    msg->remote_disp = shown(k->reply.kind);
    msg->local_disp = shown(k->dest.kind);
    msg->local = port->dead ? MACH_PORT_DEAD : port->receiver == t ? port->name : MACH_PORT_NULL;
    copied(t, k);
    if (options & MACH_RCV_NOTIFY && !notify && (msg->notify == 0 || is_alive(k->reply))) {
        mach_kmsg_spend(t->mach, k);
        return MACH_RCV_INVALID_NOTIFY;
    }
    if (!give_reply(t, k, msg, notify)) {
        mach_kmsg_spend(t->mach, k);
        return MACH_RCV_HEADER_ERROR;
    }
    mach_spend(t->mach, &k->dest);
    bool ok = give_items(t, k, msg);
    mach_kmsg_free(t->mach, k);
    t->mach->counts.received++;
    t->mach->counts.rights += rights;
    return ok ? MACH_MSG_SUCCESS : MACH_RCV_BODY_ERROR;
}

/* ---- waiting ---- */

void mach_waiter_forget(struct mach *m, struct mach_waiter *w)
{
    struct mach_kmsg *k = w->kmsg;
    bool sends = w->sends;
    waiter_free(w);
    if (k && sends)
        mach_kmsg_destroy(m, k);
    else if (k)
        mach_kmsg_spend(m, k);
}

/* Until it is served, or out of time: then it has that result. (blocks) */
static void wait_for(struct mach_waiter *w, const char *what, uint64_t on, bool timed,
                     sim_time timeout, enum mach_msg_return late)
{
    struct port *p = w->task->port;
    sim_time end = port_now(p) + timeout;
    w->blocked = true;
    while (!w->done) {
        sim_time now = port_now(p);
        if (!timed)
            port_thread_block(p, what, on);
        else if (now >= end || !port_thread_block_for(p, what, on, end - now))
            break;
    }
    w->blocked = false;
    if (w->done)
        return;
    list_remove(&w->link);
    w->task->mach->counts.timed_out++;
    w->result = late;
    w->done = true;
}

void mach_thread_interrupt(struct mach_task *t, const struct port_thread *thread)
{
    LIST_EACH (it, &t->waiters) {
        struct mach_waiter *w = LIST_ENTRY(it, struct mach_waiter, of_task);
        if (w->thread == thread && w->interruptible && !w->done) {
            mach_served(w, w->sends ? MACH_SEND_INTERRUPTED : MACH_RCV_INTERRUPTED);
            return;
        }
    }
}

/* ---- the call ---- */

/* What found no room goes all the same, and its sender is told when it has gone on. */
static enum mach_msg_return force(struct mach_task *t, const struct mach_msg *msg,
                                  struct mach_kmsg *k)
{
    struct mach *m = t->mach;
    struct mach_port *notify = notify_port(t, msg);
    mach_name name = mach_name_of(t, k->dest.port);
    struct mach_entry *e = name ? mach_entry_at(t, name) : NULL;
    if (!notify)
        return MACH_SEND_INVALID_NOTIFY;
    if (e && e->accepting)
        return MACH_SEND_NOTIFY_IN_PROGRESS;
    struct mach_accept *a = port_alloc(m->port, sizeof *a);
    *a = (struct mach_accept){ .task = t, .name = name, .notify = mach_get(notify) };
    notify->onces++;
    list_push(&t->accepts, &a->link);
    if (e)
        e->accepting = true;
    k->accept = a;
    m->counts.sent++;
    mach_deliver(m, k);
    return MACH_SEND_WILL_NOTIFY;
}

static enum mach_msg_return send_when_room(struct mach_task *t, struct mach_msg *msg,
                                           struct mach_kmsg *k, unsigned options, sim_time timeout)
{
    struct mach_port *port = k->dest.port;
    struct mach_waiter *w = waiter_new(t, &port->senders);
    t->mach->counts.full++;
    w->kmsg = k;
    w->sends = true;
    w->interruptible = (options & MACH_SEND_INTERRUPT) != 0;
    wait_for(w, "room at port", port->id, (options & MACH_SEND_TIMEOUT) != 0, timeout,
             MACH_SEND_TIMED_OUT);
    enum mach_msg_return r = w->result;
    k = w->kmsg;
    waiter_free(w);
    if (k && r == MACH_SEND_TIMED_OUT && options & MACH_SEND_NOTIFY) {
        r = force(t, msg, k);
        k = r == MACH_SEND_WILL_NOTIFY ? NULL : k;
    }
    if (k)
        give_back(t, k, msg);
    return r;
}

static enum mach_msg_return send(struct mach_task *t, struct mach_msg *msg, unsigned options,
                                 sim_time timeout)
{
    struct mach *m = t->mach;
    enum mach_msg_return r = check(t, msg, options);
    if (r != MACH_MSG_SUCCESS)
        return r;
    struct mach_kmsg *k = mach_kmsg_new(m, msg->item_count);
    take_header(t, msg, options, k);
    r = take_items(t, msg, k);
    copied(t, k);
    if (r != MACH_MSG_SUCCESS) {
        mach_kmsg_destroy(m, k);
        return r;
    }
    struct mach_port *port = k->dest.port;
    bool asks = k->dest.kind == MACH_HELD_SEND || mach_is_proxy(port);
    if (!k->circular && !port->dead && asks && mach_full(port, k)) {
        r = send_when_room(t, msg, k, options, timeout);
    } else {
        m->counts.sent++;
        mach_deliver(m, k);
    }
    return r;
}

/* The receive rights of the message that it has got come to this node. (blocks) */
static void fetch(struct mach_waiter *w)
{
    struct mach *m = w->task->mach;
    w->kmsg->waiter = w;
    m->net_ops->fetch(m->net, w->kmsg);
    w->blocked = true;
    while (w->kmsg->fetch)
        port_thread_block(w->task->port, "receive right of message", (uint64_t)w->kmsg->id);
    w->blocked = false;
}

static enum mach_msg_return receive(struct mach_task *t, struct mach_msg *msg, unsigned options,
                                    mach_name from, uint32_t limit, sim_time timeout)
{
    struct mach_entry *e = mach_entry_find(t, from);
    struct mach_queue *q;
    port_work(t->port, PORT_WORK_LOOKUP, 1);
    mach_msg_fini(t, msg);
    if (e && e->rights & BIT(MACH_RIGHT_PORT_SET))
        q = &e->u.set->queue;
    else if (!e || !(e->rights & BIT(MACH_RIGHT_RECEIVE)))
        return MACH_RCV_INVALID_NAME;
    else if (e->u.port->set)
        return MACH_RCV_IN_SET;
    else
        q = &e->u.port->queue;
    struct mach_waiter *w = waiter_new(t, &q->receivers);
    w->limit = limit;
    w->large = (options & MACH_RCV_LARGE) != 0;
    w->interruptible = (options & MACH_RCV_INTERRUPT) != 0;
    mach_serve(q);
    if (!w->done)
        wait_for(w, "message at name", from, (options & MACH_RCV_TIMEOUT) != 0, timeout,
                 MACH_RCV_TIMED_OUT);
    if (w->kmsg && w->kmsg->fetch && w->result == MACH_MSG_SUCCESS)
        fetch(w);
    enum mach_msg_return r = w->result;
    struct mach_kmsg *k = w->kmsg;
    msg->size = w->size;
    waiter_free(w);
    if (k && r == MACH_MSG_SUCCESS)
        return give_message(t, k, msg, options);
    if (k)
        mach_kmsg_spend(t->mach, k);
    return r;
}

enum mach_msg_return mach_msg(struct mach_task *t, struct mach_msg *msg, unsigned options,
                              mach_name from, uint32_t limit, sim_time timeout)
{
    port_work(t->port, PORT_WORK_TRAP, 1);
    if (options & MACH_SEND_MSG) {
        enum mach_msg_return r = send(t, msg, options, timeout);
        if (r != MACH_MSG_SUCCESS)
            return r;
    }
    if (options & MACH_RCV_MSG)
        return receive(t, msg, options, from, limit, timeout);
    return MACH_MSG_SUCCESS;
}
