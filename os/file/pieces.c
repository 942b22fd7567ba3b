/* pieces.c: see pieces.h. */
#include "os/file/pieces.h"

/* ---- a list as it comes ---- */

/* The last run, when it is one piece like those of the run before it and goes on there. */
static void fold(struct file_runs *l)
{
    if (l->count < 2)
        return;
    struct file_run *r = &l->runs[l->count - 1], *before = r - 1;
    if (r->count != 1 || r->len != before->len || r->off < before->off + before->len)
        return;
    if (before->count == 1)
        before->stride = r->off - before->off;
    if (r->off != before->off + before->count * before->stride)
        return;
    before->count++;
    l->count--;
}

void file_runs_add(struct port *p, struct file_runs *l, uint64_t off, uint64_t len)
{
    struct file_run *r = l->count > 0 ? &l->runs[l->count - 1] : NULL;
    if (r != NULL && r->count == 1 && r->off + r->len == off) {
        r->len += len;
        return;
    }
    fold(l);
    if (l->count == l->room) {
        l->room = l->room > 0 ? 2 * l->room : 4;
        l->runs = port_realloc(p, l->runs, l->room * sizeof *l->runs);
    }
    l->runs[l->count++] = (struct file_run){ .off = off, .len = len, .count = 1 };
}

void file_runs_end(struct file_runs *l)
{
    fold(l);
}

/* ---- windows ---- */

struct file_clip file_clip(const struct file_run *r, struct file_window w)
{
    struct file_clip x = { .to = r->count };
    if (r->count == 0 || r->len == 0 || r->off >= w.hi)
        return (struct file_clip){ 0 };
    if (r->count > 1) {
        ASSERT(r->stride >= r->len);
        if (r->off + r->len <= w.lo)
            x.from = (w.lo - r->off - r->len) / r->stride + 1;
        uint64_t before = (w.hi - 1 - r->off) / r->stride + 1; /* begin before hi */
        x.to = before < r->count ? before : r->count;
    }
    if (x.from >= x.to)
        return (struct file_clip){ 0 };
    uint64_t first = r->off + x.from * r->stride, end = r->off + (x.to - 1) * r->stride + r->len;
    if (end <= w.lo)
        return (struct file_clip){ 0 };
    x.bytes = (x.to - x.from) * r->len;
    x.bytes -= first < w.lo ? w.lo - first : 0;
    x.bytes -= end > w.hi ? end - w.hi : 0;
    return x;
}

struct file_window file_piece(const struct file_run *r, uint64_t i, struct file_window w)
{
    uint64_t lo = r->off + i * r->stride, hi = lo + r->len;
    return (struct file_window){ lo > w.lo ? lo : w.lo, hi < w.hi ? hi : w.hi };
}

uint64_t file_list_bytes(struct file_list l, struct file_window w)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < l.count; i++)
        n += file_clip(&l.runs[i], w).bytes;
    return n;
}

struct file_window file_list_hull(const struct file_list *lists, uint32_t count,
                                  struct file_window w)
{
    struct file_window h = { UINT64_MAX, 0 };
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t i = 0; i < lists[k].count; i++) {
            const struct file_run *r = &lists[k].runs[i];
            struct file_clip x = file_clip(r, w);
            if (x.bytes == 0)
                continue;
            uint64_t lo = file_piece(r, x.from, w).lo, hi = file_piece(r, x.to - 1, w).hi;
            h.lo = lo < h.lo ? lo : h.lo;
            h.hi = hi > h.hi ? hi : h.hi;
        }
    return h.hi == 0 ? (struct file_window){ w.lo, w.lo } : h;
}

void file_pay(struct port *p, uint64_t pieces, uint64_t bytes)
{
    if (pieces < 2)
        return;
    port_work(p, PORT_WORK_OP, pieces);
    port_work(p, PORT_WORK_COPY, bytes);
}

void file_gather(struct port *port, struct file_list l, const struct file_run *have,
                 uint32_t have_count, const struct rope *data, struct rope *out)
{
    uint64_t *at = port_alloc(port, (have_count + 1) * sizeof *at); /* of a run, in data */
    uint64_t pieces = 0, before = out->length;
    struct file_window w = { 0, 0 };
    struct rope_cursor from;
    rope_cursor_init(&from, data);
    for (uint32_t i = 0; i < have_count; i++)
        at[i + 1] = at[i] + have[i].len;
    if (have_count > 0)
        w = (struct file_window){ have[0].off,
                                  have[have_count - 1].off + have[have_count - 1].len };
    for (uint32_t k = 0; k < l.count; k++) {
        struct file_clip x = file_clip(&l.runs[k], w);
        for (uint64_t i = x.from; i < x.to; i++) {
            struct file_window p = file_piece(&l.runs[k], i, w);
            uint32_t lo = 0, hi = have_count;
            while (hi - lo > 1) {
                uint32_t mid = lo + (hi - lo) / 2;
                if (have[mid].off <= p.lo)
                    lo = mid;
                else
                    hi = mid;
            }
            const struct file_run *h = &have[lo];
            p = file_piece(h, 0, p);
            if (p.lo >= p.hi)
                continue;
            uint64_t place = at[lo] + p.lo - h->off, end = place + p.hi - p.lo;
            end = end < data->length ? end : data->length; /* the file ended */
            if (place >= end)
                continue;
            if (place < data->length - from.left)
                rope_cursor_init(&from, data);
            rope_cursor_skip(&from, place - (data->length - from.left));
            rope_cursor_take(&from, end - place, out);
            pieces++;
        }
    }
    port_free(port, at);
    file_pay(port, pieces, out->length - before);
}

/* ---- merging ---- */

struct stream { /* a run of a list */
    const struct file_run *run;
    uint64_t i, to;
    struct file_window next; /* its piece i */
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
static uint32_t streams_of(const struct file_list *lists, const struct rope *data, uint32_t count,
                           struct file_window w, struct stream *all)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < count; k++) {
        struct rope_cursor at = { .rope = NULL };
        if (data)
            rope_cursor_init(&at, &data[k]);
        for (uint32_t i = 0; i < lists[k].count; i++) {
            const struct file_run *r = &lists[k].runs[i];
            struct file_clip x = file_clip(r, w);
            if (x.bytes == 0)
                continue;
            all[n++] = (struct stream){ r, x.from, x.to, file_piece(r, x.from, w), at };
            if (data)
                rope_cursor_skip(&at, x.bytes);
        }
    }
    return n;
}

/* The next bytes of the outcome are those of [lo, hi), from a stream or from what is under it. */
static void put(struct port *port, struct file_merge *out, struct rope_cursor *from, uint64_t lo,
                uint64_t hi)
{
    struct file_run *last = out->count > 0 ? &out->runs[out->count - 1] : NULL;
    if (lo == hi)
        return;
    if (from->rope)
        rope_cursor_take(from, hi - lo, &out->data);
    if (last && last->off + last->len == lo) {
        last->len += hi - lo;
        return;
    }
    if ((out->count & (out->count - 1)) == 0)
        out->runs = port_realloc(port, out->runs,
                                 (out->count == 0 ? 1 : 2 * out->count) * sizeof *out->runs);
    out->runs[out->count++] = (struct file_run){ .off = lo, .len = hi - lo, .count = 1 };
}

/* The pieces that it is made of. */
static uint64_t merge(struct port *port, const struct file_list *lists, const struct rope *data,
                      uint32_t count, struct file_window w, const struct rope *under,
                      struct file_merge *out)
{
    uint32_t runs = 0;
    uint64_t done = w.lo, pieces = 0;
    struct rope_cursor base = { .rope = NULL };
    *out = (struct file_merge){ .runs = NULL };
    rope_init(&out->data);
    for (uint32_t k = 0; k < count; k++)
        runs += lists[k].count;
    struct stream *all = port_alloc(port, (runs + 1) * sizeof *all);
    struct stream **heap = port_alloc(port, (runs + 1) * sizeof *heap);
    runs = streams_of(lists, data, count, w, all);
    for (uint32_t i = 0; i < runs; i++)
        heap[i] = &all[i];
    for (uint32_t i = runs / 2; i-- > 0;)
        sink(heap, runs, i);
    if (under)
        rope_cursor_init(&base, under);
    while (runs > 0) {
        struct stream *s = heap[0];
        struct file_window p = s->next;
        if (under && p.lo > done)
            put(port, out, &base, done, p.lo);
        /* What another has written here already stays. */
        uint64_t lo = p.lo > done ? p.lo : done < p.hi ? done : p.hi;
        if (data)
            rope_cursor_skip(&s->data, lo - p.lo);
        put(port, out, &s->data, lo, p.hi);
        if (under && p.hi > lo)
            rope_cursor_skip(&base, p.hi - lo);
        done = p.hi > done ? p.hi : done;
        pieces++;
        if (++s->i < s->to)
            s->next = file_piece(s->run, s->i, w);
        else
            heap[0] = heap[--runs];
        sink(heap, runs, 0);
    }
    if (under)
        put(port, out, &base, done, w.hi);
    port_free(port, heap);
    port_free(port, all);
    return pieces;
}

void file_merge(struct port *port, const struct file_list *lists, const struct rope *data,
                uint32_t count, struct file_window w, const struct rope *under,
                struct file_merge *out)
{
    uint64_t pieces = merge(port, lists, data, count, w, under, out);
    file_pay(port, pieces, out->data.length);
}

/* The first `bytes` of a list: its runs are copied to `out`, of one more. */
static uint32_t first_of(struct file_list l, uint64_t bytes, struct file_run *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l.count && bytes > 0; i++) {
        struct file_run r = l.runs[i];
        uint64_t whole = r.len > 0 ? bytes / r.len : 0;
        r.count = whole < r.count ? whole : r.count;
        bytes -= r.count * r.len;
        if (r.count > 0)
            out[n++] = r;
        if (bytes > 0 && bytes < r.len && r.count < l.runs[i].count) {
            out[n++] =
                (struct file_run){ .off = r.off + r.count * r.stride, .len = bytes, .count = 1 };
            bytes = 0;
        }
    }
    return n;
}

void file_scatter(struct port *port, struct file_list l, struct rope *data, struct rope *buffer)
{
    struct file_run *runs = port_alloc(port, (l.count + 1) * sizeof *runs);
    struct file_merge all;
    l = (struct file_list){ runs, first_of(l, data->length, runs) };
    uint64_t bytes = data->length;
    uint64_t pieces =
        merge(port, &l, data, 1, (struct file_window){ 0, buffer->length }, buffer, &all);
    file_pay(port, pieces, bytes);
    rope_fini(data);
    rope_fini(buffer);
    rope_move(buffer, &all.data);
    port_free(port, all.runs);
    port_free(port, runs);
}
