/* wire.c: requests and replies between nodes: see file_internal.h. */
#include "os/file/file_internal.h"

#include <string.h>

static void attr_store(uint8_t b[FILE_WIRE_ATTR], const struct file_attr *a)
{
    wire_put64(b, a->size);
    memcpy(b + 8, a->owner, FILE_OWNER_BYTES);
}

static void attr_load(const uint8_t b[FILE_WIRE_ATTR], struct file_attr *a)
{
    a->size = wire_get64(b);
    memcpy(a->owner, b + 8, FILE_OWNER_BYTES);
}

void file_request_store(struct rope *out, const struct file_req *r)
{
    uint8_t b[FILE_WIRE_BESIDE + 1] = { 0 }, *run = b + FILE_REQUEST_HEAD;
    size_t name = r->name != NULL ? strnlen(r->name, FILE_NAME_MAX + 1) : 0;
    ASSERT(r->run_count <= FILE_WIRE_RUNS);
    wire_put32(b, r->hint);
    wire_put32(b + 4, r->run_count);
    wire_put64(b + 8, r->file);
    wire_put64(b + 16, r->dir);
    wire_put64(b + 24, r->size);
    wire_put32(b + 32, (uint32_t)name);
    attr_store(b + 40, &r->attr);
    for (uint32_t i = 0; i < r->run_count; i++, run += FILE_RUN_BYTES) {
        wire_put64(run, r->runs[i].off);
        wire_put64(run + 8, r->runs[i].len);
        wire_put64(run + 16, r->runs[i].stride);
        wire_put64(run + 24, r->runs[i].count);
    }
    memcpy(run, r->name != NULL ? r->name : "", name);
    rope_add_bytes(out, b, (size_t)(run - b) + name);
}

bool file_request_load(struct rope *in, struct file_req *r, struct file_run runs[FILE_WIRE_RUNS],
                       char name[FILE_NAME_MAX + 2])
{
    uint8_t b[FILE_REQUEST_HEAD];
    if (in->length < sizeof b)
        return false;
    rope_take_front(in, sizeof b, b);
    uint32_t length = wire_get32(b + 32);
    r->hint = wire_get32(b);
    r->run_count = wire_get32(b + 4);
    r->file = wire_get64(b + 8);
    r->dir = wire_get64(b + 16);
    r->size = wire_get64(b + 24);
    attr_load(b + 40, &r->attr);
    if (r->run_count > FILE_WIRE_RUNS || length > FILE_NAME_MAX + 1 || r->hint > FILE_FORGET ||
        in->length < (uint64_t)r->run_count * FILE_RUN_BYTES + length)
        return false;
    for (uint32_t i = 0; i < r->run_count; i++) {
        uint8_t x[FILE_RUN_BYTES];
        rope_take_front(in, sizeof x, x);
        runs[i] = (struct file_run){ wire_get64(x), wire_get64(x + 8), wire_get64(x + 16),
                                     wire_get64(x + 24) };
    }
    rope_take_front(in, length, name);
    name[length] = 0;
    r->runs = runs;
    r->name = name;
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
