/* test_rope.c: ropes against flat arrays of the same bytes, at awkward sizes. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/rope.h"
#include "sim/base/rope_internal.h"

#define FLAT_MAX 40000

struct shadow {
    struct rope rope;
    size_t len;
    uint8_t flat[FLAT_MAX];
};

static uint64_t state;

static uint64_t draw(uint64_t n)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % n;
}

static void shadow_init(struct shadow *s)
{
    rope_init(&s->rope);
    s->len = 0;
}

static void check(const struct shadow *s)
{
    static uint8_t got[FLAT_MAX];
    cr_assert_eq(s->rope.length, s->len);
    rope_read(&s->rope, 0, s->len, got);
    cr_assert_arr_eq(got, s->flat, s->len);
    for (uint32_t i = 0; i < s->rope.count; i++) {
        cr_assert_gt(s->rope.slices[i].len, 0, "R2: a slice is empty");
        if (i > 0)
            cr_assert_not(slice_continues(&s->rope.slices[i - 1], &s->rope.slices[i]),
                          "R2: neighbours are not merged");
    }
}

/* Up to `max` more bytes of a kind chosen at random. */
static void grow(struct shadow *s, size_t max)
{
    size_t n = draw(max + 1);
    if (s->len + n > FLAT_MAX)
        return;
    uint8_t *to = s->flat + s->len;
    uint64_t seed = draw(3), off = draw(20000);
    switch (draw(4)) {
    case 0:
        for (size_t i = 0; i < n; i++)
            to[i] = (uint8_t)draw(256);
        rope_add_bytes(&s->rope, to, n);
        break;
    case 1:
        memset(to, 0, n);
        rope_add_zero(&s->rope, n);
        break;
    case 2:
        for (size_t i = 0; i < n; i++)
            to[i] = pattern_byte(seed, off + i);
        rope_add_pattern(&s->rope, seed, off, n);
        break;
    default:
        if (s->len == 0)
            return;
        off = draw(s->len);
        n = n < s->len - off ? n : s->len - off;
        memmove(to, s->flat + off, n);
        rope_add_slice(&s->rope, &s->rope, off, n);
    }
    s->len += n;
}

static void fill(struct shadow *s, size_t len)
{
    shadow_init(s);
    while (s->len < len)
        grow(s, len - s->len);
}

static void split_and_join(struct shadow *s)
{
    struct rope tail;
    rope_split(&s->rope, draw(s->len + 1), &tail);
    rope_join(&s->rope, &tail);
    cr_assert_eq(tail.length, 0);
    rope_fini(&tail);
}

static void cut(struct shadow *s)
{
    size_t n = draw(s->len + 1);
    if (draw(2) == 0) {
        rope_truncate(&s->rope, n);
    } else {
        rope_drop_front(&s->rope, s->len - n);
        memmove(s->flat, s->flat + s->len - n, n);
    }
    s->len = n;
}

/* ROPE1, ROPE2. */
Test(rope, any_mix_of_operations_equals_a_flat_array)
{
    static struct shadow s;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        state = seed;
        shadow_init(&s);
        for (int step = 0; step < 60; step++) {
            switch (draw(8)) {
            case 0:
                split_and_join(&s);
                break;
            case 1:
                cut(&s);
                break;
            case 2:
                if (step % 3 == 0)
                    rope_flatten(&s.rope, draw(2) == 0);
                break;
            default:
                grow(&s, 3001);
            }
            check(&s);
        }
        rope_fini(&s.rope);
    }
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* Cursors pass and take what lies behind them, each on its own, in steps of any length, slices'
 * ends among them; the rope stays as it is, and what was taken is a rope like any other (ROPE2). */
Test(rope, cursors_take_what_a_flat_array_has_there)
{
    static struct shadow s, out[2];
    for (uint64_t seed = 1; seed <= 150; seed++) {
        state = seed;
        struct rope_cursor c[2];
        fill(&s, draw(9000));
        for (int k = 0; k < 2; k++) {
            rope_cursor_init(&c[k], &s.rope);
            shadow_init(&out[k]);
        }
        while (c[0].left + c[1].left > 0) {
            int k = (int)draw(2);
            size_t at = s.len - c[k].left, n = draw(4) == 0 ? c[k].left : 900;
            n = draw((n < c[k].left ? n : c[k].left) + 1);
            if (c[k].left > 0 && draw(4) == 0)
                n = s.rope.slices[c[k].slice].len - c[k].in;
            if (draw(3) == 0) {
                rope_cursor_skip(&c[k], n);
            } else {
                rope_cursor_take(&c[k], n, &out[k].rope);
                memcpy(out[k].flat + out[k].len, s.flat + at, n);
                out[k].len += n;
            }
            cr_assert_eq(c[k].left, s.len - at - n);
        }
        check(&s);
        for (int k = 0; k < 2; k++) {
            check(&out[k]);
            rope_fini(&out[k].rope);
        }
        rope_fini(&s.rope);
    }
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(rope, the_hash_depends_on_the_bytes_alone)
{
    static struct shadow s;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        state = seed * 77;
        fill(&s, 1 + draw(20011));
        uint64_t h = rope_hash(&s.rope);
        split_and_join(&s);
        cr_assert_eq(rope_hash(&s.rope), h);
        rope_flatten(&s.rope, true);
        cr_assert_eq(rope_hash(&s.rope), h);
        rope_flatten(&s.rope, false);
        cr_assert_eq(s.rope.count, 1);
        cr_assert_eq(rope_hash(&s.rope), h);
        size_t at = draw(s.len);
        s.flat[at] ^= (uint8_t)(1U << draw(8));
        struct rope other;
        rope_init(&other);
        rope_add_bytes(&other, s.flat, s.len);
        cr_assert_neq(rope_hash(&other), h, "one bit changed and the hash did not");
        cr_assert_eq(rope_first_difference(&other, &s.rope), at);
        rope_fini(&other);
        rope_fini(&s.rope);
    }
}

Test(rope, the_name_depends_on_the_bytes_and_on_the_stretches_of_patterns)
{
    static struct shadow s;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        state = seed * 91;
        fill(&s, 1 + draw(20011));
        uint64_t n = rope_name(&s.rope);
        split_and_join(&s);
        cr_assert_eq(rope_name(&s.rope), n, "seed %lu: split and joined", seed);
        rope_flatten(&s.rope, true);
        cr_assert_eq(rope_name(&s.rope), n, "seed %lu: flattened", seed);
        rope_flatten(&s.rope, false);
        cr_assert_eq(rope_name(&s.rope), rope_hash(&s.rope), "bytes count as bytes");
        rope_fini(&s.rope);
    }
    uint64_t names[4];
    for (uint64_t i = 0; i < 4; i++) {
        struct rope r;
        rope_init(&r);
        rope_add_pattern(&r, 5 + (i == 1), 100 + (i == 2), 300 + (i == 3));
        names[i] = rope_name(&r);
        rope_fini(&r);
    }
    for (int i = 1; i < 4; i++)
        cr_assert_neq(names[0], names[i], "%d", i);
}

Test(rope, the_hash_tells_lengths_of_zeros_apart)
{
    struct rope a, b;
    rope_init(&a);
    rope_init(&b);
    rope_add_zero(&a, 100);
    rope_add_zero(&b, 101);
    cr_assert_neq(rope_hash(&a), rope_hash(&b));
    cr_assert_eq(rope_first_difference(&a, &b), 100);
    cr_assert_not(rope_equal(&a, &b));
    rope_fini(&a);
    rope_fini(&b);
}

Test(rope, whole_blocks_of_a_pattern_hash_like_their_bytes)
{
    struct rope a, b;
    for (uint64_t off = 0; off < 3 * 4096; off += 1365) {
        rope_init(&a);
        rope_add_bytes(&a, "x", 1);
        rope_add_pattern(&a, 99, off, 5 * 4096 + 13);
        rope_copy(&b, &a);
        rope_flatten(&b, false);
        cr_assert_eq(rope_hash(&a), rope_hash(&b));
        rope_fini(&a);
        rope_fini(&b);
    }
}

Test(rope, any_part_of_a_block_hashes_like_its_bytes)
{
    static uint8_t flat[3 * 4096];
    for (uint64_t i = 0; i < 4000; i++) {
        /* Every alignment of short parts first, then parts of any length. */
        uint64_t off = i < 1024 ? 4080 + i % 32 : draw(2 * 4096);
        uint64_t len = i < 1024 ? 1 + i / 32 : 1 + draw(4096);
        struct rope a, b;
        rope_init(&a);
        rope_init(&b);
        rope_add_bytes(&a, "head", i % 5);
        rope_add_pattern(&a, i % 7, off, len);
        rope_read(&a, 0, (size_t)a.length, flat);
        rope_add_bytes(&b, flat, (size_t)a.length);
        cr_assert_eq(rope_hash(&a), rope_hash(&b), "%d bytes from %d", (int)len, (int)off);
        rope_fini(&a);
        rope_fini(&b);
    }
}

Test(rope, a_huge_pattern_is_never_made)
{
    struct rope a, b;
    rope_init(&a);
    rope_add_pattern(&a, 5, 12345, 1ULL << 40);
    rope_split(&a, 77777777777ULL, &b);
    uint8_t one;
    rope_read(&b, 3, 1, &one);
    cr_assert_eq(one, pattern_byte(5, 12345 + 77777777777ULL + 3));
    rope_join(&a, &b);
    cr_assert_eq(a.count, 1);
    rope_init(&b);
    rope_add_pattern(&b, 5, 12345, 1ULL << 40);
    cr_assert(rope_equal(&a, &b));
    rope_fini(&a);
    rope_fini(&b);
}

Test(rope, patterns_of_other_seeds_and_places_differ)
{
    uint8_t a[256], b[256];
    const uint64_t places[] = { 0, 8, 256, 4096, 8192, 1ULL << 32, 1ULL << 50 };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        for (size_t j = 0; j < ARRAY_LEN(places); j++) {
            for (uint64_t seed = 0; seed < 3; seed++) {
                pattern_fill(1, places[i], sizeof a, a);
                pattern_fill(seed, places[j], sizeof b, b);
                int same = 0;
                for (size_t k = 0; k < sizeof a; k++)
                    same += a[k] == b[k];
                if (seed == 1 && i == j)
                    cr_assert_eq(same, 256);
                else
                    cr_assert_lt(same, 32, "256 bytes share %d", same);
            }
        }
    }
}

Test(rope, the_pattern_is_what_it_was)
{
    /* Frozen: a change here changes every digest, so it must be meant. */
    const uint8_t frozen[4] = { pattern_byte(1, 0), pattern_byte(1, 1), pattern_byte(1, 4095),
                                pattern_byte(1, 4096) };
    cr_assert_arr_eq(frozen, ((const uint8_t[4]){ 0x48, 0x0b, 0x6a, 0x57 }), 4,
                     "%02x %02x %02x %02x", frozen[0], frozen[1], frozen[2], frozen[3]);
}

/* ---- parity ---- */

static void xor_flat(uint8_t *out, struct shadow *const *m, size_t count, size_t len)
{
    memset(out, 0, len);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < len; k++)
            out[k] ^= m[i]->flat[k];
    }
}

Test(rope, parity_equals_the_xor_of_flat_arrays)
{
    static struct shadow m[11];
    static uint8_t want[FLAT_MAX], got[FLAT_MAX];
    for (uint64_t seed = 1; seed <= 40; seed++) {
        state = seed * 1001;
        size_t count = 1 + draw(ARRAY_LEN(m)), len = 1 + draw(9001);
        struct shadow *in[ARRAY_LEN(m)];
        const struct rope *ropes[ARRAY_LEN(m)];
        for (size_t i = 0; i < count; i++) {
            fill(&m[i], len);
            in[i] = &m[i];
            ropes[i] = &m[i].rope;
        }
        struct rope parity, lost;
        rope_xor(&parity, ropes, count);
        xor_flat(want, in, count, len);
        cr_assert_eq(parity.length, len);
        size_t off = draw(len), n = draw(len - off + 1);
        rope_read(&parity, off, n, got);
        cr_assert_arr_eq(got, want + off, n);

        /* Parity and all but one member give that member back, without a byte being read. */
        size_t gone = draw(count);
        ropes[gone] = &parity;
        rope_xor(&lost, ropes, count);
        cr_assert(rope_equal(&lost, &m[gone].rope));
        for (uint32_t i = 0; i < lost.count; i++)
            cr_assert_str_neq(lost.slices[i].leaf->ops->name, "xor", "nothing cancelled");

        uint64_t h = rope_hash(&parity);
        struct rope copy;
        rope_copy(&copy, &parity);
        cr_assert(rope_equal(&copy, &parity));
        rope_flatten(&copy, false);
        cr_assert_eq(rope_hash(&copy), h);
        cr_assert(rope_equal(&copy, &parity));
        rope_fini(&copy);
        rope_fini(&lost);
        rope_fini(&parity);
        for (size_t i = 0; i < count; i++)
            rope_fini(&m[i].rope);
    }
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* A parity rope with random contents: out is its flat image. */
static void parity_of_two(struct rope *parity, uint8_t *flat, size_t len)
{
    static struct shadow a, b;
    fill(&a, len);
    fill(&b, len);
    rope_xor(parity, (const struct rope *const[]){ &a.rope, &b.rope }, 2);
    for (size_t i = 0; i < len; i++)
        flat[i] = a.flat[i] ^ b.flat[i];
    rope_fini(&a.rope);
    rope_fini(&b.rope);
}

Test(rope, parity_of_shifted_parts_of_parity_is_right)
{
    static uint8_t x[FLAT_MAX], y[FLAT_MAX], got[FLAT_MAX];
    for (uint64_t seed = 1; seed <= 60; seed++) {
        state = seed * 90001;
        size_t len = 2 + draw(20000), n = 1 + draw(len), at = draw(len - n + 1),
               bt = draw(len - n + 1);
        struct rope p, q, a, b, r;
        parity_of_two(&p, x, len);
        parity_of_two(&q, y, len);
        rope_init(&a);
        rope_init(&b);
        rope_add_slice(&a, &p, at, n);
        rope_add_slice(&b, &q, bt, n);
        rope_xor(&r, (const struct rope *const[]){ &a, &b }, 2);
        rope_read(&r, 0, n, got);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(got[i], x[at + i] ^ y[bt + i], "seed %lu, byte %zu", seed, i);
        rope_fini(&p);
        rope_fini(&q);
        rope_fini(&a);
        rope_fini(&b);
        rope_fini(&r);
    }
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(rope, parity_with_itself_is_zero)
{
    struct rope a, p;
    rope_init(&a);
    rope_add_bytes(&a, "abcdefg", 7);
    rope_add_pattern(&a, 3, 5, 4099);
    rope_xor(&p, (const struct rope *const[]){ &a, &a }, 2);
    cr_assert_eq(p.count, 1);
    cr_assert_str_eq(p.slices[0].leaf->ops->name, "zero");
    rope_fini(&p);
    rope_fini(&a);
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(rope, a_chain_of_small_writes_keeps_parity_small)
{
    /* parity' = parity XOR old XOR new, a hundred times: the terms stay the stripe's members. */
    struct rope d[4], parity;
    const struct rope *all[4];
    for (uint64_t i = 0; i < 4; i++) {
        rope_init(&d[i]);
        rope_add_pattern(&d[i], i, 0, 8192);
        all[i] = &d[i];
    }
    rope_xor(&parity, all, 4);
    for (uint64_t k = 0; k < 100; k++) {
        struct rope fresh, next;
        rope_init(&fresh);
        rope_add_pattern(&fresh, 100 + k, 0, 8192);
        rope_xor(&next, (const struct rope *const[]){ &parity, &d[k % 4], &fresh }, 3);
        rope_fini(&parity);
        rope_move(&parity, &next);
        rope_fini(&d[k % 4]);
        rope_move(&d[k % 4], &fresh);
    }
    struct rope want;
    rope_xor(&want, all, 4);
    cr_assert(rope_equal(&parity, &want));
    cr_assert_leq(rope_leaves_alive(), 4 + 2 + 4);
    rope_fini(&parity);
    rope_fini(&want);
    for (int i = 0; i < 4; i++)
        rope_fini(&d[i]);
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(rope, many_terms_become_bytes)
{
    static struct rope m[300];
    const struct rope *all[300];
    uint8_t want = 0, got;
    for (uint64_t i = 0; i < 300; i++) {
        rope_init(&m[i]);
        rope_add_pattern(&m[i], i, 17, 33);
        want ^= pattern_byte(i, 17 + 5);
        all[i] = &m[i];
    }
    struct rope p;
    rope_xor(&p, all, 300);
    cr_assert_str_eq(p.slices[0].leaf->ops->name, "bytes");
    rope_read(&p, 5, 1, &got);
    cr_assert_eq(got, want);
    rope_fini(&p);
    for (int i = 0; i < 300; i++)
        rope_fini(&m[i]);
}

Test(rope, flattening_keeps_descriptors_only_when_asked)
{
    struct rope r;
    rope_init(&r);
    rope_add_bytes(&r, "ab", 2);
    rope_add_bytes(&r, "cd", 2);
    rope_add_pattern(&r, 1, 0, 100);
    rope_add_bytes(&r, "ef", 2);
    rope_flatten(&r, true);
    cr_assert_eq(r.count, 3);
    cr_assert_eq(r.slices[0].len, 4);
    rope_flatten(&r, false);
    cr_assert_eq(r.count, 1);
    cr_assert_eq(r.length, 106);
    rope_fini(&r);
}

/* Rank over GF(2) of the map from a block's key to its checksum, by way of checksums alone: the
 * differences of checksums of 4 KiB blocks span as many dimensions as the map has.  63 is the most
 * (pattern.c says why). */
Test(rope, checksums_of_blocks_span_63_dimensions)
{
    uint64_t basis[64] = { 0 };
    int rank = 0;
    uint64_t first = crc_pattern(0, 7, 0, 4096);
    for (uint64_t block = 1; block < 400; block++) {
        uint64_t v = crc_pattern(0, 7, block * 4096, 4096) ^ first;
        for (int bit = 63; bit >= 0 && v != 0; bit--) {
            if (!(v >> bit & 1))
                continue;
            if (basis[bit] == 0) {
                basis[bit] = v;
                rank++;
                break;
            }
            v ^= basis[bit];
        }
    }
    cr_assert_eq(rank, 63, "rank %d", rank);
}

/* Three heap blocks with ropes of every kind among other data, and one rope outside.  ROPE3. */
Test(rope, a_sweep_finishes_the_ropes_of_dropped_memory_and_no_others)
{
    struct block {
        void *before[3];
        struct rope small, empty, large, moved;
        void *after[3];
    };
    uint64_t alive = rope_leaves_alive();
    struct rope outside;
    rope_init(&outside);
    for (uint64_t i = 0; i < 5; i++)
        rope_add_pattern(&outside, i, 7, 10);
    struct rope_span spans[3];
    for (int k = 0; k < 3; k++) {
        struct block *b = base_zalloc(1, sizeof *b);
        spans[2 - k] = (struct rope_span){ b, sizeof *b };
        for (int i = 0; i < 3; i++) { /* pointers just past themselves, as some objects hold */
            b->before[i] = &b->before[i] + 1;
            b->after[i] = &b->after[i] + 1;
        }
        rope_init(&b->small);
        rope_init(&b->empty);
        rope_init(&b->large);
        rope_add_bytes(&b->small, "abc", 3);
        struct rope many;
        rope_init(&many);
        for (uint64_t i = 0; i < 5; i++) {
            rope_add_slice(&b->large, &outside, i * 10, 9);
            rope_add_pattern(&many, i, 0, 5);
        }
        rope_move(&b->moved, &many);
        cr_assert_gt(b->large.count, ROPE_INLINE);
    }
    rope_sweep(spans, 3);
    cr_assert_eq(rope_leaves_alive(), alive + 5, "%zu leaves", (size_t)rope_leaves_alive());
    cr_assert_eq(outside.length, 50);
    rope_sweep(spans, 3); /* nothing is left */
    for (int k = 0; k < 3; k++)
        free(spans[k].start);
    rope_fini(&outside);
    cr_assert_eq(rope_leaves_alive(), alive);
}

/* A buffer is seen by all who hold it, however it was cut, until it is settled. */
Test(rope, a_buffer_changes_until_it_is_settled)
{
    uint64_t alive = rope_leaves_alive();
    struct rope content, a, b, want, bytes;
    int owner;
    rope_init(&content);
    rope_add_pattern(&content, 4, 0, 100000);
    struct leaf *l = leaf_buffer_new(&content, &owner);
    cr_expect_eq(leaf_buffer_owner(l), &owner);
    rope_init(&a);
    rope_add_leaf(&a, l, 0, 100000);
    rope_init(&b);
    rope_add_slice(&b, &a, 700, 90000);
    cr_expect(rope_stays(&a) && rope_stays(&b));
    rope_init(&want);
    rope_add_pattern(&want, 4, 0, 100000);
    cr_expect_null(leaf_buffer_owner(want.slices[0].leaf));
    cr_expect(rope_equal(&a, &want));
    cr_expect_eq(rope_hash(&a), rope_hash(&want));
    struct rope settled;
    rope_copy(&settled, &b);
    rope_settle(&settled);
    cr_expect_not(rope_stays(&settled));
    rope_init(&bytes);
    rope_add_bytes(&bytes, "hostile", 7);
    leaf_buffer_put(l, 50000, &bytes);
    cr_expect_eq(rope_first_difference(&a, &want), 50000);
    char got[9];
    rope_read(&b, 49999 - 700, sizeof got, got);
    cr_expect_arr_eq(got + 1, "hostile", 7);
    cr_expect_eq((uint8_t)got[8], pattern_byte(4, 50007));
    struct rope part;
    rope_init(&part);
    rope_add_slice(&part, &want, 700, 90000);
    cr_expect(rope_equal(&settled, &part), "what was settled has changed");
    rope_fini(&want);
    rope_copy(&want, &a);
    rope_settle(&want);
    rope_flatten(&want, false);
    cr_expect_eq(rope_hash(&want), rope_hash(&a));
    rope_fini(&part);
    rope_fini(&settled);
    rope_fini(&bytes);
    rope_fini(&want);
    rope_fini(&b);
    rope_fini(&a);
    cr_expect_eq(rope_leaves_alive(), alive);
}

/* Law 7: no buffer leaves its node. */
Test(rope, a_buffer_is_not_flattened, .signal = SIGABRT)
{
    struct rope content, a;
    rope_init(&content);
    rope_add_pattern(&content, 4, 0, 100);
    rope_init(&a);
    rope_add_leaf(&a, leaf_buffer_new(&content, NULL), 0, 100);
    rope_flatten(&a, true);
}
