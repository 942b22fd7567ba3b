/* test_param.c: parameters load, and every mistake has its sentence. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/base/kind.h"
#include "sim/base/param.h"

struct inner {
    int64_t depth;
};
static const struct param inner_params[] = {
    P_INT(inner, depth, "3", "1", "64", "Depth.", "test"),
    P_END,
};

struct all {
    bool on;
    int64_t count;
    double share;
    sim_time flit_time;
    int64_t size;
    int64_t rate;
    int route;
    const char *name;
    struct inner fifo;
    const struct val *graph;
    int64_t must;
};
static const char *const routes[] = { "xy", "yx", "adaptive", NULL };
static const struct param all_params[] = {
    P_BOOL(all, on, "true", ""),
    P_INT(all, count, "-7", "-10", "10", ""),
    P_REAL(all, share, "0.25", "0", "1", ""),
    P_TIME(all, flit_time, "10ns", "1ps", "1s", ""),
    P_SIZE(all, size, "64KiB", "1B", NULL, ""),
    P_RATE(all, rate, "200MB/s", NULL, NULL, ""),
    P_CHOICE(all, route, "yx", routes, ""),
    P_STRING(all, name, "none", ""),
    P_TABLE(all, fifo, inner_params, ""),
    P_VAL(all, graph, ""),
    P_INT(all, must, NULL, NULL, NULL, "How many."),
    P_END,
};

static struct val *table;
static struct all a;

static void start(void)
{
    table = val_new(VAL_TABLE, "a.lua", 1);
    struct val *must = val_new_int(42, "a.lua", 2);
    val_put(table, "must", must);
}

static void stop(void)
{
    val_free(table);
}

TestSuite(param, .init = start, .fini = stop);

static void put(const char *path, struct val *v)
{
    struct err e = ERR_INIT;
    cr_assert(val_set_path(table, path, v, &e), "%s", e.text);
}

static void wrong(const char *sentence)
{
    struct err e = ERR_INIT;
    cr_assert_not(param_load(all_params, &a, table, "machine.mesh", &e));
    cr_assert_str_eq(e.text, sentence);
}

Test(param, defaults_are_loaded)
{
    struct err e = ERR_INIT;
    cr_assert(param_load(all_params, &a, table, "m", &e), "%s", e.text);
    cr_assert(a.on);
    cr_assert_eq(a.count, -7);
    cr_assert_eq(a.share, 0.25);
    cr_assert_eq(a.flit_time, 10000);
    cr_assert_eq(a.size, 65536);
    cr_assert_eq(a.rate, 200000000);
    cr_assert_eq(a.route, 1);
    cr_assert_str_eq(a.name, "none");
    cr_assert_eq(a.fifo.depth, 3);
    cr_assert_null(a.graph);
    cr_assert_eq(a.must, 42);
}

Test(param, given_values_are_loaded)
{
    put("on", val_new_bool(false, "a.lua", 3));
    put("count", val_new_real(9.0, "a.lua", 3));
    put("share", val_new_int(1, "a.lua", 3));
    put("flit_time", val_new_string("2.5us", "a.lua", 3));
    put("rate", val_new_int(0, "a.lua", 3));
    put("route", val_new_string("adaptive", "a.lua", 3));
    put("fifo.depth", val_new_int(64, "a.lua", 3));
    put("graph.x", val_new_int(1, "a.lua", 3));
    struct err e = ERR_INIT;
    cr_assert(param_load(all_params, &a, table, "m", &e), "%s", e.text);
    cr_assert_not(a.on);
    cr_assert_eq(a.count, 9);
    cr_assert_eq(a.share, 1.0);
    cr_assert_eq(a.flit_time, 2500000);
    cr_assert_eq(a.rate, 0);
    cr_assert_eq(a.route, 2);
    cr_assert_eq(a.fifo.depth, 64);
    cr_assert_eq(val_get(a.graph, "x")->u.i, 1);
}

Test(param, an_unknown_key_names_the_nearest)
{
    put("flit_tme", val_new_int(1, "a.lua", 7));
    wrong("a.lua:7: machine.mesh.flit_tme is not a parameter, did you mean 'flit_time'?");
}

Test(param, an_unknown_key_of_an_inner_table_has_its_path)
{
    put("fifo.dpeth", val_new_int(1, "a.lua", 9));
    wrong("a.lua:9: machine.mesh.fifo.dpeth is not a parameter, did you mean 'depth'?");
}

Test(param, a_far_key_lists_what_is_known)
{
    put("fifo.zzz", val_new_int(1, "a.lua", 9));
    wrong("a.lua:9: machine.mesh.fifo.zzz is not a parameter; known are depth");
}

Test(param, a_missing_value_is_named)
{
    val_free(table);
    table = val_new(VAL_TABLE, "a.lua", 1);
    wrong("a.lua:1: machine.mesh.must is missing: it must be given (How many.)");
}

Test(param, a_number_without_unit_is_refused)
{
    put("flit_time", val_new_int(10, "a.lua", 4));
    wrong("a.lua:4: machine.mesh.flit_time is 10 but must be a time in quotes with its unit, like "
          "'40ns'");
}

Test(param, a_wrong_unit_is_refused)
{
    put("flit_time", val_new_string("10KiB", "a.lua", 4));
    wrong(
        "a.lua:4: machine.mesh.flit_time: '10KiB' is not a time: 'KiB' is not a unit of it; write "
        "a number and one of ps, ns, us, ms, s, min, h, like '40ns' or '2.5ms'");
}

Test(param, ranges_are_inclusive)
{
    put("flit_time", val_new_string("1s", "a.lua", 4));
    put("count", val_new_int(-10, "a.lua", 5));
    struct err e = ERR_INIT;
    cr_assert(param_load(all_params, &a, table, "m", &e), "%s", e.text);
    put("flit_time", val_new_string("1001ms", "a.lua", 4));
    wrong("a.lua:4: machine.mesh.flit_time is '1001ms' but must be from 1ps to 1s");
}

Test(param, a_bound_on_one_side_says_so)
{
    put("size", val_new_int(0, "a.lua", 6));
    wrong("a.lua:6: machine.mesh.size is 0 but must be at least 1B");
}

Test(param, a_real_above_its_range_is_refused)
{
    put("share", val_new_real(1.0000001, "a.lua", 6));
    wrong("a.lua:6: machine.mesh.share is 1.0000001 but must be from 0 to 1");
}

Test(param, a_fraction_is_no_whole_number)
{
    put("count", val_new_real(1.5, "a.lua", 6));
    wrong("a.lua:6: machine.mesh.count is 1.5 but must be a whole number");
}

Test(param, a_wrong_choice_names_the_nearest)
{
    put("route", val_new_string("adaptve", "a.lua", 8));
    wrong("a.lua:8: machine.mesh.route: there is no 'adaptve', did you mean 'adaptive'?");
}

Test(param, a_number_for_a_table_is_refused)
{
    put("fifo", val_new_int(3, "a.lua", 8));
    wrong("a.lua:8: machine.mesh.fifo is 3 but must be a table");
}

Test(param, resolving_adds_what_is_not_there)
{
    put("count", val_new_int(4, "a.lua", 3));
    param_resolve(all_params, table);
    char *text = val_canonical(table);
    cr_assert_str_eq(text, "must = 42\n"
                           "count = 4\n"
                           "on = true\n"
                           "share = 0.25\n"
                           "flit_time = \"10ns\"\n"
                           "size = \"64KiB\"\n"
                           "rate = \"200MB/s\"\n"
                           "route = \"yx\"\n"
                           "name = \"none\"\n"
                           "fifo.depth = 3\n");
    free(text);
    struct err e = ERR_INIT;
    cr_assert(param_load(all_params, &a, table, "m", &e), "%s", e.text);
}

/* ---- a kind with parameters of its own ---- */

static const struct kind plain = { .name = "plain", .doc = "Has none." };
static const struct kind deep = {
    .name = "deep", .doc = "Has one.", .params = inner_params, .params_size = sizeof(struct inner)
};
static const struct kind *const rules_items[] = { &plain, &deep, NULL };
static const struct kind_set rules = { "rule", "here", rules_items };

struct chosen {
    struct kind_choice rule;
};
static const struct param chosen_params[] = { P_KIND(chosen, rule, "deep", rules, "What is next."),
                                              P_END };
static struct chosen c;

static int64_t depth_of(const struct chosen *x)
{
    return ((const struct inner *)(const void *)x->rule.params)->depth;
}

/* Of the table the member `rule` alone; why: the sentence of a refusal. */
static void choose(const char *why)
{
    struct err e = ERR_INIT;
    struct val *only = val_new(VAL_TABLE, "a.lua", 1);
    if (val_get(table, "rule") != NULL)
        val_put(only, "rule", val_copy(val_get(table, "rule")));
    bool fine = param_load(chosen_params, &c, only, "files", &e);
    cr_assert_eq(fine, why == NULL, "%s", e.text);
    if (why != NULL)
        cr_assert_str_eq(e.text, why);
    val_free(only);
}

Test(param, a_kind_is_a_name_or_a_table_with_its_parameters)
{
    choose(NULL);
    cr_assert(c.rule.kind == &deep && depth_of(&c) == 3);
    put("rule", val_new_string("plain", "a.lua", 2));
    choose(NULL);
    cr_assert_eq(c.rule.kind, &plain);
    val_put(table, "rule", val_new(VAL_TABLE, "a.lua", 3));
    put("rule.policy", val_new_string("deep", "a.lua", 3));
    choose(NULL);
    cr_assert(c.rule.kind == &deep && depth_of(&c) == 3);
    put("rule.depth", val_new_int(9, "a.lua", 3));
    choose(NULL);
    cr_assert(c.rule.kind == &deep && depth_of(&c) == 9);
}

Test(param, a_wrong_kind_or_parameter_of_one_has_its_sentence)
{
    put("rule", val_new_string("dep", "a.lua", 2));
    choose("a.lua:2: files.rule: there is no 'dep', did you mean 'deep'?");
    val_put(table, "rule", val_new_int(7, "a.lua", 3));
    choose("a.lua:3: files.rule is 7 but must be a name in quotes, or a table { policy = name, its "
           "parameters }");
    val_put(table, "rule", val_new(VAL_TABLE, "a.lua", 3));
    put("rule.depth", val_new_int(9, "a.lua", 4));
    choose("a.lua:3: files.rule.policy is missing: it names the rule");
    put("rule.policy", val_new_string("deep", "a.lua", 4));
    put("rule.depth", val_new_int(65, "a.lua", 5));
    choose("a.lua:5: files.rule.depth is 65 but must be from 1 to 64");
    put("rule.policy", val_new_string("plain", "a.lua", 4));
    choose("a.lua:5: files.rule.depth is not a parameter; known are policy");
}

Test(param, what_a_table_does_not_say_of_a_kind_stays)
{
    struct err e = ERR_INIT;
    put("rule", val_new_string("plain", "a.lua", 2));
    choose(NULL);
    struct val *only = val_new(VAL_TABLE, "a.lua", 1);
    val_put(only, "rule", val_new_string("deep", "a.lua", 1));
    cr_assert(param_override(chosen_params, &c, only, NULL, "files", &e), "%s", e.text);
    val_put(only, "rule", val_new(VAL_TABLE, "a.lua", 1));
    cr_assert(val_set_path(only, "rule.depth", val_new_int(11, "a.lua", 1), &e), "%s", e.text);
    cr_assert(param_override(chosen_params, &c, only, NULL, "files", &e), "%s", e.text);
    cr_assert(c.rule.kind == &deep && depth_of(&c) == 11);
    val_put(only, "rule", val_new(VAL_TABLE, "a.lua", 1));
    cr_assert(val_set_path(only, "rule.policy", val_new_string("plain", "a.lua", 1), &e));
    cr_assert(param_override(chosen_params, &c, only, NULL, "files", &e), "%s", e.text);
    cr_assert_eq(c.rule.kind, &plain);
    val_free(only);
}

Test(param, a_kind_that_has_parameters_resolves_to_a_table)
{
    struct val *only = val_new(VAL_TABLE, "a.lua", 1);
    for (int named = 0; named < 3; named++) {
        if (named == 1)
            val_put(only, "rule", val_new_string("deep", "a.lua", 1));
        if (named == 2)
            val_put(only, "rule", val_new_string("plain", "a.lua", 1));
        param_resolve(chosen_params, only);
        char *text = val_canonical(only);
        cr_assert_str_eq(text, named == 2 ? "rule = \"plain\"\n"
                                          : "rule.policy = \"deep\"\nrule.depth = 3\n");
        free(text);
    }
    val_free(only);
}
