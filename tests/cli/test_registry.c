/* test_registry.c: every kind of every set is found, listed and loadable; names are typed once. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/registry.h"

Test(registry, every_kind_is_found_by_its_name_and_near_it)
{
    for (size_t i = 0; registry_sets[i]; i++) {
        const struct kind_set *set = registry_sets[i];
        for (const struct kind *const *k = set->items; *k; k++) {
            struct err e = ERR_INIT;
            struct val *table = val_new(VAL_TABLE, "c.lua", 7);
            char wrong[64], near[80];
            snprintf(wrong, sizeof wrong, "%s_", (*k)->name);
            snprintf(near, sizeof near, "did you mean '%s'?", (*k)->name);
            val_put(table, "kind", val_new_string((*k)->name, "c.lua", 7));
            cr_assert_eq(kind_choose(set, table, "kind", NULL, set->path, &e), *k,
                         "two of %s are named '%s'", set->path, (*k)->name);
            val_put(table, "kind", val_new_string(wrong, "c.lua", 7));
            cr_assert_null(kind_choose(set, table, "kind", NULL, set->path, &e));
            cr_assert(strstr(e.text, near) && strstr(e.text, "c.lua:7") &&
                          strstr(e.text, set->what),
                      "%s", e.text);
            val_free(table);
        }
    }
}

/* Defaults and bounds parse, or the process stops; what has no default is asked for. */
Test(registry, every_kind_loads)
{
    for (size_t i = 0; registry_sets[i]; i++)
        for (const struct kind *const *k = registry_sets[i]->items; *k; k++) {
            struct err e = ERR_INIT;
            void *params = kind_load(*k, NULL, NULL, (*k)->name, &e);
            cr_assert(params || strstr(e.text, "is missing: it must be given"), "%s", e.text);
            cr_assert_eq((*k)->params != NULL, (*k)->params_size > 0, "%s", (*k)->name);
            free(params);
        }
}

static bool parameter_documented(const struct param *params)
{
    for (const struct param *p = params; p && p->name; p++)
        if (!p->doc || !p->doc[0] || (p->type == PARAM_TABLE && !parameter_documented(p->sub)))
            return cr_log_error("parameter '%s'", p->name), false;
    return true;
}

static void documented(void *arg, const char *path, const char *choice, const char *doc,
                       const struct param *params)
{
    (void)arg;
    cr_assert(doc && doc[0], "%s %s", path, choice);
    cr_assert(parameter_documented(params), "%s %s", path, choice);
}

Test(registry, every_parameter_is_documented)
{
    registry_each_group(documented, NULL);
}

Test(registry, every_kind_is_listed, .init = cr_redirect_stdout)
{
    for (size_t i = 0; registry_sets[i]; i++) {
        char list[] = "list", *what = base_printf("%ss", registry_sets[i]->what);
        char *words[] = { list, what, NULL };
        cr_assert_eq(cmd_list(2, words), CLI_OK, "psim list %s", what);
        free(what);
    }
    fflush(stdout);
    static char text[1 << 16] = "\n";
    size_t n = fread(text + 1, 1, sizeof text - 2, cr_get_redirected_stdout());
    text[n + 1] = 0;
    for (size_t i = 0; registry_sets[i]; i++)
        for (const struct kind *const *k = registry_sets[i]->items; *k; k++) {
            char line[64];
            snprintf(line, sizeof line, "\n%-20s %.20s", (*k)->name, (*k)->doc);
            cr_assert(strstr(text, line), "%s", (*k)->name);
        }
}
