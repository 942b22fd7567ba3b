/* blocks_behind.c: when what was written to a store of blocks goes down; see blocks.h. */
#include "os/file/blocks.h"

#include <stdlib.h> /* qsort alone */

/* ---- all of a file ---- */

static int by_index(const void *a, const void *b)
{
    const struct block *const *x = a, *const *y = b;
    return ((*x)->key.index > (*y)->key.index) - ((*x)->key.index < (*y)->key.index);
}

static bool wanted(const struct blocks *s, const struct block *b, const struct file_req *r)
{
    return r == NULL || blocks_hint_in(s, r, b->key.index, NULL, NULL);
}

/* As few transfers as can be. */
static void write_lists(struct blocks *s, struct block_file *f, const struct file_req *r)
{
    struct block **all = port_alloc(s->port, (f->dirty + 1) * sizeof(struct block *));
    uint32_t n = 0;
    LIST_EACH (l, &f->blocks) {
        struct block *b = LIST_ENTRY(l, struct block, of_file);
        if (block_writable(b) && wanted(s, b, r))
            all[n++] = b;
    }
    qsort(all, n, sizeof(struct block *), by_index);
    for (uint32_t i = 0; i < n; i += s->group)
        s->ops->write(s, f, all + i, n - i < s->group ? n - i : s->group);
    port_free(s->port, all);
}

/* ---- rows ---- */

/* What has been dirty since `by`, and goes. */
static bool goes(const struct block *b, sim_time by)
{
    return block_writable(b) && b->since <= by;
}

/* The block, and what lies beside it: up to `back` before it, up to `most` in all. */
static void write_row(struct blocks *s, struct block *b, uint32_t back, uint32_t most, sim_time by)
{
    struct block **row = port_alloc(s->port, most * sizeof(struct block *));
    bool (*beside)(struct blocks *, const struct block *, const struct block *) = s->ops->beside;
    struct block_file *f = b->f;
    struct block *first = b, *x = NULL;
    uint32_t n = 0;
    while (first->key.index > 0 && b->key.index - first->key.index < back &&
           goes(x = blocks_find(s, f, first->key.index - 1), by) && x->f == f &&
           (beside == NULL || beside(s, x, first)))
        first = x;
    while (n < most && goes(x = blocks_find(s, f, first->key.index + n), by) && x->f == f &&
           (n == 0 || beside == NULL || beside(s, row[n - 1], x)))
        row[n++] = x;
    s->ops->write(s, f, row, n);
    port_free(s->port, row);
}

void blocks_write_file(struct blocks *s, struct block_file *f, const struct file_req *r)
{
    if (f->dirty > 0 && s->lists) {
        write_lists(s, f, r);
        return;
    }
    for (struct list *l = f->blocks.next; f->dirty > 0 && l != &f->blocks; l = l->next) {
        struct block *b = LIST_ENTRY(l, struct block, of_file);
        if (block_writable(b) && wanted(s, b, r))
            write_row(s, b, s->back, s->group, SIM_NEVER);
    }
}

void blocks_write_some(struct blocks *s, uint32_t least)
{
    uint32_t before = s->dirty_count;
    LIST_EACH (l, &s->used) {
        struct block *b = LIST_ENTRY(l, struct block, used);
        if (s->dirty_count == 0 || before - s->dirty_count >= least)
            return;
        if (block_writable(b))
            write_row(s, b, s->back, s->group, SIM_NEVER);
    }
}

/* ---- whole blocks in a row ---- */

static bool whole(const struct blocks *s, const struct block *b)
{
    return b != NULL && b->out.count == 0 && block_set_has(&b->dirty, 0, s->block);
}

void blocks_cluster(struct blocks *s, const struct block *b)
{
    struct block *row[BLOCKS_GROUP];
    if (s->cluster == 0 || !whole(s, b))
        return;
    uint64_t first = b->key.index / s->cluster * s->cluster;
    for (uint32_t i = 0; i < s->cluster; i++) {
        row[i] = blocks_find(s, b->f, first + i);
        if (!whole(s, row[i]))
            return;
    }
    if (s->lists)
        s->ops->write(s, b->f, row, s->cluster);
    for (uint32_t i = 0, left; (left = s->cluster - i) > 0; i++)
        if (block_writable(row[i]))
            write_row(s, row[i], 0, left < s->group ? left : s->group, SIM_NEVER);
}

/* ---- age and idleness ---- */

/* Of those that were dirty for `age`, what lies in a row goes together. */
static void write_old(struct blocks *s, sim_time now)
{
    for (struct list *l = s->old.next, *next; l != &s->old; l = next) {
        struct block *b = LIST_ENTRY(l, struct block, old);
        bool went = goes(b, now - s->age);
        if (went)
            write_row(s, b, 0, s->group, now - s->age);
        next = went ? s->old.next : l->next;
    }
}

static void write_idle(struct blocks *s)
{
    while (s->dirty_count > 0) {
        struct block *b = NULL;
        for (struct list *l = s->old.next; l != &s->old && b == NULL; l = l->next)
            b = block_writable(LIST_ENTRY(l, struct block, old)) ? LIST_ENTRY(l, struct block, old)
                                                                 : NULL;
        if (b == NULL)
            return;
        blocks_write_file(s, b->f, NULL);
    }
}

/* For the next moment at which something has to go.  What is on its way is looked at when that has
 * ended. */
static void arm(struct blocks *s)
{
    const struct block *b = NULL;
    sim_time now = port_now(s->port), at = SIM_NEVER;
    for (struct list *l = s->old.next; l != &s->old && b == NULL; l = l->next) {
        const struct block *x = LIST_ENTRY(l, struct block, old);
        b = x->out.count == 0 ? x : NULL;
    }
    if (b != NULL && s->age > 0)
        at = b->since + s->age;
    if (b != NULL && s->idle > 0)
        at = sim_time_min(at, s->asked + s->idle);
    if (at == SIM_NEVER)
        (void)port_timer_cancel(&s->behind);
    else
        port_timer_set(&s->behind, at > now ? at - now : 0);
}

static void tick(struct port_timer *t)
{
    struct blocks *s = t->arg;
    sim_time now = port_now(s->port);
    if (s->age > 0)
        write_old(s, now);
    if (s->idle > 0 && now - s->asked >= s->idle)
        write_idle(s);
    arm(s);
}

void blocks_behind_init(struct blocks *s, double dirty_fraction, int64_t cluster, sim_time age,
                        sim_time idle)
{
    s->dirty_most = (uint32_t)(dirty_fraction * s->most);
    s->dirty_left = UINT32_MAX;
    s->cluster = (uint32_t)cluster;
    s->age = age;
    s->idle = idle;
    port_timer_init(s->port, &s->behind, tick, s);
}

void blocks_behind_fini(struct blocks *s)
{
    (void)port_timer_cancel(&s->behind);
}

void blocks_behind(struct blocks *s)
{
    if (s->dirty_count > s->dirty_most)
        blocks_write_some(s, s->dirty_count > s->dirty_left ? s->dirty_count - s->dirty_left : 1);
    blocks_behind_later(s);
}

void blocks_behind_later(struct blocks *s)
{
    if (s->age > 0 || s->idle > 0)
        arm(s);
}
