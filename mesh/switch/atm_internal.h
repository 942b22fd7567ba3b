/* atm_internal.h: channels, circuits, frames and runs of cells: for mesh/switch/atm*.c alone.
 *
 * A cell goes over the channel of its source, then from queue to queue: the time at which its last
 * bit has crossed a channel, the propagation and the transit of the switch later, it is at the
 * queue in front of the next channel.  Cells of one frame that leave one after the other are a
 * `run`: one is made where they enter a channel, and used up where they leave it.
 */
#ifndef MESH_SWITCH_ATM_INTERNAL_H
#define MESH_SWITCH_ATM_INTERNAL_H

#include "mesh/link.h"
#include "mesh/switch/atm.h"
#include "mesh/wheel.h"
#include "sim/base/aal5.h"
#include "sim/rng.h"
#include "sim/server.h"

#define ATM_VCI_FIRST 32u /* lower ones are reserved [I.361] */
#define ATM_VCIS (65536u - ATM_VCI_FIRST)
#define ATM_NO_TERMINAL UINT32_MAX

/* Words of the wheel: what is at hand, and a pointer to it. */
enum {
    ATM_ARRIVE, /* a run: its next cell is at the queue */
    ATM_END,    /* a run: its last cell is at its station */
    ATM_SENT,   /* a host: its channel is free */
    ATM_READY,  /* a circuit is set up */
    ATM_FREE    /* a channel behind input queues is free */
};

struct atm_frame {
    struct atm_frame *next, *made; /* a host's queue, a circuit's, or free; all that there are */
    struct net_packet *p;          /* NULL: its fate was told */
    struct atm_circuit *c;
    uint64_t number, user;
    uint32_t cells;
    uint32_t left;        /* cells that are neither lost nor at the station */
    enum net_status lost; /* a queue lost cells of it, else a channel; NET_OK: nobody */
    bool good;            /* by the time that its last cell is let through to the station */
};

struct atm_run {
    struct atm_run *next; /* of those that arrive at this moment, or free */
    struct atm_run *made; /* all that there are */
    struct atm_frame *f;  /* NULL: free */
    struct atm_channel *on;
    uint32_t vci;                 /* on that channel, from 0 */
    uint32_t first, count, taken; /* cells; taken: of these, by what is behind the channel */
    sim_time start, gap;          /* the first enters the channel; from one to the next */
    struct atm_run *out;          /* while it is `ahead` of a queue: what was made of it */
    uint32_t out_from;            /* the first of its cells in that */
    struct list link;             /* atm_channel.streams */
};

/* What the switch at the end of a channel does with the cells of one number on it. */
struct atm_hop {
    struct atm_channel *out; /* NULL: they are at their station */
    uint32_t vci;            /* on `out` */
    struct atm_circuit *c;
    bool begun;    /* a frame has, and its last cell has not come */
    uint8_t state; /* of that frame; enum atm_state */
};
enum atm_state { ATM_PASS, ATM_DISCARD, ATM_REFUSED };

struct atm_cell {
    struct atm_frame *f;
    uint32_t number, vci;
};

/* The queue of a switch's input (ATM_INPUT). */
struct atm_input {
    struct atm_cell *cells; /* a ring */
    uint32_t first, count, size;
    bool moving; /* a cell crosses */
};

struct atm_channel {
    uint32_t index;
    uint32_t from, to;    /* switches; those of its ends that are none are its station's */
    uint32_t terminal;    /* or that station */
    uint32_t input;       /* number among the channels into that switch */
    uint32_t from_inputs; /* channels into the switch that it comes from */
    sim_time cell, after; /* of a cell; from its end to the next queue or the station */
    struct atm_hop *hops; /* by vci */
    uint32_t hop_count, hop_size;
    /* The queue in front of it. */
    sim_time free;         /* what was accepted has left */
    struct atm_run *ahead; /* the run whose cells were accepted before they have come */
    sim_time ahead_start, ahead_gap;
    uint32_t ahead_count, ahead_told; /* cells on this channel; of these in its account */
    struct list streams;              /* runs of which cells are still to come, one by one */
    struct atm_run *now;              /* those of which one comes at this moment */
    bool dirty;
    struct net_link link;
    bool dead;           /* it, or a switch at one of its ends, is down: every cell is lost */
    double loss;         /* part of the cells that is lost otherwise */
    uint64_t until_loss; /* cells that pass before one is */
    struct sim_rng rng;
    struct sim_busy busy;
    /* Input queues. */
    struct atm_input in;          /* at its end */
    uint64_t *asks;               /* a bit for each input whose first cell wants this channel */
    uint32_t turn;                /* the input that has the next choice */
    struct atm_channel *crossing; /* over which the cell came that enters it now; NULL: none */
};

struct atm_circuit {
    uint32_t src, dst, vci; /* on the channel of src */
    uint32_t switches;
    sim_time fixed, slowest;        /* of a cell alone; of the channels on the way */
    bool ready;                     /* else it is being set up */
    struct atm_frame *first, *last; /* wait for that */
    struct atm_circuit *next;       /* of those that are set up at this moment */
    uint64_t current;               /* number of the frame that its station puts together */
    uint32_t own;                   /* cells of it */
    bool merged, closed;            /* with cells of one before; its last cell has come */
};

struct atm_host {
    struct net_terminal terminal;
    uint32_t room;
    struct atm_frame *first, *last; /* to send */
    struct net_packet *sending;     /* NULL: its channel is free */
    enum net_status why;            /* of what was cut short */
    struct atm_frame *cut_short;    /* the frame of that, if its last cell is lost on the channel */
    struct atm_circuit **circuits;  /* by destination */
};

struct atm_told {
    struct net_packet *p;
    enum net_status status;
    const struct atm_frame *f; /* status is to be that of `lost`, once the moment is over */
};

struct atm_counts {
    uint64_t packets_in, packets_out, flits_in, flits_out;
    uint64_t cells_in, cells_out, cells_dropped, cells_lost, frames_refused, frames_merged;
    uint64_t queue_longest, circuits;
};

struct atm {
    struct net net;          /* first */
    struct net_link *selves; /* the switches */
    struct atm_params params;
    sim_time now;
    uint32_t stations, switches, channel_count;
    struct atm_channel *channels; /* from each station, to each, both ways of each trunk */
    uint32_t *inputs;             /* channels into each switch, and these */
    struct atm_channel ***into;
    uint32_t *at;    /* the switch of each station */
    uint32_t *route; /* from each switch to each other: the channel */
    double uniform_load;
    struct atm_host *hosts;
    struct wheel wheel;
    struct sim_event tick;
    struct sim_settler settler;
    struct atm_channel **dirty;
    uint32_t dirty_count;
    struct atm_circuit *ready;
    struct atm_run *arrived;      /* at inputs */
    struct atm_told *sent, *done; /* of this instant */
    uint32_t sent_count, sent_size, done_count, done_size;
    struct atm_run *free_runs, *made_runs;
    struct atm_frame *free_frames, *made_frames;
    uint64_t frame_number, steps;
    uint32_t buffer, threshold; /* cells; UINT32_MAX: no limit */
    struct atm_counts counts;
    atm_cell_fn *watcher;
    void *watcher_arg;
};

static inline void atm_post(struct atm *n, sim_time when, uint32_t kind, const void *ptr)
{
    wheel_push(&n->wheel, when, (uint64_t)(uintptr_t)ptr | kind);
}

/* Cell j of a run is at the queue or the station behind its channel. */
static inline sim_time atm_arrival(const struct atm_run *r, uint32_t j)
{
    return r->start + (sim_time)j * r->gap + r->on->cell + r->on->after;
}

/* ---- atm_graph.c ---- */

/* Makes channels and routes of the parameters; false with a sentence. */
bool atm_graph_init(struct atm *n, struct err *e) MUST_CHECK;
void atm_graph_fini(struct atm *n);
/* A circuit with its numbers on every channel of its way. */
struct atm_circuit *atm_circuit_make(struct atm *n, uint32_t src, uint32_t dst);
/* Adds the times of the way to c, which has none yet. */
void atm_circuit_time(const struct atm *n, struct atm_circuit *c);

static inline struct atm_hop *atm_hop_of(const struct atm_channel *on, uint32_t vci)
{
    return &on->hops[vci];
}

/* ---- atm_frame.c ---- */

struct atm_frame *atm_frame_new(struct atm *n, struct net_packet *p, struct atm_circuit *c);
/* `cells` of it are gone; frees it after the last. */
void atm_frame_gone(struct atm *n, struct atm_frame *f, uint32_t cells);
/* Keeps a packet to tell its source that it has left, or its destination its fate. */
void atm_sent(struct atm *n, struct net_packet *p);
void atm_tell(struct atm *n, struct atm_frame *f, bool good);
/* A cell is lost; with the last one its frame is, and that is told now. */
void atm_lose(struct atm *n, struct atm_frame *f, uint32_t number, enum net_status why);
struct atm_run *atm_run_new(struct atm *n, struct atm_frame *f, struct atm_channel *on,
                            uint32_t vci);
void atm_run_free(struct atm *n, struct atm_run *r);
/* Those cells of f will be at its station: in order, and before any of a later frame. */
void atm_gather(struct atm_circuit *c, struct atm_frame *f, uint32_t cells, bool last);
/* The latest `cells` of them will not be after all. */
void atm_ungather(struct atm_circuit *c, uint32_t cells, bool last);
/* Of the cells that a station has got. */
void atm_got(struct atm *n, struct atm_frame *f, uint32_t first, uint32_t count);
/* May the next cell at a queue pass, with so many before it? */
bool atm_admit(struct atm *n, struct atm_hop *h, uint32_t waiting, bool last);
/* Cell `number` enters channel q at `start`. */
void atm_enter(struct atm *n, struct atm_channel *q, uint32_t vci, struct atm_frame *f,
               uint32_t number, sim_time start);
/* A run of cells that begins there now is on its way. */
void atm_run_begin(struct atm *n, struct atm_run *r);
/* Draws how many cells pass before the next is lost. */
void atm_draw_loss(struct atm_channel *q);
static inline enum net_status atm_loss(const struct atm_channel *q)
{
    return q->dead ? NET_DROPPED_FAULT : NET_DROPPED_DAMAGED;
}

/* What is next on the wheel has its event. */
static inline void atm_schedule(struct atm *n)
{
    sim_time next = wheel_next(&n->wheel);
    if (next == SIM_NEVER || (sim_event_pending(&n->tick) && n->tick.time <= next))
        return;
    sim_cancel(n->net.sim, &n->tick);
    sim_at(n->net.sim, &n->tick, next);
}

/* ---- atm_fault.c ---- */

extern const char *const atm_fails[];
void atm_links_init(struct atm *n);
void atm_fault_targets(struct net *net, struct sim_faults *f);

/* ---- atm_output.c, atm_input.c ---- */

/* The cells that come to this moment are at the queue of q. */
void atm_output_arrive(struct atm *n, struct atm_channel *q);
/* Brings the account of q up to `now`. */
void atm_output_settle(struct atm *n, struct atm_channel *q);
/* Takes back what is ahead of q and comes after this moment, which ends. */
void atm_output_stop(struct atm *n, struct atm_channel *q);
/* The next cell of r is at the input at its channel's end. */
void atm_input_arrive(struct atm *n, struct atm_run *r);
/* Channel q is free. */
void atm_input_free(struct atm *n, struct atm_channel *q);
/* Chooses among those that ask for q at this moment. */
void atm_input_choose(struct atm *n, struct atm_channel *q);

/* q is looked at once all that happens at this moment has. */
static inline void atm_mark(struct atm *n, struct atm_channel *q)
{
    if (!q->dirty) {
        q->dirty = true;
        n->dirty[n->dirty_count++] = q;
    }
}

#endif
