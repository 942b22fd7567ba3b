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

/* A life of the host has ended, and perhaps another has begun. */
static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct xk_protl *self = arg;
    struct mrpc_host *h = alive ? NULL : mrpc_host_find(self, node);
    if (!h)
        return;
    mrpc_server_forget(self, h);
    mrpc_client_fail_all(self, h,
                         xk_life(self->kernel, node) > life ? XK_RESTARTED : XK_UNREACHABLE);
}

static bool makes_sense(const struct mrpc_state *st, const struct mrpc_header *h, uint64_t rest)
{
    bool data = h->op == MRPC_REQUEST || h->op == MRPC_REPLY;
    if (h->op < MRPC_REQUEST || h->op > MRPC_REFUSED || h->channel >= MRPC_CHANNELS_MAX ||
        h->seq == 0 || h->src_life == 0 || h->fragments == 0 || h->fragments > MRPC_FRAGMENTS_MAX ||
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
    if (h->dst_life != 0 && h->dst_life != st->life) {
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
    struct mrpc_host *host = mrpc_host_get(self, lower->host);
    if (mrpc_of_client(h.op))
        mrpc_server_got(self, host, lower, &h, m);
    else
        mrpc_client_got(self, host, lower, &h, m);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct mrpc_state *st = self->state;
    struct list now;
    (void)lower;
    list_init(&now);
    list_splice(&now, &st->stalled);
    while (!list_empty(&now)) {
        struct mrpc_stalled *x = LIST_ENTRY(list_pop(&now), struct mrpc_stalled, link);
        if (x->kind == MRPC_STALLED_SERVER)
            mrpc_server_ready((struct mrpc_server *)(void *)x);
        else if (x->kind == MRPC_STALLED_CLIENT)
            mrpc_client_ready((struct mrpc_client *)(void *)x);
        else
            mrpc_answer_ready(self, (struct mrpc_answer *)(void *)x);
        if (!list_empty(&st->stalled))
            break; /* full again: the rest waits for the next time */
    }
    list_splice(&st->stalled, &now);
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
    if (self->carries == 0)
        return XK_TOO_LONG;
    st->fragment_bytes = self->carries / MRPC_FRAGMENTS_MAX;
    st->reliable = self->down[0]->gives & XK_LOSSLESS;
    st->life = port_incarnation(xk_port(self));
    xk_map_init(&st->hosts, xk_port(self), sizeof(uint32_t));
    list_init(&st->stalled);
    xk_on_peer(self->kernel, peer_changed, self);
    return xk_open_enable(self->down[0], self, xk_any());
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    enum xk_status r = xk_protl_control(self->down[0], c);
    if (r == XK_OK && c->op == XK_GET_OPT_PACKET)
        c->u64 = c->u64 > MRPC_HEADER ? c->u64 - MRPC_HEADER : 0;
    return r;
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
    .ready = protl_ready,
    .control = protl_control,
};
