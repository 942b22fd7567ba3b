/* drive.h: tape drives: block devices (disks/blkdev.h) of the sequential kind.
 *
 *   BLK_READ    block `sector` (sectors == 1); the drive goes there first if it is elsewhere.
 *               `moved` is its length, `data` its bytes.  BLK_END and `end` when there is none.
 *   BLK_WRITE   a block of data.length bytes at `sector`, which is at most the end of the data;
 *               what was behind is gone.  BLK_END, BLK_END_MEDIUM: past the early warning of the
 *               end of the tape, not written; BLK_END_DATA: `sector` is past the end of the data
 *   BLK_MARK    a mark there, in the same way
 *   BLK_FLUSH   what is in the buffer is on the tape
 *   BLK_LOCATE  goes to `sector`; BLK_END, BLK_END_DATA: it stands at the end of the data, which is
 *               left in `moved`
 *   BLK_ERASE   from `sector` to the end of the tape
 *   BLK_NO_MEDIUM   nothing is loaded, or it is protected against writing
 *
 * Modelled: loading and threading, locating and rewinding by the format's layout (format.h), the
 * bus, a buffer, streaming, the repositioning (back-hitch) of a drive whose host is too slow for
 * it, reading ahead, compression as a ratio, soft errors (blocks read again, blocks written again
 * further on), hard errors, wear.  Not modelled: cleaning, servo, the drive's own error correction
 * but for its capacity.
 *
 *   TAPE4  A write or mark that is answered BLK_OK is in the buffer or on the tape; after BLK_FLUSH
 *       it is on the tape.  Loss of power takes what is in the buffer, and the request under way.
 *   TAPE5  While the tape moves at the drive's rate it stops only when the buffer is empty (full,
 *       reading) or it is to be elsewhere, and then it starts again, or is back at a place before
 *       that, after `hitch` at the earliest.
 *   TAPE6  The drive's time is the sum of what it spends in its states.
 *
 * Requests are done in the order in which they came.  Made by disks/build.c and by libraries.
 */
#ifndef DISKS_TAPE_DRIVE_H
#define DISKS_TAPE_DRIVE_H

#include "disks/blkdev.h"
#include "disks/scsi.h"
#include "disks/tape/medium.h"

struct tape_buffer_params {
    int64_t size;
    double start;    /* writing starts when so much of it is full, reading again when so much is
                        empty */
    bool read_ahead; /* a read goes on into the buffer */
};

struct tape_error_params {
    double soft_read, soft_write; /* for each byte */
    double hard;                  /* the same, of those that no retry mends */
    int64_t retries;              /* before a hard error is told */
    double wear_passes;           /* soft errors are twice as many after so many passes; 0: never */
};

struct tape_params {
    const char *kind;  /* "tape" */
    const char *model; /* for reports */
    struct tape_format format;
    struct tape_buffer_params buffer;
    struct tape_error_params errors;
    sim_time load;              /* from inserting to the load point */
    sim_time load_blank;        /* the same of a cartridge that holds nothing */
    sim_time unload;            /* from the place where it may be unloaded */
    sim_time hitch;             /* stop, back and up to speed again */
    sim_time command;           /* processing, when the tape stands */
    sim_time command_streaming; /* the same while it moves */
    int64_t interface;          /* bytes a second over the bus; 0: the bus's */
    int64_t largest;            /* block */
    int64_t early_warning;      /* bytes of track before the end of the tape */
    double compression;
    bool mark_flushes;
    const char *cartridge; /* in it from the start; "": none */
    struct scsi_params bus;
};
extern const struct param tape_params[];

/* What a drive spends its time on. */
enum tape_state {
    TAPE_EMPTY,
    TAPE_LOADING,
    TAPE_IDLE, /* the tape stands */
    TAPE_LOCATING,
    TAPE_READING,
    TAPE_WRITING,
    TAPE_HITCHING, /* repositions after a stop */
    TAPE_UNLOADING,
    TAPE_DEAD,
    TAPE_STATES
};

struct tape_counts {
    uint64_t blocks_read, blocks_written, bytes_read, bytes_written, marks_written;
    uint64_t loads, locates, hitches;
    uint64_t soft_reads, soft_writes, hard_errors;
    uint64_t truncations, lost_blocks, power_losses;
    uint64_t loading_us, locating_us, reading_us, writing_us, hitching_us, unloading_us;
};
extern const struct counter tape_counters[]; /* "tape.*" */

/* A drive; `params` is copied.  With a cartridge of its own it is at its load point; else it is
 * empty.  NULL with a sentence that starts with `path`. */
struct blkdev *tape_drive_create(struct sim *s, const struct tape_params *p, int32_t node,
                                 const char *name, const char *path, struct err *e);
bool tape_is_drive(const struct blkdev *d);
const struct tape_params *tape_drive_params(const struct blkdev *d);
/* What a block of so many bytes takes on the tape, compressed. */
uint64_t tape_drive_stored(const struct blkdev *d, uint64_t length);

typedef void tape_done_fn(void *arg, struct blkdev *d, enum blk_status status,
                          struct tape_medium *m);
/* Threads a medium and goes to its load point; after what the drive has to do already.  `done` is
 * called once, as a completion (class SIM_CLASS_DEVICE): BLK_OK; BLK_NO_MEDIUM: of another format,
 * or the drive is not empty; BLK_ERR_DEVICE, BLK_ERR_ABORTED (power).  The medium is the caller's,
 * who keeps it alive while it is loaded; when it fails, it is not in the drive. */
void tape_load(struct blkdev *d, struct tape_medium *m, tape_done_fn *done, void *arg);
/* Writes out the buffer, rewinds as far as the format needs, and gives the medium out.  When the
 * drive is dead (BLK_ERR_DEVICE) or loses its power (BLK_ERR_ABORTED), it stays in; BLK_NO_MEDIUM:
 * it is empty. */
void tape_unload(struct blkdev *d, tape_done_fn *done, void *arg);
struct tape_medium *tape_loaded(const struct blkdev *d); /* NULL: none */
/* A dead drive is opened by hand: the medium, or NULL. */
struct tape_medium *tape_take_out(struct blkdev *d);
/* How long the drive would take from item to item of what is loaded, as it would tell its host (no
 * queue, no errors); SIM_NEVER: nothing is loaded.  And of any medium that is not. */
sim_time tape_locate_time(const struct blkdev *d, uint64_t from, uint64_t to);
sim_time tape_medium_locate_time(const struct tape_format *f, struct tape_medium *m, uint64_t from,
                                 uint64_t to);
uint64_t tape_head(const struct blkdev *d); /* bytes of track, where the tape last stood */
struct tape_counts tape_counts(const struct blkdev *d);
enum tape_state tape_drive_state(const struct blkdev *d);
const char *tape_state_name(enum tape_state s);

#endif
