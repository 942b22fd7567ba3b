/* live_due.c: the clock of a live node, what is due when, and timers. */
#include "models/live/live_internal.h"

#include <stdlib.h>
#include <time.h>

/* ---- time and what is due ---- */

static sim_time host_time(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (sim_time)ts.tv_sec * SIM_SEC + ts.tv_nsec * SIM_NS;
}

void live_begin(struct live *l)
{
    l->origin = host_time();
}

sim_time live_now(const struct live *l)
{
    return host_time() - l->origin;
}

sim_time port_now(struct port *p)
{
    return live_now(p->live);
}

struct due *live_due(struct live *l, enum due_kind kind, struct port *task, sim_time at)
{
    struct due *d = base_zalloc(1, sizeof *d);
    d->kind = kind;
    d->task = task;
    d->at = at;
    struct list *before = l->due.prev;
    while (before != &l->due && LIST_ENTRY(before, struct due, link)->at > at)
        before = before->prev;
    list_push_front(before, &d->link);
    return d;
}

void live_undo(struct due *d)
{
    if (!d)
        return;
    list_remove(&d->link);
    if (d->kind == DUE_TIMER)
        d->u.timer->opaque[0] = 0;
    else if (d->kind == DUE_THREAD || d->kind == DUE_TIMEOUT)
        d->u.thread->due = NULL;
    else if (d->kind == DUE_READY)
        d->u.end->ready = NULL;
    free(d);
}

/* ---- timers ---- */

void port_timer_init(struct port *p, struct port_timer *t, void (*fn)(struct port_timer *t),
                     void *arg)
{
    memset(t, 0, sizeof *t);
    t->fn = fn;
    t->port = p;
    t->arg = arg;
}

bool port_timer_pending(const struct port_timer *t)
{
    return t->opaque[0] != 0;
}

bool port_timer_cancel(struct port_timer *t)
{
    if (!t->opaque[0])
        return false;
    live_undo((struct due *)(uintptr_t)t->opaque[0]);
    return true;
}

void port_timer_set(struct port_timer *t, sim_time delay)
{
    struct live *l = t->port->live;
    port_timer_cancel(t);
    struct due *d = live_due(l, DUE_TIMER, t->port, sim_time_add(live_now(l), delay));
    d->u.timer = t;
    t->opaque[0] = (uintptr_t)d;
}
