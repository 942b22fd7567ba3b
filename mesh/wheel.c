/* wheel.c: the timing wheel's slow paths: growth, the heap beyond the horizon, finding the next. */
#include "mesh/wheel.h"

#include <stdlib.h>

#define AHEAD 4 /* events */

void wheel_init(struct wheel *w, sim_time width)
{
    *w = (struct wheel){ .next = SIM_NEVER };
    while (((sim_time)2 << w->shift) <= width)
        w->shift++;
}

void wheel_fini(struct wheel *w)
{
    for (uint32_t i = 0; i < WHEEL_SLOTS; i++)
        free(w->slots[i].events);
    free(w->heap);
}

static void heap_push(struct wheel *w, struct wheel_event v)
{
    if (w->heap_count == w->heap_capacity) {
        w->heap_capacity = w->heap_capacity ? 2 * w->heap_capacity : 64;
        w->heap = base_realloc(w->heap, w->heap_capacity * sizeof(*w->heap));
    }
    uint32_t i = w->heap_count++;
    for (; i > 0 && w->heap[(i - 1) / 2].time > v.time; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = v;
}

static struct wheel_event heap_pop(struct wheel *w)
{
    struct wheel_event top = w->heap[0], last = w->heap[--w->heap_count];
    uint32_t i = 0;
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= w->heap_count)
            break;
        if (c + 1 < w->heap_count && w->heap[c + 1].time < w->heap[c].time)
            c++;
        if (last.time <= w->heap[c].time)
            break;
        w->heap[i] = w->heap[c];
        i = c;
    }
    w->heap[i] = last;
    return top;
}

static void slot_append(struct wheel *w, uint64_t slot, struct wheel_event v)
{
    struct wheel_slot *s = &w->slots[slot % WHEEL_SLOTS];
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 4;
        s->events = base_realloc(s->events, s->capacity * sizeof(*s->events));
    }
    s->events[s->count++] = v;
    w->filled[slot % WHEEL_SLOTS / 64] |= UINT64_C(1) << (slot % 64);
}

void wheel_push_far(struct wheel *w, sim_time time, uint64_t word)
{
    uint64_t slot = (uint64_t)time >> w->shift;
    struct wheel_event v = { time, word };
    ASSERT_MSG(slot >= w->current, "an event of the network lies in the past");
    w->inside++;
    if (time < w->next)
        w->next = time;
    if (slot - w->current >= WHEEL_SLOTS - 1) {
        heap_push(w, v);
        return;
    }
    slot_append(w, slot, v);
    if (slot == w->current && w->sorted) { /* keep it sorted, latest first */
        struct wheel_slot *s = &w->slots[slot % WHEEL_SLOTS];
        uint32_t i = s->count - 1;
        for (; i > 0 && s->events[i - 1].time < time; i--)
            s->events[i] = s->events[i - 1];
        s->events[i] = v;
    }
}

static int later_first(const void *a, const void *b)
{
    sim_time x = ((const struct wheel_event *)a)->time, y = ((const struct wheel_event *)b)->time;
    return (x < y) - (x > y);
}

static void sort_current(struct wheel *w)
{
    struct wheel_slot *s = &w->slots[w->current % WHEEL_SLOTS];
    bool order = true;
    for (uint32_t i = 1; i < s->count && order; i++)
        order = s->events[i - 1].time >= s->events[i].time;
    if (!order && s->count > 24)
        qsort(s->events, s->count, sizeof(*s->events), later_first);
    else if (!order)
        for (uint32_t i = 1; i < s->count; i++) {
            struct wheel_event v = s->events[i];
            uint32_t k = i;
            for (; k > 0 && s->events[k - 1].time < v.time; k--)
                s->events[k] = s->events[k - 1];
            s->events[k] = v;
        }
    w->sorted = true;
}

/* The number of the next slot with events at or after the current one; UINT64_MAX: none. */
static uint64_t next_slot(const struct wheel *w)
{
    for (uint64_t k = 0; k < WHEEL_SLOTS;) {
        uint64_t at = (w->current + k) % WHEEL_SLOTS, bits = w->filled[at / 64] >> (at % 64);
        if (bits)
            return w->current + k + (uint64_t)__builtin_ctzll(bits);
        k += 64 - at % 64;
    }
    return UINT64_MAX;
}

static sim_time earliest(const struct wheel *w)
{
    sim_time best = w->heap_count ? w->heap[0].time : SIM_NEVER;
    uint64_t slot = next_slot(w);
    if (slot == UINT64_MAX || best >> w->shift < (sim_time)slot)
        return best;
    const struct wheel_slot *s = &w->slots[slot % WHEEL_SLOTS];
    for (uint32_t i = 0; i < s->count; i++)
        best = s->events[i].time < best ? s->events[i].time : best;
    return best;
}

void wheel_advance(struct wheel *w)
{
    uint64_t slot = (uint64_t)w->next >> w->shift;
    if (slot != w->current || !w->sorted) {
        w->current = slot;
        while (w->heap_count && (uint64_t)w->heap[0].time >> w->shift == slot)
            slot_append(w, slot, heap_pop(w));
        sort_current(w);
    }
}

bool wheel_take(struct wheel *w, sim_time now, uint64_t *word)
{
    struct wheel_slot *s = &w->slots[w->current % WHEEL_SLOTS];
    if (s->count > 0 && s->events[s->count - 1].time == now) {
        *word = s->events[--s->count].word;
        if (s->count > AHEAD) /* words are often pointers */
            __builtin_prefetch((const void *)(uintptr_t)s->events[s->count - AHEAD - 1].word);
        w->inside--;
        if (s->count == 0)
            w->filled[w->current % WHEEL_SLOTS / 64] &= ~(UINT64_C(1) << (w->current % 64));
        return true;
    }
    w->next = s->count > 0 ? s->events[s->count - 1].time : earliest(w);
    return false;
}
