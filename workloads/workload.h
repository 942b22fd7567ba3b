/* workload.h: what an experiment runs: programs on the nodes of a simulated machine.
 *
 * A workload is a const ops struct.  It is written against os/ alone.  `main` runs as a thread on
 * the compute nodes that take part, when their services have booted (os/node.h).  Results are
 * handed to measures (port_measure), the window is stated by port_window.
 */
#ifndef WORKLOADS_WORKLOAD_H
#define WORKLOADS_WORKLOAD_H

#include "os/node.h"
#include "sim/base/kind.h"

struct input; /* sim/input.h */

/* A parameter of a workload that names an instance of the graph. */
struct workload_instance {
    const char *name; /* NULL ends an array */
    size_t offset;    /* of the const char * in the parameters */
    const struct xk_protl_ops *protocol;
};

struct workload_ops {
    struct kind kind;
    const struct measure *measures; /* ended by a NULL name: those the results have in any case */
    const struct counter_ratio *ratios; /* ended by a NULL name, or NULL */
    const struct measure *rate; /* what port_progress is called in the results; NULL: "rate" */
    /* What its programs look for on their nodes: instances of the graph and services.  A machine
     * without them is refused.  NULL: nothing. */
    const struct workload_instance *instances;
    const struct os_service_ops *const *services;
    /* The same where the parameters say which; NULL: `services`. */
    const struct os_service_ops *const *(*services_of)(const void *params);
    /* Before all else: what it makes of the content of its P_FILE parameters, in `params`, which
     * release gives back.  NULL: it has none.  False with a sentence. */
    bool (*prepare)(void *params, const struct input *files, size_t count, struct err *e);
    void (*release)(void *params);
    /* Refuses parameters that do not fit together or the machine; may be NULL. */
    bool (*check)(const void *params, const struct os_layout *layout, struct err *e);
    /* Its programs share numbers as they lie in memory: nodes of another byte order are refused. */
    bool typed;
    /* How many compute nodes take part; NULL: all. */
    uint32_t (*programs)(const void *params, const struct os_layout *layout);
    /* How many files it makes (os_boot.files); NULL: none. */
    uint32_t (*files)(const void *params, const struct os_layout *layout);
    void (*main)(struct os_node *node, const struct program *me); /* a thread.  (blocks) */
};

/* What a parameter `nodes` of a workload means: so many compute nodes, 0: all.  The second refuses
 * more than the machine has. */
uint32_t workload_nodes(int64_t nodes, const struct os_layout *l);
bool workload_nodes_check(int64_t nodes, const struct os_layout *l, struct err *e) MUST_CHECK;

/* How many compute nodes run this workload on that machine.  False with a sentence when it refuses
 * or there are not so many. */
bool workload_ranks(const struct workload_ops *ops, const void *params,
                    const struct os_layout *layout, uint32_t *ranks, struct err *e) MUST_CHECK;

#endif
