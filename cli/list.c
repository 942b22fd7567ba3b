/* list.c: psim list: what a configuration may name, from the same arrays that load it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/registry.h"
#include "disks/build.h"
#include "os/xk/xobj.h"

/* ---- files ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The first comment line of a file, without its dashes; "" when it does not begin with one. */
static void first_comment(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    out[0] = 0;
    if (!f)
        return;
    if (fgets(out, (int)size, f) && strncmp(out, "--", 2) == 0) {
        size_t skip = strspn(out, "-[= ");
        memmove(out, out + skip, strlen(out + skip) + 1);
        out[strcspn(out, "\n")] = 0;
    } else {
        out[0] = 0;
    }
    fclose(f);
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
        printf("%-36s %s\n", file, doc);
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

/* ---- arrays ---- */

static void item(const char *name, const char *doc)
{
    printf("%-20s %s\n", name, doc);
}

static void list_networks(void)
{
    for (size_t i = 0; registry_nets[i]; i++)
        item(registry_nets[i]->name, registry_nets[i]->doc);
}

static void list_workloads(void)
{
    for (size_t i = 0; registry_workloads[i]; i++)
        item(registry_workloads[i]->name, registry_workloads[i]->doc);
    for (size_t i = 0; registry_direct[i]; i++)
        item(registry_direct[i]->name, registry_direct[i]->doc);
}

static void list_disks(void)
{
    for (const struct blk_kind *k = blk_kinds; k->name; k++)
        item(k->name, k->doc);
}

static void list_protocols(void)
{
    for (size_t i = 0; registry_protls[i]; i++)
        item(registry_protls[i]->name, registry_protls[i]->doc);
}

static void list_measures(void)
{
    puts("of a machine's workload (each becomes .count, .mean, .min, .max, .p50, .p90, .p99):");
    for (size_t i = 0; registry_workloads[i]; i++) {
        const struct measure_desc *m = registry_workloads[i]->measures;
        for (; m && m->name; m++)
            printf("%-16s %-20s %-10s %s\n", registry_workloads[i]->name, m->name, m->unit, m->doc);
    }
    puts("of a bare mesh or devices: 'psim run CONFIG --json' shows what its workload reports");
}

/* ---- parameters ---- */

static void range_of(const struct param *p, char *out, size_t size)
{
    out[0] = 0;
    if (p->type == PARAM_CHOICE) {
        for (size_t i = 0; p->choices[i]; i++) {
            size_t used = strlen(out);
            snprintf(out + used, size - used, "%s%s", i ? ", " : "", p->choices[i]);
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

static void print_group(void *arg, const struct registry_group *g)
{
    bool markdown = *(bool *)arg;
    printf(markdown ? "\n## %s%s%s%s\n\n" : "\n%s%s%s%s\n", g->path, g->choice ? " (kind = '" : "",
           g->choice ? g->choice : "", g->choice ? "')" : "");
    printf("%s%s\n", markdown ? "" : "  ", g->doc);
    if (markdown)
        puts("\n| parameter | type | default | allowed | meaning | source "
             "|\n|---|---|---|---|---|---|");
    print_params(g->path, g->params, markdown);
}

static void list_parameters(bool markdown)
{
    if (markdown)
        puts("# Parameters\n\nGenerated by `psim list parameters --markdown` from the arrays that "
             "load them; do not edit.\nEvery dimensioned value needs its unit.  Sources marked "
             "ASSUMED have no reference; the reason is given.");
    registry_each_group(print_group, &markdown);
}

/* ---- the command ---- */

static void list_all_kinds(void)
{
    puts("psim list configs      experiments that ship\n"
         "psim list machines     machine presets for include\n"
         "psim list workloads    what can run\n"
         "psim list networks     interconnect models\n"
         "psim list disks        devices and arrays\n"
         "psim list protocols    what a protocol graph is made of\n"
         "psim list measures     what workloads observe\n"
         "psim list parameters   every parameter with its type, default and meaning");
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
    static const char *const kinds[] = { "configs",   "machines", "workloads",  "networks", "disks",
                                         "protocols", "measures", "parameters", NULL };
    static void (*const fns[])(void) = { list_configs,  list_machines, list_workloads,
                                         list_networks, list_disks,    list_protocols,
                                         list_measures };
    const char *what = NULL;
    size_t n;
    int code;
    if (!cli_options(&usage, argc, argv, &what, &n, &code))
        return code;
    if (n == 0) {
        list_all_kinds();
        return CLI_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(fns); i++) {
        if (strcmp(what, kinds[i]) == 0) {
            fns[i]();
            return CLI_OK;
        }
    }
    if (strcmp(what, "parameters") == 0) {
        list_parameters(markdown);
        return CLI_OK;
    }
    struct err e = ERR_INIT;
    err_set(&e, "'psim list' knows no '%s'", what);
    err_nearest(&e, what, kinds);
    return cli_complain(CLI_USAGE, &e);
}
