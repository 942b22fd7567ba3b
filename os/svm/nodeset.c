/* nodeset.c: sorted arrays of node numbers. */
#include "os/svm/nodeset.h"

/* Index of the first member that is not below node. */
static uint32_t lower_bound(const struct nodeset *n, uint32_t node)
{
    uint32_t lo = 0, hi = n->count;
    if (hi > 0 && n->nodes[hi - 1] < node) /* mostly: they come in order */
        return hi;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (n->nodes[mid] < node)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

bool nodeset_has(const struct nodeset *n, uint32_t node)
{
    uint32_t i = lower_bound(n, node);
    return i < n->count && n->nodes[i] == node;
}

void nodeset_add(struct port *p, struct nodeset *n, uint32_t node)
{
    uint32_t i = lower_bound(n, node);
    if (i < n->count && n->nodes[i] == node)
        return;
    if (n->count == n->capacity) {
        n->capacity = n->capacity ? 2 * n->capacity : 4;
        n->nodes = port_realloc(p, n->nodes, n->capacity * sizeof *n->nodes);
    }
    for (uint32_t j = n->count; j > i; j--)
        n->nodes[j] = n->nodes[j - 1];
    n->nodes[i] = node;
    n->count++;
}

bool nodeset_remove(struct nodeset *n, uint32_t node)
{
    uint32_t i = lower_bound(n, node);
    if (i == n->count || n->nodes[i] != node)
        return false;
    n->count--;
    for (uint32_t j = i; j < n->count; j++)
        n->nodes[j] = n->nodes[j + 1];
    return true;
}

void nodeset_clear(struct port *p, struct nodeset *n)
{
    port_free(p, n->nodes);
    *n = (struct nodeset){ .count = 0 };
}

void nodeset_move(struct nodeset *dst, struct nodeset *src)
{
    ASSERT(dst->count == 0 && !dst->nodes);
    *dst = *src;
    *src = (struct nodeset){ .count = 0 };
}
