/* expect.c: judging results against what a configuration expects. */
#include "cli/expect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/judge.h"
#include "cli/store.h"
#include "cli/table.h"
#include "cli/value.h"

static const char *const known[] = { "measure",    "at",         "equals", "equals_measure",
                                     "within",     "min",        "max",    "slack",
                                     "rises_with", "falls_with", "doc",    "citation",
                                     NULL };

static bool is_text(const char *key)
{
    return strcmp(key, "measure") == 0 || strcmp(key, "equals_measure") == 0 ||
           strcmp(key, "rises_with") == 0 || strcmp(key, "falls_with") == 0 ||
           strcmp(key, "doc") == 0 || strcmp(key, "citation") == 0;
}

static bool check_member(const struct val *v, struct err *e)
{
    char where[512];
    bool found = false;
    for (size_t i = 0; known[i]; i++)
        found |= strcmp(known[i], v->key) == 0;
    val_where(v, where, sizeof where);
    if (!found) {
        err_set(e, "%san expectation has no '%s'", where, v->key);
        err_nearest(e, v->key, known);
        return false;
    }
    if (is_text(v->key) && v->type != VAL_STRING)
        return err_set(e, "%s%s of an expectation must be text in quotes", where, v->key);
    if (strcmp(v->key, "at") == 0 && v->type != VAL_TABLE)
        return err_set(e, "%sat of an expectation must be a table of path = value", where);
    bool number = !is_text(v->key) && strcmp(v->key, "at") != 0;
    if (number && isnan(value_number(v)))
        return err_set(e, "%s%s of an expectation must be a number or text with a unit", where,
                       v->key);
    return true;
}

/* A list of one, for calls that take lists; borrows x. */
static struct val list_of_one(struct val *const *x)
{
    union {
        struct val *const *in;
        struct val **out;
    } items = { .in = x };
    return (struct val){ .type = VAL_LIST, .items = items.out, .count = 1 };
}

/* Judging without any results finds what is badly written. */
static bool check_kind(struct val *x, struct err *e)
{
    struct dataset nothing = { 0 };
    struct judge_axes axes = { 0 };
    struct verdicts v;
    struct val list = list_of_one(&x);
    if (!judge(&nothing, &axes, &list, &v, e))
        return false;
    verdicts_fini(&v);
    return true;
}

static bool check_one(struct val *x, struct err *e)
{
    static const char *const judges[] = { "equals", "equals_measure", "min",
                                          "max",    "rises_with",     "falls_with" };
    char where[512];
    bool judged = false;
    val_where(x, where, sizeof where);
    if (x->type != VAL_TABLE)
        return err_set(e, "%san expectation is a table { measure = ..., ... }", where);
    if (val_get(x, "kind"))
        return check_kind(x, e);
    for (size_t i = 0; i < x->count; i++)
        if (!check_member(x->items[i], e))
            return false;
    if (!val_get(x, "measure"))
        return err_set(e, "%san expectation names its measure", where);
    for (size_t i = 0; i < ARRAY_LEN(judges); i++)
        judged |= val_get(x, judges[i]) != NULL;
    if (!judged)
        return err_set(e,
                       "%san expectation says equals, equals_measure, min, max, rises_with or "
                       "falls_with",
                       where);
    return true;
}

bool expect_check(const struct val *expectations, struct err *e)
{
    char where[512];
    if (!expectations || expectations->count == 0)
        return true;
    if (expectations->type != VAL_LIST)
        return err_set(e, "%sexpectations is a list of tables",
                       val_where(expectations, where, sizeof where));
    for (size_t i = 0; i < expectations->count; i++)
        if (!check_one(expectations->items[i], e))
            return false;
    return true;
}

/* ---- judging ---- */

static bool same_value(const struct val *a, const struct val *b)
{
    double x = value_number(a), y = value_number(b);
    if (!isnan(x) && !isnan(y))
        return !(x < y) && !(x > y);
    char *s = value_text(a), *t = value_text(b);
    bool same = strcmp(s, t) == 0;
    free(s);
    free(t);
    return same;
}

/* The value that a combination has at a path: swept, or of its table. */
static const struct val *value_at(const struct config_case *c, const char *path)
{
    for (size_t i = 0; i < c->sweep->count; i++)
        if (strcmp(c->sweep->items[i]->key, path) == 0)
            return c->sweep->items[i];
    return val_path(c->root, path);
}

bool expect_at(const struct val *at, const struct config_case *c)
{
    if (!config_case_used(c))
        return false;
    for (size_t i = 0; at && i < at->count; i++) {
        const struct val *v = value_at(c, at->items[i]->key);
        if (!v || !same_value(v, at->items[i]))
            return false;
    }
    return true;
}

struct judge {
    const struct config *c;
    const struct campaign *r;
    const struct val *x;
    const char *measure;
    struct expect_verdict out;
};

static double number_of(const struct val *x, const char *key, double otherwise)
{
    const struct val *v = val_get(x, key);
    return v ? value_number(v) : otherwise;
}

static const char *text_of(const struct val *x, const char *key)
{
    const struct val *v = val_get(x, key);
    return v ? v->u.s : NULL;
}

static void fail(struct judge *j, char *text)
{
    if (j->out.ok) {
        j->out.ok = false;
        free(j->out.text);
        j->out.text = text;
    } else {
        free(text); /* the first failure is told */
    }
}

/* "load = 0.5, size = 64KiB" for sentences; "" without a sweep. */
static char *case_name(const struct config_case *c)
{
    char *out = base_strdup("");
    for (size_t i = 0; i < c->sweep->count; i++) {
        char *value = value_text(c->sweep->items[i]);
        char *more =
            base_printf("%s%s%s = %s", out, i ? ", " : " at ", c->sweep->items[i]->key, value);
        free(out);
        free(value);
        out = more;
    }
    return out;
}

static void judge_bounds(struct judge *j, size_t case_idx, const struct campaign_value *v)
{
    char got[64], want[64];
    double within = number_of(j->x, "within", 0);
    double min = number_of(j->x, "min", -INFINITY), max = number_of(j->x, "max", INFINITY);
    const char *other = text_of(j->x, "equals_measure");
    double equals = number_of(j->x, "equals", NAN);
    struct campaign_value o;
    char *where = case_name(&j->c->cases[case_idx]);
    table_value(v->mean, v->unit, got, sizeof got);
    if (other && !campaign_value(j->r, j->c, case_idx, other, &o))
        fail(j, base_printf("%s: no point has the measure '%s'", j->measure, other));
    else if (other)
        equals = o.mean;
    if (!isnan(equals) && !(fabs(v->mean - equals) <= within * fabs(equals))) {
        table_value(equals, v->unit, want, sizeof want);
        fail(j,
             base_printf("%s%s is %s, expected %s within %g %% (it is off by %+.3g %%)", j->measure,
                         where, got, want, within * 100, (v->mean / equals - 1) * 100));
    }
    if (!(v->mean >= min)) {
        table_value(min, v->unit, want, sizeof want);
        fail(j, base_printf("%s%s is %s, expected at least %s", j->measure, where, got, want));
    }
    if (!(v->mean <= max)) {
        table_value(max, v->unit, want, sizeof want);
        fail(j, base_printf("%s%s is %s, expected at most %s", j->measure, where, got, want));
    }
    free(where);
}

/* Do two combinations differ in `path` alone? */
static bool neighbours(const struct config_case *a, const struct config_case *b, const char *path)
{
    if (a->sweep->count != b->sweep->count) /* a value tried, and the answer of a bisection */
        return false;
    for (size_t i = 0; i < a->sweep->count; i++)
        if (strcmp(a->sweep->items[i]->key, path) != 0 &&
            !same_value(a->sweep->items[i], b->sweep->items[i]))
            return false;
    return true;
}

/* Along `path` the measure goes up (sign 1) or down (-1) from each value to the next larger. */
static void judge_trend(struct judge *j, const char *path, double sign)
{
    double slack = number_of(j->x, "slack", 0);
    const struct val *at = val_get(j->x, "at");
    size_t pairs = 0;
    for (size_t a = 0; a < j->c->case_count; a++) {
        const struct config_case *ca = &j->c->cases[a];
        const struct val *va = config_case_used(ca) ? value_at(ca, path) : NULL;
        size_t next = SIZE_MAX;
        double next_value = INFINITY;
        for (size_t b = 0; va && b < j->c->case_count; b++) {
            if (!config_case_used(&j->c->cases[b]))
                continue;
            double x = value_number(value_at(&j->c->cases[b], path));
            if (x > value_number(va) && x < next_value && neighbours(ca, &j->c->cases[b], path)) {
                next = b;
                next_value = x;
            }
        }
        struct campaign_value here, there;
        if (next == SIZE_MAX || !expect_at(at, ca) ||
            !campaign_value(j->r, j->c, a, j->measure, &here) ||
            !campaign_value(j->r, j->c, next, j->measure, &there))
            continue;
        pairs++;
        if (sign * (there.mean - here.mean) < -slack * fabs(here.mean)) {
            char from[64], to[64], *wa = case_name(ca), *wb = case_name(&j->c->cases[next]);
            table_value(here.mean, here.unit, from, sizeof from);
            table_value(there.mean, there.unit, to, sizeof to);
            fail(j, base_printf("%s should %s with %s but goes from %s%s to %s%s", j->measure,
                                sign > 0 ? "rise" : "fall", path, from, wa, to, wb));
            free(wa);
            free(wb);
        }
    }
    if (pairs == 0)
        fail(j, base_printf("%s: no two points to compare along '%s'", j->measure, path));
}

static char *describe(const struct val *x)
{
    char *out = base_strdup("");
    for (size_t i = 0; i < x->count; i++) {
        const char *key = x->items[i]->key;
        if (strcmp(key, "doc") == 0 || strcmp(key, "citation") == 0 ||
            strcmp(key, "measure") == 0 || strcmp(key, "at") == 0)
            continue;
        char *value = value_text(x->items[i]);
        char *more = base_printf("%s %s %s", out, key, value);
        free(out);
        free(value);
        out = more;
    }
    char *full = base_printf("%s%s", text_of(x, "measure"), out);
    free(out);
    return full;
}

/* ---- what -p leaves no case of ---- */

static bool typed(const struct config *c, const char *path)
{
    for (size_t i = 0; i < c->typed_count; i++)
        if (strcmp(c->typed[i], path) == 0)
            return true;
    return false;
}

static bool some_case(const struct config *c, const struct val *at)
{
    for (size_t i = 0; i < c->case_count; i++)
        if (expect_at(at, &c->cases[i]))
            return true;
    return false;
}

/* What the table names is nowhere because -p gives one of its paths other values. */
static bool typed_away(const struct config *c, const struct val *at)
{
    if (!at || at->type != VAL_TABLE || some_case(c, at))
        return false;
    for (size_t i = 0; i < at->count; i++) {
        struct val *one = at->items[i];
        struct val alone = { .type = VAL_TABLE, .items = &one, .count = 1 };
        if (typed(c, one->key) && !some_case(c, &alone))
            return true;
    }
    return false;
}

/* How many values the cases have there, at most `enough`. */
static size_t values_at(const struct config *c, const char *path, size_t enough)
{
    size_t n = 0;
    for (size_t i = 0; i < c->case_count && n < enough; i++) {
        const struct val *v = config_case_used(&c->cases[i]) ? value_at(&c->cases[i], path) : NULL;
        bool seen = !v;
        for (size_t k = 0; k < i && !seen; k++) {
            const struct val *w =
                config_case_used(&c->cases[k]) ? value_at(&c->cases[k], path) : NULL;
            seen = w && same_value(v, w);
        }
        n += !seen;
    }
    return n;
}

/* -p gives the axis fewer values than that kind of expectation needs. */
static bool typed_short(const struct config *c, const char *path, size_t need)
{
    return path && typed(c, path) && values_at(c, path, need) < need;
}

bool expect_left_out(const struct config *c, const struct val *figure, const struct val *x)
{
    static const struct {
        const char *kind;
        size_t need;
    } curves[] = {
        { "asymptote", 2 }, { "monotone", 2 }, { "linear", 3 }, { "knee", 4 }, { "published", 2 }
    };
    const struct val *kind = val_get(x, "kind"), *axis = val_get(x, "x");
    if (typed_away(c, val_get(x, "at")) || typed_away(c, val_get(x, "over")) ||
        typed_away(c, val_get(x, "less")) || typed_away(c, val_get(x, "of")))
        return true;
    if (!kind)
        return typed_short(c, text_of(x, "rises_with"), 2) ||
               typed_short(c, text_of(x, "falls_with"), 2);
    axis = axis ? axis : val_get(figure, "x");
    for (size_t i = 0; i < ARRAY_LEN(curves) && axis && axis->type == VAL_STRING; i++)
        if (kind->type == VAL_STRING && strcmp(kind->u.s, curves[i].kind) == 0)
            return typed_short(c, axis->u.s, curves[i].need);
    return false;
}

void expect_tell_left_out(size_t left_out, size_t all)
{
    if (left_out > 0)
        printf("%zu of %zu expectations %s no case in this run: not judged\n", left_out, all,
               left_out == 1 ? "has" : "have");
}

/* ---- the kinds of figures ---- */

/* The campaign's results as the data that figures are judged on. */
static void make_dataset(struct dataset *d, const struct config *c, const struct campaign *r)
{
    *d = (struct dataset){ 0 };
    for (size_t i = 0; i < c->point_count; i++) {
        const struct point_result *x = &r->results[i];
        if (x->status == POINT_UNUSED)
            continue;
        const struct val *sweep = c->points[i].c->sweep;
        struct data_point *p = dataset_add(d);
        p->good = x->status == POINT_OK;
        for (size_t k = 0; k < sweep->count; k++) {
            char *text = value_text(sweep->items[k]);
            dataset_add_param(p, sweep->items[k]->key, text, value_number(sweep->items[k]));
            free(text);
        }
        for (size_t k = 0; k < x->scalar_count; k++)
            dataset_add_scalar(p, x->scalars[k].name, x->scalars[k].unit, x->scalars[k].value,
                               x->scalars[k].half_width, x->scalars[k].flags);
    }
    dataset_group(d);
    size_t of = 0, points = dataset_wants_time(d, judge_axes_of(c->figure).x) ? d->point_count : 0;
    for (size_t i = 0; of < points; i++) {
        const struct point_result *p = &r->results[i];
        if (p->status == POINT_UNUSED)
            continue;
        size_t from = d->point_count;
        for (size_t k = 0; k < p->sample_count; k++)
            dataset_add_sample(d, of, from, p->samples[k].series, p->samples[k].unit,
                               p->samples[k].at, p->samples[k].value);
        of++;
    }
    dataset_group(d);
}

static struct expect_verdict judge_kind(const struct dataset *d, const struct val *figure,
                                        struct val *x)
{
    struct judge_axes axes = judge_axes_of(figure);
    struct verdicts v;
    struct err e = ERR_INIT;
    struct val list = list_of_one(&x);
    struct expect_verdict out = { .ok = false };
    if (!judge(d, &axes, &list, &v, &e)) {
        out.text = base_strdup(e.text);
        return out;
    }
    const struct verdict *first = &v.list[0];
    out.ok = v.failed == 0;
    out.text =
        base_printf("%s is %s, expected %s%s%s", first->name, first->ours, first->expected,
                    first->kind != VERDICT_NOTED ? (first->basis == BASIS_GUARD ? " (guard)" : "")
                    : first->missed              ? " (known miss, not counted)"
                                                 : " (low confidence, not counted)",
                    first->calibrated ? " (calibrated)" : "");
    verdicts_fini(&v);
    return out;
}

static struct expect_verdict judge_one(const struct config *c, const struct campaign *r,
                                       const struct val *x)
{
    struct judge j = { c, r, x, text_of(x, "measure"), { .ok = true, .text = describe(x) } };
    const char *rises = text_of(x, "rises_with"), *falls = text_of(x, "falls_with");
    bool bounds = val_get(x, "equals") || val_get(x, "equals_measure") || val_get(x, "min") ||
                  val_get(x, "max");
    size_t seen = 0;
    enum sim_why why = SIM_WHY_GOOD;
    for (size_t i = 0; bounds && i < c->case_count; i++) {
        struct campaign_value v;
        if (!expect_at(val_get(x, "at"), &c->cases[i]))
            continue;
        if (!campaign_value(r, c, i, j.measure, &v)) {
            why = v.why != SIM_WHY_GOOD ? v.why : why;
            continue;
        }
        seen++;
        judge_bounds(&j, i, &v);
    }
    if (bounds && seen == 0)
        fail(&j, base_printf("%s: no finished point has this measure%s%s%s", j.measure,
                             val_get(x, "at") ? " with these values" : "",
                             why != SIM_WHY_GOOD ? ": " : "",
                             why != SIM_WHY_GOOD ? sim_why_text(why) : ""));
    if (rises)
        judge_trend(&j, rises, 1);
    if (falls)
        judge_trend(&j, falls, -1);
    /* As with the kinds of figures: what rests on nothing else only guards against change. */
    if (!val_get(x, "citation") && !val_get(x, "equals_measure")) {
        char *text = base_printf("%s (guard)", j.out.text);
        free(j.out.text);
        j.out.text = text;
    }
    return j.out;
}

struct expect_verdict *expect_judge(const struct config *c, const struct campaign *r, size_t *count)
{
    *count = c->expectations && c->expectations->type == VAL_LIST ? c->expectations->count : 0;
    struct expect_verdict *v = base_zalloc(*count + 1, sizeof *v);
    struct dataset d;
    make_dataset(&d, c, r);
    for (size_t i = 0; i < *count; i++) {
        struct val *x = c->expectations->items[i];
        if (expect_left_out(c, c->figure, x))
            v[i] = (struct expect_verdict){ .ok = true, .left_out = true, .text = base_strdup("") };
        else
            v[i] = val_get(x, "kind") ? judge_kind(&d, c->figure, x) : judge_one(c, r, x);
    }
    dataset_fini(&d);
    return v;
}

void expect_free(struct expect_verdict *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(v[i].text);
    free(v);
}
