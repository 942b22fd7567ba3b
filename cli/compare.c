/* compare.c: psim compare: two results files, or one and its reference results. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/clean.h"
#include "cli/commands.h"
#include "cli/reference.h"

struct compare_options {
    struct cli_list tolerance;
    const char *name; /* --name */
    bool reference, accept, all, no_digest;
    int64_t experiment;
};

static int verdict(const struct comparison *c)
{
    bool clean = comparison_clean(c);
    printf("%s: %zu equal, %zu within tolerance, %zu differ, %zu digests differ, %zu missing, %zu "
           "new\n",
           clean ? "same" : "DIFFERENT", c->equal, c->within, c->differ, c->digests, c->missing,
           c->extra);
    return clean ? CLI_OK : CLI_FAILED;
}

static int compare_files(const char *a, const char *b, const struct compare_options *o,
                         const struct tolerance_list *t)
{
    struct dataset before, now;
    struct err e = ERR_INIT;
    if (!dataset_load_file(&before, a, 0, &e))
        return cli_complain(CLI_USAGE, &e);
    if (!dataset_load_file(&now, b, o->experiment, &e)) {
        dataset_fini(&before);
        return cli_complain(CLI_USAGE, &e);
    }
    struct reference x, y;
    reference_of(&x, &before, o->all);
    reference_of(&y, &now, o->all);
    struct comparison c = reference_compare(&x, &y, t, stdout);
    reference_fini(&x);
    reference_fini(&y);
    dataset_fini(&before);
    dataset_fini(&now);
    return verdict(&c);
}

/* results/reference/NAME.tsv here, else that of the installed files. */
static char *reference_path(const char *name)
{
    char *path = base_printf("results/reference/%s.tsv", name);
    char *installed = base_printf(PSIM_DATADIR "/reference/%s.tsv", name);
    bool here = access(path, F_OK) == 0 || access(installed, F_OK) != 0;
    free(here ? installed : path);
    return here ? path : installed;
}

static int accept_results(const char *path, struct reference *now, const struct dataset *d,
                          const struct tolerance_list *t)
{
    struct err e = ERR_INIT;
    struct reference before = { 0 };
    if (access(path, F_OK) == 0) {
        if (!reference_read(&before, path, &e))
            return cli_complain(CLI_USAGE, &e);
        reference_take_tolerances(now, &before);
    }
    struct comparison c = reference_compare(&before, now, t, stdout);
    bool clean = comparison_clean(&c);
    reference_fini(&before);
    if (clean) {
        clean_print(stdout, "%s stands as it is\n", path);
        return CLI_OK;
    }
    if (!reference_write(now, path, d->title, &e))
        return cli_complain(CLI_USAGE, &e);
    clean_print(stdout, "%s rewritten: %zu values; say in the commit why they moved\n", path,
                now->count);
    return CLI_OK;
}

static int compare_reference(const char *file, const struct compare_options *o,
                             const struct tolerance_list *t)
{
    struct dataset d;
    struct err e = ERR_INIT;
    if (!dataset_load_file(&d, file, o->experiment, &e))
        return cli_complain(CLI_USAGE, &e);
    char *path = reference_path(o->name != NULL ? o->name : d.name);
    struct reference before, now;
    int code;
    reference_of(&now, &d, o->all);
    if (o->accept) {
        code = accept_results(path, &now, &d, t);
    } else if (access(path, F_OK) != 0) {
        code = cli_complainf(
            CLI_USAGE, "there are no reference results '%s' yet: --accept makes these so", path);
    } else if (!reference_read(&before, path, &e)) {
        code = cli_complain(CLI_USAGE, &e);
    } else {
        struct comparison c = reference_compare(&before, &now, t, stdout);
        reference_fini(&before);
        code = verdict(&c);
    }
    reference_fini(&now);
    free(path);
    dataset_fini(&d);
    return code;
}

static int compare(const char **files, size_t n, const struct compare_options *o)
{
    struct err e = ERR_INIT;
    const struct tolerance_list t = { .items = o->tolerance.items,
                                      .count = o->tolerance.count,
                                      .no_digest = o->no_digest };
    bool reference = o->reference || o->accept || o->name != NULL;
    if (!tolerance_check(&t, &e))
        return cli_complain(CLI_USAGE, &e);
    if (reference && n == 2)
        return cli_complainf(CLI_USAGE, "compare two files, or one with --reference, not both");
    if (!reference && n == 1)
        return cli_complainf(
            CLI_USAGE, "compare '%s' with what? Name another file, or give --reference", files[0]);
    return reference ? compare_reference(files[0], o, &t)
                     : compare_files(files[0], files[1], o, &t);
}

int cmd_compare(int argc, char **argv)
{
    struct compare_options o = { 0 };
    const struct cli_option options[] = {
        { 'r', "reference", CLI_FLAG, &o.reference, NULL,
          "compare with results/reference/NAME.tsv, NAME being that of the experiment" },
        { 'n', "name", CLI_TEXT, &o.name, "NAME", "the same, with this NAME" },
        { 0, "accept", CLI_FLAG, &o.accept, NULL,
          "print the differences and make these the reference results" },
        { 't', "tolerance", CLI_LIST, &o.tolerance, "NAME=X",
          "relative tolerance of a scalar; NAME may end in *; may be given often" },
        { 0, "no-digest", CLI_FLAG, &o.no_digest, NULL, "do not compare digests" },
        { 'a', "all", CLI_FLAG, &o.all, NULL, "every scalar, not only the default columns" },
        { 'e', "experiment", CLI_COUNT, &o.experiment, "N",
          "experiment in the (second) file (the newest)" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "compare",
        .operands = "FILE.db [FILE.db]",
        .doc = "Compares results point by point: two files, or one with its reference results.\n"
               "Exit status 1 when something differs.",
        .options = options,
        .operands_min = 1,
        .operands_max = 2,
    };
    const char *files[2];
    size_t n;
    int code;
    if (!cli_options(&usage, argc, argv, files, &n, &code))
        return code;
    code = compare(files, n, &o);
    free(o.tolerance.items);
    return code;
}
