/* lfs_disk.c: how the file system lies on the device, all numbers big-endian.
 *
 *   block 0                 superblock in its first sector
 *   blocks 1 .. T           inode table: inode i has two records (slots) side by side, at byte
 *                           (2 i + slot) * inode of the table; record with sequence s goes to slot
 *                           s & 1, so the older one stays whole while the newer is written
 *   blocks T+1 .. blocks-1  data
 *
 * There is no free map and no directory on the device: the extents and names in the newest valid
 * records are both.  A record is valid when its magic, checksum and file system id agree.
 *
 *   superblock              record
 *    0 magic    4            0 magic      4     44 name length  4
 *    4 version  4            4 ino        4     48 name        64
 *    8 fsid     8            8 checksum   8    112 owner       32
 *   16 block    4           16 fsid       8    144 extents      4
 *   20 inode    4           24 sequence   8
 *   24 files    4           32 generation 4    148 mode 4         176 ctime    8
 *   28 blocks   4           36 size       8    152 parent 8       184 replaces 8
 *   32 fragment 4 *                            160 uid 4, gid 4   192 unused  16
 *   36 unused  20                              168 mtime 8        208 extents, 16 bytes each:
 *   56 checksum 8                                     blk 4, dev 4, count 4, state 4:
 *                                                     its lowest bit: written; the bytes above:
 *                                                     first fragment, fragments (0: whole blocks)
 *   * 0: there are none
 * A free inode's name has length 0.  `parent` is the handle of a directory.  A record that
 * `replaces` a file says that it is gone, whatever its own record says: a rename is one write.
 *
 * The checksum is FNV-1a of 64 bits [Fowler, Noll, Vo; RFC 9923] over the bytes with the field
 * zero.
 */
#include "os/lfs/lfs_internal.h"

#include <string.h>

#define SUPER_MAGIC 0x50534c46u  /* "PSLF" */
#define RECORD_MAGIC 0x50534c49u /* "PSLI" */
#define SUPER_VERSION 2u

_Static_assert(48 + LFS_NAME_MAX + 1 == 112, "the name's field");
_Static_assert(112 + LFS_OWNER_BYTES == 144, "the owner's field");

void lfs_super_store(uint8_t out[LFS_SUPER_BYTES], const struct lfs_super *s)
{
    memset(out, 0, LFS_SUPER_BYTES);
    wire_put32(out, SUPER_MAGIC);
    wire_put32(out + 4, SUPER_VERSION);
    wire_put64(out + 8, s->fsid);
    wire_put32(out + 16, s->block);
    wire_put32(out + 20, s->inode);
    wire_put32(out + 24, s->files);
    wire_put32(out + 28, s->blocks);
    wire_put32(out + 32, s->fragment < s->block ? s->fragment : 0);
    wire_put64(out + 56, file_checksum(out, 56, SIZE_MAX));
}

bool lfs_super_load(const uint8_t in[LFS_SUPER_BYTES], struct lfs_super *s)
{
    if (wire_get32(in) != SUPER_MAGIC || wire_get32(in + 4) != SUPER_VERSION ||
        wire_get64(in + 56) != file_checksum(in, 56, SIZE_MAX))
        return false;
    s->fsid = wire_get64(in + 8);
    s->block = wire_get32(in + 16);
    s->inode = wire_get32(in + 20);
    s->files = wire_get32(in + 24);
    s->blocks = wire_get32(in + 28);
    s->fragment = wire_get32(in + 32) != 0 ? wire_get32(in + 32) : s->block;
    return s->block != 0 && s->inode >= LFS_RECORD_HEADER + LFS_EXTENT_BYTES && s->files != 0;
}

size_t lfs_record_bytes(const struct lfs_record *r)
{
    return LFS_RECORD_HEADER + (size_t)r->extents * LFS_EXTENT_BYTES;
}

void lfs_record_store(uint8_t *out, size_t size, const struct lfs_record *r,
                      const struct lfs_extent *ext)
{
    size_t name = r->used ? strlen(r->name) : 0, n = lfs_record_bytes(r);
    ASSERT(n <= size); /* LFSI4 */
    memset(out, 0, n);
    wire_put32(out, RECORD_MAGIC);
    wire_put32(out + 4, r->ino);
    wire_put64(out + 16, r->fsid);
    wire_put64(out + 24, r->sequence);
    wire_put32(out + 32, r->generation);
    wire_put64(out + 36, r->size);
    wire_put32(out + 44, (uint32_t)name);
    memcpy(out + 48, r->name, name);
    memcpy(out + 112, r->owner, LFS_OWNER_BYTES);
    wire_put32(out + 144, r->extents);
    wire_put32(out + 148, r->mode);
    wire_put64(out + 152, r->parent);
    wire_put32(out + 160, r->uid);
    wire_put32(out + 164, r->gid);
    wire_put64(out + 168, (uint64_t)r->mtime);
    wire_put64(out + 176, (uint64_t)r->ctime);
    wire_put64(out + 184, r->replaces);
    for (uint32_t i = 0; i < r->extents; i++) {
        uint8_t *p = out + LFS_RECORD_HEADER + (size_t)i * LFS_EXTENT_BYTES;
        wire_put32(p, ext[i].blk);
        wire_put32(p + 4, ext[i].dev);
        wire_put32(p + 8, ext[i].count);
        wire_put32(p + 12,
                   (uint32_t)ext[i].frags << 16 | (uint32_t)ext[i].frag << 8 | ext[i].written);
    }
    wire_put64(out + 8, file_checksum_zeros(file_checksum(out, n, 8), size - n));
}

bool lfs_record_load(const uint8_t *in, size_t size, uint64_t fsid, struct lfs_record *r)
{
    uint32_t name = wire_get32(in + 44);
    if (wire_get32(in) != RECORD_MAGIC || wire_get64(in + 16) != fsid ||
        wire_get64(in + 8) != file_checksum(in, size, 8))
        return false;
    memset(r, 0, sizeof *r);
    r->ino = wire_get32(in + 4);
    r->fsid = fsid;
    r->sequence = wire_get64(in + 24);
    r->generation = wire_get32(in + 32);
    r->size = wire_get64(in + 36);
    r->extents = wire_get32(in + 144);
    r->mode = wire_get32(in + 148);
    r->parent = wire_get64(in + 152);
    r->uid = wire_get32(in + 160);
    r->gid = wire_get32(in + 164);
    r->mtime = (sim_time)wire_get64(in + 168);
    r->ctime = (sim_time)wire_get64(in + 176);
    r->replaces = wire_get64(in + 184);
    r->used = name != 0;
    if (name > LFS_NAME_MAX || r->extents > (size - LFS_RECORD_HEADER) / LFS_EXTENT_BYTES)
        return false;
    memcpy(r->name, in + 48, name);
    memcpy(r->owner, in + 112, LFS_OWNER_BYTES);
    return true;
}

struct lfs_extent lfs_record_extent(const uint8_t *in, uint32_t i)
{
    const uint8_t *p = in + LFS_RECORD_HEADER + (size_t)i * LFS_EXTENT_BYTES;
    uint32_t state = wire_get32(p + 12);
    return (struct lfs_extent){ .blk = wire_get32(p),
                                .dev = wire_get32(p + 4),
                                .count = wire_get32(p + 8),
                                .written = (state & 1) != 0,
                                .frag = (uint8_t)(state >> 8),
                                .frags = (uint8_t)(state >> 16) };
}
