/* store_buf.c: device requests, and the cache of blocks: what the store of blocks
 * (os/file/blocks.h) keeps comes from and goes to the device here.  What was fetched and not used
 * yet stays longer, until SPARED times the cache was fetched.
 *
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

#define SPARED 4

void vst_buf_clean(struct vst *vs, struct block *b)
{
    if (b->dirty.count == 0)
        return;
    blocks_clean(&vs->store, b);
    vst_wake(vs, &vs->buf_waiters);
}

struct block *vst_buf_get(struct vst_op *o, uint32_t dev)
{
    struct vst *vs = o->vs;
    struct block *b = vst_buf_find(vs, dev);
    if (b != NULL && b->reading) {
        vst_park(o, &b->waiters);
        return NULL;
    }
    if (b == NULL)
        b = blocks_take(&vs->store, &o->f->kept, dev, false);
    if (b == NULL) {
        blocks_write_some(&vs->store, 1);
        vst_park(o, &vs->buf_waiters);
    }
    return b;
}

static void fill_failed(struct vst *vs, struct block *b)
{
    struct list *l;
    while ((l = list_pop(&b->waiters)) != NULL) {
        struct vst_op *o = LIST_ENTRY(l, struct vst_op, wait);
        o->base_failed = true;
        vst_ready(o);
    }
    blocks_drop(&vs->store, b);
}

static void filled(struct port_io *pio)
{
    struct vst_io *io = pio->arg;
    struct vst *vs = io->vs;
    uint32_t block = vs->super.block;
    port_work(vs->port, PORT_WORK_INTERRUPT, 1);
    for (uint32_t i = 0; i < io->count; i++) {
        struct block *b = io->bufs[i];
        struct rope data;
        b->reading = false;
        if (pio->status != PORT_IO_OK) {
            fill_failed(vs, b);
            continue;
        }
        rope_init(&data);
        rope_add_slice(&data, &pio->data, (uint64_t)i * block, block);
        blocks_fill(&vs->store, b, &data);
        vst_wake(vs, &b->waiters);
    }
    vst_wake(vs, &vs->buf_waiters);
    (void)vst_io_end(io);
    vst_run(vs);
}

uint32_t vst_buf_fill(struct vst_file *f, uint32_t dev, uint32_t want, struct vst_op *o)
{
    struct vst *vs = f->vs;
    uint32_t most = want < vs->max_io_blocks ? want : vs->max_io_blocks;
    struct block **bufs = port_alloc(vs->port, most * sizeof(struct block *));
    bool full;
    uint32_t n = blocks_take_row(&vs->store, &f->kept, dev, dev + most, false, bufs, &full);
    if (n == 0) {
        port_free(vs->port, bufs);
        return 0;
    }
    vs->store.counts.fetched += n;
    port_work(vs->port, PORT_WORK_BLOCK, n);
    struct vst_io *io = vst_io_new(vs, PORT_IO_READ, (uint64_t)dev * vs->block_sectors,
                                   n * vs->block_sectors, filled);
    io->bufs = bufs;
    io->count = n;
    io->op = o;
    vst_io_start(io);
    return n;
}

void vst_buf_dirty(struct vst *vs, struct block *b, struct vst_file *f, struct rope *data)
{
    blocks_give(&vs->store, b, &f->kept);
    blocks_put(&vs->store, b, 0, data);
    blocks_had(&vs->store, b);
    blocks_dirty(&vs->store, b, 0, vs->super.block);
    blocks_use(&vs->store, b);
}

/* ---- what the store of blocks asks for ---- */

static void flushed(struct port_io *pio)
{
    struct vst_io *io = pio->arg;
    struct vst *vs = io->vs;
    bool good = pio->status == PORT_IO_OK;
    port_work(vs->port, PORT_WORK_INTERRUPT, 1);
    for (uint32_t i = 0; i < io->count; i++) {
        struct block *b = io->bufs[i];
        blocks_down(&vs->store, b);
        if (!good && b->dirty.count == 0 && vs->block_refs[b->key.index] > 0)
            blocks_dirty(&vs->store, b, 0, vs->super.block);
        vst_wake(vs, &b->waiters);
    }
    vst_wake(vs, &vs->buf_waiters);
    (void)vst_io_end(io);
    vst_run(vs);
}

static void flush(struct blocks *s, struct block_file *kept, struct block *const *row,
                  uint32_t count)
{
    struct vst *vs = CONTAINER_OF(s, struct vst, store);
    struct vst_io *io = vst_io_new(vs, PORT_IO_WRITE, row[0]->key.index * vs->block_sectors,
                                   count * vs->block_sectors, flushed);
    io->f = CONTAINER_OF(kept, struct vst_file, kept);
    io->count = count;
    io->bufs = port_alloc(vs->port, count * sizeof(struct block *));
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(!vst_buf_busy(row[i])); /* VSOI5 */
        blocks_out(s, row[i]);
        io->bufs[i] = row[i];
        rope_add_slice(&io->io.data, &row[i]->data, 0, vs->super.block);
    }
    port_work(vs->port, PORT_WORK_BLOCK, count);
    vst_io_start(io);
}

static void leaves(struct blocks *s, struct block *b)
{
    vst_wake(CONTAINER_OF(s, struct vst, store), &b->waiters);
}

static const struct blocks_ops ops = { .write = flush, .leaves = leaves };

void vst_buf_init(struct vst *vs)
{
    const struct vst_params *p = &vs->params;
    blocks_init(&vs->store, vs->port, &ops, 0, (uint32_t)p->cache, &p->policy);
    BLOCKS_BEHIND(&vs->store, p);
    blocks_ahead_init(&vs->store, p->read_ahead, &p->read_ahead_policy, "neighbour");
    vs->store.spared = SPARED;
}

void vst_buf_sized(struct vst *vs)
{
    vs->store.block = vs->super.block;
    vs->store.group = vs->max_io_blocks;
    vs->store.back = vs->max_io_blocks - 1;
}

bool vst_buf_flush_file(struct vst_file *f)
{
    uint32_t before = f->kept.dirty;
    blocks_write_file(&f->vs->store, &f->kept, NULL);
    return f->kept.dirty < before;
}
