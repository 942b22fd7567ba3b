/* chan.c: CHAN's protocol object: parameters, header, incarnations, the way in.
 *
 * Lives (os/xk/peers.h) are agreed here without BID, too: each header names the sender's
 * and the one it believes the receiver to have, so that no call of the past is executed and no
 * reply of the past is believed.  See chan.h and README.md.
 */
#include "os/proto/chan/chan_internal.h"

static const struct param params[] = {
    P_TIME(chan_params, client_wait, "5s", "1us", "1h",
           "time until a client asks for its reply; doubles with each question",
           "x-kernel 3.2 chan_internal.h"),
    P_TIME(chan_params, server_wait, "8s", "1us", "1h",
           "time until a server asks whether its reply came; doubles likewise",
           "x-kernel 3.2 chan_internal.h"),
    P_TIME(chan_params, wait_max, "60s", "1us", "1h", "longest time between two questions",
           "x-kernel 3.2 chan_internal.h"),
    P_INT(chan_params, tries, "6", "0", "1000",
          "unanswered questions after which the peer counts as unreachable",
          "ASSUMED(x-kernel asks for ever; a caller needs an end: about 3 minutes)"),
    P_END,
};

static void header_store(uint8_t out[CHAN_HEADER], const struct chan_header *h)
{
    wire_put16(out, h->id);
    out[2] = h->flags;
    out[3] = 0;
    wire_put32(out + 4, h->protocol);
    wire_put32(out + 8, h->seq);
    wire_put32(out + 12, h->length);
    wire_put32(out + 16, h->src_incarnation);
    wire_put32(out + 20, h->dst_incarnation);
}

static void header_load(struct chan_header *h, const uint8_t in[CHAN_HEADER])
{
    h->id = wire_get16(in);
    h->flags = in[2];
    h->protocol = wire_get32(in + 4);
    h->seq = wire_get32(in + 8);
    h->length = wire_get32(in + 12);
    h->src_incarnation = wire_get32(in + 16);
    h->dst_incarnation = wire_get32(in + 20);
}

enum xk_status chan_send(struct xk_protl *self, struct xk_sessn *down, struct chan_header *h,
                         struct rope *data)
{
    struct chan_state *st = self->state;
    struct xk_msg m;
    uint8_t undo[CHAN_HEADER];
    if (data)
        xk_msg_init_rope(&m, data);
    else
        xk_msg_init(&m);
    h->length = (uint32_t)xk_msg_length(&m);
    h->src_incarnation = st->channels.life;
    header_store(xk_msg_push(&m, CHAN_HEADER), h);
    enum xk_status r = xk_push(down, &m);
    if (r != XK_OK && data) {
        bool popped = xk_msg_pop(&m, undo, CHAN_HEADER);
        ASSERT(popped);
        xk_msg_to_rope(&m, data);
    }
    xk_msg_fini(&m);
    return r;
}

void chan_answer(struct xk_protl *self, struct xk_sessn *lower, const struct chan_header *h,
                 uint8_t flags)
{
    struct chan_state *st = self->state;
    struct chan_header a = { .id = h->id,
                             .flags = flags,
                             .protocol = h->protocol,
                             .seq = h->seq,
                             .src_incarnation = st->channels.life,
                             .dst_incarnation = h->src_incarnation };
    uint8_t wire[CHAN_HEADER];
    header_store(wire, &a);
    xk_channels_answer(self, lower, wire);
}

/* ---- in ---- */

/* Is the message of the present lives of both? */
static bool of_the_present(struct xk_protl *self, struct xk_sessn *lower,
                           const struct chan_header *h)
{
    struct chan_state *st = self->state;
    if (xk_heard(self->kernel, lower->host, h->src_incarnation) == XK_OLD) {
        st->counts.stale++;
        return false;
    }
    if (h->dst_incarnation != 0 && h->dst_incarnation != st->channels.life) {
        st->counts.stale++;
        if (h->flags & CHAN_FROM_CLIENT)
            chan_answer(self, lower, h, CHAN_GONE);
        return false;
    }
    return true;
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct chan_state *st = self->state;
    uint8_t wire[CHAN_HEADER];
    struct chan_header h;
    if (!xk_msg_pop(m, wire, CHAN_HEADER)) {
        st->counts.bad++;
        return;
    }
    header_load(&h, wire);
    if (h.length != xk_msg_length(m) || h.id >= XK_CHANNELS || h.seq == 0 ||
        h.src_incarnation == 0 || (h.length > 0 && !(h.flags & CHAN_USER_MSG))) {
        st->counts.bad++;
        return;
    }
    if (!of_the_present(self, lower, &h))
        return;
    struct xk_channel_host *host = xk_channels_host(self, lower->host);
    if (h.flags & CHAN_FROM_CLIENT)
        chan_server_got(self, host, lower, &h, m);
    else
        chan_client_got(self, host, lower, &h, m);
}

/* ---- protocol ---- */

/* CHAN1, CHAN2: also where messages are lost and doubled. */
static unsigned protl_gives(const void *params_, unsigned below)
{
    (void)params_;
    return (below & ~(unsigned)XK_ORDERED) | XK_ONCE | XK_CALLS;
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct chan_state *st = self->state;
    st->params = p;
    return xk_channels_init(self, &chan_client_ops, &chan_server_ops);
}

static const struct counter counters[] = {
    C_SUM(chan_state, counts, calls, "1", "Calls made."),
    C_SUM(chan_state, counts, replies, "1", "Calls that got their reply."),
    C_SUM(chan_state, counts, failures, "1", "Calls that failed."),
    C_SUM(chan_state, counts, requests, "1", "Requests given to uppers."),
    C_SUM(chan_state, counts, probes, "1", "Questions whether the server is alive."),
    C_SUM(chan_state, counts, resent, "1", "Requests sent again."),
    C_SUM(chan_state, counts, replies_resent, "1", "Replies sent again."),
    C_SUM(chan_state, counts, duplicates, "1",
          "Requests and replies dropped: seen before, or too old."),
    C_SUM(chan_state, counts, controls, "1", "Questions and answers without data that came."),
    C_SUM(chan_state, counts, unready, "1",
          "Requests dropped: who sent them does not know this life, and is asked for them."),
    C_SUM(chan_state, counts, stale, "1", "Messages dropped: from or for a past incarnation."),
    C_SUM(chan_state, counts, bad, "1", "Messages dropped: the header makes no sense."),
    C_SUM(chan_state, counts, nobody, "1", "Requests refused: nobody has enabled their protocol."),
    C_SUM(chan_state, counts, closed, "1", "Replies dropped: their client is gone."),
    C_END,
};

const struct xk_protl_ops chan_protl = {
    .kind = { .name = "chan",
              .doc = "request and reply, executed at most once",
              .params = params,
              .params_size = sizeof(struct chan_params),
              .state_size = sizeof(struct chan_state),
              .counters = counters },
    .header = CHAN_HEADER,
    .down_min = 1,
    .down_max = 1,
    .needs = XK_INTACT,
    .gives = protl_gives,
    .init = protl_init,
    .open = chan_client_open,
    .demux = protl_demux,
    .ready = xk_channels_ready,
};
