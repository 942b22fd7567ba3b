/* worm_express.c: packets that meet nobody cross without an event a hop.
 *
 * A packet whose channels are all idle when it starts is an *express*: it marks them as lent, and
 * its header crosses channel i at
 *
 *     h_0 = now,  h_1 = h_0 + enter,  h_i = h_(i-1) + hop,
 *
 * all its flits back to back, as long as nobody else asks for one of these channels.  Whoever does
 * (a header, a packet of the same source for elsewhere) ends the express first: each of its packets
 * becomes a worm, wherever it is by then.  Packets that follow on the same way join it.  A way that
 * is lent (net_ops.lend) is an express whose packets come when it is given back.
 *
 *   EXPRESS1  A channel that is lent belongs to one express; it is free, nobody asks for it, its
 *       FIFO is empty, and its state is that of before the express, but for the injection channel's
 *       free_at.
 *   EXPRESS2  Nothing of a packet is decided by anybody else: B t_f >= t_h + t_c, so no flit waits
 *       for a slot; headers pay nothing at a grant or at the front.
 *   EXPRESS3  Packets of an express are so far apart that the tail before is known to have left a
 *       FIFO when a header is granted the channel before it.
 *   EXPRESS4  Edges of the window and the end of a run end all of them (sim_settle_by).
 */
#include <stdlib.h>

#include "mesh/worm_internal.h"

/* Where it helps little, few are tried: after one that met somebody so many packets more are not as
 * after the one before, and one that met nobody takes some of that back. */
#define SKIP_MORE 2u
#define SKIP_LESS 8u
#define SKIP_MOST 64u

struct express {
    struct list link;     /* n->expresses, while it is open */
    struct net_way *lent; /* NULL: its packets are known */
    struct net_packet *first, *last;
    struct net_packet *unsent; /* of those, the first whose tail has not left its source */
    struct express *next;
    uint32_t words; /* of the wheel, still to come */
    uint32_t length;
    bool open;
    /* Delivered, and not booked on the channels yet: how many, of how many flits, and the last. */
    uint32_t count, flits, last_flits;
    sim_time first_h, last_h;
    uint32_t path[];
};

static sim_time longest_hop(const struct worm_net *n)
{
    return sim_time_max(n->m.d.enter, n->m.d.hop);
}

static void settle(void *arg)
{
    struct worm_net *n = arg;
    worm_express_end_all(n);
}

void worm_express_init(struct worm_net *n)
{
    const struct mesh_delays *d = &n->m.d;
    list_init(&n->expresses);
    n->may_express = n->m.params.express && n->plain && d->allocation == 0 && d->front == 0 &&
                     longest_hop(n) + d->credit <= d->flit * (sim_time)n->depth;
    sim_settle_by(n->m.net.sim, &n->settler, settle, n);
}

void worm_express_fini(struct worm_net *n)
{
    list_remove(&n->settler.link);
}

/* ---- ways ---- */

/* Fills in the channels of a route; returns their number. */
static uint32_t find_path(const struct worm_net *n, uint32_t src, uint32_t dst, uint32_t *path)
{
    const struct topo *t = &n->m.topo;
    const uint16_t *from = t->coord + (size_t)src * t->dims, *to = t->coord + (size_t)dst * t->dims;
    uint32_t at = src * n->ports, length = 0;
    path[length++] = n->injects + src;
    for (uint32_t k = 0; k < t->dims; k++) {
        uint32_t d = t->order[k], down = from[d] > to[d];
        uint32_t steps = down ? (uint32_t)(from[d] - to[d]) : (uint32_t)(to[d] - from[d]);
        uint32_t step = down ? -t->stride[d] * n->ports : t->stride[d] * n->ports;
        for (; steps > 0; steps--, at += step)
            path[length++] = at + 2 * d + down;
    }
    path[length++] = at + n->ports - 1;
    return length;
}

static struct express *express_new(struct worm_net *n)
{
    struct express *e = n->unused;
    if (e) {
        n->unused = e->next;
        return e;
    }
    uint32_t longest = topo_diameter(&n->m.topo) + 2;
    n->blocks = base_realloc(n->blocks, (n->block_count + 1) * sizeof(void *));
    e = base_zalloc(1, sizeof(*e) + longest * sizeof(*e->path));
    n->blocks[n->block_count++] = e;
    return e;
}

static void express_free(struct worm_net *n, struct express *e)
{
    e->next = n->unused;
    n->unused = e;
}

/* Nobody is near c: the header can cross it at h, all flits find a slot behind it, and the header
 * competes for the next channel `hop` later: by then the tail before it, which left at last_left,
 * has been gone for a flit time, and what left before that went at least a flit time earlier a
 * flit. */
static inline bool idle(const struct worm_net *n, const struct chan *c, sim_time h, sim_time hop)
{
    sim_time flit = n->m.d.flit;
    return !(c->held | c->lent | (c->back != NULL)) && c->asking == 0 && c->free_at <= h &&
           c->last_left + flit <= h + hop &&
           c->last_left + n->m.d.credit <= h + (sim_time)(n->depth - 1) * flit;
}

/* An open express from src to dst for headers from now on; NULL: not now. */
static struct express *express_open(struct worm_net *n, uint32_t src, uint32_t dst)
{
    if (!n->may_express || n->m.terminals[dst].room > 0 || !sim_plain_order(n->m.net.sim))
        return NULL;
    struct express *e = express_new(n);
    sim_time h = n->m.now;
    e->length = find_path(n, src, dst, e->path);
    for (uint32_t i = 0; i < e->length; i++) {
        struct chan *c = &n->chans[e->path[i]];
        sim_time hop = i == 0 ? n->m.d.enter : n->m.d.hop;
        if (!idle(n, c, h, hop)) {
            while (i-- > 0) {
                n->chans[e->path[i]].lent = false;
                n->chans[e->path[i]].front = NULL;
            }
            express_free(n, e);
            return NULL;
        }
        c->lent = true;
        c->express = e;
        h += hop;
    }
    e->lent = NULL;
    e->first = e->last = e->unsent = NULL;
    e->words = e->count = e->flits = 0;
    e->open = true;
    list_push(&n->expresses, &e->link);
    return e;
}

/* Books those that are delivered, and gives the channels back. */
static void express_close(struct worm_net *n, struct express *e)
{
    bool counts = sim_window_phase(n->m.net.sim) != SIM_WINDOW_CLOSED;
    sim_time h = e->last_h, flit = n->m.d.flit, behind = (sim_time)e->last_flits * flit;
    uint32_t port = 0;
    e->open = false;
    list_remove(&e->link);
    n->counts.header_hops += (uint64_t)e->count * e->length;
    for (uint32_t i = 0; i < e->length; i++) {
        uint32_t chan = e->path[i];
        struct chan *c = &n->chans[chan];
        c->lent = false;
        c->front = NULL;
        if (e->count == 0)
            continue;
        sim_time next = h + (i == 0 ? n->m.d.enter : n->m.d.hop);
        n->counts.shared += still_holds(c, h - e->last_h + e->first_h);
        c->free_at = h + behind;
        c->last_base = c->entered + e->flits - e->last_flits;
        c->entered += e->flits;
        if (i > 0)
            c->turn = (uint8_t)(port + 1 == n->ports ? 0 : port + 1);
        port = c->end_port;
        if (counts)
            sim_busy_add_past(&n->busys[chan], e->count, (sim_time)e->flits * flit);
        if (!c->ejects)
            worm_left(n, chan, next + behind - flit);
        h = next;
    }
}

/* ---- packets ---- */

static bool past(const struct worm_net *n, sim_time when)
{
    return sim_past(n->m.net.sim, when, SIM_CLASS_ARRIVAL, SIM_UNKNOWN);
}

static sim_time sent_at(const struct worm_net *n, const struct net_packet *p)
{
    return p->injected + (sim_time)p->flits * n->m.d.flit;
}

static sim_time delivered_at(const struct worm_net *n, const struct express *e,
                             const struct net_packet *p)
{
    return p->injected + n->m.d.enter + (sim_time)(e->length - 2) * n->m.d.hop +
           (sim_time)(p->flits - 1) * n->m.d.flit + n->m.d.eject;
}

/* p, which was injected, becomes a worm on the way of e, which is closed.  told: its source knows
 * that its tail has left. */
static void make_worm(struct worm_net *n, const struct express *e, struct net_packet *p, bool told)
{
    struct worm *w = worm_make(n, p);
    sim_time h = p->injected;
    w->told = told;
    for (uint32_t i = 0; i == 0 || past(n, h); i++) {
        uint32_t chan = e->path[i];
        struct chan *c = &n->chans[chan];
        struct hop *at = hop_of(w, i);
        ASSERT_MSG(c->back == NULL, "EXPRESS3");
        *at = (struct hop){ .h = h, .chan = chan, .base = c->entered };
        c->last_base = c->entered;
        c->entered += w->length;
        c->held = true;
        n->counts.shared += still_holds(c, h);
        if (i > 0) {
            uint32_t port = n->chans[e->path[i - 1]].end_port;
            c->turn = (uint8_t)(port + 1 == n->ports ? 0 : port + 1);
        }
        if (!c->ejects) {
            at->next = e->path[i + 1];
            c->front = w;
            c->front_hop = i;
            c->back = at;
        }
        note_stall(n, w, i, h);
        w->head = i + 1;
        n->counts.header_hops++;
        if (c->ejects) {
            w->complete = true;
            worm_settle(n, w);
            return;
        }
        worm_settle(n, w);
        h += i == 0 ? n->m.d.enter : n->m.d.hop;
    }
    w->steps = 0;
    worm_travel(n, w, hop_of(w, w->head - 1)->h);
}

static void in_vain(struct worm_net *n)
{
    n->penalty += n->penalty < SKIP_MOST ? SKIP_MORE : 0;
    n->skip = n->penalty;
}

void worm_express_end(struct worm_net *n, struct express *e)
{
    if (e->lent) {
        e->lent->wanted(e->lent);
        return;
    }
    in_vain(n);
    n->ended = true;
    n->m.now = sim_now(n->m.net.sim);
    express_close(n, e);
    bool told = true;
    for (struct net_packet *p = e->first, *next; p; p = next) {
        next = p->next;
        told = told && p != e->unsent;
        make_worm(n, e, p, told);
    }
    e->first = e->unsent = NULL;
    if (e->words == 0)
        express_free(n, e);
    if (!n->inside_instant)
        mesh_net_schedule(&n->m);
}

void worm_express_follow(struct worm_net *n, struct express *e)
{
    if (e->lent)
        worm_express_end(n, e);
}

void worm_express_end_all(struct worm_net *n)
{
    LIST_EACH_SAFE (it, next, &n->expresses) {
        struct express *e = LIST_ENTRY(it, struct express, link);
        if (!e->lent)
            worm_express_end(n, e);
    }
}

/* p, behind the last packet, does as if alone (EXPRESS3). */
static bool follows(const struct worm_net *n, const struct express *e, const struct net_packet *p)
{
    const struct net_packet *q = e->last;
    uint32_t reach = (q->flits - 1) / n->depth + 1;
    return !e->lent && p->dst == q->dst && p->flits >= n->depth && q->flits >= n->depth &&
           n->m.now - q->injected > (sim_time)reach * longest_hop(n);
}

static void post_express(struct worm_net *n, sim_time when, struct express *e)
{
    e->words++;
    post(n, when, WORD_EXPRESS, e);
}

bool worm_express_take(struct worm_net *n, struct net_packet *p)
{
    uint32_t chan = n->injects + p->src;
    struct chan *c = &n->chans[chan];
    struct express *e = c->lent ? c->express : NULL;
    if (e && !follows(n, e, p)) {
        worm_express_end(n, e);
        return false;
    }
    if (!e) {
        if (!idle(n, c, n->m.now, n->m.d.enter))
            return false;
        if (!(e = express_open(n, p->src, p->dst))) {
            in_vain(n);
            return false;
        }
    }
    p->injected = n->m.now;
    p->next = NULL;
    if (e->first)
        e->last->next = p;
    else
        e->first = p;
    e->last = p;
    c->free_at = sent_at(n, p);
    if (c->asking && !c->waking)
        wake_at_free(n, c, chan);
    if (n->m.terminals[p->src].sent) {
        e->unsent = e->unsent ? e->unsent : p;
        post_express(n, c->free_at, e);
    }
    post_express(n, delivered_at(n, e, p), e);
    return true;
}

/* p, the next of e, is delivered. */
static void count(struct worm_net *n, struct express *e, struct net_packet *p, sim_time delivered)
{
    p->delivered = delivered;
    p->hops = e->length - 1;
    if (e->count++ == 0) {
        e->first_h = p->injected;
    } else { /* the tail before may still be in a FIFO when the header is granted its channel */
        sim_time since = p->injected - e->last_h - (sim_time)(e->last_flits - 1) * n->m.d.flit;
        n->counts.shared += since <= n->m.d.enter;
        n->counts.shared += since <= n->m.d.hop ? e->length - 2 : 0;
    }
    e->flits += p->flits;
    e->last_flits = p->flits;
    e->last_h = p->injected;
}

void worm_express_due(struct worm_net *n, struct express *e)
{
    sim_time now = n->m.now;
    e->words--;
    if (e->unsent && sent_at(n, e->unsent) == now) {
        mesh_net_sent(&n->m, e->unsent);
        e->unsent = e->unsent->next;
    }
    if (e->first && delivered_at(n, e, e->first) == now) {
        struct net_packet *p = e->first;
        e->first = p->next;
        count(n, e, p, now);
        n->inside--;
        n->flits_inside -= p->flits;
        mesh_net_done(&n->m, p);
        if (!e->first && e->open) {
            n->penalty -= n->penalty < SKIP_LESS ? n->penalty : SKIP_LESS;
            express_close(n, e);
        }
    }
    if (!e->open && e->words == 0)
        express_free(n, e);
}

/* ---- ways that are lent ---- */

bool worm_lend(struct net *net, struct net_way *w)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, m.net);
    n->m.now = sim_now(net->sim);
    /* Packets of so many flits are far enough apart whatever their length (EXPRESS3). */
    if (w->src == w->dst || w->fewest < n->depth ||
        2 * longest_hop(n) > (sim_time)n->depth * n->m.d.flit)
        return false;
    struct express *e = express_open(n, w->src, w->dst);
    if (!e)
        return false;
    e->lent = w;
    w->lender = e;
    w->hops = e->length - 1;
    w->header = n->m.d.enter + (sim_time)(e->length - 2) * n->m.d.hop;
    w->inject_free = w->eject_free = n->m.now;
    w->flit = n->m.d.flit;
    w->eject = n->m.d.eject;
    w->gap = 0;
    return true;
}

bool worm_follow(struct net *net, struct net_way *w, struct net_packet *p,
                 const struct net_passage *t)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, m.net);
    struct express *e = w->lender;
    mesh_net_take(&n->m, p);
    p->injected = t->inject;
    if (past(n, t->delivered)) {
        count(n, e, p, t->delivered);
        n->m.packets_out++;
        n->m.flits_out += p->flits;
        return true;
    }
    if (e->open)
        express_close(n, e);
    if (past(n, t->inject)) {
        n->inside++;
        n->flits_inside += p->flits;
        make_worm(n, e, p, past(n, t->sent));
    } else {
        worm_wait_at_source(n, p);
    }
    return false;
}

void worm_regain(struct net *net, struct net_way *w)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, m.net);
    struct express *e = w->lender;
    if (e->open)
        express_close(n, e);
    express_free(n, e);
    n->ended = true;
    if (!n->inside_instant)
        mesh_net_schedule(&n->m);
}
