/* parts.c: the parts of what is saved of a rank, beside its pages: those that every rank has, and
 * how they are read back. */
#include <string.h>

#include "os/ckpt/files_internal.h"

void ckpt_part(struct ckpt *c, const struct ckpt_part_ops *ops, void *obj)
{
    ASSERT(c->part_count < ARRAY_LEN(c->parts));
    c->parts[c->part_count].ops = ops;
    c->parts[c->part_count++].obj = obj;
}

/* The program: u64 resume point, u8 it has ended. */
static bool save_program(void *obj, struct rope *out, const char **why)
{
    (void)why;
    const struct ckpt *c = obj;
    uint8_t wire[9];
    wire_put64(wire, c->node->run->resume);
    wire[8] = c->node->run->ended;
    rope_add_bytes(out, wire, sizeof wire);
    return true;
}

static bool load_program(void *obj, struct rope *in)
{
    struct ckpt *c = obj;
    uint8_t wire[9];
    if (in->length != sizeof wire)
        return false;
    rope_read(in, 0, sizeof wire, wire);
    c->resume = wire_get64(wire);
    c->ended = wire[8] != 0;
    return true;
}

static bool save_nx(void *obj, struct rope *out, const char **why)
{
    *why = nx_save(obj, out);
    return *why == NULL;
}

static bool load_nx(void *obj, struct rope *in)
{
    return nx_load(obj, in);
}

const struct ckpt_part_ops ckpt_part_program = { "program", save_program, load_program };
const struct ckpt_part_ops ckpt_part_nx = { "nx", save_nx, load_nx };

/* False: the next part has another name, or is not whole.  out is initialised here. */
static bool next_part(const struct rope *parts, uint64_t *at, const char *name, struct rope *out)
{
    uint8_t head[24];
    rope_init(out);
    if (parts->length - *at < sizeof head)
        return false;
    rope_read(parts, *at, sizeof head, head);
    *at += sizeof head;
    uint64_t length = wire_get64(head + 16);
    if (strncmp((const char *)head, name, 16) != 0 || length > parts->length - *at)
        return false;
    rope_add_slice(out, parts, *at, length);
    *at += length;
    return true;
}

static bool has_part(const struct rope *parts, uint64_t at, const char *name)
{
    uint8_t head[24] = { 0 };
    if (parts->length - at >= sizeof head)
        rope_read(parts, at, sizeof head, head);
    return strncmp((const char *)head, name, 16) == 0;
}

/* A part that is not there had no bytes. */
bool ckpt_load_parts(struct ckpt *c, const struct rope *parts)
{
    uint64_t at = 0;
    bool good = true;
    struct rope part;
    for (uint32_t i = 0; good && i < c->part_count; i++) {
        rope_init(&part);
        good = !has_part(parts, at, c->parts[i].ops->name) ||
               next_part(parts, &at, c->parts[i].ops->name, &part);
        good = good && c->parts[i].ops->load(c->parts[i].obj, &part);
        rope_fini(&part);
    }
    if (good && has_part(parts, at, CKPT_PLACES)) {
        good = next_part(parts, &at, CKPT_PLACES, &part) && ckpt_places_load(c, &part);
        rope_fini(&part);
    }
    if (!good)
        return false;
    good = next_part(parts, &at, CKPT_LOG, &part) && ckpt_log_replay(c, &part);
    rope_fini(&part);
    return good && at == parts->length;
}
