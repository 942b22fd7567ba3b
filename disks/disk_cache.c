/* disk_cache.c: the segments of the on-board buffer.
 *
 * A segment holds consecutive sectors; the least recently used one takes a new stream.  Reading
 * ahead continues the segment of the last read until the request's limit, or until another access
 * takes the arm.  When a segment is full its oldest sectors give way.
 */
#include "disks/disk_internal.h"

static bool holds(const struct disk_segment *g, uint64_t lbn, uint32_t n)
{
    return g->start <= lbn && lbn + n <= g->end;
}

uint32_t disk_segment_holding(const struct disk *d, uint64_t lbn)
{
    for (uint32_t i = 0; i < d->segment_count; i++) {
        if (d->segments[i].start <= lbn && lbn < d->segments[i].end)
            return i;
    }
    return UINT32_MAX;
}

sim_time disk_cache_hit(struct disk *d, uint64_t lbn, uint32_t n)
{
    if (!d->params.cache.enabled)
        return SIM_NEVER;
    for (uint32_t i = 0; i < d->segment_count; i++) {
        struct disk_segment *g = &d->segments[i];
        if (holds(g, lbn, n)) {
            g->used = ++d->uses;
            return g->ready;
        }
    }
    if (d->params.cache.read_written && holds(&d->written, lbn, n))
        return d->written.ready;
    return SIM_NEVER;
}

static void read_on(struct disk *d, uint32_t segment, uint64_t end)
{
    uint64_t ahead = (uint64_t)d->params.cache.read_ahead;
    uint64_t room = (uint64_t)d->params.cache.segment_sectors;
    uint64_t limit = end + (ahead < room ? ahead : room);
    limit = limit < d->geo.sectors ? limit : d->geo.sectors;
    d->ahead.segment = segment;
    d->ahead.limit = d->ahead.limit > limit && d->ahead.active ? d->ahead.limit : limit;
    d->ahead.active = d->ahead.next < d->ahead.limit;
}

void disk_cache_read_on(struct disk *d, uint64_t end, sim_time at)
{
    struct disk_segment *g = &d->segments[d->ahead.segment];
    bool current = d->params.cache.read_ahead > 0 && g->end == d->ahead.next && end <= g->end &&
                   end > g->start;
    if (!current || !d->params.cache.hit_read_ahead)
        return;
    if (!d->ahead.active)
        d->arm_at = sim_time_max(d->arm_at, at);
    read_on(d, d->ahead.segment, end);
}

static uint32_t least_used(const struct disk *d)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < d->segment_count; i++) {
        if (d->segments[i].used < d->segments[best].used)
            best = i;
    }
    return best;
}

void disk_cache_filled(struct disk *d, uint64_t lbn, uint32_t n, sim_time at, uint32_t segment)
{
    if (!d->params.cache.enabled)
        return;
    uint64_t room = (uint64_t)d->params.cache.segment_sectors;
    struct disk_segment *g;
    if (segment == UINT32_MAX) {
        segment = least_used(d);
        g = &d->segments[segment];
        g->start = lbn;
    }
    g = &d->segments[segment];
    g->end = lbn + n;
    if (g->end - g->start > room)
        g->start = g->end - room;
    g->ready = at;
    g->used = ++d->uses;
    d->ahead = (struct disk_ahead){ .segment = segment, .next = g->end };
    if (d->params.cache.read_ahead > 0)
        read_on(d, segment, g->end);
}

void disk_cache_written(struct disk *d, uint64_t lbn, uint32_t n, sim_time at)
{
    d->ahead.active = false;
    d->ahead.next = UINT64_MAX;
    if (!d->params.cache.enabled)
        return;
    for (uint32_t i = 0; i < d->segment_count; i++) {
        struct disk_segment *g = &d->segments[i];
        bool apart = lbn + n <= g->start || lbn >= g->end;
        /* A buffer without a segment for writes puts them where the oldest stream was. */
        if (!apart || (!d->params.cache.write_segment && i == least_used(d)))
            g->start = g->end = 0;
    }
    uint64_t room = (uint64_t)d->params.cache.segment_sectors;
    struct disk_segment *w = &d->written;
    if (w->end != lbn || w->end == w->start)
        w->start = lbn;
    w->end = lbn + n;
    if (w->end - w->start > room)
        w->start = w->end - room;
    w->ready = at;
}
