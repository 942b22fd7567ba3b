/* cells.c: see cells.h. */
#include "os/file/cells.h"

static void add_cell(struct file_cells *b, uint64_t number)
{
    size_t size = b->head + b->room;
    if (b->count == b->cells_room) {
        b->cells_room = b->cells_room > 0 ? 4 * b->cells_room : b->most < 8 ? b->most : 8;
        b->cells = port_realloc(b->port, b->cells, b->cells_room * sizeof *b->cells);
        b->bytes = port_realloc(b->port, b->bytes, b->cells_room * size);
    }
    uint8_t *at = file_cell_bytes(b, b->count);
    for (size_t i = 0; i < size; i++)
        at[i] = 0;
    b->cells[b->count++] = (struct file_cell){ .number = number };
}

static bool add(struct file_cells *b, uint64_t off, uint64_t len, uint64_t farthest,
                bool (*fn)(struct file_cells *b))
{
    if (off > farthest) {
        (void)(b->count == 0 || fn(b));
        b->count = 0;
        return false;
    }
    for (uint64_t n; len > 0; off += n, len -= n) {
        uint64_t number = off / b->room, in = off % b->room;
        n = len < b->room - in ? len : b->room - in;
        uint64_t last = b->count > 0 ? b->cells[b->count - 1].number : 0;
        if (b->count > 0 && (number < last || (number > last && b->count == b->most))) {
            if (!fn(b))
                return false;
            b->count = b->piece_count = 0;
        }
        if (b->count == 0 || number > last)
            add_cell(b, number);
        if (b->piece_count == b->pieces_room) {
            b->pieces_room = b->pieces_room > 0 ? 4 * b->pieces_room : 8;
            b->pieces = port_realloc(b->port, b->pieces, b->pieces_room * sizeof *b->pieces);
        }
        b->pieces[b->piece_count++] =
            (struct file_cell_piece){ b->count - 1, (uint32_t)in, (uint32_t)n };
        struct file_cell *x = &b->cells[b->count - 1];
        if (in >= x->end) {
            x->cover += (uint32_t)n;
            x->end = (uint32_t)(in + n);
        }
    }
    return true;
}

void file_cells_each(struct file_cells *b, uint64_t farthest, bool (*fn)(struct file_cells *b))
{
    const struct file_req *r = b->r;
    bool on = true;
    for (uint32_t i = 0; on && i < r->run_count; i++)
        for (uint64_t k = 0; on && k < r->runs[i].count; k++)
            on = add(b, r->runs[i].off + k * r->runs[i].stride, r->runs[i].len, farthest, fn);
    if (on && b->count > 0)
        (void)fn(b);
    port_free(b->port, b->cells);
    port_free(b->port, b->bytes);
    port_free(b->port, b->pieces);
}

void file_cells_put(struct file_cells *b)
{
    for (uint32_t i = 0; i < b->piece_count; i++) {
        const struct file_cell_piece *x = &b->pieces[i];
        struct file_cell *in = &b->cells[x->cell];
        rope_read(&b->r->data, b->at, x->len, file_cell_bytes(b, x->cell) + b->head + x->off);
        b->at += x->len;
        in->len = x->off + x->len > in->len ? x->off + x->len : in->len;
    }
}
