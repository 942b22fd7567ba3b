/* lfs_buf.c: the buffer cache: a bounded number of blocks.  Which goes says a policy
 * (os/file/policy.h); what was fetched and not used yet (fresh) stays longer, until KEEP_TURNS
 * times the cache was fetched.
 *
 *   absent  --new-->    empty    --fill-->  reading  --done-->  clean
 *   clean, empty  --modify-->  dirty  --flush-->  writing  --done-->  clean
 *   writing  --modify-->  writing and dirty  --done-->  dirty
 *   clean  --drop, or needed for another block-->  absent
 * A failed fill drops the buffer and fails the request that wanted it; a failed flush drops the
 * change and is reported by the next FILE_FLUSH of the file (LFS6).
 *
 * A buffer is a whole block, also where the device has fragments of it: zeros are behind them.
 */
#include "os/lfs/lfs_internal.h"

static struct list *bucket(struct lfs *fs, const struct lfs_file *f, uint32_t blk)
{
    return &fs->hash[(f->ino * 2654435761u + blk) % fs->hash_count];
}

struct lfs_buf *lfs_buf_find(struct lfs *fs, struct lfs_file *f, uint32_t blk)
{
    if (fs->buf_count == 0)
        return NULL;
    LIST_EACH (l, bucket(fs, f, blk)) {
        struct lfs_buf *b = LIST_ENTRY(l, struct lfs_buf, hash);
        if (b->f == f && b->blk == blk)
            return b;
    }
    return NULL;
}

void lfs_buf_touch(struct lfs *fs, struct lfs_buf *b)
{
    cache_policy_used(fs->policy, &b->entry);
    list_remove(&b->lru);
    list_push(&fs->lru, &b->lru);
}

void lfs_buf_used(struct lfs *fs, struct lfs_buf *b)
{
    fs->fresh_count -= b->fresh;
    b->fresh = false;
}

static void drop(struct lfs *fs, struct lfs_buf *b, bool evicted)
{
    ASSERT(!b->reading && !b->writing); /* LFSI6 */
    lfs_buf_used(fs, b);
    if (b->dirty) {
        b->f->dirty--;
        fs->dirty_count--;
    }
    lfs_wake_all(fs, &b->waiters);
    lfs_wake_all(fs, &fs->buf_waiters);
    cache_policy_left(fs->policy, &b->entry, evicted);
    list_remove(&b->lru);
    list_remove(&b->hash);
    rope_fini(&b->data);
    fs->buf_count--;
    port_free(fs->port, b);
}

void lfs_buf_drop(struct lfs *fs, struct lfs_buf *b)
{
    drop(fs, b, false);
}

static bool may_go(struct cache_entry *e)
{
    const struct lfs_buf *b = CONTAINER_OF(e, struct lfs_buf, entry);
    return !b->dirty && !b->reading && !b->writing && list_empty(&b->waiters);
}

void lfs_buf_init(struct lfs *fs)
{
    struct kind_choice plain = kind_plain(&file_cache_policies, "lru");
    const struct kind_choice *choice = &fs->params.policy;
    list_init(&fs->lru);
    fs->policy = cache_policy_start(fs->port, choice->kind != NULL ? choice : &plain,
                                    (uint32_t)fs->params.cache, may_go);
}

#define KEEP_TURNS 4

/* A buffer to give up, or NULL.  Fresh ones are passed over as if they were used now, if all are
 * the first goes. */
static struct lfs_buf *victim(struct lfs *fs, const struct lfs_file *f, uint32_t blk)
{
    struct lfs_buf *kept = NULL;
    uint64_t turns = KEEP_TURNS * (uint64_t)fs->params.cache;
    for (;;) {
        struct cache_entry *e = cache_policy_victim(fs->policy, lfs_handle(f), blk);
        struct lfs_buf *b = e != NULL ? CONTAINER_OF(e, struct lfs_buf, entry) : NULL;
        if (b == NULL || b == kept)
            return kept;
        if (b->fresh && fs->counts.buffer_misses - b->born > turns)
            lfs_buf_used(fs, b);
        if (!b->fresh)
            return b;
        kept = kept != NULL ? kept : b;
        bool ahead = e->ahead;
        lfs_buf_touch(fs, b);
        e->ahead = ahead;
    }
}

struct lfs_buf *lfs_buf_new(struct lfs *fs, struct lfs_file *f, uint32_t blk, bool fresh)
{
    if (fs->buf_count >= (uint32_t)fs->params.cache) {
        struct lfs_buf *b = victim(fs, f, blk);
        if (b == NULL)
            return NULL;
        drop(fs, b, true);
    }
    struct lfs_buf *b = port_alloc(fs->port, sizeof *b);
    b->f = f;
    b->blk = blk;
    rope_init(&b->data);
    list_init(&b->waiters);
    list_push(&fs->lru, &b->lru);
    list_push(bucket(fs, f, blk), &b->hash);
    b->entry = (struct cache_entry){ .file = lfs_handle(f), .index = blk };
    cache_policy_enter(fs->policy, &b->entry, fresh);
    fs->buf_count++;
    return b;
}

/* The request is of a block of which these fragments are on the device; 0: all of it. */
static void narrow(struct lfs_io *io, uint32_t frag, uint32_t frags)
{
    uint32_t sectors = io->fs->super.fragment / io->fs->sector_bytes;
    if (frags == 0)
        return;
    io->io.sector += (uint64_t)frag * sectors;
    io->io.sectors = frags * sectors;
}

static void fill_failed(struct lfs *fs, struct lfs_buf *b)
{
    struct list *l;
    while ((l = list_pop(&b->waiters)) != NULL) {
        LIST_ENTRY(l, struct lfs_op, wait)->status = FILE_IO_ERROR;
        list_push(&fs->ready, l);
    }
    lfs_buf_drop(fs, b);
}

static void fill_ended(struct lfs_io *io, bool good)
{
    struct lfs *fs = io->fs;
    for (uint32_t i = 0; i < io->count; i++) {
        struct lfs_buf *b = io->bufs[i];
        b->reading = false;
        if (!good) {
            fill_failed(fs, b);
            continue;
        }
        b->valid = true;
        uint64_t at = (uint64_t)i * fs->super.block, left = io->io.data.length - at;
        uint64_t n = left < fs->super.block ? left : fs->super.block;
        rope_add_slice(&b->data, &io->io.data, at, n);
        rope_add_zero(&b->data, fs->super.block - n);
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
        struct lfs_buf *b = io->bufs[i];
        b->writing = false;
        lfs_wake_all(fs, &b->waiters);
        if (!good && !b->dirty)
            lfs_buf_drop(fs, b);
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
    struct lfs_buf **bufs = port_alloc(fs->port, most * sizeof(struct lfs_buf *));
    uint32_t n = 0;
    while (n < most && lfs_buf_find(fs, f, blk + n) == NULL) {
        struct lfs_buf *b = lfs_buf_new(fs, f, blk + n, true);
        if (b == NULL)
            break;
        b->reading = b->fresh = true;
        b->born = fs->counts.buffer_misses;
        fs->fresh_count++;
        bufs[n++] = b;
    }
    if (n == 0) {
        port_free(fs->port, bufs);
        return 0;
    }
    fs->counts.buffer_misses += n;
    struct lfs_io *io = lfs_io_new(fs, f, PORT_IO_READ, blk, w.dev, n, op);
    io->ended = fill_ended;
    io->waits = op != NULL;
    io->bufs = bufs;
    narrow(io, w.frag, w.frags);
    lfs_io_start(io);
    return n;
}

/* Slices beyond which a buffer is copied together: many small writes otherwise leave one slice
 * each. */
#define BUF_SLICES 16

void lfs_buf_modify(struct lfs *fs, struct lfs_buf *b, uint32_t at, const struct rope *data,
                    uint64_t off, uint32_t bytes)
{
    struct rope made;
    uint32_t block = fs->super.block;
    rope_init(&made);
    if (bytes < block) {
        ASSERT(b->valid);
        rope_add_slice(&made, &b->data, 0, at);
    }
    rope_add_slice(&made, data, off, bytes);
    if (at + bytes < block)
        rope_add_slice(&made, &b->data, at + bytes, block - at - bytes);
    rope_fini(&b->data);
    rope_move(&b->data, &made);
    if (b->data.count > BUF_SLICES)
        rope_flatten(&b->data, true);
    port_work(fs->port, PORT_WORK_COPY, bytes);
    fs->counts.copied_bytes += bytes;
    b->valid = true;
    lfs_buf_used(fs, b);
    if (!b->dirty) {
        b->dirty = true;
        b->f->dirty++;
        fs->dirty_count++;
    }
    lfs_buf_touch(fs, b);
    lfs_arm_flush(fs);
}

static bool flushable(const struct lfs_buf *b)
{
    return b != NULL && b->dirty && !b->writing;
}

/* The block may be written together with the one beside it: it lies there, whole. */
static bool joins(struct lfs *fs, struct lfs_file *f, uint32_t blk, uint32_t dev)
{
    struct lfs_where w = lfs_where(f, blk);
    return w.dev == dev && w.frags == 0 && !w.moves && flushable(lfs_buf_find(fs, f, blk));
}

void lfs_buf_flush(struct lfs *fs, struct lfs_buf *b)
{
    struct lfs_file *f = b->f;
    uint32_t from = b->blk, to = b->blk + 1;
    struct lfs_where w = lfs_goes(f, from);
    uint32_t most = w.frags > 0 || w.moves ? 1 : fs->max_io_blocks;
    uint32_t bytes = w.frags > 0 ? w.frags * fs->super.fragment : fs->super.block;
    ASSERT(w.dev != LFS_NO_BLOCK);
    while (to - from < most && from > 0 && joins(fs, f, from - 1, w.dev - 1)) {
        from--;
        w.dev--;
    }
    while (to - from < most && joins(fs, f, to, w.dev + (to - from)))
        to++;
    struct lfs_io *io = lfs_io_new(fs, f, PORT_IO_WRITE, from, w.dev, to - from, NULL);
    io->ended = flush_ended;
    io->bufs = port_alloc(fs->port, (to - from) * sizeof(struct lfs_buf *));
    for (uint32_t i = from; i < to; i++) {
        struct lfs_buf *x = lfs_buf_find(fs, f, i);
        x->dirty = false;
        f->dirty--;
        fs->dirty_count--;
        x->writing = true;
        io->bufs[i - from] = x;
        rope_add_slice(&io->io.data, &x->data, 0, bytes);
    }
    narrow(io, w.frag, w.frags);
    lfs_io_start(io);
}

bool lfs_buf_flush_file(struct lfs *fs, struct lfs_file *f)
{
    bool left = false;
    LIST_EACH (l, &fs->lru) {
        struct lfs_buf *b = LIST_ENTRY(l, struct lfs_buf, lru);
        if (f != NULL && b->f != f)
            continue;
        if (flushable(b))
            lfs_buf_flush(fs, b);
        left = left || b->dirty || b->writing;
    }
    return left;
}

void lfs_buf_flush_oldest(struct lfs *fs)
{
    LIST_EACH (l, &fs->lru) {
        struct lfs_buf *b = LIST_ENTRY(l, struct lfs_buf, lru);
        if (flushable(b)) {
            lfs_buf_flush(fs, b);
            return;
        }
    }
}

bool lfs_buf_any(const struct lfs *fs, const struct lfs_file *f)
{
    LIST_EACH (l, &fs->lru)
        if (LIST_ENTRY(l, struct lfs_buf, lru)->f == f)
            return true;
    return false;
}

void lfs_buf_demote(struct lfs *fs, const struct lfs_file *f, struct file_list runs)
{
    uint64_t block = fs->super.block;
    LIST_EACH_SAFE (l, nx, &fs->lru) {
        struct lfs_buf *b = LIST_ENTRY(l, struct lfs_buf, lru);
        uint64_t at = b->blk * block;
        if (b->f != f || file_list_bytes(runs, (struct file_window){ at, at + block }) < block)
            continue;
        if (may_go(&b->entry))
            lfs_buf_drop(fs, b);
        else
            cache_policy_demote(fs->policy, &b->entry);
    }
}

void lfs_buf_drop_idle(struct lfs *fs, const struct lfs_file *f)
{
    LIST_EACH_SAFE (l, nx, &fs->lru) {
        struct lfs_buf *b = LIST_ENTRY(l, struct lfs_buf, lru);
        if (b->f == f && !b->dirty && !b->reading && !b->writing)
            lfs_buf_drop(fs, b);
    }
}

struct lfs_buf *lfs_buf_drop_range(struct lfs *fs, struct lfs_file *f, uint32_t from)
{
    LIST_EACH_SAFE (l, nx, &fs->lru) {
        struct lfs_buf *b = LIST_ENTRY(l, struct lfs_buf, lru);
        if (b->f != f || b->blk < from)
            continue;
        if (b->reading || b->writing)
            return b;
        lfs_buf_drop(fs, b);
    }
    return NULL;
}
