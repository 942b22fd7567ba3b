/* walk.h: which pieces of a data set a program touches, step by step.
 *
 * A data set is `files` files of `pieces` pieces each, all alike.  A walk is a function of its
 * parameters, the seed and the program's number alone, so that the program can be asked ahead of
 * itself: a second walk, begun alike, goes the same way (pre-execution).
 *
 *   sweep  all pieces in order, a piece a step, again and again; program r of n begins at r/n of it
 *   tiles  a field of columns x rows x layers tiles, each a piece, in files by `order`; a view of
 *          `view` tiles each way moves by one tile a step, on in its direction or (1 - straight)
 *          in one drawn anew; a step touches the tiles that were not in the view before
 *   planes the same field; a step touches all tiles of a plane across the axis `across`, one plane
 *          after the other, again and again; program r of n begins at r/n of them
 *   zipf   a step is a file, all of it; sets of `run` files are drawn, the i-th most popular with
 *          probability proportional to i^-alpha, and their files follow each other in an order of
 *          the set's own.  scattered: a set's files lie anywhere, else side by side
 *
 *   WALK1  A step touches at least one piece, none twice, and at most walk_most.
 *
 * Pure arithmetic over its own memory.
 */
#ifndef WORKLOADS_TAPE_WALK_H
#define WORKLOADS_TAPE_WALK_H

#include "os/port.h"
#include "sim/base/param.h"

enum walk_access { WALK_SWEEP, WALK_TILES, WALK_ZIPF, WALK_PLANES };
enum walk_order {
    WALK_ROWS,  /* row by row, layer by layer, as the program that made the field wrote it */
    WALK_BLOCKS /* a file is a block of b x b tiles, or b x b x b of a field with layers */
};

struct walk_params {
    int64_t files, pieces, columns, rows, layers, view, run, seed;
    double straight, alpha;
    int access, order, across;
    bool scattered;
};
extern const struct param walk_params_desc[];
/* Refuses numbers that do not fit together; `path` is the table's. */
bool walk_check(const struct walk_params *p, const char *path, struct err *e) MUST_CHECK;

struct walk_piece {
    uint32_t file, piece;
};

struct walk {
    const struct walk_params *p;
    struct port *port;
    uint64_t state; /* of its draws */
    uint64_t step, start;
    uint32_t at[3], direction; /* of the view's corner */
    uint32_t *order;           /* zipf: files by popularity of their sets */
    double *below;             /* zipf: chance of a set at least so popular */
    uint64_t set;              /* the set under way */
};
/* Of program `rank` of `ranks`; memory is the task's. */
void walk_init(struct walk *w, struct port *port, const struct walk_params *p, uint32_t rank,
               uint32_t ranks);
void walk_fini(struct walk *w);
/* Pieces that a step has at most. */
uint32_t walk_most(const struct walk_params *p);
/* The next step: its pieces, in the order in which they are wanted.  So many. */
uint32_t walk_next(struct walk *w, struct walk_piece *out);
/* The piece that is the tile of the field at x, y, z. */
struct walk_piece walk_tile(const struct walk_params *p, const uint32_t x[3]);
/* The set of a file: of zipf; else all files are of set 0. */
uint32_t walk_set(const struct walk *w, uint32_t file);
/* A number that hangs on these two alone, below n > 0: for draws that no walk must feel. */
uint64_t walk_draw(uint64_t seed, uint64_t k, uint64_t n);

#endif
