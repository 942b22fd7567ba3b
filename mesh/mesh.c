/* mesh.c: parameters of wormhole networks, and the closed form of a packet alone. */
#include "mesh/mesh.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/units.h"

static const char *const arbitrations[] = { "round_robin", "age", NULL };
static const char *const routes[] = { "xy",       "yx",       "west_first",
                                      "odd_even", "adaptive", "adaptive_unsafe",
                                      NULL };
static const char *const routing_places[] = { "arrival", "front", "router", NULL };
static const char *const fifos[] = { "shared", "empty", NULL };

const struct param mesh_params_desc[] = {
    P_INT(mesh_params, rows, "4", "1", "65536", "Rows of routers (y).",
          "ASSUMED(small example; machines set it)"),
    P_INT(mesh_params, columns, "4", "1", "65536", "Columns of routers (x).",
          "ASSUMED(small example; machines set it)"),
    P_INT(mesh_params, planes, "1", "1", "65536",
          "Planes of routers (z); above 1 the network is a 3-D mesh.",
          "a 2-D mesh, as the Paragon's"),
    P_INT(
        mesh_params, dimension, "0", "0", "15",
        "Dimension of a binary hypercube routed by e-cube; 0: a mesh of rows, columns and planes.",
        "a mesh, as the Paragon's"),
    P_INT(mesh_params, flit_bytes, "2", "1", "1024", "Bytes of a flit, the width of a channel.",
          "Paragon: 16-bit channels"),
    P_TIME(mesh_params, flit_time, "10ns", "1ps", "1ms",
           "Time that a flit occupies a channel (t_f).",
           "Paragon: 200 MB/s raw, 2 bytes a flit [RNR-94-016]"),
    P_TIME(mesh_params, routing, "20ns", "0", "1ms",
           "From a header's arrival in an input FIFO until it competes for its output.",
           "Paragon: 40 ns a hop in all; ASSUMED(half of it is the routing decision)"),
    P_TIME(mesh_params, allocation, "0", "0", "1ms",
           "From the grant of an output until the header leaves; paid once a packet and channel.",
           "ASSUMED(part of the routing time; above 0 a channel idles so long per packet)"),
    P_TIME(mesh_params, crossbar, "10ns", "0", "1ms", "Through the switch, every flit.",
           "Paragon: 40 ns a hop in all; ASSUMED(one flit time)"),
    P_TIME(mesh_params, wire, "10ns", "0", "1ms", "Along a channel between routers, every flit.",
           "Paragon: 40 ns a hop in all; ASSUMED(one flit time)"),
    P_TIME(mesh_params, credit, "10ns", "1ps", "1ms",
           "From a slot of a FIFO falling free until the router before may use it (t_c).",
           "ASSUMED(one wire)"),
    P_TIME(mesh_params, injection_delay, "10ns", "1ps", "1ms",
           "From the terminal into the router's FIFO.", "ASSUMED(one wire)"),
    P_TIME(mesh_params, ejection_delay, "20ns", "1ps", "1ms",
           "From leaving the last switch until a flit is wholly in the terminal.",
           "ASSUMED(one wire and the flit's own time)"),
    P_BOOL(mesh_params, ejection_credits, "false",
           "Whether a terminal has fifo_flits slots and gives a credit back for each flit as it "
           "takes it, after ejection_delay; else it takes every flit.  Matters where fifo_flits is "
           "below ejection_delay + credit.",
           "ASSUMED(an interface takes flits as fast as a channel brings them)"),
    P_INT(mesh_params, fifo_flits, "8", "1", "1048576",
          "Slots of an input FIFO in flits (B), per virtual channel.",
          "ASSUMED(no source; small, and above the credit loop of 3 flit times)"),
    P_CHOICE(mesh_params, arbitration, "round_robin", arbitrations,
             "Which of the headers that compete for an output at one instant gets it: the next "
             "input port in turn (and of it the next virtual channel), or the packet created first "
             "(then in turn).",
             "ASSUMED(locally fair)"),
    P_CHOICE(
        mesh_params, route, "xy", routes,
        "xy and yx: dimension order, x or the highest dimension first; west_first, odd_even: turn "
        "models; adaptive: any minimal way, with virtual channel 0 as XY escape; adaptive_unsafe: "
        "without the escape, to see a deadlock.  All but the first two need kind \"flit\".",
        "Paragon: X then Y.  Glass & Ni 1992; Chiu 2000; Duato 1993"),
    P_CHOICE(mesh_params, routing_at, "arrival", routing_places,
             "When a header is routed: arrival: as it arrives, also behind others; front: once it "
             "is at the front of its FIFO, so that one that waited there takes `routing` more; "
             "router: there too, but a router that routes some takes no more until it is done, and "
             "then all that wait at once.",
             "ASSUMED(hidden behind the wait)"),
    P_BOOL(mesh_params, torus, "false",
           "Channels from the last to the first router of every row and column; needs two virtual "
           "channels (a dateline) and kind \"flit\" or \"ideal\".",
           "Dally & Seitz 1987; the Paragon is a mesh"),
    P_CHOICE(mesh_params, fifo, "shared", fifos,
             "shared: a FIFO takes the next packet behind the flits of the last; empty: a channel "
             "is granted again only when its FIFO has emptied and the last credit is back "
             "(ejection channels too, with ejection_credits).",
             "ASSUMED(no virtual channels: a plain FIFO)"),
    P_INT(mesh_params, virtual_channels, "1", "1", "8",
          "Virtual channels of every channel between routers; above 1 needs kind \"flit\".",
          "Paragon: none"),
    P_BOOL(mesh_params, express, "true",
           "Kind \"worm\": a packet that meets nobody crosses the network in one step, and frames "
           "may be reckoned together (machine.trains); false: hop by hop.  Results are the same.",
           "ASSUMED(a check; true is faster)"),
    P_VAL(mesh_params, faults,
          "Channels and routers that die or come back: a list of { path = \"channel (1,1)+x\" or "
          "\"router 5\", action = \"dead\" or \"alive\", at or mtbf, after }.  In a machine they "
          "may stand in machine.faults as well.",
          "none: everything works"),
    P_END,
};

void mesh_fault_each(const struct topo *t, const struct net_fault *f,
                     void (*fn)(void *arg, uint32_t channel), void *arg)
{
    if (f->port != NET_ALL_PORTS) {
        fn(arg, f->node * t->ports + f->port);
        return;
    }
    for (uint32_t port = 0; port < t->ports; port++) {
        uint32_t to = topo_neighbour(t, f->node, port);
        if (port == topo_eject_port(t) || to != UINT32_MAX)
            fn(arg, f->node * t->ports + port);
        if (to != UINT32_MAX)
            fn(arg, to * t->ports + topo_opposite(port));
    }
}

static bool check_kind(const struct mesh_params *p, const char *kind, struct err *e)
{
    bool flit = strcmp(kind, "flit") == 0, worm = strcmp(kind, "worm") == 0;
    if (worm && p->virtual_channels != 1)
        return err_set(e,
                       "mesh.virtual_channels: kind \"worm\" has one virtual channel; %" PRId64
                       " need kind \"flit\"",
                       p->virtual_channels);
    if (worm && p->torus)
        return err_set(e,
                       "mesh.torus: kind \"worm\" has no torus: take kind \"flit\" or \"ideal\"");
    if (!flit && p->route > MESH_YX)
        return err_set(e,
                       "mesh.route: kind \"%s\" routes xy or yx; route \"%s\" needs kind \"flit\"",
                       kind, routes[p->route]);
    if (flit && p->torus && p->virtual_channels < 2)
        return err_set(e, "mesh.virtual_channels: a torus needs at least 2 virtual channels, one "
                          "on each side of its "
                          "dateline");
    if (flit && p->route == MESH_ADAPTIVE && p->virtual_channels < 2)
        return err_set(e, "mesh.virtual_channels: route \"adaptive\" needs at least 2 virtual "
                          "channels: one is the escape");
    if (p->route == MESH_ADAPTIVE && p->fifo != MESH_FIFO_EMPTY)
        return err_set(
            e,
            "mesh.fifo: route \"adaptive\" needs fifo = \"empty\": a packet behind another in one "
            "FIFO would wait for an escape that is not its own");
    return true;
}

bool mesh_check(const struct mesh_params *p, const char *kind, struct err *e)
{
    char eject[32], flit[32];
    if (p->route > MESH_YX && (p->torus || p->planes > 1 || p->dimension > 0))
        return err_set(e, "mesh.route: route \"%s\" is for 2-D meshes", routes[p->route]);
    if (p->torus && p->dimension > 0)
        return err_set(e, "mesh.torus: a hypercube cannot be a torus");
    if (!check_kind(p, kind, e))
        return false;
    if (p->ejection_delay < p->flit_time)
        return err_set(
            e, "mesh.ejection_delay (%s) includes the flit's own time: at least flit_time (%s)",
            units_format_time(p->ejection_delay, eject, sizeof(eject)),
            units_format_time(p->flit_time, flit, sizeof(flit)));
    return true;
}

bool mesh_topology(const struct mesh_params *p, struct topo *t, struct err *e)
{
    int64_t size[TOPO_DIMS];
    bool reverse = p->route == MESH_YX;
    if (p->dimension > 0) {
        for (int64_t d = 0; d < p->dimension; d++)
            size[d] = 2;
        return topo_init(t, (uint32_t)p->dimension, size, reverse, false, "hypercube", e);
    }
    size[0] = p->columns;
    size[1] = p->rows;
    size[2] = p->planes;
    return topo_init(t, p->planes > 1 ? 3 : 2, size, reverse, p->torus, p->torus ? "torus" : "mesh",
                     e);
}

void mesh_grid(const void *params, struct net_grid *g)
{
    const struct mesh_params *p = params;
    struct topo t;
    struct err e = ERR_INIT;
    *g = (struct net_grid){ 0 };
    if (!mesh_topology(p, &t, &e))
        return;
    g->dims = t.dims;
    g->wraps = t.wraps;
    bool one_way = p->route == MESH_XY || p->route == MESH_YX;
    g->in_order = one_way && p->virtual_channels == 1;
    /* On a torus, too: a packet may take any channel at its source and at its destination. */
    g->overtakes = !one_way || p->virtual_channels > 1;
    memcpy(g->size, t.size, sizeof(t.size));
    memcpy(g->order, t.order, sizeof(t.order));
    topo_fini(&t);
}

void mesh_describe_grid(const struct topo *t, struct net_describe *d)
{
    _Static_assert(NET_DIMS >= TOPO_DIMS, "a description holds every topology");
    memcpy(d->shape, t->shape, sizeof(d->shape));
    d->dims = t->dims;
    d->wraps = t->wraps;
    d->uniform_load = topo_uniform_load(t);
    memcpy(d->size, t->size, sizeof(t->size));
}

void mesh_delays(const struct mesh_params *p, struct mesh_delays *d)
{
    *d = (struct mesh_delays){
        .flit = p->flit_time,
        .credit = p->credit,
        .allocation = p->allocation,
        .enter = p->injection_delay + p->routing,
        .hop = p->crossbar + p->wire + p->routing,
        .eject = p->ejection_delay,
        .eject_loop = p->ejection_credits ? p->ejection_delay + p->credit : 0,
        .front = p->routing_at == MESH_AT_ARRIVAL ? 0 : p->routing,
        .body_enter = p->injection_delay,
        .body_hop = p->crossbar + p->wire,
    };
}

bool mesh_no_bubbles(const struct mesh_params *p)
{
    struct mesh_delays d;
    mesh_delays(p, &d);
    sim_time body = sim_time_max(d.body_enter, d.body_hop);
    return sim_time_mul(d.flit, p->fifo_flits) >= sim_time_max(body + d.credit, d.eject_loop);
}

/* Every B flits the packet waits for a credit, on the slowest loop of its path.  Where that is the
 * first channel's, the wait is felt less by what headers take longer than bodies behind it, but for
 * as many routers as there are turns of the other loops in between. */
sim_time mesh_bubbles(const struct mesh_params *p, uint32_t distance, uint32_t flits)
{
    struct mesh_delays d;
    sim_time turns = (flits - 1) / (uint32_t)p->fifo_flits;
    if (turns == 0 || mesh_no_bubbles(p))
        return 0;
    mesh_delays(p, &d);
    sim_time least = d.flit * p->fifo_flits, lead = d.hop + d.allocation - d.body_hop;
    sim_time first = d.body_enter + d.credit - least, hop = d.body_hop + d.credit - least;
    sim_time between = turns - 1 < distance ? turns - 1 : distance;
    sim_time wait = turns * first - distance * lead;
    wait = sim_time_max(wait, between * hop + (turns - between) * first -
                                  ((sim_time)distance - between) * lead);
    if (distance > 0)
        wait = sim_time_max(wait, turns * hop);
    return sim_time_max(0, sim_time_max(wait, turns * (d.eject_loop - least)));
}

sim_time mesh_zero_load(const struct mesh_params *p, uint32_t distance, uint32_t flits)
{
    struct mesh_delays d;
    mesh_delays(p, &d);
    sim_time header = d.enter + d.allocation + distance * (d.hop + d.allocation);
    return header + (sim_time)(flits - 1) * d.flit + d.eject + mesh_bubbles(p, distance, flits);
}
