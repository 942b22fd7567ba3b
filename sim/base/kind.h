/* kind.h: what a configuration chooses by name: one descriptor a kind, one set for each choice.
 *
 * A kind is the first member of the const ops struct that does the work, so that the one pointer is
 * as good as the other.  A set is an array of kinds; it alone drives loading, sentences with the
 * nearest name, `psim list`, the reference manual (docs/params.md), and the tests that run over
 * every item.
 */
#ifndef SIM_BASE_KIND_H
#define SIM_BASE_KIND_H

#include "sim/base/param.h"

struct counter; /* sim/base/counter.h */

struct kind {
    const char *name; /* as written in Lua */
    const char *doc;
    const struct param *params; /* of its parameter struct; NULL: it has none */
    size_t params_size, state_size;
    const struct counter *counters; /* of what it counts; NULL: nothing */
    const char *was;                /* a name that it had, and has no more; NULL: none */
};

struct kind_set {
    const char *what;                /* one of them: "scheduler" */
    const char *path;                /* where it is chosen: "devices.queue.policy" */
    const struct kind *const *items; /* NULL-terminated */
};

/* The ops struct that begins with the kind of that name, or NULL. */
const void *kind_find(const struct kind_set *set, const char *name);
static inline const void *kind_at(const struct kind_set *set, int index)
{
    return set->items[index];
}

/* The ops struct that `table` names under `key`; of that name when it says nothing (`otherwise`
 * NULL: it must).  NULL with a sentence. */
const void *kind_choose(const struct kind_set *set, const struct val *table, const char *key,
                        const char *otherwise, const char *path, struct err *e);

/* What a PARAM_KIND chooses: the kind, and its parameter struct in place: a plain value, which may
 * be copied. */
#define KIND_CHOICE_WORDS 8
struct kind_choice {
    const struct kind *kind;
    uint64_t params[KIND_CHOICE_WORDS]; /* the kind's params_size is no more */
};
/* The kind of that name with its defaults. */
struct kind_choice kind_plain(const struct kind_set *set, const char *name);

/* Adds to a sentence about `wrong` the nearest name of the set, or all of them. */
void kind_nearest(const struct kind_set *set, const char *wrong, struct err *e);

/* The kind's parameter struct, loaded from `table` but for the keys in `but` (ended by NULL; may be
 * NULL), which are the caller's.  Heap; NULL with a sentence. */
void *kind_load(const struct kind *k, const struct val *table, const char *const *but,
                const char *path, struct err *e) MUST_CHECK;

#endif
