/* mach_port.c: the calls on names. */
#include "os/mach/mach_internal.h"

static struct mach_entry *enter(struct mach_task *t, mach_name name)
{
    port_work(t->port, PORT_WORK_TRAP, 1);
    port_work(t->port, PORT_WORK_LOOKUP, 1);
    return mach_entry_find(t, name);
}

/* The port of a receive right. */
static enum kern_return receiver(struct mach_task *t, mach_name name, struct mach_port **port)
{
    struct mach_entry *e = enter(t, name);
    if (!e)
        return KERN_INVALID_NAME;
    if (!(e->rights & BIT(MACH_RIGHT_RECEIVE)))
        return KERN_INVALID_RIGHT;
    *port = e->u.port;
    return KERN_SUCCESS;
}

static bool may_be_new(enum mach_right right)
{
    return right == MACH_RIGHT_RECEIVE || right == MACH_RIGHT_PORT_SET ||
           right == MACH_RIGHT_DEAD_NAME;
}

static void make_new(struct mach_task *t, enum mach_right right, mach_name name,
                     struct mach_entry *e)
{
    e->rights = BIT(right);
    port_work(t->port, PORT_WORK_ALLOC, 1);
    if (right == MACH_RIGHT_RECEIVE) {
        e->u.port = mach_port_new(t->mach);
        e->u.port->receiver = t;
        e->u.port->name = name;
    } else if (right == MACH_RIGHT_PORT_SET) {
        e->u.set = port_alloc(t->mach->port, sizeof *e->u.set);
        mach_queue_init(&e->u.set->queue);
        list_init(&e->u.set->members);
        e->u.set->name = name;
    } else {
        e->urefs = 1;
    }
}

enum kern_return mach_port_allocate(struct mach_task *t, enum mach_right right, mach_name *name)
{
    port_work(t->port, PORT_WORK_TRAP, 1);
    if (!may_be_new(right))
        return KERN_INVALID_VALUE;
    struct mach_entry *e = mach_entry_new(t, name);
    if (!e)
        return KERN_NO_SPACE;
    make_new(t, right, *name, e);
    return KERN_SUCCESS;
}

enum kern_return mach_port_allocate_name(struct mach_task *t, enum mach_right right, mach_name name)
{
    const struct mach_entry *e = enter(t, name);
    if (!may_be_new(right) || name == MACH_PORT_NULL || name == MACH_PORT_DEAD)
        return KERN_INVALID_VALUE;
    if (e)
        return KERN_NAME_EXISTS;
    if (mach_full_table(t))
        return KERN_NO_SPACE;
    make_new(t, right, name, mach_entry_named(t, name));
    return KERN_SUCCESS;
}

enum kern_return mach_port_type(struct mach_task *t, mach_name name, uint32_t *type)
{
    struct mach_entry *e = enter(t, name);
    if (!e)
        return KERN_INVALID_NAME;
    *type = mach_entry_type(e);
    return KERN_SUCCESS;
}

enum kern_return mach_port_get_refs(struct mach_task *t, mach_name name, enum mach_right right,
                                    uint32_t *refs)
{
    struct mach_entry *e = enter(t, name);
    if (right >= MACH_RIGHT_COUNT)
        return KERN_INVALID_VALUE;
    if (!e)
        return KERN_INVALID_NAME;
    *refs = 0;
    if (e->rights & BIT(right))
        *refs = right == MACH_RIGHT_SEND || right == MACH_RIGHT_DEAD_NAME ? e->urefs : 1;
    return KERN_SUCCESS;
}

enum kern_return mach_port_mod_refs(struct mach_task *t, mach_name name, enum mach_right right,
                                    int32_t delta)
{
    struct mach_entry *e = enter(t, name);
    if (right >= MACH_RIGHT_COUNT)
        return KERN_INVALID_VALUE;
    if (!e)
        return KERN_INVALID_NAME;
    if (!(e->rights & BIT(right)))
        return KERN_INVALID_RIGHT;
    if (right == MACH_RIGHT_SEND || right == MACH_RIGHT_DEAD_NAME) {
        int64_t refs = (int64_t)e->urefs + delta;
        if (refs < 0)
            return KERN_INVALID_VALUE;
        if (refs > MACH_UREFS_MAX)
            return KERN_UREFS_OVERFLOW;
        if (delta < 0)
            mach_drop_refs(t, name, e, (uint32_t)-delta);
        else
            e->urefs = (uint32_t)refs;
        return KERN_SUCCESS;
    }
    if (delta != 0 && delta != -1)
        return KERN_INVALID_VALUE;
    if (delta == 0)
        return KERN_SUCCESS;
    if (right == MACH_RIGHT_RECEIVE)
        mach_drop_receive(t, name, e);
    else
        mach_name_destroy(t, name, e);
    return KERN_SUCCESS;
}

enum kern_return mach_port_deallocate(struct mach_task *t, mach_name name)
{
    struct mach_entry *e = enter(t, name);
    if (!e)
        return KERN_INVALID_NAME;
    if (e->rights & (BIT(MACH_RIGHT_SEND) | BIT(MACH_RIGHT_DEAD_NAME)))
        mach_drop_refs(t, name, e, 1);
    else if (e->rights & BIT(MACH_RIGHT_SEND_ONCE))
        mach_name_destroy(t, name, e);
    else
        return KERN_INVALID_RIGHT;
    return KERN_SUCCESS;
}

enum kern_return mach_port_destroy(struct mach_task *t, mach_name name)
{
    struct mach_entry *e = enter(t, name);
    if (!e)
        return KERN_INVALID_NAME;
    mach_name_destroy(t, name, e);
    return KERN_SUCCESS;
}

enum kern_return mach_port_give(struct mach_task *from, mach_name right, enum mach_disposition d,
                                struct mach_task *to, mach_name *name)
{
    struct mach_held h;
    port_work(from->port, PORT_WORK_TRAP, 1);
    enum kern_return kr = mach_copyin(from, right, d, &h);
    if (kr != KERN_SUCCESS)
        return kr;
    if (h.kind == MACH_HELD_DEAD)
        return KERN_INVALID_CAPABILITY;
    if (!mach_copyout(to, h, name)) {
        mach_release(from->mach, h);
        return KERN_NO_SPACE;
    }
    return KERN_SUCCESS;
}

enum kern_return mach_port_move_member(struct mach_task *t, mach_name name, mach_name set)
{
    struct mach_port *port;
    enum kern_return kr = receiver(t, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    if (set == MACH_PORT_NULL) {
        if (!port->set)
            return KERN_NOT_IN_SET;
        mach_leave_set(port);
        return KERN_SUCCESS;
    }
    struct mach_entry *e = mach_entry_find(t, set);
    if (!e)
        return KERN_INVALID_NAME;
    if (!(e->rights & BIT(MACH_RIGHT_PORT_SET)))
        return KERN_INVALID_RIGHT;
    if (port->set)
        mach_leave_set(port);
    mach_turn_away(&port->queue, MACH_RCV_PORT_CHANGED);
    mach_join_set(port, e->u.set);
    return KERN_SUCCESS;
}

enum kern_return mach_port_get_status(struct mach_task *t, mach_name name, struct mach_status *s)
{
    struct mach_port *port;
    enum kern_return kr = receiver(t, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    *s = (struct mach_status){ .set = port->set ? port->set->name : MACH_PORT_NULL,
                               .seqno = port->seqno,
                               .make_send = port->make_send,
                               .qlimit = port->qlimit,
                               .messages = port->queued,
                               .senders = port->sends > 0 || mach_is_lent(port),
                               .send_once =
                                   port->onces > 0 || (port->record && port->record->lent_onces),
                               .no_senders = port->no_senders != NULL,
                               .destroyed = port->destroyed != NULL };
    return KERN_SUCCESS;
}

enum kern_return mach_port_set_qlimit(struct mach_task *t, mach_name name, uint32_t limit)
{
    struct mach_port *port;
    if (limit > MACH_QLIMIT_MAX)
        return KERN_INVALID_VALUE;
    enum kern_return kr = receiver(t, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    port->qlimit = (uint16_t)limit;
    mach_room(port);
    mach_serve(port->set ? &port->set->queue : &port->queue);
    return KERN_SUCCESS;
}

enum kern_return mach_port_set_mscount(struct mach_task *t, mach_name name, uint32_t count)
{
    struct mach_port *port;
    enum kern_return kr = receiver(t, name, &port);
    if (kr == KERN_SUCCESS)
        port->make_send = count;
    return kr;
}

/* ---- notifications ---- */

static enum kern_return may_request(const struct mach_entry *e, enum mach_notification id,
                                    uint32_t sync)
{
    if (!e)
        return KERN_INVALID_NAME;
    if (id == MACH_NOTIFY_NO_SENDERS || id == MACH_NOTIFY_PORT_DESTROYED)
        return e->rights & BIT(MACH_RIGHT_RECEIVE) ? KERN_SUCCESS : KERN_INVALID_RIGHT;
    if (id != MACH_NOTIFY_DEAD_NAME)
        return KERN_INVALID_VALUE;
    if (e->rights & BIT(MACH_RIGHT_PORT_SET))
        return KERN_INVALID_RIGHT;
    if (e->rights & BIT(MACH_RIGHT_DEAD_NAME)) {
        if (sync == 0)
            return KERN_INVALID_ARGUMENT;
        if (e->urefs == MACH_UREFS_MAX)
            return KERN_UREFS_OVERFLOW;
    }
    return KERN_SUCCESS;
}

static struct mach_port *swap(struct mach_port **place, struct mach_port *once)
{
    struct mach_port *old = *place;
    *place = once;
    return old;
}

enum kern_return mach_port_request_notification(struct mach_task *t, mach_name name,
                                                enum mach_notification id, uint32_t sync,
                                                mach_name notify, enum mach_disposition d,
                                                mach_name *previous)
{
    struct mach_held h = { NULL, MACH_HELD_NONE };
    struct mach_port *old = NULL;
    enum kern_return kr = may_request(enter(t, name), id, sync);
    *previous = MACH_PORT_NULL;
    if (kr != KERN_SUCCESS)
        return kr;
    if (notify != MACH_PORT_NULL) {
        if (d != MACH_MAKE_SEND_ONCE && d != MACH_MOVE_SEND_ONCE)
            return KERN_INVALID_VALUE;
        if (notify == name && d == MACH_MOVE_SEND_ONCE) /* it would be told of its own going */
            return KERN_INVALID_ARGUMENT;
        kr = mach_copyin(t, notify, d, &h);
        if (kr != KERN_SUCCESS)
            return kr;
        if (h.kind == MACH_HELD_DEAD)
            return KERN_INVALID_CAPABILITY;
    }
    struct mach_entry *e = mach_entry_find(t, name);
    if (e->rights & BIT(MACH_RIGHT_DEAD_NAME)) {
        if (h.port) {
            e->urefs++;
            mach_notify(t->mach, h.port, MACH_NOTIFY_DEAD_NAME, true, name);
        }
    } else if (id == MACH_NOTIFY_DEAD_NAME) {
        old = mach_want_death(t, name, e, h.port);
    } else if (id == MACH_NOTIFY_PORT_DESTROYED) {
        old = swap(&e->u.port->destroyed, h.port);
    } else if (h.port && e->u.port->sends == 0 && !mach_is_lent(e->u.port) &&
               sync <= e->u.port->make_send) {
        old = swap(&e->u.port->no_senders, NULL);
        mach_notify(t->mach, h.port, MACH_NOTIFY_NO_SENDERS, true, e->u.port->make_send);
    } else {
        old = swap(&e->u.port->no_senders, h.port);
    }
    struct mach_held back = { old, old ? MACH_HELD_ONCE : MACH_HELD_NONE };
    if (!mach_copyout(t, back, previous))
        mach_release(t->mach, back);
    return KERN_SUCCESS;
}
