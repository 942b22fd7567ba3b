/* graph.h: the protocol graph is data: instances, what is below each, its domain, its parameters.
 *
 * The same graph is built on every node of a role.  Checked once, before any node boots.
 *   { { name = "mesh",  protocol = "driver" },
 *     { name = "blast", protocol = "blast", below = { "mesh" }, fragment_wait = "10ms" },
 *     { name = "rpc",   protocol = "select", below = { "chan" }, domain = "server" } }
 */
#ifndef OS_XK_GRAPH_H
#define OS_XK_GRAPH_H

#include "os/xk/xobj.h"
#include "sim/base/val.h"

struct xk_graph; /* immutable, shared by all nodes */

/* A network that drivers may drive: its interfaces have its name. */
struct xk_network {
    const char *name;
    uint64_t mtu;   /* bytes of a frame */
    unsigned gives; /* enum xk_property */
    uint32_t stations;
    const uint32_t *nodes; /* of each station; NULL: nobody says */
};

/* Reads a graph of these protocols over these networks (which outlive it).  NULL with a sentence:
 * unknown protocol, unknown or later instance below, too few or too many below, wrong parameter, a
 * driver of a network that there is not, or that another drives, an instance that needs of what is
 * below it what that does not give. */
struct xk_graph *xk_graph_load(const struct val *v, const struct kind_set *protocols,
                               const char *path, const struct xk_network *networks,
                               uint32_t network_count, struct err *e);
void xk_graph_free(struct xk_graph *g);
/* Of which protocol the instance of that name is; NULL: there is none, or no graph. */
const struct xk_protl_ops *xk_graph_protocol(const struct xk_graph *g, const char *instance);
/* The name of the i-th instance below it, and what it gives to those above (enum xk_property); NULL
 * and 0: there is none. */
const char *xk_graph_below(const struct xk_graph *g, const char *instance, uint32_t i);
unsigned xk_graph_gives(const struct xk_graph *g, const char *instance);
/* The longest message that it takes (xk_protl_ops.carries); 0: there is none of that name. */
uint64_t xk_graph_carries(const struct xk_graph *g, const char *instance);

/* The network of that name, the first without one.  NULL with a sentence that begins with `path`.
 */
const struct xk_network *xk_graph_network(const struct xk_graph *g, const char *name,
                                          const char *path, struct err *e);

/* Boots the graph on a node: inits every instance bottom-up in the heap of `p`'s task. */
struct xk_kernel *xk_boot(struct port *p, const struct xk_graph *g);

#endif
