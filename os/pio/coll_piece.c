/* coll_piece.c: pieces and windows of a file, and the methods that exchange nothing. */
#include "os/pio/coll_internal.h"

/* ---- pieces and windows ---- */

struct coll_clip coll_clip(const struct pio_run *r, struct coll_window w)
{
    struct coll_clip x = { .to = r->count };
    if (r->count == 0 || r->len == 0 || r->off >= w.hi)
        return (struct coll_clip){ 0 };
    if (r->count > 1) {
        ASSERT(r->stride >= r->len);
        if (r->off + r->len <= w.lo)
            x.from = (w.lo - r->off - r->len) / r->stride + 1;
        uint64_t before = (w.hi - 1 - r->off) / r->stride + 1; /* begin before hi */
        x.to = before < r->count ? before : r->count;
    }
    if (x.from >= x.to)
        return (struct coll_clip){ 0 };
    uint64_t first = r->off + x.from * r->stride, end = r->off + (x.to - 1) * r->stride + r->len;
    if (end <= w.lo)
        return (struct coll_clip){ 0 };
    x.bytes = (x.to - x.from) * r->len;
    x.bytes -= first < w.lo ? w.lo - first : 0;
    x.bytes -= end > w.hi ? end - w.hi : 0;
    return x;
}

struct coll_window coll_piece(const struct pio_run *r, uint64_t i, struct coll_window w)
{
    uint64_t lo = r->off + i * r->stride, hi = lo + r->len;
    return (struct coll_window){ lo > w.lo ? lo : w.lo, hi < w.hi ? hi : w.hi };
}

uint64_t coll_bytes(struct coll_list l, struct coll_window w)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < l.count; i++)
        n += coll_clip(&l.runs[i], w).bytes;
    return n;
}

struct coll_window coll_hull(const struct coll_list *lists, uint32_t count, struct coll_window w)
{
    struct coll_window h = { UINT64_MAX, 0 };
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t i = 0; i < lists[k].count; i++) {
            const struct pio_run *r = &lists[k].runs[i];
            struct coll_clip x = coll_clip(r, w);
            if (x.bytes == 0)
                continue;
            uint64_t lo = coll_piece(r, x.from, w).lo, hi = coll_piece(r, x.to - 1, w).hi;
            h.lo = lo < h.lo ? lo : h.lo;
            h.hi = hi > h.hi ? hi : h.hi;
        }
    return h.hi == 0 ? (struct coll_window){ w.lo, w.lo } : h;
}

/* The CPU puts bytes in place, piece by piece; what is one piece moves as it is. */
static void pay(struct coll *c, uint64_t pieces, uint64_t bytes)
{
    if (pieces < 2)
        return;
    port_work(c->port, PORT_WORK_OP, pieces);
    port_work(c->port, PORT_WORK_COPY, bytes);
}

void coll_gather(struct coll *c, struct coll_list l, uint64_t at, const struct rope *data,
                 struct rope *out)
{
    struct coll_window w = { at, at + data->length };
    uint64_t pieces = 0, before = out->length;
    struct rope_cursor from;
    rope_cursor_init(&from, data);
    for (uint32_t k = 0; k < l.count; k++) {
        struct coll_clip x = coll_clip(&l.runs[k], w);
        pieces += x.to - x.from;
        for (uint64_t i = x.from; i < x.to; i++) {
            struct coll_window p = coll_piece(&l.runs[k], i, w);
            if (p.lo - at < data->length - from.left)
                rope_cursor_init(&from, data);
            rope_cursor_skip(&from, p.lo - at - (data->length - from.left));
            rope_cursor_take(&from, p.hi - p.lo, out);
        }
    }
    pay(c, pieces, out->length - before);
}

/* ---- merging ---- */

struct stream { /* a run of a list */
    const struct pio_run *run;
    uint64_t i, to;
    struct coll_window next; /* its piece i */
    struct rope_cursor data;
};

static bool before(const struct stream *a, const struct stream *b)
{
    return a->next.lo != b->next.lo ? a->next.lo < b->next.lo : a < b;
}

/* Lets heap[at] sink; those below it are in order. */
static void sink(struct stream **heap, uint32_t count, uint32_t at)
{
    struct stream *x = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && before(heap[child + 1], heap[child]);
        if (!before(heap[child], x))
            break;
        heap[at] = heap[child];
    }
    heap[at] = x;
}

/* A stream for each run that has pieces in the window. */
static uint32_t streams_of(const struct coll_list *lists, const struct rope *data, uint32_t count,
                           struct coll_window w, struct stream *all)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < count; k++) {
        struct rope_cursor at;
        rope_cursor_init(&at, &data[k]);
        for (uint32_t i = 0; i < lists[k].count; i++) {
            const struct pio_run *r = &lists[k].runs[i];
            struct coll_clip x = coll_clip(r, w);
            if (x.bytes == 0)
                continue;
            all[n++] = (struct stream){ r, x.from, x.to, coll_piece(r, x.from, w), at };
            rope_cursor_skip(&at, x.bytes);
        }
    }
    return n;
}

/* The next bytes of the outcome are those of [lo, hi), from a stream or from what is under it. */
static void put(struct coll *c, struct coll_merge *out, struct rope_cursor *from, uint64_t lo,
                uint64_t hi)
{
    struct pio_run *last = out->count > 0 ? &out->runs[out->count - 1] : NULL;
    if (lo == hi)
        return;
    rope_cursor_take(from, hi - lo, &out->data);
    if (last && last->off + last->len == lo) {
        last->len += hi - lo;
        return;
    }
    if ((out->count & (out->count - 1)) == 0)
        out->runs = port_realloc(c->port, out->runs,
                                 (out->count == 0 ? 1 : 2 * out->count) * sizeof *out->runs);
    out->runs[out->count++] = (struct pio_run){ .off = lo, .len = hi - lo, .count = 1 };
}

void coll_merge(struct coll *c, const struct coll_list *lists, struct rope *data, uint32_t count,
                struct coll_window w, const struct rope *under, struct coll_merge *out)
{
    uint32_t runs = 0;
    uint64_t done = w.lo, pieces = 0;
    struct rope_cursor base;
    *out = (struct coll_merge){ .runs = NULL };
    rope_init(&out->data);
    for (uint32_t k = 0; k < count; k++)
        runs += lists[k].count;
    struct stream *all = port_alloc(c->port, (runs + 1) * sizeof *all);
    struct stream **heap = port_alloc(c->port, (runs + 1) * sizeof *heap);
    runs = streams_of(lists, data, count, w, all);
    for (uint32_t i = 0; i < runs; i++)
        heap[i] = &all[i];
    for (uint32_t i = runs / 2; i-- > 0;)
        sink(heap, runs, i);
    if (under)
        rope_cursor_init(&base, under);
    while (runs > 0) {
        struct stream *s = heap[0];
        struct coll_window p = s->next;
        if (under && p.lo > done)
            put(c, out, &base, done, p.lo);
        /* What another has written here already stays. */
        uint64_t lo = p.lo > done ? p.lo : done < p.hi ? done : p.hi;
        rope_cursor_skip(&s->data, lo - p.lo);
        put(c, out, &s->data, lo, p.hi);
        if (under && p.hi > lo)
            rope_cursor_skip(&base, p.hi - lo);
        done = p.hi > done ? p.hi : done;
        pieces++;
        if (++s->i < s->to)
            s->next = coll_piece(s->run, s->i, w);
        else
            heap[0] = heap[--runs];
        sink(heap, runs, 0);
    }
    if (under)
        put(c, out, &base, done, w.hi);
    pay(c, pieces, out->data.length);
    port_free(c->port, heap);
    port_free(c->port, all);
}

/* ---- a list and its windows ---- */

/* The window that has byte `off`; windows touch, all but the last are as long as the first. */
static uint32_t window_of(const struct coll_window *windows, uint32_t count, uint64_t off)
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
 * says stop. */
static uint64_t walk(struct coll_list l, const struct coll_window *windows, uint32_t count,
                     bool (*part)(void *arg, uint32_t window, struct coll_window p), void *arg)
{
    uint64_t parts = 0;
    for (uint32_t k = 0; k < l.count; k++) {
        const struct pio_run *r = &l.runs[k];
        for (uint64_t i = 0; i < r->count && r->len > 0; i++) {
            struct coll_window p = { r->off + i * r->stride, r->off + i * r->stride + r->len };
            for (uint32_t at = window_of(windows, count, p.lo); p.lo < p.hi; at++) {
                uint64_t hi = p.hi < windows[at].hi ? p.hi : windows[at].hi;
                if (!part(arg, at, (struct coll_window){ p.lo, hi }))
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

static bool cut_part(void *arg, uint32_t window, struct coll_window p)
{
    struct cutting *x = arg;
    rope_cursor_take(&x->data, p.hi - p.lo, &x->parts[window]);
    return true;
}

void coll_cut(struct coll *c, struct coll_list l, const struct rope *data,
              const struct coll_window *windows, uint32_t count, struct rope *parts)
{
    struct cutting x = { .parts = parts };
    rope_cursor_init(&x.data, data);
    pay(c, walk(l, windows, count, cut_part, &x), data->length);
}

struct joining {
    struct rope_cursor *parts;
    uint64_t end;
    struct rope *data;
};

static bool join_part(void *arg, uint32_t window, struct coll_window p)
{
    struct joining *x = arg;
    uint64_t hi = p.hi < x->end ? p.hi : x->end;
    if (p.lo < hi)
        rope_cursor_take(&x->parts[window], hi - p.lo, x->data);
    return hi == p.hi;
}

void coll_join(struct coll *c, struct coll_list l, uint64_t end, const struct coll_window *windows,
               uint32_t count, const struct rope *parts, struct rope *data)
{
    struct joining x = { .end = end, .data = data };
    x.parts = port_alloc(c->port, (count + 1) * sizeof *x.parts);
    for (uint32_t i = 0; i < count; i++)
        rope_cursor_init(&x.parts[i], &parts[i]);
    pay(c, walk(l, windows, count, join_part, &x), data->length);
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

enum pio_status coll_range(struct coll *c, enum pio_op op, struct coll_window w, struct rope *data,
                           uint64_t *moved)
{
    const struct pio_run run = { .off = w.lo, .len = w.hi - w.lo, .count = 1 };
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
            struct pio_run run = { .off = x->runs[k].off + i * x->runs[k].stride,
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
    .transfer = pieces_transfer,
};
const struct coll_ops coll_list = {
    .kind = { .name = "list", .doc = "Each rank hands its list to the file system." },
    .transfer = list_transfer,
};
