/* fake_thread.c: threads of the fake port: coroutines that the driver resumes. */
#include "tests/fake/fake_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* Stacks of threads that have ended, for those that begin: an explorer makes millions. */
static void *spare[64];
static uint32_t spares;

static void *stack_take(void)
{
    return spares ? spare[--spares] : base_alloc(FAKE_STACK);
}

static void stack_give(void *stack)
{
    if (spares < ARRAY_LEN(spare))
        spare[spares++] = stack;
    else
        free(stack);
}

void fake_thread_free(struct port_thread *t)
{
    t->task->f->threads--;
    stack_give(t->stack);
    free(t);
}

void fake_thread_run(struct fake *f, struct port_thread *t)
{
    t->state = THREAD_RUNNING;
    t->asleep = false;
    f->thread = t;
    coroutine_run(&t->run);
    f->thread = NULL;
    if (t->run.done) {
        list_remove(&t->link);
        fake_thread_free(t);
    }
}

static void make_ready(struct fake *f, struct port_thread *t, sim_time at)
{
    t->state = THREAD_READY;
    struct item *it = fake_item(f, ITEM_WAKE, t->task->node->id, t->task, at);
    it->u.thread = t;
}

struct port_thread *port_thread_spawn(struct port *p, const char *name, void (*fn)(void *arg),
                                      void *arg, unsigned flags)
{
    struct fake *f = p->f;
    if (f->o.threads_max && f->threads >= f->o.threads_max)
        return NULL;
    struct port_thread *t = base_zalloc(1, sizeof *t);
    f->threads++;
    t->task = p;
    t->flags = flags;
    t->stack = stack_take();
    coroutine_init(&t->run, t->stack, FAKE_STACK, fn, arg);
    snprintf(t->name, sizeof t->name, "%s", name);
    list_push(&p->threads, &t->link);
    make_ready(f, t, fake_time(f));
    return t;
}

struct port_thread *port_thread_self(struct port *p)
{
    return p->f->thread;
}

bool port_thread_block_for(struct port *p, const char *what, uint64_t on, sim_time timeout)
{
    struct fake *f = p->f;
    struct port_thread *t = f->thread;
    (void)what, (void)on;
    ASSERT_MSG(t, "an upcall blocks");
    if (t->token) {
        t->token = false;
        return true;
    }
    t->state = THREAD_BLOCKED;
    t->timed_out = false;
    if (timeout != SIM_NEVER) {
        t->timeout =
            fake_item(f, ITEM_TIMEOUT, p->node->id, t->task, sim_time_add(fake_time(f), timeout));
        t->timeout->u.thread = t;
    }
    coroutine_leave(&t->run);
    return !t->timed_out;
}

void port_thread_block(struct port *p, const char *what, uint64_t on)
{
    port_thread_block_for(p, what, on, SIM_NEVER);
}

void port_thread_wake(struct port *p, struct port_thread *t)
{
    struct fake *f = p->f;
    if (t->state != THREAD_BLOCKED) {
        t->token = true;
        return;
    }
    if (t->timeout) {
        fake_item_drop(f, t->timeout);
        t->timeout = NULL;
    }
    make_ready(f, t, fake_time(f));
}

void port_thread_sleep(struct port *p, sim_time delay)
{
    struct fake *f = p->f;
    struct port_thread *t = f->thread;
    ASSERT_MSG(t, "an upcall blocks");
    t->asleep = delay > 0;
    make_ready(f, t, sim_time_add(fake_time(f), delay));
    coroutine_leave(&t->run);
}

void port_pay(struct port *p)
{
    if (p->f->thread && p->f->worked > 0)
        port_thread_sleep(p, 0);
}

void port_compute(struct port *p, sim_time duration)
{
    p->f->worked = sim_time_add(p->f->worked, duration);
    port_pay(p);
}

uint32_t fake_blocked(const struct fake *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->o.nodes; i++)
        LIST_EACH (l, &f->nodes[i].tasks)
            LIST_EACH (k, &LIST_ENTRY(l, struct port, link)->threads) {
                const struct port_thread *t = LIST_ENTRY(k, struct port_thread, link);
                n += t->state == THREAD_BLOCKED && !(t->flags & PORT_THREAD_SERVICE);
            }
    return n;
}
