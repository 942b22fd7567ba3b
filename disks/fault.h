/* fault.h: what can happen to devices, as targets of the schedule of faults (sim/fault.h).
 *
 *   { path = "dev0", action = "death", at = "2s" }          the whole device
 *   { path = "dev0", action = "power", at = "2s" }          the power fails for a moment: buffers
 *       and caches are lost, what is under way is aborted (DISK2, PAR6, WC2)
 *   { path = "dev0", action = "slow", percent = 300 }       every media access takes 3 times as
 *       long
 *   { path = "dev0.member.2", action = "sector", sector = 100, sectors = 8 }   unreadable until
 *       written
 *   { path = "dev0", action = "transient" | "lost" | "torn" | "misdirected",
 *     sector = 100, sectors = 8, count = 1, shift = 64 }    the next `count` requests that touch it
 *   { path = "dev0", action = "flip", sector = 100, sectors = 1, byte = 3, bits = 1 }
 *       silent, on the medium, in each of the sectors
 *   { path = "dev0", action = "soft", ppm = 5000 }    a tape drive: of a million blocks 5000 are
 *       read, or written, once more
 *   { path = "dev0", action = "scrub" }    no fault: the array begins to check its parity
 *   { path = "dev0", action = "spare" }    no fault: a RAID-3 array gets one spare more; of an
 *       array of tape drives a spare takes a lost member's place and is rebuilt
 *
 * Of a tape drive sectors are blocks of what is loaded: "sector" damages the tape where they lie,
 * for good; torn, lost and misdirected writes it does not have.
 *
 * Members count from 0, spares behind them; a member of a member is dev0.member.2.member.1.  What a
 * cache is in front of is its member 0.  The death of a cache is the crash of its controller: it
 * loses what is dirty and works on.
 */
#ifndef DISKS_FAULT_H
#define DISKS_FAULT_H

#include "disks/blkdev.h"
#include "sim/fault.h"

/* Makes targets of a device, by its name, and of all below it. */
void blk_fault_targets(struct sim_faults *f, struct blkdev *d);

#endif
