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

enum param_type {
    PARAM_BOOL,   /* bool */
    PARAM_INT,    /* int64_t */
    PARAM_REAL,   /* double, dimensionless */
    PARAM_TIME,   /* sim_time; text with a unit */
    PARAM_SIZE,   /* int64_t bytes; text with a unit */
    PARAM_RATE,   /* int64_t bytes a second; text with a unit */
    PARAM_CHOICE, /* int: index in `choices` */
    PARAM_STRING, /* const char *: borrowed from the val tree or the descriptor's default */
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
    const char *const *choices; /* PARAM_CHOICE: NULL-terminated */
    const struct param *sub;    /* PARAM_TABLE */
    const char *doc;            /* one sentence */
    const char *src;            /* where the default comes from, or "ASSUMED(reason)" */
};

/* Fills `dst` (the module's struct) from `table`, defaults first.  `path` ("machine.mesh") starts
 * every sentence's key.  table may be NULL: all defaults.  An unknown key, a wrong type or unit, or
 * a value out of range is an error; dst is then partly filled. */
bool param_load(const struct param *params, void *dst, const struct val *table, const char *path,
                struct err *e) MUST_CHECK;

/* Adds to `table` every default that it does not have, so that it stands resolved. */
void param_resolve(const struct param *params, struct val *table);

/* For manuals: the type as a word ("time", "size", "choice"). */
const char *param_type_name(enum param_type type);

#endif
