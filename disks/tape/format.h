/* format.h: how a tape is laid out, and how long it takes to get from place to place.
 *
 * A place is counted in bytes of track: what the head passes when it reads at the drive's rate,
 * gaps and marks included, over all tracks one behind the other.  So the picture of a tape is in
 * whole numbers, and the times are exact:
 *
 *   linear       tracks that go out and back in turn, a position is found at search speed;
 *                time = turn + distance / search, or reading on when that is less
 *   serpentine   many tracks in sections: the drive searches to the boundary (key point) one
 *                section before the target's, in the direction of the target's track, and reads
 *                from there; ahead on the same track, within two sections, it just reads
 *   helical      one long track, in partitions with a system zone before each (or none)
 *
 * Modelled: gaps, marks, blocks packed in groups, key points that differ from cartridge to
 * cartridge.  Not modelled: the acceleration of reels, the thickness of the pack.
 *
 * Source of the serpentine rule: a fit to the means that Hillyer & Silberschatz 1996 measured of
 * the DLT 4000 (docs/models/tape.md).
 */
#ifndef DISKS_TAPE_FORMAT_H
#define DISKS_TAPE_FORMAT_H

#include "sim/base/kind.h"

struct tape_format {
    const char *name; /* of media that a drive can take */
    int layout;       /* of tape_layouts */
    int64_t tracks;   /* passes along the tape */
    int64_t track;    /* bytes of track of one pass */
    int64_t gap, mark;
    int64_t group;      /* blocks are packed in groups of so many bytes; 0: they are not */
    int64_t group_each; /* what each takes there beside its bytes */
    int64_t rate;       /* bytes of track a second, reading and writing */
    int64_t search;     /* the same while it searches */
    int64_t rewind;     /* the same while it rewinds; 0: as search */
    sim_time turn;      /* of each locate, beside the distance */
    sim_time wrap;      /* from the end of a track to the beginning of the next, reading on */
    int64_t sections;   /* serpentine: of a track */
    double jitter;      /* serpentine: how far a key point may lie from its place, of a section */
    int64_t zones;      /* helical: partitions, each behind a system zone; 0: none */
    int64_t zone;       /* bytes of track of a system zone */
    double load_point;  /* where on the tape it is threaded and rewound to, from 0 to 1 */
};
extern const struct param tape_format_params[];

/* Where an item lies. */
struct tape_place {
    uint64_t at;   /* of its group, or its own */
    uint64_t into; /* bytes of the group before it */
};

/* A way of laying tracks. */
struct tape_layout {
    struct kind kind;
    /* From a place to another, neither past the end.  `seed`: of the medium's key points. */
    sim_time (*locate)(const struct tape_format *f, uint64_t seed, uint64_t from, uint64_t to);
    /* From a place to the nearest where the medium may be unloaded, which is left in *to. */
    sim_time (*rewind)(const struct tape_format *f, uint64_t from, uint64_t *to);
};
extern const struct kind_set tape_layouts;

uint64_t tape_capacity(const struct tape_format *f); /* bytes of track */
/* Where an item of `stored` bytes (0: a mark) lies that is written at `p`. */
struct tape_place tape_place_settle(const struct tape_format *f, struct tape_place p,
                                    uint64_t stored);
/* Where what comes next is written, after `count` such items from `p` on. */
struct tape_place tape_place_after(const struct tape_format *f, struct tape_place p,
                                   uint64_t stored, uint64_t count);
/* The end of an item's own bytes; without the gap behind them. */
uint64_t tape_place_end(const struct tape_format *f, struct tape_place settled, uint64_t stored);
/* Closes a group that has begun: what comes next is not in it. */
struct tape_place tape_place_close(const struct tape_format *f, struct tape_place p);

/* From a place to another (struct tape_layout), and to where it may be unloaded. */
sim_time tape_format_locate(const struct tape_format *f, uint64_t seed, uint64_t from, uint64_t to);
sim_time tape_format_rewind(const struct tape_format *f, uint64_t from, uint64_t *to);
uint64_t tape_format_distance(const struct tape_format *f, uint64_t from, uint64_t to); /* on it */
/* Where on the tape a place is. */
struct blk_spot;
void tape_format_spot(const struct tape_format *f, uint64_t at, struct blk_spot *out);
/* Reading or writing on from a place to one behind it. */
sim_time tape_format_stream(const struct tape_format *f, uint64_t from, uint64_t to);
/* Where the head stands on a tape that has just been threaded for the first time. */
uint64_t tape_format_load_point(const struct tape_format *f);

#endif
