/* domains.c: the layer DOMAINS: the parts of a name space that a node has: see prefix.h. */
#include "os/file/domains_internal.h"
#include "os/file/file_internal.h"

#include <string.h>

static const struct counter domains_counters[] = {
    C_SUM(domains, counts, asks, "1", "Calls for names, attributes and lists."),
    C_SUM(domains, counts, names, "1", "Names that were looked up for them."),
    C_SUM(domains, counts, links, "1", "Of these calls such as came to a remote link."),
    C_SUM(domains, counts, refused, "1", "Requests for domains that this node has not."),
    C_SUM(domains, counts, taken, "1", "Domains that a node took over."),
    C_SUM(domains, counts, grants, "1", "Tokens of names and attributes that were granted."),
    C_SUM(domains, counts, recalls, "1", "Calls that a node forget what is under one."),
    C_SUM(domains, counts, waits, "1", "Changes that had to wait for that."),
    C_END,
};

struct waits { /* until the node is ready */
    struct list link;
    void (*go)(void *arg);
    void *arg;
};

static bool is_ready(struct domains *d, void (*go)(void *arg), void *arg)
{
    if (d->ready)
        return true;
    struct waits *w = port_alloc(d->sys.port, sizeof *w);
    *w = (struct waits){ .go = go, .arg = arg };
    list_push(&d->queue, &w->link);
    return false;
}

/* ---- handles ---- */

/* As the node's file system has it; FILE_REMOTE: the domain is not here; FILE_UNREACHABLE: nor, as
 * far as is known, elsewhere. */
static enum file_status inward(struct domains *d, uint64_t handle, uint64_t *local)
{
    uint32_t seat = prefix_seat_of(handle);
    const struct served *s = seat <= d->x.seat_count ? d->of_seat[seat] : NULL;
    if (s == NULL || s->state != SEAT_HERE) {
        bool soon = s != NULL && s->state != SEAT_STANDBY;
        d->counts.refused++;
        return soon && prefix_local(handle) != FILE_ROOT ? FILE_UNREACHABLE : FILE_REMOTE;
    }
    *local = prefix_local(handle) == FILE_ROOT ? s->root : prefix_local(handle);
    return d->broken;
}

/* Where a domain may be: of its nodes the first that is not known to be dead. */
static uint32_t guess(const struct domains *d, uint32_t domain)
{
    const struct prefix_domain *x = &d->x.domain[domain];
    for (uint32_t i = 0; i < x->count; i++)
        if (xk_alive(d->rpc->kernel, d->x.seat[x->first + i].node))
            return x->first + i;
    return x->first;
}

/* As it goes out: that of a remote link is the root's of its domain. */
static uint64_t outward(struct domains *d, uint32_t seat, uint64_t local)
{
    const struct remote_link *x = local != 0 ? xk_map_resolve(&d->links, &local) : NULL;
    if (x != NULL)
        return prefix_handle(guess(d, x->domain), FILE_ROOT);
    return local == 0 ? 0
                      : prefix_handle(seat, local == d->of_seat[seat]->root ? FILE_ROOT : local);
}

/* ---- requests of file_server ---- */

struct passing {
    struct list link;
    struct domains *d;
    struct file_req *r;
    void (*done)(struct file_req *r);
    void *arg;
    uint64_t file, dir, to_dir;
    uint32_t seat;
    struct change change;
    struct file_req q; /* of a RENAME: what the two names are */
};

static void end(struct passing *p)
{
    struct file_req *r = p->r;
    r->done = p->done;
    r->arg = p->arg;
    r->dir = p->dir;
    r->to_dir = p->to_dir;
    if (r->op != FILE_CREATE && r->op != FILE_LIST)
        r->file = p->file;
    p->d->renames -= r->op == FILE_RENAME && p->change.runs;
    held_changed(p->d, &p->change);
    port_free(p->d->sys.port, p);
    r->done(r);
}

static void end_refused(struct port_timer *t)
{
    struct domains *d = t->arg;
    struct list now, *l;
    list_init(&now);
    list_splice(&now, &d->ended);
    while ((l = list_pop(&now)) != NULL)
        end(LIST_ENTRY(l, struct passing, link));
}

static void refuse(struct passing *p, enum file_status s)
{
    struct domains *d = p->d;
    file_req_begin(p->r);
    if (p->r->op == FILE_WRITE)
        rope_fini(&p->r->data);
    p->r->status = s;
    list_push(&d->ended, &p->link);
    if (!port_timer_pending(&d->ends))
        port_timer_set(&d->ends, 0);
}

static void outward_all(struct domains *d, uint32_t seat, struct rope *data)
{
    struct rope all;
    struct file_entry x;
    rope_init(&all);
    while (file_entry_next(data, &x)) {
        x.file = outward(d, seat, x.file);
        file_entry_add(&all, &x);
    }
    rope_fini(data);
    rope_move(data, &all);
}

static void ended(struct file_req *r)
{
    struct passing *p = r->arg;
    if (r->op == FILE_CREATE && (r->status == FILE_OK || r->status == FILE_EXISTS)) {
        if (r->file >> PREFIX_LOCAL != 0)
            r->status = FILE_NO_INODE; /* a handle has no room for it */
        r->file = outward(p->d, p->seat, r->file);
        if (r->status == FILE_OK)
            held_made(p->d, &p->change, r->file);
    }
    if (r->op == FILE_LIST && r->status == FILE_OK) {
        r->file = r->file == 0 ? 0 : prefix_handle(p->seat, r->file);
        outward_all(p->d, p->seat, &r->data);
    }
    end(p);
}

/* A name that leads to another domain. */
static bool leads_away(const struct domains *d, uint64_t dir, const char *name)
{
    LIST_EACH (l, &d->link_list) {
        const struct remote_link *x = LIST_ENTRY(l, struct remote_link, link);
        if (x->dir == dir && strcmp(x->name, name) == 0)
            return true;
    }
    return false;
}

static enum file_status names_inward(struct passing *p)
{
    struct domains *d = p->d;
    struct file_req *r = p->r;
    enum file_status s = inward(d, r->dir, &r->dir);
    p->seat = prefix_seat_of(p->dir);
    if (r->op == FILE_LIST)
        r->file = prefix_local(r->file);
    if (s != FILE_OK || r->op != FILE_RENAME)
        return s;
    if (prefix_seat_of(r->to_dir) != p->seat)
        return FILE_ELSEWHERE;
    (void)inward(d, r->to_dir, &r->to_dir);
    return leads_away(d, r->dir, r->name) || leads_away(d, r->to_dir, r->to_name) ? FILE_ELSEWHERE
                                                                                  : FILE_OK;
}

/* ---- changes, before which others forget: PFX6 ---- */

static void go_on(struct change *c)
{
    struct passing *p = CONTAINER_OF(c, struct passing, change);
    file_submit(p->d->sys.below, p->r);
}

static void key(struct passing *p, uint64_t handle)
{
    for (uint32_t i = 0; i < p->change.keys; i++)
        if (p->change.key[i] == handle)
            return;
    if (handle != 0)
        p->change.key[p->change.keys++] = handle;
}

static void looked(struct file_req *q)
{
    struct passing *p = q->arg;
    key(p, q->status == FILE_OK ? outward(p->d, p->seat, q->file) : 0);
    if (q->name == p->r->to_name) {
        held_change(p->d, &p->change);
        return;
    }
    q->dir = p->r->to_dir;
    q->name = p->r->to_name;
    file_submit(p->d->sys.below, q);
}

static void change(struct passing *p)
{
    struct file_req *r = p->r;
    p->change.go = go_on;
    switch (r->op) {
    case FILE_CREATE:
        key(p, p->dir);
        break;
    case FILE_REMOVE:
        key(p, p->file);
        key(p, held_parent(p->d, p->file));
        break;
    case FILE_RENAME:
        p->d->renames++;
        p->change.runs = true;
        held_deny_all(p->d);
        key(p, p->dir);
        key(p, p->to_dir);
        file_req_init(&p->q, FILE_LOOKUP, looked, p);
        p->q.dir = r->dir;
        p->q.name = r->name;
        file_submit(p->d->sys.below, &p->q);
        return;
    default:
        key(p, p->file);
    }
    held_change(p->d, &p->change);
}

static bool changes(const struct file_req *r)
{
    switch (r->op) {
    case FILE_CREATE:
    case FILE_REMOVE:
    case FILE_RENAME:
    case FILE_WRITE:
    case FILE_SIZE:
    case FILE_CHANGE:
    case FILE_ROLLBACK:
        return true;
    default:
        return false;
    }
}

static void go_down(void *arg)
{
    struct passing *p = arg;
    struct file_req *r = p->r;
    enum file_status s = FILE_OK;
    bool by_name = r->op == FILE_CREATE || r->op == FILE_RENAME || r->op == FILE_LIST;
    if (r->op == FILE_LOOKUP) /* those are asked of the service */
        s = FILE_UNSUPPORTED;
    else if (by_name)
        s = names_inward(p);
    else if (r->op != FILE_FLUSH || r->file != 0)
        s = inward(p->d, r->file, &r->file);
    if (s == FILE_OK && r->op == FILE_REMOVE && prefix_local(p->file) == FILE_ROOT)
        s = FILE_ELSEWHERE;
    if (s != FILE_OK)
        refuse(p, s);
    else if (p->d->keeps && changes(r))
        change(p);
    else
        file_submit(p->d->sys.below, r);
}

/* Of a node that makes names; OS_NO_RANK: of any. */
static void submit_from(struct file_sys *sys, struct file_req *r, uint32_t from)
{
    struct domains *d = CONTAINER_OF(sys, struct domains, sys);
    struct passing *p = port_alloc(sys->port, sizeof *p);
    *p = (struct passing){ .d = d,
                           .r = r,
                           .done = r->done,
                           .arg = r->arg,
                           .file = r->file,
                           .dir = r->dir,
                           .to_dir = r->to_dir,
                           .change = { .from = from } };
    list_init(&p->change.link);
    list_init(&p->link);
    r->done = ended;
    r->arg = p;
    port_work(sys->port, PORT_WORK_CALL, 1);
    if (is_ready(d, go_down, p))
        go_down(p);
}

static void submit(struct file_sys *sys, struct file_req *r)
{
    submit_from(sys, r, OS_NO_RANK);
}

/* ---- the service ---- */

enum { NAMES_MAX = 32 }; /* of a path that tokens are granted for */

struct ask {
    struct domains *d;
    struct select_request *call;
    struct file_req q;
    sim_time came;
    struct file_run runs[FILE_WIRE_RUNS];
    char names[2][FILE_NAME_MAX + 2];
    char path[PREFIX_PATH_MAX + 1], name[FILE_NAME_MAX + 2];
    const char *at; /* in the path */
    uint32_t seat, used, domain, other;
    bool wants; /* tokens */
    struct wish wish;
    uint64_t dir, seen[NAMES_MAX]; /* where the path begins, what its names are */
    uint32_t seen_count;
};

/* Of STAT and LIST: what was looked at. */
static bool grant(struct ask *a)
{
    struct domains *d = a->d;
    struct rope rest;
    struct file_entry x;
    bool good = true;
    if (a->q.op == FILE_STAT)
        return held_grant(d, &a->wish, a->q.file, 0);
    if (a->dir == 0 || a->q.file != 0) /* a part of the list */
        return false;
    rope_init(&rest);
    rope_add_slice(&rest, &a->q.data, 0, a->q.data.length);
    while (good && file_entry_next(&rest, &x))
        good = held_grant(d, &a->wish, a->q.dir, x.file);
    rope_fini(&rest);
    return good && held_grant(d, &a->wish, a->q.dir, 0);
}

/* Of LOOKUP: each directory on the way. */
static uint32_t grant_names(struct ask *a, struct rope *out)
{
    uint32_t mask = 0;
    uint64_t dir = a->dir;
    uint8_t b[8];
    for (uint32_t i = 0; i < a->seen_count; i++) {
        mask |= (uint32_t)held_grant(a->d, &a->wish, dir, a->seen[i]) << i;
        dir = a->seen[i];
        wire_put64(b, dir);
        rope_add_bytes(out, b, sizeof b);
    }
    if (a->q.status == FILE_NO_FILE && a->seen_count == a->used && a->used < NAMES_MAX)
        mask |= (uint32_t)held_grant(a->d, &a->wish, dir, 0) << a->used;
    return mask;
}

static void answer(struct ask *a)
{
    struct domains *d = a->d;
    uint8_t b[PREFIX_HEAD] = { 0 };
    struct rope reply, names;
    uint32_t mask = 0;
    rope_init(&names);
    if (a->wants && a->q.op == FILE_LOOKUP)
        mask = grant_names(a, &names);
    else if (a->wants && a->q.status == FILE_OK)
        mask = grant(a);
    if (a->wants)
        held_wish_end(d, &a->wish);
    if (a->q.status == FILE_REMOTE && a->other == 0)
        a->used = PREFIX_NOT_HERE;
    wire_put32(b, a->used);
    wire_put32(b + 4, a->domain);
    wire_put32(b + 8, a->other);
    wire_put32(b + 12, mask);
    rope_init(&reply);
    rope_add_bytes(&reply, b, sizeof b);
    a->q.part[FILE_NETWORK] += port_now(d->sys.port) - a->came;
    file_reply_store(&reply, &a->q);
    rope_join(&reply, &names);
    rope_join(&reply, &a->q.data);
    select_reply(a->call, &reply);
    rope_fini(&reply);
    rope_fini(&a->q.data);
    port_free(d->sys.port, a);
}

static void looked_up(struct file_req *q);

/* The next name, or the end of the path. */
static void walk_on(struct ask *a)
{
    size_t n = strcspn(a->at, "/");
    if (*a->at == 0) {
        a->q.file = outward(a->d, a->seat, a->q.dir);
        a->q.status = FILE_OK;
        answer(a);
        return;
    }
    size_t kept = n <= FILE_NAME_MAX ? n : FILE_NAME_MAX + 1;
    memcpy(a->name, a->at, kept);
    a->name[kept] = 0;
    a->at += n + (a->at[n] == '/');
    a->q.name = a->name;
    a->d->counts.names++;
    if (a->wants)
        held_look(a->d, &a->wish, outward(a->d, a->seat, a->q.dir));
    file_submit(a->d->sys.below, &a->q);
}

static void looked_up(struct file_req *q)
{
    struct ask *a = q->arg;
    struct domains *d = a->d;
    if (q->status != FILE_OK) {
        answer(a);
        return;
    }
    const struct remote_link *x = xk_map_resolve(&d->links, &q->file);
    a->used++;
    if (x != NULL) {
        d->counts.links++;
        a->domain = x->domain;
        a->other = guess(d, x->domain);
        q->status = FILE_REMOTE;
        answer(a);
        return;
    }
    if (a->wants && a->used <= NAMES_MAX)
        a->seen[a->seen_count++] = outward(d, a->seat, q->file);
    q->dir = q->file;
    walk_on(a);
}

static void walk(void *arg)
{
    struct ask *a = arg;
    a->seat = prefix_seat_of(a->q.dir);
    a->q.status = inward(a->d, a->q.dir, &a->q.dir);
    a->q.done = looked_up;
    a->q.arg = a;
    if (a->q.status == FILE_OK)
        walk_on(a);
    else
        answer(a);
}

static void asked(struct file_req *q)
{
    answer(q->arg);
}

static void serve_ask(struct domains *d, struct select_request *call, uint32_t op,
                      struct rope *args)
{
    struct ask *a = port_alloc(d->sys.port, sizeof *a);
    d->counts.asks++;
    a->d = d;
    a->call = call;
    a->came = port_now(d->sys.port);
    a->at = a->path;
    file_req_init(&a->q, op, asked, a);
    bool good = (op == FILE_LOOKUP || op == FILE_STAT || op == FILE_LIST || op == FILE_CREATE) &&
                file_request_load(args, &a->q, a->runs, a->names) &&
                args->length <= PREFIX_PATH_MAX;
    if (!good) {
        a->q.status = FILE_RANGE;
        answer(a);
        return;
    }
    a->dir = op != FILE_LIST || a->q.file == 0 ? a->q.dir : 0;
    a->wish.host = select_request_host(call);
    a->wants = d->keeps && op != FILE_CREATE && a->q.size == 1;
    if (a->wants)
        held_wish(d, &a->wish);
    if (op != FILE_LOOKUP) {
        if (a->wants)
            held_look(d, &a->wish, op == FILE_STAT ? a->q.file : a->q.dir);
        if (op == FILE_STAT && d->renames > 0)
            held_deny_all(d);
        submit_from(&d->sys, &a->q, a->wish.host);
        return;
    }
    rope_take_front(args, args->length, a->path);
    if (is_ready(d, walk, a))
        walk(a);
}

static void serve_who(struct domains *d, struct select_request *call, struct rope *args)
{
    uint8_t b[4] = { 0 };
    uint32_t seat = 0;
    struct rope reply;
    bool good = args->length >= sizeof b;
    if (good)
        rope_take_front(args, sizeof b, b);
    for (uint32_t i = 0; i < d->served_count && good; i++)
        if (d->served[i].domain == wire_get32(b) && d->served[i].state == SEAT_HERE)
            seat = d->served[i].seat;
    rope_init(&reply);
    wire_put32(b, seat);
    rope_add_bytes(&reply, b, sizeof b);
    select_reply(call, &reply);
    rope_fini(&reply);
}

static void serve(void *arg, struct select_request *call, uint32_t procedure, struct rope *args)
{
    struct domains *d = arg;
    if (procedure == PREFIX_CLAIM)
        domains_claim_serve(d, call, args);
    else if (procedure == PREFIX_WHO)
        serve_who(d, call, args);
    else
        serve_ask(d, call, procedure, args);
}

/* ---- the layer ---- */

static void set_up(struct domains *d)
{
    struct list *l;
    d->ready = true;
    while ((l = list_pop(&d->queue)) != NULL) {
        struct waits *w = LIST_ENTRY(l, struct waits, link);
        w->go(w->arg);
        port_free(d->sys.port, w);
    }
}

static bool check(const void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct prefixes x;
    for (uint32_t i = 0; i < b->service_count; i++) {
        const struct os_service *v = &b->services[i];
        const void *at = (const char *)v->params + v->ops->stack;
        const struct file_stack *k = at;
        bool here = v->ops->stack != 0 && k->count > 0 && k->layer[k->count - 1].params == params;
        if (here && (k->count > 1 || v->ops != &file_server_service))
            return err_set(e, "%s: 'domains' stands on top of the stack of a file_server alone",
                           path);
    }
    if (!prefixes_read(&x, params, b, NULL, path, e))
        return false;
    prefixes_free(&x);
    return true;
}

static void find_seats(struct domains *d, uint32_t node)
{
    d->of_seat = port_alloc(d->sys.port, (d->x.seat_count + 1) * sizeof *d->of_seat);
    d->served = port_alloc(d->sys.port, d->x.seat_count * sizeof *d->served + 1);
    for (uint32_t i = 1; i <= d->x.seat_count; i++) {
        uint32_t domain = d->x.seat[i].domain;
        if (d->x.seat[i].node != node)
            continue;
        struct served *s = &d->served[d->served_count++];
        *s = (struct served){
            .d = d, .seat = i, .domain = domain, .place = i - d->x.domain[domain].first
        };
        d->of_seat[i] = s;
    }
}

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct domains_params *p = params;
    struct domains *d = port_alloc(b->node->port, sizeof *d);
    struct err e = ERR_INIT;
    d->sys = (struct file_sys){ .ops = &file_domains, .port = b->node->port, .below = below };
    d->rpc = b->rpc;
    d->retry_delay = p->retry_delay;
    held_init(d, b->node->boot);
    bool good = prefixes_read(&d->x, p, b->node->boot, d->sys.port, "domains", &e);
    ASSERT_MSG(good, "the check has read them before");
    list_init(&d->queue);
    list_init(&d->ended);
    list_init(&d->again);
    list_init(&d->link_list);
    xk_map_init(&d->links, d->sys.port, sizeof(uint64_t));
    port_timer_init(d->sys.port, &d->ends, end_refused, d);
    port_timer_init(d->sys.port, &d->calls, domains_calls_again, d);
    find_seats(d, b->node->node);
    enum xk_status served = select_serve(b->rpc, PREFIX_SERVICE, serve, d);
    ASSERT_MSG(served == XK_OK, "a node has the layer once, on top of file_server's stack");
    xk_on_peer(b->rpc->kernel, domains_peer_changed, d);
    port_counters(d->sys.port, "domains", domains_counters, d);
    domains_claim(d);
    domains_set_up(d, set_up);
    return &d->sys;
}

const struct file_ops file_domains = {
    .kind = { .name = "domains",
              .doc = "On a server: its parts of a name space over many servers, for layer prefix.",
              .params = domains_params_desc,
              .params_size = sizeof(struct domains_params),
              .counters = domains_counters },
    .check = check,
    .start = start,
    .submit = submit,
};
