/* pack.c: see pack.h. */
#include "os/file/pack.h"

#include <string.h>

#include "os/xk/msg.h"

#define RUN_MOST 65535u
#define COPY_LEAST 3u
#define COPY_MOST 18u
#define BACK_MOST 4095u
#define ITEMS 16u

/* ---- differences ---- */

static bool same(const uint8_t *a, const uint8_t *b, size_t word)
{
    return memcmp(a + word * PACK_WORD, b + word * PACK_WORD, PACK_WORD) == 0;
}

size_t pack_diff(const uint8_t *old, const uint8_t *now, size_t n, uint8_t *out, size_t room)
{
    size_t words = n / PACK_WORD, at = 0, end = 0;
    for (size_t w = 0; w < words;) {
        size_t run = 0;
        if (same(old, now, w)) {
            w++;
            continue;
        }
        for (; w - end > RUN_MOST; end += RUN_MOST, at += 4) {
            if (at + 4 > room)
                return PACK_NONE;
            wire_put16(out + at, RUN_MOST);
            wire_put16(out + at + 2, 0);
        }
        while (w + run < words && run < RUN_MOST && !same(old, now, w + run))
            run++;
        if (at + 4 + run * PACK_WORD > room)
            return PACK_NONE;
        wire_put16(out + at, (uint16_t)(w - end));
        wire_put16(out + at + 2, (uint16_t)run);
        memcpy(out + at + 4, now + w * PACK_WORD, run * PACK_WORD);
        at += 4 + run * PACK_WORD;
        end = w += run;
    }
    return at;
}

bool pack_patch(uint8_t *bytes, size_t n, const uint8_t *diff, size_t length)
{
    size_t words = n / PACK_WORD, w = 0;
    while (length > 0) {
        if (length < 4)
            return false;
        size_t skip = wire_get16(diff), run = wire_get16(diff + 2);
        diff += 4;
        length -= 4;
        if (skip + run > words - w || run * PACK_WORD > length)
            return false;
        memcpy(bytes + (w + skip) * PACK_WORD, diff, run * PACK_WORD);
        w += skip + run;
        diff += run * PACK_WORD;
        length -= run * PACK_WORD;
    }
    return true;
}

/* ---- compression ---- */

static uint32_t slot_of(const uint8_t *p)
{
    uint32_t key = (uint32_t)p[0] << 8 ^ (uint32_t)p[1] << 4 ^ p[2];
    return 40543u * key >> 4 & (PACK_TABLE - 1); /* [Williams 1991, figure 2] */
}

size_t pack_lz(const uint8_t *in, size_t n, uint8_t *out, size_t room, uint32_t *table)
{
    size_t at = 0, control_at = 0;
    uint32_t control = 0, item = 0;
    ASSERT(n <= PACK_MOST);
    memset(table, 0, PACK_TABLE * sizeof *table); /* a place, plus 1 */
    for (size_t i = 0; i < n;) {
        size_t length = 0, back = 0;
        if (item == 0) {
            control_at = at;
            control = 0;
            at += 2;
        }
        if (at + 2 > room)
            return PACK_NONE;
        if (n - i >= COPY_LEAST) {
            uint32_t *slot = &table[slot_of(in + i)];
            back = *slot > 0 ? i + 1 - *slot : 0;
            *slot = (uint32_t)i + 1;
            while (back > 0 && back <= BACK_MOST && length < COPY_MOST && i + length < n &&
                   in[i + length - back] == in[i + length])
                length++;
        }
        if (length >= COPY_LEAST) {
            wire_put16(out + at, (uint16_t)((length - COPY_LEAST) << 12 | back));
            control |= 1u << item;
            at += 2;
            i += length;
        } else {
            out[at++] = in[i++];
        }
        wire_put16(out + control_at, (uint16_t)control);
        item = (item + 1) % ITEMS;
    }
    return at;
}

bool pack_unlz(const uint8_t *in, size_t length, uint8_t *out, size_t n)
{
    size_t at = 0, i = 0;
    uint32_t control = 0, item = 0;
    while (i < n) {
        if (item == 0) {
            if (length - at < 2)
                return false;
            control = wire_get16(in + at);
            at += 2;
        }
        if (length - at < 1u + (control & 1))
            return false;
        if (control & 1) {
            size_t copy = (size_t)(in[at] >> 4) + COPY_LEAST, back = wire_get16(in + at) & 0xfffu;
            at += 2;
            if (back == 0 || back > i || copy > n - i)
                return false;
            for (; copy > 0; copy--, i++)
                out[i] = out[i - back];
        } else {
            out[i++] = in[at++];
        }
        control >>= 1;
        item = (item + 1) % ITEMS;
    }
    return at == length;
}
