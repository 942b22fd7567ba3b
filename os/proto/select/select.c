/* select.c: calls, channels and services.  See select.h and README.md.
 *
 * A host has at most params.channels open channels; a call takes an idle one, opens one, or waits.
 * An idle channel stays open while it is among the last params.idle of the whole instance.
 */
#include "os/proto/select/select_internal.h"

static const struct param params[] = {
    P_INT(select_params, channels, "8", "1", "1000", "calls to one host that run side by side",
          "ASSUMED(x-kernel's VCHAN makes it a configuration)"),
    P_INT(select_params, queue, "64", "1", "1000",
          "calls to one host that wait for a channel before it says busy",
          "ASSUMED(eight rounds of the channels)"),
    P_INT(select_params, idle, "4", "0", "1000", "idle channels kept open",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

static void header_store(uint8_t out[SELECT_HEADER], const struct select_header *h)
{
    wire_put32(out, h->service);
    wire_put32(out + 4, h->word);
}

static void header_load(struct select_header *h, const uint8_t in[SELECT_HEADER])
{
    h->service = wire_get32(in);
    h->word = wire_get32(in + 4);
}

uint64_t select_max_bytes(struct xk_protl *rpc)
{
    return rpc->carries;
}

/* ---- hosts and channels ---- */

static struct select_host *host_get(struct xk_protl *self, uint32_t host)
{
    struct select_state *st = self->state;
    struct select_host *h = xk_map_resolve(&st->hosts, &host);
    if (h)
        return h;
    h = port_alloc(xk_port(self), sizeof *h);
    h->host = host;
    list_init(&h->queue);
    list_init(&h->waiters);
    xk_map_bind(&st->hosts, &host, h);
    return h;
}

static void host_put(struct xk_protl *self, struct select_host *h)
{
    struct select_state *st = self->state;
    if (h->channels || h->queued || h->ended || !list_empty(&h->waiters))
        return;
    xk_map_unbind(&st->hosts, &h->host);
    port_free(xk_port(self), h);
}

static void channel_close(struct xk_protl *self, struct select_channel *ch)
{
    struct select_state *st = self->state;
    struct select_host *h = ch->host;
    struct xk_sessn *s = ch->sessn;
    if (!list_empty(&ch->idle)) {
        list_remove(&ch->idle);
        st->idle_count--;
        h->idle--;
    }
    h->channels--;
    port_free(xk_port(self), ch);
    xk_close(s);
    host_put(self, h);
}

static void channel_idle(struct xk_protl *self, struct select_channel *ch)
{
    struct select_state *st = self->state;
    list_push(&st->idle, &ch->idle);
    st->idle_count++;
    ch->host->idle++;
    while (st->idle_count > st->params->idle)
        channel_close(self, LIST_ENTRY(st->idle.next, struct select_channel, idle));
}

/* An idle channel to the host, or a new one, or NULL: all are busy. */
static struct select_channel *channel_get(struct xk_protl *self, struct select_host *h,
                                          enum xk_status *why)
{
    struct select_state *st = self->state;
    if (h->idle > 0) {
        LIST_EACH (l, &st->idle) {
            struct select_channel *ch = LIST_ENTRY(l, struct select_channel, idle);
            if (ch->host == h) {
                list_remove(&ch->idle);
                st->idle_count--;
                h->idle--;
                return ch;
            }
        }
    }
    *why = XK_BUSY;
    if (h->channels >= st->params->channels)
        return NULL;
    struct xk_sessn *s = xk_open(self->down[0], self, xk_node(h->host), why);
    if (!s)
        return NULL;
    struct select_channel *ch = port_alloc(xk_port(self), sizeof *ch);
    list_init(&ch->idle);
    ch->host = h;
    ch->sessn = s;
    s->upper_state = ch;
    h->channels++;
    return ch;
}

/* ---- client ---- */

static void call_end(struct xk_protl *self, struct select_call *c, enum xk_status status,
                     struct rope *reply)
{
    struct rope none;
    select_done_fn done = c->done;
    void *arg = c->arg;
    rope_fini(&c->data);
    port_free(xk_port(self), c);
    rope_init(&none);
    done(arg, status, reply ? reply : &none);
    rope_fini(&none);
}

/* SEL1: those that end inside select_call are told later. */
static void call_end_later(struct xk_protl *self, struct select_call *c, enum xk_status status)
{
    struct select_state *st = self->state;
    c->status = status;
    c->host->ended++;
    list_push(&st->ended, &c->link);
    if (!port_timer_pending(&st->tell))
        port_timer_set(&st->tell, 0);
}

static void tell_ended(struct port_timer *t)
{
    struct xk_protl *self = t->arg;
    struct select_state *st = self->state;
    struct list *l;
    while ((l = list_pop(&st->ended))) {
        struct select_call *c = LIST_ENTRY(l, struct select_call, link);
        struct select_host *h = c->host;
        h->ended--;
        call_end(self, c, c->status, NULL);
        host_put(self, h);
    }
}

/* Sends a call on a free channel; false: it ended at once and the channel is still free. */
static bool start(struct xk_protl *self, struct select_channel *ch, struct select_call *c)
{
    struct select_header h = { .service = c->service, .word = c->procedure };
    struct xk_msg m;
    xk_msg_init_rope(&m, &c->data);
    rope_init(&c->data);
    header_store(xk_msg_push(&m, SELECT_HEADER), &h);
    ch->call = c;
    enum xk_status r = xk_push(ch->sessn, &m);
    xk_msg_fini(&m);
    if (r == XK_OK)
        return true;
    ch->call = NULL;
    call_end_later(self, c, r);
    return false;
}

static void wake_waiter(struct xk_protl *self, struct select_host *h)
{
    struct list *l = list_pop(&h->waiters);
    if (l) {
        struct select_waiter *w = LIST_ENTRY(l, struct select_waiter, link);
        w->woken = true;
        port_thread_wake(xk_port(self), w->thread);
    }
}

/* The channel is free: the host's next call takes it. */
static void channel_free(struct xk_protl *self, struct select_channel *ch)
{
    struct select_host *h = ch->host;
    struct list *l;
    while ((l = list_pop(&h->queue))) {
        h->queued--;
        wake_waiter(self, h);
        if (start(self, ch, LIST_ENTRY(l, struct select_call, link)))
            return;
    }
    channel_idle(self, ch);
}

enum xk_status select_call(struct xk_protl *rpc, uint32_t host, uint32_t service,
                           uint32_t procedure, struct rope *args, select_done_fn done, void *arg)
{
    struct select_state *st = rpc->state;
    enum xk_status why = XK_OK;
    if (args->length > select_max_bytes(rpc))
        return XK_TOO_LONG;
    if (host >= port_nodes(xk_port(rpc)))
        return XK_NO_PEER;
    struct select_host *h = host_get(rpc, host);
    if (h->queued >= st->params->queue)
        return XK_BUSY;
    struct select_channel *ch = h->queued ? NULL : channel_get(rpc, h, &why);
    if (!ch && why != XK_BUSY && why != XK_OK) {
        host_put(rpc, h);
        return why;
    }
    struct select_call *c = port_alloc(xk_port(rpc), sizeof *c);
    c->host = h;
    c->service = service;
    c->procedure = procedure;
    c->done = done;
    c->arg = arg;
    rope_move(&c->data, args);
    if (ch) {
        if (!start(rpc, ch, c))
            channel_free(rpc, ch);
    } else {
        list_push(&h->queue, &c->link);
        h->queued++;
    }
    return XK_OK;
}

static void got_reply(struct xk_protl *self, struct select_channel *ch, struct xk_msg *m)
{
    struct select_call *c = ch->call;
    struct select_header h;
    uint8_t wire[SELECT_HEADER];
    enum xk_status status = XK_REFUSED;
    struct rope reply;
    ((struct select_state *)self->state)->counts.replies++;
    if (xk_msg_pop(m, wire, SELECT_HEADER)) {
        header_load(&h, wire);
        status = h.word == SELECT_WIRE_OK         ? XK_OK
                 : h.word == SELECT_WIRE_TOO_LONG ? XK_TOO_LONG
                                                  : XK_REFUSED;
    }
    xk_msg_to_rope(m, &reply);
    if (status != XK_OK)
        rope_truncate(&reply, 0);
    ch->call = NULL;
    channel_free(self, ch);
    call_end(self, c, status, &reply);
    rope_fini(&reply);
}

static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct select_channel *ch = lower->upper_state;
    struct select_call *c = ch->call;
    ASSERT(c);
    ch->call = NULL;
    channel_free(self, ch);
    call_end(self, c, why, NULL);
}

/* ---- threads ---- */

struct wait {
    struct port *port;
    struct port_thread *thread;
    bool ended;
    enum xk_status status;
    struct rope *reply;
};

static void wake_caller(void *arg, enum xk_status status, struct rope *reply)
{
    struct wait *w = arg;
    w->ended = true;
    w->status = status;
    rope_join(w->reply, reply);
    port_thread_wake(w->port, w->thread);
}

enum xk_status select_call_wait(struct xk_protl *rpc, uint32_t host, uint32_t service,
                                uint32_t procedure, struct rope *args, struct rope *reply)
{
    struct port *p = xk_port(rpc);
    struct wait w = { .port = p, .thread = port_thread_self(p), .reply = reply };
    enum xk_status s;
    ASSERT_MSG(w.thread, "select_call_wait outside a thread");
    rope_init(reply);
    while ((s = select_call(rpc, host, service, procedure, args, wake_caller, &w)) == XK_BUSY) {
        struct select_host *h = host_get(rpc, host);
        struct select_waiter room = { .thread = w.thread };
        list_push(&h->waiters, &room.link);
        while (!room.woken)
            port_thread_block(p, "room in the queue of calls to node", host);
    }
    if (s != XK_OK) {
        rope_fini(args);
        return s;
    }
    while (!w.ended)
        port_thread_block(p, "reply of node", host);
    return w.status;
}

/* ---- server ---- */

enum xk_status select_serve(struct xk_protl *rpc, uint32_t service, select_serve_fn fn, void *arg)
{
    struct select_state *st = rpc->state;
    if (xk_map_resolve(&st->services, &service))
        return XK_REFUSED;
    struct select_service *v = port_alloc(xk_port(rpc), sizeof *v);
    v->fn = fn;
    v->arg = arg;
    xk_map_bind(&st->services, &service, v);
    return XK_OK;
}

void *select_server(struct xk_protl *rpc, uint32_t service)
{
    struct select_state *st = rpc->state;
    const struct select_service *v = xk_map_resolve(&st->services, &service);
    return v != NULL ? v->arg : NULL;
}

uint32_t select_request_host(const struct select_request *request)
{
    return request->sessn->host;
}

void *select_request_state(struct select_request *request)
{
    return request->state;
}

static enum xk_status answer(struct xk_sessn *s, uint32_t service, enum select_wire status,
                             struct rope *reply)
{
    struct select_header h = { .service = service, .word = status };
    struct xk_msg m;
    if (reply)
        xk_msg_init_rope(&m, reply);
    else
        xk_msg_init(&m);
    header_store(xk_msg_push(&m, SELECT_HEADER), &h);
    enum xk_status r = xk_push(s, &m);
    xk_msg_fini(&m);
    return r;
}

void select_reply(struct select_request *request, struct rope *reply)
{
    struct xk_protl *self = request->self;
    struct xk_sessn *s = request->sessn;
    /* XK_CLOSED: the client is gone; nobody waits for this. */
    if (answer(s, request->service, SELECT_WIRE_OK, reply) == XK_TOO_LONG)
        (void)!answer(s, request->service, SELECT_WIRE_TOO_LONG, NULL);
    port_free(xk_port(self), request);
    xk_close(s);
}

static void got_request(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct select_state *st = self->state;
    struct select_header h = { 0 };
    uint8_t wire[SELECT_HEADER];
    bool whole = xk_msg_pop(m, wire, SELECT_HEADER);
    st->counts.requests++;
    if (whole)
        header_load(&h, wire);
    struct select_service *v = whole ? xk_map_resolve(&st->services, &h.service) : NULL;
    if (!v) {
        st->counts.unknown++;
        (void)!answer(lower, h.service, SELECT_WIRE_NO_SERVICE, NULL);
        return;
    }
    struct select_request *r = port_alloc(xk_port(self), sizeof *r);
    struct rope args;
    r->self = self;
    r->sessn = xk_dup(lower);
    r->service = h.service;
    port_work(xk_port(self), PORT_WORK_RPC, 1);
    xk_msg_to_rope(m, &args);
    v->fn(v->arg, r, h.word, &args);
    rope_fini(&args);
}

/* ---- protocol ---- */

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    if (lower->upper_state)
        got_reply(self, lower->upper_state, m);
    else
        got_request(self, lower, m);
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct select_state *st = self->state;
    struct port *port = xk_port(self);
    st->params = p;
    xk_map_init(&st->hosts, port, sizeof(uint32_t));
    xk_map_init(&st->services, port, sizeof(uint32_t));
    list_init(&st->idle);
    list_init(&st->ended);
    port_timer_init(port, &st->tell, tell_ended, self);
    return xk_open_enable(self->down[0], self, xk_any());
}

static const struct counter counters[] = {
    C_SUM(select_state, counts, requests, "1", "Requests that came."),
    C_SUM(select_state, counts, unknown, "1", "Of them those that nobody here serves."),
    C_SUM(select_state, counts, replies, "1", "Replies that came."),
    C_END,
};

const struct xk_protl_ops select_protl = {
    .kind = { .name = "select",
              .doc = "calls of services by number, on a pool of channels per host",
              .params = params,
              .params_size = sizeof(struct select_params),
              .state_size = sizeof(struct select_state),
              .counters = counters },
    .header = SELECT_HEADER,
    .down_min = 1,
    .down_max = 1,
    .needs = XK_CALLS,
    .called = true,
    .init = protl_init,
    .demux = protl_demux,
    .failed = protl_failed,
};
