/* lfs_buf.c: the buffer cache: what the store of blocks (os/file/blocks.h) keeps comes from and
 * goes to the device here.  What was fetched and not used yet stays longer, until SPARED times the
 * cache was fetched.
 *
 * A failed fill drops the buffer and fails the request that wanted it; a failed flush drops the
 * change and is reported by the next FILE_FLUSH of the file (LFS6).
 *
 * A buffer is a whole block, also where the device has fragments of it: zeros are behind them.
 */
#include "os/lfs/lfs_internal.h"

#define SPARED 4

/* The request is of a block of which these fragments are on the device; 0: all of it. */
static void narrow(struct lfs_io *io, uint32_t frag, uint32_t frags)
{
    uint32_t sectors = io->fs->super.fragment / io->fs->sector_bytes;
    if (frags == 0)
        return;
    io->io.sector += (uint64_t)frag * sectors;
    io->io.sectors = frags * sectors;
}

static void fill_failed(struct lfs *fs, struct block *b)
{
    struct list *l;
    while ((l = list_pop(&b->waiters)) != NULL) {
        LIST_ENTRY(l, struct lfs_op, wait)->status = FILE_IO_ERROR;
        list_push(&fs->ready, l);
    }
    blocks_drop(&fs->store, b);
}

static void fill_ended(struct lfs_io *io, bool good)
{
    struct lfs *fs = io->fs;
    for (uint32_t i = 0; i < io->count; i++) {
        struct block *b = io->bufs[i];
        struct rope data;
        b->reading = false;
        if (!good) {
            fill_failed(fs, b);
            continue;
        }
        uint64_t at = (uint64_t)i * fs->super.block, left = io->io.data.length - at;
        uint64_t n = left < fs->super.block ? left : fs->super.block;
        rope_init(&data);
        rope_add_slice(&data, &io->io.data, at, n);
        rope_add_zero(&data, fs->super.block - n);
        blocks_fill(&fs->store, b, &data);
        lfs_wake_all(fs, &b->waiters);
    }
    lfs_wake_all(fs, &fs->buf_waiters);
}

static void flush_ended(struct lfs_io *io, bool good)
{
    struct lfs *fs = io->fs;
    if (good) {
        lfs_tail_written(io->f, io->blk);
        lfs_ext_written(io->f, io->blk, io->count);
    } else {
        io->f->failed_write = true;
    }
    for (uint32_t i = 0; i < io->count; i++) {
        struct block *b = io->bufs[i];
        blocks_down(&fs->store, b);
        lfs_wake_all(fs, &b->waiters);
        if (!good && b->dirty.count == 0)
            blocks_drop(&fs->store, b);
    }
    lfs_wake_all(fs, &fs->buf_waiters);
}

/* A block ahead of a reader's range may be wanted by a writer meanwhile: that one finds the buffer
 * reading and waits for it, and whole blocks bypass the cache only when nothing is read ahead. */
uint32_t lfs_buf_fill(struct lfs *fs, struct lfs_file *f, uint32_t blk, uint32_t want,
                      struct lfs_op *op)
{
    struct lfs_where w = lfs_where(f, blk);
    if (w.dev == LFS_NO_BLOCK || !w.written)
        return 0;
    uint32_t most = want < w.run ? want : w.run;
    if (most > fs->max_io_blocks)
        most = fs->max_io_blocks;
    struct block **bufs = port_alloc(fs->port, most * sizeof(struct block *));
    bool full;
    uint32_t n = blocks_take_row(&fs->store, &f->kept, blk, blk + most, false, bufs, &full);
    if (n == 0) {
        port_free(fs->port, bufs);
        return 0;
    }
    fs->store.counts.fetched += n;
    struct lfs_io *io = lfs_io_new(fs, f, PORT_IO_READ, blk, w.dev, n, op);
    io->ended = fill_ended;
    io->waits = op != NULL;
    io->bufs = bufs;
    narrow(io, w.frag, w.frags);
    lfs_io_start(io);
    return n;
}

void lfs_buf_modify(struct lfs *fs, struct block *b, uint32_t at, const struct rope *data,
                    uint64_t off, uint32_t bytes)
{
    struct rope part;
    ASSERT(bytes == fs->super.block || b->valid.count > 0); /* LFSI6 */
    rope_init(&part);
    rope_add_slice(&part, data, off, bytes);
    blocks_put(&fs->store, b, at, &part);
    port_work(fs->port, PORT_WORK_COPY, bytes);
    fs->counts.copied_bytes += bytes;
    blocks_had(&fs->store, b);
    blocks_dirty(&fs->store, b, 0, fs->super.block);
    blocks_use(&fs->store, b);
    lfs_arm_flush(fs);
}

/* ---- what the store asks for ---- */

/* Blocks that lie in a row, whole. */
static bool beside(struct blocks *s, const struct block *a, const struct block *b)
{
    const struct lfs_file *f = lfs_file_of(a);
    struct lfs_where x = lfs_goes(f, (uint32_t)a->key.index),
                     y = lfs_goes(f, (uint32_t)b->key.index);
    (void)s;
    return x.dev + 1 == y.dev && x.frags == 0 && y.frags == 0 && !x.moves && !y.moves;
}

static void flush(struct blocks *s, struct block_file *kept, struct block *const *row,
                  uint32_t count)
{
    struct lfs *fs = CONTAINER_OF(s, struct lfs, store);
    struct lfs_file *f = CONTAINER_OF(kept, struct lfs_file, kept);
    uint32_t from = (uint32_t)row[0]->key.index;
    struct lfs_where w = lfs_goes(f, from);
    uint32_t bytes = w.frags > 0 ? w.frags * fs->super.fragment : fs->super.block;
    ASSERT(w.dev != LFS_NO_BLOCK);
    struct lfs_io *io = lfs_io_new(fs, f, PORT_IO_WRITE, from, w.dev, count, NULL);
    io->ended = flush_ended;
    io->bufs = port_alloc(fs->port, count * sizeof(struct block *));
    for (uint32_t i = 0; i < count; i++) {
        blocks_out(s, row[i]);
        io->bufs[i] = row[i];
        rope_add_slice(&io->io.data, &row[i]->data, 0, bytes);
    }
    narrow(io, w.frag, w.frags);
    lfs_io_start(io);
}

static void leaves(struct blocks *s, struct block *b)
{
    struct lfs *fs = CONTAINER_OF(s, struct lfs, store);
    lfs_wake_all(fs, &b->waiters);
    lfs_wake_all(fs, &fs->buf_waiters);
}

static const struct blocks_ops ops = { .write = flush, .beside = beside, .leaves = leaves };

void lfs_buf_init(struct lfs *fs)
{
    const struct lfs_params *p = &fs->params;
    blocks_init(&fs->store, fs->port, &ops, 0, (uint32_t)p->cache, &p->policy);
    BLOCKS_BEHIND(&fs->store, p);
    blocks_ahead_init(&fs->store, p->read_ahead, &p->read_ahead_policy, "neighbour");
    fs->store.spared = SPARED;
}

void lfs_buf_sized(struct lfs *fs)
{
    fs->store.block = fs->super.block;
    fs->store.group = fs->max_io_blocks;
    fs->store.back = fs->max_io_blocks - 1;
}

/* ---- the buffers of a file ---- */

bool lfs_buf_flush_file(struct lfs *fs, struct lfs_file *f)
{
    bool left = false;
    blocks_write_file(&fs->store, &f->kept, NULL);
    LIST_EACH (l, &f->kept.blocks) {
        const struct block *b = LIST_ENTRY(l, struct block, of_file);
        left = left || b->dirty.count > 0 || b->out.count > 0;
    }
    return left;
}

void lfs_buf_drop_idle(struct lfs *fs, const struct lfs_file *f)
{
    LIST_EACH_SAFE (l, nx, &f->kept.blocks) {
        struct block *b = LIST_ENTRY(l, struct block, of_file);
        if (b->dirty.count == 0 && !lfs_buf_busy(b))
            blocks_drop(&fs->store, b);
    }
}

struct block *lfs_buf_drop_range(struct lfs *fs, struct lfs_file *f, uint32_t from)
{
    LIST_EACH_SAFE (l, nx, &f->kept.blocks) {
        struct block *b = LIST_ENTRY(l, struct block, of_file);
        if (b->key.index < from)
            continue;
        if (lfs_buf_busy(b))
            return b;
        blocks_drop(&fs->store, b);
    }
    return NULL;
}
