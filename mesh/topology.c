/* topology.c: coordinates, neighbours and names of grids. */
#include "mesh/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_shape(struct topo *t, const char *kind)
{
    if (strcmp(kind, "hypercube") == 0) {
        snprintf(t->shape, sizeof(t->shape), "%u-cube (%u nodes)", t->dims, t->nodes);
        return;
    }
    char sizes[48] = "";
    size_t n = 0;
    for (uint32_t d = t->dims; d-- > 0;)
        n += (size_t)snprintf(sizes + n, sizeof(sizes) - n, "%u%s", t->size[d], d ? "x" : "");
    snprintf(t->shape, sizeof(t->shape), "%s %s", sizes, kind);
}

bool topo_init(struct topo *t, uint32_t dims, const int64_t *size, bool reverse, bool wraps,
               const char *kind, struct err *e)
{
    *t = (struct topo){ .dims = dims, .ports = 2 * dims + 1, .wraps = wraps };
    ASSERT(dims >= 1 && dims <= TOPO_DIMS);
    int64_t nodes = 1;
    for (uint32_t d = 0; d < dims; d++) {
        if (size[d] < 1 || size[d] > TOPO_NODES_MAX || nodes * size[d] > TOPO_NODES_MAX)
            return err_set(e, "mesh: a %s of this size is not possible: 1 to %d nodes are allowed",
                           kind, TOPO_NODES_MAX);
        t->size[d] = (uint32_t)size[d];
        t->stride[d] = (uint32_t)nodes;
        t->order[d] = (uint8_t)(reverse ? dims - 1 - d : d);
        nodes *= size[d];
    }
    t->nodes = (uint32_t)nodes;
    t->coord = base_alloc(sizeof(*t->coord) * t->nodes * dims);
    for (uint32_t n = 0; n < t->nodes; n++)
        for (uint32_t d = 0; d < dims; d++)
            t->coord[(size_t)n * dims + d] = (uint16_t)(n / t->stride[d] % t->size[d]);
    write_shape(t, kind);
    return true;
}

void topo_fini(struct topo *t)
{
    free(t->coord);
    t->coord = NULL;
}

uint32_t topo_neighbour(const struct topo *t, uint32_t node, uint32_t port)
{
    uint32_t d = port / 2;
    if (d >= t->dims)
        return UINT32_MAX;
    uint32_t at = t->coord[(size_t)node * t->dims + d], k = t->size[d];
    bool edge = port % 2 == 0 ? at + 1 == k : at == 0;
    if (edge && (!t->wraps || k == 1))
        return UINT32_MAX;
    uint32_t to = port % 2 == 0 ? (at + 1) % k : (at + k - 1) % k;
    return node + to * t->stride[d] - at * t->stride[d];
}

uint32_t topo_distance(const struct topo *t, uint32_t a, uint32_t b)
{
    uint32_t sum = 0;
    for (uint32_t d = 0; d < t->dims; d++) {
        int32_t x = t->coord[(size_t)a * t->dims + d], y = t->coord[(size_t)b * t->dims + d];
        uint32_t straight = (uint32_t)abs(x - y), around = t->size[d] - straight;
        sum += t->wraps && around < straight ? around : straight;
    }
    return sum;
}

uint32_t topo_diameter(const struct topo *t)
{
    uint32_t sum = 0;
    for (uint32_t d = 0; d < t->dims; d++)
        sum += t->wraps ? t->size[d] / 2 : t->size[d] - 1;
    return sum;
}

double topo_uniform_load(const struct topo *t)
{
    double most = 0;
    for (uint32_t d = 0; d < t->dims; d++) {
        uint32_t k = t->size[d], low = k / 2, high = k - low;
        double load = (double)low * (double)high / (double)k; /* of the middle channel of a mesh */
        bool uneven = t->wraps && k % 4 == 2;
        for (uint32_t e = 0; e < t->dims; e++)
            uneven &= e == d || t->size[e] % 2 == 1;
        if (t->wraps)
            load = load / 2 + (uneven ? 0.5 / t->nodes : 0);
        most = load > most ? load : most;
    }
    return most;
}

const char *topo_channel_name(const struct topo *t, uint32_t node, uint32_t port, char *out,
                              size_t size)
{
    static const char dim_names[] = "xyz";
    char where[32], what[16];
    if (t->dims == 2)
        snprintf(where, sizeof(where), "(%u,%u)", t->coord[2 * node + 1], t->coord[2 * node]);
    else
        snprintf(where, sizeof(where), "%u", node);
    if (port == t->ports)
        snprintf(what, sizeof(what), " inject");
    else if (port == t->ports - 1)
        snprintf(what, sizeof(what), " eject");
    else if (t->dims <= 3)
        snprintf(what, sizeof(what), "%c%c", port % 2 ? '-' : '+', dim_names[port / 2]);
    else
        snprintf(what, sizeof(what), "%c%u", port % 2 ? '-' : '+', port / 2);
    snprintf(out, size, "channel %s%s", where, what);
    return out;
}
