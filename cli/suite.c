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
#include "cli/draw.h"
#include "cli/store.h"
#include "cli/table.h"
#include "sim/base/whole.h"

enum { MACHINES = 2, TOP = 4 };

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

/* What is compared: the word that its steps begin with, and its drawing. */
static const struct ratio {
    const char *word, *title, *file, *x;
    unsigned n[2]; /* as in configs/suite.lua */
} ratios[] = {
    { "speed", "Speed-up: the same bytes on more nodes", "speed-up", "nodes", { 4, 16 } },
    { "scale", "Scale-up: bytes with the nodes", "scale-up", "nodes", { 4, 16 } },
    { "size", "Size-up: more bytes on 16 nodes", "size-up", "times the bytes", { 2, 4 } },
};

static double bandwidth(const struct ran *m, const char *program, const char *word, unsigned n)
{
    char step[32];
    snprintf(step, sizeof step, "%s %u", word, n);
    return scalar(result_of(m, program, n > 1 ? step : "one"), "file.bandwidth");
}

static double full(const struct ran *m, const char *program)
{
    return bandwidth(m, program, "scale", 16);
}

static double ratio(const struct ran *m, const char *program, const struct ratio *r, unsigned n)
{
    double rate = bandwidth(m, program, r->word, n);
    if (n == 1)
        return isnan(rate) ? NAN : 1;
    if (strcmp(r->word, "size") == 0)
        return n * full(m, program) / rate;
    rate /= bandwidth(m, program, r->word, 1);
    return strcmp(r->word, "scale") == 0 ? rate / n : rate;
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

static void rates(FILE *f, const struct ran *m, const char *p)
{
    clean_print(f, "| %s |", p);
    cell(f, bandwidth(m, p, "speed", 1), "B/s");
    cell(f, full(m, p), "B/s");
    for (size_t i = 0; i < ARRAY_LEN(ratios); i++)
        for (size_t k = 0; k < ARRAY_LEN(ratios[i].n); k++)
            cell(f, ratio(m, p, &ratios[i], ratios[i].n[k]), "1");
    fputs("\n", f);
}

/* The busiest resource of a kind that was not seen yet. */
static void busiest(FILE *f, const struct point_result *r, bool seen[SIM_KIND_COUNT])
{
    const struct point_busy *most = NULL;
    for (size_t i = 0; r && i < r->busy_count; i++)
        if (!seen[r->busy[i].kind] && (!most || r->busy[i].share > most->share))
            most = &r->busy[i];
    if (!most) {
        fputs(" - |", f);
        return;
    }
    seen[most->kind] = true;
    const char *kind = store_kind_name(most->kind);
    bool named = strstr(most->name, kind) != NULL;
    clean_print(f, " %s%s%s %.0f %% |", named ? "" : kind, named ? "" : " ", most->name,
                100 * most->share);
}

static void bottlenecks(FILE *f, const struct ran *m, const char *p)
{
    bool seen[SIM_KIND_COUNT] = { false };
    clean_print(f, "| %s |", p);
    for (int k = 0; k < TOP; k++)
        busiest(f, result_of(m, p, "scale 16"), seen);
    fputs("\n", f);
}

/* Where a request's time went, the waiting for each kind of resource, and the fullest queues. */
static void waiters(FILE *f, const struct ran *m, const char *p)
{
    static const char *const parts[] = { "client", "mesh", "queue", "arm" };
    static const char *const waits[] = { "upcall.wait", "frame.queue", "frame.blocked",
                                         "io.queue" };
    static const char *const queues[] = { "cpu", "nic", "arm" };
    const struct point_result *r = result_of(m, p, "scale 16");
    char name[32];
    clean_print(f, "| %s |", p);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        snprintf(name, sizeof name, "file.%s", parts[i]);
        fprintf(f, " %.0f %% |", 100 * scalar(r, name) / scalar(r, "file.latency"));
    }
    for (size_t i = 0; i < ARRAY_LEN(waits); i++)
        cell(f, scalar(r, waits[i]), "s");
    for (size_t i = 0; i < ARRAY_LEN(queues); i++) {
        snprintf(name, sizeof name, "%s.fullest", queues[i]);
        double inside = scalar(r, name);
        snprintf(name, sizeof name, "%s.fullest.node", queues[i]);
        fprintf(f, " %.2f at node %.0f |", inside, scalar(r, name));
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
    each_program(m, f, rates);
    fputs("\nWhat limited it, on 16 nodes: the busiest of each kind of resource.\n\n"
          "| program | first | second | third | fourth |\n"
          "|---|---|---|---|---|\n",
          f);
    each_program(m, f, bottlenecks);
    fputs("\nWho waited, on 16 nodes: shares of a request's time; what a message waited for a "
          "CPU, a\nframe to be sent and for channels on its way, a transfer for its device; and "
          "how many were\nin the fullest queue in the mean, with the one served.\n\n"
          "| program | client | mesh | queue | arm | for a CPU | to be sent | for channels "
          "| for a device | fullest CPU | fullest transmit queue | fullest device |\n"
          "|---|---|---|---|---|---|---|---|---|---|---|---|\n",
          f);
    each_program(m, f, waiters);
}

/* ---- drawings ---- */

/* The curve of a program, of a colour that is its own on all machines. */
static void draw_program(struct drawing *g, const struct ran *m, const char *p,
                         const struct ratio *r, size_t colour)
{
    struct draw_series *s = drawing_add(g, p, false, colour);
    if (g->panel_count > 0)
        s->panel = g->panel_count - 1;
    for (size_t k = 0; k <= ARRAY_LEN(r->n); k++) {
        unsigned n = k > 0 ? r->n[k - 1] : 1;
        draw_series_add(s, n, ratio(m, p, r, n), NAN);
    }
}

/* PAGE.md -> PAGE-speed-up.svg. */
static char *drawing_name(const char *page, const struct ratio *r)
{
    size_t n = strlen(page);
    if (n > 3 && strcmp(page + n - 3, ".md") == 0)
        n -= 3;
    return base_printf("%.*s-%s.svg", (int)n, page, r->file);
}

/* A panel for each machine where there are two; hollow: what is best. */
static bool draw_ratio(const struct ran *m, size_t count, const struct ratio *r, const char *page,
                       struct err *e)
{
    bool speed = strcmp(r->word, "speed") == 0, size = strcmp(r->word, "size") == 0;
    struct drawing g = { .title = base_strdup(r->title),
                         .x_label = base_strdup(r->x),
                         .y_label = base_strdup(r->file),
                         .x_unit = base_strdup("1"),
                         .y_unit = base_strdup("1"),
                         .log_x = true,
                         .log_y = speed || size };
    g.panels = count > 1 ? base_zalloc(count, sizeof *g.panels) : NULL;
    for (size_t i = 0; i < count; i++) {
        size_t colour = 0;
        if (count > 1)
            g.panels[g.panel_count++] = base_strdup(m[i].machine);
        for (size_t k = 0; k < m[i].c->point_count; k++) {
            const struct val *sweep = m[i].c->points[k].c->sweep;
            if (strcmp(val_get(sweep, "step")->u.s, "one") == 0)
                draw_program(&g, &m[i], val_get(sweep, "program")->u.s, r, colour++);
        }
    }
    struct draw_series *best =
        drawing_add(&g, size ? "bytes alone" : "best", true, DRAW_COLOURS - 1);
    for (size_t k = 0; k <= ARRAY_LEN(r->n); k++) {
        unsigned n = k > 0 ? r->n[k - 1] : 1;
        draw_series_add(best, n, speed || size ? n : 1, NAN);
    }
    char *file = drawing_name(page, r);
    bool good = drawing_run(&g, file, e);
    free(file);
    drawing_fini(&g);
    return good;
}

/* Beside a page that is a file. */
static int draw(const char *output, const struct ran *m, size_t count)
{
    struct err e = ERR_INIT;
    for (size_t i = 0; output && i < ARRAY_LEN(ratios); i++)
        if (!draw_ratio(m, count, &ratios[i], output, &e))
            return cli_complain(CLI_USAGE, &e);
    return CLI_OK;
}

static void link_drawings(FILE *f, const char *output)
{
    for (size_t i = 0; output && i < ARRAY_LEN(ratios); i++) {
        char *file = drawing_name(output, &ratios[i]), *base = strrchr(file, '/');
        fputs("\n", f);
        clean_print(f, "![%s](<%s>)\n", ratios[i].title, base ? base + 1 : file);
        free(file);
    }
}

static const struct ran *beside_of; /* the other machine, while `beside` is called */

static void beside(FILE *f, const struct ran *m, const char *p)
{
    const struct ran *both[] = { m, beside_of };
    clean_print(f, "| %s |", p);
    for (size_t i = 0; i < ARRAY_LEN(both); i++)
        cell(f, full(both[i], p), "B/s");
    cell(f, full(beside_of, p) / full(m, p), "1");
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        bool seen[SIM_KIND_COUNT] = { false };
        busiest(f, result_of(both[i], p, "scale 16"), seen);
    }
    fputs("\n", f);
}

static void page(FILE *f, const struct ran *m, size_t count, const char *system, const char *output)
{
    clean_print(f, "# The benchmark suite over %s\n", system);
    fputs(
        "\n"
        "Programs and their bytes stand in configs/suite.lua. Speed-up: the time of one node over\n"
        "that of n for the same bytes. Scale-up: over that of n for n times the bytes. Size-up: "
        "the\n"
        "time for k times the bytes over that for the bytes.\n",
        f);
    link_drawings(f, output);
    for (size_t i = 0; i < count; i++)
        machine_page(f, &m[i]);
    if (count < 2)
        return;
    fputs("\n## Side by side\n\n", f);
    clean_print(f, "| program | %s | %s | ratio | limit of the first | of the second |\n",
                m[0].machine, m[1].machine);
    fputs("|---|---|---|---|---|---|\n", f);
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

/* To the file, which is open since before the runs, or standard output. */
static int write_page(struct whole *w, const char *output, const struct ran *m, size_t count,
                      const char *system)
{
    struct err e = ERR_INIT;
    page(output ? w->file : stdout, m, count, system, output);
    if (output)
        return whole_close(w, "the page", true, &e) ? CLI_OK : cli_complain(CLI_POINT, &e);
    return ferror(stdout) || fflush(stdout) != 0
               ? cli_complainf(CLI_POINT, "the page could not be written")
               : CLI_OK;
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
        { 'o', "output", CLI_TEXT, &o.output, "FILE",
          "write the page there (standard output), and its drawings beside it" },
        { 'q', "quiet", CLI_FLAG, &o.quiet, NULL, "no progress line" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "suite",
        .operands = "MACHINE [MACHINE]",
        .doc =
            "Runs the programs of configs/suite.lua on a machine and writes a page in Markdown: "
            "how fast\neach is, how it speeds up and scales, what limits it and who waits; on "
            "two machines, side by side.\nA machine is a preset ('psim list machines') or a file "
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
    struct whole w = { .file = NULL };
    bool good = o.output == NULL ||
                (draw_make_folder(o.output, &e) && whole_open(&w, "the page", o.output, &e));
    code = CLI_OK;
    for (size_t i = 0; i < n && good; i++)
        good = run_on(&m[i], machine[i], &o, &code, &e);
    free(o.set.items);
    if (!good) {
        code = cli_complain(CLI_USAGE, &e);
        if (w.file != NULL && !whole_close(&w, "the page", false, &e))
            code = CLI_POINT;
    } else {
        for (size_t i = 0; i < n && code != CLI_OK; i++)
            table_problems(stderr, m[i].c, &m[i].r);
        int drawn = draw(o.output, m, n), written = write_page(&w, o.output, m, n, o.system);
        code = drawn > code ? drawn : code;
        code = written > code ? written : code;
    }
    for (size_t i = 0; i < n; i++) {
        campaign_fini(&m[i].r);
        config_free(m[i].c);
    }
    return code;
}
