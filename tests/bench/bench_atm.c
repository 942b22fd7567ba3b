/* bench_atm.c: cells a second of an ATM switch of 16 stations, beside events for every cell.
 *
 * The peer is the least that goes cell by cell: a cell has an event of the engine where its channel
 * takes it, one at the queue and one at its station; the queues are times, nothing is lost or put
 * together.  Frames are drawn before the clock runs: Poisson, uniform destinations.
 *
 *   bench_atm            the lines for scripts/bench
 *   bench_atm NUMBER     one of the loads in this process, for a profiler
 */
#include <stdio.h>
#include <stdlib.h>

#include "mesh/switch/atm.h"
#include "sim/base/aal5.h"
#include "sim/rng.h"
#include "tests/bench/bench.h"

#define STATIONS 16u
#define CELLS 3000000u
#define CELL 2831197
#define AFTER (10500 * SIM_NS)

struct job {
    const char *name;
    uint32_t flits, percent; /* of a frame; of the channels */
    int queue;
};
static const struct job jobs[] = {
    { "atm, frames of 9180 B, 5 %", 9180, 5, ATM_OUTPUT },
    { "atm, frames of 9180 B, 50 %", 9180, 50, ATM_OUTPUT },
    { "atm, frames of 1500 B, 50 %", 1500, 50, ATM_OUTPUT },
    { "atm, frames of 40 B, 50 %", 40, 50, ATM_OUTPUT },
    { "atm, input queues, 40 B, 50 %", 40, 50, ATM_INPUT },
};

struct source {
    struct sim_event event;
    struct net_packet *packets;
    uint64_t count, next;
};
static struct source sources[STATIONS];
static struct net *net;
static uint64_t arrived; /* cells */

static uint64_t draw(struct sim *s, const struct job *j)
{
    struct sim_rng r;
    uint32_t cells = aal5_cells(j->flits);
    uint64_t each = CELLS / cells / STATIONS;
    sim_time mean = (sim_time)cells * CELL * 100 / j->percent;
    sim_rng_init(&r, s, "bench/frames");
    for (uint32_t i = 0; i < STATIONS; i++) {
        sim_time at = 0;
        sources[i] = (struct source){ .count = each };
        sources[i].packets = base_zalloc(each, sizeof(struct net_packet));
        for (uint64_t k = 0; k < each; k++) {
            at += sim_rng_exponential(&r, mean);
            sources[i].packets[k] =
                (struct net_packet){ .src = i, .flits = j->flits, .created = at };
            sources[i].packets[k].dst = (uint32_t)sim_rng_below(&r, STATIONS);
        }
    }
    return each * STATIONS * cells;
}

/* ---- psim ---- */

static void inject(struct sim *s, struct sim_event *e)
{
    struct source *q = CONTAINER_OF(e, struct source, event);
    net_inject(net, &q->packets[q->next++]);
    if (q->next < q->count)
        sim_at(s, e, q->packets[q->next].created);
}

static void receive(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg;
    if (status != NET_OK)
        abort();
    arrived += aal5_cells(p->flits);
}

static double ours(uint64_t number, uint64_t b)
{
    struct sim *s = sim_create(NULL);
    struct atm_params p;
    struct err e = ERR_INIT;
    (void)b;
    if (!param_load(atm_params_desc, &p, NULL, "mesh", &e))
        abort();
    p.stations = STATIONS;
    p.buffer_cells = 0;
    p.queue = jobs[number].queue;
    net = net_atm.create(s, &p, &e);
    uint64_t cells = draw(s, &jobs[number]);
    for (uint32_t i = 0; i < STATIONS; i++) {
        net->ops->set_terminal(net, i, &(struct net_terminal){ .receive = receive });
        sim_event_init(&sources[i].event, SIM_CLASS_SOFTWARE, inject);
        sim_at(s, &sources[i].event, sources[i].packets[0].created);
    }
    double from = bench_seconds();
    sim_run(s);
    double took = bench_seconds() - from;
    if (arrived != cells)
        abort();
    return (double)cells / took;
}

/* ---- an event for each step of each cell ---- */

struct cell {
    struct sim_event event;
    struct net_packet *p;
    struct cell *next;
};
static struct cell *spare;
static sim_time out_free[STATIONS], in_free[STATIONS];
static uint32_t cell_count;

static void at_station(struct sim *s, struct sim_event *e)
{
    struct cell *c = CONTAINER_OF(e, struct cell, event);
    (void)s;
    arrived++;
    c->next = spare;
    spare = c;
}

static void at_queue(struct sim *s, struct sim_event *e)
{
    struct cell *c = CONTAINER_OF(e, struct cell, event);
    sim_time *free_at = &out_free[c->p->dst];
    *free_at = sim_time_max(*free_at, sim_now(s)) + CELL;
    sim_event_init(e, SIM_CLASS_ARRIVAL, at_station);
    sim_at(s, e, *free_at + 500 * SIM_NS);
}

static void leaves(struct sim *s, struct sim_event *e)
{
    sim_event_init(e, SIM_CLASS_ARRIVAL, at_queue);
    sim_after(s, e, CELL + AFTER);
}

static void send_cells(struct sim *s, struct sim_event *e)
{
    struct source *q = CONTAINER_OF(e, struct source, event);
    struct net_packet *p = &q->packets[q->next++];
    sim_time at = sim_time_max(in_free[p->src], sim_now(s));
    for (uint32_t k = 0; k < cell_count; k++, at += CELL) {
        struct cell *c = spare;
        if (c)
            spare = c->next;
        else
            c = base_alloc(sizeof(*c));
        c->p = p;
        sim_event_init(&c->event, SIM_CLASS_ARRIVAL, leaves);
        sim_at(s, &c->event, at);
    }
    in_free[p->src] = at;
    if (q->next < q->count)
        sim_at(s, e, q->packets[q->next].created);
}

static double peer(uint64_t number, uint64_t b)
{
    struct sim *s = sim_create(NULL);
    uint64_t cells = draw(s, &jobs[number]);
    (void)b;
    cell_count = aal5_cells(jobs[number].flits);
    for (uint32_t i = 0; i < STATIONS; i++) {
        sim_event_init(&sources[i].event, SIM_CLASS_SOFTWARE, send_cells);
        sim_at(s, &sources[i].event, sources[i].packets[0].created);
    }
    double from = bench_seconds();
    sim_run(s);
    double took = bench_seconds() - from;
    if (arrived != cells)
        abort();
    return (double)cells / took;
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        printf("%.4g cells/s\n", ours((uint64_t)atoi(argv[1]) % ARRAY_LEN(jobs), 0));
        return 0;
    }
    for (uint64_t i = 0; i < ARRAY_LEN(jobs); i++) {
        double rate = bench_median(ours, i, 0);
        bench_print(jobs[i].name, rate, "cells/s", "events for every cell",
                    rate / bench_median(peer, i, 0));
    }
    return 0;
}
