/* sweep.c: every combination of a sweep's values, in the order of the text: the first axis of
 * `product` changes slowest, `zip` (whose axes move together) fastest.
 *
 * The axis of `bisect` stands at its lowest value here; cli/config.c asks for the others when they
 * are needed.
 *
 * An axis that -p names has the values given there instead; a list given for any other path makes a
 * new axis, the slowest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bisect.h"
#include "cli/lua/child.h"

struct axis {
    const char *path;
    const struct val *const *values;
    size_t count;
    bool zipped;
};

struct axes {
    struct axis *a;
    size_t count;
};

static const struct val *override_of(const struct script_options *o, const char *path)
{
    for (size_t i = o->override_count; i-- > 0;)
        if (strcmp(o->overrides[i].path, path) == 0)
            return o->overrides[i].value;
    return NULL;
}

static bool add_axis(struct axes *x, const struct val *list, bool zipped,
                     const struct script_options *o, struct err *e)
{
    char where[512];
    for (size_t i = 0; i < x->count; i++)
        if (strcmp(x->a[i].path, list->key) == 0)
            return err_set(e, "%ssweep: '%s' is swept twice", val_where(list, where, sizeof where),
                           list->key);
    if (x->count == SCRIPT_AXES)
        return err_set(e, "%ssweep has more than %d axes", val_where(list, where, sizeof where),
                       SCRIPT_AXES);
    struct axis a = { .path = list->key, .zipped = zipped };
    const struct val *v = override_of(o, list->key);
    if (v && v->type == VAL_LIST && v->count == 0)
        return err_set(e, "-p gives '%s' no value", list->key);
    if (v)
        a.zipped = false;
    else if (list->type != VAL_LIST || list->count == 0)
        return err_set(e, "%ssweep: '%s' needs a list of at least one value, found %s",
                       val_where(list, where, sizeof where), list->key,
                       list->count == 0 && list->type == VAL_TABLE ? "an empty table"
                                                                   : val_type_name(list->type));
    else
        v = list;
    x->a = base_realloc(x->a, (x->count + 1) * sizeof *x->a);
    struct axis *slot = &x->a[x->count++];
    *slot = a;
    slot->count = v->type == VAL_LIST ? v->count : 1;
    if (v->type == VAL_LIST) {
        slot->values = (const struct val *const *)v->items;
    } else {
        const struct val **one = base_alloc(sizeof(const struct val *));
        *one = v;
        slot->values = one;
    }
    return true;
}

/* -p path={a, b} for a path that the text does not sweep. */
static bool add_given_axes(struct axes *x, const struct val *sweep, const struct sweep_plan *p,
                           const struct script_options *o, struct err *e)
{
    for (size_t i = 0; i < o->override_count; i++) {
        const char *path = o->overrides[i].path;
        const struct val *searched = val_get(val_get(sweep, "bisect"), "path");
        if (searched && searched->type == VAL_STRING && strcmp(searched->u.s, path) == 0)
            continue;
        const struct val *read = val_get(p->reads, path);
        bool one_value = read && read->type == VAL_BOOL && !read->u.b;
        if (o->overrides[i].value->type != VAL_LIST || one_value ||
            strncmp(path, "sweep.", 6) == 0 || val_get(val_get(sweep, "product"), path) ||
            val_get(val_get(sweep, "zip"), path))
            continue;
        struct val key = { .type = VAL_LIST, .key = base_strdup(path) };
        for (size_t k = 0; k < x->count; k++)
            if (strcmp(x->a[k].path, path) == 0)
                return err_set(e, "-p gives '%s' several values twice", path);
        if (!add_axis(x, &key, false, o, e))
            return false;
    }
    return true;
}

static bool add_axes(struct axes *x, const struct val *table, bool zipped,
                     const struct script_options *o, struct err *e)
{
    char where[512];
    if (!table)
        return true;
    if (table->type != VAL_TABLE)
        return err_set(e, "%ssweep.%s needs a table of path = list of values, found %s",
                       val_where(table, where, sizeof where), table->key,
                       val_type_name(table->type));
    for (size_t i = 0; i < table->count; i++)
        if (!add_axis(x, table->items[i], zipped, o, e))
            return false;
    return true;
}

static bool check_keys(const struct val *sweep, struct err *e)
{
    static const char *const known[] = { "product",      "zip",   "constraint", "bisect",
                                         "replications", "seeds", NULL };
    char where[512];
    for (size_t i = 0; sweep && i < sweep->count; i++) {
        const struct val *v = sweep->items[i];
        bool found = false;
        for (size_t n = 0; known[n]; n++)
            found |= strcmp(known[n], v->key) == 0;
        if (found)
            continue;
        err_set(e, "%ssweep has no '%s'", val_where(v, where, sizeof where), v->key);
        err_nearest(e, v->key, known);
        return false;
    }
    return true;
}

/* The axis that is searched, unless -p gives it values. */
static bool add_bisect(struct axes *x, const struct val *sweep, struct sweep_plan *p,
                       const struct script_options *o, struct err *e)
{
    struct bisect b;
    const struct val *spec = val_get(sweep, "bisect");
    if (!spec)
        return true;
    if (!bisect_read(spec, &b, e))
        return false;
    struct val *list = val_new(VAL_LIST, spec->file, spec->line);
    list->key = base_strdup(b.path);
    struct val *low = bisect_value(&b, 0);
    const struct val *path = val_get(spec, "path"); /* where a sentence about it points */
    low->file = path->file;
    low->line = path->line;
    val_append(list, low);
    if (!override_of(o, b.path))
        p->bisect = spec;
    return add_axis(x, list, false, o, e);
}

/* The zipped axes have one length; *length gets it (1 when there are none). */
static bool zip_length(const struct axes *x, const struct val *sweep, size_t *length, struct err *e)
{
    const struct axis *first = NULL;
    char where[512];
    *length = 1;
    for (size_t i = 0; i < x->count; i++) {
        const struct axis *a = &x->a[i];
        if (!a->zipped)
            continue;
        if (first && a->count != first->count)
            return err_set(e,
                           "%ssweep.zip: '%s' has %zu values and '%s' has %zu: they must be equal "
                           "in number",
                           val_where(val_get(val_get(sweep, "zip"), a->path), where, sizeof where),
                           first->path, first->count, a->path, a->count);
        if (!first)
            first = a;
        *length = a->count;
    }
    return true;
}

/* The values of combination n, the last product axis but the zip changing fastest. */
static struct val *combination(const struct axes *x, size_t n, size_t zipped)
{
    struct val *values = val_new(VAL_TABLE, NULL, 0);
    size_t *at = base_zalloc(x->count + 1, sizeof *at);
    size_t rest = n / zipped;
    for (size_t i = x->count; i-- > 0;) {
        if (x->a[i].zipped) {
            at[i] = n % zipped;
        } else {
            at[i] = rest % x->a[i].count;
            rest /= x->a[i].count;
        }
    }
    for (size_t i = 0; i < x->count; i++)
        val_put(values, x->a[i].path, val_copy(x->a[i].values[at[i]]));
    free(at);
    return values;
}

static bool too_many(const struct val *sweep, struct err *e)
{
    char where[512] = "";
    if (sweep)
        val_where(sweep, where, sizeof where);
    return err_set(e, "%sthe sweep has more than %d combinations", where, SCRIPT_CASES);
}

static bool walk(const struct axes *x, const struct val *sweep, size_t total, size_t zipped,
                 struct sweep_plan *p, struct err *e)
{
    size_t kept = 0;
    if (!p->keep && total > SCRIPT_CASES)
        return too_many(sweep, e);
    for (size_t n = 0; n < total; n++) {
        struct val *values = combination(x, n, zipped);
        struct err no = ERR_INIT;
        bool keep = !p->keep || p->keep(p->arg, values, &no);
        bool good = !no.set && (!keep || p->each(p->arg, values, e));
        if (no.set)
            err_set(e, "%s", no.text);
        val_free(values);
        if (!good)
            return false;
        if (keep && ++kept > SCRIPT_CASES)
            return too_many(sweep, e);
    }
    if (kept == 0)
        return err_set(e, "the sweep's constraint leaves nothing to run");
    return true;
}

bool sweep_expand(const struct val *sweep, const struct script_options *o, struct sweep_plan *p,
                  struct err *e)
{
    struct axes x = { 0 };
    size_t zipped, total;
    p->axes = val_new(VAL_LIST, NULL, 0);
    if (!check_keys(sweep, e) || !add_given_axes(&x, sweep, p, o, e) ||
        !add_axes(&x, val_get(sweep, "product"), false, o, e) ||
        !add_axes(&x, val_get(sweep, "zip"), true, o, e) || !add_bisect(&x, sweep, p, o, e) ||
        !zip_length(&x, sweep, &zipped, e))
        return false;
    total = zipped;
    for (size_t i = 0; i < x.count; i++) {
        val_append(p->axes, val_new_string(x.a[i].path, NULL, 0));
        if (!x.a[i].zipped && __builtin_mul_overflow(total, x.a[i].count, &total))
            return too_many(sweep, e);
    }
    return walk(&x, sweep, total, zipped, p, e);
}
