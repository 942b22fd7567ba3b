/* pio_vesta_pfs.c: Vesta's files and views on files of PFS, as a system of pio.
 *
 * A file of Vesta is one file of PFS, in the stripes of its mount: unit r of cell c is unit r cells
 * + c of it, so that the view of all is the file as it lies.  Cells, BSU and base stand in its
 * label; they and views are arithmetic (os/vesta/map.h) and place nothing.  Where PFS's files may
 * have a layout of their own (machine.os.pfs_meta.per_file_layout) the BSU is its stripe unit, and
 * the cells, as many as there are I/O nodes, its factor.
 *
 *   Modes  independent  M_UNIX: a request holds the token of the file while all its pieces move.
 *                       Of a node one such request is under way at a time;
 *          shared       M_LOG: the pointer is that of the file, so the view must be that of all;
 *          reckless     M_ASYNC.
 *   Sizes  PFS knows where the file ends, not where each cell does: a subfile ends with the last
 *          byte that it has before that.  Vesta's own ends with the last byte that somebody wrote
 *          in it.  A read in a view by columns ends at its first byte behind the end of the file,
 *          though bytes after that may lie before it.
 *
 * What it cannot do: access lists (PIO_GRANT), for PFS asks for a file's mode alone; labels of
 * programs, for the label is used.
 */
#include <string.h>

#include "os/file/pieces.h"
#include "os/pfs/pfs.h"
#include "os/pio/pio_internal.h"

struct system {
    struct pio *pfs;
    struct list atomic; /* requests that hold the token: the first is under way */
};

struct file {
    struct pio_file *in;
    struct vesta_map map;
    struct vesta_layout layout;
};

extern const struct pio_ops pio_pfs;

static int inner_mode(int mode)
{
    return mode == VESTA_INDEPENDENT ? (int)M_UNIX : mode == VESTA_SHARED ? (int)M_LOG : PIO_PLAIN;
}

static bool own_layouts(const struct os_layout *l)
{
    const struct pfs_params *p = os_service_params(l, &pfs_meta_service);
    return p != NULL && p->per_file_layout;
}

/* What PFS is asked for of a file with that BSU and so many cells; 0: its own. */
static void inner_layout(const struct os_layout *l, uint64_t *unit, uint32_t *factor)
{
    bool own = own_layouts(l);
    *unit = own ? *unit : 0;
    *factor = !own ? 0 : *factor < l->io_count ? *factor : l->io_count;
}

static bool check(const struct os_layout *l, const struct pio_plan *plan, struct err *e)
{
    struct pio_plan inner = *plan;
    inner_layout(l, &inner.unit, &inner.factor);
    return pio_vesta_layout_check(l, plan, e) && pio_pfs.check(l, &inner, e);
}

static void *start(struct os_node *n)
{
    struct system *s = port_alloc(n->port, sizeof *s);
    s->pfs = pio_find(&pio_pfs, n);
    list_init(&s->atomic);
    return s;
}

/* ---- open: the layout is in the label ---- */

/* "vesta", BSU 8, cells 4, base 4, big-endian. */
static const uint8_t mark[8] = "vesta";

static void layout_store(uint8_t b[PIO_LABEL_BYTES], const struct vesta_layout *l)
{
    memset(b, 0, PIO_LABEL_BYTES);
    memcpy(b, mark, sizeof mark);
    wire_put64(b + 8, l->bsu);
    wire_put32(b + 16, l->cells);
    wire_put32(b + 20, l->base);
}

static bool layout_load(const uint8_t b[PIO_LABEL_BYTES], struct vesta_layout *l)
{
    *l = (struct vesta_layout){ .bsu = wire_get64(b + 8),
                                .cells = wire_get32(b + 16),
                                .base = wire_get32(b + 20) };
    return memcmp(b, mark, sizeof mark) == 0;
}

/* What the label says; a file that has none gets one. */
static enum pio_status learn_layout(struct pio *in, struct file *f, const struct pio_open *o,
                                    bool first)
{
    struct pio_control c = { .what = PIO_LABEL_GET };
    enum pio_status s = pio_control(in, f->in, &c);
    if (s != PIO_OK || layout_load(c.label, &f->layout))
        return s;
    f->layout = pio_vesta_layout(in->node->layout, o->unit, o->factor);
    f->layout.base = 0;
    c.what = PIO_LABEL_SET;
    layout_store(c.label, &f->layout);
    return first && (o->flags & PIO_O_CREATE) ? pio_control(in, f->in, &c) : PIO_OK;
}

static enum pio_status open(struct pio_file *file, const struct pio_open *o)
{
    struct os_node *n = file->sys->node;
    struct system *s = file->sys->state;
    struct vesta_layout asked = pio_vesta_layout(n->layout, o->unit, o->factor);
    struct vesta_view all = vesta_view_all(asked.cells);
    struct pio_open in = *o;
    struct file *f = port_alloc(n->port, sizeof *f);
    enum pio_status st = PIO_OK;
    if ((o->flags & PIO_O_CREATE) && !vesta_map_init(&f->map, asked.cells, asked.bsu, &all))
        st = PIO_BAD_LAYOUT;
    s->pfs->user = file->sys->user;
    in.mode = inner_mode(o->mode);
    inner_layout(n->layout, &in.unit, &in.factor);
    if (st == PIO_OK)
        st = pio_open(s->pfs, &in, &f->in);
    if (st == PIO_OK) {
        f->in->atomic = true;
        st = learn_layout(s->pfs, f, o, !o->together || o->rank == 0);
        if (o->together && o->ranks > 1) { /* the first has set it */
            enum pio_status met = pio_agree(s->pfs, o->name, o->ranks, st == PIO_OK);
            st = st == PIO_OK ? met : st;
            st = st == PIO_OK && o->rank > 0 ? learn_layout(s->pfs, f, o, false) : st;
        }
        all = vesta_view_all(f->layout.cells);
        if (st == PIO_OK && !vesta_map_init(&f->map, f->layout.cells, f->layout.bsu, &all))
            st = PIO_BAD_LAYOUT;
        if (st != PIO_OK)
            (void)pio_close(f->in);
    }
    file->state = f;
    if (st != PIO_OK)
        port_free(n->port, f);
    return st;
}

/* ---- requests ---- */

struct transfer {
    struct list link; /* atomic */
    struct pio_req q;
    struct pio_req *of;
    struct system *s;
    struct port *port;
    bool atomic;
    struct file_runs runs;
};

static bool sees_all(const struct file *f)
{
    const struct vesta_view *w = &f->map.view;
    return w->vn == 1 && f->map.have == f->layout.cells && w->vbs == 1;
}

/* The places in the file of [off, off + len) of the subfile. */
static void add_places(struct port *p, const struct file *f, uint64_t off, uint64_t len,
                       struct file_runs *out)
{
    uint64_t bsu = f->layout.bsu;
    for (uint64_t n; len > 0; off += n, len -= n) {
        struct vesta_place x = vesta_map_place(&f->map, off);
        uint64_t in = x.local % bsu, row = x.local / bsu;
        n = x.run < bsu - in ? x.run : bsu - in;
        n = n < len ? n : len;
        file_runs_add(p, out, (row * f->layout.cells + vesta_map_cell(&f->map, x.nth)) * bsu + in,
                      n);
    }
}

static void add_runs(struct port *p, const struct file *f, const struct file_run *runs,
                     uint32_t count, struct file_runs *out)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t k = 0; k < runs[i].count; k++)
            add_places(p, f, runs[i].off + k * runs[i].stride, runs[i].len, out);
    file_runs_end(out);
}

static void begin_atomic(struct system *s)
{
    struct transfer *t = LIST_ENTRY(s->atomic.next, struct transfer, link);
    pio_submit(&t->q);
}

static void transferred(struct pio_req *q)
{
    struct transfer *t = q->arg;
    struct pio_req *r = t->of;
    struct system *s = t->s;
    bool atomic = t->atomic;
    enum pio_status st = q->status;
    r->moved = q->moved;
    r->off = r->file->mode == VESTA_SHARED ? q->off : r->runs->off;
    r->split = q->split;
    rope_move(&r->data, &q->data);
    list_remove(&t->link);
    port_free(t->port, t->runs.runs);
    port_free(t->port, t);
    if (atomic && !list_empty(&s->atomic))
        begin_atomic(s);
    pio_end(r, st);
}

static void submit(struct pio_req *r)
{
    struct system *s = r->file->sys->state;
    struct file *f = r->file->state;
    struct port *p = r->file->sys->node->port;
    bool shared = r->file->mode == VESTA_SHARED;
    if (shared && !sees_all(f)) {
        pio_end(r, PIO_UNSUPPORTED);
        return;
    }
    struct transfer *t = port_alloc(p, sizeof *t);
    list_init(&t->link);
    t->of = r;
    t->s = s;
    t->port = p;
    t->atomic = r->file->mode == VESTA_INDEPENDENT;
    pio_req_init(&t->q, r->op, f->in);
    t->q.done = transferred;
    t->q.arg = t;
    if (!sees_all(f))
        add_runs(p, f, r->runs, r->run_count, &t->runs);
    t->q.runs = sees_all(f) ? r->runs : t->runs.runs;
    t->q.run_count = sees_all(f) ? r->run_count : t->runs.count;
    rope_move(&t->q.data, &r->data);
    if (!t->atomic) {
        pio_submit(&t->q);
        return;
    }
    list_push(&s->atomic, &t->link);
    if (s->atomic.next == &t->link)
        begin_atomic(s);
}

/* ---- controls ---- */

static enum pio_status see(struct file *f, const struct pio_view *x)
{
    const struct vesta_view view = pio_vesta_view(x);
    struct vesta_map m;
    if (!vesta_map_init(&m, f->layout.cells, f->layout.bsu, &view))
        return PIO_BAD_LAYOUT;
    f->map = m;
    return PIO_OK;
}

/* Where the subfile ends when the file does there. */
static uint64_t subfile_end(const struct file *f, uint64_t size)
{
    struct vesta_view every = vesta_view_all(f->layout.cells);
    struct vesta_map all;
    uint64_t end = 0;
    if (!vesta_map_init(&all, f->layout.cells, f->layout.bsu, &every))
        return 0;
    for (uint32_t k = 0; k < f->map.have; k++) {
        uint64_t length = vesta_map_length(&all, vesta_map_cell(&f->map, k), size);
        uint64_t here = vesta_map_end(&f->map, k, length);
        end = here > end ? here : end;
    }
    return end;
}

/* Its runs are those of PFS's file. */
static enum pio_status hint_of(struct pio_file *file, const struct pio_control *c)
{
    struct system *s = file->sys->state;
    struct file *f = file->state;
    struct port *p = file->sys->node->port;
    struct pio_control in = *c;
    struct file_runs runs = { .count = 0 };
    struct file_list l;
    if (!pio_hint_goes(c, &l) || c->value == PIO_HINT_CLOSED)
        return PIO_UNSUPPORTED; /* the last: PFS says so when its file is closed */
    if (!sees_all(f) && l.count > 0) {
        add_runs(p, f, l.runs, l.count, &runs);
        in.runs = runs.runs;
        in.run_count = runs.count;
    }
    enum pio_status st = pio_control(s->pfs, f->in, &in);
    port_free(p, runs.runs);
    return st;
}

static enum pio_status of_file(struct pio_file *file, struct pio_control *c)
{
    struct system *s = file->sys->state;
    struct file *f = file->state;
    struct pio_control in = *c;
    if (c->what == PIO_VIEW)
        return see(f, &c->view);
    if (c->what == PIO_HINT)
        return hint_of(file, c);
    if (c->what == PIO_SET_SIZE && (!sees_all(f) || c->value > VESTA_SIZE_MAX))
        return pio_of_file(FILE_RANGE);
    in.mode = inner_mode(c->mode);
    enum pio_status st = pio_control(s->pfs, f->in, &in);
    c->value = c->what == PIO_GET_SIZE ? subfile_end(f, in.value) : in.value;
    if (c->what == PIO_CLOSE)
        port_free(file->sys->node->port, f);
    return st;
}

static enum pio_status control(struct pio *sys, struct pio_file *file, struct pio_control *c)
{
    struct system *s = sys->state;
    s->pfs->user = sys->user;
    if (file != NULL && c->what < PIO_UNLINK)
        return of_file(file, c);
    uint64_t unit = c->unit;
    uint32_t factor = c->factor;
    inner_layout(sys->node->layout, &c->unit, &c->factor);
    enum pio_status st = pio_control(s->pfs, NULL, c);
    c->unit = unit;
    c->factor = factor;
    return st;
}

/* Those of PFS's file: transfers past this library see all of the file, as collective ones do. */
static void stripes(const struct pio_file *file, struct pio_stripes *out)
{
    pio_pfs.stripes(((const struct file *)file->state)->in, out);
}

static void written(struct pio_file *file)
{
    pio_pfs.written(((const struct file *)file->state)->in);
}

static const struct os_service_ops *const services[] = { &pfs_client_service, NULL };

extern const struct pio_ops pio_vesta_on_pfs;
const struct pio_ops pio_vesta_on_pfs = {
    .kind = { .name = "vesta_on_pfs",
              .doc = "Vesta's files of cells and views, each on one file of PFS (os/pfs)." },
    .modes = &vesta_modes,
    .can = (PIO_CAN(PIO_CTL_COUNT) - 1) &
           ~(PIO_CAN(PIO_GRANT) | PIO_CAN(PIO_LABEL_GET) | PIO_CAN(PIO_LABEL_SET)),
    .traits = PIO_SHARED | PIO_LAYOUT,
    .services = services,
    .mode = pio_vesta_traits,
    .check = check,
    .start = start,
    .open = open,
    .submit = submit,
    .stripes = stripes,
    .written = written,
    .control = control,
};
