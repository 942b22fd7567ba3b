/* map.h: arrays dealt out to ranks as in HPF, sections of them, and where these lie in a file.
 *
 * A dimension has n indices, from 0.  They are dealt out in blocks of `block` to `parts` parts by
 * turns: HPF's CYCLIC(block).  BLOCK is the same with blocks so large that each part has one, and
 * `*` has one part.  The parts of all dimensions are a grid of ranks, the last dimension's run
 * fastest; ranks behind the grid have nothing.
 *
 *   DIST1  An index belongs to one part, and is there one local index; local indices are 0 .. share
 *       - 1, and rise with the indices.
 *   DIST2  Part 0 has as many indices as any.
 *   DIST3  The indices of a list rise; a section is the product of a list for each dimension.
 *   DIST4  The runs of a section name each of its elements once, in the order asked for.
 *
 * Source: High Performance Fortran Forum, HPF language specification, version 1.0, 1993, 3.3.
 * Arithmetic; lists have the memory of a port.  Who calls it: os/array, programs.
 */
#ifndef OS_ARRAY_MAP_H
#define OS_ARRAY_MAP_H

#include "os/file/file.h"

#define ARRAY_DIMS 3

struct array_dim {
    uint64_t n, block;
    uint32_t parts;
};
struct array_dist {
    uint32_t dims; /* 1 .. ARRAY_DIMS */
    struct array_dim d[ARRAY_DIMS];
};

/* Reads "(BLOCK, *)": for each dimension one of *, BLOCK, BLOCK(k), CYCLIC, CYCLIC(k), in capitals
 * or not; BLOCK(k) is an error where k indices for each part are not all.  `grid`, "4x2", has
 * the parts of each dimension that is not `*`; "": as many as there are ranks, as equal as can be,
 * the first the smallest.  False with a sentence about `path`. */
bool array_dist_read(const char *text, const char *grid, const uint64_t *n, uint32_t dims,
                     uint32_t ranks, const char *path, struct array_dist *out,
                     struct err *e) MUST_CHECK;
uint32_t array_parts(const struct array_dist *a); /* ranks that the grid has */
/* The rank's part of each dimension; false: it is behind the grid. */
bool array_part(const struct array_dist *a, uint32_t rank, uint32_t part[ARRAY_DIMS]);

/* DIST1 */
uint64_t array_share(const struct array_dim *d, uint32_t part);
uint32_t array_owner(const struct array_dim *d, uint64_t i);
uint64_t array_local(const struct array_dim *d, uint64_t i);
uint64_t array_global(const struct array_dim *d, uint32_t part, uint64_t local);

/* Numbers that rise, as runs: indices of a dimension; or bytes of a file, in any order. */
struct array_list {
    struct port *port;
    struct file_run *run;
    uint32_t count, room;
    uint64_t n; /* numbers in all */
};
/* Empty. */
static inline void array_list_init(struct array_list *l, struct port *p)
{
    *l = (struct array_list){ .port = p };
}
void array_list_free(struct array_list *l); /* empty afterwards */
/* The numbers [lo, lo + len), behind all that it has. */
void array_list_add(struct array_list *l, uint64_t lo, uint64_t len);
/* The indices lo, lo + step and so on up to `hi` itself: Fortran's lo:hi:step. */
void array_list_triplet(struct array_list *l, uint64_t lo, uint64_t hi, uint64_t step);
/* The indices of local ones [lo, hi) of a part. */
void array_list_own(struct array_list *l, const struct array_dim *d, uint32_t part, uint64_t lo,
                    uint64_t hi);
/* Of the indices of `l` those of a part: their numbers among those of l, and their local indices
 * there. */
void array_list_meet(const struct array_list *l, const struct array_dim *d, uint32_t part,
                     struct array_list *places, struct array_list *locals);

struct array_section {
    uint32_t dims;
    struct array_list at[ARRAY_DIMS];
};
/* Empty lists; frees them. */
void array_section_init(struct array_section *s, uint32_t dims, struct port *p);
void array_section_free(struct array_section *s);
uint64_t array_section_size(const struct array_section *s); /* elements */

/* An order of elements: its dimensions, the one that runs slowest first. */
struct array_order {
    uint8_t by[ARRAY_DIMS];
};
/* Of [dims] dimensions: the last runs fastest; the first, as in Fortran. */
extern const struct array_order array_rows[ARRAY_DIMS + 1], array_columns[ARRAY_DIMS + 1];

/* n[d] indices of each dimension, in an order, without gaps, from the front. */
struct array_layout {
    uint32_t dims;
    uint64_t n[ARRAY_DIMS], element; /* element: bytes */
    struct array_order order;
};
/* A section with its elements in that order, as if it were a file. */
struct array_layout array_layout_of(const struct array_section *s, uint64_t element,
                                    struct array_order order);
uint64_t array_layout_bytes(const struct array_layout *l);
/* Where the elements of a section lie, told in the order `by`: DIST4.  `out` is initialised here.
 * In the layout's own order runs are as few as its dimensions allow. */
void array_runs(const struct array_layout *l, const struct array_section *s, struct array_order by,
                struct array_list *out);

#endif
