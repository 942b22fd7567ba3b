/* raid.h: arrays of block devices.
 *
 * raid3 (disks/raid3.c): N data spindles and one parity spindle that turn and move as one; a
 * logical sector is one member sector of each data spindle.  Its promise: one member may be lost,
 * from the beginning or at any moment, and every byte is still read and written; parity is real.  A
 * second loss answers BLK_ERR_DEVICE.  A medium error of one member is answered from the others; a
 * silent flip on a member is not noticed by a read (it does not read parity), and a scrub reports
 * it.
 */
#ifndef DISKS_RAID_H
#define DISKS_RAID_H

#include "disks/blkdev.h"
#include "disks/disk.h"
#include "disks/scsi.h"

struct raid3_params {
    const char *kind;        /* "raid3": consumed by disks/build.c */
    int64_t data;            /* data members; one parity member besides */
    struct disk_params disk; /* its bus and interface rates are replaced by those below */
    struct scsi_params bus;  /* towards the host */
    int64_t rate;            /* the controller's own limit, bytes a second; 0: none */
    sim_time overhead;       /* of the controller for each command, on top of the drives' */
};
extern const struct param raid3_params[];

/* `params` is copied but for the val trees inside, which are only read here. */
struct blkdev *raid3_create(struct sim *s, const struct raid3_params *p, int32_t node,
                            const char *name, const char *path, struct err *e);
/* Members 0 .. data-1, then parity. */
void raid3_kill_member(struct blkdev *d, uint32_t member);
bool raid3_corrupt_member(struct blkdev *d, uint32_t member, uint64_t sector, uint32_t byte,
                          uint8_t flip);
/* Puts a blank member in the place of a dead one; its contents are made from the others at once,
 * without simulated time (a rebuild that takes time is raid's, disks/raid_rebuild.c). */
void raid3_replace_member(struct blkdev *d, uint32_t member);
/* Sectors whose parity does not agree with the data, in [sector, sector + sectors). */
uint64_t raid3_scrub(struct blkdev *d, uint64_t sector, uint64_t sectors);
bool raid3_degraded(const struct blkdev *d);

#endif
