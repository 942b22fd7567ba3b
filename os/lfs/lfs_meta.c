/* lfs_meta.c: files and their records: create, remove, size, sync.
 *
 * A record goes to the device in one write to the slot that holds the older of the two records, so
 * at every moment one whole record is there.  A write that failed leaves its slot unknown: the next
 * record goes to the same slot again, and soon where a name was to change by it (LFSI10).
 *
 * Where the device answers writes before they are on the medium (LFSI8) a flush comes before the
 * record, so that it never speaks of blocks that are not there, and one after it, so that the other
 * slot is not given up, nor a block used again, before it is there.
 */
#include "os/lfs/lfs_internal.h"

#include <string.h>

/* ---- records ---- */

struct store {
    struct port_io io;
    struct lfs_file *f;
    uint64_t version, sector;
    struct rope image;
    enum { DATA_SAFE, RECORD, RECORD_SAFE } step;
};

bool lfs_safe(const struct lfs *fs)
{
    return !fs->volatile_writes || fs->safe == fs->written;
}

/* What has ended before a flush begins is on the medium when it ends: opaque[0] says how much. */
static void flush(struct lfs *fs, struct port_io *io)
{
    io->op = PORT_IO_FLUSH;
    io->sector = 0;
    io->sectors = 0;
    io->opaque[0] = fs->written;
    port_work(fs->port, PORT_WORK_IO, 1);
    port_blk_submit(fs->port, fs->dev, io);
}

static void flush_ended(struct lfs *fs, const struct port_io *io)
{
    if (io->status == PORT_IO_OK && io->opaque[0] > fs->safe)
        fs->safe = io->opaque[0];
}

static void give_cut(struct lfs_file *f)
{
    for (uint32_t i = 0; i < f->cut_count; i++)
        lfs_give(f->fs, &f->cut[i]);
    port_free(f->fs->port, f->cut);
    f->cut = NULL;
    f->cut_count = 0;
}

/* Begins the step, or the next that has something to do; false: there is none. */
static bool store_step(struct store *s)
{
    struct lfs *fs = s->f->fs;
    if (s->step == DATA_SAFE && lfs_safe(fs))
        s->step = RECORD;
    if (s->step > RECORD_SAFE || (s->step == RECORD_SAFE && lfs_safe(fs)))
        return false;
    if (s->step != RECORD) {
        flush(fs, &s->io);
        return true;
    }
    s->io.op = PORT_IO_WRITE;
    s->io.sector = s->sector;
    s->io.sectors = fs->super.inode / fs->sector_bytes;
    rope_move(&s->io.data, &s->image);
    port_work(fs->port, PORT_WORK_IO, 1);
    fs->counts.device_writes++;
    port_blk_submit(fs->port, fs->dev, &s->io);
    return true;
}

static void store_done(struct port_io *io)
{
    struct store *s = io->arg;
    struct lfs_file *f = s->f;
    struct lfs *fs = f->fs;
    struct list *l;
    port_work(fs->port, PORT_WORK_INTERRUPT, 1);
    rope_fini(&io->data);
    if (io->op == PORT_IO_FLUSH)
        flush_ended(fs, io);
    else
        fs->written += io->status == PORT_IO_OK;
    s->step++;
    if (io->status == PORT_IO_OK && store_step(s))
        return;
    f->storing = false;
    if (io->status == PORT_IO_OK) {
        f->sequence++;
        f->stored = s->version;
        list_remove(&f->doubt);
        if (f->cut_count > 0 && f->stored >= f->cut_version)
            give_cut(f);
        if (f->stored < f->version)
            lfs_arm_flush(fs);
    }
    if (f->stored < f->version)
        list_push(&fs->changed, &f->changed);
    while ((l = list_pop(&f->store_waiters)) != NULL) {
        if (io->status != PORT_IO_OK)
            LIST_ENTRY(l, struct lfs_op, wait)->status = FILE_IO_ERROR;
        list_push(&fs->ready, l);
    }
    rope_fini(&s->image);
    port_free(fs->port, s);
    lfs_run(fs);
}

uint64_t lfs_record_sector(const struct lfs_file *f)
{
    const struct lfs *fs = f->fs;
    uint64_t slot = 2 * (uint64_t)f->ino + ((f->sequence + 1) & 1);
    return fs->block_sectors + slot * (fs->super.inode / fs->sector_bytes);
}

void lfs_record_of(struct lfs_file *f, bool used, struct rope *out)
{
    struct lfs *fs = f->fs;
    struct lfs_record r = { .fsid = fs->super.fsid,
                            .sequence = f->sequence + 1,
                            .ino = f->ino,
                            .generation = f->generation,
                            .used = used,
                            .size = used ? f->size : 0,
                            .extents = used ? f->ext_count : 0,
                            .mode = f->mode,
                            .uid = f->uid,
                            .gid = f->gid,
                            .mtime = f->mtime,
                            .ctime = f->ctime,
                            .replaces = f->replaces };
    size_t n = lfs_record_bytes(&r);
    uint8_t *image = port_alloc(fs->port, n);
    r.parent = f->parent == fs->root ? FILE_ROOT : lfs_handle(f->parent);
    memcpy(r.name, f->name, sizeof r.name);
    memcpy(r.owner, f->owner, sizeof r.owner);
    lfs_record_store(image, fs->super.inode, &r, f->ext);
    port_work(fs->port, PORT_WORK_CHECKSUM, fs->super.inode);
    rope_add_bytes(out, image, n);
    rope_add_zero(out, fs->super.inode - n);
    port_free(fs->port, image);
}

void lfs_store(struct lfs_file *f, bool used)
{
    struct lfs *fs = f->fs;
    struct store *s = port_alloc(fs->port, sizeof *s);
    ASSERT(!f->storing);
    f->storing = true;
    list_remove(&f->changed);
    s->f = f;
    s->version = f->version;
    s->sector = lfs_record_sector(f);
    s->step = DATA_SAFE;
    s->io.done = store_done;
    s->io.arg = s;
    rope_init(&s->io.data);
    rope_init(&s->image);
    lfs_record_of(f, used, &s->image);
    (void)store_step(s);
}

/* ---- files ---- */

static void step_stat(struct lfs_op *o)
{
    const struct lfs_file *f = o->f;
    o->req->attr = (struct file_attr){ .size = f->size,
                                       .mode = f->mode,
                                       .uid = f->uid,
                                       .gid = f->gid,
                                       .mtime = f->mtime,
                                       .ctime = f->ctime };
    memcpy(o->req->attr.owner, f->owner, sizeof f->owner);
    lfs_complete(o, f->creating ? FILE_NO_FILE : FILE_OK);
}

static void step_change(struct lfs_op *o)
{
    struct lfs_file *f = o->f;
    enum file_status s = file_change(o->req, &f->mode, &f->uid, &f->gid);
    if (s == FILE_OK) {
        f->ctime = port_now(o->fs->port);
        lfs_changed(f);
    }
    lfs_complete(o, s);
}

struct lfs_file *lfs_next_file(struct lfs *fs, uint32_t ino)
{
    for (uint32_t i = ino; i < fs->file_room; i++)
        if (fs->files[i] != NULL && fs->files[i]->used && !fs->files[i]->creating)
            return fs->files[i];
    return NULL;
}

struct lfs_file *lfs_file_new(struct lfs *fs, uint32_t ino)
{
    struct lfs_file *f = port_alloc(fs->port, sizeof *f);
    f->fs = fs;
    f->ino = ino;
    block_file_init(&f->kept, ino, lfs_handle(f));
    list_init(&f->active);
    list_init(&f->waiting);
    list_init(&f->store_waiters);
    list_init(&f->named);
    list_init(&f->doubt);
    list_init(&f->changed);
    if (ino >= fs->file_room) {
        uint32_t room = ino < 8 ? 8 : 2 * ino;
        fs->files = port_realloc(fs->port, fs->files, room * sizeof(struct lfs_file *));
        for (uint32_t i = fs->file_room; i < room; i++)
            fs->files[i] = NULL;
        fs->file_room = room;
    }
    fs->files[ino] = f;
    return f;
}

void lfs_doubt(struct lfs_file *f)
{
    list_remove(&f->doubt);
    list_push(&f->fs->doubts, &f->doubt);
    lfs_changed(f);
}

bool lfs_settled(struct lfs_op *o)
{
    bool tried = o->settling;
    o->settling = false;
    if (list_empty(&o->fs->doubts) || (tried && o->status != FILE_OK))
        return true;
    struct lfs_file *f = LIST_ENTRY(o->fs->doubts.next, struct lfs_file, doubt);
    if (!f->storing)
        lfs_store(f, f->used);
    o->settling = true;
    lfs_park(o, &f->store_waiters);
    return false;
}

static void cut_extents(struct lfs_file *f, uint32_t from)
{
    lfs_tail_drop(f);
    for (uint32_t i = 0; i < f->ext_count; i++) {
        struct lfs_extent x = f->ext[i];
        if (x.blk + x.count <= from)
            continue;
        if (x.blk < from) {
            x.dev += from - x.blk;
            x.count -= from - x.blk;
        }
        f->fs->counts.fragments -= x.frags;
        lfs_cut_add(f, x);
    }
    lfs_ext_cut(f, from, LFS_NO_BLOCK);
    lfs_unreserve(f);
}

void lfs_removed(struct lfs_file *f, bool stored)
{
    struct lfs *fs = f->fs;
    struct list *l;
    if (!stored)
        lfs_doubt(f);
    cut_extents(f, 0);
    if (stored) {
        give_cut(f);
        f->version = f->stored;
        list_remove(&f->changed);
    }
    f->used = f->removing = false;
    blocks_file_gone(&fs->store, &f->kept);
    f->parent->kids--;
    f->parent->mtime = port_now(fs->port);
    lfs_name_remove(f);
    if (f->ino < fs->free_ino)
        fs->free_ino = f->ino;
    while ((l = list_pop(&f->waiting)) != NULL) {
        struct lfs_op *late = LIST_ENTRY(l, struct lfs_op, link);
        f->exclusive -= late->exclusive;
        late->f = NULL;
        if (late->move != NULL)
            list_push(&fs->ready, &late->wait); /* it wanted to replace what is gone */
        else
            lfs_complete(late, FILE_NO_FILE);
    }
}

static void step_remove(struct lfs_op *o)
{
    struct lfs_file *f = o->f;
    if (o->phase == 1) {
        if (o->status == FILE_OK)
            lfs_removed(f, true);
        else
            lfs_doubt(f);
        f->removing = false;
        lfs_complete(o, o->status);
        return;
    }
    if (o->status == FILE_OK && !lfs_settled(o))
        return;
    if (o->status == FILE_OK && f->kids > 0)
        o->status = FILE_NOT_EMPTY;
    else if (o->status == FILE_OK && !lfs_may(o->req, f->parent, 03))
        o->status = FILE_DENIED;
    if (o->status != FILE_OK) {
        f->removing = false;
        lfs_complete(o, o->status);
        return;
    }
    if (f->moving) {
        lfs_park(o, &o->fs->name_waiters);
        return;
    }
    f->removing = true;
    struct block *b = lfs_buf_drop_range(o->fs, f, 0);
    if (b != NULL) {
        lfs_park(o, &b->waiters);
        return;
    }
    if (!f->storing) {
        o->phase = 1;
        lfs_store(f, false);
    }
    lfs_park(o, &f->store_waiters);
}

/* ---- sync ---- */

/* True when the newest record is on the device; else the request waits for it. */
static bool store_newest(struct lfs_op *o)
{
    if (o->f->stored >= o->f->version)
        return true;
    if (!o->f->storing)
        lfs_store(o->f, true);
    lfs_park(o, &o->f->store_waiters);
    return false;
}

static void sync_flushed(struct port_io *io)
{
    struct lfs_op *o = io->arg;
    struct lfs *fs = o->fs;
    port_work(fs->port, PORT_WORK_INTERRUPT, 1);
    flush_ended(fs, io);
    o->req->part[FILE_DEVICE] += io->device_for;
    o->req->part[FILE_QUEUE] += io->queued_for;
    if (io->status != PORT_IO_OK)
        o->status = FILE_IO_ERROR;
    port_free(fs->port, io);
    list_push(&fs->ready, &o->wait);
    lfs_run(fs);
}

static void step_sync(struct lfs_op *o)
{
    enum { START, FLUSHED };
    if (o->phase == START && o->status == FILE_OK && lfs_buf_flush_file(o->fs, o->f)) {
        lfs_park(o, &o->fs->buf_waiters);
        return;
    }
    if (o->phase == START && o->status == FILE_OK && (!store_newest(o) || !lfs_settled(o)))
        return;
    if (o->phase == START && o->status == FILE_OK && !lfs_safe(o->fs)) {
        struct port_io *io = port_alloc(o->fs->port, sizeof *io);
        o->phase = FLUSHED;
        io->done = sync_flushed;
        io->arg = o;
        rope_init(&io->data);
        flush(o->fs, io);
        return;
    }
    if (o->f->failed_write)
        o->status = FILE_IO_ERROR;
    o->f->failed_write = false;
    if (o->req->op == FILE_HINT)
        lfs_buf_drop_idle(o->fs, o->f);
    lfs_complete(o, o->status);
}

/* What buffers have of the file is written, and they let it go. */
static void step_forget(struct lfs_op *o)
{
    if (o->phase > 0 || !list_empty(&o->f->kept.blocks))
        step_sync(o);
    else
        lfs_complete(o, FILE_OK);
}

static void sync_one_done(struct file_req *one)
{
    struct lfs_op *all = one->arg;
    if (one->status != FILE_OK && one->status != FILE_NO_FILE)
        all->status = one->status;
    for (int i = 0; i < FILE_PARTS; i++)
        all->req->part[i] += one->part[i];
    port_free(all->fs->port, one);
    list_push(&all->fs->ready, &all->wait);
}

static void step_sync_all(struct lfs_op *o)
{
    struct lfs *fs = o->fs;
    struct lfs_file *f = lfs_next_file(fs, (uint32_t)o->pos);
    if (f == NULL) {
        if (o->status != FILE_OK || lfs_settled(o))
            lfs_complete(o, o->status);
        return;
    }
    o->pos = f->ino + 1;
    struct file_req *one = port_alloc(fs->port, sizeof *one);
    file_req_init(one, FILE_FLUSH, sync_one_done, o);
    one->file = lfs_handle(f);
    lfs_begin(fs, one, step_sync);
}

/* ---- size ---- */

/* The bytes behind the new end must read as zero when the file grows again; false: it waits. */
static bool zero_tail(struct lfs_op *o)
{
    struct lfs *fs = o->fs;
    uint32_t block = fs->super.block, blk = (uint32_t)(o->req->size / block);
    uint32_t at = (uint32_t)(o->req->size % block);
    struct block *b = lfs_buf_find(fs, o->f, blk);
    struct rope zero;
    if (at == 0 || (b == NULL && !lfs_where(o->f, blk).written))
        return true;
    if (b == NULL) {
        if (lfs_buf_fill(fs, o->f, blk, 1, o) > 0) {
            b = lfs_buf_find(fs, o->f, blk);
        } else {
            blocks_write_some(&fs->store, 1);
            lfs_park(o, &fs->buf_waiters);
            return false;
        }
    }
    if (b->reading) {
        lfs_park(o, &b->waiters);
        return false;
    }
    rope_init(&zero);
    rope_add_zero(&zero, block - at);
    lfs_buf_modify(fs, b, at, &zero, 0, block - at);
    rope_fini(&zero);
    return true;
}

static void grow(struct lfs_op *o)
{
    uint32_t block = o->fs->super.block;
    enum file_status s = lfs_alloc(o->f, 0, (uint32_t)((o->req->size + block - 1) / block));
    if (s == FILE_OK && o->req->size != o->f->size) {
        o->f->size = o->req->size;
        o->f->mtime = port_now(o->fs->port);
        lfs_changed(o->f);
    }
    lfs_complete(o, s);
}

static void step_set_size(struct lfs_op *o)
{
    struct lfs *fs = o->fs;
    uint32_t keep = (uint32_t)((o->req->size + fs->super.block - 1) / fs->super.block);
    enum { START, DROP, FLUSH, STORE };
    if (o->phase == START && o->req->size >= o->f->size) {
        grow(o);
        return;
    }
    if (o->status != FILE_OK) {
        lfs_complete(o, o->status);
        return;
    }
    if (o->phase == START) {
        if (!zero_tail(o))
            return;
        o->phase = DROP;
    }
    if (o->phase == DROP) {
        struct block *b = lfs_buf_drop_range(fs, o->f, keep);
        if (b != NULL) {
            lfs_park(o, &b->waiters);
            return;
        }
        o->phase = FLUSH;
    }
    if (o->phase == FLUSH) {
        if (lfs_buf_flush_file(fs, o->f)) {
            lfs_park(o, &fs->buf_waiters);
            return;
        }
        o->phase = STORE;
        lfs_changed(o->f);
        cut_extents(o->f, keep);
        if (keep > 0)
            lfs_tail_cut(o->f, keep - 1, (uint32_t)(o->req->size % fs->super.block));
        o->f->size = o->req->size;
        o->f->mtime = port_now(o->fs->port);
    }
    if (store_newest(o))
        lfs_complete(o, FILE_OK);
}

void lfs_step_meta(struct lfs_op *o)
{
    static void (*const steps[FILE_OP_COUNT])(struct lfs_op *) = {
        [FILE_REMOVE] = step_remove,
        [FILE_SIZE] = step_set_size,
        [FILE_STAT] = step_stat,
        [FILE_CHANGE] = step_change,
    };
    if (o->req->op == FILE_FLUSH && o->f == NULL)
        step_sync_all(o);
    else if (o->req->op == FILE_FLUSH)
        step_sync(o);
    else if (o->req->op == FILE_HINT && o->req->hint == FILE_FORGET)
        step_forget(o);
    else if (o->req->op == FILE_HINT)
        lfs_complete(o, FILE_OK);
    else if (steps[o->req->op] == NULL)
        lfs_complete(o, FILE_UNSUPPORTED);
    else
        steps[o->req->op](o);
}
