/* fault.h: what goes wrong, and when: a schedule of faults over devices.
 *
 *   { device = 1, at = "2s", kind = "death" }             the whole device
 *   { device = 1, at = "2s", kind = "power" }             the power fails for a moment: buffers and
 *       caches are lost, what is under way is aborted (disks/disk.h K3, raid.h R6, wcache.h W2)
 *   { device = 1, at = "2s", kind = "slow", percent = 300 }   every media access takes 3 times as
 *       long
 *   { device = 1, at = "2s", kind = "sector", sector = 100, sectors = 8 }   unreadable until
 *       written
 *   { device = 1, at = "2s", kind = "transient" | "lost" | "torn" | "misdirected",
 *     sector = 100, sectors = 8, count = 1, shift = 64 }  the next `count` requests that touch it
 *   { device = 1, at = "2s", kind = "flip", sector = 100, byte = 3, bits = 1 }  silent, on the
 *       medium
 *   { device = 1, at = "2s", kind = "scrub" }   no fault: the array begins to check its parity
 *
 * device counts from 1.  member (from 1) picks a member of an array instead of the array, a list of
 * numbers a member of a member.  The death of a cache is the crash of its controller: it loses what
 * is dirty and works on.
 */
#ifndef DISKS_FAULT_H
#define DISKS_FAULT_H

#include "disks/blkdev.h"

struct blk_fault_schedule;

/* NULL with a sentence when an entry does not fit the devices. */
struct blk_fault_schedule *blk_fault_create(struct sim *s, struct blkdev *const *devs, size_t count,
                                            const struct val *list, const char *path,
                                            struct err *e);
void blk_fault_destroy(struct blk_fault_schedule *f); /* NULL is fine */

#endif
