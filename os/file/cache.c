/* cache.c: CACHE, a layer that keeps blocks of files: its jobs; see cache.h. */
#include "os/file/cache_internal.h"

const struct param file_cache_params[] = {
    P_SIZE(file_cache_params, bytes, "1MiB", "1KiB", "4GiB", "What it keeps at most.",
           "ASSUMED(a sixteenth of a node's memory)"),
    P_SIZE(file_cache_params, block, "8KiB", "64B", "16MiB", "Bytes of a block.",
           "ASSUMED(the block of the file systems below)"),
    P_INT(file_cache_params, ahead, "8", "0", "1000000",
          "Blocks that are read ahead at most; no more than a quarter of all.",
          "ASSUMED(one stripe unit of PFS)"),
    P_SIZE(file_cache_params, dirty, "512KiB", "0", "4GiB",
           "What may wait to be written; 0: each write goes down at once.",
           "ASSUMED(half of what it keeps)"),
    BLOCKS_PARAMS(file_cache_params),
    P_BOOL(file_cache_params, on_close, "false",
           "What waits of a file goes down when a program closes it (system `files`)."),
    P_KIND(file_cache_params, read_ahead, "sequential", file_read_aheads,
           "What is read before it is asked for."),
    P_END,
};

const struct counter file_cache_counters[] = {
    C_SUM(cache, store.counts, hits, "1", "Blocks of reads that the layer had."),
    C_SUM(cache, store.counts, misses, "1", "Blocks of reads that it had not, or not yet."),
    C_SUM(cache, store.counts, ahead, "1", "Blocks that were read ahead."),
    C_SUM(cache, store.counts, ahead_used, "1", "Of these: asked for before they went."),
    C_SUM(cache, store.counts, fetched, "1", "Blocks that were read from below."),
    C_SUM(cache, store.counts, written, "1", "Blocks of which dirty bytes were written below."),
    COUNTER(COUNTER_LEFT, "lost_bytes", cache, store.unsaved, "B",
            "Bytes that were written, and not below, or on their way there, as the node died."),
    COUNTER(COUNTER_SUM, "failed_bytes", cache, store.counts.failed, "B",
            "Bytes that could not be written below: they are lost."),
    C_SUM(cache, store.counts, evicted, "1", "Blocks that went because another was needed."),
    C_SUM(cache, store.counts, past, "1", "Requests that went past the layer."),
    C_END,
};

static bool moves(const struct file_req *r)
{
    return r->op == FILE_READ || r->op == FILE_WRITE;
}

static bool hint_is(const struct file_req *r, enum file_hint hint)
{
    return r->op == FILE_HINT && r->hint == hint;
}

/* ---- what a job needs of blocks ---- */

#define LIMIT (UINT64_C(1) << 62) /* of offsets in the layer */

struct counting {
    uint64_t most, count, last;
};

static bool count_block(void *arg, uint64_t index, uint64_t lo, uint64_t hi)
{
    struct counting *x = arg;
    (void)lo, (void)hi;
    x->count += x->count == 0 || x->last != index;
    x->last = index;
    return x->count <= x->most;
}

/* The layer cannot hold it. */
static bool too_much(const struct cache *c, const struct file_req *r)
{
    struct counting x = { .most = c->store.most / 2 };
    if (r->op == FILE_WRITE && file_bytes(r) != r->data.length)
        return true;
    for (uint32_t k = 0; k < r->run_count; k++) {
        const struct file_run *y = &r->runs[k];
        if (y->len > LIMIT || y->off > LIMIT || (y->count > 1 && y->stride > LIMIT / y->count))
            return true;
        if (y->len > 0 && y->count > 0 && (y->len - 1) / c->store.block >= x.most)
            return true;
    }
    return !cache_each_block(c, r, count_block, &x);
}

static bool known(const struct block *b, uint64_t lo, uint64_t hi)
{
    return b->ended || block_set_has(&b->valid, lo, hi);
}

static bool has(const struct cache_job *j, const struct block *b)
{
    for (uint32_t i = j->count; i-- > 0;)
        if (j->segs[i].b == b)
            return true;
    return false;
}

static bool acquire_block(void *arg, uint64_t index, uint64_t lo, uint64_t hi)
{
    struct cache_job *j = arg;
    struct cache *c = j->c;
    struct block *b = blocks_find(&c->store, &j->f->kept, index);
    bool there = b != NULL, hit = b != NULL && !b->reading && known(b, lo, hi);
    if (b != NULL && b->pins > 0 && j->r->op == FILE_WRITE && !has(j, b)) {
        j->behind = true;
        return false;
    }
    if (b == NULL && (b = blocks_take(&c->store, &j->f->kept, index, false)) == NULL)
        return false;
    c->store.counts.ahead_used += b->entry.ahead && j->r->op == FILE_READ;
    if (j->r->op == FILE_READ) {
        c->store.counts.hits += hit;
        c->store.counts.misses += !hit;
    }
    b->pins++;
    bool once = j->count > 0 && j->segs[j->count - 1].b == b; /* pieces of a block */
    if (there && !once && j->count >= j->told)
        blocks_use(&c->store, b);
    if (j->count == j->room) {
        j->room = j->room == 0 ? 4 : 2 * j->room;
        j->segs = port_realloc(c->sys.port, j->segs, j->room * sizeof *j->segs);
    }
    j->segs[j->count++] = (struct cache_seg){ b, lo, hi };
    j->told = j->count > j->told ? j->count : j->told;
    return true;
}

static void release(struct cache_job *j)
{
    for (uint32_t i = 0; i < j->count; i++) {
        struct block *b = j->segs[i].b;
        if (--b->pins > 0)
            continue;
        b->error = FILE_OK;
        if (b->valid.count == 0 && !b->ended && !b->reading && b->out.count == 0)
            blocks_drop(&j->c->store, b);
    }
    j->count = 0;
}

/* All its blocks, or none: then it waits for a READ that was there before, or for what is on its
 * way down. */
static bool acquire(struct cache_job *j)
{
    struct cache *c = j->c;
    uint64_t hits = c->store.counts.hits, misses = c->store.counts.misses,
             used = c->store.counts.ahead_used;
    j->behind = false;
    if (cache_each_block(c, j->r, acquire_block, j))
        return true;
    c->store.counts.hits = hits;
    c->store.counts.misses = misses;
    c->store.counts.ahead_used = used;
    release(j);
    if (!j->behind)
        blocks_write_some(&c->store, c->store.dirty_count / 2 + 1);
    return false;
}

/* ---- the ends of jobs ---- */

static void job_end(struct cache_job *j, enum file_status s)
{
    struct cache *c = j->c;
    j->r->status = s;
    release(j);
    if (j->begun && j->f != NULL) {
        j->f->jobs--;
        j->f->alone = false;
    }
    c->jobs -= j->begun;
    c->alone = j->f == NULL ? false : c->alone;
    if (j->f != NULL && j->r->op == FILE_REMOVE && s == FILE_OK && j->f->transfers == 0 &&
        j->f->jobs == 0 && list_empty(&j->f->kept.blocks)) {
        bool waits = false;
        LIST_EACH (l, &c->waiting)
            waits |= LIST_ENTRY(l, struct cache_job, link)->f == j->f;
        if (!waits)
            cache_file_end(c, j->f);
    }
    list_remove(&j->link);
    list_push(&c->ended, &j->link);
}

static void answer(struct cache *c)
{
    for (struct list *l; (l = list_pop(&c->ended)) != NULL;) {
        struct cache_job *j = LIST_ENTRY(l, struct cache_job, link);
        struct file_req *r = j->r;
        port_free(c->sys.port, j->segs);
        port_free(c->sys.port, j);
        r->done(r);
    }
}

static void tick(struct port_timer *t)
{
    answer(t->arg);
}

/* ---- reads ---- */

/* A part of a block, as far as the file reaches; false: no farther. */
static bool give(const struct cache *c, const struct cache_file *f, const struct cache_seg *s,
                 struct rope *out)
{
    uint64_t base = s->b->key.index * c->store.block, at = s->lo;
    while (at < s->hi) {
        const struct file_window *x = block_set_from(&s->b->valid, at);
        uint64_t lo = x != NULL && x->lo < s->hi ? x->lo : s->hi;
        if (at < lo) { /* nobody has written there: zeros up to the end of the file */
            uint64_t end = f->end > base ? f->end - base : 0;
            uint64_t hi = lo < end ? lo : end;
            if (hi > at)
                rope_add_zero(out, hi - at);
            if (hi < lo)
                return false;
            at = lo;
            continue;
        }
        uint64_t hi = x->hi < s->hi ? x->hi : s->hi;
        rope_add_slice(out, &s->b->data, at, hi - at);
        at = hi;
    }
    return true;
}

/* Ends when all its blocks are there; reads what is missing. */
static void try_read(struct cache_job *j)
{
    struct cache *c = j->c;
    struct block **row = port_alloc(c->sys.port, (j->count + 1) * sizeof(*row));
    uint32_t n = 0;
    bool waits = false;
    enum file_status s = FILE_OK;
    for (uint32_t i = 0; i < j->count; i++) {
        struct cache_seg *x = &j->segs[i];
        if (x->b->reading) {
            waits = true;
        } else if (!known(x->b, x->lo, x->hi)) {
            s = s == FILE_OK ? x->b->error : s;
            if (x->b->error == FILE_OK && (n == 0 || row[n - 1] != x->b)) {
                bool there = false; /* a list may come to a block again */
                for (uint32_t k = 0; k < n && !there; k++)
                    there = row[k] == x->b;
                if (!there)
                    row[n++] = x->b;
            }
        }
    }
    if (s == FILE_OK && n > 0)
        cache_read(c, j->f, row, n);
    port_free(c->sys.port, row);
    if (waits || (s == FILE_OK && n > 0))
        return;
    for (uint32_t i = 0; i < j->count && s == FILE_OK; i++)
        if (!give(c, j->f, &j->segs[i], &j->r->data))
            break;
    if (s == FILE_OK) {
        j->r->moved = j->r->data.length;
        port_work(c->sys.port, PORT_WORK_COPY, j->r->moved);
    }
    for (int k = 0; k < FILE_PARTS; k++)
        j->r->part[k] = j->part[k];
    job_end(j, s);
}

/* ---- writes ---- */

static void do_write(struct cache_job *j)
{
    struct cache *c = j->c;
    struct file_req *r = j->r;
    struct rope_cursor from;
    rope_cursor_init(&from, &r->data);
    port_work(c->sys.port, PORT_WORK_COPY, r->data.length);
    for (uint32_t i = 0; i < j->count; i++) {
        struct cache_seg *x = &j->segs[i];
        struct rope part;
        rope_init(&part);
        rope_cursor_take(&from, x->hi - x->lo, &part);
        blocks_put(&c->store, x->b, x->lo, &part);
        blocks_dirty(&c->store, x->b, x->lo, x->hi);
        uint64_t end = x->b->key.index * c->store.block + x->hi;
        if (end > j->f->end)
            j->f->end = end;
        j->f->last = x->b->key.index > j->f->last ? UINT64_MAX : j->f->last;
    }
    r->moved = r->data.length;
    rope_fini(&r->data);
    for (uint32_t i = 0; i < j->count; i++)
        blocks_cluster(&c->store, j->segs[i].b);
    job_end(j, FILE_OK);
    blocks_behind(&c->store);
}

/* ---- jobs that have a file for themselves ---- */

static void passed(struct file_req *r)
{
    struct cache_job *j = r->arg;
    struct cache *c = j->c;
    r->done = j->done;
    r->arg = j->arg;
    job_end(j, r->status);
    cache_pump(c);
}

static bool for_each_file(struct cache_job *j,
                          bool (*fn)(struct cache_job *j, struct cache_file *f))
{
    bool all = true;
    if (j->f != NULL)
        return fn(j, j->f);
    LIST_EACH (l, &j->c->files)
        all &= fn(j, LIST_ENTRY(l, struct cache_file, link));
    return all;
}

/* What is dirty has gone down, or what is not to is gone. */
static bool clean(struct cache_job *j, struct cache_file *f)
{
    bool keeps = hint_is(j->r, FILE_REFRESH) || j->r->op == FILE_REMOVE;
    if (f->transfers == 0 && !keeps)
        blocks_write_file(&j->c->store, &f->kept, hint_is(j->r, FILE_PROPAGATE) ? j->r : NULL);
    return f->transfers == 0;
}

/* Statuses of writes that were answered before; after one of them nothing is sure. */
static bool settle_late(struct cache_job *j, struct cache_file *f)
{
    if (f->late == FILE_OK)
        return true;
    j->r->status = j->r->status == FILE_OK ? f->late : j->r->status;
    f->late = FILE_OK;
    cache_refresh(j->c, f);
    return false;
}

static bool forget(struct cache_job *j, struct cache_file *f)
{
    cache_forget(j->c, f);
    return true;
}

static bool changes(const struct cache_job *j)
{
    enum file_op op = j->r->op;
    return op == FILE_SIZE || op == FILE_ROLLBACK || op == FILE_REMOVE ||
           hint_is(j->r, FILE_FORGET) || (j->past && op == FILE_WRITE);
}

/* True: it has gone on. */
static void try_alone(struct cache_job *j)
{
    struct cache *c = j->c;
    struct file_req *r = j->r;
    if (!for_each_file(j, clean))
        return;
    r->status = FILE_OK;
    if (r->op == FILE_FLUSH || hint_is(r, FILE_PROPAGATE))
        (void)for_each_file(j, settle_late);
    if (hint_is(r, FILE_REFRESH))
        cache_refresh_some(c, j->f, r);
    if (changes(j))
        (void)for_each_file(j, forget);
    if (r->status != FILE_OK || hint_is(r, FILE_PROPAGATE) || hint_is(r, FILE_REFRESH)) {
        job_end(j, r->status);
        return;
    }
    c->store.counts.past += j->past;
    list_remove(&j->link);
    j->done = r->done;
    j->arg = r->arg;
    r->done = passed;
    r->arg = j;
    file_submit(c->sys.below, r);
}

/* ---- hints ---- */

static void closed(struct cache_job *j)
{
    blocks_closed(&j->c->store, &j->f->kept, j->r);
    if (j->c->on_close)
        blocks_write_file(&j->c->store, &j->f->kept, NULL);
}

static void hint(struct cache_job *j)
{
    if (j->r->hint >= FILE_PRIORITY && j->r->hint <= FILE_PROGRAM)
        blocks_advise(&j->c->store, j->r);
    else if (j->r->hint == FILE_WILL_READ)
        cache_will_read(j);
    else if (j->r->hint == FILE_WONT_NEED)
        blocks_wont_need(&j->c->store, &j->f->kept, j->r);
    else if (j->r->hint == FILE_CLOSED)
        closed(j);
    else
        blocks_way(&j->c->store, &j->f->kept, j->r);
    j->count = 0;
    job_end(j, FILE_OK);
}

/* ---- the order of jobs ---- */

/* Begins a job; false: it must wait. */
static bool begin(struct cache_job *j)
{
    struct cache *c = j->c;
    struct cache_file *f = j->f;
    if (c->alone || (f != NULL && f->alone))
        return false;
    if (j->alone && (f != NULL ? f->jobs : c->jobs) > 0)
        return false;
    if (!j->alone && moves(j->r) && !acquire(j))
        return false;
    j->begun = true;
    c->jobs++;
    if (f != NULL) {
        f->jobs++;
        f->alone = j->alone;
    } else {
        c->alone = true;
    }
    list_remove(&j->link);
    if (j->alone) {
        list_push(&c->reading, &j->link);
        try_alone(j);
    } else if (j->r->op == FILE_READ) {
        list_push(&c->reading, &j->link);
        try_read(j);
        cache_read_ahead(j);
    } else if (j->r->op == FILE_WRITE) {
        do_write(j);
    } else {
        hint(j);
    }
    return true;
}

/* Those under way go on, those that wait begin, as far as they can. */
static void advance(struct cache *c)
{
    LIST_EACH_SAFE (l, next, &c->reading) {
        struct cache_job *j = LIST_ENTRY(l, struct cache_job, link);
        if (j->alone)
            try_alone(j);
        else
            try_read(j);
    }
    bool full = false;
    LIST_EACH_SAFE (l, next, &c->waiting) {
        struct cache_job *j = LIST_ENTRY(l, struct cache_job, link);
        bool stopped = full || (j->f != NULL && j->f->blocked);
        if (stopped || !begin(j)) {
            full |= j->f == NULL || (!j->alone && !j->f->alone && !c->alone && !j->behind);
            if (j->f != NULL)
                j->f->blocked = true;
        }
    }
    LIST_EACH (l, &c->waiting) {
        struct cache_job *j = LIST_ENTRY(l, struct cache_job, link);
        if (j->f != NULL)
            j->f->blocked = false;
    }
}

void cache_pump(struct cache *c)
{
    if (c->pumping) {
        c->again = true;
        return;
    }
    c->pumping = true;
    do {
        c->again = false;
        advance(c);
    } while (c->again);
    c->pumping = false;
    blocks_behind_later(&c->store);
    if (c->submitting && !list_empty(&c->ended))
        port_timer_set(&c->timer, 0);
    else if (!c->submitting)
        answer(c);
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct cache *c = CONTAINER_OF(s, struct cache, sys);
    bool all = r->op == FILE_FLUSH && r->file == 0;
    bool by_name =
        r->op == FILE_CREATE || r->op == FILE_RENAME || r->op == FILE_LOOKUP || r->op == FILE_LIST;
    if (by_name) {
        file_submit(s->below, r);
        return;
    }
    struct cache_job *j = port_alloc(s->port, sizeof *j);
    *j = (struct cache_job){ .c = c, .r = r };
    list_init(&j->link);
    file_req_begin(r);
    j->f = all ? NULL : cache_file_of(c, r->file);
    c->store.asked = moves(r) ? port_now(s->port) : c->store.asked;
    j->past = moves(r) && (r->direct || r->uid != 0 || too_much(c, r));
    j->alone =
        j->past ||
        (!moves(r) && (r->op != FILE_HINT || r->hint == FILE_FORGET || r->hint >= FILE_PROPAGATE));
    list_push(&c->waiting, &j->link);
    c->submitting = true;
    cache_pump(c);
    c->submitting = false;
}

/* ---- the layer ---- */

bool file_cache_check(const struct file_cache_params *p, const char *path, struct err *e)
{
    if (p->bytes / p->block < 4)
        return err_set(e, "%s.bytes is %lld: less than 4 blocks of %lld", path, (long long)p->bytes,
                       (long long)p->block);
    if (p->bytes / p->block > UINT32_MAX)
        return err_set(e, "%s.bytes is %lld: more than 4294967295 blocks of %lld", path,
                       (long long)p->bytes, (long long)p->block);
    return true;
}

static bool check(const void *params, const struct os_boot *b, const char *path, struct err *e)
{
    (void)b;
    return file_cache_check(params, path, e);
}

struct file_sys *file_cache_start(struct port *port, const struct file_cache_params *p,
                                  struct file_sys *below)
{
    struct cache *c = port_alloc(port, sizeof *c);
    uint32_t most = (uint32_t)((uint64_t)p->bytes / (uint64_t)p->block);
    uint32_t dirty = (uint32_t)((uint64_t)p->dirty / (uint64_t)p->block);
    c->sys = (struct file_sys){ .ops = &file_cache, .port = port, .below = below };
    blocks_init(&c->store, port, &cache_blocks, (uint64_t)p->block, most, &p->policy);
    BLOCKS_BEHIND(&c->store, p);
    blocks_ahead_init(&c->store, p->ahead < most / 4 ? p->ahead : most / 4, &p->read_ahead,
                      "sequential");
    c->store.priced = c->store.lists = true;
    c->store.group = BLOCKS_GROUP;
    c->store.back = BLOCKS_GROUP / 2;
    c->store.dirty_most = dirty < c->store.dirty_most ? dirty : c->store.dirty_most;
    c->store.dirty_left = c->store.dirty_most / 2;
    c->on_close = p->on_close;
    list_init(&c->files);
    list_init(&c->waiting);
    list_init(&c->reading);
    list_init(&c->ended);
    port_timer_init(port, &c->timer, tick, c);
    port_counters(port, "cache", file_cache_counters, c);
    return &c->sys;
}

void file_cache_end(struct file_sys *s)
{
    struct cache *c = CONTAINER_OF(s, struct cache, sys);
    ASSERT(c->jobs == 0 && c->transfers == 0 && list_empty(&c->waiting));
    LIST_EACH_SAFE (l, next, &c->files) {
        struct cache_file *f = LIST_ENTRY(l, struct cache_file, link);
        cache_forget(c, f);
        cache_file_end(c, f);
    }
    (void)port_timer_cancel(&c->timer);
    port_counters_end(s->port, c);
    blocks_behind_fini(&c->store);
    blocks_fini(&c->store);
    port_free(s->port, c);
}

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    return file_cache_start(b->node->port, params, below);
}

static uint64_t buffers(const void *params)
{
    return (uint64_t)((const struct file_cache_params *)params)->bytes;
}

static bool hears_close(const void *params)
{
    const struct file_cache_params *p = params;
    return p->on_close || (p->read_ahead.kind != NULL && ahead_by_open(&p->read_ahead));
}

const struct file_ops file_cache = {
    .kind = { .name = "cache",
              .doc = "Keeps blocks of files: read ahead, written behind, least recently used.",
              .params = file_cache_params,
              .params_size = sizeof(struct file_cache_params) },
    .buffers = buffers,
    .hears_close = hears_close,
    .check = check,
    .start = start,
    .submit = submit,
};
