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

/* Calls that ranks make together: each rank's wait in their order, a round is one of each. */
struct meeting {
    uint32_t ranks, come; /* come: of them a call waits */
    struct list *calls;   /* by rank: waiters */
};

struct seat {
    uint32_t opens; /* how often the rank has the file open */
    bool closed;    /* not any more */
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
    /* The ranks that share it, more than one: those that have it open at one time. */
    struct meeting meeting;
    struct seat *seats;       /* by rank */
    uint32_t present, closed; /* ranks that have it open; that had, while others have */
    uint32_t number, round;   /* of setiomodes and gopens; of collective calls */
    uint64_t record;          /* M_RECORD: of the ranks that have closed */
};

struct waiter { /* of a token or a meeting */
    struct list link;
    struct select_request *request;
    uint32_t host, flags;
    uint64_t value, record;
    uint64_t off, len; /* the range it gets */
    bool sets_size;    /* of a token: wants it for this only */
};

/* pfs_agree, and gopen by name. */
struct gather {
    struct list link;
    bool open;
    char tag[PFS_NAME_MAX + 1];
    struct meeting meeting;
    uint32_t count;
    struct pfs_meta_msg args; /* gopen: of rank 0 */
    uint32_t group[PFS_FACTOR_MAX];
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

static struct waiter *hang(struct meta *m, struct list *on, struct select_request *q,
                           uint64_t value)
{
    struct waiter *w = port_alloc(m->port, sizeof *w);
    w->request = q;
    w->host = select_request_host(q);
    w->value = value;
    list_push(on, &w->link);
    return w;
}

/* ---- meetings ---- */

static void meeting_init(struct meta *m, struct meeting *t, uint32_t ranks)
{
    t->ranks = ranks;
    t->come = 0;
    t->calls = port_alloc(m->port, ranks * sizeof *t->calls);
    for (uint32_t i = 0; i < ranks; i++)
        list_init(&t->calls[i]);
}

static struct waiter *meeting_come(struct meta *m, struct meeting *t, struct select_request *q,
                                   uint32_t rank, uint64_t value)
{
    t->come += list_empty(&t->calls[rank]);
    return hang(m, &t->calls[rank], q, value);
}

/* The first call of a rank that waits. */
static struct waiter *meeting_head(const struct meeting *t, uint32_t rank)
{
    return LIST_ENTRY(t->calls[rank].next, struct waiter, link);
}

/* Answers it. */
static void meeting_leave(struct meta *m, struct meeting *t, uint32_t rank, enum pfs_status s,
                          const struct pfs_meta_msg *out, const uint32_t *group)
{
    struct waiter *w = LIST_ENTRY(list_pop(&t->calls[rank]), struct waiter, link);
    t->come -= list_empty(&t->calls[rank]);
    reply(w->request, s, out, group);
    port_free(m->port, w);
}

/* Answers all. */
static void meeting_end(struct meta *m, struct meeting *t, enum pfs_status s)
{
    for (uint32_t i = 0; t->come > 0 && i < t->ranks; i++)
        while (!list_empty(&t->calls[i]))
            meeting_leave(m, t, i, s, &(struct pfs_meta_msg){ 0 }, NULL);
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
    list_remove(&f->retry); /* one recall a grant */
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
    pfs_meta_store(&args, &(struct pfs_meta_msg){ .id = f->id, .value = f->grant }, NULL);
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

static void do_token(struct meta *m, struct select_request *q, struct meta_file *f, uint64_t size)
{
    uint32_t host = select_request_host(q);
    /* It has given the token back, and its answer to the recall is still on the way: or it has
     * restarted, and knows no size. */
    if (f->held && f->holder == host && size > f->size)
        f->size = size;
    (void)hang(m, &f->waiters, q, 0);
    if (!f->held || f->holder == host)
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
    hang(m, &f->waiters, q, size)->sets_size = true;
    if (!f->recalling)
        recall(f);
}

/* ---- groups: the ranks that share a file ---- */

static void group_join(struct meta *m, struct meta_file *f, uint32_t rank, uint32_t ranks)
{
    if (ranks < 2)
        return;
    if (f->present == 0 && f->meeting.ranks != ranks) {
        port_free(m->port, f->meeting.calls);
        port_free(m->port, f->seats);
        meeting_init(m, &f->meeting, ranks);
        f->seats = port_alloc(m->port, ranks * sizeof *f->seats);
    }
    if (f->meeting.ranks != ranks)
        return; /* what they call together is refused */
    struct seat *x = &f->seats[rank];
    f->present += x->opens++ == 0;
    f->closed -= x->closed;
    x->closed = false;
}

static void group_leave(struct meta *m, struct meta_file *f, uint32_t rank)
{
    struct seat *x = &f->seats[rank];
    if (x->opens == 0 || --x->opens > 0)
        return;
    x->closed = true;
    f->closed++;
    meeting_end(m, &f->meeting, PFS_CLOSED); /* no round can become complete */
    if (--f->present > 0)
        return;
    for (uint32_t i = 0; i < f->meeting.ranks; i++)
        f->seats[i].closed = false;
    f->closed = 0;
    f->record = 0;
    f->number++;
}

static bool in_group(const struct meta_file *f, const struct pfs_meta_msg *a)
{
    return a->ranks > 1 && a->ranks == f->meeting.ranks && a->rank < a->ranks;
}

/* ---- shared pointers ---- */

/* The range of a call when the pointer is at `off`. */
static enum pfs_status range_of(const struct meta_file *f, struct waiter *w, uint64_t off)
{
    uint64_t room = w->flags & PFS_META_WRITE ? PFS_SIZE_MAX : f->size;
    uint64_t left = off < room ? room - off : 0;
    w->off = off;
    w->len = w->value < left ? w->value : left;
    return (w->flags & PFS_META_WRITE) && w->len < w->value ? PFS_NO_SPACE : PFS_OK;
}

static struct pfs_meta_msg range_reply(const struct meta_file *f, const struct waiter *w)
{
    return (
        struct pfs_meta_msg){ .id = f->pointer, .size = f->size, .value = w->off, .unit = w->len };
}

static void do_pointer(struct select_request *q, struct meta_file *f, const struct pfs_meta_msg *a)
{
    struct waiter w = { .flags = a->flags, .value = a->value };
    enum pfs_status s = PFS_OK;
    if (a->flags & PFS_META_SEEK)
        f->pointer = a->value;
    else if ((s = range_of(f, &w, f->pointer)) == PFS_OK)
        f->pointer += w.len;
    struct pfs_meta_msg out = range_reply(f, &w);
    reply(q, s, &out, NULL);
}

/* Whether the calls of a round may be made together. */
static enum pfs_status alike(const struct meeting *t)
{
    const uint32_t strict = PFS_META_GLOBAL | PFS_META_SEEK | PFS_META_MODE;
    const struct waiter *x = meeting_head(t, 0);
    enum pfs_status s = PFS_OK;
    uint64_t record = 0;
    for (uint32_t rank = 0; rank < t->ranks; rank++) {
        const struct waiter *w = meeting_head(t, rank);
        bool one = (w->flags | x->flags) & strict; /* in M_SYNC each has its own */
        if (one && w->flags != x->flags)
            return PFS_BAD_MODE;
        if (one && w->value != x->value) {
            s = PFS_BAD_RECORD;
            if (w->flags & PFS_META_MODE)
                return PFS_BAD_MODE;
        }
        if (w->record > 0 && record > 0 && w->record != record)
            s = PFS_BAD_RECORD;
        record = w->record > 0 ? w->record : record;
    }
    return s;
}

/* All ranks have come: ranges in order of rank; M_GLOBAL: one range for all. */
static void give_round(struct meta *m, struct meta_file *f, struct meeting *t)
{
    enum pfs_status s = alike(t);
    uint64_t pointer = f->pointer;
    unsigned flags = meeting_head(t, 0)->flags;
    for (uint32_t rank = 0; s == PFS_OK && rank < t->ranks; rank++) {
        struct waiter *w = meeting_head(t, rank);
        if (flags & (PFS_META_MODE | PFS_META_SEEK)) {
            pointer = flags & PFS_META_SEEK ? w->value : 0;
            continue;
        }
        s = range_of(f, w, pointer);
        if (!(flags & PFS_META_GLOBAL) || rank + 1 == t->ranks)
            pointer += w->len;
    }
    if (s == PFS_OK) {
        f->pointer = pointer;
        f->round++;
        f->number += (flags & PFS_META_MODE) != 0;
    }
    for (uint32_t rank = 0; rank < t->ranks; rank++) {
        struct pfs_meta_msg out = range_reply(f, meeting_head(t, rank));
        out.ranks = flags & PFS_META_MODE ? f->number : f->round;
        meeting_leave(m, t, rank, s, &out, NULL);
    }
}

static void do_order(struct meta *m, struct select_request *q, struct meta_file *f,
                     const struct pfs_meta_msg *a)
{
    struct list calls;
    struct meeting alone = { .ranks = 1, .calls = &calls };
    struct meeting *t = a->ranks > 1 ? &f->meeting : &alone;
    enum pfs_status s = PFS_OK;
    list_init(&calls);
    if (rank_lost(m, a->ranks))
        s = PFS_NODE_DOWN;
    else if (t != &alone && !in_group(f, a))
        s = PFS_BAD_MODE;
    else if (t != &alone && f->closed > 0)
        s = PFS_CLOSED;
    if (s != PFS_OK) {
        reply_plain(q, s, 0, 0);
        return;
    }
    struct waiter *w = meeting_come(m, t, q, t == &alone ? 0 : a->rank, a->value);
    w->flags = a->flags;
    w->record = a->unit;
    while (t->come == t->ranks)
        give_round(m, f, t);
}

/* ---- gathers ---- */

static struct gather *gather_of(struct meta *m, const struct pfs_meta_msg *a, bool open)
{
    LIST_EACH (k, &m->gathers) {
        struct gather *g = LIST_ENTRY(k, struct gather, link);
        if (g->open == open && strcmp(g->tag, a->name) == 0)
            return g;
    }
    struct gather *g = port_alloc(m->port, sizeof *g);
    g->open = open;
    memcpy(g->tag, a->name, sizeof g->tag);
    meeting_init(m, &g->meeting, a->ranks);
    list_push(&m->gathers, &g->link);
    return g;
}

static void gather_drop(struct meta *m, struct gather *g)
{
    list_remove(&g->link);
    port_free(m->port, g->meeting.calls);
    port_free(m->port, g);
}

static void do_agree(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct pfs_meta_msg out = { 0 };
    if (rank_lost(m, a->ranks)) {
        reply_plain(q, PFS_NODE_DOWN, 0, 0);
        return;
    }
    struct gather *g = gather_of(m, a, false);
    struct meeting *t = &g->meeting;
    if (a->ranks != t->ranks) {
        reply_plain(q, PFS_BAD_MODE, 0, 0);
        return;
    }
    (void)meeting_come(m, t, q, g->count++, a->value);
    if (t->come < t->ranks)
        return;
    for (uint32_t i = 0; i < t->ranks; i++) {
        uint64_t v = meeting_head(t, i)->value;
        out.value = v > out.value ? v : out.value;
    }
    for (uint32_t i = 0; i < t->ranks; i++)
        meeting_leave(m, t, i, PFS_OK, &out, NULL);
    gather_drop(m, g);
}

static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct meta *m = arg;
    (void)life;
    if (alive)
        return;
    for (uint32_t i = 0; i < m->lowest_lost && i < m->layout->compute_count; i++)
        if (m->layout->compute[i] == node)
            m->lowest_lost = i;
    /* Collective calls of a partition that the node belongs to have no end any more. */
    LIST_EACH (l, &m->files) {
        struct meta_file *f = LIST_ENTRY(l, struct meta_file, link);
        if (rank_lost(m, f->meeting.ranks))
            meeting_end(m, &f->meeting, PFS_NODE_DOWN);
        for (uint32_t i = 0; i < f->meeting.ranks; i++)
            if (m->layout->compute[i] == node && f->seats[i].opens > 0) {
                f->seats[i].opens = 1;
                group_leave(m, f, i);
            }
        if (f->held && f->holder == node)
            grant_next(f);
    }
    LIST_EACH_SAFE (l, nx, &m->gathers) {
        struct gather *g = LIST_ENTRY(l, struct gather, link);
        if (!rank_lost(m, g->meeting.ranks))
            continue;
        meeting_end(m, &g->meeting, PFS_NODE_DOWN);
        gather_drop(m, g);
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

static struct pfs_meta_msg file_reply(const struct meta_file *f)
{
    return (struct pfs_meta_msg){ .id = f->id,
                                  .size = f->size,
                                  .unit = f->attrs.unit,
                                  .factor = f->attrs.factor,
                                  .ranks = f->number };
}

/* The file of that name, made where that is asked. */
static enum pfs_status file_for(struct meta *m, const struct pfs_meta_msg *a, const uint32_t *group,
                                struct meta_file **out)
{
    struct meta_file *f = *out = by_name(m, a->name);
    if (a->name[0] == 0)
        return PFS_BAD_NAME;
    if (f != NULL)
        return (a->flags & PFS_O_EXCL) && (a->flags & PFS_O_CREATE) ? PFS_EXISTS : PFS_OK;
    if (!(a->flags & PFS_O_CREATE))
        return PFS_NO_FILE;
    struct pfs_attrs attrs = new_attrs(m, a, group);
    if (check_attrs(m, &attrs) != PFS_OK)
        return PFS_BAD_ATTRS;
    f = *out = port_alloc(m->port, sizeof *f);
    f->m = m;
    f->id = (uint64_t)port_incarnation(m->port) << 32 | ++m->next_id;
    memcpy(f->name, a->name, sizeof f->name);
    f->attrs = attrs;
    f->number = 1;
    list_init(&f->waiters);
    list_init(&f->retry);
    list_push(&m->files, &f->link);
    return PFS_OK;
}

/* gopen: rank 0's arguments count, once all ranks have come with one mode. */
static void do_open_together(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a,
                             const uint32_t *group)
{
    struct gather *g = gather_of(m, a, true);
    struct meeting *t = &g->meeting;
    if (a->ranks != t->ranks) {
        reply_plain(q, PFS_BAD_MODE, 0, 0);
        return;
    }
    (void)meeting_come(m, t, q, a->rank, a->value);
    if (a->rank == 0) {
        g->args = *a;
        memcpy(g->group, group, sizeof g->group);
    }
    if (t->come < t->ranks)
        return;
    enum pfs_status s = PFS_OK;
    struct pfs_meta_msg out = { 0 };
    struct meta_file *f = NULL;
    for (uint32_t i = 1; i < t->ranks; i++)
        if (meeting_head(t, i)->value != meeting_head(t, 0)->value)
            s = PFS_BAD_MODE;
    if (s == PFS_OK && (s = file_for(m, &g->args, g->group, &f)) == PFS_OK) {
        f->number++;
        out = file_reply(f);
        out.flags = g->args.flags;
    }
    for (uint32_t i = 0; i < t->ranks; i++) {
        if (s == PFS_OK)
            group_join(m, f, i, t->ranks);
        meeting_leave(m, t, i, s, &out, s == PFS_OK ? f->attrs.group : NULL);
    }
    if (t->come == 0)
        gather_drop(m, g);
}

static void do_open(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a,
                    const uint32_t *group)
{
    struct meta_file *f;
    if (a->ranks > 1 && (a->rank >= a->ranks || a->ranks > m->layout->compute_count)) {
        reply_plain(q, PFS_BAD_MODE, 0, 0);
    } else if ((a->flags & PFS_META_TOGETHER) && rank_lost(m, a->ranks)) {
        reply_plain(q, PFS_NODE_DOWN, 0, 0);
    } else if ((a->flags & PFS_META_TOGETHER) && a->ranks > 1) {
        do_open_together(m, q, a, group);
    } else {
        enum pfs_status s = file_for(m, a, group, &f);
        struct pfs_meta_msg out = { 0 };
        if (s == PFS_OK) {
            group_join(m, f, a->rank, a->ranks);
            out = file_reply(f);
            out.flags = a->flags;
        }
        reply(q, s, &out, s == PFS_OK ? f->attrs.group : NULL);
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
    struct pfs_meta_msg out = file_reply(f);
    reply(q, PFS_OK, &out, f->attrs.group);
    while ((l = list_pop(&f->waiters)) != NULL) {
        reply_plain(LIST_ENTRY(l, struct waiter, link)->request, PFS_NO_FILE, 0, 0);
        port_free(m->port, LIST_ENTRY(l, struct waiter, link));
    }
    meeting_end(m, &f->meeting, PFS_NO_FILE);
    list_remove(&f->link);
    list_remove(&f->retry);
    port_free(m->port, f->meeting.calls);
    port_free(m->port, f->seats);
    port_free(m->port, f);
}

static void do_close(struct meta *m, struct select_request *q, struct meta_file *f,
                     const struct pfs_meta_msg *a)
{
    enum pfs_status s = PFS_OK;
    if ((a->flags & PFS_META_TOKEN_BACK) && f->held && f->grant == a->value) {
        if (a->size > f->size)
            f->size = a->size;
        grant_next(f);
    }
    if (in_group(f, a)) {
        if (a->unit > 0 && f->record > 0 && a->unit != f->record)
            s = PFS_BAD_RECORD;
        f->record = a->unit > 0 ? a->unit : f->record;
        group_leave(m, f, a->rank);
    }
    reply_plain(q, s, f->size, 0);
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
        do_close(m, q, f, a);
        break;
    case PFS_META_TOKEN:
        do_token(m, q, f, a->size);
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
    else if (procedure == PFS_META_AGREE)
        do_agree(m, q, &a);
    else
        on_file(m, q, procedure, &a);
}

void pfs_meta_start(struct xk_protl *rpc, const struct os_layout *layout,
                    const struct pfs_params *params)
{
    struct port *p = xk_port(rpc);
    struct meta *m = port_alloc(p, sizeof *m);
    m->port = p;
    m->rpc = rpc;
    m->layout = layout;
    m->params = params;
    m->lowest_lost = UINT32_MAX;
    list_init(&m->files);
    list_init(&m->gathers);
    list_init(&m->retry);
    port_timer_init(p, &m->retry_timer, retry_tick, m);
    xk_on_peer(rpc->kernel, peer_changed, m);
    enum xk_status served = select_serve(m->rpc, PFS_SERVICE_META, serve, m);
    ASSERT(served == XK_OK);
}
