/* test_rng.c: streams against known answers, samplers against their distributions.
 *
 * Every test draws from a fixed seed, so a pass is a pass for ever; the bounds are those of one
 * false alarm in a thousand million, to leave no doubt when a change breaks a sampler.
 */
#include <criterion/criterion.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>

#include "sim/rng.h"
#include "sim/rng_gsl.h"

#define ALARM 1e-9

/* The ten rounds written out from the paper, to check the library and our use of it. */
static void philox_slow(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = { ctr[0], ctr[1], ctr[2], ctr[3] }, k[2] = { key[0], key[1] };
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = 0xD2511F53ULL * c[0], p1 = 0xCD9E8D57ULL * c[2];
        uint32_t n[4] = { (uint32_t)(p1 >> 32) ^ c[1] ^ k[0], (uint32_t)p1,
                          (uint32_t)(p0 >> 32) ^ c[3] ^ k[1], (uint32_t)p0 };
        for (int i = 0; i < 4; i++)
            c[i] = n[i];
        k[0] += 0x9E3779B9U;
        k[1] += 0xBB67AE85U;
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

/* Vectors of Random123's distribution, file kat_vectors. */
Test(rng, the_slow_rounds_give_the_published_vectors)
{
    const struct {
        uint32_t ctr[4], key[2], want[4];
    } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        uint32_t out[4];
        philox_slow(known[i].ctr, known[i].key, out);
        cr_assert_arr_eq(out, known[i].want, sizeof out);
    }
}

Test(rng, a_stream_is_philox_over_a_counter)
{
    struct sim_rng r = { .key = { 0, 0 } };
    cr_assert_eq(sim_rng_u32(&r), 0x6627e8d5);
    cr_assert_eq(sim_rng_u64(&r), 0xbc57ac4ce169c58dULL);
    sim_rng_init_seed(&r, 2385, "mesh/source/17");
    for (uint32_t counter = 0; counter < 1000; counter++) {
        uint32_t want[4];
        philox_slow((const uint32_t[4]){ counter, 0, 0, 0 }, r.key, want);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(sim_rng_u32(&r), want[i]);
    }
}

Test(rng, a_stream_depends_on_seed_and_name_alone)
{
    struct sim *s = sim_create(&(struct sim_options){ .seed = 77 });
    struct sim_rng a, b, c;
    sim_rng_init(&a, s, "disk/3");
    sim_rng_init_indexed(&b, s, "disk", 3);
    sim_rng_init_seed(&c, 77, "disk/3");
    for (int i = 0; i < 10; i++) {
        uint64_t x = sim_rng_u64(&a);
        cr_assert_eq(sim_rng_u64(&b), x);
        cr_assert_eq(sim_rng_u64(&c), x);
    }
    sim_rng_init_seed(&b, 78, "disk/3");
    sim_rng_init_seed(&c, 77, "disk/4");
    uint64_t x = sim_rng_u64(&a), y = sim_rng_u64(&b), z = sim_rng_u64(&c);
    cr_assert(x != y && y != z && x != z);
    sim_destroy(s);
}

static void chi_square(const uint64_t *seen, const double *expected, size_t cells, const char *what)
{
    double x = 0.0;
    for (size_t i = 0; i < cells; i++)
        x += ((double)seen[i] - expected[i]) * ((double)seen[i] - expected[i]) / expected[i];
    double tail = gsl_cdf_chisq_Q(x, (double)cells - 1.0);
    cr_assert(tail > ALARM, "%s: chi-square %g over %zu cells, tail %g", what, x, cells, tail);
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov distance of n sorted-in-place values from a distribution function; the bound
 * is Massart's 2 exp(-2 n d^2), which holds for every n. */
static void kolmogorov(double *v, size_t n, double (*cdf)(double x), const char *what)
{
    qsort(v, n, sizeof v[0], rising);
    double d = 0.0;
    for (size_t i = 0; i < n; i++) {
        double f = cdf(v[i]);
        d = fmax(d, fmax((double)(i + 1) / (double)n - f, f - (double)i / (double)n));
    }
    double tail = 2.0 * exp(-2.0 * (double)n * d * d);
    cr_assert(tail > ALARM, "%s: distance %g, tail %g", what, d, tail);
}

#define DRAWS 200000
static double values[DRAWS];

static double uniform_cdf(double x)
{
    return x;
}

Test(rng, unit_is_uniform)
{
    struct sim_rng r;
    sim_rng_init_seed(&r, 1, "unit");
    for (size_t i = 0; i < DRAWS; i++) {
        values[i] = sim_rng_unit(&r);
        cr_assert(values[i] >= 0.0 && values[i] < 1.0);
    }
    kolmogorov(values, DRAWS, uniform_cdf, "unit");
}

Test(rng, below_is_uniform_for_awkward_bounds)
{
    struct sim_rng r;
    sim_rng_init_seed(&r, 2, "below");
    const uint64_t bounds[] = { 1, 2, 3, 7, 10, 97, 1000 };
    for (size_t b = 0; b < ARRAY_LEN(bounds); b++) {
        static uint64_t seen[1000];
        static double expected[1000];
        uint64_t n = bounds[b];
        for (size_t i = 0; i < n; i++) {
            seen[i] = 0;
            expected[i] = (double)DRAWS / (double)n;
        }
        for (int i = 0; i < DRAWS; i++)
            seen[sim_rng_below(&r, n)]++;
        if (n > 1)
            chi_square(seen, expected, n, "below");
    }
}

/* With n = 3 * 2^62 a sampler that forgets to reject gives a third of the values twice as often. */
Test(rng, below_rejects_what_would_be_uneven)
{
    struct sim_rng r;
    sim_rng_init_seed(&r, 3, "reject");
    uint64_t n = 3ULL << 62, seen[3] = { 0 };
    for (int i = 0; i < DRAWS; i++) {
        uint64_t x = sim_rng_below(&r, n);
        cr_assert_lt(x, n);
        seen[x % 3]++;
    }
    const double expected[3] = { DRAWS / 3.0, DRAWS / 3.0, DRAWS / 3.0 };
    chi_square(seen, expected, 3, "reject");
}

static double exponential_cdf(double x)
{
    return 1.0 - exp(-x / 12345.0);
}

Test(rng, exponential_has_its_distribution)
{
    struct sim_rng r;
    sim_rng_init_seed(&r, 4, "exponential");
    double sum = 0.0;
    for (size_t i = 0; i < DRAWS; i++) {
        /* A mean of 12,345 ms in ps: the rounding to a picosecond is far below the test. */
        values[i] = (double)sim_rng_exponential(&r, 12345 * SIM_MS) / (double)SIM_MS;
        sum += values[i];
    }
    cr_assert_float_eq(sum / DRAWS, 12345.0, 6 * 12345.0 / sqrt(DRAWS));
    kolmogorov(values, DRAWS, exponential_cdf, "exponential");
    cr_assert_eq(sim_rng_exponential(&r, 0), 0);
    cr_assert_geq(sim_rng_exponential(&r, INT64_MAX), 0);
}

/* Below the cut; the test draws with a cut that nearly nothing reaches. */
static double pareto_cdf(double x)
{
    return x < 1 ? 0 : 1 - pow(x, -1.25);
}

Test(rng, pareto_has_its_distribution_and_its_mean)
{
    struct sim_rng r;
    sim_rng_init_seed(&r, 4, "pareto");
    for (int i = 0; i < DRAWS; i++)
        values[i] = (double)sim_rng_pareto(&r, SIM_MS, 1.25, 1e6) / (double)SIM_MS;
    kolmogorov(values, DRAWS, pareto_cdf, "pareto");
    double sum = 0, most = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = (double)sim_rng_pareto(&r, SIM_MS, 1.5, 64) / (double)SIM_MS;
        sum += x / DRAWS;
        most = x > most ? x : most;
    }
    /* 1 + (1 - 64^-0.5) / 0.5, by hand. */
    cr_assert_float_eq(sim_rng_pareto_mean(1.5, 64), 2.75, 1e-12);
    cr_assert_float_eq(sim_rng_pareto_mean(1.25, 4096), 1 + (1 - pow(4096, -0.25)) / 0.25, 1e-12);
    cr_assert_float_eq(sim_rng_pareto_mean(3, 10), 1.495, 1e-12);
    cr_assert_float_eq(sum, 2.75, 0.05);
    cr_assert_eq(most, 64);
    cr_assert_eq(sim_rng_pareto(&r, 0, 1.5, 64), 0);
}

Test(rng, exponential_draws_are_what_they_were)
{
    /* Frozen: event times, hence digests, hang on these. */
    struct sim_rng r;
    sim_rng_init_seed(&r, 5, "frozen");
    const sim_time want[4] = { 776781, 145361, 60266, 819607 };
    for (int i = 0; i < 4; i++) {
        sim_time got = sim_rng_exponential(&r, SIM_US);
        cr_assert_eq(got, want[i], "draw %d is %ld", i, got);
    }
}

Test(rng, geometric_has_its_distribution)
{
    const double ps[] = { 0.9, 0.5, 0.3, 0.1, 0.01 };
    for (size_t k = 0; k < ARRAY_LEN(ps); k++) {
        struct sim_rng r;
        sim_rng_init_seed(&r, 6 + k, "geometric");
        double p = ps[k], expected[64], rest = DRAWS;
        uint64_t seen[64] = { 0 };
        size_t cells = 0;
        /* Cells until fewer than 20 are expected beyond; the last holds the tail. */
        for (; cells < 63 && rest * (1 - p) > 20; cells++) {
            expected[cells] = rest * p;
            rest *= 1 - p;
        }
        expected[cells++] = rest;
        for (int i = 0; i < DRAWS; i++) {
            uint64_t x = sim_rng_geometric(&r, p);
            seen[x < cells - 1 ? x : cells - 1]++;
        }
        chi_square(seen, expected, cells, "geometric");
    }
}

Test(rng, geometric_has_the_mean_of_rare_successes)
{
    struct sim_rng r;
    sim_rng_init_seed(&r, 11, "rare");
    cr_assert_eq(sim_rng_geometric(&r, 1.0), 0);
    const double p = 3.7e-9;
    double sum = 0.0;
    for (int i = 0; i < DRAWS; i++)
        sum += (double)sim_rng_geometric(&r, p);
    double mean = (1 - p) / p;
    cr_assert_float_eq(sum / DRAWS, mean, 6 * mean / sqrt(DRAWS));
}

Test(rng, chance_keeps_its_probability)
{
    struct sim_rng r;
    sim_rng_init_seed(&r, 12, "chance");
    const double ps[] = { 0.5, 0.1, 0.999, 1e-3, 0x1p-12 };
    for (size_t k = 0; k < ARRAY_LEN(ps); k++) {
        uint64_t seen[2] = { 0 };
        for (int i = 0; i < DRAWS; i++)
            seen[sim_rng_chance(&r, ps[k])]++;
        chi_square(seen, (const double[]){ DRAWS * (1 - ps[k]), DRAWS * ps[k] }, 2, "chance");
    }
    for (int i = 0; i < 1000; i++) {
        cr_assert(sim_rng_chance(&r, 1.0));
        cr_assert_not(sim_rng_chance(&r, 0.0));
        cr_assert_not(sim_rng_chance(&r, 0x1p-1000));
    }
}

Test(rng, chance_looks_at_further_digits_when_the_first_are_equal)
{
    /* p = 2^-65: its first 64 digits are zeros, the next is a one.  The stream is made to say zeros
     * first, so the second draw decides: below one half or not. */
    struct sim_rng below = { .block = { 0, 0, UINT32_MAX, 0x7fffffff }, .left = 4 };
    struct sim_rng above = { .block = { 0, 0, 0, 0x80000000 }, .left = 4 };
    cr_assert(sim_rng_chance(&below, 0x1p-65));
    cr_assert_not(sim_rng_chance(&above, 0x1p-65));
    /* 3 * 2^-66: digits 01 1..., that is three quarters of the second draw's range. */
    struct sim_rng third = { .block = { 0, 0, 0, 0xbfffffff }, .left = 4 };
    cr_assert(sim_rng_chance(&third, 0x1.8p-65));
}

Test(rng, gsl_continues_a_stream)
{
    struct sim_rng r, copy;
    sim_rng_init_seed(&r, 14, "gsl");
    sim_rng_u32(&r);
    copy = r;
    gsl_rng *g = gsl_rng_alloc(sim_rng_philox);
    sim_rng_gsl_set(g, &copy);
    for (int i = 0; i < 9; i++)
        cr_assert_eq(gsl_rng_get(g), sim_rng_u32(&r));
    cr_assert_eq(gsl_rng_max(g), UINT32_MAX);
    for (size_t i = 0; i < DRAWS; i++)
        values[i] = gsl_ran_gaussian(g, 1.0);
    kolmogorov(values, DRAWS, gsl_cdf_ugaussian_P, "gaussian");
    gsl_rng_free(g);
}
