/* test_vstore_crash.c: the node dies at every device write of every sequence of up to three
 * requests, whole, torn or not begun, over a disk with and without a volatile cache; what a mount
 * then finds is what store.h promises (VSO3 to VSO6).
 *
 * The oracle keeps for each object every state that a commit may have left: all since the last that
 * was answered.  After the crash the object is in one of them, checkpoints included.
 */
#include "os/vesta/store.h"
#include "tests/os/lfs_world.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 128, BLOCK = 256, SPAN = 18 * BLOCK, STATES = 8, SECTORS = 84 };
/* Of the device 15 blocks are for data: what is given up is used again soon. */
enum { ALPHA, BETA, GAMMA, OBJECTS }; /* gamma is created by a sequence */

static const struct vst_params params = { .block = BLOCK,
                                          .objects = 4,
                                          .cache = 4,
                                          .dirty_fraction = 0.5,
                                          .max_io = 2 * BLOCK,
                                          .flush_delay = SIM_SEC };

struct content {
    size_t size;
    uint8_t bytes[SPAN];
};

struct state {
    bool there, named_b;
    uint64_t kept[2]; /* numbers of its checkpoints, newest first; 0: none */
    struct content now, was[2];
};

struct object {
    uint64_t file;
    struct state s[STATES]; /* oldest: on the device for certain; newest: in memory */
    uint32_t count;
};

enum action {
    WRITE_A,
    GROW_A, /* behind the first leaf of its tree */
    CUT_A,
    SYNC_A,
    CHECKPOINT_A,
    PREPARE_A, /* a checkpoint that keeps the one before */
    ROLLBACK_A,
    WRITE_B,
    REMOVE_B,
    RENAME_A_B,
    CREATE_C,
    WAIT, /* until what is delayed is committed */
    ACTIONS
};

struct world {
    struct lfs_world w;
    struct object o[OBJECTS];
    char what[80]; /* for failures */
};

static struct state *newest(struct object *x)
{
    return &x->s[x->count - 1];
}

static struct state *push(struct object *x)
{
    cr_assert_lt(x->count, STATES);
    x->s[x->count] = x->s[x->count - 1];
    return &x->s[x->count++];
}

/* The commit of its newest state was answered. */
static void committed(struct object *x)
{
    x->s[0] = *newest(x);
    x->count = 1;
}

static void cut(struct content *c, size_t size)
{
    if (size < c->size)
        memset(c->bytes + size, 0, c->size - size);
    c->size = size;
}

/* A request that found no room did nothing. */
static bool given(struct object *x, enum file_status s)
{
    x->count -= s == FILE_NO_SPACE;
    return s == FILE_OK || s == FILE_NO_SPACE;
}

static bool write_at(struct world *x, int i, uint32_t off, uint32_t n, uint8_t value)
{
    struct content *c = &push(&x->o[i])->now;
    if (off + n > SPAN)
        n = SPAN - off;
    memset(c->bytes + off, value, n);
    c->size = off + n > c->size ? off + n : c->size;
    return given(&x->o[i], lfs_world_write(&x->w, x->o[i].file, off, c->bytes + off, n));
}

static bool checkpoint(struct world *x, bool keep)
{
    struct state *s = push(&x->o[ALPHA]);
    uint64_t number = s->kept[0] + 1;
    s->kept[1] = keep ? s->kept[0] : 0;
    s->was[1] = s->was[0];
    s->kept[0] = number;
    s->was[0] = s->now;
    return lfs_world_op(&x->w, FILE_CHECKPOINT, x->o[ALPHA].file, keep ? number : 0) == FILE_OK;
}

static bool rename_a_b(struct world *x)
{
    struct file_req r;
    push(&x->o[ALPHA])->named_b = true;
    push(&x->o[BETA])->there = false;
    file_req_init(&r, FILE_RENAME, NULL, NULL);
    r.name = "a";
    r.to_name = "b";
    lfs_world_do(&x->w, &r);
    return r.status == FILE_OK;
}

/* False: the node died.  What the request commits is known to be on the device once it is done. */
static bool act(struct world *x, enum action a, uint8_t value)
{
    struct object *alpha = &x->o[ALPHA], *beta = &x->o[BETA], *gamma = &x->o[GAMMA];
    bool done = true;
    switch (a) {
    case WRITE_A:
        return write_at(x, ALPHA, 200, 2 * BLOCK, value);
    case GROW_A:
        return write_at(x, ALPHA, 16 * BLOCK + 100, 300, value);
    case CUT_A:
        cut(&push(alpha)->now, 300);
        return given(alpha, lfs_world_op(&x->w, FILE_SIZE, alpha->file, 300));
    case SYNC_A:
        done = lfs_world_op(&x->w, FILE_FLUSH, alpha->file, 0) == FILE_OK;
        break;
    case CHECKPOINT_A:
    case PREPARE_A:
        done = checkpoint(x, a == PREPARE_A);
        break;
    case ROLLBACK_A:
        push(alpha)->now = newest(alpha)->was[0];
        done = lfs_world_op(&x->w, FILE_ROLLBACK, alpha->file, 0) == FILE_OK;
        break;
    case WRITE_B:
        return !newest(beta)->there || write_at(x, BETA, BLOCK + 10, BLOCK, value);
    case REMOVE_B:
        if (!newest(beta)->there)
            return true;
        push(beta)->there = false;
        if (lfs_world_op(&x->w, FILE_REMOVE, beta->file, 0) != FILE_OK)
            return false;
        committed(beta);
        return true;
    case RENAME_A_B:
        if (newest(alpha)->named_b)
            return true;
        done = rename_a_b(x);
        if (done)
            committed(beta);
        break;
    case CREATE_C:
        if (newest(gamma)->there)
            return true;
        push(gamma)->there = true;
        if (lfs_world_create(&x->w, "c", &gamma->file) != FILE_OK)
            return false;
        committed(gamma);
        return true;
    default:
        lfs_world_idle(&x->w);
        done = !x->w.crashed;
        if (done)
            committed(beta);
    }
    if (done)
        committed(alpha);
    return done;
}

/* ---- what a mount finds ---- */

static bool is(struct lfs_world *w, uint64_t file, const struct content *c)
{
    static uint8_t got[SPAN + 1];
    size_t n = 0;
    cr_assert_eq(lfs_world_read(w, file, 0, got, sizeof got, &n), FILE_OK);
    return n == c->size && memcmp(got, c->bytes, n) == 0;
}

/* Strikes out the states that the object is not in; what is left in `may`. */
static void compare(struct world *x, int i, bool may[STATES])
{
    static const char *const names[] = { "a", "b", "c" };
    struct object *o = &x->o[i];
    uint64_t a = lfs_world_lookup(&x->w, names[i]), b = lfs_world_lookup(&x->w, "b");
    bool there = o->file != 0 && (a == o->file || b == o->file);
    for (uint32_t k = 0; k < o->count; k++)
        may[k] =
            o->s[k].there == there && (!there || o->s[k].named_b == (b == o->file) || i == BETA);
    if (i == GAMMA && o->file == 0) /* its handle was never told */
        for (uint32_t k = 0; k < o->count; k++)
            may[k] = o->s[k].there == (a != 0);
    if (!there)
        return;
    for (uint32_t k = 0; k < o->count; k++)
        may[k] = may[k] && is(&x->w, o->file, &o->s[k].now);
    for (int at = 0; at < 2; at++) { /* to go back drops what is newer: that one is asked first */
        for (uint32_t k = o->count; k-- > 0;) {
            if (!may[k])
                continue;
            enum file_status want = o->s[k].kept[at] > 0 ? FILE_OK : FILE_NO_VERSION;
            uint64_t number = o->s[k].kept[at] > 0 ? o->s[k].kept[at] : 99;
            may[k] = lfs_world_op(&x->w, FILE_ROLLBACK, o->file, number) == want &&
                     (want != FILE_OK || is(&x->w, o->file, &o->s[k].was[at]));
        }
    }
}

static void recover(struct world *x, bool twice)
{
    bool may[OBJECTS][STATES] = { 0 };
    lfs_world_restart(&x->w);
    cr_assert_eq(x->w.mounted, FILE_OK, "%s", file_status_name(x->w.mounted));
    if (twice) /* it dies again before the mount has done what a rename left */
        lfs_world_restart(&x->w);
    lfs_world_fsck(&x->w, false);
    lfs_world_idle(&x->w);
    lfs_world_fsck(&x->w, true);
    bool moved = lfs_world_lookup(&x->w, "b") == x->o[ALPHA].file;
    for (int i = 0; i < OBJECTS; i++) {
        bool any = false;
        compare(x, i, may[i]);
        for (int k = 0; k < STATES; k++)
            any |= may[i][k];
        cr_assert(any, "object %d is as it never was: %s", i, x->what);
    }
    bool was_there = false; /* beta, in a state from before the rename */
    for (uint32_t k = 0; k < x->o[BETA].count; k++)
        was_there |= may[BETA][k] && x->o[BETA].s[k].there;
    cr_assert(!moved || !was_there);
    lfs_world_fsck(&x->w, true);
    uint64_t file;
    cr_assert_eq(lfs_world_create(&x->w, "after", &file), FILE_OK);
    cr_assert_eq(lfs_world_write(&x->w, file, 3, "x", 1), FILE_OK);
    cr_assert_eq(lfs_world_op(&x->w, FILE_FLUSH, 0, 0), FILE_OK);
    lfs_world_fsck(&x->w, true);
}

struct disk {
    bool cache;
    enum fake_order order;
};

/* Device writes of the sequence; it dies at the `at`-th (0: it does not). */
static uint64_t sequence(const enum action *a, uint32_t n, uint64_t at, uint32_t torn,
                         struct disk d)
{
    static struct world x;
    memset(&x, 0, sizeof x);
    lfs_world_store(&x.w,
                    &(struct fake_options){ .nodes = 1,
                                            .disks = 1,
                                            .sector_bytes = SECTOR,
                                            .disk_sectors = SECTORS,
                                            .disk_cache = d.cache,
                                            .order = d.order,
                                            .seed = at + 1 },
                    &params);
    for (int i = 0; i < OBJECTS; i++)
        x.o[i].count = 1;
    x.o[ALPHA].s[0].there = x.o[BETA].s[0].there = true;
    cr_assert_eq(lfs_world_create(&x.w, "a", &x.o[ALPHA].file), FILE_OK);
    cr_assert_eq(lfs_world_create(&x.w, "b", &x.o[BETA].file), FILE_OK);
    cr_assert(write_at(&x, ALPHA, 0, 3 * BLOCK, 1) && write_at(&x, BETA, 0, BLOCK, 2));
    cr_assert(checkpoint(&x, false));
    cr_assert(write_at(&x, ALPHA, 0, 3 * BLOCK, 3)); /* blocks that no checkpoint names */
    cr_assert_eq(lfs_world_op(&x.w, FILE_FLUSH, 0, 0), FILE_OK);
    for (int i = 0; i < OBJECTS; i++)
        committed(&x.o[i]);
    (void)snprintf(x.what, sizeof x.what, "%d %d %d, write %d, torn %u, cache %d", (int)a[0],
                   n > 1 ? (int)a[1] : -1, n > 2 ? (int)a[2] : -1, (int)at, torn, d.cache);
    x.w.writes = 0;
    x.w.crash_at_write = at;
    x.w.torn_sectors = torn;
    for (uint32_t i = 0; i < n && !x.w.crashed; i++)
        (void)act(&x, a[i], (uint8_t)(10 * i + 20));
    if (!x.w.crashed)
        lfs_world_idle(&x.w);
    uint64_t writes = x.w.writes;
    cr_assert_eq(x.w.crashed, at > 0, "a crash point that is no device write");
    recover(&x, at % 2 == 1);
    lfs_world_fini(&x.w);
    return writes;
}

/* LFS_CRASH_STRIDE=1: all (scripts/soak-crash); else a sample. */
Test(vstore_crash, after_a_crash_at_every_write_of_every_sequence_the_state_is_allowed,
     .timeout = 86400)
{
    static const uint32_t torn[] = { 0, 1, 3, UINT32_MAX };
    static const struct disk disks[] = { { false, FAKE_IN_ORDER },
                                         { false, FAKE_RANDOM },
                                         { true, FAKE_IN_ORDER },
                                         { true, FAKE_RANDOM } };
    uint64_t all = 0, points = 0, writes = 0;
    uint64_t stride =
        getenv("LFS_CRASH_STRIDE") ? sample("LFS_CRASH_STRIDE", 1) : 11 * sample_one_in();
    for (uint32_t n = 1; n <= 3; n++) {
        uint32_t sequences = 1;
        for (uint32_t i = 0; i < n; i++)
            sequences *= ACTIONS;
        for (uint32_t c = 0; c < sequences; c++) {
            enum action a[3] = { c % ACTIONS, c / ACTIONS % ACTIONS, c / ACTIONS / ACTIONS };
            if (all++ % (n == 1 ? 1 : stride) > 0)
                continue;
            for (size_t d = 0; d < ARRAY_LEN(disks); d++) {
                uint64_t k = sequence(a, n, 0, 0, disks[d]);
                writes += k;
                for (uint64_t at = 1; at <= k; at++, points++)
                    for (size_t t = 0; t < ARRAY_LEN(torn); t++)
                        (void)sequence(a, n, at, torn[t], disks[d]);
            }
        }
    }
    cr_assert_eq(points, writes);
    cr_assert(sample_saw(points, 400), "%d points", (int)points);
}
