/* paging.h: where programs page to: what a workload's `paging` table says. */
#ifndef WORKLOADS_PAGING_H
#define WORKLOADS_PAGING_H

#include "os/memsrv/memsrv.h"
#include "os/node.h"

enum paging_backing {
    PAGING_NONE, /* pages keep their frames */
    PAGING_IO,   /* memory servers of the I/O nodes (the service memory_server on the group io) */
    PAGING_SERVERS, /* those of the group memory: nodes of their own */
    PAGING_LENT     /* idle memory of the other compute nodes (on the group compute) */
};
extern const char *const paging_backings[];

struct paging_params {
    int backing;
    const char *over; /* an instance of the graph */
    bool backup;      /* servers and lent: each page goes to the I/O nodes as well */
    struct memsrv_client_params client;
};
extern const struct param paging_params_desc[];

/* Refuses a machine that has nothing of that kind for so many programs and pages of so many bytes.
 * *room: how many of them it keeps; left alone for PAGING_NONE. */
bool paging_check(const struct paging_params *p, uint32_t programs, uint64_t page,
                  const struct os_layout *l, uint64_t *room, struct err *e) MUST_CHECK;

/* The store of region number `region` of this node; *store is NULL for PAGING_NONE.  False after
 * port_fail when a page is more than a call carries: only the protocols that have booted know. */
bool paging_store(struct os_node *node, uint32_t region, uint64_t page,
                  const struct paging_params *params, struct vm_store **store) MUST_CHECK;

/* The same at these servers, which the workload has started itself. */
bool paging_servers(struct os_node *node, uint32_t region, uint64_t page, const uint32_t *servers,
                    uint32_t count, const struct paging_params *params,
                    struct vm_store **store) MUST_CHECK;

#endif
