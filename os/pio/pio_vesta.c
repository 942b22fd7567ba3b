/* pio_vesta.c: Vesta (os/vesta) as a system of pio.  The stripe unit of a file is its BSU, the
 * factor its cells; ranks meet by NX. */
#include <string.h>

#include "os/file/directed.h"
#include "os/nx/nx.h"
#include "os/pio/pio_internal.h"

static enum vesta_mode mode_of(int mode)
{
    return mode == PIO_PLAIN ? VESTA_RECKLESS : (enum vesta_mode)mode;
}

unsigned pio_vesta_traits(int mode)
{
    return mode_of(mode) == VESTA_SHARED ? 0u : PIO_MODE_OFFSETS;
}

struct vesta_layout pio_vesta_layout(const struct os_layout *l, uint64_t unit, uint32_t factor)
{
    return (struct vesta_layout){ .bsu = unit != 0 ? unit : 65536, /* PFS's stripe unit */
                                  .cells = factor != 0 ? factor : l->io_count,
                                  .base = UINT32_MAX };
}

bool pio_vesta_layout_check(const struct os_layout *l, const struct pio_plan *plan, struct err *e)
{
    struct vesta_layout x = pio_vesta_layout(l, plan->unit, plan->factor);
    struct vesta_view all = vesta_view_all(x.cells);
    struct vesta_map m;
    return vesta_map_init(&m, x.cells, x.bsu, &all) ||
           err_set(e,
                   "%s: no file of Vesta has %u cells of units of %llu bytes: 1 to %d, 1 to %llu",
                   plan->path, x.cells, (unsigned long long)x.bsu, VESTA_CELLS_MAX,
                   (unsigned long long)VESTA_SIZE_MAX);
}

bool pio_vesta_check(const char *system, const struct os_layout *l, const struct pio_plan *plan,
                     struct err *e)
{
    struct vesta_layout x = pio_vesta_layout(l, plan->unit, plan->factor);
    if (plan->warm && !vesta_buffered(l))
        return err_set(e,
                       "%s.cache = 'warm': only with machine.os.vesta_server.lfs.buffered = true, "
                       "else no buffer has anything",
                       plan->path);
    if ((plan->can & (PIO_CAN(PIO_CHECKPOINT) | PIO_CAN(PIO_ROLLBACK))) && !vesta_versions(l))
        return err_set(e,
                       "%s.system is '%s', whose files have checkpoints only where "
                       "machine.os.vesta_server.files ends with the layer 'vesta_store'",
                       plan->path, system);
    return pio_vesta_layout_check(l, plan, e) &&
           vesta_room_check(l, &x, plan->files, plan->size, plan->path, e);
}

static bool check(const struct os_layout *l, const struct pio_plan *plan, struct err *e)
{
    return pio_vesta_check("vesta", l, plan, e);
}

static void *start(struct os_node *n)
{
    return os_find(n, &vesta_client_service);
}

/* By a global operation of NX. */
static enum pio_status agree(struct os_node *n, bool ok)
{
    int64_t bad = !ok;
    if (nx_gihigh(os_find(n, &nx_service), &bad, 1) != NX_OK)
        return PIO_NODE_DOWN;
    return bad ? PIO_CLOSED : PIO_OK;
}

static enum pio_status status_of(enum file_status s)
{
    return s == FILE_RANGE ? PIO_BAD_LAYOUT : pio_of_file(s);
}

/* Its flags; a rank that opens with others leaves that to the first. */
static enum pio_status open_one(struct pio_file *f, const struct pio_open *o, unsigned flags)
{
    _Static_assert((int)PIO_O_CREATE == VESTA_O_CREATE && (int)PIO_O_EXCL == VESTA_O_EXCL,
                   "the flags are those of Vesta");
    struct vesta_layout l = pio_vesta_layout(f->sys->node->layout, o->unit, o->factor);
    struct vesta_file *file = NULL;
    unsigned how = flags & (VESTA_O_CREATE | VESTA_O_EXCL);
    how |= o->flags & PIO_O_READ_ONLY ? VESTA_O_READ_ONLY : 0u;
    how |= o->together && o->rank > 0 ? VESTA_O_GRANTED : 0u;
    vesta_user(f->sys->state, &f->sys->user);
    enum file_status s = vesta_open(f->sys->state, o->name, how, &l, mode_of(o->mode), &file);
    f->state = file;
    if (s == FILE_OK && (flags & PIO_O_TRUNC) && (s = vesta_set_size(file, 0)) != FILE_OK)
        vesta_close(file);
    return status_of(s);
}

static enum pio_status open(struct pio_file *f, const struct pio_open *o)
{
    if (!o->together)
        return open_one(f, o, o->flags);
    enum pio_status s = o->rank == 0 ? open_one(f, o, o->flags) : PIO_OK;
    enum pio_status met = agree(f->sys->node, s == PIO_OK);
    bool mine = o->rank == 0 && s == PIO_OK;
    if (met == PIO_OK && o->rank > 0)
        s = open_one(f, o, 0);
    if (met != PIO_OK && mine)
        vesta_close(f->state);
    return s == PIO_OK ? met : s;
}

struct transfer {
    struct file_req q;
    struct pio_req *of;
    void (*ended)(void *arg, struct pio_req *r, enum pio_status s);
    void *arg;
    struct file_run runs[];
};

static void transferred(struct file_req *q)
{
    struct transfer *t = q->arg;
    struct pio_req *r = t->of;
    void (*ended)(void *arg, struct pio_req *r, enum pio_status s) = t->ended;
    void *arg = t->arg;
    r->moved = q->moved;
    r->off = q->runs->off;
    r->split.arm = q->part[FILE_DEVICE];
    r->split.queue = q->part[FILE_QUEUE];
    r->split.mesh = q->part[FILE_NETWORK];
    rope_move(&r->data, &q->data);
    enum pio_status s = pio_of_file(q->status);
    port_free(r->file->sys->node->port, t);
    ended(arg, r, s);
}

/* A read ends where no file goes on. */
static uint32_t clip(struct file_run *runs, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        struct file_run x = runs[k];
        bool first = x.len <= VESTA_SIZE_MAX && x.off <= VESTA_SIZE_MAX - x.len;
        uint64_t room = first ? VESTA_SIZE_MAX - x.len - x.off : 0;
        uint64_t fit = !first ? 0 : x.count > 1 && x.stride > 0 ? room / x.stride + 1 : x.count;
        if (fit >= x.count)
            continue;
        runs[k].count = fit;
        k += fit > 0;
        uint64_t off = x.off + fit * x.stride;
        runs[k] = (struct file_run){ .off = off, .count = 1 };
        runs[k].len = off < VESTA_SIZE_MAX ? VESTA_SIZE_MAX - off : 0;
        runs[k].off = off < VESTA_SIZE_MAX ? off : 0;
        return k + 1;
    }
    return count;
}

void pio_vesta_transfer(struct vesta_file *v, struct pio_req *r, const struct file_run *runs,
                        uint32_t count,
                        void (*ended)(void *arg, struct pio_req *r, enum pio_status s), void *arg)
{
    struct port *p = r->file->sys->node->port;
    struct transfer *t = port_alloc(p, sizeof *t + (count + 1) * sizeof t->runs[0]);
    t->of = r;
    t->ended = ended;
    t->arg = arg;
    file_req_init(&t->q, r->op == PIO_READ ? FILE_READ : FILE_WRITE, transferred, t);
    memcpy(t->runs, runs, count * sizeof t->runs[0]);
    t->q.runs = t->runs;
    t->q.run_count = r->op == PIO_READ ? clip(t->runs, count) : count;
    rope_move(&t->q.data, &r->data);
    vesta_submit(v, &t->q);
}

static void ended(void *arg, struct pio_req *r, enum pio_status s)
{
    (void)arg;
    pio_end(r, s);
}

static void submit(struct pio_req *r)
{
    pio_vesta_transfer(r->file->state, r, r->runs, r->run_count, ended, NULL);
}

void pio_vesta_stripes(const struct vesta_file *v, struct pio_stripes *out)
{
    const struct vesta_layout *l = vesta_layout_of(v);
    out->service = DIRECTED_VESTA;
    out->unit = l->bsu;
    out->numbered = true;
    out->factor =
        vesta_cells(v, &out->rpc, out->host, PIO_PARTS_MAX, out->part.name) ? l->cells : 0;
}

static void stripes(const struct pio_file *f, struct pio_stripes *out)
{
    pio_vesta_stripes(f->state, out);
}

static void written(struct pio_file *f)
{
    vesta_written(f->state);
}

struct vesta_view pio_vesta_view(const struct pio_view *x)
{
    return (struct vesta_view){ .vbs = x->rows,
                                .vn = x->down,
                                .hbs = x->columns,
                                .hn = x->across,
                                .subfile = x->subfile,
                                .down = x->by_column };
}

static enum pio_status see(struct vesta_file *v, const struct pio_view *x)
{
    const struct vesta_view view = pio_vesta_view(x);
    return vesta_view(v, &view) ? PIO_OK : PIO_BAD_LAYOUT;
}

static enum pio_status hint_of(struct vesta_file *v, struct port *port, const struct pio_control *c)
{
    struct file_list l;
    if (!pio_hint_goes(c, &l))
        return PIO_UNSUPPORTED;
    struct file_run *runs = port_alloc(port, (l.count + 1) * sizeof *runs);
    if (l.count > 0)
        memcpy(runs, l.runs, l.count * sizeof *runs);
    enum file_status s = vesta_hint(v, pio_hint_of(c->value), c->number, runs, clip(runs, l.count));
    port_free(port, runs);
    return pio_of_file(s);
}

enum pio_status pio_vesta_control(struct vesta_file *v, struct port *port, struct pio_control *c)
{
    switch (c->what) {
    case PIO_CLOSE:
        vesta_close(v);
        return PIO_OK;
    case PIO_SET_SIZE:
        return pio_of_file(vesta_set_size(v, c->value));
    case PIO_GET_SIZE:
        return pio_of_file(vesta_size(v, &c->value));
    case PIO_FLUSH:
        return pio_of_file(vesta_flush(v));
    case PIO_CHECKPOINT:
        return pio_of_file(vesta_checkpoint(v, (uint32_t)c->value));
    case PIO_ROLLBACK:
        return pio_of_file(vesta_rollback(v, (uint32_t)c->value));
    case PIO_LABEL_GET:
    case PIO_LABEL_SET:
        return pio_of_file(vesta_label(v, c->what == PIO_LABEL_SET, c->label));
    case PIO_FILL:
        return pio_of_file(vesta_fill(v, c->seed, c->value, c->cold));
    case PIO_HINT:
        return hint_of(v, port, c);
    default:
        return PIO_UNSUPPORTED;
    }
}

static enum pio_status of_file(struct pio_file *f, struct pio_control *c)
{
    struct vesta_file *v = f->state;
    switch (c->what) {
    case PIO_SEEK:
    case PIO_TELL:
        return pio_of_file(vesta_pointer(v, c->what == PIO_SEEK, &c->value));
    case PIO_PLACE:
        if (mode_of(f->mode) != VESTA_SHARED)
            return PIO_UNSUPPORTED;
        return pio_of_file(vesta_pointer(v, false, &c->value));
    case PIO_MODE:
        vesta_mode(v, mode_of(c->mode));
        return agree(f->sys->node, true);
    case PIO_VIEW:
        return see(v, &c->view);
    default:
        return pio_vesta_control(v, f->sys->node->port, c);
    }
}

#if PIO_ACCESS_MAX != VESTA_ACCESS_MAX
#error "an access list does not fit"
#endif
static enum pio_status stat_of(struct pio *s, struct pio_control *c)
{
    struct vesta_stat st;
    enum file_status x = vesta_stat(s->state, c->name, &st);
    if (x == FILE_OK)
        c->stat = (struct pio_stat){ .size = st.size, .directory = st.xref, .rights = st.rights };
    for (uint32_t i = 0; x == FILE_OK && i < st.access_count; i++) {
        c->stat.access[c->stat.access_count].uid = st.access[i].uid;
        c->stat.access[c->stat.access_count++].bits = st.access[i].bits;
    }
    return pio_of_file(x);
}

static enum pio_status control(struct pio *s, struct pio_file *f, struct pio_control *c)
{
    vesta_user(s->state, &s->user);
    switch (c->what) {
    case PIO_UNLINK:
        return pio_of_file(vesta_unlink(s->state, c->name));
    case PIO_RENAME:
        return pio_of_file(vesta_rename(s->state, c->name, c->to));
    case PIO_MKDIR:
        return pio_of_file(vesta_mkxref(s->state, c->name));
    case PIO_RMDIR:
        return pio_of_file(vesta_rmxref(s->state, c->name));
    case PIO_STAT:
        return stat_of(s, c);
    case PIO_LIST:
        return pio_of_file(vesta_list(s->state, c->name, c->entry, c->arg));
    case PIO_GRANT:
        return pio_of_file(
            vesta_grant(s->state, c->name, (uint32_t)c->value, (uint32_t)c->mode & 06));
    case PIO_CHMOD:
        return pio_of_file(vesta_chmod(s->state, c->name, &c->stat.rights));
    case PIO_AGREE:
        return agree(s->node, c->ok);
    default:
        return of_file(f, c);
    }
}

static const struct os_service_ops *const services[] = { &vesta_client_service, &nx_service, NULL };

extern const struct pio_ops pio_vesta;
const struct pio_ops pio_vesta = {
    .kind = { .name = "vesta",
              .doc = "Files of cells on the I/O nodes, seen through views (os/vesta)." },
    .modes = &vesta_modes,
    .can = PIO_CAN(PIO_CTL_COUNT) - 1,
    .traits = PIO_SHARED | PIO_LAYOUT,
    .below = 3, /* its object, a cell, and what an Xref says of it */
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
