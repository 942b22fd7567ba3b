/* blast.c: BLAST's protocol object: parameters, sessions, control.  See blast.h and README.md. */
#include "os/proto/blast/blast_internal.h"

static const struct param params[] = {
    P_TIME(blast_params, fragment_wait, "10ms", "1us", "1h",
           "time that a receiver grants each fragment before it asks",
           "x-kernel 3.2 blast_internal.h"),
    P_TIME(blast_params, wait_max, "1s", "1us", "1h",
           "longest wait between two requests for fragments", "x-kernel 3.2 blast_internal.h"),
    P_TIME(blast_params, discard, "1s", "1us", "1h",
           "time that a sender keeps a message for requests", "x-kernel 3.2 blast_internal.h"),
    P_INT(blast_params, nacks, "3", "0", "65536",
          "requests for fragments before an incomplete message is dropped",
          "x-kernel 3.2 blast_input.c"),
    P_INT(blast_params, outstanding, "64", "1", "65536",
          "messages of several fragments that are being sent or kept",
          "x-kernel 3.2 blast_internal.h"),
    P_INT(blast_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_BOOL(blast_params, eager_nack, "false",
           "asks at once when the last fragment arrives and others are missing",
           "an option of x-kernel 3.2, off"),
    P_SIZE(blast_params, fragment, "0B", "0B", "1GiB",
           "longest message that goes below, header included; 0B: as long as that takes",
           "ASSUMED(over what cuts again, as IP, a frame's worth is better)"),
    P_END,
};

void blast_header_store(uint8_t out[BLAST_HEADER], const struct blast_header *h)
{
    wire_put16(out, h->protocol);
    out[2] = h->op;
    out[3] = 0;
    wire_put32(out + 4, h->seq);
    wire_put32(out + 8, h->length);
    wire_put16(out + 12, h->fragments);
    wire_put16(out + 14, h->boot);
    wire_put64(out + 16, h->mask);
}

void blast_header_load(struct blast_header *h, const uint8_t in[BLAST_HEADER])
{
    h->protocol = wire_get16(in);
    h->op = in[2];
    h->seq = wire_get32(in + 4);
    h->length = wire_get32(in + 8);
    h->fragments = wire_get16(in + 12);
    h->boot = wire_get16(in + 14);
    h->mask = wire_get64(in + 16);
}

uint32_t blast_outstanding(const struct xk_protl *blast)
{
    return ((const struct blast_state *)blast->state)->out_count;
}

uint32_t blast_incomplete(const struct xk_protl *blast)
{
    return xk_map_count(&((const struct blast_state *)blast->state)->in_map);
}

/* ---- sessions ---- */

static void sessn_close(struct xk_sessn *s)
{
    struct blast_state *st = s->protl->state;
    list_remove(&((struct blast_sessn *)s->state)->waiting);
    xk_table_idle(&st->sessns, s);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c);

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    return protl_control(s->protl, c);
}

static const struct xk_sessn_ops sessn_ops = { .push = blast_push,
                                               .close = sessn_close,
                                               .control = sessn_control };

struct xk_sessn *blast_sessn_get(struct xk_protl *self, struct xk_protl *upper,
                                 struct xk_parts peer, bool *fresh, enum xk_status *why)
{
    struct blast_state *st = self->state;
    struct xk_sessn *s = xk_table_open_parts(&st->sessns, self, upper, peer, 0, &sessn_ops,
                                             sizeof(struct blast_sessn), fresh, why);
    if (s && *fresh) {
        struct blast_sessn *bs = s->state;
        list_init(&bs->waiting);
        bs->fragment_wait = st->params->fragment_wait;
    }
    return s;
}

/* ---- protocol ---- */

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    (void)life;
    if (alive)
        return;
    blast_out_drop_host(arg, host);
    blast_in_forget_host(arg, host);
}

/* A short message overtakes a long one that is stalled. */
static unsigned protl_gives(const void *params_, unsigned below)
{
    (void)params_;
    return (below & ~(unsigned)XK_ORDERED) | XK_LONG;
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct blast_state *st = self->state;
    st->params = p;
    if (self->carries == 0)
        return XK_TOO_LONG;
    st->fragment_bytes = self->carries / BLAST_FRAGMENTS_MAX;
    st->reliable = self->down[0]->gives & XK_LOSSLESS;
    st->boot = (uint16_t)port_incarnation(xk_port(self));
    xk_table_init(&st->sessns, self, (uint32_t)st->params->idle);
    xk_map_init(&st->in_map, xk_port(self), sizeof(struct blast_key));
    list_init(&st->out);
    list_init(&st->in);
    list_init(&st->waiting);
    xk_on_peer(self->kernel, peer_changed, self);
    return xk_open_enable(self->down[0], self, xk_any());
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    xk_enable(self, upper);
    bool fresh;
    return blast_sessn_get(self, upper, peer, &fresh, why);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct blast_state *st = self->state;
    return xk_table_control(&st->sessns, self, st->fragment_bytes, c);
}

static uint64_t protl_carries(const void *p, uint64_t below)
{
    uint64_t most = (uint64_t)((const struct blast_params *)p)->fragment;
    below = most != 0 && most < below ? most : below;
    return below > BLAST_HEADER ? BLAST_FRAGMENTS_MAX * (below - BLAST_HEADER) : 0;
}

static const struct counter counters[] = {
    C_SUM(blast_state, counts, short_sent, "1", "Messages sent that fit one frame."),
    C_SUM(blast_state, counts, long_sent, "1", "Messages sent in fragments."),
    C_SUM(blast_state, counts, fragments_sent, "1", "Fragments sent for the first time."),
    C_SUM(blast_state, counts, resent, "1", "Fragments sent again."),
    C_SUM(blast_state, counts, delivered, "1", "Messages given to uppers."),
    C_SUM(blast_state, counts, nacks_sent, "1", "Requests for missing fragments."),
    C_SUM(blast_state, counts, nacks_got, "1", "Such requests that came."),
    C_SUM(blast_state, counts, nacks_late, "1", "And those for what is forgotten."),
    C_SUM(blast_state, counts, short_got, "1", "Messages that came in one frame."),
    C_SUM(blast_state, counts, fragments_got, "1", "Fragments that came and were missing."),
    C_SUM(blast_state, counts, discarded, "1", "Sent messages forgotten by the discard timer."),
    C_SUM(blast_state, counts, given_up, "1",
          "Messages dropped: incomplete after the last request, or of another length."),
    C_SUM(blast_state, counts, duplicates, "1", "Fragments dropped: had already."),
    C_SUM(blast_state, counts, stale, "1",
          "Messages and fragments dropped: of a life that has ended."),
    C_SUM(blast_state, counts, bad, "1", "Frames dropped: the header makes no sense."),
    C_SUM(blast_state, counts, nobody, "1", "Messages dropped: nobody has enabled their protocol."),
    C_SUM(blast_state, counts, refused, "1", "Pushes refused for want of room."),
    C_END,
};

const struct xk_protl_ops blast_protl = {
    .kind = { .name = "blast",
              .doc = "cuts long messages into fragments and resends those that are missed",
              .params = params,
              .params_size = sizeof(struct blast_params),
              .state_size = sizeof(struct blast_state),
              .counters = counters },
    .header = BLAST_HEADER,
    .down_min = 1,
    .down_max = 1,
    .needs = XK_INTACT,
    .carries = protl_carries,
    .gives = protl_gives,
    .init = protl_init,
    .open = protl_open,
    .demux = blast_demux,
    .ready = blast_ready,
    .control = protl_control,
};
