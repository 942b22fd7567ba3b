/* Queue disciplines against choosing by looking at every request; and how few SPTF looks at. */
#include <criterion/criterion.h>
#include <math.h>

#include "disks/sched.h"
#include "sim/rng.h"

enum { CYLINDERS = 1962, WAITING = 1000 };

struct bench {
    struct seek_curve curve;
    struct sched q;
    struct sim_rng g;
    struct blk_req r[WAITING];
    bool in[WAITING];
    struct sched_arm arm;
    uint64_t looked_at;
};

static struct bench b;

static uint32_t distance(uint32_t x, uint32_t y)
{
    return x > y ? x - y : y - x;
}

/* Seek, then a rotation that depends on the request and on when the seek ends. */
static sim_time cost(const struct blk_req *r)
{
    sim_time rev = 15 * SIM_MS;
    sim_time seek = b.curve.time[distance(b.arm.cyl, (uint32_t)r->dev_u64[0])];
    sim_time slot = (sim_time)(r->sector % 72) * rev / 72;
    sim_time wait = (slot - (b.arm.now + seek)) % rev;
    return seek + (wait < 0 ? wait + rev : wait);
}

static sim_time positioning(void *self, const struct blk_req *r)
{
    (void)self;
    b.looked_at++;
    return cost(r);
}

static void add(size_t i)
{
    blk_req_init(&b.r[i], BLK_READ, sim_rng_below(&b.g, 100000), 1, NULL, NULL);
    b.r[i].submitted = b.arm.now;
    b.in[i] = true;
    sched_add(&b.q, &b.r[i], (uint32_t)sim_rng_below(&b.g, CYLINDERS));
}

static void setup(const char *policy, double age_weight)
{
    struct seek_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(seek_params, &p, NULL, "seek", &e));
    cr_assert(seek_init(&b.curve, &p, CYLINDERS, "seek", &e));
    sched_init(&b.q, kind_find(&sched_policies, policy), CYLINDERS);
    sim_rng_init_seed(&b.g, 4, policy);
    b.arm = (struct sched_arm){ .cylinders = CYLINDERS,
                                .cyl = 700,
                                .curve = &b.curve,
                                .age_weight = age_weight,
                                .positioning = positioning };
    b.looked_at = 0;
    for (size_t i = 0; i < WAITING; i++)
        add(i);
}

static void teardown(void)
{
    sched_fini(&b.q);
    seek_fini(&b.curve);
}

static double value(size_t i, bool aged, double weight)
{
    double t = (double)cost(&b.r[i]);
    return aged ? t - floor(weight * (double)(b.arm.now - b.r[i].submitted)) : t;
}

static void positioning_policy(const char *policy, double weight, double most_looked_at)
{
    bool aged = weight > 0;
    setup(policy, weight);
    for (int step = 0; step < 2000; step++) {
        double best = INFINITY;
        for (size_t i = 0; i < WAITING; i++)
            best = fmin(best, value(i, aged, weight));
        b.arm.age_weight = weight;
        struct blk_req *r = sched_take(&b.q, &b.arm);
        size_t i = (size_t)(r - b.r);
        cr_assert(b.in[i]);
        cr_assert_float_eq(value(i, aged, weight), best, 0.5);
        b.arm.now += cost(r) + SIM_MS;
        b.arm.cyl = (uint32_t)r->dev_u64[0];
        add(i);
    }
    double each = (double)b.looked_at / 2000;
    cr_assert_lt(each, most_looked_at, "%g of %d", each, WAITING);
    teardown();
}

Test(sched, sptf_chooses_the_least_and_looks_at_few_of_a_thousand)
{
    positioning_policy("sptf", 0, 60);
}

Test(sched, aged_sptf_chooses_the_least_and_looks_at_part_of_a_thousand)
{
    positioning_policy("asptf", 0.0005, 500);
}

Test(sched, the_policies_by_cylinder_choose_as_their_names_say)
{
    static const char *const names[] = { "sstf", "look", "clook" };
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        setup(names[k], 0);
        bool up = true;
        for (int step = 0; step < 3000; step++) {
            uint32_t at = b.arm.cyl, nearest = UINT32_MAX, above = UINT32_MAX, below = UINT32_MAX;
            uint32_t lowest = UINT32_MAX;
            for (size_t i = 0; i < WAITING; i++) {
                uint32_t c = (uint32_t)b.r[i].dev_u64[0];
                uint32_t d = distance(c, at);
                nearest = d < nearest ? d : nearest;
                lowest = c < lowest ? c : lowest;
                if (c >= at && d < above)
                    above = d;
                if (c <= at && d < below)
                    below = d;
            }
            struct blk_req *r = sched_take(&b.q, &b.arm);
            uint32_t c = (uint32_t)r->dev_u64[0];
            if (k == 0) {
                cr_assert_eq(distance(c, at), nearest);
            } else if (k == 1) {
                if ((up ? above : below) == UINT32_MAX)
                    up = !up;
                cr_assert_eq(distance(c, at), up ? above : below);
            } else {
                cr_assert_eq(c, above == UINT32_MAX ? lowest : at + above);
            }
            b.arm.cyl = c;
            add((size_t)(r - b.r));
        }
        teardown();
    }
}

Test(sched, equals_leave_in_order_of_arrival)
{
    for (size_t k = 0; sched_policies.items[k] != NULL; k++) {
        struct blk_req r[20];
        setup("fcfs", 0);
        struct sched q;
        sched_init(&q, kind_at(&sched_policies, (int)k), CYLINDERS);
        for (size_t i = 0; i < ARRAY_LEN(r); i++) {
            blk_req_init(&r[i], BLK_READ, 36, 1, NULL, NULL);
            sched_add(&q, &r[i], 500);
        }
        for (size_t i = 0; i < ARRAY_LEN(r); i++)
            cr_assert_eq(sched_take(&q, &b.arm), &r[i], "%s", sched_policies.items[k]->name);
        cr_assert_null(sched_take(&q, &b.arm));
        sched_fini(&q);
        teardown();
    }
}
