/* pio.c: what all systems have in common; see pio.h. */
#include "os/pio/pio.h"

#include <string.h>

#include "os/file/pieces.h"
#include "os/pio/pio_cache.h"

const char *pio_status_name(enum pio_status s)
{
    static const char *const names[] = {
        "ok",
        "no such file",
        "file exists",
        "bad name",
        "bad stripe attributes",
        "not the mode or operation of the others",
        "wrong record length",
        "closed by another rank",
        "no space",
        "I/O error",
        "server down",
        "stale file",
        "node down",
        "permission denied",
        "not what this file system can do",
        "lists of file and memory that do not fit",
        "cancelled",
    };
    _Static_assert(ARRAY_LEN(names) == PIO_STATUS_COUNT, "a name per status");
    return (unsigned)s < PIO_STATUS_COUNT ? names[s] : "?";
}

enum pio_status pio_of_file(enum file_status s)
{
    switch (s) {
    case FILE_OK:
        return PIO_OK;
    case FILE_NO_FILE:
    case FILE_NO_VERSION:
        return PIO_NO_FILE;
    case FILE_UNSUPPORTED:
        return PIO_UNSUPPORTED;
    case FILE_EXISTS:
        return PIO_EXISTS;
    case FILE_BAD_NAME:
    case FILE_NOT_DIR:
    case FILE_IS_DIR:
    case FILE_NOT_EMPTY:
    case FILE_LOOP:
    case FILE_ELSEWHERE:
        return PIO_BAD_NAME;
    case FILE_NO_INODE:
    case FILE_NO_SPACE:
    case FILE_SCATTERED:
    case FILE_RANGE:
        return PIO_NO_SPACE;
    case FILE_DENIED:
        return PIO_DENIED;
    case FILE_UNREACHABLE:
        return PIO_SERVER_DOWN;
    default:
        return PIO_IO_ERROR;
    }
}

static const char *const ctl_names[PIO_CTL_COUNT] = {
    "close",      "set size", "get size",  "flush",     "seek",    "tell",   "place",
    "mode",       "hint",     "caching",   "propagate", "refresh", "view",   "fill",
    "checkpoint", "rollback", "get label", "set label", "unlink",  "rename", "mkdir",
    "rmdir",      "stat",     "list",      "grant",     "chmod",   "agree",
};

/* Calls that a system may leave to client caching, and to nobody. */
#define ASKED                                                                                      \
    (PIO_CAN(PIO_HINT) | PIO_CAN(PIO_CACHING) | PIO_CAN(PIO_PROPAGATE) | PIO_CAN(PIO_REFRESH))

bool pio_mode_find(const struct pio_ops *ops, const char *name, const char *path, int *mode,
                   struct err *e)
{
    *mode = PIO_PLAIN;
    if (name[0] == 0)
        return true;
    for (int i = 0; ops->modes && ops->modes->items[i]; i++)
        if (strcmp(ops->modes->items[i]->name, name) == 0) {
            *mode = i;
            return true;
        }
    err_set(e, "%s is '%s', which is no mode of file system '%s'", path, name, ops->kind.name);
    if (ops->modes)
        kind_nearest(ops->modes, name, e);
    return false;
}

bool pio_check(const struct pio_ops *ops, const struct os_layout *l, const struct pio_plan *plan,
               struct err *e)
{
    for (int i = 0; i < PIO_CTL_COUNT; i++)
        if (plan->can & ~(ops->can | ASKED) & PIO_CAN(i))
            return err_set(e, "%s.system is '%s', a file system without the call '%s'", plan->path,
                           ops->kind.name, ctl_names[i]);
    unsigned lacks = plan->traits & ~ops->traits;
    if (lacks & PIO_SHARED)
        return err_set(e,
                       "%s.system is '%s', a file system whose files only one node sees; the "
                       "programs share theirs",
                       plan->path, ops->kind.name);
    if (lacks & PIO_LAYOUT)
        return err_set(e, "%s.system is '%s', a file system without stripe units and factors",
                       plan->path, ops->kind.name);
    if (plan->maps && plan->traits & PIO_SHARED && ops->map == NULL)
        return err_set(e,
                       "%s.system is '%s', a file system whose nodes do not tell each other what "
                       "is written to files that they have mapped; the programs share theirs: "
                       "those of 'files' do, under the layer 'token'",
                       plan->path, ops->kind.name);
    return ops->check == NULL || ops->check(l, plan, e);
}

struct pio *pio_find(const struct pio_ops *ops, struct os_node *n)
{
    struct pio *s = port_alloc(n->port, sizeof *s);
    *s = (struct pio){ .ops = ops, .node = n };
    s->tells_close = n->layout->boot != NULL && file_close_heard(n->layout->boot);
    list_init(&s->blocked);
    list_init(&s->calls);
    s->state = ops->start ? ops->start(n) : NULL;
    return s;
}

/* ---- mappings ---- */

/* Transfers name their runs, and no other rank takes part. */
static bool alone(const struct pio_file *f)
{
    unsigned traits = f->sys->ops->mode(f->mode);
    return (traits & (PIO_MODE_OFFSETS | PIO_MODE_TOGETHER | PIO_MODE_SAME)) == PIO_MODE_OFFSETS;
}

enum pio_status pio_map(struct pio_file *f, const struct pio_map *m, struct file_map **out)
{
    const struct pio_ops *ops = f->sys->ops;
    struct file_map_ask a = { .space = m->space,
                              .base = m->base,
                              .length = m->length,
                              .off = m->off,
                              .writes = m->writes,
                              .copy = m->copy };
    *out = NULL;
    if (ops->map != NULL && f->cached != NULL)
        return PIO_UNSUPPORTED;
    if (ops->map == NULL && !alone(f))
        return PIO_BAD_MODE;
    *out = ops->map != NULL ? ops->map(f, &a) : pio_cache_map(f, &a);
    f->maps += *out != NULL;
    if (*out == NULL && ops->map == NULL && f->maps == 0)
        (void)pio_cache_unmapped(f);
    return *out != NULL ? PIO_OK : PIO_BAD_LIST;
}

enum pio_status pio_unmap(struct pio_file *f, struct file_map *m)
{
    pio_enter(f->sys);
    enum pio_status s = pio_of_file(file_unmap(m)), late = PIO_OK;
    if (--f->maps == 0 && f->sys->ops->map == NULL)
        late = pio_cache_unmapped(f);
    pio_leave(f->sys);
    return s != PIO_OK ? s : late;
}

/* ---- who ends or saves the program ---- */

void pio_serve(struct pio *s, const struct port_thread *by)
{
    s->server = by;
}

void pio_hold(struct pio *s)
{
    s->held = true;
}

static void begin_next(struct pio *s);

struct pio_blocked {
    struct list link; /* in pio.blocked */
    struct port_thread *thread;
};
struct pio_call {
    struct list link;  /* in pio.calls, until it begins or is cancelled */
    struct pio_req *r; /* NULL: it was cancelled */
    struct pio *sys;
    struct port_thread *thread;
};

void pio_release(struct pio *s)
{
    s->held = false;
    LIST_EACH (l, &s->blocked)
        port_thread_wake(s->node->port, LIST_ENTRY(l, struct pio_blocked, link)->thread);
    LIST_EACH (l, &s->calls)
        port_thread_wake(s->node->port, LIST_ENTRY(l, struct pio_call, link)->thread);
    begin_next(s);
}

static bool is_quiet(const struct pio *s)
{
    bool waits = s->first != NULL || !list_empty(&s->calls);
    return s->under_way == 0 && s->inside == 0 && (s->held || !waits);
}

void pio_drain(struct pio *s)
{
    struct port *p = s->node->port;
    while (!is_quiet(s)) {
        s->drainer = port_thread_self(p);
        port_thread_block(p, "the end of a program's file requests", s->under_way);
        s->drainer = NULL;
    }
}

static void look_quiet(struct pio *s)
{
    if (s->drainer != NULL && is_quiet(s))
        port_thread_wake(s->node->port, s->drainer);
}

void pio_forget(struct pio *s)
{
    s->held = s->lost = false;
    s->first = s->last = NULL;
    struct list *l;
    while ((l = list_pop(&s->blocked)) != NULL) /* their threads have gone */
        port_free(s->node->port, LIST_ENTRY(l, struct pio_blocked, link));
    while ((l = list_pop(&s->calls)) != NULL) {
        struct pio_call *c = LIST_ENTRY(l, struct pio_call, link);
        c->r = NULL;
        port_thread_wake(s->node->port, c->thread);
    }
}

bool pio_lost(const struct pio *s)
{
    return s->lost;
}

void pio_enter(struct pio *s)
{
    struct port *p = s->node->port;
    struct port_thread *me = port_thread_self(p);
    if (me != NULL && me == s->server)
        return;
    while (s->held && s->inside == 0) {
        struct pio_blocked *b = port_alloc(p, sizeof *b);
        b->thread = me;
        list_push(&s->blocked, &b->link);
        port_thread_block(p, "file requests to go on", 0);
        list_remove(&b->link);
        port_free(p, b);
    }
    s->inside++;
}

void pio_leave(struct pio *s)
{
    const struct port_thread *me = port_thread_self(s->node->port);
    if (me != NULL && me == s->server)
        return;
    s->inside--;
    look_quiet(s);
}

/* ---- calls of the program ---- */

static enum pio_status open_file(struct pio *s, const struct pio_open *o, struct pio_file **out)
{
    struct port *p = s->node->port;
    struct pio_file *f = port_alloc(p, sizeof *f);
    *f = (struct pio_file){ .sys = s, .mode = o->mode, .rank = o->rank, .ranks = o->ranks };
    struct pio_open here = *o;
    f->direct = o->flags & PIO_O_DIRECT;
    here.flags &= ~(unsigned)PIO_O_DIRECT; /* systems need not know it */
    enum pio_status st = s->ops->open(f, &here);
    *out = f;
    if (st != PIO_OK) {
        port_free(p, f);
        *out = NULL;
    }
    return st;
}

enum pio_status pio_open(struct pio *s, const struct pio_open *o, struct pio_file **out)
{
    pio_enter(s);
    enum pio_status st = open_file(s, o, out);
    pio_leave(s);
    return st;
}

static enum pio_status control(struct pio *s, struct pio_file *f, struct pio_control *c)
{
    bool asked = ASKED & PIO_CAN(c->what);
    ASSERT_MSG(c->what != PIO_CLOSE || f == NULL || f->maps == 0,
               "a file that is mapped is closed");
    if (f != NULL && f->maps > 0 && (c->what == PIO_CACHING || c->what == PIO_VIEW))
        return PIO_UNSUPPORTED;
    if (f != NULL && f->maps > 0 && c->what == PIO_MODE)
        return PIO_BAD_MODE;
    bool archive = c->what == PIO_HINT && pio_hint_archive(c->value);
    if (asked && !archive && f != NULL && (f->cached != NULL || c->what == PIO_CACHING))
        return pio_cache_control(f, c);
    if (!(s->ops->can & PIO_CAN(c->what)))
        return asked ? PIO_OK : PIO_UNSUPPORTED;
    enum pio_status late = PIO_OK;
    if (f != NULL && f->cached != NULL)
        late = pio_cache_before(f, c->what);
    struct pio_control closed = { .what = PIO_HINT, .value = PIO_HINT_CLOSED };
    if (c->what == PIO_CLOSE && s->tells_close)
        (void)s->ops->control(s, f, &closed);
    enum pio_status st = s->ops->control(s, f, c);
    bool advice =
        c->what == PIO_HINT && (c->value <= PIO_HINT_WILL_NEED || c->value == PIO_HINT_CLOSED);
    if (advice || (asked && st == PIO_UNSUPPORTED))
        return PIO_OK; /* whatever became of it */
    if (f != NULL)
        pio_cache_after(f, c->what);
    if (st == PIO_OK && c->what == PIO_MODE)
        f->mode = c->mode;
    bool renamed = st == PIO_OK && c->what == PIO_RENAME;
    if (s->gone != NULL && (renamed || (st == PIO_OK && c->what == PIO_UNLINK)))
        s->gone(s, c->name);
    if (s->gone != NULL && renamed)
        s->gone(s, c->to);
    if (c->what == PIO_CLOSE)
        port_free(s->node->port, f);
    return st == PIO_OK ? late : st;
}

enum pio_status pio_control(struct pio *s, struct pio_file *f, struct pio_control *c)
{
    pio_enter(s);
    enum pio_status st = control(s, f, c);
    pio_leave(s);
    return st;
}

void pio_req_init(struct pio_req *r, enum pio_op op, struct pio_file *f)
{
    pio_call_init(r, op, f->sys, f);
}

void pio_call_init(struct pio_req *r, enum pio_op op, struct pio *s, struct pio_file *f)
{
    *r = (struct pio_req){ .op = op, .sys = s, .file = f };
    rope_init(&r->data);
}

/* Until now: for a program that waits, until it runs again. */
static void took(struct pio_req *r)
{
    struct pio_split *x = &r->split;
    x->latency = port_now(r->sys->node->port) - r->started;
    x->client = x->latency - x->arm - x->queue - x->mesh;
}

/* ---- memory ---- */

bool pio_fits(const struct pio_memory *m, uint64_t length)
{
    uint64_t bytes = 0, room = m->buffer->length;
    for (uint32_t i = 0; i < m->run_count; i++) {
        const struct file_run *x = &m->runs[i];
        if (x->len == 0 || x->count == 0)
            continue;
        if (x->off > room || x->len > room - x->off ||
            (x->count > 1 &&
             (x->stride < x->len || (room - x->off - x->len) / x->stride < x->count - 1)))
            return false;
        if (x->len * x->count > length - bytes)
            return false;
        bytes += x->len * x->count;
    }
    return bytes == length;
}

void pio_gather(struct port *port, const struct pio_memory *m, struct rope *data)
{
    const struct file_run all = { .len = m->buffer->length, .count = 1 };
    file_gather(port, (struct file_list){ m->runs, m->run_count }, &all, 1, m->buffer, data);
}

void pio_scatter(struct port *port, const struct pio_memory *m, struct rope *data)
{
    file_scatter(port, (struct file_list){ m->runs, m->run_count }, data, m->buffer);
}

/* ---- calls ---- */

static void call(void *arg)
{
    struct pio_call *c = arg;
    struct pio *s = c->sys;
    while (c->r != NULL && s->held && s->inside == 0)
        port_thread_block(s->node->port, "file requests to go on", 0);
    struct pio_req *r = c->r;
    if (r != NULL)
        list_remove(&c->link);
    port_free(s->node->port, c);
    if (r == NULL)
        return;
    r->call = NULL;
    r->begun = true;
    s->inside++;
    pio_end(r, r->op == PIO_OPEN ? open_file(r->sys, r->open, &r->file)
                                 : control(r->sys, r->file, r->control));
}

static void start_call(struct pio_req *r)
{
    struct port *p = r->sys->node->port;
    struct pio_call *c = r->call = port_alloc(p, sizeof *c);
    *c = (struct pio_call){ .r = r, .sys = r->sys };
    list_push(&r->sys->calls, &c->link);
    c->thread = port_thread_spawn(p, "file call", call, c, 0);
    if (c->thread != NULL)
        return;
    list_remove(&c->link);
    port_free(p, c);
    r->call = NULL;
    pio_end(r, PIO_NO_SPACE);
}

/* ---- requests ---- */

/* The next ones, while the system may have more. */
static void begin_next(struct pio *s)
{
    if (s->beginning) /* one of them ended at once */
        return;
    s->beginning = true;
    while (!s->held && s->first != NULL && (s->most == 0 || s->under_way < s->most)) {
        struct pio_req *r = s->first;
        s->first = r->next;
        s->under_way++;
        r->begun = true;
        if (pio_cache_takes(r))
            pio_cache_submit(r);
        else
            s->ops->submit(r);
    }
    s->beginning = false;
}

void pio_submit(struct pio_req *r)
{
    struct pio *s = r->sys;
    r->started = port_now(s->node->port);
    if (r->op == PIO_OPEN || r->op == PIO_CONTROL) {
        start_call(r);
        return;
    }
    r->off = r->runs->off;
    if (r->memory != NULL && !pio_fits(r->memory, pio_length(r->runs, r->run_count))) {
        pio_end(r, PIO_BAD_LIST);
        return;
    }
    if (r->memory != NULL && r->op == PIO_WRITE)
        pio_gather(s->node->port, r->memory, &r->data);
    if (s->first == NULL)
        s->first = r;
    else
        s->last->next = r;
    s->last = r;
    r->next = NULL;
    begin_next(s);
}

bool pio_cancel(struct pio_req *r)
{
    struct pio *s = r->sys;
    if (r->begun || r->ended)
        return false;
    if (r->call != NULL) {
        list_remove(&r->call->link);
        r->call->r = NULL;
        if (s->held)
            port_thread_wake(s->node->port, r->call->thread);
    }
    struct pio_req *before = NULL;
    for (struct pio_req *x = s->first; x != NULL; before = x, x = x->next)
        if (x == r) {
            *(before != NULL ? &before->next : &s->first) = r->next;
            s->last = s->last == r ? before : s->last;
            break;
        }
    pio_end(r, PIO_CANCELLED);
    return true;
}

enum pio_status pio_wait(struct pio_req *r)
{
    (void)pio_wait_any(&r, 1);
    return r->status;
}

uint32_t pio_wait_any(struct pio_req *const *reqs, uint32_t count)
{
    uint32_t at = 0, some = 0;
    for (uint32_t i = 0; i < count; i++)
        some = reqs[i] != NULL ? i : some;
    struct port *p = reqs[some]->sys->node->port;
    for (;;) {
        for (at = 0; at < count && (reqs[at] == NULL || !reqs[at]->ended); at++)
            if (reqs[at] != NULL)
                reqs[at]->waiter = port_thread_self(p);
        if (at < count)
            break;
        port_thread_block(p, "file request", reqs[some]->off);
    }
    for (uint32_t i = 0; i < count; i++)
        if (reqs[i] != NULL)
            reqs[i]->waiter = NULL;
    took(reqs[at]);
    return at;
}

void pio_end(struct pio_req *r, enum pio_status s)
{
    struct pio *sys = r->sys;
    bool transfer = r->op == PIO_READ || r->op == PIO_WRITE;
    ASSERT_MSG(!r->ended, "PIO1: a request ends once");
    r->status = s;
    if (s != PIO_OK) {
        r->moved = 0;
        rope_fini(&r->data);
    } else if (r->memory != NULL && r->op == PIO_READ) {
        pio_scatter(sys->node->port, r->memory, &r->data);
    }
    took(r);
    r->ended = true;
    if (transfer)
        sys->under_way -= r->begun;
    else
        sys->inside -= r->begun;
    sys->lost |= r->op == PIO_WRITE && pio_is_lost(s);
    struct port_thread *waiter = r->waiter;
    if (r->done != NULL)
        r->done(r);
    if (waiter != NULL)
        port_thread_wake(sys->node->port, waiter);
    if (transfer)
        begin_next(sys);
    look_quiet(sys);
}

uint64_t pio_length(const struct file_run *runs, uint32_t count)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        n += runs[i].len * runs[i].count;
    return n;
}

/* ---- transfers that stacks of files make ---- */

struct transfer {
    struct file_req q;
    struct pio_req *of;
    struct file_run runs[];
};

static sim_time at_most(sim_time t, sim_time *left)
{
    t = t < *left ? t : *left;
    *left -= t;
    return t;
}

static void transferred(struct file_req *q)
{
    struct transfer *t = q->arg;
    struct pio_req *r = t->of;
    struct port *p = r->sys->node->port;
    sim_time left = port_now(p) - r->started; /* parts may overlap */
    r->moved = q->moved;
    r->split.arm = at_most(q->part[FILE_DEVICE], &left);
    r->split.queue = at_most(q->part[FILE_QUEUE], &left);
    r->split.mesh = at_most(q->part[FILE_NETWORK], &left);
    rope_move(&r->data, &q->data);
    enum pio_status s = pio_of_file(q->status);
    port_free(p, t);
    pio_end(r, s);
}

void pio_by_files(struct pio_req *r, struct file_sys *files, uint64_t file, uint64_t stream,
                  const struct file_rights *user)
{
    struct port *p = r->sys->node->port;
    struct transfer *t = port_alloc(p, sizeof *t + r->run_count * sizeof t->runs[0]);
    t->of = r;
    file_req_init(&t->q, r->op == PIO_READ ? FILE_READ : FILE_WRITE, transferred, t);
    memcpy(t->runs, r->runs, r->run_count * sizeof t->runs[0]);
    t->q.file = file;
    t->q.stream = stream;
    t->q.uid = user->uid;
    t->q.gid = user->gid;
    t->q.direct = r->file->direct;
    t->q.runs = t->runs;
    t->q.run_count = r->run_count;
    rope_move(&t->q.data, &r->data);
    file_submit(files, &t->q);
}

bool pio_hint_goes(const struct pio_control *c, struct file_list *runs)
{
    bool will = c->value == PIO_HINT_WILL_NEED;
    bool bytes = will || c->value == PIO_HINT_STAGE || c->value == PIO_HINT_WONT_NEED ||
                 c->value == PIO_HINT_PRIORITY;
    bool some = bytes && c->runs != NULL;
    *runs = some ? (struct file_list){ c->runs, c->run_count } : (struct file_list){ NULL, 0 };
    return pio_hint_archive(c->value) || (will && some) || c->value <= PIO_HINT_RANDOM ||
           c->value == PIO_HINT_CLOSED ||
           (c->value >= PIO_HINT_WONT_NEED && c->value <= PIO_HINT_PROGRAM);
}

enum file_hint pio_hint_of(uint64_t hint)
{
    static const enum file_hint of[] = {
        [PIO_HINT_NORMAL] = FILE_AS_IT_COMES,
        [PIO_HINT_SEQUENTIAL] = FILE_SEQUENTIAL,
        [PIO_HINT_RANDOM] = FILE_RANDOM,
        [PIO_HINT_WILL_NEED] = FILE_WILL_READ,
        [PIO_HINT_WONT_NEED] = FILE_WONT_NEED,
        [PIO_HINT_PRIORITY] = FILE_PRIORITY,
        [PIO_HINT_LRU] = FILE_LRU,
        [PIO_HINT_MRU] = FILE_MRU,
        [PIO_HINT_PROGRAM] = FILE_PROGRAM,
        [PIO_HINT_STAGE] = FILE_STAGE,
        [PIO_HINT_PURGE] = FILE_PURGE,
        [PIO_HINT_PIN] = FILE_PIN,
        [PIO_HINT_UNPIN] = FILE_UNPIN,
        [PIO_HINT_MIGRATE] = FILE_MIGRATE,
        [PIO_HINT_CLOSED] = FILE_CLOSED,
    };
    _Static_assert(ARRAY_LEN(of) == PIO_HINT_COUNT, "a hint of files for each");
    ASSERT(hint < ARRAY_LEN(of));
    return of[hint];
}

/* ---- controls as calls ---- */

enum pio_status pio_propagate(struct pio_file *f)
{
    return pio_control(f->sys, f, &(struct pio_control){ .what = PIO_PROPAGATE });
}

enum pio_status pio_refresh(struct pio_file *f)
{
    return pio_control(f->sys, f, &(struct pio_control){ .what = PIO_REFRESH });
}

enum pio_status pio_close(struct pio_file *f)
{
    return pio_control(f->sys, f, &(struct pio_control){ .what = PIO_CLOSE });
}

enum pio_status pio_flush(struct pio_file *f)
{
    return pio_control(f->sys, f, &(struct pio_control){ .what = PIO_FLUSH });
}

enum pio_status pio_set_size(struct pio_file *f, uint64_t size)
{
    return pio_control(f->sys, f, &(struct pio_control){ .what = PIO_SET_SIZE, .value = size });
}

enum pio_status pio_agree(struct pio *s, const char *tag, uint32_t ranks, bool ok)
{
    struct pio_control c = { .what = PIO_AGREE, .name = tag, .value = ranks, .ok = ok };
    return pio_control(s, NULL, &c);
}
