/* queue.h: the event list: a 4-ary heap whose entries carry their keys.
 *
 * An entry holds the two key words beside the event's address, so that comparing touches the heap
 * array alone.  The event knows its slot, so that cancelling is one sift.  Nothing is allocated but
 * the array, which doubles.
 *
 *   Q1  An entry's key is that of its event, and never changes while it is pending.
 *   Q2  Every entry's key is above its parent's; keys are distinct, because sequences are.
 *   Q3  entries[e->slot].event == e for every pending event; an idle event's slot is UINT32_MAX.
 *
 * See docs/decisions for what was measured against it.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include "sim/sim.h"

struct sim_queue_entry {
    sim_time time;
    uint64_t order;
    struct sim_event *event;
};

struct sim_queue {
    struct sim_queue_entry *entries;
    uint32_t count, capacity;
};

void sim_queue_init(struct sim_queue *q);
void sim_queue_fini(struct sim_queue *q); /* pending events become idle */
void sim_queue_push(struct sim_queue *q, struct sim_event *e);
void sim_queue_remove(struct sim_queue *q, struct sim_event *e); /* pending */
/* The first event without taking it, or NULL. */
struct sim_event *sim_queue_peek(struct sim_queue *q);
/* Takes the first event; there is one. */
struct sim_event *sim_queue_pop(struct sim_queue *q);

#endif
