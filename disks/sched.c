/* sched.c: the queue disciplines.
 *
 * The map holds the requests of each cylinder in order of arrival, their blocks beside them so that
 * a look at many touches none, with one bit a cylinder that says whether there are any; the nearest
 * on either side is a scan over words of bits.  SPTF walks outwards from the
 * arm and stops when the least seek to where it has come is no shorter than the best positioning
 * found, so its cost follows what is near, not what waits.
 */
#include "disks/sched.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define WORD 64u

struct waiting {
    struct blk_req *r;
    uint64_t sector, arrival;
};
struct cylinder {
    struct waiting *first;
    uint32_t count, room;
};

struct sched_map {
    uint32_t words;
    uint64_t *bits;         /* a cylinder each */
    struct cylinder **cyls; /* WORD a word of bits, made when the first request comes */
    /* Arrivals in order, for the oldest: ring of those numbered [first, first + length). */
    struct blk_req **ring;
    uint64_t first, length, capacity;
};

static void map_fini(struct sched_map *m)
{
    for (uint32_t w = 0; w < m->words; w++) {
        for (uint32_t i = 0; m->cyls[w] != NULL && i < WORD; i++)
            free(m->cyls[w][i].first);
        free(m->cyls[w]);
    }
    free(m->cyls);
    free(m->bits);
    free(m->ring);
}

static struct cylinder *map_at(const struct sched_map *m, uint32_t cyl)
{
    return &m->cyls[cyl / WORD][cyl % WORD];
}

/* Room for a cylinder. */
static void map_reach(struct sched_map *m, uint32_t cyl)
{
    uint32_t w = cyl / WORD;
    if (w >= m->words) {
        uint32_t words = w + 1 > 2 * m->words ? w + 1 : 2 * m->words;
        m->bits = base_realloc(m->bits, words * sizeof *m->bits);
        m->cyls = base_realloc(m->cyls, words * sizeof *m->cyls);
        for (uint32_t i = m->words; i < words; i++) {
            m->bits[i] = 0;
            m->cyls[i] = NULL;
        }
        m->words = words;
    }
    if (m->cyls[w] == NULL)
        m->cyls[w] = base_zalloc(WORD, sizeof *m->cyls[w]);
}

/* First cylinder >= c that holds a request. */
static uint32_t map_up(const struct sched_map *m, uint32_t c)
{
    uint32_t w = c / WORD;
    if (w >= m->words)
        return NONE;
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
    if (c == NONE || m->words == 0)
        return NONE;
    if (c / WORD >= m->words)
        c = m->words * WORD - 1;
    uint32_t w = c / WORD;
    uint64_t bits = m->bits[w] & (~UINT64_C(0) >> (WORD - 1 - c % WORD));
    while (bits == 0) {
        if (w-- == 0)
            return NONE;
        bits = m->bits[w];
    }
    return w * WORD + WORD - 1 - (uint32_t)__builtin_clzll(bits);
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

/* ---- in order of arrival ---- */

static struct blk_req *first_of(struct list *l)
{
    return LIST_ENTRY(l->next, struct blk_req, link);
}

static void fcfs_init(void *self, const void *params)
{
    (void)params;
    list_init(self);
}

static void fcfs_add(void *self, struct blk_req *r)
{
    list_push(self, &r->link);
}

static void fcfs_remove(void *self, struct blk_req *r)
{
    (void)self;
    list_remove(&r->link);
}

static struct blk_req *fcfs_next(void *self, struct sched_arm *arm)
{
    (void)arm;
    return first_of(self);
}

/* ---- by cylinder ---- */

struct arms_params {
    double age_weight;
};

static const struct param asptf_params[] = {
    P_REAL(arms_params, age_weight, "0.006", "0", "1000", "Credit for each unit of time waited.",
           "ASSUMED(near the 6 per 1,000 that is used with aged SPTF)"),
    P_END,
};

/* The state of all that keep requests by cylinder. */
struct arms {
    struct sched_map map;
    bool down; /* direction of sstf and the elevators that turn */
    /* Elevators: the request that was given back last, and how many had arrived by then. */
    uint32_t cyl;
    uint64_t sector, arrived;
    uint64_t newest;
    double age_weight;
};

static void arms_fini(void *self)
{
    map_fini(&((struct arms *)self)->map);
}

static void arms_add(void *self, struct blk_req *r)
{
    struct arms *a = self;
    uint32_t cyl = sched_cyl(r);
    map_reach(&a->map, cyl);
    struct cylinder *c = map_at(&a->map, cyl);
    if (c->count == c->room) {
        c->room = c->room ? 2 * c->room : 4;
        c->first = base_realloc(c->first, c->room * sizeof *c->first);
    }
    c->first[c->count++] = (struct waiting){ r, r->sector, sched_arrival(r) };
    a->map.bits[cyl / WORD] |= UINT64_C(1) << cyl % WORD;
    ring_add(&a->map, r);
    a->newest = sched_arrival(r);
}

static void arms_remove(void *self, struct blk_req *r)
{
    struct arms *a = self;
    uint32_t cyl = sched_cyl(r), low = 0;
    struct cylinder *c = map_at(&a->map, cyl);
    for (uint32_t high = c->count; high - low > 1;) {
        uint32_t middle = (low + high) / 2;
        if (c->first[middle].arrival <= sched_arrival(r))
            low = middle;
        else
            high = middle;
    }
    ASSERT_MSG(c->count > 0 && c->first[low].r == r, "the request does not wait here");
    memmove(&c->first[low], &c->first[low + 1], (--c->count - low) * sizeof *c->first);
    if (c->count == 0)
        a->map.bits[cyl / WORD] &= ~(UINT64_C(1) << cyl % WORD);
    ring_remove(&a->map, sched_arrival(r));
}

static struct blk_req *sstf_next(void *self, struct sched_arm *arm)
{
    struct arms *a = self;
    uint32_t up = map_up(&a->map, arm->cyl), down = map_down(&a->map, arm->cyl);
    if (up == NONE)
        a->down = true;
    else if (down == NONE)
        a->down = false;
    else if (up - arm->cyl != arm->cyl - down)
        a->down = up - arm->cyl > arm->cyl - down;
    return map_at(&a->map, a->down ? down : up)->first->r;
}

/* The lowest block of a cylinder; NULL: none.  `on`: of those that are still ahead of the request
 * given back last, whose own block counts for what had come by then (else one block that is asked
 * for again and again would hold the arm for ever). */
static struct blk_req *lowest(struct arms *a, uint32_t cyl, bool on)
{
    const struct waiting *best = NULL;
    if (map_up(&a->map, cyl) != cyl)
        return NULL;
    const struct cylinder *c = map_at(&a->map, cyl);
    for (const struct waiting *w = c->first; w < c->first + c->count; w++) {
        bool ahead = w->sector > a->sector || (w->sector == a->sector && w->arrival <= a->arrived);
        if ((!on || ahead) && (best == NULL || w->sector < best->sector))
            best = w;
    }
    return best != NULL ? best->r : NULL;
}

static struct blk_req *give(struct arms *a, struct blk_req *r)
{
    a->cyl = sched_cyl(r);
    a->sector = r->sector;
    a->arrived = a->newest;
    return r;
}

static void elevator_init(void *self, const void *params)
{
    (void)params;
    ((struct arms *)self)->arrived = UINT64_MAX; /* from block 0 on, whenever it comes */
}

static struct blk_req *turning(struct arms *a, struct sched_arm *arm, bool to_edge)
{
    struct blk_req *r = lowest(a, a->cyl, true);
    if (r != NULL)
        return give(a, r);
    uint32_t c =
        a->down ? map_down(&a->map, a->cyl == 0 ? NONE : a->cyl - 1) : map_up(&a->map, a->cyl + 1);
    if (c == NONE) {
        if (to_edge)
            arm->via = a->down ? 0 : arm->cylinders - 1;
        a->down = !a->down;
        c = a->down ? map_down(&a->map, a->cyl) : map_up(&a->map, a->cyl);
    }
    return give(a, lowest(a, c, false));
}

static struct blk_req *scan_next(void *self, struct sched_arm *arm)
{
    return turning(self, arm, true);
}

static struct blk_req *look_next(void *self, struct sched_arm *arm)
{
    return turning(self, arm, false);
}

static struct blk_req *circular(struct arms *a, struct sched_arm *arm, bool to_edge)
{
    struct blk_req *r = lowest(a, a->cyl, true);
    if (r != NULL)
        return give(a, r);
    uint32_t c = map_up(&a->map, a->cyl + 1);
    if (c == NONE) {
        if (to_edge)
            arm->via = arm->cylinders - 1;
        c = map_up(&a->map, 0);
    }
    return give(a, lowest(a, c, false));
}

static struct blk_req *cscan_next(void *self, struct sched_arm *arm)
{
    return circular(self, arm, true);
}

static struct blk_req *clook_next(void *self, struct sched_arm *arm)
{
    return circular(self, arm, false);
}

struct best {
    struct blk_req *r;
    sim_time value;
};

static sim_time aging(const struct arms *a, const struct sched_arm *arm, sim_time since)
{
    return (sim_time)floor(a->age_weight * (double)(arm->now - since));
}

static void consider(struct best *b, const struct arms *a, const struct sched_arm *arm,
                     struct blk_req *r)
{
    sim_time value = arm->positioning(arm->self, r);
    if (a->age_weight > 0)
        value -= aging(a, arm, r->submitted);
    bool earlier = b->r != NULL && value == b->value && sched_arrival(r) < sched_arrival(b->r);
    if (b->r == NULL || value < b->value || earlier)
        *b = (struct best){ .r = r, .value = value };
}

static struct blk_req *outwards(struct arms *a, const struct sched_arm *arm, struct best b,
                                sim_time credit)
{
    uint32_t up = map_up(&a->map, arm->cyl);
    uint32_t down = map_down(&a->map, arm->cyl == 0 ? NONE : arm->cyl - 1);
    while (up != NONE || down != NONE) {
        bool ahead = down == NONE || (up != NONE && up - arm->cyl <= arm->cyl - down);
        uint32_t c = ahead ? up : down;
        uint32_t distance = ahead ? up - arm->cyl : arm->cyl - down;
        if (b.r != NULL && arm->curve->floor[distance] - credit > b.value)
            break;
        for (uint32_t i = 0; i < map_at(&a->map, c)->count; i++)
            consider(&b, a, arm, map_at(&a->map, c)->first[i].r);
        if (ahead)
            up = map_up(&a->map, c + 1);
        else
            down = map_down(&a->map, c == 0 ? NONE : c - 1);
    }
    return b.r;
}

static struct blk_req *sptf_next(void *self, struct sched_arm *arm)
{
    return outwards(self, arm, (struct best){ 0 }, 0);
}

static void asptf_init(void *self, const void *params)
{
    ((struct arms *)self)->age_weight = ((const struct arms_params *)params)->age_weight;
}

static struct blk_req *asptf_next(void *self, struct sched_arm *arm)
{
    /* Nothing is older than the oldest, so its age bounds the credit of all; trying it first makes
     * the bound bite early. */
    struct arms *a = self;
    struct blk_req *oldest = a->map.ring[a->map.first % a->map.capacity];
    struct best b = { 0 };
    consider(&b, a, arm, oldest);
    return outwards(a, arm, b, aging(a, arm, oldest->submitted));
}

#define POLICIES(P)                                                                                \
    P(fcfs)                                                                                        \
    P(sstf)                                                                                        \
    P(scan)                                                                                        \
    P(cscan)                                                                                       \
    P(look)                                                                                        \
    P(clook)                                                                                       \
    P(sptf)                                                                                        \
    P(asptf)

#define DECLARE(name) extern const struct sched_ops sched_##name;
#define POLICY(name) &sched_##name.kind,
POLICIES(DECLARE)

#define BY_CYLINDER(name_, doc_, init_, ...)                                                       \
    const struct sched_ops sched_##name_ = {                                                       \
        .kind = { .name = #name_, .doc = doc_, .state_size = sizeof(struct arms), __VA_ARGS__ },   \
        .init = init_,                                                                             \
        .fini = arms_fini,                                                                         \
        .add = arms_add,                                                                           \
        .remove = arms_remove,                                                                     \
        .next = name_##_next                                                                       \
    }
const struct sched_ops sched_fcfs = {
    .kind = { .name = "fcfs", .doc = "in order of arrival", .state_size = sizeof(struct list) },
    .init = fcfs_init,
    .add = fcfs_add,
    .remove = fcfs_remove,
    .next = fcfs_next
};
BY_CYLINDER(sstf, "the shortest seek first", NULL, );
BY_CYLINDER(scan, "up and down, on to the edges", elevator_init, );
BY_CYLINDER(look, "up and down, turning at the last request", elevator_init, );
BY_CYLINDER(cscan, "up to the edge, then back to the first request", elevator_init, );
BY_CYLINDER(clook, "up to the last request, then back to the first", elevator_init, );
BY_CYLINDER(sptf, "the shortest seek and rotation first", NULL, );
BY_CYLINDER(asptf, "sptf less a credit that grows with age", asptf_init, .params = asptf_params,
            .params_size = sizeof(struct arms_params));

static const struct kind *const policies[] = { POLICIES(POLICY) NULL };
const struct kind_set sched_policies = { "scheduler", "devices.queue.policy", policies };

/* ---- the queue ---- */

bool sched_init(struct sched *q, const struct sched_ops *ops, const struct val *params,
                const char *path, struct err *e)
{
    char *at = base_printf("%s.params", path);
    void *p = kind_load(&ops->kind, params, NULL, at, e);
    free(at);
    if (p == NULL)
        return false;
    *q = (struct sched){ .ops = ops, .state = base_zalloc(1, ops->kind.state_size + 1) };
    if (ops->init != NULL)
        ops->init(q->state, p);
    free(p);
    return true;
}

void sched_fini(struct sched *q)
{
    if (q->ops->fini != NULL)
        q->ops->fini(q->state);
    free(q->state);
}

void sched_add(struct sched *q, struct blk_req *r, uint32_t cyl)
{
    r->dev_u64[0] = cyl;
    r->dev_u64[1] = q->arrivals++;
    q->count++;
    if (r->patience > 0 && q->hasty == NULL) {
        q->hasty = r;
        q->overtaken = 0;
    }
    q->ops->add(q->state, r);
}

void sched_remove(struct sched *q, struct blk_req *r)
{
    q->count--;
    if (q->hasty == r)
        q->hasty = NULL;
    q->ops->remove(q->state, r);
}

struct blk_req *sched_take(struct sched *q, struct sched_arm *arm)
{
    arm->via = NONE;
    if (q->count == 0)
        return NULL;
    bool due = q->hasty != NULL && q->overtaken++ >= q->hasty->patience;
    struct blk_req *r = due ? q->hasty : q->ops->next(q->state, arm);
    ASSERT_MSG(r != NULL, "a queue discipline gives nothing back although requests wait");
    sched_remove(q, r);
    return r;
}
