/* Queue disciplines: what every one in the registry keeps to, and each against choosing by looking
 * at every request; and how few SPTF looks at. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "disks/sched.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"

enum { CYLINDERS = 1962, WAITING = 1000, CYLINDER_SECTORS = 51 };

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

static void begin(struct sched *q, const char *policy, double age_weight)
{
    struct err e = ERR_INIT;
    struct val *params = NULL;
    if (age_weight > 0) {
        params = val_new(VAL_TABLE, "test", 1);
        val_put(params, "age_weight", val_new_real(age_weight, "test", 1));
    }
    cr_assert(sched_init(q, kind_find(&sched_policies, policy), params, "queue", &e), "%s", e.text);
    val_free(params);
}

static void add(size_t i)
{
    uint64_t sector = sim_rng_below(&b.g, CYLINDERS * CYLINDER_SECTORS);
    blk_req_init(&b.r[i], BLK_READ, sector, 1, NULL, NULL);
    b.r[i].submitted = b.arm.now;
    b.in[i] = true;
    sched_add(&b.q, &b.r[i], (uint32_t)(sector / CYLINDER_SECTORS));
}

static void setup(const char *policy, double age_weight)
{
    struct seek_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(seek_params, &p, NULL, "seek", &e));
    cr_assert(seek_init(&b.curve, &p, CYLINDERS, "seek", &e));
    begin(&b.q, policy, age_weight);
    sim_rng_init_seed(&b.g, 4, policy);
    b.arm =
        (struct sched_arm){ .cylinders = CYLINDERS, .curve = &b.curve, .positioning = positioning };
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

/* What a policy that looks at every request would choose after `last`, when `seen` had come. */
static size_t choice(const char *policy, const struct blk_req *last, uint64_t seen, bool *up)
{
    size_t best = WAITING;
    uint32_t at = sched_cyl(last);
    uint64_t from = last->sector;
    for (int turn = 0; best == WAITING; turn++) {
        for (size_t i = 0; i < WAITING; i++) {
            const struct blk_req *r = &b.r[i], *o = best == WAITING ? NULL : &b.r[best];
            uint32_t c = sched_cyl(r);
            bool ahead = r->sector > from || (r->sector == from && sched_arrival(r) < seen);
            bool on = c == at && (turn > 0 || ahead);
            bool better = o == NULL;
            if (strcmp(policy, "sstf") == 0) {
                better |= o != NULL && distance(c, at) < distance(sched_cyl(o), at);
            } else if (strcmp(policy, "clook") == 0) {
                if (turn == 0 && !ahead)
                    continue;
                better |= o != NULL && r->sector < o->sector;
            } else {
                if (!on && (*up ? c <= at : c >= at))
                    continue;
                uint32_t d = distance(c, at), od = o == NULL ? 0 : distance(sched_cyl(o), at);
                better |= o != NULL && (d < od || (d == od && r->sector < o->sector));
            }
            best = better ? i : best;
        }
        if (best == WAITING)
            *up = !*up;
    }
    return best;
}

Test(sched, the_policies_by_cylinder_choose_as_their_names_say)
{
    static const char *const names[] = { "sstf", "look", "clook" };
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        setup(names[k], 0);
        bool up = true;
        uint64_t seen = UINT64_MAX;
        struct blk_req last = { .sector = 0 }, *r;
        for (int step = 0; step < 3000; step++) {
            size_t want = choice(names[k], &last, seen, &up);
            r = sched_take(&b.q, &b.arm);
            if (k == 0)
                cr_assert_eq(distance(sched_cyl(r), b.arm.cyl),
                             distance(sched_cyl(&b.r[want]), b.arm.cyl));
            else
                cr_assert_eq(r->sector, b.r[want].sector, "%s, step %d", names[k], step);
            seen = b.q.arrivals;
            last = *r;
            b.arm.cyl = sched_cyl(r);
            add((size_t)(r - b.r));
        }
        teardown();
    }
}

Test(sched, a_block_that_is_asked_for_again_and_again_does_not_hold_an_elevator)
{
    static const char *const names[] = { "scan", "look", "cscan", "clook" };
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        setup("fcfs", 0);
        struct sched q;
        struct blk_req hot, other;
        begin(&q, names[k], 0);
        blk_req_init(&hot, BLK_READ, 36, 1, NULL, NULL);
        blk_req_init(&other, BLK_READ, 3600, 1, NULL, NULL);
        sched_add(&q, &hot, 0);
        sched_add(&q, &other, 70);
        cr_assert_eq(sched_take(&q, &b.arm), &hot);
        sched_add(&q, &hot, 0);
        cr_assert_eq(sched_take(&q, &b.arm), &other, "%s", names[k]);
        sched_fini(&q);
        teardown();
    }
}

/* ---- every discipline that is registered ---- */

static struct criterion_test_params all(void)
{
    size_t n = 0;
    while (sched_policies.items[n] != NULL)
        n++;
    int *index = cr_malloc(n * sizeof *index);
    for (size_t i = 0; i < n; i++)
        index[i] = (int)i;
    return cr_make_param_array(int, index, n);
}

ParameterizedTestParameters(sched, equals_leave_in_order_of_arrival)
{
    return all();
}

/* SCHED2. */
ParameterizedTest(int *k, sched, equals_leave_in_order_of_arrival)
{
    struct blk_req r[20];
    struct sched q;
    setup("fcfs", 0);
    begin(&q, sched_policies.items[*k]->name, 0);
    for (size_t i = 0; i < ARRAY_LEN(r); i++) {
        blk_req_init(&r[i], BLK_READ, 36, 1, NULL, NULL);
        sched_add(&q, &r[i], 500);
    }
    for (size_t i = 0; i < ARRAY_LEN(r); i++)
        cr_assert_eq(sched_take(&q, &b.arm), &r[i], "%s", sched_policies.items[*k]->name);
    cr_assert_null(sched_take(&q, &b.arm));
    sched_fini(&q);
    teardown();
}

/* Two queues of one discipline: what is done with the other changes no choice. */
ParameterizedTestParameters(sched, gives_back_each_once_and_keeps_its_state_to_itself)
{
    return all();
}

/* SCHED1. */
ParameterizedTest(int *k, sched, gives_back_each_once_and_keeps_its_state_to_itself)
{
    enum { MOST = 300, STEPS = 4000 };
    static struct blk_req mine[2][MOST], others[MOST];
    static bool in[MOST], other_in[MOST];
    static uint32_t chosen[STEPS];
    setup("fcfs", 0);
    for (int run = 0; run < 2; run++) {
        struct sched q, other;
        struct sim_rng g, noise;
        begin(&q, sched_policies.items[*k]->name, 0);
        begin(&other, sched_policies.items[*k]->name, 0);
        sim_rng_init_seed(&g, 9, "mine");
        sim_rng_init_seed(&noise, 10, "others");
        b.arm.cyl = 0;
        b.arm.now = 0;
        memset(in, 0, sizeof in);
        memset(other_in, 0, sizeof other_in);
        uint64_t inside = 0;
        for (uint32_t step = 0; step < STEPS; step++) {
            uint32_t what = (uint32_t)sim_rng_below(&g, 10);
            size_t i = sim_rng_below(&g, MOST);
            struct blk_req *r = &mine[run][i];
            chosen[step] = run == 0 ? 0 : chosen[step];
            b.arm.now += SIM_MS;
            if (what < 5 && !in[i]) {
                uint64_t sector = sim_rng_below(&g, CYLINDERS * CYLINDER_SECTORS);
                blk_req_init(r, BLK_READ, sector, 1, NULL, NULL);
                r->submitted = b.arm.now;
                sched_add(&q, r, (uint32_t)(sector / CYLINDER_SECTORS));
                in[i] = true;
                inside++;
            } else if (what == 9 && in[i]) {
                sched_remove(&q, r);
                in[i] = false;
                inside--;
            } else if (what >= 5 && (r = sched_take(&q, &b.arm)) != NULL) {
                size_t which = (size_t)(r - mine[run]);
                cr_assert(which < MOST && in[which]);
                cr_assert(run == 0 || chosen[step] == which, "step %u", step);
                chosen[step] = (uint32_t)which;
                in[which] = false;
                inside--;
                b.arm.cyl = sched_cyl(r);
            }
            cr_assert_eq(q.count, inside);
            i = sim_rng_below(&noise, MOST);
            if (run == 0)
                continue;
            if (!other_in[i]) {
                uint64_t sector = sim_rng_below(&noise, CYLINDERS * CYLINDER_SECTORS);
                blk_req_init(&others[i], BLK_READ, sector, 1, NULL, NULL);
                sched_add(&other, &others[i], (uint32_t)(sector / CYLINDER_SECTORS));
                other_in[i] = true;
            } else if ((r = sched_take(&other, &b.arm)) != NULL) {
                other_in[r - others] = false;
            }
        }
        for (struct blk_req *r; (r = sched_take(&q, &b.arm)) != NULL; inside--)
            cr_assert(in[r - mine[run]]);
        cr_assert_eq(inside, 0);
        while (sched_take(&other, &b.arm) != NULL)
            continue;
        sched_fini(&q);
        sched_fini(&other);
    }
    teardown();
}

/* In a drive: all are served, in either place, with a limit of the depth and with some taken
 * back. */
struct on_drive {
    struct blkdev *d;
    struct blk_req r[64];
    uint32_t done;
};

static void served(struct blk_req *r)
{
    struct on_drive *l = r->owner;
    l->done++;
    cr_assert_eq(r->status, BLK_OK);
    struct rope want;
    kit_pattern(&want, 5, r->sector * 512, 512);
    cr_assert(rope_equal(&want, &r->data));
    rope_fini(&want);
    blk_req_fini(r);
}

ParameterizedTestParameters(sched, serves_a_drive)
{
    return all();
}

ParameterizedTest(int *k, sched, serves_a_drive)
{
    for (int way = 0; way < 4; way++) {
        static struct on_drive l;
        struct disk_params p = kit_bare();
        struct rope all_bytes;
        struct sim_rng g;
        p.queue.policy = *k;
        p.queue.where = way & 1;
        p.queue.depth = way & 2 ? 7 : 0;
        struct sim *s = kit_sim(1);
        l = (struct on_drive){ .d = kit_disk(s, &p) };
        uint64_t sectors = disk_geometry(l.d)->sectors;
        sim_rng_init_seed(&g, 3, "drive");
        kit_pattern(&all_bytes, 5, 0, sectors * 512);
        kit_write(l.d, 0, (uint32_t)sectors, &all_bytes);
        rope_fini(&all_bytes);
        for (size_t i = 0; i < ARRAY_LEN(l.r); i++) {
            blk_req_init(&l.r[i], BLK_READ, sim_rng_below(&g, sectors), 1, served, &l);
            blk_submit(l.d, &l.r[i]);
        }
        cr_assert_eq(sim_run(s), SIM_END_IDLE);
        cr_assert_eq(l.done, ARRAY_LEN(l.r));
        cr_assert(kit_audit(s));
        l.d->ops->destroy(l.d);
        sim_destroy(s);
    }
}
