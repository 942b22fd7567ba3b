/* wire.c: requests and replies between nodes: see file_internal.h. */
#include "os/file/file_internal.h"

#include <string.h>

static bool moves(const struct file_req *r)
{
    return r->op == FILE_READ || r->op == FILE_WRITE;
}

static void attr_store(uint8_t b[FILE_WIRE_ATTR], const struct file_attr *a)
{
    wire_put64(b, a->size);
    wire_put32(b + 8, a->mode);
    wire_put32(b + 12, a->uid);
    wire_put32(b + 16, a->gid);
    wire_put32(b + 20, 0);
    wire_put64(b + 24, (uint64_t)a->mtime);
    wire_put64(b + 32, (uint64_t)a->ctime);
    memcpy(b + 40, a->owner, FILE_OWNER_BYTES);
}

static void attr_load(const uint8_t b[FILE_WIRE_ATTR], struct file_attr *a)
{
    a->size = wire_get64(b);
    a->mode = wire_get32(b + 8);
    a->uid = wire_get32(b + 12);
    a->gid = wire_get32(b + 16);
    a->mtime = (sim_time)wire_get64(b + 24);
    a->ctime = (sim_time)wire_get64(b + 32);
    memcpy(a->owner, b + 40, FILE_OWNER_BYTES);
}

void file_run_store(uint8_t out[FILE_RUN_BYTES], const struct file_run *r)
{
    wire_put64(out, r->off);
    wire_put64(out + 8, r->len);
    wire_put64(out + 16, r->stride);
    wire_put64(out + 24, r->count);
}

struct file_run file_run_load(const uint8_t in[FILE_RUN_BYTES])
{
    return (struct file_run){ wire_get64(in), wire_get64(in + 8), wire_get64(in + 16),
                              wire_get64(in + 24) };
}

void file_request_store(struct rope *out, const struct file_req *r)
{
    uint8_t b[FILE_WIRE_BESIDE + 2] = { 0 }, *run = b + FILE_REQUEST_HEAD;
    size_t name = r->name != NULL ? strnlen(r->name, FILE_NAME_MAX + 1) : 0;
    size_t to = r->to_name != NULL ? strnlen(r->to_name, FILE_NAME_MAX + 1) : 0;
    ASSERT(r->run_count <= FILE_WIRE_RUNS);
    wire_put32(b, moves(r) ? r->direct : r->hint);
    wire_put32(b + 4, r->run_count);
    wire_put64(b + 8, r->file);
    wire_put64(b + 16, r->dir);
    wire_put64(b + 24, r->size);
    wire_put32(b + 32, (uint32_t)name);
    wire_put32(b + 36, (uint32_t)to);
    wire_put64(b + 40, r->to_dir);
    wire_put32(b + 48, r->uid);
    wire_put32(b + 52, r->gid);
    attr_store(b + 56, &r->attr);
    wire_put32(b + FILE_REQUEST_STREAM, (uint32_t)r->stream);
    for (uint32_t i = 0; i < r->run_count; i++, run += FILE_RUN_BYTES)
        file_run_store(run, &r->runs[i]);
    memcpy(run, r->name != NULL ? r->name : "", name);
    memcpy(run + name, r->to_name != NULL ? r->to_name : "", to);
    rope_add_bytes(out, b, (size_t)(run - b) + name + to);
}

bool file_request_load(struct rope *in, struct file_req *r, struct file_run runs[FILE_WIRE_RUNS],
                       char names[2][FILE_NAME_MAX + 2])
{
    uint8_t b[FILE_REQUEST_HEAD];
    if (in->length < sizeof b)
        return false;
    rope_take_front(in, sizeof b, b);
    uint32_t name = wire_get32(b + 32), to = wire_get32(b + 36);
    uint32_t first = wire_get32(b);
    r->run_count = wire_get32(b + 4);
    r->file = wire_get64(b + 8);
    r->dir = wire_get64(b + 16);
    r->size = wire_get64(b + 24);
    r->to_dir = wire_get64(b + 40);
    r->uid = wire_get32(b + 48);
    r->gid = wire_get32(b + 52);
    attr_load(b + 56, &r->attr);
    r->stream = wire_get32(b + FILE_REQUEST_STREAM);
    if (r->run_count > FILE_WIRE_RUNS || name > FILE_NAME_MAX + 1 || to > FILE_NAME_MAX + 1 ||
        first >= (moves(r) ? 2 : FILE_HINT_COUNT) ||
        in->length < (uint64_t)r->run_count * FILE_RUN_BYTES + name + to)
        return false;
    r->direct = moves(r) && first == 1;
    r->hint = moves(r) ? 0 : first;
    for (uint32_t i = 0; i < r->run_count; i++) {
        uint8_t x[FILE_RUN_BYTES];
        rope_take_front(in, sizeof x, x);
        runs[i] = file_run_load(x);
    }
    rope_take_front(in, name, names[0]);
    rope_take_front(in, to, names[1]);
    names[0][name] = names[1][to] = 0;
    r->runs = runs;
    r->name = names[0];
    r->to_name = names[1];
    return true;
}

void file_reply_store(struct rope *out, const struct file_req *r)
{
    uint8_t b[FILE_REPLY_HEAD];
    wire_put32(b, r->status);
    wire_put32(b + 4, r->grew);
    wire_put64(b + 8, r->file);
    wire_put64(b + 16, r->moved);
    for (int i = 0; i < FILE_PARTS; i++)
        wire_put64(b + 24 + 8 * i, (uint64_t)r->part[i]);
    attr_store(b + 48, &r->attr);
    rope_add_bytes(out, b, sizeof b);
}

bool file_reply_load(struct rope *in, struct file_req *r)
{
    uint8_t b[FILE_REPLY_HEAD];
    if (in->length < sizeof b)
        return false;
    rope_take_front(in, sizeof b, b);
    r->status = wire_get32(b);
    r->grew = wire_get32(b + 4);
    r->file = wire_get64(b + 8);
    r->moved = wire_get64(b + 16);
    for (int i = 0; i < FILE_PARTS; i++)
        r->part[i] = (sim_time)wire_get64(b + 24 + 8 * i);
    attr_load(b + 48, &r->attr);
    return (unsigned)r->status < FILE_STATUS_COUNT;
}

_Static_assert(FILE_PARTS == 3, "their fields in a reply");
