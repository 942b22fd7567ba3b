/* Tape drives in step: every loss against a shadow, loss of power, rebuilding, times. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/tape/drive.h"
#include "disks/tape/rait.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"
#include "tests/disks/preset.h"
#include "tests/sample.h"

static struct blk_req last;
static bool over;

static void done(struct blk_req *r)
{
    over = true;
    sim_stop(((struct blkdev *)r->owner)->sim);
}

static sim_time ask(struct blkdev *d, enum blk_op op, uint64_t n, uint64_t seed, uint64_t length)
{
    blk_req_fini(&last);
    blk_req_init(&last, op, n, op <= BLK_WRITE, done, d);
    if (op == BLK_WRITE)
        rope_add_pattern(&last.data, seed, 0, length);
    over = false;
    blk_submit(d, &last);
    while (!over)
        sim_run(d->sim);
    return last.completed - last.submitted;
}

static bool holds(uint64_t seed, uint64_t length)
{
    struct rope r;
    rope_init(&r);
    rope_add_pattern(&r, seed, 0, length);
    bool same = last.moved == length && rope_equal(&r, &last.data);
    rope_fini(&r);
    return same;
}

static const char *const kinds[] = { "rait0", "rait3", "rait5", "rait6" };
static const uint32_t parities[] = { 0, 1, 1, 2 };

static struct blkdev *array(struct sim *s, const char *kind, uint32_t members)
{
    char text[400];
    struct err e = ERR_INIT;
    snprintf(text, sizeof text,
             "return { kind = '%s', members = %u, member = { kind = 'tape', command = '0', "
             "command_streaming = '0', interface = '0', buffer = { size = '20kB' }, format = { "
             "track = '30MB', gap = '0B' }, early_warning = '100kB', bus = { rate = '1GB/s' } } }",
             kind, members);
    struct val *v = preset_text(text);
    struct blkdev *d = blk_build(s, v, -1, "rait", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    return d;
}

enum { ITEMS = 400 };
static struct {
    uint64_t seed[ITEMS], length[ITEMS], items, next;
} x;

static void fill(struct blkdev *d, struct sim_rng *g, uint64_t items)
{
    for (; x.items < items; x.items++) {
        bool mark = sim_rng_below(g, 10) == 0;
        x.seed[x.items] = mark ? 0 : ++x.next;
        x.length[x.items] = 1 + sim_rng_below(g, 9000);
        ask(d, mark ? BLK_MARK : BLK_WRITE, x.items, x.seed[x.items], x.length[x.items]);
        cr_assert_eq(last.status, BLK_OK);
    }
}

static void compare(struct blkdev *d, uint64_t n)
{
    ask(d, BLK_READ, n, 0, 0);
    if (n >= x.items)
        cr_assert(last.status == BLK_END && last.end == BLK_END_DATA, "end at %d", (int)n);
    else if (x.seed[n] == 0)
        cr_assert(last.status == BLK_END && last.end == BLK_END_MARK, "mark at %d", (int)n);
    else
        cr_assert(last.status == BLK_OK && holds(x.seed[n], x.length[n]), "block %d: %s", (int)n,
                  blk_status_name(last.status));
}

static void finish(struct blkdev *d)
{
    blk_req_fini(&last);
    cr_assert(kit_audit(d->sim));
    struct sim *s = d->sim;
    d->ops->destroy(d);
    sim_destroy(s);
}

/* RAIT1: whichever members are lost, reading, writing over and appending go on; one more than there
 * are parities is an error. */
Test(rait, every_loss_that_it_bears_keeps_every_block)
{
    uint64_t reconstructed = 0;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        for (uint32_t members = parities[k] + 1; members <= 5; members++) {
            struct sim *s = kit_sim(k);
            struct sim_rng g;
            struct blkdev *d = array(s, kinds[k], members);
            memset(&x, 0, sizeof x);
            sim_rng_init_seed(&g, members, kinds[k]);
            fill(d, &g, 60);
            for (uint64_t n = 0; n <= x.items; n++)
                compare(d, n);
            for (uint32_t loss = 0; loss < parities[k]; loss++) {
                uint32_t dies = (uint32_t)sim_rng_below(&g, members);
                struct blkdev *m = d->ops->member(d, dies);
                m->ops->kill(m);
                for (uint64_t n = 0; n <= x.items; n += 1 + loss)
                    compare(d, n);
                x.items = 30 + sim_rng_below(&g, 20); /* over what is there */
                fill(d, &g, 70);
                ask(d, BLK_LOCATE, 500, 0, 0);
                cr_assert(last.status == BLK_END && last.moved == 70);
            }
            reconstructed += rait_counts(d).reconstructed;
            for (uint32_t i = 0; i < members; i++)
                rait_lose(d, i);
            ask(d, BLK_READ, 0, 0, 0);
            cr_assert_eq(last.status, BLK_ERR_DEVICE);
            finish(d);
        }
    }
    cr_assert_gt(reconstructed, 300);
}

/* RAIT3: bad places of one member, anywhere, are read by its parity; where two members are bad a
 * single parity says so. */
Test(rait, bad_places_are_read_by_parity)
{
    struct sim *s = kit_sim(1);
    struct sim_rng g;
    struct blkdev *d = array(s, "rait5", 4);
    memset(&x, 0, sizeof x);
    sim_rng_init_seed(&g, 1, "bad");
    fill(d, &g, 100);
    ask(d, BLK_FLUSH, 0, 0, 0);
    for (uint32_t i = 0; i < 4; i++) {
        struct disk_fault f = { .kind = DISK_FAULT_SECTOR, .sector = 10 + 20 * i, .sectors = 20 };
        cr_assert(d->ops->fault(d, i + 1, &f));
    }
    for (uint64_t n = 0; n <= x.items; n++)
        compare(d, n);
    cr_assert_gt(rait_counts(d).reconstructed, 40);
    uint64_t n = 45;
    while (x.seed[n] == 0)
        n++;
    struct disk_fault f = { .kind = DISK_FAULT_SECTOR, .sector = n, .sectors = 1 };
    cr_assert(d->ops->fault(d, 4, &f));
    ask(d, BLK_READ, n, 0, 0);
    cr_assert_eq(last.status, BLK_ERR_MEDIUM);
    cr_assert_eq(rait_counts(d).unreadable, 1);
    compare(d, n + 1);
    finish(d);
}

/* RAIT2: the power of all fails at any moment, also while blocks are written over: what was flushed
 * is there but for what is being written over, and no block is put together from two writes. */
Test(rait, a_loss_of_power_never_mixes_writes)
{
    uint64_t mixed = 0;
    for (uint64_t seed = 0; seed < sample(NULL, 40); seed++) {
        struct sim *s = kit_sim(seed);
        struct sim_rng g;
        struct disk_fault power = { .kind = DISK_FAULT_POWER };
        struct blkdev *d = array(s, kinds[seed % 4], 4);
        memset(&x, 0, sizeof x);
        sim_rng_init_seed(&g, seed, "power");
        fill(d, &g, 50);
        ask(d, BLK_FLUSH, 0, 0, 0);
        uint64_t over_at = 20 + sim_rng_below(&g, 25), old[ITEMS], old_length[ITEMS];
        memcpy(old, x.seed, sizeof old);
        memcpy(old_length, x.length, sizeof old_length);
        x.items = over_at;
        fill(d, &g, over_at + sim_rng_below(&g, 12));
        kit_pass(s, (sim_time)sim_rng_below(&g, 200) * SIM_MS / 10);
        if (seed % 3 == 0) { /* one member alone, a little later */
            cr_assert(d->ops->fault(d, 1 + (uint32_t)(seed % 4), &power));
            kit_pass(s, (sim_time)sim_rng_below(&g, 30) * SIM_MS);
        }
        if (seed % 3 ==
            1) { /* one alone, of which the array does not hear, and the others write on */
            struct blkdev *m = d->ops->member(d, (uint32_t)(seed % 4));
            cr_assert(m->ops->fault(m, 0, &power));
            ask(d, BLK_FLUSH, 0, 0, 0);
        } else {
            cr_assert(d->ops->fault(d, 0, &power));
        }
        for (uint64_t n = 0; n < over_at; n++)
            compare(d, n);
        for (uint64_t n = over_at; n < 60; n++) {
            ask(d, BLK_READ, n, 0, 0);
            if (last.status == BLK_OK)
                cr_assert((n < x.items && holds(x.seed[n], x.length[n])) ||
                              (n < 50 && holds(old[n], old_length[n])),
                          "seed %d: block %d is of no write", (int)seed, (int)n);
        }
        mixed += rait_counts(d).mixed;
        finish(d);
    }
    cr_assert(sample_saw(mixed, 0));
}

static enum blk_status rebuilt;

static void rebuild_done(void *arg, enum blk_status status)
{
    rebuilt = status;
    over = true;
    sim_stop(arg);
}

static struct tape_medium *given;

static void changed(void *arg, struct blkdev *d, enum blk_status status, struct tape_medium *m)
{
    (void)arg;
    cr_assert_eq(status, BLK_OK);
    given = m;
    over = true;
    sim_stop(d->sim);
}

static void wait_for(struct sim *s)
{
    over = false;
    while (!over)
        sim_run(s);
}

/* A cartridge is lost, an empty one takes its place and is rebuilt; then another is lost. */
Test(rait, a_lost_cartridge_is_rebuilt_and_bears_the_next_loss)
{
    for (size_t k = 1; k < ARRAY_LEN(kinds); k++) {
        for (uint32_t lost = 0; lost < 4; lost++) {
            struct sim *s = kit_sim(k);
            struct sim_rng g;
            struct blkdev *d = array(s, kinds[k], 4), *m = d->ops->member(d, lost);
            memset(&x, 0, sizeof x);
            sim_rng_init_seed(&g, lost, kinds[k]);
            fill(d, &g, 50);
            tape_unload(m, changed, NULL);
            wait_for(s);
            for (uint64_t n = 0; n <= x.items; n += 3)
                compare(d, n);
            cr_assert(!rait_lost(d, lost));
            fill(d, &g, 60); /* from now on it has not all */
            cr_assert(rait_lost(d, lost));
            struct tape_medium *fresh = tape_medium_create(&tape_drive_params(m)->format, "FRESH");
            tape_load(m, fresh, changed, NULL);
            wait_for(s);
            rait_rebuild(d, lost, rebuild_done, s);
            wait_for(s);
            cr_assert_eq(rebuilt, BLK_OK);
            cr_assert(!rait_lost(d, lost));
            cr_assert_eq(rait_counts(d).rebuilt, 60);
            cr_assert_eq(tape_medium_items(fresh), 60);
            struct blkdev *next = d->ops->member(d, (lost + 1) % 4);
            next->ops->kill(next);
            for (uint64_t n = 0; n <= x.items; n++)
                compare(d, n);
            blk_req_fini(&last);
            cr_assert(kit_audit(s));
            d->ops->destroy(d);
            tape_medium_destroy(fresh);
            sim_destroy(s);
        }
    }
}

/* A drive dies, a spare takes its place when it is told to, and then another may die. */
Test(rait, a_spare_takes_the_place_of_a_dead_drive)
{
    struct err e = ERR_INIT;
    struct sim *s = kit_sim(1);
    struct sim_rng g;
    struct disk_fault spare = { .kind = DISK_FAULT_SPARE };
    struct val *v = preset_text("return { kind = 'rait5', members = 4, spares = 1, member = { "
                                "kind = 'tape', buffer = { size = '20kB' } } }");
    struct blkdev *d = blk_build(s, v, -1, "rait", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    memset(&x, 0, sizeof x);
    sim_rng_init_seed(&g, 1, "spare");
    fill(d, &g, 40);
    cr_assert(!d->ops->fault(d, 0, &spare), "nobody is lost");
    struct blkdev *first = d->ops->member(d, 2), *other = d->ops->member(d, 4);
    first->ops->kill(first);
    compare(d, 5);
    cr_assert(rait_lost(d, 2));
    cr_assert(d->ops->fault(d, 0, &spare));
    cr_assert(!d->ops->fault(d, 0, &spare), "one is being rebuilt");
    compare(d, 6); /* waits for it */
    cr_assert(!rait_lost(d, 2));
    cr_assert_eq(d->ops->member(d, 2), other);
    cr_assert_eq(rait_counts(d).rebuilt, 40);
    struct blkdev *second = d->ops->member(d, 0);
    second->ops->kill(second);
    for (uint64_t n = 0; n <= x.items; n++)
        compare(d, n);
    cr_assert(!d->ops->fault(d, 0, &spare), "no spare is left");
    finish(d);
}

/* A stream over d data members takes the time of a d-th of each block, with its header, on one
 * drive; the tapes go to a place at once, in the time of one. */
Test(rait, a_stream_takes_the_time_of_its_parts_and_all_locate_at_once)
{
    enum { BLOCKS = 300, LENGTH = 6000 };
    for (uint32_t members = 2; members <= 5; members += 3) {
        struct sim *s = kit_sim(1);
        struct blkdev *d = array(s, "rait3", members), *m = d->ops->member(d, 0);
        for (uint64_t n = 0; n < BLOCKS; n++)
            ask(d, BLK_WRITE, n, n + 1, LENGTH);
        ask(d, BLK_FLUSH, 0, 0, 0);
        uint64_t part = LENGTH / (members - 1) + RAIT_HEADER;
        int64_t rate = tape_drive_params(m)->format.rate;
        kit_wait(s, SIM_SEC);
        sim_time want =
            sim_time_of_bytes((int64_t)(part * BLOCKS), tape_drive_params(m)->format.search);
        cr_assert_eq(blk_locate_time(d, BLOCKS, 0), want);
        cr_assert_eq(ask(d, BLK_LOCATE, 0, 0, 0), want);
        sim_time from = sim_now(s);
        for (uint64_t n = 0; n < BLOCKS; n++) {
            ask(d, BLK_READ, n, 0, 0);
            cr_assert(holds(n + 1, LENGTH));
        }
        cr_assert_eq(sim_now(s) - from, sim_time_of_bytes((int64_t)(part * BLOCKS), rate) +
                                            sim_time_of_bytes((int64_t)part, 1000000000));
        finish(d);
    }
}

/* w tapes at places of their own, uniform over L, are all ready when the last is: w L / (w + 1)
 * from the beginning.  Over the middles of n cells each. */
Test(rait, the_last_of_w_tapes_is_ready_after_w_of_w_and_1_parts)
{
    enum { N = 40 };
    struct tape_format f;
    struct err e = ERR_INIT;
    cr_assert(param_load(tape_format_params, &f, NULL, "format", &e));
    f.track = N * 1000000;
    f.search = f.rate = 1000000;
    for (int w = 1; w <= 3; w++) {
        double sum = 0, count = 0;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < (w > 1 ? N : 1); j++)
                for (int l = 0; l < (w > 2 ? N : 1); l++) {
                    int most = i > j ? i : j;
                    most = most > l ? most : l;
                    sum += sim_time_seconds(
                        tape_format_locate(&f, 0, 0, (uint64_t)most * 1000000 + 500000));
                    count++;
                }
        cr_assert_float_eq(sum / count, (double)w * N / (w + 1), 0.03, "w = %d: %g", w,
                           sum / count);
    }
}

/* ---- everything at once ---- */

enum { CROWD = 5 };
struct crowd {
    struct sim *s;
    struct blkdev *d;
    struct sim_rng g;
    struct blk_req r[CROWD];
    struct sim_event next;
    bool busy[CROWD], rebuilding;
    uint32_t asked, answered, left;
};

static void crowd_done(struct blk_req *r)
{
    struct crowd *c = r->owner;
    uint32_t i = (uint32_t)(r - c->r);
    cr_assert(c->busy[i], "a request is done twice (BLK1)");
    c->busy[i] = false;
    c->answered++;
    /* Each block is a pattern of its length: whatever is read is that of one write (RAIT2). */
    if (r->op == BLK_READ && r->status == BLK_OK) {
        struct rope want;
        rope_init(&want);
        rope_add_pattern(&want, r->data.length, 0, r->data.length);
        cr_assert(rope_equal(&want, &r->data));
        rope_fini(&want);
    }
    blk_req_fini(r);
}

static void crowd_rebuilt(void *arg, enum blk_status s)
{
    struct crowd *c = arg;
    (void)s;
    c->rebuilding = false;
}

static void crowd_step(struct sim *s, struct sim_event *e)
{
    struct crowd *c = CONTAINER_OF(e, struct crowd, next);
    uint64_t what = sim_rng_below(&c->g, 200), n = sim_rng_below(&c->g, 10);
    uint32_t m = (uint32_t)sim_rng_below(&c->g, 5); /* 4: the whole */
    struct disk_fault f = { .kind = DISK_FAULT_POWER, .count = 1, .sector = n, .sectors = 1 };
    if (what < 180) {
        for (uint32_t i = 0; i < CROWD; i++) {
            if (c->busy[i])
                continue;
            enum blk_op op = (enum blk_op)sim_rng_below(&c->g, BLK_ERASE);
            c->busy[i] = true;
            c->asked++;
            blk_req_init(&c->r[i], op, n, op <= BLK_WRITE, crowd_done, c);
            if (op == BLK_WRITE) {
                uint64_t length = 1 + sim_rng_below(&c->g, 30000);
                rope_add_pattern(&c->r[i].data, length, 0, length);
            }
            blk_submit(c->d, &c->r[i]);
            break;
        }
    } else if (what < 190) {
        f.kind = what < 186 ? DISK_FAULT_SECTOR : DISK_FAULT_POWER;
        c->d->ops->fault(c->d, m == 4 ? 0 : m + 1, &f);
    } else if (what < 197 && m < 4 && rait_lost(c->d, m) && !c->rebuilding) {
        c->rebuilding = true;
        rait_rebuild(c->d, m, crowd_rebuilt, c);
    } else if (what == 198 && m < 4 && n < 3) {
        struct blkdev *dies = c->d->ops->member(c->d, m);
        dies->ops->kill(dies);
    } else if (what == 199 && n == 0) {
        c->d->ops->kill(c->d);
    }
    if (--c->left > 0)
        sim_after(s, e, (sim_time)sim_rng_below(&c->g, what < 90 ? 3 : 400) * SIM_MS);
}

/* BLK1, RAIT2: whatever comes when. */
Test(rait, whatever_comes_when_each_is_answered_once_and_with_one_write)
{
    uint64_t seeds = sample("RAIT_CROWDS", 120), rebuilds = 0;
    for (uint64_t seed = 0; seed < seeds; seed++) {
        static struct crowd c;
        memset(&c, 0, sizeof c);
        c.s = kit_sim(seed);
        sim_rng_init_seed(&c.g, seed, "crowd");
        c.d = array(c.s, kinds[seed % 4], 4);
        c.left = 250;
        sim_event_init(&c.next, SIM_CLASS_SOFTWARE, crowd_step);
        sim_at(c.s, &c.next, 0);
        cr_assert_eq(sim_run(c.s), SIM_END_IDLE);
        cr_assert_eq(c.asked, c.answered, "seed %d", (int)seed);
        cr_assert(!c.rebuilding, "seed %d", (int)seed);
        rebuilds += rait_counts(c.d).rebuilt;
        cr_assert(kit_audit(c.s), "seed %d", (int)seed);
        c.d->ops->destroy(c.d);
        sim_destroy(c.s);
    }
    cr_assert(sample_saw(rebuilds, seeds / 4));
}
