/* pieces.h: arithmetic of lists of runs: what several have in a window of a file, put together and
 * taken apart again.
 *
 * A window is a range [lo, hi) of the file.  What a list has in a window is told run by run, and of
 * a run by rising offset: that is the order of its bytes.  Pieces of a run do not overlap.
 */
#ifndef OS_FILE_PIECES_H
#define OS_FILE_PIECES_H

#include "os/file/file.h"

/* A list of runs that grows at its end: pieces that continue each other become one, and pieces of
 * one length at equal distances one run. */
struct file_runs {
    struct file_run *runs; /* of the port's heap */
    uint32_t count, room;
};
/* One more piece behind the others. */
void file_runs_add(struct port *p, struct file_runs *l, uint64_t off, uint64_t len);
void file_runs_end(struct file_runs *l); /* no more comes */

struct file_list {
    const struct file_run *runs;
    uint32_t count;
};

struct file_window {
    uint64_t lo, hi;
};

struct file_clip {
    uint64_t from, to, bytes;
};
/* The pieces [from, to) of a run that lie in a window, and their bytes there. */
struct file_clip file_clip(const struct file_run *r, struct file_window w);
/* Piece i of a run as far as it lies in the window; lo >= hi: it does not. */
struct file_window file_piece(const struct file_run *r, uint64_t i, struct file_window w);
uint64_t file_list_bytes(struct file_list l, struct file_window w); /* of a list in a window */
/* The smallest window inside w that has all that the lists have there; lo == hi: nothing. */
struct file_window file_list_hull(const struct file_list *lists, uint32_t count,
                                  struct file_window w);

/* The CPU puts so many bytes in place, piece by piece; what is one piece moves as it is. */
void file_pay(struct port *port, uint64_t pieces, uint64_t bytes);

/* Appends to `out` what a list has of `data`, the bytes of the runs `have`: of one piece each,
 * rising, with gaps between them.  Data that are shorter end the file; a piece of the list lies in
 * one run or outside. */
void file_gather(struct port *port, struct file_list l, const struct file_run *have,
                 uint32_t have_count, const struct rope *data, struct rope *out);

/* The reverse, of the whole of `buffer`: `data` go to the first bytes of the list, whose pieces do
 * not overlap and lie inside.  They are empty then. */
void file_scatter(struct port *port, struct file_list l, struct rope *data, struct rope *buffer);

struct file_merge {
    struct file_run *runs; /* of one piece each, rising, apart; freed by the caller */
    uint32_t count;
    struct rope data;
};
/* What `count` lists have in a window, together: `data[i]` (data NULL: none) is what list i has
 * there.  `under` (NULL: nothing) are the bytes of all of `w`, which show where no list has any.
 * Without it the outcome has gaps.  Where lists overlap one of them shows. */
void file_merge(struct port *port, const struct file_list *lists, const struct rope *data,
                uint32_t count, struct file_window w, const struct rope *under,
                struct file_merge *out);

#endif
