/* flit.c: wormhole routing flit by flit: the reference.
 *
 * Routers with input FIFOs per virtual channel and credit flow control, as a textbook draws them
 * [Dally & Towles 2004, ch. 16].  Whenever something may have changed at a router (a flit became
 * available, a credit came back, a channel or a FIFO's read port fell free) it is looked at:
 *
 *   1. allocation of virtual channels: a header at the front of its FIFO asks for the outputs that
 *      its route allows; each free output virtual channel takes one of those that ask for it;
 *   2. allocation of the switch: each input port puts forward one virtual channel that holds an
 *      output, has a flit and a credit; each output channel takes one of the ports that ask for it.
 *
 * All that follows from a look lies later than the instant, so the order of looking at routers does
 * not matter.  Nothing of worm.c is used here: worm.c is proved against this file.  common.c has
 * what decides nothing.
 *
 *   FLIT1  Credits of an output virtual channel, flits in its FIFO and credits on their way are
 *       `depth` together: none of them is ever above it.
 *   FLIT2  A packet's flits stay in order and are not mixed with others' on a virtual channel.
 */
#include <stdlib.h>

#include "mesh/flit_internal.h"
#include "sim/measure.h"

enum word { WORD_LOOK, WORD_CREDIT, WORD_SOURCE_CREDIT, WORD_SENT, WORD_DELIVER };

static void post(struct flit_net *n, sim_time when, enum word kind, uint32_t index)
{
    mesh_post_index(&n->m, when, kind, index);
}

/* A look at router `node`, or at source `node - nodes`. */
static void look_at(struct flit_net *n, uint32_t which)
{
    if (!n->marked[which]) {
        n->marked[which] = true;
        n->looks[n->look_count++] = which;
    }
}

static void enter_fifo(struct flit_net *n, uint32_t node, uint32_t index, struct net_packet *p,
                       uint32_t flit, sim_time available)
{
    struct input *v = input_of(n, node, index);
    ASSERT_MSG(v->count < n->depth, "a flit without a slot (FLIT1)");
    const struct flit *last = &v->fifo[(v->first + v->count + n->depth - 1) % n->depth];
    ASSERT_MSG(flit == 1 || v->count == 0 || (last->packet == p && last->index == flit - 1),
               "FLIT2");
    uint32_t at = (v->first + v->count++) % n->depth;
    v->fifo[at] = (struct flit){ .packet = p, .index = flit, .available = available };
    n->in_fifos++;
    post(n, available, WORD_LOOK, node);
    if (flit == 1 && n->m.d.front > 0)
        post(n, available + n->m.d.front, WORD_LOOK, node);
}

/* The header at the front of v competes now. */
static bool competes(struct flit_net *n, uint32_t node, struct input *v)
{
    sim_time from = sim_time_max(front_of(v)->available, v->front_at);
    if (!n->m.routing)
        return from + n->m.d.front <= n->m.now;
    if (v->routed == 0 && from <= n->m.now) {
        if (mesh_net_route(&n->m, node))
            v->routed = n->m.routing[node];
        post(n, n->m.routing[node], WORD_LOOK, node);
    }
    return v->routed > 0 && v->routed <= n->m.now;
}

/* The next flit is at the front of v a flit time from now; it may have to be routed. */
static void next_in_line(struct flit_net *n, uint32_t node, struct input *v)
{
    v->front_at = n->m.now + n->m.d.flit;
    v->routed = 0;
    post(n, v->front_at, WORD_LOOK, node);
    if (n->m.d.front > 0)
        post(n, v->front_at + n->m.d.front, WORD_LOOK, node);
}

/* ---- 1: virtual channels ---- */

/* True when a goes before b, which comes first in turn, under arbitration by age. */
static bool older(const struct net_packet *a, const struct net_packet *b)
{
    return !b || a->created < b->created;
}

/* Input ports in turn, and of each its virtual channels in turn; or the packet created first. */
static uint32_t pick_header(struct flit_net *n, uint32_t node, uint32_t port, uint32_t channel)
{
    const struct output *out = output_of(n, node, port * n->vcs + channel);
    uint32_t best = NOBODY, ports = n->m.topo.ports;
    const struct net_packet *oldest = NULL;
    for (uint32_t k = 0; k < ports * n->vcs; k++) {
        uint32_t in = (out->turn + k / n->vcs) % ports;
        uint32_t index = in * n->vcs + (out->turns[in] + k) % n->vcs;
        struct input *v = input_of(n, node, index);
        if (v->option_count == 0 || v->output != NOBODY || !wants(v, port, channel))
            continue;
        if (n->m.params.arbitration == MESH_ROUND_ROBIN)
            return index;
        if (older(front_of(v)->packet, oldest)) {
            best = index;
            oldest = front_of(v)->packet;
        }
    }
    return best;
}

static void leave_after_allocation(struct flit_net *n, uint32_t node, struct input *v)
{
    v->start = n->m.now + n->m.d.allocation;
    if (n->m.d.allocation > 0)
        post(n, v->start, WORD_LOOK, node);
}

static void allocate_channels(struct flit_net *n, uint32_t node)
{
    uint32_t all = n->m.topo.ports * n->vcs;
    for (uint32_t i = 0; i < all; i++) {
        struct input *v = input_of(n, node, i);
        if (v->output != NOBODY || v->count == 0 || front_of(v)->index != 1)
            continue;
        if (!competes(n, node, v))
            continue;
        v->option_count =
            route_options(&n->m.params, &n->m.topo, node, front_of(v)->packet, v->options);
        for (uint32_t k = v->option_count; k-- > 0;)
            if (n->ports[node * n->m.topo.ports + v->options[k].port].dead)
                v->options[k] = v->options[--v->option_count];
        if (v->option_count == 0) { /* no way on */
            v->output = DRAIN;
            front_of(v)->packet->dropped = true;
            leave_after_allocation(n, node, v);
        }
    }
    for (uint32_t o = 0; o < all; o++) {
        struct output *out = output_of(n, node, o);
        if (out->holder != NOBODY || out->free_at > n->m.now)
            continue;
        bool ejects = o / n->vcs == topo_eject_port(&n->m.topo);
        if (ejects && !mesh_net_has_place(&n->m, node))
            continue;
        uint32_t winner = pick_header(n, node, o / n->vcs, o % n->vcs);
        if (winner == NOBODY)
            continue;
        struct input *v = input_of(n, node, winner);
        if (ejects)
            mesh_net_take_place(&n->m, node);
        out->holder = winner;
        out->turns[winner / n->vcs] = (uint8_t)((winner + 1) % n->vcs);
        out->turn = (winner / n->vcs + 1) % n->m.topo.ports;
        v->output = o;
        v->option_count = 0;
        leave_after_allocation(n, node, v);
    }
}

/* ---- 2: the switch ---- */

static bool can_leave(struct flit_net *n, uint32_t node, const struct input *v)
{
    if (v->output == NOBODY || v->count == 0 || v->start > n->m.now)
        return false;
    if (v->output == DRAIN)
        return front_of(v)->available <= n->m.now;
    const struct output *out = output_of(n, node, v->output);
    return front_of(v)->available <= n->m.now && out->credits > 0 &&
           n->ports[node * n->m.topo.ports + v->output / n->vcs].write_free <= n->m.now;
}

/* The virtual channel that input port `port` puts forward, or NOBODY. */
static uint32_t put_forward(struct flit_net *n, uint32_t node, uint32_t port)
{
    const struct port *p = &n->ports[node * n->m.topo.ports + port];
    uint32_t best = NOBODY;
    const struct net_packet *oldest = NULL;
    if (p->read_free > n->m.now)
        return NOBODY;
    for (uint32_t k = 0; k < n->vcs; k++) {
        uint32_t c = (p->input_turn + k) % n->vcs;
        struct input *v = input_of(n, node, port * n->vcs + c);
        if (!can_leave(n, node, v))
            continue;
        if (n->m.params.arbitration == MESH_ROUND_ROBIN)
            return port * n->vcs + c;
        if (older(front_of(v)->packet, oldest)) {
            best = port * n->vcs + c;
            oldest = front_of(v)->packet;
        }
    }
    return best;
}

static void release(struct flit_net *n, struct output *out, bool ejects)
{
    out->holder = NOBODY;
    out->free_at = n->m.now + n->m.d.flit;
    if (n->m.params.fifo == MESH_FIFO_EMPTY && (!ejects || n->m.d.eject_loop > 0))
        out->free_at = SIM_NEVER; /* until the last credit is back */
}

static void return_credit(struct flit_net *n, uint32_t node, uint32_t index)
{
    uint32_t port = index / n->vcs, ports = n->m.topo.ports;
    if (port == ports - 1) {
        post(n, n->m.now + n->m.d.credit, WORD_SOURCE_CREDIT, node * n->vcs + index % n->vcs);
        return;
    }
    const struct port *p = &n->ports[node * ports + port]; /* its output leads to the sender */
    uint32_t output = (p->to_node * ports + topo_opposite(port)) * n->vcs + index % n->vcs;
    post(n, n->m.now + n->m.d.credit, WORD_CREDIT, output);
}

/* A header waited for o until `until`; what lies in the window counts. */
static void count_blocked(struct flit_net *n, struct port *o, sim_time from, sim_time until)
{
    sim_time window = sim_window_start(n->m.net.sim);
    if (o->window != window) {
        o->window = window;
        o->blocked = 0;
    }
    from = sim_time_max(from, window);
    o->blocked += until > from ? until - from : 0;
}

static void send(struct flit_net *n, uint32_t node, uint32_t index)
{
    struct input *v = input_of(n, node, index);
    struct output *out = output_of(n, node, v->output);
    uint32_t out_port = v->output / n->vcs;
    struct port *in = &n->ports[node * n->m.topo.ports + index / n->vcs];
    struct port *o = &n->ports[node * n->m.topo.ports + out_port];
    struct flit f = *front_of(v);
    bool tail = f.index == f.packet->flits;
    v->first = (v->first + 1) % n->depth;
    v->count--;
    n->in_fifos--;
    n->flits_left += out_port == topo_eject_port(&n->m.topo);
    in->read_free = o->write_free = n->m.now + n->m.d.flit;
    next_in_line(n, node, v);
    in->input_turn = (index % n->vcs + 1) % n->vcs;
    o->output_turn = (index / n->vcs + 1) % n->m.topo.ports;
    sim_busy_add(&o->busy, n->m.net.sim, n->m.now, n->m.now + n->m.d.flit);
    return_credit(n, node, index);
    if (f.index == 1) {
        f.packet->hops++;
        sim_time ready = f.available + n->m.d.front;
        f.packet->blocked += n->m.now - ready - n->m.d.allocation;
        count_blocked(n, o, ready, n->m.now - n->m.d.allocation);
    }
    bool ejects = out_port == topo_eject_port(&n->m.topo);
    if (ejects) {
        if (n->m.d.eject_loop > 0) {
            out->credits--;
            post(n, n->m.now + n->m.d.eject_loop, WORD_CREDIT,
                 node * n->m.topo.ports * n->vcs + v->output);
        }
        if (tail)
            mesh_post(&n->m, n->m.now + n->m.d.eject, WORD_DELIVER, f.packet);
    } else {
        out->credits--;
        enter_fifo(n, o->to_node, o->to_port * n->vcs + v->output % n->vcs, f.packet, f.index,
                   n->m.now + (f.index == 1 ? n->m.d.hop - n->m.d.front : n->m.d.body_hop));
    }
    if (tail) {
        release(n, out, ejects);
        v->output = NOBODY;
    }
}

/* A flit of a dropped packet leaves the FIFO for nowhere. */
static void drain(struct flit_net *n, uint32_t node, uint32_t index)
{
    struct input *v = input_of(n, node, index);
    struct port *in = &n->ports[node * n->m.topo.ports + index / n->vcs];
    struct flit f = *front_of(v);
    v->first = (v->first + 1) % n->depth;
    v->count--;
    n->in_fifos--;
    n->flits_left++;
    in->read_free = n->m.now + n->m.d.flit;
    next_in_line(n, node, v);
    return_credit(n, node, index);
    if (f.index == 1) {
        f.packet->hops++;
        f.packet->blocked += n->m.now - f.available - n->m.d.front - n->m.d.allocation;
    }
    if (f.index == f.packet->flits) {
        v->output = NOBODY;
        mesh_post(&n->m, n->m.now + n->m.d.eject, WORD_DELIVER, f.packet);
    }
}

static void allocate_switch(struct flit_net *n, uint32_t node)
{
    uint32_t ports = n->m.topo.ports, forward[TOPO_PORTS];
    for (uint32_t p = 0; p < ports; p++) {
        forward[p] = put_forward(n, node, p);
        if (forward[p] != NOBODY && input_of(n, node, forward[p])->output == DRAIN) {
            drain(n, node, forward[p]);
            forward[p] = NOBODY;
        }
    }
    for (uint32_t o = 0; o < ports; o++) {
        uint32_t from = n->ports[node * ports + o].output_turn, winner = NOBODY;
        const struct net_packet *oldest = NULL;
        for (uint32_t k = 0; k < ports; k++) {
            uint32_t p = (from + k) % ports;
            if (forward[p] == NOBODY || input_of(n, node, forward[p])->output / n->vcs != o)
                continue;
            const struct net_packet *packet = front_of(input_of(n, node, forward[p]))->packet;
            if (winner == NOBODY ||
                (n->m.params.arbitration == MESH_AGE && older(packet, oldest))) {
                winner = p;
                oldest = packet;
            }
        }
        if (winner != NOBODY)
            send(n, node, forward[winner]);
    }
}

/* ---- terminals ---- */

static void look_at_source(struct flit_net *n, uint32_t terminal)
{
    struct source *s = &n->sources[terminal];
    if (!s->current && s->first) {
        for (uint32_t k = 0; k < n->vcs && !s->current; k++) {
            uint32_t c = (s->channel + 1 + k) % n->vcs;
            if (s->free_at[c] > n->m.now)
                continue;
            s->channel = c;
            s->current = s->first;
            s->first = s->current->next;
            s->sent = 0;
        }
    }
    struct net_packet *p = s->current;
    if (!p || s->write_free > n->m.now || s->credits[s->channel] == 0)
        return;
    s->credits[s->channel]--;
    s->write_free = n->m.now + n->m.d.flit;
    sim_busy_add(&s->busy, n->m.net.sim, n->m.now, s->write_free);
    if (s->sent == 0)
        p->injected = n->m.now;
    s->sent++;
    uint32_t index = (n->m.topo.ports - 1) * n->vcs + s->channel;
    enter_fifo(n, terminal, index, p, s->sent,
               n->m.now + (s->sent == 1 ? n->m.d.enter - n->m.d.front : n->m.d.body_enter));
    post(n, s->write_free, WORD_LOOK, n->m.topo.nodes + terminal);
    if (s->sent == p->flits) {
        s->current = NULL;
        s->free_at[s->channel] =
            n->m.params.fifo == MESH_FIFO_EMPTY ? SIM_NEVER : n->m.now + n->m.d.flit;
        if (n->m.terminals[terminal].sent)
            mesh_post(&n->m, s->write_free, WORD_SENT, p);
    }
}

static void credit_back(struct flit_net *n, uint32_t index)
{
    struct output *o = &n->outputs[index];
    o->credits++;
    ASSERT(o->credits <= n->depth); /* FLIT1 */
    if (o->credits == n->depth && o->holder == NOBODY && o->free_at == SIM_NEVER) {
        o->free_at = sim_time_max(n->m.now, n->ports[index / n->vcs].write_free);
        if (o->free_at > n->m.now)
            post(n, o->free_at, WORD_LOOK, index / n->vcs / n->m.topo.ports);
    }
    look_at(n, index / n->vcs / n->m.topo.ports);
}

static void source_credit_back(struct flit_net *n, uint32_t index)
{
    struct source *s = &n->sources[index / n->vcs];
    uint32_t c = index % n->vcs;
    s->credits[c]++;
    if (s->credits[c] == n->depth && s->free_at[c] == SIM_NEVER)
        s->free_at[c] = sim_time_max(n->m.now, s->write_free);
    look_at(n, n->m.topo.nodes + index / n->vcs);
}

/* ---- the instant ---- */

static void set_dead(struct mesh_net *m, uint32_t channel, bool dead)
{
    struct flit_net *n = CONTAINER_OF(m, struct flit_net, m);
    n->ports[channel].dead = dead;
    look_at(n, channel / m->topo.ports);
}

static void collect(struct flit_net *n)
{
    const uint64_t *words;
    uint32_t count = wheel_take(&n->m.wheel, &words);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t index = mesh_word_index(words[k]);
        struct net_packet *p = mesh_word_pointer(words[k]);
        switch ((enum word)(words[k] & MESH_WORD_KIND)) {
        case WORD_LOOK:
            look_at(n, index);
            break;
        case WORD_CREDIT:
            credit_back(n, index);
            break;
        case WORD_SOURCE_CREDIT:
            source_credit_back(n, index);
            break;
        case WORD_SENT:
            mesh_net_sent(&n->m, p);
            break;
        case WORD_DELIVER:
            p->delivered = n->m.now;
            mesh_net_done(&n->m, p);
            break;
        }
    }
    mesh_net_faults_now(&n->m, set_dead);
}

/* ---- deadlock ---- */

/* Some terminal has no place: what waits for it will move. */
static bool terminals_full(const struct flit_net *n)
{
    for (uint32_t i = 0; i < n->m.topo.nodes; i++)
        if (!mesh_net_has_place(&n->m, i))
            return true;
    return false;
}

#define LOOK_EVERY 16384 /* instants */

/* Ends the run when some packets will never move again, even beside traffic that goes on. */
static void watch_for_deadlock(struct flit_net *n)
{
    bool still = wheel_next(&n->m.wheel) == SIM_NEVER && n->in_fifos > 0 && !terminals_full(n);
    if (n->deadlock[0] || (!still && ++n->instants % LOOK_EVERY != 0))
        return;
    if (flit_find_deadlock(n))
        sim_deadlock(n->m.net.sim, n->deadlock);
    else
        ASSERT_MSG(!still, "a network stands still without a circle");
}

static void look(struct flit_net *n)
{
    for (uint32_t k = 0; k < n->look_count; k++) {
        uint32_t which = n->looks[k];
        n->marked[which] = false;
        if (which >= n->m.topo.nodes) {
            look_at_source(n, which - n->m.topo.nodes);
        } else {
            allocate_channels(n, which);
            allocate_switch(n, which);
        }
    }
    n->look_count = 0;
}

static void instant(struct sim *s, struct sim_event *e)
{
    struct flit_net *n = CONTAINER_OF(e, struct flit_net, m.tick);
    n->m.now = sim_now(s);
    do {
        collect(n);
        look(n);
        watch_for_deadlock(n);
    } while (mesh_net_go_on(&n->m));
}

/* ---- the interface ---- */

static void flit_taken(struct net *net, uint32_t terminal)
{
    struct flit_net *n = CONTAINER_OF(net, struct flit_net, m.net);
    if (mesh_net_give_place(&n->m, terminal)) {
        post(n, n->m.now, WORD_LOOK, terminal);
        mesh_net_schedule(&n->m);
    }
}

static void flit_inject(struct net *net, struct net_packet *p)
{
    struct flit_net *n = CONTAINER_OF(net, struct flit_net, m.net);
    mesh_net_take(&n->m, p);
    struct source *s = &n->sources[p->src];
    if (s->first)
        s->last->next = p;
    else
        s->first = p;
    s->last = p;
    look_at_source(n, p->src);
    mesh_net_schedule(&n->m);
}

static void flit_channels(const struct net *net, void (*fn)(void *arg, const struct net_channel *c),
                          void *arg)
{
    const struct flit_net *n = (const void *)net;
    uint32_t ports = n->m.topo.ports, eject = topo_eject_port(&n->m.topo);
    for (uint32_t i = 0; i < n->m.topo.nodes * ports; i++) {
        const struct port *p = &n->ports[i];
        if (p->busy.name)
            fn(arg, &(struct net_channel){
                        .busy = &p->busy,
                        .node = i / ports,
                        .to_node = i % ports == eject ? i / ports : p->to_node,
                        .port = i % ports,
                        .blocked = p->window == sim_window_start(net->sim) ? p->blocked : 0 });
    }
    for (uint32_t i = 0; i < n->m.topo.nodes; i++)
        fn(arg, &(struct net_channel){ .busy = &n->sources[i].busy,
                                       .node = i,
                                       .to_node = i,
                                       .port = eject,
                                       .injects = true });
}

static void flit_audit(void *self, struct sim_audit_report *r)
{
    struct flit_net *n = self;
    const struct mesh_net *m = &n->m;
    uint64_t queued = 0; /* flits in FIFOs and at sources */
    for (uint64_t i = 0; i < m->topo.nodes * m->topo.ports * n->vcs; i++)
        queued += n->inputs[i].count;
    for (uint32_t i = 0; i < m->topo.nodes; i++) {
        const struct source *s = &n->sources[i];
        for (const struct net_packet *p = s->first; p; p = p->next)
            queued += p->flits;
        if (s->current)
            queued += s->current->flits - s->sent;
    }
    sim_audit_check(r, !flit_find_deadlock(n), "deadlock: %s", n->deadlock);
    sim_audit_balance(r, "flits in queues", m->flits_in, n->flits_left, queued, 0);
    mesh_net_audit(m, r, m->packets_in - m->packets_out - m->net.dropped[NET_DROPPED_FAULT],
                   m->flits_in - m->flits_out - m->net.flits_dropped);
}

static void make_ports(struct flit_net *n)
{
    uint32_t ports = n->m.topo.ports, all = n->m.topo.nodes * ports;
    n->ports = base_zalloc(all, sizeof(*n->ports));
    n->inputs = base_zalloc((size_t)all * n->vcs, sizeof(*n->inputs));
    n->outputs = base_zalloc((size_t)all * n->vcs, sizeof(*n->outputs));
    n->slots = base_alloc(sizeof(*n->slots) * all * n->vcs * n->depth);
    n->turns = base_zalloc((size_t)all * n->vcs, ports);
    char name[64];
    for (uint32_t i = 0; i < all; i++) {
        uint32_t node = i / ports, port = i % ports;
        n->ports[i].to_node = topo_neighbour(&n->m.topo, node, port);
        n->ports[i].to_port = topo_opposite(port);
        for (uint32_t v = 0; v < n->vcs; v++) {
            n->inputs[i * n->vcs + v].output = NOBODY;
            n->inputs[i * n->vcs + v].fifo = n->slots + (size_t)(i * n->vcs + v) * n->depth;
            n->outputs[i * n->vcs + v].holder = NOBODY;
            n->outputs[i * n->vcs + v].turns = n->turns + (size_t)(i * n->vcs + v) * ports;
            bool any = port == ports - 1 && n->m.d.eject_loop == 0;
            n->outputs[i * n->vcs + v].credits = any ? UINT32_MAX : n->depth;
        }
        if (port == ports - 1 || n->ports[i].to_node != UINT32_MAX)
            sim_busy_init(&n->ports[i].busy, n->m.net.sim, SIM_KIND_CHANNEL, (int32_t)node,
                          topo_channel_name(&n->m.topo, node, port, name, sizeof(name)));
    }
}

static void make_sources(struct flit_net *n)
{
    char name[64];
    n->sources = base_zalloc(n->m.topo.nodes, sizeof(*n->sources));
    n->source_credits = base_alloc(sizeof(*n->source_credits) * n->m.topo.nodes * n->vcs);
    n->source_free = base_zalloc(n->m.topo.nodes * n->vcs, sizeof(*n->source_free));
    for (uint32_t i = 0; i < n->m.topo.nodes; i++) {
        n->sources[i].credits = n->source_credits + i * n->vcs;
        n->sources[i].free_at = n->source_free + i * n->vcs;
        for (uint32_t v = 0; v < n->vcs; v++)
            n->sources[i].credits[v] = n->depth;
        n->sources[i].channel = n->vcs - 1;
        sim_busy_init(&n->sources[i].busy, n->m.net.sim, SIM_KIND_CHANNEL, (int32_t)i,
                      topo_channel_name(&n->m.topo, i, n->m.topo.ports, name, sizeof(name)));
    }
}

static void flit_destroy(struct net *net);

static struct net *flit_create(struct sim *s, const void *params, struct err *e)
{
    struct flit_net *n = base_zalloc(1, sizeof(*n));
    if (!mesh_net_init(&n->m, &net_flit, s, params, instant, flit_audit, e)) {
        free(n);
        return NULL;
    }
    n->vcs = (uint32_t)n->m.params.virtual_channels;
    n->depth = (uint32_t)n->m.params.fifo_flits;
    make_ports(n);
    make_sources(n);
    n->marked = base_zalloc(2 * (size_t)n->m.topo.nodes, sizeof(*n->marked));
    n->looks = base_alloc(sizeof(*n->looks) * 2 * n->m.topo.nodes);
    if (net_schedule_faults(&n->m.net, n->m.params.faults, e))
        return &n->m.net;
    flit_destroy(&n->m.net);
    return NULL;
}

static void flit_destroy(struct net *net)
{
    struct flit_net *n = CONTAINER_OF(net, struct flit_net, m.net);
    for (uint32_t i = 0; i < n->m.topo.nodes * n->m.topo.ports; i++)
        if (n->ports[i].busy.name)
            sim_busy_fini(&n->ports[i].busy);
    for (uint32_t i = 0; i < n->m.topo.nodes; i++)
        sim_busy_fini(&n->sources[i].busy);
    free(n->inputs);
    free(n->outputs);
    free(n->ports);
    free(n->slots);
    free(n->turns);
    free(n->sources);
    free(n->source_credits);
    free(n->source_free);
    free(n->marked);
    free(n->looks);
    mesh_net_fini(&n->m);
    free(n);
}

static const struct counter counters[] = {
    MESH_COUNTERS(flit_net),
    C_END,
};

const struct net_ops net_flit = {
    .kind = { .name = "flit",
              .doc = "wormhole-routed mesh or hypercube flit by flit, with virtual channels: the "
                     "reference",
              .params = mesh_params_desc,
              .params_size = sizeof(struct mesh_params),
              .counters = counters },
    .create = flit_create,
    .destroy = flit_destroy,
    .set_terminal = mesh_net_set_terminal,
    .taken = flit_taken,
    .inject = flit_inject,
    .describe = mesh_net_describe,
    .grid = mesh_grid,
    .zero_load = mesh_net_zero_load,
    .fault = mesh_net_fault,
    .fault_targets = mesh_net_fault_targets,
    .fails = mesh_net_fails,
    .channels = flit_channels,
    .distance = mesh_net_distance,
};
