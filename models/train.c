/* train.c: the frames of a long message, reckoned together (mesh/train.h).
 *
 * Frames that one upcall sends to one node, with work named between them, are gathered until it
 * does anything else that others can observe.  When both ends are idle they become a train, or join
 * the one before them: their effects, transfers, packets and upcalls are no events any more.  The
 * upcalls of the frames that have arrived run late in host time, in one go, each at its own
 * simulated time.
 *
 *   upcall i starts at max(in memory, end of upcall i - 1) and lasts as long as the work it names
 *
 *   TRAIN3  Only the upcall of a part (PORT_PART) runs late: nobody can see anything of it
 *       before the receiver's CPU does something else, and then the train is parted first.  All
 *       others run at their times.
 */
#include "models/node.h"

#include <stdlib.h>

#define FEWEST 4 /* frames; below that nothing is won */

struct train {
    struct nic_train nic;
    struct list link; /* machine->trains, or free_trains */
    struct machine *machine;
    struct iface *from, *to;
    struct port *task;    /* that sends */
    struct port_end *end; /* that takes all; NULL: nobody does any more */
    uint32_t gathered;
    struct sim_event event; /* an upcall that must run at its time, or the last */
    struct sim_event room;  /* the source's queue has room, and its driver wants to know */
    struct sim_lent cpu;    /* that runs the receiver's upcalls */
    uint32_t ran, passed;   /* upcalls that began; of those, ended when the latest frame came */
    struct {
        sim_time start, end;
        uint64_t inside;
        bool part;
    } upcalls[NIC_TRAIN_MAX];
};

static void due(struct sim *s, struct sim_event *e);
static void room(struct sim *s, struct sim_event *e);
static void part(struct train *t);

static void nic_wanted(struct nic_train *n)
{
    part(CONTAINER_OF(n, struct train, nic));
}

static void cpu_wanted(struct sim_lent *l)
{
    part(CONTAINER_OF(l, struct train, cpu));
}

/* ---- gathering ---- */

static struct train *train_new(struct iface *from, struct iface *to, struct port *task)
{
    struct machine *m = task->machine;
    struct list *l = list_pop(&m->free_trains);
    struct train *t = l != NULL ? LIST_ENTRY(l, struct train, link) : base_alloc(sizeof *t);
    list_init(&t->link);
    t->machine = m;
    t->from = from;
    t->to = to;
    t->task = task;
    t->ran = t->passed = t->gathered = 0;
    t->nic.from = from->nic;
    t->nic.to = to->nic;
    t->nic.count = 0;
    t->nic.wanted = nic_wanted;
    t->cpu.wanted = cpu_wanted;
    sim_event_init(&t->event, SIM_CLASS_SOFTWARE, due);
    sim_event_init(&t->room, SIM_CLASS_SOFTWARE, room);
    return t;
}

static bool possible(const struct machine *m)
{
    const struct activity *a = m->running;
    return m->params.trains && a != NULL && a->thread == NULL && !m->params.flatten &&
           m->fault_step == UINT64_MAX;
}

bool train_takes(struct port *task, struct iface *from, struct nic_frame *f, bool part)
{
    struct machine *m = task->machine;
    struct iface *to = from->network->at[f->dst];
    if (from->taps != NULL || to->taps != NULL) /* a capture wants each at its time */
        return false;
    /* What an upcall sends before it has named work goes at once, which one that a train runs must
     * not do: where frames cost nothing there are none. */
    if (!possible(m) || from->network->ops->lend == NULL || from->side->adapter != NULL ||
        to->side->adapter != NULL ||
        network_cost(to->network, to->node, PORT_WORK_FRAME_IN, 1) == 0)
        return false;
    if (m->gathering != NULL && (m->gathering->to != to || m->gathering->gathered == NIC_TRAIN_MAX))
        train_leaves(m);
    if (m->gathering == NULL)
        m->gathering = train_new(from, to, task);
    struct train *t = m->gathering;
    t->upcalls[t->gathered].part = part;
    t->nic.legs[t->gathered++] = (struct nic_leg){
        .frame = f,
        .ready = activity_now(m),
        .sequence = sim_sequence(m->sim),
        .at_once = m->running->work == 0,
    };
    return true;
}

/* From the moment that the source's driver wants to know of room: when the next frame has left the
 * queue. */
static void watch_room(struct train *t)
{
    struct sim *s = t->machine->sim;
    uint32_t waiting = nic_train_waiting(&t->nic);
    if (waiting > 0 && !list_empty(&t->from->refused) && !sim_event_pending(&t->room))
        sim_at(s, &t->room, t->nic.legs[t->nic.count - waiting].out);
}

void train_wants_room(struct iface *i)
{
    LIST_EACH (it, &i->node->machine->trains) {
        struct train *t = LIST_ENTRY(it, struct train, link);
        if (t->from == i)
            watch_room(t);
    }
}

void trains_lose(struct port_end *e)
{
    LIST_EACH (it, &end_task(e)->machine->trains) {
        struct train *t = LIST_ENTRY(it, struct train, link);
        if (t->end == e)
            t->end = NULL;
    }
}

static void room(struct sim *s, struct sim_event *e)
{
    (void)s;
    frame_left(CONTAINER_OF(e, struct train, room)->from);
}

static void count_gone(struct train *t, uint32_t count)
{
    struct machine *m = t->machine;
    t->from->sends_pending -= count;
    m->counts.effects.made += count;
    m->counts.effects.done += count;
    m->steps += count;
}

static bool begin(struct train *t)
{
    struct machine *m = t->machine;
    struct iface *from = t->from;
    struct sim_server *cpu = cpu_of_upcalls(t->to->node);
    t->end = iface_taker(t->to);
    if (t->gathered < FEWEST || from->sends_pending != t->gathered || !t->to->node->up ||
        t->end == NULL || end_task(t->end) != node_kernel(t->to->node) || cpu->in_system > 0 ||
        cpu->lent != NULL || !nic_train_begin(&t->nic, t->gathered))
        return false;
    sim_server_lend(cpu, &t->cpu);
    list_push(&m->trains, &t->link);
    count_gone(t, t->gathered);
    sim_at(m->sim, &t->event, t->nic.legs[0].in);
    watch_room(t);
    return true;
}

/* Behind the train that leaves the same node for the same node. */
static bool join(struct train *t)
{
    LIST_EACH (it, &t->machine->trains) {
        struct train *u = LIST_ENTRY(it, struct train, link);
        if (u->from != t->from || u->to != t->to || u->task != t->task ||
            t->from->sends_pending != t->gathered || u->nic.count + t->gathered > NIC_TRAIN_MAX)
            continue;
        for (uint32_t i = 0; i < t->gathered; i++) {
            u->nic.legs[u->nic.count + i] = t->nic.legs[i];
            u->upcalls[u->nic.count + i].part = t->upcalls[i].part;
        }
        if (!nic_train_extend(&u->nic, t->gathered))
            return false;
        count_gone(u, t->gathered);
        watch_room(u);
        return true;
    }
    return false;
}

static void as_effects(struct train *t, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct effect *f = effect_new(t->task, EFFECT_SEND);
        f->iface = t->from;
        f->dst = t->nic.legs[i].frame->dst;
        f->frame = t->nic.legs[i].frame;
        if (t->nic.legs[i].at_once)
            effect_now(f);
        else
            effect_at(f, t->nic.legs[i].ready);
    }
}

void train_leaves(struct machine *m)
{
    struct train *t = m->gathering;
    m->gathering = NULL;
    bool joined = join(t);
    if (!joined) {
        nic_train_leave(t->from->nic);
        if (begin(t))
            return;
        as_effects(t, 0, t->gathered);
    }
    list_push_front(&m->free_trains, &t->link);
}

/* ---- upcalls ---- */

static bool ended(const struct machine *m, sim_time when)
{
    return sim_past(m->sim, when, SIM_CLASS_DEVICE, SIM_UNKNOWN);
}

/* When the upcall of the next frame begins. */
static sim_time next_start(const struct train *t)
{
    sim_time in = t->nic.legs[t->ran].in;
    return t->ran > 0 ? sim_time_max(in, t->upcalls[t->ran - 1].end) : in;
}

/* Upcalls in the system once frame i has come. */
static uint64_t inside_at(struct train *t, uint32_t i)
{
    const struct nic_leg *l = &t->nic.legs[i];
    for (; t->passed < t->ran && t->passed < i; t->passed++) {
        sim_time end = t->upcalls[t->passed].end;
        /* At one moment what was scheduled first comes first: the transfer, or this end. */
        if (end > l->in || (end == l->in && l->pull <= t->upcalls[t->passed].start))
            break;
    }
    return i - t->passed + 1;
}

static struct port *taker(const struct train *t)
{
    return t->end != NULL ? end_task(t->end) : node_kernel(t->to->node);
}

/* Runs the upcall of the next frame, at its start. */
static void run(struct train *t)
{
    struct machine *m = t->machine;
    struct node *to = t->to->node;
    uint32_t i = t->ran;
    const struct nic_leg *l = &t->nic.legs[i];
    struct activity here = {
        .node = to,
        .task = taker(t),
        .start = next_start(t),
        .polls = cpu_of_upcalls(to) != &to->cpu,
    };
    if (i > 0)
        sim_server_book(cpu_of_upcalls(to), t->nic.legs[i - 1].in, t->upcalls[i - 1].start,
                        t->upcalls[i - 1].end, t->upcalls[i - 1].inside);
    uint64_t inside = inside_at(t, i);
    t->ran++;
    m->running = &here;
    m->train_runs = true;
    sim_set_context(m->sim, "node", to->id);
    machine_step(m);
    if (t->end != NULL)
        frame_up(t->end, l->frame, here.start);
    else
        m->counts.frames_dropped[DROP_NO_RECEIVER]++;
    if (m->gathering != NULL)
        train_leaves(m);
    m->train_runs = false;
    m->running = NULL;
    m->counts.upcalls.made++;
    m->counts.upcalls.done++;
    m->counts.upcall_wait += here.start - l->in;
    m->counts.upcall_work += here.work;
    t->upcalls[i].start = here.start;
    t->upcalls[i].end = here.start + here.work;
    t->upcalls[i].inside = inside;
}

/* The last upcall that began becomes an ordinary one, unless it has ended, too. */
static void latest(struct train *t)
{
    struct machine *m = t->machine;
    struct sim_server *cpu = cpu_of_upcalls(t->to->node);
    if (t->ran == 0)
        return;
    uint32_t i = t->ran - 1;
    sim_time in = t->nic.legs[i].in, start = t->upcalls[i].start, end = t->upcalls[i].end;
    if (ended(m, end)) {
        sim_server_book(cpu, in, start, end, t->upcalls[i].inside);
        return;
    }
    struct upcall *u = upcall_new(taker(t), UPCALL_FRAME);
    m->counts.upcalls.made--; /* counted when it ran */
    u->started = true;
    u->job.service = end - start;
    sim_server_adopt(cpu, &u->job, in, start, t->upcalls[i].inside);
}

/* ---- parting ---- */

static void count_frame(struct machine_counts *c, const struct nic_leg *l)
{
    sim_time queue = l->start - l->ready, mesh = l->net.delivered - l->net.inject;
    c->frame_queue += (uint64_t)queue;
    c->frame_mesh += (uint64_t)mesh;
    c->frame_dma += (uint64_t)(l->in - l->ready - queue - mesh);
    c->frame_blocked += (uint64_t)(l->net.eject - l->net.header);
}

static void part(struct train *t)
{
    struct machine *m = t->machine;
    struct activity *running = m->running;
    struct node *to = t->to->node;
    m->running = NULL;
    sim_cancel(m->sim, &t->event);
    sim_cancel(m->sim, &t->room);
    while (t->ran < t->nic.count && t->upcalls[t->ran].part && ended(m, t->nic.legs[t->ran].in) &&
           ended(m, next_start(t)))
        run(t);
    latest(t);
    uint32_t arrived, sent = nic_train_part(&t->nic, &arrived);
    for (uint32_t i = 0; i < arrived; i++) {
        count_frame(&m->counts, &t->nic.legs[i]);
        if (i < t->ran) {
            nic_frame_free(t->nic.legs[i].frame);
            continue;
        }
        struct upcall *u = upcall_new(taker(t), UPCALL_FRAME);
        u->end = t->end;
        u->frame = t->nic.legs[i].frame;
        sim_server_adopt(cpu_of_upcalls(to), &u->job, t->nic.legs[i].in, SIM_NEVER,
                         inside_at(t, i));
    }
    uint32_t rest = t->nic.count - sent;
    m->counts.effects.made -= rest;
    m->counts.effects.done -= rest;
    m->steps -= rest;
    t->from->sends_pending += rest;
    as_effects(t, sent, t->nic.count);
    list_remove(&t->link);
    list_push_front(&m->free_trains, &t->link);
    sim_server_regain(cpu_of_upcalls(to));
    m->running = running;
    if (running != NULL)
        sim_set_context(m->sim, "node", running->node->id);
}

/* Upcalls up to now; then the next one that must run at its time, or the last. */
static void due(struct sim *s, struct sim_event *e)
{
    struct train *t = CONTAINER_OF(e, struct train, event);
    while (t->ran < t->nic.count && next_start(t) <= sim_now(s))
        run(t);
    if (t->ran == t->nic.count) {
        part(t);
        return;
    }
    uint32_t next = t->ran;
    while (t->upcalls[next].part && next + 1 < t->nic.count)
        next++;
    sim_at(s, e, sim_time_max(t->nic.legs[next].in, next_start(t)));
}

void trains_settle(void *machine)
{
    struct machine *m = machine;
    while (!list_empty(&m->trains))
        part(LIST_ENTRY(m->trains.next, struct train, link));
}

void trains_free(struct machine *m)
{
    struct list *l;
    trains_settle(m);
    while ((l = list_pop(&m->free_trains)) != NULL)
        free(LIST_ENTRY(l, struct train, link));
}
