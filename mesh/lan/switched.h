/* switched.h: stations at the ports of an Ethernet switch; all others use mesh/net.h. */
#ifndef MESH_LAN_SWITCHED_H
#define MESH_LAN_SWITCHED_H

#include "mesh/net.h"

struct switched_params {
    int64_t stations;
    sim_time bit_time;
    const struct val *bit_times; /* times, one a station; NULL: bit_time */
    int duplex;                  /* enum switched_duplex */
    double length, velocity;     /* of each link, m; of the speed of light */
    sim_time forwarding;
    int64_t queue_frames; /* 0: any number */
    int table;            /* enum switched_table */
    sim_time ageing;
    const struct val *faults; /* NULL: none */
};
enum switched_duplex { SWITCHED_FULL, SWITCHED_HALF };
enum switched_table { SWITCHED_LEARNED, SWITCHED_KNOWN };
extern const struct param switched_params_desc[];

extern const struct net_ops net_switched;

#endif
