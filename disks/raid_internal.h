/* raid_internal.h: what the files of the array share: raid.c the device and its requests,
 * raid_stripe.c one stripe's reads, writes and repair, raid_merge.c what goes to the members,
 * raid_background.c rebuild and scrub.
 */
#ifndef DISKS_RAID_INTERNAL_H
#define DISKS_RAID_INTERNAL_H

#include "disks/raid.h"
#include "disks/raid_code.h"
#include "disks/raid_layout.h"
#include "sim/audit.h"

#define RAID_LOCKS 256
#define RAID_MEMBERS_MAX 48
#define RAID_BATCH_MAX 64

enum raid_small_write { RAID_WRITE_AUTO, RAID_WRITE_RMW, RAID_WRITE_RECONSTRUCT };
enum raid_balance {
    RAID_READ_PRIMARY,
    RAID_READ_ROUND_ROBIN,
    RAID_READ_SHORTEST,
    RAID_READ_NEAREST
};
enum raid_work { RAID_OP_READ, RAID_OP_WRITE, RAID_OP_REBUILD, RAID_OP_SCRUB };

/* A place of the array and the device that stands there. */
struct raid_slot {
    struct blkdev *dev;
    bool failed, rebuilding;
    uint64_t rebuilt;                /* stripes below are there */
    uint64_t filled;                 /* bit i: stripe rebuilt + i is there too */
    uint32_t changes;                /* how often a spare took the place */
    uint64_t load;                   /* requests under way */
    uint64_t near_row;               /* where the last one ended */
    struct raid_child *first, *last; /* asked for and held back: raid_merge.c */
};

struct raid_op;

struct raid_child {
    struct blk_req r;
    struct raid_op *op;
    struct blkdev *dev;      /* that was asked: a spare may have taken its place since */
    struct raid_child *next; /* of those held back, or merged into one request */
    uint32_t member;
    bool retried;
};

/* A request of the array. */
struct raid_job {
    struct raid *a;
    struct blk_req *r;
    struct sim_event event;
    struct raid_job *next_free;
    uint32_t pending, count, capacity;
    uint64_t power_losses; /* of the array when the request came */
    uint32_t copy;         /* raid1: that this read goes to; UINT32_MAX: not chosen yet */
    enum blk_status status;
    struct rope *pieces; /* of a read, by stripe in order */
};

/* Work on one stripe.  Rows count from the start of the stripe's units. */
struct raid_op {
    struct list link; /* in the lock table while it is locked or waits */
    struct raid *a;
    struct raid_job *job; /* NULL: background */
    struct raid_op *next_free;
    enum raid_work work;
    uint32_t piece; /* of the job */
    uint64_t stripe;
    uint64_t first, count; /* data sectors of the stripe, in order of columns */
    uint64_t lo, hi;       /* rows looked at */
    uint32_t target;       /* rebuild: member */
    uint32_t changes;      /* of its place when it began */
    uint32_t pending;
    bool locked, writing, restart, whole, rmw;
    uint64_t power_losses; /* of the array when it began */
    uint64_t bad;          /* members that answered with a medium error */
    uint64_t have;         /* columns whose old contents are in cols */
    enum blk_status status;
    struct rope data;            /* of a write */
    struct rope *cols;           /* data columns, then parity */
    struct raid_child *children; /* by member */
};

struct raid {
    struct blkdev dev;
    char *name;
    struct raid_layout layout;
    uint32_t sector_bytes;
    enum raid_small_write small_write;
    enum raid_balance balance;
    sim_time overhead;
    int64_t rebuild_rate;
    struct raid_slot *slots;
    struct blkdev **spares;
    struct blkdev **removed; /* whose places spares have taken */
    uint32_t spare_count, removed_count, turn;
    struct list locks[RAID_LOCKS];
    struct raid_op *free_ops;
    struct raid_job *free_jobs;
    struct raid_run *free_runs;
    uint64_t merge; /* sectors of a member's request at most when units are put together */
    uint32_t held;  /* > 0: requests to members are held back, to be merged */
    bool dead, volatile_writes;
    sim_time sector_time; /* the least of a member */
    uint64_t power_losses;
    /* Background. */
    uint32_t rebuild_slot; /* UINT32_MAX: none */
    struct sim_event background;
    sim_time background_began;
    uint32_t batch, background_pending; /* stripes at a time; of them not through */
    uint32_t background_count;          /* of the last step */
    bool background_stuck, background_cut, scrubbing;
    uint64_t scrub_next;
    struct raid_counts counts;
    uint64_t submitted, completed, inside;
};

static inline struct raid *raid_of(const struct blkdev *d)
{
    struct blkdev *dev = (struct blkdev *)(uintptr_t)d;
    return CONTAINER_OF(dev, struct raid, dev);
}

/* ---- raid_stripe.c ---- */

struct raid_op *raid_op_get(struct raid *a, enum raid_work work, uint64_t stripe);
/* Begins; takes the stripe's lock when the work needs it. */
void raid_op_start(struct raid_op *op);
bool raid_there(const struct raid *a, uint32_t member, uint64_t stripe);

/* The answer to one child; it may begin the op again, end it, and ask for more. */
void raid_child_done(struct blk_req *r);

/* ---- raid_merge.c ---- */

/* Hands a child's request to its member, or holds it back. */
void raid_pass(struct raid *a, struct raid_child *c);
/* Between these, requests are held back; then neighbours of a member go as one. */
void raid_hold(struct raid *a);
void raid_release(struct raid *a);
void raid_merge_fini(struct raid *a);

/* ---- raid.c ---- */

void raid_job_done(struct raid_op *op); /* an op of a job is through */
void raid_lose(struct raid *a, uint32_t member);

/* ---- raid_background.c ---- */

/* When the step after one of `bytes` of a member may begin, which began at `began`. */
sim_time raid_pace(sim_time now, sim_time began, int64_t bytes, int64_t rate);

void raid_background_init(struct raid *a);
void raid_background_done(struct raid_op *op);
void raid_rebuild_begin(struct raid *a); /* when a member is missing and a spare is there */

#endif
