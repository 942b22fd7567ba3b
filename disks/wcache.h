/* wcache.h: a controller's write-back cache in front of a device.
 *
 * Modelled: writes are answered when their data are in the cache, while there is room; they go to
 * the device in the background, in rising order, neighbours together; reads of what is not yet
 * written come from the cache.  Not modelled: a read cache, mirrored or battery-backed memory.
 *
 *   WC1  Without a crash every byte that was written is read, whatever is still in the cache.
 *   WC2  A crash (kill, or the fault "death") loses what is dirty and answers what is under way
 *       with BLK_ERR_ABORTED; then the cache works on, empty.  What was lost is counted. The fault
 *       "power" does the same and then takes the power from the device below; what was on its way
 *       there counts as lost as well.
 *   WC3  A write that the device refuses in the background is kept dirty and tried again `retries`
 *       times, then given up and counted as lost.
 *   WC4  A flush is done when the device has done its own, after all that was dirty when it came
 *       has gone there; writes go on meanwhile.  BLK_ERR_MEDIUM: something was given up since the
 *       last.
 */
#ifndef DISKS_WCACHE_H
#define DISKS_WCACHE_H

#include "disks/blkdev.h"

struct wcache_params {
    const char *kind; /* "cache" */
    int64_t size;     /* bytes of dirty data at most */
    int64_t rate;     /* into and out of the cache, bytes a second */
    sim_time overhead;
    sim_time delay; /* before what is dirty begins to go to the device */
    int64_t chunk;  /* bytes of one background write at most */
    int64_t retries;
    const struct val *device;
};
extern const struct param wcache_params[];

struct wcache_counts {
    uint64_t absorbed, waited, read_hits, flushes, lost_sectors, crashes;
};
extern const struct counter wcache_counters[]; /* "cache.*" */

/* `below` is owned from here. */
struct blkdev *wcache_create(struct sim *s, const struct wcache_params *p, struct blkdev *below,
                             const char *name);
struct wcache_counts wcache_counts(const struct blkdev *d);
uint64_t wcache_dirty(const struct blkdev *d); /* sectors */

#endif
