/* cache.h: CACHE, a layer that keeps blocks of files: read ahead, written behind.
 *
 * It may stand in any stack, on the node of the programs or on that of the files.  A block is
 * `block` bytes at a multiple of that; of it the layer knows some bytes (valid), and of those some
 * that the file system below has not (dirty).
 *
 *   CACHE1  What goes down is what was written, to the byte: who has another part of a block, by
 *       another way, loses nothing (false sharing).
 *   CACHE2  Requests through this layer that have blocks of a file in common take place in the
 *       order of their submits.  What others do to the file below is seen of bytes that the layer
 *       does not have; FILE_REFRESH makes it forget all but dirty ones, of its bytes.
 *   CACHE3  A WRITE has ended when the layer has its bytes.  They go down when more than `dirty`
 *       or `dirty_fraction` wait, when they have waited for `age`, when nobody reads or writes for
 *       `idle`, when a `cluster` of blocks is whole, when the file is closed (`on_close`), and
 *       before FLUSH, FILE_PROPAGATE, SIZE, STAT, CHECKPOINT, ROLLBACK, CHANGE and FILE_FORGET of
 *       the file, which have it for themselves; FILE_PROPAGATE has those blocks go in which some of
 *       its bytes lie.  REMOVE drops them.  A crash of the node loses them.
 *   CACHE4  What failed as it went down is told by the next FLUSH or FILE_PROPAGATE of the file,
 *       once, and by a remark; its bytes are lost, and what lay there below is seen from then on.
 *   CACHE5  Past the layer go requests that are `direct`, or of users other than 0, for it keeps no
 *       rights, or of more blocks than half its own; it has written and, for a WRITE, forgotten the
 *       file before.
 *   CACHE6  It holds at most `bytes`.  A request that finds no block that can go waits, and those
 *       behind it.
 *
 * Read-ahead is by `read_ahead`, up to `ahead` blocks; behind every READ after FILE_SEQUENTIAL,
 * none after FILE_RANDOM.  The blocks of FILE_WILL_READ's runs, as many as half the layer has, are
 * read in any case.
 *
 * Work named: a look-up for each block of a request, and a copy of the bytes that it moves.
 * Sources: [Corbett et al. 1996] for what a client controls; delayed writes and read-ahead are
 * those of UNIX buffer caches.
 * Who calls it: stacks of files (os/registry.c); os/pio/pio_cache.c over the files of os/pio.
 */
#ifndef OS_FILE_CACHE_H
#define OS_FILE_CACHE_H

#include "os/file/file.h"

struct file_cache_params {
    int64_t bytes, block, ahead, dirty, cluster;
    double dirty_fraction;
    sim_time age, idle;
    bool on_close;
    struct kind_choice policy;     /* of file_cache_policies (os/file/policies.h); no kind: lru */
    struct kind_choice read_ahead; /* of file_read_aheads (os/file/ahead.h); no kind: sequential */
};
extern const struct param file_cache_params[];
extern const struct counter file_cache_counters[]; /* "cache.*" */
extern const struct file_ops file_cache;

/* Refuses sizes that do not fit each other. */
bool file_cache_check(const struct file_cache_params *p, const char *path,
                      struct err *e) MUST_CHECK;
/* For an owner that is no stack: over `below`, on `port`. */
struct file_sys *file_cache_start(struct port *port, const struct file_cache_params *p,
                                  struct file_sys *below);
/* Frees one that has nothing to do; dirty bytes are lost. */
void file_cache_end(struct file_sys *s);

#endif
