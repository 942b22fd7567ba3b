/* mach.c: the kernel's part of a node, and tasks from their beginning to their end. */
#include "os/mach/mach_internal.h"

struct mach *mach_create(struct port *p, uint32_t names_max)
{
    struct mach *m = port_alloc(p, sizeof *m);
    m->port = p;
    m->names_max = names_max;
    list_init(&m->tasks);
    list_init(&m->doomed);
    list_init(&m->records);
    xk_map_init(&m->by_uid, p, sizeof(uint64_t));
    return m;
}

struct mach_task *mach_task_create(struct mach *m, struct port *p)
{
    struct mach_task *t = port_alloc(m->port, sizeof *t);
    t->mach = m;
    t->port = p;
    xk_map_init(&t->sends, m->port, sizeof(uint64_t));
    xk_map_init(&t->far, m->port, sizeof(mach_name));
    list_init(&t->accepts);
    list_init(&t->waiters);
    list_init(&t->asks);
    list_init(&t->link);
    list_push(&m->tasks, &t->link);
    return t;
}

void mach_task_terminate(struct mach_task *t)
{
    struct mach *m = t->mach;
    while (!list_empty(&t->waiters))
        mach_waiter_forget(m, LIST_ENTRY(t->waiters.next, struct mach_waiter, of_task));
    mach_asks_forget(t);
    while (!list_empty(&t->accepts)) /* whom to tell is not the task's any more */
        LIST_ENTRY(list_pop(&t->accepts), struct mach_accept, link)->task = NULL;
    uint32_t count = t->names;
    mach_name *names = port_alloc(m->port, (count ? count : 1) * sizeof *names);
    mach_entry_names(t, names);
    for (uint32_t i = 0; i < count; i++)
        mach_name_destroy(t, names[i], mach_entry_find(t, names[i]));
    port_free(m->port, names);
    ASSERT_MSG(t->names == 0 && xk_map_count(&t->sends) == 0, "MACH1, MACH2: names outlive a task");
    xk_map_fini(&t->sends);
    xk_map_fini(&t->far);
    list_remove(&t->link);
    port_free(m->port, t->entries);
    port_free(m->port, t);
}

static void end(struct port *kernel, void *arg)
{
    (void)kernel;
    mach_task_terminate(arg);
}

void mach_task_crashed(struct mach_task *t)
{
    LIST_EACH (it, &t->waiters) { /* its threads are gone: nobody may wake them */
        struct mach_waiter *w = LIST_ENTRY(it, struct mach_waiter, of_task);
        list_remove(&w->link);
        w->blocked = false;
    }
    mach_asks_forget(t);
    port_task_run(t->mach->port, end, t);
}

void mach_task_memory(struct mach_task *t, struct vm_space *memory)
{
    t->memory = memory;
}

struct port *mach_task_port(const struct mach_task *t)
{
    return t->port;
}

uint64_t mach_ports(const struct mach *m)
{
    return m->ports;
}

uint64_t mach_messages(const struct mach *m)
{
    return m->messages;
}
