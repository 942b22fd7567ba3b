/* main.c: the psim command: the table of subcommands, and the choice among them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/commands.h"

static const struct cli_command commands[] = {
    { "run", cmd_run, "run every point of a configuration: a table, a results file, a verdict" },
    { "check", cmd_check, "say whether a configuration is good, without running it" },
    { "list", cmd_list, "what there is: configs, workloads, networks, devices, parameters, ..." },
    { "export", cmd_export, "write results as comma-separated values" },
    { "compare", cmd_compare, "compare results with others or with reference results" },
    { "figure", cmd_figure, "run a configuration, draw it beside published points, judge it" },
    { "suite", cmd_suite, "run the benchmark suite on a machine, or on two, and write a page" },
    { "trace", cmd_trace, "run one point and write what happened when, for Perfetto" },
    { "plot", cmd_plot, "draw results over a swept parameter" },
    { "demerit", cmd_demerit, "how far apart the response times of two records are" },
    { "live", cmd_live, "run the protocols on this machine's network: a host on a TAP" },
    { NULL, NULL, NULL },
};

static void print_help(void)
{
    puts("psim simulates a Paragon-class multicomputer: mesh, nodes, protocols, disks, files.\n\n"
         "usage: psim COMMAND [OPTION]... [ARGUMENT]...\n\ncommands:");
    for (const struct cli_command *c = commands; c->name; c++)
        printf("  %-10s %s\n", c->name, c->doc);
    puts("\n'psim COMMAND --help' explains one; 'psim --version' prints the version.\n"
         "exit status: 0 good, 1 an expectation or audit failed, 2 usage or configuration,\n"
         "3 a point crashed, deadlocked or ran past its limits, or output could not be written");
}

static int unknown_command(const char *name)
{
    const char *names[ARRAY_LEN(commands)];
    size_t n = 0;
    for (const struct cli_command *c = commands; c->name; c++)
        names[n++] = c->name;
    names[n] = NULL;
    const char *near = nearest_name(name, names);
    if (near)
        return cli_complainf(CLI_USAGE, "there is no command '%s', did you mean '%s'?", name, near);
    return cli_complainf(CLI_USAGE, "there is no command '%s'; 'psim --help' lists them", name);
}

/* Results that standard output did not take are lost. */
static int written(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    return cli_complainf(CLI_POINT, "standard output could not be written: %s",
                         errno != 0 ? strerror(errno) : "the disk reported an error");
}

int main(int argc, char **argv)
{
    clean_streams();
    if (argc < 2)
        return cli_complainf(CLI_USAGE, "which command? 'psim --help' lists them");
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("psim " PSIM_VERSION);
        return written(CLI_OK);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return written(CLI_OK);
    }
    for (const struct cli_command *c = commands; c->name; c++)
        if (strcmp(argv[1], c->name) == 0)
            return written(c->fn(argc - 1, argv + 1));
    return unknown_command(argv[1]);
}
