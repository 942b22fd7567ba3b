/* store_io.c: the steps of reads and writes.
 *
 * A list of runs becomes pieces, each of one block.  A READ takes them in the order of the device,
 * and fills buffers ahead; a WRITE in the order of the object: all its blocks are given to it
 * first, then one after the other gets its bytes.
 */
#include "os/vesta/store_internal.h"

#include <stdlib.h>

/* ---- pieces ---- */

static int by_offset(const void *a, const void *b)
{
    const struct vst_piece *x = a, *y = b;
    if (x->off != y->off)
        return x->off < y->off ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int by_device(const void *a, const void *b)
{
    const struct vst_piece *x = a, *y = b;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return by_offset(a, b);
}

static int by_place(const void *a, const void *b)
{
    const struct vst_piece *x = *(struct vst_piece *const *)a, *y = *(struct vst_piece *const *)b;
    return (x->at > y->at) - (x->at < y->at);
}

static void sort(struct vst_op *o, int (*order)(const void *, const void *))
{
    bool sorted = true;
    for (uint32_t i = 1; i < o->count && sorted; i++)
        sorted = order(&o->pieces[i - 1], &o->pieces[i]) <= 0;
    if (!sorted)
        qsort(o->pieces, o->count, sizeof *o->pieces, order);
}

static uint32_t block_of(const struct vst_op *o, uint64_t off)
{
    return (uint32_t)(off / o->vs->super.block);
}

static void add_piece(struct vst_op *o, uint32_t *room, uint64_t off, uint64_t at, uint32_t len)
{
    struct vst_piece *last = o->count > 0 ? &o->pieces[o->count - 1] : NULL;
    if (last != NULL && last->off + last->len == off && last->at + last->len == at &&
        block_of(o, last->off) == block_of(o, off)) {
        last->len += len;
        return;
    }
    if (o->count == *room) {
        *room = *room == 0 ? 4 : 2 * *room;
        o->pieces = port_realloc(o->vs->port, o->pieces, *room * sizeof *o->pieces);
    }
    o->pieces[o->count++] = (struct vst_piece){ .off = off, .at = at, .len = len };
}

/* The pieces of the list up to the first byte at or behind `limit` (FILE3); their bytes. */
static uint64_t expand(struct vst_op *o, uint64_t limit)
{
    const struct file_req *r = o->req;
    uint32_t block = o->vs->super.block, room = 0;
    uint64_t at = 0;
    bool over = false;
    for (uint32_t i = 0; i < r->run_count && !over; i++) {
        const struct file_run *x = &r->runs[i];
        for (uint64_t k = 0; k < x->count && !over; k++) {
            uint64_t off = x->off + k * x->stride;
            uint64_t len = off >= limit ? 0 : x->len < limit - off ? x->len : limit - off;
            for (uint64_t done = 0, n; done < len; done += n, at += n) {
                n = block - (off + done) % block;
                n = n < len - done ? n : len - done;
                add_piece(o, &room, off + done, at, (uint32_t)n);
            }
            over = len < x->len;
        }
    }
    return at;
}

static void pay(struct vst *vs, uint64_t bytes)
{
    port_work(vs->port, PORT_WORK_COPY, bytes);
    vs->counts.copied_bytes += bytes;
}

/* ---- reading ---- */

/* Fills buffers for the pieces from o->ahead on, in the order of the device; how many requests. */
static uint32_t fill_ahead(struct vst_op *o)
{
    uint32_t begun = 0, most = o->next + ((uint32_t)o->vs->params.cache + 1) / 2;
    o->ahead = o->ahead > o->next ? o->ahead : o->next;
    while (o->ahead < o->count && o->ahead < most) {
        uint32_t dev = o->pieces[o->ahead].dev, end = dev + 1, i = o->ahead + 1;
        for (; dev != 0 && i < o->count && i < most && o->pieces[i].dev <= end; i++)
            end = o->pieces[i].dev + 1;
        if (dev != 0 && vst_buf_find(o->vs, dev) == NULL) {
            uint32_t n = vst_buf_fill(o->f, dev, end - dev, o);
            if (n == 0)
                break;
            begun++;
            for (i = o->ahead; i < o->count && o->pieces[i].dev < dev + n; i++)
                ;
        } else {
            i = o->ahead + 1;
        }
        o->ahead = i;
    }
    return begun;
}

/* The next piece; false: the request waits. */
static bool read_some(struct vst_op *o)
{
    struct vst *vs = o->vs;
    struct vst_piece *p = &o->pieces[o->next];
    struct block *b = p->dev != 0 ? vst_buf_find(vs, p->dev) : NULL;
    rope_init(&p->data);
    if (p->dev == 0) {
        rope_add_zero(&p->data, p->len);
    } else if (b != NULL && b->valid.count > 0) {
        rope_add_slice(&p->data, &b->data, p->off % vs->super.block, p->len);
        pay(vs, p->len);
        vs->counts.buffer_hits++;
        blocks_had(&vs->store, b);
        blocks_use(&vs->store, b);
    } else {
        o->ahead = b == NULL ? o->next : o->ahead;
        (void)fill_ahead(o);
        b = vst_buf_find(vs, p->dev);
        if (b == NULL)
            blocks_write_some(&vs->store, 1);
        vst_park(o, b != NULL ? &b->waiters : &vs->buf_waiters);
        return false;
    }
    o->next++;
    return true;
}

/* Fills buffers for `want` blocks from `blk` on that have none. */
static void prefetch(struct vst_file *f, uint32_t blk, uint32_t want)
{
    const struct vst_node *root = f->version[0].root;
    uint64_t end = (f->version[0].size + f->vs->super.block - 1) / f->vs->super.block;
    want = blk + (uint64_t)want < end ? want : blk < end ? (uint32_t)(end - blk) : 0;
    for (uint32_t i = 0, n; i < want; i += n) {
        uint32_t dev = vst_lookup(root, blk + i);
        for (n = 1; dev != 0 && i + n < want && vst_lookup(root, blk + i + n) == dev + n; n++)
            ;
        if (dev != 0 && vst_buf_find(f->vs, dev) == NULL)
            n = vst_buf_fill(f, dev, n, NULL);
        else
            n = 1;
        if (n == 0)
            return;
    }
}

static bool in_buffer(struct vst_file *f, uint32_t blk)
{
    uint32_t dev = vst_lookup(f->version[0].root, blk);
    return dev != 0 && vst_buf_find(f->vs, dev) != NULL;
}

/* What is expected farther away. */
static void read_far(struct vst_op *o)
{
    const struct file_req *r = o->req;
    for (uint32_t i = o->plan.first; o->plan.last > 0 && i <= o->plan.last; i++) {
        uint64_t off = r->runs->off + (uint64_t)((int64_t)i * o->plan.distance);
        if (off >= o->f->version[0].size)
            return;
        uint32_t blk = block_of(o, off);
        prefetch(o->f, blk, block_of(o, off + r->runs->len - 1) + 1 - blk);
    }
}

/* A sequential reader nears the end of what is cached: fetch more meanwhile. */
static void read_ahead(struct vst_op *o)
{
    const struct file_req *r = o->req;
    read_far(o);
    if (o->more == 0 || r->moved == 0)
        return;
    const struct file_run *x = &r->runs[r->run_count - 1];
    uint32_t next = block_of(o, x->off + (x->count - 1) * x->stride + x->len - 1) + 1, i = 0;
    while (i <= o->more / 2 && in_buffer(o->f, next + i))
        i++;
    if (i <= o->more / 2)
        prefetch(o->f, next + i, o->more);
}

/* How many blocks behind a READ are worth fetching; of a list those behind whatever goes on where a
 * reader of the object was, whosever, for the block before its first is in a buffer. */
static uint32_t worth(struct vst_op *o)
{
    const struct file_req *r = o->req;
    if (o->count == 0)
        return 0;
    uint64_t off = o->pieces[0].off;
    uint32_t blk = block_of(o, off);
    return blocks_worth(&o->vs->store, &o->f->kept, r, off, off + r->moved,
                        r->run_count > 1 || r->runs->count > 1,
                        blk == 0 || in_buffer(o->f, blk - 1), &o->plan);
}

/* What the pieces have got becomes the data, in the order of the list. */
static void join(struct vst_op *o)
{
    struct rope *data = &o->req->data;
    uint32_t n = o->next;
    struct vst_piece **sorted = port_alloc(o->vs->port, (n + 1) * sizeof(struct vst_piece *));
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = &o->pieces[i];
    qsort(sorted, n, sizeof(struct vst_piece *), by_place);
    for (uint32_t i = 0; i < n; i++) {
        if (o->status == FILE_OK)
            rope_join(data, &sorted[i]->data);
        rope_fini(&sorted[i]->data);
    }
    port_free(o->vs->port, sorted);
}

void vst_step_read(struct vst_op *o)
{
    if (o->phase == 0) {
        o->phase = 1;
        o->req->moved = expand(o, o->f->version[0].size);
        o->more = worth(o);
        for (uint32_t i = 0; i < o->count; i++)
            o->pieces[i].dev = vst_lookup(o->f->version[0].root, block_of(o, o->pieces[i].off));
        sort(o, by_device);
    }
    if (o->base_failed)
        o->status = FILE_IO_ERROR;
    while (o->status == FILE_OK && o->next < o->count)
        if (!read_some(o))
            return;
    if (o->pending > 0)
        return;
    join(o);
    if (o->status == FILE_OK)
        read_ahead(o);
    else
        o->req->moved = 0;
    vst_complete(o, o->status);
}

static void forgotten(struct vst_op *o)
{
    LIST_EACH_SAFE (l, nx, &o->f->kept.blocks) {
        struct block *b = LIST_ENTRY(l, struct block, of_file);
        if (b->dirty.count == 0 && !vst_buf_busy(b))
            blocks_drop(&o->vs->store, b);
    }
    vst_complete(o, FILE_OK);
}

/* A hint of what goes: buffers are told apart by where their blocks lie on the device. */
static void tell(struct vst_op *o)
{
    struct blocks *s = &o->vs->store;
    struct file_req there = *o->req;
    uint64_t block = s->block, size = (o->f->version[0].size + block - 1) / block * block;
    (void)expand(o, size);
    struct file_run *runs = port_alloc(o->vs->port, (o->count + 1) * sizeof *runs);
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        const struct vst_piece *p = &o->pieces[i];
        uint64_t dev = vst_lookup(o->f->version[0].root, block_of(o, p->off));
        if (dev != 0)
            runs[n++] =
                (struct file_run){ .off = dev * block + p->off % block, .len = p->len, .count = 1 };
    }
    there.runs = runs;
    there.run_count = n;
    if (o->req->hint == FILE_WONT_NEED)
        blocks_wont_need(s, &o->f->kept, &there);
    else if (n > 0 || file_bytes(o->req) == 0 || o->req->hint != FILE_PRIORITY)
        blocks_advise(s, &there);
    port_free(o->vs->port, runs);
}

void vst_step_hint(struct vst_op *o)
{
    uint32_t most = (uint32_t)o->vs->params.cache / 2;
    if (o->req->hint == FILE_FORGET) {
        if (vst_uncommitted(o->f))
            vst_commit(o, true, forgotten);
        else
            forgotten(o);
        return;
    }
    if (o->req->hint >= FILE_WONT_NEED && o->req->hint <= FILE_PROGRAM)
        tell(o);
    else if (o->req->hint >= FILE_AS_IT_COMES && o->req->hint <= FILE_RANDOM)
        blocks_way(&o->vs->store, &o->f->kept, o->req);
    if (o->req->hint != FILE_WILL_READ) {
        vst_complete(o, FILE_OK);
        return;
    }
    (void)expand(o, o->f->version[0].size);
    for (uint32_t i = 0, n; i < o->count && i < most; i += n) {
        uint32_t blk = block_of(o, o->pieces[i].off);
        for (n = 1; i + n < o->count && block_of(o, o->pieces[i + n].off) == blk + n; n++)
            ;
        prefetch(o->f, blk, n < most ? n : most);
    }
    vst_complete(o, FILE_OK);
}

/* ---- writing ---- */

/* Whether the store has room for all pieces, which are in the order of the object. */
static bool fits(const struct vst_op *o)
{
    uint32_t need = 0, last = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        uint32_t blk = block_of(o, o->pieces[i].off);
        need += (i == 0 || blk != last) && !vst_is_fresh(o->f, blk);
        last = blk;
    }
    return o->count == 0 || vst_fits(o->f, block_of(o, o->pieces[0].off), last + 1, need);
}

static void own_all(struct vst_op *o)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        struct vst_piece *p = &o->pieces[i];
        uint32_t blk = block_of(o, p->off);
        p->first = (i == 0 || blk != last) && !vst_is_fresh(o->f, blk);
        p->dev = vst_own(o->f, blk, &p->hold);
        last = blk;
    }
}

/* What the piece's block has goes to o->base, where it is needed; false: the request waits. */
static bool get_base(struct vst_op *o, const struct vst_piece *p)
{
    struct vst *vs = o->vs;
    uint32_t block = vs->super.block, from = p->first ? p->hold : p->dev;
    uint64_t rest = o->f->version[0].size > p->off - p->off % block
                        ? o->f->version[0].size - (p->off - p->off % block)
                        : 0;
    if (o->has_base || from == 0 || p->len == block ||
        (p->first && p->off % block == 0 && p->len >= rest))
        return true;
    struct block *b = vst_buf_find(vs, from);
    if (b != NULL && b->valid.count > 0) {
        rope_add_slice(&o->base, &b->data, 0, block);
        blocks_had(&vs->store, b);
        o->has_base = true;
        return true;
    }
    if (b == NULL && vst_buf_fill(o->f, from, 1, o) > 0)
        b = vst_buf_find(vs, from);
    if (b == NULL)
        blocks_write_some(&vs->store, 1);
    vst_park(o, b != NULL ? &b->waiters : &vs->buf_waiters);
    return false;
}

/* The next piece gets its bytes; false: the request waits. */
static bool write_some(struct vst_op *o)
{
    struct vst *vs = o->vs;
    const struct vst_piece *p = &o->pieces[o->next];
    uint32_t block = vs->super.block, at = (uint32_t)(p->off % block);
    struct block *b;
    struct rope made;
    if (!get_base(o, p) || (b = vst_buf_get(o, p->dev)) == NULL)
        return false;
    if (!o->has_base)
        rope_add_zero(&o->base, block);
    rope_init(&made);
    rope_add_slice(&made, &o->base, 0, at);
    rope_add_slice(&made, &o->data, p->at, p->len);
    rope_add_slice(&made, &o->base, at + p->len, block - at - p->len);
    rope_fini(&o->base);
    o->has_base = false;
    vst_buf_dirty(vs, b, o->f, &made);
    port_work(vs->port, PORT_WORK_BLOCK, 1);
    pay(vs, p->len);
    o->next++;
    blocks_cluster(&vs->store, b);
    blocks_behind(&vs->store);
    return true;
}

/* What was held goes; blocks that got no bytes are the old ones again. */
static void end_pieces(struct vst_op *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        struct vst_piece *p = &o->pieces[i];
        if (p->first && i >= o->next)
            vst_disown(o->f, block_of(o, p->off), p->hold);
        else if (p->hold != 0)
            vst_drop_block(o->f, p->hold);
    }
}

static void again(struct vst_op *o);

/* The pieces get the bytes of o->data; false: the request waits. */
static bool put(struct vst_op *o)
{
    if (o->phase == 1 || o->phase == 2) {
        if (fits(o)) {
            own_all(o);
            o->phase = 3;
        } else if (o->phase == 1) { /* what was given up may help, once that is committed */
            o->phase = 2;
            vst_commit(o, true, again);
            return false;
        } else {
            o->status = FILE_NO_SPACE;
            o->count = 0;
        }
    }
    if (o->base_failed)
        o->status = FILE_IO_ERROR;
    while (o->status == FILE_OK && o->next < o->count)
        if (!write_some(o))
            return false;
    if (o->pending > 0)
        return false;
    end_pieces(o);
    return true;
}

/* The object has nothing left to give up; others may. */
static void again(struct vst_op *o)
{
    o->step = o->req->op == FILE_WRITE ? vst_step_write : vst_step_size;
    o->status = FILE_OK; /* others' trouble is theirs */
    vst_flush_all(o->vs, o);
    if (o->pending == 0)
        o->step(o);
}

void vst_step_write(struct vst_op *o)
{
    struct file_req *r = o->req;
    struct vst_file *f = o->f;
    if (o->phase == 0) {
        o->phase = 1;
        rope_move(&o->data, &r->data);
        (void)expand(o, UINT64_MAX);
        sort(o, by_offset);
    }
    if (o->phase == 2)
        o->status = FILE_OK;
    if (!put(o))
        return;
    if (o->status == FILE_OK) {
        for (uint32_t i = 0; i < o->count; i++) {
            uint64_t end = o->pieces[i].off + o->pieces[i].len;
            r->grew = r->grew || end > f->version[0].size;
            f->version[0].size = end > f->version[0].size ? end : f->version[0].size;
        }
        r->moved = o->data.length;
    }
    if (o->count > 0) {
        f->mtime = port_now(o->vs->port);
        vst_changed(f);
    }
    vst_complete(o, o->status);
}

/* The rest of the last block becomes zeros, what lies behind it goes. */
void vst_step_size(struct vst_op *o)
{
    struct vst_file *f = o->f;
    uint64_t size = o->req->size, was = f->version[0].size, block = o->vs->super.block;
    if (o->phase == 0) {
        o->phase = 1;
        if (size < was && size % block > 0 &&
            vst_lookup(f->version[0].root, block_of(o, size)) != 0) {
            uint64_t end = size - size % block + block;
            uint32_t room = 0, n = (uint32_t)((end < was ? end : was) - size);
            add_piece(o, &room, size, 0, n);
            rope_add_zero(&o->data, n);
        }
    }
    if (o->phase == 2)
        o->status = FILE_OK;
    if (!put(o))
        return;
    if (o->status == FILE_OK && size < was && o->vs->free_nodes < VST_LEVELS)
        o->status = FILE_NO_SPACE;
    if (o->status == FILE_OK) {
        if (size < was)
            vst_cut(f, (uint32_t)((size + block - 1) / block));
        f->version[0].size = size;
        f->mtime = port_now(o->vs->port);
        vst_changed(f);
    }
    vst_complete(o, o->status);
}
