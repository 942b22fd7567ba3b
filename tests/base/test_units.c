/* test_units.c: units come out exact and print back. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/base/units.h"

static sim_time t(const char *text)
{
    sim_time v = -1;
    struct err e = ERR_INIT;
    cr_assert(units_parse_time(text, &v, &e), "%s", e.text);
    return v;
}

static int64_t z(const char *text)
{
    int64_t v = -1;
    struct err e = ERR_INIT;
    cr_assert(units_parse_size(text, &v, &e), "%s", e.text);
    return v;
}

Test(units, times_are_exact)
{
    cr_assert_eq(t("40ns"), 40000);
    cr_assert_eq(t(" 2.5 ms "), 2500000000);
    cr_assert_eq(t("0.001ns"), 1);
    cr_assert_eq(t("1e-6s"), 1000000);
    cr_assert_eq(t("2.385us"), 2385000);
    cr_assert_eq(t("0"), 0);
    cr_assert_eq(t("0s"), 0);
    cr_assert_eq(t("1.5min"), 90 * SIM_SEC);
    cr_assert_eq(t("2562.0477880h"), 9223372036800000000LL);
    cr_assert_eq(t("9223372036854775807ps"), INT64_MAX);
}

Test(units, sizes_and_rates_are_exact)
{
    cr_assert_eq(z("64KiB"), 65536);
    cr_assert_eq(z("1.5KiB"), 1536);
    cr_assert_eq(z("2.6MB"), 2600000);
    cr_assert_eq(z("1TiB"), 1LL << 40);
    int64_t rate;
    cr_assert(units_parse_rate("2.6MB/s", &rate, NULL));
    cr_assert_eq(rate, 2600000);
    cr_assert(units_parse_rate("1KiB/s", &rate, NULL));
    cr_assert_eq(rate, 1024);
}

static void refused(const char *text, const char *part)
{
    struct err e = ERR_INIT;
    sim_time v = 12345;
    cr_assert_not(units_parse_time(text, &v, &e), "'%s' was taken", text);
    cr_assert_eq(v, 12345);
    cr_assert(strstr(e.text, part) != NULL, "'%s' gave: %s", text, e.text);
}

Test(units, wrong_text_has_a_sentence)
{
    refused("40", "it has no unit");
    refused("40xs", "'xs' is not a unit of it");
    refused("40NS", "'NS' is not a unit");
    refused("fast", "does not start with a number");
    refused("", "does not start with a number");
    refused("-1ns", "it is negative");
    refused("0.5ps", "finer than the resolution");
    refused("107d", "'d' is not a unit");
    refused("9223372036854775808ps", "too large");
    refused("1e30s", "too large");
    refused("1e300000000000000000000s", "too large");
    refused("1.2.3s", "'.3s' is not a unit");
    refused("99999999999999999999999999999s", "does not start with a number");
    refused("64KiB", "write a number and one of ps, ns, us, ms, s, min, h");
}

Test(units, what_is_printed_parses_back)
{
    char buf[32];
    uint64_t x = 88172645463325252ULL;
    for (int i = 0; i < 20000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        int64_t v = (int64_t)(x >> (1 + i % 63)), back;
        if (i % 5 == 0)
            v = v / 1000000 * 1000000;
        units_format_time(v, buf, sizeof buf);
        cr_assert(units_parse_time(buf, &back, NULL) && back == v, "time %s", buf);
        units_format_size(v, buf, sizeof buf);
        cr_assert(units_parse_size(buf, &back, NULL) && back == v, "size %s", buf);
        units_format_rate(v, buf, sizeof buf);
        cr_assert(units_parse_rate(buf, &back, NULL) && back == v, "rate %s", buf);
    }
}

Test(units, the_shortest_text_is_chosen)
{
    char buf[32];
    cr_assert_str_eq(units_format_time(40000, buf, sizeof buf), "40ns");
    cr_assert_str_eq(units_format_time(2500000, buf, sizeof buf), "2.5us");
    cr_assert_str_eq(units_format_size(65536, buf, sizeof buf), "64KiB");
    cr_assert_str_eq(units_format_size(64000, buf, sizeof buf), "64kB");
    cr_assert_str_eq(units_format_rate(200000000, buf, sizeof buf), "200MB/s");
    cr_assert_str_eq(units_format_time(0, buf, sizeof buf), "0");
    cr_assert_str_eq(units_format_time(INT64_MAX, buf, sizeof buf), "9223372036854775807ps");
}
