/* xk_internal.h: private to os/xk/: a graph and the x-kernel of a node. */
#ifndef OS_XK_XK_INTERNAL_H
#define OS_XK_XK_INTERNAL_H

#include "os/xk/graph.h"

struct xk_node_desc { /* one instance of a graph */
    char *name;
    const struct xk_protl_ops *ops;
    uint8_t domain;
    uint8_t downs;
    struct xk_path path;        /* what it gives and carries, as the configuration says */
    uint32_t network;           /* that it drives; UINT32_MAX: none */
    uint16_t down[XK_DOWN_MAX]; /* earlier instances */
    void *params;
};

struct xk_graph {
    uint32_t count;
    struct xk_node_desc *nodes;
    char *domains[256]; /* [0] is "kernel" */
    uint32_t domain_count;
    struct val *spec; /* what parameters borrow from */
    const struct xk_network *networks;
    uint32_t network_count;
};

struct xk_kernel {
    struct port *port;
    bool little; /* its node is little-endian */
    uint32_t count;
    struct xk_protl *protls; /* in the order of the graph */
    uint32_t **lives;        /* peers.c: of `hosts` nodes, by blocks */
    uint32_t hosts;
    struct xk_listener *listeners;
};

/* What an instance gives and carries over these paths (a driver: its network), which is *out.
 * False with a sentence: it cannot stand on them (xk_protl_ops.join). */
bool xk_path_over(const struct xk_node_desc *d, const char *at, const struct xk_path *below,
                  uint8_t count, struct xk_path *out, struct err *e);
void xk_peers_boot(struct xk_kernel *k); /* peers.c */

#endif
