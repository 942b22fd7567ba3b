/* oracle.c: draws random machines and traffic, runs them, compares, shrinks a counter-example. */
#include "tests/mesh/oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/audit.h"

uint64_t oracle_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t oracle_below(uint64_t *state, uint64_t n)
{
    return oracle_random(state) % n;
}

static void draw_machine(struct mesh_params *m, uint64_t *r, bool bubbles)
{
    *m = (struct mesh_params){
        .rows = (int64_t)oracle_below(r, 5) + 1,
        .columns = (int64_t)oracle_below(r, 5) + 1,
        .planes = oracle_below(r, 8) == 0 ? 2 : 1,
        .dimension = oracle_below(r, 10) == 0 ? (int64_t)oracle_below(r, 4) + 1 : 0,
        .flit_bytes = 2,
        .flit_time = (sim_time)oracle_below(r, 4) + 1,
        .routing = (sim_time)oracle_below(r, 4),
        .allocation = (sim_time)oracle_below(r, 3) * (sim_time)oracle_below(r, 2),
        .crossbar = (sim_time)oracle_below(r, 3),
        .wire = (sim_time)oracle_below(r, 3) + 1,
        .credit = (sim_time)oracle_below(r, 5) + 1,
        .injection_delay = (sim_time)oracle_below(r, 4) + 1,
        .ejection_delay = (sim_time)oracle_below(r, 4) + 1,
        .fifo_flits = (int64_t)oracle_below(r, 8) + 1,
        .arbitration = oracle_below(r, 3) == 0 ? MESH_AGE : MESH_ROUND_ROBIN,
        .route = oracle_below(r, 4) == 0 ? MESH_YX : MESH_XY,
        .fifo = oracle_below(r, 5) == 0 ? MESH_FIFO_EMPTY : MESH_FIFO_SHARED,
        .virtual_channels = 1,
        .express = true,
    };
    m->ejection_delay += m->flit_time;
    m->routing_at = (int[]){ MESH_AT_FRONT, MESH_AT_ROUTER, MESH_AT_ARRIVAL,
                             MESH_AT_ARRIVAL }[oracle_below(r, 4)];
    m->ejection_credits = oracle_below(r, 2) == 0;
    if (m->rows * m->columns < 2)
        m->columns = 3;
    if (bubbles) {
        m->credit += 3 + (sim_time)oracle_below(r, 8);
        m->fifo_flits = (int64_t)oracle_below(r, 4) + 1;
        return;
    }
    while (!mesh_no_bubbles(m))
        m->fifo_flits++;
    if (oracle_below(r, 3) == 0) /* several packets a FIFO */
        m->fifo_flits += (int64_t)oracle_below(r, 24);
}

void oracle_draw(struct oracle_case *c, uint64_t number, bool bubbles)
{
    uint64_t state = number * UINT64_C(0xd1342543de82ef95) + 1, *r = &state;
    c->number = number;
    draw_machine(&c->mesh, r, bubbles);
    int64_t grid = c->mesh.rows * c->mesh.columns * c->mesh.planes;
    uint32_t nodes = (uint32_t)(c->mesh.dimension ? INT64_C(1) << c->mesh.dimension : grid);
    uint32_t longest = (uint32_t[]){ 1, 3, 8, 40, 100 }[oracle_below(r, 5)];
    uint32_t window = (uint32_t[]){ 1, 8, 40, 300 }[oracle_below(r, 4)];
    uint32_t hot = (uint32_t)oracle_below(r, nodes);
    uint32_t heat = (uint32_t)oracle_below(r, 3);
    c->fault_count = 0;
    c->room = 0;
    c->consume = 0;
    c->count = 4 + (uint32_t)oracle_below(r, ORACLE_PACKETS / 2);
    for (uint32_t i = 0; i < c->count; i++) {
        struct oracle_packet *p = &c->packets[i];
        *p = (struct oracle_packet){ .src = (uint32_t)oracle_below(r, nodes),
                                     .dst = (uint32_t)oracle_below(r, nodes),
                                     .flits = 1 + (uint32_t)oracle_below(r, longest),
                                     .at = (sim_time)oracle_below(r, window) };
        if (oracle_below(r, 4) < heat)
            p->dst = hot;
        if (oracle_below(r, 4) == 0)
            p->flits = longest;
    }
}

void oracle_draw_faults(struct oracle_case *c, uint64_t number)
{
    uint64_t state = number ^ UINT64_C(0xfa17), *r = &state;
    struct topo t;
    struct err e = ERR_INIT;
    if (!mesh_topology(&c->mesh, &t, &e))
        abort();
    c->fault_count = 0;
    uint32_t wanted = 1 + (uint32_t)oracle_below(r, ORACLE_FAULTS);
    while (c->fault_count < wanted) {
        struct net_fault *f = &c->faults[c->fault_count];
        *f = (struct net_fault){ .at = (sim_time)oracle_below(r, 300),
                                 .node = (uint32_t)oracle_below(r, t.nodes),
                                 .port = (uint32_t)oracle_below(r, t.ports),
                                 .dead = oracle_below(r, 3) > 0 };
        if (oracle_below(r, 6) == 0)
            f->port = NET_ALL_PORTS;
        else if (f->port + 1 < t.ports && topo_neighbour(&t, f->node, f->port) == UINT32_MAX)
            f->port = t.ports - 1;
        c->fault_count++;
    }
    topo_fini(&t);
}

void oracle_draw_rooms(struct oracle_case *c, uint64_t number)
{
    uint64_t state = number ^ UINT64_C(0x2008), *r = &state;
    c->room = 1 + (uint32_t)oracle_below(r, 3);
    c->consume = (sim_time)oracle_below(r, 4) * (sim_time)oracle_below(r, 40);
}

struct feeder {
    struct sim_event event;
    sim_time consume;
    struct net *net;
    struct net_packet packet;
    struct oracle_packet *record;
    uint32_t *left;
};

static void feed(struct sim *s, struct sim_event *e)
{
    struct feeder *f = CONTAINER_OF(e, struct feeder, event);
    f->packet.created = sim_now(s);
    net_inject(f->net, &f->packet);
}

/* The packet's place at its destination is free again. */
static void consumed(struct sim *s, struct sim_event *e)
{
    struct feeder *f = CONTAINER_OF(e, struct feeder, event);
    (void)s;
    f->net->ops->taken(f->net, f->packet.dst);
}

static void leave(void *arg, struct net_packet *p)
{
    struct feeder *f = p->owner;
    (void)arg;
    f->record->left = f->record->left < 0 ? sim_now(f->net->sim) : 0; /* told once */
}

static void take(void *arg, struct net_packet *p, enum net_status status)
{
    struct feeder *f = p->owner;
    (void)arg;
    f->record->injected = p->injected;
    f->record->delivered = p->delivered;
    f->record->blocked = p->blocked;
    f->record->hops = p->hops;
    f->record->dropped = status == NET_DROPPED_FAULT;
    --*f->left;
    if (status == NET_OK && f->consume > 0) {
        sim_event_init(&f->event, SIM_CLASS_DEVICE, consumed);
        sim_after(f->net->sim, &f->event, f->consume);
    } else if (status == NET_OK) {
        f->net->ops->taken(f->net, p->dst);
    }
}

bool oracle_run(const struct net_ops *ops, struct oracle_case *c)
{
    struct sim *s = sim_create(NULL);
    struct err e = ERR_INIT;
    sim_set_context(s, ops == &net_flit ? "flit, case" : "case", (int64_t)c->number);
    struct net *n = ops->create(s, &c->mesh, &e);
    if (!n) {
        fprintf(stderr, "%s: %s\n", ops->kind.name, e.text);
        sim_destroy(s);
        return false;
    }
    struct net_describe d;
    ops->describe(n, &d);
    uint32_t left = c->count;
    for (uint32_t i = 0; i < c->fault_count; i++)
        ops->fault(n, &c->faults[i]);
    for (uint32_t i = 0; i < d.terminals; i++)
        ops->set_terminal(
            n, i, &(struct net_terminal){ .receive = take, .sent = leave, .room = c->room });
    struct feeder *feeders = base_zalloc(c->count, sizeof(*feeders));
    for (uint32_t i = 0; i < c->count; i++) {
        struct feeder *f = &feeders[i];
        struct oracle_packet *p = &c->packets[i];
        *f = (struct feeder){ .net = n, .record = p, .left = &left, .consume = c->consume };
        f->packet =
            (struct net_packet){ .src = p->src, .dst = p->dst, .flits = p->flits, .owner = f };
        p->delivered = p->injected = p->left = -1;
        sim_event_init(&f->event, SIM_CLASS_SOFTWARE, feed);
        sim_at(s, &f->event, p->at);
    }
    sim_run(s);
    char text[2048] = "";
    bool good = sim_audit_run(s, text, sizeof(text)) == 0 && left == 0;
    for (uint32_t i = 0; i < c->count; i++)
        good = good && c->packets[i].left > 0; /* told once, at its end */
    if (!good)
        fprintf(stderr, "%s: %u of %u packets not delivered; %s\n", ops->kind.name, left, c->count,
                text);
    if (ops == &net_worm)
        mesh_worm_counts(n, &c->counts);
    ops->destroy(n);
    sim_destroy(s);
    free(feeders);
    return good;
}

uint32_t oracle_difference(const struct oracle_case *a, const struct oracle_case *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct oracle_packet *p = &a->packets[i], *q = &b->packets[i];
        if (p->injected != q->injected || p->left != q->left || p->delivered != q->delivered ||
            p->blocked != q->blocked || p->hops != q->hops || p->dropped != q->dropped)
            return i;
    }
    return UINT32_MAX;
}

static bool differs(const struct net_ops *a, const struct net_ops *b, const struct oracle_case *c)
{
    struct oracle_case x = *c, y = *c;
    bool good = oracle_run(a, &x) && oracle_run(b, &y);
    return !good || oracle_difference(&x, &y) != UINT32_MAX;
}

/* Gives *c up for *t when t fails too. */
static bool take_if_fails(const struct net_ops *a, const struct net_ops *b, struct oracle_case *c,
                          const struct oracle_case *t)
{
    if (!differs(a, b, t))
        return false;
    *c = *t;
    return true;
}

/* Makes lengths shorter and times earlier. */
static bool shrink_packets(const struct net_ops *a, const struct net_ops *b, struct oracle_case *c)
{
    bool smaller = false;
    for (uint32_t i = 0; i < c->count; i++) {
        struct oracle_case t = *c;
        t.packets[i].flits = (t.packets[i].flits + 1) / 2;
        if (t.packets[i].flits < c->packets[i].flits)
            smaller = take_if_fails(a, b, c, &t) || smaller;
        sim_time at = c->packets[i].at;
        for (sim_time less = at; less > 0; less /= 2) {
            t = *c;
            t.packets[i].at = at - less;
            if (take_if_fails(a, b, c, &t)) {
                smaller = true;
                break;
            }
        }
    }
    return smaller;
}

void oracle_shrink_and_print(const struct net_ops *a, const struct net_ops *b,
                             struct oracle_case *c)
{
    for (bool smaller = true; smaller;) {
        smaller = false;
        for (uint32_t i = 0; i < c->fault_count; i++) {
            struct oracle_case t = *c;
            t.faults[i] = t.faults[--t.fault_count];
            if (take_if_fails(a, b, c, &t)) {
                smaller = true;
                i--;
            }
        }
        for (uint32_t i = 0; i < c->count; i++) {
            struct oracle_case t = *c;
            memmove(&t.packets[i], &t.packets[i + 1], (c->count - i - 1) * sizeof(t.packets[0]));
            t.count--;
            if (t.count > 0 && take_if_fails(a, b, c, &t)) {
                smaller = true;
                i--;
            }
        }
        smaller = shrink_packets(a, b, c) || smaller;
    }
    struct oracle_case x = *c, y = *c;
    oracle_run(a, &x);
    oracle_run(b, &y);
    const struct mesh_params *m = &c->mesh;
    fprintf(
        stderr,
        "counter-example: %" PRId64 "x%" PRId64 "x%" PRId64 " dimension %" PRId64 " flit %" PRId64
        " routing %" PRId64 " allocation %" PRId64 " crossbar %" PRId64 " wire %" PRId64
        " credit %" PRId64 " in %" PRId64 " out %" PRId64 " fifo %" PRId64
        " arbitration %d order %d reuse %d out credits %d at front %d room %u for %" PRId64 "\n",
        m->rows, m->columns, m->planes, m->dimension, m->flit_time, m->routing, m->allocation,
        m->crossbar, m->wire, m->credit, m->injection_delay, m->ejection_delay, m->fifo_flits,
        m->arbitration, m->route, m->fifo, m->ejection_credits, m->routing_at, c->room, c->consume);
    for (uint32_t i = 0; i < c->fault_count; i++)
        fprintf(stderr, "  fault at %" PRId64 ": router %u port %d dead %d\n", c->faults[i].at,
                c->faults[i].node, (int)c->faults[i].port, c->faults[i].dead);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct oracle_packet *p = &x.packets[i], *q = &y.packets[i];
        fprintf(stderr,
                "  at %" PRId64 ": %u -> %u, %u flits: %s %" PRId64 " .. %" PRId64
                " blocked %" PRId64 ", %s %" PRId64 " .. %" PRId64 " blocked %" PRId64 "\n",
                p->at, p->src, p->dst, p->flits, a->kind.name, p->injected, p->delivered,
                p->blocked, b->kind.name, q->injected, q->delivered, q->blocked);
    }
}
