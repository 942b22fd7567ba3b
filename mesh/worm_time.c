/* worm_time.c: when flits cross channels and tails leave them, from header crossings alone.
 *
 * Formula (1) of worm.c, evaluated when something asks.  What departed from a FIFO is kept as
 * segments of flits that left back to back.
 */
#include <stdlib.h>

#include "mesh/worm_internal.h"

/* ---- when did a flit leave a FIFO ---- */

static struct segment *segment_at(const struct chan *c, uint32_t k)
{
    return &c->segs[(c->seg_first + k) & (c->seg_size - 1)];
}

static sim_time segment_departure(const struct worm_net *n, const struct chan *c, uint32_t flit)
{
    for (uint32_t k = 0; k < c->seg_count; k++) {
        const struct segment *g = segment_at(c, k);
        if ((int32_t)(flit - g->end) > 0)
            continue;
        if ((int32_t)(flit - g->begin) <= 0)
            return NEVER_LEFT;
        return g->last - (sim_time)(g->end - flit) * n->d.flit;
    }
    return NEVER_LEFT;
}

static void segment_push(struct worm_net *n, struct chan *c, struct segment g)
{
    uint32_t old = c->last_base - (uint32_t)n->params.fifo_flits;
    while (c->seg_count > 0) { /* W6 */
        const struct segment *g0 = segment_at(c, 0);
        if ((int32_t)(g0->end - old) > 0 && g0->last + n->memory > n->now)
            break;
        c->seg_first++;
        c->seg_count--;
    }
    if (c->seg_count > 0) {
        struct segment *last = segment_at(c, c->seg_count - 1);
        if (last->end == g.begin &&
            last->last + (sim_time)(g.end - g.begin) * n->d.flit == g.last) {
            last->end = g.end;
            last->last = g.last;
            return;
        }
    }
    if (c->seg_count == c->seg_size) {
        uint32_t size = c->seg_size ? 2 * c->seg_size : 4;
        struct segment *segs = base_alloc(size * sizeof(*segs));
        for (uint32_t k = 0; k < c->seg_count; k++)
            segs[k] = *segment_at(c, k);
        free(c->segs);
        c->segs = segs;
        c->seg_size = size;
        c->seg_first = 0;
    }
    c->seg_count++;
    *segment_at(c, c->seg_count - 1) = g;
}

/* x(i,j) by (1).  False: not known yet; *root is the worm whose next crossing decides. */
static bool crossing(struct worm_net *n, struct worm *w, uint32_t i, uint32_t j, sim_time *out,
                     struct worm **root)
{
    uint32_t depth = (uint32_t)n->params.fifo_flits;
    sim_time best = NEVER_LEFT, credits = 0;
    for (;;) {
        const struct hop *p = hop_of(w, i);
        struct chan *c = &n->chans[p->chan];
        best = sim_time_max(best, p->h + (sim_time)(j - 1) * n->d.flit + credits);
        if (c->ejects)
            break;
        credits += n->d.credit;
        if (j > depth) {
            j -= depth;
        } else {
            uint32_t flit = p->base + j - depth;
            if ((int32_t)(flit - c->departed) <= 0) {
                if (c->last_left + credits > best)
                    best = sim_time_max(best, segment_departure(n, c, flit) + credits);
                break;
            }
            uint32_t at = c->front_hop;
            for (w = c->front; (int32_t)(flit - hop_of(w, at)->base - w->length) > 0;) {
                const struct hop *q = hop_of(w, at);
                at = q->behind_hop;
                w = q->behind;
            }
            i = at;
            j = flit - hop_of(w, at)->base;
        }
        if (++i >= w->head) {
            *root = w;
            return false;
        }
    }
    *out = best;
    return true;
}

bool worm_departure(struct worm_net *n, struct chan *c, uint32_t flit, sim_time *out,
                    struct worm **root)
{
    if ((int32_t)(flit - c->departed) <= 0) {
        *out = c->last_left + n->d.credit > n->now ? segment_departure(n, c, flit) : NEVER_LEFT;
        return true;
    }
    struct worm *q = c->front;
    uint32_t at = c->front_hop;
    while ((int32_t)(flit - hop_of(q, at)->base - q->length) > 0) {
        const struct hop *o = hop_of(q, at);
        at = o->behind_hop;
        q = o->behind;
    }
    if (at + 1 >= q->head) {
        *root = q;
        return false;
    }
    return crossing(n, q, at + 1, flit - hop_of(q, at)->base, out, root);
}

/* ---- tails ---- */

void worm_wait_for(struct worm *w, struct worm *root)
{
    ASSERT(!w->waiting);
    w->waiting = true;
    w->next_waiter = root->waiters;
    root->waiters = w;
}

static void record(struct worm_net *n, struct worm *w, uint32_t i, struct chan *fifo, uint32_t lo,
                   uint32_t hi, sim_time xlo, sim_time xhi)
{
    uint32_t base = hop_of(w, i - 1)->base;
    if (xhi - xlo == (sim_time)(hi - lo) * n->d.flit) {
        segment_push(n, fifo, (struct segment){ xhi, base + lo - 1, base + hi });
        return;
    }
    uint32_t mid = lo + (hi - lo) / 2;
    sim_time a, b;
    struct worm *root;
    bool known = crossing(n, w, i, mid, &a, &root) && crossing(n, w, i, mid + 1, &b, &root);
    ASSERT_MSG(known, "flits before a known tail are known");
    record(n, w, i, fifo, lo, mid, xlo, a);
    record(n, w, i, fifo, mid + 1, hi, b, xhi);
}

/* Keeps when the last B flits of w left the FIFO before channel i.  straight: they are known to
 * have left back to back. */
static void record_tail(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail,
                        bool straight)
{
    const struct hop *p = hop_of(w, i - 1);
    struct chan *f = &n->chans[p->chan];
    uint32_t depth = (uint32_t)n->params.fifo_flits,
             first = w->length > depth ? w->length - depth : 0;
    sim_time x = hop_of(w, i)->h;
    struct worm *root;
    if (straight)
        x = tail - (sim_time)(w->length - first - 1) * n->d.flit;
    else if (first > 0 && !crossing(n, w, i, first + 1, &x, &root))
        ASSERT_MSG(false, "flits before a known tail are known");
    record(n, w, i, f, first + 1, w->length, x, tail);
    f->departed = p->base + w->length;
    f->last_left = tail;
}

/* The FIFO before channel i of w has let go of its tail at `tail`. */
static void leave_fifo(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail, bool straight)
{
    const struct hop *p = hop_of(w, i - 1);
    struct chan *f = &n->chans[p->chan];
    if (!n->slots)
        record_tail(n, w, i, tail, straight);
    ASSERT(f->front == w);
    f->line_at = tail + n->d.flit;
    f->front = p->behind;
    f->front_hop = p->behind_hop;
    if (!f->front)
        f->back = NULL;
    else if (f->front->place == IN_LINE)
        post(n, sim_time_max(f->line_at, n->now), WORD_LINE, f->front);
    if (n->params.fifo == MESH_FIFO_EMPTY) {
        f->held = false;
        f->free_at = sim_time_max(tail + n->d.credit, f->free_at);
        if (f->asking && !f->waking) {
            f->waking = true;
            post_index(n, f->free_at, WORD_WAKE, p->chan);
        }
    }
}

void worm_settle_hop(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail, bool straight)
{
    struct hop *p = hop_of(w, i);
    struct chan *c = &n->chans[p->chan];
    c->free_at = tail + n->d.flit;
    if (n->params.fifo == MESH_FIFO_SHARED || c->ejects) {
        c->held = false;
        if (c->asking && !c->waking) {
            c->waking = true;
            post_index(n, c->free_at, WORD_WAKE, p->chan);
        }
    }
    if (p->chan < n->drops)
        sim_busy_add(&c->busy, n->net.sim, c->free_at - (sim_time)w->length * n->d.flit,
                     c->free_at);
    if (i > 0) {
        leave_fifo(n, w, i, tail, straight);
    } else {
        struct source *s = &n->sources[w->packet->src];
        s->leaving = w->packet;
        if (n->terminals[w->packet->src].sent)
            post_index(n, c->free_at, WORD_SENT, w->packet->src);
    }
    if (c->ejects) {
        w->packet->delivered = tail + n->d.eject;
        w->packet->hops = i;
        post(n, w->packet->delivered, WORD_DELIVER, w->packet);
    }
}

void worm_free(struct worm_net *n, struct worm *w)
{
    w->next_free = n->pool[w->ring_log2];
    n->pool[w->ring_log2] = w;
}

/* The header is in the ejection channel: every tail is known.  Near the end of the path, where
 * (1) unrolls into the ejection channel, x(i,j) = s_i + (j-1) t_f with
 * s_i = max(h_i, s_{i+1} - B t_f + t_c): all tails in one pass over the path. */
static void settle_end(struct worm_net *n, struct worm *w)
{
    uint32_t last = w->head - 1, depth = (uint32_t)n->params.fifo_flits;
    uint32_t reach = (w->length - 1) / depth, from = w->settled;
    if (from + reach < last)
        from = last - reach;
    sim_time slack = n->d.credit - (sim_time)depth * n->d.flit, s = NEVER_LEFT;
    for (uint32_t i = last + 1; i-- > from;) {
        s = sim_time_max(hop_of(w, i)->h, s + slack);
        n->starts[i - from] = s;
    }
    for (uint32_t i = w->settled; i < from; i++, w->settled++) {
        sim_time tail;
        struct worm *root;
        if (!crossing(n, w, i, w->length, &tail, &root))
            ASSERT_MSG(false, "W2");
        worm_settle_hop(n, w, i, tail, false);
    }
    for (uint32_t i = from; i <= last; i++, w->settled++)
        worm_settle_hop(n, w, i, n->starts[i - from] + (sim_time)(w->length - 1) * n->d.flit,
                        w->length >= depth * (last - i + 1));
    ASSERT(!w->waiters);
    worm_free(n, w);
}

/* Finds the tails that have become known. */
void worm_settle(struct worm_net *n, struct worm *w)
{
    if (w->complete) {
        settle_end(n, w);
        return;
    }
    while (w->settled + w->reach < w->head) {
        sim_time tail;
        struct worm *root;
        if (!crossing(n, w, w->settled, w->length, &tail, &root)) {
            worm_wait_for(w, root);
            return;
        }
        worm_settle_hop(n, w, w->settled, tail, false);
        w->settled++;
    }
}
