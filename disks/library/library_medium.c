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

/* FNV-1a of the label is the pattern's seed. */
static void filled_bytes(const void *arg, uint64_t from, uint64_t length, struct rope *out)
{
    const struct cartridge *c = arg;
    uint64_t seed = UINT64_C(0xcbf29ce484222325);
    for (const char *p = tape_medium_label(c->medium); *p != '\0'; p++)
        seed = (seed ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    rope_add_pattern(out, seed, from, length);
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
