/* wheel.c: the timing wheel's slow paths: chunks, the heap beyond the horizon, an instant taken. */
#include "mesh/wheel.h"

#include <stdlib.h>

#define BLOCK_CHUNKS 32u

void wheel_init(struct wheel *w, sim_time width)
{
    *w = (struct wheel){ .next = SIM_NEVER };
    for (uint32_t i = 0; i < WHEEL_SLOTS; i++)
        w->slots[i].first = w->slots[i].last = SIM_NEVER;
    while (((sim_time)2 << w->shift) <= width)
        w->shift++;
    w->taken_size = 64;
    w->taken = base_alloc(w->taken_size * sizeof(*w->taken));
}

void wheel_fini(struct wheel *w)
{
    for (uint32_t i = 0; i < w->block_count; i++)
        free(w->blocks[i]);
    free(w->blocks);
    free(w->heap);
    free(w->rest);
    free(w->taken);
}

/* ---- chunks ---- */

static struct wheel_chunk *chunk_new(struct wheel *w)
{
    if (!w->unused) {
        struct wheel_chunk *block = base_alloc(BLOCK_CHUNKS * sizeof(*block));
        w->blocks = base_realloc(w->blocks, (w->block_count + 1) * sizeof(void *));
        w->blocks[w->block_count++] = block;
        for (uint32_t i = 0; i < BLOCK_CHUNKS; i++) {
            block[i].next = w->unused;
            w->unused = &block[i];
        }
    }
    struct wheel_chunk *c = w->unused;
    w->unused = c->next;
    return c;
}

static struct wheel_chunk *chunk_free(struct wheel *w, struct wheel_chunk *c)
{
    struct wheel_chunk *next = c->next;
    c->next = w->unused;
    w->unused = c;
    return next;
}

/* ---- the heap beyond the horizon ---- */

static void heap_push(struct wheel *w, struct wheel_event v)
{
    if (w->heap_count == w->heap_size) {
        w->heap_size = w->heap_size ? 2 * w->heap_size : 64;
        w->heap = base_realloc(w->heap, w->heap_size * sizeof(*w->heap));
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

/* ---- pushing ---- */

static void chunk_append(struct wheel *w, struct wheel_slot *s, struct wheel_event v)
{
    struct wheel_chunk *c = s->chunk;
    if (!c || c->count == WHEEL_CHUNK) {
        c = chunk_new(w);
        c->next = s->chunk;
        c->count = 0;
        s->chunk = c;
    }
    c->events[c->count++] = v;
}

static void slot_append(struct wheel *w, uint64_t slot, struct wheel_event v)
{
    struct wheel_slot *s = &w->slots[slot % WHEEL_SLOTS];
    if (s->first == SIM_NEVER) {
        s->first = s->last = v.time;
        s->word = v.word;
        wheel_fill(w, slot);
        return;
    }
    if (!s->chunk)
        chunk_append(w, s, (struct wheel_event){ s->first, s->word });
    chunk_append(w, s, v);
    s->first = sim_time_min(s->first, v.time);
    s->last = sim_time_max(s->last, v.time);
}

/* Into what remains of the current slot: it stays sorted, latest first. */
static void rest_insert(struct wheel *w, struct wheel_event v)
{
    if (w->rest_count == w->rest_size) {
        w->rest_size = w->rest_size ? 2 * w->rest_size : 64;
        w->rest = base_realloc(w->rest, w->rest_size * sizeof(*w->rest));
    }
    uint32_t i = w->rest_count++;
    for (; i > 0 && w->rest[i - 1].time < v.time; i--)
        w->rest[i] = w->rest[i - 1];
    w->rest[i] = v;
}

void wheel_push_far(struct wheel *w, sim_time time, uint64_t word)
{
    uint64_t slot = (uint64_t)time >> w->shift;
    struct wheel_event v = { time, word };
    ASSERT_MSG(slot >= w->current, "an event of the network lies in the past (WHEEL1, WORM5)");
    w->next = sim_time_min(w->next, time);
    if (slot == w->current)
        rest_insert(w, v);
    else if (slot - w->current >= WHEEL_SLOTS - 1)
        heap_push(w, v);
    else
        slot_append(w, slot, v);
}

/* ---- taking ---- */

static void taken_room(struct wheel *w, uint32_t count)
{
    if (count <= w->taken_size)
        return;
    while (w->taken_size < count)
        w->taken_size *= 2;
    w->taken = base_realloc(w->taken, w->taken_size * sizeof(*w->taken));
}

static int later_first(const void *a, const void *b)
{
    sim_time x = ((const struct wheel_event *)a)->time, y = ((const struct wheel_event *)b)->time;
    return (x < y) - (x > y);
}

/* Moves a slot with more than one time to `rest`. */
static void sort_slot(struct wheel *w, struct wheel_slot *s)
{
    uint32_t count = 0;
    for (const struct wheel_chunk *c = s->chunk; c; c = c->next)
        count += (uint32_t)c->count;
    if (count <= 24) {
        for (struct wheel_chunk *c = s->chunk; c; c = chunk_free(w, c))
            for (uint32_t i = 0; i < c->count; i++)
                rest_insert(w, c->events[i]);
        return;
    }
    if (w->rest_size < count) {
        w->rest_size = 2 * count;
        w->rest = base_realloc(w->rest, w->rest_size * sizeof(*w->rest));
    }
    for (struct wheel_chunk *c = s->chunk; c; c = chunk_free(w, c))
        for (uint32_t i = 0; i < c->count; i++)
            w->rest[w->rest_count++] = c->events[i];
    qsort(w->rest, w->rest_count, sizeof(*w->rest), later_first);
}

/* Takes a slot whose events have one time. */
static uint32_t take_slot(struct wheel *w, struct wheel_slot *s)
{
    uint32_t count = 0;
    if (!s->chunk) {
        w->taken[0] = s->word;
        return 1;
    }
    for (struct wheel_chunk *c = s->chunk; c; c = chunk_free(w, c)) {
        taken_room(w, count + WHEEL_CHUNK);
        for (uint32_t i = 0; i < c->count; i++)
            w->taken[count++] = c->events[i].word;
    }
    return count;
}

static uint32_t take_rest(struct wheel *w, sim_time now)
{
    uint32_t count = 0;
    while (w->rest_count > 0 && w->rest[w->rest_count - 1].time == now) {
        taken_room(w, count + 1);
        w->taken[count++] = w->rest[--w->rest_count].word;
    }
    return count;
}

/* The number of the next slot with events after the current one; UINT64_MAX: none. */
static uint64_t next_slot(const struct wheel *w)
{
    uint64_t from = w->current + 1;
    uint32_t word = (uint32_t)(from / 64 % WHEEL_WORDS);
    uint64_t bits = w->filled[word] >> (from % 64);
    if (bits)
        return from + (uint64_t)__builtin_ctzll(bits);
    /* The words behind it in their order round the wheel, itself the last. */
    uint32_t behind = (w->some | w->some << WHEEL_WORDS) >> (word + 1);
    if (!behind)
        return UINT64_MAX;
    uint32_t k = (uint32_t)__builtin_ctz(behind);
    bits = w->filled[(word + 1 + k) % WHEEL_WORDS];
    return from + 64 - from % 64 + 64 * k + (uint64_t)__builtin_ctzll(bits);
}

static sim_time earliest(const struct wheel *w)
{
    if (w->rest_count > 0)
        return w->rest[w->rest_count - 1].time;
    sim_time far = w->heap_count ? w->heap[0].time : SIM_NEVER;
    uint64_t slot = next_slot(w);
    return slot == UINT64_MAX ? far : sim_time_min(far, w->slots[slot % WHEEL_SLOTS].first);
}

uint32_t wheel_take(struct wheel *w, const uint64_t **words)
{
    sim_time now = w->next;
    uint64_t slot = (uint64_t)now >> w->shift;
    uint32_t count = 0;
    if (now == SIM_NEVER)
        return 0;
    if (slot != w->current) {
        w->current = slot;
        while (w->heap_count && (uint64_t)w->heap[0].time >> w->shift == slot)
            slot_append(w, slot, heap_pop(w));
        struct wheel_slot *s = &w->slots[slot % WHEEL_SLOTS];
        uint64_t k = slot / 64 % WHEEL_WORDS;
        w->filled[k] &= ~(UINT64_C(1) << (slot % 64));
        if (w->filled[k] == 0)
            w->some &= ~(1u << k);
        if (s->first == s->last)
            count = take_slot(w, s);
        else
            sort_slot(w, s);
        s->chunk = NULL;
        s->first = s->last = SIM_NEVER;
    }
    if (count == 0)
        count = take_rest(w, now);
    w->next = earliest(w);
    *words = w->taken;
    return count;
}
