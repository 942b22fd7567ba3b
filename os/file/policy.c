/* policy.c: a replacement policy as a cache has it; see policy.h. */
#include "os/file/policy.h"

#include <string.h>

/* ---- rows ---- */

static struct cache_entry *entry(struct list *l)
{
    return LIST_ENTRY(l, struct cache_entry, link);
}

struct cache_entry *cache_policy_first(const struct cache_policy *p, struct list *row)
{
    for (struct list *l = row->next; l != row; l = l->next)
        if (p->may_go(entry(l)))
            return entry(l);
    return NULL;
}

struct cache_entry *cache_policy_last(const struct cache_policy *p, struct list *row)
{
    for (struct list *l = row->prev; l != row; l = l->prev)
        if (p->may_go(entry(l)))
            return entry(l);
    return NULL;
}

/* ---- an instance ---- */

struct cache_policy *cache_policy_start(struct port *port, const struct kind_choice *choice,
                                        uint32_t most, bool (*may_go)(struct cache_entry *e))
{
    struct cache_policy *p = port_alloc(port, sizeof *p);
    *p = (struct cache_policy){ .ops = (const struct cache_policy_ops *)choice->kind,
                                .port = port,
                                .most = most,
                                .may_go = may_go };
    memcpy(p->params, choice->params, sizeof p->params);
    p->state = port_alloc(port, p->ops->kind.state_size + 1);
    p->ops->init(p);
    return p;
}

void cache_policy_end(struct cache_policy *p)
{
    if (p->ops->fini != NULL)
        p->ops->fini(p);
    port_free(p->port, p->state);
    port_free(p->port, p);
}

void cache_policy_enter(struct cache_policy *p, struct cache_entry *e, bool ahead)
{
    list_init(&e->link);
    e->ahead = ahead;
    p->ops->enter(p, e);
}

void cache_policy_used(struct cache_policy *p, struct cache_entry *e)
{
    bool first = e->ahead;
    e->ahead = false;
    if (p->ops->used != NULL)
        p->ops->used(p, e, first);
}

struct cache_entry *cache_policy_victim(struct cache_policy *p, uint64_t file, uint64_t index)
{
    struct cache_entry *e = p->ops->victim(p, file, index);
    ASSERT(e == NULL || p->may_go(e)); /* POL1 */
    return e;
}

void cache_policy_left(struct cache_policy *p, struct cache_entry *e, bool evicted)
{
    p->ops->left(p, e, evicted);
}

void cache_policy_demote(struct cache_policy *p, struct cache_entry *e)
{
    p->ops->demote(p, e);
}

void cache_policy_advise(struct cache_policy *p, const struct cache_advice *a)
{
    if (p->ops->advise != NULL)
        p->ops->advise(p, a);
}

void cache_policy_removed(struct cache_policy *p, uint64_t file)
{
    if (p->ops->removed != NULL)
        p->ops->removed(p, file);
}
