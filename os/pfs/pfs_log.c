/* pfs_log.c: the metadata server's names in a file, so that they outlive it.
 *
 * Each change of a name is a record at the end of the file "pfs.names"; it is answered once the
 * record is on the device.  What comes while one write is under way goes together with the next.
 * Whoever asks for names meanwhile is answered after them, so that nothing is told that a crash
 * undoes.  At boot the records are read and done again; calls for names wait until then.
 *
 *   record, big-endian     0 length 4   4 sum of the rest 4   8 number 8   16 life 4   20 kind 2
 *                         22 factor 2  24 file 8  32 unit 8  40 lengths of two paths, 2 each
 *                         44 mode, uid, gid, 4 each  56 group, 2 bytes each; the paths; of a file
 *                         with a note, that: number and size of its checkpoint 8 each, label 64
 *
 * The first record whose sum, number or life does not fit ends the file: the write of a crash.
 * Numbers follow each other and lives do not fall, so nothing behind it counts either.
 *
 * A log that has log_ratio times as many records as there are names is written anew, while
 * requests go on: the tree as it stands goes to the file "pfs.names.new", whose last record has the
 * number of the newest change.  What changes meanwhile goes to the old log as ever, and is kept.
 * Once the tree is on the device the new file gets that, too, and the old one's name (LFS7): a
 * crash finds the one or the other, whole.  Only this last step holds requests up.  In the tree's
 * records ENTER goes into a directory, LEAVE out of it, and names have no path in front.
 *
 * A file system that gives no answer (FILE_UNREACHABLE) is asked again `retries` times; then all
 * who wait for names are told PFS_SERVER_DOWN: of a change, it may be done later.  Who asks for
 * names next has the log try once more.  A write and its flush are made again as one.
 */
#include "os/pfs/pfs_meta.h"

#include <string.h>

#define RECORD_BYTES 56
#define NOTE_BYTES (16 + FILE_LABEL_BYTES)
#define RECORD_MOST (RECORD_BYTES + 2 * PFS_FACTOR_MAX + 2 * PFS_NAME_MAX + NOTE_BYTES)
#define READ_BYTES (256 * 1024)
static const char log_name[] = "pfs.names", new_name[] = "pfs.names.new";

struct answer { /* until what it tells is on the device */
    struct list link;
    struct select_request *request;
    struct rope reply;
};
struct early { /* a call that came before the names were there */
    struct list link;
    struct select_request *request;
    uint32_t procedure;
    struct rope args;
};

static uint32_t sum_of(const uint8_t *b, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 16777619u;
    return h;
}

/* ---- requests ---- */

static void prepare(struct meta *m, struct file_req *r, enum file_op op, uint64_t file,
                    void (*done)(struct file_req *r))
{
    file_req_init(r, op, done, m);
    r->file = file;
    r->name = op == FILE_RENAME ? new_name : log_name;
    r->to_name = log_name;
}

/* The request of the log; a write's data stay until it is flushed. */
static void send(struct meta *m)
{
    struct pfs_log *g = &m->log;
    if (g->req.op == FILE_WRITE)
        rope_add_slice(&g->req.data, &g->sent, 0, g->sent.length);
    file_submit(g->files, &g->req);
}

static void submit(struct meta *m, enum file_op op, void (*done)(struct file_req *r))
{
    prepare(m, &m->log.req, op, m->log.switching ? m->log.fresh : m->log.handle, done);
    send(m);
}

static void record_written(struct file_req *r);

static void write_sent(struct meta *m)
{
    struct pfs_log *g = &m->log;
    prepare(m, &g->req, FILE_WRITE, g->switching ? g->fresh : g->handle, record_written);
    file_range(&g->req, g->switching ? g->fresh_end : g->log_bytes, g->sent.length);
    send(m);
}

static void try_again(struct port_timer *t)
{
    struct meta *m = t->arg;
    if (m->log.req.op == FILE_FLUSH &&
        m->log.writing) /* what was written may be lost with who had it */
        write_sent(m);
    else
        send(m);
}

static void attempt(struct meta *m)
{
    if (m->log.resting)
        port_timer_set(&m->log.again, 0);
    m->log.resting = false;
}

static void tell(struct meta *m, struct list *of, enum pfs_status failed)
{
    struct list *l;
    while ((l = list_pop(of)) != NULL) {
        struct answer *a = LIST_ENTRY(l, struct answer, link);
        if (failed != PFS_OK)
            pfs_meta_answer(a->request, failed, 0, 0);
        else
            select_reply(a->request, &a->reply);
        rope_fini(&a->reply);
        port_free(m->port, a);
    }
}

static void serve_early(struct meta *m, enum pfs_status failed)
{
    struct list *l, now;
    list_init(&now);
    list_splice(&now, &m->log.early);
    while ((l = list_pop(&now)) != NULL) {
        struct early *x = LIST_ENTRY(l, struct early, link);
        if (failed != PFS_OK)
            pfs_meta_answer(x->request, failed, 0, 0);
        else
            pfs_meta_serve(m, x->request, x->procedure, &x->args);
        rope_fini(&x->args);
        port_free(m->port, x);
    }
}

/* True: the log's request had no answer; it is made again, or nobody waits for it any more. */
static bool unanswered(struct meta *m)
{
    struct pfs_log *g = &m->log;
    if (g->req.status != FILE_UNREACHABLE) {
        g->tries = 0;
        return false;
    }
    if (g->tries++ < m->params->retries) {
        port_timer_set(&g->again, m->params->retry_delay);
        return true;
    }
    g->tries = 0;
    g->lost = g->resting = true;
    m->counts.lost++;
    tell(m, &g->written, PFS_SERVER_DOWN);
    tell(m, &g->waiting, PFS_SERVER_DOWN);
    serve_early(m, PFS_SERVER_DOWN);
    return true;
}

/* ---- writing ---- */

static void write_more(struct meta *m);
static void renamed(struct file_req *r);

/* What was under way is on the device, or will never be. */
static void finish(struct meta *m, enum file_status s)
{
    struct pfs_log *g = &m->log;
    g->writing = g->lost = false;
    if (s != FILE_OK && !g->failed) {
        g->failed = true;
        port_remark(m->port, "the names of the parallel file system cannot be kept: %s",
                    file_status_name(s));
    }
    rope_fini(&g->sent);
    tell(m, &g->written, g->failed ? PFS_IO_ERROR : PFS_OK);
    serve_early(m, PFS_OK);
    write_more(m);
}

/* The fresh log is given up: what it was to have goes to the old one, as does what came since. */
static void give_up_fresh(struct meta *m)
{
    struct pfs_log *g = &m->log;
    struct rope all;
    rope_init(&all);
    rope_add_slice(&all, &g->sent, g->sent.length - g->unwritten, g->unwritten);
    rope_join(&all, &g->batch);
    rope_move(&g->batch, &all);
    list_splice(&g->written, &g->waiting);
    list_splice(&g->waiting, &g->written);
    rope_fini(&g->sent);
    g->switching = g->writing = g->lost = false;
    g->copying = COPY_NONE;
    g->next_copy = 2 * g->log_bytes;
    serve_early(m, PFS_OK);
    write_more(m);
}

static void flushed(struct file_req *r)
{
    struct meta *m = r->arg;
    struct pfs_log *g = &m->log;
    if (unanswered(m))
        return;
    if (g->switching && r->status == FILE_OK) {
        submit(m, FILE_RENAME, renamed);
    } else if (g->switching) {
        give_up_fresh(m);
    } else {
        g->log_bytes += r->status == FILE_OK ? g->sent.length : 0;
        finish(m, r->status);
    }
}

static void record_written(struct file_req *r)
{
    struct meta *m = r->arg;
    if (r->status == FILE_OK)
        submit(m, FILE_FLUSH, flushed);
    else
        flushed(r);
}

/* ---- a fresh log ---- */

/* FILE_NO_FILE: it was renamed when there was no answer. */
static void renamed(struct file_req *r)
{
    struct meta *m = r->arg;
    struct pfs_log *g = &m->log;
    if (unanswered(m))
        return;
    bool good = r->status == FILE_OK || r->status == FILE_NO_FILE;
    if (good) {
        g->handle = g->fresh;
        g->log_bytes = g->fresh_end + g->sent.length;
        g->first = g->fresh_first;
        m->counts.copies++;
    }
    g->switching = false;
    g->copying = COPY_NONE;
    g->next_copy = (uint64_t)m->params->log_least;
    finish(m, good ? FILE_OK : r->status);
}

static void switch_over(struct meta *m)
{
    struct pfs_log *g = &m->log;
    g->writing = g->switching = true;
    g->unwritten = g->batch.length;
    rope_fini(&g->batch);
    rope_move(&g->sent, &g->since);
    rope_init(&g->since);
    list_splice(&g->written, &g->waiting);
    if (g->sent.length > 0)
        write_sent(m);
    else
        submit(m, FILE_RENAME, renamed);
}

/* Each step of the copy: create, empty it, write, flush. */
static void copied(struct file_req *r)
{
    struct meta *m = r->arg;
    struct pfs_log *g = &m->log;
    if (r->op == FILE_CREATE && (r->status == FILE_OK || r->status == FILE_EXISTS)) {
        g->fresh = r->file; /* left by a crash, it has something */
        prepare(m, r, FILE_SIZE, g->fresh, copied);
        file_submit(g->files, r);
    } else if (r->op == FILE_SIZE && r->status == FILE_OK) {
        prepare(m, r, FILE_WRITE, g->fresh, copied);
        file_range(r, 0, g->tree.length);
        rope_move(&r->data, &g->tree);
        rope_init(&g->tree);
        file_submit(g->files, r);
    } else if (r->op == FILE_WRITE && r->status == FILE_OK) {
        g->fresh_end = r->moved;
        prepare(m, r, FILE_FLUSH, g->fresh, copied);
        file_submit(g->files, r);
    } else if (r->status == FILE_OK) {
        g->copying = COPY_DONE;
        if (!g->writing)
            switch_over(m);
    } else {
        rope_fini(&g->tree);
        rope_fini(&g->since);
        g->copying = COPY_NONE;
        g->next_copy = 2 * g->log_bytes;
    }
}

static uint32_t store(struct rope *out, struct meta *m, uint64_t number, enum pfs_log_kind kind,
                      const struct meta_file *f, const char *path, const char *to);

/* All entries, each directory before what is in it, numbered from `number` on; how many records.
 * out: NULL, they are counted alone. */
static uint64_t tree_records(struct meta *m, struct rope *out, uint64_t number)
{
    struct meta_file *d = m->root, *f = d;
    struct list *l = d->children.next;
    uint64_t n = 1;
    if (out != NULL)
        store(out, m, number, PFS_LOG_ENTER, NULL, "/", NULL);
    for (;; n++) {
        enum pfs_log_kind kind = PFS_LOG_LEAVE;
        if (l != &d->children) {
            f = LIST_ENTRY(l, struct meta_file, sibling);
            kind = f->dir ? PFS_LOG_ENTER : PFS_LOG_CREATE;
        }
        if (out != NULL)
            store(out, m, number + n, kind, f, kind == PFS_LOG_LEAVE ? "" : f->name, NULL);
        if (kind == PFS_LOG_ENTER) {
            d = f;
            l = f->children.next;
        } else if (kind == PFS_LOG_CREATE) {
            l = l->next;
        } else if (d == m->root) {
            return n + 1;
        } else {
            l = d->sibling.next;
            d = d->parent;
        }
    }
}

static void copy_names(struct meta *m)
{
    struct pfs_log *g = &m->log;
    g->fresh_first = g->number - tree_records(m, NULL, 0);
    (void)tree_records(m, &g->tree, g->fresh_first + 1);
    port_work(m->port, PORT_WORK_COPY, g->tree.length);
    m->counts.copied += g->tree.length;
    g->copying = COPY_UNDER_WAY;
    prepare(m, &g->copy, FILE_CREATE, 0, copied);
    g->copy.name = new_name;
    file_submit(g->files, &g->copy);
}

static void write_more(struct meta *m)
{
    struct pfs_log *g = &m->log;
    uint64_t most = (uint64_t)m->params->log_ratio * (1 + m->names.count);
    if (g->writing)
        return;
    if (g->copying == COPY_DONE) {
        switch_over(m);
        return;
    }
    if (g->batch.length == 0 && list_empty(&g->waiting))
        return;
    if (g->copying == COPY_NONE && most > 0 && g->number - g->first > most &&
        g->log_bytes > g->next_copy && !g->failed)
        copy_names(m);
    g->writing = true;
    list_splice(&g->written, &g->waiting);
    rope_move(&g->sent, &g->batch);
    rope_init(&g->batch);
    write_sent(m);
}

static uint32_t store(struct rope *out, struct meta *m, uint64_t number, enum pfs_log_kind kind,
                      const struct meta_file *f, const char *path, const char *to)
{
    uint8_t b[RECORD_MOST] = { 0 };
    uint32_t factor = f != NULL && f->attrs != NULL ? f->attrs->factor : 0;
    size_t n = RECORD_BYTES, a = strlen(path), c = to == NULL ? 0 : strlen(to);
    wire_put64(b + 8, number);
    wire_put32(b + 16, port_incarnation(m->port));
    wire_put16(b + 20, (uint16_t)kind);
    wire_put16(b + 22, (uint16_t)factor);
    wire_put64(b + 24, f == NULL ? 0 : f->local);
    wire_put64(b + 32, factor == 0 ? 0 : f->attrs->unit);
    wire_put16(b + 40, (uint16_t)a);
    wire_put16(b + 42, (uint16_t)c);
    wire_put32(b + 44, f == NULL ? 0 : f->rights.mode);
    wire_put32(b + 48, f == NULL ? 0 : f->rights.uid);
    wire_put32(b + 52, f == NULL ? 0 : f->rights.gid);
    for (uint32_t i = 0; i < factor; i++, n += 2)
        wire_put16(b + n, (uint16_t)f->attrs->group[i]);
    for (size_t i = 0; i < a + c; i++)
        b[n++] = (uint8_t)(i < a ? path[i] : to[i - a]);
    if (f != NULL && f->note != NULL && (kind == PFS_LOG_CREATE || kind == PFS_LOG_NOTE)) {
        wire_put64(b + n, f->note->checkpoint);
        wire_put64(b + n + 8, f->note->size);
        memcpy(b + n + 16, f->note->label, FILE_LABEL_BYTES);
        n += NOTE_BYTES;
    }
    wire_put32(b, (uint32_t)n);
    wire_put32(b + 4, sum_of(b + 8, n - 8));
    rope_add_bytes(out, b, n);
    return (uint32_t)n;
}

void pfs_log_add(struct meta *m, enum pfs_log_kind kind, const struct meta_file *f,
                 const char *path, const char *to)
{
    struct pfs_log *g = &m->log;
    uint64_t at = g->batch.length;
    if (g->files == NULL || g->replaying)
        return;
    store(&g->batch, m, ++g->number, kind, f, path, to);
    m->counts.records++;
    if (g->copying != COPY_NONE && !g->switching)
        rope_add_slice(&g->since, &g->batch, at, g->batch.length - at);
}

void pfs_log_send(struct meta *m, struct select_request *q, struct rope *reply)
{
    struct pfs_log *g = &m->log;
    if (!g->writing && g->batch.length == 0) {
        select_reply(q, reply);
        rope_fini(reply);
        return;
    }
    struct answer *a = port_alloc(m->port, sizeof *a);
    a->request = q;
    rope_move(&a->reply, reply);
    /* What it tells is in the write under way, when nothing waits for the next. */
    list_push(g->batch.length == 0 ? &g->written : &g->waiting, &a->link);
    attempt(m);
    write_more(m);
}

void pfs_log_reply(struct meta *m, struct select_request *q, enum pfs_status status,
                   const struct pfs_meta_msg *msg, const uint32_t *group)
{
    struct rope r;
    pfs_meta_pack(&r, status, msg, group);
    pfs_log_send(m, q, &r);
}

/* ---- at boot ---- */

bool pfs_log_waits(struct meta *m, struct select_request *q, uint32_t procedure, struct rope *args)
{
    bool names =
        procedure == PFS_META_OPEN || procedure == PFS_META_UNLINK || procedure >= PFS_META_LOOKUP;
    if (!names || !(m->log.replaying || m->log.lost))
        return false;
    struct early *x = port_alloc(m->port, sizeof *x);
    x->request = q;
    x->procedure = procedure;
    rope_move(&x->args, args);
    list_push(&m->log.early, &x->link);
    attempt(m);
    return true;
}

static void ready(struct meta *m, enum file_status s)
{
    struct pfs_log *g = &m->log;
    g->failed = s != FILE_OK;
    if (g->failed)
        port_remark(m->port, "the names of the parallel file system cannot be read: %s",
                    file_status_name(s));
    g->replaying = g->lost = false;
    m->home = g->home != NULL ? g->home : m->home;
    serve_early(m, PFS_OK);
}

/* What a record of `n` bytes says; false: it is none. */
static bool load(const uint8_t *b, size_t n, struct pfs_record *r)
{
    size_t at = RECORD_BYTES, a = wire_get16(b + 40), c = wire_get16(b + 42);
    *r = (struct pfs_record){ .kind = (enum pfs_log_kind)wire_get16(b + 20),
                              .local = wire_get64(b + 24),
                              .attrs = { .unit = wire_get64(b + 32), .factor = wire_get16(b + 22) },
                              .rights = { wire_get32(b + 44), wire_get32(b + 48),
                                          wire_get32(b + 52) } };
    if (r->attrs.factor > PFS_FACTOR_MAX || a > PFS_NAME_MAX || c > PFS_NAME_MAX)
        return false;
    size_t plain = at + 2 * (size_t)r->attrs.factor + a + c;
    r->noted = n == plain + NOTE_BYTES;
    if (n != plain && !r->noted)
        return false;
    for (uint32_t i = 0; i < r->attrs.factor; i++, at += 2)
        r->attrs.group[i] = wire_get16(b + at);
    memcpy(r->path, b + at, a);
    memcpy(r->to, b + at + a, c);
    if (r->noted) {
        r->note.checkpoint = wire_get64(b + plain);
        r->note.size = wire_get64(b + plain + 8);
        memcpy(r->note.label, b + plain + 16, FILE_LABEL_BYTES);
    }
    return true;
}

/* The record at the front of what was read; 0: it is not all there, UINT32_MAX: it is none. */
static uint32_t next_record(struct meta *m, const struct rope *in)
{
    struct pfs_log *g = &m->log;
    uint8_t b[RECORD_MOST];
    struct pfs_record r;
    if (in->length < RECORD_BYTES)
        return 0;
    rope_read(in, 0, RECORD_BYTES, b);
    uint32_t n = wire_get32(b);
    if (n < RECORD_BYTES || n > sizeof b)
        return UINT32_MAX;
    if (in->length < n)
        return 0;
    rope_read(in, 0, n, b);
    uint64_t number = wire_get64(b + 8);
    if (g->log_bytes == 0)
        g->first = g->number = number - 1;
    if (wire_get32(b + 4) != sum_of(b + 8, n - 8) || number != g->number + 1 ||
        wire_get32(b + 16) < g->life || !load(b, n, &r))
        return UINT32_MAX;
    g->number++;
    g->life = wire_get32(b + 16);
    if (r.kind == PFS_LOG_ENTER && g->home == NULL)
        g->home = m->home;
    pfs_tree_redo(m, &r);
    port_work(m->port, PORT_WORK_FILE, 1);
    return n;
}

static void read_on(struct meta *m);

static void part_read(struct file_req *r)
{
    struct meta *m = r->arg;
    struct pfs_log *g = &m->log;
    uint32_t n;
    if (unanswered(m))
        return;
    if (r->status != FILE_OK) {
        ready(m, r->status);
        return;
    }
    uint64_t got = r->data.length;
    rope_join(&g->batch, &r->data);
    while ((n = next_record(m, &g->batch)) != 0 && n != UINT32_MAX) {
        rope_drop_front(&g->batch, n);
        g->log_bytes += n;
    }
    if (n != UINT32_MAX && got > 0) {
        read_on(m);
        return;
    }
    rope_fini(&g->batch);
    rope_init(&g->batch);
    ready(m, FILE_OK);
}

static void read_on(struct meta *m)
{
    struct pfs_log *g = &m->log;
    prepare(m, &g->req, FILE_READ, g->handle, part_read);
    file_range(&g->req, g->log_bytes + g->batch.length, READ_BYTES);
    send(m);
}

static void settled(struct file_req *r)
{
    struct meta *m = r->arg;
    if (unanswered(m))
        return;
    if (r->status == FILE_OK)
        read_on(m);
    else
        ready(m, r->status);
}

/* Of what the life before wrote last some may be in buffers alone, and is not to be told yet. */
static void made(struct file_req *r)
{
    struct meta *m = r->arg;
    if (unanswered(m))
        return;
    m->log.handle = r->file;
    if (r->status == FILE_EXISTS)
        submit(m, FILE_FLUSH, settled);
    else
        ready(m, r->status);
}

void pfs_log_start(struct meta *m, struct file_sys *files)
{
    struct pfs_log *g = &m->log;
    g->files = files;
    g->replaying = files != NULL;
    rope_init(&g->batch);
    rope_init(&g->sent);
    rope_init(&g->since);
    rope_init(&g->tree);
    g->next_copy = (uint64_t)m->params->log_least;
    port_timer_init(m->port, &g->again, try_again, m);
    list_init(&g->waiting);
    list_init(&g->written);
    list_init(&g->early);
    if (files == NULL)
        return;
    submit(m, FILE_CREATE, made);
}
