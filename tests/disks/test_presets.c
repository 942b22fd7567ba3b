/* The drives of configs/disks/: capacity, zones, curve, and a map that is a bijection. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "disks/raid.h"
#include "tests/disks/kit.h"
#include "tests/disks/preset.h"

/* Published: capacity; first sector of zone `zone`; read seek over 1 cylinder and the whole stroke
 * (ms); mean read and write seek over two uniform cylinders (ms). */
struct drive {
    char name[24];
    uint64_t sectors;
    uint32_t zone;
    uint64_t first;
    double one, full, mean_read, mean_write;
};

static struct drive drives[] = {
    { "hp_c2247a", 2054864, 5, 1350784, 2.89, 19.844998, 11.493467, 12.143151 },
    { "hp_c2249a", 2687632, 7, 2447728, 2.89, 19.844998, 11.493467, 12.143151 },
    { "hp_c2490a", 4165272, 10, 4008600, 1.26, 17.39, 9.186477, 9.486477 },
    { "hp_c3323a", 2056008, 7, 1870536, 1.18, 18.136128, 9.524221, 9.824221 },
    { "dec_rz26", 2050860, 0, 0, 1.014397, 19.098796, 10.491620, 10.491620 },
    { "st41601n", 2676846, 13, 2576839, 1.63, 21.777562, 11.139907, 11.139907 },
    { "st32171w", 4217670, 10, 4077200, 1.943, 17.238302, 9.324843, 9.324843 },
    { "hp_97560", 1962 * 19 * 72, 0, 0, 3.64, 23.688, 12.8318, 12.8318 },
    { "paragon_1200mb", 1962 * 17 * 70, 0, 0, 3.64, 23.688, 12.8318, 12.8318 },
};

ParameterizedTestParameters(presets, drive)
{
    return cr_make_param_array(struct drive, drives, ARRAY_LEN(drives));
}

ParameterizedTest(struct drive *w, presets, drive, .timeout = 60)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct val *spec = preset_load(w->name);
    struct blkdev *d = blk_build(s, spec, -1, w->name, "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(spec);
    const struct geometry *g = disk_geometry(d);
    const struct seek_curve *c = disk_seek_curve(d);
    cr_assert_eq(g->sectors, w->sectors, "%s: %d", w->name, (int)g->sectors);
    cr_assert_eq(g->zones[w->zone].first_lbn, w->first);
    cr_assert_eq(g->zone_count, w->zone + 1 > g->zone_count ? 0 : g->zone_count);
    cr_assert_float_eq((double)c->time[1] / 1e9, w->one, 0.01, "%s", w->name);
    cr_assert_float_eq((double)c->time[c->count - 1] / 1e9, w->full, 0.01, "%s", w->name);
    double mean = seek_mean_uniform_ms(c);
    double none = 1.0 / c->count; /* pairs on one cylinder do not settle for a write */
    cr_assert_float_eq(mean, w->mean_read, 0.05, "%s: %g", w->name, mean);
    cr_assert_float_eq(mean + (1 - none) * (double)c->write_extra / 1e9, w->mean_write, 0.05, "%s",
                       w->name);
    uint64_t next = 0;
    for (uint32_t i = 0; i < g->zone_count; i++) {
        const struct geo_zone *z = &g->zones[i];
        cr_assert_eq(z->first_lbn, next);
        for (uint32_t cyl = z->first_cyl; cyl <= z->last_cyl; cyl++) {
            for (uint32_t p = 0; p < g->heads * z->track_sectors; p++) {
                struct geo_pos at = { cyl, p / z->track_sectors, p % z->track_sectors };
                uint64_t lbn = geo_lbn(g, at);
                if (lbn == UINT64_MAX)
                    continue;
                struct geo_pos back = geo_position(g, lbn);
                if (lbn != next || back.cyl != at.cyl || back.head != at.head ||
                    back.sector != at.sector)
                    cr_assert_fail("%s: sector %d does not map back", w->name, (int)lbn);
                next++;
            }
        }
    }
    cr_assert_eq(next, g->sectors);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(presets, the_paragon_array_holds_4_8_gb_and_delivers_a_few_megabytes_a_second)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct blk_describe about;
    struct val *spec = preset_load("paragon_raid3");
    struct blkdev *d = blk_build(s, spec, -1, "array", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(spec);
    d->ops->describe(d, &about);
    double bytes = (double)about.sectors * about.sector_bytes;
    cr_assert_float_eq(bytes, 4.8e9, 0.02 * 4.8e9, "%g", bytes);
    sim_time t = 0;
    for (uint64_t i = 0; i < 200; i++)
        t += kit_read(d, i * 32, 32, NULL); /* 64 KiB in order */
    double rate = 200 * 65536.0 / sim_time_seconds(t);
    cr_assert(rate > 2e6 && rate < 5e6, "%g", rate);
    d->ops->destroy(d);
    sim_destroy(s);
}
