/* raid_code.c: parity of ropes.
 *
 * With columns x and y lost and A = P + sum of the rest, B = Q + sum of 2^c times the rest (sums
 * are XOR): D_x + D_y = A and 2^x D_x + 2^y D_y = B, so
 * D_x = (B + 2^y A) / (2^x + 2^y) and D_y = A + D_x.
 */
#include "disks/raid_code.h"

#include <isa-l/erasure_code.h>
#include <isa-l/raid.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 64
#define CHUNK 4096

/* ---- Q, lazily ---- */

struct q_leaf {
    struct leaf leaf;
    uint32_t count;
    struct rope columns[];
};

static uint8_t *aligned(size_t size)
{
    void *p;
    int failed = posix_memalign(&p, 32, size);
    ASSERT(failed == 0);
    return p;
}

/* Q of [off, off + n), n <= CHUNK and off whatever it is. */
static void q_chunk(const struct rope *columns, uint32_t count, uint64_t off, size_t n,
                    uint8_t *work, uint8_t *out)
{
    void *array[COLUMNS_MAX + 3];
    ASSERT(count > 0 && count <= COLUMNS_MAX);
    for (uint32_t c = 0; c < count + 2; c++)
        array[c] = work + (size_t)c * CHUNK;
    memset(work, 0, (size_t)(count + 2) * CHUNK);
    for (uint32_t c = 0; c < count; c++)
        rope_read(&columns[c], off, n, array[c]);
    if (count == 1) { /* ISA-L wants two columns; the one that is added is zero */
        memset(work + 3 * (size_t)CHUNK, 0, CHUNK);
        array[3] = work + 3 * (size_t)CHUNK;
    }
    uint32_t vectors = count < 2 ? 2 : count;
    int failed = pq_gen((int)vectors + 2, CHUNK, array);
    ASSERT(failed == 0);
    memcpy(out, array[vectors + 1], n);
}

static void q_read(const struct leaf *l, uint64_t off, size_t len, uint8_t *out)
{
    const struct q_leaf *q = (const struct q_leaf *)(const void *)l;
    uint8_t *work = aligned((size_t)(q->count + 3) * CHUNK);
    while (len > 0) {
        size_t n = len < CHUNK ? len : CHUNK;
        q_chunk(q->columns, q->count, off, n, work, out);
        out += n;
        off += n;
        len -= n;
    }
    free(work);
}

static void q_destroy(struct leaf *l)
{
    struct q_leaf *q = (struct q_leaf *)(void *)l;
    for (uint32_t c = 0; c < q->count; c++)
        rope_fini(&q->columns[c]);
    free(q);
}

static const struct leaf_ops q_ops = { .name = "q parity", .read = q_read, .destroy = q_destroy };

void raid_code(const struct rope *columns, uint32_t count, struct rope *p, struct rope *q)
{
    const struct rope *members[COLUMNS_MAX] = { NULL };
    ASSERT(count <= COLUMNS_MAX);
    for (uint32_t c = 0; c < count; c++)
        members[c] = &columns[c];
    rope_xor(p, members, count);
    if (q == NULL)
        return;
    struct q_leaf *l = base_alloc(sizeof *l + count * sizeof l->columns[0]);
    leaf_init(&l->leaf, &q_ops, columns[0].length);
    l->count = count;
    for (uint32_t c = 0; c < count; c++)
        rope_copy(&l->columns[c], &columns[c]);
    rope_init(q);
    rope_add_leaf(q, &l->leaf, 0, l->leaf.length);
}

/* ---- decoding ---- */

static uint8_t power(uint32_t c)
{
    uint8_t x = 1;
    while (c-- > 0)
        x = gf_mul(x, 2);
    return x;
}

/* Q of the columns that are there, plus the Q stored, as bytes. */
static uint8_t *q_syndrome(struct rope *columns, uint32_t count, uint64_t lost,
                           const struct rope *q)
{
    size_t len = (size_t)q->length;
    uint8_t *b = base_alloc(len), *one = base_alloc(len);
    rope_read(q, 0, len, b);
    for (uint32_t c = 0; c < count; c++) {
        if ((lost >> c & 1) != 0)
            continue;
        uint8_t g = power(c);
        rope_read(&columns[c], 0, len, one);
        for (size_t i = 0; i < len; i++)
            b[i] ^= gf_mul(g, one[i]);
    }
    free(one);
    return b;
}

static void xor_rest(struct rope *out, const struct rope *columns, uint32_t count, uint64_t lost,
                     const struct rope *p)
{
    const struct rope *members[COLUMNS_MAX + 1];
    size_t n = 0;
    for (uint32_t c = 0; c < count; c++) {
        if ((lost >> c & 1) == 0)
            members[n++] = &columns[c];
    }
    members[n++] = p;
    rope_xor(out, members, n);
}

static void decode_from_q(struct rope *columns, uint32_t count, uint64_t lost, const struct rope *p,
                          const struct rope *q)
{
    ASSERT(q != NULL);
    uint32_t x = (uint32_t)__builtin_ctzll(lost);
    size_t len = (size_t)q->length;
    uint8_t *b = q_syndrome(columns, count, lost, q);
    if (p == NULL) {
        uint8_t inverse = gf_inv(power(x));
        for (size_t i = 0; i < len; i++)
            b[i] = gf_mul(inverse, b[i]);
    } else {
        uint32_t y = 63 - (uint32_t)__builtin_clzll(lost);
        uint8_t *a = base_alloc(len), gy = power(y), inverse = gf_inv(power(x) ^ gy);
        struct rope rest;
        xor_rest(&rest, columns, count, lost, p);
        rope_read(&rest, 0, len, a);
        rope_fini(&rest);
        for (size_t i = 0; i < len; i++) {
            b[i] = gf_mul(inverse, b[i] ^ gf_mul(gy, a[i]));
            a[i] ^= b[i];
        }
        rope_init(&columns[y]);
        rope_add_bytes(&columns[y], a, len);
        free(a);
    }
    rope_init(&columns[x]);
    rope_add_bytes(&columns[x], b, len);
    free(b);
}

bool raid_decode(struct rope *columns, uint32_t count, uint64_t lost, const struct rope *p,
                 const struct rope *q)
{
    int n = __builtin_popcountll(lost);
    if (n == 0)
        return true;
    if (n > (p != NULL) + (q != NULL))
        return false;
    if (n == 1 && p != NULL)
        xor_rest(&columns[__builtin_ctzll(lost)], columns, count, lost, p);
    else
        decode_from_q(columns, count, lost, n == 1 ? NULL : p, q);
    return true;
}
