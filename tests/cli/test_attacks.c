/* test_attacks.c: what a hostile configuration may try: each ends with one sentence, in bounded
 * time, and leaves no child.  More of them: tests/system/test_hostile.sh. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/script.h"

/* On a busy machine the limit of host time may come before the one that a test is about: it is
 * tried again. */
static void refused(const char *text, const char *part)
{
    const char *said = script_complaint(text);
    for (int k = 0; k < 5 && !strstr(said, part) && strstr(said, "s in all)"); k++)
        said = script_complaint(text);
    cr_expect(strstr(said, part), "%s\nsaid: %s", part, said);
}

TestSuite(attacks, .timeout = 200);

Test(attacks, endless_loop_in_a_close_handler_is_stopped)
{
    refused("local x <close> = setmetatable({}, {__close = function() while true do end end}) "
            "while true do end",
            "million Lua instructions");
}

Test(attacks, doubling_by_gsub_runs_into_the_memory_limit)
{
    refused("local s = 'x' while true do s = s:gsub('.+', '%0%0') end", "MiB of memory");
}

Test(attacks, binary_chunk_is_refused)
{
    refused("\x1bLua\x54", "binary chunk");
}

Test(attacks, loaders_are_absent)
{
    static const char *const names[] = {
        "load",   "loadstring", "loadfile",    "dofile",      "require",         "pcall",
        "xpcall", "io",         "os",          "debug",       "collectgarbage",  "package",
        "warn",   "coroutine",  "string.dump", "math.random", "math.randomseed", "string.pack"
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *text = base_printf("if %s == nil then error('absent') end return {}", names[i]);
        cr_expect(strstr(script_complaint(text), "absent"), "%s is there", names[i]);
        free(text);
    }
}

Test(attacks, nested_pcall_cannot_outlive_the_budget)
{
    refused("while true do pcall(function() while true do end end) end", "'pcall'");
}

Test(attacks, coroutines_cannot_multiply_the_budget)
{
    refused("while true do coroutine.wrap(function() end)() end", "'coroutine'");
}

Test(attacks, message_handlers_cannot_run_on)
{
    refused("xpcall(error, function() while true do end end)", "'xpcall'");
}

Test(attacks, pattern_bomb_runs_into_the_processor_limit)
{
    refused("local s = ('a'):rep(40) return { title = s:find(('a-'):rep(26) .. 'b') }",
            "s of processor time");
}

Test(attacks, finalisers_are_refused)
{
    refused("setmetatable({}, {__gc = function() while true do end end})", "__gc");
}

Test(attacks, finaliser_set_later_never_runs)
{
    struct script_result r;
    struct err e = ERR_INIT;
    cr_assert(script_text("local m = {} local t = setmetatable({}, m) "
                          "m.__gc = function() while true do end end t = nil "
                          "for i = 1, 1e5 do local x = {i} end return {}",
                          &r, &e),
              "%s", e.text);
    script_result_fini(&r);
}

Test(attacks, sort_with_a_bad_comparator_ends_cleanly)
{
    refused("local t = {} for i = 1, 1000 do t[i] = i % 7 end "
            "table.sort(t, function(a, b) return true end) return {}",
            "conf.lua:1: invalid order function");
}

Test(attacks, string_metatable_is_protected)
{
    refused("getmetatable('').__index = nil", "conf.lua:1:");
    refused("setmetatable('', {})", "conf.lua:1:");
}

Test(attacks, addresses_are_hidden)
{
    refused("return { title = string.format('%p', {}) }", "%p");
    refused("return { title = ('%-20p'):format({}) }", "%p");
    struct script_result r;
    struct err e = ERR_INIT;
    cr_assert(script_text("return { a = tostring({}), b = tostring(print), c = ('%s'):format({}),"
                          " d = ('%5.1f%%|%s'):format(2.25, 'x') }",
                          &r, &e),
              "%s", e.text);
    const struct val *root = r.cases[0].root;
    cr_expect_str_eq(val_get(root, "a")->u.s, "table");
    cr_expect_str_eq(val_get(root, "b")->u.s, "function");
    cr_expect_str_eq(val_get(root, "c")->u.s, "table");
    cr_expect_str_eq(val_get(root, "d")->u.s, "  2.2%|x");
    script_result_fini(&r);
}

Test(attacks, deep_recursion_ends_cleanly)
{
    refused("local t = {} t.t = t return t", "nested more than");
    refused("local t = {} for i = 1, 1e5 do t = {t} end return t", "nested more than");
}

Test(attacks, deep_source_ends_cleanly)
{
    size_t n = 100000;
    char *text = base_zalloc(2 * n + 16, 1);
    strcpy(text, "return ");
    memset(text + 7, '{', n);
    cr_expect(strstr(script_complaint(text), "overflow"));
    free(text);
}

Test(attacks, huge_result_is_refused)
{
    refused(
        "local t = {} for i = 1, 1000 do t[i] = i end local u = {} for i = 1, 1000 do u[i] = t end "
        "return { title = u }",
        "more than 1000000 values");
    refused("local t = {} for i = 1, 5000 do t['k' .. i] = i end return t", "4096 names");
    refused("local s = ('x'):rep(1 << 20) local v = {} for i = 1, 200 do v[i] = i end "
            "return { title = s, sweep = { product = { a = v } } }",
            "MiB of data");
}

Test(attacks, include_stays_below_its_folder)
{
    refused("return include '../../../etc/passwd'", "leads out of");
    refused("return include '/etc/passwd'", "below the configuration's folder");
    refused("return include 'no/such.lua'", "no such file below");
    refused("return include '.'", "is a folder");
    refused("return include ''", "below the configuration's folder");
    refused("return include 'conf.lua'", "include itself?");
}

Test(attacks, include_follows_no_link_out)
{
    char *dir = scratch_dir();
    char *link = base_printf("%s/out.lua", dir);
    static const char text[] = "return include 'out.lua'";
    char *file = scratch_file(dir, "conf.lua", text, strlen(text));
    cr_assert(symlink("/etc/passwd", link) == 0);
    const char *roots[] = { dir, NULL };
    struct script_options o = { .file = file, .roots = roots };
    struct script_result r;
    struct err e = ERR_INIT;
    cr_assert(!script_run(&o, &r, &e));
    cr_expect(strstr(e.text, "leads out of"), "%s", e.text);
    unlink(link);
    unlink(file);
    rmdir(dir);
    free(link);
    free(file);
    free(dir);
}

Test(attacks, print_is_cleaned)
{
    struct script_result r;
    struct err e = ERR_INIT;
    cr_assert(script_text("print('\\27[2J', {}, nil, 1.5) return {}", &r, &e), "%s", e.text);
    script_result_fini(&r);
}

Test(attacks, tables_of_any_size_are_sorted)
{
    struct script_result r;
    struct err e = ERR_INIT;
    cr_assert(
        script_text("local t = {} for i = 1, 4000 do t['k' .. i] = i end return { a = t }", &r, &e),
        "%s", e.text);
    script_result_fini(&r);
}

/* The sweep has no time of its own as long as it gets on; a literal list costs what it is long. */
Test(attacks, as_many_cases_as_are_documented_pass)
{
    struct script_result r;
    struct err e = ERR_INIT;
    char *text = base_zalloc(1, SCRIPT_CASES * 7 + 64), *to = text;
    to += sprintf(to, "return { sweep = { product = { a = {");
    for (int i = 0; i < SCRIPT_CASES; i++)
        to += sprintf(to, "%d,", i);
    strcpy(to, "} } } }");
    cr_assert(script_text(text, &r, &e), "%s", e.text);
    cr_expect_eq(r.case_count, (size_t)SCRIPT_CASES);
    script_result_fini(&r);
    free(text);
}
