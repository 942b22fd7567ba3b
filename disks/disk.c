/* disk.c: the life of a request in a drive.
 *
 *   state      what holds                         left by
 *   waiting    in the discipline, or beyond it    start_next (single), issue (queued commands)
 *   command    the bus carries the command        command_granted, then command_ended
 *   medium     the arm works, the bus is free     op->event at the time it wants the bus
 *   data       the bus carries data or status     data_granted, then data_ended
 *   done       bytes have moved, status is set    finish
 *
 * With the queue in the driver one command is in the drive at a time, and when the drive has its
 * bus to itself all of these times follow from the first: they are reckoned at once and the request
 * costs one event.  Otherwise each phase asks the bus.  Both ways give the same times, but for the
 * reconnections of a read that goes in pieces on a shared bus.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/disk_internal.h"
#include "sim/rng.h"
#include "sim/trace.h"

/* How long a host tries to select a target that does not answer, SCSI-2 selection time-out delay
 * [ANSI X3.131-1994]; later commands fail at once. */
#define SELECTION_TIMEOUT (250 * SIM_MS)
#define NO_CYLINDER UINT32_MAX

static void start_next(struct disk *d);
static void arm_next(struct disk *d);

/* ---- operations ---- */

static sim_time command_granted(struct scsi_phase *p, sim_time at);
static void command_ended(struct scsi_phase *p);
static void want_bus(struct sim *s, struct sim_event *e);
static void to_medium(struct disk_op *op, sim_time free);
static void finish(struct disk_op *op);

static struct disk_op *op_get(struct disk *d, struct blk_req *r)
{
    struct disk_op *op = d->free_ops;
    if (op != NULL) {
        d->free_ops = op->next_free;
    } else {
        op = base_zalloc(1, sizeof *op);
        sim_event_init(&op->event, SIM_CLASS_DEVICE, want_bus);
        op->next_made = d->made_ops;
        d->made_ops = op;
    }
    op->disk = d;
    op->r = r;
    op->arm_from = SIM_NEVER;
    op->stage = DISK_STAGE_COMMAND;
    op->sent = 0;
    op->done = op->planned = op->second = op->early = false;
    op->plan = (struct disk_plan){ .media_end = 0 };
    op->power_losses = d->counts.power_losses;
    r->dev = op;
    d->active++;
    return op;
}

static void op_put(struct disk_op *op)
{
    struct disk *d = op->disk;
    op->r = NULL;
    op->next_free = d->free_ops;
    d->free_ops = op;
    d->active--;
}

/* ---- the phases ---- */

static sim_time data_granted(struct scsi_phase *p, sim_time at)
{
    return disk_plan_phase(CONTAINER_OF(p, struct disk_op, phase), at);
}

static void data_ended(struct scsi_phase *p)
{
    struct disk_op *op = CONTAINER_OF(p, struct disk_op, phase);
    if (op->done)
        finish(op);
    else
        to_medium(op, sim_now(op->disk->dev.sim));
}

static void want_bus(struct sim *s, struct sim_event *e)
{
    struct disk_op *op = CONTAINER_OF(e, struct disk_op, event);
    (void)s;
    scsi_phase_init(&op->phase, op->disk->id, data_granted, data_ended);
    scsi_ask(op->disk->bus, &op->phase);
}

/* The medium phase of an op whose plan is made: waits until it wants the bus. */
static void to_medium(struct disk_op *op, sim_time free)
{
    sim_event_init(&op->event, SIM_CLASS_DEVICE, want_bus);
    sim_at(op->disk->dev.sim, &op->event, disk_plan_ask(op, free));
}

static sim_time command_granted(struct scsi_phase *p, sim_time at)
{
    return disk_plan_command(CONTAINER_OF(p, struct disk_op, phase), at);
}

static void command_ended(struct scsi_phase *p)
{
    struct disk_op *op = CONTAINER_OF(p, struct disk_op, phase);
    struct disk *d = op->disk;
    if (op->done) {
        finish(op);
    } else if (op->planned) {
        to_medium(op, sim_now(d->dev.sim));
    } else {
        sched_add(&d->queue, op->r, geo_cylinder(&d->geo, op->r->sector));
        if (!d->arm_busy)
            arm_next(d);
    }
}

static void reckoned(struct sim *s, struct sim_event *e)
{
    (void)s;
    finish(CONTAINER_OF(e, struct disk_op, event));
}

/* The drive has its bus to itself: all phases at once. */
static void reckon(struct disk_op *op)
{
    struct disk *d = op->disk;
    sim_time at = scsi_reserve(d->bus, sim_now(d->dev.sim));
    sim_time end = disk_plan_command(op, at);
    scsi_held(d->bus, at, end);
    while (!op->done) {
        at = scsi_reserve(d->bus, disk_plan_ask(op, end));
        end = disk_plan_phase(op, at);
        scsi_held(d->bus, at, end);
    }
    sim_event_init(&op->event, SIM_CLASS_DEVICE, reckoned);
    sim_at(d->dev.sim, &op->event, end);
}

static void fail_op(struct disk_op *op)
{
    struct disk *d = op->disk;
    sim_time wait = d->dead_known ? 0 : SELECTION_TIMEOUT;
    d->dead_known = true;
    sim_event_init(&op->event, SIM_CLASS_DEVICE, reckoned);
    sim_after(d->dev.sim, &op->event, wait);
}

static void issue(struct disk *d, struct blk_req *r)
{
    struct disk_op *op = op_get(d, r);
    if (d->dead) {
        fail_op(op);
        return;
    }
    if (!d->queue_in_drive && scsi_private(d->bus)) {
        reckon(op);
        return;
    }
    scsi_phase_init(&op->phase, scsi_host_id(d->bus), command_granted, command_ended);
    scsi_ask(d->bus, &op->phase);
}

/* ---- choosing ---- */

static sim_time positioning(void *self, const struct blk_req *r)
{
    struct disk *d = self;
    /* With the queue in the driver the command's processing comes first. */
    sim_time at = sim_time_max(sim_now(d->dev.sim), d->arm_at);
    if (!d->queue_in_drive)
        at += disk_plan_overhead(d, r->op);
    return disk_positioning(d, r, at);
}

static void enqueue(struct disk *d, struct blk_req *r)
{
    sched_add(&d->queue, r, geo_cylinder(&d->geo, r->sector));
}

static struct blk_req *choose(struct disk *d, uint32_t *via)
{
    disk_ahead_advance(d, sim_now(d->dev.sim));
    struct sched_arm arm = { .cylinders = d->geo.cylinders,
                             .cyl = d->cyl,
                             .now = sim_now(d->dev.sim),
                             .curve = &d->curve,
                             .positioning = positioning,
                             .self = d };
    struct blk_req *r = sched_take(&d->queue, &arm);
    *via = arm.via;
    if (r != NULL && !list_empty(&d->beyond) && !d->queue_in_drive) {
        enqueue(d, LIST_ENTRY(list_pop(&d->beyond), struct blk_req, link));
    }
    return r;
}

/* Queue in the driver: the next command, when none is in the drive. */
static void start_next(struct disk *d)
{
    uint32_t via;
    if (d->active > 0)
        return;
    struct blk_req *r = choose(d, &via);
    if (r == NULL)
        return;
    r->dev_u64[0] = via;
    issue(d, r);
}

/* Queue in the drive: the next access, when the arm is free. */
static void arm_next(struct disk *d)
{
    uint32_t via;
    struct blk_req *r = choose(d, &via);
    d->arm_busy = r != NULL;
    if (r == NULL)
        return;
    struct disk_op *op = r->dev;
    sim_time now = sim_now(d->dev.sim);
    if (d->dead) {
        fail_op(op);
        sim_at(d->dev.sim, &d->arm_event, now);
        return;
    }
    disk_plan_access(op, now, via);
    to_medium(op, now);
    if (r->op == BLK_READ && d->params.cache.enabled && d->segment_count == 1)
        d->draining = op; /* until it is over there is nothing to read into */
    else
        sim_at(d->dev.sim, &d->arm_event, op->plan.media_end);
}

static void arm_free(struct sim *s, struct sim_event *e)
{
    (void)s;
    arm_next(CONTAINER_OF(e, struct disk, arm_event));
}

/* ---- flush ---- */

/* What was reported is on its way: the arm's times are reckoned.  The command takes no time. */
struct disk_flush {
    struct sim_event event;
    struct disk *d;
    struct blk_req *r;
    uint64_t power_losses;
};

static void flushed(struct sim *s, struct sim_event *ev)
{
    struct disk_flush *f = CONTAINER_OF(ev, struct disk_flush, event);
    struct disk *d = f->d;
    struct blk_req *r = f->r;
    enum blk_status status = d->dead                                     ? BLK_ERR_DEVICE
                             : f->power_losses != d->counts.power_losses ? BLK_ERR_ABORTED
                                                                         : BLK_OK;
    (void)s;
    free(f);
    d->inside--;
    d->flushing--;
    d->completed++;
    blk_complete(&d->dev, r, status, !d->dev.inner);
}

static void flush(struct disk *d, struct blk_req *r)
{
    struct disk_flush *f = base_alloc(sizeof *f);
    *f = (struct disk_flush){ .d = d, .r = r, .power_losses = d->counts.power_losses };
    d->flushing++;
    sim_event_init(&f->event, SIM_CLASS_DEVICE, flushed);
    sim_at(d->dev.sim, &f->event, disk_medium_safe_at(d));
}

/* ---- completion ---- */

static void trace(struct disk *d, const struct blk_req *r)
{
    struct sim *s = d->dev.sim;
    if (!sim_trace_on(s, "disk"))
        return;
    const char *what = r->op == BLK_READ ? "read" : "write";
    sim_trace_begin(s, "disk", d->dev.node, d->name, what, d->completed, r->started);
    sim_trace_end(s, "disk", d->dev.node, d->name, what, d->completed, sim_now(s));
}

static void finish(struct disk_op *op)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    if (op->arm_from != SIM_NEVER)
        sim_busy_add(&d->arm_busy_time, d->dev.sim, op->arm_from, op->plan.media_end);
    /* What the head passes after a write was reported, or ahead of the reads, is left out. */
    if (op->plan.media_end <= sim_now(d->dev.sim))
        sim_whole_add(&d->passed, d->dev.sim, op->plan.passed_from, op->plan.passed);
    enum blk_status status = disk_medium_transfer(d, op);
    if (status == BLK_OK) {
        d->counts.requests[r->op]++;
        d->counts.sectors[r->op] += r->sectors;
        scsi_carried(d->bus, r->submitted, (uint64_t)r->sectors * d->host_sector_bytes);
    } else {
        d->counts.errors++;
        if (r->op == BLK_READ) /* the data of a write are the caller's, who may try again */
            rope_fini(&r->data);
    }
    bool drained = op == d->draining;
    op_put(op);
    r->dev = NULL;
    d->inside--;
    d->completed++;
    r->part[BLK_WAIT] += sim_time_min(r->started, sim_now(d->dev.sim)) - r->submitted;
    trace(d, r);
    /* What `done` submits waits with the rest for the choice that follows. */
    d->completing = true;
    blk_complete(&d->dev, r, status, !d->dev.inner && !disk_medium_owns(d, r));
    d->completing = false;
    if (!d->queue_in_drive) {
        start_next(d);
    } else if (!list_empty(&d->beyond) && (d->depth == 0 || d->active < d->depth)) {
        issue(d, LIST_ENTRY(list_pop(&d->beyond), struct blk_req, link));
    }
    if (drained) {
        d->draining = NULL;
        arm_next(d);
    }
}

/* ---- the device ---- */

static void submit(struct blkdev *dev, struct blk_req *r)
{
    struct disk *d = disk_of(dev);
    d->submitted++;
    d->inside++;
    r->dev = NULL;
    if (r->op == BLK_FLUSH) {
        flush(d, r);
        return;
    }
    if (d->queue_in_drive) {
        if (d->depth > 0 && (d->active >= d->depth || !list_empty(&d->beyond)))
            list_push(&d->beyond, &r->link);
        else
            issue(d, r);
        return;
    }
    if (d->active == 0 && d->queue.count == 0 && !d->completing) {
        r->dev_u64[0] = NO_CYLINDER;
        issue(d, r);
        return;
    }
    if (d->depth > 0 && d->queue.count >= d->depth)
        list_push(&d->beyond, &r->link);
    else
        enqueue(d, r);
}

static void describe(const struct blkdev *dev, struct blk_describe *out)
{
    const struct disk *d = disk_of(dev);
    size_t n = strlen(d->name);
    n = n < sizeof out->name ? n : sizeof out->name - 1;
    *out = (struct blk_describe){
        .sectors = d->geo.sectors,
        .sector_bytes = d->host_sector_bytes,
        .best_sectors = 1,
        .volatile_writes = d->params.cache.enabled && d->params.cache.report != DISK_REPORT_MEDIA,
        .sector_time = sim_time_min(d->read_sector, d->write_sector),
        .ways = 1,
    };
    memcpy(out->name, d->name, n);
}

static struct store *medium(const struct blkdev *dev, uint32_t i)
{
    return i == 0 ? disk_of(dev)->store : NULL;
}

static void kill_disk(struct blkdev *dev)
{
    disk_of(dev)->dead = true;
}

/* The buffer is empty afterwards; what is under way ends when it would have, aborted. */
void disk_power_loss(struct disk *d)
{
    sim_time now = sim_now(d->dev.sim);
    disk_ahead_stop(d, now);
    d->counts.lost_sectors += disk_medium_power_loss(d);
    d->counts.power_losses++;
    d->power_at = now;
    d->ahead = (struct disk_ahead){ .next = UINT64_MAX };
    for (uint32_t i = 0; i < d->segment_count; i++)
        d->segments[i].start = d->segments[i].end = 0;
    d->written.start = d->written.end = 0;
    d->dirty_sectors = 0;
    d->last_write = false;
}

static bool corrupt(struct blkdev *dev, uint64_t sector, uint32_t byte, uint8_t flip)
{
    struct disk *d = disk_of(dev);
    return sector < d->geo.sectors && byte < d->host_sector_bytes && !d->dead &&
           d->medium_ops->flip(d->medium, sector, byte, flip);
}

static void set_rates(struct disk *d)
{
    const struct disk_bus_params *b = &d->params.interface;
    d->read_sector = sim_time_of_bytes(d->host_sector_bytes, scsi_rate(d->bus, b->read_rate));
    d->write_sector = sim_time_of_bytes(d->host_sector_bytes, scsi_rate(d->bus, b->write_rate));
}

static void attach(struct blkdev *dev, struct scsi_bus *bus, uint32_t id)
{
    struct disk *d = disk_of(dev);
    scsi_detach(d->bus);
    d->bus = bus;
    d->id = id;
    scsi_attach(bus, id);
    set_rates(d);
}

static void destroy(struct blkdev *dev)
{
    struct disk *d = disk_of(dev);
    sim_cancel(dev->sim, &d->arm_event);
    while (d->made_ops != NULL) { /* those of requests under way, too, whose ends do not come */
        struct disk_op *op = d->made_ops;
        d->made_ops = op->next_made;
        sim_cancel(dev->sim, &op->event);
        free(op);
    }
    scsi_detach(d->bus);
    disk_medium_fini(d);
    sched_fini(&d->queue);
    geo_fini(&d->geo);
    seek_fini(&d->curve);
    sim_audit_unregister(dev->sim, d);
    sim_count_end(&dev->counted);
    sim_busy_fini(&d->arm_busy_time);
    free(d->name);
    free(d);
}

static bool fault(struct blkdev *dev, uint32_t member, const struct disk_fault *f)
{
    return member == 0 && disk_add_fault(dev, f);
}

static void health(const struct blkdev *dev, struct blk_health *sum)
{
    const struct disk_counts *c = &disk_of(dev)->counts;
    sum->errors += c->errors;
    sum->lost_sectors += c->lost_sectors;
}

const struct blkdev_ops disk_device_ops = { .name = "disk",
                                            .doc = "a drive: arm, spindle, cache, queue, bus",
                                            .submit = submit,
                                            .describe = describe,
                                            .destroy = destroy,
                                            .kill = kill_disk,
                                            .corrupt = corrupt,
                                            .attach = attach,
                                            .fault = fault,
                                            .medium = medium,
                                            .health = health };

static void audit(void *self, struct sim_audit_report *report)
{
    const struct disk *d = self;
    uint32_t most = 0;
    for (uint32_t i = 0; i < d->geo.zone_count; i++)
        most = most < d->geo.zones[i].track_sectors ? d->geo.zones[i].track_sectors : most;
    blk_audit_rate(&d->dev, report);
    sim_audit_rate(report, &d->passed, "sectors under the head", d->geo.rev - most, most);
    sim_audit_balance(report, "disk requests", d->submitted, d->completed, d->inside, 0);
    uint64_t waiting = d->queue.count;
    LIST_EACH (it, &d->beyond)
        waiting++;
    if (d->queue_in_drive)
        sim_audit_check(report, d->active + waiting - d->queue.count + d->flushing == d->inside,
                        "%s: requests inside are neither in the drive nor waiting", d->name);
    else
        sim_audit_check(report, d->active + waiting + d->flushing == d->inside,
                        "%s: requests inside are neither in the drive nor waiting", d->name);
}

static bool setup(struct disk *d, const char *path, struct err *e)
{
    char at[256];
    const struct disk_params *p = &d->params;
    sim_time rev = p->revolution > 0 ? p->revolution : (60 * SIM_SEC + p->rpm / 2) / p->rpm;
    snprintf(at, sizeof at, "%s.geometry", path);
    if (!geo_init(&d->geo, &p->geometry, rev, at, e))
        return false;
    snprintf(at, sizeof at, "%s.seek", path);
    if (!seek_init(&d->curve, &p->seek, d->geo.cylinders, at, e))
        return false;
    snprintf(at, sizeof at, "%s.queue", path);
    if (p->queue.where == DISK_QUEUE_DRIVE && !p->interface.disconnect)
        return err_set(e,
                       "%s.where: 'drive', but a drive that keeps the bus through a command "
                       "(interface.disconnect = false) cannot be given another",
                       at);
    if (!sched_init(&d->queue, kind_at(&sched_policies, p->queue.policy), p->queue.params, at, e))
        return false;
    int64_t reads = p->cache.segments - (p->cache.write_segment ? 1 : 0);
    d->segment_count = reads < 1 ? 1 : (uint32_t)reads;
    d->host_sector_bytes = d->geo.sector_bytes * d->lanes;
    d->queue_in_drive = p->queue.where == DISK_QUEUE_DRIVE;
    d->depth = (uint64_t)p->queue.depth;
    return true;
}

#define D_SUM(name, m, unit, doc) COUNTER(COUNTER_SUM, name, disk, counts.m, unit, doc)
const struct counter disk_counters[] = {
    D_SUM("reads", requests[BLK_READ], "1", "Reads completed."),
    D_SUM("writes", requests[BLK_WRITE], "1", "Writes completed."),
    D_SUM("sectors_read", sectors[BLK_READ], "1", "Sectors of these reads."),
    D_SUM("sectors_written", sectors[BLK_WRITE], "1", "Sectors of these writes."),
    C_SUM(disk, counts, hits, "1", "Reads that the cache answered."),
    C_SUM(disk, counts, partial_hits, "1", "Reads whose front the cache had."),
    C_SUM(disk, counts, streams, "1", "Reads that went on where the arm was reading ahead."),
    C_SUM(disk, counts, misses, "1", "Reads of which the cache had nothing."),
    C_SUM(disk, counts, reported_early, "1", "Writes reported before they were on the medium."),
    C_SUM(disk, counts, errors, "1", "Requests that ended with an error."),
    C_SUM(disk, counts, power_losses, "1", "Losses of power."),
    C_SUM(disk, counts, lost_sectors, "1", "Sectors reported as written, and lost with the power."),
    C_END,
};

struct blkdev *disk_create_lanes(struct sim *s, const struct disk_params *p, int32_t node,
                                 const char *name, const char *path, uint32_t lanes,
                                 const struct disk_medium_ops *ops, void *medium, struct err *e)
{
    struct disk *d = base_zalloc(1, sizeof *d);
    d->dev = (struct blkdev){ .ops = &disk_device_ops, .sim = s, .node = node };
    d->params = *p;
    d->lanes = lanes;
    d->slow_percent = 100;
    d->ahead.next = UINT64_MAX;
    list_init(&d->beyond);
    sim_event_init(&d->arm_event, SIM_CLASS_DEVICE, arm_free);
    if (!setup(d, path, e)) {
        geo_fini(&d->geo);
        seek_fini(&d->curve);
        free(d);
        return NULL;
    }
    bool drawn = p->spindle == DISK_SPINDLE_DRAWN || (p->spindle == DISK_SPINDLE_AUTO && node >= 0);
    if (drawn) {
        struct sim_rng g;
        char *stream = base_printf("spindle/%s", name);
        sim_rng_init(&g, s, stream);
        free(stream);
        d->params.phase =
            sim_time_add(d->params.phase, (sim_time)sim_rng_below(&g, (uint64_t)d->geo.rev));
    }
    /* The values of the tree are read; nothing keeps them. */
    d->params.geometry.zones = NULL;
    d->params.seek.first_ms = d->params.seek.table_ms = NULL;
    d->params.kind = d->params.model = NULL;
    d->params.queue.params = NULL;
    d->name = base_strdup(name);
    char *bus_name = base_printf("%s bus", name);
    d->bus = scsi_create(s, &p->bus, node, bus_name);
    free(bus_name);
    d->id = scsi_host_id(d->bus) == 0 ? 1 : 0;
    scsi_attach(d->bus, d->id);
    set_rates(d);
    d->medium_ops = ops;
    d->medium = medium;
    if (ops == NULL)
        disk_use_store(d);
    sim_busy_init(&d->arm_busy_time, s, SIM_KIND_ARM, node, name);
    sim_audit_register(s, d->name, audit, d);
    sim_count(&d->dev.counted, s, ops ? "raid3" : "disk", node, disk_counters, d);
    return &d->dev;
}

struct blkdev *disk_create(struct sim *s, const struct disk_params *p, int32_t node,
                           const char *name, const char *path, struct err *e)
{
    return disk_create_lanes(s, p, node, name, path, 1, NULL, NULL, e);
}

const struct geometry *disk_geometry(const struct blkdev *d)
{
    return &disk_of(d)->geo;
}

const struct seek_curve *disk_seek_curve(const struct blkdev *d)
{
    return &disk_of(d)->curve;
}

struct disk_counts disk_counts(const struct blkdev *d)
{
    return disk_of(d)->counts;
}

uint64_t disk_queued(const struct blkdev *d)
{
    return disk_of(d)->inside;
}
