/* test_stat.c: statistics against numbers worked out by hand and against closed forms. */
#include <criterion/criterion.h>
#include <gsl/gsl_randist.h>
#include <math.h>

#include "sim/rng_gsl.h"
#include "sim/stat.h"

Test(stat, moments_of_seven_numbers)
{
    /* 2.385, 7, -1, 0.5, 3, 11.25, 4.  Sum 27.135; mean 27.135/7; sum of squares about the mean
     * 211.500725 - 27.135^2/7, by hand. */
    const double x[] = { 2.385, 7, -1, 0.5, 3, 11.25, 4 };
    struct stat_moments s;
    stat_init(&s);
    for (size_t i = 0; i < 7; i++)
        stat_add(&s, x[i]);
    double squares = 5.688225 + 49 + 1 + 0.25 + 9 + 126.5625 + 16;
    double variance = (squares - 27.135 * 27.135 / 7) / 6;
    cr_assert_float_eq(s.mean, 27.135 / 7, 1e-12);
    cr_assert_float_eq(stat_variance(&s), variance, 1e-12);
    cr_assert_eq(s.min, -1);
    cr_assert_eq(s.max, 11.25);
    /* t(0.95, 6 degrees of freedom) = 2.446912 [any table of Student's t]. */
    cr_assert_float_eq(stat_half_width(&s, 0.95), 2.446911851 * sqrt(variance / 7), 1e-8);
}

Test(stat, one_observation_has_no_interval)
{
    struct stat_moments a;
    stat_init(&a);
    stat_add(&a, 5);
    cr_assert_eq(a.mean, 5);
    cr_assert(isnan(stat_half_width(&a, 0.95)));
}

Test(stat, welford_survives_a_large_offset)
{
    struct stat_moments s;
    stat_init(&s);
    for (int i = 0; i < 1000; i++)
        stat_add(&s, 1e9 + i % 3); /* 0, 1, 2: mean of squares 5/3 */
    cr_assert_float_eq(stat_variance(&s), 2.0 / 3.0, 2e-3);
}

Test(stat, student_t_is_that_of_the_tables)
{
    cr_assert_float_eq(stat_student_t(0.95, 1), 12.7062, 1e-4);
    cr_assert_float_eq(stat_student_t(0.95, 10), 2.22814, 1e-5);
    cr_assert_float_eq(stat_student_t(0.99, 30), 2.75000, 1e-4);
    cr_assert_float_eq(stat_student_t(0.90, 1e6), 1.644854, 1e-4);
}

/* ---- histogram ---- */

struct bins {
    uint64_t count;
    double last;
    double value;
    bool inside;
};

static void see_bin(void *arg, double lo, double hi, uint64_t n)
{
    struct bins *b = arg;
    cr_assert(lo >= b->last);
    b->last = hi;
    b->count += n;
    if (b->value >= lo && b->value < hi)
        b->inside = true;
    cr_assert(hi - lo <= lo / 64 + 1e-300);
}

Test(stat, quantiles_are_within_a_128th)
{
    struct stat_hist *h = stat_hist_create();
    cr_assert(isnan(stat_hist_quantile(h, 0.5)));
    for (int i = 1; i <= 100000; i++)
        stat_hist_add(h, 1e-9 * i);
    for (double q = 0.001; q <= 1.0; q += 0.0137) {
        double exact = 1e-9 * ceil(q * 100000);
        cr_assert_float_eq(stat_hist_quantile(h, q), exact, exact / 128 * 1.0001, "q %g", q);
    }
    cr_assert_eq(stat_hist_quantile(h, 1.0), stat_hist_quantile(h, 2.0));
    stat_hist_destroy(h);
}

Test(stat, a_value_falls_in_its_own_bin)
{
    const double x[] = { 0x0.cp-200, 1e-40,   2.385e-9, 0.4999999, 0.5,      1,
                         3,          1023.99, 1024,     7e30,      0x0.cp200 };
    for (size_t i = 0; i < ARRAY_LEN(x); i++) {
        struct stat_hist *h = stat_hist_create();
        stat_hist_add(h, x[i]);
        struct bins b = { .value = x[i] };
        stat_hist_each(h, see_bin, &b);
        cr_assert(b.inside, "%g", x[i]);
        cr_assert_eq(stat_hist_quantile(h, 0.5), x[i], "one value is its own median");
        stat_hist_destroy(h);
    }
}

static void see_ends(void *arg, double lo, double hi, uint64_t n)
{
    double *ends = arg;
    (void)n;
    ends[0] = lo;
    ends[1] = hi;
}

Test(stat, what_is_beyond_all_bins_is_in_the_first_or_the_last)
{
    const double x[] = { 0x0.ap-220, 0x0.ap220 };
    for (size_t i = 0; i < ARRAY_LEN(x); i++) {
        struct stat_hist *h = stat_hist_create();
        double ends[2];
        stat_hist_add(h, x[i]);
        stat_hist_each(h, see_ends, ends);
        cr_assert_eq(ends[i], i == 0 ? 0x1p-201 : 0x1p200, "%g", ends[i]);
        stat_hist_destroy(h);
    }
}

Test(stat, zeros_and_extremes_are_counted)
{
    struct stat_hist *h = stat_hist_create();
    stat_hist_add(h, 0);
    stat_hist_add(h, 0);
    stat_hist_add(h, 1e300);
    stat_hist_add(h, 1e-300);
    cr_assert_eq(stat_hist_count(h), 4);
    cr_assert_eq(stat_hist_quantile(h, 0.5), 0.0);
    struct bins b = { .value = -1 };
    stat_hist_each(h, see_bin, &b);
    cr_assert_eq(b.count, 4);
    stat_hist_destroy(h);
}

/* ---- series ---- */

static gsl_rng *generator(uint64_t seed)
{
    struct sim_rng r;
    sim_rng_init_seed(&r, seed, "test");
    gsl_rng *g = gsl_rng_alloc(sim_rng_philox);
    sim_rng_gsl_set(g, &r);
    return g;
}

Test(stat, a_bounded_series_keeps_count_and_mean)
{
    struct stat_series *s = stat_series_create(64);
    double sum = 0;
    for (int i = 0; i < 64 * 7; i++) {
        stat_series_add(s, i);
        sum += i;
    }
    cr_assert_eq(stat_series_count(s), 64 * 7);
    struct stat_estimate e = stat_series_batch_means(s, 0, 0.95);
    cr_assert_float_eq(e.mean, sum / (64 * 7), 1e-9);
    stat_series_destroy(s);
}

/* MSER-5 by its definition, in the slowest way. */
static size_t mser5_slow(const double *x, size_t n)
{
    size_t m = n / 5, best_drop = 0;
    double best = INFINITY;
    for (size_t d = 0; d + 10 <= m; d++) {
        double mean = 0, square = 0, k = (double)(m - d);
        for (size_t j = d; j < m; j++)
            for (int i = 0; i < 5; i++)
                mean += x[5 * j + (size_t)i] / 5 / k;
        for (size_t j = d; j < m; j++) {
            double z = 0;
            for (int i = 0; i < 5; i++)
                z += x[5 * j + (size_t)i] / 5;
            square += (z - mean) * (z - mean);
        }
        if (square / (k * k) < best) {
            best = square / (k * k);
            best_drop = d;
        }
    }
    return best_drop * 5;
}

Test(stat, mser5_finds_the_end_of_a_transient)
{
    static double x[2000];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        gsl_rng *g = generator(seed);
        struct stat_series *s = stat_series_create(1 << 16);
        size_t length = 100 + 20 * seed;
        for (size_t i = 0; i < 2000; i++) {
            x[i] = 10 + gsl_ran_gaussian(g, 1.0);
            if (i < length)
                x[i] += 20.0 * (1.0 - (double)i / (double)length);
            stat_series_add(s, x[i]);
        }
        bool steady;
        size_t drop = stat_series_mser5(s, &steady);
        cr_assert_eq(drop, mser5_slow(x, 2000));
        cr_assert(steady);
        cr_assert(drop > length / 2 && drop < length + 100, "%zu of %zu", drop, length);
        stat_series_destroy(s);
        gsl_rng_free(g);
    }
}

Test(stat, mser5_says_when_nothing_is_steady)
{
    gsl_rng *g = generator(3);
    struct stat_series *s = stat_series_create(1 << 16);
    for (int i = 0; i < 2000; i++)
        stat_series_add(s, 0.01 * i + gsl_ran_gaussian(g, 1.0));
    bool steady;
    stat_series_mser5(s, &steady);
    cr_assert_not(steady);
    stat_series_destroy(s);
    gsl_rng_free(g);
}

Test(stat, a_constant_series_drops_nothing)
{
    struct stat_series *s = stat_series_create(1 << 16);
    for (int i = 0; i < 500; i++)
        stat_series_add(s, 2.385);
    bool steady;
    cr_assert_eq(stat_series_mser5(s, &steady), 0);
    cr_assert(steady);
    struct stat_estimate e = stat_series_batch_means(s, 0, 0.95);
    cr_assert(e.ok);
    cr_assert_float_eq(e.half_width, 0.0, 1e-12);
    stat_series_destroy(s);
}

Test(stat, too_few_observations_claim_no_interval)
{
    struct stat_series *s = stat_series_create(1 << 16);
    struct stat_estimate e = stat_series_batch_means(s, 0, 0.95);
    cr_assert(isnan(e.mean) && !e.ok);
    for (int i = 0; i < 9; i++)
        stat_series_add(s, i);
    e = stat_series_batch_means(s, 0, 0.95);
    cr_assert_float_eq(e.mean, 4.0, 1e-12);
    cr_assert(!e.ok && isnan(e.half_width));
    stat_series_destroy(s);
}

/* How often, of 400 runs, the interval holds the true mean 0 of an AR(1) series. */
static double coverage(double phi, size_t n, size_t *refused)
{
    size_t held = 0, asked = 0;
    gsl_rng *g = generator((uint64_t)(phi * 1000) + n);
    *refused = 0;
    for (int run = 0; run < 400; run++) {
        struct stat_series *s = stat_series_create(1 << 16);
        double x = gsl_ran_gaussian(g, 1.0 / sqrt(1 - phi * phi));
        for (size_t i = 0; i < n; i++) {
            stat_series_add(s, x);
            x = phi * x + gsl_ran_gaussian(g, 1.0);
        }
        struct stat_estimate e = stat_series_batch_means(s, 0, 0.95);
        if (e.ok) {
            asked++;
            held += fabs(e.mean) <= e.half_width;
        } else {
            ++*refused;
        }
        stat_series_destroy(s);
    }
    gsl_rng_free(g);
    return asked > 0 ? (double)held / (double)asked : NAN;
}

Test(stat, intervals_cover_as_often_as_they_claim)
{
    const struct {
        double phi;
        size_t n;
    } cases[] = { { 0.0, 1000 }, { 0.5, 4000 }, { 0.9, 10000 }, { -0.5, 3000 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t refused;
        double c = coverage(cases[i].phi, cases[i].n, &refused);
        /* 400 runs: a standard error of 1.1 % at 95 %. */
        cr_assert(c > 0.91 && c < 0.99, "phi %g: %g", cases[i].phi, c);
        cr_assert_lt(refused, 40, "phi %g: %zu refused", cases[i].phi, refused);
    }
}

/* Waiting times of M/M/1 by Lindley's recurrence, load 0.5: mean wait rho/(mu (1-rho)) = 1. */
Test(stat, intervals_cover_the_mean_wait_of_a_queue)
{
    gsl_rng *g = generator(1961);
    int held = 0, asked = 0;
    for (int run = 0; run < 200; run++) {
        struct stat_series *s = stat_series_create(1 << 16);
        double wait = 0;
        for (int i = 0; i < 20000; i++) {
            stat_series_add(s, wait);
            wait = fmax(0, wait + gsl_ran_exponential(g, 1.0) - gsl_ran_exponential(g, 2.0));
        }
        bool steady;
        size_t skip = stat_series_mser5(s, &steady);
        struct stat_estimate e = stat_series_batch_means(s, skip, 0.95);
        asked += e.ok;
        held += e.ok && fabs(e.mean - 1.0) <= e.half_width;
        stat_series_destroy(s);
    }
    gsl_rng_free(g);
    cr_assert_gt(asked, 190);
    cr_assert(held > 0.89 * asked && held < 0.99 * asked, "%d of %d", held, asked);
}
