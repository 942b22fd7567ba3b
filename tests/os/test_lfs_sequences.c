/* test_lfs_sequences.c: every sequence of up to three operations on names and contents; the node
 * dies at every device write, whole or torn, or the power goes and a disk with a cache keeps any
 * part of what no flush covered: what a mount then finds is a state that lfs.h allows (LFS4, LFS7).
 */
#include "os/lfs/lfs_internal.h"
#include "tests/os/lfs_world.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { SPAN = 8192, SECTOR = 128, FILES = 8, KEPT = 6, ROOT = -1, NONE = -2 };

struct thing { /* a file or directory; its number is its place */
    bool dir;
    int parent; /* ROOT, a directory, or NONE: it is not there */
    char name[2];
    uint64_t handle;
    uint32_t count; /* what it may hold: the first is on the device, the last in memory */
    uint8_t bytes[KEPT][SPAN];
    size_t size[KEPT];
};

struct world {
    struct lfs_world w;
    struct thing now[FILES];
    struct thing was[FILES]; /* names before the operation under way */
    uint32_t things;
    /* A write fails: */
    bool told;                 /* a request has failed by it */
    bool doubt;                /* until a crash it is not done; then perhaps, and */
    struct thing maybe[FILES]; /* names are these */
    bool ended;                /* the last operation ended well */
};

enum action {
    CREATE_A,
    CREATE_C,
    MKDIR_E,
    WRITE_A,
    APPEND_A,
    CUT_A,
    A_OVER_B,
    A_INTO_D,
    B_TO_C,
    D_TO_E,
    A_OUT_OF_D,
    REMOVE_A,
    REMOVE_B,
    REMOVE_D,
    SYNC_A,
    SYNC_ALL,
    ACTIONS
};

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
    struct lfs_params p = lfs_world_params();
    p.fragment = fragment;
    p.files = 12;
    p.fsck = true;
    lfs_world_init(w,
                   &(struct fake_options){ .nodes = 1,
                                           .disks = 1,
                                           .sector_bytes = SECTOR,
                                           .disk_sectors = 1600,
                                           .disk_junk = true,
                                           .disk_cache = c->cache },
                   &p);
    fake_on_power_off(w->fake, stays, c);
}

static struct thing *find(struct world *x, int parent, char name)
{
    for (uint32_t i = 0; i < x->things; i++)
        if (x->now[i].parent == parent && x->now[i].name[0] == name)
            return &x->now[i];
    return NULL;
}

static int number(const struct world *x, const struct thing *t)
{
    return t == NULL ? NONE : (int)(t - x->now);
}

static uint64_t handle(const struct world *x, int dir)
{
    return dir == ROOT ? FILE_ROOT : x->now[dir].handle;
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

static void make(struct world *x, char name, bool dir)
{
    struct thing *t = &x->now[x->things];
    struct file_req r;
    bool taken = find(x, ROOT, name) != NULL;
    if (!taken) {
        memset(t, 0, sizeof *t);
        t->dir = dir;
        t->parent = ROOT;
        t->name[0] = name;
        t->count = 1;
        x->was[x->things++].parent = NONE;
    }
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.name = (char[]){ name, 0 };
    r.attr.mode = dir ? FILE_MODE_DIR | 0777 : 0666;
    lfs_world_do(&x->w, &r);
    if (!taken)
        t->handle = r.file;
    (void)expect(x, r.status, taken ? FILE_EXISTS : FILE_OK);
}

static void rename_to(struct world *x, int dir, char name, int to_dir, char to)
{
    struct thing *t = find(x, dir, name), *there = find(x, to_dir, to);
    if (dir == NONE || to_dir == NONE)
        return;
    enum file_status want = t == NULL ? FILE_NO_FILE : FILE_OK;
    if (t != NULL && there != NULL && t != there && (t->dir || there->dir))
        want = FILE_EXISTS;
    if (want == FILE_OK) {
        if (there != NULL)
            there->parent = NONE;
        t->parent = to_dir;
        t->name[0] = to;
    }
    (void)expect(x,
                 lfs_world_move(&x->w, handle(x, dir), (char[]){ name, 0 }, handle(x, to_dir),
                                (char[]){ to, 0 }),
                 want);
}

static void remove_it(struct world *x, struct thing *t)
{
    if (t == NULL)
        return;
    bool full = false;
    for (uint32_t i = 0; i < x->things; i++)
        full |= x->now[i].parent == number(x, t);
    if (!full)
        t->parent = NONE;
    (void)expect(x, lfs_world_drop(&x->w, t->handle, 0), full ? FILE_NOT_EMPTY : FILE_OK);
}

static void change(struct world *x, struct thing *t, enum action a, uint8_t salt)
{
    if (t == NULL)
        return;
    size_t size = t->size[t->count - 1];
    size_t off = a == WRITE_A ? 500 : size, n = a == WRITE_A ? 2900 : 1500;
    if (a == CUT_A) {
        content(t, 1000, 0, 0, 0);
        (void)expect(x, lfs_world_op(&x->w, FILE_SIZE, t->handle, 1000), FILE_OK);
        return;
    }
    content(t, off + n > size ? off + n : size, off, n, salt);
    (void)expect(x, lfs_world_write(&x->w, t->handle, off, t->bytes[t->count - 1] + off, n),
                 FILE_OK);
}

static bool names(enum action a)
{
    return a < WRITE_A || (a > CUT_A && a < SYNC_A);
}

/* What a request that failed did to names is not done, unless a crash shows it. */
static void take_back(struct world *x)
{
    memcpy(x->maybe, x->now, sizeof x->now);
    x->doubt = true;
    for (uint32_t i = 0; i < x->things; i++) {
        x->now[i].parent = x->was[i].parent;
        x->now[i].name[0] = x->was[i].name[0];
    }
}

/* Blocks that could not be written keep what they had. */
static void flushed(const struct world *x, struct thing *t)
{
    if (!x->w.failed)
        newest_is_safe(t);
}

static void act(struct world *x, enum action a, uint8_t salt)
{
    bool told = x->told;
    x->ended = false;
    struct thing *file = find(x, ROOT, 'a'), *b = find(x, ROOT, 'b'), *d = find(x, ROOT, 'd');
    memcpy(x->was, x->now, sizeof x->now);
    switch (a) {
    case CREATE_A:
    case CREATE_C:
    case MKDIR_E:
        make(x, a == CREATE_A ? 'a' : a == CREATE_C ? 'c' : 'e', a == MKDIR_E);
        break;
    case WRITE_A:
    case APPEND_A:
    case CUT_A:
        change(x, file, a, salt);
        break;
    case A_OVER_B:
        rename_to(x, ROOT, 'a', ROOT, 'b');
        break;
    case A_INTO_D:
        rename_to(x, ROOT, 'a', number(x, d), 'a');
        break;
    case A_OUT_OF_D:
        rename_to(x, number(x, d), 'a', ROOT, 'a');
        break;
    case B_TO_C:
        rename_to(x, ROOT, 'b', ROOT, 'c');
        break;
    case D_TO_E:
        rename_to(x, ROOT, 'd', ROOT, 'e');
        break;
    case REMOVE_A:
    case REMOVE_B:
    case REMOVE_D:
        remove_it(x, a == REMOVE_A ? file : a == REMOVE_B ? b : d);
        break;
    case SYNC_A:
        if (file != NULL && expect(x, lfs_world_op(&x->w, FILE_FLUSH, file->handle, 0), FILE_OK))
            flushed(x, file);
        break;
    default:
        if (expect(x, lfs_world_op(&x->w, FILE_FLUSH, 0, 0), FILE_OK))
            for (uint32_t i = 0; i < x->things; i++)
                flushed(x, &x->now[i]);
    }
    if (x->told && !told && names(a))
        take_back(x);
    x->doubt = x->doubt && !(x->ended && (names(a) || a >= SYNC_A));
    if (!x->w.crashed)
        memcpy(x->was, x->now, sizeof x->now);
}

/* Whether the names on the device are those of `t`. */
static bool names_are(struct world *x, const struct thing *t)
{
    uint32_t want = 0, got = 0;
    for (uint32_t i = 0; i < x->things; i++) {
        if (t[i].parent == NONE)
            continue;
        want++;
        uint64_t dir = t[i].parent == ROOT ? FILE_ROOT : t[t[i].parent].handle;
        uint64_t found = lfs_world_look(&x->w, dir, t[i].name);
        if (found == 0 || (t[i].handle != 0 && found != t[i].handle))
            return false;
    }
    for (struct lfs_file *f = lfs_next_file(x->w.fs, 0); f != NULL;
         f = lfs_next_file(x->w.fs, f->ino + 1))
        got++;
    return want == got;
}

static void contents_are_allowed(struct world *x, const struct thing *names)
{
    static uint8_t got[SPAN + 1];
    for (uint32_t i = 0; i < x->things; i++) {
        const struct thing *t = &x->now[i];
        size_t size = 0;
        bool good = false;
        if (names[i].parent == NONE || t->dir || t->handle == 0)
            continue;
        cr_assert_eq(lfs_world_read(&x->w, t->handle, 0, got, sizeof got, &size), FILE_OK);
        for (uint32_t k = 0; k < t->count; k++)
            good |= t->size[k] == size;
        cr_assert(good, "%s has %d bytes, which it never had", t->name, (int)size);
        for (size_t s = 0; s < size; s += SECTOR) {
            size_t n = size - s < SECTOR ? size - s : SECTOR;
            good = false;
            for (uint32_t k = 0; k < t->count; k++)
                good |= memcmp(got + s, t->bytes[k] + s, n) == 0;
            cr_assert(good, "%s: the sector at %d was never like that", t->name, (int)s);
        }
    }
}

/* Until the sequence begins. */
static void prepare(struct world *x, struct crash *c)
{
    memset(x, 0, sizeof *x);
    c->sectors = 0;
    start(&x->w, c);
    make(x, 'a', false);
    make(x, 'b', false);
    make(x, 'd', true);
    change(x, &x->now[0], WRITE_A, 1);
    change(x, &x->now[1], APPEND_A, 2);
    act(x, SYNC_ALL, 0);
    x->w.writes = x->w.flushes = 0;
    x->w.torn_sectors = c->torn;
}

/* After a crash the names are those of one of three, and contents with them. */
static void check_after(struct world *x, const struct thing *other, bool may)
{
    lfs_world_restart(&x->w);
    cr_assert_eq(x->w.mounted, FILE_OK, "%s", file_status_name(x->w.mounted));
    lfs_world_check(&x->w);
    bool now = names_are(x, x->now);
    cr_assert(now || (may && names_are(x, other)), "the names are neither those before nor after");
    contents_are_allowed(x, now ? x->now : other);
}

/* Device writes of the sequence, which ends by a crash in any case. */
static uint64_t sequence(const enum action *a, uint32_t n, struct crash *c)
{
    static struct world x;
    prepare(&x, c);
    x.w.crash_at_write = c->at;
    for (uint32_t i = 0; i < n && !x.w.crashed; i++)
        act(&x, a[i], (uint8_t)(10 * i + 20));
    if (!x.w.crashed)
        lfs_world_idle(&x.w);
    uint64_t writes = x.w.writes;
    cr_assert_eq(x.w.crashed, c->at > 0, "a crash point that is no device write");
    check_after(&x, x.was, true);
    lfs_world_fini(&x.w);
    return writes;
}

static const uint32_t torn[] = { 0, 1, UINT32_MAX };

/* A crash at every device write; how many there were. */
static uint64_t every_write(const enum action *a, uint32_t n, uint64_t writes)
{
    for (uint64_t at = 1; at <= writes; at++)
        for (size_t t = 0; t < ARRAY_LEN(torn); t++)
            (void)sequence(a, n, &(struct crash){ .at = at, .torn = torn[t] });
    return writes;
}

/* And of what no flush covered then nothing, all, all but one or any is left. */
static uint64_t every_part(const enum action *a, uint32_t n, uint64_t writes)
{
    enum { FEW = 24 };
    for (uint64_t at = 1; at <= writes; at++)
        for (size_t t = 0; t < ARRAY_LEN(torn); t++) {
            struct crash c = { .at = at, .torn = torn[t], .cache = true, .left = NO_SECTOR };
            (void)sequence(a, n, &c);
            uint32_t sectors = c.sectors;
            for (c.left = EVERY_SECTOR; c.left <= ANY && sectors > 0; c.left++) {
                uint32_t times = c.left == EVERY_SECTOR ? 1 : sectors < FEW ? sectors : FEW;
                for (c.one = 0; c.one < times; c.one++)
                    (void)sequence(a, n, &c);
            }
        }
    return writes;
}

/* One in `stride` of all sequences of up to three operations, those of one all. */
static void all_sequences(bool cache, uint64_t stride,
                          uint64_t (*crashes)(const enum action *a, uint32_t n, uint64_t writes))
{
    uint64_t all = 0, points = 0, writes = 0;
    draw_state = 1;
    for (uint32_t turn = 0; turn < 6; turn++) {
        uint32_t count = 1, n = 1 + turn / 2, pass = turn % 2;
        if (pass > 0 && n > 1 && stride > 1)
            continue; /* each with fragments or without */
        for (uint32_t i = 0; i < n; i++)
            count *= ACTIONS;
        for (uint32_t c = 0; c < count; c++) {
            enum action a[3] = { c % ACTIONS, c / ACTIONS % ACTIONS, c / ACTIONS / ACTIONS };
            if (all++ % (n == 1 ? 1 : stride) > 0)
                continue;
            fragment = (all / stride + pass) % 2 ? 256 : 0;
            uint64_t k = sequence(a, n, &(struct crash){ .cache = cache });
            writes += k;
            points += crashes(a, n, k);
        }
    }
    cr_assert_eq(points, writes);
    cr_assert_gt(points, 30);
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
    make(x, 'q', true);
    make(x, 'z', false);
    rename_to(x, ROOT, 'z', number(x, find(x, ROOT, 'q')), 'z');
    for (uint32_t i = 0; i < x->things; i++) {
        struct thing *t = &x->now[i];
        if (t->parent == NONE || t->dir)
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
static bool failing(const enum action *a, uint32_t n, struct crash *c, bool flush, bool on)
{
    static struct world x;
    prepare(&x, c);
    x.w.fail_at_write = flush ? 0 : c->at;
    x.w.fail_at_flush = flush ? c->at : 0;
    for (uint32_t i = 0; i < n; i++) {
        act(&x, a[i], (uint8_t)(10 * i + 20));
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
    check_after(&x, x.maybe, x.doubt);
    lfs_world_fini(&x.w);
    return failed;
}

static uint64_t every_failure(const enum action *a, uint32_t n, uint64_t writes)
{
    for (int cache = 0; cache < 2; cache++) {
        for (uint64_t at = 1; at <= writes; at++)
            for (size_t t = 0; t < ARRAY_LEN(torn); t++) {
                struct crash c = { .at = at, .torn = torn[t], .cache = cache == 1 };
                (void)failing(a, n, &c, false, false);
                cr_assert(failing(a, n, &c, false, true), "a write that is none");
            }
        struct crash c = { .at = 1, .cache = cache == 1 };
        for (bool more = true; more; c.at++) {
            more = failing(a, n, &c, true, true);
            (void)failing(a, n, &c, true, false);
        }
    }
    return writes;
}

/* LFS6, LFSI10. */
Test(lfs_sequences, after_a_write_that_failed_all_works, .timeout = 86400)
{
    all_sequences(false, stride(97), every_failure);
}
