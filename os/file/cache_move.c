/* cache_move.c: what goes between the layer CACHE and the file system below; see cache_internal.h.
 */
#include "os/file/cache_internal.h"

struct transfer {
    struct file_req q;
    struct cache *c;
    struct cache_file *f;
    struct block *blocks[BLOCKS_GROUP];
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

static void read_done(struct file_req *q)
{
    struct transfer *t = q->arg;
    struct cache *c = t->c;
    for (uint32_t i = 0; i < t->count; i++) {
        struct block *b = t->blocks[i];
        struct rope tail;
        b->reading = false;
        b->error = b->pins > 0 ? q->status : FILE_OK;
        if (q->status != FILE_OK) {
            if (b->pins == 0 && b->valid.count == 0)
                blocks_drop(&c->store, b);
            continue;
        }
        uint64_t n = q->data.length < c->store.block ? q->data.length : c->store.block;
        rope_split(&q->data, n, &tail);
        b->ended = n < c->store.block;
        blocks_fill(&c->store, b, &q->data);
        if (b->ended && b->key.index < t->f->last)
            t->f->last = b->key.index;
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

void cache_read(struct cache *c, struct cache_file *f, struct block *const *blocks, uint32_t count)
{
    for (uint32_t i = 0, n; i < count; i += n) {
        struct transfer *t = transfer_new(c, f, FILE_READ, read_done);
        for (n = 0; i + n < count && n < BLOCKS_GROUP &&
                    blocks[i + n]->key.index == blocks[i]->key.index + n;
             n++) {
            blocks[i + n]->reading = true;
            t->blocks[t->count++] = blocks[i + n];
        }
        c->store.counts.fetched += n;
        file_range(&t->q, blocks[i]->key.index * c->store.block, n * c->store.block);
        file_submit(c->sys.below, &t->q);
    }
}

/* ---- writing ---- */

/* What failed is not there: neither what was to be written nor, from now on, what the block said of
 * it. */
static void lost(struct cache *c, struct block *b, enum file_status s)
{
    struct port *p = c->sys.port;
    struct cache_file *f = CONTAINER_OF(b->f, struct cache_file, kept);
    if (f->late == FILE_OK)
        port_remark(p, "file %llu: bytes that a cache had cannot be written below and are lost: %s",
                    (unsigned long long)b->f->key.space, file_status_name(s));
    f->late = f->late == FILE_OK ? s : f->late;
    for (uint32_t i = 0; i < b->out.count; i++) {
        c->store.counts.failed += block_ranges(&b->out)[i].hi - block_ranges(&b->out)[i].lo;
        block_set_cut(p, &b->valid, block_ranges(&b->out)[i].lo, block_ranges(&b->out)[i].hi);
        b->ended = false;
    }
    for (uint32_t i = 0; i < b->dirty.count; i++) /* written since */
        block_set_add(p, &b->valid, block_ranges(&b->dirty)[i].lo, block_ranges(&b->dirty)[i].hi);
}

static void write_done(struct file_req *q)
{
    struct transfer *t = q->arg;
    for (uint32_t i = 0; i < t->count; i++) {
        struct block *b = t->blocks[i];
        if (q->status != FILE_OK)
            lost(t->c, b, q->status);
        blocks_down(&t->c->store, b);
    }
    transfer_end(t);
}

static void write_row(struct blocks *s, struct block_file *kept, struct block *const *blocks,
                      uint32_t count)
{
    struct cache *c = CONTAINER_OF(s, struct cache, store);
    struct transfer *t =
        transfer_new(c, CONTAINER_OF(kept, struct cache_file, kept), FILE_WRITE, write_done);
    uint32_t runs = 0, n = 0;
    for (uint32_t i = 0; i < count; i++)
        runs += blocks[i]->dirty.count;
    t->runs = port_alloc(c->sys.port, runs * sizeof *t->runs);
    for (uint32_t i = 0; i < count; i++) {
        struct block *b = blocks[i];
        for (uint32_t k = 0; k < b->dirty.count; k++) {
            struct file_window x = block_ranges(&b->dirty)[k];
            uint64_t off = b->key.index * c->store.block + x.lo;
            rope_add_slice(&t->q.data, &b->data, x.lo, x.hi - x.lo);
            if (n > 0 && t->runs[n - 1].off + t->runs[n - 1].len == off)
                t->runs[n - 1].len += x.hi - x.lo;
            else
                t->runs[n++] = (struct file_run){ .off = off, .len = x.hi - x.lo, .count = 1 };
        }
        blocks_out(s, b);
        t->blocks[t->count++] = b;
    }
    t->q.runs = t->runs;
    t->q.run_count = n;
    file_submit(c->sys.below, &t->q);
}

const struct blocks_ops cache_blocks = { .write = write_row };
