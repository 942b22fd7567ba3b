/* worm_internal.h: the state of the worm model, private to worm*.c.
 *
 *   worm.c        headers: routes, requests, grants, instants; the interface
 *   worm_time.c   when flits cross and tails leave, from header crossings (no bubbles)
 *   worm_slots.c  the same flit by flit, for machines with bubbles
 */
#ifndef MESH_WORM_INTERNAL_H
#define MESH_WORM_INTERNAL_H

#include "mesh/mesh.h"
#include "mesh/wheel.h"
#include "sim/server.h"

#define NEVER_LEFT (INT64_MIN / 2) /* left so long ago that it does not matter */

struct worm;

struct hop {
    sim_time h;          /* header leaves for this channel; valid below worm->head */
    struct worm *behind; /* next packet in the FIFO after this channel */
    uint32_t behind_hop; /* this channel's place on the path of `behind` */
    uint32_t chan;
    uint32_t base; /* flits that went into the channel before this packet */
};

enum place { TRAVELLING, IN_LINE, ASKING, GRANTED };

struct worm {
    struct net_packet *packet;
    uint32_t dst, length;
    uint32_t reach;    /* M = (L-1) div B: channel i's tail depends on headers up to i+M */
    uint32_t head;     /* hops with a known h */
    uint32_t settled;  /* hops with a known tail */
    uint32_t mask;     /* of the ring of hops */
    bool complete;     /* the ejection channel is hop head-1 */
    bool ejecting;     /* the channel asked for or granted is the ejection channel */
    uint8_t place;     /* enum place, of the header */
    uint8_t ring_log2; /* class in the pool */
    bool waiting;      /* in the list of some root */
    sim_time asked;    /* when it last asked for an output */
    sim_time ready;    /* header competes (or would) from here on */
    sim_time start;    /* granted: header may leave from here on, given a slot */
    struct worm *waiters, *next_waiter;
    struct worm *next_free, *next_made;
    struct hop ring[];
};

/* Departures of flits (begin, end] of a FIFO, back to back, the last at `last`. */
struct segment {
    sim_time last;
    uint32_t begin, end;
};

struct chan {
    sim_time free_at;   /* may be granted from here on, unless held */
    sim_time last_left; /* latest known departure of its FIFO */
    sim_time line_at;   /* the front of the FIFO may compete from here on */
    struct worm *front, *back;
    uint32_t front_hop, back_hop;
    uint32_t entered;   /* flits granted into it, ever */
    uint32_t last_base; /* `entered` before the last grant */
    uint32_t departed;  /* flits of its FIFO whose departure is known, ever */
    uint32_t asking;    /* input ports whose header competes for it */
    uint32_t end_node;  /* router at its end; UINT32_MAX: ejection */
    uint8_t end_port, turn;
    bool held, waking, dirty, ejects, dead;
    uint32_t seg_first, seg_count, seg_size;
    struct segment *segs;
    sim_time window;  /* that `blocked` is about: its start */
    sim_time blocked; /* headers waited for it so long, in all */
    struct sim_busy busy;
};

/* Whom an output was granted to last: when, and over which input port it came. */
struct holder {
    sim_time since;
    uint32_t port;
};

/* Machines with bubbles: what is known of every flit of a channel and of its FIFO, flit by flit.
 * Times stand at their flit's number modulo B. */
struct slots {
    sim_time *crossed_at, *left_at;
    sim_time last;    /* crossing */
    uint32_t crossed; /* flits whose crossing is known, ever */
    struct worm *holder;
    uint32_t holder_hop;
};

struct slot_work {
    struct worm *worm;
    uint32_t hop;
};

struct source {
    struct net_packet *first, *last; /* wait for the injection channel */
    struct net_packet *leaving;      /* the last whose tail's exit is known */
};

struct worm_net {
    struct net net;
    struct mesh_params params;
    struct mesh_delays d;
    struct topo topo;
    sim_time memory; /* what left a FIFO longer ago than this decides nothing any more */
    sim_time now;
    /* nodes*ports outputs, nodes injection channels, and from `drops` on, once there are faults, a
     * drain for each input port (nodes*ports) */
    struct chan *chans;
    uint32_t drops;
    struct net_fault *faults;
    uint32_t fault_count;
    uint32_t *in_chans; /* node*ports + input port -> channel */
    struct source *sources;
    struct net_terminal *terminals;
    struct slots *slots; /* of each channel; NULL: no bubbles */
    sim_time *slot_times;
    struct slot_work *stack;
    uint32_t stack_count, stack_size;
    struct wheel wheel;
    struct sim_event tick;
    sim_time *starts;   /* scratch: one for each channel of a path */
    struct worm *retry; /* worms whose root has moved */
    uint32_t *dirty, dirty_count;
    struct net_packet **done; /* deliveries of this instant */
    struct net_packet **sent; /* whose tails leave their sources in this instant */
    uint32_t done_count, done_size, sent_count;
    struct worm *pool[32], *all;
    uint64_t packets_in, packets_out, packets_dropped, flits_in, flits_out, flits_dropped;
    struct mesh_counts counts;
    sim_time *pairs; /* who blocked whom: (channel * ports + waiting) * ports + holding; or NULL */
    sim_time pairs_window;
    struct holder *holders;        /* of each output; with pairs */
    uint64_t inside, flits_inside; /* have left their source's queue */
};

/* Words of the wheel: pointers are 8-aligned, so the low bits hold the kind. */
enum word { WORD_ARRIVE, WORD_LINE, WORD_WAKE, WORD_SENT, WORD_DELIVER, WORD_FAULT };
#define WORD_KIND 7u

static inline struct hop *hop_of(struct worm *w, uint32_t i)
{
    return &w->ring[i & w->mask];
}

static inline void post(struct worm_net *n, sim_time when, enum word kind, const void *ptr)
{
    wheel_push(&n->wheel, when, (uint64_t)(uintptr_t)ptr | kind);
}

static inline void post_index(struct worm_net *n, sim_time when, enum word kind, uint32_t index)
{
    wheel_push(&n->wheel, when, (uint64_t)index << 3 | kind);
}

/* ---- worm_time.c ---- */

/* When flit number `flit` of channel c's FIFO leaves it; NEVER_LEFT: it does not matter.  False:
 * not known; *root is the worm whose next crossing decides. */
bool worm_departure(struct worm_net *n, struct chan *c, uint32_t flit, sim_time *out,
                    struct worm **root);
void worm_wait_for(struct worm *w, struct worm *root);
/* Finds the tails that have become known; frees the worm after its last. */
void worm_settle(struct worm_net *n, struct worm *w);
/* The tail of hop i crosses at `tail`: frees the channel, lets go of the FIFO before it, and tells
 * the source or the destination.  straight: see leave_fifo. */
void worm_settle_hop(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail, bool straight);
void worm_free(struct worm_net *n, struct worm *w);

/* ---- worm_slots.c ---- */

void worm_slots_init(struct worm_net *n);
void worm_slots_fini(struct worm_net *n);
void worm_slots_grant(struct worm_net *n, struct worm *w, uint32_t chan);
/* When the slot for the header of w, granted `chan`, is free; false: not known yet, and w will be
 * put into n->retry. */
bool worm_slots_credit(struct worm_net *n, struct worm *w, uint32_t chan, sim_time *out);
/* The header's crossing of hop head-1 is known. */
void worm_slots_cross(struct worm_net *n, struct worm *w);

#endif
