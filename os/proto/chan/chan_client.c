/* chan_client.c: the client's side of CHAN: calls, questions, the end of a call. */
#include "os/proto/chan/chan_internal.h"

static const struct xk_sessn_ops client_ops;

static struct chan_header header_of(const struct chan_client *c, uint8_t flags)
{
    const struct xk_sessn *s = xk_sessn_of((void *)(uintptr_t)c);
    return (struct chan_header){ .id = c->id,
                                 .flags = (uint8_t)(CHAN_FROM_CLIENT | flags),
                                 .protocol = s->upper->number,
                                 .seq = c->seq,
                                 .dst_incarnation = xk_life(s->protl->kernel, s->host) };
}

/* ---- numbers of channels ---- */

static bool take_id(struct xk_protl *self, struct chan_host *host, struct xk_sessn *s, uint16_t *id)
{
    uint16_t i = 0;
    while (i < host->client_count && host->clients[i])
        i++;
    if (i == CHAN_IDS_MAX)
        return false;
    if (i == host->client_count) {
        host->client_count = i < 4 ? (uint16_t)(i + 1) : (uint16_t)(2 * i);
        host->clients =
            port_realloc(xk_port(self), host->clients, host->client_count * sizeof *host->clients);
    }
    host->clients[i] = s;
    *id = i;
    return true;
}

static void give_id(struct xk_protl *self, struct chan_host *host, uint16_t id)
{
    host->clients[id] = NULL;
    for (uint16_t i = 0; i < host->client_count; i++)
        if (host->clients[i])
            return;
    port_free(xk_port(self), host->clients);
    host->clients = NULL;
    host->client_count = 0;
}

/* ---- sending ---- */

static void send_request(struct chan_client *c)
{
    struct xk_sessn *s = xk_sessn_of(c);
    struct xk_protl *self = s->protl;
    struct chan_state *st = self->state;
    struct chan_header h = header_of(c, CHAN_USER_MSG);
    struct rope data;
    if (!c->has_request)
        return;
    if (st->reliable)
        rope_move(&data, &c->request);
    else
        rope_copy(&data, &c->request);
    enum xk_status r = chan_send(self, s->down[0], &h, &data);
    if (r == XK_OK) {
        st->counts.resent += c->sent;
        c->sent = true;
        c->has_request = !st->reliable;
    } else {
        if (st->reliable)
            rope_join(&c->request, &data);
        chan_stall(st, &c->stalled); /* CHAN4 */
    }
    rope_fini(&data);
}

/* Asks without data: has the request come, is it being executed? */
static void send_probe(struct chan_client *c)
{
    struct xk_sessn *s = xk_sessn_of(c);
    struct chan_state *st = s->protl->state;
    struct chan_header h = header_of(c, CHAN_ACK_REQUESTED);
    st->counts.probes++;
    /* When the layer below is busy the probe counts as lost: the timer sends another. */
    (void)!chan_send(s->protl, s->down[0], &h, NULL);
}

void chan_client_ready(struct chan_client *c)
{
    if (c->state == CHAN_WAIT)
        send_request(c);
}

static uint64_t trace_id(const struct chan_client *c)
{
    return chan_trace_id(port_node(c->timer.port), c->host->host, c->seq);
}

static void end_call(struct chan_client *c)
{
    if (c->state == CHAN_WAIT)
        port_trace_end(c->timer.port, "calls", "call", trace_id(c));
    c->state = CHAN_FREE;
    c->has_request = false;
    list_remove(&c->stalled.link);
    rope_fini(&c->request);
    port_timer_cancel(&c->timer);
}

static void fail(struct chan_client *c, enum xk_status why)
{
    struct xk_sessn *s = xk_sessn_of(c);
    struct chan_state *st = s->protl->state;
    end_call(c);
    st->counts.failures++;
    s->refs++;
    xk_failed(s, why);
    xk_close(s);
}

void chan_client_fail_all(struct xk_protl *self, struct chan_host *host, enum xk_status why)
{
    (void)self;
    /* Calls made by those who are told now have higher numbers. */
    uint32_t last = host->seq;
    for (uint16_t i = 0; i < host->client_count; i++) {
        struct chan_client *c = host->clients[i] ? host->clients[i]->state : NULL;
        if (c && c->state == CHAN_WAIT && (int32_t)(c->seq - last) <= 0)
            fail(c, why);
    }
}

static void timed_out(struct port_timer *t)
{
    struct chan_client *c = t->arg;
    struct xk_protl *self = xk_sessn_of(c)->protl;
    struct chan_state *st = self->state;
    if (c->tries++ >= st->params->tries) {
        fail(c, XK_UNREACHABLE);
        return;
    }
    send_probe(c);
    c->wait = sim_time_min(sim_time_mul(c->wait, 2), st->params->wait_max);
    chan_timer_set(self, &c->timer, c->wait);
}

static enum xk_status client_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct chan_client *c = s->state;
    struct chan_state *st = s->protl->state;
    if (c->state != CHAN_FREE)
        return XK_BUSY;
    if (xk_msg_length(m) > s->protl->carries)
        return XK_TOO_LONG;
    if (!xk_alive(s->protl->kernel, s->host))
        return XK_UNREACHABLE;
    xk_msg_to_rope(m, &c->request);
    if (++c->host->seq == 0)
        c->host->seq = 1;
    c->seq = c->host->seq;
    c->state = CHAN_WAIT;
    c->has_request = true;
    c->sent = false;
    c->tries = 0;
    c->wait = st->params->client_wait;
    st->counts.calls++;
    port_trace_begin(c->timer.port, "calls", "call", trace_id(c));
    /* The first call to a host that may lose it: its incarnation must be known first, else a server
     * that restarts between two copies would execute both (CHAN1). */
    if (!st->reliable && xk_life(s->protl->kernel, s->host) == 0)
        send_probe(c);
    else
        send_request(c);
    if (!st->reliable) /* CHAN3 */
        chan_timer_set(s->protl, &c->timer, c->wait);
    return XK_OK;
}

/* ---- receiving ---- */

void chan_client_got(struct xk_protl *self, struct chan_host *host, struct xk_sessn *lower,
                     const struct chan_header *h, struct xk_msg *m)
{
    struct chan_state *st = self->state;
    struct xk_sessn *s = h->id < host->client_count ? host->clients[h->id] : NULL;
    struct chan_client *c = s ? s->state : NULL;
    bool current = c && c->state == CHAN_WAIT && c->seq == h->seq, data = h->flags & CHAN_USER_MSG;
    st->counts.controls += !data;
    if (!current) {
        /* Over for us.  A server that asks may forget its reply. */
        st->counts.duplicates += data;
        if (h->flags & CHAN_ACK_REQUESTED)
            chan_server_answer(self, lower, h, CHAN_FROM_CLIENT);
    } else if (data) {
        end_call(c);
        st->counts.replies++;
        s->refs++;
        xk_demux(s, m);
        xk_close(s);
    } else if (h->flags & CHAN_GONE) {
        fail(c, XK_UNREACHABLE);
    } else if (h->flags & CHAN_REFUSED) {
        fail(c, XK_REFUSED);
    } else if (h->flags & CHAN_NEGATIVE_ACK) {
        if (c->has_request)
            send_request(c);
        else
            fail(c, XK_RESTARTED); /* lost with the server, and our copy is gone */
    } else if (h->flags & CHAN_ACK_REQUESTED) {
        chan_server_answer(self, lower, h, CHAN_FROM_CLIENT | CHAN_NEGATIVE_ACK);
    } else {
        c->tries = 0; /* it lives and works on it */
    }
}

/* ---- sessions ---- */

static void client_close(struct xk_sessn *s)
{
    struct chan_client *c = s->state;
    end_call(c);
    give_id(s->protl, c->host, c->id);
    xk_sessn_free(s);
}

static const struct xk_sessn_ops client_ops = { .push = client_push, .close = client_close };

struct xk_sessn *chan_client_open(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, enum xk_status *why)
{
    struct xk_sessn *down = xk_open(self->down[0], self, peer, why);
    if (!down)
        return NULL;
    struct xk_sessn *s =
        xk_sessn_new(self, upper, down->host, &client_ops, sizeof(struct chan_client));
    struct chan_client *c = s->state;
    s->down[s->downs++] = down;
    c->host = chan_host_get(self, down->host);
    if (!take_id(self, c->host, s, &c->id)) {
        *why = XK_BUSY;
        xk_sessn_free(s);
        return NULL;
    }
    list_init(&c->stalled.link);
    rope_init(&c->request);
    port_timer_init(xk_port(self), &c->timer, timed_out, c);
    return s;
}
