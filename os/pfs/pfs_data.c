/* pfs_data.c: reads and writes: the pieces, and their times.
 *
 *   submitted -> placed by the mode (mode.h) -> (size: reads near the end)
 *             -> pieces -> (size: reads that met the end of a local file without a token)
 *             -> (extend: writes beyond the size without a token) -> ended
 */
#include "os/pfs/pfs_internal.h"

#include <stdio.h> /* snprintf alone */

/* What a request has in one directory: the local range [from, to) and its pieces. */
struct pfs_dir {
    uint64_t from, to;
    uint32_t dir, first, count, issued, inflight, reading;
};

void pfs_req_init(struct pfs_req *r, enum pfs_op op, struct pfs_file *f)
{
    *r = (struct pfs_req){ .op = op, .file = f };
    rope_init(&r->data);
}

/* Until now: for a program that waits, until it runs again. */
static void took(struct pfs_req *r)
{
    struct pfs_split *x = &r->split;
    x->latency = port_now(r->file->client->port) - r->started;
    x->client = x->latency - x->arm - x->queue - x->mesh;
}

enum pfs_status pfs_wait(struct pfs_req *r)
{
    struct port *p = r->file->client->port;
    r->waiter = port_thread_self(p);
    while (!r->ended)
        port_thread_block(p, "file request", r->off);
    took(r);
    return r->status;
}

static uint64_t end_of(const struct pfs_req *r)
{
    return r->off + r->moved;
}

/* How many of the bytes [off, off + len) lie before the end of a file. */
static uint64_t before(uint64_t size, uint64_t off, uint64_t len)
{
    uint64_t left = off < size ? size - off : 0;
    return len < left ? len : left;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return b < UINT64_MAX - a ? a + b : UINT64_MAX;
}

bool pfs_ends_too_far(const struct pfs_req *r)
{
    return r->op == PFS_WRITE && r->len > 0 && plus(r->off, r->len) > PFS_SIZE_MAX;
}

/* The service node has given the range, for reads what lies before the end of the file. */
static bool range_given(const struct pfs_req *r)
{
    return (r->file->ops->is & PFS_MODE_GIVEN) != 0;
}

static bool has_token(const struct pfs_req *r)
{
    return r->holds;
}

/* ---- the trace ---- */

typedef void trace_mark(struct port *p, const char *track, const char *name, uint64_t id);

static void trace(const struct pfs_req *r, trace_mark *mark)
{
    struct port *p = r->file->client->port;
    char name[64];
    if (!port_trace_on(p))
        return;
    (void)snprintf(name, sizeof name, "%s %s", r->op == PFS_READ ? "read" : "write",
                   r->file->ops->kind.name);
    mark(p, "files", name, r->trace);
}

/* A piece says of which request it is, and has the id of the I/O node's work for it. */
static void trace_piece(const struct pfs_piece *x, trace_mark *mark)
{
    const struct pfs_req *r = x->req;
    struct port *p = r->file->client->port;
    char name[64];
    if (!port_trace_on(p))
        return;
    (void)snprintf(name, sizeof name, "piece of 0x%llx", (unsigned long long)r->trace);
    mark(p, "pieces", name, pfs_io_trace_id(r->file->v->local, x->dir, x->local));
}

/* ---- the end ---- */

static void free_pieces(struct pfs_req *r)
{
    struct port *p = r->file->client->port;
    for (uint32_t d = 0; d < r->dir_count; d++)
        for (uint32_t i = 0; i < r->dirs[d].count; i++)
            rope_fini(&r->pieces[r->dirs[d].first + i].data);
    port_free(p, r->pieces);
    port_free(p, r->dirs);
    r->pieces = NULL;
    r->dirs = NULL;
    r->dir_count = 0;
}

void pfs_req_end(struct pfs_req *r, enum pfs_status s)
{
    struct pfs_file *f = r->file;
    struct port *p = f->client->port;
    struct pfs_split *x = &r->split;
    trace(r, port_trace_end);
    free_pieces(r);
    r->status = s;
    if (s != PFS_OK) {
        r->moved = 0;
        rope_fini(&r->data);
    }
    x->arm = r->last_device;
    x->queue = r->waited + r->last_server - r->last_device;
    x->mesh = r->last_done - r->last_called - r->last_server;
    took(r);
    if (r->turn == f->turn && r->moved < r->len &&
        end_of(r) < f->pointer) /* end of file, failure */
        f->pointer = end_of(r);
    if (r->op == PFS_WRITE && r->len > 0)
        pfs_ahead_written(f->v, r->off, plus(r->off, r->len));
    else if (!r->ahead && s == PFS_OK && r->moved == r->len)
        pfs_ahead_next(r);
    if (f->ops->ended != NULL)
        f->ops->ended(r);
    r->ended = true;
    if (r->done != NULL)
        r->done(r);
    else if (r->waiter != NULL)
        port_thread_wake(p, r->waiter);
}

/* What it knew of the size when it looked or asked is out of date. */
static bool resized(const struct pfs_req *r)
{
    return r->sized != r->file->v->sized;
}

static void extended(void *arg, enum pfs_status s, const struct pfs_meta_msg *m,
                     const uint32_t *group)
{
    struct pfs_req *r = arg;
    struct pfs_vnode *v = r->file->v;
    (void)group;
    r->waited += port_now(r->file->client->port) - r->since;
    if (s == PFS_OK && !resized(r) && m->size > v->size)
        v->size = m->size;
    pfs_req_end(r, end_of(r) > v->size ? s : PFS_OK); /* PFS4 */
}

/* Asks the service node for the size, or tells it how long a write has made the file. */
static void ask_size(struct pfs_req *r, enum pfs_meta_proc proc, pfs_meta_done *done)
{
    struct pfs_vnode *v = r->file->v;
    struct pfs_meta_msg m = { .id = v->id };
    if (proc == PFS_META_EXTEND)
        m.size = end_of(r);
    r->since = port_now(r->file->client->port);
    r->sized = v->sized;
    pfs_meta_call(r->file->client, proc, &m, NULL, done, r);
}

/* Joins what the pieces brought, in order of offset. */
static void assemble(struct pfs_req *r)
{
    const struct pfs_attrs *a = &r->file->v->attrs;
    struct pfs_layout l = { a->unit, a->factor };
    for (uint64_t pos = r->off; pos < end_of(r);) {
        struct pfs_place at = pfs_layout_place(l, pos);
        struct pfs_dir *d = &r->dirs[(at.dir + a->factor - r->dir_first) % a->factor];
        struct pfs_piece *p = &r->pieces[d->first + d->reading];
        uint64_t n = at.run < end_of(r) - pos ? at.run : end_of(r) - pos;
        if (n > p->len - p->used)
            n = p->len - p->used;
        rope_add_slice(&r->data, &p->data, p->used, n);
        p->used += n;
        d->reading += p->used == p->len;
        pos += n;
    }
}

static void transferred(struct pfs_req *r, enum pfs_status s)
{
    struct pfs_vnode *v = r->file->v;
    if (s == PFS_OK && r->op == PFS_READ)
        assemble(r);
    if (r->op == PFS_WRITE)
        rope_fini(&r->data);
    if (r->file->ops->moved != NULL)
        r->file->ops->moved(r, s);
    bool wrote = s == PFS_OK && r->op == PFS_WRITE && r->moved > 0;
    if (wrote && !has_token(r) && (r->edge || resized(r) || end_of(r) > v->size)) {
        ask_size(r, PFS_META_EXTEND, extended);
        return;
    }
    if (wrote && end_of(r) > v->size)
        v->size = end_of(r);
    pfs_req_end(r, s);
}

static void edge_known(void *arg, enum pfs_status s, const struct pfs_meta_msg *m,
                       const uint32_t *group)
{
    struct pfs_req *r = arg;
    (void)group;
    r->waited += port_now(r->file->client->port) - r->since;
    if (s == PFS_OK) { /* else PFS4 */
        if (!resized(r))
            r->file->v->size = m->size;
        r->moved = before(m->size, r->off, r->moved);
    }
    transferred(r, PFS_OK);
}

/* The pieces have ended.  A local file that ended in the range of a read: there is a hole, or
 * another node has cut the file since this one asked for its size; so it has when it may have been
 * cut, as an I/O node says. */
static void pieces_ended(struct pfs_req *r)
{
    if (r->status != PFS_OK || r->op != PFS_READ || !(r->edge || resized(r)) || has_token(r) ||
        r->ahead)
        transferred(r, r->status);
    else
        ask_size(r, PFS_META_STAT, edge_known);
}

/* ---- pieces ---- */

static void issue_more(struct pfs_req *r);
static void issue(struct pfs_piece *p);

static void try_later(struct pfs_piece *p)
{
    struct pfs_client *c = p->req->file->client;
    list_push(&c->retry, &p->link);
    pfs_arm_retry(c);
}

void pfs_data_retry(struct pfs_client *c)
{
    struct list again, *l;
    list_init(&again);
    while ((l = list_pop(&c->retry)) != NULL)
        list_push(&again, l);
    while ((l = list_pop(&again)) != NULL)
        issue(LIST_ENTRY(l, struct pfs_piece, link));
}

static void piece_ended(struct pfs_piece *p, enum pfs_status s)
{
    struct pfs_req *r = p->req;
    trace_piece(p, port_trace_end);
    if (s != PFS_OK && r->status == PFS_OK)
        r->status = s;
    const struct pfs_attrs *a = &r->file->v->attrs;
    r->dirs[(p->dir + a->factor - r->dir_first) % a->factor].inflight--;
    r->inflight--;
    if (r->status == PFS_OK && r->left > 0)
        issue_more(r);
    else if (r->inflight == 0)
        pieces_ended(r);
}

/* Without the token the size is known as of some time: once an I/O node says that it may have cut
 * the file since, or lost a cut in a crash, a write that ends before it may make the file longer
 * though it makes no local file longer. */
static void cut_seen(struct pfs_req *r, uint32_t dir, uint32_t cuts)
{
    struct pfs_vnode *v = r->file->v;
    if (v->cuts[dir] == cuts)
        return;
    v->cuts[dir] = cuts;
    if (has_token(r) || v->token == PFS_TOKEN_HELD)
        return;
    v->sized++;
    if (!v->stale) /* PFS4 */
        v->size = 0;
}

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct pfs_piece *p = arg;
    struct pfs_req *r = p->req;
    struct pfs_client *c = r->file->client;
    struct pfs_io_reply head = { 0 };
    enum pfs_status s = pfs_status_of_call(status);
    if (status == XK_RESTARTED && p->tries++ < (uint32_t)c->params->retries) {
        try_later(p); /* a range may be read or written twice */
        return;
    }
    if (s == PFS_OK && pfs_io_reply_load(reply, &head)) {
        s = head.status;
        cut_seen(r, p->dir, head.cuts);
        r->edge = r->edge || head.edge || p->tries > 0;
        if (s == PFS_OK && r->op == PFS_READ) {
            if (reply->length == p->len)
                rope_move(&p->data, reply);
            else
                s = PFS_IO_ERROR;
        }
        if (r->op == PFS_WRITE)
            pfs_vnode_changed(r->file->v, p->dir);
    } else if (s == PFS_OK) {
        s = PFS_IO_ERROR;
    }
    r->last_called = p->called;
    r->last_done = port_now(c->port);
    r->last_server = head.server;
    r->last_device = head.device;
    piece_ended(p, s);
}

static void issue(struct pfs_piece *p)
{
    struct pfs_req *r = p->req;
    struct pfs_client *c = r->file->client;
    const struct pfs_attrs *a = &r->file->v->attrs;
    struct pfs_io_args args = { .id = r->file->v->local,
                                .off = p->local,
                                .len = p->len,
                                .unit = a->unit,
                                .factor = a->factor,
                                .dir = p->dir,
                                .number = r->file->number };
    struct rope out;
    rope_init(&out);
    if (r->nth > 0 && r->file->ranks > 1)
        args.record = r->len;
    pfs_io_args_store(&out, &args);
    if (r->op == PFS_WRITE)
        pfs_layout_gather((struct pfs_layout){ a->unit, a->factor }, &r->data, r->off, p->dir,
                          p->local, p->local + p->len, &out);
    p->called = port_now(c->port);
    enum xk_status s =
        select_call(c->rpc, c->layout->io[a->group[p->dir]], PFS_SERVICE_IO,
                    r->op == PFS_WRITE ? PFS_IO_WRITE : PFS_IO_READ, &out, answered, p);
    rope_fini(&out);
    if (s == XK_BUSY)
        try_later(p);
    else if (s != XK_OK)
        piece_ended(p, pfs_status_of_call(s));
}

/* The directory whose next piece may go, the least advanced first; NULL: none may. */
static struct pfs_dir *next_dir(struct pfs_req *r)
{
    uint32_t depth = (uint32_t)r->file->client->params->depth;
    struct pfs_dir *best = NULL;
    for (uint32_t i = 0; i < r->dir_count; i++) {
        struct pfs_dir *x = &r->dirs[i];
        if (x->issued < x->count && x->inflight < depth &&
            (best == NULL || x->issued < best->issued))
            best = x;
    }
    return best;
}

/* The next pieces, one of each directory in turn, up to the window and the depth. */
static void issue_more(struct pfs_req *r)
{
    uint32_t window = (uint32_t)r->file->client->params->window;
    struct pfs_dir *d;
    while (r->inflight < window && r->status == PFS_OK && (d = next_dir(r)) != NULL) {
        r->left--;
        r->inflight++;
        d->inflight++;
        struct pfs_piece *p = &r->pieces[d->first + d->issued++];
        trace_piece(p, port_trace_begin);
        issue(p);
    }
}

/* Cuts the range into pieces: one local range a directory, cut at multiples of the chunk. */
static void cut(struct pfs_req *r)
{
    struct pfs_client *c = r->file->client;
    const struct pfs_attrs *a = &r->file->v->attrs;
    struct pfs_layout l = { a->unit, a->factor };
    uint64_t units = (end_of(r) - 1) / a->unit - r->off / a->unit + 1;
    r->dir_first = pfs_layout_place(l, r->off).dir;
    r->dir_count = units < a->factor ? (uint32_t)units : a->factor;
    r->dirs = port_alloc(c->port, r->dir_count * sizeof *r->dirs);
    for (uint32_t i = 0; i < r->dir_count; i++) {
        struct pfs_dir *d = &r->dirs[i];
        d->dir = (r->dir_first + i) % a->factor;
        d->from = pfs_layout_share(l, r->off, d->dir);
        d->to = pfs_layout_share(l, end_of(r), d->dir);
        d->first = r->left;
        d->count = (uint32_t)((d->to - 1) / c->chunk - d->from / c->chunk + 1);
        r->left += d->count;
    }
    r->pieces = port_alloc(c->port, r->left * sizeof *r->pieces);
    for (uint32_t i = 0; i < r->dir_count; i++) {
        struct pfs_dir *d = &r->dirs[i];
        uint64_t at = d->from;
        for (uint32_t k = 0; k < d->count; k++) {
            struct pfs_piece *p = &r->pieces[d->first + k];
            uint64_t to = (at / c->chunk + 1) * c->chunk;
            p->req = r;
            p->dir = d->dir;
            p->local = at;
            p->len = (to < d->to ? to : d->to) - at;
            rope_init(&p->data);
            at += p->len;
        }
    }
    port_work(c->port, PORT_WORK_ALLOC, 2);
}

static void launch(struct pfs_req *r, uint64_t size)
{
    r->sized = r->file->v->sized;
    if (!range_given(r))
        r->moved = r->op == PFS_READ ? before(size, r->off, r->len) : r->len;
    if (r->moved == 0) {
        transferred(r, PFS_OK);
        return;
    }
    cut(r);
    issue_more(r);
}

static void size_known(void *arg, enum pfs_status s, const struct pfs_meta_msg *m,
                       const uint32_t *group)
{
    struct pfs_req *r = arg;
    (void)group;
    r->waited += port_now(r->file->client->port) - r->since;
    if (s == PFS_OK) {
        if (!resized(r))
            r->file->v->size = m->size;
        launch(r, m->size);
    } else {
        transferred(r, s);
    }
}

void pfs_data_start(struct pfs_req *r)
{
    if (r->op != PFS_READ || !pfs_ahead_serve(r))
        pfs_data_read(r);
}

static void begin(struct pfs_req *r)
{
    struct pfs_client *c = r->file->client;
    r->started = r->since = port_now(c->port);
    r->trace = ++c->traced;
    trace(r, port_trace_begin);
}

void pfs_data_ahead(struct pfs_req *r)
{
    begin(r);
    pfs_data_read(r);
}

void pfs_data_read(struct pfs_req *r)
{
    struct pfs_vnode *v = r->file->v;
    if (r->op == PFS_READ && !has_token(r) && !range_given(r) &&
        before(v->size, r->off, r->len) < r->len) {
        ask_size(r, PFS_META_STAT, size_known);
        return;
    }
    launch(r, v->size);
}

/* ---- what modes are made of ---- */

bool pfs_place_own(struct pfs_req *r)
{
    struct pfs_file *f = r->file;
    if (!r->at)
        r->off = f->pointer;
    if (pfs_ends_too_far(r)) {
        pfs_req_end(r, PFS_NO_SPACE);
        return false;
    }
    if (r->at)
        return true;
    f->pointer = plus(r->off, r->len);
    f->turn += r->op == PFS_WRITE;
    r->turn = f->turn;
    return true;
}

void pfs_submit(struct pfs_req *r)
{
    struct pfs_file *f = r->file;
    struct port *p = f->client->port;
    begin(r);
    port_work(p, PORT_WORK_TRAP, 1);
    if (r->op == PFS_WRITE)
        r->len = r->data.length;
    else
        rope_fini(&r->data);
    if (f->read_only && r->op == PFS_WRITE)
        pfs_req_end(r, PFS_DENIED);
    else
        f->ops->place(r);
}

/* ---- for threads ---- */

void pfs_iread(struct pfs_req *r, struct pfs_file *f, uint64_t len)
{
    pfs_req_init(r, PFS_READ, f);
    r->len = len;
    pfs_submit(r);
}

void pfs_iwrite(struct pfs_req *r, struct pfs_file *f, struct rope *data)
{
    pfs_req_init(r, PFS_WRITE, f);
    rope_join(&r->data, data);
    pfs_submit(r);
}

enum pfs_status pfs_iowait(struct pfs_req *r, struct rope *out)
{
    enum pfs_status s = pfs_wait(r);
    if (out != NULL)
        rope_move(out, &r->data);
    return s;
}

bool pfs_iodone(const struct pfs_req *r)
{
    return r->ended;
}

enum pfs_status pfs_read(struct pfs_file *f, uint64_t len, struct rope *out)
{
    struct pfs_req r;
    pfs_iread(&r, f, len);
    return pfs_iowait(&r, out);
}

enum pfs_status pfs_write(struct pfs_file *f, struct rope *data)
{
    struct pfs_req r;
    pfs_iwrite(&r, f, data);
    return pfs_iowait(&r, NULL);
}
