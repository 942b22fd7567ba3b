/* map.c: the map manager over uthash.  See map.h. */
#include "os/xk/map.h"

#include <string.h>

/* uthash allocates in the task's heap; every use below has `m` in scope. */
#define uthash_malloc(sz) port_alloc(m->port, sz)
#define uthash_free(ptr, sz) port_free(m->port, ptr)
#define HASH_INITIAL_NUM_BUCKETS 8U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 3U
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <uthash.h>

struct xk_binding {
    UT_hash_handle hh;
    void *value;
    uint8_t key[];
};

void xk_map_init(struct xk_map *m, struct port *p, uint32_t key_size)
{
    ASSERT(key_size > 0 && key_size <= XK_KEY_MAX);
    *m = (struct xk_map){ .port = p, .key_size = key_size };
}

static void drop(struct xk_map *m, struct xk_binding *b)
{
    if (m->cache == b)
        m->cache = NULL;
    HASH_DEL(m->head, b);
    port_free(m->port, b);
}

void xk_map_fini(struct xk_map *m)
{
    struct xk_binding *b, *next;
    HASH_ITER(hh, m->head, b, next)
    drop(m, b);
}

uint32_t xk_map_count(const struct xk_map *m)
{
    return HASH_COUNT(m->head);
}

static struct xk_binding *find(struct xk_map *m, const void *key)
{
    if (m->cache && memcmp(m->cache->key, key, m->key_size) == 0)
        return m->cache;
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    struct xk_binding *b = NULL;
    HASH_FIND(hh, m->head, key, m->key_size, b);
    if (b)
        m->cache = b;
    return b;
}

void xk_map_bind(struct xk_map *m, const void *key, void *value)
{
    struct xk_binding *old = NULL;
    HASH_FIND(hh, m->head, key, m->key_size, old);
    ASSERT_MSG(!old, "a key is bound twice");
    ASSERT(value);
    struct xk_binding *b = port_alloc(m->port, sizeof *b + m->key_size);
    b->value = value;
    memcpy(b->key, key, m->key_size);
    HASH_ADD(hh, m->head, key[0], m->key_size, b);
    m->cache = b;
}

void *xk_map_resolve(struct xk_map *m, const void *key)
{
    struct xk_binding *b = find(m, key);
    return b ? b->value : NULL;
}

void *xk_map_unbind(struct xk_map *m, const void *key)
{
    struct xk_binding *b = find(m, key);
    if (!b)
        return NULL;
    void *value = b->value;
    drop(m, b);
    return value;
}

void xk_map_each(struct xk_map *m, bool (*fn)(void *arg, const void *key, void *value), void *arg)
{
    struct xk_binding *b, *next;
    HASH_ITER(hh, m->head, b, next)
    if (!fn(arg, b->key, b->value))
        return;
}
