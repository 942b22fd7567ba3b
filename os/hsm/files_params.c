/* files_params.c: HSM: its parameters, what it counts, the order of migrations, and its start over
 * the bitfile server.  See files.h.
 */
#include "os/hsm/bitfile_server.h"
#include "os/hsm/files_internal.h"

static const char *const stages[] = { "open", "demand", "background", "none", NULL };

static double by_age(const struct migrate_file *f)
{
    return (double)f->age;
}

static double by_size(const struct migrate_file *f)
{
    return (double)f->size;
}

static double by_weight(const struct migrate_file *f)
{
    return (double)f->size * (double)f->age;
}

static const struct migrate_ops age = {
    .kind = { .name = "age", .doc = "What was not changed for the longest time goes first." },
    .value = by_age,
};
static const struct migrate_ops size = {
    .kind = { .name = "size", .doc = "The largest file goes first." },
    .value = by_size,
};
static const struct migrate_ops weight = {
    .kind = { .name = "weight", .doc = "Size times the time since the last change." },
    .value = by_weight,
};
static const struct kind *const migrations[] = { &age.kind, &size.kind, &weight.kind, NULL };
const struct kind_set hsm_migrations = { "migration", "order of the layer hsm", migrations };

const struct param file_hsm_params[] = {
    P_CHOICE(file_hsm_params, stage, "demand", stages,
             "What is staged when bytes are read that lie on tape alone: the whole file, before "
             "the first read goes on (open); what is read (demand); that first, and then the rest "
             "(background); or nothing, and reads come from tape past the disk (none)."),
    P_SIZE(file_hsm_params, piece, "4MiB", "512B", "1GiB",
           "What is staged at least, at multiples of it; of a file of more than 1024 such pieces "
           "they are twice as large, or four times ... A migration has two pieces of its file in "
           "memory: while one goes to tape the next is read.",
           "ASSUMED(some seconds of a drive)"),
    P_INT(file_hsm_params, row, "16", "1", "1024",
          "Pieces in a row that one request to the archive brings at most.",
          "ASSUMED(a minute of a drive)"),
    P_INT(file_hsm_params, pulls, "2", "1", "64",
          "Requests to the archive for one file at a time: while the pieces of one go to the disk "
          "the next is at the drive.",
          "ASSUMED(two buffers)"),
    P_INT(
        file_hsm_params, migrations, "1", "1", "64",
        "Files that are migrated at a time, each with two pieces in memory; what programs ask for "
        "comes on top.",
        "ASSUMED(one file after the other leaves the disk to who reads; more share a mount's "
        "waits)"),
    P_SIZE(file_hsm_params, space, "0", "0", "1024TiB",
           "What files may take of the disk; the file system below has at least that. 0: nine "
           "tenths of device 0.",
           "ASSUMED(the rest is for its tables)"),
    P_INT(file_hsm_params, start, "90", "1", "100",
          "A purge begins when files take more than so many percent of the space.",
          "ASSUMED(an experiment's choice)"),
    P_INT(file_hsm_params, stop, "70", "0", "100", "And ends at so many.",
          "ASSUMED(an experiment's choice)"),
    P_SIZE(file_hsm_params, least, "1B", "1B", "1024TiB", "Smaller files are not migrated.",
           "ASSUMED(all are)"),
    P_TIME(file_hsm_params, age, "5min", "0", "1000h",
           "A file is migrated when it was not changed for so long, or when room is needed.",
           "ASSUMED(an experiment's choice)"),
    P_TIME(file_hsm_params, recent, "0", "0", "1000h",
           "A file is not purged so soon after its last use, unless room is needed at once.",
           "ASSUMED(an experiment's choice)"),
    P_TIME(file_hsm_params, poll, "60s", "1ms", "100h",
           "Files that could be migrated are looked for so often.",
           "HPSS 4.5 Management Guide, p. 343 (60 s)"),
    P_TIME(file_hsm_params, retry, "2s", "1us", "1h",
           "A read from the archive that did not reach it, or whose drive failed, is tried again "
           "after so long,",
           "ASSUMED(a restart of a server takes some)"),
    P_INT(file_hsm_params, tries, "150", "1", "100000",
          "so often at most; so often, too, files are looked for of which the archive takes none.",
          "ASSUMED(five minutes)"),
    P_TIME(file_hsm_params, busy, "10ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_CHOICE_OF(file_hsm_params, order, "age", hsm_migrations, "Which file is migrated first."),
    P_KIND(file_hsm_params, replace, "lru", hsm_replacements, "Which file is purged first."),
    P_KIND(file_hsm_params, prefetch, "none", hsm_prefetches,
           "What is staged before anybody asks for it."),
    P_INT(file_hsm_params, files, "4096", "1", "10000000",
          "Files that can lie in the archive at a time: records are set aside for so many.",
          "ASSUMED(an experiment's choice)"),
    P_INT(file_hsm_params, cos, "-1", "-1", "1000",
          "The class of service of its bitfiles; -1: by their size.",
          "ASSUMED(the archive's choice)"),
    P_TABLE(file_hsm_params, records, records_params_desc, "Where files lie.", "os/hsm/records.h"),
    P_END,
};

const struct counter file_hsm_counters[] = {
    C_SUM(hsm, counts, migrations, "1", "Files copied to the archive."),
    C_SUM(hsm, counts, migrated, "B", "Their bytes."),
    C_MOST(hsm, counts, at_once, "1", "Most of them at a time."),
    C_SUM(hsm, counts, copied, "B",
          "Bytes read from the disk for that; more than their own where a stream of a mover is "
          "late."),
    C_MOST(hsm, counts, buffered, "B", "Most bytes of files in memory on their way there."),
    C_SUM(hsm, counts, abandoned, "1",
          "Copies that were not finished, or no longer what the file "
          "was."),
    C_SUM(hsm, counts, pulls, "1", "Requests to the archive for bytes that were to be staged."),
    C_SUM(hsm, counts, staged, "B", "Bytes staged."),
    C_SUM(hsm, counts, purges, "1", "Files purged."),
    C_SUM(hsm, counts, purged, "B", "What they took of the disk."),
    C_SUM(hsm, counts, hits, "1", "Reads whose bytes were here."),
    C_SUM(hsm, counts, misses, "1", "Reads that waited for the archive."),
    C_SUM(hsm, counts, direct, "1", "Of these: from tape past the disk."),
    C_SUM(hsm, counts, again, "1", "Requests to the archive that were made again."),
    C_SUM(hsm, counts, failed, "1", "Requests to the archive that failed for good."),
    C_SUM(hsm, counts, dropped, "1", "Files of which pieces, asked for early, had no room."),
    C_SUM(hsm, counts, early, "1", "Pieces of files that were staged before anybody asked."),
    C_SUM(hsm, counts, early_used, "1", "Of these: read or written before they were purged."),
    C_SUM(hsm, counts, early_wasted, "1", "Of these: purged, or removed, by then."),
    C_SUM(hsm, counts, full, "1", "Requests for which there was no room."),
    C_SUM(hsm, counts, removed, "1", "Bitfiles removed."),
    C_SUM(hsm, counts, orphans, "1",
          "Of these: no record named them, for a crash or a failure came between their making and "
          "that."),
    C_END,
};

static void ask(void *arg, struct bitfile_call *c)
{
    bitfile_ask(arg, c);
}

static bool check(const void *params, const struct os_boot *b, const char *path, struct err *e)
{
    const struct file_hsm_params *p = params;
    if (p->stop > p->start)
        return err_set(e, "%s: a purge goes from start, %lld percent, down to stop, not up to %lld",
                       path, (long long)p->start, (long long)p->stop);
    return hsm_host(b, &bitfile_service) != UINT32_MAX ||
           err_set(e, "%s: files go to an archive: machine.os has no { service = \"bitfile\" }",
                   path);
}

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct file_hsm_params *p = params;
    struct port *port = b->node->port;
    struct os_disk disk = os_disk(b->node->layout, b->node->node);
    uint64_t space = (uint64_t)p->space;
    struct bitfile_door *d = os_find(b->node, &bitfile_client_service);
    if (d == NULL)
        d = bitfile_open(b->rpc, hsm_host(b->node->boot, &bitfile_service), p->busy);
    if (space == 0)
        space = disk.sectors * disk.sector_bytes / 10 * 9;
    return file_hsm_start(port, p, below, &(struct hsm_door){ ask, d }, space);
}

const struct file_ops file_hsm = {
    .kind = { .name = "hsm",
              .doc = "Files that are migrated to the archive, purged from the disk, and staged "
                     "again when they are read.",
              .params = file_hsm_params,
              .params_size = sizeof(struct file_hsm_params) },
    .alone = true,
    .files = 2, /* the records and their log, of all files together */
    .check = check,
    .start = start,
    .submit = hsm_submit,
};
