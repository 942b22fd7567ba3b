/* test_mapping.c: orders of nodes by hand, and that each is an order of all of them. */
#include <criterion/criterion.h>
#include <string.h>

#include "mesh/mapping.h"

static void is(enum mapping kind, uint32_t block, const uint32_t *want)
{
    uint32_t got[12];
    mapping_fill(kind, 2, (uint32_t[]){ 4, 3 }, block, NULL, got);
    for (uint32_t i = 0; i < 12; i++)
        cr_assert_eq(got[i], want[i], "%s, rank %u: node %u not %u", mapping_names[kind], i, got[i],
                     want[i]);
}

Test(mapping, orders_of_four_columns_and_three_rows_by_hand)
{
    is(MAPPING_ROW, 1, (uint32_t[]){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 });
    is(MAPPING_COLUMN, 1, (uint32_t[]){ 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11 });
    is(MAPPING_SNAKE, 1, (uint32_t[]){ 0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11 });
    is(MAPPING_BLOCKS, 2, (uint32_t[]){ 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 10, 11 });
    is(MAPPING_BLOCKS, 3, (uint32_t[]){ 0, 1, 2, 4, 5, 6, 8, 9, 10, 3, 7, 11 });
}

/* MAP1. */
Test(mapping, every_order_has_every_node_once_and_a_draw_depends_on_the_seed)
{
    static const uint32_t size[] = { 5, 3, 4 };
    uint32_t got[60], other[60];
    struct sim_rng r;
    for (int kind = MAPPING_ROW; kind <= MAPPING_RANDOM; kind++) {
        bool seen[60] = { false };
        sim_rng_init_seed(&r, 7, "test");
        mapping_fill((enum mapping)kind, 3, size, 2, &r, got);
        for (uint32_t i = 0; i < 60; i++) {
            cr_assert(got[i] < 60 && !seen[got[i]], "M1");
            seen[got[i]] = true;
        }
    }
    sim_rng_init_seed(&r, 8, "test");
    mapping_fill(MAPPING_RANDOM, 3, size, 2, &r, other);
    cr_assert_neq(memcmp(got, other, sizeof(got)), 0);
    sim_rng_init_seed(&r, 7, "test");
    mapping_fill(MAPPING_RANDOM, 3, size, 2, &r, other);
    cr_assert_eq(memcmp(got, other, sizeof(got)), 0);
}

Test(mapping, a_snake_never_jumps_in_three_dimensions_either)
{
    static const uint32_t size[] = { 5, 3, 4 };
    uint32_t got[60];
    mapping_fill(MAPPING_SNAKE, 3, size, 1, NULL, got);
    for (uint32_t i = 1; i < 60; i++) {
        int32_t a = (int32_t)got[i - 1], b = (int32_t)got[i];
        uint32_t apart =
            (uint32_t)(abs(a % 5 - b % 5) + abs(a / 5 % 3 - b / 5 % 3) + abs(a / 15 - b / 15));
        cr_assert_eq(apart, 1, "rank %u", i);
    }
}

Test(mapping, a_list_names_each_node_once)
{
    static const uint32_t allowed[] = { 0, 1, 3 };
    static const struct {
        int64_t nodes[3];
        bool good;
    } lists[] = {
        { { 3, 0, 1 }, true },
        { { 3, 0, 0 }, false },
        { { 2, 0, 1 }, false },
        { { 4, 0, 1 }, false },
    };
    for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
        struct val *list = val_new(VAL_LIST, "x.lua", 2);
        struct err e = ERR_INIT;
        uint32_t out[3];
        for (int i = 0; i < 3; i++)
            val_append(list, val_new_int(lists[k].nodes[i], "x.lua", 2));
        cr_assert_eq(mapping_read(list, allowed, 3, "machine", out, &e), lists[k].good, "%s",
                     e.text);
        cr_assert(lists[k].good || strstr(e.text, "x.lua:2: machine.mapping_list"), "%s", e.text);
        val_free(list);
    }
}
