/* test_price.c: the price list's formula, against numbers worked out by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "models/price.h"

static struct price_list list_of(enum port_work kind, struct price p, double scale)
{
    struct price_list l = { .scale = scale };
    l.of[kind] = p;
    price_list_prepare(&l);
    return l;
}

Test(price, is_fixed_plus_each_plus_bytes_over_rate)
{
    /* 1 us + 3 x 0.25 us + 3 B at 7 MB/s: 3 / 7e6 s = 428,571.43 ps. */
    struct price_list l = list_of(PORT_WORK_COPY, (struct price){ SIM_US, SIM_US / 4, 7000000 }, 1);
    cr_expect_eq(price_cost(&l, PORT_WORK_COPY, 3), 1000000 + 750000 + 428572);
    cr_expect_eq(price_cost(&l, PORT_WORK_COPY, 0), 1000000);
    cr_expect_eq(price_cost(&l, PORT_WORK_TRAP, 12345), 0);
}

Test(price, is_rounded_once_after_scaling)
{
    /* 1 B at 3 B/s is a third of a second, rounded up; three times that is a second, exactly. */
    struct price_list one = list_of(PORT_WORK_XOR, (struct price){ 0, 0, 3 }, 1);
    struct price_list three = list_of(PORT_WORK_XOR, (struct price){ 0, 0, 3 }, 3);
    cr_expect_eq(price_cost(&one, PORT_WORK_XOR, 1), 333333333334);
    cr_expect_eq(price_cost(&three, PORT_WORK_XOR, 1), SIM_SEC);
}

Test(price, doubles_when_every_price_is_doubled)
{
    struct price p = { 1234567, 891, 65000000 };
    struct price_list one = list_of(PORT_WORK_SEND, p, 1);
    struct price_list two = list_of(PORT_WORK_SEND, p, 2);
    for (uint64_t n = 0; n < 5000; n += 13) {
        sim_time doubled = 2 * price_cost(&one, PORT_WORK_SEND, n);
        sim_time got = price_cost(&two, PORT_WORK_SEND, n);
        cr_expect(got == doubled || got == doubled - 1, "%lu: %ld, %ld", n, got, doubled);
    }
}

Test(price, of_huge_amounts_is_exact_or_never)
{
    struct price_list l = list_of(PORT_WORK_COPY, (struct price){ 0, 0, 1000000000 }, 1);
    /* 9e15 B at 1 GB/s: 9e6 s = 9e18 ps, just below 2^63; the product needs 128 bits. */
    cr_expect_eq(price_cost(&l, PORT_WORK_COPY, 9000000000000000), 9000000 * SIM_SEC);
    cr_expect_eq(price_cost(&l, PORT_WORK_COPY, UINT64_MAX), SIM_NEVER);
    l = list_of(PORT_WORK_OP, (struct price){ 0, SIM_SEC, 0 }, 1);
    cr_expect_eq(price_cost(&l, PORT_WORK_OP, UINT64_MAX), SIM_NEVER);
    cr_expect_eq(price_cost(&l, PORT_WORK_OP, 9), 9 * SIM_SEC);
}

Test(price, names_are_those_of_the_parameters)
{
    size_t tables = 0;
    for (const struct param *p = price_list_params; p->name != NULL; p++)
        tables += p->type == PARAM_TABLE;
    cr_expect_eq(tables, PORT_WORK_COUNT);
}
