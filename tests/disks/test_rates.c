/* test_rates.c: no more bytes in the window than the interface, the bus and the head can pass. */
#include <criterion/criterion.h>
#include <string.h>

#include "disks/disk_internal.h"
#include "sim/audit.h"
#include "tests/disks/kit.h"

enum { DRIVES = 4, REQUESTS = 100, SECTORS = 128 };

struct reader {
    struct blk_req r;
    struct blkdev *d;
    uint64_t at;
    uint32_t sectors;
    int left;
};

static void read_on(struct blk_req *r)
{
    struct reader *x = r->owner;
    blk_req_fini(r);
    if (x->left-- == 0)
        return;
    blk_req_init(r, BLK_READ, x->at, x->sectors, read_on, x);
    x->at += x->sectors;
    blk_submit(x->d, r);
}

struct bench {
    struct sim *s;
    struct blkdev *d[DRIVES];
    struct scsi_bus *bus;
};

/* Drives that read on and on, on one bus. */
static void stream(struct bench *b, int drives, uint32_t sectors, const struct disk_params *p)
{
    struct reader x[DRIVES];
    *b = (struct bench){ .s = kit_sim(1) };
    b->bus = drives > 1 ? scsi_create(b->s, &p->bus, 0, "bus") : NULL;
    for (int i = 0; i < drives; i++) {
        x[i] = (struct reader){
            .d = kit_disk(b->s, p), .left = REQUESTS, .sectors = sectors, .at = 10000 * (uint64_t)i
        };
        x[i].r.owner = &x[i];
        b->d[i] = x[i].d;
        if (b->bus != NULL)
            x[i].d->ops->attach(x[i].d, b->bus, (uint32_t)i);
    }
    for (int i = 0; i < drives; i++)
        read_on(&x[i].r);
    sim_run(b->s);
}

static void end(struct bench *b)
{
    for (int i = 0; i < DRIVES && b->d[i] != NULL; i++)
        b->d[i]->ops->destroy(b->d[i]);
    sim_destroy(b->s);
}

static struct disk_params streaming(int64_t bus_rate)
{
    struct disk_params p = kit_bare();
    p.cache.enabled = true;
    p.cache.read_ahead = 256;
    p.cache.segment_sectors = 512;
    p.bus.rate = bus_rate;
    return p;
}

static void found(struct bench *b, const char *sentence)
{
    char text[2000];
    cr_assert_gt(sim_audit_run(b->s, text, sizeof text), 0);
    cr_assert(strstr(text, sentence), "%s", text);
}

Test(rates, an_interface_that_is_full_is_within_its_rate_and_a_tenth_more_is_not)
{
    struct bench b;
    struct disk_params p = streaming(1000000);
    stream(&b, 1, SECTORS, &p);
    cr_assert(kit_audit(b.s));
    b.d[0]->whole.amount += b.d[0]->whole.amount / 10;
    found(&b, "14080 sectors over the interface in a window of");
    end(&b);
}

Test(rates, a_bus_that_is_full_is_within_its_rate_and_a_fifth_more_is_not)
{
    struct bench b;
    struct disk_params p = streaming(5000000);
    stream(&b, DRIVES, SECTORS, &p);
    cr_assert(kit_audit(b.s));
    scsi_carried(b.bus, 0, DRIVES * REQUESTS * SECTORS * 512 / 5);
    found(&b, "31457280 bytes over the bus in a window of");
    end(&b);
}

Test(rates, the_head_passes_no_more_than_its_tracks_hold)
{
    struct bench b;
    struct disk_params p = kit_bare();
    stream(&b, 1, 20 * SECTORS, &p);
    cr_assert(kit_audit(b.s));
    struct sim_whole *passed = &CONTAINER_OF(b.d[0], struct disk, dev)->passed;
    cr_assert_eq(passed->amount, REQUESTS * 20 * SECTORS);
    passed->amount += passed->amount / 2; /* it moves from track to track between */
    found(&b, "384000 sectors under the head in a window of");
    end(&b);
}

static void tick(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_window_open(s);
}

/* What began before the window opened may have been there before. */
Test(rates, what_the_edges_cut_is_not_held_against_the_rate)
{
    struct sim *s = kit_sim(1);
    struct scsi_params p = { .rate = 10000000, .sync = true };
    struct scsi_bus *b = scsi_create(s, &p, 0, "bus");
    struct sim_event e;
    sim_event_init(&e, SIM_CLASS_MEASURE, tick);
    sim_at(s, &e, SIM_MS);
    kit_wait(s, 3 * SIM_MS);
    scsi_carried(b, SIM_MS - 1, 1000);
    scsi_carried(b, SIM_MS, 20000); /* as much as goes over it in 2 ms */
    cr_assert(kit_audit(s));
    scsi_carried(b, 2 * SIM_MS, 1);
    cr_assert_not(kit_audit(s));
    scsi_destroy(b);
    sim_destroy(s);
}
