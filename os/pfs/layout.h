/* layout.h: where the bytes of a striped file lie: pure arithmetic.
 *
 * A file is cut into units; unit k goes to directory k mod factor and is there the (k div
 * factor)-th [Intel PFS: stripe k = o div s, directory k mod D, local offset (k div D) s + o mod
 * s]. So what a range has in one directory is one contiguous local range.
 */
#ifndef OS_PFS_LAYOUT_H
#define OS_PFS_LAYOUT_H

#include "sim/base/rope.h"

struct pfs_layout {
    uint64_t unit;   /* bytes, > 0 */
    uint32_t factor; /* directories, > 0 */
};

struct pfs_place {
    uint32_t dir;
    uint64_t local; /* offset in the directory's local file */
    uint64_t run;   /* bytes from there to the end of the unit */
};

/* Where byte `off` of the file lies. */
struct pfs_place pfs_layout_place(struct pfs_layout l, uint64_t off);
/* The inverse: offset in the file of a directory's byte. */
uint64_t pfs_layout_offset(struct pfs_layout l, uint32_t dir, uint64_t local);
/* How many bytes of [0, size) lie in `dir`: a range [a, b) has the local range
 * [share(a), share(b)) there. */
uint64_t pfs_layout_share(struct pfs_layout l, uint64_t size, uint32_t dir);
/* Appends to out the local range [from, to) of `dir`, from data that starts at offset `off` of the
 * file and covers the range. */
void pfs_layout_gather(struct pfs_layout l, const struct rope *data, uint64_t off, uint32_t dir,
                       uint64_t from, uint64_t to, struct rope *out);
/* The same for the pattern `seed` of a file whose byte o is pattern byte o. */
void pfs_layout_pattern(struct pfs_layout l, uint64_t seed, uint32_t dir, uint64_t from,
                        uint64_t to, struct rope *out);

#endif
