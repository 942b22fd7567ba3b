/* wheel.h: a private event list for models with very many small events: a timing wheel.
 *
 * Events are (time, word).  The wheel has slots of a power-of-two width; what lies beyond its
 * horizon waits in a heap.  Events of one instant come out together, in no stated order: a model
 * that uses it must not depend on the order inside an instant.
 *
 *   W1  Nothing is pushed before the last instant that was taken.
 *   W2  wheel_next is the earliest time of all events inside.
 */
#ifndef MESH_WHEEL_H
#define MESH_WHEEL_H

#include "sim/base/base.h"
#include "sim/base/time.h"

#define WHEEL_SLOTS 1024u

struct wheel_event {
    sim_time time;
    uint64_t word;
};

struct wheel_slot {
    struct wheel_event *events;
    uint32_t count, capacity;
};

struct wheel {
    struct wheel_slot slots[WHEEL_SLOTS];
    uint64_t filled[WHEEL_SLOTS / 64]; /* a bit for each slot with events */
    uint64_t current;                  /* slot number (time >> shift) of the last instant taken */
    sim_time next;                     /* earliest time inside; SIM_NEVER: empty */
    uint64_t inside;                   /* events in slots and heap */
    struct wheel_event *heap;          /* beyond the horizon */
    uint32_t heap_count, heap_capacity;
    unsigned shift;
    bool sorted; /* the current slot is sorted, latest first, and taken from its end */
};

/* width: about the typical distance of two instants. */
void wheel_init(struct wheel *w, sim_time width);
void wheel_fini(struct wheel *w);
void wheel_push_far(struct wheel *w, sim_time time, uint64_t word);

/* SIM_NEVER when empty. */
static inline sim_time wheel_next(const struct wheel *w)
{
    return w->next;
}

/* Begins to take the instant wheel_next. */
void wheel_advance(struct wheel *w);
/* Takes one event of that instant; false when none is left of it (wheel_next is then later). */
bool wheel_take(struct wheel *w, sim_time now, uint64_t *word);

static inline void wheel_push(struct wheel *w, sim_time time, uint64_t word)
{
    uint64_t slot = (uint64_t)time >> w->shift;
    struct wheel_slot *s = &w->slots[slot % WHEEL_SLOTS];
    if (slot - w->current - 1 < WHEEL_SLOTS - 2 && s->count < s->capacity) {
        s->events[s->count++] = (struct wheel_event){ time, word };
        if (time < w->next)
            w->next = time;
        w->filled[slot % WHEEL_SLOTS / 64] |= UINT64_C(1) << (slot % 64);
        w->inside++;
        return;
    }
    wheel_push_far(w, time, word);
}

#endif
