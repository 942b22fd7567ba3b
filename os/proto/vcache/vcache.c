/* vcache.c: VCACHE.  See vcache.h and README.md.
 *
 *   VCACHE1  A kept session has no reference, was opened by the upper, is of no life of its peer
 *       that is known to have ended, and no call is out on it.
 *   VCACHE2  A session has one below, which has no other above.
 *   VCACHE3  A kept session is used, given back or closed after one `interval` to two of them.
 */
#include "os/proto/vcache/vcache.h"

#include "os/xk/peers.h"

struct vcache_params {
    int64_t idle; /* sessions */
    sim_time interval;
};

struct vcache_sessn {
    struct xk_parts parts; /* by which the upper opened it; none: a peer started it */
    bool out;              /* a call is */
    bool ended;            /* the life of its peer is */
    bool old;              /* it was kept before the timer was last due */
};

struct vcache_state {
    const struct vcache_params *params;
    struct list used, idle; /* of xk_sessn.link; kept ones, oldest first */
    uint32_t idle_count;
    bool calls; /* below */
    struct port_timer timer;
    struct {
        uint64_t opened, reused, reclaimed, orphans;
    } counts;
};

static const struct param params[] = {
    P_INT(vcache_params, idle, "16", "0", "1024", "closed sessions that are kept",
          "ASSUMED(as many as other protocols keep; x-kernel's VCACHE has no limit)"),
    P_TIME(vcache_params, interval, "15s", "1us", "1h",
           "a session that was kept for so long, and at most twice that, is closed",
           "x-kernel 3.2 vcache_i.h"),
    P_END,
};

/* ---- what is kept ---- */

static void drop(struct vcache_state *st, struct xk_sessn *s)
{
    list_remove(&s->link);
    st->idle_count--;
    st->counts.reclaimed++;
    xk_sessn_free(s);
}

static void keep(struct xk_protl *self, struct xk_sessn *s)
{
    struct vcache_state *st = self->state;
    struct vcache_sessn *vs = s->state;
    vs->old = false;
    s->upper_state = NULL;
    list_remove(&s->link);
    list_push(&st->idle, &s->link);
    st->idle_count++;
    if (st->idle_count > st->params->idle)
        drop(st, LIST_ENTRY(st->idle.next, struct xk_sessn, link));
    if (st->idle_count > 0 && !port_timer_pending(&st->timer)) {
        port_work(xk_port(self), PORT_WORK_TIMER, 1);
        port_timer_set(&st->timer, st->params->interval);
    }
}

static struct xk_sessn *take(struct vcache_state *st, struct xk_sessn *s)
{
    ASSERT(s->refs == 0); /* VCACHE1 */
    list_remove(&s->link);
    list_push(&st->used, &s->link);
    st->idle_count--;
    s->refs = 1;
    return s;
}

/* VCACHE3. */
static void timed_out(struct port_timer *t)
{
    struct xk_protl *self = t->arg;
    struct vcache_state *st = self->state;
    LIST_EACH_SAFE (l, next, &st->idle) {
        struct xk_sessn *s = LIST_ENTRY(l, struct xk_sessn, link);
        struct vcache_sessn *vs = s->state;
        if (vs->old)
            drop(st, s);
        else
            vs->old = true;
    }
    if (st->idle_count > 0)
        port_timer_set(t, st->params->interval);
}

static uint32_t reclaim(struct vcache_state *st)
{
    uint32_t n = 0;
    for (; st->idle_count > 0; n++)
        drop(st, LIST_ENTRY(st->idle.next, struct xk_sessn, link));
    return n;
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct xk_protl *self = arg;
    struct vcache_state *st = self->state;
    (void)life;
    if (alive)
        return;
    LIST_EACH (l, &st->used) {
        struct xk_sessn *s = LIST_ENTRY(l, struct xk_sessn, link);
        if (s->host == host)
            ((struct vcache_sessn *)s->state)->ended = true;
    }
    LIST_EACH_SAFE (l, next, &st->idle) {
        struct xk_sessn *s = LIST_ENTRY(l, struct xk_sessn, link);
        if (s->host == host)
            drop(st, s);
    }
}

/* ---- sessions ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct vcache_state *st = s->protl->state;
    enum xk_status r = xk_push(s->down[0], m);
    if (r == XK_OK)
        ((struct vcache_sessn *)s->state)->out = st->calls;
    return r;
}

static void sessn_close(struct xk_sessn *s)
{
    struct vcache_sessn *vs = s->state;
    if (vs->parts.count > 0 && !vs->out && !vs->ended) /* VCACHE1 */
        keep(s->protl, s);
    else
        xk_sessn_free(s);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push, .close = sessn_close };

/* The session over that one below, which it takes; VCACHE2. */
static struct xk_sessn *over(struct xk_protl *self, struct xk_sessn *lower)
{
    struct vcache_state *st = self->state;
    struct xk_sessn *s =
        xk_sessn_new(self, self->upper, lower->host, &sessn_ops, sizeof(struct vcache_sessn));
    s->down[s->downs++] = lower;
    lower->upper_state = s;
    list_push(&st->used, &s->link);
    st->counts.opened++;
    return s;
}

/* The session above it with one more reference; NULL: there is none. */
static struct xk_sessn *above(struct vcache_state *st, struct xk_sessn *lower)
{
    struct xk_sessn *s = lower->upper_state;
    if (!s)
        return NULL;
    return s->refs > 0 ? xk_dup(s) : take(st, s);
}

/* ---- up ---- */

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct vcache_state *st = self->state;
    struct xk_sessn *s = lower->upper_state;
    if (!self->upper) {
        st->counts.orphans++;
        return;
    }
    bool fresh = !s || s->refs == 0;
    s = s ? above(st, lower) : over(self, xk_dup(lower));
    ((struct vcache_sessn *)s->state)->out = false;
    if (fresh)
        xk_open_done(self->upper, s);
    xk_demux(s, m);
    xk_close(s);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct xk_sessn *s = lower->upper_state;
    (void)self;
    if (!s || s->refs == 0)
        return;
    xk_dup(s);
    xk_ready(s);
    xk_close(s);
}

static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct xk_sessn *s = lower->upper_state;
    (void)self;
    if (!s || s->refs == 0)
        return;
    xk_dup(s);
    ((struct vcache_sessn *)s->state)->out = false;
    xk_failed(s, why);
    xk_close(s);
}

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct vcache_state *st = self->state;
    st->params = p;
    st->calls = self->down[0]->gives & XK_CALLS;
    list_init(&st->used);
    list_init(&st->idle);
    port_timer_init(xk_port(self), &st->timer, timed_out, self);
    xk_on_peer(self->kernel, peer_changed, self);
    return XK_OK;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct vcache_state *st = self->state;
    struct xk_sessn *s, *lower;
    (void)upper;
    if (st->idle_count > 0)
        port_work(xk_port(self), PORT_WORK_LOOKUP, 1);
    LIST_EACH (l, &st->idle) {
        s = LIST_ENTRY(l, struct xk_sessn, link);
        if (xk_parts_same(&((struct vcache_sessn *)s->state)->parts, &peer)) {
            st->counts.reused++;
            return take(st, s);
        }
    }
    lower = xk_open(self->down[0], self, peer, why);
    if (!lower)
        return NULL;
    s = above(st, lower); /* a peer has started it, or somebody has it open */
    if (s)
        xk_close(lower);
    else
        s = over(self, lower);
    ((struct vcache_sessn *)s->state)->parts = peer;
    return s;
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    if (c->op != XK_FREE_RESOURCES)
        return xk_protl_control(self->down[0], c);
    c->u64 = reclaim(self->state);
    return XK_OK;
}

static const struct counter counters[] = {
    C_SUM(vcache_state, counts, opened, "1", "Sessions made over one below."),
    C_SUM(vcache_state, counts, reused, "1", "Opens that got a kept one back."),
    C_SUM(vcache_state, counts, reclaimed, "1", "Kept ones that were closed."),
    C_SUM(vcache_state, counts, orphans, "1", "Messages dropped: nobody is above."),
    C_END,
};

const struct xk_protl_ops vcache_protl = {
    .kind = { .name = "vcache",
              .doc = "keeps sessions open that were closed, for who opens them again",
              .params = params,
              .params_size = sizeof(struct vcache_params),
              .state_size = sizeof(struct vcache_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .is_virtual = true,
    .single = true,
    .init = protl_init,
    .open = protl_open,
    .demux = protl_demux,
    .ready = protl_ready,
    .failed = protl_failed,
    .control = protl_control,
};
