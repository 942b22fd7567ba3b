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
#include "sim/base/whole.h"

extern char **environ;

/* The palette of Okabe and Ito, which readers who confuse red and green can tell apart; then
 * others, so that no colour is used twice. */
static const char *const colours[DRAW_COLOURS] = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31",
    "#7f3c8d", "#80ba5a", "#e73f74", "#a5aa99", "#3969ac", "#cf1c90", "#f2b701", "#4b4b8f",
    "#11a579", "#9c2f2f", "#c4a000", "#00c0c7", "#855c75", "#af6458", "#526a83", "#d9af6b"
};
static const int solid[] = { 7, 5, 9, 13, 11, 15 };
static const int hollow[] = { 6, 4, 8, 12, 10, 14 };

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

struct range {
    double low, high;
};

/* What an axis must show: on a logarithmic one only what is above zero, of y with its intervals. */
static struct range range_of(const struct drawing *g, bool of_x)
{
    struct range r = { INFINITY, -INFINITY };
    bool positive = of_x ? g->log_x : g->log_y;
    for (size_t i = 0; i < g->count; i++) {
        const struct draw_series *s = &g->series[i];
        for (size_t k = 0; k < s->count; k++) {
            double v = of_x ? s->x[k] : s->y[k];
            double half = of_x || !isfinite(s->half_width[k]) ? 0 : s->half_width[k];
            if (!isfinite(v) || (positive && v <= 0))
                continue;
            r.low = fmin(r.low, positive && v <= half ? v : v - half);
            r.high = fmax(r.high, v + half);
        }
    }
    return r.low <= r.high ? r : (struct range){ 1, 1 };
}

static double largest(const struct drawing *g, bool of_x)
{
    struct range r = range_of(g, of_x);
    return fmax(fabs(r.low), fabs(r.high));
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
    int low, high;
    struct range r = range_of(g, true);
    frexp(fmax(r.low, 1), &low); /* 2^(low-1) <= r.low */
    frexp(fmax(r.high, 1), &high);
    low--;
    int step = (high - low) / (g->panel_count > 0 ? 4 : 10) + 1;
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

/* A logarithmic axis ends at the data.  Of less than two decades 1, 2 and 5 have tics. */
static void log_axis(const char *axis, struct range r, double factor, FILE *to)
{
    double low = r.low / factor, high = r.high / factor;
    double more = high > low ? pow(high / low, 0.04) : 1.2;
    low /= more;
    high *= more;
    fprintf(to, "set %srange [%.6g:%.6g]\n", axis, low, high);
    if (high / low > 100)
        return;
    static const int steps[] = { 1, 2, 5 };
    const char *between = "";
    fprintf(to, "set %stics (", axis);
    for (int e = (int)floor(log10(low)); e <= (int)ceil(log10(high)); e++)
        for (size_t i = 0; i < ARRAY_LEN(steps); i++, between = ", ")
            fprintf(to, "%s%d * 10.0**%d", between, steps[i], e);
    fputs(")\n", to);
}

/* Panels are compared, so they share their ranges. */
static void linear_axis(const char *axis, struct range r, double factor, FILE *to)
{
    double low = r.low / factor, high = r.high / factor;
    bool from_zero = axis[0] == 'y' && low >= 0;
    low = from_zero ? 0 : low;
    double more = high > low ? (high - low) * 0.04 : 1;
    fprintf(to, "set %srange [%.6g:%.6g]\n", axis, from_zero ? 0 : low - more, high + more);
}

static void name_tics(const struct drawing *g, FILE *to)
{
    ASSERT(g->categories != NULL);
    size_t letters = 0;
    fputs("set xtics (", to);
    for (size_t i = 0; i < g->category_count; i++) {
        fputs(i > 0 ? ", " : "", to);
        quoted(to, g->categories[i]);
        fprintf(to, " %zu", i);
        letters += strlen(g->categories[i]) + 2;
    }
    bool turned = letters > (g->panel_count > 0 ? 30 : 70);
    fprintf(to, ") noenhanced%s\nset xrange [-0.5:%g]\n", turned ? " rotate by -30" : "",
            (double)g->category_count - 0.5);
}

static void script_axes(const struct drawing *g, struct scale x, struct scale y, FILE *to)
{
    struct range rx = range_of(g, true), ry = range_of(g, false);
    bool binary = binary_axis(g);
    axis_label(to, "x", g->x_label, binary ? "" : x.unit);
    axis_label(to, "y", g->y_label, y.unit);
    if (g->category_count > 0)
        name_tics(g, to);
    else if (g->log_x)
        log_axis("x", rx, x.factor, to);
    else
        linear_axis("x", rx, x.factor, to);
    if (binary)
        binary_tics(g, to);
    else if (g->log_x)
        fputs("set logscale x 10\n", to);
    if (g->log_y)
        fputs("set logscale y 10\n", to);
    if (g->log_y)
        log_axis("y", ry, y.factor, to);
    else
        linear_axis("y", ry, y.factor, to);
}

#define HOLLOW "hollow: not steady, saturated or no window"

static bool has_mark(const struct draw_series *s)
{
    for (size_t k = 0; k < s->count; k++)
        if (s->marked[k] > 0)
            return true;
    return false;
}

/* Curves, and published series that belong to none, are what the legend names. */
static size_t legend(const struct drawing *g, size_t *longest)
{
    size_t n = 0;
    bool marked = false;
    *longest = 0;
    for (size_t i = 0; i < g->count; i++) {
        size_t length = strlen(g->series[i].label);
        *longest = length > *longest ? length : *longest;
        n += length > 0;
        marked |= has_mark(&g->series[i]);
    }
    if (marked && *longest < strlen(HOLLOW))
        *longest = strlen(HOLLOW);
    return n + marked;
}

static size_t panel_columns(const struct drawing *g)
{
    size_t n = 1;
    while (n < 4 && n * n < g->panel_count)
        n++;
    return n;
}

static size_t panel_rows(const struct drawing *g)
{
    size_t n = panel_columns(g);
    return g->panel_count > 0 ? (g->panel_count + n - 1) / n : 1;
}

/* The place of a panel with the gap after it, and the characters of its title that fit above. */
enum {
    PANEL_WIDTH = 285,
    PANEL_GAP = 75,   /* of that, between two: the tics of the next */
    PANEL_LEFT = 105, /* tics and the label of y */
    PANEL_HEIGHT = 250,
    PANEL_TITLE = 34,
    TITLE_LINE = 17
};

/* Characters of the next line of a panel's title: cut at a blank where there is one. */
static size_t title_line(const char *s)
{
    size_t n = strlen(s);
    if (n <= PANEL_TITLE)
        return n;
    n = PANEL_TITLE;
    while (n > 0 && s[n] != ' ')
        n--;
    return n > 0 ? n : strcspn(s, " ");
}

static size_t title_lines(const char *s)
{
    size_t lines = 1;
    for (size_t n; s[n = title_line(s)] != '\0'; s += n + 1)
        lines++;
    return lines;
}

/* 'one line'."\n".'the next' */
static void panel_title(const char *s, FILE *to)
{
    fputs("set title ", to);
    for (size_t n = title_line(s);; n = title_line(s)) {
        char *line = base_printf("%.*s", (int)n, s);
        quoted(to, line);
        free(line);
        if (s[n] == '\0')
            break;
        fputs(".\"\\n\".", to);
        s += n + 1;
    }
    fputs(" noenhanced font ',13'\n", to);
}

/* Of small multiples: what their titles need beyond a line, their legend, and the whole. */
static size_t title_room(const struct drawing *g)
{
    size_t most = 1;
    for (size_t i = 0; i < g->panel_count; i++) {
        size_t n = title_lines(g->panels[i]);
        most = n > most ? n : most;
    }
    return TITLE_LINE * (most - 1);
}

static size_t legend_width(const struct drawing *g)
{
    size_t longest;
    legend(g, &longest);
    return 60 + 8 * longest > 200 ? 60 + 8 * longest : 200;
}

static size_t panels_width(const struct drawing *g)
{
    return PANEL_WIDTH * panel_columns(g) + PANEL_LEFT + legend_width(g);
}

static size_t panels_height(const struct drawing *g)
{
    return (PANEL_HEIGHT + title_room(g)) * panel_rows(g) + 70;
}

/* The legend stands beside the drawing, below it when its words are long; the drawing is as high as
 * all of its entries need. */
static void script_head(const struct drawing *g, const char *output, FILE *to)
{
    size_t n = strlen(output), longest, entries = legend(g, &longest);
    bool png = n > 4 && strcmp(output + n - 4, ".png") == 0, below = longest > 24;
    size_t width = 960, height = 600;
    if (g->panel_count > 0) {
        width = panels_width(g);
        height = panels_height(g);
    } else if (below) {
        height += 21 * entries;
    }
    height = height < 120 + 21 * entries ? 120 + 21 * entries : height;
    if (png)
        fprintf(to, "set terminal pngcairo size %zu,%zu font 'Sans,14' background '#ffffff'\n",
                width * 5 / 4, height * 5 / 4);
    else
        fprintf(to,
                "set terminal svg size %zu,%zu font 'Helvetica,15' background '#ffffff' rounded\n",
                width, height);
    quoted_line(to, "set output", output, "");
    fputs("set encoding utf8\nset datafile missing '?'\n", to);
    if (g->panel_count == 0)
        quoted_line(to, "set title", g->title, " noenhanced font ',18'");
    fputs("set border 3 lc rgb '#444444'\nset tics nomirror out textcolor rgb '#222222'\n"
          "set grid xtics ytics lt 1 lw 0.7 lc rgb '#e4e4e4'\n",
          to);
    if (g->panel_count > 0)
        fprintf(to, "set key at screen %.4f,0.9 left top",
                1 - (double)(legend_width(g) - 20) / (double)width);
    else
        fprintf(to, "set key outside %s", below ? "bottom center vertical maxcols 1" : "right top");
    fputs(" Left reverse samplen 2 spacing 1.2 noenhanced\n", to);
    if (g->key_title != NULL && g->key_title[0] != '\0')
        quoted_line(to, "set key title", g->key_title, " noenhanced left");
    fputs("set pointintervalbox 0\n", to);
}

/* Bars stand side by side over a name, in the order of the curves' colours. */
static double bar_width(const struct drawing *g)
{
    size_t n = 1;
    for (size_t i = 0; i < g->count; i++) {
        if (!g->series[i].published && g->series[i].colour >= n)
            n = g->series[i].colour + 1;
    }
    return 0.8 / (double)n;
}

static double bar_shift(const struct drawing *g, const struct draw_series *s)
{
    double w = bar_width(g), at = ((double)s->colour + 0.5) * w - 0.4;
    return g->categories == NULL || at > 0.4 ? 0 : at; /* published, of no curve: in the middle */
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
            fprintf(to, "%.12g %.12g ", s->x[k] / x.factor + bar_shift(g, s), s->y[k] / y.factor);
            if (s->half_width[k] > 0 && isfinite(s->half_width[k]))
                fprintf(to, "%.12g", s->half_width[k] / y.factor);
            else
                fputs("?", to);
            fputs(s->marked[k] > 0 ? " 1\n" : "\n", to);
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

static void style(const struct drawing *g, const struct draw_series *s, FILE *to)
{
    bool on_bars = g->categories != NULL && s->published;
    const char *colour = on_bars ? "#222222" : colours[s->colour % DRAW_COLOURS];
    size_t shape = s->colour % ARRAY_LEN(solid);
    if (g->categories != NULL && !s->published)
        fprintf(to, "with boxes fs solid 0.85 noborder lc rgb '%s' ", colour);
    else
        fprintf(to, "with %s lc rgb '%s' lw 2 pt %d ps %s ",
                s->published ? "points" : "linespoints", colour,
                s->published ? hollow[shape] : solid[shape], s->published ? "1.3" : "0.8");
}

static bool in_panel(const struct draw_series *s, size_t panel)
{
    return s->panel == panel || s->panel == DRAW_EVERY_PANEL;
}

/* Points that are not to be trusted like the others: hollow, over the curve. */
static void script_marks(const struct drawing *g, size_t panel, FILE *to)
{
    bool any = false;
    for (size_t i = 0; i < g->count; i++) {
        const struct draw_series *s = &g->series[i];
        if (!has_mark(s))
            continue;
        any = true;
        if (!in_panel(s, panel))
            continue;
        fprintf(to,
                ", \\\n     $d%zu using ($4 > 0 ? $1 : 1/0):2 with points lc rgb '#ffffff' pt 7 "
                "ps 0.9 notitle, \\\n     $d%zu using ($4 > 0 ? $1 : 1/0):2 with points lc rgb "
                "'%s' lw 1.5 pt 6 ps 0.9 notitle",
                i, i, colours[s->colour % DRAW_COLOURS]);
    }
    if (any && (panel == 0 || panel == DRAW_EVERY_PANEL))
        fputs(", \\\n     keyentry with points lc rgb '#444444' lw 1.5 pt 6 ps 0.9 title '" HOLLOW
              "'",
              to);
}

/* The lines of the legend of small multiples: of each label one. */
static void script_legend(const struct drawing *g, FILE *to)
{
    for (size_t i = 0; i < g->count; i++) {
        bool seen = g->series[i].label[0] == '\0';
        for (size_t k = 0; k < i; k++)
            seen |= strcmp(g->series[k].label, g->series[i].label) == 0;
        if (seen)
            continue;
        fputs(", \\\n     keyentry ", to);
        style(g, &g->series[i], to);
        fputs("title ", to);
        quoted(to, g->series[i].label);
    }
}

/* Curves over their intervals, intervals over bars, then what is published. */
static void script_panel(const struct drawing *g, size_t panel, FILE *to)
{
    const char *between = "plot ";
    const int intervals = g->categories != NULL;
    for (int layer = 0; layer < 3; layer++) {
        for (size_t i = 0; i < g->count; i++) {
            const struct draw_series *s = &g->series[i];
            if (!in_panel(s, panel) || s->published != (layer == 2) ||
                (layer == intervals && !has_interval(s)))
                continue;
            fprintf(to, "%s$d%zu ", between, i);
            between = ", \\\n     ";
            if (layer == intervals) {
                fprintf(to, "using 1:2:3 with yerrorbars lc rgb '%s' lw 1.2 pt 0 notitle",
                        g->categories != NULL ? "#222222" : colours[s->colour % DRAW_COLOURS]);
                continue;
            }
            fputs("using 1:2 ", to);
            style(g, s, to);
            bool titled = s->label[0] != '\0' && g->panel_count == 0;
            fputs(titled ? "title " : "notitle", to);
            if (titled)
                quoted(to, s->label);
        }
    }
    script_marks(g, panel, to);
    if (panel == 0)
        script_legend(g, to);
    fputc('\n', to);
}

/* The labels of the axes stand at the left and at the bottom only. */
static void panel_labels(const struct drawing *g, size_t i, const char *x, const char *y, FILE *to)
{
    if (i + panel_columns(g) >= g->panel_count)
        axis_label(to, "x", g->x_label, x);
    else
        fputs("unset xlabel\n", to);
    if (i % panel_columns(g) == 0)
        axis_label(to, "y", g->y_label, y);
    else
        fputs("unset ylabel\n", to);
}

static void script_plot(const struct drawing *g, const char *x, const char *y, FILE *to)
{
    if (g->categories != NULL)
        fprintf(to, "set boxwidth %.6g\n", bar_width(g) * 0.94);
    if (g->panel_count == 0) {
        script_panel(g, DRAW_EVERY_PANEL, to);
    } else {
        double width = (double)panels_width(g), height = (double)panels_height(g),
               titles = (double)title_room(g);
        fputs("set multiplot title ", to);
        quoted(to, g->title);
        fprintf(to,
                " font ',18' noenhanced layout %zu,%zu margins %.4f,%.4f,%.4f,%.4f spacing "
                "%.4f,%.4f\n",
                panel_rows(g), panel_columns(g), PANEL_LEFT / width,
                1 - (double)legend_width(g) / width, 60 / height, 1 - (75 + titles) / height,
                PANEL_GAP / width, (70 + titles) / height);
        for (size_t i = 0; i < g->panel_count; i++) {
            panel_title(g->panels[i], to);
            panel_labels(g, i, x, y, to);
            script_panel(g, i, to);
            fputs("unset key\n", to);
        }
        fputs("unset multiplot\n", to);
    }
    fputs("set output\n", to);
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
    script_plot(g, binary_axis(g) ? "" : x.unit, y.unit, to);
}

/* ---- the child ---- */

static bool output_name_ok(const char *output, struct err *e)
{
    size_t n = strlen(output);
    char *clean = clean_line(base_strdup(output));
    bool same = strcmp(clean, output) == 0; /* gnuplot reads lines of text */
    free(clean);
    if (!same)
        return err_set(e, "the drawing '%s' has a control character in its name", output);
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

/* gnuplot does not say when it could not write: the end of the file tells. */
static bool is_whole(FILE *f)
{
    char end[16] = "";
    if (fseek(f, -12, SEEK_END) != 0)
        return false;
    size_t n = fread(end, 1, 12, f);
    return n == 12 && (memcmp(end + 4, "IEND", 4) == 0 || strstr(end, "</svg>") != NULL);
}

static bool begin(struct whole *w, const char *output, struct err *e)
{
    return output_name_ok(output, e) && draw_make_folder(output, e) &&
           whole_open(w, "the drawing", output, e);
}

bool drawing_begins(const char *output, struct err *e)
{
    struct whole w;
    return begin(&w, output, e) && whole_close(&w, "the drawing", false, e);
}

bool drawing_run(const struct drawing *g, const char *output, struct err *e)
{
    struct whole w;
    if (!axis_bears(g, e) || !begin(&w, output, e))
        return false;
    bool ok = run_script(g, w.part != NULL ? w.part : output, e);
    if (ok && w.part != NULL && !is_whole(w.file))
        ok = err_lost(e, "the drawing '%s' cannot be written: it would be cut, is the disk full?",
                      output);
    ok = whole_close(&w, "the drawing", ok, e) && ok;
    return ok;
}
