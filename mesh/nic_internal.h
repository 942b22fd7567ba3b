/* nic_internal.h: an interface and what it holds: for nic.c and train.c alone. */
#ifndef MESH_NIC_INTERNAL_H
#define MESH_NIC_INTERNAL_H

#include "mesh/nic.h"

#define TRANSMIT_BUFFERS 2 /* packets: one is injected while the next is filled */

struct packet {
    struct net_packet net;
    struct nic_frame *frame;
    uint64_t bytes; /* of payload */
    bool last;
    bool control; /* of a reservation: it carries no payload and passes the queues */
    struct packet *next, *next_made; /* arrived list or free list; all that were allocated */
};

/* A frame as it is kept: with its first packet, which most have alone, and its reservation. */
struct frame {
    struct nic_frame pub; /* first */
    struct packet one;
    struct frame *next, *next_made;
    struct nic *receiver; /* while it asks */
    struct sim_event turn;
};

static inline struct frame *whole(struct nic_frame *f)
{
    return (struct frame *)f;
}

/* All interfaces of a network: the accounts balance over all of them, and what is freed serves any
 * of them. */
struct nic_group {
    struct sim *sim;
    uint32_t count;
    struct frame *free_frames, *made_frames;
    struct packet *free_packets, *made_packets;
    uint64_t frames_inside, packets_inside;
    uint64_t frames_in, frames_out, frames_dropped;
    uint64_t packets_in, packets_out, packets_dropped, copied;
};

struct nic_train;

struct nic {
    struct sim *sim;
    struct net *net;
    struct nic_group *group;
    uint32_t terminal, terminals, flit_bytes;
    int32_t node;
    struct nic_params params;
    struct nic_handler handler;
    struct sim_server *bus, own_out, own_in; /* bus: NULL when the own ones are used */
    bool up, refused, broadcast;             /* broadcast: the network can */
    uint32_t life;                           /* rises at every nic_down */
    struct list queue;
    struct sim_inside sending; /* frames in the queue */
    uint32_t buffers;          /* transmit buffers taken */
    struct sim_job out, in;    /* one transfer each way */
    bool out_busy, in_busy;
    uint64_t out_bytes;
    struct packet *first, *last; /* arrived, wait for the transfer; first is in it when in_busy */
    uint64_t waiting;
    struct nic_train *sends, *receives; /* trains that have borrowed from it */
    struct nic_counts counts;
    struct sim_counted counted;
};

/* Of one packet of that payload. */
static inline sim_time nic_transfer_time(const struct nic *n, uint64_t bytes)
{
    return sim_time_add(n->params.dma_setup, sim_time_of_bytes((int64_t)bytes, n->params.dma_rate));
}
static inline uint32_t nic_flits(const struct nic *n, uint64_t bytes)
{
    return (uint32_t)((uint64_t)n->params.header_flits +
                      (bytes + n->flit_bytes - 1) / n->flit_bytes);
}

#endif
