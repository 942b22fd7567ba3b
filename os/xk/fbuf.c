/* fbuf.c: fast buffers: message memory that the domains of a path share.  See transfer.h.
 *
 * One region of addresses is the buffers' in every domain, so that a buffer is at one address
 * everywhere and none is looked for.  A boundary has two paths: data made in its upper domain, and
 * data that comes into it from below, which the adapter has put into buffers of the path already.
 * The kernel's heap has the books; bytes are in leaves (leaf_buffer_new), which a path holds itself
 * by one slice, so that it sees when it alone is left.
 *
 *   state  who holds it         becomes
 *   used   path and messages    returned: messages are gone
 *   returned  the path alone    free (cached: stays mapped, writable again) or gone, when the next
 *                               message crosses, which carries the notice, or none is free
 *   free   the path, last in first out    used
 */
#include "os/xk/transfer.h"

struct fbuf_params {
    int64_t page, chunk, limit;
    bool cached, eager, clear;
};

static const struct param params[] = {
    P_SIZE(fbuf_params, page, "4KiB", "256", "1MiB", "Page of the domains' memory.",
           "DECstation 5000/200, i860: 4 KiB"),
    P_INT(fbuf_params, chunk, "16", "1", "65536",
          "Pages of addresses that a path gets from the kernel at a time, by a trap.",
          "ASSUMED(64 KiB: the longest message of UDP)"),
    P_INT(fbuf_params, limit, "0", "0", "1000000000",
          "Pages that a path may have; what finds none is copied into memory of its own.  0: no "
          "limit."),
    P_BOOL(fbuf_params, cached, "true",
           "A buffer that all have dropped stays mapped where it was, for its path's next data."),
    P_BOOL(fbuf_params, eager, "false",
           "A buffer is secured when it first leaves who made it; false: it is volatile, until a "
           "receiver asks."),
    P_BOOL(fbuf_params, clear, "true", "New pages are cleared.",
           "Druschel & Peterson: for security, 57 us a page"),
    P_END,
};

struct fbuf_path {
    struct xk_transfer *transfer;
    struct list used, free; /* struct fbuf */
    uint64_t pages;         /* of both */
    uint64_t chunk_left;
    uint8_t origin; /* domain */
    bool dead;      /* it has crashed */
};

struct fbuf {
    struct list link;
    struct fbuf_path *path;
    struct rope held; /* its leaf, while it is not free */
    struct leaf *leaf;
    uint64_t pages, maps; /* maps: bits of domains */
    bool secured;
};

struct fbuf_state {
    struct fbuf_path path[2]; /* down, up */
    struct {
        uint64_t allocated, hits, chunks, secured, copied, refused, held;
    } counts;
};

static const struct fbuf_params *params_of(const struct fbuf_path *path)
{
    return path->transfer->params;
}

static struct fbuf_state *state_of(const struct fbuf_path *path)
{
    return path->transfer->state;
}

static uint64_t pages_of(const struct fbuf_path *path, uint64_t bytes)
{
    uint64_t page = (uint64_t)params_of(path)->page;
    return (bytes + page - 1) / page;
}

static void work(const struct fbuf_path *path, enum port_work kind, uint64_t amount)
{
    port_work(path->transfer->port, kind, amount);
}

static uint64_t bit(uint8_t domain)
{
    return UINT64_C(1) << domain;
}

static void drop(struct fbuf *f)
{
    f->path->pages -= f->pages;
    list_remove(&f->link);
    rope_fini(&f->held);
    port_free(f->path->transfer->port, f);
}

/* Nobody but the path holds it.  `named`: code of the node runs, which pays. */
static void returned(struct fbuf *f, bool named)
{
    struct fbuf_path *path = f->path;
    uint64_t mapped = (uint64_t)__builtin_popcountll(f->maps);
    state_of(path)->counts.held -= f->pages;
    if (!params_of(path)->cached || path->dead) {
        if (named)
            work(path, PORT_WORK_UNMAP, f->pages * mapped);
        drop(f);
        return;
    }
    if (f->secured && named)
        work(path, PORT_WORK_PROTECT, f->pages);
    f->secured = false;
    rope_fini(&f->held);
    list_remove(&f->link);
    list_push_front(&path->free, &f->link);
}

static void collect(struct fbuf_path *path, bool named)
{
    LIST_EACH_SAFE (l, nx, &path->used) {
        struct fbuf *f = LIST_ENTRY(l, struct fbuf, link);
        if (f->leaf->refs == 1)
            returned(f, named);
    }
}

static struct fbuf *find_free(struct fbuf_path *path, uint64_t pages)
{
    LIST_EACH (l, &path->free) {
        struct fbuf *f = LIST_ENTRY(l, struct fbuf, link);
        if (f->pages >= pages)
            return f;
    }
    return NULL;
}

/* One of new pages, or NULL: the path has too many. */
static struct fbuf *make(struct fbuf_path *path, uint64_t pages)
{
    const struct fbuf_params *p = params_of(path);
    uint64_t limit = p->limit ? (uint64_t)p->limit : UINT64_MAX;
    while (path->pages + pages > limit && !list_empty(&path->free)) {
        struct fbuf *old = LIST_ENTRY(path->free.prev, struct fbuf, link);
        work(path, PORT_WORK_UNMAP, old->pages * (uint64_t)__builtin_popcountll(old->maps));
        drop(old);
    }
    if (path->pages + pages > limit)
        return NULL;
    while (path->chunk_left < pages) {
        path->chunk_left += (uint64_t)p->chunk;
        state_of(path)->counts.chunks++;
        work(path, PORT_WORK_TRAP, 1);
    }
    path->chunk_left -= pages;
    path->pages += pages;
    struct fbuf *f = port_alloc(path->transfer->port, sizeof *f);
    list_init(&f->link);
    rope_init(&f->held);
    f->path = path;
    f->pages = pages;
    f->maps = bit(path->origin);
    work(path, PORT_WORK_MAP, pages);
    if (p->clear)
        work(path, PORT_WORK_CLEAR, pages * (uint64_t)p->page);
    return f;
}

/* A buffer with these bytes, which are taken; NULL: there is none, and they are left. */
static struct fbuf *take(struct fbuf_path *path, struct rope *bytes)
{
    uint64_t pages = pages_of(path, bytes->length);
    struct fbuf_state *st = state_of(path);
    collect(path, true);
    struct fbuf *f = find_free(path, pages);
    if (f)
        st->counts.hits++;
    else
        f = make(path, pages);
    if (!f)
        return NULL;
    st->counts.allocated++;
    st->counts.held += f->pages;
    work(path, PORT_WORK_TOUCH, pages);
    f->leaf = leaf_buffer_new(bytes, f);
    rope_add_leaf(&f->held, f->leaf, 0, f->leaf->length);
    list_remove(&f->link);
    list_push(&path->used, &f->link);
    return f;
}

static void secure(struct fbuf *f)
{
    if (f->secured || f->path->origin == 0) /* TRAN3 */
        return;
    f->secured = true;
    state_of(f->path)->counts.secured++;
    work(f->path, PORT_WORK_PROTECT, f->pages);
}

/* Part of it gets into another domain. */
static void pass_on(struct fbuf *f, uint64_t bytes, uint8_t to)
{
    if (!(f->maps & bit(to))) {
        f->maps |= bit(to);
        work(f->path, PORT_WORK_MAP, f->pages);
    }
    if (params_of(f->path)->eager)
        secure(f);
    work(f->path, PORT_WORK_TOUCH, pages_of(f->path, bytes));
}

/* Bytes that are in no buffer get into one, and go on in it.  False: none is left. */
static bool put_in(struct fbuf_path *path, struct rope *bytes, struct rope *out, bool copied)
{
    uint64_t length = bytes->length;
    if (copied) {
        state_of(path)->counts.copied += length;
        work(path, PORT_WORK_COPY, length);
    }
    struct fbuf *f = take(path, bytes);
    if (!f) {
        rope_join(out, bytes);
        return false;
    }
    rope_add_slice(out, &f->held, 0, length);
    return true;
}

static void fbuf_cross(struct xk_transfer *t, struct rope *data, bool up)
{
    struct fbuf_state *st = t->state;
    struct fbuf_path *path = &st->path[up];
    uint8_t to = up ? t->above : t->below;
    struct rope out, plain;
    collect(&st->path[0], true);
    collect(&st->path[1], true);
    rope_init(&out);
    rope_init(&plain);
    for (uint32_t i = 0; i <= data->count; i++) {
        const struct rope_slice *s = i < data->count ? &data->slices[i] : NULL;
        struct fbuf *f = s ? leaf_buffer_owner(s->leaf) : NULL;
        if (plain.length > 0 && (!s || f)) {
            uint64_t length = plain.length;
            /* From below: where the adapter has put it, unless no buffer was left. */
            if (put_in(path, &plain, &out, !up))
                pass_on(leaf_buffer_owner(out.slices[out.count - 1].leaf), length, to);
            else if (up)
                work(path, PORT_WORK_COPY, length);
        }
        if (!s)
            break;
        leaf_get(s->leaf);
        rope_add_leaf(f ? &out : &plain, s->leaf, s->off, s->len);
        if (f)
            pass_on(f, s->len, to);
    }
    rope_fini(data);
    rope_move(data, &out);
}

static void fbuf_born(struct xk_transfer *t, struct rope *data)
{
    struct fbuf_state *st = t->state;
    struct rope out;
    if (data->length == 0 || rope_stays(data))
        return;
    rope_init(&out);
    (void)put_in(&st->path[0], data, &out, false);
    rope_fini(data);
    rope_move(data, &out);
}

static void fbuf_init(struct xk_transfer *t)
{
    struct fbuf_state *st = t->state;
    for (int up = 0; up < 2; up++) {
        st->path[up].transfer = t;
        st->path[up].origin = up ? t->below : t->above;
        list_init(&st->path[up].used);
        list_init(&st->path[up].free);
    }
}

/* TRAN4.  Its memory is still there: what it held is seen later to have come back. */
static void fbuf_died(struct xk_transfer *t, uint8_t domain)
{
    struct fbuf_state *st = t->state;
    for (int up = 0; up < 2; up++) {
        struct fbuf_path *path = &st->path[up];
        LIST_EACH (l, &path->used)
            LIST_ENTRY(l, struct fbuf, link)->maps &= ~bit(domain);
        LIST_EACH (l, &path->free)
            LIST_ENTRY(l, struct fbuf, link)->maps &= ~bit(domain);
        if (path->origin != domain)
            continue;
        path->dead = true;
        path->chunk_left = 0;
        while (!list_empty(&path->free))
            drop(LIST_ENTRY(path->free.next, struct fbuf, link));
        LIST_EACH (l, &path->used)
            LIST_ENTRY(l, struct fbuf, link)->secured = true; /* nobody is left who writes */
        collect(path, false);
    }
}

static void fbuf_began(struct xk_transfer *t, uint8_t domain)
{
    struct fbuf_state *st = t->state;
    for (int up = 0; up < 2; up++)
        st->path[up].dead &= st->path[up].origin != domain;
}

void xk_secure(struct xk_protl *self, const struct rope *data)
{
    for (uint32_t i = 0; i < data->count; i++) {
        struct fbuf *f = leaf_buffer_owner(data->slices[i].leaf);
        if (!f || f->secured || f->path->origin == 0 || f->path->origin == self->domain)
            continue;
        port_work(xk_port(self), PORT_WORK_TRAP, 1);
        secure(f);
    }
}

enum xk_status xk_overwrite(struct xk_protl *self, const struct rope *data, uint64_t off,
                            const struct rope *bytes)
{
    uint32_t i = 0;
    for (; i < data->count && off >= data->slices[i].len; i++)
        off -= data->slices[i].len;
    if (i == data->count || bytes->length > data->slices[i].len - off)
        return XK_REFUSED;
    struct fbuf *f = leaf_buffer_owner(data->slices[i].leaf);
    if (!f || f->secured || f->path->origin != self->domain) { /* TRAN2 */
        port_work(xk_port(self), PORT_WORK_FAULT, 1);
        if (f)
            state_of(f->path)->counts.refused++;
        return XK_REFUSED;
    }
    leaf_buffer_put(f->leaf, data->slices[i].off + off, bytes);
    return XK_OK;
}

static const struct counter counters[] = {
    C_SUM(fbuf_state, counts, allocated, "1", "Buffers that data was put into."),
    C_SUM(fbuf_state, counts, hits, "1", "Of these, buffers that were free and still mapped."),
    C_SUM(fbuf_state, counts, chunks, "1", "Chunks of addresses that paths got from the kernel."),
    C_SUM(fbuf_state, counts, secured, "1", "Buffers whose maker lost the right to write."),
    C_SUM(fbuf_state, counts, copied, "B", "Bytes that were in no buffer, and were copied."),
    C_SUM(fbuf_state, counts, refused, "1", "Writes refused."),
    C_NOW(fbuf_state, counts, held, "1", "Pages in buffers that messages hold."),
    C_END,
};

const struct xk_transfer_ops fbuf_transfer = {
    .kind = { .name = "fbuf",
              .doc = "buffers of the path are shared, and stay mapped if cached",
              .params = params,
              .params_size = sizeof(struct fbuf_params),
              .state_size = sizeof(struct fbuf_state),
              .counters = counters },
    .init = fbuf_init,
    .cross = fbuf_cross,
    .born = fbuf_born,
    .died = fbuf_died,
    .began = fbuf_began,
};
