/* geometry.c: the map between logical and physical sectors.
 *
 * Inside a zone physical sectors are counted from its first track: p = track * n + sector.  They
 * fall into ranges that share spares: of the `range` sectors of one the first `usable` that are not
 * slipped are logical.  So a logical sector's place follows from one division and a step over the
 * slips of its range.
 */
#include "disks/geometry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CYLINDERS_MAX 65535
#define TRACK_SECTORS_MAX 4096

static const char *const spare_names[] = { "none", "track", "cylinder", "zone", NULL };

#define RW94 "Ruemmler & Wilkes 1994, HP 97560"

const struct param geo_params[] = {
    P_INT(geo_params, cylinders, "1962", "1", "65535", "Cylinders.", RW94),
    P_INT(geo_params, heads, "19", "1", "255", "Data surfaces.", RW94),
    P_SIZE(geo_params, sector, "512B", "64B", "4096B", "Bytes in a sector.", RW94),
    P_INT(geo_params, sectors, "72", "1", "4096", "Sectors on a track, when there are no zones.",
          RW94),
    P_INT(geo_params, track_skew, "8", "0", "4095",
          "Sectors by which a track's first sector lies behind that of the track before it.", RW94),
    P_INT(geo_params, cylinder_skew, "18", "0", "4095",
          "The same from the last track of a cylinder to the first of the next.", RW94),
    P_VAL(geo_params, zones,
          "List of zones, outermost first: { first, last, sectors, offset, front, track_skew, "
          "cylinder_skew, spares, slips }; cylinders, sectors, and with spare = 'zone' tracks.",
          "one zone: " RW94),
    P_CHOICE(geo_params, spare, "none", spare_names,
             "What shares a pool of spares: nothing, a track, a group of cylinders (spares are "
             "sectors), or a zone (spares and slips are whole tracks).",
             "ASSUMED(spares only lower the capacity of a drive without defects)"),
    P_INT(geo_params, spare_cylinders, "1", "1", "65535",
          "Cylinders of a group that shares spares, with spare = 'cylinder'.", "the drive's own"),
    P_BOOL(geo_params, slip_skew, "true",
           "Slipped sectors push the skew of what follows forward (track and one-cylinder spares).",
           "ASSUMED(a formatted track begins where the one before it ends, defects included)"),
    P_END,
};

/* ---- reading zones ---- */

struct zone_params {
    int64_t first, last, sectors, offset, front, track_skew, cylinder_skew, spares;
    const struct val *slips;
};

static const struct param zone_params[] = {
    P_INT(zone_params, first, NULL, "0", "65535", "First cylinder.", "the drive's own"),
    P_INT(zone_params, last, NULL, "0", "65535", "Last cylinder.", "the drive's own"),
    P_INT(zone_params, sectors, NULL, "0", "4096", "Sectors on a track.", "the drive's own"),
    P_INT(zone_params, offset, "0", "0", "4095", "Slot of the zone's first sector.",
          "the drive's own"),
    P_INT(zone_params, front, "0", "0", "100000000", "Usable sectors left empty at the front.",
          "the drive's own"),
    P_INT(zone_params, track_skew, "0", "0", "4095", "Skew from track to track, sectors.",
          "the drive's own"),
    P_INT(zone_params, cylinder_skew, "0", "0", "4095", "Skew from cylinder to cylinder, sectors.",
          "the drive's own"),
    P_INT(zone_params, spares, "0", "0", "100000000",
          "Spares in each pool: sectors, or tracks for a zone's.", "the drive's own"),
    P_VAL(zone_params, slips, "Slipped sectors (or tracks), counted from the zone's first track.",
          "the drive's own"),
    P_END,
};

static int by_first(const void *a, const void *b)
{
    const struct geo_slip *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static bool read_slips(struct geo_zone *z, const struct val *list, uint32_t unit, uint64_t physical,
                       const char *path, struct err *e)
{
    if (list == NULL || list->count == 0)
        return true;
    z->slips = base_zalloc(list->count, sizeof *z->slips);
    z->slip_count = (uint32_t)list->count;
    for (uint32_t i = 0; i < z->slip_count; i++) {
        const struct val *v = list->items[i];
        if (v->type != VAL_INT || v->u.i < 0 || (uint64_t)v->u.i * unit >= physical)
            return err_set(e, "%s.slips: entry %u is not a sector or track of the zone", path,
                           i + 1);
        z->slips[i] = (struct geo_slip){ .first = (uint32_t)v->u.i * unit, .count = unit };
    }
    qsort(z->slips, z->slip_count, sizeof *z->slips, by_first);
    for (uint32_t i = 1; i < z->slip_count; i++) {
        if (z->slips[i].first == z->slips[i - 1].first)
            return err_set(e, "%s.slips: %u stands there twice", path, z->slips[i].first / unit);
    }
    return true;
}

/* Slips must leave room for the usable sectors of every range. */
static bool slips_fit(const struct geo_zone *z, const char *path, struct err *e)
{
    for (uint32_t i = 0, j = 0; i < z->slip_count; i = j) {
        uint64_t lost = 0;
        uint32_t r = z->slips[i].first / z->range;
        for (j = i; j < z->slip_count && z->slips[j].first / z->range == r; j++)
            lost += z->slips[j].count;
        if (lost > (r < z->whole ? z->range - z->usable : 0))
            return err_set(e, "%s: more slips than spares in one pool", path);
    }
    return true;
}

static bool add_zone(struct geometry *g, const struct geo_params *p, const struct zone_params *q,
                     const char *path, struct err *e)
{
    struct geo_zone *z = &g->zones[g->zone_count];
    uint32_t expected = g->zone_count == 0 ? 0 : g->zones[g->zone_count - 1].last_cyl + 1;
    if (q->first < expected || q->last < q->first || q->last >= p->cylinders)
        return err_set(e,
                       "%s: cylinders %" PRId64 " to %" PRId64
                       " do not follow the zone before or lie past the %" PRId64 " there are",
                       path, q->first, q->last, p->cylinders);
    uint32_t n = (uint32_t)q->sectors, cylinder = n * g->heads;
    if (n == 0 || q->offset >= n)
        return err_set(e, "%s: needs sectors > 0 and an offset below them", path);
    uint32_t cyls = (uint32_t)(q->last - q->first) + 1;
    uint64_t physical = (uint64_t)cyls * cylinder, spare = (uint64_t)q->spares;
    uint32_t unit = 1;
    switch ((enum geo_spare)p->spare) {
    case GEO_SPARE_NONE:
        z->range = (uint32_t)physical;
        spare = 0;
        break;
    case GEO_SPARE_TRACK:
        z->range = n;
        break;
    case GEO_SPARE_CYLINDER:
        z->range = cylinder * (uint32_t)p->spare_cylinders;
        break;
    case GEO_SPARE_ZONE:
        z->range = (uint32_t)physical;
        unit = n;
        spare *= n;
        break;
    }
    *z = (struct geo_zone){ .first_cyl = (uint32_t)q->first,
                            .last_cyl = (uint32_t)q->last,
                            .track_sectors = n,
                            .offset = (uint32_t)q->offset,
                            .track_skew = (uint32_t)q->track_skew % n,
                            .cylinder_skew = (uint32_t)q->cylinder_skew % n,
                            .range = z->range,
                            .front = (uint32_t)q->front,
                            .first_lbn = g->sectors };
    z->cyl_step = ((g->heads - 1) * z->track_skew + z->cylinder_skew) % n;
    if (physical > UINT32_MAX)
        return err_set(e, "%s: too many sectors", path);
    if (spare >= z->range)
        return err_set(e, "%s: more spares than sectors", path);
    z->usable = z->range - (uint32_t)spare;
    z->whole = (uint32_t)(physical / z->range);
    uint64_t logical = (uint64_t)z->whole * z->usable + physical % z->range;
    if (z->front >= logical)
        return err_set(e, "%s: nothing is left behind its empty front", path);
    z->sectors = logical - z->front;
    g->sectors += z->sectors;
    g->zone_count++;
    return read_slips(z, q->slips, unit, physical, path, e) && slips_fit(z, path, e);
}

bool geo_init(struct geometry *g, const struct geo_params *p, sim_time rev, const char *path,
              struct err *e)
{
    size_t count = p->zones == NULL ? 1 : p->zones->count;
    *g = (struct geometry){ .cylinders = (uint32_t)p->cylinders,
                            .heads = (uint32_t)p->heads,
                            .sector_bytes = (uint32_t)p->sector,
                            .rev = rev };
    g->slip_skew_track = p->slip_skew && p->spare == GEO_SPARE_TRACK;
    g->slip_skew_cylinder =
        p->slip_skew && p->spare == GEO_SPARE_CYLINDER && p->spare_cylinders == 1;
    g->zones = base_zalloc(count + 1, sizeof *g->zones);
    if (p->zones == NULL) {
        struct zone_params one = { .last = p->cylinders - 1,
                                   .sectors = p->sectors,
                                   .track_skew = p->track_skew,
                                   .cylinder_skew = p->cylinder_skew };
        return add_zone(g, p, &one, path, e) || (geo_fini(g), false);
    }
    for (size_t i = 0; i < count; i++) {
        char at[256];
        struct zone_params q;
        snprintf(at, sizeof at, "%s.zones[%zu]", path, i + 1);
        if (!param_load(zone_params, &q, p->zones->items[i], at, e) || !add_zone(g, p, &q, at, e)) {
            geo_fini(g);
            return false;
        }
    }
    if (count == 0) {
        geo_fini(g);
        return err_set(e, "%s.zones: the list is empty", path);
    }
    return true;
}

void geo_fini(struct geometry *g)
{
    for (uint32_t i = 0; i <= g->zone_count && g->zones != NULL; i++)
        free(g->zones[i].slips); /* one past the last: a zone that failed half way */
    free(g->zones);
    g->zones = NULL;
    g->zone_count = 0;
}

/* ---- the map ---- */

static const struct geo_zone *zone_of_lbn(const struct geometry *g, uint64_t lbn)
{
    const struct geo_zone *z = g->zones;
    for (uint32_t left = g->zone_count - 1; left > 0 && lbn >= z[1].first_lbn; left--)
        z++;
    return z;
}

/* First slip that does not lie before physical sector p. */
static uint32_t slip_from(const struct geo_zone *z, uint32_t p)
{
    uint32_t lo = 0, hi = z->slip_count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (z->slips[mid].first < p)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Physical sectors slipped before p. */
static uint32_t slipped_before(const struct geo_zone *z, uint32_t p)
{
    uint32_t n = 0, end = slip_from(z, p);
    for (uint32_t i = 0; i < end; i++)
        n += z->slips[i].count;
    return n;
}

uint32_t geo_track_slot(const struct geometry *g, const struct geo_zone *z, uint32_t cyl,
                        uint32_t head)
{
    uint32_t c = cyl - z->first_cyl;
    uint32_t slot = z->offset + head * z->track_skew + c * z->cyl_step;
    if (z->slip_count > 0 && (g->slip_skew_track || g->slip_skew_cylinder)) {
        uint32_t tracks = c * g->heads + (g->slip_skew_track ? head : 0);
        slot += slipped_before(z, tracks * z->track_sectors);
    }
    return slot % z->track_sectors;
}

void geo_locate(const struct geometry *g, uint64_t lbn, struct geo_run *out)
{
    ASSERT(lbn < g->sectors);
    const struct geo_zone *z = zone_of_lbn(g, lbn);
    uint32_t logical = (uint32_t)(lbn - z->first_lbn) + z->front;
    uint32_t r = logical / z->usable;
    r = r < z->whole ? r : z->whole;
    uint32_t within = logical - r * z->usable; /* of the range */
    uint32_t p = r * z->range + within;
    uint32_t run = r < z->whole ? z->usable - within : z->range - within;
    if (z->slip_count > 0) {
        uint32_t end = r * z->range + z->range;
        for (uint32_t i = slip_from(z, r * z->range); i < z->slip_count && z->slips[i].first < end;
             i++) {
            if (z->slips[i].first > p) {
                uint32_t to_slip = z->slips[i].first - p;
                run = run < to_slip ? run : to_slip;
                break;
            }
            p += z->slips[i].count;
        }
    }
    uint32_t track = p / z->track_sectors;
    out->zone = z;
    out->sector = p - track * z->track_sectors;
    out->cyl = track / g->heads;
    out->head = track - out->cyl * g->heads;
    out->cyl += z->first_cyl;
    uint32_t left = z->track_sectors - out->sector;
    out->count = run < left ? run : left;
    out->slot = geo_track_slot(g, z, out->cyl, out->head) + out->sector;
    if (out->slot >= z->track_sectors)
        out->slot -= z->track_sectors;
}

struct geo_pos geo_position(const struct geometry *g, uint64_t lbn)
{
    struct geo_run r;
    geo_locate(g, lbn, &r);
    return (struct geo_pos){ .cyl = r.cyl, .head = r.head, .sector = r.sector };
}

uint32_t geo_cylinder(const struct geometry *g, uint64_t lbn)
{
    struct geo_run r;
    geo_locate(g, lbn, &r);
    return r.cyl;
}

const struct geo_zone *geo_zone_of_cylinder(const struct geometry *g, uint32_t cyl)
{
    for (uint32_t i = 0; i < g->zone_count; i++) {
        if (cyl >= g->zones[i].first_cyl && cyl <= g->zones[i].last_cyl)
            return &g->zones[i];
    }
    return NULL;
}

uint64_t geo_lbn(const struct geometry *g, struct geo_pos pos)
{
    const struct geo_zone *z = geo_zone_of_cylinder(g, pos.cyl);
    if (z == NULL || pos.head >= g->heads || pos.sector >= z->track_sectors)
        return UINT64_MAX;
    uint32_t track = (pos.cyl - z->first_cyl) * g->heads + pos.head;
    uint32_t p = track * z->track_sectors + pos.sector;
    uint32_t r = p / z->range, within = p - r * z->range;
    for (uint32_t i = slip_from(z, r * z->range); i < z->slip_count && z->slips[i].first <= p;
         i++) {
        if (p < z->slips[i].first + z->slips[i].count)
            return UINT64_MAX;
        within -= z->slips[i].count;
    }
    uint64_t logical = (uint64_t)r * z->usable + within;
    if ((r < z->whole && within >= z->usable) || logical < z->front)
        return UINT64_MAX;
    return z->first_lbn + logical - z->front;
}
