/* index.c: see index.h. */
#include "os/hsm/index.h"

static bool before(const struct hsm_key *a, const struct hsm_key *b)
{
    if (a->row != b->row)
        return a->row < b->row;
    return a->at != b->at ? a->at < b->at : a->file < b->file;
}

/* The higher lies above the lower; the end of splitmix64 [Steele et al., 2014]. */
static uint64_t height(const struct hsm_node *n)
{
    uint64_t x = n->key.file * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* What comes before that key, and what comes behind it. */
static void split(struct hsm_node *t, const struct hsm_key *key, struct hsm_node **l,
                  struct hsm_node **r)
{
    while (t != NULL)
        if (before(key, &t->key)) {
            *r = t;
            r = &t->left;
            t = t->left;
        } else {
            *l = t;
            l = &t->right;
            t = t->right;
        }
    *l = *r = NULL;
}

void hsm_index_put(struct hsm_node **root, struct hsm_node *n, struct hsm_key key)
{
    hsm_index_drop(root, n);
    n->key = key;
    n->in = true;
    while (*root != NULL && height(*root) >= height(n))
        root = before(&key, &(*root)->key) ? &(*root)->left : &(*root)->right;
    split(*root, &key, &n->left, &n->right);
    *root = n;
}

void hsm_index_drop(struct hsm_node **root, struct hsm_node *n)
{
    if (!n->in)
        return;
    n->in = false;
    while (*root != n)
        root = before(&n->key, &(*root)->key) ? &(*root)->left : &(*root)->right;
    struct hsm_node *l = n->left, *r = n->right;
    while (l != NULL && r != NULL)
        if (height(l) >= height(r)) {
            *root = l;
            root = &l->right;
            l = l->right;
        } else {
            *root = r;
            root = &r->left;
            r = r->left;
        }
    *root = l != NULL ? l : r;
}

struct hsm_node *hsm_index_next(struct hsm_node *t, struct hsm_key key)
{
    struct hsm_node *best = NULL;
    while (t != NULL)
        if (before(&key, &t->key)) {
            best = t;
            t = t->left;
        } else {
            t = t->right;
        }
    return best;
}
