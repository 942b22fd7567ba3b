/* chan_server.c: the server's side of CHAN: each request once, its reply as often as it is lost.
 */
#include "os/proto/chan/chan_internal.h"

static void done(void *call)
{
    struct chan_server *v = call;
    if (v->state == CHAN_EXECUTE)
        xk_call_trace(&v->call, port_trace_end);
    v->state = CHAN_DONE;
    rope_fini(&v->reply);
    xk_call_done(&v->call);
}

/* ---- replies ---- */

static void send_reply(struct chan_server *v)
{
    struct xk_sessn *s = xk_sessn_of(v);
    struct xk_protl *self = s->protl;
    struct chan_state *st = self->state;
    bool again = v->state == CHAN_WAIT_ACK;
    struct chan_header h = { .id = v->call.channel,
                             .flags = CHAN_USER_MSG,
                             .protocol = s->upper->number,
                             .seq = v->call.seq,
                             .dst_incarnation = v->client_incarnation };
    struct rope data;
    if (st->channels.reliable)
        rope_move(&data, &v->reply);
    else
        rope_copy(&data, &v->reply);
    enum xk_status r = chan_send(self, s->down[0], &h, &data);
    if (r != XK_OK) {
        if (st->channels.reliable)
            rope_join(&v->reply, &data);
        rope_fini(&data);
        xk_channels_stall(self, &v->call.unsent); /* CHAN4 */
        return;
    }
    rope_fini(&data);
    if (st->channels.reliable) {
        done(v);
        return;
    }
    st->counts.replies_resent += again;
    v->state = CHAN_WAIT_ACK;
    if (!port_timer_pending(&v->call.timer))
        xk_call_timer(&v->call);
}

static void ready(void *call)
{
    struct chan_server *v = call;
    if (v->state == CHAN_REPLYING || v->state == CHAN_WAIT_ACK)
        send_reply(v);
}

/* The reply may have come: asks, and forgets it in the end. */
static void timed_out(struct port_timer *t)
{
    struct chan_server *v = t->arg;
    struct xk_sessn *s = xk_sessn_of(v);
    struct chan_state *st = s->protl->state;
    if (!xk_call_ask(&v->call, st->params->tries, st->params->wait_max)) {
        done(v);
        return;
    }
    struct chan_header h = { .id = v->call.channel,
                             .flags = CHAN_ACK_REQUESTED,
                             .protocol = s->upper->number,
                             .seq = v->call.seq,
                             .dst_incarnation = v->client_incarnation };
    (void)!chan_send(s->protl, s->down[0], &h, NULL);
    xk_call_timer(&v->call);
}

static enum xk_status server_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct chan_server *v = s->state;
    struct chan_state *st = s->protl->state;
    if (v->state == CHAN_DONE) {
        st->counts.closed++;
        return XK_CLOSED;
    }
    if (v->state != CHAN_EXECUTE)
        return XK_BUSY;
    if (xk_msg_length(m) > s->protl->carries)
        return XK_TOO_LONG;
    xk_msg_to_rope(m, &v->reply);
    v->state = CHAN_REPLYING;
    xk_call_trace(&v->call, port_trace_end);
    v->call.wait = st->params->server_wait;
    send_reply(v);
    return XK_OK;
}

/* NULL close: freed with the last reference, which is not CHAN's own (CHNL2). */
const struct xk_call_ops chan_server_ops = { .sessn = { .push = server_push },
                                             .size = sizeof(struct chan_server),
                                             .send = ready,
                                             .timed_out = timed_out,
                                             .done = done };

/* ---- requests ---- */

static void execute(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                    const struct chan_header *h, struct xk_msg *m, struct xk_protl *upper)
{
    struct chan_state *st = self->state;
    struct xk_sessn *s = xk_channels_accept(self, host, lower, upper, h->id, h->seq);
    struct chan_server *v = s->state;
    v->client_incarnation = h->src_incarnation;
    rope_init(&v->reply);
    xk_call_trace(&v->call, port_trace_begin);
    st->counts.requests++;
    s->refs++;
    xk_open_done(upper, s);
    xk_demux(s, m);
    xk_close(s);
}

/* The client asks again for the call that the slot knows. */
static void same_call(struct xk_protl *self, struct xk_channel_slot *slot, struct xk_sessn *lower,
                      const struct chan_header *h)
{
    struct chan_state *st = self->state;
    struct chan_server *v = slot->active ? slot->active->state : NULL;
    if (h->flags & CHAN_USER_MSG)
        st->counts.duplicates++;
    else
        st->counts.controls++;
    if (v && v->state == CHAN_WAIT_ACK) {
        if (h->flags & (CHAN_ACK_REQUESTED | CHAN_NEGATIVE_ACK))
            send_reply(v);
        else if (!(h->flags & CHAN_USER_MSG))
            done(v); /* an acknowledgement */
    } else if (h->flags & CHAN_ACK_REQUESTED) {
        chan_answer(self, lower, h, v ? 0 : CHAN_GONE);
    }
}

void chan_server_got(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                     const struct chan_header *h, struct xk_msg *m)
{
    struct chan_state *st = self->state;
    struct xk_protl *upper = xk_taker(self, h->protocol);
    int32_t age = xk_channels_age(host, h->id, h->seq);
    bool data = h->flags & CHAN_USER_MSG;
    if (age < 0) {
        st->counts.duplicates += data;
        st->counts.controls += !data;
    } else if (age == 0) {
        same_call(self, &host->slots[h->id], lower, h);
    } else if (!upper) {
        st->counts.nobody++;
        if (data || h->flags & CHAN_ACK_REQUESTED)
            chan_answer(self, lower, h, CHAN_REFUSED);
    } else if (data && (st->channels.reliable || h->dst_incarnation != 0)) {
        execute(self, host, lower, h, m, upper);
    } else {
        st->counts.unready += data;
        st->counts.controls += !data;
        if (data || h->flags & CHAN_ACK_REQUESTED)
            chan_answer(self, lower, h, CHAN_NEGATIVE_ACK);
    }
}
