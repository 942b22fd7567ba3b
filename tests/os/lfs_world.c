/* lfs_world.c: see lfs_world.h. */
#include "tests/os/lfs_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct lfs_params lfs_world_params(void)
{
    return (struct lfs_params){ .block = 2048,
                                .inode = 1024,
                                .files = 8,
                                .cache = 4,
                                .dirty_fraction = 0.5,
                                .read_ahead = 2,
                                .max_io = 16384,
                                .prealloc = 8,
                                .flush_delay = SIM_SEC };
}

static void on_mounted(void *arg, struct lfs *fs, enum file_status status)
{
    struct lfs_world *w = arg;
    w->fs = fs;
    w->mounted = status;
    w->top = w->over != NULL ? w->over(w, w->node.port, lfs_files(fs))
             : w->keep == NULL
                 ? lfs_files(fs)
                 : file_keep.start(&(struct file_boot){ .node = &w->node }, w->keep, lfs_files(fs));
}

static void on_store(void *arg, enum file_status status)
{
    struct lfs_world *w = arg;
    w->mounted = status;
}

static void boot(struct port *p, void *arg)
{
    struct lfs_world *w = arg;
    w->fs = NULL;
    w->node = (struct os_node){ .port = p };
    w->mounted = FILE_STATUS_COUNT;
    if (w->store != NULL)
        w->vs = vst_start(p, w->store, !w->formatted, on_store, w);
    else if (w->formatted)
        w->fs = lfs_mount(p, 0, &w->params, on_mounted, w);
    else
        w->fs = lfs_format(p, 0, &w->params, on_mounted, w);
}

static enum port_io_status on_disk(void *arg, uint32_t node, uint32_t dev, const struct port_io *io,
                                   uint32_t *sectors)
{
    struct lfs_world *w = arg;
    (void)node;
    (void)dev;
    if (w->crashed) {
        *sectors = 0;
        return PORT_IO_ABORTED;
    }
    if (w->fail_count > 0 && (io->op == PORT_IO_WRITE ? w->fail_writes : w->fail_reads) &&
        io->sector < w->fail_to && io->sector + io->sectors > w->fail_from && w->fail_skip-- == 0) {
        w->fail_skip = 0;
        w->fail_count--;
        *sectors = 0;
        return PORT_IO_MEDIUM;
    }
    w->sectors += io->op == PORT_IO_WRITE ? io->sectors : 0;
    w->writes += io->op == PORT_IO_WRITE;
    w->crashed = io->op == PORT_IO_WRITE && w->writes == w->crash_at_write;
    w->flushes += io->op == PORT_IO_FLUSH;
    bool fails = (io->op == PORT_IO_WRITE && w->writes == w->fail_at_write) ||
                 (io->op == PORT_IO_FLUSH && w->flushes == w->fail_at_flush);
    if ((w->crashed || fails) && w->torn_sectors < *sectors)
        *sectors = w->torn_sectors;
    w->failed = w->failed || fails;
    return fails ? PORT_IO_MEDIUM : PORT_IO_OK;
}

static void settle_mount(struct lfs_world *w)
{
    while (w->mounted == FILE_STATUS_COUNT)
        cr_assert(fake_step(w->fake), "the mount never ended");
}

static void init(struct lfs_world *w, const struct fake_options *o)
{
    w->torn_sectors = UINT32_MAX;
    w->fake = fake_create(o);
    fake_on_disk(w->fake, on_disk, w);
    w->mounted = FILE_STATUS_COUNT;
    fake_boot(w->fake, 0, boot, w);
    settle_mount(w);
    cr_assert_eq(w->mounted, FILE_OK);
    w->formatted = true;
}

void lfs_world_init(struct lfs_world *w, const struct fake_options *o, const struct lfs_params *p)
{
    memset(w, 0, sizeof *w);
    w->params = *p;
    init(w, o);
}

void lfs_world_store(struct lfs_world *w, const struct fake_options *o, const struct vst_params *p)
{
    memset(w, 0, sizeof *w);
    w->store = p;
    init(w, o);
}

void lfs_world_keep(struct lfs_world *w, const struct fake_options *o, const struct lfs_params *p,
                    const struct file_keep_params *keep)
{
    memset(w, 0, sizeof *w);
    w->params = *p;
    w->keep = keep;
    init(w, o);
}

void lfs_world_over(struct lfs_world *w, const struct fake_options *o, const struct lfs_params *p,
                    struct file_sys *(*over)(struct lfs_world *w, struct port *p,
                                             struct file_sys *lfs))
{
    memset(w, 0, sizeof *w);
    w->params = *p;
    w->over = over;
    init(w, o);
}

void lfs_world_fini(struct lfs_world *w)
{
    fake_destroy(w->fake);
}

void lfs_world_restart(struct lfs_world *w)
{
    if (fake_up(w->fake, 0))
        fake_crash(w->fake, 0);
    w->crashed = false;
    w->crash_at_write = 0;
    w->mounted = FILE_STATUS_COUNT;
    fake_restart(w->fake, 0);
    settle_mount(w);
}

static void on_done(struct file_req *r)
{
    *(bool *)r->arg = true;
}

struct submit {
    struct lfs_world *w;
    struct file_req *r;
};

static void do_submit(struct port *p, void *arg)
{
    struct submit *s = arg;
    (void)p;
    file_submit(s->w->store != NULL ? vst_files(s->w->vs) : s->w->top, s->r);
}

static void start(struct lfs_world *w, struct file_req *r, bool *done)
{
    *done = false;
    r->done = on_done;
    r->arg = done;
    fake_call(w->fake, 0, do_submit, &(struct submit){ w, r });
}

static void finish(struct lfs_world *w, struct file_req *r, const bool *done)
{
    while (!*done && !w->crashed)
        cr_assert(fake_step(w->fake), "a request of kind %d never ended", (int)r->op);
    if (w->crashed) {
        r->status = FILE_STATUS_COUNT;
        rope_fini(&r->data);
    }
}

void lfs_world_do(struct lfs_world *w, struct file_req *r)
{
    bool done;
    start(w, r, &done);
    finish(w, r, &done);
    if (w->crashed)
        fake_crash(w->fake, 0);
}

bool lfs_world_do_all(struct lfs_world *w, struct file_req *r, uint32_t n)
{
    bool done[8], good = true;
    cr_assert_leq(n, ARRAY_LEN(done));
    for (uint32_t i = 0; i < n; i++)
        start(w, &r[i], &done[i]);
    for (uint32_t i = 0; i < n; i++) {
        finish(w, &r[i], &done[i]);
        good = good && r[i].status == FILE_OK;
    }
    if (w->crashed)
        fake_crash(w->fake, 0);
    return good;
}

enum file_status lfs_world_create(struct lfs_world *w, const char *name, uint64_t *file)
{
    struct file_req r;
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.name = name;
    lfs_world_do(w, &r);
    *file = r.file;
    return r.status;
}

enum file_status lfs_world_op(struct lfs_world *w, enum file_op op, uint64_t file, uint64_t len)
{
    struct file_req r;
    file_req_init(&r, op, NULL, NULL);
    r.file = file;
    r.size = len;
    lfs_world_do(w, &r);
    return r.status;
}

enum file_status lfs_world_write(struct lfs_world *w, uint64_t file, uint64_t off,
                                 const void *bytes, size_t n)
{
    struct file_req r;
    file_req_init(&r, FILE_WRITE, NULL, NULL);
    r.file = file;
    file_range(&r, off, n);
    rope_add_bytes(&r.data, bytes, n);
    lfs_world_do(w, &r);
    rope_fini(&r.data);
    return r.status;
}

enum file_status lfs_world_read(struct lfs_world *w, uint64_t file, uint64_t off, void *out,
                                size_t n, size_t *got)
{
    struct file_req r;
    file_req_init(&r, FILE_READ, NULL, NULL);
    r.file = file;
    file_range(&r, off, n);
    lfs_world_do(w, &r);
    if (r.status == FILE_OK) {
        cr_assert_eq(r.data.length, r.moved);
        rope_read(&r.data, 0, r.data.length, out);
        *got = r.data.length;
    }
    rope_fini(&r.data);
    return r.status;
}

uint64_t lfs_world_lookup(struct lfs_world *w, const char *name)
{
    struct file_req r;
    file_req_init(&r, FILE_LOOKUP, NULL, NULL);
    r.name = name;
    lfs_world_do(w, &r);
    cr_assert_eq(r.status, r.file != 0 ? FILE_OK : FILE_NO_FILE);
    return r.file;
}

void lfs_world_idle(struct lfs_world *w)
{
    (void)fake_run(w->fake, 0);
}

void lfs_world_check(struct lfs_world *w)
{
    struct err e = ERR_INIT;
    cr_assert(w->store != NULL ? vst_check(w->vs, &e) : lfs_check(w->fs, &e), "%s", e.text);
}

static char finding[128];

static void note(void *arg, enum vst_damage what, const char *text)
{
    (void)arg, (void)what;
    (void)snprintf(finding, sizeof finding, "%s", text);
}

struct look {
    const struct lfs_world *w;
    uint8_t *image;
    uint32_t findings, blocks, nodes;
};

static void look(struct port *p, void *arg)
{
    struct look *k = arg;
    struct port_blk_info info;
    port_blk_describe(p, 0, &info);
    k->image = port_alloc(p, info.sectors * info.sector_bytes);
    fake_disk_read(k->w->fake, 0, 0, 0, (uint32_t)info.sectors, k->image);
    k->findings = vst_fsck(p, k->image, info.sectors * info.sector_bytes, info.sector_bytes, note,
                           NULL, &k->blocks, &k->nodes);
    port_free(p, k->image);
}

void lfs_world_fsck(struct lfs_world *w, bool idle)
{
    struct look k = { .w = w };
    struct vst_usage u;
    lfs_world_check(w);
    if (w->store == NULL)
        return; /* its mount has looked */
    fake_call(w->fake, 0, look, &k);
    cr_assert_eq(k.findings, 0, "%s", finding);
    vst_usage(w->vs, &u);
    if (idle) {
        cr_assert_eq(u.free_blocks + k.blocks, u.blocks);
        cr_assert_eq(u.free_nodes + k.nodes, u.nodes);
    }
}

enum file_status lfs_world_named(struct lfs_world *w, struct file_req *r, enum file_op op,
                                 uint64_t dir, const char *name, uint32_t uid)
{
    file_req_init(r, op, NULL, NULL);
    r->dir = r->to_dir = dir;
    r->name = name;
    r->uid = r->gid = uid;
    lfs_world_do(w, r);
    return r->status;
}

enum file_status lfs_world_make_dir(struct lfs_world *w, uint64_t dir, const char *name,
                                    uint32_t mode, uint64_t *file)
{
    struct file_req r;
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.dir = dir;
    r.name = name;
    r.attr.mode = FILE_MODE_DIR | mode;
    lfs_world_do(w, &r);
    *file = r.file;
    return r.status;
}

enum file_status lfs_world_move(struct lfs_world *w, uint64_t dir, const char *name,
                                uint64_t to_dir, const char *to_name)
{
    struct file_req r;
    file_req_init(&r, FILE_RENAME, NULL, NULL);
    r.dir = dir;
    r.name = name;
    r.to_dir = to_dir;
    r.to_name = to_name;
    lfs_world_do(w, &r);
    return r.status;
}

uint64_t lfs_world_look(struct lfs_world *w, uint64_t dir, const char *name)
{
    struct file_req r;
    return lfs_world_named(w, &r, FILE_LOOKUP, dir, name, 0) == FILE_OK ? r.file : 0;
}

enum file_status lfs_world_drop(struct lfs_world *w, uint64_t file, uint32_t uid)
{
    struct file_req r;
    file_req_init(&r, FILE_REMOVE, NULL, NULL);
    r.file = file;
    r.uid = r.gid = uid;
    lfs_world_do(w, &r);
    return r.status;
}
