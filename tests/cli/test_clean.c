/* test_clean.c: what a terminal could obey does not get through, text of any language does. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "cli/clean.h"

struct text {
    char in[24], out[24];
};

ParameterizedTestParameters(clean, a_line)
{
    static struct text texts[] = {
        { "plain", "plain" },
        { "\033[2Jx", "?[2Jx" },
        { "a\nb\tc\r", "a b c?" },
        { "\a\b\x7f\x01", "????" },
        { "Grö\xc3\x9f"
          "e \xe2\x82\xac",
          "Grö\xc3\x9f"
          "e \xe2\x82\xac" },
        { "\xc2\x9b"
          "31m",
          "??31m" },                  /* U+009B begins a sequence, too */
        { "\xc2\xb5s", "\xc2\xb5s" }, /* U+00B5 is the micro sign */
        { "\x9b"
          "31m",
          "?31m" }, /* so it does in an 8-bit set */
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
        { "cut \xc2", "cut ?" },
        { "\xe2\x82\033[m", "\xe2\x82?[m" },
        { "", "" },
    };
    return cr_make_param_array(struct text, texts, sizeof texts / sizeof texts[0]);
}

ParameterizedTest(struct text *t, clean, a_line)
{
    cr_expect_str_eq(clean_line(t->in), t->out);
}
