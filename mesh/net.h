/* net.h: what any interconnect offers: it carries packets between terminals.
 *
 * A network moves packets (worms) of whole flits from a source terminal to a destination terminal.
 * It knows nothing of messages: the network interface (mesh/nic.h) packetises, does DMA and
 * reassembles. Fidelities and topologies are const ops with a name; they are cross-checked in
 * tests.
 *
 *   NET1  Every packet injected is delivered once, or dropped with a reason and said so, or inside.
 *       One to all (NET_ALL) is so at every terminal but its source.
 *   NET2  Packets of one (source, destination) pair are delivered in order of injection, where
 *       each has one way and on it one virtual channel to take (net_grid.overtakes says if not).
 *   NET3  Arbitration depends on simulated time and port number alone, never on event order.
 *   NET4  In a grid a fault takes effect between packets: the worm that holds a channel finishes.
 *       Networks of stations: mesh/link.h.
 */
#ifndef MESH_NET_H
#define MESH_NET_H

#include "sim/base/kind.h"
#include "sim/counts.h"
#include "sim/sim.h"

struct net;
struct net_packet;

enum net_status {
    NET_OK,
    NET_DROPPED_FAULT,      /* met a dead channel */
    NET_DROPPED_COLLISIONS, /* the medium was given up */
    NET_DROPPED_FULL,       /* the receiver had no room, and the network does not wait */
    NET_DROPPED_QUEUE,      /* a queue inside the network was full */
    NET_DROPPED_REFUSED,    /* its destination was taken, and nobody waits for it */
    NET_DROPPED_DAMAGED,    /* a part of it is missing, or its check is wrong */
    NET_DROPPED_NOBODY,     /* for all, and there is nobody else */
    NET_STATUSES
};
const char *net_status_name(enum net_status s); /* why, in words; static */

/* As dst: every terminal but the source, where the network can (net_describe.broadcast).  Each is
 * told in its own time, and of its own fate; `left` says how many are still to be told, and the
 * packet is the receiver's only when there are none.  What is dropped on behalf of all (or has
 * nobody to go to) is told to the source's own terminal, once. */
#define NET_ALL UINT32_MAX

/* Owned by the sender from creation to delivery; the network links and stamps it. */
struct net_packet {
    uint32_t src, dst;       /* terminals; dst: NET_ALL, too */
    uint32_t flits;          /* length with header flit(s); >= 1 */
    uint32_t hops;           /* routers passed; set by the network */
    sim_time created;        /* for the source-queue split; set by the sender */
    sim_time injected;       /* header entered the injection channel */
    sim_time delivered;      /* tail left the ejection channel */
    sim_time blocked;        /* time the header waited for channels, source queue excluded */
    uint32_t left;           /* of one to all: terminals still to be told; else 0 */
    bool dropped;            /* set by the network; why is in the status */
    uint64_t user;           /* the sender's */
    void *owner;             /* the sender's */
    struct net_packet *next; /* the network's while it is inside */
};

/* At the destination, in class SIM_CLASS_ARRIVAL at `delivered`; the packet is the receiver's to
 * free or reuse, once nobody is `left`. */
typedef void net_receive_fn(void *arg, struct net_packet *p, enum net_status status);
/* Called when the tail has left the source terminal: the injection channel can take the next.  Not
 * later than the delivery; the packet is borrowed. */
typedef void net_sent_fn(void *arg, struct net_packet *p);

/* A terminal with room for `room` packets takes one from the network when there is a place for all
 * of it: its ejection channel is granted to a header only then, else headers wait in the network,
 * and others behind them.  A place is taken by that grant, and free again when the terminal says so
 * (net_ops.taken), once for each packet delivered with NET_OK.  A shared medium holds nothing back:
 * what comes to a terminal without a place is dropped (NET_DROPPED_FULL). */
struct net_terminal {
    net_receive_fn *receive;
    net_sent_fn *sent; /* may be NULL */
    void *arg;
    uint32_t room; /* packets; 0: any number */
};

/* A channel dies or comes back.  The packet that holds it finishes (NET4); a header that meets a
 * dead channel, or waits for it when it dies, is dropped where it is: its flits drain there, and
 * the destination's receive is called with NET_DROPPED_FAULT when the last has gone. */
#define NET_ALL_PORTS UINT32_MAX /* the router: every channel from and to it, its ejection too */
struct net_fault {
    sim_time at;
    uint32_t node, port; /* output port of node */
    bool dead;           /* false: works again */
};

#define NET_DIMS 16

struct net_describe {
    const char *model; /* "worm", "ethernet" */
    uint32_t terminals;
    uint32_t flit_bytes;
    sim_time flit_time; /* t_f: one flit across one channel */
    uint32_t longest;   /* flits that a packet may have; 0: any number */
    bool broadcast;     /* it knows NET_ALL */
    bool ethernet;      /* its frames are written as 802.3 has them (a capture) */
    char shape[64];     /* "16x32 mesh" */
    /* Terminals as a grid, x (columns) first and fastest; dims 0: it is none. */
    uint32_t dims, size[NET_DIMS];
    bool wraps;          /* a torus */
    double uniform_load; /* flits a flit time of its busiest channel between routers at one of each
                            terminal, to terminals drawn evenly from all */
};

/* The routers as a grid, one a terminal: terminal = sum of coordinate x product of the sizes
 * before.  dims 0: they are none. */
struct net_grid {
    uint32_t dims, size[NET_DIMS];
    uint8_t order[NET_DIMS]; /* in which packets travel the dimensions */
    bool wraps;
    /* What enters a channel first leaves it first, and is delivered first, and routes are in that
     * order: so a packet behind others, from router to router, pushes them before it. */
    bool in_order;
    bool overtakes; /* packets of one pair may overtake each other: NET2 does not hold */
    bool drops;     /* packets are lost though nothing fails */
};

struct sim_audit_report;
struct sim_busy;
struct sim_faults;

/* One channel's account.  Utilisation is in its struct sim_busy. */
struct net_channel {
    const struct sim_busy *busy; /* name, node, time that flits crossed it, packets */
    uint32_t node, to_node;      /* to_node == node: injection or ejection */
    uint32_t port;               /* output port of node; the terminal's twice: see `injects` */
    bool injects;
    sim_time blocked; /* over the window: sum of the times that headers competed for it before the
                         grant, or waited for a slot behind it */
};

/* Headers that came over `waiting` competed for `busy` while packets that came over `holding` had
 * it: for so long in all, over the window. */
struct net_pair {
    const struct sim_busy *busy, *waiting, *holding;
    sim_time blocked;
};

/* The moments of one packet's way. */
struct net_passage {
    sim_time inject, sent; /* its header enters the injection channel; its tail has left it */
    sim_time header;       /* its header competes for the ejection channel */
    sim_time eject;        /* has it */
    sim_time delivered;
};

/* A way from one terminal to another, lent to one who reckons its packets (mesh/train.h). */
struct net_way {
    uint32_t src, dst;
    uint32_t fewest;                   /* flits of any of the packets */
    void (*wanted)(struct net_way *w); /* another packet comes in the way: gives it back */
    void *lender;                      /* the network's */
    /* By lend, for net_way_reckon. */
    sim_time inject_free, eject_free, header, flit, eject, gap;
    uint32_t hops;
};

/* The passage of the next packet on it, handed over at `at`. */
static inline struct net_passage net_way_reckon(struct net_way *w, sim_time at, uint32_t flits)
{
    struct net_passage p;
    sim_time length = (sim_time)flits * w->flit;
    p.inject = sim_time_max(at, w->inject_free);
    p.sent = w->inject_free = p.inject + length;
    p.header = p.inject + w->header;
    p.eject = sim_time_max(p.header, w->eject_free);
    w->eject_free = p.eject + length + w->gap;
    p.delivered = p.eject + length - w->flit + w->eject;
    return p;
}

struct net_ops {
    struct kind kind;
    /* NULL with a sentence when the parameters cannot be met. */
    struct net *(*create)(struct sim *s, const void *params, struct err *e);
    void (*destroy)(struct net *n);
    void (*set_terminal)(struct net *n, uint32_t terminal, const struct net_terminal *t);
    /* A packet that was delivered has left its place, which may be used at this instant.  May be
     * called by `receive`.  Nothing happens without `room`. */
    void (*taken)(struct net *n, uint32_t terminal);
    /* Queues a packet at its source's injection channel at the current instant, behind those that
     * wait there.  Never blocks.  src == dst is allowed: it crosses the router's injection and
     * ejection. */
    void (*inject)(struct net *n, struct net_packet *p);
    void (*describe)(const struct net *n, struct net_describe *d);
    /* Of what `create` would make of the parameters.  NULL: no grid, nothing overtakes, and only
     * what fails drops. */
    void (*grid)(const void *params, struct net_grid *g);
    /* Lends the way from w->src to w->dst; the caller injects nothing at w->src meanwhile.  False:
     * not now.  NULL, all three: never. */
    bool (*lend)(struct net *n, struct net_way *w);
    /* Takes it back: first each packet that was injected, in order, with its passage; those that
     * are still inside (returns false) go on as ever, and are called for; true: was delivered. */
    bool (*follow)(struct net *n, struct net_way *w, struct net_packet *p,
                   const struct net_passage *t);
    void (*regain)(struct net *n, struct net_way *w);
    /* The same as `follow` of one that was delivered, without its packet; NULL: with it. */
    void (*passed)(struct net *n, struct net_way *w, uint32_t flits, const struct net_passage *t);
    /* Latency of a packet alone in the network, from injection to `delivered`; exact. */
    sim_time (*zero_load)(const struct net *n, uint32_t src, uint32_t dst, uint32_t flits);
    /* Schedules a fault, now or later; NULL: nothing can die. */
    void (*fault)(struct net *n, const struct net_fault *f);
    /* Makes targets of all that can die (sim/fault.h); NULL: nothing can. */
    void (*fault_targets)(struct net *n, struct sim_faults *f);
    const char *const *fails; /* first words of their paths, NULL at the end */
    /* Calls fn for every channel in a fixed order; NULL: the network keeps no such account. */
    void (*channels)(const struct net *n, void (*fn)(void *arg, const struct net_channel *c),
                     void *arg);
    /* Who blocked whom, from `watch` on; NULL: the network keeps no such account.  watch does
     * nothing when the account would take more than 64 MiB. */
    void (*watch)(struct net *n);
    void (*pairs)(const struct net *n, void (*fn)(void *arg, const struct net_pair *p), void *arg);
    uint32_t (*distance)(const struct net *n, uint32_t src,
                         uint32_t dst); /* channels between routers */
};

extern const struct kind_set
    net_kinds; /* every interconnect; the first is taken unless one is named */

struct nic_group;

struct net {
    const struct net_ops *ops;
    struct sim *sim;
    const void *params;          /* those it was created with, its own copy */
    struct nic_group *nics;      /* the interfaces on it (mesh/nic.c); NULL: none */
    struct sim_faults *schedule; /* of its own parameters; NULL: none */
    struct sim_counted counted;  /* "network.*" */
    uint64_t dropped[NET_STATUSES], flits_dropped; /* by net_drop */
};

/* Reads the parameter `faults` of a network on its own, once all else of it is made; whoever ends
 * it frees n->schedule first.  False with a sentence. */
bool net_schedule_faults(struct net *n, const struct val *faults, struct err *e) MUST_CHECK;
#define NET_FAULTS_PARAM(type)                                                                     \
    P_VAL(type, faults,                                                                            \
          "What fails of it: a list as machine.faults, where these entries may stand as well.",    \
          "none: nothing fails")

/* Counts a packet, or what one terminal does not get of it, as dropped for that reason. */
static inline void net_drop(struct net *n, const struct net_packet *p, enum net_status why)
{
    n->dropped[why]++;
    n->flits_dropped += p->flits;
}
/* A counter of what was dropped for a reason, of a network whose struct net is `m`. */
#define NET_DROPS(tag, m, name, why, doc) COUNTER(COUNTER_SUM, name, tag, m.dropped[why], "1", doc)
/* Tells the run's audit of each reason, and gives their sum: for who balances its packets. */
uint64_t net_audit_drops(const struct net *n, struct sim_audit_report *r);

/* Hands a packet over, as `inject` of net_ops says. */
static inline void net_inject(struct net *n, struct net_packet *p)
{
    n->ops->inject(n, p);
}

#endif
