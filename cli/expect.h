/* expect.h: what an experiment expects of its results, checked after a run and by `psim figure`.
 *
 * expectations = {
 *     { measure = "wait.mean", at = { ["workload.load"] = 0.5 }, equals = "1ms", within = 0.05 },
 *     { measure = "wait.mean", equals_measure = "wait.expected", within = 0.1 },
 *     { measure = "bandwidth", min = "30MB/s", max = "80MB/s" },
 *     { measure = "bandwidth", rises_with = "machine.io_nodes", slack = 0.02 },
 *     { measure = "bandwidth", falls_with = "workload.writers" },
 *     { kind = "knee", measure = "bandwidth", x = "machine.io_nodes", min = 4 },
 * }
 *
 * at: only the combinations of the sweep with these values (absent: all).  within: relative (0.05
 * is 5 %), default 0.  slack: how far, relative, a neighbour may go the wrong way, default 0.  doc:
 * a sentence that says why it is expected.  Values are numbers in base units or text with a unit.
 * An expectation with a kind is one of those of figures (cli/judge.h, docs/figures.md).
 */
#ifndef CLI_EXPECT_H
#define CLI_EXPECT_H

#include "cli/campaign.h"
#include "cli/config.h"

struct expect_verdict {
    bool ok;
    bool left_out; /* not judged, see below; ok is true */
    char *text;    /* one line: what was expected and what came */
};

/* Checks that `expectations` (may be NULL) is well formed.  False with a sentence. */
bool expect_check(const struct val *expectations, struct err *e) MUST_CHECK;

/* The run has no case of it because of -p, which gives other values to what the sweep varies: to a
 * path that the expectation's `at`, `over` or `of` names, or to the axis along which it looks, so
 * that too few are left.  `figure`: has the axis of those that name none; may be NULL. */
bool expect_left_out(const struct config *c, const struct val *figure, const struct val *x);
/* "3 of 5 expectations have no case in this run: not judged", and a new line; nothing for 0. */
void expect_tell_left_out(size_t left_out, size_t all);

/* Judges them all.  The array and its texts are the caller's (expect_free); *count may be 0.  A
 * measure that no finished point has fails its expectation. */
struct expect_verdict *expect_judge(const struct config *c, const struct campaign *r,
                                    size_t *count);
void expect_free(struct expect_verdict *v, size_t count);

/* The same for one combination of the sweep: is it among those that `at` names? */
bool expect_at(const struct val *at, const struct config_case *c);

#endif
