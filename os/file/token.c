/* token.c: the layer TOKEN: see token.h. */
#include "os/file/token.h"

#include "os/xk/map.h"
#include "os/xk/peers.h"

static const struct param token_params[] = {
    P_STRING(token_params, group, "io", "The group of nodes that has the one with the server."),
    P_INT(token_params, rank, "0", "0", "1000000", "Its place in that group."),
    P_BOOL(
        token_params, each, "false",
        "Every node of the group has a server, of the files that it has: for files of many nodes "
        "(layer prefix)."),
    P_TIME(token_params, retry_delay, "10ms", "1us", "1h",
           "Pause before a call that was refused for lack of room is made again.",
           "ASSUMED(a disk access long)"),
    P_END,
};

struct server {
    struct list link;
    uint32_t host;
    bool down;                      /* the node, as far as it is known */
    bool met;                       /* it has been heard of */
    uint64_t ends_seen;             /* of its lives, since then */
    struct select_request *recover; /* TOKEN_RECOVER, to be answered */
    uint64_t recover_at;
};

struct token {
    struct file_sys sys; /* first */
    struct xk_protl *rpc;
    uint32_t host; /* of the server; OS_NO_RANK: the node that has the file */
    struct list servers;
    sim_time retry_delay;
    struct xk_map map;  /* of files */
    struct list files;  /* those that a token was asked for; an entry stays: of stamps that came */
    struct list failed; /* requests that end as FILE_UNREACHABLE */
    struct list again;  /* calls */
    struct port_timer ends, calls;
    struct {
        uint64_t grants, recalls, waits, calls, lost;
    } counts;
};
static const struct counter token_counters[] = {
    C_SUM(token, counts, grants, "1", "Tokens that came."),
    C_SUM(token, counts, recalls, "1", "Tokens that were recalled."),
    C_SUM(token, counts, waits, "1", "Requests that waited for a token."),
    C_SUM(token, counts, calls, "1", "Calls to the server and from it."),
    C_SUM(token, counts, lost, "1", "Tokens of which what was written could not be propagated."),
    C_END,
};

struct kept { /* what the node has of a file */
    struct list link;
    struct token *t;
    struct server *s; /* of its tokens */
    uint64_t file;
    enum token_mode mode;
    bool asking;               /* for another, until that comes, */
    struct call *ask;          /* by this one, until it is answered */
    enum token_mode may;       /* TOKEN_WRITE, or less: it is recalled down to that */
    uint64_t stamp;            /* of the last grant */
    uint64_t early;            /* of one that was recalled before it came, */
    enum token_mode early_may; /* down to that */
    uint32_t running;          /* requests below that need the token */
    uint32_t promised;         /* so many of the queue go before it is given back */
    struct list queue;         /* waits.link */
    bool settling;             /* `hint` is under way below */
    bool is_void;              /* the server's life has ended */
    bool gone;                 /* the file was removed */
    enum token_mode to;        /* that it settles for */
    bool to_void;
    struct file_req hint;
    enum file_status late;
};

struct waits { /* a request, until it has ended */
    struct list link;
    struct token *t;
    struct kept *f;
    struct file_req *r;
    enum token_mode need;
    sim_time since, waited;
    void (*done)(struct file_req *r); /* the caller's */
    void *arg;
};

struct call {
    struct list link;
    struct token *t;
    struct kept *f;
    enum token_call what;
    struct token_msg m;
    uint64_t ends; /* of the server's lives, seen before */
};

/* ---- calls to the server ---- */

static void granted(struct kept *f, uint64_t stamp, enum token_mode mode);
static void fail_all(struct kept *f);
static void pump(struct kept *f);

/* What was asked of a life that has ended is void; of whom nothing was heard any may answer. */
static bool is_void(const struct call *c)
{
    const struct server *s = c->f->s;
    return s->down || c->ends != s->ends_seen;
}

static void later(struct call *c)
{
    list_push(&c->t->again, &c->link);
    if (!port_timer_pending(&c->t->calls))
        port_timer_set(&c->t->calls, c->t->retry_delay);
}

static void drop(struct call *c)
{
    struct kept *f = c->f;
    bool asks = f->ask == c;
    port_free(c->t->sys.port, c);
    if (asks) {
        f->asking = false;
        f->ask = NULL;
        fail_all(f);
        pump(f);
    }
}

static void called(void *arg, enum xk_status status, struct rope *reply)
{
    struct call *c = arg;
    struct kept *f = c->f;
    struct token_msg m;
    if (is_void(c)) {
        drop(c);
        return;
    }
    if (status != XK_OK) {
        later(c);
        if (f->ask == c) { /* who waits is told; the token may come later */
            fail_all(f);
            pump(f);
        }
        return;
    }
    f->s->met = true;
    bool asks = c->what == TOKEN_ASK;
    if (f->ask == c)
        f->ask = NULL;
    port_free(c->t->sys.port, c);
    if (asks && token_msg_load(reply, &m) && m.mode != TOKEN_NONE)
        granted(f, m.stamp, m.mode);
}

static void send(struct call *c)
{
    struct rope args;
    rope_init(&args);
    token_msg_store(&args, &c->m);
    enum xk_status s =
        select_call(c->t->rpc, c->f->s->host, TOKEN_SERVER, c->what, &args, called, c);
    rope_fini(&args);
    if (s != XK_OK)
        later(c);
    else
        c->t->counts.calls++;
}

static struct call *call(struct kept *f, enum token_call what, enum token_mode mode)
{
    struct token *t = f->t;
    struct call *c = port_alloc(t->sys.port, sizeof *c);
    *c = (struct call){ .t = t,
                        .f = f,
                        .what = what,
                        .m = { .file = f->file, .stamp = f->stamp, .mode = mode },
                        .ends = f->s->ends_seen };
    list_init(&c->link);
    send(c);
    return c;
}

static void calls_again(struct port_timer *timer)
{
    struct token *t = timer->arg;
    struct list now, *l;
    list_init(&now);
    list_splice(&now, &t->again);
    while ((l = list_pop(&now)) != NULL) {
        struct call *c = LIST_ENTRY(l, struct call, link);
        if (is_void(c))
            drop(c);
        else
            send(c);
    }
}

/* ---- requests ---- */

static struct server *server_at(struct token *t, uint32_t host)
{
    LIST_EACH (l, &t->servers)
        if (LIST_ENTRY(l, struct server, link)->host == host)
            return LIST_ENTRY(l, struct server, link);
    struct server *s = port_alloc(t->sys.port, sizeof *s);
    s->host = host;
    list_push(&t->servers, &s->link);
    return s;
}

static struct server *server_of(struct token *t, uint64_t file)
{
    return server_at(t, t->host != OS_NO_RANK ? t->host : file_node(t->sys.below, file));
}

static struct kept *file_of(struct token *t, uint64_t file)
{
    struct kept *f = xk_map_resolve(&t->map, &file);
    if (f != NULL)
        return f;
    f = port_alloc(t->sys.port, sizeof *f);
    *f = (struct kept){ .t = t, .s = server_of(t, file), .file = file, .may = TOKEN_WRITE };
    list_init(&f->queue);
    list_push(&t->files, &f->link);
    xk_map_bind(&t->map, &file, f);
    return f;
}

static enum token_mode need_of(const struct file_req *r)
{
    switch (r->op) {
    case FILE_READ:
    case FILE_STAT:
        return TOKEN_READ;
    case FILE_WRITE:
    case FILE_SIZE:
    case FILE_REMOVE:
    case FILE_CHECKPOINT:
    case FILE_ROLLBACK:
        return TOKEN_WRITE;
    case FILE_HINT: /* it reads ahead, or a page is mapped */
        return r->hint == FILE_WILL_READ    ? TOKEN_READ
               : r->hint == FILE_WILL_WRITE ? TOKEN_WRITE
                                            : TOKEN_NONE;
    default:
        return TOKEN_NONE;
    }
}

static void fail(struct waits *w)
{
    list_push(&w->t->failed, &w->link);
    if (!port_timer_pending(&w->t->ends))
        port_timer_set(&w->t->ends, 0);
}

static void fail_all(struct kept *f)
{
    LIST_EACH_SAFE (l, next, &f->queue) {
        struct waits *w = LIST_ENTRY(l, struct waits, link);
        if (w->need == TOKEN_NONE)
            continue;
        list_remove(l);
        fail(w);
    }
    f->promised = 0;
}

static void end_failed(struct port_timer *timer)
{
    struct token *t = timer->arg;
    struct list now, *l;
    list_init(&now);
    list_splice(&now, &t->failed);
    while ((l = list_pop(&now)) != NULL) {
        struct waits *w = LIST_ENTRY(l, struct waits, link);
        struct file_req *r = w->r;
        port_free(t->sys.port, w);
        file_req_begin(r);
        if (r->op == FILE_WRITE)
            rope_fini(&r->data);
        r->status = FILE_UNREACHABLE;
        r->done(r);
    }
}

static void tell_late(struct token *t, struct file_req *r)
{
    LIST_EACH (l, &t->files) {
        struct kept *f = LIST_ENTRY(l, struct kept, link);
        if (f->late == FILE_OK || (r->file != 0 && r->file != f->file))
            continue;
        r->status = r->status == FILE_OK ? f->late : r->status;
        f->late = FILE_OK;
    }
}

static void settle(struct kept *f);

static void ended(struct file_req *r)
{
    struct waits *w = r->arg;
    struct token *t = w->t;
    struct kept *f = w->f;
    r->done = w->done;
    r->arg = w->arg;
    r->part[FILE_QUEUE] += w->waited;
    if (r->op == FILE_FLUSH)
        tell_late(t, r);
    if (f != NULL) {
        f->running -= w->need != TOKEN_NONE;
        if (r->op == FILE_REMOVE && r->status == FILE_OK) {
            f->gone = true;
            f->may = TOKEN_NONE;
        }
    }
    port_free(t->sys.port, w);
    if (f != NULL)
        pump(f);
    r->done(r);
}

static void pass(struct waits *w)
{
    struct file_req *r = w->r;
    w->waited = port_now(w->t->sys.port) - w->since;
    w->done = r->done;
    w->arg = r->arg;
    r->done = ended;
    r->arg = w;
    file_submit(w->t->sys.below, r);
}

/* Its first requests go, as far as the token lets them; or it is asked for, or given back. */
static void pump(struct kept *f)
{
    while (!list_empty(&f->queue)) {
        struct waits *w = LIST_ENTRY(f->queue.next, struct waits, link);
        if (w->need > f->mode) {
            if (!f->asking && !f->settling && !f->is_void) {
                f->asking = true;
                f->ask = call(f, TOKEN_ASK, w->need);
            }
            f->promised = 0;
            break;
        }
        bool back = f->may < f->mode && f->promised == 0;
        if (w->need != TOKEN_NONE && (f->settling || f->is_void || back))
            break;
        f->promised -= f->promised > 0;
        list_remove(&w->link);
        f->running += w->need != TOKEN_NONE;
        pass(w);
    }
    if (list_empty(&f->queue))
        f->promised = 0;
    if (f->running == 0 && !f->settling && (f->is_void || (f->may < f->mode && f->promised == 0)))
        settle(f);
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct token *t = CONTAINER_OF(s, struct token, sys);
    enum token_mode need = need_of(r);
    bool by_name =
        r->op == FILE_CREATE || r->op == FILE_RENAME || r->op == FILE_LOOKUP || r->op == FILE_LIST;
    if (by_name) {
        file_submit(s->below, r);
        return;
    }
    struct waits *w = port_alloc(s->port, sizeof *w);
    *w = (struct waits){ .t = t, .r = r, .need = need, .since = port_now(s->port) };
    list_init(&w->link);
    if (r->op == FILE_FLUSH && r->file == 0) {
        pass(w);
    } else if (need != TOKEN_NONE && server_of(t, r->file)->down) {
        fail(w);
    } else {
        w->f = file_of(t, r->file);
        list_push(&w->f->queue, &w->link);
        pump(w->f);
        t->counts.waits += need != TOKEN_NONE && !list_empty(&w->f->queue);
    }
}

/* ---- tokens that come and go ---- */

static void granted(struct kept *f, uint64_t stamp, enum token_mode mode)
{
    if (stamp <= f->stamp)
        return; /* it has come before */
    f->t->counts.grants++;
    f->stamp = stamp;
    f->mode = mode;
    f->asking = false;
    f->ask = NULL;
    f->may = f->early == stamp ? f->early_may : TOKEN_WRITE;
    f->promised = 0;
    LIST_EACH (l, &f->queue)
        f->promised++;
    pump(f);
}

static void recalled(struct kept *f, uint64_t stamp, enum token_mode may)
{
    f->t->counts.recalls++;
    if (stamp > f->stamp && f->asking) {
        f->early_may = f->early == stamp && f->early_may < may ? f->early_may : may;
        f->early = stamp;
    } else if (stamp >= f->stamp) {
        f->stamp = stamp;
        f->may = may < f->may ? may : f->may;
        if (f->mode <= may && !f->settling) /* the server does not know */
            (void)call(f, TOKEN_RELEASE, f->mode);
        pump(f);
    }
}

static void recover_answer(struct token *t, struct server *s);

static void settled(struct kept *f)
{
    f->settling = false;
    if (f->is_void && f->to_void) { /* what was for writing is told to the next life */
        f->is_void = false;
        f->mode = f->mode == TOKEN_WRITE && !f->gone ? TOKEN_WRITE : TOKEN_NONE;
        f->may = TOKEN_WRITE;
        recover_answer(f->t, f->s);
    } else if (!f->is_void) {
        f->mode = f->to;
        f->may = f->may < f->mode ? f->may : TOKEN_WRITE;
        (void)call(f, TOKEN_RELEASE, f->mode);
    }
    pump(f);
}

static void say(struct kept *f, enum file_hint hint);

static void said(struct file_req *r)
{
    struct kept *f = r->arg;
    if (r->hint == FILE_PROPAGATE) {
        if (r->status != FILE_OK && !f->gone) {
            f->late = r->status;
            f->t->counts.lost++;
        }
        if (f->to == TOKEN_NONE) {
            say(f, FILE_REFRESH);
            return;
        }
    }
    settled(f);
}

static void say(struct kept *f, enum file_hint hint)
{
    file_req_init(&f->hint, FILE_HINT, said, f);
    f->hint.hint = hint;
    f->hint.file = f->file;
    file_submit(f->t->sys.below, &f->hint);
}

/* Nothing that needs the token is under way. */
static void settle(struct kept *f)
{
    f->settling = true;
    f->to = f->may;
    f->to_void = f->is_void;
    say(f, !f->is_void && f->mode == TOKEN_WRITE ? FILE_PROPAGATE : FILE_REFRESH);
}

/* ---- lives of the server ---- */

/* Once nothing is void: what the next life asks for. */
static void recover_answer(struct token *t, struct server *s)
{
    uint8_t b[8];
    uint64_t at = 0, room = select_max_bytes(t->rpc) / 8 - 1, next = 0;
    struct rope reply;
    LIST_EACH (l, &t->files)
        if (LIST_ENTRY(l, struct kept, link)->s == s && LIST_ENTRY(l, struct kept, link)->is_void)
            return;
    if (s->recover == NULL)
        return;
    rope_init(&reply);
    LIST_EACH (l, &t->files) {
        const struct kept *f = LIST_ENTRY(l, struct kept, link);
        if (at++ < s->recover_at || f->mode != TOKEN_WRITE || f->s != s || next != 0)
            continue;
        if (room-- == 0) {
            next = at - 1;
            continue;
        }
        wire_put64(b, f->file);
        rope_add_bytes(&reply, b, sizeof b);
    }
    struct rope all;
    rope_init(&all);
    wire_put64(b, next);
    rope_add_bytes(&all, b, sizeof b);
    rope_join(&all, &reply);
    select_reply(s->recover, &all);
    rope_fini(&all);
    s->recover = NULL;
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct token *t = arg;
    (void)life;
    if (t->host != OS_NO_RANK && host != t->host)
        return;
    struct server *s = server_at(t, host);
    s->down = !alive;
    if (alive || !s->met)
        return;
    s->ends_seen++;
    LIST_EACH (l, &t->files) {
        struct kept *f = LIST_ENTRY(l, struct kept, link);
        if (f->s != s)
            continue;
        f->is_void = f->mode != TOKEN_NONE;
        f->asking = false;
        f->ask = NULL;
        f->stamp = f->early = 0;
        fail_all(f);
        pump(f);
    }
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct token *t = arg;
    struct token_msg m;
    struct rope reply;
    bool good = token_msg_load(args, &m);
    struct server *s = server_at(t, select_request_host(request));
    t->counts.calls++;
    s->met = true;
    if (good && procedure == TOKEN_RECOVER) {
        if (s->recover != NULL) { /* of a life that has ended */
            rope_init(&reply);
            select_reply(s->recover, &reply);
        }
        s->recover = request;
        s->recover_at = m.file;
        recover_answer(t, s);
        return;
    }
    rope_init(&reply);
    select_reply(request, &reply);
    rope_fini(&reply);
    if (good && procedure == TOKEN_GRANT)
        granted(file_of(t, m.file), m.stamp, m.mode);
    else if (good && procedure == TOKEN_RECALL)
        recalled(file_of(t, m.file), m.stamp, m.mode);
}

/* ---- the layer ---- */

static bool on(const struct os_service *s, uint32_t node)
{
    for (uint32_t k = 0; k < s->on->count; k++)
        if (s->on->nodes[k] == node)
            return true;
    return false;
}

extern const struct file_ops file_token;

/* So often. */
static uint32_t has_layer(const struct os_service *s)
{
    const void *at = (const char *)s->params + s->ops->stack;
    const struct file_stack *k = at;
    uint32_t n = 0;
    for (uint32_t i = 0; s->ops->stack != 0 && i < k->count; i++)
        n += k->layer[i].ops == &file_token;
    return n;
}

static bool served(const struct os_boot *b, uint32_t node)
{
    for (uint32_t i = 0; i < b->service_count; i++)
        if (b->services[i].ops == &token_server_service && on(&b->services[i], node))
            return true;
    return false;
}

/* The node is there and serves tokens, and a node has the layer once. */
static bool check(const void *params, const struct os_boot *b, const char *path, struct err *e)
{
    const struct token_params *p = params;
    const struct os_group *g = os_group(b, p->group);
    if (g == NULL || p->rank >= g->count)
        return err_set(e, "%s: there is no node %lld in a group \"%s\"", path, (long long)p->rank,
                       p->group);
    for (uint32_t i = 0; i < b->service_count; i++) {
        const struct os_service *s = &b->services[i];
        for (uint32_t k = 0; k < s->on->count && has_layer(s) > 0; k++) {
            uint32_t n = 0;
            for (uint32_t j = 0; j <= i; j++)
                n += on(&b->services[j], s->on->nodes[k]) ? has_layer(&b->services[j]) : 0;
            if (n > 1)
                return err_set(e,
                               "%s: the stacks of node %u have the layer \"token\" %u times: once "
                               "is all that it can be there",
                               path, s->on->nodes[k], n);
        }
    }
    for (uint32_t k = 0; k < g->count; k++)
        if (token_serves(b, p, g->nodes[k]) && !served(b, g->nodes[k]))
            return err_set(e,
                           "%s: node %u of group \"%s\" serves no tokens: machine.os has no "
                           "{ service = \"token_server\" } there",
                           path, k, p->group);
    return true;
}

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct token_params *p = params;
    struct token *t = port_alloc(b->node->port, sizeof *t);
    t->sys = (struct file_sys){ .ops = &file_token, .port = b->node->port, .below = below };
    t->rpc = b->rpc;
    t->host = p->each ? OS_NO_RANK : os_group(b->node->boot, p->group)->nodes[p->rank];
    list_init(&t->servers);
    t->retry_delay = p->retry_delay;
    xk_map_init(&t->map, t->sys.port, sizeof(uint64_t));
    list_init(&t->files);
    list_init(&t->failed);
    list_init(&t->again);
    port_timer_init(t->sys.port, &t->ends, end_failed, t);
    port_timer_init(t->sys.port, &t->calls, calls_again, t);
    enum xk_status served = select_serve(b->rpc, TOKEN_CLIENT, serve, t);
    ASSERT_MSG(served == XK_OK, "the check has seen to it that a node has one");
    xk_on_peer(b->rpc->kernel, peer_changed, t);
    port_counters(t->sys.port, "token", token_counters, t);
    return &t->sys;
}

const struct file_ops file_token = {
    .kind = { .name = "token",
              .doc = "Has requests wait for a token of the file: caches of several nodes agree.",
              .params = token_params,
              .params_size = sizeof(struct token_params),
              .counters = token_counters },
    .check = check,
    .same = true,
    .start = start,
    .submit = submit,
};
