/* cells.h: a layer that keeps a file as a row of cells: which of them a list of runs touches,
 * cell by cell, so many at once.
 *
 * A cell holds `room` bytes of the file, and has `head` bytes of the layer's own before them.  What
 * a list has in the cells is told in the order of the list; a batch are cells of rising number.
 */
#ifndef OS_FILE_CELLS_H
#define OS_FILE_CELLS_H

#include "os/file/file.h"

struct file_cell { /* that a request touches */
    uint64_t number;
    uint32_t cover; /* of its bytes the request's, at least: pieces that overlap count once */
    uint32_t end;   /* of the last of these */
    uint32_t len;   /* the layer's: bytes of the file in it */
    bool there;     /* the layer's */
};

struct file_cells { /* a batch */
    struct port *port;
    void *arg; /* the layer's */
    uint32_t room, head;
    uint32_t most; /* cells at once */
    struct file_req *r;
    struct file_cell *cells;
    uint32_t count;
    uint8_t *bytes; /* of cell i, with its head, at i * (head + room); zeros when the batch comes */
    struct file_cell_piece { /* of the data of the request, in one cell */
        uint32_t cell, off, len;
    } * pieces;
    uint32_t piece_count;
    uint32_t cells_room, pieces_room; /* private */
    uint64_t at;                      /* in the data: before the first piece */
};

/* Where a cell of the batch begins, its head first. */
static inline uint8_t *file_cell_bytes(const struct file_cells *b, uint32_t cell)
{
    return b->bytes + (size_t)cell * (b->head + b->room);
}

/* Calls fn for each batch of b->r's list, until it is false; a list may end in the last cell that
 * there can be.  What lies behind `farthest` is not told: a READ's bytes end before it.  The
 * members up to `r` are the caller's, all else is empty, and freed at the end. */
void file_cells_each(struct file_cells *b, uint64_t farthest, bool (*fn)(struct file_cells *b));
/* The request's data in their places of the batch; `len` of a cell grows to hold them. */
void file_cells_put(struct file_cells *b);

#endif
