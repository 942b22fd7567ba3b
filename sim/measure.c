/* measure.c: declared measures, scalars, series and remarks of a run.
 *
 * A measure keeps moments, a logarithmic histogram (quantiles) and a bounded series (intervals).
 */
#include "sim/measure.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/counts.h"
#include "sim/internal.h"

#define SERIES_CAP 65536 /* values kept for batch means; past it the resolution halves */
#define LEVEL 0.95
#define REMARK_FROM 200 /* fewer observations than this are not said to be unsteady */

struct sim_measure {
    struct list link;
    char *name, *unit, *doc;
    unsigned flags;
    bool scalar; /* set outright: value and half_width */
    double value, half_width;
    bool negative; /* a negative observation: no quantiles */
    struct stat_moments stat;
    struct stat_hist *hist;
    struct stat_series *series;
};

struct remark {
    struct list link;
    bool told;
    char text[];
};

struct sample {
    const char *name, *unit; /* owned by the series table */
    sim_time at;
    double value;
};

struct sim_measures {
    struct list all; /* struct sim_measure, in order of declaration */
    struct list remarks;
    struct sample *samples;
    size_t sample_count, sample_capacity;
    char **names; /* of series: name and unit alternating */
    size_t name_count;
};

struct sim_measures *sim_measures_create(struct sim *s)
{
    (void)s;
    struct sim_measures *m = base_zalloc(1, sizeof *m);
    list_init(&m->all);
    list_init(&m->remarks);
    return m;
}

void sim_measures_destroy(struct sim_measures *m)
{
    struct list *l;
    while ((l = list_pop(&m->all)) != NULL) {
        struct sim_measure *x = LIST_ENTRY(l, struct sim_measure, link);
        stat_hist_destroy(x->hist);
        stat_series_destroy(x->series);
        free(x->name);
        free(x->unit);
        free(x->doc);
        free(x);
    }
    while ((l = list_pop(&m->remarks)) != NULL)
        free(LIST_ENTRY(l, struct remark, link));
    for (size_t i = 0; i < m->name_count; i++)
        free(m->names[i]);
    free(m->names);
    free(m->samples);
    free(m);
}

struct sim_measure *sim_measure_find(struct sim *s, const char *name)
{
    LIST_EACH (l, &sim_measures(s)->all) {
        struct sim_measure *m = LIST_ENTRY(l, struct sim_measure, link);
        if (strcmp(m->name, name) == 0)
            return m;
    }
    return NULL;
}

static struct sim_measure *add_named(struct sim *s, const char *name, const char *unit,
                                     const char *doc, unsigned flags)
{
    struct sim_measure *m = base_zalloc(1, sizeof *m);
    m->name = base_strdup(name);
    m->unit = base_strdup(unit);
    m->doc = base_strdup(doc);
    m->flags = flags;
    list_push(&sim_measures(s)->all, &m->link);
    return m;
}

struct sim_measure *sim_measure_declare(struct sim *s, const char *name, const char *unit,
                                        const char *doc, unsigned flags)
{
    struct sim_measure *m = sim_measure_find(s, name);
    if (m != NULL) {
        ASSERT_MSG(!m->scalar && strcmp(m->unit, unit) == 0, "a measure has one unit");
        return m;
    }
    m = add_named(s, name, unit, doc, flags);
    sim_measure_reset(m);
    return m;
}

void sim_measure_add(struct sim_measure *m, double x)
{
    stat_add(&m->stat, x);
    stat_series_add(m->series, x);
    if (x >= 0.0)
        stat_hist_add(m->hist, x);
    else
        m->negative = true;
}

void sim_measure_reset(struct sim_measure *m)
{
    stat_init(&m->stat);
    stat_hist_destroy(m->hist);
    stat_series_destroy(m->series);
    m->hist = stat_hist_create();
    m->series = stat_series_create(SERIES_CAP);
    m->negative = false;
}

uint64_t sim_measure_count(const struct sim_measure *m)
{
    return m->stat.n;
}

double sim_measure_mean(const struct sim_measure *m)
{
    return m->stat.n > 0 ? m->stat.mean : NAN;
}

void sim_scalar(struct sim *s, const char *name, const char *unit, double value, unsigned flags)
{
    sim_scalar_interval(s, name, unit, value, NAN, flags);
}

void sim_scalar_interval(struct sim *s, const char *name, const char *unit, double value,
                         double half_width, unsigned flags)
{
    struct sim_measure *m = sim_measure_find(s, name);
    if (m == NULL)
        m = add_named(s, name, unit, "", flags);
    else
        ASSERT_MSG(m->scalar && strcmp(m->unit, unit) == 0, "a scalar has one unit");
    m->scalar = true;
    m->value = value;
    m->half_width = half_width;
    m->flags = flags;
}

const char *sim_why_text(enum sim_why w)
{
    static const char *const texts[] = { [SIM_WHY_GOOD] = "",
                                         [SIM_WHY_NO_WINDOW] = "no window",
                                         [SIM_WHY_NOTHING] = "none came",
                                         [SIM_WHY_SATURATED] = "saturated",
                                         [SIM_WHY_DRIFTS] = "not steady" };
    return (size_t)w < ARRAY_LEN(texts) ? texts[w] : "";
}

void sim_absent(struct sim *s, const char *name, const char *unit, enum sim_why why, unsigned flags)
{
    sim_scalar(s, name, unit, NAN, flags | sim_why_flag(why));
}

void sim_remark(struct sim *s, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct sim_measures *m = sim_measures(s);
    LIST_EACH (l, &m->remarks) {
        if (strcmp(LIST_ENTRY(l, struct remark, link)->text, text) == 0)
            return;
    }
    size_t size = strlen(text) + 1;
    struct remark *r = base_alloc(sizeof *r + size);
    r->told = false;
    memcpy(r->text, text, size);
    list_push(&m->remarks, &r->link);
}

static size_t series_names(struct sim_measures *m, const char *name, const char *unit)
{
    for (size_t i = 0; i < m->name_count; i += 2) {
        if (strcmp(m->names[i], name) == 0)
            return i;
    }
    m->names = base_realloc(m->names, (m->name_count + 2) * sizeof m->names[0]);
    m->names[m->name_count] = base_strdup(name);
    m->names[m->name_count + 1] = base_strdup(unit);
    m->name_count += 2;
    return m->name_count - 2;
}

void sim_series(struct sim *s, const char *name, const char *unit, sim_time at, double value)
{
    struct sim_measures *m = sim_measures(s);
    if (m->sample_count == m->sample_capacity) {
        m->sample_capacity = m->sample_capacity == 0 ? 64 : 2 * m->sample_capacity;
        m->samples = base_realloc(m->samples, m->sample_capacity * sizeof m->samples[0]);
    }
    size_t i = series_names(m, name, unit);
    m->samples[m->sample_count++] = (struct sample){ m->names[i], m->names[i + 1], at, value };
}

/* ---- the end of a run ---- */

struct part {
    const struct sim_result_sink *sink;
    const struct sim_measure *m;
};

static void write_part(const struct part *p, const char *part, const char *unit, double value,
                       double half_width, unsigned flags)
{
    char name[256];
    snprintf(name, sizeof name, "%s.%s", p->m->name, part);
    p->sink->scalar(p->sink->arg, name, unit, value, half_width, flags);
}

/* Names of measures that share a remark: "latency, queue". */
struct names {
    char text[1024];
    size_t used;
};

static void names_add(struct names *n, const char *name)
{
    int k = snprintf(n->text + n->used, sizeof n->text - n->used, "%s%s", n->used > 0 ? ", " : "",
                     name);
    if (k > 0 && n->used + (size_t)k < sizeof n->text)
        n->used += (size_t)k;
    n->text[n->used] = '\0'; /* a name that does not fit is left out */
}

static void remark(const struct sim_result_sink *sink, const struct names *n, const char *what)
{
    char text[1280];
    if (n->used == 0)
        return;
    snprintf(text, sizeof text, "%s: %s", what, n->text);
    sink->remark(sink->arg, text);
}

struct caveats {
    struct names unsteady, few;
};

/* The mean and its half width, and what is to be said about them. */
static struct stat_estimate estimate(const struct sim_measure *m, struct caveats *c)
{
    struct stat_estimate out = { .mean = m->stat.mean, .half_width = NAN };
    if (m->flags & SIM_MEASURE_DETERMINISTIC)
        return out;
    bool steady;
    size_t skip = stat_series_mser5(m->series, &steady);
    bool tell = m->stat.n >= REMARK_FROM;
    if (!steady) {
        if (tell)
            names_add(&c->unsteady, m->name);
        return out;
    }
    struct stat_estimate e = stat_series_batch_means(m->series, skip, LEVEL);
    if (e.batches > 0)
        out.mean = e.mean;
    if (e.ok)
        out.half_width = e.half_width;
    else if (tell)
        names_add(&c->few, m->name);
    return out;
}

static void write_bin(void *arg, double lo, double hi, uint64_t n)
{
    const struct part *p = arg;
    p->sink->bin(p->sink->arg, p->m->name, lo, hi, n);
}

static void write_measure(const struct sim_measure *m, const struct sim_result_sink *sink,
                          struct caveats *c)
{
    struct part p = { .sink = sink, .m = m };
    unsigned rest = m->flags & ~(unsigned)SIM_MEASURE_DEFAULT_COLUMN;
    write_part(&p, "count", "1", (double)m->stat.n, NAN, rest);
    if (m->stat.n == 0)
        return;
    struct stat_estimate e = estimate(m, c);
    write_part(&p, "mean", m->unit, e.mean, e.half_width, m->flags);
    write_part(&p, "deviation", m->unit, stat_deviation(&m->stat), NAN, rest);
    write_part(&p, "min", m->unit, m->stat.min, NAN, rest);
    write_part(&p, "max", m->unit, m->stat.max, NAN, rest);
    if (!m->negative) {
        write_part(&p, "p50", m->unit, stat_hist_quantile(m->hist, 0.50), NAN, rest);
        write_part(&p, "p90", m->unit, stat_hist_quantile(m->hist, 0.90), NAN, rest);
        write_part(&p, "p95", m->unit, stat_hist_quantile(m->hist, 0.95), NAN, rest);
        write_part(&p, "p99", m->unit, stat_hist_quantile(m->hist, 0.99), NAN, rest);
    }
    if ((m->flags & SIM_MEASURE_HISTOGRAM) && !m->negative)
        stat_hist_each(m->hist, write_bin, &p);
}

void sim_measures_write(struct sim *s, const struct sim_result_sink *sink)
{
    const struct sim_measures *all = sim_measures(s);
    struct caveats caveats = { 0 };
    LIST_EACH (l, &all->all) {
        const struct sim_measure *m = LIST_ENTRY(l, struct sim_measure, link);
        if (m->scalar)
            sink->scalar(sink->arg, m->name, m->unit, m->value, m->half_width, m->flags);
        else
            write_measure(m, sink, &caveats);
    }
    sim_counts_write(s, sink);
    for (size_t i = 0; i < all->sample_count; i++) {
        const struct sample *x = &all->samples[i];
        sink->sample(sink->arg, x->name, x->unit, x->at, x->value);
    }
    remark(sink, &caveats.unsteady, "not steady, the mean is over the whole window");
    remark(sink, &caveats.few, "no interval, the values are too few or too correlated");
    LIST_EACH (l, &all->remarks) {
        LIST_ENTRY(l, struct remark, link)->told = false;
    }
    sim_remarks_write(s, sink);
}

void sim_remarks_write(struct sim *s, const struct sim_result_sink *sink)
{
    LIST_EACH (l, &sim_measures(s)->remarks) {
        struct remark *r = LIST_ENTRY(l, struct remark, link);
        if (!r->told)
            sink->remark(sink->arg, r->text);
        r->told = true;
    }
}
