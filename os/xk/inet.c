/* inet.c: addresses and checksums of the internet protocols.  See inet.h. */
#include "os/xk/inet.h"

bool inet_parse(const char *text, uint32_t *address)
{
    uint32_t a = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t n = 0, digits = 0;
        for (; *text >= '0' && *text <= '9' && digits < 4; text++, digits++)
            n = 10 * n + (uint32_t)(*text - '0');
        if (digits == 0 || n > 255 || *text != (i < 3 ? '.' : '\0'))
            return false;
        text += i < 3;
        a = a << 8 | n;
    }
    *address = a;
    return true;
}

const char *inet_text(uint32_t address, char out[INET_TEXT])
{
    char *at = out;
    for (int shift = 24; shift >= 0; shift -= 8) {
        uint32_t n = address >> shift & 255;
        if (n > 99)
            *at++ = (char)('0' + n / 100);
        if (n > 9)
            *at++ = (char)('0' + n / 10 % 10);
        *at++ = (char)('0' + n % 10);
        *at++ = shift ? '.' : '\0';
    }
    return out;
}

bool inet_network_parse(const char *text, struct inet_network *n)
{
    char part[INET_TEXT];
    size_t i = 0;
    uint32_t bits = 0, digits = 0;
    for (; text[i] != '\0' && text[i] != '/' && i + 1 < sizeof part; i++)
        part[i] = text[i];
    part[i] = '\0';
    if (text[i] != '/' || !inet_parse(part, &n->base))
        return false;
    const char *at = text + i + 1;
    for (; *at >= '0' && *at <= '9' && digits < 3; at++, digits++)
        bits = 10 * bits + (uint32_t)(*at - '0');
    if (digits == 0 || *at != '\0' || bits > 32)
        return false;
    n->mask = bits ? UINT32_MAX << (32 - bits) : 0;
    return (n->base & ~n->mask) == 0;
}

/* ---- the checksum ---- */

static uint32_t fold(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

/* The words of eight bytes at a time are added as the host has them: the sum of swapped words is
 * the swapped sum [RFC 1071, 2 (B)], and 2^16 is 1 in it. */
uint32_t inet_sum(uint32_t sum, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;
    uint64_t host = 0, s = sum;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t w;
        memcpy(&w, b + i, sizeof w);
        host += (w & UINT32_MAX) + (w >> 32);
    }
    uint8_t swapped[2];
    uint16_t folded = (uint16_t)fold(host);
    memcpy(swapped, &folded, sizeof swapped);
    s += wire_get16(swapped);
    for (; i + 2 <= len; i += 2)
        s += wire_get16(b + i);
    if (i < len)
        s += (uint32_t)b[i] << 8;
    return fold(s);
}

uint32_t inet_sum_rope(uint32_t sum, const struct rope *r)
{
    uint8_t piece[2048];
    for (uint64_t off = 0; off < r->length;) {
        size_t n = r->length - off < sizeof piece ? (size_t)(r->length - off) : sizeof piece;
        rope_read(r, off, n, piece);
        sum = inet_sum(sum, piece, n);
        off += n;
    }
    return sum;
}

uint32_t inet_sum_msg(uint32_t sum, const struct xk_msg *m)
{
    uint8_t piece[1024];
    uint64_t length = xk_msg_length(m), off = 0;
    while (off < length) {
        size_t n = length - off < sizeof piece ? (size_t)(length - off) : sizeof piece;
        size_t front = XK_HEADER_ROOM - m->start, from_headers = 0;
        if (off < front) {
            from_headers = front - off < n ? front - (size_t)off : n;
            memcpy(piece, m->headers + m->start + off, from_headers);
        }
        if (from_headers < n)
            rope_read(&m->data, off + from_headers - front, n - from_headers, piece + from_headers);
        sum = inet_sum(sum, piece, n);
        off += n;
    }
    return sum;
}

uint32_t inet_sum_pseudo(uint32_t src, uint32_t dst, uint8_t protocol, uint32_t length)
{
    return fold((uint64_t)src + dst + protocol + length);
}
