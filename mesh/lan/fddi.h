/* fddi.h: a ring of FDDI, for those who look inside; all others use mesh/net.h. */
#ifndef MESH_LAN_FDDI_H
#define MESH_LAN_FDDI_H

#include "mesh/net.h"

struct fddi_params {
    int64_t stations;
    sim_time byte_time, station_delay, per_km;
    double length;                 /* km */
    sim_time ttrt, tvx;            /* T_Req of each station unless `requests` says */
    const struct val *requests;    /* times, one a station; NULL: ttrt */
    const struct val *synchronous; /* times, one a station; NULL: none */
    const struct val *tokens_lost; /* moments; NULL: none */
    const struct val *faults;      /* NULL: none */
};
extern const struct param fddi_params_desc[];

extern const struct net_ops net_fddi;

/* What a test or a log wants to know of the token. */
struct fddi_visit {
    uint32_t station;
    sim_time at;       /* its last symbol has arrived */
    sim_time holding;  /* THT then; 0: late, or on time to the picosecond */
    sim_time rotation; /* since its arrival before; -1: none since the latest claim */
};
/* Calls fn for each arrival of the token at a station, in order, when it is known: on an idle ring
 * many at once and later.  Any other network is a bug. */
typedef void fddi_visit_fn(void *arg, const struct fddi_visit *v);
void fddi_watch(struct net *net, fddi_visit_fn *fn, void *arg);

sim_time fddi_latency(const struct net *net); /* D: of the whole ring */
/* From the moment that a symbol is at a to that when it is at b; all around for a == b. */
sim_time fddi_way(const struct net *net, uint32_t a, uint32_t b);
sim_time fddi_ttrt(const struct net *net); /* T_Opr: what the claim comes to */

#endif
