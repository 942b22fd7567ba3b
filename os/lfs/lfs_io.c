/* lfs_io.c: requests: their order, the steps of reads and writes, device requests.
 *
 * A request waits in its file's queue until no request before it conflicts (LFS1), then it is
 * active: its step function runs from where it stopped, until it has ended or waits on one list
 * (for a buffer, for any buffer, for a record) or for its device requests.
 */
#include "os/lfs/lfs_internal.h"

void lfs_req_init(struct lfs_req *r, enum lfs_op op, void (*done)(struct lfs_req *r), void *arg)
{
    *r = (struct lfs_req){ .op = op, .done = done, .arg = arg };
    rope_init(&r->data);
}

/* ---- the loop (LFSI7) ---- */

void lfs_park(struct lfs_req *r, struct list *waiters)
{
    list_push(waiters, &r->wait);
}

void lfs_wake_all(struct lfs *fs, struct list *waiters)
{
    struct list *l;
    while ((l = list_pop(waiters)) != NULL)
        list_push(&fs->ready, l);
}

static void step(struct lfs_req *r)
{
    if (r->op == LFS_READ)
        lfs_step_read(r);
    else if (r->op == LFS_WRITE)
        lfs_step_write(r);
    else
        lfs_step_meta(r);
}

void lfs_run(struct lfs *fs)
{
    struct list *l;
    if (fs->running)
        return;
    fs->running = true;
    for (;;) {
        if ((l = list_pop(&fs->ready)) != NULL) {
            step(LIST_ENTRY(l, struct lfs_req, wait));
        } else if ((l = list_pop(&fs->completed)) != NULL) {
            struct lfs_req *r = LIST_ENTRY(l, struct lfs_req, wait);
            r->done(r);
        } else {
            break;
        }
    }
    fs->running = false;
}

/* ---- order of requests (LFS1) ---- */

static bool conflict(const struct lfs_req *a, const struct lfs_req *b)
{
    return (a->exclusive || b->exclusive) && a->blk_from < b->blk_to && b->blk_from < a->blk_to;
}

static bool conflicts_before(const struct lfs_req *r, struct list *head, struct list *stop)
{
    for (struct list *l = head->next; l != head && l != stop; l = l->next)
        if (conflict(r, LIST_ENTRY(l, struct lfs_req, link)))
            return true;
    return false;
}

static void admit(struct lfs_file *f)
{
    LIST_EACH_SAFE (l, nx, &f->waiting) {
        struct lfs_req *r = LIST_ENTRY(l, struct lfs_req, link);
        /* Readers among themselves need not look. */
        if (f->exclusive > 0 &&
            (conflicts_before(r, &f->active, &f->active) || conflicts_before(r, &f->waiting, l)))
            continue;
        list_remove(&r->link);
        list_push(&f->active, &r->link);
        list_push(&f->fs->ready, &r->wait);
    }
}

static void trace(const struct lfs_req *r,
                  void (*mark)(struct port *, const char *, const char *, uint64_t))
{
    static const char *const names[] = {
        [LFS_READ] = "read", [LFS_WRITE] = "write",   [LFS_SET_SIZE] = "size",
        [LFS_SYNC] = "sync", [LFS_REMOVE] = "remove", [LFS_CREATE] = "create"
    };
    mark(r->fs->port, "local files", names[r->op], r->trace ? r->trace : r->off);
}

void lfs_complete(struct lfs_req *r, enum lfs_status status)
{
    struct list *l;
    trace(r, port_trace_end);
    r->status = status;
    while ((l = list_pop(&r->pieces)) != NULL) {
        struct lfs_piece *p = LIST_ENTRY(l, struct lfs_piece, link);
        if (status == LFS_OK)
            rope_join(&r->data, &p->data);
        rope_fini(&p->data);
        port_free(r->fs->port, p);
    }
    list_push(&r->fs->completed, &r->wait);
    if (r->f != NULL) {
        list_remove(&r->link);
        r->f->exclusive -= r->exclusive;
        admit(r->f);
    }
}

static struct lfs_file *file_of(struct lfs *fs, uint64_t handle)
{
    uint32_t ino = (uint32_t)handle, generation = (uint32_t)(handle >> 32);
    if (ino >= fs->super.files || fs->files[ino] == NULL)
        return NULL;
    struct lfs_file *f = fs->files[ino];
    return f->used && f->generation == generation ? f : NULL;
}

/* The blocks that the request locks; false: it is out of range. */
static bool lock_range(struct lfs_req *r)
{
    uint64_t block = r->fs->super.block, limit = (uint64_t)(LFS_NO_BLOCK - 1) * block;
    r->exclusive = r->op != LFS_READ;
    r->blk_from = 0;
    r->blk_to = LFS_NO_BLOCK;
    if (r->op == LFS_SET_SIZE)
        return r->len <= limit;
    if (r->op != LFS_READ && r->op != LFS_WRITE)
        return true;
    if (r->off > limit || r->len > limit - r->off)
        return false;
    r->blk_from = (uint32_t)(r->off / block);
    r->blk_to = (uint32_t)((r->off + r->len + block - 1) / block);
    return true;
}

void lfs_submit(struct lfs *fs, struct lfs_req *r)
{
    r->fs = fs;
    r->f = NULL;
    r->moved = 0;
    r->device_for = 0;
    r->queued_for = 0;
    r->pending = 0;
    r->phase = 0;
    r->status = LFS_OK;
    list_init(&r->link);
    list_init(&r->wait);
    list_init(&r->pieces);
    port_work(fs->port, PORT_WORK_FILE, 1);
    if (r->op == LFS_WRITE)
        r->len = r->data.length;
    if (r->op == LFS_READ)
        rope_fini(&r->data);
    r->pos = r->off;
    r->end = r->off + r->len;
    trace(r, port_trace_begin);
    if (r->op == LFS_CREATE || (r->op == LFS_SYNC && r->file == 0)) {
        list_push(&fs->ready, &r->wait);
    } else if ((r->f = file_of(fs, r->file)) == NULL) {
        lfs_complete(r, LFS_NO_FILE);
    } else if (!lock_range(r)) {
        r->f = NULL;
        lfs_complete(r, LFS_RANGE);
    } else {
        list_push(&r->f->waiting, &r->link);
        r->f->exclusive += r->exclusive;
        admit(r->f);
    }
    lfs_run(fs);
}

/* ---- device requests ---- */

static void io_read_done(struct lfs_io *io, bool good)
{
    if (good)
        rope_move(&io->piece->data, &io->io.data);
}

static void io_write_done(struct lfs_io *io, bool good)
{
    io->f->inflight--;
    if (good)
        lfs_ext_written(io->f, io->blk, io->count);
}

static void io_fill_done(struct lfs_io *io, bool good)
{
    struct lfs *fs = io->fs;
    for (uint32_t i = 0; i < io->count; i++) {
        struct lfs_buf *b = io->bufs[i];
        struct list waiters;
        b->reading = false;
        if (good) {
            b->valid = true;
            rope_add_slice(&b->data, &io->io.data, (uint64_t)i * fs->super.block, fs->super.block);
            lfs_wake_all(fs, &b->waiters);
            continue;
        }
        list_init(&waiters);
        struct list *l;
        while ((l = list_pop(&b->waiters)) != NULL) {
            LIST_ENTRY(l, struct lfs_req, wait)->status = LFS_IO_ERROR;
            list_push(&fs->ready, l);
        }
        lfs_buf_drop(fs, b);
    }
    lfs_wake_all(fs, &fs->buf_waiters);
}

static void io_flush_done(struct lfs_io *io, bool good)
{
    struct lfs *fs = io->fs;
    io->f->inflight--;
    if (good)
        lfs_ext_written(io->f, io->blk, io->count);
    else
        io->f->failed_write = true;
    for (uint32_t i = 0; i < io->count; i++) {
        struct lfs_buf *b = io->bufs[i];
        b->writing = false;
        lfs_wake_all(fs, &b->waiters);
        if (!good && !b->dirty)
            lfs_buf_drop(fs, b);
    }
    lfs_wake_all(fs, &fs->buf_waiters);
}

static void io_done(struct port_io *pio)
{
    struct lfs_io *io = pio->arg;
    struct lfs *fs = io->fs;
    bool good = pio->status == PORT_IO_OK;
    struct lfs_req *r = io->req;
    port_work(fs->port, PORT_WORK_INTERRUPT, 1);
    fs->written += good && pio->op == PORT_IO_WRITE;
    if (r != NULL) {
        r->device_for += pio->device_for;
        r->queued_for += pio->queued_for;
    }
    switch (io->kind) {
    case LFS_IO_READ:
        io_read_done(io, good);
        break;
    case LFS_IO_WRITE:
        io_write_done(io, good);
        break;
    case LFS_IO_FILL:
        io_fill_done(io, good);
        break;
    case LFS_IO_FLUSH:
        io_flush_done(io, good);
        break;
    }
    if (r != NULL && (io->kind == LFS_IO_READ || io->kind == LFS_IO_WRITE)) {
        if (!good)
            r->status = LFS_IO_ERROR;
        if (--r->pending == 0 && list_empty(&r->wait))
            list_push(&fs->ready, &r->wait);
    }
    rope_fini(&pio->data);
    port_free(fs->port, io->bufs);
    port_free(fs->port, io);
    lfs_run(fs);
}

struct lfs_io *lfs_io_new(struct lfs *fs, struct lfs_file *f, enum lfs_io_kind kind, uint32_t blk,
                          uint32_t dev, uint32_t count, struct lfs_req *req)
{
    struct lfs_io *io = port_alloc(fs->port, sizeof *io);
    io->kind = kind;
    io->fs = fs;
    io->f = f;
    io->req = req;
    io->blk = blk;
    io->count = count;
    io->io.op = kind == LFS_IO_WRITE || kind == LFS_IO_FLUSH ? PORT_IO_WRITE : PORT_IO_READ;
    io->io.sector = (uint64_t)dev * fs->block_sectors;
    io->io.sectors = count * fs->block_sectors;
    io->io.done = io_done;
    io->io.arg = io;
    io->io.trace = req ? req->trace : 0;
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
    if (io->req != NULL && (io->kind == LFS_IO_READ || io->kind == LFS_IO_WRITE))
        io->req->pending++;
    port_blk_submit(fs->port, fs->dev, &io->io);
}

/* ---- reading ---- */

static struct lfs_piece *piece_new(struct lfs_req *r)
{
    struct lfs_piece *p = port_alloc(r->fs->port, sizeof *p);
    rope_init(&p->data);
    list_push(&r->pieces, &p->link);
    return p;
}

/* Blocks from blk on that one device request may carry: alike, in a row, without a buffer. */
static uint32_t fast_run(struct lfs_req *r, uint32_t blk, struct lfs_where w)
{
    uint64_t whole = (r->end - r->pos) / r->fs->super.block;
    uint32_t n = 0, most = w.run < r->fs->max_io_blocks ? w.run : r->fs->max_io_blocks;
    while (n < most && n < whole && lfs_buf_find(r->fs, r->f, blk + n) == NULL)
        n++;
    return n;
}

static void read_from_buffer(struct lfs_req *r, struct lfs_buf *b, uint32_t at, uint32_t n)
{
    rope_add_slice(&piece_new(r)->data, &b->data, at, n);
    port_work(r->fs->port, PORT_WORK_COPY, n);
    r->fs->counts.copied_bytes += n;
    r->fs->counts.buffer_hits++;
    lfs_buf_touch(r->fs, b);
    r->pos += n;
}

/* Needs a buffer that is not there: starts filling it and waits. */
static void read_fill(struct lfs_req *r, uint32_t blk)
{
    struct lfs *fs = r->fs;
    uint32_t want = (uint32_t)((r->end - 1) / fs->super.block) - blk + 1;
    if (fs->params.buffered && r->off == r->f->next_read)
        want += (uint32_t)fs->params.read_ahead;
    if (!fs->params.buffered)
        want = 1;
    if (lfs_buf_fill(fs, r->f, blk, want, r) > 0) {
        lfs_park(r, &lfs_buf_find(fs, r->f, blk)->waiters);
        return;
    }
    lfs_buf_flush_oldest(fs);
    lfs_park(r, &fs->buf_waiters);
}

/* One stretch further; false: the request waits. */
static bool read_some(struct lfs_req *r)
{
    struct lfs *fs = r->fs;
    uint32_t block = fs->super.block, blk = (uint32_t)(r->pos / block),
             at = (uint32_t)(r->pos % block);
    uint32_t n = r->end - r->pos < block - at ? (uint32_t)(r->end - r->pos) : block - at;
    struct lfs_buf *b = lfs_buf_find(fs, r->f, blk);
    struct lfs_where w = lfs_where(r->f, blk);
    if (b != NULL && b->valid) {
        read_from_buffer(r, b, at, n);
    } else if (b != NULL) {
        lfs_park(r, &b->waiters);
        return false;
    } else if (w.dev == LFS_NO_BLOCK || !w.written) {
        rope_add_zero(&piece_new(r)->data, n);
        r->pos += n;
    } else if (n == block && !fs->params.buffered) {
        uint32_t run = fast_run(r, blk, w);
        struct lfs_io *io = lfs_io_new(fs, r->f, LFS_IO_READ, blk, w.dev, run, r);
        io->piece = piece_new(r);
        r->pos += (uint64_t)run * block;
        fs->counts.fast_bytes += (uint64_t)run * block;
        lfs_io_start(io);
    } else {
        read_fill(r, blk);
        return false;
    }
    return true;
}

/* A sequential buffered reader nears the end of what is cached: fetch more meanwhile. */
static void read_ahead(struct lfs_req *r)
{
    struct lfs *fs = r->fs;
    uint32_t block = fs->super.block, ahead = (uint32_t)fs->params.read_ahead;
    if (fs->params.buffered && ahead > 0 && r->off == r->f->next_read && r->end < r->f->size) {
        uint32_t next = (uint32_t)((r->end + block - 1) / block), i = 0;
        while (i <= ahead / 2 && lfs_buf_find(fs, r->f, next + i) != NULL)
            i++;
        if (i <= ahead / 2 && (uint64_t)(next + i) * block < r->f->size)
            (void)lfs_buf_fill(fs, r->f, next + i, ahead, NULL);
    }
    r->f->next_read = r->end;
}

void lfs_step_read(struct lfs_req *r)
{
    if (r->phase == 0) {
        r->phase = 1;
        if (r->off >= r->f->size)
            r->end = r->off;
        else if (r->end > r->f->size)
            r->end = r->f->size;
    }
    while (r->status == LFS_OK && r->pos < r->end)
        if (!read_some(r))
            return;
    if (r->pending > 0)
        return;
    if (r->status == LFS_OK) {
        r->moved = r->end - r->off;
        read_ahead(r);
    }
    lfs_complete(r, r->status);
}

/* ---- writing ---- */

/* Whole blocks straight to the device; false: the request waits or has failed. */
static bool write_fast(struct lfs_req *r, uint32_t blk, struct lfs_where w)
{
    struct lfs *fs = r->fs;
    uint32_t block = fs->super.block, run = 0;
    uint64_t whole = (r->end - r->pos) / block;
    uint32_t most = whole < fs->max_io_blocks ? (uint32_t)whole : fs->max_io_blocks;
    while (run < most && lfs_where(r->f, blk + run).dev == w.dev + run) {
        struct lfs_buf *b = lfs_buf_find(fs, r->f, blk + run);
        if (b != NULL && (b->reading || b->writing)) {
            if (run > 0)
                break;
            lfs_park(r, &b->waiters);
            return false;
        }
        if (b != NULL)
            lfs_buf_drop(fs, b);
        run++;
    }
    if (lfs_ext_room(r->f) < 2) {
        r->status = LFS_FRAGMENTED;
        return false;
    }
    struct lfs_io *io = lfs_io_new(fs, r->f, LFS_IO_WRITE, blk, w.dev, run, r);
    rope_add_slice(&io->io.data, &r->data, r->pos - r->off, (uint64_t)run * block);
    r->pos += (uint64_t)run * block;
    fs->counts.fast_bytes += (uint64_t)run * block;
    lfs_io_start(io);
    return true;
}

/* Part of a block, or any block in buffered mode; false: the request waits or has failed. */
static bool write_buffered(struct lfs_req *r, uint32_t blk, uint32_t at, uint32_t n,
                           struct lfs_where w)
{
    struct lfs *fs = r->fs;
    struct lfs_buf *b = lfs_buf_find(fs, r->f, blk);
    if (b != NULL && b->reading) {
        lfs_park(r, &b->waiters);
        return false;
    }
    if (lfs_ext_room(r->f) < 2 && !(b != NULL && b->dirty)) {
        r->status = LFS_FRAGMENTED;
        return false;
    }
    if (b == NULL && n < fs->super.block && w.written) {
        if (lfs_buf_fill(fs, r->f, blk, 1, r) > 0) {
            lfs_park(r, &lfs_buf_find(fs, r->f, blk)->waiters);
            return false;
        }
    } else if (b == NULL && (b = lfs_buf_new(fs, r->f, blk)) != NULL) {
        rope_add_zero(&b->data, fs->super.block);
        b->valid = true;
    }
    if (b == NULL) {
        lfs_buf_flush_oldest(fs);
        lfs_park(r, &fs->buf_waiters);
        return false;
    }
    lfs_buf_modify(fs, b, at, &r->data, r->pos - r->off, n);
    r->pos += n;
    if (fs->dirty_count > (uint32_t)fs->params.cache / 2)
        lfs_buf_flush_oldest(fs);
    return true;
}

static bool write_some(struct lfs_req *r)
{
    struct lfs *fs = r->fs;
    uint32_t block = fs->super.block, blk = (uint32_t)(r->pos / block),
             at = (uint32_t)(r->pos % block);
    uint32_t n = r->end - r->pos < block - at ? (uint32_t)(r->end - r->pos) : block - at;
    struct lfs_where w = lfs_where(r->f, blk);
    if (n == block && !fs->params.buffered)
        return write_fast(r, blk, w);
    return write_buffered(r, blk, at, n, w);
}

void lfs_step_write(struct lfs_req *r)
{
    if (r->phase == 0) {
        r->phase = 1;
        if (r->len > 0)
            r->status = lfs_alloc(r->f, r->blk_from, r->blk_to);
    }
    while (r->status == LFS_OK && r->pos < r->end)
        if (!write_some(r) && r->status == LFS_OK)
            return;
    if (r->pending > 0)
        return;
    if (r->status == LFS_OK) {
        r->moved = r->len;
        if (r->len > 0 && r->end > r->f->size) {
            r->f->size = r->end;
            lfs_changed(r->f);
        }
    }
    rope_fini(&r->data);
    lfs_complete(r, r->status);
}
