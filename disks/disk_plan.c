/* disk_plan.c: what a command finds in a drive, and when each of its parts happens.
 *
 *   read   whole in the buffer: data at once.  Its front in the buffer: data flow, the rest as it
 *          comes off the medium.  Else: disconnection, medium, reconnection, data.
 *   write  data on the command's connection (or on one of their own, see overhead.second), while
 *          the arm moves; status when they are on the medium, or at once when that is reported
 *          early.
 *
 * All times are reckoned when the command is granted the bus, as if the bus were free when the
 * drive asks for it again; who has to wait for it then is later with data and status, not with the
 * arm.
 */
#include "disks/disk_internal.h"

#define NO_CYLINDER UINT32_MAX

static sim_time data_time(const struct disk *d, const struct blk_req *r)
{
    return (sim_time)r->sectors * (r->op == BLK_READ ? d->read_sector : d->write_sector);
}

static sim_time overhead_of(const struct disk *d, enum blk_op op, bool hit)
{
    const struct disk_overhead_params *o = &d->params.overhead;
    if (op == BLK_WRITE)
        return d->last_write ? o->write_after_write : o->write;
    if (hit)
        return d->last_write ? o->read_hit_after_write : o->read_hit;
    return d->last_write ? o->read_miss_after_write : o->read_miss;
}

sim_time disk_plan_overhead(const struct disk *d, enum blk_op op)
{
    return overhead_of(d, op, false);
}

/* A reported write is still on its way to the medium at `at`. */
static bool writing_behind(struct disk *d, sim_time at)
{
    if (at >= d->arm_at)
        d->dirty_sectors = 0;
    return d->dirty_sectors > 0;
}

static uint32_t room_of(const struct disk *d)
{
    return d->params.cache.enabled ? (uint32_t)d->params.cache.segment_sectors : UINT32_MAX;
}

/* A read that begins just where reading ahead has come. */
static bool continues(const struct disk *d, const struct blk_req *r)
{
    const struct disk_segment *g = &d->segments[d->ahead.segment];
    return d->params.cache.enabled && d->params.cache.almost_hits && r->sector == d->ahead.next &&
           g->end == d->ahead.next && g->end > g->start;
}

static void took(struct disk_op *op)
{
    struct blk_req *r = op->r;
    op->planned = true;
    r->part[BLK_SEEK] += op->plan.seek;
    r->part[BLK_ROTATION] += op->plan.rotation;
    r->part[BLK_TRANSFER] += op->plan.transfer;
    if (r->op == BLK_READ && r->stream != NULL)
        r->stream(r, op->plan.mark, op->plan.bus_end);
}

/* ---- reads ---- */

/* The medium's part of a read of which the buffer holds the front (in `segment`) or nothing.  The
 * arm is at the command's disposal from `arm` on, data flow from `data` on. */
static void read_medium(struct disk_op *op, uint32_t segment, sim_time arm, sim_time data,
                        uint32_t via)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    bool front = segment != UINT32_MAX;
    if (!front && continues(d, r)) {
        segment = d->ahead.segment;
        d->counts.streams++;
    } else {
        d->counts.misses += !front;
        d->counts.partial_hits += front;
    }
    uint32_t have = front ? (uint32_t)(d->segments[segment].end - r->sector) : 0;
    bool moving = d->ahead.active && d->ahead.segment == segment;
    if (!moving)
        disk_ahead_stop(d, arm);
    op->plan = (struct disk_plan){ .mark = data };
    if (front)
        op->plan.bus_end = data + data_time(d, r);
    struct disk_access a = { .start = moving ? d->arm_at : sim_time_max(arm, d->arm_at),
                             .lbn = r->sector + have,
                             .n = r->sectors - have,
                             .from = have,
                             .total = r->sectors,
                             .via = via,
                             .data = data,
                             .room = room_of(d),
                             .sending = front };
    d->ahead.active = false;
    op->arm_from = sim_time_max(arm, d->arm_at);
    disk_media_access(d, &op->plan, &a);
    op->arm_from = sim_time_min(op->arm_from, op->plan.media_end);
    disk_cache_filled(d, r->sector, r->sectors, op->plan.media_end, segment);
    took(op);
}

static sim_time read_hit(struct disk_op *op, uint32_t segment, sim_time at, sim_time miss)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    /* While the arm writes what was reported, nothing else is served. */
    sim_time begin = op->command_end;
    if (writing_behind(d, at))
        begin = sim_time_max(begin, d->arm_at);
    sim_time ready = d->segments[segment].ready;
    d->counts.hits++;
    disk_cache_hit(d, segment, r->sector + r->sectors, miss);
    op->done = true;
    sim_time end = sim_time_max(begin + data_time(d, r), ready + d->read_sector);
    r->part[BLK_BUS] += end - begin;
    if (r->stream != NULL)
        r->stream(r, begin, end);
    return end + d->params.overhead.read_done;
}

/* The front is there: the bus is kept, data flow at once and then as they come off the medium;
 * unless that takes long enough for a disconnection. */
static sim_time read_partly(struct disk_op *op, uint32_t segment, sim_time miss)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    const struct disk_overhead_params *o = &d->params.overhead;
    read_medium(op, segment, miss, op->command_end, NO_CYLINDER);
    sim_time flow = op->command_end + data_time(d, r);
    if (!d->params.interface.hold && d->params.interface.disconnect &&
        op->plan.bus_end > flow + o->disconnect + o->reselect)
        return op->command_end + o->disconnect;
    op->done = true;
    sim_time end = sim_time_max(flow, op->plan.bus_end);
    r->part[BLK_BUS] += end - op->command_end;
    return end + o->read_done;
}

/* The segment that holds the front of a read at `at`, what was read ahead until then included. */
static uint32_t segment_at(struct disk_op *op, sim_time at)
{
    struct disk *d = op->disk;
    uint32_t segment;
    disk_ahead_advance(d, at);
    disk_cache_find(d, op->r->sector, op->r->sectors, &segment);
    return segment;
}

/* Reading ahead has brought all of it while the command was processed: only the data are left. */
static bool read_overtaken(struct disk_op *op)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    uint32_t segment;
    sim_time now = op->command_end;
    disk_ahead_advance(d, now);
    if (!disk_cache_find(d, r->sector, r->sectors, &segment))
        return false;
    d->counts.hits++;
    disk_cache_hit(d, segment, r->sector + r->sectors, now);
    op->arm_from = now;
    op->plan =
        (struct disk_plan){ .mark = now, .bus_end = now + data_time(d, r), .media_end = now };
    took(op);
    return true;
}

static sim_time read_command(struct disk_op *op, sim_time at)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    const struct disk_overhead_params *o = &d->params.overhead;
    uint32_t segment;
    disk_ahead_advance(d, at);
    bool whole = disk_cache_find(d, r->sector, r->sectors, &segment);
    bool partly = segment != UINT32_MAX && !whole && !d->queue_in_drive && !writing_behind(d, at);
    sim_time miss = at + overhead_of(d, BLK_READ, false);
    sim_time away = d->last_write ? o->disconnect_after_write : o->disconnect;
    op->command_end = at + overhead_of(d, BLK_READ, whole || partly);
    d->last_write = false;
    if (whole)
        return read_hit(op, segment, at, miss);
    if (partly)
        return read_partly(op, segment, miss);
    if (!d->params.cache.almost_hits)
        disk_ahead_stop(d, at);
    if (d->queue_in_drive)
        return op->command_end + away;
    if (!read_overtaken(op))
        read_medium(op, segment_at(op, op->command_end), op->command_end, op->command_end,
                    (uint32_t)r->dev_u64[0]);
    if (d->params.interface.disconnect)
        return op->command_end + away;
    op->done = true;
    return op->plan.bus_end + o->read_done;
}

/* ---- writes ---- */

static void write_medium(struct disk_op *op, sim_time arm, sim_time data, uint32_t via)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    const struct disk_bus_params *b = &d->params.interface;
    int64_t first = r->sectors < b->write_long ? b->write_first : b->write_first_long;
    struct disk_access a = { .start = sim_time_max(arm, d->arm_at),
                             .lbn = r->sector,
                             .n = r->sectors,
                             .total = r->sectors,
                             .write = true,
                             .via = via,
                             .data = data,
                             .first = first < r->sectors ? (uint32_t)first : r->sectors };
    op->plan = (struct disk_plan){ .mark = data };
    op->arm_from = a.start;
    disk_media_access(d, &op->plan, &a);
    disk_cache_written(d, r->sector, r->sectors, op->plan.media_end);
    took(op);
}

enum report { REPORT_LATE, REPORT_EARLY, REPORT_WHEN_FREE };

/* Whether a write is reported when its data are in the buffer, and whether those must wait until
 * the arm has written what is there. */
static enum report report_of(struct disk *d, const struct blk_req *r, sim_time at)
{
    const struct disk_cache_params *c = &d->params.cache;
    if (!c->enabled || c->report == DISK_REPORT_MEDIA || d->queue_in_drive ||
        r->sectors > (uint64_t)c->segment_sectors)
        return REPORT_LATE;
    bool behind = writing_behind(d, at);
    bool fits = d->dirty_sectors + r->sectors <= (uint64_t)c->segment_sectors;
    bool goes_on =
        d->last_write && d->written.end == r->sector && d->written.end > d->written.start;
    switch ((enum disk_report)c->report) {
    case DISK_REPORT_STREAM:
        return fits && goes_on ? REPORT_EARLY : REPORT_LATE;
    case DISK_REPORT_ONE:
        return !behind || (goes_on && fits) ? REPORT_EARLY : REPORT_WHEN_FREE;
    case DISK_REPORT_ALL:
        return fits ? REPORT_EARLY : REPORT_LATE;
    case DISK_REPORT_MEDIA:
        break;
    }
    return REPORT_LATE;
}

static sim_time write_command(struct disk_op *op, sim_time at)
{
    struct disk *d = op->disk;
    struct blk_req *r = op->r;
    const struct disk_overhead_params *o = &d->params.overhead;
    const struct disk_second_params *s = &o->second;
    disk_ahead_stop(d, at);
    op->second = s->enabled && d->last_write && !d->queue_in_drive && r->sector != d->written.end;
    sim_time arm = at + (op->second ? s->command + s->seek : overhead_of(d, BLK_WRITE, false));
    sim_time free = op->second ? at + s->command + s->disconnect : arm + o->disconnect_write;
    sim_time data = op->second ? free + s->away + o->reselect : arm + o->write_data;
    enum report report = report_of(d, r, at);
    op->command_end = arm;
    op->early = report != REPORT_LATE;
    if (report == REPORT_WHEN_FREE)
        data = sim_time_max(arm, d->arm_at);
    if (!d->queue_in_drive) {
        uint64_t dirty = op->early ? d->dirty_sectors + r->sectors : 0;
        if (report == REPORT_WHEN_FREE)
            dirty = r->sectors;
        write_medium(op, arm, data, (uint32_t)r->dev_u64[0]);
        d->dirty_sectors = dirty;
    }
    d->last_write = true;
    d->counts.reported_early += op->early;
    if (op->second || report == REPORT_WHEN_FREE) {
        op->stage = DISK_STAGE_DATA_IN;
        op->ask = op->second ? free + s->away : data;
        return free;
    }
    sim_time end = data + data_time(d, r);
    r->part[BLK_BUS] += data_time(d, r);
    op->done = op->early || (!d->queue_in_drive && !d->params.interface.disconnect);
    if (!op->done)
        return end + o->disconnect_write;
    return (op->early ? end : sim_time_max(op->plan.media_end, end)) + o->write_done;
}

/* ---- what disk.c calls ---- */

sim_time disk_plan_command(struct disk_op *op, sim_time at)
{
    op->r->started = at;
    return op->r->op == BLK_READ ? read_command(op, at) : write_command(op, at);
}

void disk_plan_access(struct disk_op *op, sim_time now, uint32_t via)
{
    struct disk *d = op->disk;
    if (op->r->op == BLK_WRITE) {
        disk_ahead_stop(d, now);
        write_medium(op, now, now - data_time(d, op->r), via);
        return;
    }
    op->command_end = now;
    if (!read_overtaken(op))
        read_medium(op, segment_at(op, now), now, now, via);
}

/* Sectors of a read that are in the buffer at `at`, as if they came evenly. */
static uint32_t arrived(const struct disk_op *op, sim_time at)
{
    uint32_t n = op->r->sectors;
    const struct disk_plan *p = &op->plan;
    if (at >= p->media_end)
        return n;
    if (at < p->first)
        return 0;
    return 1 + (uint32_t)((double)(n - 1) * (double)(at - p->first) /
                          (double)(p->media_end - p->first));
}

/* When the first `count` sectors are there. */
static sim_time arrival(const struct disk_op *op, uint32_t count)
{
    const struct disk_plan *p = &op->plan;
    uint32_t n = op->r->sectors;
    if (count >= n)
        return p->media_end;
    /* Rounded up, so that they are there by `arrived` too. */
    return p->first + (p->media_end - p->first) / (n - 1) * (count - 1) + (sim_time)n;
}

/* Sectors of the next piece; 0: all that is left goes together. */
static uint32_t piece_of(const struct disk_op *op)
{
    const struct disk *d = op->disk;
    const struct disk_bus_params *b = &d->params.interface;
    uint32_t n = op->r->sectors, pieces = (uint32_t)b->pieces;
    bool apart = !b->hold && b->disconnect && !scsi_private(d->bus) && !d->params.zero_latency &&
                 n <= room_of(d) && op->plan.first > 0 && op->plan.media_end > op->plan.first;
    uint32_t piece = (n + pieces - 1) / pieces;
    return apart && n - op->sent > piece ? piece : 0;
}

sim_time disk_plan_ask(const struct disk_op *op, sim_time free)
{
    const struct disk *d = op->disk;
    if (op->stage == DISK_STAGE_DATA_IN)
        return sim_time_max(op->ask, free);
    if (op->r->op == BLK_WRITE)
        return sim_time_max(op->plan.media_end, free);
    sim_time want = op->plan.mark;
    uint32_t piece = piece_of(op);
    if (piece > 0) {
        want = sim_time_max(want, arrival(op, op->sent + piece));
    } else if (!d->params.interface.hold && op->r->sectors <= room_of(d)) {
        sim_time left = (sim_time)(op->r->sectors - op->sent) * d->read_sector;
        want = sim_time_max(want, op->plan.bus_end - left - d->params.overhead.reselect);
    }
    return sim_time_max(want, free);
}

sim_time disk_plan_phase(struct disk_op *op, sim_time at)
{
    const struct disk *d = op->disk;
    const struct disk_overhead_params *o = &d->params.overhead;
    struct blk_req *r = op->r;
    if (op->stage == DISK_STAGE_DATA_IN) {
        sim_time end = at + (op->second ? o->reselect : 0) + data_time(d, r);
        r->part[BLK_BUS] += data_time(d, r);
        op->stage = DISK_STAGE_FINAL;
        op->done = op->early;
        if (op->done)
            return end + o->write_done;
        return end + (op->second ? o->second.data_disconnect : o->disconnect_write);
    }
    if (r->op == BLK_READ && piece_of(op) > 0) {
        uint32_t there = arrived(op, at), most = r->sectors - 1;
        there = there < most ? there : most;
        there = there > op->sent ? there : op->sent + 1;
        sim_time length = (sim_time)(there - op->sent) * d->read_sector;
        op->sent = there;
        r->part[BLK_BUS] += length;
        return at + o->reselect + length + o->disconnect;
    }
    op->done = true;
    if (r->op == BLK_WRITE)
        return at + (op->second ? o->second.reselect : o->reselect_write) + o->write_done;
    sim_time begin = at + o->reselect, left = (sim_time)(r->sectors - op->sent) * d->read_sector;
    sim_time end = sim_time_max(begin + left, op->plan.bus_end);
    r->part[BLK_BUS] += end - begin;
    return end + o->read_done;
}
