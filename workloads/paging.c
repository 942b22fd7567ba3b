/* paging.c: see paging.h. */
#include "workloads/paging.h"

const char *const paging_backings[] = { "none", "disk", "io", "servers", "lent", NULL };

const struct param paging_params_desc[] = {
    { .name = "backing",
      .type = PARAM_CHOICE,
      .offset = offsetof(struct paging_params, backing),
      .def = "none",
      .choices = paging_backings,
      .doc =
          "Where pages go whose frames are needed: nowhere; the node's own disk, or the I/O nodes "
          "for a node without; the I/O nodes' memory servers; dedicated memory servers; memory "
          "that all compute nodes lend.",
      .src = "ASSUMED(the experiment's choice)" },
    { .name = "client",
      .type = PARAM_TABLE,
      .offset = offsetof(struct paging_params, client),
      .sub = memsrv_client_params_desc,
      .doc = "Placement of pages at memory servers.",
      .src = "os/memsrv/memsrv.h" },
    { .name = NULL },
};

static struct vm_store *own_disk(struct os_node *node, struct vm *vm, uint32_t region,
                                 uint64_t pages)
{
    struct port_blk_info info;
    port_blk_describe(node->port, 0, &info);
    uint64_t per = (vm_page_bytes(vm) + info.sector_bytes - 1) / info.sector_bytes;
    uint64_t first = region * pages * per;
    if (first + pages * per > info.sectors) {
        port_fail(node->port, "the disk of node %u has no room for %llu pages", node->node,
                  (unsigned long long)pages);
        return NULL;
    }
    return vm_swap_create(vm, 0, first, pages * per);
}

bool paging_store(struct os_node *node, struct vm *vm, uint32_t region, uint64_t pages, int backing,
                  const struct memsrv_client_params *client, struct vm_store **store)
{
    static const enum os_memory kinds[] = { [PAGING_DISK] = OS_MEMORY_IO,
                                            [PAGING_IO] = OS_MEMORY_IO,
                                            [PAGING_SERVERS] = OS_MEMORY_DEDICATED,
                                            [PAGING_LENT] = OS_MEMORY_LENT };
    static const char *const needs[] = { [OS_MEMORY_IO] = "on = true, and I/O nodes",
                                         [OS_MEMORY_DEDICATED] = "dedicated > 0",
                                         [OS_MEMORY_LENT] =
                                             "lent > 0, and more than one compute node" };
    *store = NULL;
    if (backing == PAGING_NONE)
        return true;
    if (backing == PAGING_DISK && port_blk_count(node->port) > 0) {
        *store = own_disk(node, vm, region, pages);
        return *store != NULL;
    }
    struct xk_protl *rpc = node->xk ? xk_find(node->xk, "rpc") : NULL;
    if (!rpc) {
        port_fail(node->port,
                  "the machine's graph has no instance named rpc, which paging to other "
                  "nodes needs");
        return false;
    }
    const uint32_t *servers;
    uint32_t count = os_memory_servers(node, kinds[backing], &servers);
    if (count == 0) {
        port_fail(node->port, "paging to \"%s\" needs machine.os.memory_server with %s",
                  paging_backings[backing], needs[kinds[backing]]);
        return false;
    }
    *store = memsrv_store(memsrv_client_create(rpc, region, servers, count, client));
    return true;
}
