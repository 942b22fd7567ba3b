/* plot.c: psim plot: draws results over a swept parameter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/figure.h"

/* "path=value" words as a table.  False with a sentence. */
static bool read_where(const struct cli_list *words, struct val *where, struct err *e)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *eq = strchr(words->items[i], '=');
        if (eq == NULL || eq == words->items[i])
            return err_set(e, "--where '%s' must be PATH=VALUE", words->items[i]);
        char *path = base_printf("%.*s", (int)(eq - words->items[i]), words->items[i]);
        val_put(where, path, val_new_string(eq + 1, NULL, 0));
        free(path);
    }
    return true;
}

static bool log_ok(const char *axes, struct err *e)
{
    static const char *const known[] = { "x", "y", "xy", NULL };
    for (size_t i = 0; known[i] != NULL; i++) {
        if (strcmp(axes, known[i]) == 0)
            return true;
    }
    return axes[0] == '\0' || err_set(e, "--log '%s' must be x, y or xy", axes);
}

/* FILE.db -> FILE.svg, in the current folder. */
static char *default_output(const char *file)
{
    const char *base = strrchr(file, '/');
    base = base != NULL ? base + 1 : file;
    size_t n = strlen(base);
    if (n > 3 && strcmp(base + n - 3, ".db") == 0)
        n -= 3;
    return base_printf("%.*s.svg", (int)n, base);
}

/* The axes of a configuration's figure, where the command line says nothing. */
static void take_figure(struct draw_request *q, const struct val *figure)
{
    struct draw_request f = figure_request(figure);
    q->x = q->x != NULL ? q->x : f.x;
    q->y = q->y != NULL ? q->y : f.y;
    q->by = q->by != NULL ? q->by : f.by;
    q->where = q->where->count > 0 ? q->where : f.where;
    q->over = f.over;
    q->log = q->log[0] != '\0' ? q->log : f.log;
    q->title = q->title != NULL ? q->title : f.title;
    q->x_label = f.x_label;
    q->y_label = f.y_label;
}

static int plot(const char *file, int64_t experiment, const struct draw_request *q,
                const struct config *c, const char *output)
{
    struct err e = ERR_INIT;
    struct dataset d;
    struct drawing g;
    if (!dataset_load_file(&d, file, experiment, &e) || !dataset_over_time(&d, file, q->x, &e))
        return cli_complain(CLI_USAGE, &e);
    char *path = output != NULL ? base_strdup(output) : default_output(file);
    bool ok = drawing_make(&g, &d, q, &e);
    if (ok) {
        size_t curves = g.count;
        if (c != NULL && c->figure != NULL)
            figure_add_published(&g, c->figure, c->expectations);
        ok = drawing_run(&g, path, &e);
        if (ok)
            clean_print(stdout, "%s: %zu curve%s%s\n", path, curves, curves == 1 ? "" : "s",
                        g.panel_count > 0 ? ", in small multiples" : "");
        drawing_fini(&g);
    }
    free(path);
    dataset_fini(&d);
    return ok ? CLI_OK : cli_complain(CLI_USAGE, &e);
}

int cmd_plot(int argc, char **argv)
{
    struct draw_request q = { .log = "" };
    struct cli_list where = { 0 };
    const char *output = NULL, *config = NULL, *file;
    int64_t experiment = 0;
    const struct cli_option options[] = {
        { 'x', "x", CLI_TEXT, &q.x, "PARAM", "swept parameter on the x axis" },
        { 'y', "y", CLI_TEXT, &q.y, "MEASURE", "scalar on the y axis" },
        { 'b', "by", CLI_TEXT, &q.by, "PARAM", "one curve for each of its values" },
        { 'w', "where", CLI_LIST, &where, "PATH=VALUE", "only these cases; may be given often" },
        { 'c', "config", CLI_TEXT, &config, "CONFIG",
          "axes, labels and published points of this configuration's figure" },
        { 'l', "log", CLI_TEXT, &q.log, "AXES", "logarithmic axes: x, y or xy" },
        { 't', "title", CLI_TEXT, &q.title, "TEXT", "title (that of the experiment)" },
        { 'o', "output", CLI_TEXT, &output, "FILE", "file to draw, .svg or .png (NAME.svg)" },
        { 'e', "experiment", CLI_COUNT, &experiment, "N", "experiment in the file (the newest)" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "plot",
        .operands = "FILE.db",
        .doc =
            "Draws results with gnuplot: means over replications with their 95 % intervals.\n"
            "Without --x the swept number with the most values, without --y what the configuration "
            "names first:\nits figure's y, else its first measure, else the first column;\n"
            "without --by one curve for each combination of the other swept parameters; of many "
            "one\nparameter tells curves apart and the others make small multiples.",
        .options = options,
        .operands_min = 1,
        .operands_max = 1,
    };
    size_t n;
    int code;
    if (!cli_options(&usage, argc, argv, &file, &n, &code))
        return code;
    struct err e = ERR_INIT;
    struct val *table = val_new(VAL_TABLE, NULL, 0);
    q.where = table;
    const struct val *figure = NULL;
    struct config *c = NULL;
    bool ok = read_where(&where, table, &e) && log_ok(q.log, &e);
    if (ok && config != NULL) {
        c = config_load(config, &(struct config_options){ 0 }, &e);
        figure = c != NULL ? c->figure : NULL;
        ok = c != NULL && (figure == NULL || figure_check(figure, &e));
    }
    if (ok && figure != NULL)
        take_figure(&q, figure);
    code = ok ? plot(file, experiment, &q, c, output) : cli_complain(CLI_USAGE, &e);
    config_free(c);
    val_free(table);
    free(where.items);
    return code;
}
