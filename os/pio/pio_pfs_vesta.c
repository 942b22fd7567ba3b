/* pio_pfs_vesta.c: PFS's files and I/O modes on files of Vesta, as a system of pio.
 *
 * A file is one of Vesta's: the stripe unit is its BSU, the factor its cells.  What PFS's service
 * node does has no node of its own here:
 *
 *   Modes  M_UNIX is Vesta's atomic requests at own offsets, M_ASYNC its reckless ones.  The others
 *          move reckless ranges that a pointer gives: that of the ranks of a file, which they keep
 *          among themselves (ranks.h).  In M_GLOBAL rank 0 moves the range, and spreads what came.
 *          In M_RECORD the offset is arithmetic; a rank's first request since the mode was set
 *          asks whether records have that length, so that an unlike one is refused at once, and
 *          nothing of it is done.  Where the pointer's node is dead M_RECORD goes on unasked.
 *   Names  a path's directories are Xrefs: this library looks at each on the way, since Vesta asks
 *          for none, and for the rights that PFS asks for.  A '/' in front changes nothing.  It
 *          looks first and acts then: a directory that goes meanwhile is not noticed.  A directory
 *          that is renamed takes what is in it along one by one; where a node dies meanwhile some
 *          of it has moved.
 *   Sizes  a cut by who has opened the file alone is not known to others' pointer before their next
 *          seek or mode: a program shares a file, or does not.
 */
#include <stdio.h> /* snprintf alone */
#include <string.h>

#include "os/pfs/pfs.h"
#include "os/pio/pio_internal.h"
#include "os/pio/ranks.h"

struct system {
    struct vesta_client *vesta;
    struct ranks *ranks;
};

struct file {
    struct vesta_file *v;
    struct ranks_file *meet;
    struct port *port;
    int mode;
    uint32_t rank, ranks;
    uint64_t crashes; /* of nodes, told before it was open */
    uint64_t pointer; /* of its own; of records: the base */
    uint64_t record, count;
    uint32_t asking; /* M_RECORD: requests that ask */
    bool read_only;
};

static bool check(const struct os_layout *l, const struct pio_plan *plan, struct err *e)
{
    return pio_vesta_check("pfs_on_vesta", l, plan, e);
}

static void *start(struct os_node *n)
{
    struct system *s = port_alloc(n->port, sizeof *s);
    s->vesta = os_find(n, &vesta_client_service);
    s->ranks = os_find(n, &ranks_service);
    return s;
}

/* ---- names ---- */

typedef char path[VESTA_NAME_MAX + 1];

/* Without what changes nothing.  False: "", where that names nothing, "." or "..", too long. */
static bool clean(const char *name, bool root, path out)
{
    size_t n = 0;
    for (const char *at = name; *at != 0;) {
        size_t len = strcspn(at, "/");
        if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.') ||
            n + len + (n > 0) > VESTA_NAME_MAX)
            return false;
        if (len > 0 && n > 0)
            out[n++] = '/';
        memcpy(out + n, at, len);
        n += len;
        at += len + (at[len] == '/');
    }
    out[n] = 0;
    return n > 0 || root;
}

static const struct file_rights nobody_asks = { .uid = 0 };

/* The directory of that name is there, and its mode allows these bits.  Vesta asks for none of
 * what comes then. (blocks) */
static enum pio_status directory(struct pio *s, const char *name, uint32_t bits)
{
    struct vesta_client *c = ((struct system *)s->state)->vesta;
    struct vesta_stat st;
    vesta_user(c, &nobody_asks);
    if (name[0] == 0)
        return PIO_OK;
    enum file_status x = vesta_stat(c, name, &st);
    if (x != FILE_OK)
        return pio_of_file(x);
    if (!st.xref)
        return PIO_BAD_NAME;
    return file_may(&s->user, &st.rights, bits) ? PIO_OK : PIO_DENIED;
}

/* All directories on the way may be searched, the last allows these bits, too. (blocks) */
static enum pio_status walk(struct pio *s, const char *name, uint32_t bits)
{
    enum pio_status st = directory(s, "", bits);
    for (const char *at = strchr(name, '/'); at != NULL && st == PIO_OK; at = strchr(at + 1, '/')) {
        path up = { 0 };
        memcpy(up, name, (size_t)(at - name));
        st = directory(s, up, 01 | (strchr(at + 1, '/') == NULL ? bits : 0));
    }
    return st;
}

/* ---- opening ---- */

static void size_told(void *arg, enum file_status s, uint64_t size)
{
    ranks_size(arg, pio_of_file(s), size);
}

static void ask_size(struct ranks_op *op)
{
    struct file *f = ranks_arg(op->file);
    vesta_ask_size(f->v, size_told, op);
}

static void set_mode(struct file *f, int mode)
{
    f->mode = mode;
    f->pointer = f->record = f->count = 0;
    vesta_mode(f->v, mode == M_UNIX ? VESTA_INDEPENDENT : VESTA_RECKLESS);
}

/* One rank's; `flags`: of who makes it. (blocks) */
static enum pio_status open_one(struct pio_file *f, const struct pio_open *o, const char *name,
                                unsigned flags, bool granted, struct vesta_file **out)
{
    struct vesta_client *c = ((struct system *)f->sys->state)->vesta;
    struct vesta_layout l = pio_vesta_layout(f->sys->node->layout, o->unit, o->factor);
    unsigned how = flags & (VESTA_O_CREATE | VESTA_O_EXCL);
    how |= flags & PIO_O_READ_ONLY ? VESTA_O_READ_ONLY : 0u;
    how |= granted ? VESTA_O_GRANTED : 0u;
    enum pio_status s = granted ? PIO_OK : walk(f->sys, name, flags & PIO_O_CREATE ? 02 : 0);
    bool bare = s == PIO_DENIED && walk(f->sys, name, 0) == PIO_OK; /* nothing is made there */
    if (s != PIO_OK && !bare)
        return s;
    vesta_user(c, &f->sys->user);
    enum file_status x =
        vesta_open(c, name, bare ? how & ~(unsigned)VESTA_O_CREATE : how, &l, VESTA_RECKLESS, out);
    if (bare && x == FILE_NO_FILE)
        return PIO_DENIED;
    if (x == FILE_OK && (flags & PIO_O_TRUNC) && (x = vesta_set_size(*out, 0)) != FILE_OK)
        vesta_close(*out);
    return x == FILE_RANGE ? PIO_BAD_LAYOUT : pio_of_file(x);
}

static void opened(struct pio_file *f, const struct pio_open *o, struct vesta_file *v,
                   unsigned flags)
{
    struct system *s = f->sys->state;
    struct file *x = port_alloc(f->sys->node->port, sizeof *x);
    x->v = v;
    x->port = f->sys->node->port;
    x->rank = o->ranks > 1 ? o->rank : 0;
    x->ranks = o->ranks > 1 ? o->ranks : 1;
    x->crashes = spread_crashes(ranks_spread(s->ranks));
    x->read_only = (flags & PIO_O_READ_ONLY) != 0;
    x->meet = ranks_open(s->ranks, vesta_key(v), x->rank, x->ranks, o->together, VESTA_SIZE_MAX,
                         ask_size, x);
    set_mode(x, o->mode);
    if (flags & PIO_O_TRUNC)
        ranks_cut(x->meet);
    f->state = x;
}

/* All ranks say the same mode; rank 0 opens, and tells how that went; then the others do. */
static enum pio_status open_together(struct pio_file *f, const struct pio_open *o, const char *name)
{
    struct system *sys = f->sys->state;
    struct vesta_file *v = NULL;
    struct ranks_meeting m = {
        .tag = name, .kind = 'm', .rank = o->rank, .ranks = o->ranks, .value = (uint64_t)o->mode + 1
    };
    enum pio_status s = ranks_meet(sys->ranks, &m), mine = PIO_OK;
    if (s != PIO_OK || !m.alike)
        return s != PIO_OK ? s : PIO_BAD_MODE;
    if (o->rank == 0)
        mine = open_one(f, o, name, o->flags, false, &v);
    m = (struct ranks_meeting){ .tag = name,
                                .kind = 'o',
                                .rank = o->rank,
                                .ranks = o->ranks,
                                .value = mine,
                                .key = v != NULL && mine == PIO_OK ? vesta_key(v) : 0,
                                .limit = VESTA_SIZE_MAX,
                                .flags = o->flags };
    s = ranks_meet(sys->ranks, &m);
    if (s == PIO_OK && m.value != PIO_OK)
        s = m.value < PIO_STATUS_COUNT ? (enum pio_status)m.value : PIO_IO_ERROR;
    if (s != PIO_OK) {
        if (v != NULL && mine == PIO_OK)
            vesta_close(v);
        return s;
    }
    unsigned flags = m.flags & ~(unsigned)PIO_O_TRUNC; /* that is done */
    if (o->rank > 0)
        s = open_one(f, o, name, flags & PIO_O_READ_ONLY, true, &v);
    if (s == PIO_OK)
        opened(f, o, v, o->rank == 0 ? o->flags : flags);
    else /* it is in the group: it leaves */
        ranks_close(ranks_open(sys->ranks, m.key, o->rank, o->ranks, true, 0, NULL, NULL));
    return s;
}

static enum pio_status open(struct pio_file *f, const struct pio_open *o)
{
    path name;
    struct vesta_file *v;
    if (!clean(o->name, false, name))
        return PIO_BAD_NAME;
    if (o->together && o->ranks > 1)
        return open_together(f, o, name);
    enum pio_status s = open_one(f, o, name, o->flags, false, &v);
    if (s == PIO_OK)
        opened(f, o, v, o->flags);
    return s;
}

/* ---- requests at a pointer ---- */

struct turn {
    struct ranks_op op;
    struct file *f;
    struct pio_req *r;
    sim_time waited;
};

static void turn_end(struct turn *t, enum pio_status s)
{
    struct pio_req *r = t->r;
    r->split.queue += t->waited;
    if (r->op == PIO_WRITE)
        rope_fini(&r->data);
    port_free(t->f->port, t);
    pio_end(r, s);
}

static void moved(void *arg, struct pio_req *r, enum pio_status s)
{
    struct turn *t = arg;
    struct system *sys = r->file->sys->state;
    bool good = s == PIO_OK;
    if (pio_pfs_traits(t->f->mode) & PIO_MODE_SAME)
        spread_give(
            ranks_spread(sys->ranks),
            &(struct spread_outcome){ .key = vesta_key(t->f->v),
                                      .round = t->op.round,
                                      .ranks = t->f->ranks,
                                      .status = s,
                                      .moved = good ? r->moved : 0,
                                      .data = good && r->op == PIO_READ ? &r->data : NULL });
    turn_end(t, s);
}

/* The range is known. */
static void move(struct turn *t)
{
    struct pio_req *r = t->r;
    const struct file_run run = { .off = t->op.off, .len = t->op.len, .count = 1 };
    r->off = t->op.off;
    pio_vesta_transfer(t->f->v, r, &run, 1, moved, t);
}

static void outcome(void *arg, const struct spread_outcome *o)
{
    struct turn *t = arg;
    struct pio_req *r = t->r;
    t->waited = port_now(t->f->port) - r->started;
    r->off = t->op.off;
    r->moved = o->moved;
    if (o->data != NULL)
        rope_add_slice(&r->data, o->data, 0, o->data->length);
    turn_end(t,
             o->lost || o->status >= PIO_STATUS_COUNT ? PIO_NODE_DOWN : (enum pio_status)o->status);
}

static void given(struct ranks_op *op)
{
    struct turn *t = op->arg;
    struct system *sys = t->r->file->sys->state;
    t->waited = port_now(t->f->port) - t->r->started;
    if (op->status != PIO_OK)
        turn_end(t, op->status);
    else if ((op->traits & PIO_MODE_SAME) && t->f->rank > 0)
        spread_take(ranks_spread(sys->ranks), vesta_key(t->f->v), op->round, t->f->ranks,
                    t->f->crashes, outcome, t);
    else
        move(t);
}

/* The place of this rank's next record, of that length. */
static uint64_t record_at(const struct file *f, uint64_t len)
{
    uint64_t at, records;
    if (__builtin_mul_overflow(f->count, f->ranks, &records) ||
        __builtin_add_overflow(records, f->rank, &records) ||
        __builtin_mul_overflow(records, len, &at) || __builtin_add_overflow(at, f->pointer, &at))
        return UINT64_MAX;
    return at;
}

static void record(struct turn *t)
{
    struct file *f = t->f;
    uint64_t len = t->op.value, record = f->record > 0 ? f->record : len;
    bool far = len > 0 && record_at(f, record) > VESTA_SIZE_MAX - len;
    t->op.off = record_at(f, record);
    t->op.len = len;
    enum pio_status s = record != len                  ? PIO_BAD_RECORD
                        : far && t->r->op == PIO_WRITE ? PIO_NO_SPACE
                                                       : PIO_OK;
    if (s != PIO_OK || len == 0) {
        t->r->off = t->op.off;
        turn_end(t, s);
        return;
    }
    f->record = len;
    f->count++;
    move(t);
}

static void record_asked(struct ranks_op *op)
{
    struct turn *t = op->arg;
    struct file *f = t->f;
    f->asking--;
    t->waited = port_now(f->port) - t->r->started;
    if (op->status == PIO_BAD_RECORD) {
        t->r->off = record_at(f, f->record);
        turn_end(t, op->status);
    } else {
        record(t);
    }
}

static void submit(struct pio_req *r)
{
    struct file *f = r->file->state;
    unsigned traits = pio_pfs_traits(f->mode);
    if (f->read_only && r->op == PIO_WRITE) {
        rope_fini(&r->data);
        pio_end(r, PIO_DENIED);
        return;
    }
    struct turn *t = port_alloc(f->port, sizeof *t);
    t->f = f;
    t->r = r;
    if (traits & PIO_MODE_OFFSETS) {
        pio_vesta_transfer(f->v, r, r->runs, r->run_count, moved, t);
        return;
    }
    t->op = (struct ranks_op){ .file = f->meet,
                               .what = f->mode == M_RECORD ? RANKS_RECORD : RANKS_RANGE,
                               .traits = traits & (PIO_MODE_TOGETHER | PIO_MODE_SAME),
                               .mode = f->mode,
                               .write = r->op == PIO_WRITE,
                               .value = pio_length(r->runs, r->run_count),
                               .done = f->mode == M_RECORD ? record_asked : given,
                               .arg = t };
    bool known = f->record > 0 && f->asking == 0;
    bool far = f->asking == 0 && record_at(f, t->op.value) > VESTA_SIZE_MAX - t->op.value;
    if (f->mode == M_RECORD && (t->op.value == 0 || known || far)) {
        record(t);
        return;
    }
    f->asking += f->mode == M_RECORD;
    ranks_submit(&t->op);
}

static void stripes(const struct pio_file *f, struct pio_stripes *out)
{
    const struct file *x = f->state;
    pio_vesta_stripes(x->v, out);
}

static void written(struct pio_file *f)
{
    const struct file *x = f->state;
    vesta_written(x->v);
}

/* ---- controls ---- */

static enum pio_status seek(struct file *f, uint64_t to)
{
    unsigned traits = pio_pfs_traits(f->mode);
    if ((traits & PIO_MODE_OFFSETS) || f->mode == M_RECORD) {
        f->pointer = to;
        f->count = 0;
        return PIO_OK;
    }
    struct ranks_op op = { .file = f->meet,
                           .what = RANKS_SEEK,
                           .traits = traits & PIO_MODE_TOGETHER,
                           .mode = f->mode,
                           .value = to };
    return ranks_wait(&op);
}

static uint64_t tell(const struct file *f)
{
    if (f->mode == M_RECORD)
        return record_at(f, f->record);
    return pio_pfs_traits(f->mode) & PIO_MODE_OFFSETS ? f->pointer : ranks_pointer(f->meet);
}

/* A range of nothing is where the shared pointer is. */
static enum pio_status place(const struct file *f, uint64_t *at)
{
    unsigned traits = pio_pfs_traits(f->mode);
    struct ranks_op op = { .file = f->meet, .what = RANKS_RANGE, .mode = f->mode, .write = true };
    *at = f->mode == M_RECORD         ? f->pointer + f->count * f->ranks * f->record
          : traits & PIO_MODE_OFFSETS ? f->pointer
                                      : ranks_pointer(f->meet);
    if (f->mode == M_RECORD || (traits & (PIO_MODE_OFFSETS | PIO_MODE_TOGETHER)))
        return PIO_OK;
    enum pio_status s = ranks_wait(&op);
    *at = op.off;
    return s;
}

static enum pio_status change_mode(struct file *f, int mode)
{
    struct ranks_op op = { .file = f->meet,
                           .what = RANKS_MODE,
                           .traits = PIO_MODE_TOGETHER,
                           .mode = PIO_PLAIN,
                           .value = (uint64_t)mode + 1 };
    enum pio_status s = ranks_wait(&op);
    if (s == PIO_OK)
        set_mode(f, mode);
    return s;
}

static enum pio_status of_file(struct file *f, struct pio_control *c)
{
    enum pio_status s;
    switch (c->what) {
    case PIO_CLOSE:
        vesta_close(f->v);
        ranks_close(f->meet);
        port_free(f->port, f);
        return PIO_OK;
    case PIO_SEEK:
        return seek(f, c->value);
    case PIO_TELL:
        c->value = tell(f);
        return PIO_OK;
    case PIO_PLACE:
        return place(f, &c->value);
    case PIO_MODE:
        return change_mode(f, c->mode);
    case PIO_SET_SIZE:
        if (c->value > VESTA_SIZE_MAX)
            return PIO_NO_SPACE;
        break;
    default:
        break;
    }
    s = pio_vesta_control(f->v, f->port, c);
    if (c->what == PIO_SET_SIZE || c->what == PIO_ROLLBACK || c->what == PIO_FILL)
        ranks_cut(f->meet);
    return s;
}

struct names { /* of a directory, collected */
    struct port *port;
    uint32_t count, room;
    struct name {
        bool directory;
        path name;
    } * of;
};

static void collect(void *arg, const char *name, bool xref)
{
    struct names *n = arg;
    if (strlen(name) > VESTA_NAME_MAX)
        return;
    if (n->count == n->room) {
        n->room = n->room > 0 ? 2 * n->room : 8;
        n->of = port_realloc(n->port, n->of, n->room * sizeof *n->of);
    }
    n->of[n->count].directory = xref;
    memcpy(n->of[n->count++].name, name, strlen(name) + 1);
}

static bool below(const char *dir, const char *name, path out)
{
    int n = snprintf(out, sizeof(path), "%s/%s", dir, name);
    return n > 0 && (size_t)n < sizeof(path);
}

/* All of a directory goes to a new one. */
static enum file_status move_tree(struct pio *s, const char *from, const char *to)
{
    struct vesta_client *c = ((struct system *)s->state)->vesta;
    struct names n = { .port = s->node->port };
    struct vesta_stat st;
    enum file_status x = vesta_stat(c, from, &st);
    if (x == FILE_OK) {
        vesta_user(c, &st.rights); /* whose it was */
        x = vesta_mkxref(c, to);
        vesta_user(c, &nobody_asks);
    }
    if (x == FILE_OK)
        x = vesta_list(c, from, collect, &n);
    for (uint32_t i = 0; i < n.count && x == FILE_OK; i++) {
        path a, b;
        if (!below(from, n.of[i].name, a) || !below(to, n.of[i].name, b))
            x = FILE_BAD_NAME;
        else
            x = n.of[i].directory ? move_tree(s, a, b) : vesta_rename(c, a, b);
    }
    port_free(n.port, n.of);
    return x == FILE_OK ? vesta_rmxref(c, from) : x;
}

/* (blocks) */
static enum pio_status rename_it(struct pio *s, const char *from, const char *to)
{
    struct vesta_client *c = ((struct system *)s->state)->vesta;
    struct vesta_stat old, new;
    size_t n = strlen(from);
    enum pio_status w = walk(s, from, 02);
    if (w == PIO_OK)
        w = walk(s, to, 02);
    if (w != PIO_OK)
        return w;
    enum file_status x = vesta_stat(c, from, &old);
    if (x != FILE_OK || strcmp(from, to) == 0)
        return pio_of_file(x);
    x = vesta_stat(c, to, &new);
    if (x != FILE_OK && x != FILE_NO_FILE)
        return pio_of_file(x);
    if ((x == FILE_OK && new.xref != old.xref) ||
        (old.xref && strncmp(from, to, n) == 0 && to[n] == '/'))
        return PIO_BAD_NAME;
    if (!old.xref)
        return pio_of_file(vesta_rename(c, from, to));
    if (x == FILE_OK && (x = vesta_rmxref(c, to)) != FILE_OK)
        return pio_of_file(x);
    return pio_of_file(move_tree(s, from, to));
}

static enum pio_status make_directory(struct pio *s, const char *name)
{
    struct vesta_client *c = ((struct system *)s->state)->vesta;
    enum pio_status w = walk(s, name, 02);
    if (w != PIO_OK)
        return w;
    vesta_user(c, &s->user);
    return pio_of_file(vesta_mkxref(c, name));
}

static enum pio_status stat_of(struct pio *s, const char *name, struct pio_stat *out)
{
    struct vesta_stat st = { .xref = true };
    enum pio_status w = walk(s, name, 0);
    if (w == PIO_OK && name[0] != 0)
        w = pio_of_file(vesta_stat(((struct system *)s->state)->vesta, name, &st));
    *out = (struct pio_stat){ .size = st.size, .directory = st.xref, .rights = st.rights };
    return w;
}

static enum pio_status of_name(struct pio *s, struct pio_control *c)
{
    struct vesta_client *v = ((struct system *)s->state)->vesta;
    path name, to;
    bool root = c->what == PIO_STAT || c->what == PIO_LIST;
    if (!clean(c->name, root, name) || (c->what == PIO_RENAME && !clean(c->to, false, to)))
        return PIO_BAD_NAME;
    enum pio_status w = PIO_OK;
    switch (c->what) {
    case PIO_RENAME:
        return rename_it(s, name, to);
    case PIO_MKDIR:
        return make_directory(s, name);
    case PIO_STAT:
        return stat_of(s, name, &c->stat);
    case PIO_CHMOD:
        w = walk(s, name, 0);
        vesta_user(v, &s->user);
        return w == PIO_OK ? pio_of_file(vesta_chmod(v, name, &c->stat.rights)) : w;
    case PIO_LIST:
        w = walk(s, name, 0);
        w = w == PIO_OK ? directory(s, name, 04) : w;
        return w == PIO_OK ? pio_of_file(vesta_list(v, name, c->entry, c->arg)) : w;
    default:
        w = walk(s, name, 02);
        if (w != PIO_OK)
            return w;
        return pio_of_file(c->what == PIO_UNLINK ? vesta_unlink(v, name) : vesta_rmxref(v, name));
    }
}

static enum pio_status agree(struct pio *s, const struct pio_control *c)
{
    struct ranks_meeting m = { .tag = c->name,
                               .kind = 'a',
                               .rank = UINT32_MAX,
                               .ranks = (uint32_t)c->value,
                               .value = !c->ok };
    enum pio_status st = ranks_meet(((struct system *)s->state)->ranks, &m);
    return st == PIO_OK && m.value > 0 ? PIO_CLOSED : st;
}

static enum pio_status control(struct pio *s, struct pio_file *f, struct pio_control *c)
{
    if (c->what == PIO_AGREE)
        return agree(s, c);
    return c->what >= PIO_UNLINK ? of_name(s, c) : of_file(f->state, c);
}

static const struct os_service_ops *const services[] = { &vesta_client_service, &ranks_service,
                                                         NULL };

extern const struct pio_ops pio_pfs_on_vesta;
const struct pio_ops pio_pfs_on_vesta = {
    .kind = { .name = "pfs_on_vesta",
              .doc = "PFS's files and I/O modes, made of files of Vesta (docs/models/"
                     "constructions.md)." },
    .modes = &pfs_modes,
    .can = (PIO_CAN(PIO_CTL_COUNT) - 1) & ~(PIO_CAN(PIO_VIEW) | PIO_CAN(PIO_GRANT)),
    .traits = PIO_SHARED | PIO_LAYOUT,
    .below = 3, /* as Vesta's own */
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
