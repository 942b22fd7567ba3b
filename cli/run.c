/* run.c: psim run: every point of a configuration, a table, a results file, a verdict. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/campaign.h"
#include "cli/clean.h"
#include "cli/commands.h"
#include "cli/expect.h"
#include "cli/json.h"
#include "cli/table.h"

struct run_options {
    struct cli_list set;
    struct cli_seed seed;
    int64_t jobs, replications;
    const char *output, *trace, *pcap, *output_dir, *images, *save_images;
    bool resume, json, quiet, verbose, flatten, fsck, no_store;
};

/* "psim run x.lua -p a=1": what was typed, for the record. */
static char *command_line(int argc, char **argv)
{
    char *out = base_strdup("psim");
    for (int i = 0; i < argc; i++) {
        char *more = base_printf("%s %s", out, argv[i]);
        free(out);
        out = more;
    }
    return out;
}

/* The default results file: results/runs/NAME.db below the current folder, which is made. */
static char *default_output(const struct config *c, struct err *e)
{
    static const char *const folders[] = { "results", "results/runs" };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdir(folders[i], 0777) != 0 && errno != EEXIST) {
            err_set(e,
                    "the folder '%s' for results cannot be made here: %s (-o FILE names another "
                    "place, --no-store stores nothing)",
                    folders[i], strerror(errno));
            return NULL;
        }
    }
    return base_printf("results/runs/%s.db", c->name);
}

static int report(const struct config *c, const struct campaign *r, const struct run_options *o,
                  const char *output)
{
    size_t n;
    struct expect_verdict *v = expect_judge(c, r, &n);
    int code = campaign_exit(r);
    size_t failed = 0, left_out = 0;
    for (size_t i = 0; i < n; i++) {
        failed += !v[i].ok;
        left_out += v[i].left_out;
    }
    if (failed > 0 && code == CLI_OK)
        code = CLI_FAILED;
    bool some = r->status[POINT_OK] + r->status[POINT_FAILED_AUDIT] > 0;
    if (o->json)
        json_print(stdout, c, r, v, n, code);
    else if (some)
        table_print(stdout, c, r);
    for (size_t i = 0; some && !o->json && i < n; i++) {
        fputs(i ? "" : "\n", stdout);
        if (!v[i].left_out)
            clean_print(stdout, "%s: %s\n", v[i].ok ? "as expected" : "NOT as expected", v[i].text);
    }
    if (some && !o->json)
        expect_tell_left_out(left_out, n);
    fflush(stdout);
    table_problems(stderr, c, r);
    if (!o->quiet && !o->json) {
        printf("\n%zu point%s run", r->run, r->run == 1 ? "" : "s");
        if (r->resumed)
            printf(", %zu taken from the file", r->resumed);
        if (r->status[POINT_INTERRUPTED])
            printf(", %zu not run", r->status[POINT_INTERRUPTED]);
        if (r->count == 1 && some)
            printf("; digest %s", r->results[0].digest);
        clean_print(stdout, output ? "; results in %s\n" : "\n", output);
    }
    expect_free(v, n);
    return code;
}

/* "a.pcap:3.lan": the file, and of what; a colon that has a '/' behind it is the file's. */
static char *pcap_file(const char *pcap, const char **at)
{
    const char *colon = pcap ? strrchr(pcap, ':') : NULL;
    *at = "";
    if (!colon || strchr(colon, '/'))
        return pcap ? base_strdup(pcap) : NULL;
    *at = colon + 1;
    return base_printf("%.*s", (int)(colon - pcap), pcap);
}

static int run_config(struct config *c, const struct run_options *o, const char *command)
{
    struct err e = ERR_INIT;
    struct campaign r;
    char *output = NULL;
    /* A mistake of the whole configuration is told once, before anything is stored. */
    if (!point_check(&c->points[0], &e))
        return cli_complain(CLI_USAGE, &e);
    if ((o->images || o->save_images) && c->point_count != 1)
        return cli_complainf(CLI_USAGE, "images are of one point, but '%s' has %zu", c->name,
                             c->point_count);
    if (o->images && !o->no_store)
        return cli_complainf(CLI_USAGE,
                             "--images needs --no-store: what is stored says all that it "
                             "was made from");
    if (o->save_images && mkdir(o->save_images, 0777) != 0 && errno != EEXIST)
        return cli_complainf(CLI_USAGE, "the folder '%s' cannot be made: %s", o->save_images,
                             strerror(errno));
    if (o->output_dir && mkdir(o->output_dir, 0777) != 0 && errno != EEXIST)
        return cli_complainf(CLI_USAGE, "the folder '%s' cannot be made: %s", o->output_dir,
                             strerror(errno));
    if (o->output)
        output = base_strdup(o->output);
    else if (!o->no_store && !(output = default_output(c, &e)))
        return cli_complain(CLI_USAGE, &e);
    const char *pcap_at;
    char *pcap = pcap_file(o->pcap, &pcap_at);
    struct campaign_options co = {
        .jobs = (size_t)o->jobs,
        .output = output,
        .resume = o->resume,
        .command = command,
        .quiet = o->quiet,
        .verbose = o->verbose,
        .point = { .flatten = o->flatten,
                   .fsck = o->fsck,
                   .trace = o->trace,
                   .pcap = pcap,
                   .pcap_at = pcap_at,
                   .output_dir = o->output_dir,
                   .images = o->images,
                   .save_images = o->save_images },
    };
    bool stored = campaign_run(c, &co, &r, &e);
    int code = CLI_USAGE;
    if (stored || r.run + r.resumed > 0)
        code = report(c, &r, o, output);
    if (!stored)
        code = cli_complain(CLI_USAGE, &e);
    if (r.interrupted)
        cli_complainf(code, "interrupted; what was finished is kept, --resume goes on from there");
    campaign_fini(&r);
    free(pcap);
    free(output);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct run_options o = { .jobs = 1 };
    const struct cli_option options[] = {
        { 'p', "set", CLI_LIST, &o.set, "PATH=VALUE",
          "set a parameter; {a, b} gives an axis several values; may be given often" },
        { 0, "seed", CLI_SEED, &o.seed, "N", "master seed of the random streams" },
        { 'r', "replications", CLI_COUNT, &o.replications, "N", "runs of each combination" },
        { 'j', "jobs", CLI_COUNT, &o.jobs, "N", "points that run at a time (1)" },
        { 'o', "output", CLI_TEXT, &o.output, "FILE", "results file (results/runs/NAME.db)" },
        { 0, "no-store", CLI_FLAG, &o.no_store, NULL, "store nothing" },
        { 0, "resume", CLI_FLAG, &o.resume, NULL,
          "do not run again what the results file holds as finished" },
        { 0, "json", CLI_FLAG, &o.json, NULL, "print results as JSON" },
        { 'q', "quiet", CLI_FLAG, &o.quiet, NULL, "no progress line, no closing line" },
        { 'v', "verbose", CLI_FLAG, &o.verbose, NULL,
          "a line on standard error for each point once it is stored" },
        { 0, "flatten", CLI_FLAG, &o.flatten, NULL,
          "rebuild every message from its bytes between nodes (same digest)" },
        { 0, "fsck", CLI_FLAG, &o.fsck, NULL,
          "look at the nodes' file systems from outside when a point has ended; damage fails it" },
        { 0, "images", CLI_TEXT, &o.images, "DIR",
          "the devices begin with what --save-images wrote there (one point)" },
        { 0, "save-images", CLI_TEXT, &o.save_images, "DIR",
          "write what the devices have when the point has ended, a file a medium (one point)" },
        { 0, "trace", CLI_TEXT, &o.trace, "FILE", "write a Chrome trace (FILE.zst compresses)" },
        { 0, "pcap", CLI_TEXT, &o.pcap, "FILE",
          "write what interfaces carry, for tcpdump and Wireshark; FILE:NODES.NETWORK: some" },
        { 0, "output-dir", CLI_TEXT, &o.output_dir, "DIR",
          "folder for files that workloads write (per packet, per request); DIR/point-N of many" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "run",
        .operands = "CONFIG",
        .doc = "Runs every point of a configuration, each in a process of its own, prints a table "
               "and\nstores the results.",
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
    struct config_options co = { .overrides = o.set.items,
                                 .override_count = o.set.count,
                                 .seed = o.seed.given ? &o.seed.value : NULL,
                                 .replications = o.replications };
    struct config *c = config_load(file, &co, &e);
    free(o.set.items);
    if (!c)
        return cli_complain(CLI_USAGE, &e);
    char *command = command_line(argc, argv);
    code = run_config(c, &o, command);
    free(command);
    config_free(c);
    return code;
}
