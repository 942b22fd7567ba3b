/* store_buf.c: device requests, and the cache of blocks: least recently used first out.  What was
 * fetched and not used yet (fresh) stays longer, until KEEP_TURNS times the cache was fetched.
 *
 *   absent  --get-->  empty  --fill-->  reading  --done-->  clean
 *   clean, empty  --dirty-->  dirty  --flush-->  writing  --done-->  clean
 *   writing  --dirty-->  writing and dirty  --done-->  dirty
 *   clean  --needed for another block-->  absent
 * A failed fill drops the buffer and fails the requests that wait for it; after a failed flush it
 * is dirty again.
 */
#include "os/vesta/store_internal.h"

/* ---- device requests ---- */

struct vst_io *vst_io_new(struct vst *vs, enum port_io_op op, uint64_t sector, uint32_t sectors,
                          void (*done)(struct port_io *io))
{
    struct vst_io *io = port_alloc(vs->port, sizeof *io);
    io->vs = vs;
    io->io.op = op;
    io->io.sector = sector;
    io->io.sectors = sectors;
    io->io.done = done;
    io->io.arg = io;
    rope_init(&io->io.data);
    return io;
}

void vst_io_start(struct vst_io *io)
{
    struct vst *vs = io->vs;
    port_work(vs->port, PORT_WORK_IO, 1);
    io->io.trace = io->op != NULL ? io->op->req->trace : 0;
    io->io.opaque[0] = vs->written; /* a flush covers these */
    vs->counts.device_writes += io->io.op == PORT_IO_WRITE;
    vs->counts.device_reads += io->io.op == PORT_IO_READ;
    if (io->f != NULL)
        io->f->writes++;
    if (io->op != NULL)
        io->op->pending++;
    port_blk_submit(vs->port, vs->dev, &io->io);
}

bool vst_io_end(struct vst_io *io)
{
    struct vst *vs = io->vs;
    bool good = io->io.status == PORT_IO_OK;
    if (good && io->io.op == PORT_IO_WRITE)
        vs->written++;
    if (good && io->io.op == PORT_IO_FLUSH && io->io.opaque[0] > vs->safe)
        vs->safe = io->io.opaque[0];
    if (io->op != NULL) {
        io->op->req->part[FILE_DEVICE] += io->io.device_for;
        io->op->req->part[FILE_QUEUE] += io->io.queued_for;
        vst_waited(io->op);
    }
    struct vst_op *waits = NULL;
    if (io->f != NULL && --io->f->writes == 0)
        waits = io->f->committing;
    if (!good && io->f != NULL && io->f->committing != NULL)
        io->f->committing->failed = true;
    rope_fini(&io->io.data);
    port_free(vs->port, io->bufs);
    port_free(vs->port, io);
    if (waits != NULL && list_empty(&waits->wait))
        vst_ready(waits);
    return good;
}

/* ---- buffers ---- */

static struct list *bucket(struct vst *vs, uint32_t dev)
{
    return &vs->hash[dev % (uint32_t)vs->params.cache];
}

struct vst_buf *vst_buf_find(struct vst *vs, uint32_t dev)
{
    LIST_EACH (l, bucket(vs, dev)) {
        struct vst_buf *b = LIST_ENTRY(l, struct vst_buf, hash);
        if (b->dev == dev)
            return b;
    }
    return NULL;
}

static bool busy(const struct vst_buf *b)
{
    return b->reading || b->writing;
}

void vst_buf_touch(struct vst *vs, struct vst_buf *b)
{
    list_remove(&b->lru);
    list_push(&vs->lru, &b->lru);
}

void vst_buf_used(struct vst *vs, struct vst_buf *b)
{
    vs->fresh_count -= b->fresh;
    b->fresh = false;
}

void vst_buf_clean(struct vst *vs, struct vst_buf *b)
{
    if (b->dirty) {
        b->f->dirty--;
        vs->dirty_count--;
        b->dirty = false;
        vst_wake(vs, &vs->buf_waiters);
    }
}

void vst_buf_drop(struct vst *vs, struct vst_buf *b)
{
    ASSERT(!busy(b)); /* VSOI5 */
    vst_buf_used(vs, b);
    vst_buf_clean(vs, b);
    vst_wake(vs, &b->waiters);
    list_remove(&b->lru);
    list_remove(&b->hash);
    rope_fini(&b->data);
    vs->buf_count--;
    port_free(vs->port, b);
}

#define KEEP_TURNS 4

/* A buffer to give up, or NULL.  Fresh ones go to the end of the row, if all are the first goes. */
static struct vst_buf *victim(struct vst *vs)
{
    struct vst_buf *kept = NULL;
    uint64_t turns = KEEP_TURNS * (uint64_t)vs->params.cache;
    LIST_EACH_SAFE (l, next, &vs->lru) {
        struct vst_buf *b = LIST_ENTRY(l, struct vst_buf, lru);
        if (b == kept)
            break;
        if (b->dirty || busy(b) || !list_empty(&b->waiters))
            continue;
        if (b->fresh && vs->counts.buffer_misses - b->born > turns)
            vst_buf_used(vs, b);
        if (!b->fresh)
            return b;
        kept = kept != NULL ? kept : b;
        vst_buf_touch(vs, b);
    }
    return kept;
}

/* A buffer for a block that has none; NULL: all are in use. */
static struct vst_buf *buf_new(struct vst *vs, uint32_t dev)
{
    if (vs->buf_count >= (uint32_t)vs->params.cache) {
        struct vst_buf *b = victim(vs);
        if (b == NULL)
            return NULL;
        vst_buf_drop(vs, b);
    }
    struct vst_buf *b = port_alloc(vs->port, sizeof *b);
    b->dev = dev;
    rope_init(&b->data);
    list_init(&b->waiters);
    list_push(&vs->lru, &b->lru);
    list_push(bucket(vs, dev), &b->hash);
    vs->buf_count++;
    return b;
}

struct vst_buf *vst_buf_get(struct vst_op *o, uint32_t dev)
{
    struct vst *vs = o->vs;
    struct vst_buf *b = vst_buf_find(vs, dev);
    if (b != NULL && b->reading) {
        vst_park(o, &b->waiters);
        return NULL;
    }
    if (b == NULL)
        b = buf_new(vs, dev);
    if (b == NULL) {
        vst_buf_flush_oldest(vs);
        vst_park(o, &vs->buf_waiters);
    }
    return b;
}

static void fill_failed(struct vst *vs, struct vst_buf *b)
{
    struct list *l;
    while ((l = list_pop(&b->waiters)) != NULL) {
        struct vst_op *o = LIST_ENTRY(l, struct vst_op, wait);
        o->base_failed = true;
        vst_ready(o);
    }
    vst_buf_drop(vs, b);
}

static void filled(struct port_io *pio)
{
    struct vst_io *io = pio->arg;
    struct vst *vs = io->vs;
    uint32_t block = vs->super.block;
    port_work(vs->port, PORT_WORK_INTERRUPT, 1);
    for (uint32_t i = 0; i < io->count; i++) {
        struct vst_buf *b = io->bufs[i];
        b->reading = false;
        if (pio->status != PORT_IO_OK) {
            fill_failed(vs, b);
            continue;
        }
        b->valid = true;
        rope_add_slice(&b->data, &pio->data, (uint64_t)i * block, block);
        vst_wake(vs, &b->waiters);
    }
    vst_wake(vs, &vs->buf_waiters);
    (void)vst_io_end(io);
    vst_run(vs);
}

uint32_t vst_buf_fill(struct vst_file *f, uint32_t dev, uint32_t want, struct vst_op *o)
{
    struct vst *vs = f->vs;
    uint32_t n = 0, most = want < vs->max_io_blocks ? want : vs->max_io_blocks;
    struct vst_buf **bufs = port_alloc(vs->port, most * sizeof(struct vst_buf *));
    while (n < most && vst_buf_find(vs, dev + n) == NULL) {
        struct vst_buf *b = buf_new(vs, dev + n);
        if (b == NULL)
            break;
        b->f = f;
        b->reading = b->fresh = true;
        b->born = vs->counts.buffer_misses;
        vs->fresh_count++;
        bufs[n++] = b;
    }
    if (n == 0) {
        port_free(vs->port, bufs);
        return 0;
    }
    vs->counts.buffer_misses += n;
    port_work(vs->port, PORT_WORK_BLOCK, n);
    struct vst_io *io = vst_io_new(vs, PORT_IO_READ, (uint64_t)dev * vs->block_sectors,
                                   n * vs->block_sectors, filled);
    io->bufs = bufs;
    io->count = n;
    io->op = o;
    vst_io_start(io);
    return n;
}

void vst_buf_dirty(struct vst *vs, struct vst_buf *b, struct vst_file *f, struct rope *data)
{
    rope_fini(&b->data);
    rope_move(&b->data, data);
    if (b->data.count > 16) /* many small writes otherwise leave one slice each */
        rope_flatten(&b->data, true);
    b->valid = true;
    vst_buf_used(vs, b);
    b->f = f;
    if (!b->dirty) {
        b->dirty = true;
        f->dirty++;
        vs->dirty_count++;
    }
    vst_buf_touch(vs, b);
}

/* ---- write-behind ---- */

static bool flushable(const struct vst_buf *b, const struct vst_file *f)
{
    return b != NULL && b->f == f && b->dirty && !b->writing;
}

static void flushed(struct port_io *pio)
{
    struct vst_io *io = pio->arg;
    struct vst *vs = io->vs;
    bool good = pio->status == PORT_IO_OK;
    port_work(vs->port, PORT_WORK_INTERRUPT, 1);
    for (uint32_t i = 0; i < io->count; i++) {
        struct vst_buf *b = io->bufs[i];
        b->writing = false;
        if (!good && !b->dirty && vs->block_refs[b->dev] > 0) {
            b->dirty = true;
            b->f->dirty++;
            vs->dirty_count++;
        }
        vst_wake(vs, &b->waiters);
    }
    vst_wake(vs, &vs->buf_waiters);
    (void)vst_io_end(io);
    vst_run(vs);
}

/* The buffer, and those that lie beside it on the device. */
static void flush(struct vst *vs, struct vst_buf *b)
{
    struct vst_file *f = b->f;
    uint32_t from = b->dev, to = b->dev + 1, most = vs->max_io_blocks;
    while (to - from < most && flushable(vst_buf_find(vs, from - 1), f))
        from--;
    while (to - from < most && flushable(vst_buf_find(vs, to), f))
        to++;
    struct vst_io *io = vst_io_new(vs, PORT_IO_WRITE, (uint64_t)from * vs->block_sectors,
                                   (to - from) * vs->block_sectors, flushed);
    io->f = f;
    io->count = to - from;
    io->bufs = port_alloc(vs->port, io->count * sizeof(struct vst_buf *));
    for (uint32_t i = from; i < to; i++) {
        struct vst_buf *x = vst_buf_find(vs, i);
        x->dirty = false;
        f->dirty--;
        vs->dirty_count--;
        x->writing = true;
        io->bufs[i - from] = x;
        rope_add_slice(&io->io.data, &x->data, 0, vs->super.block);
    }
    port_work(vs->port, PORT_WORK_BLOCK, io->count);
    vst_io_start(io);
}

void vst_buf_flush_oldest(struct vst *vs)
{
    LIST_EACH (l, &vs->lru) {
        struct vst_buf *b = LIST_ENTRY(l, struct vst_buf, lru);
        if (flushable(b, b->f)) {
            flush(vs, b);
            return;
        }
    }
}

uint32_t vst_buf_flush_file(struct vst_file *f)
{
    uint32_t n = 0;
    if (f->dirty == 0)
        return 0;
    LIST_EACH (l, &f->vs->lru) {
        struct vst_buf *b = LIST_ENTRY(l, struct vst_buf, lru);
        if (flushable(b, f)) {
            flush(f->vs, b);
            n++;
        }
    }
    return n;
}
