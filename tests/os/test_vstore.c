/* test_vstore.c: Vesta's store: versions under random requests on a device that is nearly full,
 * what checkpoints cost, device errors, names, and the look from outside (os/vesta/store.h).
 */
#include "os/vesta/store.h"
#include "os/xk/msg.h"
#include "tests/os/lfs_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 128, BLOCK = 512, SPAN = 24 * BLOCK };

static const struct vst_params small = { .block = BLOCK,
                                         .objects = 4,
                                         .cache = 6,
                                         .dirty_fraction = 0.5,
                                         .read_ahead = 2,
                                         .max_io = 4 * BLOCK,
                                         .flush_delay = SIM_SEC };

static struct fake_options options(uint64_t seed, uint64_t sectors)
{
    return (struct fake_options){ .nodes = 1,
                                  .disks = 1,
                                  .seed = seed,
                                  .order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                  .disk_cache = seed % 4 > 1,
                                  .sector_bytes = SECTOR,
                                  .disk_sectors = sectors };
}

static uint64_t draw_state;
static uint32_t draw(uint32_t n)
{
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33) % n;
}

/* ---- the look from outside ---- */

static uint8_t image[1 << 20];
static uint32_t found[VST_DAMAGES], named_blocks, named_nodes;
static uint64_t image_bytes;

static void note(void *arg, enum vst_damage what, const char *text)
{
    (void)arg;
    cr_assert_gt(strlen(text), 10);
    found[what]++;
}

static void look(struct port *p, void *arg)
{
    memset(found, 0, sizeof found);
    *(uint32_t *)arg =
        vst_fsck(p, image, image_bytes, SECTOR, note, NULL, &named_blocks, &named_nodes);
}

static uint32_t look_at_image(struct lfs_world *w)
{
    uint32_t n = 0;
    fake_call(w->fake, 0, look, &n);
    return n;
}

static void read_image(struct lfs_world *w, uint64_t sectors)
{
    image_bytes = sectors * SECTOR;
    fake_disk_read(w->fake, 0, 0, 0, (uint32_t)sectors, image);
}

/* Nothing is wrong, in memory or on the device, and nothing is lost: VSO3. */
static void check(struct lfs_world *w, uint64_t sectors)
{
    struct vst_usage u;
    lfs_world_check(w);
    lfs_world_idle(w);
    lfs_world_check(w);
    read_image(w, sectors);
    cr_assert_eq(look_at_image(w), 0);
    vst_usage(w->vs, &u);
    cr_assert_eq(u.free_blocks + named_blocks, u.blocks, "%u blocks are lost",
                 u.blocks - u.free_blocks - named_blocks);
    cr_assert_eq(u.free_nodes + named_nodes, u.nodes);
}

/* ---- versions ---- */

struct content {
    uint64_t number;
    size_t size;
    uint8_t bytes[SPAN];
};

struct object {
    uint64_t file;
    struct content v[3]; /* as in a record; number 0: there is none */
};

static void is(struct lfs_world *w, uint64_t file, const struct content *c)
{
    static uint8_t got[SPAN + 1];
    size_t n;
    cr_assert_eq(lfs_world_read(w, file, 0, got, sizeof got, &n), FILE_OK);
    cr_assert_eq(n, c->size, "%d bytes, not %d", (int)n, (int)c->size);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(got[i], c->bytes[i], "byte %d is %d, not %d", (int)i, got[i], c->bytes[i]);
}

static void cut(struct content *c, size_t size)
{
    if (size < c->size)
        memset(c->bytes + size, 0, c->size - size);
    c->size = size;
}

static enum file_status act_checkpoint(struct lfs_world *w, struct object *x)
{
    uint64_t newest = x->v[1].number, number = draw(3) == 0 ? 0 : newest + draw(3);
    struct content kept = { .number = 0 };
    enum file_status s = lfs_world_op(w, FILE_CHECKPOINT, x->file, number);
    for (int i = 1; number > 0 && i < 3; i++)
        if (kept.number == 0 && x->v[i].number > 0 && x->v[i].number < number)
            kept = x->v[i];
    x->v[1] = x->v[0];
    x->v[1].number = number > 0 ? number : newest + 1;
    x->v[2] = kept;
    return s;
}

static enum file_status act_rollback(struct lfs_world *w, struct object *x)
{
    uint32_t at = 1 + draw(2);
    uint64_t number = at == 1 && draw(2) ? 0 : x->v[at].number > 0 ? x->v[at].number : 99;
    enum file_status s = lfs_world_op(w, FILE_ROLLBACK, x->file, number);
    if (x->v[1].number == 0 || number == 99) {
        cr_assert_eq(s, FILE_NO_VERSION);
        return FILE_OK;
    }
    cr_assert_eq(s, FILE_OK);
    x->v[0] = x->v[at];
    if (at == 2) {
        x->v[1] = x->v[2];
        x->v[2].number = 0;
    }
    return s;
}

static enum file_status act(struct lfs_world *w, struct object *x)
{
    static uint8_t bytes[SPAN];
    uint32_t what = draw(20), off = draw(SPAN), n = 1 + draw(draw(2) ? 60 : 4000);
    enum file_status s;
    if (what < 12) {
        n = n < SPAN - off ? n : SPAN - off;
        for (uint32_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(1 + draw(255));
        s = lfs_world_write(w, x->file, off, bytes, n);
        if (s == FILE_OK) {
            memcpy(x->v[0].bytes + off, bytes, n);
            x->v[0].size = off + n > x->v[0].size ? off + n : x->v[0].size;
        }
        return s;
    }
    if (what < 14) {
        s = lfs_world_op(w, FILE_SIZE, x->file, off);
        if (s == FILE_OK)
            cut(&x->v[0], off);
        return s;
    }
    if (what < 16)
        return act_checkpoint(w, x);
    if (what < 18)
        return act_rollback(w, x);
    return lfs_world_op(w, FILE_FLUSH, what < 19 ? x->file : 0, 0);
}

/* VSO2 to VSO5; VSO4 here of a crash when all is on the device.  FILE_NO_SPACE does nothing
 * (VSO8). */
Test(vstore, versions_are_exact_on_a_device_that_is_nearly_full)
{
    static struct object x[3];
    uint32_t refused = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        uint64_t sectors = seed < 5 ? 360 : 2000;
        struct lfs_world w;
        struct fake_options o = options(seed, sectors);
        static const char *const names[] = { "a", "b", "c" };
        memset(x, 0, sizeof x);
        draw_state = seed;
        lfs_world_store(&w, &o, &small);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(lfs_world_create(&w, names[i], &x[i].file), FILE_OK);
        for (int t = 0; t < 400; t++) {
            enum file_status s = act(&w, &x[draw(3)]);
            cr_assert(s == FILE_OK || s == FILE_NO_SPACE, "%s", file_status_name(s));
            refused += s == FILE_NO_SPACE;
            if (t % 40 == 39) {
                if (t % 80 == 79) {
                    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, 0, 0), FILE_OK);
                    lfs_world_restart(&w);
                    cr_assert_eq(w.mounted, FILE_OK);
                }
                check(&w, sectors);
                for (int i = 0; i < 3; i++)
                    is(&w, x[i].file, &x[i].v[0]);
            }
        }
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, x[i].file, 0), FILE_OK);
            cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, x[i].file, 0), FILE_NO_FILE);
        }
        check(&w, sectors);
        cr_assert_eq(named_blocks, 0);
        lfs_world_fini(&w);
    }
    cr_assert_gt(refused, 20, "%u were refused", refused);
}

/* A root of one version is below that of another, which a mount reads before it. */
Test(vstore, a_tree_grows_above_what_a_checkpoint_names)
{
    static uint8_t bytes[20 * BLOCK];
    struct fake_options o = options(0, 600);
    struct lfs_world w;
    uint64_t a, b;
    static struct content c = { .size = BLOCK };
    memset(bytes, 1, sizeof bytes);
    memset(c.bytes, 1, BLOCK);
    lfs_world_store(&w, &o, &small);
    cr_assert_eq(lfs_world_create(&w, "b", &b), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, b, 0, bytes, BLOCK), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, b, 0), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "a", &a), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, BLOCK), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_CHECKPOINT, a, 0), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, b, 0), FILE_OK);
    lfs_world_restart(&w); /* the first free node is now before the root of a */
    cr_assert_eq(lfs_world_write(&w, a, 16 * BLOCK, bytes, 4 * BLOCK), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_OK);
    lfs_world_restart(&w);
    cr_assert_eq(w.mounted, FILE_OK, "%s", file_status_name(w.mounted));
    check(&w, 600);
    cr_assert_eq(lfs_world_op(&w, FILE_ROLLBACK, a, 0), FILE_OK);
    is(&w, a, &c);
    check(&w, 600);
    lfs_world_fini(&w);
}

/* ---- costs ---- */

static uint64_t count(struct lfs_world *w, const char *name)
{
    return fake_count(w->fake, 0, name);
}

/* VSO7: what a checkpoint writes follows the blocks that were changed. */
Test(vstore, a_checkpoint_costs_what_was_changed)
{
    enum { BLOCKS = 400 };
    static uint8_t bytes[BLOCKS * BLOCK], got[BLOCKS * BLOCK];
    struct vst_params p = small;
    struct fake_options o = options(0, 8000);
    struct lfs_world w;
    uint64_t file;
    size_t n;
    p.cache = 512;
    p.flush_delay = SIM_SEC * 1000;
    lfs_world_store(&w, &o, &p);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i / 3);
    cr_assert_eq(lfs_world_create(&w, "a", &file), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, file, 0, bytes, sizeof bytes), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_CHECKPOINT, file, 0), FILE_OK);
    for (uint32_t k = 0; k <= 256; k = k == 0 ? 1 : 2 * k) {
        uint64_t was[4] = { count(&w, "vesta_store.blocks_copied"),
                            count(&w, "vesta_store.nodes_written"),
                            count(&w, "vesta_store.device_writes"), w.writes };
        for (uint32_t i = 0; i < k; i++)
            cr_assert_eq(lfs_world_write(&w, file, i * BLOCK + 7, "change", 6), FILE_OK);
        cr_assert_eq(w.writes, was[3]);
        cr_assert_eq(lfs_world_op(&w, FILE_CHECKPOINT, file, 0), FILE_OK);
        cr_assert_eq(count(&w, "vesta_store.blocks_copied") - was[0], k);
        uint64_t nodes = count(&w, "vesta_store.nodes_written") - was[1];
        cr_assert_eq(nodes, k == 0 ? 0 : (k + 15) / 16 + (k + 255) / 256 + 1, "%d nodes for %d",
                     (int)nodes, (int)k);
        cr_assert_leq(count(&w, "vesta_store.device_writes") - was[2], 1 + k + nodes);
        for (uint32_t i = 0; i < k; i++)
            memcpy(bytes + i * BLOCK + 7, "change", 6);
    }
    for (uint32_t i = 0; i < 100; i++)
        cr_assert_eq(lfs_world_write(&w, file, i * BLOCK, "other", 5), FILE_OK);
    uint64_t writes = w.writes;
    cr_assert_eq(lfs_world_op(&w, FILE_ROLLBACK, file, 0), FILE_OK);
    cr_assert_eq(w.writes, writes + 1);
    cr_assert_eq(lfs_world_read(&w, file, 0, got, sizeof got, &n), FILE_OK);
    cr_assert_arr_eq(got, bytes, sizeof got);
    check(&w, 8000);
    lfs_world_fini(&w);
}

/* Blocks of one object that lie in a row are one request; two objects that grow by turns do not
 * mix. */
Test(vstore, objects_that_grow_by_turns_lie_in_stretches)
{
    struct vst_params p = small;
    struct fake_options o = options(0, 4000);
    struct lfs_world w;
    uint64_t file[2];
    static uint8_t bytes[BLOCK];
    p.cache = 4;
    lfs_world_store(&w, &o, &p);
    cr_assert_eq(lfs_world_create(&w, "a", &file[0]), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "b", &file[1]), FILE_OK);
    for (int i = 0; i < 64; i++)
        for (int k = 0; k < 2; k++)
            cr_assert_eq(lfs_world_write(&w, file[k], (uint64_t)i * BLOCK, bytes, BLOCK), FILE_OK);
    lfs_world_idle(&w);
    uint64_t reads = count(&w, "vesta_store.device_reads");
    static uint8_t got[64 * BLOCK];
    size_t n;
    lfs_world_restart(&w);
    reads = count(&w, "vesta_store.device_reads");
    cr_assert_eq(lfs_world_read(&w, file[1], 0, got, sizeof got, &n), FILE_OK);
    cr_assert_eq(n, sizeof got);
    reads = count(&w, "vesta_store.device_reads") - reads;
    cr_assert_leq(reads, 64 / 2 + 2, "%d reads", (int)reads); /* half of the cache at a time */
    lfs_world_fini(&w);
}

/* Readers in turn, each of its own stretch of an object: what the device has to do. */
Test(vstore, many_sequential_readers_each_find_their_blocks_read_ahead)
{
    struct vst_params p = small;
    struct fake_options o = options(0, 4000);
    struct lfs_world w;
    uint64_t file;
    static uint8_t bytes[128 * BLOCK], got[BLOCK];
    size_t n;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i / 5);
    for (uint32_t readers = 4; readers <= 8; readers += 4) {
        p.cache = readers == 4 ? 48 : 16;
        p.read_ahead = 4;
        lfs_world_store(&w, &o, &p);
        cr_assert_eq(lfs_world_create(&w, "a", &file), FILE_OK);
        cr_assert_eq(lfs_world_write(&w, file, 0, bytes, sizeof bytes), FILE_OK);
        cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, file, 0), FILE_OK);
        lfs_world_restart(&w);
        uint64_t reads = count(&w, "vesta_store.device_reads");
        for (uint32_t blk = 0; blk < 128 / readers; blk++)
            for (uint32_t i = 0; i < readers; i++) {
                uint64_t off = (uint64_t)(i * (128 / readers) + blk) * BLOCK;
                cr_assert_eq(lfs_world_read(&w, file, off, got, BLOCK, &n), FILE_OK);
                cr_assert_arr_eq(got, bytes + off, BLOCK);
            }
        reads = count(&w, "vesta_store.device_reads") - reads;
        uint64_t fetched = count(&w, "vesta_store.buffer_misses");
        cr_assert_leq(fetched, readers == 4 ? 148 : 140, "%d blocks for 128", (int)fetched);
        cr_assert_leq(reads, readers == 4 ? 60 : 110, "%d device reads", (int)reads);
        check(&w, 4000);
        lfs_world_fini(&w);
    }
}

/* ---- errors ---- */

/* VSO8: the n-th write of the device fails, once or for long. */
Test(vstore, after_a_failed_write_the_store_is_usable)
{
    for (uint32_t at = 0; at < 40; at++)
        for (uint32_t times = 1; times <= 3; times += 2) {
            static uint8_t a[4 * BLOCK], b[4 * BLOCK], got[8 * BLOCK];
            struct fake_options o = options(at, 600);
            struct lfs_world w;
            uint64_t file, other;
            size_t n;
            bool failed = false;
            memset(a, 1, sizeof a);
            memset(b, 2, sizeof b);
            lfs_world_store(&w, &o, &small);
            cr_assert_eq(lfs_world_create(&w, "a", &file), FILE_OK);
            cr_assert_eq(lfs_world_write(&w, file, 0, a, sizeof a), FILE_OK);
            cr_assert_eq(lfs_world_op(&w, FILE_CHECKPOINT, file, 0), FILE_OK);
            w.fail_writes = true;
            w.fail_to = UINT64_MAX;
            w.fail_count = times;
            w.fail_skip = at;
            enum file_status s = lfs_world_write(&w, file, 0, b, sizeof b);
            cr_assert_eq(s, FILE_OK);
            for (int i = 0; i < 4; i++) {
                s = lfs_world_op(&w, FILE_FLUSH, file, 0);
                failed |= s != FILE_OK;
                s = lfs_world_create(&w, "b", &other);
                cr_assert(s == FILE_OK || s == FILE_EXISTS || s == FILE_IO_ERROR);
                if (s == FILE_OK)
                    (void)lfs_world_op(&w, FILE_REMOVE, other, 0);
            }
            if (at == 0)
                cr_assert(failed);
            w.fail_count = 0;
            if (lfs_world_op(&w, FILE_STAT, file, 0) == FILE_OK) {
                lfs_world_check(&w);
                cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, file, 0), FILE_OK);
                cr_assert_eq(lfs_world_read(&w, file, 0, got, sizeof got, &n), FILE_OK);
                cr_assert(n == sizeof b && memcmp(got, b, n) == 0);
            } else {
                cr_assert_eq(times, 3); /* a record of a name was refused twice */
            }
            lfs_world_restart(&w);
            cr_assert_eq(w.mounted, FILE_OK);
            check(&w, 600);
            cr_assert_eq(lfs_world_op(&w, FILE_ROLLBACK, file, 0), FILE_OK);
            cr_assert_eq(lfs_world_read(&w, file, 0, got, sizeof got, &n), FILE_OK);
            cr_assert(n == sizeof a && memcmp(got, a, n) == 0);
            lfs_world_fini(&w);
        }
}

/* VSO6: a block of which the write failed is dirty still: the next flush writes it. */
Test(vstore, what_a_flush_could_not_write_the_next_one_does)
{
    struct fake_options o = options(0, 600);
    struct lfs_world w;
    uint8_t b[BLOCK], got[BLOCK];
    uint64_t file;
    size_t n;
    memset(b, 7, sizeof b);
    lfs_world_store(&w, &o, &small);
    cr_assert_eq(lfs_world_create(&w, "a", &file), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, file, 0, b, sizeof b), FILE_OK);
    w.fail_writes = true;
    w.fail_to = UINT64_MAX;
    w.fail_count = 1;
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, file, 0), FILE_IO_ERROR);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, file, 0), FILE_OK);
    check(&w, 600);
    lfs_world_restart(&w);
    cr_assert_eq(lfs_world_read(&w, file, 0, got, sizeof got, &n), FILE_OK);
    cr_assert_eq(n, sizeof got);
    cr_assert_arr_eq(got, b, sizeof got);
    lfs_world_fini(&w);
}

/* A read that fails gives nothing, and a write that needs it leaves each block old or new. */
Test(vstore, a_read_that_fails_changes_nothing)
{
    static uint8_t a[4 * BLOCK], b[3 * BLOCK], got[8 * BLOCK];
    struct fake_options o = options(0, 600);
    struct lfs_world w;
    uint64_t file;
    size_t n;
    memset(a, 1, sizeof a);
    memset(b, 2, sizeof b);
    lfs_world_store(&w, &o, &small);
    cr_assert_eq(lfs_world_create(&w, "a", &file), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, file, 0, a, sizeof a), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, file, 0), FILE_OK);
    lfs_world_restart(&w);
    w.fail_reads = true;
    w.fail_to = UINT64_MAX;
    w.fail_count = 1;
    cr_assert_eq(lfs_world_write(&w, file, 100, b, sizeof b), FILE_IO_ERROR);
    w.fail_count = 1;
    cr_assert_eq(lfs_world_read(&w, file, 0, got, sizeof got, &n), FILE_IO_ERROR);
    check(&w, 600);
    cr_assert_eq(lfs_world_read(&w, file, 0, got, sizeof got, &n), FILE_OK);
    cr_assert(n == sizeof a && memcmp(got, a, n) == 0);
    cr_assert_eq(lfs_world_write(&w, file, 100, b, sizeof b), FILE_OK);
    memcpy(a + 100, b, sizeof b);
    cr_assert_eq(lfs_world_read(&w, file, 0, got, sizeof got, &n), FILE_OK);
    cr_assert(n == sizeof a && memcmp(got, a, n) == 0);
    lfs_world_fini(&w);
}

/* ---- names ---- */

static enum file_status named(struct lfs_world *w, enum file_op op, uint64_t dir, const char *name,
                              uint64_t *file)
{
    struct file_req r;
    file_req_init(&r, op, NULL, NULL);
    r.dir = dir;
    r.name = name;
    lfs_world_do(w, &r);
    *file = r.file;
    return r.status;
}

static enum file_status move(struct lfs_world *w, uint64_t dir, const char *name, uint64_t to_dir,
                             const char *to)
{
    struct file_req r;
    file_req_init(&r, FILE_RENAME, NULL, NULL);
    r.dir = dir;
    r.name = name;
    r.to_dir = to_dir;
    r.to_name = to;
    lfs_world_do(w, &r);
    return r.status;
}

/* What lies in directory d; all is gone again afterwards. */
static void in_a_directory(struct lfs_world *w, uint64_t d, uint64_t a)
{
    uint64_t in, x;
    cr_assert_eq(named(w, FILE_CREATE, d, "a", &in), FILE_OK);
    cr_assert_neq(in, a);
    cr_assert_eq(named(w, FILE_CREATE, d, "a", &x), FILE_EXISTS);
    cr_assert_eq(named(w, FILE_LOOKUP, d, "a", &x), FILE_OK);
    cr_assert_eq(x, in);
    cr_assert_eq(lfs_world_op(w, FILE_REMOVE, d, 0), FILE_NOT_EMPTY);
    cr_assert_eq(lfs_world_op(w, FILE_CHECKPOINT, d, 0), FILE_IS_DIR);
    cr_assert_eq(lfs_world_op(w, FILE_SIZE, d, 5), FILE_IS_DIR);
    cr_assert_eq(move(w, FILE_ROOT, "d", d, "d"), FILE_LOOP);
    cr_assert_eq(move(w, FILE_ROOT, "a", FILE_ROOT, "d"), FILE_EXISTS);
    lfs_world_restart(w);
    cr_assert_eq(named(w, FILE_LOOKUP, d, "a", &x), FILE_OK);
    cr_assert_eq(x, in);
    check(w, 600);
    cr_assert_eq(move(w, d, "a", FILE_ROOT, "z"), FILE_OK);
    cr_assert_eq(named(w, FILE_LOOKUP, d, "a", &x), FILE_NO_FILE);
    cr_assert_eq(move(w, FILE_ROOT, "z", d, "y"), FILE_OK);
    cr_assert_eq(lfs_world_op(w, FILE_REMOVE, d, 0), FILE_NOT_EMPTY);
    cr_assert_eq(lfs_world_op(w, FILE_REMOVE, in, 0), FILE_OK);
    cr_assert_eq(lfs_world_op(w, FILE_REMOVE, d, 0), FILE_OK);
    cr_assert_eq(named(w, FILE_LOOKUP, d, "a", &x), FILE_NO_FILE);
}

static enum file_status rename_to(struct lfs_world *w, const char *name, const char *to)
{
    return move(w, FILE_ROOT, name, FILE_ROOT, to);
}

Test(vstore, objects_are_made_in_the_places_of_what_is_gone)
{
    struct fake_options o = options(0, 600);
    struct lfs_world w;
    uint64_t f[4], c;
    lfs_world_store(&w, &o, &small);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(lfs_world_create(&w, (char[]){ (char)('a' + i), 0 }, &f[i]), FILE_OK);
    for (int k = 0; k < 12; k++) {
        int gone = k * 7 % 4;
        cr_assert_eq(lfs_world_create(&w, "e", &c), FILE_NO_INODE);
        if (k % 3 == 2) { /* replaced */
            cr_assert_eq(rename_to(&w, (char[]){ (char)('a' + (gone + 1) % 4), 0 },
                                   (char[]){ (char)('a' + gone), 0 }),
                         FILE_OK);
            uint64_t moved = f[(gone + 1) % 4];
            f[(gone + 1) % 4] = f[gone];
            f[gone] = moved;
            gone = (gone + 1) % 4;
        } else {
            cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, f[gone], 0), FILE_OK);
        }
        cr_assert_eq(lfs_world_create(&w, (char[]){ (char)('a' + gone), 0 }, &c), FILE_OK);
        cr_assert_eq((uint32_t)c, (uint32_t)f[gone], "the only place that is free");
        f[gone] = c;
    }
    check(&w, 600);
    lfs_world_fini(&w);
}

Test(vstore, names_are_kept_and_moved)
{
    struct fake_options o = options(0, 600);
    struct lfs_world w;
    struct file_req r;
    uint64_t a, b, c;
    char longest[FILE_NAME_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[FILE_NAME_MAX + 1] = 0;
    lfs_world_store(&w, &o, &small);
    cr_assert_eq(lfs_world_create(&w, "a", &a), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "b", &b), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "a", &c), FILE_EXISTS);
    cr_assert_eq(c, a);
    cr_assert_eq(lfs_world_create(&w, "", &c), FILE_BAD_NAME);
    cr_assert_eq(lfs_world_create(&w, longest, &c), FILE_BAD_NAME);
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.name = "d";
    r.attr.mode = FILE_MODE_DIR | 0777;
    lfs_world_do(&w, &r);
    cr_assert_eq(r.status, FILE_OK);
    in_a_directory(&w, r.file, a);
    file_req_init(&r, FILE_LOOKUP, NULL, NULL);
    r.name = "a";
    r.dir = a;
    lfs_world_do(&w, &r);
    cr_assert_eq(r.status, FILE_NOT_DIR);
    cr_assert_eq(rename_to(&w, "none", "x"), FILE_NO_FILE);
    cr_assert_eq(rename_to(&w, "a", longest), FILE_BAD_NAME);
    cr_assert_eq(rename_to(&w, "a", "a"), FILE_OK);
    cr_assert_eq(rename_to(&w, "a", "c"), FILE_OK);
    cr_assert_eq(lfs_world_lookup(&w, "a"), 0);
    cr_assert_eq(lfs_world_lookup(&w, "c"), a);
    cr_assert_eq(rename_to(&w, "c", "b"), FILE_OK); /* b goes */
    cr_assert_eq(lfs_world_lookup(&w, "b"), a);
    cr_assert_eq(lfs_world_op(&w, FILE_STAT, b, 0), FILE_NO_FILE);
    for (int i = 0; i < 3; i++) {
        char name[2] = { (char)('p' + i), 0 };
        cr_assert_eq(lfs_world_create(&w, name, &c), FILE_OK);
    }
    cr_assert_eq(lfs_world_create(&w, "q2", &c), FILE_NO_INODE);
    lfs_world_restart(&w);
    cr_assert_eq(lfs_world_lookup(&w, "b"), a);
    check(&w, 600);
    file_req_init(&r, FILE_WRITE, NULL, NULL);
    r.file = a;
    r.uid = 7;
    file_range(&r, 0, 1);
    rope_add_zero(&r.data, 1);
    lfs_world_do(&w, &r);
    cr_assert_eq(r.status, FILE_OK);
    rope_fini(&r.data);
    file_req_init(&r, FILE_CHANGE, NULL, NULL);
    r.file = a;
    r.attr.mode = 0600;
    lfs_world_do(&w, &r);
    cr_assert_eq(r.status, FILE_OK);
    file_req_init(&r, FILE_CHECKPOINT, NULL, NULL);
    r.file = a;
    r.uid = 7;
    lfs_world_do(&w, &r);
    cr_assert_eq(r.status, FILE_DENIED);
    lfs_world_fini(&w);
}

/* ---- damage ---- */

enum { RECORD0 = SECTOR, RECORD = 256, AREA = SECTOR + 2 * 4 * RECORD };

static void sum(uint8_t *b, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    memset(b + 8, 0, 8);
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 0x100000001b3u;
    wire_put64(b + 8, h);
}

/* The newest record of the object, and the node of its root. */
static uint8_t *record_of(uint32_t slot)
{
    uint8_t *b = image + RECORD0 + (size_t)slot * 2 * RECORD;
    return wire_get64(b + 24) > wire_get64(b + RECORD + 24) ? b : b + RECORD;
}
static uint8_t *node_of(uint32_t at)
{
    return image + AREA + (size_t)(at - 1) * SECTOR;
}
static uint8_t *root_of(uint32_t slot)
{
    return node_of(wire_get32(record_of(slot) + 80 + 16));
}

Test(vstore, each_kind_of_damage_is_found)
{
    static uint8_t good[600 * SECTOR], bytes[3 * BLOCK];
    struct fake_options o = options(0, 600);
    struct lfs_world w;
    uint64_t a, b;
    lfs_world_store(&w, &o, &small);
    cr_assert_eq(lfs_world_create(&w, "a", &a), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "b", &b), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, sizeof bytes), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, b, 0, bytes, sizeof bytes), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_CHECKPOINT, a, 0), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, b, 0), FILE_OK);
    check(&w, 600);
    cr_assert_eq(named_blocks, 6);
    memcpy(good, image, sizeof good);
    static const enum vst_damage finds[] = { VST_BAD_SUPER, VST_BAD_RECORD, VST_BAD_RECORD,
                                             VST_BAD_NODE,  VST_BAD_NODE,   VST_OUTSIDE,
                                             VST_OUTSIDE,   VST_SHARED,     VST_SHARED,
                                             VST_BAD_SIZE,  VST_BAD_NAME,   VST_BAD_NAME,
                                             VST_BAD_NAME };
    for (size_t i = 0; i < ARRAY_LEN(finds); i++) {
        memcpy(image, good, sizeof good);
        uint8_t *rec = record_of(0), *root = root_of(0);
        switch (i) {
        case 0:
            image[20] ^= 1;
            break;
        case 1: /* both records torn */
            image[RECORD0 + 100] ^= 1;
            image[RECORD0 + RECORD + 100] ^= 1;
            break;
        case 2:
            wire_put32(rec + 4, 1);
            break;
        case 3:
            root[40] ^= 1;
            break;
        case 4:
            wire_put64(root + 24, b);
            break;
        case 5:
            wire_put32(rec + 80 + 16, 100000);
            break;
        case 6:
            wire_put32(root + 32, 2);
            break;
        case 7:
            memcpy(root + 32, root_of(1) + 32, 4);
            break;
        case 8:
            memcpy(root + 36, root + 32, 4);
            break;
        case 9:
            wire_put64(rec + 80 + 8, 10);
            break;
        case 10:
            rec[152] = 0;
            break;
        case 11:
            rec[152] = 'b';
            break;
        default: /* a file as directory */
            wire_put64(rec + 248, b);
        }
        if (i > 3)
            sum(root, 96);
        if (i > 1 && i != 3)
            sum(rec, RECORD);
        cr_assert_gt(look_at_image(&w), 0);
        cr_assert_gt(found[finds[i]], 0, "damage %d is not found", (int)i);
    }
    memcpy(image, good, sizeof good); /* one torn record is what a crash leaves */
    image[RECORD0 + 100] ^= 1;
    cr_assert_eq(look_at_image(&w), 0);
    /* a mount refuses what it meets, as a sentence */
    uint64_t remarks = fake_counts(w.fake)->remarks;
    fake_disk_flip(w.fake, 0, 0, (uint64_t)(root_of(0) - image) / SECTOR, 40, 1);
    lfs_world_restart(&w);
    cr_assert_eq(w.mounted, FILE_CORRUPT);
    cr_assert_eq(fake_counts(w.fake)->remarks, remarks + 1);
    cr_assert_eq(lfs_world_create(&w, "x", &a), FILE_CORRUPT);
    lfs_world_fini(&w);
}
