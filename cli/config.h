/* config.h: a configuration, evaluated and expanded into points.
 *
 * The Lua text runs in a limited child process (cli/lua/), which hands back plain data.  Here the
 * data is checked and expanded: a *case* is one combination of the sweep's values, a *point* is a
 * case and a replication.  Nothing of this starts the engine.
 *
 *   CONF1  A case's tree is what the configuration returned when it was evaluated with that case's
 *       values and the -p overrides visible to param(), with both applied again to the result.
 *   CONF2  Equal file, overrides and options give equal cases in equal order.  The files that a
 *       case names are part of it: read when it is made, kept, and hashed into what identifies it.
 *   CONF3  A tree that config_load returned has passed the schema (cli/schema.h).
 *   CONF4  With a bisection the cases of one combination of the other values lie side by side:
 *       first those of the values that the search tries, in the order in which it asks for them,
 *       then one for its answer.  Those that it never asks for stay empty (config_case_used).
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/bisect.h"
#include "sim/input.h"

struct config_options {
    const char *const *overrides; /* "path=value", in order */
    size_t override_count;
    const uint64_t *seed; /* --seed; NULL: the configuration's, else 1 */
    int64_t replications; /* 0: the configuration's */
    bool nameless;        /* nothing will run: canonical stays empty, identities say nothing */
};

struct config_case {
    struct val *root;  /* the resolved table: machine or mesh or devices, workload, limits, ... */
    struct val *sweep; /* table "path" -> value of this case, in the order of the axes; never NULL;
                          with dotted names as keys, so walk it, do not val_path it */
    char *canonical;   /* what identifies it: canonical text of the parts that shape the run, with
                          all defaults written out, and the hash of each file that is read */
    struct input *files; /* those files; the configuration owns their content */
    size_t file_count;
    /* Of a bisection: */
    bool answer;   /* what the search found; `sweep` has the other axes alone */
    uint32_t step; /* a value tried: its place on the grid */
    size_t held;   /* answer: the case of the largest value that holds; SIZE_MAX: none is known */
};

/* False for a case that a bisection has not asked for. */
static inline bool config_case_used(const struct config_case *k)
{
    return k->root != NULL;
}

struct config_point {
    const struct config_case *c;
    size_t case_idx;
    uint32_t replication; /* from 0 */
    uint64_t seed;        /* of the engine: differs between replications */
    char identity[33];    /* hash of canonical, seed and model version: 32 hexadecimal digits */
};

struct config {
    char *file;              /* as given */
    char *dir;               /* its folder */
    char *name;              /* its base name without .lua */
    const char *title, *doc; /* from the table; title is the name when absent, doc "" */
    struct val *sources;     /* table: file name -> text, the configuration and what it includes */
    char **axes;             /* the swept paths */
    size_t axis_count;
    struct config_case *cases;
    size_t case_count;
    struct config_point *points; /* case by case, replications inside */
    size_t point_count;
    uint32_t replications;
    struct input *files; /* all that were read, each once */
    size_t file_count;
    const struct bisect *bisect; /* NULL: the sweep has none */
    size_t group_size;           /* cases of a combination: 1 without a bisection */
    char *const *typed;          /* the paths that -p gives values to */
    size_t typed_count;
    struct config_again *again; /* what it takes to evaluate the text again */
    const struct val *measures, *figure, *expectations; /* of the first case; NULL when absent */
};

/* Evaluates, expands and checks `file`.  NULL with one sentence on any mistake.  `file` may also be
 * a bare name: NAME, NAME.lua are looked up in the current folder, in ./configs, ./configs/figures,
 * and in the installed configs folder. */
struct config *config_load(const char *file, const struct config_options *o,
                           struct err *e) MUST_CHECK;
void config_free(struct config *c); /* NULL is fine */

/* Fills the empty case `case_idx` of a bisection with its value at `step`, and its points.  The
 * texts are those that config_load read.  False with a sentence when the configuration does not
 * allow that value. */
bool config_probe(struct config *c, size_t case_idx, uint32_t step, struct err *e) MUST_CHECK;

/* The folders that include and config_load search after the configuration's own, NULL-terminated:
 * ./configs when it exists, then $PSIM_CONFIGS when set, then the installed share/psim/configs. */
const char *const *config_search_path(void);

#endif
