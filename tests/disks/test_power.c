/* What a loss of power takes: what was reported and not written, and parity of stripes that were
 * being written. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/fault.h"
#include "disks/raid.h"
#include "disks/wcache.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"
#include "tests/sample.h"

#define SIZE 512

static const struct disk_fault power = { .kind = DISK_FAULT_POWER };

static struct blkdev *victim;

static void fail_power(struct sim *s, struct sim_event *e)
{
    (void)s;
    (void)e;
    cr_assert(victim->ops->fault(victim, 0, &power));
}

/* Every sector of a stretch is wholly one of two; how many are the first. */
static uint32_t count_old(struct blkdev *d, uint64_t at, uint32_t n, const struct rope *old,
                          const struct rope *fresh)
{
    struct rope got;
    uint32_t olds = 0;
    rope_init(&got);
    kit_read(d, at, n, &got);
    cr_assert_eq(kit_status(), BLK_OK);
    uint8_t a[SIZE], b[SIZE], x[SIZE];
    for (uint32_t i = 0; i < n; i++) {
        rope_read(&got, i * SIZE, SIZE, x);
        rope_read(old, i * SIZE, SIZE, a);
        rope_read(fresh, i * SIZE, SIZE, b);
        bool is_old = memcmp(x, a, SIZE) == 0;
        cr_assert(is_old || memcmp(x, b, SIZE) == 0, "sector %u is neither old nor new", i);
        olds += is_old;
    }
    rope_fini(&got);
    return olds;
}

/* DISK2. */
Test(power, a_reported_write_is_lost_until_the_head_has_passed_it)
{
    bool some_old = false, some_new = false, torn = false;
    for (int wait = 0; wait < 40; wait++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = kit_bare();
        p.cache.enabled = true;
        p.cache.report = wait % 2 == 0 ? DISK_REPORT_ALL : DISK_REPORT_ONE;
        p.overhead.write = p.overhead.write_after_write = SIM_MS;
        struct blkdev *d = kit_disk(s, &p);
        struct rope old, fresh;
        kit_pattern(&old, 1, 0, 64 * SIZE);
        kit_pattern(&fresh, 2, 0, 64 * SIZE);
        kit_write(d, 400000, 64, &old);
        kit_wait(s, 100 * SIM_MS);
        cr_assert_leq(kit_write(d, 400000, 64, &fresh), 2 * SIM_MS);
        kit_wait(s, wait * SIM_MS);
        cr_assert(disk_add_fault(d, &power));
        uint32_t olds = count_old(d, 400000, 64, &old, &fresh);
        cr_assert_eq(disk_counts(d).lost_sectors, olds);
        cr_assert_eq(disk_counts(d).power_losses, 1);
        some_old |= olds == 64;
        some_new |= olds == 0;
        torn |= olds > 0 && olds < 64;
        rope_fini(&old);
        rope_fini(&fresh);
        d->ops->destroy(d);
        cr_assert(kit_audit(s));
        sim_destroy(s);
    }
    cr_assert(some_old && some_new && torn);
}

static void ended_flag(struct blk_req *r)
{
    ++*(int *)r->owner;
}

Test(power, overlapping_reported_writes_fall_back_to_what_lay_below_all_of_them)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    p.cache.enabled = true;
    p.cache.report = DISK_REPORT_ALL;
    p.cache.segment_sectors = 1000;
    struct blkdev *d = kit_disk(s, &p);
    struct rope data[9];
    struct blk_req r[9];
    int done = 0;
    for (uint64_t i = 0; i < 9; i++)
        kit_pattern(&data[i], i + 1, 0, 16 * SIZE);
    kit_write(d, 900000, 16, &data[0]);
    kit_wait(s, 100 * SIM_MS);
    kit_read(d, 5, 1, NULL); /* the arm is far away */
    for (uint64_t i = 1; i < 9; i++) {
        blk_req_init(&r[i], BLK_WRITE, 900000 + i % 3, 14, ended_flag, &done);
        rope_add_slice(&r[i].data, &data[i], 0, 14 * SIZE);
        blk_submit(d, &r[i]);
    }
    victim = d;
    struct sim_event e;
    sim_event_init(&e, SIM_CLASS_SOFTWARE, fail_power);
    sim_after(s, &e, SIM_MS); /* all are reported; no arm crosses the drive in that time */
    sim_run(s);
    cr_assert_eq(done, 8);
    struct rope got;
    rope_init(&got);
    kit_read(d, 900000, 16, &got);
    cr_assert(rope_equal(&got, &data[0]));
    rope_fini(&got);
    for (size_t i = 0; i < 9; i++) {
        if (i > 0)
            blk_req_fini(&r[i]);
        rope_fini(&data[i]);
    }
    cr_assert_eq(disk_counts(d).lost_sectors, 8 * 14);
    d->ops->destroy(d);
    cr_assert_eq(rope_leaves_alive(), 0);
    sim_destroy(s);
}

/* BLK4. */
Test(power, what_is_under_way_without_early_reporting_is_aborted_and_old_or_new)
{
    for (int wait = 1; wait < 30; wait++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = kit_bare();
        struct blkdev *d = kit_disk(s, &p);
        struct rope old, fresh;
        struct sim_event e;
        kit_pattern(&old, 1, 0, 64 * SIZE);
        kit_pattern(&fresh, 2, 0, 64 * SIZE);
        kit_write(d, 400000, 64, &old);
        victim = d;
        sim_event_init(&e, SIM_CLASS_SOFTWARE, fail_power);
        sim_after(s, &e, wait * SIM_MS);
        sim_time took = kit_write(d, 400000, 64, &fresh);
        bool cut = took > wait * SIM_MS;
        cr_assert_eq(kit_status(), cut ? BLK_ERR_ABORTED : BLK_OK);
        uint32_t olds = count_old(d, 400000, 64, &old, &fresh);
        cr_assert(cut || olds == 0);
        cr_assert_eq(disk_counts(d).lost_sectors, 0);
        rope_fini(&old);
        rope_fini(&fresh);
        d->ops->destroy(d);
        cr_assert(kit_audit(s));
        sim_destroy(s);
    }
}

/* ---- arrays ---- */

static struct blkdev *small_array(struct sim *s, const char *kind, int members)
{
    struct err e = ERR_INIT;
    struct val *v = val_new(VAL_TABLE, NULL, 0), *m = val_new(VAL_TABLE, NULL, 0),
               *g = val_new(VAL_TABLE, NULL, 0);
    val_put(g, "cylinders", val_new_int(20, NULL, 0));
    val_put(g, "heads", val_new_int(2, NULL, 0));
    val_put(g, "sectors", val_new_int(20, NULL, 0));
    val_put(m, "geometry", g);
    val_put(v, "kind", val_new_string(kind, NULL, 0));
    val_put(v, "members", val_new_int(members, NULL, 0));
    val_put(v, "unit", val_new_string("2KiB", NULL, 0));
    val_put(v, "member", m);
    struct blkdev *d = blk_build(s, v, -1, "array", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    return d;
}

struct writer {
    struct blkdev *d;
    struct sim_rng g;
    struct blk_req r[8];
    uint64_t sectors;
    int left;
    uint32_t aborted;
};

static void next(struct writer *w, struct blk_req *r);

static void ended(struct blk_req *r)
{
    struct writer *w = r->owner;
    w->aborted += r->status == BLK_ERR_ABORTED;
    blk_req_fini(r);
    if (w->left-- > 0)
        next(w, r);
}

static void next(struct writer *w, struct blk_req *r)
{
    uint32_t n = 1 + (uint32_t)sim_rng_below(&w->g, 20);
    blk_req_init(r, BLK_WRITE, sim_rng_below(&w->g, w->sectors - n), n, ended, w);
    uint8_t bytes[20 * SIZE];
    for (size_t i = 0; i < n * SIZE; i++)
        bytes[i] = (uint8_t)sim_rng_u32(&w->g);
    rope_add_bytes(&r->data, bytes, n * SIZE);
    blk_submit(w->d, r);
}

static void read_all(struct blkdev *d, uint64_t sectors, uint8_t *out)
{
    for (uint64_t at = 0; at < sectors; at += 50) {
        uint32_t n = sectors - at < 50 ? (uint32_t)(sectors - at) : 50;
        struct rope r;
        rope_init(&r);
        kit_read(d, at, n, &r);
        cr_assert_eq(kit_status(), BLK_OK);
        rope_read(&r, 0, n * SIZE, out + at * SIZE);
        rope_fini(&r);
    }
}

/* The array of `kind` after a loss of power in the middle of many writes, then perhaps a scrub,
 * then without a member: bytes that differ from what was read before it was lost. */
static uint64_t hole(const char *kind, int members, uint64_t seed, bool scrub, uint64_t *found)
{
    static struct writer w;
    struct sim *s = kit_sim(1);
    struct blk_describe about;
    struct sim_event e;
    memset(&w, 0, sizeof w);
    w.d = victim = small_array(s, kind, members);
    w.d->ops->describe(w.d, &about);
    w.sectors = about.sectors;
    w.left = 400;
    sim_rng_init_seed(&w.g, seed, "hole");
    sim_event_init(&e, SIM_CLASS_SOFTWARE, fail_power);
    sim_after(s, &e, 500 * SIM_MS + (sim_time)sim_rng_below(&w.g, 200 * SIM_MS));
    for (int i = 0; i < 8; i++)
        next(&w, &w.r[i]);
    sim_run(s);
    cr_assert_gt(w.aborted, 0);
    cr_assert_eq(raid_lost(w.d), 0, "a loss of power is no loss of members");
    if (scrub) {
        raid_scrub(w.d);
        sim_run(s);
        *found += raid_counts(w.d).mismatches;
    }
    uint8_t *before = calloc(about.sectors, SIZE), *after = calloc(about.sectors, SIZE);
    read_all(w.d, about.sectors, before);
    raid_fail_member(w.d, (uint32_t)seed % (uint32_t)members);
    read_all(w.d, about.sectors, after);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < about.sectors * SIZE; i++)
        wrong += before[i] != after[i];
    free(before);
    free(after);
    w.d->ops->destroy(w.d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
    return wrong;
}

/* PAR6. */
Test(power, a_scrub_closes_the_write_hole_and_without_it_a_lost_member_shows_it, .timeout = 60)
{
    static const struct {
        const char *kind;
        int members;
    } c[] = { { "raid4", 4 }, { "raid5", 5 }, { "raid6", 6 } };
    for (size_t k = 0; k < ARRAY_LEN(c); k++) {
        uint64_t found = 0, wrong = 0, unused = 0;
        for (uint64_t seed = 1; seed <= 12; seed++) {
            cr_assert_eq(hole(c[k].kind, c[k].members, seed, true, &found), 0, "%s", c[k].kind);
            wrong += hole(c[k].kind, c[k].members, seed, false, &unused);
        }
        cr_assert_gt(found, 0, "%s", c[k].kind);
        cr_assert_gt(wrong, 0, "%s", c[k].kind);
    }
}

Test(power, one_member_that_loses_power_is_asked_again)
{
    for (uint64_t seed = 0; seed < sample(NULL, 10); seed++) {
        static struct writer w;
        struct sim *s = kit_sim(1);
        struct blk_describe about;
        struct sim_event e;
        memset(&w, 0, sizeof w);
        w.d = small_array(s, "raid5", 5);
        victim = raid_member(w.d, (uint32_t)seed % 5);
        w.d->ops->describe(w.d, &about);
        w.sectors = about.sectors;
        w.left = 200;
        sim_rng_init_seed(&w.g, seed, "member");
        sim_event_init(&e, SIM_CLASS_SOFTWARE, fail_power);
        sim_after(s, &e, 500 * SIM_MS + (sim_time)seed * 3 * SIM_MS);
        for (int i = 0; i < 8; i++)
            next(&w, &w.r[i]);
        sim_run(s);
        cr_assert_eq(w.aborted, 0);
        cr_assert_eq(raid_lost(w.d), 0);
        raid_scrub(w.d);
        sim_run(s);
        cr_assert_eq(raid_counts(w.d).mismatches, 0);
        w.d->ops->destroy(w.d);
        sim_destroy(s);
    }
}

/* ---- schedules ---- */

static void stop_now(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_stop(s);
}

static struct val *entry(const char *action, const char *path)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "action", val_new_string(action, NULL, 0));
    val_put(v, "path", val_new_string(path, NULL, 0));
    return v;
}

static void refused(struct val *what, const char *sentence)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = small_array(s, "raid5", 5);
    struct err e = ERR_INIT;
    struct val *list = val_new(VAL_LIST, NULL, 0);
    struct sim_faults *f = sim_faults_create(s, false);
    val_append(list, what);
    blk_fault_targets(f, d);
    cr_assert_not(sim_faults_load(f, list, "faults", &e));
    cr_assert(strstr(e.text, sentence) != NULL, "%s", e.text);
    sim_faults_free(f);
    val_free(list);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(power, a_schedule_refuses_what_is_not_there)
{
    struct val *far = entry("sector", "array.member.1"), *both = entry("death", "array");
    refused(entry("death", "array.member.5"), "there is nothing 'array.member.5' that can fail");
    refused(entry("deth", "array"), "faults[1].action: 'deth' cannot happen to array, did you mean "
                                    "'death'?");
    refused(val_new(VAL_TABLE, NULL, 0), "a fault is { path =");
    val_put(far, "sector", val_new_int(800, NULL, 0)); /* a member has 800, the array more */
    refused(far, "past the 800 sectors");
    val_put(both, "after", val_new_string("1s", NULL, 0));
    refused(both, "is not undone");
    both = entry("death", "array");
    val_put(both, "event", val_new_int(3, NULL, 0));
    refused(both, "only the steps of a machine");
    both = entry("death", "array");
    val_put(both, "mtbf", val_new_string("1s", NULL, 0));
    val_put(both, "at", val_new_string("1s", NULL, 0));
    refused(both, "one of at, event and mtbf");
}

Test(power, a_fault_that_recurs_comes_at_exponential_times)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct blkdev *d = kit_disk(s, &p);
    struct err e = ERR_INIT;
    struct val *list = val_new(VAL_LIST, NULL, 0), *v = entry("power", "disk");
    struct sim_faults *f = sim_faults_create(s, false);
    struct sim_event stop;
    val_put(v, "mtbf", val_new_string("1s", NULL, 0));
    val_append(list, v);
    blk_fault_targets(f, d);
    cr_assert(sim_faults_load(f, list, "faults", &e), "%s", e.text);
    sim_event_init(&stop, SIM_CLASS_SOFTWARE, stop_now);
    sim_at(s, &stop, 400 * SIM_SEC);
    sim_run(s);
    uint64_t n = disk_counts(d).power_losses;
    cr_assert(n > 340 && n < 460, "%d", (int)n);
    sim_faults_free(f);
    val_free(list);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(power, a_cache_loses_what_is_dirty_and_what_is_on_its_way)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "kind", val_new_string("cache", NULL, 0));
    struct blkdev *d = blk_build(s, v, -1, "cache", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    struct rope data;
    struct sim_event event;
    kit_pattern(&data, 1, 0, 8 * SIZE);
    victim = d;
    sim_event_init(&event, SIM_CLASS_SOFTWARE, fail_power);
    sim_after(s, &event, 5 * SIM_MS); /* before the delay of 10 ms is over */
    kit_write(d, 1000, 8, &data);
    cr_assert_eq(kit_status(), BLK_OK);
    cr_assert_eq(wcache_counts(d).lost_sectors, 8);
    struct blk_health h = { 0 };
    blk_health(d, &h);
    cr_assert_eq(h.lost_sectors, 8);
    rope_fini(&data);
    d->ops->destroy(d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
}
