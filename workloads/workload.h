/* workload.h: what an experiment runs: programs on the nodes of a simulated machine.
 *
 * A workload is a const ops struct.  It is written against os/ alone.  `boot` is called once on
 * every node (as the first upcall of that node's kernel task) to start its servers; `main` runs as
 * a thread on every compute node.  Results are handed to measures by name (port_measure).
 */
#ifndef WORKLOADS_WORKLOAD_H
#define WORKLOADS_WORKLOAD_H

#include "os/node.h"
#include "sim/base/kind.h"

struct measure_desc {
    const char *name; /* NULL ends the array */
    const char *unit; /* "s", "B/s", "1" */
    const char *doc;
    unsigned flags; /* WORKLOAD_HISTOGRAM, ... */
};
enum { WORKLOAD_HISTOGRAM = 1, WORKLOAD_DETERMINISTIC = 2, WORKLOAD_COLUMN = 4 };

struct workload_ops {
    struct kind kind;
    const struct measure_desc *measures;
    /* Refuses parameters that do not fit together or the machine; may be NULL. */
    bool (*check)(const void *params, const struct os_layout *layout, struct err *e);
    /* How many compute nodes take part; NULL: all. */
    uint32_t (*programs)(const void *params, const struct os_layout *layout);
    void (*main)(struct os_node *node, const struct program *me); /* a thread.  (blocks) */
};

#endif
