/* nic.c: a node's network interface: see nic.h for what is modelled.
 *
 * Transmit: queue -> (DMA over the bus, a packet at a time) -> transmit buffer -> network.
 * Receive: network -> arrived list -> (DMA over the bus, a packet at a time) -> memory.
 * A frame lives from nic_send until its last packet is in memory or lost.
 */
#include "mesh/nic_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "mesh/train.h"
#include "sim/audit.h"

const struct param nic_params_desc[] = {
    P_SIZE(nic_params, mtu, "64KiB", "64B", "1GiB", "Largest frame.",
           "ASSUMED(no source; large, so that protocols above decide on fragments)"),
    P_SIZE(nic_params, packet_bytes, "1024B", "1B", "1MiB", "Payload of one packet (one worm).",
           "ASSUMED(no source for the Paragon's packet size)"),
    P_INT(nic_params, header_flits, "16", "1", "1024",
          "Flits of a packet that carry no payload: route, control, checksum.",
          "ASSUMED(32 bytes of 1056 on the wire)"),
    P_INT(nic_params, queue_frames, "16", "1", "1000000",
          "Frames that the transmit queue holds, the one in service included.",
          "ASSUMED(no source)"),
    P_RATE(nic_params, dma_rate, "400MB/s", "1B/s", "1000GB/s",
           "Rate between memory and the interface.",
           "Paragon: 64-bit bus at 50 MHz [netlib report95 node4]"),
    P_TIME(nic_params, dma_setup, "0", "0", "1ms", "Fixed bus time of the transfer of one packet.",
           "ASSUMED(folded into the software's cost of a frame)"),
    P_SIZE(nic_params, setup_above, "0", "0", "1GiB",
           "Frames of more bytes reserve room at their destination first, by a packet there and "
           "one back of header_flits each; 0: none does.",
           "Paragon: none; iPSC/860: messages above 100 bytes [Bokhari 1990]"),
    P_TIME(nic_params, setup_time, "0", "0", "1s",
           "Time that each end takes for its part of a reservation: the destination before it "
           "answers, the source before it sends.",
           "ASSUMED(used with setup_above; machines set it)"),
    P_INT(nic_params, receive_packets, "0", "0", "1000000",
          "Packets that the receiving side has room for, until they are in memory; while it is "
          "full the network holds the others at its ejection channel, and what is behind them. 0: "
          "any number.",
          "ASSUMED(no source for the buffer; memory is faster than the channel)"),
    P_END,
};

struct nic_split nic_frame_split(const struct nic_frame *f)
{
    sim_time queue = f->started - f->posted, mesh = f->setup + f->arrived - f->injected;
    return (struct nic_split){ .queue = queue,
                               .mesh = mesh,
                               .dma = f->delivered - f->posted - queue - mesh };
}

/* ---- storage ---- */

struct nic_frame *nic_frame_new(struct nic *n, uint32_t dst, struct rope *data, uint64_t cookie)
{
    struct nic_group *g = n->group;
    struct frame *w = g->free_frames;
    if (w) {
        g->free_frames = w->next;
    } else {
        w = base_zalloc(1, sizeof(*w));
        sim_event_init(&w->turn, SIM_CLASS_DEVICE, NULL);
        w->next_made = g->made_frames;
        g->made_frames = w;
    }
    struct nic_frame *f = &w->pub;
    *f = (struct nic_frame){ .src = n->terminal, .dst = dst, .bytes = data->length, .sender = n };
    f->cookie = cookie;
    list_init(&f->link);
    rope_move(&f->data, data);
    return f;
}

void nic_frame_free(struct nic_frame *f)
{
    struct frame *w = whole(f);
    struct nic_group *g = f->sender->group;
    rope_fini(&f->data);
    w->next = g->free_frames;
    g->free_frames = w;
}

static void give_frame(struct nic_frame *f, bool dropped)
{
    struct nic *n = f->sender;
    if (dropped)
        n->group->frames_dropped++;
    else
        n->group->frames_out++;
    n->group->frames_inside--;
    if (!f->kept)
        nic_frame_free(f);
}

static struct packet *take_packet(struct nic *n, struct nic_frame *f, bool control)
{
    struct nic_group *g = n->group;
    struct packet *p;
    if (f->packets == 1 && !control) {
        p = &whole(f)->one;
    } else if ((p = g->free_packets)) {
        g->free_packets = p->next;
    } else {
        p = base_alloc(sizeof(*p));
        p->next_made = g->made_packets;
        g->made_packets = p;
    }
    p->frame = f;
    p->control = control;
    g->packets_inside++;
    n->counts.packets_in++;
    g->packets_in++;
    return p;
}

static void give_packet(struct packet *p)
{
    struct nic_group *g = p->frame->sender->group;
    g->packets_inside--;
    if (p == &whole(p->frame)->one)
        return;
    p->next = g->free_packets;
    g->free_packets = p;
}

/* ---- transmit ---- */

static void ask(struct nic *n, struct nic_frame *f);

static void pump(struct nic *n)
{
    if (!n->up || n->out_busy || n->buffers == TRANSMIT_BUFFERS || list_empty(&n->queue))
        return;
    struct nic_frame *f = LIST_ENTRY(n->queue.next, struct nic_frame, link);
    uint64_t left = f->bytes - f->sent_bytes, most = (uint64_t)n->params.packet_bytes;
    if (f->made == 0 && !f->granted) {
        if (f->asking)
            return;
        f->started = sim_now(n->sim);
        if (n->params.setup_above > 0 && f->bytes > (uint64_t)n->params.setup_above &&
            f->dst != NET_ALL) {
            ask(n, f);
            return;
        }
    }
    n->out_bytes = left < most ? left : most;
    n->out_busy = true;
    n->buffers++;
    n->out.service = nic_transfer_time(n, n->out_bytes);
    sim_server_submit(n->bus ? n->bus : &n->own_out, &n->out);
}

static void leave_queue(struct nic *n, struct nic_frame *f)
{
    list_remove(&f->link);
    sim_inside_leave(&n->sending, f->posted, sim_now(n->sim));
    if (n->handler.sent)
        n->handler.sent(n->handler.arg, f->cookie);
    if (n->refused) {
        n->refused = false;
        if (n->handler.ready)
            n->handler.ready(n->handler.arg);
    }
}

static void transferred_out(struct sim_job *j)
{
    struct nic *n = CONTAINER_OF(j, struct nic, out);
    struct nic_frame *f = LIST_ENTRY(n->queue.next, struct nic_frame, link);
    struct packet *p = take_packet(n, f, false);
    n->out_busy = false;
    f->sent_bytes += n->out_bytes;
    f->made++;
    p->bytes = n->out_bytes;
    p->last = f->made == f->packets;
    p->net = (struct net_packet){ .src = n->terminal, .dst = f->dst, .owner = p };
    p->net.flits = nic_flits(n, p->bytes);
    p->net.created = f->posted;
    net_inject(n->net, &p->net);
    if (p->last)
        leave_queue(n, f);
    pump(n);
}

static void tail_left(void *arg, struct net_packet *p)
{
    struct nic *n = arg;
    struct packet *mine = p->owner;
    if (mine->control)
        return;
    if (mine->frame->src_life != n->life)
        return; /* of a life before: its buffer is forgotten */
    n->buffers--;
    pump(n);
}

enum nic_result nic_send(struct nic *n, uint32_t dst, struct rope *data, uint64_t cookie)
{
    struct nic_frame *f = nic_frame_new(n, dst, data, cookie);
    enum nic_result r = nic_send_frame(n, f);
    if (r != NIC_OK) {
        rope_move(data, &f->data);
        nic_frame_free(f);
    }
    return r;
}

enum nic_result nic_send_frame(struct nic *n, struct nic_frame *f)
{
    uint64_t most = (uint64_t)n->params.packet_bytes;
    bool all = f->dst == NET_ALL && n->broadcast;
    if (f->dst >= n->terminals && !all)
        return NIC_NO_ADDRESS;
    if (f->bytes > (all ? most : (uint64_t)n->params.mtu))
        return NIC_TOO_LONG;
    if (!n->up)
        return NIC_DOWN;
    nic_train_leave(n);
    if (n->sending.count >= (uint64_t)n->params.queue_frames) {
        n->refused = true;
        n->counts.busy++;
        return NIC_BUSY;
    }
    n->group->frames_inside++;
    f->packets = (uint32_t)(f->bytes > most ? (f->bytes + most - 1) / most : 1);
    f->posted = sim_now(n->sim);
    f->src_life = n->life;
    list_push(&n->queue, &f->link);
    sim_inside_enter(&n->sending, f->posted);
    n->counts.frames_in++;
    n->counts.bytes_in += f->bytes;
    n->group->frames_in++;
    pump(n);
    return NIC_OK;
}

/* ---- reservations ----
 *
 * source      ask: packet out ------------>  destination: the turn of the answer
 *             the turn of the data <-------  answer: packet back
 *             grant: the frame is pumped
 *
 * A frame that asks (f->asking) stands first in its source's queue, unless its source went down
 * (f->withdrawn); it goes when the packet or the turn under way comes to its end.
 */

static void send_control(struct nic *n, struct nic_frame *f, uint32_t dst)
{
    struct packet *p = take_packet(n, f, true);
    p->net = (struct net_packet){ .src = n->terminal, .dst = dst, .owner = p };
    p->net.flits = (uint32_t)n->params.header_flits;
    p->net.created = sim_now(n->sim);
    net_inject(n->net, &p->net);
}

/* The reservation has failed, or nobody waits for it any more. */
static void refuse(struct nic_frame *f)
{
    struct nic *n = f->sender;
    f->asking = false;
    if (f->withdrawn) {
        give_frame(f, true);
        return;
    }
    if (f->fault)
        n->counts.frames_dropped_fault++;
    else
        n->counts.frames_dropped_down++;
    leave_queue(n, f);
    give_frame(f, true);
    pump(n);
}

/* The source is ready to send. */
static void grant(struct sim *s, struct sim_event *e)
{
    struct nic_frame *f = &CONTAINER_OF(e, struct frame, turn)->pub;
    if (f->withdrawn) {
        refuse(f);
        return;
    }
    f->asking = false;
    f->granted = true;
    f->setup = sim_now(s) - f->started;
    pump(f->sender);
}

/* The destination is ready to answer. */
static void answer(struct sim *s, struct sim_event *e)
{
    struct frame *w = CONTAINER_OF(e, struct frame, turn);
    struct nic_frame *f = &w->pub;
    (void)s;
    if (f->withdrawn || !w->receiver->up || f->dst_life != w->receiver->life)
        refuse(f);
    else
        send_control(w->receiver, f, f->src);
}

static void ask(struct nic *n, struct nic_frame *f)
{
    f->asking = true;
    whole(f)->receiver = NULL;
    send_control(n, f, f->dst);
}

/* A packet of a reservation is at interface n. */
static void control_arrived(struct nic *n, struct packet *p, enum net_status status)
{
    struct nic_frame *f = p->frame;
    bool asked = whole(f)->receiver == NULL, good = n->up && status == NET_OK && !f->withdrawn;
    f->fault = f->fault || status != NET_OK;
    if (good) {
        n->counts.packets_out++;
        n->group->packets_out++;
    } else {
        n->counts.packets_dropped++;
        n->group->packets_dropped++;
    }
    f->blocked += p->net.blocked;
    give_packet(p);
    if (!good) {
        refuse(f);
        return;
    }
    if (asked) {
        whole(f)->receiver = n;
        f->dst_life = n->life;
    }
    struct sim_event *turn = &whole(f)->turn;
    sim_event_init(turn, SIM_CLASS_DEVICE, asked ? answer : grant);
    sim_after(n->sim, turn, n->params.setup_time);
}

/* ---- receive ---- */

/* One that gets a packet to all has it and its frame for itself; the last has the first ones. */
static struct packet *copy_for(struct nic *n, const struct packet *p)
{
    struct nic_frame *of = p->frame;
    struct rope data;
    rope_copy(&data, &of->data);
    struct nic_frame *f = nic_frame_new(of->sender, of->dst, &data, of->cookie);
    rope_fini(&data);
    f->bytes = of->bytes;
    f->packets = f->made = 1;
    f->sent_bytes = of->sent_bytes;
    f->posted = of->posted;
    f->started = of->started;
    f->src_life = of->src_life;
    struct packet *copy = &whole(f)->one;
    copy->frame = f;
    copy->bytes = p->bytes;
    copy->last = true;
    copy->control = false;
    copy->net = p->net;
    n->counts.frames_copied++;
    n->group->copied++;
    n->group->frames_inside++;
    n->group->packets_inside++;
    return copy;
}

/* One packet of f is in memory or lost; delivers or drops the frame after the last. */
static void packet_gone(struct nic *n, struct nic_frame *f)
{
    f->gone++;
    if (f->gone < (f->withdrawn ? f->made : f->packets))
        return;
    bool dropped = f->lost || f->withdrawn;
    if (f->fault && !f->withdrawn) { /* a withdrawn frame was counted by its sender */
        n->counts.frames_dropped_fault++;
    } else if (dropped && !f->withdrawn) {
        n->counts.frames_dropped_down++;
    } else if (!dropped) {
        f->delivered = sim_now(n->sim);
        n->counts.frames_out++;
        n->counts.bytes_out += f->bytes;
        if (n->handler.receive)
            n->handler.receive(n->handler.arg, f);
    }
    give_frame(f, dropped);
}

/* The place of a packet that the network delivered is free again. */
static void leave_place(struct nic *n)
{
    if (n->params.receive_packets > 0)
        n->net->ops->taken(n->net, n->terminal);
}

static void drop_packet(struct nic *n, struct packet *p)
{
    struct nic_frame *f = p->frame;
    f->lost = true;
    n->counts.packets_dropped++;
    n->group->packets_dropped++;
    give_packet(p);
    packet_gone(n, f);
}

static void pull(struct nic *n)
{
    if (n->in_busy || !n->first)
        return;
    n->in_busy = true;
    n->in.service = nic_transfer_time(n, n->first->bytes);
    sim_server_submit(n->bus ? n->bus : &n->own_in, &n->in);
}

static void transferred_in(struct sim_job *j)
{
    struct nic *n = CONTAINER_OF(j, struct nic, in);
    struct packet *p = n->first;
    struct nic_frame *f = p->frame;
    n->first = p->next;
    n->waiting--;
    n->in_busy = false;
    n->counts.packets_out++;
    n->group->packets_out++;
    leave_place(n);
    give_packet(p);
    pull(n);
    packet_gone(n, f);
}

static void packet_arrived(void *arg, struct net_packet *net_packet, enum net_status status)
{
    struct nic *n = arg;
    struct packet *p = net_packet->owner;
    if (net_packet->left > 0)
        p = copy_for(n, p);
    struct nic_frame *f = p->frame;
    if (p->control) {
        if (status == NET_OK)
            leave_place(n);
        control_arrived(n, p, status);
        return;
    }
    if (!f->begun)
        f->injected = p->net.injected;
    else if (f->dst_life != n->life)
        f->lost = true; /* what came before is gone with the life before */
    f->begun = true;
    f->dst_life = n->life;
    f->fault = f->fault || status != NET_OK;
    f->blocked += p->net.blocked;
    f->arrived = p->net.delivered;
    if (!n->up || status != NET_OK) {
        if (status == NET_OK)
            leave_place(n);
        drop_packet(n, p);
        return;
    }
    p->next = NULL;
    if (n->first)
        n->last->next = p;
    else
        n->first = p;
    n->last = p;
    if (++n->waiting > n->counts.receive_queue_longest)
        n->counts.receive_queue_longest = n->waiting;
    pull(n);
}

/* ---- lives ---- */

void nic_down(struct nic *n)
{
    if (!n->up)
        return;
    ASSERT_MSG(!n->sends && !n->receives, "trains are parted before (nic_train_touch)");
    n->up = false;
    n->life++;
    sim_server_withdraw(n->bus ? n->bus : &n->own_out, &n->out);
    sim_server_withdraw(n->bus ? n->bus : &n->own_in, &n->in);
    n->out_busy = n->in_busy = n->refused = false;
    n->buffers = 0;
    struct list *l;
    while ((l = list_pop(&n->queue))) {
        struct nic_frame *f = LIST_ENTRY(l, struct nic_frame, link);
        n->counts.frames_dropped_down++;
        f->withdrawn = true;
        sim_inside_leave(&n->sending, f->posted, sim_now(n->sim));
        if (f->gone == f->made && !f->asking)
            give_frame(f, true);
    }
    while (n->first) {
        struct packet *p = n->first;
        n->first = p->next;
        leave_place(n);
        drop_packet(n, p);
    }
    n->waiting = 0;
}

void nic_up(struct nic *n)
{
    n->up = true;
}

/* ---- making and accounts ---- */

static void audit(void *self, struct sim_audit_report *r)
{
    const struct nic_group *g = self;
    sim_audit_balance(r, "frames", g->frames_in + g->copied, g->frames_out, g->frames_inside,
                      g->frames_dropped);
    sim_audit_balance(r, "packets", g->packets_in + g->copied, g->packets_out, g->packets_inside,
                      g->packets_dropped);
    sim_audit_dropped(r, "frames", "node down, or lost by the network", g->frames_dropped);
}

const struct counter nic_counters[] = {
    C_SUM(nic, counts, frames_in, "1", "Frames taken to be sent."),
    C_SUM(nic, counts, frames_out, "1", "Frames delivered to a receiver."),
    C_SUM(nic, counts, frames_dropped_down, "1", "Frames dropped: an end was down."),
    C_SUM(nic, counts, frames_dropped_fault, "1", "Frames dropped: the network lost a packet."),
    C_SUM(nic, counts, packets_in, "1", "Packets sent."),
    C_SUM(nic, counts, packets_out, "1", "Packets delivered into memory."),
    C_SUM(nic, counts, packets_dropped, "1", "Packets dropped on arrival."),
    C_SUM(nic, counts, frames_copied, "1",
          "Frames to all that were delivered, but for the last of each."),
    C_SUM(nic, counts, bytes_in, "B", "Bytes of frames_in."),
    C_SUM(nic, counts, bytes_out, "B", "Bytes of frames_out."),
    C_SUM(nic, counts, busy, "1", "Frames refused because the transmit queue was full."),
    C_MOST(nic, counts, receive_queue_longest, "1", "Most packets that waited for the bus."),
    C_END,
};

/* A whole packet is no longer than the network's. */
static bool fits(const struct nic_params *p, const struct net_describe *d, struct err *e)
{
    int64_t longest = d->longest, header = p->header_flits;
    int64_t flits = header + (p->packet_bytes + d->flit_bytes - 1) / d->flit_bytes;
    if (longest == 0 || flits <= longest)
        return true;
    return err_set(e,
                   "nic.packet_bytes: %" PRId64 " bytes and %" PRId64 " header flits are %" PRId64
                   " flits, but a packet on the %s has up to %" PRId64 ": allowed are %" PRId64
                   " bytes",
                   p->packet_bytes, header, flits, d->shape, longest,
                   sim_time_max(longest - header, 0) * d->flit_bytes);
}

struct nic *nic_create(struct sim *s, struct net *net, uint32_t terminal, int32_t node,
                       const struct nic_params *params, struct sim_server *bus, uint8_t bus_class,
                       struct err *e)
{
    struct net_describe d;
    net->ops->describe(net, &d);
    if (terminal >= d.terminals) {
        err_set(e, "terminal %u does not exist: the %s has %u", terminal, d.shape, d.terminals);
        return NULL;
    }
    if (!fits(params, &d, e))
        return NULL;
    struct nic *n = base_zalloc(1, sizeof(*n));
    *n = (struct nic){ .sim = s,
                       .net = net,
                       .terminal = terminal,
                       .node = node,
                       .terminals = d.terminals,
                       .flit_bytes = d.flit_bytes,
                       .broadcast = d.broadcast,
                       .params = *params,
                       .bus = bus,
                       .up = true,
                       .life = 1 };
    n->out = (struct sim_job){ .cls = bus_class, .done = transferred_out };
    n->in = (struct sim_job){ .cls = bus_class, .done = transferred_in };
    list_init(&n->queue);
    sim_inside_init(&n->sending, s, SIM_KIND_NIC, node, "frames to send");
    if (!bus) {
        sim_server_init(&n->own_out, s, SIM_KIND_OTHER, node, "DMA out", false);
        sim_server_init(&n->own_in, s, SIM_KIND_OTHER, node, "DMA in", false);
    }
    if (!net->nics) {
        net->nics = base_zalloc(1, sizeof(*net->nics));
        net->nics->sim = s;
        sim_audit_register(s, "network interfaces", audit, net->nics);
    }
    n->group = net->nics;
    n->group->count++;
    net->ops->set_terminal(net, terminal,
                           &(struct net_terminal){ .receive = packet_arrived,
                                                   .sent = tail_left,
                                                   .arg = n,
                                                   .room = (uint32_t)params->receive_packets });
    sim_count(&n->counted, s, "nic", node, nic_counters, n);
    return n;
}

void nic_destroy(struct nic *n)
{
    if (!n)
        return;
    sim_count_end(&n->counted);
    sim_inside_fini(&n->sending);
    sim_server_withdraw(n->bus ? n->bus : &n->own_out, &n->out);
    sim_server_withdraw(n->bus ? n->bus : &n->own_in, &n->in);
    if (!n->bus) {
        sim_server_fini(&n->own_out);
        sim_server_fini(&n->own_in);
    }
    struct nic_group *g = n->group;
    if (--g->count == 0) {
        while (g->made_frames) {
            struct frame *w = g->made_frames;
            g->made_frames = w->next_made;
            sim_cancel(n->sim, &w->turn);
            rope_fini(&w->pub.data);
            free(w);
        }
        while (g->made_packets) {
            struct packet *p = g->made_packets;
            g->made_packets = p->next_made;
            free(p);
        }
        sim_audit_unregister(n->sim, g);
        n->net->nics = NULL;
        free(g);
    }
    free(n);
}

void nic_set_handler(struct nic *n, const struct nic_handler *h)
{
    n->handler = *h;
}

void nic_counts(const struct nic *n, struct nic_counts *out)
{
    *out = n->counts;
}

uint32_t nic_mtu(const struct nic *n)
{
    return (uint32_t)n->params.mtu;
}

uint32_t nic_mtu_all(const struct nic *n)
{
    return n->broadcast ? (uint32_t)sim_time_min(n->params.packet_bytes, n->params.mtu) : 0;
}

uint32_t nic_queue_length(const struct nic *n)
{
    return (uint32_t)n->sending.count + nic_train_waiting(n->sends);
}
