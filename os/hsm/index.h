/* index.h: files in the order of a key, so that the next one is found without a look at all.
 *
 * A search tree that is a heap of numbers which hang on the keys alone (a treap [Seidel & Aragon,
 * 1996]): its depth is some logarithm whatever the order in which files come and go, and it is the
 * same in every run.  Nodes lie in what they are of: nothing is allocated.
 */
#ifndef OS_HSM_INDEX_H
#define OS_HSM_INDEX_H

#include "sim/base/base.h"

struct hsm_key { /* in this order */
    uint64_t row, at, file;
};
struct hsm_node {
    struct hsm_key key;
    struct hsm_node *left, *right;
    bool in; /* it is in an index */
};

/* Puts a node under that key, from where it was in the same index, if it was there.  No other has
 * the key. */
void hsm_index_put(struct hsm_node **root, struct hsm_node *n, struct hsm_key key);
void hsm_index_drop(struct hsm_node **root, struct hsm_node *n); /* if it is there */
/* The first whose key comes behind that; NULL: there is none. */
struct hsm_node *hsm_index_next(struct hsm_node *root, struct hsm_key key);

#endif
