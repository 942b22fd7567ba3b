/* hash.c: see hash.h. */
#include "os/pfs/hash.h"

static void set_up(struct pfs_hash *h, uint32_t bits)
{
    h->bits = bits;
    h->slots = port_alloc(h->port, sizeof *h->slots << bits);
    for (size_t i = 0; i < (size_t)1 << bits; i++)
        list_init(&h->slots[i]);
}

void pfs_hash_init(struct pfs_hash *h, struct port *p)
{
    h->port = p;
    h->count = 0;
    set_up(h, 4);
}

void pfs_hash_add(struct pfs_hash *h, struct pfs_hashed *x, uint64_t key)
{
    if (h->count >> h->bits > 0) {
        struct list *old = h->slots, *l;
        size_t n = (size_t)1 << h->bits;
        set_up(h, h->bits + 1);
        for (size_t i = 0; i < n; i++)
            while ((l = list_pop(&old[i])) != NULL)
                list_push(pfs_hash_slot(h, LIST_ENTRY(l, struct pfs_hashed, link)->key), l);
        port_free(h->port, old);
    }
    x->key = key;
    list_push(pfs_hash_slot(h, key), &x->link);
    h->count++;
}

void pfs_hash_remove(struct pfs_hash *h, struct pfs_hashed *x)
{
    list_remove(&x->link);
    h->count--;
}
