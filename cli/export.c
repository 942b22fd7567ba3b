/* export.c: psim export: a results file as comma-separated values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/dataset.h"
#include "sim/base/whole.h"
#include "sim/measure.h"

struct export
{
    struct results *db;
    const struct dataset *d;
    const char **axes;    /* swept paths */
    const char **columns; /* scalars of table points */
    struct csv csv;
    struct err e;
};

/* ---- the columns that every table starts with ---- */

static void head_axes(struct export *x)
{
    csv_head(&x->csv, "idx");
    for (size_t i = 0; x->axes[i] != NULL; i++)
        csv_head(&x->csv, x->axes[i]);
    csv_head(&x->csv, "replication");
}

static void cells_axes(struct export *x, const struct data_point *p)
{
    const struct data_case *c = &x->d->cases[p->case_idx];
    csv_int(&x->csv, p->info.idx);
    for (size_t i = 0; x->axes[i] != NULL; i++) {
        const struct data_param *v = data_param_find(c, x->axes[i]);
        csv_text(&x->csv, v != NULL ? v->value : "");
    }
    csv_int(&x->csv, p->info.replication);
}

static void head(struct export *x, const char *const *names)
{
    head_axes(x);
    for (size_t i = 0; names[i] != NULL; i++)
        csv_head(&x->csv, names[i]);
    csv_end(&x->csv);
}

/* ---- the tables ---- */

static const struct data_scalar *any_scalar(const struct dataset *d, const char *name)
{
    for (size_t i = 0; i < d->point_count; i++) {
        for (size_t k = 0; k < d->points[i].scalar_count; k++) {
            if (strcmp(d->points[i].scalars[k].name, name) == 0)
                return &d->points[i].scalars[k];
        }
    }
    return NULL;
}

static bool any_half_width(const struct dataset *d, const char *name)
{
    for (size_t i = 0; i < d->point_count; i++) {
        for (size_t k = 0; k < d->points[i].scalar_count; k++) {
            const struct data_scalar *s = &d->points[i].scalars[k];
            if (strcmp(s->name, name) == 0 && isfinite(s->half_width))
                return true;
        }
    }
    return false;
}

static const struct data_scalar *exact_scalar(const struct data_point *p, const char *name)
{
    for (size_t i = 0; i < p->scalar_count; i++) {
        if (strcmp(p->scalars[i].name, name) == 0)
            return &p->scalars[i];
    }
    return NULL;
}

/* One line a point; each scalar is a column, "name [unit]", with one for its half width when some
 * point has it. */
static void table_points(struct export *x)
{
    static const char *const fixed[] = {
        "seed",   "status",        "digest",          "identity", "end [s]", "window [s]",
        "events", "host time [s]", "host memory [B]", "detail",   NULL
    };
    head_axes(x);
    for (size_t i = 0; fixed[i] != NULL; i++)
        csv_head(&x->csv, fixed[i]);
    for (size_t i = 0; x->columns[i] != NULL; i++) {
        char *name = base_printf("%s [%s]", x->columns[i], any_scalar(x->d, x->columns[i])->unit);
        csv_head(&x->csv, name);
        free(name);
        name = base_printf("%s half width", x->columns[i]);
        if (any_half_width(x->d, x->columns[i]))
            csv_head(&x->csv, name);
        free(name);
    }
    csv_end(&x->csv);
    for (size_t i = 0; i < x->d->point_count; i++) {
        const struct data_point *p = &x->d->points[i];
        cells_axes(x, p);
        csv_uint(&x->csv, p->info.seed);
        csv_text(&x->csv, p->info.status);
        csv_text(&x->csv, p->info.digest);
        csv_text(&x->csv, p->info.identity);
        csv_number(&x->csv, sim_time_seconds(p->info.end_time));
        csv_number(&x->csv, sim_time_seconds(p->info.window));
        csv_uint(&x->csv, p->info.events);
        csv_number(&x->csv, p->info.host_seconds);
        csv_uint(&x->csv, p->info.host_bytes);
        csv_text(&x->csv, p->info.detail);
        for (size_t k = 0; x->columns[k] != NULL; k++) {
            const struct data_scalar *s = exact_scalar(p, x->columns[k]);
            if (s != NULL && !isfinite(s->value) && sim_why_of(s->flags) != SIM_WHY_GOOD)
                csv_text(&x->csv, sim_why_text(sim_why_of(s->flags)));
            else
                csv_number(&x->csv, s != NULL ? s->value : NAN);
            if (any_half_width(x->d, x->columns[k]))
                csv_number(&x->csv, s != NULL ? s->half_width : NAN);
        }
        csv_end(&x->csv);
    }
}

static void table_scalars(struct export *x)
{
    static const char *const names[] = { "name", "unit", "value", "half width", "flags", NULL };
    head(x, names);
    for (size_t i = 0; i < x->d->point_count; i++) {
        const struct data_point *p = &x->d->points[i];
        for (size_t k = 0; k < p->scalar_count; k++) {
            const struct data_scalar *s = &p->scalars[k];
            cells_axes(x, p);
            csv_text(&x->csv, s->name);
            csv_text(&x->csv, s->unit);
            csv_number(&x->csv, s->value);
            csv_number(&x->csv, s->half_width);
            csv_text(&x->csv, s->flags & SIM_MEASURE_DETERMINISTIC ? "deterministic" : "");
            csv_end(&x->csv);
        }
    }
}

struct row {
    struct export *x;
    const struct data_point *p;
};

static void row_sample(void *arg, const char *name, const char *unit, sim_time at, double value)
{
    const struct row *r = arg;
    cells_axes(r->x, r->p);
    csv_text(&r->x->csv, name);
    csv_text(&r->x->csv, unit);
    csv_number(&r->x->csv, sim_time_seconds(at));
    csv_number(&r->x->csv, value);
    csv_end(&r->x->csv);
}

static void row_bin(void *arg, const char *name, double lo, double hi, uint64_t count)
{
    const struct row *r = arg;
    cells_axes(r->x, r->p);
    csv_text(&r->x->csv, name);
    csv_number(&r->x->csv, lo);
    csv_number(&r->x->csv, hi);
    csv_uint(&r->x->csv, count);
    csv_end(&r->x->csv);
}

static void row_busy(void *arg, const char *kind, const char *name, int64_t node, sim_time busy,
                     double share, uint64_t uses)
{
    const struct row *r = arg;
    cells_axes(r->x, r->p);
    csv_text(&r->x->csv, kind);
    csv_text(&r->x->csv, name);
    if (node >= 0)
        csv_int(&r->x->csv, node);
    else
        csv_text(&r->x->csv, "");
    csv_number(&r->x->csv, sim_time_seconds(busy));
    csv_number(&r->x->csv, share);
    csv_uint(&r->x->csv, uses);
    csv_end(&r->x->csv);
}

static void row_param(void *arg, const char *path, const char *value, double number)
{
    const struct row *r = arg;
    cells_axes(r->x, r->p);
    csv_text(&r->x->csv, path);
    csv_text(&r->x->csv, value);
    csv_number(&r->x->csv, number);
    csv_end(&r->x->csv);
}

static void row_remark(void *arg, const char *text)
{
    const struct row *r = arg;
    cells_axes(r->x, r->p);
    csv_text(&r->x->csv, text);
    csv_end(&r->x->csv);
}

static bool each_sample(struct export *x, int64_t id, struct row *r)
{
    return results_each_sample(x->db, id, row_sample, r, &x->e);
}
static bool each_bin(struct export *x, int64_t id, struct row *r)
{
    return results_each_bin(x->db, id, row_bin, r, &x->e);
}
static bool each_busy(struct export *x, int64_t id, struct row *r)
{
    return results_each_busy(x->db, id, row_busy, r, &x->e);
}
static bool each_param(struct export *x, int64_t id, struct row *r)
{
    return results_each_param(x->db, id, RESULTS_PARAM_RESOLVED, row_param, r, &x->e);
}
static bool each_remark(struct export *x, int64_t id, struct row *r)
{
    return results_each_remark(x->db, id, row_remark, r, &x->e);
}

static const struct export_table {
    const char *name;
    void (*whole)(struct export *x); /* writes all of it; NULL: a walk over the points */
    bool (*each)(struct export *x, int64_t point, struct row *r);
    const char *const *columns;
} tables[] = {
    { "scalars", table_scalars, NULL, NULL },
    { "points", table_points, NULL, NULL },
    { "samples", NULL, each_sample,
      (const char *const[]){ "name", "unit", "at [s]", "value", NULL } },
    { "bins", NULL, each_bin, (const char *const[]){ "name", "from", "to", "count", NULL } },
    { "busy", NULL, each_busy,
      (const char *const[]){ "kind", "name", "node", "busy [s]", "share", "uses", NULL } },
    { "params", NULL, each_param, (const char *const[]){ "path", "value", "number", NULL } },
    { "remarks", NULL, each_remark, (const char *const[]){ "remark", NULL } },
};

static bool write_table(struct export *x, const struct export_table *t)
{
    if (t->whole != NULL) {
        t->whole(x);
        return true;
    }
    head(x, t->columns);
    for (size_t i = 0; i < x->d->point_count; i++) {
        struct row r = { .x = x, .p = &x->d->points[i] };
        if (!t->each(x, r.p->info.id, &r))
            return false;
    }
    return true;
}

static const struct export_table *find_table(const char *name, struct err *e)
{
    const char *names[ARRAY_LEN(tables) + 1];
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (strcmp(tables[i].name, name) == 0)
            return &tables[i];
        names[i] = tables[i].name;
    }
    names[ARRAY_LEN(tables)] = NULL;
    err_set(e, "there is no table '%s'", name);
    err_nearest(e, name, names);
    return NULL;
}

static bool export_to(struct export *x, const struct export_table *t, const char *output)
{
    struct whole w = { 0 };
    if (output != NULL && !whole_open(&w, "the table", output, &x->e))
        return false;
    x->csv.to = output != NULL ? w.file : stdout;
    bool ok = write_table(x, t);
    char name[128];
    if (ok && csv_unknown(&x->csv, name, sizeof name))
        ok = err_set(&x->e, "the table '%s' has no column '%s'", t->name, name);
    return whole_close(&w, "the table", ok, &x->e) && ok;
}

static int run_export(const char *file, int64_t experiment, const char *table, const char *columns,
                      const char *output)
{
    struct export x = { .e = ERR_INIT, .csv = { .columns = columns } };
    struct dataset d;
    const struct export_table *t = find_table(table, &x.e);
    if (t == NULL || (x.db = results_open_read(file, &x.e)) == NULL)
        return cli_complain(CLI_USAGE, &x.e);
    bool ok = dataset_load(&d, x.db, experiment, &x.e);
    if (ok) {
        x.d = &d;
        x.axes = dataset_param_paths(&d);
        x.columns = dataset_scalar_names(&d);
        ok = export_to(&x, t, output);
        free(x.axes);
        free(x.columns);
        csv_fini(&x.csv);
        dataset_fini(&d);
    }
    struct err ignored = ERR_INIT;
    results_close(x.db, &ignored);
    return ok ? CLI_OK : cli_complain(CLI_USAGE, &x.e);
}

int cmd_export(int argc, char **argv)
{
    const char *table = "points", *columns = NULL, *output = NULL, *file;
    int64_t experiment = 0;
    const struct cli_option options[] = {
        { 't', "table", CLI_TEXT, &table, "TABLE",
          "points (one line each, scalars as columns; the default), scalars, samples, bins, busy, "
          "params, remarks" },
        { 'c', "columns", CLI_TEXT, &columns, "NAME,NAME", "only the columns with these heads" },
        { 'o', "output", CLI_TEXT, &output, "FILE", "file to write (standard output)" },
        { 'e', "experiment", CLI_COUNT, &experiment, "N", "experiment in the file (the newest)" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "export",
        .operands = "FILE.db",
        .doc = "Writes a table of a results file as comma-separated values, numbers in base units.",
        .options = options,
        .operands_min = 1,
        .operands_max = 1,
    };
    size_t n;
    int code;
    if (!cli_options(&usage, argc, argv, &file, &n, &code))
        return code;
    return run_export(file, experiment, table, columns, output);
}
