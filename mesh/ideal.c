/* ideal.c: distance and rate: contention at the terminals' channels alone.
 *
 * A packet leaves when the injection channel is free, its header travels the distance unhindered,
 * and the ejection channel of its destination takes one packet at a time in order of arrival
 * (packets that arrive at one instant in order of their sources).  A packet alone takes exactly as
 * long as in the other fidelities.  Not modelled: channels between routers, FIFOs.
 */
#include <stdlib.h>

#include "mesh/common.h"
#include "sim/server.h"

struct end {
    sim_time inject_free, eject_free;
    struct net_packet *first, *last; /* wait for the ejection channel */
    struct net_way *way;             /* lent */
    bool waking;                     /* it will be looked at when the channel is free */
    struct sim_busy inject, eject;
};

struct ideal_net {
    struct mesh_net m;
    struct end *ends;
    struct net_packet **arrivals; /* of one instant */
    size_t arrivals_size;
    uint64_t inside, flits_inside;
    bool bubbles; /* FIFOs below the credit loop */
    bool inside_instant;
    sim_time tail_credit; /* an ejection channel idles so long before the next packet */
    bool *dead;           /* node * ports + port */
};

enum word { WORD_ARRIVE, WORD_SENT, WORD_DELIVER, WORD_SERVE };

static void post(struct ideal_net *n, sim_time when, enum word kind, const struct net_packet *p)
{
    mesh_post(&n->m, when, kind, p);
}

static void ideal_inject(struct net *net, struct net_packet *p)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, m.net);
    mesh_net_take(&n->m, p);
    struct end *from = &n->ends[p->src];
    uint32_t distance = topo_distance(&n->m.topo, p->src, p->dst);
    n->inside++;
    n->flits_inside += p->flits;
    p->injected = sim_time_max(n->m.now, from->inject_free);
    p->hops = distance + 1;
    from->inject_free = p->injected + (sim_time)p->flits * n->m.d.flit;
    sim_busy_add(&from->inject, net->sim, p->injected, from->inject_free);
    if (n->m.terminals[p->src].sent)
        post(n, from->inject_free, WORD_SENT, p);
    p->delivered = p->injected + n->m.d.enter + n->m.d.allocation +
                   (sim_time)distance * (n->m.d.hop + n->m.d.allocation); /* its header's arrival */
    post(n, p->delivered, WORD_ARRIVE, p);
    mesh_net_schedule(&n->m);
}

/* True when a channel of the route is dead now. */
static bool cut(const struct ideal_net *n, const struct net_packet *p)
{
    uint32_t node = p->src;
    for (;;) {
        uint32_t port = topo_route(&n->m.topo, p->src, node, p->dst);
        if (n->dead[node * n->m.topo.ports + port])
            return true;
        if (port == topo_eject_port(&n->m.topo))
            return false;
        node = topo_neighbour(&n->m.topo, node, port);
    }
}

/* p enters the ejection channel, or nowhere, now. */
static void leave(struct ideal_net *n, struct net_packet *p, sim_time gaps)
{
    sim_time last = (sim_time)(p->flits - 1) * n->m.d.flit;
    p->delivered = n->m.now + last + gaps + n->m.d.eject;
    post(n, p->delivered, WORD_DELIVER, p);
}

/* Lets those that wait at a terminal in, as far as channel and terminal allow. */
static void serve(struct ideal_net *n, uint32_t terminal)
{
    struct end *to = &n->ends[terminal];
    while (to->first && mesh_net_has_place(&n->m, terminal)) {
        if (to->eject_free > n->m.now) {
            if (!to->waking)
                mesh_post_index(&n->m, to->eject_free, WORD_SERVE, terminal);
            to->waking = true;
            return;
        }
        struct net_packet *p = to->first;
        sim_time length = (sim_time)p->flits * n->m.d.flit;
        sim_time gaps = n->bubbles ? mesh_bubbles(&n->m.params, p->hops - 1, p->flits) : 0;
        to->first = p->next;
        mesh_net_take_place(&n->m, terminal);
        p->blocked = n->m.now - p->delivered;
        to->eject_free = n->m.now + length + gaps + n->tail_credit;
        sim_busy_add(&to->eject, n->m.net.sim, n->m.now, n->m.now + length);
        leave(n, p, gaps);
    }
}

static void arrive(struct ideal_net *n, struct net_packet *p)
{
    struct end *to = &n->ends[p->dst];
    if (n->m.fault_count > 0 && cut(n, p)) {
        p->dropped = true;
        leave(n, p, 0);
        return;
    }
    p->next = NULL;
    if (to->first)
        to->last->next = p;
    else
        to->first = p;
    to->last = p;
    serve(n, p->dst);
}

static void ideal_taken(struct net *net, uint32_t terminal)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, m.net);
    if (mesh_net_give_place(&n->m, terminal)) {
        serve(n, terminal);
        mesh_net_schedule(&n->m);
    }
}

static void set_dead(struct mesh_net *m, uint32_t channel, bool dead)
{
    CONTAINER_OF(m, struct ideal_net, m)->dead[channel] = dead;
}

/* ---- ways that are lent ---- */

static bool ideal_lend(struct net *net, struct net_way *w)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, m.net);
    struct end *to = &n->ends[w->dst];
    if (n->m.fault_count > 0 || n->bubbles || w->src == w->dst || to->way != NULL ||
        to->first != NULL || to->waking || n->m.terminals[w->dst].room > 0)
        return false;
    to->way = w;
    w->hops = topo_distance(&n->m.topo, w->src, w->dst) + 1;
    w->header = n->m.d.enter + n->m.d.allocation +
                (sim_time)(w->hops - 1) * (n->m.d.hop + n->m.d.allocation);
    w->inject_free = n->ends[w->src].inject_free;
    w->eject_free = to->eject_free;
    w->flit = n->m.d.flit;
    w->eject = n->m.d.eject;
    w->gap = n->tail_credit;
    return true;
}

static bool arrived(const struct sim *s, sim_time when)
{
    return sim_past(s, when, SIM_CLASS_ARRIVAL, SIM_UNKNOWN);
}

static void ideal_passed(struct net *net, struct net_way *w, uint32_t flits,
                         const struct net_passage *t)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, m.net);
    struct end *to = &n->ends[w->dst];
    sim_time end = t->eject + (sim_time)flits * n->m.d.flit;
    n->m.packets_in++;
    n->m.flits_in += flits;
    n->m.packets_out++;
    n->m.flits_out += flits;
    to->eject_free = end + n->tail_credit;
    sim_busy_add(&n->ends[w->src].inject, net->sim, t->inject, t->sent);
    sim_busy_add(&to->eject, net->sim, t->eject, end);
}

static bool ideal_follow(struct net *net, struct net_way *w, struct net_packet *p,
                         const struct net_passage *t)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, m.net);
    struct sim *s = net->sim;
    struct end *from = &n->ends[w->src], *to = &n->ends[w->dst];
    mesh_net_take(&n->m, p);
    p->injected = t->inject;
    p->hops = w->hops;
    p->delivered = t->header;
    from->inject_free = sim_time_max(from->inject_free, t->sent); /* others may have followed */
    sim_busy_add(&from->inject, s, t->inject, t->sent);
    if (!arrived(s, t->sent) && n->m.terminals[w->src].sent)
        post(n, t->sent, WORD_SENT, p);
    if (arrived(s, t->header) && arrived(s, t->eject)) {
        p->blocked = t->eject - t->header;
        p->delivered = t->delivered;
        sim_time end = t->eject + (sim_time)p->flits * n->m.d.flit;
        to->eject_free = end + n->tail_credit;
        sim_busy_add(&to->eject, s, t->eject, end);
        if (arrived(s, t->delivered)) {
            n->m.packets_out++;
            n->m.flits_out += p->flits;
            return true;
        }
        post(n, t->delivered, WORD_DELIVER, p);
    } else if (arrived(s, t->header)) {
        if (to->first)
            to->last->next = p;
        else
            to->first = p;
        to->last = p;
        if (!to->waking)
            mesh_post_index(&n->m, to->eject_free, WORD_SERVE, w->dst);
        to->waking = true;
    } else {
        post(n, t->header, WORD_ARRIVE, p);
    }
    n->inside++;
    n->flits_inside += p->flits;
    return false;
}

static void ideal_regain(struct net *net, struct net_way *w)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, m.net);
    n->ends[w->dst].way = NULL;
    if (!n->inside_instant)
        mesh_net_schedule(&n->m);
}

/* ---- the instant ---- */

/* Takes what the wheel has for now.  False: nothing. */
static bool take_words(struct ideal_net *n, size_t *arrivals)
{
    const uint64_t *words;
    if (wheel_next(&n->m.wheel) != n->m.now)
        return false;
    uint32_t count = wheel_take(&n->m.wheel, &words);
    if (*arrivals + count > n->arrivals_size) {
        n->arrivals_size = 2 * (*arrivals + count);
        n->arrivals = base_realloc(n->arrivals, n->arrivals_size * sizeof(struct net_packet *));
    }
    for (uint32_t k = 0; k < count; k++) {
        struct net_packet *p = mesh_word_pointer(words[k]);
        switch (words[k] & MESH_WORD_KIND) {
        case WORD_ARRIVE:
            n->arrivals[(*arrivals)++] = p;
            break;
        case WORD_SENT:
            mesh_net_sent(&n->m, p);
            break;
        case WORD_SERVE:
            n->ends[mesh_word_index(words[k])].waking = false;
            serve(n, mesh_word_index(words[k]));
            break;
        case WORD_DELIVER:
            n->inside--;
            n->flits_inside -= p->flits;
            mesh_net_done(&n->m, p);
            break;
        }
    }
    return true;
}

static void take_instant(struct ideal_net *n)
{
    size_t arrivals = 0, looked = 0;
    n->inside_instant = true;
    mesh_net_faults_now(&n->m, set_dead);
    while (take_words(n, &arrivals)) /* again when a way that is given back adds to the instant */
        for (; looked < arrivals; looked++) {
            struct net_way *w = n->ends[n->arrivals[looked]->dst].way;
            if (w)
                w->wanted(w);
        }
    n->inside_instant = false;
    if (arrivals > 1)
        qsort(n->arrivals, arrivals, sizeof(struct net_packet *), mesh_net_by_destination);
    for (size_t k = 0; k < arrivals; k++)
        arrive(n, n->arrivals[k]);
}

static void instant(struct sim *s, struct sim_event *e)
{
    struct ideal_net *n = CONTAINER_OF(e, struct ideal_net, m.tick);
    n->m.now = sim_now(s);
    do
        take_instant(n);
    while (mesh_net_go_on(&n->m));
}

static void ideal_audit(void *self, struct sim_audit_report *r)
{
    const struct ideal_net *n = self;
    mesh_net_audit(&n->m, r, n->inside, n->flits_inside);
}

static void ideal_destroy(struct net *net);

static struct net *ideal_create(struct sim *s, const void *params, struct err *e)
{
    struct ideal_net *n = base_zalloc(1, sizeof(*n));
    if (!mesh_net_init(&n->m, &net_ideal, s, params, instant, ideal_audit, e)) {
        free(n);
        return NULL;
    }
    const struct topo *t = &n->m.topo;
    /* Few packets a flit's time, their events a packet's length ahead: a coarser wheel. */
    wheel_fini(&n->m.wheel);
    wheel_init(&n->m.wheel, 16 * n->m.d.flit);
    if (n->m.params.fifo == MESH_FIFO_EMPTY && n->m.d.eject_loop > n->m.d.flit)
        n->tail_credit = n->m.d.eject_loop - n->m.d.flit;
    n->bubbles = !mesh_no_bubbles(&n->m.params);
    n->ends = base_zalloc(t->nodes, sizeof(*n->ends));
    for (uint32_t i = 0; i < t->nodes; i++) {
        char name[64];
        sim_busy_init(&n->ends[i].inject, s, SIM_KIND_CHANNEL, (int32_t)i,
                      topo_channel_name(t, i, t->ports, name, sizeof(name)));
        sim_busy_init(&n->ends[i].eject, s, SIM_KIND_CHANNEL, (int32_t)i,
                      topo_channel_name(t, i, t->ports - 1, name, sizeof(name)));
    }
    n->dead = base_zalloc((size_t)t->nodes * t->ports, sizeof(*n->dead));
    if (net_schedule_faults(&n->m.net, n->m.params.faults, e))
        return &n->m.net;
    ideal_destroy(&n->m.net);
    return NULL;
}

static void ideal_destroy(struct net *net)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, m.net);
    for (uint32_t i = 0; i < n->m.topo.nodes; i++) {
        sim_busy_fini(&n->ends[i].inject);
        sim_busy_fini(&n->ends[i].eject);
    }
    free(n->ends);
    free(n->arrivals);
    free(n->dead);
    mesh_net_fini(&n->m);
    free(n);
}

static const struct counter counters[] = {
    MESH_COUNTERS(ideal_net),
    C_END,
};

/* Packets of different sources meet nowhere but at their destination. */
static void grid(const void *params, struct net_grid *g)
{
    mesh_grid(params, g);
    g->in_order = g->overtakes = false;
}

const struct net_ops net_ideal = {
    .kind = { .name = "ideal",
              .doc = "distance and rate alone: contention at injection and ejection, none between "
                     "routers",
              .params = mesh_params_desc,
              .params_size = sizeof(struct mesh_params),
              .counters = counters },
    .create = ideal_create,
    .destroy = ideal_destroy,
    .set_terminal = mesh_net_set_terminal,
    .taken = ideal_taken,
    .inject = ideal_inject,
    .lend = ideal_lend,
    .follow = ideal_follow,
    .regain = ideal_regain,
    .passed = ideal_passed,
    .describe = mesh_net_describe,
    .grid = grid,
    .zero_load = mesh_net_zero_load,
    .fault = mesh_net_fault,
    .fault_targets = mesh_net_fault_targets,
    .fails = mesh_net_fails,
    .distance = mesh_net_distance,
};
