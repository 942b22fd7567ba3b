/* atm.h: an ATM network, for those who look inside; all others use mesh/net.h. */
#ifndef MESH_SWITCH_ATM_H
#define MESH_SWITCH_ATM_H

#include "mesh/net.h"

enum atm_queue { ATM_OUTPUT, ATM_INPUT };
enum atm_drop { ATM_TAIL, ATM_PARTIAL, ATM_EARLY };
enum atm_circuits { ATM_PERMANENT, ATM_SWITCHED };

struct atm_params {
    int64_t stations, switches;
    const struct val *at;     /* the switch of each station; NULL: evenly */
    const struct val *trunks; /* { switch, switch } or { switch, switch, rate } */
    int rate, trunk_rate;
    int64_t cell_octets;
    sim_time propagation, transit;
    int queue, drop;
    int64_t buffer_cells;
    double threshold;
    int circuits;
    sim_time setup;
    double cell_loss;
    const struct val *faults; /* NULL: none */
};
extern const struct param atm_params_desc[];

extern const struct net_ops net_atm;

/* Calls fn for cells that a station gets: of the packet of these ends and this `user`, `count` from
 * number `first` on.  At any time from their arrival on.  Any other network is a bug. */
typedef void atm_cell_fn(void *arg, uint32_t src, uint32_t dst, uint64_t user, uint32_t first,
                         uint32_t count);
void atm_watch(struct net *net, atm_cell_fn *fn, void *arg);

/* The number that the circuit from src to dst has on the channel `hop` of its way (0: that of its
 * source): VPI and VCI.  False: there is no such circuit, or its way is shorter. */
bool atm_circuit(const struct net *net, uint32_t src, uint32_t dst, uint32_t hop, uint32_t *vpi,
                 uint32_t *vci);

/* Steps taken for cells or for trains of them, since the network was made: for tests and
 * benchmarks. */
uint64_t atm_steps(const struct net *net);

#endif
