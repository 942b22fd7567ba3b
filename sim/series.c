/* series.c: series of observations: warm-up removal and intervals by batch means.
 *
 * Sources: MSER-5 [White, Cobb & Spratt 2000]; batch means [Law & Kelton 2000, section 9.5.3;
 * Fishman 1978; Law & Carson 1979].  Doubles only; no event depends on them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/stat.h"

#define MSER_GROUP 5   /* observations averaged before the search */
#define MSER_TAIL 10   /* groups that the search leaves at the end: fewer agree by chance */
#define BATCHES_MIN 10 /* fewer give no interval */
#define BATCHES_WANTED                                                                             \
    20                  /* merged further while at least this many are left: more cover better   \
                           */
#define CORRELATION 0.1 /* lag-1 autocorrelation that passes for none */

struct stat_series {
    size_t cap, count, capacity;
    size_t resolution; /* observations that one kept value averages */
    size_t pending;    /* observations in `sum`, not kept yet */
    double sum;
    double *values;
};

struct stat_series *stat_series_create(size_t cap)
{
    struct stat_series *s = base_zalloc(1, sizeof *s);
    s->cap = cap < 2 ? 2 : cap - cap % 2;
    s->resolution = 1;
    return s;
}

void stat_series_destroy(struct stat_series *s)
{
    if (s == NULL)
        return;
    free(s->values);
    free(s);
}

static void halve(struct stat_series *s)
{
    for (size_t i = 0; i < s->count / 2; i++)
        s->values[i] = (s->values[2 * i] + s->values[2 * i + 1]) / 2.0;
    s->count /= 2;
    s->resolution *= 2;
}

void stat_series_add(struct stat_series *s, double x)
{
    s->sum += x;
    if (++s->pending < s->resolution)
        return;
    if (s->count == s->capacity) {
        s->capacity = s->capacity == 0 ? 64 : 2 * s->capacity;
        s->capacity = s->capacity > s->cap ? s->cap : s->capacity;
        s->values = base_realloc(s->values, s->capacity * sizeof s->values[0]);
    }
    s->values[s->count++] = s->sum / (double)s->resolution;
    s->sum = 0.0;
    s->pending = 0;
    if (s->count == s->cap)
        halve(s);
}

size_t stat_series_count(const struct stat_series *s)
{
    return s->count * s->resolution + s->pending;
}

static double group_mean(const double *v, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return sum / (double)n;
}

size_t stat_series_mser5(const struct stat_series *s, bool *steady)
{
    size_t groups = s->count / MSER_GROUP;
    *steady = true;
    if (groups < 2 * MSER_TAIL)
        return 0;
    /* From the back, so that the moments of every tail come from one pass. */
    struct stat_moments tail;
    stat_init(&tail);
    double best = INFINITY;
    size_t best_drop = 0;
    for (size_t drop = groups; drop-- > 0;) {
        stat_add(&tail, group_mean(s->values + drop * MSER_GROUP, MSER_GROUP));
        if (tail.n < MSER_TAIL)
            continue;
        double n = (double)tail.n, error = tail.m2 / (n * n);
        if (error <= best) {
            best = error;
            best_drop = drop;
        }
    }
    *steady = best_drop <= groups / 2;
    return best_drop * MSER_GROUP * s->resolution;
}

/* Lag-1 autocorrelation of k values about their mean; 0 when they do not vary. */
static double lag1(const double *v, size_t k)
{
    double mean = group_mean(v, k), square = 0.0, product = 0.0;
    for (size_t i = 0; i < k; i++)
        square += (v[i] - mean) * (v[i] - mean);
    for (size_t i = 0; i + 1 < k; i++)
        product += (v[i] - mean) * (v[i + 1] - mean);
    return square > 0.0 ? product / square : 0.0;
}

/* Averages neighbours in place; an odd one out is dropped in front, nearest to the warm-up. */
static size_t pair_up(double *v, size_t k)
{
    size_t odd = k % 2;
    for (size_t i = 0; i < k / 2; i++)
        v[i] = (v[odd + 2 * i] + v[odd + 2 * i + 1]) / 2.0;
    return k / 2;
}

struct stat_estimate stat_series_batch_means(const struct stat_series *s, size_t skip, double level)
{
    struct stat_estimate out = { .mean = NAN, .half_width = NAN };
    size_t from = skip / s->resolution;
    if (from >= s->count)
        return out;
    size_t k = s->count - from;
    double *v = base_alloc(k * sizeof *v);
    memcpy(v, s->values + from, k * sizeof *v);
    out.mean = group_mean(v, k);
    while (k >= BATCHES_MIN && fabs(lag1(v, k)) >= CORRELATION)
        k = pair_up(v, k);
    out.batches = k;
    out.ok = k >= BATCHES_MIN;
    while (k >= 2 * BATCHES_WANTED)
        k = pair_up(v, k);
    if (out.ok) {
        struct stat_moments batches;
        stat_init(&batches);
        for (size_t i = 0; i < k; i++)
            stat_add(&batches, v[i]);
        out.batches = k;
        out.half_width = stat_half_width(&batches, level);
    }
    free(v);
    return out;
}
