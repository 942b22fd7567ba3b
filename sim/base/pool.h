/* pool.h: host memory for things of up to a page that come and go by the million.
 *
 * Blocks of at most POOL_MAX bytes come from lists of free blocks of their size, the last one freed
 * first, so that what is used again is still in the caches; neighbours in time are neighbours in
 * memory.  Larger ones are malloc's.  Blocks go back to the lists, not to the system.  Under
 * AddressSanitizer every block is malloc's, so that it is watched.
 */
#ifndef SIM_BASE_POOL_H
#define SIM_BASE_POOL_H

#include "sim/base/base.h"

#define POOL_MAX 8448 /* a page and what stands around it */

void *pool_take(size_t size);             /* uninitialised, aligned to 16; never NULL */
void pool_give(void *block, size_t size); /* the size that was asked for */

#endif
