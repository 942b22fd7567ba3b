/* node.c: boots the operating system of a node: its protocol graph, its services, its program. */
#include "os/node.h"

#include <stdio.h>
#include <string.h>

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

struct entered {
    struct os_node *n;
    struct program me;
};

static void enter(void *arg)
{
    struct entered *x = arg;
    x->n->boot->main(x->n, &x->me);
}

static void start_program(struct os_node *n)
{
    const struct os_boot *b = n->boot;
    uint32_t rank = os_rank(n, os_group(b, "compute"));
    if (!b->main || rank >= b->ranks || (port_incarnation(n->port) > 1 && !b->restart))
        return;
    char name[32];
    snprintf(name, sizeof name, "rank %u", rank);
    struct entered *x = port_alloc(n->port, sizeof *x);
    *x = (struct entered){
        n, { .params = b->params, .rank = rank, .ranks = b->ranks, .resume = port_kept(n->port) }
    };
    struct port *task = port_task_create(n->port, "program", NULL, NULL);
    if (!port_thread_spawn(task, name, enter, x, 0))
        port_fail(task, "no room for the program's thread");
}

void os_safe_point(struct os_node *n, uint64_t resume)
{
    if (!n->boot->restart)
        return;
    port_pay(n->port);
    port_keep(n->port, resume);
}

struct os_node *os_node_boot(struct port *kernel, const struct os_boot *b)
{
    struct os_node *n = port_alloc(kernel, sizeof *n);
    *n = (struct os_node){
        .port = kernel, .boot = b, .layout = b->layout, .node = port_node(kernel)
    };
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
