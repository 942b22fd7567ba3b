/* kind.c: choosing by name. */
#include "sim/base/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const void *kind_find(const struct kind_set *set, const char *name)
{
    for (size_t i = 0; set->items[i] != NULL; i++)
        if (base_same(set->items[i]->name, name))
            return set->items[i];
    return NULL;
}

struct kind_choice kind_plain(const struct kind_set *set, const char *name)
{
    struct kind_choice c = { .kind = kind_find(set, name) };
    struct err e = ERR_INIT;
    ASSERT(c.kind != NULL && c.kind->params_size <= sizeof c.params);
    bool fine = param_load(c.kind->params, c.params, NULL, name, &e);
    ASSERT_MSG(fine, e.text);
    return c;
}

void kind_nearest(const struct kind_set *set, const char *wrong, struct err *e)
{
    size_t n = 0;
    while (set->items[n] != NULL)
        n++;
    for (size_t i = 0; i < n; i++)
        if (set->items[i]->was != NULL && strcmp(set->items[i]->was, wrong) == 0) {
            size_t used = strlen(e->text);
            snprintf(e->text + used, sizeof e->text - used, ": it is '%s' now",
                     set->items[i]->name);
            return;
        }
    const char **names = base_zalloc(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = set->items[i]->name;
    err_nearest(e, wrong, names);
    free(names);
}

const void *kind_choose(const struct kind_set *set, const struct val *table, const char *key,
                        const char *otherwise, const char *path, struct err *e)
{
    const struct val *v = val_get(table, key);
    char where[256];
    if (v == NULL && otherwise != NULL)
        return kind_find(set, otherwise);
    if (v != NULL && v->type != VAL_STRING) {
        err_set(e, "%s%s.%s is %s but must be a name in quotes", val_where(v, where, sizeof where),
                path, key, val_type_name(v->type));
        return NULL;
    }
    const char *name = v != NULL ? v->u.s : "";
    const void *found = kind_find(set, name);
    if (found != NULL || e->set)
        return found;
    if (v == NULL)
        err_set(e, "%s%s.%s is missing: it names the %s", val_where(table, where, sizeof where),
                path, key, set->what);
    else
        err_set(e, "%s%s.%s: there is no %s '%.80s'", val_where(v, where, sizeof where), path, key,
                set->what, name);
    kind_nearest(set, name, e);
    return NULL;
}

void *kind_load(const struct kind *k, const struct val *table, const char *const *but,
                const char *path, struct err *e)
{
    void *params = base_zalloc(1, k->params_size + 1);
    if (param_load_but(k->params, params, table, but, path, e))
        return params;
    free(params);
    return NULL;
}
