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
 * costs one event.  Otherwise each phase asks the bus.  Both ways give the same times.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/disk_internal.h"
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
static void finish(struct disk_op *op);

static struct disk_op *op_get(struct disk *d, struct blk_req *r)
{
    struct disk_op *op = d->free_ops;
    if (op != NULL)
        d->free_ops = op->next_free;
    else
        op = base_zalloc(1, sizeof *op);
    op->disk = d;
    op->r = r;
    op->arm_from = SIM_NEVER;
    op->done = op->planned = false;
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

/* ---- planning ---- */

static sim_time data_time(const struct disk *d, const struct blk_req *r)
{
    return (sim_time)r->sectors * (r->op == BLK_READ ? d->read_sector : d->write_sector);
}

/* The front of the request is in the segment that is being filled, or was filled last. */
static bool partly_cached(const struct disk *d, const struct blk_req *r)
{
    const struct disk_segment *g = &d->segments[d->ahead.segment];
    return d->params.cache.enabled && g->end == d->ahead.next && g->start <= r->sector &&
           r->sector < g->end && r->sector + r->sectors > g->end;
}

static void plan_read(struct disk *d, struct disk_op *op, sim_time at, uint32_t via)
{
    struct blk_req *r = op->r;
    uint64_t end = r->sector + r->sectors;
    disk_ahead_advance(d, at);
    struct disk_ahead *h = &d->ahead;
    uint32_t segment = UINT32_MAX, have = 0;
    uint64_t filled = d->segments[h->segment].end;
    bool tail = filled == h->next && d->segments[h->segment].start <= r->sector &&
                r->sector <= filled && filled > d->segments[h->segment].start && end > filled;
    if (d->params.cache.enabled && tail) {
        /* The rest is next on the medium: the head is on its way there, or rests behind it. */
        segment = h->segment;
        have = (uint32_t)(filled - r->sector);
        if (have > 0)
            d->counts.partial_hits++;
        else
            d->counts.streams++;
        op->plan.mark = at;
        op->plan.bus_end = at + data_time(d, r);
    } else {
        d->counts.misses++;
    }
    bool moving = h->active && segment != UINT32_MAX;
    sim_time start = moving ? d->arm_at : sim_time_max(at, d->arm_at);
    h->active = false;
    op->arm_from = sim_time_max(at, d->arm_at);
    disk_media_access(d, &op->plan, start, r->sector + have, r->sectors - have, have, r->sectors,
                      false, 0, via);
    disk_cache_filled(d, r->sector, r->sectors, op->plan.media_end, segment);
}

static bool reports_early(struct disk *d, const struct blk_req *r, sim_time at)
{
    const struct disk_cache_params *c = &d->params.cache;
    if (!c->enabled || c->report == DISK_REPORT_MEDIA)
        return false;
    if (at >= d->arm_at)
        d->dirty_sectors = 0;
    if (d->dirty_sectors + r->sectors > (uint64_t)c->segment_sectors)
        return false;
    return c->report == DISK_REPORT_ALL ||
           (d->last_write && d->written.end == r->sector && d->written.end > d->written.start);
}

/* data: when the first byte crosses the bus. */
static void plan_write(struct disk *d, struct disk_op *op, sim_time at, sim_time data, uint32_t via)
{
    struct blk_req *r = op->r;
    struct geo_run run;
    disk_ahead_advance(d, at);
    d->ahead.active = false;
    geo_locate(&d->geo, r->sector, &run);
    /* The medium takes sector i when it is there and `write_mark` of all is. */
    sim_time per_sector = d->geo.rev / run.zone->track_sectors;
    sim_time lag = data + d->write_sector;
    if (d->write_sector > per_sector)
        lag += (sim_time)(r->sectors - 1) * (d->write_sector - per_sector);
    double part = d->params.interface.write_mark * (double)r->sectors;
    sim_time mark = data + (sim_time)part * d->write_sector;
    sim_time start = sim_time_max(at, d->arm_at);
    op->arm_from = start;
    disk_media_access(d, &op->plan, start, r->sector, r->sectors, 0, r->sectors, true,
                      sim_time_max(lag, mark), via);
    disk_cache_written(d, r->sector, r->sectors, op->plan.media_end);
}

static void plan(struct disk_op *op, sim_time at, sim_time data, uint32_t via)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    op->plan = (struct disk_plan){ .mark = at };
    op->planned = true;
    if (r->op == BLK_READ)
        plan_read(d, op, at, via);
    else
        plan_write(d, op, at, data, via);
    r->seek += op->plan.seek;
    r->rotation += op->plan.rotation;
    r->transfer += op->plan.transfer;
    if (r->op == BLK_READ && r->stream != NULL)
        r->stream(r, op->plan.mark, op->plan.bus_end);
}

/* ---- the phases ---- */

static sim_time overhead_of(const struct disk *d, enum blk_op op, bool hit)
{
    const struct disk_overhead_params *o = &d->params.overhead;
    if (op == BLK_WRITE)
        return d->last_write ? o->write_after_write : o->write;
    if (hit)
        return d->last_write ? o->read_hit_after_write : o->read_hit;
    return d->last_write ? o->read_miss_after_write : o->read_miss;
}

/* The command, with what stays on the bus of it: a cached read is served whole, a write brings its
 * data.  Returns when the bus is free. */
static sim_time command(struct disk_op *op, sim_time at)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    const struct disk_overhead_params *o = &d->params.overhead;
    r->started = at;
    if (r->op == BLK_READ) {
        disk_ahead_advance(d, at);
        sim_time ready = disk_cache_hit(d, r->sector, r->sectors);
        bool partly = !d->queue_in_drive && ready == SIM_NEVER && partly_cached(d, r);
        op->command_end = at + overhead_of(d, BLK_READ, ready != SIM_NEVER || partly);
        d->last_write = false;
        if (partly) {
            /* The bus is kept: data flow at once, and then as they come off the medium; unless that
             * takes long enough for a disconnection. */
            plan(op, op->command_end, op->command_end, NO_CYLINDER);
            sim_time flow = op->command_end + data_time(d, r);
            if (!d->params.interface.hold && d->params.interface.disconnect &&
                op->plan.bus_end > flow + o->disconnect + o->reselect)
                return op->command_end + o->disconnect;
            op->done = true;
            sim_time end = sim_time_max(flow, op->plan.bus_end);
            r->bus += end - op->command_end;
            return end + o->read_done;
        }
        if (ready != SIM_NEVER) {
            d->counts.hits++;
            disk_cache_read_on(d, r->sector + r->sectors, at);
            op->done = true;
            sim_time end = sim_time_max(op->command_end + data_time(d, r), ready + d->read_sector);
            r->bus += end - op->command_end;
            if (r->stream != NULL)
                r->stream(r, op->command_end, end);
            return end + o->read_done;
        }
    } else {
        op->command_end = at + overhead_of(d, BLK_WRITE, false);
    }
    sim_time data_end = op->command_end + (r->op == BLK_WRITE ? data_time(d, r) : 0);
    if (!d->queue_in_drive) {
        bool early = r->op == BLK_WRITE && reports_early(d, r, op->command_end);
        uint64_t dirty = early ? d->dirty_sectors + r->sectors : 0;
        plan(op, op->command_end, op->command_end, (uint32_t)r->dev_u64[0]);
        d->last_write = r->op == BLK_WRITE;
        d->dirty_sectors = dirty;
        if (early) {
            d->counts.reported_early++;
            op->done = true;
            return data_end + o->write_done;
        }
        if (!d->params.interface.disconnect) {
            op->done = true;
            sim_time end = r->op == BLK_READ ? op->plan.bus_end : op->plan.media_end;
            return sim_time_max(end, data_end) + (r->op == BLK_READ ? o->read_done : o->write_done);
        }
    } else {
        d->last_write = r->op == BLK_WRITE;
    }
    r->bus += data_end - op->command_end;
    return data_end + o->disconnect;
}

static sim_time ask_time(const struct disk_op *op, sim_time free)
{
    const struct disk *d = op->disk;
    if (op->r->op == BLK_WRITE)
        return sim_time_max(op->plan.media_end, free);
    sim_time want = op->plan.mark;
    if (!d->params.interface.hold) {
        sim_time late = op->plan.bus_end - data_time(d, op->r) - d->params.overhead.reselect;
        want = sim_time_max(want, late);
    }
    return sim_time_max(want, free);
}

/* Data of a read, or status of a write, on a bus granted at `at`. */
static sim_time data(struct disk_op *op, sim_time at)
{
    const struct disk_overhead_params *o = &op->disk->params.overhead;
    if (op->r->op == BLK_WRITE)
        return at + o->reselect_write + o->write_done;
    sim_time begin = at + o->reselect;
    sim_time end = sim_time_max(begin + data_time(op->disk, op->r), op->plan.bus_end);
    op->r->bus += end - begin;
    return end + o->read_done;
}

static sim_time data_granted(struct scsi_phase *p, sim_time at)
{
    return data(CONTAINER_OF(p, struct disk_op, phase), at);
}

static void data_ended(struct scsi_phase *p)
{
    finish(CONTAINER_OF(p, struct disk_op, phase));
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
    sim_at(op->disk->dev.sim, &op->event, ask_time(op, free));
}

static sim_time command_granted(struct scsi_phase *p, sim_time at)
{
    return command(CONTAINER_OF(p, struct disk_op, phase), at);
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
    sim_time end = command(op, at);
    scsi_held(d->bus, at, end);
    if (!op->done) {
        at = scsi_reserve(d->bus, ask_time(op, end));
        end = data(op, at);
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
        at += overhead_of(d, r->op, false);
    return disk_positioning(d, r, at);
}

static struct blk_req *choose(struct disk *d, uint32_t *via)
{
    struct sched_arm arm = { .cylinders = d->geo.cylinders,
                             .cyl = d->cyl,
                             .now = sim_now(d->dev.sim),
                             .curve = &d->curve,
                             .age_weight = d->params.queue.age_weight,
                             .positioning = positioning,
                             .self = d };
    if (d->queue.map != NULL)
        disk_ahead_advance(d, arm.now);
    arm.cyl = d->cyl;
    struct blk_req *r = sched_take(&d->queue, &arm);
    *via = arm.via;
    if (r != NULL && !list_empty(&d->beyond) && !d->queue_in_drive) {
        struct blk_req *w = LIST_ENTRY(list_pop(&d->beyond), struct blk_req, link);
        sched_add(&d->queue, w, d->queue.map == NULL ? 0 : geo_cylinder(&d->geo, w->sector));
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
    plan(op, now, now - data_time(d, r), via);
    to_medium(op, now);
    sim_at(d->dev.sim, &d->arm_event, op->plan.media_end);
}

static void arm_free(struct sim *s, struct sim_event *e)
{
    (void)s;
    arm_next(CONTAINER_OF(e, struct disk, arm_event));
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
    enum blk_status status = disk_medium_transfer(d, r);
    if (status == BLK_OK) {
        d->counts.requests[r->op]++;
        d->counts.sectors[r->op] += r->sectors;
    } else {
        d->counts.errors++;
        rope_fini(&r->data);
    }
    op_put(op);
    r->dev = NULL;
    d->inside--;
    d->completed++;
    trace(d, r);
    /* What `done` submits waits with the rest for the choice that follows. */
    d->completing = true;
    blk_complete(&d->dev, r, status, !d->dev.inner);
    d->completing = false;
    if (!d->queue_in_drive) {
        start_next(d);
    } else if (!list_empty(&d->beyond) && (d->depth == 0 || d->active < d->depth)) {
        issue(d, LIST_ENTRY(list_pop(&d->beyond), struct blk_req, link));
    }
}

/* ---- the device ---- */

static void submit(struct blkdev *dev, struct blk_req *r)
{
    struct disk *d = disk_of(dev);
    d->submitted++;
    d->inside++;
    r->dev = NULL;
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
        sched_add(&d->queue, r, d->queue.map == NULL ? 0 : geo_cylinder(&d->geo, r->sector));
}

static bool cancel(struct blkdev *dev, struct blk_req *r)
{
    struct disk *d = disk_of(dev);
    if (r->dev != NULL)
        return false;
    LIST_EACH (it, &d->beyond) {
        if (it == &r->link) {
            list_remove(it);
            goto out;
        }
    }
    sched_remove(&d->queue, r);
out:
    d->inside--;
    d->cancelled++;
    return true;
}

static void describe(const struct blkdev *dev, struct blk_describe *out)
{
    const struct disk *d = disk_of(dev);
    size_t n = strlen(d->name);
    n = n < sizeof out->name ? n : sizeof out->name - 1;
    memcpy(out->name, d->name, n);
    out->name[n] = '\0';
    out->sectors = d->geo.sectors;
    out->sector_bytes = d->host_sector_bytes;
    out->best_sectors = 1;
}

static void kill_disk(struct blkdev *dev)
{
    disk_of(dev)->dead = true;
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
    while (d->free_ops != NULL) {
        struct disk_op *op = d->free_ops;
        d->free_ops = op->next_free;
        free(op);
    }
    scsi_detach(d->bus);
    if (d->medium_ops != NULL)
        d->medium_ops->destroy(d->medium);
    sched_fini(&d->queue);
    geo_fini(&d->geo);
    seek_fini(&d->curve);
    sim_audit_unregister(dev->sim, d);
    sim_busy_fini(&d->arm_busy_time);
    free(d->faults);
    free(d->name);
    free(d);
}

static bool fault(struct blkdev *dev, uint32_t member, const struct disk_fault *f)
{
    return member == 0 && disk_add_fault(dev, f);
}

const struct blkdev_ops disk_device_ops = { .name = "disk",
                                            .doc = "a drive: arm, spindle, cache, queue, bus",
                                            .submit = submit,
                                            .cancel = cancel,
                                            .describe = describe,
                                            .destroy = destroy,
                                            .kill = kill_disk,
                                            .corrupt = corrupt,
                                            .attach = attach,
                                            .fault = fault };

static void audit(void *self, struct sim_audit_report *report)
{
    const struct disk *d = self;
    sim_audit_balance(report, "disk requests", d->submitted, d->completed, d->inside, d->cancelled);
    uint64_t waiting = d->queue.count;
    LIST_EACH (it, &d->beyond)
        waiting++;
    if (d->queue_in_drive)
        sim_audit_check(report, d->active + waiting - d->queue.count == d->inside,
                        "%s: requests inside are neither in the drive nor waiting", d->name);
    else
        sim_audit_check(report, d->active + waiting == d->inside,
                        "%s: requests inside are neither in the drive nor waiting", d->name);
}

static bool setup(struct disk *d, const char *path, struct err *e)
{
    char at[256];
    const struct disk_params *p = &d->params;
    const struct sched_ops *policy = sched_find(p->queue.policy);
    if (policy == NULL) {
        const char *names[32];
        size_t n = 0;
        for (; sched_policies[n] != NULL; n++)
            names[n] = sched_policies[n]->name;
        names[n] = NULL;
        err_set(e, "%s.queue.policy: '%s' is no queue discipline", path, p->queue.policy);
        err_nearest(e, p->queue.policy, names);
        return false;
    }
    sim_time rev = p->revolution > 0 ? p->revolution : (60 * SIM_SEC + p->rpm / 2) / p->rpm;
    snprintf(at, sizeof at, "%s.geometry", path);
    if (!geo_init(&d->geo, &p->geometry, rev, at, e))
        return false;
    snprintf(at, sizeof at, "%s.seek", path);
    if (!seek_init(&d->curve, &p->seek, d->geo.cylinders, at, e))
        return false;
    sched_init(&d->queue, policy, d->geo.cylinders);
    int64_t reads = p->cache.segments - (p->cache.write_segment ? 1 : 0);
    d->segment_count = reads < 1 ? 1 : (uint32_t)reads;
    d->host_sector_bytes = d->geo.sector_bytes * d->lanes;
    d->queue_in_drive = p->queue.where == DISK_QUEUE_DRIVE;
    d->depth = (uint64_t)p->queue.depth;
    return true;
}

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
        free(d);
        return NULL;
    }
    /* The values of the tree are read; nothing keeps them. */
    d->params.geometry.zones = NULL;
    d->params.seek.first_ms = d->params.seek.table_ms = NULL;
    d->params.kind = d->params.model = d->params.queue.policy = NULL;
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
    return &d->dev;
}

struct blkdev *disk_create(struct sim *s, const struct disk_params *p, int32_t node,
                           const char *name, const char *path, struct err *e)
{
    return disk_create_lanes(s, p, node, name, path, 1, NULL, NULL, e);
}

bool disk_is(const struct blkdev *d)
{
    return d->ops == &disk_device_ops;
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
