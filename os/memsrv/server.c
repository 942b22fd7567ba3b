/* server.c: a memory server: pages of clients in memory, and on disk beyond its limit.
 *
 *   state of a page   guarantee                         event -> next (function)
 *   memory            bytes in `data`                   limit passed -> spilling (spill)
 *   spilling          bytes in `data`, a write of       written -> disk (spilled);
 *                     them out                          put -> memory, the write void
 *   disk              bytes in `slot`                   put -> memory
 *   dropped           not in the map; device requests   the last ended -> freed (release)
 *                     of it are out
 * A put that brings memory above the limit is answered when spilling has brought it back.  A page
 * has at most one write out; its slot is free once the page is in memory and nothing of it is out.
 * The pages of a client whose node has crashed are dropped, but for those of regions that are kept:
 * these belong to nobody, and are there until they are freed.
 */
#include "os/memsrv/memsrv_internal.h"
#include "os/xk/map.h"
#include "os/xk/peers.h"

struct key {
    uint32_t client, region;
    uint64_t page;
};

/* A region that is kept. */
struct region {
    struct list pages; /* in the order in which they came */
    bool torn;
};
#define NOBODY UINT32_MAX /* the client of their pages */

struct page {
    struct list order; /* by last use, while in memory */
    struct list of;    /* in its region's pages, if that is kept */
    struct key key;
    struct rope data;
    uint32_t number; /* of its put */
    uint32_t out;    /* device requests */
    bool in_memory, on_disk, dropped;
    bool writing;  /* one of `out` is a write */
    bool spilling; /* that write has the newest bytes */
    uint64_t slot; /* NO_SLOT: none */
};
#define NO_SLOT UINT64_MAX

struct waiting {
    struct list link;
    struct select_request *request;
};

struct memsrv {
    struct port *port;
    struct memsrv_params params;
    uint64_t page_bytes;
    uint32_t sectors; /* of a slot; 0: there is no disk */
    uint32_t sector_bytes;
    struct xk_map pages, regions; /* regions: u32 -> struct region */
    struct list order;            /* in memory, least recently used first */
    struct list stored;           /* struct waiting: puts that wait for room */
    uint64_t next_slot;           /* never used before */
    uint64_t *free_slots, free_count, free_capacity;
    uint64_t spilling; /* pages */
    uint64_t untold;   /* disk transfers that no reply has told */
    uint64_t most;     /* bytes of a reply */
    bool broken;       /* a write failed: nothing is spilled any more */
    uint32_t gone;     /* client_gone: whose pages go */
    struct {
        uint64_t puts, gets, misses, drops, spilled, disk_reads, in_memory, on_disk, kept;
    } counts;
};

struct disk_io {
    struct port_io io;
    struct memsrv *server;
    struct page *page;
    struct select_request *request; /* of a get */
};

#define MEMSRV_PARAMS                                                                              \
    P_INT(memsrv_params, frames, "4096", "0", "1000000000",                                        \
          "Pages that a memory server keeps in memory.",                                           \
          "ASSUMED(16 MB of 4 KB pages, a GP node's memory)"),                                     \
        P_INT(memsrv_params, disk_pages, "65536", "0", "1000000000",                               \
              "Pages that a memory server can spill to its node's disk.", "ASSUMED(256 MB)")
const struct param memsrv_params_desc[] = { MEMSRV_PARAMS, P_END };

static void answer_with(struct memsrv *m, struct select_request *request, enum memsrv_status status,
                        uint8_t flags, const struct rope *data)
{
    uint8_t told = (uint8_t)(m->untold < UINT8_MAX ? m->untold : UINT8_MAX);
    uint8_t h[MEMSRV_REPLY] = { (uint8_t)status, told, flags };
    m->untold -= told;
    uint64_t load = m->counts.in_memory + m->counts.on_disk;
    struct rope reply;
    wire_put32(h + 4, (uint32_t)load);
    rope_init(&reply);
    rope_add_bytes(&reply, h, sizeof h);
    if (data)
        rope_add_slice(&reply, data, 0, data->length);
    select_reply(request, &reply);
    rope_fini(&reply);
}

static void answer(struct memsrv *m, struct select_request *request, enum memsrv_status status,
                   const struct rope *data)
{
    answer_with(m, request, status, 0, data);
}

static bool over(const struct memsrv *m)
{
    return m->counts.in_memory > (uint64_t)m->params.frames;
}

static void spill(struct memsrv *m);

static void answer_stored(struct memsrv *m)
{
    while ((!over(m) || m->broken) && !list_empty(&m->stored)) {
        struct waiting *w = LIST_ENTRY(list_pop(&m->stored), struct waiting, link);
        answer(m, w->request, MEMSRV_OK, NULL);
        port_free(m->port, w);
    }
}

/* ---- slots of the disk ---- */

static uint64_t slot_take(struct memsrv *m)
{
    if (m->free_count > 0)
        return m->free_slots[--m->free_count];
    return m->next_slot < (uint64_t)m->params.disk_pages ? m->next_slot++ : NO_SLOT;
}

static void slot_give(struct memsrv *m, struct page *pg)
{
    if (pg->slot == NO_SLOT)
        return;
    if (m->free_count == m->free_capacity) {
        m->free_capacity = m->free_capacity ? 2 * m->free_capacity : 16;
        m->free_slots =
            port_realloc(m->port, m->free_slots, m->free_capacity * sizeof *m->free_slots);
    }
    m->free_slots[m->free_count++] = pg->slot;
    pg->slot = NO_SLOT;
}

/* ---- life of a page ---- */

static void leave_memory(struct memsrv *m, struct page *pg)
{
    pg->in_memory = false;
    m->counts.in_memory--;
    list_remove(&pg->order);
    rope_fini(&pg->data);
}

static void leave_disk(struct memsrv *m, struct page *pg)
{
    m->counts.on_disk -= pg->on_disk;
    pg->on_disk = false;
}

/* Nothing of the page is with the device: a slot that it does not need is free, and so is a dropped
 * page. */
static void release(struct memsrv *m, struct page *pg)
{
    if (pg->out > 0)
        return;
    if (!pg->on_disk)
        slot_give(m, pg);
    if (pg->dropped)
        port_free(m->port, pg);
}

static void forget(struct memsrv *m, struct page *pg)
{
    xk_map_unbind(&m->pages, &pg->key);
    m->counts.kept -= pg->key.client == NOBODY;
    list_remove(&pg->of);
    if (pg->in_memory)
        leave_memory(m, pg);
    leave_disk(m, pg);
    m->spilling -= pg->spilling;
    pg->spilling = false;
    pg->dropped = true;
    release(m, pg);
}

static struct page *page_new(struct memsrv *m, const struct key *key, struct region *r)
{
    struct page *pg = port_alloc(m->port, sizeof *pg);
    pg->key = *key;
    pg->slot = NO_SLOT;
    list_init(&pg->order);
    list_init(&pg->of);
    rope_init(&pg->data);
    xk_map_bind(&m->pages, key, pg);
    m->counts.kept += r != NULL;
    if (r)
        list_push(&r->pages, &pg->of);
    return pg;
}

/* ---- the disk ---- */

static void end_io(struct memsrv *m, struct disk_io *d)
{
    m->untold++;
    d->page->out--;
    rope_fini(&d->io.data);
    port_free(m->port, d);
}

static void spilled(struct port_io *io)
{
    struct disk_io *d = io->arg;
    struct memsrv *m = d->server;
    struct page *pg = d->page;
    pg->writing = false;
    if (pg->spilling) {
        pg->spilling = false;
        m->spilling--;
        if (io->status == PORT_IO_OK) {
            leave_memory(m, pg);
            pg->on_disk = true;
            m->counts.on_disk++;
            m->counts.spilled++;
        }
    }
    if (io->status != PORT_IO_OK && !m->broken) {
        m->broken = true;
        port_remark(m->port, "memory server: the disk failed; nothing is spilled any more");
    }
    end_io(m, d);
    release(m, pg);
    spill(m);
    answer_stored(m);
}

static void read_back(struct port_io *io)
{
    struct disk_io *d = io->arg;
    struct memsrv *m = d->server;
    struct page *pg = d->page;
    struct select_request *request = d->request;
    struct rope data;
    bool ok = io->status == PORT_IO_OK;
    rope_move(&data, &io->data);
    rope_truncate(&data, ok ? m->page_bytes : 0);
    end_io(m, d);
    release(m, pg);
    answer(m, request, ok ? MEMSRV_OK : MEMSRV_IO, ok ? &data : NULL);
    rope_fini(&data);
}

static struct disk_io *disk_io_new(struct memsrv *m, struct page *pg, bool write)
{
    struct disk_io *d = port_alloc(m->port, sizeof *d);
    d->server = m;
    d->page = pg;
    d->io = (struct port_io){ .op = write ? PORT_IO_WRITE : PORT_IO_READ,
                              .sector = pg->slot * m->sectors,
                              .sectors = m->sectors,
                              .done = write ? spilled : read_back,
                              .arg = d };
    rope_init(&d->io.data);
    pg->out++;
    return d;
}

/* The oldest page in memory that is not on its way out. */
static struct page *oldest(struct memsrv *m)
{
    LIST_EACH (l, &m->order) {
        struct page *pg = LIST_ENTRY(l, struct page, order);
        if (!pg->writing)
            return pg;
    }
    return NULL;
}

static void spill(struct memsrv *m)
{
    if (m->sectors == 0 || m->broken)
        return;
    while (m->counts.in_memory > (uint64_t)m->params.frames + m->spilling) {
        struct page *pg = oldest(m);
        if (!pg)
            return;
        if (pg->slot == NO_SLOT)
            pg->slot = slot_take(m);
        if (pg->slot == NO_SLOT)
            return;
        struct disk_io *d = disk_io_new(m, pg, true);
        rope_add_slice(&d->io.data, &pg->data, 0, pg->data.length);
        uint64_t room = (uint64_t)m->sectors * m->sector_bytes;
        if (room > m->page_bytes)
            rope_add_zero(&d->io.data, room - m->page_bytes);
        pg->spilling = pg->writing = true;
        m->spilling++;
        port_work(m->port, PORT_WORK_IO, 1);
        port_blk_submit(m->port, 0, &d->io);
    }
}

/* ---- requests ---- */

/* Is there a place for one page more? */
static bool has_room(const struct memsrv *m)
{
    uint64_t most = (uint64_t)m->params.frames;
    if (m->sectors > 0 && !m->broken)
        most += (uint64_t)m->params.disk_pages;
    return m->counts.on_disk + m->counts.in_memory < most;
}

static void put(struct memsrv *m, struct select_request *request, const struct key *key,
                uint32_t number, struct rope *data)
{
    struct page *pg = xk_map_resolve(&m->pages, key);
    struct region *r = key->client == NOBODY ? xk_map_resolve(&m->regions, &key->region) : NULL;
    m->counts.puts++;
    if (key->client == NOBODY && !r) {
        answer(m, request, MEMSRV_NONE, NULL);
        return;
    }
    if (data->length != m->page_bytes || (!pg && !has_room(m))) {
        if (pg)
            forget(m, pg);
        answer(m, request, MEMSRV_FULL, NULL);
        return;
    }
    if (!pg)
        pg = page_new(m, key, r);
    leave_disk(m, pg);
    m->spilling -= pg->spilling; /* a write that is out has the old bytes */
    pg->spilling = false;
    release(m, pg);
    if (pg->in_memory)
        leave_memory(m, pg);
    pg->in_memory = true;
    m->counts.in_memory++;
    pg->number = number;
    rope_move(&pg->data, data);
    list_push(&m->order, &pg->order);
    struct waiting *w = port_alloc(m->port, sizeof *w);
    w->request = request;
    list_push(&m->stored, &w->link);
    spill(m);
    answer_stored(m);
}

static void get(struct memsrv *m, struct select_request *request, const struct key *key)
{
    struct page *pg = xk_map_resolve(&m->pages, key);
    m->counts.gets++;
    if (!pg) {
        m->counts.misses++;
        answer(m, request, MEMSRV_NONE, NULL);
    } else if (pg->in_memory) {
        list_remove(&pg->order);
        list_push(&m->order, &pg->order);
        answer(m, request, MEMSRV_OK, &pg->data);
    } else {
        m->counts.disk_reads++;
        struct disk_io *d = disk_io_new(m, pg, false);
        d->request = request;
        port_work(m->port, PORT_WORK_IO, 1);
        port_blk_submit(m->port, 0, &d->io);
    }
}

static void drop(struct memsrv *m, struct select_request *request, const struct key *key,
                 uint32_t number)
{
    struct page *pg = xk_map_resolve(&m->pages, key);
    if (pg && pg->number == number) {
        m->counts.drops++;
        forget(m, pg);
        answer_stored(m);
    }
    answer(m, request, MEMSRV_OK, NULL);
}

/* ---- regions that are kept ---- */

static void region_open(struct memsrv *m, struct select_request *request, uint32_t id, bool torn)
{
    struct region *r = xk_map_resolve(&m->regions, &id);
    if (!r) {
        r = port_alloc(m->port, sizeof *r);
        list_init(&r->pages);
        xk_map_bind(&m->regions, &id, r);
    }
    r->torn |= torn;
    answer(m, request, MEMSRV_OK, NULL);
}

static void region_free(struct memsrv *m, struct select_request *request, uint32_t id)
{
    struct region *r = xk_map_unbind(&m->regions, &id);
    while (r && !list_empty(&r->pages))
        forget(m, LIST_ENTRY(r->pages.next, struct page, of));
    port_free(m->port, r);
    answer(m, request, MEMSRV_OK, NULL);
    answer_stored(m);
}

static void region_list(struct memsrv *m, struct select_request *request, const struct key *after)
{
    struct region *r = xk_map_resolve(&m->regions, &after->region);
    struct page *pg = after->page == MEMSRV_FIRST ? NULL : xk_map_resolve(&m->pages, after);
    struct rope out;
    uint8_t wire[MEMSRV_LISTED];
    rope_init(&out);
    if (r && (pg || after->page == MEMSRV_FIRST)) {
        struct list *at = pg ? pg->of.next : r->pages.next;
        for (; at != &r->pages && out.length + sizeof wire + MEMSRV_REPLY <= m->most;
             at = at->next) {
            const struct page *next = LIST_ENTRY(at, struct page, of);
            wire_put64(wire, next->key.page);
            wire_put32(wire + 8, next->number);
            rope_add_bytes(&out, wire, sizeof wire);
        }
    }
    answer_with(m, request, r ? MEMSRV_OK : MEMSRV_NONE, r && r->torn ? MEMSRV_TORN : 0, &out);
    rope_fini(&out);
}

static bool forget_of(void *arg, const void *key, void *value)
{
    struct memsrv *m = arg;
    const struct key *k = key;
    if (k->client == m->gone)
        forget(m, value);
    return true;
}

/* Nobody will ask for the pages of a node that has crashed. */
static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct memsrv *m = arg;
    (void)life;
    if (alive)
        return;
    m->gone = node;
    xk_map_each(&m->pages, forget_of, m);
    answer_stored(m);
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct memsrv *m = arg;
    uint8_t h[MEMSRV_ARGS];
    if (args->length < sizeof h) {
        answer(m, request, MEMSRV_NONE, NULL);
        return;
    }
    rope_read(args, 0, sizeof h, h);
    rope_drop_front(args, sizeof h);
    bool kept = (wire_get64(h + 8) & MEMSRV_KEPT) != 0;
    struct key key = { .client = kept ? NOBODY : select_request_host(request),
                       .region = wire_get32(h),
                       .page = wire_get64(h + 8) & ~MEMSRV_KEPT };
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    if (procedure == MEMSRV_PUT)
        put(m, request, &key, wire_get32(h + 4), args);
    else if (procedure == MEMSRV_GET)
        get(m, request, &key);
    else if (procedure == MEMSRV_DROP)
        drop(m, request, &key, wire_get32(h + 4));
    else if (procedure == MEMSRV_OPEN && kept)
        region_open(m, request, key.region, wire_get32(h + 4) == MEMSRV_TORN);
    else if (procedure == MEMSRV_FREE && kept)
        region_free(m, request, key.region);
    else if (procedure == MEMSRV_LIST && kept)
        region_list(m, request, &key);
    else
        answer(m, request, MEMSRV_NONE, NULL);
}

const struct counter memsrv_counters[] = {
    C_SUM(memsrv, counts, puts, "1", "Pages that clients put."),
    C_SUM(memsrv, counts, gets, "1", "Pages that clients asked for."),
    C_SUM(memsrv, counts, misses, "1", "Of these, pages that were not here."),
    C_SUM(memsrv, counts, drops, "1", "Pages that clients dropped."),
    C_SUM(memsrv, counts, spilled, "1", "Pages written to the server's disk."),
    C_SUM(memsrv, counts, disk_reads, "1", "Pages read from the server's disk."),
    C_NOW(memsrv, counts, in_memory, "1", "Pages in memory."),
    C_NOW(memsrv, counts, on_disk, "1", "Pages on disk."),
    C_NOW(memsrv, counts, kept, "1", "Pages of regions that outlive their clients."),
    C_END,
};

struct memsrv *memsrv_serve(struct xk_protl *rpc, const struct memsrv_params *params,
                            uint64_t page_bytes)
{
    struct port *p = xk_port(rpc);
    struct memsrv *m = port_alloc(p, sizeof *m);
    m->port = p;
    m->params = *params;
    m->page_bytes = page_bytes;
    m->most = select_max_bytes(rpc);
    xk_map_init(&m->pages, p, sizeof(struct key));
    xk_map_init(&m->regions, p, sizeof(uint32_t));
    list_init(&m->order);
    list_init(&m->stored);
    if (port_blk_count(p) > 0 && params->disk_pages > 0) {
        struct port_blk_info info;
        port_blk_describe(p, 0, &info);
        if (info.sequential) /* no place for pages */
            info.sectors = 0;
        m->sector_bytes = info.sector_bytes;
        m->sectors = (uint32_t)((page_bytes + info.sector_bytes - 1) / info.sector_bytes);
        uint64_t fit = info.sectors / m->sectors;
        if ((uint64_t)m->params.disk_pages > fit)
            m->params.disk_pages = (int64_t)fit;
    }
    if (select_serve(rpc, MEMSRV_SERVICE, serve, m) != XK_OK) {
        port_free(p, m);
        return NULL;
    }
    port_counters(p, "memory_server", memsrv_counters, m);
    xk_on_peer(rpc->kernel, peer_changed, m);
    return m;
}

/* ---- the service ---- */

struct service_params {
    struct memsrv_params store; /* first */
    int64_t page;
};
static const struct param service_params[] = {
    MEMSRV_PARAMS,
    P_SIZE(service_params, page, "4KiB", "64B", "1MiB", "Page size of the clients.",
           "4 KB pages of the i860 [memory, high]"),
    P_END,
};

static void *service_start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    (void)n;
    const struct service_params *p = s->params;
    return memsrv_serve(over, &p->store, (uint64_t)p->page);
}

const struct os_group *memsrv_group(const struct os_layout *l, const char *group,
                                    uint64_t *page_bytes)
{
    const struct os_service *s = os_served(l, &memsrv_service, group);
    if (!s)
        return NULL;
    *page_bytes = (uint64_t)((const struct service_params *)s->params)->page;
    return s->on;
}

bool memsrv_check(const struct os_layout *l, const char *group, uint32_t clients,
                  uint64_t page_bytes, uint64_t *room, struct err *e)
{
    const struct os_service *s = os_served(l, &memsrv_service, group);
    bool alone = false; /* nobody is its own server */
    for (uint32_t i = 0; s && s->on->count == 1 && i < clients; i++)
        alone |= l->compute[i] == s->on->nodes[0];
    if (!s || s->on->count == 0 || alone)
        return err_set(
            e,
            "paging to other nodes needs { service = \"memory_server\", on = \"%s\" } in "
            "machine.os, and such nodes beside each program's own",
            group);
    const struct service_params *p = s->params;
    if ((uint64_t)p->page != page_bytes)
        return err_set(e,
                       "workload.memory.page is %llu bytes, but the memory servers on \"%s\" keep "
                       "pages of %lld: their page in machine.os must be the same",
                       (unsigned long long)page_bytes, group, (long long)p->page);
    *room = 0;
    for (uint32_t i = 0; i < s->on->count; i++) {
        struct os_disk d = os_disk(l, s->on->nodes[i]);
        uint64_t disk = (uint64_t)p->store.disk_pages, fit = 0;
        if (d.sectors > 0)
            fit = d.sectors / ((page_bytes + d.sector_bytes - 1) / d.sector_bytes);
        *room += (uint64_t)p->store.frames + (disk < fit ? disk : fit);
    }
    return true;
}

const struct os_service_ops memsrv_service = {
    .kind = { .name = "memory_server",
              .doc = "Memory and disk of this node as backing store for pages of others.",
              .params = service_params,
              .params_size = sizeof(struct service_params) },
    .on = "io",
    .over = "rpc",
    .protocol = &select_protl,
    .start = service_start,
};
