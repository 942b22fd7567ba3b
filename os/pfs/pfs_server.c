/* pfs_server.c: the I/O server: local files on one device, by number.
 *
 * A striped file has one local file on each of its I/O nodes, "pfs" and the file's number in
 * hexadecimal, made by the first write that reaches it; one that is not there reads as zeros.
 * Requests are upcalls: at most `pool` are worked on, the others wait in order of arrival, as do
 * those that come before the local file system is mounted.  Each answer says how long it was here
 * and how long the device worked for it.
 */
#include "os/pfs/pfs_internal.h"

#include <stdio.h>
#include <string.h>

#define LOCAL_BUCKETS 16
/* A fill writes so much at a time. */
#define FILL_BYTES (1024 * 1024)

struct server {
    struct port *port;
    const struct pfs_params *params;
    struct lfs_params lfs_params;
    uint32_t dev;
    struct lfs *fs; /* NULL until it is mounted */
    bool failed;    /* the mount failed: every request is an I/O error */
    struct list waiting;
    uint32_t active;
    bool pumping; /* no recursion by answers given at once */
    bool told;    /* which limit of the local file system stopped a request */
    struct list local[LOCAL_BUCKETS];
};

struct local { /* a local file that was used since the boot */
    struct list link;
    uint64_t id, handle;
    uint64_t record; /* M_RECORD: its length since setiomode `number`, 0: not met yet */
    uint32_t number;
    bool creating;
    struct list waiters; /* jobs */
};

struct job {
    struct list link;
    struct server *s;
    struct select_request *request;
    enum pfs_io_proc proc;
    struct pfs_io_args args;
    struct rope data;
    char name[LFS_NAME_MAX + 1]; /* of a local file that it makes */
    uint64_t handle;
    sim_time arrived, device;
    uint64_t filled;
    bool edge; /* see pfs_io_reply */
    uint64_t trace;
    struct lfs_req lfs;
};

static void start(struct job *j);

/* The status of a local request for the client; a limit that a parameter lifts is remarked once. */
static enum pfs_status local_status(struct server *s, enum lfs_status status)
{
    if (!s->told && (status == LFS_NO_INODE || status == LFS_FRAGMENTED)) {
        s->told = true;
        port_remark(s->port, status == LFS_NO_INODE
                                 ? "all inodes are used: lfs.files is the limit"
                                 : "a file has more extents than its inode holds: lfs.inode is "
                                   "the limit");
    }
    return pfs_status_of_lfs(status);
}

static void pump(struct server *s)
{
    struct list *l;
    if (s->pumping || (s->fs == NULL && !s->failed))
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
    static const char *const names[PFS_IO_PROCS] = { "read",   "write", "size",     "sync",
                                                     "remove", "fill",  "fill warm" };
    if (j->proc < PFS_IO_PROCS)
        mark(j->s->port, "file server", names[j->proc], j->trace);
}

/* Answers; data may be NULL and is taken. */
static void answer(struct job *j, enum pfs_status status, struct rope *data)
{
    struct server *s = j->s;
    struct rope out;
    sim_time here = port_now(s->port) - j->arrived;
    struct pfs_io_reply r = { .status = status,
                              .edge = j->edge,
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
    rope_fini(&j->lfs.data);
    port_free(s->port, j);
    s->active--;
    pump(s);
}

static struct list *bucket(struct server *s, uint64_t id)
{
    return &s->local[id % LOCAL_BUCKETS];
}

static void local_name(char name[LFS_NAME_MAX + 1], uint64_t id)
{
    (void)snprintf(name, LFS_NAME_MAX + 1, "pfs%016llx", (unsigned long long)id);
}

static struct local *local_known(struct server *s, uint64_t id)
{
    port_work(s->port, PORT_WORK_LOOKUP, 1);
    LIST_EACH (l, bucket(s, id)) {
        struct local *f = LIST_ENTRY(l, struct local, link);
        if (f->id == id)
            return f;
    }
    return NULL;
}

static struct local *local_find(struct server *s, uint64_t id)
{
    char name[LFS_NAME_MAX + 1];
    struct local *f = local_known(s, id);
    if (f != NULL)
        return f;
    local_name(name, id);
    uint64_t handle = lfs_lookup(s->fs, name);
    if (handle == 0)
        return NULL;
    f = port_alloc(s->port, sizeof *f);
    f->id = id;
    f->handle = handle;
    list_init(&f->waiters);
    list_push(bucket(s, id), &f->link);
    return f;
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
    list_remove(&f->link);
    port_free(s->port, f);
}

/* ---- the local file is made by the first write ---- */

static void work(struct job *j);

static void created(struct lfs_req *r)
{
    struct job *first = r->arg;
    struct local *f = local_known(first->s, first->args.id);
    struct list jobs, *l;
    enum lfs_status status = r->status;
    uint64_t handle = r->file;
    f->handle = handle;
    f->creating = false;
    first->device += r->device_for;
    list_init(&jobs);
    while ((l = list_pop(&f->waiters)) != NULL)
        list_push(&jobs, l);
    if (status != LFS_OK)
        local_drop(first->s, f);
    while ((l = list_pop(&jobs)) != NULL) {
        struct job *j = LIST_ENTRY(l, struct job, link);
        j->handle = handle;
        if (status == LFS_OK)
            work(j);
        else
            answer(j, local_status(j->s, status), NULL);
    }
}

static void create(struct job *j)
{
    struct server *s = j->s;
    struct local *f = port_alloc(s->port, sizeof *f);
    f->id = j->args.id;
    f->creating = true;
    (void)record_fits(f, &j->args);
    list_init(&f->waiters);
    list_push(bucket(s, f->id), &f->link);
    list_push(&f->waiters, &j->link);
    local_name(j->name, f->id);
    lfs_req_init(&j->lfs, LFS_CREATE, created, j);
    j->lfs.name = j->name;
    wire_put64(j->lfs.owner, j->args.id);
    wire_put64(j->lfs.owner + 8, j->args.unit);
    wire_put32(j->lfs.owner + 16, j->args.factor);
    wire_put32(j->lfs.owner + 20, j->args.dir);
    lfs_submit(s->fs, &j->lfs);
}

/* ---- procedures ---- */

static void read_done(struct lfs_req *r)
{
    struct job *j = r->arg;
    struct rope data;
    j->device += r->device_for;
    if (r->status != LFS_OK && r->status != LFS_NO_FILE) {
        answer(j, local_status(j->s, r->status), NULL);
        return;
    }
    rope_move(&data, &r->data);
    j->edge = data.length < j->args.len;
    rope_add_zero(&data, j->args.len - data.length); /* beyond the local end: never written */
    answer(j, PFS_OK, &data);
    rope_fini(&data);
}

static void plain_done(struct lfs_req *r)
{
    struct job *j = r->arg;
    j->device += r->device_for;
    answer(j, local_status(j->s, r->status), NULL);
}

static void fill_done(struct lfs_req *r)
{
    struct job *j = r->arg;
    bool left = j->proc == PFS_IO_FILL && lfs_buffers(j->s->fs, j->handle) > 0;
    j->device += r->device_for;
    if (r->status == LFS_OK && j->filled >= j->args.len && left && r->op == LFS_WRITE) {
        lfs_req_init(r, LFS_SYNC, fill_done, j);
        r->file = j->handle;
        r->len = 1; /* and drops them */
        lfs_submit(j->s->fs, r);
    } else if (r->status != LFS_OK || j->filled >= j->args.len)
        answer(j, local_status(j->s, r->status), NULL);
    else
        work(j);
}

static void fill_more(struct job *j)
{
    struct pfs_layout l = { j->args.unit, j->args.factor };
    uint64_t to = j->filled + FILL_BYTES < j->args.len ? j->filled + FILL_BYTES : j->args.len;
    lfs_req_init(&j->lfs, LFS_WRITE, fill_done, j);
    j->lfs.file = j->handle;
    j->lfs.off = j->filled;
    pfs_layout_pattern(l, j->args.record, j->args.dir, j->filled, to, &j->lfs.data);
    j->filled = to;
    lfs_submit(j->s->fs, &j->lfs);
}

/* The local file is there (or the procedure does without). */
static void work(struct job *j)
{
    static const enum lfs_op ops[PFS_IO_FILL] = { LFS_READ, LFS_WRITE, LFS_SET_SIZE, LFS_SYNC,
                                                  LFS_REMOVE };
    struct server *s = j->s;
    if (j->proc >= PFS_IO_FILL) {
        fill_more(j);
        return;
    }
    lfs_req_init(&j->lfs, ops[j->proc], j->proc == PFS_IO_READ ? read_done : plain_done, j);
    j->lfs.file = j->handle;
    j->lfs.off = j->args.off;
    j->lfs.len = j->args.len;
    j->lfs.trace = j->trace;
    if (j->proc == PFS_IO_WRITE) {
        struct lfs_stat now;
        rope_move(&j->lfs.data, &j->data);
        j->edge = lfs_stat(s->fs, j->handle, &now) && j->args.off + j->args.len > now.size;
    }
    struct local *f = j->proc == PFS_IO_REMOVE ? local_known(s, j->args.id) : NULL;
    if (f != NULL)
        local_drop(s, f);
    lfs_submit(s->fs, &j->lfs);
}

static void start(struct job *j)
{
    struct server *s = j->s;
    if (s->failed) {
        answer(j, PFS_IO_ERROR, NULL);
        return;
    }
    struct local *f = local_find(s, j->args.id);
    if (f != NULL && j->proc <= PFS_IO_WRITE && !record_fits(f, &j->args)) {
        answer(j, PFS_BAD_RECORD, NULL);
    } else if (f != NULL && f->creating) {
        list_push(&f->waiters, &j->link);
    } else if (f != NULL) {
        j->handle = f->handle;
        work(j);
    } else if (j->proc == PFS_IO_READ) {
        struct rope zeros;
        rope_init(&zeros);
        j->edge = true;
        rope_add_zero(&zeros, j->args.len);
        answer(j, PFS_OK, &zeros);
        rope_fini(&zeros);
    } else if (j->proc == PFS_IO_SYNC || j->proc == PFS_IO_REMOVE ||
               (j->proc != PFS_IO_WRITE && j->args.len == 0)) {
        answer(j, PFS_OK, NULL);
    } else {
        create(j);
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
    rope_init(&j->lfs.data);
    bool good = procedure < PFS_IO_PROCS && pfs_io_args_load(args, &j->args);
    rope_move(&j->data, args);
    j->trace = pfs_io_trace_id(j->args.id, j->args.dir, j->args.off);
    trace(j, port_trace_begin);
    if (!good || (procedure == PFS_IO_READ && j->args.len > PFS_RPC_MAX)) {
        s->active++;
        answer(j, PFS_IO_ERROR, NULL);
        return;
    }
    list_push(&s->waiting, &j->link);
    pump(s);
}

static void mounted(void *arg, struct lfs *fs, enum lfs_status status)
{
    struct server *s = arg;
    if (status == LFS_BLANK) {
        lfs_format(s->port, s->dev, &s->lfs_params, mounted, s);
        return;
    }
    s->fs = fs;
    s->failed = status != LFS_OK;
    if (s->failed)
        port_remark(s->port, "I/O node %u: its file system does not mount: %s", port_node(s->port),
                    lfs_status_name(status));
    pump(s);
}

void pfs_server_start(struct xk_protl *rpc, const struct os_layout *layout,
                      const struct pfs_params *params, uint32_t dev,
                      const struct lfs_params *lfs_params)
{
    struct port *p = xk_port(rpc);
    struct server *s = port_alloc(p, sizeof *s);
    s->port = p;
    s->params = params;
    s->lfs_params = *lfs_params;
    if (layout->boot != NULL && layout->boot->files > lfs_params->files)
        s->lfs_params.files = layout->boot->files;
    s->dev = dev;
    list_init(&s->waiting);
    for (int i = 0; i < LOCAL_BUCKETS; i++)
        list_init(&s->local[i]);
    enum xk_status served = select_serve(rpc, PFS_SERVICE_IO, serve, s);
    ASSERT(served == XK_OK);
    lfs_mount(p, dev, &s->lfs_params, mounted, s);
}
