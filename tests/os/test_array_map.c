/* test_array_map.c: distributions, lists of indices and runs, against a slow and obvious model. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/array/map.h"
#include "tests/fake/port_fake.h"
#include "tests/sample.h"

enum { MOST = 40 }; /* indices of a dimension */

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

static void boot(struct port *p, void *arg)
{
    (void)p;
    (void)arg;
}

/* For the memory of its port. */
static struct fake *one_node(void)
{
    struct fake *f = fake_create(&(struct fake_options){ .nodes = 1 });
    fake_boot(f, 0, boot, NULL);
    return f;
}

static struct array_dim draw_dim(uint64_t *state)
{
    struct array_dim d = { .n = 1 + draw(state, MOST), .parts = 1 + draw(state, 7) };
    d.block = draw(state, 3) == 0 ? (d.n + d.parts - 1) / d.parts : 1 + draw(state, 9);
    return d;
}

/* ---- one dimension ---- */

struct dealt { /* by hand: the indices one after the other, as cards are */
    uint32_t owner[MOST];
    uint64_t local[MOST], share[8];
};

static struct dealt deal(const struct array_dim *d)
{
    struct dealt m = { .share = { 0 } };
    uint32_t to = 0;
    uint64_t in = 0;
    for (uint64_t i = 0; i < d->n; i++) {
        m.owner[i] = to;
        m.local[i] = m.share[to]++;
        if (++in == d->block) {
            in = 0;
            to = to + 1 == d->parts ? 0 : to + 1;
        }
    }
    return m;
}

/* DIST1, DIST2 */
Test(array_map, each_index_belongs_to_one_part_as_if_dealt_out_by_hand)
{
    uint64_t state = 1;
    for (int t = 0; t < 2000; t++) {
        struct array_dim d = draw_dim(&state);
        struct dealt m = deal(&d);
        for (uint64_t i = 0; i < d.n; i++) {
            cr_assert_eq(array_owner(&d, i), m.owner[i]);
            cr_assert_eq(array_local(&d, i), m.local[i]);
            cr_assert_eq(array_global(&d, m.owner[i], m.local[i]), i);
        }
        for (uint32_t part = 0; part < d.parts; part++) {
            cr_assert_eq(array_share(&d, part), m.share[part]);
            cr_assert_leq(m.share[part], array_share(&d, 0));
        }
    }
}

/* The numbers of a list, one by one. */
static uint32_t numbers(const struct array_list *l, uint64_t *out)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < l->count; k++)
        for (uint64_t i = 0; i < l->run[k].count; i++)
            for (uint64_t j = 0; j < l->run[k].len; j++)
                out[n++] = l->run[k].off + i * l->run[k].stride + j;
    cr_assert_eq(n, l->n);
    return n;
}

static void draw_list(uint64_t *state, uint64_t n, struct array_list *l)
{
    uint64_t lo = draw(state, (uint32_t)n), hi = lo + draw(state, (uint32_t)(n - lo));
    if (draw(state, 3) == 0)
        for (uint64_t at = 0; at < n; at += 1 + draw(state, 6)) {
            uint64_t len = draw(state, 4);
            len = at + len < n ? len : n - at;
            array_list_add(l, at, len);
            at += len;
        }
    else
        array_list_triplet(l, lo, hi, 1 + draw(state, 5));
}

/* DIST3 */
Test(array_map, lists_have_the_indices_of_sections_and_parts)
{
    uint64_t state = 2, want[MOST], got[MOST];
    struct fake *f = one_node();
    struct port *p = fake_port(f, 0);
    for (int t = 0; t < 3000; t++) {
        struct array_dim d = draw_dim(&state);
        struct array_list l, places, locals;
        uint32_t part = draw(&state, d.parts), n = 0;
        uint64_t lo = draw(&state, MOST), hi = lo + draw(&state, MOST), share;
        share = array_share(&d, part);
        hi = hi < share ? hi : share;
        lo = lo < hi ? lo : hi;
        array_list_init(&l, p);
        array_list_own(&l, &d, part, lo, hi);
        for (uint64_t i = 0; i < d.n; i++)
            if (array_owner(&d, i) == part && array_local(&d, i) >= lo && array_local(&d, i) < hi)
                want[n++] = i;
        cr_assert_eq(numbers(&l, got), n);
        cr_assert_arr_eq(got, want, n * sizeof *got);
        array_list_free(&l);

        uint64_t all[MOST], at[MOST], in[MOST];
        draw_list(&state, d.n, &l);
        array_list_init(&places, p);
        array_list_init(&locals, p);
        array_list_meet(&l, &d, part, &places, &locals);
        uint32_t count = numbers(&l, all);
        n = 0;
        for (uint32_t i = 0; i < count; i++)
            if (array_owner(&d, all[i]) == part) {
                at[n] = i;
                in[n++] = array_local(&d, all[i]);
            }
        cr_assert_eq(numbers(&places, got), n);
        cr_assert_arr_eq(got, at, n * sizeof *got);
        cr_assert_eq(numbers(&locals, got), n);
        cr_assert_arr_eq(got, in, n * sizeof *got);
        array_list_free(&l);
        array_list_free(&places);
        array_list_free(&locals);
    }
    fake_destroy(f);
}

/* ---- sections of arrays ---- */

static struct array_order draw_order(uint64_t *state, uint32_t dims)
{
    struct array_order o = { { 0, 1, 2 } };
    for (uint32_t i = dims; i > 1; i--) {
        uint32_t k = draw(state, i);
        uint8_t x = o.by[i - 1];
        o.by[i - 1] = o.by[k];
        o.by[k] = x;
    }
    return o;
}

/* Element by element: where it lies in the layout. */
static uint64_t place(const struct array_layout *l, const uint64_t *i)
{
    uint64_t at = 0;
    for (uint32_t k = 0; k < l->dims; k++)
        at = at * l->n[l->order.by[k]] + i[l->order.by[k]];
    return at * l->element;
}

static void check_runs(const struct array_layout *l, const struct array_section *s,
                       struct array_order by)
{
    uint64_t at[ARRAY_DIMS][MOST], bytes = array_section_size(s) * l->element, done = 0;
    struct array_list runs;
    for (uint32_t d = 0; d < l->dims; d++)
        (void)numbers(&s->at[d], at[d]);
    array_runs(l, s, by, &runs);
    cr_assert_eq(runs.n, bytes);
    for (uint32_t k = 0; k < runs.count; k++) {
        cr_assert(runs.run[k].count == 1 || runs.run[k].stride >= runs.run[k].len);
        for (uint64_t i = 0; i < runs.run[k].count; i++)
            for (uint64_t b = 0; b < runs.run[k].len; b++, done++) {
                uint64_t nth = done / l->element, index[ARRAY_DIMS];
                for (uint32_t d = l->dims; d-- > 0; nth /= s->at[by.by[d]].n)
                    index[by.by[d]] = at[by.by[d]][nth % s->at[by.by[d]].n];
                cr_assert_eq(runs.run[k].off + i * runs.run[k].stride + b,
                             place(l, index) + done % l->element);
            }
    }
    array_list_free(&runs);
}

/* DIST4 */
Test(array_map, runs_name_each_element_once_in_the_order_asked_for)
{
    uint64_t state = 3;
    struct fake *f = one_node();
    for (uint64_t t = 0; t < sample(NULL, 2000); t++) {
        struct array_layout l = { .dims = 1 + draw(&state, 3), .element = 1 + draw(&state, 9) };
        struct array_section s;
        array_section_init(&s, l.dims, fake_port(f, 0));
        for (uint32_t d = 0; d < l.dims; d++) {
            l.n[d] = 1 + draw(&state, l.dims == 3 ? 9 : 20);
            if (draw(&state, 3) == 0)
                array_list_add(&s.at[d], 0, l.n[d]);
            else
                draw_list(&state, l.n[d], &s.at[d]);
        }
        l.order = draw_order(&state, l.dims);
        check_runs(&l, &s, l.order);
        check_runs(&l, &s, draw_order(&state, l.dims));
        array_section_free(&s);
    }
    fake_destroy(f);
}

/* A column of blocks is one run; whole rows are one piece. */
Test(array_map, runs_are_few_where_the_layout_allows)
{
    struct fake *f = one_node();
    struct array_layout l = { 2, { 100, 64 }, 8, array_rows[2] };
    struct array_section s;
    struct array_list runs;
    array_section_init(&s, 2, fake_port(f, 0));
    array_list_add(&s.at[0], 0, 100);
    array_list_add(&s.at[1], 16, 16);
    array_runs(&l, &s, l.order, &runs);
    cr_assert_eq(runs.count, 1);
    cr_assert_eq(runs.run[0].count, 100);
    cr_assert_eq(runs.run[0].len, 128);
    array_list_free(&runs);
    array_list_free(&s.at[1]);
    array_list_free(&s.at[0]);
    array_list_triplet(&s.at[0], 10, 90, 20);
    array_list_add(&s.at[1], 0, 64);
    array_runs(&l, &s, l.order, &runs);
    cr_assert_eq(runs.count, 1);
    cr_assert_eq(runs.run[0].count, 5);
    cr_assert_eq(runs.run[0].stride, 20 * 512);
    array_list_free(&runs);
    array_section_free(&s);
    fake_destroy(f);
}

/* ---- what a configuration says ---- */

static bool reads(const char *text, const char *grid, uint32_t ranks, const char *what)
{
    const uint64_t n[ARRAY_DIMS] = { 10, 20, 30 };
    uint32_t dims = 1;
    char got[200] = "";
    struct array_dist a;
    struct err e = ERR_INIT;
    for (const char *c = text; *c; c++)
        dims += *c == ',';
    if (!array_dist_read(text, grid, n, dims, ranks, "x", &a, &e))
        return strstr(e.text, what) != NULL;
    for (uint32_t d = 0; d < a.dims; d++)
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%llu/%u ",
                       (unsigned long long)a.d[d].block, a.d[d].parts);
    return strcmp(got, what) == 0;
}

Test(array_map, distributions_are_read_as_hpf_writes_them)
{
    cr_assert(reads("(BLOCK)", "", 4, "3/4 "));
    cr_assert(reads("( block , * )", "", 4, "3/4 20/1 "));
    cr_assert(reads("(CYCLIC(4),CYCLIC)", "", 6, "4/2 1/3 "));
    cr_assert(reads("(CYCLIC, BLOCK)", "3x2", 7, "1/3 10/2 "));
    cr_assert(reads("(BLOCK, BLOCK, BLOCK)", "", 30, "4/3 10/2 6/5 "));
    cr_assert(reads("(*, *)", "", 5, "10/1 20/1 "));
    cr_assert(reads("(BLOCK, *)", "", 13, "1/13 20/1 "));
    cr_assert(reads("(BLOCK(2), *)", "", 4, "4 parts of BLOCK(2) do not have the 10 indices"));
    cr_assert(reads("(BLOK, *)", "", 4, "write one of *, BLOCK"));
    cr_assert(reads("(BLOCK, *) x", "", 4, "write one of *, BLOCK"));
    cr_assert(reads("(CYCLIC(0))", "", 4, "write one of *, BLOCK"));
    cr_assert(reads("(BLOCK, BLOCK)", "2x3", 5, "whose product is at most the 5 ranks"));
    cr_assert(reads("(BLOCK, BLOCK)", "2", 5, "write 2 numbers"));
}
