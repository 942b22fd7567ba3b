/* The synchronised array: contents under losses against a shadow, parity, times. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "disks/raid.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"

#define SECTOR 2048

static struct blkdev *array(struct sim *s, struct raid3_params *p)
{
    struct err e = ERR_INIT;
    cr_assert(param_load(raid3_params, p, NULL, "raid3", &e), "%s", e.text);
    struct blkdev *d = raid3_create(s, p, -1, "array", "raid3", &e);
    cr_assert(d != NULL, "%s", e.text);
    return d;
}

/* LANE1. */
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
        struct blkdev *d = raid3_create(s, &p, -1, "array", "raid3", &e);
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

/* ---- spares, rebuild, scrub ---- */

/* An array of small drives with a shadow of what must be in it. */
struct shadowed {
    struct sim *s;
    struct blkdev *d;
    uint64_t rows, left, inside;
    uint64_t wrong, failed, good;
    enum blk_status allowed;
    uint8_t *bytes;
    struct sim_rng g;
    struct blk_req reqs[6];
};

static void stop(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_stop(s);
}

/* So long and no longer: what is under way goes on afterwards. */
static void pass(struct sim *s, sim_time length)
{
    struct sim_event e;
    sim_event_init(&e, SIM_CLASS_SOFTWARE, stop);
    sim_after(s, &e, length);
    sim_run(s);
}

static struct blkdev *small_array(struct sim *s, int64_t spares, int64_t rate, int64_t batch)
{
    struct raid3_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(raid3_params, &p, NULL, "raid3", &e), "%s", e.text);
    p.disk.geometry.cylinders = 12;
    p.spares = spares;
    p.rebuild_rate = rate;
    p.rebuild_batch = batch;
    struct blkdev *d = raid3_create(s, &p, -1, "array", "raid3", &e);
    cr_assert(d != NULL, "%s", e.text);
    return d;
}

static void fault(struct blkdev *d, uint32_t member, struct disk_fault f)
{
    cr_assert(d->ops->fault(d, member, &f));
}

static void next_request(struct shadowed *w, struct blk_req *r);

static void request_done(struct blk_req *r)
{
    struct shadowed *w = r->owner;
    static uint8_t seen[32 * SECTOR];
    const uint8_t *mine = w->bytes + r->sector * SECTOR;
    w->inside--;
    if (r->status != BLK_OK) {
        cr_assert_eq(r->status, w->allowed);
        w->failed++;
    } else if (r->op == BLK_READ) {
        rope_read(&r->data, 0, r->data.length, seen);
        w->wrong += memcmp(seen, mine, r->sectors * SECTOR) != 0;
        w->good++;
    }
    blk_req_fini(r);
    next_request(w, r);
}

/* Requests of different slots never overlap, so that the shadow knows what each must see. */
static void next_request(struct shadowed *w, struct blk_req *r)
{
    uint64_t slot = (uint64_t)(r - w->reqs), n = 1 + sim_rng_below(&w->g, 32);
    uint64_t at = sim_rng_below(&w->g, w->rows / ARRAY_LEN(w->reqs) / 32) * 32;
    at = at * ARRAY_LEN(w->reqs) + slot * 32;
    if (w->left == 0 || at + n > w->rows)
        return;
    w->left--;
    w->inside++;
    blk_req_init(r, sim_rng_below(&w->g, 2) == 0 ? BLK_READ : BLK_WRITE, at, (uint32_t)n,
                 request_done, w);
    if (r->op == BLK_WRITE) {
        for (uint64_t i = 0; i < n * SECTOR; i += 64)
            w->bytes[at * SECTOR + i] = (uint8_t)sim_rng_u32(&w->g);
        rope_add_bytes(&r->data, w->bytes + at * SECTOR, n * SECTOR);
    }
    blk_submit(w->d, r);
}

static void traffic(struct shadowed *w, uint64_t requests)
{
    w->left = requests;
    for (size_t i = 0; i < ARRAY_LEN(w->reqs); i++)
        next_request(w, &w->reqs[i]);
}

static void shadow_begin(struct shadowed *w, struct blkdev *d, struct sim *s, uint64_t seed)
{
    struct blk_describe about;
    d->ops->describe(d, &about);
    *w = (struct shadowed){ .s = s, .d = d, .rows = about.sectors, .allowed = BLK_OK };
    w->bytes = calloc(about.sectors, SECTOR);
    sim_rng_init_seed(&w->g, seed, "raid3 traffic");
}

/* Every byte, now. */
static uint64_t differences(struct shadowed *w)
{
    uint64_t n = 0;
    uint8_t seen[SECTOR];
    for (uint64_t i = 0; i < w->rows; i++) {
        struct rope r;
        rope_init(&r);
        if (disk_peek(w->d, i, 1, &r) != BLK_OK)
            n++;
        else {
            rope_read(&r, 0, SECTOR, seen);
            n += memcmp(seen, w->bytes + i * SECTOR, SECTOR) != 0;
        }
        rope_fini(&r);
    }
    return n;
}

static void shadow_end(struct shadowed *w)
{
    free(w->bytes);
    w->d->ops->destroy(w->d);
    cr_assert(kit_audit(w->s));
    cr_assert_eq(rope_leaves_alive(), 0);
    sim_destroy(w->s);
}

Test(raid3, a_spare_is_filled_under_traffic_and_every_byte_is_right_throughout, .timeout = 60)
{
    for (uint32_t member = 0; member <= 4; member++) {
        struct sim *s = kit_sim(1);
        struct shadowed w;
        shadow_begin(&w, small_array(s, 1, 0, 96), s, member);
        traffic(&w, 300);
        pass(s, SIM_SEC);
        /* What the lost member held must come from nowhere but the others. */
        for (uint64_t i = 0; i < w.rows; i += 7)
            raid3_corrupt_member(w.d, member, i, 5, 0x40);
        fault(w.d, member + 1, (struct disk_fault){ .kind = DISK_FAULT_DEATH });
        cr_assert(raid3_rebuilding(w.d));
        w.left = 100000;
        while (raid3_rebuilding(w.d)) {
            cr_assert_gt(w.inside, 0, "the traffic has ended before the rebuild");
            pass(s, 100 * SIM_MS);
        }
        w.left = 0;
        pass(s, 10 * SIM_SEC);
        cr_assert_gt(w.good, 100);
        cr_assert_eq(w.wrong, 0);
        cr_assert_eq(differences(&w), 0);
        cr_assert_eq(raid3_scrub(w.d, 0, w.rows), 0);
        cr_assert_eq(raid3_counts(w.d).rebuilt_stripes, w.rows);
        /* The spare is a member as any other: now another may go. */
        raid3_kill_member(w.d, (member + 1) % 5);
        cr_assert_eq(differences(&w), 0);
        shadow_end(&w);
    }
}

static void written(struct blk_req *r)
{
    cr_assert_eq(r->status, BLK_OK);
    blk_req_fini(r);
    free(r);
}

Test(raid3, writes_over_the_front_of_a_rebuild_of_parity_leave_parity_that_agrees)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = small_array(s, 1, 0, 3);
    struct blk_describe about;
    d->ops->describe(d, &about);
    uint64_t crossed = 0, seed = 7;
    raid3_kill_member(d, 4);
    while (raid3_rebuilding(d)) {
        uint64_t front = raid3_counts(d).rebuilt_stripes;
        if (front >= 20 && front + 20 < about.sectors && front < 400) {
            struct blk_req *r = calloc(1, sizeof *r);
            blk_req_init(r, BLK_WRITE, front - 20, 40, written, NULL);
            rope_add_pattern(&r->data, ++seed, 0, 40 * (uint64_t)about.sector_bytes);
            blk_submit(d, r);
            crossed++;
        }
        pass(s, 40 * SIM_MS);
    }
    cr_assert_gt(crossed, 10);
    cr_assert_eq(raid3_scrub(d, 0, about.sectors), 0);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(raid3, a_rebuild_takes_what_its_rate_says_within_a_step)
{
    const int64_t rates[] = { 50000, 200000 }, batch = 128;
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        struct sim *s = kit_sim(1);
        struct blkdev *d = small_array(s, 1, rates[i], batch);
        uint64_t bytes = disk_geometry(d)->sectors * 512;
        double whole = (double)bytes / (double)rates[i];
        double one = (double)(batch * 512) / (double)rates[i];
        sim_time began = sim_now(s);
        raid3_kill_member(d, 1);
        while (raid3_rebuilding(d))
            pass(s, SIM_MS);
        double took = sim_time_seconds(sim_now(s) - began);
        cr_assert_leq(took, whole + 0.001, "%g of %g", took, whole);
        cr_assert_geq(took, whole - one, "%g of %g", took, whole);
        /* Each step is read, then the spare is written. */
        struct disk_counts c = disk_counts(d);
        cr_assert_geq(c.requests[BLK_READ], bytes / 512 / (uint64_t)batch);
        cr_assert_eq(c.requests[BLK_WRITE], c.requests[BLK_READ]);
        d->ops->destroy(d);
        sim_destroy(s);
    }
}

Test(raid3, a_second_loss_in_a_rebuild_leaves_what_is_filled_and_errors_beyond)
{
    struct sim *s = kit_sim(1);
    struct shadowed w;
    struct blk_health h = { .errors = 0 };
    shadow_begin(&w, small_array(s, 2, 100000, 128), s, 7);
    traffic(&w, 300);
    pass(s, 60 * SIM_SEC);
    raid3_kill_member(w.d, 1);
    pass(s, 30 * SIM_SEC);
    uint64_t filled = raid3_counts(w.d).rebuilt_stripes;
    cr_assert_gt(filled, w.rows / 4);
    cr_assert_lt(filled, w.rows / 2);
    raid3_kill_member(w.d, 3);
    pass(s, 300 * SIM_SEC);
    cr_assert_eq(raid3_counts(w.d).rebuilt_stripes, filled);
    blk_health(w.d, &h);
    cr_assert_eq(h.missing, 2);
    cr_assert_eq(h.errors, 0);
    cr_assert_eq(differences(&w), w.rows - filled);
    kit_read(w.d, filled - 1, 1, NULL);
    cr_assert_eq(kit_status(), BLK_OK);
    kit_read(w.d, filled, 1, NULL);
    cr_assert_eq(kit_status(), BLK_ERR_DEVICE);
    struct rope data;
    kit_pattern(&data, 1, 0, 2 * SECTOR);
    kit_write(w.d, filled - 1, 2, &data);
    cr_assert_eq(kit_status(), BLK_ERR_DEVICE);
    rope_fini(&data);
    cr_assert_eq(differences(&w), w.rows - filled);
    shadow_end(&w);
}

Test(raid3, a_spare_that_dies_while_it_is_filled_is_not_there_and_the_next_begins_anew)
{
    struct sim *s = kit_sim(1);
    struct shadowed w;
    struct blk_health h = { .errors = 0 };
    shadow_begin(&w, small_array(s, 1, 0, 128), s, 8);
    traffic(&w, 300);
    pass(s, 60 * SIM_SEC);
    raid3_kill_member(w.d, 4);
    pass(s, 3 * SIM_SEC);
    cr_assert(raid3_rebuilding(w.d));
    uint64_t first = raid3_counts(w.d).rebuilt_stripes;
    cr_assert_gt(first, 0);
    raid3_kill_member(w.d, 4);
    cr_assert_not(raid3_rebuilding(w.d));
    pass(s, 60 * SIM_SEC);
    blk_health(w.d, &h);
    cr_assert_eq(h.missing, 1);
    cr_assert_eq(raid3_counts(w.d).rebuilt_stripes, first);
    /* What was on it counts for nothing: with a data member gone not even the front is there. */
    cr_assert_eq(differences(&w), 0);
    traffic(&w, 100);
    pass(s, 60 * SIM_SEC);
    raid3_add_spare(w.d);
    pass(s, 600 * SIM_SEC);
    cr_assert_not(raid3_degraded(w.d));
    cr_assert_eq(raid3_counts(w.d).rebuilt_stripes, first + w.rows);
    cr_assert_eq(raid3_scrub(w.d, 0, w.rows), 0);
    raid3_kill_member(w.d, 0);
    cr_assert_eq(differences(&w), 0);
    shadow_end(&w);
}

Test(raid3, medium_errors_of_survivors_are_counted_and_stay_errors_until_written)
{
    struct sim *s = kit_sim(1);
    struct shadowed w;
    shadow_begin(&w, small_array(s, 1, 0, 128), s, 9);
    traffic(&w, 300);
    pass(s, 60 * SIM_SEC);
    fault(w.d, 2, (struct disk_fault){ .kind = DISK_FAULT_SECTOR, .sector = 700, .sectors = 5 });
    cr_assert_eq(differences(&w), 0); /* answered from the others */
    /* These cannot be read of any member. */
    fault(w.d, 0, (struct disk_fault){ .kind = DISK_FAULT_SECTOR, .sector = 3001, .sectors = 2 });
    raid3_kill_member(w.d, 2);
    pass(s, 600 * SIM_SEC);
    cr_assert_not(raid3_degraded(w.d));
    cr_assert_eq(raid3_counts(w.d).unrecovered, 7);
    cr_assert_eq(raid3_counts(w.d).rebuilt_stripes, w.rows - 7);
    kit_read(w.d, 704, 1, NULL);
    cr_assert_eq(kit_status(), BLK_ERR_MEDIUM);
    kit_read(w.d, 705, 1, NULL);
    cr_assert_eq(kit_status(), BLK_OK);
    struct rope data;
    rope_init(&data);
    rope_add_bytes(&data, w.bytes + 690 * SECTOR, 20 * SECTOR);
    kit_write(w.d, 690, 20, &data);
    cr_assert_eq(kit_status(), BLK_OK);
    kit_read(w.d, 690, 20, NULL);
    cr_assert_eq(kit_status(), BLK_OK);
    rope_fini(&data);
    shadow_end(&w);
}

/* Reads in order, always ahead of where the arm came from last. */
static void again_ahead(struct blk_req *r)
{
    struct shadowed *w = r->owner;
    uint64_t next = r->sector + ARRAY_LEN(w->reqs) * 8;
    blk_req_fini(r);
    if (w->left == 0 || next + 8 > w->rows)
        return;
    w->left--;
    blk_req_init(r, BLK_READ, next, 8, again_ahead, w);
    blk_submit(w->d, r);
}

/* SCHED3. */
Test(raid3, a_rebuild_is_not_starved_by_reads_that_stay_ahead_of_it)
{
    struct sim *s = kit_sim(1);
    struct shadowed w;
    shadow_begin(&w, small_array(s, 0, 0, 128), s, 12);
    raid3_kill_member(w.d, 2);
    w.left = 1500;
    for (size_t i = 0; i < ARRAY_LEN(w.reqs); i++) {
        blk_req_init(&w.reqs[i], BLK_READ, 2000 + i * 8, 8, again_ahead, &w);
        blk_submit(w.d, &w.reqs[i]);
    }
    fault(w.d, 0, (struct disk_fault){ .kind = DISK_FAULT_SPARE });
    while (w.left > 100)
        pass(s, SIM_MS);
    cr_assert_gt(raid3_counts(w.d).rebuilt_stripes, 1500); /* 8 reads to each half of a step */
    pass(s, 600 * SIM_SEC);
    cr_assert_not(raid3_degraded(w.d));
    shadow_end(&w);
}

Test(raid3, a_scrub_takes_its_time_counts_mismatches_and_mends)
{
    struct sim *s = kit_sim(1);
    struct shadowed w;
    const int64_t rate = 100000;
    shadow_begin(&w, small_array(s, 0, rate, 128), s, 10);
    traffic(&w, 300);
    pass(s, 60 * SIM_SEC);
    const uint64_t flipped[] = { 3, 640, 641, w.rows - 1 };
    for (size_t i = 0; i < ARRAY_LEN(flipped); i++)
        fault(w.d, 5,
              (struct disk_fault){
                  .kind = DISK_FAULT_FLIP, .sector = flipped[i], .byte = 9, .bits = 4 });
    fault(w.d, 1, (struct disk_fault){ .kind = DISK_FAULT_SECTOR, .sector = 50, .sectors = 3 });
    fault(w.d, 0, (struct disk_fault){ .kind = DISK_FAULT_SCRUB });
    double whole = (double)w.rows * 512 / (double)rate;
    pass(s, (sim_time)((whole - 2) * (double)SIM_SEC));
    cr_assert_lt(raid3_counts(w.d).scrubbed_stripes, w.rows);
    traffic(&w, 100);
    pass(s, 60 * SIM_SEC);
    struct raid_counts c = raid3_counts(w.d);
    cr_assert_eq(c.scrubbed_stripes, w.rows);
    cr_assert_eq(c.mismatches, ARRAY_LEN(flipped));
    cr_assert_eq(c.repaired, 3);
    cr_assert_eq(w.wrong, 0);
    cr_assert_eq(raid3_scrub(w.d, 0, w.rows), 0);
    raid3_kill_member(w.d, 1);
    cr_assert_eq(differences(&w), 0);
    shadow_end(&w);
}

Test(raid3, a_power_failure_in_a_rebuild_costs_a_step_and_no_bytes)
{
    struct sim *s = kit_sim(1);
    struct shadowed w;
    shadow_begin(&w, small_array(s, 1, 0, 128), s, 11);
    traffic(&w, 300);
    pass(s, 60 * SIM_SEC);
    raid3_kill_member(w.d, 0);
    for (int i = 0; i < 20; i++) {
        pass(s, 137 * SIM_MS);
        fault(w.d, 0, (struct disk_fault){ .kind = DISK_FAULT_POWER });
    }
    cr_assert(raid3_rebuilding(w.d));
    pass(s, 600 * SIM_SEC);
    cr_assert_not(raid3_degraded(w.d));
    cr_assert_eq(raid3_counts(w.d).rebuilt_stripes, w.rows);
    cr_assert_eq(differences(&w), 0);
    raid3_kill_member(w.d, 3);
    cr_assert_eq(differences(&w), 0);
    shadow_end(&w);
}

Test(build, any_stack_comes_from_a_table_and_mistakes_have_sentences)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct blk_describe about;
    struct blkdev *d = blk_build(s, NULL, -1, "d", "devices[1]", &e);
    d->ops->describe(d, &about);
    cr_assert_eq(about.sectors, 1962u * 19 * 72);
    d->ops->destroy(d);

    struct val *scsi = val_new(VAL_TABLE, NULL, 0), *array_spec = val_new(VAL_TABLE, NULL, 0);
    val_put(array_spec, "kind", val_new_string("raid3", NULL, 0));
    val_put(scsi, "kind", val_new_string("scsi", NULL, 0));
    val_put(scsi, "device", array_spec);
    d = blk_build(s, scsi, -1, "d", "devices[1]", &e);
    cr_assert(d != NULL, "%s", e.text);
    d->ops->describe(d, &about);
    cr_assert_eq(about.sector_bytes, SECTOR);
    d->ops->destroy(d);

    val_put(array_spec, "kind", val_new_string("raid33", NULL, 0));
    cr_assert_null(blk_build(s, scsi, -1, "d", "devices[1]", &e));
    cr_assert(strstr(e.text, "devices[1].device.kind") != NULL, "%s", e.text);
    cr_assert(strstr(e.text, "raid3") != NULL, "%s", e.text);
    val_free(scsi);
    sim_destroy(s);
}
