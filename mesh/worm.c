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
 * B t_f >= body delay + t_c (no bubbles), else create refuses.
 *
 * Every time that a decision needs follows by (1) from header crossings before it.  A time that is
 * not known yet waits for one packet: the one whose header has not crossed its next channel.
 *
 *   W1  hops 0..head-1 of a worm have their h; tails of hops 0..settled-1 are known.
 *   W2  A worm waits for at most one root, because a header enters a channel only when the FIFO
 *       before it holds no earlier packet.
 *   W3  A FIFO's list holds the packets granted into it whose departure is not wholly known, in
 *       order; what is known of earlier ones and may still matter is in its segments.
 *   W4  Departures from a FIFO are at least t_f apart, so (1) needs the latest one only.
 *   W6  Only the last packet granted into a channel asks for departures of its FIFO, of flits at
 *       most B before its own; a departure acts through at most one credit for each channel of a
 *       path, so it is forgotten when so many credit delays have passed.
 *   W5  All consequences of an instant lie later: enter, hop, credit, flit time are above 0.
 *
 * Inside an instant: arrivals, then grants, then the terminals' callbacks in terminal order.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/worm_internal.h"
#include "sim/audit.h"

/* ---- headers ---- */

/* A header waited for c until `until`; what lies in the window counts. */
static void count_blocked(struct worm_net *n, struct chan *c, sim_time from, sim_time until)
{
    sim_time window = sim_window_start(n->net.sim);
    if (c->window != window) {
        c->window = window;
        c->blocked = 0;
    }
    from = sim_time_max(from, window);
    c->blocked += until > from ? until - from : 0;
}

/* The header's crossing of hop `head` is known: h. */
static void cross(struct worm_net *n, struct worm *w, sim_time h)
{
    uint32_t i = w->head++;
    hop_of(w, i)->h = h;
    n->counts.header_hops++;
    n->counts.slot_waits += h > w->start;
    while (w->waiters) { /* they are looked at again once this worm is done */
        struct worm *r = w->waiters;
        w->waiters = r->next_waiter;
        r->next_waiter = n->retry;
        n->retry = r;
    }
    if (i == 0) {
        w->packet->injected = h;
    } else {
        sim_time blocked = h - w->ready - n->d.allocation;
        if (blocked > 0) {
            w->packet->blocked += blocked;
            count_blocked(n, &n->chans[hop_of(w, i)->chan], w->ready, w->ready + blocked);
        }
    }
    if (w->ejecting) {
        w->complete = true;
    } else {
        w->ready = h + (i == 0 ? n->d.enter : n->d.hop);
        w->place = TRAVELLING;
        post(n, w->ready, WORD_ARRIVE, w);
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
    struct chan *c = &n->chans[p->chan];
    sim_time h = w->start;
    if (n->slots) {
        sim_time slot;
        if (!worm_slots_credit(n, w, p->chan, &slot))
            return;
        h = sim_time_max(h, slot);
    } else if (!c->ejects) {
        sim_time left;
        struct worm *root;
        if (!worm_departure(n, c, p->base + 1 - (uint32_t)n->params.fifo_flits, &left, &root)) {
            worm_wait_for(w, root);
            return;
        }
        h = sim_time_max(h, left + n->d.credit);
    }
    cross(n, w, h);
}

static void drain_retry(struct worm_net *n)
{
    while (n->retry) {
        struct worm *w = n->retry;
        n->retry = w->next_waiter;
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
        if (c->back) {
            n->counts.shared++;
            struct hop *b = hop_of(c->back, c->back_hop);
            b->behind = w;
            b->behind_hop = w->head;
        } else {
            c->front = w;
            c->front_hop = w->head;
        }
        c->back = w;
        c->back_hop = w->head;
    }
    if (n->slots)
        worm_slots_grant(n, w, chan);
    try_cross(n, w);
    drain_retry(n);
}

static void mark(struct worm_net *n, uint32_t chan)
{
    struct chan *c = &n->chans[chan];
    if (!c->dirty) {
        c->dirty = true;
        n->dirty[n->dirty_count++] = chan;
    }
}

static void ask(struct worm_net *n, struct worm *w)
{
    const struct chan *f = &n->chans[hop_of(w, w->head - 1)->chan];
    uint32_t port = topo_route(&n->topo, f->end_node, w->dst);
    uint32_t chan = f->end_node * n->topo.ports + port;
    w->place = ASKING;
    w->asked = n->now;
    w->ejecting = port == topo_eject_port(&n->topo);
    if (n->chans[chan].dead) {
        chan = n->drops + f->end_node * n->topo.ports + f->end_port;
        w->ejecting = w->packet->dropped = true;
    }
    n->chans[chan].asking |= 1u << f->end_port;
    mark(n, chan);
}

static void arrive(struct worm_net *n, struct worm *w)
{
    const struct chan *f = &n->chans[hop_of(w, w->head - 1)->chan];
    w->place = IN_LINE;
    if (f->front != w)
        return; /* leave_fifo calls it up */
    if (f->line_at <= n->now)
        ask(n, w);
    else
        post(n, f->line_at, WORD_LINE, w);
}

/* ---- grants ---- */

static struct worm *competitor(const struct worm_net *n, uint32_t node, uint32_t port)
{
    return n->chans[n->in_chans[node * n->topo.ports + port]].front;
}

static uint32_t choose(const struct worm_net *n, const struct chan *c, uint32_t node)
{
    if (n->params.arbitration == MESH_ROUND_ROBIN) {
        uint32_t after = c->asking >> c->turn << c->turn;
        return (uint32_t)__builtin_ctz(after ? after : c->asking);
    }
    uint32_t best = UINT32_MAX;
    sim_time oldest = SIM_NEVER;
    for (uint32_t left = c->asking; left; left &= left - 1) {
        uint32_t port = (uint32_t)__builtin_ctz(left);
        sim_time created = competitor(n, node, port)->packet->created;
        if (best == UINT32_MAX || created < oldest) {
            best = port;
            oldest = created;
        }
    }
    return best;
}

static struct worm *make_worm(struct worm_net *n, struct net_packet *p);

static uint32_t pair_count(const struct worm_net *n)
{
    return n->topo.nodes * n->topo.ports * n->topo.ports * n->topo.ports;
}

/* Output c changes hands: those that ask for it waited for the holder before, since its grant. */
static void blame(struct worm_net *n, struct chan *c, uint32_t chan, uint32_t node)
{
    uint32_t ports = n->topo.ports;
    const struct holder *held = &n->holders[chan];
    sim_time window = sim_window_start(n->net.sim);
    if (n->pairs_window != window) {
        n->pairs_window = window;
        memset(n->pairs, 0, sizeof(*n->pairs) * pair_count(n));
    }
    for (uint32_t left = c->asking; left; left &= left - 1) {
        uint32_t port = (uint32_t)__builtin_ctz(left);
        sim_time from = sim_time_max(competitor(n, node, port)->asked, held->since);
        from = sim_time_max(from, window);
        if (n->now > from)
            n->pairs[(chan * ports + port) * ports + held->port] += n->now - from;
    }
}

static void arbitrate(struct worm_net *n, uint32_t chan)
{
    struct chan *c = &n->chans[chan];
    c->dirty = false;
    if (!c->asking || c->held)
        return;
    if (c->free_at > n->now) {
        if (!c->waking) {
            c->waking = true;
            post_index(n, c->free_at, WORD_WAKE, chan);
        }
        return;
    }
    uint32_t outputs = n->topo.nodes * n->topo.ports;
    if (chan >= outputs && chan < n->drops) { /* an injection channel: the source's queue */
        struct source *s = &n->sources[chan - outputs];
        struct net_packet *p = s->first;
        s->first = p->next;
        c->asking = s->first != NULL;
        struct worm *w = make_worm(n, p);
        w->start = n->now;
        grant(n, w, chan);
        return;
    }
    uint32_t node = (chan < outputs ? chan : chan - n->drops) / n->topo.ports;
    uint32_t port = choose(n, c, node);
    struct worm *w = competitor(n, node, port);
    if (n->pairs && chan < outputs) {
        blame(n, c, chan, node);
        n->holders[chan] = (struct holder){ .since = n->now, .port = port };
    }
    c->asking &= ~(1u << port);
    c->turn = (uint8_t)((port + 1) % n->topo.ports);
    w->start = n->now + n->d.allocation;
    grant(n, w, chan);
}

static struct worm *make_worm(struct worm_net *n, struct net_packet *p)
{
    uint32_t reach = (p->flits - 1) / (uint32_t)n->params.fifo_flits;
    uint32_t path = topo_distance(&n->topo, p->src, p->dst) + 2;
    reach = reach < path ? reach : path;
    uint8_t log2 = 2;
    while (1u << log2 < (n->slots ? path : reach) + 3)
        log2++;
    struct worm *w = n->pool[log2], *made;
    if (w) {
        n->pool[log2] = w->next_free;
        made = w->next_made;
    } else {
        w = base_alloc(sizeof(*w) + sizeof(struct hop) * (1u << log2));
        made = n->all;
        n->all = w;
    }
    n->inside++;
    n->flits_inside += p->flits;
    *w = (struct worm){ .packet = p,
                        .next_made = made,
                        .dst = p->dst,
                        .length = p->flits,
                        .reach = reach,
                        .mask = (1u << log2) - 1,
                        .ring_log2 = log2 };
    return w;
}

/* ---- faults ---- */

static void schedule(struct worm_net *n);

struct dying {
    struct worm_net *net;
    bool dead;
};

static void set_dead(void *arg, uint32_t chan)
{
    const struct dying *d = arg;
    d->net->chans[chan].dead = d->dead;
}

/* Those that wait for a channel that is dead now meet it so. */
static void turn_away(void *arg, uint32_t chan)
{
    const struct dying *d = arg;
    struct worm_net *n = d->net;
    struct chan *c = &n->chans[chan];
    uint32_t asking = c->dead ? c->asking : 0;
    c->asking &= ~asking;
    for (; asking; asking &= asking - 1)
        ask(n, competitor(n, chan / n->topo.ports, (uint32_t)__builtin_ctz(asking)));
}

/* The faults of this instant, before its arrivals; what the last of them says holds. */
static void apply_faults(struct worm_net *n)
{
    for (uint32_t i = 0; i < n->fault_count; i++)
        if (n->faults[i].at == n->now)
            mesh_fault_each(&n->topo, &n->faults[i], set_dead,
                            &(struct dying){ n, n->faults[i].dead });
    for (uint32_t i = 0; i < n->fault_count; i++)
        if (n->faults[i].at == n->now)
            mesh_fault_each(&n->topo, &n->faults[i], turn_away, &(struct dying){ n, true });
}

static void worm_fault(struct net *net, const struct net_fault *f)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, net);
    for (uint32_t i = 0; n->fault_count == 0 && i < n->topo.nodes * n->topo.ports; i++) {
        n->chans[n->drops + i].ejects = true;
        n->chans[n->drops + i].last_left = NEVER_LEFT;
    }
    n->faults = base_realloc(n->faults, sizeof(*n->faults) * (n->fault_count + 1));
    n->faults[n->fault_count] = *f;
    post_index(n, f->at, WORD_FAULT, n->fault_count++);
    schedule(n);
}

/* ---- the instant ---- */

/* Drains make more than one delivery a terminal possible. */
static void keep_done(struct worm_net *n, struct net_packet *p)
{
    if (n->done_count == n->done_size) {
        n->done_size *= 2;
        n->done = base_realloc(n->done, sizeof(struct net_packet *) * n->done_size);
    }
    n->done[n->done_count++] = p;
}

static void collect(struct worm_net *n)
{
    uint64_t word;
    while (wheel_take(&n->wheel, n->now, &word)) {
        void *ptr = (void *)(uintptr_t)(word & ~(uint64_t)WORD_KIND);
        uint32_t index = (uint32_t)(word >> 3);
        switch ((enum word)(word & WORD_KIND)) {
        case WORD_ARRIVE:
            arrive(n, ptr);
            break;
        case WORD_LINE:
            ask(n, ptr);
            break;
        case WORD_WAKE:
            n->chans[index].waking = false;
            mark(n, index);
            break;
        case WORD_SENT:
            n->sent[n->sent_count++] = n->sources[index].leaving; /* before the next is granted */
            break;
        case WORD_DELIVER:
            keep_done(n, ptr);
            break;
        case WORD_FAULT:
            break; /* applied */
        }
    }
}

static int by_source(const void *a, const void *b)
{
    const struct net_packet *p = *(struct net_packet *const *)a;
    const struct net_packet *q = *(struct net_packet *const *)b;
    return (p->src > q->src) - (p->src < q->src);
}

static int by_terminal(const void *a, const void *b)
{
    const struct net_packet *p = *(struct net_packet *const *)a;
    const struct net_packet *q = *(struct net_packet *const *)b;
    if (p->dst != q->dst)
        return p->dst < q->dst ? -1 : 1;
    return (p->src > q->src) - (p->src < q->src);
}

static void call_terminals(struct worm_net *n)
{
    if (n->sent_count > 1)
        qsort(n->sent, n->sent_count, sizeof(struct net_packet *), by_source);
    for (uint32_t k = 0; k < n->sent_count; k++) {
        const struct net_terminal *t = &n->terminals[n->sent[k]->src];
        if (t->sent)
            t->sent(t->arg, n->sent[k]);
    }
    n->sent_count = 0;
    if (n->done_count > 1)
        qsort(n->done, n->done_count, sizeof(struct net_packet *), by_terminal);
    for (uint32_t k = 0; k < n->done_count; k++) {
        struct net_packet *p = n->done[k];
        const struct net_terminal *t = &n->terminals[p->dst];
        if (p->dropped) {
            n->packets_dropped++;
            n->flits_dropped += p->flits;
        } else {
            n->packets_out++;
            n->flits_out += p->flits;
        }
        n->inside--;
        n->flits_inside -= p->flits;
        if (t->receive)
            t->receive(t->arg, p, p->dropped ? NET_DROPPED_FAULT : NET_OK);
    }
    n->done_count = 0;
}

static void schedule(struct worm_net *n)
{
    sim_time next = wheel_next(&n->wheel);
    if (sim_event_pending(&n->tick)) {
        if (n->tick.time <= next)
            return;
        sim_cancel(n->net.sim, &n->tick);
    }
    if (next != SIM_NEVER)
        sim_at(n->net.sim, &n->tick, next);
}

static void instant(struct sim *s, struct sim_event *e)
{
    struct worm_net *n = CONTAINER_OF(e, struct worm_net, tick);
    n->now = sim_now(s);
    wheel_advance(&n->wheel);
    if (n->fault_count > 0)
        apply_faults(n);
    collect(n);
    for (uint32_t k = 0; k < n->dirty_count; k++) {
        if (k + 3 < n->dirty_count)
            __builtin_prefetch(&n->chans[n->dirty[k + 3]]);
        arbitrate(n, n->dirty[k]);
    }
    n->dirty_count = 0;
    schedule(n);
    call_terminals(n);
}

/* ---- the interface ---- */

static void worm_inject(struct net *net, struct net_packet *p)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, net);
    ASSERT(p->src < n->topo.nodes && p->dst < n->topo.nodes && p->flits > 0);
    n->now = sim_now(net->sim);
    n->packets_in++;
    n->flits_in += p->flits;
    p->blocked = 0;
    p->dropped = false;
    p->next = NULL;
    struct source *s = &n->sources[p->src];
    if (s->first)
        s->last->next = p;
    else
        s->first = p;
    s->last = p;
    uint32_t chan = n->topo.nodes * n->topo.ports + p->src;
    n->chans[chan].asking = 1;
    arbitrate(n, chan);
    schedule(n);
}

static void worm_set_terminal(struct net *net, uint32_t terminal, const struct net_terminal *t)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, net);
    ASSERT(terminal < n->topo.nodes);
    n->terminals[terminal] = *t;
}

static void worm_describe(const struct net *net, struct net_describe *d)
{
    const struct worm_net *n = (const void *)net;
    *d = (struct net_describe){ .model = "worm",
                                .terminals = n->topo.nodes,
                                .flit_bytes = (uint32_t)n->params.flit_bytes,
                                .flit_time = n->d.flit };
    mesh_describe_grid(&n->topo, d);
}

static sim_time worm_zero_load(const struct net *net, uint32_t src, uint32_t dst, uint32_t flits)
{
    const struct worm_net *n = (const void *)net;
    return mesh_zero_load(&n->params, topo_distance(&n->topo, src, dst), flits);
}

static uint32_t worm_distance(const struct net *net, uint32_t src, uint32_t dst)
{
    return topo_distance(&((const struct worm_net *)(const void *)net)->topo, src, dst);
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
    uint32_t ports = n->topo.ports, outputs = n->topo.nodes * ports;
    sim_time window = sim_window_start(net->sim);
    for (uint32_t i = 0; i < outputs + n->topo.nodes; i++) {
        const struct chan *c = &n->chans[i];
        bool injects = i >= outputs;
        uint32_t node = injects ? i - outputs : i / ports;
        if (c->busy.name)
            fn(arg, &(struct net_channel){ .busy = &c->busy,
                                           .node = node,
                                           .to_node = c->ejects ? node : c->end_node,
                                           .port = injects ? ports - 1 : i % ports,
                                           .injects = injects,
                                           .blocked = c->window == window ? c->blocked : 0 });
    }
}

#define PAIRS_MAX ((size_t)64 << 20) /* bytes */

static void worm_watch(struct net *net)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, net);
    size_t ports = n->topo.ports, cube = ports * ports * ports;
    if (n->pairs || cube * n->topo.nodes * sizeof(*n->pairs) > PAIRS_MAX)
        return;
    n->pairs = base_zalloc(pair_count(n), sizeof(*n->pairs));
    n->holders = base_zalloc(n->topo.nodes * ports, sizeof(*n->holders));
}

static void worm_pairs(const struct net *net, void (*fn)(void *arg, const struct net_pair *p),
                       void *arg)
{
    const struct worm_net *n = (const void *)net;
    uint32_t ports = n->topo.ports;
    if (!n->pairs || n->pairs_window != sim_window_start(net->sim))
        return;
    for (uint32_t i = 0; i < pair_count(n); i++)
        if (n->pairs[i] > 0) {
            uint32_t chan = i / ports / ports, node = chan / ports;
            const uint32_t *in = &n->in_chans[node * ports];
            fn(arg, &(struct net_pair){ .busy = &n->chans[chan].busy,
                                        .waiting = &n->chans[in[i / ports % ports]].busy,
                                        .holding = &n->chans[in[i % ports]].busy,
                                        .blocked = n->pairs[i] });
        }
}

static void worm_audit(void *self, struct sim_audit_report *r)
{
    const struct worm_net *n = self;
    uint64_t packets = 0, flits = 0;
    for (uint32_t i = 0; i < n->topo.nodes; i++)
        for (const struct net_packet *p = n->sources[i].first; p; p = p->next) {
            packets++;
            flits += p->flits;
        }
    sim_audit_balance(r, "packets", n->packets_in, n->packets_out, packets + n->inside,
                      n->packets_dropped);
    sim_audit_balance(r, "flits", n->flits_in, n->flits_out, flits + n->flits_inside,
                      n->flits_dropped);
    sim_audit_dropped(r, "packets", "dead channel", n->packets_dropped);
    uint64_t live = 0;
    for (uint32_t i = 0; i < n->topo.nodes * (n->topo.ports + 1); i++)
        live += n->chans[i].held || n->chans[i].asking;
    sim_audit_check(r, live == 0 || n->inside + packets > 0,
                    "%" PRIu64 " channels are held or wanted, but no packet is inside", live);
}

static void make_channels(struct worm_net *n)
{
    uint32_t ports = n->topo.ports, outputs = n->topo.nodes * ports;
    n->drops = outputs + n->topo.nodes;
    n->chans = base_zalloc(n->drops + outputs, sizeof(*n->chans));
    n->in_chans = base_alloc(sizeof(*n->in_chans) * outputs);
    for (uint32_t i = 0; i < outputs + n->topo.nodes; i++) {
        struct chan *c = &n->chans[i];
        bool inject = i >= outputs;
        uint32_t node = inject ? i - outputs : i / ports, port = inject ? ports : i % ports;
        c->last_left = NEVER_LEFT;
        c->ejects = port == ports - 1;
        c->end_node = inject ? node : topo_neighbour(&n->topo, node, port);
        c->end_port = (uint8_t)(inject ? ports - 1 : topo_opposite(port));
        if (!inject && !c->ejects && c->end_node == UINT32_MAX)
            continue; /* the edge of the mesh */
        if (c->end_node != UINT32_MAX)
            n->in_chans[c->end_node * ports + c->end_port] = i;
        char name[64];
        sim_busy_init(&c->busy, n->net.sim, SIM_KIND_CHANNEL, (int32_t)node,
                      topo_channel_name(&n->topo, node, port, name, sizeof(name)));
    }
}

static void worm_destroy(struct net *net);

static struct net *worm_create(struct sim *s, const void *params, struct err *e)
{
    const struct mesh_params *p = params;
    struct worm_net *n = base_zalloc(1, sizeof(*n));
    n->net = (struct net){ .ops = &net_worm, .sim = s, .params = &n->params };
    n->params = *p;
    mesh_delays(p, &n->d);
    if (!mesh_check(p, "worm", e) || !mesh_topology(p, &n->topo, e)) {
        free(n);
        return NULL;
    }
    n->memory = n->d.credit * (sim_time)(topo_diameter(&n->topo) + 4);
    make_channels(n);
    if (!mesh_no_bubbles(p))
        worm_slots_init(n);
    n->starts = base_alloc(sizeof(*n->starts) * (topo_diameter(&n->topo) + 2));
    n->sources = base_zalloc(n->topo.nodes, sizeof(*n->sources));
    n->terminals = base_zalloc(n->topo.nodes, sizeof(*n->terminals));
    n->dirty = base_alloc(sizeof(*n->dirty) * n->topo.nodes * (2 * n->topo.ports + 1));
    n->done_size = n->topo.nodes;
    n->done = base_alloc(sizeof(struct net_packet *) * n->done_size);
    n->sent = base_alloc(sizeof(struct net_packet *) * n->topo.nodes);
    wheel_init(&n->wheel, n->d.flit);
    sim_event_init(&n->tick, SIM_CLASS_ARRIVAL, instant);
    sim_audit_register(s, "mesh", worm_audit, n);
    if (mesh_schedule_faults(p, &n->topo, &n->net, e))
        return &n->net;
    worm_destroy(&n->net);
    return NULL;
}

static void worm_destroy(struct net *net)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, net);
    sim_audit_unregister(net->sim, n);
    sim_cancel(net->sim, &n->tick);
    for (uint32_t i = 0; i < n->topo.nodes * (n->topo.ports + 1); i++) {
        if (n->chans[i].busy.name)
            sim_busy_fini(&n->chans[i].busy);
        free(n->chans[i].segs);
    }
    while (n->all) {
        struct worm *w = n->all;
        n->all = w->next_made;
        free(w);
    }
    free(n->pairs);
    free(n->holders);
    free(n->faults);
    free(n->chans);
    free(n->in_chans);
    worm_slots_fini(n);
    free(n->starts);
    free(n->sources);
    free(n->terminals);
    free(n->dirty);
    free(n->done);
    free(n->sent);
    wheel_fini(&n->wheel);
    topo_fini(&n->topo);
    free(n);
}

const struct net_ops net_worm = {
    .name = "worm",
    .doc = "wormhole-routed mesh or hypercube from header events alone, exact to the tick",
    .params = mesh_params_desc,
    .params_size = sizeof(struct mesh_params),
    .create = worm_create,
    .destroy = worm_destroy,
    .set_terminal = worm_set_terminal,
    .inject = worm_inject,
    .describe = worm_describe,
    .zero_load = worm_zero_load,
    .fault = worm_fault,
    .channels = worm_channels,
    .watch = worm_watch,
    .pairs = worm_pairs,
    .distance = worm_distance,
};
