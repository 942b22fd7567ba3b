/* gnuplot.c: writes the script of a drawing and runs gnuplot on it. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/clean.h"
#include "cli/commands.h"
#include "cli/draw.h"
#include "cli/judge.h"

extern char **environ;

/* The palette of Okabe and Ito, which readers who confuse red and green can tell apart. */
static const char *const colours[] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                       "#e69f00", "#56b4e9", "#000000", "#8c6d31" };
static const int solid[] = { 7, 5, 9, 13, 11, 15, 7, 5 };
static const int hollow[] = { 6, 4, 8, 12, 10, 14, 6, 4 };

/* Text in single quotes: a quote is doubled. */
static void quoted(FILE *to, const char *text)
{
    char *clean = clean_line(base_strdup(text));
    fputc('\'', to);
    for (const char *s = clean; *s != '\0'; s++) {
        if (*s == '\'')
            fputc('\'', to);
        fputc(*s, to);
    }
    fputc('\'', to);
    free(clean);
}

static void quoted_line(FILE *to, const char *command, const char *text, const char *rest)
{
    fprintf(to, "%s ", command);
    quoted(to, text);
    fprintf(to, "%s\n", rest);
}

struct scale {
    double factor;
    const char *unit;
};

static const struct scale scales_s[] = {
    { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 1e-9, "ns" }
};
static const struct scale scales_rate[] = {
    { 1e9, "GB/s" }, { 1e6, "MB/s" }, { 1e3, "kB/s" }, { 1, "B/s" }
};
static const struct scale scales_size[] = {
    { 0x1p30, "GiB" }, { 0x1p20, "MiB" }, { 0x1p10, "KiB" }, { 1, "B" }
};

/* The largest prefix that leaves the largest value at 1 or more. */
static struct scale scale_for(const char *unit, double largest)
{
    const struct scale *s = strcmp(unit, "s") == 0     ? scales_s
                            : strcmp(unit, "B/s") == 0 ? scales_rate
                            : strcmp(unit, "B") == 0   ? scales_size
                                                       : NULL;
    if (s == NULL)
        return (struct scale){ 1, unit };
    size_t i = 0;
    while (i < 3 && largest < s[i].factor)
        i++;
    return s[i];
}

static double largest(const struct drawing *g, bool of_x)
{
    double max = 0;
    for (size_t i = 0; i < g->count; i++) {
        for (size_t k = 0; k < g->series[i].count; k++)
            max = fmax(max, fabs(of_x ? g->series[i].x[k] : g->series[i].y[k]));
    }
    return max;
}

static void axis_label(FILE *to, const char *axis, const char *label, const char *unit)
{
    bool bare = unit[0] == '\0' || strcmp(unit, "1") == 0;
    char *text = bare ? base_strdup(label) : base_printf("%s (%s)", label, unit);
    char *command = base_printf("set %slabel", axis);
    quoted_line(to, command, text, " noenhanced");
    free(command);
    free(text);
}

/* Sizes on a logarithmic axis are powers of two with binary prefixes. */
static bool binary_axis(const struct drawing *g)
{
    return g->log_x && strcmp(g->x_unit, "B") == 0;
}

/* Tics at powers of two, at most ten, with binary prefixes: "16 B", "64 KiB". */
static void binary_tics(const struct drawing *g, FILE *to)
{
    int low = 63, high = 0;
    for (size_t i = 0; i < g->count; i++) {
        for (size_t k = 0; k < g->series[i].count; k++) {
            if (!(g->series[i].x[k] >= 1))
                continue;
            int e;
            frexp(g->series[i].x[k], &e); /* 2^(e-1) <= x < 2^e */
            low = e - 1 < low ? e - 1 : low;
            high = e > high ? e : high;
        }
    }
    int step = (high - low) / 10 + 1;
    const char *between = "";
    fputs("set logscale x 2\nset xtics (", to);
    for (int e = low - low % step; e <= high && e < 63; e += step) {
        char label[64];
        fprintf(to, "%s'%s' %.12g", between, pretty_value(ldexp(1.0, e), "B", label, sizeof label),
                ldexp(1.0, e));
        between = ", ";
    }
    fputs(")\n", to);
}

static void script_axes(const struct drawing *g, struct scale x, struct scale y, FILE *to)
{
    bool binary = binary_axis(g);
    axis_label(to, "x", g->x_label, binary ? "" : x.unit);
    axis_label(to, "y", g->y_label, y.unit);
    if (binary)
        binary_tics(g, to);
    else if (g->log_x)
        fputs("set logscale x 10\n", to);
    if (g->log_y)
        fputs("set logscale y 10\n", to);
    else
        fputs("set yrange [0:*]\n", to);
    if (g->category_count > 0) {
        ASSERT(g->categories != NULL);
        fputs("set xtics (", to);
        for (size_t i = 0; i < g->category_count; i++) {
            fputs(i > 0 ? ", " : "", to);
            quoted(to, g->categories[i]);
            fprintf(to, " %zu", i);
        }
        fprintf(to, ") noenhanced\nset xrange [-0.5:%g]\n", (double)g->category_count - 0.5);
    }
}

static void script_head(const struct drawing *g, const char *output, FILE *to)
{
    size_t n = strlen(output);
    bool png = n > 4 && strcmp(output + n - 4, ".png") == 0;
    fputs(png ? "set terminal pngcairo size 1200,750 font 'Sans,14' background '#ffffff'\n"
              : "set terminal svg size 960,600 font 'Helvetica,15' background '#ffffff' rounded\n",
          to);
    quoted_line(to, "set output", output, "");
    fputs("set encoding utf8\nset datafile missing '?'\n", to);
    quoted_line(to, "set title", g->title, " noenhanced font ',18'");
    fputs("set border 3 lc rgb '#444444'\nset tics nomirror out textcolor rgb '#222222'\n"
          "set grid xtics ytics lt 1 lw 0.7 lc rgb '#e4e4e4'\n"
          "set key outside right top Left reverse samplen 2 spacing 1.2 noenhanced\n",
          to);
    if (g->key_title != NULL && g->key_title[0] != '\0')
        quoted_line(to, "set key title", g->key_title, " noenhanced left");
    /* A margin above would make a logarithmic axis a decade longer. */
    fprintf(to, "set pointintervalbox 0\nset offsets graph 0.03, graph 0.03, %s, 0\n",
            g->log_y ? "0" : "graph 0.05");
}

/* A value at or below zero has no place on a logarithmic axis. */
static bool off_axis(const struct drawing *g, const struct draw_series *s, size_t k)
{
    return (g->log_x && s->x[k] <= 0) || (g->log_y && s->y[k] <= 0);
}

/* Tells what is left out for that reason; false when it is all there is. */
static bool axis_bears(const struct drawing *g, struct err *e)
{
    size_t hidden = 0, all = 0;
    for (size_t i = 0; i < g->count; i++) {
        all += g->series[i].count;
        for (size_t k = 0; k < g->series[i].count; k++)
            hidden += off_axis(g, &g->series[i], k);
    }
    if (hidden > 0 && hidden == all)
        return err_set(e, "nothing is above zero, and an axis is logarithmic: draw without --log");
    if (hidden > 0)
        cli_complainf(CLI_OK, "%zu of %zu points are not drawn: a logarithmic axis has no zero",
                      hidden, all);
    return true;
}

static void script_data(const struct drawing *g, struct scale x, struct scale y, FILE *to)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct draw_series *s = &g->series[i];
        fprintf(to, "$d%zu << EOD\n", i);
        for (size_t k = 0; k < s->count; k++) {
            if (off_axis(g, s, k) || !isfinite(s->x[k]) || !isfinite(s->y[k]))
                continue;
            fprintf(to, "%.12g %.12g ", s->x[k] / x.factor, s->y[k] / y.factor);
            if (s->half_width[k] > 0 && isfinite(s->half_width[k]))
                fprintf(to, "%.12g\n", s->half_width[k] / y.factor);
            else
                fputs("?\n", to);
        }
        fputs("EOD\n", to);
    }
}

static bool has_interval(const struct draw_series *s)
{
    for (size_t k = 0; k < s->count; k++) {
        if (s->half_width[k] > 0 && isfinite(s->half_width[k]))
            return true;
    }
    return false;
}

/* Bars first, so that the points lie over them. */
static void script_plot(const struct drawing *g, FILE *to)
{
    const char *between = "plot ";
    for (size_t i = 0; i < g->count; i++) {
        if (!has_interval(&g->series[i]))
            continue;
        fprintf(to, "%s$d%zu using 1:2:3 with yerrorbars lc rgb '%s' lw 1.2 pt 0 notitle", between,
                i, colours[g->series[i].colour % ARRAY_LEN(colours)]);
        between = ", \\\n     ";
    }
    for (size_t i = 0; i < g->count; i++) {
        const struct draw_series *s = &g->series[i];
        size_t c = s->colour % ARRAY_LEN(colours);
        size_t shape = (c + s->colour / ARRAY_LEN(colours)) % ARRAY_LEN(colours);
        fprintf(to, "%s$d%zu using 1:2 with %s lc rgb '%s' lw 2 pt %d ps %s ", between, i,
                s->published ? "points" : "linespoints", colours[c],
                s->published ? hollow[shape] : solid[shape], s->published ? "1.3" : "0.8");
        between = ", \\\n     ";
        if (s->label[0] == '\0') {
            fputs("notitle", to);
        } else {
            fputs("title ", to);
            quoted(to, s->label);
        }
    }
    fputs("\nset output\n", to);
}

void drawing_script(const struct drawing *g, const char *output, FILE *to)
{
    struct scale x = binary_axis(g) || g->categories != NULL
                         ? (struct scale){ 1, "" }
                         : scale_for(g->x_unit, largest(g, true));
    struct scale y = scale_for(g->y_unit, largest(g, false));
    script_head(g, output, to);
    script_axes(g, x, y, to);
    script_data(g, x, y, to);
    script_plot(g, to);
}

/* ---- the child ---- */

static bool output_name_ok(const char *output, struct err *e)
{
    size_t n = strlen(output);
    if (n > 4 && (strcmp(output + n - 4, ".svg") == 0 || strcmp(output + n - 4, ".png") == 0))
        return true;
    return err_set(e, "the drawing '%s' must end in .svg or .png", output);
}

/* Starts gnuplot with a pipe as its input and `messages` as its output. */
static bool start_gnuplot(int *input, FILE *messages, pid_t *child, struct err *e)
{
    int ends[2];
    if (pipe(ends) != 0)
        return err_set(e, "gnuplot could not be started: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    posix_spawn_file_actions_adddup2(&actions, fileno(messages), 1);
    posix_spawn_file_actions_adddup2(&actions, fileno(messages), 2);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    char name[] = "gnuplot";
    char *argv[] = { name, NULL };
    int code = posix_spawnp(child, name, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    *input = ends[1];
    if (code == 0)
        return true;
    close(ends[1]);
    if (code == ENOENT)
        return err_set(e, "gnuplot is not installed; on Debian: apt install gnuplot-nox");
    return err_set(e, "gnuplot could not be started: %s", strerror(code));
}

/* The first line with words that gnuplot said. */
static void first_words(FILE *messages, char *out, size_t size)
{
    rewind(messages);
    snprintf(out, size, "it gave no reason");
    char line[256];
    while (fgets(line, sizeof line, messages) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strspn(line, " ^") < strlen(line)) {
            snprintf(out, size, "%s", line);
            if (strstr(line, "gnuplot>") == NULL && strstr(line, "line ") != NULL)
                return;
        }
    }
}

static bool run_script(const struct drawing *g, const char *part, struct err *e)
{
    int input = -1, status = 0;
    pid_t child = -1;
    FILE *messages = tmpfile();
    if (messages == NULL)
        return err_set(e, "gnuplot could not be started: %s", strerror(errno));
    if (!start_gnuplot(&input, messages, &child, e)) {
        fclose(messages);
        return false;
    }
    struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
    sigaction(SIGPIPE, &ignore, &before); /* gnuplot may end before it has read all */
    FILE *to = fdopen(input, "w");
    drawing_script(g, part, to);
    fclose(to);
    sigaction(SIGPIPE, &before, NULL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ok) {
        char why[256];
        first_words(messages, why, sizeof why);
        err_set(e, "gnuplot failed: %s", why);
    }
    fclose(messages);
    return ok;
}

bool drawing_run(const struct drawing *g, const char *output, struct err *e)
{
    if (!axis_bears(g, e) || !output_name_ok(output, e) || !draw_make_folder(output, e))
        return false;
    /* Under another name until it is whole; gnuplot says little about a file it cannot write. */
    char *part =
        base_printf("%.*s.part%s", (int)(strlen(output) - 4), output, output + strlen(output) - 4);
    FILE *probe = fopen(part, "w");
    bool ok = probe != NULL;
    if (ok)
        fclose(probe);
    else
        err_set(e, "the drawing '%s' cannot be written: %s", output, strerror(errno));
    ok = ok && run_script(g, part, e);
    if (ok && rename(part, output) != 0)
        ok = err_set(e, "the drawing '%s' cannot be written: %s", output, strerror(errno));
    if (!ok && probe != NULL)
        unlink(part);
    free(part);
    return ok;
}
