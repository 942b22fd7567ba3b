/* hippi.c: circuits through a HIPPI crossbar: REQUEST, CONNECT, bursts by READY.
 *
 * A flit is a word of 32 bits.  Each station has a source and a destination, each with a link to
 * the switch.  A packet is cut into bursts of 256 words, the last may be shorter; behind each comes
 * a pause, for its check word.
 * Not modelled: several switches in a row, HIPPI-FP and -LE (they are words of the packet), a
 * destination that refuses by itself.
 * A request over a link that is down, or to one, is refused, whether it would camp or not; a packet
 * that meets one, or of which a bit is damaged, is lost (mesh/link.h).
 *
 * Source of rules and lengths: ANSI X3.183-1991 (HIPPI-PH), X3.222-1993 (HIPPI-SC).
 *
 *   HIPPI1  An output has one connection at a time; requests that come at one moment are looked at
 *           in order of their ports, after what falls free at that moment has.
 *   HIPPI2  A source has sent at most `credits` bursts more than it has had READYs back.
 *   HIPPI3  A connected packet has a place at its destination.
 *
 * Times of one packet, d a link's delay:
 *   t                     REQUEST leaves the source, with the destination in its I-field
 *   t + d + setup         it is at the output: taken, camps on, or is rejected; a rejected source
 *                         knows d later, and tries again after retry and what it draws of spread
 *   g + d                 granted at g: it is at the destination, which answers CONNECT when it has
 *                         a place for a packet
 *   c + 2 d               answered at c: the source sends
 *   e                     its last word leaves: the next packet on the same connection, or the
 *                         connection falls; at the switch at e + d, and at e + 2 d the source may
 *                         ask anew
 *   e + 2 d               the packet is delivered
 *
 * Cost: five events a packet, none a burst; those are reckoned when the packet begins.
 */
#include "mesh/switch/hippi.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mesh/lan/lan.h"
#include "sim/rng.h"
#include "sim/server.h"

#define BURST 256         /* words [X3.183] */
#define LIGHT 299792458.0 /* m/s */

const struct param hippi_params_desc[] = {
    P_INT(hippi_params, stations, "8", "1", "4096",
          "Stations, each with a source and a destination at the switch; in a machine its nodes.",
          "ASSUMED(small example)"),
    P_TIME(hippi_params, word_time, "40ns", "1ps", "1ms", "Time of one word of 32 bits.",
           "ANSI X3.183: 25 MHz, 100 MB/s"),
    P_INT(hippi_params, credits, "63", "1", "65536",
          "READYs that a destination gives ahead: bursts that may be on their way.",
          "ANSI X3.183: a source can bank 63 at least"),
    P_INT(hippi_params, pause, "1", "0", "1024", "Words of time behind each burst.",
          "ANSI X3.183: the check word"),
    P_TIME(hippi_params, ready, "0", "0", "1s",
           "From a burst's last word in the destination until its READY leaves.",
           "ASSUMED(buffers are emptied as they fill)"),
    P_TIME(hippi_params, setup, "1us", "1ns", "1s",
           "From a REQUEST's arrival in the switch until it is at its output.",
           "ASSUMED(about 1 us a switch; no source)"),
    P_REAL(hippi_params, length, "25", "0", "100000", "Length of each link in metres.",
           "ANSI X3.183: copper cables of up to 25 m"),
    P_REAL(hippi_params, velocity, "0.66", "0.01", "1",
           "Speed of signals on a link, over that of light.", "ASSUMED(a cable)"),
    P_BOOL(hippi_params, camp_on, "true",
           "The bit of the I-field: a request to an output that is taken waits there; else it is "
           "rejected.",
           "ANSI X3.222"),
    P_TIME(hippi_params, retry, "20us", "0", "10s",
           "Without camp_on: from a rejection until the source asks again.",
           "ASSUMED(a packet of 2 KiB)"),
    P_TIME(hippi_params, spread, "20us", "0", "10s",
           "The same: what is drawn evenly below this is added.", "ASSUMED(hosts are not in step)"),
    P_INT(hippi_params, attempts, "0", "0", "1000000",
          "The same: requests after which a packet is given up; 0: never.",
          "ASSUMED(a driver tries again)"),
    P_INT(hippi_params, packets, "1", "0", "1000000",
          "Packets to one destination that follow each other on a connection; 0: any number.  To "
          "one with room for few packets (nic.receive_packets) it is one.",
          "ASSUMED(a connection a packet)"),
    NET_FAULTS_PARAM(hippi_params),
    P_END,
};

struct hippi;

enum state {
    IDLE,     /* nothing to send */
    ASKS,     /* REQUEST is on its way to its output */
    CAMPS,    /* it waits there */
    REJECTED, /* until it asks again */
    REFUSED,  /* a link is down: until it knows, and gives up */
    CONNECTS, /* granted; until the destination answers */
    SENDS,    /* until the last word leaves */
    FALLS,    /* until it may ask anew */
};

struct station {
    struct hippi *net;
    enum state state;
    uint32_t to;
    uint32_t tries, packets; /* requests of the packet; packets on the connection */
    struct sim_event event;
    struct list link; /* hippi.asking, or the output's camping */
    sim_time *ready;  /* of the latest `credits` bursts of the connection: READY is back */
    uint64_t bursts;  /* on the connection */
    sim_time free_at; /* its next burst may begin, by its own words */
    sim_time began;   /* SENDS: the packet's first word left */
    /* The output to its destination. */
    bool taken;
    struct sim_event fall; /* a connection to it falls */
    struct list camping;   /* struct station, in order of arrival */
    uint32_t camped;
    struct station *waits; /* for a place in it */
    struct sim_busy busy;
    struct sim_rng rng;
};

struct counts {
    uint64_t connections, rejections, camped, camped_most, bursts;
};

struct hippi {
    struct lan lan; /* first */
    struct hippi_params params;
    struct station *stations;
    uint32_t count;
    sim_time delay;     /* of a link */
    struct list asking; /* struct station, by event.time and port */
    struct sim_event arbiter;
    struct counts counts;
};

static struct hippi *of(const struct net *net)
{
    ASSERT(net->ops == &net_hippi);
    return (struct hippi *)(uintptr_t)net;
}

static uint32_t number(const struct station *st)
{
    return (uint32_t)(st - st->net->stations);
}

static sim_time words(const struct hippi *n, uint64_t count)
{
    return n->params.word_time * (sim_time)count;
}

/* ---- bursts ---- */

/* A burst of so many words, the number of those before it on the connection: begins not before
 * `at`; when its last word leaves. */
static sim_time send_burst(const struct hippi *n, sim_time *ready, uint64_t before, sim_time at,
                           uint32_t length)
{
    sim_time *back = &ready[before % (uint64_t)n->params.credits];
    if (before >= (uint64_t)n->params.credits)
        at = sim_time_max(at, *back); /* HIPPI2 */
    sim_time end = at + words(n, length);
    *back = end + 4 * n->delay + n->params.ready;
    return end;
}

/* The station's packet goes from `at` on: when its last word leaves. */
static sim_time send_bursts(struct station *st, sim_time at, uint32_t flits)
{
    struct hippi *n = st->net;
    sim_time end = 0;
    at = sim_time_max(at, st->free_at);
    for (uint32_t left = flits; left > 0;) {
        uint32_t length = left < BURST ? left : BURST;
        end = send_burst(n, st->ready, st->bursts++, at, length);
        at = st->free_at = end + words(n, (uint64_t)n->params.pause);
        left -= length;
        n->counts.bursts++;
    }
    return end;
}

/* ---- requests ---- */

static void arbitrate_at(struct hippi *n, sim_time when)
{
    struct sim *s = n->lan.net.sim;
    if (sim_event_pending(&n->arbiter) && n->arbiter.time <= when)
        return;
    sim_cancel(s, &n->arbiter);
    sim_at(s, &n->arbiter, when);
}

/* REQUEST leaves the station now. */
static void ask(struct station *st)
{
    struct hippi *n = st->net;
    sim_time when = sim_now(n->lan.net.sim) + n->delay + n->params.setup;
    struct list *at = n->asking.prev;
    st->state = ASKS;
    st->to = n->lan.stations[number(st)].first->dst;
    st->tries++;
    st->free_at = when; /* until then unused: when it is at its output */
    for (; at != &n->asking; at = at->prev) {
        const struct station *before = LIST_ENTRY(at, const struct station, link);
        if (before->free_at < when || (before->free_at == when && before < st))
            break;
    }
    list_push_front(at, &st->link);
    arbitrate_at(n, when);
}

/* The output is the station's from now on. */
static void grant(struct station *st)
{
    struct hippi *n = st->net;
    struct station *out = &n->stations[st->to];
    ASSERT_MSG(!out->taken, "an output has two connections (HIPPI1)");
    out->taken = true;
    st->state = CONNECTS;
    sim_after(n->lan.net.sim, &st->event, n->delay);
}

static void refuse(struct station *st)
{
    st->state = REFUSED;
    sim_after(st->net->lan.net.sim, &st->event, st->net->delay);
}

static bool is_down(const struct station *to)
{
    return to->net->lan.stations[number(to)].back.down;
}

static void look_at(struct station *st)
{
    struct hippi *n = st->net;
    struct station *out = &n->stations[st->to];
    sim_time asked = sim_now(n->lan.net.sim) - n->delay - n->params.setup;
    if (net_link_fate(&n->lan.stations[number(st)].link, asked, 0) != NET_OK || is_down(out)) {
        refuse(st);
    } else if (!out->taken) {
        grant(st);
    } else if (n->params.camp_on) {
        st->state = CAMPS;
        n->counts.camped++;
        if (++out->camped > n->counts.camped_most)
            n->counts.camped_most = out->camped;
        list_push(&out->camping, &st->link);
    } else {
        n->counts.rejections++;
        st->state = REJECTED;
        bool last = n->params.attempts > 0 && st->tries >= n->params.attempts;
        sim_time more = last ? 0 : n->params.retry;
        if (!last && n->params.spread > 0)
            more += (sim_time)sim_rng_below(&st->rng, (uint64_t)n->params.spread);
        sim_after(n->lan.net.sim, &st->event, n->delay + more);
    }
}

static void arbitrate(struct sim *s, struct sim_event *e)
{
    struct hippi *n = CONTAINER_OF(e, struct hippi, arbiter);
    while (!list_empty(&n->asking)) {
        struct station *st = LIST_ENTRY(n->asking.next, struct station, link);
        if (st->free_at > sim_now(s)) {
            sim_at(s, e, st->free_at);
            return;
        }
        list_remove(&st->link);
        look_at(st);
    }
}

/* A connection has fallen at the output: who camps on it has it. */
static void fall(struct sim *s, struct sim_event *e)
{
    struct station *out = CONTAINER_OF(e, struct station, fall);
    (void)s;
    out->taken = false;
    for (struct list *l; !out->taken && (l = list_pop(&out->camping));) {
        struct station *st = LIST_ENTRY(l, struct station, link);
        out->camped--;
        if (is_down(out))
            refuse(st);
        else
            grant(st);
    }
}

/* ---- connections ---- */

/* A place at the destination, if it has one. */
static bool take_place(struct hippi *n, uint32_t to)
{
    struct lan_station *t = &n->lan.stations[to];
    if (t->terminal.room == 0)
        return true;
    if (t->room == 0)
        return false;
    t->room--;
    return true;
}

static void send(struct station *st, sim_time at)
{
    struct hippi *n = st->net;
    st->state = SENDS;
    st->began = sim_time_max(at, st->free_at);
    st->packets++;
    sim_at(n->lan.net.sim, &st->event,
           send_bursts(st, at, n->lan.stations[number(st)].first->flits));
}

/* The destination has a place and answers now. */
static void connect(struct station *st)
{
    struct hippi *n = st->net;
    n->counts.connections++;
    st->packets = 0;
    st->bursts = 0;
    st->free_at = 0;
    send(st, sim_now(n->lan.net.sim) + 2 * n->delay);
}

/* Its first packet is gone or given up; the next may ask. */
static void next(struct station *st)
{
    st->state = IDLE;
    if (st->net->lan.stations[number(st)].first)
        ask(st);
}

static void end_packet(struct station *st)
{
    struct hippi *n = st->net;
    struct sim *s = n->lan.net.sim;
    sim_time now = sim_now(s), there = now + 2 * n->delay;
    uint32_t me = number(st);
    uint32_t before = lan_queued_before_now(&n->lan, me) - 1;
    struct net_packet *p = lan_pop(&n->lan, me);
    struct station *out = &n->stations[st->to];
    const struct net_packet *more = n->lan.stations[me].first; /* if there are `before` */
    bool same = before > 0 && more->dst == st->to && n->lan.stations[st->to].terminal.room == 0 &&
                (n->params.packets == 0 || st->packets < n->params.packets) && !is_down(out) &&
                !n->lan.stations[me].link.down;
    p->blocked = there - p->injected - net_hippi.zero_load(&n->lan.net, p->src, p->dst, p->flits);
    if (p->blocked < 0)
        p->blocked = 0; /* on a connection that was there */
    sim_busy_add(&out->busy, s, now - words(n, p->flits), now);
    uint64_t bits = UINT64_C(32) * p->flits;
    enum net_status status = net_link_fate(&n->lan.stations[me].link, st->began, bits);
    if (status == NET_OK)
        lan_fly_over(&n->lan, p, p->dst, there, true, now - st->began, bits);
    else
        lan_fly_with(&n->lan, p, p->dst, there, status, true);
    st->tries = 0;
    if (same) {
        send(st, now);
    } else {
        st->state = FALLS;
        sim_after(s, &st->event, 2 * n->delay);
        sim_after(s, &out->fall, n->delay);
    }
    lan_tell_sent(&n->lan, p);
}

static void give_up(struct station *st, enum net_status why)
{
    struct hippi *n = st->net;
    struct net_packet *p = lan_pop(&n->lan, number(st));
    p->blocked = sim_now(n->lan.net.sim) - p->injected;
    st->tries = 0;
    next(st);
    lan_tell_sent(&n->lan, p);
    lan_drop(&n->lan, p, p->dst, why);
}

static void turn(struct sim *s, struct sim_event *e)
{
    struct station *st = CONTAINER_OF(e, struct station, event);
    struct hippi *n = st->net;
    (void)s;
    switch (st->state) {
    case CONNECTS:
        if (take_place(n, st->to))
            connect(st); /* HIPPI3 */
        else
            n->stations[st->to].waits = st;
        break;
    case SENDS:
        end_packet(st);
        break;
    case REJECTED:
        if (n->params.attempts > 0 && st->tries >= n->params.attempts)
            give_up(st, NET_DROPPED_REFUSED);
        else
            ask(st);
        break;
    case REFUSED:
        give_up(st, NET_DROPPED_FAULT);
        break;
    case FALLS:
        next(st);
        break;
    case IDLE:
    case ASKS:
    case CAMPS:
        ASSERT_MSG(false, "a station has no event in this state");
    }
}

/* ---- the network's slots ---- */

static void hippi_taken(struct net *net, uint32_t terminal)
{
    struct hippi *n = of(net);
    struct station *out = &n->stations[terminal], *st = out->waits;
    lan_taken(net, terminal);
    if (!st || !take_place(n, terminal))
        return;
    out->waits = NULL;
    connect(st);
}

static void hippi_inject(struct net *net, struct net_packet *p)
{
    struct hippi *n = of(net);
    struct station *st = &n->stations[p->src];
    ASSERT_MSG(p->dst < n->count, "no such station");
    lan_queue(&n->lan, p, UINT32_MAX);
    if (st->state == IDLE)
        ask(st);
}

static void hippi_describe(const struct net *net, struct net_describe *d)
{
    const struct hippi *n = of(net);
    *d = (struct net_describe){ .model = "hippi",
                                .terminals = n->count,
                                .flit_bytes = 4,
                                .flit_time = n->params.word_time,
                                .uniform_load = 1 };
    snprintf(d->shape, sizeof(d->shape), "HIPPI switch with %u stations", n->count);
}

static void hippi_grid(const void *params, struct net_grid *g)
{
    const struct hippi_params *p = params;
    *g = (struct net_grid){ .drops = !p->camp_on && p->attempts > 0 };
}

static sim_time hippi_zero_load(const struct net *net, uint32_t src, uint32_t dst, uint32_t flits)
{
    const struct hippi *n = of(net);
    uint64_t k = (uint64_t)n->params.credits, last = (flits - 1) / BURST;
    sim_time period = words(n, BURST + (uint64_t)n->params.pause);
    sim_time round = words(n, BURST) + 4 * n->delay + n->params.ready;
    /* Bursts follow each other, or, with too few READYs, so many a round. */
    sim_time begin = round <= period * (sim_time)k
                         ? (sim_time)last * period
                         : (sim_time)(last / k) * round + (sim_time)(last % k) * period;
    (void)src, (void)dst;
    return 6 * n->delay + n->params.setup + begin + words(n, flits - last * BURST);
}

static const char *const hippi_fails[] = { "station", "output", NULL };

/* A station's links both ways, and the one to it. */
static void hippi_fault_targets(struct net *net, struct sim_faults *f)
{
    struct hippi *n = of(net);
    for (uint32_t i = 0; i < n->count; i++) {
        struct lan_station *st = &n->lan.stations[i];
        net_link_target_number(f, "station", i, NET_LINK_ALL, &st->link, &st->back);
        net_link_target_number(f, "output", i, NET_LINK_ALL, &st->back, NULL);
    }
}

/* ---- making ---- */

static const struct counter counters[] = {
    LAN_COUNTERS(hippi),
    NET_DROPS(hippi, lan.net, "packets_dropped_refused", NET_DROPPED_REFUSED,
              "Packets given up after too many rejections."),
    C_SUM(hippi, counts, connections, "1", "Connections made."),
    C_SUM(hippi, counts, rejections, "1", "Requests rejected: their output was taken."),
    C_SUM(hippi, counts, camped, "1", "Requests that waited at an output that was taken."),
    C_MOST(hippi, counts, camped_most, "1", "Most requests that waited at an output."),
    C_SUM(hippi, counts, bursts, "1", "Bursts sent."),
    C_END,
};

static void hippi_destroy(struct net *net)
{
    struct hippi *n = of(net);
    for (uint32_t i = 0; i < n->count; i++) {
        struct station *st = &n->stations[i];
        sim_cancel(net->sim, &st->event);
        sim_cancel(net->sim, &st->fall);
        sim_busy_fini(&st->busy);
        free(st->ready);
    }
    sim_cancel(net->sim, &n->arbiter);
    sim_count_end(&net->counted);
    lan_fini(&n->lan);
    free(n->stations);
    free(n);
}

static struct net *hippi_create(struct sim *s, const void *params, struct err *e)
{
    struct hippi *n = base_zalloc(1, sizeof(*n));
    n->params = *(const struct hippi_params *)params;
    n->count = (uint32_t)n->params.stations;
    n->delay = sim_time_scale(SIM_SEC, n->params.length / (n->params.velocity * LIGHT));
    lan_init(&n->lan, s, &net_hippi, &n->params, n->count, "hippi");
    n->stations = base_zalloc(n->count, sizeof(*n->stations));
    list_init(&n->asking);
    sim_event_init(&n->arbiter, SIM_CLASS_ARBITER, arbitrate);
    for (uint32_t i = 0; i < n->count; i++) {
        struct station *st = &n->stations[i];
        char name[32];
        st->net = n;
        st->ready = base_zalloc((size_t)n->params.credits, sizeof(*st->ready));
        list_init(&st->link);
        list_init(&st->camping);
        sim_event_init(&st->event, SIM_CLASS_ARRIVAL, turn);
        sim_event_init(&st->fall, SIM_CLASS_ARRIVAL, fall);
        sim_rng_init_indexed(&st->rng, s, "hippi/source", i);
        snprintf(name, sizeof name, "output %u", i);
        sim_busy_init(&st->busy, s, SIM_KIND_CHANNEL, -1, name);
    }
    sim_count(&n->lan.net.counted, s, "network", -1, counters, n);
    if (!net_schedule_faults(&n->lan.net, n->params.faults, e)) {
        hippi_destroy(&n->lan.net);
        return NULL;
    }
    return &n->lan.net;
}

const struct net_ops net_hippi = {
    .kind = { .name = "hippi",
              .doc = "HIPPI: circuits of 100 MB/s through a crossbar",
              .params = hippi_params_desc,
              .params_size = sizeof(struct hippi_params),
              .counters = counters },
    .create = hippi_create,
    .destroy = hippi_destroy,
    .set_terminal = lan_set_terminal,
    .taken = hippi_taken,
    .inject = hippi_inject,
    .describe = hippi_describe,
    .grid = hippi_grid,
    .zero_load = hippi_zero_load,
    .fault_targets = hippi_fault_targets,
    .fails = hippi_fails,
    .distance = lan_distance,
};
