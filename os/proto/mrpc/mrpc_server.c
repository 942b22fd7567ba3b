/* mrpc_server.c: the server's side of M.RPC: each request once, its reply as often as it is lost.
 *
 *   MRPCS1  A request that was accepted is given to the upper once at most: when it has all come.
 */
#include "os/proto/mrpc/mrpc_internal.h"

static void done(void *call)
{
    struct mrpc_server *v = call;
    if (v->state == MRPC_EXECUTE)
        xk_call_trace(&v->call, port_trace_end);
    v->state = MRPC_DONE;
    rope_fini(&v->reply.data);
    mrpc_in_drop(xk_sessn_of(v)->protl, &v->request);
    xk_call_done(&v->call);
}

/* ---- replies ---- */

static void pump(struct mrpc_server *v)
{
    struct xk_sessn *s = xk_sessn_of(v);
    struct xk_protl *self = s->protl;
    struct mrpc_state *st = self->state;
    struct mrpc_header h = { .upper = (uint16_t)s->upper->number,
                             .op = MRPC_REPLY,
                             .channel = v->call.channel,
                             .seq = v->call.seq,
                             .dst_life = v->client_life };
    if (!mrpc_out_pump(self, &v->reply, s->down[0], h))
        xk_channels_stall(self, &v->call.unsent); /* MRPC4 */
    else if (st->channels.reliable)
        done(v);
    else if (!port_timer_pending(&v->call.timer))
        xk_call_timer(&v->call);
}

static void ready(void *call)
{
    struct mrpc_server *v = call;
    if (v->state == MRPC_REPLIED)
        pump(v);
}

/* The reply may have come: asks, and forgets it in the end. */
static void timed_out(struct port_timer *t)
{
    struct mrpc_server *v = t->arg;
    struct mrpc_state *st = xk_sessn_of(v)->protl->state;
    if (!xk_call_ask(&v->call, st->params->tries, st->params->wait_max)) {
        done(v);
        return;
    }
    mrpc_out_again(&v->reply);
    pump(v);
}

static enum xk_status server_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct mrpc_server *v = s->state;
    struct mrpc_state *st = s->protl->state;
    if (v->state == MRPC_DONE) {
        st->counts.closed++;
        return XK_CLOSED;
    }
    if (v->state != MRPC_EXECUTE)
        return XK_BUSY;
    if (xk_msg_length(m) > s->protl->carries)
        return XK_TOO_LONG;
    mrpc_out_start(st, &v->reply, m);
    v->state = MRPC_REPLIED;
    v->call.wait = st->params->server_wait;
    xk_call_trace(&v->call, port_trace_end);
    pump(v);
    return XK_OK;
}

/* NULL close: freed with the last reference, which is not M.RPC's own (CHNL2). */
const struct xk_call_ops mrpc_server_ops = { .sessn = { .push = server_push },
                                             .size = sizeof(struct mrpc_server),
                                             .send = ready,
                                             .timed_out = timed_out,
                                             .done = done };

/* ---- requests ---- */

/* A fragment of the request; with the last of them the upper gets it. */
static void collect(struct mrpc_server *v, struct xk_sessn *lower, const struct mrpc_header *h,
                    struct xk_msg *m)
{
    struct xk_sessn *s = xk_sessn_of(v);
    struct xk_protl *self = s->protl;
    struct mrpc_state *st = self->state;
    struct xk_msg all;
    if (!mrpc_in_take(self, &v->request, h, m)) {
        if (h->flags & MRPC_PLEASE_ACK && h->fragments == v->request.fragments) /* MRPCM2 */
            mrpc_answer(self, lower, h, MRPC_ACK_REQUEST, v->request.mask);
        return;
    }
    mrpc_in_message(self, &v->request, &all);
    ASSERT(v->state == MRPC_COLLECT); /* MRPCS1 */
    v->state = MRPC_EXECUTE;
    xk_call_trace(&v->call, port_trace_begin);
    st->counts.requests++;
    s->refs++;
    xk_open_done(s->upper, s);
    xk_demux(s, &all);
    xk_close(s);
    xk_msg_fini(&all);
}

static void begin(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                  const struct mrpc_header *h, struct xk_msg *m, struct xk_protl *upper)
{
    struct xk_sessn *s = xk_channels_accept(self, host, lower, upper, h->channel, h->seq);
    struct mrpc_server *v = s->state;
    v->client_life = h->src_life;
    rope_init(&v->reply.data);
    collect(v, lower, h, m);
}

/* Of the call that the slot knows. */
static void same_call(struct xk_protl *self, struct xk_channel_slot *slot, struct xk_sessn *lower,
                      const struct mrpc_header *h, struct xk_msg *m)
{
    struct mrpc_state *st = self->state;
    struct mrpc_server *v = slot->active ? slot->active->state : NULL;
    bool asks = h->op == MRPC_REQUEST && h->flags & MRPC_PLEASE_ACK;
    if (h->op == MRPC_REQUEST && v && v->state == MRPC_COLLECT) {
        collect(v, lower, h, m);
        return;
    }
    st->counts.duplicates += h->op == MRPC_REQUEST;
    if (v && v->state == MRPC_REPLIED) {
        v->call.tries = 0;
        if (h->op == MRPC_ACK_REPLY && !mrpc_out_missing(&v->reply, h->mask)) {
            done(v);
        } else if (asks || h->op == MRPC_ACK_REPLY) {
            if (asks)
                mrpc_out_again(&v->reply);
            pump(v);
        }
    } else if (asks) {
        mrpc_answer(self, lower, h, v ? MRPC_ACK_REQUEST : MRPC_GONE, mrpc_all(h->fragments));
    }
}

void mrpc_server_got(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                     const struct mrpc_header *h, struct xk_msg *m)
{
    struct mrpc_state *st = self->state;
    struct xk_protl *upper = xk_taker(self, h->upper);
    int32_t age = xk_channels_age(host, h->channel, h->seq);
    if (age < 0) {
        st->counts.duplicates += h->op == MRPC_REQUEST;
    } else if (age == 0) {
        same_call(self, &host->slots[h->channel], lower, h, m);
    } else if (h->op == MRPC_ACK_REPLY) {
        st->counts.duplicates++; /* of a call that this life knows nothing of */
    } else if (!upper) {
        st->counts.nobody++;
        mrpc_answer(self, lower, h, MRPC_REFUSED, 0);
    } else if (h->op == MRPC_REQUEST && (st->channels.reliable || h->dst_life != 0)) {
        begin(self, host, lower, h, m, upper);
    } else {
        mrpc_answer(self, lower, h, MRPC_HERE, 0);
    }
}
