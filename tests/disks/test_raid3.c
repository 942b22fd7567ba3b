/* The synchronised array: contents under losses against a shadow, parity, times. */
#include <criterion/criterion.h>
#include <string.h>

#include "disks/raid.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"

#define SECTOR 2048

static struct blkdev *array(struct sim *s, struct raid3_params *p)
{
    struct err e = ERR_INIT;
    cr_assert(param_load(raid3_params, p, NULL, "raid3", &e), "%s", e.text);
    struct blkdev *d = raid3_create(s, p, 0, "array", "raid3", &e);
    cr_assert(d != NULL, "%s", e.text);
    return d;
}

Test(raid3, every_byte_is_read_after_the_loss_of_any_member_at_any_time)
{
    enum { SECTORS = 120 };
    static uint8_t shadow[SECTORS * SECTOR], seen[SECTORS * SECTOR];
    for (uint32_t member = 0; member <= 4; member++) {
        struct sim *s = kit_sim(1);
        struct raid3_params p;
        struct blkdev *d = array(s, &p);
        struct sim_rng g;
        sim_rng_init_seed(&g, member, "raid3");
        memset(shadow, 0, sizeof shadow);
        for (int i = 0; i < 300; i++) {
            if (i == 100)
                raid3_kill_member(d, member);
            if (i == 200) {
                raid3_replace_member(d, member);
                cr_assert_not(raid3_degraded(d));
                cr_assert_eq(raid3_scrub(d, 0, SECTORS), 0);
            }
            uint64_t n = 1 + sim_rng_below(&g, 20), at = sim_rng_below(&g, SECTORS - n);
            struct rope r;
            rope_init(&r);
            if (sim_rng_below(&g, 2) == 0) {
                if (sim_rng_below(&g, 2) == 0) {
                    for (uint64_t b = 0; b < n * SECTOR; b++)
                        shadow[at * SECTOR + b] = (uint8_t)sim_rng_u32(&g);
                    rope_add_bytes(&r, shadow + at * SECTOR, n * SECTOR);
                } else {
                    rope_add_pattern(&r, 3, sim_rng_below(&g, 9999), n * SECTOR);
                    rope_read(&r, 0, n * SECTOR, shadow + at * SECTOR);
                }
                kit_write(d, at, (uint32_t)n, &r);
            } else {
                kit_read(d, at, (uint32_t)n, &r);
                cr_assert_eq(r.length, n * SECTOR);
                rope_read(&r, 0, n * SECTOR, seen);
                cr_assert_arr_eq(seen, shadow + at * SECTOR, n * SECTOR);
            }
            cr_assert_eq(kit_status(), BLK_OK);
            rope_fini(&r);
        }
        d->ops->destroy(d);
        cr_assert(kit_audit(s));
        cr_assert_eq(rope_leaves_alive(), 0);
        sim_destroy(s);
    }
}

Test(raid3, a_second_loss_is_an_error)
{
    struct sim *s = kit_sim(1);
    struct raid3_params p;
    struct blkdev *d = array(s, &p);
    raid3_kill_member(d, 2);
    kit_read(d, 5, 1, NULL);
    cr_assert_eq(kit_status(), BLK_OK);
    raid3_kill_member(d, 4);
    kit_read(d, 5, 1, NULL);
    cr_assert_eq(kit_status(), BLK_ERR_DEVICE);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(raid3, a_silent_flip_is_found_by_a_scrub_and_shows_in_a_degraded_read)
{
    struct sim *s = kit_sim(1);
    struct raid3_params p;
    struct blkdev *d = array(s, &p);
    struct rope data, out;
    kit_pattern(&data, 9, 100, 10 * SECTOR);
    kit_write(d, 40, 10, &data);
    cr_assert_eq(raid3_scrub(d, 40, 10), 0);
    /* A survivor lies: what is rebuilt from it is wrong in the same place. */
    cr_assert(raid3_corrupt_member(d, 1, 43, 17, 0x80));
    cr_assert_eq(raid3_scrub(d, 40, 10), 1);
    raid3_kill_member(d, 2);
    rope_init(&out);
    kit_read(d, 40, 10, &out);
    cr_assert_eq(rope_first_difference(&out, &data), 3 * SECTOR + 512 + 17);
    rope_fini(&out);
    raid3_replace_member(d, 2);
    /* Lost parity lies too. */
    cr_assert(raid3_corrupt_member(d, 4, 45, 3, 1));
    raid3_kill_member(d, 0);
    kit_read(d, 44, 2, &out);
    struct rope part;
    rope_init(&part);
    rope_add_slice(&part, &data, 4 * SECTOR, 2 * SECTOR);
    cr_assert_eq(rope_first_difference(&out, &part), SECTOR + 3);
    rope_fini(&part);
    rope_fini(&out);
    rope_fini(&data);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(raid3, large_reads_come_at_the_rate_of_the_slower_of_media_and_bus)
{
    /* 4 lanes of 72 * 512 B a turn are 9.8 MB/s less skews; 5 MB/s of SCSI-1 limit. */
    const struct {
        int64_t rate;
        double expected;
    } cases[] = { { 5000000, 5.0e6 }, { 200000000, 4 * 36864 / (0.0149925 * (1 + 8.0 / 72)) } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sim *s = kit_sim(1);
        struct raid3_params p;
        struct err e = ERR_INIT;
        cr_assert(param_load(raid3_params, &p, NULL, "raid3", &e));
        p.bus.rate = cases[i].rate;
        struct blkdev *d = raid3_create(s, &p, 0, "array", "raid3", &e);
        uint32_t n = 4000; /* 8 MB */
        sim_time t = kit_read(d, 100, n, NULL);
        double rate = (double)n * SECTOR / sim_time_seconds(t);
        cr_assert_float_eq(rate, cases[i].expected, 0.04 * cases[i].expected, "%g", rate);
        d->ops->destroy(d);
        sim_destroy(s);
    }
}

Test(raid3, pattern_data_of_a_gibibyte_cost_little)
{
    struct sim *s = kit_sim(1);
    struct raid3_params p;
    struct blkdev *d = array(s, &p);
    for (uint64_t at = 0; at < 1u << 30; at += 1u << 18) {
        struct rope r;
        kit_pattern(&r, 5, at, 1u << 18);
        kit_write(d, at / SECTOR, (1u << 18) / SECTOR, &r);
        rope_fini(&r);
    }
    cr_assert_lt(rope_leaves_alive(), 10000);
    d->ops->destroy(d);
    cr_assert_eq(rope_leaves_alive(), 0);
    sim_destroy(s);
}

Test(build, any_stack_comes_from_a_table_and_mistakes_have_sentences)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct blk_describe about;
    struct blkdev *d = blk_build(s, NULL, 0, "d", "devices[1]", &e);
    d->ops->describe(d, &about);
    cr_assert_eq(about.sectors, 1962u * 19 * 72);
    d->ops->destroy(d);

    struct val *scsi = val_new(VAL_TABLE, NULL, 0), *array_spec = val_new(VAL_TABLE, NULL, 0);
    val_put(array_spec, "kind", val_new_string("raid3", NULL, 0));
    val_put(scsi, "kind", val_new_string("scsi", NULL, 0));
    val_put(scsi, "device", array_spec);
    d = blk_build(s, scsi, 0, "d", "devices[1]", &e);
    cr_assert(d != NULL, "%s", e.text);
    d->ops->describe(d, &about);
    cr_assert_eq(about.sector_bytes, SECTOR);
    d->ops->destroy(d);

    val_put(array_spec, "kind", val_new_string("raid33", NULL, 0));
    cr_assert_null(blk_build(s, scsi, 0, "d", "devices[1]", &e));
    cr_assert(strstr(e.text, "devices[1].device.kind") != NULL, "%s", e.text);
    cr_assert(strstr(e.text, "raid3") != NULL, "%s", e.text);
    val_free(scsi);
    sim_destroy(s);
}
