/* data.h: what programs of the archive find on its tapes, and compare. */
#ifndef WORKLOADS_TAPE_DATA_H
#define WORKLOADS_TAPE_DATA_H

#include "os/hsm/archive.h"

/* Are these the bytes that a declared volume holds, from `offset` behind its block `first`?  Takes
 * data.  False after port_fail. */
bool tape_declared(struct port *p, const struct archive *a, uint32_t volume, uint64_t first,
                   uint64_t offset, struct rope *data);
/* The same of what was appended: the pattern of that seed. */
bool tape_appended(struct port *p, uint32_t volume, uint64_t first, uint64_t seed, uint64_t offset,
                   struct rope *data);

#endif
