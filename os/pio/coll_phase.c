/* coll_phase.c: sieving and two-phase: long requests for extents, and the pieces picked from them.
 *
 * Both cut an extent into windows of `buffer` bytes and take one at a time.  Sieving does so with
 * the extent of the rank's own list.  Two-phase cuts the extent of all lists into a domain for each
 * of the first `aggregators` ranks; in step t each of these moves window t of its domain, and sends
 * (reads) or gets (writes) what the ranks have there.
 *
 *   PHASE1  A step's messages have a type of their own, so that a rank that is ahead mixes nothing
 *       up.  Sends are begun before a rank waits for anybody: NX6 cannot happen.
 *   PHASE2  Who fails still does all its sends and receives, with nothing in them.
 */
#include "os/nx/nx.h"
#include "os/pio/coll_internal.h"
#include "os/xk/msg.h" /* wire_put, wire_get */

#define COLL_TYPE 0x20000000 /* of messages: below those that NX keeps for itself */
#define COLL_STEPS 0x01000000
#define HEAD_BYTES 16 /* of a message: where the file ended, status */

struct plan {
    struct file_window *windows; /* by domain, then by step; they touch */
    uint32_t domains, steps;
    struct rope *parts; /* by window: what this rank has there */
    uint64_t eof;       /* reads: the first byte that the file did not have */
    enum pio_status status;
};

static int64_t next_type(struct coll *c)
{
    return COLL_TYPE + (int64_t)(c->step++ % COLL_STEPS);
}

static void plan_windows(struct coll *c, struct file_window all, uint32_t domains, uint64_t align,
                         struct plan *p)
{
    uint64_t buffer = (uint64_t)c->p->buffer, base = all.lo - all.lo % align;
    uint64_t each = (all.hi - base + domains - 1) / domains;
    each = (each + align - 1) / align * align;
    p->domains = domains;
    p->steps = (uint32_t)((each + buffer - 1) / buffer);
    p->eof = UINT64_MAX;
    p->windows = port_alloc(c->port, ((size_t)domains * p->steps + 1) * sizeof *p->windows);
    p->parts = port_alloc(c->port, ((size_t)domains * p->steps + 1) * sizeof *p->parts);
    for (uint32_t i = 0; i < domains * p->steps; i++) {
        uint64_t lo = base + i / p->steps * each, end = lo + each;
        lo += i % p->steps * buffer;
        uint64_t hi = lo + buffer < end ? lo + buffer : end;
        p->windows[i].lo = lo < all.hi ? lo : all.hi;
        p->windows[i].hi = hi < all.hi ? hi : all.hi;
        rope_init(&p->parts[i]);
    }
}

static void plan_free(struct coll *c, struct plan *p)
{
    for (uint32_t i = 0; i < p->domains * p->steps; i++)
        rope_fini(&p->parts[i]);
    port_free(c->port, p->parts);
    port_free(c->port, p->windows);
}

static void failed(struct plan *p, enum pio_status s)
{
    p->status = s > p->status ? s : p->status;
}

/* Reads [h.lo, h.hi) of a window; what the file does not have ends it. */
static void read_hull(struct coll *c, struct plan *p, struct file_window h, struct rope *data)
{
    uint64_t moved = 0;
    failed(p, coll_range(c, PIO_READ, h, data, &moved));
    if (p->status == PIO_OK && moved < h.hi - h.lo && h.lo + moved < p->eof)
        p->eof = h.lo + moved;
}

/* What a list has of the bytes at `at`. */
static void gather(struct coll *c, struct file_list l, uint64_t at, const struct rope *data,
                   struct rope *out)
{
    const struct file_run have = { .off = at, .len = data->length, .count = 1 };
    file_gather(c->port, l, &have, 1, data, out);
}

/* Writes what the lists have in a window, gaps left alone. */
static void write_merged(struct coll *c, struct plan *p, struct file_merge *m)
{
    struct coll_part x = { .op = PIO_WRITE, .runs = m->runs, .run_count = m->count };
    rope_move(&x.data, &m->data);
    if (m->count > 0 && p->status == PIO_OK)
        failed(p, coll_ask(c, &x));
    rope_fini(&x.data);
    port_free(c->port, m->runs);
}

/* The worst status of all ranks, at all. */
static enum pio_status settle(struct coll *c, enum pio_status mine)
{
    int64_t worst = mine;
    return coll_largest(c, &worst, 1) ? (enum pio_status)worst : PIO_NODE_DOWN;
}

/* ---- sieving ---- */

/* Window i: what is there, the list's pieces over it, and back. */
static void sieve_write(struct coll *c, struct plan *p, struct file_list l, uint32_t i)
{
    struct file_window h = file_list_hull(&l, 1, p->windows[i]);
    struct file_merge m;
    struct rope old;
    rope_init(&old);
    if (h.lo == h.hi)
        return;
    bool gaps = file_list_bytes(l, h) < h.hi - h.lo;
    if (gaps) {
        read_hull(c, p, h, &old);
        rope_add_zero(&old, h.hi - h.lo - old.length);
    }
    file_merge(c->port, &l, &p->parts[i], 1, h, gaps ? &old : NULL, &m);
    rope_fini(&old);
    write_merged(c, p, &m);
}

static enum pio_status sieve_transfer(struct coll *c, struct coll_part *x)
{
    struct file_list l = { x->runs, x->run_count };
    struct file_window all = file_list_hull(&l, 1, (struct file_window){ 0, UINT64_MAX });
    struct plan p = { .status = PIO_OK };
    bool turns = x->op == PIO_WRITE && c->ranks > 1;
    int64_t type = next_type(c);
    struct rope token;
    plan_windows(c, all, 1, 1, &p);
    if (x->op == PIO_WRITE)
        coll_cut(c, l, &x->data, p.windows, p.steps, p.parts);
    if (turns && c->rank > 0) {
        struct nx_info came = nx_crecv(c->nx, type, 0, &token);
        rope_fini(&token);
        if (came.status != NX_OK)
            failed(&p, PIO_NODE_DOWN);
    }
    for (uint32_t i = 0; i < p.steps && p.status == PIO_OK; i++) {
        struct file_window h = file_list_hull(&l, 1, p.windows[i]);
        struct rope data;
        rope_init(&data);
        if (x->op == PIO_WRITE) {
            sieve_write(c, &p, l, i);
        } else if (h.lo < h.hi && h.lo < p.eof) {
            read_hull(c, &p, h, &data);
            gather(c, l, h.lo, &data, &p.parts[i]);
        }
        rope_fini(&data);
    }
    if (turns && c->rank + 1 < c->ranks) {
        rope_init(&token);
        (void)nx_csend(c->nx, type, &token, c->rank + 1);
    }
    if (x->op == PIO_READ && p.status == PIO_OK)
        coll_join(c, l, p.eof, p.windows, p.steps, p.parts, &x->data);
    x->moved = x->op == PIO_READ ? x->data.length : file_list_bytes(l, all);
    plan_free(c, &p);
    return turns ? settle(c, p.status) : p.status;
}

/* ---- two-phase ---- */

/* The lists of the ranks: of all, or of those who have bytes in this rank's domain. */
struct lists {
    struct file_list *of;
    struct file_run **runs;
};

static void lists_free(struct coll *c, struct lists *l)
{
    for (uint32_t i = 0; i < c->ranks; i++)
        port_free(c->port, l->runs[i]);
    port_free(c->port, l->runs);
    port_free(c->port, l->of);
}

static void list_store(struct coll *c, const struct coll_part *x, struct rope *out)
{
    size_t bytes = 4 + (size_t)x->run_count * FILE_RUN_BYTES;
    uint8_t *image = port_alloc(c->port, bytes);
    wire_put32(image, x->run_count);
    for (uint32_t i = 0; i < x->run_count; i++)
        file_run_store(image + 4 + (size_t)i * FILE_RUN_BYTES, &x->runs[i]);
    rope_init(out);
    rope_add_bytes(out, image, bytes);
    port_free(c->port, image);
}

/* The lists of ranks [first, end) off an image, which is used up. */
static void lists_load(struct coll *c, struct rope *image, uint32_t first, uint32_t end,
                       struct lists *l)
{
    uint8_t b[FILE_RUN_BYTES];
    for (uint32_t rank = first; rank < end; rank++) {
        rope_take_front(image, 4, b);
        uint32_t count = wire_get32(b);
        l->runs[rank] = port_alloc(c->port, ((size_t)count + 1) * sizeof **l->runs);
        for (uint32_t i = 0; i < count; i++) {
            rope_take_front(image, FILE_RUN_BYTES, b);
            l->runs[rank][i] = file_run_load(b);
        }
        l->of[rank] = (struct file_list){ l->runs[rank], count };
    }
    rope_fini(image);
}

/* The extent of all lists; where every rank has a domain, each learns all lists.  False: a node is
 * down. */
static bool lists_extent(struct coll *c, const struct coll_part *x, bool everywhere,
                         struct lists *l, struct file_window *all)
{
    const struct file_window whole = { 0, UINT64_MAX };
    struct file_list mine = { x->runs, x->run_count };
    struct rope image;
    l->of = port_alloc(c->port, c->ranks * sizeof *l->of);
    l->runs = port_alloc(c->port, c->ranks * sizeof *l->runs);
    list_store(c, x, &image);
    if (!everywhere) {
        lists_load(c, &image, c->rank, c->rank + 1, l);
        *all = file_list_hull(&mine, 1, whole);
        int64_t edge[2] = { all->hi > 0 ? -(int64_t)all->lo : INT64_MIN, (int64_t)all->hi };
        bool good = coll_largest(c, edge, 2);
        *all = edge[1] > 0 ? (struct file_window){ (uint64_t)-edge[0], (uint64_t)edge[1] }
                           : (struct file_window){ 0, 0 };
        return good;
    }
    struct rope images;
    bool good = nx_gcol(c->nx, &image, &images) == NX_OK;
    rope_fini(&image);
    if (good)
        lists_load(c, &images, 0, c->ranks, l);
    else
        rope_fini(&images);
    *all = file_list_hull(l->of, c->ranks, whole);
    return good;
}

/* What one rank has for another: a message, or at once when it is itself. */
static void hand(struct coll *c, struct plan *p, int64_t type, uint32_t to, uint32_t window,
                 struct rope *data, struct nx_op **op)
{
    uint8_t head[HEAD_BYTES];
    struct rope m;
    *op = NULL;
    if (to == c->rank) {
        rope_join(&p->parts[window], data);
        return;
    }
    wire_put64(head, p->eof);
    wire_put64(head + 8, p->status);
    rope_init(&m);
    rope_add_bytes(&m, head, sizeof head);
    c->counts.exchanged += data->length;
    rope_join(&m, data);
    *op = nx_isend(c->nx, type, &m, to);
}

/* The next message of that type; false: a node is down. */
static bool take(struct coll *c, struct plan *p, int64_t type, uint32_t *from, struct rope *data)
{
    uint8_t head[HEAD_BYTES];
    struct nx_info i = nx_crecv(c->nx, type, UINT64_MAX, data);
    if (i.status != NX_OK || data->length < HEAD_BYTES) {
        rope_fini(data);
        failed(p, PIO_NODE_DOWN);
        return false;
    }
    ASSERT(i.type == type); /* PHASE1 */
    rope_take_front(data, sizeof head, head);
    uint64_t eof = wire_get64(head);
    p->eof = eof < p->eof ? eof : p->eof;
    failed(p, (enum pio_status)wire_get64(head + 8));
    *from = i.node;
    return true;
}

static void wait_sends(struct coll *c, struct nx_op **ops, uint32_t count, struct plan *p)
{
    for (uint32_t i = 0; i < count; i++)
        if (ops[i] && nx_msgwait(ops[i], NULL).status != NX_OK)
            failed(p, PIO_NODE_DOWN);
    port_free(c->port, ops);
}

/* Each rank sends its list to those in whose domains it has bytes.  False: a node is down. */
static bool lists_send(struct coll *c, const struct coll_part *x, struct plan *p, struct lists *l)
{
    struct nx_op **ops = port_alloc(c->port, p->domains * sizeof(struct nx_op *));
    int64_t *come = port_alloc(c->port, p->domains * sizeof *come), type = next_type(c);
    for (uint32_t a = 0; a < p->domains; a++) {
        const struct file_window *w = &p->windows[a * p->steps];
        const struct file_window domain = { w->lo, w[p->steps - 1].hi };
        struct rope image;
        come[a] = a != c->rank && file_list_bytes(l->of[c->rank], domain) > 0;
        ops[a] = NULL;
        if (come[a] == 0)
            continue;
        list_store(c, x, &image);
        ops[a] = nx_isend(c->nx, type, &image, a);
    }
    bool good = nx_gisum(c->nx, come, p->domains) == NX_OK;
    for (int64_t n = c->rank < p->domains ? come[c->rank] : 0; good && n > 0; n--) {
        struct rope image;
        struct nx_info i = nx_crecv(c->nx, type, UINT64_MAX, &image);
        good = i.status == NX_OK;
        if (good)
            lists_load(c, &image, i.node, i.node + 1, l);
        else
            rope_fini(&image);
    }
    port_free(c->port, come);
    wait_sends(c, ops, p->domains, p);
    return good && p->status == PIO_OK;
}

/* Step t of a read.  False: a node is down. */
static bool read_step(struct coll *c, struct plan *p, const struct lists *l, uint32_t t)
{
    const struct file_list mine = l->of[c->rank];
    struct nx_op **ops = port_alloc(c->port, c->ranks * sizeof(struct nx_op *));
    int64_t type = next_type(c);
    uint32_t come = 0;
    bool good = true;
    if (c->rank < p->domains) {
        uint32_t window = c->rank * p->steps + t;
        struct file_window w = p->windows[window], h = file_list_hull(l->of, c->ranks, w);
        struct rope data;
        rope_init(&data);
        if (h.lo < h.hi)
            read_hull(c, p, h, &data);
        for (uint32_t rank = 0; rank < c->ranks; rank++) {
            struct rope part;
            if (file_list_bytes(l->of[rank], w) == 0)
                continue;
            rope_init(&part);
            gather(c, l->of[rank], h.lo, &data, &part);
            hand(c, p, type, rank, window, &part, &ops[rank]);
        }
        rope_fini(&data);
    }
    for (uint32_t a = 0; a < p->domains; a++)
        come += a != c->rank && file_list_bytes(mine, p->windows[a * p->steps + t]) > 0;
    while (good && come-- > 0) {
        struct rope data;
        uint32_t from;
        good = take(c, p, type, &from, &data);
        if (good)
            rope_join(&p->parts[from * p->steps + t], &data);
    }
    wait_sends(c, ops, c->ranks, p);
    return good;
}

/* Step t of a write. */
static bool write_step(struct coll *c, struct plan *p, const struct lists *l, uint32_t t)
{
    const struct file_list mine = l->of[c->rank];
    struct nx_op **ops = port_alloc(c->port, p->domains * sizeof(struct nx_op *));
    int64_t type = next_type(c);
    bool good = true;
    for (uint32_t a = 0; a < p->domains; a++) {
        uint32_t window = a * p->steps + t;
        struct rope part;
        if (a == c->rank || file_list_bytes(mine, p->windows[window]) == 0)
            continue;
        rope_move(&part, &p->parts[window]);
        hand(c, p, type, a, window, &part, &ops[a]);
    }
    if (c->rank < p->domains) {
        uint32_t window = c->rank * p->steps + t, come = 0;
        struct file_window w = p->windows[window];
        struct rope *data = port_alloc(c->port, c->ranks * sizeof *data);
        struct file_merge m;
        for (uint32_t rank = 0; rank < c->ranks; rank++) {
            rope_init(&data[rank]);
            come += rank != c->rank && file_list_bytes(l->of[rank], w) > 0;
        }
        rope_join(&data[c->rank], &p->parts[window]);
        while (good && come-- > 0) {
            struct rope part;
            uint32_t from;
            good = take(c, p, type, &from, &part);
            if (good)
                rope_join(&data[from], &part);
        }
        if (good) {
            file_merge(c->port, l->of, data, c->ranks, w, NULL, &m);
            write_merged(c, p, &m);
        }
        for (uint32_t rank = 0; rank < c->ranks; rank++)
            rope_fini(&data[rank]);
        port_free(c->port, data);
    }
    wait_sends(c, ops, p->domains, p);
    return good;
}

static enum pio_status two_phase_transfer(struct coll *c, struct coll_part *x)
{
    struct plan p = { .status = PIO_OK };
    struct lists l;
    struct file_window all;
    uint32_t domains = (uint32_t)c->p->aggregators;
    bool everywhere = domains == 0 || domains >= c->ranks;
    if (!lists_extent(c, x, everywhere, &l, &all)) {
        lists_free(c, &l);
        return PIO_NODE_DOWN;
    }
    struct file_list mine = l.of[c->rank];
    plan_windows(c, all, everywhere ? c->ranks : domains, (uint64_t)c->p->align, &p);
    uint32_t windows = p.domains * p.steps;
    bool good = windows == 0 || everywhere || lists_send(c, x, &p, &l);
    if (x->op == PIO_WRITE)
        coll_cut(c, mine, &x->data, p.windows, windows, p.parts);
    for (uint32_t t = 0; good && t < p.steps; t++)
        good = x->op == PIO_READ ? read_step(c, &p, &l, t) : write_step(c, &p, &l, t);
    enum pio_status s = settle(c, p.status);
    if (s == PIO_OK && x->op == PIO_READ)
        coll_join(c, mine, p.eof, p.windows, windows, p.parts, &x->data);
    x->moved = x->op == PIO_READ ? x->data.length : file_list_bytes(mine, all);
    plan_free(c, &p);
    lists_free(c, &l);
    return s;
}

const struct coll_ops coll_sieve = {
    .kind = { .name = "sieve",
              .doc =
                  "Data sieving: each rank reads the extent of its list and picks its pieces; to "
                  "write, the ranks read, change and write back by turns." },
    .together = true,
    .nx = true,
    .alone = true,
    .transfer = sieve_transfer,
};
const struct coll_ops coll_two_phase = {
    .kind = { .name = "two_phase",
              .doc = "Each of `aggregators` ranks moves a part of the extent in long requests; the "
                     "ranks exchange the bytes by messages." },
    .together = true,
    .nx = true,
    .transfer = two_phase_transfer,
};
