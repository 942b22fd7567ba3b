/* shared_irregular.c: relaxation over a random graph in shared memory.
 *
 * Each vertex becomes the mean of itself and its neighbours.  Neighbours are drawn by a seed: most
 * are near in number, and so mostly on the same node; the others can be anywhere.  What a node
 * reads is therefore known only from data, page by page and a few words of each.  The result equals
 * a sequential run bit for bit.
 */
#include "workloads/shared.h"

#define NEIGHBOUR_OPS 4 /* ASSUMED(index, bounds, load of a neighbour) */

struct irregular_params {
    struct shared_params shared; /* first */
    int64_t vertices, degree, near, graph, iterations;
    double far;
};

static const struct param irregular_params[] = {
    SHARED_PARAMS,
    P_INT(irregular_params, vertices, "16384", "2", "100000000", "Vertices of the graph.",
          "ASSUMED(the experiment's choice)"),
    P_INT(irregular_params, degree, "8", "1", "1000", "Neighbours of each vertex.",
          "ASSUMED(a mesh of tetrahedra has some 14, of triangles 6)"),
    P_INT(irregular_params, near, "64", "1", "100000000",
          "A near neighbour differs in number by at most this.",
          "ASSUMED(vertices are numbered along the mesh)"),
    P_REAL(irregular_params, far, "0.02", "0", "1", "Part of the neighbours that can be anywhere.",
           "ASSUMED(the experiment's choice)"),
    P_INT(irregular_params, graph, "1", "0", "1000000000", "Seed that draws the neighbours.",
          "ASSUMED(the experiment's choice)"),
    P_INT(irregular_params, iterations, "6", "1", "100000", "Sweeps over the graph.",
          "ASSUMED(the first are unlike the rest)"),
    P_END,
};

/* Neighbour k of vertex v, without the state of a generator: any node can ask for any. */
static uint64_t neighbour(const struct irregular_params *p, uint64_t v, uint64_t k)
{
    uint64_t i = 2 * (v * (uint64_t)p->degree + k), n = (uint64_t)p->vertices;
    double kind = (shared_value(100 + (uint64_t)p->graph, i) + 1) / 2;
    double where = (shared_value(100 + (uint64_t)p->graph, i + 1) + 1) / 2;
    if (kind < p->far)
        return (uint64_t)(where * (double)n);
    uint64_t window = 2 * (uint64_t)p->near + 1;
    return (v + n * window + (uint64_t)(where * (double)window) - (uint64_t)p->near) % n;
}

/* Those of vertices [first, end), `degree` each. */
static uint32_t *neighbours(struct port *port, const struct irregular_params *p, uint64_t first,
                            uint64_t end)
{
    uint64_t degree = (uint64_t)p->degree;
    uint32_t *index = port_alloc(port, (end - first + 1) * degree * sizeof *index);
    for (uint64_t v = first; v < end; v++)
        for (uint64_t d = 0; d < degree; d++)
            index[(v - first) * degree + d] = (uint32_t)neighbour(p, v, d);
    return index;
}

static void irregular_check(struct shared *h, const struct irregular_params *p, uint64_t result)
{
    uint64_t n = (uint64_t)p->vertices, degree = (uint64_t)p->degree;
    double *x[2] = { port_alloc(h->port, 8 * n), port_alloc(h->port, 8 * n) };
    uint32_t *index = neighbours(h->port, p, 0, n);
    for (uint64_t v = 0; v < n; v++)
        x[0][v] = shared_value(10, v);
    for (int64_t k = 0; k < p->iterations; k++)
        for (uint64_t v = 0; v < n; v++) {
            double sum = x[k % 2][v];
            for (uint64_t d = 0; d < degree; d++)
                sum += x[k % 2][index[v * degree + d]];
            x[(k + 1) % 2][v] = sum / (double)(degree + 1);
        }
    for (uint64_t v = 0; v < n; v++) {
        double got = vm_load_f64(h->space, result + 8 * v), is = x[p->iterations % 2][v];
        if (got != is) {
            port_fail(h->port, "graph: vertex %llu is %.17g, a sequential run gives %.17g",
                      (unsigned long long)v, got, is);
            return;
        }
    }
    port_delivered(h->port, 8 * n, n);
}

static void irregular_main(struct os_node *node, const struct program *me)
{
    const struct irregular_params *p = me->params;
    uint64_t n = (uint64_t)p->vertices, degree = (uint64_t)p->degree, first, end;
    struct shared h;
    if (!shared_open(&h, node, me, &p->shared, 2 * shared_array_bytes(&p->shared, 8 * n)))
        return;
    uint64_t x[2] = { shared_array(&h, 8 * n), shared_array(&h, 8 * n) };
    shared_share(&h, n, &first, &end);
    double *mine = port_alloc(h.port, 8 * (end - first + 1));
    uint32_t *index = neighbours(h.port, p, first, end);
    for (uint64_t v = first; v < end; v++)
        mine[v - first] = shared_value(10, v);
    if (h.resume == 0 && first < end && !shared_put(&h, x[0] + 8 * first, mine, end - first))
        return;
    uint64_t steps = (uint64_t)p->iterations;
    if (h.resume == 0)
        shared_start(&h);
    for (uint64_t k = shared_first(&h, steps); k < steps; k++) {
        uint64_t from = x[k % 2], stop = shared_again(&h, k) ? first : end;
        for (uint64_t v = first; v < stop; v++) {
            double sum = vm_load_f64(h.space, from + 8 * v);
            for (uint64_t d = 0; d < degree; d++)
                sum += vm_load_f64(h.space, from + 8 * index[(v - first) * degree + d]);
            mine[v - first] = sum / (double)(degree + 1);
            port_work(h.port, PORT_WORK_FLOP, degree + 1);
            port_work(h.port, PORT_WORK_OP, NEIGHBOUR_OPS * degree);
        }
        if (first < stop && !shared_put(&h, x[(k + 1) % 2] + 8 * first, mine, end - first))
            return;
        port_pay(h.port);
        shared_barrier(&h, k + 1);
    }
    shared_stop(&h);
    if (shared_checks(&h))
        irregular_check(&h, p, x[steps % 2]);
    shared_close(&h);
}

const struct workload_ops workload_svm_irregular = SHARED_WORKLOAD(
    "svm_irregular", "Relaxation over a random graph: reads that are known only from data.",
    irregular_params, struct irregular_params, shared_check, irregular_main);
