/* pfs_server.c: the I/O server: local files of the node's stack of files, by number.
 *
 * A striped file has one local file on each of its I/O nodes, "pfs" and the file's number in
 * hexadecimal, made by the first write that reaches it; one that is not there reads as zeros.
 * Requests are upcalls: at most `pool` are worked on, the others wait in order of arrival.  Each
 * answer says how long it was here and how long the device worked for it.
 */
#include "os/file/directed.h"
#include "os/pfs/hash.h"
#include "os/pfs/pfs_internal.h"

#include <stdio.h>

/* A fill writes so much at a time. */
#define FILL_BYTES (1024 * 1024)
#define LIFE_CUTS 20 /* ASSUMED(files are cut less than 2^20 times in a life of the node) */

struct server {
    struct port *port;
    const struct pfs_params *params;
    struct file_sys *files;
    struct list waiting;
    uint32_t active;
    bool pumping;              /* no recursion by answers given at once */
    uint32_t cuts, absent_cut; /* so far; the last of a file that is in no `local` */
    bool told;                 /* which limit of the local file system stopped a request */
    struct pfs_hash local;
};

struct local {               /* a local file that was used since the boot */
    struct pfs_hashed known; /* by its id */
    uint64_t id, handle;
    uint32_t cuts;   /* the last of it */
    uint64_t record; /* M_RECORD: its length since setiomode `number`, 0: not met yet */
    uint32_t number;
    bool ready;          /* it is there and its handle is known; else that is asked */
    struct list waiters; /* jobs: the first asks */
};

struct job {
    struct list link;
    struct server *s;
    struct select_request *request;
    enum pfs_io_proc proc;
    struct pfs_io_args args;
    struct rope data;
    char name[FILE_NAME_MAX + 1]; /* of a local file that it looks up or makes */
    uint64_t handle;
    sim_time arrived, device;
    uint64_t filled;
    bool edge; /* see pfs_io_reply */
    bool made; /* it made the local file */
    uint64_t trace;
    struct file_run *runs; /* of a hint */
    struct file_req file;
};

static void start(struct job *j);

/* The status of a local request for the client; a limit that a parameter lifts is remarked once. */
static enum pfs_status local_status(struct server *s, enum file_status status)
{
    if (!s->told && (status == FILE_NO_INODE || status == FILE_SCATTERED)) {
        s->told = true;
        port_remark(s->port, status == FILE_NO_INODE
                                 ? "all inodes are used: lfs.files is the limit"
                                 : "a file has more extents than its inode holds: lfs.inode is "
                                   "the limit");
    }
    return pfs_status_of_file(status);
}

static void pump(struct server *s)
{
    struct list *l;
    if (s->pumping)
        return;
    s->pumping = true;
    while (s->active < (uint32_t)s->params->pool && (l = list_pop(&s->waiting)) != NULL) {
        s->active++;
        start(LIST_ENTRY(l, struct job, link));
    }
    s->pumping = false;
}

static void trace(const struct job *j,
                  void (*mark)(struct port *, const char *, const char *, uint64_t))
{
    static const char *const names[PFS_IO_PROCS] = { "read",      "write",  "size",
                                                     "sync",      "remove", "fill",
                                                     "fill warm", "length", "checkpoint",
                                                     "rollback",  "hint" };
    if (j->proc < PFS_IO_PROCS)
        mark(j->s->port, "file server", names[j->proc], j->trace);
}

static struct local *local_find(struct server *s, uint64_t id)
{
    LIST_EACH (l, pfs_hash_slot(&s->local, id)) {
        struct local *f = LIST_ENTRY(l, struct local, known.link);
        if (f->id == id)
            return f;
    }
    return NULL;
}

/* Each cut has a number, one that no other has, nor one of another life. */
static void note_cut(const struct job *j)
{
    struct server *s = j->s;
    struct local *f = local_find(s, j->args.id);
    if (!j->made && (j->proc == PFS_IO_SIZE || j->proc == PFS_IO_ROLLBACK))
        *(f != NULL ? &f->cuts : &s->absent_cut) = ++s->cuts;
}

static uint32_t cuts_of(struct server *s, uint64_t id)
{
    const struct local *f = local_find(s, id);
    return f != NULL ? f->cuts : s->absent_cut;
}

/* Answers; data may be NULL and is taken. */
static void answer(struct job *j, enum pfs_status status, struct rope *data)
{
    struct server *s = j->s;
    struct rope out;
    sim_time here = port_now(s->port) - j->arrived;
    note_cut(j);
    struct pfs_io_reply r = { .status = status,
                              .edge = j->edge,
                              .cuts = cuts_of(s, j->args.id),
                              .device = j->device < here ? j->device : here,
                              .server = here };
    rope_init(&out);
    trace(j, port_trace_end);
    pfs_io_reply_store(&out, &r);
    if (data != NULL)
        rope_join(&out, data);
    select_reply(j->request, &out);
    rope_fini(&out);
    rope_fini(&j->data);
    rope_fini(&j->file.data);
    port_free(s->port, j->runs);
    port_free(s->port, j);
    s->active--;
    pump(s);
}

static struct local *local_known(struct server *s, uint64_t id)
{
    port_work(s->port, PORT_WORK_LOOKUP, 1);
    return local_find(s, id);
}

/* M_RECORD: whether a request has the length that its ranks have under the number it carries. */
static bool record_fits(struct local *f, const struct pfs_io_args *a)
{
    if (a->record == 0 || a->number < f->number)
        return true;
    if (a->number > f->number || f->record == 0)
        f->record = a->record;
    f->number = a->number;
    return f->record == a->record;
}

static void local_drop(struct server *s, struct local *f)
{
    if (f->cuts > s->absent_cut)
        s->absent_cut = f->cuts;
    pfs_hash_remove(&s->local, &f->known);
    port_free(s->port, f);
}

/* ---- the local file is made by the first write ---- */

static void work(struct job *j);

static bool makes(const struct job *j)
{
    if (j->proc == PFS_IO_HINT) /* a pin is kept with the file */
        return j->args.record == FILE_PIN;
    return j->proc == PFS_IO_WRITE || (j->args.len > 0 && j->proc != PFS_IO_READ &&
                                       j->proc != PFS_IO_SYNC && j->proc != PFS_IO_REMOVE);
}

static void absent(struct job *j)
{
    struct rope zeros;
    rope_init(&zeros);
    if (j->proc == PFS_IO_READ) {
        j->edge = true;
        rope_add_zero(&zeros, j->args.len);
    }
    answer(j, PFS_OK, &zeros);
    rope_fini(&zeros);
}

/* Its first job asks for the file by name. */
static void ask(struct job *j, enum file_op op, void (*done)(struct file_req *r))
{
    file_req_init(&j->file, op, done, j);
    pfs_local_name(j->name, j->args.id);
    j->file.name = j->name;
    wire_put64(j->file.attr.owner, j->args.id);
    wire_put64(j->file.attr.owner + 8, j->args.unit);
    wire_put32(j->file.attr.owner + 16, j->args.factor);
    wire_put32(j->file.attr.owner + 20, j->args.dir);
    file_submit(j->s->files, &j->file);
}

/* All that wait go on with the file, or end with it. */
static void found(struct local *f, struct job *first)
{
    const struct file_req *r = &first->file;
    struct server *s = first->s;
    enum file_status status = r->status;
    uint64_t handle = f->handle = r->file;
    struct list jobs, *l;
    f->ready = status == FILE_OK;
    list_init(&jobs);
    list_splice(&jobs, &f->waiters);
    if (!f->ready)
        local_drop(s, f);
    while ((l = list_pop(&jobs)) != NULL) {
        struct job *j = LIST_ENTRY(l, struct job, link);
        j->handle = handle;
        if (status == FILE_OK)
            work(j);
        else
            answer(j, local_status(s, status), NULL);
    }
}

static void created(struct file_req *r)
{
    struct job *j = r->arg;
    j->device += r->part[FILE_DEVICE];
    j->made = r->status == FILE_OK;
    if (r->status == FILE_EXISTS) /* a directed transfer was faster */
        r->status = FILE_OK;
    found(local_known(j->s, j->args.id), j);
}

/* There is no file: those before the first that makes one do without. */
static void looked_up(struct file_req *r)
{
    struct job *first = r->arg;
    struct server *s = first->s;
    struct local *f = local_known(s, first->args.id);
    struct list without, *l;
    first->device += r->part[FILE_DEVICE];
    if (r->status != FILE_NO_FILE) {
        found(f, first);
        return;
    }
    list_init(&without);
    while (!list_empty(&f->waiters) && !makes(LIST_ENTRY(f->waiters.next, struct job, link)))
        list_push(&without, list_pop(&f->waiters));
    if (list_empty(&f->waiters))
        local_drop(s, f);
    else
        ask(LIST_ENTRY(f->waiters.next, struct job, link), FILE_CREATE, created);
    while ((l = list_pop(&without)) != NULL)
        absent(LIST_ENTRY(l, struct job, link));
}

/* ---- procedures ---- */

static void read_done(struct file_req *r)
{
    struct job *j = r->arg;
    struct rope data;
    j->device += r->part[FILE_DEVICE];
    if (r->status != FILE_OK && r->status != FILE_NO_FILE) {
        answer(j, local_status(j->s, r->status), NULL);
        return;
    }
    rope_move(&data, &r->data);
    j->edge = data.length < j->args.len;
    rope_add_zero(&data, j->args.len - data.length); /* beyond the local end: never written */
    answer(j, PFS_OK, &data);
    rope_fini(&data);
}

static void plain_done(struct file_req *r)
{
    struct job *j = r->arg;
    j->device += r->part[FILE_DEVICE];
    j->edge = r->grew;
    answer(j, local_status(j->s, r->status), NULL);
}

static void fill_done(struct file_req *r)
{
    struct job *j = r->arg;
    j->device += r->part[FILE_DEVICE];
    if (r->status != FILE_OK || r->op == FILE_HINT) {
        answer(j, local_status(j->s, r->status), NULL);
    } else if (j->filled < j->args.len) {
        work(j);
    } else if (j->proc == PFS_IO_FILL) {
        file_req_init(r, FILE_HINT, fill_done, j);
        r->hint = FILE_FORGET;
        r->file = j->handle;
        file_submit(j->s->files, r);
    } else {
        answer(j, PFS_OK, NULL);
    }
}

static void fill_more(struct job *j)
{
    struct pfs_layout l = { j->args.unit, j->args.factor };
    uint64_t from = j->filled;
    uint64_t to = from + FILL_BYTES < j->args.len ? from + FILL_BYTES : j->args.len;
    file_req_init(&j->file, FILE_WRITE, fill_done, j);
    j->file.file = j->handle;
    file_range(&j->file, from, to - from);
    pfs_layout_pattern(l, j->args.record, j->args.dir, from, to, &j->file.data);
    j->filled = to;
    file_submit(j->s->files, &j->file);
}

/* What was not there at the checkpoint is empty. */
static void rolled_back(struct file_req *r)
{
    struct job *j = r->arg;
    if (r->status != FILE_NO_VERSION) {
        plain_done(r);
        return;
    }
    file_req_init(r, FILE_SIZE, plain_done, j);
    r->file = j->handle;
    file_submit(j->s->files, r);
}

/* Where the striped file ends as far as the local one goes. */
static void length_known(struct file_req *r)
{
    struct job *j = r->arg;
    struct pfs_layout l = { j->args.unit, j->args.factor };
    uint64_t n = r->status == FILE_OK ? r->attr.size : 0;
    uint8_t b[8];
    struct rope out;
    wire_put64(b, n == 0 ? 0 : pfs_layout_offset(l, j->args.dir, n - 1) + 1);
    rope_init(&out);
    rope_add_bytes(&out, b, sizeof b);
    answer(j, local_status(j->s, r->status), &out);
    rope_fini(&out);
}

/* Those behind a hint. */
static void runs_load(struct job *j)
{
    uint32_t n = (uint32_t)(j->data.length / FILE_RUN_BYTES);
    if (n == 0)
        return;
    j->runs = port_alloc(j->s->port, n * sizeof *j->runs);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t b[FILE_RUN_BYTES];
        rope_take_front(&j->data, sizeof b, b);
        j->runs[i] = file_run_load(b);
    }
    j->file.runs = j->runs;
    j->file.run_count = n;
}

/* The local file is there. */
static void work(struct job *j)
{
    static const enum file_op ops[PFS_IO_FILL] = { FILE_READ, FILE_WRITE, FILE_SIZE, FILE_FLUSH,
                                                   FILE_REMOVE };
    struct server *s = j->s;
    note_cut(j);
    if (j->proc == PFS_IO_LENGTH) {
        file_req_init(&j->file, FILE_STAT, length_known, j);
        j->file.file = j->handle;
        file_submit(s->files, &j->file);
        return;
    }
    if (j->proc == PFS_IO_CHECKPOINT || j->proc == PFS_IO_ROLLBACK) {
        bool back = j->proc == PFS_IO_ROLLBACK;
        file_req_init(&j->file, back ? FILE_ROLLBACK : FILE_CHECKPOINT,
                      back ? rolled_back : plain_done, j);
        j->file.file = j->handle;
        j->file.size = j->args.record;
        file_submit(s->files, &j->file);
        return;
    }
    if (j->proc == PFS_IO_HINT) {
        file_req_init(&j->file, FILE_HINT, plain_done, j);
        j->file.file = j->handle;
        j->file.hint = (enum file_hint)j->args.record;
        j->file.size = j->args.len;
        runs_load(j);
        file_submit(s->files, &j->file);
        return;
    }
    if (j->proc >= PFS_IO_FILL) {
        fill_more(j);
        return;
    }
    file_req_init(&j->file, ops[j->proc], j->proc == PFS_IO_READ ? read_done : plain_done, j);
    j->file.file = j->handle;
    j->file.size = j->args.len;
    j->file.trace = j->trace;
    file_range(&j->file, j->args.off, j->proc == PFS_IO_WRITE ? j->data.length : j->args.len);
    rope_move(&j->file.data, &j->data);
    struct local *f = j->proc == PFS_IO_REMOVE ? local_known(s, j->args.id) : NULL;
    if (f != NULL)
        local_drop(s, f);
    file_submit(s->files, &j->file);
}

static void start(struct job *j)
{
    struct server *s = j->s;
    struct local *f = local_known(s, j->args.id);
    bool first = f == NULL;
    if (first) {
        f = port_alloc(s->port, sizeof *f);
        f->id = j->args.id;
        f->cuts = s->absent_cut;
        list_init(&f->waiters);
        pfs_hash_add(&s->local, &f->known, f->id);
    }
    if (j->proc <= PFS_IO_WRITE && !record_fits(f, &j->args)) {
        answer(j, PFS_BAD_RECORD, NULL);
    } else if (f->ready) {
        j->handle = f->handle;
        work(j);
    } else {
        list_push(&f->waiters, &j->link);
        if (first)
            ask(j, FILE_LOOKUP, looked_up);
    }
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct server *s = arg;
    struct job *j = port_alloc(s->port, sizeof *j);
    j->s = s;
    j->request = request;
    j->proc = procedure;
    j->arrived = port_now(s->port);
    rope_init(&j->data);
    rope_init(&j->file.data);
    bool good = procedure < PFS_IO_PROCS && pfs_io_args_load(args, &j->args);
    rope_move(&j->data, args);
    j->trace = pfs_io_trace_id(j->args.id, j->args.dir, j->args.off);
    trace(j, port_trace_begin);
    if (!good || (procedure == PFS_IO_READ && j->args.len > PFS_RPC_MAX) ||
        (procedure == PFS_IO_HINT && j->args.record >= FILE_HINT_COUNT)) {
        s->active++;
        answer(j, PFS_IO_ERROR, NULL);
        return;
    }
    list_push(&s->waiting, &j->link);
    pump(s);
}

void pfs_server_start(struct xk_protl *rpc, const struct pfs_params *params, struct file_sys *files)
{
    struct port *p = xk_port(rpc);
    struct server *s = port_alloc(p, sizeof *s);
    s->port = p;
    s->params = params;
    s->files = files;
    s->cuts = s->absent_cut = (port_incarnation(p) - 1) << LIFE_CUTS;
    list_init(&s->waiting);
    pfs_hash_init(&s->local, p);
    enum xk_status served = select_serve(rpc, PFS_SERVICE_IO, serve, s);
    ASSERT(served == XK_OK);
    directed_start(rpc, DIRECTED_PFS, files);
}
