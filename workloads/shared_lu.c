/* shared_lu.c: LU factorisation by blocks, without pivoting, over shared memory.
 *
 * The matrix is stored block by block; blocks belong to nodes in a cyclic grid.  Step k: the owner
 * factors the diagonal block; the owners of the blocks below and beside it solve with it; all
 * others update [the LU program of SPLASH, Woo et al. 1995, has this order].  A diagonally dominant
 * matrix needs no pivots.  The result equals a sequential run bit for bit, and elements of L times
 * U are compared with the matrix.
 */
#include <math.h>

#include "workloads/shared.h"

#define DIFFERENCE 1e-9 /* of an element of L times U, over the diagonal's */

struct lu_params {
    struct shared_params shared; /* first */
    int64_t n, block;
};

static const struct param lu_params[] = {
    SHARED_PARAMS,
    P_INT(lu_params, n, "128", "1", "4096", "Rows and columns; rounded up to whole blocks.",
          "ASSUMED(as matrix multiply)"),
    P_INT(lu_params, block, "16", "1", "256",
          "Rows and columns of a block; 16 take half a page of 4 KiB.",
          "Woo et al. 1995 use 16 [memory, medium]"),
    P_END,
};

struct lu {
    struct shared *h;
    uint64_t n, b, blocks; /* n = b * blocks */
    uint64_t base;         /* of the shared matrix */
    double *whole;         /* of a sequential run; NULL: the matrix is shared */
    uint32_t grid;         /* rows of the grid of ranks */
    double *x, *y, *z;     /* room for three blocks */
};

static double element(uint64_t n, uint64_t i, uint64_t j)
{
    return i == j ? 2.0 * (double)n : shared_value(9, i * n + j);
}

static uint32_t owner(const struct lu *l, uint64_t i, uint64_t j)
{
    uint32_t columns = l->h->ranks / l->grid;
    return (uint32_t)(i % l->grid) * columns + (uint32_t)(j % columns);
}

static bool get(struct lu *l, uint64_t i, uint64_t j, double *out)
{
    uint64_t at = (i * l->blocks + j) * l->b * l->b;
    if (!l->whole)
        return shared_get(l->h, l->base + 8 * at, out, l->b * l->b);
    for (uint64_t k = 0; k < l->b * l->b; k++)
        out[k] = l->whole[at + k];
    return true;
}

static bool put(struct lu *l, uint64_t i, uint64_t j, const double *in)
{
    uint64_t at = (i * l->blocks + j) * l->b * l->b;
    if (!l->whole)
        return shared_put(l->h, l->base + 8 * at, in, l->b * l->b);
    for (uint64_t k = 0; k < l->b * l->b; k++)
        l->whole[at + k] = in[k];
    return true;
}

/* a becomes L and U of itself. */
static void factor(double *a, uint64_t b)
{
    for (uint64_t k = 0; k < b; k++)
        for (uint64_t i = k + 1; i < b; i++) {
            a[i * b + k] /= a[k * b + k];
            for (uint64_t j = k + 1; j < b; j++)
                a[i * b + j] -= a[i * b + k] * a[k * b + j];
        }
}

/* a becomes the X of X U = a, U in d. */
static void solve_below(double *a, const double *d, uint64_t b)
{
    for (uint64_t i = 0; i < b; i++)
        for (uint64_t k = 0; k < b; k++) {
            a[i * b + k] /= d[k * b + k];
            for (uint64_t j = k + 1; j < b; j++)
                a[i * b + j] -= a[i * b + k] * d[k * b + j];
        }
}

/* a becomes the X of L X = a, L in d with ones on its diagonal. */
static void solve_beside(double *a, const double *d, uint64_t b)
{
    for (uint64_t k = 0; k < b; k++)
        for (uint64_t i = k + 1; i < b; i++)
            for (uint64_t j = 0; j < b; j++)
                a[i * b + j] -= d[i * b + k] * a[k * b + j];
}

static void update(double *a, const double *left, const double *up, uint64_t b)
{
    for (uint64_t i = 0; i < b; i++)
        for (uint64_t k = 0; k < b; k++)
            for (uint64_t j = 0; j < b; j++)
                a[i * b + j] -= left[i * b + k] * up[k * b + j];
}

/* Names the work, unless the run is the sequential one that checks. */
static void work(struct lu *l, uint64_t flops)
{
    if (!l->whole)
        port_work(l->h->port, PORT_WORK_FLOP, flops);
}

static bool mine(const struct lu *l, uint64_t i, uint64_t j)
{
    return l->whole || owner(l, i, j) == l->h->rank;
}

static void meet(struct lu *l, uint64_t number)
{
    if (l->whole)
        return;
    port_pay(l->h->port);
    shared_barrier(l->h, number + 1);
}

static bool diagonal(struct lu *l, uint64_t k)
{
    if (!mine(l, k, k))
        return true;
    if (!get(l, k, k, l->x))
        return false;
    factor(l->x, l->b);
    work(l, 2 * l->b * l->b * l->b / 3);
    return put(l, k, k, l->x);
}

static bool edges(struct lu *l, uint64_t k)
{
    bool have = false;
    for (uint64_t i = k + 1; i < l->blocks; i++)
        for (int side = 0; side < 2; side++) {
            uint64_t row = side == 0 ? i : k, column = side == 0 ? k : i;
            if (!mine(l, row, column))
                continue;
            if ((!have && !get(l, k, k, l->x)) || !get(l, row, column, l->y))
                return false;
            have = true;
            if (side == 0)
                solve_below(l->y, l->x, l->b);
            else
                solve_beside(l->y, l->x, l->b);
            work(l, l->b * l->b * l->b);
            if (!put(l, row, column, l->y))
                return false;
        }
    return true;
}

static bool interior(struct lu *l, uint64_t k)
{
    for (uint64_t i = k + 1; i < l->blocks; i++) {
        bool have = false;
        for (uint64_t j = k + 1; j < l->blocks; j++) {
            if (!mine(l, i, j))
                continue;
            if ((!have && !get(l, i, k, l->x)) || !get(l, k, j, l->y) || !get(l, i, j, l->z))
                return false;
            have = true;
            update(l->z, l->x, l->y, l->b);
            work(l, 2 * l->b * l->b * l->b);
            if (!put(l, i, j, l->z))
                return false;
        }
    }
    return true;
}

static bool factorise(struct lu *l)
{
    static bool (*const part[])(struct lu * l, uint64_t k) = { diagonal, edges, interior };
    uint64_t parts = ARRAY_LEN(part) * l->blocks;
    for (uint64_t n = l->whole ? 0 : shared_first(l->h, parts); n < parts; n++) {
        bool done = !l->whole && shared_again(l->h, n);
        if (!done && !part[n % ARRAY_LEN(part)](l, n / ARRAY_LEN(part)))
            return false;
        meet(l, n);
    }
    return true;
}

static void make_block(const struct lu *l, uint64_t i, uint64_t j, double *out)
{
    for (uint64_t r = 0; r < l->b; r++)
        for (uint64_t c = 0; c < l->b; c++)
            out[r * l->b + c] = element(l->n, i * l->b + r, j * l->b + c);
}

/* Element (i, j) of the sequential run's result. */
static double factored(const struct lu *l, uint64_t i, uint64_t j)
{
    return l->whole[((i / l->b * l->blocks + j / l->b) * l->b + i % l->b) * l->b + j % l->b];
}

static void check(struct lu *shared)
{
    struct lu l = *shared;
    struct port *p = l.h->port;
    uint64_t n = l.n, size = l.b * l.b;
    l.whole = port_alloc(p, 8 * n * n);
    for (uint64_t i = 0; i < l.blocks; i++)
        for (uint64_t j = 0; j < l.blocks; j++)
            make_block(&l, i, j, l.whole + (i * l.blocks + j) * size);
    if (!factorise(&l))
        return;
    for (uint64_t k = 0; k < n * n; k++) {
        double got = vm_load_f64(l.h->space, l.base + 8 * k);
        if (got != l.whole[k]) {
            port_fail(p, "LU: element %llu is %.17g, a sequential run gives %.17g",
                      (unsigned long long)k, got, l.whole[k]);
            return;
        }
    }
    for (uint64_t s = 0; s < n; s++) {
        uint64_t i = s, j = s * 7 % n, top = i < j ? i : j;
        double sum = i <= j ? factored(&l, i, j) : 0;
        for (uint64_t k = 0; k < top; k++)
            sum += factored(&l, i, k) * factored(&l, k, j);
        if (i > j)
            sum += factored(&l, i, j) * factored(&l, j, j);
        if (fabs(sum - element(n, i, j)) > DIFFERENCE * (double)n)
            port_fail(p, "LU: element %llu, %llu of the product is %.17g, of the matrix %.17g",
                      (unsigned long long)i, (unsigned long long)j, sum, element(n, i, j));
    }
    port_delivered(p, 8 * n * n, n);
}

static void lu_main(struct os_node *node, const struct program *me)
{
    const struct lu_params *p = me->params;
    struct lu l = { .b = (uint64_t)p->block };
    l.blocks = ((uint64_t)p->n + l.b - 1) / l.b;
    l.n = l.b * l.blocks;
    struct shared h;
    if (!shared_open(&h, node, me, &p->shared, shared_array_bytes(&p->shared, 8 * l.n * l.n)))
        return;
    l.h = &h;
    l.base = shared_array(&h, 8 * l.n * l.n);
    l.grid = 1;
    for (uint32_t r = 2; r * r <= me->ranks; r++)
        if (me->ranks % r == 0)
            l.grid = r;
    l.x = port_alloc(h.port, 8 * l.b * l.b);
    l.y = port_alloc(h.port, 8 * l.b * l.b);
    l.z = port_alloc(h.port, 8 * l.b * l.b);
    for (uint64_t i = 0; i < l.blocks; i++)
        for (uint64_t j = 0; j < l.blocks; j++)
            if (h.resume == 0 && mine(&l, i, j)) {
                make_block(&l, i, j, l.x);
                if (!put(&l, i, j, l.x))
                    return;
            }
    if (h.resume == 0)
        shared_start(&h);
    if (!factorise(&l))
        return;
    shared_stop(&h);
    if (shared_checks(&h))
        check(&l);
    shared_close(&h);
}

const struct workload_ops workload_svm_lu = SHARED_WORKLOAD(
    "svm_lu", "LU factorisation of a shared matrix by blocks, which belong to nodes in a grid.",
    lu_params, struct lu_params, shared_check, lu_main);
