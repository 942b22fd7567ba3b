/* domains_held.c: the tokens under which others keep names, attributes and lists of this node's
 * files: PFX6, PFX7.
 */
#include "os/file/domains_internal.h"

struct held { /* a handle of which somebody has the token, or that changes */
    struct list link;
    uint64_t handle;
    uint8_t *has, *asked; /* bits by node: has the token; was asked to forget */
    uint32_t count;       /* that have it */
    uint32_t changing;    /* changes that wait or run */
    struct list children; /* files that names under it may be kept of */
};

struct child {
    struct list link;
    uint64_t file, dir;
};

struct forget { /* a call */
    struct list link;
    struct domains *d;
    struct served *all; /* NULL: of a handle */
    uint32_t host, life;
    uint64_t handle;
    void (*done)(struct served *s);
};

static bool bit(const uint8_t *bits, uint32_t i)
{
    return bits[i / 8] >> i % 8 & 1;
}

static struct held *held_of(struct domains *d, uint64_t handle)
{
    struct held *h = xk_map_resolve(&d->held, &handle);
    uint32_t bytes = port_nodes(d->sys.port) / 8 + 1;
    if (h != NULL)
        return h;
    h = port_alloc(d->sys.port, sizeof *h);
    h->handle = handle;
    h->has = port_alloc(d->sys.port, 2 * bytes);
    h->asked = h->has + bytes;
    list_init(&h->children);
    list_push(&d->held_list, &h->link);
    xk_map_bind(&d->held, &h->handle, h);
    return h;
}

static void drop_unused(struct domains *d, struct held *h)
{
    struct list *l;
    while (h->count == 0 && (l = list_pop(&h->children)) != NULL) {
        struct child *c = LIST_ENTRY(l, struct child, link);
        (void)xk_map_unbind(&d->parents, &c->file);
        port_free(d->sys.port, c);
    }
    if (h->count > 0 || h->changing > 0)
        return;
    list_remove(&h->link);
    (void)xk_map_unbind(&d->held, &h->handle);
    port_free(d->sys.port, h->has);
    port_free(d->sys.port, h);
}

/* ---- changes ---- */

static bool may_go(struct domains *d, const struct change *c)
{
    for (uint32_t i = 0; i < c->keys; i++) {
        const struct held *h = xk_map_resolve(&d->held, &c->key[i]);
        if (h != NULL && h->count > (c->from != OS_NO_RANK && bit(h->has, c->from) ? 1u : 0u))
            return false;
    }
    return true;
}

static void run_changes(struct domains *d)
{
    struct list now, *l;
    list_init(&now);
    LIST_EACH_SAFE (at, next, &d->changes)
        if (may_go(d, LIST_ENTRY(at, struct change, link))) {
            list_remove(at);
            list_push(&now, at);
        }
    while ((l = list_pop(&now)) != NULL) {
        struct change *c = LIST_ENTRY(l, struct change, link);
        c->go(c);
    }
}

static void forgotten(struct domains *d, struct held *h, uint32_t host)
{
    if (bit(h->has, host)) {
        h->has[host / 8] &= (uint8_t) ~(1u << host % 8);
        h->count--;
    }
    h->asked[host / 8] &= (uint8_t) ~(1u << host % 8);
    drop_unused(d, h);
}

static void send(struct forget *f);

static void later(struct forget *f)
{
    struct domains *d = f->d;
    list_push(&d->forgets, &f->link);
    if (!port_timer_pending(&d->calls))
        port_timer_set(&d->calls, d->retry_delay);
}

/* There is nobody any more who could forget.  A life that this node has not known may have kept
 * what one of its own before has granted: that is asked, too. */
static bool is_over(const struct forget *f)
{
    struct xk_kernel *k = f->d->rpc->kernel;
    return !xk_alive(k, f->host) || (f->all == NULL && f->life != xk_life_assumed(k, f->host));
}

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct forget *f = arg;
    struct domains *d = f->d;
    struct served *s = f->all;
    bool over = is_over(f);
    (void)reply;
    if (status != XK_OK && !over) {
        later(f);
        return;
    }
    if (s != NULL) {
        void (*done)(struct served * s) = f->done;
        port_free(d->sys.port, f);
        if (--s->left == 0)
            done(s);
        return;
    }
    struct held *h = over ? NULL : xk_map_resolve(&d->held, &f->handle);
    if (h != NULL)
        forgotten(d, h, f->host);
    port_free(d->sys.port, f);
    run_changes(d);
}

static void send(struct forget *f)
{
    struct domains *d = f->d;
    struct rope args;
    uint8_t b[12];
    rope_init(&args);
    wire_put64(b, f->handle);
    wire_put32(b + 8, f->all != NULL ? f->all->domain : 0);
    rope_add_bytes(&args, b, sizeof b);
    if (select_call(d->rpc, f->host, PREFIX_CLIENT, PREFIX_FORGET, &args, answered, f) != XK_OK)
        later(f);
    rope_fini(&args);
}

void held_again(struct domains *d)
{
    struct list now, *l;
    list_init(&now);
    list_splice(&now, &d->forgets);
    while ((l = list_pop(&now)) != NULL) {
        struct forget *f = LIST_ENTRY(l, struct forget, link);
        if (is_over(f))
            answered(f, XK_UNREACHABLE, NULL);
        else
            send(f);
    }
}

static void call(struct domains *d, uint32_t host, uint64_t handle, struct served *all,
                 void (*done)(struct served *s))
{
    struct forget *f = port_alloc(d->sys.port, sizeof *f);
    *f = (struct forget){ .d = d,
                          .all = all,
                          .host = host,
                          .life = xk_life_assumed(d->rpc->kernel, host),
                          .handle = handle,
                          .done = done };
    list_init(&f->link);
    send(f);
}

static void recall(struct domains *d, struct held *h, uint32_t but)
{
    for (uint32_t i = 0; i < port_nodes(d->sys.port) && h->count > 0; i++)
        if (i != but && bit(h->has, i) && !bit(h->asked, i)) {
            h->asked[i / 8] |= (uint8_t)(1u << i % 8);
            d->counts.recalls++;
            call(d, i, h->handle, NULL, NULL);
        }
}

static void deny(struct wish *w, uint64_t handle)
{
    if (w->denials < DENIED_MAX)
        w->denied[w->denials] = handle;
    w->denials++;
}

void held_change(struct domains *d, struct change *c)
{
    c->runs = true;
    for (uint32_t i = 0; i < c->keys; i++) {
        struct held *h = held_of(d, c->key[i]);
        h->changing++;
        LIST_EACH (l, &d->wishes)
            deny(LIST_ENTRY(l, struct wish, link), c->key[i]);
        recall(d, h, c->from);
    }
    if (may_go(d, c)) {
        c->go(c);
        return;
    }
    d->counts.waits++;
    list_push(&d->changes, &c->link);
}

void held_deny_all(struct domains *d)
{
    LIST_EACH (l, &d->wishes)
        LIST_ENTRY(l, struct wish, link)->denials = DENIED_MAX + 1;
}

void held_changed(struct domains *d, struct change *c)
{
    for (uint32_t i = 0; i < c->keys && c->runs; i++) {
        struct held *h = xk_map_resolve(&d->held, &c->key[i]);
        h->changing--;
        drop_unused(d, h);
    }
    c->runs = false;
}

/* ---- tokens ---- */

void held_wish(struct domains *d, struct wish *w)
{
    w->life = xk_life_assumed(d->rpc->kernel, w->host);
    list_push(&d->wishes, &w->link);
}

void held_wish_end(struct domains *d, struct wish *w)
{
    (void)d;
    list_remove(&w->link);
}

void held_look(struct domains *d, struct wish *w, uint64_t handle)
{
    const struct held *h = xk_map_resolve(&d->held, &handle);
    if (h != NULL && h->changing > 0)
        deny(w, handle);
}

/* Somebody may keep its name. */
static void add_child(struct domains *d, struct held *h, uint64_t file)
{
    if (file == 0 || xk_map_resolve(&d->parents, &file) != NULL)
        return;
    struct child *c = port_alloc(d->sys.port, sizeof *c);
    *c = (struct child){ .file = file, .dir = h->handle };
    list_push(&h->children, &c->link);
    xk_map_bind(&d->parents, &c->file, c);
}

bool held_grant(struct domains *d, const struct wish *w, uint64_t handle, uint64_t file)
{
    struct xk_kernel *k = d->rpc->kernel;
    bool gone = !xk_alive(k, w->host) || w->life != xk_life_assumed(k, w->host);
    if (gone || w->denials > DENIED_MAX)
        return false;
    for (uint32_t i = 0; i < w->denials; i++)
        if (w->denied[i] == handle || w->denied[i] == file)
            return false;
    const struct held *of = file != 0 ? xk_map_resolve(&d->held, &file) : NULL;
    if (of != NULL && of->changing > 0)
        return false;
    struct held *h = held_of(d, handle);
    if (!bit(h->has, w->host)) {
        h->has[w->host / 8] |= (uint8_t)(1u << w->host % 8);
        h->count++;
        d->counts.grants++;
    }
    add_child(d, h, file);
    return true;
}

void held_made(struct domains *d, const struct change *c, uint64_t file)
{
    struct held *h = c->runs ? xk_map_resolve(&d->held, &c->key[0]) : NULL;
    if (h != NULL && c->from != OS_NO_RANK && bit(h->has, c->from))
        add_child(d, h, file);
}

uint64_t held_parent(struct domains *d, uint64_t file)
{
    const struct child *c = xk_map_resolve(&d->parents, &file);
    return c != NULL ? c->dir : 0;
}

/* ---- deaths ---- */

void held_gone(struct domains *d, uint32_t host)
{
    LIST_EACH_SAFE (l, next, &d->held_list)
        forgotten(d, LIST_ENTRY(l, struct held, link), host);
    run_changes(d);
}

void held_tell_all(struct served *s, void (*done)(struct served *s))
{
    struct domains *d = s->d;
    const struct os_boot *b = d->boot;
    uint32_t at = 0, node;
    s->left = 1;
    while (prefix_keeper(b, &at, &node)) {
        s->left++;
        call(d, node, 0, s, done);
    }
    if (--s->left == 0)
        done(s);
}

void held_init(struct domains *d, const struct os_boot *b)
{
    uint32_t at = 0, node;
    d->boot = b;
    d->keeps = prefix_keeper(b, &at, &node);
    xk_map_init(&d->held, d->sys.port, sizeof(uint64_t));
    xk_map_init(&d->parents, d->sys.port, sizeof(uint64_t));
    list_init(&d->held_list);
    list_init(&d->changes);
    list_init(&d->wishes);
    list_init(&d->forgets);
}
