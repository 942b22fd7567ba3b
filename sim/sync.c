/* sync.c: semaphores, conditions and mailboxes.
 *
 * Waiters stand in a list by the link that each thread holds, first in, first out.  What a waiter
 * waits for is handed over by the one who provides it (the unit of a semaphore, the item of a
 * mailbox), so that nobody who comes later in the same instant takes it away.  A thread that is
 * killed or times out leaves the list; one that was handed something before it was killed loses it,
 * as a crash loses it.
 */
#include "sim/sync.h"

#include "sim/internal.h"

static struct sim_thread *first_waiter(struct list *waiters)
{
    struct list *l = waiters->next;
    return l == waiters ? NULL : LIST_ENTRY(l, struct sim_thread, wait);
}

/* Waits in `waiters` until a gift is there or the deadline comes.  A wake without a gift costs no
 * place in the list. */
static void *wait_for_gift(struct sim *s, struct list *waiters, const char *name, sim_time deadline)
{
    struct sim_thread *self = sim_thread_self(s);
    ASSERT_MSG(self, "only a thread may block");
    self->gift = NULL;
    list_push(waiters, &self->wait);
    while (!self->gift && sim_thread_block_until(s, name, 0, deadline))
        ;
    list_remove(&self->wait);
    void *gift = self->gift;
    self->gift = NULL;
    return gift;
}

static void give(struct sim_thread *t, void *gift)
{
    list_remove(&t->wait);
    t->gift = gift;
    sim_thread_wake(t);
}

void sim_semaphore_init(struct sim_semaphore *m, struct sim *s, const char *name, int64_t count)
{
    *m = (struct sim_semaphore){ .sim = s, .name = name, .count = count };
    list_init(&m->waiters);
}

bool sim_semaphore_try(struct sim_semaphore *m)
{
    if (m->count <= 0)
        return false;
    m->count--;
    return true;
}

bool sim_semaphore_down_until(struct sim_semaphore *m, sim_time deadline)
{
    return sim_semaphore_try(m) || wait_for_gift(m->sim, &m->waiters, m->name, deadline);
}

void sim_semaphore_down(struct sim_semaphore *m)
{
    sim_semaphore_down_until(m, SIM_NEVER);
}

void sim_semaphore_up(struct sim_semaphore *m)
{
    struct sim_thread *t = first_waiter(&m->waiters);
    if (t)
        give(t, m);
    else
        m->count++;
}

void sim_condition_init(struct sim_condition *c, struct sim *s, const char *name)
{
    *c = (struct sim_condition){ .sim = s, .name = name };
    list_init(&c->waiters);
}

bool sim_condition_wait_until(struct sim_condition *c, sim_time deadline)
{
    return wait_for_gift(c->sim, &c->waiters, c->name, deadline);
}

void sim_condition_wait(struct sim_condition *c)
{
    sim_condition_wait_until(c, SIM_NEVER);
}

void sim_condition_signal(struct sim_condition *c)
{
    struct sim_thread *t = first_waiter(&c->waiters);
    if (t)
        give(t, c);
}

void sim_condition_broadcast(struct sim_condition *c)
{
    struct sim_thread *t;
    while ((t = first_waiter(&c->waiters)))
        give(t, c);
}

void sim_mailbox_init(struct sim_mailbox *m, struct sim *s, const char *name, size_t capacity)
{
    *m = (struct sim_mailbox){ .sim = s, .name = name, .capacity = capacity };
    list_init(&m->items);
    list_init(&m->waiters);
}

bool sim_mailbox_put(struct sim_mailbox *m, struct list *item)
{
    struct sim_thread *t = first_waiter(&m->waiters);
    if (t) {
        give(t, item);
        return true;
    }
    if (m->capacity && m->count >= m->capacity)
        return false;
    list_push(&m->items, item);
    m->count++;
    return true;
}

struct list *sim_mailbox_get_until(struct sim_mailbox *m, sim_time deadline)
{
    struct list *item = list_pop(&m->items);
    if (item) {
        m->count--;
        return item;
    }
    return wait_for_gift(m->sim, &m->waiters, m->name, deadline);
}

struct list *sim_mailbox_get(struct sim_mailbox *m)
{
    return sim_mailbox_get_until(m, SIM_NEVER);
}
