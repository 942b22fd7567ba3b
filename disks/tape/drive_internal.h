/* drive_internal.h: what the files of a tape drive share.
 *
 * drive.c answers hosts; motion.c moves the tape.  A job is what the drive has to do next, one at a
 * time; what moves the tape works ahead of it (reads) or behind it (writes), through the buffer.
 */
#ifndef DISKS_TAPE_DRIVE_INTERNAL_H
#define DISKS_TAPE_DRIVE_INTERNAL_H

#include "disks/tape/drive.h"
#include "sim/rng.h"
#include "sim/server.h"

enum tape_job_kind { JOB_REQUEST, JOB_LOAD, JOB_UNLOAD };
struct tape_job {
    struct list link;
    enum tape_job_kind kind;
    struct blk_req *r;
    struct tape_medium *m;
    tape_done_fn *done;
    void *arg;
    sim_time since;
};

/* What waits in the buffer to be written. */
struct tape_slot {
    struct list link;
    uint64_t number;
    uint64_t stored; /* 0: a mark */
    struct tape_place place;
    uint64_t end;
    struct rope data;
};

enum tape_motion { MOTION_NONE, MOTION_WAIT, MOTION_LOCATE, MOTION_ROLL };
enum tape_mode { MODE_NONE, MODE_WRITE, MODE_READ };

struct tape_drive {
    struct blkdev dev;
    struct tape_params p;
    char *name, *model, *format_name;
    struct tape_medium *m, *own;
    struct scsi_bus *bus;
    uint32_t bus_id;
    struct scsi_phase phase;
    bool phase_out, phase_wanted; /* asked for; asked for again */
    struct list jobs;
    struct tape_job *current;
    bool ready;          /* its command has been processed */
    bool on_bus;         /* its data move */
    bool put, went;      /* its item is in the buffer; it made the tape go, and this is over */
    struct list aborted; /* jobs that power or death took; told by `tell` */
    struct sim_event tell;
    /* Something has changed that the current job may wait for. */
    void (*go_on)(struct tape_drive *d);
    struct sim_event command;
    bool dead;

    /* the tape */
    enum tape_motion motion;
    uint64_t at;      /* the item that the host comes to next */
    uint64_t head;    /* where the tape stands, or began to roll */
    sim_time rolling; /* since when */
    sim_time steady;  /* when it may start again */
    uint64_t goal;    /* MOTION_LOCATE: where it will stand */
    struct sim_event move;
    void (*arrived)(struct tape_drive *d); /* MOTION_LOCATE */

    /* the buffer */
    enum tape_mode mode;
    uint64_t used;     /* bytes in it */
    struct list slots; /* MODE_WRITE */
    uint64_t next;     /* MODE_WRITE: number of the item that the host would write now; MODE_READ:
                           that comes off the tape next */
    struct tape_place tail;  /* MODE_WRITE: behind the last of them */
    struct tape_place place; /* of the block that is on the bus */
    bool drain;              /* all that is there is to be written */
    uint64_t first;          /* MODE_READ: the first item in it */
    uint64_t coming_end;     /* MODE_READ: where the item that is being read ends */
    bool filled;             /* MODE_READ: it was full, and has not been empty enough since */
    bool far;                /* the tape must go to `target` before it rolls */
    uint64_t target;

    struct sim_rng rng;
    int64_t slow_percent, soft_ppm;
    uint32_t transient;
    enum tape_state state;
    sim_time made, state_since, hitch_until;
    sim_time spent[TAPE_STATES];
    struct sim_busy busy;
    struct tape_counts counts;
    uint64_t submitted, completed, inside;
    uint64_t accepted, written, dropped; /* items of the write buffer */
};

struct tape_drive *tape_drive_of(const struct blkdev *d);
/* motion.c */
bool tape_spot(const struct blkdev *dev, uint64_t block, struct blk_spot *out);
void tape_set_state(struct tape_drive *d, enum tape_state s);
void tape_settle(struct tape_drive *d); /* brings the account of its time up to date */
void tape_kick(struct tape_drive *d);   /* starts or keeps the tape moving, if it should */
/* Comes to rest where it is; the mode ends, the buffer of reads is dropped.  False: it is still
 * writing, and go_on follows. */
bool tape_halt(struct tape_drive *d);
/* Goes to a place from rest; then `arrived`. */
void tape_go(struct tape_drive *d, uint64_t to, sim_time takes, enum tape_state as,
             void (*arrived)(struct tape_drive *d));
void tape_moved(struct sim *s, struct sim_event *e);
void tape_motion_drop(struct tape_drive *d); /* power, death: all that moves is forgotten */
/* At rest: from now on items are written from n on, or read. */
void tape_begin_write(struct tape_drive *d, uint64_t n);
void tape_begin_read(struct tape_drive *d, uint64_t n);
/* Items before n leave the buffer of reads. */
void tape_consume(struct tape_drive *d, uint64_t n);
/* Where the next item would lie, and end; draws its soft errors. */
struct tape_place tape_next_place(struct tape_drive *d, uint64_t stored, uint64_t *end);
/* Puts an item in the buffer, behind the last; takes the data (NULL: a mark). */
void tape_put(struct tape_drive *d, struct tape_place place, uint64_t stored, struct rope *data);
bool tape_room(const struct tape_drive *d, uint64_t stored);
uint64_t tape_bytes_stored(const struct tape_drive *d, uint64_t length);
/* The current job reads item n. */
bool tape_reads(const struct tape_drive *d, uint64_t n);
/* The current job waits for room in the buffer. */
bool tape_waits_for_room(const struct tape_drive *d);
sim_time tape_media_time(const struct tape_drive *d, sim_time t);

#endif
