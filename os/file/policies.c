/* policies.c: the replacement policies there are, and those that remember the blocks of the cache
 * alone; see policy.h. */
#include "os/file/policies.h"

static struct cache_entry *entry(struct list *l)
{
    return LIST_ENTRY(l, struct cache_entry, link);
}

static void row_init(struct cache_policy *p)
{
    list_init(p->state);
}

static void to_end(struct cache_policy *p, struct cache_entry *e)
{
    list_remove(&e->link);
    list_push(p->state, &e->link);
}

static void to_front(struct cache_policy *p, struct cache_entry *e)
{
    list_remove(&e->link);
    list_push_front(p->state, &e->link);
}

static void used_to_end(struct cache_policy *p, struct cache_entry *e, bool first)
{
    (void)first;
    to_end(p, e);
}

static void out_of_row(struct cache_policy *p, struct cache_entry *e, bool evicted)
{
    (void)p, (void)evicted;
    list_remove(&e->link);
}

static struct cache_entry *first_of_row(struct cache_policy *p, uint64_t file, uint64_t index)
{
    (void)file, (void)index;
    return cache_policy_first(p, p->state);
}

/* What came ahead and was not asked for yet would be gone before that: it goes when all is so. */
static struct cache_entry *last_of_row(struct cache_policy *p, uint64_t file, uint64_t index)
{
    struct list *row = p->state;
    (void)file, (void)index;
    for (struct list *l = row->prev; l != row; l = l->prev)
        if (!entry(l)->ahead && p->may_go(entry(l)))
            return entry(l);
    return cache_policy_last(p, row);
}

/* ---- clock: the hand stands before the first of the row ---- */

enum { REFERENCED = 1 };

static void clock_enter(struct cache_policy *p, struct cache_entry *e)
{
    e->in = e->ahead ? 0 : REFERENCED;
    to_end(p, e);
}

static void clock_used(struct cache_policy *p, struct cache_entry *e, bool first)
{
    (void)p, (void)first;
    e->in = REFERENCED;
}

static void clock_demote(struct cache_policy *p, struct cache_entry *e)
{
    e->in = 0;
    to_front(p, e);
}

static struct cache_entry *clock_victim(struct cache_policy *p, uint64_t file, uint64_t index)
{
    struct list *row = p->state;
    (void)file, (void)index;
    if (cache_policy_first(p, row) == NULL)
        return NULL;
    for (;;) {
        struct cache_entry *e = entry(row->next);
        if (p->may_go(e) && e->in != REFERENCED)
            return e;
        if (p->may_go(e))
            e->in = 0;
        to_end(p, e);
    }
}

/* ---- the set ---- */

#define ROW(name_, doc_, ...)                                                                      \
    static const struct cache_policy_ops name_ = {                                                 \
        .kind = { .name = #name_, .doc = doc_, .state_size = sizeof(struct list) },                \
        .init = row_init,                                                                          \
        .enter = to_end,                                                                           \
        .left = out_of_row,                                                                        \
        __VA_ARGS__                                                                                \
    }
ROW(lru, "The block goes that was used least recently.", .used = used_to_end,
    .victim = first_of_row, .demote = to_front);
ROW(mru,
    "The block goes that was used last: for files read again and again that are larger than the "
    "cache.",
    .used = used_to_end, .victim = last_of_row, .demote = to_end);
ROW(fifo, "The block goes that has been there longest.", .victim = first_of_row,
    .demote = to_front);
static const struct cache_policy_ops second_chance = {
    .kind = { .name = "clock",
              .doc = "The block goes that has been there longest, but for those that were used "
                     "since the hand last passed.",
              .state_size = sizeof(struct list) },
    .init = row_init,
    .enter = clock_enter,
    .used = clock_used,
    .victim = clock_victim,
    .left = out_of_row,
    .demote = clock_demote,
};

static const struct kind *const policies[] = {
    &lru.kind,
    &mru.kind,
    &fifo.kind,
    &second_chance.kind,
    &cache_policy_2q.kind,
    &cache_policy_arc.kind,
    &cache_policy_application.kind,
    NULL,
};
const struct kind_set file_cache_policies = { "eviction", "policy of the layer cache", policies };
