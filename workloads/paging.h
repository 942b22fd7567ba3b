/* paging.h: where programs page to: what a workload's `paging` table says. */
#ifndef WORKLOADS_PAGING_H
#define WORKLOADS_PAGING_H

#include "os/memsrv/memsrv.h"
#include "os/node.h"

enum paging_backing {
    PAGING_NONE, /* pages keep their frames */
    PAGING_DISK, /* a device of the node itself; without one, the I/O nodes page for it */
    PAGING_IO,   /* memory servers of the I/O nodes (the service memory_server on the group io) */
    PAGING_SERVERS, /* those of the group memory: nodes of their own */
    PAGING_LENT     /* idle memory of the other compute nodes (on the group compute) */
};
extern const char *const paging_backings[];

struct paging_params {
    int backing;
    bool backup; /* servers and lent: each page goes to the I/O nodes as well */
    struct memsrv_client_params client;
};
extern const struct param paging_params_desc[];

/* The store of region number `region` of this node, `pages` long; *store is NULL for PAGING_NONE.
 * False after port_fail when the machine has nothing of that kind. */
bool paging_store(struct os_node *node, struct vm *vm, uint32_t region, uint64_t pages,
                  const struct paging_params *params, struct vm_store **store) MUST_CHECK;

/* The same at these servers, which the workload has started itself. */
bool paging_servers(struct os_node *node, uint32_t region, const uint32_t *servers, uint32_t count,
                    const struct paging_params *params, struct vm_store **store) MUST_CHECK;

#endif
