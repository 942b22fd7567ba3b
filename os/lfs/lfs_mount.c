/* lfs_mount.c: parameters, format, mount, and the check of the structures in memory. */
#include "os/lfs/lfs_internal.h"

#include <stdlib.h>
#include <string.h>

const struct param lfs_params_desc[] = {
    P_INT(lfs_params, device, "0", "0", "1000", "Which of the node's devices it is on."),
    P_SIZE(lfs_params, block, "64KiB", "512B", "16MiB",
           "Block of the I/O nodes' local file systems: the unit of allocation and of the fast "
           "path; a multiple of the device's sector.",
           "PFS on UFS with 64 KB blocks; as recalled, no document at hand"),
    P_SIZE(lfs_params, fragment, "0B", "0B", "16MiB",
           "Part of a block that the end of a small file takes in place of a whole one, as in FFS: "
           "the block is up to 64 of them, each of whole sectors; 0: none.",
           "McKusick et al. 1984: 1 of 2, 4 or 8; PFS on UFS: no document at hand"),
    P_SIZE(lfs_params, inode, "64KiB", "512B", "1MiB",
           "Size of an inode's record on the device, one block at most; it bounds the extents of a "
           "file: a range that is written out of order has an extent for each gap meanwhile.",
           "ASSUMED(room for 4,086 extents: hundreds of writers of one file)"),
    P_INT(
        lfs_params, files, "16", "1", "16777216",
        "Files that a local file system can hold; a format makes room for those that the workload "
        "says it makes, if they are more.",
        "ASSUMED(a few; a mount reads all records)"),
    P_INT(lfs_params, cache, "64", "1", "65536", "Block buffers of the buffered path.",
          "ASSUMED(4 MiB of an I/O node's 16 to 32 MB)"),
    P_INT(lfs_params, read_ahead, "4", "0", "1024",
          "Blocks fetched ahead of each sequential buffered reader.",
          "ASSUMED(the next cluster, after McVoy & Kleiman 1991)"),
    BLOCKS_PARAMS(lfs_params),
    P_KIND(lfs_params, read_ahead_policy, "neighbour", file_read_aheads,
           "After which reads blocks are fetched ahead."),
    P_SIZE(lfs_params, max_io, "1MiB", "512B", "256MiB",
           "Largest device request: consecutive blocks are coalesced up to it.",
           "ASSUMED(no published limit)"),
    P_INT(lfs_params, queue, "0", "0", "65536",
          "Requests for data that the device has at a time. Others wait in the file system, in the "
          "order of the device, and neighbours among them go as one, up to `max_io`, whosever they "
          "are; 0: the device gets each at once, and none is put together with another's."),
    P_INT(lfs_params, prealloc, "64", "0", "1048576",
          "Blocks set aside behind a file that grows, so that it stays contiguous.",
          "ASSUMED(4 MiB)"),
    P_INT(
        lfs_params, gap, "0", "0", "64",
        "Blocks left out behind each block of a file, for the next one of it to be still ahead of "
        "the arm when it is asked for, as FFS's rotdelay has it; nothing is set aside then, and "
        "each block is an extent of its record.",
        "McKusick et al. 1984; 0: McVoy & Kleiman 1991"),
    P_TIME(lfs_params, flush_delay, "1s", "1us", "1h",
           "A delayed write or a changed inode goes to the device at the latest so long after.",
           "ASSUMED(UNIX update used 30 s; shorter bounds what a crash loses)"),
    P_BOOL(lfs_params, buffered, "false",
           "Send whole blocks through the buffer cache too, with read-ahead and delayed writes.",
           "PFS default: buffering off; as recalled, no document at hand"),
    P_BOOL(lfs_params, fsck, "false",
           "A mount has superblock and records checked from outside first, and does not mount a "
           "file system with findings: each is a remark of the run."),
    P_BOOL(lfs_params, scattered, "false",
           "Put each new block anywhere on the device, as on one that has grown old: for studies "
           "of the order of requests.",
           "Kotz 1994, random-blocks layout"),
    P_END,
};

static int by_inode(const void *a, const void *b)
{
    const struct lfs_file *x = *(struct lfs_file *const *)a, *y = *(struct lfs_file *const *)b;
    return (x->ino > y->ino) - (x->ino < y->ino);
}

/* Records go in the order of the table. */
static void flush_tick(struct port_timer *t)
{
    struct lfs *fs = t->arg;
    uint32_t n = 0;
    blocks_write_some(&fs->store, UINT32_MAX);
    LIST_EACH (l, &fs->changed)
        n++;
    struct lfs_file **all = n > 0 ? port_alloc(fs->port, n * sizeof(struct lfs_file *)) : NULL;
    n = 0;
    LIST_EACH (l, &fs->changed) {
        struct lfs_file *f = LIST_ENTRY(l, struct lfs_file, changed);
        if ((f->used || !list_empty(&f->doubt)) && !f->removing)
            all[n++] = f;
    }
    if (n > 0)
        qsort(all, n, sizeof(struct lfs_file *), by_inode);
    for (uint32_t i = 0; i < n; i++)
        lfs_store(all[i], all[i]->used);
    port_free(fs->port, all);
    lfs_run(fs);
}

static uint64_t table_bytes(const struct lfs_super *s)
{
    return 2 * (uint64_t)s->files * s->inode;
}

static uint32_t table_end(const struct lfs_super *s)
{
    uint64_t blocks = (table_bytes(s) + s->block - 1) / s->block;
    return blocks < UINT32_MAX ? 1 + (uint32_t)blocks : UINT32_MAX;
}

const struct counter lfs_counters[] = {
    C_SUM(lfs, counts, fast_bytes, "B", "Bytes that went between device and caller uncopied."),
    C_SUM(lfs, counts, copied_bytes, "B", "Bytes copied to or from buffers."),
    C_SUM(lfs, counts, device_reads, "1", "Requests to the device that read."),
    C_SUM(lfs, counts, device_writes, "1", "Requests to the device that wrote."),
    C_SUM(lfs, counts, coalesced, "1", "Requests for data that went in another's device request."),
    C_SUM(lfs, counts, buffer_hits, "1", "Pieces of reads that a buffer had."),
    C_MOST(lfs, counts, used, "B", "Space of a device that files had at most, tables left out."),
    C_NOW(lfs, counts, fragments, "1", "Fragments that the ends of small files lie in."),
    COUNTER(COUNTER_SUM, "buffer_misses", lfs, store.counts.fetched, "1",
            "Blocks that had to be read into a buffer."),
    C_END,
};

static struct lfs *lfs_new(struct port *p, uint32_t dev, const struct lfs_params *params)
{
    struct lfs *fs = port_alloc(p, sizeof *fs);
    fs->sys = (struct file_sys){ .ops = &file_lfs, .port = p };
    fs->port = p;
    fs->dev = dev;
    fs->params = *params;
    lfs_buf_init(fs);
    list_init(&fs->held);
    lfs_run_init(fs);
    port_timer_init(p, &fs->flush_timer, flush_tick, fs);
    return fs;
}

/* Its superblock is known. */
static void lfs_sized(struct lfs *fs, const struct lfs_super *super,
                      const struct port_blk_info *info)
{
    struct port *p = fs->port;
    fs->super = *super;
    fs->sector_bytes = info->sector_bytes;
    fs->volatile_writes = info->volatile_writes;
    fs->block_sectors = super->block / info->sector_bytes;
    fs->first_data = table_end(super);
    fs->max_io_blocks = (uint32_t)(fs->params.max_io / super->block);
    if (fs->max_io_blocks == 0)
        fs->max_io_blocks = 1;
    lfs_buf_sized(fs);
    fs->record_extents = (super->inode - LFS_RECORD_HEADER) / LFS_EXTENT_BYTES;
    fs->frags = super->block / super->fragment;
    fs->free_from = fs->frag_at = fs->first_data;
    fs->map = port_alloc(p, ((uint64_t)super->blocks * fs->frags / 64 + 2) * sizeof *fs->map);
    lfs_map_give(fs, fs->first_data, super->blocks - fs->first_data);
    lfs_name_init(fs);
    port_counters(p, "lfs", lfs_counters, fs);
}

/* ---- format and mount ---- */

struct mounting {
    struct port_io io;
    struct port_blk_info info;
    struct lfs_super super;
    struct lfs *fs;
    uint32_t block;                       /* of the inode table, being read */
    enum { MOUNT, OR_FORMAT, LOOK } what; /* of a blank device: refuse it, format it; only look */
    struct lfs_file *dead;                /* whose record is being written */
    uint8_t *image;                       /* for fsck: all before the data; or NULL */
    lfs_mounted_fn *done;
    void *arg;
};

/* Nothing is on the device yet: its superblock, or the mount's first read, is the next step. */
static struct mounting *mounting_new(struct lfs *fs, lfs_mounted_fn *done, void *arg)
{
    struct mounting *m = port_alloc(fs->port, sizeof *m);
    m->fs = fs;
    m->done = done;
    m->arg = arg;
    if (fs->dev < port_blk_count(fs->port))
        port_blk_describe(fs->port, fs->dev, &m->info);
    m->io.arg = m;
    rope_init(&m->io.data);
    return m;
}

static void finish(struct mounting *m, enum file_status status)
{
    lfs_mounted_fn *done = m->done;
    void *arg = m->arg;
    struct lfs *fs = m->fs;
    rope_fini(&m->io.data);
    port_free(fs->port, m->image);
    port_free(fs->port, m);
    done(arg, fs, status);
    lfs_opened(fs, status);
}

static void step(struct mounting *m, void (*next)(struct port_io *io))
{
    m->io.done = next;
    port_work(m->fs->port, PORT_WORK_IO, 1);
    port_blk_submit(m->fs->port, m->fs->dev, &m->io);
}

static bool sizes_fit(const struct lfs_super *s, uint64_t sectors, uint32_t sector)
{
    return s->block % sector == 0 && s->inode % sector == 0 && s->block % s->inode == 0 &&
           s->block > 0 && s->fragment > 0 && s->fragment % sector == 0 &&
           s->block % s->fragment == 0 && s->block / s->fragment <= LFS_FRAGS_MAX &&
           s->inode >= LFS_RECORD_HEADER + LFS_EXTENT_BYTES &&
           s->blocks <= sectors / (s->block / sector) && table_end(s) < s->blocks &&
           sector >= LFS_SUPER_BYTES;
}

static void formatted(struct port_io *io)
{
    struct mounting *m = io->arg;
    if (io->status == PORT_IO_OK) {
        lfs_sized(m->fs, &m->super, &m->info);
        m->fs->written = 1; /* the superblock */
    }
    finish(m, io->status == PORT_IO_OK ? FILE_OK : FILE_IO_ERROR);
}

static struct lfs_super super_of(const struct lfs_params *params, uint64_t sectors,
                                 uint32_t sector_bytes)
{
    uint64_t blocks = sectors * sector_bytes / (uint64_t)params->block;
    return (struct lfs_super){
        .block = (uint32_t)params->block,
        .inode = (uint32_t)(params->inode < params->block ? params->inode : params->block),
        .files = (uint32_t)params->files,
        .fragment = (uint32_t)(params->fragment > 0 ? params->fragment : params->block),
        .blocks = blocks < LFS_NO_BLOCK ? (uint32_t)blocks : LFS_NO_BLOCK - 1
    };
}

uint32_t lfs_room(const struct lfs_params *params, uint64_t sectors, uint32_t sector_bytes)
{
    struct lfs_super s = super_of(params, sectors, sector_bytes);
    return sizes_fit(&s, sectors, sector_bytes) ? s.blocks - table_end(&s) : 0;
}

uint64_t lfs_need(const struct lfs_params *params, uint64_t files, uint64_t bytes)
{
    uint64_t block = (uint64_t)params->block, whole = bytes / block, rest = bytes % block;
    uint64_t fragment = params->fragment > 0 ? (uint64_t)params->fragment : block;
    uint64_t share = rest > 0 ? block / fragment / ((rest + fragment - 1) / fragment) : 1;
    if (whole > UINT32_MAX || share == 0)
        return UINT64_MAX;
    if (whole >= LFS_TAIL_BLOCKS)
        share = 1;
    return files * whole + (rest > 0 ? (files + share - 1) / share : 0);
}

static void format(struct mounting *m)
{
    uint8_t image[LFS_SUPER_BYTES];
    m->super = super_of(&m->fs->params, m->info.sectors, m->info.sector_bytes);
    m->super.fsid = port_random(m->fs->port) | 1;
    if (!sizes_fit(&m->super, m->info.sectors, m->info.sector_bytes)) {
        finish(m, FILE_BAD_DEVICE);
        return;
    }
    lfs_super_store(image, &m->super);
    rope_add_bytes(&m->io.data, image, sizeof image);
    rope_add_zero(&m->io.data, m->info.sector_bytes - sizeof image);
    m->io.op = PORT_IO_WRITE;
    m->io.sectors = 1;
    step(m, formatted);
}

struct lfs *lfs_format(struct port *p, uint32_t dev, const struct lfs_params *params,
                       lfs_mounted_fn *done, void *arg)
{
    struct lfs *fs = lfs_new(p, dev, params);
    format(mounting_new(fs, done, arg));
    return fs;
}

static void load_record(struct lfs *fs, uint32_t ino, const uint8_t *image)
{
    struct lfs_record r;
    port_work(fs->port, PORT_WORK_CHECKSUM, fs->super.inode);
    if (!lfs_record_load(image, fs->super.inode, fs->super.fsid, &r) || r.ino != ino)
        return;
    struct lfs_file *f = ino < fs->file_room ? fs->files[ino] : NULL;
    if (f == NULL)
        f = lfs_file_new(fs, ino);
    else if (r.sequence <= f->sequence)
        return;
    f->sequence = r.sequence;
    f->generation = r.generation;
    f->kept.id = lfs_handle(f);
    f->used = r.used;
    f->size = r.size;
    f->in = r.parent;
    f->replaces = r.replaces;
    f->mode = r.mode;
    f->uid = r.uid;
    f->gid = r.gid;
    f->mtime = r.mtime;
    f->ctime = r.ctime;
    memcpy(f->name, r.name, sizeof f->name);
    memcpy(f->owner, r.owner, sizeof f->owner);
    f->ext_count = 0;
    for (uint32_t i = 0; i < r.extents; i++) {
        lfs_ext_set(f, lfs_record_extent(image, i));
    }
}

/* Takes the extents of all files off the free map; false when they contradict each other (LFS3). */
static bool claim_blocks(struct lfs *fs)
{
    for (uint32_t i = 0; i < fs->file_room; i++) {
        const struct lfs_file *f = fs->files[i];
        if (f == NULL)
            continue;
        for (uint32_t k = 0; k < f->ext_count; k++) {
            const struct lfs_extent *x = &f->ext[k];
            if (x->dev < fs->first_data || x->count > fs->super.blocks ||
                x->dev > fs->super.blocks - x->count || x->frag + x->frags > fs->frags ||
                !lfs_take(fs, x))
                return false;
            fs->counts.fragments += x->frags;
        }
    }
    return true;
}

/* Whom a rename has replaced is gone: its record says so before anything else is done. */
static void bury(struct mounting *m);

static void buried(struct port_io *io)
{
    struct mounting *m = io->arg;
    rope_fini(&io->data);
    if (io->status != PORT_IO_OK) {
        finish(m, FILE_IO_ERROR);
        return;
    }
    m->fs->written++;
    m->dead->used = false;
    m->dead->sequence++;
    m->dead->ext_count = 0;
    bury(m);
}

static void bury(struct mounting *m)
{
    struct lfs *fs = m->fs;
    struct lfs_file *f = lfs_next_file(fs, 0);
    for (m->dead = NULL; f != NULL && m->dead == NULL; f = lfs_next_file(fs, f->ino + 1))
        m->dead = f->replaces != 0 ? lfs_by_handle(fs, f->replaces) : NULL;
    if (m->dead == NULL) {
        finish(m, claim_blocks(fs) && lfs_name_link(fs) ? FILE_OK : FILE_CORRUPT);
        return;
    }
    m->dead->parent = fs->root;
    lfs_record_of(m->dead, false, &m->io.data);
    m->io.op = PORT_IO_WRITE;
    m->io.sector = lfs_record_sector(m->dead);
    m->io.sectors = fs->super.inode / fs->sector_bytes;
    step(m, buried);
}

static void found(void *arg, enum lfs_damage what, const char *text)
{
    const struct mounting *m = arg;
    struct lfs *fs = m->fs;
    (void)what;
    port_remark(fs->port, "device %u: %s", fs->dev, text);
    if (m->what == LOOK)
        port_fail(fs->port, "device %u: %s", fs->dev, text);
}

/* All before the data is in the image; true: it is damaged. */
static bool damaged(struct mounting *m)
{
    struct lfs *fs = m->fs;
    uint64_t n = (uint64_t)fs->first_data * fs->super.block;
    if (m->what == LOOK && m->image[0] == 0 && memcmp(m->image, m->image + 1, n - 1) == 0)
        return false; /* nobody has formatted it */
    bool bad = lfs_fsck(fs->port, m->image, n, found, m) > 0;
    if (m->what == LOOK && !bad)
        port_remark(fs->port, "device %u: its file system is whole", fs->dev);
    return bad;
}

static void unread(struct mounting *m, const char *what)
{
    if (m->what == LOOK)
        found(m, LFS_BAD_RECORD, what);
    finish(m, FILE_IO_ERROR);
}

static void read_table(struct mounting *m);

static void table_read(struct port_io *io)
{
    struct mounting *m = io->arg;
    struct lfs *fs = m->fs;
    uint32_t size = fs->super.inode, per_block = fs->super.block / size;
    if (io->status != PORT_IO_OK) {
        unread(m, "its inode table cannot be read");
        return;
    }
    uint8_t *image = port_alloc(fs->port, size);
    for (uint64_t off = 0; off < io->data.length; off += size) {
        uint64_t slot = (uint64_t)(m->block - 1) * per_block + off / size;
        if (slot / 2 >= fs->super.files)
            break;
        rope_read(&io->data, off, size, image);
        load_record(fs, (uint32_t)(slot / 2), image);
    }
    port_free(fs->port, image);
    if (m->image != NULL)
        rope_read(&io->data, 0, io->data.length, m->image + (uint64_t)m->block * fs->super.block);
    m->block += (uint32_t)(io->data.length / fs->super.block);
    rope_fini(&io->data);
    if (m->block < fs->first_data)
        read_table(m);
    else if ((m->image != NULL && damaged(m)) || m->what == LOOK)
        finish(m, FILE_CORRUPT);
    else
        bury(m);
}

static void read_table(struct mounting *m)
{
    struct lfs *fs = m->fs;
    uint32_t n = fs->first_data - m->block;
    if (n > fs->max_io_blocks)
        n = fs->max_io_blocks;
    m->io.sector = (uint64_t)m->block * fs->block_sectors;
    m->io.sectors = n * fs->block_sectors;
    step(m, table_read);
}

static void super_read(struct port_io *io)
{
    struct mounting *m = io->arg;
    uint8_t image[LFS_SUPER_BYTES] = { 0 };
    static const uint8_t blank[LFS_SUPER_BYTES];
    if (io->status != PORT_IO_OK) {
        unread(m, "its superblock cannot be read");
        return;
    }
    rope_read(&io->data, 0, sizeof image, image);
    rope_fini(&io->data);
    bool none = memcmp(image, blank, sizeof image) == 0;
    bool good = lfs_super_load(image, &m->super);
    if (!good && m->what == LOOK) /* what the records behind it were made by */
        m->super = super_of(&m->fs->params, m->info.sectors, m->info.sector_bytes);
    if (none && m->what == OR_FORMAT) {
        format(m);
    } else if (none && m->what == MOUNT) {
        finish(m, FILE_BLANK);
    } else if ((!good && m->what != LOOK) ||
               !sizes_fit(&m->super, m->info.sectors, m->info.sector_bytes)) {
        if (good && m->what == LOOK)
            found(m, LFS_BAD_SUPER, "its superblock is another device's");
        finish(m, FILE_CORRUPT);
    } else {
        lfs_sized(m->fs, &m->super, &m->info);
        m->block = 1;
        if (m->fs->params.fsck || m->what == LOOK) {
            m->image = port_alloc(m->fs->port, (uint64_t)m->fs->first_data * m->super.block);
            memcpy(m->image, image, sizeof image);
        }
        read_table(m);
    }
}

static struct lfs *mount(struct lfs *fs, unsigned what, lfs_mounted_fn *done, void *arg)
{
    struct mounting *m = mounting_new(fs, done, arg);
    m->what = what;
    m->io.sectors = 1;
    if (m->info.sector_bytes < LFS_SUPER_BYTES)
        finish(m, FILE_BAD_DEVICE);
    else
        step(m, super_read);
    return fs;
}

struct lfs *lfs_mount(struct port *p, uint32_t dev, const struct lfs_params *params,
                      lfs_mounted_fn *done, void *arg)
{
    return mount(lfs_new(p, dev, params), MOUNT, done, arg);
}

static void started(void *arg, struct lfs *fs, enum file_status status)
{
    (void)arg;
    if (status != FILE_OK)
        port_remark(fs->port, "its file system does not mount: %s", file_status_name(status));
}

struct lfs *lfs_start(struct port *p, const struct lfs_params *params)
{
    return mount(lfs_new(p, (uint32_t)params->device, params), OR_FORMAT, started, NULL);
}

/* ---- as a layer ---- */

static bool check(const void *params, const struct os_boot *b, const char *path, struct err *e)
{
    const struct lfs_params *p = params;
    int64_t sector = 0; /* the shortest of the machine */
    for (uint32_t i = 0; p->fragment > 0 && i < b->layout->nodes; i++) {
        int64_t own = os_disk(b->layout, i).sector_bytes;
        sector = own > 0 && (sector == 0 || own < sector) ? own : sector;
    }
    sector = sector > 0 ? sector : 1;
    return p->fragment == 0 ||
           (p->block % p->fragment == 0 && p->block / p->fragment <= LFS_FRAGS_MAX &&
            p->fragment % sector == 0) ||
           err_set(e,
                   "%s: lfs.fragment is %lld bytes: a block, of %lld, is a whole number of them, "
                   "at most %d, and each is of whole sectors of %lld",
                   path, (long long)p->fragment, (long long)p->block, LFS_FRAGS_MAX,
                   (long long)sector);
}

/* A device has one file system, whoever starts it: where the node keeps it.  NULL: the node has no
 * such device.  `p` becomes what the node's is made by. */
static struct file_sys **on_device(const struct file_boot *b, struct lfs_params *p)
{
    struct os_node *n = b->node;
    uint32_t files = n->boot->files * (b->each > 0 ? b->each : 1);
    if (p->device >= port_blk_count(n->port))
        return NULL;
    if (n->on_device == NULL)
        n->on_device = port_alloc(n->port, port_blk_count(n->port) * sizeof(struct file_sys *));
    if (files > p->files)
        p->files = files;
    return &n->on_device[p->device];
}

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    struct os_node *n = b->node;
    struct lfs_params p = *(const struct lfs_params *)params;
    struct file_sys **at = on_device(b, &p);
    (void)below;
    if (at == NULL)
        return &lfs_start(n->port, &p)->sys;
    if (*at == NULL)
        *at = &lfs_start(n->port, &p)->sys;
    return *at;
}

static void looked(void *arg, struct lfs *fs, enum file_status status)
{
    (void)arg, (void)fs, (void)status;
}

static void look(const struct file_boot *b, const void *params)
{
    struct os_node *n = b->node;
    struct lfs_params p = *(const struct lfs_params *)params;
    struct file_sys **at = on_device(b, &p);
    if (at != NULL && *at == NULL)
        *at = &mount(lfs_new(n->port, (uint32_t)p.device, &p), LOOK, looked, NULL)->sys;
}

static void submit(struct file_sys *s, struct file_req *r)
{
    static void (*const steps[FILE_OP_COUNT])(struct lfs_op *) = {
        [FILE_READ] = lfs_step_read,   [FILE_WRITE] = lfs_step_write, [FILE_CREATE] = lfs_step_name,
        [FILE_LOOKUP] = lfs_step_name, [FILE_LIST] = lfs_step_name,   [FILE_RENAME] = lfs_step_name,
    };
    bool ahead = r->op == FILE_HINT && r->hint == FILE_WILL_READ;
    bool advice = r->op == FILE_HINT && r->hint > FILE_FORGET && r->hint <= FILE_PROGRAM;
    lfs_begin(CONTAINER_OF(s, struct lfs, sys), r,
              ahead                  ? lfs_step_hint
              : advice               ? lfs_step_advise
              : steps[r->op] != NULL ? steps[r->op]
                                     : lfs_step_meta);
}

static uint64_t buffers(const void *params)
{
    const struct lfs_params *p = params;
    return (uint64_t)p->cache * (uint64_t)p->block;
}

static int64_t device(const void *params)
{
    return ((const struct lfs_params *)params)->device;
}

const struct file_ops file_lfs = {
    .kind = { .name = "lfs",
              .doc = "The bottom: extents on a device of the node, formatted where it is blank.",
              .params = lfs_params_desc,
              .params_size = sizeof(struct lfs_params) },
    .bottom = true,
    .device = device,
    .buffers = buffers,
    .check = check,
    .start = start,
    .submit = submit,
    .look = look,
};

struct file_sys *lfs_files(struct lfs *fs)
{
    return &fs->sys;
}

/* ---- reports ---- */

void lfs_usage(const struct lfs *fs, struct lfs_usage *out)
{
    *out = (struct lfs_usage){ .block = fs->super.block,
                               .blocks = fs->super.blocks,
                               .free_blocks = fs->free_count + fs->reserved,
                               .reserved = fs->reserved,
                               .fragment = fs->super.fragment,
                               .free_fragments = fs->frag_free,
                               .fragments = fs->counts.fragments };
    for (uint32_t i = 0; i < fs->file_room; i++)
        out->files += fs->files[i] != NULL && fs->files[i]->used;
}

/* Adds the fragments of `x`, its blocks' if it has no others, to *used; false: one is free. */
static bool check_used(const struct lfs *fs, const struct lfs_extent *x, uint64_t *used)
{
    uint64_t bits = UINT64_MAX >> (64 - (x->frags > 0 ? x->frags : fs->frags)) << x->frag;
    *used += x->frags > 0 ? x->frags : (uint64_t)x->count * fs->frags;
    for (uint32_t d = 0; d < x->count; d++)
        if ((lfs_map_bits(fs, x->dev + d) & bits) != 0)
            return false;
    return true;
}

static bool check_file(const struct lfs_file *f, uint64_t *used, struct err *e)
{
    const struct lfs *fs = f->fs;
    uint32_t end = 0;
    for (uint32_t k = 0; k < f->ext_count; k++) {
        const struct lfs_extent *x = &f->ext[k];
        if (x->count == 0 || x->blk < end)
            return err_set(e, "file '%s': extent %u is empty or out of order (LFSI2)", f->name, k);
        end = x->blk + x->count;
        if (!check_used(fs, x, used))
            return err_set(e, "file '%s': part of extent %u is free (LFSI1)", f->name, k);
        if (x->frags > 0 && (!x->written || x->count != 1 || x->frags >= fs->frags))
            return err_set(e, "file '%s': extent %u is in %u fragments (LFSI9)", f->name, k,
                           x->frags);
    }
    for (uint32_t k = 0; k < f->next_count; k++) {
        struct lfs_where w = lfs_where(f, f->next[k].blk);
        if (!check_used(fs, &f->next[k], used))
            return err_set(e, "file '%s': a next place is free (LFSI9)", f->name);
        if (w.frags > 0 && w.dev == f->next[k].dev && w.frag == f->next[k].frag)
            *used -= w.frags;
    }
    if (!f->used && f->ext_count + f->next_count > 0)
        return err_set(e, "inode %u is free and has blocks (LFSI1)", f->ino);
    for (uint32_t k = 0; k < f->cut_count; k++)
        if (!check_used(fs, &f->cut[k], used))
            return err_set(e, "file '%s': what was cut is free too early (LFSI5)", f->name);
    *used += (uint64_t)f->resv_count * fs->frags;
    if (f->ext_count + 2 * (f->kept.dirty + f->inflight) > fs->record_extents)
        return err_set(e, "file '%s': its record may not hold its extents (LFSI4)", f->name);
    return true;
}

bool lfs_check(const struct lfs *fs, struct err *e)
{
    uint64_t used = (uint64_t)fs->first_data * fs->frags, frags = 0;
    uint32_t file_dirty = 0, free_bits = 0, free_frags = 0;
    for (uint32_t i = 0; i < fs->file_room; i++) {
        if (fs->files[i] == NULL)
            continue;
        if (!check_file(fs->files[i], &used, e))
            return false;
        file_dirty += fs->files[i]->kept.dirty;
        for (uint32_t k = 0; k < fs->files[i]->ext_count; k++)
            frags += fs->files[i]->ext[k].frags;
    }
    for (uint32_t d = 0; d < fs->super.blocks; d++)
        if (lfs_map_free(fs, d))
            free_bits++;
        else
            free_frags += (uint32_t)__builtin_popcountll(lfs_map_bits(fs, d));
    used += (uint64_t)free_bits * fs->frags + free_frags;
    if (free_bits != fs->free_count || free_frags != fs->frag_free ||
        frags != fs->counts.fragments || used != (uint64_t)fs->super.blocks * fs->frags)
        return err_set(e,
                       "%u blocks and %u fragments are free, %llu fragments used or free of %u "
                       "blocks (LFSI1)",
                       free_bits, free_frags, (unsigned long long)used, fs->super.blocks);
    LIST_EACH (l, &fs->store.used) {
        const struct block *b = LIST_ENTRY(l, struct block, used);
        if (b->valid.count > 0 && !block_set_has(&b->valid, 0, fs->super.block))
            return err_set(e, "a buffer is valid in part (LFSI6)");
    }
    return blocks_check(&fs->store, file_dirty, e);
}
