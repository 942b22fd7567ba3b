/* test_figure.c: the figure table is checked, and published points are drawn in their colour. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/figure.h"

static struct val *figure, *series;

static struct val *text(const char *s)
{
    return val_new_string(s, "f.lua", 3);
}

static struct val *pair(struct val *x, struct val *y)
{
    struct val *p = val_new(VAL_LIST, "f.lua", 5);
    val_append(p, x);
    val_append(p, y);
    return p;
}

static void start(void)
{
    figure = val_new(VAL_TABLE, "f.lua", 1);
    series = val_new(VAL_TABLE, "f.lua", 4);
    val_put(figure, "x", text("size"));
    val_put(figure, "y", text("time"));
    val_put(figure, "by", text("os"));
    val_put(figure, "log", text("x"));
    struct val *published = val_new(VAL_LIST, "f.lua", 4), *points = val_new(VAL_LIST, "f.lua", 5);
    val_append(points, pair(text("64KiB"), text("42us")));
    val_append(points, pair(val_new_int(0, "f.lua", 5), val_new_real(3e-5, "f.lua", 5)));
    val_put(series, "name", text("measured"));
    val_put(series, "of", text("b"));
    val_put(series, "points", points);
    val_put(series, "citation", text("somebody 1995"));
    val_put(series, "confidence", text("low"));
    val_append(published, series);
    val_put(figure, "published", published);
}

static void stop(void)
{
    val_free(figure);
}

TestSuite(figure, .init = start, .fini = stop);

static void refused(const char *sentence)
{
    struct err e = ERR_INIT;
    cr_assert_not(figure_check(figure, &e));
    cr_assert_str_eq(e.text, sentence);
}

Test(figure, a_good_one_passes)
{
    struct err e = ERR_INIT;
    cr_assert(figure_check(figure, &e), "%s", e.text);
    struct draw_request q = figure_request(figure);
    cr_assert_str_eq(q.x, "size");
    cr_assert_str_eq(q.by, "os");
    cr_assert_str_eq(q.log, "x");
    cr_assert_null(q.title);
}

Test(figure, an_unknown_member_is_named)
{
    val_put(figure, "publishd", text("x"));
    refused("f.lua:3: a figure has no 'publishd', did you mean 'published'?");
}

Test(figure, y_is_needed)
{
    val_put(figure, "y", val_new_int(3, "f.lua", 3));
    refused("f.lua:1: a figure needs x, a swept parameter, and y, a measure");
}

Test(figure, axes_are_known)
{
    val_put(figure, "log", text("z"));
    refused("f.lua:3: 'log' of a figure must be 'x', 'y' or 'xy'");
}

Test(figure, a_published_series_needs_its_source)
{
    val_put(series, "citation", val_new(VAL_NIL, NULL, 0));
    refused("f.lua:4: a published series needs a name and a citation");
}

Test(figure, confidence_is_one_of_three)
{
    val_put(series, "confidence", text("certain"));
    refused("f.lua:3: the confidence of 'measured' must be 'high', 'medium' or 'low'");
}

Test(figure, a_point_is_a_pair_with_a_number)
{
    struct val *points = val_new(VAL_LIST, "f.lua", 5);
    val_append(points, pair(text("64KiB"), text("fast")));
    val_put(series, "points", points);
    refused("f.lua:5: a published point must be { x, y }, like { \"64KiB\", \"42us\" }");
}

Test(figure, published_points_take_the_colour_of_their_curve)
{
    struct drawing g = { 0 };
    drawing_add(&g, "a", false, 0);
    drawing_add(&g, "b", false, 1);
    figure_add_published(&g, figure, NULL);
    cr_assert_eq(g.count, 3);
    cr_assert(g.series[2].published);
    cr_assert_eq(g.series[2].colour, 1);
    cr_assert_str_eq(g.series[2].label, "measured (low confidence)");
    cr_assert_float_eq(g.series[2].x[0], 65536, 1e-9);
    cr_assert_float_eq(g.series[2].y[0], 42e-6, 1e-15);
    drawing_fini(&g);
}

Test(figure, a_series_of_no_curve_has_a_colour_of_its_own)
{
    struct drawing g = { 0 };
    val_put(series, "of", text("c"));
    drawing_add(&g, "a", false, 0);
    drawing_add(&g, "b", false, 1);
    figure_add_published(&g, figure, NULL);
    cr_assert_eq(g.series[2].colour, 2);
    drawing_fini(&g);
}

Test(figure, expectations_of_both_places_are_judged)
{
    struct val *plain = val_new(VAL_LIST, NULL, 0), *own = val_new(VAL_LIST, NULL, 0);
    for (int i = 0; i < 3; i++) {
        struct val *x = val_new(VAL_TABLE, NULL, 0);
        if (i > 0)
            val_put(x, "kind", text(i == 1 ? "knee" : "linear"));
        val_append(i < 2 ? plain : own, x);
    }
    val_put(figure, "expectations", own);
    struct val *list = figure_expectations(figure, plain);
    cr_assert_eq(list->count, 2);
    cr_assert_str_eq(val_get(list->items[0], "kind")->u.s, "knee");
    cr_assert_str_eq(val_get(list->items[1], "kind")->u.s, "linear");
    val_free(list);
    val_free(plain);
}

Test(figure, the_table_of_verdicts_is_aligned)
{
    struct verdict v[2] = {
        { .kind = VERDICT_HOLDS,
          .holds = true,
          .calibrated = true,
          .name = base_strdup("a"),
          .ours = base_strdup("42 us"),
          .expected = base_strdup("x") },
        { .kind = VERDICT_FAILS,
          .name = base_strdup("longer"),
          .ours = base_strdup("1"),
          .expected = base_strdup("y") },
    };
    struct verdicts all = { .list = v, .count = 2, .failed = 1 };
    char *out;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    figure_print_verdicts(&all, f);
    fclose(f);
    cr_assert_str_eq(out, "verdict             expectation  ours   expected\n"
                          "holds (calibrated)  a            42 us  x\n"
                          "FAILS               longer       1      y\n");
    free(out);
    for (int i = 0; i < 2; i++) {
        free(v[i].name);
        free(v[i].ours);
        free(v[i].expected);
    }
}
