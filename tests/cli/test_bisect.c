/* test_bisect.c: the grid of a bisection, its decisions against a walk over the whole grid, and
 * what its table refuses. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bisect.h"
#include "cli/config.h"
#include "cli/store.h"
#include "cli/value.h"
#include "tests/cli/script.h"

static struct val *table(const char *low, const char *high, const char *tolerance, double above)
{
    struct val *t = val_new(VAL_TABLE, NULL, 0);
    const char *const keys[] = { "low", "high", "tolerance" }, *const values[] = { low, high,
                                                                                   tolerance };
    val_put(t, "path", val_new_string("workload.load", NULL, 0));
    val_put(t, "measure", val_new_string("wait", NULL, 0));
    for (int i = 0; i < 3; i++) {
        char *end;
        double r = strtod(values[i], &end);
        val_put(t, keys[i],
                *end                     ? val_new_string(values[i], NULL, 0)
                : strchr(values[i], '.') ? val_new_real(r, NULL, 0)
                                         : val_new_int((int64_t)r, NULL, 0));
    }
    val_put(t, "above", val_new_real(above, NULL, 0));
    return t;
}

static void expect_values(const char *low, const char *high, const char *tolerance,
                          const char *const want[], uint32_t steps)
{
    struct err e = ERR_INIT;
    struct bisect b;
    struct val *t = table(low, high, tolerance, 1);
    cr_assert(bisect_read(t, &b, &e), "%s", e.text);
    cr_assert_eq(b.steps, steps, "%u steps", b.steps);
    for (uint32_t k = 0; k <= steps; k++) {
        struct val *v = bisect_value(&b, k);
        char *text = value_text(v);
        cr_expect_str_eq(text, want[k]);
        free(text);
        val_free(v);
    }
    val_free(t);
}

Test(bisect, the_grid_is_of_the_numbers_that_a_user_would_write)
{
    expect_values("0.1", "0.45", "0.1", (const char *const[]){ "0.1", "0.2", "0.3", "0.4", "0.45" },
                  4);
    expect_values("1", "8", "3", (const char *const[]){ "1", "4", "7", "8" }, 3);
    expect_values("0", "2us", "700ns", (const char *const[]){ "0", "700ns", "1.4us", "2us" }, 3);
    expect_values("4KiB", "6KiB", "1KiB", (const char *const[]){ "4KiB", "5KiB", "6KiB" }, 2);
    expect_values("0", "1.0", "0.5", (const char *const[]){ "0", "0.5", "1" }, 2);
    expect_values("0.5", "0.75", "1000000000.0", (const char *const[]){ "0.5", "0.75" }, 1);
    /* What is short of a step by rounding is none: 4.0000000005 steps are four. */
    expect_values("0.0", "2.00000000025", "0.5",
                  (const char *const[]){ "0", "0.5", "1", "1.5", "2.00000000025" }, 4);
}

Test(bisect, a_grid_has_at_most_2_to_the_30_steps)
{
    static const char *const highs[] = { "1073741824", "1073741825" };
    for (size_t i = 0; i < ARRAY_LEN(highs); i++) {
        struct err e = ERR_INIT;
        struct bisect b;
        struct val *t = table("0", highs[i], "1", 1);
        cr_expect_eq(bisect_read(t, &b, &e), i == 0, "%s", e.text);
        val_free(t);
    }
}

/* The oracle: the crossing is put before every step of the grid in turn, and nowhere.
 * BISECT2, BISECT3. */
Test(bisect, it_finds_every_crossing_within_the_values_promised)
{
    static const char *const highs[] = { "1", "2", "3", "7", "8", "9", "33", "100" };
    for (size_t h = 0; h < ARRAY_LEN(highs); h++) {
        struct err e = ERR_INIT;
        struct bisect b;
        struct val *t = table("0", highs[h], "1", 0.5);
        uint32_t most = 0;
        cr_assert(bisect_read(t, &b, &e), "%s", e.text);
        for (uint32_t crossing = 0; crossing <= b.steps + 1; crossing++) {
            struct bisect_search s;
            uint32_t n = 0;
            bisect_begin(&s);
            while (s.next != BISECT_NONE) {
                cr_assert_lt(n++, b.probes_max);
                cr_assert(s.next < b.steps || s.held == b.steps - 1,
                          "high is tried only when all below it holds");
                bisect_told(&s, &b, s.next >= crossing ? 1 : 0);
            }
            cr_expect_eq(s.held, crossing == 0 ? BISECT_NONE : crossing - 1);
            cr_expect_eq(s.failed, crossing == b.steps + 1 ? BISECT_NONE : crossing);
            most = n > most ? n : most;
        }
        cr_expect_eq(most, b.probes_max, "the bound for %u steps is %u, met is %u", b.steps,
                     b.probes_max, most);
        val_free(t);
    }
}

/* BISECT1. */
Test(bisect, ratios_are_to_the_measure_at_low)
{
    struct err e = ERR_INIT;
    struct bisect b;
    struct bisect_search s;
    struct val *t = table("0", "10", "1", 3);
    t->items[t->count - 1]->key[0] = 0;
    free(t->items[t->count - 1]->key);
    t->items[t->count - 1]->key = base_strdup("above_low");
    cr_assert(bisect_read(t, &b, &e), "%s", e.text);
    bisect_begin(&s);
    while (s.next != BISECT_NONE) /* 2 + step: 3 x 2 = 6 is reached at 4 and passed at 5 */
        bisect_told(&s, &b, 2.0 + s.next);
    cr_expect_eq(s.held, 4);
    cr_expect_eq(s.failed, 5);
    char *words = bisect_words(&b);
    cr_expect_str_eq(words, "wait rises above 3 times its value at workload.load = 0");
    free(words);
    val_free(t);
}

#define HEAD "return { workload = { kind = 'event_ring' },\n sweep = { bisect = {\n"

Test(bisect, mistakes_are_one_sentence_with_the_line)
{
    static const struct {
        const char *spec, *want;
    } cases[] = {
        { "path = 'workload.load' } } }", "2: sweep.bisect needs 'low'" },
        { "path = 'workload.load', low = 0.1, high = 0.9, tolerance = 0.1, measure = 'm' } } }",
          "sweep.bisect says what is looked for: above, below, above_low or below_low" },
        { "path = 'workload.load', lwo = 0.1 } } }",
          "3: sweep.bisect has no 'lwo', did you mean 'low'?" },
        { "path = 'workload.load', low = 0.9, high = 0.1, tolerance = 0.1, measure = 'm',\n"
          "above = 1 } } }",
          "3: sweep.bisect: low must be below high" },
        { "path = 'workload.load', low = 0.1, high = 0.9, tolerance = 0, measure = 'm',\n"
          "above = 1 } } }",
          "3: sweep.bisect.tolerance must be above 0" },
        { "path = 'workload.load', low = 0.1, high = 0.9, tolerance = 0.0, measure = 'm',\n"
          "above = 1 } } }",
          "3: sweep.bisect.tolerance must be above 0" },
        { "path = 'workload.load', low = 1, high = 9, measure = 'm',\n"
          "tolerance = 0, above = 1 } } }",
          "4: sweep.bisect.tolerance must be above 0" },
        { "path = 'workload.load', low = 9, high = 9, tolerance = 1, measure = 'm',\n"
          "above = 1 } } }",
          "3: sweep.bisect: low must be below high" },
        { "path = 'workload.load', low = 0.5, high = 0.5, tolerance = 0.1, measure = 'm',\n"
          "above = 1 } } }",
          "3: sweep.bisect: low must be below high" },
        { "path = 'workload.load', low = 0.1, high = '9us', tolerance = 1, measure = 'm',\n"
          "above = 1 } } }",
          "3: sweep.bisect: low, high and tolerance must be of one kind" },
        { "path = 'workload.load', low = 0.1, high = 0.9, tolerance = 0.1, measure = 'm',\n"
          "above = 1, below = 2 } } }",
          "4: sweep.bisect has both 'above' and 'below'" },
        { "path = 'workload.load', low = 0.1, high = 0.9, tolerance = 0.1, measure = 'm',\n"
          "above_low = 0.5 } } }",
          "4: sweep.bisect.above_low is a ratio to the measure at low: above 1" },
        { "path = 'workload.load', low = 0.1, high = 0.9, tolerance = 0.1, measure = 'm',\n"
          "above = 1 }, product = { ['workload.load'] = { 1 } } } }",
          "'workload.load' is swept twice" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = base_printf("%s%s", HEAD, cases[i].spec);
        const char *said = script_complaint(text);
        cr_expect(strstr(said, cases[i].want), "%s\nsays: %s", cases[i].want, said);
        free(text);
    }
}

static const char text[] =
    "local load = param('workload.load', 0.5)\n"
    "return { workload = { kind = 'event_ring', load = load, customers = 10 + 100 * load // 1 | 0 "
    "},\n"
    "  sweep = { product = { ['workload.stations'] = { 1, 2 } }, replications = 2,\n"
    "    bisect = { path = 'workload.load', low = 0.25, high = 0.75, tolerance = 0.25,\n"
    "      measure = 'wait', above = '1s' } } }\n";

Test(bisect, a_value_asked_for_is_what_the_whole_text_makes_of_it)
{
    struct err e = ERR_INIT;
    char *dir = scratch_dir(), *file = scratch_file(dir, "c.lua", text, strlen(text));
    static const char *const set[] = { "workload.load={0.25,0.5}" };
    struct config_options o = { .overrides = NULL },
                          given = { .overrides = set, .override_count = 1 };
    struct config *c = config_load(file, &o, &e), *plain = config_load(file, &given, &e);
    cr_assert(c && plain, "%s", e.text);
    unlink(file); /* what is asked for later comes from the texts as they were read */
    cr_assert_eq(c->group_size, 4 + 0u, "%zu", c->group_size);
    cr_assert_eq(c->case_count, 8);
    cr_expect(c->cases[3].answer && c->cases[7].answer);
    cr_expect_not(config_case_used(&c->cases[1]));
    cr_assert(config_probe(c, 5, 1, &e), "%s", e.text);
    cr_expect_eq(val_path(c->cases[5].root, "workload.load")->u.r, 0.5);
    cr_expect_eq(val_path(c->cases[5].root, "workload.customers")->u.i, 60);
    cr_expect_eq(val_path(c->cases[5].root, "workload.stations")->u.i, 2);
    /* -p with values takes the place of the search, and has the same points. */
    cr_assert_null(plain->bisect);
    cr_assert_eq(plain->case_count, 4);
    cr_expect_str_eq(plain->cases[3].canonical, c->cases[5].canonical);
    cr_expect_str_eq(plain->points[7].identity, c->points[11].identity);
    cr_expect_str_neq(c->points[10].identity, c->points[11].identity);
    config_free(c);
    config_free(plain);
    rmdir(dir);
    free(file);
    free(dir);
}
