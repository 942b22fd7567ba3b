/* array_move.c: elements of one file: a section of its layout, put in the order asked for. */
#include "os/array/array_internal.h"
#include "os/file/pieces.h"

static bool same_order(const struct array_layout *l, struct array_order a, struct array_order b)
{
    bool same = true;
    for (uint32_t k = 0; k < l->dims; k++)
        same = same && a.by[k] == b.by[k];
    return same;
}

/* The elements of `of` lie in the order `from`; afterwards in `to`. */
static void permute(struct array *a, const struct array_section *of, struct array_order from,
                    struct array_order to, struct rope *data)
{
    struct array_layout l = array_layout_of(of, a->form.element, to);
    struct array_section all;
    struct array_list places;
    struct file_merge m;
    if (same_order(&l, from, to) || data->length == 0)
        return;
    array_section_init(&all, l.dims, a->port);
    for (uint32_t d = 0; d < l.dims; d++)
        array_list_add(&all.at[d], 0, l.n[d]);
    array_runs(&l, &all, from, &places);
    array_section_free(&all);
    const struct file_list list = { places.run, places.count };
    a->counts.permuted += data->length;
    file_merge(a->port, &list, data, 1, (struct file_window){ 0, data->length }, NULL, &m);
    rope_fini(data);
    rope_move(data, &m.data);
    port_free(a->port, m.runs);
    array_list_free(&places);
}

void array_tell(struct array *a, enum pio_hint hint, const struct file_run *runs, uint32_t count)
{
    struct pio_control c = { .what = PIO_HINT,
                             .value = hint,
                             .number = FILE_PRIORITY_NORMAL,
                             .runs = runs,
                             .run_count = count };
    (void)pio_control(a->sys, a->file, &c); /* a hint that did not arrive changes no result */
}

enum pio_status array_by_file(struct array *a, enum pio_op op, const struct array_section *of,
                              struct array_order order, struct rope *data)
{
    struct array_list runs;
    struct coll_part x = { .op = op };
    if (op == PIO_WRITE)
        permute(a, of, order, a->layout.order, data);
    array_runs(&a->layout, of, a->layout.order, &runs);
    x.runs = runs.run;
    x.run_count = runs.count;
    rope_move(&x.data, data);
    enum pio_status s = coll_transfer(a->coll, &x);
    if (s == PIO_OK && x.moved != runs.n)
        s = PIO_IO_ERROR; /* the file has its size: what is short was cut by others */
    rope_move(data, &x.data);
    if (a->form.touch == ARRAY_ONCE && runs.count > 0)
        array_tell(a, PIO_HINT_WONT_NEED, runs.run, runs.count);
    array_list_free(&runs);
    if (op == PIO_READ && s == PIO_OK)
        permute(a, of, a->layout.order, order, data);
    return s;
}

bool array_meet(const struct array *a, const struct array_section *s, uint32_t rank,
                struct array_section *places, struct array_section *locals)
{
    uint32_t part[ARRAY_DIMS];
    array_section_init(places, s->dims, a->port);
    array_section_init(locals, s->dims, a->port);
    for (uint32_t d = 0; array_part(&a->form.dist, rank, part) && d < s->dims; d++)
        array_list_meet(&s->at[d], &a->form.dist.d[d], part[d], &places->at[d], &locals->at[d]);
    return array_section_size(places) > 0;
}
