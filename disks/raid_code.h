/* raid_code.h: parity of ropes: P is the XOR of the data, Q the sum of 2^c times column c in
 * GF(2^8) with polynomial 0x11d [Anvin 2004], as ISA-L computes it.
 *
 * Over descriptors both are lazy: bytes are made when somebody reads them.
 */
#ifndef DISKS_RAID_CODE_H
#define DISKS_RAID_CODE_H

#include "sim/base/rope.h"

/* P and, when q is not NULL, Q of `count` columns of equal length; both initialised here. */
void raid_code(const struct rope *columns, uint32_t count, struct rope *p, struct rope *q);
/* Fills in the columns whose bit is set in `lost` (at most two), initialised there, from the others
 * and P and Q; NULL: that parity is lost too.  False: more is lost than they give back. */
bool raid_decode(struct rope *columns, uint32_t count, uint64_t lost, const struct rope *p,
                 const struct rope *q);

#endif
