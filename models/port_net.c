/* port_net.c: the port's network interface: one, "mesh0", over mesh/nic.h.
 *
 * A frame that the port accepts has a place in the interface's transmit queue from that moment,
 * though it gets there only when the work named before it is done.
 */
#include "models/node.h"

#include <stdio.h>

uint32_t port_if_count(const struct port *p)
{
    (void)p;
    return NODE_INTERFACES;
}

void port_if_describe(const struct port *p, uint32_t ifc, struct port_if_info *out)
{
    ASSERT(ifc == 0);
    *out = (struct port_if_info){
        .name = "mesh0",
        .mtu = nic_mtu(p->node->nic),
        .address = p->node->id,
        .addresses = p->machine->layout.nodes,
        /* What dies takes frames with it. */
        .reliable = !p->machine->network_faults && !p->machine->network_drops,
        .ordered = !p->machine->network_overtakes,
        .control = true,
    };
}

static bool queue_full(const struct node *n)
{
    return nic_queue_length(n->nic) + n->sends_pending >=
           (uint64_t)n->machine->params.nic.queue_frames;
}

enum port_if_result port_if_send(struct port *p, uint32_t ifc, uint32_t dst, unsigned flags,
                                 struct rope *frame)
{
    ASSERT(ifc == 0);
    struct node *n = p->node;
    struct machine *m = n->machine;
    if (dst >= m->layout.nodes)
        return PORT_IF_NO_ADDRESS;
    if (frame->length > nic_mtu(n->nic))
        return PORT_IF_TOO_LONG;
    if (queue_full(n)) {
        n->wants_ready = true;
        train_wants_room(n);
        return PORT_IF_BUSY;
    }
    n->sends_pending++;
    m->counts.frames_in++;
    m->counts.bytes_in += frame->length;
    struct nic_frame *out = nic_frame_new(n->nic, dst, frame, rope_name(frame));
    bool control = flags & PORT_CONTROL;
    m->counts.controls += control;
    if (!control && train_takes(p, out, flags & PORT_PART))
        return PORT_IF_OK;
    nic_train_leave(n->nic); /* what it holds was called before (NODE5) */
    struct effect *f = effect_new(p, EFFECT_SEND);
    f->dst = dst;
    f->frame = out;
    f->control = control;
    effect_take(f);
    return PORT_IF_OK;
}

void frame_send(struct node *n, struct nic_frame *f)
{
    n->sends_pending--;
    enum nic_result r = nic_send_frame(n->nic, f);
    ASSERT_MSG(r == NIC_OK, "a place in the transmit queue was kept");
}

void port_if_set_handler(struct port *p, uint32_t ifc, const struct port_if_handler *h)
{
    ASSERT(ifc == 0);
    p->node->handler = *h;
}

/* The frame is in memory: its upcall waits for a CPU. */
static void received(void *arg, struct nic_frame *f)
{
    struct node *n = arg;
    struct machine *m = n->machine;
    struct nic_split split = nic_frame_split(f);
    m->counts.frame_queue += (uint64_t)split.queue;
    m->counts.frame_dma += (uint64_t)split.dma;
    m->counts.frame_mesh += (uint64_t)split.mesh;
    m->counts.frame_blocked += (uint64_t)f->blocked;
    if (n->handler.receive == NULL) {
        m->counts.frames_dropped[DROP_NO_RECEIVER]++;
        return;
    }
    struct upcall *u = upcall_new(node_kernel(n), UPCALL_FRAME);
    u->frame = f;
    nic_frame_keep(f);
    if (m->params.flatten) {
        rope_flatten(&f->data, true);
        f->cookie = rope_name(&f->data);
    }
    upcall_submit(u);
}

void frame_up(struct node *n, struct nic_frame *f, sim_time at)
{
    struct machine *m = n->machine;
    m->counts.frames_out++;
    m->counts.bytes_out += f->bytes;
    sim_waist(m->sim, SIM_WAIST_MESSAGE, at, n->id, f->bytes, f->cookie);
    n->handler.receive(n->handler.arg, f->src, &f->data);
}

void frame_received(struct upcall *u)
{
    struct node *n = u->task->node;
    frame_up(n, u->frame, sim_now(n->machine->sim));
    nic_frame_free(n->nic, u->frame);
}

/* The transmit queue has moved on. */
static void sent(void *arg, uint64_t cookie)
{
    (void)cookie;
    frame_left(arg);
}

void frame_left(struct node *n)
{
    if (!n->wants_ready || queue_full(n))
        return;
    n->wants_ready = false;
    upcall_submit(upcall_new(node_kernel(n), UPCALL_READY));
}

struct nic_handler frame_handler(struct node *n)
{
    return (struct nic_handler){ .receive = received, .sent = sent, .arg = n };
}
