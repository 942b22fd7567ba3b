/* boundary.c: the two proxies between an instance and one right below it in another domain.
 *
 *      upper domain                       lower domain
 *      upper instance                     `over`, an instance in the upper one's place
 *        | session of `under` (proxy)       | session of the lower instance
 *      `under`, in the lower one's place  lower instance
 *
 * A proxy session and the lower session belong together for as long as both live: the lower one's
 * upper_state is the half that knows the proxy.  The proxy holds the lower session while somebody
 * holds the proxy.  Lists that span domains have their heads in the kernel's heap, so that either
 * side can go at any moment (DOM3).
 *
 *   half of a lower session    becomes
 *   whole: has a proxy         gone: with the lower session, or its domain (forget, died)
 *                              orphan: its upper domain dies while it holds or has stalled messages
 *   orphan                     gone: by an upcall of the lower domain (let_go)
 */
#include <string.h>

#include "os/xk/boundary_internal.h"
#include "os/xk/pieces.h"

static struct xk_boundary *under_of(const struct xk_sessn *proxy)
{
    return proxy->protl->boundary;
}

/* A signal crosses. */
static void cross(const struct xk_boundary *b)
{
    port_work(b->upper->kernel->port, b->transfer.ops->whole ? PORT_WORK_TRAP : PORT_WORK_CROSS, 1);
}

/* A message crosses. */
static void transfer(struct xk_boundary *b, struct xk_msg *m, bool up)
{
    if (!b->transfer.ops->whole)
        cross(b);
    b->transfer.ops->cross(&b->transfer, &m->data, up);
    b->counts->counts.messages++;
    b->counts->counts.bytes += xk_msg_length(m);
}

static void drain_down(struct port *task, void *arg);
static void drain_up(struct port *task, void *arg);

/* DOM2, TRAN5. */
static struct crossing *send(struct xk_boundary *b, bool up, struct xk_sessn *s, enum what what)
{
    struct port *to = up ? b->above->task : b->below->task;
    struct crossing *c = port_alloc(to, sizeof *c);
    c->sessn = xk_dup(s);
    c->what = what;
    c->at = port_now(to);
    list_push(up ? &b->up : &b->down, &c->link);
    b->up_waiting += up && what == MESSAGE;
    if (++b->waiting > b->counts->counts.waiting)
        b->counts->counts.waiting = b->waiting;
    port_task_run(to, up ? drain_up : drain_down, b);
    return c;
}

/* The next whose moment has come: the code that sent it may still be paying for it. */
static struct crossing *next(struct xk_boundary *b, struct list *from, struct port *task)
{
    struct crossing *c = list_empty(from) ? NULL : LIST_ENTRY(from->next, struct crossing, link);
    if (!c || c->at > port_now(task))
        return NULL;
    list_remove(&c->link);
    b->waiting--;
    b->up_waiting -= from == &b->up && c->what == MESSAGE;
    return c;
}

/* ---- proxy sessions ---- */

static enum xk_status proxy_push(struct xk_sessn *s, struct xk_msg *m);
static void proxy_close(struct xk_sessn *s);
static enum xk_status proxy_control(struct xk_sessn *s, struct xk_control *c);
static const struct xk_sessn_ops proxy_ops = { .push = proxy_push,
                                               .close = proxy_close,
                                               .control = proxy_control };

/* Binds the two together.  An idle lower session is not held: it may go at any time. */
static void bind(struct xk_boundary *b, struct xk_sessn *proxy, struct xk_sessn *lower)
{
    struct half *h = port_alloc(b->below->task, sizeof *h);
    list_init(&h->stalled);
    h->lower = lower;
    h->proxy = proxy;
    h->holds = lower->refs > 0;
    if (h->holds)
        xk_dup(lower);
    list_push(&b->halves, &h->link);
    lower->upper_state = h;
    ((struct proxy *)proxy->state)->half = h;
    proxy->host = lower->host;
    proxy->key = lower->key;
}

static struct xk_sessn *make(struct xk_boundary *b, uint32_t host)
{
    struct xk_sessn *s = xk_sessn_new(&b->under, b->upper, host, &proxy_ops, sizeof(struct proxy));
    list_push(&b->proxies, &((struct proxy *)s->state)->link);
    return s;
}

/* DOM4: one whose lower session has gone with its domain, and that is for the same peer. */
static struct xk_sessn *cut_proxy(struct xk_boundary *b, const struct xk_sessn *lower)
{
    LIST_EACH (l, &b->proxies) {
        struct proxy *x = LIST_ENTRY(l, struct proxy, link);
        struct xk_sessn *s = xk_sessn_of(x);
        if (!x->half && s->host == lower->host && s->key == lower->key) {
            b->cut--;
            return s;
        }
    }
    return NULL;
}

/* The proxy of a lower session, with one more reference. */
static struct xk_sessn *proxy_of(struct xk_boundary *b, struct xk_sessn *lower)
{
    struct half *h = lower->upper_state;
    if (!h) {
        struct xk_sessn *s = b->cut > 0 ? cut_proxy(b, lower) : NULL;
        s = s ? xk_dup(s) : make(b, lower->host);
        bind(b, s, lower);
        return s;
    }
    if (!h->holds && lower->refs > 0) {
        xk_dup(lower);
        h->holds = true;
    }
    return xk_dup(h->proxy);
}

void xk_proxy_free(struct xk_boundary *b, struct xk_sessn *s)
{
    b->cut -= !((struct proxy *)s->state)->half;
    list_remove(&((struct proxy *)s->state)->link);
    xk_sessn_free(s);
}

static void half_free(struct xk_boundary *b, struct half *h)
{
    list_remove(&h->link);
    port_free(b->below->task, h);
}

static void proxy_close(struct xk_sessn *s)
{
    struct proxy *x = s->state;
    struct half *h = x->half;
    if (!h) {
        xk_proxy_free(under_of(s), s);
        return;
    }
    if (!h->holds)
        return;
    h->holds = false;
    xk_close(h->lower); /* which may free all three */
}

/* A session that delivers to `over` goes. */
static void forget(struct xk_sessn *lower)
{
    struct xk_boundary *b = lower->upper->boundary;
    struct half *h = lower->upper_state;
    if (!h)
        return;
    ASSERT(!h->holds && list_empty(&h->stalled)); /* they hold the session */
    if (h->proxy)
        xk_proxy_free(b, h->proxy);
    half_free(b, h);
}

/* Something is on its way to the other side. */
static bool under_way(const struct xk_boundary *b, const struct xk_sessn *proxy)
{
    const struct proxy *x = proxy->state;
    LIST_EACH (l, &b->up)
        if (LIST_ENTRY(l, struct crossing, link)->sessn == proxy)
            return true;
    return x->half->waiting > 0;
}

static bool carries(const struct xk_control *c)
{
    return c->msg && xk_msg_length(c->msg) > 0;
}

/* DOM5: a message that is asked with goes down, one that is answered with comes up. */
static enum xk_status proxy_control(struct xk_sessn *s, struct xk_control *c)
{
    struct xk_boundary *b = under_of(s);
    const struct proxy *x = s->state;
    if (!x->half)
        return XK_CLOSED;
    if (c->msg && b->later && under_way(b, s)) /* DOM5 */
        return XK_BUSY;
    bool down = carries(c);
    if (down)
        transfer(b, c->msg, false);
    enum xk_status r = xk_sessn_control(x->half->lower, c);
    if (!down && carries(c))
        transfer(b, c->msg, true);
    return r;
}

/* DOM4.  An answer to a call that has gone is for nobody. */
static bool open_again(struct xk_boundary *b, struct xk_sessn *s)
{
    struct proxy *x = s->state;
    enum xk_status why;
    if (!b->lower->task || (!x->opened && b->lower->gives & XK_CALLS))
        return false;
    struct xk_sessn *lower = xk_open(b->lower, &b->over,
                                     x->opened ? x->peer
                                     : s->key  ? xk_node_key(s->host, s->key)
                                               : xk_node(s->host),
                                     &why);
    if (!lower)
        return false;
    bool other = lower->upper_state != NULL;
    if (!other) {
        b->cut--;
        bind(b, s, lower);
    }
    xk_close(lower); /* the proxy holds it */
    return !other;
}

/* To another processor. */
static enum xk_status push_apart(struct xk_boundary *b, struct half *h, struct xk_msg *m)
{
    if (xk_msg_length(m) > b->lower->carries)
        return XK_TOO_LONG;
    if (h->waiting >= (uint64_t)b->counts->desc->params.queue && !(b->lower->gives & XK_TAKES)) {
        h->refused = true;
        return XK_BUSY;
    }
    transfer(b, m, false);
    h->waiting++;
    m->part = false; /* others see it: an upcall comes of it */
    xk_msg_move(&send(b, false, h->lower, MESSAGE)->msg, m);
    return XK_OK;
}

static enum xk_status proxy_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct xk_boundary *b = under_of(s);
    struct proxy *x = s->state;
    if (!x->half && !open_again(b, s)) {
        b->counts->counts.closed++;
        return XK_CLOSED;
    }
    bool call = x->opened && b->lower->gives & XK_CALLS;
    struct half *h = x->half;
    enum xk_status r;
    x->calls += call;
    if (b->apart) {
        r = push_apart(b, h, m);
    } else {
        if (!x->paid)
            transfer(b, m, false);
        x->paid = false; /* the session may go with the push */
        r = xk_push(h->lower, m);
        if (r == XK_BUSY)
            x->paid = b->transfer.ops->whole; /* TRAN6 */
    }
    if (r != XK_OK) { /* and the session is still there */
        x->calls -= call;
        x->busy = r == XK_BUSY;
    }
    return r;
}

/* ---- `under`: what the upper instance opens and asks ---- */

static struct xk_sessn *under_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct xk_boundary *b = self->boundary;
    (void)upper;
    *why = XK_CLOSED;
    if (!b->lower->task)
        return NULL;
    cross(b);
    struct xk_sessn *lower = xk_open(b->lower, &b->over, peer, why);
    if (!lower)
        return NULL;
    struct xk_sessn *s = proxy_of(b, lower);
    struct proxy *x = s->state;
    xk_close(lower); /* the proxy holds it */
    x->opened = true;
    x->peer = peer;
    return s;
}

static enum xk_status under_enable(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local)
{
    struct xk_boundary *b = self->boundary;
    (void)upper;
    for (const struct xk_enabled *e = b->enabled; e; e = e->next)
        if (xk_parts_same(&e->local, &local))
            return XK_OK; /* by the life of the domain before */
    enum xk_status r = b->lower->task ? xk_open_enable(b->lower, &b->over, local) : XK_OK;
    if (r == XK_OK) {
        struct xk_enabled *e = port_alloc(b->upper->kernel->port, sizeof *e);
        *e = (struct xk_enabled){ b->enabled, local };
        b->enabled = e;
    }
    return r;
}

static enum xk_status under_disable(struct xk_protl *self, struct xk_protl *upper,
                                    struct xk_parts local)
{
    struct xk_boundary *b = self->boundary;
    (void)upper;
    for (struct xk_enabled **at = &b->enabled; *at; at = &(*at)->next)
        if (xk_parts_same(&(*at)->local, &local)) {
            struct xk_enabled *e = *at;
            *at = e->next;
            port_free(b->upper->kernel->port, e);
            break;
        }
    return b->lower->task ? xk_open_disable(b->lower, &b->over, local) : XK_OK;
}

static enum xk_status under_control(struct xk_protl *self, struct xk_control *c)
{
    const struct xk_boundary *b = self->boundary;
    return b->lower->task ? xk_protl_control(b->lower, c) : XK_CLOSED;
}

static struct xk_sessn *lower_of(const struct xk_sessn *proxy)
{
    const struct proxy *x = proxy->state;
    return x->half ? x->half->lower : NULL;
}

static void under_pieces(struct xk_sessn *s)
{
    if (lower_of(s))
        xk_pieces(lower_of(s));
}

static void under_hold(struct xk_sessn *s, uint64_t credit)
{
    if (lower_of(s))
        xk_hold(lower_of(s), credit);
}

static void under_consumed(struct xk_sessn *s, uint64_t bytes)
{
    if (lower_of(s))
        xk_consumed(lower_of(s), bytes);
}

static bool under_gone(struct xk_sessn *s)
{
    return !lower_of(s) || xk_gone(lower_of(s));
}

static bool under_stalled(const struct xk_sessn *s)
{
    return lower_of(s) && xk_stalled(lower_of(s));
}

static void under_give_up(struct xk_sessn *s)
{
    if (lower_of(s))
        xk_give_up(lower_of(s));
}

static const struct xk_pieces_ops under_pieces_ops = {
    .pieces = under_pieces,
    .hold = under_hold,
    .consumed = under_consumed,
    .gone = under_gone,
    .stalled = under_stalled,
    .give_up = under_give_up,
};

/* ---- `over`: what the lower instance delivers to ---- */

static void deliver(struct xk_sessn *s, bool first, struct xk_msg *m)
{
    struct proxy *x = s->state;
    x->calls -= x->calls > 0;
    s->first = first;
    xk_demux(s, m);
}

static void over_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct xk_boundary *b = self->boundary;
    if (!b->upper->task) { /* DOM3 */
        b->counts->counts.dropped++;
        return;
    }
    if (b->up_waiting >= b->slots && !(b->lower->gives & XK_LOSSLESS)) {
        b->counts->counts.overflowed++; /* TRAN5 */
        return;
    }
    transfer(b, m, true);
    struct xk_sessn *s = proxy_of(b, lower);
    if (b->later) {
        struct crossing *c = send(b, true, s, MESSAGE);
        c->first = lower->first;
        xk_msg_move(&c->msg, m);
    } else {
        deliver(s, lower->first, m);
    }
    xk_close(s);
}

static void over_open_done(struct xk_protl *self, struct xk_sessn *lower)
{
    struct xk_boundary *b = self->boundary;
    if (!b->upper->task || !b->upper->ops->open_done)
        return;
    struct xk_sessn *s = proxy_of(b, lower);
    if (b->later)
        send(b, true, s, DONE);
    else
        b->upper->ops->open_done(b->upper, s);
    xk_close(s);
}

static void tell_ready(struct xk_boundary *b, struct xk_sessn *lower)
{
    struct half *h = lower->upper_state;
    if (!b->upper->task || !b->upper->ops->ready || !h || !h->proxy)
        return;
    struct proxy *x = h->proxy->state;
    if (b->apart && !x->busy && !b->lower->ops->tells)
        return;
    x->busy = false;
    cross(b);
    struct xk_sessn *s = proxy_of(b, lower);
    if (b->later)
        send(b, true, s, READY);
    else
        b->upper->ops->ready(b->upper, s);
    xk_close(s);
}

static bool push_stalled(struct xk_boundary *b, struct half *h);

static void over_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct xk_boundary *b = self->boundary;
    struct half *h = lower->upper_state;
    if (!h || list_empty(&h->stalled)) {
        tell_ready(b, lower);
        return;
    }
    xk_dup(lower); /* what stalled holds it, and goes */
    if (!push_stalled(b, h))
        tell_ready(b, lower);
    xk_close(lower);
}

static void over_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct xk_boundary *b = self->boundary;
    if (!b->upper->task || !b->upper->ops->failed)
        return;
    cross(b);
    struct xk_sessn *s = proxy_of(b, lower);
    struct proxy *x = s->state;
    x->calls -= x->calls > 0;
    if (b->later)
        send(b, true, s, FAILED)->why = why;
    else
        b->upper->ops->failed(b->upper, s, why);
    xk_close(s);
}

/* ---- on the other processor ---- */

/* One message goes on below; false: that is full, and it keeps the message. */
static bool push_on(struct xk_boundary *b, struct crossing *c)
{
    struct xk_sessn *lower = c->sessn;
    enum xk_status r = xk_push(lower, &c->msg);
    if (r == XK_BUSY && lower->upper_state)
        return false;
    if (r != XK_OK)
        b->counts->counts.dropped++;
    if (r != XK_OK && b->lower->gives & XK_CALLS)
        over_failed(&b->over, lower, r);
    struct half *h = lower->upper_state;
    if (h && h->waiting > 0)
        h->waiting--;
    if (h && h->refused && 2 * h->waiting <= (uint64_t)b->counts->desc->params.queue) {
        h->refused = false;
        tell_ready(b, lower);
    }
    xk_msg_fini(&c->msg);
    port_free(b->below->task, c);
    xk_close(lower);
    return true;
}

/* True: some still wait.  The caller holds the session. */
static bool push_stalled(struct xk_boundary *b, struct half *h)
{
    struct xk_sessn *lower = h->lower;
    while (lower->upper_state == h && !list_empty(&h->stalled)) {
        struct crossing *c = LIST_ENTRY(list_pop(&h->stalled), struct crossing, link);
        if (!push_on(b, c)) {
            list_push_front(&h->stalled, &c->link);
            return true;
        }
    }
    return false;
}

static void drain_down(struct port *task, void *arg)
{
    struct xk_boundary *b = arg;
    struct crossing *c;
    while ((c = next(b, &b->down, task))) {
        struct half *h = c->sessn->upper_state;
        if ((h && !list_empty(&h->stalled)) || !push_on(b, c))
            list_push(&((struct half *)c->sessn->upper_state)->stalled, &c->link);
    }
}

static void drain_up(struct port *task, void *arg)
{
    struct xk_boundary *b = arg;
    const struct xk_transfer_ops *t = b->transfer.ops;
    struct crossing *c;
    for (bool slept = !b->top; (c = next(b, &b->up, task)); slept = false) {
        struct xk_sessn *s = c->sessn;
        if (t->take)
            t->take(&b->transfer, c->what == MESSAGE ? xk_msg_length(&c->msg) : 0, slept);
        const struct xk_protl_ops *ops = b->upper->ops;
        switch (c->what) {
        case MESSAGE:
            deliver(s, c->first, &c->msg);
            break;
        case DONE:
            ops->open_done(b->upper, s);
            break;
        case READY:
            ops->ready(b->upper, s);
            break;
        case FAILED:
            ops->failed(b->upper, s, c->why);
            break;
        }
        if (c->what == MESSAGE)
            xk_msg_fini(&c->msg);
        port_free(task, c);
        xk_close(s);
    }
}

/* ---- graphs ---- */

static void init_transfer(struct xk_boundary *b)
{
    const struct xk_domain_desc *d = b->counts->desc;
    struct xk_transfer *t = &b->transfer;
    const struct kind_choice *c =
        xk_transfer_of(b->upper->kernel->graph, b->upper->number - 1, b->lower->number - 1);
    t->ops = (const void *)(c ? c->kind : xk_transfers.items[0]);
    t->params = c ? c->params : NULL;
    t->port = b->upper->kernel->port;
    t->above = b->upper->domain;
    t->below = b->lower->domain;
    if (t->ops->kind.state_size)
        t->state = port_alloc(t->port, t->ops->kind.state_size);
    if (t->ops->kind.counters)
        port_counters(t->port, d->name, t->ops->kind.counters, t->state);
    if (t->ops->init)
        t->ops->init(t);
    b->slots = t->ops->slots ? (uint64_t)t->ops->slots(t->params) : UINT64_MAX;
}

void xk_born(struct xk_protl *self, struct rope *data)
{
    struct xk_boundary *b = self->downs > 0 ? self->down[0]->boundary : NULL;
    if (b && b->transfer.ops->born)
        b->transfer.ops->born(&b->transfer, data);
}

/* At boot: `under` and `over` have the faces of the two instances. */
static struct xk_boundary *make_boundary(struct xk_protl *x, struct xk_protl *y)
{
    struct xk_kernel *k = x->kernel;
    struct xk_boundary *b = port_alloc(k->port, sizeof *b), **end = &k->boundaries;
    while (*end)
        end = &(*end)->next;
    *end = b;
    k->boundary_count++;
    b->upper = x;
    b->lower = y;
    b->above = &k->domains[x->domain];
    b->below = &k->domains[y->domain];
    b->counts = x->domain > y->domain ? b->above : b->below;
    b->forget = forget;
    init_transfer(b);
    b->apart = strcmp(port_task_cpu(b->above->task), port_task_cpu(b->below->task)) != 0;
    b->later = b->apart || xk_waits(b->transfer.ops);
    b->top = xk_graph_top(k->graph, x->number - 1);
    list_init(&b->proxies);
    list_init(&b->halves);
    list_init(&b->orphans);
    list_init(&b->down);
    list_init(&b->up);
    b->under_ops = (struct xk_protl_ops){
        .kind = y->ops->kind,
        .joined = true,
        .open = under_open,
        .open_enable = under_enable,
        .open_disable = under_disable,
        .control = under_control,
        .pieces = y->ops->pieces ? &under_pieces_ops : NULL,
    };
    b->over_ops = (struct xk_protl_ops){
        .kind = x->ops->kind,
        .needs = x->ops->needs,
        .open_done = over_open_done,
        .demux = over_demux,
        .ready = over_ready,
        .failed = over_failed,
    };
    b->under = *y;
    b->under.ops = &b->under_ops;
    b->under.boundary = b;
    b->under.task = x->task;
    b->under.state = NULL;
    if (xk_dies_alone(k->graph, y->domain))
        b->under.gives &= ~(unsigned)XK_LOSSLESS; /* DOM4 */
    b->over = *x;
    b->over.ops = &b->over_ops;
    b->over.boundary = b;
    b->over.task = y->task;
    b->over.downs = 1;
    b->over.down[0] = y;
    return b;
}

struct xk_protl *xk_boundary_below(struct xk_protl *x, struct xk_protl *y)
{
    return x->domain == y->domain ? y : &make_boundary(x, y)->under;
}
