/* node.c: boots the operating system of a node: its protocol graph, its services, its program. */
#include "os/node.h"

#include <stdio.h>
#include <string.h>

/* ---- where the ranks are ---- */

uint32_t os_places_rank(const struct os_places *p, uint32_t node)
{
    for (uint32_t rank = 0; rank < p->count; rank++)
        if (p->nodes[rank] == node)
            return rank;
    return OS_NO_RANK;
}

void os_place(struct os_places *p, uint32_t rank, uint32_t node)
{
    ASSERT(rank < p->count);
    p->own[rank] = node;
    p->version++;
}

void os_places_copy(struct port *p, struct os_places *to, const struct os_places *from)
{
    *to = *from;
    to->nodes = to->own = port_alloc(p, (from->count + 1) * sizeof *to->own);
    memcpy(to->own, from->nodes, from->count * sizeof *to->own);
}

void os_places_free(struct port *p, struct os_places *places)
{
    port_free(p, places->own);
    *places = (struct os_places){ 0 };
}

bool os_places_take(struct os_node *n, const struct os_places *p)
{
    struct os_places old = n->places;
    if (p->version <= old.version) /* PLACE1 */
        return false;
    uint32_t here = 0;
    for (uint32_t rank = 0; rank < p->count; rank++)
        here += p->nodes[rank] == n->node;
    ASSERT_MSG(p->count == old.count && here <= 1, "PLACE2");
    os_places_copy(n->port, &n->places, p);
    os_places_free(n->port, &old);
    return true;
}

/* ---- boot ---- */

/* No walk through the group: each node asks for each service. */
uint32_t os_rank(const struct os_node *n, const struct os_group *g)
{
    uint32_t rank = g->nodes == &n->layout->service ? 0 : n->layout->ranks[n->node] - g->first;
    return rank < g->count && g->nodes[rank] == n->node ? rank : OS_NO_RANK;
}

static void start_services(struct os_node *n)
{
    const struct os_boot *b = n->boot;
    n->started = port_alloc(n->port, (b->service_count + 1) * sizeof *n->started);
    for (uint32_t i = 0; i < b->service_count; i++) {
        const struct os_service *s = &b->services[i];
        if (os_rank(n, s->on) != OS_NO_RANK)
            n->started[i] = s->ops->start(n, s, xk_find(n->xk, s->over));
    }
}

/* ---- the program ---- */

static void told_stopped(struct os_run *r)
{
    if (r->told)
        return;
    r->told = true;
    port_ledger_part(r->task, LEDGER_STOPPED, SIM_NEVER);
    r->stopped(r->arg);
}

static void enter(void *arg)
{
    struct os_node *n = arg;
    struct os_run *r = n->run;
    n->boot->main(n, &r->me);
    if (n->run != r)
        return;
    r->ended = true;
    if (r->stop)
        told_stopped(r);
    if (n->keeper)
        n->keeper->ended(n->keeper->arg);
}

void os_enter(struct os_node *n, uint64_t resume, bool ended)
{
    const struct os_boot *b = n->boot;
    uint32_t rank = os_places_rank(&n->places, n->node);
    char name[32];
    ASSERT(!n->run && rank != OS_NO_RANK);
    snprintf(name, sizeof name, "rank %u", rank);
    struct os_run *r = n->run = port_alloc(n->port, sizeof *r);
    r->task = port_task_create(n->port, "program", NULL, NULL);
    r->resume = resume;
    r->ended = ended;
    r->me = (struct program){ .params = b->params,
                              .rank = rank,
                              .ranks = b->ranks,
                              .job = n->job,
                              .resume = resume,
                              .task = r->task };
    if (!ended && !port_thread_spawn(r->task, name, enter, n, 0))
        port_fail(r->task, "no room for the program's thread");
}

static void start_program(struct os_node *n)
{
    const struct os_boot *b = n->boot;
    uint32_t rank = os_rank(n, os_group(b, "compute"));
    if (!b->main || rank >= b->ranks ||
        (port_incarnation(n->port) > 1 && (n->keeper || !b->restart)))
        return;
    os_enter(n, port_kept(n->port), false);
}

void os_kill(struct os_node *n)
{
    struct os_run *r = n->run;
    if (!r)
        return;
    port_task_crash(r->task);
    port_free(n->port, r);
    n->run = NULL;
}

void os_keep(struct os_node *n, const struct os_keeper *k)
{
    n->keeper = k;
}

void os_stop(struct os_node *n, void (*stopped)(void *arg), void *arg)
{
    struct os_run *r = n->run;
    ASSERT(r && !r->stop);
    r->stop = true;
    r->told = false;
    r->stopped = stopped;
    r->arg = arg;
    if (r->in_call || r->ended)
        told_stopped(r);
}

void os_go(struct os_node *n)
{
    struct os_run *r = n->run;
    r->stop = false;
    if (r->told)
        port_ledger_part(r->task, LEDGER_REST, SIM_NEVER);
    if (r->parked)
        port_thread_wake(n->port, r->parked);
}

/* The program's thread, on another CPU than the upcall that has ended its task (os_kill), may come
 * here before that takes effect: it does not leave. */
static void stay_if_ended(struct os_node *n)
{
    while (!n->run)
        port_thread_block(n->port, "the end of its task", 0);
}

/* Its thread is at a place where it can be saved. */
static void pass(struct os_node *n)
{
    stay_if_ended(n);
    struct os_run *r = n->run;
    if (!r->stop)
        return;
    told_stopped(r);
    r->parked = port_thread_self(n->port);
    while (r->stop)
        port_thread_block(n->port, "the end of a checkpoint from point", r->resume);
    r->parked = NULL;
}

static void point(struct os_node *n, uint64_t resume, bool call)
{
    if (!n->keeper && !n->boot->restart)
        return;
    port_pay(n->port);
    if (!n->keeper) {
        port_keep(n->port, resume);
        return;
    }
    stay_if_ended(n);
    n->run->resume = resume;
    n->run->passed = true;
    pass(n);
    n->run->call = call;
}

void os_safe_point(struct os_node *n, uint64_t resume)
{
    point(n, resume, false);
}

void os_safe_call(struct os_node *n, uint64_t resume)
{
    point(n, resume, true);
}

bool os_call_begin(struct os_node *n)
{
    struct os_run *r = n->run;
    if (!r || !r->call)
        return false;
    r->call = false;
    r->in_call = true;
    if (r->stop)
        told_stopped(r);
    return true;
}

void os_call_end(struct os_node *n)
{
    pass(n);
    n->run->in_call = false;
}

struct os_node *os_node_boot(struct port *kernel, const struct os_boot *b)
{
    struct os_node *n = port_alloc(kernel, sizeof *n);
    *n = (struct os_node){
        .port = kernel, .boot = b, .layout = b->layout, .node = port_node(kernel)
    };
    n->places = (struct os_places){ .count = b->ranks, .nodes = b->layout->compute };
    if (b->graph) {
        n->xk = xk_boot(kernel, b->graph);
        start_services(n);
    }
    start_program(n);
    return n;
}

void *os_find(const struct os_node *n, const struct os_service_ops *ops)
{
    for (uint32_t i = 0; n->started && i < n->boot->service_count; i++)
        if (n->boot->services[i].ops == ops && n->started[i])
            return n->started[i];
    return NULL;
}

const struct os_service *os_served(const struct os_layout *l, const struct os_service_ops *ops,
                                   const char *group)
{
    for (uint32_t i = 0; l->boot && i < l->boot->service_count; i++)
        if (l->boot->services[i].ops == ops && strcmp(l->boot->services[i].on->name, group) == 0)
            return &l->boot->services[i];
    return NULL;
}

const void *os_service_params(const struct os_layout *l, const struct os_service_ops *ops)
{
    for (uint32_t i = 0; l->boot && i < l->boot->service_count; i++)
        if (l->boot->services[i].ops == ops)
            return l->boot->services[i].params;
    return NULL;
}
