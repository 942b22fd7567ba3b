/* trips.h: packets that go at their times over a network of stations, and what becomes of them. */
#ifndef TESTS_MESH_TRIPS_H
#define TESTS_MESH_TRIPS_H

#include "mesh/net.h"

#define TRIPS_TERMINALS 16 /* of which each notes when a packet to all came */

struct trip {
    struct sim_event event;
    struct net_packet p;
    sim_time at, sent, done;
    sim_time came[TRIPS_TERMINALS]; /* of one to all; 0: has not */
    enum net_status status;         /* the latest */
    uint32_t calls;                 /* deliveries, and losses */
};

/* The run and the network of the test; made with one of `ops`, whose parameters must do. */
extern struct sim *trips_sim;
extern struct net *trips_net;
void trips_start(const struct net_ops *ops, const void *params, uint64_t seed, enum sim_tie tie,
                 sim_time limit);
/* The audit must find nothing. */
void trips_stop(void);
/* Terminals that note in each packet's trip what becomes of it. */
void trips_terminals(uint32_t count);
/* What they do; `arg` is the terminal. */
void trips_take(void *arg, struct net_packet *p, enum net_status status);
/* The packet is injected at that moment. */
void trips_post(struct trip *t, uint32_t src, uint32_t dst, uint32_t flits, sim_time at);
/* Terminal 0 has room for two packets and takes so long over each; what it had at most, and how
 * many came. */
void trips_slow(sim_time each);
extern uint32_t trips_had_most, trips_came;
/* The network cannot be made, and the sentence has this part. */
void trips_refused(const struct net_ops *ops, const void *params, const char *part);

/* Adds an entry to a list of faults; after, ber: 0: none. */
void trips_fault(struct val *list, const char *path, const char *action, sim_time at,
                 sim_time after, double ber);

/* ---- what every network of stations owes ---- */

/* Random packets among `count` (at most 20) terminals, many at one moment, each of up to `longest`
 * flits, gaps of up to `gap`: each is told once and those of a pair that come, or find no room, do
 * in order.  room: of terminal 3, which keeps every third packet; 0: any.  A number made of all
 * outcomes; *lost: how
 * many found no room. */
uint64_t trips_random(const struct net_ops *ops, const void *params, uint32_t count,
                      uint32_t longest, sim_time gap, enum sim_tie tie, uint32_t room,
                      uint32_t *lost);

/* Terminals that always have `window` packets of `flits` to the next one: how many were delivered
 * by each until the limit of the run, in `out`, which may be NULL. */
extern uint64_t trips_lost;
extern sim_time trips_longest_wait; /* that one of them was blocked, but the first */
void trips_saturate(uint32_t count, uint32_t flits, uint32_t window, uint64_t *out);

#endif
