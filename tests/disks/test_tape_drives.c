/* The tape drives of configs/tapes/, and places and ways on their tapes against closed forms. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/tape/drive.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"
#include "tests/disks/preset.h"

static struct tape_format format(void)
{
    struct tape_format f;
    struct err e = ERR_INIT;
    cr_assert(param_load(tape_format_params, &f, NULL, "format", &e), "%s", e.text);
    f.rewind = 0;
    return f;
}

static int layout(const char *name)
{
    for (int i = 0; tape_layouts.items[i] != NULL; i++)
        if (strcmp(tape_layouts.items[i]->name, name) == 0)
            return i;
    cr_assert_fail("no layout %s", name);
    return 0;
}

/* Uniform in one dimension: L/3 from block to block, L/2 from the beginning.  Over the middles of n
 * equal cells the first is L (n^2 - 1) / (3 n^2) and the second exact. */
Test(tape_drives, means_of_a_linear_tape_are_a_third_and_a_half_of_it)
{
    enum { N = 60 };
    struct tape_format f = format();
    f.track = 2 * N * 1000000;
    f.search = f.rate = 1000000; /* a cell is two seconds */
    sim_time all = 0, begin = 0;
    for (uint64_t i = 0; i < N; i++) {
        begin += tape_format_locate(&f, 0, 0, i * 2000000 + 1000000);
        for (uint64_t j = 0; j < N; j++)
            all += tape_format_locate(&f, 0, i * 2000000 + 1000000, j * 2000000 + 1000000);
    }
    cr_assert_eq(begin, (sim_time)N * N * SIM_SEC);
    cr_assert_eq(all, 2 * (sim_time)N * (N * N - 1) / 3 * SIM_SEC);
}

/* S = 14 sections, skipped in s = 10 s, read in r = 15.5 s, over both directions of the target's
 * track: s (S/3 + (7S - 6) / (6 S^2)) + r (1.5 - 1/S) = 69.592 s from block to block, and
 * s S/2 + r (1.5 - 1/S) = 92.143 s from the beginning: sums of whole seconds over all sections. */
Test(tape_drives, means_of_a_serpentine_tape_are_those_of_its_sections)
{
    enum { S = 14 };
    const uint64_t section = 15500;
    struct tape_format f = format();
    f.layout = layout("serpentine");
    f.sections = S;
    f.tracks = 5;
    f.track = (int64_t)section * S;
    f.rate = 1000;
    f.search = 1550;
    sim_time all = 0, begin = 0;
    for (uint64_t j = 0; j < S; j++) {
        for (uint64_t track = 1; track <= 2; track++) {
            uint64_t to = track * section * S + j * section + section / 2;
            begin += tape_format_locate(&f, 0, 0, to);
            for (uint64_t i = 0; i < S; i++)
                all += tape_format_locate(&f, 0, 4 * section * S + i * section + section / 2, to);
        }
    }
    cr_assert_eq(all, 2 * 13640 * SIM_SEC);
    cr_assert_eq(begin, 2580 * SIM_SEC);
    /* Ahead on the same track within two sections it just reads; in the third it searches. */
    uint64_t here = section * S + 3 * section + 700;
    cr_assert_eq(tape_format_locate(&f, 0, here, here + 2 * section),
                 sim_time_of_bytes((int64_t)(2 * section), f.rate));
    cr_assert_eq(tape_format_locate(&f, 0, here, here + 3 * section),
                 sim_time_of_bytes((int64_t)(2 * section - 700), f.search) +
                     sim_time_of_bytes((int64_t)section + 700, f.rate));
}

/* Key points are moved by at most the jitter, differ from cartridge to cartridge and from track to
 * track, and the way through a moved one costs what it says. */
Test(tape_drives, key_points_belong_to_the_cartridge)
{
    struct tape_format f = format();
    f.layout = layout("serpentine");
    f.sections = 10;
    f.tracks = 4;
    f.track = 1000000;
    f.rate = 1000;
    f.search = 2000;
    f.jitter = 0.2;
    uint64_t differ = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        /* From the beginning to the middle of section 5 of track 2: the key point is near 400000,
         * and each byte that it lies further costs 1/2000 s and saves 1/1000 s. */
        sim_time took = tape_format_locate(&f, seed, 0, 2550000);
        sim_time usual = 200 * SIM_SEC + 150 * SIM_SEC;
        cr_assert_leq(llabs(took - usual), 10 * SIM_SEC);
        differ += took != usual;
    }
    cr_assert_gt(differ, 190);
}

/* Blocks of b bytes fill b / (b + 2992) of a 3480's tape: 57.8 % at 4 KB, 91.6 % at 32 KB (of
 * 1000 and 1024); 157.4 m take 210 MB at 24 KB. */
Test(tape_drives, gaps_take_their_part_of_the_tape)
{
    struct tape_format f = format();
    static const struct {
        uint64_t block;
        double part;
    } rows[] = { { 4096, 0.578 }, { 32768, 0.916 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tape_place end =
            tape_place_after(&f, (struct tape_place){ .at = 0 }, rows[i].block, 1000);
        cr_assert_float_eq((double)(1000 * rows[i].block) / (double)end.at, rows[i].part, 0.0005);
    }
    uint64_t n = tape_capacity(&f) / (24576 + 2992);
    cr_assert_float_eq((double)(n * 24576) / 1e6, 210, 0.2);
}

/* f sections of b bytes in blocks of bs take f ceil(ceil(b / bs) / floor(1199840 / (bs + 2)))
 * blocks of DD-2; ten of 200 kB take 12 MB. */
Test(tape_drives, each_section_of_a_file_begins_a_block_of_dd2)
{
    struct tape_format f = format();
    f.gap = f.mark = 0;
    f.group = 1199840;
    f.group_each = 2;
    f.track = INT64_C(25000000000);
    static const struct {
        uint64_t sections, bytes, block, want;
    } rows[] = { { 10, 200000, 20000, 10 },
                 { 3, 5000000, 32768, 15 },
                 { 7, 1199838, 1199838, 7 },
                 { 2, 64000000, 65536, 110 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tape_medium *m = tape_medium_create(&f, "D");
        uint64_t blocks = (rows[i].bytes + rows[i].block - 1) / rows[i].block;
        uint64_t each = 1199840 / (rows[i].block + 2);
        uint64_t want = rows[i].sections * ((blocks + each - 1) / each);
        struct rope data;
        rope_init(&data);
        rope_add_zero(&data, rows[i].block);
        for (uint64_t s = 0; s < rows[i].sections; s++) {
            for (uint64_t b = 0; b < blocks; b++) {
                struct tape_place p = tape_medium_item(m, UINT64_MAX).place;
                tape_medium_append(m, tape_medium_fit(m, p, rows[i].block), rows[i].block, &data);
            }
            struct tape_place p = tape_medium_item(m, UINT64_MAX).place;
            tape_medium_append(m, tape_medium_fit(m, p, 0), 0, NULL);
        }
        cr_assert_eq(want, rows[i].want);
        cr_assert_eq(tape_medium_item(m, UINT64_MAX).place.at, want * 1199840);
        cr_assert_leq(tape_medium_records(m), 2 * rows[i].sections);
        rope_fini(&data);
        tape_medium_destroy(m);
    }
}

/* Many items at once lie where they lie one by one. */
Test(tape_drives, places_of_many_are_places_one_by_one)
{
    struct sim_rng g;
    sim_rng_init_seed(&g, 4, "places");
    for (int round = 0; round < 300; round++) {
        struct tape_format f = format();
        f.gap = (int64_t)sim_rng_below(&g, 50);
        f.mark = (int64_t)sim_rng_below(&g, 50);
        f.group = (int64_t)(sim_rng_below(&g, 3) * sim_rng_below(&g, 900));
        f.group_each = f.group > 0 ? (int64_t)sim_rng_below(&g, 4) : 0;
        struct tape_place p = { .at = sim_rng_below(&g, 1000) };
        for (int k = 0; k < 40; k++) {
            uint64_t stored = sim_rng_below(&g, 4) == 0 ? 0 : 1 + sim_rng_below(&g, 300);
            uint64_t n = 1 + sim_rng_below(&g, 12);
            struct tape_place many = tape_place_after(&f, p, stored, n), one = p;
            for (uint64_t i = 0; i < n; i++) {
                struct tape_place settled = tape_place_settle(&f, one, stored);
                if (f.group > 0 && stored > 0 && settled.into > 0)
                    cr_assert_leq(settled.into + stored + (uint64_t)f.group_each,
                                  (uint64_t)f.group);
                struct tape_place next = tape_place_after(&f, settled, stored, 1);
                cr_assert_geq(next.at + next.into, tape_place_end(&f, settled, stored));
                one = next;
            }
            cr_assert(many.at == one.at && many.into == one.into, "%d: %d of %d", round, (int)n,
                      (int)stored);
            p = many;
        }
    }
}

/* 300 files of 20 blocks of 1000 bytes and a mark. */
static void declare_stretch(const void *arg, uint64_t i, uint64_t *count, uint64_t *length,
                            uint64_t *stored)
{
    (void)arg;
    *count = i % 2 == 0 ? 20 : 1;
    *length = *stored = i % 2 == 0 ? 1000 : 0;
}

static void declare_bytes(const void *arg, uint64_t from, uint64_t length, struct rope *out)
{
    (void)arg;
    rope_add_pattern(out, 5, from, length);
}

/* A medium that is declared costs nothing until it is asked, nor after it has rested; what is
 * written lies over it. */
Test(tape_drives, a_declared_medium_is_there_without_memory)
{
    struct tape_format f = format();
    struct tape_medium *m = tape_medium_create(&f, "D00001");
    const struct tape_source source = { 600, declare_stretch, declare_bytes, NULL };
    tape_medium_declare(m, &source);
    cr_assert_eq(tape_medium_records(m), 0);
    cr_assert_eq(tape_medium_items(m), 300 * 21);
    struct rope got, want;
    rope_init(&got);
    rope_init(&want);
    cr_assert(tape_medium_read(m, 21 * 100 + 4, &got));
    rope_add_pattern(&want, 5, (uint64_t)(20 * 100 + 4) * 1000, 1000);
    cr_assert(rope_equal(&got, &want));
    tape_medium_rest(m);
    cr_assert_eq(tape_medium_records(m), 0);
    tape_medium_flip(m, 21 * 100 + 4, 17, 0x40);
    rope_fini(&got);
    cr_assert(tape_medium_read(m, 21 * 100 + 4, &got));
    cr_assert_eq(rope_first_difference(&got, &want), 17);
    tape_medium_truncate(m, 50);
    tape_medium_append(m, tape_medium_fit(m, tape_medium_item(m, 50).place, 1000), 1000, &want);
    rope_fini(&got);
    cr_assert(tape_medium_read(m, 50, &got) && rope_equal(&got, &want));
    rope_fini(&got);
    rope_fini(&want);
    cr_assert(tape_medium_read(m, 7, &got));
    rope_add_pattern(&want, 5, 7000, 1000);
    cr_assert(rope_equal(&got, &want));
    struct rope zero; /* what is written over it may be zeros */
    rope_init(&zero);
    rope_add_zero(&zero, 1000);
    tape_medium_append(m, tape_medium_fit(m, tape_medium_item(m, 51).place, 1000), 1000, &zero);
    rope_fini(&got);
    cr_assert(tape_medium_read(m, 51, &got) && rope_equal(&got, &zero));
    rope_fini(&zero);
    cr_assert_eq(tape_medium_items(m), 52);
    tape_medium_rest(m);
    cr_assert_eq(tape_medium_items(m), 52);
    rope_fini(&got);
    rope_fini(&want);
    tape_medium_destroy(m);
}

/* An archive of 250 TB on 12,500 cartridges, of which three have been read. */
Test(tape_drives, an_archive_that_is_declared_takes_less_than_a_kilobyte_a_cartridge)
{
    enum { CARTRIDGES = 12500 };
    struct tape_format f = format();
    static struct tape_medium *m[CARTRIDGES];
    const struct tape_source source = { 600, declare_stretch, declare_bytes, NULL };
    f.track = INT64_C(20000000000);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < CARTRIDGES; i++) {
        char label[16];
        snprintf(label, sizeof label, "C%05d", i);
        m[i] = tape_medium_create(&f, label);
        tape_medium_declare(m[i], &source);
    }
    for (int i = 0; i < CARTRIDGES; i += 5000) {
        struct rope r;
        rope_init(&r);
        cr_assert(tape_medium_read(m[i], 1, &r));
        rope_fini(&r);
        tape_medium_rest(m[i]);
    }
    size_t each = (mallinfo2().uordblks - before) / CARTRIDGES;
    cr_assert_lt(each, 1024, "%d bytes", (int)each);
    for (int i = 0; i < CARTRIDGES; i++)
        tape_medium_destroy(m[i]);
}

/* ---- the drives ---- */

/* What is sold: capacity (GB); published: load, rewind at most (s); mean locate (s), of which
 * configs/tape_locate.lua tells the sources; 0: none. */
struct row {
    char name[12];
    double capacity, load, rewind;
};
static struct row rows[] = {
    { "ibm3480", 0.2, 9, 48 },  { "ibm3490e", 0.8, 9, 98 }, { "ibm3590", 10, 15, 75 },
    { "ibm3570", 5, 8, 7.1 },   { "dlt2000", 10, 40, 0 },   { "dlt4000", 20, 40, 140 },
    { "dlt8000", 40, 37, 123 }, { "exb8505", 5, 25, 120 },  { "dst310", 25, 10, 0 },
};

ParameterizedTestParameters(tape_drives, drive)
{
    return cr_make_param_array(struct row, rows, ARRAY_LEN(rows));
}

/* The way between two places, worked out in another manner: seconds. */
static double way(const struct tape_format *f, double from, double to)
{
    double L = (double)f->track, vs = (double)f->search, v = (double)f->rate;
    double turn = sim_time_seconds(f->turn);
    if (f->layout == layout("helical")) {
        double part = f->zones > 0 ? L / (double)f->zones : 2 * L;
        double d = fabs(to - from) + (double)f->zone * fabs(floor(to / part) - floor(from / part));
        double search = turn + d / vs;
        return to > from && d / v < search ? d / v : search;
    }
    double a = floor(from / L), b = floor(to / L);
    double x = fmod(a, 2) == 0 ? from - a * L : L - (from - a * L);
    double y = fmod(b, 2) == 0 ? to - b * L : L - (to - b * L);
    if (f->layout == layout("linear")) {
        double search = turn + fabs(x - y) / vs;
        return a == b && to > from && (to - from) / v < search ? (to - from) / v : search;
    }
    double width = L / (double)f->sections, in = to - b * L;
    double section = floor(in / width);
    if (a == b && to >= from && section - floor((from - a * L) / width) <= 2)
        return (to - from) / v;
    double key = section > 0 ? (section - 1) * width : 0;
    double kx = fmod(b, 2) == 0 ? key : L - key;
    return turn + fabs(x - kx) / vs + (in - key) / v;
}

ParameterizedTest(struct row *w, tape_drives, drive, .timeout = 60)
{
    char file[32];
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    snprintf(file, sizeof file, "../tapes/%s", w->name);
    struct val *v = preset_load(file);
    struct blkdev *d = blk_build(s, v, -1, "tape", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    const struct tape_params *p = tape_drive_params(d);
    struct tape_format f = p->format;
    double capacity = (double)tape_capacity(&f) / 1e9;
    double gaps = f.gap > 0 ? 24576.0 / (24576.0 + (double)f.gap) : 1;
    cr_assert_float_eq(capacity * gaps, w->capacity, 0.09 * w->capacity, "%s holds %g GB", w->name,
                       capacity * gaps);
    cr_assert_eq(p->load, sim_time_from_seconds(w->load));
    uint64_t to;
    if (w->rewind > 0) {
        sim_time most = 0;
        for (uint64_t at = 0; at <= 64; at++)
            most = sim_time_max(
                most,
                tape_format_rewind(&f, tape_capacity(&f) / (uint64_t)f.tracks * at / 64, &to));
        cr_assert_float_eq(sim_time_seconds(most), w->rewind, 0.01 * w->rewind, "%s: %g s", w->name,
                           sim_time_seconds(most));
    }
    struct sim_rng g;
    sim_rng_init_seed(&g, 1, w->name);
    f.jitter = 0;
    for (int i = 0; i < 5000; i++) {
        uint64_t a = sim_rng_below(&g, tape_capacity(&f)), b = sim_rng_below(&g, tape_capacity(&f));
        if (i % 3 == 0) /* near */
            b = a + sim_rng_below(&g, (uint64_t)f.track / 5);
        b = b < tape_capacity(&f) ? b : tape_capacity(&f) - 1;
        double want = way(&f, (double)a, (double)b);
        cr_assert_float_eq(sim_time_seconds(tape_format_locate(&f, 0, a, b)), want, 1e-5,
                           "%s: from %g to %g", w->name, (double)a, (double)b);
    }
    d->ops->destroy(d);
    sim_destroy(s);
}

/* Of 36 tracks half are written out and half back: a full tape ends near its beginning; a DD-2 tape
 * is given out at the next system zone towards the beginning. */
Test(tape_drives, where_a_tape_ends_and_where_it_is_given_out)
{
    struct tape_format f = format();
    uint64_t to;
    f.tracks = 2;
    cr_assert_eq(tape_format_rewind(&f, tape_capacity(&f), &to), 0);
    cr_assert_eq(tape_format_rewind(&f, (uint64_t)f.track, &to),
                 sim_time_of_bytes(f.track, f.search));
    cr_assert_eq(to, 0);
    f.tracks = 1;
    f.layout = layout("helical");
    f.zones = 10;
    f.track = 1000000;
    f.zone = 5000;
    cr_assert_eq(tape_format_rewind(&f, 345678, &to), sim_time_of_bytes(45678, f.search));
    cr_assert_eq(to, 300000);
    f.load_point = 0.5;
    f.layout = layout("linear");
    cr_assert_eq(tape_format_rewind(&f, 123456, &to), sim_time_of_bytes(500000 - 123456, f.search));
    cr_assert_eq(to, 500000);
}

/* TAPE3, against an array of bytes: damage in any order, overlapping or touching. */
Test(tape_drives, damage_is_where_it_was_done_and_nowhere_else)
{
    enum { LENGTH = 2000 };
    struct sim_rng g;
    sim_rng_init_seed(&g, 6, "damage");
    for (int round = 0; round < 200; round++) {
        bool bad[LENGTH + 400] = { false };
        struct tape_format f = format();
        struct rope data;
        f.gap = (int64_t)sim_rng_below(&g, 4);
        f.track = LENGTH * 10;
        struct tape_medium *m = tape_medium_create(&f, "X");
        rope_init(&data);
        rope_add_zero(&data, 7);
        for (int i = 0; i < 180; i++)
            tape_medium_append(m, tape_medium_item(m, UINT64_MAX).place, 7, &data);
        for (uint64_t n = 1 + sim_rng_below(&g, 12); n > 0; n--) {
            uint64_t from = sim_rng_below(&g, LENGTH), length = sim_rng_below(&g, 60);
            tape_medium_damage(m, from, length);
            for (uint64_t i = from; i < from + length; i++)
                bad[i] = true;
        }
        uint64_t next = tape_medium_lost(m, 0, UINT64_MAX);
        for (uint64_t n = 0; n < 180; n++) {
            struct tape_item i = tape_medium_item(m, n);
            bool lost = false;
            for (uint64_t k = i.place.at; k < i.end; k++)
                lost |= bad[k];
            cr_assert_eq(tape_medium_bad(m, n), lost, "round %d, block %d", round, (int)n);
            cr_assert_eq(next == n, lost);
            if (lost)
                next = tape_medium_lost(m, n + 1, UINT64_MAX);
        }
        cr_assert_eq(next, UINT64_MAX);
        for (uint64_t at = 0; at < LENGTH; at += 13) { /* what is written there goes round it */
            uint64_t p = tape_medium_fit(m, (struct tape_place){ .at = at }, 9).at, q = at;
            for (uint64_t k = q; k < q + 9; k++)
                q = bad[k] ? k + 1 : q;
            cr_assert_eq(p, q, "round %d: from %d to %d, not %d", round, (int)at, (int)p, (int)q);
        }
        rope_fini(&data);
        tape_medium_destroy(m);
    }
}
