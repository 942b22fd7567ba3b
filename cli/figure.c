/* figure.c: psim figure: runs a configuration, draws it beside published points, judges it. */
#include "cli/figure.h"

#include <stdlib.h>
#include <string.h>

#include "cli/campaign.h"
#include "cli/clean.h"
#include "cli/commands.h"
#include "cli/expect.h"
#include "cli/table.h"

struct figure_options {
    struct cli_list set;
    struct cli_seed seed;
    int64_t jobs, replications;
    const char *output, *db;
    bool fresh, quiet;
};

static int worse(int a, int b)
{
    return a > b ? a : b;
}

/* Draws the results; a complaint when that is not possible, since the verdicts stand without. */
static int draw_figure(const struct config *c, const struct dataset *d, const char *output)
{
    struct drawing g;
    struct err e = ERR_INIT;
    struct draw_request q = figure_request(c->figure);
    if (!drawing_make(&g, d, &q, &e))
        return cli_complain(CLI_USAGE, &e);
    figure_add_published(&g, c->figure, c->expectations);
    bool ok = drawing_run(&g, output, &e);
    drawing_fini(&g);
    if (!ok)
        return cli_complain(CLI_USAGE, &e);
    putchar('\n');
    clean_print(stdout, "figure: %s\n", output);
    return CLI_OK;
}

static void print_sources(const struct val *figure)
{
    const struct val *published = val_get(figure, "published");
    for (size_t i = 0; published != NULL && i < published->count; i++) {
        const struct val *s = published->items[i];
        fputs(i == 0 ? "\npublished points:\n" : "", stdout);
        clean_print(stdout, "  %s: %s (%s confidence)\n", val_get(s, "name")->u.s,
                    val_get(s, "citation")->u.s, val_get(s, "confidence")->u.s);
    }
}

/* Plain expectations, those without a kind. */
static size_t print_plain(const struct config *c, const struct campaign *r)
{
    size_t n, failed = 0;
    struct expect_verdict *v = expect_judge(c, r, &n);
    for (size_t i = 0; i < n; i++) {
        ASSERT(c->expectations != NULL); /* there are verdicts */
        if (val_get(c->expectations->items[i], "kind") != NULL || v[i].left_out)
            continue;
        clean_print(stdout, "%s: %s\n", v[i].ok ? "as expected" : "NOT as expected", v[i].text);
        failed += !v[i].ok;
    }
    expect_free(v, n);
    return failed;
}

/* Those of the list that have cases in this run; it is the caller's. */
static struct val *judgeable(const struct config *c, const struct val *list, size_t *left_out)
{
    struct val *out = val_new(VAL_LIST, NULL, 0);
    for (size_t i = 0; i < list->count; i++) {
        bool out_of_it = expect_left_out(c, c->figure, list->items[i]);
        *left_out += out_of_it;
        if (!out_of_it)
            val_append(out, val_copy(list->items[i]));
    }
    return out;
}

static size_t plain_left_out(const struct config *c, size_t *all)
{
    size_t n = 0;
    for (size_t i = 0; c->expectations != NULL && i < c->expectations->count; i++) {
        const struct val *x = c->expectations->items[i];
        *all += val_get(x, "kind") == NULL;
        n += val_get(x, "kind") == NULL && expect_left_out(c, c->figure, x);
    }
    return n;
}

static int judge_figure(const struct config *c, const struct campaign *r, const struct dataset *d)
{
    struct verdicts v;
    struct err e = ERR_INIT;
    struct judge_axes axes = judge_axes_of(c->figure);
    size_t left_out = 0;
    struct val *all = figure_expectations(c->figure, c->expectations);
    struct val *list = judgeable(c, all, &left_out);
    size_t count = all->count;
    bool ok = judge(d, &axes, list, &v, &e);
    val_free(list);
    val_free(all);
    if (!ok)
        return cli_complain(CLI_USAGE, &e);
    putchar('\n');
    figure_print_verdicts(&v, stdout);
    size_t failed = v.failed + print_plain(c, r);
    left_out += plain_left_out(c, &count);
    expect_tell_left_out(left_out, count);
    if (count == 0)
        puts("nothing is expected of this figure");
    verdicts_fini(&v);
    return failed > 0 ? CLI_FAILED : CLI_OK;
}

static int report(const struct config *c, const struct campaign *r, const char *db,
                  const char *output)
{
    struct dataset d;
    struct err e = ERR_INIT;
    if (!dataset_load_file(&d, db, 0, &e) ||
        !dataset_over_time(&d, db, figure_request(c->figure).x, &e))
        return cli_complain(CLI_USAGE, &e);
    table_print(stdout, c, r);
    fflush(stdout);
    table_problems(stderr, c, r);
    int code = worse(campaign_exit(r), judge_figure(c, r, &d));
    print_sources(c->figure);
    code = worse(code, draw_figure(c, &d, output));
    clean_print(stdout, "results: %s\n", db);
    dataset_fini(&d);
    return code;
}

static int run_figure(struct config *c, const struct figure_options *o, const char *command)
{
    struct err e = ERR_INIT;
    struct campaign r;
    if (c->figure == NULL)
        return cli_complainf(
            CLI_USAGE, "'%s' has no figure = { x = ..., y = ... }; psim run runs it", c->file);
    if (!figure_check(c->figure, &e))
        return cli_complain(CLI_USAGE, &e);
    char *db = o->db != NULL ? base_strdup(o->db) : base_printf("results/runs/%s.db", c->name);
    char *output =
        o->output != NULL ? base_strdup(o->output) : base_printf("results/runs/%s.svg", c->name);
    const struct campaign_options co = { .jobs = (size_t)o->jobs,
                                         .output = db,
                                         .resume = !o->fresh,
                                         .command = command,
                                         .quiet = o->quiet };
    int code;
    if (!drawing_begins(output, &e) || !draw_make_folder(db, &e)) {
        code = cli_complain(CLI_USAGE, &e);
    } else {
        bool ran = campaign_run(c, &co, &r, &e);
        code = ran ? CLI_OK : cli_complain(CLI_USAGE, &e);
        if (r.interrupted)
            code = cli_complainf(CLI_POINT, "interrupted; what was finished is kept");
        else if (ran)
            code = report(c, &r, db, output);
        campaign_fini(&r);
    }
    free(db);
    free(output);
    return code;
}

int cmd_figure(int argc, char **argv)
{
    struct figure_options o = { .jobs = 1 };
    const struct cli_option options[] = {
        { 'p', "set", CLI_LIST, &o.set, "PATH=VALUE", "set a parameter; may be given often" },
        { 0, "seed", CLI_SEED, &o.seed, "N", "master seed of the random streams" },
        { 'r', "replications", CLI_COUNT, &o.replications, "N", "runs of each combination" },
        { 'j', "jobs", CLI_COUNT, &o.jobs, "N", "points that run at a time (1)" },
        { 'o', "output", CLI_TEXT, &o.output, "FILE",
          "drawing, .svg or .png (results/runs/NAME.svg)" },
        { 'd', "db", CLI_TEXT, &o.db, "FILE", "results file (results/runs/NAME.db)" },
        { 0, "fresh", CLI_FLAG, &o.fresh, NULL,
          "run again what the results file holds as finished" },
        { 'q', "quiet", CLI_FLAG, &o.quiet, NULL, "no progress line" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "figure",
        .operands = "NAME",
        .doc =
            "Runs a configuration that has a figure, draws the results beside published points,\n"
            "and judges its expectations.  Exit status 1 when one fails.",
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
                                       .seed = o.seed.given ? &o.seed.value : NULL,
                                       .replications = o.replications };
    struct config *c = config_load(file, &co, &e);
    free(o.set.items);
    if (c == NULL)
        return cli_complain(CLI_USAGE, &e);
    char *command = base_printf("psim figure %s", file);
    code = run_figure(c, &o, command);
    free(command);
    config_free(c);
    return code;
}
