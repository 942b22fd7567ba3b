/* xk_internal.h: private to os/xk/: a graph and the x-kernel of a node. */
#ifndef OS_XK_XK_INTERNAL_H
#define OS_XK_XK_INTERNAL_H

#include "os/xk/graph.h"

struct xk_node_desc { /* one instance of a graph */
    char *name;
    const struct xk_protl_ops *ops;
    uint8_t domain;
    uint8_t downs;
    unsigned gives;             /* enum xk_property */
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
    uint32_t count;
    struct xk_protl *protls; /* in the order of the graph */
    uint32_t **lives;        /* peers.c: of `hosts` nodes, by blocks */
    uint32_t hosts;
    struct xk_listener *listeners;
};

void xk_peers_boot(struct xk_kernel *k); /* peers.c */

#endif
