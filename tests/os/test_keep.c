/* test_keep.c: checkpoints of files over lfs: random requests of a file against copies of what its
 * checkpoints were, and the same with its node dead at every device write (KEEP1 to KEEP5).
 */
#include "tests/os/lfs_world.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512, SPAN = 20 * BLOCK, VERSIONS = 2, STEPS = 9 };

static const struct file_keep_params params = { .block = BLOCK };

struct content {
    size_t size;
    uint8_t bytes[SPAN];
};
/* The file: as it is, its checkpoints, newest first; number 0: none. */
struct state {
    struct content now, was[VERSIONS];
    uint64_t number[VERSIONS];
};

static struct {
    struct lfs_world w;
    uint64_t file, draws;
    struct state s, next; /* next: what the request under way makes of it */
    uint8_t value;
    bool rolls; /* it is a rollback: KEEP3 */
    char what[100];
} t;

static uint32_t draw(uint32_t n)
{
    t.draws = t.draws * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(t.draws >> 33) % n;
}

static bool write_some(void)
{
    struct content *c = &t.next.now;
    uint32_t off = draw(SPAN), n = 1 + draw(draw(3) ? 3 * BLOCK : SPAN);
    n = off + n > SPAN ? SPAN - off : n;
    memset(c->bytes + off, ++t.value, n);
    c->size = off + n > c->size ? off + n : c->size;
    return lfs_world_write(&t.w, t.file, off, c->bytes + off, n) == FILE_OK;
}

/* Two pieces in one request. */
static bool write_list(void)
{
    struct content *c = &t.next.now;
    struct file_req r;
    uint32_t len = 1 + draw(BLOCK), off = draw(SPAN - 4 * BLOCK), stride = len + draw(2 * BLOCK);
    memset(c->bytes + off, ++t.value, len);
    memset(c->bytes + off + stride, t.value, len);
    c->size = off + stride + len > c->size ? off + stride + len : c->size;
    file_req_init(&r, FILE_WRITE, NULL, NULL);
    r.file = t.file;
    r.one = (struct file_run){ .off = off, .len = len, .stride = stride, .count = 2 };
    rope_add_bytes(&r.data, c->bytes + off, len);
    rope_add_bytes(&r.data, c->bytes + off + stride, len);
    lfs_world_do(&t.w, &r);
    return r.status == FILE_OK;
}

static bool cut(void)
{
    struct content *c = &t.next.now;
    size_t size = draw(SPAN);
    if (size < c->size)
        memset(c->bytes + size, 0, c->size - size);
    c->size = size;
    return lfs_world_op(&t.w, FILE_SIZE, t.file, size) == FILE_OK;
}

/* What FILE_CHECKPOINT is said to do (os/file/file.h). */
static bool checkpoint(uint64_t number)
{
    struct state *n = &t.next;
    int lower = -1;
    for (int i = VERSIONS - 1; i >= 0; i--)
        if (t.s.number[i] > 0 && t.s.number[i] < number)
            lower = i;
    n->number[0] = number > 0 ? number : t.s.number[0] + 1;
    n->number[1] = lower >= 0 ? t.s.number[lower] : 0;
    n->was[0] = t.s.now;
    if (lower >= 0)
        n->was[1] = t.s.was[lower];
    return lfs_world_op(&t.w, FILE_CHECKPOINT, t.file, number) == FILE_OK;
}

static bool rollback(int i)
{
    struct state *n = &t.next;
    if (t.s.number[i] == 0) {
        enum file_status s = lfs_world_op(&t.w, FILE_ROLLBACK, t.file, t.s.number[0] + 7);
        cr_assert(s == FILE_NO_VERSION || t.w.crashed, "%s: %s", t.what, file_status_name(s));
        return !t.w.crashed;
    }
    t.rolls = true;
    n->now = n->was[0] = t.s.was[i];
    n->number[0] = t.s.number[i];
    if (i == 1)
        n->number[1] = 0;
    return lfs_world_op(&t.w, FILE_ROLLBACK, t.file, i == 0 && draw(2) ? 0 : t.s.number[i]) ==
           FILE_OK;
}

static bool step(void)
{
    uint32_t what = draw(12);
    t.next = t.s;
    t.rolls = false;
    bool good = what < 3    ? write_some()
                : what == 3 ? write_list()
                : what == 4 ? cut()
                : what == 5 ? lfs_world_op(&t.w, FILE_FLUSH, draw(2) ? t.file : 0, 0) == FILE_OK
                : what == 6 ? checkpoint(0)
                : what < 9  ? checkpoint(t.s.number[0] + 1)
                : what == 9 ? checkpoint(1 + draw((uint32_t)t.s.number[0] + 1)) /* once more */
                            : rollback(what == 11);
    if (getenv("SAY"))
        fprintf(stderr, "%s: step what %d good %d size %d numbers %d %d->%d %d writes %d\n", t.what,
                what, good, (int)t.next.now.size, (int)t.s.number[0], (int)t.s.number[1],
                (int)t.next.number[0], (int)t.next.number[1], (int)t.w.writes);
    if (good) {
        t.s = t.next;
        t.rolls = false;
    }
    return good && !t.w.crashed;
}

static bool is(const struct content *c)
{
    static uint8_t got[SPAN + 1];
    size_t n = 0;
    enum file_status s = lfs_world_read(&t.w, t.file, 0, got, sizeof got, &n);
    if (t.w.crashed)
        return true;
    cr_assert_eq(s, FILE_OK);
    return n == c->size && memcmp(got, c->bytes, n) == 0;
}

/* KEEP2: all checkpoints are as the state says; to go back drops what is newer. */
static bool fits(const struct state *s)
{
    for (int i = 0; i < VERSIONS; i++) {
        uint64_t number = s->number[i] > 0 ? s->number[i] : 1000;
        enum file_status want = s->number[i] > 0 ? FILE_OK : FILE_NO_VERSION;
        if (lfs_world_op(&t.w, FILE_ROLLBACK, t.file, number) != want ||
            (want == FILE_OK && !is(&s->was[i])))
            return false;
    }
    return true;
}

static bool alike(const struct content *a, const struct content *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static void overwrite(void)
{
    static struct content garbage;
    memset(garbage.bytes, 0xee, sizeof garbage.bytes);
    bool flush = draw(2);               /* settles what a failure left open */
    enum file_status s = FILE_IO_ERROR; /* one that is told late */
    for (int i = 0; i < 3 && s == FILE_IO_ERROR; i++) {
        s = lfs_world_write(&t.w, t.file, 0, garbage.bytes, SPAN);
        if (s == FILE_OK && flush)
            s = lfs_world_op(&t.w, FILE_FLUSH, t.file, 0);
    }
    cr_assert_eq(s, FILE_OK, "%s: %s", t.what, file_status_name(s));
}

static void recover(void)
{
    lfs_world_restart(&t.w);
    cr_assert_eq(t.w.mounted, FILE_OK);
    if (draw(2)) /* what is known of before is used, too: KEEP1 in the next life */
        overwrite();
    cr_assert_eq(lfs_world_op(&t.w, FILE_ROLLBACK, t.file, 0), FILE_OK);
    bool then = is(&t.next.was[0]), now = !then && is(&t.s.was[0]);
    cr_assert(then || now, "%s: the newest checkpoint is none that was", t.what);
    if (t.rolls || alike(&t.next.was[0], &t.s.was[0])) /* it does not tell which state it is */
        return;
    cr_assert(fits(then ? &t.next : &t.s), "%s: %s", t.what, then ? "after" : "before");
}

static uint32_t sides(void)
{
    struct file_req r;
    struct file_entry e;
    uint32_t n = 0;
    file_req_init(&r, FILE_LIST, NULL, NULL);
    r.dir = lfs_world_lookup(&t.w, ".keep");
    lfs_world_do(&t.w, &r);
    while (file_entry_next(&r.data, &e))
        n++;
    return n;
}

/* What nobody needs any more is not kept. */
static void count_sides(void)
{
    struct file_req r;
    struct file_entry e;
    cr_assert_eq(lfs_world_op(&t.w, FILE_CHECKPOINT, t.file, 0), FILE_OK);
    cr_assert_eq(sides(), 1);
    file_req_init(&r, FILE_LIST, NULL, NULL);
    r.dir = FILE_ROOT;
    lfs_world_do(&t.w, &r);
    cr_assert(file_entry_next(&r.data, &e) && strcmp(e.name, "a") == 0);
    cr_assert(!file_entry_next(&r.data, &e), "'%s' is listed", e.name);
    cr_assert_eq(lfs_world_op(&t.w, FILE_REMOVE, t.file, 0), FILE_OK);
    file_req_init(&r, FILE_LIST, NULL, NULL);
    r.dir = lfs_world_lookup(&t.w, ".keep");
    lfs_world_do(&t.w, &r);
    cr_assert(!file_entry_next(&r.data, &e), "'%s' is left", e.name);
}

struct disk {
    bool cache, some; /* some: any of what was not flushed stays when the power fails */
    bool fails;       /* the write fails, and the power later */
};

static uint32_t stays(void *arg, uint32_t n)
{
    (void)arg;
    return draw(n + 1);
}

/* Device writes of the steps; it dies at the `at`-th (0: not). */
static uint64_t run(uint64_t seed, uint64_t at, uint32_t torn, struct disk d)
{
    struct lfs_params lfs = lfs_world_params();
    memset(&t, 0, sizeof t);
    t.draws = seed;
    lfs.files = 24;
    lfs.inode = 2048;
    lfs_world_keep(&t.w,
                   &(struct fake_options){ .nodes = 1,
                                           .disks = 1,
                                           .disk_sectors = 1000,
                                           .disk_cache = d.cache,
                                           .order = d.cache ? FAKE_RANDOM : FAKE_IN_ORDER,
                                           .seed = seed + at },
                   &lfs, &params);
    (void)snprintf(t.what, sizeof t.what, "seed %d, write %d, torn %d, cache %d", (int)seed,
                   (int)at, (int)torn, d.cache);
    if (d.some)
        fake_on_power_off(t.w.fake, stays, NULL);
    cr_assert_eq(lfs_world_create(&t.w, "a", &t.file), FILE_OK);
    t.next = t.s;
    cr_assert(write_some());
    t.s = t.next;
    cr_assert(checkpoint(0));
    t.s = t.next;
    t.w.writes = 0;
    *(d.fails ? &t.w.fail_at_write : &t.w.crash_at_write) = at;
    t.w.torn_sectors = torn;
    bool good = true;
    for (int i = 0; good && !t.w.crashed && !t.w.failed && i < STEPS; i++) {
        good = step();
        cr_assert(good || t.w.crashed || t.w.failed, "%s: step %d failed", t.what, i);
        cr_assert(t.w.crashed || is(&t.s.now) || t.w.failed || t.w.crashed, "%s: step %d", t.what,
                  i);
    }
    if (!t.w.crashed)
        lfs_world_idle(&t.w);
    uint64_t writes = t.w.writes;
    if (t.w.failed) /* nothing of it is in the way of what follows */
        overwrite();
    if (!t.w.crashed && !t.w.failed)
        cr_assert(fits(&t.s), "%s", t.what);
    else
        recover();
    count_sides();
    lfs_world_fini(&t.w);
    return writes;
}

/* KEEP_SEEDS: so many runs. */
Test(keep, checkpoints_are_what_the_file_was)
{
    for (uint64_t seed = getenv("S") ? strtoull(getenv("S"), 0, 10) : 1;
         seed <= sample("KEEP_SEEDS", 200); seed++)
        (void)run(seed, 0, UINT32_MAX, (struct disk){ .cache = seed % 3 == 0 });
}

/* KEEP_CRASHES: of so many runs, at every write. */
Test(keep, and_after_a_crash_at_every_device_write, .timeout = 86400)
{
    static const uint32_t torn[] = { 0, 1, UINT32_MAX };
    static const struct disk disks[] = { { false, false, false },
                                         { true, false, false },
                                         { true, true, false } };
    for (uint64_t seed = getenv("S") ? strtoull(getenv("S"), 0, 10) : 1;
         seed <= sample("KEEP_CRASHES", 12); seed++)
        for (size_t d = 0; d < ARRAY_LEN(disks); d++) {
            uint64_t writes = run(seed, 0, 0, disks[d]);
            cr_assert_gt(writes, 5);
            for (uint64_t at = 1; at <= writes; at++)
                (void)run(seed, at, torn[(at + seed) % ARRAY_LEN(torn)], disks[d]);
        }
}

Test(keep, and_after_a_failure_of_every_device_write)
{
    static const struct disk disks[] = { { false, false, true }, { true, true, true } };
    for (uint64_t seed = 1; seed <= sample("KEEP_CRASHES", 12); seed++)
        for (size_t d = 0; d < ARRAY_LEN(disks); d++) {
            uint64_t writes = run(seed, 0, 0, disks[d]);
            for (uint64_t at = 1; at <= writes; at++)
                (void)run(seed, at, at % 2 ? 0 : UINT32_MAX, disks[d]);
        }
}

/* A checkpoint of a program that cannot be committed is asked for again and again (KEEP5): the file
 * may change between, and both checkpoints are what they were. */
Test(keep, one_that_is_asked_for_again_leaves_nothing_behind)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct lfs_params lfs = lfs_world_params();
        uint32_t blocks = 0, most = 2;
        memset(&t, 0, sizeof t);
        t.draws = seed;
        lfs.files = 32;
        lfs.inode = 2048;
        (void)snprintf(t.what, sizeof t.what, "seed %d", (int)seed);
        lfs_world_keep(&t.w, &(struct fake_options){ .nodes = 1, .disks = 1, .disk_sectors = 1000 },
                       &lfs, &params);
        cr_assert_eq(lfs_world_create(&t.w, "a", &t.file), FILE_OK);
        for (int k = 0; k < 100; k++) {
            t.next = t.s;
            if (k < 2 || (seed % 3 > 0 && draw((uint32_t)seed) == 0))
                cr_assert(write_some(), "%s: write %d", t.what, k);
            t.s = t.next;
            cr_assert(checkpoint(k == 0 ? 1 : 2), "%s: checkpoint %d", t.what, k);
            t.s = t.next;
            if (k == 0)
                blocks = (uint32_t)(t.s.was[0].size + BLOCK - 1) / BLOCK;
            most = seed % 3 > 0 ? 2 + blocks : 2;
            cr_assert_leq(k > 0 ? sides() : 0, most, "%s: %u after %d", t.what, sides(), k);
        }
        cr_assert(fits(&t.s), "%s", t.what);
        count_sides();
        lfs_world_fini(&t.w);
    }
}
