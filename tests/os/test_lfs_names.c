/* test_lfs_names.c: directories, modes and times of the local file system; planted damage. */
#include "os/lfs/lfs_internal.h"
#include "tests/os/lfs_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

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
    cr_assert_eq(lfs_world_make_dir(&w, FILE_ROOT, "home", 0777, &home), FILE_OK);
    cr_assert_eq(lfs_world_make_dir(&w, home, "user", 0777, &user), FILE_OK);
    cr_assert_eq(lfs_world_named(&w, &r, FILE_CREATE, user, "a", 0), FILE_OK);
    a = r.file;
    cr_assert_eq(lfs_world_named(&w, &r, FILE_CREATE, home, "a", 0), FILE_OK);
    other = r.file;
    cr_assert_neq(a, other, "one name in two directories is two files");
    cr_assert_eq(lfs_world_named(&w, &r, FILE_LOOKUP, a, "b", 0), FILE_NOT_DIR);
    cr_assert_eq(lfs_world_named(&w, &r, FILE_LOOKUP, user, "b", 0), FILE_NO_FILE);
    cr_assert_eq(lfs_world_named(&w, &r, FILE_CREATE, user + (UINT64_C(9) << 32), "b", 0),
                 FILE_NO_FILE);
    cr_assert_eq(lfs_world_write(&w, user, 0, "x", 1), FILE_IS_DIR);
    cr_assert_eq(lfs_world_drop(&w, home, 0), FILE_NOT_EMPTY);
    cr_assert_eq(lfs_world_move(&w, FILE_ROOT, "home", user, "loop"), FILE_LOOP);
    cr_assert_eq(lfs_world_move(&w, home, "a", FILE_ROOT, "home"), FILE_EXISTS);
    cr_assert_eq(lfs_world_move(&w, home, "b", FILE_ROOT, "c"), FILE_NO_FILE);
    cr_assert_eq(lfs_world_write(&w, other, 0, "other", 5), FILE_OK);
    cr_assert_eq(lfs_world_move(&w, home, "a", user, "a"), FILE_OK, "a file is replaced");
    cr_assert_eq(lfs_world_write(&w, a, 0, "x", 1), FILE_NO_FILE);
    cr_assert_eq(lfs_world_move(&w, FILE_ROOT, "home", FILE_ROOT, "house"), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, 0, 0), FILE_OK);
    for (int life = 0; life < 2; life++) {
        lfs_world_check(&w);
        cr_assert_eq(lfs_world_look(&w, FILE_ROOT, "home"), 0);
        cr_assert_eq(lfs_world_look(&w, FILE_ROOT, "house"), home);
        cr_assert_eq(lfs_world_look(&w, home, "user"), user);
        cr_assert_eq(lfs_world_look(&w, user, "a"), other);
        cr_assert_eq(lfs_world_named(&w, &r, FILE_LIST, home, NULL, 0), FILE_OK);
        cr_assert(file_entry_next(&r.data, &x) && strcmp(x.name, "user") == 0);
        cr_assert_not(file_entry_next(&r.data, &x));
        rope_fini(&r.data);
        lfs_world_restart(&w);
        cr_assert_eq(w.mounted, FILE_OK);
    }
    cr_assert_eq(lfs_world_drop(&w, other, 0), FILE_OK);
    cr_assert_eq(lfs_world_drop(&w, user, 0), FILE_OK);
    cr_assert_eq(lfs_world_drop(&w, home, 0), FILE_OK);
    lfs_world_fini(&w);
}

Test(lfs_names, a_mode_refuses_and_times_tell)
{
    struct lfs_world w;
    struct file_req r;
    uint64_t open, closed, a;
    uint8_t byte;
    start(&w);
    cr_assert_eq(lfs_world_make_dir(&w, FILE_ROOT, "open", 0777, &open), FILE_OK);
    cr_assert_eq(lfs_world_make_dir(&w, FILE_ROOT, "closed", 0700, &closed), FILE_OK);
    cr_assert_eq(lfs_world_named(&w, &r, FILE_CREATE, closed, "a", 7), FILE_DENIED);
    cr_assert_eq(lfs_world_named(&w, &r, FILE_LOOKUP, closed, "a", 7), FILE_DENIED);
    cr_assert_eq(lfs_world_named(&w, &r, FILE_LIST, closed, NULL, 7), FILE_DENIED);
    cr_assert_eq(lfs_world_named(&w, &r, FILE_CREATE, open, "a", 7), FILE_OK);
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
    uint8_t *to = x->image + fs->super.block + (2 * ino + (r.sequence & 1)) * INODE;
    memset(to, 0, INODE);
    lfs_record_store(to, INODE, &r, e);
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
    cr_assert_eq(lfs_world_make_dir(&w, FILE_ROOT, "d", 0777, &d), FILE_OK);
    cr_assert_eq(lfs_world_named(&w, &r, FILE_CREATE, d, "in", 0), FILE_OK);
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
