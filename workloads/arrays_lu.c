/* arrays_lu.c: LU factorisation with partial pivoting, by panels of columns, out of core.
 *
 * Columns are dealt out in panels by turns.  In each round a rank has one panel of its own in
 * memory, to which all panels before it are applied, in order: those of rounds before come from
 * the files, those of this round as their owners have them; each is sent to all.  Then the panel is
 * factored and written, once.  (Left-looking: each panel is written once, and read again in each
 * round behind its own.)
 *
 * A panel keeps its rows in the order that they had when it was factored, and row n holds the row
 * that each column was exchanged with: so later exchanges need not touch it [LINPACK, dgefa].  Each
 * element sees the operations of the sequential program in their order: the results are the same
 * bit for bit.
 */
#include <math.h>

#include "os/nx/nx.h"
#include "workloads/arrays.h"
#include "workloads/shared.h"

static uint64_t order_of(const struct arrays_params *p)
{
    return (uint64_t)p->rows;
}

/* Columns of a panel: a rank holds its own and one that comes. */
static uint64_t panel_of(const struct arrays_params *p, uint32_t ranks)
{
    uint64_t n = order_of(p), fit = (uint64_t)p->memory / 2 / sizeof(double) / (n + 1);
    uint64_t most = (n + ranks - 1) / ranks;
    return fit < most ? fit : most;
}

uint32_t arrays_lu_swept(const struct arrays_params *p)
{
    (void)p;
    return 0; /* panels are read again in every round behind them */
}

bool arrays_lu_forms(const struct arrays_params *p, uint32_t ranks, struct array_form *f,
                     struct err *e)
{
    uint64_t panel = panel_of(p, ranks), n[2] = { order_of(p) + 1, order_of(p) };
    if (p->columns != p->rows)
        return err_set(e, "workload.columns is %lld, workload.rows %lld: 'lu' takes a square",
                       (long long)p->columns, (long long)p->rows);
    if (panel == 0)
        return err_set(e, "workload.memory is %lld bytes, less than two columns take",
                       (long long)p->memory);
    if (!arrays_form(p, "(*, CYCLIC)", "", "workload", n, 2, ranks, sizeof(double), f, e))
        return false;
    f->dist.d[1].block = panel;
    return true;
}

static double value_of(uint32_t array, uint64_t i, uint64_t j)
{
    (void)array;
    return shared_value(1, i << 32 | j);
}

bool arrays_lu_fill(struct arrays_run *r)
{
    return arrays_fill(r, r->a[0], value_of);
}

struct work {
    struct arrays_run *r;
    struct nx *nx;
    uint64_t n, panel;
    double *own, *come; /* panels: n + 1 rows each */
};

static uint64_t width(const struct work *w, uint64_t q)
{
    uint64_t left = w->n - q * w->panel;
    return left < w->panel ? left : w->panel;
}

/* Column g, `l`, is factored: exchanges, and takes it from columns [from, to) of `x`. */
static void eliminate(struct work *w, const double *l, uint64_t g, double *x, uint64_t from,
                      uint64_t to)
{
    uint64_t n = w->n, pivot = (uint64_t)l[n];
    for (uint64_t c = from; c < to; c++) {
        double *y = x + c * (n + 1), top = y[pivot];
        y[pivot] = y[g];
        y[g] = top;
        for (uint64_t i = g + 1; i < n; i++)
            y[i] -= l[i] * top;
    }
    port_work(w->r->j.node->port, PORT_WORK_FLOP, 2 * (n - g - 1) * (to - from));
}

/* The own panel, q, to which all before it have been applied. */
static void factor(struct work *w, uint64_t q)
{
    uint64_t n = w->n;
    for (uint64_t c = 0; c < width(w, q); c++) {
        uint64_t g = q * w->panel + c, pivot = g;
        double *l = w->own + c * (n + 1);
        for (uint64_t i = g + 1; i < n; i++)
            pivot = fabs(l[i]) > fabs(l[pivot]) ? i : pivot;
        double top = l[pivot];
        l[n] = (double)pivot;
        l[pivot] = l[g];
        l[g] = top;
        for (uint64_t i = g + 1; i < n && top != 0; i++)
            l[i] /= top;
        port_work(w->r->j.node->port, PORT_WORK_FLOP, 2 * (n - g));
        eliminate(w, l, g, w->own, c + 1, width(w, q));
    }
}

/* Panel q, which this rank has in `from` when it is its own, is at all ranks. */
static bool send(struct work *w, uint64_t q, const double *from)
{
    size_t bytes = width(w, q) * (w->n + 1) * sizeof(double);
    uint32_t owner = (uint32_t)(q % w->r->j.ranks);
    struct rope m;
    rope_init(&m);
    if (w->r->j.rank == owner)
        rope_add_bytes(&m, from, bytes);
    bool good = w->r->j.ranks == 1 || nx_bcast(w->nx, &m, owner) == NX_OK;
    if (good)
        rope_read(&m, 0, bytes, w->come);
    rope_fini(&m);
    return good || arrays_good(w->r, PIO_NODE_DOWN, "panel", w->r->a[0]->name);
}

/* Reads or writes a panel by its owner; all ranks. */
static bool move(struct work *w, enum pio_op op, uint64_t q, double *x)
{
    struct array *a = w->r->a[0];
    struct array_section s;
    array_slab(a, 1, w->panel, q / w->r->j.ranks, &s);
    if (q % w->r->j.ranks != w->r->j.rank)
        array_list_free(&s.at[1]);
    bool fine = arrays_numbers(w->r, a, op, &s, x);
    array_section_free(&s);
    return fine;
}

/* Each rank's panel of a round. */
static bool round_of(struct work *w, uint64_t round, uint64_t panels)
{
    uint32_t ranks = w->r->j.ranks;
    uint64_t first = round * ranks, mine = first + w->r->j.rank;
    uint64_t end = first + ranks < panels ? first + ranks : panels;
    bool fine = move(w, PIO_READ, mine, w->own);
    for (uint64_t q = 0; q < end && fine; q++) {
        if (q < first)
            fine = move(w, PIO_READ, q, w->come);
        else if (q == mine)
            factor(w, q);
        fine = fine && send(w, q, q < first ? w->come : w->own);
        for (uint64_t c = 0; fine && c < width(w, q) && mine > q && mine < panels; c++)
            eliminate(w, w->come + c * (w->n + 1), q * w->panel + c, w->own, 0, width(w, mine));
    }
    return fine && move(w, PIO_WRITE, mine, w->own);
}

bool arrays_lu_run(struct arrays_run *r)
{
    struct port *p = r->j.node->port;
    struct work w = { .r = r, .n = order_of(r->p), .panel = r->a[0]->form.dist.d[1].block };
    uint64_t panels = (w.n + w.panel - 1) / w.panel;
    bool fine = true;
    w.nx = r->j.ranks > 1 ? os_find(r->j.node, &nx_service) : NULL;
    w.own = port_alloc(p, w.panel * (w.n + 1) * sizeof *w.own);
    w.come = port_alloc(p, w.panel * (w.n + 1) * sizeof *w.come);
    for (uint64_t k = r->j.resume; fine && k * r->j.ranks < panels; k++) {
        fine = round_of(&w, k, panels);
        if (fine)
            os_safe_point(r->j.node, k + 1);
    }
    port_free(p, w.own);
    port_free(p, w.come);
    return fine;
}

/* ---- the sequential program ---- */

static void sequential(uint64_t n, double *x)
{
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j < n; j++)
            x[j * (n + 1) + i] = value_of(0, i, j);
    for (uint64_t k = 0; k < n; k++) {
        double *l = x + k * (n + 1);
        uint64_t pivot = k;
        for (uint64_t i = k + 1; i < n; i++)
            if (fabs(l[i]) > fabs(l[pivot]))
                pivot = i;
        l[n] = (double)pivot;
        for (uint64_t j = k; j < n; j++) { /* exchange */
            double *y = x + j * (n + 1), t = y[pivot];
            y[pivot] = y[k];
            y[k] = t;
        }
        for (uint64_t i = k + 1; i < n && l[k] != 0; i++)
            l[i] /= l[k];
        for (uint64_t j = k + 1; j < n; j++)
            for (uint64_t i = k + 1; i < n; i++)
                x[j * (n + 1) + i] -= l[i] * x[j * (n + 1) + k];
    }
}

/* Solves the system whose solution is all ones: the largest error. */
static double error_of(uint64_t n, const double *x, double *b)
{
    double worst = 0;
    for (uint64_t i = 0; i < n; i++) {
        b[i] = 0;
        for (uint64_t j = 0; j < n; j++)
            b[i] += value_of(0, i, j);
    }
    for (uint64_t k = 0; k < n; k++) {
        const double *l = x + k * (n + 1);
        uint64_t pivot = (uint64_t)l[n];
        double t = b[pivot];
        b[pivot] = b[k];
        b[k] = t;
        for (uint64_t i = k + 1; i < n; i++)
            b[i] -= l[i] * t;
    }
    for (uint64_t k = n; k-- > 0;) {
        const double *u = x + k * (n + 1);
        b[k] /= u[k];
        for (uint64_t i = 0; i < k; i++)
            b[i] -= u[i] * b[k];
        worst = fabs(b[k] - 1) > worst ? fabs(b[k] - 1) : worst;
    }
    return worst;
}

#define ERROR_MOST 1e-6 /* of a solution, at the orders that a test takes */

/* Rank 0 gets all of it. */
bool arrays_lu_check(struct arrays_run *r)
{
    struct array *a = r->a[0];
    struct port *p = r->j.node->port;
    uint64_t n = order_of(r->p), all = n * (n + 1);
    struct array_section s;
    if (!r->p->verify)
        return true;
    array_section_init(&s, 2, p);
    for (uint32_t d = 0; d < 2 && r->j.rank == 0; d++)
        array_list_add(&s.at[d], 0, a->form.dist.d[d].n);
    double *got = port_alloc(p, all * sizeof *got), *want = port_alloc(p, all * sizeof *want);
    struct array_part x = { .op = PIO_READ, .section = &s, .order = array_columns[2] };
    bool fine = arrays_move(r, a, &x);
    if (fine && r->j.rank == 0) {
        rope_read(&x.data, 0, all * sizeof *got, got);
        sequential(n, want);
        for (uint64_t i = 0; i < all && fine; i++)
            if (got[i] != want[i]) {
                port_fail(p, "element %llu of column %llu is not that of the sequential program",
                          (unsigned long long)(i % (n + 1)), (unsigned long long)(i / (n + 1)));
                fine = false;
            }
        if (fine && error_of(n, got, want) > ERROR_MOST) {
            port_fail(p, "the factors do not solve the system");
            fine = false;
        }
        r->checked += all * sizeof *got;
    }
    rope_fini(&x.data);
    array_section_free(&s);
    port_free(p, got);
    port_free(p, want);
    return fine;
}
