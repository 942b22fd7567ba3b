/* oracle.h: random machines and traffic, run packet by packet through two fidelities. */
#ifndef TESTS_MESH_ORACLE_H
#define TESTS_MESH_ORACLE_H

#include "mesh/mesh.h"

#define ORACLE_PACKETS 96
#define ORACLE_FAULTS 8

struct oracle_packet {
    uint32_t src, dst, flits;
    sim_time at;
    sim_time injected, left, delivered, blocked; /* left: the source was told that it had */
    uint32_t hops;
    bool dropped;
};

struct oracle_case {
    uint64_t number;
    struct mesh_params mesh;
    uint32_t count, fault_count;
    uint32_t room;    /* packets of every terminal; 0: any number */
    sim_time consume; /* time that a terminal keeps each of them */
    struct net_fault faults[ORACLE_FAULTS];
    struct mesh_counts counts; /* of a worm run */
    struct oracle_packet packets[ORACLE_PACKETS];
};

/* splitmix64 */
uint64_t oracle_random(uint64_t *state);
uint64_t oracle_below(uint64_t *state, uint64_t n);

/* The case of this number; bubbles: machines whose FIFOs are shorter than the credit loop. */
void oracle_draw(struct oracle_case *c, uint64_t number, bool bubbles);

/* Terminals with little room, which they use for long. */
void oracle_draw_rooms(struct oracle_case *c, uint64_t number);

/* Adds channels and routers that die, and some that come back. */
void oracle_draw_faults(struct oracle_case *c, uint64_t number);

/* Runs it and fills in the times.  False when a packet was not delivered or the audit failed. */
bool oracle_run(const struct net_ops *ops, struct oracle_case *c);

/* Index of the first packet that differs, or UINT32_MAX. */
uint32_t oracle_difference(const struct oracle_case *a, const struct oracle_case *b);

/* Makes a failing case smaller while it still fails, and prints it. */
void oracle_shrink_and_print(const struct net_ops *a, const struct net_ops *b,
                             struct oracle_case *c);

#endif
