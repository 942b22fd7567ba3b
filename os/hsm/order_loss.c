/* order_loss.c: orders by what the ways cost: loss, and the shortest path of few. */
#include "os/hsm/order_internal.h"

/* ---- loss ---- */

/* A path is put together from ways a -> b: of a node (0: the head, i + 1: request i) that nothing
 * leaves yet to a request that nothing leads to yet, but not back to its own piece of path. */
struct near {
    uint32_t first, second; /* NONE: there is none */
    sim_time way, regret;
};
#define NONE UINT32_MAX

struct loss {
    const struct order_job *j;
    uint32_t *next, *head; /* by node; head: of the piece of path that ends there */
    uint32_t *tail;        /* of the piece that starts there */
    bool *led;             /* something leads to it */
    struct near *here;     /* by node: the best way to it; of the head: the best way on */
};

static bool fits(const struct loss *l, uint32_t a, uint32_t b)
{
    return l->next[a] == NONE && !l->led[b] && l->tail[b] != a;
}

/* The two shortest ways to a request, or from the head. */
static void look(const struct loss *l, uint32_t node)
{
    struct near *x = &l->here[node];
    sim_time second = 0;
    *x = (struct near){ NONE, NONE, 0, 0 };
    for (uint32_t i = node == 0; i <= l->j->n; i++) {
        uint32_t a = node == 0 ? 0 : i, b = node == 0 ? i : node;
        if (a == b || !fits(l, a, b))
            continue;
        sim_time way = order_way(l->j, a, b);
        if (x->first == NONE || way < x->way) {
            x->second = x->first;
            second = x->way;
            x->first = i;
            x->way = way;
        } else if (x->second == NONE || way < second) {
            x->second = i;
            second = way;
        }
    }
    if (x->first != NONE)
        x->regret = x->second == NONE ? x->way : second - x->way;
}

/* Looks again where what it had found is taken. */
static void refresh(const struct loss *l, uint32_t node)
{
    const struct near *x = &l->here[node];
    uint32_t found[2] = { x->first, x->second };
    for (int k = 0; k < 2; k++)
        if (found[k] != NONE && !fits(l, node == 0 ? 0 : found[k], node == 0 ? found[k] : node)) {
            look(l, node);
            return;
        }
}

static void join(struct loss *l, uint32_t a, uint32_t b)
{
    l->next[a] = b;
    l->led[b] = true;
    uint32_t start = l->head[a], end = l->tail[b];
    l->tail[start] = end;
    l->head[end] = start;
}

/* The way whose loss would be the largest; of equal ones the shortest, then the first.  What leads
 * on is asked of the head alone: of the requests one is the last, and needs no way on. */
static bool choose(const struct loss *l, uint32_t *a, uint32_t *b)
{
    sim_time regret = -1, way = 0;
    for (uint32_t node = 0; node <= l->j->n; node++) {
        const struct near *x = &l->here[node];
        if (node == 0 ? l->next[0] != NONE : l->led[node])
            continue;
        refresh(l, node);
        if (x->first == NONE || x->regret < regret || (x->regret == regret && x->way >= way))
            continue;
        regret = x->regret;
        way = x->way;
        *a = node == 0 ? 0 : x->first;
        *b = node == 0 ? x->first : node;
    }
    return regret >= 0;
}

void order_loss(const struct order_job *j, uint32_t *out)
{
    size_t nodes = (size_t)j->n + 1;
    struct loss l = { .j = j };
    uint32_t a = 0, b = 0, k = 0;
    l.next = port_alloc(j->port, nodes * sizeof *l.next);
    l.head = port_alloc(j->port, nodes * sizeof *l.head);
    l.tail = port_alloc(j->port, nodes * sizeof *l.tail);
    l.led = port_alloc(j->port, nodes * sizeof *l.led);
    l.here = port_alloc(j->port, nodes * sizeof *l.here);
    for (uint32_t i = 0; i < nodes; i++) {
        l.next[i] = NONE;
        l.head[i] = l.tail[i] = i;
    }
    for (uint32_t i = 0; i < nodes; i++)
        look(&l, i);
    for (uint32_t i = 0; i < j->n && choose(&l, &a, &b); i++)
        join(&l, a, b);
    for (uint32_t node = l.next[0]; node != NONE; node = l.next[node])
        out[k++] = node - 1;
    ASSERT(k == j->n);
    port_free(j->port, l.next);
    port_free(j->port, l.head);
    port_free(j->port, l.tail);
    port_free(j->port, l.led);
    port_free(j->port, l.here);
}

/* ---- the shortest path ---- */

/* By the set of requests served and the last of them [Held & Karp, 1962]. */
void order_optimal(const struct order_job *j, uint32_t *out)
{
    uint32_t n = j->n, all = (1u << n) - 1;
    ASSERT(n <= HSM_OPTIMAL);
    struct best {
        sim_time cost;
        uint32_t from;
    } *best = port_alloc(j->port, ((size_t)all + 1) * n * sizeof *best);
    sim_time way[HSM_OPTIMAL + 1][HSM_OPTIMAL];
    for (uint32_t a = 0; a <= n; a++)
        for (uint32_t b = 0; b < n; b++)
            way[a][b] = a == b + 1 ? 0 : order_way(j, a, b + 1);
    for (uint32_t set = 1; set <= all; set++)
        for (uint32_t last = 0; last < n; last++) {
            struct best *x = &best[(size_t)set * n + last];
            uint32_t rest = set & ~(1u << last);
            if (rest == set)
                continue;
            *x = (struct best){ rest == 0 ? way[0][last] : SIM_NEVER, NONE };
            for (uint32_t b = 0; b < n; b++) {
                if (!(rest >> b & 1))
                    continue;
                sim_time cost = best[(size_t)rest * n + b].cost + way[b + 1][last];
                if (cost < x->cost)
                    *x = (struct best){ cost, b };
            }
        }
    uint32_t last = 0;
    for (uint32_t b = 1; b < n; b++)
        if (best[(size_t)all * n + b].cost < best[(size_t)all * n + last].cost)
            last = b;
    for (uint32_t set = all, k = n; k-- > 0;) {
        out[k] = last;
        uint32_t from = best[(size_t)set * n + last].from;
        set &= ~(1u << last);
        last = from;
    }
    port_free(j->port, best);
}
