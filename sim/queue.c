/* queue.c: the 4-ary heap of pending events.  See queue.h for its invariants. */
#include "sim/queue.h"

#include <stdlib.h>

#define ARITY 4u
#define FIRST_CAPACITY 1024u

static inline bool before(const struct sim_queue_entry *a, const struct sim_queue_entry *b)
{
    return a->time < b->time || (a->time == b->time && a->order < b->order);
}

static inline void place(struct sim_queue *q, uint32_t slot, struct sim_queue_entry entry)
{
    q->entries[slot] = entry;
    entry.event->slot = slot;
}

/* Moves the hole at `slot` towards the root until `entry` fits. */
static void sift_up(struct sim_queue *q, uint32_t slot, struct sim_queue_entry entry)
{
    while (slot > 0) {
        uint32_t parent = (slot - 1) / ARITY;
        if (!before(&entry, &q->entries[parent]))
            break;
        place(q, slot, q->entries[parent]);
        slot = parent;
    }
    place(q, slot, entry);
}

/* Moves the hole at `slot` towards the leaves until `entry` fits. */
static void sift_down(struct sim_queue *q, uint32_t slot, struct sim_queue_entry entry)
{
    for (;;) {
        uint32_t child = slot * ARITY + 1;
        if (child >= q->count)
            break;
        uint32_t end = child + ARITY < q->count ? child + ARITY : q->count;
        uint32_t least = child;
        for (uint32_t i = child + 1; i < end; i++)
            if (before(&q->entries[i], &q->entries[least]))
                least = i;
        if (!before(&q->entries[least], &entry))
            break;
        place(q, slot, q->entries[least]);
        slot = least;
    }
    place(q, slot, entry);
}

void sim_queue_init(struct sim_queue *q)
{
    *q = (struct sim_queue){ 0 };
}

void sim_queue_fini(struct sim_queue *q)
{
    for (uint32_t i = 0; i < q->count; i++)
        q->entries[i].event->slot = UINT32_MAX;
    free(q->entries);
    *q = (struct sim_queue){ 0 };
}

void sim_queue_push(struct sim_queue *q, struct sim_event *e)
{
    if (q->count == q->capacity) {
        ASSERT(q->capacity < UINT32_MAX / 8);
        q->capacity = q->capacity == 0 ? FIRST_CAPACITY : q->capacity * 2;
        q->entries = base_realloc(q->entries, q->capacity * sizeof(q->entries[0]));
    }
    struct sim_queue_entry entry = { .time = e->time, .order = e->order, .event = e };
    sift_up(q, q->count++, entry);
}

void sim_queue_remove(struct sim_queue *q, struct sim_event *e)
{
    uint32_t slot = e->slot;
    ASSERT(slot < q->count && q->entries[slot].event == e);
    e->slot = UINT32_MAX;
    struct sim_queue_entry last = q->entries[--q->count];
    if (last.event == e)
        return;
    if (slot > 0 && before(&last, &q->entries[(slot - 1) / ARITY]))
        sift_up(q, slot, last);
    else
        sift_down(q, slot, last);
}

struct sim_event *sim_queue_peek(struct sim_queue *q)
{
    return q->count == 0 ? NULL : q->entries[0].event;
}

struct sim_event *sim_queue_pop(struct sim_queue *q)
{
    struct sim_event *e = q->entries[0].event;
    e->slot = UINT32_MAX;
    struct sim_queue_entry last = q->entries[--q->count];
    if (q->count > 0)
        sift_down(q, 0, last);
    return e;
}
