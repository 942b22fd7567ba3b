/* order_scan.c: orders by where requests lie: scan, mpscan, weave. */
#include "os/hsm/order_internal.h"

#include <stdlib.h>

struct item {
    struct hsm_spot from, to; /* of its first block, and where its last ends */
    uint32_t request;
};

/* One for each request, and one more: the head. */
static struct item *items_of(const struct order_job *j)
{
    struct item *x = port_alloc(j->port, ((size_t)j->n + 1) * sizeof *x);
    for (uint32_t i = 0; i < j->n; i++) {
        const struct hsm_extent *r = &j->r[i];
        j->head->spot(j->head->arg, r->first, &x[i].from);
        j->head->spot(j->head->arg, r->first + r->count - 1, &x[i].to);
        x[i].request = i;
    }
    j->head->spot(j->head->arg, j->head->at, &x[j->n].to);
    return x;
}

/* ---- scan ---- */

/* Outward by place, then back by place. */
static int by_place(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->from.back != y->from.back)
        return x->from.back ? 1 : -1;
    if (x->from.place != y->from.place)
        return (x->from.place < y->from.place) != x->from.back ? -1 : 1;
    return x->request < y->request ? -1 : 1;
}

/* The head has gone by it on this way. */
static bool is_behind(const struct hsm_spot *head, const struct hsm_spot *x)
{
    return x->back == head->back && (head->back ? x->place > head->place : x->place < head->place);
}

void order_scan(const struct order_job *j, uint32_t *out)
{
    struct item *x = items_of(j);
    const struct hsm_spot head = x[j->n].to;
    uint32_t first = 0;
    qsort(x, j->n, sizeof *x, by_place);
    while (first < j->n && (x[first].from.back != head.back || is_behind(&head, &x[first].from)))
        first++;
    if (first == j->n) /* nothing is ahead: the other way comes next */
        for (first = 0; first < j->n && x[first].from.back == head.back;)
            first++;
    for (uint32_t i = 0; i < j->n; i++)
        out[i] = x[(first + i) % j->n].request;
    port_free(j->port, x);
}

/* ---- mpscan ---- */

/* Takes, of those that are left, all that one sweep reads without a turn. */
static uint32_t sweep(struct item *x, uint32_t n, bool back, uint64_t *place, uint8_t *taken,
                      uint32_t *out)
{
    uint32_t got = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool ahead = back ? x[i].from.place <= *place : x[i].from.place >= *place;
        if (taken[i] || x[i].from.back != back || !ahead)
            continue;
        taken[i] = 1;
        out[got++] = x[i].request;
        if (x[i].to.back == back)
            *place = x[i].to.place;
    }
    return got;
}

static sim_time way(const struct order_job *j, const uint32_t *out, uint32_t a, uint32_t b)
{
    return b < j->n ? order_way(j, a == UINT32_MAX ? 0 : out[a] + 1, out[b] + 1) : 0;
}

/* Moves the `len` at k to behind place `to`, both counted before the move. */
static void shift(uint32_t *out, uint32_t k, uint32_t len, uint32_t to)
{
    uint32_t held[3];
    for (uint32_t i = 0; i < len; i++)
        held[i] = out[k + i];
    if (to < k)
        for (uint32_t i = k; i-- > to;)
            out[i + len] = out[i];
    else
        for (uint32_t i = k + len; i < to; i++)
            out[i - len] = out[i];
    for (uint32_t i = 0; i < len; i++)
        out[(to < k ? to : to - len) + i] = held[i];
}

/* One to three in a row go to wherever the path is shorter by it; false: nowhere. */
static bool improve(const struct order_job *j, uint32_t *out, uint32_t k, uint32_t len)
{
    uint32_t before = k == 0 ? UINT32_MAX : k - 1, last = k + len - 1, best = k;
    sim_time gain = 0, saved = way(j, out, before, k);
    if (k + len < j->n)
        saved += way(j, out, last, k + len) - way(j, out, before, k + len);
    for (uint32_t to = 0; to <= j->n; to++) {
        if (to >= k && to <= k + len)
            continue;
        uint32_t left = to == 0 ? UINT32_MAX : to - 1;
        sim_time cost = way(j, out, left, k);
        if (to < j->n)
            cost += way(j, out, last, to) - way(j, out, left, to);
        if (saved - cost > gain) {
            gain = saved - cost;
            best = to;
        }
    }
    if (best != k)
        shift(out, k, len, best);
    return best != k;
}

#define MOVES_MAX 8 /* ASSUMED(rounds over all requests; more gain little) */

void order_mpscan(const struct order_job *j, uint32_t *out)
{
    struct item *x = items_of(j);
    uint8_t *taken = port_alloc(j->port, j->n);
    struct hsm_spot head = x[j->n].to;
    uint32_t got = 0;
    bool back = head.back, moved = true;
    uint64_t place = head.place;
    qsort(x, j->n, sizeof *x, by_place);
    while (got < j->n) {
        got += sweep(x, j->n, back, &place, taken, out + got);
        back = !back;
        place = back ? UINT64_MAX : 0;
    }
    port_free(j->port, taken);
    port_free(j->port, x);
    for (uint32_t round = 0; moved && round < MOVES_MAX; round++) {
        moved = false;
        for (uint32_t len = 1; len <= 3 && len < j->n; len++)
            for (uint32_t k = 0; k + len <= j->n; k++)
                moved |= improve(j, out, k, len);
    }
}

/* ---- weave ---- */

/* How early the pattern comes to that spot; the less the sooner.  First what the head meets if it
 * reads on, then, by distance in sections, what a skip ahead reaches on passes of the same
 * direction, and what a turn reaches on those of the other. */
static uint64_t rank(const struct hsm_spot *head, const struct hsm_spot *x)
{
    int64_t ahead = (int64_t)x->section - (int64_t)head->section;
    if (head->back)
        ahead = -ahead;
    bool behind = ahead == 0 && x->back == head->back && is_behind(head, x);
    if (x->pass == head->pass && ahead >= 0 && ahead <= 2 && !behind)
        return (uint64_t)ahead;
    if (x->back == head->back)
        return ahead > 1 ? 4 + 2 * (uint64_t)ahead : 5 + 2 * (uint64_t)(4 - ahead);
    return ahead < 2 ? 5 + 2 * (uint64_t)(2 - ahead) : 4 + 2 * (uint64_t)(ahead + 3);
}

void order_weave(const struct order_job *j, uint32_t *out)
{
    struct item *x = items_of(j);
    struct hsm_spot head = x[j->n].to;
    for (uint32_t k = 0; k < j->n; k++) {
        uint32_t best = k;
        for (uint32_t i = k + 1; i < j->n; i++) {
            uint64_t a = rank(&head, &x[i].from), b = rank(&head, &x[best].from);
            bool further = head.back ? x[i].from.place < x[best].from.place
                                     : x[i].from.place > x[best].from.place;
            if (a < b || (a == b && x[i].from.place != x[best].from.place && !further))
                best = i;
        }
        struct item next = x[best];
        x[best] = x[k];
        x[k] = next;
        out[k] = next.request;
        head = next.to;
    }
    port_free(j->port, x);
}
