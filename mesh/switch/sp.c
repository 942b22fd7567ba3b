/* sp.c: the switch of the SP-1 and SP-2: chips of 8 ports with central queues, source routes.
 *
 * A flit is a byte.  Chips and wires are those of sp_graph.c; what chips do is in sp_flow.c.
 * Not modelled: the duplicate chips that check, the service processor's routes: adapters go on
 * sending over a way of which a part is down.
 *
 * Source of numbers: docs/models/sp.md.
 *
 * Times of one packet of f flits over h chips, alone, in cycles:
 *   t              its first byte (a route byte) enters the channel of its source
 *   t + 5 i        a byte of it enters channel i: each chip takes the first off
 *   t + 5 h + f    delivered
 *
 * Cost: three events a chip, one to three more if it is blocked there; none a byte.
 */
#include "mesh/switch/sp_internal.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const routes[] = { "round_robin", "random", "fixed", NULL };

const struct param sp_params_desc[] = {
    P_INT(sp_params, stations, "16", "2", "512",
          "Stations, 16 a frame, each with a link to and from its chip; in a machine its nodes.",
          "IBM SP-2: up to 512"),
    P_TIME(sp_params, cycle, "25ns", "1ps", "1ms", "Time of one byte on a link.",
           "Vulcan chip: 40 MHz, 40 MB/s each way"),
    P_INT(sp_params, hop, "5", "2", "16",
          "Cycles from a route byte's arrival at a chip until the next byte leaves it.",
          "Vulcan chip: about 5, 125 ns"),
    P_INT(sp_params, fifo, "31", "24", "64", "Bytes of the FIFO of each input.", "Vulcan chip: 31"),
    P_INT(sp_params, chunks, "128", "0", "65536",
          "Chunks of each chip's central queue; 0: it has none.", "Vulcan chip: 128, 1 KiB"),
    P_INT(sp_params, chunk_flits, "8", "1", "64", "Bytes of a chunk.", "Vulcan chip: 8"),
    P_CHOICE(sp_params, routes, "round_robin", routes,
             "Of the ways between two stations a packet takes: each in turn; one drawn; always the "
             "same, so that packets of a pair stay in order.",
             "ASSUMED(adapters have four ways to each destination)"),
    NET_FAULTS_PARAM(sp_params),
    P_END,
};

static struct sp *of(const struct net *net)
{
    ASSERT(net->ops == &net_sp);
    return (struct sp *)(uintptr_t)net;
}

/* ---- the network's slots ---- */

static void schedule(struct sp *n, sim_time next)
{
    if (next == SIM_NEVER || (sim_event_pending(&n->tick) && n->tick.time <= next))
        return;
    sim_cancel(n->lan.net.sim, &n->tick);
    sim_at(n->lan.net.sim, &n->tick, next);
}

static void tick(struct sim *s, struct sim_event *e)
{
    struct sp *n = CONTAINER_OF(e, struct sp, tick);
    n->now = sim_now(s);
    sp_instant(n);
    schedule(n, wheel_next(&n->wheel));
}

static void sp_taken(struct net *net, uint32_t terminal)
{
    struct sp *n = of(net);
    lan_taken(net, terminal);
    sp_mark(n, n->channels[n->stations + terminal].from);
    schedule(n, sim_now(net->sim));
}

static void sp_inject(struct net *net, struct net_packet *p)
{
    struct sp *n = of(net);
    ASSERT_MSG(p->dst < n->stations, "no such station");
    lan_queue(&n->lan, p, SP_LONGEST - sp_most_hops(n));
    if (n->channels[p->src].holder)
        return;
    n->now = sim_now(net->sim);
    sp_send(n, p->src);
    schedule(n, wheel_next(&n->wheel));
}

static void sp_describe(const struct net *net, struct net_describe *d)
{
    const struct sp *n = of(net);
    *d = (struct net_describe){ .model = "sp",
                                .terminals = n->stations,
                                .flit_bytes = 1,
                                .flit_time = n->params.cycle,
                                .longest = SP_LONGEST - sp_most_hops(n),
                                .uniform_load = 1 };
    snprintf(d->shape, sizeof(d->shape), "SP switch with %u stations", n->stations);
}

static void sp_grid(const void *params, struct net_grid *g)
{
    const struct sp_params *p = params;
    *g = (struct net_grid){ .overtakes = p->routes != SP_FIXED && p->stations > SP_SIDE };
}

static sim_time sp_zero_load(const struct net *net, uint32_t src, uint32_t dst, uint32_t flits)
{
    const struct sp *n = of(net);
    struct sp_channel *channels[SP_HOPS + 1];
    uint32_t hops = sp_way_find(n, src, dst, 0, channels); /* all ways are as long */
    return sp_cycles(n, hops * n->params.hop + flits);
}

static uint32_t sp_distance(const struct net *net, uint32_t src, uint32_t dst)
{
    struct sp_channel *channels[SP_HOPS + 1];
    return sp_way_find(of(net), src, dst, 0, channels) - 1;
}

/* ---- for those who look inside ---- */

uint32_t sp_ways(const struct net *net, uint32_t src, uint32_t dst)
{
    return sp_way_count(of(net), src, dst);
}

uint32_t sp_way(const struct net *net, uint32_t src, uint32_t dst, uint32_t which,
                uint32_t chips[SP_HOPS], uint32_t ports[SP_HOPS])
{
    struct sp_channel *channels[SP_HOPS + 1];
    uint32_t hops = sp_way_find(of(net), src, dst, which, channels);
    for (uint32_t i = 0; i < hops; i++) {
        chips[i] = channels[i]->to;
        ports[i] = channels[i + 1]->out;
    }
    return hops;
}

uint32_t sp_leads_to(const struct net *net, uint32_t chip, uint32_t *port)
{
    const struct sp_channel *c = of(net)->chips[chip].out[*port];
    if (c->to != SP_NO_CHIP)
        *port = c->in;
    return c->to;
}

static const char *const sp_fails[] = { "station", "chip", NULL };

/* A station's channels, each channel, each chip. */
static void sp_fault_targets(struct net *net, struct sim_faults *f)
{
    struct sp *n = of(net);
    for (uint32_t i = 0; i < n->stations; i++)
        net_link_target_number(f, "station", i, NET_LINK_ALL, &n->channels[i].link,
                               &n->channels[n->stations + i].link);
    for (uint32_t c = 0; c < n->channel_count; c++) {
        char path[64];
        sp_channel_name(&n->channels[c], path, sizeof path);
        net_link_target(f, path, NET_LINK_ALL, &n->channels[c].link, NULL);
    }
    for (uint32_t c = 0; c < n->chip_count; c++)
        net_link_target_number(f, "chip", c, NET_LINK_DOWN, &n->chips[c].self, NULL);
}

/* ---- making ---- */

static const struct counter counters[] = {
    LAN_COUNTERS(sp),
    C_SUM(sp, counts, direct, "1", "Times that a packet crossed a chip without its central queue."),
    C_SUM(sp, counts, stored, "1", "Times that a packet went through a chip's central queue."),
    C_MOST(sp, counts, chunks_most, "1", "Most chunks of one central queue that were taken."),
    C_END,
};

static void sp_destroy(struct net *net)
{
    struct sp *n = of(net);
    sim_cancel(net->sim, &n->tick);
    sim_count_end(&net->counted);
    while (n->made_packets) {
        struct sp_packet *x = n->made_packets;
        n->made_packets = x->made;
        free(x);
    }
    for (uint32_t c = 0; c < n->channel_count; c++)
        sim_busy_fini(&n->channels[c].busy);
    for (uint32_t c = 0; c < n->chip_count; c++)
        for (uint32_t i = 0; i < SP_PORTS; i++)
            free(n->chips[c].sink[i]);
    wheel_fini(&n->wheel);
    lan_fini(&n->lan);
    free(n->channels);
    free(n->chips);
    free(n->dirty);
    free(n->turn);
    free(n->rng);
    free(n);
}

static struct net *sp_create(struct sim *s, const void *params, struct err *e)
{
    const struct sp_params *p = params;
    int64_t least = (SP_LONGEST + p->chunk_flits - 1) / p->chunk_flits;
    if (p->chunks > 0 && p->chunks < least) {
        err_set(e,
                "mesh.chunks: the central queue takes whole packets, so it needs %d chunks of %d "
                "bytes or none",
                (int)least, (int)p->chunk_flits);
        return NULL;
    }
    struct sp *n = base_zalloc(1, sizeof(*n));
    n->params = *p;
    n->stations = (uint32_t)p->stations;
    lan_init(&n->lan, s, &net_sp, &n->params, n->stations, "sp");
    sp_graph_init(n);
    n->dirty = base_zalloc(n->chip_count, sizeof(*n->dirty));
    n->turn = base_zalloc((size_t)n->stations * n->stations, sizeof(*n->turn));
    n->rng = base_zalloc(n->stations, sizeof(*n->rng));
    for (uint32_t i = 0; i < n->stations; i++)
        sim_rng_init_indexed(&n->rng[i], s, "sp/routes", i);
    wheel_init(&n->wheel, p->cycle);
    sim_event_init(&n->tick, SIM_CLASS_ARBITER, tick);
    sim_count(&n->lan.net.counted, s, "network", -1, counters, n);
    if (!net_schedule_faults(&n->lan.net, n->params.faults, e)) {
        sp_destroy(&n->lan.net);
        return NULL;
    }
    return &n->lan.net;
}

const struct net_ops net_sp = {
    .kind = { .name = "sp",
              .doc = "IBM SP switch: chips of 8 ports with central queues, 40 MB/s links",
              .params = sp_params_desc,
              .params_size = sizeof(struct sp_params),
              .counters = counters },
    .create = sp_create,
    .destroy = sp_destroy,
    .set_terminal = lan_set_terminal,
    .taken = sp_taken,
    .inject = sp_inject,
    .describe = sp_describe,
    .grid = sp_grid,
    .zero_load = sp_zero_load,
    .fault_targets = sp_fault_targets,
    .fails = sp_fails,
    .distance = sp_distance,
};
