/* hippi.h: endpoints around a HIPPI switch, for those who look inside; others use mesh/net.h. */
#ifndef MESH_SWITCH_HIPPI_H
#define MESH_SWITCH_HIPPI_H

#include "mesh/net.h"

struct hippi_params {
    int64_t stations;
    sim_time word_time;
    int64_t credits, pause; /* bursts; words behind each */
    sim_time ready, setup;
    double length, velocity; /* of each link, m; of the speed of light */
    bool camp_on;
    sim_time retry, spread;
    int64_t attempts, packets; /* 0: any number */
    const struct val *faults;  /* NULL: none */
};
extern const struct param hippi_params_desc[];

extern const struct net_ops net_hippi;

#endif
