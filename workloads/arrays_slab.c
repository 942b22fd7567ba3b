/* arrays_slab.c: see arrays.h: what operations do with slabs. */
#include "workloads/arrays.h"

const char *const arrays_orders[] = { "rows", "columns", NULL };
enum { SLAB_ROWS, SLAB_COLUMNS };

bool arrays_good(const struct arrays_run *r, enum pio_status s, const char *what, const char *name)
{
    return io_good(&r->j, s, what, name);
}

bool arrays_move(struct arrays_run *r, struct array *a, struct array_part *x)
{
    struct port *p = r->j.node->port;
    sim_time since = port_now(p);
    uint64_t bytes = array_section_size(x->section) * a->form.element;
    if (!arrays_good(r, array_transfer(a, x), x->op == PIO_READ ? "read" : "write", a->name))
        return false;
    if (x->op == PIO_READ)
        port_delivered(p, bytes, rope_hash(&x->data));
    port_progress(p, since, (double)bytes);
    return true;
}

bool arrays_form(const struct arrays_params *p, const char *dist, const char *grid,
                 const char *path, const uint64_t *n, uint32_t dims, uint32_t ranks,
                 uint64_t element, struct array_form *out, struct err *e)
{
    uint64_t left = (UINT64_C(1) << 50) / element;
    for (uint32_t d = 0; d < dims; d++)
        if ((left /= n[d]) == 0)
            return err_set(e, "workload: an array of more than 1 PiB");
    *out = (struct array_form){ .element = element,
                                .placement = p->placement,
                                .order = p->order == 0 ? array_rows[dims] : array_columns[dims],
                                .method = kind_at(&coll_methods, p->method),
                                .collective = &p->collective,
                                .unit = (uint64_t)p->unit };
    return array_dist_read(dist, grid, n, dims, ranks, path, &out->dist, e);
}

uint32_t arrays_cut(const struct arrays_params *p, const struct array_form *f)
{
    return p->slab == SLAB_ROWS ? 0 : f->dist.dims - 1;
}

bool arrays_width_check(const struct arrays_params *p, const struct array_form *f, struct err *e)
{
    return array_width(f, arrays_cut(p, f), (uint64_t)p->memory) > 0 ||
           err_set(e,
                   "workload.memory is %lld bytes, less than the narrowest slab of a rank's part "
                   "(workload.slab = '%s')",
                   (long long)p->memory, arrays_orders[p->slab]);
}

/* ---- slabs ---- */

bool arrays_each_slab(struct arrays_run *r, struct array *a, uint64_t from,
                      bool (*slab)(struct arrays_run *r, struct array *a,
                                   const struct array_section *s))
{
    uint32_t cut = arrays_cut(r->p, &a->form);
    uint64_t fit = array_width(&a->form, cut, (uint64_t)r->p->memory), width = fit ? fit : 1;
    bool fine = true;
    for (uint64_t k = from; fine && k < array_slabs(&a->form, cut, width); k++) {
        struct array_section s;
        if (r->running && k > from)
            os_safe_point(r->j.node, k);
        array_slab(a, cut, width, k, &s);
        fine = slab(r, a, &s);
        array_section_free(&s);
    }
    return fine;
}

/* ---- matrices of numbers ---- */

bool arrays_numbers(struct arrays_run *r, struct array *a, enum pio_op op,
                    const struct array_section *s, double *x)
{
    struct array_part part = { .op = op, .section = s, .order = array_columns[2], .own = true };
    size_t bytes = array_section_size(s) * sizeof *x;
    rope_init(&part.data);
    if (op == PIO_WRITE)
        rope_add_bytes(&part.data, x, bytes);
    bool fine = arrays_move(r, a, &part);
    if (fine && op == PIO_READ)
        rope_read(&part.data, 0, bytes, x);
    rope_fini(&part.data);
    return fine;
}

static uint64_t *indices(const struct array_list *l)
{
    uint64_t *all = port_alloc(l->port, (l->n + 1) * sizeof *all), n = 0;
    for (uint32_t k = 0; k < l->count; k++)
        for (uint64_t i = 0; i < l->run[k].count; i++)
            for (uint64_t j = 0; j < l->run[k].len; j++)
                all[n++] = l->run[k].off + i * l->run[k].stride + j;
    return all;
}

static bool numbers_slab(struct arrays_run *r, struct array *a, const struct array_section *s)
{
    struct port *p = r->j.node->port;
    const struct arrays_values *v = &r->values;
    uint64_t n = array_section_size(s), *row = indices(&s->at[0]), *column = indices(&s->at[1]);
    double *x = port_alloc(p, (n + 1) * sizeof *x);
    uint32_t which = 0;
    while (r->a[which] != a)
        which++;
    for (uint64_t i = 0; v->value && i < n; i++)
        x[i] = v->value(which, row[i % s->at[0].n], column[i / s->at[0].n]);
    bool fine = arrays_numbers(r, a, v->value ? PIO_WRITE : PIO_READ, s, x);
    for (uint64_t i = 0; v->want && fine && i < n; i++) {
        uint64_t at = row[i % s->at[0].n], of = column[i / s->at[0].n];
        fine = x[i] == v->want(r, at, of);
        if (!fine)
            port_fail(p, "rank %u: element (%llu, %llu) of array %s is %g, not %g", r->j.rank,
                      (unsigned long long)at, (unsigned long long)of, a->name, x[i],
                      v->want(r, at, of));
        r->checked += sizeof *x;
    }
    port_free(p, x);
    port_free(p, row);
    port_free(p, column);
    return fine;
}

bool arrays_fill(struct arrays_run *r, struct array *a,
                 double (*value)(uint32_t array, uint64_t i, uint64_t j))
{
    r->values = (struct arrays_values){ .value = value };
    return arrays_each_slab(r, a, 0, numbers_slab) &&
           arrays_good(r, array_flush(a), "flush", a->name);
}

bool arrays_compare(struct arrays_run *r, struct array *a,
                    double (*want)(const struct arrays_run *r, uint64_t i, uint64_t j))
{
    r->values = (struct arrays_values){ .want = want };
    return arrays_each_slab(r, a, 0, numbers_slab);
}
