/* mrpc_server.c: the server's side of M.RPC: each request once, its reply as often as it is lost.
 *
 *   MRPCS1  A slot's seq is the highest number of a request of its channel that began to come; it
 *       rises only, and each is given to the upper once at most.
 *   MRPCS2  A slot has at most one active session; M.RPC holds one reference to it.
 */
#include "os/proto/mrpc/mrpc_internal.h"

static const struct xk_sessn_ops server_ops;

static void trace(const struct mrpc_server *v,
                  void (*mark)(struct port *, const char *, const char *, uint64_t))
{
    struct port *port = v->timer.port;
    mark(port, "calls", "serve", mrpc_trace_id(v->host->host, port_node(port), v->seq));
}

/* MRPCS2: the slot forgets the session. */
static void done(struct mrpc_server *v)
{
    struct xk_sessn *s = xk_sessn_of(v);
    struct mrpc_slot *slot = &v->host->slots[v->channel];
    ASSERT(slot->active == s); /* MRPCS2 */
    if (v->state == MRPC_EXECUTE)
        trace(v, port_trace_end);
    slot->active = NULL;
    v->state = MRPC_DONE;
    list_remove(&v->stalled.link);
    rope_fini(&v->reply.data);
    mrpc_in_drop(s->protl, &v->request);
    port_timer_cancel(&v->timer);
    xk_close(s);
}

void mrpc_server_forget(struct xk_protl *self, struct mrpc_host *host)
{
    for (uint16_t i = 0; i < host->slot_count; i++)
        if (host->slots[i].active)
            done(host->slots[i].active->state);
    port_free(xk_port(self), host->slots);
    host->slots = NULL;
    host->slot_count = 0;
}

/* ---- replies ---- */

static void pump(struct mrpc_server *v)
{
    struct xk_sessn *s = xk_sessn_of(v);
    struct xk_protl *self = s->protl;
    struct mrpc_state *st = self->state;
    struct mrpc_header h = { .upper = (uint16_t)s->upper->number,
                             .op = MRPC_REPLY,
                             .channel = v->channel,
                             .seq = v->seq,
                             .dst_life = v->client_life };
    if (!mrpc_out_pump(self, &v->reply, s->down[0], h))
        mrpc_stall(st, &v->stalled); /* MRPC4 */
    else if (st->reliable)
        done(v);
    else if (!port_timer_pending(&v->timer))
        mrpc_timer_set(self, &v->timer, v->wait);
}

void mrpc_server_ready(struct mrpc_server *v)
{
    if (v->state == MRPC_REPLIED)
        pump(v);
}

/* The reply may have come: asks, and forgets it in the end. */
static void timed_out(struct port_timer *t)
{
    struct mrpc_server *v = t->arg;
    struct mrpc_state *st = xk_sessn_of(v)->protl->state;
    if (v->tries++ >= st->params->tries) {
        done(v);
        return;
    }
    v->wait = sim_time_min(sim_time_mul(v->wait, 2), st->params->wait_max);
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
    v->wait = st->params->server_wait;
    trace(v, port_trace_end);
    pump(v);
    return XK_OK;
}

/* NULL close: freed with the last reference, which is not M.RPC's own (MRPCS2). */
static const struct xk_sessn_ops server_ops = { .push = server_push };

/* ---- requests ---- */

static struct mrpc_slot *slot_of(struct xk_protl *self, struct mrpc_host *host, uint16_t channel)
{
    if (channel >= host->slot_count) {
        uint16_t n = host->slot_count ? host->slot_count : 1;
        while (n <= channel)
            n = (uint16_t)(2 * n);
        host->slots = port_realloc(xk_port(self), host->slots, n * sizeof *host->slots);
        host->slot_count = n;
    }
    return &host->slots[channel];
}

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
    trace(v, port_trace_begin);
    st->counts.requests++;
    s->refs++;
    xk_open_done(s->upper, s);
    xk_demux(s, &all);
    xk_close(s);
    xk_msg_fini(&all);
}

static void begin(struct xk_protl *self, struct mrpc_host *host, struct xk_sessn *lower,
                  const struct mrpc_header *h, struct xk_msg *m, struct xk_protl *upper)
{
    struct mrpc_slot *slot = slot_of(self, host, h->channel);
    if (slot->active)
        done(slot->active->state); /* the new call is the acknowledgement of the old reply */
    struct xk_sessn *s =
        xk_sessn_new(self, upper, host->host, &server_ops, sizeof(struct mrpc_server));
    struct mrpc_server *v = s->state;
    s->down[s->downs++] = xk_dup(lower);
    v->stalled.kind = MRPC_STALLED_SERVER;
    list_init(&v->stalled.link);
    v->host = host;
    v->channel = h->channel;
    v->seq = h->seq;
    v->client_life = h->src_life;
    rope_init(&v->reply.data);
    port_timer_init(xk_port(self), &v->timer, timed_out, v);
    slot->active = s;
    slot->seq = h->seq; /* MRPCS1 */
    collect(v, lower, h, m);
}

/* Of the call that the slot knows. */
static void same_call(struct xk_protl *self, struct mrpc_slot *slot, struct xk_sessn *lower,
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
        v->tries = 0;
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

void mrpc_server_got(struct xk_protl *self, struct mrpc_host *host, struct xk_sessn *lower,
                     const struct mrpc_header *h, struct xk_msg *m)
{
    struct mrpc_state *st = self->state;
    struct xk_protl *upper = xk_taker(self, h->upper);
    uint32_t last = h->channel < host->slot_count ? host->slots[h->channel].seq : 0;
    int32_t age = last ? (int32_t)(h->seq - last) : 1;
    if (age < 0) {
        st->counts.duplicates += h->op == MRPC_REQUEST;
    } else if (age == 0) {
        same_call(self, &host->slots[h->channel], lower, h, m);
    } else if (h->op == MRPC_ACK_REPLY) {
        st->counts.duplicates++; /* of a call that this life knows nothing of */
    } else if (!upper) {
        st->counts.nobody++;
        mrpc_answer(self, lower, h, MRPC_REFUSED, 0);
    } else if (h->op == MRPC_REQUEST && (st->reliable || h->dst_life != 0)) {
        begin(self, host, lower, h, m, upper);
    } else {
        mrpc_answer(self, lower, h, MRPC_HERE, 0);
    }
}
