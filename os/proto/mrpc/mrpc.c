/* mrpc.c: M.RPC's protocol object: parameters, lives, the way in.  See mrpc.h and README.md. */
#include "os/proto/mrpc/mrpc_internal.h"

static const struct param params[] = {
    P_TIME(mrpc_params, client_wait, "5s", "1us", "1h",
           "time until a client asks for its reply; doubles with each question",
           "ASSUMED(as CHAN's, x-kernel 3.2)"),
    P_TIME(mrpc_params, server_wait, "8s", "1us", "1h",
           "time until a server asks whether its reply came; doubles likewise",
           "ASSUMED(as CHAN's, x-kernel 3.2)"),
    P_TIME(mrpc_params, wait_max, "60s", "1us", "1h", "longest time between two questions",
           "ASSUMED(as CHAN's, x-kernel 3.2)"),
    P_INT(mrpc_params, tries, "6", "0", "1000",
          "unanswered questions after which the peer counts as unreachable", "ASSUMED(as CHAN's)"),
    P_SIZE(mrpc_params, fragment, "0B", "0B", "1GiB",
           "longest message that goes below, header included; 0B: as long as that takes",
           "ASSUMED(over what cuts again, as IP, a frame's worth is better)"),
    P_END,
};

static bool makes_sense(const struct mrpc_state *st, const struct mrpc_header *h, uint64_t rest)
{
    bool data = h->op == MRPC_REQUEST || h->op == MRPC_REPLY;
    if (h->op < MRPC_REQUEST || h->op > MRPC_REFUSED || h->channel >= XK_CHANNELS || h->seq == 0 ||
        h->src_life == 0 || h->fragments == 0 || h->fragments > MRPC_FRAGMENTS_MAX ||
        h->mask & ~mrpc_all(h->fragments) || h->length > h->fragments * st->fragment_bytes)
        return false;
    if (!data)
        return rest == 0;
    if (h->mask == 0 || h->mask & (h->mask - 1))
        return false;
    uint64_t most = st->fragment_bytes, at = most * (uint64_t)__builtin_ctzll(h->mask);
    uint64_t left = h->length > at ? h->length - at : 0;
    return (h->fragments == 1 || left > 0) && rest == (left < most ? left : most);
}

/* Is the message of the present lives of both? */
static bool of_the_present(struct xk_protl *self, struct xk_sessn *lower,
                           const struct mrpc_header *h)
{
    struct mrpc_state *st = self->state;
    if (xk_heard(self->kernel, lower->host, h->src_life) == XK_OLD) {
        st->counts.stale++;
        return false;
    }
    if (h->dst_life != 0 && h->dst_life != st->channels.life) {
        st->counts.stale++;
        if (h->op == MRPC_REQUEST || h->op == MRPC_PROBE)
            mrpc_answer(self, lower, h, MRPC_GONE, 0);
        return false;
    }
    return true;
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct mrpc_state *st = self->state;
    uint8_t wire[MRPC_HEADER];
    struct mrpc_header h;
    if (!xk_msg_pop(m, wire, MRPC_HEADER)) {
        st->counts.bad++;
        return;
    }
    mrpc_header_load(&h, wire);
    if (!makes_sense(st, &h, xk_msg_length(m))) {
        st->counts.bad++;
        return;
    }
    if (!of_the_present(self, lower, &h))
        return;
    struct xk_channel_host *host = xk_channels_host(self, lower->host);
    if (mrpc_of_client(h.op))
        mrpc_server_got(self, host, lower, &h, m);
    else
        mrpc_client_got(self, host, lower, &h, m);
}

/* ---- protocol ---- */

/* MRPC1, MRPC2: also where messages are lost and doubled. */
static unsigned protl_gives(const void *params_, unsigned below)
{
    (void)params_;
    return (below & ~(unsigned)XK_ORDERED) | XK_ONCE | XK_CALLS | XK_LONG;
}

static uint64_t protl_carries(const void *p, uint64_t below)
{
    uint64_t most = (uint64_t)((const struct mrpc_params *)p)->fragment;
    below = most != 0 && most < below ? most : below;
    return below > MRPC_HEADER ? MRPC_FRAGMENTS_MAX * (below - MRPC_HEADER) : 0;
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct mrpc_state *st = self->state;
    st->params = p;
    st->fragment_bytes = self->carries / MRPC_FRAGMENTS_MAX;
    return xk_channels_init(self, &mrpc_client_ops, &mrpc_server_ops);
}

static const struct counter counters[] = {
    C_SUM(mrpc_state, counts, calls, "1", "Calls made."),
    C_SUM(mrpc_state, counts, replies, "1", "Calls that got their reply."),
    C_SUM(mrpc_state, counts, failures, "1", "Calls that failed."),
    C_SUM(mrpc_state, counts, requests, "1", "Requests given to uppers."),
    C_SUM(mrpc_state, counts, probes, "1", "Questions which life a server is in."),
    C_SUM(mrpc_state, counts, sent, "1", "Fragments sent for the first time."),
    C_SUM(mrpc_state, counts, resent, "1", "Fragments sent again."),
    C_SUM(mrpc_state, counts, duplicates, "1", "Fragments dropped: had already, or too old."),
    C_SUM(mrpc_state, counts, stale, "1", "Messages dropped: from or for a past life."),
    C_SUM(mrpc_state, counts, bad, "1", "Frames dropped: the header makes no sense."),
    C_SUM(mrpc_state, counts, nobody, "1", "Requests refused: nobody has enabled their protocol."),
    C_SUM(mrpc_state, counts, closed, "1", "Replies dropped: the client is gone."),
    C_END,
};

const struct xk_protl_ops mrpc_protl = {
    .kind = { .name = "mrpc",
              .doc = "calls of any length, at most once, in one protocol",
              .params = params,
              .params_size = sizeof(struct mrpc_params),
              .state_size = sizeof(struct mrpc_state),
              .counters = counters },
    .header = MRPC_HEADER,
    .down_min = 1,
    .down_max = 1,
    .joined = true,
    .needs = XK_INTACT,
    .carries = protl_carries,
    .gives = protl_gives,
    .init = protl_init,
    .open = mrpc_client_open,
    .demux = protl_demux,
    .ready = xk_channels_ready,
};
