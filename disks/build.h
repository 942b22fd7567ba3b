/* build.h: any stack of devices from its description in a configuration.
 *
 *   { kind = "disk", ... }                       a drive on a bus of its own (disks/disk.h)
 *   { kind = "raid3", disk = {...}, ... }        synchronised array (disks/raid.h)
 *   { kind = "raid5", members = 9, member = {...}, ... }   array over any devices (disks/raid.h);
 *                     also concat, raid0, raid1, raid4, raid6
 *   { kind = "cache", size = "4MiB", device = {...} }   write-back cache (disks/wcache.h)
 *   { kind = "scsi", bus = {...}, device = {...} }   any of these behind a SCSI bus
 *
 * A specification without kind is a disk.
 */
#ifndef DISKS_BUILD_H
#define DISKS_BUILD_H

#include "disks/blkdev.h"

/* Builds what `spec` (a table; NULL: the default drive) says.  `name` starts the names of its busy
 * accounts, `path` the keys of its sentences.  `spec` is only read here.  NULL with a sentence. */
struct blkdev *blk_build(struct sim *s, const struct val *spec, int32_t node, const char *name,
                         const char *path, struct err *e);

/* One line of the table of kinds, for `psim list` and the manual. */
struct blk_kind {
    const char *name;
    const char *doc;
    const struct param *params;
    struct blkdev *(*build)(struct sim *s, const struct val *spec, int32_t node, const char *name,
                            const char *path, struct err *e);
};
extern const struct blk_kind blk_kinds[]; /* ended by a NULL name */

#endif
