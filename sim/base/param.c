/* param.c: loads a module's parameters from a table by its descriptors.
 *
 * Defaults and bounds are text as a user would write it and go through the same parser as the
 * user's values; one that does not parse is a bug of the module and stops the process.
 */
#include "sim/base/param.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/kind.h"
#include "sim/base/units.h"

/* A scalar while it is checked. */
union scalar {
    bool b;
    int64_t i; /* PARAM_INT, _TIME, _SIZE, _RATE, _CHOICE (index) */
    double r;
    const char *s;
};

const char *param_type_name(enum param_type type)
{
    static const char *const names[] = { "yes or no", "whole number", "number", "time",
                                         "size",      "rate",         "choice", "choice",
                                         "text",      "file",         "table",  "any" };
    return names[type];
}

const char *param_choice(const struct param *p, int i)
{
    if (p->choices != NULL)
        return p->choices[i];
    return p->set->items[i] != NULL ? p->set->items[i]->name : NULL;
}

static bool choice_index(const struct param *p, const char *text, int64_t *out)
{
    for (int i = 0; param_choice(p, i) != NULL; i++) {
        if (strcmp(param_choice(p, i), text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* Parses text of a descriptor: a default or a bound. */
static bool parse_text(const struct param *p, const char *text, union scalar *out, struct err *e)
{
    char *end;
    switch (p->type) {
    case PARAM_BOOL:
        out->b = strcmp(text, "true") == 0;
        return out->b || strcmp(text, "false") == 0;
    case PARAM_INT:
        out->i = strtoll(text, &end, 10);
        return end != text && *end == '\0';
    case PARAM_REAL:
        out->r = strtod(text, &end);
        return end != text && *end == '\0';
    case PARAM_TIME:
        return units_parse_time(text, &out->i, e);
    case PARAM_SIZE:
        return units_parse_size(text, &out->i, e);
    case PARAM_RATE:
        return units_parse_rate(text, &out->i, e);
    case PARAM_CHOICE:
        return choice_index(p, text, &out->i);
    case PARAM_STRING:
    case PARAM_FILE:
        out->s = text;
        return true;
    case PARAM_KIND:
    case PARAM_TABLE:
    case PARAM_VAL:
        break;
    }
    return false;
}

static union scalar parse_own(const struct param *p, const char *text)
{
    union scalar out = { 0 };
    struct err e = ERR_INIT;
    if (!parse_text(p, text, &out, &e)) {
        char msg[160];
        snprintf(msg, sizeof msg, "parameter '%s': '%s' in its descriptor is not a %s", p->name,
                 text, param_type_name(p->type));
        ASSERT_MSG(false, msg);
    }
    return out;
}

static void store(const struct param *p, void *dst, union scalar v)
{
    char *at = (char *)dst + p->offset;
    switch (p->type) {
    case PARAM_BOOL:
        memcpy(at, &v.b, sizeof v.b);
        break;
    case PARAM_INT:
    case PARAM_TIME:
    case PARAM_SIZE:
    case PARAM_RATE:
        memcpy(at, &v.i, sizeof v.i);
        break;
    case PARAM_REAL:
        memcpy(at, &v.r, sizeof v.r);
        break;
    case PARAM_CHOICE: {
        int index = (int)v.i;
        memcpy(at, &index, sizeof index);
        break;
    }
    case PARAM_STRING:
    case PARAM_FILE:
        memcpy(at, &v.s, sizeof v.s);
        break;
    case PARAM_KIND:
    case PARAM_TABLE:
    case PARAM_VAL:
        break;
    }
}

/* The value as a user would see it in his file. */
static const char *shown(const struct val *v, char *out, size_t size)
{
    switch (v->type) {
    case VAL_BOOL:
        snprintf(out, size, "%s", v->u.b ? "true" : "false");
        break;
    case VAL_INT:
        snprintf(out, size, "%" PRId64, v->u.i);
        break;
    case VAL_REAL:
        snprintf(out, size, "%.14g", v->u.r);
        break;
    case VAL_STRING:
        snprintf(out, size, "'%.80s'", v->u.s);
        break;
    case VAL_NIL:
    case VAL_LIST:
    case VAL_TABLE:
        snprintf(out, size, "%s", val_type_name(v->type));
        break;
    }
    return out;
}

static const char *wanted(enum param_type type)
{
    switch (type) {
    case PARAM_BOOL:
        return "true or false";
    case PARAM_INT:
        return "a whole number";
    case PARAM_REAL:
        return "a number";
    case PARAM_TIME:
        return "a time in quotes with its unit, like '40ns'";
    case PARAM_SIZE:
        return "a size in quotes with its unit, like '64KiB'";
    case PARAM_RATE:
        return "a rate in quotes with its unit, like '200MB/s'";
    case PARAM_CHOICE:
        return "one of its names in quotes";
    case PARAM_STRING:
    case PARAM_FILE:
        return "text in quotes";
    case PARAM_KIND:
        return "a name in quotes, or a table { policy = name, its parameters }";
    case PARAM_TABLE:
        return "a table";
    case PARAM_VAL:
        break;
    }
    return "a value";
}

static bool wrong_type(const struct param *p, const struct val *v, const char *path, struct err *e)
{
    char where[256], buf[96];
    return err_set(e, "%s%s.%s is %s but must be %s", val_where(v, where, sizeof where), path,
                   p->name, shown(v, buf, sizeof buf), wanted(p->type));
}

static bool read_dimension(const struct param *p, const struct val *v, const char *path,
                           union scalar *out, struct err *e)
{
    char where[256];
    if ((v->type == VAL_INT && v->u.i == 0) ||
        (v->type == VAL_REAL && fpclassify(v->u.r) == FP_ZERO)) {
        out->i = 0;
        return true;
    }
    if (v->type != VAL_STRING)
        return wrong_type(p, v, path, e);
    struct err why = ERR_INIT;
    if (!parse_text(p, v->u.s, out, &why))
        return err_set(e, "%s%s.%s: %s", val_where(v, where, sizeof where), path, p->name,
                       why.text);
    return true;
}

static bool read_choice(const struct param *p, const struct val *v, const char *path,
                        union scalar *out, struct err *e)
{
    char where[256];
    if (v->type != VAL_STRING)
        return wrong_type(p, v, path, e);
    if (choice_index(p, v->u.s, &out->i))
        return true;
    if (!e->set) {
        err_set(e, "%s%s.%s: there is no '%.80s'", val_where(v, where, sizeof where), path, p->name,
                v->u.s);
        const char *names[64];
        size_t n = 0;
        while (n + 1 < ARRAY_LEN(names) && (names[n] = param_choice(p, (int)n)) != NULL)
            n++;
        names[n] = NULL;
        err_nearest(e, v->u.s, names);
    }
    return false;
}

static bool read_value(const struct param *p, const struct val *v, const char *path,
                       union scalar *out, struct err *e)
{
    switch (p->type) {
    case PARAM_BOOL:
        if (v->type != VAL_BOOL)
            return wrong_type(p, v, path, e);
        out->b = v->u.b;
        return true;
    case PARAM_INT:
        /* cppcheck-suppress incorrectLogicOperator ; it misreads hexadecimal floats */
        if (v->type == VAL_REAL && v->u.r >= -0x1p53 && v->u.r <= 0x1p53 &&
            (double)(int64_t)v->u.r == v->u.r) {
            out->i = (int64_t)v->u.r;
            return true;
        }
        if (v->type != VAL_INT)
            return wrong_type(p, v, path, e);
        out->i = v->u.i;
        return true;
    case PARAM_REAL:
        if (v->type != VAL_REAL && v->type != VAL_INT)
            return wrong_type(p, v, path, e);
        out->r = v->type == VAL_INT ? (double)v->u.i : v->u.r;
        return isfinite(out->r) ? true : wrong_type(p, v, path, e);
    case PARAM_TIME:
    case PARAM_SIZE:
    case PARAM_RATE:
        return read_dimension(p, v, path, out, e);
    case PARAM_CHOICE:
        return read_choice(p, v, path, out, e);
    case PARAM_STRING:
    case PARAM_FILE:
        if (v->type != VAL_STRING)
            return wrong_type(p, v, path, e);
        out->s = v->u.s;
        return true;
    case PARAM_KIND:
    case PARAM_TABLE:
    case PARAM_VAL:
        break;
    }
    return false;
}

static int compare(enum param_type type, union scalar a, union scalar b)
{
    if (type == PARAM_REAL)
        return (a.r > b.r) - (a.r < b.r);
    return (a.i > b.i) - (a.i < b.i);
}

static bool has_range(enum param_type type)
{
    return type == PARAM_INT || type == PARAM_REAL || type == PARAM_TIME || type == PARAM_SIZE ||
           type == PARAM_RATE;
}

static bool check_range(const struct param *p, const struct val *v, union scalar x,
                        const char *path, struct err *e)
{
    if (!has_range(p->type))
        return true;
    bool low = p->min != NULL && compare(p->type, x, parse_own(p, p->min)) < 0;
    bool high = p->max != NULL && compare(p->type, x, parse_own(p, p->max)) > 0;
    if (!low && !high)
        return true;
    char where[256], buf[96], allowed[96];
    if (p->min != NULL && p->max != NULL)
        snprintf(allowed, sizeof allowed, "from %s to %s", p->min, p->max);
    else if (p->min != NULL)
        snprintf(allowed, sizeof allowed, "at least %s", p->min);
    else
        snprintf(allowed, sizeof allowed, "at most %s", p->max);
    return err_set(e, "%s%s.%s is %s but must be %s", val_where(v, where, sizeof where), path,
                   p->name, shown(v, buf, sizeof buf), allowed);
}

static bool load(const struct param *params, void *dst, const struct val *table,
                 const char *const *but, bool keep, const char *path, struct err *e);

#define KIND_KEY "policy" /* of the table that has a kind's parameters, its name */

/* The kind that `v` names: the value of the parameter, or of KIND_KEY in it. */
static const struct kind *kind_named(const struct param *p, const struct val *v, const char *path,
                                     struct err *e)
{
    const struct param *as = p;
    struct param key = *p;
    char where[256];
    union scalar x = { 0 };
    if (v->type == VAL_TABLE) {
        const struct val *named = val_get(v, KIND_KEY);
        if (named == NULL) {
            err_set(e, "%s%s.%s." KIND_KEY " is missing: it names the %s",
                    val_where(v, where, sizeof where), path, p->name, p->set->what);
            return NULL;
        }
        key.type = PARAM_CHOICE; /* no table within it */
        as = &key;
        v = named;
    }
    return read_choice(as, v, path, &x, e) ? p->set->items[x.i] : NULL;
}

static bool load_kind(const struct param *p, void *dst, const struct val *v, bool keep,
                      const char *path, struct err *e)
{
    static const char *const but[] = { KIND_KEY, NULL };
    void *at = (char *)dst + p->offset;
    bool in_table = v != NULL && v->type == VAL_TABLE;
    union scalar x = { 0 };
    struct kind_choice c = { .kind = NULL };
    keep = keep && in_table && val_get(v, KIND_KEY) == NULL;
    if (keep)
        memcpy(&c, at, sizeof c);
    else if (v != NULL)
        c.kind = kind_named(p, v, path, e);
    else if (choice_index(p, p->def, &x.i))
        c.kind = p->set->items[x.i];
    if (c.kind == NULL)
        return false;
    ASSERT(c.kind->params_size <= sizeof c.params);
    char *inner = base_printf("%s.%s", path, p->name);
    bool fine = load(c.kind->params, c.params, in_table ? v : NULL, but, keep, inner, e);
    free(inner);
    if (fine)
        memcpy(at, &c, sizeof c);
    return fine;
}

/* `keep`: what the table does not have stays as it is. */
static bool load_one(const struct param *p, void *dst, const struct val *table, bool keep,
                     const char *path, struct err *e)
{
    const struct val *v = val_get(table, p->name);
    if (v != NULL && v->type == VAL_NIL)
        v = NULL;
    if (v == NULL && keep)
        return true;
    if (p->type == PARAM_KIND)
        return load_kind(p, dst, v, keep, path, e);
    if (p->type == PARAM_VAL) {
        memcpy((char *)dst + p->offset, &v, sizeof(struct val *));
        return true;
    }
    if (p->type == PARAM_TABLE) {
        if (v != NULL && v->type != VAL_TABLE && !(v->type == VAL_LIST && v->count == 0))
            return wrong_type(p, v, path, e);
        char *inner = base_printf("%s.%s", path, p->name);
        bool ok = load(p->sub, (char *)dst + p->offset, v, NULL, keep, inner, e);
        free(inner);
        return ok;
    }
    union scalar x = { 0 };
    if (v == NULL) {
        if (p->def == NULL) {
            char where[256];
            return err_set(e, "%s%s.%s is missing: it must be given (%s)",
                           val_where(table, where, sizeof where), path, p->name, p->doc);
        }
        store(p, dst, parse_own(p, p->def));
        return true;
    }
    if (!read_value(p, v, path, &x, e) || !check_range(p, v, x, path, e))
        return false;
    store(p, dst, x);
    return true;
}

static bool unknown_key(const struct param *params, const char *const *but, const struct val *v,
                        const char *path, struct err *e)
{
    const char *names[128];
    size_t n = 0;
    for (; but && *but && n + 1 < ARRAY_LEN(names); but++)
        names[n++] = *but;
    for (const struct param *p = params; p && p->name && n + 1 < ARRAY_LEN(names); p++)
        names[n++] = p->name;
    names[n] = NULL;
    char where[256];
    if (!e->set) {
        err_set(e, "%s%s.%s is not a parameter", val_where(v, where, sizeof where), path, v->key);
        err_nearest(e, v->key, names);
    }
    return false;
}

static bool known(const struct param *params, const char *const *but, const char *key)
{
    for (const struct param *p = params; p && p->name; p++)
        if (base_same(p->name, key))
            return true;
    for (; but && *but; but++)
        if (base_same(*but, key))
            return true;
    return false;
}

static bool load(const struct param *params, void *dst, const struct val *table,
                 const char *const *but, bool keep, const char *path, struct err *e)
{
    for (size_t i = 0; table != NULL && table->type == VAL_TABLE && i < table->count; i++) {
        if (!known(params, but, table->items[i]->key))
            return unknown_key(params, but, table->items[i], path, e);
    }
    for (const struct param *p = params; p && p->name; p++) {
        if (!load_one(p, dst, table, keep, path, e))
            return false;
    }
    return true;
}

bool param_load(const struct param *params, void *dst, const struct val *table, const char *path,
                struct err *e)
{
    return load(params, dst, table, NULL, false, path, e);
}

bool param_load_but(const struct param *params, void *dst, const struct val *table,
                    const char *const *but, const char *path, struct err *e)
{
    return load(params, dst, table, but, false, path, e);
}

bool param_override(const struct param *params, void *dst, const struct val *table,
                    const char *const *but, const char *path, struct err *e)
{
    return load(params, dst, table, but, true, path, e);
}

static struct val *default_val(const struct param *p, const struct val *like)
{
    union scalar x = { 0 };
    if (p->type != PARAM_KIND)
        x = parse_own(p, p->def);
    switch (p->type) {
    case PARAM_BOOL:
        return val_new_bool(x.b, like->file, 0);
    case PARAM_INT:
        return val_new_int(x.i, like->file, 0);
    case PARAM_REAL:
        return val_new_real(x.r, like->file, 0);
    case PARAM_TIME:
    case PARAM_SIZE:
    case PARAM_RATE:
    case PARAM_CHOICE:
    case PARAM_STRING:
    case PARAM_FILE:
    case PARAM_KIND:
    case PARAM_TABLE:
    case PARAM_VAL:
        break;
    }
    return val_new_string(p->def, like->file, 0);
}

/* The name of a kind that has parameters becomes a table with them. */
static void resolve_kind(const struct param *p, struct val *table, struct val *member)
{
    if (member != NULL && member->type != VAL_TABLE && member->type != VAL_STRING)
        return;
    bool in_table = member != NULL && member->type == VAL_TABLE;
    const struct val *named = in_table ? val_get(member, KIND_KEY) : member;
    const char *name = named == NULL && !in_table                   ? p->def
                       : named != NULL && named->type == VAL_STRING ? named->u.s
                                                                    : "";
    int64_t at;
    const struct kind *k = choice_index(p, name, &at) ? p->set->items[at] : NULL;
    if (k != NULL && k->params != NULL) {
        struct val *t = in_table ? member : val_new(VAL_TABLE, table->file, 0);
        if (!in_table) {
            val_put(t, KIND_KEY, val_new_string(k->name, table->file, 0));
            val_put(table, p->name, t);
        }
        param_resolve(k->params, t);
    } else if (member == NULL) {
        val_put(table, p->name, default_val(p, table));
    }
}

void param_resolve(const struct param *params, struct val *table)
{
    ASSERT(table != NULL);
    for (const struct param *p = params; p && p->name; p++) {
        struct val *member = NULL;
        for (size_t i = 0; i < table->count; i++) {
            if (base_same(table->items[i]->key, p->name))
                member = table->items[i];
        }
        if (p->type == PARAM_KIND) {
            resolve_kind(p, table, member);
        } else if (p->type == PARAM_TABLE) {
            if (member == NULL || member->type != VAL_TABLE) {
                val_put(table, p->name, val_new(VAL_TABLE, table->file, 0));
                for (size_t i = 0; i < table->count; i++) {
                    if (base_same(table->items[i]->key, p->name))
                        member = table->items[i];
                }
            }
            param_resolve(p->sub, member);
        } else if (member == NULL && p->def != NULL && p->type != PARAM_VAL) {
            val_put(table, p->name, default_val(p, table));
        }
    }
}
