/* worm.c: wormhole routing from header events alone, exact to the tick (one virtual channel).
 *
 * A packet's path is channels 0 (injection) .. D-1 (ejection); each but the last is followed by an
 * input FIFO of B flits.  x(i,j) is when flit j (1..L) leaves for channel i, h_i = x(i,1).  Because
 * flits run back to back unless a slot is missing,
 *
 *     x(i,j) = max( h_i + (j-1) t_f,  dep_i(j-B) + t_c )                                    (1)
 *
 * where dep_i(n) is when the flit n places behind this packet's flit 0 in the FIFO after channel i
 * left that FIFO: x(i+1,n) for n >= 1, a flit of an earlier packet for n <= 0; the second term is
 * absent for the ejection channel.  docs/models/mesh.md has the proof; it needs
 * B t_f >= body delay + t_c (no bubbles); without that, worm_slots.c takes over.
 *
 * Every time that a decision needs follows by (1) from header crossings before it.  A time that is
 * not known yet waits for one packet: the one whose header has not crossed its next channel.
 *
 *   WORM1  hops 0..head-1 of a worm have their h; tails of hops 0..settled-1 are known.
 *   WORM2  A worm waits for at most one root, because a header enters a channel only when the FIFO
 *       before it holds no earlier packet.
 *   WORM3  A FIFO's list holds the packets granted into it whose departure is not wholly known, in
 *       order; what is known of earlier ones and may still matter is in its segments.
 *   WORM4  Departures from a FIFO are at least t_f apart, so (1) needs the latest one only.
 *   WORM5  All consequences of an instant lie later: enter, hop, credit, flit time are above 0.
 *   WORM6  Only the last packet granted into a channel asks for departures of its FIFO, of flits
 *       less than B before its own, and no longer once it has left that FIFO; a departure acts
 *       through at most one credit for each channel of a path, so it is forgotten when so many
 *       credit delays have passed.
 *   WORM7  The number of a port is a bit of 32: a router has at most 31 ports.
 *
 * Inside an instant: arrivals, then grants, then the terminals' callbacks in terminal order.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/worm_internal.h"

#define LINE 64u /* bytes of a line of the cache */

/* Zeroed memory at lines of the cache, freed with the network. */
static void *line_zalloc(struct worm_net *n, size_t count, size_t size)
{
    char *block = base_zalloc(count * size + LINE, 1);
    n->blocks = base_realloc(n->blocks, (n->block_count + 1) * sizeof(void *));
    n->blocks[n->block_count++] = block;
    return block + (LINE - (uintptr_t)block % LINE) % LINE;
}

/* ---- routes ---- */

/* The header is at `node` next: looks up by which port it leaves, and over how many channels it
 * goes straight on. */
static void look_up(struct worm_net *n, struct worm *w, uint32_t node)
{
    const struct topo *t = &n->m.topo;
    uint32_t port = topo_route(t, w->packet->src, node, w->packet->dst), dim = port / 2;
    w->port = (uint8_t)port;
    w->steps = 1;
    if (port != n->ports - 1) {
        uint16_t a = t->coord[(size_t)node * t->dims + dim];
        uint16_t b = t->coord[(size_t)w->packet->dst * t->dims + dim];
        w->steps = (uint16_t)(a < b ? b - a : a - b);
    }
}

/* ---- headers ---- */

/* A header waited for c until `until`; what lies in the window counts. */
static void count_blocked(struct worm_net *n, uint32_t chan, sim_time from, sim_time until)
{
    struct chan_rest *r = &n->rests[chan];
    sim_time window = sim_window_start(n->m.net.sim);
    if (r->window != window) {
        r->window = window;
        r->blocked = 0;
    }
    from = sim_time_max(from, window);
    r->blocked += until > from ? until - from : 0;
}

/* Those that wait for w are looked at again once it is done. */
static void call_waiters(struct worm_net *n, struct worm *w)
{
    while (w->waiters) {
        struct worm *r = w->waiters;
        w->waiters = r->next;
        r->next = n->retry;
        n->retry = r;
    }
}

void worm_travel(struct worm_net *n, struct worm *w, sim_time h)
{
    struct hop *p = hop_of(w, w->head - 1);
    const struct chan *c = &n->chans[p->chan];
    w->ready = h + (w->head == 1 ? n->m.d.enter : n->m.d.hop);
    w->place = TRAVELLING;
    if (w->steps == 0)
        look_up(n, w, node_of(n, c->end_base));
    p->next = c->end_base + w->port;
    post(n, w->ready - n->m.d.front, WORD_ARRIVE, w);
}

/* The header's crossing of hop `head` is known: h. */
static void cross(struct worm_net *n, struct worm *w, sim_time h)
{
    uint32_t i = w->head++;
    struct hop *p = hop_of(w, i);
    p->h = h;
    note_stall(n, w, i, h);
    n->counts.header_hops++;
    n->counts.slot_waits += h > w->start;
    if (w->waiters)
        call_waiters(n, w);
    if (i == 0) {
        w->packet->injected = h;
    } else {
        sim_time blocked = h - w->ready - n->m.d.allocation;
        if (blocked > 0) {
            w->packet->blocked += blocked;
            count_blocked(n, p->chan, w->ready, w->ready + blocked);
        }
    }
    if (w->ejecting) {
        w->complete = true;
    } else {
        --w->steps;
        worm_travel(n, w, h);
    }
    if (n->slots)
        worm_slots_cross(n, w);
    else
        worm_settle(n, w);
}

/* A granted header crosses as soon as a slot of the FIFO is free. */
static void try_cross(struct worm_net *n, struct worm *w)
{
    const struct hop *p = hop_of(w, w->head);
    const struct chan *c = &n->chans[p->chan];
    sim_time h = w->start;
    if (n->slots) {
        sim_time slot;
        if (!worm_slots_credit(n, w, p->chan, &slot))
            return;
        h = sim_time_max(h, slot);
    } else if (!c->ejects) {
        uint32_t flit = p->base + 1 - n->depth;
        bool known = (int32_t)(flit - c->departed) <= 0;
        if (!known || c->last_left + n->m.d.credit > h) {
            sim_time left;
            struct worm *root;
            if (!worm_departure(n, p->chan, flit, &left, &root)) {
                worm_wait_for(w, root);
                return;
            }
            h = sim_time_max(h, left + n->m.d.credit);
        }
    }
    cross(n, w, h);
}

static void drain_retry(struct worm_net *n)
{
    while (n->retry) {
        struct worm *w = n->retry;
        n->retry = w->next;
        w->waiting = false;
        if (w->place == GRANTED)
            try_cross(n, w);
        else
            worm_settle(n, w);
    }
}

static void grant(struct worm_net *n, struct worm *w, uint32_t chan)
{
    struct chan *c = &n->chans[chan];
    struct hop *p = hop_of(w, w->head);
    *p = (struct hop){ .chan = chan, .base = c->entered };
    c->last_base = c->entered;
    c->entered += w->length;
    c->held = true;
    w->place = GRANTED;
    if (!c->ejects) {
        n->counts.shared += still_holds(c, n->m.now);
        if (c->back) {
            c->back->behind = w;
            c->back->behind_hop = w->head;
        } else {
            c->front = w;
            c->front_hop = w->head;
        }
        c->back = p;
    }
    if (n->slots)
        worm_slots_grant(n, w, chan);
    try_cross(n, w);
    if (n->retry)
        drain_retry(n);
}

/* Output chan is to be looked at once all have arrived; `from` is the channel over which a header
 * came that asks for it, NOBODY: it only fell free. */
static inline void mark(struct worm_net *n, uint32_t chan, uint32_t from)
{
    struct chan *c = &n->chans[chan];
    if (!c->dirty) {
        c->dirty = true;
        n->dirty[n->dirty_count++] = (struct look){ chan, from };
    }
}

/* The header of w, which has come over f, asks for channel chan. */
static inline void ask_for(struct worm_net *n, const struct hop *last, const struct chan *f,
                           uint32_t chan)
{
    n->chans[chan].asking |= 1u << f->end_port;
    mark(n, chan, last->chan);
}

/* The same for a channel that an express uses, or a dead one. */
static __attribute__((noinline)) void ask_specially(struct worm_net *n, struct worm *w)
{
    const struct hop *last = hop_of(w, w->head - 1);
    const struct chan *f = &n->chans[last->chan];
    uint32_t chan = last->next;
    while (n->chans[chan].lent)
        worm_express_end(n, n->chans[chan].express);
    if (n->chans[chan].dead) {
        chan = n->drops + f->end_base + f->end_port;
        w->ejecting = w->packet->dropped = true;
    }
    ask_for(n, last, f, chan);
}

static void ask(struct worm_net *n, struct worm *w)
{
    const struct hop *last = hop_of(w, w->head - 1);
    w->place = ASKING;
    hop_of(w, w->head)->h = n->m.now;
    w->ejecting = w->port == n->ports - 1;
    if (n->chans[last->next].lent | n->chans[last->next].dead)
        ask_specially(n, w);
    else
        ask_for(n, last, &n->chans[last->chan], last->next);
}

static inline void arrive(struct worm_net *n, struct worm *w)
{
    const struct chan *f = &n->chans[hop_of(w, w->head - 1)->chan];
    w->place = IN_LINE;
    if (f->front != w)
        return; /* leave_fifo calls it up */
    sim_time at = sim_time_max(f->last_left + n->m.d.flit, n->m.now);
    if (at + n->m.d.front <= n->m.now)
        ask(n, w);
    else
        post_front(n, at, w);
}

/* Its router begins to route the header at the front, or is to be asked again when it is free. */
static void route(struct worm_net *n, struct worm *w)
{
    uint32_t router = node_of(n, n->chans[hop_of(w, w->head - 1)->chan].end_base);
    bool begun = mesh_net_route(&n->m, router);
    post(n, n->m.routing[router], begun ? WORD_LINE : WORD_ROUTE, w);
}

/* ---- grants ---- */

static inline uint32_t choose(const struct worm_net *n, const struct chan *c, uint32_t node)
{
    uint32_t after = c->asking >> c->turn << c->turn, left = after ? after : c->asking;
    uint32_t best = (uint32_t)__builtin_ctz(left);
    if (n->m.params.arbitration == MESH_ROUND_ROBIN)
        return best;
    sim_time oldest = SIM_NEVER;
    for (left = c->asking; left;) {
        uint32_t port = after ? (uint32_t)__builtin_ctz(after) : (uint32_t)__builtin_ctz(left);
        sim_time created = competitor(n, node, port)->packet->created;
        if (created < oldest) {
            best = port;
            oldest = created;
        }
        after &= ~(1u << port);
        left &= ~(1u << port);
    }
    return best;
}

#define SLAB 8192u /* bytes of worms of a class allocated at a time, or one worm */

static void pool_fill(struct worm_net *n, uint8_t log2)
{
    size_t size = sizeof(struct worm) + (sizeof(struct hop) << log2), count = SLAB / size + 1;
    char *slab = line_zalloc(n, count, size);
    for (size_t i = count; i-- > 0;) {
        struct worm *w = (void *)(slab + i * size);
        w->next = n->pool[log2];
        n->pool[log2] = w;
    }
}

struct worm *worm_make(struct worm_net *n, struct net_packet *p)
{
    uint32_t reach = (p->flits - 1) / n->depth;
    uint8_t log2 = 2;
    if (reach > 1 || n->slots) {
        uint32_t path = topo_distance(&n->m.topo, p->src, p->dst) + 2;
        reach = reach < path ? reach : path;
        while (1u << log2 < (n->slots ? path : reach) + 3)
            log2++;
    }
    if (!n->pool[log2])
        pool_fill(n, log2);
    struct worm *w = n->pool[log2];
    n->pool[log2] = w->next;
    *w = (struct worm){ .packet = p, .length = p->flits, .reach = reach, .steps = 1, .log2 = log2 };
    return w;
}

static void inject_next(struct worm_net *n, uint32_t chan)
{
    struct source *s = &n->sources[chan - n->injects];
    struct net_packet *p = s->first;
    s->first = p->next;
    n->chans[chan].asking = s->first != NULL;
    n->inside++;
    n->flits_inside += p->flits;
    if (n->skip > 0 && !n->chans[chan].lent)
        n->skip--;
    else if (n->may_express && worm_express_take(n, p))
        return;
    struct worm *w = worm_make(n, p);
    w->start = n->m.now;
    grant(n, w, chan);
}

/* Where the header will ask next is known a hop ahead, and on a large network has left the
 * caches. */
static inline void fetch(const struct worm_net *n, uint32_t chan)
{
    __builtin_prefetch(&n->chans[chan], 1);
    __builtin_prefetch(&n->busys[chan], 1);
    if (n->pairs)
        __builtin_prefetch(&n->holders[chan], 1);
}

/* What most hops are: a grant and a crossing at once, because the slot that the header needs fell
 * free long ago, or the slots did one after the other.  The tail of a packet that fits into the
 * FIFO behind chan crosses back to back then; of a longer one it is not known yet.  Does what grant
 * does, in one piece; false: it is not such a hop. */
static bool hop_at_once(struct worm_net *n, struct worm *w, uint32_t chan)
{
    struct chan *c = &n->chans[chan];
    uint32_t i = w->head, base = c->entered, first = base + 1 - n->depth;
    uint32_t needed = w->reach == 0 ? base + w->length - n->depth : first;
    sim_time h = w->start, slots_at = c->last_left + n->m.d.credit;
    if (!n->plain || c->ejects || (int32_t)(needed - c->departed) > 0 || w->waiters)
        return false;
    if (slots_at > h) { /* the slots for the last flits fell free lately */
        if ((int32_t)(first - c->newest) <= 0)
            return false;
        h = sim_time_max(h, slots_at - (sim_time)(c->departed - first) * n->m.d.flit);
        n->counts.slot_waits += h > w->start;
    }
    struct hop *p = hop_of(w, i);
    if (--w->steps == 0)
        look_up(n, w, node_of(n, c->end_base));
    *p = (struct hop){ .h = h, .chan = chan, .base = base, .next = c->end_base + w->port };
    fetch(n, p->next);
    note_stall(n, w, i, h);
    w->head = i + 1;
    w->place = TRAVELLING;
    c->last_base = base;
    c->entered = base + w->length;
    if (c->back) {
        n->counts.shared++;
        c->back->behind = w;
        c->back->behind_hop = i;
    } else {
        n->counts.shared += c->last_left >= n->m.now;
        c->front = w;
        c->front_hop = i;
    }
    c->back = p;
    n->counts.header_hops++;
    sim_time granted = h - n->m.d.allocation;
    if (granted > w->ready) {
        w->packet->blocked += granted - w->ready;
        count_blocked(n, chan, w->ready, granted);
    }
    w->ready = h + n->m.d.hop;
    post(n, w->ready - n->m.d.front, WORD_ARRIVE, w);
    if (w->reach > 0) {
        c->held = true;
        if (w->settled + w->reach <= i)
            worm_settle(n, w);
    } else {
        w->settled = i + 1;
        worm_tail_straight(n, w, i, h + (sim_time)(w->length - 1) * n->m.d.flit);
    }
    return true;
}

static void arbitrate(struct worm_net *n, uint32_t chan, uint32_t from)
{
    struct chan *c = &n->chans[chan];
    uint32_t asking = c->asking;
    c->dirty = false;
    if (!asking || c->held)
        return;
    if (c->free_at > n->m.now) {
        if (!c->waking)
            wake_at_free(n, c, chan);
        return;
    }
    if (chan >= n->injects && chan < n->drops) {
        inject_next(n, chan);
        return;
    }
    uint32_t node = node_of(n, chan < n->drops ? chan : chan - n->drops);
    if (c->ejects && chan < n->injects) {
        if (!mesh_net_has_place(&n->m, node))
            return; /* worm_taken comes back to it */
        mesh_net_take_place(&n->m, node);
    }
    struct worm *w;
    uint32_t port;
    if (from != NOBODY && (asking & (asking - 1)) == 0) {
        w = n->chans[from].front;
        port = n->chans[from].end_port;
    } else {
        port = choose(n, c, node);
        w = competitor(n, node, port);
    }
    if (n->pairs && chan < n->injects)
        worm_blame(n, chan, port);
    c->asking = asking & ~(1u << port);
    c->turn = (uint8_t)(port + 1 == n->ports ? 0 : port + 1);
    w->start = n->m.now + n->m.d.allocation;
    if (!hop_at_once(n, w, chan))
        grant(n, w, chan);
}

/* ---- faults ---- */

static void set_dead(struct mesh_net *m, uint32_t chan, bool dead)
{
    CONTAINER_OF(m, struct worm_net, m)->chans[chan].dead = dead;
}

/* Those that wait for a channel that is dead now meet it so. */
static void turn_away(struct mesh_net *m, uint32_t chan, bool dead)
{
    struct worm_net *n = CONTAINER_OF(m, struct worm_net, m);
    struct chan *c = &n->chans[chan];
    uint32_t asking = c->dead ? c->asking : 0;
    (void)dead; /* a later fault of this instant may say otherwise */
    c->asking &= ~asking;
    for (; asking; asking &= asking - 1)
        ask(n, competitor(n, node_of(n, chan), (uint32_t)__builtin_ctz(asking)));
}

static void worm_fault(struct net *net, const struct net_fault *f)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, m.net);
    n->may_express = false;
    worm_express_end_all(n);
    for (uint32_t i = 0; n->m.fault_count == 0 && i < n->injects; i++) {
        n->chans[n->drops + i].ejects = true;
        n->chans[n->drops + i].last_left = NEVER_LEFT;
    }
    mesh_net_fault(net, f);
}

/* ---- the instant ---- */

static void collect(struct worm_net *n, const uint64_t *words, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        void *ptr = mesh_word_pointer(words[k]);
        switch ((enum word)(words[k] & MESH_WORD_KIND)) {
        case WORD_ARRIVE:
            arrive(n, ptr);
            break;
        case WORD_LINE:
            ask(n, ptr);
            break;
        case WORD_ROUTE:
            route(n, ptr);
            break;
        case WORD_WAKE:
            n->chans[mesh_word_index(words[k])].waking = false;
            mark(n, mesh_word_index(words[k]), NOBODY);
            break;
        case WORD_SENT:
            mesh_net_sent(&n->m, ptr);
            break;
        case WORD_DELIVER:
            n->inside--;
            n->flits_inside -= ((struct net_packet *)ptr)->flits;
            mesh_net_done(&n->m, ptr);
            break;
        case WORD_EXPRESS:
            worm_express_due(n, ptr);
            break;
        }
    }
}

/* Words that expresses which ended have added to this instant. */
static uint32_t take_again(struct worm_net *n, const uint64_t **words)
{
    bool ended = n->ended;
    n->ended = false;
    return ended && wheel_next(&n->m.wheel) == n->m.now ? wheel_take(&n->m.wheel, words) : 0;
}

static void take_instant(struct worm_net *n)
{
    const uint64_t *words;
    uint32_t count = wheel_take(&n->m.wheel, &words);
    if (n->m.fault_count > 0) { /* before the arrivals of the instant */
        mesh_net_faults_now(&n->m, set_dead);
        mesh_net_faults_now(&n->m, turn_away);
    }
    n->inside_instant = true;
    n->ended = false;
    do
        collect(n, words, count);
    while ((count = take_again(n, &words)) > 0);
    for (uint32_t k = 0; k < n->dirty_count; k++)
        arbitrate(n, n->dirty[k].chan, n->dirty[k].from);
    n->dirty_count = 0;
    n->inside_instant = false;
}

static void instant(struct sim *s, struct sim_event *e)
{
    struct worm_net *n = CONTAINER_OF(e, struct worm_net, m.tick);
    n->m.now = sim_now(s);
    do
        take_instant(n);
    while (mesh_net_go_on(&n->m));
}

/* ---- the interface ---- */

static void worm_taken(struct net *net, uint32_t terminal)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, m.net);
    uint32_t chan = terminal * n->ports + n->ports - 1;
    struct chan *c = &n->chans[chan];
    if (mesh_net_give_place(&n->m, terminal) && c->asking && !c->held && !c->waking) {
        c->waking = true;
        mesh_post_index(&n->m, sim_time_max(c->free_at, n->m.now), WORD_WAKE, chan);
        mesh_net_schedule(&n->m);
    }
}

void worm_wait_at_source(struct worm_net *n, struct net_packet *p)
{
    struct source *s = &n->sources[p->src];
    if (s->first)
        s->last->next = p;
    else
        s->first = p;
    s->last = p;
    uint32_t chan = n->injects + p->src;
    n->chans[chan].asking = 1;
    arbitrate(n, chan, NOBODY);
}

static void worm_inject(struct net *net, struct net_packet *p)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, m.net);
    mesh_net_take(&n->m, p);
    if (n->chans[n->injects + p->src].lent)
        worm_express_follow(n, n->chans[n->injects + p->src].express);
    worm_wait_at_source(n, p);
    mesh_net_schedule(&n->m);
}

void mesh_worm_counts(const struct net *net, struct mesh_counts *out)
{
    ASSERT(net->ops == &net_worm);
    *out = ((const struct worm_net *)(const void *)net)->counts;
}

static void worm_channels(const struct net *net, void (*fn)(void *arg, const struct net_channel *c),
                          void *arg)
{
    const struct worm_net *n = (const void *)net;
    sim_time window = sim_window_start(net->sim);
    for (uint32_t i = 0; i < n->drops; i++) {
        const struct chan *c = &n->chans[i];
        const struct chan_rest *r = &n->rests[i];
        bool injects = i >= n->injects;
        uint32_t node = injects ? i - n->injects : node_of(n, i);
        if (n->busys[i].name)
            fn(arg, &(struct net_channel){ .busy = &n->busys[i],
                                           .node = node,
                                           .to_node = c->ejects ? node : node_of(n, c->end_base),
                                           .port = injects ? n->ports - 1 : i - node * n->ports,
                                           .injects = injects,
                                           .blocked = r->window == window ? r->blocked : 0 });
    }
}

static void worm_audit(void *self, struct sim_audit_report *r)
{
    const struct worm_net *n = self;
    uint64_t packets = n->inside, flits = n->flits_inside, live = 0;
    for (uint32_t i = 0; i < n->m.topo.nodes; i++)
        for (const struct net_packet *p = n->sources[i].first; p; p = p->next) {
            packets++;
            flits += p->flits;
        }
    mesh_net_audit(&n->m, r, packets, flits);
    for (uint32_t i = 0; i < n->drops; i++)
        live += n->chans[i].held || n->chans[i].asking;
    sim_audit_check(r, live == 0 || packets > 0,
                    "%" PRIu64 " channels are held or wanted, but no packet is inside", live);
}

static void make_channels(struct worm_net *n)
{
    const struct topo *t = &n->m.topo;
    uint32_t ports = n->ports;
    n->injects = t->nodes * ports;
    n->drops = n->injects + t->nodes;
    n->chans = line_zalloc(n, n->drops + n->injects, sizeof(*n->chans));
    n->busys = line_zalloc(n, n->drops, sizeof(*n->busys));
    n->rests = base_zalloc(n->drops + n->injects, sizeof(*n->rests));
    n->in_chans = base_alloc(sizeof(*n->in_chans) * n->injects);
    for (uint32_t i = 0; i < n->drops; i++) {
        struct chan *c = &n->chans[i];
        bool inject = i >= n->injects;
        uint32_t node = inject ? i - n->injects : i / ports, port = inject ? ports : i % ports;
        uint32_t end = inject ? node : topo_neighbour(t, node, port);
        c->last_left = NEVER_LEFT;
        c->ejects = port == ports - 1;
        c->end_base = end == UINT32_MAX ? end : end * ports;
        c->end_port = (uint8_t)(inject ? ports - 1 : topo_opposite(port));
        if (!c->ejects && end == UINT32_MAX)
            continue; /* the edge of the mesh */
        if (end != UINT32_MAX)
            n->in_chans[end * ports + c->end_port] = i;
        char name[64];
        sim_busy_init(&n->busys[i], n->m.net.sim, SIM_KIND_CHANNEL, (int32_t)node,
                      topo_channel_name(t, node, port, name, sizeof(name)));
    }
}

static void worm_destroy(struct net *net);

static struct net *worm_create(struct sim *s, const void *params, struct err *e)
{
    struct worm_net *n = base_zalloc(1, sizeof(*n));
    if (!mesh_net_init(&n->m, &net_worm, s, params, instant, worm_audit, e)) {
        free(n);
        return NULL;
    }
    uint32_t longest = topo_diameter(&n->m.topo) + 2; /* path, in channels */
    n->ports = n->m.topo.ports;
    ASSERT_MSG(n->ports < 32, "WORM7");
    n->ports_inverse = ((UINT64_C(1) << 32) + n->ports - 1) / n->ports;
    n->depth = (uint32_t)n->m.params.fifo_flits;
    n->window = n->m.d.flit * n->m.params.fifo_flits - n->m.d.credit;
    n->memory = n->m.d.credit * (sim_time)(longest + 2);
    make_channels(n);
    if (!mesh_no_bubbles(&n->m.params))
        worm_slots_init(n);
    n->plain = !n->slots && n->m.params.fifo == MESH_FIFO_SHARED;
    worm_express_init(n);
    n->starts = base_alloc(sizeof(*n->starts) * longest);
    n->sources = base_zalloc(n->m.topo.nodes, sizeof(*n->sources));
    n->dirty = base_alloc(sizeof(*n->dirty) * (n->drops + n->injects));
    if (net_schedule_faults(&n->m.net, n->m.params.faults, e))
        return &n->m.net;
    worm_destroy(&n->m.net);
    return NULL;
}

static void worm_destroy(struct net *net)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, m.net);
    for (uint32_t i = 0; i < n->drops; i++)
        if (n->busys[i].name)
            sim_busy_fini(&n->busys[i]);
    for (uint32_t i = 0; i < n->drops + n->injects; i++)
        free(n->rests[i].segs);
    for (uint32_t i = 0; i < n->block_count; i++)
        free(n->blocks[i]);
    free(n->blocks);
    free(n->rests);
    free(n->pairs);
    free(n->holders);
    free(n->in_chans);
    worm_slots_fini(n);
    worm_express_fini(n);
    free(n->starts);
    free(n->sources);
    free(n->dirty);
    mesh_net_fini(&n->m);
    free(n);
}

static const struct counter counters[] = {
    MESH_COUNTERS(worm_net),
    C_SUM(worm_net, counts, header_hops, "1",
          "Channels entered by headers, injection and ejection included."),
    C_SUM(worm_net, counts, shared, "1",
          "Of these, into a FIFO that still held some of another packet."),
    C_SUM(worm_net, counts, slot_waits, "1", "Of these, granted but late for want of a slot."),
    C_END,
};

const struct net_ops net_worm = {
    .kind = { .name = "worm",
              .doc =
                  "wormhole-routed mesh or hypercube from header events alone, exact to the tick",
              .params = mesh_params_desc,
              .params_size = sizeof(struct mesh_params),
              .counters = counters },
    .create = worm_create,
    .destroy = worm_destroy,
    .set_terminal = mesh_net_set_terminal,
    .taken = worm_taken,
    .inject = worm_inject,
    .lend = worm_lend,
    .follow = worm_follow,
    .regain = worm_regain,
    .describe = mesh_net_describe,
    .grid = mesh_grid,
    .zero_load = mesh_net_zero_load,
    .fault = worm_fault,
    .fault_targets = mesh_net_fault_targets,
    .fails = mesh_net_fails,
    .channels = worm_channels,
    .watch = worm_watch,
    .pairs = worm_pairs,
    .distance = mesh_net_distance,
};
