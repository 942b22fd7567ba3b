/* template.c: the least that a protocol with a header needs.  See template.h.
 *
 *   TPL1  One session a pair of (upper instance, host), in both directions.
 *   TPL2  A message that push does not take is left as it was.
 */
#include "os/proto/template/template_internal.h"

static const struct param params[] = {
    P_INT(template_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

static void header_store(uint8_t out[TEMPLATE_HEADER], const struct template_header *h)
{
    wire_put16(out, h->protocol);
    wire_put16(out + 2, 0);
    wire_put32(out + 4, h->seq);
}

static void header_load(struct template_header *h, const uint8_t in[TEMPLATE_HEADER])
{
    h->protocol = wire_get16(in);
    h->seq = wire_get32(in + 4);
}

/* ---- sessions: the way down ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct template_state *st = s->protl->state;
    struct template_sessn *ts = s->state;
    struct template_header h = { .protocol = (uint16_t)s->upper->number, .seq = ts->sent + 1 };
    uint8_t undo[TEMPLATE_HEADER];
    header_store(xk_msg_push(m, TEMPLATE_HEADER), &h);
    enum xk_status r = xk_push(s->down[0], m);
    if (r != XK_OK) { /* TPL2 */
        bool popped = xk_msg_pop(m, undo, TEMPLATE_HEADER);
        ASSERT(popped); /* TPL2 */
        return r;
    }
    ts->sent++;
    st->counts.sent++;
    return XK_OK;
}

static void sessn_close(struct xk_sessn *s)
{
    xk_table_idle(&((struct template_state *)s->protl->state)->sessns, s);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push, .close = sessn_close };

/* TPL1: the session, with one more reference; NULL with *why. */
static struct xk_sessn *get_sessn(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, bool *fresh, enum xk_status *why)
{
    struct template_state *st = self->state;
    return xk_table_open_parts(&st->sessns, self, upper, peer, 0, &sessn_ops,
                               sizeof(struct template_sessn), fresh, why);
}

/* ---- the way up ---- */

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct template_state *st = self->state;
    struct template_header h = { 0 };
    uint8_t wire[TEMPLATE_HEADER];
    enum xk_status why;
    bool fresh;
    if (xk_msg_pop(m, wire, TEMPLATE_HEADER))
        header_load(&h, wire);
    struct xk_protl *upper = xk_taker(self, h.protocol);
    struct xk_sessn *s = upper ? get_sessn(self, upper, xk_node(lower->host), &fresh, &why) : NULL;
    if (!s) {
        st->counts.bad++;
        return;
    }
    struct template_sessn *ts = s->state;
    st->counts.received++;
    st->counts.gaps += h.seq != ts->received + 1;
    ts->received = h.seq;
    if (fresh)
        xk_open_done(upper, s);
    xk_demux(s, m);
    xk_close(s);
}

/* The layer below has room again: so have we. */
static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct template_state *st = self->state;
    for (uint32_t n = 1; n < 64; n++) {
        struct xk_protl *upper = xk_taker(self, n);
        struct xk_sessn *s = upper ? xk_table_get(&st->sessns, upper, lower->host) : NULL;
        if (s) {
            xk_ready(s);
            xk_close(s);
        }
    }
}

/* ---- the protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct template_state *st = self->state;
    st->params = p;
    xk_table_init(&st->sessns, self, (uint32_t)st->params->idle);
    return xk_open_enable(self->down[0], self, xk_any());
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    bool fresh;
    xk_enable(self, upper);
    return get_sessn(self, upper, peer, &fresh, why);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct template_state *st = self->state;
    if (c->op != XK_FREE_RESOURCES)
        return xk_control_below(self, c);
    c->u64 = xk_table_reclaim(&st->sessns);
    return XK_OK;
}

static const struct counter counters[] = {
    C_SUM(template_state, counts, sent, "1", "Messages sent."),
    C_SUM(template_state, counts, received, "1", "Messages received."),
    C_SUM(template_state, counts, gaps, "1",
          "Messages that came with another number than the next."),
    C_SUM(template_state, counts, bad, "1", "Messages dropped: too short, or for nobody."),
    C_END,
};

const struct xk_protl_ops template_protl = {
    .kind = { .name = "template",
              .doc = "numbers messages and counts the gaps; to be copied",
              .params = params,
              .params_size = sizeof(struct template_params),
              .state_size = sizeof(struct template_state),
              .counters = counters },
    .header = TEMPLATE_HEADER,
    .down_min = 1,
    .down_max = 1,
    .renews = true,
    .init = protl_init,
    .open = protl_open,
    .demux = protl_demux,
    .ready = protl_ready,
    .control = protl_control,
};
