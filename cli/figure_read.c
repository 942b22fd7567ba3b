/* figure_read.c: reads the figure table of a configuration. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/figure.h"
#include "cli/store.h"
#include "cli/value.h"

static const char *const members[] = { "x",       "y",         "by",           "where",
                                       "over",    "log",       "title",        "x_label",
                                       "y_label", "published", "expectations", NULL };
static const char *const series_members[] = {
    "name", "of", "points", "citation", "confidence", NULL
};

static bool check_names(const struct val *t, const char *const *known, const char *what,
                        struct err *e)
{
    char where[256];
    for (size_t i = 0; i < t->count; i++) {
        bool found = false;
        for (size_t k = 0; known[k] != NULL; k++)
            found |= strcmp(known[k], t->items[i]->key) == 0;
        if (found || e->set)
            continue;
        err_set(e, "%s%s has no '%s'", val_where(t->items[i], where, sizeof where), what,
                t->items[i]->key);
        err_nearest(e, t->items[i]->key, known);
    }
    return !e->set;
}

static bool is_text(const struct val *t, const char *name)
{
    const struct val *v = val_get(t, name);
    return v != NULL && v->type == VAL_STRING;
}

static const char *text(const struct val *t, const char *name)
{
    return is_text(t, name) ? val_get(t, name)->u.s : NULL;
}

static double number(const struct val *v)
{
    return v->type == VAL_INT      ? (double)v->u.i
           : v->type == VAL_REAL   ? v->u.r
           : v->type == VAL_STRING ? data_number(v->u.s)
                                   : NAN;
}

static bool check_points(const struct val *points, struct err *e)
{
    char where[256];
    for (size_t i = 0; i < points->count; i++) {
        const struct val *p = points->items[i];
        bool pair = p->type == VAL_LIST && p->count == 2;
        if (!pair || isnan(number(p->items[1])) ||
            (isnan(number(p->items[0])) && p->items[0]->type != VAL_STRING))
            return err_set(e, "%sa published point must be { x, y }, like { \"64KiB\", \"42us\" }",
                           val_where(p, where, sizeof where));
    }
    return true;
}

static bool check_series(const struct val *s, struct err *e)
{
    static const char *const confidences[] = { "high", "medium", "low", NULL };
    char where[256];
    if (s->type != VAL_TABLE)
        return err_set(e, "%spublished must be a list of { name = ..., points = ... }",
                       val_where(s, where, sizeof where));
    const struct val *points = val_get(s, "points"), *c = val_get(s, "confidence");
    if (!check_names(s, series_members, "a published series", e))
        return false;
    if (!is_text(s, "name") || !is_text(s, "citation"))
        return err_set(e, "%sa published series needs a name and a citation",
                       val_where(s, where, sizeof where));
    if (points == NULL || points->type != VAL_LIST || points->count == 0)
        return err_set(e, "%sthe published series '%s' has no points",
                       val_where(s, where, sizeof where), text(s, "name"));
    for (size_t i = 0; c != NULL && c->type == VAL_STRING && confidences[i] != NULL; i++) {
        if (strcmp(confidences[i], c->u.s) == 0)
            return check_points(points, e);
    }
    return err_set(e, "%sthe confidence of '%s' must be 'high', 'medium' or 'low'",
                   val_where(c != NULL ? c : s, where, sizeof where), text(s, "name"));
}

bool figure_check(const struct val *figure, struct err *e)
{
    char where[256];
    if (!check_names(figure, members, "a figure", e))
        return false;
    if (!is_text(figure, "x") || !is_text(figure, "y"))
        return err_set(e, "%sa figure needs x, a swept parameter, and y, a measure",
                       val_where(figure, where, sizeof where));
    const struct val *w = val_get(figure, "where"), *l = val_get(figure, "log"),
                     *published = val_get(figure, "published");
    const struct val *over = val_get(figure, "over");
    if (over != NULL && over->type != VAL_TABLE)
        return err_set(e, "%s'over' of a figure must be a table of swept values",
                       val_where(over, where, sizeof where));
    if (w != NULL && w->type != VAL_TABLE)
        return err_set(e, "%s'where' of a figure must be a table of swept values",
                       val_where(w, where, sizeof where));
    if (l != NULL &&
        (l->type != VAL_STRING ||
         (strcmp(l->u.s, "x") != 0 && strcmp(l->u.s, "y") != 0 && strcmp(l->u.s, "xy") != 0)))
        return err_set(e, "%s'log' of a figure must be 'x', 'y' or 'xy'",
                       val_where(l, where, sizeof where));
    for (size_t i = 0; published != NULL && i < published->count; i++) {
        if (!check_series(published->items[i], e))
            return false;
    }
    return true;
}

struct draw_request figure_request(const struct val *figure)
{
    const char *log_axes = text(figure, "log");
    return (struct draw_request){ .x = text(figure, "x"),
                                  .y = text(figure, "y"),
                                  .by = text(figure, "by"),
                                  .where = val_get(figure, "where"),
                                  .over = val_get(figure, "over"),
                                  .log = log_axes != NULL ? log_axes : "",
                                  .title = text(figure, "title"),
                                  .x_label = text(figure, "x_label"),
                                  .y_label = text(figure, "y_label") };
}

/* The colour of the curve whose label is `of` (or the only curve), else a new one. */
static size_t colour_for(const struct drawing *g, const struct val *of)
{
    size_t next = 0, curves = 0;
    for (size_t i = 0; i < g->count; i++) {
        next = g->series[i].colour >= next ? g->series[i].colour + 1 : next;
        curves += !g->series[i].published;
        if (of != NULL && of->type == VAL_STRING && !g->series[i].published &&
            data_same(g->series[i].label, of->u.s))
            return g->series[i].colour;
    }
    return of == NULL && curves == 1 ? g->series[0].colour : next;
}

static double place_of(const struct drawing *g, const struct val *x)
{
    for (size_t i = 0; x->type == VAL_STRING && i < g->category_count; i++) {
        if (strcmp(g->categories[i], x->u.s) == 0)
            return (double)i;
    }
    return g->category_count > 0 ? NAN : number(x);
}

static struct draw_series *published_series(struct drawing *g, const char *name, bool low,
                                            const struct val *of)
{
    char *label = base_printf("%s%s", name, low ? " (low confidence)" : "");
    struct draw_series *s = NULL;
    for (size_t i = 0; i < g->count && s == NULL; i++) {
        if (g->series[i].published && strcmp(g->series[i].label, label) == 0)
            s = &g->series[i];
    }
    if (s == NULL)
        s = drawing_add(g, label, true, colour_for(g, of));
    free(label);
    return s;
}

static bool is_low(const struct val *t)
{
    const char *confidence = text(t, "confidence");
    return confidence != NULL && strcmp(confidence, "low") == 0;
}

static bool same(const struct val *a, const struct val *b)
{
    char *s = value_text(a), *t = value_text(b);
    bool yes = data_same(s, t);
    free(s);
    free(t);
    return yes;
}

/* A value with a citation that is expected of the figure's y is a published point as well. */
static void add_cited(struct drawing *g, const struct val *figure, const struct val *x)
{
    const char *kind = text(x, "kind"), *measure = text(x, "measure"), *by = text(figure, "by");
    const struct val *at = val_get(x, "at"), *equals = val_get(x, "equals"),
                     *where = val_get(figure, "where");
    if (kind == NULL || strcmp(kind, "value") != 0 || equals == NULL || at == NULL ||
        at->type != VAL_TABLE || text(x, "citation") == NULL ||
        strncmp(text(x, "citation"), "derived", 7) == 0 ||
        (measure != NULL && strcmp(measure, text(figure, "y")) != 0))
        return;
    const struct val *place = val_get(at, text(figure, "x")), *of = by ? val_get(at, by) : NULL;
    for (size_t i = 0; where != NULL && i < where->count; i++) {
        const struct val *v = val_get(at, where->items[i]->key);
        if (v != NULL && !same(v, where->items[i]))
            return; /* of a case that is not drawn */
    }
    if (place == NULL || (by != NULL && of == NULL))
        return;
    char *curve = of != NULL ? value_text(of) : base_strdup("");
    char *name = base_printf("%s%spublished", curve, curve[0] ? ", " : "");
    struct val *word = of != NULL ? val_new_string(curve, NULL, 0) : NULL;
    draw_series_add(published_series(g, name, is_low(x), word), place_of(g, place), number(equals),
                    NAN);
    val_free(word);
    free(name);
    free(curve);
}

void figure_add_published(struct drawing *g, const struct val *figure, const struct val *plain)
{
    const struct val *published = val_get(figure, "published");
    for (size_t i = 0; published != NULL && i < published->count; i++) {
        const struct val *s = published->items[i], *points = val_get(s, "points");
        struct draw_series *out = published_series(g, text(s, "name"), is_low(s), val_get(s, "of"));
        for (size_t k = 0; k < points->count; k++)
            draw_series_add(out, place_of(g, points->items[k]->items[0]),
                            number(points->items[k]->items[1]), NAN);
    }
    struct val *expected = figure_expectations(figure, plain);
    for (size_t i = 0; published == NULL && val_get(figure, "over") == NULL && i < expected->count;
         i++)
        add_cited(g, figure, expected->items[i]);
    val_free(expected);
}

static void append_kinds(struct val *list, const struct val *from)
{
    for (size_t i = 0; from != NULL && i < from->count; i++) {
        if (val_get(from->items[i], "kind") != NULL)
            val_append(list, val_copy(from->items[i]));
    }
}

struct val *figure_expectations(const struct val *figure, const struct val *plain)
{
    struct val *list = val_new(VAL_LIST, NULL, 0);
    append_kinds(list, plain);
    append_kinds(list, val_get(figure, "expectations"));
    return list;
}

/* ---- the table of verdicts ---- */

static const char *word(const struct verdict *v)
{
    switch (v->kind) {
    case VERDICT_HOLDS:
        return v->calibrated               ? "holds (calibrated)"
               : v->basis == BASIS_GUARD   ? "unchanged (guard)"
               : v->basis == BASIS_DERIVED ? "holds (derived)"
                                           : "holds";
    case VERDICT_FAILS:
        return v->basis == BASIS_GUARD ? "CHANGED (guard)" : "FAILS";
    case VERDICT_NOTED:
        break;
    }
    if (v->missed && !v->holds)
        return "known miss";
    return v->holds ? "noted: holds" : "noted: does not hold";
}

static size_t longer(size_t n, const char *s)
{
    return strlen(s) > n ? strlen(s) : n;
}

void figure_print_verdicts(const struct verdicts *v, FILE *to)
{
    size_t w[3] = { strlen("verdict"), strlen("expectation"), strlen("ours") };
    for (size_t i = 0; i < v->count; i++) {
        w[0] = longer(w[0], word(&v->list[i]));
        w[1] = longer(w[1], v->list[i].name);
        w[2] = longer(w[2], v->list[i].ours);
    }
    if (v->count == 0)
        return;
    fprintf(to, "%-*s  %-*s  %-*s  %s\n", (int)w[0], "verdict", (int)w[1], "expectation", (int)w[2],
            "ours", "expected");
    for (size_t i = 0; i < v->count; i++) {
        const struct verdict *x = &v->list[i];
        clean_print(to, "%-*s  %-*s  %-*s  %s\n", (int)w[0], word(x), (int)w[1], x->name, (int)w[2],
                    x->ours, x->expected);
    }
}
