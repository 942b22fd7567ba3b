/* mesh_traffic.h: the direct workloads on a bare network, and what they share. */
#ifndef WORKLOADS_DIRECT_MESH_TRAFFIC_H
#define WORKLOADS_DIRECT_MESH_TRAFFIC_H

#include "workloads/direct/direct.h"

extern const struct direct_ops direct_mesh_load;

/* Packets in slabs, reused; all are freed at the end, wherever they are. */
struct traffic_slab;
struct traffic_pool {
    struct traffic_slab *slabs;
    struct net_packet *free;
};
struct net_packet *traffic_take(struct traffic_pool *pool); /* zeroed */
void traffic_give(struct traffic_pool *pool, struct net_packet *p);
void traffic_pool_fini(struct traffic_pool *pool);

/* Writes the busiest channel's share and the mean of all as scalars, over the window so far. */
void traffic_channels(struct sim *s);

#endif
