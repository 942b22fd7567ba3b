/* server.c: a memory server: pages of clients in memory, and on disk beyond its limit.
 *
 *   state of a page   guarantee                     event -> next (function)
 *   memory            bytes in `data`               limit passed -> spilling (spill)
 *   spilling          bytes in `data`, write out    written -> disk (spilled); put -> memory
 *   disk              bytes in slot                 get -> reading; put -> memory
 * A put that brings memory above the limit is answered when spilling has brought it back.
 */
#include "os/memsrv/memsrv_internal.h"
#include "os/xk/map.h"

struct key {
    uint32_t client, region;
    uint64_t page;
};

struct page {
    struct list order; /* by last use, while in memory */
    struct key key;
    struct rope data;
    bool in_memory, spilling, on_disk;
    uint64_t slot;
};

struct waiting {
    struct list link;
    struct select_request *request;
};

struct memsrv {
    struct port *port;
    struct memsrv_params params;
    uint64_t page_bytes;
    uint32_t sectors; /* of a slot */
    uint32_t sector_bytes;
    struct xk_map pages;
    struct list order;  /* in memory, least recently used first */
    struct list stored; /* struct waiting: puts that wait for room */
    uint64_t next_slot;
    uint64_t spilling;
    struct memsrv_counts counts;
};

struct disk_io {
    struct port_io io;
    struct memsrv *server;
    struct page *page;
    struct select_request *request; /* of a get */
};

const struct param memsrv_params_desc[] = {
    { .name = "frames",
      .type = PARAM_INT,
      .offset = offsetof(struct memsrv_params, frames),
      .def = "4096",
      .min = "0",
      .max = "1000000000",
      .doc = "Pages that a memory server keeps in memory.",
      .src = "ASSUMED(16 MB of 4 KB pages, a GP node's memory)" },
    { .name = "disk_pages",
      .type = PARAM_INT,
      .offset = offsetof(struct memsrv_params, disk_pages),
      .def = "65536",
      .min = "0",
      .max = "1000000000",
      .doc = "Pages that a memory server can spill to its node's disk.",
      .src = "ASSUMED(256 MB)" },
    { .name = NULL },
};

static void answer(struct memsrv *m, struct select_request *request, enum memsrv_status status,
                   const struct rope *data)
{
    uint8_t h[MEMSRV_REPLY] = { (uint8_t)status };
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

static bool over(const struct memsrv *m)
{
    return m->counts.in_memory > (uint64_t)m->params.frames;
}

static void spill(struct memsrv *m);

static void answer_stored(struct memsrv *m)
{
    while (!over(m) && !list_empty(&m->stored)) {
        struct waiting *w = LIST_ENTRY(list_pop(&m->stored), struct waiting, link);
        answer(m, w->request, MEMSRV_OK, NULL);
        port_free(m->port, w);
    }
}

static void leave_memory(struct memsrv *m, struct page *pg)
{
    pg->in_memory = false;
    m->counts.in_memory--;
    list_remove(&pg->order);
    rope_fini(&pg->data);
}

static void spilled(struct port_io *io)
{
    struct disk_io *d = io->arg;
    struct memsrv *m = d->server;
    struct page *pg = d->page;
    m->spilling--;
    if (pg->spilling && io->status == PORT_IO_OK) {
        leave_memory(m, pg);
        pg->on_disk = true;
        m->counts.on_disk++;
        m->counts.spilled++;
    }
    pg->spilling = false;
    rope_fini(&io->data);
    port_free(m->port, d);
    answer_stored(m);
    spill(m);
}

static void read_back(struct port_io *io)
{
    struct disk_io *d = io->arg;
    struct memsrv *m = d->server;
    if (io->status == PORT_IO_OK) {
        rope_truncate(&io->data, m->page_bytes);
        answer(m, d->request, MEMSRV_OK, &io->data);
    } else {
        answer(m, d->request, MEMSRV_IO, NULL);
    }
    rope_fini(&io->data);
    port_free(m->port, d);
}

static struct disk_io *disk_io_new(struct memsrv *m, struct page *pg, bool write)
{
    struct disk_io *d = port_alloc(m->port, sizeof *d);
    d->server = m;
    d->page = pg;
    d->io = (struct port_io){ .write = write,
                              .sector = pg->slot * m->sectors,
                              .sectors = m->sectors,
                              .done = write ? spilled : read_back,
                              .arg = d };
    rope_init(&d->io.data);
    return d;
}

/* The oldest page in memory that is not on its way out. */
static struct page *oldest(struct memsrv *m)
{
    LIST_EACH (l, &m->order) {
        struct page *pg = LIST_ENTRY(l, struct page, order);
        if (!pg->spilling)
            return pg;
    }
    return NULL;
}

static void spill(struct memsrv *m)
{
    if (m->sectors == 0)
        return;
    while (m->counts.in_memory > (uint64_t)m->params.frames + m->spilling) {
        struct page *pg = oldest(m);
        if (!pg)
            return;
        if (pg->slot == UINT64_MAX) {
            if (m->next_slot == (uint64_t)m->params.disk_pages)
                return;
            pg->slot = m->next_slot++;
        }
        struct disk_io *d = disk_io_new(m, pg, true);
        rope_add_slice(&d->io.data, &pg->data, 0, pg->data.length);
        uint64_t room = (uint64_t)m->sectors * m->sector_bytes;
        if (room > m->page_bytes)
            rope_add_zero(&d->io.data, room - m->page_bytes);
        pg->spilling = true;
        m->spilling++;
        port_work(m->port, PORT_WORK_IO, 1);
        port_blk_submit(m->port, 0, &d->io);
    }
}

static void put(struct memsrv *m, struct select_request *request, const struct key *key,
                struct rope *data)
{
    struct page *pg = xk_map_resolve(&m->pages, key);
    bool room = m->sectors > 0 ? m->counts.on_disk + m->counts.in_memory <
                                     (uint64_t)m->params.frames + (uint64_t)m->params.disk_pages
                               : m->counts.in_memory < (uint64_t)m->params.frames;
    m->counts.puts++;
    if (data->length != m->page_bytes || (!pg && !room)) {
        answer(m, request, MEMSRV_FULL, NULL);
        return;
    }
    if (!pg) {
        pg = port_alloc(m->port, sizeof *pg);
        pg->key = *key;
        pg->slot = UINT64_MAX;
        list_init(&pg->order);
        rope_init(&pg->data);
        xk_map_bind(&m->pages, key, pg);
    }
    if (pg->on_disk) {
        pg->on_disk = false;
        m->counts.on_disk--;
    }
    pg->spilling = false; /* a write that is out has the old bytes */
    if (!pg->in_memory) {
        pg->in_memory = true;
        m->counts.in_memory++;
    } else {
        list_remove(&pg->order);
        rope_fini(&pg->data);
    }
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
    struct key key = { .client = select_request_host(request),
                       .region = wire_get32(h),
                       .page = wire_get64(h + 8) };
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    if (procedure == MEMSRV_PUT)
        put(m, request, &key, args);
    else if (procedure == MEMSRV_GET)
        get(m, request, &key);
    else
        answer(m, request, MEMSRV_NONE, NULL);
}

struct memsrv *memsrv_serve(struct xk_protl *rpc, const struct memsrv_params *params,
                            uint64_t page_bytes)
{
    struct port *p = xk_port(rpc);
    struct memsrv *m = port_alloc(p, sizeof *m);
    m->port = p;
    m->params = *params;
    m->page_bytes = page_bytes;
    xk_map_init(&m->pages, p, sizeof(struct key));
    list_init(&m->order);
    list_init(&m->stored);
    if (port_blk_count(p) > 0 && params->disk_pages > 0) {
        struct port_blk_info info;
        port_blk_describe(p, 0, &info);
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
    return m;
}

void memsrv_counts(const struct memsrv *m, struct memsrv_counts *out)
{
    *out = m->counts;
}
