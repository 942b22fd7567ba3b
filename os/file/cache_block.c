/* cache_block.c: ranges, and the blocks of the layer CACHE; see cache_internal.h. */
#include "os/file/cache_internal.h"

/* ---- ranges ---- */

void cache_set_cut(struct port *p, struct cache_set *s, uint64_t lo, uint64_t hi)
{
    struct cache_set out = { .count = 0 };
    if (s->count == 0 || lo >= hi)
        return;
    out.room = s->count + 1;
    out.at = port_alloc(p, out.room * sizeof *out.at);
    for (uint32_t i = 0; i < s->count; i++) {
        struct file_window x = s->at[i];
        if (x.lo < lo)
            out.at[out.count++] = (struct file_window){ x.lo, x.hi < lo ? x.hi : lo };
        if (x.hi > hi)
            out.at[out.count++] = (struct file_window){ x.lo > hi ? x.lo : hi, x.hi };
    }
    port_free(p, s->at);
    *s = out;
}

void cache_set_add(struct port *p, struct cache_set *s, uint64_t lo, uint64_t hi)
{
    uint32_t from = 0, to;
    if (lo >= hi)
        return;
    while (from < s->count && s->at[from].hi < lo)
        from++;
    for (to = from; to < s->count && s->at[to].lo <= hi; to++) {
        lo = s->at[to].lo < lo ? s->at[to].lo : lo;
        hi = s->at[to].hi > hi ? s->at[to].hi : hi;
    }
    if (from == to && s->count == s->room) {
        s->room = s->room == 0 ? 2 : 2 * s->room;
        s->at = port_realloc(p, s->at, s->room * sizeof *s->at);
    }
    if (from == to)
        for (uint32_t i = s->count; i > from; i--)
            s->at[i] = s->at[i - 1];
    else
        for (uint32_t i = to; i < s->count; i++)
            s->at[from + 1 + i - to] = s->at[i];
    s->count = s->count + 1 - (to - from);
    s->at[from] = (struct file_window){ lo, hi };
}

const struct file_window *cache_set_from(const struct cache_set *s, uint64_t at)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->at[i].hi > at)
            return &s->at[i];
    return NULL;
}

bool cache_set_has(const struct cache_set *s, uint64_t lo, uint64_t hi)
{
    const struct file_window *x = cache_set_from(s, lo);
    return lo >= hi || (x != NULL && x->lo <= lo && x->hi >= hi);
}

void cache_set_clear(struct port *p, struct cache_set *s)
{
    port_free(p, s->at);
    *s = (struct cache_set){ .at = NULL };
}

/* ---- replacement ---- */

bool cache_free_to_go(const struct cache_block *b)
{
    return b->pins == 0 && !b->reading && b->dirty.count == 0 && b->out.count == 0;
}

static bool may_go(struct cache_entry *e)
{
    return cache_free_to_go(CONTAINER_OF(e, struct cache_block, entry));
}

struct cache_policy *cache_policy_of(struct port *port, const struct kind_choice *policy,
                                     uint32_t most)
{
    struct kind_choice plain = kind_plain(&file_cache_policies, "lru");
    return cache_policy_start(port, policy->kind != NULL ? policy : &plain, most, may_go);
}

/* ---- blocks ---- */

struct key {
    uint64_t file, index;
};

struct cache_file *cache_file_of(struct cache *c, uint64_t file)
{
    const struct key key = { file, UINT64_MAX }; /* no block's */
    struct cache_file *f = xk_map_resolve(&c->map, &key);
    if (f != NULL)
        return f;
    f = port_alloc(c->sys.port, sizeof *f);
    *f = (struct cache_file){ .file = file, .last = UINT64_MAX, .way = FILE_AS_IT_COMES };
    f->readers = port_alloc(c->sys.port, ahead_bytes(&c->read_ahead) + 1);
    list_init(&f->link);
    list_init(&f->blocks);
    list_push(&c->files, &f->link);
    xk_map_bind(&c->map, &key, f);
    return f;
}

void cache_file_end(struct cache *c, struct cache_file *f)
{
    const struct key key = { f->file, UINT64_MAX };
    ASSERT(f->jobs == 0 && f->transfers == 0 && list_empty(&f->blocks));
    (void)xk_map_unbind(&c->map, &key);
    list_remove(&f->link);
    cache_policy_removed(c->policy, f->file);
    port_free(c->sys.port, f->readers);
    port_free(c->sys.port, f);
}

struct cache_block *cache_find(struct cache *c, struct cache_file *f, uint64_t index)
{
    const struct key key = { f->file, index };
    return xk_map_resolve(&c->map, &key);
}

void cache_use(struct cache *c, struct cache_block *b)
{
    cache_policy_used(c->policy, &b->entry);
    list_remove(&b->used);
    list_push(&c->used, &b->used);
}

static void drop(struct cache *c, struct cache_block *b, bool evicted)
{
    const struct key key = { b->f->file, b->entry.index };
    struct port *p = c->sys.port;
    ASSERT(b->pins == 0 && !b->reading && b->out.count == 0);
    if (b->dirty.count > 0)
        cache_cleaned(c, b);
    c->count--;
    (void)xk_map_unbind(&c->map, &key);
    cache_policy_left(c->policy, &b->entry, evicted);
    list_remove(&b->used);
    list_remove(&b->of_file);
    rope_fini(&b->data);
    cache_set_clear(p, &b->valid);
    cache_set_clear(p, &b->dirty);
    cache_set_clear(p, &b->out);
    port_free(p, b);
}

void cache_drop(struct cache *c, struct cache_block *b)
{
    drop(c, b, false);
}

void cache_dirtied(struct cache *c, struct cache_block *b)
{
    if (b->dirty.count > 0)
        return;
    c->dirty_count++;
    b->since = port_now(c->sys.port);
    list_push(&c->old, &b->old);
}

void cache_cleaned(struct cache *c, struct cache_block *b)
{
    c->dirty_count--;
    list_remove(&b->old);
}

struct cache_block *cache_take(struct cache *c, struct cache_file *f, uint64_t index, bool ahead)
{
    const struct key key = { f->file, index };
    if (c->count == c->most) {
        struct cache_entry *old = cache_policy_victim(c->policy, f->file, index);
        if (old == NULL)
            return NULL;
        c->counts.evicted++;
        drop(c, CONTAINER_OF(old, struct cache_block, entry), true);
    }
    struct cache_block *b = port_alloc(c->sys.port, sizeof *b);
    *b = (struct cache_block){ .f = f, .entry = { .file = f->file, .index = index } };
    list_init(&b->used);
    list_init(&b->of_file);
    list_init(&b->old);
    rope_init(&b->data);
    rope_add_zero(&b->data, c->block);
    xk_map_bind(&c->map, &key, b);
    list_push(&c->used, &b->used);
    list_push(&f->blocks, &b->of_file);
    cache_policy_enter(c->policy, &b->entry, ahead);
    c->count++;
    ASSERT(c->count <= c->most); /* CACHE6 */
    return b;
}

void cache_put(struct cache *c, struct cache_block *b, uint64_t lo, struct rope *data)
{
    struct rope tail, all;
    uint64_t hi = lo + data->length;
    rope_init(&all);
    rope_split(&b->data, lo, &tail);
    rope_join(&all, &b->data);
    rope_join(&all, data);
    rope_drop_front(&tail, hi - lo);
    rope_join(&all, &tail);
    rope_move(&b->data, &all);
    cache_set_add(c->sys.port, &b->valid, lo, hi);
}

void cache_refresh(struct cache *c, struct cache_file *f)
{
    struct port *p = c->sys.port;
    f->end = 0;
    f->last = UINT64_MAX;
    ahead_forget(&c->read_ahead, f->readers);
    LIST_EACH_SAFE (l, next, &f->blocks) {
        struct cache_block *b = LIST_ENTRY(l, struct cache_block, of_file);
        if (b->dirty.count == 0) {
            cache_drop(c, b);
            continue;
        }
        b->ended = false;
        cache_set_clear(p, &b->valid);
        for (uint32_t i = 0; i < b->dirty.count; i++)
            cache_set_add(p, &b->valid, b->dirty.at[i].lo, b->dirty.at[i].hi);
        uint64_t end = b->entry.index * c->block + b->dirty.at[b->dirty.count - 1].hi;
        f->end = end > f->end ? end : f->end;
    }
}

/* FILE_PROPAGATE, FILE_REFRESH: of all bytes. */
static bool of_all(const struct file_req *r)
{
    return r->size == 0 && file_bytes(r) == 0;
}

bool cache_hint_in(const struct cache *c, const struct file_req *r, uint64_t index,
                   void (*fn)(void *arg, uint64_t lo, uint64_t hi), void *arg)
{
    const struct file_window w = { index * c->block, (index + 1) * c->block };
    bool tail = r->size != 0 && r->size < w.hi, any = tail || of_all(r);
    if (any && fn != NULL)
        fn(arg, tail && r->size > w.lo ? r->size - w.lo : 0, c->block);
    for (uint32_t k = 0; k < r->run_count; k++) {
        struct file_clip clip = file_clip(&r->runs[k], w);
        any |= clip.bytes > 0;
        for (uint64_t i = clip.from; i < clip.to && fn != NULL; i++) {
            struct file_window x = file_piece(&r->runs[k], i, w);
            fn(arg, x.lo - w.lo, x.hi - w.lo);
        }
    }
    return any;
}

struct forgetting {
    struct port *p;
    struct cache_block *b;
};

static void forget_range(void *arg, uint64_t lo, uint64_t hi)
{
    const struct forgetting *x = arg;
    cache_set_cut(x->p, &x->b->valid, lo, hi);
    x->b->ended = false;
}

void cache_refresh_some(struct cache *c, struct cache_file *f, const struct file_req *r)
{
    struct forgetting x = { .p = c->sys.port };
    if (of_all(r)) {
        cache_refresh(c, f);
        return;
    }
    f->last = r->size != 0 ? UINT64_MAX : f->last;
    LIST_EACH_SAFE (l, next, &f->blocks) {
        struct cache_block *b = x.b = LIST_ENTRY(l, struct cache_block, of_file);
        (void)cache_hint_in(c, r, b->entry.index, forget_range, &x);
        b->ended = b->ended && r->size == 0;
        for (uint32_t i = 0; i < b->dirty.count; i++)
            cache_set_add(x.p, &b->valid, b->dirty.at[i].lo, b->dirty.at[i].hi);
        if (b->valid.count == 0 && !b->ended)
            cache_drop(c, b);
    }
}

void cache_forget(struct cache *c, struct cache_file *f)
{
    LIST_EACH_SAFE (l, next, &f->blocks)
        cache_drop(c, LIST_ENTRY(l, struct cache_block, of_file));
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
                uint64_t base = at / c->block * c->block;
                hi = base + c->block < end ? base + c->block : end;
                if (!fn(arg, at / c->block, at - base, hi - base))
                    return false;
            }
        }
    return true;
}
