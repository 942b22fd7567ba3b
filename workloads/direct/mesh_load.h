/* mesh_load.h: the parameters of mesh_load, and one run of it for another workload. */
#ifndef WORKLOADS_DIRECT_MESH_LOAD_H
#define WORKLOADS_DIRECT_MESH_LOAD_H

#include "workloads/direct/pattern.h"

struct mesh_load_params {
    struct pattern_params pattern;
    double load;
    int load_unit, process;
    int64_t burst;
    int64_t packet_flits, long_flits;
    double long_share;
    sim_time warmup, measure, drain;
};
extern const struct param mesh_load_params_desc[];

struct mesh_load_result {
    double offered, accepted; /* flits a terminal and flit time */
    double latency;           /* mean, seconds */
    double capacity;          /* of uniform traffic */
    uint64_t events;
    bool steady; /* all that was offered was delivered in time */
};

/* One run in a simulation of its own, on a network like `like`; `load` takes the place of the
 * parameters'.  False with a sentence when they do not fit. */
bool mesh_load_try(const struct net *like, const struct mesh_load_params *params, double load,
                   uint64_t seed, struct mesh_load_result *out, struct err *e) MUST_CHECK;

#endif
