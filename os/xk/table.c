/* table.c: a protocol's sessions by peer, with a bounded cache of idle ones.  See table.h. */
#include "os/xk/table.h"

struct table_key {
    uint32_t upper, host;
};

static struct table_key key_of(const struct xk_protl *upper, uint32_t host)
{
    return (struct table_key){ .upper = upper->number, .host = host };
}

void xk_table_init(struct xk_table *t, struct xk_protl *protl, uint32_t idle_max)
{
    xk_map_init(&t->map, xk_port(protl), sizeof(struct table_key));
    list_init(&t->idle);
    t->idle_count = 0;
    t->idle_max = idle_max;
}

struct xk_sessn *xk_table_hold(struct xk_table *t, struct xk_sessn *s)
{
    if (s->refs++ == 0) {
        list_remove(&s->link);
        t->idle_count--;
    }
    return s;
}

struct xk_sessn *xk_table_get(struct xk_table *t, const struct xk_protl *upper, uint32_t host)
{
    struct table_key k = key_of(upper, host);
    struct xk_sessn *s = xk_map_resolve(&t->map, &k);
    return s ? xk_table_hold(t, s) : NULL;
}

struct xk_sessn *xk_table_open(struct xk_table *t, struct xk_protl *self, struct xk_protl *upper,
                               uint32_t host, const struct xk_sessn_ops *ops, size_t state_size,
                               bool *fresh, enum xk_status *why)
{
    struct xk_sessn *s = xk_table_get(t, upper, host), *down = NULL;
    *fresh = !s;
    if (s)
        return s;
    if (self->downs > 0) {
        down = xk_open(self->down[0], self, &(struct xk_part){ .host = host }, why);
        if (!down)
            return NULL;
    }
    s = xk_sessn_new(self, upper, host, ops, state_size);
    if (down)
        s->down[s->downs++] = down;
    struct table_key k = key_of(upper, host);
    xk_map_bind(&t->map, &k, s);
    return s;
}

static void free_oldest(struct xk_table *t)
{
    struct xk_sessn *s = LIST_ENTRY(list_pop(&t->idle), struct xk_sessn, link);
    struct table_key k = key_of(s->upper, s->host);
    t->idle_count--;
    xk_map_unbind(&t->map, &k);
    xk_sessn_free(s);
}

void xk_table_idle(struct xk_table *t, struct xk_sessn *s)
{
    list_push(&t->idle, &s->link);
    t->idle_count++;
    while (t->idle_count > t->idle_max)
        free_oldest(t);
}

uint32_t xk_table_reclaim(struct xk_table *t)
{
    uint32_t n = 0;
    for (; t->idle_count > 0; n++)
        free_oldest(t);
    return n;
}
