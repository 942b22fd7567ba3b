/* trace.c: psim trace: runs one point with its trace open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/campaign.h"
#include "cli/clean.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "os/node.h"
#include "sim/base/units.h"
#include "sim/trace.h"

struct trace_options {
    struct cli_list set;
    struct cli_seed seed;
    int64_t point;
    const char *output, *from, *to, *categories, *nodes;
    bool quiet;
};

/* Leaves the chosen point alone in the configuration. */
static bool choose_point(struct config *c, int64_t point, struct err *e)
{
    if ((uint64_t)point > c->point_count)
        return err_set(e, "'%s' has %zu point%s: there is no point %lld", c->file, c->point_count,
                       c->point_count == 1 ? "" : "s", (long long)point);
    if (!config_case_used(c->points[point - 1].c) || c->points[point - 1].c->answer)
        return err_set(e,
                       "point %lld of '%s' is chosen by its bisection: -p %s=VALUE gives one value",
                       (long long)point, c->file, c->bisect->path);
    c->points[0] = c->points[point - 1];
    c->point_count = 1;
    c->bisect = NULL;
    c->group_size = 1;
    return true;
}

/* Every word of the list is a category. */
static bool check_categories(const char *list, struct err *e)
{
    static const char *const known[] = { "cpu", "bus", "mesh", "disk", "server", "os", NULL };
    for (const char *word = list; word != NULL;) {
        size_t n = strcspn(word, ","), i = 0;
        while (known[i] != NULL && (strlen(known[i]) != n || strncmp(known[i], word, n) != 0))
            i++;
        if (known[i] == NULL) {
            char *name = base_printf("%.*s", (int)n, word);
            err_set(e, "a trace has no category '%s'", name);
            err_nearest(e, name, known);
            free(name);
            return false;
        }
        word = word[n] == ',' ? word + n + 1 : NULL;
    }
    return true;
}

static void say_what_runs(const struct config *c, size_t of)
{
    char *values = val_canonical(c->points[0].c->sweep);
    for (char *p = values; *p != '\0'; p++) {
        if (*p == '\n')
            *p = p[1] != '\0' ? ',' : '\0';
    }
    if (of > 1)
        clean_print(stdout, "one point of %zu: %s\n", of, values);
    free(values);
}

static int run_trace(struct config *c, const struct trace_options *o)
{
    struct err e = ERR_INIT;
    struct campaign r;
    struct campaign_options co = { .jobs = 1, .quiet = o->quiet };
    if (o->from != NULL && !units_parse_time(o->from, &co.point.trace_from, &e))
        return cli_complain(CLI_USAGE, &e);
    if (o->to != NULL && !units_parse_time(o->to, &co.point.trace_to, &e))
        return cli_complain(CLI_USAGE, &e);
    if (o->to != NULL && co.point.trace_to <= co.point.trace_from)
        return cli_complainf(CLI_USAGE, "--to '%s' must be later than --from", o->to);
    if (!check_categories(o->categories, &e))
        return cli_complain(CLI_USAGE, &e);
    size_t of = c->point_count;
    if (!choose_point(c, o->point, &e))
        return cli_complain(CLI_USAGE, &e);
    say_what_runs(c, of);
    char *output = o->output != NULL ? base_strdup(o->output) : base_printf("%s.json", c->name);
    co.point.trace = output;
    co.point.trace_categories = o->categories;
    co.point.trace_nodes = o->nodes;
    int code = CLI_USAGE;
    if (campaign_run(c, &co, &r, &e)) {
        code = campaign_exit(&r);
        table_problems(stderr, c, &r);
        if (code != CLI_USAGE && r.status[POINT_UNWRITTEN] == 0)
            clean_print(stdout, "%s: open it at https://ui.perfetto.dev; digest %s\n", output,
                        r.results[0].digest);
    } else {
        cli_complain(code, &e);
    }
    campaign_fini(&r);
    free(output);
    return code;
}

int cmd_trace(int argc, char **argv)
{
    struct trace_options o = { .point = 1 };
    const struct cli_option options[] = {
        { 'p', "set", CLI_LIST, &o.set, "PATH=VALUE", "set a parameter; may be given often" },
        { 0, "seed", CLI_SEED, &o.seed, "N", "master seed of the random streams" },
        { 'n', "point", CLI_COUNT, &o.point, "N", "which point of the sweep, from 1 (1)" },
        { 'o', "output", CLI_TEXT, &o.output, "FILE",
          "trace to write (NAME.json); FILE.json.zst compresses" },
        { 0, "from", CLI_TEXT, &o.from, "TIME", "leave out what was before, like 2.5ms" },
        { 0, "to", CLI_TEXT, &o.to, "TIME", "leave out what came after" },
        { 'c', "categories", CLI_TEXT, &o.categories, "LIST", "only these, like mesh,disk,cpu,os" },
        { 0, "nodes", CLI_TEXT, &o.nodes, "LIST",
          "only these, like 0-3,io0,service; compute and io are all of them, machine is no node" },
        { 'q', "quiet", CLI_FLAG, &o.quiet, NULL, "no progress line" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "trace",
        .operands = "CONFIG",
        .doc =
            "Runs one point of a configuration and writes what happened when, as a Chrome trace\n"
            "that Perfetto opens.  The digest of the run is that of a run without a trace.",
        .options = options,
        .operands_min = 1,
        .operands_max = 1,
    };
    const char *file;
    size_t n;
    int code;
    struct err e = ERR_INIT;
    if (!cli_options(&usage, argc, argv, &file, &n, &code))
        return code;
    const struct config_options co = { .overrides = o.set.items,
                                       .override_count = o.set.count,
                                       .seed = o.seed.given ? &o.seed.value : NULL };
    struct config *c = config_load(file, &co, &e);
    free(o.set.items);
    if (c == NULL)
        return cli_complain(CLI_USAGE, &e);
    code = run_trace(c, &o);
    config_free(c);
    return code;
}
