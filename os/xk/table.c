/* table.c: a protocol's sessions by peer, with a bounded cache of idle ones.  See table.h.
 *
 * The places are probed one after another from where the hash says; what is taken out leaves no
 * hole, for what stands behind it moves up.  At most three of four are taken.
 */
#include "os/xk/table.h"

#define ROOM 8u /* places of the smallest table */

static uint64_t key_of(const struct xk_protl *upper, uint32_t host, uint32_t key)
{
    return (uint64_t)(key << 16 | upper->number) << 32 | host;
}

void xk_table_init(struct xk_table *t, struct xk_protl *protl, uint32_t idle_max)
{
    *t = (struct xk_table){ .port = xk_port(protl), .idle_max = idle_max };
    list_init(&t->idle);
}

/* ---- places ---- */

static uint32_t place_of(const struct xk_table *t, uint64_t key)
{
    return (uint32_t)(key * 0x9e3779b97f4a7c15ULL >> 32) & (t->room - 1);
}

/* Where the key stands, or the free place where it would. */
static uint32_t look(const struct xk_table *t, uint64_t key)
{
    uint32_t i = place_of(t, key);
    while (t->places[i].key != 0 && t->places[i].key != key)
        i = (i + 1) & (t->room - 1);
    return i;
}

static void resize(struct xk_table *t, uint32_t room)
{
    struct xk_place *old = t->places;
    uint32_t count = t->room;
    t->room = room;
    t->places = port_alloc(t->port, room * sizeof *t->places);
    for (uint32_t i = 0; i < count; i++)
        if (old[i].key != 0)
            t->places[look(t, old[i].key)] = old[i];
    port_free(t->port, old);
}

static void bind(struct xk_table *t, uint64_t key, struct xk_sessn *s)
{
    if (4 * (t->count + 1) > 3 * t->room)
        resize(t, t->room ? 2 * t->room : ROOM);
    t->places[look(t, key)] = (struct xk_place){ .key = key, .sessn = s };
    t->count++;
    t->hit = key;
    t->hit_sessn = s;
}

static void unbind(struct xk_table *t, uint64_t key)
{
    uint32_t hole = look(t, key), mask = t->room - 1;
    if (t->hit != key)
        port_work(t->port, PORT_WORK_LOOKUP, 1);
    t->hit = 0;
    for (uint32_t i = (hole + 1) & mask; t->places[i].key != 0; i = (i + 1) & mask)
        if (((i - place_of(t, t->places[i].key)) & mask) >= ((i - hole) & mask)) {
            t->places[hole] = t->places[i];
            hole = i;
        }
    t->places[hole].key = 0;
    t->count--;
    if (t->room > ROOM && 8 * t->count < t->room)
        resize(t, t->room / 2);
}

/* ---- sessions ---- */

struct xk_sessn *xk_table_hold(struct xk_table *t, struct xk_sessn *s)
{
    if (s->refs++ == 0) {
        list_remove(&s->link);
        t->idle_count--;
    }
    return s;
}

static struct xk_sessn *get(struct xk_table *t, uint64_t key)
{
    if (t->hit == key)
        return xk_table_hold(t, t->hit_sessn);
    port_work(t->port, PORT_WORK_LOOKUP, 1);
    uint32_t i = t->count > 0 ? look(t, key) : 0;
    if (t->count == 0 || t->places[i].key == 0)
        return NULL;
    t->hit = key;
    t->hit_sessn = t->places[i].sessn;
    return xk_table_hold(t, t->hit_sessn);
}

struct xk_sessn *xk_table_get(struct xk_table *t, const struct xk_protl *upper, uint32_t host)
{
    return get(t, key_of(upper, host, 0));
}

/* A session that takes `down`, if any. */
static struct xk_sessn *make(struct xk_table *t, struct xk_protl *self, struct xk_protl *upper,
                             uint32_t host, uint32_t key, const struct xk_sessn_ops *ops,
                             size_t state_size, struct xk_sessn *down)
{
    struct xk_sessn *s = xk_sessn_new(self, upper, host, ops, state_size);
    s->key = (uint8_t)key;
    if (down)
        s->down[s->downs++] = down;
    bind(t, key_of(upper, host, key), s);
    return s;
}

struct xk_sessn *xk_table_open_key(struct xk_table *t, struct xk_protl *self,
                                   struct xk_protl *upper, uint32_t host, uint32_t key,
                                   const struct xk_sessn_ops *ops, size_t state_size, bool *fresh,
                                   enum xk_status *why)
{
    struct xk_sessn *s = get(t, key_of(upper, host, key)), *down = NULL;
    *fresh = !s;
    if (s)
        return s;
    if (self->downs > 0) {
        down = xk_open(self->down[0], self, xk_node(host), why);
        if (!down)
            return NULL;
    }
    return make(t, self, upper, host, key, ops, state_size, down);
}

struct xk_sessn *xk_table_over(struct xk_table *t, struct xk_protl *self, struct xk_protl *upper,
                               struct xk_sessn *lower, uint32_t key, const struct xk_sessn_ops *ops,
                               size_t state_size, bool *fresh)
{
    struct xk_sessn *s = get(t, key_of(upper, lower->host, key));
    *fresh = !s;
    return s ? s : make(t, self, upper, lower->host, key, ops, state_size, lower);
}

struct xk_sessn *xk_table_open_parts(struct xk_table *t, struct xk_protl *self,
                                     struct xk_protl *upper, struct xk_parts peer, uint32_t key,
                                     const struct xk_sessn_ops *ops, size_t state_size, bool *fresh,
                                     enum xk_status *why)
{
    uint32_t host;
    if (xk_parts_node(&peer, &host))
        return xk_table_open_key(t, self, upper, host, key, ops, state_size, fresh, why);
    ASSERT(self->downs > 0);
    struct xk_sessn *down = xk_open(self->down[0], self, peer, why);
    if (!down)
        return NULL;
    struct xk_sessn *s = xk_table_over(t, self, upper, down, key, ops, state_size, fresh);
    if (*fresh)
        return s;
    if (s->down[0] != down) {
        xk_close(s);
        s = NULL;
        *why = XK_REFUSED;
    }
    xk_close(down);
    return s;
}

static void free_oldest(struct xk_table *t)
{
    struct xk_sessn *s = LIST_ENTRY(list_pop(&t->idle), struct xk_sessn, link);
    t->idle_count--;
    if (t->forget)
        t->forget(s);
    unbind(t, key_of(s->upper, s->host, s->key));
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

enum xk_status xk_table_control(struct xk_table *t, struct xk_protl *self, uint64_t bytes,
                                struct xk_control *c)
{
    switch (c->op) {
    case XK_GET_OPT_PACKET:
        c->u64 = bytes;
        return XK_OK;
    case XK_FREE_RESOURCES:
        c->u64 = xk_table_reclaim(t);
        return XK_OK;
    default:
        return self->downs > 0 ? xk_protl_control(self->down[0], c) : XK_REFUSED;
    }
}
