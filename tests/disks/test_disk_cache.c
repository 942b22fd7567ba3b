/* The on-board buffer: where reading ahead ends, what stays, when writes are reported. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/disks/kit.h"

#define TRACK 72
#define CYLINDER (19 * TRACK)

static struct disk_params cached(void)
{
    struct disk_params p = kit_bare();
    p.cache.enabled = true;
    p.cache.read_ahead = 200;
    p.cache.segment_sectors = 256;
    return p;
}

/* Reads [at, at + 4), lets the drive read ahead, and asks whether `then` is in the buffer. */
static bool ahead(int until, uint64_t at, uint64_t then)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = cached();
    p.cache.read_until = until;
    struct blkdev *d = kit_disk(s, &p);
    kit_read(d, at, 4, NULL);
    kit_wait(s, SIM_SEC);
    kit_read(d, then, 1, NULL);
    bool hit = disk_counts(d).hits == 1;
    d->ops->destroy(d);
    sim_destroy(s);
    return hit;
}

Test(disk_cache, reading_ahead_ends_with_the_track_the_cylinder_or_the_number_of_sectors)
{
    cr_assert(ahead(DISK_UNTIL_TRACK, 10, TRACK - 1));
    cr_assert_not(ahead(DISK_UNTIL_TRACK, 10, TRACK));
    cr_assert_not(
        ahead(DISK_UNTIL_TRACK, TRACK - 4, TRACK)); /* a request that ends with its track */
    cr_assert(ahead(DISK_UNTIL_TRACK, TRACK - 3, 2 * TRACK - 1));
    cr_assert(ahead(DISK_UNTIL_OWN_TRACK, 10, TRACK - 1));
    cr_assert_not(ahead(DISK_UNTIL_OWN_TRACK, TRACK - 5, TRACK));
    cr_assert(ahead(DISK_UNTIL_OWN_TRACK, TRACK - 4, TRACK + 199)); /* ends with its track */
    cr_assert_not(ahead(DISK_UNTIL_OWN_TRACK, TRACK - 4, TRACK + 200));
    cr_assert(ahead(DISK_UNTIL_OWN_TRACK, TRACK - 3, TRACK + 1 + 199)); /* crosses it */
    cr_assert(ahead(DISK_UNTIL_CYLINDER, CYLINDER - 100, CYLINDER - 1));
    cr_assert_not(ahead(DISK_UNTIL_CYLINDER, CYLINDER - 100, CYLINDER));
    cr_assert(ahead(DISK_UNTIL_SEGMENT, CYLINDER - 100, CYLINDER));
    cr_assert(ahead(DISK_UNTIL_SEGMENT, 10, 14 + 199));
    cr_assert_not(ahead(DISK_UNTIL_SEGMENT, 10, 14 + 200));
}

Test(disk_cache, what_was_sent_stays_or_not)
{
    for (int keep = 0; keep < 2; keep++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = cached();
        p.cache.keep = keep == 1;
        struct blkdev *d = kit_disk(s, &p);
        kit_read(d, 10, 8, NULL);
        kit_wait(s, 100 * SIM_MS);
        kit_read(d, 20, 4, NULL); /* read ahead: there in any case */
        cr_assert_eq(disk_counts(d).hits, 1);
        kit_read(d, 20, 4, NULL);
        cr_assert_eq(disk_counts(d).hits, keep == 1 ? 2 : 1);
        d->ops->destroy(d);
        sim_destroy(s);
    }
}

Test(disk_cache, a_read_behind_the_head_goes_on_with_the_stream_or_loses_a_turn)
{
    sim_time took[2];
    for (int almost = 0; almost < 2; almost++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = cached();
        p.cache.almost_hits = almost == 1;
        struct blkdev *d = kit_disk(s, &p);
        sim_time rev = disk_geometry(d)->rev;
        kit_read(d, 0, 8, NULL);
        /* The head is in the middle of sector 20, still in the first turn. */
        kit_wait(s, 20 * rev / TRACK + rev / (2 * TRACK) - sim_now(s));
        took[almost] = kit_read(d, 20, 8, NULL);
        d->ops->destroy(d);
        sim_destroy(s);
    }
    cr_assert_lt(took[1], 2 * SIM_MS);
    cr_assert_gt(took[0], 14 * SIM_MS);
}

Test(disk_cache, reads_hit_on_what_was_written_only_where_writes_share_the_segments)
{
    for (int own = 0; own < 2; own++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = cached();
        struct rope data;
        p.cache.segments = 3;
        p.cache.write_segment = own == 1;
        struct blkdev *d = kit_disk(s, &p);
        kit_pattern(&data, 1, 0, 8 * 512);
        kit_write(d, 5000, 8, &data);
        kit_read(d, 5002, 4, NULL);
        cr_assert_eq(disk_counts(d).hits, own == 1 ? 0 : 1);
        rope_fini(&data);
        d->ops->destroy(d);
        sim_destroy(s);
    }
}

/* Of a stream of writes the segment keeps the last sectors, as many as it has room for. */
Test(disk_cache, a_stream_of_writes_keeps_its_last_segment)
{
    const uint64_t from = 5000, step = 50;
    for (int first = 0; first < 2; first++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = cached();
        struct rope data;
        p.cache.segments = 2;
        struct blkdev *d = kit_disk(s, &p);
        kit_pattern(&data, 1, 0, step * 512);
        for (uint64_t i = 0; i < 6; i++) /* 300 sectors, of which 256 stay */
            kit_write(d, from + i * step, (uint32_t)step, &data);
        kit_read(d, from + 300 - 256 - (first == 0), 4, NULL);
        cr_assert_eq(disk_counts(d).hits, (uint64_t)first);
        rope_fini(&data);
        d->ops->destroy(d);
        sim_destroy(s);
    }
}

Test(disk_cache, a_write_that_the_buffer_cannot_hold_is_reported_from_the_medium)
{
    static const enum disk_report early[] = { DISK_REPORT_MEDIA, DISK_REPORT_STREAM,
                                              DISK_REPORT_ONE, DISK_REPORT_ALL };
    sim_time took[ARRAY_LEN(early)];
    for (size_t i = 0; i < ARRAY_LEN(early); i++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = cached();
        struct rope data;
        p.cache.report = (int)early[i];
        p.cache.segment_sectors = 2 * (int64_t)TRACK;
        struct blkdev *d = kit_disk(s, &p);
        kit_pattern(&data, 1, 0, (2 * TRACK + 1) * 512);
        took[i] = kit_write(d, 0, 2 * TRACK + 1, &data);
        cr_assert_eq(took[i], took[0], "report %zu", i);
        cr_assert_eq(disk_counts(d).reported_early, 0);
        rope_fini(&data);
        d->ops->destroy(d);
        cr_assert(kit_audit(s));
        sim_destroy(s);
    }
}

Test(disk_cache, one_unwritten_write_at_a_time_and_what_continues_it)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = cached();
    struct rope data;
    p.cache.report = DISK_REPORT_ONE;
    p.overhead.write = p.overhead.write_after_write = SIM_MS;
    struct blkdev *d = kit_disk(s, &p);
    const struct geometry *g = disk_geometry(d);
    const struct seek_curve *c = disk_seek_curve(d);
    kit_pattern(&data, 1, 0, 8 * 512);
    sim_time bus = 8 * 512; /* picoseconds: an instant bus */
    uint64_t far = (uint64_t)CYLINDER * 1000;
    cr_assert_eq(kit_write(d, far, 8, &data), SIM_MS + bus);
    /* It goes on where the first ends: in the buffer as well. */
    cr_assert_eq(kit_write(d, far + 8, 8, &data), SIM_MS + bus);
    /* Elsewhere: its data must wait until the arm has written both: seek, rotation to sector 0 of
     * that track, 16 sectors. */
    struct geo_run run;
    geo_locate(g, far, &run);
    sim_time there = SIM_MS + seek_time(c, 0, 0, run.cyl, run.head, true);
    sim_time begin = there / g->rev * g->rev + geo_slot_time(g, run.slot, TRACK);
    begin += begin < there ? g->rev : 0;
    sim_time written = begin + geo_slot_time(g, 16, TRACK);
    sim_time took = kit_write(d, 77, 8, &data), now = sim_now(s);
    cr_assert(llabs(now - (written + bus)) <= 2, "%ld %ld", (long)now, (long)(written + bus));
    cr_assert_gt(took, 5 * SIM_MS);
    cr_assert_eq(disk_counts(d).reported_early, 3);
    /* A read waits for the arm as well. */
    cr_assert_gt(kit_read(d, far, 1, NULL), 5 * SIM_MS);
    rope_fini(&data);
    d->ops->destroy(d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
}
