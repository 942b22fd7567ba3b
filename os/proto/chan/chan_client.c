/* chan_client.c: the client's side of CHAN: calls, questions, the end of a call. */
#include "os/proto/chan/chan_internal.h"

static struct chan_header header_of(const struct chan_client *c, uint8_t flags)
{
    const struct xk_sessn *s = xk_sessn_of((void *)(uintptr_t)c);
    return (struct chan_header){ .id = c->call.channel,
                                 .flags = (uint8_t)(CHAN_FROM_CLIENT | flags),
                                 .protocol = s->upper->number,
                                 .seq = c->call.seq,
                                 .dst_incarnation = xk_life(s->protl->kernel, s->host) };
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
    if (st->channels.reliable)
        rope_move(&data, &c->request);
    else
        rope_copy(&data, &c->request);
    enum xk_status r = chan_send(self, s->down[0], &h, &data);
    if (r == XK_OK) {
        st->counts.resent += c->sent;
        c->sent = true;
        c->has_request = !st->channels.reliable;
    } else {
        if (st->channels.reliable)
            rope_join(&c->request, &data);
        xk_channels_stall(self, &c->call.unsent); /* CHAN4 */
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

static void ready(void *call)
{
    struct chan_client *c = call;
    if (c->state == CHAN_WAIT)
        send_request(c);
}

static void end_call(struct chan_client *c)
{
    if (c->state == CHAN_WAIT)
        xk_call_trace(&c->call, port_trace_end);
    c->state = CHAN_FREE;
    c->has_request = false;
    rope_fini(&c->request);
    xk_call_stop(&c->call);
}

static void fail(void *call, enum xk_status why)
{
    struct chan_client *c = call;
    struct xk_sessn *s = xk_sessn_of(c);
    struct chan_state *st = s->protl->state;
    if (c->state == CHAN_FREE)
        return;
    end_call(c);
    st->counts.failures++;
    s->refs++;
    xk_failed(s, why);
    xk_close(s);
}

static void timed_out(struct port_timer *t)
{
    struct chan_client *c = t->arg;
    struct chan_state *st = xk_sessn_of(c)->protl->state;
    if (!xk_call_ask(&c->call, st->params->tries, st->params->wait_max)) {
        fail(c, XK_UNREACHABLE);
        return;
    }
    send_probe(c);
    xk_call_timer(&c->call);
}

static enum xk_status client_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct chan_client *c = s->state;
    struct chan_state *st = s->protl->state;
    if (c->state != CHAN_FREE)
        return XK_BUSY;
    enum xk_status r = xk_call_begin(s, m, st->params->client_wait);
    if (r != XK_OK)
        return r;
    xk_msg_to_rope(m, &c->request);
    c->state = CHAN_WAIT;
    c->has_request = true;
    c->sent = false;
    st->counts.calls++;
    if (xk_call_first(s)) /* CHAN1 */
        send_probe(c);
    else
        send_request(c);
    if (!st->channels.reliable) /* CHAN3 */
        xk_call_timer(&c->call);
    return XK_OK;
}

/* ---- receiving ---- */

void chan_client_got(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                     const struct chan_header *h, struct xk_msg *m)
{
    struct chan_state *st = self->state;
    struct chan_client *c = xk_channels_client(host, h->id);
    bool current = c && c->state == CHAN_WAIT && c->call.seq == h->seq,
         data = h->flags & CHAN_USER_MSG;
    st->counts.controls += !data;
    if (!current) {
        /* Over for us.  A server that asks may forget its reply. */
        st->counts.duplicates += data;
        if (h->flags & CHAN_ACK_REQUESTED)
            chan_answer(self, lower, h, CHAN_FROM_CLIENT);
    } else if (data) {
        struct xk_sessn *s = xk_sessn_of(c);
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
        chan_answer(self, lower, h, CHAN_FROM_CLIENT | CHAN_NEGATIVE_ACK);
    } else {
        c->call.tries = 0; /* it lives and works on it */
    }
}

/* ---- sessions ---- */

static void client_close(struct xk_sessn *s)
{
    struct chan_client *c = s->state;
    end_call(c);
    xk_channels_close(s);
}

const struct xk_call_ops chan_client_ops = { .sessn = { .push = client_push,
                                                        .close = client_close },
                                             .size = sizeof(struct chan_client),
                                             .send = ready,
                                             .timed_out = timed_out,
                                             .fail = fail };

struct xk_sessn *chan_client_open(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, enum xk_status *why)
{
    struct xk_sessn *s = xk_channels_open(self, upper, peer, why);
    struct chan_client *c = s ? s->state : NULL;
    if (c)
        rope_init(&c->request);
    return s;
}
