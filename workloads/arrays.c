/* arrays.c: see arrays.h: the workload, and the operations that only move elements.
 *
 * Their elements are pieces of a pattern: that of an element of the first array is its number in
 * the order of that array.
 */
#include "workloads/arrays.h"

#include <string.h>

#include "os/nx/nx.h"

static const struct param params_desc[] = {
    P_CHOICE_OF(arrays_params, operation, "read", arrays_operations, "What the programs do."),
    IO_SYSTEM_PARAM(arrays_params),
    P_INT(arrays_params, nodes, "0", "0", NULL, "Compute nodes that take part; 0: all."),
    P_INT(arrays_params, rows, "256", "1", "1000000000", "Indices of the first dimension."),
    P_INT(arrays_params, columns, "256", "0", "1000000000", "Of the second; 0: there is none."),
    P_INT(arrays_params, planes, "0", "0", "1000000000", "Of the third; 0: there is none."),
    P_INT(arrays_params, inner, "0", "0", "1000000000",
          "multiply: columns of the first factor and rows of the second; 0: columns."),
    P_SIZE(arrays_params, element, "8B", "1B", "1GiB", "Bytes of an element.",
           "ASSUMED(a real number of double precision)"),
    P_STRING(
        arrays_params, from, "",
        "How the array is dealt out to the ranks, as HPF says it: for each dimension *, BLOCK, "
        "BLOCK(k), CYCLIC or CYCLIC(k); empty: '(BLOCK, *)' and so on."),
    P_STRING(arrays_params, from_grid, "",
             "Parts of each dimension that is dealt out, as in '4x2'; empty: all ranks, as equal "
             "as can be."),
    P_STRING(arrays_params, to, "",
             "redistribute, transpose: how the new array is; empty: '(*, BLOCK)' and so on."),
    P_STRING(arrays_params, to_grid, "", "The same of the new array."),
    P_CHOICE(arrays_params, placement, "global", array_placements,
             "Where an array is kept: in one file, or a file for each rank.",
             "PASSION: global and local placement"),
    P_CHOICE(arrays_params, to_placement, "global", array_placements,
             "redistribute, transpose: that of the new array."),
    P_CHOICE(arrays_params, order, "rows", arrays_orders, "The order of elements in files."),
    P_CHOICE(arrays_params, to_order, "rows", arrays_orders, "The same of the new array."),
    P_CHOICE(arrays_params, slab, "rows", arrays_orders,
             "What a slab in memory has: some rows of a rank's part, or some columns.",
             "PASSION: row and column slabs"),
    P_SIZE(arrays_params, memory, "1MiB", "1B", "1TiB", "Bytes of slabs that a rank may hold.",
           "ASSUMED(a part of a node's 16 to 32 MB)"),
    P_CHOICE_OF(arrays_params, method, "two_phase", coll_methods,
                "How sections are moved between files and memory."),
    P_TABLE(arrays_params, collective, coll_params_desc, "What collective methods may use.",
            "see its parameters"),
    P_BOOL(
        arrays_params, reuse, "false",
        "multiply by column slabs: go through the slabs to and fro, so that the last is not read "
        "again.",
        "PASSION: data reuse"),
    P_BOOL(
        arrays_params, hints, "false",
        "Tell caches which array is swept again and again (multiply: A by column slabs, B by row "
        "slabs) and that the others' elements are needed once.",
        "ASSUMED(a compiler knows; Cao, Felten and Li 1994 have programs say so)"),
    IO_UNIT_PARAM(arrays_params),
    P_BOOL(arrays_params, verify, "true", "Compare the result with what it must be.",
           "ASSUMED(a wrong byte fails the run)"),
    P_END,
};

enum { TIME, CHECKED };
static const struct measure measures[] = {
    [TIME] = { "arrays.time", "s", "Time of the operation, its flushes included.",
               MEASURE_TOTAL | MEASURE_COLUMN },
    [CHECKED] = { "arrays.checked", "B", "Bytes of results that were compared.", MEASURE_TOTAL },
    { .name = NULL },
};
static const struct measure rate = { "arrays.bandwidth", "B/s",
                                     "Bytes of sections that were read or written a second.",
                                     MEASURE_COLUMN };

static const struct arrays_op *op_of(const struct arrays_params *p)
{
    return kind_at(&arrays_operations, p->operation);
}

/* ---- patterns ---- */

#define SEED UINT64_C(0x6172726179)

static struct array_layout whole(const struct array *a)
{
    struct array_layout l = { .dims = a->form.dist.dims,
                              .element = a->form.element,
                              .order = a->form.order };
    for (uint32_t d = 0; d < l.dims; d++)
        l.n[d] = a->form.dist.d[d].n;
    return l;
}

/* The elements of a section of the first array, in an order. */
static void add_pattern(const struct arrays_run *r, const struct array_section *s,
                        struct array_order by, struct rope *out)
{
    const struct array_layout l = whole(r->a[0]);
    struct array_list runs;
    array_runs(&l, s, by, &runs);
    for (uint32_t k = 0; k < runs.count; k++)
        for (uint64_t i = 0; i < runs.run[k].count; i++)
            rope_add_pattern(out, SEED, runs.run[k].off + i * runs.run[k].stride, runs.run[k].len);
    array_list_free(&runs);
}

static bool compare(struct arrays_run *r, const struct array *a, const struct rope *got,
                    const struct rope *want)
{
    uint64_t at = rope_first_difference(got, want);
    if (at == UINT64_MAX) {
        r->checked += got->length;
        return true;
    }
    port_fail(r->j.node->port, "rank %u: element %llu of a section of array %s is wrong", r->j.rank,
              (unsigned long long)(at / a->form.element), a->name);
    return false;
}

/* How the first array's dimensions follow from those of `a`. */
static void dims_of(const struct arrays_run *r, const struct array *a, uint8_t dims[ARRAY_DIMS])
{
    uint32_t n = a->form.dist.dims;
    bool turned = a != r->a[0] && strcmp(r->op->kind.name, "transpose") == 0;
    for (uint32_t d = 0; d < n; d++)
        dims[d] = (uint8_t)(turned ? n - 1 - d : d);
}

/* What a section of an array must be, in the order of its file. */
static void expected(const struct arrays_run *r, const struct array *a,
                     const struct array_section *s, struct rope *out)
{
    struct array_section of = { .dims = s->dims };
    struct array_order by = { { 0 } };
    uint8_t dims[ARRAY_DIMS];
    dims_of(r, a, dims);
    for (uint32_t d = 0; d < s->dims; d++) {
        of.at[dims[d]] = s->at[d];
        by.by[d] = dims[a->form.order.by[d]];
    }
    rope_init(out);
    add_pattern(r, &of, by, out);
}

static bool read_slab(struct arrays_run *r, struct array *a, const struct array_section *s)
{
    struct array_part x = { .op = PIO_READ, .section = s, .order = a->form.order, .own = true };
    struct rope want;
    bool fine = arrays_move(r, a, &x);
    if (fine && r->p->verify) {
        expected(r, a, s, &want);
        fine = compare(r, a, &x.data, &want);
        rope_fini(&want);
    }
    rope_fini(&x.data);
    return fine;
}

static bool write_slab(struct arrays_run *r, struct array *a, const struct array_section *s)
{
    struct array_part x = { .op = PIO_WRITE, .section = s, .order = a->form.order, .own = true };
    expected(r, a, s, &x.data);
    return arrays_move(r, a, &x);
}

static bool copy_slab(struct arrays_run *r, struct array *a, const struct array_section *s)
{
    struct port *p = r->j.node->port;
    uint8_t dims[ARRAY_DIMS];
    sim_time since = port_now(p);
    dims_of(r, a, dims);
    if (!arrays_good(r, array_copy(a, r->a[0], dims, s), "copy", a->name))
        return false;
    port_progress(p, since, 2 * (double)(array_section_size(s) * a->form.element));
    return true;
}

/* ---- operations that move elements ---- */

static struct array *last(struct arrays_run *r)
{
    return r->a[r->op->arrays - 1];
}

static bool run_read(struct arrays_run *r)
{
    return arrays_each_slab(r, r->a[0], r->j.resume, read_slab);
}

static bool run_write(struct arrays_run *r)
{
    return arrays_each_slab(r, r->a[0], r->j.resume, write_slab);
}

static bool run_copy(struct arrays_run *r)
{
    return arrays_each_slab(r, r->a[1], r->j.resume, copy_slab);
}

static bool check_last(struct arrays_run *r)
{
    return !r->p->verify || arrays_each_slab(r, last(r), 0, read_slab);
}

static uint32_t extents(const struct arrays_params *p, uint64_t n[ARRAY_DIMS])
{
    n[0] = (uint64_t)p->rows;
    n[1] = (uint64_t)p->columns;
    n[2] = (uint64_t)p->planes;
    return n[1] == 0 ? 1 : n[2] == 0 ? 2 : 3;
}

static bool one_form(const struct arrays_params *p, uint32_t ranks, struct array_form *out,
                     struct err *e)
{
    static const char *const rows[] = { NULL, "(BLOCK)", "(BLOCK, *)", "(BLOCK, *, *)" };
    uint64_t n[ARRAY_DIMS];
    uint32_t dims = extents(p, n);
    return arrays_form(p, p->from[0] ? p->from : rows[dims], p->from_grid, "workload.from", n, dims,
                       ranks, (uint64_t)p->element, out, e) &&
           arrays_width_check(p, out, e);
}

static bool copied_form(const struct arrays_params *p, uint32_t ranks, bool turned,
                        struct array_form *out, struct err *e)
{
    static const char *const columns[] = { NULL, "(BLOCK)", "(*, BLOCK)", "(*, *, BLOCK)" };
    uint64_t n[ARRAY_DIMS], m[ARRAY_DIMS];
    uint32_t dims = extents(p, n);
    for (uint32_t d = 0; d < dims; d++)
        m[d] = n[turned ? dims - 1 - d : d];
    if (!one_form(p, ranks, &out[0], e) ||
        !arrays_form(p, p->to[0] ? p->to : columns[dims], p->to_grid, "workload.to", m, dims, ranks,
                     (uint64_t)p->element, &out[1], e))
        return false;
    out[1].placement = p->to_placement;
    out[1].order = p->to_order == 0 ? array_rows[dims] : array_columns[dims];
    return arrays_width_check(p, &out[1], e);
}

static bool redistribute_forms(const struct arrays_params *p, uint32_t ranks,
                               struct array_form *out, struct err *e)
{
    return copied_form(p, ranks, false, out, e);
}

static bool transpose_forms(const struct arrays_params *p, uint32_t ranks, struct array_form *out,
                            struct err *e)
{
    return copied_form(p, ranks, true, out, e);
}

#define OP(id, text, ...)                                                                          \
    static const struct arrays_op op_##id = { .kind = { .name = #id, .doc = text }, __VA_ARGS__ };
OP(read, "Each rank reads its part of an array, slab by slab.", .arrays = 1, .source = true,
   .forms = one_form, .run = run_read)
OP(write, "Each rank writes its part.", .arrays = 1, .forms = one_form, .run = run_write,
   .check = check_last)
OP(redistribute, "An array becomes one that is dealt out, placed or ordered otherwise.",
   .arrays = 2, .source = true, .forms = redistribute_forms, .run = run_copy, .check = check_last)
OP(transpose, "The same, its dimensions in the opposite order.", .arrays = 2, .source = true,
   .forms = transpose_forms, .run = run_copy, .check = check_last)
OP(multiply, "C = A B by GAXPY: A (rows x inner) and C dealt out by columns, B by rows.",
   .arrays = 3, .numbers = true, .swept = arrays_multiply_swept, .forms = arrays_multiply_forms,
   .fill = arrays_multiply_fill, .run = arrays_multiply_run, .check = arrays_multiply_check)
OP(lu, "LU factorisation with partial pivoting, by panels of columns that go round the ranks.",
   .arrays = 1, .numbers = true, .swept = arrays_lu_swept, .forms = arrays_lu_forms,
   .fill = arrays_lu_fill, .run = arrays_lu_run, .check = arrays_lu_check)

static const struct kind *const operations[] = { &op_read.kind,
                                                 &op_write.kind,
                                                 &op_redistribute.kind,
                                                 &op_transpose.kind,
                                                 &op_multiply.kind,
                                                 &op_lu.kind,
                                                 NULL };
const struct kind_set arrays_operations = { "operation", "workload.operation", operations };

/* ---- the workload ---- */

static const struct os_service_ops *const *services_of(const void *params)
{
    return io_system(((const struct arrays_params *)params)->system)->services;
}

static uint32_t programs(const void *params, const struct os_layout *l)
{
    return workload_nodes(((const struct arrays_params *)params)->nodes, l);
}

static uint32_t files(const void *params, const struct os_layout *l)
{
    const struct arrays_params *p = params;
    struct array_form f[ARRAYS_MOST];
    struct err e = ERR_INIT;
    uint32_t n = 0, ranks = programs(params, l);
    for (uint32_t i = 0; op_of(p)->forms(p, ranks, f, &e) && i < op_of(p)->arrays; i++)
        n += array_files(&f[i], ranks);
    return pio_file_count(io_system(p->system), n > 0 ? n : 1);
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct arrays_params *p = params;
    const struct arrays_op *op = op_of(p);
    struct array_form f[ARRAYS_MOST];
    if (!workload_nodes_check(p->nodes, l, e))
        return false;
    uint32_t ranks = programs(params, l);
    if (p->columns == 0 && p->planes > 0)
        return err_set(e, "workload.planes is %lld, but workload.columns is 0",
                       (long long)p->planes);
    if (op->numbers && (p->element != sizeof(double) || p->planes > 0 || p->columns == 0 ||
                        p->from[0] || p->to[0]))
        return err_set(e,
                       "workload.operation = '%s': a matrix (planes = 0) of elements of 8 bytes, "
                       "dealt out as the operation does (no from, no to)",
                       op->kind.name);
    if (op->numbers && ranks > 1 && !os_served(l, &nx_service, "compute"))
        return err_set(e,
                       "workload.operation = '%s' exchanges messages, and the machine boots no "
                       "service nx (see machine.graph)",
                       op->kind.name);
    if (!op->forms(p, ranks, f, e))
        return false;
    for (uint32_t i = 0; i < op->arrays; i++)
        if (!array_check(&f[i], io_system(p->system), l, ranks, op->arrays, "workload", e))
            return false;
    const struct pio_plan fill = {
        .path = "workload",
        .can = op->source && f[0].placement == ARRAY_GLOBAL ? PIO_CAN(PIO_FILL) : 0,
        .ranks = ranks,
        .files = 1,
    };
    return pio_check(io_system(p->system), l, &fill, e);
}

static bool open_all(struct arrays_run *r)
{
    static const char *const names[ARRAYS_MOST] = { "a", "b", "c" };
    struct array_form f[ARRAYS_MOST];
    struct err e = ERR_INIT;
    bool fine = r->op->forms(r->p, r->j.ranks, f, &e);
    ASSERT_MSG(fine, "`check` has found it");
    for (uint32_t i = 0; fine && i < r->op->arrays; i++) {
        bool swept = r->op->swept && i == r->op->swept(r->p);
        f[i].touch = !r->p->hints ? ARRAY_UNKNOWN : swept ? ARRAY_SWEPT : ARRAY_ONCE;
        fine = arrays_good(r,
                           array_open(r->j.sys, &f[i], names[i], r->j.rank, r->j.ranks,
                                      r->j.resume > 0 ? ARRAY_ALONE : ARRAY_MAKE, &r->a[i]),
                           "open", names[i]);
    }
    return fine;
}

static bool fill(struct arrays_run *r)
{
    struct array *a = r->a[0];
    const struct array_layout l = whole(a);
    struct pio_control c = {
        .what = PIO_FILL, .seed = SEED, .value = array_layout_bytes(&l), .cold = true
    };
    if (r->op->fill && !r->op->fill(r))
        return false;
    if (!r->op->source)
        return true;
    if (a->form.placement == ARRAY_LOCAL)
        return arrays_each_slab(r, a, 0, write_slab) &&
               arrays_good(r, array_flush(a), "flush", a->name);
    return r->j.rank > 0 || arrays_good(r, pio_control(r->j.sys, a->file, &c), "fill", a->name);
}

static bool run(struct arrays_run *r)
{
    r->running = true;
    bool fine = r->op->run(r);
    r->running = false;
    for (uint32_t i = 0; fine && i < r->op->arrays; i++)
        fine = arrays_good(r, array_flush(r->a[i]), "flush", r->a[i]->name);
    return fine;
}

static void arrays_main(struct os_node *node, const struct program *me)
{
    const struct arrays_params *p = me->params;
    struct port *port = node->port;
    struct arrays_run r = { .j = { .node = node,
                                   .sys = pio_find(io_system(p->system), node),
                                   .rank = me->rank,
                                   .ranks = me->ranks,
                                   .resume = me->resume },
                            .p = p,
                            .op = op_of(p) };
    if (!open_all(&r) || !io_agree(&r.j, "filled", r.j.resume > 0 || fill(&r)))
        return;
    port_pay(port);
    sim_time since = port_now(port);
    port_window(port, true, me->ranks);
    bool fine = io_agree(&r.j, "ran", run(&r));
    if (fine && r.j.rank == 0)
        port_measure(port, &measures[TIME], sim_time_seconds(port_now(port) - since));
    port_window(port, false, me->ranks);
    fine = io_agree(&r.j, "checked", fine && (!r.op->check || r.op->check(&r)));
    port_measure(port, &measures[CHECKED], (double)r.checked);
    for (uint32_t i = 0; fine && i < r.op->arrays; i++)
        fine = arrays_good(&r, array_close(r.a[i]), "close", "array");
}

extern const struct workload_ops workload_arrays;
const struct workload_ops workload_arrays = {
    .kind = { .name = "arrays",
              .doc = "Programs over out-of-core arrays.",
              .params = params_desc,
              .params_size = sizeof(struct arrays_params) },
    .measures = measures,
    .rate = &rate,
    .check = check,
    .typed = true,
    .programs = programs,
    .files = files,
    .services_of = services_of,
    .main = arrays_main,
};
