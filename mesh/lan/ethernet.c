/* ethernet.c: stations on one coaxial cable: CSMA/CD from the times at which signals pass places.
 *
 * A flit is a byte of the frame, addresses and check sequence included; shorter packets are padded.
 * Carrier, collisions and gaps are of each station's place, to the picosecond; only the stations'
 * backoffs are drawn.  A packet to all arrives at each station as its last bit passes there.
 * Not modelled: repeaters, bridges, frames to some of the stations.
 * A station whose link is down, or any while the cable is, sends to nobody and hears nothing
 * (mesh/link.h).
 *
 * Source of all rules and lengths: IEEE 802.3, in bit times: MAC of a half-duplex station.
 *
 *   ETH2  Whoever overlaps with another at any place hears of it before its frame ends: a round
 *         trip and the jam fit into a slot (ethernet_create refuses a longer cable).
 *   ETH3  A packet leaves after at most 16 attempts: delivered, or dropped and said so.
 *
 * State of a station        | its event is at               | then
 * IDLE    has no packet     |                               | inject: WAIT or SEND
 * WAIT    defers            | when the cable will be free   | SEND (begin)
 * SEND    sends             | end, or a collision's arrival | success: next; JAM (collide)
 * JAM     sends the rest    | end of the jam                | BACKOFF, WAIT, or dropped: next
 * BACKOFF waits its slots,  | their end, or when it is      | WAIT or SEND
 *         or rests (own_gap) | ready                         |
 * ASTRAY  sends, link down  | the frame's end               | dropped: next
 * A packet finds a link down: ASTRAY in place of WAIT and SEND; and who waits as it falls.
 *
 * Cost: an event looks at the signals on the cable and at the stations in WAIT, at no other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mesh/lan/ethernet_internal.h"
#include "sim/audit.h"

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
    P_TIME(ethernet_params, own_gap, "0", "0", "100ms",
           "From a packet of a station to its next one at least, where its interface is no faster; "
           "others may begin before, a gap of 96 bits after it.",
           "ASSUMED(0: as fast as the standard lets it)"),
    P_VAL(ethernet_params, places,
          "Where the stations are: a list of metres from the cable's end, one for each; without, "
          "they are spread evenly from end to end.",
          "the user's"),
    NET_FAULTS_PARAM(ethernet_params),
    P_END,
};

static struct ethernet *of(const struct net *net)
{
    ASSERT(net->ops == &net_ethernet);
    return (struct ethernet *)(uintptr_t)net;
}

/* ---- stations ---- */

static void begin(struct station *st);

static void wait_until(struct station *st, sim_time when)
{
    struct sim *s = st->net->net.sim;
    sim_cancel(s, &st->event);
    sim_at(s, &st->event, when);
}

/* The first packet of a station whose link is down takes its time, and goes nowhere. */
static void stray(struct station *st)
{
    st->state = ASTRAY;
    wait_until(st, sim_now(st->net->net.sim) + frame_time(st->net, st->first->flits));
}

/* Those who wait for a cable that they do not hear any more do not. */
static void link_changed(void *arg)
{
    struct ethernet *n = arg;
    LIST_EACH_SAFE (it, next, &n->waiting) {
        struct station *w = LIST_ENTRY(it, struct station, link);
        if (!w->own.down && !n->self.down)
            continue;
        list_remove(&w->link);
        stray(w);
    }
}

/* What became of a frame that the station has sent, or got, by now. */
static enum net_status fate(struct station *st, uint32_t flits)
{
    sim_time length = frame_time(st->net, flits);
    return net_link_fate(&st->own, sim_now(st->net->net.sim) - length,
                         (uint64_t)(length / bits(st->net, 1)) - PREAMBLE_BITS);
}

/* Has a packet and nothing more to wait for but the cable. */
static void want(struct station *st)
{
    struct ethernet *n = st->net;
    sim_time now = sim_now(n->net.sim);
    if (st->own.down || n->self.down) {
        stray(st);
        return;
    }
    ethernet_forget_passed(n, now);
    st->wanted = now;
    sim_time when = ethernet_carrier_free(n, st);
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
    ethernet_forget_passed(n, now);
    n->counts.attempts++;
    st->state = SEND;
    st->hit = SIM_NEVER;
    st->signal = ethernet_add_signal(n, st, now, now + frame_time(n, st->first->flits));
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
            wait_until(w, ethernet_carrier_free(n, w));
    }
}

/* A collision has reached a station that sends: it ends the preamble, jams, and stops. */
static void collide(struct station *st)
{
    struct ethernet *n = st->net;
    sim_time now = sim_now(n->net.sim), was = st->signal->end;
    ethernet_forget_passed(n, now);
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
            wait_until(w, ethernet_carrier_free(n, w));
    }
}

/* It has a packet, which goes when its interface is ready. */
static void next(struct station *st)
{
    st->first->injected = sim_now(st->net->net.sim);
    if (st->rested <= st->first->injected) {
        want(st);
        return;
    }
    st->state = BACKOFF;
    wait_until(st, st->rested);
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
    st->rested = sim_now(st->net->net.sim) + st->net->params.own_gap;
    if (st->first)
        next(st);
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

/* The first packet has left, for nobody. */
static void lose(struct station *st, enum net_status why)
{
    struct net_packet *p = pop(st);
    p->delivered = sim_now(st->net->net.sim);
    p->blocked = p->delivered - p->injected;
    tell_sent(st, p);
    tell_receiver(p->dst == NET_ALL ? st : &st->net->stations[p->dst], p, why);
}

static void succeed(struct station *st)
{
    struct ethernet *n = st->net;
    struct sim *s = n->net.sim;
    sim_time now = sim_now(s);
    uint32_t collisions = st->collisions;
    sim_busy_add(&n->cable, s, st->signal->begin + bits(n, PREAMBLE_BITS), now);
    enum net_status status = fate(st, st->first->flits);
    if (status == NET_OK)
        status = net_link_fate(&n->self, st->signal->begin,
                               (uint64_t)((now - st->signal->begin) / bits(n, 1)) - PREAMBLE_BITS);
    if (status != NET_OK) {
        if (n->watcher)
            n->watcher(n->watcher_arg, (uint32_t)(st - n->stations), collisions, true);
        lose(st, status);
        return;
    }
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

/* The jam has left: truncated binary exponential backoff. */
static void back_off(struct station *st)
{
    struct ethernet *n = st->net;
    uint32_t k = st->collisions;
    if (n->watcher)
        n->watcher(n->watcher_arg, (uint32_t)(st - n->stations), k, false);
    ASSERT(k <= ATTEMPTS); /* ETH3 */
    if (k == ATTEMPTS) {
        lose(st, NET_DROPPED_COLLISIONS);
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
    case ASTRAY:
        lose(st, NET_DROPPED_FAULT);
        break;
    case IDLE:
        ASSERT_MSG(false, "an idle station has no event");
    }
}

static void take(struct station *to, struct net_packet *p)
{
    struct ethernet *n = to->net;
    enum net_status status = fate(to, p->flits);
    if (status == NET_OK && to->terminal.room > 0 && to->room == 0)
        status = NET_DROPPED_FULL;
    if (status != NET_OK) {
        tell_receiver(to, p, status);
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
    next(st);
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

static const char *const ethernet_fails[] = { "station", "cable", NULL };

static void ethernet_fault_targets(struct net *net, struct sim_faults *f)
{
    struct ethernet *n = of(net);
    for (uint32_t i = 0; i < (uint32_t)n->params.stations; i++)
        net_link_target_number(f, "station", i, NET_LINK_ALL, &n->stations[i].own, NULL);
    net_link_target(f, "cable", NET_LINK_ALL, &n->self, NULL);
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
    NET_DROPS(ethernet, net, "packets_dropped_fault", NET_DROPPED_FAULT,
              "Packets that met a link that was down."),
    NET_DROPS(ethernet, net, "packets_dropped_damaged", NET_DROPPED_DAMAGED,
              "Packets of which a link damaged a bit."),
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
    sim_faults_free(net->schedule);
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
        net_link_init(&st->own, s, "ethernet/link", (uint64_t)i);
        st->own.changed = link_changed;
        st->own.arg = n;
    }
    net_link_init(&n->self, s, "ethernet/cable", 0);
    n->self.changed = link_changed;
    n->self.arg = n;
    rank_stations(n);
    sim_busy_init(&n->cable, s, SIM_KIND_CHANNEL, -1, name);
    sim_audit_register(s, "ethernet", audit, n);
    return &n->net;
}

static struct net *ethernet_create(struct sim *s, const void *params, struct err *e)
{
    struct net *net = ethernet_create_part(s, params, "cable", 0, e);
    if (net && !net_schedule_faults(net, of(net)->params.faults, e)) {
        ethernet_destroy(net);
        return NULL;
    }
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
    .fault_targets = ethernet_fault_targets,
    .fails = ethernet_fails,
    .distance = ethernet_distance,
};
