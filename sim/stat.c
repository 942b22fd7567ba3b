/* stat.c: moments, histograms, time averages.  Series and their intervals are in series.c. */
#include "sim/stat.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

/* ---- moments ---- */

void stat_init(struct stat_moments *s)
{
    *s = (struct stat_moments){ .min = INFINITY, .max = -INFINITY };
}

void stat_add(struct stat_moments *s, double x)
{
    s->n++;
    double delta = x - s->mean;
    s->mean += delta / (double)s->n;
    s->m2 += delta * (x - s->mean);
    s->min = x < s->min ? x : s->min;
    s->max = x > s->max ? x : s->max;
}

double stat_variance(const struct stat_moments *s)
{
    return s->n < 2 ? 0.0 : s->m2 / (double)(s->n - 1);
}

double stat_deviation(const struct stat_moments *s)
{
    return sqrt(stat_variance(s));
}

double stat_student_t(double level, double df)
{
    return gsl_cdf_tdist_Pinv(0.5 + level / 2.0, df);
}

double stat_half_width(const struct stat_moments *s, double level)
{
    if (s->n < 2)
        return NAN;
    double n = (double)s->n;
    return stat_student_t(level, n - 1.0) * stat_deviation(s) / sqrt(n);
}

/* ---- logarithmic histogram ---- */

/* A row holds one power of two, cut into equal bins: a bin's width is at most 1/64 of its values,
 * so its middle is within 1/128 of each. */
#define ROW_BINS 64
#define EXP_MIN (-200) /* smaller values count as 2^-200, larger ones as 2^200 */
#define EXP_MAX 200

struct stat_hist {
    uint64_t count, zeros;
    double min, max;
    uint64_t *rows[EXP_MAX - EXP_MIN + 1]; /* NULL: empty */
};

struct stat_hist *stat_hist_create(void)
{
    struct stat_hist *h = base_zalloc(1, sizeof *h);
    h->min = INFINITY;
    h->max = -INFINITY;
    return h;
}

void stat_hist_destroy(struct stat_hist *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(h->rows); i++)
        free(h->rows[i]);
    free(h);
}

void stat_hist_add(struct stat_hist *h, double x)
{
    ASSERT(x >= 0.0);
    h->count++;
    h->min = x < h->min ? x : h->min;
    h->max = x > h->max ? x : h->max;
    if (x <= 0.0) {
        h->zeros++;
        return;
    }
    int e;
    double m = frexp(x, &e); /* [0.5, 1) */
    if (e < EXP_MIN || e > EXP_MAX) {
        m = e < EXP_MIN ? 0.5 : 1.0 - 0x1p-53;
        e = e < EXP_MIN ? EXP_MIN : EXP_MAX;
    }
    uint64_t **row = &h->rows[e - EXP_MIN];
    if (*row == NULL)
        *row = base_zalloc(ROW_BINS, sizeof **row);
    (*row)[(size_t)((m - 0.5) * (2 * ROW_BINS))]++;
}

uint64_t stat_hist_count(const struct stat_hist *h)
{
    return h->count;
}

void stat_hist_each(const struct stat_hist *h,
                    void (*fn)(void *arg, double lo, double hi, uint64_t n), void *arg)
{
    if (h->zeros > 0)
        fn(arg, 0.0, 0.0, h->zeros);
    for (int e = EXP_MIN; e <= EXP_MAX; e++) {
        const uint64_t *row = h->rows[e - EXP_MIN];
        for (int i = 0; row != NULL && i < ROW_BINS; i++) {
            if (row[i] > 0)
                fn(arg, ldexp(ROW_BINS + i, e - 7), ldexp(ROW_BINS + i + 1, e - 7), row[i]);
        }
    }
}

struct search {
    uint64_t rank, seen;
    double found;
};

static void search_bin(void *arg, double lo, double hi, uint64_t n)
{
    struct search *s = arg;
    if (s->seen < s->rank && s->seen + n >= s->rank)
        s->found = (lo + hi) / 2.0;
    s->seen += n;
}

double stat_hist_quantile(const struct stat_hist *h, double q)
{
    if (h->count == 0)
        return NAN;
    double want = ceil(q * (double)h->count);
    struct search s = { .rank = want < 1.0 ? 1 : (uint64_t)want };
    s.rank = s.rank > h->count ? h->count : s.rank;
    stat_hist_each(h, search_bin, &s);
    return s.found < h->min ? h->min : s.found > h->max ? h->max : s.found;
}
