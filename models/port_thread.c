/* port_thread.c: the port's threads, on SimGrid's actors (law 4).
 *
 *   state    guarantee                                     leaves by
 *   NEW      job idle or queued; no actor                  granted -> RUNNING
 *   READY    job queued; the actor waits                   granted -> RUNNING
 *   RUNNING  job holds the CPU; code runs at this instant  leave -> PAYING
 *   PAYING   job is served for the work that was named     paid -> RUNNING, BLOCKED, ASLEEP, ENDED
 *   BLOCKED  job idle; the actor waits                     wake, deadline -> READY
 *   ASLEEP   job idle; the actor waits                     deadline -> READY
 *   ENDED    job idle; no actor
 *
 * Work is served in segments: up to each effect in turn, then up to the end.  Upcalls may pre-empt
 * a segment; then what follows comes later, as it would.
 */
#include "models/node.h"

#include <stdio.h>
#include <stdlib.h>

static sim_time granted(struct sim_job *j);
static sim_time segment_paid(struct sim_job *j);
static void left(struct sim_job *j);
static void deadline_passed(struct sim *s, struct sim_event *e);

struct port_thread *thread_new(struct port *task, const char *name, void (*fn)(void *arg),
                               void *arg, unsigned flags)
{
    struct node *n = task->node;
    struct list *l = list_pop(&n->free_threads);
    struct port_thread *t =
        l != NULL ? LIST_ENTRY(l, struct port_thread, link) : base_alloc(sizeof *t);
    *t = (struct port_thread){
        .at = { .node = n, .task = task, .thread = t },
        .fn = fn,
        .arg = arg,
        .name = base_strdup(name),
        .deadline = SIM_NEVER,
        .number = n->next_thread++,
        .flags = (uint8_t)flags,
        .state = THREAD_NEW,
    };
    sim_job_init(&t->job, CLASS_THREAD, 0, left);
    t->job.start = granted;
    t->job.more = segment_paid;
    sim_event_init(&t->deadline_event, SIM_CLASS_SOFTWARE, deadline_passed);
    list_init(&t->effects);
    list_init(&t->link);
    list_push(&task->threads, &t->link);
    n->machine->counts.threads.made++;
    n->machine->counts.threads.inside++;
    n->machine->programs += !(flags & PORT_THREAD_SERVICE);
    return t;
}

/* Its struct may be woken by mistake as long as the node lives: threads wait in loops. */
static void thread_free(struct port_thread *t)
{
    struct node *n = t->at.node;
    free((void *)(uintptr_t)t->name);
    t->name = NULL;
    t->state = THREAD_ENDED;
    list_remove(&t->link);
    list_push(&n->free_threads, &t->link);
    n->machine->counts.threads.inside--;
    n->machine->programs -= !(t->flags & PORT_THREAD_SERVICE);
}

void thread_start(struct port_thread *t)
{
    sim_server_submit(&t->at.node->cpu, &t->job);
}

static void make_ready(struct port_thread *t)
{
    sim_cancel(t->at.node->machine->sim, &t->deadline_event);
    t->state = THREAD_READY;
    sim_server_submit(&t->at.node->cpu, &t->job);
}

void thread_wake(struct port_thread *t)
{
    if (t->state == THREAD_BLOCKED)
        make_ready(t);
    else if (t->state != THREAD_ENDED)
        t->token = true;
}

static void deadline_passed(struct sim *s, struct sim_event *e)
{
    (void)s;
    struct port_thread *t = CONTAINER_OF(e, struct port_thread, deadline_event);
    t->timed_out = true;
    make_ready(t);
}

/* Length of the next segment: up to the next effect, or up to the end; 0: all is paid. */
static sim_time next_segment(struct port_thread *t)
{
    sim_time to = t->at.work;
    t->job.cls = CLASS_THREAD;
    if (!list_empty(&t->effects)) {
        to = LIST_ENTRY(t->effects.next, struct effect, link)->offset;
        t->job.cls = CLASS_UPCALL;
    }
    sim_time length = to - t->paid;
    t->paid = to;
    return length;
}

/* The code has come to a wait: its work is served from now on. */
static void settle(struct port_thread *t)
{
    struct sim_server *cpu = &t->at.node->cpu;
    /* When others wait, the server decides between them and the thread: not on this stack. */
    sim_time first = cpu->in_system > 1 && list_empty(&t->effects) ? 0 : next_segment(t);
    sim_server_settle(cpu, &t->job, first);
}

/* The first code of the actor. */
static void actor_main(void *arg)
{
    struct port_thread *t = arg;
    struct machine *m = t->at.node->machine;
    m->running = &t->at;
    sim_set_context(m->sim, "node", t->at.node->id);
    machine_step(m);
    t->fn(t->arg);
    /* What it named last is served without it. */
    t->then = THEN_END;
    t->state = THREAD_PAYING;
    t->actor = NULL;
    m->running = NULL;
    settle(t);
}

/* The CPU is the thread's: lets its code run, and keeps the CPU meanwhile. */
static sim_time run_on(struct port_thread *t)
{
    struct node *n = t->at.node;
    t->at.start = sim_now(n->machine->sim);
    t->at.work = 0;
    t->paid = 0;
    t->job.cls = CLASS_UPCALL; /* its code runs to its next wait at this instant */
    if (t->actor != NULL) {
        t->state = THREAD_RUNNING;
        sim_thread_wake(t->actor);
        return SIM_HOLD;
    }
    char name[96];
    snprintf(name, sizeof name, "node %u, %s, %s", n->id, t->at.task->name, t->name);
    struct err e = ERR_INIT;
    t->state = THREAD_RUNNING;
    t->actor = sim_thread_spawn(n->machine->sim, name, actor_main, t,
                                t->flags & PORT_THREAD_SERVICE ? SIM_THREAD_SERVICE : 0, &e);
    ASSERT_MSG(t->actor != NULL, e.text); /* port_thread_spawn has made room */
    return SIM_HOLD;
}

static sim_time granted(struct sim_job *j)
{
    struct port_thread *t = CONTAINER_OF(j, struct port_thread, job);
    bool resumed = t->state == THREAD_READY;
    sim_time r = run_on(t);
    if (resumed) {
        struct price_list *l = &t->at.node->own->prices;
        t->at.work = price_cost(l, PORT_WORK_SWITCH, 1);
    }
    return r;
}

/* All work is served: what the thread wanted next. */
static sim_time all_paid(struct port_thread *t)
{
    struct machine *m = t->at.node->machine;
    switch ((enum thread_then)t->then) {
    case THEN_RUN:
        return run_on(t);
    case THEN_BLOCK:
        if (t->token)
            return run_on(t);
        if (t->deadline <= sim_now(m->sim)) {
            t->timed_out = true;
            return run_on(t);
        }
        t->state = THREAD_BLOCKED;
        break;
    case THEN_SLEEP:
        if (t->deadline <= sim_now(m->sim))
            return run_on(t);
        t->state = THREAD_ASLEEP;
        break;
    case THEN_END:
        t->state = THREAD_ENDED;
        return 0;
    }
    if (t->deadline != SIM_NEVER)
        sim_at(m->sim, &t->deadline_event, t->deadline);
    return 0;
}

static sim_time segment_paid(struct sim_job *j)
{
    struct port_thread *t = CONTAINER_OF(j, struct port_thread, job);
    while (!list_empty(&t->effects)) {
        struct effect *f = LIST_ENTRY(t->effects.next, struct effect, link);
        if (f->offset > t->paid)
            break;
        list_remove(&f->link);
        effect_do(f);
    }
    sim_time length = next_segment(t);
    return length > 0 ? length : all_paid(t);
}

/* The thread has left the CPU. */
static void left(struct sim_job *j)
{
    struct port_thread *t = CONTAINER_OF(j, struct port_thread, job);
    j->cls = CLASS_THREAD;
    if (t->state != THREAD_ENDED)
        return;
    struct machine *m = t->at.node->machine;
    sim_waist(m->sim, SIM_WAIST_THREAD, sim_now(m->sim), t->at.node->id, t->at.task->id, t->number);
    m->counts.threads.done++;
    thread_free(t);
}

/* In the thread: pays, then waits for what `then` says, and goes on with the CPU. */
static void leave(struct port_thread *t, enum thread_then then)
{
    struct node *n = t->at.node;
    struct machine *m = n->machine;
    ASSERT_MSG(m->running == &t->at, "a call that blocks, from code that may not");
    t->then = (uint8_t)then;
    t->state = THREAD_PAYING;
    m->running = NULL;
    settle(t);
    while (t->state != THREAD_RUNNING)
        sim_thread_block(m->sim, t->what, t->on);
    m->running = &t->at;
    sim_set_context(m->sim, "node", n->id);
    machine_step(m);
}

/* Is it another task's, whose code the thread has run, and which has gone on? */
static bool survives(const struct port_thread *t, const struct effect *f)
{
    const struct port *ends = t->at.task;
    if (f->task == ends || f->task->dead || f->about == ends || !ends->node->up)
        return false;
    return (f->kind != EFFECT_WAKE && f->kind != EFFECT_SPAWN) || f->thread->at.task != ends;
}

void thread_kill(struct port_thread *t)
{
    struct node *n = t->at.node;
    LIST_EACH_SAFE (it, next, &t->effects) {
        struct effect *f = LIST_ENTRY(it, struct effect, link);
        if (survives(t, f))
            effect_hasten(f);
        else
            effect_drop(f);
    }
    sim_cancel(n->machine->sim, &t->deadline_event);
    sim_server_withdraw(&n->cpu, &t->job);
    /* At the end of a run the engine ends the actors itself. */
    if (t->actor != NULL && !n->machine->closing)
        sim_thread_kill(t->actor);
    t->actor = NULL;
    n->machine->counts.threads.dropped++;
    thread_free(t);
}

/* ---- the port ---- */

struct port_thread *port_thread_spawn(struct port *p, const char *name, void (*fn)(void *arg),
                                      void *arg, unsigned flags)
{
    struct machine *m = p->machine;
    /* Room for every thread that has none of SimGrid's yet. */
    if (m->counts.threads.inside >= SIM_THREAD_MAX)
        return NULL;
    struct effect *f = effect_new(p, EFFECT_SPAWN);
    f->thread = thread_new(p, name, fn, arg, flags);
    struct port_thread *t = f->thread;
    effect_take(f);
    return t;
}

struct port_thread *port_thread_self(struct port *p)
{
    const struct activity *a = p->machine->running;
    return a != NULL ? a->thread : NULL;
}

bool port_in_thread(const struct port *p)
{
    const struct activity *a = p->machine->running;
    return a != NULL && a->thread != NULL;
}

static struct port_thread *self(struct port *p)
{
    struct port_thread *t = port_thread_self(p);
    ASSERT_MSG(t != NULL, "a call that blocks, from an upcall");
    return t;
}

bool port_thread_block_for(struct port *p, const char *what, uint64_t on, sim_time timeout)
{
    struct port_thread *t = self(p);
    t->what = what;
    t->on = on;
    t->deadline = sim_time_add(activity_now(p->machine), timeout);
    t->timed_out = false;
    leave(t, THEN_BLOCK);
    bool woken = !t->timed_out || t->token;
    t->token = false;
    return woken;
}

void port_thread_block(struct port *p, const char *what, uint64_t on)
{
    (void)port_thread_block_for(p, what, on, SIM_NEVER);
}

void port_thread_sleep(struct port *p, sim_time delay)
{
    struct port_thread *t = self(p);
    t->what = "sleep";
    t->on = 0;
    t->deadline = sim_time_add(activity_now(p->machine), delay);
    leave(t, THEN_SLEEP);
}

void port_thread_wake(struct port *p, struct port_thread *t)
{
    ASSERT_MSG(t->at.node == p->node, "a thread is woken by its own node");
    struct effect *f = effect_new(p, EFFECT_WAKE);
    f->thread = t;
    effect_take(f);
}

void port_pay(struct port *p)
{
    struct port_thread *t = port_thread_self(p);
    if (t == NULL || (t->at.work == 0 && list_empty(&t->effects)))
        return;
    t->what = "cpu";
    t->on = 0;
    leave(t, THEN_RUN);
}

void port_compute(struct port *p, sim_time duration)
{
    struct activity *a = p->machine->running;
    ASSERT(a != NULL && duration >= 0);
    a->work = sim_time_add(a->work, duration);
    port_pay(p);
}
