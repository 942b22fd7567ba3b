/* reference.c: reference results: reading, writing, comparing. */
#include "cli/reference.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/draw.h"
#include "sim/base/whole.h"
#include "sim/input.h"
#include "sim/measure.h"

static struct reference_row *add_row(struct reference *r)
{
    r->rows = base_realloc(r->rows, (r->count + 1) * sizeof *r->rows);
    return &r->rows[r->count++];
}

void reference_fini(struct reference *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->rows[i].point);
        free(r->rows[i].name);
        free(r->rows[i].unit);
        free(r->rows[i].text);
    }
    free(r->rows);
    *r = (struct reference){ 0 };
}

/* ---- from results ---- */

static bool any_default_column(const struct dataset *d)
{
    for (size_t i = 0; i < d->point_count; i++) {
        for (size_t k = 0; k < d->points[i].scalar_count; k++) {
            if (d->points[i].scalars[k].flags & SIM_MEASURE_DEFAULT_COLUMN)
                return true;
        }
    }
    return false;
}

static void add_point(struct reference *r, const struct dataset *d, const struct data_point *p,
                      bool all)
{
    const char *key = d->cases[p->case_idx].key;
    *add_row(r) = (struct reference_row){ .point = clean_line(base_strdup(key)),
                                          .replication = p->info.replication,
                                          .name = base_strdup("digest"),
                                          .unit = base_strdup("-"),
                                          .text = base_strdup(p->info.digest),
                                          .value = NAN };
    for (size_t i = 0; i < p->scalar_count; i++) {
        const struct data_scalar *s = &p->scalars[i];
        if (!all && !(s->flags & SIM_MEASURE_DEFAULT_COLUMN))
            continue;
        *add_row(r) = (struct reference_row){ .point = clean_line(base_strdup(key)),
                                              .replication = p->info.replication,
                                              .name = base_strdup(s->name),
                                              .unit = base_strdup(s->unit),
                                              .text = base_printf("%.12g", s->value),
                                              .value = s->value,
                                              .tolerance = REFERENCE_TOLERANCE };
    }
}

void reference_of(struct reference *r, const struct dataset *d, bool all)
{
    *r = (struct reference){ 0 };
    all = all || !any_default_column(d);
    for (size_t i = 0; i < d->point_count; i++) {
        if (d->points[i].good)
            add_point(r, d, &d->points[i], all);
    }
}

/* ---- the text file ---- */

#define COLUMNS 6

static bool read_line(struct reference *r, char *line, const char *path, int number, struct err *e)
{
    char *cell[COLUMNS], *rest = line, *end;
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '#' || line[0] == '\0')
        return true;
    for (int i = 0; i < COLUMNS; i++) {
        cell[i] = strsep(&rest, "\t");
        if (cell[i] == NULL)
            return err_set(e, "%s:%d: %d columns between tabs are needed, this line has %d", path,
                           number, COLUMNS, i);
    }
    long replication = strtol(cell[1], &end, 10);
    if (*end != '\0')
        return err_set(e, "%s:%d: '%s' is not a replication", path, number, cell[1]);
    double tolerance = strtod(cell[5], &end);
    if (end == cell[5] || *end != '\0' || !(tolerance >= 0))
        return err_set(e, "%s:%d: '%s' is not a tolerance: write a number from 0 up", path, number,
                       cell[5]);
    bool digest = strcmp(cell[2], "digest") == 0;
    double value = strtod(cell[4], &end);
    if (!digest && (end == cell[4] || *end != '\0'))
        return err_set(e, "%s:%d: '%s' is not a number", path, number, cell[4]);
    *add_row(r) = (struct reference_row){ .point = base_strdup(cell[0]),
                                          .replication = replication,
                                          .name = base_strdup(cell[2]),
                                          .unit = base_strdup(cell[3]),
                                          .text = base_strdup(cell[4]),
                                          .value = digest ? NAN : value,
                                          .tolerance = tolerance };
    return true;
}

bool reference_read(struct reference *r, const char *path, struct err *e)
{
    *r = (struct reference){ 0 };
    struct input in;
    struct err why = ERR_INIT;
    if (!input_read(&in, NULL, path, INPUT_MAX, &why))
        return err_set(e, "the reference results: %s", why.text);
    bool ok = true;
    char *rest = in.text;
    for (int number = 1; ok && rest; number++)
        ok = read_line(r, strsep(&rest, "\n"), path, number, e);
    input_fini(&in);
    if (!ok)
        reference_fini(r);
    return ok;
}

bool reference_write(const struct reference *r, const char *path, const char *title, struct err *e)
{
    if (!draw_make_folder(path, e))
        return false;
    struct whole w;
    if (!whole_open(&w, "the reference file", path, e))
        return false;
    fprintf(w.file, "# Reference results: %s\n", title);
    fputs("# Written by psim compare --accept.  The tolerance is relative; it is kept when\n"
          "# results are accepted again.\n"
          "# case\treplication\tname\tunit\tvalue\ttolerance\n",
          w.file);
    for (size_t i = 0; i < r->count; i++) {
        const struct reference_row *x = &r->rows[i];
        fprintf(w.file, "%s\t%lld\t%s\t%s\t%s\t%g\n", x->point, (long long)x->replication, x->name,
                x->unit, x->text, x->tolerance);
    }
    return whole_close(&w, "the reference file", true, e);
}

/* ---- comparing ---- */

static const struct reference_row *same_row(const struct reference *r,
                                            const struct reference_row *x, size_t hint)
{
    for (size_t n = 0; n < r->count; n++) {
        const struct reference_row *y = &r->rows[(hint + n) % r->count];
        if (y->replication == x->replication && strcmp(y->name, x->name) == 0 &&
            strcmp(y->point, x->point) == 0)
            return y;
    }
    return NULL;
}

static bool name_fits(const char *pattern, size_t n, const char *name)
{
    if (n > 0 && pattern[n - 1] == '*')
        return strncmp(pattern, name, n - 1) == 0;
    return strlen(name) == n && strncmp(pattern, name, n) == 0;
}

bool tolerance_check(const struct tolerance_list *t, struct err *e)
{
    for (size_t i = 0; i < t->count; i++) {
        const char *eq = strchr(t->items[i], '=');
        char *end = NULL;
        double x = eq != NULL ? strtod(eq + 1, &end) : -1;
        if (eq == NULL || eq == t->items[i] || end == eq + 1 || *end != '\0' || !(x >= 0))
            return err_set(e, "--tolerance '%s' must be NAME=NUMBER, relative, like bandwidth=0.05",
                           t->items[i]);
    }
    return true;
}

static double tolerance_of(const struct tolerance_list *t, const struct reference_row *x)
{
    double tolerance = x->tolerance;
    for (size_t i = 0; i < t->count; i++) {
        const char *eq = strchr(t->items[i], '=');
        if (name_fits(t->items[i], (size_t)(eq - t->items[i]), x->name))
            tolerance = strtod(eq + 1, NULL);
    }
    return tolerance;
}

static void say(FILE *to, const char *what, const struct reference_row *x, const char *detail)
{
    if (to != NULL)
        fprintf(to, "%s: %s #%lld %s%s\n", what, x->point, (long long)x->replication, x->name,
                detail);
}

static void compare_row(const struct reference_row *x, const struct reference_row *y,
                        const struct tolerance_list *t, struct comparison *c, FILE *to)
{
    char detail[256];
    if (isnan(x->value) && isnan(y->value)) { /* a digest, or nothing in both */
        bool same = strcmp(x->name, "digest") != 0 || strcmp(x->text, y->text) == 0;
        c->equal += same;
        c->digests += !same;
        snprintf(detail, sizeof detail, ": %.40s -> %.40s", x->text, y->text);
        if (!same)
            say(to, "differs", x, detail);
        return;
    }
    double off = fabs(y->value - x->value), base = fabs(x->value);
    if (strcmp(x->text, y->text) == 0 || off <= 0.0) {
        c->equal++;
        return;
    }
    if (off <= tolerance_of(t, x) * base) {
        c->within++;
        return;
    }
    c->differ++;
    if (base > 0)
        snprintf(detail, sizeof detail, ": %s -> %s %s (%+.3g %%)", x->text, y->text, y->unit,
                 100 * (y->value / x->value - 1));
    else
        snprintf(detail, sizeof detail, ": %s -> %s %s", x->text, y->text, y->unit);
    say(to, "differs", x, detail);
}

struct comparison reference_compare(const struct reference *ours, const struct reference *theirs,
                                    const struct tolerance_list *t, FILE *to)
{
    struct comparison c = { 0 };
    for (size_t i = 0; i < ours->count; i++) {
        const struct reference_row *x = &ours->rows[i], *y = same_row(theirs, x, i);
        if (t->no_digest && strcmp(x->name, "digest") == 0)
            continue;
        if (y != NULL) {
            compare_row(x, y, t, &c, to);
        } else {
            c.missing++;
            say(to, "missing", x, " is not there any more");
        }
    }
    for (size_t i = 0; i < theirs->count; i++) {
        if (same_row(ours, &theirs->rows[i], i) == NULL) {
            c.extra++;
            say(to, "new", &theirs->rows[i], " was not there before");
        }
    }
    return c;
}

bool comparison_clean(const struct comparison *c)
{
    return c->differ == 0 && c->missing == 0 && c->extra == 0 && c->digests == 0;
}

void reference_take_tolerances(struct reference *r, const struct reference *from)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct reference_row *x = same_row(from, &r->rows[i], i);
        if (x != NULL)
            r->rows[i].tolerance = x->tolerance;
    }
}
