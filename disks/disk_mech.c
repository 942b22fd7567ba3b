/* disk_mech.c: the mechanism: seeks, rotation, media transfer, reading ahead.
 *
 * The spindle turns for ever: at time t the angle is (t + phase) mod rev.  An access is reckoned
 * track by track from the moment the arm is free, so its cost follows the tracks touched.
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

/* Number of the sector (from 1) with whose arrival the drive reconnects. */
static uint32_t mark_of(const struct disk *d, uint32_t total)
{
    uint64_t room = (uint64_t)d->params.cache.segment_sectors;
    uint32_t most = total < room ? total : (uint32_t)room;
    uint32_t mark = (uint32_t)(d->params.interface.read_mark * (double)most);
    uint32_t block = (uint32_t)d->params.interface.read_block;
    block = block < most ? block : most;
    return mark < block ? block : mark;
}

/* Sectors number first .. last (counted from 1) of the request come off the medium from t0 (end of
 * the first) to t1 (end of the last), evenly. */
static void arrive(const struct disk *d, struct disk_plan *p, uint32_t first, uint32_t last,
                   uint32_t total, sim_time t0, sim_time t1)
{
    uint32_t block = (uint32_t)d->params.interface.read_block;
    /* Both sides rise evenly, so the first block that is whole here, the last one, or what is left
     * over at the end of the request holds up the rest most. */
    const uint32_t whole[] = { (first + block - 1) / block * block, last / block * block, total };
    for (uint32_t i = 0; i < ARRAY_LEN(whole); i++) {
        uint32_t k = whole[i];
        if (k < first || k > last)
            continue;
        sim_time at = k == last ? t1 : t0 + (t1 - t0) * (sim_time)(k - first) / (last - first);
        sim_time left = (sim_time)(total - (k - 1) / block * block) * d->read_sector;
        p->bus_end = sim_time_max(p->bus_end, at + left);
    }
    if (first == 1)
        p->first = t0;
    uint32_t mark = mark_of(d, total);
    if (mark < first)
        return;
    if (mark >= last)
        p->mark = sim_time_max(p->mark, t1);
    else
        p->mark = sim_time_max(p->mark, t0 + (t1 - t0) * (sim_time)(mark - first) / (last - first));
}

/* When sector k of the request (from 0) may pass under the head: a write's must be in the buffer, a
 * read's must find room there. */
static sim_time passable(const struct disk *d, const struct disk_plan *p,
                         const struct disk_access *a, uint32_t k)
{
    if (a->write)
        return sim_time_max(a->data + (sim_time)(k + 1) * d->write_sector,
                            a->data + (sim_time)a->first * d->write_sector);
    if (k < a->room)
        return 0;
    /* The one before it by a segment has gone: in its place after the mark, or after the last that
     * was waited for. */
    sim_time sends = a->sending ? a->data : p->mark + d->params.overhead.reselect;
    sim_time all = (sim_time)a->total * d->read_sector;
    return sim_time_max(sends, p->bus_end - all) + (sim_time)(k - a->room + 1) * d->read_sector;
}

/* How many of `count` sectors from k on pass without a break when k begins at `begin`. */
static uint32_t unbroken(const struct disk *d, const struct disk_plan *p,
                         const struct disk_access *a, const struct geo_run *run, uint32_t slot,
                         uint32_t k, uint32_t count, sim_time begin)
{
    uint32_t n = run->zone->track_sectors, lo = 1, hi = count;
    if (passable(d, p, a, k + count - 1) <= begin + slots_time(d, slot, count - 1, n))
        return count;
    /* Both sides rise evenly, so there is one place from which they are late. */
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (passable(d, p, a, k + mid) <= begin + slots_time(d, slot, mid, n))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Passes `count` sectors of a run in order, from sector k of the request on.  A sector that cannot
 * be taken when it comes is waited for whole turns. */
static sim_time pass_run(const struct disk *d, struct disk_plan *plan, const struct disk_access *a,
                         const struct geo_run *run, uint32_t k, uint32_t count, sim_time t)
{
    uint32_t n = run->zone->track_sectors, slot = run->slot;
    while (count > 0) {
        sim_time begin = t + rotation_to(d, t, slot % n, n), ready = passable(d, plan, a, k);
        if (ready > begin)
            begin += (ready - begin + d->geo.rev - 1) / d->geo.rev * d->geo.rev;
        /* Up to where the buffer is full the mark, from which on it empties, is passed. */
        uint32_t most = !a->write && k < a->room && a->room - k < count ? a->room - k : count;
        uint32_t some = unbroken(d, plan, a, run, slot, k, most, begin);
        sim_time end = begin + slots_time(d, slot, some, n);
        plan->rotation += begin - t;
        plan->transfer += end - begin;
        if (!a->write)
            arrive(d, plan, k + 1, k + some, a->total, begin + slots_time(d, slot, 1, n), end);
        slot += some;
        k += some;
        count -= some;
        t = end;
    }
    return t;
}

/* Passes the `count` sectors of a run, from sector k of the request on, as the head meets them:
 * from the first that comes and is there (a write's), and those before it when they come round.
 * Returns the end; or SIM_NEVER when that is the run's first sector anyway, or the bus of a write
 * is slower than the medium. */
static sim_time pass_on_arrival(const struct disk *d, struct disk_plan *p,
                                const struct disk_access *a, const struct geo_run *run, uint32_t k,
                                uint32_t count, sim_time t)
{
    uint32_t n = run->zone->track_sectors, missed = count;
    sim_time front = t + rotation_to(d, t, run->slot, n) - d->geo.rev;
    /* The turn in which the head lands, then the next. */
    for (int turn = 0; turn < 2 && missed == count; turn++, front += d->geo.rev) {
        for (missed = 0; missed < count; missed++) {
            sim_time begin = front + slots_time(d, run->slot, missed, n);
            if (begin >= t && (!a->write || passable(d, p, a, k + missed) <= begin))
                break;
        }
    }
    sim_time last = front - d->geo.rev + slots_time(d, run->slot, count - 1, n);
    if (missed == 0 || missed == count || (a->write && passable(d, p, a, k + count - 1) > last))
        return SIM_NEVER;
    sim_time end = front + slots_time(d, run->slot, missed, n);
    if (!a->write) {
        arrive(d, p, k + 1, k + missed, a->total, front + slots_time(d, run->slot, 1, n), end);
        arrive(d, p, k + missed + 1, k + count, a->total, end, end);
    }
    p->transfer += slots_time(d, run->slot, count, n);
    p->rotation += end - t - slots_time(d, run->slot, count, n);
    return end;
}

/* A drive that fails slowly takes longer for everything it does on the medium. */
static sim_time drag(const struct disk *d, struct disk_plan *plan, sim_time start, sim_time end)
{
    sim_time more = (end - start) / 100 * (d->slow_percent - 100);
    plan->rotation += more;
    plan->mark += more;
    plan->bus_end += more;
    return end + more;
}

void disk_media_access(struct disk *d, struct disk_plan *plan, const struct disk_access *a)
{
    sim_time t = a->start, least = a->write ? d->params.seek.write_least : 0;
    if (a->via != UINT32_MAX && a->via != d->cyl) {
        sim_time there = seek_time(&d->curve, d->cyl, d->head, a->via, d->head, false);
        plan->seek += there;
        t += there;
        d->cyl = a->via;
    }
    for (uint32_t done = 0; done < a->n; least = 0) {
        struct geo_run run;
        geo_locate(&d->geo, a->lbn + done, &run);
        sim_time move = seek_time(&d->curve, d->cyl, d->head, run.cyl, run.head, a->write);
        move = sim_time_max(move, least);
        plan->seek += move;
        t += move;
        d->cyl = run.cyl;
        d->head = run.head;
        uint32_t k = a->from + done, count = run.count < a->n - done ? run.count : a->n - done;
        sim_time end = SIM_NEVER;
        if (a->write ? d->params.zero_latency_writes : d->params.zero_latency)
            end = pass_on_arrival(d, plan, a, &run, k, count, t);
        t = end != SIM_NEVER ? end : pass_run(d, plan, a, &run, k, count, t);
        done += count;
    }
    if (d->slow_percent != 100)
        t = drag(d, plan, a->start, t);
    plan->media_end = t;
    plan->passed = a->n;
    plan->passed_from = a->start;
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
        sim_time settled =
            d->arm_at + seek_time(&d->curve, d->cyl, d->head, run.cyl, run.head, false);
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

void disk_ahead_stop(struct disk *d, sim_time at)
{
    disk_ahead_advance(d, at);
    if (!d->ahead.active)
        return;
    d->ahead.active = false;
    if (at <= d->arm_at)
        return; /* it was to begin later */
    struct geo_run run;
    geo_locate(&d->geo, d->ahead.next, &run);
    uint32_t n = run.zone->track_sectors;
    sim_time move = seek_time(&d->curve, d->cyl, d->head, run.cyl, run.head, false);
    sim_time settled = d->arm_at + move, begin = settled + rotation_to(d, settled, run.slot, n);
    d->cyl = run.cyl;
    d->head = run.head;
    /* A move is carried through, a sector only when the drive cannot leave it. */
    d->arm_at = settled;
    if (begin < at && !d->params.cache.stop_in_sector)
        d->arm_at = begin + slots_time(d, run.slot, 1, n);
}

sim_time disk_positioning(struct disk *d, const struct blk_req *r, sim_time at)
{
    struct geo_run run;
    geo_locate(&d->geo, r->sector, &run);
    bool write = r->op == BLK_WRITE;
    sim_time move = seek_time(&d->curve, d->cyl, d->head, run.cyl, run.head, write);
    return move + rotation_to(d, at + move, run.slot, run.zone->track_sectors);
}
