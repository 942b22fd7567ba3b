/* schema.h: what a configuration's table may contain, and the parameter structs that it fills.
 *
 * The modules' own parameter arrays say everything; here is only which array goes with which part
 * of the table.  Nothing here starts the engine.
 */
#ifndef CLI_SCHEMA_H
#define CLI_SCHEMA_H

#include "cli/registry.h"
#include "sim/base/val.h"
#include "workloads/direct/direct.h"
#include "workloads/workload.h"

/* What one point may use; at 0 there is no such limit. */
struct schema_limits {
    sim_time host_time; /* of the host */
    int64_t memory;     /* resident set of the worker */
    int64_t events;
    sim_time time; /* simulated */
};
extern const struct param schema_limits_params[];

/* What is kept of a point beside what its parts report. */
struct schema_results {
    bool per_node; /* counters by node */
    sim_time bin;  /* of the rate over time: width; 0: none */
};
extern const struct param schema_results_params[];

struct schema {
    struct schema_limits limits;
    struct schema_results results;
    const struct net_ops *net;                       /* NULL: no mesh */
    const struct direct_ops *direct;                 /* the workload without a machine, or NULL */
    const struct workload_ops *programs;             /* the workload of a machine, or NULL */
    void *mesh, *workload;                           /* their parameters; NULL: absent */
    const struct val *devices, *libraries, *machine; /* NULL: absent; read by their builders */
};

/* Checks `root` and fills *s, which points into root.  False with one sentence; *s is empty then.
 */
bool schema_load(struct schema *s, const struct val *root, struct err *e) MUST_CHECK;
void schema_fini(struct schema *s);

/* Writes every default into root, so that it stands complete; root has passed schema_load. */
void schema_resolve(struct val *root);

/* Is `path` a parameter of what root describes? */
bool schema_knows(const struct val *root, const char *path);
/* Calls fn for every parameter of what root describes. */
void schema_each(const struct val *root,
                 void (*fn)(void *arg, const char *path, const struct param *p), void *arg);

/* The text that identifies a run: canonical, of the parts that shape it. Heap. */
char *schema_canonical(const struct val *root);

#endif
