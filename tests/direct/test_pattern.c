/* test_pattern.c: destinations by hand on small grids. */
#include <criterion/criterion.h>

#include "mesh/mesh.h"
#include "workloads/direct/pattern.h"

static struct net_describe grid(uint32_t columns, uint32_t rows)
{
    return (struct net_describe){
        .terminals = columns * rows, .dims = 2, .size = { columns, rows }, .shape = "a grid"
    };
}

static uint32_t fixed(int kind, uint32_t columns, uint32_t rows, uint32_t src)
{
    struct pattern p;
    struct err e = ERR_INIT;
    struct net_describe d = grid(columns, rows);
    struct pattern_params params = { .pattern = kind, .self_sends = true };
    cr_assert(pattern_init(&p, &params, &d, NULL, &e), "%s", e.text);
    uint32_t dst = pattern_next(&p, src, NULL);
    pattern_fini(&p);
    return dst;
}

Test(pattern, permutations_by_hand)
{
    cr_assert_eq(fixed(PATTERN_TRANSPOSE, 4, 4, 6), 9);       /* (2,1) -> (1,2) */
    cr_assert_eq(fixed(PATTERN_BIT_COMPLEMENT, 5, 3, 1), 13); /* mirror */
    cr_assert_eq(fixed(PATTERN_BIT_REVERSAL, 4, 4, 3), 12);   /* 0011 -> 1100 */
    cr_assert_eq(fixed(PATTERN_TORNADO, 8, 1, 6), 1);         /* 3 onwards, modulo 8 */
    cr_assert_eq(fixed(PATTERN_TORNADO, 5, 7, 0), 2 + 3 * 5); /* 2 and 3 onwards */
    cr_assert_eq(fixed(PATTERN_NEIGHBOUR, 5, 3, 14), 0);      /* both wrap */
    cr_assert_eq(fixed(PATTERN_NEIGHBOUR, 5, 3, 0), 6);
}

/* Bit b of the result is bit `from(b)` of src, complemented or not. */
static uint32_t by_bits(uint32_t src, uint32_t bits, bool reverse, bool complement)
{
    uint32_t out = 0;
    for (uint32_t b = 0; b < bits; b++) {
        uint32_t from = reverse ? bits - 1 - b : b;
        out |= ((src >> from & 1u) ^ (uint32_t)complement) << b;
    }
    return out;
}

Test(pattern, definitions_by_bits_and_by_coordinates_on_8x8_16x16_and_32x32)
{
    for (uint32_t k = 8, bits = 6; k <= 32; k *= 2, bits += 2) {
        for (uint32_t i = 0; i < k * k; i++) {
            uint32_t x = i % k, y = i / k, t = (k + 1) / 2 - 1;
            cr_assert_eq(fixed(PATTERN_TRANSPOSE, k, k, i), x * k + y);
            cr_assert_eq(fixed(PATTERN_TRANSPOSE, k, k, i),
                         (i << bits / 2 | i >> bits / 2) & (k * k - 1));
            cr_assert_eq(fixed(PATTERN_BIT_COMPLEMENT, k, k, i), by_bits(i, bits, false, true));
            cr_assert_eq(fixed(PATTERN_BIT_REVERSAL, k, k, i), by_bits(i, bits, true, false));
            cr_assert_eq(fixed(PATTERN_TORNADO, k, k, i), (x + t) % k + (y + t) % k * k);
            cr_assert_eq(fixed(PATTERN_NEIGHBOUR, k, k, i), (x + 1) % k + (y + 1) % k * k);
        }
    }
}

/* 16 terminals; 2 is hot twice, 5 once. */
static void count_hot(struct pattern_params *params, uint32_t src, int draws, double counts[17])
{
    static const int64_t hot[] = { 2, 2, 5 };
    struct val *list = val_new(VAL_LIST, NULL, 0);
    struct net_describe d = grid(4, 4);
    struct pattern p;
    struct err e = ERR_INIT;
    struct sim_rng r;
    for (size_t i = 0; i < ARRAY_LEN(hot); i++)
        val_append(list, val_new_int(hot[i], NULL, 0));
    params->pattern = PATTERN_HOTSPOT;
    params->hot = list;
    sim_rng_init_seed(&r, 9, "test");
    cr_assert(pattern_init(&p, params, &d, NULL, &e), "%s", e.text);
    for (int i = 0; i < 17; i++)
        counts[i] = 0;
    for (int i = 0; i < draws; i++) {
        uint32_t dst = pattern_next(&p, src, &r);
        counts[dst == PATTERN_SILENT ? 16 : dst]++;
    }
    pattern_fini(&p);
    val_free(list);
}

Test(pattern, a_hot_spot_has_its_share_and_the_rest_goes_by_the_background)
{
    double n[17];
    struct pattern_params all = { .hot_share = 1, .self_sends = true };
    count_hot(&all, 2, 30000, n);
    cr_assert_float_eq(n[2], 20000, 300, "a terminal named twice is twice as hot");
    cr_assert_float_eq(n[5], 10000, 300);
    struct pattern_params mix = { .hot_share = 0.4, .background = PATTERN_TRANSPOSE };
    count_hot(&mix, 4, 30000, n); /* (0,1) -> (1,0) */
    cr_assert_float_eq(n[2], 8000, 300);
    cr_assert_float_eq(n[5], 4000, 300);
    cr_assert_float_eq(n[1], 18000, 300);
    struct pattern_params uniform = { .hot_share = 0.25, .self_sends = true };
    count_hot(&uniform, 4, 32000, n);
    cr_assert_float_eq(n[7], 1500, 160);
    cr_assert_float_eq(n[2], 1500 + 16000 / 3.0, 300);
    all.mapping = MAPPING_COLUMN; /* rank 2 on node 8, 5 on 5 */
    count_hot(&all, 2, 30000, n);
    cr_assert_float_eq(n[8], 20000, 300);
    cr_assert_float_eq(n[5], 10000, 300);
}

Test(pattern, every_permutation_is_one)
{
    static const int kinds[] = { PATTERN_TRANSPOSE, PATTERN_BIT_COMPLEMENT, PATTERN_BIT_REVERSAL,
                                 PATTERN_TORNADO, PATTERN_NEIGHBOUR };
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        bool hit[64] = { false };
        for (uint32_t i = 0; i < 64; i++) {
            uint32_t dst = fixed(kinds[k], 8, 8, i);
            cr_assert_not(hit[dst]);
            hit[dst] = true;
        }
    }
}

Test(pattern, uniform_never_draws_the_source_unless_asked_and_draws_all_others_alike)
{
    struct pattern p;
    struct err e = ERR_INIT;
    struct net_describe d = grid(3, 2);
    struct sim_rng r;
    sim_rng_init_seed(&r, 5, "test");
    for (int self = 0; self < 2; self++) {
        struct pattern_params params = { .pattern = PATTERN_UNIFORM, .self_sends = self };
        uint32_t counts[6] = { 0 };
        cr_assert(pattern_init(&p, &params, &d, NULL, &e));
        for (int i = 0; i < 60000; i++)
            counts[pattern_next(&p, 4, &r)]++;
        for (uint32_t i = 0; i < 6; i++) {
            double want = self ? 10000 : i == 4 ? 0 : 12000;
            cr_assert_float_eq(counts[i], want, 450, "%u: %u", i, counts[i]);
        }
        pattern_fini(&p);
    }
}

static double capacity(int64_t columns, int64_t rows, bool wraps)
{
    struct topo t;
    struct err e = ERR_INIT;
    struct net_describe d = { .dims = 2 };
    cr_assert(topo_init(&t, 2, (int64_t[]){ columns, rows }, false, wraps, "grid", &e));
    mesh_describe_grid(&t, &d);
    topo_fini(&t);
    return pattern_uniform_capacity(&d);
}

Test(pattern, capacity_of_uniform_traffic)
{
    cr_assert_float_eq(capacity(8, 8, false), 0.5, 1e-12);
    cr_assert_float_eq(capacity(16, 4, false), 0.25, 1e-12);
    cr_assert_float_eq(capacity(3, 3, false), 1, 1e-12); /* 2 * 1 / 3 a channel: injection limits */
    cr_assert_float_eq(capacity(16, 4, true), 0.5, 1e-12);
}
