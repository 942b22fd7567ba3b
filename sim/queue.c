/* queue.c: the ladder of buckets.  See queue.h for its tiers and invariants. */
#include "sim/queue.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_ENTRIES 10 /* a chunk is four cache lines */
#define BLOCK_CHUNKS 64  /* chunks are allocated so many at a time */
/* Where more than FAR are pending they have left the nearest caches: fuller chunks pay there.  A
 * bucket with no more than FEW goes to the bottom undivided; PER_BUCKET is what a rung's width aims
 * at. */
#define FAR 4096
#define FEW(q) ((q)->count > FAR ? 24 : 16)
#define PER_BUCKET(q) ((q)->count > FAR ? 8 : 4)
#define BUCKETS_MIN 8
#define BUCKETS_MAX 32768 /* 256 KiB of pointers */
#define SPILL 128

struct sim_chunk {
    struct sim_chunk *next;
    uint32_t count;
    struct sim_entry entries[CHUNK_ENTRIES];
};

/* ---- chunks ---- */
static void chunk_block(struct sim_queue *q)
{
    if (q->block_count == q->block_capacity) {
        q->block_capacity = q->block_capacity ? q->block_capacity * 2 : 16;
        q->blocks = base_realloc(q->blocks, q->block_capacity * sizeof(struct sim_chunk *));
    }
    struct sim_chunk *block = base_alloc(BLOCK_CHUNKS * sizeof(*block));
    q->blocks[q->block_count++] = block;
    for (size_t i = BLOCK_CHUNKS; i-- > 0;) {
        block[i].next = q->unused;
        q->unused = &block[i];
    }
}

static inline void chunk_append(struct sim_queue *q, struct sim_chunk **bucket,
                                const struct sim_entry *entry)
{
    struct sim_chunk *c = *bucket;
    if (!c || c->count == CHUNK_ENTRIES) {
        if (!q->unused)
            chunk_block(q);
        c = q->unused;
        q->unused = c->next;
        c->next = *bucket;
        c->count = 0;
        *bucket = c;
    }
    struct sim_entry *to = &c->entries[c->count];
    to->time = entry->time;
    to->order = entry->order;
    to->event = entry->event;
    to->event->link = c;
    to->event->slot = c->count++;
}

static struct sim_chunk *chunk_free(struct sim_queue *q, struct sim_chunk *c)
{
    struct sim_chunk *next = c->next;
    c->next = q->unused;
    q->unused = c;
    return next;
}

static void chunk_remove(struct sim_chunk *c, uint32_t slot)
{
    struct sim_entry last = c->entries[--c->count];
    c->entries[slot] = last;
    last.event->slot = slot;
}

static uint64_t chunks_count(const struct sim_chunk *c)
{
    uint64_t n = 0;
    for (; c; c = c->next)
        n += c->count;
    return n;
}

/* Where many are pending, entries and the events that they move have left the caches: both are
 * fetched ahead, the chunk first. */
static inline void fetch_chunk(const struct sim_chunk *c)
{
    for (size_t at = 0; c && at < sizeof(*c); at += 64)
        __builtin_prefetch((const char *)c + at, 1);
}

static inline void fetch_events(const struct sim_chunk *c)
{
    for (uint32_t i = 0; c && i < c->count; i++)
        __builtin_prefetch(&c->entries[i].event->link, 1);
}

/* ---- rungs ---- */
static inline uint32_t bucket_of(const struct sim_rung *r, sim_time t)
{
    return (uint32_t)((uint64_t)(t - r->start) >> r->shift);
}

/* Adds a rung over [start, end) for about n events. */
static struct sim_rung *rung_add(struct sim_queue *q, sim_time start, sim_time end, uint64_t n)
{
    struct sim_rung *r = &q->rung[q->rungs++];
    uint64_t aim = n / PER_BUCKET(q);
    aim = aim < BUCKETS_MIN ? BUCKETS_MIN : aim > BUCKETS_MAX ? BUCKETS_MAX : aim;
    uint64_t span = (uint64_t)(end - start);
    unsigned shift = 0;
    while ((span - 1) >> shift >= aim)
        shift++;
    r->start = start;
    r->end = end;
    r->shift = shift;
    r->buckets = (uint32_t)((span - 1) >> shift) + 1;
    r->next = 0;
    if (r->buckets > r->capacity) {
        r->capacity = r->buckets;
        r->bucket = base_realloc(r->bucket, r->capacity * sizeof(struct sim_chunk *));
    }
    memset(r->bucket, 0, r->buckets * sizeof(struct sim_chunk *));
    q->limit = start;
    return r;
}

/* Deals the entries of a list of chunks out to the buckets of a rung. */
static void rung_fill(struct sim_queue *q, struct sim_rung *r, struct sim_chunk *c)
{
    bool far = q->count > FAR;
    for (; c; c = chunk_free(q, c)) {
        if (far && c->next) {
            fetch_chunk(c->next->next);
            fetch_events(c->next);
        }
        for (uint32_t i = 0; i < c->count; i++)
            chunk_append(q, &r->bucket[bucket_of(r, c->entries[i].time)], &c->entries[i]);
    }
}

static inline void in_bottom(struct sim_event *e)
{
    e->link = NULL;
    e->slot = 0;
}

static void bottom_fill(struct sim_queue *q, struct sim_chunk *c)
{
    for (; c; c = chunk_free(q, c)) {
        for (uint32_t i = 0; i < c->count; i++) {
            in_bottom(c->entries[i].event);
            sim_bottom_append(&q->bottom, &c->entries[i]);
        }
    }
    sim_bottom_sort(&q->bottom);
    q->spill_at = q->bottom.count > SPILL / 2 ? q->bottom.count * 2 : SPILL;
}

/* Turns the top into bottom or first rung. */
static void descend_from_top(struct sim_queue *q)
{
    struct sim_chunk *list = q->top;
    uint64_t n = q->top_count;
    sim_time end = q->top_max + 1;
    q->top = NULL;
    q->top_count = 0;
    if (n <= FEW(q) || end - q->top_min <= 1) {
        q->limit = end;
        bottom_fill(q, list);
    } else {
        rung_fill(q, rung_add(q, q->top_min, end, n), list);
    }
    q->top_min = SIM_NEVER;
    q->top_max = 0;
}

/* Empties the next bucket of the last rung, or drops the rung. */
static void descend_from_rung(struct sim_queue *q)
{
    struct sim_rung *r = &q->rung[q->rungs - 1];
    while (r->next < r->buckets && !r->bucket[r->next])
        r->next++;
    if (r->next == r->buckets) {
        q->limit = r->end;
        q->rungs--;
        return;
    }
    uint32_t i = r->next++;
    if (q->count > FAR && r->next + 1 < r->buckets) {
        fetch_chunk(r->bucket[r->next + 1]);
        fetch_events(r->bucket[r->next]);
    }
    struct sim_chunk *list = r->bucket[i];
    sim_time start = r->start + (sim_time)((uint64_t)i << r->shift);
    sim_time end =
        r->next == r->buckets ? r->end : r->start + (sim_time)((uint64_t)r->next << r->shift);
    uint64_t n = chunks_count(list);
    if (n > FEW(q) && r->shift > 0 && q->rungs < SIM_QUEUE_RUNGS) {
        rung_fill(q, rung_add(q, start, end, n), list);
    } else {
        q->limit = end;
        bottom_fill(q, list);
    }
}

bool sim_queue_refill(struct sim_queue *q)
{
    if (q->count == 0)
        return false;
    while (q->bottom.count == 0) {
        if (q->rungs > 0)
            descend_from_rung(q);
        else
            descend_from_top(q);
    }
    return true;
}

/* Divides a bottom that has grown large into a rung. */
static void spill(struct sim_queue *q)
{
    struct sim_bottom *b = &q->bottom;
    struct sim_entry *e = b->entries + b->head;
    sim_time first = e[0].time, last = e[b->count - 1].time;
    if (last == first || q->rungs == SIM_QUEUE_RUNGS) {
        q->spill_at = b->count * 2;
        return;
    }
    struct sim_rung *r = rung_add(q, first, q->limit, b->count);
    for (uint32_t i = 0; i < b->count; i++)
        chunk_append(q, &r->bucket[bucket_of(r, e[i].time)], &e[i]);
    b->head = b->count = 0;
}

/* ---- the queue ---- */
void sim_queue_init(struct sim_queue *q)
{
    *q = (struct sim_queue){ .spill_at = SPILL, .top_min = SIM_NEVER };
    sim_bottom_init(&q->bottom);
}

static void forget(struct sim_chunk *c)
{
    for (; c; c = c->next)
        for (uint32_t i = 0; i < c->count; i++)
            c->entries[i].event->slot = UINT32_MAX;
}

void sim_queue_fini(struct sim_queue *q)
{
    sim_bottom_fini(&q->bottom);
    forget(q->top);
    for (uint32_t i = 0; i < SIM_QUEUE_RUNGS; i++) {
        for (uint32_t b = q->rung[i].next; i < q->rungs && b < q->rung[i].buckets; b++)
            forget(q->rung[i].bucket[b]);
        free(q->rung[i].bucket);
    }
    for (size_t i = 0; i < q->block_count; i++)
        free(q->blocks[i]);
    free(q->blocks);
    sim_queue_init(q);
}

/* An event at SIM_NEVER ends the run and does not fire: it needs a place only. */
static struct sim_entry entry_of(struct sim_event *e)
{
    return (struct sim_entry){ .time = sim_time_min(e->time, SIM_NEVER - 1),
                               .order = e->order,
                               .event = e };
}

void sim_queue_push(struct sim_queue *q, struct sim_event *e)
{
    struct sim_entry entry = entry_of(e);
    q->count++;
    if (entry.time < q->limit) {
        in_bottom(e);
        sim_bottom_push(&q->bottom, &entry);
        if (q->bottom.count > q->spill_at)
            spill(q);
        return;
    }
    for (uint32_t i = q->rungs; i-- > 0;) {
        struct sim_rung *r = &q->rung[i];
        if (entry.time < r->end) {
            chunk_append(q, &r->bucket[bucket_of(r, entry.time)], &entry);
            return;
        }
    }
    chunk_append(q, &q->top, &entry);
    q->top_count++;
    q->top_min = sim_time_min(q->top_min, entry.time);
    q->top_max = sim_time_max(q->top_max, entry.time);
}

void sim_queue_remove(struct sim_queue *q, struct sim_event *e)
{
    ASSERT(sim_event_pending(e));
    q->count--;
    if (!e->link) {
        struct sim_entry entry = entry_of(e);
        sim_bottom_remove(&q->bottom, &entry);
        return;
    }
    chunk_remove(e->link, e->slot);
    e->slot = UINT32_MAX;
}
