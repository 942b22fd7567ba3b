/* lfs_run.c: the order of requests, and the loop that goes on with them.
 *
 * A request waits in its file's queue until no request before it conflicts (LFS1), then it is
 * active: its step function runs from where it stopped, until it has ended or waits on one list
 * (for a buffer, for any buffer, for a record) or for its device requests.  It knows nothing of
 * what the steps do.
 */
#include "os/lfs/lfs_internal.h"

#include <stdlib.h>

/* ---- the loop (LFSI7) ---- */

void lfs_park(struct lfs_op *o, struct list *waiters)
{
    list_push(waiters, &o->wait);
}

void lfs_wake_all(struct lfs *fs, struct list *waiters)
{
    list_splice(&fs->ready, waiters);
}

static void run_ready(struct lfs *fs)
{
    struct list *l;
    while ((l = list_pop(&fs->ready)) != NULL) {
        struct lfs_op *o = LIST_ENTRY(l, struct lfs_op, wait);
        o->step(o);
    }
}

void lfs_run(struct lfs *fs)
{
    struct list *l;
    if (fs->running)
        return;
    fs->running = true;
    for (run_ready(fs); (l = list_pop(&fs->completed)) != NULL; run_ready(fs)) {
        struct lfs_op *o = LIST_ENTRY(l, struct lfs_op, wait);
        struct file_req *r = o->req;
        list_push_front(&fs->spare, &o->wait);
        r->done(r);
    }
    fs->running = false;
}

/* A request came from outside the loop: what has ended by it is told soon (FILE1). */
static void run_inside_submit(struct lfs *fs)
{
    if (fs->running)
        return;
    fs->running = true;
    run_ready(fs);
    fs->running = false;
    if (!list_empty(&fs->completed) && !port_timer_pending(&fs->answer_timer))
        port_timer_set(&fs->answer_timer, 0);
}

static void answer_tick(struct port_timer *t)
{
    lfs_run(t->arg);
}

void lfs_changed(struct lfs_file *f)
{
    f->version++;
    if (!f->storing && list_empty(&f->changed))
        list_push(&f->fs->changed, &f->changed);
    lfs_arm_flush(f->fs);
}

void lfs_arm_flush(struct lfs *fs)
{
    if (!port_timer_pending(&fs->flush_timer))
        port_timer_set(&fs->flush_timer, fs->params.flush_delay);
}

void lfs_run_init(struct lfs *fs)
{
    list_init(&fs->early);
    list_init(&fs->spare);
    list_init(&fs->buf_waiters);
    list_init(&fs->ready);
    list_init(&fs->completed);
    list_init(&fs->name_waiters);
    list_init(&fs->changed);
    list_init(&fs->doubts);
    port_timer_init(fs->port, &fs->answer_timer, answer_tick, fs);
}

/* ---- order of requests (LFS1) ---- */

static bool conflict(const struct lfs_op *a, const struct lfs_op *b)
{
    return (a->exclusive || b->exclusive) && a->blk_from < b->blk_to && b->blk_from < a->blk_to;
}

static bool conflicts_before(const struct lfs_op *o, struct list *head, struct list *stop)
{
    for (struct list *l = head->next; l != head && l != stop; l = l->next)
        if (conflict(o, LIST_ENTRY(l, struct lfs_op, link)))
            return true;
    return false;
}

static void admit(struct lfs_file *f)
{
    LIST_EACH_SAFE (l, nx, &f->waiting) {
        struct lfs_op *o = LIST_ENTRY(l, struct lfs_op, link);
        /* Readers among themselves need not look. */
        if (f->exclusive > 0 &&
            (conflicts_before(o, &f->active, &f->active) || conflicts_before(o, &f->waiting, l)))
            continue;
        list_remove(&o->link);
        list_push(&f->active, &o->link);
        list_push(&f->fs->ready, &o->wait);
    }
}

static void trace(const struct lfs_op *o,
                  void (*mark)(struct port *, const char *, const char *, uint64_t))
{
    const struct file_req *r = o->req;
    mark(o->fs->port, "local files", file_op_name(r->op),
         r->trace || r->run_count == 0 ? r->trace : r->runs[0].off);
}

/* ---- what a READ has found becomes its data ---- */

static int by_place(const void *a, const void *b)
{
    const struct lfs_piece *x = *(struct lfs_piece *const *)a, *y = *(struct lfs_piece *const *)b;
    return (x->at > y->at) - (x->at < y->at);
}

static void join(struct lfs_op *o, struct lfs_piece *p)
{
    struct rope *data = &o->req->data;
    if (o->status == FILE_OK) {
        rope_add_zero(data, p->at - data->length); /* behind the end of the file */
        rope_join(data, &p->data);
    }
    rope_fini(&p->data);
    port_free(o->fs->port, p);
}

static void join_pieces(struct lfs_op *o)
{
    struct list *l;
    uint32_t n = 0;
    if (o->list != NULL) {
        LIST_EACH (x, &o->pieces)
            n++;
    }
    struct lfs_piece **sorted = n > 0 ? port_alloc(o->fs->port, n * sizeof(void *)) : NULL;
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = LIST_ENTRY(list_pop(&o->pieces), struct lfs_piece, link);
    if (n > 0)
        qsort(sorted, n, sizeof(void *), by_place);
    for (uint32_t i = 0; i < n; i++)
        join(o, sorted[i]);
    port_free(o->fs->port, sorted);
    while ((l = list_pop(&o->pieces)) != NULL)
        join(o, LIST_ENTRY(l, struct lfs_piece, link));
}

void lfs_complete(struct lfs_op *o, enum file_status status)
{
    struct lfs *fs = o->fs;
    trace(o, port_trace_end);
    o->status = status;
    o->req->status = status;
    join_pieces(o);
    port_free(fs->port, o->list);
    list_push(&fs->completed, &o->wait);
    if (o->f != NULL) {
        list_remove(&o->link);
        o->f->exclusive -= o->exclusive;
        admit(o->f);
    }
}

struct lfs_file *lfs_by_handle(struct lfs *fs, uint64_t handle)
{
    uint32_t ino = (uint32_t)handle, generation = (uint32_t)(handle >> 32);
    if (ino >= fs->file_room || fs->files[ino] == NULL)
        return NULL;
    struct lfs_file *f = fs->files[ino];
    return f->used && f->generation == generation ? f : NULL;
}

bool lfs_may(const struct file_req *r, const struct lfs_file *f, uint32_t bits)
{
    return file_may(&(struct file_rights){ 0, r->uid, r->gid },
                    &(struct file_rights){ f->mode, f->uid, f->gid }, bits);
}

/* What the request may not do with the file. */
static enum file_status refuse(const struct file_req *r, const struct lfs_file *f)
{
    bool reads = r->op == FILE_READ, writes = r->op == FILE_WRITE || r->op == FILE_SIZE;
    if ((reads || writes) && (f->mode & FILE_MODE_DIR))
        return FILE_IS_DIR;
    return (reads && !lfs_may(r, f, 04)) || (writes && !lfs_may(r, f, 02)) ? FILE_DENIED : FILE_OK;
}

/* The blocks that the request locks; false: it is out of range. */
static bool lock_range(struct lfs_op *o)
{
    const struct file_req *r = o->req;
    uint64_t block = o->fs->super.block, limit = (uint64_t)(LFS_NO_BLOCK - 1) * block;
    uint64_t from = UINT64_MAX, to = 0;
    o->exclusive = r->op != FILE_READ && r->op != FILE_STAT && r->op != FILE_HINT;
    o->blk_from = 0;
    o->blk_to = LFS_NO_BLOCK;
    if (r->op == FILE_SIZE)
        return r->size <= limit;
    if (r->op == FILE_HINT && r->hint == FILE_FORGET)
        o->exclusive = true;
    else if (r->op == FILE_STAT)
        o->blk_to = 0;
    else if (r->op == FILE_READ || r->op == FILE_WRITE || r->op == FILE_HINT) {
        for (uint32_t i = 0; i < r->run_count; i++) {
            const struct file_run *x = &r->runs[i];
            if (x->count == 0 || x->len == 0)
                continue;
            if (x->len > limit || x->off > limit - x->len ||
                (x->count > 1 && x->stride > 0 &&
                 x->count - 1 > (limit - x->off - x->len) / x->stride))
                return false;
            uint64_t last = x->off + (x->count - 1) * x->stride + x->len;
            from = x->off < from ? x->off : from;
            to = last > to ? last : to;
        }
        o->blk_from = from < to ? (uint32_t)(from / block) : 0;
        o->blk_to = (uint32_t)((to + block - 1) / block);
    }
    return true;
}

static struct lfs_op *op_new(struct lfs *fs)
{
    struct list *l = list_pop(&fs->spare);
    struct lfs_op *o =
        l != NULL ? LIST_ENTRY(l, struct lfs_op, wait) : port_alloc(fs->port, sizeof *o);
    return o;
}

static void enter(struct lfs_op *o)
{
    struct lfs *fs = o->fs;
    struct file_req *r = o->req;
    bool named =
        r->op == FILE_CREATE || r->op == FILE_LOOKUP || r->op == FILE_LIST || r->op == FILE_RENAME;
    enum file_status s = FILE_OK;
    trace(o, port_trace_begin);
    if (fs->failed != FILE_OK) {
        lfs_complete(o, fs->failed);
    } else if (named || (r->op == FILE_FLUSH && r->file == 0)) {
        list_push(&fs->ready, &o->wait);
    } else if (r->file == FILE_ROOT && r->op == FILE_STAT) {
        r->attr = (struct file_attr){ .mode = fs->root->mode, .mtime = fs->root->mtime };
        lfs_complete(o, FILE_OK);
    } else if ((o->f = lfs_by_handle(fs, r->file)) == NULL || (s = refuse(r, o->f)) != FILE_OK) {
        o->f = NULL;
        lfs_complete(o, r->file == FILE_ROOT ? FILE_IS_DIR : s == FILE_OK ? FILE_NO_FILE : s);
    } else if (!lock_range(o) || (r->op == FILE_WRITE && file_bytes(r) != r->data.length)) {
        o->f = NULL;
        lfs_complete(o, FILE_RANGE);
    } else {
        list_push(&o->f->waiting, &o->link);
        o->f->exclusive += o->exclusive;
        admit(o->f);
    }
}

void lfs_enqueue(struct lfs_op *o, struct lfs_file *f)
{
    o->f = f;
    o->exclusive = true;
    o->blk_from = 0;
    o->blk_to = LFS_NO_BLOCK;
    list_push(&f->waiting, &o->link);
    f->exclusive++;
    admit(f);
}

void lfs_begin(struct lfs *fs, struct file_req *r, void (*step)(struct lfs_op *o))
{
    struct lfs_op *o = op_new(fs);
    *o = (struct lfs_op){ .req = r, .fs = fs, .step = step };
    list_init(&o->link);
    list_init(&o->wait);
    list_init(&o->pieces);
    file_req_begin(r);
    port_work(fs->port, PORT_WORK_FILE, 1);
    if (r->op == FILE_READ || r->op == FILE_WRITE)
        fs->store.asked = port_now(fs->port);
    if (fs->up)
        enter(o);
    else
        list_push(&fs->early, &o->wait);
    run_inside_submit(fs);
}

void lfs_opened(struct lfs *fs, enum file_status status)
{
    struct list *l;
    fs->up = true;
    fs->failed = status;
    while ((l = list_pop(&fs->early)) != NULL)
        enter(LIST_ENTRY(l, struct lfs_op, wait));
    lfs_run(fs);
}
