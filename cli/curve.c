/* curve.c: curves of a dataset, and their shape. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/judge.h"
#include "cli/value.h"

bool case_matches(const struct data_case *c, const struct val *at)
{
    for (size_t i = 0; at != NULL && i < at->count; i++) {
        const struct data_param *p = data_param_find(c, at->items[i]->key);
        char *text = value_text(at->items[i]);
        bool same = p != NULL && data_same(p->value, text);
        free(text);
        if (!same)
            return false;
    }
    return true;
}

static int rising(const void *a, const void *b)
{
    const struct curve_point *p = a, *q = b;
    return (p->x > q->x) - (p->x < q->x);
}

static bool unknown(const char *what, const char *name, const char **names, struct err *e)
{
    if (!e->set) {
        err_set(e, "the results have no %s '%s'", what, name);
        err_nearest(e, name, names);
    }
    free(names);
    return false;
}

static bool find_points(const struct dataset *d, const char *x, const char *y, const struct val *of,
                        struct curve *out, struct err *e)
{
    bool x_known = false, matched = false;
    for (size_t i = 0; i < d->case_count; i++) {
        const struct data_case *c = &d->cases[i];
        const struct data_param *p = data_param_find(c, x);
        x_known |= p != NULL;
        if (p == NULL || !case_matches(c, of))
            continue;
        matched = true;
        if (!isfinite(p->number))
            return err_set(e, "'%s' is %s, not a number: there is no curve over it", x, p->value);
        struct data_value v;
        if (dataset_value(d, c, y, &v))
            out->points[out->count++] = (struct curve_point){ p->number, v.mean, c };
    }
    if (!x_known)
        return unknown("swept parameter", x, dataset_param_paths(d), e);
    if (!matched)
        return err_set(e, "no case of the sweep is on this curve");
    if (out->count == 0)
        return unknown("finished point with", y, dataset_scalar_names(d), e);
    return true;
}

bool curve_make(const struct dataset *d, const char *x, const char *y, const struct val *of,
                struct curve *out, struct err *e)
{
    *out = (struct curve){ .points = base_alloc((d->case_count + 1) * sizeof *out->points) };
    bool ok = find_points(d, x, y, of, out, e);
    if (ok) {
        qsort(out->points, out->count, sizeof out->points[0], rising);
        for (size_t i = 1; ok && i < out->count; i++) {
            if (out->points[i].x <= out->points[i - 1].x)
                ok = err_set(e, "'%s' and '%s' lie on one curve at the same %s: say more in 'of'",
                             out->points[i - 1].c->key, out->points[i].c->key, x);
        }
    }
    if (!ok)
        curve_fini(out);
    return ok;
}

void curve_fini(struct curve *c)
{
    free(c->points);
    *c = (struct curve){ 0 };
}

/* ---- shape ---- */

static double position(const struct curve *c, size_t i, bool log_x)
{
    return log_x ? log(c->points[i].x) : c->points[i].x;
}

struct line {
    double a, b, error; /* y = a + b x; sum of squares that it leaves */
};

/* Least squares over points [from, to). */
static struct line fit(const struct curve *c, size_t from, size_t to, bool log_x)
{
    double n = (double)(to - from), mx = 0, my = 0, xx = 0, xy = 0, yy = 0;
    for (size_t i = from; i < to; i++) {
        mx += position(c, i, log_x) / n;
        my += c->points[i].y / n;
    }
    for (size_t i = from; i < to; i++) {
        double dx = position(c, i, log_x) - mx, dy = c->points[i].y - my;
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    struct line l = { .b = xx > 0 ? xy / xx : 0 };
    l.a = my - l.b * mx;
    l.error = fmax(0.0, yy - l.b * xy);
    return l;
}

void curve_line(const struct curve *c, size_t n, bool log_x, double *a, double *b)
{
    struct line l = fit(c, 0, n, log_x);
    *a = l.a;
    *b = l.b;
}

size_t curve_knee(const struct curve *c, bool log_x)
{
    size_t from = 0;
    while (log_x && from < c->count && c->points[from].x <= 0.0)
        from++;
    if (c->count - from < 4)
        return SIZE_MAX;
    size_t best = SIZE_MAX;
    double least = INFINITY;
    for (size_t k = from + 1; k + 1 < c->count; k++) {
        double error = fit(c, from, k + 1, log_x).error + fit(c, k, c->count, log_x).error;
        if (error < least) {
            least = error;
            best = k;
        }
    }
    return best;
}

/* ---- printing ---- */

struct prefix {
    double factor;
    const char *text;
};

static const char *scaled(double value, const struct prefix *p, size_t count, const char *unit,
                          char *out, size_t size)
{
    size_t i = 0;
    while (i + 1 < count && fabs(value) < p[i].factor * 0.9995)
        i++;
    snprintf(out, size, "%.4g %s%s", value / p[i].factor, p[i].text, unit);
    return out;
}

const char *pretty_value(double value, const char *unit, char *out, size_t size)
{
    static const struct prefix si_down[] = {
        { 1, "" }, { 1e-3, "m" }, { 1e-6, "u" }, { 1e-9, "n" }
    };
    static const struct prefix si_up[] = { { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" }, { 1, "" } };
    static const struct prefix binary[] = {
        { 0x1p30, "Gi" }, { 0x1p20, "Mi" }, { 0x1p10, "Ki" }, { 1, "" }
    };
    if (unit == NULL || strcmp(unit, "1") == 0)
        snprintf(out, size, "%.4g", value);
    else if (strcmp(unit, "s") == 0)
        return value == 0.0 ? scaled(0.0, si_down, 1, unit, out, size)
                            : scaled(value, si_down, ARRAY_LEN(si_down), unit, out, size);
    else if (strcmp(unit, "B/s") == 0)
        return scaled(value, si_up, ARRAY_LEN(si_up), unit, out, size);
    else if (strcmp(unit, "B") == 0)
        return scaled(value, binary, ARRAY_LEN(binary), unit, out, size);
    else
        snprintf(out, size, "%.4g %s", value, unit);
    return out;
}
