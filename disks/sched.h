/* sched.h: which request an arm serves next.
 *
 * A discipline keeps the waiting requests and gives one back when asked.  It has state and
 * parameters of its own (queue.params), and knows the cylinder of every request.
 *
 *   fcfs     in order of arrival
 *   sstf     shortest seek first (of two as near, the one ahead)
 *   scan     the elevator that goes on to the edge; look: that turns at the last request
 *   cscan    always upwards, returning over the whole stroke; clook: from the last to the first
 *   sptf     shortest positioning (seek and rotation) first
 *   asptf    the same less age_weight times the age: aged SPTF [Seltzer, Chen & Ousterhout 1990;
 *            Jacobson & Wilkes 1991]
 *
 * The elevators go on from the request that they gave back last, as a driver does that knows no
 * more than blocks; inside a cylinder they go upwards by block.  So clook is the one-way sweep by
 * block number of the drivers of the time (disksort of 4.3BSD).
 *
 *   SCHED1  Every request added is given back once, or removed.
 *   SCHED2  Among equals the earlier comes first (a new discipline may choose otherwise).
 *   SCHED3  A request with a patience is taken when so many went before it, whatever the discipline
 *           says: an elevator that work in order keeps ahead of it never comes back.
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
    /* Time from `now` until the first sector of r is under the head. */
    sim_time (*positioning)(void *self, const struct blk_req *r);
    void *self;
    uint32_t via; /* out: cylinder to visit first, UINT32_MAX: none (scan, cscan) */
};

/* Of a request that is in the queue. */
static inline uint32_t sched_cyl(const struct blk_req *r)
{
    return (uint32_t)r->dev_u64[0];
}
static inline uint64_t sched_arrival(const struct blk_req *r) /* counts from 0 */
{
    return r->dev_u64[1];
}

struct sched_ops {
    struct kind kind; /* its parameters stand in queue.params */
    /* The state is all zero; what it wants of the parameters it copies. */
    void (*init)(void *self, const void *params);  /* NULL: nothing to do */
    void (*fini)(void *self);                      /* NULL: nothing to free */
    void (*add)(void *self, struct blk_req *r);    /* r->link is the discipline's from here on */
    void (*remove)(void *self, struct blk_req *r); /* given back by next */
    /* One of those inside, of which there is one at least; it stays until remove. */
    struct blk_req *(*next)(void *self, struct sched_arm *arm);
};

extern const struct kind_set sched_policies;

/* The queue of one arm. */
struct sched {
    const struct sched_ops *ops;
    void *state;
    uint64_t count, arrivals;
    struct blk_req *hasty; /* the first inside that has a patience; NULL: none */
    uint32_t overtaken;    /* that many went before it */
};

/* An empty queue, with the discipline's parameters from `params` (a table or NULL), `path`.params.
 * False with a sentence: there is nothing to be freed. */
bool sched_init(struct sched *q, const struct sched_ops *ops, const struct val *params,
                const char *path, struct err *e) MUST_CHECK;
void sched_fini(struct sched *q);
void sched_add(struct sched *q, struct blk_req *r, uint32_t cyl);
void sched_remove(struct sched *q, struct blk_req *r);
/* Takes the next request out; NULL when there is none. */
struct blk_req *sched_take(struct sched *q, struct sched_arm *arm);

#endif
