/* node.c: boots the operating system of a node: its protocol graph, and what stands on it.
 *
 * Every node boots the same graph.  An instance named "nx" becomes the message-passing library of
 * the programs, with the compute nodes as its partition; on one named "rpc" the parallel file
 * system
 * stands: metadata on the service node, a server on every I/O node with a device, the client
 * library
 * on compute nodes.  A node without a graph has no protocols.
 */
#include "os/node.h"

#include "os/memsrv/memsrv.h"
#include "os/nx/nx.h"
#include "os/pfs/pfs.h"

/* Who serves memory: I/O nodes instead of files, compute nodes alone or beside their programs. */
struct memory_server {
    bool on;
    int64_t dedicated, lent;
    int64_t page;
    struct memsrv_params store;
};

struct os_params {
    const char *nx; /* instance */
    struct pfs_params pfs;
    struct lfs_params lfs;
    struct memory_server memory_server;
};

static const struct param memory_server_desc[] = {
    P_BOOL(memory_server, on, "false", "I/O nodes are memory servers, and serve no files.",
           "ASSUMED(the experiment's choice)"),
    P_INT(memory_server, dedicated, "0", "0", "60000",
          "Compute nodes that serve memory too: so many, the last ones; programs should keep away.",
          "[Iftode, Li & Petersen 1993]: dedicated server nodes"),
    P_INT(memory_server, lent, "0", "0", "1000000000",
          "Frames of idle memory that every compute node lends to the others; 0: none.",
          "[Iftode, Li & Petersen 1993]: the idle memory of all nodes"),
    P_SIZE(memory_server, page, "4KiB", "64B", "1MiB", "Page size of the clients.",
           "4 KB pages of the i860 [memory, high]"),
    P_TABLE(memory_server, store, memsrv_params_desc, "Memory and disk of each server.",
            "os/memsrv/memsrv.h"),
    P_END,
};

const struct param os_params_desc[] = {
    P_STRING(os_params, nx, "nx",
             "Instance of the protocol graph that carries the messages of programs; one that the "
             "graph does not have: programs have none.",
             "ASSUMED(a name)"),
    P_TABLE(os_params, pfs, pfs_params_desc, "The parallel file system.", "see its parameters"),
    P_TABLE(os_params, lfs, lfs_params_desc, "The local file system of each I/O node.",
            "see its parameters"),
    P_TABLE(os_params, memory_server, memory_server_desc,
            "Memory servers: on the I/O nodes, on compute nodes of their own, or on all.",
            "see its parameters"),
    P_END,
};
const size_t os_params_size = sizeof(struct os_params);

static enum os_role role_of(const struct os_layout *l, uint32_t node)
{
    for (uint32_t i = 0; i < l->io_count; i++)
        if (l->io[i] == node)
            return OS_ROLE_IO;
    /* A machine without a service node names a compute node. */
    bool shared = l->nodes == l->compute_count + l->io_count;
    return node == l->service && !shared ? OS_ROLE_SERVICE : OS_ROLE_COMPUTE;
}

/* Is this compute node one of the last that serve memory alone? */
static bool is_dedicated(const struct os_node *n)
{
    const struct os_layout *l = n->layout;
    for (uint32_t i = l->compute_count; i > 0; i--)
        if (l->compute[i - 1] == n->node)
            return l->compute_count - i < (uint64_t)n->params->memory_server.dedicated;
    return false;
}

static void start_memory(struct os_node *n, struct xk_protl *rpc, const struct memory_server *ms)
{
    struct memsrv_params lent = { .frames = ms->lent };
    if ((ms->on && n->role == OS_ROLE_IO) || is_dedicated(n))
        memsrv_serve(rpc, &ms->store, (uint64_t)ms->page);
    else if (ms->lent > 0 && n->role == OS_ROLE_COMPUTE)
        memsrv_serve(rpc, &lent, (uint64_t)ms->page);
}

uint64_t os_files_max(const struct os_layout *l)
{
    return l->params ? (uint64_t)l->params->lfs.files : UINT64_MAX;
}

uint32_t os_memory_servers(const struct os_node *n, enum os_memory kind, const uint32_t **nodes)
{
    const struct os_layout *l = n->layout;
    const struct memory_server *ms = &n->params->memory_server;
    uint32_t dedicated =
        (uint64_t)ms->dedicated < l->compute_count ? (uint32_t)ms->dedicated : l->compute_count;
    uint32_t count = 0;
    switch (kind) {
    case OS_MEMORY_IO:
        *nodes = l->io;
        return ms->on ? l->io_count : 0;
    case OS_MEMORY_DEDICATED:
        *nodes = l->compute + l->compute_count - dedicated;
        return dedicated;
    default: {
        uint32_t *list = port_alloc(n->port, (l->compute_count + 1) * sizeof *list);
        for (uint32_t i = 0; ms->lent > 0 && i < l->compute_count - dedicated; i++)
            if (l->compute[i] != n->node)
                list[count++] = l->compute[i];
        *nodes = list;
        return count;
    }
    }
}

/* The parts of PFS that this node runs, or a memory server in its place. */
static void start_storage(struct os_node *n)
{
    struct xk_protl *rpc = xk_find(n->xk, "rpc");
    const struct memory_server *ms = &n->params->memory_server;
    if (rpc == NULL)
        return;
    start_memory(n, rpc, ms);
    if (ms->on || n->layout->io_count == 0)
        return;
    if (n->node == n->layout->service)
        pfs_meta_start(n->xk, n->layout, &n->params->pfs);
    if (n->role == OS_ROLE_IO && port_blk_count(n->port) > 0)
        pfs_server_start(n->xk, n->layout, &n->params->pfs, 0, &n->params->lfs);
    if (n->role == OS_ROLE_COMPUTE)
        n->pfs = pfs_client_start(n->xk, n->layout, &n->params->pfs);
}

struct os_node *os_node_boot(struct port *kernel, const struct os_layout *layout,
                             const struct os_params *params, const struct xk_graph *graph)
{
    struct os_node *n = port_alloc(kernel, sizeof *n);
    n->port = kernel;
    n->layout = layout;
    n->params = params;
    n->node = port_node(kernel);
    n->role = role_of(layout, n->node);
    if (graph == NULL)
        return n;
    n->xk = xk_boot(kernel, graph);
    struct xk_protl *nx = xk_find(n->xk, params->nx);
    if (nx != NULL)
        n->nx = nx_start(nx, layout->compute, layout->compute_count);
    start_storage(n);
    return n;
}
