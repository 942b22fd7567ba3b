/* mrpc_client.c: the client's side of M.RPC: calls, questions, the end of a call. */
#include "os/proto/mrpc/mrpc_internal.h"

static struct mrpc_header header_of(const struct mrpc_client *c, enum mrpc_op op)
{
    const struct xk_sessn *s = xk_sessn_of((void *)(uintptr_t)c);
    return (struct mrpc_header){ .upper = (uint16_t)s->upper->number,
                                 .op = (uint8_t)op,
                                 .channel = c->channel,
                                 .fragments = 1,
                                 .seq = c->seq,
                                 .dst_life = xk_life(s->protl->kernel, s->host) };
}

/* ---- numbers of channels ---- */

static bool take_channel(struct xk_protl *self, struct mrpc_host *host, struct xk_sessn *s,
                         uint16_t *channel)
{
    uint16_t i = 0;
    while (i < host->client_count && host->clients[i])
        i++;
    if (i == MRPC_CHANNELS_MAX)
        return false;
    if (i == host->client_count) {
        host->client_count = i < 4 ? (uint16_t)(i + 1) : (uint16_t)(2 * i);
        host->clients =
            port_realloc(xk_port(self), host->clients, host->client_count * sizeof *host->clients);
    }
    host->clients[i] = s;
    *channel = i;
    return true;
}

static void give_channel(struct xk_protl *self, struct mrpc_host *host, uint16_t channel)
{
    host->clients[channel] = NULL;
    for (uint16_t i = 0; i < host->client_count; i++)
        if (host->clients[i])
            return;
    port_free(xk_port(self), host->clients);
    host->clients = NULL;
    host->client_count = 0;
}

/* ---- the end of a call ---- */

static void end_call(struct mrpc_client *c)
{
    struct xk_sessn *s = xk_sessn_of(c);
    if (c->state != MRPC_FREE)
        port_trace_end(c->timer.port, "calls", "call",
                       mrpc_trace_id(port_node(c->timer.port), c->host->host, c->seq));
    c->state = MRPC_FREE;
    list_remove(&c->stalled.link);
    rope_fini(&c->request.data);
    mrpc_in_drop(s->protl, &c->reply);
    port_timer_cancel(&c->timer);
}

static void fail(struct mrpc_client *c, enum xk_status why)
{
    struct xk_sessn *s = xk_sessn_of(c);
    struct mrpc_state *st = s->protl->state;
    end_call(c);
    st->counts.failures++;
    s->refs++;
    xk_failed(s, why);
    xk_close(s);
}

/* Those that are made meanwhile are for the next life. */
void mrpc_client_fail_all(struct xk_protl *self, struct mrpc_host *host, enum xk_status why)
{
    uint32_t last = host->seq;
    (void)self;
    for (uint16_t i = 0; i < host->client_count; i++) {
        struct mrpc_client *c = host->clients[i] ? host->clients[i]->state : NULL;
        if (c && c->state != MRPC_FREE && (int32_t)(c->seq - last) <= 0)
            fail(c, why);
    }
}

/* ---- sending ---- */

static void pump(struct mrpc_client *c)
{
    struct xk_sessn *s = xk_sessn_of(c);
    if (!mrpc_out_pump(s->protl, &c->request, s->down[0], header_of(c, MRPC_REQUEST)))
        mrpc_stall(s->protl->state, &c->stalled); /* MRPC4 */
}

void mrpc_client_ready(struct mrpc_client *c)
{
    if (c->state == MRPC_WAIT)
        pump(c);
}

/* When the layer below is busy it counts as lost: the timer sends another. */
static void probe(struct mrpc_client *c)
{
    struct xk_sessn *s = xk_sessn_of(c);
    struct mrpc_state *st = s->protl->state;
    st->counts.probes++;
    (void)mrpc_say(s->protl, s->down[0], header_of(c, MRPC_PROBE));
}

static void ask_for_the_rest(struct mrpc_client *c, struct xk_sessn *down)
{
    struct xk_sessn *s = xk_sessn_of(c);
    struct mrpc_header h = header_of(c, MRPC_ACK_REPLY);
    h.fragments = c->reply.fragments;
    h.mask = c->reply.mask;
    (void)mrpc_say(s->protl, down, h);
}

static void timed_out(struct port_timer *t)
{
    struct mrpc_client *c = t->arg;
    struct xk_sessn *s = xk_sessn_of(c);
    struct mrpc_state *st = s->protl->state;
    if (c->tries++ >= st->params->tries) {
        fail(c, XK_UNREACHABLE);
        return;
    }
    if (c->state == MRPC_ASKS) {
        probe(c);
    } else if (c->reply.fragments > 0) {
        ask_for_the_rest(c, s->down[0]);
    } else {
        mrpc_out_again(&c->request);
        pump(c);
    }
    c->wait = sim_time_min(sim_time_mul(c->wait, 2), st->params->wait_max);
    mrpc_timer_set(s->protl, &c->timer, c->wait);
}

static enum xk_status client_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct mrpc_client *c = s->state;
    struct mrpc_state *st = s->protl->state;
    if (c->state != MRPC_FREE)
        return XK_BUSY;
    if (xk_msg_length(m) > s->protl->carries)
        return XK_TOO_LONG;
    if (!xk_alive(s->protl->kernel, s->host))
        return XK_UNREACHABLE;
    mrpc_out_start(st, &c->request, m);
    if (++c->host->seq == 0)
        c->host->seq = 1;
    c->seq = c->host->seq;
    c->tries = 0;
    c->wait = st->params->client_wait;
    st->counts.calls++;
    port_trace_begin(c->timer.port, "calls", "call",
                     mrpc_trace_id(port_node(c->timer.port), c->host->host, c->seq));
    /* The first call to a host that may lose it: its life must be known first, else a server that
     * restarts between two copies would execute both (MRPC1). */
    c->state = !st->reliable && xk_life(s->protl->kernel, s->host) == 0 ? MRPC_ASKS : MRPC_WAIT;
    if (c->state == MRPC_ASKS)
        probe(c);
    else
        pump(c);
    if (!st->reliable) /* MRPC3 */
        mrpc_timer_set(s->protl, &c->timer, c->wait);
    return XK_OK;
}

/* ---- receiving ---- */

static void got_reply(struct mrpc_client *c, struct xk_sessn *lower, const struct mrpc_header *h,
                      struct xk_msg *m)
{
    struct xk_sessn *s = xk_sessn_of(c);
    struct mrpc_state *st = s->protl->state;
    struct xk_msg all;
    bool other = c->reply.fragments != 0 && h->fragments != c->reply.fragments; /* MRPCM2 */
    c->tries = other ? c->tries : 0;
    if (!mrpc_in_take(s->protl, &c->reply, h, m)) {
        if (h->flags & MRPC_PLEASE_ACK && !other)
            ask_for_the_rest(c, lower);
        return;
    }
    mrpc_in_message(s->protl, &c->reply, &all);
    end_call(c); /* MRPC2 */
    st->counts.replies++;
    s->refs++;
    xk_demux(s, &all);
    xk_close(s);
    xk_msg_fini(&all);
}

/* So much of the request is there: all of it, or the rest is sent at once. */
static void got_ack(struct mrpc_client *c, uint64_t mask)
{
    struct xk_sessn *s = xk_sessn_of(c);
    struct mrpc_state *st = s->protl->state;
    c->tries = 0; /* it lives, and works on it */
    if (st->reliable || !mrpc_out_missing(&c->request, mask))
        return;
    c->wait = st->params->client_wait;
    mrpc_timer_set(s->protl, &c->timer, c->wait);
    pump(c);
}

void mrpc_client_got(struct xk_protl *self, struct mrpc_host *host, struct xk_sessn *lower,
                     const struct mrpc_header *h, struct xk_msg *m)
{
    struct mrpc_state *st = self->state;
    struct xk_sessn *s = h->channel < host->client_count ? host->clients[h->channel] : NULL;
    struct mrpc_client *c = s ? s->state : NULL;
    if (!c || c->state == MRPC_FREE || c->seq != h->seq) {
        /* Over for us.  A server that asks may forget its reply. */
        st->counts.duplicates += h->op == MRPC_REPLY;
        if (h->op == MRPC_REPLY && h->flags & MRPC_PLEASE_ACK)
            mrpc_answer(self, lower, h, MRPC_ACK_REPLY, mrpc_all(h->fragments));
        return;
    }
    switch (h->op) {
    case MRPC_REPLY:
        got_reply(c, lower, h, m);
        return;
    case MRPC_ACK_REQUEST:
        if (c->state == MRPC_WAIT)
            got_ack(c, h->mask);
        return;
    case MRPC_HERE:
        if (c->state == MRPC_ASKS) {
            c->state = MRPC_WAIT;
            c->tries = 0;
            pump(c);
        }
        return;
    default:
        fail(c, h->op == MRPC_GONE ? XK_UNREACHABLE : XK_REFUSED);
    }
}

/* ---- sessions ---- */

static void client_close(struct xk_sessn *s)
{
    struct mrpc_client *c = s->state;
    end_call(c);
    give_channel(s->protl, c->host, c->channel);
    xk_sessn_free(s);
}

static const struct xk_sessn_ops client_ops = { .push = client_push, .close = client_close };

struct xk_sessn *mrpc_client_open(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, enum xk_status *why)
{
    struct xk_sessn *down = xk_open(self->down[0], self, peer, why);
    if (!down)
        return NULL;
    struct xk_sessn *s =
        xk_sessn_new(self, upper, down->host, &client_ops, sizeof(struct mrpc_client));
    struct mrpc_client *c = s->state;
    s->down[s->downs++] = down;
    c->host = mrpc_host_get(self, down->host);
    if (!take_channel(self, c->host, s, &c->channel)) {
        *why = XK_BUSY;
        xk_sessn_free(s);
        return NULL;
    }
    c->stalled.kind = MRPC_STALLED_CLIENT;
    list_init(&c->stalled.link);
    rope_init(&c->request.data);
    port_timer_init(xk_port(self), &c->timer, timed_out, c);
    return s;
}
