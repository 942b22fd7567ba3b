/* test_reference.c: comparing results, and the cells of exported tables. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/csv.h"
#include "cli/reference.h"

static struct dataset d;
static struct reference a, b;
static char *said;
static size_t said_size;
static const struct tolerance_list strict = { 0 };

static void fill(double bandwidth, const char *digest, size_t points)
{
    static const char *const sizes[] = { "4KiB", "64KiB", "1MiB" };
    dataset_fini(&d);
    for (size_t i = 0; i < points; i++) {
        struct data_point *p = dataset_add(&d);
        p->info.digest = base_strdup(digest);
        dataset_add_param(p, "size", sizes[i], 0);
        dataset_add_scalar(p, "bandwidth", "B/s", bandwidth + (double)i, NAN, 4);
        dataset_add_scalar(p, "detail", "1", 7, NAN, 0);
    }
    dataset_group(&d);
}

static void start(void)
{
    fill(2.6e6, "aa", 2);
    reference_of(&a, &d, false);
}

static void stop(void)
{
    reference_fini(&a);
    reference_fini(&b);
    dataset_fini(&d);
    free(said);
}

TestSuite(reference, .init = start, .fini = stop);

static struct comparison against(double bandwidth, const char *digest, size_t points,
                                 const struct tolerance_list *t)
{
    fill(bandwidth, digest, points);
    reference_of(&b, &d, false);
    FILE *f = open_memstream(&said, &said_size);
    struct comparison c = reference_compare(&a, &b, t, f);
    fclose(f);
    return c;
}

Test(reference, equal_results_are_equal)
{
    struct comparison c = against(2.6e6, "aa", 2, &strict);
    cr_assert(comparison_clean(&c));
    cr_assert_eq(c.equal, 4);
    cr_assert_str_eq(said, "");
}

Test(reference, only_default_columns_are_taken_unless_all)
{
    cr_assert_eq(a.count, 4); /* digest and bandwidth of two points */
    reference_of(&b, &d, true);
    cr_assert_eq(b.count, 6);
}

Test(reference, a_moved_value_is_told)
{
    struct comparison c = against(2.7e6, "aa", 2, &strict);
    cr_assert_not(comparison_clean(&c));
    cr_assert_eq(c.differ, 2);
    cr_assert(strstr(said, "differs: size=4KiB #0 bandwidth: 2600000 -> 2700000 B/s (+3.85 %)") !=
                  NULL,
              "%s", said);
}

Test(reference, a_tolerance_lets_it_pass)
{
    const char *const items[] = { "band*=0.05" };
    const struct tolerance_list t = { .items = items, .count = 1 };
    struct comparison c = against(2.7e6, "aa", 2, &t);
    cr_assert(comparison_clean(&c));
    cr_assert_eq(c.within, 2);
}

Test(reference, the_last_digit_of_a_double_passes)
{
    struct comparison c = against(2.6e6 * (1 + 4e-11), "aa", 2, &strict);
    cr_assert(comparison_clean(&c));
    cr_assert_eq(c.within, 2, "%zu", c.within);
}

Test(reference, another_digest_is_a_difference)
{
    struct comparison c = against(2.6e6, "ab", 2, &strict);
    cr_assert_not(comparison_clean(&c));
    cr_assert_eq(c.digests, 2);
    cr_assert(strstr(said, "digest: aa -> ab") != NULL, "%s", said);
    reference_fini(&b);
    const struct tolerance_list blind = { .no_digest = true };
    free(said);
    c = against(2.6e6, "ab", 2, &blind);
    cr_assert(comparison_clean(&c));
}

Test(reference, missing_and_new_points_are_differences)
{
    struct comparison c = against(2.6e6, "aa", 1, &strict);
    cr_assert_eq(c.missing, 2);
    cr_assert_not(comparison_clean(&c));
    reference_fini(&b);
    free(said);
    c = against(2.6e6, "aa", 3, &strict);
    cr_assert_eq(c.extra, 2);
    cr_assert_not(comparison_clean(&c));
}

Test(reference, a_file_keeps_rows_and_tolerances)
{
    char path[64];
    struct err e = ERR_INIT;
    snprintf(path, sizeof path, "/tmp/psim-reference-%d.tsv", (int)getpid());
    a.rows[1].tolerance = 0.05;
    cr_assert(reference_write(&a, path, "A title", &e), "%s", e.text);
    cr_assert(reference_read(&b, path, &e), "%s", e.text);
    struct comparison c = reference_compare(&a, &b, &strict, NULL);
    cr_assert(comparison_clean(&c));
    cr_assert_eq(c.equal, 4);
    cr_assert_eq(b.rows[1].tolerance, 0.05);
    b.rows[1].tolerance = 0;
    reference_take_tolerances(&b, &a);
    cr_assert_eq(b.rows[1].tolerance, 0.05);
    unlink(path);
}

static void bad_file(const char *text, const char *sentence)
{
    char path[64];
    struct err e = ERR_INIT;
    snprintf(path, sizeof path, "/tmp/psim-reference-%d.tsv", (int)getpid());
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    cr_assert_not(reference_read(&b, path, &e));
    cr_assert(strstr(e.text, sentence) != NULL, "%s", e.text);
    unlink(path);
}

Test(reference, a_bad_line_is_named)
{
    bad_file("# x\na\t0\tb\n", ".tsv:2: 6 columns between tabs are needed, this line has 3");
    bad_file("a\tx\tb\t1\t2\t0\n", ".tsv:1: 'x' is not a replication");
    bad_file("a\t0\tb\t1\tfast\t0\n", ".tsv:1: 'fast' is not a number");
    bad_file("a\t0\tb\t1\t2\t-1\n", ".tsv:1: '-1' is not a tolerance");
    bad_file("a\t0\tb\t1\t2\tnan\n", ".tsv:1: 'nan' is not a tolerance");
    struct err e = ERR_INIT;
    cr_assert_not(reference_read(&b, "/nowhere/x.tsv", &e));
    cr_assert_str_eq(e.text, "the reference results: there is no file '/nowhere/x.tsv'");
}

Test(reference, a_bad_tolerance_has_a_sentence)
{
    const char *const bad[] = { "bandwidth", "=1", "x=", "x=-1", "x=1%" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = ERR_INIT;
        const struct tolerance_list t = { .items = &bad[i], .count = 1 };
        cr_assert_not(tolerance_check(&t, &e), "%s", bad[i]);
    }
}

Test(csv, cells_are_quoted_where_they_must_be)
{
    char *out;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    struct csv c = { .to = f };
    const char *const texts[] = { "plain", "a,b",  "say \"x\"", "two\nlines", "",     "=1+1",
                                  "+cmd",  "@sum", "-5",        "-x",         "\t=1", "1e3" };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        csv_text(&c, texts[i]);
    csv_end(&c);
    csv_number(&c, 0.1);
    csv_number(&c, -2.5e-9);
    csv_number(&c, NAN);
    csv_number(&c, INFINITY);
    csv_int(&c, -7);
    csv_uint(&c, UINT64_MAX);
    csv_number(&c, 1.0 / 3);
    csv_end(&c);
    fclose(f);
    cr_assert_str_eq(out, "plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\"\",\"'=1+1\",\"'+cmd\","
                          "\"'@sum\",-5,\"'-x\",\"'\t=1\",1e3\n"
                          "0.1,-2.5e-09,,,-7,18446744073709551615,0.3333333333333333\n");
    free(out);
}

Test(csv, columns_are_chosen_by_their_heads)
{
    char *out, name[32];
    size_t size;
    FILE *f = open_memstream(&out, &size);
    struct csv c = { .to = f, .columns = "b,time" };
    csv_head(&c, "a");
    csv_head(&c, "b");
    csv_head(&c, "time [s]");
    csv_end(&c);
    for (int i = 0; i < 2; i++) {
        csv_text(&c, "x");
        csv_int(&c, i);
        csv_number(&c, 2.5);
        csv_end(&c);
    }
    fclose(f);
    cr_assert_str_eq(out, "b,time [s]\n0,2.5\n1,2.5\n");
    cr_assert_not(csv_unknown(&c, name, sizeof name));
    c.columns = "b,tim";
    cr_assert(csv_unknown(&c, name, sizeof name));
    cr_assert_str_eq(name, "tim");
    csv_fini(&c);
    free(out);
}
