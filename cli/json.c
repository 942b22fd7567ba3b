/* json.c: `psim run --json`. */
#include "cli/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "cli/store.h"
#include "cli/value.h"
#include "cli/version.h"
#include "sim/measure.h"

/* NaN and infinities have no JSON. */
static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* Text that may hold bytes that are no UTF-8. */
static json_t *text(const char *s)
{
    json_t *j = s ? json_string(s) : json_null();
    return j ? j : json_string("(not UTF-8)");
}

static json_t *value(const struct val *v)
{
    if (v->type == VAL_BOOL)
        return json_boolean(v->u.b);
    if (v->type == VAL_INT)
        return json_integer(v->u.i);
    if (v->type == VAL_REAL)
        return number(v->u.r);
    char *s = value_text(v);
    json_t *j = text(s);
    free(s);
    return j;
}

static json_t *scalars(const struct point_result *r)
{
    json_t *all = json_object();
    for (size_t i = 0; i < r->scalar_count; i++) {
        json_t *s = json_object();
        json_object_set_new(s, "value", number(r->scalars[i].value));
        if (sim_why_of(r->scalars[i].flags) != SIM_WHY_GOOD)
            json_object_set_new(s, "why", text(sim_why_text(sim_why_of(r->scalars[i].flags))));
        json_object_set_new(s, "half_width", number(r->scalars[i].half_width));
        json_object_set_new(s, "unit", text(r->scalars[i].unit));
        json_object_set_new(all, r->scalars[i].name, s);
    }
    return all;
}

static json_t *busiest(const struct point_result *r)
{
    const struct point_busy *b = point_busiest(r);
    if (!b)
        return json_null();
    json_t *j = json_object();
    json_object_set_new(j, "kind", text(store_kind_name(b->kind)));
    json_object_set_new(j, "name", text(b->name));
    json_object_set_new(j, "share", number(b->share));
    return j;
}

static json_t *point(const struct config *c, const struct campaign *r, size_t i)
{
    const struct config_point *p = &c->points[i];
    const struct point_result *x = &r->results[i];
    json_t *j = json_object(), *params = json_object(), *remarks = json_array();
    for (size_t k = 0; k < p->c->sweep->count; k++)
        json_object_set_new(params, p->c->sweep->items[k]->key, value(p->c->sweep->items[k]));
    for (size_t k = 0; k < x->remark_count; k++)
        json_array_append_new(remarks, text(x->remarks[k]));
    json_object_set_new(j, "point", json_integer((json_int_t)i + 1));
    json_object_set_new(j, "swept", params);
    json_object_set_new(j, "replication", json_integer(p->replication));
    /* A 64-bit seed does not fit a JSON number everywhere. */
    char *seed = base_printf("%llu", (unsigned long long)p->seed);
    json_object_set_new(j, "seed", text(seed));
    free(seed);
    json_object_set_new(j, "identity", text(p->identity));
    json_object_set_new(j, "status", text(point_status_name(x->status)));
    json_object_set_new(j, "message", text(x->message));
    json_object_set_new(j, "digest", text(x->digest));
    json_object_set_new(j, "simulated_seconds", number(sim_time_seconds(x->end_time)));
    if (point_mark(x) != SIM_WHY_GOOD)
        json_object_set_new(j, "mark", text(sim_why_text(point_mark(x))));
    json_object_set_new(j, "events", json_integer((json_int_t)x->events));
    json_object_set_new(j, "host_seconds", number(x->host_seconds));
    json_object_set_new(j, "host_bytes", json_integer((json_int_t)x->host_bytes));
    json_object_set_new(j, "scalars", scalars(x));
    json_object_set_new(j, "busiest", busiest(x));
    json_object_set_new(j, "remarks", remarks);
    return j;
}

void json_print(FILE *f, const struct config *c, const struct campaign *r,
                const struct expect_verdict *verdicts, size_t verdict_count, int code)
{
    json_t *j = json_object(), *points = json_array(), *expectations = json_array();
    for (size_t i = 0; i < r->count; i++)
        if (r->results[i].status != POINT_UNUSED)
            json_array_append_new(points, point(c, r, i));
    for (size_t i = 0; i < verdict_count; i++) {
        if (verdicts[i].left_out)
            continue;
        json_t *v = json_object();
        json_object_set_new(v, "ok", json_boolean(verdicts[i].ok));
        json_object_set_new(v, "text", text(verdicts[i].text));
        json_array_append_new(expectations, v);
    }
    json_object_set_new(j, "config", text(c->file));
    json_object_set_new(j, "title", text(c->title));
    json_object_set_new(j, "version", text(version_of_model()));
    json_object_set_new(j, "points", points);
    json_object_set_new(j, "expectations", expectations);
    json_object_set_new(j, "exit", json_integer(code));
    json_dumpf(j, f, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    fputc('\n', f);
    json_decref(j);
}
