/* mesh_traffic.c: packet storage and channel shares for the workloads on a bare network. */
#include "workloads/direct/mesh_traffic.h"

#include <stdlib.h>

#include "sim/measure.h"
#include "sim/server.h"

#define SLAB_PACKETS 256

struct traffic_slab {
    struct traffic_slab *next;
    struct net_packet packets[SLAB_PACKETS];
};

struct net_packet *traffic_take(struct traffic_pool *pool)
{
    if (!pool->free) {
        struct traffic_slab *slab = base_alloc(sizeof(*slab));
        slab->next = pool->slabs;
        pool->slabs = slab;
        for (size_t i = 0; i < SLAB_PACKETS; i++)
            traffic_give(pool, &slab->packets[i]);
    }
    struct net_packet *p = pool->free;
    pool->free = p->next;
    *p = (struct net_packet){ .next = NULL };
    return p;
}

void traffic_give(struct traffic_pool *pool, struct net_packet *p)
{
    p->next = pool->free;
    pool->free = p;
}

void traffic_pool_fini(struct traffic_pool *pool)
{
    while (pool->slabs) {
        struct traffic_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab);
    }
}

void traffic_channels(struct sim *s)
{
    double share;
    if (!sim_busiest(s, SIM_KIND_CHANNEL, &share))
        return;
    sim_scalar(s, "channel_busiest", "1", share, SIM_MEASURE_DEFAULT_COLUMN);
    sim_scalar(s, "channel_mean", "1", sim_busy_mean(s, SIM_KIND_CHANNEL), 0);
}
