/* node.c: boots the operating system of a node: its protocol graph, and what stands on it.
 *
 * Every node boots the same graph.  An instance named "nx" becomes the message-passing library of
 * the programs, with the compute nodes as its partition.  A node without a graph has no protocols.
 */
#include "os/node.h"

#include "os/nx/nx.h"

struct os_params {
    const char *nx; /* instance */
};

const struct param os_params_desc[] = {
    { .name = "nx",
      .type = PARAM_STRING,
      .offset = offsetof(struct os_params, nx),
      .def = "nx",
      .doc = "Instance of the protocol graph that carries the messages of programs; one that the "
             "graph does not have: programs have none.",
      .src = "ASSUMED(a name)" },
    { .name = NULL }
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
    return n;
}
