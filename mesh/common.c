/* common.c: what the fidelities have in common.  See common.h. */
#include "mesh/common.h"

#include <stdio.h>
#include <stdlib.h>

bool mesh_net_init(struct mesh_net *n, const struct net_ops *ops, struct sim *s,
                   const struct mesh_params *p, sim_event_fn *instant, sim_audit_fn *audit,
                   struct err *e)
{
    *n = (struct mesh_net){ .net = { .ops = ops, .sim = s, .params = &n->params }, .params = *p };
    mesh_delays(p, &n->d);
    if (!mesh_check(p, ops->kind.name, e) || !mesh_topology(p, &n->topo, e))
        return false;
    n->terminals = base_zalloc(n->topo.nodes, sizeof(*n->terminals));
    n->places = base_zalloc(n->topo.nodes, sizeof(*n->places));
    if (p->routing_at == MESH_AT_ROUTER && n->d.front > 0)
        n->routing = base_zalloc(n->topo.nodes, sizeof(*n->routing));
    wheel_init(&n->wheel, n->d.flit);
    sim_event_init(&n->tick, SIM_CLASS_ARRIVAL, instant);
    sim_count(&n->net.counted, s, "network", -1, ops->kind.counters, n);
    sim_audit_register(s, "mesh", audit, n);
    return true;
}

void mesh_net_fini(struct mesh_net *n)
{
    sim_count_end(&n->net.counted);
    sim_audit_unregister(n->net.sim, n);
    sim_cancel(n->net.sim, &n->tick);
    sim_faults_free(n->net.schedule);
    free(n->faults);
    free(n->terminals);
    free(n->places);
    free(n->routing);
    free(n->sent);
    free(n->done);
    wheel_fini(&n->wheel);
    topo_fini(&n->topo);
}

void mesh_net_set_terminal(struct net *net, uint32_t terminal, const struct net_terminal *t)
{
    struct mesh_net *n = CONTAINER_OF(net, struct mesh_net, net);
    ASSERT(terminal < n->topo.nodes);
    n->terminals[terminal] = *t;
    n->places[terminal] = t->room;
}

bool mesh_net_give_place(struct mesh_net *n, uint32_t terminal)
{
    const struct net_terminal *t = &n->terminals[terminal];
    if (t->room == 0)
        return false;
    ASSERT_MSG(n->places[terminal] < t->room, "no packet has the place");
    n->now = sim_now(n->net.sim);
    return ++n->places[terminal] == 1;
}

void mesh_net_describe(const struct net *net, struct net_describe *d)
{
    const struct mesh_net *n = (const void *)net;
    *d = (struct net_describe){ .model = net->ops->kind.name,
                                .terminals = n->topo.nodes,
                                .flit_bytes = (uint32_t)n->params.flit_bytes,
                                .flit_time = n->d.flit };
    mesh_describe_grid(&n->topo, d);
}

sim_time mesh_net_zero_load(const struct net *net, uint32_t src, uint32_t dst, uint32_t flits)
{
    const struct mesh_net *n = (const void *)net;
    return mesh_zero_load(&n->params, topo_distance(&n->topo, src, dst), flits);
}

uint32_t mesh_net_distance(const struct net *net, uint32_t src, uint32_t dst)
{
    return topo_distance(&((const struct mesh_net *)(const void *)net)->topo, src, dst);
}

void mesh_net_fault(struct net *net, const struct net_fault *f)
{
    struct mesh_net *n = CONTAINER_OF(net, struct mesh_net, net);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->fault_count; i++)
        if (n->faults[i].at >= sim_now(net->sim))
            n->faults[kept++] = n->faults[i];
    n->fault_count = kept;
    n->faults = base_realloc(n->faults, sizeof(*n->faults) * (n->fault_count + 1));
    n->faults[n->fault_count] = *f;
    mesh_post_index(n, f->at, MESH_WORD_FAULT, n->fault_count++);
    mesh_net_schedule(n);
}

/* A router (NET_ALL_PORTS) or one of its output channels. */
struct place {
    struct net *net;
    uint32_t node, port;
};
enum { DEAD, ALIVE };
static const char *const fault_actions[] = { "dead", "alive", NULL };

static void is_now(const struct place *p, bool dead)
{
    p->net->ops->fault(
        p->net, &(struct net_fault){
                    .at = sim_now(p->net->sim), .node = p->node, .port = p->port, .dead = dead });
}

static void apply_fault(void *self, const struct fault *f)
{
    is_now(self, (f->action == DEAD) != f->over);
}

static bool may_die(void *self, const struct fault *f, const char *path, struct err *e)
{
    (void)f, (void)path, (void)e;
    is_now(self, false);
    return true;
}

static const struct fault_ops place_ops = { .actions = fault_actions,
                                            .usual = true,
                                            .ends = true,
                                            .when = SIM_CLASS_ARRIVAL,
                                            .check = may_die,
                                            .apply = apply_fault };

static void add_place(struct sim_faults *f, struct net *net, uint32_t node, uint32_t port,
                      const char *name)
{
    struct place *p = base_alloc(sizeof(*p));
    *p = (struct place){ net, node, port };
    sim_fault_target(f, name, &place_ops, p, true);
}

void mesh_net_fault_targets(struct net *net, struct sim_faults *f)
{
    const struct topo *t = &CONTAINER_OF(net, struct mesh_net, net)->topo;
    char name[64];
    for (uint32_t node = 0; node < t->nodes; node++) {
        snprintf(name, sizeof(name), "router %u", node);
        add_place(f, net, node, NET_ALL_PORTS, name);
        for (uint32_t port = 0; port < t->ports; port++)
            if (port == topo_eject_port(t) || topo_neighbour(t, node, port) != UINT32_MAX)
                add_place(f, net, node, port, topo_channel_name(t, node, port, name, sizeof(name)));
    }
}

const char *const mesh_net_fails[] = { "channel", "router", NULL };

void mesh_net_take(struct mesh_net *n, struct net_packet *p)
{
    ASSERT(p->src < n->topo.nodes && p->dst < n->topo.nodes && p->flits > 0);
    n->now = sim_now(n->net.sim);
    n->packets_in++;
    n->flits_in += p->flits;
    p->blocked = 0;
    p->dropped = false;
    p->hops = 0;
    p->next = NULL;
}

void mesh_net_schedule(struct mesh_net *n)
{
    sim_time next = wheel_next(&n->wheel);
    if (sim_event_pending(&n->tick)) {
        if (n->tick.time <= next)
            return;
        sim_cancel(n->net.sim, &n->tick);
    }
    if (next != SIM_NEVER)
        sim_at(n->net.sim, &n->tick, next);
}

static void keep(struct net_packet ***list, uint32_t *count, uint32_t *size, struct net_packet *p)
{
    if (*count == *size) {
        *size = *size ? 2 * *size : 16;
        *list = base_realloc(*list, sizeof(struct net_packet *) * *size);
    }
    (*list)[(*count)++] = p;
}

void mesh_net_sent(struct mesh_net *n, struct net_packet *p)
{
    keep(&n->sent, &n->sent_count, &n->sent_size, p);
}

void mesh_net_done(struct mesh_net *n, struct net_packet *p)
{
    keep(&n->done, &n->done_count, &n->done_size, p);
}

static int by_source(const void *a, const void *b)
{
    uint32_t x = (*(struct net_packet *const *)a)->src, y = (*(struct net_packet *const *)b)->src;
    return (x > y) - (x < y);
}

int mesh_net_by_destination(const void *a, const void *b)
{
    const struct net_packet *p = *(struct net_packet *const *)a;
    const struct net_packet *q = *(struct net_packet *const *)b;
    if (p->dst != q->dst)
        return p->dst < q->dst ? -1 : 1;
    if (p->src != q->src)
        return p->src < q->src ? -1 : 1;
    return (p->injected > q->injected) - (p->injected < q->injected);
}

static void call_terminals(struct mesh_net *n)
{
    if (n->sent_count > 1)
        qsort(n->sent, n->sent_count, sizeof(struct net_packet *), by_source);
    for (uint32_t k = 0; k < n->sent_count; k++) {
        const struct net_terminal *t = &n->terminals[n->sent[k]->src];
        if (t->sent)
            t->sent(t->arg, n->sent[k]);
    }
    n->sent_count = 0;
    if (n->done_count > 1)
        qsort(n->done, n->done_count, sizeof(struct net_packet *), mesh_net_by_destination);
    for (uint32_t k = 0; k < n->done_count; k++) {
        struct net_packet *p = n->done[k];
        const struct net_terminal *t = &n->terminals[p->dst];
        if (p->dropped) {
            net_drop(&n->net, p, NET_DROPPED_FAULT);
        } else {
            n->packets_out++;
            n->flits_out += p->flits;
        }
        if (t->receive)
            t->receive(t->arg, p, p->dropped ? NET_DROPPED_FAULT : NET_OK);
    }
    n->done_count = 0;
}

bool mesh_net_go_on(struct mesh_net *n)
{
    if (n->sent_count + n->done_count > 0) {
        mesh_net_schedule(n);
        call_terminals(n);
        return false;
    }
    sim_time next = wheel_next(&n->wheel);
    if (next != SIM_NEVER && sim_run_ahead(n->net.sim, next)) {
        n->now = next;
        return true;
    }
    mesh_net_schedule(n);
    return false;
}

struct fault_call {
    struct mesh_net *net;
    void (*fn)(struct mesh_net *n, uint32_t channel, bool dead);
    bool dead;
};

static void call_fault(void *arg, uint32_t channel)
{
    const struct fault_call *c = arg;
    c->fn(c->net, channel, c->dead);
}

void mesh_net_faults_now(struct mesh_net *n,
                         void (*fn)(struct mesh_net *n, uint32_t channel, bool dead))
{
    for (uint32_t i = 0; i < n->fault_count; i++)
        if (n->faults[i].at == n->now)
            mesh_fault_each(&n->topo, &n->faults[i], call_fault,
                            &(struct fault_call){ n, fn, n->faults[i].dead });
}

void mesh_net_audit(const struct mesh_net *n, struct sim_audit_report *r, uint64_t packets_inside,
                    uint64_t flits_inside)
{
    sim_audit_balance(r, "packets", n->packets_in, n->packets_out, packets_inside,
                      net_audit_drops(&n->net, r));
    sim_audit_balance(r, "flits", n->flits_in, n->flits_out, flits_inside, n->net.flits_dropped);
}
