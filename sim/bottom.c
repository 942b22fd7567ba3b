/* bottom.c: the events that come next.  See bottom.h for its invariants. */
#include "sim/bottom.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256u
#define FEW 32u /* sorted by insertion */

void sim_bottom_init(struct sim_bottom *b)
{
    *b = (struct sim_bottom){ 0 };
}

void sim_bottom_fini(struct sim_bottom *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        b->entries[b->head + i].event->slot = UINT32_MAX;
    free(b->entries);
    *b = (struct sim_bottom){ 0 };
}

static void move(struct sim_entry *to, const struct sim_entry *from, uint32_t count)
{
    memmove(to, from, count * sizeof *to);
}

/* Room for one more behind the last. */
static void make_room(struct sim_bottom *b)
{
    if (b->head + b->count < b->capacity)
        return;
    if (b->head > b->capacity / 2) {
        move(b->entries, b->entries + b->head, b->count);
        b->head = 0;
        return;
    }
    ASSERT(b->capacity < UINT32_MAX / 8);
    b->capacity = b->capacity == 0 ? FIRST_CAPACITY : b->capacity * 2;
    b->entries = base_realloc(b->entries, b->capacity * sizeof b->entries[0]);
}

/* How many of the first `count` entries come before the key. */
static uint32_t before(const struct sim_entry *e, uint32_t count, sim_key key)
{
    const struct sim_entry *from = e;
    while (count > 0) {
        uint32_t half = count / 2;
        bool after = sim_entry_key(&from[half]) < key;
        from = after ? from + half + 1 : from;
        count = after ? count - half - 1 : half;
    }
    return (uint32_t)(from - e);
}

void sim_bottom_append(struct sim_bottom *b, const struct sim_entry *entry)
{
    make_room(b);
    b->entries[b->head + b->count++] = *entry;
}

void sim_bottom_push(struct sim_bottom *b, const struct sim_entry *entry)
{
    sim_key key = sim_entry_key(entry);
    make_room(b);
    struct sim_entry *e = b->entries + b->head;
    uint32_t at = b->count;
    if (at > 0 && sim_entry_key(&e[at - 1]) > key)
        at = before(e, at - 1, key);
    ASSERT(at == 0 || sim_entry_key(&e[at - 1]) < key); /* BOTTOM1 */
    if (at < b->count / 2 && b->head > 0) {
        move(e - 1, e, at);
        b->head--;
        e--;
    } else {
        move(e + at + 1, e + at, b->count - at);
    }
    b->count++;
    e[at] = *entry;
}

static int by_key(const void *a, const void *b)
{
    sim_key x = sim_entry_key(a), y = sim_entry_key(b);
    return x < y ? -1 : x > y;
}

void sim_bottom_sort(struct sim_bottom *b)
{
    struct sim_entry *e = b->entries + b->head;
    if (b->count > FEW) {
        qsort(e, b->count, sizeof *e, by_key);
        return;
    }
    for (uint32_t i = 1; i < b->count; i++) {
        struct sim_entry x = e[i];
        sim_key key = sim_entry_key(&x);
        uint32_t j = i;
        for (; j > 0 && sim_entry_key(&e[j - 1]) > key; j--)
            e[j] = e[j - 1];
        e[j] = x;
    }
}

void sim_bottom_remove(struct sim_bottom *b, const struct sim_entry *entry)
{
    struct sim_entry *e = b->entries + b->head;
    uint32_t at = before(e, b->count, sim_entry_key(entry));
    ASSERT(at < b->count && e[at].event == entry->event); /* BOTTOM2 */
    entry->event->slot = UINT32_MAX;
    b->count--;
    if (at < b->count / 2) {
        move(e + 1, e, at);
        b->head++;
    } else {
        move(e + at, e + at + 1, b->count - at);
    }
    if (b->count == 0)
        b->head = 0;
}
