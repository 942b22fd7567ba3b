/* domain.c: domains of a node: their tasks, their ends and beginnings.  See domain.h. */
#include "os/xk/domain.h"

#include <string.h>

#include "os/xk/xk_internal.h"

const struct counter xk_domain_counters[] = {
    C_SUM(xk_domain, counts, messages, "1",
          "Messages that crossed between this domain and one nearer the kernel."),
    C_SUM(xk_domain, counts, bytes, "B", "Bytes of these."),
    C_SUM(xk_domain, counts, dropped, "1",
          "Messages dropped because this domain, or the one they were for, was dead, or what is "
          "below refused them late."),
    C_SUM(xk_domain, counts, closed, "1", "Pushes that found the domain below dead."),
    C_SUM(xk_domain, counts, overflowed, "1",
          "Messages dropped because as many waited for this domain as its transfer has slots."),
    C_SUM(xk_domain, counts, restarts, "1", "Times that it began anew."),
    C_MOST(xk_domain, counts, waiting, "1",
           "Messages on their way to another processor, or waiting to be taken, at most, of one "
           "boundary."),
    C_END,
};

static struct xk_domain *find(const struct xk_kernel *k, const char *name)
{
    for (uint32_t i = 1; k->domains && i < k->graph->domain_count; i++)
        if (strcmp(k->domains[i].desc->name, name) == 0)
            return &k->domains[i];
    return NULL;
}

struct port *xk_domain_task(struct xk_kernel *k, const char *domain)
{
    const struct xk_domain *d = find(k, domain);
    return d ? d->task : NULL;
}

uint64_t xk_domains_heap(const struct xk_kernel *k)
{
    uint64_t bytes = port_heap_bytes(k->port);
    for (uint32_t i = 1; k->domains && i < k->graph->domain_count; i++)
        if (k->domains[i].task)
            bytes += port_heap_bytes(k->domains[i].task);
    return bytes;
}

const struct xk_domain_counts *xk_domain_counts(const struct xk_kernel *k, const char *domain)
{
    const struct xk_domain *d = find(k, domain);
    return d ? &d->counts : NULL;
}

/* DOM3.  Its memory is still there, and goes next. */
static void died(void *arg)
{
    struct xk_domain *d = arg;
    struct xk_kernel *k = d->kernel;
    xk_peers_forget(k, d->task);
    for (uint32_t i = 0; i < k->count; i++)
        if (k->protls[i].task == d->task) {
            k->protls[i].task = NULL;
            k->protls[i].state = NULL;
        }
    d->task = NULL;
    xk_boundaries_died(d);
    if (d->desc->params.restart > 0)
        port_timer_set(&d->again, d->desc->params.restart);
}

static void make_task(struct xk_domain *d)
{
    struct xk_kernel *k = d->kernel;
    const char *cpu = xk_graph_domain_cpu(k->graph, (uint32_t)(d - k->domains));
    d->task = port_task_create(k->port, xk_domain_task_name(d->desc->name), NULL, NULL);
    port_task_on_end(d->task, died, d);
    if (cpu && !port_task_place(d->task, cpu))
        ASSERT_MSG(false, base_printf("a domain on CPU '%s', which the node does not have", cpu));
}

/* DOM4, the first upcall of the new task. */
static void begin_anew(struct port *task, void *arg)
{
    struct xk_domain *d = arg;
    struct xk_kernel *k = d->kernel;
    xk_boundaries_begin(d);
    for (uint32_t i = 0; i < k->count; i++) {
        struct xk_protl *x = &k->protls[i];
        if (&k->domains[x->domain] != d)
            continue;
        x->task = task;
        enum xk_status s = xk_start(x, k->graph, &k->graph->nodes[i]);
        if (s != XK_OK) {
            port_remark(k->port, "domain '%s' does not begin anew: '%s' answers %s", d->desc->name,
                        x->instance, xk_status_name(s));
            port_task_crash(task);
            return;
        }
    }
    d->counts.restarts++;
    xk_boundaries_began(d);
}

static void restart_due(struct port_timer *t)
{
    struct xk_domain *d = t->arg;
    make_task(d);
    port_task_run(d->task, begin_anew, d);
}

void xk_domains_boot(struct xk_kernel *k, const struct xk_graph *g)
{
    k->graph = g;
    if (g->domain_count == 1)
        return;
    k->domains = port_alloc(k->port, g->domain_count * sizeof *k->domains);
    for (uint32_t i = 0; i < g->domain_count; i++) {
        struct xk_domain *d = &k->domains[i];
        d->kernel = k;
        d->desc = &g->domains[i];
        if (i == 0) {
            d->task = k->port;
            continue;
        }
        port_timer_init(k->port, &d->again, restart_due, d);
        make_task(d);
        if (d->desc->stated)
            port_counters(k->port, d->desc->name, xk_domain_counters, d);
    }
}
