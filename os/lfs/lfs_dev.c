/* lfs_dev.c: device requests of data: blocks of one file that lie in a row on the device. */
#include "os/lfs/lfs_internal.h"

static void io_done(struct port_io *pio)
{
    struct lfs_io *io = pio->arg;
    struct lfs *fs = io->fs;
    bool good = pio->status == PORT_IO_OK;
    struct lfs_op *o = io->op;
    port_work(fs->port, PORT_WORK_INTERRUPT, 1);
    if (pio->op == PORT_IO_WRITE) {
        fs->written += good;
        io->f->inflight--;
    }
    if (o != NULL) {
        o->req->part[FILE_DEVICE] += pio->device_for;
        o->req->part[FILE_QUEUE] += pio->queued_for;
    }
    io->ended(io, good);
    if (io->waits) {
        if (!good)
            o->status = FILE_IO_ERROR;
        if (--o->pending == 0 && list_empty(&o->wait))
            list_push(&fs->ready, &o->wait);
    }
    rope_fini(&pio->data);
    port_free(fs->port, io->bufs);
    port_free(fs->port, io);
    lfs_run(fs);
}

struct lfs_io *lfs_io_new(struct lfs *fs, struct lfs_file *f, enum port_io_op op, uint32_t blk,
                          uint32_t dev, uint32_t count, struct lfs_op *o)
{
    struct lfs_io *io = port_alloc(fs->port, sizeof *io);
    io->fs = fs;
    io->f = f;
    io->op = o;
    io->blk = blk;
    io->count = count;
    io->io.op = op;
    io->io.sector = (uint64_t)dev * fs->block_sectors;
    io->io.sectors = count * fs->block_sectors;
    io->io.done = io_done;
    io->io.arg = io;
    io->io.trace = o ? o->req->trace : 0;
    rope_init(&io->io.data);
    return io;
}

void lfs_io_start(struct lfs_io *io)
{
    struct lfs *fs = io->fs;
    port_work(fs->port, PORT_WORK_IO, 1);
    port_work(fs->port, PORT_WORK_BLOCK, io->count);
    if (io->io.op == PORT_IO_WRITE) {
        io->f->inflight++;
        fs->counts.device_writes++;
    } else {
        fs->counts.device_reads++;
    }
    if (io->waits)
        io->op->pending++;
    port_blk_submit(fs->port, fs->dev, &io->io);
}
