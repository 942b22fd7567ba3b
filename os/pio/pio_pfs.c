/* pio_pfs.c: PFS (os/pfs) as a system of pio.  A list of runs becomes a request each, some of which
 * are under way at once; they are taken back in the order of the list. */
#include <stdio.h> /* snprintf alone */

#include "os/file/directed.h"
#include "os/file/pieces.h"
#include "os/pfs/pfs.h"
#include "os/pio/pio_cache.h"
#include "os/pio/pio_internal.h"

enum { PARTS = 16 }; /* ASSUMED(as many requests of one program as an I/O node works on) */

/* A request of pio while it lasts. */
struct batch {
    struct pio_req *r;
    struct port *port;
    struct rope_cursor data;    /* a write's, as far as parts have begun */
    uint64_t head, tail, total; /* parts taken back, begun, in all */
    uint64_t nth;               /* of the run that comes next */
    uint32_t run;
    bool pumping, short_of;
    uint64_t atomic; /* a batch of PFS; 0: each part for itself */
    enum pio_status status;
    struct part {
        struct pfs_req q;
        struct batch *b;
        bool ended;
    } part[];
};

static enum pio_status status_of(enum pfs_status s)
{
    static const enum pio_status of[] = {
        [PFS_OK] = PIO_OK,
        [PFS_NO_FILE] = PIO_NO_FILE,
        [PFS_EXISTS] = PIO_EXISTS,
        [PFS_BAD_NAME] = PIO_BAD_NAME,
        [PFS_BAD_ATTRS] = PIO_BAD_LAYOUT,
        [PFS_BAD_MODE] = PIO_BAD_MODE,
        [PFS_BAD_RECORD] = PIO_BAD_RECORD,
        [PFS_CLOSED] = PIO_CLOSED,
        [PFS_NO_SPACE] = PIO_NO_SPACE,
        [PFS_IO_ERROR] = PIO_IO_ERROR,
        [PFS_SERVER_DOWN] = PIO_SERVER_DOWN,
        [PFS_STALE] = PIO_STALE,
        [PFS_NODE_DOWN] = PIO_NODE_DOWN,
        [PFS_NOT_DIR] = PIO_BAD_NAME,
        [PFS_IS_DIR] = PIO_BAD_NAME,
        [PFS_NOT_EMPTY] = PIO_BAD_NAME,
        [PFS_BAD_OFFSET] = PIO_UNSUPPORTED,
        [PFS_OTHER_MOUNT] = PIO_BAD_NAME,
        [PFS_DENIED] = PIO_DENIED,
        [PFS_NO_VERSION] = PIO_NO_FILE,
        [PFS_UNSUPPORTED] = PIO_UNSUPPORTED,
    };
    _Static_assert(ARRAY_LEN(of) == PFS_STATUS_COUNT, "each status of PFS is one of pio");
    return of[s];
}

static enum pfs_mode mode_of(int mode)
{
    return mode == PIO_PLAIN ? M_ASYNC : (enum pfs_mode)mode;
}

unsigned pio_pfs_traits(int mode)
{
    enum pfs_mode m = mode_of(mode);
    bool own = pfs_mode_is(m, PFS_MODE_OWN), one = pfs_mode_is(m, PFS_MODE_ONE);
    bool meet = pfs_mode_is(m, PFS_MODE_MEET), given = pfs_mode_is(m, PFS_MODE_GIVEN);
    return (own ? PIO_MODE_OFFSETS : 0u) |
           (!own && !one && (meet || !given) ? PIO_MODE_RANKS : 0u) |
           (meet ? PIO_MODE_TOGETHER : 0u) | (one ? PIO_MODE_SAME : 0u);
}

static bool check(const struct os_layout *l, const struct pio_plan *plan, struct err *e)
{
    struct pfs_mount m;
    if (plan->warm && !pfs_buffered(l))
        return err_set(e,
                       "%s.cache = 'warm': only with machine.os.pfs_server.lfs.buffered = true, "
                       "else no buffer has anything",
                       plan->path);
    if ((plan->can & (PIO_CAN(PIO_CHECKPOINT) | PIO_CAN(PIO_ROLLBACK))) && !pfs_versions(l))
        return err_set(e,
                       "%s.system: files of PFS have checkpoints only where "
                       "machine.os.pfs_server.files has the layer 'keep', or ends with "
                       "'vesta_store'",
                       plan->path);
    return pfs_mount_for(l, plan->unit, plan->factor, plan->path, &m, e) &&
           pfs_room_check(l, &m.attrs, plan->files, plan->size, plan->path, e);
}

static void *start(struct os_node *n)
{
    return os_find(n, &pfs_client_service);
}

/* Names without a '/' in front begin at the mount of the layout asked for.  False: none has it. */
static bool path_of(struct pio *s, const char *name, uint64_t unit, uint32_t factor,
                    struct pfs_mount *m, char path[2 * PFS_NAME_MAX])
{
    struct err e = ERR_INIT;
    pfs_user(s->state, &s->user);
    if (!pfs_mount_for(s->node->layout, unit, factor, "", m, &e))
        return false;
    bool as_it_is = m->home || name[0] == '/';
    (void)snprintf(path, 2 * PFS_NAME_MAX, "%s%s%s", as_it_is ? "" : m->path, as_it_is ? "" : "/",
                   name);
    return true;
}

static enum pio_status open(struct pio_file *f, const struct pio_open *o)
{
    struct pfs_mount m;
    char path[2 * PFS_NAME_MAX];
    struct pfs_file *file = NULL;
    _Static_assert((int)PIO_O_CREATE == PFS_O_CREATE && (int)PIO_O_EXCL == PFS_O_EXCL &&
                       (int)PIO_O_TRUNC == PFS_O_TRUNC && (int)PIO_O_READ_ONLY == PFS_O_READ_ONLY &&
                       (int)PIO_O_RETURN == PFS_O_RETURN,
                   "the flags are those of PFS");
    if (!path_of(f->sys, o->name, o->unit, o->factor, &m, path))
        return PIO_BAD_LAYOUT;
    enum pfs_status s = (o->together ? pfs_gopen : pfs_open)(
        f->sys->state, path, o->flags, mode_of(o->mode), o->rank, o->ranks,
        o->flags & PIO_O_CREATE ? &m.attrs : NULL, &file);
    f->state = file;
    return status_of(s);
}

/* The next run; its data leave the request's. */
static void begin(struct batch *b, bool offsets)
{
    struct pio_req *r = b->r;
    const struct file_run *run = &r->runs[b->run];
    struct part *part = &b->part[b->tail % PARTS];
    part->b = b;
    part->ended = false;
    struct pfs_req *q = &part->q;
    pfs_req_init(q, r->op == PIO_READ ? PFS_READ : PFS_WRITE, r->file->state);
    q->at = true;
    q->batch = b->atomic;
    q->off = run->off + b->nth * run->stride;
    q->len = offsets ? run->len : pio_length(r->runs, r->run_count);
    if (r->op == PIO_WRITE)
        rope_cursor_take(&b->data, q->len, &q->data);
    b->tail++;
    if (++b->nth == run->count) {
        b->nth = 0;
        b->run++;
    }
}

/* What has ended goes to the request, in order of the list. */
static void take_back(struct batch *b)
{
    struct pio_req *r = b->r;
    for (; b->head < b->tail && b->part[b->head % PARTS].ended; b->head++) {
        struct pfs_req *q = &b->part[b->head % PARTS].q;
        if (b->status == PIO_OK)
            b->status = status_of(q->status);
        if (b->head == 0)
            r->off = q->off;
        if (b->status == PIO_OK && !b->short_of) {
            r->moved += q->moved;
            b->short_of = q->moved < q->len;
            if (r->op == PIO_READ)
                rope_join(&r->data, &q->data);
        }
        rope_fini(&q->data);
    }
}

static void ended(struct pfs_req *q);

static void pump(struct batch *b)
{
    struct pio_req *r = b->r;
    bool offsets = pio_pfs_traits(r->file->mode) & PIO_MODE_OFFSETS;
    b->pumping = true;
    for (take_back(b);
         b->status == PIO_OK && !b->short_of && b->tail < b->total && b->tail - b->head < PARTS;
         take_back(b)) {
        struct part *part = &b->part[b->tail % PARTS];
        begin(b, offsets);
        part->q.done = ended;
        part->q.arg = part;
        pfs_submit(&part->q);
    }
    b->pumping = false;
    if (b->head < b->tail)
        return;
    enum pio_status s = b->status;
    if (b->atomic != 0)
        pfs_batch_end(r->file->state);
    if (r->op == PIO_WRITE)
        rope_fini(&r->data);
    port_free(b->port, b);
    pio_end(r, s);
}

static void ended(struct pfs_req *q)
{
    struct part *part = q->arg;
    struct batch *b = part->b;
    const struct pfs_split *x = &q->split;
    b->r->split = (struct pio_split){ .mesh = x->mesh, .queue = x->queue, .arm = x->arm };
    part->ended = true;
    if (!b->pumping)
        pump(b);
}

static void submit(struct pio_req *r)
{
    uint64_t parts = 0;
    for (uint32_t i = 0; i < r->run_count; i++)
        parts += r->runs[i].count;
    if (!(pio_pfs_traits(r->file->mode) & PIO_MODE_OFFSETS))
        parts = 1;
    struct port *p = r->file->sys->node->port;
    struct batch *b =
        port_alloc(p, sizeof *b + (parts < PARTS ? parts : PARTS) * sizeof b->part[0]);
    b->r = r;
    b->port = p;
    b->total = parts;
    b->atomic = r->file->atomic && mode_of(r->file->mode) == M_UNIX && parts > 1
                    ? pfs_batch_begin(r->file->state)
                    : 0;
    rope_cursor_init(&b->data, &r->data);
    pump(b);
}

static enum pio_status hint_of(struct pio_file *f, const struct pio_control *c)
{
    struct file_list l;
    if (!pio_hint_goes(c, &l))
        return PIO_UNSUPPORTED;
    return status_of(pfs_hint(f->state, pio_hint_of(c->value), c->number, l.runs, l.count));
}

static enum pio_status of_file(struct pio_file *f, struct pio_control *c)
{
    switch (c->what) {
    case PIO_CLOSE:
        return status_of(pfs_close(f->state));
    case PIO_SET_SIZE:
        return status_of(pfs_lsize(f->state, c->value));
    case PIO_GET_SIZE:
        return status_of(pfs_size(f->state, &c->value));
    case PIO_FLUSH:
        return status_of(pfs_sync(f->state));
    case PIO_HINT:
        return hint_of(f, c);
    case PIO_SEEK:
        return status_of((c->ok ? pfs_lseek_alone : pfs_lseek)(f->state, c->value));
    case PIO_TELL:
        c->value = pfs_tell(f->state);
        return PIO_OK;
    case PIO_PLACE:
        return status_of(pfs_place(f->state, &c->value));
    case PIO_MODE:
        return status_of(pfs_setiomode(f->state, mode_of(c->mode)));
    case PIO_CHECKPOINT:
        return status_of(pfs_checkpoint(f->state, c->value));
    case PIO_ROLLBACK:
        return status_of(pfs_rollback(f->state, c->value));
    case PIO_FILL:
        return status_of(pfs_prefill(f->state, c->seed, c->value, c->cold));
    case PIO_LABEL_GET:
    case PIO_LABEL_SET:
        return status_of(pfs_label(f->state, c->what == PIO_LABEL_SET, c->label));
    default:
        return PIO_UNSUPPORTED;
    }
}

static enum pio_status stat_of(struct pio *s, struct pio_control *c, const char *name)
{
    struct pfs_stat st;
    enum pfs_status x = pfs_stat(s->state, name, &st);
    if (x == PFS_OK)
        c->stat = (struct pio_stat){ .size = st.dir ? 0 : st.size,
                                     .directory = st.dir,
                                     .rights = st.rights };
    return status_of(x);
}

static enum pio_status of_name(struct pio *s, struct pio_control *c)
{
    struct pfs_mount m;
    char name[2 * PFS_NAME_MAX], to[2 * PFS_NAME_MAX];
    if (!path_of(s, c->name, c->unit, c->factor, &m, name) ||
        (c->what == PIO_RENAME && !path_of(s, c->to, c->unit, c->factor, &m, to)))
        return PIO_BAD_LAYOUT;
    switch (c->what) {
    case PIO_UNLINK:
        return status_of(pfs_unlink(s->state, name));
    case PIO_RENAME:
        return status_of(pfs_rename(s->state, name, to));
    case PIO_MKDIR:
        return status_of(pfs_mkdir(s->state, name));
    case PIO_RMDIR:
        return status_of(pfs_rmdir(s->state, name));
    case PIO_STAT:
        return stat_of(s, c, name);
    case PIO_CHMOD:
        return status_of(pfs_chmod(s->state, name, &c->stat.rights));
    default: /* PIO_LIST */
        return status_of(pfs_list(s->state, name, c->entry, c->arg));
    }
}

static enum pio_status control(struct pio *s, struct pio_file *f, struct pio_control *c)
{
    if (c->what == PIO_AGREE)
        return status_of(
            pfs_agree(s->state, c->name, (uint32_t)c->value, c->ok ? PFS_OK : PFS_CLOSED));
    return c->what >= PIO_UNLINK ? of_name(s, c) : of_file(f, c);
}

static void stripes(const struct pio_file *f, struct pio_stripes *out)
{
    const struct pfs_attrs *a = pfs_file_attrs(f->state);
    const struct os_layout *l = f->sys->node->layout;
    _Static_assert(PFS_FACTOR_MAX <= PIO_PARTS_MAX, "all directories of a file are told");
    out->rpc = pfs_client_rpc(f->sys->state);
    out->service = DIRECTED_PFS;
    out->unit = a->unit;
    out->factor = a->factor;
    for (uint32_t i = 0; i < a->factor; i++)
        out->host[i] = l->io[a->group[i]];
    pfs_part_name(f->state, out->part.name);
}

static void written(struct pio_file *f)
{
    pfs_written(f->state);
}

static const struct os_service_ops *const services[] = { &pfs_client_service, NULL };

extern const struct pio_ops pio_pfs;
const struct pio_ops pio_pfs = {
    .kind = { .name = "pfs", .doc = "Striped files of the I/O nodes, with I/O modes (os/pfs)." },
    .modes = &pfs_modes,
    .can = (PIO_CAN(PIO_CTL_COUNT) - 1) & ~(PIO_CAN(PIO_VIEW) | PIO_CAN(PIO_GRANT)),
    .traits = PIO_SHARED | PIO_LAYOUT | PIO_RETURN,
    .services = services,
    .mode = pio_pfs_traits,
    .check = check,
    .start = start,
    .open = open,
    .submit = submit,
    .stripes = stripes,
    .written = written,
    .control = control,
};
