/* tcp_wire.c: segments to and from bytes.  See tcp_internal.h and RFC 793, section 3.1.
 *
 *   0 source port        2 destination port      4 sequence number    8 acknowledgement
 *  12 offset, 4 bits; flags, 6 bits             14 window            16 checksum  18 urgent pointer
 *  20 options: 0 end, 1 none, 2 largest segment, 3 window scale, 4 and 5 selective
 *     acknowledgements, 8 time stamps; others are passed
 */
#include "os/proto/tcp/tcp_internal.h"
#include "os/xk/inet.h"

#define SUM_AT 16

/* ---- the sum ---- */

uint16_t tcp_sum(uint32_t from, uint32_t to, const struct rope *segment)
{
    uint32_t sum = inet_sum_pseudo(from, to, TCP_NUMBER, (uint32_t)segment->length);
    return inet_checksum(inet_sum_rope(sum, segment));
}

/* ---- in ---- */

static void load_options(struct tcp_state_of *st, const uint8_t *o, size_t n, struct tcp_segment *g)
{
    for (size_t i = 0; i < n && o[i] != 0;) {
        if (o[i] == 1) {
            i++;
            continue;
        }
        size_t left = n - i, size = left >= 2 ? o[i + 1] : 0;
        if (size < 2 || size > left) {
            st->counts.rcvbadopt++; /* the rest of them says nothing */
            return;
        }
        if (o[i] == 2 && size == 4 && g->flags & TCP_SYN) {
            g->mss = wire_get16(o + i + 2);
        } else if (o[i] == 3 && size == 3 && g->flags & TCP_SYN) {
            g->has_scale = true;
            g->scale = o[i + 2] < TCP_SCALE_MOST ? o[i + 2] : TCP_SCALE_MOST;
        } else if (o[i] == 4 && size == 2 && g->flags & TCP_SYN) {
            g->sack_ok = true;
        } else if (o[i] == 5 && size % 8 == 2) {
            g->sacks = 0;
            for (size_t at = i + 2; at < i + size && g->sacks < TCP_SACKS; at += 8)
                g->sack[g->sacks++] =
                    (struct tcp_range){ wire_get32(o + at), wire_get32(o + at + 4) };
        } else if (o[i] == 8 && size == 10) {
            g->has_stamp = true;
            g->stamp = wire_get32(o + i + 2);
            g->echo = wire_get32(o + i + 6);
        }
        i += size;
    }
}

bool tcp_load(struct tcp_state_of *st, struct port *p, uint32_t from, uint32_t to, struct xk_msg *m,
              struct tcp_segment *g)
{
    uint8_t h[TCP_HEADER + TCP_OPTIONS_MAX];
    *g = (struct tcp_segment){ .seq = 0 };
    xk_msg_to_rope(m, &g->data);
    uint64_t length = g->data.length;
    st->counts.rcvtotal++;
    if (length < TCP_HEADER || length > UINT16_MAX) {
        st->counts.rcvshort++;
        rope_fini(&g->data);
        return false;
    }
    port_work(p, PORT_WORK_CHECKSUM, length);
    if (tcp_sum(from, to, &g->data) != 0) {
        st->counts.rcvbadsum++;
        rope_fini(&g->data);
        return false;
    }
    rope_read(&g->data, 0, TCP_HEADER, h);
    size_t size = (size_t)(h[12] >> 4) * 4;
    if (size < TCP_HEADER || size > length) {
        st->counts.rcvbadoff++;
        rope_fini(&g->data);
        return false;
    }
    rope_take_front(&g->data, size, h);
    g->from = wire_get16(h);
    g->to = wire_get16(h + 2);
    g->seq = wire_get32(h + 4);
    g->ack = wire_get32(h + 8);
    g->flags = h[13] & 0x3f;
    g->window = wire_get16(h + 14);
    g->urgent = wire_get16(h + 18);
    g->syn = g->flags & TCP_SYN;
    g->pure = g->data.length == 0 && !(g->flags & (TCP_SYN | TCP_FIN));
    load_options(st, h + TCP_HEADER, size - TCP_HEADER, g);
    return true;
}

/* ---- out ---- */

static size_t store_options(const struct tcp_segment *g, bool syn_scale, uint8_t *o)
{
    size_t n = 0;
    if (g->mss > 0) {
        o[n] = 2;
        o[n + 1] = 4;
        wire_put16(o + n + 2, g->mss);
        n += 4;
    }
    if (syn_scale) {
        o[n] = 1;
        o[n + 1] = 3;
        o[n + 2] = 3;
        o[n + 3] = g->scale;
        n += 4;
    }
    if (g->sack_ok) {
        o[n] = o[n + 1] = 1;
        o[n + 2] = 4;
        o[n + 3] = 2;
        n += 4;
    }
    if (g->has_stamp) {
        o[n] = o[n + 1] = 1;
        o[n + 2] = 8;
        o[n + 3] = 10;
        wire_put32(o + n + 4, g->stamp);
        wire_put32(o + n + 8, g->echo);
        n += TCP_STAMP_OPTION;
    }
    if (g->sacks > 0) {
        o[n] = o[n + 1] = 1;
        o[n + 2] = 5;
        o[n + 3] = (uint8_t)(2 + 8 * g->sacks);
        n += 4;
        for (uint32_t i = 0; i < g->sacks; i++, n += 8) {
            wire_put32(o + n, g->sack[i].from);
            wire_put32(o + n + 4, g->sack[i].to);
        }
    }
    return n;
}

void tcp_store(struct port *p, uint32_t from, uint32_t to, struct tcp_segment *g, bool syn_scale,
               struct xk_msg *m)
{
    uint8_t h[TCP_HEADER + TCP_OPTIONS_MAX];
    size_t size = TCP_HEADER + store_options(g, syn_scale, h + TCP_HEADER);
    wire_put16(h, g->from);
    wire_put16(h + 2, g->to);
    wire_put32(h + 4, g->seq);
    wire_put32(h + 8, g->ack);
    h[12] = (uint8_t)(size / 4 << 4);
    h[13] = g->flags;
    wire_put16(h + 14, g->window);
    wire_put16(h + SUM_AT, 0);
    wire_put16(h + 18, g->urgent);
    struct rope all;
    rope_init(&all);
    rope_add_bytes(&all, h, size);
    rope_add_slice(&all, &g->data, 0, g->data.length);
    port_work(p, PORT_WORK_CHECKSUM, all.length);
    wire_put16(h + SUM_AT, tcp_sum(from, to, &all));
    rope_fini(&all);
    xk_msg_init_rope(m, &g->data);
    memcpy(xk_msg_push(m, size), h, size);
}
