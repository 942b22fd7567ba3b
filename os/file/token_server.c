/* token_server.c: the service token_server: see token.h.
 *
 * A file's nodes that wait stand in one queue.  The first is granted the token as soon as those
 * that have it leave it; they are asked to.
 */
#include "os/file/token.h"

#include "os/xk/map.h"
#include "os/xk/peers.h"

#include <string.h>

struct tokens_params {
    sim_time retry_delay;
};
static const struct param tokens_params[] = {
    P_TIME(tokens_params, retry_delay, "10ms", "1us", "1h",
           "Pause before a call to a node that did not come through is made again.",
           "ASSUMED(a disk access long)"),
    P_END,
};

struct tokens {
    struct port *port;
    struct xk_protl *rpc;
    sim_time retry_delay;
    uint64_t stamp; /* of the last grant */
    struct xk_map map;
    struct list files;   /* those that a node has a token of, or waits for */
    struct list clients; /* nodes that are still to say what they have: TOK5 */
    struct list again;   /* calls */
    struct port_timer timer;
    struct {
        uint64_t grants, recalls, waits, freed, kept;
    } counts;
};
static const struct counter tokens_counters[] = {
    C_SUM(tokens, counts, grants, "1", "Tokens that were granted."),
    C_SUM(tokens, counts, recalls, "1", "Calls that a node give a token back."),
    C_SUM(tokens, counts, waits, "1", "Grants that had to wait for other nodes."),
    C_SUM(tokens, counts, freed, "1", "Tokens of nodes that died."),
    C_SUM(tokens, counts, kept, "1", "Tokens that were told after the server's crash."),
    C_END,
};

struct shared_file {
    struct list link;
    uint64_t file;
    struct list have, wait; /* tenure.link */
};

struct tenure { /* a node that has a token, or waits for one */
    struct list link;
    uint32_t host;
    enum token_mode mode, may; /* may: it was asked to go down to that */
    uint64_t stamp;            /* of one that has it */
    bool calling;              /* TOKEN_GRANT is on its way */
};

struct client {
    struct list link;
    uint32_t host;
};

struct call {
    struct list link;
    struct tokens *s;
    uint32_t host, life;
    enum token_call what;
    struct token_msg m;
};

bool token_serves(const struct os_boot *b, const struct token_params *p, uint32_t node)
{
    const struct os_group *g = os_group(b, p->group);
    for (uint32_t i = 0; g != NULL && i < g->count; i++)
        if (g->nodes[i] == node && (p->each || i == p->rank))
            return true;
    return false;
}

/* ---- messages ---- */

void token_msg_store(struct rope *out, const struct token_msg *m)
{
    uint8_t b[TOKEN_MSG_BYTES];
    wire_put64(b, m->file);
    wire_put64(b + 8, m->stamp);
    wire_put32(b + 16, m->mode);
    rope_add_bytes(out, b, sizeof b);
}

bool token_msg_load(struct rope *in, struct token_msg *m)
{
    uint8_t b[TOKEN_MSG_BYTES];
    *m = (struct token_msg){ .file = 0 };
    if (in->length < sizeof b)
        return false;
    rope_take_front(in, sizeof b, b);
    m->file = wire_get64(b);
    m->stamp = wire_get64(b + 8);
    m->mode = wire_get32(b + 16);
    return m->mode <= TOKEN_WRITE;
}

/* ---- files ---- */

static void run(struct tokens *s, struct shared_file *f);

static struct shared_file *file_of(struct tokens *s, uint64_t file)
{
    struct shared_file *f = xk_map_resolve(&s->map, &file);
    if (f != NULL)
        return f;
    f = port_alloc(s->port, sizeof *f);
    *f = (struct shared_file){ .file = file };
    list_init(&f->have);
    list_init(&f->wait);
    list_push(&s->files, &f->link);
    xk_map_bind(&s->map, &file, f);
    return f;
}

static void drop_unused(struct tokens *s, struct shared_file *f)
{
    if (!list_empty(&f->have) || !list_empty(&f->wait))
        return;
    list_remove(&f->link);
    (void)xk_map_unbind(&s->map, &f->file);
    port_free(s->port, f);
}

static struct tenure *find(struct list *in, uint32_t host)
{
    LIST_EACH (l, in) {
        struct tenure *x = LIST_ENTRY(l, struct tenure, link);
        if (x->host == host)
            return x;
    }
    return NULL;
}

static struct tenure *add(struct tokens *s, struct list *to, uint32_t host, enum token_mode mode)
{
    struct tenure *x = port_alloc(s->port, sizeof *x);
    *x = (struct tenure){ .host = host, .mode = mode, .may = TOKEN_WRITE };
    list_push(to, &x->link);
    return x;
}

static void end(struct tokens *s, struct tenure *x)
{
    list_remove(&x->link);
    port_free(s->port, x);
}

/* ---- calls to nodes ---- */

static void recovered(struct tokens *s, const struct call *c, struct rope *reply);

static void later(struct call *c)
{
    list_push(&c->s->again, &c->link);
    if (!port_timer_pending(&c->s->timer))
        port_timer_set(&c->s->timer, c->s->retry_delay);
}

/* The node, or its life, is no more; or it has the token no more. */
static bool pointless(struct call *c)
{
    struct tokens *s = c->s;
    if (c->life != xk_life_assumed(s->rpc->kernel, c->host) || !xk_alive(s->rpc->kernel, c->host))
        return true;
    if (c->what == TOKEN_RECOVER)
        return false;
    struct shared_file *f = xk_map_resolve(&s->map, &c->m.file);
    struct tenure *x = f != NULL ? find(&f->have, c->host) : NULL;
    return x == NULL || x->stamp != c->m.stamp;
}

static void called(void *arg, enum xk_status status, struct rope *reply)
{
    struct call *c = arg;
    struct tokens *s = c->s;
    if (c->what == TOKEN_RECOVER && (status == XK_OK || status == XK_REFUSED)) {
        recovered(s, c, reply);
    } else if (status != XK_OK && !pointless(c)) {
        later(c);
        return;
    }
    if (c->what == TOKEN_GRANT && !pointless(c)) {
        struct shared_file *f = xk_map_resolve(&s->map, &c->m.file);
        find(&f->have, c->host)->calling = false;
    }
    port_free(s->port, c);
}

static void send(struct call *c)
{
    struct rope args;
    rope_init(&args);
    token_msg_store(&args, &c->m);
    enum xk_status status =
        select_call(c->s->rpc, c->host, TOKEN_CLIENT, c->what, &args, called, c);
    rope_fini(&args);
    if (status != XK_OK)
        later(c);
}

static void call(struct tokens *s, uint32_t host, enum token_call what, struct token_msg m)
{
    struct call *c = port_alloc(s->port, sizeof *c);
    *c = (struct call){
        .s = s, .host = host, .life = xk_life_assumed(s->rpc->kernel, host), .what = what, .m = m
    };
    list_init(&c->link);
    send(c);
}

static void calls_again(struct port_timer *t)
{
    struct tokens *s = t->arg;
    struct list now, *l;
    list_init(&now);
    list_splice(&now, &s->again);
    while ((l = list_pop(&now)) != NULL) {
        struct call *c = LIST_ENTRY(l, struct call, link);
        if (pointless(c))
            port_free(s->port, c);
        else
            send(c);
    }
}

/* ---- the queue of a file ---- */

/* Whoever stands in its way is asked to leave; false: somebody does. */
static bool way_is_free(struct tokens *s, struct shared_file *f, const struct tenure *w)
{
    bool is_free = true;
    LIST_EACH (l, &f->have) {
        struct tenure *x = LIST_ENTRY(l, struct tenure, link);
        enum token_mode may = w->mode == TOKEN_WRITE ? TOKEN_NONE : TOKEN_READ;
        if (x->host == w->host || x->mode <= may)
            continue;
        is_free = false;
        if (x->may <= may)
            continue;
        x->may = may;
        s->counts.recalls++;
        call(s, x->host, TOKEN_RECALL,
             (struct token_msg){ .file = f->file, .stamp = x->stamp, .mode = may });
    }
    return is_free;
}

static struct tenure *grant(struct tokens *s, struct shared_file *f, struct tenure *w)
{
    struct tenure *x = find(&f->have, w->host);
    if (x == NULL)
        x = add(s, &f->have, w->host, w->mode);
    x->mode = w->mode;
    x->may = TOKEN_WRITE;
    x->stamp = ++s->stamp;
    s->counts.grants++;
    end(s, w);
    return x;
}

static void run(struct tokens *s, struct shared_file *f)
{
    while (list_empty(&s->clients) && !list_empty(&f->wait)) {
        struct tenure *w = LIST_ENTRY(f->wait.next, struct tenure, link);
        if (!way_is_free(s, f, w))
            return;
        struct tenure *x = grant(s, f, w);
        x->calling = true;
        call(s, x->host, TOKEN_GRANT,
             (struct token_msg){ .file = f->file, .stamp = x->stamp, .mode = x->mode });
    }
    drop_unused(s, f);
}

/* What it is granted at once; NULL: it waits. */
static struct tenure *ask(struct tokens *s, uint32_t host, const struct token_msg *m)
{
    struct shared_file *f = file_of(s, m->file);
    struct tenure *x = find(&f->have, host), *w = find(&f->wait, host);
    if (x != NULL && x->stamp > m->stamp) /* the answer was lost, or is on its way as a call */
        return x->calling ? NULL : x;
    if (w == NULL)
        w = add(s, &f->wait, host, m->mode);
    w->mode = m->mode;
    if (list_empty(&s->clients) && f->wait.next == &w->link && way_is_free(s, f, w))
        return grant(s, f, w);
    s->counts.waits++;
    return NULL;
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct tokens *s = arg;
    struct token_msg m;
    struct rope reply;
    struct shared_file *f = NULL;
    uint32_t host = select_request_host(request);
    rope_init(&reply);
    if (!token_msg_load(args, &m))
        procedure = TOKEN_RECOVER; /* nothing of it is asked of a server */
    if (procedure == TOKEN_ASK && m.mode != TOKEN_NONE) {
        const struct tenure *x = ask(s, host, &m);
        f = xk_map_resolve(&s->map, &m.file);
        m.stamp = x != NULL ? x->stamp : 0;
        m.mode = x != NULL ? x->mode : TOKEN_NONE;
        token_msg_store(&reply, &m);
    } else if (procedure == TOKEN_RELEASE && (f = xk_map_resolve(&s->map, &m.file)) != NULL) {
        struct tenure *x = find(&f->have, host);
        if (x != NULL && x->stamp == m.stamp && m.mode < x->mode) {
            x->mode = m.mode;
            if (x->mode == TOKEN_NONE)
                end(s, x);
        }
    }
    select_reply(request, &reply);
    rope_fini(&reply);
    if (f != NULL)
        run(s, f);
}

/* ---- lives ---- */

static void run_all(struct tokens *s)
{
    LIST_EACH_SAFE (l, next, &s->files)
        run(s, LIST_ENTRY(l, struct shared_file, link));
}

/* The node has said what it has, or has nothing. */
static void heard(struct tokens *s, uint32_t host)
{
    LIST_EACH_SAFE (l, next, &s->clients) {
        struct client *c = LIST_ENTRY(l, struct client, link);
        if (c->host != host)
            continue;
        list_remove(l);
        port_free(s->port, c);
        if (list_empty(&s->clients))
            run_all(s);
        return;
    }
}

static void recovered(struct tokens *s, const struct call *c, struct rope *reply)
{
    uint8_t b[8];
    uint64_t next = 0;
    if (c->life != xk_life_assumed(s->rpc->kernel, c->host))
        return;
    if (reply->length >= sizeof b) {
        rope_take_front(reply, sizeof b, b);
        next = wire_get64(b);
    }
    while (reply->length >= sizeof b) {
        rope_take_front(reply, sizeof b, b);
        struct shared_file *f = file_of(s, wire_get64(b));
        if (find(&f->have, c->host) == NULL)
            (void)add(s, &f->have, c->host, TOKEN_WRITE);
        s->counts.kept++;
    }
    if (next != 0)
        call(s, c->host, TOKEN_RECOVER, (struct token_msg){ .file = next });
    else
        heard(s, c->host);
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct tokens *s = arg;
    uint64_t writing = 0;
    (void)life;
    if (alive) { /* a life that this one has not asked */
        LIST_EACH (l, &s->clients)
            if (LIST_ENTRY(l, struct client, link)->host == host)
                call(s, host, TOKEN_RECOVER, (struct token_msg){ .file = 0 });
        return;
    }
    LIST_EACH_SAFE (l, next, &s->files) {
        struct shared_file *f = LIST_ENTRY(l, struct shared_file, link);
        struct tenure *x = find(&f->have, host), *w = find(&f->wait, host);
        if (x != NULL) {
            s->counts.freed++;
            writing += x->mode == TOKEN_WRITE;
            end(s, x);
        }
        if (w != NULL)
            end(s, w);
        if (x != NULL || w != NULL)
            run(s, f);
    }
    if (writing > 0)
        port_remark(s->port,
                    "node %u died with the tokens to write %llu files: what it had written and "
                    "not propagated is lost",
                    host, (unsigned long long)writing);
    if (!xk_alive(s->rpc->kernel, host))
        heard(s, host);
}

/* The nodes whose stacks have a layer that asks this one. */
static void ask_clients(struct tokens *s, const struct os_node *n)
{
    const struct os_boot *b = n->boot;
    for (uint32_t i = 0; i < b->service_count; i++) {
        const struct os_service *v = &b->services[i];
        const void *at = (const char *)v->params + v->ops->stack;
        const struct file_stack *k = at;
        for (uint32_t j = 0; v->ops->stack != 0 && j < k->count; j++)
            if (strcmp(k->layer[j].ops->kind.name, "token") == 0 &&
                token_serves(b, k->layer[j].params, n->node))
                for (uint32_t h = 0; h < v->on->count; h++) {
                    struct client *c = port_alloc(s->port, sizeof *c);
                    c->host = v->on->nodes[h];
                    list_push(&s->clients, &c->link);
                }
    }
    LIST_EACH (l, &s->clients)
        call(s, LIST_ENTRY(l, struct client, link)->host, TOKEN_RECOVER,
             (struct token_msg){ .file = 0 });
}

static void *start(struct os_node *n, const struct os_service *service, struct xk_protl *over)
{
    const struct tokens_params *p = service->params;
    struct tokens *s = port_alloc(n->port, sizeof *s);
    s->port = n->port;
    s->rpc = over;
    s->retry_delay = p->retry_delay;
    xk_map_init(&s->map, n->port, sizeof(uint64_t));
    list_init(&s->files);
    list_init(&s->clients);
    list_init(&s->again);
    port_timer_init(n->port, &s->timer, calls_again, s);
    enum xk_status served = select_serve(over, TOKEN_SERVER, serve, s);
    ASSERT(served == XK_OK);
    xk_on_peer(over->kernel, peer_changed, s);
    port_counters(n->port, "token_server", tokens_counters, s);
    if (port_incarnation(n->port) > 1)
        ask_clients(s, n);
    return s;
}

const struct os_service_ops token_server_service = {
    .kind = { .name = "token_server",
              .doc = "The tokens of this node's files, for the layer \"token\" of other nodes.",
              .params = tokens_params,
              .params_size = sizeof(struct tokens_params),
              .counters = tokens_counters },
    .on = "io",
    .over = "rpc",
    .protocol = &select_protl,
    .start = start,
};
