/* client.c: the pager whose pages live at memory servers.
 *
 * A page remembers the server of its first page-out; its mirror is the next server in the list.
 */
#include "os/memsrv/memsrv_internal.h"

#define NOWHERE UINT16_MAX
#define RETRY (100 * SIM_US) /* ASSUMED(a full queue of calls empties within a few call times) */

struct memsrv_client {
    struct port *port;
    struct xk_protl *rpc;
    struct vm *vm;
    struct memsrv_client_params params;
    uint32_t *servers, *load;
    uint32_t count;
    uint32_t region;
    uint64_t pages;
    uint16_t *where;   /* index of the page's server; NOWHERE: never paged out */
    struct list queue; /* struct call: refused for now */
    struct port_timer retry;
    struct memsrv_client_counts counts;
};

/* A page-out: one put, or two when mirrored. */
struct page_out {
    uint32_t left, kept;
};

struct call {
    struct list link;
    struct memsrv_client *client;
    struct vm_region *region;
    uint64_t page;
    uint32_t server;  /* index */
    bool put, mirror; /* mirror: of the second copy */
    uint32_t tries;   /* servers that refused this put */
    struct page_out *out;
    struct rope data; /* of a put, kept for a repetition elsewhere */
};

static const char *const placements[] = { "hash", "load", NULL };

const struct param memsrv_client_params_desc[] = {
    { .name = "placement",
      .type = PARAM_CHOICE,
      .offset = offsetof(struct memsrv_client_params, placement),
      .def = "hash",
      .choices = placements,
      .doc = "Where a page goes: by hashing its number, or to the least loaded server.",
      .src = "[Iftode, Li & Petersen 1993]: static mapping or choice at page-out" },
    { .name = "mirror",
      .type = PARAM_BOOL,
      .offset = offsetof(struct memsrv_client_params, mirror),
      .def = "false",
      .doc = "Keep every page at two servers.",
      .src = "ASSUMED(a policy to compare)" },
    { .name = NULL },
};

static void start(struct call *c);

static uint32_t place(struct memsrv_client *c, uint64_t page)
{
    if (c->params.placement == MEMSRV_HASH)
        return (uint32_t)((page * 0x9e3779b97f4a7c15u >> 32) % c->count);
    uint32_t best = (uint32_t)(page % c->count);
    for (uint32_t i = 0; i < c->count; i++)
        if (c->load[i] < c->load[best])
            best = i;
    return best;
}

static void free_call(struct call *c)
{
    rope_fini(&c->data);
    port_free(c->client->port, c);
}

static void put_ended(struct call *call, bool kept)
{
    struct memsrv_client *c = call->client;
    if (!kept && ++call->tries < c->count) {
        /* This server has no room, or is gone: the next takes the page. */
        call->server = (call->server + 1) % c->count;
        if (!call->mirror)
            c->where[call->page] = (uint16_t)call->server;
        start(call);
        return;
    }
    struct page_out *out = call->out;
    out->kept += kept;
    if (--out->left == 0) {
        c->counts.page_outs += out->kept > 0;
        if (out->kept > 0)
            vm_discard(call->region, call->page);
        else
            vm_keep(call->region, call->page);
        port_free(c->port, out);
    }
    free_call(call);
}

static void get_ended(struct call *call, enum memsrv_status status, struct rope *bytes)
{
    struct memsrv_client *c = call->client;
    if (status == MEMSRV_OK) {
        c->counts.page_ins++;
        c->counts.from_mirror += call->mirror;
        vm_supply(call->region, call->page, bytes, VM_WRITE);
    } else if (c->params.mirror && !call->mirror && c->count > 1) {
        call->mirror = true;
        call->server = (call->server + 1) % c->count;
        start(call);
        return;
    } else {
        c->counts.lost++;
        vm_fail(call->region, call->page, status == MEMSRV_IO ? VM_IO : VM_LOST);
    }
    free_call(call);
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
        c->load[call->server] = wire_get32(h + 4);
    }
    if (call->put)
        put_ended(call, said == MEMSRV_OK);
    else
        get_ended(call, said, reply);
}

static bool submit(struct call *call)
{
    struct memsrv_client *c = call->client;
    uint8_t h[MEMSRV_ARGS] = { 0 };
    struct rope args;
    wire_put32(h, c->region);
    wire_put64(h + 8, call->page);
    rope_init(&args);
    rope_add_bytes(&args, h, sizeof h);
    if (call->put)
        rope_add_slice(&args, &call->data, 0, call->data.length);
    enum xk_status s = select_call(c->rpc, c->servers[call->server], MEMSRV_SERVICE,
                                   call->put ? MEMSRV_PUT : MEMSRV_GET, &args, done, call);
    rope_fini(&args);
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

static struct call *call_new(struct vm_region *r, uint64_t page, bool put)
{
    struct memsrv_client *c = vm_region_object(r);
    struct call *call = port_alloc(c->port, sizeof *call);
    *call = (struct call){ .client = c, .region = r, .page = page, .put = put };
    list_init(&call->link);
    rope_init(&call->data);
    return call;
}

static void fault(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    struct memsrv_client *c = vm_region_object(r);
    if (have != VM_NONE) {
        vm_grant(r, page, want);
    } else if (c->where[page] == NOWHERE) {
        vm_supply(r, page, NULL, VM_WRITE);
    } else {
        struct call *call = call_new(r, page, false);
        call->server = c->where[page];
        start(call);
    }
}

static void evict(struct vm_region *r, uint64_t page, bool dirty)
{
    struct memsrv_client *c = vm_region_object(r);
    if (!dirty) {
        vm_discard(r, page);
        return;
    }
    if (c->where[page] == NOWHERE)
        c->where[page] = (uint16_t)place(c, page);
    uint32_t copies = c->params.mirror && c->count > 1 ? 2 : 1;
    struct page_out *out = port_alloc(c->port, sizeof *out);
    out->left = copies;
    for (uint32_t i = 0; i < copies; i++) {
        struct call *call = call_new(r, page, true);
        call->server = (c->where[page] + i) % c->count;
        call->mirror = i > 0;
        call->out = out;
        if (!vm_contents(r, page, &call->data))
            ASSERT_MSG(false, "an evicted page has no frame");
        start(call);
    }
}

const struct vm_pager_ops memsrv_pager = {
    .name = "memory server",
    .fault = fault,
    .evict = evict,
};

struct memsrv_client *memsrv_client_create(struct xk_protl *rpc, struct vm *vm,
                                           const uint32_t *servers, uint32_t count, uint64_t pages,
                                           const struct memsrv_client_params *params)
{
    struct port *p = xk_port(rpc);
    ASSERT(count > 0 && count < NOWHERE);
    struct memsrv_client *c = port_alloc(p, sizeof *c);
    c->port = p;
    c->rpc = rpc;
    c->vm = vm;
    c->params = *params;
    c->count = count;
    c->servers = port_alloc(p, count * sizeof *c->servers);
    c->load = port_alloc(p, count * sizeof *c->load);
    for (uint32_t i = 0; i < count; i++)
        c->servers[i] = servers[i];
    c->pages = pages;
    c->where = port_alloc(p, pages * sizeof *c->where);
    for (uint64_t i = 0; i < pages; i++)
        c->where[i] = NOWHERE;
    list_init(&c->queue);
    port_timer_init(p, &c->retry, retry, c);
    return c;
}

void memsrv_client_counts(const struct memsrv_client *c, struct memsrv_client_counts *out)
{
    *out = c->counts;
}
