/* disk_cache.c: the segments of the on-board buffer.
 *
 * A segment holds consecutive sectors; when it is full its oldest give way.  A new stream takes an
 * empty segment, else the one that was used least recently; the one that is being filled by reading
 * ahead only when there is no other.  Writes go to the same segments, unless one is kept for them
 * (then reads do not find what was written).  Reading ahead continues the segment of the last read
 * up to the request's limit, or until another access takes the arm.
 */
#include "disks/disk_internal.h"

static bool overlaps(const struct disk_segment *g, uint64_t lbn, uint32_t n)
{
    return g->start < lbn + n && lbn < g->end;
}

bool disk_cache_find(const struct disk *d, uint64_t lbn, uint32_t n, uint32_t *segment)
{
    *segment = UINT32_MAX;
    for (uint32_t i = 0; d->params.cache.enabled && i < d->segment_count; i++) {
        const struct disk_segment *g = &d->segments[i];
        if (lbn < g->start || lbn >= g->end || (g->written && !d->params.cache.read_written))
            continue;
        *segment = i;
        if (lbn + n <= g->end)
            return true;
    }
    return false;
}

/* First sector past the track of a sector, or past its cylinder. */
static uint64_t track_end(const struct disk *d, uint64_t lbn)
{
    struct geo_run run;
    geo_locate(&d->geo, lbn, &run);
    uint32_t cyl = run.cyl, head = run.head;
    bool track = d->params.cache.read_until >= DISK_UNTIL_TRACK;
    do {
        lbn += run.count;
        if (lbn == d->geo.sectors)
            return lbn;
        geo_locate(&d->geo, lbn, &run);
    } while (run.cyl == cyl && (!track || run.head == head));
    return lbn;
}

/* Reads on behind a request of [start, end); the segment reaches to g->end already. */
static void read_on(struct disk *d, uint32_t segment, uint64_t start, uint64_t end)
{
    const struct disk_segment *g = &d->segments[segment];
    uint64_t ahead = (uint64_t)d->params.cache.read_ahead;
    uint64_t room = (uint64_t)d->params.cache.segment_sectors;
    uint64_t limit = end + (ahead < room ? ahead : room);
    limit = limit < d->geo.sectors ? limit : d->geo.sectors;
    int until = d->params.cache.read_until;
    bool left = until == DISK_UNTIL_OWN_TRACK && track_end(d, start) <= end;
    if (until != DISK_UNTIL_SEGMENT && !left) {
        uint64_t stop = track_end(d, (g->end > end ? g->end : end) - 1);
        limit = limit < stop ? limit : stop;
    }
    d->ahead.segment = segment;
    d->ahead.limit = d->ahead.limit > limit && d->ahead.active ? d->ahead.limit : limit;
    d->ahead.active = d->ahead.next < d->ahead.limit;
}

void disk_cache_hit(struct disk *d, uint32_t segment, uint64_t end, sim_time at)
{
    struct disk_segment *g = &d->segments[segment];
    bool going = d->ahead.active && d->ahead.segment == segment;
    g->used = ++d->uses;
    if (!d->params.cache.keep && g->start < end)
        g->start = end < g->end ? end : g->end;
    if (d->params.cache.read_ahead == 0 || g->written ||
        (!going && (!d->params.cache.hit_read_ahead || d->arm_busy)))
        return;
    if (!going) {
        d->ahead = (struct disk_ahead){ .segment = segment, .next = g->end };
        d->arm_at = sim_time_max(d->arm_at, at);
    }
    read_on(d, segment, end - 1, end);
}

static uint32_t victim(const struct disk *d)
{
    uint32_t best = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < d->segment_count; i++) {
        const struct disk_segment *g = &d->segments[i];
        bool filling = d->ahead.active && d->ahead.segment == i;
        uint64_t worth = g->start == g->end ? 0 : filling ? UINT64_MAX - 1 : g->used;
        if (worth < least) {
            best = i;
            least = worth;
        }
    }
    return best;
}

static void keep_last(const struct disk *d, struct disk_segment *g)
{
    uint64_t room = (uint64_t)d->params.cache.segment_sectors;
    if (g->end - g->start > room)
        g->start = g->end - room;
}

void disk_cache_filled(struct disk *d, uint64_t lbn, uint32_t n, sim_time at, uint32_t segment)
{
    if (!d->params.cache.enabled)
        return;
    if (segment == UINT32_MAX) {
        segment = victim(d);
        d->segments[segment].start = lbn;
        d->segments[segment].written = false;
    }
    struct disk_segment *g = &d->segments[segment];
    g->end = lbn + n;
    keep_last(d, g);
    if (!d->params.cache.keep)
        g->start = g->end;
    g->ready = at;
    g->used = ++d->uses;
    d->ahead = (struct disk_ahead){ .segment = segment, .next = g->end };
    if (d->params.cache.read_ahead > 0)
        read_on(d, segment, lbn, g->end);
}

/* The data of a write in a segment that reads share. */
static void share(struct disk *d, uint64_t lbn, uint32_t n, sim_time at, uint32_t stale)
{
    uint32_t segment = UINT32_MAX;
    for (uint32_t i = 0; i < d->segment_count; i++) {
        if (d->segments[i].written && d->segments[i].end == lbn && lbn > d->segments[i].start)
            segment = i;
    }
    if (segment == UINT32_MAX) {
        segment = stale != UINT32_MAX ? stale : victim(d);
        d->segments[segment].start = lbn;
    }
    struct disk_segment *g = &d->segments[segment];
    g->end = lbn + n;
    keep_last(d, g);
    g->ready = at;
    g->used = ++d->uses;
    g->written = true;
}

void disk_cache_written(struct disk *d, uint64_t lbn, uint32_t n, sim_time at)
{
    uint32_t stale = UINT32_MAX;
    struct disk_segment *w = &d->written;
    if (w->end != lbn || w->end == w->start)
        w->start = lbn;
    w->end = lbn + n;
    d->ahead.active = false;
    d->ahead.next = UINT64_MAX;
    if (!d->params.cache.enabled)
        return;
    for (uint32_t i = 0; i < d->segment_count; i++) {
        struct disk_segment *g = &d->segments[i];
        if (!overlaps(g, lbn, n))
            continue;
        g->start = g->end = 0;
        stale = i;
    }
    if (!d->params.cache.write_segment)
        share(d, lbn, n, at, stale);
}
