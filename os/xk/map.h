/* map.h: the map manager: from keys of one fixed size to pointers.
 *
 * The x-kernel's tool for demultiplexing: a hash and a one-entry cache of the last hit.  A look-up
 * that the cache answers names no work; another names one PORT_WORK_LOOKUP.  Maps are walked in
 * insertion order, so nothing depends on the hash.  Memory is the task's (port_alloc).
 * Source: x-kernel map manager [x-kernel 3.2 programmer's manual].
 */
#ifndef OS_XK_MAP_H
#define OS_XK_MAP_H

#include "os/port.h"

#define XK_KEY_MAX 32 /* bytes */

struct xk_map {
    struct port *port;
    uint32_t key_size;
    uint32_t hit[XK_KEY_MAX / 4]; /* key of the last hit: here, so that it touches nothing else */
    void *hit_value;              /* NULL: none */
    uint8_t *entries;             /* room for `room`, `used` with holes, `count` bound */
    uint32_t *slots;              /* twice the room; NULL while there is room for few only */
    uint32_t entry_size, used, count, room, walked;
};

/* Keys are compared as bytes: the caller zeroes their padding. */
void xk_map_init(struct xk_map *m, struct port *p, uint32_t key_size);
void xk_map_fini(struct xk_map *m); /* drops all bindings, not what they point to */
uint32_t xk_map_count(const struct xk_map *m);

/* Binds a key that is not bound yet; value is not NULL. */
void xk_map_bind(struct xk_map *m, const void *key, void *value);
void *xk_map_resolve(struct xk_map *m, const void *key); /* NULL: not bound */
void *xk_map_unbind(struct xk_map *m, const void *key);  /* what was bound, or NULL */

/* Calls fn for each binding in insertion order until it returns false.  fn may unbind the binding
 * it is given, and no other. */
void xk_map_each(struct xk_map *m, bool (*fn)(void *arg, const void *key, void *value), void *arg);

#endif
