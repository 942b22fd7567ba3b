/* bisect.c: the grid of a bisection and its decisions. */
#include "cli/bisect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/store.h"
#include "cli/value.h"
#include "sim/base/units.h"

#define STEPS_MAX (1u << 30)

static const char *const when_names[] = { [BISECT_ABOVE] = "above",
                                          [BISECT_BELOW] = "below",
                                          [BISECT_ABOVE_LOW] = "above_low",
                                          [BISECT_BELOW_LOW] = "below_low" };

/* ---- the table ---- */

static bool check_keys(const struct val *spec, struct err *e)
{
    static const char *const known[] = { "path",  "low",   "high",      "tolerance", "measure",
                                         "above", "below", "above_low", "below_low", NULL };
    char where[512];
    if (spec->type != VAL_TABLE)
        return err_set(e, "%ssweep.bisect is %s but must be a table { path = ..., low = ... }",
                       val_where(spec, where, sizeof where), val_type_name(spec->type));
    for (size_t i = 0; i < spec->count; i++) {
        const struct val *v = spec->items[i];
        bool found = false;
        for (size_t n = 0; known[n]; n++)
            found |= strcmp(known[n], v->key) == 0;
        if (found)
            continue;
        err_set(e, "%ssweep.bisect has no '%s'", val_where(v, where, sizeof where), v->key);
        err_nearest(e, v->key, known);
        return false;
    }
    for (size_t n = 0; n < 5; n++)
        if (!val_get(spec, known[n]))
            return err_set(e, "%ssweep.bisect needs '%s'", val_where(spec, where, sizeof where),
                           known[n]);
    return true;
}

static bool text_of(const struct val *spec, const char *key, const char **out, struct err *e)
{
    const struct val *v = val_get(spec, key);
    char where[512];
    if (v->type != VAL_STRING || !v->u.s[0])
        return err_set(e, "%ssweep.bisect.%s must be text in quotes",
                       val_where(v, where, sizeof where), key);
    *out = v->u.s;
    return true;
}

/* The scale that a value is written in, its whole number or its real one. */
static bool scale_of(const struct val *v, enum bisect_scale *scale, int64_t *i, double *r)
{
    sim_time t;
    *r = v->type == VAL_REAL ? v->u.r : NAN;
    if (v->type == VAL_INT) {
        *i = v->u.i;
        *r = (double)*i;
        *scale = BISECT_INT;
        return true;
    }
    if (v->type == VAL_STRING && units_parse_time(v->u.s, &t, NULL)) {
        *i = t;
        *scale = BISECT_TIME;
        return true;
    }
    *scale = v->type == VAL_REAL                                          ? BISECT_REAL
             : v->type == VAL_STRING && units_parse_size(v->u.s, i, NULL) ? BISECT_SIZE
                                                                          : BISECT_RATE;
    return *scale != BISECT_RATE || (v->type == VAL_STRING && units_parse_rate(v->u.s, i, NULL));
}

/* low, high and tolerance are of one scale: numbers are real when one of them is, and 0 needs no
 * unit. */
static bool read_scale(const struct val *spec, struct bisect *b, struct err *e)
{
    static const char *const keys[] = { "low", "high", "tolerance" };
    double *reals[] = { &b->low, &b->high, &b->tolerance };
    int64_t *ints[] = { &b->int_low, &b->int_high, &b->int_tolerance };
    enum bisect_scale scales[3];
    char where[512];
    b->scale = BISECT_INT;
    for (size_t i = 0; i < 3; i++) {
        const struct val *v = val_get(spec, keys[i]);
        if (!scale_of(v, &scales[i], ints[i], reals[i]))
            return err_set(e, "%ssweep.bisect.%s must be a number or text with a unit",
                           val_where(v, where, sizeof where), keys[i]);
        if (scales[i] > b->scale)
            b->scale = scales[i];
    }
    for (size_t i = 0; i < 3; i++) {
        bool number = b->scale <= BISECT_REAL, zero = scales[i] == BISECT_INT && *ints[i] == 0;
        if (!number && !zero && scales[i] != b->scale)
            return err_set(e, "%ssweep.bisect: low, high and tolerance must be of one kind",
                           val_where(val_get(spec, keys[i]), where, sizeof where));
    }
    return true;
}

static bool read_range(const struct val *spec, struct bisect *b, struct err *e)
{
    char where[512];
    bool real = b->scale == BISECT_REAL;
    val_where(val_get(spec, "high"), where, sizeof where);
    if (real ? !(b->low < b->high) : b->int_low >= b->int_high)
        return err_set(e, "%ssweep.bisect: low must be below high", where);
    val_where(val_get(spec, "tolerance"), where, sizeof where);
    if (real ? !(b->tolerance > 0) : b->int_tolerance <= 0)
        return err_set(e, "%ssweep.bisect.tolerance must be above 0", where);
    double steps =
        real ? ceil((b->high - b->low) / b->tolerance - 1e-9)
             : ceil(((double)b->int_high - (double)b->int_low) / (double)b->int_tolerance);
    if (steps > STEPS_MAX)
        return err_set(e, "%ssweep.bisect.tolerance is too small beside high - low", where);
    b->steps = steps < 1 ? 1 : (uint32_t)steps;
    return true;
}

static bool read_when(const struct val *spec, struct bisect *b, struct err *e)
{
    const struct val *found = NULL;
    char where[512];
    for (size_t i = 0; i < ARRAY_LEN(when_names); i++) {
        const struct val *v = val_get(spec, when_names[i]);
        if (!v)
            continue;
        if (found)
            return err_set(e, "%ssweep.bisect has both '%s' and '%s': one says what is looked for",
                           val_where(v, where, sizeof where), when_names[b->when], when_names[i]);
        found = v;
        b->when = (enum bisect_when)i;
        b->limit = value_number(v);
        b->limit_as = v;
        if (isnan(b->limit))
            return err_set(e, "%ssweep.bisect.%s must be a number or text with a unit",
                           val_where(v, where, sizeof where), when_names[i]);
        if (b->when == BISECT_ABOVE_LOW   ? !(b->limit > 1)
            : b->when == BISECT_BELOW_LOW ? !(b->limit > 0 && b->limit < 1)
                                          : false)
            return err_set(e, "%ssweep.bisect.%s is a ratio to the measure at low: %s",
                           val_where(v, where, sizeof where), when_names[i],
                           b->when == BISECT_ABOVE_LOW ? "above 1" : "between 0 and 1");
    }
    return found || err_set(e,
                            "%ssweep.bisect says what is looked for: above, below, above_low or "
                            "below_low",
                            val_where(spec, where, sizeof where));
}

bool bisect_read(const struct val *spec, struct bisect *b, struct err *e)
{
    *b = (struct bisect){ 0 };
    if (!check_keys(spec, e) || !text_of(spec, "path", &b->path, e) ||
        !text_of(spec, "measure", &b->measure, e) || !read_scale(spec, b, e) ||
        !read_range(spec, b, e) || !read_when(spec, b, e))
        return false;
    /* low, high, and a halving of the rest until one step is left. */
    b->probes_max = 2;
    for (uint32_t left = b->steps; left > 1; left -= left / 2)
        b->probes_max++;
    return true;
}

/* ---- values ---- */

/* The decimal number that is meant: 0.01 + 37 * 0.01 is 0.38. */
static double tidy(double x)
{
    char text[32];
    snprintf(text, sizeof text, "%.12g", x);
    return strtod(text, NULL);
}

static int64_t whole(const struct bisect *b, uint32_t step)
{
    return step == b->steps ? b->int_high : b->int_low + (int64_t)step * b->int_tolerance;
}

struct val *bisect_value(const struct bisect *b, uint32_t step)
{
    char text[64];
    int64_t n = b->scale == BISECT_REAL ? 0 : whole(b, step);
    switch (b->scale) {
    case BISECT_INT:
        return val_new_int(n, NULL, 0);
    case BISECT_REAL:
        return val_new_real(bisect_number(b, step), NULL, 0);
    case BISECT_TIME:
        return val_new_string(units_format_time(n, text, sizeof text), NULL, 0);
    case BISECT_SIZE:
        return val_new_string(units_format_size(n, text, sizeof text), NULL, 0);
    case BISECT_RATE:
        break;
    }
    return val_new_string(units_format_rate(n, text, sizeof text), NULL, 0);
}

double bisect_number(const struct bisect *b, uint32_t step)
{
    if (b->scale == BISECT_REAL)
        return step == b->steps ? b->high : tidy(b->low + step * b->tolerance);
    return b->scale == BISECT_TIME ? sim_time_seconds(whole(b, step)) : (double)whole(b, step);
}

const char *bisect_unit(const struct bisect *b)
{
    static const char *const units[] = { "1", "1", "s", "B", "B/s" };
    return units[b->scale];
}

char *bisect_words(const struct bisect *b)
{
    const char *way =
        b->when == BISECT_ABOVE || b->when == BISECT_ABOVE_LOW ? "rises above" : "falls below";
    char *limit = value_text(b->limit_as), *out;
    if (b->when == BISECT_ABOVE || b->when == BISECT_BELOW) {
        out = base_printf("%s %s %s", b->measure, way, limit);
    } else {
        struct val *v = bisect_value(b, 0);
        char *low = value_text(v);
        out = base_printf("%s %s %s times its value at %s = %s", b->measure, way, limit, b->path,
                          low);
        free(low);
        val_free(v);
    }
    free(limit);
    return out;
}

/* ---- the search ---- */

void bisect_begin(struct bisect_search *s)
{
    *s = (struct bisect_search){ .held = BISECT_NONE, .failed = BISECT_NONE, .next = 0 };
}

static bool crossed(const struct bisect *b, double at_low, double measure)
{
    switch (b->when) {
    case BISECT_ABOVE:
        return measure > b->limit;
    case BISECT_BELOW:
        return measure < b->limit;
    case BISECT_ABOVE_LOW:
        return measure > b->limit * at_low;
    case BISECT_BELOW_LOW:
        return measure < b->limit * at_low;
    }
    return false;
}

void bisect_told(struct bisect_search *s, const struct bisect *b, double measure)
{
    uint32_t step = s->next;
    ASSERT(step != BISECT_NONE && isfinite(measure));
    if (step == 0)
        s->at_low = measure;
    if (crossed(b, s->at_low, measure))
        s->failed = step;
    else
        s->held = step;
    uint32_t top = s->failed == BISECT_NONE ? b->steps : s->failed;
    if (s->held == BISECT_NONE || s->held == top || s->failed - s->held == 1)
        s->next = BISECT_NONE;
    else if (top - s->held == 1)
        s->next = top; /* nothing below it fails: try the top itself */
    else
        s->next = s->held + (top - s->held) / 2;
}
