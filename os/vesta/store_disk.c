/* store_disk.c: how the store lies on the device, all numbers big-endian.
 *
 *   sector 0   superblock
 *   then       object table: object i has two records (slots) side by side, each whole sectors;
 *              record with sequence s goes to slot s & 1, so the older one stays whole while the
 *              newer is written
 *   then       nodes, a sector each, from 1
 *   then       data blocks, in blocks of the device from its front
 *
 * There is no free map and no catalogue: what the newest whole records name is both.
 *
 *   superblock              record                                     node
 *    0 magic    4            0 magic      4      40 mode     4           0 magic    4
 *    4 version  4            4 slot       4      44 uid      4           4 level    4
 *    8 fsid     8            8 checksum   8      48 gid      4           8 checksum 8
 *   16 block    4           16 fsid       8      52 used     4          16 fsid     8
 *   20 objects  4           24 sequence   8      56 mtime    8          24 owner    8
 *   24 nodes    4           32 generation 4      64 ctime    8          32 at, 4 bytes each
 *   28 blocks   4           36 unused     4      72 replaces 8
 *   56 checksum 8                                80 versions, 24 bytes each:
 *                                                   number 8, size 8, root 4, unused 4
 *                                               152 name, 64; 216 owner, 32
 *                                               248 parent 8
 *
 * `owner` of a node is the handle of its object, `parent` that of a directory.  The checksum is
 * FNV-1a of 64 bits over the bytes with the field zero.
 */
#include "os/vesta/store_internal.h"

#define SUPER_MAGIC 0x50535653u  /* "PSVS" */
#define RECORD_MAGIC 0x50535652u /* "PSVR" */
#define NODE_MAGIC 0x5053564eu   /* "PSVN" */
#define VERSION 1u

_Static_assert(80 + 24 * (1 + VST_KEPT) == 152, "the versions' field");
_Static_assert(216 + FILE_OWNER_BYTES + 8 == VST_RECORD_BYTES, "the owner's field");
_Static_assert(32 + 4 * VST_FAN == VST_NODE_BYTES, "the node's field");

uint32_t vst_record_sectors(uint32_t sector_bytes)
{
    return (VST_RECORD_BYTES + sector_bytes - 1) / sector_bytes;
}

uint64_t vst_node_sector(const struct vst_super *s, uint32_t sector_bytes)
{
    return 1 + 2 * (uint64_t)s->objects * vst_record_sectors(sector_bytes);
}

uint32_t vst_first_data(const struct vst_super *s, uint32_t sector_bytes)
{
    uint64_t bytes = (vst_node_sector(s, sector_bytes) + s->nodes) * sector_bytes;
    return (uint32_t)((bytes + s->block - 1) / s->block);
}

void vst_super_store(uint8_t out[VST_SUPER_BYTES], const struct vst_super *s)
{
    memset(out, 0, VST_SUPER_BYTES);
    wire_put32(out, SUPER_MAGIC);
    wire_put32(out + 4, VERSION);
    wire_put64(out + 8, s->fsid);
    wire_put32(out + 16, s->block);
    wire_put32(out + 20, s->objects);
    wire_put32(out + 24, s->nodes);
    wire_put32(out + 28, s->blocks);
    wire_put64(out + 56, file_checksum(out, VST_SUPER_BYTES, 56));
}

bool vst_super_load(const uint8_t in[VST_SUPER_BYTES], struct vst_super *s)
{
    if (wire_get32(in) != SUPER_MAGIC || wire_get32(in + 4) != VERSION ||
        wire_get64(in + 56) != file_checksum(in, VST_SUPER_BYTES, 56))
        return false;
    s->fsid = wire_get64(in + 8);
    s->block = wire_get32(in + 16);
    s->objects = wire_get32(in + 20);
    s->nodes = wire_get32(in + 24);
    s->blocks = wire_get32(in + 28);
    return s->block != 0 && s->objects != 0;
}

void vst_record_store(uint8_t out[VST_RECORD_BYTES], const struct vst_record *r)
{
    memset(out, 0, VST_RECORD_BYTES);
    wire_put32(out, RECORD_MAGIC);
    wire_put32(out + 4, r->slot);
    wire_put64(out + 16, r->fsid);
    wire_put64(out + 24, r->sequence);
    wire_put32(out + 32, r->generation);
    wire_put32(out + 40, r->mode);
    wire_put32(out + 44, r->uid);
    wire_put32(out + 48, r->gid);
    wire_put32(out + 52, r->used);
    wire_put64(out + 56, (uint64_t)r->mtime);
    wire_put64(out + 64, (uint64_t)r->ctime);
    wire_put64(out + 72, r->replaces);
    for (uint32_t i = 0; r->used && i <= VST_KEPT; i++) {
        uint8_t *p = out + 80 + 24 * (size_t)i;
        wire_put64(p, r->version[i].number);
        wire_put64(p + 8, r->version[i].size);
        wire_put32(p + 16, r->version[i].root);
    }
    memcpy(out + 152, r->name, strlen(r->name));
    memcpy(out + 216, r->owner, FILE_OWNER_BYTES);
    wire_put64(out + 248, r->parent);
    wire_put64(out + 8, file_checksum(out, VST_RECORD_BYTES, 8));
}

bool vst_record_load(const uint8_t in[VST_RECORD_BYTES], uint64_t fsid, struct vst_record *r)
{
    if (wire_get32(in) != RECORD_MAGIC || wire_get64(in + 16) != fsid ||
        wire_get64(in + 8) != file_checksum(in, VST_RECORD_BYTES, 8))
        return false;
    *r = (struct vst_record){ .fsid = fsid,
                              .slot = wire_get32(in + 4),
                              .sequence = wire_get64(in + 24),
                              .generation = wire_get32(in + 32),
                              .mode = wire_get32(in + 40),
                              .uid = wire_get32(in + 44),
                              .gid = wire_get32(in + 48),
                              .used = wire_get32(in + 52) != 0,
                              .mtime = (sim_time)wire_get64(in + 56),
                              .ctime = (sim_time)wire_get64(in + 64),
                              .replaces = wire_get64(in + 72),
                              .parent = wire_get64(in + 248) };
    for (uint32_t i = 0; i <= VST_KEPT; i++) {
        const uint8_t *p = in + 80 + 24 * (size_t)i;
        r->version[i].number = wire_get64(p);
        r->version[i].size = wire_get64(p + 8);
        r->version[i].root = wire_get32(p + 16);
    }
    memcpy(r->name, in + 152, FILE_NAME_MAX);
    memcpy(r->owner, in + 216, FILE_OWNER_BYTES);
    return true;
}

void vst_node_store(uint8_t out[VST_NODE_BYTES], const struct vst_image *n)
{
    memset(out, 0, VST_NODE_BYTES);
    wire_put32(out, NODE_MAGIC);
    wire_put32(out + 4, n->level);
    wire_put64(out + 16, n->fsid);
    wire_put64(out + 24, n->owner);
    for (size_t i = 0; i < VST_FAN; i++)
        wire_put32(out + 32 + 4 * i, n->at[i]);
    wire_put64(out + 8, file_checksum(out, VST_NODE_BYTES, 8));
}

bool vst_node_load(const uint8_t in[VST_NODE_BYTES], uint64_t fsid, struct vst_image *n)
{
    if (wire_get32(in) != NODE_MAGIC || wire_get64(in + 16) != fsid ||
        wire_get64(in + 8) != file_checksum(in, VST_NODE_BYTES, 8))
        return false;
    *n = (struct vst_image){ .fsid = fsid,
                             .level = wire_get32(in + 4),
                             .owner = wire_get64(in + 24) };
    for (size_t i = 0; i < VST_FAN; i++)
        n->at[i] = wire_get32(in + 32 + 4 * i);
    return n->level < VST_LEVELS;
}
