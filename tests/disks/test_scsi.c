/* The bus: who is served first, and what several drives get of it. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "disks/scsi.h"
#include "sim/server.h"
#include "tests/disks/kit.h"

struct talker {
    struct scsi_phase phase;
    struct sim *s;
    sim_time length, granted, ended;
    int order;
};

static int turns;

static sim_time granted(struct scsi_phase *p, sim_time at)
{
    struct talker *t = CONTAINER_OF(p, struct talker, phase);
    t->granted = at;
    t->order = turns++;
    return at + t->length;
}

static void ended(struct scsi_phase *p)
{
    struct talker *t = CONTAINER_OF(p, struct talker, phase);
    t->ended = sim_now(t->s);
}

/* BUS2. */
Test(scsi, of_those_who_ask_at_one_instant_the_highest_id_comes_first)
{
    struct sim *s = kit_sim(1);
    struct scsi_params p = {
        .rate = 5000000, .sync = true, .arbitration = 3 * SIM_US, .host_id = 7
    };
    struct scsi_bus *b = scsi_create(s, &p, 0, "bus");
    scsi_attach(b, 2);
    scsi_attach(b, 5);
    struct talker t[4];
    const uint32_t ids[] = { 2, 5, 7, 5 };
    turns = 0;
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        t[i] = (struct talker){ .s = s, .length = SIM_MS };
        scsi_phase_init(&t[i].phase, ids[i], granted, ended);
        scsi_ask(b, &t[i].phase);
    }
    sim_run(s);
    /* 7, then both fives in order of asking, then 2; each arbitrates anew. */
    const int order[] = { 3, 1, 0, 2 };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        cr_assert_eq(t[i].order, order[i]);
        cr_assert_eq(t[i].granted, order[i] * (SIM_MS + 3 * SIM_US) + 3 * SIM_US);
        cr_assert_eq(t[i].ended, t[i].granted + SIM_MS);
    }
    double share, mean, most;
    int32_t node;
    cr_assert_not_null(sim_busiest(s, SIM_KIND_BUS, &share));
    cr_assert_float_eq(share, 1, 1e-9);
    /* Of four alike that wait from the start: 4, 3, 2 and 1. */
    cr_assert(sim_queue_mean(s, SIM_KIND_SCSI, &mean, &most, &node));
    cr_assert_float_eq(mean, 2.5, 1e-9);
    cr_assert(kit_audit(s));
    scsi_detach(b);
    scsi_detach(b);
    sim_destroy(s);
}

Test(scsi, the_data_rate_is_the_least_of_bus_host_and_device)
{
    struct sim *s = kit_sim(1);
    struct scsi_params p = { .rate = 10000000, .async_rate = 2000000, .sync = true, .host_id = 7 };
    struct scsi_bus *b = scsi_create(s, &p, 0, "bus");
    cr_assert_eq(scsi_rate(b, 0), 10000000);
    cr_assert_eq(scsi_rate(b, 3000000), 3000000);
    scsi_destroy(b);
    p.host_rate = 4000000;
    b = scsi_create(s, &p, 0, "bus");
    cr_assert_eq(scsi_rate(b, 0), 4000000);
    scsi_destroy(b);
    p.sync = false;
    b = scsi_create(s, &p, 0, "bus");
    cr_assert_eq(scsi_rate(b, 0), 2000000);
    scsi_destroy(b);
    sim_destroy(s);
}

/* Each drive reads large pieces in order, one at a time. */
struct reader {
    struct blkdev *d;
    struct blk_req r;
    uint64_t at;
    int left;
};

static void read_on(struct blk_req *r)
{
    struct reader *x = r->owner;
    rope_fini(&r->data);
    if (x->left-- == 0)
        return;
    blk_req_init(r, BLK_READ, x->at, 128, read_on, x);
    x->at += 128;
    blk_submit(x->d, r);
}

static double rate_of(uint32_t drives, bool shared, int64_t bus_rate)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    struct reader x[4];
    p.cache.enabled = true;
    p.cache.read_ahead = 256;
    p.cache.segment_sectors = 512;
    p.bus.rate = bus_rate;
    struct scsi_bus *b = shared ? scsi_create(s, &p.bus, 0, "bus") : NULL;
    for (uint32_t i = 0; i < drives; i++) {
        x[i] = (struct reader){ .d = kit_disk(s, &p), .left = 200, .at = i * 10000 };
        x[i].r.owner = &x[i];
        if (shared)
            x[i].d->ops->attach(x[i].d, b, i);
    }
    for (uint32_t i = 0; i < drives; i++)
        read_on(&x[i].r);
    sim_run(s);
    double rate = drives * 200 * 65536.0 / sim_time_seconds(sim_now(s));
    for (uint32_t i = 0; i < drives; i++)
        x[i].d->ops->destroy(x[i].d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
    return rate;
}

/* BUS1. */
Test(scsi, drives_share_a_slow_bus_and_add_up_on_buses_of_their_own)
{
    /* A drive streams about 2.2 MB/s.  Two fill 90 % of 5 MB/s of bus, four no more than the
     * bus. */
    double one = rate_of(1, false, 20000000), four = rate_of(4, false, 20000000);
    cr_assert_float_eq(four, 4 * one, 0.02 * four, "%g %g", one, four);
    double shared = rate_of(4, true, 5000000);
    cr_assert(shared < 5.0e6 && shared > 4.2e6, "%g", shared);
    /* A fast one holds them all: nobody keeps it while the medium turns. */
    double fast = rate_of(4, true, 20000000);
    cr_assert_float_eq(fast, four, 0.05 * four, "%g %g", fast, four);
}

static void read_anywhere(struct blk_req *r)
{
    struct reader *x = r->owner;
    rope_fini(&r->data);
    if (x->left-- == 0) { /* those of low ids have had less: all end with the first */
        sim_stop(x->d->sim);
        return;
    }
    x->at = (x->at * 1103515245 + 12345) % 1000000;
    /* On one track of 108. */
    blk_req_init(r, BLK_READ, x->at / 108 * 108 + x->at % 92, 16, read_anywhere, x);
    blk_submit(x->d, r);
}

/* Ten drives that keep the bus from their first sector on: it is never free, so a request takes it
 * as long as the sum of what one drive alone has it for: processing 2.15 ms, 16 sectors at 3.45
 * MB/s 2.374 ms (the medium is faster), status 0.081 ms; 217 requests a second (the C2490A's
 * numbers). */
Test(scsi, drives_that_hold_their_bus_share_the_time_that_each_has_it)
{
    struct sim *s = kit_sim(1);
    struct disk_params p = kit_bare();
    static struct reader x[10];
    p.geometry.sectors = 108;
    p.cache.enabled = true;
    p.cache.segment_sectors = 256;
    p.interface.hold = true;
    p.bus.rate = 3449902;
    p.overhead.read_miss = 2150 * SIM_US;
    p.overhead.read_done = 81 * SIM_US;
    struct scsi_bus *b = scsi_create(s, &p.bus, 0, "bus");
    for (uint32_t i = 0; i < ARRAY_LEN(x); i++) {
        x[i] = (struct reader){ .d = kit_disk(s, &p), .left = 300, .at = i * 7919 };
        x[i].r.owner = &x[i];
        x[i].d->ops->attach(x[i].d, b, i < 7 ? i : i + 1);
        read_anywhere(&x[i].r);
    }
    cr_assert_eq(sim_run(s), SIM_END_STOPPED);
    int done = 0;
    for (uint32_t i = 0; i < ARRAY_LEN(x); i++)
        done += 300 - x[i].left - 1; /* one is under way */
    double each = sim_time_seconds(sim_now(s)) * 1000 / done;
    for (uint32_t i = 0; i < ARRAY_LEN(x); i++)
        x[i].left = 0;
    sim_run(s);
    cr_assert_float_eq(each, 2.15 + 16 * 512 / 3449.902 + 0.081, 0.01 * each, "%g ms", each);
    for (uint32_t i = 0; i < ARRAY_LEN(x); i++)
        x[i].d->ops->destroy(x[i].d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
}

static void answered(struct blk_req *r)
{
    (*(int *)r->owner)++;
}

/* BLK1. */
Test(scsi, drives_that_die_with_requests_inside_answer_them_all)
{
    for (int where = DISK_QUEUE_DRIVER; where <= DISK_QUEUE_DRIVE; where++) {
        for (int depth = 0; depth <= 4; depth += 4) {
            struct sim *s = kit_sim(1);
            struct disk_params p = kit_bare();
            int answers = 0;
            p.queue.policy = kit_policy("sptf");
            p.queue.where = where;
            p.queue.depth = depth;
            struct blkdev *d = kit_disk(s, &p);
            struct blk_req many[30];
            for (size_t i = 0; i < ARRAY_LEN(many); i++) {
                blk_req_init(&many[i], BLK_READ, 7919 * i, 1, answered, &answers);
                blk_submit(d, &many[i]);
            }
            d->ops->kill(d);
            cr_assert_eq(sim_run(s), SIM_END_IDLE);
            for (size_t i = 0; i < ARRAY_LEN(many); i++)
                cr_assert_eq(many[i].status, BLK_ERR_DEVICE);
            cr_assert_eq(answers, 30);
            cr_assert_eq(disk_queued(d), 0);
            cr_assert(kit_audit(s));
            d->ops->destroy(d);
            sim_destroy(s);
        }
    }
}
