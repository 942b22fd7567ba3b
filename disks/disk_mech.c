/* disk_mech.c: the mechanism: seeks, rotation, media transfer, reading ahead.
 *
 * The spindle turns for ever: at time t the angle is (t + phase) mod rev.  An access is reckoned
 * track by track from the moment the arm is free, so its cost follows the tracks it touches (K2).
 * Read-ahead is reckoned only when somebody asks: the state stands at the last sector boundary that
 * has passed, from where reading on, or seeking away, continues.
 */
#include "disks/disk_internal.h"

/* From `t` until slot `slot` of n comes under the head. */
static sim_time rotation_to(const struct disk *d, sim_time t, uint32_t slot, uint32_t n)
{
    sim_time angle = (t + d->params.phase) % d->geo.rev;
    sim_time wait = geo_slot_time(&d->geo, slot, n) - angle;
    return wait < 0 ? wait + d->geo.rev : wait;
}

/* Time of `count` sectors from slot `slot` on, n a track. */
static sim_time slots_time(const struct disk *d, uint32_t slot, uint32_t count, uint32_t n)
{
    return geo_slot_time(&d->geo, slot + count, n) - geo_slot_time(&d->geo, slot, n);
}

/* Sectors number first .. last (counted from 1) of the request come off the medium from t0 (end of
 * the first) to t1 (end of the last), evenly. */
static void arrive(const struct disk *d, struct disk_plan *p, uint32_t first, uint32_t last,
                   uint32_t total, sim_time t0, sim_time t1)
{
    sim_time early = t0 + (sim_time)(total - first + 1) * d->read_sector;
    sim_time late = t1 + (sim_time)(total - last + 1) * d->read_sector;
    p->bus_end = sim_time_max(p->bus_end, sim_time_max(early, late));
    double part = d->params.interface.read_mark * (double)total;
    uint32_t mark = (uint32_t)part;
    mark += (double)mark < part;
    mark = mark == 0 ? 1 : mark;
    if (mark < first)
        return;
    if (mark >= last)
        p->mark = sim_time_max(p->mark, t1);
    else
        p->mark = sim_time_max(p->mark, t0 + (t1 - t0) * (sim_time)(mark - first) / (last - first));
}

struct track_access {
    sim_time t;     /* the head is settled on the track */
    uint32_t done;  /* sectors of the request before this run */
    uint32_t count; /* sectors of this run */
    uint32_t total;
};

/* Reads a run from where the head lands: the tail first, the front when it comes round.  Returns
 * the end, or SIM_NEVER when the head lands outside the run. */
static sim_time read_on_arrival(const struct disk *d, struct disk_plan *p,
                                const struct geo_run *run, const struct track_access *a)
{
    uint32_t n = run->zone->track_sectors;
    sim_time wait = rotation_to(d, a->t, run->slot, n);
    sim_time late = d->geo.rev - wait; /* since the run's first sector began */
    if (wait == 0 || late >= slots_time(d, run->slot, a->count, n))
        return SIM_NEVER;
    uint32_t missed = (uint32_t)((late * n + d->geo.rev - 1) / d->geo.rev);
    while (slots_time(d, run->slot, missed, n) < late)
        missed++;
    if (missed >= a->count)
        return SIM_NEVER;
    sim_time front = a->t + wait;
    sim_time end = front + slots_time(d, run->slot, missed, n);
    sim_time first = front + slots_time(d, run->slot, 1, n);
    arrive(d, p, a->done + 1, a->done + missed, a->total, first, end);
    arrive(d, p, a->done + missed + 1, a->done + a->count, a->total, end, end);
    sim_time tail = slots_time(d, run->slot, missed, n);
    p->transfer += slots_time(d, run->slot, a->count, n);
    p->rotation += end - a->t - slots_time(d, run->slot, a->count, n);
    ASSERT(tail >= 0);
    return end;
}

static sim_time stretched(const struct disk *d, sim_time t)
{
    return d->slow_percent == 100 ? t : t / 100 * d->slow_percent;
}

void disk_media_access(struct disk *d, struct disk_plan *plan, sim_time start, uint64_t lbn,
                       uint32_t n, uint32_t from, uint32_t total, bool write, sim_time not_before,
                       uint32_t via)
{
    sim_time t = start;
    if (via != UINT32_MAX && via != d->cyl) {
        sim_time there = seek_time(&d->curve, d->cyl, d->head, via, d->head, false);
        plan->seek += there;
        t += there;
        d->cyl = via;
    }
    for (uint32_t done = 0; done < n;) {
        struct geo_run run;
        geo_locate(&d->geo, lbn + done, &run);
        uint32_t per_track = run.zone->track_sectors;
        sim_time move = seek_time(&d->curve, d->cyl, d->head, run.cyl, run.head, write);
        move = stretched(d, move);
        plan->seek += move;
        t += move;
        d->cyl = run.cyl;
        d->head = run.head;
        if (t < not_before) {
            plan->rotation += not_before - t;
            t = not_before;
        }
        struct track_access a = { .t = t,
                                  .done = from + done,
                                  .count = run.count < n - done ? run.count : n - done,
                                  .total = total };
        sim_time end = SIM_NEVER;
        if (d->params.zero_latency && !write)
            end = read_on_arrival(d, plan, &run, &a);
        if (end == SIM_NEVER) {
            sim_time wait = rotation_to(d, t, run.slot, per_track);
            sim_time whole = slots_time(d, run.slot, a.count, per_track);
            plan->rotation += wait;
            plan->transfer += whole;
            end = t + wait + whole;
            if (!write)
                arrive(d, plan, a.done + 1, a.done + a.count, total,
                       t + wait + slots_time(d, run.slot, 1, per_track), end);
        }
        t = end;
        done += a.count;
    }
    plan->media_end = t;
    d->arm_at = t;
}

void disk_ahead_advance(struct disk *d, sim_time at)
{
    struct disk_ahead *h = &d->ahead;
    if (!h->active || at <= d->arm_at)
        return;
    while (h->next < h->limit) {
        struct geo_run run;
        geo_locate(&d->geo, h->next, &run);
        uint32_t per_track = run.zone->track_sectors;
        sim_time settled = d->arm_at + stretched(d, seek_time(&d->curve, d->cyl, d->head, run.cyl,
                                                              run.head, false));
        sim_time begin = settled + rotation_to(d, settled, run.slot, per_track);
        uint32_t count =
            run.count < h->limit - h->next ? run.count : (uint32_t)(h->limit - h->next);
        if (begin + slots_time(d, run.slot, 1, per_track) > at)
            break;
        if (begin + slots_time(d, run.slot, count, per_track) > at) {
            /* The quotient may miss by one where slots are not of equal length. */
            count = (uint32_t)((at - begin) * per_track / d->geo.rev) + 1;
            while (begin + slots_time(d, run.slot, count, per_track) > at)
                count--;
        }
        d->arm_at = begin + slots_time(d, run.slot, count, per_track);
        d->cyl = run.cyl;
        d->head = run.head;
        h->next += count;
    }
    struct disk_segment *g = &d->segments[h->segment];
    uint64_t room = (uint64_t)d->params.cache.segment_sectors;
    g->end = h->next;
    if (g->end - g->start > room)
        g->start = g->end - room;
    if (h->next == h->limit)
        h->active = false;
}

sim_time disk_positioning(struct disk *d, const struct blk_req *r, sim_time at)
{
    struct geo_run run;
    geo_locate(&d->geo, r->sector, &run);
    bool write = r->op == BLK_WRITE;
    sim_time move = seek_time(&d->curve, d->cyl, d->head, run.cyl, run.head, write);
    return move + rotation_to(d, at + move, run.slot, run.zone->track_sectors);
}
