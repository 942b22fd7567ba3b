/* reference.h: results compared: two datasets, or a dataset against reference results in a text
 * file that is kept under version control (results/reference/NAME.tsv).
 *
 * A reference line is: case, replication, name, unit, value, tolerance, between tabs.  The name
 * "digest" has the digest as value; it is compared as text.  The tolerance is relative; 0 is exact.
 */
#ifndef CLI_REFERENCE_H
#define CLI_REFERENCE_H

#include <stdio.h>

#include "cli/dataset.h"

/* Relative distance that passes for equal when nothing is said: the last digits of a double, which
 * C libraries may round apart. */
#define REFERENCE_TOLERANCE 1e-9

struct reference_row {
    char *point; /* key of the case */
    int64_t replication;
    char *name, *unit;
    char *text; /* the value as written */
    double value, tolerance;
};

struct reference {
    struct reference_row *rows;
    size_t count;
};

/* What a dataset says: for each finished point its digest and its scalars; only default columns
 * when some point has such (`all`: every scalar). */
void reference_of(struct reference *r, const struct dataset *d, bool all);
bool reference_read(struct reference *r, const char *path, struct err *e) MUST_CHECK;
bool reference_write(const struct reference *r, const char *path, const char *title,
                     struct err *e) MUST_CHECK;
void reference_fini(struct reference *r);

/* Tolerances for names, "NAME=0.05"; NAME may end in '*'.  The last that fits counts. */
struct tolerance_list {
    const char *const *items;
    size_t count;
    bool no_digest; /* digests are not compared */
};
/* False with a sentence when an item is not NAME=NUMBER with a NUMBER of at least 0. */
bool tolerance_check(const struct tolerance_list *t, struct err *e) MUST_CHECK;

struct comparison {
    size_t equal, within, differ, missing, extra, digests;
};

/* Compares `theirs` (now) with `ours` (before); prints one line for each difference to `to` (may be
 * NULL).  The tolerance is that of the list, else that of the row in `ours`. */
struct comparison reference_compare(const struct reference *ours, const struct reference *theirs,
                                    const struct tolerance_list *t, FILE *to);
bool comparison_clean(const struct comparison *c);

/* Carries the tolerances of `from` over to rows of the same point and name. */
void reference_take_tolerances(struct reference *r, const struct reference *from);

#endif
