/* history_order.c: sequential consistency: is there one order of all accesses to all locations?
 *
 * A graph over the accesses: program order (to the next access of the node), write order (to the
 * next write of the location), a write to the reads of its value, and each of those reads to the
 * next write.  Any order of the accesses without a contradiction is a topological order of it.  A
 * depth-first search looks for a cycle; a breadth-first search makes it short for the sentence.
 */
#include "os/svm/history_internal.h"

#include <stdlib.h> /* qsort alone */

#define NOWHERE UINT64_MAX
#define SAID_MOST 8 /* accesses of a cycle that a sentence names */

struct graph {
    const struct history *h;
    uint64_t n, edges, capacity;
    uint64_t *from, *to; /* of each edge */
    uint64_t *first; /* of each access: its edges are next[first[i]] .. next[first[i + 1] - 1] */
    uint64_t *next;
};

static void edge(struct graph *g, uint64_t from, uint64_t to)
{
    if (g->edges == g->capacity) {
        g->capacity = g->capacity ? 2 * g->capacity : 256;
        g->from = port_realloc(g->h->port, g->from, g->capacity * sizeof *g->from);
        g->to = port_realloc(g->h->port, g->to, g->capacity * sizeof *g->to);
    }
    g->from[g->edges] = from;
    g->to[g->edges++] = to;
}

static uint64_t index_of(const struct graph *g, const struct history_op *op)
{
    return (uint64_t)(op - g->h->ops);
}

static void program_order(struct graph *g)
{
    uint32_t nodes = 0;
    for (uint64_t i = 0; i < g->n; i++)
        if (g->h->ops[i].node >= nodes)
            nodes = g->h->ops[i].node + 1;
    uint64_t *last = port_alloc(g->h->port, (nodes + 1) * sizeof *last);
    for (uint64_t i = 0; i < g->n; i++) {
        uint32_t node = g->h->ops[i].node;
        if (last[node] > 0)
            edge(g, last[node] - 1, i);
        last[node] = i + 1;
    }
    port_free(g->h->port, last);
}

static int by_order(const void *a, const void *b)
{
    const struct history_op *x = *(const struct history_op *const *)a;
    const struct history_op *y = *(const struct history_op *const *)b;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Edges of one location, whose accesses [from, to) are sorted by value, writes first.  False: a
 * value that nobody wrote was read. */
static bool place_edges(struct graph *g, struct history_report *r,
                        const struct history_op *const *ops, uint64_t from, uint64_t to,
                        uint64_t *after)
{
    struct port *p = g->h->port;
    const struct history_op **writes = port_alloc(p, (to - from) * sizeof *writes);
    uint64_t count = 0;
    for (uint64_t i = from; i < to; i++)
        if (ops[i]->write)
            writes[count++] = ops[i];
    qsort(writes, count, sizeof *writes, by_order);
    for (uint64_t i = 0; i < count; i++) {
        after[index_of(g, writes[i])] = i + 1 < count ? index_of(g, writes[i + 1]) : NOWHERE;
        if (i + 1 < count)
            edge(g, index_of(g, writes[i]), index_of(g, writes[i + 1]));
    }
    uint64_t first = count > 0 ? index_of(g, writes[0]) : NOWHERE;
    port_free(p, writes);
    const struct history_op *source = NULL;
    for (uint64_t i = from; i < to; i++) {
        if (ops[i]->write) {
            source = ops[i];
            continue;
        }
        bool initial = ops[i]->value == 0;
        if (!initial && (!source || source->value != ops[i]->value)) {
            r->verdict = HISTORY_VIOLATION;
            history_say_place(g->h, r, ops[i]->addr);
            history_say_op(r, ops[i]);
            history_say(r, ", which nobody has written");
            return false;
        }
        uint64_t me = index_of(g, ops[i]);
        uint64_t next = initial ? first : after[index_of(g, source)];
        if (!initial)
            edge(g, index_of(g, source), me);
        if (next != NOWHERE)
            edge(g, me, next);
    }
    return true;
}

/* The edges of each access side by side. */
static void index_edges(struct graph *g)
{
    struct port *p = g->h->port;
    g->first = port_alloc(p, (g->n + 2) * sizeof *g->first);
    g->next = port_alloc(p, (g->edges + 1) * sizeof *g->next);
    for (uint64_t i = 0; i < g->edges; i++)
        g->first[g->from[i] + 2]++;
    for (uint64_t i = 2; i <= g->n; i++)
        g->first[i] += g->first[i - 1];
    for (uint64_t i = 0; i < g->edges; i++)
        g->next[g->first[g->from[i] + 1]++] = g->to[i];
}

/* An access on a cycle, or NOWHERE. */
static uint64_t find_cycle(const struct graph *g)
{
    struct port *p = g->h->port;
    uint64_t *stack = port_alloc(p, (g->n + 1) * sizeof *stack);
    uint64_t *at = port_alloc(p, (g->n + 1) * sizeof *at); /* the next edge to follow */
    uint8_t *seen = port_alloc(p, g->n + 1);               /* 1: on the stack, 2: done */
    uint64_t found = NOWHERE;
    for (uint64_t root = 0; root < g->n && found == NOWHERE; root++) {
        uint64_t depth = 0;
        if (!seen[root]) {
            stack[depth++] = root;
            at[root] = g->first[root];
            seen[root] = 1;
        }
        while (depth > 0 && found == NOWHERE) {
            uint64_t i = stack[depth - 1];
            if (at[i] == g->first[i + 1]) {
                seen[i] = 2;
                depth--;
                continue;
            }
            uint64_t to = g->next[at[i]++];
            if (seen[to] == 1)
                found = to;
            if (seen[to])
                continue;
            seen[to] = 1;
            at[to] = g->first[to];
            stack[depth++] = to;
        }
    }
    port_free(p, stack);
    port_free(p, at);
    port_free(p, seen);
    return found;
}

/* Names the shortest cycle through `start`; of a stretch of one node's accesses the ends alone. */
static void tell_cycle(const struct graph *g, struct history_report *r, uint64_t start)
{
    struct port *p = g->h->port;
    uint64_t *queue = port_alloc(p, (g->n + 1) * sizeof *queue);
    uint64_t *to = port_alloc(p, (g->n + 1) * sizeof *to); /* how the search came here, plus 1 */
    uint64_t head = 0, tail = 0, end = NOWHERE;
    queue[tail++] = start;
    while (end == NOWHERE && head < tail) {
        uint64_t i = queue[head++];
        for (uint64_t k = g->first[i]; k < g->first[i + 1]; k++) {
            if (g->next[k] == start) {
                end = i;
            } else if (!to[g->next[k]]) {
                to[g->next[k]] = i + 1;
                queue[tail++] = g->next[k];
            }
        }
    }
    ASSERT(end != NOWHERE);
    uint64_t length = 0; /* the cycle backwards in queue: end ... start */
    for (uint64_t i = end; i != start; i = to[i] - 1)
        queue[length++] = i;
    queue[length++] = start;
    r->verdict = HISTORY_VIOLATION;
    history_say(r, "no order of all accesses explains what the nodes saw: ");
    uint32_t said = 0;
    for (uint64_t k = length; k-- > 0;) {
        const struct history_op *op = &g->h->ops[queue[k]];
        bool inner = k > 0 && k + 1 < length && g->h->ops[queue[k - 1]].node == op->node &&
                     g->h->ops[queue[k + 1]].node == op->node;
        if (inner || said++ >= SAID_MOST)
            continue;
        history_say_place(g->h, r, op->addr);
        history_say_op(r, op);
        history_say(r, " before ");
    }
    history_say(r, "the first again");
    port_free(p, queue);
    port_free(p, to);
}

enum history_verdict history_sequential(const struct history *h, struct history_report *out)
{
    const struct history_op **ops = history_sorted(h, out);
    struct graph g = { .h = h, .n = h->count };
    uint64_t *after = port_alloc(h->port, (h->count + 1) * sizeof *after);
    program_order(&g);
    for (uint64_t from = 0; out->verdict == HISTORY_OK && from < h->count;) {
        uint64_t to = history_place_end(ops, from, h->count);
        if (history_place_ambiguous(ops, from, to))
            out->ambiguous++;
        else
            place_edges(&g, out, ops, from, to, after);
        from = to;
    }
    if (out->verdict == HISTORY_OK) {
        index_edges(&g);
        uint64_t start = find_cycle(&g);
        if (start != NOWHERE)
            tell_cycle(&g, out, start);
    }
    port_free(h->port, after);
    port_free(h->port, ops);
    port_free(h->port, g.from);
    port_free(h->port, g.to);
    port_free(h->port, g.first);
    port_free(h->port, g.next);
    return out->verdict;
}
