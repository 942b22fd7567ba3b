/* ethernet.c: stations on one coaxial cable: CSMA/CD from the times at which signals pass places.
 *
 * A flit is a byte of the frame, addresses and check sequence included; shorter packets are padded.
 * Carrier, collisions and gaps are of each station's place, to the picosecond; only the stations'
 * backoffs are drawn.  A packet to all arrives at each station as its last bit passes there.
 * Not modelled: bit errors, repeaters, bridges, frames to some of the stations.
 *
 * Source of all rules and lengths: IEEE 802.3, in bit times: MAC of a half-duplex station.
 *
 *   ETH1  A carrier is there from just after its first bit has reached a place: who begins at that
 *         very moment has not heard it.  So nothing depends on the order of events of one moment.
 *   ETH2  Whoever overlaps with another at any place hears of it before its frame ends: a round
 *         trip and the jam fit into a slot (ethernet_create refuses a longer cable).
 *   ETH3  A packet leaves after at most 16 attempts: delivered, or dropped and said so.
 *
 * State of a station        | its event is at               | then
 * IDLE    has no packet     |                               | inject: WAIT or SEND
 * WAIT    defers            | when the cable will be free   | SEND (begin)
 * SEND    sends             | end, or a collision's arrival | success: next; JAM (collide)
 * JAM     sends the rest    | end of the jam                | BACKOFF, WAIT, or dropped: next
 * BACKOFF waits its slots   | their end                     | WAIT or SEND
 *
 * Cost: an event looks at the signals on the cable and at the stations in WAIT, at no other.
 */
#include "mesh/lan/ethernet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/audit.h"
#include "sim/rng.h"
#include "sim/server.h"

/* [IEEE 802.3, 10 Mb/s] in bits, bytes and attempts. */
enum {
    PREAMBLE_BITS = 64, /* with the start delimiter */
    GAP_BITS = 96,
    JAM_BITS = 32,
    SLOT_BITS = 512,
    FRAME_LEAST = 64,
    FRAME_MOST = 1518,
    ATTEMPTS = 16,
    BACKOFF_LIMIT = 10, /* of the exponent */
};
#define LIGHT 299792458.0 /* m/s */

const struct param ethernet_params_desc[] = {
    P_INT(ethernet_params, stations, "16", "1", "65536",
          "Stations on the cable; in a machine its nodes.", "ASSUMED(small example)"),
    P_TIME(ethernet_params, bit_time, "100ns", "1ps", "1ms", "Time of one bit.",
           "IEEE 802.3: 10 Mb/s"),
    P_REAL(ethernet_params, length, "500", "0", "1000000",
           "Length of the cable in metres; a round trip and the jam must fit into a slot of 512 "
           "bits.",
           "IEEE 802.3, 10BASE5: one segment"),
    P_REAL(ethernet_params, velocity, "0.77", "0.01", "1",
           "Speed of signals on the cable, over that of light.",
           "IEEE 802.3: thick coaxial cable; 0.65 for thin"),
    P_VAL(ethernet_params, places,
          "Where the stations are: a list of metres from the cable's end, one for each; without, "
          "they are spread evenly from end to end.",
          "the user's"),
    P_END,
};

struct ethernet;

enum state { IDLE, WAIT, SEND, JAM, BACKOFF };

/* What a station has put onto the cable and may still be on it. */
struct signal {
    struct list link; /* ethernet.signals, in order of begin; or .free */
    struct station *from;
    sim_time begin, end; /* at the station; end is known ahead, and drawn in by a collision */
};

/* A signal as it passes a place. */
struct passing {
    sim_time first, last;
};

struct station {
    struct ethernet *net;
    sim_time place; /* from the cable's end */
    struct net_terminal terminal;
    uint32_t room; /* places that are free */
    enum state state;
    struct net_packet *first, *last; /* to send */
    sim_time wanted;                 /* in WAIT: since when */
    sim_time hit;                    /* in SEND: a collision arrives; SIM_NEVER: none */
    uint32_t collisions;             /* of the first packet */
    struct signal *signal;           /* in SEND and JAM */
    struct sim_event event, arrival;
    struct net_packet *arriving; /* its last bit has left and has not arrived */
    uint32_t rank;               /* among places */
    uint32_t low, high;          /* of one to all: it has passed ranks [low, high) */
    struct list link;            /* ethernet.waiting */
    struct sim_rng rng;
};

struct counts {
    uint64_t packets_in, packets_out, packets_copied, flits_in, flits_out, flits_copied;
    uint64_t attempts, collisions, collisions_most;
};

struct place {
    sim_time at;
    uint32_t station;
};

struct ethernet {
    struct net net; /* first */
    struct ethernet_params params;
    struct station *stations;
    struct place *places;      /* of the stations, in order, and of their numbers */
    sim_time longest;          /* delay from end to end of what is used of the cable */
    struct list signals, free; /* struct signal */
    struct list waiting;       /* struct station, in WAIT, in order of `wanted` */
    struct passing *passing;   /* scratch of carrier_free */
    size_t signal_count, passing_size;
    struct counts counts;
    struct sim_busy cable;
    ethernet_attempt_fn *watcher;
    void *watcher_arg;
};

static struct ethernet *of(const struct net *net)
{
    ASSERT(net->ops == &net_ethernet);
    return (struct ethernet *)(uintptr_t)net;
}

static sim_time bits(const struct ethernet *n, int64_t count)
{
    return n->params.bit_time * count;
}

static sim_time delay(const struct station *a, const struct station *b)
{
    return a->place < b->place ? b->place - a->place : a->place - b->place;
}

static sim_time frame_time(const struct ethernet *n, uint32_t flits)
{
    int64_t bytes = flits < FRAME_LEAST ? FRAME_LEAST : flits;
    return bits(n, PREAMBLE_BITS + 8 * bytes);
}

/* ---- the cable ---- */

/* Forgets signals that had passed every place, and the gap behind them, before the first of those
 * that wait now began to. */
static void forget_passed(struct ethernet *n, sim_time now)
{
    if (!list_empty(&n->waiting))
        now = LIST_ENTRY(n->waiting.next, struct station, link)->wanted;
    LIST_EACH_SAFE (it, next, &n->signals) {
        struct signal *g = LIST_ENTRY(it, struct signal, link);
        if (g->end + n->longest + bits(n, GAP_BITS) >= now)
            continue;
        list_remove(&g->link);
        list_push(&n->free, &g->link);
        n->signal_count--;
    }
}

static struct signal *add_signal(struct ethernet *n, struct station *from, sim_time begin,
                                 sim_time end)
{
    struct list *l = list_pop(&n->free);
    struct signal *g = l ? LIST_ENTRY(l, struct signal, link) : base_alloc(sizeof(*g));
    *g = (struct signal){ .from = from, .begin = begin, .end = end };
    list_push(&n->signals, &g->link);
    n->signal_count++;
    return g;
}

/* Those on the cable as they pass a station, in order of their first bit. */
static size_t list_passing(struct ethernet *n, const struct station *at)
{
    size_t count = 0;
    if (n->signal_count > n->passing_size) {
        n->passing_size = 2 * n->signal_count;
        n->passing = base_realloc(n->passing, n->passing_size * sizeof(*n->passing));
    }
    LIST_EACH (it, &n->signals) {
        const struct signal *g = LIST_ENTRY(it, struct signal, link);
        struct passing p = { g->begin + delay(g->from, at), g->end + delay(g->from, at) };
        size_t k = count++;
        for (; k > 0 && n->passing[k - 1].first > p.first; k--)
            n->passing[k] = n->passing[k - 1];
        n->passing[k] = p;
    }
    return count;
}

/* When a station that wants the cable since `wanted` begins, by what is on the cable now: a gap
 * after the last carrier.  One that comes up in the first two thirds of the gap starts it anew; in
 * the last third who waits for the gap's end ignores it. */
static sim_time carrier_free(struct ethernet *n, const struct station *at)
{
    sim_time gap = bits(n, GAP_BITS), quiet = -gap; /* since when */
    size_t count = list_passing(n, at);
    for (size_t k = 0; k < count; k++) {
        const struct passing *p = &n->passing[k];
        sim_time start = sim_time_max(at->wanted, quiet + gap);
        bool late = start == quiet + gap && p->first >= quiet + gap / 3 * 2;
        if (p->first >= start || late) /* ETH1 */
            break;
        quiet = sim_time_max(quiet, p->last);
    }
    return sim_time_max(at->wanted, quiet + gap);
}

/* ---- stations ---- */

static void begin(struct station *st);

static void wait_until(struct station *st, sim_time when)
{
    struct sim *s = st->net->net.sim;
    sim_cancel(s, &st->event);
    sim_at(s, &st->event, when);
}

/* Has a packet and nothing more to wait for but the cable. */
static void want(struct station *st)
{
    struct ethernet *n = st->net;
    sim_time now = sim_now(n->net.sim);
    forget_passed(n, now);
    st->wanted = now;
    sim_time when = carrier_free(n, st);
    if (when == now) {
        begin(st);
        return;
    }
    st->state = WAIT;
    list_push(&n->waiting, &st->link);
    wait_until(st, when);
}

/* The signal of another reaches st, which sends, at `when`. */
static void hit(struct station *st, sim_time when)
{
    if (st->state != SEND || st->hit <= when || st->signal->end <= when)
        return;
    st->hit = when;
    wait_until(st, when);
}

static void begin(struct station *st)
{
    struct ethernet *n = st->net;
    sim_time now = sim_now(n->net.sim);
    forget_passed(n, now);
    n->counts.attempts++;
    st->state = SEND;
    st->hit = SIM_NEVER;
    st->signal = add_signal(n, st, now, now + frame_time(n, st->first->flits));
    wait_until(st, st->signal->end);
    LIST_EACH (it, &n->signals) {
        const struct signal *g = LIST_ENTRY(it, struct signal, link);
        sim_time away = delay(g->from, st);
        if (g->from == st || g->end + away <= now)
            continue;
        hit(st, sim_time_max(now, g->begin + away));
        if (g->from->signal == g)
            hit(g->from, now + away);
    }
    LIST_EACH (it, &n->waiting) {
        struct station *w = LIST_ENTRY(it, struct station, link);
        if (now + delay(st, w) < w->event.time)
            wait_until(w, carrier_free(n, w));
    }
}

/* A collision has reached a station that sends: it ends the preamble, jams, and stops. */
static void collide(struct station *st)
{
    struct ethernet *n = st->net;
    sim_time now = sim_now(n->net.sim), was = st->signal->end;
    forget_passed(n, now);
    n->counts.collisions++;
    st->collisions++;
    if (st->collisions > n->counts.collisions_most)
        n->counts.collisions_most = st->collisions;
    st->state = JAM;
    st->signal->end =
        sim_time_max(now, st->signal->begin + bits(n, PREAMBLE_BITS)) + bits(n, JAM_BITS);
    wait_until(st, st->signal->end);
    LIST_EACH (it, &n->waiting) {
        struct station *w = LIST_ENTRY(it, struct station, link);
        if (w->event.time >= was + delay(st, w) + bits(n, GAP_BITS))
            wait_until(w, carrier_free(n, w));
    }
}

/* The first packet is sent or given up. */
static struct net_packet *pop(struct station *st)
{
    struct net_packet *p = st->first;
    st->first = p->next;
    p->next = NULL;
    st->collisions = 0;
    st->state = IDLE;
    st->signal = NULL;
    if (st->first) {
        st->first->injected = sim_now(st->net->net.sim);
        want(st);
    }
    return p;
}

static void tell_sent(struct station *st, struct net_packet *p)
{
    if (st->terminal.sent)
        st->terminal.sent(st->terminal.arg, p);
}

static void tell_receiver(const struct station *st, struct net_packet *p, enum net_status status)
{
    const struct net_terminal *t = &st->terminal;
    p->dropped = status != NET_OK;
    if (status != NET_OK)
        net_drop(&st->net->net, p, status);
    if (t->receive)
        t->receive(t->arg, p, status);
}

static struct station *ranked(struct ethernet *n, uint32_t rank)
{
    return &n->stations[n->places[rank].station];
}

/* The delay to the nearest stations that the last bit of a packet to all has not passed. */
static sim_time next_delay(const struct station *st)
{
    struct ethernet *n = st->net;
    sim_time d = SIM_NEVER;
    if (st->low > 0)
        d = delay(st, ranked(n, st->low - 1));
    if (st->high < n->params.stations)
        d = sim_time_min(d, delay(st, ranked(n, st->high)));
    return d;
}

static void succeed(struct station *st)
{
    struct ethernet *n = st->net;
    struct sim *s = n->net.sim;
    sim_time now = sim_now(s);
    uint32_t collisions = st->collisions;
    sim_busy_add(&n->cable, s, st->signal->begin + bits(n, PREAMBLE_BITS), now);
    st->first->blocked = st->signal->begin - st->first->injected;
    struct net_packet *p = pop(st);
    ASSERT_MSG(!st->arriving, "a frame is longer than the cable (ETH2)");
    if (n->watcher)
        n->watcher(n->watcher_arg, (uint32_t)(st - n->stations), collisions, true);
    if (p->dst == NET_ALL && n->params.stations == 1) {
        p->delivered = now;
        tell_sent(st, p);
        tell_receiver(st, p, NET_DROPPED_NOBODY);
        return;
    }
    st->arriving = p;
    if (p->dst == NET_ALL) {
        st->low = st->rank;
        st->high = st->rank + 1;
        p->left = (uint32_t)n->params.stations - 1;
    }
    p->delivered = now + (p->dst == NET_ALL ? next_delay(st) : delay(st, &n->stations[p->dst]));
    sim_at(s, &st->arrival, p->delivered);
    tell_sent(st, p);
}

static void give_up(struct station *st)
{
    struct ethernet *n = st->net;
    struct net_packet *p = pop(st);
    p->delivered = sim_now(n->net.sim);
    p->blocked = p->delivered - p->injected;
    tell_sent(st, p);
    tell_receiver(p->dst == NET_ALL ? st : &n->stations[p->dst], p, NET_DROPPED_COLLISIONS);
}

/* The jam has left: truncated binary exponential backoff. */
static void back_off(struct station *st)
{
    struct ethernet *n = st->net;
    uint32_t k = st->collisions;
    if (n->watcher)
        n->watcher(n->watcher_arg, (uint32_t)(st - n->stations), k, false);
    ASSERT(k <= ATTEMPTS); /* ETH3 */
    if (k == ATTEMPTS) {
        give_up(st);
        return;
    }
    st->signal = NULL;
    uint64_t slots =
        sim_rng_below(&st->rng, UINT64_C(1) << (k < BACKOFF_LIMIT ? k : BACKOFF_LIMIT));
    if (slots == 0) {
        want(st);
        return;
    }
    st->state = BACKOFF;
    wait_until(st, sim_now(n->net.sim) + bits(n, SLOT_BITS * (int64_t)slots));
}

static void turn(struct sim *s, struct sim_event *e)
{
    struct station *st = CONTAINER_OF(e, struct station, event);
    switch (st->state) {
    case WAIT:
        list_remove(&st->link);
        begin(st);
        break;
    case SEND:
        if (st->hit == sim_now(s))
            collide(st);
        else
            succeed(st);
        break;
    case JAM:
        back_off(st);
        break;
    case BACKOFF:
        want(st);
        break;
    case IDLE:
        ASSERT_MSG(false, "an idle station has no event");
    }
}

static void take(struct station *to, struct net_packet *p)
{
    struct ethernet *n = to->net;
    if (to->terminal.room > 0 && to->room == 0) {
        tell_receiver(to, p, NET_DROPPED_FULL);
        return;
    }
    to->room -= to->terminal.room > 0;
    n->counts.packets_out++;
    n->counts.flits_out += p->flits;
    tell_receiver(to, p, NET_OK);
}

/* One of those that a packet to all goes to. */
static void take_copy(struct station *st, struct net_packet *p, uint32_t rank)
{
    struct ethernet *n = st->net;
    p->left--;
    n->counts.packets_copied += p->left > 0;
    n->counts.flits_copied += p->left > 0 ? p->flits : 0;
    if (p->left == 0)
        st->arriving = NULL;
    take(ranked(n, rank), p);
}

/* Its last bit passes the nearest of them, in order of their places, one side before the other. */
static void arrive_at_all(struct station *st, struct net_packet *p)
{
    struct ethernet *n = st->net;
    sim_time d = next_delay(st);
    bool more = true;
    while (more && st->low > 0 && delay(st, ranked(n, st->low - 1)) == d) {
        more = p->left > 1;
        take_copy(st, p, --st->low);
    }
    while (more && st->high < n->params.stations && delay(st, ranked(n, st->high)) == d) {
        more = p->left > 1;
        take_copy(st, p, st->high++);
    }
    if (!more)
        return; /* it is not ours any more */
    p->delivered += next_delay(st) - d;
    sim_at(n->net.sim, &st->arrival, p->delivered);
}

static void arrive(struct sim *s, struct sim_event *e)
{
    (void)s;
    struct station *st = CONTAINER_OF(e, struct station, arrival);
    struct net_packet *p = st->arriving;
    if (p->dst == NET_ALL) {
        arrive_at_all(st, p);
        return;
    }
    st->arriving = NULL;
    take(&st->net->stations[p->dst], p);
}

/* ---- the network's slots ---- */

static void ethernet_set_terminal(struct net *net, uint32_t terminal, const struct net_terminal *t)
{
    struct ethernet *n = of(net);
    ASSERT(terminal < n->params.stations);
    n->stations[terminal].terminal = *t;
    n->stations[terminal].room = t->room;
}

static void ethernet_taken(struct net *net, uint32_t terminal)
{
    struct station *st = &of(net)->stations[terminal];
    if (st->terminal.room == 0)
        return;
    ASSERT_MSG(st->room < st->terminal.room, "no packet has the place");
    st->room++;
}

static void ethernet_inject(struct net *net, struct net_packet *p)
{
    struct ethernet *n = of(net);
    ASSERT(p->src < n->params.stations && (p->dst < n->params.stations || p->dst == NET_ALL));
    ASSERT_MSG(p->flits > 0 && p->flits <= FRAME_MOST,
               "longer than a frame (net_describe.longest)");
    struct station *st = &n->stations[p->src];
    n->counts.packets_in++;
    n->counts.flits_in += p->flits;
    p->blocked = 0;
    p->dropped = false;
    p->hops = 0;
    p->left = 0;
    p->next = NULL;
    if (st->first) {
        st->last->next = p;
        st->last = p;
        return;
    }
    st->first = st->last = p;
    p->injected = sim_now(net->sim);
    want(st);
}

static void ethernet_describe(const struct net *net, struct net_describe *d)
{
    const struct ethernet *n = of(net);
    *d = (struct net_describe){ .model = "ethernet",
                                .terminals = (uint32_t)n->params.stations,
                                .flit_bytes = 1,
                                .flit_time = bits(n, 8),
                                .longest = FRAME_MOST,
                                .broadcast = true,
                                .ethernet = true,
                                .uniform_load = (double)n->params.stations };
    snprintf(d->shape, sizeof(d->shape), "cable of %g m with %" PRId64 " stations",
             n->params.length, n->params.stations);
}

static void ethernet_grid(const void *params, struct net_grid *g)
{
    (void)params;
    *g = (struct net_grid){ .drops = true };
}

static sim_time ethernet_zero_load(const struct net *net, uint32_t src, uint32_t dst,
                                   uint32_t flits)
{
    return frame_time(of(net), flits) + ethernet_delay(net, src, dst);
}

static uint32_t ethernet_distance(const struct net *net, uint32_t src, uint32_t dst)
{
    (void)net, (void)src, (void)dst;
    return 0;
}

sim_time ethernet_delay(const struct net *net, uint32_t a, uint32_t b)
{
    const struct ethernet *n = of(net);
    return delay(&n->stations[a], &n->stations[b]);
}

void ethernet_watch(struct net *net, ethernet_attempt_fn *fn, void *arg)
{
    struct ethernet *n = of(net);
    n->watcher = fn;
    n->watcher_arg = arg;
}

static void audit(void *self, struct sim_audit_report *r)
{
    const struct ethernet *n = self;
    const struct counts *c = &n->counts;
    uint64_t packets = 0, flits = 0;
    for (int64_t i = 0; i < n->params.stations; i++) {
        const struct net_packet *p = n->stations[i].arriving;
        packets += p != NULL; /* what goes on to others is a copy */
        flits += p ? p->flits : 0;
        for (p = n->stations[i].first; p; p = p->next) {
            packets++;
            flits += p->flits;
        }
    }
    sim_audit_balance(r, "packets", c->packets_in + c->packets_copied, c->packets_out, packets,
                      net_audit_drops(&n->net, r));
    sim_audit_balance(r, "flits", c->flits_in + c->flits_copied, c->flits_out, flits,
                      n->net.flits_dropped);
}

/* ---- making ---- */

static int by_place(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    if (p->at != q->at)
        return p->at < q->at ? -1 : 1;
    return (p->station > q->station) - (p->station < q->station);
}

static void rank_stations(struct ethernet *n)
{
    size_t count = (size_t)n->params.stations;
    n->places = base_alloc(count * sizeof(*n->places));
    for (uint32_t i = 0; i < count; i++)
        n->places[i] = (struct place){ n->stations[i].place, i };
    qsort(n->places, count, sizeof(*n->places), by_place);
    for (uint32_t k = 0; k < count; k++)
        n->stations[n->places[k].station].rank = k;
}

/* Propagation over so many metres. */
static sim_time over(const struct ethernet_params *p, double metres)
{
    return sim_time_scale(SIM_SEC, metres / (p->velocity * LIGHT));
}

static bool read_place(const struct ethernet_params *p, const struct val *v, double *metres,
                       struct err *e)
{
    char where[256];
    *metres = v->type == VAL_INT ? (double)v->u.i : v->type == VAL_REAL ? v->u.r : -1;
    if (*metres >= 0 && *metres <= p->length)
        return true;
    return err_set(e, "%smesh.places: a station is not on the cable: 0 to %g m are",
                   val_where(v, where, sizeof where), p->length);
}

static bool place_stations(struct ethernet *n, struct err *e)
{
    const struct ethernet_params *p = &n->params;
    const struct val *list = p->places;
    if (list && (list->type != VAL_LIST || (int64_t)list->count != p->stations))
        return err_set(e, "mesh.places: must be a list of %" PRId64 " places, one a station",
                       p->stations);
    for (int64_t i = 0; i < p->stations; i++) {
        double metres = p->stations > 1 ? p->length * (double)i / (double)(p->stations - 1) : 0;
        if (list && !read_place(p, list->items[i], &metres, e))
            return false;
        n->stations[i].place = over(p, metres);
    }
    n->longest = over(p, p->length);
    if (2 * n->longest + bits(n, JAM_BITS) <= bits(n, SLOT_BITS)) /* ETH2 */
        return true;
    double most = sim_time_seconds(bits(n, SLOT_BITS - JAM_BITS)) / 2 * p->velocity * LIGHT;
    return err_set(e,
                   "mesh.length: on %g m a collision may come after the slot of %d bits; at "
                   "this bit_time and velocity up to %.0f m are allowed",
                   p->length, SLOT_BITS, most);
}

static const struct counter counters[] = {
    C_SUM(ethernet, counts, packets_in, "1", "Packets injected."),
    C_SUM(ethernet, counts, packets_out, "1", "Packets delivered."),
    C_SUM(ethernet, counts, packets_copied, "1",
          "Deliveries of packets to all, but for the last of each."),
    NET_DROPS(ethernet, net, "packets_dropped_collisions", NET_DROPPED_COLLISIONS,
              "Packets given up after 16 collisions."),
    NET_DROPS(ethernet, net, "packets_dropped_full", NET_DROPPED_FULL,
              "Packets whose receiver had no room for them."),
    C_SUM(ethernet, counts, flits_in, "1", "Flits of the packets injected."),
    C_SUM(ethernet, counts, flits_out, "1", "Flits of the packets delivered."),
    C_SUM(ethernet, counts, attempts, "1", "Times that a station began to send."),
    C_SUM(ethernet, counts, collisions, "1", "Of these, those that ended in a collision."),
    C_MOST(ethernet, counts, collisions_most, "1", "Most collisions of one packet."),
    C_END,
};

static void ethernet_destroy(struct net *net)
{
    struct ethernet *n = of(net);
    struct list *l;
    for (int64_t i = 0; i < n->params.stations; i++) {
        sim_cancel(net->sim, &n->stations[i].event);
        sim_cancel(net->sim, &n->stations[i].arrival);
    }
    while ((l = list_pop(&n->signals)) || (l = list_pop(&n->free)))
        free(LIST_ENTRY(l, struct signal, link));
    sim_count_end(&net->counted);
    sim_audit_unregister(net->sim, n);
    sim_busy_fini(&n->cable);
    free(n->passing);
    free(n->places);
    free(n->stations);
    free(n);
}

struct net *ethernet_create_part(struct sim *s, const struct ethernet_params *params,
                                 const char *name, uint64_t part, struct err *e)
{
    struct ethernet *n = base_zalloc(1, sizeof(*n));
    n->net = (struct net){ .ops = &net_ethernet, .sim = s, .params = &n->params };
    n->params = *params;
    n->stations = base_zalloc((size_t)n->params.stations, sizeof(*n->stations));
    list_init(&n->signals);
    list_init(&n->free);
    list_init(&n->waiting);
    if (!place_stations(n, e)) {
        free(n->stations);
        free(n);
        return NULL;
    }
    for (int64_t i = 0; i < n->params.stations; i++) {
        struct station *st = &n->stations[i];
        st->net = n;
        list_init(&st->link);
        sim_event_init(&st->event, SIM_CLASS_ARRIVAL, turn);
        sim_event_init(&st->arrival, SIM_CLASS_ARRIVAL, arrive);
        sim_rng_init_indexed(&st->rng, s, "ethernet/station",
                             part * (uint64_t)n->params.stations + (uint64_t)i);
    }
    rank_stations(n);
    sim_busy_init(&n->cable, s, SIM_KIND_CHANNEL, -1, name);
    sim_audit_register(s, "ethernet", audit, n);
    return &n->net;
}

static struct net *ethernet_create(struct sim *s, const void *params, struct err *e)
{
    struct net *net = ethernet_create_part(s, params, "cable", 0, e);
    if (net)
        sim_count(&net->counted, s, "network", -1, counters, of(net));
    return net;
}

const struct net_ops net_ethernet = {
    .kind = { .name = "ethernet",
              .doc = "10 Mb/s Ethernet: one shared cable, CSMA/CD with binary exponential backoff",
              .params = ethernet_params_desc,
              .params_size = sizeof(struct ethernet_params),
              .counters = counters },
    .create = ethernet_create,
    .destroy = ethernet_destroy,
    .set_terminal = ethernet_set_terminal,
    .taken = ethernet_taken,
    .inject = ethernet_inject,
    .describe = ethernet_describe,
    .grid = ethernet_grid,
    .zero_load = ethernet_zero_load,
    .distance = ethernet_distance,
};
