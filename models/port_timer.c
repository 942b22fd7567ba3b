/* port_timer.c: the port's timers: upcalls at a time.
 *
 * A timer is pending from its setting until its upcall starts: one that has fired and waits for the
 * CPU can still be cancelled.  A cancel takes effect when the call is made, not at the end of the
 * work named before it.
 */
#include "models/node.h"

_Static_assert(sizeof(struct timer) <= sizeof((struct port_timer){ 0 }.opaque), "fits");

struct timer *timer_of(struct port_timer *t)
{
    return (struct timer *)t->opaque;
}

static void fired(struct sim *s, struct sim_event *e)
{
    (void)s;
    struct timer *t = CONTAINER_OF(e, struct timer, event);
    struct port_timer *pt = CONTAINER_OF((uint64_t *)t, struct port_timer, opaque[0]);
    t->queued = upcall_new(pt->port, UPCALL_TIMER);
    t->queued->timer = t;
    upcall_submit(t->queued);
}

void port_timer_init(struct port *p, struct port_timer *t, void (*fn)(struct port_timer *t),
                     void *arg)
{
    *t = (struct port_timer){ .fn = fn, .port = p, .arg = arg };
    struct timer *own = timer_of(t);
    sim_event_init(&own->event, SIM_CLASS_SOFTWARE, fired);
    list_init(&own->link);
    own->queued = NULL;
}

void port_timer_set(struct port_timer *t, sim_time delay)
{
    struct timer *own = timer_of(t);
    struct machine *m = t->port->machine;
    ASSERT(delay >= 0);
    (void)port_timer_cancel(t);
    sim_time when = sim_time_add(activity_now(m), delay);
    if (when == SIM_NEVER)
        return; /* it never fires */
    list_push(&t->port->timers, &own->link);
    sim_at(m->sim, &own->event, when);
}

bool port_timer_cancel(struct port_timer *t)
{
    struct timer *own = timer_of(t);
    bool pending = port_timer_pending(t);
    sim_cancel(t->port->machine->sim, &own->event);
    if (own->queued != NULL)
        upcall_drop(own->queued);
    own->queued = NULL;
    list_remove(&own->link);
    return pending;
}

bool port_timer_pending(const struct port_timer *t)
{
    const struct timer *own = (const struct timer *)t->opaque;
    return sim_event_pending(&own->event) || own->queued != NULL;
}

void timers_drop(struct port *task)
{
    while (!list_empty(&task->timers)) {
        struct timer *own = LIST_ENTRY(task->timers.next, struct timer, link);
        task->machine->counts.timers_dropped++;
        (void)port_timer_cancel(CONTAINER_OF((uint64_t *)own, struct port_timer, opaque[0]));
    }
}
