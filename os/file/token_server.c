/* token_server.c: the service token_server: see token.h.
 *
 * A file's nodes that wait stand in one queue.  Who is granted what it needs next is the first of
 * those before whom nobody waits for any of it, as soon as those that have some of it leave that;
 * they are asked to.
 */
#include "os/file/token.h"

#include "os/xk/map.h"
#include "os/xk/peers.h"

#include <stdio.h>
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
        uint64_t grants, recalls, waits, freed, kept, lost_most;
    } counts;
};
static const struct counter tokens_counters[] = {
    C_SUM(tokens, counts, grants, "1", "Tokens that were granted."),
    C_SUM(tokens, counts, recalls, "1", "Calls that a node give a token back."),
    C_SUM(tokens, counts, waits, "1", "Grants that had to wait for other nodes."),
    C_SUM(tokens, counts, freed, "1", "Files of which a node that died had tokens, for each."),
    C_SUM(tokens, counts, kept, "1", "Ranges that were told after the server's crash."),
    C_SUM(
        tokens, counts, lost_most, "B",
        "Bytes that nodes that died had tokens to write, up to where the server knows the files to "
        "reach: of these they may have lost some; what made a file longer is not among them."),
    C_END,
};

struct shared_file {
    struct list link;
    uint64_t file;
    uint64_t least;   /* it is at least so long, in the file system */
    struct list have; /* tenure.link */
    struct list wait; /* wish.link */
};

struct tenure { /* a node that has tokens */
    struct list link;
    uint32_t host;
    struct token_set has;
    struct token_set asked; /* to give back: TOKEN_WRITE all, TOKEN_READ writing */
    struct token_msg last;  /* grant; of its stamp */
    bool calling;           /* TOKEN_GRANT is on its way */
};

struct wish { /* a node that waits for one */
    struct list link;
    uint32_t host;
    enum token_mode mode;
    struct token_ranges ranges;
    struct token_range want;
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

enum { RANGE_BYTES = 16 };

static void range_put(uint8_t out[RANGE_BYTES], struct token_range r)
{
    wire_put64(out, r.lo);
    wire_put64(out + 8, r.hi);
}

static struct token_range range_get(const uint8_t in[RANGE_BYTES])
{
    return (struct token_range){ wire_get64(in), wire_get64(in + 8) };
}

static bool is_range(struct token_range r)
{
    return r.lo < r.hi && r.hi <= TOKEN_END;
}

void token_msg_store(struct rope *out, const struct token_msg *m)
{
    uint8_t b[TOKEN_MSG_BYTES];
    wire_put64(b, m->file);
    wire_put64(b + 8, m->stamp);
    wire_put32(b + 16, m->mode);
    range_put(b + 20, m->range);
    wire_put64(b + 36, m->size);
    range_put(b + 44, m->want);
    rope_add_bytes(out, b, sizeof b);
    for (uint32_t i = 0; i < m->more.count; i++) {
        range_put(b, m->more.at[i]);
        rope_add_bytes(out, b, RANGE_BYTES);
    }
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
    m->range = range_get(b + 20);
    m->size = wire_get64(b + 36);
    m->want = range_get(b + 44);
    while (in->length >= RANGE_BYTES && m->more.count < TOKEN_LIST - 1) {
        rope_take_front(in, RANGE_BYTES, b);
        m->more.at[m->more.count] = range_get(b);
        if (!is_range(m->more.at[m->more.count++]))
            return false;
    }
    return m->mode <= TOKEN_WRITE;
}

void token_entry_store(struct rope *out, const struct token_entry *x)
{
    uint8_t b[TOKEN_ENTRY_BYTES];
    wire_put64(b, x->file);
    range_put(b + 8, x->range);
    wire_put64(b + 24, x->size);
    rope_add_bytes(out, b, sizeof b);
}

bool token_entry_load(struct rope *in, struct token_entry *x)
{
    uint8_t b[TOKEN_ENTRY_BYTES];
    if (in->length < sizeof b)
        return false;
    rope_take_front(in, sizeof b, b);
    *x = (struct token_entry){ wire_get64(b), range_get(b + 8), wire_get64(b + 24) };
    return is_range(x->range);
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

static struct tenure *find(const struct shared_file *f, uint32_t host)
{
    LIST_EACH (l, &f->have) {
        struct tenure *x = LIST_ENTRY(l, struct tenure, link);
        if (x->host == host)
            return x;
    }
    return NULL;
}

static struct tenure *tenure_of(struct tokens *s, struct shared_file *f, uint32_t host)
{
    struct tenure *x = find(f, host);
    if (x != NULL)
        return x;
    x = port_alloc(s->port, sizeof *x);
    *x = (struct tenure){ .host = host };
    list_push(&f->have, &x->link);
    return x;
}

static void tenure_end(struct tokens *s, struct tenure *x)
{
    list_remove(&x->link);
    token_set_clear(s->port, &x->has);
    token_set_clear(s->port, &x->asked);
    port_free(s->port, x);
}

static struct wish *wish_of(const struct shared_file *f, uint32_t host)
{
    LIST_EACH (l, &f->wait) {
        struct wish *w = LIST_ENTRY(l, struct wish, link);
        if (w->host == host)
            return w;
    }
    return NULL;
}

static void wish_end(struct tokens *s, struct wish *w)
{
    list_remove(&w->link);
    port_free(s->port, w);
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
    struct tenure *x = f != NULL ? find(f, c->host) : NULL;
    return x == NULL || x->last.stamp != c->m.stamp;
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
        find(f, c->host)->calling = false;
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

/* What it waits for: behind what is known of the file, up to infinity. */
static struct token_ranges needs_of(const struct shared_file *f, const struct wish *w)
{
    struct token_ranges out = w->ranges;
    for (uint32_t i = 0; i < out.count; i++)
        if (out.at[i].hi > f->least) {
            out.at[i].hi = TOKEN_END;
            out.count = i + 1;
        }
    return out;
}

/* A node has what is needed, and is asked to leave it. */
static void ask_back(struct tokens *s, struct shared_file *f, struct tenure *x,
                     struct token_range need, bool writes)
{
    enum token_mode gives = writes ? TOKEN_WRITE : TOKEN_READ;
    if (token_set_has(&x->asked, need, gives))
        return;
    token_set_raise(s->port, &x->asked, need, gives, 0);
    s->counts.recalls++;
    call(s, x->host, TOKEN_RECALL,
         (struct token_msg){ .file = f->file,
                             .stamp = x->last.stamp,
                             .mode = writes ? TOKEN_NONE : TOKEN_READ,
                             .range = need });
}

/* Whoever stands in its way is asked to leave; false: somebody does. */
static bool way_is_free(struct tokens *s, struct shared_file *f, const struct wish *w)
{
    const struct token_ranges needs = needs_of(f, w);
    bool is_free = true;
    LIST_EACH (l, &f->have) {
        struct tenure *x = LIST_ENTRY(l, struct tenure, link);
        for (uint32_t i = 0; i < needs.count && x->host != w->host; i++) {
            if (!token_set_bars(&x->has, needs.at[i], w->mode))
                continue;
            is_free = false;
            ask_back(s, f, x, needs.at[i], w->mode == TOKEN_WRITE);
        }
    }
    return is_free;
}

/* `want` ends where r begins or ends, if that is beside `need`. */
static void clip(struct token_range *want, struct token_range need, struct token_range r)
{
    if (r.hi <= need.lo && r.hi > want->lo)
        want->lo = r.hi;
    if (r.lo >= need.hi && r.lo < want->hi)
        want->hi = r.lo;
}

/* A list is of who leaves the gaps to others, once there are any. */
static bool leaves_gaps(const struct shared_file *f, const struct wish *w)
{
    bool others = f->wait.next != f->wait.prev;
    LIST_EACH (l, &f->have)
        others |= LIST_ENTRY(l, struct tenure, link)->host != w->host;
    return w->ranges.count > 1 && others;
}

/* Of what it needs one range, and of what it would like all around it that nobody has or waits
 * for. */
static struct token_range widest(const struct shared_file *f, const struct wish *w,
                                 struct token_range need)
{
    struct token_range want = leaves_gaps(f, w) ? need : w->want;
    bool writes = w->mode == TOKEN_WRITE;
    want.lo = want.lo < need.lo ? want.lo : need.lo;
    want.hi = want.hi > need.hi ? want.hi : need.hi;
    LIST_EACH (l, &f->have) {
        const struct tenure *x = LIST_ENTRY(l, struct tenure, link);
        ASSERT_MSG(x->host == w->host || !token_set_bars(&x->has, need, w->mode), "TOK7");
        for (uint32_t i = 0; x->host != w->host && i < x->has.count; i++)
            if (writes || x->has.at[i].mode == TOKEN_WRITE)
                clip(&want, need, x->has.at[i].r);
    }
    LIST_EACH (l, &f->wait) {
        const struct wish *o = LIST_ENTRY(l, struct wish, link);
        const struct token_ranges others = needs_of(f, o);
        for (uint32_t i = 0; i < others.count && o != w; i++)
            if (writes || o->mode == TOKEN_WRITE)
                clip(&want, need, others.at[i]);
    }
    return want;
}

static struct tenure *grant(struct tokens *s, struct shared_file *f, struct wish *w)
{
    const struct token_ranges needs = needs_of(f, w);
    struct token_ranges all = { .count = 0 };
    for (uint32_t i = 0; i < needs.count; i++)
        (void)token_ranges_add(&all, widest(f, w, needs.at[i])); /* not more than are needed */
    struct tenure *x = tenure_of(s, f, w->host);
    x->last = (struct token_msg){
        .file = f->file, .stamp = ++s->stamp, .mode = w->mode, .range = all.at[0], .size = f->least
    };
    for (uint32_t i = 0; i < all.count; i++) {
        token_set_raise(s->port, &x->has, all.at[i], w->mode, s->stamp);
        token_set_lower(s->port, &x->asked, all.at[i], TOKEN_NONE, 0);
        if (i > 0)
            x->last.more.at[x->last.more.count++] = all.at[i];
    }
    s->counts.grants++;
    wish_end(s, w);
    return x;
}

static void run(struct tokens *s, struct shared_file *f)
{
    struct token_set before = { .count = 0 }; /* what those who came first wait for */
    if (!list_empty(&s->clients))
        return;
    LIST_EACH_SAFE (l, next, &f->wait) {
        struct wish *w = LIST_ENTRY(l, struct wish, link);
        const struct token_ranges needs = needs_of(f, w);
        bool behind = false;
        for (uint32_t i = 0; i < needs.count; i++)
            behind |= token_set_bars(&before, needs.at[i], w->mode);
        if (behind || !way_is_free(s, f, w)) {
            for (uint32_t i = 0; i < needs.count; i++)
                token_set_raise(s->port, &before, needs.at[i], w->mode, 0);
            if (token_set_has(&before, TOKEN_ALL, TOKEN_WRITE))
                break;
            continue;
        }
        struct tenure *x = grant(s, f, w);
        x->calling = true;
        call(s, x->host, TOKEN_GRANT, x->last);
    }
    token_set_clear(s->port, &before);
    drop_unused(s, f);
}

static bool is_next(struct tokens *s, struct shared_file *f, const struct wish *w)
{
    const struct token_ranges needs = needs_of(f, w);
    bool is = list_empty(&s->clients);
    for (struct list *l = f->wait.next; l != &w->link && is; l = l->next) {
        const struct wish *o = LIST_ENTRY(l, struct wish, link);
        bool both_read = o->mode == TOKEN_READ && w->mode == TOKEN_READ;
        const struct token_ranges before = needs_of(f, o);
        for (uint32_t i = 0; i < needs.count && !both_read; i++)
            is &= !token_ranges_meet(&before, needs.at[i]);
    }
    return is && way_is_free(s, f, w);
}

/* What a node says of the size; who has the file alone may have cut it. */
static void hear_size(struct shared_file *f, const struct tenure *x, const struct token_msg *m)
{
    bool alone = f->have.next == &x->link && f->have.prev == &x->link;
    if (m->stamp != x->last.stamp) /* it is of before the last grant */
        f->least = alone && m->size < f->least ? m->size : f->least;
    else
        f->least = alone || m->size > f->least ? m->size : f->least;
}

/* What it is granted at once; NULL: it waits. */
static struct tenure *ask(struct tokens *s, uint32_t host, const struct token_msg *m)
{
    struct shared_file *f = file_of(s, m->file);
    struct tenure *x = find(f, host);
    struct wish *w = wish_of(f, host);
    if (x != NULL && x->last.stamp > m->stamp) /* the answer was lost, or is on its way as a call */
        return x->calling ? NULL : x;
    if (x != NULL)
        hear_size(f, x, m);
    if (w == NULL) {
        w = port_alloc(s->port, sizeof *w);
        *w = (struct wish){ .host = host };
        list_push(&f->wait, &w->link);
    }
    w->mode = m->mode;
    w->ranges = token_one(m->range);
    for (uint32_t i = 0; i < m->more.count; i++)
        (void)token_ranges_add(&w->ranges, m->more.at[i]); /* TOKEN_LIST are all of a message */
    w->want = m->want;
    if (is_next(s, f, w))
        return grant(s, f, w);
    s->counts.waits++;
    return NULL;
}

static void release(struct tokens *s, struct shared_file *f, uint32_t host,
                    const struct token_msg *m)
{
    struct tenure *x = find(f, host);
    if (x == NULL)
        return;
    hear_size(f, x, m);
    token_set_lower(s->port, &x->has, m->range, m->mode, m->stamp);
    if (x->has.count == 0)
        tenure_end(s, x);
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct tokens *s = arg;
    struct token_msg m;
    struct rope reply;
    struct shared_file *f = NULL;
    uint32_t host = select_request_host(request);
    rope_init(&reply);
    if (!token_msg_load(args, &m) || !is_range(m.range))
        procedure = TOKEN_RECOVER; /* nothing of it is asked of a server */
    if (procedure == TOKEN_ASK && m.mode != TOKEN_NONE) {
        const struct tenure *x = ask(s, host, &m);
        f = xk_map_resolve(&s->map, &m.file);
        m = x != NULL ? x->last : (struct token_msg){ .file = m.file };
        token_msg_store(&reply, &m);
    } else if (procedure == TOKEN_RELEASE && (f = xk_map_resolve(&s->map, &m.file)) != NULL) {
        release(s, f, host, &m);
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
    for (struct token_entry x; token_entry_load(reply, &x);) {
        struct shared_file *f = file_of(s, x.file);
        f->least = x.size > f->least ? x.size : f->least;
        token_set_raise(s->port, &tenure_of(s, f, c->host)->has, x.range, TOKEN_WRITE, 0);
        s->counts.kept++;
    }
    if (next != 0)
        call(s, c->host, TOKEN_RECOVER, (struct token_msg){ .file = next });
    else
        heard(s, c->host);
}

/* What a node that died may have lost. */
struct loss {
    char text[200];
    uint64_t files, ranges;
};

static void count_loss(struct tokens *s, struct loss *out, const struct shared_file *f,
                       const struct tenure *x)
{
    uint64_t before = out->ranges;
    for (uint32_t i = 0; i < x->has.count; i++) {
        struct token_range r = x->has.at[i].r;
        uint64_t end = r.hi < f->least ? r.hi : f->least;
        size_t n = strlen(out->text);
        if (x->has.at[i].mode != TOKEN_WRITE)
            continue;
        out->ranges++;
        s->counts.lost_most += end > r.lo ? end - r.lo : 0;
        if (n > sizeof out->text - 80) {
            (void)snprintf(out->text + n, sizeof out->text - n, "%s",
                           out->text[n - 1] == '.' ? "" : " ...");
            continue;
        }
        n += (size_t)snprintf(out->text + n, sizeof out->text - n, "%sfile %llu bytes %llu",
                              n > 0 ? ", " : "", (unsigned long long)f->file,
                              (unsigned long long)r.lo);
        if (r.hi < TOKEN_END)
            (void)snprintf(out->text + n, sizeof out->text - n, " to %llu",
                           (unsigned long long)(r.hi - 1));
        else
            (void)snprintf(out->text + n, sizeof out->text - n, " to its end");
    }
    out->files += out->ranges > before;
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct tokens *s = arg;
    struct loss loss = { .files = 0 };
    (void)life;
    if (alive) { /* a life that this one has not asked */
        LIST_EACH (l, &s->clients)
            if (LIST_ENTRY(l, struct client, link)->host == host)
                call(s, host, TOKEN_RECOVER, (struct token_msg){ .file = 0 });
        return;
    }
    LIST_EACH_SAFE (l, next, &s->files) {
        struct shared_file *f = LIST_ENTRY(l, struct shared_file, link);
        struct tenure *x = find(f, host);
        struct wish *w = wish_of(f, host);
        if (x != NULL) {
            s->counts.freed++;
            count_loss(s, &loss, f, x);
            if (token_set_has(&x->has, TOKEN_ALL, TOKEN_WRITE)) /* it may have cut it */
                f->least = 0;
            tenure_end(s, x);
        }
        if (w != NULL)
            wish_end(s, w);
        if (x != NULL || w != NULL)
            run(s, f);
    }
    if (loss.files > 0)
        port_remark(
            s->port,
            "node %u died with tokens to write %llu file%s: what it had written there and not "
            "propagated is lost: of %s",
            host, (unsigned long long)loss.files, loss.files > 1 ? "s" : "", loss.text);
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
