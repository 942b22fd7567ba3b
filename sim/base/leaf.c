/* leaf.c: the kinds of leaf: bytes, zero, pattern, xor.
 *
 * A parity leaf holds slices ("terms") of other kinds and makes bytes only when it is read.
 * rope_xor cuts its members where their slices end, opens parity leaves into their terms, and drops
 * terms that occur twice, so what is left is the least description: parity of a degraded stripe and
 * the members that survive is again the lost member itself.
 */
#include <isa-l/raid.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/pool.h"
#include "sim/base/rope_internal.h"

#define TERMS_MAX 256  /* a parity with more distinct terms is made into bytes */
#define XOR_CHUNK 4096 /* bytes made at a time */
#define XOR_SOURCES 8  /* members XORed in one pass */
#define XOR_WORTH 256  /* below this many bytes a plain loop is as fast as ISA-L's call */

static uint64_t alive;

uint64_t rope_leaves_alive(void)
{
    return alive;
}

void leaf_born(struct leaf *l, const struct leaf_ops *ops, uint64_t length)
{
    l->ops = ops;
    l->refs = 1;
    l->length = length;
    alive++;
}

void leaf_init(struct leaf *l, const struct leaf_ops *ops, uint64_t length)
{
    leaf_born(l, ops, length);
}

void leaf_died(void)
{
    alive--;
}

void leaf_get(struct leaf *l)
{
    l->refs++;
}

void leaf_put(struct leaf *l)
{
    ASSERT(l->refs > 0);
    if (--l->refs == 0) {
        leaf_died();
        l->ops->destroy(l);
    }
}

/* ---- bytes ---- */

struct leaf_bytes {
    struct leaf leaf;
    uint8_t data[];
};

struct leaf *leaf_bytes_create(size_t len, uint8_t **data)
{
    struct leaf_bytes *b = pool_take(sizeof *b + len);
    leaf_born(&b->leaf, &leaf_bytes_ops, len);
    *data = b->data;
    return &b->leaf;
}

static const uint8_t *bytes_at(const struct leaf *l, uint64_t off)
{
    return ((const struct leaf_bytes *)(const void *)l)->data + off;
}

uint8_t *rope_bytes(const struct rope *r, bool alone)
{
    const struct rope_slice *s = r->slices;
    if (r->count != 1 || s->leaf->ops != &leaf_bytes_ops || s->off % 8 != 0 ||
        (alone && s->leaf->refs > 1))
        return NULL;
    return ((struct leaf_bytes *)(void *)s->leaf)->data + s->off;
}

static void bytes_read(const struct leaf *l, uint64_t off, size_t len, uint8_t *out)
{
    memcpy(out, bytes_at(l, off), len);
}

static uint64_t bytes_crc(const struct leaf *l, uint64_t s, uint64_t off, uint64_t len)
{
    return crc_bytes(s, bytes_at(l, off), (size_t)len);
}

static void bytes_destroy(struct leaf *l)
{
    pool_give(l, sizeof(struct leaf_bytes) + l->length);
}

const struct leaf_ops leaf_bytes_ops = {
    .name = "bytes",
    .read = bytes_read,
    .destroy = bytes_destroy,
    .crc = bytes_crc,
};

/* ---- zero ---- */

static void zero_read(const struct leaf *l, uint64_t off, size_t len, uint8_t *out)
{
    (void)l;
    (void)off;
    memset(out, 0, len);
}

static void zero_destroy(struct leaf *l)
{
    (void)l;
    ASSERT_MSG(false, "the zero leaf is never freed");
}

static bool zero_same(const struct leaf *a, uint64_t aoff, const struct leaf *b, uint64_t boff,
                      uint64_t len)
{
    (void)a;
    (void)aoff;
    (void)b;
    (void)boff;
    (void)len;
    return true;
}

static bool zero_continues(const struct leaf *a, uint64_t aend, const struct leaf *b, uint64_t boff)
{
    (void)a;
    (void)aend;
    (void)b;
    (void)boff;
    return true;
}

static uint64_t zero_crc(const struct leaf *l, uint64_t s, uint64_t off, uint64_t len)
{
    (void)l;
    (void)off;
    return crc_zeros(s, len);
}

const struct leaf_ops leaf_zero_ops = {
    .name = "zero",
    .read = zero_read,
    .destroy = zero_destroy,
    .same = zero_same,
    .continues = zero_continues,
    .crc = zero_crc,
};

struct leaf *leaf_zero(void)
{
    static struct leaf zero = { .ops = &leaf_zero_ops, .refs = 1, .length = UINT64_MAX };
    leaf_get(&zero);
    return &zero;
}

/* ---- pattern ---- */

struct leaf_pattern {
    struct leaf leaf;
    uint64_t seed;
};

struct leaf *leaf_pattern_create(uint64_t seed)
{
    struct leaf_pattern *p = pool_take(sizeof *p);
    leaf_born(&p->leaf, &leaf_pattern_ops, UINT64_MAX);
    p->seed = seed;
    return &p->leaf;
}

static uint64_t seed_of(const struct leaf *l)
{
    return ((const struct leaf_pattern *)(const void *)l)->seed;
}

static void pattern_read(const struct leaf *l, uint64_t off, size_t len, uint8_t *out)
{
    pattern_fill(seed_of(l), off, len, out);
}

static bool pattern_same(const struct leaf *a, uint64_t aoff, const struct leaf *b, uint64_t boff,
                         uint64_t len)
{
    (void)len;
    return aoff == boff && seed_of(a) == seed_of(b);
}

static bool pattern_continues(const struct leaf *a, uint64_t aend, const struct leaf *b,
                              uint64_t boff)
{
    return aend == boff && seed_of(a) == seed_of(b);
}

static uint64_t pattern_crc(const struct leaf *l, uint64_t s, uint64_t off, uint64_t len)
{
    return crc_pattern(s, seed_of(l), off, len);
}

static uint64_t pattern_named(const struct leaf *l, uint64_t s, uint64_t off, uint64_t len)
{
    const uint64_t parts[] = { s, seed_of(l), off, len };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        s = (s ^ parts[i]) * 0x9e3779b97f4a7c15ULL;
        s ^= s >> 29;
    }
    return s;
}

static void pattern_destroy(struct leaf *l)
{
    pool_give(l, sizeof(struct leaf_pattern));
}

const struct leaf_ops leaf_pattern_ops = {
    .name = "pattern",
    .read = pattern_read,
    .destroy = pattern_destroy,
    .same = pattern_same,
    .continues = pattern_continues,
    .crc = pattern_crc,
    .named = pattern_named,
};

/* ---- xor ---- */

static const struct leaf_xor *xor_of(const struct leaf *l)
{
    return (const struct leaf_xor *)(const void *)l;
}

static void xor_into(uint8_t *restrict acc, const uint8_t *restrict in, size_t len)
{
    for (size_t i = 0; i < len; i++)
        acc[i] ^= in[i];
}

/* XOR of all terms over one chunk. */
static void xor_terms(const struct leaf_xor *x, uint64_t off, size_t len, uint8_t *out,
                      uint8_t source[XOR_SOURCES + 1][XOR_CHUNK])
{
    memset(source[0], 0, len);
    for (size_t t = 0; t < x->count;) {
        int n = 1;
        for (; n < XOR_SOURCES && t < x->count; n++, t++) {
            const struct rope_slice *s = &x->terms[t];
            s->leaf->ops->read(s->leaf, s->off + off, len, source[n]);
        }
        if (len < XOR_WORTH || n < 2) {
            for (int i = 1; i < n; i++)
                xor_into(source[0], source[i], len);
            continue;
        }
        void *array[XOR_SOURCES + 1];
        for (int i = 0; i < n; i++)
            array[i] = source[i];
        array[n] = source[XOR_SOURCES];
        int failed = xor_gen(n + 1, (int)len, array);
        ASSERT(failed == 0);
        memcpy(source[0], source[XOR_SOURCES], len);
    }
    memcpy(out, source[0], len);
}

/* A term may be of a kind that reads parity itself (Q of lazy columns): the room of the outer call
 * is not to be touched then.  The stacks of threads are too small for it. */
static void xor_chunk(const struct leaf_xor *x, uint64_t off, size_t len, uint8_t *out)
{
    static _Alignas(64) uint8_t room[XOR_SOURCES + 1][XOR_CHUNK];
    static bool taken;
    if (!taken) {
        taken = true;
        xor_terms(x, off, len, out, room);
        taken = false;
        return;
    }
    void *inner = aligned_alloc(64, sizeof room);
    ASSERT(inner != NULL);
    xor_terms(x, off, len, out, inner);
    free(inner);
}

static void xor_read(const struct leaf *l, uint64_t off, size_t len, uint8_t *out)
{
    while (len > 0) {
        size_t n = len < XOR_CHUNK ? len : XOR_CHUNK;
        xor_chunk(xor_of(l), off, n, out);
        off += n;
        out += n;
        len -= n;
    }
}

static void xor_destroy(struct leaf *l)
{
    const struct leaf_xor *x = xor_of(l);
    for (size_t i = 0; i < x->count; i++)
        leaf_put(x->terms[i].leaf);
    free(l);
}

static bool xor_same(const struct leaf *a, uint64_t aoff, const struct leaf *b, uint64_t boff,
                     uint64_t len)
{
    const struct leaf_xor *x = xor_of(a), *y = xor_of(b);
    if (x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++) {
        struct rope_slice s = x->terms[i], t = y->terms[i];
        s.off += aoff;
        t.off += boff;
        if (!slice_same(&s, &t, len))
            return false;
    }
    return true;
}

/* A CRC without inversion is linear: that of the XOR is the XOR of those of the terms. */
static uint64_t xor_crc(const struct leaf *l, uint64_t s, uint64_t off, uint64_t len)
{
    uint64_t sum = crc_zeros(s, len);
    const struct leaf_xor *x = xor_of(l);
    for (size_t i = 0; i < x->count; i++)
        sum ^= crc_slice(0, x->terms[i].leaf, x->terms[i].off + off, len);
    return sum;
}

const struct leaf_ops leaf_xor_ops = {
    .name = "xor",
    .read = xor_read,
    .destroy = xor_destroy,
    .same = xor_same,
    .crc = xor_crc,
};

bool leaf_is_zero(const struct leaf *l)
{
    return l->ops == &leaf_zero_ops;
}

bool leaf_is_descriptor(const struct leaf *l)
{
    if (l->ops == &leaf_zero_ops || l->ops == &leaf_pattern_ops)
        return true;
    if (l->ops != &leaf_xor_ops)
        return false;
    const struct leaf_xor *x = xor_of(l);
    for (size_t i = 0; i < x->count; i++) {
        if (!leaf_is_descriptor(x->terms[i].leaf))
            return false;
    }
    return true;
}

bool slice_same(const struct rope_slice *a, const struct rope_slice *b, uint64_t len)
{
    if (a->leaf == b->leaf && a->off == b->off)
        return true;
    return a->leaf->ops == b->leaf->ops && a->leaf->ops->same != NULL &&
           a->leaf->ops->same(a->leaf, a->off, b->leaf, b->off, len);
}

bool slice_continues(const struct rope_slice *a, const struct rope_slice *b)
{
    if (a->leaf->ops != b->leaf->ops)
        return false;
    if (a->leaf == b->leaf && a->off + a->len == b->off)
        return true;
    return a->leaf->ops->continues != NULL &&
           a->leaf->ops->continues(a->leaf, a->off + a->len, b->leaf, b->off);
}

/* ---- building parity ---- */

/* Terms of the stretch that is being put together; slices borrowed from the members. */
struct terms {
    size_t count, capacity;
    struct rope_slice *list;
};

/* Adds a term, or takes its equal away. */
static void toggle(struct terms *t, struct leaf *leaf, uint64_t off, uint64_t len)
{
    if (leaf->ops == &leaf_zero_ops)
        return;
    struct rope_slice s = { .leaf = leaf, .off = off, .len = len };
    if (leaf->ops == &leaf_xor_ops) {
        const struct leaf_xor *x = xor_of(leaf);
        for (size_t i = 0; i < x->count; i++)
            toggle(t, x->terms[i].leaf, x->terms[i].off + off, len);
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        if (slice_same(&t->list[i], &s, len)) {
            memmove(&t->list[i], &t->list[i + 1], (t->count - i - 1) * sizeof s);
            t->count--;
            return;
        }
    }
    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 16 : 2 * t->capacity;
        t->list = base_realloc(t->list, t->capacity * sizeof s);
    }
    t->list[t->count++] = s;
}

/* True when every term of `next` continues that of `t` in the same place; t then covers both. */
static bool extend(struct terms *t, const struct terms *next)
{
    if (t->count != next->count || t->count == 0)
        return false;
    for (size_t i = 0; i < t->count; i++) {
        if (!slice_continues(&t->list[i], &next->list[i]))
            return false;
    }
    for (size_t i = 0; i < t->count; i++)
        t->list[i].len += next->list[i].len;
    return true;
}

static void emit(struct rope *out, const struct terms *t, uint64_t len)
{
    if (len == 0)
        return;
    if (t->count == 0) {
        rope_add_zero(out, len);
        return;
    }
    if (t->count == 1) {
        leaf_get(t->list[0].leaf);
        rope_add_leaf(out, t->list[0].leaf, t->list[0].off, len);
        return;
    }
    struct leaf_xor *x = base_alloc(sizeof *x + t->count * sizeof x->terms[0]);
    leaf_born(&x->leaf, &leaf_xor_ops, len);
    x->count = t->count;
    memcpy(x->terms, t->list, t->count * sizeof x->terms[0]);
    for (size_t i = 0; i < x->count; i++)
        leaf_get(x->terms[i].leaf);
    if (x->count <= TERMS_MAX) {
        rope_add_leaf(out, &x->leaf, 0, len);
        return;
    }
    uint8_t *data;
    struct leaf *bytes = leaf_bytes_create((size_t)len, &data);
    xor_read(&x->leaf, 0, (size_t)len, data);
    leaf_put(&x->leaf);
    rope_add_leaf(out, bytes, 0, len);
}

struct cursor {
    const struct rope *rope;
    uint32_t slice;
    uint64_t used; /* of that slice */
};

/* Bytes until the next end of a slice in any member. */
static uint64_t stretch(const struct cursor *c, size_t count)
{
    uint64_t len = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t left = c[i].rope->slices[c[i].slice].len - c[i].used;
        len = left < len ? left : len;
    }
    return len;
}

static void collect(struct terms *t, struct cursor *c, size_t count, uint64_t len)
{
    t->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct rope_slice *s = &c[i].rope->slices[c[i].slice];
        toggle(t, s->leaf, s->off + c[i].used, len);
        c[i].used += len;
        if (c[i].used == s->len) {
            c[i].slice++;
            c[i].used = 0;
        }
    }
}

void rope_xor(struct rope *dst, const struct rope *const *members, size_t count)
{
    struct rope out;
    rope_init(&out);
    struct cursor *c = base_zalloc(count + 1, sizeof *c);
    for (size_t i = 0; i < count; i++) {
        ASSERT(members[i]->length == members[0]->length);
        c[i].rope = members[i];
    }
    struct terms pending = { 0 }, next = { 0 };
    uint64_t pending_len = 0, left = count > 0 ? members[0]->length : 0;
    while (left > 0) {
        uint64_t len = stretch(c, count);
        collect(&next, c, count, len);
        if (pending_len > 0 && extend(&pending, &next)) {
            pending_len += len;
        } else {
            emit(&out, &pending, pending_len);
            struct terms swap = pending;
            pending = next;
            next = swap;
            pending_len = len;
        }
        left -= len;
    }
    emit(&out, &pending, pending_len);
    free(pending.list);
    free(next.list);
    free(c);
    rope_move(dst, &out);
}
