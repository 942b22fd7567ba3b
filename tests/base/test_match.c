/* test_match.c: which entry a frame is for, against a list that is walked in order. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sim/base/match.h"

static uint64_t state;

static uint32_t below(uint32_t n)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % n);
}

#define ENTRIES 40
struct known {
    struct match_entry entry; /* first */
    struct match m[3];
    uint32_t count;
    bool there;
};

/* The obvious way: byte by byte (MATCH2). */
static bool meets(const struct known *k, const uint8_t *frame, size_t size)
{
    for (uint32_t i = 0; i < k->count; i++)
        for (uint32_t b = 0; b < 4; b++) {
            uint8_t mask = (uint8_t)(k->m[i].mask >> (24 - 8 * b));
            uint8_t value = (uint8_t)(k->m[i].value >> (24 - 8 * b));
            size_t at = k->m[i].offset + b;
            if (mask != 0 && (at >= size || ((frame[at] ^ value) & mask) != 0))
                return false;
        }
    return true;
}

/* MATCH1: do two entries ask the same, whatever the order in which they say it? */
static bool equal(const struct known *a, const struct known *b)
{
    bool used[3] = { false };
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t k = 0;
        while (k < b->count &&
               (used[k] || a->m[i].offset != b->m[k].offset || a->m[i].mask != b->m[k].mask ||
                ((a->m[i].value ^ b->m[k].value) & a->m[i].mask) != 0))
            k++;
        if (k == b->count)
            return false;
        used[k] = true;
    }
    return a->count == b->count;
}

Test(match, finds_what_a_walk_in_order_finds)
{
    static const uint32_t masks[] = { 0, 0xff, 0xff00, 0xffffffff, 0x0f000000, 0xffff0000 };
    uint32_t found = 0, missed = 0, refused = 0;
    for (state = 1; state < 400; state++) {
        uint64_t seed = state;
        struct match_set s = { 0 };
        struct known known[ENTRIES];
        uint32_t order[ENTRIES], count = 0;
        memset(known, 0, sizeof known);
        for (uint32_t step = 0; step < 120; step++) {
            struct known *k = &known[below(ENTRIES)];
            if (k->there && below(2)) {
                match_remove(&s, &k->entry);
                k->there = false;
                uint32_t at = 0;
                while (&known[order[at]] != k)
                    at++;
                memmove(&order[at], &order[at + 1], (--count - at) * sizeof order[0]);
            } else if (!k->there) {
                bool clash = false;
                k->count = below(4);
                for (uint32_t i = 0; i < k->count; i++)
                    k->m[i] = (struct match){ (uint16_t)below(6), masks[below(6)],
                                              below(2) * 0x01010101u + below(2) * 0x02000000u };
                for (uint32_t i = 0; i < ENTRIES; i++)
                    clash |= known[i].there && equal(k, &known[i]);
                cr_assert_eq(match_add(&s, &k->entry, k->m, k->count), !clash);
                refused += clash;
                if (clash)
                    continue;
                k->there = true;
                order[count++] = (uint32_t)(k - known);
            } else if (below(4) == 0) {
                match_first(&s, &k->entry);
                uint32_t at = 0;
                while (&known[order[at]] != k)
                    at++;
                memmove(&order[1], &order[0], at * sizeof order[0]);
                order[0] = (uint32_t)(k - known);
            }
            uint8_t bytes[10];
            struct rope frame;
            size_t size = below(sizeof bytes + 1);
            for (size_t i = 0; i < size; i++)
                bytes[i] = (uint8_t)(below(2) + 2 * below(2));
            rope_init(&frame);
            rope_add_bytes(&frame, bytes, size);
            const struct match_entry *first = NULL;
            for (uint32_t i = 0; i < count && !first; i++)
                if (meets(&known[order[i]], bytes, size))
                    first = &known[order[i]].entry;
            cr_assert_eq(match_find(&s, &frame, NULL), first, "seed %lu", (unsigned long)seed);
            found += first != NULL;
            missed += first == NULL;
            rope_fini(&frame);
        }
        for (uint32_t i = 0; i < ENTRIES; i++)
            if (known[i].there)
                match_remove(&s, &known[i].entry);
        cr_assert_eq(s.shape_count, 0);
        cr_assert_eq(s.conditioned, 0);
        state = seed;
    }
    cr_assert_gt(found, 1000);
    cr_assert_gt(missed, 1000);
    cr_assert_gt(refused, 100);
}

/* 10,000 connections, the listener behind them, another protocol: three look-ups, an entry compared
 * in each, and now and then what shares a bucket. */
Test(match, ten_thousand_of_one_shape_cost_no_more_than_one)
{
    enum { MANY = 10000 };
    struct match_set s = { 0 };
    struct match_entry *many = calloc(MANY, sizeof *many), listen, arp;
    struct match of[] = { { 12, 0xffff0000, 0x08000000 },
                          { 26, 0xffffffff, 0 },
                          { 34, 0xffffffff, 0 } };
    for (uint32_t i = 0; i < MANY; i++) {
        of[1].value = 0x0a000000 + i / 100;
        of[2].value = (1024 + i % 100) << 16 | 80;
        cr_assert(match_add(&s, &many[i], of, 3));
    }
    cr_assert(match_add(&s, &listen, (struct match[]){ of[0], { 34, 0xffff, 80 } }, 2));
    cr_assert(match_add(&s, &arp, (struct match[]){ { 12, 0xffff0000, 0x08060000 } }, 1));
    cr_assert_eq(s.shape_count, 3);
    uint64_t looked = 0, most = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t from = 0x0a000000 + i / 100, port = 1024 + i % 100;
        uint8_t bytes[40] = { [12] = 8, [26] = (uint8_t)(from >> 24), [28] = (uint8_t)(from >> 8) };
        struct rope frame;
        bytes[29] = (uint8_t)from;
        bytes[34] = (uint8_t)(port >> 8);
        bytes[35] = (uint8_t)port;
        bytes[37] = 80;
        rope_init(&frame);
        rope_add_bytes(&frame, bytes, sizeof bytes);
        uint64_t before = looked;
        cr_assert_eq(match_find(&s, &frame, &looked), &many[i]);
        most = looked - before > most ? looked - before : most;
        rope_fini(&frame);
    }
    cr_assert_leq(looked, MANY * 7u, "%lu", (unsigned long)looked);
    cr_assert_leq(most, 16u, "%lu", (unsigned long)most);
    for (uint32_t i = 0; i < MANY; i++)
        match_remove(&s, &many[i]);
    match_remove(&s, &listen);
    match_remove(&s, &arp);
    match_remove(&s, &arp);
    free(many);
}
