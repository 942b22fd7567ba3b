/* upcall.c: upcalls: code that runs when its CPU is granted and never blocks.
 *
 * An upcall is a job of the CPU that runs those of its task.  When it is granted, its code runs at
 * once; the work that the code named is the job's length (NODE2).
 */
#include "models/node.h"

#include <stdlib.h>

static sim_time start(struct sim_job *j);
static void done(struct sim_job *j);

struct sim_server *cpu_of_upcalls(struct node *n)
{
    const struct node_params *p = &n->own->node;
    bool aside = p->coprocessor && p->upcall_cpu == NODE_UPCALL_COPROCESSOR;
    return aside ? &n->coprocessor : &n->cpu;
}

static void submit_now(struct sim *s, struct sim_event *e)
{
    (void)s;
    struct upcall *u = CONTAINER_OF(e, struct upcall, event);
    sim_server_submit(u->task->cpu, &u->job);
}

struct upcall *upcall_new(struct port *task, enum upcall_kind kind)
{
    struct machine *m = task->machine;
    struct list *l = list_pop(&m->free_upcalls);
    struct upcall *u = l != NULL ? LIST_ENTRY(l, struct upcall, link) : base_alloc(sizeof *u);
    *u = (struct upcall){ .task = task, .kind = (uint8_t)kind };
    sim_job_init(&u->job, CLASS_UPCALL, 0, done);
    u->job.start = start;
    sim_event_init(&u->event, SIM_CLASS_SOFTWARE, submit_now);
    list_init(&u->link);
    list_push(&task->node->upcalls, &u->link);
    m->counts.upcalls.made++;
    m->counts.upcalls.inside++;
    return u;
}

void upcall_submit(struct upcall *u)
{
    struct machine *m = u->task->machine;
    /* A free CPU would run it here and now, inside the code that runs already (NODE1). */
    if (m->running != NULL)
        sim_after(m->sim, &u->event, 0);
    else
        submit_now(m->sim, &u->event);
}

static void upcall_free(struct upcall *u)
{
    struct machine *m = u->task->machine;
    list_remove(&u->link);
    list_push_front(&m->free_upcalls, &u->link);
    m->counts.upcalls.inside--;
}

static void run(struct upcall *u)
{
    struct node *n = u->task->node;
    struct port_timer *t;
    switch ((enum upcall_kind)u->kind) {
    case UPCALL_BOOT:
        node_boot(n);
        break;
    case UPCALL_FRAME:
        frame_received(u);
        break;
    case UPCALL_READY:
        end_ready(u);
        break;
    case UPCALL_TIMER:
        t = CONTAINER_OF((uint64_t *)u->timer, struct port_timer, opaque[0]);
        u->timer->queued = NULL;
        list_remove(&u->timer->link);
        t->fn(t);
        break;
    case UPCALL_IO:
        request_finish(u->request);
        break;
    case UPCALL_CHANGE:
        change_finish(u->change);
        break;
    case UPCALL_TASK:
        u->main(u->task, u->arg);
        break;
    case UPCALL_NODE:
        u->watcher->fn(u->watcher->arg, u->about, u->life, u->up);
        break;
    case UPCALL_KINDS:
        ASSERT(false);
    }
}

static sim_time start(struct sim_job *j)
{
    struct upcall *u = CONTAINER_OF(j, struct upcall, job);
    struct machine *m = u->task->machine;
    struct activity here = {
        .node = u->task->node,
        .task = u->task,
        .start = sim_now(m->sim),
        .unpriced = u->kind == UPCALL_BOOT,
        .polls = u->task->cpu != &u->task->node->cpu,
    };
    ASSERT_MSG(m->running == NULL, "an upcall starts inside running code (NODE1)");
    m->running = &here;
    sim_set_context(m->sim, "node", here.node->id);
    machine_step(m);
    u->started = true;
    run(u);
    if (m->gathering != NULL)
        train_leaves(m);
    m->running = NULL;
    m->counts.upcalls.done++;
    m->counts.upcall_wait += here.start - j->arrived;
    m->counts.upcall_work += here.work;
    return here.work;
}

static void done(struct sim_job *j)
{
    upcall_free(CONTAINER_OF(j, struct upcall, job));
}

void upcall_drop(struct upcall *u)
{
    struct node *n = u->task->node;
    struct machine *m = n->machine;
    sim_cancel(m->sim, &u->event);
    sim_server_withdraw(u->task->cpu, &u->job);
    if (!u->started) {
        m->counts.upcalls.dropped++;
        if (u->kind == UPCALL_FRAME) {
            m->counts.frames_dropped[DROP_RECEIVER_CRASHED]++;
            nic_frame_free(u->frame);
        }
        if (u->kind == UPCALL_IO) {
            m->counts.requests.dropped++;
            request_free(u->request);
        }
        if (u->kind == UPCALL_CHANGE) {
            m->counts.changes.dropped++;
            change_free(u->change);
        }
    }
    upcall_free(u);
}
