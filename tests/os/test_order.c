/* test_order.c: orders within a cartridge, on a serpentine tape of facts' locate rule, against
 * every order there is, and against each other. */
#include <criterion/criterion.h>

#include "os/hsm/order.h"
#include "tests/fake/port_fake.h"

/* A DLT4000's: 64 tracks of 14 sections of 704 blocks; a section is read in 15.5 s and skipped in
 * 10 s; the way is to the boundary one section before the target's, then at reading speed. */
enum { TRACKS = 64, SECTIONS = 14, BLOCKS = 704, TRACK = SECTIONS * BLOCKS };
#define LENGTH ((double)SECTIONS)
#define SKIP 10.0
#define READ 15.5
#define TURN 3.0

static uint64_t state;

static uint64_t draw(uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
}

static double place(uint64_t block)
{
    double along = (double)(block % TRACK) / BLOCKS;
    return block / TRACK % 2 == 0 ? along : LENGTH - along;
}

static sim_time locate(void *arg, uint64_t from, uint64_t to)
{
    (void)arg;
    bool back = to / TRACK % 2;
    uint64_t section = to % TRACK / BLOCKS, near = section > 0 ? section - 1 : 0;
    if (to >= from && to / TRACK == from / TRACK && (to - from) <= (uint64_t)2 * BLOCKS)
        return sim_time_from_seconds((double)(to - from) / BLOCKS * READ);
    double key = back ? LENGTH - (double)near : (double)near, at = place(from);
    double skip = key > at ? key - at : at - key, target = place(to);
    return sim_time_from_seconds(TURN + skip * SKIP +
                                 (target > key ? target - key : key - target) * READ);
}

static sim_time reading(void *arg, uint64_t from, uint64_t to)
{
    (void)arg;
    return sim_time_from_seconds((double)(to - from) / BLOCKS * READ);
}

static void spot(void *arg, uint64_t block, struct hsm_spot *out)
{
    (void)arg;
    out->pass = (uint32_t)(block / TRACK);
    out->back = out->pass % 2 == 1;
    out->place = (uint64_t)(place(block) * 1e6);
    out->section = (uint32_t)place(block);
}

static void draw_requests(struct hsm_extent *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        r[i] = (struct hsm_extent){ draw((uint64_t)TRACKS * TRACK - 8), 1 + draw(8) };
}

static sim_time served(struct port *p, const char *name, const struct hsm_head *h,
                       const struct hsm_extent *r, uint32_t n, uint32_t *out)
{
    const struct hsm_order_ops *ops = kind_find(&hsm_orders, name);
    hsm_order(p, ops, h, r, n, out);
    return hsm_order_time(ops, h, r, n, out);
}

/* ---- against every order ---- */

static sim_time every(const struct hsm_head *h, const struct hsm_extent *r, uint32_t n,
                      uint32_t *order, uint32_t k)
{
    static const struct hsm_order_ops plain;
    sim_time least = SIM_NEVER;
    if (k == n)
        return hsm_order_time(&plain, h, r, n, order);
    for (uint32_t i = k; i < n; i++) {
        uint32_t x = order[k];
        order[k] = order[i];
        order[i] = x;
        least = sim_time_min(least, every(h, r, n, order, k + 1));
        order[i] = order[k];
        order[k] = x;
    }
    return least;
}

static void few(struct port *p, void *arg)
{
    (void)arg;
    for (uint32_t round = 0; round < 60; round++) {
        struct hsm_extent r[9];
        uint32_t n = 1 + round % 7 + (round == 7), order[9], all[9];
        struct hsm_head h = { .locate = locate, .read = reading, .spot = spot };
        h.at = round % 3 == 0 ? 0 : draw((uint64_t)TRACKS * TRACK);
        draw_requests(r, n);
        for (uint32_t i = 0; i < n; i++)
            all[i] = i;
        sim_time least = every(&h, r, n, all, 0);
        for (const struct kind *const *k = hsm_orders.items; *k; k++) {
            sim_time t = served(p, (*k)->name, &h, r, n, order);
            cr_assert_geq(t, least, "%s of %u", (*k)->name, n);
            cr_assert_eq(served(p, (*k)->name, &h, r, n, all), t, "ORD2");
            cr_assert_arr_eq(all, order, n * sizeof *all, "ORD2");
        }
        cr_assert_eq(served(p, "optimal", &h, r, n, order), least, "of %u", n);
    }
}

/* ---- against each other ---- */

static double mean(struct port *p, const char *name, uint32_t n, uint32_t rounds)
{
    double sum = 0;
    struct hsm_extent *r = port_alloc(p, n * sizeof *r);
    uint32_t *order = port_alloc(p, n * sizeof *order);
    struct hsm_head h = { .locate = locate, .read = reading, .spot = spot };
    state = n;
    for (uint32_t k = 0; k < rounds; k++) {
        draw_requests(r, n);
        sum += sim_time_seconds(served(p, name, &h, r, n, order));
    }
    port_free(p, r);
    port_free(p, order);
    return sum / rounds / n;
}

/* The mean time of a request: the published order of the schedulers. */
static void many(struct port *p, void *arg)
{
    (void)arg;
    static const uint32_t sizes[] = { 8, 32, 128 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        uint32_t n = sizes[i], rounds = n > 100 ? 10 : 40;
        double fifo = mean(p, "fifo", n, rounds), sltf = mean(p, "sltf", n, rounds);
        double loss = mean(p, "loss", n, rounds), mpscan = mean(p, "mpscan", n, rounds);
        cr_assert_lt(sltf, 0.75 * fifo, "of %u", n);
        cr_assert_lt(mean(p, "weave", n, rounds), 0.75 * fifo, "of %u", n);
        cr_assert_lt(mean(p, "scan", n, rounds), 0.75 * fifo, "of %u", n);
        cr_assert_lt(loss, sltf, "of %u", n);
        cr_assert_lt(mpscan, sltf, "of %u", n);
        cr_assert_gt(mean(p, "whole", n, rounds), loss, "of %u", n);
    }
}

/* On a tape that is read one way, from its load point, the blocks' own order is the best. */
static sim_time wind(void *arg, uint64_t from, uint64_t to)
{
    (void)arg;
    return (sim_time)(to > from ? to - from : from - to) * SIM_MS;
}

static void along(void *arg, uint64_t block, struct hsm_spot *out)
{
    (void)arg;
    *out = (struct hsm_spot){ .place = block, .section = (uint32_t)(block / 100) };
}

static void one_way(struct port *p, void *arg)
{
    (void)arg;
    static const char *const best[] = { "scan", "sltf", "weave", "mpscan", "optimal" };
    for (uint32_t round = 0; round < 40; round++) {
        struct hsm_extent r[40];
        uint32_t n = 1 + round, order[40];
        struct hsm_head h = { .locate = wind, .read = wind, .spot = along };
        for (uint32_t i = 0; i < n; i++)
            r[i] = (struct hsm_extent){ i * 50 + draw(40), 1 + draw(10) };
        sim_time least = served(p, "sort", &h, r, n, order);
        cr_assert_eq(least, wind(NULL, 0, r[n - 1].first + r[n - 1].count));
        for (size_t i = 0; i < ARRAY_LEN(best) - (n > HSM_OPTIMAL); i++) /* optimal is the last */
            cr_assert_eq(served(p, best[i], &h, r, n, order), least, "%s of %u", best[i], n);
    }
}

/* Places anywhere on a tape of length L, from its beginning: in a sweep L n / (n + 1), in the order
 * of arrival L/2 + (n - 1) L/3; the means of the orders that know no more are those. */
static void anywhere(struct port *p, void *arg)
{
    (void)arg;
    const uint64_t all = 1000000;
    const double length = sim_time_seconds(wind(NULL, 0, all));
    for (uint32_t n = 1; n <= 12; n += n < 3 ? 1 : 3) {
        const uint32_t rounds = 4000;
        double sweep = 0, fifo = 0;
        for (uint32_t k = 0; k < rounds; k++) {
            struct hsm_extent r[12];
            uint32_t order[12];
            struct hsm_head h = { .locate = wind, .read = wind, .spot = along };
            for (uint32_t i = 0; i < n; i++)
                r[i] = (struct hsm_extent){ draw(all), 1 };
            sweep += sim_time_seconds(served(p, "sort", &h, r, n, order)) / rounds;
            fifo += sim_time_seconds(served(p, "fifo", &h, r, n, order)) / rounds;
        }
        double expected = length * n / (n + 1);
        cr_assert_float_eq(sweep, expected, 0.02 * expected, "%u: %g %g", n, sweep, expected);
        expected = length / 2 + (n - 1) * length / 3;
        cr_assert_float_eq(fifo, expected, 0.02 * expected, "%u: %g %g", n, fifo, expected);
    }
}

static void in_a_world(void (*fn)(struct port *p, void *arg))
{
    struct fake *f = fake_create(&(struct fake_options){ .nodes = 1 });
    state = 1;
    fake_boot(f, 0, fn, NULL);
    fake_run(f, 10);
    fake_destroy(f);
}

Test(order, every_order_of_few_requests)
{
    in_a_world(few);
}

Test(order, of_many_requests_as_published)
{
    in_a_world(many);
}

Test(order, of_a_tape_that_is_read_one_way)
{
    in_a_world(one_way);
}

Test(order, of_places_anywhere_on_a_line)
{
    in_a_world(anywhere);
}
