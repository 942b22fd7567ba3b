/* test_lfs_power.c: the power of an I/O node fails at a device write, over the real drives and
 * their caches: a controller's write-back cache in front of an array or of a drive that reports
 * early.  A mount afterwards finds what lfs.h promises: what was synced is there, and of what was
 * not each sector has a content that it once had.
 *
 * A sector holds the number of the write that made it, so what may be read after a loss of power is
 * told from the log of writes alone.  A device write of the k-th to come below the cache chooses
 * the moment, a drawn part of 40 ms after it came: before, while and after it goes to the medium.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/disk.h"
#include "os/lfs/lfs.h"
#include "rig.h"
#include "sim/rng.h"
#include "tests/sample.h"

enum { FILES = 3, TURNS = 60, SECTOR = 512, SPAN = 96, NODE = 2, WRITES_MAX = 200 };
enum device { CACHE_OVER_DRIVE, CACHE_OVER_RAID3, CACHE_OVER_RAID5, DRIVE_THAT_REPORTS, DEVICES };

struct file {
    uint64_t handle; /* 0: not made for certain */
    bool tried;
    uint32_t sectors, safe_sectors; /* written; synced */
    uint32_t safe[SPAN];            /* the write of each sector that is synced; 0: none */
    uint32_t last[SPAN];
};
static const char *const names[FILES] = { "a", "b", "c" };

static struct world {
    struct rig r;
    struct port *port;
    struct port_thread *self;
    struct lfs *fs;
    enum file_status status;
    struct sim_rng g;
    struct file files[FILES];
    uint32_t writes; /* numbers given */
    struct {
        uint32_t file, from, to;
    } log[WRITES_MAX + 1];
    bool done, formatted, checked;
    /* the power */
    struct blkdev *top, *spied;
    const struct blkdev_ops *ops;
    struct blkdev_ops spy;
    uint64_t seen, at;
    sim_time later;
    struct sim_event off, on;
} w;

/* ---- the script ---- */

static void wait_for(const bool *done)
{
    while (!*done)
        port_thread_block(w.port, "the file system", 0);
}

static void mounted(void *arg, struct lfs *fs, enum file_status status)
{
    (void)arg;
    w.fs = fs;
    w.status = status;
    w.done = true;
    port_thread_wake(w.port, w.self);
}

static void on_done(struct file_req *r)
{
    *(bool *)r->arg = true;
    port_thread_wake(w.port, w.self);
}

static void act(struct file_req *r)
{
    bool done = false;
    r->done = on_done;
    r->arg = &done;
    file_submit(lfs_files(w.fs), r);
    wait_for(&done);
    cr_assert(r->status == FILE_OK || r->op == FILE_LOOKUP, "operation %d: %s", (int)r->op,
              file_status_name(r->status));
}

static void make(uint32_t i)
{
    struct file_req r;
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.name = names[i];
    w.files[i].tried = true;
    act(&r);
    w.files[i].handle = r.file;
}

static void write_some(uint32_t i)
{
    struct file *f = &w.files[i];
    uint32_t from = (uint32_t)sim_rng_below(&w.g, SPAN),
             n = 1 + (uint32_t)sim_rng_below(&w.g, SPAN - from), stamp = ++w.writes;
    static uint8_t bytes[SPAN * SECTOR];
    struct file_req r;
    cr_assert_leq(stamp, WRITES_MAX);
    memset(bytes, 0, sizeof bytes);
    for (uint32_t s = 0; s < n; s++)
        for (uint32_t k = 0; k < SECTOR; k += 4)
            memcpy(bytes + s * SECTOR + k, &stamp, 4);
    w.log[stamp].file = i;
    w.log[stamp].from = from;
    w.log[stamp].to = from + n;
    file_req_init(&r, FILE_WRITE, NULL, NULL);
    r.file = f->handle;
    file_range(&r, (uint64_t)from * SECTOR, (uint64_t)n * SECTOR);
    rope_add_bytes(&r.data, bytes, (size_t)n * SECTOR);
    act(&r);
    for (uint32_t s = from; s < from + n; s++)
        f->last[s] = stamp;
    f->sectors = from + n > f->sectors ? from + n : f->sectors;
}

static void sync(uint32_t i)
{
    struct file *f = &w.files[i];
    struct file_req r;
    file_req_init(&r, FILE_FLUSH, NULL, NULL);
    r.file = f->handle;
    act(&r);
    memcpy(f->safe, f->last, sizeof f->safe);
    f->safe_sectors = f->sectors;
}

static void script(void *arg)
{
    static const struct lfs_params p = { .block = 4096,
                                         .inode = 2048,
                                         .files = 8,
                                         .cache = 4,
                                         .dirty_fraction = 0.5,
                                         .read_ahead = 2,
                                         .max_io = 65536,
                                         .prealloc = 8,
                                         .flush_delay = SIM_SEC };
    (void)arg;
    w.self = port_thread_self(w.port);
    w.done = false;
    (void)lfs_format(w.port, 0, &p, mounted, NULL);
    wait_for(&w.done);
    cr_assert_eq(w.status, FILE_OK, "format: %s", file_status_name(w.status));
    w.formatted = true; /* from here on the power may fail */
    for (uint32_t t = 0; t < TURNS; t++) {
        uint32_t i = (uint32_t)sim_rng_below(&w.g, FILES);
        if (w.files[i].handle == 0)
            make(i);
        else if (sim_rng_below(&w.g, 4) == 0)
            sync(i);
        else
            write_some(i);
        if (sim_rng_below(&w.g, 6) == 0)
            port_thread_sleep(w.port, 200 * SIM_MS);
    }
}

/* ---- what is found ---- */

static void check_file(uint32_t i)
{
    const struct file *f = &w.files[i];
    static uint8_t bytes[SPAN * SECTOR];
    struct file_req r;
    file_req_init(&r, FILE_LOOKUP, NULL, NULL);
    r.name = names[i];
    act(&r);
    uint64_t handle = r.file;
    cr_assert(handle != 0 || f->handle == 0, "file %s is lost", names[i]);
    cr_assert(handle == 0 || f->tried);
    if (handle == 0)
        return;
    file_req_init(&r, FILE_READ, NULL, NULL);
    r.file = handle;
    file_range(&r, 0, sizeof bytes);
    act(&r);
    uint32_t sectors = (uint32_t)(r.moved / SECTOR);
    cr_assert_geq(sectors, f->safe_sectors, "file %s is shorter than it was synced", names[i]);
    rope_read(&r.data, 0, r.moved, bytes);
    rope_fini(&r.data);
    for (uint32_t s = 0; s < sectors; s++) {
        uint32_t stamp, end;
        memcpy(&stamp, bytes + s * SECTOR, 4);
        memcpy(&end, bytes + (s + 1) * SECTOR - 4, 4);
        cr_assert_eq(stamp, end, "file %s: sector %u is torn", names[i], s);
        cr_assert(stamp == f->safe[s] ||
                      (stamp > f->safe[s] && stamp <= w.writes && w.log[stamp].file == i &&
                       s >= w.log[stamp].from && s < w.log[stamp].to),
                  "file %s: sector %u has write %u, synced was %u", names[i], s, stamp, f->safe[s]);
    }
}

static void judge(void *arg)
{
    static const struct lfs_params p = {
        .cache = 4, .dirty_fraction = 0.5, .read_ahead = 2, .max_io = 65536
    };
    struct err e = ERR_INIT;
    (void)arg;
    w.self = port_thread_self(w.port);
    w.done = false;
    (void)lfs_mount(w.port, 0, &p, mounted, NULL);
    wait_for(&w.done);
    if (w.status == FILE_BLANK) { /* the superblock goes with the first file */
        for (uint32_t i = 0; i < FILES; i++)
            cr_assert_eq(w.files[i].handle, 0, "nothing is left");
        w.checked = true;
        return;
    }
    cr_assert_eq(w.status, FILE_OK, "mount: %s", file_status_name(w.status));
    cr_assert(lfs_check(w.fs, &e), "%s", e.text);
    for (uint32_t i = 0; i < FILES; i++)
        check_file(i);
    w.checked = true;
}

static void boot(struct port *p, const struct os_layout *l)
{
    if (port_node(p) != l->io[0])
        return;
    w.port = p;
    bool first = port_incarnation(p) == 1;
    cr_assert_not_null(port_thread_spawn(p, "script", first ? script : judge, NULL, 0));
}

/* ---- the power ---- */

static void power_off(struct sim *s, struct sim_event *e)
{
    (void)e;
    machine_crash(w.r.m, NODE);
    cr_assert(w.top->ops->fault(w.top, 0, &(struct disk_fault){ .kind = DISK_FAULT_POWER }));
    sim_after(s, &w.on, SIM_SEC);
}

static void power_on(struct sim *s, struct sim_event *e)
{
    (void)s;
    (void)e;
    machine_restart(w.r.m, NODE);
}

static void spied(struct blkdev *d, struct blk_req *r)
{
    if (r->op == BLK_WRITE && w.formatted && ++w.seen == w.at)
        sim_after(d->sim, &w.off, w.later);
    w.ops->submit(d, r);
}

static void device(struct rig *r, enum device kind)
{
    if (kind == DRIVE_THAT_REPORTS) {
        rig_set(r, "storage.cache.report", "all");
        return;
    }
    static const char *const below[] = { "disk", "raid3", "raid5" };
    rig_set(r, "storage.kind", "cache");
    rig_set(r, "storage.delay", "5ms");
    rig_set(r, "storage.device.kind", below[kind]);
}

/* False: the script ended before its at-th device write. */
static bool fails_at(enum device kind, uint64_t seed, uint64_t at)
{
    memset(&w, 0, sizeof w);
    rig_init(&w.r, 1, 3);
    rig_set_int(&w.r, "io_nodes", 1);
    device(&w.r, kind);
    rig_watch_leaks(false);
    rig_open(&w.r, boot);
    sim_rng_init_seed(&w.g, seed, "power");
    w.at = at;
    w.later = (sim_time)sim_rng_below(&w.g, (uint64_t)(40 * SIM_MS));
    w.top = w.spied = w.r.m->nodes[NODE].devs[0];
    if (kind != DRIVE_THAT_REPORTS)
        w.spied = w.top->ops->member(w.top, 0);
    w.ops = w.spied->ops;
    w.spy = *w.ops;
    w.spy.submit = spied;
    w.spied->ops = &w.spy;
    sim_event_init(&w.off, SIM_CLASS_SOFTWARE, power_off);
    sim_event_init(&w.on, SIM_CLASS_SOFTWARE, power_on);
    cr_assert_eq(rig_run(&w.r), SIM_END_IDLE);
    w.spied->ops = w.ops;
    bool failed = w.seen >= at;
    cr_assert_eq(w.checked, failed, "device %d, seed %llu, write %llu", (int)kind,
                 (unsigned long long)seed, (unsigned long long)at);
    rig_close(&w.r);
    rig_watch_leaks(true);
    return failed;
}

/* PSIM_POWER_STRIDE=1 (in scripts/soak-storage) takes every device write; else a seeded sample. */
Test(lfs_power, what_was_synced_outlives_a_loss_of_power_at_any_device_write, .timeout = 86400)
{
    const char *text = getenv("PSIM_POWER_STRIDE");
    uint64_t stride = text != NULL ? (uint64_t)atoi(text) : 9 * sample_one_in(),
             seeds = sample("PSIM_POWER_SEEDS", 1);
    for (int kind = 0; kind < DEVICES; kind++)
        for (uint64_t seed = 1; seed <= seeds; seed++) {
            uint64_t at = 1 + (seed * 5 + (uint64_t)kind * 3) % stride, runs = 0;
            for (; fails_at((enum device)kind, seed, at); at += stride)
                runs++;
            cr_assert_gt(runs * stride, 20, "device %d: %llu runs", kind, (unsigned long long)runs);
        }
}
