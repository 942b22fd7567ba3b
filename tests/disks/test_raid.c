/* Arrays: layouts against a second, slow implementation; contents under every loss that is promised
 * to be survived; accesses counted against the closed forms. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/raid.h"
#include "disks/raid_layout.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"
#include "tests/sample.h"

/* ---- layouts ---- */

/* The slow way: deal out the units of every stripe by hand, walking the members. */
static void deal(enum raid_level level, enum raid_rotation rotation, uint32_t n, uint64_t stripe,
                 int *out) /* out[member]: data column, -1: P, -2: Q */
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = 1000;
    if (level == RAID_CONCAT || level == RAID_0) {
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int)i;
        return;
    }
    uint32_t p = n - 1;
    bool right = rotation == RAID_RIGHT_SYMMETRIC || rotation == RAID_RIGHT_ASYMMETRIC;
    if (level >= RAID_5) {
        p = right ? 0 : n - 1;
        for (uint64_t s = 0; s < stripe; s++)
            p = right ? (p + 1) % n : (p + n - 1) % n;
    }
    out[p] = -1;
    uint32_t last = p;
    if (level == RAID_6) {
        last = (p + 1) % n;
        out[last] = -2;
    }
    bool wrap =
        level >= RAID_5 && (rotation == RAID_LEFT_SYMMETRIC || rotation == RAID_RIGHT_SYMMETRIC);
    int c = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t m = wrap ? (last + 1 + k) % n : k;
        if (out[m] == 1000)
            out[m] = c++;
    }
}

/* LAY1. */
Test(raid_layout, every_level_and_rotation_agrees_with_dealing_units_by_hand)
{
    for (int level = RAID_CONCAT; level <= RAID_6; level++) {
        for (int rotation = 0; rotation < 4; rotation++) {
            for (uint32_t n = 2; n <= 9; n++) {
                struct raid_layout l;
                if (!raid_layout_init(&l, (enum raid_level)level, (enum raid_rotation)rotation, n,
                                      8, 800))
                    continue;
                for (uint64_t s = 0; s < 40; s++) {
                    int want[16];
                    deal((enum raid_level)level, (enum raid_rotation)rotation, n, s, want);
                    for (uint32_t c = 0; c < l.data; c++)
                        cr_assert_eq(want[raid_layout_data(&l, s, c)], (int)c,
                                     "level %d rotation %d n %u stripe %d", level, rotation, n,
                                     (int)s);
                    for (uint32_t j = 0; j < l.parity; j++)
                        cr_assert_eq(want[raid_layout_parity(&l, s, j)], -1 - (int)j);
                }
            }
        }
    }
}

Test(raid_layout, impossible_arrays_are_refused)
{
    struct raid_layout l;
    cr_assert_not(raid_layout_init(&l, RAID_5, 0, 2, 8, 800));
    cr_assert_not(raid_layout_init(&l, RAID_6, 0, 3, 8, 800));
    cr_assert_not(raid_layout_init(&l, RAID_1, 0, 3, 8, 800));
    cr_assert_not(raid_layout_init(&l, RAID_0, 0, 3, 801, 800));
}

static struct val *table(const char *kind);

/* The members' own devices, in turn, with different cylinders; the error, or "" */
static const char *mixed(const char *kind, int members, int spares, const char *unit,
                         const int64_t *cylinders, size_t count, uint64_t *sectors)
{
    static struct err e;
    e = (struct err)ERR_INIT;
    struct sim *s = kit_sim(1);
    struct val *v = table(kind), *list = val_new(VAL_LIST, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        struct val *g = val_new(VAL_TABLE, NULL, 0), *to = table("disk");
        val_put(g, "cylinders", val_new_int(cylinders[i], NULL, 0));
        val_put(g, "heads", val_new_int(2, NULL, 0));
        val_put(g, "sectors", val_new_int(20, NULL, 0));
        val_put(to, "geometry", g);
        val_append(list, to);
    }
    val_put(v, "members", val_new_int(members, NULL, 0));
    val_put(v, "spares", val_new_int(spares, NULL, 0));
    val_put(v, "unit", val_new_string(unit, NULL, 0));
    val_put(v, "member", list);
    struct blkdev *d = blk_build(s, v, -1, "array", "devices", &e);
    if (d != NULL) {
        struct blk_describe about;
        d->ops->describe(d, &about);
        *sectors = about.sectors;
        d->ops->destroy(d);
    }
    sim_destroy(s);
    val_free(v);
    return d != NULL ? "" : e.text;
}

Test(raid_layout, the_smallest_of_unequal_members_counts_and_mistakes_are_one_sentence)
{
    static const int64_t sizes[] = { 40, 20, 30, 50 };
    uint64_t sectors = 0;
    cr_assert_str_eq(mixed("raid5", 4, 0, "4KiB", sizes, 4, &sectors), "");
    cr_assert_eq(sectors, 3 * 20 * 2 * 20);
    cr_assert_str_eq(mixed("raid5", 3, 0, "4KiB", sizes + 2, 2, &sectors), "");
    cr_assert_eq(sectors, 2 * 30 * 2 * 20);
    cr_assert(strstr(mixed("raid5", 1, 0, "4KiB", sizes, 4, &sectors), "at least 3 members") !=
              NULL);
    cr_assert(strstr(mixed("raid6", 3, 0, "4KiB", sizes, 4, &sectors), "at least 4 members") !=
              NULL);
    cr_assert(strstr(mixed("raid1", 3, 0, "4KiB", sizes, 4, &sectors), "2 members, not 3") != NULL);
    cr_assert(strstr(mixed("raid0", 2, 0, "1MiB", sizes, 4, &sectors), "devices.unit") != NULL);
    static const int64_t spare[] = { 40, 40, 40, 10 };
    cr_assert(strstr(mixed("raid5", 3, 1, "4KiB", spare, 4, &sectors), "spare 1 is too small") !=
              NULL);
}

/* ---- contents ---- */

static struct val *table(const char *kind)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "kind", val_new_string(kind, NULL, 0));
    return v;
}

/* A small drive: 40 cylinders of 2 heads of 20 sectors. */
static struct val *small_drive(void)
{
    struct val *v = table("disk"), *g = val_new(VAL_TABLE, NULL, 0);
    val_put(g, "cylinders", val_new_int(40, NULL, 0));
    val_put(g, "heads", val_new_int(2, NULL, 0));
    val_put(g, "sectors", val_new_int(20, NULL, 0));
    val_put(v, "geometry", g);
    return v;
}

static struct blkdev *array(struct sim *s, const char *kind, int members, const char *unit,
                            const char *layout, int spares)
{
    struct err e = ERR_INIT;
    struct val *v = table(kind);
    val_put(v, "members", val_new_int(members, NULL, 0));
    val_put(v, "unit", val_new_string(unit, NULL, 0));
    val_put(v, "layout", val_new_string(layout, NULL, 0));
    val_put(v, "spares", val_new_int(spares, NULL, 0));
    val_put(v, "member", small_drive());
    struct blkdev *d = blk_build(s, v, -1, "array", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    return d;
}

#define SECTORS_MAX 12800
#define BYTES(n) ((n)*512)
static uint8_t shadow[BYTES(SECTORS_MAX)], seen[BYTES(SECTORS_MAX)];

static void random_write(struct blkdev *d, struct sim_rng *g, uint64_t at, uint64_t n)
{
    struct rope r;
    rope_init(&r);
    if (sim_rng_below(g, 2) == 0) {
        for (uint64_t b = 0; b < BYTES(n); b++)
            shadow[BYTES(at) + b] = (uint8_t)sim_rng_u32(g);
        rope_add_bytes(&r, shadow + BYTES(at), BYTES(n));
    } else {
        rope_add_pattern(&r, 1 + sim_rng_below(g, 3), sim_rng_below(g, 99999), BYTES(n));
        rope_read(&r, 0, BYTES(n), shadow + BYTES(at));
    }
    kit_write(d, at, (uint32_t)n, &r);
    cr_assert_eq(kit_status(), BLK_OK);
    rope_fini(&r);
}

static void check_read(struct blkdev *d, uint64_t at, uint64_t n, const char *what)
{
    struct rope r;
    rope_init(&r);
    kit_read(d, at, (uint32_t)n, &r);
    cr_assert_eq(kit_status(), BLK_OK, "%s: %s", what, blk_status_name(kit_status()));
    cr_assert_eq(r.length, BYTES(n));
    rope_read(&r, 0, BYTES(n), seen);
    cr_assert_eq(memcmp(seen, shadow + BYTES(at), BYTES(n)), 0, "%s: sectors %d+%d differ", what,
                 (int)at, (int)n);
    rope_fini(&r);
}

static uint64_t sectors_of(struct blkdev *d)
{
    struct blk_describe about;
    d->ops->describe(d, &about);
    cr_assert_leq(about.sectors, SECTORS_MAX);
    return about.sectors;
}

static void random_ops(struct blkdev *d, struct sim_rng *g, int ops, const char *what)
{
    uint64_t all = sectors_of(d);
    for (int i = 0; i < ops; i++) {
        uint64_t n = 1 + sim_rng_below(g, sim_rng_below(g, 8) == 0 ? 200 : 30);
        uint64_t at = sim_rng_below(g, all - n);
        if (sim_rng_below(g, 2) == 0)
            random_write(d, g, at, n);
        else
            check_read(d, at, n, what);
    }
}

struct setting {
    char kind[8], unit[8], layout[20];
    int members, losses;
};

static struct setting settings[] = {
    { "concat", "4KiB", "left_symmetric", 3, 0 }, { "raid0", "4KiB", "left_symmetric", 4, 0 },
    { "raid1", "4KiB", "left_symmetric", 2, 1 },  { "raid4", "4KiB", "left_symmetric", 5, 1 },
    { "raid5", "4KiB", "left_symmetric", 5, 1 },  { "raid5", "8KiB", "left_asymmetric", 4, 1 },
    { "raid5", "1KiB", "right_symmetric", 3, 1 }, { "raid5", "2KiB", "right_asymmetric", 7, 1 },
    { "raid6", "4KiB", "left_symmetric", 6, 2 },  { "raid6", "2KiB", "right_asymmetric", 5, 2 },
    { "raid6", "4KiB", "right_symmetric", 4, 2 }, { "raid6", "2KiB", "left_asymmetric", 8, 2 },
};

static void survive(const struct setting *w, uint32_t first, uint32_t second)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = array(s, w->kind, w->members, w->unit, w->layout, 0);
    struct sim_rng g;
    char what[80];
    snprintf(what, sizeof what, "%s of %d without %u, %u", w->kind, w->members, first, second);
    sim_rng_init_seed(&g, first * 97 + second, "raid");
    memset(shadow, 0, sizeof shadow);
    random_ops(d, &g, 60, what);
    if (w->losses > 0) {
        /* The device dies; the array learns it from the first answer. */
        raid_member(d, first)->ops->kill(raid_member(d, first));
        random_ops(d, &g, 60, what);
    }
    if (w->losses > 1) {
        raid_member(d, second)->ops->kill(raid_member(d, second));
        random_ops(d, &g, 60, what);
    }
    uint64_t all = sectors_of(d);
    for (uint64_t at = 0; at < all; at += 100)
        check_read(d, at, all - at < 100 ? all - at : 100, what);
    d->ops->destroy(d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
    cr_assert_eq(rope_leaves_alive(), 0);
}

ParameterizedTestParameters(raid, any_tolerated_loss)
{
    return cr_make_param_array(struct setting, settings, ARRAY_LEN(settings));
}

/* PAR1. */
ParameterizedTest(struct setting *w, raid, any_tolerated_loss, .timeout = 120)
{
    for (uint32_t i = 0; i < (w->losses > 0 ? (uint32_t)w->members : 1); i++) {
        for (uint32_t j = 0; j < (w->losses > 1 ? (uint32_t)w->members : 1); j++) {
            if ((w->losses < 2 || i != j) && (i + 2 * j) % sample_one_in() == 0)
                survive(w, i, j);
        }
    }
}

ParameterizedTestParameters(raid, medium_errors)
{
    return cr_make_param_array(struct setting, settings + 2, ARRAY_LEN(settings) - 2);
}

/* Latent errors anywhere, one to a stripe: every read is answered and what was bad is written
 * anew.  PAR2. */
ParameterizedTest(struct setting *w, raid, medium_errors, .timeout = 60)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = array(s, w->kind, w->members, w->unit, w->layout, 0);
    struct sim_rng g;
    sim_rng_init_seed(&g, 5, "medium errors");
    memset(shadow, 0, sizeof shadow);
    random_ops(d, &g, 80, w->kind);
    for (uint32_t i = 0; i < 30; i++) {
        struct disk_fault f = { .kind = DISK_FAULT_SECTOR,
                                .sector = 16 * i + i % 16,
                                .sectors = 1 };
        disk_add_fault(raid_member(d, i % (uint32_t)w->members), &f);
    }
    random_ops(d, &g, 200, w->kind);
    cr_assert_eq(raid_lost(d), 0);
    d->ops->destroy(d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
}

/* Errors that go away: what fails once is asked again, reads and writes, and nobody is lost. */
ParameterizedTestParameters(raid, transient_errors)
{
    return cr_make_param_array(struct setting, settings + 2, ARRAY_LEN(settings) - 2);
}

ParameterizedTest(struct setting *w, raid, transient_errors, .timeout = 60)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = array(s, w->kind, w->members, w->unit, w->layout, 0);
    struct sim_rng g;
    sim_rng_init_seed(&g, 6, "transient errors");
    memset(shadow, 0, sizeof shadow);
    for (uint32_t i = 0; i < 40; i++) {
        struct disk_fault f = {
            .kind = DISK_FAULT_TRANSIENT, .sector = 16 * i + i % 16, .sectors = 1, .count = 1
        };
        disk_add_fault(raid_member(d, i % (uint32_t)w->members), &f);
    }
    random_ops(d, &g, 300, w->kind);
    cr_assert_eq(raid_lost(d), 0);
    uint64_t met = 0;
    for (uint32_t i = 0; i < (uint32_t)w->members; i++)
        met += disk_counts(raid_member(d, i)).errors;
    cr_assert_gt(met, 5);
    d->ops->destroy(d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
    cr_assert_eq(rope_leaves_alive(), 0);
}

static struct setting rebuilt[] = {
    { "raid1", "4KiB", "left_symmetric", 2, 1 },
    { "raid4", "4KiB", "left_symmetric", 4, 1 },
    { "raid5", "4KiB", "left_symmetric", 5, 1 },
    { "raid6", "4KiB", "left_symmetric", 5, 2 },
};

ParameterizedTestParameters(raid, rebuild)
{
    return cr_make_param_array(struct setting, rebuilt, ARRAY_LEN(rebuilt));
}

/* A spare is filled while requests go on; then another member dies and all is still there.
 * PAR4. */
ParameterizedTest(struct setting *w, raid, rebuild, .timeout = 60)
{
    for (uint32_t lost = 0; lost < (uint32_t)w->members; lost++) {
        struct sim *s = kit_sim(1);
        struct blkdev *d = array(s, w->kind, w->members, w->unit, w->layout, 1);
        struct sim_rng g;
        sim_rng_init_seed(&g, lost, "rebuild");
        memset(shadow, 0, sizeof shadow);
        random_ops(d, &g, 60, "before");
        raid_member(d, lost)->ops->kill(raid_member(d, lost));
        random_ops(d, &g, 10, "while it is rebuilt");
        cr_assert_not(raid_rebuilding(d));
        cr_assert_eq(raid_lost(d), 0);
        cr_assert_gt(raid_counts(d).rebuilt_stripes, 0);
        uint32_t next = (lost + 1) % (uint32_t)w->members;
        raid_member(d, next)->ops->kill(raid_member(d, next));
        random_ops(d, &g, 60, "after");
        d->ops->destroy(d);
        cr_assert(kit_audit(s));
        sim_destroy(s);
        cr_assert_eq(rope_leaves_alive(), 0);
    }
}

static void stop(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_stop(s);
}

/* The next step of a rebuild that rests to keep its rate goes with the array. */
Test(raid, an_array_that_ends_between_two_steps_of_a_rebuild_leaves_no_event_behind)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct val *v = table("raid5");
    val_put(v, "members", val_new_int(3, NULL, 0));
    val_put(v, "spares", val_new_int(1, NULL, 0));
    val_put(v, "unit", val_new_string("4KiB", NULL, 0));
    val_put(v, "rebuild_rate", val_new_string("1kB/s", NULL, 0));
    val_put(v, "member", small_drive());
    struct blkdev *d = blk_build(s, v, -1, "array", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    raid_fail_member(d, 1);
    struct sim_event e5;
    sim_event_init(&e5, SIM_CLASS_SOFTWARE, stop);
    sim_after(s, &e5, 5 * SIM_SEC); /* eight units of 4 KiB take 33 s */
    cr_assert_eq(sim_run(s), SIM_END_STOPPED);
    cr_assert(raid_rebuilding(d));
    cr_assert_gt(raid_counts(d).rebuilt_stripes, 0);
    uint64_t fired = sim_events_fired(s);
    d->ops->destroy(d);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_eq(sim_events_fired(s), fired);
    sim_destroy(s);
}

/* Many requests at once during a rebuild, so that stripes are shared and waited for. */
struct crowd {
    struct blkdev *d;
    struct sim_rng g;
    struct blk_req r[16];
    bool busy[BYTES(1)]; /* by region of 100 sectors: two writers of one place have no order */
    uint64_t region[16];
    int left, bad;
};

static void crowd_next(struct crowd *c, uint32_t i);

static void crowd_done(struct blk_req *r)
{
    struct crowd *c = r->owner;
    uint32_t i = (uint32_t)(r - c->r);
    if (r->op == BLK_READ) {
        rope_read(&r->data, 0, r->data.length, seen);
        c->bad += r->status != BLK_OK ||
                  memcmp(seen, shadow + BYTES(r->sector), BYTES((size_t)r->sectors)) != 0;
    }
    c->bad += r->status != BLK_OK;
    c->busy[c->region[i]] = false;
    rope_fini(&r->data);
    if (c->left-- > 0)
        crowd_next(c, i);
}

static void crowd_next(struct crowd *c, uint32_t i)
{
    uint64_t regions = sectors_of(c->d) / 100, at;
    do
        at = sim_rng_below(&c->g, regions);
    while (c->busy[at]);
    c->busy[at] = true;
    c->region[i] = at;
    uint64_t n = 1 + sim_rng_below(&c->g, 60), from = at * 100 + sim_rng_below(&c->g, 100 - n);
    bool write = sim_rng_below(&c->g, 2) == 0;
    blk_req_init(&c->r[i], write ? BLK_WRITE : BLK_READ, from, (uint32_t)n, crowd_done, c);
    if (write) {
        for (uint64_t b = 0; b < BYTES(n); b++)
            shadow[BYTES(from) + b] = (uint8_t)sim_rng_u32(&c->g);
        rope_add_bytes(&c->r[i].data, shadow + BYTES(from), BYTES(n));
    }
    blk_submit(c->d, &c->r[i]);
}

static void kill_member(struct sim *s, struct sim_event *e);
static struct blkdev *victim;

static void kill_member(struct sim *s, struct sim_event *e)
{
    (void)s;
    (void)e;
    victim->ops->kill(victim);
}

Test(raid, requests_that_share_stripes_while_a_member_dies_and_is_rebuilt_keep_every_byte)
{
    static const char *const kinds[] = { "raid1", "raid4", "raid5", "raid6" };
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        for (uint64_t seed = 0; seed < sample(NULL, 6); seed++) {
            static struct crowd c;
            memset(&c, 0, sizeof c);
            memset(shadow, 0, sizeof shadow);
            struct sim *s = kit_sim(1);
            struct sim_event e;
            c.d = array(s, kinds[k], k == 0 ? 2 : 5, "4KiB", "left_symmetric", 1);
            c.left = 600;
            sim_rng_init_seed(&c.g, seed, "crowd");
            victim = raid_member(c.d, (uint32_t)seed % (k == 0 ? 2 : 5));
            sim_event_init(&e, SIM_CLASS_SOFTWARE, kill_member);
            sim_after(s, &e, (sim_time)(seed + 1) * 300 * SIM_MS);
            for (uint32_t i = 0; i < 16; i++)
                crowd_next(&c, i);
            cr_assert_eq(sim_run(s), SIM_END_IDLE);
            cr_assert_eq(c.bad, 0, "%s seed %d: %d bad", kinds[k], (int)seed, c.bad);
            cr_assert_eq(raid_lost(c.d), 0);
            for (uint64_t at = 0; at + 100 < sectors_of(c.d); at += 100)
                check_read(c.d, at, 100, kinds[k]);
            /* The parity that this left is right too. */
            raid_scrub(c.d);
            sim_run(s);
            cr_assert_eq(raid_counts(c.d).mismatches, 0, "%s", kinds[k]);
            cr_assert_gt(raid_counts(c.d).scrubbed_stripes, 100);
            c.d->ops->destroy(c.d);
            cr_assert(kit_audit(s));
            sim_destroy(s);
        }
    }
}

static void kill_second(struct sim *s, struct sim_event *e)
{
    (void)s;
    (void)e;
    victim = raid_member(victim, 2);
    victim->ops->kill(victim);
}

/* The spare dies while it is filled, with requests all around; the next spare begins anew. */
Test(raid, a_spare_that_dies_while_it_is_filled_counts_for_nothing, .timeout = 60)
{
    static const char *const kinds[] = { "raid4", "raid5", "raid6" };
    for (size_t k = 0; k < 3; k++) {
        for (uint64_t seed = 0; seed < sample(NULL, 8); seed++) {
            static struct crowd c;
            memset(&c, 0, sizeof c);
            memset(shadow, 0, sizeof shadow);
            struct sim *s = kit_sim(1);
            struct sim_event e;
            c.d = victim = array(s, kinds[k], 5, "4KiB", "left_symmetric", 2);
            c.left = 500;
            sim_rng_init_seed(&c.g, seed, "spare");
            random_ops(c.d, &c.g, 60, "before");
            raid_member(c.d, 2)->ops->kill(raid_member(c.d, 2));
            sim_event_init(&e, SIM_CLASS_SOFTWARE, kill_second);
            sim_after(s, &e, (sim_time)(seed + 1) * 170 * SIM_MS);
            for (uint32_t i = 0; i < 16; i++)
                crowd_next(&c, i);
            cr_assert_eq(sim_run(s), SIM_END_IDLE);
            cr_assert_eq(c.bad, 0, "%s seed %d", kinds[k], (int)seed);
            cr_assert_eq(raid_lost(c.d), 0);
            raid_scrub(c.d);
            sim_run(s);
            cr_assert_eq(raid_counts(c.d).mismatches, 0, "%s seed %d", kinds[k], (int)seed);
            raid_fail_member(c.d, 1);
            for (uint64_t at = 0; at + 100 < sectors_of(c.d); at += 100)
                check_read(c.d, at, 100, kinds[k]);
            c.d->ops->destroy(c.d);
            cr_assert(kit_audit(s));
            sim_destroy(s);
        }
    }
}

static void counted(struct blk_req *r)
{
    (*(int *)r->owner)++;
}

/* PAR5. */
Test(raid, a_controller_that_dies_answers_all_that_is_in_it)
{
    static const char *const kinds[] = { "raid0", "raid1", "raid4", "raid5", "raid6" };
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct sim *s = kit_sim(1);
        struct blkdev *d = array(s, kinds[k], k == 1 ? 2 : 5, "4KiB", "left_symmetric", 0);
        struct blk_req many[20];
        int answers = 0;
        for (size_t i = 0; i < ARRAY_LEN(many); i++) {
            blk_req_init(&many[i], BLK_READ, 16 * i, 4, counted, &answers);
            blk_submit(d, &many[i]);
        }
        d->ops->kill(d);
        cr_assert_eq(sim_run(s), SIM_END_IDLE);
        cr_assert_eq(answers, 20, "%s", kinds[k]);
        for (size_t i = 0; i < ARRAY_LEN(many); i++)
            cr_assert_eq(many[i].status, BLK_ERR_DEVICE, "%s", kinds[k]);
        d->ops->destroy(d);
        cr_assert(kit_audit(s));
        sim_destroy(s);
    }
}

/* PAR3. */
Test(raid, more_losses_than_promised_are_errors_and_never_wrong_bytes)
{
    static const char *const kinds[] = { "raid0", "raid1", "raid4", "raid5" };
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct sim *s = kit_sim(1);
        int members = k == 1 ? 2 : 4;
        struct blkdev *d = array(s, kinds[k], members, "4KiB", "left_symmetric", 0);
        struct sim_rng g;
        sim_rng_init_seed(&g, k, "losses");
        memset(shadow, 0, sizeof shadow);
        random_ops(d, &g, 60, kinds[k]);
        raid_member(d, 0)->ops->kill(raid_member(d, 0));
        if (k > 0)
            raid_member(d, 1)->ops->kill(raid_member(d, 1));
        uint64_t errors = 0, all = sectors_of(d);
        for (uint64_t at = 0; at < all; at++) {
            struct rope r;
            rope_init(&r);
            kit_read(d, at, 1, &r);
            if (kit_status() == BLK_OK) {
                rope_read(&r, 0, 512, seen);
                cr_assert_eq(memcmp(seen, shadow + BYTES(at), 512), 0);
            } else {
                errors++;
            }
            rope_fini(&r);
        }
        cr_assert_gt(errors, all / 5);
        d->ops->destroy(d);
        sim_destroy(s);
    }
}

Test(raid, a_corrupted_survivor_shows_in_what_is_rebuilt_and_a_scrub_finds_it_before)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = array(s, "raid5", 4, "4KiB", "left_symmetric", 0);
    struct rope data, out;
    kit_pattern(&data, 3, 0, BYTES(24)); /* stripe 0: three columns of 8 sectors */
    kit_write(d, 0, 24, &data);
    cr_assert(d->ops->corrupt(d, 3, 9, 4)); /* column 0, row 3 */
    raid_scrub(d);
    sim_run(s);
    cr_assert_eq(raid_counts(d).mismatches, 1);
    /* The scrub trusts data: parity was written anew, so the flip is now what the stripe says. */
    cr_assert(d->ops->corrupt(d, 4, 9, 4));
    raid_fail_member(d, 1); /* column 1 of stripe 0 in left-symmetric order */
    rope_init(&out);
    kit_read(d, 8, 8, &out);
    struct rope want;
    rope_init(&want);
    rope_add_slice(&want, &data, BYTES(8), BYTES(8));
    cr_assert_eq(rope_first_difference(&out, &want), BYTES(4) + 9);
    rope_fini(&want);
    rope_fini(&out);
    rope_fini(&data);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(raid, a_scrub_repairs_what_cannot_be_read_before_a_member_is_lost)
{
    static const char *const kinds[] = { "raid4", "raid5", "raid6" };
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct sim *s = kit_sim(1);
        struct blkdev *d = array(s, kinds[k], 5, "4KiB", "left_symmetric", 0);
        struct sim_rng g;
        sim_rng_init_seed(&g, k, "scrub");
        memset(shadow, 0, sizeof shadow);
        random_ops(d, &g, 80, kinds[k]);
        for (uint32_t i = 0; i < 40; i++) {
            struct disk_fault f = { .kind = DISK_FAULT_SECTOR, .sector = 32 * i + 3, .sectors = 2 };
            cr_assert(disk_add_fault(raid_member(d, i % 5), &f));
        }
        raid_scrub(d);
        sim_run(s);
        cr_assert_eq(raid_counts(d).repaired, 40);
        cr_assert_eq(raid_counts(d).mismatches, 0);
        raid_fail_member(d, 2);
        uint64_t all = sectors_of(d);
        for (uint64_t at = 0; at < all; at += 100)
            check_read(d, at, all - at < 100 ? all - at : 100, kinds[k]);
        d->ops->destroy(d);
        cr_assert(kit_audit(s));
        sim_destroy(s);
    }
}

/* ---- accesses and times ---- */

static uint64_t accesses(struct blkdev *d, enum blk_op op)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < raid_members(d); i++)
        n += disk_counts(raid_member(d, i)).requests[op];
    return n;
}

static void writes(struct blkdev *d, uint64_t at, uint64_t n)
{
    struct rope r;
    kit_pattern(&r, 1, 0, BYTES(n));
    kit_write(d, at, (uint32_t)n, &r);
    rope_fini(&r);
}

Test(raid, a_small_write_is_four_accesses_and_a_full_stripe_one_a_member)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = array(s, "raid5", 5, "4KiB", "left_symmetric", 0);
    writes(d, 3, 2);
    cr_assert(accesses(d, BLK_READ) == 2 && accesses(d, BLK_WRITE) == 2);
    writes(d, 32, 32); /* stripe 1, all of it */
    cr_assert(accesses(d, BLK_READ) == 2 && accesses(d, BLK_WRITE) == 2 + 5);
    /* Three of four columns: the fourth is read, the three and parity are written. */
    writes(d, 64, 24);
    cr_assert(accesses(d, BLK_READ) == 3 && accesses(d, BLK_WRITE) == 7 + 4);
    struct raid_counts c = raid_counts(d);
    cr_assert(c.rmw_writes == 1 && c.full_stripe_writes == 1 && c.reconstruct_writes == 1);
    d->ops->destroy(d);
    sim_destroy(s);
}

/* RAID 6 changes P and Q by the difference: one data unit, P and Q are read and written, while
 * reconstruction reads all other data units.  With 8 members (6 of data) that is 3 + 3 accesses
 * against 5 + 3; with two units 4 + 4 against 4 + 4; with three reconstruction reads less. */
Test(raid, a_small_write_of_raid6_is_six_accesses_and_a_larger_one_takes_the_cheaper_way)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = array(s, "raid6", 8, "4KiB", "left_symmetric", 0);
    writes(d, 3, 2);
    cr_assert(accesses(d, BLK_READ) == 3 && accesses(d, BLK_WRITE) == 3);
    writes(d, 48, 16);
    cr_assert(accesses(d, BLK_READ) == 3 + 4 && accesses(d, BLK_WRITE) == 3 + 4);
    writes(d, 96, 24);
    cr_assert(accesses(d, BLK_READ) == 7 + 3 && accesses(d, BLK_WRITE) == 7 + 5);
    struct raid_counts c = raid_counts(d);
    cr_assert(c.rmw_writes == 2 && c.reconstruct_writes == 1);
    d->ops->destroy(d);
    sim_destroy(s);
}

/* Both ways leave the same parity: a scrub of an array that only ever read-modify-wrote, and of one
 * that only reconstructed, finds nothing, with P or Q lost in between too. */
Test(raid, raid6_parity_changed_by_differences_is_the_parity_of_the_data)
{
    for (uint32_t lost = 0; lost < 6; lost++) {
        struct sim *s = kit_sim(1);
        struct blkdev *d = array(s, "raid6", 6, "4KiB", "left_symmetric", 1);
        struct sim_rng g;
        sim_rng_init_seed(&g, lost, "raid6 parity");
        memset(shadow, 0, sizeof shadow);
        uint64_t all = sectors_of(d);
        for (int i = 0; i < 150; i++)
            random_write(d, &g, sim_rng_below(&g, all - 7), 1 + sim_rng_below(&g, 7));
        cr_assert_gt(raid_counts(d).rmw_writes, 100);
        raid_scrub(d);
        sim_run(s);
        cr_assert_eq(raid_counts(d).mismatches, 0);
        raid_member(d, lost)->ops->kill(raid_member(d, lost));
        for (int i = 0; i < 60; i++)
            random_write(d, &g, sim_rng_below(&g, all - 7), 1 + sim_rng_below(&g, 7));
        sim_run(s);
        cr_assert_eq(raid_lost(d), 0);
        raid_scrub(d);
        sim_run(s);
        cr_assert_eq(raid_counts(d).mismatches, 0, "without %u", lost);
        d->ops->destroy(d);
        sim_destroy(s);
    }
}

static struct blkdev *small_raid0(struct sim *s, const char *merge)
{
    struct err e = ERR_INIT;
    struct val *v = table("raid0");
    val_put(v, "members", val_new_int(4, NULL, 0));
    val_put(v, "unit", val_new_string("8KiB", NULL, 0));
    val_put(v, "merge", val_new_string(merge, NULL, 0));
    val_put(v, "member", small_drive());
    struct blkdev *d = blk_build(s, v, -1, "array", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    return d;
}

/* 256 sectors in units of 16 over 4 members: each member gives 4 units that lie one behind the
 * other on it.  All members begin alike, so the transfer takes what one drive takes for 64 sectors:
 * overhead + rotation + 64 sectors of medium, and the bus of each carries a quarter. */
Test(raid, a_striped_transfer_takes_as_long_as_its_quarter_on_one_drive)
{
    struct err e = ERR_INIT;
    struct val *v = small_drive();
    for (uint64_t at = 0; at <= 480; at += 96) {
        struct sim *s = kit_sim(1);
        struct blkdev *one = blk_build(s, v, -1, "disk", "devices", &e);
        sim_time quarter = kit_read(one, at, 64, NULL);
        one->ops->destroy(one);
        sim_destroy(s);
        s = kit_sim(1);
        struct blkdev *d = small_raid0(s, "1MiB");
        cr_assert_eq(kit_read(d, 4 * at, 256, NULL), quarter);
        cr_assert_eq(accesses(d, BLK_READ), 4);
        d->ops->destroy(d);
        sim_destroy(s);
    }
    val_free(v);
}

Test(raid, units_of_a_request_go_to_a_member_as_one_up_to_a_size)
{
    static const struct {
        const char *merge;
        uint64_t requests;
    } c[] = { { "0", 16 }, { "8KiB", 16 }, { "16KiB", 8 }, { "24KiB", 8 }, { "32KiB", 4 } };
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        struct sim *s = kit_sim(1);
        struct blkdev *d = small_raid0(s, c[i].merge);
        writes(d, 64, 256);
        cr_assert_eq(accesses(d, BLK_WRITE), c[i].requests, "%s", c[i].merge);
        kit_read(d, 64, 256, NULL);
        cr_assert_eq(accesses(d, BLK_READ), c[i].requests, "%s", c[i].merge);
        d->ops->destroy(d);
        sim_destroy(s);
    }
    /* RAID 5 of 5, units of 8 sectors: three whole stripes are one write a member.  A read of them
     * is one request of each member, and two where a unit of parity lies between the data: in
     * stripes 1 to 3 of the left-symmetric layout parity is on members 3, 2 and 1, so member 2 is
     * asked twice. */
    struct sim *s = kit_sim(1);
    struct blkdev *d = array(s, "raid5", 5, "4KiB", "left_symmetric", 0);
    writes(d, 32, 96);
    cr_assert_eq(accesses(d, BLK_WRITE), 5);
    kit_read(d, 32, 96, NULL);
    cr_assert_eq(accesses(d, BLK_READ), 6);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(raid, a_mirrored_read_goes_to_one_copy_however_long_it_is)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = array(s, "raid1", 2, "4KiB", "left_symmetric", 0);
    kit_read(d, 4, 100, NULL);
    cr_assert_eq(accesses(d, BLK_READ), 1);
    kit_read(d, 200, 100, NULL);
    cr_assert_eq(accesses(d, BLK_READ), 2);
    cr_assert_eq(disk_counts(raid_member(d, 0)).requests[BLK_READ], 1);
    d->ops->destroy(d);
    sim_destroy(s);
}

/* Reads of a mirrored pair that has just been written: how many of eight, one after the other, go
 * to copy 1. */
static uint64_t second_copy(const char *balance)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct val *v = table("raid1");
    struct rope data;
    val_put(v, "members", val_new_int(2, NULL, 0));
    val_put(v, "read_balance", val_new_string(balance, NULL, 0));
    val_put(v, "member", small_drive());
    struct blkdev *d = blk_build(s, v, -1, "array", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    kit_pattern(&data, 1, 0, BYTES(8));
    for (uint64_t i = 0; i < 8; i++) {
        kit_write(d, 800, 8, &data); /* both arms stand at the same place again */
        kit_read(d, 400 + 10 * i, 1, NULL);
    }
    uint64_t n = disk_counts(raid_member(d, 1)).requests[BLK_READ];
    rope_fini(&data);
    d->ops->destroy(d);
    sim_destroy(s);
    return n;
}

Test(raid, copies_that_are_equally_good_are_read_in_turn)
{
    cr_expect_eq(second_copy("primary"), 0);
    cr_expect_eq(second_copy("round_robin"), 4);
    cr_expect_eq(second_copy("shortest"), 4);
    cr_expect_eq(second_copy("nearest"), 4);
}

/* Two places are read by turns: each arm keeps to one. */
Test(raid, the_copy_whose_arm_is_nearer_is_read)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct val *v = table("raid1");
    val_put(v, "members", val_new_int(2, NULL, 0));
    val_put(v, "read_balance", val_new_string("nearest", NULL, 0));
    val_put(v, "member", small_drive());
    struct blkdev *d = blk_build(s, v, -1, "array", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    kit_read(d, 1500, 1, NULL); /* a tie: copy 0 */
    for (uint64_t i = 0; i < 10; i++) {
        kit_read(d, 10 + i, 1, NULL);
        cr_assert_eq(disk_counts(raid_member(d, 1)).requests[BLK_READ], i + 1);
        kit_read(d, 1500 - i, 1, NULL);
        cr_assert_eq(disk_counts(raid_member(d, 0)).requests[BLK_READ], i + 2);
    }
    d->ops->destroy(d);
    sim_destroy(s);
}

struct rate_load {
    struct blkdev *d;
    struct sim_rng g;
    struct blk_req r[8];
    uint64_t left, span;
    bool write;
};

static void rate_next(struct rate_load *l, struct blk_req *r);

static void rate_done(struct blk_req *r)
{
    struct rate_load *l = r->owner;
    rope_fini(&r->data);
    if (l->left > 0) {
        l->left--;
        rate_next(l, r);
    }
}

static void rate_next(struct rate_load *l, struct blk_req *r)
{
    blk_req_init(r, l->write ? BLK_WRITE : BLK_READ, sim_rng_below(&l->g, l->span / 8) * 8, 8,
                 rate_done, l);
    if (l->write)
        rope_add_pattern(&r->data, 1, 0, BYTES(8));
    blk_submit(l->d, r);
}

static double rate_of(const char *kind, int members, uint32_t outstanding, bool write)
{
    static struct rate_load l;
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct val *v = table(kind);
    if (members > 0)
        val_put(v, "members", val_new_int(members, NULL, 0));
    l = (struct rate_load){ .left = 3000, .write = write };
    l.d = blk_build(s, v, -1, "array", "devices", &e);
    cr_assert(l.d != NULL, "%s", e.text);
    val_free(v);
    struct blk_describe about;
    l.d->ops->describe(l.d, &about);
    l.span = about.sectors;
    sim_rng_init_seed(&l.g, 2, "rate");
    for (uint32_t i = 0; i < outstanding; i++)
        rate_next(&l, &l.r[i]);
    sim_run(s);
    double rate = 3000 / sim_time_seconds(sim_now(s));
    l.d->ops->destroy(l.d);
    sim_destroy(s);
    return rate;
}

Test(raid, mirrored_reads_gain_and_raid4_writes_wait_for_the_parity_disk)
{
    double one = rate_of("disk", 0, 8, false), two = rate_of("raid1", 2, 8, false);
    cr_assert(two > 1.8 * one && two < 2.1 * one, "%g %g", one, two);
    double writes_one = rate_of("disk", 0, 8, true), writes_two = rate_of("raid1", 2, 8, true);
    cr_assert(writes_two < 1.01 * writes_one, "%g %g", writes_one, writes_two);
    double r0 = rate_of("raid0", 4, 8, false);
    cr_assert(r0 > 3 * one, "%g %g", one, r0);
    /* Each write reads and writes the parity disk (a turn between): RAID 5 spreads that. */
    double r4 = rate_of("raid4", 9, 8, true), r5 = rate_of("raid5", 9, 8, true);
    cr_assert(r5 > 1.7 * r4, "%g %g", r4, r5);
    /* With one small write at a time nothing is spread: they are alike. */
    double one4 = rate_of("raid4", 9, 1, true), one5 = rate_of("raid5", 9, 1, true);
    cr_assert_float_eq(one4, one5, 0.05 * one5, "%g %g", one4, one5);
}
