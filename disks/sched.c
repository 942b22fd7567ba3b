/* sched.c: the queue disciplines.
 *
 * The map is an array of lists, one a cylinder, with one bit a cylinder that says whether the list
 * holds anything; the nearest on either side is a scan over words of bits.  SPTF walks outwards
 * from the arm and stops when the least seek to where it has come is no shorter than the best
 * positioning found, so its cost follows what is near, not what waits.
 */
#include "disks/sched.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define WORD 64u

struct sched_map {
    uint32_t cylinders, words;
    uint64_t *bits;
    struct list *lists;
    /* Arrivals in order, for the oldest: ring of those numbered [first, first + length). */
    struct blk_req **ring;
    uint64_t first, length, capacity;
};

static struct sched_map *map_create(uint32_t cylinders)
{
    struct sched_map *m = base_zalloc(1, sizeof *m);
    m->cylinders = cylinders;
    m->words = (cylinders + WORD - 1) / WORD;
    m->bits = base_zalloc(m->words, sizeof *m->bits);
    m->lists = base_alloc(cylinders * sizeof *m->lists);
    for (uint32_t c = 0; c < cylinders; c++)
        list_init(&m->lists[c]);
    return m;
}

static void map_destroy(struct sched_map *m)
{
    free(m->bits);
    free(m->lists);
    free(m->ring);
    free(m);
}

/* First cylinder >= c that holds a request. */
static uint32_t map_up(const struct sched_map *m, uint32_t c)
{
    if (c >= m->cylinders)
        return NONE;
    uint32_t w = c / WORD;
    uint64_t bits = m->bits[w] & (~UINT64_C(0) << c % WORD);
    while (bits == 0) {
        if (++w == m->words)
            return NONE;
        bits = m->bits[w];
    }
    return w * WORD + (uint32_t)__builtin_ctzll(bits);
}

/* Last cylinder <= c that holds a request; c may be NONE (one below 0). */
static uint32_t map_down(const struct sched_map *m, uint32_t c)
{
    if (c == NONE)
        return NONE;
    uint32_t w = c / WORD;
    uint64_t bits = m->bits[w] & (~UINT64_C(0) >> (WORD - 1 - c % WORD));
    while (bits == 0) {
        if (w-- == 0)
            return NONE;
        bits = m->bits[w];
    }
    return w * WORD + WORD - 1 - (uint32_t)__builtin_clzll(bits);
}

static struct blk_req *first_of(struct list *l)
{
    return LIST_ENTRY(l->next, struct blk_req, link);
}

static struct blk_req *first_at(const struct sched *q, uint32_t cyl)
{
    return first_of(&q->map->lists[cyl]);
}

static void ring_add(struct sched_map *m, struct blk_req *r)
{
    if (m->length == m->capacity) {
        uint64_t capacity = m->capacity == 0 ? 64 : 2 * m->capacity;
        struct blk_req **ring = base_alloc(capacity * sizeof *ring);
        for (uint64_t i = m->first; i < m->first + m->length; i++)
            ring[i % capacity] = m->ring[i % m->capacity];
        free(m->ring);
        m->ring = ring;
        m->capacity = capacity;
    }
    m->ring[(m->first + m->length++) % m->capacity] = r;
}

static void ring_remove(struct sched_map *m, uint64_t number)
{
    m->ring[number % m->capacity] = NULL;
    while (m->length > 0 && m->ring[m->first % m->capacity] == NULL) {
        m->first++;
        m->length--;
    }
}

/* ---- disciplines ---- */

static struct blk_req *fcfs_next(struct sched *q, struct sched_arm *arm)
{
    (void)arm;
    return first_of(&q->order);
}

static struct blk_req *sstf_next(struct sched *q, struct sched_arm *arm)
{
    uint32_t up = map_up(q->map, arm->cyl), down = map_down(q->map, arm->cyl);
    if (up == NONE)
        q->up = false;
    else if (down == NONE)
        q->up = true;
    else if (up - arm->cyl != arm->cyl - down)
        q->up = up - arm->cyl < arm->cyl - down;
    return first_at(q, q->up ? up : down);
}

static struct blk_req *elevator(struct sched *q, struct sched_arm *arm, bool to_edge)
{
    uint32_t c = q->up ? map_up(q->map, arm->cyl) : map_down(q->map, arm->cyl);
    if (c == NONE) {
        if (to_edge)
            arm->via = q->up ? arm->cylinders - 1 : 0;
        q->up = !q->up;
        c = q->up ? map_up(q->map, arm->cyl) : map_down(q->map, arm->cyl);
    }
    return first_at(q, c);
}

static struct blk_req *scan_next(struct sched *q, struct sched_arm *arm)
{
    return elevator(q, arm, true);
}

static struct blk_req *look_next(struct sched *q, struct sched_arm *arm)
{
    return elevator(q, arm, false);
}

static struct blk_req *circular(struct sched *q, struct sched_arm *arm, bool to_edge)
{
    uint32_t c = map_up(q->map, arm->cyl);
    if (c == NONE) {
        if (to_edge)
            arm->via = arm->cylinders - 1;
        c = map_up(q->map, 0);
    }
    return first_at(q, c);
}

static struct blk_req *cscan_next(struct sched *q, struct sched_arm *arm)
{
    return circular(q, arm, true);
}

static struct blk_req *clook_next(struct sched *q, struct sched_arm *arm)
{
    return circular(q, arm, false);
}

struct best {
    struct blk_req *r;
    sim_time value;
};

static sim_time aging(const struct sched_arm *arm, sim_time since)
{
    return (sim_time)floor(arm->age_weight * (double)(arm->now - since));
}

static void consider(struct best *b, const struct sched_arm *arm, struct blk_req *r)
{
    sim_time value = arm->positioning(arm->self, r);
    if (arm->age_weight > 0)
        value -= aging(arm, r->submitted);
    bool earlier = b->r != NULL && value == b->value && r->dev_u64[1] < b->r->dev_u64[1];
    if (b->r == NULL || value < b->value || earlier)
        *b = (struct best){ .r = r, .value = value };
}

/* Least positioning time at a distance, whatever the request. */
static sim_time least_at(const struct sched_arm *arm, uint32_t distance)
{
    sim_time t = arm->curve->floor[distance];
    if (arm->curve->write_extra < 0)
        t += arm->curve->write_extra;
    return t > 0 ? t : 0;
}

static struct blk_req *outwards(struct sched *q, struct sched_arm *arm, struct best b,
                                sim_time credit)
{
    uint32_t up = map_up(q->map, arm->cyl);
    uint32_t down = map_down(q->map, arm->cyl == 0 ? NONE : arm->cyl - 1);
    while (up != NONE || down != NONE) {
        bool ahead = down == NONE || (up != NONE && up - arm->cyl <= arm->cyl - down);
        uint32_t c = ahead ? up : down;
        uint32_t distance = ahead ? up - arm->cyl : arm->cyl - down;
        if (b.r != NULL && least_at(arm, distance) - credit > b.value)
            break;
        LIST_EACH (it, &q->map->lists[c])
            consider(&b, arm, LIST_ENTRY(it, struct blk_req, link));
        if (ahead)
            up = map_up(q->map, c + 1);
        else
            down = map_down(q->map, c == 0 ? NONE : c - 1);
    }
    return b.r;
}

static struct blk_req *sptf_next(struct sched *q, struct sched_arm *arm)
{
    arm->age_weight = 0;
    return outwards(q, arm, (struct best){ 0 }, 0);
}

static struct blk_req *asptf_next(struct sched *q, struct sched_arm *arm)
{
    /* Nothing is older than the oldest, so its age bounds the credit of all; trying it first makes
     * the bound bite early. */
    struct blk_req *oldest = q->map->ring[q->map->first % q->map->capacity];
    struct best b = { 0 };
    consider(&b, arm, oldest);
    return outwards(q, arm, b, aging(arm, oldest->submitted));
}

#define SCHED(name_, doc_, by_cylinder_)                                                           \
    static const struct sched_ops name_ = { .kind = { .name = #name_, .doc = doc_ },               \
                                            .by_cylinder = by_cylinder_,                           \
                                            .next = name_##_next }
SCHED(fcfs, "in order of arrival", false);
SCHED(sstf, "the shortest seek first", true);
SCHED(scan, "up and down, on to the edges", true);
SCHED(look, "up and down, turning at the last request", true);
SCHED(cscan, "up to the edge, then back to the first request", true);
SCHED(clook, "up to the last request, then back to the first", true);
SCHED(sptf, "the shortest seek and rotation first", true);
SCHED(asptf, "sptf less a credit that grows with age", true);

static const struct kind *const policies[] = { &fcfs.kind,  &sstf.kind,  &scan.kind,
                                               &cscan.kind, &look.kind,  &clook.kind,
                                               &sptf.kind,  &asptf.kind, NULL };
const struct kind_set sched_policies = { "scheduler", "devices.queue.policy", policies };

/* ---- the queue ---- */

void sched_init(struct sched *q, const struct sched_ops *ops, uint32_t cylinders)
{
    *q = (struct sched){ .ops = ops, .up = true };
    list_init(&q->order);
    if (ops->by_cylinder)
        q->map = map_create(cylinders);
}

void sched_fini(struct sched *q)
{
    if (q->map != NULL)
        map_destroy(q->map);
}

void sched_add(struct sched *q, struct blk_req *r, uint32_t cyl)
{
    r->dev_u64[0] = cyl;
    r->dev_u64[1] = q->arrivals++;
    q->count++;
    if (q->map == NULL) {
        list_push(&q->order, &r->link);
        return;
    }
    list_push(&q->map->lists[cyl], &r->link);
    q->map->bits[cyl / WORD] |= UINT64_C(1) << cyl % WORD;
    ring_add(q->map, r);
}

void sched_remove(struct sched *q, struct blk_req *r)
{
    list_remove(&r->link);
    q->count--;
    if (q->map == NULL)
        return;
    uint32_t cyl = (uint32_t)r->dev_u64[0];
    if (list_empty(&q->map->lists[cyl]))
        q->map->bits[cyl / WORD] &= ~(UINT64_C(1) << cyl % WORD);
    ring_remove(q->map, r->dev_u64[1]);
}

struct blk_req *sched_take(struct sched *q, struct sched_arm *arm)
{
    arm->via = NONE;
    if (q->count == 0)
        return NULL;
    struct blk_req *r = q->ops->next(q, arm);
    sched_remove(q, r);
    return r;
}
