/* paging.c: see paging.h. */
#include "workloads/paging.h"

#include <string.h>

#include "os/proto/select/select.h"

const char *const paging_backings[] = { "none", "io", "servers", "lent", NULL };
static const char *const groups[] = {
    [PAGING_IO] = "io", [PAGING_SERVERS] = "memory", [PAGING_LENT] = "compute"
};

const struct param paging_params_desc[] = {
    P_CHOICE(
        paging_params, backing, "none", paging_backings,
        "Where pages go whose frames are needed: nowhere; the I/O nodes' memory servers, whose "
        "disks alone have them when their memory is 0 frames; dedicated memory servers; memory "
        "that all compute nodes lend.",
        "ASSUMED(the experiment's choice)"),
    P_STRING(paging_params, over, "rpc", "The instance of the graph that calls memory servers."),
    P_BOOL(paging_params, backup, "false",
           "Backing servers and lent: every page goes to the I/O nodes too, so that it outlives "
           "its server.",
           "ASSUMED(a policy to compare with client.mirror)"),
    P_TABLE(paging_params, client, memsrv_client_params_desc,
            "Placement of pages at memory servers.", "os/memsrv/memsrv.h"),
    P_END,
};

#define BACKUP_REGION 0x80000000u /* its pages are told from those of the region itself */

bool paging_check(const struct paging_params *p, uint32_t programs, uint64_t page,
                  const struct os_layout *l, uint64_t *room, struct err *e)
{
    uint64_t backup;
    if (p->backing == PAGING_NONE || !l->boot)
        return true;
    const struct xk_protl_ops *protl = xk_graph_protocol(l->boot->graph, p->over);
    if (!protl)
        return err_set(e,
                       "machine.graph has no instance named %s, which paging to other nodes needs",
                       p->over);
    if (protl != &select_protl)
        return err_set(e, "'%s' is an instance of '%s', but paging needs one of 'select'", p->over,
                       protl->kind.name);
    if (!memsrv_carries(xk_graph_carries(l->boot->graph, p->over), page))
        return err_set(e, "workload.memory.page is %llu bytes, more than a call of %s carries",
                       (unsigned long long)page, p->over);
    return memsrv_check(l, groups[p->backing], programs, page, room, e) &&
           (!p->backup || memsrv_check(l, "io", programs, page, &backup, e));
}

/* The other nodes of a group that serve memory. */
static uint32_t servers_of(struct os_node *node, const char *group, const uint32_t **servers)
{
    const struct os_group *g = os_served(node->layout, &memsrv_service, group)->on;
    uint32_t *list = port_alloc(node->port, g->count * sizeof *list), count = 0;
    for (uint32_t i = 0; i < g->count; i++)
        if (g->nodes[i] != node->node)
            list[count++] = g->nodes[i];
    *servers = list;
    return count;
}

bool paging_servers(struct os_node *node, uint32_t region, uint64_t page, const uint32_t *servers,
                    uint32_t count, const struct paging_params *params, struct vm_store **store)
{
    struct xk_protl *rpc = xk_find(node->xk, params->over);
    ASSERT_MSG(memsrv_carries(select_max_bytes(rpc), page), "paging_check lets none pass");
    struct memsrv_client *c =
        memsrv_client_create(rpc, region, servers, count, &params->client, "paging");
    if (params->backup) {
        const uint32_t *io;
        uint32_t io_count = servers_of(node, "io", &io);
        memsrv_client_backup(
            c, memsrv_store(memsrv_client_create(rpc, region | BACKUP_REGION, io, io_count,
                                                 &params->client, "paging_backup")));
    }
    *store = memsrv_store(c);
    return true;
}

bool paging_store(struct os_node *node, uint32_t region, uint64_t page,
                  const struct paging_params *params, struct vm_store **store)
{
    *store = NULL;
    if (params->backing == PAGING_NONE)
        return true;
    struct paging_params p = *params;
    const uint32_t *servers;
    uint32_t count = servers_of(node, groups[p.backing], &servers);
    p.backup &= p.backing != PAGING_IO;
    return paging_servers(node, region, page, servers, count, &p, store);
}
