/* test_val.c: trees of values, and the nearest name. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/err.h"
#include "sim/base/val.h"

Test(err, near_names_are_found)
{
    const char *const names[] = { "stripe_unit", "stripe_factor", "seek", "rpm", NULL };
    cr_assert_str_eq(nearest_name("stripe_unti", names), "stripe_unit"); /* a swap is one edit */
    cr_assert_str_eq(nearest_name("stripefactor", names), "stripe_factor");
    cr_assert_str_eq(nearest_name("sek", names), "seek");
    cr_assert_str_eq(nearest_name("rmp", names), "rpm");
    cr_assert_null(nearest_name("bandwidth", names));
    cr_assert_null(nearest_name("", names));
}

Test(err, a_third_of_the_length_rounded_up_is_near)
{
    const char *const names[] = { "abcdef", NULL };
    cr_assert_str_eq(nearest_name("abcdxy", names), "abcdef"); /* 2 of 6 */
    cr_assert_null(nearest_name("abcxyz", names));             /* 3 of 6 */
    cr_assert_str_eq(nearest_name("abcd", names), "abcdef");   /* 2 of 4, rounded up */
}

Test(err, the_first_sentence_stays)
{
    struct err e = ERR_INIT;
    cr_assert_not(err_set(&e, "first %d", 1));
    cr_assert_not(err_set(&e, "second"));
    cr_assert_str_eq(e.text, "first 1");
}

Test(err, a_long_list_is_cut_and_not_overrun)
{
    struct err e = ERR_INIT;
    const char *names[100];
    for (int i = 0; i < 99; i++)
        names[i] = "a_rather_long_name_of_a_parameter";
    names[99] = NULL;
    err_set(&e, "no");
    err_nearest(&e, "zzzzzzzz", names);
    cr_assert_eq(strlen(e.text), sizeof e.text - 1);
}

static struct val *sample(void)
{
    struct val *root = val_new(VAL_TABLE, "x.lua", 1);
    struct err e = ERR_INIT;
    cr_assert(val_set_path(root, "machine.mesh.rows", val_new_int(16, "x.lua", 2), &e));
    cr_assert(val_set_path(root, "machine.mesh.flit", val_new_string("10ns", "x.lua", 3), &e));
    struct val *l = val_new(VAL_LIST, "x.lua", 4);
    val_append(l, val_new_real(0.1, "x.lua", 4));
    val_append(l, val_new_real(3.0, "x.lua", 4));
    val_append(l, val_new_bool(true, "x.lua", 5));
    val_put(root, "loads", l);
    val_put(root, "odd key", val_new_string("a\"b\n", "x.lua", 6));
    val_put(root, "empty", val_new(VAL_TABLE, "x.lua", 7));
    return root;
}

static const char *const sample_text = "machine.mesh.rows = 16\n"
                                       "machine.mesh.flit = \"10ns\"\n"
                                       "loads.1 = 0.1\n"
                                       "loads.2 = 3.0\n"
                                       "loads.3 = true\n"
                                       "\"odd key\" = \"a\\\"b\\x0a\"\n"
                                       "empty = {}\n";

Test(val, canonical_text_keeps_order_and_types)
{
    struct val *v = sample(), *c = val_copy(v);
    char *text = val_canonical(v), *again = val_canonical(c);
    cr_assert_str_eq(text, sample_text);
    cr_assert_str_eq(again, sample_text);
    free(text);
    free(again);
    val_free(v);
    cr_assert_eq(val_path(c, "loads.2")->line, 4);
    val_free(c);
}

Test(val, paths_are_followed)
{
    struct val *v = sample();
    char where[64];
    cr_assert_eq(val_path(v, "machine.mesh.rows")->u.i, 16);
    cr_assert_eq(val_path(v, "loads.1")->u.r, 0.1);
    cr_assert_null(val_path(v, "loads.4"));
    static const char *const no_place[] = { "loads.0",  "loads.+1", "loads.-1",
                                            "loads. 1", "loads.1x", "loads.x" };
    for (size_t i = 0; i < ARRAY_LEN(no_place); i++)
        cr_assert_null(val_path(v, no_place[i]), "%s", no_place[i]);
    cr_assert_null(val_path(v, "machine.node"));
    cr_assert_null(val_path(v, "machine.mesh.rows.x"));
    cr_assert_str_eq(val_where(val_path(v, "loads"), where, sizeof where), "x.lua:4: ");
    val_free(v);
}

Test(val, setting_replaces_in_place_or_says_why_not)
{
    struct val *v = sample();
    struct err e = ERR_INIT;
    cr_assert(val_set_path(v, "machine.mesh.rows", val_new_int(5, NULL, 0), &e));
    cr_assert_eq(val_path(v, "machine")->items[0]->count, 2);
    cr_assert_str_eq(val_path(v, "machine.mesh")->items[0]->key, "rows");
    cr_assert(val_set_path(v, "loads.4", val_new_int(9, NULL, 0), &e));
    cr_assert_eq(val_path(v, "loads.4")->u.i, 9);
    cr_assert_not(val_set_path(v, "machine.mesh.rows.deep", val_new_int(1, NULL, 0), &e));
    cr_assert_str_eq(e.text, "'machine.mesh.rows.deep' cannot be set: 'deep' is inside a whole "
                             "number, not a table");
    e = (struct err)ERR_INIT;
    cr_assert_not(val_set_path(v, "loads.9", val_new_int(1, NULL, 0), &e));
    e = (struct err)ERR_INIT;
    cr_assert_not(val_set_path(v, "", val_new_int(1, NULL, 0), &e));
    val_free(v);
}
