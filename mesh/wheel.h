/* wheel.h: a private event list for models with very many small events: a timing wheel.
 *
 * Events are (time, word).  The wheel has slots of a power-of-two width; what lies beyond its
 * horizon waits in a heap.  All events of one instant are taken at once, in no stated order: a
 * model that uses it must not depend on the order inside an instant.
 *
 * A slot's events lie in chunks from one pool, last freed first used: memory is what is pending,
 * and what is pushed goes where the cache still is.  A slot whose events have one time, the common
 * case where all delays are multiples of a cycle, is never sorted.
 *
 *   WHEEL1  Nothing is pushed before the last instant that was taken.
 *   WHEEL2  wheel_next is the earliest time of all events inside.
 */
#ifndef MESH_WHEEL_H
#define MESH_WHEEL_H

#include "sim/base/base.h"
#include "sim/base/time.h"

#define WHEEL_SLOTS 1024u
#define WHEEL_WORDS (WHEEL_SLOTS / 64)
#define WHEEL_CHUNK 15u /* events: a chunk is four cache lines */

struct wheel_event {
    sim_time time;
    uint64_t word;
};

struct wheel_chunk {
    struct wheel_chunk *next;
    uint64_t count;
    struct wheel_event events[WHEEL_CHUNK];
};

struct wheel_slot {
    struct wheel_chunk *chunk; /* NULL: at most one event */
    sim_time first, last;      /* earliest and latest time; SIM_NEVER: empty */
    uint64_t word;             /* of the only event */
};

struct wheel {
    struct wheel_slot slots[WHEEL_SLOTS];
    uint64_t filled[WHEEL_WORDS]; /* a bit for each slot with events */
    uint32_t some;                /* a bit for each word of those that is not 0 */
    uint64_t current;             /* slot number (time >> shift) of the last instant taken */
    sim_time next;                /* earliest time inside; SIM_NEVER: empty */
    struct wheel_chunk *unused;
    void **blocks; /* memory of the chunks */
    uint32_t block_count;
    struct wheel_event *heap; /* beyond the horizon */
    uint32_t heap_count, heap_size;
    struct wheel_event *rest; /* what remains of the current slot, latest first */
    uint32_t rest_count, rest_size;
    uint64_t *taken; /* the words of the last instant taken */
    uint32_t taken_size;
    unsigned shift;
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

/* Takes all events of the instant wheel_next out; returns their number, 0: none are left.  *words
 * is valid until the next call. */
uint32_t wheel_take(struct wheel *w, const uint64_t **words);

/* Slot number `slot` has events. Private. */
static inline void wheel_fill(struct wheel *w, uint64_t slot)
{
    uint64_t k = slot / 64 % WHEEL_WORDS;
    w->filled[k] |= UINT64_C(1) << (slot % 64);
    w->some |= 1u << k;
}

/* An event of that word at `time`, not before the last instant taken (WHEEL1). */
static inline void wheel_push(struct wheel *w, sim_time time, uint64_t word)
{
    uint64_t slot = (uint64_t)time >> w->shift;
    struct wheel_slot *s = &w->slots[slot % WHEEL_SLOTS];
    struct wheel_chunk *c = s->chunk;
    bool near = slot - w->current - 1 < WHEEL_SLOTS - 2;
    if (near && c && c->count < WHEEL_CHUNK && s->first == time && s->last == time) {
        c->events[c->count++] = (struct wheel_event){ time, word };
    } else if (near && s->first == SIM_NEVER) {
        s->first = s->last = time;
        s->word = word;
        wheel_fill(w, slot);
        if (time < w->next)
            w->next = time;
    } else {
        wheel_push_far(w, time, word);
    }
}

#endif
