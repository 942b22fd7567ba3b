/* test_counts.c: counters over the window, over parts that come and go, by node (CNT1-5). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim/counts.h"
#include "sim/server.h"

struct part {
    struct {
        uint64_t sent, most, level;
    } counts;
    struct sim_counted counted;
};
static const struct counter counters[] = {
    C_SUM(part, counts, sent, "1", "Sent."),
    C_MOST(part, counts, most, "B", "Most."),
    C_NOW(part, counts, level, "1", "Level."),
    C_END,
};

static struct {
    char text[1024];
    size_t used;
} got;

static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    (void)arg;
    cr_assert(half_width != half_width && (flags & SIM_MEASURE_COUNTER));
    cr_assert_str_eq(unit, strstr(name, "most") ? "B" : "1");
    got.used +=
        (size_t)snprintf(got.text + got.used, sizeof got.text - got.used, "%s=%g ", name, value);
}

static void nothing(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static void expect(struct sim *s, const char *text)
{
    got.used = 0;
    got.text[0] = 0;
    sim_measures_write(s, &(struct sim_result_sink){ .scalar = on_scalar, .remark = nothing });
    cr_assert_str_eq(got.text, text);
}

static void set(struct part *p, uint64_t sent, uint64_t most, uint64_t level)
{
    p->counts.sent = sent;
    p->counts.most = most;
    p->counts.level = level;
}

static struct sim *begin(bool per_node)
{
    return sim_create(&(struct sim_options){ .per_node = per_node });
}

static void join(struct sim *s, struct part *p, const char *owner, int32_t node)
{
    *p = (struct part){ .counts = { 0 } };
    sim_count(&p->counted, s, owner, node, counters, p);
}

Test(counts, are_over_all_parts_of_their_owner_when_no_window_is_opened)
{
    struct sim *s = begin(false);
    struct part a, b, c;
    join(s, &a, "x", 0);
    join(s, &b, "x", 1);
    join(s, &c, "y", 1);
    set(&a, 3, 10, 2);
    set(&b, 4, 7, 3);
    set(&c, 100, 100, 100);
    expect(s, "x.sent=7 x.most=10 x.level=5 y.sent=100 y.most=100 y.level=100 ");
    sim_destroy(s);
}

Test(counts, of_one_array_are_summed_over_all_its_owners)
{
    static const struct counter others[] = { C_SUM(part, counts, sent, "1", "x"), C_END };
    struct sim *s = begin(false);
    struct part a, b, c = { .counts = { 0 } };
    join(s, &a, "x", 0);
    join(s, &b, "y", 1);
    sim_count(&c.counted, s, "x", 0, others, &c);
    set(&a, 3, 10, 2);
    sim_window_open(s);
    set(&a, 5, 10, 2);
    set(&b, 4, 7, 3);
    set(&c, 100, 0, 0);
    double v;
    const char *const one[2] = { "sent" }, *const two[2] = { "sent", "level" };
    cr_assert(sim_count_sum(s, counters, one, &v) && v == 6);
    cr_assert(sim_count_sum(s, counters, two, &v) && v == 11);
    cr_assert_not(sim_count_sum(s, others + 1, one, &v));
    sim_destroy(s);
}

/* CNT5. */
Test(counts, of_what_went_with_its_part_are_of_the_window)
{
    static const struct counter left[] = { C_LEFT(part, counts, level, "1", "x"), C_END };
    struct sim *s = begin(false);
    struct part p[4];
    for (int i = 0; i < 4; i++) {
        p[i] = (struct part){ .counts = { 0 } };
        sim_count(&p[i].counted, s, "x", i, left, &p[i]);
        set(&p[i], 0, 0, 10u + (unsigned)i);
    }
    sim_count_end(&p[0].counted);
    sim_window_open(s);
    set(&p[1], 0, 0, 7);
    sim_count_end(&p[1].counted);
    sim_count_end(&p[2].counted);
    sim_window_close(s);
    sim_count_end(&p[3].counted);
    expect(s, "x.level=19 ");
    sim_destroy(s);
}

Test(counts, are_what_the_window_saw)
{
    struct sim *s = begin(false);
    struct part a, late;
    join(s, &a, "x", 0);
    set(&a, 3, 10, 2);
    sim_window_open(s);
    set(&a, 5, 10, 1);
    join(s, &late, "x", 0);
    set(&late, 20, 1, 1);
    expect(s, "x.sent=22 x.most=10 x.level=2 ");
    set(&a, 50, 50, 50); /* after the close */
    sim_count_end(&late.counted);
    expect(s, "x.sent=22 x.most=10 x.level=2 ");
    double v;
    cr_assert(sim_count_sum(s, counters, (const char *const[]){ "sent", NULL }, &v) && v == 22);
    sim_destroy(s);
}

Test(counts, of_a_part_that_ends_stay_but_its_levels_go)
{
    struct sim *s = begin(false);
    struct part a, b;
    join(s, &a, "x", 0);
    join(s, &b, "x", 1);
    set(&a, 3, 10, 2);
    set(&b, 1, 1, 1);
    sim_window_open(s);
    set(&a, 7, 12, 9);
    sim_count_end(&a.counted);
    sim_count_end(&a.counted);
    join(s, &a, "x", 0); /* its next life */
    set(&a, 2, 3, 4);
    expect(s, "x.sent=6 x.most=12 x.level=5 ");
    sim_destroy(s);
}

Test(counts, of_a_part_that_ended_before_the_window_are_forgotten)
{
    struct sim *s = begin(true);
    struct part a;
    join(s, &a, "x", 0);
    set(&a, 3, 10, 2);
    sim_count_end(&a.counted);
    sim_window_open(s);
    expect(s, "x.sent=0 x.most=0 x.level=0 ");
    sim_destroy(s);
}

Test(counts, are_there_by_node_on_request)
{
    struct sim *s = begin(true);
    struct part a, b, c;
    join(s, &a, "x", 0);
    join(s, &b, "x", 70);
    join(s, &c, "x", -1);
    set(&a, 3, 10, 0);
    set(&b, 4, 7, 3);
    set(&c, 1, 0, 0);
    sim_count_end(&a.counted);
    join(s, &a, "x", 0);
    set(&a, 2, 0, 0);
    expect(s, "x.sent=10 x.sent@0=5 x.sent@70=4 x.most=10 x.most@0=10 x.most@70=7 "
              "x.level=3 x.level@70=3 ");
    sim_destroy(s);
}
