/* disk_internal.h: what the files of the drive share.
 *
 * disk_params.c the descriptors, disk_mech.c where the arm is and what an access takes,
 * disk_cache.c the on-board segments, disk_plan.c what a command finds and when its parts happen,
 * disk_medium.c contents and faults, disk.c the life of a request.
 */
#ifndef DISKS_DISK_INTERNAL_H
#define DISKS_DISK_INTERNAL_H

#include "disks/disk.h"
#include "disks/sched.h"
#include "disks/store.h"
#include "sim/audit.h"
#include "sim/server.h"

#define DISK_SEGMENTS_MAX 64

/* A stretch of the cache: sectors [start, end), there from `ready` on. */
struct disk_segment {
    uint64_t start, end;
    sim_time ready;
    uint64_t used; /* order of last use */
    bool written;  /* it came from the host */
};

/* What a media access of a request takes, in absolute times. */
struct disk_plan {
    sim_time mark;    /* enough is in the buffer to reconnect */
    sim_time first;   /* of a read: its first sector has come off the medium; 0: it was there */
    sim_time bus_end; /* earliest end of the bus transfer, were the bus there always */
    sim_time media_end;
    sim_time seek, rotation, transfer;
    uint32_t passed;      /* sectors under the head */
    sim_time passed_from; /* and since when */
};

/* A media access: sectors [lbn, lbn + n), number `from` on of a request of `total`. */
struct disk_access {
    sim_time start; /* the arm is free, and the command processed */
    uint64_t lbn;
    uint32_t n, from, total;
    bool write;
    uint32_t via;   /* cylinder to visit first; UINT32_MAX: none */
    sim_time data;  /* write: its data come from here on; read that sends already: from here on */
    uint32_t first; /* write: sectors that must have come before any goes to the medium */
    uint32_t room;  /* read: sectors of it that the buffer holds at a time */
    bool sending;
};

/* What still needs the bus. */
enum disk_stage { DISK_STAGE_COMMAND, DISK_STAGE_DATA_IN, DISK_STAGE_FINAL };

/* A request being served. */
struct disk_op {
    struct disk *disk;
    struct blk_req *r;
    struct disk_op *next_free, *next_made;
    struct scsi_phase phase;
    struct sim_event event;
    struct disk_plan plan;
    sim_time arm_from;    /* start of media work; SIM_NEVER: none */
    sim_time command_end; /* of the command's processing */
    sim_time ask;         /* when it wants the bus again */
    enum disk_stage stage;
    uint32_t sent; /* sectors of a read that have gone in pieces */
    bool second;   /* this write disconnects a second time */
    bool early;    /* reported when its data are in the buffer */
    bool done;     /* nothing is left after this phase */
    bool planned;
    uint64_t power_losses; /* of the drive when the command came */
};

/* A write that was reported and is on its way to the medium, and what it replaces. */
struct disk_unsafe {
    uint64_t sector, sectors;
    sim_time begin, safe; /* the head passes its sectors between these */
    struct rope old;
};

struct disk_ahead {
    bool active;
    uint32_t segment;
    uint64_t next, limit; /* read up to next at arm_at; goes on to limit */
};

struct disk {
    struct blkdev dev;
    struct disk_params params;
    char *name;
    struct geometry geo;
    struct seek_curve curve;
    uint32_t lanes, host_sector_bytes;
    sim_time read_sector, write_sector; /* of one sector on the bus */
    /* The arm: free from arm_at, on that track, at the end of what it did last. */
    sim_time arm_at;
    uint32_t cyl, head;
    struct disk_ahead ahead;
    bool last_write; /* the command before was a write */
    struct disk_segment segments[DISK_SEGMENTS_MAX];
    uint32_t segment_count;      /* of reads, and of writes that have none of their own */
    struct disk_segment written; /* where the last stream of writes went */
    uint64_t uses;
    uint64_t dirty_sectors; /* reported, not yet on the medium at arm_at */
    /* Requests. */
    struct sched queue;
    struct list beyond; /* what the depth limit keeps from the discipline */
    bool queue_in_drive;
    uint64_t inside, depth;
    struct disk_op *free_ops, *made_ops; /* those in no use, and all */
    uint64_t active;                     /* ops in use */
    uint64_t flushing;
    bool completing, arm_busy;
    struct disk_op *draining; /* queue in the drive: the read whose data leave the only segment */
    struct sim_event arm_event;
    /* The bus. */
    struct scsi_bus *bus;
    uint32_t id;
    /* The medium. */
    const struct disk_medium_ops *medium_ops;
    void *medium;
    struct store *store; /* the medium of a single drive, or NULL */
    struct disk_fault *faults;
    uint32_t fault_count;
    struct disk_unsafe *unsafe;
    uint32_t unsafe_count, unsafe_capacity;
    sim_time power_at; /* of the last power failure */
    int64_t slow_percent;
    bool dead, dead_known;
    struct disk_counts counts;
    uint64_t submitted, completed;
    struct sim_busy arm_busy_time;
    struct sim_whole passed; /* sectors under the head */
};

static inline struct disk *disk_of(const struct blkdev *d)
{
    struct blkdev *dev = (struct blkdev *)(uintptr_t)d;
    return CONTAINER_OF(dev, struct disk, dev);
}

extern const struct blkdev_ops disk_device_ops;

/* ---- disk.c ---- */

void disk_power_loss(struct disk *d);

/* ---- disk_mech.c ---- */

/* Brings read-ahead up to `at` (>= arm_at): where the arm is, what is in its segment. */
void disk_ahead_advance(struct disk *d, sim_time at);
/* Ends it at `at`, for something else. */
void disk_ahead_stop(struct disk *d, sim_time at);
/* Reckons the access and moves the arm. */
void disk_media_access(struct disk *d, struct disk_plan *plan, const struct disk_access *a);
/* Time from `at` until the first sector of a request is under the head. */
sim_time disk_positioning(struct disk *d, const struct blk_req *r, sim_time at);

/* ---- disk_cache.c ---- */

/* True: all of [lbn, lbn + n) is in *segment; false: *segment holds its front, or is UINT32_MAX. */
bool disk_cache_find(const struct disk *d, uint64_t lbn, uint32_t n, uint32_t *segment);
/* A read up to `end` was served from the segment alone: it reads on, from `at` when it rested. */
void disk_cache_hit(struct disk *d, uint32_t segment, uint64_t end, sim_time at);
/* A read of [lbn, lbn + n) ends on the medium at `at`: keep it, in `segment` or (UINT32_MAX) where
 * least is lost, and read on. */
void disk_cache_filled(struct disk *d, uint64_t lbn, uint32_t n, sim_time at, uint32_t segment);
/* A write of [lbn, lbn + n): what was cached of it is stale. */
void disk_cache_written(struct disk *d, uint64_t lbn, uint32_t n, sim_time at);

/* ---- disk_plan.c ---- */

/* The command, from when the bus is granted; when the bus is free again.  op->done: the request is
 * over then; else it asks for the bus at disk_plan_ask. */
sim_time disk_plan_command(struct disk_op *op, sim_time at);
/* With the queue in the drive: the arm is free for a request whose command came before. */
void disk_plan_access(struct disk_op *op, sim_time now, uint32_t via);
/* When it wants the bus that is free from `free` on. */
sim_time disk_plan_ask(const struct disk_op *op, sim_time free);
/* The phase that it asked for, granted at `at`; when the bus is free again. */
sim_time disk_plan_phase(struct disk_op *op, sim_time at);
/* Command processing of a request that is not in the cache. */
sim_time disk_plan_overhead(const struct disk *d, enum blk_op op);

/* ---- disk_medium.c ---- */

/* Moves the bytes of a request that ends now. */
enum blk_status disk_medium_transfer(struct disk *d, struct disk_op *op);
/* The medium itself has asked for it. */
bool disk_medium_owns(const struct disk *d, const struct blk_req *r);
/* The power fails: sectors that were reported and are not on the medium are what they were.
 * Returns how many. */
uint64_t disk_medium_power_loss(struct disk *d);
/* When all that was reported is on the medium; now, when it is already. */
sim_time disk_medium_safe_at(const struct disk *d);
void disk_medium_fini(struct disk *d);
void disk_use_store(struct disk *d);

#endif
