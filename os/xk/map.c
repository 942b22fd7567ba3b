/* map.c: the map manager: bindings in order, and a table of their places beside it.  See map.h.
 *
 * A binding is its value and its key, side by side in `entries` in the order of their binding; one
 * that is unbound leaves a hole (value NULL) until the array is made anew, which keeps the order.
 * Few bindings are looked through; more are found by `slots`: places in `entries`, probed one after
 * another from where the hash says, four bytes each.
 */
#include "os/xk/map.h"

#include <string.h>

#define FEW 32u /* entries without slots */
#define ROOM 8u /* of the smallest array but that of one or two */
#define EMPTY UINT32_MAX
#define GONE (UINT32_MAX - 1)

struct xk_binding {
    void *value;
    uint32_t key[];
};

static struct xk_binding *at(const struct xk_map *m, uint32_t i)
{
    return (struct xk_binding *)(void *)(m->entries + (size_t)i * m->entry_size);
}

void xk_map_init(struct xk_map *m, struct port *p, uint32_t key_size)
{
    ASSERT(key_size > 0 && key_size <= XK_KEY_MAX);
    *m = (struct xk_map){ .port = p, .key_size = key_size };
    m->entry_size = (uint32_t)(sizeof(struct xk_binding) + ((key_size + 7) & ~7u));
}

void xk_map_fini(struct xk_map *m)
{
    if (m->entries)
        port_free(m->port, m->entries);
    if (m->slots)
        port_free(m->port, m->slots);
    m->entries = NULL;
    m->slots = NULL;
    m->hit_value = NULL;
    m->used = m->count = m->room = 0;
}

uint32_t xk_map_count(const struct xk_map *m)
{
    return m->count;
}

/* Keys of few words, which most are, are compared without a call. */
static inline bool same(const struct xk_map *m, const uint32_t *mine, const void *key)
{
    uint32_t k[3];
    switch (m->key_size) {
    case 4:
        memcpy(k, key, 4);
        return k[0] == mine[0];
    case 8:
        memcpy(k, key, 8);
        return k[0] == mine[0] && k[1] == mine[1];
    case 12:
        memcpy(k, key, 12);
        return k[0] == mine[0] && k[1] == mine[1] && k[2] == mine[2];
    default:
        return memcmp(mine, key, m->key_size) == 0;
    }
}

static uint32_t hash_of(const struct xk_map *m, const void *key)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < m->key_size; i += 4) {
        uint32_t w = 0, rest = m->key_size - i;
        memcpy(&w, (const uint8_t *)key + i, rest < 4 ? rest : 4);
        h = (h ^ w) * 0x9e3779b97f4a7c15ULL;
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

/* The place of a key among the entries, EMPTY when it is not bound; *slot: where slots say so. */
static uint32_t look(const struct xk_map *m, const void *key, uint32_t *slot)
{
    if (!m->slots) {
        for (uint32_t i = 0; i < m->used; i++)
            if (at(m, i)->value && same(m, at(m, i)->key, key))
                return i;
        return EMPTY;
    }
    uint32_t mask = 2 * m->room - 1, s = hash_of(m, key) & mask;
    for (; m->slots[s] != EMPTY; s = (s + 1) & mask) {
        if (m->slots[s] == GONE || !same(m, at(m, m->slots[s])->key, key))
            continue;
        *slot = s;
        return m->slots[s];
    }
    return EMPTY;
}

static void put_slot(struct xk_map *m, uint32_t i)
{
    uint32_t mask = 2 * m->room - 1, s = hash_of(m, at(m, i)->key) & mask;
    while (m->slots[s] != EMPTY && m->slots[s] != GONE)
        s = (s + 1) & mask;
    m->slots[s] = i;
}

/* Makes the arrays anew for the present count and some more; without holes, but under a walk. */
static void rebuild(struct xk_map *m)
{
    struct xk_map old = *m;
    uint32_t keep = m->walked ? m->used : m->count;
    m->room = keep < 2 ? 2 : ROOM;
    while (m->room < keep + keep / 2)
        m->room *= 2;
    m->used = 0;
    m->entries = port_alloc(m->port, (size_t)m->room * m->entry_size);
    m->slots = NULL;
    if (m->room > FEW) {
        m->slots = port_alloc(m->port, 2 * m->room * sizeof *m->slots);
        memset(m->slots, 0xff, 2 * m->room * sizeof *m->slots); /* EMPTY */
    }
    for (uint32_t i = 0; i < old.used; i++) {
        bool hole = !at(&old, i)->value;
        if (hole && !m->walked)
            continue;
        memcpy(at(m, m->used), at(&old, i), m->entry_size);
        m->used++;
        if (m->slots && !hole)
            put_slot(m, m->used - 1);
    }
    if (old.entries)
        port_free(m->port, old.entries);
    if (old.slots)
        port_free(m->port, old.slots);
}

static void remember(struct xk_map *m, const struct xk_binding *b)
{
    m->hit_value = b->value;
    memcpy(m->hit, b->key, m->key_size);
}

void xk_map_bind(struct xk_map *m, const void *key, void *value)
{
    uint32_t slot;
    ASSERT_MSG(look(m, key, &slot) == EMPTY, "a key is bound twice");
    ASSERT(value);
    if (m->used == m->room)
        rebuild(m);
    struct xk_binding *b = at(m, m->used);
    b->value = value;
    memcpy(b->key, key, m->key_size);
    if (m->slots)
        put_slot(m, m->used);
    m->used++;
    m->count++;
    remember(m, b);
}

static bool is_hit(const struct xk_map *m, const void *key)
{
    return m->hit_value && same(m, m->hit, key);
}

void *xk_map_resolve(struct xk_map *m, const void *key)
{
    uint32_t slot;
    if (is_hit(m, key))
        return m->hit_value;
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    uint32_t i = look(m, key, &slot);
    if (i == EMPTY)
        return NULL;
    remember(m, at(m, i));
    return m->hit_value;
}

void *xk_map_unbind(struct xk_map *m, const void *key)
{
    uint32_t slot;
    if (!is_hit(m, key))
        port_work(m->port, PORT_WORK_LOOKUP, 1);
    uint32_t i = look(m, key, &slot);
    if (i == EMPTY)
        return NULL;
    void *value = at(m, i)->value;
    at(m, i)->value = NULL;
    m->hit_value = NULL;
    m->count--;
    if (m->slots)
        m->slots[slot] = GONE; /* so at most half of the slots are not EMPTY: `used` counts them */
    else if (i == m->used - 1 && !m->walked)
        m->used--; /* the latest leaves no hole */
    if (m->room > ROOM && m->count < m->room / 4 && !m->walked)
        rebuild(m);
    return value;
}

void xk_map_each(struct xk_map *m, bool (*fn)(void *arg, const void *key, void *value), void *arg)
{
    m->walked++;
    for (uint32_t i = 0; i < m->used; i++) {
        const struct xk_binding *b = at(m, i);
        if (b->value && !fn(arg, b->key, b->value))
            break;
    }
    m->walked--;
}
