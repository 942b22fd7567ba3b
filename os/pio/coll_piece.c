/* coll_piece.c: lists in windows, and the methods that exchange nothing. */
#include "os/nx/nx.h"
#include "os/pio/coll_internal.h"

bool coll_largest(struct coll *c, int64_t *x, uint32_t count)
{
    return c->ranks == 1 || nx_gihigh(c->nx, x, count) == NX_OK;
}

/* ---- a list and its windows ---- */

/* The window that has byte `off`; windows touch, all but the last are as long as the first. */
static uint32_t window_of(const struct file_window *windows, uint32_t count, uint64_t off)
{
    uint32_t lo = 0, hi = count;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (windows[mid].lo <= off)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* Calls for each part of each piece that lies in one window, in the order of the list, until it
 * says stop or one lies behind the last window. */
static uint64_t walk(struct file_list l, const struct file_window *windows, uint32_t count,
                     bool (*part)(void *arg, uint32_t window, struct file_window p), void *arg)
{
    uint64_t parts = 0;
    for (uint32_t k = 0; k < l.count; k++) {
        const struct file_run *r = &l.runs[k];
        for (uint64_t i = 0; i < r->count && r->len > 0; i++) {
            struct file_window p = { r->off + i * r->stride, r->off + i * r->stride + r->len };
            for (uint32_t at = window_of(windows, count, p.lo); p.lo < p.hi; at++) {
                if (at == count || p.lo >= windows[count - 1].hi)
                    return parts;
                uint64_t hi = p.hi < windows[at].hi ? p.hi : windows[at].hi;
                if (!part(arg, at, (struct file_window){ p.lo, hi }))
                    return parts;
                parts++;
                p.lo = hi;
            }
        }
    }
    return parts;
}

struct cutting {
    struct rope_cursor data;
    struct rope *parts;
};

static bool cut_part(void *arg, uint32_t window, struct file_window p)
{
    struct cutting *x = arg;
    rope_cursor_take(&x->data, p.hi - p.lo, &x->parts[window]);
    return true;
}

void coll_cut(struct coll *c, struct file_list l, const struct rope *data,
              const struct file_window *windows, uint32_t count, struct rope *parts)
{
    struct cutting x = { .parts = parts };
    rope_cursor_init(&x.data, data);
    file_pay(c->port, walk(l, windows, count, cut_part, &x), data->length);
}

struct joining {
    struct rope_cursor *parts;
    uint64_t end;
    struct rope *data;
};

static bool join_part(void *arg, uint32_t window, struct file_window p)
{
    struct joining *x = arg;
    uint64_t hi = p.hi < x->end ? p.hi : x->end;
    if (p.lo < hi)
        rope_cursor_take(&x->parts[window], hi - p.lo, x->data);
    return hi == p.hi;
}

void coll_join(struct coll *c, struct file_list l, uint64_t end, const struct file_window *windows,
               uint32_t count, const struct rope *parts, struct rope *data)
{
    struct joining x = { .end = end, .data = data };
    x.parts = port_alloc(c->port, (count + 1) * sizeof *x.parts);
    for (uint32_t i = 0; i < count; i++)
        rope_cursor_init(&x.parts[i], &parts[i]);
    file_pay(c->port, walk(l, windows, count, join_part, &x), data->length);
    port_free(c->port, x.parts);
}

/* ---- requests ---- */

enum pio_status coll_ask(struct coll *c, struct coll_part *x)
{
    struct pio_req q;
    pio_req_init(&q, x->op, c->file);
    q.runs = x->runs;
    q.run_count = x->run_count;
    rope_move(&q.data, &x->data);
    pio_submit(&q);
    enum pio_status s = pio_wait(&q);
    x->moved = s == PIO_OK ? q.moved : 0;
    x->off = q.off;
    x->split.mesh += q.split.mesh;
    x->split.queue += q.split.queue;
    x->split.arm += q.split.arm;
    c->counts.requests++;
    c->counts.requested += x->moved;
    rope_move(&x->data, &q.data);
    return s;
}

enum pio_status coll_range(struct coll *c, enum pio_op op, struct file_window w, struct rope *data,
                           uint64_t *moved)
{
    const struct file_run run = { .off = w.lo, .len = w.hi - w.lo, .count = 1 };
    struct coll_part x = { .op = op, .runs = &run, .run_count = 1 };
    rope_move(&x.data, data);
    enum pio_status s = coll_ask(c, &x);
    rope_move(data, &x.data);
    *moved = x.moved;
    return s;
}

/* ---- the simple methods ---- */

static enum pio_status list_transfer(struct coll *c, struct coll_part *x)
{
    return x->run_count == 0 ? PIO_OK : coll_ask(c, x);
}

static enum pio_status pieces_transfer(struct coll *c, struct coll_part *x)
{
    struct rope all;
    struct rope_cursor from;
    enum pio_status s = PIO_OK;
    bool more = true;
    rope_move(&all, &x->data);
    rope_cursor_init(&from, &all);
    for (uint32_t k = 0; k < x->run_count; k++)
        for (uint64_t i = 0; i < x->runs[k].count && s == PIO_OK && more; i++) {
            struct file_run run = { .off = x->runs[k].off + i * x->runs[k].stride,
                                    .len = x->runs[k].len,
                                    .count = 1 };
            struct coll_part one = { .op = x->op, .runs = &run, .run_count = 1, .split = x->split };
            rope_init(&one.data);
            if (x->op == PIO_WRITE)
                rope_cursor_take(&from, run.len, &one.data);
            s = coll_ask(c, &one);
            x->split = one.split;
            x->moved += one.moved;
            more = one.moved == run.len; /* else the end of the file */
            rope_join(&x->data, &one.data);
        }
    rope_fini(&all);
    return s;
}

const struct coll_ops coll_pieces = {
    .kind = { .name = "pieces",
              .doc = "Each rank asks for one piece after the other: read and write alone." },
    .alone = true,
    .transfer = pieces_transfer,
};
const struct coll_ops coll_list = {
    .kind = { .name = "list", .doc = "Each rank hands its list to the file system." },
    .alone = true,
    .transfer = list_transfer,
};
