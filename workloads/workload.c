/* workload.c: whether a workload fits a machine. */
#include "workloads/workload.h"

#include <string.h>

#include "os/ckpt/ckpt.h"
#include "os/xk/graph.h"

static bool on_each(const struct os_service *s, const uint32_t *nodes, uint32_t count)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count && s->on->nodes != nodes; i++)
        for (uint32_t k = 0; k < s->on->count; k++)
            found += s->on->nodes[k] == nodes[i];
    return s->on->nodes == nodes ? s->on->count >= count : found == count;
}

static bool boots(const struct os_boot *b, const struct os_service_ops *ops, uint32_t ranks)
{
    for (uint32_t i = 0; i < b->service_count; i++)
        if (b->services[i].ops == ops && on_each(&b->services[i], b->layout->compute, ranks))
            return true;
    return false;
}

/* Its programs find on their nodes what they look for. */
static bool finds_all(const struct workload_ops *ops, const void *params,
                      const struct os_layout *layout, uint32_t ranks, struct err *e)
{
    const struct os_boot *b = layout->boot;
    for (const struct workload_instance *i = ops->instances; b && i && i->name; i++) {
        const char *name;
        memcpy(&name, (const char *)params + i->offset, sizeof name);
        const struct xk_protl_ops *protl = xk_graph_protocol(b->graph, name);
        if (!protl)
            return err_set(e,
                           "machine.graph has no instance named %s, which the workload '%s' needs",
                           name, ops->kind.name);
        if (protl != i->protocol)
            return err_set(e, "workload.%s is '%s', an instance of '%s', but must be one of '%s'",
                           i->name, name, protl->kind.name, i->protocol->kind.name);
    }
    const struct os_service_ops *const *s =
        ops->services_of ? ops->services_of(params) : ops->services;
    for (; b && s && *s; s++)
        if (!boots(b, *s, ranks))
            return err_set(e,
                           "machine.os boots no service '%s' on the compute nodes of its programs, "
                           "which the workload '%s' needs",
                           (*s)->kind.name, ops->kind.name);
    return true;
}

uint32_t workload_nodes(int64_t nodes, const struct os_layout *l)
{
    return nodes == 0 ? l->compute_count - ckpt_spares(l) : (uint32_t)nodes;
}

bool workload_nodes_check(int64_t nodes, const struct os_layout *l, struct err *e)
{
    return nodes <= l->compute_count ||
           err_set(e, "workload.nodes is %lld, but the machine has %u compute nodes",
                   (long long)nodes, l->compute_count);
}

bool workload_ranks(const struct workload_ops *ops, const void *params,
                    const struct os_layout *layout, uint32_t *ranks, struct err *e)
{
    if (ops->check && !ops->check(params, layout, e))
        return false;
    *ranks = ops->programs ? ops->programs(params, layout) : layout->compute_count;
    if (*ranks > layout->compute_count)
        return err_set(e, "workload '%s' wants %u programs, but the machine has %u compute nodes",
                       ops->kind.name, *ranks, layout->compute_count);
    const uint32_t *other = ops->typed ? os_unlike(layout, 0, *ranks) : NULL;
    if (other)
        return err_set(
            e,
            "workload '%s' shares numbers as they lie in memory, and the bytes of a word "
            "have another order on node %u than on node %u (machine.node.byte_order)",
            ops->kind.name, *other, layout->compute[0]);
    return ckpt_fits(layout, *ranks, e) && finds_all(ops, params, layout, *ranks, e);
}
