/* common.h: what the fidelities have in common and decide nothing with: parameters, terminals, the
 * instant's event, deliveries, faults, and the account of packets and flits.  Private to mesh/.
 *
 * flit.c is the oracle of worm.c, so nothing here says where a packet goes or when.
 *
 *   MESH1  packets in = out + dropped + inside, flits alike; each fidelity counts its inside
 *       itself.
 *   MESH2  Terminals are called at the end of an instant: first those whose tails left, in order of
 *       source, then the deliveries, in order of destination, source and injection.
 */
#ifndef MESH_COMMON_H
#define MESH_COMMON_H

#include "mesh/mesh.h"
#include "mesh/wheel.h"
#include "sim/audit.h"
#include "sim/fault.h"

struct mesh_net {
    struct net net; /* first */
    struct mesh_params params;
    struct mesh_delays d;
    struct topo topo;
    sim_time now;
    struct net_terminal *terminals;
    uint32_t *places; /* free, of each terminal with room */
    struct wheel wheel;
    struct sim_event tick;    /* at the next instant of the wheel */
    struct net_fault *faults; /* none that is over, but the last */
    uint32_t fault_count;
    struct net_packet **sent, **done; /* of this instant */
    uint32_t sent_count, sent_size, done_count, done_size;
    sim_time
        *routing; /* of each router: busy with headers until then; NULL: it takes any, always */
    uint64_t packets_in, packets_out, flits_in, flits_out;
};

/* For the kind of a struct that begins with a struct mesh_net `m`. */
#define MESH_COUNTERS(tag)                                                                         \
    C_SUM(tag, m, packets_in, "1", "Packets injected."),                                           \
        C_SUM(tag, m, packets_out, "1", "Packets delivered."),                                     \
        NET_DROPS(tag, m.net, "packets_dropped", NET_DROPPED_FAULT,                                \
                  "Packets that met a dead channel."),                                             \
        C_SUM(tag, m, flits_in, "1", "Flits of the packets injected."),                            \
        C_SUM(tag, m, flits_out, "1", "Flits of the packets delivered."),                          \
        C_SUM(tag, m.net, flits_dropped, "1", "Flits of the packets dropped.")

/* A word of the wheel is a pointer to something 8-aligned, or an index << 3, and a kind below.
 * MESH_WORD_FAULT is every fidelity's; the others are its own. */
#define MESH_WORD_KIND 7u
#define MESH_WORD_FAULT 7u

/* What a word holds beside its kind: the pointer. */
static inline void *mesh_word_pointer(uint64_t word)
{
    return (void *)(uintptr_t)(word & ~(uint64_t)MESH_WORD_KIND);
}

/* The index. */
static inline uint32_t mesh_word_index(uint64_t word)
{
    return (uint32_t)(word >> 3);
}

/* Posts a word of that kind for the instant `when`: a pointer. */
static inline void mesh_post(struct mesh_net *n, sim_time when, uint32_t kind, const void *ptr)
{
    wheel_push(&n->wheel, when, (uint64_t)(uintptr_t)ptr | kind);
}

/* The same with an index. */
static inline void mesh_post_index(struct mesh_net *n, sim_time when, uint32_t kind, uint32_t index)
{
    wheel_push(&n->wheel, when, (uint64_t)index << 3 | kind);
}

/* Checks the parameters and makes all of it; `instant` runs at every instant of the wheel.  False
 * with a sentence: nothing was made.  The parameters' faults are scheduled by the caller
 * (net_schedule_faults) once it can take them. */
bool mesh_net_init(struct mesh_net *n, const struct net_ops *ops, struct sim *s,
                   const struct mesh_params *p, sim_event_fn *instant, sim_audit_fn *audit,
                   struct err *e) MUST_CHECK;
void mesh_net_fini(struct mesh_net *n);

/* Slots of net_ops that are the same for all. */
void mesh_net_set_terminal(struct net *net, uint32_t terminal, const struct net_terminal *t);
void mesh_net_describe(const struct net *net, struct net_describe *d);
sim_time mesh_net_zero_load(const struct net *net, uint32_t src, uint32_t dst, uint32_t flits);
uint32_t mesh_net_distance(const struct net *net, uint32_t src, uint32_t dst);
void mesh_net_fault(struct net *net, const struct net_fault *f);
/* Routers and channels; of those that an entry names the net is told at once that they may die. */
void mesh_net_fault_targets(struct net *net, struct sim_faults *f);
extern const char *const mesh_net_fails[];

/* The ejection channel of a terminal may be granted. */
static inline bool mesh_net_has_place(const struct mesh_net *n, uint32_t terminal)
{
    return n->terminals[terminal].room == 0 || n->places[terminal] > 0;
}
/* It is granted: a place is taken. */
static inline void mesh_net_take_place(struct mesh_net *n, uint32_t terminal)
{
    n->places[terminal] -= n->terminals[terminal].room > 0;
}
/* Gives a place back.  True: it is the only one, so the terminal is to be looked at again. */
bool mesh_net_give_place(struct mesh_net *n, uint32_t terminal);

/* Counts a packet that the network takes charge of, and clears its stamps. */
void mesh_net_take(struct mesh_net *n, struct net_packet *p);
/* Schedules the next instant. */
void mesh_net_schedule(struct mesh_net *n);
/* Keeps a packet for mesh_net_call_terminals: its tail has left the source; it is delivered, or
 * the last of it has drained. */
void mesh_net_sent(struct mesh_net *n, struct net_packet *p);
void mesh_net_done(struct mesh_net *n, struct net_packet *p);
/* Order of packets (pointers to pointers) by destination, source and injection, for qsort. */
int mesh_net_by_destination(const void *a, const void *b);
/* Ends an instant: calls the terminals and schedules the next.  True: nothing lies between, and the
 * next instant is now. */
bool mesh_net_go_on(struct mesh_net *n);
/* The header at the front of a FIFO of `router`, not yet routed, may begin to be routed now: does
 * so together with those that begin at this instant (true), or waits until n->routing[router]. */
static inline bool mesh_net_route(struct mesh_net *n, uint32_t router)
{
    if (n->routing[router] <= n->now)
        n->routing[router] = n->now + n->d.front;
    return n->routing[router] == n->now + n->d.front;
}

/* Calls fn for every output channel (node * ports + port) that the faults of this instant are
 * about, in order of the faults, so that the last word on a channel holds. */
void mesh_net_faults_now(struct mesh_net *n,
                         void (*fn)(struct mesh_net *n, uint32_t channel, bool dead));
void mesh_net_audit(const struct mesh_net *n, struct sim_audit_report *r, uint64_t packets_inside,
                    uint64_t flits_inside);

#endif
