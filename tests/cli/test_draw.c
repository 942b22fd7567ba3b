/* test_draw.c: drawings: what is chosen, what the script says, and what goes wrong. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/draw.h"

static struct dataset d;
static char *script;

static void point(const char *unit, double number, const char *mode, double bandwidth, double half)
{
    struct data_point *p = dataset_add(&d);
    dataset_add_param(p, "pfs.mode", mode, NAN);
    dataset_add_param(p, "pfs.stripe_unit", unit, number);
    dataset_add_scalar(p, "read_bandwidth", "B/s", bandwidth, half, 4);
    dataset_add_scalar(p, "latency.mean", "s", 1 / bandwidth, NAN, 0);
}

static void start(void)
{
    d = (struct dataset){ .title = base_strdup("It's a sweep\n"), .name = base_strdup("s") };
    point("64KiB", 65536, "M_UNIX", 2e6, NAN);
    point("16KiB", 16384, "M_UNIX", 1e6, NAN);
    point("16KiB", 16384, "M_RECORD", 3e6, 5e4);
    point("64KiB", 65536, "M_RECORD", 9e6, 5e4);
    dataset_group(&d);
}

static void stop(void)
{
    free(script);
    dataset_fini(&d);
}

TestSuite(draw, .init = start, .fini = stop);

static void make(const struct draw_request *q, const char *output)
{
    struct drawing g;
    struct err e = ERR_INIT;
    size_t size;
    cr_assert(drawing_make(&g, &d, q, &e), "%s", e.text);
    FILE *f = open_memstream(&script, &size);
    drawing_script(&g, output, f);
    fclose(f);
    drawing_fini(&g);
}

static void has(const char *part)
{
    cr_assert(strstr(script, part) != NULL, "no '%s' in:\n%s", part, script);
}

Test(draw, axes_and_curves_are_chosen_when_nothing_is_said)
{
    make(&(struct draw_request){ .log = "x" }, "a.svg");
    has("set terminal svg");
    has("set xlabel 'stripe unit' noenhanced");
    has("set ylabel 'read bandwidth (MB/s)' noenhanced");
    has("set logscale x 2\nset xtics ('16 KiB' 16384, '32 KiB' 32768, '64 KiB' 65536, '128 KiB' "
        "131072)");
    has("set key title 'mode'");
    has("$d0 << EOD\n16384 1 ?\n65536 2 ?\nEOD\n"); /* sorted, in MB/s */
    has("$d1 << EOD\n16384 3 0.05\n65536 9 0.05\nEOD\n");
    has("title 'M_RECORD'");
    has("$d1 using 1:2:3 with yerrorbars");
    cr_assert(strstr(script, "$d0 using 1:2:3") == NULL, "bars without intervals");
}

Test(draw, a_linear_axis_of_sizes_has_a_prefix)
{
    make(&(struct draw_request){ .y = "latency", .by = "pfs.mode" }, "a.png");
    has("set terminal pngcairo");
    has("set xlabel 'stripe unit (KiB)'");
    has("set ylabel 'latency (us)'");
    has("64 0.5 ?");
}

Test(draw, names_become_an_axis_of_categories)
{
    make(&(struct draw_request){ .x = "pfs.mode" }, "a.svg");
    has("set xtics ('M_UNIX' 0, 'M_RECORD' 1)");
    has("set xrange [-0.5:1.5]");
    has("$d0 using 1:2 with boxes");
    has("$d0 << EOD\n-0.2 2 ?"); /* side by side */
}

Test(draw, text_cannot_leave_its_quotes)
{
    free(d.title);
    d.title = base_strdup("x'; system 'touch /tmp/psim-owned'\n!touch /tmp/psim-owned2");
    make(&(struct draw_request){ .log = "" }, "o'ut.svg");
    has("set title 'x''; system ''touch /tmp/psim-owned'' !touch /tmp/psim-owned2' noenhanced");
    has("set output 'o''ut.svg'");
}

Test(draw, where_chooses_cases)
{
    struct val *where = val_new(VAL_TABLE, NULL, 0);
    val_put(where, "pfs.mode", val_new_string("M_UNIX", NULL, 0));
    make(&(struct draw_request){ .where = where }, "a.svg");
    cr_assert(strstr(script, "M_RECORD") == NULL);
    has("notitle");
    val_free(where);
}

Test(draw, over_divides_the_value_of_another_case)
{
    struct val *over = val_new(VAL_TABLE, NULL, 0);
    val_put(over, "pfs.stripe_unit", val_new_string("16KiB", NULL, 0));
    make(&(struct draw_request){ .over = over, .log = "" }, "a.svg");
    has("$d0 << EOD\n16 1 ?\n64 0.5 ?\nEOD\n"); /* within each mode */
    has("64 0.333333");
    val_free(over);
}

static void refused(const struct draw_request *q, const char *sentence)
{
    struct drawing g;
    struct err e = ERR_INIT;
    cr_assert_not(drawing_make(&g, &d, q, &e));
    cr_assert_str_eq(e.text, sentence);
}

Test(draw, what_is_not_there_has_a_sentence)
{
    refused(&(struct draw_request){ .x = "pfs.stripe_unti" },
            "the results have no swept parameter 'pfs.stripe_unti', did you mean "
            "'pfs.stripe_unit'?");
    refused(&(struct draw_request){ .y = "read_bandwith" },
            "the results have no finished point with the scalar 'read_bandwith', did you mean "
            "'read_bandwidth'?");
    refused(&(struct draw_request){ .x = "pfs.mode", .by = "pfs.mode" },
            "'pfs.mode' is the x axis: --by names another swept parameter");
}

/* 4 x 6 x 5 cases: too many curves for one drawing. */
static void four_dimensions(void)
{
    for (int i = 0; i < 240; i++) {
        char text[4][16];
        struct data_point *p = dataset_add(&d);
        const int values[4] = { i % 2, i / 2 % 4, i / 8 % 6, i / 48 };
        static const char *const names[4] = { "pfs.mode", "a.load", "a.nodes", "a.unit" };
        for (int k = 0; k < 4; k++) {
            snprintf(text[k], sizeof text[k], k == 0 ? "M_%d" : "%d", values[k]);
            dataset_add_param(p, names[k], text[k], k == 0 ? (double)NAN : (double)values[k]);
        }
        dataset_add_scalar(p, "wait", "s", 0.001 * (i + 1), NAN, 4);
    }
    dataset_group(&d);
}

static size_t times(const char *part)
{
    size_t n = 0;
    for (const char *s = script; (s = strstr(s, part)) != NULL; s++)
        n++;
    return n;
}

Test(draw, many_curves_become_small_multiples)
{
    dataset_fini(&d);
    d = (struct dataset){ .title = base_strdup("t"), .name = base_strdup("s") };
    four_dimensions();
    make(&(struct draw_request){ .log = "y" }, "a.svg");
    has("set multiplot title 't'");
    has("layout 3,3");
    has("set title 'mode = M_1, load = 3'");
    has("set key title 'unit'");
    double width = strtod(strstr(script, "svg size ") + 9, NULL);
    double left = width * strtod(strstr(script, "margins ") + 8, NULL);
    double gap = width * strtod(strstr(script, "spacing ") + 8, NULL);
    cr_assert_geq(left, 100, "tics of five figures and the label of y need more than %g", left);
    cr_assert_geq(gap, 70, "so do tics between two panels, without a label: %g", gap);
    cr_assert_eq(times("\nset ylabel"), 1 + 3); /* of all, then at the left of each row */
    cr_assert_eq(times("keyentry"), 5);         /* each curve once in the legend */
    cr_assert_eq(times("\nplot "), 8);
    has("set yrange [0.80"); /* ends at the data, 1 to 240 ms, not at a decade */
    struct val *where = val_new(VAL_TABLE, NULL, 0);
    val_put(where, "pfs.mode", val_new_string("M_1", NULL, 0));
    val_put(where, "a.load", val_new_string("3", NULL, 0));
    free(script);
    make(&(struct draw_request){ .where = where }, "a.svg");
    cr_assert_eq(times("multiplot"), 0);
    refused(&(struct draw_request){ .x = "pfs.mode", .by = "a.load" },
            "30 panels cannot be told apart: --where PATH=VALUE keeps one value of a.load (4 "
            "values), a.nodes (6 values), a.unit (5 values)");
    val_free(where);
}

Test(draw, no_colour_is_used_twice)
{
    for (int i = 0; i < 20; i++) {
        char mode[16];
        snprintf(mode, sizeof mode, "M_%d", i);
        point("64KiB", 65536, mode, 1e6, NAN);
        point("16KiB", 16384, mode, 1e6, NAN);
    }
    dataset_group(&d);
    make(&(struct draw_request){ .by = "pfs.mode" }, "a.svg");
    char used[24][8];
    size_t n = 0;
    for (const char *s = script; (s = strstr(s, "linespoints lc rgb '")) != NULL; n++) {
        s += strlen("linespoints lc rgb '");
        cr_assert_lt(n, 24);
        snprintf(used[n], sizeof used[n], "%.7s", s);
        for (size_t k = 0; k < n; k++)
            cr_assert_str_neq(used[n], used[k]);
    }
    cr_assert_eq(n, 22);
    has("set terminal svg size 960,600 ");
    has("set key outside right top");
}

static bool draw(const char *output, struct err *e)
{
    struct drawing g;
    cr_assert(drawing_make(&g, &d, &(struct draw_request){ .log = "x" }, e), "%s", e->text);
    bool ok = drawing_run(&g, output, e);
    drawing_fini(&g);
    return ok;
}

Test(draw, gnuplot_draws)
{
    char path[64];
    struct err e = ERR_INIT;
    snprintf(path, sizeof path, "/tmp/psim-draw-%d/a/b.svg", (int)getpid());
    if (system("gnuplot --version >/dev/null 2>&1") != 0)
        cr_skip("gnuplot is not installed");
    cr_assert(draw(path, &e), "%s", e.text);
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    char head[4096] = "";
    cr_assert_gt(fread(head, 1, sizeof head - 1, f), 1000);
    fclose(f);
    cr_assert(strstr(head, "<svg") != NULL);
    snprintf(path, sizeof path, "rm -r /tmp/psim-draw-%d", (int)getpid());
    cr_assert_eq(system(path), 0);
}

Test(draw, a_missing_gnuplot_is_named)
{
    char path[64];
    struct err e = ERR_INIT;
    snprintf(path, sizeof path, "/tmp/psim-draw-%d.svg", (int)getpid());
    setenv("PATH", "/nowhere", 1);
    cr_assert_not(draw(path, &e));
    cr_assert_str_eq(e.text, "gnuplot is not installed; on Debian: apt install gnuplot-nox");
    cr_assert_eq(access(path, F_OK), -1);
}

Test(draw, an_output_that_cannot_be_has_a_sentence)
{
    struct err e = ERR_INIT;
    cr_assert_not(draw("a.pdf", &e));
    cr_assert_str_eq(e.text, "the drawing 'a.pdf' must end in .svg or .png");
    e = (struct err)ERR_INIT;
    cr_assert_not(draw("/proc/a.svg", &e));
    cr_assert(strstr(e.text, "the drawing '/proc/a.svg' cannot be written: ") != NULL, "%s",
              e.text);
    e = (struct err)ERR_INIT;
    cr_assert_not(draw("/proc/x/a.svg", &e));
    cr_assert(strstr(e.text, "the folder '/proc/x' cannot be made") != NULL, "%s", e.text);
}
