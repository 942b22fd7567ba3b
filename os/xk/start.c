/* start.c: an instance begins on a node, over what is below it there.  See xk_internal.h. */
#include "os/xk/xk_internal.h"

/* 0: not known. */
static uint64_t slower(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* What it gives and carries on this node; false: it cannot stand on what is below here. */
static bool find_path(struct xk_protl *x, const struct xk_graph *g, const struct xk_node_desc *d,
                      unsigned *given)
{
    struct xk_path below[XK_DOWN_MAX], out;
    struct err e = ERR_INIT;
    uint8_t count = 0;
    *given = d->downs ? ~0u : XK_NETWORK;
    x->rate = 0;
    for (; count < d->downs; count++) {
        const struct xk_protl *under = x->down[count];
        below[count] = (struct xk_path){ under->instance, under->gives, under->carries };
        *given &= under->gives;
        x->rate = slower(x->rate, under->rate);
    }
    if (d->network < g->network_count) { /* a driver looks at its interface */
        const struct xk_network *n = &g->networks[d->network];
        struct port_if_info info = { .mtu = (uint32_t)n->mtu };
        if (x->ifc != UINT32_MAX)
            port_if_describe(x->task, x->ifc, &info);
        x->rate = slower(x->rate, info.rate);
        below[count++] = (struct xk_path){ n->name, n->gives, info.mtu };
        *given = n->gives;
    }
    bool good = xk_path_over(d, d->name, below, count, &out, &e);
    x->gives = out.gives;
    x->carries = out.carries;
    return good;
}

enum xk_status xk_start(struct xk_protl *x, const struct xk_graph *g, const struct xk_node_desc *d)
{
    unsigned given;
    bool stands = find_path(x, g, d, &given);
    x->enabled = 0;
    x->upper = NULL;
    x->state = d->ops->kind.state_size ? port_alloc(x->task, d->ops->kind.state_size) : NULL;
    if (d->ops->kind.counters)
        port_counters(x->task, d->name, d->ops->kind.counters, x->state);
    if (!stands || d->ops->needs & ~given)
        return XK_REFUSED;
    x->kernel->starts = x;
    enum xk_status s = d->ops->init(x, d->params);
    x->kernel->starts = NULL;
    return s;
}
