/* judge.h: expectations of a configuration, judged on its results (docs/figures.md).
 *
 * Pure: data in, verdicts out.
 */
#ifndef CLI_JUDGE_H
#define CLI_JUDGE_H

#include "cli/dataset.h"
#include "sim/base/val.h"

enum verdict_kind {
    VERDICT_HOLDS,
    VERDICT_FAILS, /* also: it could not be judged; the text says why */
    VERDICT_NOTED  /* low confidence: reported, does not count */
};

/* What an expectation rests on. */
enum verdict_basis {
    BASIS_PUBLISHED, /* a source */
    BASIS_DERIVED,   /* follows from other numbers: "derived: ..." */
    BASIS_GUARD,     /* nothing but our own results: it only guards against change */
};

struct verdict {
    enum verdict_kind kind;
    bool holds;      /* whatever the confidence */
    bool calibrated; /* the value was an input of a calibration */
    enum verdict_basis basis;
    bool missed;    /* a published value that is known not to be met: reported, does not count */
    char *name;     /* "value one_way.mean at workload.size=0" */
    char *ours;     /* "41.2 us", or why it could not be judged */
    char *expected; /* "42 us within 15 %" */
};

struct verdicts {
    struct verdict *list;
    size_t count;
    size_t failed; /* VERDICT_FAILS */
};

/* Where x, y, log and published points come from when an expectation does not say. */
struct judge_axes {
    const char *x, *y; /* may be NULL */
    bool log_x;
    const struct val *figure; /* may be NULL */
};
/* Reads the axes of a figure table (NULL: none). */
struct judge_axes judge_axes_of(const struct val *figure);

/* Judges each of `expectations` (a list; NULL: none).  False with a sentence when one is badly
 * written (unknown kind or member, wrong type); results that are missing are failures instead. */
bool judge(const struct dataset *d, const struct judge_axes *axes, const struct val *expectations,
           struct verdicts *out, struct err *e) MUST_CHECK;
void verdicts_fini(struct verdicts *v);

/* ---- pieces, for tests and for drawing ---- */

struct curve_point {
    double x, y;
    const struct data_case *c;
};
struct curve {
    struct curve_point *points; /* by rising x */
    size_t count;
};

/* The curve of the cases that match `of` (a table path -> value; NULL: all).  False with a sentence
 * when two cases share an x, or x or y is unknown, or there is no point. */
bool curve_make(const struct dataset *d, const char *x, const char *y, const struct val *of,
                struct curve *out, struct err *e) MUST_CHECK;
void curve_fini(struct curve *c);

/* Index of the knee, or SIZE_MAX with fewer than 4 points. */
size_t curve_knee(const struct curve *c, bool log_x);
/* Least squares line through the first n points: y = a + b x. */
void curve_line(const struct curve *c, size_t n, bool log_x, double *a, double *b);

/* True when the case has all the values that `at` names. */
bool case_matches(const struct data_case *c, const struct val *at);

/* "41.2 us", "65 MB/s": a number in base units with a readable prefix, for tables. */
const char *pretty_value(double value, const char *unit, char *out, size_t size);

#endif
