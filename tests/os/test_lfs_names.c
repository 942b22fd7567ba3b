/* test_lfs_names.c: directories, modes and times of the local file system; and the node dies at
 * every device write, whole or torn, of every sequence of up to three operations: what a mount then
 * finds is a state that lfs.h allows (LFS4, LFS7).
 */
#include "os/lfs/lfs_internal.h"
#include "tests/os/lfs_world.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static enum file_status named(struct lfs_world *w, struct file_req *r, enum file_op op,
                              uint64_t dir, const char *name, uint32_t uid)
{
    file_req_init(r, op, NULL, NULL);
    r->dir = r->to_dir = dir;
    r->name = name;
    r->uid = r->gid = uid;
    lfs_world_do(w, r);
    return r->status;
}

static enum file_status make_dir(struct lfs_world *w, uint64_t dir, const char *name, uint32_t mode,
                                 uint64_t *file)
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

static enum file_status move(struct lfs_world *w, uint64_t dir, const char *name, uint64_t to_dir,
                             const char *to_name)
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

static uint64_t look(struct lfs_world *w, uint64_t dir, const char *name)
{
    struct file_req r;
    return named(w, &r, FILE_LOOKUP, dir, name, 0) == FILE_OK ? r.file : 0;
}

static enum file_status drop(struct lfs_world *w, uint64_t file, uint32_t uid)
{
    struct file_req r;
    file_req_init(&r, FILE_REMOVE, NULL, NULL);
    r.file = file;
    r.uid = r.gid = uid;
    lfs_world_do(w, &r);
    return r.status;
}

static int64_t fragment; /* of the next one that starts */

static void start(struct lfs_world *w)
{
    struct lfs_params p = lfs_world_params();
    p.fragment = fragment;
    p.files = 12;
    p.fsck = true;
    lfs_world_init(
        w,
        &(struct fake_options){ .nodes = 1, .disks = 1, .sector_bytes = 128, .disk_sectors = 1600 },
        &p);
}

Test(lfs_names, a_path_is_looked_up_by_its_components)
{
    struct lfs_world w;
    struct file_req r;
    struct file_entry x;
    uint64_t home, user, a, other;
    start(&w);
    cr_assert_eq(make_dir(&w, FILE_ROOT, "home", 0777, &home), FILE_OK);
    cr_assert_eq(make_dir(&w, home, "user", 0777, &user), FILE_OK);
    cr_assert_eq(named(&w, &r, FILE_CREATE, user, "a", 0), FILE_OK);
    a = r.file;
    cr_assert_eq(named(&w, &r, FILE_CREATE, home, "a", 0), FILE_OK);
    other = r.file;
    cr_assert_neq(a, other, "one name in two directories is two files");
    cr_assert_eq(named(&w, &r, FILE_LOOKUP, a, "b", 0), FILE_NOT_DIR);
    cr_assert_eq(named(&w, &r, FILE_LOOKUP, user, "b", 0), FILE_NO_FILE);
    cr_assert_eq(named(&w, &r, FILE_CREATE, user + (UINT64_C(9) << 32), "b", 0), FILE_NO_FILE);
    cr_assert_eq(lfs_world_write(&w, user, 0, "x", 1), FILE_IS_DIR);
    cr_assert_eq(drop(&w, home, 0), FILE_NOT_EMPTY);
    cr_assert_eq(move(&w, FILE_ROOT, "home", user, "loop"), FILE_LOOP);
    cr_assert_eq(move(&w, home, "a", FILE_ROOT, "home"), FILE_EXISTS);
    cr_assert_eq(move(&w, home, "b", FILE_ROOT, "c"), FILE_NO_FILE);
    cr_assert_eq(lfs_world_write(&w, other, 0, "other", 5), FILE_OK);
    cr_assert_eq(move(&w, home, "a", user, "a"), FILE_OK, "a file is replaced");
    cr_assert_eq(lfs_world_write(&w, a, 0, "x", 1), FILE_NO_FILE);
    cr_assert_eq(move(&w, FILE_ROOT, "home", FILE_ROOT, "house"), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, 0, 0), FILE_OK);
    for (int life = 0; life < 2; life++) {
        lfs_world_check(&w);
        cr_assert_eq(look(&w, FILE_ROOT, "home"), 0);
        cr_assert_eq(look(&w, FILE_ROOT, "house"), home);
        cr_assert_eq(look(&w, home, "user"), user);
        cr_assert_eq(look(&w, user, "a"), other);
        cr_assert_eq(named(&w, &r, FILE_LIST, home, NULL, 0), FILE_OK);
        cr_assert(file_entry_next(&r.data, &x) && strcmp(x.name, "user") == 0);
        cr_assert_not(file_entry_next(&r.data, &x));
        rope_fini(&r.data);
        lfs_world_restart(&w);
        cr_assert_eq(w.mounted, FILE_OK);
    }
    cr_assert_eq(drop(&w, other, 0), FILE_OK);
    cr_assert_eq(drop(&w, user, 0), FILE_OK);
    cr_assert_eq(drop(&w, home, 0), FILE_OK);
    lfs_world_fini(&w);
}

Test(lfs_names, a_mode_refuses_and_times_tell)
{
    struct lfs_world w;
    struct file_req r;
    uint64_t open, closed, a;
    uint8_t byte;
    start(&w);
    cr_assert_eq(make_dir(&w, FILE_ROOT, "open", 0777, &open), FILE_OK);
    cr_assert_eq(make_dir(&w, FILE_ROOT, "closed", 0700, &closed), FILE_OK);
    cr_assert_eq(named(&w, &r, FILE_CREATE, closed, "a", 7), FILE_DENIED);
    cr_assert_eq(named(&w, &r, FILE_LOOKUP, closed, "a", 7), FILE_DENIED);
    cr_assert_eq(named(&w, &r, FILE_LIST, closed, NULL, 7), FILE_DENIED);
    cr_assert_eq(named(&w, &r, FILE_CREATE, open, "a", 7), FILE_OK);
    a = r.file;
    file_req_init(&r, FILE_CHANGE, NULL, NULL);
    r.file = a;
    r.uid = 8;
    r.attr = (struct file_attr){ .mode = 0600, .uid = 7, .gid = 7 };
    lfs_world_do(&w, &r);
    cr_assert_eq(r.status, FILE_DENIED, "only the owner changes a mode");
    r.uid = r.gid = 7;
    lfs_world_do(&w, &r);
    cr_assert_eq(r.status, FILE_OK);
    r.attr.uid = 8;
    lfs_world_do(&w, &r);
    cr_assert_eq(r.status, FILE_DENIED, "a file is given away by user 0");
    for (uint32_t uid = 7; uid <= 8; uid++) {
        file_req_init(&r, FILE_WRITE, NULL, NULL);
        r.file = a;
        r.uid = uid;
        file_range(&r, 0, 1);
        rope_add_bytes(&r.data, "x", 1);
        lfs_world_do(&w, &r);
        rope_fini(&r.data);
        cr_assert_eq(r.status, uid == 7 ? FILE_OK : FILE_DENIED);
    }
    lfs_world_idle(&w);
    struct file_attr before = { 0 };
    for (int life = 0; life < 2; life++) {
        file_req_init(&r, FILE_STAT, NULL, NULL);
        r.file = a;
        lfs_world_do(&w, &r);
        cr_assert(r.attr.mode == 0600 && r.attr.uid == 7 && r.attr.gid == 7 && r.attr.size == 1);
        cr_assert(r.attr.mtime > r.attr.ctime || life > 0 || r.attr.mtime > 0);
        cr_assert(life == 0 || (before.mtime == r.attr.mtime && before.ctime == r.attr.ctime));
        before = r.attr;
        lfs_world_restart(&w);
    }
    size_t n;
    cr_assert_eq(lfs_world_read(&w, a, 0, &byte, 1, &n), FILE_OK, "user 0 may do all");
    lfs_world_fini(&w);
}

/* ---- every sequence, every crash ---- */

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
    struct thing *was; /* names before the operation under way */
    uint32_t things;
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

/* Expects the status that the names call for; true: it was done. */
static bool expect(struct world *x, enum file_status got, enum file_status want)
{
    if (x->w.crashed)
        return false;
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
    (void)expect(
        x, move(&x->w, handle(x, dir), (char[]){ name, 0 }, handle(x, to_dir), (char[]){ to, 0 }),
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
    (void)expect(x, drop(&x->w, t->handle, 0), full ? FILE_NOT_EMPTY : FILE_OK);
}

static void change(struct world *x, struct thing *t, enum action a, uint8_t salt)
{
    if (t == NULL)
        return;
    size_t size = t->size[t->count - 1];
    size_t off = a == WRITE_A ? 500 : size, n = a == WRITE_A ? 2900 : 600;
    if (a == CUT_A) {
        content(t, 1000, 0, 0, 0);
        (void)expect(x, lfs_world_op(&x->w, FILE_SIZE, t->handle, 1000), FILE_OK);
        return;
    }
    content(t, off + n > size ? off + n : size, off, n, salt);
    (void)expect(x, lfs_world_write(&x->w, t->handle, off, t->bytes[t->count - 1] + off, n),
                 FILE_OK);
}

static void act(struct world *x, enum action a, uint8_t salt)
{
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
            newest_is_safe(file);
        break;
    default:
        if (expect(x, lfs_world_op(&x->w, FILE_FLUSH, 0, 0), FILE_OK))
            for (uint32_t i = 0; i < x->things; i++)
                newest_is_safe(&x->now[i]);
    }
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
        uint64_t found = look(&x->w, dir, t[i].name);
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

/* Device writes of the sequence; it dies at the `at`-th (0: it does not). */
static uint64_t sequence(const enum action *a, uint32_t n, uint64_t at, uint32_t torn)
{
    static struct world x;
    static struct thing was[FILES];
    memset(&x, 0, sizeof x);
    memset(was, 0, sizeof was);
    x.was = was;
    start(&x.w);
    make(&x, 'a', false);
    make(&x, 'b', false);
    make(&x, 'd', true);
    change(&x, &x.now[0], WRITE_A, 1);
    change(&x, &x.now[1], APPEND_A, 2);
    act(&x, SYNC_ALL, 0);
    x.w.writes = 0;
    x.w.crash_at_write = at;
    x.w.torn_sectors = torn;
    for (uint32_t i = 0; i < n && !x.w.crashed; i++)
        act(&x, a[i], (uint8_t)(10 * i + 20));
    if (!x.w.crashed)
        lfs_world_idle(&x.w);
    uint64_t writes = x.w.writes;
    cr_assert_eq(x.w.crashed, at > 0, "a crash point that is no device write");
    lfs_world_restart(&x.w);
    cr_assert_eq(x.w.mounted, FILE_OK, "%s", file_status_name(x.w.mounted));
    lfs_world_check(&x.w);
    bool after = names_are(&x, x.now);
    cr_assert(after || names_are(&x, x.was), "the names are neither those before nor after");
    contents_are_allowed(&x, after ? x.now : x.was);
    lfs_world_fini(&x.w);
    return writes;
}

/* LFS4, LFS7.  LFS_CRASH_STRIDE=1: all (scripts/soak-crash); else a sample. */
Test(lfs_names, after_a_crash_at_every_write_of_every_sequence_the_state_is_allowed,
     .timeout = 86400)
{
    static const uint32_t torn[] = { 0, 1, UINT32_MAX };
    uint64_t all = 0, points = 0, writes = 0;
    uint64_t stride =
        getenv("LFS_CRASH_STRIDE") ? sample("LFS_CRASH_STRIDE", 1) : 11 * sample_one_in();
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
            uint64_t k = sequence(a, n, 0, 0);
            writes += k;
            for (uint64_t at = 1; at <= k; at++, points++)
                for (size_t t = 0; t < ARRAY_LEN(torn); t++)
                    (void)sequence(a, n, at, torn[t]);
        }
    }
    cr_assert_eq(points, writes);
    cr_assert_gt(points, 100);
}

/* ---- fsck ---- */

enum { IMAGE = 128 * 1600, INODE = 1024 };

struct plant {
    struct lfs_world *w;
    uint8_t image[IMAGE];
    uint32_t got[LFS_DAMAGES], all;
};

static void note(void *arg, enum lfs_damage what, const char *text)
{
    struct plant *x = arg;
    cr_assert_gt(strlen(text), 10);
    x->got[what]++;
    x->all++;
}

static void check_image(struct port *p, void *arg)
{
    struct plant *x = arg;
    memset(x->got, 0, sizeof x->got);
    x->all = 0;
    cr_assert_eq(lfs_fsck(p, x->image, IMAGE, note, x), x->all);
}

/* The newest record of the inode, changed by `mar`. */
static void plant(struct plant *x, uint32_t ino,
                  void (*mar)(struct lfs_record *r, struct lfs_extent *e))
{
    const struct lfs *fs = x->w->fs;
    struct lfs_record r = { 0 };
    struct lfs_extent e[4];
    for (uint32_t slot = 0; slot < 2; slot++) {
        struct lfs_record one;
        const uint8_t *b = x->image + fs->super.block + (2 * ino + slot) * INODE;
        if (lfs_record_load(b, INODE, fs->super.fsid, &one) && one.sequence >= r.sequence) {
            r = one;
            for (uint32_t i = 0; i < r.extents && i < 4; i++)
                e[i] = lfs_record_extent(b, i);
        }
    }
    mar(&r, e);
    lfs_record_store(x->image + fs->super.block + (2 * ino + (r.sequence & 1)) * INODE, INODE, &r,
                     e);
}

static struct lfs_extent seen;
static void see_tail(struct lfs_record *r, struct lfs_extent *e)
{
    seen = e[r->extents - 1];
}
static void shared_fragment(struct lfs_record *r, struct lfs_extent *e)
{
    struct lfs_extent *x = &e[r->extents - 1];
    uint32_t blk = x->blk;
    *x = seen;
    x->blk = blk;
    x->frag++; /* all but one are the other's */
}
static void behind_its_block(struct lfs_record *r, struct lfs_extent *e)
{
    e[r->extents - 1].frag = 7;
}
static void two_blocks(struct lfs_record *r, struct lfs_extent *e)
{
    e[r->extents - 1].count = 2;
}
static void outside(struct lfs_record *r, struct lfs_extent *e)
{
    (void)r;
    e[0].dev = 4000;
}
static void in_the_table(struct lfs_record *r, struct lfs_extent *e)
{
    (void)r;
    e[0].dev = 2;
}
static uint32_t shared_dev;
static void see_dev(struct lfs_record *r, struct lfs_extent *e)
{
    (void)r;
    shared_dev = e[0].dev;
}
static void shared(struct lfs_record *r, struct lfs_extent *e)
{
    (void)r;
    e[0].dev = shared_dev;
}
static void huge(struct lfs_record *r, struct lfs_extent *e)
{
    (void)e;
    r->size = UINT64_MAX;
}
static void empty_extent(struct lfs_record *r, struct lfs_extent *e)
{
    (void)r;
    e[0].count = 0;
}
static void lost(struct lfs_record *r, struct lfs_extent *e)
{
    (void)e;
    r->parent += UINT64_C(1) << 32;
}
static void in_a_file(struct lfs_record *r, struct lfs_extent *e)
{
    (void)e;
    r->parent = UINT64_C(1) << 32; /* inode 0 is a file */
}
static void called_b(struct lfs_record *r, struct lfs_extent *e)
{
    (void)e;
    strcpy(r->name, "b");
}
static void in_itself(struct lfs_record *r, struct lfs_extent *e)
{
    (void)e;
    r->parent = (uint64_t)r->generation << 32 | r->ino;
}
static void other_inode(struct lfs_record *r, struct lfs_extent *e)
{
    (void)e;
    r->ino = 7;
}

Test(lfs_names, fsck_finds_each_kind_of_damage)
{
    static const struct {
        const char *what;
        uint32_t ino;
        void (*mar)(struct lfs_record *r, struct lfs_extent *e);
        enum lfs_damage finds;
    } plants[] = {
        { "an extent behind the device", 0, outside, LFS_OUTSIDE },
        { "an extent in the inode table", 0, in_the_table, LFS_OUTSIDE },
        { "a block of two files", 1, shared, LFS_SHARED },
        { "a fragment of two files", 1, shared_fragment, LFS_SHARED },
        { "fragments behind their block", 0, behind_its_block, LFS_OUTSIDE },
        { "fragments of two blocks", 0, two_blocks, LFS_OUTSIDE },
        { "a size beyond all blocks", 0, huge, LFS_BAD_SIZE },
        { "a directory with a size", 2, huge, LFS_BAD_SIZE },
        { "an empty extent", 0, empty_extent, LFS_BAD_SIZE },
        { "a directory that is gone", 3, lost, LFS_DANGLING },
        { "a file as directory", 3, in_a_file, LFS_DANGLING },
        { "a name twice", 0, called_b, LFS_DUPLICATE },
        { "a directory in itself", 2, in_itself, LFS_ORPHAN },
        { "another inode's record", 0, other_inode, LFS_BAD_RECORD },
    };
    struct lfs_world w;
    struct file_req r;
    static struct plant x;
    static uint8_t good[IMAGE];
    uint64_t a, b, d;
    fragment = 256;
    start(&w);
    x.w = &w;
    cr_assert_eq(lfs_world_create(&w, "a", &a), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "b", &b), FILE_OK);
    cr_assert_eq(make_dir(&w, FILE_ROOT, "d", 0777, &d), FILE_OK);
    cr_assert_eq(named(&w, &r, FILE_CREATE, d, "in", 0), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, a, 0, good, 5000), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, b, 0, good, 5000), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, 0, 0), FILE_OK);
    fake_disk_read(w.fake, 0, 0, 0, 1600, good);
    memcpy(x.image, good, IMAGE);
    fake_call(w.fake, 0, check_image, &x);
    cr_assert_eq(x.all, 0, "a good image has findings");
    for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
        memcpy(x.image, good, IMAGE);
        plant(&x, 0, see_dev);
        plant(&x, 0, see_tail);
        plant(&x, plants[i].ino, plants[i].mar);
        fake_call(w.fake, 0, check_image, &x);
        cr_assert_gt(x.got[plants[i].finds], 0, "%s is not found", plants[i].what);
    }
    /* bytes that changed by themselves: of the superblock, of both records, of a name */
    memcpy(x.image, good, IMAGE);
    x.image[20] ^= 1;
    fake_call(w.fake, 0, check_image, &x);
    cr_assert_eq(x.got[LFS_BAD_SUPER], 1);
    for (uint32_t slots = 1; slots <= 2; slots++) {
        memcpy(x.image, good, IMAGE);
        for (uint32_t k = 0; k < slots; k++)
            x.image[2048 + k * INODE + 300] ^= 1;
        fake_call(w.fake, 0, check_image, &x);
        cr_assert_eq(x.got[LFS_BAD_RECORD], slots == 2, "%d records of inode 0 are torn",
                     (int)slots);
    }
    lfs_world_fini(&w);
}

/* A mount with `fsck` tells what it finds and refuses. */
Test(lfs_names, a_mount_looks_first_where_it_is_told_to)
{
    for (int told = 0; told < 2; told++) {
        struct lfs_world w;
        uint64_t a;
        start(&w);
        w.params.fsck = told == 1;
        cr_assert_eq(lfs_world_create(&w, "a", &a), FILE_OK);
        cr_assert_eq(lfs_world_write(&w, a, 0, "x", 1), FILE_OK);
        cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_OK);
        for (uint32_t slot = 0; slot < 2; slot++)
            fake_disk_flip(w.fake, 0, 0, 16 + 8 * slot, 50, 4);
        uint64_t remarks = fake_counts(w.fake)->remarks;
        lfs_world_restart(&w);
        cr_assert_eq(w.mounted, told ? FILE_CORRUPT : FILE_OK, "%s", file_status_name(w.mounted));
        cr_assert_eq(fake_counts(w.fake)->remarks - remarks, (uint64_t)told);
        lfs_world_fini(&w);
    }
}
