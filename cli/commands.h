/* commands.h: the subcommands of psim, their exit codes, and the options they share.
 *
 * A command is a function `int cmd_NAME(int argc, char **argv)` in cli/NAME.c and one line in the
 * table of cli/main.c.  argv[0] is the command's own name.  It returns one of enum cli_exit, writes
 * results to standard output and complaints ("psim: " and one sentence) to standard error.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "sim/base/base.h"
#include "sim/base/err.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1, /* an expectation or an audit failed */
    CLI_USAGE = 2,  /* usage, configuration, files */
    CLI_POINT = 3   /* a point crashed, deadlocked or ran past its limits; output was lost */
};

struct cli_command {
    const char *name; /* NULL ends the table */
    int (*fn)(int argc, char **argv);
    const char *doc; /* one line for `psim --help` */
};

int cmd_suite(int argc, char **argv);   /* the benchmark suite on machines, as a page */
int cmd_run(int argc, char **argv);     /* runs all points: a table, a results file, a verdict */
int cmd_check(int argc, char **argv);   /* is a configuration good? runs nothing */
int cmd_list(int argc, char **argv);    /* what there is: workloads, parameters, ... */
int cmd_export(int argc, char **argv);  /* stored results as comma-separated values */
int cmd_plot(int argc, char **argv);    /* stored results drawn over a swept parameter */
int cmd_compare(int argc, char **argv); /* stored results with others, or with reference ones */
int cmd_figure(int argc, char **argv);  /* runs, draws beside published points, judges */
int cmd_trace(int argc, char **argv);   /* runs one point and writes what happened when */
int cmd_demerit(int argc, char **argv); /* distance of two records of response times */
int cmd_live(int argc, char **argv);    /* a host on this machine's network */

/* ---- options ---- */

enum cli_option_type {
    CLI_FLAG,  /* bool */
    CLI_TEXT,  /* const char *, borrowed from argv */
    CLI_LIST,  /* struct cli_list: may be given often */
    CLI_COUNT, /* int64_t, at least 1 */
    CLI_SEED   /* struct cli_seed, decimal or 0x... */
};

struct cli_seed {
    uint64_t value;
    bool given;
};

struct cli_list {
    const char **items;
    size_t count;
};

/* Members stand in the order in which tables are written.
 * NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct cli_option {
    char letter;      /* 0: no short form */
    const char *name; /* without the dashes; NULL ends the table */
    enum cli_option_type type;
    void *dst;       /* keeps its value when the option is not given */
    const char *arg; /* what stands for the argument in the help: "FILE"; NULL for CLI_FLAG */
    const char *doc;
};

struct cli_usage {
    const char *command;  /* "run" */
    const char *operands; /* "CONFIG" */
    const char *doc;      /* a sentence or more for `psim COMMAND --help` */
    const struct cli_option *options;
    size_t operands_min, operands_max;
};

/* Reads argv (options and operands may be mixed; "--" ends the options; "-pX", "-p X", "--name X"
 * and "--name=X" are all read).  Operands go to `operands` (room for operands_max), their number to
 * *count.  Returns true to go on; false when the command is to return *code at once: after --help
 * (CLI_OK), or after a mistake that is already told (CLI_USAGE). */
bool cli_options(const struct cli_usage *u, int argc, char **argv, const char **operands,
                 size_t *count, int *code) MUST_CHECK;

/* Prints "psim: SENTENCE" to standard error; returns `code`, or CLI_POINT for a loss. */
int cli_complain(int code, const struct err *e);
int cli_complainf(int code, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
