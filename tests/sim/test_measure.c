/* test_measure.c: what a run writes of its measures. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/measure.h"
#include "sim/rng.h"

#define ROWS 64

struct row {
    char name[64], unit[16];
    double value, half_width;
    unsigned flags;
};

static struct {
    struct row rows[ROWS];
    size_t count, bins, samples, remarks;
    uint64_t bin_total;
    char remark[256];
    double sample_sum;
} got;

static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    (void)arg;
    struct row *r = &got.rows[got.count++];
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->unit, sizeof r->unit, "%s", unit);
    r->value = value;
    r->half_width = half_width;
    r->flags = flags;
}

static void on_bin(void *arg, const char *name, double lo, double hi, uint64_t n)
{
    (void)arg;
    (void)name;
    cr_assert(lo <= hi);
    got.bins++;
    got.bin_total += n;
}

static void on_sample(void *arg, const char *name, const char *unit, sim_time at, double value)
{
    (void)arg;
    (void)name;
    (void)unit;
    got.samples++;
    got.sample_sum += value * (double)at;
}

static void on_remark(void *arg, const char *text)
{
    (void)arg;
    got.remarks++;
    snprintf(got.remark, sizeof got.remark, "%s", text);
}

static const struct sim_result_sink sink = { NULL, on_scalar, on_bin, on_sample, on_remark };

static const struct row *find(const char *name)
{
    for (size_t i = 0; i < got.count; i++) {
        if (strcmp(got.rows[i].name, name) == 0)
            return &got.rows[i];
    }
    cr_assert(false, "no scalar '%s'", name);
    return NULL;
}

Test(measure, a_random_measure_has_an_interval)
{
    struct sim *s = sim_create(&(struct sim_options){ .seed = 5 });
    struct sim_measure *m = sim_measure_declare(s, "latency", "s", "How long.",
                                                SIM_MEASURE_HISTOGRAM | SIM_MEASURE_DEFAULT_COLUMN);
    cr_assert_eq(sim_measure_declare(s, "latency", "s", "How long.", 0), m);
    struct sim_rng r;
    sim_rng_init(&r, s, "x");
    for (int i = 0; i < 5000; i++)
        sim_measure_add(m, 1.0 + sim_rng_unit(&r));
    sim_measures_write(s, &sink);
    const struct row *mean = find("latency.mean");
    cr_assert_float_eq(mean->value, 1.5, 0.02);
    cr_assert(mean->half_width > 0.002 && mean->half_width < 0.02, "%g", mean->half_width);
    cr_assert_str_eq(mean->unit, "s");
    cr_assert(mean->flags & SIM_MEASURE_DEFAULT_COLUMN);
    cr_assert_not(find("latency.p99")->flags & SIM_MEASURE_DEFAULT_COLUMN);
    cr_assert_eq(find("latency.count")->value, 5000);
    cr_assert_float_eq(find("latency.p50")->value, 1.5, 0.04);
    cr_assert_float_eq(find("latency.p95")->value, 1.95, 0.02);
    cr_assert_float_eq(find("latency.p99")->value, 1.99, 0.02);
    cr_assert_float_eq(find("latency.deviation")->value, sqrt(1.0 / 12), 0.01);
    cr_assert_eq(got.bin_total, 5000);
    cr_assert_eq(got.remarks, 0, "%s", got.remark);
    sim_destroy(s);
}

Test(measure, a_deterministic_measure_claims_no_interval)
{
    struct sim *s = sim_create(NULL);
    struct sim_measure *m = sim_measure_declare(s, "time", "s", "", SIM_MEASURE_DETERMINISTIC);
    for (int i = 0; i < 1000; i++)
        sim_measure_add(m, i);
    sim_measures_write(s, &sink);
    cr_assert(isnan(find("time.mean")->half_width));
    cr_assert_float_eq(find("time.mean")->value, 499.5, 1e-9);
    cr_assert_eq(got.remarks, 0);
    cr_assert_eq(got.bins, 0);
    sim_destroy(s);
}

Test(measure, a_drifting_measure_says_so)
{
    struct sim *s = sim_create(NULL);
    struct sim_measure *m = sim_measure_declare(s, "queue", "1", "", 0);
    for (int i = 0; i < 1000; i++)
        sim_measure_add(m, i);
    sim_measures_write(s, &sink);
    cr_assert(isnan(find("queue.mean")->half_width));
    cr_assert_float_eq(find("queue.mean")->value, 499.5, 1e-9);
    cr_assert_str_eq(got.remark, "not steady, the mean is over the whole window: queue");
    sim_destroy(s);
}

Test(measure, a_reset_forgets)
{
    struct sim *s = sim_create(NULL);
    struct sim_measure *m = sim_measure_declare(s, "x", "1", "", SIM_MEASURE_DETERMINISTIC);
    sim_measure_add(m, 1000);
    sim_measure_reset(m);
    cr_assert(isnan(sim_measure_mean(m)));
    sim_measure_add(m, -2);
    cr_assert_eq(sim_measure_count(m), 1);
    sim_measures_write(s, &sink);
    cr_assert_eq(find("x.max")->value, -2);
    for (size_t i = 0; i < got.count; i++)
        cr_assert(strchr(got.rows[i].name, 'p') == NULL, "quantiles of negative values");
    sim_destroy(s);
}

Test(measure, a_measure_never_observed_has_its_count_alone)
{
    struct sim *s = sim_create(NULL);
    sim_measure_declare(s, "x", "1", "", 0);
    sim_measures_write(s, &sink);
    cr_assert_eq(got.count, 1);
    cr_assert_eq(find("x.count")->value, 0);
    sim_destroy(s);
}

Test(measure, scalars_series_and_remarks_are_written)
{
    struct sim *s = sim_create(NULL);
    sim_scalar(s, "a", "B/s", 1, 0);
    sim_scalar_interval(s, "b", "s", 2, 0.5, SIM_MEASURE_DEFAULT_COLUMN);
    sim_scalar(s, "a", "B/s", 3, 0);
    sim_series(s, "load", "1", 10, 0.5);
    sim_series(s, "load", "1", 20, 0.75);
    sim_remark(s, "seen %d", 1);
    sim_remark(s, "seen %d", 1);
    sim_measures_write(s, &sink);
    cr_assert_eq(got.count, 2);
    cr_assert_eq(find("a")->value, 3);
    cr_assert(isnan(find("a")->half_width));
    cr_assert_eq(find("b")->half_width, 0.5);
    cr_assert_eq(got.samples, 2);
    cr_assert_float_eq(got.sample_sum, 20, 1e-12);
    cr_assert_eq(got.remarks, 1, "the same remark twice is one");
    sim_destroy(s);
}
