/* rope.c: sequences of slices of shared leaves.
 *
 * What the leaves are is in leaf.c; bytes of patterns and their checksums are in pattern.c.
 *
 * The hash.  rope_hash is a CRC-64 of the bytes, mixed with the length.  A CRC composes: the state
 * after A and B follows from the state after A, the length of B and the checksum of B, so the cuts
 * do not matter.  It is linear, so that patterns, zeros and parity contribute without being made.
 */
#include "sim/base/rope.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/list.h"
#include "sim/base/pool.h"
#include "sim/base/rope_internal.h"

#define CHUNK 4096 /* bytes compared at a time */

/* Stands before slices that do not fit in the rope itself, so that rope_sweep finds their rope. */
struct spill {
    struct list link; /* in `spilled` */
    struct rope *owner;
    uint64_t unused; /* keeps the slices aligned */
};

static struct list spilled = { &spilled, &spilled };

/* A rope of zeroed memory (slices NULL) is empty too. */
static bool is_spilled(const struct rope *r)
{
    return r->slices != r->fixed && r->slices != NULL;
}

static struct spill *spill_of(const struct rope *r)
{
    return (struct spill *)(void *)r->slices - 1;
}

static size_t spill_bytes(uint32_t capacity)
{
    return sizeof(struct spill) + capacity * sizeof(struct rope_slice);
}

static void spill_free(struct spill *sp, uint32_t capacity)
{
    list_remove(&sp->link);
    pool_give(sp, spill_bytes(capacity));
}

void rope_clear(struct rope *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        leaf_put(r->slices[i].leaf);
    if (is_spilled(r))
        spill_free(spill_of(r), r->capacity);
    rope_init(r);
}

static void reserve(struct rope *r, uint32_t count)
{
    if (count <= r->capacity)
        return;
    uint32_t capacity = r->capacity * 2 > count ? r->capacity * 2 : count;
    struct spill *sp = pool_take(spill_bytes(capacity));
    memcpy(sp + 1, r->slices == NULL ? r->fixed : r->slices, r->count * sizeof r->slices[0]);
    if (is_spilled(r))
        spill_free(spill_of(r), r->capacity);
    sp->owner = r;
    list_push(&spilled, &sp->link);
    r->slices = (struct rope_slice *)(void *)(sp + 1);
    r->capacity = capacity;
}

/* Appends a slice, taking one reference to its leaf. */
static void add_slice(struct rope *r, struct rope_slice s)
{
    if (s.len == 0) {
        leaf_put(s.leaf);
        return;
    }
    r->length += s.len;
    if (r->count > 0 && slice_continues(&r->slices[r->count - 1], &s)) {
        r->slices[r->count - 1].len += s.len;
        leaf_put(s.leaf);
        return;
    }
    reserve(r, r->count + 1);
    r->slices[r->count++] = s;
}

void rope_copy(struct rope *dst, const struct rope *src)
{
    rope_init(dst);
    reserve(dst, src->count);
    memcpy(dst->slices, src->slices, src->count * sizeof src->slices[0]);
    for (uint32_t i = 0; i < src->count; i++)
        leaf_get(src->slices[i].leaf);
    dst->count = src->count;
    dst->length = src->length;
}

void rope_own(struct rope *r)
{
    spill_of(r)->owner = r;
}

/* ---- memory that is dropped whole ---- */

static int by_start(const void *a, const void *b)
{
    const struct rope_span *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static bool inside(const struct rope_span *spans, size_t count, const struct rope *r)
{
    const uint8_t *at = (const uint8_t *)r;
    size_t lo = 0, hi = count;
    while (lo < hi) { /* the last span that starts at or before it */
        size_t mid = lo + (hi - lo) / 2;
        if ((const uint8_t *)spans[mid].start <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 && at + sizeof *r <= (const uint8_t *)spans[lo - 1].start + spans[lo - 1].size;
}

/* A rope with slices of its own points into itself; nothing else looks like that and adds up. */
static bool is_inline_rope(const struct rope *r)
{
    if (r->slices != r->fixed || r->capacity != ROPE_INLINE || r->count == 0 ||
        r->count > ROPE_INLINE)
        return false;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->fixed[i].leaf == NULL || r->fixed[i].len == 0)
            return false;
        sum += r->fixed[i].len;
    }
    return sum == r->length;
}

void rope_sweep(struct rope_span *spans, size_t count)
{
    qsort(spans, count, sizeof spans[0], by_start);
    LIST_EACH_SAFE (l, next, &spilled) {
        struct spill *sp = LIST_ENTRY(l, struct spill, link);
        /* A rope on the stack of a thread that was killed is gone; its place may be used anew. */
        if (inside(spans, count, sp->owner) && (void *)sp->owner->slices == (void *)(sp + 1))
            rope_fini(sp->owner);
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t *start = spans[i].start;
        for (size_t off = 0; off + sizeof(struct rope) <= spans[i].size; off += sizeof(void *)) {
            struct rope *r = (struct rope *)(void *)(start + off);
            if (is_inline_rope(r))
                rope_fini(r);
        }
    }
}

void rope_add_bytes(struct rope *r, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    uint8_t *data;
    struct leaf *l = leaf_bytes_create(len, &data);
    memcpy(data, bytes, len);
    rope_add_leaf(r, l, 0, len);
}

void rope_add_zero(struct rope *r, uint64_t len)
{
    rope_add_leaf(r, leaf_zero(), 0, len);
}

void rope_add_pattern(struct rope *r, uint64_t seed, uint64_t off, uint64_t len)
{
    rope_add_leaf(r, leaf_pattern_create(seed), off, len);
}

void rope_add_leaf(struct rope *r, struct leaf *l, uint64_t off, uint64_t len)
{
    ASSERT(off <= l->length && len <= l->length - off);
    /* All zeros are alike: one offset lets slices of any place merge. */
    uint64_t at = l->ops == &leaf_zero_ops ? 0 : off;
    add_slice(r, (struct rope_slice){ .leaf = l, .off = at, .len = len });
}

void rope_join(struct rope *r, struct rope *src)
{
    reserve(r, r->count + src->count);
    for (uint32_t i = 0; i < src->count; i++)
        add_slice(r, src->slices[i]);
    src->count = 0; /* their references have moved */
    src->length = 0;
    rope_fini(src);
}

void rope_add_slice(struct rope *r, const struct rope *src, uint64_t off, uint64_t len)
{
    ASSERT(off <= src->length && len <= src->length - off);
    struct rope self; /* a copy, so that a rope may be appended to itself */
    bool own = r == src;
    if (own) {
        rope_copy(&self, src);
        src = &self;
    }
    for (uint32_t i = 0; len > 0; i++) {
        struct rope_slice s = src->slices[i];
        if (off >= s.len) {
            off -= s.len;
            continue;
        }
        s.off += s.leaf->ops == &leaf_zero_ops ? 0 : off;
        s.len -= off;
        s.len = s.len < len ? s.len : len;
        off = 0;
        len -= s.len;
        leaf_get(s.leaf);
        add_slice(r, s);
    }
    if (own)
        rope_fini(&self);
}

void rope_cursor_init(struct rope_cursor *c, const struct rope *r)
{
    *c = (struct rope_cursor){ .rope = r, .left = r->length };
}

static void cursor_move(struct rope_cursor *c, uint64_t n, struct rope *out)
{
    ASSERT(n <= c->left);
    c->left -= n;
    while (n > 0) {
        struct rope_slice s = c->rope->slices[c->slice];
        uint64_t here = s.len - c->in < n ? s.len - c->in : n;
        if (out) {
            s.off += s.leaf->ops == &leaf_zero_ops ? 0 : c->in;
            s.len = here;
            leaf_get(s.leaf);
            add_slice(out, s);
        }
        n -= here;
        c->in += here;
        if (c->in == c->rope->slices[c->slice].len) {
            c->slice++;
            c->in = 0;
        }
    }
}

void rope_cursor_skip(struct rope_cursor *c, uint64_t n)
{
    cursor_move(c, n, NULL);
}

void rope_cursor_take(struct rope_cursor *c, uint64_t n, struct rope *out)
{
    cursor_move(c, n, out);
}

void rope_split(struct rope *r, uint64_t at, struct rope *tail)
{
    rope_init(tail);
    rope_add_slice(tail, r, at, r->length - at);
    rope_truncate(r, at);
}

void rope_drop_front(struct rope *r, uint64_t n)
{
    ASSERT(n <= r->length);
    r->length -= n;
    uint32_t gone = 0;
    while (n > 0 && r->slices[gone].len <= n) {
        n -= r->slices[gone].len;
        leaf_put(r->slices[gone].leaf);
        gone++;
    }
    r->count -= gone;
    for (uint32_t i = 0; gone > 0 && i < r->count; i++)
        r->slices[i] = r->slices[i + gone];
    if (n > 0) {
        r->slices[0].off += r->slices[0].leaf->ops == &leaf_zero_ops ? 0 : n;
        r->slices[0].len -= n;
    }
}

void rope_take_front(struct rope *r, size_t n, void *out)
{
    struct rope_slice *s = r->slices;
    if (r->count == 0 || s->len < n || s->leaf->ops != &leaf_bytes_ops) {
        rope_read(r, 0, n, out);
        rope_drop_front(r, n);
        return;
    }
    leaf_bytes_ops.read(s->leaf, s->off, n, out);
    s->off += n;
    s->len -= n;
    r->length -= n;
    if (s->len > 0)
        return;
    leaf_put(s->leaf);
    r->count--;
    for (uint32_t i = 0; i < r->count; i++)
        s[i] = s[i + 1];
}

void rope_truncate(struct rope *r, uint64_t n)
{
    ASSERT(n <= r->length);
    uint64_t excess = r->length - n;
    r->length = n;
    while (excess > 0) {
        struct rope_slice *last = &r->slices[r->count - 1];
        if (last->len > excess) {
            last->len -= excess;
            return;
        }
        excess -= last->len;
        leaf_put(last->leaf);
        r->count--;
    }
}

void rope_read(const struct rope *r, uint64_t off, size_t len, void *out)
{
    ASSERT(off <= r->length && len <= r->length - off);
    uint8_t *to = out;
    for (uint32_t i = 0; len > 0; i++) {
        const struct rope_slice *s = &r->slices[i];
        if (off >= s->len) {
            off -= s->len;
            continue;
        }
        size_t n = s->len - off < len ? (size_t)(s->len - off) : len;
        s->leaf->ops->read(s->leaf, s->off + off, n, to);
        off = 0;
        to += n;
        len -= n;
    }
}

bool rope_stays(const struct rope *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->slices[i].leaf->ops->stays)
            return true;
    return false;
}

void rope_flatten(struct rope *r, bool keep_patterns)
{
    ASSERT(!rope_stays(r));
    struct rope out;
    rope_init(&out);
    for (uint32_t i = 0; i < r->count;) {
        struct rope_slice s = r->slices[i];
        if (keep_patterns && leaf_is_descriptor(s.leaf)) {
            leaf_get(s.leaf);
            add_slice(&out, s);
            i++;
            continue;
        }
        uint64_t len = 0;
        uint32_t end = i;
        for (; end < r->count; end++) {
            if (keep_patterns && leaf_is_descriptor(r->slices[end].leaf))
                break;
            len += r->slices[end].len;
        }
        uint8_t *data;
        struct leaf *l = leaf_bytes_create((size_t)len, &data);
        for (; i < end; i++) {
            s = r->slices[i];
            s.leaf->ops->read(s.leaf, s.off, (size_t)s.len, data);
            data += s.len;
        }
        rope_add_leaf(&out, l, 0, len);
    }
    rope_fini(r);
    rope_move(r, &out);
}

/* The first difference inside len bytes at two slices; len when there is none. */
static uint64_t slices_differ(const struct rope_slice *a, const struct rope_slice *b, uint64_t len)
{
    static uint8_t x[CHUNK], y[CHUNK];
    if (slice_same(a, b, len))
        return len;
    for (uint64_t at = 0; at < len;) {
        size_t n = len - at < CHUNK ? (size_t)(len - at) : CHUNK;
        a->leaf->ops->read(a->leaf, a->off + at, n, x);
        b->leaf->ops->read(b->leaf, b->off + at, n, y);
        if (memcmp(x, y, n) != 0) {
            for (size_t i = 0;; i++) {
                if (x[i] != y[i])
                    return at + i;
            }
        }
        at += n;
    }
    return len;
}

uint64_t rope_first_difference(const struct rope *a, const struct rope *b)
{
    uint64_t left = a->length < b->length ? a->length : b->length, at = 0;
    uint32_t i = 0, j = 0;
    uint64_t used_a = 0, used_b = 0;
    while (left > 0) {
        struct rope_slice s = a->slices[i], t = b->slices[j];
        s.off += used_a;
        s.len -= used_a;
        t.off += used_b;
        t.len -= used_b;
        uint64_t n = s.len < t.len ? s.len : t.len;
        n = n < left ? n : left;
        uint64_t same = slices_differ(&s, &t, n);
        if (same < n)
            return at + same;
        at += n;
        left -= n;
        i += n == s.len;
        used_a = n == s.len ? 0 : used_a + n;
        j += n == t.len;
        used_b = n == t.len ? 0 : used_b + n;
    }
    return a->length == b->length ? UINT64_MAX : at;
}

bool rope_equal(const struct rope *a, const struct rope *b)
{
    return a->length == b->length && rope_first_difference(a, b) == UINT64_MAX;
}

uint64_t crc_slice(uint64_t s, const struct leaf *l, uint64_t off, uint64_t len)
{
    if (l->ops->crc != NULL)
        return l->ops->crc(l, s, off, len);
    static uint8_t part[CHUNK];
    while (len > 0) {
        size_t n = len < CHUNK ? (size_t)len : CHUNK;
        l->ops->read(l, off, n, part);
        s = crc_bytes(s, part, n);
        off += n;
        len -= n;
    }
    return s;
}

/* A multiply and two folds: short ropes should not have short hashes, and leading zeros, which a
 * CRC from state 0 does not see, tell by the length. */
static uint64_t finish(uint64_t s, uint64_t length)
{
    s ^= length * 0x9e3779b97f4a7c15ULL;
    s = (s ^ (s >> 32)) * 0xd6e8feb86659fd93ULL;
    return s ^ (s >> 29);
}

uint64_t rope_hash(const struct rope *r)
{
    uint64_t s = 0;
    for (uint32_t i = 0; i < r->count; i++)
        s = crc_slice(s, r->slices[i].leaf, r->slices[i].off, r->slices[i].len);
    return finish(s, r->length);
}

uint64_t rope_name(const struct rope *r)
{
    uint64_t s = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct rope_slice *t = &r->slices[i];
        s = t->leaf->ops->named ? t->leaf->ops->named(t->leaf, s, t->off, t->len)
                                : crc_slice(s, t->leaf, t->off, t->len);
    }
    return finish(s, r->length);
}
