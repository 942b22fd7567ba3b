/* bid_wire.c: BID's header, and a message behind it.  See bid_internal.h. */
#include "os/proto/bid/bid_internal.h"

/* Of the ones' complement. */
static uint16_t sum_of(const uint8_t wire[BID_HEADER])
{
    uint32_t sum = 0;
    for (size_t i = 0; i < BID_HEADER; i += 2)
        sum += wire_get16(wire + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

void bid_header_store(uint8_t out[BID_HEADER], const struct bid_header *h)
{
    wire_put16(out, h->upper);
    wire_put16(out + 2, h->flags);
    wire_put32(out + 4, 0);
    wire_put32(out + 8, h->src);
    wire_put32(out + 12, h->dst);
    wire_put32(out + 16, h->request);
    wire_put32(out + 20, h->reply);
    wire_put16(out + 4, (uint16_t)~sum_of(out));
}

bool bid_header_load(struct bid_header *h, const uint8_t in[BID_HEADER])
{
    h->upper = wire_get16(in);
    h->flags = wire_get16(in + 2);
    h->src = wire_get32(in + 8);
    h->dst = wire_get32(in + 12);
    h->request = wire_get32(in + 16);
    h->reply = wire_get32(in + 20);
    return sum_of(in) == 0xffff;
}

enum xk_status bid_send(struct bid_state *st, struct xk_sessn *s, uint32_t life, struct xk_msg *m)
{
    struct bid_header h = { .upper = (uint16_t)s->upper->number, .src = st->boot, .dst = life };
    uint8_t undo[BID_HEADER];
    bid_header_store(xk_msg_push(m, BID_HEADER), &h);
    enum xk_status r = xk_push(s->down[0], m);
    if (r == XK_OK) {
        st->counts.sent++;
        return r;
    }
    bool popped = xk_msg_pop(m, undo, BID_HEADER);
    ASSERT(popped);
    return r;
}
