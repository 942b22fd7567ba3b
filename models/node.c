/* node.c: a node: its CPUs, bus and interface; boot, crash and restart; the failure detector.
 *
 *   state  guarantee                                               leaves by
 *   down   no task, nothing queued on its CPUs, interface down     node_restart -> up
 *   up     a kernel task; its boot upcall comes before all others  node_crash -> down
 *
 * Disks are not part of what crashes: what was written stays, requests in flight complete and are
 * forgotten.
 */
#include "models/node.h"

#include <stdio.h>
#include <stdlib.h>

static void server(struct sim_server *v, struct node *n, enum sim_kind kind, const char *what,
                   bool preempt)
{
    char name[48];
    snprintf(name, sizeof name, "node %u %s", n->id, what);
    sim_server_init(v, n->machine->sim, kind, (int32_t)n->id, name, preempt);
}

void node_init(struct node *n, struct machine *m, uint32_t id)
{
    *n = (struct node){ .machine = m, .own = n->own, .id = id, .incarnation = 1 };
    const struct node_params *p = &n->own->node;
    server(&n->cpu, n, SIM_KIND_CPU, "cpu", p->preempt);
    if (p->coprocessor)
        server(&n->coprocessor, n, SIM_KIND_CPU, "coprocessor", false);
    if (p->third) {
        n->third = base_zalloc(1, sizeof *n->third);
        server(n->third, n, SIM_KIND_CPU, "third cpu", false);
    }
    server(&n->bus, n, SIM_KIND_BUS, "memory bus", false);
    list_init(&n->tasks);
    list_init(&n->dead_tasks);
    list_init(&n->effects);
    list_init(&n->order);
    list_init(&n->upcalls);
    list_init(&n->requests);
    list_init(&n->changes);
    list_init(&n->free_threads);
}

bool node_connect(struct node *n, struct network *to, uint32_t station, struct err *e)
{
    struct machine *m = n->machine;
    struct iface *i = &n->ifaces[n->iface_count];
    list_init(&i->open);
    list_init(&i->refused);
    i->node = n;
    i->network = to;
    i->station = station;
    i->side = to->side_of[n->id];
    i->nic = nic_create(m->sim, to->net, station, (int32_t)n->id, &i->side->nic, &n->bus, 0, e);
    if (i->nic == NULL)
        return false;
    to->at[station] = i;
    n->iface_count++;
    struct nic_handler h = iface_handler(i);
    nic_set_handler(i->nic, &h);
    return true;
}

/* Begins an incarnation: the kernel task, and its first upcall. */
static void begin(struct node *n)
{
    for (uint32_t i = 0; i < n->iface_count; i++) {
        nic_up(n->ifaces[i].nic);
        n->ifaces[i].adapter = (struct adapter_state){ 0 };
    }
    n->up = true;
    n->next_task = 0;
    struct port *kernel = task_new(n, "kernel");
    upcall_submit(upcall_new(kernel, UPCALL_BOOT));
}

/* In the boot upcall. */
void node_boot(struct node *n)
{
    const struct machine *m = n->machine;
    struct os_node *(*boot)(struct port *, const struct os_boot *) =
        m->looking ? m->reg->look : m->reg->boot;
    if (boot != NULL)
        boot(node_kernel(n), &m->boot);
}

void node_crash(struct node *n)
{
    if (!n->up)
        return;
    struct machine *m = n->machine;
    m->counts.crashes++;
    for (uint32_t i = 0; i < n->iface_count; i++)
        nic_train_touch(n->ifaces[i].nic);
    n->up = false;
    /* The CPUs first: what leaves them is not to let anything else in. */
    sim_server_reset(&n->cpu, NULL);
    if (n->own->node.coprocessor)
        sim_server_reset(&n->coprocessor, NULL);
    if (n->third != NULL)
        sim_server_reset(n->third, NULL);
    for (uint32_t i = 0; i < n->iface_count; i++)
        nic_down(n->ifaces[i].nic);
    while (!list_empty(&n->tasks))
        task_crash(LIST_ENTRY(n->tasks.prev, struct port, link));
    while (!list_empty(&n->dead_tasks))
        task_free(LIST_ENTRY(n->dead_tasks.next, struct port, link));
    ASSERT_MSG(list_empty(&n->upcalls) && list_empty(&n->effects), "NODE4");
    for (uint32_t i = 0; i < n->iface_count; i++)
        n->ifaces[i].sends_pending = 0;
    machine_tell(m, n->id, false);
}

void node_restart(struct node *n)
{
    if (n->up)
        return;
    struct machine *m = n->machine;
    m->counts.restarts++;
    n->incarnation++;
    begin(n);
    machine_tell(m, n->id, true);
}

void node_start(struct node *n)
{
    begin(n);
}

void node_fini(struct node *n)
{
    if (n->up)
        node_crash(n);
    struct list *l;
    while ((l = list_pop(&n->free_threads)) != NULL)
        free(LIST_ENTRY(l, struct port_thread, link));
    for (uint32_t i = 0; i < n->dev_count; i++) {
        sim_inside_fini(&n->in_dev[i]);
        n->devs[i]->ops->destroy(n->devs[i]);
    }
    free(n->in_dev);
    free(n->devs);
    while (!list_empty(&n->requests))
        request_free(LIST_ENTRY(n->requests.next, struct request, link));
    while (!list_empty(&n->changes))
        change_free(LIST_ENTRY(n->changes.next, struct change, link));
    free(n->changers);
    for (uint32_t i = 0; i < n->iface_count; i++)
        nic_destroy(n->ifaces[i].nic);
    free(n->ifaces);
    sim_server_fini(&n->cpu);
    if (n->own->node.coprocessor)
        sim_server_fini(&n->coprocessor);
    if (n->third != NULL)
        sim_server_fini(n->third);
    free(n->third);
    sim_server_fini(&n->bus);
}

/* ---- the failure detector ---- */

struct notice {
    struct sim_event event;
    struct list link; /* machine->notices */
    struct machine *machine;
    uint32_t about, life;
    uint32_t only; /* node to tell; UINT32_MAX: all */
    bool up;
};

static void tell_node(struct node *n, const struct notice *t)
{
    if (!n->up || n->id == t->about)
        return;
    LIST_EACH (l, &n->tasks) {
        struct port *task = LIST_ENTRY(l, struct port, link);
        LIST_EACH (w, &task->watchers) {
            struct upcall *u = upcall_new(task, UPCALL_NODE);
            u->watcher = LIST_ENTRY(w, struct watcher, link);
            u->about = t->about;
            u->life = t->life;
            u->up = t->up;
            upcall_submit(u);
        }
    }
}

static void notice_due(struct sim *s, struct sim_event *e)
{
    (void)s;
    struct notice *t = CONTAINER_OF(e, struct notice, event);
    struct machine *m = t->machine;
    /* Each change is told, in its order: also a death after which the node is back by now. */
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        if (t->only == UINT32_MAX || t->only == i)
            tell_node(&m->nodes[i], t);
    list_remove(&t->link);
    free(t);
}

static void notify(struct machine *m, uint32_t about, bool up, uint32_t only)
{
    struct notice *t = base_zalloc(1, sizeof *t);
    t->machine = m;
    t->about = about;
    t->life = m->nodes[about].incarnation;
    t->only = only;
    t->up = up;
    sim_event_init(&t->event, SIM_CLASS_SOFTWARE, notice_due);
    list_init(&t->link);
    list_push(&m->notices, &t->link);
    sim_after(m->sim, &t->event, m->params.detector_delay);
}

void machine_tell(struct machine *m, uint32_t about, bool up)
{
    if (m->closing)
        return;
    notify(m, about, up, UINT32_MAX);
    /* One that comes back is told who is down, and who is in a later life: what it sends these
     * before it hears of that would be dropped when it does. */
    for (uint32_t i = 0; up && i < m->layout.nodes; i++)
        if (i != about && (!m->nodes[i].up || m->nodes[i].incarnation > 1))
            notify(m, i, m->nodes[i].up, about);
}

void machine_forget_notices(struct machine *m)
{
    struct list *l;
    while ((l = list_pop(&m->notices)) != NULL) {
        struct notice *t = LIST_ENTRY(l, struct notice, link);
        sim_cancel(m->sim, &t->event);
        free(t);
    }
}
