/* store.h: points of a campaign into and out of a results database (sim/results.h). */
#ifndef CLI_STORE_H
#define CLI_STORE_H

#include "cli/config.h"
#include "cli/point.h"
#include "sim/results.h"

/* Stores an experiment for the configuration; `command` is what was typed, or NULL. */
bool store_experiment(struct results *db, const struct config *c, const char *command, int64_t *id,
                      struct err *e) MUST_CHECK;
/* Stores the result of point `idx` of the configuration, whole or not at all. */
bool store_point(struct results *db, int64_t experiment, const struct config *c, size_t idx,
                 const struct point_result *r, struct err *e) MUST_CHECK;
/* The finished points of a results file, by identity: read once, asked often. */
struct store_index;
struct store_index *store_index_make(struct results *db, struct err *e); /* NULL with a sentence */
void store_index_free(struct store_index *x);
/* Takes a finished point of an earlier run: *found, and the result in *r (initialised here) when it
 * is there.  False with a sentence when the file could not be read or written. */
bool store_reuse(struct results *db, const struct store_index *x, int64_t experiment,
                 const struct config *c, size_t idx, struct point_result *r, bool *found,
                 struct err *e) MUST_CHECK;

const char *store_kind_name(enum sim_kind kind); /* "cpu", "bus", ... */

#endif
