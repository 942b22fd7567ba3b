/* domain_graph.c: what a configuration says of the domains of a graph.  See domain.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/xk/xk_internal.h"

const struct param xk_domain_params[] = {
    P_CHOICE(xk_domain_params, cpu, "upcalls", xk_domain_cpus,
             "The CPU that runs what comes for its instances; upcalls: the one that runs the "
             "node's (machine.node.upcall_cpu)."),
    P_TIME(xk_domain_params, restart, "0", "0", NULL,
           "From its crash until its instances begin anew; 0: they do not."),
    P_INT(xk_domain_params, queue, "64", "1", "1000000",
          "Messages of a session that wait on their way to another processor before push says "
          "busy.",
          "ASSUMED(as many as calls to a host wait in SELECT)"),
    P_KIND(xk_domain_params, transfer, "pass", xk_transfers,
           "How data crosses between this domain and those that the graph names before it."),
    P_END,
};

static uint32_t number_of(const struct xk_graph *g, const char *name)
{
    uint32_t i = 0;
    while (i < g->domain_count && strcmp(g->domains[i].name, name) != 0)
        i++;
    return i;
}

/* An instance of a domain that begins anew must not be bound to one life of its node. */
static bool check_restart(const struct xk_graph *g, uint32_t number, const char *at, struct err *e)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (g->nodes[i].domain == number && !g->nodes[i].ops->renews)
            return err_set(e,
                           "%s.restart: '%s' (protocol '%s') cannot begin anew alone: what it has "
                           "agreed with its peers holds for one life of the node",
                           at, g->nodes[i].name, g->nodes[i].ops->kind.name);
    return true;
}

static bool load_row(struct xk_graph *g, const struct val *row, const char *path, struct err *e)
{
    char where[128];
    const char *names[64] = { NULL };
    uint32_t i = number_of(g, row->key);
    val_where(row, where, sizeof where);
    if (i == 0)
        return err_set(e,
                       "%s%s.kernel: the kernel's domain is the node's own: machine.node says "
                       "what CPU runs its upcalls",
                       where, path);
    if (i == g->domain_count) {
        for (uint32_t k = 1; k < g->domain_count && k < ARRAY_LEN(names); k++)
            names[k - 1] = g->domains[k].name;
        err_set(e, "%s%s: no instance of the graph is in a domain '%s'", where, path, row->key);
        err_nearest(e, row->key, names);
        return false;
    }
    for (uint32_t k = 0; k < g->count; k++)
        if (strcmp(g->nodes[k].name, row->key) == 0)
            return err_set(e,
                           "%s%s.%s: an instance of the graph has that name, too, and both count "
                           "under it; name the domain otherwise",
                           where, path, row->key);
    struct xk_domain_desc *d = &g->domains[i];
    char *at = base_printf("%s.%s", path, row->key);
    d->stated = true;
    bool good = param_load(xk_domain_params, &d->params, row, at, e);
    if (good && d->params.restart > 0) {
        char *full = base_printf("%s%s", where, at);
        good = check_restart(g, i, full, e);
        free(full);
    }
    free(at);
    return good;
}

const struct kind_choice *xk_transfer_of(const struct xk_graph *g, uint32_t upper, uint32_t lower)
{
    const struct xk_node_desc *x = &g->nodes[upper], *y = &g->nodes[lower];
    const struct xk_domain_desc *d = &g->domains[x->domain > y->domain ? x->domain : y->domain];
    if (y->ops->transfer)
        return y->ops->transfer(y->params);
    return d->stated ? &d->params.transfer : NULL;
}

bool xk_graph_top(const struct xk_graph *g, uint32_t number)
{
    for (uint32_t i = 0; i < g->count; i++)
        for (uint8_t k = 0; k < g->nodes[i].downs; k++)
            if (g->nodes[i].down[k] == number)
                return false;
    return true;
}

/* What is given later has neither pieces, nor answers about the host that it was for. */
static bool check_waits(const struct xk_graph *g, const struct val *domains, const char *path,
                        struct err *e)
{
    char where[128];
    for (uint32_t i = 0; i < g->count; i++)
        for (uint8_t k = 0; k < g->nodes[i].downs; k++) {
            const struct xk_node_desc *x = &g->nodes[i], *y = &g->nodes[x->down[k]];
            const struct kind_choice *c =
                x->domain != y->domain ? xk_transfer_of(g, i, x->down[k]) : NULL;
            if (c && xk_waits((const void *)c->kind) && x->ops->needs & (XK_PIECES | XK_HOSTS))
                return err_set(e,
                               "%s%s: '%s' %s '%s' in the call that gives it, and transfer '%s' "
                               "gives it later; allowed are pass, copy, cow, remap, fbuf and trap",
                               val_where(domains, where, sizeof where), path, x->name,
                               x->ops->needs & XK_PIECES ? "takes pieces of messages from"
                                                         : "asks about the host of a message of",
                               y->name, c->kind->name);
        }
    return true;
}

/* Who takes pieces calls what gives them, and who stands on hosts asks about what it is given. */
static bool check_cpus(const struct xk_graph *g, const struct val *domains, const char *path,
                       struct err *e)
{
    char where[128];
    for (uint32_t i = 0; i < g->count; i++)
        for (uint8_t k = 0; k < g->nodes[i].downs; k++) {
            const struct xk_node_desc *x = &g->nodes[i], *y = &g->nodes[x->down[k]];
            bool pieces = x->ops->needs & XK_PIECES, hosts = y->path.gives & XK_HOSTS;
            if (x->domain != y->domain && (pieces || hosts) &&
                g->domains[x->domain].params.cpu != g->domains[y->domain].params.cpu)
                return err_set(e, "%s%s: '%s' %s '%s', and both must be on one CPU",
                               val_where(domains, where, sizeof where), path, x->name,
                               pieces ? "takes pieces of messages from"
                                      : "asks about the host of a message while it is given it by",
                               y->name);
        }
    return true;
}

bool xk_graph_domains(struct xk_graph *g, const struct val *domains, const char *path,
                      struct err *e)
{
    char where[128];
    if (!domains)
        return true;
    if (domains->type != VAL_TABLE)
        return err_set(e, "%s%s must be a table by names of domains, not %s",
                       val_where(domains, where, sizeof where), path, val_type_name(domains->type));
    for (uint32_t i = 0; i < g->domain_count; i++)
        if (!param_load(xk_domain_params, &g->domains[i].params, NULL, path, e))
            return false;
    for (size_t i = 0; i < domains->count; i++)
        if (!load_row(g, domains->items[i], path, e))
            return false;
    char *graph = base_printf("%.*sgraph", (int)strcspn(path, ".") + 1, path);
    bool good = check_cpus(g, domains, path, e) && check_waits(g, domains, path, e) &&
                xk_graph_check(g, graph, e);
    free(graph);
    return good;
}
