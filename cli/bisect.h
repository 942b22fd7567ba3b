/* bisect.h: the axis of a sweep that is searched by bisection: where does a measure cross a limit?
 *
 * Pure: a table of the configuration in, the values to try out.  The values tried lie on a grid:
 * low, low + tolerance, low + 2 tolerance, ..., high; so equal limits give equal points, whatever
 * the search went through before, and a stored point is found again when the range changes.
 *
 *   BISECT1  The first value tried is `low`; it serves the criteria that compare with it.
 *   BISECT2  `held` is the largest grid step tried below the crossing, `failed` the smallest above;
 *       held < failed, and each step tried lies between them.
 *   BISECT3  `high` is tried only when everything below it holds.
 */
#ifndef CLI_BISECT_H
#define CLI_BISECT_H

#include "sim/base/base.h"
#include "sim/base/err.h"
#include "sim/base/val.h"

enum bisect_when { BISECT_ABOVE, BISECT_BELOW, BISECT_ABOVE_LOW, BISECT_BELOW_LOW };
enum bisect_scale { BISECT_INT, BISECT_REAL, BISECT_TIME, BISECT_SIZE, BISECT_RATE };

struct bisect {
    const char *path, *measure; /* borrowed from the table */
    enum bisect_scale scale;
    double low, high, tolerance;              /* scale real */
    int64_t int_low, int_high, int_tolerance; /* the others: ps, bytes, bytes/s, or numbers */
    enum bisect_when when;
    double limit;               /* of the measure, or of its ratio to the one at low */
    const struct val *limit_as; /* as the table has it */
    uint32_t steps;             /* the grid's last step; step 0 is low */
    uint32_t probes_max;        /* values that a search tries at most */
};

/* Reads { path, low, high, tolerance, measure, above | below | above_low | below_low }.  False with
 * a sentence that has the line. */
bool bisect_read(const struct val *spec, struct bisect *b, struct err *e) MUST_CHECK;

/* The value of a step, as a configuration would write it; the caller frees it. */
struct val *bisect_value(const struct bisect *b, uint32_t step);
const char *bisect_unit(const struct bisect *b); /* "1", "s", "B", "B/s" */
double bisect_number(const struct bisect *b, uint32_t step);

/* What is looked for, in words: "accepted_share falls below 0.95".  Heap. */
char *bisect_words(const struct bisect *b);

#define BISECT_NONE UINT32_MAX

struct bisect_search {
    uint32_t held;   /* BISECT_NONE: not even low */
    uint32_t failed; /* BISECT_NONE: nothing yet */
    uint32_t next;   /* to try now; BISECT_NONE: the search has ended */
    double at_low;   /* the measure there */
};
/* A search from its start: `next` is step 0. */
void bisect_begin(struct bisect_search *s);
/* The measure at `next`, which must be finite. */
void bisect_told(struct bisect_search *s, const struct bisect *b, double measure);

#endif
