/* test_wire.c: what crosses a pipe comes out the same, and no damage to it does harm. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/point.h"
#include "cli/wire.h"

static struct val *sample_tree(void)
{
    struct val *t = val_new(VAL_TABLE, "a.lua", 1), *l = val_new(VAL_LIST, "a.lua", 3);
    val_put(t, "name", val_new_string("x \"y\"", "a.lua", 2));
    val_append(l, val_new_int(-7, "b.lua", 4));
    val_append(l, val_new_real(2.385, NULL, 0));
    val_append(l, val_new_bool(true, "a.lua", 5));
    val_append(l, val_new(VAL_TABLE, "a.lua", 6));
    val_put(t, "list", l);
    val_put(t, "nothing", val_new(VAL_NIL, NULL, 0));
    return t;
}

Test(wire, trees_come_out_as_they_went_in)
{
    struct val *t = sample_tree();
    struct wire w;
    struct wire_reader r;
    wire_init(&w);
    wire_val(&w, t);
    wire_reader_init(&r, w.data, w.length);
    struct val *u = wire_get_val(&r);
    cr_assert(u && !r.bad && r.at == r.length);
    char *a = val_canonical(t), *b = val_canonical(u);
    cr_expect_str_eq(a, b);
    cr_expect_eq(val_path(u, "list.1")->line, 4);
    cr_expect_str_eq(val_path(u, "list.1")->file, "b.lua");
    cr_expect_null(val_path(u, "list.2")->file);
    free(a);
    free(b);
    val_free(t);
    val_free(u);
    wire_fini(&w);
}

Test(wire, every_truncation_is_seen)
{
    struct val *t = sample_tree();
    struct wire w;
    wire_init(&w);
    wire_val(&w, t);
    for (size_t n = 0; n < w.length; n++) {
        struct wire_reader r;
        wire_reader_init(&r, w.data, n);
        cr_expect_null(wire_get_val(&r));
        cr_expect(r.bad, "%zu of %zu bytes passed", n, w.length);
    }
    val_free(t);
    wire_fini(&w);
}

Test(wire, every_damaged_byte_is_survived)
{
    struct val *t = sample_tree();
    struct wire w;
    wire_init(&w);
    wire_val(&w, t);
    for (size_t n = 0; n < w.length; n++) {
        for (unsigned flip = 1; flip < 256; flip <<= 1) {
            struct wire_reader r;
            w.data[n] ^= (uint8_t)flip;
            wire_reader_init(&r, w.data, w.length);
            val_free(wire_get_val(&r));
            w.data[n] ^= (uint8_t)flip;
        }
    }
    val_free(t);
    wire_fini(&w);
}

Test(wire, depth_and_members_are_limited)
{
    struct wire w;
    struct wire_reader r;
    struct val *deep = val_new(VAL_LIST, NULL, 0);
    for (int i = 0; i < WIRE_DEPTH + 1; i++) {
        struct val *outer = val_new(VAL_LIST, NULL, 0);
        val_append(outer, deep);
        deep = outer;
    }
    wire_init(&w);
    wire_val(&w, deep);
    wire_reader_init(&r, w.data, w.length);
    cr_expect_null(wire_get_val(&r));
    val_free(deep);
    wire_fini(&w);
    wire_init(&w);
    wire_u8(&w, VAL_TABLE);
    wire_u32(&w, 0);
    wire_text(&w, NULL);
    wire_text(&w, NULL);
    wire_u32(&w, WIRE_MEMBERS + 1);
    wire_reader_init(&r, w.data, w.length);
    cr_expect_null(wire_get_val(&r));
    wire_fini(&w);
}

static void sample_result(struct point_result *p)
{
    point_result_init(p);
    p->status = POINT_LIMIT;
    p->message = base_strdup("two\nlines");
    strcpy(p->digest, "0123456789abcdef0123456789abcdef");
    p->end_time = 123456789012345;
    p->events = 77;
    p->host_seconds = 1.25;
    p->scalars = base_zalloc(2, sizeof *p->scalars);
    p->scalars[0] =
        (struct point_scalar){ base_strdup("wait.mean"), base_strdup("s"), 0.5, NAN, 4 };
    p->scalars[1] = (struct point_scalar){ base_strdup("rate"), base_strdup("B/s"), 9e6, 1e3, 0 };
    p->scalar_count = 2;
    p->busy = base_zalloc(1, sizeof *p->busy);
    p->busy[0] = (struct point_busy){ base_strdup("arm 3"), SIM_KIND_ARM, 3, 500, 0.25, 9 };
    p->busy_count = 1;
    p->remarks = base_zalloc(1, sizeof *p->remarks);
    p->remarks[p->remark_count++] = base_strdup("not steady");
}

Test(wire, results_come_out_as_they_went_in_and_truncations_are_seen)
{
    struct point_result p, q;
    struct wire w;
    struct wire_reader r;
    sample_result(&p);
    wire_init(&w);
    point_result_put(&w, &p);
    wire_reader_init(&r, w.data, w.length);
    cr_assert(point_result_get(&r, &q));
    cr_expect_eq(q.status, POINT_LIMIT);
    cr_expect_str_eq(q.message, "two\nlines");
    cr_expect_str_eq(q.digest, p.digest);
    cr_expect_eq(q.end_time, p.end_time);
    cr_expect(isnan(q.scalars[0].half_width));
    cr_expect_str_eq(point_scalar(&q, "wait")->name, "wait.mean");
    cr_expect_str_eq(point_busiest(&q)->name, "arm 3");
    cr_expect_str_eq(q.remarks[0], "not steady");
    point_result_fini(&q);
    for (size_t n = 0; n < w.length; n++) {
        wire_reader_init(&r, w.data, n);
        cr_expect(!point_result_get(&r, &q), "%zu of %zu bytes passed", n, w.length);
    }
    point_result_fini(&p);
    wire_fini(&w);
}
