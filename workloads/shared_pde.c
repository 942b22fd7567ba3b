/* shared_pde.c: relaxation of a partial differential equation on an n x n x n grid over shared
 * memory.
 *
 * Seven-point Jacobi iteration between two grids, by slabs of planes [Li & Hudak 1989, section 4:
 * 3-D PDE].
 * Results equal a sequential run bit for bit.
 */
#include "workloads/shared.h"

struct pde_params {
    struct shared_params shared; /* first */
    int64_t n;
    int64_t iterations;
    bool made_by_one;
};

static const struct param pde_params[] = {
    SHARED_PARAMS,
    P_INT(pde_params, n, "40", "3", "512", "Points along each edge of the grid, boundary included.",
          "IVY: 40^3 near linear, 50^3 superlinear [memory, medium-high]"),
    P_INT(pde_params, iterations, "6", "1", "100000", "Sweeps over the grid.",
          "ASSUMED(the first are unlike the rest)"),
    P_BOOL(pde_params, made_by_one, "false",
           "Node 0 makes the whole grid; else each makes the planes that it computes.",
           "IVY: the first iterations move the pages to who needs them"),
    P_END,
};

/* Plane `mid` of the next grid from three planes of this one; the boundary stays. */
static void relax(const double *below, const double *mid, const double *above, double *out,
                  uint64_t n)
{
    for (uint64_t i = 0; i < n * n; i++)
        out[i] = mid[i];
    for (uint64_t y = 1; y + 1 < n; y++)
        for (uint64_t x = 1; x + 1 < n; x++) {
            uint64_t i = y * n + x;
            out[i] =
                (mid[i] + mid[i - 1] + mid[i + 1] + mid[i - n] + mid[i + n] + below[i] + above[i]) /
                7.0;
        }
}

static void pde_sequential(struct shared *h, const struct pde_params *p, uint64_t result)
{
    uint64_t n = (uint64_t)p->n, plane = n * n;
    double *grid[2];
    for (int g = 0; g < 2; g++) {
        grid[g] = port_alloc(h->port, plane * n * sizeof(double));
        for (uint64_t i = 0; i < plane * n; i++)
            grid[g][i] = shared_value(5, i);
    }
    for (int64_t k = 0; k < p->iterations; k++)
        for (uint64_t z = 1; z + 1 < n; z++) {
            const double *from = grid[k % 2];
            relax(from + (z - 1) * plane, from + z * plane, from + (z + 1) * plane,
                  grid[(k + 1) % 2] + z * plane, n);
        }
    double *got = port_alloc(h->port, plane * sizeof(double));
    const double *expected = grid[p->iterations % 2];
    for (uint64_t z = 0; z < n; z++) {
        if (!shared_get(h, result + 8 * z * plane, got, plane))
            return;
        for (uint64_t i = 0; i < plane; i++)
            if (got[i] != expected[z * plane + i]) {
                port_fail(h->port,
                          "PDE: point %llu of plane %llu is %.17g, a sequential run gives "
                          "%.17g",
                          (unsigned long long)i, (unsigned long long)z, got[i],
                          expected[z * plane + i]);
                return;
            }
    }
    port_delivered(h->port, plane * n * sizeof(double), n);
}

/* Planes [first, end) of both grids; `out` has room for one. */
static bool make_planes(struct shared *h, uint64_t n, const uint64_t grid[2], double *out,
                        uint64_t first, uint64_t end)
{
    uint64_t plane = n * n;
    for (uint64_t z = first; z < end; z++) {
        for (uint64_t i = 0; i < plane; i++)
            out[i] = shared_value(5, z * plane + i);
        if (!shared_put(h, grid[0] + 8 * z * plane, out, plane) ||
            !shared_put(h, grid[1] + 8 * z * plane, out, plane))
            return false;
    }
    return true;
}

static void pde_main(struct os_node *node, const struct program *me)
{
    const struct pde_params *p = me->params;
    uint64_t n = (uint64_t)p->n, plane = n * n, first, end, size = 8 * plane * n;
    struct shared h;
    if (!shared_open(&h, node, me, &p->shared, 2 * shared_array_bytes(&p->shared, size)))
        return;
    uint64_t grid[2] = { shared_array(&h, size), shared_array(&h, size) };
    shared_share(&h, n, &first, &end);
    double *planes = port_alloc(h.port, 4 * plane * sizeof(double));
    double *out = planes + 3 * plane;
    if (h.resume == 0 && !(p->made_by_one ? make_planes(&h, n, grid, out, 0, me->rank == 0 ? n : 0)
                                          : make_planes(&h, n, grid, out, first, end)))
        return;
    if (h.resume == 0)
        shared_start(&h);
    uint64_t sweeps = (uint64_t)p->iterations;
    for (uint64_t k = shared_first(&h, sweeps); k < sweeps; k++) {
        uint64_t from = grid[k % 2], to = grid[(k + 1) % 2];
        for (uint64_t z = first > 1 ? first : 1; !shared_again(&h, k) && z < end && z + 1 < n;
             z++) {
            for (uint64_t d = 0; d < 3; d++)
                if (!shared_get(&h, from + 8 * (z - 1 + d) * plane, planes + d * plane, plane))
                    return;
            relax(planes, planes + plane, planes + 2 * plane, out, n);
            port_work(h.port, PORT_WORK_FLOP, 7 * (n - 2) * (n - 2));
            if (!shared_put(&h, to + 8 * z * plane, out, plane))
                return;
        }
        port_pay(h.port);
        shared_barrier(&h, k + 1);
        shared_iteration(&h);
    }
    shared_stop(&h);
    if (shared_checks(&h))
        pde_sequential(&h, p, grid[p->iterations % 2]);
    shared_close(&h);
}

const struct workload_ops workload_svm_pde = SHARED_WORKLOAD(
    "svm_pde", "Three-dimensional partial differential equation, by slabs of planes.", pde_params,
    struct pde_params, shared_check, pde_main);
