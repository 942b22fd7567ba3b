/* test_script.c: what a configuration may do, the lines of its values, and its sweep. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/script.h"

static struct script_result run(const char *text)
{
    struct script_result r;
    struct err e = ERR_INIT;
    cr_assert(script_text(text, &r, &e), "%s", e.text);
    return r;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The place of a value as "file:line". */
static const char *place(const struct script_result *r, const char *path)
{
    static char out[256];
    const struct val *v = val_path(r->cases[0].root, path);
    cr_assert(v, "no %s", path);
    snprintf(out, sizeof out, "%s:%d", base_name(v->file), v->line);
    return out;
}

Test(script, values_know_the_line_of_their_key)
{
    struct script_result r = run("local rows = 4\n"
                                 "return {\n"
                                 "  title = 'x', -- a { in a comment\n"
                                 "  mesh = {\n"
                                 "    [ 'kind' ] = \"worm {\",\n"
                                 "    rows = rows,\n"
                                 "    size = { 1,\n"
                                 "      2, (function() local a, b = 1, 2; return a end)(),\n"
                                 "      [==[ } ]] ]==] },\n"
                                 "    last = ({ 5 })[1] },\n"
                                 "}\n");
    cr_expect_str_eq(place(&r, "title"), "conf.lua:3");
    cr_expect_str_eq(place(&r, "mesh"), "conf.lua:4");
    cr_expect_str_eq(place(&r, "mesh.kind"), "conf.lua:5");
    cr_expect_str_eq(place(&r, "mesh.rows"), "conf.lua:6");
    cr_expect_str_eq(place(&r, "mesh.size.1"), "conf.lua:7");
    cr_expect_str_eq(place(&r, "mesh.size.3"), "conf.lua:8");
    cr_expect_str_eq(place(&r, "mesh.size.4"), "conf.lua:9");
    cr_expect_str_eq(val_path(r.cases[0].root, "mesh.size.4")->u.s, " } ]] ");
    cr_expect_str_eq(place(&r, "mesh.last"), "conf.lua:10");
    script_result_fini(&r);
}

Test(script, lines_follow_tables_through_variables_and_functions)
{
    struct script_result r = run("local function part(n)\n"
                                 "  return { size = n,\n"
                                 "    kind = 'a' }\n"
                                 "end\n"
                                 "local t = part {\n"
                                 "  deep = 1 }\n"
                                 "t.late = 7\n"
                                 "return { a = t, b = merge(t, { kind = 'b',\n"
                                 "   more = 1 }) }\n");
    cr_expect_str_eq(place(&r, "a.kind"), "conf.lua:3");
    cr_expect_str_eq(place(&r, "a.size.deep"), "conf.lua:6");
    cr_expect_str_eq(place(&r, "a.late"), "conf.lua, in the table of line 2:0");
    cr_expect_str_eq(place(&r, "b.kind"), "conf.lua:8");
    cr_expect_str_eq(place(&r, "b.more"), "conf.lua:9");
    cr_expect_str_eq(place(&r, "b.size"), "conf.lua:2");
    cr_expect_str_eq(val_path(r.cases[0].root, "b.kind")->u.s, "b");
    cr_expect_str_eq(val_path(r.cases[0].root, "a.kind")->u.s, "a");
    script_result_fini(&r);
}

Test(script, merge_goes_into_tables_and_replaces_lists)
{
    struct script_result r = run("local base = { m = { x = 1, y = { z = 2, l = {1, 2, 3} } } }\n"
                                 "return { t = merge(base, { m = { y = { l = {9} } }, n = 5 }),"
                                 " base = base }\n");
    const struct val *t = val_get(r.cases[0].root, "t");
    cr_expect_eq(val_path(t, "m.x")->u.i, 1);
    cr_expect_eq(val_path(t, "m.y.z")->u.i, 2);
    cr_expect_eq(val_path(t, "m.y.l")->count, 1);
    cr_expect_eq(val_path(t, "n")->u.i, 5);
    cr_expect_eq(val_path(r.cases[0].root, "base.m.y.l")->count, 3, "merge changed its argument");
    script_result_fini(&r);
}

Test(script, names_come_in_the_order_of_the_text)
{
    struct script_result r = run("local t = { zebra = 1, ant = 2, ['mid.dle'] = 3 }\n"
                                 "t.b = 1 t.a = 1\nreturn { t = t }");
    static const char *const order[] = { "zebra", "ant", "mid.dle", "a", "b" };
    const struct val *t = val_get(r.cases[0].root, "t");
    cr_assert_eq(t->count, ARRAY_LEN(order));
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        cr_expect_str_eq(t->items[i]->key, order[i]);
    script_result_fini(&r);
}

Test(script, pairs_and_next_go_in_order)
{
    struct script_result r = run(
        "local t = { c = 1, a = 2, [3] = 0, [-1] = 0, [2.5] = 0, [true] = 0, b = 3 }\n"
        "local s = '' for k in pairs(t) do s = s .. tostring(k) .. ' ' end\n"
        "local n = '' local k = next(t) while k ~= nil do n = n .. tostring(k) .. ' '"
        " k = next(t, k) end\n"
        "local big, last, good = {}, -1, true for i = 1, 2000 do big[(i * 7919) % 2003] = i end\n"
        "for k in pairs(big) do good = good and k > last last = k end\n"
        "return { s = s, n = n, good = good, none = next({}) == nil }");
    cr_expect_str_eq(val_get(r.cases[0].root, "s")->u.s, "-1 2.5 3 a b c true ");
    cr_expect_str_eq(val_get(r.cases[0].root, "n")->u.s, "-1 2.5 3 a b c true ");
    cr_expect(val_get(r.cases[0].root, "good")->u.b);
    cr_expect(val_get(r.cases[0].root, "none")->u.b);
    script_result_fini(&r);
}

Test(script, sweep_goes_through_products_and_zips_in_order)
{
    struct script_result r = run(
        "local n = param('n', 1)\n"
        "return { double = 2 * n, sweep = { product = { n = { 1, 2 }, ['m.x'] = { 'a', 'b' } },\n"
        "  zip = { p = { 1, 2 }, q = { 3, 4 } },\n"
        "  constraint = function(v) return not (v.n == 2 and v['m.x'] == 'b') end } }");
    cr_assert_eq(r.case_count, 6);
    static const struct {
        int64_t n, p, q;
        const char *mx;
    } want[] = { { 1, 1, 3, "a" }, { 1, 2, 4, "a" }, { 1, 1, 3, "b" },
                 { 1, 2, 4, "b" }, { 2, 1, 3, "a" }, { 2, 2, 4, "a" } };
    for (size_t i = 0; i < 6; i++) {
        const struct val *s = r.cases[i].sweep;
        cr_expect_eq(val_get(s, "n")->u.i, want[i].n);
        cr_expect_eq(val_get(s, "p")->u.i, want[i].p);
        cr_expect_eq(val_get(s, "q")->u.i, want[i].q);
        cr_expect_str_eq(val_get(s, "m.x")->u.s, want[i].mx);
        cr_expect_eq(val_get(r.cases[i].root, "double")->u.i, 2 * want[i].n, "not evaluated anew");
        cr_expect_null(val_get(r.cases[i].root, "sweep"));
    }
    cr_expect_eq(r.axes->count, 4);
    cr_expect_not_null(val_get(r.reads, "n"));
    script_result_fini(&r);
}

Test(script, overrides_reach_param_and_replace_an_axis)
{
    char *dir = scratch_dir();
    static const char text[] = "return { a = param('a', 1) + 1, s = param('s', 'x'),\n"
                               " sweep = { product = { a = { 1, 2, 3 } } } }";
    char *file = scratch_file(dir, "conf.lua", text, strlen(text));
    const char *roots[] = { dir, NULL };
    struct val *list = val_new(VAL_LIST, "-p", 0);
    val_append(list, val_new_int(7, "-p", 0));
    val_append(list, val_new_int(9, "-p", 0));
    struct val *s = val_new_string("y", "-p", 0);
    struct script_override over[] = { { "a", list }, { "s", s } };
    struct script_options o = {
        .file = file, .roots = roots, .overrides = over, .override_count = 2
    };
    struct script_result r;
    struct err e = ERR_INIT;
    cr_assert(script_run(&o, &r, &e), "%s", e.text);
    cr_assert_eq(r.case_count, 2);
    cr_expect_eq(val_get(r.cases[0].root, "a")->u.i, 8);
    cr_expect_eq(val_get(r.cases[1].root, "a")->u.i, 10);
    cr_expect_str_eq(val_get(r.cases[1].root, "s")->u.s, "y");
    script_result_fini(&r);
    val_free(list);
    val_free(s);
    unlink(file);
    rmdir(dir);
    free(file);
    free(dir);
}

Test(script, evaluations_share_nothing)
{
    struct script_result r =
        run("math.seen = (math.seen or 0) + 1\n"
            "return { seen = math.seen, sweep = { product = { a = {1, 2} } } }");
    cr_expect_eq(val_get(r.cases[1].root, "seen")->u.i, 1);
    script_result_fini(&r);
}

#define SAYS(text, part)                                                                           \
    do {                                                                                           \
        const char *said = script_complaint(text);                                                 \
        cr_expect(strstr(said, part), "said: %s", said);                                           \
    } while (0)

Test(script, figure_and_expectations_come_with_the_first_combination)
{
    static const char *const asked[] = { "1", "param('a', 1)" }; /* the same again, and not */
    for (size_t n = 0; n < ARRAY_LEN(asked); n++) {
        char *text =
            base_printf("return { v = %s, figure = { x = 'a' }, expectations = { 'e' },\n"
                        "         title = 't', sweep = { product = { a = { 1, 2, 3 } } } }",
                        asked[n]);
        struct script_result r = run(text);
        cr_assert_eq(r.case_count, 3);
        for (size_t i = 0; i < r.case_count; i++) {
            cr_expect_eq(val_get(r.cases[i].root, "figure") != NULL, i == 0);
            cr_expect_eq(val_get(r.cases[i].root, "expectations") != NULL, i == 0);
            cr_expect_eq(val_get(r.cases[i].root, "v")->u.i, n == 0 ? 1 : (int64_t)i + 1);
            cr_expect_str_eq(val_get(r.cases[i].root, "title")->u.s, "t");
        }
        script_result_fini(&r);
        free(text);
    }
}

Test(script, mistakes_name_file_and_line)
{
    SAYS("return {\n a = = 1 }", "conf.lua:2: unexpected symbol near '='");
    SAYS("local t\n\nreturn { a = t.b }", "conf.lua:3: attempt to index a nil value");
    SAYS("\n\nerror('no luck')", "conf.lua:3: no luck");
    SAYS("error({})", "raised an error that is table");
    SAYS("return 7", "returns a table, this one returns number");
    SAYS("local x = 1", "this one returns nothing");
    SAYS("return {\n a = { b = print } }", "conf.lua:2: a.b is a function");
    SAYS("return { a = {\n 1, nil, 3 } }", "a.2 is nil: a list has no holes");
    SAYS("return { a = {\n 1, x = 2 } }", "a mixes names and list elements");
    SAYS("return { a = 0/0 }", "a is not a number");
    SAYS("return { a = 1/0 }", "a is infinite");
    SAYS("return {\n\n n = param('x', 4) + param('x', 'text') }", "conf.lua:3: attempt");
    SAYS("return { n = param('x', 'no', { 'yes', 'yea' }) }",
         "conf.lua:1: param(\"x\"): there is no 'no'; known are yes, yea");
    SAYS("return { n = param('x', 'slaw', { slow = 1, fast = 2 }) }", "did you mean 'slow'?");
    SAYS("return { n = param('x', 'slaw', { [1] = 2, fast = 2 }) }", "no 'slaw'");
    SAYS("return { n = param('x', 'slaw', 'slow') }", "table expected");
    SAYS("return { n = param('x', 9, { 1, 2, 3 }) }", "there is no '9'; known are 1, 2, 3");
    SAYS("return { n = param('x', 1.5, { 1, 2 }) }", "there is no '1.5'; known are 1, 2");
    SAYS("return { n = param('x', 2.0, { 1, 2 }) } + 1", "arithmetic on a table");
}

Test(script, mistakes_of_a_sweep_are_sentences)
{
    SAYS("return { sweep = 3 }", "sweep is a table");
    SAYS("return {\n sweep = {\n produkt = {} } }", "conf.lua:3: sweep has no 'produkt', did you "
                                                    "mean 'product'?");
    SAYS("return { sweep = { product = { a = {} } } }", "'a' needs a list of at least one value");
    SAYS("return { sweep = { product = { a = 3 } } }", "found a whole number");
    SAYS("return { sweep = { zip = { a = {1}, b = {1, 2} } } }", "must be equal in number");
    SAYS("return { sweep = { product = { a = {1} }, zip = { a = {1} } } }", "swept twice");
    SAYS("return { sweep = { constraint = 5 } }", "constraint is a function");
    SAYS("return { sweep = { product = { a = {1} },\n constraint = function() return 1 end } }",
         "must return true or false");
    SAYS("return { sweep = { product = { a = {1} }, constraint = function() return false end } }",
         "leaves nothing to run");
    SAYS(
        "return { sweep = { product = { a = {1} },\n constraint = function(p) return p.x.y end } }",
        "conf.lua:2: attempt to index");
}
