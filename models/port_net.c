/* port_net.c: the port's network interfaces, over mesh/nic.h, and the ends that tasks have there.
 *
 * A frame that the port accepts has a place in the interface's transmit queue from that moment,
 * though it gets there only when the work named before it is done.
 *
 *   PEND1  A frame goes to the first end, in the order of opening, whose conditions it meets, as an
 *       upcall of that end's task; it is found when the frame is in memory.
 *   PEND2  An end whose task has ended, or that was closed, gets nothing more: what was on its way
 *       up to it is dropped and counted.
 */
#include "models/node.h"

#include <stdio.h>
#include <stdlib.h>

struct port_end {
    struct match_entry match; /* in iface->ends */
    struct list link;         /* task->ends */
    struct list open;         /* iface->open, in order */
    struct list refused;      /* iface->refused while it waits for room */
    struct iface *iface;
    struct port *task;
    const struct port_end_ops *ops;
    void *arg;
    uint32_t conditions;
};

uint32_t port_if_count(const struct port *p)
{
    return p->node->iface_count;
}

static struct iface *iface_of(const struct port *p, uint32_t ifc)
{
    ASSERT(ifc < p->node->iface_count);
    return &p->node->ifaces[ifc];
}

void port_if_describe(const struct port *p, uint32_t ifc, struct port_if_info *out)
{
    const struct iface *i = iface_of(p, ifc);
    const struct network *n = i->network;
    struct net_describe d;
    n->ops->describe(n->net, &d);
    *out = (struct port_if_info){
        .mtu = nic_mtu(i->nic),
        .station = i->station,
        .rate = (uint64_t)((double)d.flit_bytes * (double)SIM_SEC / (double)d.flit_time),
        .reliable = !n->faults && !n->drops, /* what dies takes frames with it */
        .ordered = !n->overtakes,
        .control = true,
        .broadcast = nic_mtu_all(i->nic) > 0,
    };
    snprintf(out->name, sizeof out->name, "%s", n->name);
}

bool port_if_station(const struct port *p, uint32_t ifc, uint32_t host, uint64_t *station)
{
    const struct network *n = iface_of(p, ifc)->network;
    uint32_t at = host < p->machine->layout.nodes ? n->station_of[host] : UINT32_MAX;
    *station = at;
    return at != UINT32_MAX;
}

bool port_if_host(const struct port *p, uint32_t ifc, uint64_t station, uint32_t *host)
{
    const struct network *n = iface_of(p, ifc)->network;
    *host = station < n->count ? n->nodes[station] : UINT32_MAX;
    return station < n->count;
}

/* ---- ends ---- */

struct port_end *port_end_open(struct port *task, uint32_t ifc, const struct match *m,
                               uint32_t count, const struct port_end_ops *ops, void *arg,
                               enum port_if_result *why)
{
    *why = PORT_IF_NONE;
    if (ifc >= task->node->iface_count)
        return NULL;
    struct iface *i = &task->node->ifaces[ifc];
    struct port_end *e = base_zalloc(1, sizeof *e);
    *e = (struct port_end){ .iface = i, .task = task, .ops = ops, .arg = arg, .conditions = count };
    if (!match_add(&i->ends, &e->match, m, count)) {
        *why = PORT_IF_TAKEN;
        free(e);
        return NULL;
    }
    list_init(&e->link);
    list_init(&e->open);
    list_init(&e->refused);
    list_push(&task->ends, &e->link);
    list_push(&i->open, &e->open);
    *why = PORT_IF_OK;
    return e;
}

void port_end_first(struct port_end *e)
{
    match_first(&e->iface->ends, &e->match);
    list_remove(&e->open);
    list_push_front(&e->iface->open, &e->open);
}

void port_end_close(struct port_end *e)
{
    if (e == NULL)
        return;
    /* PEND2 */
    LIST_EACH (it, &e->task->node->upcalls) {
        struct upcall *u = LIST_ENTRY(it, struct upcall, link);
        if (u->end == e)
            u->end = NULL;
    }
    trains_lose(e);
    match_remove(&e->iface->ends, &e->match);
    list_remove(&e->link);
    list_remove(&e->open);
    list_remove(&e->refused);
    free(e);
}

void ends_close(struct port *task)
{
    while (!list_empty(&task->ends))
        port_end_close(LIST_ENTRY(task->ends.next, struct port_end, link));
}

struct port *end_task(const struct port_end *e)
{
    return e->task;
}

/* The end that all frames go to, whatever they are; NULL: that must be looked at. */
struct port_end *iface_taker(const struct iface *i)
{
    if (list_empty(&i->open))
        return NULL;
    struct port_end *e = LIST_ENTRY(i->open.next, struct port_end, open);
    return e->conditions == 0 ? e : NULL;
}

/* ---- down ---- */

static bool queue_full(const struct iface *i)
{
    return nic_queue_length(i->nic) + i->sends_pending >=
           (uint64_t)i->network->own.nic.queue_frames;
}

enum port_if_result port_end_send(struct port_end *e, uint64_t station, unsigned flags,
                                  struct rope *frame)
{
    struct iface *i = e->iface;
    struct node *n = i->node;
    struct machine *m = n->machine;
    bool all = flags & PORT_ALL;
    if (all ? nic_mtu_all(i->nic) == 0 : station >= i->network->count)
        return PORT_IF_NO_STATION;
    if (frame->length > (all ? nic_mtu_all(i->nic) : nic_mtu(i->nic)))
        return PORT_IF_TOO_LONG;
    if (queue_full(i)) {
        if (list_empty(&e->refused))
            list_push(&i->refused, &e->refused);
        train_wants_room(i);
        return PORT_IF_BUSY;
    }
    rope_settle(frame); /* by DMA, or by a CPU that copies: as it is now */
    i->sends_pending++;
    m->counts.frames_in++;
    m->counts.bytes_in += frame->length;
    struct nic_frame *out =
        nic_frame_new(i->nic, all ? NET_ALL : (uint32_t)station, frame, rope_name(frame));
    bool control = flags & PORT_CONTROL;
    m->counts.controls += control;
    if (!control && !all && train_takes(e->task, i, out, flags & PORT_PART))
        return PORT_IF_OK;
    nic_train_leave(i->nic); /* what it holds was called before (NODE5) */
    struct effect *f = effect_new(e->task, EFFECT_SEND);
    f->iface = i;
    f->dst = out->dst;
    f->frame = out;
    f->control = control;
    effect_take(f);
    return PORT_IF_OK;
}

static struct activity *activity_of(const struct port_end *e)
{
    struct node *n = e->task->node;
    struct activity *a = n->machine->running;
    ASSERT_MSG(a != NULL && a->node == n, "work is named by code that runs on the node");
    return a;
}

/* As port_work, at the network's prices. */
static void end_work(struct port_end *e, enum port_work kind, uint64_t amount)
{
    struct activity *a = activity_of(e);
    if (!a->unpriced)
        a->work =
            sim_time_add(a->work, network_cost(e->iface->network, e->task->node, kind, amount));
}

/* What of a frame goes through the adapter: cells hold its headers, too, in flits of an octet. */
static uint64_t moved(const struct net_side *n, uint64_t bytes)
{
    return bytes + (n->adapter->cells != NULL ? (uint64_t)n->nic.header_flits : 0);
}

/* The bytes of a frame are moved: by the adapter's means, or at the price of frame_bytes. */
static void move_bytes(struct port_end *e, uint64_t bytes, bool out)
{
    struct iface *i = e->iface;
    const struct net_side *n = i->side;
    struct activity *a = activity_of(e);
    if (n->adapter == NULL || !n->adapter->programmed) {
        end_work(e, PORT_WORK_FRAME_BYTES, bytes);
    } else if (!a->unpriced) {
        sim_time now = activity_now(i->node->machine);
        a->work = sim_time_add(a->work, (out ? n->adapter->out : n->adapter->in)(
                                            n->params, &i->adapter, moved(n, bytes), now));
    }
}

void port_end_out(struct port_end *e, uint64_t bytes)
{
    end_work(e, PORT_WORK_FRAME_OUT, 1);
    move_bytes(e, bytes, true);
}

void port_end_in(struct port_end *e, uint64_t bytes)
{
    end_work(e, PORT_WORK_FRAME_IN, 1);
    move_bytes(e, bytes, false);
}

void frame_send(struct iface *i, struct nic_frame *f)
{
    i->sends_pending--;
    captures_write(i->taps, f, false);
    enum nic_result r = nic_send_frame(i->nic, f);
    ASSERT_MSG(r == NIC_OK, "a place in the transmit queue was kept");
}

/* ---- up ---- */

/* What an adapter has of frames that came before: cells that no upcall has begun to read, and
 * whether a frame of the interface waits or is handled. */
struct before {
    uint64_t cells;
    bool any;
};

static struct before came_before(const struct iface *i)
{
    const struct net_side *n = i->side;
    struct before b = { 0 };
    LIST_EACH (it, &i->node->upcalls) {
        const struct upcall *u = LIST_ENTRY(it, struct upcall, link);
        if (u->kind != UPCALL_FRAME || u->end == NULL || u->end->iface != i)
            continue;
        b.any = true;
        if (!u->started && n->adapter->cells != NULL)
            b.cells += n->adapter->cells(n->params, moved(n, u->frame->data.length));
    }
    return b;
}

static bool adapter_has_room(const struct iface *i, const struct nic_frame *f,
                             const struct before *b)
{
    const struct net_side *n = i->side;
    return n->adapter->cells == NULL ||
           adapter_room(n->params, &i->adapter, b->cells,
                        n->adapter->cells(n->params, moved(n, f->bytes)),
                        sim_now(i->node->machine->sim));
}

static void interrupt(struct upcall *u)
{
    struct machine *m = u->task->machine;
    struct activity *a = m->running;
    if (a->polls)
        return;
    m->counts.adapter_interrupts++;
    a->work = sim_time_add(a->work, u->end->iface->side->params->interrupt);
}

/* The frame is in memory: the upcall of its end waits for a CPU (PEND1). */
static void received(void *arg, struct nic_frame *f)
{
    struct iface *i = arg;
    struct machine *m = i->node->machine;
    struct nic_split split = nic_frame_split(f);
    m->counts.frame_queue += (uint64_t)split.queue;
    m->counts.frame_dma += (uint64_t)split.dma;
    m->counts.frame_mesh += (uint64_t)split.mesh;
    m->counts.frame_blocked += (uint64_t)f->blocked;
    const struct net_side *side = i->side;
    struct before before = { 0 };
    if (side->adapter != NULL) {
        before = came_before(i);
        if (!adapter_has_room(i, f, &before)) {
            m->counts.frames_dropped[DROP_ADAPTER_FULL]++;
            return;
        }
    }
    captures_write(i->taps, f, true);
    struct port_end *e = iface_taker(i);
    uint32_t shapes = e == NULL ? i->ends.conditioned : 0;
    if (e == NULL) {
        struct match_entry *found = match_find(&i->ends, &f->data, &m->counts.filter_looks);
        e = found == NULL ? NULL : CONTAINER_OF(found, struct port_end, match);
    }
    if (e == NULL) {
        m->counts.frames_dropped[DROP_NO_RECEIVER]++;
        return;
    }
    struct upcall *u = upcall_new(e->task, UPCALL_FRAME);
    u->frame = f;
    u->end = e;
    u->shapes = shapes;
    u->interrupts = side->adapter != NULL && side->params->interrupt > 0 &&
                    !(side->params->interrupts == ADAPTER_BATCH && before.any);
    nic_frame_keep(f);
    if (m->params.flatten) {
        rope_flatten(&f->data, true);
        f->cookie = rope_name(&f->data);
    }
    upcall_submit(u);
}

void frame_up(struct port_end *e, struct nic_frame *f, sim_time at)
{
    struct machine *m = e->task->machine;
    m->counts.frames_out++;
    m->counts.bytes_out += f->bytes;
    sim_waist(m->sim, SIM_WAIST_MESSAGE, at, e->task->node->id, f->bytes, f->cookie);
    e->ops->receive(e->arg, f->src, f->dst == NET_ALL ? PORT_ALL : 0, &f->data);
}

void frame_received(struct upcall *u)
{
    struct node *n = u->task->node;
    if (u->end == NULL) {
        n->machine->counts.frames_dropped[DROP_NO_RECEIVER]++;
    } else {
        if (u->interrupts)
            interrupt(u);
        if (u->shapes > 0)
            end_work(u->end, PORT_WORK_FILTER, u->shapes);
        frame_up(u->end, u->frame, sim_now(n->machine->sim));
    }
    nic_frame_free(u->frame);
}

void end_ready(struct upcall *u)
{
    struct port_end *e = u->end;
    if (e != NULL && e->ops->ready != NULL)
        e->ops->ready(e->arg);
}

/* The transmit queue has moved on. */
static void sent(void *arg, uint64_t cookie)
{
    (void)cookie;
    frame_left(arg);
}

void frame_left(struct iface *i)
{
    if (list_empty(&i->refused) || queue_full(i))
        return;
    struct list now;
    list_init(&now);
    list_splice(&now, &i->refused);
    struct list *l;
    while ((l = list_pop(&now)) != NULL) {
        struct port_end *e = LIST_ENTRY(l, struct port_end, refused);
        struct upcall *u = upcall_new(e->task, UPCALL_READY);
        u->end = e;
        upcall_submit(u);
    }
}

struct nic_handler iface_handler(struct iface *i)
{
    return (struct nic_handler){ .receive = received, .sent = sent, .arg = i };
}
