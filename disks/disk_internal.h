/* disk_internal.h: what the files of the drive share.
 *
 * disk_params.c the descriptors, disk_mech.c where the arm is and what an access takes,
 * disk_cache.c the on-board segments, disk_medium.c contents and faults, disk.c the life of a
 * request.
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
};

/* What a media access of a request takes, in absolute times. */
struct disk_plan {
    sim_time mark;    /* enough is in the buffer to reconnect */
    sim_time bus_end; /* earliest end of the bus transfer, were the bus there always */
    sim_time media_end;
    sim_time seek, rotation, transfer;
};

/* A request being served. */
struct disk_op {
    struct disk *disk;
    struct blk_req *r;
    struct disk_op *next_free;
    struct scsi_phase phase;
    struct sim_event event;
    struct disk_plan plan;
    sim_time arm_from;    /* start of media work; SIM_NEVER: none */
    sim_time command_end; /* of the command's processing */
    sim_time ask;         /* when it wants the bus again */
    bool done;            /* nothing is left after this phase */
    bool planned;
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
    uint32_t segment_count; /* of reads */
    struct disk_segment written;
    uint64_t uses;
    uint64_t dirty_sectors; /* reported, not yet on the medium at arm_at */
    /* Requests. */
    struct sched queue;
    struct list beyond; /* what the depth limit keeps from the discipline */
    bool queue_in_drive;
    uint64_t inside, depth;
    struct disk_op *free_ops;
    uint64_t active; /* ops in use */
    bool completing, arm_busy;
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
    int64_t slow_percent;
    bool dead, dead_known;
    struct disk_counts counts;
    uint64_t submitted, completed, cancelled;
    struct sim_busy arm_busy_time;
};

static inline struct disk *disk_of(const struct blkdev *d)
{
    struct blkdev *dev = (struct blkdev *)(uintptr_t)d;
    return CONTAINER_OF(dev, struct disk, dev);
}

extern const struct blkdev_ops disk_device_ops;

/* ---- disk_mech.c ---- */

/* Brings read-ahead up to `at` (>= arm_at): where the arm is, what is in its segment. */
void disk_ahead_advance(struct disk *d, sim_time at);
/* Accesses [lbn, lbn + n) from `start` on (the arm free), the sectors being number `from` on of a
 * request of `total`; a write does not touch the medium before `not_before`.  Moves the arm. */
void disk_media_access(struct disk *d, struct disk_plan *plan, sim_time start, uint64_t lbn,
                       uint32_t n, uint32_t from, uint32_t total, bool write, sim_time not_before,
                       uint32_t via);
/* Time from `at` until the first sector of a request is under the head. */
sim_time disk_positioning(struct disk *d, const struct blk_req *r, sim_time at);

/* ---- disk_cache.c ---- */

/* The segment that holds the sector, or UINT32_MAX. */
uint32_t disk_segment_holding(const struct disk *d, uint64_t lbn);
/* All of [lbn, lbn + n) is there: from when on; SIM_NEVER: it is not. */
sim_time disk_cache_hit(struct disk *d, uint64_t lbn, uint32_t n);
/* A read was served from the segment that is being filled: read on. */
void disk_cache_read_on(struct disk *d, uint64_t end, sim_time at);
/* A read of [lbn, lbn + n) ended on the medium at `at`: keep it and read on. */
void disk_cache_filled(struct disk *d, uint64_t lbn, uint32_t n, sim_time at, uint32_t segment);
/* A write of [lbn, lbn + n): what was cached of it is stale. */
void disk_cache_written(struct disk *d, uint64_t lbn, uint32_t n, sim_time at);

/* ---- disk_medium.c ---- */

enum blk_status disk_medium_transfer(struct disk *d, struct blk_req *r);
void disk_use_store(struct disk *d);

#endif
