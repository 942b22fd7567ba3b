/* ethernet.h: a shared Ethernet cable, for those who look inside; all others use mesh/net.h. */
#ifndef MESH_LAN_ETHERNET_H
#define MESH_LAN_ETHERNET_H

#include "mesh/net.h"

struct ethernet_params {
    int64_t stations;
    sim_time bit_time;
    double length, velocity;  /* m; of the speed of light */
    sim_time own_gap;         /* between two packets of a station, at least */
    const struct val *places; /* m from the cable's end, of each station; NULL: evenly spread */
    const struct val *faults; /* NULL: none */
};
extern const struct param ethernet_params_desc[];

extern const struct net_ops net_ethernet;

/* A cable that is a part of another network: as the network of its own, but that it writes no
 * counters; `name` is its account's, and the parts, of equal numbers of stations, draw each from
 * streams of their own. */
struct net *ethernet_create_part(struct sim *s, const struct ethernet_params *params,
                                 const char *name, uint64_t part, struct err *e);

/* Calls fn whenever an attempt is over: of the packet that the station sends, `collisions` so far;
 * sent: its last bit has left.  Before the terminals are told.  Any other network is a bug. */
typedef void ethernet_attempt_fn(void *arg, uint32_t station, uint32_t collisions, bool sent);
void ethernet_watch(struct net *net, ethernet_attempt_fn *fn, void *arg);

/* Time between two stations. */
sim_time ethernet_delay(const struct net *net, uint32_t a, uint32_t b);

#endif
