/* build.h: any stack of devices from its description in a configuration.
 *
 *   { kind = "disk", ... }                       a drive on a bus of its own (disks/disk.h)
 *   { kind = "raid3", disk = {...}, ... }        synchronised array (disks/raid.h)
 *   { kind = "raid5", members = 9, member = {...}, ... }   array over any devices (disks/raid.h);
 *                     also concat, raid0, raid1, raid4, raid6
 *   { kind = "cache", size = "4MiB", device = {...} }   write-back cache (disks/wcache.h)
 *   { kind = "tape", ... }                       a tape drive (disks/tape/drive.h)
 *   { kind = "rait3", members = 5, member = {...} }   tape drives in step (disks/tape/rait.h); also
 *                     rait0, rait5, rait6
 *   { kind = "scsi", bus = {...}, device = {...} }   any of these behind a SCSI bus
 *
 * A specification without kind is a disk.
 *
 * A list of devices (blk_build_list) may say which stand on one SCSI bus:
 *
 *   { { kind = "bus", name = "a", bus = { rate = "10MB/s", host_rate = "8MB/s" } },
 *     { kind = "disk", count = 4, on = "a" },
 *     { kind = "raid5", members = 9, on = { "b", "c" } } }
 *
 * `on` names the bus, or the buses in turn, of a device or of the drives below it (members, then
 * spares).  A bus that has no entry is one with default parameters.  Without `on` a drive has a bus
 * of its own, and an array has what its `buses` says.
 */
#ifndef DISKS_BUILD_H
#define DISKS_BUILD_H

#include "disks/blkdev.h"
#include "disks/raid.h"
#include "disks/scsi.h"
#include "sim/base/kind.h"

/* Builds what `spec` (a table; NULL: the default drive) says.  `name` starts the names of its busy
 * accounts, `path` the keys of its sentences.  `spec` is only read here.  NULL with a sentence. */
struct blkdev *blk_build(struct sim *s, const struct val *spec, int32_t node, const char *name,
                         const char *path, struct err *e);

/* Builds a table, or each of a list of tables, `count` of each, and puts them on their buses; they
 * are named prefix0, prefix1, ...  *devs (heap) and *count are what was built, also when it fails:
 * false with a sentence.  The index of a device leaves out the buses. */
bool blk_build_list(struct sim *s, const struct val *spec, int32_t node, const char *prefix,
                    const char *path, struct blkdev ***devs, size_t *count, struct err *e);

/* An entry of a list that is a bus. */
struct blk_bus_params {
    const char *kind, *name;
    struct scsi_params bus;
};
extern const struct param blk_bus_params[];

/* What a kind's builder gets: its loaded parameters, and where the device belongs. */
struct blk_kind;
struct blk_site {
    const struct blk_kind *kind;
    struct sim *sim;
    int32_t node;
    const char *name, *path;
};
/* A kind of device. */
struct blk_kind {
    struct kind kind;
    struct blkdev *(*build)(const struct blk_site *at, void *params, struct err *e);
    enum raid_level level; /* of the arrays */
};
extern const struct kind_set blk_kinds;

/* For builders: the device below, whose description is `device`.  NULL with a sentence. */
struct blkdev *blk_build_below(const struct blk_site *at, const struct val *device,
                               const char *name, struct err *e);

#endif
