/* lfs_dev.c: device requests of data: blocks that lie in a row on the device.
 *
 * With `queue` the device has so many of them at a time; others wait here, in the order of the
 * device, and when it is free for one the next behind the last goes, with all of its kind that
 * continue it: the arm sweeps one way, so nobody waits for more than a sweep.  Parts of a request
 * that meets a medium error are tried again one by one, so that the error is known to belong to
 * one.
 */
#include "os/lfs/lfs_internal.h"

/* Requests that went to the device as one. */
struct batch {
    struct port_io io;
    struct lfs *fs;
    struct list members; /* lfs_io.link, in the order of the device */
};

/* What a device request took counts for each that went with it. */
static void charge(struct lfs_io *io, const struct port_io *pio)
{
    if (io->op != NULL) {
        io->op->req->part[FILE_DEVICE] += pio->device_for;
        io->op->req->part[FILE_QUEUE] += io->held_for + pio->queued_for;
    }
    io->held_for = 0;
}

static void end(struct lfs_io *io, bool good)
{
    struct lfs *fs = io->fs;
    struct lfs_op *o = io->op;
    if (io->io.op == PORT_IO_WRITE) {
        fs->written += good;
        io->f->inflight--;
    }
    io->ended(io, good);
    if (io->waits) {
        if (!good)
            o->status = FILE_IO_ERROR;
        if (--o->pending == 0 && list_empty(&o->wait))
            list_push(&fs->ready, &o->wait);
    }
    rope_fini(&io->io.data);
    port_free(fs->port, io->bufs);
    port_free(fs->port, io);
}

/* In the order of the device; of two at one place the first comes first. */
static void hold(struct lfs_io *io)
{
    struct list *at = &io->fs->held;
    while (at->prev != &io->fs->held &&
           LIST_ENTRY(at->prev, struct lfs_io, link)->io.sector > io->io.sector)
        at = at->prev;
    io->held_since = port_now(io->fs->port);
    list_push(at, &io->link); /* before `at` */
}

static void send(struct lfs *fs, struct port_io *io)
{
    port_work(fs->port, PORT_WORK_IO, 1);
    if (io->op == PORT_IO_WRITE)
        fs->counts.device_writes++;
    else
        fs->counts.device_reads++;
    fs->sent++;
    fs->arm = io->sector + io->sectors;
    port_blk_submit(fs->port, fs->dev, io);
}

static void take(struct lfs_io *io, struct list *to)
{
    list_remove(&io->link);
    list_push(to, &io->link);
    io->held_for += port_now(io->fs->port) - io->held_since;
}

static void batch_done(struct port_io *pio);

static void send_batch(struct lfs *fs, struct list *members, struct port_io shape)
{
    struct batch *b = port_alloc(fs->port, sizeof *b);
    b->fs = fs;
    b->io = shape;
    b->io.done = batch_done;
    b->io.arg = b;
    rope_init(&b->io.data);
    list_init(&b->members);
    list_splice(&b->members, members);
    LIST_EACH (l, &b->members) {
        struct lfs_io *io = LIST_ENTRY(l, struct lfs_io, link);
        rope_add_slice(&b->io.data, &io->io.data, 0, io->io.data.length);
        fs->counts.coalesced++;
    }
    fs->counts.coalesced--; /* one of them would have gone anyhow */
    send(fs, &b->io);
}

/* The next that waits, and what continues it. */
static void send_next(struct lfs *fs)
{
    struct list members, *l = fs->held.next;
    uint32_t most = fs->max_io_blocks * fs->block_sectors;
    list_init(&members);
    while (l != &fs->held && LIST_ENTRY(l, struct lfs_io, link)->io.sector < fs->arm)
        l = l->next;
    struct lfs_io *first = LIST_ENTRY(l == &fs->held ? fs->held.next : l, struct lfs_io, link);
    struct port_io shape = first->io;
    struct list *next = first->link.next;
    for (take(first, &members); next != &fs->held && !first->alone;) {
        struct lfs_io *io = LIST_ENTRY(next, struct lfs_io, link);
        next = next->next;
        if (io->io.sector > shape.sector + shape.sectors)
            break;
        if (io->io.sector < shape.sector + shape.sectors || io->io.op != shape.op || io->alone ||
            shape.sectors + io->io.sectors > most)
            continue;
        shape.sectors += io->io.sectors;
        take(io, &members);
    }
    if (members.next == members.prev)
        send(fs, &first->io);
    else
        send_batch(fs, &members, shape);
}

static void went_on(struct lfs *fs)
{
    fs->sent--;
    while (!list_empty(&fs->held) && fs->sent < (uint32_t)fs->params.queue)
        send_next(fs);
    lfs_run(fs);
}

static void io_done(struct port_io *pio)
{
    struct lfs_io *io = pio->arg;
    struct lfs *fs = io->fs;
    port_work(fs->port, PORT_WORK_INTERRUPT, 1);
    charge(io, pio);
    end(io, pio->status == PORT_IO_OK);
    went_on(fs);
}

static void batch_done(struct port_io *pio)
{
    struct batch *b = pio->arg;
    struct lfs *fs = b->fs;
    struct list *l;
    uint64_t off = 0;
    port_work(fs->port, PORT_WORK_INTERRUPT, 1);
    while ((l = list_pop(&b->members)) != NULL) {
        struct lfs_io *io = LIST_ENTRY(l, struct lfs_io, link);
        uint64_t n = (uint64_t)io->io.sectors * fs->sector_bytes;
        charge(io, pio);
        io->alone = pio->status == PORT_IO_MEDIUM;
        if (pio->op == PORT_IO_READ && pio->status == PORT_IO_OK)
            rope_add_slice(&io->io.data, &pio->data, off, n);
        off += n;
        if (io->alone)
            hold(io);
        else
            end(io, pio->status == PORT_IO_OK);
    }
    rope_fini(&pio->data);
    port_free(fs->port, b);
    went_on(fs);
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
    list_init(&io->link);
    return io;
}

void lfs_io_start(struct lfs_io *io)
{
    struct lfs *fs = io->fs;
    port_work(fs->port, PORT_WORK_BLOCK, io->count);
    io->f->inflight += io->io.op == PORT_IO_WRITE;
    if (io->waits)
        io->op->pending++;
    if (fs->params.queue == 0 || fs->sent < (uint32_t)fs->params.queue)
        send(fs, &io->io);
    else
        hold(io);
}
