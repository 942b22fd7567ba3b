/* lfs_fsck.c: looks at a file system from outside: superblock and records, as they lie there.
 *
 * It shares no code with the mount and reads the format that lfs_disk.c draws by itself.  One
 * record of an inode that is not whole is what a crash leaves (the other counts); both are damage.
 */
#include "os/lfs/lfs.h"
#include "os/xk/msg.h" /* wire_get */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUPER = 64, HEAD = 208, EXTENT = 16 };

struct inode {
    bool used, dir, gone; /* gone: a rename has replaced it */
    uint32_t generation, extents;
    uint64_t sequence, size, parent, replaces;
    const uint8_t *record;
};

struct fsck {
    struct port *port;
    const uint8_t *image;
    uint32_t block, inode, files, blocks, first, frags; /* frags: of a block */
    uint64_t fsid;
    struct inode *ino;
    uint32_t *owner; /* of each fragment: inode + 1 */
    lfs_found_fn *found;
    void *arg;
    uint32_t count;
};

static void find(struct fsck *k, enum lfs_damage what, uint32_t ino, const char *text)
{
    char line[128];
    (void)snprintf(line, sizeof line, "inode %u: %s", ino, text);
    k->count++;
    k->found(k->arg, what, line);
}

static uint64_t sum(const uint8_t *b, size_t n, size_t field)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (i >= field && i < field + 8 ? 0 : b[i])) * 0x100000001b3u;
    return h;
}

static bool look_at_super(struct fsck *k, uint64_t bytes)
{
    const uint8_t *b = k->image;
    if (bytes < SUPER || memcmp(b, "PSLF", 4) != 0 || wire_get32(b + 4) != 2)
        return false;
    uint64_t h = 0xcbf29ce484222325u;
    for (int i = 0; i < 56; i++)
        h = (h ^ b[i]) * 0x100000001b3u;
    k->fsid = wire_get64(b + 8);
    k->block = wire_get32(b + 16);
    k->inode = wire_get32(b + 20);
    k->files = wire_get32(b + 24);
    k->blocks = wire_get32(b + 28);
    uint32_t fragment = wire_get32(b + 32) != 0 ? wire_get32(b + 32) : k->block;
    if (h != wire_get64(b + 56) || k->block == 0 || k->inode < HEAD + EXTENT ||
        k->block % fragment != 0)
        return false;
    k->frags = k->block / fragment;
    uint64_t table = 2 * (uint64_t)k->files * k->inode;
    k->first = 1 + (uint32_t)((table + k->block - 1) / k->block);
    return k->first < k->blocks && bytes >= (uint64_t)k->first * k->block;
}

/* The newest whole record of the inode. */
static void look_at_inode(struct fsck *k, uint32_t i)
{
    struct inode *x = &k->ino[i];
    uint32_t broken = 0;
    for (uint32_t slot = 0; slot < 2; slot++) {
        const uint8_t *b = k->image + k->block + (2 * (uint64_t)i + slot) * k->inode;
        if (memcmp(b, "PSLI", 4) != 0 || wire_get64(b + 16) != k->fsid)
            continue;
        if (sum(b, k->inode, 8) != wire_get64(b + 8)) {
            broken++;
            continue;
        }
        if (wire_get32(b + 4) != i || (wire_get64(b + 24) & 1) != slot)
            find(k, LFS_BAD_RECORD, i, "its record is another's");
        else if (x->record == NULL || wire_get64(b + 24) > x->sequence) {
            x->record = b;
            x->sequence = wire_get64(b + 24);
        }
    }
    if (broken == 2)
        find(k, LFS_BAD_RECORD, i, "neither of its records is whole");
    if (x->record == NULL)
        return;
    x->used = wire_get32(x->record + 44) > 0;
    x->generation = wire_get32(x->record + 32);
    x->size = wire_get64(x->record + 36);
    x->extents = wire_get32(x->record + 144);
    x->dir = wire_get32(x->record + 148) & FILE_MODE_DIR;
    x->parent = wire_get64(x->record + 152);
    x->replaces = wire_get64(x->record + 184);
}

static struct inode *by_handle(const struct fsck *k, uint64_t handle)
{
    uint32_t i = (uint32_t)handle;
    struct inode *x = i < k->files ? &k->ino[i] : NULL;
    return x != NULL && x->used && x->generation == handle >> 32 ? x : NULL;
}

static void look_at_extents(struct fsck *k, uint32_t i)
{
    const struct inode *x = &k->ino[i];
    uint64_t end = 0;
    if (x->extents > (k->inode - HEAD) / EXTENT) {
        find(k, LFS_OUTSIDE, i, "it has more extents than its record holds");
        return;
    }
    for (uint32_t n = 0; n < x->extents; n++) {
        const uint8_t *b = x->record + HEAD + (uint64_t)n * EXTENT;
        uint64_t blk = wire_get32(b), dev = wire_get32(b + 4), count = wire_get32(b + 8);
        if (count == 0 || blk < end)
            find(k, LFS_BAD_SIZE, i, "an extent is empty or out of order");
        end = blk + count;
        uint32_t frag = b[14], frags = b[13];
        if (dev < k->first || dev + count > k->blocks) {
            find(k, LFS_OUTSIDE, i, "an extent lies outside of the data");
            continue;
        }
        if (frag + frags > k->frags || (frags > 0 && count != 1)) {
            find(k, LFS_OUTSIDE, i, "fragments lie outside of their block");
            continue;
        }
        uint64_t from = dev * k->frags + frag;
        uint64_t to = from + (frags > 0 ? frags : count * k->frags);
        for (uint64_t d = from; d < to; d++) {
            if (k->owner[d] != 0) {
                find(k, LFS_SHARED, i, "a block, or a part of it, is another file's too");
                break;
            }
            k->owner[d] = i + 1;
        }
    }
    if (x->size > (uint64_t)(UINT32_MAX - 1) * k->block || (x->dir && x->size + x->extents > 0))
        find(k, LFS_BAD_SIZE, i, "its size is none that it can have");
}

static void look_at_name(struct fsck *k, uint32_t i)
{
    const struct inode *x = &k->ino[i];
    uint32_t n = wire_get32(x->record + 44), steps = 0;
    const struct inode *dir = by_handle(k, x->parent);
    if (n > FILE_NAME_MAX || memchr(x->record + 48, 0, n) != NULL)
        find(k, LFS_BAD_NAME, i, "its name is none");
    if (x->parent != FILE_ROOT && (dir == NULL || !dir->dir))
        find(k, LFS_DANGLING, i, "it lies in a directory that is not there");
    while (dir != NULL && steps++ <= k->files)
        dir = by_handle(k, dir->parent);
    if (dir != NULL)
        find(k, LFS_ORPHAN, i, "its directory lies in itself");
}

/* Two names of one directory that are the same stand together when sorted. */
static int by_name(const void *a, const void *b)
{
    const struct inode *x = *(struct inode *const *)a, *y = *(struct inode *const *)b;
    int c = memcmp(x->record + 152, y->record + 152, 8);
    return c != 0 ? c : memcmp(x->record + 44, y->record + 44, 68);
}

static void look_at_twins(struct fsck *k)
{
    struct inode **all = port_alloc(k->port, (k->files + 1) * sizeof *all);
    uint32_t n = 0;
    for (uint32_t i = 0; i < k->files; i++)
        if (k->ino[i].used)
            all[n++] = &k->ino[i];
    qsort(all, n, sizeof *all, by_name);
    for (uint32_t i = 1; i < n; i++)
        if (by_name(&all[i - 1], &all[i]) == 0)
            find(k, LFS_DUPLICATE, (uint32_t)(all[i] - k->ino), "its name is another's too");
    port_free(k->port, all);
}

uint32_t lfs_fsck(struct port *p, const uint8_t *image, uint64_t bytes, lfs_found_fn *found,
                  void *arg)
{
    struct fsck k = { .port = p, .image = image, .found = found, .arg = arg };
    if (!look_at_super(&k, bytes)) {
        found(arg, LFS_BAD_SUPER, "the superblock is damaged");
        return 1;
    }
    k.ino = port_alloc(p, k.files * sizeof *k.ino);
    k.owner = port_alloc(p, (uint64_t)k.blocks * k.frags * sizeof *k.owner);
    port_work(p, PORT_WORK_CHECKSUM, 2 * (uint64_t)k.files * k.inode);
    for (uint32_t i = 0; i < k.files; i++)
        look_at_inode(&k, i);
    for (uint32_t i = 0; i < k.files; i++) {
        struct inode *x = k.ino[i].used ? by_handle(&k, k.ino[i].replaces) : NULL;
        if (x != NULL)
            x->gone = true;
    }
    for (uint32_t i = 0; i < k.files; i++)
        k.ino[i].used = k.ino[i].used && !k.ino[i].gone;
    for (uint32_t i = 0; i < k.files; i++) {
        if (!k.ino[i].used)
            continue;
        look_at_extents(&k, i);
        look_at_name(&k, i);
    }
    look_at_twins(&k);
    port_free(p, k.ino);
    port_free(p, k.owner);
    return k.count;
}
