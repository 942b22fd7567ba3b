/* cache_behind.c: when what was written to the layer CACHE goes down; see cache_internal.h. */
#include "os/file/cache_internal.h"

/* ---- whole blocks in a row ---- */

static bool whole(const struct cache *c, const struct cache_block *b)
{
    return b != NULL && b->out.count == 0 && cache_set_has(&b->dirty, 0, c->block);
}

/* The group of `cluster` blocks at a multiple of that, once all of it was written. */
static void write_cluster(struct cache *c, const struct cache_block *b)
{
    struct cache_block *row[CACHE_GROUP];
    uint64_t first = b->entry.index / c->cluster * c->cluster;
    for (uint32_t i = 0; i < c->cluster; i++) {
        row[i] = cache_find(c, b->f, first + i);
        if (!whole(c, row[i]))
            return;
    }
    cache_write(c, b->f, row, c->cluster);
}

/* ---- age and idleness ---- */

static sim_time due(const struct cache *c, const struct cache_block *b)
{
    return b->since + c->age;
}

static bool old(const struct cache *c, const struct cache_block *b, sim_time now)
{
    return b != NULL && b->dirty.count > 0 && b->out.count == 0 && due(c, b) <= now;
}

/* Of those that were dirty for `age`, what lies in a row goes together; true: something went. */
static bool write_old(struct cache *c, sim_time now)
{
    LIST_EACH (l, &c->old) {
        struct cache_block *b = LIST_ENTRY(l, struct cache_block, old), *row[CACHE_GROUP];
        uint32_t n = 0;
        if (!old(c, b, now))
            continue;
        for (uint64_t i = b->entry.index; n < CACHE_GROUP && old(c, b, now); n++) {
            row[n] = b;
            b = cache_find(c, b->f, i + n + 1);
        }
        cache_write(c, row[0]->f, row, n);
        return true;
    }
    return false;
}

static void write_idle(struct cache *c)
{
    LIST_EACH (l, &c->files)
        cache_write_all(c, LIST_ENTRY(l, struct cache_file, link), NULL);
}

/* For the next moment at which something has to go.  What is on its way is looked at when that has
 * ended. */
static void arm(struct cache *c)
{
    const struct cache_block *b = NULL;
    sim_time now = port_now(c->sys.port), at = SIM_NEVER;
    for (struct list *l = c->old.next; l != &c->old && b == NULL; l = l->next) {
        const struct cache_block *x = LIST_ENTRY(l, struct cache_block, old);
        b = x->out.count == 0 ? x : NULL;
    }
    if (b != NULL && c->age > 0)
        at = due(c, b);
    if (b != NULL && c->idle > 0)
        at = sim_time_min(at, c->asked + c->idle);
    if (at == SIM_NEVER)
        (void)port_timer_cancel(&c->behind);
    else
        port_timer_set(&c->behind, at > now ? at - now : 0);
}

static void tick(struct port_timer *t)
{
    struct cache *c = t->arg;
    sim_time now = port_now(c->sys.port);
    while (c->age > 0 && write_old(c, now))
        continue;
    if (c->idle > 0 && now - c->asked >= c->idle)
        write_idle(c);
    arm(c);
}

void cache_behind_init(struct cache *c)
{
    list_init(&c->old);
    port_timer_init(c->sys.port, &c->behind, tick, c);
}

void cache_clusters(const struct cache_job *j)
{
    struct cache *c = j->c;
    for (uint32_t i = 0; i < j->count && c->cluster > 0; i++)
        if (whole(c, j->segs[i].b))
            write_cluster(c, j->segs[i].b);
}

void cache_behind(struct cache *c)
{
    if (c->dirty_count > c->dirty_most)
        cache_write_some(c, c->dirty_count - c->dirty_most / 2);
    cache_behind_later(c);
}

void cache_behind_later(struct cache *c)
{
    if (c->age > 0 || c->idle > 0)
        arm(c);
}
