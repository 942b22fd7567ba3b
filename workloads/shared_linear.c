/* shared_linear.c: dot product, matrix multiplication and Jacobi's linear solver over shared
 * memory.
 *
 * The programs of IVY's experiments [Li & Hudak 1989, section 4].  Each node works on a block of
 * rows;
 * results are compared with a sequential run that does the same operations in the same order, so
 * they
 * must be equal bit for bit.
 */
#include "workloads/shared.h"

struct linear_params {
    struct shared_params shared; /* first */
    int64_t n;
    int64_t iterations;
};

#define PARAM_N(def_, max_, ...) P_INT(linear_params, n, def_, "1", max_, __VA_ARGS__)
#define PARAM_ITERATIONS(def_)                                                                     \
    P_INT(linear_params, iterations, def_, "1", "100000",                                          \
          "Iterations, or repetitions of the whole.", "ASSUMED(enough to see the steady state)")

static double *private_doubles(struct shared *h, uint64_t n)
{
    return port_alloc(h->port, n * sizeof(double));
}

static void compare(struct shared *h, const char *what, uint64_t addr, const double *expected,
                    uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        double got = vm_load_f64(h->space, addr + 8 * i);
        if (got != expected[i]) {
            port_fail(h->port, "%s: element %llu is %.17g, a sequential run gives %.17g", what,
                      (unsigned long long)i, got, expected[i]);
            return;
        }
    }
    port_delivered(h->port, n * sizeof(double), n);
}

/* ---- dot product ---- */

static const struct param dot_params[] = {
    SHARED_PARAMS,
    PARAM_N("131072", "100000000", "Elements of each vector.",
            "IVY: 128 K elements [memory, high]"),
    PARAM_ITERATIONS("1"),
    P_END,
};

static double dot_block(const double *x, const double *y, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

#define DOT_BLOCK 512 /* elements that are fetched at a time */

static double dot_total(struct shared *h, uint64_t partial)
{
    double total = 0;
    for (uint32_t r = 0; r < h->ranks; r++)
        total += vm_load_f64(h->space, partial + 8 * r);
    return total;
}

static void dot_check(struct shared *h, uint64_t n, double total, uint64_t partial)
{
    double a[DOT_BLOCK], b[DOT_BLOCK];
    uint64_t first, end;
    double *expected = private_doubles(h, h->ranks);
    for (uint32_t r = 0; r < h->ranks; r++) {
        struct shared other = { .rank = r, .ranks = h->ranks };
        shared_share(&other, n, &first, &end);
        for (uint64_t i = first; i < end; i += DOT_BLOCK) {
            uint64_t m = end - i < DOT_BLOCK ? end - i : DOT_BLOCK;
            for (uint64_t j = 0; j < m; j++) {
                a[j] = shared_value(1, i + j);
                b[j] = shared_value(2, i + j);
            }
            expected[r] += dot_block(a, b, m);
        }
    }
    double sequential = 0;
    for (uint32_t r = 0; r < h->ranks; r++)
        sequential += expected[r];
    if (total != sequential)
        port_fail(h->port, "dot product: %.17g, a sequential run gives %.17g", total, sequential);
    compare(h, "dot product", partial, expected, h->ranks);
}

static void dot_main(struct os_node *node, const struct program *me)
{
    const struct linear_params *p = me->params;
    uint64_t n = (uint64_t)p->n, first, end;
    struct shared h;
    uint64_t bytes =
        2 * shared_array_bytes(&p->shared, 8 * n) + shared_array_bytes(&p->shared, 8 * me->ranks);
    if (!shared_open(&h, node, me, &p->shared, bytes))
        return;
    uint64_t x = shared_array(&h, 8 * n), y = shared_array(&h, 8 * n),
             partial = shared_array(&h, 8 * me->ranks);
    /* One node makes the vectors, as when they are read from elsewhere: little compute per byte. */
    if (me->rank == 0 && h.resume == 0)
        for (uint64_t i = 0; i < n; i++) {
            vm_store_f64(h.space, x + 8 * i, shared_value(1, i));
            vm_store_f64(h.space, y + 8 * i, shared_value(2, i));
        }
    shared_share(&h, n, &first, &end);
    double a[DOT_BLOCK], b[DOT_BLOCK], sum = 0, total = 0;
    uint64_t times = (uint64_t)p->iterations;
    if (h.resume == 0)
        shared_start(&h);
    for (uint64_t k = shared_first(&h, times); k < times; k++) {
        sum = 0;
        for (uint64_t i = first; !shared_again(&h, k) && i < end; i += DOT_BLOCK) {
            uint64_t m = end - i < DOT_BLOCK ? end - i : DOT_BLOCK;
            if (!shared_get(&h, x + 8 * i, a, m) || !shared_get(&h, y + 8 * i, b, m))
                return;
            sum += dot_block(a, b, m);
            port_work(h.port, PORT_WORK_FLOP, 2 * m);
        }
        if (!shared_again(&h, k))
            vm_store_f64(h.space, partial + 8 * me->rank, sum);
        port_pay(h.port);
        shared_barrier(&h, k + 1);
        if (me->rank == 0)
            total = dot_total(&h, partial);
    }
    shared_stop(&h);
    if (me->rank == 0 && h.resume > times)
        total = dot_total(&h, partial);
    if (shared_checks(&h))
        dot_check(&h, n, total, partial);
    shared_close(&h);
}

const struct workload_ops workload_svm_dot =
    SHARED_WORKLOAD("svm_dot", "Dot product of two shared vectors that one node has made.",
                    dot_params, struct linear_params, shared_check, dot_main);

/* ---- matrix multiplication ---- */

static const struct param matmul_params[] = {
    SHARED_PARAMS,
    PARAM_N("128", "4096", "Rows and columns of the matrices.", "IVY: 128 x 128 [memory, medium]"),
    PARAM_ITERATIONS("1"),
    P_END,
};

/* One row of the product; b is row-major. */
static void matmul_row(const double *a, const double *b, double *c, uint64_t n)
{
    for (uint64_t j = 0; j < n; j++)
        c[j] = 0;
    for (uint64_t k = 0; k < n; k++)
        for (uint64_t j = 0; j < n; j++)
            c[j] += a[k] * b[k * n + j];
}

static void fill_rows(struct shared *h, uint64_t addr, uint64_t seed, uint64_t n, uint64_t first,
                      uint64_t end)
{
    for (uint64_t i = first * n; i < end * n; i++)
        vm_store_f64(h->space, addr + 8 * i, shared_value(seed, i));
}

static void matmul_check(struct shared *h, uint64_t n, uint64_t c, double *bp, double *row)
{
    double *expected = private_doubles(h, n * n);
    for (uint64_t i = 0; i < n * n; i++)
        bp[i] = shared_value(2, i);
    for (uint64_t i = 0; i < n; i++) {
        for (uint64_t j = 0; j < n; j++)
            row[j] = shared_value(1, i * n + j);
        matmul_row(row, bp, expected + i * n, n);
    }
    compare(h, "matrix product", c, expected, n * n);
}

static void matmul_main(struct os_node *node, const struct program *me)
{
    const struct linear_params *p = me->params;
    uint64_t n = (uint64_t)p->n, first, end, size = 8 * n * n;
    struct shared h;
    if (!shared_open(&h, node, me, &p->shared, 3 * shared_array_bytes(&p->shared, size)))
        return;
    uint64_t a = shared_array(&h, size), b = shared_array(&h, size), c = shared_array(&h, size);
    shared_share(&h, n, &first, &end);
    if (h.resume == 0) {
        fill_rows(&h, a, 1, n, first, end);
        fill_rows(&h, b, 2, n, first, end);
    }
    double *bp = private_doubles(&h, n * n), *row = private_doubles(&h, n);
    double *result = private_doubles(&h, n);
    uint64_t times = first < end ? (uint64_t)p->iterations : 0;
    uint64_t at = h.resume > 0 ? h.resume - 1 : first; /* k (n + 1) + i */
    if (h.resume == 0)
        shared_start(&h);
    for (uint64_t k = at / (n + 1); k < times; at = ++k * (n + 1) + first) {
        if (!shared_get(&h, b, bp, n * n))
            return;
        for (uint64_t i = at % (n + 1); i < end; i++) {
            shared_point(&h, k * (n + 1) + i + 1);
            if (!shared_get(&h, a + 8 * i * n, row, n))
                return;
            matmul_row(row, bp, result, n);
            port_work(h.port, PORT_WORK_FLOP, 2 * n * n);
            if (!shared_put(&h, c + 8 * i * n, result, n))
                return;
        }
    }
    shared_stop(&h);
    if (shared_checks(&h))
        matmul_check(&h, n, c, bp, row);
    shared_close(&h);
}

const struct workload_ops workload_svm_matmul =
    SHARED_WORKLOAD("svm_matmul", "Product of two shared matrices, by blocks of rows.",
                    matmul_params, struct linear_params, shared_check, matmul_main);

/* ---- Jacobi's method for a linear system ---- */

static const struct param jacobi_params[] = {
    SHARED_PARAMS,
    PARAM_N("256", "8192", "Unknowns.", "ASSUMED(IVY's size is not known)"),
    PARAM_ITERATIONS("10"),
    P_END,
};

/* A diagonally dominant system. */
static double jacobi_a(uint64_t n, uint64_t i, uint64_t j)
{
    return i == j ? 2.0 * (double)n : shared_value(3, i * n + j);
}

static double jacobi_unknown(const double *row, const double *x, double b, uint64_t n, uint64_t i)
{
    double sum = b;
    for (uint64_t j = 0; j < n; j++)
        if (j != i)
            sum -= row[j] * x[j];
    return sum / row[i];
}

/* x: the solution's address; row: room for one. */
static void jacobi_check(struct shared *h, uint64_t n, uint64_t steps, uint64_t x, double *row)
{
    double *now = private_doubles(h, n), *next = private_doubles(h, n);
    for (uint64_t k = 0; k < steps; k++) {
        for (uint64_t i = 0; i < n; i++) {
            for (uint64_t j = 0; j < n; j++)
                row[j] = jacobi_a(n, i, j);
            next[i] = jacobi_unknown(row, now, shared_value(4, i), n, i);
        }
        double *t = now;
        now = next;
        next = t;
    }
    compare(h, "solution", x, now, n);
}

static void jacobi_main(struct os_node *node, const struct program *me)
{
    const struct linear_params *p = me->params;
    uint64_t n = (uint64_t)p->n, first, end;
    uint64_t bytes =
        shared_array_bytes(&p->shared, 8 * n * n) + 2 * shared_array_bytes(&p->shared, 8 * n);
    struct shared h;
    if (!shared_open(&h, node, me, &p->shared, bytes))
        return;
    uint64_t a = shared_array(&h, 8 * n * n),
             x[2] = { shared_array(&h, 8 * n), shared_array(&h, 8 * n) };
    shared_share(&h, n, &first, &end);
    for (uint64_t i = first; h.resume == 0 && i < end; i++)
        for (uint64_t j = 0; j < n; j++)
            vm_store_f64(h.space, a + 8 * (i * n + j), jacobi_a(n, i, j));
    double *row = private_doubles(&h, n), *old = private_doubles(&h, n);
    double *mine = private_doubles(&h, n);
    uint64_t steps = (uint64_t)p->iterations;
    if (h.resume == 0)
        shared_start(&h);
    for (uint64_t k = shared_first(&h, steps); k < steps; k++) {
        uint64_t stop = shared_again(&h, k) ? first : end;
        if (first < stop && !shared_get(&h, x[k % 2], old, n))
            return;
        for (uint64_t i = first; i < stop; i++) {
            if (!shared_get(&h, a + 8 * i * n, row, n))
                return;
            mine[i] = jacobi_unknown(row, old, shared_value(4, i), n, i);
            port_work(h.port, PORT_WORK_FLOP, 2 * n);
        }
        if (first < stop && !shared_put(&h, x[(k + 1) % 2] + 8 * first, mine + first, end - first))
            return;
        port_pay(h.port);
        shared_barrier(&h, k + 1);
    }
    shared_stop(&h);
    if (shared_checks(&h))
        jacobi_check(&h, n, steps, x[steps % 2], row);
    shared_close(&h);
}

const struct workload_ops workload_svm_jacobi =
    SHARED_WORKLOAD("svm_jacobi", "Jacobi's method for a linear system, by blocks of rows.",
                    jacobi_params, struct linear_params, shared_check, jacobi_main);
