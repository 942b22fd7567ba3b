/* test_fair.c: Jain's index. */
#include <criterion/criterion.h>

#include "sim/base/fair.h"

Test(fair, equal_shares_have_1_and_one_of_n_has_a_part_of_n)
{
    const double equal[] = { 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3 };
    const double one[] = { 0, 0, 5, 0, 0 };
    cr_assert_float_eq(fair_index(equal, 7), 1, 1e-12);
    cr_assert_float_eq(fair_index(one, 5), 0.2, 1e-12);
    cr_assert(isnan(fair_index(one, 2))); /* nothing to share */
    cr_assert(isnan(fair_index(one, 0)));
}

/* k of n users have equal shares, the others nothing: k / n [Jain, Chiu and Hawe 1984, section 2];
 * and the index does not depend on the unit. */
Test(fair, it_is_the_part_of_those_who_are_served)
{
    for (size_t n = 1; n <= 9; n++)
        for (size_t k = 1; k <= n; k++) {
            double x[9] = { 0 };
            for (size_t i = 0; i < k; i++)
                x[n - 1 - i] = 2385e6;
            cr_assert_float_eq(fair_index(x, n), (double)k / (double)n, 1e-12);
        }
    const double two[] = { 1, 3 }, same[] = { 1e-9, 3e-9 };
    cr_assert_float_eq(fair_index(two, 2), 0.8, 1e-12);
    cr_assert_float_eq(fair_index(same, 2), 0.8, 1e-12);
}
