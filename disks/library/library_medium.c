/* library_medium.c: what a cartridge holds, from the start and later. */
#include "disks/library/library_internal.h"

static void filled_stretch(const void *arg, uint64_t i, uint64_t *count, uint64_t *length,
                           uint64_t *stored)
{
    const struct cartridge *c = arg;
    (void)i;
    *count = (uint64_t)c->filled->blocks;
    *length = *stored = (uint64_t)c->filled->block;
}

static void filled_bytes(const void *arg, uint64_t from, uint64_t length, struct rope *out)
{
    const struct cartridge *c = arg;
    rope_add_pattern(out, tape_medium_seed(c->medium), from, length);
}

struct tape_medium *cartridge_medium(const struct library *l, struct cartridge *c)
{
    if (c->medium != NULL || l->format == NULL)
        return c->medium;
    c->medium = tape_medium_create(l->format, c->label);
    if (c->filled != NULL)
        tape_medium_declare(c->medium, &(struct tape_source){ .stretches = 1,
                                                              .stretch = filled_stretch,
                                                              .bytes = filled_bytes,
                                                              .arg = c });
    return c->medium;
}
