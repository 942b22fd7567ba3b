/* bitfile_params.c: the bitfile server's parameters and messages.  See bitfile_server.h. */
#include <stdio.h> /* snprintf alone */

#include "os/hsm/bitfile_internal.h"

static const struct param repack_desc[] = {
    P_INT(bitfile_repack, percent, "30", "0", "100",
          "A full volume is repacked when no more of what was written there is live; 0: when "
          "nothing is.",
          "ASSUMED(an experiment's choice)"),
    P_TIME(bitfile_repack, every, "0s", "0s", "1000h",
           "From one look for such volumes to the next; 0: only when it is asked for.",
           "ASSUMED(an experiment's choice)"),
    P_TIME(bitfile_repack, idle, "60s", "0s", "1000h",
           "A look waits until no call has come or ended for so long.",
           "ASSUMED(an experiment's choice)"),
    P_SIZE(bitfile_repack, buffer, "64MiB", "1KiB", "1TiB",
           "Segments that are moved together, in the memory of the server; one at least.",
           "ASSUMED(some files of a tape)"),
    P_BOOL(bitfile_repack, direct, "true",
           "Segments go from drive to drive, which takes twice as many drives as a volume has "
           "cartridges; false, or where that cannot be: through the memory of the server.",
           "HPSS 6.2: repack needs 2w drives [found: tape.md S35]"),
    P_BOOL(bitfile_repack, heal, "true",
           "What a READ cannot have of one copy, and has of the other, is written anew from that.",
           "ASSUMED(two copies are kept to be two)"),
    P_END,
};

const struct param bitfile_params_desc[] = {
    P_INT(bitfile_params, bitfiles, "10000", "1", "1000000000", "Room for so many bitfiles.",
          "ASSUMED(an experiment's choice)"),
    P_INT(bitfile_params, declared, "0", "0", "1000000000",
          "Of these, the first, that the archive has from the start: they lie on the declared "
          "volumes of the first storage class, one after the other.",
          "ASSUMED(an experiment's choice)"),
    P_SIZE(bitfile_params, size, "1MB", "1B", "1TB", "Bytes of a declared bitfile.",
           "ASSUMED(an experiment's choice)"),
    P_INT(bitfile_params, chains, "1000", "1", "1000000000",
          "Records for segments behind the first two of a bitfile.",
          "ASSUMED(few files are in more)"),
    P_VAL(bitfile_params, classes,
          "Classes of service, numbered from 0: tables of name, storage (a storage class, from 0), "
          "copies, min and max (the sizes that it takes).",
          "ASSUMED(one class)"),
    P_INT(bitfile_params, threads, "8", "1", "1000", "Threads that look up the catalogue.",
          "ASSUMED(a few)"),
    P_TIME(bitfile_params, retry, "5ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_TABLE(bitfile_params, repack, repack_desc, "Volumes on which little is needed."),
    P_TABLE(bitfile_params, records, records_params_desc, "The catalogue.", "os/hsm/records.h"),
    P_VAL(bitfile_params, files,
          "The layers, top to bottom, of the file system that has the catalogue: tables { layer = "
          "NAME, and its parameters }.",
          "ASSUMED(one file system a node)"),
    P_END,
};

static const struct param class_desc[] = {
    P_STRING(bitfile_class, name, "", "What it is called.", "ASSUMED(no name)"),
    P_INT(bitfile_class, storage, "0", "0", "7", "The storage class of its bitfiles.",
          "ASSUMED(the first)"),
    P_INT(bitfile_class, copies, "1", "1", "2", "Copies, each on volumes of its own.",
          "ASSUMED(one)"),
    P_SIZE(bitfile_class, min, "0B", "0B", "1000TB", "Smallest file that it takes by size.",
           "ASSUMED(any)"),
    P_SIZE(bitfile_class, max, "1000TB", "0B", "1000TB", "Largest file that it takes by size.",
           "ASSUMED(any)"),
    P_END,
};

static bool load_classes(struct bitfile_params *p, const char *path, struct err *e)
{
    char where[256], at[128];
    bool ok = true;
    p->class_count = 0;
    if (p->classes == NULL || (p->classes->count == 0 && p->classes->type >= VAL_LIST))
        return true;
    if (p->classes->type != VAL_LIST || p->classes->count > BITFILE_CLASSES)
        return err_set(e, "%s%s.classes is %s, not a list of at most %d classes of service",
                       val_where(p->classes, where, sizeof where), path,
                       val_type_name(p->classes->type), BITFILE_CLASSES);
    for (size_t i = 0; ok && i < p->classes->count; i++) {
        (void)snprintf(at, sizeof at, "%s.classes[%zu]", path, i + 1);
        ok = param_load(class_desc, &p->class[p->class_count++], p -> classes -> items[i], at, e);
    }
    return ok;
}

bool bitfile_params_ready(struct bitfile_params *p, const struct storage_params *storage,
                          const char *path, struct err *e)
{
    if (!load_classes(p, path, e))
        return false;
    if (p->declared > p->bitfiles)
        return err_set(e, "%s.declared is %lld, but %s.bitfiles gives room for %lld", path,
                       (long long)p->declared, path, (long long)p->bitfiles);
    for (uint32_t i = 0; i < p->class_count; i++)
        if (storage != NULL && p->class[i].storage >= storage_class_count(storage))
            return err_set(e, "%s.classes[%u].storage is %lld, but storage has %u classes", path,
                           i + 1, (long long)p->class[i].storage, storage_class_count(storage));
    for (uint32_t c = 0; storage != NULL && c < storage_class_count(storage); c++)
        if (storage_class(storage, c).pieces == 0)
            return err_set(e,
                           "%s: a bitfile server has room for a number of pieces on each volume; "
                           "pieces of a storage class is 0",
                           path);
    if (storage == NULL || p->declared == 0)
        return true;
    const struct storage_place first = bitfile_declared(p, storage, 0);
    if (first.count > (uint64_t)storage->blocks ||
        bitfile_declared(p, storage, (uint64_t)p->declared - 1).volume >= storage->filled)
        return err_set(e,
                       "%s.declared: %lld bitfiles of %lld bytes do not fit the %lld declared "
                       "volumes of %lld blocks",
                       path, (long long)p->declared, (long long)p->size, (long long)storage->filled,
                       (long long)storage->blocks);
    return true;
}

/* ---- classes ---- */

uint32_t bitfile_class_count(const struct bitfile_params *p)
{
    return p->class_count > 0 ? p->class_count : 1;
}

struct bitfile_class bitfile_class(const struct bitfile_params *p, uint32_t class)
{
    if (p->class_count == 0)
        return (struct bitfile_class){ .name = "", .copies = 1, .max = INT64_MAX };
    return p->class[class < p->class_count ? class : 0];
}

uint64_t bitfile_block(const struct bitfiles *b, uint32_t class)
{
    return (uint64_t)storage_class(b->storage, (uint32_t)bitfile_class(b->params, class).storage)
        .block;
}

/* ---- messages ---- */

void bitfile_reply_store(uint8_t out[BITFILE_REPLY_BYTES], enum hsm_status status, uint64_t id,
                         const struct bitfile_stat *stat)
{
    out[0] = (uint8_t)status;
    wire_put64(out + 1, id);
    wire_put64(out + 9, stat->size);
    wire_put32(out + 17, stat->cos);
    out[21] = stat->written;
    wire_put32(out + 22, stat->copies);
    wire_put32(out + 26, stat->segments);
    wire_put32(out + 30, stat->volume);
    wire_put64(out + 34, stat->first);
    wire_put64(out + 42, (uint64_t)stat->created);
    wire_put64(out + 50, (uint64_t)stat->stored);
}

void bitfile_reply_load(const uint8_t in[BITFILE_REPLY_BYTES], uint64_t *id,
                        struct bitfile_stat *stat)
{
    *id = wire_get64(in + 1);
    *stat = (struct bitfile_stat){ .size = wire_get64(in + 9),
                                   .cos = wire_get32(in + 17),
                                   .written = in[21] != 0,
                                   .copies = wire_get32(in + 22),
                                   .segments = wire_get32(in + 26),
                                   .volume = wire_get32(in + 30),
                                   .first = wire_get64(in + 34),
                                   .created = (sim_time)wire_get64(in + 42),
                                   .stored = (sim_time)wire_get64(in + 50) };
}
