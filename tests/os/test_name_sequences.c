/* test_name_sequences.c: every sequence of up to three operations on names and contents, over local
 * files and over Vesta's store; the node dies at every device write, whole or torn, or the power
 * goes and a disk with a cache keeps any part of what no flush covered; or a write or flush fails:
 * what a mount then finds is a state that lfs.h (LFS4, LFS7) and store.h (VSO4, VSO8) allow.
 *
 * The oracle keeps names as a tree and each content that a file may have.  test_vstore_crash.c has
 * the store's checkpoints.
 */
#include "os/lfs/lfs_internal.h"
#include "tests/os/lfs_world.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPAN = 8192, SECTOR = 128, SECTORS = 1600, THINGS = 12, KEPT = 6, ROOT = -1, NONE = -2 };

struct place {
    int parent; /* ROOT, a directory, or NONE: it is not there */
    char name[2];
};

struct thing { /* a file or directory, by its number */
    bool dir;
    uint64_t handle;
    uint32_t count; /* what it may hold: the first is on the device, the last in memory */
    uint8_t bytes[KEPT][SPAN];
    size_t size[KEPT];
};

struct world {
    struct lfs_world w;
    struct thing thing[THINGS];
    struct place now[THINGS];
    struct place was[THINGS]; /* before the operation under way */
    uint32_t things;
    /* A write fails: */
    bool told;                  /* a request has failed by it */
    bool doubt;                 /* until a crash it is not done; then perhaps, and */
    struct place maybe[THINGS]; /* names are these */
    bool ended;                 /* the last operation ended well */
    const char *what;           /* for failures */
};

struct action {
    enum what { CREATE, MAKE_DIR, REMOVE, RENAME, WRITE, APPEND, CUT, SYNC, SYNC_ALL } what;
    const char *path, *to; /* "a", or "d/a" */
};

/* A sequence begins with a and b, which have bytes, and the directory d; a deep one has d/a, which
 * has some too, and the directory e besides. */
static const struct action flat_actions[] = {
    { CREATE, "a", NULL }, { CREATE, "c", NULL }, { MAKE_DIR, "e", NULL }, { WRITE, "a", NULL },
    { APPEND, "a", NULL }, { CUT, "a", NULL },    { RENAME, "a", "b" },    { RENAME, "a", "d/a" },
    { RENAME, "b", "c" },  { RENAME, "d", "e" },  { RENAME, "d/a", "a" },  { REMOVE, "a", NULL },
    { REMOVE, "b", NULL }, { REMOVE, "d", NULL }, { SYNC, "a", NULL },     { SYNC_ALL, NULL, NULL },
};
static const struct action deep_actions[] = {
    { CREATE, "d/c", NULL }, { MAKE_DIR, "d/g", NULL }, { MAKE_DIR, "g", NULL },
    { WRITE, "d/a", NULL },  { RENAME, "a", "b" },      { RENAME, "a", "d/a" },
    { RENAME, "d/a", "b" },  { RENAME, "d/a", "d/c" },  { RENAME, "d/a", "e/a" },
    { RENAME, "b", "e/a" },  { RENAME, "e/a", "a" },    { RENAME, "d", "g" },
    { RENAME, "d", "e/d" },  { RENAME, "e", "d/g" },    { RENAME, "d/g", "g" },
    { REMOVE, "d/a", NULL }, { REMOVE, "d/c", NULL },   { REMOVE, "b", NULL },
    { REMOVE, "d", NULL },   { REMOVE, "e", NULL },     { SYNC_ALL, NULL, NULL },
};

static bool store; /* not local files */
static bool deep;  /* within and across directories */

/* Which of the sectors that no flush covered are there after the crash. */
enum left { NO_SECTOR, EVERY_SECTOR, ALL_BUT_ONE, ANY };

struct crash {
    uint64_t at; /* device write, from 1; 0: none */
    uint32_t torn;
    bool cache; /* the disk has one; then: */
    enum left left;
    uint32_t one;
    uint32_t sectors; /* out: how many of them */
};

static int64_t fragment;
static uint64_t draw_state;

static uint32_t stays(void *arg, uint32_t n)
{
    struct crash *c = arg;
    uint32_t i = c->sectors++;
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    if (c->left == ANY)
        return (uint32_t)(draw_state >> 33) % (n + 1);
    return c->left == EVERY_SECTOR || (c->left == ALL_BUT_ONE && i != c->one) ? n : 0;
}

static void start(struct lfs_world *w, struct crash *c)
{
    static const struct vst_params of_store = { .block = 512,
                                                .objects = THINGS,
                                                .cache = 4,
                                                .dirty_fraction = 0.5,
                                                .max_io = 1024,
                                                .flush_delay = SIM_SEC };
    struct fake_options o = { .nodes = 1,
                              .disks = 1,
                              .sector_bytes = SECTOR,
                              .disk_sectors = SECTORS,
                              .disk_junk = !store,
                              .disk_cache = c->cache,
                              .order = store && c->at % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                              .seed = c->at + 1 };
    struct lfs_params p = lfs_world_params();
    p.fragment = fragment;
    p.files = THINGS;
    p.fsck = true;
    if (store)
        lfs_world_store(w, &o, &of_store);
    else
        lfs_world_init(w, &o, &p);
    fake_on_power_off(w->fake, stays, c);
}

/* Its number, or NONE. */
static int find(const struct world *x, int parent, char name)
{
    for (uint32_t i = 0; i < x->things; i++)
        if (x->now[i].parent == parent && x->now[i].name[0] == name)
            return (int)i;
    return NONE;
}

/* The directory of a path, or NONE. */
static int dir_of(const struct world *x, const char *path)
{
    return path[1] == '/' ? find(x, ROOT, path[0]) : ROOT;
}

static char name_of(const char *path)
{
    return path[strlen(path) - 1];
}

/* NULL: it is not there. */
static struct thing *thing_at(struct world *x, const char *path)
{
    int dir = dir_of(x, path), i = dir == NONE ? NONE : find(x, dir, name_of(path));
    return i == NONE ? NULL : &x->thing[i];
}

static uint64_t handle(const struct world *x, int dir)
{
    return dir == ROOT ? FILE_ROOT : x->thing[dir].handle;
}

static void content(struct thing *t, size_t size, size_t off, size_t n, uint8_t salt)
{
    uint32_t k = t->count++;
    cr_assert_lt(k, KEPT);
    memcpy(t->bytes[k], t->bytes[k - 1], SPAN);
    for (size_t i = size; i < t->size[k - 1]; i++)
        t->bytes[k][i] = 0;
    for (size_t i = off; i < off + n; i++)
        t->bytes[k][i] = (uint8_t)(salt + i % 97 + i / 97);
    t->size[k] = size;
}

static void newest_is_safe(struct thing *t)
{
    if (t == NULL || t->count == 0)
        return;
    memcpy(t->bytes[0], t->bytes[t->count - 1], SPAN);
    t->size[0] = t->size[t->count - 1];
    t->count = 1;
}

/* Blocks that could not be written keep what they had. */
static void flushed(const struct world *x, struct thing *t)
{
    if (!x->w.failed)
        newest_is_safe(t);
}

/* Expects the status that the names call for, or that of a write that failed; true: it was done. */
static bool expect(struct world *x, enum file_status got, enum file_status want)
{
    x->ended = !x->w.crashed && got == FILE_OK;
    if (x->w.crashed)
        return false;
    if (x->w.failed && !x->told && want == FILE_OK && got == FILE_IO_ERROR) {
        x->told = true;
        return false;
    }
    cr_assert_eq(got, want, "%s, not %s", file_status_name(got), file_status_name(want));
    return want == FILE_OK;
}

static void make(struct world *x, const char *path, bool dir)
{
    int parent = dir_of(x, path);
    if (parent == NONE)
        return;
    struct thing *t = thing_at(x, path);
    bool taken = t != NULL;
    struct file_req r;
    if (!taken) {
        cr_assert_lt(x->things, THINGS);
        x->now[x->things] = (struct place){ parent, { name_of(path), 0 } };
        x->was[x->things].parent = NONE;
        t = &x->thing[x->things++];
        t->dir = dir;
        t->handle = 0;
        t->count = 1;
        t->size[0] = 0;
        memset(t->bytes[0], 0, SPAN);
    }
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.dir = handle(x, parent);
    r.name = (char[]){ name_of(path), 0 };
    r.attr.mode = dir ? FILE_MODE_DIR | 0777 : 0666;
    lfs_world_do(&x->w, &r);
    if (!taken)
        t->handle = r.file;
    (void)expect(x, r.status, taken ? FILE_EXISTS : FILE_OK);
}

static enum file_status may_move(const struct world *x, int moved, int there, int to_dir)
{
    if (moved == NONE)
        return FILE_NO_FILE;
    for (int d = to_dir; d != ROOT; d = x->now[d].parent)
        if (d == moved)
            return FILE_LOOP;
    bool dirs = there != NONE && (x->thing[moved].dir || x->thing[there].dir);
    return dirs && moved != there ? FILE_EXISTS : FILE_OK;
}

static void rename_to(struct world *x, const char *path, const char *to)
{
    int dir = dir_of(x, path), to_dir = dir_of(x, to);
    if (dir == NONE || to_dir == NONE)
        return;
    int moved = find(x, dir, name_of(path)), there = find(x, to_dir, name_of(to));
    enum file_status want = may_move(x, moved, there, to_dir);
    if (want == FILE_OK && there != moved) {
        if (there != NONE)
            x->now[there].parent = NONE;
        x->now[moved] = (struct place){ to_dir, { name_of(to), 0 } };
    }
    bool done = expect(x,
                       lfs_world_move(&x->w, handle(x, dir), (char[]){ name_of(path), 0 },
                                      handle(x, to_dir), (char[]){ name_of(to), 0 }),
                       want);
    if (done && store && there != moved) /* one record has the name and the content */
        flushed(x, &x->thing[moved]);
}

static void remove_it(struct world *x, struct thing *t)
{
    if (t == NULL)
        return;
    int it = (int)(t - x->thing);
    bool full = false;
    for (uint32_t i = 0; i < x->things; i++)
        full |= x->now[i].parent == it;
    if (!full)
        x->now[it].parent = NONE;
    (void)expect(x, lfs_world_drop(&x->w, t->handle, 0), full ? FILE_NOT_EMPTY : FILE_OK);
}

static void change(struct world *x, struct thing *t, enum what a, uint8_t salt)
{
    if (t == NULL)
        return;
    size_t size = t->size[t->count - 1];
    size_t off = a == WRITE ? 500 : size, n = a == WRITE ? 2900 : 1500;
    if (a == CUT) {
        content(t, 1000, 0, 0, 0);
        (void)expect(x, lfs_world_op(&x->w, FILE_SIZE, t->handle, 1000), FILE_OK);
        return;
    }
    content(t, off + n > size ? off + n : size, off, n, salt);
    (void)expect(x, lfs_world_write(&x->w, t->handle, off, t->bytes[t->count - 1] + off, n),
                 FILE_OK);
}

static bool names(enum what a)
{
    return a <= RENAME;
}

/* What a request that failed did to names is not done, unless a crash shows it. */
static void take_back(struct world *x)
{
    memcpy(x->maybe, x->now, sizeof x->now);
    x->doubt = !store;
    memcpy(x->now, x->was, sizeof x->now);
}

static void act(struct world *x, const struct action *a, uint8_t salt)
{
    bool told = x->told;
    x->ended = false;
    struct thing *t = a->path != NULL ? thing_at(x, a->path) : NULL;
    memcpy(x->was, x->now, sizeof x->now);
    switch (a->what) {
    case CREATE:
    case MAKE_DIR:
        make(x, a->path, a->what == MAKE_DIR);
        break;
    case WRITE:
    case APPEND:
    case CUT:
        change(x, t, a->what, salt);
        break;
    case RENAME:
        rename_to(x, a->path, a->to);
        break;
    case REMOVE:
        remove_it(x, t);
        break;
    case SYNC:
        if (t != NULL && expect(x, lfs_world_op(&x->w, FILE_FLUSH, t->handle, 0), FILE_OK))
            flushed(x, t);
        break;
    default:
        if (expect(x, lfs_world_op(&x->w, FILE_FLUSH, 0, 0), FILE_OK))
            for (uint32_t i = 0; i < x->things; i++)
                flushed(x, &x->thing[i]);
    }
    if (x->told && !told && names(a->what))
        take_back(x);
    x->doubt = x->doubt && !(x->ended && (names(a->what) || a->what >= SYNC));
    if (!x->w.crashed)
        memcpy(x->was, x->now, sizeof x->now);
}

static uint32_t on_device(struct world *x)
{
    struct vst_usage u;
    uint32_t n = 0;
    if (store) {
        vst_usage(x->w.vs, &u);
        return u.objects;
    }
    for (struct lfs_file *f = lfs_next_file(x->w.fs, 0); f != NULL;
         f = lfs_next_file(x->w.fs, f->ino + 1))
        n++;
    return n;
}

/* Whether the names on the device are these. */
static bool names_are(struct world *x, const struct place *p)
{
    uint32_t want = 0;
    for (uint32_t i = 0; i < x->things; i++) {
        if (p[i].parent == NONE)
            continue;
        want++;
        uint64_t dir = handle(x, p[i].parent), found = lfs_world_look(&x->w, dir, p[i].name);
        if (found == 0 || (x->thing[i].handle != 0 && found != x->thing[i].handle))
            return false;
    }
    return want == on_device(x);
}

/* Of local files each sector is as it was once; the store has one commit of an object, that which
 * moved it or a later one, unless some of it could not be written. */
static void content_is_allowed(struct world *x, const struct thing *t, bool moved)
{
    static uint8_t got[SPAN + 1];
    size_t size = 0;
    bool whole = store && !x->w.failed, good = false;
    cr_assert_eq(lfs_world_read(&x->w, t->handle, 0, got, sizeof got, &size), FILE_OK);
    for (uint32_t k = whole && moved ? t->count - 1 : 0; k < t->count; k++)
        good |= t->size[k] == size && (!whole || memcmp(got, t->bytes[k], size) == 0);
    cr_assert(good, "%s: its %d bytes were never so", x->what, (int)size);
    for (size_t s = 0; s < size && !whole; s += SECTOR) {
        size_t n = size - s < SECTOR ? size - s : SECTOR;
        good = false;
        for (uint32_t k = 0; k < t->count; k++)
            good |= memcmp(got + s, t->bytes[k] + s, n) == 0;
        cr_assert(good, "%s: the sector at %d was never like that", x->what, (int)s);
    }
}

static void contents_are_allowed(struct world *x, const struct place *p)
{
    for (uint32_t i = 0; i < x->things; i++)
        if (p[i].parent != NONE && !x->thing[i].dir && x->thing[i].handle != 0)
            content_is_allowed(x, &x->thing[i],
                               p[i].parent != x->was[i].parent ||
                                   p[i].name[0] != x->was[i].name[0]);
}

/* Until the sequence begins. */
static void prepare(struct world *x, struct crash *c, const char *what)
{
    x->things = 0;
    x->told = x->doubt = false;
    x->what = what;
    c->sectors = 0;
    start(&x->w, c);
    make(x, "a", false);
    make(x, "b", false);
    make(x, "d", true);
    change(x, thing_at(x, "a"), WRITE, 1);
    change(x, thing_at(x, "b"), APPEND, 2);
    if (deep) {
        make(x, "d/a", false);
        make(x, "e", true);
        change(x, thing_at(x, "d/a"), APPEND, 3);
    }
    act(x, &(struct action){ SYNC_ALL, NULL, NULL }, 0);
    x->w.writes = x->w.flushes = 0;
    x->w.torn_sectors = c->torn;
}

/* After a crash the names are those of one of two, and contents with them. */
static void check_after(struct world *x, const struct place *other, bool may, bool twice)
{
    lfs_world_restart(&x->w);
    if (twice) /* before the mount has done what a rename left */
        lfs_world_restart(&x->w);
    cr_assert_eq(x->w.mounted, FILE_OK, "%s: %s", x->what, file_status_name(x->w.mounted));
    lfs_world_fsck(&x->w, false);
    if (store) {
        lfs_world_idle(&x->w);
        lfs_world_fsck(&x->w, true);
    }
    bool now = names_are(x, x->now);
    cr_assert(now || (may && names_are(x, other)), "%s: the names are neither before nor after",
              x->what);
    contents_are_allowed(x, now ? x->now : other);
}

struct sequence {
    struct action a[3];
    uint32_t n;
};

static const char *text_of(const struct sequence *s, const struct crash *c)
{
    static const char *const words[] = { "create", "mkdir", "remove", "rename",  "write",
                                         "append", "cut",   "sync",   "sync all" };
    static char text[160];
    size_t n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s %s %s, ", words[s->a[i].what],
                              s->a[i].path ? s->a[i].path : "", s->a[i].to ? s->a[i].to : "");
    (void)snprintf(text + n, sizeof text - n, "at %d torn %d cache %d", (int)c->at, (int)c->torn,
                   c->cache);
    return text;
}

/* Device writes of the sequence, which ends by a crash in any case. */
static uint64_t sequence(const struct sequence *s, struct crash *c)
{
    static struct world x;
    prepare(&x, c, text_of(s, c));
    x.w.crash_at_write = c->at;
    for (uint32_t i = 0; i < s->n && !x.w.crashed; i++)
        act(&x, &s->a[i], (uint8_t)(10 * i + 20));
    if (!x.w.crashed)
        lfs_world_idle(&x.w);
    uint64_t writes = x.w.writes;
    cr_assert_eq(x.w.crashed, c->at > 0, "a crash point that is no device write");
    check_after(&x, x.was, true, store && c->at % 4 > 1);
    lfs_world_fini(&x.w);
    return writes;
}

static const uint32_t torn[] = { 0, 1, UINT32_MAX };

/* A crash at every device write; how many there were. */
static uint64_t every_write(const struct sequence *s, uint64_t writes)
{
    for (uint64_t at = 1; at <= writes; at++)
        for (size_t t = 0; t < ARRAY_LEN(torn); t++)
            (void)sequence(s, &(struct crash){ .at = at, .torn = torn[t] });
    return writes;
}

/* And of what no flush covered then nothing, all, all but one or any is left. */
static uint64_t every_part(const struct sequence *s, uint64_t writes)
{
    enum { FEW = 24 };
    for (uint64_t at = 1; at <= writes; at++)
        for (size_t t = 0; t < ARRAY_LEN(torn); t++) {
            struct crash c = { .at = at, .torn = torn[t], .cache = true, .left = NO_SECTOR };
            (void)sequence(s, &c);
            uint32_t sectors = c.sectors;
            for (c.left = EVERY_SECTOR; c.left <= ANY && sectors > 0; c.left++) {
                uint32_t times = c.left == EVERY_SECTOR ? 1 : sectors < FEW ? sectors : FEW;
                for (c.one = 0; c.one < times; c.one++)
                    (void)sequence(s, &c);
            }
        }
    return writes;
}

/* One in `stride` of all sequences of up to three operations, those of one all. */
static void all_sequences(bool cache, uint64_t stride,
                          uint64_t (*crashes)(const struct sequence *s, uint64_t writes))
{
    uint64_t all = 0, points = 0, writes = 0;
    const struct action *of = deep ? deep_actions : flat_actions;
    uint32_t kinds = deep ? ARRAY_LEN(deep_actions) : ARRAY_LEN(flat_actions);
    draw_state = 1;
    for (uint32_t turn = 0; turn < 6; turn++) {
        uint32_t count = 1, n = 1 + turn / 2, pass = turn % 2;
        if (pass > 0 && (deep || (n > 1 && stride > 1)))
            continue; /* each with fragments or without */
        for (uint32_t i = 0; i < n; i++)
            count *= kinds;
        for (uint32_t c = 0; c < count; c++) {
            struct sequence s = {
                { of[c % kinds], of[c / kinds % kinds], of[c / kinds / kinds % kinds] }, n
            };
            if (all++ % (n == 1 ? 1 : stride) > 0)
                continue;
            fragment = (all / stride + pass) % 2 ? 256 : 0;
            uint64_t k = sequence(&s, &(struct crash){ .cache = cache });
            writes += k;
            points += crashes(&s, k);
        }
    }
    cr_assert_eq(points, writes);
    cr_assert(sample_saw(points, 30), "%d points", (int)points);
}

/* LFS_CRASH_STRIDE=1: all (scripts/soak-crash); else a sample. */
static uint64_t stride(uint64_t usual)
{
    return getenv("LFS_CRASH_STRIDE") ? sample("LFS_CRASH_STRIDE", 1) : usual * sample_one_in();
}

/* LFS4, LFS7. */
Test(lfs_sequences, after_a_crash_at_every_write_the_state_is_allowed, .timeout = 86400)
{
    all_sequences(false, stride(11), every_write);
}

/* LFS5, LFSI8. */
Test(lfs_sequences, after_a_cache_has_lost_anything_the_state_is_allowed, .timeout = 86400)
{
    all_sequences(true, stride(151), every_part);
}

/* ---- a device write fails ---- */

/* All works again: names change, and what is flushed is what a mount finds. */
static void goes_on(struct world *x)
{
    make(x, "q", true);
    make(x, "z", false);
    rename_to(x, "z", "q/z");
    for (uint32_t i = 0; i < x->things; i++) {
        struct thing *t = &x->thing[i];
        if (x->now[i].parent == NONE || t->dir)
            continue;
        t->count = 1;
        content(t, 6000, 0, 6000, (uint8_t)(150 + i));
        x->told = false; /* a buffer that could not be written is told of by the flush */
        cr_assert_eq(lfs_world_write(&x->w, t->handle, 0, t->bytes[1], 6000), FILE_OK);
        if (lfs_world_op(&x->w, FILE_SIZE, t->handle, 6000) != FILE_OK ||
            lfs_world_op(&x->w, FILE_FLUSH, t->handle, 0) != FILE_OK) {
            cr_assert_eq(lfs_world_op(&x->w, FILE_FLUSH, t->handle, 0), FILE_OK);
        }
        newest_is_safe(t);
    }
    lfs_world_check(&x->w);
}

/* Whether there was such a write, or flush. */
static bool failing(const struct sequence *s, struct crash *c, bool flush, bool on)
{
    static struct world x;
    prepare(&x, c, text_of(s, c));
    x.w.fail_at_write = flush ? 0 : c->at;
    x.w.fail_at_flush = flush ? c->at : 0;
    for (uint32_t i = 0; i < s->n; i++) {
        act(&x, &s->a[i], (uint8_t)(10 * i + 20));
        lfs_world_check(&x.w);
    }
    bool failed = x.w.failed;
    if (on) {
        lfs_world_idle(&x.w);
        failed = x.w.failed;
        x.w.fail_at_flush = 0;
        goes_on(&x);
        x.doubt = false;
    }
    x.w.fail_at_write = x.w.fail_at_flush = 0;
    check_after(&x, x.maybe, x.doubt, false);
    lfs_world_fini(&x.w);
    return failed;
}

static uint64_t every_failure(const struct sequence *s, uint64_t writes)
{
    for (int cache = 0; cache < 2; cache++) {
        for (uint64_t at = 1; at <= writes; at++)
            for (size_t t = 0; t < ARRAY_LEN(torn); t++) {
                struct crash c = { .at = at, .torn = torn[t], .cache = cache == 1 };
                (void)failing(s, &c, false, false);
                cr_assert(failing(s, &c, false, true), "a write that is none");
            }
        struct crash c = { .at = 1, .cache = cache == 1 };
        for (bool more = true; more; c.at++) {
            more = failing(s, &c, true, true);
            (void)failing(s, &c, true, false);
        }
    }
    return writes;
}

/* LFS6, LFSI10. */
Test(lfs_sequences, after_a_write_that_failed_all_works, .timeout = 86400)
{
    all_sequences(false, stride(97), every_failure);
}

/* LFS4, LFS7; LFS6. */
Test(lfs_sequences, across_directories_after_a_crash_the_state_is_allowed, .timeout = 86400)
{
    deep = true;
    all_sequences(false, stride(97), every_write);
}

Test(lfs_sequences, across_directories_after_a_write_that_failed_all_works, .timeout = 86400)
{
    deep = true;
    all_sequences(false, stride(211), every_failure);
}

/* ---- Vesta's store ---- */

/* VSO4, VSO6. */
Test(vstore_sequences, after_a_crash_at_every_write_the_state_is_allowed, .timeout = 86400)
{
    store = deep = true;
    all_sequences(false, stride(37), every_write);
}

Test(vstore_sequences, after_a_cache_has_lost_anything_the_state_is_allowed, .timeout = 86400)
{
    store = deep = true;
    all_sequences(true, stride(151), every_part);
}

/* VSO8. */
Test(vstore_sequences, after_a_write_that_failed_all_works, .timeout = 86400)
{
    store = deep = true;
    all_sequences(false, stride(97), every_failure);
}

/* What a rename left to a mount is done before anything that the mover does: it is removed or moved
 * on while the mount does it, and the node dies again. */
static void replaced_stays_away(uint64_t k)
{
    struct crash c = { .at = 2 * (k / 8) + 1 }; /* the store's disk: in any order */
    struct world *x = calloc(1, sizeof *x);
    prepare(x, &c, "");
    x->w.crash_at_write = 2; /* the first is the mover's record */
    x->w.torn_sectors = 0;
    rename_to(x, "a", "b");
    cr_assert(x->w.crashed);
    lfs_world_restart(&x->w);
    x->w.writes = 0;
    x->w.torn_sectors = UINT32_MAX;
    x->w.crash_at_write = 1 + k % 4;
    if (k / 4 % 2)
        (void)lfs_world_drop(&x->w, x->thing[0].handle, 0);
    else
        (void)lfs_world_move(&x->w, FILE_ROOT, "b", FILE_ROOT, "c");
    lfs_world_restart(&x->w);
    cr_assert_eq(x->w.mounted, FILE_OK);
    lfs_world_idle(&x->w);
    lfs_world_fsck(&x->w, true);
    uint64_t b = lfs_world_lookup(&x->w, "b");
    cr_assert(b == 0 || b == x->thing[0].handle, "it is back");
    cr_assert_eq(lfs_world_op(&x->w, FILE_STAT, x->thing[1].handle, 0), FILE_NO_FILE);
    lfs_world_fini(&x->w);
    free(x);
}

/* LFS4. */
Test(lfs_sequences, across_two_crashes_what_was_replaced_stays_away)
{
    for (uint64_t k = 0; k < 8; k++)
        replaced_stays_away(k);
}

/* VSO4. */
Test(vstore_sequences, across_two_crashes_what_was_replaced_stays_away)
{
    store = true;
    for (uint64_t k = 0; k < 20 * 8; k++)
        replaced_stays_away(k);
}

/* VSO8: b's record is refused once, or twice. */
Test(vstore_sequences, a_record_of_a_name_that_is_refused_twice_ends_it_until_a_mount)
{
    static struct world x;
    store = true;
    for (uint32_t k = 0; k < 4; k++) {
        bool twice = k % 2 == 1, renames = k / 2 == 1;
        uint64_t file;
        struct crash c = { .at = 0 };
        prepare(&x, &c, "");
        x.w.fail_writes = true;
        x.w.fail_from = 1 + 2 * 2; /* object 1, two records of two sectors */
        x.w.fail_to = x.w.fail_from + 2 * 2;
        x.w.fail_count = twice ? 2 : 1;
        uint64_t a = x.thing[0].handle, b = x.thing[1].handle;
        enum file_status s = renames ? lfs_world_move(&x.w, FILE_ROOT, "a", FILE_ROOT, "b")
                                     : lfs_world_drop(&x.w, b, 0);
        cr_assert_eq(s, renames && !twice ? FILE_OK : FILE_IO_ERROR);
        cr_assert_eq(lfs_world_create(&x.w, "new", &file), twice ? FILE_IO_ERROR : FILE_OK);
        lfs_world_restart(&x.w);
        cr_assert_eq(lfs_world_lookup(&x.w, "b"), renames ? a : b);
        lfs_world_idle(&x.w);
        lfs_world_fsck(&x.w, true);
        cr_assert_eq(lfs_world_op(&x.w, FILE_STAT, b, 0), renames ? FILE_NO_FILE : FILE_OK);
        cr_assert_eq(lfs_world_create(&x.w, "newer", &file), FILE_OK);
        lfs_world_fini(&x.w);
    }
}
