/* geometry.h: where a logical sector lies on a disk, and back.
 *
 * Modelled: zones of cylinders with their own sectors a track, track and cylinder skew, an offset
 * of a zone's first sector, sectors or tracks left empty at a zone's front, spare sectors at the
 * end of every track, group of cylinders or zone, and slipped (skipped) defects, which push what
 * follows towards the spares.  Not modelled: serpentine track order, defects remapped out of order.
 *
 * Logical sectors run along a track, then to the next head of the cylinder, then to the next
 * cylinder (0 is outermost).
 *
 *   GEO1  The map is a bijection between [0, sectors) and the physical sectors that are neither
 *       spare, slipped, nor in front of a zone.
 *   GEO2  Inside one run (geo_run) logical and physical sectors rise together on one track.
 *
 * Angles are fractions of a revolution given in time: a sector's slot s of n begins at s * rev / n.
 */
#ifndef DISKS_GEOMETRY_H
#define DISKS_GEOMETRY_H

#include "sim/base/err.h"
#include "sim/base/param.h"
#include "sim/base/time.h"

struct geo_params {
    int64_t cylinders, heads, sector;
    int64_t sectors; /* a track, when no zones are given */
    int64_t track_skew, cylinder_skew;
    const struct val *zones;
    int spare; /* enum geo_spare */
    int64_t spare_cylinders;
    bool slip_skew;
};
extern const struct param geo_params[];

/* What shares one pool of spares. */
enum geo_spare { GEO_SPARE_NONE, GEO_SPARE_TRACK, GEO_SPARE_CYLINDER, GEO_SPARE_ZONE };

struct geo_slip {
    uint32_t first, count; /* physical sectors of the zone, counted from its first track */
};

struct geo_zone {
    uint32_t first_cyl, last_cyl;
    uint32_t track_sectors; /* physical */
    uint32_t offset;        /* slot of the first track's sector 0 */
    uint32_t track_skew, cylinder_skew;
    uint32_t cyl_step; /* slots from one cylinder's first track to the next's, mod track_sectors */
    uint32_t range;    /* physical sectors that share spares */
    uint32_t usable;   /* of them logical */
    uint32_t front;    /* usable sectors left empty at the front */
    uint32_t whole;    /* ranges; what is left over at the end has no spares */
    uint64_t first_lbn, sectors;
    struct geo_slip *slips;
    uint32_t slip_count;
};

struct geometry {
    uint32_t cylinders, heads, sector_bytes, zone_count;
    bool slip_skew_cylinder, slip_skew_track;
    uint64_t sectors; /* logical */
    struct geo_zone *zones;
    sim_time rev;
};

struct geo_pos {
    uint32_t cyl, head, sector; /* sector: physical, on the track */
};

/* Logical sectors that lie one behind the other on one track. */
struct geo_run {
    const struct geo_zone *zone;
    uint32_t cyl, head, sector;
    uint32_t slot;  /* angular place of `sector` */
    uint32_t count; /* logical sectors in the run from the one asked for */
};

/* False with a sentence when the parameters do not fit together.  rev: time of a revolution. */
bool geo_init(struct geometry *g, const struct geo_params *p, sim_time rev, const char *path,
              struct err *e) MUST_CHECK;
void geo_fini(struct geometry *g); /* frees the zones; also after geo_init failed */

/* Where logical sector `lbn`, below g->sectors, lies: the run from there on, or its place alone. */
void geo_locate(const struct geometry *g, uint64_t lbn, struct geo_run *out);
struct geo_pos geo_position(const struct geometry *g, uint64_t lbn);
/* UINT64_MAX: no logical sector lies there. */
uint64_t geo_lbn(const struct geometry *g, struct geo_pos p);
uint32_t geo_cylinder(const struct geometry *g, uint64_t lbn);
const struct geo_zone *geo_zone_of_cylinder(const struct geometry *g, uint32_t cyl);
/* Sector 0's slot on a track. */
uint32_t geo_track_slot(const struct geometry *g, const struct geo_zone *z, uint32_t cyl,
                        uint32_t head);

/* When slot s of n begins, from the index mark. */
static inline sim_time geo_slot_time(const struct geometry *g, uint32_t slot, uint32_t n)
{
    return (sim_time)slot * g->rev / n;
}

#endif
