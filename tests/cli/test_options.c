/* test_options.c: options of commands in every form that people type. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>

#include "cli/commands.h"

struct values {
    bool flag;
    const char *text;
    struct cli_list list;
    int64_t count;
    struct cli_seed seed;
};

static bool parse(struct values *v, int argc, const char *const *words, const char **operands,
                  size_t *n, int *code)
{
    const struct cli_option options[] = {
        { 'f', "flag", CLI_FLAG, &v->flag, NULL, "a flag" },
        { 'o', "output", CLI_TEXT, &v->text, "FILE", "a file" },
        { 'p', "set", CLI_LIST, &v->list, "X", "often" },
        { 'j', "jobs", CLI_COUNT, &v->count, "N", "a count" },
        { 0, "seed", CLI_SEED, &v->seed, "N", "a seed" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = { .command = "test",
                                     .operands = "A [B]",
                                     .doc = "Tests.",
                                     .options = options,
                                     .operands_min = 1,
                                     .operands_max = 2 };
    static char *argv[16]; /* what is read points into it */
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
        argv[i] = base_strdup(words[i]);
    }
    cr_redirect_stderr();
    cr_redirect_stdout();
    return cli_options(&usage, argc, argv, operands, n, code);
}

#define PARSE(...)                                                                                 \
    const char *words[] = { "test", __VA_ARGS__ };                                                 \
    const char *operands[2] = { NULL, NULL };                                                      \
    static struct values v;                                                                        \
    size_t n;                                                                                      \
    int code = -1;                                                                                 \
    bool good = parse(&v, (int)ARRAY_LEN(words), words, operands, &n, &code)

Test(options, all_forms_are_read)
{
    PARSE("-p", "a=1", "first", "-pb=2", "--set=c=3", "--set", "d=4", "--jobs=3", "--seed", "0x10",
          "-f", "second");
    cr_assert(good);
    cr_expect_eq(n, 2);
    cr_expect_str_eq(operands[0], "first");
    cr_expect_str_eq(operands[1], "second");
    cr_assert_eq(v.list.count, 4);
    cr_expect_str_eq(v.list.items[1], "b=2");
    cr_expect_str_eq(v.list.items[2], "c=3");
    cr_expect_eq(v.count, 3);
    cr_expect(v.seed.given && v.seed.value == 16);
    cr_expect(v.flag);
}

Test(options, two_dashes_end_them)
{
    PARSE("--", "-f", "--x");
    cr_assert(good);
    cr_expect(!v.flag);
    cr_expect_str_eq(operands[0], "-f");
    cr_expect_str_eq(operands[1], "--x");
}

Test(options, one_dash_is_an_operand)
{
    PARSE("-");
    cr_assert(good);
    cr_expect_str_eq(operands[0], "-");
}

Test(options, help_ends_well)
{
    PARSE("--help");
    cr_expect(!good);
    cr_expect_eq(code, CLI_OK);
}

Test(options, mistakes_end_with_the_usage_code)
{
    static const char *const bad[] = { "--flog",    "-x",        "--jobs=0",
                                       "--jobs=1x", "--seed=-1", "--output" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        PARSE("a", bad[i]);
        cr_expect(!good, "%s", bad[i]);
        cr_expect_eq(code, CLI_USAGE, "%s", bad[i]);
    }
}

Test(options, operands_are_counted)
{
    PARSE("a", "b", "c");
    cr_expect(!good);
    cr_expect_eq(code, CLI_USAGE);
}
