/* figure.h: the figure of a configuration: axes, published points, expectations (docs/figures.md).
 */
#ifndef CLI_FIGURE_H
#define CLI_FIGURE_H

#include "cli/draw.h"
#include "cli/judge.h"

/* Checks that a figure table is well written; the results are not needed. */
bool figure_check(const struct val *figure, struct err *e) MUST_CHECK;

/* What the figure asks to draw; texts are borrowed from it. */
struct draw_request figure_request(const struct val *figure);

/* Adds the published points to a drawing: each series in the colour of the curve it belongs to.
 * A figure without a list of them has those of its expected values that are cited (`plain`: the
 * configuration's own, may be NULL). */
void figure_add_published(struct drawing *g, const struct val *figure, const struct val *plain);

/* The expectations of shape: those with a kind in `plain` (may be NULL), then those of the figure
 * (may be NULL).  A list that the caller frees. */
struct val *figure_expectations(const struct val *figure, const struct val *plain);

/* The table of verdicts, columns aligned. */
void figure_print_verdicts(const struct verdicts *v, FILE *to);

#endif
