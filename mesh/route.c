/* route.c: routing functions. */
#include "mesh/route.h"

#define NOWHERE UINT32_MAX

struct options {
    struct route_option *out;
    uint32_t count;
};

static void offer(struct options *o, uint32_t port, uint32_t channels)
{
    o->out[o->count++] =
        (struct route_option){ .port = (uint8_t)port, .channels = (uint8_t)channels };
}

/* A torus: before a packet has passed the dateline (the wrapping channel) the lower half of the
 * virtual channels, beyond it the upper half [Dally & Seitz 1987]. */
static uint32_t dateline_channels(const struct topo *t, uint32_t vcs, uint32_t node, uint32_t port,
                                  const struct net_packet *p)
{
    uint32_t all = (1u << vcs) - 1, low = (1u << vcs / 2) - 1, d = port / 2;
    if (!t->wraps || d >= t->dims)
        return all;
    uint32_t at = t->coord[node * t->dims + d], from = t->coord[p->src * t->dims + d];
    bool crossed = port % 2 == 0 ? at < from : at > from;
    return crossed ? all & ~low : low;
}

/* West first [Glass & Ni 1992]: a packet that must go west (lower x) does so first; it is free
 * among the others after that. */
static void west_first(struct options *o, uint32_t all, uint32_t x, uint32_t y)
{
    if (x != NOWHERE)
        offer(o, x, all);
    if (y != NOWHERE && x != 1)
        offer(o, y, all);
}

/* Odd-even [Chiu 2000]: no turn from east to the y direction in an even column, none from the y
 * direction to west in an odd one. */
static void odd_even(struct options *o, const struct topo *t, uint32_t all, uint32_t node,
                     const struct net_packet *p, uint32_t x, uint32_t y)
{
    uint32_t column = t->coord[2 * node], from = t->coord[2 * p->src], to = t->coord[2 * p->dst];
    if (x == NOWHERE || y == NOWHERE) {
        offer(o, x == NOWHERE ? y : x, all);
    } else if (x == 0) {
        if (column % 2 == 1 || column == from)
            offer(o, y, all);
        if (to % 2 == 1 || to - column != 1)
            offer(o, x, all);
    } else {
        offer(o, x, all);
        if (column % 2 == 0)
            offer(o, y, all);
    }
}

/* Any minimal way; with an escape, virtual channel 0 is for the XY route alone [Duato 1993]. */
static void adaptive(struct options *o, uint32_t all, uint32_t x, uint32_t y, bool escape)
{
    uint32_t channels = escape ? all & ~1u : all;
    if (x != NOWHERE)
        offer(o, x, channels);
    if (y != NOWHERE)
        offer(o, y, channels);
    if (escape)
        offer(o, x != NOWHERE ? x : y, 1);
}

uint32_t route_options(const struct mesh_params *params, const struct topo *t, uint32_t node,
                       const struct net_packet *p, struct route_option out[ROUTE_OPTIONS])
{
    struct options o = { .out = out };
    uint32_t vcs = (uint32_t)params->virtual_channels, all = (1u << vcs) - 1;
    uint32_t port = topo_route(t, p->src, node, p->dst);
    if (port == topo_eject_port(t) || params->route <= MESH_YX) {
        offer(&o, port, dateline_channels(t, vcs, node, port, p));
        return o.count;
    }
    const uint16_t *a = t->coord + 2 * node, *b = t->coord + 2 * p->dst;
    uint32_t x = a[0] == b[0] ? NOWHERE : a[0] > b[0];
    uint32_t y = a[1] == b[1] ? NOWHERE : 2u + (a[1] > b[1]);
    if (params->route == MESH_WEST_FIRST)
        west_first(&o, all, x, y);
    else if (params->route == MESH_ODD_EVEN)
        odd_even(&o, t, all, node, p, x, y);
    else
        adaptive(&o, all, x, y, params->route == MESH_ADAPTIVE);
    return o.count;
}
