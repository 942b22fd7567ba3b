/* A drive against closed forms: seek over the curve, rotation, transfer, queueing, cache. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "sim/server.h"
#include "sim/stat.h"
#include "tests/disks/kit.h"

#define REV_US 14992503.748 /* ps in a turn at 4,002 rpm, / 1000 */

Test(disk, one_sector_takes_what_the_hand_calculation_says)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct blkdev *d = kit_disk(s, &p);
    sim_time rev = disk_geometry(d)->rev;
    cr_assert_eq(rev, 14992503748); /* 60 s / 4,002, rounded */
    /* Cylinder 100, head 3, sector 10: cylinder step 18 * 8 + 18 = 162 = 18 mod 72; slot = 3 * 8 +
     * 100 * 18 + 10 = 1834 = 34 mod 72. */
    uint64_t lbn = (100 * 19 + 3) * 72 + 10;
    sim_time seek = 7240 * SIM_US; /* 3.24 + 0.4 * 10, longer than the head switch */
    sim_time begin = 34 * rev / 72, end = 35 * rev / 72;
    sim_time expected = (begin >= seek ? begin : begin + rev) + (end - begin);
    expected += 1; /* 512 B at 1e12 B/s on the bus, rounded up to a picosecond: 512 ps */
    expected += 511;
    cr_assert_eq(kit_read(d, lbn, 1, NULL), expected);
    /* The arm is there: the same sector again needs a whole turn. */
    sim_time again = kit_read(d, lbn, 1, NULL);
    cr_assert_eq(again, rev);
    d->ops->destroy(d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
}

Test(disk, mean_of_random_reads_is_mean_seek_and_half_a_turn_and_transfer)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct blkdev *d = kit_disk(s, &p);
    struct sim_rng g;
    struct stat_moments times;
    sim_rng_init_seed(&g, 5, "random reads");
    stat_init(&times);
    for (int i = 0; i < 20000; i++) {
        stat_add(&times,
                 (double)kit_read(d, sim_rng_below(&g, disk_geometry(d)->sectors), 1, NULL));
        kit_wait(s, (sim_time)sim_rng_below(&g, 15 * SIM_MS)); /* spreads the angle */
    }
    double expected = seek_mean_uniform_ms(disk_seek_curve(d)) + (0.5 + 1.0 / 72) * REV_US / 1e6;
    double mean = times.mean / (double)SIM_MS;
    /* Three standard errors; a move to another head on the same cylinder is rare. */
    cr_assert_float_eq(mean, expected, 3 * stat_deviation(&times) / 1e9 / sqrt(20000) + 0.005,
                       "%g against %g ms", mean, expected);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(disk, a_track_after_track_transfer_costs_the_skews)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct blkdev *d = kit_disk(s, &p);
    sim_time rev = disk_geometry(d)->rev;
    /* Three whole tracks from LBN 0, where the head is at time 0: each boundary waits 8 slots. */
    sim_time t = kit_read(d, 0, 3 * 72, NULL);
    sim_time media = 3 * rev + 2 * (8 * rev / 72);
    cr_assert(t >= media && t <= media + 3 * 72 * 513, "%ld %ld", (long)t, (long)media);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(disk, zero_latency_reads_a_whole_track_in_one_turn_from_anywhere)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct sim_rng g;
    p.zero_latency = true;
    struct blkdev *d = kit_disk(s, &p);
    sim_time rev = disk_geometry(d)->rev;
    sim_rng_init_seed(&g, 2, "zero latency");
    kit_read(d, 0, 72, NULL);
    for (int i = 0; i < 50; i++) {
        kit_wait(s, (sim_time)sim_rng_below(&g, 30 * SIM_MS));
        sim_time t = kit_read(d, 0, 72, NULL);
        /* To the next sector boundary, then one turn. */
        cr_assert(t >= rev && t <= rev + rev / 72 + 72 * 512 + 1, "%ld", (long)t);
    }
    /* Without it half a turn more is lost in the mean. */
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(disk, a_write_settles_longer)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    p.seek.write_settle = 700 * SIM_US;
    struct blkdev *d = kit_disk(s, &p);
    struct rope data;
    kit_pattern(&data, 1, 0, 512);
    for (uint64_t c = 1; c < 300; c += 37) {
        uint64_t lbn = c * 72 * 19;
        struct blk_req r;
        (void)r;
        sim_time rev = disk_geometry(d)->rev;
        kit_read(d, 0, 1, NULL);
        sim_time now = sim_now(s);
        sim_time t = kit_write(d, lbn, 1, &data);
        sim_time settled = now + disk_seek_curve(d)->time[c] + 700 * SIM_US;
        uint32_t slot = geo_track_slot(disk_geometry(d), disk_geometry(d)->zones, (uint32_t)c, 0);
        sim_time begin = slot * rev / 72;
        while (begin < settled)
            begin += rev;
        sim_time end = begin - slot * rev / 72 + (slot + 1) * rev / 72;
        cr_assert_eq(now + t, end);
    }
    rope_fini(&data);
    d->ops->destroy(d);
    sim_destroy(s);
}

/* ---- the cache ---- */

Test(disk, sequential_reads_stream_at_the_rate_of_the_medium)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    p.cache.enabled = true;
    p.cache.read_ahead = 256;
    struct blkdev *d = kit_disk(s, &p);
    sim_time rev = disk_geometry(d)->rev;
    uint64_t n = 19 * 72 * 10 / 8;
    sim_time start = sim_now(s);
    for (uint64_t i = 0; i < n; i++)
        kit_read(d, i * 8, 8, NULL);
    double took = (double)(sim_now(s) - start);
    /* Ten cylinders: 190 turns, 180 track skews of 8 slots, 9 cylinder skews of 18. */
    double media = (190 + 180 * 8 / 72.0 + 9 * 18 / 72.0) * (double)rev;
    cr_assert_float_eq(took, media, 0.01 * media, "%g %g", took, media);
    struct disk_counts c = disk_counts(d);
    cr_assert_eq(c.misses, 1);
    cr_assert_gt(c.streams + c.partial_hits + c.hits, n - 2);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(disk, what_was_read_ahead_in_idle_time_is_a_hit)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    p.cache.enabled = true;
    p.cache.read_ahead = 100;
    p.cache.segment_sectors = 200;
    p.overhead.read_hit = 300 * SIM_US;
    struct blkdev *d = kit_disk(s, &p);
    kit_read(d, 1000, 8, NULL);
    kit_wait(s, 100 * SIM_MS);
    /* Overhead and 8 sectors of 512 ps on the bus. */
    cr_assert_eq(kit_read(d, 1008, 8, NULL), 300 * SIM_US + 8 * 512);
    cr_assert_eq(kit_read(d, 1100, 8, NULL), 300 * SIM_US + 8 * 512);
    cr_assert_eq(disk_counts(d).hits, 2);
    /* A write there makes it stale. */
    struct rope data;
    kit_pattern(&data, 1, 0, 512);
    kit_write(d, 1050, 1, &data);
    kit_read(d, 1056, 1, NULL);
    cr_assert_eq(disk_counts(d).hits, 2);
    rope_fini(&data);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(disk, immediate_reporting_answers_when_the_data_are_in_the_buffer)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    p.cache.enabled = true;
    p.cache.report = DISK_REPORT_ALL;
    p.cache.segment_sectors = 100;
    p.overhead.write = p.overhead.write_after_write = SIM_MS;
    struct blkdev *d = kit_disk(s, &p);
    struct rope data;
    kit_pattern(&data, 1, 0, 64 * 512);
    cr_assert_eq(kit_write(d, 100000, 64, &data), SIM_MS + 64 * 512);
    /* The buffer holds 100 sectors: the next 64 do not fit beside the first and wait for the arm.
     */
    cr_assert_gt(kit_write(d, 500000, 64, &data), 10 * SIM_MS);
    rope_fini(&data);
    d->ops->destroy(d);
    sim_destroy(s);
}

/* ---- the bus ---- */

/* DISK1. */
Test(disk, phases_asked_for_and_phases_reckoned_give_the_same_times)
{
    /* A second, silent device on the bus makes every phase an event. */
    struct sim *a = kit_sim(1);
    struct err e = ERR_INIT;
    struct disk_params p;
    cr_assert(param_load(disk_params, &p, NULL, "disk", &e));
    p.overhead.reselect = 160 * SIM_US;
    p.overhead.disconnect = 20 * SIM_US;
    p.bus.arbitration = 3 * SIM_US;
    p.interface.read_mark = 0.75;
    p.interface.pieces = 1; /* more reconnections cost more */
    p.bus.rate = 3000000;
    struct blkdev *x = kit_disk(a, &p);
    static sim_time first[600];
    for (int turn = 0; turn < 2; turn++) {
        struct sim *s = turn == 0 ? a : kit_sim(1);
        struct blkdev *d = turn == 0 ? x : kit_disk(s, &p), *idle = NULL;
        if (turn == 1) {
            struct scsi_bus *bus = scsi_create(s, &p.bus, 0, "shared");
            idle = kit_disk(s, &p);
            d->ops->attach(d, bus, 1);
            idle->ops->attach(idle, bus, 2);
        }
        struct sim_rng g;
        struct rope data;
        sim_rng_init_seed(&g, 9, "phases");
        kit_pattern(&data, 1, 0, 40 * 512);
        for (int i = 0; i < 600; i++) {
            uint64_t n = 1 + sim_rng_below(&g, 40), at = sim_rng_below(&g, 3000);
            struct rope part;
            rope_init(&part);
            rope_add_slice(&part, &data, 0, n * 512);
            sim_time t = sim_rng_below(&g, 3) > 0 ? kit_read(d, at, (uint32_t)n, NULL)
                                                  : kit_write(d, at, (uint32_t)n, &part);
            rope_fini(&part);
            if (turn == 0)
                first[i] = t;
            else
                cr_assert_eq(t, first[i], "request %d", i);
            kit_wait(s, (sim_time)sim_rng_below(&g, 10 * SIM_MS));
        }
        rope_fini(&data);
        d->ops->destroy(d);
        if (idle != NULL)
            idle->ops->destroy(idle);
        cr_assert(kit_audit(s));
        sim_destroy(s);
    }
}

struct together {
    sim_time sum;
    int done;
};

static void together_done(struct blk_req *r)
{
    struct together *t = r->owner;
    t->sum += r->completed - r->submitted;
    t->done++;
}

/* Four drives in step read 128 sectors each over one bus of 10 MB/s; the medium takes two turns for
 * them, the bus 26 ms for all.  In pieces the bus carries while the media turn, and the last drive
 * waits for little; in one piece all ask at the end, and the last waits for three others, 20 ms. */
Test(disk, a_shared_bus_carries_reads_in_pieces_while_the_media_turn)
{
    sim_time mean[2], alone = 0;
    for (int turn = 0; turn < 3; turn++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = kit_bare();
        p.bus.rate = 10000000;
        p.interface.pieces = turn == 0 ? 1 : 16;
        struct blkdev *d[4];
        struct blk_req r[4];
        struct together t = { 0 };
        int drives = turn < 2 ? 4 : 1;
        struct scsi_bus *bus = scsi_create(s, &p.bus, 0, "shared");
        for (int i = 0; i < drives; i++) {
            d[i] = kit_disk(s, &p);
            d[i]->ops->attach(d[i], bus, (uint32_t)i);
        }
        for (int i = 0; i < drives; i++) {
            blk_req_init(&r[i], BLK_READ, 0, 128, together_done, &t);
            blk_submit(d[i], &r[i]);
        }
        sim_run(s);
        cr_assert_eq(t.done, drives);
        if (turn < 2)
            mean[turn] = t.sum / 4;
        else
            alone = t.sum;
        for (int i = 0; i < drives; i++) {
            cr_assert_eq(r[i].part[BLK_BUS], 128 * sim_time_of_bytes(512, p.bus.rate));
            blk_req_fini(&r[i]);
            d[i]->ops->destroy(d[i]);
        }
        cr_assert(kit_audit(s));
        sim_destroy(s);
    }
    sim_time whole = 128 * sim_time_of_bytes(512, 10000000);
    /* In one piece: 0, 1, 2 and 3 transfers wait, 1.5 on average. */
    cr_assert(llabs(mean[0] - alone - 3 * whole / 2) < whole / 20, "%ld", (long)(mean[0] - alone));
    cr_assert(mean[1] - alone < whole / 5, "%ld", (long)(mean[1] - alone));
}

/* ---- many at once ---- */

struct load {
    struct sim *s;
    struct blkdev *d;
    struct sim_rng rng;
    struct blk_req reqs[64];
    struct sim_event events[64];
    struct stat_moments times;
    uint64_t left, sectors;
    sim_time gap;
};

static void load_done(struct blk_req *r)
{
    struct load *l = r->owner;
    stat_add(&l->times, (double)(r->completed - r->submitted));
    rope_fini(&r->data);
    if (l->left == 0)
        return;
    l->left--;
    blk_req_init(r, BLK_READ, sim_rng_below(&l->rng, l->sectors), 1, load_done, l);
    blk_submit(l->d, r);
}

static double closed_loop(const char *policy, int where, uint32_t outstanding, uint64_t n)
{
    static struct load l;
    struct disk_params p = kit_bare();
    p.queue.policy = kit_policy(policy);
    p.queue.where = where;
    l.s = kit_sim(1);
    l.d = kit_disk(l.s, &p);
    l.left = n;
    l.sectors = disk_geometry(l.d)->sectors;
    sim_rng_init_seed(&l.rng, 3, "closed loop");
    stat_init(&l.times);
    for (uint32_t i = 0; i < outstanding; i++) {
        blk_req_init(&l.reqs[i], BLK_READ, sim_rng_below(&l.rng, l.sectors), 1, load_done, &l);
        blk_submit(l.d, &l.reqs[i]);
    }
    cr_assert_eq(sim_run(l.s), SIM_END_IDLE);
    cr_assert_eq(l.times.n, n + outstanding);
    double rate = (double)(n + outstanding) / sim_time_seconds(sim_now(l.s));
    cr_assert_eq(disk_queued(l.d), 0);
    l.d->ops->destroy(l.d);
    cr_assert(kit_audit(l.s));
    sim_destroy(l.s);
    return rate;
}

Test(disk, policies_rank_as_they_must_with_32_waiting)
{
    for (int where = DISK_QUEUE_DRIVER; where <= DISK_QUEUE_DRIVE; where++) {
        double fcfs = closed_loop("fcfs", where, 32, 4000);
        double look = closed_loop("look", where, 32, 4000);
        double scan = closed_loop("scan", where, 32, 4000);
        double clook = closed_loop("clook", where, 32, 4000);
        double cscan = closed_loop("cscan", where, 32, 4000);
        double sstf = closed_loop("sstf", where, 32, 4000);
        double asptf = closed_loop("asptf", where, 32, 4000);
        double sptf = closed_loop("sptf", where, 32, 4000);
        cr_assert_gt(look, 1.3 * fcfs);
        cr_assert_gt(look, scan);
        cr_assert_gt(clook, cscan);
        cr_assert_float_eq(sstf, look, 0.05 * look, "%g %g", sstf, look);
        cr_assert_gt(sptf, 1.2 * sstf);
        cr_assert(asptf <= sptf && asptf > 0.8 * sptf, "%g %g", asptf, sptf);
    }
}

Test(disk, fcfs_with_more_outstanding_is_no_faster)
{
    double one = closed_loop("fcfs", DISK_QUEUE_DRIVER, 1, 4000);
    double many = closed_loop("fcfs", DISK_QUEUE_DRIVER, 16, 4000);
    cr_assert_float_eq(one, many, 0.02 * one);
}

static void arrival(struct sim *s, struct sim_event *e);

static void open_done(struct blk_req *r)
{
    struct load *l = r->owner;
    stat_add(&l->times, (double)(r->completed - r->submitted));
    blk_req_fini(r);
    free(r);
}

static void arrival(struct sim *s, struct sim_event *e)
{
    struct load *l = CONTAINER_OF(e, struct load, events[0]);
    struct blk_req *r = base_alloc(sizeof *r);
    blk_req_init(r, BLK_READ, sim_rng_below(&l->rng, l->sectors), 1, open_done, l);
    blk_submit(l->d, r);
    if (--l->left > 0)
        sim_after(s, e, sim_rng_exponential(&l->rng, l->gap));
}

Test(disk, poisson_arrivals_wait_as_pollaczek_and_khinchine_say)
{
    /* M/G/1: E[T] = E[S] + lambda E[S^2] / (2 (1 - rho)).  E[S], E[S^2] from the same drive when
     * nobody waits.  Service times in FCFS random order are not quite independent. */
    static struct load l;
    struct disk_params p = kit_bare();
    struct stat_moments service;
    struct sim_rng g;
    stat_init(&service);
    l.s = kit_sim(1);
    l.d = kit_disk(l.s, &p);
    l.sectors = disk_geometry(l.d)->sectors;
    sim_rng_init_seed(&g, 5, "service");
    for (int i = 0; i < 20000; i++) {
        kit_wait(l.s, (sim_time)sim_rng_below(&g, 15 * SIM_MS));
        stat_add(&service, (double)kit_read(l.d, sim_rng_below(&g, l.sectors), 1, NULL));
    }
    double es = service.mean, es2 = stat_variance(&service) + es * es;
    const double loads[] = { 0.1, 0.3, 0.6 };
    for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
        double lambda = loads[i] / es;
        stat_init(&l.times);
        sim_rng_init_seed(&l.rng, 6, "arrivals");
        l.gap = (sim_time)(1 / lambda);
        l.left = 30000;
        sim_event_init(&l.events[0], SIM_CLASS_SOFTWARE, arrival);
        sim_after(l.s, &l.events[0], l.gap);
        sim_run(l.s);
        double expected = es + lambda * es2 / (2 * (1 - loads[i]));
        cr_assert_float_eq(l.times.mean, expected, 0.03 * expected, "load %g: %g against %g ms",
                           loads[i], l.times.mean / 1e9, expected / 1e9);
    }
    l.d->ops->destroy(l.d);
    sim_destroy(l.s);
}

/* ---- contents and faults ---- */

/* BLK2. */
Test(disk, random_reads_and_writes_agree_with_a_shadow)
{
    enum { SECTORS = 500 };
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct disk_params p;
    cr_assert(param_load(disk_params, &p, NULL, "disk", &e));
    struct blkdev *d = kit_disk(s, &p);
    static uint8_t shadow[SECTORS * 512], seen[SECTORS * 512];
    struct sim_rng g;
    sim_rng_init_seed(&g, 8, "shadow");
    for (int i = 0; i < 2000; i++) {
        uint64_t n = 1 + sim_rng_below(&g, 30), at = sim_rng_below(&g, SECTORS - n);
        struct rope r;
        rope_init(&r);
        if (sim_rng_below(&g, 2) == 0) {
            for (uint64_t b = 0; b < n * 512; b++)
                shadow[at * 512 + b] = (uint8_t)sim_rng_u32(&g);
            rope_add_bytes(&r, shadow + at * 512, n * 512);
            kit_write(d, at, (uint32_t)n, &r);
        } else {
            kit_read(d, at, (uint32_t)n, &r);
            cr_assert_eq(r.length, n * 512);
            rope_read(&r, 0, n * 512, seen);
            cr_assert_arr_eq(seen, shadow + at * 512, n * 512);
        }
        rope_fini(&r);
    }
    d->ops->destroy(d);
    cr_assert_eq(rope_leaves_alive(), 0);
    sim_destroy(s);
}

Test(disk, faults_do_what_their_names_say)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct blkdev *d = kit_disk(s, &p);
    struct rope a, b, out;
    kit_pattern(&a, 1, 0, 8 * 512);
    kit_pattern(&b, 2, 0, 8 * 512);
    kit_write(d, 100, 8, &a);

    disk_add_fault(d,
                   &(struct disk_fault){ .kind = DISK_FAULT_SECTOR, .sector = 103, .sectors = 2 });
    rope_init(&out);
    kit_read(d, 100, 8, &out);
    cr_assert_eq(kit_status(), BLK_ERR_MEDIUM);
    cr_assert_eq(out.length, 0);
    kit_read(d, 105, 3, &out);
    cr_assert_eq(kit_status(), BLK_OK);
    rope_fini(&out);
    kit_write(d, 100, 8, &b);
    kit_read(d, 100, 8, &out);
    cr_assert(rope_equal(&out, &b));
    rope_fini(&out);

    struct disk_fault once = { .sector = 100, .sectors = 8, .count = 1, .shift = 50 };
    once.kind = DISK_FAULT_LOST;
    disk_add_fault(d, &once);
    kit_write(d, 100, 8, &a);
    cr_assert_eq(kit_status(), BLK_OK);
    kit_read(d, 100, 8, &out);
    cr_assert(rope_equal(&out, &b));
    rope_fini(&out);

    once.kind = DISK_FAULT_TORN;
    disk_add_fault(d, &once);
    kit_write(d, 100, 8, &a);
    kit_read(d, 100, 8, &out);
    cr_assert_eq(rope_first_difference(&out, &a), 4 * 512);
    rope_fini(&out);

    once.kind = DISK_FAULT_MISDIRECTED;
    disk_add_fault(d, &once);
    kit_write(d, 100, 8, &b);
    kit_read(d, 150, 8, &out);
    cr_assert(rope_equal(&out, &b));
    rope_fini(&out);

    once.kind = DISK_FAULT_TRANSIENT;
    disk_add_fault(d, &once);
    kit_read(d, 100, 8, NULL);
    cr_assert_eq(kit_status(), BLK_ERR_MEDIUM);
    kit_read(d, 100, 8, NULL);
    cr_assert_eq(kit_status(), BLK_OK);

    cr_assert(d->ops->corrupt(d, 152, 7, 0x10));
    kit_read(d, 150, 8, &out);
    cr_assert_eq(rope_first_difference(&out, &b), 2 * 512 + 7);
    rope_fini(&out);

    disk_add_fault(d, &(struct disk_fault){ .kind = DISK_FAULT_DEATH });
    kit_read(d, 100, 8, NULL);
    cr_assert_eq(kit_status(), BLK_ERR_DEVICE);
    rope_fini(&a);
    rope_fini(&b);
    d->ops->destroy(d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
}

Test(disk, busy_time_of_the_arm_is_what_the_requests_say)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct blkdev *d = kit_disk(s, &p);
    double share;
    sim_time t = 0;
    for (uint64_t i = 0; i < 20; i++)
        t += kit_read(d, i * 7919, 1, NULL);
    const struct sim_busy *b = sim_busiest(s, SIM_KIND_ARM, &share);
    cr_assert_not_null(b);
    /* All but the 512 ps of each bus transfer. */
    cr_assert_eq(sim_busy_time(b, sim_now(s)), t - 20 * 512);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(disk, a_read_that_is_partly_cached_goes_on_where_the_head_is)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    p.cache.enabled = true;
    p.cache.read_ahead = 200;
    p.overhead.read_hit = 300 * SIM_US;
    p.overhead.read_miss = 900 * SIM_US;
    struct blkdev *d = kit_disk(s, &p);
    sim_time rev = disk_geometry(d)->rev;
    kit_read(d, 0, 8, NULL);
    kit_wait(s, 10 * rev / 72); /* sectors 8 to 17 or so are there, on a track of 72 */
    sim_time now = sim_now(s);
    kit_read(d, 8, 32, NULL);
    /* The first read waited for the second turn.  In that turn sector 39 passed under the head at
     * its own time: none was lost. */
    sim_time passed = rev + 40 * rev / 72;
    cr_assert(sim_now(s) >= passed && sim_now(s) <= passed + 32 * 513, "%ld", (long)now);
    cr_assert_eq(disk_counts(d).partial_hits, 1);
    d->ops->destroy(d);
    sim_destroy(s);
}

Test(disk, one_that_keeps_the_bus_cannot_have_commands_queued)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct err e = ERR_INIT;
    p.queue.where = DISK_QUEUE_DRIVE;
    p.interface.disconnect = false;
    cr_assert_null(disk_create(s, &p, -1, "disk", "devices", &e));
    cr_assert(strstr(e.text, "devices.queue.where: 'drive'") != NULL, "%s", e.text);
    sim_destroy(s);
}

static void note_end(struct blk_req *r)
{
    *(sim_time *)r->owner = r->completed;
    rope_fini(&r->data);
}

/* Two commands in the drive, the second for the other end; a sector takes a millisecond on the bus.
 * With one segment the arm waits until the first's data have gone, with two it moves meanwhile. */
Test(disk, the_arm_waits_until_the_only_segment_has_drained)
{
    for (int segments = 1; segments <= 2; segments++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = kit_bare();
        p.queue.where = DISK_QUEUE_DRIVE;
        p.cache.enabled = true;
        p.cache.segments = segments;
        p.cache.segment_sectors = 64;
        p.bus.rate = 512000;
        struct blkdev *d = kit_disk(s, &p);
        sim_time end[2], moves = seek_time(disk_seek_curve(d), 0, 0, 1900, 0, false);
        struct blk_req r[2];
        for (int i = 0; i < 2; i++) {
            blk_req_init(&r[i], BLK_READ, i == 0 ? 5 : UINT64_C(1900) * 19 * 72, 60, note_end,
                         &end[i]);
            blk_submit(d, &r[i]);
        }
        sim_run(s);
        if (segments == 1)
            cr_assert_geq(end[1], end[0] + moves + 60 * SIM_MS);
        else
            cr_assert_leq(end[1], end[0] + 61 * SIM_MS); /* the bus alone */
        d->ops->destroy(d);
        cr_assert(kit_audit(s));
        sim_destroy(s);
    }
}

static void note_times(struct blk_req *r)
{
    cr_assert_eq(r->completed, r->submitted + 250 * SIM_MS); /* nobody answers the selection */
    cr_assert_eq(r->started, r->completed, "no mechanism has worked on it");
    *(bool *)r->owner = true;
}

Test(disk, a_request_that_no_mechanism_worked_on_starts_when_it_ends)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct blkdev *d = kit_disk(s, &p);
    struct blk_req r;
    bool done = false;
    d->ops->kill(d);
    blk_req_init(&r, BLK_READ, 7, 1, note_times, &done);
    blk_submit(d, &r);
    sim_run(s);
    cr_assert(done);
    cr_assert_eq(r.status, BLK_ERR_DEVICE);
    d->ops->destroy(d);
    sim_destroy(s);
}

static void ignore(struct blk_req *r)
{
    (void)r;
}

/* Nothing of a drive is left, neither events nor, as LeakSanitizer sees, memory. */
Test(disk, a_drive_may_end_with_requests_under_way)
{
    for (int ms = 0; ms < 30; ms++) {
        struct sim *s = kit_sim(1);
        struct disk_params p = kit_bare();
        p.cache.enabled = ms % 2;
        struct blkdev *d = kit_disk(s, &p);
        struct blk_req r[5];
        for (uint32_t i = 0; i < 5; i++) {
            blk_req_init(&r[i], i % 2 ? BLK_READ : BLK_WRITE, UINT64_C(5000) * i, 8, ignore, NULL);
            if (i % 2 == 0)
                rope_add_zero(&r[i].data, 8 * 512);
            blk_submit(d, &r[i]);
        }
        kit_pass(s, ms * SIM_MS);
        d->ops->destroy(d);
        cr_assert_eq(sim_pending(s), 0, "after %d ms", ms);
        for (uint32_t i = 0; i < 5; i++)
            blk_req_fini(&r[i]);
        sim_destroy(s);
    }
}
