/* raid_layout.h: which member holds which stripe unit.
 *
 * The space is cut into stripe units; a stripe is one unit of each member: k of data, and none, one
 * (P) or two (P and Q) of parity.
 *
 *   concat  one unit is a whole member: members one behind the other
 *   0       no parity            1  one data unit and its copy         4  parity on the last member
 *   5, 6    parity rotates: to the left (the first stripe's on the last member) or to the right;
 *           symmetric: data begin behind the parity and wrap round, so consecutive units visit all
 *           members; asymmetric: data keep member order around the parity [Lee & Katz 1991]
 *
 *   LAY1  Every sector of a member below stripes * unit holds one data sector or parity; no two
 *       logical sectors share one.
 */
#ifndef DISKS_RAID_LAYOUT_H
#define DISKS_RAID_LAYOUT_H

#include "sim/base/base.h"

enum raid_level { RAID_CONCAT, RAID_0, RAID_1, RAID_4, RAID_5, RAID_6 };
enum raid_rotation {
    RAID_LEFT_SYMMETRIC,
    RAID_LEFT_ASYMMETRIC,
    RAID_RIGHT_SYMMETRIC,
    RAID_RIGHT_ASYMMETRIC
};

struct raid_layout {
    enum raid_level level;
    enum raid_rotation rotation;
    uint32_t members, data, parity; /* data + parity == members */
    uint64_t unit;                  /* sectors */
    uint64_t stripes;
    uint64_t sectors; /* logical: stripes * data * unit */
};

/* unit is ignored for concat.  False: too few members for the level, or the unit is larger than a
 * member. */
bool raid_layout_init(struct raid_layout *l, enum raid_level level, enum raid_rotation rotation,
                      uint32_t members, uint64_t unit, uint64_t member_sectors);
/* The member with data column c (< data), or parity j (< parity), of a stripe. */
uint32_t raid_layout_data(const struct raid_layout *l, uint64_t stripe, uint32_t c);
uint32_t raid_layout_parity(const struct raid_layout *l, uint64_t stripe, uint32_t j);

#endif
