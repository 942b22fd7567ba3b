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
 * not matter.  Nothing of worm.c is used here: worm.c is proved against this file.
 *
 *   F1  credits of an output virtual channel + flits in its FIFO + credits on their way = depth.
 *   F2  A packet's flits stay in order and are not mixed with others' on a virtual channel.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mesh/route.h"
#include "mesh/wheel.h"
#include "sim/audit.h"
#include "sim/measure.h"
#include "sim/server.h"

#define NOBODY UINT32_MAX
#define DRAIN (UINT32_MAX - 1) /* the output of a packet that is dropped here */

struct flit {
    struct net_packet *packet;
    uint32_t index;     /* 1 .. packet->flits */
    sim_time available; /* may leave (or, a header, compete) from here on */
};

struct input {
    struct flit *fifo; /* ring of `depth` */
    uint32_t first, count;
    struct route_option options[ROUTE_OPTIONS]; /* of the header at the front */
    uint32_t option_count;                      /* 0: the front is not a header that competes */
    uint32_t output;   /* output virtual channel held (of this router), or NOBODY */
    sim_time start;    /* granted: may leave from here on */
    sim_time front_at; /* the flit now at the front is seen from here on */
};

struct output {
    uint32_t holder;  /* input virtual channel of the router, or NOBODY */
    uint32_t credits; /* UINT32_MAX: the terminal takes everything */
    sim_time free_at; /* may be allocated from here on */
    uint32_t turn;    /* next input virtual channel of the router in turn */
};

struct port {
    sim_time read_free;  /* input side: one flit a flit time */
    sim_time write_free; /* output side: one flit a flit time */
    uint32_t input_turn; /* which of its virtual channels is put forward next */
    uint32_t output_turn;
    uint32_t to_node, to_port; /* where its channel leads; NOBODY: terminal or edge */
    bool dead;
    sim_time window;  /* that `blocked` is about: its start */
    sim_time blocked; /* headers waited for its output so long, in all */
    struct sim_busy busy;
};

struct source {
    struct net_packet *first, *last; /* wait */
    struct net_packet *current;      /* flits of it are being injected */
    uint32_t sent;                   /* flits of current that left */
    uint32_t channel;                /* its virtual channel */
    sim_time write_free;
    uint32_t *credits; /* of the router's injection port, per virtual channel */
    sim_time *free_at;
    struct sim_busy busy;
};

struct flit_net {
    struct net net;
    struct mesh_params params;
    struct mesh_delays d;
    struct topo topo;
    uint32_t vcs, depth;
    sim_time now;
    struct input *inputs;   /* (node * ports + port) * vcs + virtual channel */
    struct output *outputs; /* the same way */
    struct port *ports;     /* node * ports + port */
    struct source *sources;
    struct flit *slots;
    uint32_t *source_credits;
    sim_time *source_free;
    struct net_terminal *terminals;
    struct wheel wheel;
    struct sim_event tick;
    bool *marked; /* routers, then sources */
    uint32_t *looks, look_count;
    struct net_packet **done;
    struct net_packet **sent;
    uint32_t done_count, done_size, sent_count;
    uint64_t packets_in, packets_out, flits_in, flits_left, flits_out;
    uint64_t packets_dropped, flits_dropped;
    struct net_fault *faults;
    uint32_t fault_count;
    uint64_t in_fifos;  /* flits */
    char deadlock[512]; /* the circle of waiting packets, once there is one */
};

enum word { WORD_LOOK, WORD_CREDIT, WORD_SOURCE_CREDIT, WORD_SENT, WORD_DELIVER, WORD_FAULT };
#define WORD_KIND 7u

static void post(struct flit_net *n, sim_time when, enum word kind, uint64_t index)
{
    wheel_push(&n->wheel, when, index << 3 | kind);
}

/* A look at router `node`, or at source `node - nodes`. */
static void look_at(struct flit_net *n, uint32_t which)
{
    if (!n->marked[which]) {
        n->marked[which] = true;
        n->looks[n->look_count++] = which;
    }
}

static struct input *input_of(struct flit_net *n, uint32_t node, uint32_t index)
{
    return &n->inputs[(size_t)node * n->topo.ports * n->vcs + index];
}

static struct output *output_of(struct flit_net *n, uint32_t node, uint32_t index)
{
    return &n->outputs[(size_t)node * n->topo.ports * n->vcs + index];
}

static struct flit *front_of(const struct input *v)
{
    return &v->fifo[v->first];
}

static void enter_fifo(struct flit_net *n, uint32_t node, uint32_t index, struct net_packet *p,
                       uint32_t flit, sim_time available)
{
    struct input *v = input_of(n, node, index);
    ASSERT_MSG(v->count < n->depth, "a flit without a slot");
    uint32_t at = (v->first + v->count++) % n->depth;
    v->fifo[at] = (struct flit){ .packet = p, .index = flit, .available = available };
    n->in_fifos++;
    post(n, available, WORD_LOOK, node);
}

/* ---- 1: virtual channels ---- */

static bool wants(const struct input *v, uint32_t port, uint32_t channel)
{
    for (uint32_t k = 0; k < v->option_count; k++)
        if (v->options[k].port == port && (v->options[k].channels >> channel & 1u))
            return true;
    return false;
}

/* True when a goes before b under arbitration by age. */
static bool older(const struct net_packet *a, const struct net_packet *b)
{
    return !b || a->created < b->created;
}

static uint32_t pick_header(struct flit_net *n, uint32_t node, uint32_t port, uint32_t channel)
{
    uint32_t all = n->topo.ports * n->vcs, best = NOBODY;
    uint32_t from = output_of(n, node, port * n->vcs + channel)->turn;
    for (uint32_t k = 0; k < all; k++) {
        uint32_t index = n->params.arbitration == MESH_AGE ? k : (from + k) % all;
        struct input *v = input_of(n, node, index);
        if (v->option_count == 0 || v->output != NOBODY || !wants(v, port, channel))
            continue;
        if (n->params.arbitration == MESH_ROUND_ROBIN)
            return index;
        if (best == NOBODY ||
            front_of(v)->packet->created < front_of(input_of(n, node, best))->packet->created)
            best = index;
    }
    return best;
}

static void leave_after_allocation(struct flit_net *n, uint32_t node, struct input *v)
{
    v->start = n->now + n->d.allocation;
    if (n->d.allocation > 0)
        post(n, v->start, WORD_LOOK, node);
}

static void allocate_channels(struct flit_net *n, uint32_t node)
{
    uint32_t all = n->topo.ports * n->vcs;
    for (uint32_t i = 0; i < all; i++) {
        struct input *v = input_of(n, node, i);
        if (v->output != NOBODY || v->count == 0 || front_of(v)->index != 1)
            continue;
        if (front_of(v)->available > n->now || v->front_at > n->now)
            continue;
        v->option_count =
            route_options(&n->params, &n->topo, node, front_of(v)->packet, v->options);
        for (uint32_t k = v->option_count; k-- > 0;)
            if (n->ports[node * n->topo.ports + v->options[k].port].dead)
                v->options[k] = v->options[--v->option_count];
        if (v->option_count == 0) { /* no way on */
            v->output = DRAIN;
            front_of(v)->packet->dropped = true;
            leave_after_allocation(n, node, v);
        }
    }
    for (uint32_t o = 0; o < all; o++) {
        struct output *out = output_of(n, node, o);
        if (out->holder != NOBODY || out->free_at > n->now)
            continue;
        uint32_t winner = pick_header(n, node, o / n->vcs, o % n->vcs);
        if (winner == NOBODY)
            continue;
        struct input *v = input_of(n, node, winner);
        out->holder = winner;
        out->turn = (winner + 1) % all;
        v->output = o;
        v->option_count = 0;
        leave_after_allocation(n, node, v);
    }
}

/* ---- 2: the switch ---- */

static bool can_leave(struct flit_net *n, uint32_t node, const struct input *v)
{
    if (v->output == NOBODY || v->count == 0 || v->start > n->now)
        return false;
    if (v->output == DRAIN)
        return front_of(v)->available <= n->now;
    const struct output *out = output_of(n, node, v->output);
    return front_of(v)->available <= n->now && out->credits > 0 &&
           n->ports[node * n->topo.ports + v->output / n->vcs].write_free <= n->now;
}

/* The virtual channel that input port `port` puts forward, or NOBODY. */
static uint32_t put_forward(struct flit_net *n, uint32_t node, uint32_t port)
{
    const struct port *p = &n->ports[node * n->topo.ports + port];
    uint32_t best = NOBODY;
    const struct net_packet *oldest = NULL;
    if (p->read_free > n->now)
        return NOBODY;
    for (uint32_t k = 0; k < n->vcs; k++) {
        uint32_t c = n->params.arbitration == MESH_AGE ? k : (p->input_turn + k) % n->vcs;
        struct input *v = input_of(n, node, port * n->vcs + c);
        if (!can_leave(n, node, v))
            continue;
        if (n->params.arbitration == MESH_ROUND_ROBIN)
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
    out->free_at = n->now + n->d.flit;
    if (n->params.fifo == MESH_FIFO_EMPTY && !ejects)
        out->free_at = SIM_NEVER; /* until the last credit is back */
}

static void return_credit(struct flit_net *n, uint32_t node, uint32_t index)
{
    uint32_t port = index / n->vcs, ports = n->topo.ports;
    if (port == ports - 1) {
        post(n, n->now + n->d.credit, WORD_SOURCE_CREDIT, node * n->vcs + index % n->vcs);
        return;
    }
    const struct port *p = &n->ports[node * ports + port]; /* its output leads to the sender */
    uint32_t output = (p->to_node * ports + topo_opposite(port)) * n->vcs + index % n->vcs;
    post(n, n->now + n->d.credit, WORD_CREDIT, output);
}

/* A header waited for o until `until`; what lies in the window counts. */
static void count_blocked(struct flit_net *n, struct port *o, sim_time from, sim_time until)
{
    sim_time window = sim_window_start(n->net.sim);
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
    struct port *in = &n->ports[node * n->topo.ports + index / n->vcs];
    struct port *o = &n->ports[node * n->topo.ports + out_port];
    struct flit f = *front_of(v);
    bool tail = f.index == f.packet->flits;
    v->first = (v->first + 1) % n->depth;
    v->count--;
    n->in_fifos--;
    n->flits_left += out_port == topo_eject_port(&n->topo);
    v->front_at = in->read_free = o->write_free = n->now + n->d.flit;
    in->input_turn = (index % n->vcs + 1) % n->vcs;
    o->output_turn = (index / n->vcs + 1) % n->topo.ports;
    post(n, n->now + n->d.flit, WORD_LOOK, node);
    sim_busy_add(&o->busy, n->net.sim, n->now, n->now + n->d.flit);
    return_credit(n, node, index);
    if (f.index == 1) {
        f.packet->hops++;
        f.packet->blocked += n->now - f.available - n->d.allocation;
        count_blocked(n, o, f.available, n->now - n->d.allocation);
    }
    bool ejects = out_port == topo_eject_port(&n->topo);
    if (ejects) {
        if (n->d.eject_loop > 0) {
            out->credits--;
            post(n, n->now + n->d.eject_loop, WORD_CREDIT,
                 (uint64_t)node * n->topo.ports * n->vcs + v->output);
        }
        if (tail)
            post(n, n->now + n->d.eject, WORD_DELIVER, (uintptr_t)f.packet >> 3);
    } else {
        out->credits--;
        enter_fifo(n, o->to_node, o->to_port * n->vcs + v->output % n->vcs, f.packet, f.index,
                   n->now + (f.index == 1 ? n->d.hop : n->d.body_hop));
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
    struct port *in = &n->ports[node * n->topo.ports + index / n->vcs];
    struct flit f = *front_of(v);
    v->first = (v->first + 1) % n->depth;
    v->count--;
    n->in_fifos--;
    n->flits_left++;
    v->front_at = in->read_free = n->now + n->d.flit;
    post(n, v->front_at, WORD_LOOK, node);
    return_credit(n, node, index);
    if (f.index == 1) {
        f.packet->hops++;
        f.packet->blocked += n->now - f.available - n->d.allocation;
    }
    if (f.index == f.packet->flits) {
        v->output = NOBODY;
        post(n, n->now + n->d.eject, WORD_DELIVER, (uintptr_t)f.packet >> 3);
    }
}

static void allocate_switch(struct flit_net *n, uint32_t node)
{
    uint32_t ports = n->topo.ports, forward[TOPO_PORTS];
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
            uint32_t p = n->params.arbitration == MESH_AGE ? k : (from + k) % ports;
            if (forward[p] == NOBODY || input_of(n, node, forward[p])->output / n->vcs != o)
                continue;
            const struct net_packet *packet = front_of(input_of(n, node, forward[p]))->packet;
            if (winner == NOBODY || (n->params.arbitration == MESH_AGE && older(packet, oldest))) {
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
            if (s->free_at[c] > n->now)
                continue;
            s->channel = c;
            s->current = s->first;
            s->first = s->current->next;
            s->sent = 0;
        }
    }
    struct net_packet *p = s->current;
    if (!p || s->write_free > n->now || s->credits[s->channel] == 0)
        return;
    s->credits[s->channel]--;
    s->write_free = n->now + n->d.flit;
    sim_busy_add(&s->busy, n->net.sim, n->now, s->write_free);
    if (s->sent == 0)
        p->injected = n->now;
    s->sent++;
    uint32_t index = (n->topo.ports - 1) * n->vcs + s->channel;
    enter_fifo(n, terminal, index, p, s->sent,
               n->now + (s->sent == 1 ? n->d.enter : n->d.body_enter));
    post(n, s->write_free, WORD_LOOK, n->topo.nodes + terminal);
    if (s->sent == p->flits) {
        s->current = NULL;
        s->free_at[s->channel] = n->params.fifo == MESH_FIFO_EMPTY ? SIM_NEVER : n->now + n->d.flit;
        if (n->terminals[terminal].sent)
            post(n, s->write_free, WORD_SENT, (uintptr_t)p >> 3);
    }
}

static void credit_back(struct flit_net *n, uint32_t index)
{
    struct output *o = &n->outputs[index];
    o->credits++;
    ASSERT(o->credits <= n->depth);
    if (o->credits == n->depth && o->holder == NOBODY && o->free_at == SIM_NEVER) {
        o->free_at = sim_time_max(n->now, n->ports[index / n->vcs].write_free);
        if (o->free_at > n->now)
            post(n, o->free_at, WORD_LOOK, index / n->vcs / n->topo.ports);
    }
    look_at(n, index / n->vcs / n->topo.ports);
}

static void source_credit_back(struct flit_net *n, uint32_t index)
{
    struct source *s = &n->sources[index / n->vcs];
    uint32_t c = index % n->vcs;
    s->credits[c]++;
    if (s->credits[c] == n->depth && s->free_at[c] == SIM_NEVER)
        s->free_at[c] = sim_time_max(n->now, s->write_free);
    look_at(n, n->topo.nodes + index / n->vcs);
}

/* ---- the instant ---- */

struct dying {
    struct flit_net *net;
    bool dead;
};

static void set_dead(void *arg, uint32_t channel)
{
    const struct dying *d = arg;
    d->net->ports[channel].dead = d->dead;
    look_at(d->net, channel / d->net->topo.ports);
}

static void keep_done(struct flit_net *n, struct net_packet *p)
{
    if (n->done_count == n->done_size) {
        n->done_size *= 2;
        n->done = base_realloc(n->done, sizeof(struct net_packet *) * n->done_size);
    }
    n->done[n->done_count++] = p;
}

static void collect(struct flit_net *n)
{
    uint64_t word;
    while (wheel_take(&n->wheel, n->now, &word)) {
        uint32_t index = (uint32_t)(word >> 3);
        switch ((enum word)(word & WORD_KIND)) {
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
            n->sent[n->sent_count++] =
                (struct net_packet *)(uintptr_t)(word & ~(uint64_t)WORD_KIND);
            break;
        case WORD_DELIVER:
            keep_done(n, (struct net_packet *)(uintptr_t)(word & ~(uint64_t)WORD_KIND));
            break;
        case WORD_FAULT:
            for (uint32_t i = 0; i < n->fault_count; i++) /* the last word on a channel holds */
                if (n->faults[i].at == n->now)
                    mesh_fault_each(&n->topo, &n->faults[i], set_dead,
                                    &(struct dying){ n, n->faults[i].dead });
            break;
        }
    }
}

static int by_source(const void *a, const void *b)
{
    uint32_t x = (*(struct net_packet *const *)a)->src, y = (*(struct net_packet *const *)b)->src;
    return (x > y) - (x < y);
}

static int by_destination(const void *a, const void *b)
{
    const struct net_packet *p = *(struct net_packet *const *)a;
    const struct net_packet *q = *(struct net_packet *const *)b;
    if (p->dst != q->dst)
        return p->dst < q->dst ? -1 : 1;
    return (p->src > q->src) - (p->src < q->src);
}

static void call_terminals(struct flit_net *n)
{
    qsort(n->sent, n->sent_count, sizeof(struct net_packet *), by_source);
    for (uint32_t k = 0; k < n->sent_count; k++) {
        const struct net_terminal *t = &n->terminals[n->sent[k]->src];
        t->sent(t->arg, n->sent[k]);
    }
    n->sent_count = 0;
    qsort(n->done, n->done_count, sizeof(struct net_packet *), by_destination);
    for (uint32_t k = 0; k < n->done_count; k++) {
        struct net_packet *p = n->done[k];
        const struct net_terminal *t = &n->terminals[p->dst];
        p->delivered = n->now;
        if (p->dropped) {
            n->packets_dropped++;
            n->flits_dropped += p->flits;
        } else {
            n->packets_out++;
            n->flits_out += p->flits;
        }
        if (t->receive)
            t->receive(t->arg, p, p->dropped ? NET_DROPPED_FAULT : NET_OK);
    }
    n->done_count = 0;
}

/* ---- deadlock ---- */

/* The input virtual channel (over the whole network) that the front of `at` waits for. */
static uint32_t waits_for(struct flit_net *n, uint32_t at)
{
    uint32_t per_node = n->topo.ports * n->vcs, node = at / per_node, taken = NOBODY;
    const struct input *v = &n->inputs[at];
    if (v->output != NOBODY)
        taken = v->output;
    for (uint32_t o = 0; o < per_node && taken == NOBODY; o++)
        if (wants(v, o / n->vcs, o % n->vcs))
            taken = o;
    ASSERT(taken != NOBODY);
    const struct output *out = output_of(n, node, taken);
    if (v->output == NOBODY && out->holder != NOBODY)
        return node * per_node + out->holder;
    const struct port *p = &n->ports[node * n->topo.ports + taken / n->vcs];
    return p->to_node * per_node + p->to_port * n->vcs + taken % n->vcs;
}

/* Nothing will ever move again although flits are inside: names a cycle of waiting packets. */
static void report_deadlock(struct flit_net *n)
{
    uint32_t per_node = n->topo.ports * n->vcs, count = n->topo.nodes * per_node, at = 0;
    size_t length = 0;
    while (n->inputs[at].count == 0)
        at++;
    for (uint32_t k = 0; k < count; k++) /* by then it is on the cycle */
        at = waits_for(n, at);
    uint32_t first = at;
    do {
        const struct net_packet *p = front_of(&n->inputs[at])->packet;
        if (length + 64 < sizeof(n->deadlock))
            length += (size_t)snprintf(n->deadlock + length, sizeof(n->deadlock) - length,
                                       "%spacket %u->%u at router %u", length ? " waits for " : "",
                                       p->src, p->dst, at / per_node);
        at = waits_for(n, at);
    } while (at != first);
    sim_remark(n->net.sim, "deadlock of the network at %.3f us: %s, which closes the circle",
               sim_time_seconds(n->now) * 1e6, n->deadlock);
    sim_stop(n->net.sim);
}

static void schedule(struct flit_net *n)
{
    sim_time next = wheel_next(&n->wheel);
    if (next == SIM_NEVER && n->in_fifos > 0 && !n->deadlock[0])
        report_deadlock(n);
    if (sim_event_pending(&n->tick) && n->tick.time <= next)
        return;
    sim_cancel(n->net.sim, &n->tick);
    if (next != SIM_NEVER)
        sim_at(n->net.sim, &n->tick, next);
}

static void look(struct flit_net *n)
{
    for (uint32_t k = 0; k < n->look_count; k++) {
        uint32_t which = n->looks[k];
        n->marked[which] = false;
        if (which >= n->topo.nodes) {
            look_at_source(n, which - n->topo.nodes);
        } else {
            allocate_channels(n, which);
            allocate_switch(n, which);
        }
    }
    n->look_count = 0;
}

static void instant(struct sim *s, struct sim_event *e)
{
    struct flit_net *n = CONTAINER_OF(e, struct flit_net, tick);
    n->now = sim_now(s);
    wheel_advance(&n->wheel);
    collect(n);
    look(n);
    schedule(n);
    call_terminals(n);
}

/* ---- the interface ---- */

static void flit_fault(struct net *net, const struct net_fault *f)
{
    struct flit_net *n = CONTAINER_OF(net, struct flit_net, net);
    n->faults = base_realloc(n->faults, sizeof(*n->faults) * (n->fault_count + 1));
    n->faults[n->fault_count] = *f;
    post(n, f->at, WORD_FAULT, n->fault_count++);
    schedule(n);
}

static void flit_inject(struct net *net, struct net_packet *p)
{
    struct flit_net *n = CONTAINER_OF(net, struct flit_net, net);
    ASSERT(p->src < n->topo.nodes && p->dst < n->topo.nodes && p->flits > 0);
    n->now = sim_now(net->sim);
    n->packets_in++;
    n->flits_in += p->flits;
    p->blocked = 0;
    p->dropped = false;
    p->hops = 0;
    p->next = NULL;
    struct source *s = &n->sources[p->src];
    if (s->first)
        s->last->next = p;
    else
        s->first = p;
    s->last = p;
    look_at_source(n, p->src);
    schedule(n);
}

static void flit_set_terminal(struct net *net, uint32_t terminal, const struct net_terminal *t)
{
    struct flit_net *n = CONTAINER_OF(net, struct flit_net, net);
    ASSERT(terminal < n->topo.nodes);
    n->terminals[terminal] = *t;
}

static void flit_describe(const struct net *net, struct net_describe *d)
{
    const struct flit_net *n = (const void *)net;
    *d = (struct net_describe){ .model = "flit",
                                .terminals = n->topo.nodes,
                                .flit_bytes = (uint32_t)n->params.flit_bytes,
                                .flit_time = n->d.flit };
    mesh_describe_grid(&n->topo, d);
}

static sim_time flit_zero_load(const struct net *net, uint32_t src, uint32_t dst, uint32_t flits)
{
    const struct flit_net *n = (const void *)net;
    return mesh_zero_load(&n->params, topo_distance(&n->topo, src, dst), flits);
}

static uint32_t flit_distance(const struct net *net, uint32_t src, uint32_t dst)
{
    return topo_distance(&((const struct flit_net *)(const void *)net)->topo, src, dst);
}

static void flit_channels(const struct net *net, void (*fn)(void *arg, const struct net_channel *c),
                          void *arg)
{
    const struct flit_net *n = (const void *)net;
    uint32_t ports = n->topo.ports, eject = topo_eject_port(&n->topo);
    for (uint32_t i = 0; i < n->topo.nodes * ports; i++) {
        const struct port *p = &n->ports[i];
        if (p->busy.name)
            fn(arg, &(struct net_channel){
                        .busy = &p->busy,
                        .node = i / ports,
                        .to_node = i % ports == eject ? i / ports : p->to_node,
                        .port = i % ports,
                        .blocked = p->window == sim_window_start(net->sim) ? p->blocked : 0 });
    }
    for (uint32_t i = 0; i < n->topo.nodes; i++)
        fn(arg, &(struct net_channel){ .busy = &n->sources[i].busy,
                                       .node = i,
                                       .to_node = i,
                                       .port = eject,
                                       .injects = true });
}

static void flit_audit(void *self, struct sim_audit_report *r)
{
    const struct flit_net *n = self;
    uint64_t flits = 0, waiting = n->topo.nodes * n->topo.ports * n->vcs;
    for (uint64_t i = 0; i < waiting; i++)
        flits += n->inputs[i].count;
    for (uint32_t i = 0; i < n->topo.nodes; i++) {
        const struct source *s = &n->sources[i];
        for (const struct net_packet *p = s->first; p; p = p->next)
            flits += p->flits;
        if (s->current)
            flits += s->current->flits - s->sent;
    }
    sim_audit_check(r, !n->deadlock[0], "deadlock: %s, which closes the circle", n->deadlock);
    sim_audit_balance(r, "flits in queues", n->flits_in, n->flits_left, flits, 0);
    sim_audit_balance(r, "packets", n->packets_in, n->packets_out,
                      n->packets_in - n->packets_out - n->packets_dropped, n->packets_dropped);
    sim_audit_dropped(r, "packets", "dead channel", n->packets_dropped);
}

static void make_ports(struct flit_net *n)
{
    uint32_t ports = n->topo.ports, all = n->topo.nodes * ports;
    n->ports = base_zalloc(all, sizeof(*n->ports));
    n->inputs = base_zalloc((size_t)all * n->vcs, sizeof(*n->inputs));
    n->outputs = base_zalloc((size_t)all * n->vcs, sizeof(*n->outputs));
    n->slots = base_alloc(sizeof(*n->slots) * all * n->vcs * n->depth);
    char name[64];
    for (uint32_t i = 0; i < all; i++) {
        uint32_t node = i / ports, port = i % ports;
        n->ports[i].to_node = topo_neighbour(&n->topo, node, port);
        n->ports[i].to_port = topo_opposite(port);
        for (uint32_t v = 0; v < n->vcs; v++) {
            n->inputs[i * n->vcs + v].output = NOBODY;
            n->inputs[i * n->vcs + v].fifo = n->slots + (size_t)(i * n->vcs + v) * n->depth;
            n->outputs[i * n->vcs + v].holder = NOBODY;
            bool any = port == ports - 1 && n->d.eject_loop == 0;
            n->outputs[i * n->vcs + v].credits = any ? UINT32_MAX : n->depth;
        }
        if (port == ports - 1 || n->ports[i].to_node != UINT32_MAX)
            sim_busy_init(&n->ports[i].busy, n->net.sim, SIM_KIND_CHANNEL, (int32_t)node,
                          topo_channel_name(&n->topo, node, port, name, sizeof(name)));
    }
}

static void make_sources(struct flit_net *n)
{
    char name[64];
    n->sources = base_zalloc(n->topo.nodes, sizeof(*n->sources));
    n->source_credits = base_alloc(sizeof(*n->source_credits) * n->topo.nodes * n->vcs);
    n->source_free = base_zalloc(n->topo.nodes * n->vcs, sizeof(*n->source_free));
    for (uint32_t i = 0; i < n->topo.nodes; i++) {
        n->sources[i].credits = n->source_credits + i * n->vcs;
        n->sources[i].free_at = n->source_free + i * n->vcs;
        for (uint32_t v = 0; v < n->vcs; v++)
            n->sources[i].credits[v] = n->depth;
        n->sources[i].channel = n->vcs - 1;
        sim_busy_init(&n->sources[i].busy, n->net.sim, SIM_KIND_CHANNEL, (int32_t)i,
                      topo_channel_name(&n->topo, i, n->topo.ports, name, sizeof(name)));
    }
}

static void flit_destroy(struct net *net);

static struct net *flit_create(struct sim *s, const void *params, struct err *e)
{
    const struct mesh_params *p = params;
    struct flit_net *n = base_zalloc(1, sizeof(*n));
    n->net = (struct net){ .ops = &net_flit, .sim = s, .params = &n->params };
    n->params = *p;
    n->vcs = (uint32_t)p->virtual_channels;
    n->depth = (uint32_t)p->fifo_flits;
    mesh_delays(p, &n->d);
    if (!mesh_check(p, "flit", e) || !mesh_topology(p, &n->topo, e)) {
        free(n);
        return NULL;
    }
    make_ports(n);
    make_sources(n);
    n->terminals = base_zalloc(n->topo.nodes, sizeof(*n->terminals));
    n->marked = base_zalloc(2 * (size_t)n->topo.nodes, sizeof(*n->marked));
    n->looks = base_alloc(sizeof(*n->looks) * 2 * n->topo.nodes);
    n->done_size = n->topo.nodes * n->vcs;
    n->done = base_alloc(sizeof(struct net_packet *) * n->done_size);
    n->sent = base_alloc(sizeof(struct net_packet *) * n->topo.nodes);
    wheel_init(&n->wheel, n->d.flit);
    sim_event_init(&n->tick, SIM_CLASS_ARRIVAL, instant);
    sim_audit_register(s, "mesh", flit_audit, n);
    if (mesh_schedule_faults(p, &n->topo, &n->net, e))
        return &n->net;
    flit_destroy(&n->net);
    return NULL;
}

static void flit_destroy(struct net *net)
{
    struct flit_net *n = CONTAINER_OF(net, struct flit_net, net);
    sim_audit_unregister(net->sim, n);
    sim_cancel(net->sim, &n->tick);
    for (uint32_t i = 0; i < n->topo.nodes * n->topo.ports; i++)
        if (n->ports[i].busy.name)
            sim_busy_fini(&n->ports[i].busy);
    for (uint32_t i = 0; i < n->topo.nodes; i++)
        sim_busy_fini(&n->sources[i].busy);
    free(n->faults);
    free(n->inputs);
    free(n->outputs);
    free(n->ports);
    free(n->slots);
    free(n->sources);
    free(n->source_credits);
    free(n->source_free);
    free(n->terminals);
    free(n->marked);
    free(n->looks);
    free(n->done);
    free(n->sent);
    wheel_fini(&n->wheel);
    topo_fini(&n->topo);
    free(n);
}

const struct net_ops net_flit = {
    .name = "flit",
    .doc = "wormhole-routed mesh or hypercube flit by flit, with virtual channels: the reference",
    .params = mesh_params_desc,
    .params_size = sizeof(struct mesh_params),
    .create = flit_create,
    .destroy = flit_destroy,
    .set_terminal = flit_set_terminal,
    .inject = flit_inject,
    .describe = flit_describe,
    .zero_load = flit_zero_load,
    .fault = flit_fault,
    .channels = flit_channels,
    .distance = flit_distance,
};
