/* sink_servers.c: the sink that is the memory of memory servers (os/memsrv): of each rank, and each
 * job, a region that outlives its node, in pages of the servers.
 *
 *   CKPTS1  When a flush ends well each page that was written is at a server, with `mirror` at two
 *       where two are up and have room.
 *   CKPTS2  The pages of headers and commit records are put when a region is made, the others
 *       before any image refers to them: a page that is not there, and was not lost, belongs to no
 *       image.  Who has lost one makes the region anew, as one that has lost pages, before it
 *       writes to it: nothing is read of a page that was lost in part.
 * So what a server that dies had is known to be lost: to the rank that is there, whose checkpoint
 * under way is void and whose next refers to nothing before it; and to one that comes to load, also
 * when the region was made anew meanwhile and has another image, which does not count yet.
 */
#include "os/ckpt/ckpt_internal.h"
#include "os/memsrv/memsrv.h"

#define MOVED 16 /* ASSUMED(pages on their way at once: as many as a piece has) */

struct servers_sink {
    struct ckpt *c;
    uint32_t turn;
    uint64_t page;
    struct memsrv_client *client;
    bool known;    /* the region is open */
    bool there;    /* and somebody has it */
    uint64_t seen; /* losses, of which it has told, */
    uint64_t made; /* and after which the region was made anew */
    bool frames;   /* some were written since the last flush */
    struct ckpt_gate gate;
};

/* ---- the region ---- */

static uint32_t region_of(const struct servers_sink *f)
{
    return f->turn << 16 | f->c->rank;
}

static enum ckpt_status status_of(enum vm_status s)
{
    return s == VM_OK          ? CKPT_OK
           : s == VM_NO_FRAMES ? CKPT_FULL
           : s == VM_LOST      ? CKPT_LOST
                               : CKPT_IO;
}

static bool is_lost(const struct servers_sink *f)
{
    return memsrv_region_losses(f->client) != f->seen;
}

static enum ckpt_status open_region(struct servers_sink *f)
{
    if (f->known)
        return CKPT_OK;
    enum vm_status s = memsrv_region_open(f->client, region_of(f));
    f->known = s == VM_OK || s == VM_OUTSIDE;
    f->there = s == VM_OK;
    f->seen = f->made = memsrv_region_losses(f->client);
    return f->known ? CKPT_OK : CKPT_IO;
}

/* Pages of which `data` has all bytes, from that one on. */
static enum ckpt_status put_pages(struct servers_sink *f, uint64_t page, const struct rope *data)
{
    enum ckpt_status s = CKPT_OK;
    for (uint64_t done = 0; s == CKPT_OK && done < data->length;) {
        struct vm_store_io io[MOVED];
        uint32_t n = 0;
        for (; n < MOVED && done < data->length; n++, page++, done += f->page) {
            io[n] = (struct vm_store_io){ .page = page };
            rope_init(&io[n].data);
            rope_add_slice(&io[n].data, data, done, f->page);
        }
        s = status_of(memsrv_region_move(f->client, true, io, n));
        for (uint32_t i = 0; i < n; i++)
            rope_fini(&io[i].data);
    }
    return s;
}

/* CKPTS2 */
static enum ckpt_status make_region(struct servers_sink *f, bool torn)
{
    struct rope zeros;
    f->known = f->there = false;
    f->made = memsrv_region_losses(f->client);
    if (memsrv_region_make(f->client, region_of(f), torn) != VM_OK)
        return CKPT_IO;
    rope_init(&zeros);
    rope_add_zero(&zeros, (CKPT_FRAMES_AT + f->page - 1) / f->page * f->page);
    enum ckpt_status s = put_pages(f, 0, &zeros);
    f->known = f->there = s == CKPT_OK;
    rope_fini(&zeros);
    return s;
}

/* It is there, and whole enough to be written. */
static enum ckpt_status ready(struct servers_sink *f)
{
    enum ckpt_status s = open_region(f);
    bool lost = s == CKPT_OK && f->there && memsrv_region_losses(f->client) != f->made;
    return s == CKPT_OK && (!f->there || lost) ? make_region(f, lost) : s;
}

/* ---- bytes ---- */

/* Appends pages; stops at one that was never written. */
static enum ckpt_status get_pages(struct servers_sink *f, uint64_t page, uint64_t count,
                                  struct rope *out)
{
    enum ckpt_status s = CKPT_OK;
    bool lost = false, all = true;
    while (s == CKPT_OK && all && count > 0) {
        struct vm_store_io io[MOVED];
        uint32_t n = 0;
        for (; n < MOVED && all && count > 0; page += all, count -= all, n += all) {
            all = memsrv_region_has(f->client, page, &lost);
            io[n] = (struct vm_store_io){ .page = page };
            rope_init(&io[n].data);
        }
        enum vm_status got = memsrv_region_move(f->client, false, io, n);
        for (uint32_t i = 0; i < n; i++) {
            if (io[i].data.length != f->page && got == VM_OK)
                got = VM_LOST;
            rope_join(out, &io[i].data);
        }
        s = lost ? CKPT_LOST : status_of(got);
    }
    return s;
}

/* The rest of a page of which [from, from + n) is written. */
static enum ckpt_status complete(struct servers_sink *f, uint64_t page, uint64_t from, uint64_t n,
                                 struct rope *before, struct rope *after)
{
    struct rope old;
    bool lost;
    enum ckpt_status s = CKPT_OK;
    rope_init(&old);
    if ((from > 0 || n < f->page) && memsrv_region_has(f->client, page, &lost))
        s = get_pages(f, page, 1, &old);
    if (old.length < f->page)
        rope_add_zero(&old, f->page - old.length);
    rope_add_slice(before, &old, 0, from);
    rope_add_slice(after, &old, from + n, f->page - from - n);
    rope_fini(&old);
    return s;
}

static enum ckpt_status put_bytes(struct servers_sink *f, uint64_t at, struct rope *data)
{
    uint64_t first = at / f->page, end = at + data->length, last = (end - 1) / f->page;
    uint64_t from = at % f->page, tail = (end - 1) % f->page + 1;
    struct rope whole, rest, none;
    rope_init(&whole);
    rope_init(&rest);
    rope_init(&none);
    enum ckpt_status s =
        complete(f, first, from, first == last ? tail - from : f->page - from, &whole, &rest);
    if (s == CKPT_OK && last > first) {
        rope_fini(&rest);
        rope_init(&rest);
        s = complete(f, last, 0, tail, &none, &rest);
    }
    rope_join(&whole, data);
    rope_join(&whole, &rest);
    if (s == CKPT_OK)
        s = put_pages(f, first, &whole);
    rope_fini(&whole);
    rope_fini(&rest);
    return s;
}

/* ---- the sink ---- */

static const char *const groups[] = { "memory", "io" };

static bool servers_check(const void *params, const struct os_boot *b, const char *path,
                          struct err *e)
{
    const struct ckpt_params *p = params;
    uint64_t page = 0;
    const struct os_group *g = memsrv_group(b->layout, groups[p->servers], &page);
    if (!g || g->count == 0)
        return err_set(e,
                       "%s.sink is 'servers', which needs { service = \"memory_server\", on = "
                       "\"%s\" } in machine.os",
                       path, groups[p->servers]);
    if (p->mirror && g->count == 1)
        return err_set(e, "%s.mirror is true, but one node alone serves memory on \"%s\"", path,
                       groups[p->servers]);
    if (!memsrv_carries(xk_graph_carries(b->graph, "rpc"), page))
        return err_set(e, "machine.os.memory_server.page is %llu bytes, more than a call carries",
                       (unsigned long long)page);
    return true;
}

static bool servers_fit(const void *params, const struct os_layout *l, uint32_t ranks,
                        struct err *e)
{
    const struct ckpt_params *p = params;
    uint64_t page;
    const struct os_group *g = memsrv_group(l, groups[p->servers], &page);
    for (uint32_t i = 0; i < l->compute_count; i++)
        for (uint32_t k = 0; k < g->count; k++)
            if ((i < ranks || i >= l->compute_count - (uint32_t)p->spares) &&
                l->compute[i] == g->nodes[k])
                return err_set(e,
                               "node %u serves memory for machine.os.ckpt.sink = 'servers' and may "
                               "have a rank, too: allowed are other nodes, or sink = 'memory'",
                               g->nodes[k]);
    return true;
}

static void *servers_start(struct ckpt *c)
{
    struct servers_sink *f = port_alloc(c->port, sizeof *f);
    const struct memsrv_client_params params = { .placement = MEMSRV_HASH,
                                                 .mirror = c->params->mirror };
    const struct os_group *g = memsrv_group(c->node->layout, groups[c->params->servers], &f->page);
    f->c = c;
    f->turn = c->turn;
    f->client = memsrv_region_create(c->rpc, g->nodes, g->count, &params, "ckpt_servers");
    return f;
}

static enum ckpt_status servers_write(void *state, uint64_t at, struct rope *data)
{
    struct servers_sink *f = state;
    ckpt_gate_enter(&f->gate, f->c);
    enum ckpt_status s = ready(f);
    f->frames |= at >= CKPT_FRAMES_AT;
    if (s == CKPT_OK)
        s = put_bytes(f, at, data);
    ckpt_gate_leave(&f->gate, f->c);
    rope_truncate(data, 0);
    return s;
}

static enum ckpt_status servers_read(void *state, uint64_t at, uint64_t length, struct rope *out)
{
    struct servers_sink *f = state;
    struct rope pages;
    uint64_t first = at / f->page;
    rope_init(out);
    rope_init(&pages);
    ckpt_gate_enter(&f->gate, f->c);
    enum ckpt_status s = open_region(f);
    if (s == CKPT_OK && f->there)
        s = get_pages(f, first, (at + length - 1) / f->page + 1 - first, &pages);
    ckpt_gate_leave(&f->gate, f->c);
    if (s == CKPT_OK && pages.length > at % f->page) {
        rope_add_slice(out, &pages, at % f->page, pages.length - at % f->page);
        rope_truncate(out, length < out->length ? length : out->length);
    }
    rope_fini(&pages);
    return s;
}

static enum ckpt_status servers_flush(void *state)
{
    struct servers_sink *f = state;
    ckpt_gate_enter(&f->gate, f->c);
    if (f->there)
        memsrv_region_mend(f->client);
    enum ckpt_status s = f->frames && is_lost(f) ? CKPT_LOST : CKPT_OK;
    f->frames = false;
    ckpt_gate_leave(&f->gate, f->c);
    return s;
}

static enum ckpt_status servers_recover(void *state, bool anew)
{
    struct servers_sink *f = state;
    if (f->c->rank == OS_NO_RANK)
        return CKPT_OK;
    ckpt_gate_enter(&f->gate, f->c);
    enum ckpt_status s = anew ? make_region(f, false) : open_region(f);
    if (s == CKPT_OK && !f->there)
        s = CKPT_LOST;
    if (s == CKPT_OK)
        memsrv_region_mend(f->client);
    ckpt_gate_leave(&f->gate, f->c);
    return s;
}

static bool servers_lost(void *state)
{
    struct servers_sink *f = state;
    bool lost = is_lost(f);
    f->seen = memsrv_region_losses(f->client);
    return lost;
}

static bool servers_torn(void *state)
{
    const struct servers_sink *f = state;
    return f->known && memsrv_region_torn(f->client);
}

/* It is another rank's now. */
static void servers_placed(void *state, bool own)
{
    struct servers_sink *f = state;
    f->known &= !own;
}

const struct ckpt_sink_ops ckpt_sink_servers = {
    .kind = { .name = "servers",
              .doc = "Memory of memory servers (the service memory_server), which keep it when a "
                     "rank's node dies." },
    .check = servers_check,
    .fit = servers_fit,
    .start = servers_start,
    .recover = servers_recover,
    .write = servers_write,
    .read = servers_read,
    .flush = servers_flush,
    .lost = servers_lost,
    .torn = servers_torn,
    .placed = servers_placed,
    .piece = 64 << 10,
    .anywhere = true,
};
