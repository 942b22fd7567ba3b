/* The write-back cache: contents against a shadow, room, a crash, errors behind it. */
#include <criterion/criterion.h>
#include <string.h>

#include "disks/wcache.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"

static struct blkdev *cached(struct sim *s, const char *kind, const char *size, const char *delay)
{
    struct err e = ERR_INIT;
    struct val *v = val_new(VAL_TABLE, NULL, 0), *below = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "kind", val_new_string("cache", NULL, 0));
    val_put(v, "size", val_new_string(size, NULL, 0));
    val_put(v, "delay", val_new_string(delay, NULL, 0));
    val_put(below, "kind", val_new_string(kind, NULL, 0));
    val_put(v, "device", below);
    struct blkdev *d = blk_build(s, v, -1, "cache", "devices", &e);
    cr_assert(d != NULL, "%s", e.text);
    val_free(v);
    return d;
}

enum { SECTORS = 600, MANY = 12 };
static uint8_t shadow[SECTORS * 512], seen[SECTORS * 512];

struct crowd {
    struct blkdev *d;
    struct sim_rng g;
    struct blk_req r[MANY];
    bool busy[SECTORS / 50];
    uint64_t region[MANY];
    int left, bad;
};

static void next(struct crowd *c, uint32_t i);

static void done(struct blk_req *r)
{
    struct crowd *c = r->owner;
    uint32_t i = (uint32_t)(r - c->r);
    c->bad += r->status != BLK_OK;
    if (r->op == BLK_READ && r->status == BLK_OK) {
        rope_read(&r->data, 0, r->data.length, seen);
        c->bad += memcmp(seen, shadow + r->sector * 512, (size_t)r->sectors * 512) != 0;
    }
    c->busy[c->region[i]] = false;
    rope_fini(&r->data);
    if (c->left-- > 0)
        next(c, i);
}

static void next(struct crowd *c, uint32_t i)
{
    uint64_t at;
    do
        at = sim_rng_below(&c->g, SECTORS / 50);
    while (c->busy[at]);
    c->busy[at] = true;
    c->region[i] = at;
    uint64_t n = 1 + sim_rng_below(&c->g, 40), from = at * 50 + sim_rng_below(&c->g, 50 - n);
    bool write = sim_rng_below(&c->g, 2) == 0;
    blk_req_init(&c->r[i], write ? BLK_WRITE : BLK_READ, from, (uint32_t)n, done, c);
    if (write) {
        for (uint64_t b = 0; b < n * 512; b++)
            shadow[from * 512 + b] = (uint8_t)sim_rng_u32(&c->g);
        rope_add_bytes(&c->r[i].data, shadow + from * 512, n * 512);
    }
    blk_submit(c->d, &c->r[i]);
}

/* WC1. */
Test(wcache, requests_at_once_over_a_disk_and_an_array_keep_every_byte)
{
    static const char *const kinds[] = { "disk", "raid5" };
    for (size_t k = 0; k < 2; k++) {
        for (uint64_t seed = 0; seed < 4; seed++) {
            static struct crowd c;
            memset(&c, 0, sizeof c);
            memset(shadow, 0, sizeof shadow);
            struct sim *s = kit_sim(1);
            c.d = cached(s, kinds[k], seed % 2 == 0 ? "32KiB" : "1MiB", seed < 2 ? "0" : "40ms");
            c.left = 1500;
            sim_rng_init_seed(&c.g, seed, "wcache");
            for (uint32_t i = 0; i < MANY / 2; i++)
                next(&c, i);
            cr_assert_eq(sim_run(s), SIM_END_IDLE);
            cr_assert_eq(c.bad, 0, "%s seed %d: %d", kinds[k], (int)seed, c.bad);
            cr_assert_eq(wcache_dirty(c.d), 0);
            struct wcache_counts n = wcache_counts(c.d);
            cr_assert(n.flushes > 0 && n.absorbed > 500 && n.lost_sectors == 0);
            cr_assert(seed % 2 == 1 || n.waited > 0);
            struct rope r;
            rope_init(&r);
            kit_read(c.d, 0, SECTORS, &r);
            rope_read(&r, 0, sizeof seen, seen);
            cr_assert_eq(memcmp(seen, shadow, sizeof seen), 0);
            rope_fini(&r);
            c.d->ops->destroy(c.d);
            cr_assert(kit_audit(s));
            sim_destroy(s);
            cr_assert_eq(rope_leaves_alive(), 0);
        }
    }
}

static void crash(struct sim *s, struct sim_event *e);
static struct blkdev *victim;

static void crash(struct sim *s, struct sim_event *e)
{
    (void)s;
    (void)e;
    victim->ops->kill(victim);
}

/* WC2. */
Test(wcache, a_write_is_answered_from_memory_and_a_crash_loses_what_is_dirty)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = cached(s, "disk", "1MiB", "1s");
    struct rope a, b, out;
    struct sim_event e;
    kit_pattern(&a, 1, 0, 8 * 512);
    kit_pattern(&b, 2, 0, 8 * 512);
    rope_init(&out);
    /* 500 us of overhead and 4 KiB at 20 MB/s; then it goes to the disk after a second. */
    cr_assert_eq(kit_write(d, 100, 8, &a), 500 * SIM_US + 204800 * SIM_NS);
    cr_assert_eq(wcache_dirty(d), 0);
    victim = d;
    sim_event_init(&e, SIM_CLASS_SOFTWARE, crash);
    sim_after(s, &e, 100 * SIM_MS);
    kit_write(d, 100, 8, &b);
    cr_assert_eq(kit_status(), BLK_OK);
    cr_assert_eq(wcache_counts(d).lost_sectors, 8);
    kit_read(d, 100, 8, &out);
    cr_assert(rope_equal(&out, &a));
    rope_fini(&out);
    rope_fini(&a);
    rope_fini(&b);
    d->ops->destroy(d);
    cr_assert(kit_audit(s));
    sim_destroy(s);
}

/* WC3. */
Test(wcache, a_background_write_that_fails_is_tried_again)
{
    struct sim *s = kit_sim(1);
    struct blkdev *d = cached(s, "disk", "1MiB", "0");
    struct rope a, out;
    struct disk_fault f = { .kind = DISK_FAULT_TRANSIENT, .sector = 100, .sectors = 8, .count = 2 };
    kit_pattern(&a, 1, 0, 8 * 512);
    rope_init(&out);
    cr_assert(d->ops->fault(d, 0, &f));
    kit_write(d, 100, 8, &a);
    cr_assert_eq(wcache_counts(d).flushes, 3);
    cr_assert_eq(wcache_counts(d).lost_sectors, 0);
    kit_read(d, 100, 8, &out);
    cr_assert(rope_equal(&out, &a));
    rope_fini(&out);
    rope_fini(&a);
    d->ops->destroy(d);
    sim_destroy(s);
}
