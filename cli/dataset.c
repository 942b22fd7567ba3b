/* dataset.c: reads the points of an experiment and groups them into cases. */
#include "cli/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clean.h"
#include "sim/base/units.h"
#include "sim/stat.h"

double data_number(const char *text)
{
    char *end;
    int64_t n;
    sim_time t;
    double x = strtod(text, &end);
    if (end != text && *end == '\0')
        return x;
    if (units_parse_time(text, &t, NULL))
        return sim_time_seconds(t);
    if (units_parse_size(text, &n, NULL) || units_parse_rate(text, &n, NULL))
        return (double)n;
    return NAN;
}

bool data_same(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    double x = data_number(a), y = data_number(b);
    return x == y;
}

/* ---- building ---- */

struct data_point *dataset_add(struct dataset *d)
{
    d->points = base_realloc(d->points, (d->point_count + 1) * sizeof *d->points);
    struct data_point *p = &d->points[d->point_count++];
    *p = (struct data_point){ .good = true };
    return p;
}

void dataset_add_param(struct data_point *p, const char *path, const char *value, double number)
{
    p->params = base_realloc(p->params, (p->param_count + 1) * sizeof *p->params);
    p->params[p->param_count++] =
        (struct data_param){ base_strdup(path), base_strdup(value), number };
}

void dataset_add_scalar(struct data_point *p, const char *name, const char *unit, double value,
                        double half_width, unsigned flags)
{
    p->scalars = base_realloc(p->scalars, (p->scalar_count + 1) * sizeof *p->scalars);
    p->scalars[p->scalar_count++] =
        (struct data_scalar){ base_strdup(name), base_strdup(unit), value, half_width, flags };
}

static char *case_key(const struct data_point *p)
{
    char *key = base_strdup(p->param_count == 0 ? "-" : "");
    for (size_t i = 0; i < p->param_count; i++) {
        char *longer =
            base_printf("%s%s%s=%s", key, i > 0 ? " " : "", p->params[i].path, p->params[i].value);
        free(key);
        key = longer;
    }
    return key;
}

static struct data_case *case_of(struct dataset *d, struct data_point *p)
{
    char *key = case_key(p);
    for (size_t i = 0; i < d->case_count; i++) {
        if (strcmp(d->cases[i].key, key) == 0) {
            free(key);
            return &d->cases[i];
        }
    }
    d->cases = base_realloc(d->cases, (d->case_count + 1) * sizeof *d->cases);
    struct data_case *c = &d->cases[d->case_count++];
    *c = (struct data_case){ .key = key, .params = p->params, .param_count = p->param_count };
    return c;
}

void dataset_group(struct dataset *d)
{
    for (; d->grouped < d->point_count; d->grouped++) {
        size_t i = d->grouped;
        struct data_case *c = case_of(d, &d->points[i]);
        d->points[i].case_idx = (size_t)(c - d->cases);
        c->points = base_realloc(c->points, (c->point_count + 1) * sizeof *c->points);
        c->points[c->point_count++] = i;
    }
}

/* ---- reading ---- */

struct reading {
    struct dataset *d;
    int64_t experiment;
    bool found;
};

static void on_experiment(void *arg, const struct results_experiment *x)
{
    struct reading *in = arg;
    if (x->id != in->experiment)
        return;
    in->found = true;
    in->d->experiment = x->id;
    in->d->name = clean_line(base_strdup(x->name));
    in->d->title = clean_line(base_strdup(x->title));
    in->d->version = base_strdup(x->version);
}

static void on_point(void *arg, const struct results_point *info)
{
    struct reading *in = arg;
    struct data_point *p = dataset_add(in->d);
    p->info = *info;
    p->info.identity = base_strdup(info->identity);
    p->info.status = base_strdup(info->status);
    p->info.detail = base_strdup(info->detail);
    p->info.digest = base_strdup(info->digest);
    p->good = info->finished && strcmp(info->status, "ok") == 0;
}

static void on_param(void *arg, const char *path, const char *value, double number)
{
    dataset_add_param(arg, path, value, number);
}

static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    dataset_add_scalar(arg, name, unit, value, half_width, flags);
}

static bool read_all(struct dataset *d, struct results *r, int64_t experiment, struct err *e)
{
    struct reading in = { .d = d, .experiment = experiment == 0 ? results_newest(r) : experiment };
    if (!results_each_experiment(r, on_experiment, &in, e))
        return false;
    if (!in.found && experiment == 0)
        return err_set(e, "the results file '%s' holds no experiment", results_path(r));
    if (!in.found)
        return err_set(e, "the results file '%s' has no experiment %lld", results_path(r),
                       (long long)experiment);
    if (!results_each_point(r, in.experiment, on_point, &in, e))
        return false;
    for (size_t i = 0; i < d->point_count; i++) {
        struct data_point *p = &d->points[i];
        if (!results_each_param(r, p->info.id, RESULTS_PARAM_SWEPT, on_param, p, e) ||
            !results_each_scalar(r, p->info.id, on_scalar, p, e))
            return false;
    }
    dataset_group(d);
    return true;
}

bool dataset_load(struct dataset *d, struct results *r, int64_t experiment, struct err *e)
{
    *d = (struct dataset){ 0 };
    if (read_all(d, r, experiment, e))
        return true;
    dataset_fini(d);
    return false;
}

bool dataset_load_file(struct dataset *d, const char *path, int64_t experiment, struct err *e)
{
    *d = (struct dataset){ 0 };
    struct results *r = results_open_read(path, e);
    if (r == NULL)
        return false;
    bool ok = dataset_load(d, r, experiment, e);
    struct err ignored = ERR_INIT;
    results_close(r, &ignored);
    return ok;
}

void dataset_add_sample(struct dataset *d, size_t of, size_t from, const char *name,
                        const char *unit, sim_time at, double value)
{
    double seconds = sim_time_seconds(at);
    struct data_point *p = NULL;
    bool later = d->point_count > from && /* the usual: samples in order of time */
                 d->points[d->point_count - 1].params[d->points[of].param_count].number < seconds;
    for (size_t i = from; !later && p == NULL && i < d->point_count; i++)
        if (d->points[i].params[d->points[i].param_count - 1].number == seconds)
            p = &d->points[i];
    if (p == NULL) {
        p = dataset_add(d);
        for (size_t i = 0; i < d->points[of].param_count; i++) {
            const struct data_param *x = &d->points[of].params[i];
            dataset_add_param(p, x->path, x->value, x->number);
        }
        char *text = base_printf("%.12gs", seconds);
        dataset_add_param(p, "time", text, seconds);
        free(text);
    }
    dataset_add_scalar(p, name, unit, value, NAN, 0);
}

struct series {
    struct dataset *d;
    size_t of, from; /* the point, and where its samples begin */
};

static void on_sample(void *arg, const char *name, const char *unit, sim_time at, double value)
{
    const struct series *in = arg;
    dataset_add_sample(in->d, in->of, in->from, name, unit, at, value);
}

bool dataset_wants_time(const struct dataset *d, const char *x)
{
    bool wants = x != NULL && strcmp(x, "time") == 0;
    for (size_t i = 0; wants && i < d->case_count; i++)
        wants = data_param_find(&d->cases[i], x) == NULL;
    return wants;
}

bool dataset_over_time(struct dataset *d, const char *path, const char *x, struct err *e)
{
    if (!dataset_wants_time(d, x))
        return true;
    struct results *r = results_open_read(path, e);
    bool ok = r != NULL;
    size_t points = d->point_count;
    for (size_t i = 0; ok && i < points; i++) {
        struct series in = { .d = d, .of = i, .from = d->point_count };
        ok = !d->points[i].good || results_each_sample(r, d->points[i].info.id, on_sample, &in, e);
    }
    struct err ignored = ERR_INIT;
    if (r != NULL)
        results_close(r, &ignored);
    if (ok)
        dataset_group(d);
    else
        dataset_fini(d);
    return ok;
}

/* The texts of `info` are const for readers; the dataset owns them. */
static void free_text(const char *s)
{
    union {
        const char *borrowed;
        char *owned;
    } u = { .borrowed = s };
    free(u.owned);
}

void dataset_fini(struct dataset *d)
{
    for (size_t i = 0; i < d->point_count; i++) {
        struct data_point *p = &d->points[i];
        for (size_t k = 0; k < p->param_count; k++) {
            free(p->params[k].path);
            free(p->params[k].value);
        }
        for (size_t k = 0; k < p->scalar_count; k++) {
            free(p->scalars[k].name);
            free(p->scalars[k].unit);
        }
        free(p->params);
        free(p->scalars);
        free_text(p->info.identity);
        free_text(p->info.status);
        free_text(p->info.detail);
        free_text(p->info.digest);
    }
    for (size_t i = 0; i < d->case_count; i++) {
        free(d->cases[i].key);
        free(d->cases[i].points);
    }
    free(d->points);
    free(d->cases);
    free(d->name);
    free(d->title);
    free(d->version);
    *d = (struct dataset){ 0 };
}

/* ---- asking ---- */

const struct data_param *data_param_find(const struct data_case *c, const char *path)
{
    for (size_t i = 0; i < c->param_count; i++) {
        if (strcmp(c->params[i].path, path) == 0)
            return &c->params[i];
    }
    return NULL;
}

static bool scalar_named(const char *name, const char *asked)
{
    size_t n = strlen(asked);
    return strcmp(name, asked) == 0 ||
           (strncmp(name, asked, n) == 0 && strcmp(name + n, ".mean") == 0);
}

const struct data_scalar *data_scalar_find(const struct data_point *p, const char *name)
{
    for (size_t i = 0; i < p->scalar_count; i++) {
        if (scalar_named(p->scalars[i].name, name))
            return &p->scalars[i];
    }
    return NULL;
}

bool dataset_value(const struct dataset *d, const struct data_case *c, const char *scalar,
                   struct data_value *out)
{
    struct stat_moments s;
    stat_init(&s);
    *out = (struct data_value){ .mean = NAN, .half_width = NAN };
    for (size_t i = 0; i < c->point_count; i++) {
        const struct data_point *p = &d->points[c->points[i]];
        const struct data_scalar *x = p->good ? data_scalar_find(p, scalar) : NULL;
        if (x != NULL && !isfinite(x->value))
            out->why = sim_why_of(x->flags);
        if (x == NULL || !isfinite(x->value))
            continue;
        stat_add(&s, x->value);
        out->unit = x->unit;
        out->flags = x->flags;
        out->half_width = x->half_width;
    }
    out->n = s.n;
    if (s.n == 0)
        return false;
    out->mean = s.mean;
    if (s.n >= 2)
        out->half_width = stat_half_width(&s, 0.95);
    return true;
}

enum sim_why dataset_mark(const struct dataset *d, const struct data_case *c)
{
    static const char *const names[] = { "steady", "window" };
    for (size_t i = 0; i < c->point_count; i++)
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            const struct data_scalar *x = data_scalar_find(&d->points[c->points[i]], names[k]);
            if (x != NULL && sim_why_of(x->flags) != SIM_WHY_GOOD)
                return sim_why_of(x->flags);
        }
    return SIM_WHY_GOOD;
}

static const char **add_name(const char **names, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0)
            return names;
    }
    names = base_realloc(names, (*count + 2) * sizeof *names);
    names[(*count)++] = name;
    names[*count] = NULL;
    return names;
}

const char **dataset_scalar_names(const struct dataset *d)
{
    size_t count = 0;
    const char **names = base_zalloc(1, sizeof *names);
    for (size_t i = 0; i < d->point_count; i++) {
        for (size_t k = 0; k < d->points[i].scalar_count; k++)
            names = add_name(names, &count, d->points[i].scalars[k].name);
    }
    return names;
}

const char **dataset_param_paths(const struct dataset *d)
{
    size_t count = 0;
    const char **names = base_zalloc(1, sizeof *names);
    for (size_t i = 0; i < d->point_count; i++) {
        for (size_t k = 0; k < d->points[i].param_count; k++)
            names = add_name(names, &count, d->points[i].params[k].path);
    }
    return names;
}
