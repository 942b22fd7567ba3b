/* mesh.h: the parameters of the wormhole-routed networks, the same for every fidelity.
 *
 * Time of a header at a router: it is in the input FIFO one channel delay after it left the router
 * before, is routed, competes for its output, and leaves at the earliest `allocation` later.  A
 * flit of the body needs the crossbar and the wire alone.
 *
 *     leaves the switch --crossbar--wire--> in the next FIFO --routing--> competes
 *                                                        --allocation--> leaves the switch
 */
#ifndef MESH_MESH_H
#define MESH_MESH_H

#include "mesh/net.h"
#include "mesh/topology.h"

enum mesh_arbitration { MESH_ROUND_ROBIN, MESH_AGE };
/* The first two are deterministic; the rest are adaptive and for kind "flit" alone. */
enum mesh_routing {
    MESH_XY,
    MESH_YX,
    MESH_WEST_FIRST,
    MESH_ODD_EVEN,
    MESH_ADAPTIVE,       /* minimal, virtual channel 0 is the XY escape */
    MESH_ADAPTIVE_UNSAFE /* minimal, no escape: deadlocks */
};
enum mesh_routing_at { MESH_AT_ARRIVAL, MESH_AT_FRONT, MESH_AT_ROUTER };
enum mesh_fifo { MESH_FIFO_SHARED, MESH_FIFO_EMPTY };

struct mesh_params {
    int64_t rows, columns, planes;
    int64_t dimension; /* of a hypercube; 0: a mesh */
    bool torus;
    int64_t flit_bytes;
    sim_time flit_time;           /* t_f */
    sim_time routing, allocation; /* headers alone */
    sim_time crossbar, wire;      /* every flit */
    sim_time credit;              /* t_c: a slot freed until the sender may use it */
    sim_time injection_delay;     /* terminal to the router's FIFO */
    sim_time ejection_delay;      /* switch to the terminal, the tail flit itself included */
    bool ejection_credits;        /* the terminal has B slots, not any number */
    int64_t fifo_flits;           /* B */
    int arbitration;
    int route;
    int routing_at;
    int fifo;
    int64_t virtual_channels;
    bool express;
    const struct val *faults;
};
extern const struct param mesh_params_desc[];

/* Refuses what no fidelity can do; `kind` (a fidelity's name) also what this one cannot. */
bool mesh_check(const struct mesh_params *p, const char *kind, struct err *e) MUST_CHECK;

/* Makes the topology that the parameters ask for. */
bool mesh_topology(const struct mesh_params *p, struct topo *t, struct err *e) MUST_CHECK;

/* Calls fn(arg, channel) for every output channel (node * ports + port) that a fault is about. */
void mesh_fault_each(const struct topo *t, const struct net_fault *f,
                     void (*fn)(void *arg, uint32_t channel), void *arg);

/* Of a network of these parameters (net_ops.grid). */
void mesh_grid(const void *params, struct net_grid *g);

/* Fills in the shape. */
void mesh_describe_grid(const struct topo *t, struct net_describe *d);

/* The delays of a channel as the models use them.  Channel 0 of a path is the injection channel. */
struct mesh_delays {
    sim_time flit, credit, allocation;
    sim_time enter;                /* header: leaves the terminal -> competes at the first router */
    sim_time hop;                  /* header: leaves a router -> competes at the next */
    sim_time eject;                /* tail leaves the last router -> delivered */
    sim_time eject_loop;           /* a flit leaves for the terminal -> its slot may be used again;
                                      0: the terminal takes every flit */
    sim_time front;                /* of enter and hop: what a header pays anew at the front */
    sim_time body_enter, body_hop; /* body flits: until they may leave the next router */
};
/* Fills in all of *d from the parameters, which mesh_check has passed. */
void mesh_delays(const struct mesh_params *p, struct mesh_delays *d);

/* True when flits behind a header that does not stall follow back to back:
 * fifo_flits * flit_time >= body delay + credit delay on every kind of channel. */
bool mesh_no_bubbles(const struct mesh_params *p);

/* How much longer a packet alone takes where there are bubbles. */
sim_time mesh_bubbles(const struct mesh_params *p, uint32_t distance, uint32_t flits);

/* What a network of kind "worm" has done; for benchmarks and for tests of tests. */
struct mesh_counts {
    uint64_t header_hops; /* channels entered by headers, injection and ejection included */
    uint64_t shared;      /* of these, into a FIFO that still held another packet */
    uint64_t slot_waits;  /* of these, granted but delayed for want of a slot */
};
/* Since the network was made, whatever the window; any other kind of network is a bug. */
void mesh_worm_counts(const struct net *n, struct mesh_counts *out);

extern const struct net_ops net_worm, net_ideal, net_flit;

/* Latency of a packet alone, from the injection of its header to the delivery of its tail. */
sim_time mesh_zero_load(const struct mesh_params *p, uint32_t distance, uint32_t flits);

#endif
