/* route.h: which channels a header may take next: deterministic, turn model and adaptive routing.
 *
 *   ROUTE1  Every option brings the packet nearer: routes are minimal.
 *   ROUTE2  The channel dependencies of every route but adaptive_unsafe have no cycle (on a torus:
 *       over the virtual channels; adaptive: over the escape channels), so no deadlock is possible.
 */
#ifndef MESH_ROUTE_H
#define MESH_ROUTE_H

#include "mesh/mesh.h"

#define ROUTE_OPTIONS 4

/* Any of these virtual channels (a mask) of this output port. */
struct route_option {
    uint8_t port, channels;
};

/* The options of a packet whose header is at `node`; returns how many, at least one. */
uint32_t route_options(const struct mesh_params *params, const struct topo *t, uint32_t node,
                       const struct net_packet *p, struct route_option out[ROUTE_OPTIONS]);

#endif
