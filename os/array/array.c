/* array.c: see array.h: arrays and their files, slabs, sections by way of a file. */
#include "os/array/array_internal.h"
#include "os/nx/nx.h"

#include <stdio.h> /* snprintf alone */

const char *const array_placements[] = { "global", "local", NULL };

const struct counter array_counters[] = {
    C_SUM(array, counts, read, "B", "Bytes of sections of out-of-core arrays that were read."),
    C_SUM(array, counts, written, "B", "Bytes of sections that were written."),
    C_SUM(array, counts, exchanged, "B",
          "Bytes that ranks sent each other of arrays in local files."),
    C_SUM(array, counts, permuted, "B", "Bytes that were put in another order in memory."),
    C_END,
};

/* ---- files ---- */

uint32_t array_files(const struct array_form *f, uint32_t ranks)
{
    return f->placement == ARRAY_LOCAL ? ranks : 1;
}

/* Of the file of a rank, or of all. */
static struct array_layout layout_of(const struct array_form *f, const uint32_t *part)
{
    struct array_layout l = { .dims = f->dist.dims, .element = f->element, .order = f->order };
    for (uint32_t d = 0; d < l.dims; d++)
        l.n[d] =
            f->placement == ARRAY_GLOBAL ? f->dist.d[d].n : array_share(&f->dist.d[d], part[d]);
    return l;
}

bool array_check(const struct array_form *f, const struct pio_ops *sys, const struct os_layout *l,
                 uint32_t ranks, uint32_t arrays, const char *path, struct err *e)
{
    const uint32_t first[ARRAY_DIMS] = { 0 };
    bool local = f->placement == ARRAY_LOCAL;
    const struct array_layout most = layout_of(f, first); /* DIST2 */
    if (local && !f->method->alone)
        return err_set(e,
                       "%s.method is '%s', by which all ranks of a file move it together, and in "
                       "the local placement each has its own; write list, pieces or sieve",
                       path, f->method->kind.name);
    if (!coll_check(f->method, sys, l, "workload.method", e))
        return false;
    if (local && ranks > 1 && !os_served(l, &nx_service, "compute"))
        return err_set(e,
                       "%s: ranks exchange elements of local files by messages, and the machine "
                       "boots no service nx (see machine.graph)",
                       path);
    const struct pio_plan plan = {
        .path = path,
        .can = PIO_CAN(PIO_SET_SIZE) | PIO_CAN(PIO_FLUSH) | PIO_CAN(PIO_AGREE),
        .traits = !local && ranks > 1 ? PIO_SHARED : 0u,
        .unit = f->unit,
        .files = pio_file_count(sys, arrays * array_files(f, ranks)),
        .ranks = ranks,
        .size = array_layout_bytes(&most),
    };
    return pio_check(sys, l, &plan, e);
}

static enum pio_status open_file(struct array *a, bool make)
{
    const struct pio_open o = { .name = a->name,
                                .flags = make ? PIO_O_CREATE : 0u,
                                .rank = a->form.placement == ARRAY_LOCAL ? 0 : a->rank,
                                .ranks = a->form.placement == ARRAY_LOCAL ? 1 : a->ranks,
                                .mode = PIO_PLAIN,
                                .unit = a->form.unit };
    enum pio_status s = pio_open(a->sys, &o, &a->file);
    if (s == PIO_OK && make)
        s = pio_set_size(a->file, array_layout_bytes(&a->layout));
    return s;
}

enum pio_status array_open(struct pio *sys, const struct array_form *f, const char *name,
                           uint32_t rank, uint32_t ranks, unsigned flags, struct array **out)
{
    struct port *p = sys->node->port;
    struct array *a = port_alloc(p, sizeof *a);
    bool local = f->placement == ARRAY_LOCAL;
    *a = (struct array){ .form = *f, .port = p, .sys = sys, .rank = rank, .ranks = ranks };
    a->has = array_part(&f->dist, rank, a->part);
    a->layout = layout_of(f, a->part);
    if (local && !a->has)
        a->layout.n[0] = 0;
    if (local)
        (void)snprintf(a->name, sizeof a->name, "%s.%u", name, rank);
    else
        (void)snprintf(a->name, sizeof a->name, "%s", name);
    bool meet = !(flags & ARRAY_ALONE), first = local || rank == 0;
    enum pio_status s = PIO_OK, all = PIO_OK;
    if (first || !meet)
        s = open_file(a, flags & ARRAY_MAKE);
    if (meet)
        all = pio_agree(sys, "array made", ranks, s == PIO_OK);
    if (meet && all == PIO_OK && !first)
        s = open_file(a, false);
    if (meet && all == PIO_OK)
        all = pio_agree(sys, "array opened", ranks, s == PIO_OK);
    s = s != PIO_OK ? s : all;
    if (s != PIO_OK) {
        if (a->file)
            (void)pio_close(a->file);
        port_free(p, a);
        *out = NULL;
        return s;
    }
    if (f->touch == ARRAY_SWEPT)
        array_tell(a, PIO_HINT_MRU, NULL, 0);
    a->coll = coll_open(f->method, f->collective, a->file);
    a->nx = local && ranks > 1 ? os_find(sys->node, &nx_service) : NULL;
    port_counters(p, "array", array_counters, a);
    *out = a;
    return PIO_OK;
}

enum pio_status array_close(struct array *a)
{
    struct port *p = a->port;
    coll_close(a->coll);
    port_counters_end(p, a);
    enum pio_status s = pio_close(a->file);
    port_free(p, a);
    return s;
}

enum pio_status array_flush(struct array *a)
{
    return pio_flush(a->file);
}

/* ---- slabs ---- */

uint64_t array_width(const struct array_form *f, uint32_t dim, uint64_t memory)
{
    uint64_t one = f->element, all = array_share(&f->dist.d[dim], 0);
    for (uint32_t d = 0; d < f->dist.dims; d++)
        one *= d == dim ? 1 : array_share(&f->dist.d[d], 0); /* DIST2 */
    return memory / one < all ? memory / one : all;
}

uint64_t array_slabs(const struct array_form *f, uint32_t dim, uint64_t width)
{
    return (array_share(&f->dist.d[dim], 0) + width - 1) / width;
}

void array_slab(const struct array *a, uint32_t dim, uint64_t width, uint64_t k,
                struct array_section *out)
{
    const struct array_dist *x = &a->form.dist;
    array_section_init(out, x->dims, a->port);
    for (uint32_t d = 0; d < x->dims && a->has; d++) {
        uint64_t lo = 0, hi = array_share(&x->d[d], a->part[d]);
        if (d == dim) {
            lo = k * width < hi ? k * width : hi;
            hi = lo + width < hi ? lo + width : hi;
        }
        array_list_own(&out->at[d], &x->d[d], a->part[d], lo, hi);
    }
}

/* ---- sections ---- */

bool array_alone(const struct array_form *f)
{
    return f->placement == ARRAY_LOCAL || !f->method->together;
}

enum pio_status array_transfer(struct array *a, struct array_part *x)
{
    uint64_t bytes = array_section_size(x->section) * a->form.element;
    enum pio_status s;
    ASSERT(x->op == PIO_READ || x->data.length == bytes);
    *(x->op == PIO_READ ? &a->counts.read : &a->counts.written) += bytes;
    if (x->op == PIO_READ)
        rope_init(&x->data);
    if (a->form.placement == ARRAY_GLOBAL) {
        s = array_by_file(a, x->op, x->section, x->order, &x->data);
    } else if (!x->own && a->ranks > 1) {
        s = array_exchange(a, x);
    } else {
        struct array_section places, locals;
        bool any = array_meet(a, x->section, a->rank, &places, &locals);
        ASSERT(array_section_size(&places) * a->form.element == bytes); /* its own */
        s = any ? array_by_file(a, x->op, &locals, x->order, &x->data) : PIO_OK;
        array_section_free(&places);
        array_section_free(&locals);
    }
    if (x->op == PIO_WRITE || s != PIO_OK)
        rope_fini(&x->data);
    return s;
}

enum pio_status array_copy(struct array *to, struct array *from, const uint8_t dims[ARRAY_DIMS],
                           const struct array_section *section)
{
    struct array_section of = { .dims = section->dims };
    struct array_part x = { .op = PIO_READ, .section = &of };
    for (uint32_t d = 0; d < of.dims; d++) {
        of.at[dims[d]] = section->at[d];
        x.order.by[d] = dims[to->form.order.by[d]];
    }
    enum pio_status s = array_transfer(from, &x), t;
    struct array_part y = {
        .op = PIO_WRITE, .section = section, .order = to->form.order, .own = true
    };
    struct array_section none;
    array_section_init(&none, section->dims, to->port);
    if (s != PIO_OK)
        y.section = &none; /* others may wait for this rank */
    rope_move(&y.data, &x.data);
    t = array_transfer(to, &y);
    return s != PIO_OK ? s : t;
}
