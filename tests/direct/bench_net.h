/* bench_net.h: runs one direct workload on one bare network, as the command does. */
#ifndef TESTS_DIRECT_BENCH_NET_H
#define TESTS_DIRECT_BENCH_NET_H

#include "mesh/mesh.h"
#include "workloads/direct/mesh_traffic.h"

/* Text "key=value key=value": numbers are integers or reals, the rest are strings. */
struct val *bench_table(const char *text);

struct bench_net {
    struct sim *sim;
    struct net *net;
    const struct net_ops *ops;
    const struct direct_ops *direct;
    void *self, *params;
    struct mesh_params mesh;
    struct val *mesh_table, *table;
    enum sim_end end;
    struct err err;
};

/* Tables are "key=value key=1,2, key=0:1:0.5,": a comma makes a list, colons one inside a list.
 * False: refused, and b->err says why. */
bool bench_start(struct bench_net *b, const struct net_ops *net, const char *mesh,
                 const struct direct_ops *direct, const char *workload, uint64_t seed);
void bench_run(struct bench_net *b); /* to its end, finish called, audit asserted clean */
/* The scalar or mean of that name ("latency.mean"); NAN when there is none. */
double bench_value(struct bench_net *b, const char *name);
unsigned bench_flags(struct bench_net *b, const char *name); /* of the scalar that there is */
bool bench_remarked(struct bench_net *b, const char *part);
void bench_stop(struct bench_net *b);

#endif
