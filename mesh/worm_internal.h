/* worm_internal.h: the state of the worm model, private to worm*.c.
 *
 *   worm.c          headers: routes, requests, grants, instants; the interface
 *   worm_time.c     when flits cross and tails leave, from header crossings (no bubbles)
 *   worm_express.c  packets that meet nobody, without an event a hop
 *   worm_slots.c    the same flit by flit, for machines with bubbles
 *   worm_pairs.c    who blocked whom
 *
 * What a header hop touches is a line of the cache each: its worm, two hops of the worm's ring, the
 * channel that it has come over and the channel that it asks for, and that channel's busy time.
 */
#ifndef MESH_WORM_INTERNAL_H
#define MESH_WORM_INTERNAL_H

#include "mesh/common.h"
#include "sim/server.h"

#define NEVER_LEFT (INT64_MIN / 2) /* left so long ago that it does not matter */

struct worm;

/* A channel of a packet's path. */
struct hop {
    sim_time h;          /* header leaves for this channel; valid below worm->head.  At worm->head,
                            from asking until the grant: when it asked */
    struct worm *behind; /* next packet in the FIFO after this channel */
    uint32_t behind_hop; /* this channel's place on the path of `behind` */
    uint32_t chan;
    uint32_t base; /* flits that went into the channel before this packet */
    uint32_t next; /* the output that the header asks for after this channel */
};

enum place { TRAVELLING, IN_LINE, ASKING, GRANTED };

struct worm {
    struct net_packet *packet;
    uint32_t length;
    uint32_t reach;   /* M = (L-1) div B: channel i's tail depends on headers up to i+M */
    uint32_t head;    /* hops with a known h */
    uint32_t settled; /* hops with a known tail */
    uint16_t steps;   /* channels still to ask for that the last look at the route covers */
    uint8_t port;     /* outputs that they leave by */
    uint8_t log2;     /* of the ring's size: class in the pool */
    uint8_t
        free_run;  /* hops up to head-1 that followed the one before without a stall; at most 255 */
    uint8_t place; /* enum place, of the header */
    bool complete; /* the ejection channel is hop head-1 */
    bool ejecting : 1; /* the channel asked for or granted is the ejection channel */
    bool waiting : 1;  /* in the list of some root */
    bool told : 1;     /* the source knows that the tail has left */
    sim_time ready;    /* header competes (or would) from here on */
    sim_time start;    /* granted: header may leave from here on, given a slot */
    struct worm *waiters;
    struct worm *next; /* in the list where it waits, or of the free */
    struct hop ring[];
};
_Static_assert(sizeof(struct worm) == 64 && sizeof(struct hop) == 32, "lines of the cache");

/* Departures of flits (begin, end] of a FIFO, back to back, the last at `last`. */
struct segment {
    sim_time last;
    uint32_t begin, end;
};

/* A channel and the FIFO behind it.  The newest segment of departures is (newest, departed], the
 * last at last_left; older ones that may still matter are in struct chan_rest. */
struct chan {
    sim_time free_at;   /* may be granted from here on, unless held */
    sim_time last_left; /* latest known departure of its FIFO */
    union {
        struct worm *front;      /* of its FIFO */
        struct express *express; /* while it is lent */
    };
    struct hop *back;
    uint32_t front_hop;
    uint32_t entered;   /* flits granted into it, ever */
    uint32_t last_base; /* `entered` before the last grant */
    uint32_t departed;  /* flits of its FIFO whose departure is known, ever */
    uint32_t newest;
    uint32_t asking;   /* input ports whose header competes for it */
    uint32_t end_base; /* router at its end * ports; UINT32_MAX: ejection */
    uint8_t end_port, turn;
    bool held : 1, waking : 1, dirty : 1, ejects : 1, dead : 1;
    bool lent : 1; /* an express runs over it (EXPRESS1) */
    bool older;    /* chan_rest has segments */
};
_Static_assert(sizeof(struct chan) == 64, "a line of the cache");

struct chan_rest {
    struct segment *segs; /* a ring, oldest first */
    uint32_t seg_first, seg_count, seg_size;
    sim_time window;  /* that `blocked` is about: its start */
    sim_time blocked; /* headers waited for it so long, in all */
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
};

#define NOBODY UINT32_MAX

/* An output to look at. */
struct look {
    uint32_t chan, from;
};

#define WORM_CLASSES 32 /* of rings, by size */

struct worm_net {
    struct mesh_net m;
    uint32_t ports, depth;
    uint64_t ports_inverse; /* ceil(2^32 / ports) */
    sim_time window;        /* B t_f - t_c */
    sim_time memory;        /* what left a FIFO longer ago than this decides nothing any more */
    /* nodes*ports outputs, nodes injection channels, and from `drops` on, once there are faults, a
     * drain for each input port (nodes*ports) */
    struct chan *chans;
    struct chan_rest *rests;
    struct sim_busy *busys; /* none for drains */
    uint32_t injects, drops;
    uint32_t *in_chans; /* node*ports + input port -> channel */
    struct source *sources;
    struct slots *slots; /* of each channel; NULL: no bubbles */
    sim_time *slot_times;
    struct slot_work *stack;
    uint32_t stack_count, stack_size;
    sim_time *starts;   /* scratch: one for each channel of a path */
    struct worm *retry; /* worms whose root has moved */
    struct look *dirty; /* outputs that changed in this instant */
    uint32_t dirty_count;
    bool plain; /* no bubbles, FIFOs are shared */
    struct worm *pool[WORM_CLASSES];
    void **blocks; /* all memory of worms, and of the arrays above that lie at cache lines */
    uint32_t block_count;
    struct mesh_counts counts;
    /* Express: what the parameters allow; in use, free; packets that are not tried now, and after
     * the next that is in vain. */
    bool may_express, inside_instant, ended; /* ended: one has, in this instant */
    struct list expresses;
    struct express *unused;
    uint32_t skip, penalty;
    struct sim_settler settler;
    sim_time *pairs; /* who blocked whom: (channel * ports + waiting) * ports + holding; or NULL */
    sim_time pairs_window;
    struct holder *holders;        /* of each output; with pairs */
    uint64_t inside, flits_inside; /* have left their source's queue */
};

/* Kinds of words of the wheel. */
enum word { WORD_ARRIVE, WORD_LINE, WORD_WAKE, WORD_SENT, WORD_DELIVER, WORD_ROUTE, WORD_EXPRESS };

static inline struct hop *hop_of(struct worm *w, uint32_t i)
{
    return &w->ring[i & ((1u << w->log2) - 1)];
}

/* The header has crossed hop i at h.  A stall is a crossing so late that flits B places behind the
 * header come to wait. */
static inline void note_stall(struct worm_net *n, struct worm *w, uint32_t i, sim_time h)
{
    if (i > 0 && h - hop_of(w, i - 1)->h <= n->window)
        w->free_run = (uint8_t)(w->free_run < UINT8_MAX ? w->free_run + 1 : UINT8_MAX);
    else
        w->free_run = 0;
}

static inline void post(struct worm_net *n, sim_time when, enum word kind, const void *ptr)
{
    mesh_post(&n->m, when, kind, ptr);
}

/* The header of w is at the front of its FIFO from `at` on. */
static inline void post_front(struct worm_net *n, sim_time at, const struct worm *w)
{
    if (n->m.routing)
        post(n, at, WORD_ROUTE, w);
    else
        post(n, at + n->m.d.front, WORD_LINE, w);
}

static inline void wake_at_free(struct worm_net *n, struct chan *c, uint32_t chan)
{
    c->waking = true;
    mesh_post_index(&n->m, sim_time_max(c->free_at, n->m.now), WORD_WAKE, chan);
}

/* At `when`, at which c is granted, some of an earlier packet is in the FIFO behind it: it leaves
 * then or later, or nobody can tell yet. */
static inline bool still_holds(const struct chan *c, sim_time when)
{
    return c->back != NULL || c->last_left >= when;
}

/* The router that an output belongs to. */
static inline uint32_t node_of(const struct worm_net *n, uint32_t output)
{
    return (uint32_t)(output * n->ports_inverse >> 32);
}

/* The header at the front of an input port. */
static inline struct worm *competitor(const struct worm_net *n, uint32_t node, uint32_t port)
{
    return n->chans[n->in_chans[node * n->ports + port]].front;
}

/* ---- worm.c ---- */

/* A worm of p, whose header is at its source. */
struct worm *worm_make(struct worm_net *n, struct net_packet *p);
/* The header, which has crossed hop head-1 at h, travels on from there. */
void worm_travel(struct worm_net *n, struct worm *w, sim_time h);
/* Puts p, which was not injected yet, behind those that wait at its source. */
void worm_wait_at_source(struct worm_net *n, struct net_packet *p);

/* ---- worm_time.c ---- */

/* When flit number `flit` of channel c's FIFO leaves it; NEVER_LEFT: it does not matter.  False:
 * not known; *root is the worm whose next crossing decides. */
bool worm_departure(struct worm_net *n, uint32_t chan, uint32_t flit, sim_time *out,
                    struct worm **root);
void worm_wait_for(struct worm *w, struct worm *root);
/* Finds the tails that have become known; frees the worm after its last. */
void worm_settle(struct worm_net *n, struct worm *w);
/* The tail of hop i crosses at `tail`: frees the channel, lets go of the FIFO before it, and tells
 * the source or the destination.  straight: see leave_fifo. */
void worm_settle_hop(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail, bool straight);
/* The same in plain networks, when the last B flits are known to cross back to back. */
void worm_tail_straight(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail);
void worm_free(struct worm_net *n, struct worm *w);
/* All of the last packet granted channel chan, which nobody shared with it, has left the FIFO
 * behind it back to back, the last flit at `last`. */
void worm_left(struct worm_net *n, uint32_t chan, sim_time last);

/* ---- worm_express.c ---- */

struct express;
void worm_express_init(struct worm_net *n);
void worm_express_fini(struct worm_net *n);
/* Another packet comes to its source: ends one that is lent. */
void worm_express_follow(struct worm_net *n, struct express *e);
/* p is granted its injection channel now.  True: an express takes it. */
bool worm_express_take(struct worm_net *n, struct net_packet *p);
/* A word of it is due. */
void worm_express_due(struct worm_net *n, struct express *e);
/* Somebody else wants what it uses: its packets become worms, wherever they are. */
void worm_express_end(struct worm_net *n, struct express *e);
void worm_express_end_all(struct worm_net *n);
bool worm_lend(struct net *net, struct net_way *w);
bool worm_follow(struct net *net, struct net_way *w, struct net_packet *p,
                 const struct net_passage *t);
void worm_regain(struct net *net, struct net_way *w);

/* ---- worm_slots.c ---- */

void worm_slots_init(struct worm_net *n);
void worm_slots_fini(struct worm_net *n);
void worm_slots_grant(struct worm_net *n, struct worm *w, uint32_t chan);
/* When the slot for the header of w, granted `chan`, is free; false: not known yet, and w will be
 * put into n->retry. */
bool worm_slots_credit(struct worm_net *n, struct worm *w, uint32_t chan, sim_time *out);
/* The header's crossing of hop head-1 is known. */
void worm_slots_cross(struct worm_net *n, struct worm *w);

/* ---- worm_pairs.c ---- */

/* Output chan changes hands: those that ask for it waited for the holder before, since its grant;
 * the new holder came over input `port`. */
void worm_blame(struct worm_net *n, uint32_t chan, uint32_t port);
void worm_watch(struct net *net);
void worm_pairs(const struct net *net, void (*fn)(void *arg, const struct net_pair *p), void *arg);

#endif
