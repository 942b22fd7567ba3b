/* test_table.c: numbers with units for people. */
#include <criterion/criterion.h>
#include <math.h>

#include "cli/table.h"

static void shows(double value, const char *unit, const char *want)
{
    char out[64];
    table_value(value, unit, out, sizeof out);
    cr_expect_str_eq(out, want);
}

Test(table, values_have_a_prefix_that_suits_them)
{
    shows(42.1e-6, "s", "42.10 us");
    shows(1, "s", "1.000 s");
    shows(2.385e-12, "s", "2.385 ps");
    shows(0, "s", "0.000 s");
    shows(65.25e6, "B/s", "65.25 MB/s");
    shows(1.5, "B/s", "1.500 B/s");
    shows(123456, "1", "123456");
    shows(0.0123, "1", "0.01230");
    shows(3, "flits", "3.000 flits");
    shows(999.9999999e-6, "s", "1.000 ms");
    shows(NAN, "s", "-");
}
