/* queue.h: the event list: a ladder of buckets above a short sorted array.
 *
 * Three tiers by time [Tang, Goh & Thng 2005, the ladder queue; ours has arrays instead of
 * lists]:
 *
 *   bottom  events before `limit`, in order: where the next event comes from
 *   rungs   each divides one bucket of the rung above it into buckets of equal width; the finest
 *           comes last.  A bucket is unordered.
 *   top     events after all rungs, unordered
 *
 * When the bottom is empty the next bucket of the finest rung is emptied into it, or, when it holds
 * many, divided into a rung of its own; when no rung is left, the top becomes one.  So an event is
 * moved a few times in sequential memory and sorted only among its neighbours: the cost of an event
 * hardly grows with their number, and a queue of a few events is just the bottom.
 *
 *   QUEUE1  Every event in the bottom is before `limit`; a rung's events are in [its boundary, its
 *       end); the end of each rung is the boundary of the one above it, the top starts at the end
 *       of the first, and `limit` is the boundary of the last.
 *   QUEUE2  A pending event knows where its entry is: slot is its index in the chunk `link`; where
 *       link is NULL it is in the bottom.  An idle event's slot is UINT32_MAX.
 *   QUEUE3  Where an event lies depends on the keys and the order of calls alone, and the order in
 *       which events come out on the keys alone.
 *
 * docs/decisions/0011-event-queue.md says what was measured against it.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include "sim/bottom.h"

#define SIM_QUEUE_RUNGS 8

struct sim_chunk; /* a few entries of a bucket */

struct sim_rung {
    sim_time start, end;
    unsigned shift;         /* a bucket is 2^shift ps wide */
    uint32_t buckets, next; /* `next` is the first bucket that has not been emptied */
    uint32_t capacity;
    struct sim_chunk **bucket;
};

struct sim_queue {
    uint64_t count; /* pending */
    struct sim_bottom bottom;
    sim_time limit;
    uint32_t spill_at; /* the bottom is divided when it holds more */
    uint32_t rungs;
    struct sim_rung rung[SIM_QUEUE_RUNGS];
    struct sim_chunk *top;
    uint64_t top_count; /* at least as many as it holds */
    sim_time top_min, top_max;
    struct sim_chunk *unused;
    struct sim_chunk **blocks; /* all memory of chunks */
    size_t block_count, block_capacity;
};

void sim_queue_init(struct sim_queue *q); /* empty */
void sim_queue_fini(struct sim_queue *q); /* pending events become idle */
/* An idle event whose time (from the last popped one's on; SIM_NEVER is fine) and order are set;
 * pending afterwards. */
void sim_queue_push(struct sim_queue *q, struct sim_event *e);
void sim_queue_remove(struct sim_queue *q, struct sim_event *e); /* pending */

/* Fills the bottom from the tiers above; false: nothing is pending.  Private. */
bool sim_queue_refill(struct sim_queue *q);

/* The first event without taking it, or NULL. */
static inline struct sim_event *sim_queue_peek(struct sim_queue *q)
{
    if (q->bottom.count == 0 && !sim_queue_refill(q))
        return NULL;
    return sim_bottom_first(&q->bottom)->event;
}

/* Takes the event that peek has just shown. */
static inline void sim_queue_pop(struct sim_queue *q)
{
    q->count--;
    sim_bottom_pop(&q->bottom);
}

#endif
