/* coll_internal.h: private to the collective transfers of os/pio/: pieces, windows, and what one
 * window of a file has of several lists.
 *
 * A window is a range [lo, hi) of the file.  What a list has in a window is told run by run, and of
 * a run by rising offset: that is the order of the bytes in a message.
 */
#ifndef OS_PIO_COLL_INTERNAL_H
#define OS_PIO_COLL_INTERNAL_H

#include "os/pio/coll.h"

struct coll_list {
    const struct pio_run *runs;
    uint32_t count;
};

struct coll_window {
    uint64_t lo, hi;
};

/* The pieces [from, to) of a run that lie in a window, and their bytes there. */
struct coll_clip {
    uint64_t from, to, bytes;
};
struct coll_clip coll_clip(const struct pio_run *r, struct coll_window w);
/* Piece i of a run as far as it lies in the window. */
struct coll_window coll_piece(const struct pio_run *r, uint64_t i, struct coll_window w);
uint64_t coll_bytes(struct coll_list l, struct coll_window w); /* of a list in a window */
/* The smallest window inside w that has all that the lists have there; lo == hi: nothing. */
struct coll_window coll_hull(const struct coll_list *lists, uint32_t count, struct coll_window w);

/* Appends to `out` what a list has in the window [at, at + data), whose bytes are `data`. */
void coll_gather(struct coll *c, struct coll_list l, uint64_t at, const struct rope *data,
                 struct rope *out);

/* What `count` lists write in a window: `data[i]` is what list i has there.  `under` (NULL:
 * nothing) are the bytes of all of `w`, which show where no list writes.  Without it the outcome is
 * a list of runs with gaps. */
struct coll_merge {
    struct pio_run *runs; /* freed by the caller */
    uint32_t count;
    struct rope data;
};
void coll_merge(struct coll *c, const struct coll_list *lists, struct rope *data, uint32_t count,
                struct coll_window w, const struct rope *under, struct coll_merge *out);

/* Cuts the data of a list, in order of the list, into what it has in each window, and the reverse.
 * `windows` rise and touch each other. */
void coll_cut(struct coll *c, struct coll_list l, const struct rope *data,
              const struct coll_window *windows, uint32_t count, struct rope *parts);
/* Ends at the first byte at or behind `end`. */
void coll_join(struct coll *c, struct coll_list l, uint64_t end, const struct coll_window *windows,
               uint32_t count, const struct rope *parts, struct rope *data);

/* One request to the file system, waited for; its times are added to the part's.  (blocks) */
enum pio_status coll_ask(struct coll *c, struct coll_part *x);
/* The same of a range, without times. */
enum pio_status coll_range(struct coll *c, enum pio_op op, struct coll_window w, struct rope *data,
                           uint64_t *moved);

extern const struct coll_ops coll_pieces, coll_sieve, coll_two_phase;

#endif
