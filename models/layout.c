/* layout.c: who is who on a machine: I/O nodes at the edge, the service node, the compute
 * partition.
 *
 * Nodes are numbered row by row: node = row * columns + column.  I/O nodes fill the last column,
 * and the columns before it when there are more of them than rows; in a column that is not full
 * they are spread evenly.  The service node is the first free place of the column before them, from
 * row 0.  All others are compute nodes, ranked as `mapping` says: by
 * number unless asked otherwise.
 */
#include "models/node.h"

#include <stdlib.h>
#include <string.h>

#include "mesh/mapping.h"

#define NODES_MAX 65536 /* of any network */

enum role { ROLE_COMPUTE, ROLE_IO, ROLE_SERVICE };

/* Marks the places of `count` I/O nodes from the last column on. */
static void place_io(struct machine *m, uint8_t *role, uint32_t count)
{
    uint32_t rows = (uint32_t)m->params.rows, columns = (uint32_t)m->params.columns;
    for (uint32_t c = columns; count > 0; c--) {
        uint32_t here = count < rows ? count : rows;
        for (uint32_t k = 0; k < here; k++) {
            /* The middle of the k-th of `here` equal parts of the column. */
            /* cppcheck-suppress zerodivcond ; count > 0, so here > 0 */
            uint32_t row = (uint32_t)((2 * (uint64_t)k + 1) * rows / (2 * (uint64_t)here));
            role[row * columns + c - 1] = ROLE_IO;
        }
        count -= here;
    }
}

static uint32_t place_service(struct machine *m, uint8_t *role)
{
    uint32_t rows = (uint32_t)m->params.rows, columns = (uint32_t)m->params.columns;
    uint32_t full = ((uint32_t)m->params.io_nodes + rows - 1) / rows;
    for (uint32_t c = columns > full ? columns - full : columns; c > 0; c--)
        for (uint32_t r = 0; r < rows; r++)
            if (role[r * columns + c - 1] == ROLE_COMPUTE) {
                role[r * columns + c - 1] = ROLE_SERVICE;
                return r * columns + c - 1;
            }
    /* Only the I/O columns have room. */
    for (uint32_t i = 0;; i++)
        if (role[i] == ROLE_COMPUTE) {
            role[i] = ROLE_SERVICE;
            return i;
        }
}

/* The compute nodes in the order of their ranks. */
static bool rank_compute(struct machine *m, const uint8_t *role, const char *path, struct err *e)
{
    const struct machine_params *p = &m->params;
    uint32_t size[] = { (uint32_t)p->columns, (uint32_t)p->rows }, compute = 0;
    uint32_t *order = base_alloc(m->layout.nodes * sizeof *order);
    struct sim_rng r;
    bool good = true;
    if (p->mapping == MAPPING_RANDOM)
        sim_rng_init(&r, m->sim, "machine/mapping");
    mapping_fill(p->mapping == MAPPING_LIST ? MAPPING_ROW : (enum mapping)p->mapping, 2, size,
                 (uint32_t)p->mapping_block, &r, order);
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        if (role[order[i]] == ROLE_COMPUTE)
            m->compute[compute++] = order[i];
    ASSERT(compute == m->layout.compute_count);
    if (p->mapping == MAPPING_LIST) {
        memcpy(order, m->compute, compute * sizeof *order);
        good = mapping_read(p->mapping_list, order, compute, path, m->compute, e);
    }
    free(order);
    return good;
}

bool layout_make(struct machine *m, const char *path, struct err *e)
{
    struct machine_params *p = &m->params;
    uint64_t nodes = (uint64_t)(p->rows * p->columns);
    bool service = p->service_node && p->io_nodes > 0;
    if (nodes > NODES_MAX)
        return err_set(e, "%s.rows and %s.columns are %ld and %ld: a machine has at most %d nodes",
                       path, path, (long)p->rows, (long)p->columns, NODES_MAX);
    if ((uint64_t)p->io_nodes + (service ? 1 : 0) >= nodes)
        return err_set(e,
                       "%s.io_nodes is %ld: %ld x %ld nodes have room for at most %ld beside the "
                       "service node and one compute node",
                       path, (long)p->io_nodes, (long)p->rows, (long)p->columns,
                       (long)nodes - 1 - (p->service_node ? 1 : 0) > 0
                           ? (long)nodes - 1 - (p->service_node ? 1 : 0)
                           : 0L);
    uint8_t *role = base_zalloc(nodes, 1);
    struct os_layout *l = &m->layout;
    l->nodes = (uint32_t)nodes;
    l->io_count = (uint32_t)p->io_nodes;
    place_io(m, role, l->io_count);
    l->service = service ? place_service(m, role) : 0;
    l->compute_count = l->nodes - l->io_count - (service ? 1 : 0);
    m->compute = base_alloc(l->compute_count * sizeof *m->compute);
    m->io = base_alloc((l->io_count + 1) * sizeof *m->io);
    uint32_t io = 0;
    for (uint32_t i = 0; i < l->nodes; i++)
        if (role[i] == ROLE_IO)
            m->io[io++] = i;
    ASSERT(io == l->io_count);
    if (!rank_compute(m, role, path, e)) {
        free(role);
        return false;
    }
    m->ranks = base_zalloc(l->nodes, sizeof *m->ranks);
    for (uint32_t i = 0; i < l->compute_count; i++)
        m->ranks[m->compute[i]] = i;
    for (uint32_t i = 0; i < l->io_count; i++)
        m->ranks[m->io[i]] = i;
    l->compute = m->compute;
    l->io = m->io;
    l->ranks = m->ranks;
    free(role);
    return true;
}
