/* name.c: rights come and go by names: every disposition, and user references. */
#include "os/mach/mach_internal.h"

static uint8_t needed(uint32_t disposition)
{
    switch (disposition) {
    case MACH_MOVE_RECEIVE:
    case MACH_MAKE_SEND:
    case MACH_MAKE_SEND_ONCE:
        return BIT(MACH_RIGHT_RECEIVE);
    case MACH_MOVE_SEND:
    case MACH_COPY_SEND:
        return BIT(MACH_RIGHT_SEND) | BIT(MACH_RIGHT_DEAD_NAME);
    case MACH_MOVE_SEND_ONCE:
        return BIT(MACH_RIGHT_SEND_ONCE) | BIT(MACH_RIGHT_DEAD_NAME);
    default:
        return 0;
    }
}

enum kern_return mach_copyin_check(struct mach_task *t, mach_name name, uint32_t disposition,
                                   bool twice)
{
    struct mach_entry *e = mach_entry_find(t, name);
    port_work(t->port, PORT_WORK_LOOKUP, 1);
    if (!e)
        return KERN_INVALID_NAME;
    if (!(e->rights & needed(disposition)))
        return KERN_INVALID_RIGHT;
    if (twice && (e->rights & BIT(MACH_RIGHT_SEND_ONCE) || e->urefs < 2))
        return KERN_INVALID_RIGHT;
    return KERN_SUCCESS;
}

void mach_drop_refs(struct mach_task *t, mach_name name, struct mach_entry *e, uint32_t count)
{
    struct mach_port *port = e->u.port;
    ASSERT(count <= e->urefs);
    e->urefs -= count;
    if (e->urefs > 0)
        return;
    if (e->rights & BIT(MACH_RIGHT_DEAD_NAME)) {
        mach_entry_free(t, name);
        return;
    }
    if (e->rights & BIT(MACH_RIGHT_RECEIVE)) {
        e->rights = BIT(MACH_RIGHT_RECEIVE);
        mach_get(port);
    } else {
        mach_request_cancel(t, e);
        mach_unbind(t, port);
        mach_entry_free(t, name);
    }
    mach_release(t->mach, (struct mach_held){ port, MACH_HELD_SEND });
}

/* Takes the receive right out of its entry, whose reference goes along. */
static void take_receive(struct mach_task *t, mach_name name, struct mach_entry *e)
{
    struct mach_port *port = e->u.port;
    mach_clear_receiver(port);
    if (e->rights & BIT(MACH_RIGHT_SEND)) {
        e->rights = BIT(MACH_RIGHT_SEND);
        mach_bind(t, port, name);
        mach_get(port);
    } else {
        mach_request_cancel(t, e);
        mach_entry_free(t, name);
    }
}

void mach_drop_receive(struct mach_task *t, mach_name name, struct mach_entry *e)
{
    struct mach_port *port = e->u.port;
    take_receive(t, name, e);
    mach_release(t->mach, (struct mach_held){ port, MACH_HELD_RECEIVE });
}

static void take_send(struct mach_task *t, mach_name name, struct mach_entry *e)
{
    struct mach_port *port = e->u.port;
    if (--e->urefs > 0) {
        port->sends++;
        mach_get(port);
    } else if (e->rights & BIT(MACH_RIGHT_RECEIVE)) {
        e->rights = BIT(MACH_RIGHT_RECEIVE);
        mach_get(port);
    } else {
        mach_request_cancel(t, e);
        mach_unbind(t, port);
        mach_entry_free(t, name);
    }
}

enum kern_return mach_copyin(struct mach_task *t, mach_name name, uint32_t disposition,
                             struct mach_held *out)
{
    enum kern_return kr = mach_copyin_check(t, name, disposition, false);
    if (kr != KERN_SUCCESS)
        return kr;
    struct mach_entry *e = mach_entry_find(t, name);
    struct mach_port *port = e->u.port;
    if (e->rights & BIT(MACH_RIGHT_DEAD_NAME)) {
        if (disposition != MACH_COPY_SEND)
            mach_drop_refs(t, name, e, 1);
        *out = (struct mach_held){ NULL, MACH_HELD_DEAD };
        return KERN_SUCCESS;
    }
    out->port = port;
    switch (disposition) {
    case MACH_MAKE_SEND:
        port->make_send++;
        /* fall through */
    case MACH_COPY_SEND:
        port->sends++;
        mach_get(port);
        out->kind = MACH_HELD_SEND;
        break;
    case MACH_MAKE_SEND_ONCE:
        port->onces++;
        mach_get(port);
        out->kind = MACH_HELD_ONCE;
        break;
    case MACH_MOVE_SEND:
        take_send(t, name, e);
        out->kind = MACH_HELD_SEND;
        break;
    case MACH_MOVE_SEND_ONCE:
        mach_request_cancel(t, e);
        mach_entry_free(t, name);
        out->kind = MACH_HELD_ONCE;
        break;
    default:
        take_receive(t, name, e);
        out->kind = MACH_HELD_RECEIVE;
        break;
    }
    return KERN_SUCCESS;
}

static void have_receive(struct mach_task *t, struct mach_port *port, struct mach_entry *e,
                         mach_name name)
{
    ASSERT_MSG(!port->receiver && !port->dead, "MACH1");
    e->rights |= BIT(MACH_RIGHT_RECEIVE);
    port->receiver = t;
    port->name = name;
    port->carrier = NULL;
}

static bool copyout(struct mach_task *t, struct mach_held h, mach_name as, mach_name *name)
{
    struct mach_port *port = h.port;
    struct mach_entry *e = NULL;
    port_work(t->port, PORT_WORK_LOOKUP, 1);
    *name = h.kind == MACH_HELD_DEAD ? MACH_PORT_DEAD : MACH_PORT_NULL;
    if (h.kind == MACH_HELD_NONE || h.kind == MACH_HELD_DEAD)
        return true;
    if (port->dead) {
        *name = MACH_PORT_DEAD;
        mach_release(t->mach, h);
        return true;
    }
    if (h.kind != MACH_HELD_ONCE)
        *name = mach_name_of(t, port);
    if (*name)
        e = mach_entry_find(t, *name);
    if (e && h.kind == MACH_HELD_RECEIVE) { /* the entry's reference is enough for both */
        mach_unbind(t, port);
        have_receive(t, port, e, *name);
        mach_put(t->mach, port);
        return true;
    }
    if (e && e->rights & BIT(MACH_RIGHT_SEND)) { /* one right a table, however many references */
        if (e->urefs < MACH_UREFS_MAX)
            e->urefs++;
        mach_release(t->mach, h);
        return true;
    }
    if (e) { /* to the receiver */
        e->rights |= BIT(MACH_RIGHT_SEND);
        e->urefs = 1;
        mach_put(t->mach, port);
        return true;
    }
    if (as != MACH_PORT_NULL) {
        *name = as;
        e = mach_entry_named(t, as);
    } else if ((e = mach_entry_new(t, name)) == NULL) {
        *name = MACH_PORT_NULL;
        return false;
    }
    e->u.port = port;
    if (h.kind == MACH_HELD_RECEIVE) {
        have_receive(t, port, e, *name);
    } else if (h.kind == MACH_HELD_SEND) {
        e->rights = BIT(MACH_RIGHT_SEND);
        e->urefs = 1;
        mach_bind(t, port, *name);
    } else {
        e->rights = BIT(MACH_RIGHT_SEND_ONCE);
        e->urefs = 1;
    }
    return true;
}

bool mach_copyout(struct mach_task *t, struct mach_held h, mach_name *name)
{
    return copyout(t, h, MACH_PORT_NULL, name);
}

void mach_copyout_as(struct mach_task *t, struct mach_held h, mach_name name, mach_name *got)
{
    bool ok = copyout(t, h, name, got);
    ASSERT(ok);
}

static void destroy_set(struct mach_task *t, mach_name name, struct mach_entry *e)
{
    struct mach_set *set = e->u.set;
    while (!list_empty(&set->members))
        mach_leave_set(LIST_ENTRY(set->members.next, struct mach_port, in_set));
    mach_turn_away(&set->queue, MACH_RCV_PORT_DIED);
    port_free(t->mach->port, set);
    mach_entry_free(t, name);
}

void mach_name_destroy(struct mach_task *t, mach_name name, struct mach_entry *e)
{
    if (e->rights & BIT(MACH_RIGHT_PORT_SET)) {
        destroy_set(t, name, e);
    } else if (e->rights & BIT(MACH_RIGHT_SEND_ONCE)) {
        struct mach_port *port = e->u.port;
        mach_request_cancel(t, e);
        mach_entry_free(t, name);
        mach_release(t->mach, (struct mach_held){ port, MACH_HELD_ONCE });
    } else if (e->rights & BIT(MACH_RIGHT_DEAD_NAME)) {
        mach_drop_refs(t, name, e, e->urefs);
    } else {
        if (e->rights & BIT(MACH_RIGHT_SEND)) {
            uint8_t both = e->rights & BIT(MACH_RIGHT_RECEIVE);
            mach_drop_refs(t, name, e, e->urefs);
            if (!both)
                return;
        }
        mach_drop_receive(t, name, e);
    }
}
