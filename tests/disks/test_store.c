/* Contents of devices: against a plain array of bytes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "disks/store.h"
#include "sim/rng.h"
#include "tests/sample.h"

#define SECTOR 512u

Test(store, unwritten_sectors_read_as_zeros_and_cost_nothing)
{
    struct store *t = store_create(SECTOR);
    struct rope r;
    uint8_t b[3 * SECTOR];
    memset(b, 1, sizeof b);
    rope_init(&r);
    store_read(t, 12345678, 3, &r);
    rope_read(&r, 0, sizeof b, b);
    for (size_t i = 0; i < sizeof b; i++)
        cr_assert_eq(b[i], 0);
    rope_fini(&r);
    cr_assert_eq(store_extents(t), 0);
    store_destroy(t);
}

Test(store, a_gibibyte_of_one_pattern_written_in_pieces_is_one_extent)
{
    struct store *t = store_create(SECTOR);
    uint64_t pieces = 16384, each = 65536;
    /* Every second one first, so that both neighbours have to be found. */
    for (uint64_t turn = 0; turn < 2; turn++) {
        for (uint64_t i = turn; i < pieces; i += 2) {
            struct rope r;
            rope_init(&r);
            rope_add_pattern(&r, 7, i * each, each);
            store_write(t, i * each / SECTOR, each / SECTOR, &r);
            rope_fini(&r);
        }
    }
    cr_assert_eq(store_extents(t), 1);
    store_destroy(t);
    cr_assert_eq(rope_leaves_alive(), 0);
}

static void random_data(struct sim_rng *g, struct rope *r, uint64_t bytes, uint8_t *copy)
{
    rope_init(r);
    while (r->length < bytes) {
        uint64_t n = 1 + sim_rng_below(g, bytes - r->length);
        /* Two in three pieces end on a sector, one does not. */
        if (sim_rng_below(g, 3) > 0 && n > SECTOR)
            n -= (r->length + n) % SECTOR;
        uint8_t raw[64 * SECTOR];
        switch (sim_rng_below(g, 3)) {
        case 0:
            for (uint64_t i = 0; i < n; i++)
                raw[i] = (uint8_t)sim_rng_u32(g);
            rope_add_bytes(r, raw, n);
            break;
        case 1:
            rope_add_zero(r, n);
            break;
        default:
            rope_add_pattern(r, sim_rng_below(g, 3), sim_rng_below(g, 5000), n);
            break;
        }
    }
    rope_read(r, 0, bytes, copy);
}

/* STORE1, STORE2. */
Test(store, random_writes_clears_and_flips_agree_with_an_array)
{
    enum { SECTORS = 700 };
    static uint8_t shadow[SECTORS * SECTOR], seen[SECTORS * SECTOR];
    for (uint64_t seed = 1; seed <= sample(NULL, 20); seed++) {
        struct sim_rng g;
        sim_rng_init_seed(&g, seed, "store");
        struct store *t = store_create(SECTOR);
        memset(shadow, 0, sizeof shadow);
        for (int op = 0; op < 400; op++) {
            uint64_t n = 1 + sim_rng_below(&g, 60), at = sim_rng_below(&g, SECTORS - n);
            uint64_t kind = sim_rng_below(&g, 20);
            if (kind == 0) {
                store_clear(t, at, n);
                memset(shadow + at * SECTOR, 0, n * SECTOR);
            } else if (kind == 1) {
                store_flip(t, at, 77, 0x41);
                shadow[at * SECTOR + 77] ^= 0x41;
            } else {
                struct rope r;
                random_data(&g, &r, n * SECTOR, shadow + at * SECTOR);
                store_write(t, at, n, &r);
                rope_fini(&r);
            }
            cr_assert(store_check(t));
        }
        struct rope all;
        rope_init(&all);
        store_read(t, 0, SECTORS, &all);
        rope_read(&all, 0, sizeof seen, seen);
        rope_fini(&all);
        cr_assert_arr_eq(seen, shadow, sizeof shadow, "seed %d", (int)seed);
        store_destroy(t);
        cr_assert_eq(rope_leaves_alive(), 0);
    }
}

Test(store, many_extents_in_random_order_stay_sorted)
{
    struct sim_rng g;
    sim_rng_init_seed(&g, 3, "store many");
    struct store *t = store_create(SECTOR);
    for (int i = 0; i < 20000; i++) {
        struct rope r;
        rope_init(&r);
        rope_add_pattern(&r, 1 + sim_rng_below(&g, 1000), 0, SECTOR);
        store_write(t, sim_rng_below(&g, 50000), 1, &r);
        rope_fini(&r);
    }
    cr_assert(store_check(t));
    cr_assert_gt(store_extents(t), 15000);
    store_destroy(t);
}
