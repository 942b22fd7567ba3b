/* raid.h: arrays of block devices.
 *
 * raid3 (disks/raid3.c): N data spindles and one parity spindle that turn and move as one; a
 * logical sector is one member sector of each data spindle, and with parity's a stripe.  Its
 * promise: one member may be lost, from the beginning or at any moment, and every byte is still
 * read and written; parity is real.  A second loss answers BLK_ERR_DEVICE.  A medium error of one
 * member is answered from the others, until the sector is written or scrubbed; of two in one stripe
 * it is BLK_ERR_MEDIUM.  A silent flip on a member is not noticed by a read (it does not read
 * parity), and a scrub reports it.
 *
 * A spare takes a lost member's place and is filled from the front (disks/raid3_background.c), a
 * batch of stripes at a time: all spindles read it, then go back and the spare is written; requests
 * go on in between.  What is filled counts as there, so after a second loss during a rebuild the
 * stripes in front are still read, the others answer BLK_ERR_DEVICE, and the rebuild rests.  A
 * stripe that lacks more than the spare is counted as unrecovered and answers BLK_ERR_MEDIUM until
 * it is written.  A spare that dies while it is filled is lost with all it got, and the next one
 * begins from the front.
 *
 * When the power fails what is under way is answered BLK_ERR_ABORTED.  All lanes of a stripe, and
 * its parity, are old or new together: there is no write hole.  What had been filled stays, the
 * batch under way is done again.
 */
#ifndef DISKS_RAID_H
#define DISKS_RAID_H

#include "disks/blkdev.h"
#include "disks/disk.h"
#include "disks/raid_layout.h"
#include "disks/scsi.h"

struct raid3_params {
    const char *kind;        /* "raid3": consumed by disks/build.c */
    int64_t data;            /* data members; one parity member besides */
    struct disk_params disk; /* its bus and interface rates are replaced by those below */
    struct scsi_params bus;  /* towards the host */
    int64_t rate;            /* the controller's own limit, bytes a second; 0: none */
    sim_time overhead;       /* of the controller for each command, on top of the drives' */
    int64_t spares;
    int64_t rebuild_rate;     /* bytes of a member a second; 0: as fast as it goes */
    int64_t rebuild_batch;    /* stripes at a time */
    int64_t rebuild_patience; /* others that may go before each request of a step; 0: any number */
    bool scrub;
};
extern const struct param raid3_params[];

/* `params` is copied but for the val trees inside, which are only read here. */
struct blkdev *raid3_create(struct sim *s, const struct raid3_params *p, int32_t node,
                            const char *name, const char *path, struct err *e);
/* Members 0 .. data-1, then parity. */
void raid3_kill_member(struct blkdev *d, uint32_t member);
bool raid3_corrupt_member(struct blkdev *d, uint32_t member, uint64_t sector, uint32_t byte,
                          uint8_t flip);
/* Puts a blank member in the place of the only dead one; its contents are made from the others at
 * once, without simulated time. */
void raid3_replace_member(struct blkdev *d, uint32_t member);
/* Sectors whose parity does not agree with the data, in [sector, sector + sectors). */
uint64_t raid3_scrub(struct blkdev *d, uint64_t sector, uint64_t sectors);
/* Drives in it, spares that wait last; 0: it is no such array. */
uint32_t raid3_members(const struct blkdev *d);
bool raid3_degraded(const struct blkdev *d);
/* One more spare; a rebuild begins when a member is missing. */
void raid3_add_spare(struct blkdev *d);
bool raid3_rebuilding(const struct blkdev *d);
/* Checks every stripe once, in the background; wrong parity and medium errors are written anew.  It
 * rests while a member is missing. */
void raid3_begin_scrub(struct blkdev *d);

/* Arrays over any devices (disks/raid.c), levels as disks/raid_layout.h has them.
 *
 * What they promise, with parity for p losses (1: RAID 1, 4, 5; 2: RAID 6; 0: none):
 *   PAR1  With at most p members lost, in the past or at any moment, every byte that was written
 *       is read, and every write that is answered BLK_OK is kept.
 *   PAR2  A medium error of a member is answered from the others, and what was lost is written
 *       back.
 *   PAR3  More than that is answered with an error, never with wrong bytes.  A silent flip, a lost
 *       or misdirected write of a member is not noticed by a read; a scrub counts it.
 *   PAR4  A spare takes a lost member's place: it is filled stripe by stripe, at most at
 *       rebuild_rate, while requests go on; a stripe that is filled counts as there.
 *   PAR5  When the controller dies (its kill) everything in it is answered BLK_ERR_DEVICE.
 *   PAR6  When the power fails (the fault "power") what is under way is answered BLK_ERR_ABORTED;
 *       each sector of such a write is old or new.  Its stripes may be left with parity that does
 *       not agree with the data: the write hole.  PAR1 does not hold for them until a scrub has
 *       been there: a member that is lost before gives back wrong bytes, also of sectors that
 *       nobody wrote.  There is no log of stripes being written that would close the hole.
 * Stripes are locked while their parity changes, so requests that overlap never mix parity.
 */
struct raid_params {
    const char *kind;      /* the level's name: consumed by disks/build.c */
    enum raid_level level; /* as disks/build.c has it from that */
    int64_t members, spares;
    const struct val *member; /* a device as disks/build.h has it, or a list of such, in turn; NULL:
                                 the default drive */
    int64_t unit, merge;      /* bytes */
    int layout;               /* enum raid_rotation */
    int small_write, read_balance;
    int64_t buses; /* that the members share, in turn; 0: each has its own */
    struct scsi_params bus;
    sim_time overhead;
    int64_t rebuild_batch; /* stripes at a time */
    int64_t rebuild_rate;  /* bytes of the lost member a second; 0: as fast as it goes */
    bool scrub;
};
extern const struct param raid_array_params[];

struct raid_counts {
    uint64_t rebuilt_stripes, scrubbed_stripes, mismatches, repaired, unrecovered;
    uint64_t full_stripe_writes, rmw_writes, reconstruct_writes, degraded_reads; /* not of RAID-3 */
};
extern const struct counter raid_counters[], raid3_counters[]; /* "raid5.*" */

/* Of an array that raid3_create made: so far. */
struct raid_counts raid3_counts(const struct blkdev *d);

/* An array, its members and spares built here and owned.  `params` is only read here.  NULL with a
 * sentence, and nothing left, when a member cannot be built or put on a bus, or they do not fit
 * together.  The first scrub begins at once where `scrub` is set. */
struct blkdev *raid_create(struct sim *s, const struct raid_params *p, int32_t node,
                           const char *name, const char *path, struct err *e);
bool raid_is(const struct blkdev *d); /* made by raid_create, as the calls below need */
struct blkdev *raid_member(struct blkdev *d, uint32_t member); /* what stands in that place */
uint32_t raid_members(const struct blkdev *d);                 /* places, without spares */
/* Declares a member lost, as the controller does when it answers BLK_ERR_DEVICE. */
void raid_fail_member(struct blkdev *d, uint32_t member);
/* Checks the parity of every stripe once, in the background; wrong parity is written anew. */
void raid_scrub(struct blkdev *d);
struct raid_counts raid_counts(const struct blkdev *d);
bool raid_rebuilding(const struct blkdev *d);
uint32_t raid_lost(const struct blkdev *d); /* members that are missing, rebuilding ones included */

#endif
