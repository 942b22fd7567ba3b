/* train.c: frames reckoned together.  See train.h.
 *
 * The recurrences are those of nic.c and of a network that lends its ways, for packets that find
 * everything as the ones before them left it:
 *   start = max(ready, out before, sent two before)     the transfer before is over, a buffer free
 *   out = start + transfer;  passage of net_way_reckon from out
 *   pull = max(delivered, in before);  in = pull + transfer
 */
#include "mesh/train.h"

#include "mesh/nic_internal.h"

static bool idle(const struct sim_server *bus)
{
    return bus != NULL && bus->in_system == 0 && bus->lent == NULL;
}

/* Each frame is one packet, and has a place in the queue. */
static bool fit(const struct nic_train *t, uint32_t more)
{
    const struct nic *n = t->from;
    if (more > (uint64_t)n->params.queue_frames - nic_queue_length(n))
        return false;
    for (uint32_t i = t->count; i < t->count + more; i++) {
        uint64_t bytes = t->legs[i].frame->bytes;
        if (bytes > (uint64_t)n->params.packet_bytes ||
            (n->params.setup_above > 0 && bytes > (uint64_t)n->params.setup_above))
            return false;
    }
    return true;
}

static bool possible(const struct nic_train *t)
{
    const struct nic *a = t->from, *b = t->to;
    return a->up && b->up && a != b && idle(a->bus) && idle(b->bus) && !a->sends && !b->receives &&
           !a->out_busy && a->buffers == 0 && !a->refused && list_empty(&a->queue) && !b->first &&
           b->params.receive_packets == 0 && sim_plain_order(a->sim);
}

static void reckon(struct nic_train *t, uint32_t more)
{
    for (uint32_t i = t->count; i < t->count + more; i++) {
        struct nic_leg *l = &t->legs[i];
        l->start = l->ready;
        if (i > 0)
            l->start = sim_time_max(l->start, l[-1].out);
        if (i >= TRANSMIT_BUFFERS)
            l->start = sim_time_max(l->start, l[-TRANSMIT_BUFFERS].net.sent);
        l->out = l->start + nic_transfer_time(t->from, l->frame->bytes);
        l->flits = nic_flits(t->from, l->frame->bytes);
        l->net = net_way_reckon(&t->way, l->out, l->flits);
        l->pull = l->net.delivered;
        if (i > 0)
            l->pull = sim_time_max(l->pull, l[-1].in);
        l->in = l->pull + nic_transfer_time(t->to, l->frame->bytes);
    }
    t->count += more;
}

static bool past(const struct nic_train *t, sim_time when, enum sim_class cls)
{
    return sim_past(t->from->sim, when, cls, SIM_UNKNOWN);
}

static bool handed_over(const struct nic_train *t, uint32_t i)
{
    const struct nic_leg *l = &t->legs[i];
    return l->at_once || sim_past(t->from->sim, l->ready, SIM_CLASS_SOFTWARE, l->sequence);
}

/* ---- what is past is booked, what is under way is put where it is ---- */

/* Of a frame that was handed over: true when its packet has been injected. */
static bool follow_source(const struct nic_train *t, uint32_t i)
{
    struct nic *n = t->from;
    const struct nic_leg *l = &t->legs[i];
    struct nic_frame *f = l->frame;
    f->packets = 1;
    f->posted = l->ready;
    f->src_life = n->life;
    n->counts.frames_in++;
    n->counts.bytes_in += f->bytes;
    n->group->frames_in++;
    n->group->frames_inside++;
    sim_inside_enter(&n->sending, l->ready);
    if ((i > 0 && !past(t, t->legs[i - 1].out, SIM_CLASS_DEVICE)) ||
        (i >= TRANSMIT_BUFFERS &&
         !past(t, t->legs[i - TRANSMIT_BUFFERS].net.sent, SIM_CLASS_ARRIVAL))) {
        list_push(&n->queue, &f->link);
        return false;
    }
    f->started = l->start;
    n->buffers += !past(t, l->net.sent, SIM_CLASS_ARRIVAL);
    if (!past(t, l->out, SIM_CLASS_DEVICE)) {
        list_push(&n->queue, &f->link);
        n->out_busy = true;
        n->out_bytes = f->bytes;
        n->out.service = l->out - l->start;
        sim_server_adopt(n->bus, &n->out, l->start, l->start, 1);
        return false;
    }
    sim_server_book(n->bus, l->start, l->start, l->out, 1);
    sim_inside_leave(&n->sending, l->ready, l->out);
    f->made = 1;
    f->sent_bytes = f->bytes;
    n->counts.packets_in++;
    n->group->packets_in++;
    n->group->packets_inside++;
    return true;
}

/* True when it has reached the destination's interface. */
static bool follow_net(struct nic_train *t, const struct nic_leg *l)
{
    struct nic_frame *f = l->frame;
    struct packet *p = &whole(f)->one;
    struct net *net = t->from->net;
    p->frame = f;
    p->bytes = f->bytes;
    p->last = true;
    p->control = false;
    p->net = (struct net_packet){ .src = f->src, .dst = f->dst, .flits = l->flits, .owner = p };
    p->net.created = f->posted;
    return net->ops->follow(net, &t->way, &p->net, &l->net);
}

/* True when it is in memory. */
static bool follow_destination(const struct nic_train *t, uint32_t i, uint32_t *in_before)
{
    struct nic *n = t->to;
    const struct nic_leg *l = &t->legs[i];
    struct nic_frame *f = l->frame;
    struct packet *p = &whole(f)->one;
    f->begun = true;
    f->dst_life = n->life;
    f->injected = l->net.inject;
    f->arrived = l->net.delivered;
    f->blocked = p->net.blocked;
    while (t->legs[*in_before].in < l->net.delivered)
        ++*in_before;
    if (i - *in_before + 1 > n->counts.receive_queue_longest)
        n->counts.receive_queue_longest = i - *in_before + 1;
    if (past(t, l->in, SIM_CLASS_DEVICE)) {
        sim_server_book(n->bus, l->pull, l->pull, l->in, 1);
        n->counts.packets_out++;
        n->group->packets_out++;
        n->group->packets_inside--;
        f->gone = 1;
        f->delivered = l->in;
        n->counts.frames_out++;
        n->counts.bytes_out += f->bytes;
        n->group->frames_out++;
        n->group->frames_inside--;
        return true;
    }
    p->next = NULL;
    if (n->first) {
        n->last->next = p;
    } else {
        n->first = p;
        n->in_busy = true;
        n->in.service = l->in - l->pull;
        sim_server_adopt(n->bus, &n->in, l->pull, l->pull, 1);
    }
    n->last = p;
    n->waiting++;
    return false;
}

/* ---- all is past ---- */

static void book_source(const struct nic_train *t)
{
    struct nic *n = t->from;
    uint64_t bytes = 0, queued = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct nic_leg *l = &t->legs[i];
        bytes += l->frame->bytes;
        queued += (uint64_t)(l->out - l->ready);
        sim_server_book(n->bus, l->start, l->start, l->out, 1);
    }
    sim_inside_passed(&n->sending, queued);
    n->counts.frames_in += t->count;
    n->counts.packets_in += t->count;
    n->counts.bytes_in += bytes;
    n->group->frames_in += t->count;
    n->group->packets_in += t->count;
    n->group->frames_inside += t->count;
    n->group->packets_inside += t->count;
}

static void book_net_and_destination(struct nic_train *t)
{
    struct nic *n = t->to;
    uint64_t bytes = 0;
    for (uint32_t i = 0, in_before = 0; i < t->count; i++) {
        const struct nic_leg *l = &t->legs[i];
        n->net->ops->passed(n->net, &t->way, l->flits, &l->net);
        while (t->legs[in_before].in < l->net.delivered)
            in_before++;
        if (i - in_before + 1 > n->counts.receive_queue_longest)
            n->counts.receive_queue_longest = i - in_before + 1;
        sim_server_book(n->bus, l->pull, l->pull, l->in, 1);
        bytes += l->frame->bytes;
    }
    n->counts.frames_out += t->count;
    n->counts.packets_out += t->count;
    n->counts.bytes_out += bytes;
    n->group->frames_out += t->count;
    n->group->packets_out += t->count;
    n->group->frames_inside -= t->count;
    n->group->packets_inside -= t->count;
}

/* Of most trains, when they are parted: the last frame is in memory, and all that was before it. */
static bool all_past(const struct nic_train *t)
{
    const struct nic_leg *last = &t->legs[t->count - 1];
    return t->to->net->ops->passed != NULL && past(t, last->in, SIM_CLASS_DEVICE) &&
           past(t, last->net.delivered, SIM_CLASS_ARRIVAL) &&
           last->net.sent <= last->net.delivered && last->out < last->net.sent;
}

/* ---- borrowing ---- */

static void source_wanted(struct nic_train *t)
{
    if (!past(t, t->legs[t->count - 1].net.sent, SIM_CLASS_ARRIVAL)) {
        t->wanted(t);
        return;
    }
    for (uint32_t i = 0; i < t->count; i++)
        (void)follow_source(t, i);
    t->left = true;
    t->from->sends = NULL;
    sim_server_regain(t->from->bus);
}

static void out_bus_wanted(struct sim_lent *l)
{
    source_wanted(CONTAINER_OF(l, struct nic_train, out_bus));
}

static void in_bus_wanted(struct sim_lent *l)
{
    struct nic_train *t = CONTAINER_OF(l, struct nic_train, in_bus);
    t->wanted(t);
}

static void way_wanted(struct net_way *w)
{
    struct nic_train *t = CONTAINER_OF(w, struct nic_train, way);
    t->wanted(t);
}

void nic_train_leave(struct nic *n)
{
    if (n->sends)
        source_wanted(n->sends);
}

void nic_train_touch(struct nic *n)
{
    nic_train_leave(n);
    if (n->receives)
        n->receives->wanted(n->receives);
}

bool nic_train_begin(struct nic_train *t, uint32_t more)
{
    struct net *net = t->from->net;
    if (net->ops->lend == NULL || !possible(t) || !fit(t, more))
        return false;
    t->way = (struct net_way){ .src = t->from->terminal,
                               .dst = t->to->terminal,
                               .fewest = nic_flits(t->from, 0) };
    t->way.wanted = way_wanted;
    if (!net->ops->lend(net, &t->way))
        return false;
    reckon(t, more);
    t->left = false;
    t->from->sends = t;
    t->to->receives = t;
    t->out_bus.wanted = out_bus_wanted;
    t->in_bus.wanted = in_bus_wanted;
    sim_server_lend(t->from->bus, &t->out_bus);
    sim_server_lend(t->to->bus, &t->in_bus);
    return true;
}

bool nic_train_extend(struct nic_train *t, uint32_t more)
{
    if (t->from->sends != t || t->count + more > NIC_TRAIN_MAX || !fit(t, more))
        return false;
    reckon(t, more);
    return true;
}

uint32_t nic_train_waiting(const struct nic_train *t)
{
    uint32_t left = 0;
    if (t == NULL || t->left)
        return 0;
    while (left < t->count && past(t, t->legs[left].out, SIM_CLASS_DEVICE))
        left++;
    return t->count - left;
}

uint32_t nic_train_part(struct nic_train *t, uint32_t *arrived)
{
    struct nic *from = t->from, *to = t->to;
    uint32_t sent = 0, in_before = 0;
    *arrived = 0;
    if (all_past(t)) {
        if (!t->left)
            book_source(t);
        book_net_and_destination(t);
        *arrived = sent = t->count;
    }
    for (; sent < t->count && handed_over(t, sent); sent++)
        if ((t->left || follow_source(t, sent)) && follow_net(t, &t->legs[sent]) &&
            follow_destination(t, sent, &in_before))
            ++*arrived;
    if (!t->left) {
        from->sends = NULL;
        sim_server_regain(from->bus);
    }
    to->receives = NULL;
    sim_server_regain(to->bus);
    from->net->ops->regain(from->net, &t->way);
    return sent;
}
