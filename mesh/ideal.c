/* ideal.c: distance and rate: contention at the terminals' channels alone.
 *
 * A packet leaves when the injection channel is free, its header travels the distance unhindered,
 * and the ejection channel of its destination takes one packet at a time in order of arrival
 * (packets that arrive at one instant in order of their sources).  A packet alone takes exactly as
 * long as in the other fidelities.  Not modelled: channels between routers, FIFOs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/mesh.h"
#include "mesh/wheel.h"
#include "sim/audit.h"
#include "sim/server.h"

struct end {
    sim_time inject_free, eject_free;
    struct sim_busy inject, eject;
};

struct ideal_net {
    struct net net;
    struct mesh_params params;
    struct mesh_delays d;
    bool bubbles; /* FIFOs below the credit loop */
    struct topo topo;
    sim_time now;
    struct end *ends;
    struct net_terminal *terminals;
    struct wheel wheel;
    struct sim_event tick;
    struct net_packet **batch; /* of one instant and kind */
    size_t batch_size;
    uint64_t packets_in, packets_out, flits_in, flits_out, travelling, ejecting;
    uint64_t packets_dropped, flits_dropped;
    bool *dead; /* node * ports + port */
    struct net_fault *faults;
    uint32_t fault_count;
};

enum word { WORD_FAULT, WORD_ARRIVE, WORD_SENT, WORD_DELIVER, WORD_KINDS };
#define WORD_KIND 7u

static void post(struct ideal_net *n, sim_time when, enum word kind, const struct net_packet *p)
{
    wheel_push(&n->wheel, when, (uint64_t)(uintptr_t)p | kind);
}

static void schedule(struct ideal_net *n)
{
    sim_time next = wheel_next(&n->wheel);
    if (sim_event_pending(&n->tick) && n->tick.time <= next)
        return;
    sim_cancel(n->net.sim, &n->tick);
    if (next != SIM_NEVER)
        sim_at(n->net.sim, &n->tick, next);
}

static void ideal_inject(struct net *net, struct net_packet *p)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, net);
    ASSERT(p->src < n->topo.nodes && p->dst < n->topo.nodes && p->flits > 0);
    struct end *from = &n->ends[p->src];
    uint32_t distance = topo_distance(&n->topo, p->src, p->dst);
    sim_time length = (sim_time)p->flits * n->d.flit;
    n->packets_in++;
    n->flits_in += p->flits;
    n->travelling++;
    p->injected = sim_time_max(sim_now(net->sim), from->inject_free);
    p->hops = distance + 1;
    p->dropped = false;
    from->inject_free = p->injected + length;
    sim_busy_add(&from->inject, net->sim, p->injected, from->inject_free);
    if (n->terminals[p->src].sent)
        post(n, from->inject_free, WORD_SENT, p);
    p->delivered = p->injected + n->d.enter + n->d.allocation +
                   (sim_time)distance * (n->d.hop + n->d.allocation); /* its header's arrival */
    post(n, p->delivered, WORD_ARRIVE, p);
    schedule(n);
}

/* True when a channel of the route is dead now. */
static bool cut(const struct ideal_net *n, const struct net_packet *p)
{
    uint32_t node = p->src;
    for (;;) {
        uint32_t port = topo_route(&n->topo, node, p->dst);
        if (n->dead[node * n->topo.ports + port])
            return true;
        if (port == topo_eject_port(&n->topo))
            return false;
        node = topo_neighbour(&n->topo, node, port);
    }
}

static void arrive(struct ideal_net *n, struct net_packet *p)
{
    if (n->fault_count > 0 && cut(n, p)) {
        p->dropped = true;
        p->blocked = 0;
        p->delivered = n->now + (sim_time)(p->flits - 1) * n->d.flit + n->d.eject;
        n->travelling--;
        n->ejecting++;
        post(n, p->delivered, WORD_DELIVER, p);
        return;
    }
    struct end *to = &n->ends[p->dst];
    sim_time start = sim_time_max(n->now, to->eject_free);
    sim_time gaps = n->bubbles ? mesh_bubbles(&n->params, p->hops - 1, p->flits) : 0;
    p->blocked = start - n->now;
    to->eject_free = start + (sim_time)p->flits * n->d.flit + gaps;
    sim_busy_add(&to->eject, n->net.sim, start, start + (sim_time)p->flits * n->d.flit);
    p->delivered = start + (sim_time)(p->flits - 1) * n->d.flit + gaps + n->d.eject;
    n->travelling--;
    n->ejecting++;
    post(n, p->delivered, WORD_DELIVER, p);
}

static void deliver(struct ideal_net *n, struct net_packet *p)
{
    const struct net_terminal *t = &n->terminals[p->dst];
    if (p->dropped) {
        n->packets_dropped++;
        n->flits_dropped += p->flits;
    } else {
        n->packets_out++;
        n->flits_out += p->flits;
    }
    n->ejecting--;
    if (t->receive)
        t->receive(t->arg, p, p->dropped ? NET_DROPPED_FAULT : NET_OK);
}

static int by_ends(const void *a, const void *b)
{
    const struct net_packet *p = *(struct net_packet *const *)a;
    const struct net_packet *q = *(struct net_packet *const *)b;
    if (p->dst != q->dst)
        return p->dst < q->dst ? -1 : 1;
    return (p->src > q->src) - (p->src < q->src);
}

struct dying {
    struct ideal_net *net;
    bool dead;
};

static void set_dead(void *arg, uint32_t channel)
{
    const struct dying *d = arg;
    d->net->dead[channel] = d->dead;
}

static void ideal_fault(struct net *net, const struct net_fault *f)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, net);
    n->faults = base_realloc(n->faults, sizeof(*n->faults) * (n->fault_count + 1));
    n->faults[n->fault_count] = *f;
    wheel_push(&n->wheel, f->at, (uint64_t)n->fault_count++ << 3 | WORD_FAULT);
    schedule(n);
}

/* Room for one more packet of every kind in this instant. */
static void keep_room(struct ideal_net *n, size_t count)
{
    if (count < n->batch_size)
        return;
    struct net_packet **wider = base_alloc(2 * WORD_KINDS * n->batch_size * sizeof(*wider));
    for (size_t kind = 0; kind < WORD_KINDS; kind++)
        memcpy(wider + 2 * kind * n->batch_size, n->batch + kind * n->batch_size,
               n->batch_size * sizeof(*wider));
    free(n->batch);
    n->batch = wider;
    n->batch_size *= 2;
}

static void instant(struct sim *s, struct sim_event *e)
{
    struct ideal_net *n = CONTAINER_OF(e, struct ideal_net, tick);
    size_t counts[WORD_KINDS] = { 0 };
    uint64_t word;
    n->now = sim_now(s);
    wheel_advance(&n->wheel);
    while (wheel_take(&n->wheel, n->now, &word)) {
        size_t kind = word & WORD_KIND;
        if (kind == WORD_FAULT) {
            for (uint32_t i = 0; i < n->fault_count; i++) /* the last word on a channel holds */
                if (n->faults[i].at == n->now)
                    mesh_fault_each(&n->topo, &n->faults[i], set_dead,
                                    &(struct dying){ n, n->faults[i].dead });
            continue;
        }
        keep_room(n, counts[kind]);
        n->batch[kind * n->batch_size + counts[kind]++] = (void *)(uintptr_t)(word - kind);
    }
    for (size_t kind = 0; kind < WORD_KINDS; kind++)
        if (counts[kind] > 1)
            qsort(n->batch + kind * n->batch_size, counts[kind], sizeof(struct net_packet *),
                  by_ends);
    for (size_t k = 0; k < counts[WORD_ARRIVE]; k++)
        arrive(n, n->batch[WORD_ARRIVE * n->batch_size + k]);
    schedule(n);
    for (size_t k = 0; k < counts[WORD_SENT]; k++) {
        struct net_packet *p = n->batch[WORD_SENT * n->batch_size + k];
        n->terminals[p->src].sent(n->terminals[p->src].arg, p);
    }
    for (size_t k = 0; k < counts[WORD_DELIVER]; k++)
        deliver(n, n->batch[WORD_DELIVER * n->batch_size + k]);
}

static void ideal_set_terminal(struct net *net, uint32_t terminal, const struct net_terminal *t)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, net);
    ASSERT(terminal < n->topo.nodes);
    n->terminals[terminal] = *t;
}

static void ideal_describe(const struct net *net, struct net_describe *d)
{
    const struct ideal_net *n = (const void *)net;
    *d = (struct net_describe){ .model = "ideal",
                                .terminals = n->topo.nodes,
                                .flit_bytes = (uint32_t)n->params.flit_bytes,
                                .flit_time = n->d.flit };
    mesh_describe_grid(&n->topo, d);
}

static sim_time ideal_zero_load(const struct net *net, uint32_t src, uint32_t dst, uint32_t flits)
{
    const struct ideal_net *n = (const void *)net;
    return mesh_zero_load(&n->params, topo_distance(&n->topo, src, dst), flits);
}

static uint32_t ideal_distance(const struct net *net, uint32_t src, uint32_t dst)
{
    return topo_distance(&((const struct ideal_net *)(const void *)net)->topo, src, dst);
}

static void ideal_audit(void *self, struct sim_audit_report *r)
{
    const struct ideal_net *n = self;
    sim_audit_balance(r, "packets", n->packets_in, n->packets_out, n->travelling + n->ejecting,
                      n->packets_dropped);
    sim_audit_dropped(r, "packets", "dead channel", n->packets_dropped);
    sim_audit_check(
        r, n->travelling + n->ejecting > 0 || n->flits_in == n->flits_out + n->flits_dropped,
        "%" PRIu64 " flits in, %" PRIu64 " out", n->flits_in, n->flits_out);
}

static void ideal_destroy(struct net *net);

static struct net *ideal_create(struct sim *s, const void *params, struct err *e)
{
    struct ideal_net *n = base_zalloc(1, sizeof(*n));
    n->net = (struct net){ .ops = &net_ideal, .sim = s, .params = &n->params };
    n->params = *(const struct mesh_params *)params;
    mesh_delays(&n->params, &n->d);
    n->bubbles = !mesh_no_bubbles(&n->params);
    if (!mesh_check(&n->params, "ideal", e) || !mesh_topology(&n->params, &n->topo, e)) {
        free(n);
        return NULL;
    }
    n->ends = base_zalloc(n->topo.nodes, sizeof(*n->ends));
    for (uint32_t i = 0; i < n->topo.nodes; i++) {
        char name[64];
        sim_busy_init(&n->ends[i].inject, s, SIM_KIND_CHANNEL, (int32_t)i,
                      topo_channel_name(&n->topo, i, n->topo.ports, name, sizeof(name)));
        sim_busy_init(&n->ends[i].eject, s, SIM_KIND_CHANNEL, (int32_t)i,
                      topo_channel_name(&n->topo, i, n->topo.ports - 1, name, sizeof(name)));
    }
    n->terminals = base_zalloc(n->topo.nodes, sizeof(*n->terminals));
    n->batch_size = n->topo.nodes;
    n->batch = base_alloc(WORD_KINDS * n->batch_size * sizeof(struct net_packet *));
    wheel_init(&n->wheel, n->d.flit);
    sim_event_init(&n->tick, SIM_CLASS_ARRIVAL, instant);
    n->dead = base_zalloc((size_t)n->topo.nodes * n->topo.ports, sizeof(*n->dead));
    sim_audit_register(s, "mesh", ideal_audit, n);
    if (mesh_schedule_faults(&n->params, &n->topo, &n->net, e))
        return &n->net;
    ideal_destroy(&n->net);
    return NULL;
}

static void ideal_destroy(struct net *net)
{
    struct ideal_net *n = CONTAINER_OF(net, struct ideal_net, net);
    sim_audit_unregister(net->sim, n);
    sim_cancel(net->sim, &n->tick);
    for (uint32_t i = 0; i < n->topo.nodes; i++) {
        sim_busy_fini(&n->ends[i].inject);
        sim_busy_fini(&n->ends[i].eject);
    }
    free(n->ends);
    free(n->terminals);
    free(n->batch);
    free(n->dead);
    free(n->faults);
    wheel_fini(&n->wheel);
    topo_fini(&n->topo);
    free(n);
}

const struct net_ops net_ideal = {
    .name = "ideal",
    .doc = "distance and rate alone: contention at injection and ejection, none between routers",
    .params = mesh_params_desc,
    .params_size = sizeof(struct mesh_params),
    .create = ideal_create,
    .destroy = ideal_destroy,
    .set_terminal = ideal_set_terminal,
    .inject = ideal_inject,
    .describe = ideal_describe,
    .zero_load = ideal_zero_load,
    .fault = ideal_fault,
    .distance = ideal_distance,
};
