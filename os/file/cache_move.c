/* cache_move.c: what goes between the layer CACHE and the file system below; see cache_internal.h.
 */
#include "os/file/cache_internal.h"

#include <stdlib.h> /* qsort alone */

struct transfer {
    struct file_req q;
    struct cache *c;
    struct cache_file *f;
    struct cache_block *blocks[CACHE_GROUP];
    uint32_t count;
    struct file_run *runs;
};

static struct transfer *transfer_new(struct cache *c, struct cache_file *f, enum file_op op,
                                     void (*done)(struct file_req *q))
{
    struct transfer *t = port_alloc(c->sys.port, sizeof *t);
    *t = (struct transfer){ .c = c, .f = f };
    file_req_init(&t->q, op, done, t);
    t->q.file = f->file;
    f->transfers++;
    c->transfers++;
    return t;
}

static void transfer_end(struct transfer *t)
{
    struct cache *c = t->c;
    t->f->transfers--;
    c->transfers--;
    rope_fini(&t->q.data);
    port_free(c->sys.port, t->runs);
    port_free(c->sys.port, t);
    cache_pump(c);
}

/* ---- reading ---- */

/* Its bytes go where the block has none. */
static void fill(struct cache *c, struct cache_block *b, struct rope *data)
{
    uint64_t at = 0, got = data->length;
    while (at < got) {
        const struct file_window *x = cache_set_from(&b->valid, at);
        struct file_window had = x != NULL ? *x : (struct file_window){ got, got };
        uint64_t hi = had.lo < got ? had.lo : got;
        if (at < hi) {
            struct rope part;
            rope_init(&part);
            rope_add_slice(&part, data, at, hi - at);
            cache_put(c, b, at, &part);
        }
        at = had.hi > hi ? had.hi : hi;
    }
    b->ended = got < c->block;
}

static void read_done(struct file_req *q)
{
    struct transfer *t = q->arg;
    struct cache *c = t->c;
    for (uint32_t i = 0; i < t->count; i++) {
        struct cache_block *b = t->blocks[i];
        struct rope tail;
        b->reading = false;
        b->error = b->pins > 0 ? q->status : FILE_OK;
        if (q->status != FILE_OK) {
            if (b->pins == 0 && b->valid.count == 0)
                cache_drop(c, b);
            continue;
        }
        uint64_t n = q->data.length < c->block ? q->data.length : c->block;
        rope_split(&q->data, n, &tail);
        fill(c, b, &q->data);
        if (b->ended && b->entry.index < t->f->last)
            t->f->last = b->entry.index;
        rope_fini(&q->data);
        rope_move(&q->data, &tail);
    }
    LIST_EACH (l, &c->reading) {
        struct cache_job *j = LIST_ENTRY(l, struct cache_job, link);
        for (int k = 0; k < FILE_PARTS && j->f == t->f; k++)
            j->part[k] = q->part[k] > j->part[k] ? q->part[k] : j->part[k];
    }
    transfer_end(t);
}

void cache_read(struct cache *c, struct cache_file *f, struct cache_block *const *blocks,
                uint32_t count)
{
    for (uint32_t i = 0, n; i < count; i += n) {
        struct transfer *t = transfer_new(c, f, FILE_READ, read_done);
        for (n = 0; i + n < count && n < CACHE_GROUP &&
                    blocks[i + n]->entry.index == blocks[i]->entry.index + n;
             n++) {
            ASSERT(!blocks[i + n]->reading);
            blocks[i + n]->reading = true;
            t->blocks[t->count++] = blocks[i + n];
        }
        c->counts.fetched += n;
        file_range(&t->q, blocks[i]->entry.index * c->block, n * c->block);
        file_submit(c->sys.below, &t->q);
    }
}

/* ---- writing ---- */

/* What failed is not there: neither what was to be written nor, from now on, what the block said of
 * it. */
static void lost(struct cache *c, struct cache_block *b, enum file_status s)
{
    struct port *p = c->sys.port;
    b->f->late = b->f->late == FILE_OK ? s : b->f->late;
    for (uint32_t i = 0; i < b->out.count; i++) {
        cache_set_cut(p, &b->valid, b->out.at[i].lo, b->out.at[i].hi);
        b->ended = false;
    }
    for (uint32_t i = 0; i < b->dirty.count; i++) /* written since */
        cache_set_add(p, &b->valid, b->dirty.at[i].lo, b->dirty.at[i].hi);
}

static void write_done(struct file_req *q)
{
    struct transfer *t = q->arg;
    for (uint32_t i = 0; i < t->count; i++) {
        struct cache_block *b = t->blocks[i];
        if (q->status != FILE_OK)
            lost(t->c, b, q->status);
        cache_set_clear(t->c->sys.port, &b->out);
    }
    transfer_end(t);
}

void cache_write(struct cache *c, struct cache_file *f, struct cache_block *const *blocks,
                 uint32_t count)
{
    struct transfer *t = transfer_new(c, f, FILE_WRITE, write_done);
    uint32_t runs = 0, n = 0;
    for (uint32_t i = 0; i < count; i++)
        runs += blocks[i]->dirty.count;
    t->runs = port_alloc(c->sys.port, runs * sizeof *t->runs);
    for (uint32_t i = 0; i < count; i++) {
        struct cache_block *b = blocks[i];
        for (uint32_t k = 0; k < b->dirty.count; k++) {
            struct file_window x = b->dirty.at[k];
            uint64_t off = b->entry.index * c->block + x.lo;
            rope_add_slice(&t->q.data, &b->data, x.lo, x.hi - x.lo);
            if (n > 0 && t->runs[n - 1].off + t->runs[n - 1].len == off)
                t->runs[n - 1].len += x.hi - x.lo;
            else
                t->runs[n++] = (struct file_run){ .off = off, .len = x.hi - x.lo, .count = 1 };
        }
        b->out = b->dirty;
        b->dirty = (struct cache_set){ .at = NULL };
        cache_cleaned(c, b);
        c->counts.written++;
        t->blocks[t->count++] = b;
    }
    t->q.runs = t->runs;
    t->q.run_count = n;
    file_submit(c->sys.below, &t->q);
}

static int by_index(const void *a, const void *b)
{
    const struct cache_block *const *x = a, *const *y = b;
    return ((*x)->entry.index > (*y)->entry.index) - ((*x)->entry.index < (*y)->entry.index);
}

void cache_write_all(struct cache *c, struct cache_file *f, const struct file_req *r)
{
    struct port *p = c->sys.port;
    struct cache_block **all = port_alloc(p, (c->dirty_count + 1) * sizeof(struct cache_block *));
    uint32_t n = 0;
    LIST_EACH (l, &f->blocks) {
        struct cache_block *b = LIST_ENTRY(l, struct cache_block, of_file);
        if (b->dirty.count > 0 && b->out.count == 0 &&
            (r == NULL || cache_hint_in(c, r, b->entry.index, NULL, NULL)))
            all[n++] = b;
    }
    qsort(all, n, sizeof(struct cache_block *), by_index);
    for (uint32_t i = 0; i < n; i += CACHE_GROUP)
        cache_write(c, f, all + i, n - i < CACHE_GROUP ? n - i : CACHE_GROUP);
    port_free(p, all);
}

static struct cache_block *dirty_at(struct cache *c, struct cache_file *f, uint64_t index)
{
    struct cache_block *b = cache_find(c, f, index);
    return b != NULL && b->dirty.count > 0 && b->out.count == 0 ? b : NULL;
}

void cache_write_some(struct cache *c, uint32_t least)
{
    struct cache_block *row[CACHE_GROUP];
    uint32_t before = c->dirty_count;
    LIST_EACH (l, &c->used) {
        struct cache_block *b = LIST_ENTRY(l, struct cache_block, used);
        if (before - c->dirty_count >= least)
            return;
        if (b->dirty.count == 0 || b->out.count > 0)
            continue;
        uint64_t first = b->entry.index;
        uint32_t n = 0;
        while (first > 0 && b->entry.index - first < CACHE_GROUP / 2 &&
               dirty_at(c, b->f, first - 1) != NULL)
            first--;
        for (struct cache_block *x; n < CACHE_GROUP && (x = dirty_at(c, b->f, first + n)) != NULL;)
            row[n++] = x;
        cache_write(c, b->f, row, n);
    }
}
