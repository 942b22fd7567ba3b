/* switched.c: stations at the ports of a switch that stores frames and forwards them.
 *
 * A flit is a byte of the frame, addresses and check sequence included; shorter packets are padded.
 * Full duplex: each direction of a link is a sender of its own.  Half duplex: a link is an Ethernet
 * cable with two stations on it (mesh/lan/ethernet.c), of which one is the switch's port.  The
 * switch learns which station is at which port from the frames that it has received whole.
 * Not modelled: cut-through, spanning trees, several switches, flow control (PAUSE), a limit of the
 * switch's own rate.
 * A switch that goes down loses what it has and forgets the ports of stations (mesh/link.h).
 *
 * Source of all rules and lengths: IEEE 802.3, in bit times; IEEE 802.1D, learning and ageing.
 *
 *   SWITCHED1  Frames that are received at one moment are forwarded in order of their ports, after
 *              all that was sent by then has left.  So nothing depends on the order of events.
 *   SWITCHED2  An output holds at most queue_frames frames; who finds it full is dropped.
 *
 * A frame's way: the station's queue (lan.h), its link, `arriving` until it is received and for the
 * time of forwarding, then an output's queue and that link.  Frames on their way are copies: for a
 * station that the frame is not for (flooded), without the packet.
 */
#include "mesh/lan/switched.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mesh/lan/ethernet.h"
#include "mesh/lan/lan.h"
#include "sim/server.h"

/* [IEEE 802.3] in bits and bytes. */
enum { PREAMBLE_BITS = 64, GAP_BITS = 96, FRAME_LEAST = 64, FRAME_MOST = 1518 };
#define LIGHT 299792458.0 /* m/s */

static const char *const duplexes[] = { "full", "half", NULL };
static const char *const tables[] = { "learned", "known", NULL };

const struct param switched_params_desc[] = {
    P_INT(switched_params, stations, "16", "1", "65536",
          "Stations, each at a port of its own; in a machine its nodes.", "ASSUMED(small example)"),
    P_TIME(switched_params, bit_time, "100ns", "1ps", "1ms", "Time of one bit on a link.",
           "IEEE 802.3: 10 Mb/s; 10ns for 100 Mb/s"),
    P_VAL(switched_params, bit_times,
          "Time of one bit on the link of each station: a list of times, one for each; without, "
          "bit_time.",
          "the user's"),
    P_CHOICE(switched_params, duplex, "full", duplexes,
             "full: both ends of a link send at once; half: they share it as a cable, CSMA/CD.",
             "IEEE 802.3: half from the start, full since 802.3x"),
    P_REAL(switched_params, length, "100", "0", "5000", "Length of each link in metres.",
           "IEEE 802.3, 10BASE-T: at most"),
    P_REAL(switched_params, velocity, "0.6", "0.01", "1",
           "Speed of signals on a link, over that of light.",
           "IEEE 802.3, 10BASE-T: 0.585 at least"),
    P_TIME(switched_params, forwarding, "0", "0", "1s",
           "From a frame's last bit in the switch until it is in the queue of its output.",
           "ASSUMED(the frame's own time is far more)"),
    P_INT(switched_params, queue_frames, "64", "0", "1000000",
          "Frames that an output holds, the one that it sends included; 0: any number.",
          "ASSUMED(no source)"),
    P_CHOICE(switched_params, table, "learned", tables,
             "learned: frames to a station that has sent none, or not for `ageing`, go to all "
             "ports; known: the switch knows each station's port.",
             "IEEE 802.1D"),
    P_TIME(switched_params, ageing, "300s", "1us", "100000s",
           "How long the switch knows a port after its station has sent a frame.",
           "IEEE 802.1D: 300 s"),
    NET_FAULTS_PARAM(switched_params),
    P_END,
};

struct switched;

/* A frame on its way. */
struct copy {
    struct list link;          /* where it waits; switched.free */
    struct list all;           /* switched.copies */
    struct net_packet *packet; /* NULL: the station at `to` does not want it */
    uint32_t flits;
    uint32_t port;           /* of the source, and then of the station that it goes to */
    sim_time due;            /* arriving: when it is forwarded */
    struct net_packet frame; /* half duplex: what the cable carries */
};

/* One direction of a link. */
struct sender {
    struct sim_event event; /* full duplex: the end of a frame, or of the gap behind it */
    struct copy *sending;
    sim_time free_at;
    struct sim_busy busy; /* outputs alone */
};

struct port {
    struct switched *net;
    sim_time bit_time, seen; /* seen: a frame of the station; -1: none */
    struct sender in, out;   /* to the switch, from it */
    struct list queue;       /* struct copy */
    uint32_t held;           /* in the queue, and sent */
    struct net *cable;       /* half duplex: station 0 is the station, 1 the switch */
};

struct counts {
    uint64_t frames_flooded, frames_unwanted, copies_lost, queue_longest, collisions;
};

struct switched {
    struct lan lan; /* first */
    struct switched_params params;
    struct port *ports;
    uint32_t count;
    sim_time delay;       /* of a link */
    struct list arriving; /* struct copy, by when they are due, and port */
    struct sim_event forward;
    struct list copies, free;
    struct net_link self; /* the switch */
    struct counts counts;
};

static struct switched *of(const struct net *net)
{
    ASSERT(net->ops == &net_switched);
    return (struct switched *)(uintptr_t)net;
}

static sim_time frame_time(const struct port *p, uint32_t flits)
{
    int64_t bytes = flits < FRAME_LEAST ? FRAME_LEAST : flits;
    return p->bit_time * (PREAMBLE_BITS + 8 * bytes);
}

/* ---- copies ---- */

static struct copy *copy_new(struct switched *n, uint32_t flits, uint32_t port)
{
    struct list *l = list_pop(&n->free);
    struct copy *c;
    if (l) {
        c = LIST_ENTRY(l, struct copy, link);
    } else {
        c = base_alloc(sizeof(*c));
        list_push(&n->copies, &c->all);
    }
    c->packet = NULL;
    c->flits = flits;
    c->port = port;
    list_init(&c->link);
    return c;
}

/* It carries the packet from now on. */
static void hold(struct switched *n, struct copy *c, struct net_packet *p)
{
    c->packet = p;
    n->lan.packets_held++;
    n->lan.flits_held += p->flits;
}

/* Done with; the packet, if any, is the caller's. */
static struct net_packet *copy_end(struct switched *n, struct copy *c)
{
    struct net_packet *p = c->packet;
    if (p) {
        n->lan.packets_held--;
        n->lan.flits_held -= p->flits;
    }
    list_push(&n->free, &c->link);
    return p;
}

/* ---- links ---- */

/* What became of a frame whose last bit has crossed the port's link now, to the switch or back. */
static enum net_status fate(struct port *p, uint32_t flits, bool back)
{
    struct switched *n = p->net;
    struct lan_station *st = &n->lan.stations[p - n->ports];
    struct net_link *link = back ? &st->back : &st->link;
    sim_time begin = sim_now(n->lan.net.sim) - frame_time(p, flits);
    enum net_status status =
        net_link_fate(link, begin, UINT64_C(8) * (flits < FRAME_LEAST ? FRAME_LEAST : flits));
    return status == NET_OK ? net_link_fate(&n->self, begin, 0) : status;
}

/* Of an idle sender: whether a frame may begin now; else `event` comes when it may. */
static bool may_begin(struct switched *n, struct sender *v)
{
    struct sim *s = n->lan.net.sim;
    if (v->sending || sim_event_pending(&v->event))
        return false;
    if (sim_now(s) >= v->free_at)
        return true;
    sim_at(s, &v->event, v->free_at);
    return false;
}

static void begin(struct port *p, struct sender *v, struct copy *c)
{
    struct switched *n = p->net;
    struct sim *s = n->lan.net.sim;
    sim_time length = frame_time(p, c->flits);
    v->sending = c;
    if (p->cable) {
        uint32_t from = v == &p->in ? 0 : 1;
        c->frame =
            (struct net_packet){ .src = from, .dst = 1 - from, .flits = c->flits, .owner = c };
        net_inject(p->cable, &c->frame);
        return;
    }
    v->free_at = sim_now(s) + length + GAP_BITS * p->bit_time;
    sim_after(s, &v->event, length);
}

static void begin_in(struct port *p)
{
    struct switched *n = p->net;
    uint32_t number = (uint32_t)(p - n->ports);
    const struct net_packet *first = n->lan.stations[number].first;
    if (first && may_begin(n, &p->in))
        begin(p, &p->in, copy_new(n, first->flits, number));
}

static void begin_out(struct port *p)
{
    if (!list_empty(&p->queue) && may_begin(p->net, &p->out))
        begin(p, &p->out, LIST_ENTRY(list_pop(&p->queue), struct copy, link));
}

/* ---- the switch ---- */

static void enqueue(struct switched *n, struct copy *c, uint32_t to)
{
    struct port *p = &n->ports[to];
    int64_t most = n->params.queue_frames;
    c->port = to;
    if (most > 0 && p->held >= most) { /* SWITCHED2 */
        struct net_packet *packet = copy_end(n, c);
        n->counts.copies_lost += packet == NULL;
        if (packet)
            lan_drop(&n->lan, packet, to, NET_DROPPED_QUEUE);
        return;
    }
    if (++p->held > n->counts.queue_longest)
        n->counts.queue_longest = p->held;
    list_push(&p->queue, &c->link);
    begin_out(p);
}

/* To all ports but its own: for all, or for a station whose port is not known. */
static void flood(struct switched *n, struct copy *c)
{
    uint32_t from = c->port;
    struct net_packet *p = copy_end(n, c);
    uint32_t dst = p->dst;
    if (dst == NET_ALL && n->count == 1) {
        lan_drop(&n->lan, p, NET_ALL, NET_DROPPED_NOBODY);
        return;
    }
    if (dst == NET_ALL)
        lan_copy(&n->lan, p, n->count - 1);
    else
        n->counts.frames_flooded++;
    struct list ready;
    list_init(&ready);
    for (uint32_t j = 0; j < n->count; j++) { /* all of it before the first receiver is told */
        if (j == from)
            continue;
        struct copy *one = copy_new(n, p->flits, j);
        if (dst == NET_ALL || dst == j)
            hold(n, one, p);
        list_push(&ready, &one->link);
    }
    for (struct list *l; (l = list_pop(&ready));) {
        struct copy *one = LIST_ENTRY(l, struct copy, link);
        enqueue(n, one, one->port);
    }
}

static bool knows(const struct switched *n, uint32_t station)
{
    sim_time seen = n->ports[station].seen;
    return n->params.table == SWITCHED_KNOWN ||
           (seen >= 0 && sim_now(n->lan.net.sim) - seen < n->params.ageing);
}

/* Those that are due now, in order of their ports (SWITCHED1). */
static void forward(struct sim *s, struct sim_event *e)
{
    struct switched *n = CONTAINER_OF(e, struct switched, forward);
    struct copy *c;
    while (!list_empty(&n->arriving) &&
           (c = LIST_ENTRY(n->arriving.next, struct copy, link))->due == sim_now(s)) {
        uint32_t dst = c->packet->dst;
        list_remove(&c->link);
        if (net_link_fate(&n->self, c->due - n->params.forwarding, 0) != NET_OK) {
            lan_drop(&n->lan, copy_end(n, c), dst, NET_DROPPED_FAULT);
            continue;
        }
        n->ports[c->port].seen = sim_now(s);
        if (dst != NET_ALL && knows(n, dst))
            enqueue(n, c, dst);
        else
            flood(n, c);
    }
    if (!list_empty(&n->arriving))
        sim_at(s, e, LIST_ENTRY(n->arriving.next, struct copy, link)->due);
}

/* Its last bit is in the switch at `when`. */
static void receive(struct switched *n, struct copy *c, sim_time when)
{
    struct sim *s = n->lan.net.sim;
    struct list *at = n->arriving.prev;
    c->due = when + n->params.forwarding;
    for (; at != &n->arriving; at = at->prev) {
        const struct copy *before = LIST_ENTRY(at, const struct copy, link);
        if (before->due < c->due || (before->due == c->due && before->port < c->port))
            break;
    }
    list_push_front(at, &c->link);
    if (sim_event_pending(&n->forward) && n->forward.time <= c->due)
        return;
    sim_cancel(s, &n->forward);
    sim_at(s, &n->forward, c->due);
}

/* The switch is down: what waits in it is lost, and so is what it knew. */
static void switch_changed(void *arg)
{
    struct switched *n = arg;
    for (uint32_t j = 0; n->self.down && j < n->count; j++) {
        n->ports[j].seen = -1;
        for (struct list *l; (l = list_pop(&n->ports[j].queue));) {
            struct net_packet *packet = copy_end(n, LIST_ENTRY(l, struct copy, link));
            n->ports[j].held--;
            n->counts.copies_lost += packet == NULL;
            if (packet)
                lan_drop(&n->lan, packet, j, NET_DROPPED_FAULT);
        }
    }
}

/* ---- ends of frames ---- */

/* A station has sent its first packet. */
static struct net_packet *leave_station(struct port *p)
{
    struct switched *n = p->net;
    struct copy *c = p->in.sending;
    struct net_packet *packet = lan_pop(&n->lan, (uint32_t)(p - n->ports));
    p->in.sending = NULL;
    hold(n, c, packet);
    begin_in(p);
    return packet;
}

static struct copy *leave_output(struct port *p)
{
    struct copy *c = p->out.sending;
    p->out.sending = NULL;
    p->held--;
    begin_out(p);
    return c;
}

/* The copy is at its station at `when`: how long it was in queues on the way. */
static struct net_packet *arrive(struct switched *n, struct copy *c, sim_time when)
{
    struct net_packet *packet = copy_end(n, c);
    n->counts.frames_unwanted += packet == NULL;
    if (packet)
        packet->blocked = when - packet->injected -
                          net_switched.zero_load(&n->lan.net, packet->src, c->port, packet->flits);
    return packet;
}

static void turn_in(struct sim *s, struct sim_event *e)
{
    struct port *p = CONTAINER_OF(e, struct port, in.event);
    struct switched *n = p->net;
    struct copy *c = p->in.sending;
    if (!c) {
        begin_in(p);
        return;
    }
    enum net_status status = fate(p, c->flits, false);
    struct net_packet *packet = leave_station(p);
    if (status == NET_OK)
        receive(n, c, sim_now(s) + n->delay);
    else
        copy_end(n, c);
    lan_tell_sent(&n->lan, packet);
    if (status != NET_OK)
        lan_drop(&n->lan, packet, packet->dst, status);
}

static void turn_out(struct sim *s, struct sim_event *e)
{
    struct port *p = CONTAINER_OF(e, struct port, out.event);
    struct switched *n = p->net;
    sim_time now = sim_now(s);
    if (!p->out.sending) {
        begin_out(p);
        return;
    }
    struct copy *c = leave_output(p);
    sim_busy_add(&p->out.busy, s, now - frame_time(p, c->flits) + PREAMBLE_BITS * p->bit_time, now);
    enum net_status status = c->packet ? fate(p, c->flits, true) : NET_OK;
    struct net_packet *packet = arrive(n, c, now + n->delay);
    if (packet)
        lan_fly_with(&n->lan, packet, c->port, now + n->delay, status, false);
}

/* The same of a cable: its station 0 is the station, 1 the switch. */
static void cable_station_sent(void *arg, struct net_packet *frame)
{
    struct port *p = arg;
    (void)frame;
    lan_tell_sent(&p->net->lan, leave_station(p));
}

static void cable_switch_receive(void *arg, struct net_packet *frame, enum net_status status)
{
    struct port *p = arg;
    struct switched *n = p->net;
    struct copy *c = frame->owner;
    if (status == NET_OK)
        status = fate(p, c->flits, false);
    if (status == NET_OK) {
        receive(n, c, sim_now(n->lan.net.sim));
        return;
    }
    struct net_packet *packet = copy_end(n, c);
    lan_drop(&n->lan, packet, packet->dst, status);
}

static void cable_switch_sent(void *arg, struct net_packet *frame)
{
    (void)frame;
    leave_output(arg);
}

static void cable_station_receive(void *arg, struct net_packet *frame, enum net_status status)
{
    struct port *p = arg;
    struct switched *n = p->net;
    struct copy *c = frame->owner;
    uint32_t to = c->port;
    if (status == NET_OK && c->packet)
        status = fate(p, c->flits, true);
    struct net_packet *packet = arrive(n, c, sim_now(n->lan.net.sim));
    n->counts.copies_lost += status != NET_OK && packet == NULL;
    if (packet && status == NET_OK)
        lan_deliver(&n->lan, packet, to);
    else if (packet)
        lan_drop(&n->lan, packet, to, status);
}

static void cable_attempt(void *arg, uint32_t station, uint32_t collisions, bool sent)
{
    struct switched *n = arg;
    (void)station, (void)collisions;
    n->counts.collisions += !sent;
}

/* ---- the network's slots ---- */

static void switched_inject(struct net *net, struct net_packet *p)
{
    struct switched *n = of(net);
    lan_queue(&n->lan, p, FRAME_MOST);
    begin_in(&n->ports[p->src]);
}

static void switched_describe(const struct net *net, struct net_describe *d)
{
    const struct switched *n = of(net);
    *d = (struct net_describe){ .model = "switched",
                                .terminals = n->count,
                                .flit_bytes = 1,
                                .flit_time = 8 * n->params.bit_time,
                                .longest = FRAME_MOST,
                                .broadcast = true,
                                .ethernet = true,
                                .uniform_load = 1 };
    snprintf(d->shape, sizeof(d->shape), "switch with %u stations", n->count);
}

static void switched_grid(const void *params, struct net_grid *g)
{
    (void)params;
    *g = (struct net_grid){ .drops = true };
}

static sim_time switched_zero_load(const struct net *net, uint32_t src, uint32_t dst,
                                   uint32_t flits)
{
    const struct switched *n = of(net);
    return frame_time(&n->ports[src], flits) + n->params.forwarding +
           frame_time(&n->ports[dst], flits) + 2 * n->delay;
}

static const char *const switched_fails[] = { "station", "port", "switch", NULL };

/* A station's link both ways, and the port's way to it. */
static void switched_fault_targets(struct net *net, struct sim_faults *f)
{
    struct switched *n = of(net);
    for (uint32_t i = 0; i < n->count; i++) {
        struct lan_station *st = &n->lan.stations[i];
        net_link_target_number(f, "station", i, NET_LINK_ALL, &st->link, &st->back);
        net_link_target_number(f, "port", i, NET_LINK_ALL, &st->back, NULL);
    }
    net_link_target(f, "switch", NET_LINK_DOWN, &n->self, NULL);
}

/* ---- making ---- */

static const struct counter counters[] = {
    LAN_COUNTERS(switched),
    NET_DROPS(switched, lan.net, "packets_dropped_queue", NET_DROPPED_QUEUE,
              "Packets whose output's queue was full."),
    NET_DROPS(switched, lan.net, "packets_dropped_collisions", NET_DROPPED_COLLISIONS,
              "Half duplex: packets given up after 16 collisions."),
    C_SUM(switched, counts, frames_flooded, "1",
          "Frames to one station that went to all ports, for the switch did not know its port."),
    C_SUM(switched, counts, frames_unwanted, "1",
          "Frames that came to a station that they were not for."),
    C_SUM(switched, counts, copies_lost, "1", "The same, lost at a full output or on a cable."),
    C_MOST(switched, counts, queue_longest, "1", "Most frames that an output held."),
    C_SUM(switched, counts, collisions, "1", "Half duplex: attempts that ended in a collision."),
    C_END,
};

static void forget(struct switched *n)
{
    struct sim *s = n->lan.net.sim;
    struct list *l;
    for (uint32_t i = 0; i < n->count; i++) {
        struct port *p = &n->ports[i];
        sim_cancel(s, &p->in.event);
        sim_cancel(s, &p->out.event);
        if (p->cable)
            p->cable->ops->destroy(p->cable);
        if (p->out.busy.name)
            sim_busy_fini(&p->out.busy);
    }
    sim_cancel(s, &n->forward);
    while ((l = list_pop(&n->copies)))
        free(LIST_ENTRY(l, struct copy, all));
    lan_fini(&n->lan);
    free(n->ports);
    free(n);
}

static void switched_destroy(struct net *net)
{
    sim_count_end(&net->counted);
    forget(of(net));
}

static bool make_link(struct port *p, uint32_t number, struct err *e)
{
    struct switched *n = p->net;
    struct sim *s = n->lan.net.sim;
    char name[32];
    snprintf(name, sizeof name, "port %u", number);
    if (p->bit_time < 1)
        return err_set(e, "mesh.bit_times: the time of a bit is 1ps at least");
    if (n->params.duplex == SWITCHED_FULL) {
        sim_busy_init(&p->out.busy, s, SIM_KIND_CHANNEL, -1, name);
        return true;
    }
    struct ethernet_params cable = { .stations = 2,
                                     .bit_time = p->bit_time,
                                     .length = n->params.length,
                                     .velocity = n->params.velocity };
    p->cable = ethernet_create_part(s, &cable, name, number, e);
    if (!p->cable)
        return false;
    ethernet_watch(p->cable, cable_attempt, n);
    net_ethernet.set_terminal(p->cable, 0,
                              &(struct net_terminal){ .receive = cable_station_receive,
                                                      .sent = cable_station_sent,
                                                      .arg = p });
    net_ethernet.set_terminal(p->cable, 1,
                              &(struct net_terminal){ .receive = cable_switch_receive,
                                                      .sent = cable_switch_sent,
                                                      .arg = p });
    return true;
}

static struct net *switched_create(struct sim *s, const void *params, struct err *e)
{
    struct switched *n = base_zalloc(1, sizeof(*n));
    n->params = *(const struct switched_params *)params;
    n->count = (uint32_t)n->params.stations;
    n->delay = sim_time_scale(SIM_SEC, n->params.length / (n->params.velocity * LIGHT));
    lan_init(&n->lan, s, &net_switched, &n->params, n->count, "switched");
    n->ports = base_zalloc(n->count, sizeof(*n->ports));
    list_init(&n->arriving);
    list_init(&n->copies);
    list_init(&n->free);
    net_link_init(&n->self, s, "switched/switch", 0);
    n->self.changed = switch_changed;
    n->self.arg = n;
    sim_event_init(&n->forward, SIM_CLASS_ARBITER, forward);
    for (uint32_t i = 0; i < n->count; i++) {
        struct port *p = &n->ports[i];
        p->net = n;
        p->bit_time = n->params.bit_time;
        p->seen = -1;
        list_init(&p->queue);
        sim_event_init(&p->in.event, SIM_CLASS_ARRIVAL, turn_in);
        sim_event_init(&p->out.event, SIM_CLASS_ARRIVAL, turn_out);
    }
    bool good = lan_read_times(n->params.bit_times, "mesh.bit_times", n->count,
                               &n->ports[0].bit_time, sizeof(n->ports[0]), e);
    for (uint32_t i = 0; good && i < n->count; i++)
        good = make_link(&n->ports[i], i, e);
    if (!good || !net_schedule_faults(&n->lan.net, n->params.faults, e)) {
        forget(n);
        return NULL;
    }
    sim_count(&n->lan.net.counted, s, "network", -1, counters, n);
    return &n->lan.net;
}

const struct net_ops net_switched = {
    .kind = { .name = "switched",
              .doc = "switched Ethernet: a switch that stores and forwards, a station at each port",
              .params = switched_params_desc,
              .params_size = sizeof(struct switched_params),
              .counters = counters },
    .create = switched_create,
    .destroy = switched_destroy,
    .set_terminal = lan_set_terminal,
    .taken = lan_taken,
    .inject = switched_inject,
    .describe = switched_describe,
    .grid = switched_grid,
    .zero_load = switched_zero_load,
    .fault_targets = switched_fault_targets,
    .fails = switched_fails,
    .distance = lan_distance,
};
