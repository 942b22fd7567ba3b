/* store_commit.c: what brings an object to the device: dirty blocks and new nodes, then the record.
 *
 *   BLOCKS   all dirty buffers and all nodes that are not stored are written
 *   MEDIUM   where writes are volatile: the device is flushed, so the record names what is there
 *   RECORD   to the slot of the older record; one that failed leaves its slot unknown, and the next
 *            goes there again
 *   SAFE     where writes are volatile: flushed again, before anything is given up or answered
 *
 * From RECORD on its nodes count as stored: a record that failed may have reached the device.
 */
#include "os/vesta/store_internal.h"

#include <stdlib.h>

enum { NONE, BLOCKS, MEDIUM, RECORD, SAFE, END };

/* ---- nodes ---- */

/* Those of a subtree that are not stored. */
static void collect(struct vst_op *o, struct vst_node *n)
{
    if (n == NULL || n->stored)
        return;
    if (o->node_count == o->node_room) {
        o->node_room = o->node_room == 0 ? 16 : 2 * o->node_room;
        o->nodes = port_realloc(o->vs->port, o->nodes, o->node_room * sizeof(struct vst_node *));
    }
    o->nodes[o->node_count++] = n;
    for (uint32_t i = 0; n->level > 0 && i < VST_FAN; i++)
        collect(o, n->kid[i]);
}

static int by_place(const void *a, const void *b)
{
    const struct vst_node *x = *(struct vst_node *const *)a, *y = *(struct vst_node *const *)b;
    return (x->at > y->at) - (x->at < y->at);
}

static void io_done(struct port_io *pio)
{
    struct vst_io *io = pio->arg;
    struct vst *vs = io->vs;
    port_work(vs->port, PORT_WORK_INTERRUPT, 1);
    (void)vst_io_end(io);
    vst_run(vs);
}

static void start_io(struct vst_op *o, enum port_io_op op, uint64_t sector, uint32_t sectors,
                     struct rope *data)
{
    struct vst_io *io = vst_io_new(o->vs, op, sector, sectors, io_done);
    if (data != NULL)
        rope_move(&io->io.data, data);
    io->f = o->f;
    vst_io_start(io);
}

static void add_node(const struct vst_op *o, const struct vst_node *n, struct rope *out)
{
    uint8_t b[VST_NODE_BYTES];
    struct vst_image x = { .fsid = o->vs->super.fsid,
                           .owner = vst_handle(o->f),
                           .level = n->level };
    for (uint32_t i = 0; i < VST_FAN; i++)
        x.at[i] = n->level == 0 ? n->dev[i] : n->kid[i] != NULL ? n->kid[i]->at : 0;
    vst_node_store(b, &x);
    rope_add_bytes(out, b, sizeof b);
    rope_add_zero(out, o->vs->sector_bytes - sizeof b);
    port_work(o->vs->port, PORT_WORK_CHECKSUM, sizeof b);
}

/* The nodes, those that lie in a row in one request. */
static void write_nodes(struct vst_op *o)
{
    struct vst *vs = o->vs;
    for (uint32_t i = 0; i <= VST_KEPT; i++)
        collect(o, o->f->version[i].root);
    if (o->node_count > 0)
        qsort(o->nodes, o->node_count, sizeof(struct vst_node *), by_place);
    uint32_t n = 0; /* versions may share: each once */
    for (uint32_t i = 0; i < o->node_count; i++)
        if (n == 0 || o->nodes[n - 1] != o->nodes[i])
            o->nodes[n++] = o->nodes[i];
    o->node_count = n;
    vs->counts.nodes_written += n;
    for (uint32_t i = 0, k; i < n; i = k) {
        struct rope data;
        rope_init(&data);
        for (k = i; k < n && k - i < vs->max_io_nodes && o->nodes[k]->at - o->nodes[i]->at == k - i;
             k++)
            add_node(o, o->nodes[k], &data);
        start_io(o, PORT_IO_WRITE, vs->node_sector + o->nodes[i]->at - 1, k - i, &data);
    }
}

static void nodes_stored(struct vst_op *o)
{
    for (uint32_t i = 0; i < o->node_count; i++) {
        o->nodes[i]->stored = true;
        o->nodes[i]->fresh = 0;
    }
}

/* ---- the record ---- */

static void write_record(struct vst_op *o)
{
    struct vst *vs = o->vs;
    const struct vst_file *f = o->f;
    uint8_t b[VST_RECORD_BYTES];
    struct rope data;
    ASSERT(!o->record_used || (f->kept.dirty == 0 && f->writes == 0)); /* VSO6 */
    struct vst_record r = { .fsid = vs->super.fsid,
                            .sequence = f->sequence + 1,
                            .slot = f->slot,
                            .generation = f->generation,
                            .used = o->record_used,
                            .mode = f->mode,
                            .uid = f->uid,
                            .gid = f->gid,
                            .mtime = f->mtime,
                            .ctime = f->ctime,
                            .replaces = f->replaces,
                            .parent = f->parent != NULL ? vst_handle(f->parent) : FILE_ROOT };
    for (uint32_t i = 0; i <= VST_KEPT; i++) {
        const struct vst_version *v = &f->version[i];
        r.version[i].number = v->number;
        r.version[i].size = v->size;
        r.version[i].root = v->root != NULL ? v->root->at : 0;
    }
    memcpy(r.name, f->name, sizeof r.name);
    memcpy(r.owner, f->owner, sizeof r.owner);
    vst_record_store(b, &r);
    port_work(vs->port, PORT_WORK_CHECKSUM, sizeof b);
    rope_init(&data);
    rope_add_bytes(&data, b, sizeof b);
    rope_add_zero(&data, (uint64_t)vs->record_sectors * vs->sector_bytes - sizeof b);
    uint64_t place = 2 * (uint64_t)f->slot + ((f->sequence + 1) & 1);
    start_io(o, PORT_IO_WRITE, 1 + place * vs->record_sectors, vs->record_sectors, &data);
}

/* ---- the commit ---- */

static void end_commit(struct vst_op *o)
{
    struct vst *vs = o->vs;
    struct vst_file *f = o->f;
    f->committing = NULL;
    if (!o->failed) {
        f->sequence++;
        f->changed = false;
        vst_limbo_release(f);
        vs->counts.commits++;
    }
    port_free(vs->port, o->nodes);
    o->nodes = NULL;
    o->node_count = o->node_room = 0;
    o->commit = NONE;
    o->status = o->failed ? FILE_IO_ERROR : FILE_OK;
    o->step = o->then;
    vst_ready(o);
}

/* Its device requests have ended: what is next. */
static void go(struct vst_op *o)
{
    struct vst *vs = o->vs;
    struct vst_file *f = o->f;
    while (f->writes == 0) {
        if (o->failed || o->commit == END) {
            end_commit(o);
            return;
        }
        if (o->commit == BLOCKS && o->record_used && vst_buf_flush_file(f))
            return; /* some were being written already, and had changed since */
        o->commit++;
        bool flush = vs->volatile_writes && vs->safe < vs->written;
        if (o->commit == RECORD) {
            nodes_stored(o);
            write_record(o);
        } else if ((o->commit == MEDIUM || o->commit == SAFE) && flush) {
            start_io(o, PORT_IO_FLUSH, 0, 0, NULL);
        }
    }
}

void vst_commit(struct vst_op *o, bool used, void (*then)(struct vst_op *o))
{
    struct vst_file *f = o->f;
    ASSERT(f->writer && f->committing == NULL); /* VSOI4 */
    o->then = then;
    ASSERT(list_empty(&o->wait));
    o->record_used = used;
    o->failed = false;
    o->commit = BLOCKS;
    f->committing = o;
    if (used) {
        (void)vst_buf_flush_file(f);
        write_nodes(o);
    }
    o->step = go;
    if (f->writes == 0)
        go(o);
}

/* ---- requests ---- */

static void answer(struct vst_op *o)
{
    vst_complete(o, o->status);
}

static void flush_all(struct vst_op *o)
{
    if (o->phase++ == 0)
        vst_flush_all(o->vs, o);
    if (o->pending == 0)
        vst_complete(o, o->status);
}

void vst_step_flush(struct vst_op *o)
{
    if (o->f == NULL)
        flush_all(o);
    else if (vst_uncommitted(o->f) || o->f->limbo_count > 0)
        vst_commit(o, true, answer);
    else
        vst_complete(o, FILE_OK);
}

/* What becomes of the object's versions is decided; the device learns it. */
static void commit_versions(struct vst_op *o)
{
    o->f->mtime = port_now(o->vs->port);
    vst_changed(o->f);
    vst_commit(o, true, answer);
}

void vst_step_checkpoint(struct vst_op *o)
{
    struct vst_file *f = o->f;
    struct vst_version *v = f->version, kept = { .number = 0 };
    uint64_t number = o->req->size > 0 ? o->req->size : v[1].number + 1;
    for (uint32_t i = 1; i <= VST_KEPT; i++) {
        if (o->req->size > 0 && kept.number == 0 && v[i].number > 0 && v[i].number < number) {
            kept = v[i];
            v[i].root = NULL;
        }
        vst_version_drop(f, &v[i]);
    }
    v[1].number = number;
    vst_version_share(o->vs, &v[1], &v[0]);
    v[2] = kept;
    o->vs->counts.checkpoints++;
    commit_versions(o);
}

void vst_step_rollback(struct vst_op *o)
{
    struct vst_file *f = o->f;
    struct vst_version *v = f->version;
    uint32_t at = 1;
    while (at <= VST_KEPT &&
           (v[at].number == 0 || (o->req->size > 0 && v[at].number != o->req->size)))
        at++;
    if (at > VST_KEPT) {
        vst_complete(o, FILE_NO_VERSION);
        return;
    }
    vst_version_drop(f, &v[0]);
    vst_version_share(o->vs, &v[0], &v[at]);
    for (; at > 1; at--) { /* newer ones go */
        vst_version_drop(f, &v[1]);
        v[1] = v[2];
        v[2] = (struct vst_version){ .number = 0 };
    }
    o->vs->counts.rollbacks++;
    commit_versions(o);
}

/* The record that was refused may say that it is gone: one that says otherwise has followed. */
static void step_stays(struct vst_op *o)
{
    o->f->removing = false;
    if (o->status != FILE_OK)
        o->vs->failed = FILE_IO_ERROR;
    vst_complete(o, FILE_IO_ERROR);
}

static void step_removed(struct vst_op *o)
{
    struct vst_file *f = o->f;
    bool replaced = list_empty(&f->named); /* then it goes, or two objects have one name */
    if (o->status != FILE_OK && o->phase++ == 0) {
        vst_commit(o, !replaced, replaced ? step_removed : step_stays);
        return;
    }
    f->removing = false;
    if (replaced)
        vst_wake(o->vs, &o->vs->name_waiters);
    if (o->status != FILE_OK) {
        o->vs->failed = FILE_IO_ERROR;
        vst_complete(o, FILE_IO_ERROR);
        return;
    }
    for (uint32_t i = 0; i <= VST_KEPT; i++)
        vst_version_drop(f, &f->version[i]);
    vst_limbo_release(f);
    f->used = f->changed = false;
    blocks_file_gone(&o->vs->store, &f->kept);
    vst_place_free(f);
    list_remove(&f->named);
    if (f->parent != NULL)
        f->parent->kids--;
    vst_complete(o, FILE_OK);
}

bool vst_must_wait(struct vst_op *o)
{
    if (vst_by_handle(o->vs, o->f->replaces) == NULL || o->vs->failed != FILE_OK)
        return false;
    vst_park(o, &o->vs->name_waiters);
    return true;
}

void vst_step_remove(struct vst_op *o)
{
    if (vst_must_wait(o))
        return;
    enum file_status s = o->vs->failed;
    if (s == FILE_OK && o->f->kids > 0)
        s = FILE_NOT_EMPTY;
    else if (s == FILE_OK && !vst_may(o->req, o->f->parent, 03))
        s = FILE_DENIED;
    if (s != FILE_OK) {
        vst_complete(o, s);
        return;
    }
    o->f->removing = true;
    vst_commit(o, false, step_removed);
}
