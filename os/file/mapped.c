/* mapped.c: the layer MAPPED (mapped.h): requests, faults and their order; its states are told in
 * mapped_internal.h. */
#include "os/file/mapped_internal.h"

static const struct counter counters[] = {
    C_SUM(mapped, counts, requests, "1", "Requests for files that were mapped."),
    C_SUM(mapped, counts, faults, "1", "Page faults that asked for a page, or for writing it."),
    C_SUM(mapped, counts, page_ins, "1", "Pages that were read."),
    C_SUM(mapped, counts, page_outs, "1", "Pages that were written."),
    C_SUM(mapped, counts, taken, "1", "Pages that went because somebody else had to do with them."),
    C_END,
};

static struct mapped *layer_of(struct file_sys *s)
{
    return CONTAINER_OF(s, struct mapped, sys);
}

/* ---- jobs ---- */

static bool conflict(const struct job *a, const struct job *b)
{
    return a->lo < b->hi && b->lo < a->hi && !(a->looks && b->looks);
}

static bool waits(const struct job *j)
{
    LIST_EACH (l, &j->f->jobs) {
        const struct job *x = LIST_ENTRY(l, struct job, link);
        if (x == j)
            return false;
        if (conflict(x, j))
            return true;
    }
    return false;
}

void mapped_file_end(struct mapped_file *f)
{
    if (!list_empty(&f->maps) || !list_empty(&f->jobs) || !list_empty(&f->outs) || f->busy > 0 ||
        f->late != FILE_OK)
        return;
    (void)xk_map_unbind(&f->m->map, &f->file);
    list_remove(&f->link);
    port_free(f->m->sys.port, f);
}

/* The request of a job goes back. */
static void answer(struct job *j)
{
    struct file_req *r = j->r;
    r->done = j->done;
    r->arg = j->arg;
    port_free(j->m->sys.port, j);
    r->done(r);
}

/* It leaves its file; others go on behind its end. */
static void leave(struct job *j)
{
    struct mapped_file *f = j->f;
    list_remove(&j->link);
    f->busy++;
    answer(j);
    f->busy--;
    mapped_pump(f);
}

static void tick(struct port_timer *t)
{
    struct mapped *m = t->arg;
    for (struct list *l; (l = list_pop(&m->ended)) != NULL;)
        answer(LIST_ENTRY(l, struct job, link));
}

/* It ends, and its request later. */
static void end_later(struct job *j)
{
    struct mapped *m = j->m;
    list_remove(&j->link);
    list_push(&m->ended, &j->link);
    if (!port_timer_pending(&m->timer))
        port_timer_set(&m->timer, 0);
}

static void tell_late(struct mapped_file *f, struct file_req *r)
{
    r->status = r->status == FILE_OK ? f->late : r->status;
    f->late = FILE_OK;
}

static bool hint_is(const struct file_req *r, enum file_hint hint)
{
    return r->op == FILE_HINT && r->hint == hint;
}

static void passed(struct file_req *r)
{
    struct job *j = r->arg;
    struct mapped_file *f = j->f;
    if (r->op == FILE_WRITE && r->status == FILE_OK && j->from < j->to && j->to != UINT64_MAX &&
        f->end < j->to)
        f->end = j->to;
    if (r->op == FILE_READ && r->moved > 0 && r->run_count == 1 && r->runs->count == 1 &&
        f->end < r->runs->off + r->moved)
        f->end = r->runs->off + r->moved;
    if (r->op == FILE_FLUSH || hint_is(r, FILE_PROPAGATE))
        tell_late(f, r);
    leave(j);
}

/* ---- faults ---- */

static void serve(struct ask *a, enum file_status s, uint64_t moved)
{
    struct file_map *map = a->map;
    a->served = true;
    if (map == NULL)
        return;
    uint64_t off = mapped_at(map, a->page);
    if (s == FILE_OK && moved > 0 && map->f->end < off + moved)
        map->f->end = off + moved;
    if (s != FILE_OK || moved == 0) {
        vm_fail(map->region, a->page, s != FILE_OK ? mapped_vm_status(s) : VM_BEHIND);
        return;
    }
    if (moved < map->page) {
        rope_add_zero(&a->in.data, map->page - moved);
        mapped_valid(map, a->page, moved);
    }
    vm_supply(map->region, a->page, &a->in.data, a->want);
}

void mapped_came(struct file_req *r)
{
    struct ask *a = r->arg;
    uint64_t moved = r->status == FILE_OK ? r->moved : 0;
    serve(a, r->status, moved); /* before who is above lets the token go */
    rope_fini(&r->data);
    for (int i = 0; i < FILE_PARTS; i++)
        a->r.part[i] = r->part[i];
    leave(a->job);
}

static void go_fault(struct job *j)
{
    struct ask *a = j->ask;
    struct file_map *map = a->map;
    struct mapped *m = j->f->m;
    if (map == NULL || vm_page_prot(map->region, a->page) != VM_NONE) {
        a->served = true;
        if (map != NULL)
            vm_grant(map->region, a->page, a->want);
        end_later(j);
        return;
    }
    m->counts.page_ins++;
    file_req_init(&a->in, FILE_READ, mapped_came, a);
    a->in.file = j->f->file;
    a->in.uid = map->uid;
    a->in.gid = map->gid;
    file_range(&a->in, mapped_at(map, a->page), map->page);
    file_submit(m->sys.below, &a->in);
}

static void go(struct job *j)
{
    struct file_req *r = j->r;
    j->below = true;
    if (j->ask != NULL) {
        go_fault(j);
    } else if (r == NULL) {
        list_remove(&j->link);
        j->over = true;
        port_thread_wake(j->m->sys.port, j->waiter);
    } else {
        if (r->op == FILE_SIZE || r->op == FILE_ROLLBACK || hint_is(r, FILE_REFRESH))
            j->f->end = 0;
        r->done = passed;
        r->arg = j;
        file_submit(j->f->m->sys.below, r);
    }
}

void mapped_pump(struct mapped_file *f)
{
    f->again = true;
    if (f->busy > 0)
        return;
    f->busy++;
    do {
        f->again = false;
        LIST_EACH_SAFE (l, next, &f->jobs) {
            struct job *j = LIST_ENTRY(l, struct job, link);
            if (j->below || (!j->begun && waits(j)))
                continue;
            j->begun = true;
            if (mapped_settle(j))
                go(j);
        }
    } while (f->again);
    f->busy--;
    mapped_file_end(f);
}

/* The bytes of its list, from the first to the last. */
static void hull(const struct file_req *r, uint64_t *lo, uint64_t *hi)
{
    *lo = UINT64_MAX;
    *hi = 0;
    for (uint32_t i = 0; i < r->run_count; i++) {
        const struct file_run *x = &r->runs[i];
        if (x->len == 0 || x->count == 0)
            continue;
        uint64_t last = base_add(x->off, base_mul(x->count - 1, x->stride));
        uint64_t end = base_add(last, x->len);
        *lo = x->off < *lo ? x->off : *lo;
        *hi = end > *hi ? end : *hi;
    }
    *lo = *lo < *hi ? *lo : *hi;
}

/* What a request has to do with pages; false: nothing. */
static bool plan(struct job *j)
{
    const struct file_req *r = j->r;
    struct mapped_file *f = j->f;
    bool list = r->op == FILE_READ || r->op == FILE_WRITE;
    bool some = hint_is(r, FILE_PROPAGATE) || hint_is(r, FILE_REFRESH);
    j->from = 0;
    j->to = UINT64_MAX;
    j->how = PROTECT;
    if (list || (some && (r->size != 0 || file_bytes(r) > 0)))
        hull(r, &j->from, &j->to);
    if (some && r->size != 0) { /* and all from there on */
        j->from = j->from < j->to && j->from < r->size ? j->from : r->size;
        j->to = UINT64_MAX;
    }
    j->lo = j->from;
    j->hi = j->to;
    switch (r->op) {
    case FILE_READ:
        j->looks = true;
        return true;
    case FILE_WRITE:
        j->how = DROP;
        if (j->to > f->end && j->from < j->to) { /* the last page may have more of the file then */
            j->from = j->from < f->end ? j->from : f->end > 0 ? f->end - 1 : 0;
            j->lo = j->from;
            j->hi = UINT64_MAX;
        }
        return true;
    case FILE_FLUSH:
    case FILE_CHECKPOINT:
        return true;
    case FILE_SIZE:
    case FILE_ROLLBACK:
    case FILE_REMOVE:
        j->how = DROP;
        return true;
    case FILE_HINT:
        j->how = r->hint == FILE_REFRESH ? REFRESH : r->hint == FILE_FORGET ? DROP : PROTECT;
        return r->hint == FILE_REFRESH || r->hint == FILE_FORGET || r->hint == FILE_PROPAGATE ||
               (r->hint >= FILE_STAGE && r->hint <= FILE_MIGRATE);
    default:
        return false;
    }
}

struct job *mapped_job(struct mapped_file *f, struct file_req *r)
{
    struct job *j = port_alloc(f->m->sys.port, sizeof *j);
    *j = (struct job){ .m = f->m, .f = f, .r = r };
    list_init(&j->link);
    if (r != NULL) {
        j->done = r->done;
        j->arg = r->arg;
    }
    return j;
}

void mapped_add(struct job *j)
{
    list_push(&j->f->jobs, &j->link);
    mapped_pump(j->f);
}

/* ---- a FLUSH of all files ---- */

struct all {
    struct mapped *m;
    struct file_req *r, *parts;
    void (*done)(struct file_req *r);
    void *arg;
    uint32_t left;
    enum file_status status;
};

static void all_flushed(struct file_req *r)
{
    struct all *x = r->arg;
    r->done = x->done;
    r->arg = x->arg;
    r->status = r->status == FILE_OK ? x->status : r->status;
    port_free(x->m->sys.port, x->parts);
    port_free(x->m->sys.port, x);
    r->done(r);
}

static void one_flushed(struct file_req *r)
{
    struct all *x = r->arg;
    x->status = x->status == FILE_OK ? r->status : x->status;
    if (--x->left > 0)
        return;
    x->r->done = all_flushed;
    x->r->arg = x;
    file_submit(x->m->sys.below, x->r);
}

static void flush_all(struct mapped *m, struct file_req *r)
{
    struct all *x = port_alloc(m->sys.port, sizeof *x);
    uint32_t n = 0, i = 0;
    LIST_EACH (l, &m->files)
        n++;
    *x = (struct all){ .m = m, .r = r, .done = r->done, .arg = r->arg, .left = n };
    x->parts = port_alloc(m->sys.port, n * sizeof *x->parts);
    LIST_EACH_SAFE (l, next, &m->files) {
        struct file_req *p = &x->parts[i++];
        file_req_init(p, FILE_FLUSH, one_flushed, x);
        p->file = LIST_ENTRY(l, struct mapped_file, link)->file;
        file_submit(&m->sys, p);
    }
}

/* ---- the layer ---- */

static struct ask *ask_of(const struct mapped *m, const struct file_req *r)
{
    LIST_EACH (l, &m->asks) {
        struct ask *a = LIST_ENTRY(l, struct ask, link);
        if (&a->r == r)
            return a;
    }
    return NULL;
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct mapped *m = layer_of(s);
    bool by_name =
        r->op == FILE_CREATE || r->op == FILE_RENAME || r->op == FILE_LOOKUP || r->op == FILE_LIST;
    struct mapped_file *f = by_name ? NULL : xk_map_resolve(&m->map, &r->file);
    struct ask *a = r->op == FILE_HINT ? ask_of(m, r) : NULL;
    if (r->op == FILE_FLUSH && r->file == 0 && !list_empty(&m->files)) {
        flush_all(m, r);
        return;
    }
    if (f == NULL) {
        file_submit(s->below, r);
        return;
    }
    struct job *j = mapped_job(f, r);
    port_work(s->port, PORT_WORK_LOOKUP, 1);
    if (a != NULL) {
        file_req_begin(r);
        j->ask = a;
        j->map = a->map;
        a->job = j;
        j->lo = j->from = r->runs->off;
        j->hi = j->to = r->runs->off + r->runs->len;
        j->how = r->hint == FILE_WILL_WRITE ? DROP : PROTECT;
        j->looks = r->hint == FILE_WILL_READ;
        mapped_add(j);
        return;
    }
    m->counts.requests++;
    if (plan(j)) {
        mapped_add(j);
        return;
    }
    port_free(s->port, j);
    file_submit(s->below, r);
}

struct file_sys *file_mapped_start(struct port *p, struct file_sys *below)
{
    struct mapped *m = port_alloc(p, sizeof *m);
    m->sys = (struct file_sys){ .ops = &file_mapped, .port = p, .below = below };
    xk_map_init(&m->map, p, sizeof(uint64_t));
    list_init(&m->files);
    list_init(&m->asks);
    list_init(&m->ended);
    port_timer_init(p, &m->timer, tick, m);
    port_counters(p, "mapped", counters, m);
    return &m->sys;
}

void file_mapped_end(struct file_sys *s)
{
    struct mapped *m = layer_of(s);
    ASSERT(list_empty(&m->asks) && list_empty(&m->ended));
    LIST_EACH_SAFE (l, next, &m->files) {
        struct mapped_file *f = LIST_ENTRY(l, struct mapped_file, link);
        ASSERT(list_empty(&f->maps) && list_empty(&f->jobs) && list_empty(&f->outs));
        f->late = FILE_OK;
        mapped_file_end(f);
    }
    (void)port_timer_cancel(&m->timer);
    port_counters_end(s->port, m);
    xk_map_fini(&m->map);
    port_free(s->port, m);
}

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    (void)params;
    return file_mapped_start(b->node->port, below);
}

const struct file_ops file_mapped = {
    .kind = { .name = "mapped",
              .doc = "Maps files into the memory of programs: pages, caches below and requests "
                     "past them are one truth.",
              .counters = counters },
    .start = start,
    .submit = submit,
};
