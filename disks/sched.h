/* sched.h: which request an arm serves next.
 *
 * A discipline keeps the waiting requests and gives one back when asked.  All but FCFS keep them by
 * cylinder (struct sched_map), so that the nearest on either side is found without looking at the
 * rest.
 *
 *   fcfs     in order of arrival
 *   sstf     shortest seek first (of two as near, the one ahead)
 *   scan     the elevator that goes on to the edge; look: that turns at the last request
 *   cscan    always upwards, returning over the whole stroke; clook: from the last to the first
 *   sptf     shortest positioning (seek and rotation) first
 *   asptf    the same less age_weight times the age: aged SPTF [Seltzer, Chen & Ousterhout 1990;
 *            Jacobson & Wilkes 1991]
 *
 *   Q1  Every request added is given back once, or removed.
 *   Q2  Among equals the earlier comes first.
 */
#ifndef DISKS_SCHED_H
#define DISKS_SCHED_H

#include "disks/blkdev.h"
#include "disks/seek.h"
#include "sim/base/kind.h"

/* What a discipline may ask about the arm. */
struct sched_arm {
    uint32_t cylinders;
    uint32_t cyl; /* where the arm is */
    sim_time now;
    const struct seek_curve *curve; /* lower bounds of positioning */
    double age_weight;
    /* Time from `now` until the first sector of r is under the head. */
    sim_time (*positioning)(void *self, const struct blk_req *r);
    void *self;
    uint32_t via; /* out: cylinder to visit first, UINT32_MAX: none (scan, cscan) */
};

/* The queue of one arm.  Requests carry their cylinder in dev_u64[0] and their order of arrival in
 * dev_u64[1] while they are here. */
struct sched {
    const struct sched_ops *ops;
    uint64_t count;
    uint64_t arrivals;
    struct list order; /* all, by arrival (fcfs), through blk_req.link */
    struct sched_map *map;
    bool up; /* direction of the elevators */
};

struct sched_ops {
    struct kind kind;
    bool by_cylinder;                                                /* uses the map */
    struct blk_req *(*next)(struct sched *q, struct sched_arm *arm); /* count > 0; leaves it in */
};

extern const struct kind_set sched_policies;

void sched_init(struct sched *q, const struct sched_ops *ops, uint32_t cylinders);
void sched_fini(struct sched *q);
void sched_add(struct sched *q, struct blk_req *r, uint32_t cyl);
void sched_remove(struct sched *q, struct blk_req *r);
/* Takes the next request out; NULL when there is none. */
struct blk_req *sched_take(struct sched *q, struct sched_arm *arm);

#endif
