/* storage_params.c: the storage server's parameters, classes, messages.  See storage.h. */
#include "os/hsm/storage_internal.h"

#include <stdio.h> /* snprintf alone */

static const char *const rait_names[] = { "rait0", "rait3", "rait5", NULL };

const struct param storage_params_desc[] = {
    P_STRING(storage_params, prefix, "V",
             "Text on the label of each cartridge, before its number of six digits."),
    P_INT(storage_params, volumes, "100", "1", "10000000", "Virtual volumes.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, width, "1", "1", "16", "Cartridges of a virtual volume: a stripe.",
          "ASSUMED(an experiment's choice)"),
    P_SIZE(storage_params, block, "256KiB", "1KiB", "16MiB", "A block on the tape.",
           "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, blocks, "1000", "0", "1000000000",
          "Blocks of a virtual volume that it has from the start.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, filled, "100", "0", "10000000",
          "Of the virtual volumes the first, which hold their blocks from the start.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, capacity, "1000", "1", "1000000000",
          "Blocks that are written to a virtual volume at most.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, pieces, "1000", "0", "1000000000",
          "Appends that go to a virtual volume at most; 0: any number.",
          "ASSUMED(an experiment's choice)"),
    P_CHOICE(storage_params, rait, "rait0", rait_names,
             "Parity of a virtual volume: none, of each row on its last cartridge, or on one after "
             "the other.",
             "ASSUMED(an experiment's choice)"),
    P_VAL(
        storage_params, classes,
        "Further storage classes: tables of volumes, width, block, capacity, pieces, rait.  Their "
        "volumes and cartridges come behind those of the class before.",
        "ASSUMED(one class)"),
    P_INT(storage_params, threads, "8", "1", "1000", "Threads that look up the catalogue.",
          "ASSUMED(a few)"),
    P_INT(storage_params, rounds, "4", "1", "1000000",
          "Times that requests which have come meanwhile go to a volume that is mounted.",
          "ASSUMED(others wait)"),
    P_INT(storage_params, batch, "1000", "1", "2000", "Requests that go to a volume at once.",
          "ASSUMED(what one call carries)"),
    P_TIME(storage_params, retry, "5ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_TABLE(storage_params, records, records_params_desc, "The catalogue.", "os/hsm/records.h"),
    P_VAL(storage_params, files,
          "The layers, top to bottom, of the file system that has the catalogue: tables { layer = "
          "NAME, and its parameters }.",
          "ASSUMED(one file system a node)"),
    P_END,
};

/* Of a further class. */
static const struct param class_desc[] = {
    P_INT(storage_class, volumes, "100", "1", "10000000", "Virtual volumes.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_class, width, "1", "1", "16", "Cartridges of a virtual volume: a stripe.",
          "ASSUMED(an experiment's choice)"),
    P_SIZE(storage_class, block, "256KiB", "1KiB", "16MiB", "A block on the tape.",
           "ASSUMED(an experiment's choice)"),
    P_INT(storage_class, capacity, "1000", "1", "1000000000",
          "Blocks that are written to a virtual volume at most.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_class, pieces, "1000", "0", "1000000000",
          "Appends that go to a virtual volume at most; 0: any number.",
          "ASSUMED(an experiment's choice)"),
    P_CHOICE(storage_class, rait, "rait0", rait_names,
             "Parity of a virtual volume: none, of each row on its last cartridge, or on one after "
             "the other.",
             "ASSUMED(an experiment's choice)"),
    P_END,
};

bool storage_classes_load(struct storage_params *p, const char *path, struct err *e)
{
    char where[256];
    bool ok = true;
    p->more_count = 0;
    if (p->rait != STORAGE_RAIT0 && p->filled > 0)
        return err_set(e, "%s.filled: volumes with parity have nothing from the start: filled = 0",
                       path);
    if (p->rait != STORAGE_RAIT0 && p->width < 2)
        return err_set(e, "%s.width: a volume with parity has two cartridges at least", path);
    if (p->classes == NULL || (p->classes->count == 0 && p->classes->type >= VAL_LIST))
        return true;
    if (p->classes->type != VAL_LIST || p->classes->count >= STORAGE_CLASSES)
        return err_set(e, "%s%s.classes is %s, not a list of at most %d storage classes",
                       val_where(p->classes, where, sizeof where), path,
                       val_type_name(p->classes->type), STORAGE_CLASSES - 1);
    for (size_t i = 0; ok && i < p->classes->count; i++) {
        char at[128];
        (void)snprintf(at, sizeof at, "%s.classes[%zu]", path, i + 1);
        struct storage_class *c = &p->more[p->more_count++];
        ok = param_load(class_desc, c, p->classes->items[i], at, e);
        if (ok && c->rait != STORAGE_RAIT0 && c->width < 2)
            ok = err_set(e, "%s.width: a volume with parity has two cartridges at least", at);
    }
    return ok;
}

/* ---- classes ---- */

uint32_t storage_class_count(const struct storage_params *p)
{
    return 1 + p->more_count;
}

struct storage_class storage_class(const struct storage_params *p, uint32_t c)
{
    struct storage_class x = { .volumes = p->volumes,
                               .width = p->width,
                               .block = p->block,
                               .capacity = p->capacity,
                               .pieces = p->pieces,
                               .rait = p->rait };
    ASSERT(c <= p->more_count);
    for (uint32_t i = 0; i < c; i++) {
        uint32_t first = x.first + (uint32_t)x.volumes;
        uint64_t cartridge = x.cartridge + (uint64_t)(x.volumes * x.width);
        x = p->more[i];
        x.first = first;
        x.cartridge = cartridge;
    }
    return x;
}

uint32_t storage_volumes(const struct storage_params *p)
{
    const struct storage_class last = storage_class(p, p->more_count);
    return last.first + (uint32_t)last.volumes;
}

uint32_t storage_class_of(const struct storage_params *p, uint32_t volume)
{
    uint32_t c = 0;
    while (c < p->more_count && volume >= storage_class(p, c + 1).first)
        c++;
    return c;
}

/* ---- rows ---- */

uint32_t storage_data(const struct storage_class *c)
{
    return (uint32_t)c->width - (c->rait != STORAGE_RAIT0);
}

uint32_t storage_column(const struct storage_class *c, uint64_t row, uint32_t member)
{
    return c->rait == STORAGE_RAIT5 ? (uint32_t)((member + row) % (uint64_t)c->width) : member;
}

uint32_t storage_member(const struct storage_class *c, uint64_t row, uint32_t column)
{
    uint64_t width = (uint64_t)c->width;
    return c->rait == STORAGE_RAIT5 ? (uint32_t)((column + width - row % width) % width) : column;
}

uint64_t storage_taken(const struct storage_class *c, uint64_t blocks)
{
    uint64_t data = storage_data(c);
    return c->rait != STORAGE_RAIT0 ? (blocks + data - 1) / data * data : blocks;
}

bool storage_copies(const struct storage_class *c)
{
    return c->rait == STORAGE_RAIT0 && 2 * c->width <= PVL_STRIPE;
}

void storage_cartridge(const struct storage_params *p, uint32_t volume, uint32_t member,
                       char label[HSM_LABEL])
{
    const struct storage_class c = storage_class(p, storage_class_of(p, volume));
    (void)snprintf(label, HSM_LABEL, "%.9s%06u", p->prefix,
                   (uint32_t)(c.cartridge + (volume - c.first) * (uint64_t)c.width + member));
}

uint64_t storage_label(const struct storage_params *p, uint32_t volume, uint64_t block,
                       char label[HSM_LABEL])
{
    const struct storage_class c = storage_class(p, storage_class_of(p, volume));
    uint64_t data = storage_data(&c), row = block / data;
    storage_cartridge(p, volume, storage_member(&c, row, (uint32_t)(block % data)), label);
    return row;
}

/* ---- messages ---- */

void storage_request_store(uint8_t out[STORAGE_REQUEST_BYTES], const struct storage_request *r)
{
    wire_put32(out, r->volume);
    wire_put32(out + 4, r->life);
    wire_put64(out + 8, r->first);
    wire_put64(out + 16, r->count);
    wire_put64(out + 24, r->token);
    wire_put64(out + 32, r->offset);
    wire_put32(out + 40, r->sink);
    out[44] = r->part;
}

struct storage_request storage_request_load(const uint8_t in[STORAGE_REQUEST_BYTES])
{
    return (struct storage_request){ .volume = wire_get32(in),
                                     .life = wire_get32(in + 4),
                                     .first = wire_get64(in + 8),
                                     .count = wire_get64(in + 16),
                                     .token = wire_get64(in + 24),
                                     .offset = wire_get64(in + 32),
                                     .sink = wire_get32(in + 40),
                                     .part = in[44] != 0 };
}

void storage_source_store(uint8_t out[STORAGE_SOURCE_BYTES], const struct storage_source *s)
{
    wire_put32(out, s->volume);
    wire_put32(out + 4, s->life);
    wire_put64(out + 8, s->first);
}

struct storage_source storage_source_load(const uint8_t in[STORAGE_SOURCE_BYTES])
{
    return (struct storage_source){ .volume = wire_get32(in),
                                    .life = wire_get32(in + 4),
                                    .first = wire_get64(in + 8) };
}

void storage_place_store(uint8_t out[STORAGE_PLACE_BYTES], const struct storage_place *p)
{
    wire_put32(out, p->volume);
    wire_put32(out + 4, p->life);
    wire_put64(out + 8, p->first);
    wire_put64(out + 16, p->count);
    wire_put32(out + 24, p->piece);
}

struct storage_place storage_place_load(const uint8_t in[STORAGE_PLACE_BYTES])
{
    return (struct storage_place){ .volume = wire_get32(in),
                                   .life = wire_get32(in + 4),
                                   .first = wire_get64(in + 8),
                                   .count = wire_get64(in + 16),
                                   .piece = wire_get32(in + 24) };
}

void storage_volume_store(uint8_t out[STORAGE_VOLUME_BYTES], const struct storage_volume *v)
{
    wire_put32(out, v->volume);
    wire_put32(out + 4, v->life);
    wire_put64(out + 8, v->blocks);
    wire_put32(out + 16, v->pieces);
    out[20] = (uint8_t)(v->state | v->kept << 7);
}

struct storage_volume storage_volume_load(const uint8_t in[STORAGE_VOLUME_BYTES])
{
    return (struct storage_volume){ .volume = wire_get32(in),
                                    .life = wire_get32(in + 4),
                                    .blocks = wire_get64(in + 8),
                                    .pieces = wire_get32(in + 16),
                                    .state = in[20] & 0x7f,
                                    .kept = in[20] >> 7 != 0 };
}
