/* bid_peer.c: what BID knows of each peer: asking, answering, waiting.  See bid_internal.h.
 *
 *   BIDP1  In INIT nothing waits.
 *   BIDP2  A peer without sessions is forgotten after `idle_ticks` of silence; no timer runs for
 *       one with sessions after that, until it is used again.
 */
#include "os/proto/bid/bid_internal.h"

struct bid_peer *bid_peer_find(struct xk_protl *self, uint32_t host)
{
    struct bid_state *st = self->state;
    return xk_map_resolve(&st->peers, &host);
}

static void timer_set(struct bid_peer *p, struct port_timer *t, sim_time delay)
{
    port_work(xk_port(p->self), PORT_WORK_TIMER, 1);
    port_timer_set(t, delay);
}

/* ---- what BID itself says ---- */

/* False: the layer below is full. */
static bool say(struct bid_peer *p, uint16_t flags, uint32_t request, uint32_t reply)
{
    struct bid_state *st = p->self->state;
    struct bid_header h = {
        .flags = flags, .src = st->boot, .dst = p->life, .request = request, .reply = reply
    };
    struct xk_msg m;
    xk_msg_init(&m);
    bid_header_store(xk_msg_push(&m, BID_HEADER), &h);
    enum xk_status r = xk_push(p->down, &m);
    xk_msg_fini(&m);
    return r != XK_BUSY;
}

/* BID4: what is owed goes in one header. */
static bool pay(struct bid_peer *p)
{
    struct bid_state *st = p->self->state;
    uint16_t flags =
        (uint16_t)((p->asks ? BID_QUERY_FLAG : 0) | (p->answer != 0 ? BID_RESPONSE_FLAG : 0));
    if (flags == 0 && !p->tells)
        return true;
    if (!say(p, flags, p->asks ? p->tag : 0, p->answer))
        return false;
    st->counts.queries += p->asks;
    st->counts.responses += p->answer != 0;
    st->counts.notices += flags == 0;
    p->asks = p->tells = false;
    p->answer = 0;
    return true;
}

static void ask(struct bid_peer *p, enum bid_peer_state state)
{
    struct bid_state *st = p->self->state;
    p->state = state;
    p->tag = ++st->tag != 0 ? st->tag : ++st->tag;
    p->tries = 0;
    p->wait = st->params->query_wait;
    p->asks = true;
    (void)pay(p);
    timer_set(p, &p->timer, p->wait);
}

/* ---- what waits ---- */

/* Each is told once; one that is refused again queues anew. */
void bid_told_room(struct xk_protl *self)
{
    struct bid_state *st = self->state;
    struct list told;
    list_init(&told);
    list_splice(&told, &st->busy);
    while (!list_empty(&told)) {
        struct xk_sessn *s = xk_sessn_of(LIST_ENTRY(list_pop(&told), struct bid_sessn, busy));
        s->refs++;
        xk_ready(s);
        xk_close(s);
    }
}

static void drop_waiting(struct bid_peer *p)
{
    struct bid_state *st = p->self->state;
    struct list *l;
    if (!list_empty(&st->busy) && !port_timer_pending(&st->room))
        port_timer_set(&st->room, 0); /* not now: others have not been told yet */
    while ((l = list_pop(&p->waiting))) {
        struct bid_waiting *w = LIST_ENTRY(l, struct bid_waiting, link);
        struct xk_sessn *s = w->sessn;
        st->counts.dropped++;
        p->waiting_count--;
        xk_msg_fini(&w->msg);
        port_free(xk_port(p->self), w);
        xk_close(s);
    }
    ASSERT(p->state == BID_INIT && p->waiting_count == 0); /* BIDP1 */
}

/* False: the layer below is full. */
static bool flush(struct bid_peer *p)
{
    struct bid_state *st = p->self->state;
    while (!list_empty(&p->waiting)) {
        struct bid_waiting *w = LIST_ENTRY(p->waiting.next, struct bid_waiting, link);
        struct xk_sessn *s = w->sessn;
        if (bid_send(st, s, p->life, &w->msg) == XK_BUSY)
            return false;
        list_remove(&w->link);
        p->waiting_count--;
        xk_msg_fini(&w->msg);
        port_free(xk_port(p->self), w);
        xk_close(s);
    }
    return true;
}

enum xk_status bid_peer_wait(struct bid_peer *p, struct xk_sessn *s, struct xk_msg *m)
{
    struct bid_state *st = p->self->state;
    if (p->waiting_count >= st->params->queue)
        return XK_BUSY; /* BID2 */
    struct bid_waiting *w = port_alloc(xk_port(p->self), sizeof *w);
    port_work(xk_port(p->self), PORT_WORK_ALLOC, 1);
    w->sessn = xk_dup(s);
    xk_msg_move(&w->msg, m);
    list_push(&p->waiting, &w->link);
    p->waiting_count++;
    st->counts.waited++;
    if (p->state == BID_INIT)
        ask(p, BID_OPEN);
    return XK_OK;
}

bool bid_peer_ready(struct bid_peer *p)
{
    return pay(p) && (p->life == 0 || flush(p));
}

/* ---- its lives ---- */

void bid_peer_heard(struct bid_peer *p, uint32_t life)
{
    bool open = p->state == BID_INIT || p->state == BID_OPEN;
    if (p->life == life)
        return;
    /* Who is in NORMAL or QUERY has been led to INIT by the end of the life that it knew. */
    ASSERT(p->life == 0 && open);
    p->life = life;
    p->doubted = 0;
    p->asks = false;
    port_timer_cancel(&p->timer);
    p->state = p->state == BID_OPEN ? BID_OPENDONE : BID_RESET;
    (void)flush(p);
    p->state = BID_NORMAL;
    if (list_empty(&p->waiting))
        bid_told_room(p->self);
}

void bid_peer_look(struct bid_peer *p)
{
    const struct xk_kernel *k = p->self->kernel;
    if (p->state != BID_INIT || xk_life(k, p->host) == p->doubted || !xk_alive(k, p->host))
        return;
    p->life = xk_life(k, p->host);
    p->state = BID_NORMAL;
}

void bid_peer_ended(struct bid_peer *p, uint32_t life)
{
    if (p->life > life)
        return;
    p->life = 0;
    p->state = BID_INIT;
    p->asks = false;
    p->answer = 0; /* whose question it was is gone */
    port_timer_cancel(&p->timer);
    drop_waiting(p); /* BID3 */
}

void bid_peer_got(struct bid_peer *p, const struct bid_header *h)
{
    struct bid_state *st = p->self->state;
    if (h->flags & BID_RESPONSE_FLAG && p->state == BID_QUERY && h->reply == p->tag) {
        port_timer_cancel(&p->timer);
        p->state = BID_NORMAL;
        p->asks = false;
    }
    if (h->flags & BID_QUERY_FLAG)
        p->answer = h->request;
    else if (h->dst != 0 && h->dst != st->boot)
        p->tells = true;
    (void)pay(p);
}

/* ---- time ---- */

/* No answer so far. */
static void timed_out(struct port_timer *t)
{
    struct bid_peer *p = t->arg;
    struct bid_state *st = p->self->state;
    ASSERT(p->state == BID_OPEN || p->state == BID_QUERY);
    if (p->tries++ >= st->params->tries) {
        st->counts.unanswered++;
        p->state = BID_INIT;
        p->life = 0;
        p->asks = false;
        p->doubted = xk_life(p->self->kernel, p->host);
        drop_waiting(p);
        return;
    }
    p->asks = true; /* the same question */
    (void)pay(p);
    p->wait = sim_time_min(sim_time_mul(p->wait, 2), st->params->query_max);
    timer_set(p, t, p->wait);
}

struct bid_peer *bid_peer_get(struct xk_protl *self, uint32_t host, struct xk_sessn *down)
{
    struct bid_state *st = self->state;
    struct bid_peer *p = bid_peer_find(self, host);
    if (p)
        return p;
    p = port_alloc(xk_port(self), sizeof *p);
    p->self = self;
    p->host = host;
    p->down = xk_dup(down);
    list_init(&p->waiting);
    port_timer_init(xk_port(self), &p->timer, timed_out, p);
    xk_map_bind(&st->peers, &host, p);
    bid_peer_used(p);
    return p;
}

void bid_peer_used(struct bid_peer *p)
{
    struct bid_state *st = p->self->state;
    p->quiet = 0;
    if (st->params->tick > 0 && !port_timer_pending(&st->ticker))
        timer_set(p, &st->ticker, st->params->tick);
}

static bool tick(void *arg, const void *key, void *value)
{
    struct bid_peer *p = value;
    struct bid_state *st = p->self->state;
    bool *awake = arg;
    (void)key;
    if (p->quiet >= st->params->idle_ticks) {
        if (p->sessns > 0 || !list_empty(&p->waiting) || port_timer_pending(&p->timer))
            return true;
        struct xk_sessn *down = p->down; /* BIDP2 */
        xk_map_unbind(&st->peers, &p->host);
        port_free(xk_port(p->self), p);
        xk_close(down);
        return true;
    }
    *awake = true;
    p->quiet++;
    if (st->params->keepalive > 0 && p->quiet % st->params->keepalive == 0 &&
        p->quiet < st->params->idle_ticks && p->state == BID_NORMAL && p->sessns > 0)
        ask(p, BID_QUERY);
    return true;
}

void bid_tick(struct port_timer *t)
{
    struct xk_protl *self = t->arg;
    struct bid_state *st = self->state;
    bool awake = false;
    xk_map_each(&st->peers, tick, &awake);
    if (awake)
        port_timer_set(t, st->params->tick);
}
