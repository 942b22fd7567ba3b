/* store.h: what is written on a medium: sparse, by sector.
 *
 * Extents of rope slices, in order of sector.  Real bytes stay real bytes, patterns and lazy parity
 * stay descriptors; what was never written, and what was overwritten with zeros, costs nothing.
 * Neighbours that continue each other are one extent, so gibibytes of one pattern are one extent.
 *
 *   STORE1  Extents do not overlap, are not empty, and stand in rising order.
 *   STORE2  Reading returns, byte for byte, the last thing written; unwritten sectors are zeros.
 *
 * No simulated time passes here.  Sectors are counted from 0; their size is the store's own.
 */
#ifndef DISKS_STORE_H
#define DISKS_STORE_H

#include "sim/base/rope.h"

struct store;

/* An empty store (all zeros) of sectors of 1 to 65536 bytes. */
struct store *store_create(uint32_t sector_bytes);
void store_destroy(struct store *t); /* lets go of its leaves */

/* Overwrites [sector, sector + sectors) with `data`, whose leaves are shared. */
void store_write(struct store *t, uint64_t sector, uint64_t sectors, const struct rope *data);
/* Appends the contents of [sector, sector + sectors) to `out`. */
void store_read(const struct store *t, uint64_t sector, uint64_t sectors, struct rope *out);
/* Forgets what stands there (it reads as zeros). */
void store_clear(struct store *t, uint64_t sector, uint64_t sectors);
/* Silently flips bits of one byte. */
void store_flip(struct store *t, uint64_t sector, uint32_t byte, uint8_t flip);

/* The first extent that ends past `from`; false: there is none. */
bool store_next(const struct store *t, uint64_t from, uint64_t *first, uint64_t *count);

uint32_t store_sector_bytes(const struct store *t); /* as it was made */
uint64_t store_extents(const struct store *t);      /* how many there are */
/* Checks STORE1; for tests. */
bool store_check(const struct store *t);

#endif
