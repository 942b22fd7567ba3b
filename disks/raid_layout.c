/* raid_layout.c: which member holds which stripe unit. */
#include "disks/raid_layout.h"

bool raid_layout_init(struct raid_layout *l, enum raid_level level, enum raid_rotation rotation,
                      uint32_t members, uint64_t unit, uint64_t member_sectors)
{
    static const uint32_t parity[] = { 0, 0, 1, 1, 1, 2 };
    *l = (struct raid_layout){ .level = level,
                               .rotation = rotation,
                               .members = members,
                               .parity = parity[level],
                               .unit = level == RAID_CONCAT ? member_sectors : unit };
    if (members < l->parity + 1 || (level == RAID_1 && members != 2) || l->unit == 0 ||
        l->unit > member_sectors || (level >= RAID_5 && members < l->parity + 2))
        return false;
    l->data = members - l->parity;
    l->stripes = member_sectors / l->unit;
    l->sectors = l->stripes * l->data * l->unit;
    return true;
}

uint32_t raid_layout_parity(const struct raid_layout *l, uint64_t stripe, uint32_t j)
{
    if (l->level < RAID_5)
        return l->data + j;
    uint32_t turn = (uint32_t)(stripe % l->members);
    bool left = l->rotation == RAID_LEFT_SYMMETRIC || l->rotation == RAID_LEFT_ASYMMETRIC;
    return ((left ? l->members - 1 - turn : turn) + j) % l->members;
}

uint32_t raid_layout_data(const struct raid_layout *l, uint64_t stripe, uint32_t c)
{
    if (l->level < RAID_5)
        return c;
    uint32_t p = raid_layout_parity(l, stripe, 0);
    bool symmetric = l->rotation == RAID_LEFT_SYMMETRIC || l->rotation == RAID_RIGHT_SYMMETRIC;
    if (symmetric)
        return (p + l->parity + c) % l->members;
    /* In member order, leaving out P and, when there is one, Q behind it. */
    uint32_t q = (p + l->parity - 1) % l->members;
    uint32_t low = p <= q ? p : q, high = p <= q ? q : p;
    uint32_t m = c;
    m += m >= low;
    if (low != high)
        m += m >= high;
    return m;
}
