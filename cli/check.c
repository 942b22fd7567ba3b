/* check.c: psim check: evaluates and checks a configuration; the engine is not started. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/clean.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/point.h"

static void print_points(const struct config *c)
{
    size_t combinations = c->case_count / c->group_size;
    size_t values = c->bisect ? c->bisect->probes_max : 1;
    size_t points = combinations * values * c->replications;
    clean_print(stdout, "%s: good: %s%zu point%s", c->file, c->bisect ? "at most " : "", points,
                points == 1 ? "" : "s");
    if (c->axis_count > 0 || c->replications > 1)
        printf(" (%zu combination%s x %u replication%s", combinations, combinations == 1 ? "" : "s",
               c->replications, c->replications == 1 ? "" : "s");
    if (c->bisect)
        printf(" x at most %zu values of %s", values, c->bisect->path);
    if (c->axis_count > 0 || c->replications > 1)
        putchar(')');
    for (size_t i = 0; i < c->axis_count; i++)
        printf("%s%s", i ? ", " : "; swept: ", c->axes[i]);
    putchar('\n');
}

#define BUILD_SECONDS 0.02 /* a check is quick: what it spends on building worlds */

int cmd_check(int argc, char **argv)
{
    struct cli_list set = { 0 };
    bool resolved = false;
    int64_t which = 1;
    const struct cli_option options[] = {
        { 'p', "set", CLI_LIST, &set, "PATH=VALUE", "set a parameter; may be given often" },
        { 0, "resolved", CLI_FLAG, &resolved, NULL,
          "print every parameter of one combination, defaults written out" },
        { 0, "case", CLI_COUNT, &which, "N", "which combination of the sweep (1 is the first)" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "check",
        .operands = "CONFIG",
        .doc = "Evaluates the configuration and its whole sweep and checks every parameter.",
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
    struct config_options o = { .overrides = set.items,
                                .override_count = set.count,
                                .nameless = !resolved };
    struct config *c = config_load(file, &o, &e);
    free(set.items);
    if (!c)
        return cli_complain(CLI_USAGE, &e);
    code = CLI_OK;
    if (!point_check_all(c, BUILD_SECONDS, &e))
        code = cli_complain(CLI_USAGE, &e);
    else if (!resolved)
        print_points(c);
    else if ((size_t)which > c->case_count / c->group_size)
        code = cli_complainf(CLI_USAGE, "the sweep has %zu combinations, there is no number %lld",
                             c->case_count / c->group_size, (long long)which);
    else
        fputs(c->cases[((size_t)which - 1) * c->group_size].canonical, stdout);
    config_free(c);
    return code;
}
