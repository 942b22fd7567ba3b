/* mesh_traffic.h: the direct workloads on a bare network, and what they share. */
#ifndef WORKLOADS_DIRECT_MESH_TRAFFIC_H
#define WORKLOADS_DIRECT_MESH_TRAFFIC_H

#include <stdio.h>

#include "workloads/direct/direct.h"

extern const struct direct_ops direct_mesh_load, direct_mesh_batch, direct_mesh_list;
extern const struct direct_ops direct_mesh_reply, direct_pcap;

/* Packets in slabs, reused; all are freed at the end, wherever they are. */
struct traffic_slab;
struct traffic_pool {
    struct traffic_slab *slabs;
    struct net_packet *free;
};
struct net_packet *traffic_take(struct traffic_pool *pool); /* zeroed */
/* Takes a packet of this pool back, which no network holds any more. */
void traffic_give(struct traffic_pool *pool, struct net_packet *p);
/* Frees all packets, those not given back too; a network that still holds some may only be
 * destroyed then. */
void traffic_pool_fini(struct traffic_pool *pool);

/* False with a sentence: packets of so many flits, which `path` says, are too long for the network.
 */
bool traffic_fits(const struct net_describe *d, int64_t flits, const char *path, struct err *e);

/* Writes the busiest channel's share and the mean of all as scalars, over the window so far. */
void traffic_channels(struct sim *s);

/* Keeps who blocked whom from now on, where the network can; the longest of them as the scalar
 * blocked_worst, and all as blocked.csv. */
void traffic_watch(struct net *net);
void traffic_pairs(struct net *net, struct whole_folder *out);

/* ---- times in cycles ---- */

/* Counts of whole flit times (rounded up), exact, for percentiles. */
struct traffic_cycles {
    sim_time cycle;
    uint64_t *counts; /* of each number of cycles; a longer one counts in the last */
    size_t size;
    uint64_t total;
};
/* Counts one time of t >= 0 ps. */
void traffic_cycles_add(struct traffic_cycles *c, sim_time t);
/* Writes NAME.p50, .p90, .p95, .p99 and .max as scalars; the caller frees counts. */
void traffic_cycles_write(const struct traffic_cycles *c, struct sim *s, const char *name,
                          unsigned flags);

/* ---- files, in the folder that the user names; NULL is fine: nothing is written ---- */

/* packets.csv: one line a packet: source, destination, flits, created, injected, delivered, blocked
 * (ps), hops. */
FILE *traffic_log_open(struct whole_folder *out);
void traffic_log_write(FILE *log, const struct net_packet *p);

/* channels.csv (every channel: share of time that flits cross it, packets, time that headers waited
 * for it), channels.svg and waiting.svg (the same as pictures of a 2-D mesh), over the window so
 * far. */
void traffic_write_channels(struct net *net, struct whole_folder *out);

#endif
