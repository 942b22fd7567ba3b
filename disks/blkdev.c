/* blkdev.c: what all block devices share: requests, submission, completion. */
#include "disks/blkdev.h"

#include <stdlib.h>
#include <string.h>

#include "sim/audit.h"
#include "sim/digest.h"

void blk_req_init(struct blk_req *r, enum blk_op op, uint64_t sector, uint32_t sectors,
                  void (*done)(struct blk_req *r), void *owner)
{
    *r = (struct blk_req){ .op = op,
                           .sector = sector,
                           .sectors = sectors,
                           .status = BLK_OK,
                           .done = done,
                           .owner = owner,
                           .started = SIM_NEVER };
    list_init(&r->link);
    rope_init(&r->data);
}

void blk_req_fini(struct blk_req *r)
{
    rope_fini(&r->data);
}

/* A request that no device here can do. */
struct refused {
    struct sim_event event;
    struct blkdev *d;
    struct blk_req *r;
};

static void refuse(struct sim *s, struct sim_event *ev)
{
    struct refused *x = CONTAINER_OF(ev, struct refused, event);
    struct blkdev *d = x->d;
    struct blk_req *r = x->r;
    (void)s;
    free(x);
    blk_complete(d, r, BLK_NO_MEDIUM, !d->inner);
}

void blk_submit(struct blkdev *d, struct blk_req *r)
{
    struct blk_describe about;
    if (r->op > BLK_WRITE) {
        ASSERT_MSG(r->op != BLK_FLUSH || (r->sectors == 0 && r->data.length == 0),
                   "a flush with sectors");
        blk_pass(d, r);
        return;
    }
    d->ops->describe(d, &about);
    if (about.sequential) {
        ASSERT_MSG(r->sectors == 1, "not one block (BLK3)");
        ASSERT_MSG(r->op != BLK_WRITE || (r->data.length > 0 && r->data.length <= about.largest),
                   "the length of a block (BLK3)");
        blk_pass(d, r);
        return;
    }
    ASSERT_MSG(r->sectors > 0, "a block request of no sectors (BLK3)");
    ASSERT_MSG(r->sector < about.sectors && r->sectors <= about.sectors - r->sector,
               "a block request past the end of the device (BLK3)");
    ASSERT_MSG(r->op != BLK_WRITE || r->data.length == (uint64_t)r->sectors * about.sector_bytes,
               "the data of a write is not as long as its sectors");
    blk_pass(d, r);
}

void blk_pass(struct blkdev *d, struct blk_req *r)
{
    r->status = BLK_OK;
    if (r->completed != SIM_NEVER) /* else it is inside a device, which hands it on */
        r->submitted = sim_now(d->sim);
    r->started = SIM_NEVER;
    r->completed = SIM_NEVER;
    memset(r->part, 0, sizeof r->part);
    if (r->op <= BLK_FLUSH || d->ops->sequential) {
        d->ops->submit(d, r);
        return;
    }
    struct refused *x = base_alloc(sizeof *x);
    x->d = d;
    x->r = r;
    sim_event_init(&x->event, SIM_CLASS_DEVICE, refuse);
    sim_after(d->sim, &x->event, 0);
}

/* What the waist record says of a request besides time, node and length. */
static uint64_t content_of(const struct blk_req *r)
{
    uint64_t h = rope_hash(&r->data);
    h ^= (r->sector * 2 + (uint64_t)r->op) * UINT64_C(0x9e3779b97f4a7c15);
    return h + (uint64_t)r->status * UINT64_C(0xc2b2ae3d27d4eb4f);
}

void blk_complete(struct blkdev *d, struct blk_req *r, enum blk_status status, bool outermost)
{
    r->status = status;
    r->completed = sim_now(d->sim);
    if (r->started == SIM_NEVER)
        r->started = r->completed;
    if (status == BLK_OK)
        sim_whole_add(&d->whole, d->sim, r->submitted, r->sectors);
    if (outermost)
        sim_waist(d->sim, SIM_WAIST_BLOCK, r->completed, d->node, r->sectors, content_of(r));
    r->done(r);
}

void blk_audit_rate(const struct blkdev *d, struct sim_audit_report *report)
{
    struct blk_describe about = { .sectors = 0 };
    d->ops->describe(d, &about);
    if (about.sector_time > 0)
        sim_audit_rate(report, &d->whole, "sectors over the interface", about.sector_time,
                       about.ways);
}

void blk_add_parts(struct blk_req *r, const struct blk_req *below)
{
    for (size_t i = 0; i < BLK_PARTS; i++)
        r->part[i] = sim_time_add(r->part[i], below->part[i]);
}

void blk_health(const struct blkdev *d, struct blk_health *sum)
{
    if (d->ops->health != NULL)
        d->ops->health(d, sum);
    if (d->ops->member == NULL)
        return;
    const struct blkdev *below;
    for (uint32_t i = 0; (below = d->ops->member(d, i)) != NULL; i++)
        blk_health(below, sum);
}

sim_time blk_locate_time(const struct blkdev *d, uint64_t from, uint64_t to)
{
    return d->ops->locate_time == NULL ? SIM_NEVER : d->ops->locate_time(d, from, to);
}

bool blk_spot(const struct blkdev *d, uint64_t block, struct blk_spot *out)
{
    return d->ops->spot != NULL && d->ops->spot(d, block, out);
}

const char *blk_status_name(enum blk_status s)
{
    switch (s) {
    case BLK_OK:
        return "ok";
    case BLK_ERR_MEDIUM:
        return "medium error";
    case BLK_ERR_DEVICE:
        return "device dead";
    case BLK_ERR_ABORTED:
        return "aborted";
    case BLK_NO_MEDIUM:
        return "no medium";
    case BLK_END:
        return "end";
    case BLK_STATUS_COUNT:
        break;
    }
    return "unknown";
}
