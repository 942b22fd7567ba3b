/* xk_internal.h: private to os/xk/: a graph and the x-kernel of a node. */
#ifndef OS_XK_XK_INTERNAL_H
#define OS_XK_XK_INTERNAL_H

#include "os/xk/domain.h"

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

struct xk_domain_desc {
    char *name;
    bool stated; /* the configuration says something of it */
    struct xk_domain_params params;
};

struct xk_graph {
    uint32_t count;
    struct xk_node_desc *nodes;
    struct xk_domain_desc domains[256]; /* [0] is "kernel" */
    uint32_t domain_count;
    struct val *spec; /* what parameters borrow from */
    const struct xk_network *networks;
    uint32_t network_count;
};

struct xk_domain { /* of a node: in its kernel's heap, as boundaries are */
    struct xk_kernel *kernel;
    const struct xk_domain_desc *desc;
    struct port *task; /* NULL: it is dead */
    struct port_timer again;
    struct xk_domain_counts counts;
};

/* Between an instance and one right below it in another domain. */
struct xk_boundary {
    struct xk_protl *upper, *lower;
    struct xk_domain *above, *below; /* theirs */
    struct xk_domain *counts;        /* whose: the later one's */
    struct xk_protl under, over;     /* what upper sees in lower's place; and lower in upper's */
    struct xk_protl_ops under_ops, over_ops;
    void (*forget)(struct xk_sessn *lower); /* one that delivers to `over` goes */
    struct xk_boundary *next;
    struct xk_enabled *enabled;  /* what upper has enabled */
    struct list proxies;         /* struct proxy, in upper's heap */
    struct list halves, orphans; /* struct half, in lower's heap; of a dead upper */
    struct list down, up;        /* struct crossing, for another processor, or for later */
    struct xk_transfer transfer;
    uint64_t waiting;    /* in both */
    uint64_t up_waiting; /* messages in `up`, and */
    uint64_t slots;      /* at most */
    uint64_t cut;        /* proxies whose lower session has gone with its domain */
    bool apart;          /* two processors */
    bool later;          /* what goes up waits: they are apart, or the transfer has slots */
    bool top;            /* nobody stands on `upper`: its threads are woken, not its domain */
};

struct xk_kernel {
    struct port *port;
    bool little; /* its node is little-endian */
    const struct xk_graph *graph;
    struct xk_domain *domains;      /* by number; NULL: there is the kernel's alone */
    struct xk_boundary *boundaries; /* in the order of their uppers */
    uint32_t boundary_count;
    const struct xk_protl *starts; /* its init runs */
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
/* Nobody of that task is told any more. */
void xk_peers_forget(struct xk_kernel *k, const struct port *task);
/* An instance begins, in its task, over what is below it. */
enum xk_status xk_start(struct xk_protl *x, const struct xk_graph *g,
                        const struct xk_node_desc *d); /* start.c */

/* ---- graph.c ---- */
extern const char *const xk_domain_cpus[]; /* by XK_CPU_ */
/* What is under way in it may be lost while its node lives: it begins anew alone. */
bool xk_dies_alone(const struct xk_graph *g, uint8_t domain);
/* Whether all are given what they need, now that its domains are known. */
bool xk_graph_check(struct xk_graph *g, const char *path, struct err *e);

/* How what crosses between two instances of different domains does, by their numbers less 1; NULL:
 * nobody says. */
const struct kind_choice *xk_transfer_of(const struct xk_graph *g, uint32_t upper, uint32_t lower);
bool xk_graph_top(const struct xk_graph *g, uint32_t number); /* nobody stands on it */

/* ---- domain.c ---- */
void xk_domains_boot(struct xk_kernel *k, const struct xk_graph *g); /* their tasks */

/* ---- transfer.c, fbuf.c, delivery.c ---- */
extern const struct xk_transfer_ops fbuf_transfer, trap_transfer, ipc_transfer, ring_transfer,
    ring_driver_transfer;
/* Who is above on a boundary of that kind is given what comes later, not in the call. */
static inline bool xk_waits(const struct xk_transfer_ops *ops)
{
    return ops->slots != NULL;
}

/* ---- boundary.c ---- */
/* What stands right below x where y does: y, or its proxy. */
struct xk_protl *xk_boundary_below(struct xk_protl *x, struct xk_protl *y);
/* A domain has died; it has a new task; its instances have begun anew there. */
void xk_boundaries_died(struct xk_domain *d);
void xk_boundaries_begin(struct xk_domain *d);
void xk_boundaries_began(struct xk_domain *d);

#endif
