/* keep.c: KEEP, a layer that gives files checkpoints over a file system that has none.
 *
 * Before a block is overwritten, or cut off, for the first time since the newest checkpoint, its
 * bytes go aside; a rollback brings them back.  They go to a file of the same file system, a side
 * file: each checkpoint begins one, and what is overwritten while it is the newest goes there.  So
 * a checkpoint costs a flush and a file made; the first change of a block costs its copy.
 *
 *   side file  in the directory ".keep", named by the file's handle and a number that rises.  What
 *              it begins stands in its attributes, so that a checkpoint is there with the name or
 *              not at all: number 8, size of the file then 8, bytes of a block 4, `newest` 4 and
 *              `kept` 4: the numbers of the side files of the two checkpoints that the file has as
 *              of this one (kept 0: one alone)
 *   its bytes  batches: a block whose first bytes are a header, then so many blocks of images
 *   header     batch's place 8, count 4, block 4, sum 8 (file_checksum), numbers of blocks 8 each
 *
 * A rollback to the checkpoint that was kept begins a side file, too: from then on that is the
 * newest.  The side files from it on are undone from the last to its own, each image put in its
 * place: of several the oldest shows.
 *
 *   KEEP1  A block is changed once its image is on the device, and then the header that says so.
 *   KEEP2  A checkpoint has the bytes and the size that the file had: after any crash, too.  Of one
 *       that was not answered all or nothing is there.
 *   KEEP3  A rollback that a crash cut short leaves blocks of both, and the checkpoint: it is to be
 *       asked again.
 *   KEEP4  Requests of a file take effect in the order in which they came, those that wait for
 *       images included.
 *   KEEP5  A checkpoint asked for again leaves no side file but what the way back to the one before
 *       needs: however often it is, there are as many as that has blocks at most, and two.
 *
 * What is not asked to go aside passes at no cost but a look-up.  All else is done in a thread of
 * the file, one request after the other.  Side files of a file that is gone go at the next boot.
 */
#include "os/file/keep_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct param params_desc[] = {
    P_SIZE(file_keep_params, block, "64KiB", "512B", "16MiB",
           "What is copied aside when a byte of it is changed for the first time since a "
           "checkpoint; the block of the file system below it is a good one.",
           "ASSUMED(the block of the I/O nodes' file systems)"),
    P_END,
};

static const struct counter counters[] = {
    C_SUM(keep, counts, checkpoints, "1", "Checkpoints of files."),
    C_SUM(keep, counts, rollbacks, "1", "Returns to them."),
    C_SUM(keep, counts, images, "1", "Blocks copied aside before they were changed."),
    C_SUM(keep, counts, bytes, "B", "Their bytes."),
    C_END,
};

/* ---- requests ---- */

static void end(struct file_req *r, enum file_status s)
{
    file_req_begin(r);
    rope_fini(&r->data);
    r->status = s;
    r->done(r);
}

static void pass(struct keep *k, struct file_req *r)
{
    file_submit(k->sys.below, r);
}

static enum file_status remove_all(struct kept *f, const struct file_req *r)
{
    struct file_req q;
    file_req_init(&q, FILE_REMOVE, NULL, NULL);
    q.file = r->file;
    q.uid = r->uid;
    q.gid = r->gid;
    enum file_status s = file_ask(f->k->sys.below, &q);
    if (s == FILE_OK)
        keep_prune(f, 0, UINT32_MAX);
    return s;
}

/* In the file's thread. */
static void serve(struct kept *f, struct file_req *r)
{
    struct file_req stat;
    bool version = r->op == FILE_CHECKPOINT || r->op == FILE_ROLLBACK;
    bool changes = r->op == FILE_WRITE || r->op == FILE_SIZE;
    enum file_status s = version ? keep_allowed(f, r, &stat) : FILE_OK;
    port_work(f->k->sys.port, PORT_WORK_FILE, 1);
    if (s == FILE_OK && (version || changes))
        s = keep_know(f);
    if (s == FILE_OK && changes)
        s = keep_save(f, r);
    if (r->op == FILE_REMOVE)
        end(r, remove_all(f, r));
    else if (version && s == FILE_OK)
        end(r, (r->op == FILE_CHECKPOINT ? keep_checkpoint : keep_rollback)(f, r));
    else if (s != FILE_OK)
        end(r, s);
    else
        pass(f->k, r);
}

static void all_idle(struct keep *k)
{
    struct list *l;
    while (k->busy == 0 && (l = list_pop(&k->idle)) != NULL) {
        struct item *i = LIST_ENTRY(l, struct item, link);
        pass(k, i->r);
        port_free(k->sys.port, i);
    }
}

static void work(void *arg)
{
    struct kept *f = arg;
    struct keep *k = f->k;
    while (!list_empty(&f->queue)) {
        struct item *i = LIST_ENTRY(f->queue.next, struct item, link);
        serve(f, i->r);
        list_remove(&i->link);
        port_free(k->sys.port, i);
    }
    f->busy = false;
    k->busy--;
    if (list_empty(&f->sides) && !f->doubt) {
        (void)xk_map_unbind(&k->files, &f->file);
        port_free(k->sys.port, f->saved);
        port_free(k->sys.port, f);
    }
    all_idle(k);
}

static struct kept *file_of(struct keep *k, uint64_t file)
{
    struct kept *f = xk_map_resolve(&k->files, &file);
    if (f != NULL)
        return f;
    f = port_alloc(k->sys.port, sizeof *f);
    f->k = k;
    f->file = file;
    list_init(&f->sides);
    list_init(&f->queue);
    xk_map_bind(&k->files, &file, f);
    return f;
}

static bool start_thread(void *arg, const void *key, void *value)
{
    struct keep *k = arg;
    struct kept *f = value;
    (void)key;
    if (f->busy || list_empty(&f->queue))
        return true;
    if (port_thread_spawn(k->sys.port, "keep", work, f, 0) == NULL) {
        port_timer_set(&k->again, SIM_MS); /* others will end */
        return false;
    }
    f->busy = true;
    k->busy++;
    return true;
}

static void hang(struct keep *k, struct list *on, struct file_req *r)
{
    struct item *i = port_alloc(k->sys.port, sizeof *i);
    i->r = r;
    list_push(on, &i->link);
}

/* Whether it is to be looked at in the file's thread. */
static bool waits(const struct kept *f, const struct file_req *r)
{
    if (r->op == FILE_CHECKPOINT || r->op == FILE_ROLLBACK)
        return true;
    if (f == NULL)
        return false;
    if (!list_empty(&f->queue) || r->op == FILE_REMOVE)
        return true;
    if (r->op != FILE_WRITE && r->op != FILE_SIZE)
        return false;
    return !f->known || f->untold || f->doubt || keep_next_unsaved(f, r, 0) != UINT64_MAX;
}

static bool of_a_file(const struct file_req *r)
{
    return r->op <= FILE_FLUSH || r->op == FILE_REMOVE || r->op == FILE_STAT ||
           r->op == FILE_CHANGE || r->op == FILE_HINT || r->op == FILE_CHECKPOINT ||
           r->op == FILE_ROLLBACK;
}

static void go_on(struct keep *k, struct file_req *r)
{
    bool all = r->op == FILE_FLUSH && r->file == 0;
    struct kept *f = of_a_file(r) && !all ? xk_map_resolve(&k->files, &r->file) : NULL;
    if (all && k->busy > 0) {
        hang(k, &k->idle, r);
    } else if (!all && waits(f, r)) {
        f = file_of(k, r->file);
        hang(k, &f->queue, r);
        (void)start_thread(k, NULL, f);
    } else {
        pass(k, r);
    }
}

/* ---- at boot (block) ---- */

/* "handle.number" */
static void side_found(struct keep *k, const struct file_entry *x)
{
    char *dot, *tail;
    uint64_t file = strtoull(x->name, &dot, 16);
    if (*dot != '.')
        return;
    struct side *s = port_alloc(k->sys.port, sizeof *s);
    s->handle = x->file;
    s->number = (uint32_t)strtoul(dot + 1, &tail, 16);
    struct kept *f = file_of(k, file);
    struct list *l = &f->sides;
    while (l->prev != &f->sides && LIST_ENTRY(l->prev, struct side, link)->number > s->number)
        l = l->prev;
    list_push(l, &s->link); /* before l */
}

static enum file_status load(struct keep *k)
{
    struct file_req q;
    struct file_entry x;
    uint64_t next = 0;
    file_req_init(&q, FILE_LOOKUP, NULL, NULL);
    q.name = KEEP_DIRECTORY;
    enum file_status s = file_ask(k->sys.below, &q);
    if (s != FILE_OK)
        return s == FILE_NO_FILE ? FILE_OK : s;
    uint64_t dir = q.file;
    s = keep_ask(k, FILE_FLUSH, 0, 0, &q); /* what is read is to outlive this life, too */
    do {
        if (s != FILE_OK)
            return s;
        file_req_init(&q, FILE_LIST, NULL, NULL);
        q.dir = dir;
        q.file = next;
        s = file_ask(k->sys.below, &q);
        next = q.file;
        while (s == FILE_OK && file_entry_next(&q.data, &x))
            side_found(k, &x);
        rope_fini(&q.data);
    } while (next != 0);
    k->dir = s == FILE_OK ? dir : 0;
    return s;
}

static void forget(struct kept *f)
{
    struct port *p = f->k->sys.port;
    while (!list_empty(&f->sides))
        keep_drop_side(f, LIST_ENTRY(f->sides.next, struct side, link));
    (void)xk_map_unbind(&f->k->files, &f->file);
    port_free(p, f->saved);
    port_free(p, f);
}

static bool forget_it(void *arg, const void *key, void *value)
{
    (void)arg, (void)key;
    forget(value);
    return true;
}

/* What a file that is gone has left goes. */
static bool tidy(void *arg, const void *key, void *value)
{
    struct kept *f = value;
    struct file_req q;
    (void)arg, (void)key;
    if (keep_ask(f->k, FILE_STAT, f->file, 0, &q) != FILE_NO_FILE)
        return true;
    keep_prune(f, 0, UINT32_MAX);
    forget(f);
    return true;
}

static void boot(void *arg)
{
    struct keep *k = arg;
    struct list early, *l;
    enum file_status s = load(k);
    xk_map_each(&k->files, s == FILE_OK ? tidy : forget_it, NULL);
    k->state = s == FILE_OK ? LOADED : NOT_LOADED;
    list_init(&early);
    list_splice(&early, &k->early);
    while ((l = list_pop(&early)) != NULL) {
        struct item *i = LIST_ENTRY(l, struct item, link);
        struct file_req *r = i->r;
        port_free(k->sys.port, i);
        if (s == FILE_OK)
            go_on(k, r);
        else
            end(r, s);
    }
}

/* The first request that changes a file has it read what there is; what comes then waits. */
static void start_boot(struct keep *k)
{
    if (k->state == NOT_LOADED && port_thread_spawn(k->sys.port, "keep", boot, k, 0) != NULL)
        k->state = LOADING;
    else if (k->state == NOT_LOADED)
        port_timer_set(&k->again, SIM_MS);
}

static void try_again(struct port_timer *t)
{
    struct keep *k = t->arg;
    if (!list_empty(&k->early))
        start_boot(k);
    xk_map_each(&k->files, start_thread, k);
}

/* ---- the root's list, without the layer's own ---- */

struct listing {
    struct port *port;
    void (*done)(struct file_req *r);
    void *arg;
};

static void listed(struct file_req *r)
{
    struct listing *x = r->arg;
    struct file_entry e;
    struct rope out;
    rope_init(&out);
    while (r->status == FILE_OK && file_entry_next(&r->data, &e))
        if (strcmp(e.name, KEEP_DIRECTORY) != 0)
            file_entry_add(&out, &e);
    rope_fini(&r->data);
    rope_move(&r->data, &out);
    r->done = x->done;
    r->arg = x->arg;
    port_free(x->port, x);
    r->done(r);
}

static void hide(struct keep *k, struct file_req *r)
{
    struct listing *x = port_alloc(k->sys.port, sizeof *x);
    *x = (struct listing){ k->sys.port, r->done, r->arg };
    r->done = listed;
    r->arg = x;
    pass(k, r);
}

static void submit(struct file_sys *sys, struct file_req *r)
{
    struct keep *k = CONTAINER_OF(sys, struct keep, sys);
    bool changes = r->op == FILE_WRITE || r->op == FILE_SIZE || r->op == FILE_REMOVE ||
                   r->op == FILE_CHECKPOINT || r->op == FILE_ROLLBACK;
    if (r->op == FILE_LIST && r->dir == FILE_ROOT) {
        hide(k, r);
    } else if (k->state != LOADED && (changes || (of_a_file(r) && !list_empty(&k->early)))) {
        hang(k, &k->early, r);
        start_boot(k);
    } else {
        go_on(k, r);
    }
}

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct file_keep_params *x = params;
    struct keep *k = port_alloc(b->node->port, sizeof *k);
    k->sys = (struct file_sys){ .ops = &file_keep, .port = b->node->port, .below = below };
    k->block = (uint32_t)x->block;
    xk_map_init(&k->files, k->sys.port, sizeof(uint64_t));
    list_init(&k->early);
    list_init(&k->idle);
    port_timer_init(k->sys.port, &k->again, try_again, k);
    port_counters(k->sys.port, "keep", counters, k);
    return &k->sys;
}

const struct file_ops file_keep = {
    .kind = { .name = "keep",
              .doc = "Checkpoints of files over a file system that has none: what is changed since "
                     "the last one is copied aside first.",
              .params = params_desc,
              .params_size = sizeof(struct file_keep_params),
              .counters = counters },
    .files = 5, /* the directory, the sides of two checkpoints and of a third under way */
    .start = start,
    .submit = submit,
};
