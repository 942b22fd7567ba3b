/* value.c: a value of a configuration as text and number; what the points of a case measured. */
#include "cli/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/units.h"
#include "sim/measure.h"
#include "sim/stat.h"

char *value_text(const struct val *v)
{
    char buf[64];
    switch (v->type) {
    case VAL_BOOL:
        return base_strdup(v->u.b ? "true" : "false");
    case VAL_INT:
        return base_printf("%lld", (long long)v->u.i);
    case VAL_REAL:
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(buf, sizeof buf, "%.*g", digits, v->u.r);
            if (strtod(buf, NULL) == v->u.r)
                break;
        }
        return base_strdup(buf);
    case VAL_STRING:
        return base_strdup(v->u.s);
    case VAL_NIL:
    case VAL_LIST:
    case VAL_TABLE:
        break;
    }
    char *canonical = val_canonical(v);
    for (char *s = canonical; *s; s++)
        if (*s == '\n')
            *s = s[1] ? ';' : 0;
    return canonical;
}

double value_number(const struct val *v)
{
    int64_t n;
    sim_time t;
    if (v->type == VAL_INT)
        return (double)v->u.i;
    if (v->type == VAL_REAL)
        return v->u.r;
    if (v->type != VAL_STRING)
        return NAN;
    if (units_parse_time(v->u.s, &t, NULL))
        return sim_time_seconds(t);
    if (units_parse_size(v->u.s, &n, NULL) || units_parse_rate(v->u.s, &n, NULL))
        return (double)n;
    return NAN;
}

bool campaign_value(const struct campaign *r, const struct config *c, size_t case_idx,
                    const char *scalar, struct campaign_value *out)
{
    struct stat_moments s;
    double within = NAN;
    enum sim_why why = SIM_WHY_GOOD;
    stat_init(&s);
    *out = (struct campaign_value){ .unit = "1" };
    for (size_t i = 0; i < c->point_count; i++) {
        if (c->points[i].case_idx != case_idx || !point_finished(r->results[i].status))
            continue;
        const struct point_scalar *x = point_scalar(&r->results[i], scalar);
        if (!x)
            continue;
        out->unit = x->unit;
        out->flags = x->flags;
        if (!isfinite(x->value)) {
            why = sim_why_of(x->flags);
            continue;
        }
        stat_add(&s, x->value);
        within = x->half_width;
    }
    out->n = s.n;
    out->why = s.n == 0 ? why : SIM_WHY_GOOD;
    out->mean = s.mean;
    out->half_width = s.n > 1 ? stat_half_width(&s, 0.95) : within;
    if (out->flags & SIM_MEASURE_DETERMINISTIC)
        out->half_width = NAN;
    return s.n > 0;
}
