/* prefix.c: the layer PREFIX: one tree of names over the files of many nodes: see prefix.h. */
#include "os/file/prefix.h"

#include "os/file/file_internal.h"
#include "os/file/prefix_kept.h"
#include "os/xk/peers.h"

#include <string.h>

#define NO_DOMAIN UINT32_MAX

static const struct param prefix_params[] = {
    P_STRING(prefix_params, group, "io", "The group of nodes that have the domains."),
    P_BOOL(prefix_params, table, "true",
           "Where a domain was found is kept; otherwise each path is looked up from the root on."),
    P_BOOL(prefix_params, keep, "false",
           "Names, attributes and lists are kept under tokens of their directory, or file."),
    P_INT(prefix_params, names, "10000", "1", "1000000000", "So many names at most are kept."),
    P_TIME(prefix_params, retry_delay, "10ms", "1us", "1h",
           "Pause before a call that was refused for lack of room is made again.",
           "ASSUMED(a disk access long)"),
    P_END,
};

struct far { /* another node's files, by handles */
    struct list link;
    uint32_t node;
    struct file_sys *files;
};

struct prefix {
    struct file_sys sys; /* first */
    struct xk_protl *rpc;
    struct prefixes x;
    bool table;
    sim_time retry_delay;
    uint32_t root;   /* the domain */
    uint32_t *found; /* the table: by domain the seat where it was found last; 0: it is not in it */
    struct list fars;
    struct prefix_kept *kept; /* NULL: nothing is */
    struct list asks;         /* asked.link: calls by name under way */
    struct list waiting;      /* step.link: to be done at once, or again */
    struct port_timer timer;
    struct {
        uint64_t lookups, calls, links, stale, searches, unreached, kept, recalls;
    } counts;
};
const struct counter prefix_counters[] = {
    C_SUM(prefix, counts, lookups, "1", "Paths looked up."),
    C_SUM(prefix, counts, calls, "1", "Calls for names, attributes and lists."),
    C_SUM(prefix, counts, links, "1", "Remote links that these came to."),
    C_SUM(prefix, counts, stale, "1", "Entries of the table that were found to be wrong."),
    C_SUM(prefix, counts, searches, "1", "Calls that ask a node whether it has a domain."),
    C_SUM(prefix, counts, unreached, "1", "Requests that ended as unreachable."),
    C_SUM(prefix, counts, kept, "1", "Requests that were answered from what is kept."),
    C_SUM(prefix, counts, recalls, "1", "Tokens of names and attributes that were recalled."),
    C_END,
};

struct step { /* what is to be done later */
    struct list link;
    void (*go)(void *arg);
    void *arg;
    bool now;
};

struct asked { /* a request, until it has ended */
    struct list link;
    struct prefix *p;
    struct file_req *r;
    void (*done)(struct file_req *r); /* the caller's, and what the request had */
    void *arg;
    uint64_t file, dir, to_dir;
    const char *path; /* of a LOOKUP: what is left, */
    const char *from; /* and was behind the domain's root */
    bool inside;      /* it was sent to a directory that is kept */
    bool late;        /* a token has been recalled since it was sent */
    bool makes;       /* prefix_kept_change has been said of `made` */
    uint64_t made;
    uint32_t domain;   /* the request is of its root, or of a path from there; or NO_DOMAIN */
    uint32_t seat;     /* that it was sent to */
    uint32_t tries;    /* since the domain was last found somewhere else */
    uint32_t crossed;  /* remote links */
    struct file_req q; /* what goes out, by name; or a FLUSH of one node */
    struct far *far;   /* a FLUSH of all: so far */
    sim_time since;
    struct step step;
};

static void later(struct asked *a, void (*go)(void *arg), bool now)
{
    struct prefix *p = a->p;
    a->step = (struct step){ .go = go, .arg = a, .now = now };
    list_push(&p->waiting, &a->step.link);
    if (now || !port_timer_pending(&p->timer))
        port_timer_set(&p->timer, now ? 0 : p->retry_delay);
}

static void tick(struct port_timer *t)
{
    struct prefix *p = t->arg;
    struct list now, *l;
    list_init(&now);
    list_splice(&now, &p->waiting);
    while ((l = list_pop(&now)) != NULL) {
        struct step *s = LIST_ENTRY(l, struct step, link);
        s->go(s->arg);
    }
}

/* ---- the table ---- */

/* Where the domain is, as far as is known: `seat` is where it was when its root was found. */
static uint32_t seat_of(const struct prefix *p, uint32_t domain, uint32_t seat)
{
    if (p->found[domain] != 0)
        return p->found[domain];
    return seat != 0 ? seat : p->x.domain[domain].first;
}

static void learn(struct prefix *p, uint32_t domain, uint32_t seat)
{
    if (p->table || domain == p->root)
        p->found[domain] = seat;
}

static void forget(struct prefix *p, uint32_t domain, uint32_t seat)
{
    if (domain == NO_DOMAIN || p->found[domain] != seat)
        return;
    p->found[domain] = 0;
    p->counts.stale++;
}

/* The domain of the table with the longest prefix of the path, which loses it. */
static uint32_t longest(const struct prefix *p, const char **path)
{
    uint32_t best = p->root;
    int most = 0;
    port_work(p->sys.port, PORT_WORK_LOOKUP, 1);
    for (uint32_t i = 0; i < p->x.domain_count; i++) {
        int n = p->found[i] != 0 ? prefix_match(p->x.domain[i].path, *path) : -1;
        if (n > most) {
            most = n;
            best = i;
        }
    }
    *path += most;
    return best;
}

/* ---- ends ---- */

/* What they answer may be of before. */
static void asks_are_late(struct prefix *p)
{
    LIST_EACH (l, &p->asks)
        LIST_ENTRY(l, struct asked, link)->late = true;
}

static void end(struct asked *a)
{
    struct prefix *p = a->p;
    struct file_req *r = a->r;
    bool made = a->makes && r->status == FILE_OK && r->dir == a->made;
    r->done = a->done;
    r->arg = a->arg;
    r->dir = a->dir;
    r->to_dir = a->to_dir;
    if (r->op != FILE_CREATE && r->op != FILE_LIST && r->op != FILE_LOOKUP)
        r->file = a->file;
    p->counts.unreached += r->status == FILE_UNREACHABLE;
    if (a->makes) {
        asks_are_late(p);
        prefix_kept_changed(p->kept, &(struct prefix_who){ r->uid, r->gid }, a->made, r->name,
                            made ? r->file : 0);
    }
    port_free(p->sys.port, a);
    r->done(r);
}

static void end_of(void *arg)
{
    end(arg);
}

/* It ends so, though it was not sent anywhere, or will be no more. */
static void fail(struct asked *a, enum file_status s)
{
    if (a->r->op == FILE_WRITE || a->r->op == FILE_LIST)
        rope_fini(&a->r->data);
    a->r->status = s;
    later(a, end_of, true);
}

/* ---- who has a domain? ---- */

static void send(struct asked *a);

struct search {
    struct asked *a; /* NULL: it goes on */
    struct prefix *p;
    uint32_t domain, left;
};

static void heard(void *arg, enum xk_status status, struct rope *reply)
{
    struct search *s = arg;
    uint8_t b[4] = { 0 };
    if (status == XK_OK && reply->length >= sizeof b)
        rope_take_front(reply, sizeof b, b);
    uint32_t seat = wire_get32(b);
    struct asked *a = s->a;
    bool good = seat != 0 && seat <= s->p->x.seat_count && s->p->x.seat[seat].domain == s->domain;
    if (a != NULL && good) {
        learn(s->p, s->domain, seat);
        a->seat = seat;
        s->a = NULL;
        send(a);
    } else if (a != NULL && s->left == 1) {
        fail(a, FILE_UNREACHABLE);
    }
    if (--s->left == 0)
        port_free(s->p->sys.port, s);
}

static void ask_who(struct asked *a)
{
    struct prefix *p = a->p;
    const struct prefix_domain *d = &p->x.domain[a->domain];
    struct search *s = port_alloc(p->sys.port, sizeof *s);
    *s = (struct search){ .a = a, .p = p, .domain = a->domain, .left = 1 };
    for (uint32_t i = 0; i < d->count; i++) {
        struct rope args;
        uint8_t b[4];
        rope_init(&args);
        wire_put32(b, a->domain);
        rope_add_bytes(&args, b, sizeof b);
        p->counts.searches++;
        if (select_call(p->rpc, p->x.seat[d->first + i].node, PREFIX_SERVICE, PREFIX_WHO, &args,
                        heard, s) == XK_OK)
            s->left++;
        rope_fini(&args);
    }
    if (s->left == 1)
        fail(a, FILE_UNREACHABLE);
    if (--s->left == 0)
        port_free(p->sys.port, s);
}

/* From the domain's root again. */
static void come_out(struct asked *a)
{
    if (!a->inside)
        return;
    a->inside = false;
    a->path = a->from;
    a->r->dir = prefix_handle(a->seat, FILE_ROOT);
}

/* Where it was sent nobody has it: it is sent to who has, or ends. */
static void find_again(struct asked *a)
{
    forget(a->p, a->domain, a->seat);
    come_out(a);
    if (a->domain == NO_DOMAIN)
        fail(a, FILE_NO_FILE);
    else if (a->tries++ > 0)
        fail(a, FILE_UNREACHABLE);
    else
        ask_who(a);
}

/* ---- by name ---- */

static bool only_looks(const struct file_req *r)
{
    return r->op == FILE_LOOKUP || r->op == FILE_STAT || r->op == FILE_LIST;
}

/* What came with the tokens that the answer granted. */
static void keep(struct asked *a, uint32_t used, uint32_t mask, struct rope *names)
{
    struct prefix_kept *k = a->p->kept;
    const struct file_req *r = a->r, *q = &a->q;
    const struct prefix_who who = { r->uid, r->gid };
    if (k == NULL || a->late)
        return;
    if (r->op == FILE_STAT && (mask & 1))
        prefix_keep_attr(k, r->file, &q->attr);
    if (r->op == FILE_LIST && (mask & 1))
        prefix_keep_list(k, &who, r->dir, names);
    if (r->op != FILE_LOOKUP)
        return;
    const char *at = a->path;
    uint64_t dir = r->dir;
    for (uint32_t i = 0; i < 32 && i <= used && *at; i++) {
        size_t n = strcspn(at, "/");
        uint8_t b[8] = { 0 };
        if (names->length >= sizeof b)
            rope_take_front(names, sizeof b, b);
        else if (q->status != FILE_NO_FILE || i < used)
            return;
        if (mask >> i & 1)
            prefix_keep_name(k, &who, dir, at, n, wire_get64(b));
        dir = wire_get64(b);
        at += n + (at[n] == '/');
    }
}

/* As much of it as is kept; true: all. */
static bool from_kept(struct asked *a)
{
    struct prefix_kept *k = a->p->kept;
    struct file_req *r = a->r;
    const struct prefix_who who = { r->uid, r->gid };
    r->status = FILE_OK;
    if (r->op == FILE_STAT)
        return prefix_kept_attr(k, r->file, &r->attr);
    if (r->op == FILE_LIST)
        return r->file == 0 && prefix_kept_list(k, &who, r->dir, &r->data);
    if (*a->path == 0) /* the root of a domain: whether it is there its node says */
        return false;
    while (*a->path) {
        size_t n = strcspn(a->path, "/");
        uint64_t file;
        if (!prefix_kept_name(k, &who, r->dir, a->path, n, &file))
            return false;
        if (file == 0) {
            r->status = FILE_NO_FILE;
            return true;
        }
        a->inside = true;
        r->dir = file;
        a->path += n + (a->path[n] == '/');
    }
    r->file = r->dir;
    return true;
}

static void send_name(void *arg);

/* The path goes on behind a remote link. */
static void cross(struct asked *a, uint32_t used, uint32_t domain, uint32_t seat)
{
    struct prefix *p = a->p;
    if (domain >= p->x.domain_count || seat == 0 || seat > p->x.seat_count ||
        a->crossed++ > p->x.domain_count) {
        fail(a, FILE_LOOP);
        return;
    }
    p->counts.links++;
    while (used-- > 0) {
        size_t n = strcspn(a->path, "/");
        a->path += n + (a->path[n] == '/');
    }
    a->domain = domain;
    a->tries = 0;
    a->from = a->path;
    a->inside = false;
    a->seat = seat_of(p, domain, seat);
    learn(p, domain, a->seat);
    send(a);
}

static void named(void *arg, enum xk_status status, struct rope *reply)
{
    struct asked *a = arg;
    struct prefix *p = a->p;
    struct file_req *r = a->r, *q = &a->q;
    uint8_t b[PREFIX_HEAD];
    list_remove(&a->link);
    bool good = status == XK_OK && reply->length >= sizeof b;
    if (good)
        rope_take_front(reply, sizeof b, b);
    if (!good || !file_reply_load(reply, q)) {
        forget(p, a->domain, a->seat);
        come_out(a);
        if (only_looks(r) && a->domain != NO_DOMAIN && a->tries++ == 0)
            ask_who(a);
        else
            fail(a, FILE_UNREACHABLE);
        return;
    }
    sim_time took = port_now(p->sys.port) - a->since;
    for (int i = 0; i < FILE_PARTS; i++)
        r->part[i] += i == FILE_NETWORK ? took - q->part[i] : q->part[i];
    if (wire_get32(b) == PREFIX_NOT_HERE) {
        find_again(a);
    } else if (q->status == FILE_REMOTE) {
        keep(a, wire_get32(b) - 1, wire_get32(b + 12), reply);
        cross(a, wire_get32(b), wire_get32(b + 4), wire_get32(b + 8));
    } else {
        r->status = q->status;
        r->file = q->file;
        r->attr = q->attr;
        keep(a, wire_get32(b), wire_get32(b + 12), reply);
        if (r->op == FILE_LIST && q->status == FILE_OK)
            rope_join(&r->data, reply);
        end(a);
    }
}

static void send_name(void *arg)
{
    struct asked *a = arg;
    struct prefix *p = a->p;
    struct file_req *r = a->r, *q = &a->q;
    struct rope args;
    file_req_init(q, r->op, NULL, NULL);
    q->file = r->file;
    q->dir = r->dir;
    q->uid = r->uid;
    q->gid = r->gid;
    q->size = p->kept != NULL && only_looks(r);
    q->run_count = 0;
    q->attr = r->attr;
    q->name = r->op == FILE_CREATE ? r->name : NULL;
    rope_init(&args);
    file_request_store(&args, q);
    if (r->op == FILE_LOOKUP)
        rope_add_bytes(&args, a->path, strlen(a->path));
    a->since = port_now(p->sys.port);
    a->late = false;
    enum xk_status s = select_call(p->rpc, p->x.seat[a->seat].node, PREFIX_SERVICE,
                                   PREFIX_ASK + r->op, &args, named, a);
    rope_fini(&args);
    if (s == XK_BUSY)
        later(a, send_name, false);
    else if (s != XK_OK)
        fail(a, FILE_UNREACHABLE);
    else {
        p->counts.calls++;
        list_push(&p->asks, &a->link);
    }
}

/* ---- by handle ---- */

static struct far *far_of(struct prefix *p, uint32_t node)
{
    LIST_EACH (l, &p->fars)
        if (LIST_ENTRY(l, struct far, link)->node == node)
            return LIST_ENTRY(l, struct far, link);
    struct far *f = port_alloc(p->sys.port, sizeof *f);
    f->node = node;
    f->files = file_remote_to(p->sys.port, p->rpc, node, p->retry_delay);
    list_push(&p->fars, &f->link);
    return f;
}

static void moved(struct file_req *r)
{
    struct asked *a = r->arg;
    if (r->status == FILE_REMOTE) {
        find_again(a);
        return;
    }
    if (r->status == FILE_UNREACHABLE)
        forget(a->p, a->domain, a->seat);
    end(a);
}

static void flush_next(struct asked *a);

static void flushed(struct file_req *q)
{
    struct asked *a = q->arg;
    a->r->status = a->r->status == FILE_OK ? q->status : a->r->status;
    flush_next(a);
}

/* Of all files: one node after the other. */
static void flush_next(struct asked *a)
{
    struct list *l = a->far == NULL ? a->p->fars.next : a->far->link.next;
    if (l == &a->p->fars) {
        later(a, end_of, true);
        return;
    }
    a->far = LIST_ENTRY(l, struct far, link);
    file_req_init(&a->q, FILE_FLUSH, flushed, a);
    file_submit(a->far->files, &a->q);
}

/* ---- requests ---- */

/* The handle of the domain's root, wherever that is now; others as they are. */
static uint64_t resolve(struct asked *a, uint64_t handle)
{
    const struct prefix *p = a->p;
    uint32_t seat = prefix_seat_of(handle);
    if (seat > p->x.seat_count || prefix_local(handle) != FILE_ROOT)
        return handle;
    a->domain = seat == 0 ? p->root : p->x.seat[seat].domain;
    if (a->seat == 0)
        a->seat = seat_of(p, a->domain, seat);
    return prefix_handle(a->seat, FILE_ROOT);
}

/* The same of another directory of one request. */
static uint64_t beside(const struct asked *a, uint64_t handle)
{
    const struct prefix *p = a->p;
    uint32_t seat = prefix_seat_of(handle);
    if (seat > p->x.seat_count || prefix_local(handle) != FILE_ROOT)
        return handle;
    uint32_t domain = seat == 0 ? p->root : p->x.seat[seat].domain;
    return prefix_handle(domain == a->domain ? a->seat : seat_of(p, domain, seat), FILE_ROOT);
}

/* Where its first handle says; a->seat: where a domain has been found, or 0. */
static void send(struct asked *a)
{
    struct prefix *p = a->p;
    struct file_req *r = a->r;
    if (r->op == FILE_LOOKUP || r->op == FILE_CREATE || r->op == FILE_RENAME ||
        r->op == FILE_LIST) {
        r->dir = a->crossed > 0 ? prefix_handle(a->seat, FILE_ROOT) : resolve(a, r->dir);
        a->seat = prefix_seat_of(r->dir);
    } else {
        r->file = resolve(a, a->file);
        a->seat = prefix_seat_of(r->file);
    }
    if (r->op == FILE_RENAME) {
        r->to_dir = beside(a, a->to_dir);
        if (prefix_seat_of(r->to_dir) != a->seat) {
            fail(a, FILE_ELSEWHERE);
            return;
        }
    }
    if (a->seat == 0 || a->seat > p->x.seat_count) {
        fail(a, FILE_NO_FILE);
    } else if (only_looks(r) && p->kept != NULL && a->tries == 0 && from_kept(a)) {
        p->counts.kept++;
        later(a, end_of, true);
    } else if (only_looks(r)) {
        send_name(a);
    } else if (r->op == FILE_CREATE) {
        if (p->kept != NULL && !a->makes) {
            a->makes = true;
            a->made = r->dir;
            prefix_kept_change(p->kept, r->dir);
        }
        send_name(a);
    } else {
        r->done = moved;
        r->arg = a;
        file_submit(far_of(p, p->x.seat[a->seat].node)->files, r);
    }
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct prefix *p = CONTAINER_OF(s, struct prefix, sys);
    struct asked *a = port_alloc(s->port, sizeof *a);
    *a = (struct asked){ .p = p,
                         .r = r,
                         .done = r->done,
                         .arg = r->arg,
                         .file = r->file,
                         .dir = r->dir,
                         .to_dir = r->to_dir,
                         .path = r->name,
                         .domain = NO_DOMAIN };
    file_req_begin(r);
    r->status = FILE_OK;
    if (r->op == FILE_FLUSH && r->file == 0) {
        flush_next(a);
        return;
    }
    if (r->op == FILE_LOOKUP) {
        p->counts.lookups++;
        if (r->name == NULL || *r->name == 0 || strlen(r->name) > PREFIX_PATH_MAX) {
            fail(a, FILE_BAD_NAME);
            return;
        }
        a->from = a->path;
        if (r->dir == FILE_ROOT) {
            a->domain = longest(p, &a->path);
            a->from = a->path;
            r->dir = prefix_handle(seat_of(p, a->domain, 0), FILE_ROOT);
        }
    }
    send(a);
}

/* ---- tokens that are recalled ---- */

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct prefix *p = arg;
    uint8_t b[12] = { 0 };
    struct rope reply;
    if (procedure == PREFIX_FORGET && args->length >= sizeof b) {
        rope_take_front(args, sizeof b, b);
        uint64_t handle = wire_get64(b);
        uint32_t domain = wire_get32(b + 8);
        p->counts.recalls += handle != 0;
        if (handle != 0)
            prefix_kept_drop(p->kept, handle);
        else if (domain < p->x.domain_count)
            prefix_kept_drop_seats(p->kept, p->x.domain[domain].first, p->x.domain[domain].count);
        asks_are_late(p);
    }
    rope_init(&reply);
    select_reply(request, &reply);
    rope_fini(&reply);
}

/* ---- the layer ---- */

static uint32_t node(const struct file_sys *s, uint64_t file)
{
    const struct prefix *p = (const struct prefix *)s;
    uint32_t seat = prefix_seat_of(file);
    if (seat == 0 || seat > p->x.seat_count)
        seat = seat_of(p, p->root, 0);
    return p->x.seat[seat].node;
}

static bool check(const void *params, const struct os_boot *b, const char *path, struct err *e)
{
    const struct prefix_params *p = params;
    uint32_t at = 0, k, node, other;
    if (prefix_domains(b, p->group) == NULL)
        return err_set(e,
                       "%s: no file_server of group \"%s\" that stands before it in machine.os has "
                       "the layer \"domains\" on top",
                       path, p->group);
    while (prefix_keeper(b, &at, &node))
        for (k = at; prefix_keeper(b, &k, &other);)
            if (node == other)
                return err_set(
                    e,
                    "%s: two stacks of node %u keep names (\"prefix\"): once is all that "
                    "it can be there",
                    path, node);
    return true;
}

extern const struct file_ops file_prefix;

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct prefix_params *p = params;
    struct prefix *x = port_alloc(b->node->port, sizeof *x);
    struct err e = ERR_INIT;
    (void)below;
    x->sys = (struct file_sys){ .ops = &file_prefix, .port = b->node->port };
    x->rpc = b->rpc;
    x->table = p->table;
    x->retry_delay = p->retry_delay;
    bool good = prefixes_read(&x->x, prefix_domains(b->node->boot, p->group), b->node->boot,
                              x->sys.port, "domains", &e);
    ASSERT_MSG(good, "the check has read them before");
    x->found = port_alloc(x->sys.port, x->x.domain_count * sizeof *x->found);
    while (x->x.domain[x->root].path[0] != 0)
        x->root++;
    list_init(&x->fars);
    list_init(&x->asks);
    if (p->keep) {
        x->kept = prefix_kept_start(x->sys.port, (uint64_t)p->names);
        enum xk_status served = select_serve(x->rpc, PREFIX_CLIENT, serve, x);
        ASSERT_MSG(served == XK_OK, "the check has seen to it that a node has one");
    }
    list_init(&x->waiting);
    port_timer_init(x->sys.port, &x->timer, tick, x);
    port_counters(x->sys.port, "prefix", prefix_counters, x);
    return &x->sys;
}

const struct file_ops file_prefix = {
    .kind = { .name = "prefix",
              .doc = "One name space over the domains of many servers: a table of prefixes.",
              .params = prefix_params,
              .params_size = sizeof(struct prefix_params) },
    .bottom = true,
    .paths = true,
    .node = node,
    .check = check,
    .start = start,
    .submit = submit,
};
