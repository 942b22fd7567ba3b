/* list.c: psim list: what a configuration may name, from the same arrays that load it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/registry.h"
#include "sim/input.h"
#include "workloads/workload.h"

/* ---- files ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The first comment line of a file, without its dashes; "" when it does not begin with one. */
static void first_comment(const char *path, char *out, size_t size)
{
    struct input in;
    struct err e = ERR_INIT;
    out[0] = 0;
    if (!input_read(&in, NULL, path, INPUT_MAX, &e))
        return;
    if (strncmp(in.text, "--", 2) == 0) {
        const char *text = in.text + strspn(in.text, "-[= ");
        snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
    }
    input_fini(&in);
}

static void list_folder(const char *dir, const char *below)
{
    char *path = below ? base_printf("%s/%s", dir, below) : base_strdup(dir);
    DIR *d = opendir(path);
    char **names = NULL;
    size_t n = 0;
    for (struct dirent *entry; d && (entry = readdir(d));) {
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 4, ".lua") != 0)
            continue;
        names = base_realloc(names, (n + 1) * sizeof *names);
        names[n++] = base_strdup(entry->d_name);
    }
    if (d)
        closedir(d);
    if (n > 0)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        char doc[200];
        char *file = base_printf("%s/%s", path, names[i]);
        first_comment(file, doc, sizeof doc);
        clean_print(stdout, "%-36s %s\n", file, doc);
        free(file);
        free(names[i]);
    }
    free(names);
    free(path);
}

static void list_configs(void)
{
    const char *const *dirs = config_search_path();
    if (!dirs[0])
        return;
    list_folder(dirs[0], NULL); /* the first is the one that is used */
    list_folder(dirs[0], "figures");
}

static void list_machines(void)
{
    const char *const *dirs = config_search_path();
    if (dirs[0])
        list_folder(dirs[0], "machines");
}

/* ---- kinds ---- */

/* Every kind of the sets of one `what`; false: there is no such set. */
static bool list_kinds(const char *what)
{
    bool found = false;
    for (size_t i = 0; registry_sets[i]; i++) {
        const struct kind_set *set = registry_sets[i];
        size_t n = strlen(set->what);
        if (strncmp(what, set->what, n) != 0 || strcmp(what + n, "s") != 0)
            continue;
        found = true;
        for (const struct kind *const *k = set->items; *k; k++)
            printf("%-20s %s\n", (*k)->name, (*k)->doc);
    }
    return found;
}

static void list_measures(void)
{
    puts("of a machine's workload (each becomes .count, .mean, .min, .max, .p50, .p90, .p95, "
         ".p99):");
    for (int i = 0; registry_workloads.items[i]; i++) {
        const struct workload_ops *w = kind_at(&registry_workloads, i);
        for (const struct measure *m = w->measures; m && m->name; m++)
            printf("%-16s %-20s %-10s %s\n", w->kind.name, m->name, m->unit, m->doc);
        for (const struct counter_ratio *r = w->ratios; r && r->name; r++)
            printf("%-16s %-20s %-10s %s\n", w->kind.name, r->name, "1", r->doc);
    }
    puts("of a bare mesh or devices: 'psim run CONFIG --json' shows what its workload reports");
}

static void print_counter(void *arg, const char *owner, const struct counter *c)
{
    static const char *const hows[] = { "sum", "most", "now", "left" };
    _Static_assert(ARRAY_LEN(hows) == COUNTER_HOWS, "a word for each");
    (void)arg;
    char *name = base_printf("%s.%s", owner, c->name);
    printf("%-32s %-4s %-5s %s\n", name, c->unit, hows[c->how], c->doc);
    free(name);
}

static void list_counters(void)
{
    puts("over all nodes and the measurement window; of a protocol under its instance's name:");
    registry_each_counter(print_counter, NULL);
}

/* ---- parameters ---- */

static void range_of(const struct param *p, char *out, size_t size)
{
    out[0] = 0;
    if (p->type == PARAM_CHOICE || p->type == PARAM_KIND) {
        for (int i = 0; param_choice(p, i); i++) {
            size_t used = strlen(out);
            snprintf(out + used, size - used, "%s%s", i ? ", " : "", param_choice(p, i));
        }
    } else if (p->min && p->max) {
        snprintf(out, size, "%s to %s", p->min, p->max);
    } else if (p->min) {
        snprintf(out, size, "at least %s", p->min);
    } else if (p->max) {
        snprintf(out, size, "at most %s", p->max);
    }
}

static void print_params(const char *path, const struct param *params, bool markdown)
{
    for (const struct param *p = params; p->name; p++) {
        char range[512];
        char *full = base_printf("%s.%s", path, p->name);
        range_of(p, range, sizeof range);
        if (p->type == PARAM_TABLE) {
            print_params(full, p->sub, markdown);
        } else if (markdown) {
            printf("| `%s` | %s | %s | %s | %s | %s |\n", full, param_type_name(p->type),
                   p->def                 ? p->def
                   : p->type == PARAM_VAL ? ""
                                          : "must be given",
                   range, p->doc, p->src ? p->src : "");
        } else {
            printf("  %-34s %-12s %-12s %s\n", full, param_type_name(p->type),
                   p->def ? p->def : "-", p->doc);
        }
        free(full);
    }
}

static void print_group(void *arg, const char *path, const char *choice, const char *doc,
                        const struct param *params)
{
    bool markdown = *(bool *)arg;
    printf(markdown ? "\n## %s%s%s%s\n\n" : "\n%s%s%s%s\n", path, choice ? " (" : "",
           choice ? choice : "", choice ? ")" : "");
    printf("%s%s\n", markdown ? "" : "  ", doc);
    if (markdown)
        puts("\n| parameter | type | default | allowed | meaning | source "
             "|\n|---|---|---|---|---|---|");
    print_params(path, params, markdown);
}

/* The kinds that have no parameters of their own. */
static void print_choices(void)
{
    for (size_t i = 0; registry_sets[i]; i++) {
        const struct kind_set *set = registry_sets[i];
        bool any = false;
        for (const struct kind *const *k = set->items; *k; k++)
            any |= (*k)->params == NULL;
        if (!any)
            continue;
        printf("\n## %s\n\nA %s is one of:\n\n| name | meaning |\n|---|---|\n", set->path,
               set->what);
        for (const struct kind *const *k = set->items; *k; k++)
            if (!(*k)->params)
                printf("| `%s` | %s |\n", (*k)->name, (*k)->doc);
    }
}

static void list_parameters(bool markdown)
{
    if (markdown)
        puts("# Parameters\n\nGenerated by `psim list parameters --markdown` from the arrays that "
             "load them; do not edit.\nEvery dimensioned value needs its unit.  Sources marked "
             "ASSUMED have no reference; the reason is given.\nA parameter without a source is a "
             "choice of the experiment.");
    registry_each_group(print_group, &markdown);
    if (markdown)
        print_choices();
}

/* ---- the command ---- */

static const struct {
    const char *what, *doc;
    void (*list)(void);
} lists[] = {
    { "configs", "experiments that ship", list_configs },
    { "machines", "machine presets for include", list_machines },
    { "measures", "what workloads observe", list_measures },
    { "counters", "what tasks, devices and networks count", list_counters },
    { "parameters", "every parameter with its type, default and meaning", NULL },
};
#define NAMES_MAX 64

/* What can be listed: those above, and the kinds of every set; *docs for each. Heap names. */
static size_t all_names(char **names, const char **docs)
{
    size_t n = 0;
    for (; n < ARRAY_LEN(lists); n++) {
        names[n] = base_strdup(lists[n].what);
        docs[n] = lists[n].doc;
    }
    for (size_t i = 0; registry_sets[i] && n + 1 < NAMES_MAX; i++) {
        names[n] = base_printf("%ss", registry_sets[i]->what);
        docs[n] = registry_sets[i]->path;
        if (n > 0 && strcmp(names[n - 1], names[n]) == 0) /* sets of one `what` stand together */
            free(names[n]);
        else
            n++;
    }
    names[n] = NULL;
    return n;
}

static bool list_one(const char *what, bool markdown)
{
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (strcmp(what, lists[i].what) != 0)
            continue;
        if (lists[i].list)
            lists[i].list();
        else
            list_parameters(markdown);
        return true;
    }
    return list_kinds(what);
}

int cmd_list(int argc, char **argv)
{
    bool markdown = false;
    const struct cli_option options[] = {
        { 0, "markdown", CLI_FLAG, &markdown, NULL, "parameters as a page of the manual" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "list",
        .operands = "[WHAT]",
        .doc = "Lists what there is, from the arrays that load it.",
        .options = options,
        .operands_max = 1,
    };
    const char *what = NULL, *docs[NAMES_MAX];
    char *names[NAMES_MAX];
    size_t n;
    int code;
    if (!cli_options(&usage, argc, argv, &what, &n, &code))
        return code;
    if (n > 0 && list_one(what, markdown))
        return CLI_OK;
    size_t count = all_names(names, docs);
    struct err e = ERR_INIT;
    for (size_t i = 0; n == 0 && i < count; i++)
        printf("psim list %-12s %s\n", names[i], docs[i]);
    if (n > 0) {
        err_set(&e, "'psim list' knows no '%s'", what);
        err_nearest(&e, what, (const char *const *)names);
    }
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return n == 0 ? CLI_OK : cli_complain(CLI_USAGE, &e);
}
