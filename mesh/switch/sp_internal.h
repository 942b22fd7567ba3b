/* sp_internal.h: chips, channels and packets on their way: for mesh/switch/sp*.c alone.
 *
 * Channel i of a way leads to its chip i; the last leads to the station.  A packet has as many
 * route bytes as chips to pass; each chip takes one off, so on channel i it has that many flits
 * less.  Byte k of channel i is byte k - 1 of channel i + 1.
 */
#ifndef MESH_SWITCH_SP_INTERNAL_H
#define MESH_SWITCH_SP_INTERNAL_H

#include "mesh/lan/lan.h"
#include "mesh/switch/sp.h"
#include "mesh/wheel.h"
#include "sim/rng.h"
#include "sim/server.h"

#define SP_PORTS 8u
#define SP_SIDE 4u      /* ports of one side, and chips of a stage */
#define SP_FRAME 16u    /* stations of a frame */
#define SP_LONGEST 255u /* bytes of a packet, its route with it */
#define SP_RING 64u     /* packets of which flits can be in one FIFO, and those that just were */
#define SP_PARTS 4u     /* in which a packet that leaves a central queue gives its chunks back */
#define SP_NO_CHIP UINT32_MAX

struct sp_channel;

struct sp_packet {
    struct net_packet *p;
    struct sp_packet *next; /* of an output's list, or free */
    struct sp_packet *made; /* all that there are */
    uint32_t hops;          /* chips of its way, or those before it is lost */
    uint32_t route;         /* chips that it has route bytes for */
    enum net_status status; /* what links have made of it */
    uint32_t entered;       /* channels that it was given */
    struct sp_channel *channels[SP_HOPS + 1];
    sim_time start[SP_HOPS + 1];  /* its header crosses channel i; SIM_NEVER: not known */
    sim_time stored[SP_HOPS];     /* goes into the central queue of chip i; SIM_NEVER: does not */
    uint64_t offset[SP_HOPS + 1]; /* of its header among all flits that ever crossed channel i */
};

struct sp_there {
    struct sp_packet *packet;
    uint32_t at; /* the channel is its so many-th */
};

struct sp_channel {
    uint32_t from, to; /* chips; SP_NO_CHIP: the station */
    uint32_t out, in;  /* ports of these */
    uint32_t station;  /* of an end that is no chip */
    bool sink;         /* nobody's: what an input loses drains over it */
    struct net_link link;
    /* The packet that crosses. */
    struct sp_packet *holder;
    uint32_t holder_at;
    bool tail_known, tail_gone, free_known;
    uint32_t parts_known, chunks_back; /* of one that was in the central queue */
    /* FIFO at its end. */
    struct sp_there there[SP_RING];
    uint32_t first, count;
    uint64_t flits; /* that were given to it since the beginning */
    bool ready;     /* the header of the first is at hand and goes nowhere yet */
    /* Packets of the central queue that leave by it. */
    struct sp_packet *list, *list_last;
    uint64_t served[SP_PORTS]; /* by the chip's clock: when each input had it last */
    struct sim_busy busy;
};

struct sp_chip {
    struct sp_channel *in[SP_PORTS], *out[SP_PORTS];
    struct sp_channel *sink[SP_PORTS]; /* of each input, once it has lost something */
    struct net_link self;
    uint64_t clock;            /* grants */
    uint64_t stored[SP_PORTS]; /* by it: when each input was let into the central queue last */
    uint32_t chunks;           /* that are free */
    bool dirty;
};

struct sp_counts {
    uint64_t direct, stored, chunks_most;
};

struct sp {
    struct lan lan; /* first */
    struct sp_params params;
    uint32_t stations, frames, boards; /* boards: of switches alone */
    uint32_t chip_count, channel_count;
    struct sp_chip *chips;
    struct sp_channel *channels; /* from each station, to each, then between chips */
    uint8_t *turn;               /* of each pair: the way that is next */
    struct sim_rng *rng;         /* of each station */
    struct wheel wheel;
    struct sim_event tick;
    sim_time now;
    uint32_t *dirty, dirty_count;
    struct sp_packet *free_packets, *made_packets;
    struct sp_counts counts;
};

static inline uint32_t sp_flits(const struct sp_packet *x, uint32_t at)
{
    return x->p->flits + x->route - at;
}

/* Chunks of a central queue for it, on its way to channel `at`. */
static inline uint32_t sp_chunks(const struct sp *n, const struct sp_packet *x, uint32_t at)
{
    return (sp_flits(x, at) - 1) / (uint32_t)n->params.chunk_flits + 1;
}

static inline sim_time sp_cycles(const struct sp *n, int64_t count)
{
    return n->params.cycle * count;
}

/* ---- sp_graph.c ---- */

/* Makes chips and channels. */
void sp_graph_init(struct sp *n);
/* As the table of what was busy has it. */
void sp_channel_name(const struct sp_channel *c, char *text, size_t size);
uint32_t sp_most_hops(const struct sp *n);
/* The ways from src to dst; and way `which`: its channels; returns its chips. */
uint32_t sp_way_count(const struct sp *n, uint32_t src, uint32_t dst);
uint32_t sp_way_find(const struct sp *n, uint32_t src, uint32_t dst, uint32_t which,
                     struct sp_channel *channels[SP_HOPS + 1]);

/* ---- sp_flow.c ---- */

/* The first packet of a station's queue goes; the channel of the station is free. */
void sp_send(struct sp *n, uint32_t station);
/* The chip is looked at when all that happens at this moment has. */
void sp_mark(struct sp *n, uint32_t chip);
/* All that happens now. */
void sp_instant(struct sp *n);

#endif
