/* cache_file.c: the files of the layer CACHE; see cache_internal.h. */
#include "os/file/cache_internal.h"

struct cache_file *cache_file_of(struct cache *c, uint64_t file)
{
    struct block_file *kept = blocks_file(&c->store, file);
    if (kept != NULL)
        return CONTAINER_OF(kept, struct cache_file, kept);
    struct cache_file *f = port_alloc(c->sys.port, sizeof *f);
    *f = (struct cache_file){ .file = file, .last = UINT64_MAX };
    list_init(&f->link);
    list_push(&c->files, &f->link);
    block_file_init(&f->kept, file, file);
    blocks_file_bind(&c->store, &f->kept);
    return f;
}

void cache_file_end(struct cache *c, struct cache_file *f)
{
    ASSERT(f->jobs == 0 && f->transfers == 0 && list_empty(&f->kept.blocks));
    blocks_file_unbind(&c->store, &f->kept);
    list_remove(&f->link);
    blocks_file_gone(&c->store, &f->kept);
    port_free(c->sys.port, f);
}

/* What is dirty is valid. */
static void keep_dirty(struct port *p, struct block *b)
{
    for (uint32_t i = 0; i < b->dirty.count; i++)
        block_set_add(p, &b->valid, block_ranges(&b->dirty)[i].lo, block_ranges(&b->dirty)[i].hi);
}

void cache_refresh(struct cache *c, struct cache_file *f)
{
    struct port *p = c->sys.port;
    f->end = 0;
    f->last = UINT64_MAX;
    blocks_forget_readers(&c->store, &f->kept);
    LIST_EACH_SAFE (l, next, &f->kept.blocks) {
        struct block *b = LIST_ENTRY(l, struct block, of_file);
        if (b->dirty.count == 0) {
            blocks_drop(&c->store, b);
            continue;
        }
        b->ended = false;
        block_set_clear(p, &b->valid);
        keep_dirty(p, b);
        uint64_t end =
            b->key.index * c->store.block + block_ranges(&b->dirty)[b->dirty.count - 1].hi;
        f->end = end > f->end ? end : f->end;
    }
}

struct forgetting {
    struct port *p;
    struct block *b;
};

static void forget_range(void *arg, uint64_t lo, uint64_t hi)
{
    const struct forgetting *x = arg;
    block_set_cut(x->p, &x->b->valid, lo, hi);
    x->b->ended = false;
}

void cache_refresh_some(struct cache *c, struct cache_file *f, const struct file_req *r)
{
    struct forgetting x = { .p = c->sys.port };
    if (blocks_hint_of_all(r)) {
        cache_refresh(c, f);
        return;
    }
    f->last = r->size != 0 ? UINT64_MAX : f->last;
    LIST_EACH_SAFE (l, next, &f->kept.blocks) {
        struct block *b = x.b = LIST_ENTRY(l, struct block, of_file);
        (void)blocks_hint_in(&c->store, r, b->key.index, forget_range, &x);
        b->ended = b->ended && r->size == 0;
        keep_dirty(x.p, b);
        if (b->valid.count == 0 && !b->ended)
            blocks_drop(&c->store, b);
    }
}

void cache_forget(struct cache *c, struct cache_file *f)
{
    LIST_EACH_SAFE (l, next, &f->kept.blocks)
        blocks_drop(&c->store, LIST_ENTRY(l, struct block, of_file));
    cache_refresh(c, f);
}

/* ---- the blocks of a list ---- */

bool cache_each_block(const struct cache *c, const struct file_req *r,
                      bool (*fn)(void *arg, uint64_t index, uint64_t lo, uint64_t hi), void *arg)
{
    for (uint32_t k = 0; k < r->run_count; k++)
        for (uint64_t i = 0; i < r->runs[k].count && r->runs[k].len > 0; i++) {
            uint64_t at = r->runs[k].off + i * r->runs[k].stride, end = at + r->runs[k].len;
            for (uint64_t hi; at < end; at = hi) {
                uint64_t base = at / c->store.block * c->store.block;
                hi = base + c->store.block < end ? base + c->store.block : end;
                if (!fn(arg, at / c->store.block, at - base, hi - base))
                    return false;
            }
        }
    return true;
}
