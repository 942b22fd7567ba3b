/* files.c: HSM, a layer of files that are migrated, purged and staged: requests.  See files.h. */
#include "os/hsm/files_internal.h"

#include <string.h>

enum { M_WAIT };
static const struct measure measures[] = {
    [M_WAIT] = { "hsm.wait", "s", "A read's wait for the archive.", 0 },
    { .name = NULL },
};

/* ---- threads that wait ---- */

struct waiter {
    struct list link;
    struct port_thread *thread;
    bool woken;
};

void hsm_wait(struct hsm *h, const char *what)
{
    struct waiter *w = port_alloc(h->sys.port, sizeof *w);
    w->thread = port_thread_self(h->sys.port);
    list_push(&h->waiters, &w->link);
    while (!w->woken)
        port_thread_block(h->sys.port, what, 0);
    port_free(h->sys.port, w);
}

void hsm_wake(struct hsm *h)
{
    for (struct list *l; (l = list_pop(&h->waiters)) != NULL;) {
        struct waiter *w = LIST_ENTRY(l, struct waiter, link);
        w->woken = true;
        port_thread_wake(h->sys.port, w->thread);
    }
}

enum file_status hsm_below(struct hsm *h, enum file_op op, uint64_t file, uint64_t size_,
                           struct file_req *q)
{
    file_req_init(q, op, NULL, NULL);
    q->file = file;
    q->size = size_;
    return file_ask(h->sys.below, q);
}

struct asking {
    struct hsm *h;
    bool ended;
};

static void answered(struct bitfile_call *c)
{
    struct asking *a = c->arg;
    a->ended = true;
    hsm_wake(a->h);
}

enum hsm_status hsm_archive(struct hsm *h, struct bitfile_call *c)
{
    struct asking *a = port_alloc(h->sys.port, sizeof *a);
    void *arg = c->arg;
    a->h = h;
    c->done = answered;
    c->arg = a;
    h->door.ask(h->door.arg, c);
    while (!a->ended)
        hsm_wait(h, "the archive");
    c->arg = arg;
    port_free(h->sys.port, a);
    hsm_said(h, c->status);
    return c->status;
}

void hsm_said(struct hsm *h, enum hsm_status s)
{
    bool usual = s == HSM_OK || s == HSM_UNREACHABLE || s == HSM_NO_BITFILE;
    if (!usual && !(h->told_status >> s & 1))
        port_remark(h->sys.port, "hsm: the archive: %s", hsm_status_name(s));
    h->told_status |= 1u << s;
}

enum file_status hsm_file_status(enum hsm_status s)
{
    return s == HSM_OK            ? FILE_OK
           : s == HSM_UNREACHABLE ? FILE_UNREACHABLE
           : s == HSM_FULL        ? FILE_NO_SPACE
                                  : FILE_IO_ERROR;
}

/* ---- files ---- */

struct hsm_file *hsm_file_of(struct hsm *h, uint64_t file)
{
    return xk_map_resolve(&h->map, &file);
}

struct hsm_file *hsm_file_new(struct hsm *h, uint64_t file)
{
    struct hsm_file *f = port_alloc(h->sys.port, sizeof *f);
    f->h = h;
    f->rec.file = file;
    f->whole = true;
    f->used = f->came = f->changed = port_now(h->sys.port);
    list_init(&f->queue);
    list_init(&f->needs);
    list_init(&f->settle);
    list_push(&h->files, &f->link);
    xk_map_bind(&h->map, &file, f);
    return f;
}

void hsm_forget(struct hsm_file *f)
{
    struct hsm *h = f->h;
    if (f->gone)
        return;
    f->gone = true;
    hsm_alone(f);
    hsm_early_wasted(f);
    hsm_charge(f);
    (void)xk_map_unbind(&h->map, &f->rec.file);
    list_remove(&f->link);
    list_push(&h->gone, &f->link);
    if (f->room != NULL) {
        list_remove(&f->room->link);
        port_free(h->sys.port, f->room);
        f->room = NULL;
    }
    if (h->prefetcher->gone != NULL)
        h->prefetcher->gone(h->prefetch_state, f->rec.file);
    hsm_kick(h);
}

bool hsm_pinned(const struct hsm_file *f)
{
    return f->rec.pins > 0 || f->rec.pinned > port_now(f->h->sys.port);
}

/* ---- ends ---- */

static void answer(struct port_timer *t)
{
    struct hsm *h = t->arg;
    for (struct list *l; (l = list_pop(&h->ended)) != NULL;) {
        struct hsm_item *i = LIST_ENTRY(l, struct hsm_item, link);
        struct file_req *r = i->r;
        port_free(h->sys.port, i);
        r->done(r);
    }
}

static void end_with(struct file_req *r, enum file_status s)
{
    file_req_begin(r);
    rope_fini(&r->data);
    r->status = s;
}

void hsm_end_later(struct hsm_item *i, enum file_status s)
{
    struct hsm *h = i->f->h;
    if (s != FILE_OK)
        end_with(i->r, s);
    else
        i->r->status = s;
    list_remove(&i->link);
    list_push(&h->ended, &i->link);
    if (!port_timer_pending(&h->timer))
        port_timer_set(&h->timer, 0);
}

/* ---- requests on their way below ---- */

struct passed {
    struct hsm *h;
    struct hsm_file *f; /* NULL: of no file, or of one that is made */
    uint64_t end;       /* of a WRITE, SIZE */
    uint32_t lo, hi;    /* of a WRITE: pieces that it overwrites have the mark PIECE_OVER */
    void (*done)(struct file_req *r);
    void *arg;
};

static uint64_t end_of(const struct file_req *r)
{
    uint64_t end = 0;
    for (uint32_t k = 0; k < r->run_count; k++) {
        const struct file_run *x = &r->runs[k];
        if (x->count == 0 || x->len == 0)
            continue;
        uint64_t most = UINT64_MAX / 4;
        if (x->off > most || x->len > most || (x->stride > 0 && x->count - 1 > most / x->stride))
            return UINT64_MAX;
        uint64_t at = x->off + (x->count - 1) * x->stride + x->len;
        end = at > end ? at : end;
    }
    return end;
}

static uint64_t first_of(const struct file_req *r)
{
    uint64_t at = UINT64_MAX;
    for (uint32_t k = 0; k < r->run_count; k++)
        if (r->runs[k].count > 0 && r->runs[k].len > 0 && r->runs[k].off < at)
            at = r->runs[k].off;
    return at == UINT64_MAX ? 0 : at;
}

static bool changes(const struct file_req *r)
{
    return r->op == FILE_WRITE || r->op == FILE_SIZE || r->op == FILE_ROLLBACK;
}

/* What it overwrote is here, or is not. */
static void written_over(struct hsm_file *f, struct passed *x, bool good)
{
    for (uint32_t i = x->lo; i < x->hi && f->piece != NULL; i++)
        if (f->piece[i] & PIECE_OVER) {
            f->piece[i] &= (uint8_t)~PIECE_OVER;
            f->piece[i] |= good ? PIECE_HERE : 0;
        }
    if (x->lo < x->hi)
        hsm_is_whole(f);
}

static void changed(struct hsm_file *f, struct passed *x, const struct file_req *r)
{
    bool good = r->status == FILE_OK;
    if (r->op == FILE_WRITE && good && x->end > f->size)
        f->size = x->end;
    if (r->op == FILE_SIZE && good)
        f->size = r->size;
    written_over(f, x, good);
    f->writing--;
    f->changed = port_now(f->h->sys.port);
    hsm_charge(f);
    if (!f->h->polls) /* there may be something to migrate */
        hsm_kick(f->h);
}

static void show_attr(const struct hsm_file *f, struct file_req *r)
{
    if (!f->whole)
        r->attr.size = f->size;
    if (hsm_clean(f))
        r->attr.mtime = f->rec.mtime;
}

static void passed_by(struct file_req *r)
{
    struct passed *x = r->arg;
    struct hsm *h = x->h;
    struct hsm_file *f = x->f;
    if (f != NULL) {
        f->busy--;
        if (changes(r))
            changed(f, x, r);
        if (r->op == FILE_READ || r->op == FILE_WRITE)
            hsm_used(f);
        if (r->op == FILE_STAT && r->status == FILE_OK)
            show_attr(f, r);
        if (r->status == FILE_NO_FILE || (r->op == FILE_REMOVE && r->status == FILE_OK))
            hsm_forget(f);
        if (!list_empty(&h->rooms) || f->gone)
            hsm_kick(h);
        hsm_wake(h);
        hsm_pump(f);
    }
    if (r->op == FILE_CREATE && r->status == FILE_OK && hsm_file_of(h, r->file) == NULL)
        hsm_join_set(hsm_file_new(h, r->file), r->dir, r->name);
    r->done = x->done;
    r->arg = x->arg;
    port_free(h->sys.port, x);
    r->done(r);
}

static struct passed *hook(struct hsm *h, struct hsm_file *f, struct file_req *r)
{
    struct passed *x = port_alloc(h->sys.port, sizeof *x);
    *x = (struct passed){ .h = h, .f = f, .done = r->done, .arg = r->arg };
    r->done = passed_by;
    r->arg = x;
    if (f != NULL) {
        f->busy++;
        f->writing += changes(r);
        f->changes += changes(r);
        x->end = r->op == FILE_WRITE ? end_of(r) : 0;
    }
    return x;
}

void hsm_pass(struct hsm_file *f, struct file_req *r)
{
    struct passed *x = hook(f->h, f, r);
    if (r->op == FILE_WRITE && f->piece != NULL)
        hsm_pieces_of(f, first_of(r), x->end - first_of(r), &x->lo, &x->hi);
    file_submit(f->h->sys.below, r);
}

/* ---- who may go on at once ---- */

static bool own_hint(const struct file_req *r)
{
    return r->op == FILE_HINT && r->hint >= FILE_STAGE && r->hint <= FILE_MIGRATE;
}

static bool waits_behind(const struct hsm_file *f, const struct file_req *r)
{
    if (f->alone)
        return true;
    if (r->op != FILE_READ)
        return !list_empty(&f->queue);
    LIST_EACH (l, &f->queue)
        if (!LIST_ENTRY(l, struct hsm_item, link)->read)
            return true;
    return false;
}

/* Room for what it makes the file longer by, if it needs nothing else. */
static bool may_change(struct hsm_file *f, const struct file_req *r)
{
    uint64_t end = r->op == FILE_WRITE ? end_of(r) : r->size;
    if (!f->whole || hsm_clean(f))
        return false;
    return end == UINT64_MAX || end <= f->charged || hsm_reserve(f, end - f->charged);
}

static bool passes(struct hsm_file *f, const struct file_req *r)
{
    if (waits_behind(f, r) || own_hint(r))
        return false;
    switch (r->op) {
    case FILE_READ:
        return hsm_all_here(f, r);
    case FILE_WRITE:
    case FILE_SIZE:
        return may_change(f, r);
    case FILE_FLUSH:
        return !f->dirty || (f->rec.whole && f->commits == 0);
    case FILE_REMOVE:
        return f->slot == 0 && !f->moving;
    case FILE_CHECKPOINT:
    case FILE_ROLLBACK:
        return false;
    default:
        return true;
    }
}

/* ---- the queue of a file ---- */

static void serve_queue(void *arg)
{
    struct hsm_file *f = arg;
    struct hsm *h = f->h;
    for (;;) {
        struct hsm_item *i =
            list_empty(&f->queue) ? NULL : LIST_ENTRY(f->queue.next, struct hsm_item, link);
        if (i == NULL || i->read)
            break;
        if (f->alone) {
            hsm_wait(h, "a file to be purged");
            continue;
        }
        hsm_serve(f, i->r);
        list_remove(&i->link);
        port_free(h->sys.port, i);
        hsm_pump(f);
    }
    f->serving = false;
    hsm_pump(f);
    hsm_wake(h);
    if (f->gone || !list_empty(&h->rooms))
        hsm_kick(h);
}

static void start_serving(struct hsm_file *f)
{
    struct hsm *h = f->h;
    if (f->serving)
        return;
    f->serving = port_thread_spawn(h->sys.port, "hsm", serve_queue, f, 0) != NULL;
    if (!f->serving && !port_timer_pending(&h->again))
        port_timer_set(&h->again, SIM_MS); /* others will end */
}

static void asked(struct file_req *q)
{
    struct hsm_item *i = q->arg;
    struct file_rights who = { .uid = i->r->uid, .gid = i->r->gid };
    struct file_rights of = { q->attr.mode, q->attr.uid, q->attr.gid };
    i->asked = false;
    i->may = q->status == FILE_OK && file_may(&who, &of, 04);
    struct hsm_file *f = i->f;
    f->busy--;
    if (!i->may)
        hsm_end_later(i, q->status == FILE_OK ? FILE_DENIED : q->status);
    if (!list_empty(&f->h->rooms) || f->gone)
        hsm_kick(f->h);
    hsm_pump(f);
}

void hsm_waited(const struct hsm_item *i)
{
    struct port *p = i->f->h->sys.port;
    if (i->since >= 0)
        port_measure(p, &measures[M_WAIT], sim_time_seconds(port_now(p) - i->since));
}

/* A READ that nothing of the queue is before. */
static void go_on(struct hsm_item *i)
{
    struct hsm_file *f = i->f;
    struct hsm *h = f->h;
    if (i->direct || i->asked)
        return;
    if (f->whole || f->gone || (!i->all && hsm_all_here(f, i->r))) {
        struct file_req *r = i->r;
        hsm_waited(i);
        list_remove(&i->link);
        port_free(h->sys.port, i);
        hsm_pass(f, r);
        return;
    }
    if (i->since < 0) {
        i->since = port_now(h->sys.port);
        h->counts.misses++;
    }
    if (i->r->uid != 0 && !i->may) {
        i->asked = true;
        file_req_init(&i->ask, FILE_STAT, asked, i);
        i->ask.file = f->rec.file;
        f->busy++;
        file_submit(h->sys.below, &i->ask);
        return;
    }
    if (!f->dirty && (h->params->stage == HSM_STAGE_NONE || f->scattered)) {
        i->direct = true;
        h->counts.direct++;
        hsm_direct(i);
    } else if (h->params->stage == HSM_STAGE_OPEN) {
        i->all = true;
        if (f->rec.tape > h->space)
            hsm_end_later(i, hsm_too_large(f, f->rec.tape));
    } else if (h->params->stage == HSM_STAGE_BACKGROUND) {
        (void)hsm_ask(f, 0, f->rec.tape);
    }
}

void hsm_pump(struct hsm_file *f)
{
    if (f->alone)
        return;
    LIST_EACH_SAFE (l, n, &f->queue) {
        struct hsm_item *i = LIST_ENTRY(l, struct hsm_item, link);
        if (!i->read) {
            if (l == f->queue.next)
                start_serving(f);
            break;
        }
        go_on(i);
    }
    hsm_pull(f);
}

static void enqueue(struct hsm_file *f, struct file_req *r)
{
    struct hsm_item *i = port_alloc(f->h->sys.port, sizeof *i);
    i->f = f;
    i->r = r;
    i->read = r->op == FILE_READ;
    i->since = -1;
    list_push(&f->queue, &i->link);
    hsm_pump(f);
}

/* It is used; so a policy of prefetch hears of it. */
static struct prefetch_access tell(struct hsm_file *f, const struct file_req *r)
{
    struct hsm *h = f->h;
    uint64_t at = first_of(r), end = end_of(r);
    bool hit = f->whole || hsm_all_here(f, r);
    h->counts.hits += r->op == FILE_READ && hit;
    hsm_early_used(f, at, end - at);
    f->used = port_now(h->sys.port);
    f->uses++;
    return (struct prefetch_access){
        .file = f->rec.file, .off = at, .len = end - at, .write = r->op == FILE_WRITE, .hit = hit
    };
}

/* ---- the root's list, without the layer's own ---- */

static void listed(struct file_req *r)
{
    struct file_entry e;
    struct rope out;
    rope_init(&out);
    while (r->status == FILE_OK && file_entry_next(&r->data, &e))
        if (!hsm_own_name(e.name))
            file_entry_add(&out, &e);
    rope_fini(&r->data);
    rope_move(&r->data, &out);
    passed_by(r);
}

/* ---- requests of several files ---- */

struct task {
    struct hsm *h;
    struct file_req *r;
};

/* FLUSH of all: what is queued has its turn first. */
static void flush_all(void *arg)
{
    struct task t = *(struct task *)arg;
    struct hsm *h = t.h;
    uint64_t *files = port_alloc(h->sys.port, (xk_map_count(&h->map) + 1) * sizeof *files);
    uint32_t n = 0;
    enum file_status s = FILE_OK;
    port_free(h->sys.port, arg);
    LIST_EACH (l, &h->files)
        files[n++] = LIST_ENTRY(l, struct hsm_file, link)->rec.file;
    for (uint32_t i = 0; i < n; i++) {
        struct hsm_file *f = hsm_file_of(h, files[i]);
        while (f != NULL && f->serving) {
            hsm_wait(h, "requests before a flush");
            f = hsm_file_of(h, files[i]);
        }
        if (f != NULL && f->dirty && (!f->rec.whole || f->commits > 0)) {
            f->busy++;
            enum file_status one = hsm_flush(f);
            f->busy--;
            s = s == FILE_OK ? one : s;
        }
    }
    port_free(h->sys.port, files);
    if (s == FILE_OK) {
        file_submit(h->sys.below, t.r);
        return;
    }
    end_with(t.r, s);
    t.r->done(t.r);
}

/* A RENAME may take a file away. */
static void rename_one(void *arg)
{
    struct task t = *(struct task *)arg;
    struct hsm *h = t.h;
    struct file_req q;
    port_free(h->sys.port, arg);
    file_req_init(&q, FILE_LOOKUP, NULL, NULL);
    q.dir = t.r->to_dir;
    q.name = t.r->to_name;
    uint64_t other = file_ask(h->sys.below, &q) == FILE_OK ? q.file : 0;
    void (*done)(struct file_req * r) = t.r->done;
    void *its = t.r->arg;
    enum file_status s = file_ask(h->sys.below, t.r);
    struct hsm_file *f = s == FILE_OK && other != 0 ? hsm_file_of(h, other) : NULL;
    if (f != NULL && hsm_below(h, FILE_STAT, other, 0, &q) == FILE_NO_FILE &&
        hsm_file_of(h, other) == f)
        hsm_forget(f);
    t.r->done = done;
    t.r->arg = its;
    done(t.r);
}

static bool in_thread(struct hsm *h, struct file_req *r, void (*fn)(void *arg))
{
    struct task *t = port_alloc(h->sys.port, sizeof *t);
    *t = (struct task){ h, r };
    if (port_thread_spawn(h->sys.port, "hsm", fn, t, 0) != NULL)
        return true;
    port_free(h->sys.port, t);
    return false;
}

static bool any_dirty_in_part(const struct hsm *h)
{
    LIST_EACH (l, &h->files) {
        const struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, link);
        if (f->serving || (f->dirty && (!f->rec.whole || f->commits > 0)))
            return true;
    }
    return false;
}

static bool of_a_file(const struct file_req *r)
{
    return r->op <= FILE_FLUSH || r->op == FILE_REMOVE || r->op == FILE_STAT ||
           r->op == FILE_CHANGE || r->op == FILE_HINT || r->op == FILE_CHECKPOINT ||
           r->op == FILE_ROLLBACK;
}

static void refuse(struct hsm *h, struct file_req *r, enum file_status s)
{
    struct hsm_item *i = port_alloc(h->sys.port, sizeof *i);
    end_with(r, s);
    i->r = r;
    list_push(&h->ended, &i->link);
    if (!port_timer_pending(&h->timer))
        port_timer_set(&h->timer, 0);
}

static void of_no_file(struct hsm *h, struct file_req *r)
{
    if (r->op == FILE_FLUSH && r->file == 0 && any_dirty_in_part(h)) {
        if (!in_thread(h, r, flush_all))
            refuse(h, r, FILE_IO_ERROR);
        return;
    }
    if (r->op == FILE_RENAME && in_thread(h, r, rename_one))
        return;
    if (own_hint(r)) { /* of no file that the layer has */
        refuse(h, r, FILE_NO_FILE);
        return;
    }
    if (r->op == FILE_CREATE && !(r->attr.mode & FILE_MODE_DIR)) {
        (void)hook(h, NULL, r);
    } else if (r->op == FILE_LIST && r->dir == FILE_ROOT) {
        (void)hook(h, NULL, r);
        r->done = listed;
    }
    file_submit(h->sys.below, r);
}

/* ---- what will be read ---- */

struct foretold {
    struct hsm *h;
    struct file_req *r, ask;
};

static void route(struct hsm *h, struct file_req *r, bool foretold);

/* The policy of prefetch hears of what its user may read. */
static void may_foretell(struct file_req *q)
{
    struct foretold x = *(struct foretold *)q->arg;
    struct file_rights who = { .uid = x.r->uid, .gid = x.r->gid };
    struct file_rights of = { q->attr.mode, q->attr.uid, q->attr.gid };
    bool may = q->status == FILE_OK && file_may(&who, &of, 04);
    port_free(x.h->sys.port, q->arg);
    if (may && hsm_file_of(x.h, x.r->file) != NULL)
        x.h->prefetcher->hint(x.h->prefetch_state, x.r->file, x.r->runs, x.r->run_count);
    route(x.h, x.r, true);
}

static void ask_foretell(struct hsm *h, struct file_req *r)
{
    struct foretold *x = port_alloc(h->sys.port, sizeof *x);
    x->h = h;
    x->r = r;
    file_req_init(&x->ask, FILE_STAT, may_foretell, x);
    x->ask.file = r->file;
    file_submit(h->sys.below, &x->ask);
}

static void route(struct hsm *h, struct file_req *r, bool foretold)
{
    struct hsm_file *f = of_a_file(r) ? hsm_file_of(h, r->file) : NULL;
    if (f == NULL) {
        of_no_file(h, r);
        return;
    }
    bool moves = r->op == FILE_READ || r->op == FILE_WRITE;
    const struct prefetch_access a = moves ? tell(f, r) : (struct prefetch_access){ 0 };
    if (r->op == FILE_HINT && r->hint == FILE_WILL_READ && h->prefetcher->hint != NULL &&
        !foretold) {
        if (r->uid != 0) {
            ask_foretell(h, r);
            return;
        }
        h->prefetcher->hint(h->prefetch_state, r->file, r->runs, r->run_count);
    }
    if (passes(f, r))
        hsm_pass(f, r);
    else
        enqueue(f, r);
    if (moves && h->prefetcher->access != NULL) /* what it waits for itself has been asked for */
        h->prefetcher->access(h->prefetch_state, &a);
}

/* ---- boot ---- */

static void boot(void *arg)
{
    struct hsm *h = arg;
    struct list early, *l;
    enum file_status s = hsm_load(h);
    h->state = s == FILE_OK ? HSM_READY : HSM_BROKEN;
    h->broken = s;
    list_init(&early);
    list_splice(&early, &h->early);
    while ((l = list_pop(&early)) != NULL) {
        struct hsm_item *i = LIST_ENTRY(l, struct hsm_item, link);
        struct file_req *r = i->r;
        port_free(h->sys.port, i);
        if (s == FILE_OK) {
            route(h, r, false);
        } else {
            end_with(r, s);
            r->done(r);
        }
    }
    if (s == FILE_OK)
        hsm_move(h);
}

void hsm_submit(struct file_sys *sys, struct file_req *r)
{
    struct hsm *h = CONTAINER_OF(sys, struct hsm, sys);
    if (h->state == HSM_READY) {
        route(h, r, false);
        return;
    }
    if (h->state == HSM_BROKEN) {
        refuse(h, r, h->broken);
        return;
    }
    struct hsm_item *i = port_alloc(sys->port, sizeof *i);
    i->r = r;
    list_push(&h->early, &i->link);
}

static void begin(struct hsm *h)
{
    h->mover = port_thread_spawn(h->sys.port, "hsm", boot, h, PORT_THREAD_SERVICE);
    if (h->mover == NULL)
        port_timer_set(&h->again, SIM_MS); /* others will end */
    else
        h->state = HSM_LOADING;
}

static void try_again(struct port_timer *t)
{
    struct hsm *h = t->arg;
    if (h->state == HSM_NEW)
        begin(h);
    LIST_EACH_SAFE (l, n, &h->files)
        hsm_pump(LIST_ENTRY(l, struct hsm_file, link));
    hsm_kick(h);
}

static bool stage_early(void *arg, uint64_t file, uint64_t off, uint64_t len)
{
    struct hsm *h = arg;
    struct hsm_file *f = hsm_file_of(h, file);
    bool any = f != NULL && !f->alone && hsm_ask(f, off, len);
    if (any)
        hsm_pull(f);
    return any;
}

static uint64_t size_of(void *arg, uint64_t file)
{
    const struct hsm_file *f = hsm_file_of(arg, file);
    return f != NULL ? f->size : UINT64_MAX;
}

struct file_sys *file_hsm_start(struct port *port, const struct file_hsm_params *params,
                                struct file_sys *below, const struct hsm_door *door, uint64_t space)
{
    struct hsm *h = port_alloc(port, sizeof *h);
    h->sys = (struct file_sys){ .ops = &file_hsm, .port = port, .below = below };
    h->params = params;
    h->door = *door;
    h->space = space;
    h->migration = kind_at(&hsm_migrations, params->order);
    h->replacement = (const struct replace_ops *)params->replace.kind;
    h->prefetcher = (const struct prefetch_ops *)params->prefetch.kind;
    h->replace_state = port_alloc(port, h->replacement->kind.state_size + 1);
    h->prefetch_state = port_alloc(port, h->prefetcher->kind.state_size + 1);
    h->prefetch_door = (struct prefetch_door){ h, stage_early, size_of, hsm_behind, hsm_mate };
    list_init(&h->early);
    list_init(&h->files);
    list_init(&h->gone);
    list_init(&h->settle);
    list_init(&h->rooms);
    list_init(&h->ended);
    list_init(&h->waiters);
    xk_map_init(&h->map, port, sizeof(uint64_t));
    port_timer_init(port, &h->timer, answer, h);
    port_timer_init(port, &h->again, try_again, h);
    port_counters(port, "hsm", file_hsm_counters, h);
    if (h->replacement->init != NULL)
        h->replacement->init(h->replace_state, params->replace.params);
    if (h->prefetcher->init != NULL)
        h->prefetcher->init(h->prefetch_state, port, &h->prefetch_door, params->prefetch.params);
    begin(h);
    return &h->sys;
}
