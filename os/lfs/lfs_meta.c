/* lfs_meta.c: files and their records: create, remove, size, sync.
 *
 * A record goes to the device in one write to the slot that holds the older of the two records, so
 * at every moment one whole record is there.  A write that failed leaves its slot unknown: the next
 * record goes to the same slot again.
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
        lfs_map_give(f->fs, f->cut[i].dev, f->cut[i].count);
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
        if (f->cut_count > 0 && f->stored >= f->cut_version)
            give_cut(f);
        if (f->stored < f->version)
            lfs_arm_flush(fs);
    }
    while ((l = list_pop(&f->store_waiters)) != NULL) {
        if (io->status != PORT_IO_OK)
            LIST_ENTRY(l, struct lfs_req, wait)->status = LFS_IO_ERROR;
        list_push(&fs->ready, l);
    }
    rope_fini(&s->image);
    port_free(fs->port, s);
    lfs_run(fs);
}

void lfs_store(struct lfs_file *f, bool used)
{
    struct lfs *fs = f->fs;
    struct lfs_record r = { .fsid = fs->super.fsid,
                            .sequence = f->sequence + 1,
                            .ino = f->ino,
                            .generation = f->generation,
                            .used = used,
                            .size = used ? f->size : 0,
                            .extents = used ? f->ext_count : 0 };
    struct store *s = port_alloc(fs->port, sizeof *s);
    uint8_t *image = port_alloc(fs->port, fs->super.inode);
    uint64_t slot = 2 * (uint64_t)f->ino + (r.sequence & 1);
    ASSERT(!f->storing);
    f->storing = true;
    memcpy(r.name, f->name, sizeof r.name);
    memcpy(r.owner, f->owner, sizeof r.owner);
    lfs_record_store(image, fs->super.inode, &r, f->ext);
    port_work(fs->port, PORT_WORK_CHECKSUM, fs->super.inode);
    s->f = f;
    s->version = f->version;
    s->sector = fs->block_sectors + slot * (fs->super.inode / fs->sector_bytes);
    s->step = DATA_SAFE;
    s->io.done = store_done;
    s->io.arg = s;
    rope_init(&s->io.data);
    rope_init(&s->image);
    rope_add_bytes(&s->image, image, fs->super.inode);
    port_free(fs->port, image);
    (void)store_step(s);
}

void lfs_changed(struct lfs_file *f)
{
    f->version++;
    lfs_arm_flush(f->fs);
}

void lfs_arm_flush(struct lfs *fs)
{
    if (!port_timer_pending(&fs->flush_timer))
        port_timer_set(&fs->flush_timer, fs->params.flush_delay);
}

/* ---- names ---- */

static uint64_t handle_of(const struct lfs_file *f)
{
    return (uint64_t)f->generation << 32 | f->ino;
}

static struct lfs_file *by_name(struct lfs *fs, const char *name)
{
    struct lfs_file *found = NULL;
    uint32_t i = 0;
    while (i < fs->super.files && found == NULL) {
        struct lfs_file *f = fs->files[i++];
        found = f != NULL && f->used && strcmp(f->name, name) == 0 ? f : NULL;
    }
    port_work(fs->port, PORT_WORK_LOOKUP, i);
    return found;
}

uint64_t lfs_lookup(struct lfs *fs, const char *name)
{
    struct lfs_file *f = by_name(fs, name);
    return f != NULL && !f->creating ? handle_of(f) : 0;
}

bool lfs_stat(struct lfs *fs, uint64_t file, struct lfs_stat *out)
{
    uint32_t ino = (uint32_t)file;
    const struct lfs_file *f = ino < fs->super.files ? fs->files[ino] : NULL;
    if (f == NULL || !f->used || f->creating || handle_of(f) != file)
        return false;
    memcpy(out->name, f->name, sizeof out->name);
    memcpy(out->owner, f->owner, sizeof out->owner);
    out->size = f->size;
    out->blocks = lfs_file_blocks(f);
    out->extents = f->ext_count;
    return true;
}

uint64_t lfs_next(struct lfs *fs, uint64_t file)
{
    for (uint32_t i = file == 0 ? 0 : (uint32_t)file + 1; i < fs->super.files; i++)
        if (fs->files[i] != NULL && fs->files[i]->used && !fs->files[i]->creating)
            return handle_of(fs->files[i]);
    return 0;
}

struct lfs_file *lfs_file_new(struct lfs *fs, uint32_t ino)
{
    struct lfs_file *f = port_alloc(fs->port, sizeof *f);
    f->fs = fs;
    f->ino = ino;
    list_init(&f->active);
    list_init(&f->waiting);
    list_init(&f->store_waiters);
    fs->files[ino] = f;
    return f;
}

static void step_create(struct lfs_req *r)
{
    struct lfs *fs = r->fs;
    size_t n = strlen(r->name);
    struct lfs_file *f = by_name(fs, r->name);
    if (r->phase == 1) {
        f->creating = false;
        f->used = r->status == LFS_OK;
        lfs_complete(r, r->status);
        return;
    }
    r->file = 0;
    if (n == 0 || n > LFS_NAME_MAX) {
        lfs_complete(r, LFS_BAD_NAME);
    } else if (f != NULL && (f->creating || f->storing)) {
        lfs_park(r, &f->store_waiters); /* until it is certain whether the name is taken */
    } else if (f != NULL) {
        r->file = handle_of(f);
        lfs_complete(r, LFS_EXISTS);
    } else {
        uint32_t ino = 0;
        while (ino < fs->super.files && fs->files[ino] != NULL && fs->files[ino]->used)
            ino++;
        if (ino == fs->super.files) {
            lfs_complete(r, LFS_NO_INODE);
            return;
        }
        f = fs->files[ino] != NULL ? fs->files[ino] : lfs_file_new(fs, ino);
        f->used = f->creating = true;
        f->generation++;
        f->size = 0;
        f->next_read = 0;
        f->failed_write = false;
        memcpy(f->name, r->name, n + 1);
        memcpy(f->owner, r->owner, sizeof f->owner);
        r->file = handle_of(f);
        r->phase = 1;
        lfs_store(f, true);
        lfs_park(r, &f->store_waiters);
    }
}

static void removed(struct lfs_file *f)
{
    struct lfs *fs = f->fs;
    struct list *l;
    lfs_unreserve(f);
    for (uint32_t i = 0; i < f->ext_count; i++)
        lfs_map_give(fs, f->ext[i].dev, f->ext[i].count);
    f->ext_count = 0;
    f->used = false;
    f->version = f->stored;
    while ((l = list_pop(&f->waiting)) != NULL) {
        struct lfs_req *late = LIST_ENTRY(l, struct lfs_req, link);
        late->f = NULL;
        lfs_complete(late, LFS_NO_FILE);
    }
}

static void step_remove(struct lfs_req *r)
{
    struct lfs_file *f = r->f;
    if (r->phase == 1) {
        if (r->status == LFS_OK)
            removed(f);
        else
            lfs_changed(f); /* the failed write may have left the record of a removed file */
        lfs_complete(r, r->status);
        return;
    }
    if (r->status != LFS_OK) {
        lfs_complete(r, r->status);
        return;
    }
    struct lfs_buf *b = lfs_buf_drop_range(r->fs, f, 0);
    if (b != NULL) {
        lfs_park(r, &b->waiters);
        return;
    }
    if (!f->storing) {
        r->phase = 1;
        lfs_store(f, false);
    }
    lfs_park(r, &f->store_waiters);
}

/* ---- sync ---- */

/* True when the newest record is on the device; else the request waits for it. */
static bool store_newest(struct lfs_req *r)
{
    if (r->f->stored >= r->f->version)
        return true;
    if (!r->f->storing)
        lfs_store(r->f, true);
    lfs_park(r, &r->f->store_waiters);
    return false;
}

static void sync_flushed(struct port_io *io)
{
    struct lfs_req *r = io->arg;
    struct lfs *fs = r->fs;
    port_work(fs->port, PORT_WORK_INTERRUPT, 1);
    flush_ended(fs, io);
    r->device_for += io->device_for;
    r->queued_for += io->queued_for;
    if (io->status != PORT_IO_OK)
        r->status = LFS_IO_ERROR;
    port_free(fs->port, io);
    list_push(&fs->ready, &r->wait);
    lfs_run(fs);
}

static void step_sync(struct lfs_req *r)
{
    enum { START, FLUSHED };
    if (r->phase == START && r->status == LFS_OK && lfs_buf_flush_file(r->fs, r->f)) {
        lfs_park(r, &r->fs->buf_waiters);
        return;
    }
    if (r->phase == START && r->status == LFS_OK && !store_newest(r))
        return;
    if (r->phase == START && r->status == LFS_OK && !lfs_safe(r->fs)) {
        struct port_io *io = port_alloc(r->fs->port, sizeof *io);
        r->phase = FLUSHED;
        io->done = sync_flushed;
        io->arg = r;
        rope_init(&io->data);
        flush(r->fs, io);
        return;
    }
    if (r->f->failed_write)
        r->status = LFS_IO_ERROR;
    r->f->failed_write = false;
    if (r->len > 0)
        lfs_buf_drop_idle(r->fs, r->f);
    lfs_complete(r, r->status);
}

static void sync_one_done(struct lfs_req *one)
{
    struct lfs_req *all = one->arg;
    if (one->status != LFS_OK && one->status != LFS_NO_FILE)
        all->status = one->status;
    port_free(all->fs->port, one);
    list_push(&all->fs->ready, &all->wait);
}

static void step_sync_all(struct lfs_req *r)
{
    struct lfs *fs = r->fs;
    r->end = lfs_next(fs, r->end);
    if (r->end == 0) {
        lfs_complete(r, r->status);
        return;
    }
    struct lfs_req *one = port_alloc(fs->port, sizeof *one);
    lfs_req_init(one, LFS_SYNC, sync_one_done, r);
    one->file = r->end;
    lfs_submit(fs, one);
}

/* ---- size ---- */

static void cut_extents(struct lfs_file *f, uint32_t from)
{
    struct lfs *fs = f->fs;
    for (uint32_t i = 0; i < f->ext_count; i++) {
        struct lfs_extent x = f->ext[i];
        if (x.blk + x.count <= from)
            continue;
        if (x.blk < from) {
            x.dev += from - x.blk;
            x.count -= from - x.blk;
        }
        f->cut = port_realloc(fs->port, f->cut, (f->cut_count + 1) * sizeof *f->cut);
        f->cut[f->cut_count++] = x;
    }
    lfs_ext_cut(f, from, LFS_NO_BLOCK);
    lfs_unreserve(f);
}

/* The bytes behind the new end must read as zero when the file grows again; false: it waits. */
static bool zero_tail(struct lfs_req *r)
{
    struct lfs *fs = r->fs;
    uint32_t block = fs->super.block, blk = (uint32_t)(r->len / block);
    uint32_t at = (uint32_t)(r->len % block);
    struct lfs_buf *b = lfs_buf_find(fs, r->f, blk);
    struct rope zero;
    if (at == 0 || (b == NULL && !lfs_where(r->f, blk).written))
        return true;
    if (b == NULL) {
        if (lfs_buf_fill(fs, r->f, blk, 1, r) > 0) {
            b = lfs_buf_find(fs, r->f, blk);
        } else {
            lfs_buf_flush_oldest(fs);
            lfs_park(r, &fs->buf_waiters);
            return false;
        }
    }
    if (b->reading) {
        lfs_park(r, &b->waiters);
        return false;
    }
    rope_init(&zero);
    rope_add_zero(&zero, block - at);
    lfs_buf_modify(fs, b, at, &zero, 0, block - at);
    rope_fini(&zero);
    return true;
}

static void grow(struct lfs_req *r)
{
    uint32_t block = r->fs->super.block;
    enum lfs_status s = lfs_alloc(r->f, 0, (uint32_t)((r->len + block - 1) / block));
    if (s == LFS_OK && r->len != r->f->size) {
        r->f->size = r->len;
        lfs_changed(r->f);
    }
    lfs_complete(r, s);
}

static void step_set_size(struct lfs_req *r)
{
    struct lfs *fs = r->fs;
    uint32_t keep = (uint32_t)((r->len + fs->super.block - 1) / fs->super.block);
    enum { START, DROP, FLUSH, STORE };
    if (r->phase == START && r->len >= r->f->size) {
        grow(r);
        return;
    }
    if (r->status != LFS_OK) {
        lfs_complete(r, r->status);
        return;
    }
    if (r->phase == START) {
        if (!zero_tail(r))
            return;
        r->phase = DROP;
    }
    if (r->phase == DROP) {
        struct lfs_buf *b = lfs_buf_drop_range(fs, r->f, keep);
        if (b != NULL) {
            lfs_park(r, &b->waiters);
            return;
        }
        r->phase = FLUSH;
    }
    if (r->phase == FLUSH) {
        if (lfs_buf_flush_file(fs, r->f)) {
            lfs_park(r, &fs->buf_waiters);
            return;
        }
        r->phase = STORE;
        cut_extents(r->f, keep);
        r->f->size = r->len;
        lfs_changed(r->f);
        r->f->cut_version = r->f->version;
    }
    if (store_newest(r))
        lfs_complete(r, LFS_OK);
}

void lfs_step_meta(struct lfs_req *r)
{
    switch (r->op) {
    case LFS_CREATE:
        step_create(r);
        break;
    case LFS_REMOVE:
        step_remove(r);
        break;
    case LFS_SET_SIZE:
        step_set_size(r);
        break;
    case LFS_SYNC:
        if (r->f == NULL)
            step_sync_all(r);
        else
            step_sync(r);
        break;
    default:
        ASSERT(false);
    }
}
