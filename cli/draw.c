/* draw.c: what is drawn of a dataset: curves, axes, labels. */
#include "cli/draw.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/judge.h"
#include "sim/base/units.h"
#include "sim/measure.h"

struct draw_series *drawing_add(struct drawing *g, const char *label, bool published, size_t colour)
{
    g->series = base_realloc(g->series, (g->count + 1) * sizeof *g->series);
    struct draw_series *s = &g->series[g->count++];
    *s = (struct draw_series){ .label = base_strdup(label),
                               .published = published,
                               .colour = colour,
                               .panel = DRAW_EVERY_PANEL };
    return s;
}

void draw_series_add(struct draw_series *s, double x, double y, double half_width)
{
    size_t n = s->count + 1;
    s->x = base_realloc(s->x, n * sizeof *s->x);
    s->y = base_realloc(s->y, n * sizeof *s->y);
    s->half_width = base_realloc(s->half_width, n * sizeof *s->half_width);
    s->x[s->count] = x;
    s->y[s->count] = y;
    s->half_width[s->count] = half_width;
    s->marked = base_realloc(s->marked, n * sizeof *s->marked);
    s->marked[s->count] = 0;
    s->count = n;
}

void draw_series_mark(struct draw_series *s)
{
    s->marked[s->count - 1] = 1;
}

void drawing_fini(struct drawing *g)
{
    for (size_t i = 0; i < g->count; i++) {
        free(g->series[i].label);
        free(g->series[i].x);
        free(g->series[i].y);
        free(g->series[i].half_width);
        free(g->series[i].marked);
    }
    for (size_t i = 0; i < g->category_count; i++)
        free(g->categories[i]);
    for (size_t i = 0; i < g->panel_count; i++)
        free(g->panels[i]);
    free(g->series);
    free(g->categories);
    free(g->panels);
    free(g->title);
    free(g->x_label);
    free(g->y_label);
    free(g->key_title);
    free(g->x_unit);
    free(g->y_unit);
    *g = (struct drawing){ 0 };
}

/* ---- choosing what to draw ---- */

/* How many different values a swept parameter takes; those seen first are counted. */
static size_t value_count(const struct dataset *d, const char *path)
{
    const char *seen[64];
    size_t count = 0;
    for (size_t i = 0; i < d->case_count && count < ARRAY_LEN(seen); i++) {
        const struct data_param *p = data_param_find(&d->cases[i], path);
        size_t k = 0;
        while (p != NULL && k < count && strcmp(seen[k], p->value) != 0)
            k++;
        if (p != NULL && k == count)
            seen[count++] = p->value;
    }
    return count;
}

/* The number with the most values, else the first name with several. */
static const char *default_x(const struct dataset *d, struct err *e)
{
    const struct data_case *c = d->case_count > 0 ? &d->cases[0] : NULL;
    const char *named = NULL, *best = NULL;
    size_t most = 1;
    for (size_t i = 0; c != NULL && i < c->param_count; i++) {
        size_t n = value_count(d, c->params[i].path);
        if (n > most && isfinite(c->params[i].number)) {
            best = c->params[i].path;
            most = n;
        } else if (n > 1 && named == NULL) {
            named = c->params[i].path;
        }
    }
    if (best != NULL || named != NULL)
        return best != NULL ? best : named;
    err_set(e, "nothing is swept in '%s': there is no x axis to draw over", d->name);
    return NULL;
}

/* What the configuration names, else the first column, else anything. */
static const char *default_y(const struct dataset *d, struct err *e)
{
    static const unsigned wanted[] = { SIM_MEASURE_CHOSEN, SIM_MEASURE_DEFAULT_COLUMN, ~0U };
    for (size_t w = 0; w < ARRAY_LEN(wanted); w++)
        for (size_t i = 0; i < d->point_count; i++)
            for (size_t k = 0; d->points[i].good && k < d->points[i].scalar_count; k++)
                if ((d->points[i].scalars[k].flags & wanted[w]) || wanted[w] == ~0U)
                    return d->points[i].scalars[k].name;
    err_set(e, "'%s' has no finished point: there is nothing to draw", d->name);
    return NULL;
}

/* What each swept parameter is for. */
struct choice {
    const struct dataset *d;
    const struct draw_request *q;
    const char *x, *y;
    const char *by; /* NULL: all that is not x, fixed or a panel's */
};

enum role { ROLE_FIXED, ROLE_X, ROLE_CURVE, ROLE_PANEL };

static enum role role_of(const struct choice *ch, const char *path)
{
    if (strcmp(path, ch->x) == 0)
        return ROLE_X;
    if (ch->by != NULL && strcmp(path, ch->by) == 0)
        return ROLE_CURVE;
    if (value_count(ch->d, path) < 2 ||
        (ch->q->where != NULL && val_get(ch->q->where, path) != NULL))
        return ROLE_FIXED;
    return ch->by == NULL ? ROLE_CURVE : ROLE_PANEL;
}

static const char *last_word(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL ? dot + 1 : path;
}

/* "stripe_unit" -> "stripe unit"; "latency.mean" -> "latency mean". */
static char *words_of(const char *name)
{
    char *words = base_strdup(name);
    for (char *p = words; *p != '\0'; p++) {
        if (*p == '_' || *p == '.')
            *p = ' ';
    }
    return words;
}

/* "r1.2", or "unit = 64KiB, nodes = 4": several parameters tell curves apart, or panels. */
static char *label_of(const struct choice *ch, const struct data_case *c, enum role role)
{
    size_t n = role == ROLE_PANEL;
    for (size_t i = 0; i < c->param_count; i++)
        n += role_of(ch, c->params[i].path) == role;
    char *label = base_strdup("");
    for (size_t i = 0; i < c->param_count; i++) {
        const struct data_param *p = &c->params[i];
        if (role_of(ch, p->path) != role)
            continue;
        char *longer = n == 1 ? base_strdup(p->value)
                              : base_printf("%s%s%s = %s", label, label[0] ? ", " : "",
                                            last_word(p->path), p->value);
        free(label);
        label = longer;
    }
    return label;
}

static char *key_title(const struct choice *ch)
{
    const struct data_case *c = &ch->d->cases[0];
    const char *only = NULL;
    for (size_t i = 0; i < c->param_count; i++) {
        if (role_of(ch, c->params[i].path) != ROLE_CURVE)
            continue;
        if (only != NULL)
            return base_strdup("");
        only = c->params[i].path;
    }
    return only != NULL ? words_of(last_word(only)) : base_strdup("");
}

/* Up to as many curves as the eye keeps apart share one drawing.  Of more, the parameter that takes
 * the most values up to that tells curves apart, and the others make panels. */
static const char *default_by(const struct choice *ch)
{
    enum { EASY = 8 };
    const struct data_case *c = &ch->d->cases[0];
    size_t curves = 1, best_count = 0;
    const char *best = NULL;
    for (size_t i = 0; i < c->param_count; i++) {
        if (role_of(ch, c->params[i].path) != ROLE_CURVE)
            continue;
        size_t n = value_count(ch->d, c->params[i].path);
        curves *= n;
        if (best == NULL || (n <= EASY ? best_count > EASY || n > best_count : n < best_count)) {
            best = c->params[i].path;
            best_count = n;
        }
    }
    return curves > EASY ? best : NULL;
}

/* "pfs.mode (6 values), workload.nodes (4 values)": what --where can fix. */
static bool too_many(const struct choice *ch, size_t n, const char *what, struct err *e)
{
    const struct data_case *c = &ch->d->cases[0];
    char *names = base_strdup("");
    for (size_t i = 0; i < c->param_count; i++) {
        enum role r = role_of(ch, c->params[i].path);
        if (r != ROLE_CURVE && r != ROLE_PANEL)
            continue;
        char *more = base_printf("%s%s%s (%zu values)", names, names[0] ? ", " : "",
                                 c->params[i].path, value_count(ch->d, c->params[i].path));
        free(names);
        names = more;
    }
    err_set(e, "%zu %s cannot be told apart: --where PATH=VALUE keeps one value of %s", n, what,
            names);
    free(names);
    return false;
}

/* The unit that a value is written in. */
static const char *unit_of_text(const char *text)
{
    int64_t n;
    sim_time t;
    char *end;
    strtod(text, &end);
    if (end != text && *end == '\0')
        return "1";
    if (units_parse_time(text, &t, NULL))
        return "s";
    if (units_parse_size(text, &n, NULL))
        return "B";
    return units_parse_rate(text, &n, NULL) ? "B/s" : "1";
}

/* x of a case: its number, or the index of its name among the categories. */
static double x_of(struct drawing *g, const struct data_param *p)
{
    if (g->categories == NULL && isfinite(p->number)) {
        if (strcmp(g->x_unit, "1") == 0) {
            free(g->x_unit);
            g->x_unit = base_strdup(unit_of_text(p->value));
        }
        return p->number;
    }
    for (size_t i = 0; i < g->category_count; i++) {
        ASSERT(g->categories != NULL);
        if (strcmp(g->categories[i], p->value) == 0)
            return (double)i;
    }
    g->categories = base_realloc(g->categories, (g->category_count + 1) * sizeof *g->categories);
    g->categories[g->category_count++] = base_strdup(p->value);
    return (double)(g->category_count - 1);
}

static size_t panel_named(struct drawing *g, char *title)
{
    size_t i = 0;
    while (i < g->panel_count && strcmp(g->panels[i], title) != 0)
        i++;
    if (i < g->panel_count) {
        free(title);
        return i;
    }
    g->panels = base_realloc(g->panels, (i + 1) * sizeof *g->panels);
    g->panels[g->panel_count++] = title;
    return i;
}

/* The same curve has the same colour in every panel; *colours counts them. */
static struct draw_series *series_named(struct drawing *g, const char *label, size_t panel,
                                        size_t *colours)
{
    size_t colour = *colours;
    for (size_t i = 0; i < g->count; i++) {
        if (strcmp(g->series[i].label, label) != 0)
            continue;
        if (g->series[i].panel == panel)
            return &g->series[i];
        colour = g->series[i].colour;
    }
    *colours += colour == *colours;
    struct draw_series *s = drawing_add(g, label, false, colour);
    s->panel = panel;
    return s;
}

static void sort_series(struct draw_series *s)
{
    for (size_t i = 1; i < s->count; i++) {
        for (size_t k = i; k > 0 && s->x[k] < s->x[k - 1]; k--) {
            double *columns[] = { s->x, s->y, s->half_width, s->marked };
            for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
                double t = columns[c][k];
                columns[c][k] = columns[c][k - 1];
                columns[c][k - 1] = t;
            }
        }
    }
}

/* False with a sentence when one curve has two points at one x. */
static bool check_series(const struct drawing *g, const char *x, struct err *e)
{
    for (size_t i = 0; i < g->count; i++) {
        sort_series(&g->series[i]);
        for (size_t k = 1; k < g->series[i].count; k++) {
            if (g->series[i].x[k] <= g->series[i].x[k - 1])
                return err_set(e,
                               "several cases share one %s on the curve '%s': --by or --where must "
                               "tell them apart",
                               x, g->series[i].label);
        }
    }
    return true;
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

/* The case that differs from c by the values in `over` alone; NULL: there is none. */
static const struct data_case *other_case(const struct dataset *d, const struct data_case *c,
                                          const struct val *over)
{
    for (size_t i = 0; i < d->case_count; i++) {
        const struct data_case *o = &d->cases[i];
        bool same = case_matches(o, over);
        for (size_t k = 0; same && k < c->param_count; k++) {
            const struct data_param *p = data_param_find(o, c->params[k].path);
            same = val_get(over, c->params[k].path) != NULL ||
                   (p != NULL && data_same(p->value, c->params[k].value));
        }
        if (same)
            return o;
    }
    return NULL;
}

/* What is drawn of a case; false: it has no such value. */
static bool value_to_draw(const struct dataset *d, const struct data_case *c, const char *y,
                          const struct val *over, struct data_value *v)
{
    struct data_value b;
    if (!dataset_value(d, c, y, v))
        return false;
    if (over == NULL)
        return true;
    const struct data_case *o = other_case(d, c, over);
    if (o == NULL || !dataset_value(d, o, y, &b) || v->mean == 0)
        return false;
    double ratio = b.mean / v->mean;
    v->half_width = ratio * hypot(v->half_width / v->mean, b.half_width / b.mean);
    v->mean = ratio;
    v->unit = "1";
    return true;
}

static bool has_panels(const struct choice *ch)
{
    const struct data_case *c = &ch->d->cases[0];
    for (size_t i = 0; i < c->param_count; i++) {
        if (role_of(ch, c->params[i].path) == ROLE_PANEL)
            return true;
    }
    return false;
}

static bool fill(struct drawing *g, const struct choice *ch, struct err *e)
{
    const struct dataset *d = ch->d;
    bool any = false, panels = has_panels(ch);
    size_t colours = 0;
    for (size_t i = 0; i < d->case_count; i++) {
        const struct data_case *c = &d->cases[i];
        const struct data_param *p = data_param_find(c, ch->x);
        struct data_value v;
        if (p == NULL || !case_matches(c, ch->q->where))
            continue;
        any = true;
        if (!value_to_draw(d, c, ch->y, ch->q->over, &v))
            continue;
        if (g->count == 0) {
            free(g->y_unit);
            g->y_unit = base_strdup(v.unit);
            if (!isfinite(p->number)) /* the first value decides what the axis is */
                g->categories = base_zalloc(1, sizeof *g->categories);
        }
        double at = x_of(g, p);
        char *label = label_of(ch, c, ROLE_CURVE);
        size_t panel = panels ? panel_named(g, label_of(ch, c, ROLE_PANEL)) : DRAW_EVERY_PANEL;
        struct draw_series *s = series_named(g, label, panel, &colours);
        draw_series_add(s, at, v.mean, v.half_width);
        if (dataset_mark(d, c) != SIM_WHY_GOOD)
            draw_series_mark(s);
        free(label);
    }
    if (!any)
        return err_set(e, "no case of the sweep matches what is to be drawn");
    if (g->count == 0)
        return unknown("finished point with the scalar", ch->y, dataset_scalar_names(d), e);
    if (colours > DRAW_COLOURS)
        return too_many(ch, colours, "curves", e);
    if (g->panel_count > DRAW_COLOURS)
        return too_many(ch, g->panel_count, "panels", e);
    return check_series(g, ch->x, e);
}

bool drawing_make(struct drawing *g, const struct dataset *d, const struct draw_request *q,
                  struct err *e)
{
    *g = (struct drawing){ .x_unit = base_strdup("1"), .y_unit = base_strdup("1") };
    struct choice ch = { .d = d, .q = q, .x = q->x != NULL ? q->x : default_x(d, e), .by = q->by };
    ch.y = ch.x != NULL && q->y == NULL ? default_y(d, e) : q->y;
    bool ok = ch.x != NULL && ch.y != NULL;
    if (ok && value_count(d, ch.x) == 0)
        ok = unknown("swept parameter", ch.x, dataset_param_paths(d), e);
    if (ok && q->by != NULL && value_count(d, q->by) == 0)
        ok = unknown("swept parameter", q->by, dataset_param_paths(d), e);
    if (ok && q->by != NULL && strcmp(q->by, ch.x) == 0)
        ok = err_set(e, "'%s' is the x axis: --by names another swept parameter", ch.x);
    if (ok && ch.by == NULL)
        ch.by = default_by(&ch);
    ok = ok && fill(g, &ch, e);
    if (!ok) {
        drawing_fini(g);
        return false;
    }
    const char *log_axes = q->log != NULL ? q->log : "";
    g->log_x = strchr(log_axes, 'x') != NULL && g->categories == NULL;
    g->log_y = strchr(log_axes, 'y') != NULL;
    g->title = base_strdup(q->title != NULL ? q->title : d->title);
    g->x_label = q->x_label != NULL ? base_strdup(q->x_label) : words_of(last_word(ch.x));
    g->y_label = q->y_label != NULL ? base_strdup(q->y_label) : words_of(ch.y);
    g->key_title = key_title(&ch);
    return true;
}

bool draw_make_folder(const char *path, struct err *e)
{
    char *copy = base_strdup(path);
    for (char *p = copy + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            err_set(e, "the folder '%s' cannot be made: %s", copy, strerror(errno));
            free(copy);
            return false;
        }
        *p = '/';
    }
    free(copy);
    return true;
}
