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
 *
 * What is not asked to go aside passes at no cost but a look-up.  All else is done in a thread of
 * the file, one request after the other.  Side files of a file that is gone go at the next boot.
 */
#include "os/file/file_internal.h"

#include "os/xk/map.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

#include <stdio.h> /* snprintf alone */
#include <stdlib.h>
#include <string.h>

enum {
    HEAD_BYTES = 24,
    BATCH = 61, /* blocks; ASSUMED(a header of 512 bytes) */
    HEADER_BYTES = HEAD_BYTES + 8 * BATCH
};
#define BATCH_BYTES (1 << 20) /* ASSUMED(one write of an array) */
#define DIRECTORY ".keep"

static const struct param params_desc[] = {
    P_SIZE(file_keep_params, block, "64KiB", "512B", "16MiB",
           "What is copied aside when a byte of it is changed for the first time since a "
           "checkpoint; the block of the file system below it is a good one.",
           "ASSUMED(the block of the I/O nodes' file systems)"),
    P_END,
};

struct side {
    struct list link; /* of a file's, by number */
    uint64_t handle;
    uint32_t number;
    /* what it begins */
    uint64_t checkpoint, size;
    uint32_t block, newest, kept;
};

struct batch {
    uint64_t at;
    uint32_t count;
    uint64_t block[BATCH];
};

struct kept {
    struct keep *k;
    uint64_t file;
    struct list sides, queue; /* queue: items; the first is being served */
    bool known;               /* what the sides say was read */
    bool busy;                /* a thread serves the queue */
    bool doubt;               /* a side file that could not be made may be there after a crash */
    bool untold;              /* the header of `last` may be on the device, or not */
    struct batch last;
    /* of the last side file */
    uint64_t end; /* where its next batch goes */
    uint64_t blocks;
    uint8_t *saved; /* a bit for each */
};

struct item {
    struct list link;
    struct file_req *r;
};

struct keep {
    struct file_sys sys; /* first */
    uint32_t block;
    struct xk_map files; /* by handle: struct kept */
    enum { NOT_LOADED, LOADING, LOADED } state;
    uint64_t dir;      /* 0: there is none yet */
    struct list early; /* items: requests that wait for that */
    struct list idle;  /* items: FLUSH of all, until no file is busy */
    uint32_t busy;
    struct port_timer again; /* for a thread */
    struct {
        uint64_t checkpoints, rollbacks, images, bytes;
    } counts;
};

static const struct counter counters[] = {
    C_SUM(keep, counts, checkpoints, "1", "Checkpoints of files."),
    C_SUM(keep, counts, rollbacks, "1", "Returns to them."),
    C_SUM(keep, counts, images, "1", "Blocks copied aside before they were changed."),
    C_SUM(keep, counts, bytes, "B", "Their bytes."),
    C_END,
};

static struct side *last_side(const struct kept *f)
{
    return list_empty(&f->sides) ? NULL : LIST_ENTRY(f->sides.prev, struct side, link);
}

static struct side *side_of(const struct kept *f, uint32_t number)
{
    LIST_EACH (l, &f->sides)
        if (LIST_ENTRY(l, struct side, link)->number == number)
            return LIST_ENTRY(l, struct side, link);
    return NULL;
}

/* ---- requests of the layer's own (block) ---- */

static enum file_status ask(struct keep *k, enum file_op op, uint64_t file, uint64_t size,
                            struct file_req *q)
{
    file_req_init(q, op, NULL, NULL);
    q->file = file;
    q->size = size;
    return file_ask(k->sys.below, q);
}

static enum file_status put(struct keep *k, uint64_t file, uint64_t at, struct rope *data)
{
    struct file_req q;
    file_req_init(&q, FILE_WRITE, NULL, NULL);
    q.file = file;
    file_range(&q, at, data->length);
    rope_move(&q.data, data);
    return file_ask(k->sys.below, &q);
}

static enum file_status get(struct keep *k, uint64_t file, uint64_t at, uint64_t len,
                            struct rope *data)
{
    struct file_req q;
    file_req_init(&q, FILE_READ, NULL, NULL);
    q.file = file;
    file_range(&q, at, len);
    enum file_status s = file_ask(k->sys.below, &q);
    rope_move(data, &q.data);
    return s;
}

static void side_name(char out[FILE_NAME_MAX + 1], uint64_t file, uint32_t number)
{
    (void)snprintf(out, FILE_NAME_MAX + 1, "%llx.%x", (unsigned long long)file, number);
}

/* ---- what is on the device (block) ---- */

static void header_store(struct rope *out, const struct batch *b, uint32_t block)
{
    uint8_t x[HEADER_BYTES] = { 0 };
    wire_put64(x, b->at);
    wire_put32(x + 8, b->count);
    wire_put32(x + 12, block);
    for (uint32_t i = 0; i < b->count; i++)
        wire_put64(x + HEAD_BYTES + 8 * i, b->block[i]);
    wire_put64(x + 16, file_checksum(x, sizeof x, 16));
    rope_add_bytes(out, x, sizeof x);
}

/* The batch there; of 0 blocks: there is none. */
static enum file_status header_load(struct keep *k, const struct side *x, uint64_t at,
                                    struct batch *b)
{
    struct rope data;
    uint8_t y[HEADER_BYTES] = { 0 };
    b->count = 0;
    b->at = at;
    enum file_status s = get(k, x->handle, at, sizeof y, &data);
    if (data.length == sizeof y)
        rope_read(&data, 0, sizeof y, y);
    rope_fini(&data);
    if (s != FILE_OK || wire_get64(y) != at || wire_get32(y + 8) > BATCH ||
        wire_get32(y + 12) != x->block || wire_get64(y + 16) != file_checksum(y, sizeof y, 16))
        return s;
    b->count = wire_get32(y + 8);
    for (uint32_t i = 0; i < b->count; i++)
        b->block[i] = wire_get64(y + HEAD_BYTES + 8 * i);
    return s;
}

static uint64_t behind(const struct side *x, const struct batch *b)
{
    return b->at + (b->count + UINT64_C(1)) * x->block;
}

static bool is_saved(const struct kept *f, uint64_t block)
{
    return f->saved[block / 8] >> block % 8 & 1;
}

static void mark_saved(struct kept *f, const struct batch *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->block[i] < f->blocks)
            f->saved[b->block[i] / 8] |= (uint8_t)(1u << b->block[i] % 8);
}

/* The last side file is another: nothing is saved in it yet. */
static void begin_side(struct kept *f)
{
    const struct side *x = last_side(f);
    struct port *p = f->k->sys.port;
    port_free(p, f->saved);
    f->blocks = x != NULL ? (x->size + x->block - 1) / x->block : 0;
    f->saved = port_alloc(p, f->blocks / 8 + 1);
    f->end = 0;
    f->untold = false;
}

static void drop_side(struct kept *f, struct side *x)
{
    list_remove(&x->link);
    port_free(f->k->sys.port, x);
}

/* Those with numbers in [from, to) go; one that does not is tried again at the next boot. */
static void prune(struct kept *f, uint32_t from, uint32_t to)
{
    struct file_req q;
    for (struct list *l = f->sides.prev, *before; l != &f->sides; l = before) {
        struct side *x = LIST_ENTRY(l, struct side, link);
        before = l->prev;
        if (x->number < from || x->number >= to)
            continue;
        enum file_status s = ask(f->k, FILE_REMOVE, x->handle, 0, &q);
        if (s == FILE_OK || s == FILE_NO_FILE)
            drop_side(f, x);
    }
}

static uint32_t oldest_needed(const struct side *last)
{
    return last->kept != 0 ? last->kept : last->newest;
}

/* What the side files say. */
static enum file_status know(struct kept *f)
{
    struct keep *k = f->k;
    struct file_req q;
    enum file_status s = FILE_OK;
    if (f->known)
        return FILE_OK;
    LIST_EACH (l, &f->sides) {
        struct side *x = LIST_ENTRY(l, struct side, link);
        s = ask(k, FILE_STAT, x->handle, 0, &q);
        if (s != FILE_OK)
            return s;
        x->checkpoint = wire_get64(q.attr.owner);
        x->size = wire_get64(q.attr.owner + 8);
        x->block = wire_get32(q.attr.owner + 16);
        x->newest = wire_get32(q.attr.owner + 20);
        x->kept = wire_get32(q.attr.owner + 24);
        if (x->block == 0)
            return FILE_CORRUPT;
    }
    begin_side(f);
    const struct side *x = last_side(f);
    struct batch b = { .count = x != NULL };
    for (uint64_t at = 0; b.count > 0; at = behind(x, &b)) {
        s = header_load(k, x, at, &b);
        if (s != FILE_OK)
            return s;
        mark_saved(f, &b);
        f->end = at;
    }
    if (x != NULL)
        prune(f, 0, oldest_needed(x));
    f->known = true;
    return FILE_OK;
}

/* ---- images (block) ---- */

/* The first block from `from` on that the request changes and that is to be saved; UINT64_MAX:
 * none.  A SIZE changes what it cuts off. */
static uint64_t next_unsaved(const struct kept *f, const struct file_req *r, uint64_t from)
{
    const struct side *x = last_side(f);
    uint64_t first = UINT64_MAX;
    struct file_run cut = { .off = r->size, .len = UINT64_MAX - r->size, .count = 1 };
    const struct file_run *runs = r->op == FILE_SIZE ? &cut : r->runs;
    uint32_t count = r->op == FILE_SIZE ? 1 : r->run_count;
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t n = 0, off = runs[i].off; n < runs[i].count && off < x->size;
             n++, off += runs[i].stride) {
            uint64_t room = x->size - off, len = runs[i].len < room ? runs[i].len : room;
            uint64_t b = off / x->block, end = len > 0 ? (off + len - 1) / x->block + 1 : 0;
            for (b = b > from ? b : from; b < end && b < first && is_saved(f, b); b++)
                ;
            if (b < end && b < first)
                first = b;
        }
    return first;
}

/* The header of the last batch, after its images. */
static enum file_status tell(struct kept *f)
{
    const struct side *x = last_side(f);
    struct file_req q;
    struct rope head;
    rope_init(&head);
    header_store(&head, &f->last, x->block);
    f->untold = true;
    enum file_status s = put(f->k, x->handle, f->last.at, &head);
    if (s == FILE_OK)
        s = ask(f->k, FILE_FLUSH, x->handle, 0, &q);
    if (s != FILE_OK)
        return s;
    f->untold = false;
    f->end = behind(x, &f->last);
    mark_saved(f, &f->last);
    f->k->counts.images += f->last.count;
    return FILE_OK;
}

static enum file_status save_batch(struct kept *f)
{
    struct keep *k = f->k;
    const struct side *x = last_side(f);
    struct batch *b = &f->last;
    struct file_req q;
    struct file_run runs[BATCH];
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        uint64_t off = b->block[i] * x->block, left = x->size - off;
        runs[i] =
            (struct file_run){ .off = off, .len = left < x->block ? left : x->block, .count = 1 };
        bytes += runs[i].len;
    }
    file_req_init(&q, FILE_READ, NULL, NULL);
    q.file = f->file;
    q.runs = runs;
    q.run_count = b->count;
    enum file_status s = file_ask(k->sys.below, &q);
    if (s == FILE_OK && q.data.length != bytes)
        s = FILE_CORRUPT;
    struct rope images;
    rope_move(&images, &q.data);
    b->at = f->end;
    if (s == FILE_OK)
        s = put(k, x->handle, f->end + x->block, &images);
    else
        rope_fini(&images);
    if (s == FILE_OK)
        s = ask(k, FILE_FLUSH, x->handle, 0, &q);
    k->counts.bytes += s == FILE_OK ? bytes : 0;
    return s == FILE_OK ? tell(f) : s;
}

/* All that the request is going to change is on the device: KEEP1. */
static enum file_status save(struct kept *f, const struct file_req *r)
{
    const struct side *x = last_side(f);
    struct file_req q;
    enum file_status s = FILE_OK;
    if (f->doubt) {
        s = ask(f->k, FILE_FLUSH, 0, 0, &q);
        f->doubt = s != FILE_OK;
    }
    if (s == FILE_OK && x != NULL && f->untold)
        s = tell(f);
    if (s != FILE_OK || x == NULL)
        return s;
    uint32_t most = x->block < BATCH_BYTES ? BATCH_BYTES / x->block : 1;
    most = most < BATCH ? most : BATCH;
    for (uint64_t b = next_unsaved(f, r, 0); b != UINT64_MAX && s == FILE_OK;) {
        f->last.count = 0;
        for (; b != UINT64_MAX && f->last.count < most; b = next_unsaved(f, r, b + 1))
            f->last.block[f->last.count++] = b;
        s = save_batch(f);
    }
    return s;
}

/* ---- checkpoints (block) ---- */

/* Whether the caller may make one of it, and back. */
static enum file_status allowed(struct kept *f, const struct file_req *r, struct file_req *stat)
{
    enum file_status s = ask(f->k, FILE_STAT, f->file, 0, stat);
    struct file_rights who = { 0, r->uid, r->gid };
    struct file_rights of = { stat->attr.mode, stat->attr.uid, stat->attr.gid };
    if (s != FILE_OK)
        return s;
    return stat->attr.mode & FILE_MODE_DIR ? FILE_IS_DIR
           : file_may(&who, &of, 02)       ? FILE_OK
                                           : FILE_DENIED;
}

/* A new side file that begins what `x` says. */
static enum file_status make_side(struct kept *f, struct side x)
{
    struct keep *k = f->k;
    const struct side *last = last_side(f);
    struct file_req q;
    char name[FILE_NAME_MAX + 1];
    if (k->dir == 0) {
        file_req_init(&q, FILE_CREATE, NULL, NULL);
        q.name = DIRECTORY;
        q.attr.mode = FILE_MODE_DIR | 0700;
        enum file_status s = file_ask(k->sys.below, &q);
        if (s != FILE_OK && s != FILE_EXISTS)
            return s;
        k->dir = q.file;
    }
    x.number = last != NULL ? last->number + 1 : 1;
    x.newest = x.newest != 0 ? x.newest : x.number;
    file_req_init(&q, FILE_CREATE, NULL, NULL);
    side_name(name, f->file, x.number);
    q.dir = k->dir;
    q.name = name;
    q.attr.mode = 0600;
    wire_put64(q.attr.owner, x.checkpoint);
    wire_put64(q.attr.owner + 8, x.size);
    wire_put32(q.attr.owner + 16, x.block);
    wire_put32(q.attr.owner + 20, x.newest);
    wire_put32(q.attr.owner + 24, x.kept);
    enum file_status s = file_ask(k->sys.below, &q);
    f->doubt = s != FILE_OK;
    if (s != FILE_OK)
        return s;
    struct side *made = port_alloc(k->sys.port, sizeof *made);
    *made = x;
    made->handle = q.file;
    list_push(&f->sides, &made->link);
    begin_side(f);
    return FILE_OK;
}

static enum file_status checkpoint(struct kept *f, const struct file_req *r)
{
    struct file_req q;
    const struct side *last = last_side(f);
    struct side *newest = last != NULL ? side_of(f, last->newest) : NULL;
    struct side *kept = last != NULL ? side_of(f, last->kept) : NULL;
    struct side x = { .checkpoint = r->size, .block = f->k->block };
    if (newest != NULL && r->size == 0)
        x.checkpoint = newest->checkpoint + 1;
    else if (newest != NULL && newest->checkpoint < r->size)
        x.kept = newest->number;
    else if (kept != NULL && kept->checkpoint < r->size)
        x.kept = kept->number;
    x.checkpoint += x.checkpoint == 0; /* the first */
    enum file_status s = save(f, &(struct file_req){ .op = FILE_READ });
    if (s == FILE_OK)
        s = ask(f->k, FILE_FLUSH, f->file, 0, &q);
    if (s == FILE_OK)
        s = ask(f->k, FILE_STAT, f->file, 0, &q);
    if (s != FILE_OK)
        return s;
    x.size = q.attr.size;
    s = make_side(f, x);
    if (s != FILE_OK)
        return s;
    f->k->counts.checkpoints++;
    prune(f, 0, oldest_needed(last_side(f)));
    return FILE_OK;
}

/* The images of a batch, as far as the file went then, each to its place. */
static enum file_status undo_batch(struct kept *f, const struct side *x, const struct batch *b,
                                   uint64_t size)
{
    struct file_run runs[BATCH];
    struct rope images, out;
    struct file_req q;
    uint32_t n = 0;
    enum file_status s =
        get(f->k, x->handle, b->at + x->block, (uint64_t)b->count * x->block, &images);
    file_req_init(&q, FILE_WRITE, NULL, NULL);
    rope_init(&out);
    for (uint32_t i = 0; i < b->count && s == FILE_OK; i++) {
        uint64_t off = b->block[i] * x->block, left = x->size > off ? x->size - off : 0;
        uint64_t have = left < x->block ? left : x->block, fits = size > off ? size - off : 0;
        uint64_t len = have < fits ? have : fits;
        if (images.length < (uint64_t)i * x->block + have)
            s = FILE_CORRUPT;
        else if (len > 0)
            rope_add_slice(&out, &images, (uint64_t)i * x->block, len);
        if (len > 0)
            runs[n++] = (struct file_run){ .off = off, .len = len, .count = 1 };
    }
    rope_fini(&images);
    q.file = f->file;
    q.runs = runs;
    q.run_count = n;
    if (s != FILE_OK || n == 0) {
        rope_fini(&out);
        return s;
    }
    rope_move(&q.data, &out);
    return file_ask(f->k->sys.below, &q);
}

static enum file_status undo(struct kept *f, const struct side *to)
{
    struct file_req q;
    enum file_status s = ask(f->k, FILE_SIZE, f->file, to->size, &q);
    for (struct list *l = f->sides.prev; s == FILE_OK && l != &f->sides; l = l->prev) {
        const struct side *x = LIST_ENTRY(l, struct side, link);
        struct batch b = { .count = 1 };
        if (x->number < to->number)
            break;
        for (uint64_t at = 0; s == FILE_OK && b.count > 0; at = behind(x, &b)) {
            s = header_load(f->k, x, at, &b);
            if (s == FILE_OK && b.count > 0)
                s = undo_batch(f, x, &b, to->size);
        }
    }
    return s == FILE_OK ? ask(f->k, FILE_FLUSH, f->file, 0, &q) : s;
}

static enum file_status rollback(struct kept *f, const struct file_req *r)
{
    const struct side *last = last_side(f);
    struct side *to = last != NULL ? side_of(f, last->newest) : NULL;
    struct side *kept = last != NULL ? side_of(f, last->kept) : NULL;
    enum file_status s = save(f, &(struct file_req){ .op = FILE_READ });
    if (s != FILE_OK)
        return s;
    if (to != NULL && r->size != 0 && to->checkpoint != r->size)
        to = kept != NULL && kept->checkpoint == r->size ? kept : NULL;
    if (to == NULL)
        return FILE_NO_VERSION;
    bool back = to->number != last->newest; /* what is newer goes */
    if (back)
        s = make_side(f, (struct side){ .checkpoint = to->checkpoint,
                                        .size = to->size,
                                        .block = to->block,
                                        .newest = to->number });
    if (s == FILE_OK)
        s = undo(f, to);
    if (s != FILE_OK)
        return s;
    f->k->counts.rollbacks++;
    if (back)
        prune(f, to->number + 1, last_side(f)->number);
    return FILE_OK;
}

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
        prune(f, 0, UINT32_MAX);
    return s;
}

/* In the file's thread. */
static void serve(struct kept *f, struct file_req *r)
{
    struct file_req stat;
    bool version = r->op == FILE_CHECKPOINT || r->op == FILE_ROLLBACK;
    bool changes = r->op == FILE_WRITE || r->op == FILE_SIZE;
    enum file_status s = version ? allowed(f, r, &stat) : FILE_OK;
    port_work(f->k->sys.port, PORT_WORK_FILE, 1);
    if (s == FILE_OK && (version || changes))
        s = know(f);
    if (s == FILE_OK && changes)
        s = save(f, r);
    if (r->op == FILE_REMOVE)
        end(r, remove_all(f, r));
    else if (version && s == FILE_OK)
        end(r, (r->op == FILE_CHECKPOINT ? checkpoint : rollback)(f, r));
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
    return !f->known || f->untold || f->doubt || next_unsaved(f, r, 0) != UINT64_MAX;
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
    q.name = DIRECTORY;
    enum file_status s = file_ask(k->sys.below, &q);
    if (s != FILE_OK)
        return s == FILE_NO_FILE ? FILE_OK : s;
    uint64_t dir = q.file;
    s = ask(k, FILE_FLUSH, 0, 0, &q); /* what is read is to outlive this life, too */
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
        drop_side(f, LIST_ENTRY(f->sides.next, struct side, link));
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
    if (ask(f->k, FILE_STAT, f->file, 0, &q) != FILE_NO_FILE)
        return true;
    prune(f, 0, UINT32_MAX);
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
        if (strcmp(e.name, DIRECTORY) != 0)
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
