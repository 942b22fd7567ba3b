/* node.h: the operating system of one node: what boots, and what a program finds there.
 *
 * A node has a role.  Every node boots its role's protocol graph; I/O nodes mount their local file
 * system and start the PFS server; the service node starts PFS metadata; compute nodes run
 * programs.
 */
#ifndef OS_NODE_H
#define OS_NODE_H

#include "os/port.h"
#include "os/xk/graph.h"

enum os_role { OS_ROLE_COMPUTE, OS_ROLE_IO, OS_ROLE_SERVICE, OS_ROLE_COUNT };

/* Who is who; the same on every node, immutable. */
struct os_layout {
    uint32_t nodes;
    uint32_t compute_count, io_count;
    const uint32_t *compute;        /* rank -> node */
    const uint32_t *io;             /* I/O index -> node */
    uint32_t service;               /* node */
    const struct os_params *params; /* of every node; NULL: another system boots */
};
/* Files that the local file system of one I/O node can hold. */
uint64_t os_files_max(const struct os_layout *l);

struct nx;         /* os/nx/nx.h: message passing of programs */
struct pfs_client; /* os/pfs/pfs.h */

/* Parameters of the operating system, loaded from machine.os; see os/node.c for the descriptors. */
struct os_params;
extern const struct param os_params_desc[];
extern const size_t os_params_size;

struct os_node {
    struct port *port; /* kernel task */
    const struct os_layout *layout;
    const struct os_params *params;
    enum os_role role;
    uint32_t node;
    struct xk_kernel *xk;
    struct nx *nx;          /* every node */
    struct pfs_client *pfs; /* compute nodes; NULL elsewhere */
};

/* What a program is told when it is entered. */
struct program {
    const void *params; /* its workload's, loaded */
    uint32_t rank, ranks;
    uint64_t resume; /* 0: from the beginning; else what it said at the point it goes on from */
};

/* Boots the operating system of this node: the first upcall of its kernel task, at start and at
 * every restart.  The result lives in the kernel task's heap. */
struct os_node *os_node_boot(struct port *kernel, const struct os_layout *layout,
                             const struct os_params *params, const struct xk_graph *graph);

/* The nodes that serve memory (os/memsrv) in one of three ways, as machine.os.memory_server says:
 * the I/O nodes, compute nodes of their own, or all compute nodes but this one.  Returns how many;
 * *nodes is valid while the node is up. */
enum os_memory { OS_MEMORY_IO, OS_MEMORY_DEDICATED, OS_MEMORY_LENT };
uint32_t os_memory_servers(const struct os_node *n, enum os_memory kind, const uint32_t **nodes);

#endif
