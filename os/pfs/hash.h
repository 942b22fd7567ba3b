/* hash.h: a hash table of what holds its own links; it grows by itself.
 *
 * Who looks up walks the slot of a key and compares; nothing hangs on the order there.  Unlike
 * os/xk/map.h it names no work: its owners do.
 */
#ifndef OS_PFS_HASH_H
#define OS_PFS_HASH_H

#include "os/port.h"

struct pfs_hash {
    struct port *port;
    struct list *slots; /* 2^bits */
    uint32_t bits, count;
};
struct pfs_hashed {
    struct list link;
    uint64_t key;
};

/* Keys may be numbers in a row. */
static inline struct list *pfs_hash_slot(const struct pfs_hash *h, uint64_t key)
{
    return &h->slots[key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - h->bits)];
}

/* Empty; its memory is of this task. */
void pfs_hash_init(struct pfs_hash *h, struct port *p);
/* It is in no table. */
void pfs_hash_add(struct pfs_hash *h, struct pfs_hashed *x, uint64_t key);
/* It is in this one. */
void pfs_hash_remove(struct pfs_hash *h, struct pfs_hashed *x);

#endif
