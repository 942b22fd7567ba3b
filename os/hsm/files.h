/* files.h: HSM, a layer of files that are migrated to the archive, purged from the disk, and staged
 * again when they are read.
 *
 * It stands over a file system of this node; each file of that becomes a bitfile (bitfile.h).  Over
 * a file system that has parts of parallel files each node moves its own parts, straight between
 * its disk and the movers.
 *
 *   where a file lies   guarantee                          event -> next (function)
 *   disk alone          has no bitfile, or was changed     copied and committed -> both (migrate)
 *                       since it was written
 *   both                the disk and the bitfile have the  purged -> tape (purge); changed -> disk
 *                       same bytes                         alone (own)
 *   tape, or in part    pieces that are `here` are on the  a piece is staged (stage); all -> both;
 *                       disk, the others in the bitfile    changed -> changed in part (own)
 *   changed in part     the same; those that are here may  migrated: staged whole first
 *                       differ from the bitfile
 *
 * What must outlive a crash is a record for each file that has a bitfile (records.h, in the file
 * system below).
 *
 *   HSM1  Bytes, size and time of change of a file are what its user made them, wherever it lies,
 *       after a crash of the node, too, as the file system below promises of what was not flushed.
 *   HSM2  A byte is purged when it is in the archive, and the record that says so on the device.
 *   HSM3  A record says that bytes are here, or in a bitfile, once they are.
 *   HSM4  The number of a bitfile is in a record before it is written and until it is removed.  One
 *       that a crash has left between its creation and that record is found in the archive's list
 *       of the layer's bitfiles, and removed, before the next is made.
 *   HSM5  Requests of a file take effect in the order in which they came; READs may overtake READs.
 *   HSM6  Files take at most `space` of the disk, in whole bytes of theirs.  A request that needs
 *       more waits while something can be purged, or be migrated and then purged, or is about to
 *       end; else it is FILE_NO_SPACE.
 *
 * A READ waits for bytes that are not here: `stage` says for which, and what is staged besides.
 * What it waits for goes first.  A WRITE waits for pieces of which it changes a part.  A request of
 * a user who may not read the file stages nothing.
 *
 * FILE_STAGE, FILE_PURGE, FILE_PIN, FILE_UNPIN, FILE_MIGRATE (os/file/file.h) end when it is done.
 * A file that has checkpoints (FILE_CHECKPOINT) stays on the disk, until it is removed.
 *
 * A migration reads the file in pieces, of which two are in memory; one that sees the file change
 * is made again later.  Files that others put into the file system below are seen from the next
 * boot on, and may be purged: so no other service has files there (file_stacks_agree).
 *
 * Source: HPSS's bitfile server and its policies of migration and purge, as its guides describe
 * them [HPSS 4.5 Management Guide]: stage on open, in the background, or not at all; a purge from
 * `start` to `stop` percent, that skips what is locked or was used lately; a poll each minute.
 */
#ifndef OS_HSM_FILES_H
#define OS_HSM_FILES_H

#include "os/file/file.h"
#include "os/hsm/bitfile.h"
#include "os/hsm/records.h"

enum hsm_stage {
    HSM_STAGE_OPEN,       /* the whole file, before the first READ of it goes on */
    HSM_STAGE_DEMAND,     /* the pieces that it needs */
    HSM_STAGE_BACKGROUND, /* these; and then all others, while it goes on */
    HSM_STAGE_NONE        /* nothing: its bytes come from tape, past the disk */
};

struct file_hsm_params {
    int stage; /* enum hsm_stage */
    int64_t piece, row, pulls, migrations;
    int64_t space, start, stop, least;
    sim_time age, recent, poll, retry, busy;
    int64_t tries;
    int order;                            /* of hsm_migrations */
    struct kind_choice replace, prefetch; /* of hsm_replacements, hsm_prefetches */
    int64_t files;
    int64_t cos;
    struct records_params records;
};
extern const struct param file_hsm_params[];
extern const struct counter file_hsm_counters[]; /* "hsm.*" */

/* Which file is migrated first: policies. */
struct migrate_file {
    uint64_t file, size;
    sim_time age; /* since it was changed last */
};
struct migrate_ops {
    struct kind kind;                              /* no parameters, no state */
    double (*value)(const struct migrate_file *f); /* the largest goes first */
};
extern const struct kind_set hsm_migrations;

/* The door to bitfiles: bitfile_ask, or what a test has in its place. */
struct hsm_door {
    void (*ask)(void *arg, struct bitfile_call *c);
    void *arg;
};
/* The layer over `below`; params stay.  `space` is what the files may take, in bytes. */
struct file_sys *file_hsm_start(struct port *port, const struct file_hsm_params *params,
                                struct file_sys *below, const struct hsm_door *door,
                                uint64_t space);

#endif
