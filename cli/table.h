/* table.h: the table that `psim run` prints, and numbers with units for people. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "cli/campaign.h"

/* A value in base units with a prefix that suits it: "14.2 us", "63.5 MB/s", "0.52". */
void table_value(double value, const char *unit, char *out, size_t size);

/* The measures that a table shows: those that the configuration asks for, else the default columns.
 * Heap array of *count borrowed names. */
const char **table_measures(const struct config *c, const struct campaign *r, size_t *count);

/* One row a combination: swept values, measures with intervals, what limited it, status. */
void table_print(FILE *f, const struct config *c, const struct campaign *r);

/* Each point that did not end well, with parameters, seed and reason; then the remarks. */
void table_problems(FILE *f, const struct config *c, const struct campaign *r);

#endif
