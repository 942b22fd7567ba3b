/* cache_ahead.c: what the layer CACHE reads before anybody asks; see cache_internal.h. */
#include "os/file/cache_internal.h"

/* Blocks that nobody has asked for, as long as there is room; false: there is no more. */
static bool read_on(struct cache *c, struct cache_file *f, uint64_t from, uint64_t to)
{
    to = f->last < to ? f->last + 1 : to;
    if (from >= to)
        return true;
    struct block **row = port_alloc(c->sys.port, (to - from) * sizeof(struct block *));
    bool full;
    uint32_t n = blocks_take_row(&c->store, &f->kept, from, to, true, row, &full);
    c->store.counts.ahead += n;
    cache_read(c, f, row, n);
    port_free(c->sys.port, row);
    return !full;
}

static bool read_one(void *arg, uint64_t index, uint64_t lo, uint64_t hi)
{
    struct cache_job *j = arg;
    (void)lo, (void)hi;
    return read_on(j->c, j->f, index, index + 1);
}

/* The list of the READ, moved on. */
static bool read_list(struct cache_job *j, int64_t by)
{
    struct port *p = j->c->sys.port;
    const struct file_req *r = j->r;
    struct file_req moved = *r;
    struct file_run *runs = port_alloc(p, (r->run_count + 1) * sizeof *runs);
    bool good = true;
    for (uint32_t i = 0; i < r->run_count && good; i++) {
        runs[i] = r->runs[i];
        good = by >= 0 || runs[i].off >= (uint64_t)-by;
        runs[i].off += (uint64_t)by;
    }
    moved.runs = runs;
    good = good && cache_each_block(j->c, &moved, read_one, j);
    port_free(p, runs);
    return good;
}

struct counted {
    uint64_t blocks, last;
};

static bool count(void *arg, uint64_t index, uint64_t lo, uint64_t hi)
{
    struct counted *x = arg;
    (void)lo, (void)hi;
    x->blocks += x->blocks == 0 || x->last != index;
    x->last = index;
    return true;
}

void cache_read_ahead(struct cache_job *j)
{
    struct cache *c = j->c;
    struct cache_file *f = j->f;
    const struct file_req *r = j->r;
    struct ahead_plan plan;
    struct counted x = { .blocks = 0 };
    if (r->run_count == 0 || r->runs->len == 0)
        return;
    const struct file_run *last = &r->runs[r->run_count - 1];
    if (last->count == 0 || last->len == 0)
        return;
    (void)cache_each_block(c, r, count, &x);
    uint64_t off = r->runs->off, end = last->off + (last->count - 1) * last->stride + last->len;
    bool before =
        off < c->store.block || blocks_find(&c->store, &f->kept, off / c->store.block - 1) != NULL;
    blocks_plan(&c->store, &f->kept, r, off, end, x.blocks, before, &plan);
    if (plan.from < plan.to)
        (void)read_on(c, f, plan.from, plan.to);
    for (uint32_t i = plan.first; i <= plan.last; i++)
        if (!read_list(j, (int64_t)i * plan.distance))
            return;
}

static bool will_read(void *arg, uint64_t index, uint64_t lo, uint64_t hi)
{
    struct cache_job *j = arg;
    return ++j->count <= j->c->store.most / 2 && (read_one(arg, index, lo, hi) || true);
}

void cache_will_read(struct cache_job *j)
{
    (void)cache_each_block(j->c, j->r, will_read, j);
}
