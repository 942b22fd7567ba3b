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

static void remember(struct xk_map *m, struct xk_binding *b)
{
    m->cache = b;
    m->hit_value = b->value;
    memcpy(m->hit, b->key, m->key_size);
}

/* Keys of few words, which most are, are compared without a call. */
static inline bool is_hit(const struct xk_map *m, const void *key)
{
    uint32_t k[3];
    if (!m->cache)
        return false;
    switch (m->key_size) {
    case 4:
        memcpy(k, key, 4);
        return k[0] == m->hit[0];
    case 8:
        memcpy(k, key, 8);
        return k[0] == m->hit[0] && k[1] == m->hit[1];
    case 12:
        memcpy(k, key, 12);
        return k[0] == m->hit[0] && k[1] == m->hit[1] && k[2] == m->hit[2];
    default:
        return memcmp(m->hit, key, m->key_size) == 0;
    }
}

static struct xk_binding *find(struct xk_map *m, const void *key)
{
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    struct xk_binding *b = NULL;
    HASH_FIND(hh, m->head, key, m->key_size, b);
    if (b)
        remember(m, b);
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
    remember(m, b);
}

void *xk_map_resolve(struct xk_map *m, const void *key)
{
    if (is_hit(m, key))
        return m->hit_value;
    struct xk_binding *b = find(m, key);
    return b ? b->value : NULL;
}

void *xk_map_unbind(struct xk_map *m, const void *key)
{
    struct xk_binding *b = is_hit(m, key) ? m->cache : find(m, key);
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
