/* rait.h: an array of tape drives that is one tape drive.
 *
 * A block is split over the data members, and a parity of the parts lies on another: RAIT 0 has
 * none, RAIT 3 one on the last member, RAIT 5 one and RAIT 6 two that go round block by block.
 * Block n of the array is block n of every member, marks stand on all: the tapes keep in step, and
 * go to places at once.  Each part has a header of 16 bytes before it: the length of the whole
 * block, and a stamp of its write (both big-endian).
 *
 *   RAIT1  With at most as many members lost as there are parities, every block that was flushed is
 *       read, and every write that is answered BLK_OK goes on as BLK2 and TAPE4 say.
 *   RAIT2  More than that is answered with an error, never with wrong bytes: parts of different
 *       writes (a loss of power between them) are not put together.
 *   RAIT3  What a member lacks (a bad place, an old write) is answered from the others.
 *
 * A member is lost when its drive is dead, when something is written while it has no medium, or
 * when it loses its power alone; then it is asked no more until it is rebuilt.  Not modelled:
 * members that run ahead of each other, scrubbing, blocks of one member alone (small reads need
 * all).
 *
 * Requests are done one at a time.  Made by disks/build.c over any sequential devices.
 */
#ifndef DISKS_TAPE_RAIT_H
#define DISKS_TAPE_RAIT_H

#include "disks/blkdev.h"

#define RAIT_MEMBERS_MAX 32
#define RAIT_HEADER 16

struct rait_params {
    const char *kind;
    int64_t members, spares;
    const struct val *member;
};
extern const struct param rait_params[];

struct rait_counts {
    uint64_t reconstructed; /* blocks that were read by their parity */
    uint64_t mixed;         /* blocks whose parts were of different writes */
    uint64_t unreadable;    /* blocks that too much was lost of */
    uint64_t rebuilt;       /* items written to a member anew */
};
extern const struct counter rait_counters[]; /* "rait5.*" */

/* Over `count` sequential devices and `spares` behind them, which are owned from here; `parity` of
 * them are parities, which go round where `rotates`.  `kind` ("rait5") owns its counters. */
struct blkdev *rait_create(struct sim *s, struct blkdev *const *members, uint32_t count,
                           uint32_t spares, uint32_t parity, bool rotates, const char *kind,
                           const char *name);
bool rait_is(const struct blkdev *d);
/* A member is asked no more. */
void rait_lose(struct blkdev *d, uint32_t member);
bool rait_lost(const struct blkdev *d, uint32_t member);
/* Writes all that a lost member should hold, from the others, to the medium that is loaded there
 * now, from its beginning on; other requests wait meanwhile.  `done` is called once: BLK_OK, the
 * member is no longer lost; else what went wrong. */
void rait_rebuild(struct blkdev *d, uint32_t member, void (*done)(void *arg, enum blk_status s),
                  void *arg);
/* A spare, with its own medium, takes the place of a lost member (which takes the spare's) and is
 * rebuilt; the fault "spare" does it, too.  False: nobody is lost, no spare is left, or one is
 * being rebuilt. */
bool rait_use_spare(struct blkdev *d);
struct rait_counts rait_counts(const struct blkdev *d);

#endif
