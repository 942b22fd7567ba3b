/* heap.h: a 4-ary heap of events whose entries carry their keys.
 *
 * An entry holds the two key words beside the event's address, so that comparing touches the heap
 * array alone.  The event knows its slot, so that cancelling is one sift.
 *
 *   HEAP1  Every entry's key is above its parent's; keys are distinct, because sequences are.
 *   HEAP2  entries[e->slot].event == e for every event in the heap.
 */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include "sim/sim.h"

struct sim_entry {
    sim_time time;
    uint64_t order;
    struct sim_event *event;
};

/* Times are never negative, so that two words compare as one, without a branch to guess. */
__extension__ typedef unsigned __int128 sim_key;

/* Its place in the order of firing: the lowest is the first. */
static inline sim_key sim_entry_key(const struct sim_entry *e)
{
    return (sim_key)(uint64_t)e->time << 64 | e->order;
}

/* Does a fire before b? */
static inline bool sim_entry_before(const struct sim_entry *a, const struct sim_entry *b)
{
    return sim_entry_key(a) < sim_entry_key(b);
}

struct sim_heap {
    struct sim_entry *entries;
    uint32_t count, capacity;
};

void sim_heap_init(struct sim_heap *h);                                /* empty */
void sim_heap_fini(struct sim_heap *h);                                /* its events become idle */
void sim_heap_push(struct sim_heap *h, const struct sim_entry *entry); /* outside the heap */
void sim_heap_remove(struct sim_heap *h, struct sim_event *e);         /* in the heap */
/* Takes the first event; there is one. */
struct sim_event *sim_heap_pop(struct sim_heap *h);

#endif
