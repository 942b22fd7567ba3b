/* coll_internal.h: private to the collective transfers of os/pio/. */
#ifndef OS_PIO_COLL_INTERNAL_H
#define OS_PIO_COLL_INTERNAL_H

#include "os/file/pieces.h"
#include "os/pio/coll.h"

/* The largest of what the ranks bring, of each of `count` values, at all.  (blocks) False: a node
 * is down. */
bool coll_largest(struct coll *c, int64_t *x, uint32_t count);

/* Cuts the data of a list, in order of the list, into what it has in each window, and the reverse.
 * `windows` rise and touch each other. */
void coll_cut(struct coll *c, struct file_list l, const struct rope *data,
              const struct file_window *windows, uint32_t count, struct rope *parts);
/* Ends at the first byte at or behind `end`. */
void coll_join(struct coll *c, struct file_list l, uint64_t end, const struct file_window *windows,
               uint32_t count, const struct rope *parts, struct rope *data);

/* One request to the file system, waited for; its times are added to the part's.  (blocks) */
enum pio_status coll_ask(struct coll *c, struct coll_part *x);
/* The same of a range, without times. */
enum pio_status coll_range(struct coll *c, enum pio_op op, struct file_window w, struct rope *data,
                           uint64_t *moved);

extern const struct coll_ops coll_pieces, coll_sieve, coll_two_phase, coll_directed, coll_by_part;

#endif
