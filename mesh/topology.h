/* topology.h: who is next to whom: grids of routers with one terminal each, and the way through.
 *
 * A grid has up to TOPO_DIMS dimensions.  Dimension 0 is x (the columns of a 2-D mesh), dimension 1
 * is y (its rows); terminals are numbered with x running fastest, so a 2-D mesh is row-major.  A
 * hypercube is a grid of n dimensions of size 2, and e-cube is its dimension order.
 *
 * Ports of a router: 2d towards higher, 2d+1 towards lower coordinates of dimension d as outputs;
 * as inputs, port p is the one whose channel comes from the neighbour that output p leads to.  The
 * last port is the terminal's: injection as an input, ejection as an output.
 *
 *   TOPO1  A route never leaves a dimension unfinished to start a later one (in its order), so the
 *       channels of a mesh form no cycle.
 *   TOPO2  Of two equal ways around a torus as many packets take each: under uniform traffic every
 *       channel of a dimension carries the same, where it or another dimension allows that (see
 *       topo_uniform_load), and the ties of a transpose go both ways.  All packets of one pair of
 *       terminals take the same way.
 */
#ifndef MESH_TOPOLOGY_H
#define MESH_TOPOLOGY_H

#include "sim/base/base.h"
#include "sim/base/err.h"

#define TOPO_DIMS 16
#define TOPO_PORTS (2 * TOPO_DIMS + 1)
#define TOPO_NODES_MAX 65536

struct topo {
    uint32_t dims;
    uint32_t size[TOPO_DIMS];
    uint32_t stride[TOPO_DIMS]; /* of the node number */
    uint32_t nodes, ports;      /* ports = 2 dims + 1 */
    bool wraps;                 /* a torus */
    uint8_t order[TOPO_DIMS];   /* dimensions in the order of travel */
    uint16_t *coord;            /* node * dims + dimension */
    char shape[64];             /* "16x32 mesh": rows first, as people write it */
};

/* False with a sentence when it has no node or more than TOPO_NODES_MAX.  reverse: the last
 * dimension is travelled first (YX). */
bool topo_init(struct topo *t, uint32_t dims, const int64_t *size, bool reverse, bool wraps,
               const char *kind, struct err *e) MUST_CHECK;
void topo_fini(struct topo *t);

/* The port of every router that leads to its terminal. */
static inline uint32_t topo_eject_port(const struct topo *t)
{
    return t->ports - 1;
}

/* The node behind output `port`, or UINT32_MAX at the edge. */
uint32_t topo_neighbour(const struct topo *t, uint32_t node, uint32_t port);

/* The input port at the neighbour where the channel of output `port` ends. */
static inline uint32_t topo_opposite(uint32_t port)
{
    return port ^ 1u;
}

/* Which of two equal ways around dimension d of a torus a packet takes: downwards when all its
 * source's coordinates and the other ones of its destination have an odd sum (TOPO2). */
static inline bool topo_tie(const struct topo *t, uint32_t src, uint32_t dst, uint32_t d)
{
    const uint16_t *a = t->coord + (size_t)src * t->dims, *b = t->coord + (size_t)dst * t->dims;
    uint32_t sum = b[d];
    for (uint32_t e = 0; e < t->dims; e++)
        sum += (uint32_t)a[e] + b[e];
    return sum % 2 == 1;
}

/* The output port of dimension-order routing at `node` for a packet from `src` to `dst`. */
static inline uint32_t topo_route(const struct topo *t, uint32_t src, uint32_t node, uint32_t dst)
{
    const uint16_t *a = t->coord + (size_t)node * t->dims, *b = t->coord + (size_t)dst * t->dims;
    for (uint32_t k = 0; k < t->dims; k++) {
        uint32_t d = t->order[k];
        if (a[d] == b[d])
            continue;
        uint32_t size = t->size[d], up = (uint32_t)(b[d] - a[d]) + (a[d] < b[d] ? 0 : size);
        if (t->wraps)
            return 2 * d + (2u * up == size ? topo_tie(t, src, dst, d) : 2u * up > size);
        return 2 * d + (a[d] > b[d]);
    }
    return t->ports - 1;
}

/* Channels between routers on a shortest path. */
uint32_t topo_distance(const struct topo *t, uint32_t a, uint32_t b);

/* The longest distance. */
uint32_t topo_diameter(const struct topo *t);

/* Flits a flit time that the busiest channel between routers carries when every terminal sends one
 * to terminals drawn evenly from all, itself too.  On a torus it is the load of every channel of
 * its dimension but in one case: size k = 2, 6, 10, .. and all other sizes odd, where the two ways
 * cannot have equal numbers of pairs. */
double topo_uniform_load(const struct topo *t);

/* "0,3+x": a name for reports.  Row-major pairs are written (row,column). */
const char *topo_channel_name(const struct topo *t, uint32_t node, uint32_t port, char *out,
                              size_t size);

#endif
