/* boot.c: boots a graph on a node.  See graph.h. */
#include <string.h>

#include "os/xk/xk_internal.h"

/* The node's interface to a network, or UINT32_MAX. */
static uint32_t interface_to(const struct port *p, const char *network)
{
    for (uint32_t ifc = 0; ifc < port_if_count(p); ifc++) {
        struct port_if_info info;
        port_if_describe(p, ifc, &info);
        if (strcmp(info.name, network) == 0)
            return ifc;
    }
    return UINT32_MAX;
}

struct xk_kernel *xk_boot(struct port *p, const struct xk_graph *g)
{
    struct xk_kernel *k = port_alloc(p, sizeof *k);
    k->port = p;
    k->little = port_little_endian(p);
    xk_peers_boot(k);
    k->protls = port_alloc(p, g->count * sizeof *k->protls);
    xk_domains_boot(k, g);
    for (uint32_t i = 0; i < g->count; i++) {
        const struct xk_node_desc *d = &g->nodes[i];
        struct xk_protl *x = &k->protls[i];
        x->ops = d->ops;
        x->kernel = k;
        x->instance = d->name;
        x->number = i + 1;
        x->domain = d->domain;
        x->task = d->domain > 0 ? k->domains[d->domain].task : p;
        x->downs = d->downs;
        for (uint8_t j = 0; j < d->downs; j++)
            x->down[j] = xk_boundary_below(x, &k->protls[d->down[j]]);
        x->ifc = d->network < g->network_count ? interface_to(p, g->networks[d->network].name)
                                               : UINT32_MAX;
        k->count = i + 1;
        enum xk_status s = xk_start(x, g, d);
        if (s != XK_OK)
            ASSERT_MSG(false,
                       base_printf("instance '%s' of the protocol graph (protocol '%s') does "
                                   "not start over what is below it: %s",
                                   d->name, d->ops->kind.name, xk_status_name(s)));
    }
    return k;
}
