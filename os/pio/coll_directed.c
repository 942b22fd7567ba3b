/* coll_directed.c: transfers that know who keeps which part of the file: disk-directed, where each
 * rank tells its list to them and they move the bytes (os/file/directed.h), and a request at a time
 * of each part.
 *
 * The file's stripe units are dealt out to the parts; a window of a part is some units in a row. A
 * rank's bytes of a window are told unit by unit, and of a unit as its list has them.
 *
 *   CDIR1  All ranks cut the parts into the same windows: of the largest number of units, halved
 *       from all, with which no rank's call or answer is too long.
 *   CDIR2  DIR1: who hears of a death calls no more, and gives the transfer up at every server; one
 *       that gives no answer is told again for a while, for it may come back.
 */
#include <stdio.h> /* snprintf alone */
#include <string.h>

#include "os/file/directed.h"
#include "os/pio/coll_internal.h"
#include "os/xk/peers.h"

#define GIVE_UPS 20 /* so often a server is told that a transfer was given up */
#define GIVE_UP_PAUSE (50 * SIM_MS)
#define WINDOWS_AHEAD 2 /* the servers have one to move while the next is on its way */

struct plan {
    struct coll *c;
    struct pio_stripes at;
    struct file_list l;
    uint64_t first, units;       /* units of the file: from here, so many */
    struct file_window *windows; /* of each */
    struct rope *parts;          /* what the list has in each */
    uint64_t each;               /* units of a part in a window */
    uint32_t rounds;             /* windows of a part */
    uint64_t eof;                /* by_part: the first byte that the file did not have */
    enum pio_status status;
    struct port_thread *thread;
    uint64_t transfer;     /* its number */
    uint32_t deaths, told; /* heard of in it; when it was given up last */
    bool waits;            /* in call_all */
};

struct call { /* of a window of a part */
    struct plan *p;
    uint32_t dir, window;
    struct file_run *runs;
    struct rope args;
    bool ended;
};

static struct file_ref part_of(const struct plan *p, uint32_t dir)
{
    struct file_ref part = p->at.part;
    size_t n = strlen(part.name);
    if (p->at.numbered)
        (void)snprintf(part.name + n, sizeof part.name - n, "%x", dir);
    return part;
}

static void failed(struct plan *p, enum pio_status s)
{
    p->status = s > p->status ? s : p->status;
}

/* ---- units and windows ---- */

/* Unit k of part `dir`, counted from the first that the transfer touches, as an index of the
 * plan's; false: it has no more. */
static bool unit_of(const struct plan *p, uint32_t dir, uint64_t k, uint64_t *unit)
{
    uint64_t skip = (dir + p->at.factor - p->first % p->at.factor) % p->at.factor;
    *unit = skip + k * p->at.factor;
    return *unit < p->units;
}

/* The runs of the list in a unit, as runs of the part; NULL: they are counted. */
static uint32_t unit_runs(const struct plan *p, uint64_t unit, struct file_run *out)
{
    struct file_window w = p->windows[unit];
    uint64_t base = (p->first + unit) / p->at.factor * p->at.unit; /* of the unit, in the part */
    uint64_t start = (p->first + unit) * p->at.unit;
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->l.count; i++) {
        const struct file_run *r = &p->l.runs[i];
        struct file_clip x = file_clip(r, w);
        while (x.from < x.to) {
            struct file_window a = file_piece(r, x.from, w);
            uint64_t whole = x.to - x.from; /* alike: all but a last that is cut */
            if (a.hi - a.lo < r->len)
                whole = 1;
            else if (whole > 1 &&
                     file_piece(r, x.to - 1, w).hi - (r->off + (x.to - 1) * r->stride) < r->len)
                whole--;
            if (out)
                out[n] = (struct file_run){ .off = base + a.lo - start,
                                            .len = a.hi - a.lo,
                                            .stride = r->stride,
                                            .count = whole };
            n++;
            x.from += whole;
        }
    }
    return n;
}

/* Whether a call of this rank for each window of `each` units, and its answer, are short enough. */
static bool fits(const struct plan *p, uint64_t each, uint64_t most)
{
    for (uint32_t dir = 0; dir < p->at.factor; dir++) {
        uint64_t unit, bytes = 0, runs = 0;
        for (uint64_t k = 0; unit_of(p, dir, k, &unit); k++) {
            if (k % each == 0)
                bytes = runs = 0;
            bytes += file_list_bytes(p->l, p->windows[unit]);
            runs += unit_runs(p, unit, NULL);
            if (directed_beside((uint32_t)runs) + bytes > most)
                return false;
        }
    }
    return true;
}

/* CDIR1.  False: a node is down, or no call is long enough. */
static bool choose_windows(struct plan *p)
{
    uint64_t of_part = (p->units + p->at.factor - 1) / p->at.factor;
    uint64_t most = select_max_bytes(p->at.rpc);
    int64_t halved = 0;
    while ((of_part >> halved) > 1 && !fits(p, of_part >> halved, most))
        halved++;
    bool good = fits(p, (of_part >> halved) > 0 ? of_part >> halved : 1, most);
    int64_t agreed[] = { halved, good ? 0 : 1 };
    if (!coll_largest(p->c, agreed, 2)) {
        failed(p, PIO_NODE_DOWN);
        return false;
    }
    p->each = of_part >> agreed[0] > 0 ? of_part >> agreed[0] : 1;
    p->rounds = (uint32_t)((of_part + p->each - 1) / p->each);
    if (agreed[1] != 0)
        failed(p, PIO_UNSUPPORTED);
    else
        ASSERT(fits(p, p->each, most)); /* CDIR1 */
    return agreed[1] == 0;
}

/* ---- giving up ---- */

/* Of a rank, or of a server. */
static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct plan *p = arg;
    const struct os_layout *l = p->c->file->sys->node->layout;
    bool ours = false;
    (void)life;
    for (uint32_t i = 0; i < p->at.factor; i++)
        ours |= p->at.host[i] == node;
    for (uint32_t i = 0; i < p->c->ranks; i++)
        ours |= l->compute[i] == node;
    if (alive || !ours)
        return;
    p->deaths++;
    if (p->waits)
        port_thread_wake(p->c->port, p->thread);
}

struct notice {
    struct plan *p;
    bool ended, heard;
};

static void noticed(void *arg, enum xk_status status, struct rope *reply)
{
    struct notice *n = arg;
    (void)reply;
    n->heard = status == XK_OK;
    n->ended = true;
    port_thread_wake(n->p->c->port, n->p->thread);
}

/* CDIR2.  (blocks) */
static void give_up(struct plan *p)
{
    struct directed_call c = { .transfer = p->transfer, .ranks = p->c->ranks };
    p->told = p->deaths;
    for (uint32_t dir = 0; dir < p->at.factor; dir++) {
        struct notice n = { .p = p };
        c.part = part_of(p, dir);
        for (uint32_t i = 0; i < GIVE_UPS && !n.heard; i++) {
            struct rope args;
            if (i > 0)
                port_thread_sleep(p->c->port, GIVE_UP_PAUSE);
            rope_init(&args);
            directed_store(&args, &c);
            n.ended = select_call(p->at.rpc, p->at.host[dir], p->at.service, DIRECTED_GIVE_UP,
                                  &args, noticed, &n) != XK_OK;
            rope_fini(&args);
            while (!n.ended)
                port_thread_block(p->c->port, "giving up a disk-directed transfer", dir);
        }
    }
}

/* ---- calls ---- */

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct call *x = arg;
    struct plan *p = x->p;
    enum pio_status s = pio_of_file(directed_answer(status, reply));
    struct rope_cursor from;
    uint64_t unit;
    failed(p, s);
    p->deaths += s == PIO_SERVER_DOWN;
    if (s == PIO_OK)
        rope_cursor_init(&from, reply);
    for (uint64_t k = x->window * p->each; k < (x->window + 1) * p->each && s == PIO_OK; k++) {
        if (!unit_of(p, x->dir, k, &unit) || from.left == 0)
            break;
        uint64_t n = file_list_bytes(p->l, p->windows[unit]);
        rope_cursor_take(&from, n < from.left ? n : from.left, &p->parts[unit]);
    }
    x->ended = true;
    port_thread_wake(p->c->port, p->thread);
}

/* (blocks) while the host's queue is full. */
static void call(struct plan *p, struct call *x, enum pio_op op)
{
    struct directed_call c = { .write = op == PIO_WRITE,
                               .part = part_of(p, x->dir),
                               .transfer = p->transfer,
                               .window = x->window,
                               .ranks = p->c->ranks };
    uint64_t unit, from = x->window * p->each;
    uint32_t n = 0;
    for (uint64_t k = from; k < from + p->each && unit_of(p, x->dir, k, &unit); k++)
        n += unit_runs(p, unit, NULL);
    x->runs = port_alloc(p->c->port, (n + 1) * sizeof *x->runs);
    for (uint64_t k = from; k < from + p->each && unit_of(p, x->dir, k, &unit); k++)
        c.run_count += unit_runs(p, unit, x->runs + c.run_count);
    c.runs = x->runs;
    rope_init(&x->args);
    directed_store(&x->args, &c);
    for (uint64_t k = from; k < from + p->each && unit_of(p, x->dir, k, &unit); k++) {
        p->c->counts.exchanged += op == PIO_WRITE ? p->parts[unit].length : 0;
        if (op == PIO_WRITE)
            rope_join(&x->args, &p->parts[unit]);
    }
    p->c->counts.requests++;
    for (;;) {
        enum xk_status s = select_call(p->at.rpc, p->at.host[x->dir], p->at.service, DIRECTED_MOVE,
                                       &x->args, answered, x);
        if (s == XK_OK)
            break;
        if (s != XK_BUSY) {
            answered(x, s, NULL);
            break;
        }
        port_thread_sleep(p->c->port, SIM_MS);
    }
    rope_fini(&x->args);
    port_free(p->c->port, x->runs);
}

static void wait_on(struct plan *p, uint32_t t)
{
    if (p->deaths != p->told) {
        give_up(p);
        return;
    }
    p->waits = true;
    port_thread_block(p->c->port, "a disk-directed transfer", t);
    p->waits = false;
}

/* A call of every window of every part, some windows ahead of the answers. */
static void call_all(struct plan *p, enum pio_op op)
{
    uint32_t factor = p->at.factor;
    struct call *calls = port_alloc(p->c->port, (size_t)factor * p->rounds * sizeof *calls);
    for (uint32_t t = 0; t < p->rounds + WINDOWS_AHEAD; t++) {
        for (uint32_t dir = 0; dir < factor && t >= WINDOWS_AHEAD; dir++)
            while (!calls[(t - WINDOWS_AHEAD) * factor + dir].ended)
                wait_on(p, t);
        for (uint32_t dir = 0; dir < factor && t < p->rounds; dir++) {
            struct call *x = &calls[t * factor + dir];
            *x = (struct call){ .p = p, .dir = dir, .window = t };
            if (p->deaths == 0)
                call(p, x, op);
            else
                answered(x, XK_UNREACHABLE, NULL);
        }
    }
    if (p->deaths != p->told)
        give_up(p);
    port_free(p->c->port, calls);
}

/* ---- the method ---- */

/* What all lists reach over as far as the file goes, which for a write is made as large; and the
 * transfer's number, that is rank 0's clock. */
static bool settle_extent(struct plan *p, enum pio_op op, uint64_t *begin, uint64_t *end)
{
    struct coll *c = p->c;
    struct file_window all = file_list_hull(&p->l, 1, (struct file_window){ 0, UINT64_MAX });
    int64_t x[2] = { (int64_t)all.hi, all.lo < all.hi ? -(int64_t)all.lo : -INT64_MAX };
    if (!coll_largest(c, x, 2))
        return false;
    *end = (uint64_t)x[0];
    *begin = (uint64_t)-x[1];
    x[1] = 0;
    if (c->rank == 0) {
        struct pio_control size = { .what = PIO_GET_SIZE };
        enum pio_status s = pio_control(c->file->sys, c->file, &size);
        if (s == PIO_OK && op == PIO_WRITE && size.value < *end) {
            s = pio_set_size(c->file, *end);
            size.value = *end;
        }
        x[0] = s == PIO_OK ? (int64_t)size.value : 0;
        x[1] = port_now(c->port) / SIM_NS * PIO_STATUS_COUNT + s;
    } else {
        x[0] = 0;
    }
    if (!coll_largest(c, x, 2))
        return false;
    p->transfer = (uint64_t)x[1] / PIO_STATUS_COUNT;
    failed(p, (enum pio_status)(x[1] % PIO_STATUS_COUNT));
    *end = op == PIO_READ && (uint64_t)x[0] < *end ? (uint64_t)x[0] : *end;
    return true;
}

static void plan_units(struct plan *p, uint64_t lo, uint64_t end)
{
    p->first = lo / p->at.unit;
    p->units = end > lo ? (end - 1) / p->at.unit - p->first + 1 : 0;
    p->windows = port_alloc(p->c->port, (p->units + 1) * sizeof *p->windows);
    p->parts = port_alloc(p->c->port, (p->units + 1) * sizeof *p->parts);
    for (uint64_t u = 0; u < p->units; u++) {
        uint64_t hi = (p->first + u + 1) * p->at.unit;
        p->windows[u] = (struct file_window){ (p->first + u) * p->at.unit, hi < end ? hi : end };
        rope_init(&p->parts[u]);
    }
}

static void plan_free(struct plan *p)
{
    for (uint64_t u = 0; u < p->units; u++)
        rope_fini(&p->parts[u]);
    port_free(p->c->port, p->parts);
    port_free(p->c->port, p->windows);
}

static enum pio_status together(struct plan *p, struct coll_part *x)
{
    struct coll *c = p->c;
    uint64_t begin = 0, end = 0;
    struct file_window all = file_list_hull(&p->l, 1, (struct file_window){ 0, UINT64_MAX });
    for (uint32_t i = 0; i < p->at.factor; i++) /* who comes back in it is not waited for */
        p->deaths += !xk_alive(p->at.rpc->kernel, p->at.host[i]);
    if (!settle_extent(p, x->op, &begin, &end))
        return PIO_NODE_DOWN;
    plan_units(p, begin, end);
    if (p->status == PIO_OK && p->units > 0 && choose_windows(p)) {
        if (x->op == PIO_WRITE)
            coll_cut(c, p->l, &x->data, p->windows, (uint32_t)p->units, p->parts);
        call_all(p, x->op);
    }
    int64_t worst = p->status;
    if (!coll_largest(c, &worst, 1))
        worst = PIO_NODE_DOWN;
    if (worst == PIO_OK && x->op == PIO_READ && p->units > 0)
        coll_join(c, p->l, end, p->windows, (uint32_t)p->units, p->parts, &x->data);
    x->moved = x->op == PIO_READ ? x->data.length : file_list_bytes(p->l, all);
    c->counts.requested += x->moved;
    plan_free(p);
    return (enum pio_status)worst;
}

static enum pio_status directed_transfer(struct coll *c, struct coll_part *x)
{
    struct plan p = { .c = c, .l = { x->runs, x->run_count }, .status = PIO_OK };
    p.thread = port_thread_self(c->port);
    c->file->sys->ops->stripes(c->file, &p.at);
    if (p.at.factor == 0)
        return PIO_UNSUPPORTED;
    if (x->op == PIO_WRITE) /* before: a node may come back while the ranks agree */
        c->file->sys->ops->written(c->file);
    xk_on_peer(p.at.rpc->kernel, peer_changed, &p);
    enum pio_status s = together(&p, x);
    xk_off_peer(p.at.rpc->kernel, &p);
    return s;
}

/* ---- a request at a time of each part ---- */

/* The pieces of one part, one after the other. */
struct chain {
    struct plan *p;
    uint32_t dir, run; /* the run whose pieces in the unit come now */
    uint64_t k, unit;  /* its k-th unit */
    struct file_clip clip;
    struct rope_cursor data; /* a write's, of the unit */
    struct file_run one;
    struct pio_req q;
    enum pio_op op;
    bool begun, inside, ended; /* of a unit; in a submit; of a request */
    uint32_t *left;            /* chains that are not done */
};

/* Sets `one` to the next piece; false: there is none. */
static bool next_piece(struct chain *x)
{
    struct plan *p = x->p;
    while (x->begun || unit_of(p, x->dir, x->k, &x->unit)) {
        if (!x->begun) {
            x->begun = true;
            x->run = 0;
            x->clip = (struct file_clip){ 0 };
            rope_cursor_init(&x->data, &p->parts[x->unit]);
        }
        while (x->clip.from == x->clip.to && x->run < p->l.count)
            x->clip = file_clip(&p->l.runs[x->run++], p->windows[x->unit]);
        if (x->clip.from < x->clip.to) {
            struct file_window w =
                file_piece(&p->l.runs[x->run - 1], x->clip.from++, p->windows[x->unit]);
            x->one = (struct file_run){ .off = w.lo, .len = w.hi - w.lo, .count = 1 };
            return true;
        }
        x->begun = false;
        x->k++;
    }
    return false;
}

static void piece_ended(struct pio_req *q);

static void ask_on(struct chain *x)
{
    struct plan *p = x->p;
    x->inside = true;
    for (x->ended = true; x->ended && p->status == PIO_OK && next_piece(x);) {
        x->ended = false;
        pio_req_init(&x->q, x->op, p->c->file);
        x->q.runs = &x->one;
        x->q.run_count = 1;
        x->q.done = piece_ended;
        x->q.arg = x;
        if (x->op == PIO_WRITE)
            rope_cursor_take(&x->data, x->one.len, &x->q.data);
        p->c->counts.requests++;
        pio_submit(&x->q);
    }
    x->inside = false;
    if (x->ended && --*x->left == 0)
        port_thread_wake(p->c->port, p->thread);
}

static void piece_ended(struct pio_req *q)
{
    struct chain *x = q->arg;
    struct plan *p = x->p;
    failed(p, q->status);
    p->c->counts.requested += q->moved;
    if (q->status == PIO_OK && q->moved < x->one.len && x->one.off + q->moved < p->eof)
        p->eof = x->one.off + q->moved;
    if (x->op == PIO_READ)
        rope_join(&p->parts[x->unit], &q->data);
    rope_fini(&q->data);
    x->ended = true;
    if (!x->inside)
        ask_on(x);
}

static enum pio_status by_part_transfer(struct coll *c, struct coll_part *x)
{
    struct plan p = { .c = c, .l = { x->runs, x->run_count }, .eof = UINT64_MAX };
    struct file_window all = file_list_hull(&p.l, 1, (struct file_window){ 0, UINT64_MAX });
    p.thread = port_thread_self(c->port);
    c->file->sys->ops->stripes(c->file, &p.at);
    if (p.at.factor == 0)
        return PIO_UNSUPPORTED;
    plan_units(&p, all.lo, all.hi);
    uint32_t left = p.at.factor + 1;
    struct chain *chains = port_alloc(c->port, p.at.factor * sizeof *chains);
    if (x->op == PIO_WRITE && p.units > 0)
        coll_cut(c, p.l, &x->data, p.windows, (uint32_t)p.units, p.parts);
    for (uint32_t dir = 0; dir < p.at.factor; dir++) {
        chains[dir] = (struct chain){ .p = &p, .dir = dir, .op = x->op, .left = &left };
        ask_on(&chains[dir]);
    }
    for (left--; left > 0;)
        port_thread_block(c->port, "pieces of a file", c->rank);
    if (p.status == PIO_OK && x->op == PIO_READ && p.units > 0)
        coll_join(c, p.l, p.eof, p.windows, (uint32_t)p.units, p.parts, &x->data);
    x->moved = x->op == PIO_READ ? x->data.length : file_list_bytes(p.l, all);
    port_free(c->port, chains);
    plan_free(&p);
    return p.status;
}

const struct coll_ops coll_by_part = {
    .kind = { .name = "by_part",
              .doc =
                  "Each rank asks for one piece after the other of each part of the file: as many "
                  "requests under way as there are parts." },
    .alone = true,
    .stripes = true,
    .transfer = by_part_transfer,
};
const struct coll_ops coll_directed = {
    .kind = { .name = "directed",
              .doc =
                  "Disk-directed: those who keep the parts of the file get the lists of all ranks "
                  "and move the bytes in the order of their disks." },
    .together = true,
    .nx = true,
    .stripes = true,
    .transfer = directed_transfer,
};
