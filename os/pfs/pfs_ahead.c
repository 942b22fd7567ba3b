/* pfs_ahead.c: reading ahead: each open file has a list of the blocks that are expected next.
 *
 * After a read that was where it was expected the next blocks are asked for, at once, of the same
 * length: their places are the mode's to say (mode.h: expect).  A read of one of them takes it, or
 * waits for it.  A read elsewhere drops what there is, and twice as many reads must come as
 * expected before the next try: a pattern that cannot be followed costs little.
 *
 * What is kept is dropped by a write of this node that ends in it, a seek, a change of mode or
 * size, a close, and wherever the node gives up the token.  So with the token it is what a read
 * would bring; without, it is as of the time when it was read (PFS5).
 *
 *   asked --its pieces have ended--> kept --read--> given
 *   asked --dropped--> freed at its end; kept --dropped--> freed
 */
#include "os/pfs/pfs_internal.h"

#define NEED_MOST 64 /* ASSUMED(a pattern that changes is followed again after so many reads) */

struct block {
    struct list link;   /* pfs_file.ahead; in none once dropped or waited for */
    struct pfs_req req; /* its place and data */
    struct pfs_req *reader;
    bool dropped;
};

static bool follows(const struct pfs_file *f)
{
    return f->client->params->prefetch > 0 && f->ops->expect != NULL;
}

static void free_block(struct block *b)
{
    rope_fini(&b->req.data);
    port_free(b->req.file->client->port, b);
}

/* Drops it, one that nobody waits for. */
static void drop(struct block *b)
{
    struct pfs_file *f = b->req.file;
    list_remove(&b->link);
    f->client->counts.wasted++;
    if (f->expected.need < NEED_MOST && f->expected.fits > 0)
        f->expected.need *= 2;
    f->expected.fits = 0;
    b->dropped = true;
    if (b->req.ended)
        free_block(b);
}

void pfs_ahead_forget(struct pfs_file *f)
{
    LIST_EACH_SAFE (l, nx, &f->ahead)
        drop(LIST_ENTRY(l, struct block, link));
    f->expected.any = false;
}

void pfs_ahead_written(struct pfs_vnode *v, uint64_t off, uint64_t end)
{
    LIST_EACH (l, &v->opens) {
        struct pfs_file *f = LIST_ENTRY(l, struct pfs_file, same);
        LIST_EACH_SAFE (k, nx, &f->ahead) {
            struct block *b = LIST_ENTRY(k, struct block, link);
            if (b->req.off < end && off < b->req.off + b->req.len)
                drop(b);
        }
        LIST_EACH (k, &f->awaited)
            LIST_ENTRY(k, struct block, link)->dropped = true;
    }
}

void pfs_ahead_settle(struct pfs_file *f)
{
    pfs_ahead_forget(f);
    f->settling = port_thread_self(f->client->port);
    while (f->asked > 0)
        port_thread_block(f->client->port, "reading ahead", f->v->id);
    f->settling = NULL;
}

/* To the read that is for it. */
static void give(struct block *b, struct pfs_req *r)
{
    r->moved = r->len;
    rope_move(&r->data, &b->req.data);
    port_work(r->file->client->port, PORT_WORK_COPY, r->len);
    free_block(b);
    pfs_req_end(r, PFS_OK);
}

static void block_ended(struct pfs_req *q)
{
    struct block *b = CONTAINER_OF(q, struct block, req);
    struct pfs_file *f = q->file;
    struct pfs_req *r = b->reader;
    bool good = !b->dropped && q->status == PFS_OK && q->moved == q->len && !q->edge;
    if (--f->asked == 0 && f->settling != NULL)
        port_thread_wake(f->client->port, f->settling);
    if (good && r == NULL)
        return;
    list_remove(&b->link);
    if (good) {
        give(b, r);
        return;
    }
    if (r == NULL && !b->dropped)
        f->client->counts.wasted++;
    free_block(b);
    if (r != NULL)
        pfs_data_read(r);
}

bool pfs_ahead_serve(struct pfs_req *r)
{
    struct pfs_file *f = r->file;
    if (!follows(f) || r->len == 0)
        return false;
    LIST_EACH (l, &f->ahead) {
        struct block *b = LIST_ENTRY(l, struct block, link);
        if (b->req.off != r->off || b->req.len != r->len)
            continue;
        list_remove(&b->link);
        f->client->counts.hits++;
        f->expected.need = 1;
        b->reader = r;
        if (b->req.ended)
            give(b, r);
        else
            list_push(&f->awaited, &b->link);
        return true;
    }
    f->client->counts.misses++;
    LIST_EACH_SAFE (l, nx, &f->ahead)
        drop(LIST_ENTRY(l, struct block, link));
    return false;
}

bool pfs_expect_own(const struct pfs_req *r, uint32_t k, uint64_t *off)
{
    uint64_t away;
    return !__builtin_mul_overflow(r->file->expected.stride, k, &away) &&
           !__builtin_add_overflow(r->off, away, off);
}

/* Whether the read was where it was expected; from now on the next one is. */
static void learn(struct pfs_req *r)
{
    struct pfs_expected *x = &r->file->expected;
    bool one = x->any && r->len == x->len;
    if (!x->any || (one && r->off == x->off)) {
        x->fits++;
        x->stride = x->any ? x->stride : r->len;
    } else {
        x->fits = 0;
        x->stride = one && r->off > x->last ? r->off - x->last : r->len;
    }
    x->any = true;
    x->len = r->len;
    x->last = r->off;
    if (!r->file->ops->expect(r, 1, &x->off))
        x->any = false;
}

static bool is_there(const struct pfs_file *f, uint64_t off, uint32_t *count)
{
    bool found = false;
    *count = 0;
    LIST_EACH (l, &f->ahead) {
        found = found || LIST_ENTRY(l, struct block, link)->req.off == off;
        ++*count;
    }
    return found;
}

void pfs_ahead_next(struct pfs_req *r)
{
    struct pfs_file *f = r->file;
    struct pfs_vnode *v = f->v;
    uint32_t depth = (uint32_t)f->client->params->prefetch, count;
    uint64_t off, end;
    if (!follows(f) || r->len == 0 || f->settling != NULL)
        return;
    learn(r);
    if (f->expected.fits < f->expected.need || v->stale || (r->holds && v->recall != NULL))
        return;
    for (uint32_t k = 1; k <= depth && f->ops->expect(r, k, &off); k++) {
        if (__builtin_add_overflow(off, r->len, &end) || end > v->size)
            return;
        if (is_there(f, off, &count) || count >= depth)
            continue;
        struct block *b = port_alloc(f->client->port, sizeof *b);
        pfs_req_init(&b->req, PFS_READ, f);
        b->req.off = off;
        b->req.len = r->len;
        b->req.ahead = true;
        b->req.done = block_ended;
        list_push(&f->ahead, &b->link);
        f->asked++;
        pfs_data_ahead(&b->req);
    }
}
