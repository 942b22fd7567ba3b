/* param.h: parameter descriptors: one array per module says all there is to say of its parameters.
 *
 * The array alone drives loading from a configuration, range errors, `psim list parameters`, the
 * reference manual (docs/params.md) and editor annotations.
 */
#ifndef SIM_BASE_PARAM_H
#define SIM_BASE_PARAM_H

#include "sim/base/base.h"
#include "sim/base/err.h"
#include "sim/base/time.h"
#include "sim/base/val.h"

struct kind_set; /* sim/base/kind.h */

enum param_type {
    PARAM_BOOL,   /* bool */
    PARAM_INT,    /* int64_t */
    PARAM_REAL,   /* double, dimensionless */
    PARAM_TIME,   /* sim_time; text with a unit */
    PARAM_SIZE,   /* int64_t bytes; text with a unit */
    PARAM_RATE,   /* int64_t bytes a second; text with a unit */
    PARAM_CHOICE, /* int: index in `choices` */
    PARAM_KIND,   /* struct kind_choice: a kind of `set` and its parameters (sim/base/kind.h) */
    PARAM_STRING, /* const char *: borrowed from the val tree or the descriptor's default */
    PARAM_FILE,   /* const char *: the name of a file that the run reads, "": none (sim/input.h) */
    PARAM_TABLE,  /* a struct in place, described by `sub` */
    PARAM_VAL     /* const struct val *: handed over unread (graphs, lists); NULL when absent */
};

struct param {
    const char *name; /* as written in Lua; NULL ends the array */
    enum param_type type;
    size_t offset;              /* of the member in the module's parameter struct */
    const char *def;            /* default as a user would write it; NULL: the user must give it
                                   (PARAM_TABLE and PARAM_VAL: absent means defaults or NULL) */
    const char *min, *max;      /* inclusive, as a user would write them; NULL: no bound */
    const char *const *choices; /* PARAM_CHOICE: NULL-terminated; NULL: the kinds of `set` */
    const struct kind_set *set; /* PARAM_KIND, too */
    const struct param *sub;    /* PARAM_TABLE */
    const char *doc;            /* one sentence */
    const char *src;            /* where the default comes from, or "ASSUMED(reason)"; NULL: a
                                   choice of the experiment, which needs none */
};

/* One call a parameter: `s` is the tag of the module's struct, `m` the member that takes the value,
 * which is also the name in Lua; a member of another C type does not compile.  Last come the
 * sentence and, but for a choice of the experiment, the source:
 *
 *     static const struct param params[] = {
 *         P_TIME(disk_params, phase, "0", "0", "1s", "Where the spindle stands.", "ASSUMED(at 0)"),
 *         P_END,
 *     };
 */
#define P_BOOL(s, m, def_, ...) P_OF(s, m, bool, PARAM_BOOL, .def = def_, .doc = __VA_ARGS__)
#define P_STRING(s, m, def_, ...)                                                                  \
    P_OF(s, m, const char *, PARAM_STRING, .def = def_, .doc = __VA_ARGS__)
#define P_FILE(s, m, def_, ...)                                                                    \
    P_OF(s, m, const char *, PARAM_FILE, .def = def_, .doc = __VA_ARGS__)
#define P_INT(s, m, def_, min_, max_, ...)                                                         \
    P_OF(s, m, int64_t, PARAM_INT, P_RANGE(def_, min_, max_), .doc = __VA_ARGS__)
#define P_REAL(s, m, def_, min_, max_, ...)                                                        \
    P_OF(s, m, double, PARAM_REAL, P_RANGE(def_, min_, max_), .doc = __VA_ARGS__)
#define P_TIME(s, m, def_, min_, max_, ...)                                                        \
    P_OF(s, m, sim_time, PARAM_TIME, P_RANGE(def_, min_, max_), .doc = __VA_ARGS__)
#define P_SIZE(s, m, def_, min_, max_, ...)                                                        \
    P_OF(s, m, int64_t, PARAM_SIZE, P_RANGE(def_, min_, max_), .doc = __VA_ARGS__)
#define P_RATE(s, m, def_, min_, max_, ...)                                                        \
    P_OF(s, m, int64_t, PARAM_RATE, P_RANGE(def_, min_, max_), .doc = __VA_ARGS__)
#define P_CHOICE(s, m, def_, choices_, ...)                                                        \
    P_OF(s, m, int, PARAM_CHOICE, .def = def_, .choices = choices_, .doc = __VA_ARGS__)
#define P_CHOICE_OF(s, m, def_, set_, ...)                                                         \
    P_OF(s, m, int, PARAM_CHOICE, .def = def_, .set = &(set_), .doc = __VA_ARGS__)
/* A kind that has parameters of its own: its name, or { policy = its name, its parameters }. */
#define P_KIND(s, m, def_, set_, ...)                                                              \
    P_OF(s, m, struct kind_choice, PARAM_KIND, .def = def_, .set = &(set_), .doc = __VA_ARGS__)
#define P_TABLE(s, m, sub_, ...)                                                                   \
    {                                                                                              \
        .name = #m, .type = PARAM_TABLE, .offset = offsetof(struct s, m), .sub = sub_,             \
        .doc = __VA_ARGS__                                                                         \
    }
#define P_VAL(s, m, ...) P_OF(s, m, const struct val *, PARAM_VAL, .doc = __VA_ARGS__)
#define P_END                                                                                      \
    {                                                                                              \
        .name = NULL                                                                               \
    }

#define P_RANGE(def_, min_, max_) .def = def_, .min = min_, .max = max_
#define P_OF(s, m, ctype, type_, ...)                                                              \
    {                                                                                              \
        .name = #m, .type = type_, .offset = offsetof(struct s, m) + P_MUST_BE(ctype, s, m),       \
        __VA_ARGS__                                                                                \
    }
#define P_MUST_BE(ctype, s, m) _Generic(((struct s *)NULL)->m, ctype : (size_t)0)

/* Fills `dst` (the module's struct) from `table`, defaults first.  `path` ("machine.mesh") starts
 * every sentence's key.  table may be NULL: all defaults.  An unknown key, a wrong type or unit, or
 * a value out of range is an error; dst is then partly filled.  `params` may be NULL: there are
 * none.  param_load_but leaves the keys in `but` (ended by NULL; may be NULL) to the caller. */
bool param_load(const struct param *params, void *dst, const struct val *table, const char *path,
                struct err *e) MUST_CHECK;
/* The same over what `dst` holds: what the table does not say stays as it is. */
bool param_override(const struct param *params, void *dst, const struct val *table,
                    const char *const *but, const char *path, struct err *e) MUST_CHECK;
bool param_load_but(const struct param *params, void *dst, const struct val *table,
                    const char *const *but, const char *path, struct err *e) MUST_CHECK;

/* Adds to `table` every default that it does not have, so that it stands resolved.  `params` may be
 * NULL. */
void param_resolve(const struct param *params, struct val *table);

/* The i-th name of a PARAM_CHOICE or PARAM_KIND, NULL behind the last. */
const char *param_choice(const struct param *p, int i);
/* For manuals: the type as a word ("time", "size", "choice"). */
const char *param_type_name(enum param_type type);

#endif
