/* test_tokens.c: the reader of table constructors: what it wraps, what it notes, what it survives.
 * */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lua/tokens.h"

static void wraps(const char *text, const char *want)
{
    struct tokens t;
    cr_assert(tokens_read(&t, text, strlen(text), 7), "not read: %s", text);
    cr_expect_str_eq(t.text, want);
    tokens_fini(&t);
}

Test(tokens, constructors_are_wrapped_as_expressions_and_as_arguments)
{
    wraps("return {}", "return  __table(7,{})");
    wraps("f{}", "f(__table(7,{}))");
    wraps("f 'a' {{1}, x[2]{}}", "f 'a' (__table(7,{ __table(8,{1}), x[2](__table(9,{}))}))");
}

Test(tokens, only_code_is_read)
{
    wraps("-- {\nx = '{' .. \"\\\"{\" .. [=[ ]] { ]=] --[[ { ]] y = 1",
          "-- {\nx = '{' .. \"\\\"{\" .. [=[ ]] { ]=] --[[ { ]] y = 1");
    wraps("x = 1 == 2 and '' or 0x1p-4 // 3 ~= .5e+3 goto l ::l::",
          "x = 1 == 2 and '' or 0x1p-4 // 3 ~= .5e+3 goto l ::l::");
}

Test(tokens, what_does_not_close_is_refused)
{
    static const char *const bad[] = { "{",      "}",         "(}",          "[[ ",      "'x",
                                       "\"\n\"", "--[==[ ]]", "function f(", "{ if x }", "end" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct tokens t;
        cr_expect(!tokens_read(&t, bad[i], strlen(bad[i]), 0), "read: %s", bad[i]);
        cr_expect_null(t.text);
    }
}

Test(tokens, keys_are_noted_with_their_lines)
{
    static const char text[] = "x = {\n a = 1,\n ['b c'] = 2, 10;\n 20,\n [7] = 3, [f()] = 4,\n"
                               " a = 5, function() local p, q = 1, 2 end, 30 }";
    struct tokens t;
    cr_assert(tokens_read(&t, text, strlen(text), 0));
    cr_assert_eq(t.table_count, 1);
    const struct tokens_table *k = &t.tables[0];
    cr_expect_eq(k->line, 1);
    cr_expect_eq(k->keys[tokens_find(k, "a", 0)].line, 6, "the last of two stands");
    cr_expect_eq(k->keys[tokens_find(k, "b c", 0)].line, 3);
    cr_expect_eq(k->keys[tokens_find(k, NULL, 1)].line, 3);
    cr_expect_eq(k->keys[tokens_find(k, NULL, 2)].line, 4);
    cr_expect_eq(k->keys[tokens_find(k, NULL, 7)].line, 5);
    cr_expect_eq(k->keys[tokens_find(k, NULL, 4)].line, 6);
    cr_expect_eq(tokens_find(k, NULL, 5), -1);
    cr_expect_eq(tokens_find(k, "p", 0), -1);
    tokens_fini(&t);
}

static size_t lines(const char *s, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += s[i] == '\n';
    return n;
}

Test(tokens, what_two_characters_mean_makes_no_key_and_ends_with_the_text)
{
    static const char text[] = "x = { a == 1, b ~= 2, c <= .5, d >= 4, e = 5 }==";
    struct tokens t;
    cr_assert(tokens_read(&t, text, strlen(text), 0));
    cr_assert_eq(t.table_count, 1);
    for (int i = 1; i <= 4; i++)
        cr_expect_geq(tokens_find(&t.tables[0], NULL, i), 0, "element %d", i);
    static const char *const compared[] = { "a", "b", "c", "d" };
    for (size_t i = 0; i < ARRAY_LEN(compared); i++)
        cr_expect_eq(tokens_find(&t.tables[0], compared[i], 0), -1, "%s", compared[i]);
    cr_expect_geq(tokens_find(&t.tables[0], "e", 0), 0);
    tokens_fini(&t);
    /* One character less: the second is not of the text. */
    cr_assert(tokens_read(&t, text, strlen(text) - 1, 0));
    cr_expect_str_eq(t.text + t.text_length - 3, "})=");
    tokens_fini(&t);
}

Test(tokens, any_bytes_are_survived_and_lines_stay)
{
    static const char sample[] =
        "local t = include 'x' { a = { 1, [[\n]], \"\\z\n q\" }, --[=[\n]=]\n"
        " ['k'] = function(...) if x then return {...} end end,\n"
        " [2] = 0x1p4; b = (y { }) }\nreturn t\n";
    uint64_t state = 2385;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof sample];
        memcpy(text, sample, sizeof sample);
        for (int k = 0; k < 1 + round % 3; k++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            static const char bytes[] = "{}[]()'\"\\\n-=,;.a1 \t\x80";
            text[(state >> 33) % (sizeof sample - 1)] = bytes[(state >> 20) % (sizeof bytes - 1)];
        }
        struct tokens t;
        if (!tokens_read(&t, text, sizeof sample - 1, 0))
            continue;
        cr_assert_eq(lines(t.text, t.text_length), lines(text, sizeof sample - 1), "in: %s", text);
        tokens_fini(&t);
    }
}
