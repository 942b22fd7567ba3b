/* token.c: the layer TOKEN: see token.h. */
#include "os/file/token_internal.h"

#include "os/xk/peers.h"

static const struct param token_params[] = {
    P_STRING(token_params, group, "io", "The group of nodes that has the one with the server."),
    P_INT(token_params, rank, "0", "0", "1000000", "Its place in that group."),
    P_BOOL(
        token_params, each, "false",
        "Every node of the group has a server, of the files that it has: for files of many nodes "
        "(layer prefix)."),
    P_KIND(token_params, protocol, "file", token_protocols, "Of how much of a file a token is."),
    P_TIME(token_params, timeout, "0", "0", "1h",
           "A request that has waited for a token so long ends as unreachable; 0: it waits as long "
           "as the server lives."),
    P_TIME(token_params, retry_delay, "10ms", "1us", "1h",
           "Pause before a call that was refused for lack of room is made again.",
           "ASSUMED(a disk access long)"),
    P_END,
};

static const struct counter token_counters[] = {
    C_SUM(token, counts, grants, "1", "Tokens that came."),
    C_SUM(token, counts, recalls, "1", "Tokens that were recalled."),
    C_SUM(token, counts, waits, "1", "Requests that waited for a token."),
    C_SUM(token, counts, calls, "1", "Calls to the server and from it."),
    C_SUM(token, counts, late, "1", "Requests that had waited for too long."),
    C_SUM(token, counts, lost, "1", "Tokens of which what was written could not be propagated."),
    C_END,
};

static void pump(struct token_kept *f);

/* Of a list so many pieces are looked at; ASSUMED(those of a block or of a few). */
enum { PIECES = 256 };

/* ---- requests ---- */

static struct token_peer *server_at(struct token *t, uint32_t host)
{
    LIST_EACH (l, &t->servers)
        if (LIST_ENTRY(l, struct token_peer, link)->host == host)
            return LIST_ENTRY(l, struct token_peer, link);
    struct token_peer *s = port_alloc(t->sys.port, sizeof *s);
    s->host = host;
    list_push(&t->servers, &s->link);
    return s;
}

static struct token_peer *server_of(struct token *t, uint64_t file)
{
    return server_at(t, t->host != OS_NO_RANK ? t->host : file_node(t->sys.below, file));
}

static struct token_kept *file_of(struct token *t, uint64_t file)
{
    struct token_kept *f = xk_map_resolve(&t->map, &file);
    if (f != NULL)
        return f;
    f = port_alloc(t->sys.port, sizeof *f);
    *f = (struct token_kept){ .t = t, .s = server_of(t, file), .file = file };
    list_init(&f->recalls);
    list_init(&f->queue);
    list_init(&f->below_it);
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

/* The bytes that its runs span. */
static struct token_range span(const struct file_req *r)
{
    struct token_range out = { TOKEN_END, 0 };
    for (uint32_t i = 0; i < r->run_count; i++) {
        const struct file_run *x = &r->runs[i];
        if (x->len == 0 || x->count == 0)
            continue;
        uint64_t lo = x->off < TOKEN_END ? x->off : TOKEN_END - 1, room = TOKEN_END - lo;
        bool fits =
            x->len <= room && (x->count == 1 || x->stride <= (room - x->len) / (x->count - 1));
        uint64_t hi = fits ? lo + (x->count - 1) * x->stride + x->len : TOKEN_END;
        out.lo = lo < out.lo ? lo : out.lo;
        out.hi = hi > out.hi ? hi : out.hi;
    }
    return out.hi > 0 ? out : (struct token_range){ 0, 0 };
}

static struct token_range bytes_of(const struct file_req *r)
{
    if (r->op == FILE_READ || r->op == FILE_WRITE || r->op == FILE_HINT)
        return span(r);
    return r->op == FILE_STAT ? (struct token_range){ TOKEN_END - 1, TOKEN_END } : TOKEN_ALL;
}

/* What the protocol needs of its bytes: the ranges of its pieces if they are few, or its span. */
static struct token_ranges parts_of(const struct token *t, const struct file_req *r,
                                    struct token_range bytes)
{
    struct token_ranges out = { .count = 0 };
    bool few = r->op == FILE_READ || r->op == FILE_WRITE || r->op == FILE_HINT;
    uint64_t left = PIECES; /* that are looked at */
    for (uint32_t i = 0; i < r->run_count && few && bytes.hi < TOKEN_END; i++) {
        const struct file_run *x = &r->runs[i];
        for (uint64_t k = 0; k < x->count && few && x->len > 0; k++) {
            uint64_t lo = x->off + k * x->stride;
            struct token_range piece = { lo, lo + x->len };
            few = left-- > 0 && token_ranges_add(&out, t->protocol->need(t->chosen.params, piece));
        }
    }
    if (few && out.count > 0 && bytes.hi < TOKEN_END)
        return out;
    return token_one(t->protocol->need(t->chosen.params, bytes));
}

/* What it needs: behind what is known of the file, up to infinity; of which, when it asks, the
 * server may know more. */
static struct token_ranges needs_of(const struct token_waits *w)
{
    const struct token *t = w->t;
    struct token_ranges out = w->parts;
    if (w->bytes.lo >= w->bytes.hi || w->bytes.hi <= w->f->size)
        return out;
    while (out.count > 1 && out.at[out.count - 2].hi > w->f->size)
        out.count--;
    struct token_range *last = &out.at[out.count - 1];
    uint64_t from = last->lo > w->bytes.lo ? last->lo : w->bytes.lo;
    *last = t->protocol->need(t->chosen.params, (struct token_range){ from, TOKEN_END });
    return out;
}

static void fail(struct token_waits *w)
{
    list_push(&w->t->failed, &w->link);
    if (!port_timer_pending(&w->t->ends))
        port_timer_set(&w->t->ends, 0);
}

static void fail_all(struct token_kept *f)
{
    LIST_EACH_SAFE (l, next, &f->queue) {
        struct token_waits *w = LIST_ENTRY(l, struct token_waits, link);
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
        struct token_waits *w = LIST_ENTRY(l, struct token_waits, link);
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
        struct token_kept *f = LIST_ENTRY(l, struct token_kept, link);
        if (f->late == FILE_OK || (r->file != 0 && r->file != f->file))
            continue;
        r->status = r->status == FILE_OK ? f->late : r->status;
        f->late = FILE_OK;
    }
}

/* What the request tells of the file's size. */
static void learn(struct token_kept *f, const struct file_req *r, struct token_range bytes)
{
    bool ok = r->status == FILE_OK, whole = ok && r->moved == file_bytes(r);
    uint64_t end = 0;
    if (r->op == FILE_SIZE || r->op == FILE_ROLLBACK || r->op == FILE_REMOVE)
        f->size = f->below = ok && r->op == FILE_SIZE ? r->size : 0;
    else if (r->op == FILE_STAT && ok)
        end = f->below = r->attr.size > f->below ? r->attr.size : f->below;
    else if ((r->op == FILE_READ || r->op == FILE_WRITE) && whole)
        end = bytes.hi;
    else if (r->op == FILE_READ && ok && r->run_count == 1 && r->runs->count == 1 && r->moved > 0)
        end = bytes.lo + r->moved;
    f->size = end > f->size ? end : f->size;
    if (r->op == FILE_READ && !token_set_over(&f->has, TOKEN_ALL, TOKEN_READ))
        f->below = end > f->below ? end : f->below;
}

static void ended(struct file_req *r)
{
    struct token_waits *w = r->arg;
    struct token *t = w->t;
    struct token_kept *f = w->f;
    r->done = w->done;
    r->arg = w->arg;
    r->part[FILE_QUEUE] += w->waited;
    if (r->op == FILE_FLUSH)
        tell_late(t, r);
    if (w->need != TOKEN_NONE) {
        list_remove(&w->link);
        if (!f->is_void)
            learn(f, r, w->bytes);
        if (r->op == FILE_REMOVE && r->status == FILE_OK) {
            f->gone = true;
            token_recall(f, f->stamp, TOKEN_NONE, TOKEN_ALL);
        }
    }
    port_free(t->sys.port, w);
    if (f != NULL)
        pump(f);
    r->done(r);
}

static void pass(struct token_waits *w)
{
    struct file_req *r = w->r;
    w->waited = port_now(w->t->sys.port) - w->since;
    w->done = r->done;
    w->arg = r->arg;
    r->done = ended;
    r->arg = w;
    file_submit(w->t->sys.below, r);
}

/* Of the ranges something is to be given back that a request needs. */
static bool is_recalled(const struct token_kept *f, const struct token_ranges *r,
                        enum token_mode need)
{
    LIST_EACH (l, &f->recalls) {
        const struct token_recall *c = LIST_ENTRY(l, struct token_recall, link);
        if (c->stamp <= f->stamp && c->may < need && token_ranges_meet(r, c->range))
            return true;
    }
    return false;
}

/* It goes below now; or what it lacks is asked for. */
static bool may_go(struct token_waits *w)
{
    struct token_kept *f = w->f;
    const struct token_ranges needs = needs_of(w);
    bool has = true, came = false;
    if (f->is_void || f->busy == TOKEN_REFRESHING || f->stale.count > 0)
        return false;
    for (uint32_t i = 0; i < needs.count; i++) {
        has &= token_set_has(&f->has, needs.at[i], w->need);
        came |= token_ranges_meet(&f->came, needs.at[i]);
    }
    if (!has) {
        if (!f->asking) {
            f->asking = true;
            f->ask = token_call_server(f, TOKEN_ASK, w->need, &w->parts);
        }
        f->promised = 0;
        return false;
    }
    if (f->busy == TOKEN_SETTLING && f->to < w->need && token_ranges_meet(&needs, f->range))
        return false;
    if (f->promised > 0 && came)
        return true;
    f->promised = is_recalled(f, &needs, w->need) ? 0 : f->promised;
    return !is_recalled(f, &needs, w->need);
}

/* Its first requests go, as far as tokens let them; or these are asked for, or given back. */
static void pump(struct token_kept *f)
{
    while (!list_empty(&f->queue)) {
        struct token_waits *w = LIST_ENTRY(f->queue.next, struct token_waits, link);
        if (w->need != TOKEN_NONE && !may_go(w))
            break;
        f->promised -= f->promised > 0;
        list_remove(&w->link);
        if (w->need != TOKEN_NONE) {
            list_push(&f->below_it, &w->link);
            if (w->r->op != FILE_STAT) /* between its pieces others have theirs */
                f->last = w->parts.count > 1 ? TOKEN_ALL : w->bytes;
        }
        pass(w);
    }
    if (list_empty(&f->queue))
        f->promised = 0;
    token_next_hint(f);
}

static void go_on(struct token_kept *f, bool fail)
{
    if (fail)
        fail_all(f);
    pump(f);
}

/* ---- requests that wait for too long ---- */

static void look_late(struct port_timer *timer)
{
    struct token *t = timer->arg;
    sim_time now = port_now(t->sys.port), next = SIM_NEVER;
    LIST_EACH (l, &t->files)
        LIST_EACH_SAFE (q, after, &LIST_ENTRY(l, struct token_kept, link)->queue) {
            struct token_waits *w = LIST_ENTRY(q, struct token_waits, link);
            if (w->need == TOKEN_NONE)
                continue;
            if (w->since + t->timeout > now) {
                next = sim_time_min(next, w->since + t->timeout);
                continue;
            }
            t->counts.late++;
            w->f->promised = 0;
            list_remove(q);
            fail(w);
        }
    if (next != SIM_NEVER)
        port_timer_set(timer, next - now);
    LIST_EACH (l, &t->files)
        pump(LIST_ENTRY(l, struct token_kept, link)); /* a FLUSH may have stood behind one */
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
    struct token_waits *w = port_alloc(s->port, sizeof *w);
    *w = (struct token_waits){
        .t = t, .r = r, .need = need, .bytes = bytes_of(r), .since = port_now(s->port)
    };
    w->parts = parts_of(t, r, w->bytes);
    list_init(&w->link);
    if (r->op == FILE_FLUSH && r->file == 0) {
        pass(w);
    } else if (need != TOKEN_NONE && server_of(t, r->file)->down) {
        fail(w);
    } else {
        w->f = file_of(t, r->file);
        list_push(&w->f->queue, &w->link);
        struct token_kept *f = w->f;
        pump(f);
        t->counts.waits += need != TOKEN_NONE && !list_empty(&f->queue);
        if (!list_empty(&f->queue) && t->timeout > 0 && !port_timer_pending(&t->late))
            port_timer_set(&t->late, t->timeout);
    }
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct token *t = arg;
    (void)life;
    if (t->host != OS_NO_RANK && host != t->host)
        return;
    struct token_peer *s = server_at(t, host);
    s->down = !alive;
    if (alive || !s->met)
        return;
    s->ends_seen++;
    LIST_EACH (l, &t->files) {
        struct token_kept *f = LIST_ENTRY(l, struct token_kept, link);
        if (f->s != s)
            continue;
        f->is_void = f->has.count > 0;
        f->save = false;
        f->asking = false;
        f->ask = NULL;
        f->stamp = 0;
        for (struct list *c; (c = list_pop(&f->recalls)) != NULL;)
            port_free(t->sys.port, LIST_ENTRY(c, struct token_recall, link));
        if (f->gone)
            token_recall(f, 0, TOKEN_NONE, TOKEN_ALL);
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
    struct token_peer *s = server_at(t, select_request_host(request));
    t->counts.calls++;
    s->met = true;
    if (good && procedure == TOKEN_RECOVER) {
        if (s->recover != NULL) { /* of a life that has ended */
            rope_init(&reply);
            select_reply(s->recover, &reply);
        }
        s->recover = request;
        s->recover_at = m.file;
        if (m.file == 0)
            token_recover(t, s);
        token_recover_answer(t, s);
        return;
    }
    rope_init(&reply);
    select_reply(request, &reply);
    rope_fini(&reply);
    if (good && procedure == TOKEN_GRANT)
        token_granted(file_of(t, m.file), &m);
    else if (good && procedure == TOKEN_RECALL)
        token_recalled(file_of(t, m.file), &m);
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
    t->timeout = p->timeout;
    t->go_on = go_on;
    t->chosen = p->protocol;
    t->protocol = (const struct token_protocol_ops *)p->protocol.kind;
    xk_map_init(&t->map, t->sys.port, sizeof(uint64_t));
    list_init(&t->files);
    list_init(&t->failed);
    list_init(&t->again);
    port_timer_init(t->sys.port, &t->ends, end_failed, t);
    port_timer_init(t->sys.port, &t->calls, token_calls_again, t);
    port_timer_init(t->sys.port, &t->late, look_late, t);
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
