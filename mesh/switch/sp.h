/* sp.h: the switch of the SP-1 and SP-2, for those who look inside; others use mesh/net.h. */
#ifndef MESH_SWITCH_SP_H
#define MESH_SWITCH_SP_H

#include "mesh/net.h"

enum sp_routes { SP_ROUND_ROBIN, SP_RANDOM, SP_FIXED };

#define SP_HOPS 7 /* chips that a packet passes at most */

struct sp_params {
    int64_t stations;
    sim_time cycle;
    int64_t hop, fifo, chunks, chunk_flits; /* cycles; flits; chunks of each chip */
    int routes;
    const struct val *faults; /* NULL: none */
};
extern const struct param sp_params_desc[];

extern const struct net_ops net_sp;

/* The ways from one station to another: how many, and the channels of the way `which` of them:
 * ends in the order of travel, `ports` are the output ports of the chips it passes.  Returns their
 * number. */
uint32_t sp_ways(const struct net *net, uint32_t src, uint32_t dst);
uint32_t sp_way(const struct net *net, uint32_t src, uint32_t dst, uint32_t which,
                uint32_t chips[SP_HOPS], uint32_t ports[SP_HOPS]);

/* Where output `port` of a chip leads: an input port of another chip; or a station
 * (*port unchanged), and the result is UINT32_MAX. */
uint32_t sp_leads_to(const struct net *net, uint32_t chip, uint32_t *port);

#endif
