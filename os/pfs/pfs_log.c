/* pfs_log.c: the metadata server's names in a file, so that they outlive it.
 *
 * Each change of a name is a record at the end of the file "pfs.names"; it is answered once the
 * record is on the device.  What comes while one write is under way goes together with the next.
 * Whoever asks for names meanwhile is answered after them, so that nothing is told that a crash
 * undoes.  At boot the records are read and done again; calls wait until then.
 *
 *   record, big-endian     0 length 4   4 sum of the rest 4   8 number 8   16 life 4   20 kind 2
 *                         22 factor 2  24 file 8  32 unit 8  40 lengths of two paths, 2 each
 *                         44 group, 2 bytes each; the paths
 *
 * The first record whose sum, number or life does not fit ends the file: the write of a crash.
 * Numbers follow each other and lives do not fall, so nothing behind it counts either.
 */
#include "os/pfs/pfs_meta.h"

#include <string.h>

#define RECORD_BYTES 44
#define READ_BYTES (256 * 1024)
static const char log_name[] = "pfs.names";

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

static void submit(struct pfs_log *g, enum file_op op, void (*done)(struct file_req *r))
{
    file_req_init(&g->req, op, done, CONTAINER_OF(g, struct meta, log));
    g->req.file = g->handle;
    g->req.name = log_name;
}

/* ---- writing ---- */

static void write_more(struct meta *m);

static void flushed(struct file_req *r)
{
    struct meta *m = r->arg;
    struct pfs_log *g = &m->log;
    struct list *l, now;
    g->writing = false;
    if (r->status != FILE_OK && !g->failed) {
        g->failed = true;
        port_remark(m->port, "the names of the parallel file system cannot be kept: %s",
                    file_status_name(r->status));
    }
    list_init(&now);
    list_splice(&now, &g->written);
    while ((l = list_pop(&now)) != NULL) {
        struct answer *a = LIST_ENTRY(l, struct answer, link);
        if (g->failed)
            pfs_meta_answer(a->request, PFS_IO_ERROR, 0, 0);
        else
            select_reply(a->request, &a->reply);
        rope_fini(&a->reply);
        port_free(m->port, a);
    }
    write_more(m);
}

static void record_written(struct file_req *r)
{
    struct meta *m = r->arg;
    if (r->status != FILE_OK) {
        flushed(r);
        return;
    }
    m->log.end += r->moved;
    submit(&m->log, FILE_FLUSH, flushed);
    file_submit(m->log.files, &m->log.req);
}

static void write_more(struct meta *m)
{
    struct pfs_log *g = &m->log;
    if (g->writing || (g->batch.length == 0 && list_empty(&g->waiting)))
        return;
    g->writing = true;
    list_splice(&g->written, &g->waiting);
    submit(g, FILE_WRITE, record_written);
    file_range(&g->req, g->end, g->batch.length);
    rope_move(&g->req.data, &g->batch);
    rope_init(&g->batch);
    file_submit(g->files, &g->req);
}

void pfs_log_add(struct meta *m, enum pfs_log_kind kind, const struct meta_file *f,
                 const char *path, const char *to)
{
    struct pfs_log *g = &m->log;
    uint8_t b[RECORD_BYTES + 2 * PFS_FACTOR_MAX + 2 * PFS_NAME_MAX] = { 0 };
    uint32_t factor = f != NULL && f->attrs != NULL ? f->attrs->factor : 0;
    size_t n = RECORD_BYTES, a = strlen(path), c = to == NULL ? 0 : strlen(to);
    if (g->files == NULL || g->replaying)
        return;
    wire_put64(b + 8, ++g->number);
    wire_put32(b + 16, port_incarnation(m->port));
    wire_put16(b + 20, (uint16_t)kind);
    wire_put16(b + 22, (uint16_t)factor);
    wire_put64(b + 24, f == NULL ? 0 : f->local);
    wire_put64(b + 32, factor == 0 ? 0 : f->attrs->unit);
    wire_put16(b + 40, (uint16_t)a);
    wire_put16(b + 42, (uint16_t)c);
    for (uint32_t i = 0; i < factor; i++, n += 2)
        wire_put16(b + n, (uint16_t)f->attrs->group[i]);
    for (size_t i = 0; i < a + c; i++)
        b[n++] = (uint8_t)(i < a ? path[i] : to[i - a]);
    wire_put32(b, (uint32_t)n);
    wire_put32(b + 4, sum_of(b + 8, n - 8));
    rope_add_bytes(&g->batch, b, n);
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
    if (!m->log.replaying)
        return false;
    struct early *x = port_alloc(m->port, sizeof *x);
    x->request = q;
    x->procedure = procedure;
    rope_move(&x->args, args);
    list_push(&m->log.early, &x->link);
    return true;
}

static void ready(struct meta *m, enum file_status s)
{
    struct pfs_log *g = &m->log;
    struct list *l;
    g->failed = s != FILE_OK;
    if (g->failed)
        port_remark(m->port, "the names of the parallel file system cannot be read: %s",
                    file_status_name(s));
    g->replaying = false;
    while ((l = list_pop(&g->early)) != NULL) {
        struct early *x = LIST_ENTRY(l, struct early, link);
        pfs_meta_serve(m, x->request, x->procedure, &x->args);
        rope_fini(&x->args);
        port_free(m->port, x);
    }
}

/* The record at the front of what was read; 0: it is not all there, UINT32_MAX: it is none. */
static uint32_t next_record(struct meta *m, const struct rope *in)
{
    struct pfs_log *g = &m->log;
    uint8_t b[RECORD_BYTES + 2 * PFS_FACTOR_MAX + 2 * PFS_NAME_MAX];
    char path[PFS_NAME_MAX + 1] = { 0 }, to[PFS_NAME_MAX + 1] = { 0 };
    struct pfs_attrs attrs = { 0 };
    if (in->length < RECORD_BYTES)
        return 0;
    rope_read(in, 0, RECORD_BYTES, b);
    uint32_t n = wire_get32(b);
    size_t at = RECORD_BYTES;
    if (n < RECORD_BYTES || n > sizeof b)
        return UINT32_MAX;
    if (in->length < n)
        return 0;
    rope_read(in, 0, n, b);
    attrs.factor = wire_get16(b + 22);
    attrs.unit = wire_get64(b + 32);
    size_t a = wire_get16(b + 40), c = wire_get16(b + 42);
    if (wire_get32(b + 4) != sum_of(b + 8, n - 8) || wire_get64(b + 8) != g->number + 1 ||
        wire_get32(b + 16) < g->life || attrs.factor > PFS_FACTOR_MAX || a > PFS_NAME_MAX ||
        c > PFS_NAME_MAX || n != at + 2 * (size_t)attrs.factor + a + c)
        return UINT32_MAX;
    for (uint32_t i = 0; i < attrs.factor; i++, at += 2)
        attrs.group[i] = wire_get16(b + at);
    memcpy(path, b + at, a);
    memcpy(to, b + at + a, c);
    g->number++;
    g->life = wire_get32(b + 16);
    pfs_tree_redo(m, (enum pfs_log_kind)wire_get16(b + 20), wire_get64(b + 24), &attrs, path, to);
    port_work(m->port, PORT_WORK_FILE, 1);
    return n;
}

static void read_on(struct meta *m);

static void part_read(struct file_req *r)
{
    struct meta *m = r->arg;
    struct pfs_log *g = &m->log;
    uint32_t n;
    if (r->status != FILE_OK) {
        ready(m, r->status);
        return;
    }
    uint64_t got = r->data.length;
    rope_join(&g->batch, &r->data);
    while ((n = next_record(m, &g->batch)) != 0 && n != UINT32_MAX) {
        rope_drop_front(&g->batch, n);
        g->end += n;
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
    submit(g, FILE_READ, part_read);
    file_range(&g->req, g->end + g->batch.length, READ_BYTES);
    file_submit(g->files, &g->req);
}

static void made(struct file_req *r)
{
    struct meta *m = r->arg;
    m->log.handle = r->file;
    if (r->status == FILE_EXISTS)
        read_on(m);
    else
        ready(m, r->status);
}

void pfs_log_start(struct meta *m, struct file_sys *files)
{
    struct pfs_log *g = &m->log;
    g->files = files;
    g->replaying = files != NULL;
    rope_init(&g->batch);
    list_init(&g->waiting);
    list_init(&g->written);
    list_init(&g->early);
    if (files == NULL)
        return;
    submit(g, FILE_CREATE, made);
    file_submit(files, &g->req);
}
