/* remote.c: REMOTE, a bottom whose files are another node's: a request is a call to the service
 * file_server there, or several where it moves more than one call carries.
 *
 *   REMOTE1  The calls of a request go one after the other.  What another request does to the same
 *       bytes may come between two of them, and a WRITE that was refused may have done some.
 *   REMOTE2  FILE_UNREACHABLE: the node is down, has restarted during the call, or serves no files;
 *       what the call asks may have been done or not.  Nothing is asked twice.
 *   REMOTE3  So ends also the first FLUSH of a file that was changed from here in a life of the
 *       node that has ended, and was not flushed in it: the change may be lost.
 */
#include "os/file/file_internal.h"
#include "os/xk/peers.h"

struct remote_params {
    const char *group;
    int64_t rank;
    sim_time retry_delay;
};
static const struct param remote_params[] = {
    P_STRING(remote_params, group, "io", "The group of nodes that has the one with the files."),
    P_INT(remote_params, rank, "0", "0", "1000000", "Its place in that group."),
    P_TIME(remote_params, retry_delay, "10ms", "1us", "1h",
           "Pause before a call that was refused for lack of room is made again.",
           "ASSUMED(a disk access long)"),
    P_END,
};

struct remote {
    struct file_sys sys; /* first */
    struct xk_protl *rpc;
    uint32_t host;
    uint64_t most; /* bytes of data in one call */
    sim_time retry_delay;
    struct list waiting; /* asked.link: to be sent (again), or ended at once */
    struct list unsafe;
    struct port_timer timer;
};

struct unsafe { /* what a crash of the node may undo */
    struct list link;
    uint64_t file;
    uint32_t life; /* in which it was done first */
};

struct asked {
    struct list link;
    struct remote *m;
    struct file_req *r;
    struct file_req call; /* what goes to the other node now */
    struct file_run runs[FILE_WIRE_RUNS];
    uint32_t run; /* how far the list has been sent: run, piece of it, byte of that */
    uint64_t piece, byte;
    uint64_t at, bytes; /* of the data: before this call, in it */
    sim_time since;
    bool ended;
};

static bool moves(const struct file_req *r)
{
    return r->op == FILE_READ || r->op == FILE_WRITE;
}

/* It asks layers that keep bytes. */
static bool keeps(const struct file_req *r)
{
    return r->op == FILE_HINT && (r->hint == FILE_PROPAGATE || r->hint == FILE_REFRESH);
}

/* The next part of the list that one call carries. */
static void cut(struct asked *a)
{
    uint64_t room = a->m->most;
    a->call.run_count = 0;
    a->bytes = 0;
    while (a->run < a->r->run_count && room > 0 && a->call.run_count < FILE_WIRE_RUNS) {
        const struct file_run *x = &a->r->runs[a->run];
        if (x->len == 0 || x->count == 0) {
            a->run++;
            continue;
        }
        uint64_t fit = room / x->len, left = x->count - a->piece;
        struct file_run y = { .off = x->off + a->piece * x->stride + a->byte,
                              .len = x->len,
                              .stride = x->stride,
                              .count = fit < left ? fit : left };
        if (a->byte > 0 || fit == 0) { /* of one piece */
            y.len = x->len - a->byte < room ? x->len - a->byte : room;
            y.count = 1;
            a->byte += y.len;
        }
        a->piece += a->byte == x->len ? 1 : a->byte > 0 ? 0 : y.count;
        a->byte = a->byte == x->len ? 0 : a->byte;
        if (a->piece >= x->count) {
            a->run++;
            a->piece = 0;
        }
        room -= y.len * y.count;
        a->bytes += y.len * y.count;
        a->runs[a->call.run_count++] = y;
    }
}

static void end(struct asked *a)
{
    struct file_req *r = a->r;
    if (r->op == FILE_WRITE)
        rope_fini(&r->data);
    port_free(a->m->sys.port, a);
    r->done(r);
}

static void arm(struct remote *m, sim_time delay)
{
    if (!port_timer_pending(&m->timer) || delay == 0)
        port_timer_set(&m->timer, delay);
}

static void send(struct asked *a);

static void changed(struct remote *m, uint64_t file)
{
    LIST_EACH (l, &m->unsafe)
        if (LIST_ENTRY(l, struct unsafe, link)->file == file)
            return;
    struct unsafe *u = port_alloc(m->sys.port, sizeof *u);
    *u = (struct unsafe){ .file = file, .life = xk_life_assumed(m->rpc->kernel, m->host) };
    list_push_front(&m->unsafe, &u->link);
}

/* Of the file (0: all) nothing is unsafe any more; true: some of it may be lost. */
static bool may_be_lost(struct remote *m, uint64_t file)
{
    bool lost = false;
    struct list kept, *l;
    list_init(&kept);
    while ((l = list_pop(&m->unsafe)) != NULL) {
        struct unsafe *u = LIST_ENTRY(l, struct unsafe, link);
        if (file != 0 && u->file != file) {
            list_push(&kept, &u->link);
            continue;
        }
        lost |= u->life != xk_life_assumed(m->rpc->kernel, m->host);
        port_free(m->sys.port, u);
    }
    list_splice(&m->unsafe, &kept);
    return lost;
}

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct asked *a = arg;
    struct file_req *r = a->r, *c = &a->call;
    if (status != XK_OK || !file_reply_load(reply, c))
        c->status = FILE_UNREACHABLE;
    if (c->status == FILE_OK && (r->op == FILE_WRITE || r->op == FILE_SIZE))
        changed(a->m, r->file);
    if ((r->op == FILE_FLUSH || r->op == FILE_REMOVE) && may_be_lost(a->m, r->file) &&
        r->op == FILE_FLUSH)
        c->status = FILE_UNREACHABLE;
    sim_time took = port_now(a->m->sys.port) - a->since;
    for (int i = 0; i < FILE_PARTS && c->status != FILE_UNREACHABLE; i++)
        r->part[i] += i == FILE_NETWORK ? took - c->part[i] : c->part[i];
    r->status = c->status;
    if (c->status == FILE_OK && r->op != FILE_WRITE)
        rope_join(&r->data, reply);
    if (moves(r)) {
        a->at += a->bytes;
        r->grew |= c->grew;
        r->moved = c->status != FILE_OK ? 0 : r->op == FILE_READ ? r->data.length : a->at;
        cut(a);
        bool over = r->op == FILE_READ && r->moved < a->at; /* FILE3 */
        if (c->status == FILE_OK && a->call.run_count > 0 && !over) {
            send(a);
            return;
        }
    } else {
        r->file = c->file;
        r->attr = c->attr;
    }
    if (r->status != FILE_OK && r->op == FILE_READ)
        rope_fini(&r->data);
    end(a);
}

static void send(struct asked *a)
{
    struct remote *m = a->m;
    struct rope args;
    rope_init(&args);
    file_request_store(&args, &a->call);
    if (a->r->op == FILE_WRITE)
        rope_add_slice(&args, &a->r->data, a->at, a->bytes);
    a->since = port_now(m->sys.port);
    enum xk_status s = select_call(m->rpc, m->host, FILE_SERVICE, a->r->op, &args, answered, a);
    rope_fini(&args);
    if (s == XK_OK)
        return;
    list_push(&m->waiting, &a->link);
    a->ended = s != XK_BUSY;
    a->r->status = FILE_UNREACHABLE;
    arm(m, a->ended ? 0 : m->retry_delay);
}

static void tick(struct port_timer *t)
{
    struct remote *m = t->arg;
    struct list now, *l;
    list_init(&now);
    list_splice(&now, &m->waiting);
    while ((l = list_pop(&now)) != NULL) {
        struct asked *a = LIST_ENTRY(l, struct asked, link);
        if (a->ended)
            end(a);
        else
            send(a);
    }
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct remote *m = CONTAINER_OF(s, struct remote, sys);
    struct asked *a = port_alloc(s->port, sizeof *a);
    list_init(&a->link);
    a->m = m;
    a->r = r;
    file_req_init(&a->call, r->op, NULL, NULL);
    a->call.hint = r->hint;
    a->call.direct = r->direct;
    a->call.stream = r->stream;
    a->call.file = r->file;
    a->call.dir = r->dir;
    a->call.to_dir = r->to_dir;
    a->call.to_name = r->to_name;
    a->call.uid = r->uid;
    a->call.gid = r->gid;
    a->call.size = r->size;
    a->call.name = r->name;
    a->call.attr = r->attr;
    a->call.runs = a->runs;
    a->call.run_count = 0;
    file_req_begin(r);
    if (moves(r) || (r->op == FILE_HINT && !keeps(r)))
        cut(a);
    if (keeps(r)) /* there it is of all */
        a->call.size = 0;
    if (r->op == FILE_WRITE && file_bytes(r) != r->data.length) {
        a->ended = true;
        r->status = FILE_RANGE;
        list_push(&m->waiting, &a->link);
        arm(m, 0);
    } else {
        send(a);
    }
}

extern const struct file_ops file_remote;

static const struct os_group *group_of(const struct os_boot *b, const struct remote_params *p)
{
    const struct os_group *g = os_group(b, p->group);
    return g != NULL && p->rank < g->count ? g : NULL;
}

/* The node is there and serves files. */
static bool check(const void *params, const struct os_boot *b, const char *path, struct err *e)
{
    const struct remote_params *p = params;
    const struct os_group *g = group_of(b, p);
    if (g == NULL)
        return err_set(e, "%s: there is no node %lld in a group \"%s\"", path, (long long)p->rank,
                       p->group);
    for (uint32_t i = 0; i < b->service_count; i++)
        for (uint32_t k = 0; k < b->services[i].on->count; k++)
            if (b->services[i].ops == &file_server_service &&
                b->services[i].on->nodes[k] == g->nodes[p->rank])
                return true;
    return err_set(e,
                   "%s: node %lld of group \"%s\" serves no files: machine.os has no "
                   "{ service = \"file_server\" } there",
                   path, (long long)p->rank, p->group);
}

static uint32_t host(const void *params, const struct os_boot *b)
{
    const struct remote_params *p = params;
    return group_of(b, p)->nodes[p->rank];
}

struct file_sys *file_remote_to(struct port *port, struct xk_protl *rpc, uint32_t at,
                                sim_time retry_delay)
{
    struct remote *m = port_alloc(port, sizeof *m);
    m->sys = (struct file_sys){ .ops = &file_remote, .port = port };
    m->rpc = rpc;
    m->host = at;
    m->most = select_max_bytes(rpc) - FILE_WIRE_BESIDE;
    m->retry_delay = retry_delay;
    list_init(&m->waiting);
    list_init(&m->unsafe);
    port_timer_init(m->sys.port, &m->timer, tick, m);
    return &m->sys;
}

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct remote_params *p = params;
    (void)below;
    return file_remote_to(b->node->port, b->rpc, host(p, b->node->boot), p->retry_delay);
}

static uint32_t node(const struct file_sys *s, uint64_t file)
{
    (void)file;
    return ((const struct remote *)s)->host;
}

bool file_stack_remote(const struct file_stack *k)
{
    return k->count == 1 && k->layer[0].ops == &file_remote;
}

uint32_t file_remote_host(const struct file_sys *s, struct xk_protl **rpc)
{
    const struct remote *m = (const struct remote *)s;
    ASSERT(s->ops == &file_remote);
    *rpc = m->rpc;
    return m->host;
}

void file_remote_changed(struct file_sys *s, uint64_t file)
{
    ASSERT(s->ops == &file_remote);
    changed((struct remote *)s, file);
}

const struct file_ops file_remote = {
    .kind = { .name = "remote",
              .doc = "The files of another node, asked of its service file_server.",
              .params = remote_params,
              .params_size = sizeof(struct remote_params) },
    .bottom = true,
    .host = host,
    .server = &file_server_service,
    .node = node,
    .check = check,
    .start = start,
    .submit = submit,
};
