/* disk.h: a disk drive: arm, spindle, on-board cache, command processing, queue.
 *
 * Modelled: geometry (disks/geometry.h), seeks (disks/seek.h), continuous rotation (the angle is a
 * function of integer time), head switch, write settle, reading from where the head lands
 * (zero-latency), command overheads by kind and cache outcome, cache segments with read-ahead,
 * partial hits and streams, immediate reporting of writes, the bus (disks/scsi.h) with
 * disconnection, queue disciplines in the driver or in the drive (disks/sched.h), contents
 * (disks/store.h), faults.  Not modelled: thermal recalibration, power states, spindle speed
 * tolerance, retries by the servo.
 *
 *   DISK1  A time that is reckoned never changes when it is reached.
 * The host's work for a request grows with the tracks it touches, not with its sectors.  What it
 * promises: BLK1 to BLK4 of disks/blkdev.h.  A sector with a medium error answers BLK_ERR_MEDIUM
 * until it is written; a lost, torn or misdirected write answers BLK_OK.
 *
 *   DISK2  A write that is answered BLK_OK is on the medium, unless the drive reports early
 *       (cache.report): then a power failure (the fault "power") takes back those of its sectors
 *       that the head has not passed; they are counted in lost_sectors.  Requests under way when
 *       the power fails are answered BLK_ERR_ABORTED; the head may have passed some of their
 *       sectors, each of which is old or new (BLK4).
 */
#ifndef DISKS_DISK_H
#define DISKS_DISK_H

#include "disks/blkdev.h"
#include "disks/geometry.h"
#include "disks/scsi.h"
#include "disks/seek.h"

enum disk_report { DISK_REPORT_MEDIA, DISK_REPORT_STREAM, DISK_REPORT_ONE, DISK_REPORT_ALL };
enum disk_until { DISK_UNTIL_SEGMENT, DISK_UNTIL_CYLINDER, DISK_UNTIL_TRACK, DISK_UNTIL_OWN_TRACK };
enum disk_where { DISK_QUEUE_DRIVER, DISK_QUEUE_DRIVE };

struct disk_cache_params {
    bool enabled;
    int64_t segments, segment_sectors;
    bool write_segment;  /* the last segment is for writes alone */
    bool read_written;   /* reads hit on what was written */
    int64_t read_ahead;  /* sectors at most beyond a request; 0: none */
    int read_until;      /* enum disk_until: where reading ahead ends */
    bool hit_read_ahead; /* a hit in a segment that rests lets it read on */
    bool almost_hits;    /* a read that begins where reading ahead has come goes on with it */
    bool keep;           /* what was sent stays for later hits */
    bool stop_in_sector; /* reading ahead is left in the middle of a sector */
    int report;          /* enum disk_report: when a write is reported */
};

/* A second disconnection of a write that follows a write and does not continue it. */
struct disk_second_params {
    bool enabled;
    sim_time command;         /* processing */
    sim_time seek;            /* more before the arm starts */
    sim_time disconnect;      /* keeps the bus after the command */
    sim_time away;            /* off the bus; then reselect, and the data */
    sim_time data_disconnect; /* keeps the bus after the data */
    sim_time reselect;        /* before the status */
};

/* Times of command processing; *_after_write: when the command before was a write. */
struct disk_overhead_params {
    sim_time read_hit, read_hit_after_write;
    sim_time read_miss, read_miss_after_write;
    sim_time write, write_after_write;
    sim_time read_done, write_done;              /* status and completion */
    sim_time write_data;                         /* from a write's processing to its data */
    sim_time disconnect, disconnect_after_write; /* keeps the bus after the command of a read */
    sim_time disconnect_write;                   /* the same after the data of a write */
    sim_time reselect;                           /* before the data of a disconnected read */
    sim_time reselect_write;                     /* before the status of a disconnected write */
    struct disk_second_params second;
};

struct disk_bus_params {
    int64_t read_rate, write_rate; /* the drive's own limits on the bus */
    double read_mark;              /* part of a read in the buffer before it reconnects */
    int64_t read_block;            /* sectors of a read that go to the host together */
    int64_t write_first;      /* sectors of a write in the buffer before it goes to the medium */
    int64_t write_first_long; /* the same of writes of write_long sectors and more */
    int64_t write_long;
    bool disconnect; /* false: keeps the bus through the media access */
    bool hold;       /* keeps the bus from read_mark on, while data still come */
    int64_t pieces;  /* of a read on a shared bus, when it does not hold the bus */
};

struct disk_queue_params {
    int policy;               /* of sched_policies */
    const struct val *params; /* the policy's own; read where the drive is made */
    int where;                /* enum disk_where */
    int64_t depth;            /* commands the policy chooses among; 0: no limit */
};

/* Where a spindle stands at time 0, beside `phase`.  AUTO: drawn in a machine, fixed on a bare
 * device, whose tests and recordings ask for one phase. */
enum disk_spindle { DISK_SPINDLE_AUTO, DISK_SPINDLE_DRAWN, DISK_SPINDLE_FIXED };

struct disk_params {
    const char *kind;  /* "disk": consumed by disks/build.c */
    const char *model; /* for reports */
    int64_t rpm;
    sim_time revolution; /* 0: from rpm */
    sim_time phase;      /* the angle at time 0, as a time */
    int spindle;         /* enum disk_spindle: is a draw added to it? */
    struct geo_params geometry;
    struct seek_params seek;
    struct disk_cache_params cache;
    struct disk_overhead_params overhead;
    struct disk_bus_params interface;
    struct disk_queue_params queue;
    struct scsi_params bus; /* of its own, when it is on no other */
    bool zero_latency, zero_latency_writes;
};
extern const struct param disk_params[];
extern const struct param disk_lanes_params[]; /* of an array that moves as one: sorts by block */

/* Where the bytes of a drive are: one store, or the lanes of a synchronised array. */
struct disk_medium_ops {
    enum blk_status (*read)(void *self, uint64_t sector, uint32_t sectors, struct rope *out);
    enum blk_status (*write)(void *self, uint64_t sector, uint32_t sectors,
                             const struct rope *data);
    bool (*flip)(void *self, uint64_t sector, uint32_t byte, uint8_t flip);
    /* Optional.  True: a request of the medium's own; it takes its time, but its bytes are the
     * medium's affair, and it makes no waist record. */
    bool (*own)(const void *self, const struct blk_req *r);
    void (*destroy)(void *self);
};

/* What a request may meet; from the moment it is set. */
enum disk_fault_kind {
    DISK_FAULT_SECTOR,      /* the sectors cannot be read until they are written */
    DISK_FAULT_TRANSIENT,   /* `count` requests that touch the sectors fail */
    DISK_FAULT_LOST,        /* `count` writes that touch them are reported and not made */
    DISK_FAULT_TORN,        /* of `count` writes only the first half is made */
    DISK_FAULT_MISDIRECTED, /* `count` writes land `shift` sectors further on */
    DISK_FAULT_SLOW,        /* every media access takes `factor` times as long */
    DISK_FAULT_DEATH,
    DISK_FAULT_FLIP,  /* bits of one byte of a sector are flipped, silently */
    DISK_FAULT_POWER, /* the power fails for a moment: the buffer is lost */
    DISK_FAULT_SCRUB, /* no fault: an array begins to check its parity */
    DISK_FAULT_SPARE, /* no fault: RAID-3 gets one spare more, which takes a lost member's place */
    DISK_FAULT_SOFT,  /* tape drives: of a million blocks so many are read or written once more */
    DISK_FAULT_KINDS
};

struct disk_fault {
    enum disk_fault_kind kind;
    uint64_t sector, sectors;
    uint32_t count;
    uint64_t shift;
    int64_t factor_percent; /* 100: as fast as ever */
    int64_t ppm;            /* soft */
    uint32_t byte;          /* flip */
    uint8_t bits;
};

struct disk_counts {
    uint64_t requests[2], sectors[2]; /* by enum blk_op */
    uint64_t hits, partial_hits, streams, misses;
    uint64_t reported_early, errors, power_losses, lost_sectors;
};
extern const struct counter disk_counters[]; /* "disk.*", of the spindles of RAID-3 "raid3.*" */

/* A drive at rest whose medium is all zero, alone on a bus of its own until it is attached to
 * another; `node`: whose it is, or -1.  `params` is copied but for the val trees inside, which are
 * only read here.  NULL with a sentence that starts with `path` when they do not fit together. */
struct blkdev *disk_create(struct sim *s, const struct disk_params *p, int32_t node,
                           const char *name, const char *path, struct err *e);
/* The same mechanism over another medium: `lanes` member sectors are one sector of the device. */
struct blkdev *disk_create_lanes(struct sim *s, const struct disk_params *p, int32_t node,
                                 const char *name, const char *path, uint32_t lanes,
                                 const struct disk_medium_ops *ops, void *medium, struct err *e);
const struct geometry *disk_geometry(const struct blkdev *d);
const struct seek_curve *disk_seek_curve(const struct blkdev *d);
struct disk_counts disk_counts(const struct blkdev *d);
bool disk_add_fault(struct blkdev *d, const struct disk_fault *f); /* false: past its end */
const char *disk_fault_name(enum disk_fault_kind k);
extern const char *const disk_fault_names[]; /* NULL-terminated, by kind */
/* The bytes on the medium now, without time (for tests and scrubbing by hand). */
enum blk_status disk_peek(struct blkdev *d, uint64_t sector, uint32_t sectors, struct rope *out);
uint64_t disk_queued(const struct blkdev *d); /* requests inside */

#endif
