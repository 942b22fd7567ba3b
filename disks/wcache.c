/* wcache.c: a controller's write-back cache.
 *
 * Two stores hold its state: the data, and marks (one byte a sector, from a pattern, so that
 * stretches that touch are one extent) that say which sectors are dirty.  One background write is
 * under way at a time; its stretch is clean already but still answered from here until it is done.
 */
#include "disks/wcache.h"

#include <stdio.h>
#include <stdlib.h>

#include "disks/disk.h"
#include "disks/store.h"
#include "sim/audit.h"

#define EXPERIMENT "ASSUMED(the experiment's choice)"

const struct param wcache_params[] = {
    P_STRING(wcache_params, kind, "cache", "What is built: a write-back cache.", "none"),
    P_SIZE(wcache_params, size, "4MiB", "1B", "1GiB", "Dirty data at most.", EXPERIMENT),
    P_RATE(wcache_params, rate, "20MB/s", "1kB/s", "100GB/s", "Into and out of the cache.",
           EXPERIMENT),
    P_TIME(wcache_params, overhead, "500us", "0", "1s", "The controller's time for a request.",
           EXPERIMENT),
    P_TIME(wcache_params, delay, "10ms", "0", "1h",
           "Before what is dirty begins to go to the device; less when there is no room.",
           EXPERIMENT),
    P_SIZE(wcache_params, chunk, "256KiB", "1B", "1GiB", "One background write at most.",
           EXPERIMENT),
    P_INT(wcache_params, retries, "3", "0", "1000", "Of a background write that fails.",
          EXPERIMENT),
    P_VAL(wcache_params, device, "The device behind it, described as any other.", "none"),
    P_END,
};

struct layer {
    struct store *data, *marks; /* NULL: nothing */
};

/* A request in the cache's hands. */
struct job {
    struct list link; /* in `waiting` or `busy` */
    struct wcache *w;
    struct blk_req *r;
    struct blk_req below;
    struct sim_event event;
    struct layer before;   /* of a read: what the cache held when it came */
    struct store *to_come; /* of a flush: marks of what must still reach the device */
    bool current;          /* of a flush: the write that was under way when it came must end */
    bool lost;             /* of a flush: something was given up */
    bool aborted;
};

struct wcache {
    struct blkdev dev;
    struct wcache_params p;
    char *name;
    struct blkdev *below;
    struct blk_describe about;
    struct store *data, *marks;
    uint64_t dirty, size; /* sectors */
    struct list waiting;  /* writes that find no room */
    struct list flushes;  /* requests that wait for what is dirty */
    struct list busy;     /* all else that is under way */
    struct sim_event flush_event;
    struct blk_req flush;
    bool flushing, flush_stale; /* stale: a crash came in between */
    uint32_t tries;
    bool lost; /* something was given up since the last flush was answered */
    uint64_t cursor;
    struct wcache_counts counts;
    uint64_t submitted, completed, inside;
};

static struct wcache *cache_of(const struct blkdev *d)
{
    struct blkdev *dev = (struct blkdev *)(uintptr_t)d;
    return CONTAINER_OF(dev, struct wcache, dev);
}

/* ---- what is dirty ---- */

/* Dirty sectors in [at, at + n). */
static uint64_t dirty_in(const struct wcache *w, uint64_t at, uint64_t n)
{
    uint64_t first, count, sum = 0;
    for (uint64_t from = at; store_next(w->marks, from, &first, &count) && first < at + n;
         from = first + count) {
        uint64_t a = first > at ? first : at, b = first + count < at + n ? first + count : at + n;
        sum += b - a;
    }
    return sum;
}

static void set_dirty(struct wcache *w, uint64_t at, uint64_t n)
{
    struct rope r;
    w->dirty += n - dirty_in(w, at, n);
    rope_init(&r);
    rope_add_pattern(&r, 1, at, n);
    store_write(w->marks, at, n, &r);
    rope_fini(&r);
}

static void set_clean(struct wcache *w, uint64_t at, uint64_t n)
{
    w->dirty -= dirty_in(w, at, n);
    store_clear(w->marks, at, n);
}

static void answer(struct job *j, enum blk_status status)
{
    struct wcache *w = j->w;
    struct blk_req *r = j->r;
    list_remove(&j->link);
    blk_req_fini(&j->below);
    free(j);
    w->completed++;
    w->inside--;
    if (status != BLK_OK && r->op == BLK_READ)
        rope_fini(&r->data);
    blk_complete(&w->dev, r, status, !w->dev.inner);
}

/* ---- going to the device ---- */

static void admit(struct wcache *w);
static void flushes_go_on(struct wcache *w);

static void flush_soon(struct wcache *w, sim_time delay)
{
    sim_time at = sim_time_add(sim_now(w->dev.sim), delay);
    if (w->flushing || w->dirty == 0)
        return;
    if (sim_event_pending(&w->flush_event)) {
        if (w->flush_event.time <= at)
            return;
        sim_cancel(w->dev.sim, &w->flush_event);
    }
    sim_at(w->dev.sim, &w->flush_event, at);
}

/* A background write has ended: what it means to the flushes that wait. */
static void told(struct wcache *w, const struct blk_req *r, bool again)
{
    LIST_EACH (it, &w->flushes) {
        struct job *j = LIST_ENTRY(it, struct job, link);
        struct rope marks;
        if (again && j->current) {
            rope_init(&marks);
            rope_add_pattern(&marks, 1, r->sector, r->sectors);
            store_write(j->to_come, r->sector, r->sectors, &marks);
            rope_fini(&marks);
        } else if (!again && !j->current) {
            store_clear(j->to_come, r->sector, r->sectors);
        }
        j->lost |= w->lost;
        j->current = false;
    }
    flushes_go_on(w);
}

static void flush_done(struct blk_req *r)
{
    struct wcache *w = r->owner;
    bool again = false;
    w->flushing = false;
    if (!w->flush_stale && r->status != BLK_OK && w->tries++ < (uint32_t)w->p.retries) {
        set_dirty(w, r->sector, r->sectors);
        again = true;
    } else if (!w->flush_stale) {
        if (r->status != BLK_OK) {
            w->counts.lost_sectors += r->sectors;
            w->lost = true;
        }
        w->tries = 0;
        /* What was not written again meanwhile need not be kept. */
        for (uint64_t at = r->sector, end = r->sector + r->sectors; at < end;) {
            uint64_t first = end, count = 0;
            if (!store_next(w->marks, at, &first, &count) || first > end)
                first = end;
            if (first > at)
                store_clear(w->data, at, first - at);
            at = first + count > at ? first + count : at;
            if (first == end)
                break;
        }
        w->cursor = r->sector + r->sectors;
    }
    if (!w->flush_stale)
        told(w, r, again);
    w->flush_stale = false;
    blk_req_fini(r);
    admit(w);
    flush_soon(w, 0);
}

static void flush(struct sim *s, struct sim_event *e)
{
    struct wcache *w = CONTAINER_OF(e, struct wcache, flush_event);
    uint64_t first, count, most = (uint64_t)w->p.chunk / w->about.sector_bytes;
    (void)s;
    if (w->flushing || w->dirty == 0)
        return;
    if (!store_next(w->marks, w->cursor, &first, &count))
        store_next(w->marks, 0, &first, &count);
    if (first < w->cursor && first + count > w->cursor) {
        count -= w->cursor - first;
        first = w->cursor;
    }
    most = most == 0 ? 1 : most;
    count = count < most ? count : most;
    blk_req_init(&w->flush, BLK_WRITE, first, (uint32_t)count, flush_done, w);
    store_read(w->data, first, count, &w->flush.data);
    set_clean(w, first, count);
    w->flushing = true;
    w->counts.flushes++;
    blk_pass(w->below, &w->flush);
}

/* ---- requests ---- */

static sim_time copy_time(const struct wcache *w, const struct blk_req *r)
{
    int64_t bytes = (int64_t)r->sectors * w->about.sector_bytes;
    return sim_time_add(w->p.overhead, sim_time_of_bytes(bytes, w->p.rate));
}

/* The copy is made: a write into the cache, or a read out of it. */
static void copied(struct sim *s, struct sim_event *e)
{
    struct job *j = CONTAINER_OF(e, struct job, event);
    (void)s;
    answer(j, j->aborted ? BLK_ERR_ABORTED : BLK_OK);
}

static bool room(const struct wcache *w, const struct blk_req *r)
{
    return w->dirty + r->sectors <= w->size || w->dirty == 0;
}

static void absorb(struct job *j)
{
    struct wcache *w = j->w;
    store_write(w->data, j->r->sector, j->r->sectors, &j->r->data);
    set_dirty(w, j->r->sector, j->r->sectors);
    w->counts.absorbed++;
    list_push(&w->busy, &j->link);
    sim_event_init(&j->event, SIM_CLASS_DEVICE, copied);
    sim_after(w->dev.sim, &j->event, copy_time(w, j->r));
    flush_soon(w, w->p.delay);
}

static void admit(struct wcache *w)
{
    while (!list_empty(&w->waiting)) {
        struct job *j = LIST_ENTRY(w->waiting.next, struct job, link);
        if (!room(w, j->r))
            return;
        list_remove(&j->link);
        absorb(j);
    }
}

/* Adds [from, to), as far as the request reaches, to a layer. */
static void layer_add(const struct wcache *w, struct layer *l, const struct blk_req *r,
                      uint64_t from, uint64_t to)
{
    uint64_t end = r->sector + r->sectors;
    from = from > r->sector ? from : r->sector;
    to = to < end ? to : end;
    if (from >= to)
        return;
    struct rope x;
    rope_init(&x);
    store_read(w->data, from, to - from, &x);
    store_write(l->data, from, to - from, &x);
    rope_fini(&x);
    rope_add_pattern(&x, 1, from, to - from);
    store_write(l->marks, from, to - from, &x);
    rope_fini(&x);
}

/* What the cache holds of a stretch at one moment: dirty, or on its way to the device. */
static void take_layer(const struct wcache *w, const struct blk_req *r, struct layer *out)
{
    uint64_t end = r->sector + r->sectors, first, count;
    *out = (struct layer){ .data = NULL };
    bool in_flush = w->flushing && !w->flush_stale && w->flush.sector < end &&
                    r->sector < w->flush.sector + w->flush.sectors;
    if (!in_flush && dirty_in(w, r->sector, r->sectors) == 0)
        return;
    out->data = store_create(w->about.sector_bytes);
    out->marks = store_create(1);
    if (in_flush)
        layer_add(w, out, r, w->flush.sector, w->flush.sector + w->flush.sectors);
    for (uint64_t at = r->sector; store_next(w->marks, at, &first, &count) && first < end;
         at = first + count)
        layer_add(w, out, r, first, first + count);
}

static void drop_layer(struct layer *l)
{
    if (l->data != NULL) {
        store_destroy(l->data);
        store_destroy(l->marks);
    }
    l->data = l->marks = NULL;
}

/* Lays it over what the device answered. */
static void lay(const struct wcache *w, const struct layer *l, struct blk_req *r)
{
    uint64_t size = w->about.sector_bytes, end = r->sector + r->sectors, first, count;
    if (l->data == NULL)
        return;
    struct rope out;
    rope_init(&out);
    uint64_t at = r->sector;
    while (at < end && store_next(l->marks, at, &first, &count)) {
        first = first > at ? first : at; /* marks of a layer lie inside its stretch */
        uint64_t stop = first + count < end ? first + count : end;
        rope_add_slice(&out, &r->data, (at - r->sector) * size, (first - at) * size);
        store_read(l->data, first, stop - first, &out);
        at = stop;
    }
    rope_add_slice(&out, &r->data, (at - r->sector) * size, (end - at) * size);
    rope_fini(&r->data);
    rope_move(&r->data, &out);
}

static void read_below_done(struct blk_req *b)
{
    struct job *j = b->owner;
    struct blk_req *r = j->r;
    r->started = sim_time_min(r->started, b->started);
    blk_add_parts(r, b);
    rope_fini(&r->data);
    rope_move(&r->data, &b->data);
    if (b->status == BLK_OK && !j->aborted) {
        /* What was here when the read came may have gone to the device behind the read's back; what
         * is here now is newer. */
        struct layer now;
        take_layer(j->w, r, &now);
        lay(j->w, &j->before, r);
        lay(j->w, &now, r);
        drop_layer(&now);
    }
    drop_layer(&j->before);
    answer(j, j->aborted ? BLK_ERR_ABORTED : b->status);
}

/* ---- flush requests ---- */

static void below_flushed(struct blk_req *b)
{
    struct job *j = b->owner;
    j->w->lost &= !j->lost; /* told now */
    answer(j, j->aborted ? BLK_ERR_ABORTED : j->lost ? BLK_ERR_MEDIUM : b->status);
}

/* Those whose writes have all reached the device have it flush in its turn. */
static void flushes_go_on(struct wcache *w)
{
    uint64_t first, count;
    LIST_EACH_SAFE (it, next, &w->flushes) {
        struct job *j = LIST_ENTRY(it, struct job, link);
        if (j->current || store_next(j->to_come, 0, &first, &count))
            continue;
        store_destroy(j->to_come);
        j->to_come = NULL;
        list_remove(it);
        list_push(&w->busy, it);
        blk_req_init(&j->below, BLK_FLUSH, 0, 0, below_flushed, j);
        blk_pass(w->below, &j->below);
    }
}

static void flush_all(struct job *j)
{
    struct wcache *w = j->w;
    uint64_t first, count;
    struct rope marks;
    j->to_come = store_create(1);
    j->current = w->flushing && !w->flush_stale;
    j->lost = w->lost;
    for (uint64_t at = 0; store_next(w->marks, at, &first, &count); at = first + count) {
        rope_init(&marks);
        rope_add_pattern(&marks, 1, first, count);
        store_write(j->to_come, first, count, &marks);
        rope_fini(&marks);
    }
    list_push(&w->flushes, &j->link);
    flushes_go_on(w);
    flush_soon(w, 0);
}

static void submit(struct blkdev *d, struct blk_req *r)
{
    struct wcache *w = cache_of(d);
    struct job *j = base_zalloc(1, sizeof *j);
    j->w = w;
    j->r = r;
    list_init(&j->link);
    rope_init(&j->below.data);
    w->submitted++;
    w->inside++;
    r->started = sim_now(d->sim);
    if (r->op == BLK_FLUSH) {
        flush_all(j);
        return;
    }
    if (r->op == BLK_WRITE) {
        if (list_empty(&w->waiting) && room(w, r)) {
            absorb(j);
        } else {
            w->counts.waited++;
            list_push(&w->waiting, &j->link);
            flush_soon(w, 0);
        }
        return;
    }
    list_push(&w->busy, &j->link);
    if (dirty_in(w, r->sector, r->sectors) == r->sectors) {
        w->counts.read_hits++;
        /* The bytes are taken now: they may be on the device, and gone from here, by then. */
        store_read(w->data, r->sector, r->sectors, &r->data);
        sim_event_init(&j->event, SIM_CLASS_DEVICE, copied);
        sim_after(d->sim, &j->event, copy_time(w, r));
        return;
    }
    blk_req_init(&j->below, BLK_READ, r->sector, r->sectors, read_below_done, j);
    take_layer(w, r, &j->before);
    r->started = SIM_NEVER;
    blk_pass(w->below, &j->below);
}

static void crash(struct blkdev *d)
{
    struct wcache *w = cache_of(d);
    uint64_t all = w->about.sectors;
    w->counts.crashes++;
    w->counts.lost_sectors += w->dirty;
    set_clean(w, 0, all);
    store_clear(w->data, 0, all);
    w->flush_stale = w->flushing;
    sim_cancel(d->sim, &w->flush_event);
    LIST_EACH (it, &w->busy)
        LIST_ENTRY(it, struct job, link)->aborted = true;
    struct list *l;
    while ((l = list_pop(&w->flushes)) != NULL || (l = list_pop(&w->waiting)) != NULL) {
        struct job *j = LIST_ENTRY(l, struct job, link);
        if (j->to_come != NULL)
            store_destroy(j->to_come);
        j->to_come = NULL;
        j->aborted = true;
        list_push(&w->busy, &j->link);
        sim_event_init(&j->event, SIM_CLASS_DEVICE, copied);
        sim_at(d->sim, &j->event, sim_now(d->sim));
    }
}

static void describe(const struct blkdev *d, struct blk_describe *out)
{
    *out = cache_of(d)->about;
}

static void health(const struct blkdev *d, struct blk_health *sum)
{
    sum->lost_sectors += cache_of(d)->counts.lost_sectors;
}

static struct blkdev *member(const struct blkdev *d, uint32_t i)
{
    return i == 0 ? cache_of(d)->below : NULL;
}

static bool fault(struct blkdev *d, uint32_t member, const struct disk_fault *f)
{
    struct wcache *w = cache_of(d);
    if (member == 0 && f->kind == DISK_FAULT_DEATH) {
        crash(d);
        return true;
    }
    if (member == 0 && f->kind == DISK_FAULT_POWER) {
        /* What was on its way to the device was reported, and is not there for certain. */
        w->counts.lost_sectors += w->flushing && !w->flush_stale ? w->flush.sectors : 0;
        crash(d);
    }
    return w->below->ops->fault != NULL && w->below->ops->fault(w->below, member, f);
}

static bool corrupt(struct blkdev *d, uint64_t sector, uint32_t byte, uint8_t flip)
{
    struct blkdev *b = cache_of(d)->below;
    return b->ops->corrupt != NULL && b->ops->corrupt(b, sector, byte, flip);
}

static void destroy(struct blkdev *d)
{
    struct wcache *w = cache_of(d);
    sim_cancel(d->sim, &w->flush_event);
    w->below->ops->destroy(w->below);
    store_destroy(w->data);
    store_destroy(w->marks);
    sim_audit_unregister(d->sim, w);
    sim_count_end(&d->counted);
    free(w->name);
    free(w);
}

static const struct blkdev_ops wcache_ops = { .name = "cache",
                                              .doc = "a write-back cache in front of a device",
                                              .submit = submit,
                                              .describe = describe,
                                              .destroy = destroy,
                                              .kill = crash,
                                              .corrupt = corrupt,
                                              .fault = fault,
                                              .member = member,
                                              .health = health };

static void audit(void *self, struct sim_audit_report *report)
{
    const struct wcache *w = self;
    sim_audit_balance(report, "cache requests", w->submitted, w->completed, w->inside, 0);
    sim_audit_check(report, list_empty(&w->flushes) || w->dirty > 0 || w->flushing,
                    "%s: a flush waits for nothing", w->name);
    sim_audit_check(report, dirty_in(w, 0, w->about.sectors) == w->dirty,
                    "%s: the count of dirty sectors is wrong", w->name);
}

const struct counter wcache_counters[] = {
    C_SUM(wcache, counts, absorbed, "1", "Writes that were done when the cache had them."),
    C_SUM(wcache, counts, waited, "1", "Writes that waited for room."),
    C_SUM(wcache, counts, read_hits, "1", "Reads that the cache answered."),
    C_SUM(wcache, counts, flushes, "1", "Writes to the device below."),
    C_SUM(wcache, counts, lost_sectors, "1", "Sectors reported as written, and lost with a crash."),
    C_SUM(wcache, counts, crashes, "1", "Crashes."),
    C_END,
};

struct blkdev *wcache_create(struct sim *s, const struct wcache_params *p, struct blkdev *below,
                             const char *name)
{
    struct wcache *w = base_zalloc(1, sizeof *w);
    w->dev = (struct blkdev){ .ops = &wcache_ops, .sim = s, .node = below->node };
    w->p = *p;
    w->p.device = NULL;
    w->name = base_strdup(name);
    w->below = below;
    below->inner = true;
    below->ops->describe(below, &w->about);
    snprintf(w->about.name, sizeof w->about.name, "%s", name);
    w->size = (uint64_t)p->size / w->about.sector_bytes;
    w->data = store_create(w->about.sector_bytes);
    w->marks = store_create(1);
    list_init(&w->waiting);
    list_init(&w->flushes);
    list_init(&w->busy);
    w->about.volatile_writes = true;
    w->about.sector_time = 0; /* it is memory: what it has needs no device */
    sim_event_init(&w->flush_event, SIM_CLASS_DEVICE, flush);
    sim_audit_register(s, w->name, audit, w);
    sim_count(&w->dev.counted, s, "cache", w->dev.node, wcache_counters, w);
    return &w->dev;
}

struct wcache_counts wcache_counts(const struct blkdev *d)
{
    return cache_of(d)->counts;
}

uint64_t wcache_dirty(const struct blkdev *d)
{
    return cache_of(d)->dirty;
}
