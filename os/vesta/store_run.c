/* store_run.c: the order of requests, and the loop that goes on with them.
 *
 * A request waits in its object's queue until it is its turn (VSO1), then it is active: its step
 * function runs from where it stopped, until it has ended or waits on one list or for what is
 * `pending`.
 */
#include "os/vesta/store_internal.h"

/* ---- the loop (VSOI6) ---- */

void vst_park(struct vst_op *o, struct list *waiters)
{
    list_push(waiters, &o->wait);
}

void vst_ready(struct vst_op *o)
{
    list_push(&o->vs->ready, &o->wait);
}

void vst_wake(struct vst *vs, struct list *waiters)
{
    list_splice(&vs->ready, waiters);
}

void vst_waited(struct vst_op *o)
{
    if (--o->pending == 0 && list_empty(&o->wait))
        vst_ready(o);
}

static void run_ready(struct vst *vs)
{
    struct list *l;
    while ((l = list_pop(&vs->ready)) != NULL) {
        struct vst_op *o = LIST_ENTRY(l, struct vst_op, wait);
        o->step(o);
    }
}

void vst_run(struct vst *vs)
{
    struct list *l;
    if (vs->running)
        return;
    vs->running = true;
    for (run_ready(vs); (l = list_pop(&vs->completed)) != NULL; run_ready(vs)) {
        struct vst_op *o = LIST_ENTRY(l, struct vst_op, wait);
        struct file_req *r = o->req;
        port_free(vs->port, o);
        r->done(r);
    }
    vs->running = false;
}

static void answer_tick(struct port_timer *t)
{
    vst_run(t->arg);
}

/* ---- the store's own requests ---- */

struct own {
    struct file_req r;
    struct vst *vs;
    struct vst_op *waits;
};

static void own_ended(struct file_req *r)
{
    struct own *x = r->arg;
    if (x->waits != NULL) {
        if (r->status == FILE_IO_ERROR)
            x->waits->status = FILE_IO_ERROR;
        vst_waited(x->waits);
    }
    port_free(x->vs->port, x);
}

void vst_internal(struct vst *vs, enum file_op op, uint64_t file, struct vst_op *o)
{
    struct own *x = port_alloc(vs->port, sizeof *x);
    x->vs = vs;
    x->waits = o;
    file_req_init(&x->r, op, own_ended, x);
    x->r.file = file;
    if (o != NULL)
        o->pending++;
    vst_begin(vs, &x->r);
}

void vst_flush_all(struct vst *vs, struct vst_op *o)
{
    for (uint32_t i = 0; i < vs->super.objects; i++) {
        const struct vst_file *f = vs->files[i];
        if (f != NULL && f->used && !f->creating && (o == NULL || f != o->f) &&
            (vst_uncommitted(f) || f->limbo_count > 0))
            vst_internal(vs, FILE_FLUSH, vst_handle(f), o);
    }
}

static void flush_tick(struct port_timer *t)
{
    struct vst *vs = t->arg;
    vst_flush_all(vs, NULL);
    vst_run(vs);
}

void vst_changed(struct vst_file *f)
{
    struct vst *vs = f->vs;
    f->changed = true;
    if (!port_timer_pending(&vs->flush_timer))
        port_timer_set(&vs->flush_timer, vs->params.flush_delay);
}

void vst_run_init(struct vst *vs)
{
    list_init(&vs->early);
    list_init(&vs->buf_waiters);
    list_init(&vs->name_waiters);
    list_init(&vs->ready);
    list_init(&vs->completed);
    port_timer_init(vs->port, &vs->answer_timer, answer_tick, vs);
    port_timer_init(vs->port, &vs->flush_timer, flush_tick, vs);
}

/* ---- order (VSO1) ---- */

static void admit(struct vst_file *f)
{
    LIST_EACH_SAFE (l, nx, &f->waiting) {
        struct vst_op *o = LIST_ENTRY(l, struct vst_op, link);
        if (f->writer || (!o->shared && f->readers > 0))
            return;
        list_remove(&o->link);
        f->readers += o->shared;
        f->writer = !o->shared;
        vst_ready(o);
    }
}

void vst_enter(struct vst_op *o, struct vst_file *f)
{
    o->f = f;
    list_push(&f->waiting, &o->link);
    admit(f);
}

static void trace(const struct vst_op *o,
                  void (*mark)(struct port *, const char *, const char *, uint64_t))
{
    const struct file_req *r = o->req;
    mark(o->vs->port, "local files", file_op_name(r->op),
         r->trace || r->run_count == 0 ? r->trace : r->runs[0].off);
}

void vst_complete(struct vst_op *o, enum file_status status)
{
    struct vst *vs = o->vs;
    struct vst_file *f = o->f;
    trace(o, port_trace_end);
    o->req->status = status;
    rope_fini(&o->data);
    rope_fini(&o->base);
    port_free(vs->port, o->pieces);
    list_push(&vs->completed, &o->wait);
    if (f != NULL) {
        f->readers -= o->shared;
        f->writer = f->writer && o->shared;
        admit(f);
    }
}

struct vst_file *vst_by_handle(struct vst *vs, uint64_t handle)
{
    uint32_t slot = (uint32_t)handle, generation = (uint32_t)(handle >> 32);
    if (slot >= vs->super.objects || vs->files[slot] == NULL)
        return NULL;
    struct vst_file *f = vs->files[slot];
    return f->used && f->generation == generation ? f : NULL;
}

bool vst_may(const struct file_req *r, const struct vst_file *f, uint32_t bits)
{
    return f == NULL || file_may(&(struct file_rights){ 0, r->uid, r->gid },
                                 &(struct file_rights){ f->mode, f->uid, f->gid }, bits);
}

/* The runs lie within what an object can hold. */
static bool in_range(const struct vst_op *o)
{
    const struct file_req *r = o->req;
    uint64_t limit = (uint64_t)(UINT32_MAX - 1) * o->vs->super.block;
    if (r->op == FILE_SIZE)
        return r->size <= limit;
    for (uint32_t i = 0; i < r->run_count; i++) {
        const struct file_run *x = &r->runs[i];
        if (x->count > 0 && x->len > 0 &&
            (x->len > limit || x->off > limit - x->len ||
             (x->count > 1 && x->stride > 0 &&
              x->count - 1 > (limit - x->off - x->len) / x->stride)))
            return false;
    }
    return r->op != FILE_WRITE || file_bytes(r) == r->data.length;
}

static enum file_status refuse(const struct vst_op *o)
{
    const struct file_req *r = o->req;
    bool reads = r->op == FILE_READ;
    bool writes = r->op == FILE_WRITE || r->op == FILE_SIZE || r->op == FILE_CHECKPOINT ||
                  r->op == FILE_ROLLBACK;
    if (r->file == FILE_ROOT)
        return FILE_IS_DIR;
    if (o->f == NULL || o->f->creating)
        return FILE_NO_FILE;
    if ((reads || writes) && (o->f->mode & FILE_MODE_DIR))
        return FILE_IS_DIR;
    if ((reads && !vst_may(r, o->f, 04)) || (writes && !vst_may(r, o->f, 02)))
        return FILE_DENIED;
    return (reads || writes || r->op == FILE_HINT) && !in_range(o) ? FILE_RANGE : FILE_OK;
}

/* Its turn has come, or what it waited for. */
static void begin_step(struct vst_op *o)
{
    if (vst_by_handle(o->vs, o->req->file) != o->f) { /* removed while it waited */
        vst_complete(o, FILE_NO_FILE);
        return;
    }
    o->step = o->vs->steps[o->req->op];
    o->step(o);
}

static void enter(struct vst_op *o)
{
    struct vst *vs = o->vs;
    struct file_req *r = o->req;
    trace(o, port_trace_begin);
    if (vs->failed != FILE_OK) {
        vst_complete(o, vs->failed);
    } else if (r->op == FILE_CREATE || r->op == FILE_LOOKUP || r->op == FILE_LIST ||
               r->op == FILE_RENAME || (r->op == FILE_FLUSH && r->file == 0)) {
        o->step = vs->steps[r->op];
        vst_ready(o);
    } else if (r->op == FILE_STAT && r->file == FILE_ROOT) {
        r->attr = (struct file_attr){ .mode = FILE_MODE_DIR | 0777 };
        vst_complete(o, FILE_OK);
    } else {
        o->f = vst_by_handle(vs, r->file);
        enum file_status s = refuse(o);
        if (s != FILE_OK) {
            o->f = NULL;
            vst_complete(o, s);
            return;
        }
        o->shared = r->op == FILE_READ || r->op == FILE_STAT ||
                    (r->op == FILE_HINT && r->hint == FILE_WILL_READ);
        o->step = begin_step;
        vst_enter(o, o->f);
    }
}

void vst_begin(struct vst *vs, struct file_req *r)
{
    struct vst_op *o = port_alloc(vs->port, sizeof *o);
    o->req = r;
    o->vs = vs;
    list_init(&o->link);
    list_init(&o->wait);
    rope_init(&o->data);
    rope_init(&o->base);
    file_req_begin(r);
    port_work(vs->port, PORT_WORK_FILE, 1);
    if (r->op == FILE_READ || r->op == FILE_WRITE)
        vs->store.asked = port_now(vs->port);
    if (!vs->up)
        list_push(&vs->early, &o->wait);
    else
        enter(o);
    if (vs->running)
        return;
    vs->running = true; /* from outside the loop: what has ended by it is told soon (FILE1) */
    run_ready(vs);
    vs->running = false;
    if (!list_empty(&vs->completed) && !port_timer_pending(&vs->answer_timer))
        port_timer_set(&vs->answer_timer, 0);
}

void vst_opened(struct vst *vs, enum file_status status)
{
    struct list *l;
    vs->up = true;
    vs->failed = status;
    while ((l = list_pop(&vs->early)) != NULL)
        enter(LIST_ENTRY(l, struct vst_op, wait));
    vst_run(vs);
}
