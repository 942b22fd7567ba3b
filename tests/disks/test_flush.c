/* A flush through every layer: what it covered survives a loss of power at any moment. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "sim/rng.h"
#include "tests/disks/kit.h"
#include "tests/disks/preset.h"

enum { REGIONS = 12, LENGTH = 8, OPS = 60, SIZE = 512 };

/* `loses`: without a flush some writes are gone. */
static const struct stack {
    const char *text;
    bool loses;
} stacks[] = {
    { "return { kind = 'disk' }", false },
    { "return { kind = 'disk', cache = { report = 'all' } }", true },
    { "return { kind = 'cache', size = '24KiB', delay = '100ms', device = { kind = 'disk' } }",
      true },
    { "return { kind = 'cache', chunk = '4KiB', device = "
      "{ kind = 'disk', cache = { report = 'all' } } }",
      true },
    { "return { kind = 'raid5', members = 5, unit = '4KiB', "
      "member = { kind = 'disk', cache = { report = 'all' } } }",
      true },
    { "return { kind = 'raid1', members = 2, "
      "member = { kind = 'cache', device = { kind = 'disk' } } }",
      true },
    { "return { kind = 'raid0', members = 3, unit = '4KiB', "
      "member = { kind = 'cache', device = { kind = 'disk' } } }",
      true },
    { "return { kind = 'raid3', disk = { cache = { report = 'all' } } }", true },
    { "return { kind = 'cache', device = { kind = 'raid3' } }", true },
    { "return { kind = 'cache', device = { kind = 'cache', device = { kind = 'disk' } } }", true },
    { "return { kind = 'scsi', device = { kind = 'disk', cache = { report = 'all' } } }", true },
};

struct script {
    struct blkdev *d;
    struct sim_rng g;
    struct blk_req r;
    uint32_t sector_bytes;
    uint32_t region, ops;
    bool flushes;
    /* Versions: asked for, done, done when the flush under way came, covered by one done. */
    uint32_t asked[REGIONS], done[REGIONS], seen[REGIONS], safe[REGIONS];
};

static struct blkdev *build(struct sim *s, const char *text)
{
    struct err e = ERR_INIT;
    struct val *v = preset_text(text);
    struct blkdev *d = blk_build(s, v, -1, "d", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    return d;
}

static void version(const struct script *x, struct rope *r, uint32_t region, uint32_t number)
{
    rope_init(r);
    uint64_t bytes = (uint64_t)LENGTH * x->sector_bytes;
    if (number == 0)
        rope_add_zero(r, bytes);
    else
        rope_add_pattern(r, 1000 * region + number, 0, bytes);
}

static uint64_t place(uint32_t region)
{
    return 40 + region * 37;
}

static void next(struct script *x);

static void ended(struct blk_req *r)
{
    struct script *x = r->owner;
    blk_req_fini(r);
    if (r->status != BLK_OK)
        return;
    if (r->op == BLK_WRITE)
        x->done[x->region] = x->asked[x->region];
    else
        memcpy(x->safe, x->seen, sizeof x->safe);
    next(x);
}

static void next(struct script *x)
{
    if (x->ops-- == 0)
        return;
    if (x->flushes && sim_rng_below(&x->g, 6) == 0) {
        memcpy(x->seen, x->done, sizeof x->seen);
        blk_req_init(&x->r, BLK_FLUSH, 0, 0, ended, x);
    } else {
        x->region = (uint32_t)sim_rng_below(&x->g, REGIONS);
        blk_req_init(&x->r, BLK_WRITE, place(x->region), LENGTH, ended, x);
        version(x, &x->r.data, x->region, ++x->asked[x->region]);
    }
    blk_submit(x->d, &x->r);
}

static void power_off(struct sim *s, struct sim_event *e)
{
    static const struct disk_fault power = { .kind = DISK_FAULT_POWER };
    extern struct blkdev *flush_victim;
    (void)s;
    (void)e;
    flush_victim->ops->fault(flush_victim, 0, &power);
}

struct blkdev *flush_victim;

/* Sectors that were done and are older now; none may be older than `safe`. */
static uint32_t judge(struct script *x)
{
    uint32_t lost = 0;
    for (uint32_t i = 0; i < REGIONS; i++) {
        struct rope got;
        rope_init(&got);
        kit_read(x->d, place(i), LENGTH, &got);
        cr_assert_eq(kit_status(), BLK_OK);
        for (uint32_t k = 0; k < LENGTH; k++) {
            bool found = false;
            for (uint32_t v = x->asked[i] + 1; !found && v-- > x->safe[i];) {
                struct rope want, a, b;
                version(x, &want, i, v);
                rope_init(&a);
                rope_init(&b);
                rope_add_slice(&a, &want, (uint64_t)k * x->sector_bytes, x->sector_bytes);
                rope_add_slice(&b, &got, (uint64_t)k * x->sector_bytes, x->sector_bytes);
                found = rope_equal(&a, &b);
                lost += found && v < x->done[i];
                rope_fini(&a);
                rope_fini(&b);
                rope_fini(&want);
            }
            cr_assert(found, "region %u, sector %u: older than version %u, which a flush covered",
                      i, k, x->safe[i]);
        }
        rope_fini(&got);
    }
    return lost;
}

static uint32_t run(const struct stack *k, uint64_t seed, bool flushes, sim_time at)
{
    struct sim *s = kit_sim(seed);
    struct script x = { .d = build(s, k->text), .ops = OPS, .flushes = flushes };
    struct blk_describe about;
    struct sim_event off;
    x.d->ops->describe(x.d, &about);
    x.sector_bytes = about.sector_bytes;
    cr_assert_eq(about.volatile_writes, k->loses);
    sim_rng_init_seed(&x.g, seed, "flush");
    flush_victim = x.d;
    sim_event_init(&off, SIM_CLASS_ARRIVAL, power_off);
    sim_at(s, &off, at);
    next(&x);
    sim_run(s);
    uint32_t lost = judge(&x);
    x.d->ops->destroy(x.d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
    return lost;
}

ParameterizedTestParameters(flush, what_it_covered_survives_a_loss_of_power)
{
    size_t *index = cr_malloc(ARRAY_LEN(stacks) * sizeof *index);
    for (size_t i = 0; i < ARRAY_LEN(stacks); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, ARRAY_LEN(stacks));
}

/* BLK5. */
ParameterizedTest(size_t *index, flush, what_it_covered_survives_a_loss_of_power)
{
    const struct stack *k = &stacks[*index];
    uint32_t lost[2] = { 0, 0 };
    for (uint64_t i = 0; i < 50; i++) {
        lost[0] += run(k, i, true, (sim_time)(i * i) * 311 * SIM_US);
        lost[1] += run(k, i, false, (sim_time)(i * i) * 311 * SIM_US);
    }
    cr_assert_eq(lost[1] > 0, k->loses, "%u sectors lost without a flush", lost[1]);
}

static void told(struct blk_req *r)
{
    *(int *)r->owner += 1;
}

/* BLK6. */
Test(flush, of_nothing_takes_no_time_and_verbs_of_tapes_are_answered)
{
    for (size_t i = 0; i < ARRAY_LEN(stacks); i++) {
        struct sim *s = kit_sim(1);
        struct blkdev *d = build(s, stacks[i].text);
        for (int op = BLK_FLUSH; op <= BLK_ERASE; op++) {
            struct blk_req r;
            int times = 0;
            blk_req_init(&r, (enum blk_op)op, 0, 0, told, &times);
            blk_submit(d, &r);
            cr_assert_eq(times, 0);
            sim_run(s);
            cr_assert_eq(times, 1);
            cr_assert_eq(r.status, op == BLK_FLUSH ? BLK_OK : BLK_NO_MEDIUM);
        }
        d->ops->destroy(d);
        cr_assert(kit_audit(s));
        sim_destroy(s);
    }
}

static struct blkdev *fail_behind;

static void errors_behind(struct sim *s, struct sim_event *e)
{
    static const struct disk_fault death = { .kind = DISK_FAULT_DEATH };
    (void)s;
    (void)e;
    fail_behind->ops->fault(fail_behind, 0, &death);
}

/* WC4. */
Test(flush, tells_once_of_what_a_cache_has_given_up)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = build(s, "return { kind = 'cache', retries = 1, device = "
                                "{ kind = 'raid1', members = 2 } }");
    struct sim_event e;
    struct blk_req r;
    int times = 0;
    struct rope data;
    kit_pattern(&data, 1, 0, SIZE);
    fail_behind = d->ops->member(d, 0);
    sim_event_init(&e, SIM_CLASS_ARRIVAL, errors_behind);
    sim_at(s, &e, 0);
    kit_write(d, 10, 1, &data);
    kit_wait(s, SIM_SEC);
    blk_req_init(&r, BLK_FLUSH, 0, 0, told, &times);
    blk_submit(d, &r);
    sim_run(s);
    cr_assert_eq(times, 1);
    cr_assert_eq(r.status, BLK_ERR_MEDIUM);
    rope_fini(&data);
    d->ops->destroy(d);
    sim_destroy(s);
}
