/* keyed.c: a protocol's sessions by a key of its own, with a bounded cache of idle ones.  See
 * keyed.h.
 */
#include "os/xk/keyed.h"

void xk_keyed_init(struct xk_keyed *k, struct xk_protl *protl, uint32_t key_size, uint32_t idle_max)
{
    xk_map_init(&k->map, xk_port(protl), key_size);
    list_init(&k->idle);
    k->idle_count = 0;
    k->idle_max = idle_max;
    k->forget = NULL;
}

struct xk_sessn *xk_keyed_get(struct xk_keyed *k, const void *key)
{
    struct xk_sessn *s = xk_map_resolve(&k->map, key);
    if (s && s->refs++ == 0) {
        list_remove(&s->link);
        k->idle_count--;
    }
    return s;
}

void xk_keyed_add(struct xk_keyed *k, struct xk_sessn *s)
{
    xk_map_bind(&k->map, s->state, s);
}

static void free_oldest(struct xk_keyed *k)
{
    struct xk_sessn *s = LIST_ENTRY(list_pop(&k->idle), struct xk_sessn, link);
    k->idle_count--;
    if (k->forget)
        k->forget(s);
    void *bound = xk_map_unbind(&k->map, s->state);
    ASSERT(bound == s);
    xk_sessn_free(s);
}

void xk_keyed_idle(struct xk_keyed *k, struct xk_sessn *s)
{
    list_push(&k->idle, &s->link);
    k->idle_count++;
    while (k->idle_count > k->idle_max)
        free_oldest(k);
}

uint32_t xk_keyed_reclaim(struct xk_keyed *k)
{
    uint32_t n = 0;
    for (; k->idle_count > 0; n++)
        free_oldest(k);
    return n;
}

/* ---- over one below ---- */

struct over {
    struct xk_sessn *lower;
    uint32_t count;
    struct xk_sessn **held;
};

static bool over_one(void *arg, const void *key, void *value)
{
    struct over *o = arg;
    struct xk_sessn *s = value;
    (void)key;
    if (s->downs > 0 && s->down[0] == o->lower && s->refs > 0) {
        o->held = port_realloc(xk_port(s->protl), o->held, (o->count + 1) * sizeof(void *));
        o->held[o->count++] = xk_dup(s);
    }
    return true;
}

void xk_keyed_over(struct xk_keyed *k, struct xk_sessn *lower, void (*fn)(struct xk_sessn *s))
{
    struct over o = { .lower = lower };
    xk_map_each(&k->map, over_one, &o);
    for (uint32_t i = 0; i < o.count; i++) {
        fn(o.held[i]);
        xk_close(o.held[i]);
    }
    port_free(k->map.port, o.held);
}

/* ---- types ---- */

uint32_t xk_type_take(const struct xk_types *t, struct xk_parts *ps, const struct xk_protl *upper)
{
    uint64_t type;
    if (!xk_part_take(ps, XK_PART_TYPE, &type))
        return t->untyped + upper->number;
    return type < t->end && type != t->own ? (uint32_t)type : XK_NO_TYPE;
}

uint32_t xk_type_local(const struct xk_types *t, struct xk_parts local,
                       const struct xk_protl *upper)
{
    uint32_t type = xk_type_take(t, &local, upper);
    return local.count > 0 ? XK_NO_TYPE : type;
}

enum xk_status xk_types_enable(struct xk_types *t, uint32_t type, struct xk_protl *upper)
{
    struct xk_protl *now = xk_types_find(t, type);
    if (now || type == XK_NO_TYPE)
        return now == upper ? XK_OK : XK_REFUSED;
    t->at = port_realloc(xk_port(upper), t->at, (t->count + 1) * sizeof *t->at);
    t->at[t->count++] = (struct xk_type_of){ .type = type, .upper = upper };
    return XK_OK;
}

enum xk_status xk_types_disable(struct xk_types *t, uint32_t type, const struct xk_protl *upper)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->at[i].type == type && t->at[i].upper == upper)
            t->at[i] = t->at[--t->count];
    return type == XK_NO_TYPE ? XK_REFUSED : XK_OK;
}

struct xk_protl *xk_types_find(const struct xk_types *t, uint32_t type)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->at[i].type == type)
            return t->at[i].upper;
    return NULL;
}
