/* shared_tsp.c: travelling salesman by branch and bound over shared memory.
 *
 * Tours that start 0, a, b are handed out from a shared counter; the best length so far is shared
 * and read at every node of the search, and written under a lock [Li & Hudak 1989, section 4:
 * travelling salesman].  A greedy tour gives the first bound.  The search pays for its work as it
 * goes, so that a better bound is seen while it goes on.  The result is compared with the dynamic
 * program of Held & Karp [1962].
 */
#include "workloads/shared.h"

#define CITIES_MAX 13
#define LOCK_COUNTER 1
#define LOCK_BEST 2
#define VISIT_OPS 12 /* ASSUMED(call, bound, return of a node of the search) */
#define CITY_OPS 6   /* ASSUMED(loop, test of the set, distance and sum for each city) */
#define PAY_EVERY 64 /* nodes of the search */

struct tsp_params {
    struct shared_params shared; /* first */
    int64_t cities;
};

static const struct param tsp_params[] = {
    SHARED_PARAMS,
    P_INT(tsp_params, cities, "10", "4", "13", "Cities of the tour.",
          "IVY: about 12 cities [memory, medium]"),
    P_END,
};

struct tsp {
    struct shared *h;
    uint32_t n;
    uint32_t distance[CITIES_MAX][CITIES_MAX];
    uint64_t best, counter; /* addresses */
    uint64_t visited;       /* nodes of the search */
};

static void make_distances(struct tsp *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        for (uint32_t j = 0; j < i; j++) {
            double v = shared_value(6, i * CITIES_MAX + j);
            t->distance[i][j] = t->distance[j][i] = 100 + (uint32_t)((v + 1) * 400);
        }
}

static void improve(struct tsp *t, uint32_t length)
{
    sync_lock(t->h->sync, LOCK_BEST);
    if (length < vm_load_u32(t->h->space, t->best))
        vm_store_u32(t->h->space, t->best, length);
    sync_unlock(t->h->sync, LOCK_BEST);
}

static void visit(struct tsp *t, bool expanded)
{
    struct port *p = t->h->port;
    port_work(p, PORT_WORK_OP, VISIT_OPS + (expanded ? CITY_OPS * (uint64_t)t->n : 0));
    if (++t->visited % PAY_EVERY == 0)
        port_pay(p);
}

static void search(struct tsp *t, uint32_t city, uint32_t left, uint32_t length)
{
    bool expand = length < vm_load_u32(t->h->space, t->best);
    visit(t, expand);
    if (!expand)
        return;
    if (left == 0) {
        uint32_t tour = length + t->distance[city][0];
        if (tour < vm_load_u32(t->h->space, t->best))
            improve(t, tour);
        return;
    }
    for (uint32_t next = 1; next < t->n; next++)
        if (left >> next & 1)
            search(t, next, left & ~(1u << next), length + t->distance[city][next]);
}

/* Always to the nearest city that is left. */
static uint32_t greedy(const struct tsp *t)
{
    uint32_t city = 0, length = 0;
    for (uint32_t left = (1u << t->n) - 2; left;) {
        uint32_t best = 0;
        for (uint32_t next = 1; next < t->n; next++)
            if (left >> next & 1 &&
                (best == 0 || t->distance[city][next] < t->distance[city][best]))
                best = next;
        length += t->distance[city][best];
        left &= ~(1u << best);
        city = best;
    }
    return length + t->distance[city][0];
}

/* The next beginning of a tour that nobody has. */
static uint32_t next_tour(struct tsp *t)
{
    uint32_t mine = UINT32_MAX;
    size_t got;
    shared_lock(t->h, LOCK_COUNTER, 1);
    uint32_t *counter = vm_span(t->h->space, t->counter, sizeof *counter, VM_WRITE, &got);
    if (counter) {
        mine = (*counter)++;
        vm_unspan(t->h->space, t->counter);
    }
    sync_unlock(t->h->sync, LOCK_COUNTER);
    return mine;
}

/* Shortest tour by dynamic programming over subsets; needs 2^n n words. */
static uint32_t held_karp(struct tsp *t)
{
    uint32_t n = t->n, sets = 1u << n;
    uint32_t *cost = port_alloc(t->h->port, (size_t)sets * n * sizeof *cost);
    for (uint32_t s = 0; s < sets; s++)
        for (uint32_t j = 0; j < n; j++)
            cost[s * n + j] = UINT32_MAX / 2;
    cost[1 * n + 0] = 0;
    for (uint32_t s = 1; s < sets; s += 2)
        for (uint32_t j = 0; j < n; j++) {
            if (!(s >> j & 1))
                continue;
            for (uint32_t k = 1; k < n; k++) {
                if (s >> k & 1)
                    continue;
                uint32_t *c = &cost[(s | 1u << k) * n + k];
                uint32_t via = cost[s * n + j] + t->distance[j][k];
                if (via < *c)
                    *c = via;
            }
        }
    uint32_t best = UINT32_MAX;
    for (uint32_t j = 1; j < n; j++) {
        uint32_t tour = cost[(sets - 1) * n + j] + t->distance[j][0];
        best = tour < best ? tour : best;
    }
    port_free(t->h->port, cost);
    return best;
}

static void tsp_check(struct tsp *t)
{
    uint32_t found = vm_load_u32(t->h->space, t->best), expected = held_karp(t);
    if (found != expected)
        port_fail(t->h->port, "travelling salesman: length %u found, %u is the shortest", found,
                  expected);
    port_delivered(t->h->port, sizeof found, found);
}

static void tsp_main(struct os_node *node, const struct program *me)
{
    const struct tsp_params *p = me->params;
    struct shared h;
    if (!shared_open(&h, node, me, &p->shared, 2 * (uint64_t)p->shared.memory.page))
        return;
    struct tsp t = { .h = &h, .n = (uint32_t)p->cities };
    t.best = shared_array(&h, 4);
    t.counter = shared_array(&h, 4);
    make_distances(&t);
    if (me->rank == 0 && h.resume == 0)
        vm_store_u32(h.space, t.best, greedy(&t));
    ASSERT(t.n >= 3);
    uint32_t tours = (t.n - 1) * (t.n - 1);
    uint32_t all = (1u << t.n) - 2;
    if (h.resume == 0)
        shared_start(&h);
    for (uint32_t mine; h.resume < SHARED_STOP && (mine = next_tour(&t)) < tours;) {
        uint32_t a = 1 + mine / (t.n - 1), b = 1 + mine % (t.n - 1);
        if (a != b)
            search(&t, b, all & ~(1u << a | 1u << b), t.distance[0][a] + t.distance[a][b]);
    }
    shared_stop(&h);
    if (shared_checks(&h))
        tsp_check(&t);
    shared_close(&h);
}

const struct workload_ops workload_svm_tsp =
    SHARED_WORKLOAD("svm_tsp", "Travelling salesman by branch and bound with a shared bound.",
                    tsp_params, struct tsp_params, shared_check, tsp_main);
