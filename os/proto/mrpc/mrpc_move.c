/* mrpc_move.c: M.RPC's header, and messages in fragments.  See mrpc_internal.h.
 *
 *   MRPCM1  A fragment is taken once: its place in the message is its bit.
 *   MRPCM2  One of a message with another number of fragments is not acknowledged: bits that mean
 *       something else would have it sent again at once, without an end; nor is it a sign of life.
 */
#include "os/proto/mrpc/mrpc_internal.h"

static void header_store(uint8_t out[MRPC_HEADER], const struct mrpc_header *h)
{
    wire_put16(out, h->upper);
    out[2] = h->op;
    out[3] = h->flags;
    wire_put16(out + 4, h->channel);
    wire_put16(out + 6, h->fragments);
    wire_put32(out + 8, h->seq);
    wire_put32(out + 12, h->length);
    wire_put32(out + 16, h->src_life);
    wire_put32(out + 20, h->dst_life);
    wire_put32(out + 24, 0);
    wire_put64(out + 28, h->mask);
}

void mrpc_header_load(struct mrpc_header *h, const uint8_t in[MRPC_HEADER])
{
    h->upper = wire_get16(in);
    h->op = in[2];
    h->flags = in[3];
    h->channel = wire_get16(in + 4);
    h->fragments = wire_get16(in + 6);
    h->seq = wire_get32(in + 8);
    h->length = wire_get32(in + 12);
    h->src_life = wire_get32(in + 16);
    h->dst_life = wire_get32(in + 20);
    h->mask = wire_get64(in + 28);
}

uint64_t mrpc_all(uint16_t fragments)
{
    return fragments == MRPC_FRAGMENTS_MAX ? UINT64_MAX : (UINT64_C(1) << fragments) - 1;
}

/* ---- sending ---- */

/* m: the data, or empty; empty afterwards. */
static enum xk_status send(struct xk_protl *self, struct xk_sessn *down, struct mrpc_header *h,
                           struct xk_msg *m)
{
    struct mrpc_state *st = self->state;
    h->src_life = st->channels.life;
    header_store(xk_msg_push(m, MRPC_HEADER), h);
    enum xk_status r = xk_push(down, m);
    xk_msg_fini(m);
    return r;
}

bool mrpc_say(struct xk_protl *self, struct xk_sessn *down, struct mrpc_header h)
{
    struct xk_msg m;
    xk_msg_init(&m);
    return send(self, down, &h, &m) != XK_BUSY;
}

void mrpc_out_start(const struct mrpc_state *st, struct mrpc_out *o, struct xk_msg *m)
{
    uint64_t length = xk_msg_length(m), most = st->fragment_bytes;
    xk_msg_to_rope(m, &o->data);
    o->fragments = (uint16_t)(length == 0 ? 1 : (length + most - 1) / most);
    o->left = mrpc_all(o->fragments);
    o->sent = 0;
    o->please = false;
}

bool mrpc_out_pump(struct xk_protl *self, struct mrpc_out *o, struct xk_sessn *down,
                   struct mrpc_header h)
{
    struct mrpc_state *st = self->state;
    h.fragments = o->fragments;
    h.length = (uint32_t)o->data.length;
    while (o->left) {
        uint16_t i = (uint16_t)__builtin_ctzll(o->left);
        uint64_t bit = UINT64_C(1) << i, off = i * st->fragment_bytes, rest = h.length - off;
        struct xk_msg m;
        h.mask = bit;
        h.flags = o->please && o->left == bit ? MRPC_PLEASE_ACK : 0;
        xk_msg_init(&m);
        m.part = st->channels.reliable && i > 0 && i + 1 < o->fragments;
        if (rest > 0)
            rope_add_slice(&m.data, &o->data, off,
                           rest < st->fragment_bytes ? rest : st->fragment_bytes);
        if (send(self, down, &h, &m) == XK_BUSY)
            return false;
        o->left &= ~bit;
        st->counts.resent += (o->sent & bit) != 0;
        st->counts.sent += (o->sent & bit) == 0;
        o->sent |= bit;
    }
    o->please = false;
    if (st->channels.reliable)
        rope_fini(&o->data);
    return true;
}

bool mrpc_out_missing(struct mrpc_out *o, uint64_t mask)
{
    uint64_t missing = mrpc_all(o->fragments) & ~mask;
    o->left |= missing;
    o->please |= missing != 0;
    return missing != 0;
}

void mrpc_out_again(struct mrpc_out *o)
{
    if (o->left == 0)
        o->left = UINT64_C(1) << (o->fragments - 1);
    o->please = true;
}

void mrpc_answer(struct xk_protl *self, struct xk_sessn *down, const struct mrpc_header *h,
                 enum mrpc_op op, uint64_t mask)
{
    struct mrpc_state *st = self->state;
    struct mrpc_header a = { .upper = h->upper,
                             .op = (uint8_t)op,
                             .channel = h->channel,
                             .fragments = h->fragments,
                             .seq = h->seq,
                             .length = h->length,
                             .src_life = st->channels.life,
                             .dst_life = h->src_life,
                             .mask = mask };
    uint8_t wire[MRPC_HEADER];
    header_store(wire, &a);
    xk_channels_answer(self, down, wire);
}

/* ---- receiving ---- */

bool mrpc_in_take(struct xk_protl *self, struct mrpc_in *in, const struct mrpc_header *h,
                  struct xk_msg *m)
{
    struct mrpc_state *st = self->state;
    uint16_t i = (uint16_t)__builtin_ctzll(h->mask);
    if (in->fragments == 0) {
        in->fragments = h->fragments;
        in->length = h->length;
        in->part = port_alloc(xk_port(self), h->fragments * sizeof *in->part);
        if (h->fragments > 1)
            port_work(xk_port(self), PORT_WORK_ALLOC, 1);
        for (uint16_t k = 0; k < h->fragments; k++)
            rope_init(&in->part[k]);
    }
    if (h->fragments != in->fragments || h->length != in->length) {
        st->counts.bad++;
        return false;
    }
    if (in->mask & h->mask) { /* MRPCM1 */
        st->counts.duplicates++;
        return false;
    }
    in->mask |= h->mask;
    xk_msg_to_rope(m, &in->part[i]);
    return in->mask == mrpc_all(in->fragments);
}

void mrpc_in_message(struct xk_protl *self, struct mrpc_in *in, struct xk_msg *m)
{
    struct rope all;
    rope_init(&all);
    for (uint16_t k = 0; k < in->fragments; k++)
        rope_join(&all, &in->part[k]);
    xk_msg_init_rope(m, &all);
    mrpc_in_drop(self, in);
}

void mrpc_in_drop(struct xk_protl *self, struct mrpc_in *in)
{
    for (uint16_t k = 0; k < in->fragments; k++)
        rope_fini(&in->part[k]);
    port_free(xk_port(self), in->part);
    *in = (struct mrpc_in){ 0 };
}
