/* pfs_meta.c: the metadata server: names, attributes, sizes, tokens, shared pointers, gathers.
 *
 * One per machine, on the service node; all of it is upcalls, and all of it is lost when the node
 * crashes.  A file's number holds the node's incarnation, so that no number is given twice.
 *
 *   Token of a file:
 *     free     --TOKEN-->  held by the caller
 *     held     --TOKEN by another-->  recalled: the holder is asked to give it back (RECALL)
 *     recalled --RECALL answered, holder gone, or CLOSE-->  held by the first who waits
 *   The holder knows the size; it comes back with the token.
 */
#include "os/pfs/pfs_internal.h"

#include <string.h>

struct meta {
    struct port *port;
    struct xk_protl *rpc;
    const struct os_layout *layout;
    const struct pfs_params *params;
    uint64_t next_id;
    uint32_t lowest_lost; /* of the ranks of the partition that crashed since this server booted */
    struct list files, gathers;
    struct list retry; /* files whose recall found the queue full */
    struct port_timer retry_timer;
};

struct meta_file {
    struct list link, retry;
    struct meta *m;
    uint64_t id, size;
    char name[PFS_NAME_MAX + 1]; /* "" once removed */
    struct pfs_attrs attrs;
    bool held, recalling;
    uint32_t holder;
    uint64_t grant; /* counts: a late answer to a recall of an earlier grant is ignored */
    struct list waiters;
    uint64_t pointer;
    struct list order; /* M_SYNC, M_GLOBAL: ranks that have come */
    uint32_t order_ranks;
};

struct waiter { /* of a token, an order or a gather */
    struct list link;
    struct select_request *request;
    uint32_t host, rank;
    uint64_t value;
    bool sets_size; /* of a token: wants it for this only */
};

struct gather {
    struct list link;
    char tag[PFS_NAME_MAX + 1];
    struct list waiters;
    uint32_t count, ranks;
};

static void reply(struct select_request *q, enum pfs_status status, const struct pfs_meta_msg *m,
                  const uint32_t *group)
{
    struct pfs_meta_msg out = *m;
    struct rope r;
    out.status = status;
    if (group == NULL)
        out.factor = 0;
    rope_init(&r);
    pfs_meta_store(&r, &out, group);
    select_reply(q, &r);
    rope_fini(&r);
}

static void reply_plain(struct select_request *q, enum pfs_status status, uint64_t size,
                        uint64_t value)
{
    reply(q, status, &(struct pfs_meta_msg){ .size = size, .value = value }, NULL);
}

static struct meta_file *by_id(struct meta *m, uint64_t id)
{
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    LIST_EACH (l, &m->files)
        if (LIST_ENTRY(l, struct meta_file, link)->id == id)
            return LIST_ENTRY(l, struct meta_file, link);
    return NULL;
}

static struct meta_file *by_name(struct meta *m, const char *name)
{
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    LIST_EACH (l, &m->files)
        if (strcmp(LIST_ENTRY(l, struct meta_file, link)->name, name) == 0)
            return LIST_ENTRY(l, struct meta_file, link);
    return NULL;
}

static struct waiter *hang(struct meta *m, struct list *on, struct select_request *q, uint32_t rank,
                           uint64_t value)
{
    struct waiter *w = port_alloc(m->port, sizeof *w);
    w->request = q;
    w->host = select_request_host(q);
    w->rank = rank;
    w->value = value;
    list_push(on, &w->link);
    return w;
}

/* A rank that has crashed takes part in nothing any more, even when its node is back: it knows
 * nothing of what its partners wait for.  Nor does a metadata server that has crashed. */
static bool rank_lost(const struct meta *m, uint32_t ranks)
{
    return port_incarnation(m->port) > 1 || m->lowest_lost < ranks;
}

/* ---- tokens ---- */

struct recall {
    struct meta *m;
    uint64_t id, grant;
};

static void recall(struct meta_file *f);

static void grant_next(struct meta_file *f)
{
    struct list *l;
    f->held = false;
    f->recalling = false;
    while (!f->held && (l = list_pop(&f->waiters)) != NULL) {
        struct waiter *w = LIST_ENTRY(l, struct waiter, link);
        if (w->sets_size) {
            f->size = w->value;
        } else {
            f->held = true;
            f->holder = w->host;
            f->grant++;
        }
        reply_plain(w->request, PFS_OK, f->size, f->grant);
        port_free(f->m->port, w);
    }
    if (f->held && !list_empty(&f->waiters))
        recall(f);
}

static void recalled(void *arg, enum xk_status status, struct rope *r)
{
    struct recall *x = arg;
    struct meta_file *f = by_id(x->m, x->id);
    struct pfs_meta_msg msg;
    uint64_t grant = x->grant;
    port_free(x->m->port, x);
    if (f == NULL || !f->held || f->grant != grant)
        return;
    if (status == XK_OK && pfs_meta_load(r, &msg, NULL) && msg.status == PFS_OK &&
        msg.size > f->size)
        f->size = msg.size;
    grant_next(f); /* a holder that does not answer has lost it */
}

static void recall(struct meta_file *f)
{
    struct meta *m = f->m;
    struct rope args;
    struct recall *x = port_alloc(m->port, sizeof *x);
    *x = (struct recall){ m, f->id, f->grant };
    f->recalling = true;
    rope_init(&args);
    pfs_meta_store(&args, &(struct pfs_meta_msg){ .id = f->id }, NULL);
    enum xk_status s =
        select_call(m->rpc, f->holder, PFS_SERVICE_CLIENT, PFS_CLIENT_RECALL, &args, recalled, x);
    rope_fini(&args);
    if (s == XK_OK)
        return;
    port_free(m->port, x);
    list_remove(&f->retry);
    list_push(&m->retry, &f->retry);
    if (!port_timer_pending(&m->retry_timer))
        port_timer_set(&m->retry_timer, m->params->retry_delay);
}

static void retry_tick(struct port_timer *t)
{
    struct meta *m = t->arg;
    struct list again, *l;
    list_init(&again);
    while ((l = list_pop(&m->retry)) != NULL)
        list_push(&again, l);
    while ((l = list_pop(&again)) != NULL) {
        struct meta_file *f = LIST_ENTRY(l, struct meta_file, retry);
        if (f->held && !list_empty(&f->waiters))
            recall(f);
    }
}

static void do_token(struct meta *m, struct select_request *q, struct meta_file *f)
{
    uint32_t host = select_request_host(q);
    (void)hang(m, &f->waiters, q, 0, 0);
    if (!f->held || f->holder == host) /* its holder has lost it: it restarted */
        grant_next(f);
    else if (!f->recalling)
        recall(f);
}

static void do_size(struct meta *m, struct select_request *q, struct meta_file *f, uint64_t size)
{
    if (!f->held || f->holder == select_request_host(q)) {
        f->size = size;
        reply_plain(q, PFS_OK, size, 0);
        return;
    }
    hang(m, &f->waiters, q, 0, size)->sets_size = true;
    if (!f->recalling)
        recall(f);
}

/* ---- shared pointers ---- */

static void do_pointer(struct select_request *q, struct meta_file *f, const struct pfs_meta_msg *a)
{
    uint64_t off = f->pointer, n = a->value;
    if (!(a->flags & PFS_META_WRITE)) {
        uint64_t left = f->size > off ? f->size - off : 0;
        n = n < left ? n : left;
    }
    f->pointer += n;
    reply_plain(q, PFS_OK, f->size, off);
}

/* All ranks have come: ranges in order of rank; M_GLOBAL: one range for all. */
static void give_ranges(struct meta *m, struct meta_file *f, uint32_t ranks, bool global)
{
    struct list *first = f->order.next;
    uint64_t len = LIST_ENTRY(first, struct waiter, link)->value;
    enum pfs_status status = PFS_OK;
    LIST_EACH (l, &f->order)
        if (global && LIST_ENTRY(l, struct waiter, link)->value != len)
            status = PFS_BAD_RECORD;
    for (uint32_t rank = 0; rank < ranks; rank++) {
        LIST_EACH_SAFE (l, nx, &f->order) {
            struct waiter *w = LIST_ENTRY(l, struct waiter, link);
            if (w->rank != rank)
                continue;
            reply_plain(w->request, status, f->size, f->pointer);
            if (!global)
                f->pointer += w->value;
            list_remove(&w->link);
            port_free(m->port, w);
            break;
        }
    }
    if (global && status == PFS_OK)
        f->pointer += len;
}

static void do_order(struct meta *m, struct select_request *q, struct meta_file *f,
                     const struct pfs_meta_msg *a)
{
    uint32_t come = 0;
    if (rank_lost(m, a->ranks)) {
        reply_plain(q, PFS_NODE_DOWN, 0, 0);
        return;
    }
    f->order_ranks = a->ranks;
    (void)hang(m, &f->order, q, a->rank, a->value);
    LIST_EACH (l, &f->order)
        come++;
    if (come >= a->ranks)
        give_ranges(m, f, a->ranks, a->flags & PFS_META_GLOBAL);
}

/* ---- gathers ---- */

static void do_gather(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct gather *g = NULL;
    struct pfs_meta_msg out = { .value = UINT64_MAX };
    struct list *l;
    if (rank_lost(m, a->ranks)) {
        reply_plain(q, PFS_NODE_DOWN, 0, 0);
        return;
    }
    LIST_EACH (k, &m->gathers)
        if (strcmp(LIST_ENTRY(k, struct gather, link)->tag, a->name) == 0)
            g = LIST_ENTRY(k, struct gather, link);
    if (g == NULL) {
        g = port_alloc(m->port, sizeof *g);
        memcpy(g->tag, a->name, sizeof g->tag);
        g->ranks = a->ranks;
        list_init(&g->waiters);
        list_push(&m->gathers, &g->link);
    }
    (void)hang(m, &g->waiters, q, 0, a->value);
    if (++g->count < a->ranks)
        return;
    LIST_EACH (k, &g->waiters) {
        uint64_t v = LIST_ENTRY(k, struct waiter, link)->value;
        out.value = v < out.value ? v : out.value;
        out.size = v > out.size ? v : out.size;
        out.id += v;
    }
    while ((l = list_pop(&g->waiters)) != NULL) {
        reply(LIST_ENTRY(l, struct waiter, link)->request, PFS_OK, &out, NULL);
        port_free(m->port, LIST_ENTRY(l, struct waiter, link));
    }
    list_remove(&g->link);
    port_free(m->port, g);
}

static void fail_all(struct meta *m, struct list *waiters)
{
    struct list *l;
    while ((l = list_pop(waiters)) != NULL) {
        reply_plain(LIST_ENTRY(l, struct waiter, link)->request, PFS_NODE_DOWN, 0, 0);
        port_free(m->port, LIST_ENTRY(l, struct waiter, link));
    }
}

static void node_changed(void *arg, uint32_t node, bool up)
{
    struct meta *m = arg;
    (void)up; /* back again, perhaps before anybody noticed: what it held is gone all the same */
    for (uint32_t i = 0; i < m->lowest_lost && i < m->layout->compute_count; i++)
        if (m->layout->compute[i] == node)
            m->lowest_lost = i;
    /* Collective calls of a partition that the node belongs to have no end any more. */
    LIST_EACH (l, &m->files) {
        struct meta_file *f = LIST_ENTRY(l, struct meta_file, link);
        if (!list_empty(&f->order) && rank_lost(m, f->order_ranks))
            fail_all(m, &f->order);
        if (f->held && f->holder == node)
            grant_next(f);
    }
    LIST_EACH_SAFE (l, nx, &m->gathers) {
        struct gather *g = LIST_ENTRY(l, struct gather, link);
        if (!rank_lost(m, g->ranks))
            continue;
        fail_all(m, &g->waiters);
        list_remove(&g->link);
        port_free(m->port, g);
    }
}

/* ---- files ---- */

static enum pfs_status check_attrs(const struct meta *m, const struct pfs_attrs *a)
{
    if (a->unit == 0 || a->factor == 0 || a->factor > m->layout->io_count)
        return PFS_BAD_ATTRS;
    for (uint32_t i = 0; i < a->factor; i++)
        if (a->group[i] >= m->layout->io_count)
            return PFS_BAD_ATTRS;
    return PFS_OK;
}

/* The attributes of a new file: what the caller asks, else the defaults. */
static struct pfs_attrs new_attrs(const struct meta *m, const struct pfs_meta_msg *a,
                                  const uint32_t *group)
{
    struct pfs_attrs x = { .unit = a->unit, .factor = a->factor };
    uint32_t all = m->layout->io_count < PFS_FACTOR_MAX ? m->layout->io_count : PFS_FACTOR_MAX;
    if (a->factor > 0) {
        memcpy(x.group, group, a->factor * sizeof *group);
        return x;
    }
    x.unit = (uint64_t)m->params->unit;
    x.factor = m->params->factor == 0 ? all : (uint32_t)m->params->factor;
    for (uint32_t i = 0; i < x.factor && i < PFS_FACTOR_MAX; i++)
        x.group[i] = i;
    return x;
}

static void reply_file(struct select_request *q, const struct meta_file *f)
{
    struct pfs_meta_msg out = {
        .id = f->id, .size = f->size, .unit = f->attrs.unit, .factor = f->attrs.factor
    };
    reply(q, PFS_OK, &out, f->attrs.group);
}

static void do_open(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a,
                    const uint32_t *group)
{
    struct meta_file *f = by_name(m, a->name);
    if (a->name[0] == 0) {
        reply_plain(q, PFS_BAD_NAME, 0, 0);
    } else if (f != NULL) {
        if ((a->flags & PFS_O_EXCL) && (a->flags & PFS_O_CREATE))
            reply_plain(q, PFS_EXISTS, 0, 0);
        else
            reply_file(q, f);
    } else if (!(a->flags & PFS_O_CREATE)) {
        reply_plain(q, PFS_NO_FILE, 0, 0);
    } else {
        struct pfs_attrs attrs = new_attrs(m, a, group);
        if (check_attrs(m, &attrs) != PFS_OK) {
            reply_plain(q, PFS_BAD_ATTRS, 0, 0);
            return;
        }
        f = port_alloc(m->port, sizeof *f);
        f->m = m;
        f->id = (uint64_t)port_incarnation(m->port) << 32 | ++m->next_id;
        memcpy(f->name, a->name, sizeof f->name);
        f->attrs = attrs;
        list_init(&f->waiters);
        list_init(&f->order);
        list_init(&f->retry);
        list_push(&m->files, &f->link);
        reply_file(q, f);
    }
}

static void do_unlink(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct meta_file *f = a->name[0] == 0 ? NULL : by_name(m, a->name);
    struct list *l;
    if (f == NULL) {
        reply_plain(q, PFS_NO_FILE, 0, 0);
        return;
    }
    reply_file(q, f);
    while ((l = list_pop(&f->waiters)) != NULL) {
        reply_plain(LIST_ENTRY(l, struct waiter, link)->request, PFS_NO_FILE, 0, 0);
        port_free(m->port, LIST_ENTRY(l, struct waiter, link));
    }
    fail_all(m, &f->order);
    list_remove(&f->link);
    list_remove(&f->retry);
    port_free(m->port, f);
}

static void do_close(struct select_request *q, struct meta_file *f, const struct pfs_meta_msg *a)
{
    if ((a->flags & PFS_META_TOKEN_BACK) && f->held && f->grant == a->value) {
        if (a->size > f->size)
            f->size = a->size;
        grant_next(f);
    }
    reply_plain(q, PFS_OK, f->size, 0);
}

static void on_file(struct meta *m, struct select_request *q, uint32_t procedure,
                    const struct pfs_meta_msg *a)
{
    struct meta_file *f = by_id(m, a->id);
    if (f == NULL) {
        bool mine = a->id >> 32 == port_incarnation(m->port);
        reply_plain(q, mine ? PFS_NO_FILE : PFS_STALE, 0, 0);
        return;
    }
    switch (procedure) {
    case PFS_META_CLOSE:
        do_close(q, f, a);
        break;
    case PFS_META_TOKEN:
        do_token(m, q, f);
        break;
    case PFS_META_POINTER:
        do_pointer(q, f, a);
        break;
    case PFS_META_SIZE:
        do_size(m, q, f, a->size);
        break;
    case PFS_META_ORDER:
        do_order(m, q, f, a);
        break;
    default:
        if (procedure == PFS_META_EXTEND && a->size > f->size)
            f->size = a->size;
        if (procedure == PFS_META_REWIND)
            f->pointer = 0;
        reply_plain(q, PFS_OK, f->size, 0);
    }
}

static void serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct meta *m = arg;
    struct pfs_meta_msg a;
    uint32_t group[PFS_FACTOR_MAX];
    port_work(m->port, PORT_WORK_FILE, 1);
    if (procedure >= PFS_META_PROCS || !pfs_meta_load(args, &a, group))
        reply_plain(q, PFS_BAD_NAME, 0, 0);
    else if (procedure == PFS_META_OPEN)
        do_open(m, q, &a, group);
    else if (procedure == PFS_META_UNLINK)
        do_unlink(m, q, &a);
    else if (procedure == PFS_META_GATHER)
        do_gather(m, q, &a);
    else
        on_file(m, q, procedure, &a);
}

void pfs_meta_start(struct xk_kernel *k, const struct os_layout *layout,
                    const struct pfs_params *params)
{
    struct port *p = xk_kernel_port(k);
    struct meta *m = port_alloc(p, sizeof *m);
    m->port = p;
    m->rpc = xk_find(k, "rpc");
    ASSERT_MSG(m->rpc != NULL, "the protocol graph has no instance named rpc");
    m->layout = layout;
    m->params = params;
    m->lowest_lost = UINT32_MAX;
    list_init(&m->files);
    list_init(&m->gathers);
    list_init(&m->retry);
    port_timer_init(p, &m->retry_timer, retry_tick, m);
    port_on_node_change(p, node_changed, m);
    enum xk_status served = select_serve(m->rpc, PFS_SERVICE_META, serve, m);
    ASSERT(served == XK_OK);
}
