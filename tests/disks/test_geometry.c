/* The map of sectors and the seek curve: closed forms and a map that is walked sector by sector. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "disks/geometry.h"
#include "disks/seek.h"
#include "sim/rng.h"

#define REV (SIM_MS * 11)

/* Every logical sector lies somewhere, nothing lies there twice, and the way back is the same. */
static void check_bijection(const struct geometry *g)
{
    uint64_t physical = 0, mapped = 0;
    for (uint32_t i = 0; i < g->zone_count; i++) {
        const struct geo_zone *z = &g->zones[i];
        physical += (uint64_t)(z->last_cyl - z->first_cyl + 1) * g->heads * z->track_sectors;
    }
    /* From the physical side: each sector is at most one logical sector, and that one maps here;
     * logical numbers rise in physical order, so no two are the same. */
    uint64_t next = 0;
    for (uint32_t i = 0; i < g->zone_count; i++) {
        const struct geo_zone *z = &g->zones[i];
        for (uint32_t c = z->first_cyl; c <= z->last_cyl; c++) {
            for (uint32_t h = 0; h < g->heads; h++) {
                for (uint32_t s = 0; s < z->track_sectors; s++) {
                    uint64_t l = geo_lbn(g, (struct geo_pos){ c, h, s });
                    if (l == UINT64_MAX)
                        continue;
                    cr_assert_eq(l, next);
                    struct geo_pos p = geo_position(g, l);
                    cr_assert(p.cyl == c && p.head == h && p.sector == s);
                    next++;
                    mapped++;
                }
            }
        }
    }
    cr_assert_eq(mapped, g->sectors);
    cr_assert_leq(mapped, physical);
}

static struct geometry make(const struct geo_params *p)
{
    struct geometry g;
    struct err e = ERR_INIT;
    cr_assert(geo_init(&g, p, REV, "geometry", &e), "%s", e.text);
    return g;
}

static struct val *zone(int first, int last, int n, int front, int spares, const int *slips)
{
    struct val *z = val_new(VAL_TABLE, NULL, 0), *l = val_new(VAL_LIST, NULL, 0);
    val_put(z, "first", val_new_int(first, NULL, 0));
    val_put(z, "last", val_new_int(last, NULL, 0));
    val_put(z, "sectors", val_new_int(n, NULL, 0));
    val_put(z, "front", val_new_int(front, NULL, 0));
    val_put(z, "spares", val_new_int(spares, NULL, 0));
    val_put(z, "track_skew", val_new_int(5, NULL, 0));
    val_put(z, "cylinder_skew", val_new_int(9, NULL, 0));
    for (; *slips >= 0; slips++)
        val_append(l, val_new_int(*slips, NULL, 0));
    val_put(z, "slips", l);
    return z;
}

/* GEO1. */
Test(geometry, every_way_of_sparing_is_a_bijection)
{
    static const int sectors[2][8] = { { 3, 29, 30, 400, 1009, -1 }, { 0, 29, 31, 700, -1 } };
    static const int tracks[2][4] = { { 3, 4, 40, -1 }, { 0, 7, -1 } };
    for (int spare = GEO_SPARE_NONE; spare <= GEO_SPARE_ZONE; spare++) {
        const int none[] = { -1 };
        bool zone_wide = spare == GEO_SPARE_ZONE, any = spare != GEO_SPARE_NONE;
        int pool = spare == GEO_SPARE_TRACK ? 2 : zone_wide ? 6 : any ? 5 : 0;
        struct val *zones = val_new(VAL_LIST, NULL, 0);
        for (int i = 0; i < 2; i++)
            val_append(zones, zone(i * 13, i * 13 + 11, 30 - 7 * i, i == 0 ? 41 : 0, pool,
                                   !any        ? none
                                   : zone_wide ? tracks[i]
                                               : sectors[i]));
        struct geo_params p = { .cylinders = 25,
                                .heads = 5,
                                .sector = 512,
                                .zones = zones,
                                .spare = spare,
                                .spare_cylinders = 2,
                                .slip_skew = true };
        struct geometry g = make(&p);
        check_bijection(&g);
        geo_fini(&g);
        val_free(zones);
    }
}

Test(geometry, slots_follow_the_skews_of_the_tracks_passed)
{
    /* 3 heads, 20 sectors, track skew 4, cylinder skew 7: cylinder c, head h begins at slot
     * 4h + c(2*4 + 7). */
    struct geo_params p = { .cylinders = 50,
                            .heads = 3,
                            .sector = 512,
                            .sectors = 20,
                            .track_skew = 4,
                            .cylinder_skew = 7 };
    struct geometry g = make(&p);
    for (uint64_t l = 0; l < g.sectors; l++) {
        struct geo_run r;
        geo_locate(&g, l, &r);
        uint32_t c = (uint32_t)(l / 60), h = (uint32_t)(l / 20 % 3), s = (uint32_t)(l % 20);
        cr_assert(r.cyl == c && r.head == h && r.sector == s);
        cr_assert_eq(r.slot, (4 * h + 15 * c + s) % 20);
        cr_assert_eq(r.count, 20 - s);
    }
    geo_fini(&g);
}

/* GEO2. */
Test(geometry, a_run_stops_at_a_slipped_sector)
{
    static const int slips[] = { 7, -1 };
    struct val *zones = val_new(VAL_LIST, NULL, 0);
    val_append(zones, zone(0, 3, 20, 0, 3, slips));
    struct geo_params p = { .cylinders = 4,
                            .heads = 2,
                            .sector = 512,
                            .zones = zones,
                            .spare = GEO_SPARE_CYLINDER,
                            .spare_cylinders = 1 };
    struct geometry g = make(&p);
    struct geo_run r;
    geo_locate(&g, 5, &r);
    cr_assert(r.sector == 5 && r.count == 2);
    geo_locate(&g, 7, &r);
    cr_assert(r.sector == 8 && r.count == 12);
    geo_fini(&g);
    val_free(zones);
}

static void refused(struct geo_params p, const char *words)
{
    struct geometry g;
    struct err e = ERR_INIT;
    cr_assert_not(geo_init(&g, &p, REV, "geometry", &e));
    cr_assert(e.set && strstr(e.text, words) != NULL, "%s", e.text);
}

Test(geometry, zones_that_do_not_fit_are_refused_with_a_sentence)
{
    static const int none[] = { -1 }, far[] = { 100000, -1 }, many[] = { 1, 2, 3, -1 };
    struct geo_params p = { .cylinders = 10,
                            .heads = 2,
                            .sector = 512,
                            .spare = GEO_SPARE_CYLINDER,
                            .spare_cylinders = 1 };
    struct {
        struct val *z;
        const char *words;
    } bad[] = {
        { zone(0, 10, 20, 0, 0, none), "cylinders" }, { zone(0, 9, 20, 0, 40, none), "spares" },
        { zone(0, 9, 20, 0, 2, far), "slips" },       { zone(0, 9, 20, 0, 2, many), "slips" },
        { zone(0, 9, 20, 400, 2, none), "front" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct val *zones = val_new(VAL_LIST, NULL, 0);
        val_append(zones, bad[i].z);
        p.zones = zones;
        refused(p, bad[i].words);
        val_free(zones);
    }
}

static struct seek_params law(void)
{
    struct seek_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(seek_params, &p, NULL, "seek", &e), "%s", e.text);
    return p;
}

Test(seek, the_hp_97560_law_is_met_to_the_picosecond)
{
    struct seek_params p = law();
    struct seek_curve c;
    struct err e = ERR_INIT;
    cr_assert(seek_init(&c, &p, 1962, "seek", &e));
    cr_assert_eq(c.time[0], 0);
    cr_assert_eq(c.time[1], 3640 * SIM_US);            /* 3.24 + 0.4 */
    cr_assert_eq(c.time[25], 5240 * SIM_US);           /* 3.24 + 0.4 * 5 */
    cr_assert_eq(c.time[383], SIM_PS * 11068154316LL); /* 3.24 + 0.4 * 19.570385790780925 */
    cr_assert_eq(c.time[384], 11072 * SIM_US);         /* 8 + 0.008 * 384 */
    cr_assert_eq(c.time[1961], 23688 * SIM_US);
    for (uint32_t d = 1; d < 1962; d++)
        cr_assert_leq(c.floor[d - 1], c.floor[d]);
    seek_fini(&c);
}

Test(seek, mean_over_uniform_cylinders_agrees_with_drawing_pairs)
{
    struct seek_params p = law();
    struct seek_curve c;
    struct err e = ERR_INIT;
    struct sim_rng g;
    double sum = 0;
    int n = 200000;
    cr_assert(seek_init(&c, &p, 1962, "seek", &e));
    sim_rng_init_seed(&g, 11, "seek");
    for (int i = 0; i < n; i++) {
        uint32_t a = (uint32_t)sim_rng_below(&g, 1962), b = (uint32_t)sim_rng_below(&g, 1962);
        sum += (double)seek_time(&c, a, 0, b, 0, false) / (double)SIM_MS;
    }
    cr_assert_float_eq(sum / n, seek_mean_uniform_ms(&c), 0.05);
    seek_fini(&c);
}

Test(seek, a_table_is_interpolated_on_straight_lines_and_must_reach_the_end)
{
    struct seek_params p = law();
    struct seek_curve c;
    struct err e = ERR_INIT;
    struct val *list = val_new(VAL_LIST, NULL, 0);
    const double points[][2] = { { 0, 0 }, { 2, 1.5 }, { 10, 3.5 } };
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct val *pair = val_new(VAL_LIST, NULL, 0);
        val_append(pair, val_new_int((int64_t)points[i][0], NULL, 0));
        val_append(pair, val_new_real(points[i][1], NULL, 0));
        val_append(list, pair);
    }
    p.table_ms = list;
    p.write_settle = 300 * SIM_US;
    p.head_switch = 2500 * SIM_US;
    cr_assert(seek_init(&c, &p, 11, "seek", &e), "%s", e.text);
    cr_assert_eq(c.time[1], 750 * SIM_US);
    cr_assert_eq(c.time[5], 2250 * SIM_US); /* 1.5 + 3/8 * 2 */
    cr_assert_eq(c.time[10], 3500 * SIM_US);
    cr_assert_eq(seek_time(&c, 7, 0, 2, 1, true), 2500 * SIM_US + 300 * SIM_US); /* a head switch */
    cr_assert_eq(seek_time(&c, 7, 1, 7, 1, true), 0);
    seek_fini(&c);
    cr_assert_not(seek_init(&c, &p, 12, "seek", &e));
    cr_assert(strstr(e.text, "distance 10") != NULL, "%s", e.text);
    val_free(list);
}

Test(seek, a_time_of_a_list_is_a_number_of_0_to_1e6_ms)
{
    struct seek_params p = law();
    struct seek_curve c;
    struct err e = ERR_INIT;
    struct val *const good[] = { val_new_int(0, NULL, 0), val_new_real(1e6, NULL, 0) };
    struct val *const bad[] = { val_new_real(-0.5, NULL, 0), val_new_real(1000000.5, NULL, 0),
                                val_new_string("3ms", NULL, 0) };
    for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
        bool well = i < ARRAY_LEN(good);
        struct val *list = val_new(VAL_LIST, NULL, 0);
        val_append(list, val_new_real(2.5, NULL, 0));
        val_append(list, well ? good[i] : bad[i - ARRAY_LEN(good)]);
        p.first_ms = list;
        cr_assert_eq(seek_init(&c, &p, 11, "seek", &e), well, "entry %zu", i);
        if (well) {
            cr_assert_eq(c.time[1], 2500 * SIM_US);
            cr_assert_eq(c.time[2], (sim_time)i * 1000 * SIM_SEC);
            seek_fini(&c);
        } else {
            cr_assert_str_eq(e.text, "seek.first_ms: entry 2 is not a time in ms");
        }
        val_free(list);
    }
}
