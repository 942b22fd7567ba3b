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
static const char *const routing_places[] = { "arrival", "front", NULL };
static const char *const fifos[] = { "shared", "empty", NULL };

#define MEMBER(m) offsetof(struct mesh_params, m)

const struct param mesh_params_desc[] = {
    { .name = "rows",
      .type = PARAM_INT,
      .offset = MEMBER(rows),
      .def = "4",
      .min = "1",
      .max = "65536",
      .doc = "Rows of routers (y).",
      .src = "ASSUMED(small example; machines set it)" },
    { .name = "columns",
      .type = PARAM_INT,
      .offset = MEMBER(columns),
      .def = "4",
      .min = "1",
      .max = "65536",
      .doc = "Columns of routers (x).",
      .src = "ASSUMED(small example; machines set it)" },
    { .name = "planes",
      .type = PARAM_INT,
      .offset = MEMBER(planes),
      .def = "1",
      .min = "1",
      .max = "65536",
      .doc = "Planes of routers (z); above 1 the network is a 3-D mesh.",
      .src = "a 2-D mesh, as the Paragon's" },
    { .name = "dimension",
      .type = PARAM_INT,
      .offset = MEMBER(dimension),
      .def = "0",
      .min = "0",
      .max = "15",
      .doc = "Dimension of a binary hypercube routed by e-cube; 0: a mesh of rows, columns and "
             "planes.",
      .src = "a mesh, as the Paragon's" },
    { .name = "flit_bytes",
      .type = PARAM_INT,
      .offset = MEMBER(flit_bytes),
      .def = "2",
      .min = "1",
      .max = "1024",
      .doc = "Bytes of a flit, the width of a channel.",
      .src = "Paragon: 16-bit channels" },
    { .name = "flit_time",
      .type = PARAM_TIME,
      .offset = MEMBER(flit_time),
      .def = "10ns",
      .min = "1ps",
      .max = "1ms",
      .doc = "Time that a flit occupies a channel (t_f).",
      .src = "Paragon: 200 MB/s raw, 2 bytes a flit [RNR-94-016]" },
    { .name = "routing",
      .type = PARAM_TIME,
      .offset = MEMBER(routing),
      .def = "20ns",
      .min = "0",
      .max = "1ms",
      .doc = "From a header's arrival in an input FIFO until it competes for its output.",
      .src = "Paragon: 40 ns a hop in all; ASSUMED(half of it is the routing decision)" },
    { .name = "allocation",
      .type = PARAM_TIME,
      .offset = MEMBER(allocation),
      .def = "0",
      .min = "0",
      .max = "1ms",
      .doc = "From the grant of an output until the header leaves; paid once a packet and channel.",
      .src = "ASSUMED(part of the routing time; above 0 a channel idles so long per packet)" },
    { .name = "crossbar",
      .type = PARAM_TIME,
      .offset = MEMBER(crossbar),
      .def = "10ns",
      .min = "0",
      .max = "1ms",
      .doc = "Through the switch, every flit.",
      .src = "Paragon: 40 ns a hop in all; ASSUMED(one flit time)" },
    { .name = "wire",
      .type = PARAM_TIME,
      .offset = MEMBER(wire),
      .def = "10ns",
      .min = "0",
      .max = "1ms",
      .doc = "Along a channel between routers, every flit.",
      .src = "Paragon: 40 ns a hop in all; ASSUMED(one flit time)" },
    { .name = "credit",
      .type = PARAM_TIME,
      .offset = MEMBER(credit),
      .def = "10ns",
      .min = "1ps",
      .max = "1ms",
      .doc = "From a slot of a FIFO falling free until the router before may use it (t_c).",
      .src = "ASSUMED(one wire)" },
    { .name = "injection_delay",
      .type = PARAM_TIME,
      .offset = MEMBER(injection_delay),
      .def = "10ns",
      .min = "1ps",
      .max = "1ms",
      .doc = "From the terminal into the router's FIFO.",
      .src = "ASSUMED(one wire)" },
    { .name = "ejection_delay",
      .type = PARAM_TIME,
      .offset = MEMBER(ejection_delay),
      .def = "20ns",
      .min = "1ps",
      .max = "1ms",
      .doc = "From leaving the last switch until a flit is wholly in the terminal.",
      .src = "ASSUMED(one wire and the flit's own time)" },
    { .name = "ejection_credits",
      .type = PARAM_BOOL,
      .offset = MEMBER(ejection_credits),
      .def = "false",
      .doc = "Whether a terminal has fifo_flits slots and gives a credit back for each flit as it "
             "takes it, after ejection_delay; else it takes every flit.  Matters where fifo_flits "
             "is below ejection_delay + credit.",
      .src = "ASSUMED(an interface takes flits as fast as a channel brings them)" },
    { .name = "fifo_flits",
      .type = PARAM_INT,
      .offset = MEMBER(fifo_flits),
      .def = "8",
      .min = "1",
      .max = "1048576",
      .doc = "Slots of an input FIFO in flits (B), per virtual channel.",
      .src = "ASSUMED(no source; small, and above the credit loop of 3 flit times)" },
    { .name = "arbitration",
      .type = PARAM_CHOICE,
      .offset = MEMBER(arbitration),
      .def = "round_robin",
      .choices = arbitrations,
      .doc = "Which of the headers that compete for an output at one instant gets it: the next "
             "input port in turn, or the packet created first (then the lower port).",
      .src = "ASSUMED(locally fair)" },
    { .name = "route",
      .type = PARAM_CHOICE,
      .offset = MEMBER(route),
      .def = "xy",
      .choices = routes,
      .doc = "xy and yx: dimension order, x or the highest dimension first; west_first, odd_even: "
             "turn models; adaptive: any minimal way, with virtual channel 0 as XY escape; "
             "adaptive_unsafe: without the escape, to see a deadlock.  All but the first two need "
             "kind \"flit\".",
      .src = "Paragon: X then Y.  Glass & Ni 1992; Chiu 2000; Duato 1993" },
    { .name = "routing_at",
      .type = PARAM_CHOICE,
      .offset = MEMBER(routing_at),
      .def = "arrival",
      .choices = routing_places,
      .doc =
          "When a header is routed: as it arrives, also behind others; or once it is at the front "
          "of its FIFO, so that one that waited there takes `routing` more.",
      .src = "ASSUMED(hidden behind the wait)" },
    { .name = "torus",
      .type = PARAM_BOOL,
      .offset = MEMBER(torus),
      .def = "false",
      .doc =
          "Channels from the last to the first router of every row and column; needs two virtual "
          "channels (a dateline) and kind \"flit\" or \"ideal\".",
      .src = "Dally & Seitz 1987; the Paragon is a mesh" },
    { .name = "fifo",
      .type = PARAM_CHOICE,
      .offset = MEMBER(fifo),
      .def = "shared",
      .choices = fifos,
      .doc = "shared: a FIFO takes the next packet behind the flits of the last; empty: a channel "
             "is granted again only when its FIFO has emptied.",
      .src = "ASSUMED(no virtual channels: a plain FIFO)" },
    { .name = "virtual_channels",
      .type = PARAM_INT,
      .offset = MEMBER(virtual_channels),
      .def = "1",
      .min = "1",
      .max = "8",
      .doc = "Virtual channels of every channel between routers; above 1 needs kind \"flit\".",
      .src = "Paragon: none" },
    { .name = "faults",
      .type = PARAM_VAL,
      .offset = MEMBER(faults),
      .doc = "Channels and routers that die or come back: a list of { at = \"10us\", node = 5, "
             "channel = \"+x\" (-x, +y, -y, +z, -z, eject, all), state = \"dead\" or \"alive\" }.",
      .src = "none: everything works" },
    { .name = NULL },
};

/* ---- faults ---- */

static const char *const channel_names[] = { "+x", "-x",    "+y",  "-y", "+z",
                                             "-z", "eject", "all", NULL };
static const char *const fault_states[] = { "dead", "alive", NULL };

struct fault_params {
    sim_time at;
    int64_t node;
    int channel, state;
};
#define FAULT(m) offsetof(struct fault_params, m)
static const struct param fault_params[] = {
    { .name = "at",
      .type = PARAM_TIME,
      .offset = FAULT(at),
      .def = "0",
      .min = "0",
      .doc = "When.",
      .src = "the user's" },
    { .name = "node",
      .type = PARAM_INT,
      .offset = FAULT(node),
      .min = "0",
      .doc = "The router.",
      .src = "the user's" },
    { .name = "channel",
      .type = PARAM_CHOICE,
      .offset = FAULT(channel),
      .def = "all",
      .choices = channel_names,
      .doc = "Its output channel, or all from and to it.",
      .src = "the user's" },
    { .name = "state",
      .type = PARAM_CHOICE,
      .offset = FAULT(state),
      .def = "dead",
      .choices = fault_states,
      .doc = "dead or alive.",
      .src = "the user's" },
    { .name = NULL },
};

bool mesh_schedule_faults(const struct mesh_params *p, const struct topo *t, struct net *n,
                          struct err *e)
{
    enum { EJECT = 6, ALL = 7 };
    char where[512], path[48];
    if (p->faults && p->faults->type != VAL_LIST)
        return err_set(e, "%sfaults must be a list of { at, node, channel, state }",
                       val_where(p->faults, where, sizeof(where)));
    for (size_t i = 0; p->faults && i < p->faults->count; i++) {
        struct fault_params f;
        const struct val *v = p->faults->items[i];
        snprintf(path, sizeof(path), "mesh.faults[%zu]", i + 1);
        if (!param_load(fault_params, &f, v, path, e))
            return false;
        uint32_t port = f.channel == EJECT ? topo_eject_port(t) : (uint32_t)f.channel;
        if (f.channel == ALL)
            port = NET_ALL_PORTS;
        if (f.node >= t->nodes)
            return err_set(e, "%s%s.node: the %s has routers 0 to %u",
                           val_where(v, where, sizeof(where)), path, t->shape, t->nodes - 1);
        if (f.channel < EJECT &&
            (port / 2 >= t->dims || topo_neighbour(t, (uint32_t)f.node, port) == UINT32_MAX))
            return err_set(e, "%s%s: router %" PRId64 " of the %s has no channel %s",
                           val_where(v, where, sizeof(where)), path, f.node, t->shape,
                           channel_names[f.channel]);
        n->ops->fault(
            n, &(struct net_fault){
                   .at = f.at, .node = (uint32_t)f.node, .port = port, .dead = f.state == 0 });
    }
    return true;
}

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

void mesh_describe_grid(const struct topo *t, struct net_describe *d)
{
    _Static_assert(NET_DIMS >= TOPO_DIMS, "a description holds every topology");
    memcpy(d->shape, t->shape, sizeof(d->shape));
    d->dims = t->dims;
    d->wraps = t->wraps;
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
        .front = p->routing_at == MESH_AT_FRONT ? p->routing : 0,
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
