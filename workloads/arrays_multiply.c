/* arrays_multiply.c: C = A B by GAXPY, slab by slab.
 *
 * A is dealt out by columns, B by rows, C by columns.  Column j of C is the sum of all columns of
 * A, each times an element of column j of B: each rank sums its own, and all ranks add up.
 *   column slabs   A comes by some of its columns: the rank's part of it once for each column of C
 *   row slabs      A comes by some of its rows, once in all, and B once for each slab of A
 * Values are small integers, so that sums are exact whatever their order.
 *
 * Source: Thakur, Bordawekar, Choudhary, Ponnusamy, Singh, PASSION, 1994, the example of the
 * compiler's out-of-core code; Bordawekar, Choudhary, Thakur 1994 on the choice of slabs.
 */
#include "os/nx/nx.h"
#include "workloads/arrays.h"

enum { A, B, C };

struct shape { /* of slabs: rows of A and C, columns of A, columns of B and C */
    uint64_t rows, columns, across;
};

static double value_of(uint32_t array, uint64_t i, uint64_t j)
{
    uint64_t x = array == A ? 7 * i + 3 * j : 5 * i + 11 * j;
    return (double)(x % 13) - 6;
}

static uint64_t inner_of(const struct arrays_params *p)
{
    return (uint64_t)(p->inner > 0 ? p->inner : p->columns);
}

/* Half of the memory is for A, half for B and C. */
static struct shape shape_of(const struct arrays_params *p, const struct array_form *f)
{
    uint64_t half = (uint64_t)p->memory / 2 / sizeof(double), n = f[A].dist.d[0].n;
    uint64_t share = array_share(&f[A].dist.d[1], 0), all = f[C].dist.d[1].n;
    bool by_rows = arrays_cut(p, &f[A]) == 0;
    struct shape s = { .rows = n, .columns = share };
    if (by_rows)
        s.rows = half / share < n ? half / share : n;
    else
        s.columns = half / n < share ? half / n : share;
    s.across = half / (share + s.rows);
    s.across = s.across < all ? s.across : all;
    return s;
}

bool arrays_multiply_forms(const struct arrays_params *p, uint32_t ranks, struct array_form *f,
                           struct err *e)
{
    const uint64_t rows = (uint64_t)p->rows, columns = (uint64_t)p->columns, inner = inner_of(p);
    const uint64_t n[][2] = { { rows, inner }, { inner, columns }, { rows, columns } };
    static const char *const dist[] = { "(*, BLOCK)", "(BLOCK, *)", "(*, BLOCK)" };
    for (int i = A; i <= C; i++)
        if (!arrays_form(p, dist[i], "", "workload", n[i], 2, ranks, sizeof(double), &f[i], e))
            return false;
    struct shape s = shape_of(p, f);
    if (s.rows == 0 || s.columns == 0 || s.across == 0)
        return err_set(e, "workload.memory is %lld bytes, less than a line of each factor takes",
                       (long long)p->memory);
    return true;
}

uint32_t arrays_multiply_swept(const struct arrays_params *p)
{
    return p->slab == 0 ? B : A; /* rows: as the head of this file says */
}

bool arrays_multiply_fill(struct arrays_run *r)
{
    return arrays_fill(r, r->a[A], value_of) && arrays_fill(r, r->a[B], value_of);
}

struct work {
    struct arrays_run *r;
    struct shape s;
    double *a, *b, *c, *sum;
    uint64_t held;    /* slab of A that is in memory, by rows, then columns; UINT64_MAX: none */
    uint64_t columns; /* of it */
};

/* Rows [lo, lo + n) of the rank's part of an array and some of its columns: by rising local number,
 * or, where `all`, columns [at, at + width) of those that all ranks deal out. */
static void section(const struct array *a, uint64_t lo, uint64_t n, uint64_t at, uint64_t width,
                    bool all, struct array_section *out)
{
    const struct array_dim *row = &a->form.dist.d[0], *column = &a->form.dist.d[1];
    array_section_init(out, 2, a->port);
    if (!a->has)
        return;
    array_list_own(&out->at[0], row, a->part[0], lo, lo + n);
    if (all) { /* of these its own */
        struct array_list range, places, locals;
        array_list_init(&range, a->port);
        array_list_init(&places, a->port);
        array_list_init(&locals, a->port);
        array_list_add(&range, at, width);
        array_list_meet(&range, column, a->part[1], &places, &locals);
        for (uint32_t i = 0; i < locals.count; i++)
            array_list_own(&out->at[1], column, a->part[1], locals.run[i].off,
                           locals.run[i].off + locals.run[i].len);
        array_list_free(&range);
        array_list_free(&places);
        array_list_free(&locals);
        return;
    }
    uint64_t end = array_share(column, a->part[1]);
    at = at < end ? at : end;
    array_list_own(&out->at[1], column, a->part[1], at, at + width < end ? at + width : end);
}

/* Slab k of the columns of A, for rows [lo, lo + n). */
static bool get_a(struct work *w, uint64_t lo, uint64_t n, uint64_t k, uint64_t id)
{
    struct array_section s;
    if (w->held == id)
        return true;
    section(w->r->a[A], lo, n, k * w->s.columns, w->s.columns, false, &s);
    bool fine = arrays_numbers(w->r, w->r->a[A], PIO_READ, &s, w->a);
    w->columns = s.at[1].n;
    w->held = id;
    array_section_free(&s);
    return fine;
}

/* Adds what slab k of A gives for one column, whose part of B is `b`. */
static void add(struct work *w, uint64_t n, uint64_t k, const double *b)
{
    for (uint64_t c = 0; c < w->columns; c++)
        for (uint64_t i = 0; i < n; i++)
            w->sum[i] += w->a[c * n + i] * b[k * w->s.columns + c];
    port_work(w->r->j.node->port, PORT_WORK_FLOP, 2 * n * w->columns);
}

/* Columns [at, at + width) of C, rows [lo, lo + n). */
static bool columns_of_c(struct work *w, struct nx *nx, uint64_t lo, uint64_t n, uint64_t at,
                         uint64_t width, uint64_t slab)
{
    struct arrays_run *r = w->r;
    const struct array *a = r->a[A], *b = r->a[B], *c = r->a[C];
    uint64_t slabs = array_slabs(&a->form, 1, w->s.columns), own = 0, inner;
    struct array_section s;
    inner = b->has ? array_share(&b->form.dist.d[0], b->part[0]) : 0;
    section(b, 0, inner, at, width, false, &s);
    bool fine = arrays_numbers(r, r->a[B], PIO_READ, &s, w->b);
    array_section_free(&s);
    for (uint64_t j = 0; j < width && fine; j++) {
        for (uint64_t i = 0; i < n; i++)
            w->sum[i] = 0;
        for (uint64_t i = 0; i < slabs && fine; i++) {
            uint64_t k = r->p->reuse && (at + j) % 2 ? slabs - 1 - i : i;
            fine = get_a(w, lo, n, k, slab * slabs + k);
            if (fine && w->columns > 0)
                add(w, n, k, w->b + j * inner);
        }
        if (fine && r->j.ranks > 1 && nx_gdsum(nx, w->sum, (uint32_t)n) != NX_OK)
            fine = arrays_good(r, PIO_NODE_DOWN, "sum", c->name);
        if (c->has && array_owner(&c->form.dist.d[1], at + j) == c->part[1]) {
            for (uint64_t i = 0; i < n; i++)
                w->c[own * n + i] = w->sum[i];
            own++;
        }
    }
    section(c, lo, n, at, width, true, &s);
    fine = fine && arrays_numbers(r, r->a[C], PIO_WRITE, &s, w->c);
    array_section_free(&s);
    return fine;
}

bool arrays_multiply_run(struct arrays_run *r)
{
    struct port *p = r->j.node->port;
    struct array_form f[ARRAYS_MOST] = { r->a[A]->form, r->a[B]->form, r->a[C]->form };
    struct work w = { .r = r, .s = shape_of(r->p, f), .held = UINT64_MAX };
    struct nx *nx = r->j.ranks > 1 ? os_find(r->j.node, &nx_service) : NULL;
    uint64_t rows = f[C].dist.d[0].n, columns = f[C].dist.d[1].n, step = 0;
    uint64_t share = array_share(&f[A].dist.d[1], 0);
    bool fine = true;
    w.a = port_alloc(p, w.s.rows * w.s.columns * sizeof *w.a);
    w.b = port_alloc(p, share * w.s.across * sizeof *w.b);
    w.c = port_alloc(p, w.s.rows * w.s.across * sizeof *w.c);
    w.sum = port_alloc(p, w.s.rows * sizeof *w.sum);
    for (uint64_t lo = 0; lo < rows; lo += w.s.rows)
        for (uint64_t at = 0; at < columns && fine; at += w.s.across, step++) {
            uint64_t n = rows - lo < w.s.rows ? rows - lo : w.s.rows;
            uint64_t width = columns - at < w.s.across ? columns - at : w.s.across;
            if (step < r->j.resume)
                continue;
            os_safe_point(r->j.node, step);
            fine = columns_of_c(&w, nx, lo, n, at, width, lo / w.s.rows);
        }
    port_free(p, w.a);
    port_free(p, w.b);
    port_free(p, w.c);
    port_free(p, w.sum);
    return fine;
}

static double product(const struct arrays_run *r, uint64_t i, uint64_t j)
{
    double x = 0;
    for (uint64_t k = 0; k < inner_of(r->p); k++)
        x += value_of(A, i, k) * value_of(B, k, j);
    return x;
}

bool arrays_multiply_check(struct arrays_run *r)
{
    return !r->p->verify || arrays_compare(r, r->a[C], product);
}
