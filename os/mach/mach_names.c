/* mach_names.c: the calls by which a task chooses its names, and looks at them. */
#include "os/mach/mach_internal.h"

/* What the entry is under a name must be found there. */
static void move(struct mach_task *t, mach_name from, struct mach_entry *e, mach_name to)
{
    struct mach_entry *there = mach_entry_named(t, to);
    uint8_t generation = there->generation;
    *there = *e;
    there->generation = generation;
    if (e->request)
        e->request->name = to;
    if (e->accepting)
        mach_accept_rename(t, from, to);
    if (e->rights & BIT(MACH_RIGHT_RECEIVE)) {
        e->u.port->name = to;
    } else if (e->rights & BIT(MACH_RIGHT_PORT_SET)) {
        e->u.set->name = to;
    } else if (e->rights & BIT(MACH_RIGHT_SEND)) {
        mach_unbind(t, e->u.port);
        mach_bind(t, e->u.port, to);
    }
    e->request = NULL;
    e->accepting = false;
    mach_entry_free(t, from);
}

enum kern_return mach_port_rename(struct mach_task *t, mach_name from, mach_name to)
{
    port_work(t->port, PORT_WORK_TRAP, 1);
    port_work(t->port, PORT_WORK_LOOKUP, 2);
    if (to == MACH_PORT_NULL || to == MACH_PORT_DEAD)
        return KERN_INVALID_VALUE;
    struct mach_entry *e = mach_entry_find(t, from);
    if (!e)
        return KERN_INVALID_NAME;
    if (mach_entry_at(t, to))
        return KERN_NAME_EXISTS;
    move(t, from, e, to);
    return KERN_SUCCESS;
}

enum kern_return mach_port_names(struct mach_task *t, mach_name *names, uint32_t *types,
                                 uint32_t room, uint32_t *count)
{
    struct port *p = t->mach->port;
    mach_name *all = port_alloc(p, (t->names ? t->names : 1) * sizeof *all);
    port_work(t->port, PORT_WORK_TRAP, 1);
    port_work(t->port, PORT_WORK_COPY, t->names * (uint64_t)(sizeof *names + sizeof *types));
    mach_entry_names(t, all);
    *count = t->names;
    for (uint32_t i = 0; i < t->names && i < room; i++) {
        names[i] = all[i];
        types[i] = mach_entry_type(mach_entry_find(t, all[i]));
    }
    port_free(p, all);
    return KERN_SUCCESS;
}

enum kern_return mach_port_get_set_status(struct mach_task *t, mach_name set, mach_name *members,
                                          uint32_t room, uint32_t *count)
{
    port_work(t->port, PORT_WORK_TRAP, 1);
    port_work(t->port, PORT_WORK_LOOKUP, 1);
    const struct mach_entry *e = mach_entry_find(t, set);
    *count = 0;
    if (!e)
        return KERN_INVALID_NAME;
    if (!(e->rights & BIT(MACH_RIGHT_PORT_SET)))
        return KERN_INVALID_RIGHT;
    LIST_EACH (it, &e->u.set->members) {
        if (*count < room)
            members[*count] = LIST_ENTRY(it, struct mach_port, in_set)->name;
        ++*count;
    }
    return KERN_SUCCESS;
}

/* May the right be called so? */
static enum kern_return may_insert(struct mach_task *t, mach_name name, struct mach_held h)
{
    const struct mach_entry *e = mach_entry_find(t, name);
    mach_name known = MACH_PORT_NULL;
    if (h.kind < MACH_HELD_RECEIVE || h.port->dead)
        return KERN_INVALID_CAPABILITY;
    if (h.kind != MACH_HELD_ONCE)
        known = mach_name_of(t, h.port);
    if (known && known != name)
        return KERN_RIGHT_EXISTS;
    if (!known && e)
        return KERN_NAME_EXISTS;
    if (!known && mach_full_table(t))
        return KERN_NO_SPACE;
    return known && h.kind == MACH_HELD_SEND && e->urefs == MACH_UREFS_MAX ? KERN_UREFS_OVERFLOW
                                                                           : KERN_SUCCESS;
}

enum kern_return mach_port_insert_right(struct mach_task *t, mach_name name, struct mach_task *from,
                                        mach_name right, enum mach_disposition d)
{
    struct mach_held h;
    mach_name got;
    port_work(from->port, PORT_WORK_TRAP, 1);
    if (name == MACH_PORT_NULL || name == MACH_PORT_DEAD)
        return KERN_INVALID_VALUE;
    enum kern_return kr = mach_copyin(from, right, d, &h);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = may_insert(t, name, h);
    if (kr != KERN_SUCCESS) {
        mach_release(t->mach, h);
        return kr;
    }
    mach_copyout_as(t, h, name, &got);
    ASSERT(got == name);
    return KERN_SUCCESS;
}
