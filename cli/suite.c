/* suite.c: psim suite: the benchmark suite (configs/suite.lua) on a machine, or on two, as a page.
 *
 * With T(n, b) the time that n programs take for b bytes in all, and B the bytes of one:
 *   speed-up   T(1, B) / T(n, B)             n at best
 *   scale-up   T(1, B) / T(n, n B)           1 at best
 *   size-up    T(n, k n B) / T(n, n B)       k is what bytes alone would cost
 * All are ratios of bandwidths, for every byte counts once.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/campaign.h"
#include "cli/clean.h"
#include "cli/commands.h"
#include "cli/store.h"
#include "cli/table.h"

enum { MACHINES = 2, TOP = 3 };

/* What ran on one machine. */
struct ran {
    const char *machine;
    struct config *c;
    struct campaign r;
};

/* The result of a program's step, or NULL: it did not end well. */
static const struct point_result *result_of(const struct ran *m, const char *program,
                                            const char *step)
{
    for (size_t i = 0; i < m->c->point_count; i++) {
        const struct val *sweep = m->c->points[i].c->sweep;
        const struct val *p = val_get(sweep, "program"), *s = val_get(sweep, "step");
        if (strcmp(p->u.s, program) == 0 && strcmp(s->u.s, step) == 0)
            return m->r.results[i].status == POINT_OK ? &m->r.results[i] : NULL;
    }
    return NULL;
}

static double scalar(const struct point_result *r, const char *name)
{
    const struct point_scalar *s = r ? point_scalar(r, name) : NULL;
    return s ? s->value : NAN;
}

static double bandwidth(const struct ran *m, const char *program, const char *step)
{
    return scalar(result_of(m, program, step), "file.bandwidth");
}

/* A cell of a number, "-" for none. */
static void cell(FILE *f, double value, const char *unit)
{
    char text[64] = "-";
    if (!isnan(value))
        table_value(value, unit, text, sizeof text);
    fprintf(f, " %s |", text);
}

/* Calls fn for each program, in the order of the suite. */
static void each_program(const struct ran *m, FILE *f,
                         void (*fn)(FILE *f, const struct ran *m, const char *program))
{
    for (size_t i = 0; i < m->c->point_count; i++) {
        const struct val *sweep = m->c->points[i].c->sweep;
        if (strcmp(val_get(sweep, "step")->u.s, "one") == 0)
            fn(f, m, val_get(sweep, "program")->u.s);
    }
}

static void ratios(FILE *f, const struct ran *m, const char *p)
{
    double one = bandwidth(m, p, "one"), full = bandwidth(m, p, "scale 16");
    clean_print(f, "| %s |", p);
    cell(f, one, "B/s");
    cell(f, full, "B/s");
    cell(f, bandwidth(m, p, "speed 4") / one, "1");
    cell(f, bandwidth(m, p, "speed 16") / one, "1");
    cell(f, bandwidth(m, p, "scale 4") / one / 4, "1");
    cell(f, full / one / 16, "1");
    cell(f, 2 * full / bandwidth(m, p, "size 2"), "1");
    cell(f, 4 * full / bandwidth(m, p, "size 4"), "1");
    fputs("\n", f);
}

/* The busiest resources, each kind once, and where a request's time went. */
static void bottlenecks(FILE *f, const struct ran *m, const char *p)
{
    static const char *const parts[] = { "client", "mesh", "queue", "arm" };
    const struct point_result *r = result_of(m, p, "scale 16");
    bool seen[SIM_KIND_COUNT] = { false };
    clean_print(f, "| %s |", p);
    for (int k = 0; k < TOP; k++) {
        const struct point_busy *most = NULL;
        for (size_t i = 0; r && i < r->busy_count; i++)
            if (!seen[r->busy[i].kind] && (!most || r->busy[i].share > most->share))
                most = &r->busy[i];
        if (most) {
            seen[most->kind] = true;
            const char *kind = store_kind_name(most->kind);
            bool named = strstr(most->name, kind) != NULL;
            clean_print(f, " %s%s%s %.0f %% |", named ? "" : kind, named ? "" : " ", most->name,
                        100 * most->share);
        } else {
            fputs(" - |", f);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char name[32];
        snprintf(name, sizeof name, "file.%s", parts[i]);
        fprintf(f, " %.0f %% |", 100 * scalar(r, name) / scalar(r, "file.latency"));
    }
    fputs("\n", f);
}

static void machine_page(FILE *f, const struct ran *m)
{
    fputs("\n## ", f);
    clean_print(f, "%s\n", m->machine);
    fputs("\n| program | 1 node | 16 nodes | speed-up 4 | 16 | scale-up 4 | 16 | size-up 2 | 4 |\n"
          "|---|---|---|---|---|---|---|---|---|\n",
          f);
    each_program(m, f, ratios);
    fputs("\nOn 16 nodes: the busiest of each kind, and where the time of a request went.\n\n"
          "| program | first | second | third | client | mesh | queue | arm |\n"
          "|---|---|---|---|---|---|---|---|\n",
          f);
    each_program(m, f, bottlenecks);
}

static const struct ran *beside_of; /* the other machine, while `beside` is called */

static void beside(FILE *f, const struct ran *m, const char *p)
{
    double a = bandwidth(m, p, "scale 16"), b = bandwidth(beside_of, p, "scale 16");
    clean_print(f, "| %s |", p);
    cell(f, a, "B/s");
    cell(f, b, "B/s");
    cell(f, b / a, "1");
    fputs("\n", f);
}

static void page(FILE *f, const struct ran *m, size_t count, const char *system)
{
    clean_print(f, "# The benchmark suite over %s\n", system);
    fputs(
        "\n"
        "Programs and their bytes stand in configs/suite.lua. Speed-up: the time of one node over\n"
        "that of n for the same bytes. Scale-up: over that of n for n times the bytes. Size-up: "
        "the\n"
        "time for k times the bytes over that for the bytes.\n",
        f);
    for (size_t i = 0; i < count; i++)
        machine_page(f, &m[i]);
    if (count < 2)
        return;
    fputs("\n## Side by side\n\n", f);
    clean_print(f, "| program | %s | %s | ratio |\n", m[0].machine, m[1].machine);
    fputs("|---|---|---|---|\n", f);
    beside_of = &m[1];
    each_program(&m[0], f, beside);
}

struct suite_options {
    const char *system, *output;
    int64_t jobs;
    bool quiet;
    struct cli_list set;
};

static bool run_on(struct ran *m, const char *machine, const struct suite_options *s, int *code,
                   struct err *e)
{
    char *own[] = { base_printf("machine=%s", machine), base_printf("system=%s", s->system) };
    const char **set = base_zalloc(s->set.count + ARRAY_LEN(own), sizeof *set);
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        set[i] = own[i];
    for (size_t i = 0; i < s->set.count; i++)
        set[ARRAY_LEN(own) + i] = s->set.items[i];
    const struct config_options o = { .overrides = set,
                                      .override_count = ARRAY_LEN(own) + s->set.count };
    const struct campaign_options co = { .jobs = (size_t)s->jobs, .quiet = s->quiet };
    m->machine = machine;
    m->c = config_load("suite", &o, e);
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        free(own[i]);
    free(set);
    if (!m->c || !point_check(&m->c->points[0], e) || !campaign_run(m->c, &co, &m->r, e))
        return false;
    int ended = campaign_exit(&m->r);
    *code = ended > *code ? ended : *code;
    return true;
}

/* To the file, or standard output. */
static int write_page(const char *output, const struct ran *m, size_t count, const char *system)
{
    FILE *f = output ? fopen(output, "w") : stdout;
    if (!f)
        return cli_complainf(CLI_USAGE, "'%s' cannot be written: %s", output, strerror(errno));
    page(f, m, count, system);
    bool lost = ferror(f) || fflush(f) != 0;
    if (output && fclose(f) != 0)
        lost = true;
    return lost ? cli_complainf(CLI_POINT, "the page could not be written") : CLI_OK;
}

int cmd_suite(int argc, char **argv)
{
    struct suite_options o = { .system = "pfs", .jobs = 1 };
    const char *machine[MACHINES];
    const struct cli_option options[] = {
        { 'p', "set", CLI_LIST, &o.set, "PATH=VALUE",
          "set a parameter of configs/suite.lua, such as program=rcc; may be given often" },
        { 0, "system", CLI_TEXT, &o.system, "NAME", "the file system (pfs); 'psim list systems'" },
        { 'j', "jobs", CLI_COUNT, &o.jobs, "N", "points that run at a time (1)" },
        { 'o', "output", CLI_TEXT, &o.output, "FILE", "write the page there (standard output)" },
        { 'q', "quiet", CLI_FLAG, &o.quiet, NULL, "no progress line" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "suite",
        .operands = "MACHINE [MACHINE]",
        .doc = "Runs the programs of configs/suite.lua on a machine and writes a page in Markdown: "
               "how fast\neach is, how it speeds up and scales, and what limits it; on two "
               "machines, side by side.\nA machine is a preset ('psim list machines') or a file "
               "that returns the table `machine`.",
        .options = options,
        .operands_min = 1,
        .operands_max = MACHINES,
    };
    size_t n;
    int code;
    if (!cli_options(&usage, argc, argv, machine, &n, &code))
        return code;
    struct ran m[MACHINES] = { { .machine = NULL } };
    struct err e = ERR_INIT;
    bool good = true;
    code = CLI_OK;
    for (size_t i = 0; i < n && good; i++)
        good = run_on(&m[i], machine[i], &o, &code, &e);
    free(o.set.items);
    if (!good) {
        code = cli_complain(CLI_USAGE, &e);
    } else {
        for (size_t i = 0; i < n && code != CLI_OK; i++)
            table_problems(stderr, m[i].c, &m[i].r);
        int written = write_page(o.output, m, n, o.system);
        code = written > code ? written : code;
    }
    for (size_t i = 0; i < n; i++) {
        campaign_fini(&m[i].r);
        config_free(m[i].c);
    }
    return code;
}
