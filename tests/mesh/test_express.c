/* test_express.c: packets that cross in one step change nothing (EXPRESS1 to EXPRESS4).
 *
 * Random machines and loads, from packets that never meet to a mesh that is full, with streams of
 * packets between two terminals, answers sent from inside a delivery, edges of the window anywhere,
 * channels that die, full terminals: with and without.  Equal to the picosecond: every packet, the
 * order of all calls, every channel's account at each edge, every count.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/audit.h"
#include "sim/server.h"
#include "sim/window.h"
#include "tests/mesh/oracle.h"
#include "tests/sample.h"

#define PACKETS 160
#define LOOKS 4 /* at the edges of the window, after it, at the end */

struct sent {
    struct sim_event event;
    struct net_packet packet;
    sim_time at;
    sim_time injected, left, delivered, blocked;
    uint32_t hops, dropped, told;
    int32_t answer; /* the packet that its delivery sends, or -1 */
};

struct account {
    sim_time busy, blocked;
    uint64_t uses;
};

struct view {
    struct mesh_counts counts;
    uint32_t channels;
    struct account of[512];
};

struct run {
    struct mesh_params mesh;
    struct sim *sim;
    struct net *net;
    uint32_t count, looks, room;
    uint64_t order; /* a hash of the calls in their order */
    uint64_t events;
    sim_time consume, edges[3];
    struct net_fault fault;
    bool faulty, watched;
    struct sent sent[PACKETS];
    struct view views[LOOKS];
};

static void fold(struct run *r, uint64_t what)
{
    r->order = (r->order ^ what ^ (uint64_t)sim_now(r->sim)) * UINT64_C(0x9e3779b97f4a7c15);
    r->order ^= r->order >> 29;
}

/* ---- a case ---- */

static void draw_mesh(struct mesh_params *m, uint64_t *r)
{
    *m = (struct mesh_params){ .rows = (int64_t)oracle_below(r, 4) + 1,
                               .columns = (int64_t)oracle_below(r, 9) + 2,
                               .planes = 1,
                               .flit_bytes = 2,
                               .flit_time = (sim_time)oracle_below(r, 12) + 1,
                               .routing = (sim_time)oracle_below(r, 30),
                               .crossbar = (sim_time)oracle_below(r, 12),
                               .wire = (sim_time)oracle_below(r, 12) + 1,
                               .credit = (sim_time)oracle_below(r, 20) + 1,
                               .injection_delay = (sim_time)oracle_below(r, 12) + 1,
                               .fifo_flits = (int64_t)oracle_below(r, 6) + 1,
                               .arbitration = oracle_below(r, 3) ? MESH_ROUND_ROBIN : MESH_AGE,
                               .route = oracle_below(r, 2) ? MESH_XY : MESH_YX,
                               .routing_at = oracle_below(r, 12) ? MESH_AT_ARRIVAL : MESH_AT_FRONT,
                               .fifo = oracle_below(r, 12) ? MESH_FIFO_SHARED : MESH_FIFO_EMPTY,
                               .virtual_channels = 1 };
    m->allocation = oracle_below(r, 12) ? 0 : 3;
    m->ejection_delay = m->flit_time + (sim_time)oracle_below(r, 20);
    m->ejection_credits = oracle_below(r, 4) == 0;
    if (oracle_below(r, 8) == 0)
        m->dimension = 1 + (int64_t)oracle_below(r, 4);
    sim_time hop = m->crossbar + m->wire, enter = m->injection_delay;
    sim_time needed = (hop > enter ? hop : enter) + m->routing + m->credit;
    bool any = oracle_below(r, 12) == 0; /* also those that may have no express */
    while (!any && m->fifo_flits * m->flit_time < needed)
        m->fifo_flits++;
    m->fifo_flits += (int64_t)(oracle_below(r, 3) ? 0 : oracle_below(r, 20));
}

static void draw(struct run *c, uint64_t number)
{
    uint64_t state = number * UINT64_C(0xd1342543de82ef95) + 7, *r = &state;
    memset(c, 0, sizeof *c);
    draw_mesh(&c->mesh, r);
    const struct mesh_params *m = &c->mesh;
    uint32_t nodes =
        (uint32_t)(m->dimension ? INT64_C(1) << m->dimension : m->rows * m->columns * m->planes);
    sim_time gaps[] = { 2, 50, 300, 2000, 10000 }, gap = gaps[oracle_below(r, 5)] * m->flit_time;
    uint32_t lengths[] = { 1, 4, 16, 60 }, longest = lengths[oracle_below(r, 4)];
    uint32_t streams = (uint32_t)oracle_below(r, 4);
    bool same = oracle_below(r, 2);
    sim_time at = 0;
    c->count = 4 + (uint32_t)oracle_below(r, PACKETS - 4);
    for (uint32_t i = 0; i < c->count; i++) {
        struct sent *p = &c->sent[i], *q = i > 0 ? p - 1 : NULL;
        p->answer = -1;
        p->packet.src = (uint32_t)oracle_below(r, nodes);
        p->packet.dst = (uint32_t)oracle_below(r, nodes);
        p->packet.flits = 1 + (uint32_t)oracle_below(r, longest);
        p->at = at;
        if (q &&
            oracle_below(r, 4) < streams) { /* a stream goes on, some at the pace of its tail */
            p->packet.src = q->packet.src;
            p->packet.dst = oracle_below(r, 9) ? q->packet.dst : p->packet.dst;
            p->packet.flits = same ? q->packet.flits : p->packet.flits;
            if (oracle_below(r, 3))
                p->at = q->at + (sim_time)q->packet.flits * m->flit_time +
                        (sim_time)oracle_below(r, 3) * (sim_time)oracle_below(r, 20);
        } else if (q && oracle_below(r, 5) == 0) { /* an answer */
            p->packet.src = q->packet.dst;
            p->packet.dst = q->packet.src;
            q->answer = (int32_t)i;
        }
        at = (p->at > at ? p->at : at) + (sim_time)oracle_below(r, (uint64_t)gap);
    }
    for (int i = 0; i < 3; i++)
        c->edges[i] =
            (i > 0 ? c->edges[i - 1] : 0) + 1 + (sim_time)oracle_below(r, (uint64_t)at + 9);
    c->watched = oracle_below(r, 16) == 0;
    c->room = oracle_below(r, 12) ? 0 : 1;
    c->consume = (sim_time)oracle_below(r, 60);
    c->faulty = oracle_below(r, 12) == 0;
    c->fault = (struct net_fault){ .node = (uint32_t)oracle_below(r, nodes),
                                   .port = NET_ALL_PORTS,
                                   .dead = true };
}

/* ---- a run ---- */

static void send_it(struct sim *s, struct sim_event *e)
{
    struct sent *p = CONTAINER_OF(e, struct sent, event);
    p->packet.created = sim_now(s);
    net_inject(p->packet.owner, &p->packet);
}

static struct run *now_running;

static void left(void *arg, struct net_packet *packet)
{
    struct run *r = arg;
    struct sent *p = CONTAINER_OF(packet, struct sent, packet);
    p->left = sim_now(r->sim);
    p->told++;
    fold(r, (uint64_t)(p - r->sent) * 2);
}

static void consumed(struct sim *s, struct sim_event *e)
{
    struct sent *p = CONTAINER_OF(e, struct sent, event);
    (void)s;
    now_running->net->ops->taken(now_running->net, p->packet.dst);
}

static void taken(void *arg, struct net_packet *packet, enum net_status status)
{
    struct run *r = arg;
    struct sent *p = CONTAINER_OF(packet, struct sent, packet);
    fold(r, (uint64_t)(p - r->sent) * 2 + 1);
    p->injected = packet->injected;
    p->delivered = packet->delivered;
    p->blocked = packet->blocked;
    p->hops = packet->hops;
    p->dropped = status != NET_OK;
    cr_assert(p->dropped || p->delivered == sim_now(r->sim));
    if (r->room > 0 && status == NET_OK) {
        sim_event_init(&p->event, SIM_CLASS_DEVICE, consumed);
        sim_after(r->sim, &p->event, r->consume);
    }
    if (p->answer >= 0) {
        struct sent *q = &r->sent[p->answer];
        q->packet.created = sim_now(r->sim);
        net_inject(r->net, &q->packet);
    }
}

static void add_account(void *arg, const struct net_channel *c)
{
    struct view *v = arg;
    v->of[v->channels++] = (struct account){ sim_busy_time(c->busy, sim_now(now_running->sim)),
                                             c->blocked, c->busy->uses };
}

static void look(struct run *r)
{
    struct view *v = &r->views[r->looks++];
    mesh_worm_counts(r->net, &v->counts);
    r->net->ops->channels(r->net, add_account, v);
}

static void edge(struct sim *s, struct sim_event *e)
{
    struct run *r = now_running;
    if (e->user == 0)
        sim_window_open(s);
    else if (e->user == 1)
        sim_window_close(s);
    if (e->user < 2)
        look(r);
    else if (r->faulty) {
        r->fault.at = sim_now(s) + 5;
        r->net->ops->fault(r->net, &r->fault);
    }
}

static void run(struct run *r, uint64_t number, bool with)
{
    struct err e = ERR_INIT;
    struct sim_event edges[3];
    draw(r, number);
    r->mesh.express = with;
    now_running = r;
    r->sim = sim_create(NULL);
    sim_set_context(r->sim, with ? "express, case" : "case", (int64_t)number);
    r->net = net_worm.create(r->sim, &r->mesh, &e);
    cr_assert(r->net != NULL, "%s", e.text);
    struct net_describe d;
    net_worm.describe(r->net, &d);
    for (uint32_t i = 0; i < d.terminals; i++)
        net_worm.set_terminal(
            r->net, i,
            &(struct net_terminal){ .receive = taken, .sent = left, .arg = r, .room = r->room });
    if (r->watched)
        net_worm.watch(r->net);
    for (uint32_t i = 0; i < r->count; i++) {
        struct sent *p = &r->sent[i];
        p->packet.owner = r->net;
        sim_event_init(&p->event, i % 3 ? SIM_CLASS_SOFTWARE : SIM_CLASS_DEVICE, send_it);
        if (i == 0 || r->sent[i - 1].answer != (int32_t)i)
            sim_at(r->sim, &p->event, p->at);
    }
    for (int i = 0; i < 3; i++) {
        sim_event_init(&edges[i], SIM_CLASS_MEASURE, edge);
        edges[i].user = (uint8_t)i;
        sim_at(r->sim, &edges[i], r->edges[i]);
    }
    cr_assert_eq(sim_run(r->sim), SIM_END_IDLE);
    r->events = sim_events_fired(r->sim);
    look(r);
    char text[2048] = "";
    cr_assert_eq(sim_audit_run(r->sim, text, sizeof text), 0, "case %" PRIu64 ": %s", number, text);
    net_worm.destroy(r->net);
    sim_destroy(r->sim);
}

static void same_packets(const struct run *a, const struct run *b, uint64_t number)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct sent *p = &a->sent[i], *q = &b->sent[i];
        cr_assert(p->injected == q->injected && p->left == q->left && p->told == q->told &&
                      p->delivered == q->delivered && p->blocked == q->blocked &&
                      p->hops == q->hops && p->dropped == q->dropped,
                  "case %" PRIu64 ": packet %u (%u to %u, %u flits): injected %ld %ld, left %ld "
                  "%ld, told %u %u, delivered %ld %ld, blocked %ld %ld, hops %u %u",
                  number, i, p->packet.src, p->packet.dst, p->packet.flits, p->injected,
                  q->injected, p->left, q->left, p->told, q->told, p->delivered, q->delivered,
                  p->blocked, q->blocked, p->hops, q->hops);
    }
    cr_assert_eq(a->order, b->order, "case %" PRIu64 ": the order of calls", number);
}

static void same_view(const struct view *a, const struct view *b, uint64_t number, int which)
{
    cr_assert_eq(a->channels, b->channels);
    for (uint32_t i = 0; i < a->channels; i++)
        cr_assert(a->of[i].busy == b->of[i].busy && a->of[i].uses == b->of[i].uses &&
                      a->of[i].blocked == b->of[i].blocked,
                  "case %" PRIu64
                  ", look %d: channel %u: busy %ld %ld, uses %lu %lu, blocked %ld %ld",
                  number, which, i, a->of[i].busy, b->of[i].busy, a->of[i].uses, b->of[i].uses,
                  a->of[i].blocked, b->of[i].blocked);
    cr_assert(memcmp(&a->counts, &b->counts, sizeof a->counts) == 0,
              "case %" PRIu64 ", look %d: hops %lu %lu, shared %lu %lu, slot waits %lu %lu", number,
              which, a->counts.header_hops, b->counts.header_hops, a->counts.shared,
              b->counts.shared, a->counts.slot_waits, b->counts.slot_waits);
}

/* EXPRESS1, EXPRESS2, EXPRESS3, EXPRESS4. */
Test(express, changes_nothing)
{
    static struct run a, b;
    uint64_t cases = sample("EXPRESS", 2500), events = 0, fewer = 0;
    const char *later = getenv("MESH_SOAK_FROM");
    uint64_t from = later ? strtoull(later, NULL, 10) : 1;
    for (uint64_t number = from; number < from + cases; number++) {
        run(&a, number, false);
        run(&b, number, true);
        same_packets(&a, &b, number);
        for (uint32_t k = 0; k < a.looks; k++)
            same_view(&a.views[k], &b.views[k], number, (int)k);
        events += a.events;
        fewer += b.events;
    }
    fprintf(stderr, "express: %" PRIu64 " cases, %" PRIu64 " events without, %" PRIu64 " with\n",
            cases, events, fewer);
    cr_expect_lt(fewer, events, "expresses ran");
}
