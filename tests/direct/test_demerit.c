/* The demerit figure: against shifts, sizes that differ, and integration by brute force. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/rng.h"
#include "workloads/direct/demerit.h"

Test(demerit, a_record_shifted_by_one_millisecond_is_one_millisecond_away)
{
    double a[500], b[500];
    struct sim_rng g;
    sim_rng_init_seed(&g, 1, "demerit");
    for (int i = 0; i < 500; i++) {
        a[i] = 20 * sim_rng_unit(&g);
        b[499 - i] = a[i] + 1; /* another order: distributions have none */
    }
    cr_assert_float_eq(demerit(a, 500, b, 500), 1, 1e-12);
    cr_assert_float_eq(demerit(a, 500, a, 500), 0, 0);
}

Test(demerit, sizes_that_differ_agree_with_integration_in_small_steps)
{
    double a[7] = { 3, 1, 4, 1.5, 9, 2.6, 5 }, b[11] = { 2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4.5 };
    double got = demerit(a, 7, b, 11), sum = 0;
    int steps = 7 * 11 * 100; /* a and b are sorted now */
    for (int s = 0; s < steps; s++) {
        double x = a[s * 7 / steps] - b[s * 11 / steps];
        sum += x * x / steps;
    }
    cr_assert_float_eq(got, sqrt(sum), 1e-9);
}

static bool read_text(const char *text, struct demerit_record *r, struct err *e)
{
    char path[] = "/tmp/psim-demerit-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    bool ok = demerit_read(path, r, e);
    unlink(path);
    return ok;
}

Test(demerit, columns_are_found_by_name_and_bad_lines_are_named)
{
    struct demerit_record r;
    struct err e = ERR_INIT;
    cr_assert(read_text("x,response_ms,op\n1,2.5,R\n2,3.5,W\n", &r, &e), "%s", e.text);
    cr_assert(r.count == 2 && r.has_op && r.read[0] && !r.read[1] && r.ms[1] == 3.5);
    demerit_record_fini(&r);
    cr_assert(read_text("response_ms\n7\n", &r, &e));
    cr_assert(r.count == 1 && !r.has_op);
    demerit_record_fini(&r);
    cr_assert_not(read_text("time\n7\n", &r, &e));
    cr_assert(strstr(e.text, "response_ms") != NULL);
    e.set = false;
    cr_assert_not(read_text("op,response_ms\nR,1\nR,one\n", &r, &e));
    cr_assert(strstr(e.text, ":3:") != NULL, "%s", e.text);
    e.set = false;
    cr_assert_not(read_text("response_ms\n1\n-0.5\n", &r, &e));
    cr_assert(strstr(e.text, ":3: not a request: wanted a time in ms, at least 0"), "%s", e.text);
    e.set = false;
    cr_assert_not(read_text("op,response_ms\n", &r, &e));
    cr_assert(strstr(e.text, "no request") != NULL, "%s", e.text);
}
