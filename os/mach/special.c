/* special.c: ports that a node has under small numbers, for tasks of other nodes to begin with. */
#include "os/mach/mach_internal.h"

enum kern_return mach_special_set(struct mach_task *t, uint32_t which, mach_name name,
                                  enum mach_disposition d)
{
    struct mach *m = t->mach;
    struct mach_held h = { NULL, MACH_HELD_NONE };
    port_work(t->port, PORT_WORK_TRAP, 1);
    if (which <= MACH_SPECIAL_HOST_PRIV || which >= MACH_SPECIALS)
        return KERN_INVALID_ARGUMENT;
    if (name != MACH_PORT_NULL) {
        if (d != MACH_MOVE_SEND && d != MACH_COPY_SEND && d != MACH_MAKE_SEND)
            return KERN_INVALID_VALUE;
        enum kern_return kr = mach_copyin(t, name, d, &h);
        if (kr != KERN_SUCCESS)
            return kr;
    }
    struct mach_held old = m->special[which];
    m->special[which] = h;
    mach_release(m, old);
    return KERN_SUCCESS;
}

struct mach_held mach_special_own(struct mach *m, uint32_t which)
{
    struct mach_held h = { NULL, MACH_HELD_NONE };
    if (which >= MACH_SPECIALS || m->special[which].kind != MACH_HELD_SEND)
        return h;
    struct mach_port *port = m->special[which].port;
    if (port->dead)
        return h;
    port->sends++;
    return (struct mach_held){ mach_get(port), MACH_HELD_SEND };
}

void mach_asks_forget(struct mach_task *t)
{
    LIST_EACH_SAFE (it, next, &t->asks) {
        struct mach_special_ask *a = LIST_ENTRY(it, struct mach_special_ask, of_task);
        list_remove(it);
        a->thread = NULL;
        if (a->done) { /* nobody has taken it */
            mach_release(a->mach, a->got);
            port_free(a->mach->port, a);
        }
    }
}

void mach_special_answer(struct mach_special_ask *a, struct mach_held got)
{
    a->done = true;
    if (a->thread) {
        a->got = got;
        port_thread_wake(a->task, a->thread);
    } else {
        mach_release(a->mach, got);
        port_free(a->mach->port, a);
    }
}

/* (blocks) */
static struct mach_held ask(struct mach_task *t, uint32_t node, uint32_t which)
{
    struct mach *m = t->mach;
    struct mach_special_ask *a = port_alloc(m->port, sizeof *a);
    *a = (struct mach_special_ask){ .mach = m,
                                    .task = t->port,
                                    .thread = port_thread_self(t->port) };
    list_init(&a->link);
    list_init(&a->of_task);
    list_push(&t->asks, &a->of_task);
    m->net_ops->special(m->net, node, which, a);
    while (!a->done)
        port_thread_block(t->port, "special port of node", node);
    struct mach_held got = a->got;
    list_remove(&a->of_task);
    port_free(m->port, a);
    return got;
}

enum kern_return mach_special_get(struct mach_task *t, uint32_t node, uint32_t which,
                                  mach_name *name)
{
    struct mach *m = t->mach;
    struct mach_held got;
    port_work(t->port, PORT_WORK_TRAP, 1);
    *name = MACH_PORT_NULL;
    if (which <= MACH_SPECIAL_HOST_PRIV || which >= MACH_SPECIALS || node >= port_nodes(t->port))
        return KERN_INVALID_ARGUMENT;
    if (node == port_node(t->port))
        got = mach_special_own(m, which);
    else if (m->net_ops && m->net_ops->special)
        got = ask(t, node, which);
    else
        return KERN_INVALID_ARGUMENT;
    if (got.kind != MACH_HELD_SEND)
        return KERN_FAILURE;
    if (!mach_copyout(t, got, name)) {
        mach_release(m, got);
        return KERN_NO_SPACE;
    }
    return KERN_SUCCESS;
}
