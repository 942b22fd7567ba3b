/* mrpc_client.c: the client's side of M.RPC: calls, questions, the end of a call. */
#include "os/proto/mrpc/mrpc_internal.h"

static struct mrpc_header header_of(const struct mrpc_client *c, enum mrpc_op op)
{
    const struct xk_sessn *s = xk_sessn_of((void *)(uintptr_t)c);
    return (struct mrpc_header){ .upper = (uint16_t)s->upper->number,
                                 .op = (uint8_t)op,
                                 .channel = c->call.channel,
                                 .fragments = 1,
                                 .seq = c->call.seq,
                                 .dst_life = xk_life(s->protl->kernel, s->host) };
}

/* ---- the end of a call ---- */

static void end_call(struct mrpc_client *c)
{
    struct xk_sessn *s = xk_sessn_of(c);
    if (c->state != MRPC_FREE)
        xk_call_trace(&c->call, port_trace_end);
    c->state = MRPC_FREE;
    rope_fini(&c->request.data);
    mrpc_in_drop(s->protl, &c->reply);
    xk_call_stop(&c->call);
}

static void fail(void *call, enum xk_status why)
{
    struct mrpc_client *c = call;
    struct xk_sessn *s = xk_sessn_of(c);
    struct mrpc_state *st = s->protl->state;
    if (c->state == MRPC_FREE)
        return;
    end_call(c);
    st->counts.failures++;
    s->refs++;
    xk_failed(s, why);
    xk_close(s);
}

/* ---- sending ---- */

static void pump(struct mrpc_client *c)
{
    struct xk_sessn *s = xk_sessn_of(c);
    if (!mrpc_out_pump(s->protl, &c->request, s->down[0], header_of(c, MRPC_REQUEST)))
        xk_channels_stall(s->protl, &c->call.unsent); /* MRPC4 */
}

static void ready(void *call)
{
    struct mrpc_client *c = call;
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
    if (!xk_call_ask(&c->call, st->params->tries, st->params->wait_max)) {
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
    xk_call_timer(&c->call);
}

static enum xk_status client_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct mrpc_client *c = s->state;
    struct mrpc_state *st = s->protl->state;
    if (c->state != MRPC_FREE)
        return XK_BUSY;
    enum xk_status r = xk_call_begin(s, m, st->params->client_wait);
    if (r != XK_OK)
        return r;
    mrpc_out_start(st, &c->request, m);
    st->counts.calls++;
    c->state = xk_call_first(s) ? MRPC_ASKS : MRPC_WAIT; /* MRPC1 */
    if (c->state == MRPC_ASKS)
        probe(c);
    else
        pump(c);
    if (!st->channels.reliable) /* MRPC3 */
        xk_call_timer(&c->call);
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
    c->call.tries = other ? c->call.tries : 0;
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
    c->call.tries = 0; /* it lives, and works on it */
    if (st->channels.reliable || !mrpc_out_missing(&c->request, mask))
        return;
    c->call.wait = st->params->client_wait;
    xk_call_timer(&c->call);
    pump(c);
}

void mrpc_client_got(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                     const struct mrpc_header *h, struct xk_msg *m)
{
    struct mrpc_state *st = self->state;
    struct mrpc_client *c = xk_channels_client(host, h->channel);
    if (!c || c->state == MRPC_FREE || c->call.seq != h->seq) {
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
            c->call.tries = 0;
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
    xk_channels_close(s);
}

const struct xk_call_ops mrpc_client_ops = { .sessn = { .push = client_push,
                                                        .close = client_close },
                                             .size = sizeof(struct mrpc_client),
                                             .send = ready,
                                             .timed_out = timed_out,
                                             .fail = fail };

struct xk_sessn *mrpc_client_open(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, enum xk_status *why)
{
    struct xk_sessn *s = xk_channels_open(self, upper, peer, why);
    struct mrpc_client *c = s ? s->state : NULL;
    if (c)
        rope_init(&c->request.data);
    return s;
}
