/* workload.c: whether a workload fits a machine. */
#include "workloads/workload.h"

bool workload_ranks(const struct workload_ops *ops, const void *params,
                    const struct os_layout *layout, uint32_t *ranks, struct err *e)
{
    if (ops->check && !ops->check(params, layout, e))
        return false;
    *ranks = ops->programs ? ops->programs(params, layout) : layout->compute_count;
    return *ranks <= layout->compute_count ||
           err_set(e, "workload '%s' wants %u programs, but the machine has %u compute nodes",
                   ops->kind.name, *ranks, layout->compute_count);
}
