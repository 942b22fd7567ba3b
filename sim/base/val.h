/* val.h: plain data handed over by a configuration: a tree of values that know their line.
 *
 * A val is immutable once built.  Tables keep their keys in the order in which they were added.
 * A tree is owned by its root: val_free(root) frees all.
 */
#ifndef SIM_BASE_VAL_H
#define SIM_BASE_VAL_H

#include "sim/base/base.h"
#include "sim/base/err.h"

enum val_type { VAL_NIL, VAL_BOOL, VAL_INT, VAL_REAL, VAL_STRING, VAL_LIST, VAL_TABLE };

struct val {
    enum val_type type;
    int line;         /* where it is written; 0 when unknown */
    const char *file; /* owned by the tree's root or static; NULL when unknown */
    char *key;        /* its key in the parent table; NULL in a list or at the root */
    union {
        bool b;
        int64_t i;
        double r;
        char *s;
    } u;
    struct val **items; /* list elements or table members, in order */
    size_t count;
    size_t capacity;
};

/* A value that the caller owns until it is handed to a builder: empty (nil, 0, false, no text, no
 * items) or with that content.  Texts and `file` (may be NULL) are copied. */
struct val *val_new(enum val_type type, const char *file, int line);
struct val *val_new_string(const char *s, const char *file, int line);
struct val *val_new_int(int64_t i, const char *file, int line);
struct val *val_new_real(double r, const char *file, int line);
struct val *val_new_bool(bool b, const char *file, int line);
void val_free(struct val *v); /* NULL is fine */
/* The whole tree, with its key, lines and files; the caller frees it.  NULL gives NULL. */
struct val *val_copy(const struct val *v);
/* The same data, wherever written. */
bool val_equal(const struct val *a, const struct val *b);

/* Builders; both take ownership of `item`.  val_put replaces a member of that name in its place;
 * the key may be the item's own. */
void val_append(struct val *list, struct val *item);
void val_put(struct val *table, const char *key, struct val *item);

/* The member of a table, or NULL.  val_path follows "a.b.c"; a number picks a list element from 1.
 */
const struct val *val_get(const struct val *table, const char *key);
const struct val *val_path(const struct val *root, const char *path);

/* Sets the value at a dotted path, making tables on the way; takes ownership of `item`.  False with
 * a sentence when a step is not a table or list. */
bool val_set_path(struct val *root, const char *path, struct val *item, struct err *e);

const char *val_type_name(enum val_type type); /* "a number", "a table", ... for sentences */

/* "file:line: " or "" for the start of a sentence. */
const char *val_where(const struct val *v, char *out, size_t size);

/* The tree as canonical text: one line "path = value" a leaf, in order.  Heap string.  Used for the
 * identity of a point and for `psim check --resolved`. */
char *val_canonical(const struct val *v);

#endif
