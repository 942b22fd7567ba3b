/* lfs_io.c: the steps of reads and writes.
 *
 * A list of runs becomes stretches in the order of the device: those of a WRITE get their blocks in
 * the order of the file first.  Then one after the other goes its way, whole blocks between device
 * and data, parts of blocks through a buffer; what will need one next is read meanwhile.
 */
#include "os/lfs/lfs_internal.h"

#include <stdlib.h>

/* Whole blocks go through buffers, too. */
static bool is_buffered(const struct lfs_op *o)
{
    return o->fs->params.buffered && !o->req->direct;
}

/* ---- the list ---- */

static int by_offset(const void *a, const void *b)
{
    const struct lfs_stretch *x = a, *y = b;
    if (x->off != y->off)
        return x->off < y->off ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int by_device(const void *a, const void *b)
{
    const struct lfs_stretch *x = a, *y = b;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return by_offset(a, b);
}

static void add_stretch(struct lfs_op *o, uint32_t *room, struct lfs_stretch x)
{
    struct lfs_stretch *last = o->listed > 0 ? &o->list[o->listed - 1] : NULL;
    if (x.len == 0)
        return;
    if (last != NULL && last->off + last->len == x.off && last->at + last->len == x.at &&
        last->dev == x.dev) {
        last->len += x.len;
        return;
    }
    if (o->listed == *room) {
        *room = *room == 0 ? 16 : 2 * *room;
        o->list = port_realloc(o->fs->port, o->list, *room * sizeof *o->list);
    }
    o->list[o->listed++] = x;
}

/* The pieces of the list, for a READ up to the file's end (FILE3); their bytes. */
static uint64_t expand(struct lfs_op *o)
{
    const struct file_req *r = o->req;
    uint64_t limit = r->op == FILE_READ ? o->f->size : UINT64_MAX, at = 0;
    uint32_t room = 0;
    bool over = false;
    for (uint32_t i = 0; i < r->run_count && !over; i++) {
        const struct file_run *x = &r->runs[i];
        for (uint64_t k = 0; k < x->count && !over; k++) {
            uint64_t off = x->off + k * x->stride;
            uint64_t len = off >= limit ? 0 : x->len < limit - off ? x->len : limit - off;
            add_stretch(o, &room, (struct lfs_stretch){ .off = off, .len = len, .at = at });
            at += len;
            over = len < x->len;
        }
    }
    if (o->listed > 1)
        qsort(o->list, o->listed, sizeof *o->list, by_offset);
    if (o->listed > 0)
        o->last = o->list[o->listed - 1].off + o->list[o->listed - 1].len;
    return at;
}

static bool overlaps(const struct lfs_op *o)
{
    for (uint32_t i = 1; i < o->listed; i++)
        if (o->list[i - 1].off + o->list[i - 1].len > o->list[i].off)
            return true;
    return false;
}

static uint32_t first_block(const struct lfs_op *o, const struct lfs_stretch *x)
{
    return (uint32_t)(x->off / o->fs->super.block);
}

static uint32_t end_block(const struct lfs_op *o, const struct lfs_stretch *x)
{
    return (uint32_t)((x->off + x->len + o->fs->super.block - 1) / o->fs->super.block);
}

static enum file_status alloc(struct lfs_op *o, const struct lfs_stretch *x)
{
    uint32_t from = first_block(o, x), to = end_block(o, x);
    enum file_status s = lfs_tails(o->f, from, to, x->off + x->len);
    return s == FILE_OK ? lfs_alloc(o->f, from, to) : s;
}

/* Blocks for all stretches, or for none of them. */
static enum file_status alloc_list(struct lfs_op *o)
{
    enum file_status s = FILE_OK;
    uint32_t need = 0, seen = 0;
    for (uint32_t i = 0; i < o->listed; i++) {
        uint32_t from = first_block(o, &o->list[i]), to = end_block(o, &o->list[i]);
        from = from > seen ? from : seen;
        need += from < to ? lfs_holes(o->f, from, to) : 0;
        seen = to > seen ? to : seen;
    }
    if (!lfs_alloc_fits(o->f, need))
        return FILE_NO_SPACE;
    for (uint32_t i = 0; i < o->listed && s == FILE_OK; i++)
        s = alloc(o, &o->list[i]);
    return s;
}

/* Stretches end where blocks that lie in a row on the device do; then they get their order. */
static void order(struct lfs_op *o)
{
    struct lfs_stretch *whole = o->list;
    uint32_t n = o->listed, room = 0;
    uint64_t block = o->fs->super.block;
    o->list = NULL;
    o->listed = 0;
    for (uint32_t i = 0; i < n; i++)
        for (struct lfs_stretch x = whole[i]; x.len > 0;) {
            struct lfs_where w = lfs_where(o->f, first_block(o, &x));
            uint64_t run = w.run * block - x.off % block;
            struct lfs_stretch part = x;
            part.len = run < x.len ? run : x.len;
            part.dev = w.dev == LFS_NO_BLOCK ? 0 : w.dev;
            add_stretch(o, &room, part);
            x.off += part.len;
            x.at += part.len;
            x.len -= part.len;
        }
    port_free(o->fs->port, whole);
    if (o->listed > 1)
        qsort(o->list, o->listed, sizeof *o->list, by_device);
}

/* How many blocks behind a stretch of a READ are worth fetching; of a list those behind whatever
 * goes on where a reader of the file was, whosever, for the block before its own is in a buffer. */
static uint32_t worth(struct lfs_op *o, const struct lfs_stretch *x)
{
    struct lfs *fs = o->fs;
    uint64_t first = x->off / fs->super.block;
    if (!is_buffered(o) || o->req->op != FILE_READ || x->len == 0)
        return 0;
    bool before = first == 0 || lfs_buf_find(fs, o->f, (uint32_t)first - 1) != NULL;
    return blocks_worth(&fs->store, &o->f->kept, o->req, x->off, x->off + x->len, o->list != NULL,
                        before, &o->plan);
}

static void set_stretch(struct lfs_op *o, const struct lfs_stretch *x)
{
    o->pos = x->off;
    o->end = x->off + x->len;
    o->at = x->at;
    o->more = worth(o, x);
}

/* Whether there is an order to choose: pieces, or one whose blocks do not lie in a row. */
static bool is_list(const struct lfs_op *o)
{
    const struct file_req *r = o->req;
    return r->run_count > 1 || (r->run_count == 1 && r->runs->count > 1) ||
           (o->f->ext_count > 1 && o->blk_from < o->blk_to &&
            lfs_where(o->f, o->blk_from).run < o->blk_to - o->blk_from);
}

/* The first stretch of a READ; what it will move. */
static void begin_read(struct lfs_op *o)
{
    const struct file_req *r = o->req;
    uint64_t size = o->f->size;
    if (is_list(o)) {
        o->req->moved = expand(o);
        order(o);
    } else if (r->run_count == 1 && r->runs->count == 1) {
        uint64_t off = r->runs->off, end = off + r->runs->len;
        end = end < size ? end : size;
        set_stretch(o, &(struct lfs_stretch){ .off = off, .len = end > off ? end - off : 0 });
        o->req->moved = o->end - o->pos;
    }
}

static enum file_status begin_write(struct lfs_op *o)
{
    const struct file_req *r = o->req;
    if (is_list(o)) {
        (void)expand(o);
        enum file_status s = overlaps(o) ? FILE_RANGE : alloc_list(o);
        order(o);
        return s;
    }
    if (r->data.length == 0)
        return FILE_OK;
    struct lfs_stretch all = { .off = r->runs->off, .len = r->runs->len };
    o->last = all.off + all.len;
    set_stretch(o, &all);
    return alloc(o, &all);
}

/* Goes on to the next stretch that has bytes left; false: there is none. */
static bool more(struct lfs_op *o)
{
    while (o->pos == o->end && o->next < o->listed)
        set_stretch(o, &o->list[o->next++]);
    return o->pos < o->end;
}

/* The bytes go on by n. */
static void advance(struct lfs_op *o, uint64_t n)
{
    o->pos += n;
    o->at += n;
}

/* ---- reading ---- */

static void read_ended(struct lfs_io *io, bool good)
{
    if (good)
        rope_move(&io->piece->data, &io->io.data);
}

static struct lfs_piece *piece_new(struct lfs_op *o)
{
    struct lfs_piece *p = port_alloc(o->fs->port, sizeof *p);
    rope_init(&p->data);
    p->at = o->at;
    list_push(&o->pieces, &p->link);
    return p;
}

/* Blocks from blk on that one device request may carry: alike, in a row, without a buffer. */
static uint32_t fast_run(struct lfs_op *o, uint32_t blk, struct lfs_where w)
{
    uint64_t whole = (o->end - o->pos) / o->fs->super.block;
    uint32_t n = 0, most = w.run < o->fs->max_io_blocks ? w.run : o->fs->max_io_blocks;
    while (n < most && n < whole && lfs_buf_find(o->fs, o->f, blk + n) == NULL)
        n++;
    return n;
}

static void read_from_buffer(struct lfs_op *o, struct block *b, uint32_t at, uint32_t n)
{
    rope_add_slice(&piece_new(o)->data, &b->data, at, n);
    port_work(o->fs->port, PORT_WORK_COPY, n);
    o->fs->counts.copied_bytes += n;
    o->fs->counts.buffer_hits++;
    blocks_had(&o->fs->store, b);
    if (o->list == NULL) /* of a list a block is wanted once */
        blocks_use(&o->fs->store, b);
    advance(o, n);
}

/* Starts reading the parts of blocks that the next stretches of a list want, in the order of the
 * device, as far as half of the buffers go. */
static void look_ahead(struct lfs_op *o)
{
    uint64_t block = o->fs->super.block;
    uint32_t most = o->next + (uint32_t)o->fs->params.cache / 2;
    for (uint32_t i = o->ahead > o->next ? o->ahead : o->next; i < o->listed && i < most; i++) {
        const struct lfs_stretch *x = &o->list[i];
        uint64_t end = x->off + x->len;
        bool all = is_buffered(o) && o->req->op == FILE_READ;
        if (x->off % block > 0 || x->len < block || all)
            (void)lfs_buf_fill(o->fs, o->f, first_block(o, x),
                               all ? end_block(o, x) - first_block(o, x) + worth(o, x) : 1, o);
        if (end % block > 0 && end_block(o, x) - first_block(o, x) > 1)
            (void)lfs_buf_fill(o->fs, o->f, end_block(o, x) - 1, 1, o);
        o->ahead = i + 1;
    }
}

/* Needs a buffer that is not there: starts filling it and waits. */
static void read_fill(struct lfs_op *o, uint32_t blk)
{
    struct lfs *fs = o->fs;
    uint32_t want = (uint32_t)((o->end - 1) / fs->super.block) - blk + 1;
    want = is_buffered(o) ? want + o->more : 1;
    if (lfs_buf_fill(fs, o->f, blk, want, o) > 0) {
        lfs_park(o, &lfs_buf_find(fs, o->f, blk)->waiters);
        look_ahead(o);
        return;
    }
    blocks_write_some(&fs->store, 1);
    lfs_park(o, &fs->buf_waiters);
}

/* One stretch further; false: the request waits. */
static bool read_some(struct lfs_op *o)
{
    struct lfs *fs = o->fs;
    uint32_t block = fs->super.block, blk = (uint32_t)(o->pos / block),
             at = (uint32_t)(o->pos % block);
    uint32_t n = o->end - o->pos < block - at ? (uint32_t)(o->end - o->pos) : block - at;
    struct block *b = lfs_buf_find(fs, o->f, blk);
    struct lfs_where w = lfs_where(o->f, blk);
    if (b != NULL && b->valid.count > 0) {
        read_from_buffer(o, b, at, n);
    } else if (b != NULL) {
        lfs_park(o, &b->waiters);
        return false;
    } else if (w.dev == LFS_NO_BLOCK || !w.written) {
        rope_add_zero(&piece_new(o)->data, n);
        advance(o, n);
    } else if (n == block && !is_buffered(o) && w.frags == 0) {
        uint32_t run = fast_run(o, blk, w);
        struct lfs_io *io = lfs_io_new(fs, o->f, PORT_IO_READ, blk, w.dev, run, o);
        io->ended = read_ended;
        io->waits = true;
        io->piece = piece_new(o);
        advance(o, (uint64_t)run * block);
        fs->counts.fast_bytes += (uint64_t)run * block;
        lfs_io_start(io);
    } else {
        read_fill(o, blk);
        return false;
    }
    return true;
}

/* What is expected farther away. */
static void read_far(struct lfs_op *o)
{
    uint64_t block = o->fs->super.block, len = o->req->runs != NULL ? o->req->runs->len : 0;
    for (uint32_t i = o->plan.first; o->plan.last > 0 && i <= o->plan.last; i++) {
        uint64_t off = o->req->runs->off + (uint64_t)((int64_t)i * o->plan.distance);
        if (off >= o->f->size)
            return;
        uint32_t blk = (uint32_t)(off / block), to = (uint32_t)((off + len - 1) / block) + 1;
        for (; blk < to; blk++)
            if (lfs_buf_find(o->fs, o->f, blk) == NULL)
                (void)lfs_buf_fill(o->fs, o->f, blk, to - blk, NULL);
    }
}

/* A sequential buffered reader nears the end of what is cached: fetch more meanwhile. */
static void read_ahead(struct lfs_op *o)
{
    struct lfs *fs = o->fs;
    uint32_t block = fs->super.block, next = (uint32_t)((o->end + block - 1) / block), i = 0;
    read_far(o);
    if (o->more == 0 || o->end >= o->f->size)
        return;
    while (i <= o->more / 2 && lfs_buf_find(fs, o->f, next + i) != NULL)
        i++;
    if (i <= o->more / 2 && (uint64_t)(next + i) * block < o->f->size)
        (void)lfs_buf_fill(fs, o->f, next + i, o->more, NULL);
}

void lfs_step_read(struct lfs_op *o)
{
    if (o->phase == 0) {
        o->phase = 1;
        begin_read(o);
    }
    while (o->status == FILE_OK && more(o))
        if (!read_some(o))
            return;
    if (o->pending > 0)
        return;
    if (o->status == FILE_OK)
        read_ahead(o);
    else
        o->req->moved = 0;
    lfs_complete(o, o->status);
}

void lfs_step_hint(struct lfs_op *o)
{
    uint32_t left = (uint32_t)o->fs->params.cache / 2, n = 1;
    begin_read(o);
    o->req->moved = 0;
    while (more(o) && left > 0 && n > 0) {
        uint32_t blk = (uint32_t)(o->pos / o->fs->super.block);
        uint32_t to = (uint32_t)((o->end + o->fs->super.block - 1) / o->fs->super.block);
        n = lfs_buf_fill(o->fs, o->f, blk, to - blk < left ? to - blk : left, NULL);
        left -= n;
        uint64_t end = (uint64_t)(blk + n) * o->fs->super.block;
        o->pos = end < o->end ? end : o->end;
    }
    lfs_complete(o, FILE_OK);
}

void lfs_step_advise(struct lfs_op *o)
{
    enum file_hint hint = o->req->hint;
    if (hint >= FILE_PRIORITY)
        blocks_advise(&o->fs->store, o->req);
    else if (hint == FILE_WONT_NEED)
        blocks_wont_need(&o->fs->store, &o->f->kept, o->req);
    else
        blocks_way(&o->fs->store, &o->f->kept, o->req);
    lfs_complete(o, FILE_OK);
}

/* ---- writing ---- */

static void write_ended(struct lfs_io *io, bool good)
{
    if (good)
        lfs_ext_written(io->f, io->blk, io->count);
}

/* Whole blocks straight to the device; false: the request waits or has failed. */
static bool write_fast(struct lfs_op *o, uint32_t blk, struct lfs_where w)
{
    struct lfs *fs = o->fs;
    uint32_t block = fs->super.block, run = 0;
    uint64_t whole = (o->end - o->pos) / block;
    uint32_t most = whole < fs->max_io_blocks ? (uint32_t)whole : fs->max_io_blocks;
    while (run < most && lfs_where(o->f, blk + run).dev == w.dev + run) {
        struct block *b = lfs_buf_find(fs, o->f, blk + run);
        if (b != NULL && lfs_buf_busy(b)) {
            if (run > 0)
                break;
            lfs_park(o, &b->waiters);
            return false;
        }
        if (b != NULL)
            blocks_drop(&fs->store, b);
        run++;
    }
    if (lfs_ext_room(o->f) < 2) { /* writes under way count against it (LFSI4) */
        o->status = o->pending > 0 ? o->status : FILE_SCATTERED;
        return false;
    }
    struct lfs_io *io = lfs_io_new(fs, o->f, PORT_IO_WRITE, blk, w.dev, run, o);
    io->ended = write_ended;
    io->waits = true;
    rope_add_slice(&io->io.data, &o->req->data, o->at, (uint64_t)run * block);
    advance(o, (uint64_t)run * block);
    fs->counts.fast_bytes += (uint64_t)run * block;
    lfs_io_start(io);
    return true;
}

/* Part of a block, or any block in buffered mode; false: the request waits or has failed. */
static bool write_buffered(struct lfs_op *o, uint32_t blk, uint32_t at, uint32_t n,
                           struct lfs_where w)
{
    struct lfs *fs = o->fs;
    struct block *b = lfs_buf_find(fs, o->f, blk);
    if (b != NULL && b->reading) {
        lfs_park(o, &b->waiters);
        return false;
    }
    if (lfs_ext_room(o->f) < 2 && !(b != NULL && b->dirty.count > 0)) {
        if (lfs_buf_flush_file(fs, o->f)) /* buffers that wait count against it (LFSI4) */
            lfs_park(o, &fs->buf_waiters);
        else
            o->status = FILE_SCATTERED;
        return false;
    }
    if (b == NULL && n < fs->super.block && w.written) {
        if (lfs_buf_fill(fs, o->f, blk, 1, o) > 0) {
            lfs_park(o, &lfs_buf_find(fs, o->f, blk)->waiters);
            look_ahead(o);
            return false;
        }
    } else if (b == NULL && (b = blocks_take(&fs->store, &o->f->kept, blk, false)) != NULL) {
        block_set_add(fs->port, &b->valid, 0, fs->super.block); /* zeros */
    }
    if (b == NULL) {
        blocks_write_some(&fs->store, 1);
        lfs_park(o, &fs->buf_waiters);
        return false;
    }
    lfs_buf_modify(fs, b, at, &o->req->data, o->at, n);
    advance(o, n);
    blocks_cluster(&fs->store, b);
    blocks_behind(&fs->store);
    return true;
}

static bool write_some(struct lfs_op *o)
{
    struct lfs *fs = o->fs;
    uint32_t block = fs->super.block, blk = (uint32_t)(o->pos / block),
             at = (uint32_t)(o->pos % block);
    uint32_t n = o->end - o->pos < block - at ? (uint32_t)(o->end - o->pos) : block - at;
    struct lfs_where w = lfs_where(o->f, blk);
    if (n == block && !is_buffered(o) && !w.moves)
        return write_fast(o, blk, w);
    return write_buffered(o, blk, at, n, w);
}

/* A buffer that is being written to fragments, which must not change meanwhile; or NULL. */
static struct block *tail_on_its_way(const struct lfs_op *o)
{
    for (uint32_t b = o->blk_from; o->fs->frags > 1 && b < o->blk_to && b < LFS_TAIL_BLOCKS; b++) {
        struct block *buf = lfs_buf_find(o->fs, o->f, b);
        if (buf != NULL && buf->out.count > 0)
            return buf;
    }
    return NULL;
}

void lfs_step_write(struct lfs_op *o)
{
    struct file_req *r = o->req;
    struct block *busy = o->phase == 0 ? tail_on_its_way(o) : NULL;
    if (busy != NULL) {
        lfs_park(o, &busy->waiters);
        return;
    }
    if (o->phase == 0) {
        o->phase = 1;
        o->status = begin_write(o);
    }
    while (o->status == FILE_OK && more(o))
        if (!write_some(o) && o->status == FILE_OK)
            return;
    if (o->pending > 0)
        return;
    if (o->status == FILE_OK) {
        uint64_t end = o->last;
        r->moved = r->data.length;
        r->grew = end > o->f->size;
        o->f->mtime = port_now(o->fs->port);
        if (r->grew) {
            o->f->size = end;
            lfs_changed(o->f);
        }
    }
    rope_fini(&r->data);
    lfs_complete(o, o->status);
}
