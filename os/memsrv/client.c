/* client.c: the store whose pages live at memory servers.
 *
 * A page that was put has a record of where: the server that keeps it, and the second one when it
 * is mirrored.  A put is known by a number, so that a drop that is overtaken by the next put of the
 * page does no harm.
 *
 *   state of a page   guarantee                          event -> next (function)
 *   absent            zero, no record                    put -> kept (put, put_ended)
 *   kept              at place[0] and, mirrored,         put -> kept; drop -> absent (drop)
 *                     place[1]; some may be NOWHERE
 * A server that refuses (full) or is dead hands its part of a put to the next in the list that does
 * not have the page.  With a backup store every put goes there too, and a get that finds no server
 * with the page falls back on it.
 */
#include "os/memsrv/memsrv_internal.h"

#define NOWHERE MEMSRV_NOWHERE
#define COPIES MEMSRV_COPIES
#define RETRY (100 * SIM_US) /* ASSUMED(a full queue of calls empties within a few call times) */

/* A put: one call, or two when mirrored, and one of the backup. */
struct page_out {
    struct memsrv_client *client;
    struct vm_store_io *io;
    struct vm_store_io backup;
    struct memsrv_kept *kept;
    uint32_t left, held;
    enum vm_status why; /* of the last that did not take it */
};

struct backup_get {
    struct vm_store_io io;
    struct vm_store_io *asked;
};

struct call {
    struct list link;
    struct memsrv_client *client;
    enum memsrv_procedure procedure;
    uint64_t page;
    uint32_t number;
    uint32_t server, copy; /* index of the server; which of the copies */
    uint32_t tries;        /* servers that refused this put */
    struct page_out *out;
    struct vm_store_io *io; /* of a get */
    struct rope data;       /* of a put, kept for a repetition elsewhere */
};

static const char *const placements[] = { "hash", "load", NULL };

const struct param memsrv_client_params_desc[] = {
    P_CHOICE(memsrv_client_params, placement, "hash", placements,
             "Where a page goes: by hashing its number, or to the least loaded server.",
             "[Iftode, Li & Petersen 1993]: static mapping or choice at page-out"),
    P_BOOL(memsrv_client_params, mirror, "false", "Keep every page at two servers.",
           "ASSUMED(a policy to compare)"),
    P_END,
};

static void start(struct call *c);

static struct memsrv_client *client_of(struct vm_store *b)
{
    return CONTAINER_OF(b, struct memsrv_client, store);
}

static uint32_t place(const struct memsrv_client *c, uint64_t page)
{
    if (c->outlives) /* not the same for all regions, which have much in the same pages */
        page += (uint64_t)c->region << 32;
    if (c->params.placement == MEMSRV_HASH)
        return (uint32_t)((page * 0x9e3779b97f4a7c15u >> 32) % c->count);
    uint32_t best = (uint32_t)(page % c->count);
    for (uint32_t i = 0; i < c->count; i++)
        if (c->load[i] < c->load[best])
            best = i;
    return best;
}

static void trace(const struct call *c,
                  void (*mark)(struct port *, const char *, const char *, uint64_t))
{
    static const char *const names[] = { [MEMSRV_PUT] = "put page", [MEMSRV_GET] = "get page" };
    const char *name = c->procedure <= MEMSRV_GET ? names[c->procedure] : NULL;
    mark(c->client->port, "memory servers", name ? name : "drop page", c->page);
}

static void free_call(struct call *c)
{
    trace(c, port_trace_end);
    rope_fini(&c->data);
    port_free(c->client->port, c);
}

static struct call *call_new(struct memsrv_client *c, enum memsrv_procedure procedure,
                             uint64_t page)
{
    struct call *call = port_alloc(c->port, sizeof *call);
    *call = (struct call){ .client = c, .procedure = procedure, .page = page };
    list_init(&call->link);
    rope_init(&call->data);
    trace(call, port_trace_begin);
    return call;
}

/* ---- how calls end ---- */

static enum vm_status status_of(enum xk_status status, enum memsrv_status said)
{
    if (status != XK_OK && status != XK_RESTARTED)
        return VM_UNREACHABLE;
    switch (said) {
    case MEMSRV_OK:
        return VM_OK;
    case MEMSRV_FULL:
        return VM_NO_FRAMES;
    case MEMSRV_IO:
        return VM_IO;
    default:
        return VM_LOST;
    }
}

uint32_t memsrv_next_server(const struct memsrv_client *c, const struct memsrv_kept *k,
                            uint32_t from)
{
    uint32_t next = (from + 1) % c->count;
    while (next != from && (next == k->place[0] || next == k->place[1]))
        next = (next + 1) % c->count;
    return next;
}

/* One of the copies of a put is kept, or is not; the last tells. */
static void copy_ended(struct page_out *out, enum vm_status status)
{
    struct memsrv_client *c = out->client;
    struct vm_store_io *io = out->io;
    if (status == VM_OK)
        out->held++;
    else
        out->why = status;
    if (--out->left > 0)
        return;
    io->status = out->held > 0 ? VM_OK : out->why;
    c->store.counts.puts += out->held > 0;
    port_free(c->port, out);
    io->done(io);
}

static void put_ended(struct call *call, enum vm_status status)
{
    struct memsrv_client *c = call->client;
    struct page_out *out = call->out;
    if (status != VM_OK && ++call->tries < c->count) {
        call->server = memsrv_next_server(c, out->kept, call->server);
        out->kept->place[call->copy] = call->server;
        start(call);
        return;
    }
    out->kept->place[call->copy] = status == VM_OK ? call->server : NOWHERE;
    free_call(call);
    copy_ended(out, status);
}

static void backed_up(struct vm_store_io *io)
{
    struct page_out *out = io->arg;
    out->kept->backed_up = io->status == VM_OK;
    rope_fini(&io->data);
    copy_ended(out, io->status);
}

/* No server gave the page. */
static void from_backup(struct vm_store_io *io)
{
    struct memsrv_client *c = io->arg;
    struct vm_store_io *asked = CONTAINER_OF(io, struct backup_get, io)->asked;
    asked->status = io->status;
    c->store.counts.gets += io->status == VM_OK;
    c->store.counts.from_backup += io->status == VM_OK;
    c->store.counts.lost += io->status != VM_OK;
    rope_move(&asked->data, &io->data);
    port_free(c->port, CONTAINER_OF(io, struct backup_get, io));
    asked->done(asked);
}

static void ask_backup(struct memsrv_client *c, struct vm_store_io *asked)
{
    struct backup_get *g = port_alloc(c->port, sizeof *g);
    g->asked = asked;
    g->io = (struct vm_store_io){ .page = asked->page, .done = from_backup, .arg = c };
    rope_init(&g->io.data);
    c->backup->ops->get(c->backup, &g->io);
}

static void ask(struct memsrv_client *c, struct vm_store_io *io, const struct memsrv_kept *k,
                uint32_t copy)
{
    struct call *call = call_new(c, MEMSRV_GET, io->page);
    call->number = k->number;
    call->server = k->place[copy];
    call->copy = copy;
    call->io = io;
    start(call);
}

static void get_ended(struct call *call, enum vm_status status, struct rope *bytes)
{
    struct memsrv_client *c = call->client;
    struct vm_store_io *io = call->io;
    const struct memsrv_kept *k = xk_map_resolve(&c->kept, &io->page);
    uint32_t copy = call->copy;
    free_call(call);
    if (status != VM_OK && copy == 0 && k && k->place[1] != NOWHERE) {
        ask(c, io, k, 1);
        return;
    }
    if (status != VM_OK && k && k->backed_up) {
        ask_backup(c, io);
        return;
    }
    io->status = status;
    if (status == VM_OK) {
        c->store.counts.gets++;
        c->store.counts.from_mirror += copy > 0;
        rope_move(&io->data, bytes);
    } else {
        c->store.counts.lost++;
    }
    io->done(io);
}

/* Of a client that is closed. */
static void forget_call(struct call *call)
{
    struct page_out *out = call->out;
    struct port *p = call->client->port;
    free_call(call);
    if (out && --out->left == 0)
        port_free(p, out);
}

static void done(void *arg, enum xk_status status, struct rope *reply)
{
    struct call *call = arg;
    struct memsrv_client *c = call->client;
    uint8_t h[MEMSRV_REPLY];
    enum memsrv_status said = MEMSRV_NONE;
    if (status == XK_OK && reply->length >= sizeof h) {
        rope_read(reply, 0, sizeof h, h);
        rope_drop_front(reply, sizeof h);
        said = (enum memsrv_status)h[0];
        c->store.counts.disk += h[1];
        c->load[call->server] = wire_get32(h + 4);
    }
    if (c->closed)
        forget_call(call);
    else if (call->procedure == MEMSRV_PUT)
        put_ended(call, status_of(status, said));
    else if (call->procedure == MEMSRV_GET)
        get_ended(call, status_of(status, said), reply);
    else
        free_call(call);
}

/* ---- sending them ---- */

static bool submit(struct call *call)
{
    struct memsrv_client *c = call->client;
    uint8_t h[MEMSRV_ARGS];
    struct rope args;
    wire_put32(h, c->region);
    wire_put32(h + 4, call->number);
    wire_put64(h + 8, call->page | (c->outlives ? MEMSRV_KEPT : 0));
    rope_init(&args);
    rope_add_bytes(&args, h, sizeof h);
    if (call->procedure == MEMSRV_PUT)
        rope_add_slice(&args, &call->data, 0, call->data.length);
    enum xk_status s = select_call(c->rpc, c->servers[call->server], MEMSRV_SERVICE,
                                   call->procedure, &args, done, call);
    rope_fini(&args);
    ASSERT_MSG(s == XK_OK || s == XK_BUSY, "memsrv_carries and the servers were asked before");
    return s == XK_OK;
}

static void start(struct call *call)
{
    struct memsrv_client *c = call->client;
    if (list_empty(&c->queue) && submit(call))
        return;
    list_push(&c->queue, &call->link);
    if (!port_timer_pending(&c->retry))
        port_timer_set(&c->retry, RETRY);
}

static void retry(struct port_timer *t)
{
    struct memsrv_client *c = t->arg;
    while (!list_empty(&c->queue)) {
        struct call *call = LIST_ENTRY(c->queue.next, struct call, link);
        list_remove(&call->link);
        if (!submit(call)) {
            list_push_front(&c->queue, &call->link);
            port_timer_set(&c->retry, RETRY);
            return;
        }
    }
}

/* ---- the store ---- */

struct memsrv_kept *memsrv_kept_get(struct memsrv_client *c, uint64_t page)
{
    struct memsrv_kept *k = xk_map_resolve(&c->kept, &page);
    if (k)
        return k;
    k = port_alloc(c->port, sizeof *k);
    k->place[0] = k->place[1] = NOWHERE;
    xk_map_bind(&c->kept, &page, k);
    return k;
}

static void put(struct vm_store *b, struct vm_store_io *io)
{
    struct memsrv_client *c = client_of(b);
    struct memsrv_kept *k = memsrv_kept_get(c, io->page);
    uint32_t copies = c->params.mirror && c->count > 1 ? 2 : 1;
    k->number = ++c->numbers;
    k->older = false;
    for (uint32_t i = 0; i < copies; i++)
        if (k->place[i] == NOWHERE) {
            uint32_t first = place(c, io->page);
            k->place[i] = first == k->place[1 - i] ? memsrv_next_server(c, k, first) : first;
        }
    struct page_out *out = port_alloc(c->port, sizeof *out);
    *out =
        (struct page_out){ .client = c, .io = io, .kept = k, .left = copies + (c->backup != NULL) };
    k->backed_up = false;
    if (c->backup) {
        out->backup = (struct vm_store_io){ .page = io->page, .done = backed_up, .arg = out };
        rope_copy(&out->backup.data, &io->data);
    }
    for (uint32_t i = 0; i < copies; i++) {
        struct call *call = call_new(c, MEMSRV_PUT, io->page);
        call->number = k->number;
        call->server = k->place[i];
        call->copy = i;
        call->out = out;
        rope_add_slice(&call->data, &io->data, 0, io->data.length);
        start(call);
    }
    rope_fini(&io->data);
    if (c->backup)
        c->backup->ops->put(c->backup, &out->backup);
}

static void get(struct vm_store *b, struct vm_store_io *io)
{
    struct memsrv_client *c = client_of(b);
    const struct memsrv_kept *k = xk_map_resolve(&c->kept, &io->page);
    if (k && (k->place[0] != NOWHERE || k->place[1] != NOWHERE)) {
        ask(c, io, k, k->place[0] == NOWHERE);
        return;
    }
    if (k && k->backed_up) {
        ask_backup(c, io);
        return;
    }
    io->status = VM_OK;
    io->done(io);
}

static void drop(struct vm_store *b, uint64_t page)
{
    struct memsrv_client *c = client_of(b);
    struct memsrv_kept *k = xk_map_unbind(&c->kept, &page);
    for (uint32_t i = 0; k && i < COPIES; i++) {
        if (k->place[i] == NOWHERE)
            continue;
        struct call *call = call_new(c, MEMSRV_DROP, page);
        call->number = k->number;
        call->server = k->place[i];
        start(call);
    }
    if (k && k->backed_up)
        c->backup->ops->drop(c->backup, page);
    port_free(c->port, k);
}

static bool drop_kept(void *arg, const void *page, void *kept)
{
    (void)kept;
    drop(arg, *(const uint64_t *)page);
    return true;
}

/* The servers are told to drop what they have; what is under way ends unheard. */
static void close(struct vm_store *b)
{
    struct memsrv_client *c = client_of(b);
    c->closed = true;
    while (!list_empty(&c->queue))
        forget_call(LIST_ENTRY(list_pop(&c->queue), struct call, link));
    xk_map_each(&c->kept, drop_kept, b);
    if (c->backup && c->backup->ops->close)
        c->backup->ops->close(c->backup);
}

static const struct vm_store_ops store_ops = {
    .name = "memory servers",
    .put = put,
    .get = get,
    .drop = drop,
    .close = close,
};

bool memsrv_carries(uint64_t call_bytes, uint64_t page_bytes)
{
    return page_bytes + MEMSRV_ARGS <= call_bytes;
}

struct memsrv_client *memsrv_client_create(struct xk_protl *rpc, uint32_t region,
                                           const uint32_t *servers, uint32_t count,
                                           const struct memsrv_client_params *params,
                                           const char *owner)
{
    struct port *p = xk_port(rpc);
    ASSERT(count > 0);
    struct memsrv_client *c = port_alloc(p, sizeof *c);
    c->store.ops = &store_ops;
    c->port = p;
    c->rpc = rpc;
    c->region = region;
    c->params = *params;
    c->count = count;
    c->servers = port_alloc(p, count * sizeof *c->servers);
    c->load = port_alloc(p, count * sizeof *c->load);
    for (uint32_t i = 0; i < count; i++)
        c->servers[i] = servers[i];
    xk_map_init(&c->kept, p, sizeof(uint64_t));
    list_init(&c->queue);
    port_timer_init(p, &c->retry, retry, c);
    port_counters(p, owner, vm_store_counters, &c->store);
    return c;
}

void memsrv_client_backup(struct memsrv_client *c, struct vm_store *backup)
{
    c->backup = backup;
}

struct vm_store *memsrv_store(struct memsrv_client *c)
{
    return &c->store;
}
