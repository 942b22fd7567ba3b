/* heap.c: a 4-ary heap of events.  See heap.h for its invariants. */
#include "sim/heap.h"

#include <stdlib.h>

#define ARITY 4u
#define FIRST_CAPACITY 256u

/* Entries are moved word by word and handed over as pointers: a wide load of words that have just
 * been stored waits until they are in the cache. */
static inline void place(struct sim_heap *q, uint32_t slot, const struct sim_entry *entry)
{
    struct sim_entry *to = &q->entries[slot];
    struct sim_event *e = entry->event;
    to->time = entry->time;
    to->order = entry->order;
    to->event = e;
    e->slot = slot;
}

/* Moves the hole at `slot` towards the root until `entry`, which lies outside, fits. */
static void sift_up(struct sim_heap *q, uint32_t slot, const struct sim_entry *entry)
{
    sim_key key = sim_entry_key(entry);
    while (slot > 0) {
        uint32_t parent = (slot - 1) / ARITY;
        if (key >= sim_entry_key(&q->entries[parent]))
            break;
        place(q, slot, &q->entries[parent]);
        slot = parent;
    }
    place(q, slot, entry);
}

/* The least of `count` entries from `from` on. */
static inline uint32_t least_of(const struct sim_heap *q, uint32_t from, uint32_t count)
{
    const struct sim_entry *e = q->entries + from;
    if (count == ARITY) {
        uint32_t a = sim_entry_before(&e[1], &e[0]);
        uint32_t b = 2 + (uint32_t)sim_entry_before(&e[3], &e[2]);
        return from + (sim_entry_before(&e[b], &e[a]) ? b : a);
    }
    uint32_t least = 0;
    for (uint32_t i = 1; i < count; i++)
        least = sim_entry_before(&e[i], &e[least]) ? i : least;
    return from + least;
}

/* Moves the hole at `slot` towards the leaves until `entry`, which lies outside, fits. */
static void sift_down(struct sim_heap *q, uint32_t slot, const struct sim_entry *entry)
{
    sim_key key = sim_entry_key(entry);
    for (;;) {
        uint32_t child = slot * ARITY + 1;
        if (child >= q->count)
            break;
        uint32_t least = least_of(q, child, q->count - child < ARITY ? q->count - child : ARITY);
        if (sim_entry_key(&q->entries[least]) >= key)
            break;
        place(q, slot, &q->entries[least]);
        slot = least;
    }
    place(q, slot, entry);
}

void sim_heap_init(struct sim_heap *q)
{
    *q = (struct sim_heap){ 0 };
}

void sim_heap_fini(struct sim_heap *q)
{
    for (uint32_t i = 0; i < q->count; i++)
        q->entries[i].event->slot = UINT32_MAX;
    free(q->entries);
    *q = (struct sim_heap){ 0 };
}

void sim_heap_push(struct sim_heap *q, const struct sim_entry *entry)
{
    if (q->count == q->capacity) {
        ASSERT(q->capacity < UINT32_MAX / 8);
        q->capacity = q->capacity == 0 ? FIRST_CAPACITY : q->capacity * 2;
        q->entries = base_realloc(q->entries, q->capacity * sizeof(q->entries[0]));
    }
    sift_up(q, q->count++, entry);
}

void sim_heap_remove(struct sim_heap *q, struct sim_event *e)
{
    uint32_t slot = e->slot;
    ASSERT(slot < q->count && q->entries[slot].event == e); /* HEAP2 */
    e->slot = UINT32_MAX;
    const struct sim_entry *last = &q->entries[--q->count]; /* behind the heap's end now */
    if (last->event == e)
        return;
    if (slot > 0 && sim_entry_before(last, &q->entries[(slot - 1) / ARITY]))
        sift_up(q, slot, last);
    else
        sift_down(q, slot, last);
}

struct sim_event *sim_heap_pop(struct sim_heap *q)
{
    struct sim_event *e = q->entries[0].event;
    e->slot = UINT32_MAX;
    if (--q->count > 0)
        sift_down(q, 0, &q->entries[q->count]);
    return e;
}
