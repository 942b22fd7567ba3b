/* stat.h: statistics of observations: moments, quantiles, histograms, intervals.
 *
 * Doubles throughout: nothing here decides an event.  Quantiles of Student's t and GSL's running
 * statistics are behind this header; nobody else includes GSL for statistics.
 */
#ifndef SIM_STAT_H
#define SIM_STAT_H

#include "sim/base/base.h"
#include "sim/base/time.h"

/* Running moments (not "struct stat", which POSIX has) [Welford 1962]. */
struct stat_moments {
    uint64_t n;
    double mean, m2, min, max;
};
void stat_init(struct stat_moments *s);              /* no observation */
void stat_add(struct stat_moments *s, double x);     /* one observation */
double stat_variance(const struct stat_moments *s);  /* unbiased; 0 for n < 2 */
double stat_deviation(const struct stat_moments *s); /* square root of it */

/* Half width of the Student-t interval of the mean at `level` (0.95); NAN for n < 2. */
double stat_half_width(const struct stat_moments *s, double level);
/* Two-sided t quantile: t such that P(|T_df| <= t) = level. */
double stat_student_t(double level, double df);

/* Logarithmic histogram: relative error of a quantile at most 1/128; 0 and up. */
struct stat_hist;
struct stat_hist *stat_hist_create(void);
void stat_hist_destroy(struct stat_hist *h);
void stat_hist_add(struct stat_hist *h, double x);              /* x >= 0 */
double stat_hist_quantile(const struct stat_hist *h, double q); /* NAN when empty */
uint64_t stat_hist_count(const struct stat_hist *h);
/* Calls fn for each non-empty bin in rising order: [lo, hi), count. */
void stat_hist_each(const struct stat_hist *h,
                    void (*fn)(void *arg, double lo, double hi, uint64_t n), void *arg);

/* A whole series of observations kept for batch means and warm-up removal; grows by doubling, and
 * past `cap` observations halves its resolution (pairs are averaged), so memory is bounded. */
struct stat_series;
struct stat_series *stat_series_create(size_t cap);
void stat_series_destroy(struct stat_series *s);
void stat_series_add(struct stat_series *s, double x);

/* MSER-5 [White, Cobb & Spratt 2000]: how many observations to drop from the front; *steady is
 * false when the minimum lies in the second half (no steady state seen). */
size_t stat_series_mser5(const struct stat_series *s, bool *steady);
struct stat_estimate {
    double mean, half_width; /* NAN: there is none */
    size_t batches;
    bool ok; /* there is an interval */
};
/* Non-overlapping batch means over the observations from `skip` on: mean and half width at `level`.
 * Batches are doubled until their lag-1 autocorrelation is below 0.1 or fewer than 10 are left,
 * which sets `ok` false [Law & Kelton; Fishman 1978]. */
struct stat_estimate stat_series_batch_means(const struct stat_series *s, size_t skip,
                                             double level);
size_t stat_series_count(const struct stat_series *s); /* observations added */

#endif
