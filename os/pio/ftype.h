/* ftype.h: which bytes of a file, or of a buffer, belong to somebody: the datatypes of MPI-IO as
 * strided lists.
 *
 * A type is a tower: its lowest level is a row of bytes, each further one puts what the level below
 * has at some places: blocks, each `count` times `len` of it in a row, `stride` bytes apart.  It
 * has `size` bytes of data at places in [0, end), and is `extent` bytes long where one follows
 * another.
 *
 *   FTYPE1  place(pos) of pos 0, 1, 2, ... are the places of the data in their order: byte pos lies
 *       in tile pos / size, at the place of byte pos % size there and the tile's extents.
 *   FTYPE2  `ordered`: the places of one rise with pos, so that no byte is named twice.
 *   FTYPE3  The darrays of all ranks of a grid partition the array: each element is one rank's.
 *
 * A type is a value: it may be copied, and has no memory beside it but long lists of blocks.  A
 * constructor stands on what `t` is and makes it more; false: a number is 0 that may not be, the
 * levels or blocks are too many, or the type would reach behind FTYPE_SIZE_MAX; `t` is then of no
 * use.  Not modelled: structs of several types, and places before the type's begin.
 *
 * Source: MPI-2 (1997) 4.1 and 9; the types of dimensions are HPF's.  Pure arithmetic.
 */
#ifndef OS_PIO_FTYPE_H
#define OS_PIO_FTYPE_H

#include "sim/base/base.h"

#define FTYPE_LEVELS_MAX 8
#define FTYPE_BLOCKS_MAX 28
#define FTYPE_LISTED_MAX 12 /* blocks of an indexed level for which there is room for sure */
#define FTYPE_DIMS_MAX 6
#define FTYPE_SIZE_MAX (UINT64_C(1) << 60)

struct ftype_block {
    uint64_t off;    /* bytes */
    uint64_t len;    /* of the level below, in a row */
    uint64_t stride; /* bytes */
    uint64_t count;
    uint64_t before; /* private: bytes of data before it */
};

struct ftype {
    uint64_t size, extent, end;
    bool ordered;
    bool dense; /* its data are bytes [0, extent), in order */
    uint32_t levels, blocks;
    struct ftype_level {
        uint64_t size, extent; /* of what is below */
        bool dense;            /* it */
        uint32_t first, count;
        const struct ftype_block *list; /* NULL: block[first] and on */
    } level[FTYPE_LEVELS_MAX];
    struct ftype_block block[FTYPE_BLOCKS_MAX];
};

/* The lowest level. */
struct ftype ftype_bytes(uint64_t bytes);
/* `count` of it in a row. */
bool ftype_contiguous(struct ftype *t, uint64_t count) MUST_CHECK;
/* `count` times `len` of it in a row, `stride` of its extents apart. */
bool ftype_vector(struct ftype *t, uint64_t count, uint64_t len, uint64_t stride) MUST_CHECK;
/* Those blocks, in that order.  They may stay the caller's, who keeps them as long as the type, but
 * for the FTYPE_LISTED_MAX of one level; `before` is set. */
bool ftype_indexed(struct ftype *t, struct ftype_block *blocks, uint32_t count) MUST_CHECK;

struct ftype_sub { /* of a dimension of `n`: `count` from `from` on */
    uint64_t n, from, count;
};
/* A part of an array, whose last dimension lies in a row; as long as all of it. */
bool ftype_subarray(struct ftype *t, const struct ftype_sub *dim, uint32_t dims) MUST_CHECK;

enum ftype_deal { FTYPE_NONE, FTYPE_BLOCK, FTYPE_CYCLIC };
extern const char *const ftype_deal_names[];
struct ftype_dim { /* a dimension of `n`, dealt out to `parts` in blocks */
    uint64_t n;
    enum ftype_deal deal;
    uint64_t block; /* 0: BLOCK: the n-th part, rounded up; CYCLIC: 1 */
    uint32_t parts; /* NONE: 1 */
};
/* What `rank` of the grid of all parts has of an array (ranks count its last dimension first).
 * False also when a block is too small for BLOCK. */
bool ftype_darray(struct ftype *t, const struct ftype_dim *dim, uint32_t dims,
                  uint32_t rank) MUST_CHECK;
/* It is so long now. */
bool ftype_resized(struct ftype *t, uint64_t extent) MUST_CHECK;

/* Where byte `pos` of the data lies; *len: how many follow each other from there, at least 1.  The
 * type has a size. */
uint64_t ftype_place(const struct ftype *t, uint64_t pos, uint64_t *len);

#endif
