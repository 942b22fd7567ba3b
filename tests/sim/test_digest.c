/* test_digest.c: the digest depends on what happened, not on the order of one instant's records. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/digest.h"

static void digest_of(const int *order, size_t count, uint64_t twist, char out[33])
{
    struct sim *s = sim_create(NULL);
    for (size_t i = 0; i < count; i++) {
        uint64_t k = (uint64_t)order[i];
        sim_waist(s, (enum sim_waist)(k % SIM_WAIST_COUNT), (sim_time)(1000 * k), (int64_t)k - 1,
                  k * 7, k * 2385 + twist);
    }
    sim_digest_text(s, out);
    sim_destroy(s);
}

Test(digest, order_does_not_matter_and_content_does)
{
    char a[33], b[33], c[33], d[33];
    digest_of((const int[]){ 0, 1, 2, 3, 4 }, 5, 0, a);
    digest_of((const int[]){ 3, 0, 4, 2, 1 }, 5, 0, b);
    digest_of((const int[]){ 0, 1, 2, 3, 4 }, 5, 1, c);
    digest_of((const int[]){ 0, 1, 2, 3 }, 4, 0, d);
    cr_assert_str_eq(a, b);
    cr_assert_str_neq(a, c);
    cr_assert_str_neq(a, d);
    cr_assert_eq(strlen(a), 32);
}

Test(digest, every_field_matters)
{
    char all[6][33];
    for (int i = 0; i < 6; i++) {
        struct sim *s = sim_create(NULL);
        sim_waist(s, i == 1 ? SIM_WAIST_BLOCK : SIM_WAIST_MESSAGE, i == 2 ? 11 : 10, i == 3 ? 4 : 3,
                  i == 4 ? 101 : 100, i == 5 ? 8 : 7);
        sim_digest_text(s, all[i]);
        for (int j = 0; j < i; j++)
            cr_assert_str_neq(all[i], all[j]);
        sim_destroy(s);
    }
}

Test(digest, two_equal_records_do_not_cancel)
{
    char none[33], two[33];
    digest_of(NULL, 0, 0, none);
    digest_of((const int[]){ 5, 5 }, 2, 0, two);
    cr_assert_str_eq(none, "00000000000000000000000000000000");
    cr_assert_str_neq(two, none);
}

Test(digest, records_are_counted_by_kind)
{
    struct sim *s = sim_create(NULL);
    for (int i = 0; i < 3; i++)
        sim_waist(s, SIM_WAIST_PACKET, i, 0, 0, 0);
    cr_assert_eq(sim_digest_records(s, SIM_WAIST_PACKET), 3);
    cr_assert_eq(sim_digest_records(s, SIM_WAIST_BLOCK), 0);
    sim_destroy(s);
}

Test(digest, the_hash_is_what_it_was)
{
    char text[33];
    digest_of((const int[]){ 0, 1, 2, 3, 4 }, 5, 0, text);
    cr_assert_str_eq(text, "4b3cfc14c60419fa4fc72a28bf21ecdd");
}
