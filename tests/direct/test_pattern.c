/* test_pattern.c: destinations by hand on small grids. */
#include <criterion/criterion.h>

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
    struct pattern_params params = { .kind = kind, .self_sends = true };
    cr_assert(pattern_init(&p, &params, &d, &e), "%s", e.text);
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
        struct pattern_params params = { .kind = PATTERN_UNIFORM, .self_sends = self };
        uint32_t counts[6] = { 0 };
        cr_assert(pattern_init(&p, &params, &d, &e));
        for (int i = 0; i < 60000; i++)
            counts[pattern_next(&p, 4, &r)]++;
        for (uint32_t i = 0; i < 6; i++) {
            double want = self ? 10000 : i == 4 ? 0 : 12000;
            cr_assert_float_eq(counts[i], want, 450, "%u: %u", i, counts[i]);
        }
        pattern_fini(&p);
    }
}

Test(pattern, capacity_of_uniform_traffic)
{
    struct net_describe d = grid(8, 8);
    cr_assert_float_eq(pattern_uniform_capacity(&d), 0.5, 1e-12);
    d = grid(16, 4);
    cr_assert_float_eq(pattern_uniform_capacity(&d), 0.25, 1e-12);
    d = grid(3, 3); /* 2 * 1 / 3 a channel: injection limits */
    cr_assert_float_eq(pattern_uniform_capacity(&d), 1, 1e-12);
}
