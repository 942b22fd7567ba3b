/* pfs_wire.c: the messages of PFS as packed wire images, and its sentences.
 *
 *   metadata, both ways, 128 bytes        I/O arguments, 48 bytes      I/O reply, 24 bytes
 *     0 status 4    40 factor 4             0 id    8   32 record 8      0 status 4
 *     4 flags  4    44 rank   4             8 off   8   40 factor 2      4 edge   4
 *     8 id     8    48 ranks  4            16 len   8   42 dir    2      8 device 8
 *    16 size   8    52 name  64            24 unit  8   44 number 4     16 server 8
 *    24 value  8   116 more of it, 2; uid 4; gid 4; mode 2
 *    32 unit   8   128 group, 2 bytes each; then the rest of the name
 */
#include "os/pfs/pfs_internal.h"

#include <stdio.h>

#include <string.h>

#define NAME_HEAD 63 /* bytes of a name that every message has room for */

const char *pfs_status_name(enum pfs_status s)
{
    static const char *const names[] = { "ok",
                                         "no such file",
                                         "file exists",
                                         "bad name",
                                         "bad stripe attributes",
                                         "not the mode or operation of the others",
                                         "wrong record length",
                                         "closed by another rank",
                                         "no space",
                                         "I/O error",
                                         "server down",
                                         "stale file",
                                         "node down",
                                         "not a directory",
                                         "is a directory",
                                         "directory not empty",
                                         "bad offset",
                                         "on another mount",
                                         "permission denied",
                                         "no checkpoint",
                                         "no checkpoints here" };
    _Static_assert(ARRAY_LEN(names) == PFS_STATUS_COUNT, "a name per status");
    return (unsigned)s < PFS_STATUS_COUNT ? names[s] : "?";
}

enum pfs_status pfs_seek_from(uint64_t base, unsigned from, uint64_t *off)
{
    int64_t at;
    if (from == 0)
        return PFS_OK;
    if (base > PFS_SIZE_MAX || __builtin_add_overflow((int64_t)base, (int64_t)*off, &at) || at < 0)
        return PFS_BAD_OFFSET;
    *off = (uint64_t)at;
    return PFS_OK;
}

void pfs_local_name(char out[FILE_NAME_MAX + 1], uint64_t id)
{
    (void)snprintf(out, FILE_NAME_MAX + 1, "pfs%016llx", (unsigned long long)id);
}

void pfs_meta_store(struct rope *out, const struct pfs_meta_msg *m, const uint32_t *group)
{
    uint8_t b[PFS_META_BYTES] = { 0 };
    wire_put32(b, m->status);
    wire_put32(b + 4, m->flags);
    wire_put64(b + 8, m->id);
    wire_put64(b + 16, m->size);
    wire_put64(b + 24, m->value);
    wire_put64(b + 32, m->unit);
    wire_put32(b + 40, m->factor);
    wire_put32(b + 44, m->rank);
    wire_put32(b + 48, m->ranks);
    size_t n = strlen(m->name), head = n < NAME_HEAD ? n : NAME_HEAD;
    memcpy(b + 52, m->name, head);
    wire_put16(b + 116, (uint16_t)(n - head));
    wire_put32(b + 118, m->rights.uid);
    wire_put32(b + 122, m->rights.gid);
    wire_put16(b + 126, (uint16_t)m->rights.mode);
    rope_add_bytes(out, b, sizeof b);
    for (uint32_t i = 0; i < m->factor; i++) {
        uint8_t g[2];
        wire_put16(g, (uint16_t)group[i]);
        rope_add_bytes(out, g, sizeof g);
    }
    rope_add_bytes(out, m->name + head, n - head);
}

static uint64_t with_name(const struct pfs_meta_msg *m, size_t rest)
{
    return PFS_META_BYTES + 2 * (uint64_t)m->factor + rest;
}

uint64_t pfs_meta_length(const struct pfs_meta_msg *m)
{
    size_t n = strlen(m->name);
    return with_name(m, n < NAME_HEAD ? 0 : n - NAME_HEAD);
}

bool pfs_meta_load(const struct rope *in, struct pfs_meta_msg *m, uint32_t *group)
{
    uint8_t b[PFS_META_BYTES], g[2 * PFS_FACTOR_MAX];
    if (in->length < sizeof b)
        return false;
    rope_read(in, 0, sizeof b, b);
    m->status = wire_get32(b);
    m->flags = wire_get32(b + 4);
    m->id = wire_get64(b + 8);
    m->size = wire_get64(b + 16);
    m->value = wire_get64(b + 24);
    m->unit = wire_get64(b + 32);
    m->factor = wire_get32(b + 40);
    m->rank = wire_get32(b + 44);
    m->ranks = wire_get32(b + 48);
    m->rights =
        (struct file_rights){ wire_get16(b + 126), wire_get32(b + 118), wire_get32(b + 122) };
    size_t rest = wire_get16(b + 116);
    if (m->factor > PFS_FACTOR_MAX || rest > PFS_NAME_MAX - NAME_HEAD || b[52 + NAME_HEAD] != 0 ||
        in->length < with_name(m, rest))
        return false;
    memset(m->name, 0, sizeof m->name);
    memcpy(m->name, b + 52, NAME_HEAD);
    rope_read(in, with_name(m, 0), rest, m->name + strlen(m->name));
    if (strlen(m->name) < rest)
        return false;
    if (group != NULL) {
        rope_read(in, sizeof b, 2 * (size_t)m->factor, g);
        for (uint32_t i = 0; i < m->factor; i++)
            group[i] = wire_get16(g + 2 * i);
    }
    return true;
}

void pfs_io_args_store(struct rope *out, const struct pfs_io_args *a)
{
    uint8_t b[PFS_IO_ARGS_BYTES] = { 0 };
    wire_put64(b, a->id);
    wire_put64(b + 8, a->off);
    wire_put64(b + 16, a->len);
    wire_put64(b + 24, a->unit);
    wire_put64(b + 32, a->record);
    wire_put16(b + 40, (uint16_t)a->factor);
    wire_put16(b + 42, (uint16_t)a->dir);
    wire_put32(b + 44, a->number);
    rope_add_bytes(out, b, sizeof b);
}

bool pfs_io_args_load(struct rope *in, struct pfs_io_args *a)
{
    uint8_t b[PFS_IO_ARGS_BYTES];
    if (in->length < sizeof b)
        return false;
    rope_read(in, 0, sizeof b, b);
    rope_drop_front(in, sizeof b);
    a->id = wire_get64(b);
    a->off = wire_get64(b + 8);
    a->len = wire_get64(b + 16);
    a->unit = wire_get64(b + 24);
    a->record = wire_get64(b + 32);
    a->factor = wire_get16(b + 40);
    a->dir = wire_get16(b + 42);
    a->number = wire_get32(b + 44);
    return a->unit > 0 && a->dir < a->factor;
}

void pfs_io_reply_store(struct rope *out, const struct pfs_io_reply *r)
{
    uint8_t b[PFS_IO_REPLY_BYTES] = { 0 };
    wire_put32(b, r->status << 16 | r->edge);
    wire_put32(b + 4, r->cuts);
    wire_put64(b + 8, (uint64_t)r->device);
    wire_put64(b + 16, (uint64_t)r->server);
    rope_add_bytes(out, b, sizeof b);
}

bool pfs_io_reply_load(struct rope *in, struct pfs_io_reply *r)
{
    uint8_t b[PFS_IO_REPLY_BYTES];
    if (in->length < sizeof b)
        return false;
    rope_read(in, 0, sizeof b, b);
    rope_drop_front(in, sizeof b);
    r->status = wire_get32(b) >> 16;
    r->edge = wire_get32(b) & 0xffff;
    r->cuts = wire_get32(b + 4);
    r->device = (sim_time)wire_get64(b + 8);
    r->server = (sim_time)wire_get64(b + 16);
    return r->status < PFS_STATUS_COUNT && r->device >= 0 && r->server >= r->device;
}

enum pfs_status pfs_status_of_call(enum xk_status s)
{
    return s == XK_OK ? PFS_OK : PFS_SERVER_DOWN;
}

enum pfs_status pfs_status_of_file(enum file_status s)
{
    switch (s) {
    case FILE_OK:
        return PFS_OK;
    case FILE_NO_SPACE:
    case FILE_NO_INODE:
    case FILE_SCATTERED:
    case FILE_RANGE:
        return PFS_NO_SPACE;
    case FILE_NO_FILE:
        return PFS_NO_FILE;
    case FILE_UNSUPPORTED:
        return PFS_UNSUPPORTED;
    case FILE_DENIED: /* a hint: all else is asked for as user 0 */
        return PFS_DENIED;
    default:
        return PFS_IO_ERROR;
    }
}
