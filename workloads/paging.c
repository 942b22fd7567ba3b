/* paging.c: see paging.h. */
#include "workloads/paging.h"

#include <string.h>

const char *const paging_backings[] = { "none", "disk", "io", "servers", "lent", NULL };

const struct param paging_params_desc[] = {
    P_CHOICE(paging_params, backing, "none", paging_backings,
             "Where pages go whose frames are needed: nowhere; the node's own disk, or the I/O "
             "nodes for a node without; the I/O nodes' memory servers; dedicated memory servers; "
             "memory that all compute nodes lend.",
             "ASSUMED(the experiment's choice)"),
    P_BOOL(paging_params, backup, "false",
           "Backing servers and lent: every page goes to the I/O nodes too, so that it outlives "
           "its server.",
           "ASSUMED(a policy to compare with client.mirror)"),
    P_TABLE(paging_params, client, memsrv_client_params_desc,
            "Placement of pages at memory servers.", "os/memsrv/memsrv.h"),
    P_END,
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

#define BACKUP_REGION 0x80000000u /* its pages are told from those of the region itself */

static struct xk_protl *rpc_of(struct os_node *node)
{
    struct xk_protl *rpc = node->xk ? xk_find(node->xk, "rpc") : NULL;
    if (!rpc)
        port_fail(node->port,
                  "the machine's graph has no instance named rpc, which paging to other "
                  "nodes needs");
    return rpc;
}

/* The other nodes of a group that serve memory; 0 after port_fail. */
static uint32_t servers_of(struct os_node *node, const char *group, const uint32_t **servers)
{
    const struct os_group *g = os_served(node, &memsrv_service, group);
    uint32_t *list = port_alloc(node->port, (g ? g->count + 1 : 1) * sizeof *list), count = 0;
    for (uint32_t i = 0; g && i < g->count; i++)
        if (g->nodes[i] != node->node)
            list[count++] = g->nodes[i];
    *servers = list;
    if (count == 0)
        port_fail(node->port,
                  "paging to other nodes needs { service = \"memory_server\", on = \"%s\" } in "
                  "machine.os, and such nodes",
                  group);
    return count;
}

bool paging_servers(struct os_node *node, uint32_t region, const uint32_t *servers, uint32_t count,
                    const struct paging_params *params, struct vm_store **store)
{
    struct xk_protl *rpc = rpc_of(node);
    const uint32_t *io = NULL;
    uint32_t io_count = params->backup ? servers_of(node, "io", &io) : 0;
    if (!rpc || (params->backup && io_count == 0))
        return false;
    struct memsrv_client *c =
        memsrv_client_create(rpc, region, servers, count, &params->client, "paging");
    if (params->backup)
        memsrv_client_backup(
            c, memsrv_store(memsrv_client_create(rpc, region | BACKUP_REGION, io, io_count,
                                                 &params->client, "paging_backup")));
    *store = memsrv_store(c);
    return true;
}

bool paging_store(struct os_node *node, struct vm *vm, uint32_t region, uint64_t pages,
                  const struct paging_params *params, struct vm_store **store)
{
    static const char *const groups[] = { [PAGING_DISK] = "io",
                                          [PAGING_IO] = "io",
                                          [PAGING_SERVERS] = "memory",
                                          [PAGING_LENT] = "compute" };
    *store = NULL;
    if (params->backing == PAGING_NONE)
        return true;
    if (params->backing == PAGING_DISK && port_blk_count(node->port) > 0) {
        *store = own_disk(node, vm, region, pages);
        return *store != NULL;
    }
    struct paging_params p = *params;
    const uint32_t *servers = NULL;
    uint32_t count = servers_of(node, groups[p.backing], &servers);
    p.backup &= strcmp(groups[p.backing], "io") != 0;
    return count > 0 && paging_servers(node, region, servers, count, &p, store);
}
