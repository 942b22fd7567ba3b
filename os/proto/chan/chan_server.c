/* chan_server.c: the server's side of CHAN: each request once, its reply as often as it is lost.
 *
 *   CHANS1  A slot's seq is the highest request number of its channel that was given to the upper;
 *       it rises only.  It is all that an idle channel costs.
 *   CHANS2  A slot has at most one active session; CHAN holds one reference to it.
 */
#include "os/proto/chan/chan_internal.h"

static const struct xk_sessn_ops server_ops;

void chan_server_answer(struct xk_protl *self, struct xk_sessn *lower, const struct chan_header *h,
                        uint8_t flags)
{
    struct chan_header a = { .id = h->id,
                             .flags = flags,
                             .protocol = h->protocol,
                             .seq = h->seq,
                             .dst_incarnation = h->src_incarnation };
    struct chan_state *st = self->state;
    if (chan_send(self, lower, &a, NULL) == XK_OK || !st->reliable)
        return; /* where frames may be lost, who asked asks again */
    struct chan_answer *late = port_alloc(xk_port(self), sizeof *late);
    late->stalled.kind = CHAN_STALLED_ANSWER;
    late->down = xk_dup(lower);
    late->header = a;
    list_init(&late->stalled.link);
    chan_stall(st, &late->stalled);
}

void chan_answer_ready(struct xk_protl *self, struct chan_answer *a)
{
    if (chan_send(self, a->down, &a->header, NULL) != XK_OK) {
        chan_stall(self->state, &a->stalled);
        return;
    }
    struct xk_sessn *down = a->down;
    port_free(xk_port(self), a);
    xk_close(down);
}

static void trace(const struct chan_server *v,
                  void (*mark)(struct port *, const char *, const char *, uint64_t))
{
    struct port *port = v->timer.port;
    mark(port, "calls", "serve", chan_trace_id(v->host->host, port_node(port), v->seq));
}

/* CHANS2: the slot forgets the session. */
static void done(struct chan_server *v)
{
    struct xk_sessn *s = xk_sessn_of(v);
    struct chan_slot *slot = &v->host->slots[v->id];
    ASSERT(slot->active == s); /* CHANS2 */
    if (v->state == CHAN_EXECUTE)
        trace(v, port_trace_end);
    slot->active = NULL;
    v->state = CHAN_DONE;
    list_remove(&v->stalled.link);
    rope_fini(&v->reply);
    port_timer_cancel(&v->timer);
    xk_close(s);
}

void chan_server_forget(struct xk_protl *self, struct chan_host *host)
{
    for (uint16_t i = 0; i < host->slot_count; i++)
        if (host->slots[i].active)
            done(host->slots[i].active->state);
    port_free(xk_port(self), host->slots);
    host->slots = NULL;
    host->slot_count = 0;
}

/* ---- replies ---- */

static void send_reply(struct chan_server *v)
{
    struct xk_sessn *s = xk_sessn_of(v);
    struct xk_protl *self = s->protl;
    struct chan_state *st = self->state;
    bool again = v->state == CHAN_WAIT_ACK;
    struct chan_header h = { .id = v->id,
                             .flags = CHAN_USER_MSG,
                             .protocol = s->upper->number,
                             .seq = v->seq,
                             .dst_incarnation = v->client_incarnation };
    struct rope data;
    if (st->reliable)
        rope_move(&data, &v->reply);
    else
        rope_copy(&data, &v->reply);
    enum xk_status r = chan_send(self, s->down[0], &h, &data);
    if (r != XK_OK) {
        if (st->reliable)
            rope_join(&v->reply, &data);
        rope_fini(&data);
        chan_stall(st, &v->stalled); /* CHAN4 */
        return;
    }
    rope_fini(&data);
    if (st->reliable) {
        done(v);
        return;
    }
    st->counts.replies_resent += again;
    v->state = CHAN_WAIT_ACK;
    if (!port_timer_pending(&v->timer))
        chan_timer_set(self, &v->timer, v->wait);
}

void chan_server_ready(struct chan_server *v)
{
    if (v->state == CHAN_REPLYING || v->state == CHAN_WAIT_ACK)
        send_reply(v);
}

/* The reply may have come: asks, and forgets it in the end. */
static void timed_out(struct port_timer *t)
{
    struct chan_server *v = t->arg;
    struct xk_sessn *s = xk_sessn_of(v);
    struct chan_state *st = s->protl->state;
    if (v->tries++ >= st->params->tries) {
        done(v);
        return;
    }
    struct chan_header h = { .id = v->id,
                             .flags = CHAN_ACK_REQUESTED,
                             .protocol = s->upper->number,
                             .seq = v->seq,
                             .dst_incarnation = v->client_incarnation };
    (void)!chan_send(s->protl, s->down[0], &h, NULL);
    v->wait = sim_time_min(sim_time_mul(v->wait, 2), st->params->wait_max);
    chan_timer_set(s->protl, &v->timer, v->wait);
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
    trace(v, port_trace_end);
    v->wait = st->params->server_wait;
    send_reply(v);
    return XK_OK;
}

/* NULL close: freed with the last reference, which is not CHAN's own (CHANS2). */
static const struct xk_sessn_ops server_ops = { .push = server_push };

/* ---- requests ---- */

static struct chan_slot *slot_of(struct xk_protl *self, struct chan_host *host, uint16_t id)
{
    if (id >= host->slot_count) {
        uint16_t n = host->slot_count ? host->slot_count : 1;
        while (n <= id)
            n = (uint16_t)(2 * n);
        host->slots = port_realloc(xk_port(self), host->slots, n * sizeof *host->slots);
        host->slot_count = n;
    }
    return &host->slots[id];
}

static void execute(struct xk_protl *self, struct chan_host *host, struct xk_sessn *lower,
                    const struct chan_header *h, struct xk_msg *m, struct xk_protl *upper)
{
    struct chan_state *st = self->state;
    struct chan_slot *slot = slot_of(self, host, h->id);
    if (slot->active)
        done(slot->active->state); /* the new call is the acknowledgement of the old reply */
    struct xk_sessn *s =
        xk_sessn_new(self, upper, host->host, &server_ops, sizeof(struct chan_server));
    struct chan_server *v = s->state;
    s->down[s->downs++] = xk_dup(lower);
    list_init(&v->stalled.link);
    v->stalled.kind = CHAN_STALLED_SERVER;
    v->host = host;
    v->id = h->id;
    v->seq = h->seq;
    v->client_incarnation = h->src_incarnation;
    rope_init(&v->reply);
    port_timer_init(xk_port(self), &v->timer, timed_out, v);
    slot->active = s;
    slot->seq = h->seq; /* CHANS1 */
    trace(v, port_trace_begin);
    st->counts.requests++;
    s->refs++;
    xk_open_done(upper, s);
    xk_demux(s, m);
    xk_close(s);
}

/* The client asks again for the call that the slot knows. */
static void same_call(struct xk_protl *self, struct chan_slot *slot, struct xk_sessn *lower,
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
        chan_server_answer(self, lower, h, v ? 0 : CHAN_GONE);
    }
}

void chan_server_got(struct xk_protl *self, struct chan_host *host, struct xk_sessn *lower,
                     const struct chan_header *h, struct xk_msg *m)
{
    struct chan_state *st = self->state;
    struct xk_protl *upper = xk_taker(self, h->protocol);
    uint32_t last = h->id < host->slot_count ? host->slots[h->id].seq : 0;
    int32_t age = last ? (int32_t)(h->seq - last) : 1;
    bool data = h->flags & CHAN_USER_MSG;
    if (age < 0) {
        st->counts.duplicates += data;
        st->counts.controls += !data;
    } else if (age == 0) {
        same_call(self, &host->slots[h->id], lower, h);
    } else if (!upper) {
        st->counts.nobody++;
        if (data || h->flags & CHAN_ACK_REQUESTED)
            chan_server_answer(self, lower, h, CHAN_REFUSED);
    } else if (data && (st->reliable || h->dst_incarnation != 0)) {
        execute(self, host, lower, h, m, upper);
    } else {
        st->counts.unready += data;
        st->counts.controls += !data;
        if (data || h->flags & CHAN_ACK_REQUESTED)
            chan_server_answer(self, lower, h, CHAN_NEGATIVE_ACK);
    }
}
