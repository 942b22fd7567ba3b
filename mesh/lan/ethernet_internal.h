/* ethernet_internal.h: stations, signals and the cable: for mesh/lan/ethernet*.c alone. */
#ifndef MESH_LAN_ETHERNET_INTERNAL_H
#define MESH_LAN_ETHERNET_INTERNAL_H

#include "mesh/lan/ethernet.h"
#include "mesh/link.h"
#include "sim/server.h"

/* [IEEE 802.3, 10 Mb/s] in bits, bytes and attempts. */
enum {
    PREAMBLE_BITS = 64, /* with the start delimiter */
    GAP_BITS = 96,
    JAM_BITS = 32,
    SLOT_BITS = 512,
    FRAME_LEAST = 64,
    FRAME_MOST = 1518,
    ATTEMPTS = 16,
    BACKOFF_LIMIT = 10, /* of the exponent */
};

struct ethernet;

enum state { IDLE, WAIT, SEND, JAM, BACKOFF, ASTRAY };

/* What a station has put onto the cable and may still be on it. */
struct signal {
    struct list link; /* ethernet.signals, in order of begin; or .free */
    struct station *from;
    sim_time begin, end; /* at the station; end is known ahead, and drawn in by a collision */
};

/* A signal as it passes a place. */
struct passing {
    sim_time first, last;
};

struct station {
    struct ethernet *net;
    sim_time place; /* from the cable's end */
    struct net_terminal terminal;
    uint32_t room; /* places that are free */
    enum state state;
    struct net_packet *first, *last; /* to send */
    sim_time wanted;                 /* in WAIT: since when */
    sim_time rested;                 /* its interface is ready for another packet */
    sim_time hit;                    /* in SEND: a collision arrives; SIM_NEVER: none */
    uint32_t collisions;             /* of the first packet */
    struct signal *signal;           /* in SEND and JAM */
    struct sim_event event, arrival;
    struct net_packet *arriving; /* its last bit has left and has not arrived */
    uint32_t rank;               /* among places */
    uint32_t low, high;          /* of one to all: it has passed ranks [low, high) */
    struct list link;            /* ethernet.waiting */
    struct sim_rng rng;
    struct net_link own; /* to the cable */
};

struct counts {
    uint64_t packets_in, packets_out, packets_copied, flits_in, flits_out, flits_copied;
    uint64_t attempts, collisions, collisions_most;
};

struct place {
    sim_time at;
    uint32_t station;
};

struct ethernet {
    struct net net; /* first */
    struct ethernet_params params;
    struct station *stations;
    struct place *places;      /* of the stations, in order, and of their numbers */
    sim_time longest;          /* delay from end to end of what is used of the cable */
    struct list signals, free; /* struct signal */
    struct list waiting;       /* struct station, in WAIT, in order of `wanted` */
    struct passing *passing;   /* scratch of carrier_free */
    size_t signal_count, passing_size;
    struct counts counts;
    struct net_link self; /* the cable */
    struct sim_busy cable;
    ethernet_attempt_fn *watcher;
    void *watcher_arg;
};

static inline sim_time bits(const struct ethernet *n, int64_t count)
{
    return n->params.bit_time * count;
}

static inline sim_time delay(const struct station *a, const struct station *b)
{
    return a->place < b->place ? b->place - a->place : a->place - b->place;
}

static inline sim_time frame_time(const struct ethernet *n, uint32_t flits)
{
    int64_t bytes = flits < FRAME_LEAST ? FRAME_LEAST : flits;
    return bits(n, PREAMBLE_BITS + 8 * bytes);
}

/* ---- ethernet_cable.c ---- */

/* Forgets signals that had passed every place, and the gap behind them, before the first of those
 * that wait now began to. */
void ethernet_forget_passed(struct ethernet *n, sim_time now);
struct signal *ethernet_add_signal(struct ethernet *n, struct station *from, sim_time begin,
                                   sim_time end);
/* When a station that wants the cable since `wanted` begins, by what is on the cable now: a gap
 * after the last carrier.  One that comes up in the first two thirds of the gap starts it anew; in
 * the last third who waits for the gap's end ignores it. */
sim_time ethernet_carrier_free(struct ethernet *n, const struct station *at);

#endif
