/* region.c: the client of a region that outlives it.
 *
 * Each server has a record of the region, made when the region is (MEMSRV_OPEN): without one it
 * takes no page.  So one that has died and come back is known by having none.
 *
 *   state of the region   guarantee                              event -> next (function)
 *   closed                nothing is known                       open -> open; make -> open
 *   open                  `kept` says where each page is         a death -> changed (peer_changed)
 *   changed               the same; pages of a dead server have  mend -> open
 *                         a copy less, or none
 * *Torn* is a region of which pages may have been lost since it was made: a server with a record
 * says so, or has none while another has one (MS5).
 */
#include "os/memsrv/memsrv_internal.h"
#include "os/xk/peers.h"

/* ---- calls ---- */

/* False: no answer. */
static bool call(struct memsrv_client *c, uint32_t server, enum memsrv_procedure what,
                 uint32_t number, uint64_t page, uint8_t head[MEMSRV_REPLY], struct rope *reply)
{
    uint32_t node = c->servers[server];
    bool met = xk_life(c->rpc->kernel, node) > 0;
    uint8_t h[MEMSRV_ARGS];
    struct rope args;
    wire_put32(h, c->region);
    wire_put32(h + 4, number);
    wire_put64(h + 8, page | MEMSRV_KEPT);
    rope_init(&args);
    rope_add_bytes(&args, h, sizeof h);
    enum xk_status s = select_call_wait(c->rpc, node, MEMSRV_SERVICE, what, &args, reply);
    rope_fini(&args);
    if (s == XK_RESTARTED && !met) { /* it was in a later life all the time */
        rope_fini(reply);
        return call(c, server, what, number, page, head, reply);
    }
    if (s != XK_OK || reply->length < MEMSRV_REPLY)
        return false;
    rope_take_front(reply, MEMSRV_REPLY, head);
    return true;
}

static bool tell(struct memsrv_client *c, uint32_t server, enum memsrv_procedure what,
                 uint32_t number)
{
    uint8_t head[MEMSRV_REPLY];
    struct rope reply;
    bool answered = call(c, server, what, number, 0, head, &reply);
    rope_fini(&reply);
    return answered;
}

/* ---- what is known ---- */

static bool forget(void *arg, const void *page, void *kept)
{
    struct memsrv_client *c = arg;
    xk_map_unbind(&c->kept, page);
    port_free(c->port, kept);
    return true;
}

static void forget_all(struct memsrv_client *c)
{
    xk_map_each(&c->kept, forget, c);
    c->torn = c->changed = false;
}

static uint32_t copies(const struct memsrv_kept *k)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < MEMSRV_COPIES; i++)
        n += k->place[i] != MEMSRV_NOWHERE;
    return n == 2 && (k->older || k->place[0] == k->place[1]) ? 1 : n;
}

struct death {
    uint32_t server;
    bool last; /* it had the last copy of a page */
};

static bool lose_copy(void *arg, const void *page, void *value)
{
    struct death *d = arg;
    struct memsrv_kept *k = value;
    bool had = copies(k) > 0;
    (void)page;
    for (uint32_t i = 0; i < MEMSRV_COPIES; i++)
        if (k->place[i] == d->server)
            k->place[i] = MEMSRV_NOWHERE;
    d->last |= had && copies(k) == 0;
    return true;
}

static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct memsrv_client *c = arg;
    struct death d = { 0, false };
    (void)life;
    while (d.server < c->count && c->servers[d.server] != node)
        d.server++;
    if (d.server == c->count)
        return;
    c->changed = true;
    if (!alive)
        xk_map_each(&c->kept, lose_copy, &d);
    c->torn |= d.last;
    c->losses += d.last;
}

/* A server has a page.  Of two copies that are not of the same put the newer one counts, which
 * nobody has been told is kept: while it is the only one of that put the older is a copy, too. */
static void found(struct memsrv_client *c, uint32_t server, uint64_t page, uint32_t number)
{
    struct memsrv_kept *k = memsrv_kept_get(c, page);
    bool any = k->place[0] != MEMSRV_NOWHERE;
    if (any && number > k->number) {
        k->place[1] = k->place[0];
        k->place[0] = server;
        k->older = true;
    } else if (any && (number == k->number || k->place[1] == MEMSRV_NOWHERE)) {
        k->place[1] = server;
        k->older = number < k->number;
    } else if (!any) {
        k->place[0] = server;
    }
    k->number = number > k->number ? number : k->number;
    if (number > c->numbers)
        c->numbers = number;
}

/* ---- opening ---- */

struct census {
    uint32_t answered, knew;
};

/* What one server has. */
static void ask(struct memsrv_client *c, uint32_t server, struct census *n)
{
    uint64_t after = MEMSRV_FIRST;
    for (bool more = true, first = true; more; first = false) {
        uint8_t head[MEMSRV_REPLY], wire[MEMSRV_LISTED];
        struct rope reply;
        bool answered = call(c, server, MEMSRV_LIST, 0, after, head, &reply);
        bool knows = answered && head[0] == MEMSRV_OK;
        n->answered += answered && first;
        n->knew += knows && first;
        c->torn |= knows && head[2] == MEMSRV_TORN;
        c->changed |= !answered; /* it may have more */
        more = knows && reply.length >= sizeof wire;
        while (knows && reply.length >= sizeof wire) {
            rope_take_front(&reply, sizeof wire, wire);
            after = wire_get64(wire);
            found(c, server, after, wire_get32(wire + 8));
        }
        rope_fini(&reply);
    }
}

enum vm_status memsrv_region_open(struct memsrv_client *c, uint32_t region)
{
    struct census n = { 0, 0 };
    forget_all(c);
    c->region = region;
    for (uint32_t i = 0; i < c->count; i++)
        ask(c, i, &n);
    if (n.answered == 0)
        return VM_UNREACHABLE;
    if (n.knew == 0)
        return VM_OUTSIDE;
    c->torn |= n.knew < c->count;
    c->changed = true; /* copies that a client has not made any more */
    return VM_OK;
}

enum vm_status memsrv_region_make(struct memsrv_client *c, uint32_t region, bool torn)
{
    uint32_t made = 0;
    forget_all(c);
    c->region = region;
    c->torn = torn;
    for (uint32_t i = 0; i < c->count; i++)
        made += tell(c, i, MEMSRV_FREE, 0) && tell(c, i, MEMSRV_OPEN, torn ? MEMSRV_TORN : 0);
    return made > 0 ? VM_OK : VM_UNREACHABLE;
}

/* ---- mending ---- */

#define MOVED 16 /* ASSUMED(pages on their way at once: as many as a piece of a checkpoint has) */

struct weak {
    uint64_t *pages; /* NULL: they are counted */
    uint64_t count;
};

static bool is_weak(void *arg, const void *page, void *kept)
{
    struct weak *w = arg;
    if (copies(kept) != 1)
        return true;
    if (w->pages)
        w->pages[w->count] = *(const uint64_t *)page;
    w->count++;
    return true;
}

struct wait {
    struct port *port;
    struct port_thread *thread;
    uint32_t left;
};

static void ended(struct vm_store_io *io)
{
    struct wait *w = io->arg;
    if (--w->left == 0)
        port_thread_wake(w->port, w->thread);
}

enum vm_status memsrv_region_move(struct memsrv_client *c, bool puts, struct vm_store_io *io,
                                  uint32_t count)
{
    const struct vm_store_ops *ops = c->store.ops;
    struct wait w = { c->port, port_thread_self(c->port), count };
    enum vm_status s = VM_OK;
    for (uint32_t i = 0; i < count; i++) {
        io[i].done = ended;
        io[i].arg = &w;
        (puts ? ops->put : ops->get)(&c->store, &io[i]);
    }
    while (w.left > 0)
        port_thread_block(c->port, "pages at memory servers", c->region);
    for (uint32_t i = 0; i < count; i++)
        s = io[i].status != VM_OK ? io[i].status : s;
    return s;
}

/* These pages are put again: each where it is, and at another server. */
static void copy_some(struct memsrv_client *c, const uint64_t *pages, uint32_t count)
{
    struct vm_store_io io[MOVED];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        io[i] = (struct vm_store_io){ .page = pages[i] };
        rope_init(&io[i].data);
    }
    (void)memsrv_region_move(c, false, io, count);
    for (uint32_t i = 0; i < count; i++) {
        if (io[i].status != VM_OK || io[i].data.length == 0) { /* it stays as it is */
            rope_fini(&io[i].data);
            continue;
        }
        if (n < i) {
            io[n] = io[i];
            rope_move(&io[n].data, &io[i].data);
        }
        n++;
    }
    (void)memsrv_region_move(c, true, io, n);
    for (uint32_t i = 0; i < n; i++)
        rope_fini(&io[i].data);
}

void memsrv_region_mend(struct memsrv_client *c)
{
    struct weak w = { .count = 0 };
    if (!c->changed)
        return;
    c->changed = false;
    for (uint32_t i = 0; i < c->count; i++)
        if (xk_alive(c->rpc->kernel, c->servers[i]))
            (void)tell(c, i, MEMSRV_OPEN, c->torn ? MEMSRV_TORN : 0);
    if (!c->params.mirror || c->count == 1)
        return;
    xk_map_each(&c->kept, is_weak, &w);
    w.pages = port_alloc(c->port, (w.count + 1) * sizeof *w.pages);
    w.count = 0;
    xk_map_each(&c->kept, is_weak, &w);
    for (uint64_t i = 0; i < w.count; i += MOVED)
        copy_some(c, w.pages + i, (uint32_t)(w.count - i < MOVED ? w.count - i : MOVED));
    port_free(c->port, w.pages);
}

bool memsrv_region_has(struct memsrv_client *c, uint64_t page, bool *lost)
{
    const struct memsrv_kept *k = xk_map_resolve(&c->kept, &page);
    bool has = k && copies(k) > 0;
    *lost = !has && c->torn;
    return has;
}

bool memsrv_region_torn(const struct memsrv_client *c)
{
    return c->torn;
}

uint64_t memsrv_region_losses(const struct memsrv_client *c)
{
    return c->losses;
}

struct memsrv_client *memsrv_region_create(struct xk_protl *rpc, const uint32_t *servers,
                                           uint32_t count,
                                           const struct memsrv_client_params *params,
                                           const char *owner)
{
    struct memsrv_client *c = memsrv_client_create(rpc, 0, servers, count, params, owner);
    c->outlives = true;
    xk_on_peer(rpc->kernel, peer_changed, c);
    return c;
}
