/* judge.c: the kinds of expectation, one function each, in one table. */
#include "cli/judge.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct judging {
    const struct dataset *d;
    const struct judge_axes *axes;
    const struct val *x; /* the expectation's table */
    const char *kind;
    const char *xs, *ys; /* its axes */
    struct verdict *v;
    struct err *e; /* a badly written expectation */
    const char *unit;
};

/* ---- reading members ---- */

static bool bad(struct judging *j, const struct val *v, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool bad(struct judging *j, const struct val *v, const char *fmt, ...)
{
    char where[256], text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(j->e, "%sexpectation '%s': %s", val_where(v, where, sizeof where), j->kind,
                   text);
}

/* Could not be judged: a failure with its reason. */
static bool missing(struct judging *j, const char *why)
{
    j->v->holds = false;
    free(j->v->ours);
    j->v->ours = base_strdup(why);
    return true;
}

static bool number_of(const struct val *v, double *out)
{
    *out = v->type == VAL_INT      ? (double)v->u.i
           : v->type == VAL_REAL   ? v->u.r
           : v->type == VAL_STRING ? data_number(v->u.s)
                                   : NAN;
    return isfinite(*out);
}

/* A number member; `otherwise` when it is absent, and NAN there means that it must be given. */
static bool get_number(struct judging *j, const char *name, double otherwise, double *out)
{
    const struct val *v = val_get(j->x, name);
    *out = otherwise;
    if (v == NULL)
        return !isnan(otherwise) || bad(j, j->x, "'%s' is missing", name);
    return number_of(v, out) ||
           bad(j, v, "'%s' must be a number, or text with a unit like '42us'", name);
}

static bool get_table(struct judging *j, const char *name, bool needed, const struct val **out)
{
    *out = val_get(j->x, name);
    if (*out == NULL)
        return !needed || bad(j, j->x, "'%s' is missing: a table of swept values", name);
    return (*out)->type == VAL_TABLE ||
           bad(j, *out, "'%s' must be a table like { [\"workload.size\"] = 0 }", name);
}

static const char *show(const struct judging *j, double value, char *out)
{
    return pretty_value(value, j->unit, out, 64);
}

static void set_ours(struct judging *j, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void set_ours(struct judging *j, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    free(j->v->ours);
    j->v->ours = base_strdup(text);
}

static void set_expected(struct judging *j, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void set_expected(struct judging *j, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    free(j->v->expected);
    j->v->expected = base_strdup(text);
}

static bool near(double ours, double is, double within)
{
    return fabs(ours - is) <= within * fabs(is);
}

/* ---- what they ask of the results; false: no such data, and the reason is the verdict ---- */

static bool case_value(struct judging *j, const struct val *at, double *out)
{
    size_t matching = 0, with = 0;
    struct data_value v = { 0 }, x;
    enum sim_why why = SIM_WHY_GOOD;
    for (size_t i = 0; i < j->d->case_count; i++) {
        const struct data_case *c = &j->d->cases[i];
        if (!case_matches(c, at))
            continue;
        matching++;
        if (!dataset_value(j->d, c, j->ys, &x)) {
            why = x.why;
            continue;
        }
        v = x;
        with++;
    }
    if (with == 0 && why != SIM_WHY_GOOD) {
        char text[128];
        snprintf(text, sizeof text, "the case has no value of it: %s", sim_why_text(why));
        return missing(j, text), false;
    }
    if (with > 1)
        return missing(j, "several cases match: name more swept values"), false;
    if (matching == 0)
        return missing(j, "no case of the sweep matches"), false;
    if (with == 0)
        return missing(j, "the case has no finished result of it"), false;
    *out = v.mean;
    j->unit = v.unit;
    return true;
}

static bool curve_of(struct judging *j, const struct val *of, struct curve *c)
{
    struct err why = ERR_INIT;
    if (!curve_make(j->d, j->xs, j->ys, of, c, &why))
        return missing(j, why.text), false;
    struct data_value v;
    if (dataset_value(j->d, c->points[0].c, j->ys, &v))
        j->unit = v.unit;
    return true;
}

/* ---- the kinds ---- */

/* is and within, or min and max, of a number that is at hand. */
static bool judge_number(struct judging *j, double ours, const char *unit)
{
    char a[64], b[64], c[64];
    j->unit = unit;
    set_ours(j, "%s", show(j, ours, a));
    if (val_get(j->x, "equals") != NULL) {
        double is, within;
        if (!get_number(j, "equals", NAN, &is) || !get_number(j, "within", NAN, &within))
            return false;
        j->v->holds = near(ours, is, within);
        set_expected(j, "%s within %.3g %%", show(j, is, a), 100 * within);
        set_ours(j, "%s (%+.1f %%)", show(j, ours, b), is != 0.0 ? 100 * (ours / is - 1) : 0.0);
        return true;
    }
    double min, max;
    if (val_get(j->x, "min") == NULL && val_get(j->x, "max") == NULL)
        return bad(j, j->x, "give 'equals' and 'within', or 'min' or 'max'");
    if (!get_number(j, "min", -INFINITY, &min) || !get_number(j, "max", INFINITY, &max))
        return false;
    j->v->holds = ours >= min && ours <= max;
    if (isinf(max))
        set_expected(j, "at least %s", show(j, min, b));
    else if (isinf(min))
        set_expected(j, "at most %s", show(j, max, c));
    else
        set_expected(j, "%s to %s", show(j, min, b), show(j, max, c));
    return true;
}

static bool judge_value(struct judging *j)
{
    const struct val *at;
    double ours;
    if (!get_table(j, "at", true, &at))
        return false;
    return !case_value(j, at, &ours) || judge_number(j, ours, j->unit);
}

static bool judge_ratio(struct judging *j)
{
    const struct val *at, *over;
    double a, b;
    if (!get_table(j, "at", true, &at) || !get_table(j, "over", true, &over))
        return false;
    if (!case_value(j, at, &a) || !case_value(j, over, &b))
        return true;
    if (b == 0.0)
        return missing(j, "the second value is 0");
    return judge_number(j, a / b, "1");
}

static bool judge_difference(struct judging *j)
{
    const struct val *at, *less;
    double a, b;
    if (!get_table(j, "at", true, &at) || !get_table(j, "less", true, &less))
        return false;
    if (!case_value(j, at, &a) || !case_value(j, less, &b))
        return true;
    return judge_number(j, a - b, j->unit);
}

static bool judge_asymptote(struct judging *j)
{
    const struct val *of;
    double points, sum = 0;
    struct curve c;
    if (!get_table(j, "of", false, &of) || !get_number(j, "points", 1, &points))
        return false;
    if (!curve_of(j, of, &c))
        return true;
    size_t n = points < 1 ? 1 : points > (double)c.count ? c.count : (size_t)points;
    for (size_t i = c.count - n; i < c.count; i++)
        sum += c.points[i].y;
    curve_fini(&c);
    return judge_number(j, sum / (double)n, j->unit);
}

static bool judge_monotone(struct judging *j)
{
    const struct val *of, *direction = val_get(j->x, "direction");
    double slack;
    struct curve c;
    if (direction == NULL || direction->type != VAL_STRING ||
        (strcmp(direction->u.s, "rising") != 0 && strcmp(direction->u.s, "falling") != 0))
        return bad(j, direction != NULL ? direction : j->x,
                   "'direction' must be 'rising' or 'falling'");
    if (!get_table(j, "of", false, &of) || !get_number(j, "slack", 0.01, &slack))
        return false;
    set_expected(j, "%s, slack %.3g %%", direction->u.s, 100 * slack);
    if (!curve_of(j, of, &c))
        return true;
    double sign = direction->u.s[0] == 'r' ? 1 : -1;
    char a[64], b[64];
    j->v->holds = c.count >= 2;
    if (c.count >= 2)
        set_ours(j, "%s at all %zu points", direction->u.s, c.count);
    else
        set_ours(j, "only one point");
    for (size_t i = 1; i < c.count; i++) {
        double y0 = c.points[i - 1].y, y1 = c.points[i].y;
        if (sign * (y1 - y0) < -slack * fmax(fabs(y0), fabs(y1))) {
            j->v->holds = false;
            set_ours(j, "%s then %s at %s = %g", show(j, y0, a), show(j, y1, b), j->xs,
                     c.points[i].x);
            break;
        }
    }
    curve_fini(&c);
    return true;
}

/* How many points of the curve the line goes through; 0 with the reason as verdict. */
static size_t line_points(struct judging *j, const struct curve *c, double until)
{
    size_t n = 0;
    if (!isinf(until)) {
        while (n < c->count && c->points[n].x <= until)
            n++;
    } else {
        size_t knee = curve_knee(c, false);
        n = knee == SIZE_MAX ? c->count : knee + 1;
    }
    if (n >= 3)
        return n;
    missing(j, "fewer than 3 points for a line");
    return 0;
}

static bool judge_linear(struct judging *j)
{
    const struct val *of;
    double until, within, slope, a, b, largest = 0, worst = 0;
    struct curve c;
    if (!get_table(j, "of", false, &of) || !get_number(j, "until", INFINITY, &until) ||
        !get_number(j, "within", NAN, &within) || !get_number(j, "slope", INFINITY, &slope))
        return false;
    set_expected(j, "a line within %.3g %%", 100 * within);
    if (!curve_of(j, of, &c))
        return true;
    size_t n = line_points(j, &c, until);
    if (n > 0) {
        curve_line(&c, n, false, &a, &b);
        for (size_t i = 0; i < n; i++) {
            largest = fmax(largest, fabs(c.points[i].y));
            worst = fmax(worst, fabs(c.points[i].y - a - b * c.points[i].x));
        }
        j->v->holds = worst <= within * largest && (isinf(slope) || near(b, slope, within));
        set_ours(j, "off by %.1f %% over %zu points, slope %.4g", 100 * worst / largest, n, b);
        if (!isinf(slope))
            set_expected(j, "a line of slope %.4g within %.3g %%", slope, 100 * within);
    }
    curve_fini(&c);
    return true;
}

static bool judge_knee(struct judging *j)
{
    const struct val *of;
    struct curve c;
    if (!get_table(j, "of", false, &of))
        return false;
    if (!curve_of(j, of, &c))
        return true;
    size_t k = curve_knee(&c, j->axes->log_x);
    double x = k != SIZE_MAX ? c.points[k].x : 0;
    curve_fini(&c);
    return k == SIZE_MAX ? missing(j, "fewer than 4 points: no knee") : judge_number(j, x, "1");
}

static bool low_confidence(const struct val *v)
{
    const struct val *c = val_get(v, "confidence");
    return c != NULL && c->type == VAL_STRING && strcmp(c->u.s, "low") == 0;
}

struct published_tally {
    size_t met, judged, absent;
    double worst;
};

/* One published point against the case of its x on the curve of its `of`. */
static void published_point(const struct val *pair, const struct curve *c, double within,
                            struct published_tally *t)
{
    double x, y;
    if (pair->count < 2 || !number_of(pair->items[0], &x) || !number_of(pair->items[1], &y))
        return;
    for (size_t i = 0; i < c->count; i++) {
        if (fabs(c->points[i].x - x) > 1e-9 * fabs(x))
            continue;
        double off = y != 0.0 ? fabs(c->points[i].y / y - 1) : fabs(c->points[i].y);
        t->judged++;
        t->met += off <= within;
        t->worst = fmax(t->worst, off);
        return;
    }
    t->absent++;
}

static bool published_series(struct judging *j, const struct val *s, double within,
                             struct published_tally *t)
{
    const struct val *points = val_get(s, "points"), *by = val_get(j->axes->figure, "by"),
                     *of = val_get(s, "of");
    if (points == NULL || low_confidence(s))
        return true;
    struct val *chosen = val_new(VAL_TABLE, NULL, 0);
    if (by != NULL && by->type == VAL_STRING && of != NULL)
        val_put(chosen, by->u.s, val_copy(of));
    struct curve c;
    bool there = curve_of(j, chosen, &c);
    val_free(chosen);
    if (!there)
        return false;
    for (size_t i = 0; i < points->count; i++)
        published_point(points->items[i], &c, within, t);
    curve_fini(&c);
    return true;
}

static bool judge_published(struct judging *j)
{
    double within;
    struct published_tally t = { 0 };
    const struct val *published = val_get(j->axes->figure, "published");
    if (!get_number(j, "within", NAN, &within))
        return false;
    if (published == NULL)
        return bad(j, j->x, "the figure has no published points");
    set_expected(j, "each published point within %.3g %%", 100 * within);
    for (size_t i = 0; i < published->count; i++) {
        if (!published_series(j, published->items[i], within, &t))
            return true;
    }
    j->v->holds = t.judged > 0 && t.met == t.judged;
    set_ours(j, "%zu of %zu met, the worst is off by %.1f %%%s", t.met, t.judged, 100 * t.worst,
             t.absent > 0 ? " (others were not run)" : "");
    return true;
}

/* ---- the table ---- */

static const struct {
    const char *name;
    bool (*fn)(struct judging *j);
    const char *members; /* its own, between blanks */
} kinds[] = {
    { "value", judge_value, " at equals within " },
    { "range", judge_value, " at min max " },
    { "asymptote", judge_asymptote, " of equals within min max points " },
    { "monotone", judge_monotone, " of direction slack " },
    { "ratio", judge_ratio, " at over equals within min max " },
    { "difference", judge_difference, " at less equals within min max " },
    { "linear", judge_linear, " of until within slope " },
    { "knee", judge_knee, " of min max " },
    { "published", judge_published, " within " },
};

static bool check_members(struct judging *j, const char *own)
{
    static const char common[] = " kind name x measure citation confidence calibrated doc guard "
                                 "missed ";
    for (size_t i = 0; i < j->x->count; i++) {
        char word[80];
        snprintf(word, sizeof word, " %.70s ", j->x->items[i]->key);
        if (strstr(common, word) == NULL && strstr(own, word) == NULL)
            return bad(j, j->x->items[i], "it has no '%s'; its own are:%s", j->x->items[i]->key,
                       own);
    }
    return true;
}

static const char *text_member(const struct val *x, const char *name, const char *otherwise)
{
    const struct val *v = val_get(x, name);
    return v != NULL && v->type == VAL_STRING ? v->u.s : otherwise;
}

static void add_pairs(char *out, size_t size, const struct val *t)
{
    for (size_t i = 0; t != NULL && i < t->count; i++) {
        char *canonical = val_canonical(t->items[i]);
        char *value = strchr(canonical, '=');
        size_t used = strlen(out);
        canonical[strcspn(canonical, "\n")] = '\0';
        const char *dot = strrchr(t->items[i]->key, '.');
        snprintf(out + used, size - used, " %s=%s", dot != NULL ? dot + 1 : t->items[i]->key,
                 value != NULL ? value + 2 : "");
        free(canonical);
    }
}

/* Without a source an expectation only guards against change, and so it does where it says so. */
static enum verdict_basis basis_of(const struct judging *j)
{
    const struct val *guard = val_get(j->x, "guard");
    const char *citation = text_member(j->x, "citation", NULL);
    if (guard != NULL && guard->type == VAL_BOOL && guard->u.b)
        return BASIS_GUARD;
    if (citation != NULL)
        return strncmp(citation, "derived", 7) == 0 ? BASIS_DERIVED : BASIS_PUBLISHED;
    return j->v->calibrated || strcmp(j->kind, "published") == 0 ? BASIS_PUBLISHED : BASIS_GUARD;
}

static bool check_basis(struct judging *j)
{
    const struct val *guard = val_get(j->x, "guard"), *missed = val_get(j->x, "missed");
    if (guard != NULL && guard->type != VAL_BOOL)
        return bad(j, guard, "'guard' must be true or false");
    if (missed != NULL && (missed->type != VAL_STRING || j->v->basis == BASIS_GUARD))
        return bad(j, missed, "'missed' says why a cited value is not met");
    return true;
}

/* What the table of verdicts calls it. */
static char *name_of(const struct judging *j)
{
    const struct val *name = val_get(j->x, "name");
    if (name != NULL && name->type == VAL_STRING)
        return base_strdup(name->u.s);
    char text[256];
    snprintf(text, sizeof text, "%s of %s", j->kind, j->ys);
    add_pairs(text, sizeof text, val_get(j->x, "at"));
    add_pairs(text, sizeof text, val_get(j->x, "of"));
    return base_strdup(text);
}

/* What was expected in the words of the configuration, for when it cannot be judged. */
static void expected_words(struct judging *j)
{
    static const char *const members[] = { "equals", "within", "min", "max" };
    char out[256] = "";
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const struct val *v = val_get(j->x, members[i]);
        size_t used = strlen(out);
        if (v == NULL)
            continue;
        if (v->type == VAL_STRING)
            snprintf(out + used, sizeof out - used, "%s%s %s", used > 0 ? " " : "", members[i],
                     v->u.s);
        else if (v->type == VAL_INT || v->type == VAL_REAL)
            snprintf(out + used, sizeof out - used, "%s%s %g", used > 0 ? " " : "", members[i],
                     v->type == VAL_INT ? (double)v->u.i : v->u.r);
    }
    if (out[0] != '\0')
        set_expected(j, "%s", out);
}

static bool judge_one(struct judging *j)
{
    const char *names[ARRAY_LEN(kinds) + 1] = { NULL };
    char where[256];
    if (j->x->type != VAL_TABLE)
        return err_set(j->e, "%san expectation must be a table with a kind",
                       val_where(j->x, where, sizeof where));
    j->kind = text_member(j->x, "kind", "");
    j->xs = text_member(j->x, "x", j->axes->x);
    j->ys = text_member(j->x, "measure", j->axes->y);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        names[i] = kinds[i].name;
        if (strcmp(kinds[i].name, j->kind) != 0)
            continue;
        if (j->ys == NULL)
            return bad(j, j->x, "'measure' is missing, and there is no figure to take it from");
        if (j->xs == NULL && strstr(kinds[i].members, " at ") == NULL)
            return bad(j, j->x, "'x' is missing, and there is no figure to take it from");
        const struct val *calibrated = val_get(j->x, "calibrated");
        j->v->calibrated = calibrated != NULL && calibrated->type == VAL_BOOL && calibrated->u.b;
        j->v->name = name_of(j);
        j->v->basis = basis_of(j);
        j->v->missed = val_get(j->x, "missed") != NULL;
        expected_words(j);
        if (!check_basis(j) || !check_members(j, kinds[i].members) || !kinds[i].fn(j))
            return false;
        bool counts = !low_confidence(j->x) && (j->v->holds || !j->v->missed);
        j->v->kind = !counts ? VERDICT_NOTED : j->v->holds ? VERDICT_HOLDS : VERDICT_FAILS;
        return true;
    }
    if (!j->e->set) {
        err_set(j->e, "%sthere is no expectation of kind '%s'",
                val_where(j->x, where, sizeof where), j->kind);
        err_nearest(j->e, j->kind, names);
    }
    return false;
}

struct judge_axes judge_axes_of(const struct val *figure)
{
    const char *log_axes = text_member(figure, "log", "");
    return (struct judge_axes){ .x = text_member(figure, "x", NULL),
                                .y = text_member(figure, "y", NULL),
                                .log_x = strchr(log_axes, 'x') != NULL,
                                .figure = figure };
}

bool judge(const struct dataset *d, const struct judge_axes *axes, const struct val *expectations,
           struct verdicts *out, struct err *e)
{
    *out = (struct verdicts){ 0 };
    for (size_t i = 0; expectations != NULL && i < expectations->count; i++) {
        out->list = base_realloc(out->list, (out->count + 1) * sizeof *out->list);
        struct verdict *v = &out->list[out->count++];
        *v = (struct verdict){ .ours = base_strdup("-"), .expected = base_strdup("-") };
        struct judging j = { .d = d, .axes = axes, .x = expectations->items[i], .v = v, .e = e };
        if (!judge_one(&j)) {
            verdicts_fini(out);
            return false;
        }
        out->failed += v->kind == VERDICT_FAILS;
    }
    return true;
}

void verdicts_fini(struct verdicts *v)
{
    for (size_t i = 0; i < v->count; i++) {
        free(v->list[i].name);
        free(v->list[i].ours);
        free(v->list[i].expected);
    }
    free(v->list);
    *v = (struct verdicts){ 0 };
}
