/* map.h: where the bytes of a subfile lie: pure arithmetic.
 *
 * A Vesta file is a table: `cells` columns, rows without end, an entry a basic striping unit (BSU)
 * of `bsu` bytes.  Column c is cell c, the bytes of one file of one I/O node, row after row.
 *
 * A view cuts the table in blocks of `vbs` rows and `hbs` columns and deals the blocks out: `vn`
 * ways from top to bottom, `hn` ways from left to right.  Entry (c, r) belongs to
 *
 *   v = r div vbs mod vn, h = c div hbs mod hn, subfile v hn + h (by_column: h vn + v).
 *
 * A subfile is a sequence of bytes: of the vbs rows that it has next, in all its columns, the
 * entries row by row (each across the columns), or (down) column by column.
 *
 *   VIEW1  Each byte of the file is one byte of one subfile of a view, and what a subfile has of a
 *       cell comes in the order of the cell.
 *
 * Examples: (vbs, vn, hbs, hn) = (1, 1, cells, 1): all, striped as by PFS; (1, 1, 1, cells): a
 * cell each; (1, P, cells, 1): rows in turn; (n, 2, m, 2): four blocks.
 *
 * Source: [Corbett and Feitelson, TOCS 1996], as recalled: the order of entries in a block is a
 * gap, so it is a parameter, and so is the number of a subfile.
 */
#ifndef OS_VESTA_MAP_H
#define OS_VESTA_MAP_H

#include "os/file/file.h"

#define VESTA_CELLS_MAX 4096
#define VESTA_SIZE_MAX                                                                             \
    (UINT64_C(1) << 46)          /* bytes of a subfile; ASSUMED(more than a machine has) */
#define VESTA_SUBFILES_MAX 65536 /* of a view; ASSUMED(a subfile for each node) */

struct vesta_view {
    uint64_t vbs;
    uint32_t vn, hbs, hn;
    uint32_t subfile;
    bool down, by_column;
};

struct vesta_map {
    uint64_t bsu;
    uint32_t cells;
    struct vesta_view view;
    uint32_t v, h, have; /* its place among the blocks; cells that it has bytes of */
};
/* False: a number is 0 or out of range, there is no such subfile, or it has no cell. */
bool vesta_map_init(struct vesta_map *m, uint32_t cells, uint64_t bsu,
                    const struct vesta_view *view) MUST_CHECK;
struct vesta_view vesta_view_all(uint32_t cells); /* one subfile: all of the file */

struct vesta_place {
    uint32_t nth;   /* which of the subfile's cells, below `have` */
    uint64_t local; /* byte of the cell */
    uint64_t run;   /* bytes from there that follow each other in both */
};
/* Where byte `off` of the subfile lies. */
struct vesta_place vesta_map_place(const struct vesta_map *m, uint64_t off);
/* The number of its nth cell in the file. */
uint32_t vesta_map_cell(const struct vesta_map *m, uint32_t nth);
/* The inverse; `local` is a byte of the subfile. */
uint64_t vesta_map_offset(const struct vesta_map *m, uint32_t nth, uint64_t local);
/* Where the subfile ends as far as bytes [0, length) of its nth cell go. */
uint64_t vesta_map_end(const struct vesta_map *m, uint32_t nth, uint64_t length);
/* The least length of the nth cell that has all it has of subfile bytes [0, size). */
uint64_t vesta_map_length(const struct vesta_map *m, uint32_t nth, uint64_t size);

#endif
