/* bottom.h: the events that come next, in order: a sorted array with room at both ends.
 *
 * An entry holds the two key words beside the event's address, so that keeping order touches the
 * array alone: of the events only the one that comes or goes.  The array is short (queue.h divides
 * it when it grows), most newcomers belong near one of its ends, and the shorter side moves.
 *
 *   BOTTOM1  Keys rise from head on; they are distinct, because sequences are.
 *   BOTTOM2  An event's place is found by its key.
 */
#ifndef SIM_BOTTOM_H
#define SIM_BOTTOM_H

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

struct sim_bottom {
    struct sim_entry *entries;
    uint32_t head, count, capacity;
};

void sim_bottom_init(struct sim_bottom *b); /* empty */
void sim_bottom_fini(struct sim_bottom *b); /* its events become idle */
/* Adds an entry in its place / behind the others, in whatever order: sim_bottom_sort comes next. */
void sim_bottom_push(struct sim_bottom *b, const struct sim_entry *entry);
void sim_bottom_append(struct sim_bottom *b, const struct sim_entry *entry);
void sim_bottom_sort(struct sim_bottom *b);
void sim_bottom_remove(struct sim_bottom *b, const struct sim_entry *entry); /* of that key */

/* The first; there is one. */
static inline const struct sim_entry *sim_bottom_first(const struct sim_bottom *b)
{
    return &b->entries[b->head];
}

/* Takes it; its event is idle. */
static inline void sim_bottom_pop(struct sim_bottom *b)
{
    b->entries[b->head++].event->slot = UINT32_MAX;
    if (--b->count == 0)
        b->head = 0;
}

#endif
