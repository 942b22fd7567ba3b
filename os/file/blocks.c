/* blocks.c: the store of blocks: ranges, the table, replacement; see blocks.h. */
#include "os/file/blocks.h"

/* ---- ranges ---- */

static struct file_window *ranges(struct block_set *s)
{
    return s->at != NULL ? s->at : &s->one;
}

/* Room for one more. */
static void make_room(struct port *p, struct block_set *s)
{
    if (s->count == 0 || (s->at != NULL && s->count < s->room))
        return;
    s->room = s->at == NULL ? 4 : 2 * s->room;
    s->at = port_realloc(p, s->at, s->room * sizeof *s->at);
    if (s->count == 1)
        s->at[0] = s->one;
}

void block_set_cut(struct port *p, struct block_set *s, uint64_t lo, uint64_t hi)
{
    struct block_set out = { .count = 0 };
    for (uint32_t i = 0; i < s->count; i++) {
        struct file_window x = block_ranges(s)[i];
        if (lo >= hi || x.lo < lo)
            block_set_add(p, &out, x.lo, lo >= hi || x.hi < lo ? x.hi : lo);
        if (lo < hi && x.hi > hi)
            block_set_add(p, &out, x.lo > hi ? x.lo : hi, x.hi);
    }
    block_set_clear(p, s);
    *s = out;
}

void block_set_add(struct port *p, struct block_set *s, uint64_t lo, uint64_t hi)
{
    struct file_window *at = ranges(s);
    uint32_t from = 0, to;
    if (lo >= hi)
        return;
    while (from < s->count && at[from].hi < lo)
        from++;
    for (to = from; to < s->count && at[to].lo <= hi; to++) {
        lo = at[to].lo < lo ? at[to].lo : lo;
        hi = at[to].hi > hi ? at[to].hi : hi;
    }
    if (from == to) {
        make_room(p, s);
        at = ranges(s);
        for (uint32_t i = s->count; i > from; i--)
            at[i] = at[i - 1];
    } else {
        for (uint32_t i = to; i < s->count; i++)
            at[from + 1 + i - to] = at[i];
    }
    s->count = s->count + 1 - (to - from);
    at[from] = (struct file_window){ lo, hi };
}

const struct file_window *block_set_from(const struct block_set *s, uint64_t at)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (block_ranges(s)[i].hi > at)
            return &block_ranges(s)[i];
    return NULL;
}

bool block_set_has(const struct block_set *s, uint64_t lo, uint64_t hi)
{
    const struct file_window *x = block_set_from(s, lo);
    return lo >= hi || (x != NULL && x->lo <= lo && x->hi >= hi);
}

void block_set_clear(struct port *p, struct block_set *s)
{
    if (s->at != NULL)
        port_free(p, s->at);
    *s = (struct block_set){ .at = NULL };
}

/* ---- the table ---- */

#define FILE_INDEX UINT64_MAX /* of a file: no block's */

static struct block_key **slot_of(struct blocks *s, uint64_t space, uint64_t index)
{
    uint64_t h = (space * 0x9e3779b97f4a7c15u ^ index) * 0xbf58476d1ce4e5b9u;
    return &s->slots[(h >> 32) & (s->slot_count - 1)];
}

static void grow(struct blocks *s)
{
    struct block_key **old = s->slots;
    uint32_t count = s->slot_count;
    s->slot_count = count == 0 ? 16 : 2 * count;
    s->slots = port_alloc(s->port, s->slot_count * sizeof(struct block_key *));
    for (uint32_t i = 0; i < count; i++)
        for (struct block_key *k = old[i], *next; k != NULL; k = next) {
            struct block_key **to = slot_of(s, k->space, k->index);
            next = k->chain;
            k->chain = *to;
            *to = k;
        }
    port_free(s->port, old);
}

static void bind(struct blocks *s, struct block_key *k)
{
    if (s->keys == s->slot_count)
        grow(s);
    struct block_key **at = slot_of(s, k->space, k->index);
    k->chain = *at;
    *at = k;
    s->keys++;
    s->hit = k;
}

static void unbind(struct blocks *s, struct block_key *k)
{
    struct block_key **at = slot_of(s, k->space, k->index);
    if (s->priced && s->hit != k)
        port_work(s->port, PORT_WORK_LOOKUP, 1);
    while (*at != k)
        at = &(*at)->chain;
    *at = k->chain;
    s->keys--;
    s->hit = NULL;
}

static struct block_key *look(struct blocks *s, uint64_t space, uint64_t index)
{
    struct block_key *k = s->hit;
    if (k != NULL && k->index == index && k->space == space)
        return k;
    if (s->priced)
        port_work(s->port, PORT_WORK_LOOKUP, 1);
    if (s->keys == 0)
        return NULL;
    for (k = *slot_of(s, space, index); k != NULL; k = k->chain)
        if (k->index == index && k->space == space)
            return s->hit = k;
    return NULL;
}

struct block *blocks_look(struct blocks *s, uint64_t space, uint64_t index)
{
    struct block_key *k = look(s, space, index);
    return k != NULL ? CONTAINER_OF(k, struct block, key) : NULL;
}

struct block_file *blocks_file(struct blocks *s, uint64_t space)
{
    struct block_key *k = look(s, space, FILE_INDEX);
    return k != NULL ? CONTAINER_OF(k, struct block_file, key) : NULL;
}

void block_file_init(struct block_file *f, uint64_t space, uint64_t id)
{
    *f = (struct block_file){ .key = { .space = space, .index = FILE_INDEX }, .id = id };
    f->way = FILE_AS_IT_COMES;
    list_init(&f->blocks);
    list_init(&f->opens);
}

void blocks_file_gone(struct blocks *s, struct block_file *f)
{
    cache_policy_removed(s->policy, f->id);
    for (struct list *l; (l = list_pop(&f->opens)) != NULL;)
        port_free(s->port, LIST_ENTRY(l, struct block_open, link));
    f->way = FILE_AS_IT_COMES;
}

void blocks_file_bind(struct blocks *s, struct block_file *f)
{
    bind(s, &f->key);
}

void blocks_file_unbind(struct blocks *s, struct block_file *f)
{
    unbind(s, &f->key);
}

/* ---- the store ---- */

bool block_may_go(const struct block *b)
{
    return b->pins == 0 && !b->reading && b->dirty.count == 0 && b->out.count == 0 &&
           list_empty(&b->waiters);
}

static bool may_go(struct cache_entry *e)
{
    return block_may_go(CONTAINER_OF(e, struct block, entry));
}

void blocks_init(struct blocks *s, struct port *port, const struct blocks_ops *ops, uint64_t block,
                 uint32_t most, const struct kind_choice *policy)
{
    struct kind_choice plain = kind_plain(&file_cache_policies, "lru");
    *s = (struct blocks){ .ops = ops, .port = port, .block = block, .most = most };
    s->policy = cache_policy_start(port, policy->kind != NULL ? policy : &plain, most, may_go);
    list_init(&s->used);
    list_init(&s->old);
}

void blocks_fini(struct blocks *s)
{
    ASSERT(s->count == 0 && s->keys == 0);
    cache_policy_end(s->policy);
    port_free(s->port, s->slots);
}

static void touch(struct blocks *s, struct block *b)
{
    list_remove(&b->used);
    list_push(&s->used, &b->used);
    list_remove(&b->of_file);
    list_push(&b->f->blocks, &b->of_file);
}

void blocks_use(struct blocks *s, struct block *b)
{
    cache_policy_used(s->policy, &b->entry);
    touch(s, b);
}

void blocks_had(struct blocks *s, struct block *b)
{
    s->fresh_count -= b->fresh;
    b->fresh = false;
}

static void drop(struct blocks *s, struct block *b, bool evicted)
{
    ASSERT(b->pins == 0 && !b->reading && b->out.count == 0); /* BLOCKS3 */
    ASSERT(!evicted || block_may_go(b));                      /* BLOCKS2 */
    blocks_had(s, b);
    if (s->ops->leaves != NULL)
        s->ops->leaves(s, b);
    blocks_clean(s, b);
    s->count--;
    unbind(s, &b->key);
    cache_policy_left(s->policy, &b->entry, evicted);
    list_remove(&b->used);
    list_remove(&b->of_file);
    rope_fini(&b->data);
    block_set_clear(s->port, &b->valid);
    port_free(s->port, b);
}

void blocks_drop(struct blocks *s, struct block *b)
{
    drop(s, b, false);
}

/* A block to give up, or NULL.  Fresh ones are passed over as if they were used now, if all are the
 * first goes (BLOCKS4). */
static struct block *victim(struct blocks *s, const struct block_file *f, uint64_t index)
{
    struct block *kept = NULL;
    uint64_t turns = (uint64_t)s->spared * s->most;
    for (;;) {
        struct cache_entry *e = cache_policy_victim(s->policy, f->id, index);
        struct block *b = e != NULL ? CONTAINER_OF(e, struct block, entry) : NULL;
        if (b == NULL || b == kept)
            return kept;
        if (b->fresh && s->counts.fetched - b->born > turns)
            blocks_had(s, b);
        if (!b->fresh)
            return b;
        kept = kept != NULL ? kept : b;
        bool ahead = e->ahead;
        blocks_use(s, b);
        e->ahead = ahead;
    }
}

struct block *blocks_take(struct blocks *s, struct block_file *f, uint64_t index, bool ahead)
{
    if (s->count >= s->most) {
        struct block *old = victim(s, f, index);
        if (old == NULL)
            return NULL;
        s->counts.evicted++;
        drop(s, old, true);
    }
    struct block *b = port_alloc(s->port, sizeof *b);
    *b = (struct block){ .key = { .space = f->key.space, .index = index }, .f = f };
    b->entry = (struct cache_entry){ .file = f->id, .index = index };
    list_init(&b->used);
    list_init(&b->of_file);
    list_init(&b->old);
    list_init(&b->waiters);
    rope_init(&b->data);
    rope_add_zero(&b->data, s->block);
    bind(s, &b->key);
    list_push(&s->used, &b->used);
    list_push(&f->blocks, &b->of_file);
    cache_policy_enter(s->policy, &b->entry, ahead);
    s->count++;
    ASSERT(s->count <= s->most); /* BLOCKS1, CACHE6 */
    return b;
}

uint32_t blocks_take_row(struct blocks *s, struct block_file *f, uint64_t from, uint64_t to,
                         bool gaps, struct block **row, bool *full)
{
    uint32_t n = 0;
    *full = false;
    for (uint64_t i = from; i < to; i++) {
        if (blocks_find(s, f, i) != NULL) {
            if (gaps)
                continue;
            break;
        }
        struct block *b = blocks_take(s, f, i, true);
        *full = b == NULL;
        if (*full)
            break;
        b->reading = true;
        b->fresh = s->spared > 0;
        b->born = s->counts.fetched;
        s->fresh_count += b->fresh;
        row[n++] = b;
    }
    return n;
}

void blocks_give(struct blocks *s, struct block *b, struct block_file *f)
{
    bool ahead = b->entry.ahead;
    if (b->f == f)
        return;
    if (b->dirty.count > 0) {
        b->f->dirty--;
        f->dirty++;
    }
    cache_policy_left(s->policy, &b->entry, false);
    b->f = f;
    b->entry.file = f->id;
    cache_policy_enter(s->policy, &b->entry, ahead);
    touch(s, b);
}

static uint64_t bytes_of(const struct block_set *s)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < s->count; i++)
        n += block_ranges(s)[i].hi - block_ranges(s)[i].lo;
    return n;
}

bool blocks_check(const struct blocks *s, uint32_t dirty, struct err *e)
{
    uint32_t count = 0, fresh = 0, mine = 0;
    uint64_t unsaved = 0;
    LIST_EACH (l, &s->used) {
        const struct block *b = LIST_ENTRY(l, struct block, used);
        count++;
        mine += b->dirty.count > 0;
        fresh += b->fresh;
        unsaved += bytes_of(&b->dirty) + bytes_of(&b->out);
        if (b->data.length != s->block)
            return err_set(e, "a block holds %llu bytes", (unsigned long long)b->data.length);
    }
    if (unsaved != s->unsaved)
        return err_set(e, "%llu bytes are dirty or out: the count says %llu",
                       (unsigned long long)unsaved, (unsigned long long)s->unsaved);
    return (count == s->count && count <= s->most && mine == s->dirty_count && mine == dirty &&
            fresh == s->fresh_count) ||
           err_set(e, "%u blocks, %u dirty, %u fresh: the counts say %u, %u (of files %u), %u",
                   count, mine, fresh, s->count, s->dirty_count, dirty, s->fresh_count);
}

/* ---- bytes ---- */

/* Slices beyond which a block is copied together: many small writes otherwise leave one slice
 * each. */
#define SLICES 16

void blocks_put(struct blocks *s, struct block *b, uint64_t lo, struct rope *data)
{
    struct rope tail, all;
    uint64_t hi = lo + data->length;
    if (lo == 0 && hi == s->block) {
        rope_fini(&b->data);
        rope_move(&b->data, data);
    } else {
        rope_init(&all);
        rope_split(&b->data, lo, &tail);
        rope_join(&all, &b->data);
        rope_join(&all, data);
        rope_drop_front(&tail, hi - lo);
        rope_join(&all, &tail);
        rope_move(&b->data, &all);
    }
    if (b->data.count > SLICES)
        rope_flatten(&b->data, true);
    block_set_add(s->port, &b->valid, lo, hi);
}

void blocks_fill(struct blocks *s, struct block *b, struct rope *data)
{
    uint64_t at = 0, got = data->length;
    if (b->valid.count == 0 && got > 0) {
        blocks_put(s, b, 0, data);
        return;
    }
    while (at < got) {
        const struct file_window *x = block_set_from(&b->valid, at);
        struct file_window had = x != NULL ? *x : (struct file_window){ got, got };
        uint64_t hi = had.lo < got ? had.lo : got;
        if (at < hi) {
            struct rope part;
            rope_init(&part);
            rope_add_slice(&part, data, at, hi - at);
            blocks_put(s, b, at, &part);
        }
        at = had.hi > hi ? had.hi : hi;
    }
}

void blocks_dirty(struct blocks *s, struct block *b, uint64_t lo, uint64_t hi)
{
    s->unsaved -= bytes_of(&b->dirty);
    if (b->dirty.count == 0) {
        s->dirty_count++;
        b->f->dirty++;
        b->since = port_now(s->port);
        list_push(&s->old, &b->old);
    }
    block_set_add(s->port, &b->dirty, lo, hi);
    s->unsaved += bytes_of(&b->dirty);
}

static void not_dirty(struct blocks *s, struct block *b)
{
    s->dirty_count--;
    b->f->dirty--;
    list_remove(&b->old);
}

void blocks_clean(struct blocks *s, struct block *b)
{
    if (b->dirty.count == 0)
        return;
    not_dirty(s, b);
    s->unsaved -= bytes_of(&b->dirty);
    block_set_clear(s->port, &b->dirty);
}

void blocks_out(struct blocks *s, struct block *b)
{
    ASSERT(block_writable(b)); /* BLOCKS3 */
    not_dirty(s, b);
    b->out = b->dirty;
    b->dirty = (struct block_set){ .at = NULL };
    s->counts.written++;
}

void blocks_down(struct blocks *s, struct block *b)
{
    s->unsaved -= bytes_of(&b->out);
    block_set_clear(s->port, &b->out);
}

/* ---- read-ahead ---- */

void blocks_ahead_init(struct blocks *s, int64_t blocks, const struct kind_choice *policy,
                       const char *plain)
{
    s->ahead = (uint32_t)blocks;
    s->read_ahead = policy->kind != NULL ? *policy : kind_plain(&file_read_aheads, plain);
}

static uint64_t stream_of(const struct blocks *s, const struct file_req *r)
{
    return ahead_by_open(&s->read_ahead) ? r->stream : 0;
}

/* NULL: it has neither read nor said how. */
static struct block_open *open_find(struct block_file *f, uint64_t stream)
{
    LIST_EACH (l, &f->opens)
        if (LIST_ENTRY(l, struct block_open, link)->stream == stream)
            return LIST_ENTRY(l, struct block_open, link);
    return NULL;
}

static void open_end(struct blocks *s, struct block_open *x)
{
    list_remove(&x->link);
    port_free(s->port, x);
}

static struct block_open *open_of(struct blocks *s, struct block_file *f, uint64_t stream)
{
    struct block_open *x = open_find(f, stream);
    uint32_t count = 0;
    if (x != NULL) {
        list_remove(&x->link);
        list_push_front(&f->opens, &x->link);
        return x;
    }
    LIST_EACH (l, &f->opens)
        count++;
    if (count >= BLOCKS_OPENS)
        open_end(s, LIST_ENTRY(f->opens.prev, struct block_open, link));
    x = port_alloc(s->port, sizeof *x + ahead_bytes(&s->read_ahead));
    x->stream = stream;
    x->way = FILE_HINT_COUNT;
    list_push_front(&f->opens, &x->link);
    return x;
}

void blocks_plan(struct blocks *s, struct block_file *f, const struct file_req *q, uint64_t off,
                 uint64_t end, uint64_t blocks, bool before, struct ahead_plan *plan)
{
    const struct ahead_ops *ops = (const struct ahead_ops *)s->read_ahead.kind;
    struct ahead_read r = { .off = off, .end = end, .blocks = blocks, .way = f->way };
    struct block_open *x = NULL;
    r.block = s->block;
    r.most = s->ahead;
    r.before = before;
    if (ahead_bytes(&s->read_ahead) > 0) {
        x = open_of(s, f, stream_of(s, q));
        r.way = x->way != FILE_HINT_COUNT ? x->way : f->way;
    }
    *plan = (struct ahead_plan){ .first = 1 };
    ops->read(s->read_ahead.params, x != NULL ? x->state : NULL, &r, plan);
}

uint32_t blocks_worth(struct blocks *s, struct block_file *f, const struct file_req *r,
                      uint64_t off, uint64_t end, bool list, bool before, struct ahead_plan *plan)
{
    uint64_t behind = end > off ? (end - 1) / s->block + 1 : 0;
    if (behind == 0 || s->fresh_count >= s->most / 2)
        return 0;
    if (list)
        return before ? s->ahead : 0;
    blocks_plan(s, f, r, off, end, behind - off / s->block, before, plan);
    return plan->to > behind ? (uint32_t)(plan->to - behind) : 0;
}

void blocks_forget_readers(struct blocks *s, struct block_file *f)
{
    LIST_EACH (l, &f->opens)
        ahead_forget(&s->read_ahead, LIST_ENTRY(l, struct block_open, link)->state);
}

void blocks_way(struct blocks *s, struct block_file *f, const struct file_req *r)
{
    uint64_t stream = stream_of(s, r);
    if (stream != 0)
        open_of(s, f, stream)->way = r->hint;
    else
        f->way = r->hint;
}

void blocks_closed(struct blocks *s, struct block_file *f, const struct file_req *r)
{
    struct block_open *x = r->stream != 0 ? open_find(f, r->stream) : NULL;
    if (x != NULL)
        open_end(s, x);
}

/* ---- hints ---- */

bool blocks_hint_of_all(const struct file_req *r)
{
    return r->size == 0 && file_bytes(r) == 0;
}

bool blocks_hint_in(const struct blocks *s, const struct file_req *r, uint64_t index,
                    void (*fn)(void *arg, uint64_t lo, uint64_t hi), void *arg)
{
    const struct file_window w = { index * s->block, (index + 1) * s->block };
    bool tail = r->size != 0 && r->size < w.hi, any = tail || blocks_hint_of_all(r);
    if (any && fn != NULL)
        fn(arg, tail && r->size > w.lo ? r->size - w.lo : 0, s->block);
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

void blocks_wont_need(struct blocks *s, struct block_file *f, const struct file_req *r)
{
    const struct file_list runs = { r->runs, r->run_count };
    for (uint32_t k = 0; k < r->run_count; k++)
        if (r->runs[k].count > 1 && r->runs[k].stride < r->runs[k].len)
            return;
    LIST_EACH_SAFE (l, next, &f->blocks) {
        struct block *b = LIST_ENTRY(l, struct block, of_file);
        uint64_t base = b->key.index * s->block;
        if (file_list_bytes(runs, (struct file_window){ base, base + s->block }) < s->block)
            continue;
        if (block_may_go(b)) {
            blocks_drop(s, b);
            continue;
        }
        list_remove(&b->used);
        list_push_front(&s->used, &b->used);
        cache_policy_demote(s->policy, &b->entry);
    }
}

void blocks_advise(struct blocks *s, const struct file_req *r)
{
    struct cache_advice a = { r->hint, r->file, 0, UINT64_MAX, r->size };
    if (r->hint != FILE_PRIORITY || file_bytes(r) == 0) {
        cache_policy_advise(s->policy, &a);
        return;
    }
    for (uint32_t k = 0; k < r->run_count; k++)
        for (uint64_t i = 0; i < r->runs[k].count && r->runs[k].len > 0; i++) {
            uint64_t at = r->runs[k].off + i * r->runs[k].stride;
            a.from = at / s->block;
            a.to = (at + r->runs[k].len - 1) / s->block + 1;
            cache_policy_advise(s->policy, &a);
        }
}
