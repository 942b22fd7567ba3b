/* test_judge.c: expectations on made-up results: each kind holds where it should and fails where a
 * failure is planted. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/judge.h"

static struct dataset d;
static struct val *list;
static struct verdicts v;

/* A sweep of size x os: y = a + size / b, and one point that crashed. */
static void point(double size, const char *os, double y, bool good)
{
    char text[32];
    struct data_point *p = dataset_add(&d);
    snprintf(text, sizeof text, "%gB", size);
    p->good = good;
    dataset_add_param(p, "workload.size", text, size);
    dataset_add_param(p, "machine.os", os, NAN);
    dataset_add_scalar(p, "one_way.mean", "s", y, NAN, 0);
    dataset_add_scalar(p, "bandwidth", "B/s", size / y, NAN, 0);
}

static void start(void)
{
    const double sizes[] = { 0, 1000, 2000, 4000, 8000, 16000 };
    d = (struct dataset){ 0 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        point(sizes[i], "r1.2", 42e-6 + sizes[i] / 65e6, true);
        point(sizes[i], "sunmos", 25e-6 + sizes[i] / 171e6, true);
    }
    point(32000, "r1.2", 1, false);
    dataset_group(&d);
    list = val_new(VAL_LIST, "f.lua", 1);
}

static void stop(void)
{
    verdicts_fini(&v);
    val_free(list);
    dataset_fini(&d);
}

TestSuite(judge, .init = start, .fini = stop);

static struct val *expect(const char *kind)
{
    struct val *x = val_new(VAL_TABLE, "f.lua", 7);
    val_put(x, "kind", val_new_string(kind, "f.lua", 7));
    val_append(list, x);
    return x;
}

static void text(struct val *x, const char *key, const char *s)
{
    val_put(x, key, val_new_string(s, "f.lua", 8));
}

static void num(struct val *x, const char *key, double n)
{
    val_put(x, key, val_new_real(n, "f.lua", 8));
}

/* at/of/over = { os = ..., size = ... }; size < 0: left out. */
static void place(struct val *x, const char *key, const char *os, int64_t size)
{
    struct val *t = val_new(VAL_TABLE, "f.lua", 8);
    val_put(t, "machine.os", val_new_string(os, "f.lua", 8));
    if (size >= 0)
        val_put(t, "workload.size", val_new_int(size, "f.lua", 8));
    val_put(x, key, t);
}

static const struct judge_axes axes = { .x = "workload.size", .y = "one_way" };

static void run(void)
{
    struct err e = ERR_INIT;
    cr_assert(judge(&d, &axes, list, &v, &e), "%s", e.text);
}

static void is(size_t i, enum verdict_kind kind)
{
    cr_assert_eq(v.list[i].kind, kind, "%s: %s, expected %s", v.list[i].name, v.list[i].ours,
                 v.list[i].expected);
}

Test(judge, a_value_holds_within_its_distance_and_not_beyond)
{
    const char *const values[] = { "42us", "46us", "36us", "50us" };
    for (int i = 0; i < 4; i++) {
        struct val *x = expect("value");
        place(x, "at", "r1.2", 0);
        text(x, "equals", values[i]);
        num(x, "within", 0.15);
    }
    run();
    is(0, VERDICT_HOLDS);
    is(1, VERDICT_HOLDS);
    is(2, VERDICT_FAILS); /* 42 is 16.7 % above 36 */
    is(3, VERDICT_FAILS);
    cr_assert_eq(v.failed, 2);
    cr_assert_str_eq(v.list[0].name, "value of one_way os=\"r1.2\" size=0");
    cr_assert_str_eq(v.list[0].ours, "42 us (+0.0 %)");
    cr_assert_str_eq(v.list[0].expected, "42 us within 15 %");
}

Test(judge, sizes_are_compared_by_value)
{
    struct val *x = expect("value"), *at;
    place(x, "at", "r1.2", -1);
    at = x->items[1];
    text(at, "workload.size", "1kB");
    num(x, "equals", 42e-6 + 1000 / 65e6);
    num(x, "within", 1e-9);
    run();
    is(0, VERDICT_HOLDS);
}

Test(judge, what_cannot_be_judged_fails)
{
    struct val *x = expect("value");
    place(x, "at", "r1.2", 32000); /* crashed */
    text(x, "equals", "1s");
    num(x, "within", 0.5);
    x = expect("value");
    place(x, "at", "r1.2", 77);
    text(x, "equals", "1s");
    num(x, "within", 0.5);
    x = expect("value");
    place(x, "at", "r1.2", -1);
    text(x, "equals", "1s");
    num(x, "within", 0.5);
    run();
    cr_assert_eq(v.failed, 3);
    cr_assert_str_eq(v.list[0].ours, "the case has no finished result of it");
    cr_assert_str_eq(v.list[0].expected, "equals 1s within 0.5");
    cr_assert_str_eq(v.list[1].ours, "no case of the sweep matches");
    cr_assert_str_eq(v.list[2].ours, "several cases match: name more swept values");
}

Test(judge, a_low_confidence_is_noted_and_never_counts)
{
    struct val *x = expect("value");
    place(x, "at", "r1.2", 0);
    text(x, "equals", "1s");
    num(x, "within", 0.1);
    text(x, "confidence", "low");
    val_put(x, "calibrated", val_new_bool(true, NULL, 0));
    run();
    is(0, VERDICT_NOTED);
    cr_assert_not(v.list[0].holds);
    cr_assert(v.list[0].calibrated);
    cr_assert_eq(v.failed, 0);
}

Test(judge, what_an_expectation_rests_on_is_told)
{
    for (int i = 0; i < 5; i++) {
        struct val *x = expect("value");
        place(x, "at", "r1.2", 0);
        text(x, "equals", i < 4 ? "42us" : "1s");
        num(x, "within", 0.1);
        if (i > 0)
            text(x, "citation", i == 1 ? "derived: a sum" : "a paper");
        if (i == 3)
            val_put(x, "guard", val_new_bool(true, NULL, 0));
        if (i == 4)
            text(x, "missed", "why");
    }
    run();
    static const enum verdict_basis want[] = { BASIS_GUARD, BASIS_DERIVED, BASIS_PUBLISHED,
                                               BASIS_GUARD, BASIS_PUBLISHED };
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(v.list[i].basis, want[i], "%zu", i);
    is(3, VERDICT_HOLDS);
    is(4, VERDICT_NOTED); /* a known miss */
    cr_assert(v.list[4].missed);
    cr_assert_eq(v.failed, 0);
}

Test(judge, an_asymptote_is_the_end_of_the_curve)
{
    struct val *x = expect("asymptote");
    text(x, "measure", "bandwidth");
    place(x, "of", "r1.2", -1);
    num(x, "equals", 16000 / (42e-6 + 16000 / 65e6));
    num(x, "within", 1e-6);
    x = expect("asymptote");
    text(x, "measure", "bandwidth");
    place(x, "of", "r1.2", -1);
    text(x, "equals", "65MB/s");
    num(x, "within", 0.10); /* 55.5 MB/s at 16,000 B */
    run();
    is(0, VERDICT_HOLDS);
    is(1, VERDICT_FAILS);
    cr_assert_str_eq(v.list[1].expected, "65 MB/s within 10 %");
}

Test(judge, monotone_sees_a_step_the_other_way)
{
    const char *const ways[] = { "rising", "falling" };
    for (int i = 0; i < 2; i++) {
        struct val *x = expect("monotone");
        place(x, "of", "sunmos", -1);
        text(x, "direction", ways[i]);
    }
    run();
    is(0, VERDICT_HOLDS);
    is(1, VERDICT_FAILS);
}

Test(judge, a_step_within_the_slack_is_no_step)
{
    for (size_t i = 0; i < d.point_count; i++) {
        struct data_point *p = &d.points[i];
        if (strcmp(p->params[1].value, "sunmos") == 0 && p->params[0].number == 8000)
            p->scalars[0].value = 0.98 * (25e-6 + 4000 / 171e6);
    }
    for (int i = 0; i < 2; i++) {
        struct val *x = expect("monotone");
        place(x, "of", "sunmos", -1);
        text(x, "direction", "rising");
        num(x, "slack", i == 0 ? 0.01 : 0.03);
    }
    run();
    is(0, VERDICT_FAILS);
    is(1, VERDICT_HOLDS);
}

Test(judge, a_ratio_divides_two_cases)
{
    struct val *x = expect("ratio");
    place(x, "at", "r1.2", 0);
    place(x, "over", "sunmos", 0);
    num(x, "equals", 42.0 / 25);
    num(x, "within", 1e-9);
    x = expect("ratio");
    place(x, "at", "r1.2", 0);
    place(x, "over", "sunmos", 0);
    num(x, "min", 1.7);
    run();
    is(0, VERDICT_HOLDS);
    is(1, VERDICT_FAILS);
    cr_assert_str_eq(v.list[1].ours, "1.68");
    cr_assert_str_eq(v.list[1].expected, "at least 1.7");
}

Test(judge, a_difference_subtracts_two_cases)
{
    struct val *x = expect("difference");
    place(x, "at", "r1.2", 0);
    place(x, "less", "sunmos", 0);
    num(x, "equals", 17e-6);
    num(x, "within", 1e-9);
    x = expect("difference");
    place(x, "at", "sunmos", 0);
    place(x, "less", "r1.2", 0);
    num(x, "min", 0);
    run();
    is(0, VERDICT_HOLDS);
    is(1, VERDICT_FAILS);
    cr_assert_str_eq(v.list[1].ours, "-17 us");
}

Test(judge, a_line_is_a_line_and_a_bend_is_not)
{
    struct val *x = expect("linear");
    place(x, "of", "r1.2", -1);
    text(x, "until", "16kB");
    num(x, "within", 1e-6);
    num(x, "slope", 1 / 65e6);
    x = expect("linear");
    text(x, "measure", "bandwidth");
    place(x, "of", "r1.2", -1);
    num(x, "until", 16000);
    num(x, "within", 0.05);
    x = expect("linear");
    place(x, "of", "r1.2", -1);
    num(x, "until", 16000);
    num(x, "within", 1e-6);
    num(x, "slope", 1 / 66e6);
    run();
    is(0, VERDICT_HOLDS);
    is(1, VERDICT_FAILS);
    is(2, VERDICT_FAILS);
}

static void knee_data(double knee)
{
    dataset_fini(&d);
    for (int n = 1; n <= 12; n++)
        point(n, "r1.2", n < knee ? n : knee + 0.05 * (n - knee), true);
    dataset_group(&d);
}

Test(judge, the_knee_is_where_two_lines_meet)
{
    knee_data(7);
    struct val *x = expect("knee");
    num(x, "min", 7);
    num(x, "max", 7);
    x = expect("knee");
    num(x, "min", 8);
    num(x, "max", 12);
    x = expect("linear"); /* until the knee that it finds */
    num(x, "within", 1e-6);
    num(x, "slope", 1);
    run();
    is(0, VERDICT_HOLDS);
    is(1, VERDICT_FAILS);
    is(2, VERDICT_HOLDS);
}

Test(judge, published_points_are_met_or_not)
{
    struct val *figure = val_new(VAL_TABLE, NULL, 0), *published = val_new(VAL_LIST, NULL, 0);
    const char *const confidence[] = { "high", "medium", "low" };
    const double said[] = { 42e-6, 60e-6, 1 };
    for (int i = 0; i < 3; i++) {
        struct val *s = val_new(VAL_TABLE, NULL, 0), *points = val_new(VAL_LIST, NULL, 0),
                   *pair = val_new(VAL_LIST, NULL, 0);
        val_append(pair, val_new_int(0, NULL, 0));
        val_append(pair, val_new_real(said[i], NULL, 0));
        val_append(points, pair);
        val_put(s, "points", points);
        val_put(s, "of", val_new_string("r1.2", NULL, 0));
        val_put(s, "confidence", val_new_string(confidence[i], NULL, 0));
        val_append(published, s);
    }
    val_put(figure, "x", val_new_string("workload.size", NULL, 0));
    val_put(figure, "y", val_new_string("one_way", NULL, 0));
    val_put(figure, "by", val_new_string("machine.os", NULL, 0));
    val_put(figure, "published", published);
    struct judge_axes own = judge_axes_of(figure);
    num(expect("published"), "within", 0.2); /* 60 us is 30 % off */
    num(expect("published"), "within", 0.4);
    struct err e = ERR_INIT;
    cr_assert(judge(&d, &own, list, &v, &e), "%s", e.text);
    is(0, VERDICT_FAILS);
    is(1, VERDICT_HOLDS);
    cr_assert_str_eq(v.list[0].ours, "1 of 2 met, the worst is off by 30.0 %");
    val_free(figure);
}

Test(judge, replications_are_averaged)
{
    dataset_fini(&d);
    point(1, "a", 10, true);
    point(1, "a", 20, true);
    point(1, "a", 99, false);
    dataset_group(&d);
    cr_assert_eq(d.case_count, 1);
    struct data_value x;
    cr_assert(dataset_value(&d, &d.cases[0], "one_way", &x));
    cr_assert_eq(x.mean, 15);
    cr_assert_eq(x.n, 2);
    /* t(0.95, 1) = 12.7062; the deviation of {10, 20} is 7.0711; over sqrt 2 it is 5. */
    cr_assert_float_eq(x.half_width, 12.7062 * 5, 1e-3);
}

static void badly_written(const char *sentence)
{
    struct err e = ERR_INIT;
    cr_assert_not(judge(&d, &axes, list, &v, &e));
    cr_assert_str_eq(e.text, sentence);
}

Test(judge, an_unknown_kind_has_a_sentence)
{
    expect("monotonic");
    badly_written("f.lua:7: there is no expectation of kind 'monotonic', did you mean 'monotone'?");
}

Test(judge, an_unknown_member_has_a_sentence)
{
    text(expect("knee"), "maxx", "3");
    badly_written("f.lua:8: expectation 'knee': it has no 'maxx'; its own are: of min max ");
}

Test(judge, a_missing_member_has_a_sentence)
{
    struct val *x = expect("value");
    place(x, "at", "r1.2", 0);
    text(x, "equals", "42us");
    badly_written("f.lua:7: expectation 'value': 'within' is missing");
}

Test(judge, a_wrong_unit_has_a_sentence)
{
    struct val *x = expect("value");
    place(x, "at", "r1.2", 0);
    text(x, "equals", "42parsec");
    num(x, "within", 0.1);
    badly_written(
        "f.lua:8: expectation 'value': 'equals' must be a number, or text with a unit like "
        "'42us'");
}

Test(judge, numbers_are_printed_with_prefixes)
{
    char b[64];
    cr_assert_str_eq(pretty_value(4.2e-5, "s", b, sizeof b), "42 us");
    cr_assert_str_eq(pretty_value(0.9999e-3, "s", b, sizeof b), "0.9999 ms");
    cr_assert_str_eq(pretty_value(0, "s", b, sizeof b), "0 s");
    cr_assert_str_eq(pretty_value(65e6, "B/s", b, sizeof b), "65 MB/s");
    cr_assert_str_eq(pretty_value(65536, "B", b, sizeof b), "64 KiB");
    cr_assert_str_eq(pretty_value(2.385, "1", b, sizeof b), "2.385");
    cr_assert_str_eq(pretty_value(7, "packets/s", b, sizeof b), "7 packets/s");
}
