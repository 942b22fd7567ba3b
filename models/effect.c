/* effect.c: what code does to the world takes place at its present (law 4).
 *
 * Code runs in no host time that the clock sees, but the work that it names takes simulated time.
 * So a send, a wake, a submit is put off to the moment at which the CPU gets there:
 *   in an upcall  the CPU is the upcall's until its end: the moment is known, start + work;
 *   in a thread   upcalls may pre-empt it while its work is served: the effect waits in the
 *                 thread's own list, at its offset into that work (port_thread.c serves it).
 * An effect whose moment is now takes place at once, so that free code costs no event.
 */
#include "models/node.h"

#include <stdlib.h>

sim_time activity_now(const struct machine *m)
{
    const struct activity *a = m->running;
    return a == NULL ? sim_now(m->sim) : sim_time_add(a->start, a->work);
}

static void due(struct sim *s, struct sim_event *e)
{
    (void)s;
    effect_do(CONTAINER_OF(e, struct effect, event));
}

struct effect *effect_new(struct port *task, enum effect_kind kind)
{
    struct machine *m = task->machine;
    if (m->gathering != NULL)
        train_leaves(m);
    struct list *l = list_pop(&m->free_effects);
    struct effect *f = l != NULL ? LIST_ENTRY(l, struct effect, link) : base_alloc(sizeof *f);
    *f = (struct effect){ .task = task, .kind = (uint8_t)kind };
    sim_event_init(&f->event, SIM_CLASS_SOFTWARE, due);
    list_init(&f->link);
    list_init(&f->order);
    m->counts.effects.made++;
    m->counts.effects.inside++;
    return f;
}

/* What leaves the node has its place from the call on. */
static void order(struct effect *f)
{
    if (f->kind == EFFECT_SEND || f->kind == EFFECT_SUBMIT || f->kind == EFFECT_CHANGE)
        list_push(&f->task->node->order, &f->order);
}

void effect_now(struct effect *f)
{
    order(f);
    effect_do(f);
}

void effect_at(struct effect *f, sim_time when)
{
    struct node *n = f->task->node;
    order(f);
    list_push(&n->effects, &f->link);
    sim_at(n->machine->sim, &f->event, when);
}

void effect_hasten(struct effect *f)
{
    struct node *n = f->task->node;
    list_remove(&f->link);
    list_push(&n->effects, &f->link);
    sim_at(n->machine->sim, &f->event, sim_now(n->machine->sim));
}

void effect_take(struct effect *f)
{
    struct machine *m = f->task->machine;
    struct activity *a = m->running;
    ASSERT_MSG(a == NULL || a->node == f->task->node, "code of one node acts on another");
    /* What a train has borrowed is not touched from inside one of its upcalls. */
    bool at_once = f->kind != EFFECT_CRASH && (a == NULL || a->work == 0) && !m->train_runs;
    if (f->kind == EFFECT_CRASH || (!at_once && a->thread == NULL)) {
        /* A crash: not from inside the code that asked for it, nor from its CPU. */
        effect_at(f, activity_now(m));
        return;
    }
    if (at_once) {
        effect_now(f);
    } else {
        order(f);
        f->offset = a->work;
        list_push(&a->thread->effects, &f->link);
    }
}

static void effect_free(struct effect *f)
{
    struct machine *m = f->task->machine;
    list_remove(&f->link);
    list_remove(&f->order);
    list_push_front(&m->free_effects, &f->link);
    m->counts.effects.inside--;
}

/* Does f wait for g, which was called before and has not gone out? */
static bool waits_for(const struct effect *f, const struct effect *g)
{
    if (f->kind != g->kind || f->iface != g->iface)
        return false;
    if (f->kind == EFFECT_SEND && g->dst == NET_ALL)
        return true; /* though its moment may have come: it waits itself */
    return !g->due && (f->control || f->dst == g->dst || (f->iface && f->dst == NET_ALL));
}

/* An earlier call to the same destination or device whose moment has not come; of a marker, and of
 * what is for all, to any destination. */
static bool must_wait(struct effect *f)
{
    struct list *head = &f->task->node->order;
    for (struct list *l = f->order.prev; l != head; l = l->prev) {
        if (waits_for(f, LIST_ENTRY(l, struct effect, order)))
            return true;
    }
    return false;
}

static void go_out(struct effect *f)
{
    struct node *n = f->task->node;
    n->machine->counts.effects.done++;
    if (f->kind == EFFECT_SEND) {
        frame_send(f->iface, f->frame);
        effect_free(f);
    } else if (f->kind == EFFECT_CHANGE) {
        struct change *x = f->change;
        effect_free(f);
        change_submit(x);
    } else {
        /* A device may complete at once, and run code that comes back here. */
        struct request *r = f->request;
        effect_free(f);
        request_submit(r);
    }
}

static struct effect *first_to_go(struct node *n)
{
    LIST_EACH (it, &n->order) {
        struct effect *f = LIST_ENTRY(it, struct effect, order);
        if (f->due && !must_wait(f))
            return f;
    }
    return NULL;
}

void effects_release(struct node *n)
{
    struct effect *f;
    while (n->up && (f = first_to_go(n)) != NULL)
        go_out(f);
}

/* What leaves the node, in order (NODE5). */
static void leave_node(struct effect *f)
{
    struct node *n = f->task->node;
    f->due = true;
    if (n->order.next == &f->order && n->order.prev == &f->order) {
        go_out(f);
        return;
    }
    list_remove(&f->link);
    list_push(&n->effects, &f->link);
    effects_release(n);
}

void effect_do(struct effect *f)
{
    struct node *n = f->task->node;
    struct machine *m = n->machine;
    machine_step(m);
    switch ((enum effect_kind)f->kind) {
    case EFFECT_SEND:
    case EFFECT_SUBMIT:
    case EFFECT_CHANGE:
        leave_node(f);
        return; /* it may wait, and is freed when it has gone */
    case EFFECT_WAKE:
        thread_wake(f->thread);
        break;
    case EFFECT_SPAWN:
        thread_start(f->thread);
        break;
    case EFFECT_TASK: {
        if (f->about->dead)
            break;
        struct upcall *u = upcall_new(f->about, UPCALL_TASK);
        u->main = f->main;
        u->arg = f->arg;
        upcall_submit(u);
        break;
    }
    case EFFECT_CRASH: {
        struct port *about = f->about;
        m->counts.effects.done++;
        effect_free(f);
        if (about->dead)
            return;
        if (about->id == 0)
            node_crash(n);
        else
            task_crash(about);
        return;
    }
    case EFFECT_KINDS:
        ASSERT(false);
    }
    m->counts.effects.done++;
    effect_free(f);
}

void effect_drop(struct effect *f)
{
    struct machine *m = f->task->machine;
    sim_cancel(m->sim, &f->event);
    m->counts.effects.dropped++;
    if (f->kind == EFFECT_SEND) {
        m->counts.frames_dropped[DROP_SENDER_CRASHED]++;
        nic_frame_free(f->frame);
        f->iface->sends_pending--;
    } else if (f->kind == EFFECT_SUBMIT) {
        m->counts.requests.dropped++;
        request_free(f->request);
    } else if (f->kind == EFFECT_CHANGE) {
        m->counts.changes.dropped++;
        change_free(f->change);
    }
    effect_free(f);
}
