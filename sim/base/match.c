/* match.c: shapes of conditions, each with a table of its entries.  See match.h. */
#include "sim/base/match.h"

#include <stdlib.h>
#include <string.h>

struct place {
    uint16_t offset;
    uint32_t mask;
};

struct match_shape {
    struct place places[MATCH_MOST]; /* by offset, then mask: equal lists are equal arrays */
    uint32_t place_count, count;
    uint32_t bucket_count; /* a power of two */
    struct match_entry **buckets;
};

static uint64_t hash_of(const uint32_t *value, uint32_t count)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < count; i++) {
        h = (h ^ value[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return h * UINT64_C(0x9e3779b97f4a7c15) >> 32; /* the upper bits are the better ones */
}

static struct match_entry **bucket_of(const struct match_shape *h, const uint32_t *value)
{
    return &h->buckets[hash_of(value, h->place_count) & (h->bucket_count - 1)];
}

static struct match_entry *among(const struct match_shape *h, const uint32_t *value,
                                 uint64_t *looked)
{
    for (struct match_entry *e = *bucket_of(h, value); e; e = e->next) {
        ++*looked;
        if (memcmp(e->value, value, h->place_count * sizeof *value) == 0)
            return e;
    }
    return NULL;
}

/* The conditions in the shape's order: insertion sort, for they are few. */
static void sort_conditions(struct match *to, const struct match *m, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = i;
        for (; k > 0 && (to[k - 1].offset > m[i].offset ||
                         (to[k - 1].offset == m[i].offset && to[k - 1].mask > m[i].mask));
             k--)
            to[k] = to[k - 1];
        to[k] = m[i];
        ASSERT_MSG(m[i].offset + 4 <= MATCH_REACH, "a condition is behind MATCH_REACH");
    }
}

static struct match_shape *shape_of(const struct match_set *s, const struct match *m,
                                    uint32_t count)
{
    for (uint32_t i = 0; i < s->shape_count; i++) {
        struct match_shape *h = s->shapes[i];
        uint32_t k = 0;
        while (k < count && h->places[k].offset == m[k].offset && h->places[k].mask == m[k].mask)
            k++;
        if (h->place_count == count && k == count)
            return h;
    }
    return NULL;
}

static struct match_shape *add_shape(struct match_set *s, const struct match *m, uint32_t count)
{
    struct match_shape *h = base_zalloc(1, sizeof *h);
    for (uint32_t k = 0; k < count; k++)
        h->places[k] = (struct place){ m[k].offset, m[k].mask };
    h->place_count = count;
    h->bucket_count = 1;
    h->buckets = base_zalloc(1, sizeof(struct match_entry *));
    s->shapes = base_realloc(s->shapes, (s->shape_count + 1) * sizeof(struct match_shape *));
    s->shapes[s->shape_count++] = h;
    s->conditioned += count > 0;
    return h;
}

static void grow(struct match_shape *h)
{
    struct match_entry **old = h->buckets;
    uint32_t count = h->bucket_count;
    h->bucket_count *= 2;
    h->buckets = base_zalloc(h->bucket_count, sizeof(struct match_entry *));
    for (uint32_t i = 0; i < count; i++)
        for (struct match_entry *e = old[i], *next; e; e = next) {
            struct match_entry **at = bucket_of(h, e->value);
            next = e->next;
            e->next = *at;
            *at = e;
        }
    free(old);
}

bool match_add(struct match_set *s, struct match_entry *e, const struct match *m, uint32_t count)
{
    struct match sorted[MATCH_MOST];
    uint64_t looked = 0;
    ASSERT(count <= MATCH_MOST);
    sort_conditions(sorted, m, count);
    *e = (struct match_entry){ .order = s->last_order + 1 };
    for (uint32_t k = 0; k < count; k++)
        e->value[k] = sorted[k].value & sorted[k].mask;
    struct match_shape *h = shape_of(s, sorted, count);
    if (h && among(h, e->value, &looked))
        return false;
    if (!h)
        h = add_shape(s, sorted, count);
    if (h->count == h->bucket_count)
        grow(h);
    struct match_entry **at = bucket_of(h, e->value);
    e->next = *at;
    *at = e;
    e->shape = h;
    h->count++;
    s->last_order++;
    return true;
}

void match_first(struct match_set *s, struct match_entry *e)
{
    ASSERT(e->shape != NULL);
    e->order = --s->first_order;
}

void match_remove(struct match_set *s, struct match_entry *e)
{
    struct match_shape *h = e->shape;
    if (!h)
        return;
    struct match_entry **at = bucket_of(h, e->value);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    e->shape = NULL;
    ASSERT_MSG(h->count > 0, "MATCH1");
    if (--h->count > 0)
        return;
    uint32_t i = 0;
    while (s->shapes[i] != h)
        i++;
    s->conditioned -= h->place_count > 0;
    s->shapes[i] = s->shapes[--s->shape_count];
    free(h->buckets);
    free(h);
    if (s->shape_count == 0) {
        free(s->shapes);
        s->shapes = NULL;
    }
}

/* What a place of a frame holds, of which `size` bytes are at `front`.  False: it ends before
 * (MATCH2). */
static bool look(const struct place *p, const uint8_t *front, size_t size, uint32_t *value)
{
    uint32_t word = 0, there = 0;
    for (size_t i = p->offset; i < (size_t)p->offset + 4; i++) {
        word = word << 8 | (i < size ? front[i] : 0);
        there = there << 8 | (i < size ? 0xff : 0);
    }
    *value = word & p->mask;
    return (p->mask & ~there) == 0;
}

struct match_entry *match_find(const struct match_set *s, const struct rope *frame,
                               uint64_t *looked)
{
    uint8_t front[MATCH_REACH];
    uint32_t value[MATCH_MOST];
    uint64_t none = 0, *count = looked ? looked : &none;
    struct match_entry *first = NULL;
    size_t size = frame->length < MATCH_REACH ? (size_t)frame->length : MATCH_REACH;
    if (s->conditioned > 0)
        rope_read(frame, 0, size, front);
    for (uint32_t i = 0; i < s->shape_count; i++) {
        const struct match_shape *h = s->shapes[i];
        uint32_t k = 0;
        *count += h->place_count > 0;
        while (k < h->place_count && look(&h->places[k], front, size, &value[k]))
            k++;
        struct match_entry *e = NULL;
        if (k == h->place_count)
            e = h->place_count > 0 ? among(h, value, count) : *h->buckets;
        if (e && (!first || e->order < first->order))
            first = e;
    }
    return first;
}
