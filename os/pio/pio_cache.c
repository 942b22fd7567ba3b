/* pio_cache.c: client caching and mappings: the layers CACHE (os/file/cache.h) and, above it,
 * MAPPED (os/file/mapped.h) between a program and its file of any system.  Their bottom hands
 * transfers to the system; controls go past them, after what they need.
 */
#include "os/pio/pio_cache.h"

struct pio_cached {
    struct file_sys bottom; /* first */
    struct file_sys *top;
    struct pio_file *f;
    bool caches, maps;    /* which layers there are */
    enum pio_status late; /* of writes behind, to be told */
    bool past;            /* transfers go past it */
    bool inside;          /* a submit to the system */
    struct list ended;    /* in it */
    struct port_timer timer;
};

enum { FILE_ID = 1 }; /* there is one */

/* ---- the bottom ---- */

struct below {
    struct pio_req q;
    struct file_req *of;
    struct pio_cached *c;
    struct list link;
};

static enum file_status to_file(enum pio_status s)
{
    switch (s) {
    case PIO_OK:
        return FILE_OK;
    case PIO_NO_FILE:
        return FILE_NO_FILE;
    case PIO_NO_SPACE:
        return FILE_NO_SPACE;
    case PIO_DENIED:
        return FILE_DENIED;
    case PIO_UNSUPPORTED:
        return FILE_UNSUPPORTED;
    case PIO_SERVER_DOWN:
    case PIO_NODE_DOWN:
    case PIO_STALE:
        return FILE_UNREACHABLE;
    default:
        return FILE_IO_ERROR;
    }
}

static void answer(struct below *b)
{
    struct file_req *r = b->of;
    r->status = to_file(b->q.status);
    r->moved = b->q.moved;
    r->part[FILE_DEVICE] = b->q.split.arm;
    r->part[FILE_QUEUE] = b->q.split.queue;
    r->part[FILE_NETWORK] = b->q.split.mesh;
    rope_move(&r->data, &b->q.data);
    port_free(b->c->bottom.port, b);
    r->done(r);
}

static void ended(struct pio_req *q)
{
    struct below *b = q->arg;
    if (!b->c->inside) {
        answer(b);
        return;
    }
    list_push(&b->c->ended, &b->link);
    port_timer_set(&b->c->timer, 0);
}

static void tick(struct port_timer *t)
{
    struct pio_cached *c = t->arg;
    for (struct list *l; (l = list_pop(&c->ended)) != NULL;)
        answer(LIST_ENTRY(l, struct below, link));
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct pio_cached *c = CONTAINER_OF(s, struct pio_cached, bottom);
    struct below *b = port_alloc(s->port, sizeof *b);
    if (r->op == FILE_HINT) { /* nothing is kept here */
        pio_req_init(&b->q, PIO_READ, c->f);
        list_init(&b->link);
        b->of = r;
        b->c = c;
        file_req_begin(r);
        list_push(&c->ended, &b->link);
        port_timer_set(&c->timer, 0);
        return;
    }
    ASSERT(r->op == FILE_READ || r->op == FILE_WRITE);
    pio_req_init(&b->q, r->op == FILE_READ ? PIO_READ : PIO_WRITE, c->f);
    list_init(&b->link);
    b->of = r;
    b->c = c;
    b->q.runs = r->runs;
    b->q.run_count = r->run_count;
    b->q.done = ended;
    b->q.arg = b;
    b->q.started = port_now(s->port);
    rope_move(&b->q.data, &r->data);
    file_req_begin(r);
    c->inside = true;
    c->f->sys->ops->submit(&b->q);
    c->inside = false;
}

static const struct file_ops below_ops = {
    .kind = { .name = "system", .doc = "The files of a system of os/pio." },
    .bottom = true,
    .submit = submit,
};

/* ---- the program's side ---- */

static enum pio_status hint(struct pio_cached *c, enum file_hint what, const struct pio_control *x)
{
    struct file_req q;
    file_req_init(&q, FILE_HINT, NULL, NULL);
    q.file = FILE_ID;
    q.hint = what;
    q.size = x != NULL ? x->number : 0;
    if (x != NULL && x->runs != NULL) {
        q.runs = x->runs;
        q.run_count = x->run_count;
    }
    return pio_of_file(file_ask(c->top, &q));
}

bool pio_cache_takes(const struct pio_req *r)
{
    const struct pio_file *f = r->file;
    bool takes = f->cached != NULL && !f->cached->past;
    unsigned traits = takes ? f->sys->ops->mode(f->mode) : 0;
    return (traits & (PIO_MODE_OFFSETS | PIO_MODE_TOGETHER | PIO_MODE_SAME)) == PIO_MODE_OFFSETS;
}

void pio_cache_submit(struct pio_req *r)
{
    static const struct file_rights all = { .uid = 0 };
    pio_by_files(r, r->file->cached->top, FILE_ID, 0, &all);
}

static enum pio_status propagate(struct pio_cached *c)
{
    enum pio_status s = hint(c, FILE_PROPAGATE, NULL), late = c->late;
    c->late = PIO_OK;
    return late != PIO_OK ? late : s;
}

static enum pio_status end(struct pio_file *f)
{
    struct pio_cached *c = f->cached;
    enum pio_status s = propagate(c);
    f->cached = NULL;
    ASSERT(!c->maps);
    if (c->caches)
        file_cache_end(c->top);
    (void)port_timer_cancel(&c->timer);
    port_free(c->bottom.port, c);
    return s;
}

/* Of layers that are still to come. */
static struct pio_cached *begin(struct pio_file *f)
{
    struct port *p = f->sys->node->port;
    struct pio_cached *c = port_alloc(p, sizeof *c);
    c->bottom = (struct file_sys){ .ops = &below_ops, .port = p };
    c->top = &c->bottom;
    c->f = f;
    list_init(&c->ended);
    port_timer_init(p, &c->timer, tick, c);
    f->cached = c;
    return c;
}

struct file_map *pio_cache_map(struct pio_file *f, const struct file_map_ask *a)
{
    struct file_map_ask of = *a;
    struct pio_cached *c = f->cached != NULL ? f->cached : begin(f);
    if (!c->maps)
        c->top = file_mapped_start(c->bottom.port, c->top);
    c->maps = true;
    of.file = FILE_ID;
    return file_map(c->top, &of);
}

enum pio_status pio_cache_unmapped(struct pio_file *f)
{
    struct pio_cached *c = f->cached;
    struct file_sys *below = c->top->below;
    enum pio_status s = propagate(c);
    file_mapped_end(c->top);
    c->top = below;
    c->maps = false;
    enum pio_status late = c->caches ? PIO_OK : end(f);
    return s != PIO_OK ? s : late;
}

static enum pio_status caching(struct pio_file *f, const struct pio_control *x)
{
    struct port *p = f->sys->node->port;
    struct err e = ERR_INIT;
    enum pio_status s = f->cached != NULL ? end(f) : PIO_OK;
    if (x->cache == NULL)
        return s;
    if (!file_cache_check(x->cache, "", &e))
        return PIO_BAD_LAYOUT;
    struct pio_cached *c = begin(f);
    c->top = file_cache_start(p, x->cache, c->top);
    c->caches = true;
    return s;
}

enum pio_status pio_cache_control(struct pio_file *f, const struct pio_control *x)
{
    if (x->what == PIO_CACHING)
        return caching(f, x);
    if (x->what == PIO_PROPAGATE)
        return propagate(f->cached);
    return hint(f->cached, x->what == PIO_REFRESH ? FILE_REFRESH : pio_hint_of(x->value), x);
}

#define NEEDS                                                                                      \
    (PIO_CAN(PIO_CLOSE) | PIO_CAN(PIO_SET_SIZE) | PIO_CAN(PIO_GET_SIZE) | PIO_CAN(PIO_FLUSH) |     \
     PIO_CAN(PIO_MODE) | PIO_CAN(PIO_VIEW) | PIO_CAN(PIO_FILL) | PIO_CAN(PIO_CHECKPOINT) |         \
     PIO_CAN(PIO_ROLLBACK) | PIO_CAN(PIO_HINT) /* to an archive */)
#define CHANGES                                                                                    \
    (PIO_CAN(PIO_SET_SIZE) | PIO_CAN(PIO_MODE) | PIO_CAN(PIO_VIEW) | PIO_CAN(PIO_FILL) |           \
     PIO_CAN(PIO_ROLLBACK))

enum pio_status pio_cache_before(struct pio_file *f, enum pio_ctl what)
{
    if (!(NEEDS & PIO_CAN(what)))
        return PIO_OK;
    if (what == PIO_CLOSE)
        return end(f);
    enum pio_status s = propagate(f->cached);
    if (what == PIO_FLUSH)
        return s;
    f->cached->late = s;
    return PIO_OK;
}

void pio_cache_after(struct pio_file *f, enum pio_ctl what)
{
    if (f->cached != NULL && (CHANGES & PIO_CAN(what)))
        (void)hint(f->cached, FILE_REFRESH, NULL);
}

void pio_cache_past(struct pio_file *f, bool past)
{
    if (past)
        (void)pio_cache_before(f, PIO_MODE);
    else
        pio_cache_after(f, PIO_MODE);
    f->cached->past = past;
}
