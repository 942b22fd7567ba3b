/* Tape drives: places, ways and times against closed forms, contents against a shadow. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "disks/tape/drive.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"
#include "tests/sample.h"

/* The default drive, without what a test does not want: an instant bus and no overheads. */
static struct tape_params bare(void)
{
    struct tape_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(tape_params, &p, NULL, "tape", &e), "%s", e.text);
    p.command = p.command_streaming = 0;
    p.interface = 0;
    p.bus.rate = INT64_C(1000000000000);
    return p;
}

static struct blkdev *drive(struct sim *s, const struct tape_params *p)
{
    struct err e = ERR_INIT;
    struct blkdev *d = tape_drive_create(s, p, -1, "tape", "tape", &e);
    cr_assert(d != NULL, "%s", e.text);
    return d;
}

static struct blk_req last;
static bool over;

static void done(struct blk_req *r)
{
    over = true;
    sim_stop(((struct blkdev *)r->owner)->sim);
}

/* One request, to its end; how long it took.  The answer is in `last`. */
static sim_time ask(struct blkdev *d, enum blk_op op, uint64_t n, struct rope *data)
{
    blk_req_fini(&last);
    blk_req_init(&last, op, n, op == BLK_READ || op == BLK_WRITE ? 1 : 0, done, d);
    if (data != NULL)
        rope_copy(&last.data, data);
    over = false;
    blk_submit(d, &last);
    while (!over)
        sim_run(d->sim);
    return last.completed - last.submitted;
}

static sim_time put(struct blkdev *d, uint64_t n, uint64_t seed, uint64_t length)
{
    struct rope r;
    rope_init(&r);
    rope_add_pattern(&r, seed, 0, length);
    sim_time t = ask(d, BLK_WRITE, n, &r);
    rope_fini(&r);
    return t;
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

/* The first way of a block: written, marked, read back with its length, and the ends told apart. */
Test(tape, what_was_written_is_read_and_the_ends_are_told_apart)
{
    struct sim *s = kit_sim(1);
    struct tape_params p = bare();
    struct blkdev *d = drive(s, &p);
    put(d, 0, 11, 1000);
    put(d, 1, 12, 65535);
    ask(d, BLK_MARK, 2, NULL);
    put(d, 3, 13, 7);
    cr_assert_eq(last.status, BLK_OK);
    ask(d, BLK_READ, 1, NULL);
    cr_assert_eq(last.status, BLK_OK);
    cr_assert(holds(12, 65535));
    ask(d, BLK_READ, 2, NULL);
    cr_assert(last.status == BLK_END && last.end == BLK_END_MARK);
    ask(d, BLK_READ, 3, NULL);
    cr_assert(holds(13, 7));
    ask(d, BLK_READ, 4, NULL);
    cr_assert(last.status == BLK_END && last.end == BLK_END_DATA);
    put(d, 6, 1, 1);
    cr_assert(last.status == BLK_END && last.end == BLK_END_DATA);
    put(d, 1, 14, 10);
    ask(d, BLK_FLUSH, 0, NULL);
    ask(d, BLK_READ, 2, NULL);
    cr_assert(last.status == BLK_END && last.end == BLK_END_DATA);
    ask(d, BLK_READ, 1, NULL);
    cr_assert(holds(14, 10));
    ask(d, BLK_LOCATE, 9, NULL);
    cr_assert(last.status == BLK_END && last.end == BLK_END_DATA && last.moved == 2);
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    sim_destroy(s);
}

static enum blk_status media_status;
static struct tape_medium *given;

static void media_done(void *arg, struct blkdev *d, enum blk_status status, struct tape_medium *m)
{
    (void)arg;
    media_status = status;
    given = m;
    over = true;
    sim_stop(d->sim);
}

static sim_time change(struct blkdev *d, struct tape_medium *m)
{
    sim_time from = sim_now(d->sim);
    over = false;
    if (m != NULL)
        tape_load(d, m, media_done, NULL);
    else
        tape_unload(d, media_done, NULL);
    while (!over)
        sim_run(d->sim);
    return sim_now(d->sim) - from;
}

/* Load, locate, read, rewind and unload of the default drive, each against its formula to the
 * picosecond. */
Test(tape, times_of_a_linear_drive_are_its_closed_forms)
{
    enum { BLOCK = 32768, BLOCKS = 1000 };
    const uint64_t each = BLOCK + 2992;
    struct sim *s = kit_sim(1);
    struct tape_params p = bare();
    p.cartridge = "";
    p.buffer.read_ahead = false;
    struct blkdev *d = drive(s, &p);
    ask(d, BLK_READ, 0, NULL);
    cr_assert_eq(last.status, BLK_NO_MEDIUM);
    struct tape_medium *m = tape_medium_create(&p.format, "A00001");
    cr_assert_eq(change(d, m), p.load);
    for (uint64_t i = 0; i < BLOCKS; i++)
        put(d, i, i, BLOCK);
    ask(d, BLK_FLUSH, 0, NULL);
    kit_wait(s, SIM_SEC);
    sim_time took = ask(d, BLK_LOCATE, 7, NULL);
    uint64_t from = (BLOCKS - 1) * each + BLOCK;
    cr_assert_eq(took, sim_time_of_bytes((int64_t)(from - 7 * each), p.format.search));
    took = ask(d, BLK_READ, 7, NULL);
    cr_assert_eq(took, sim_time_of_bytes(BLOCK, p.format.rate) + 32768);
    cr_assert(holds(7, BLOCK));
    /* The block before it, at once: it stops, backs up and reads. */
    took = ask(d, BLK_READ, 6, NULL);
    cr_assert_eq(took, p.hitch + sim_time_of_bytes(BLOCK, p.format.rate));
    cr_assert(holds(6, BLOCK));
    kit_wait(s, SIM_SEC);
    took = change(d, NULL);
    cr_assert_eq(media_status, BLK_OK);
    cr_assert_eq(took, sim_time_of_bytes((int64_t)(6 * each + BLOCK), p.format.rewind) + p.unload);
    cr_assert_eq(given, m);
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    tape_medium_destroy(m);
    sim_destroy(s);
}

/* ---- contents against a shadow ---- */

enum { ITEMS = 4000 };
struct shadow {
    uint64_t seed[ITEMS]; /* 0: a mark */
    uint64_t length[ITEMS];
    uint64_t items, safe; /* safe: on the tape for certain */
};
static struct shadow before; /* the last that was written over, which may still be there */
static uint64_t over_at;

/* TAPE1, TAPE2: what is there, and nothing behind it. */
static int compare(struct blkdev *d, const struct shadow *x, uint64_t n)
{
    ask(d, BLK_READ, n, NULL);
    if (n >= x->items)
        return last.status != BLK_END || last.end != BLK_END_DATA;
    if (x->seed[n] == 0)
        return last.status != BLK_END || last.end != BLK_END_MARK;
    return last.status != BLK_OK || !holds(x->seed[n], x->length[n]);
}

static void step(struct blkdev *d, struct shadow *x, struct sim_rng *g, uint64_t *seed)
{
    uint64_t what = sim_rng_below(g, 100), n;
    if (what < 55 && x->items < ITEMS) { /* append, or overwrite */
        n = what < 50 ? x->items : sim_rng_below(g, x->items + 1);
        uint64_t length = what % 3 == 0 ? 512 : 1 + sim_rng_below(g, 5000);
        if (n < x->items) {
            before = *x;
            over_at = n;
        }
        x->seed[n] = ++*seed;
        x->length[n] = length;
        put(d, n, *seed, length);
        cr_assert_eq(last.status, BLK_OK);
        x->items = n + 1;
        x->safe = x->safe < n ? x->safe : n;
    } else if (what < 60 && x->items < ITEMS) {
        ask(d, BLK_MARK, x->items, NULL);
        cr_assert_eq(last.status, BLK_OK);
        x->seed[x->items++] = 0;
        x->safe = x->items;
    } else if (what < 62) {
        ask(d, BLK_FLUSH, 0, NULL);
        x->safe = x->items;
    } else if (what < 66) {
        n = sim_rng_below(g, x->items + 3);
        ask(d, BLK_LOCATE, n, NULL);
        cr_assert_eq(last.moved, n < x->items ? n : x->items);
        x->safe = x->items;
    } else {
        n = sim_rng_below(g, x->items + 2);
        for (uint64_t i = 0; i <= sim_rng_below(g, 6); i++)
            cr_assert_eq(compare(d, x, n + i), 0, "item %d", (int)(n + i));
        x->safe = x->items;
    }
}

static const char *const layouts[] = { "linear", "serpentine", "helical" };

/* Small tapes of each layout, with and without groups. */
static struct tape_params small(int k)
{
    struct tape_params p = bare();
    p.format.layout = k % 3;
    p.format.tracks = k % 3 == 2 ? 1 : 7;
    p.format.track = 3000017;
    p.format.zones = k % 3 == 2 ? 5 : 0;
    p.format.zone = 30000;
    p.format.group = k >= 3 ? 7001 : 0;
    p.format.group_each = k >= 3 ? 2 : 0;
    p.format.jitter = 0.2;
    p.buffer.size = 20000;
    p.early_warning = 10000;
    return p;
}

Test(tape, random_writes_marks_and_reads_keep_every_byte_on_every_layout)
{
    for (int k = 0; k < 6; k++) {
        static struct shadow x;
        struct sim_rng g;
        uint64_t seed = 0;
        memset(&x, 0, sizeof x);
        sim_rng_init_seed(&g, (uint64_t)k, "tape");
        struct sim *s = kit_sim(3);
        struct tape_params p = small(k);
        struct blkdev *d = drive(s, &p);
        for (int i = 0; i < 1500; i++)
            step(d, &x, &g, &seed);
        for (uint64_t n = 0; n <= x.items; n++)
            cr_assert_eq(compare(d, &x, n), 0, "%s: item %d", layouts[k % 3], (int)n);
        blk_req_fini(&last);
        cr_assert(kit_audit(s));
        d->ops->destroy(d);
        sim_destroy(s);
    }
}

/* TAPE4: the power fails at any moment: what was flushed is there, and of the rest a beginning. */
Test(tape, what_was_flushed_survives_a_loss_of_power)
{
    static struct shadow x;
    struct disk_fault power = { .kind = DISK_FAULT_POWER };
    struct sim_rng g;
    uint64_t seed = 0, lost = 0;
    sim_rng_init_seed(&g, 5, "power");
    struct sim *s = kit_sim(5);
    struct tape_params p = small(1);
    struct blkdev *d = drive(s, &p);
    memset(&x, 0, sizeof x);
    for (int round = 0; round < 60; round++) {
        for (uint64_t i = sim_rng_below(&g, 30); i > 0; i--)
            step(d, &x, &g, &seed);
        kit_pass(s, (sim_time)sim_rng_below(&g, 20) * SIM_MS);
        cr_assert(d->ops->fault(d, 0, &power));
        ask(d, BLK_LOCATE, ITEMS, NULL);
        uint64_t there = last.moved;
        if (there == before.items && over_at >= x.safe && compare(d, &before, over_at) == 0)
            x = before; /* none of what was to go over it has come so far */
        last.moved = there;
        cr_assert_geq(last.moved, x.safe);
        cr_assert_leq(last.moved, x.items);
        lost += x.items - last.moved;
        x.items = x.safe = last.moved;
        before.items = 0;
        for (uint64_t n = 0; n <= x.items; n += 1 + n / 20)
            cr_assert_eq(compare(d, &x, n), 0, "item %d", (int)n);
    }
    cr_assert_gt(lost, 20);
    cr_assert_geq(tape_counts(d).lost_blocks, lost);
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    sim_destroy(s);
}

/* TAPE3. */
Test(tape, damage_loses_the_blocks_it_lies_on_and_is_gone_round_by_what_is_written_later)
{
    enum { BLOCKS = 300 };
    struct sim *s = kit_sim(1);
    struct tape_params p = small(3);
    struct blkdev *d = drive(s, &p);
    struct tape_medium *m = tape_loaded(d);
    for (uint64_t i = 0; i < BLOCKS; i++)
        put(d, i, i + 1, 1000 + i);
    ask(d, BLK_FLUSH, 0, NULL);
    struct tape_item a = tape_medium_item(m, 100), b = tape_medium_item(m, 117);
    uint64_t from = a.place.at + a.place.into, to = b.place.at + b.place.into + 5;
    tape_medium_damage(m, from + 3, to - from - 3);
    tape_medium_damage(m, tape_medium_item(m, 200).end - 1, 1);
    uint64_t n = 0, bad = 0;
    for (uint64_t i = 0; i < BLOCKS; i++) {
        ask(d, BLK_READ, i, NULL);
        bool gone = (i >= 100 && i <= 117) || i == 200;
        cr_assert_eq(last.status, gone ? BLK_ERR_MEDIUM : BLK_OK, "block %d", (int)i);
        cr_assert(gone || holds(i + 1, 1000 + i));
    }
    for (; (n = tape_medium_lost(m, n, UINT64_MAX)) != UINT64_MAX; n++, bad++)
        cr_assert((n >= 100 && n <= 117) || n == 200);
    cr_assert_eq(bad, 19);
    cr_assert_eq(tape_counts(d).hard_errors, 19);
    for (uint64_t i = 90; i < BLOCKS; i++)
        put(d, i, i + 7, 2000);
    for (uint64_t i = 0; i < BLOCKS; i++) {
        ask(d, BLK_READ, i, NULL);
        cr_assert(last.status == BLK_OK && holds(i < 90 ? i + 1 : i + 7, i < 90 ? 1000 + i : 2000));
    }
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    sim_destroy(s);
}

/* ---- streaming ---- */

/* A host that has a block every so often, and gives or takes it when the drive lets it. */
struct host {
    struct blkdev *d;
    struct blk_req r;
    struct sim_event tick;
    sim_time every, next, first_done;
    uint64_t n, blocks, length;
    bool reads;
};

static void host_go(struct sim *s, struct sim_event *e);

static void host_done(struct blk_req *r)
{
    struct host *h = r->owner;
    cr_assert_eq(r->status, BLK_OK);
    rope_fini(&r->data);
    if (++h->n == h->blocks) {
        sim_stop(h->d->sim);
        return;
    }
    /* It works on one block while the next is under way. */
    h->next = sim_time_max(sim_now(h->d->sim), h->next + h->every);
    sim_at(h->d->sim, &h->tick, h->next);
}

static void host_go(struct sim *s, struct sim_event *e)
{
    struct host *h = CONTAINER_OF(e, struct host, tick);
    (void)s;
    blk_req_init(&h->r, h->reads ? BLK_READ : BLK_WRITE, h->n, 1, host_done, h);
    if (!h->reads)
        rope_add_pattern(&h->r.data, 9, h->n * h->length, h->length);
    blk_submit(h->d, &h->r);
}

/* How long `blocks` take at a host's rate (bytes a second). */
static sim_time run_host(struct blkdev *d, bool reads, uint64_t blocks, uint64_t length,
                         int64_t rate)
{
    struct host h = { .d = d, .reads = reads, .blocks = blocks, .length = length };
    sim_time from = sim_now(d->sim);
    h.every = sim_time_of_bytes((int64_t)length, rate);
    h.next = from;
    sim_event_init(&h.tick, SIM_CLASS_DEVICE, host_go);
    sim_at(d->sim, &h.tick, from);
    sim_run(d->sim);
    return sim_now(d->sim) - from;
}

/* TAPE5.  A drive of rate d, a host of rate h < d, a buffer B, a hitch t: the rate is
 * [B d / (d - h)] / [B / (d - h) + max(t, B / h)], and h when B >= h t. */
Test(tape, a_drive_whose_host_is_too_slow_gives_the_rate_of_the_closed_form)
{
    static const struct {
        double host, buffer, hitch;
    } cases[] = { { 1e6, 0.5e6, 2 }, { 1e6, 2.5e6, 2 }, { 2e6, 1e6, 1.3 }, { 0.4e6, 0.2e6, 2.7 } };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        for (int reads = 0; reads < 2; reads++) {
            struct sim *s = kit_sim(1);
            struct tape_params p = bare();
            enum { LENGTH = 1000 };
            p.format.gap = 0;
            p.format.search = p.format.rewind = INT64_C(1000000000000);
            p.buffer.size = (int64_t)cases[c].buffer;
            p.hitch = sim_time_from_seconds(cases[c].hitch);
            struct blkdev *d = drive(s, &p);
            uint64_t blocks = 60000;
            if (reads) {
                run_host(d, false, blocks, LENGTH, 1000000000);
                ask(d, BLK_FLUSH, 0, NULL);
                ask(d, BLK_LOCATE, 0, NULL);
                blk_req_fini(&last);
            }
            double took =
                sim_time_seconds(run_host(d, reads, blocks, LENGTH, (int64_t)cases[c].host));
            double h = cases[c].host, B = cases[c].buffer, t = cases[c].hitch, v = 3e6;
            double wait = t > B / h ? t : B / h;
            double rate = B * v / (v - h) / (B / (v - h) + wait);
            double got = (double)(blocks * LENGTH) / took;
            double stops = (double)(blocks * LENGTH) / (B * v / (v - h));
            cr_assert_leq((double)tape_counts(d).hitches, 1.05 * stops + 3, "case %d: %d stops",
                          (int)c, (int)tape_counts(d).hitches);
            cr_assert(got > 0.97 * rate && got < 1.03 * rate, "case %d, %s: %g, not %g", (int)c,
                      reads ? "reads" : "writes", got, rate);
            cr_assert(kit_audit(s));
            d->ops->destroy(d);
            sim_destroy(s);
        }
    }
}

/* ---- errors, ends, media ---- */

enum { SIZE = 10000 };

static struct blkdev *soft(struct sim *s, struct tape_params *p)
{
    p->format.gap = 100;
    p->errors.retries = 1000000;
    return drive(s, p);
}

/* Each soft error of a read costs the hitch and the block once more, to the picosecond; each of a
 * write costs its room on the tape. */
Test(tape, soft_errors_cost_their_time_and_their_room)
{
    enum { BLOCKS = 400 };
    struct sim *s = kit_sim(2);
    struct tape_params p = bare();
    p.errors.soft_write = 0.25 / SIZE;
    p.errors.soft_read = 0.125 / SIZE;
    struct blkdev *d = soft(s, &p);
    struct tape_medium *m = tape_loaded(d);
    for (uint64_t i = 0; i < BLOCKS; i++)
        put(d, i, i, SIZE);
    ask(d, BLK_FLUSH, 0, NULL);
    uint64_t again = tape_counts(d).soft_writes;
    cr_assert(again > 60 && again < 200, "%d", (int)again);
    cr_assert_eq(tape_medium_item(m, BLOCKS).place.at, (BLOCKS + again) * (SIZE + 100));
    cr_assert_leq(tape_medium_records(m), 2 * again + BLOCKS + 2);
    ask(d, BLK_LOCATE, 0, NULL);
    sim_time from = sim_now(s);
    for (uint64_t i = 0; i < BLOCKS; i++) {
        ask(d, BLK_READ, i, NULL);
        cr_assert(last.status == BLK_OK && holds(i, SIZE));
    }
    /* The last block is off the tape when it has rolled over all, and over each error anew. */
    uint64_t reads = tape_counts(d).soft_reads;
    cr_assert(reads > 25 && reads < 100, "%d", (int)reads);
    sim_time block = sim_time_of_bytes(SIZE, p.format.rate);
    uint64_t first = tape_medium_item(m, 0).place.at;
    sim_time want =
        sim_time_of_bytes((int64_t)(tape_medium_item(m, BLOCKS - 1).end - first), p.format.rate) +
        (sim_time)reads * (p.hitch + block) + sim_time_of_bytes(SIZE, p.bus.rate);
    sim_time took = sim_now(s) - from;
    cr_assert_leq(llabs(took - want), (sim_time)reads + 2, "%lld", (long long)(took - want));
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    sim_destroy(s);
}

/* After so many passes soft errors are twice as many; a hard one is for good. */
Test(tape, wear_doubles_soft_errors_and_a_hard_one_stays)
{
    enum { BLOCKS = 400 };
    struct sim *s = kit_sim(2);
    struct tape_params p = bare();
    p.errors.soft_read = 0.1 / SIZE;
    p.errors.wear_passes = 10;
    p.hitch = 0;
    struct blkdev *d = soft(s, &p);
    struct tape_medium *m = tape_loaded(d);
    for (uint64_t i = 0; i < BLOCKS; i++)
        put(d, i, i, SIZE);
    uint64_t soft_before = 0, at[2] = { 0 };
    for (int worn = 0; worn < 2; worn++) {
        for (int round = 0; round < 5; round++)
            for (uint64_t i = 0; i < BLOCKS; i++)
                ask(d, BLK_READ, i, NULL);
        at[worn] = tape_counts(d).soft_reads - soft_before;
        tape_medium_wear(m)->passed += 10 * (uint64_t)p.format.track; /* it has been used */
        soft_before = tape_counts(d).soft_reads;
    }
    double more = (double)at[1] / (double)at[0];
    cr_assert(more > 1.7 && more < 2.4, "%g times as many", more);
    cr_assert_gt(tape_medium_passes(m), 10);
    blk_req_fini(&last);
    d->ops->destroy(d);

    p.errors.soft_read = p.errors.wear_passes = 0;
    p.errors.hard = 0.02 / SIZE;
    p.errors.retries = 7;
    d = drive(s, &p);
    uint64_t lost[2] = { 0 };
    for (uint64_t i = 0; i < BLOCKS; i++)
        put(d, i, i, SIZE);
    bool bad[BLOCKS] = { false };
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < BLOCKS; i++) {
            ask(d, BLK_READ, i, NULL);
            lost[round] += last.status == BLK_ERR_MEDIUM;
            cr_assert(!bad[i] || last.status == BLK_ERR_MEDIUM);
            bad[i] = last.status == BLK_ERR_MEDIUM;
        }
    }
    cr_assert(lost[0] > 1 && lost[1] > lost[0]);
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    sim_destroy(s);
}

/* Compressed blocks take their part of the tape and pass at a multiple of its rate; a tape takes
 * what ends before the early warning, and a mark beyond it. */
Test(tape, compression_and_the_end_of_the_tape)
{
    struct sim *s = kit_sim(1);
    struct tape_params p = bare();
    p.compression = 2.5;
    p.format.gap = 0;
    p.format.track = 1000000;
    p.early_warning = 100000;
    struct blkdev *d = drive(s, &p);
    uint64_t n = 0;
    do {
        put(d, n, n + 1, SIZE);
        n++;
    } while (last.status == BLK_OK);
    cr_assert(last.status == BLK_END && last.end == BLK_END_MEDIUM && last.moved == 0);
    cr_assert_eq(n - 1, 900000 / (SIZE * 2 / 5));
    ask(d, BLK_MARK, n - 1, NULL);
    cr_assert_eq(last.status, BLK_OK);
    put(d, n, 1, SIZE);
    cr_assert(last.status == BLK_END && last.end == BLK_END_MEDIUM);
    ask(d, BLK_LOCATE, 0, NULL);
    sim_time from = sim_now(s);
    for (uint64_t i = 0; i < n - 1; i++) {
        ask(d, BLK_READ, i, NULL);
        cr_assert(last.status == BLK_OK && holds(i + 1, SIZE));
    }
    cr_assert_eq(sim_now(s) - from,
                 sim_time_of_bytes(900000, p.format.rate) + sim_time_of_bytes(SIZE, p.bus.rate));
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    sim_destroy(s);
}

/* Only a medium of its format goes in, one at a time; a protected one is not written; a dead drive
 * keeps what it has until it is opened. */
Test(tape, media_that_do_not_fit_are_refused_and_a_dead_drive_is_opened_by_hand)
{
    struct sim *s = kit_sim(1);
    struct tape_params p = bare();
    p.cartridge = "";
    p.load_blank = 3 * SIM_SEC;
    struct blkdev *d = drive(s, &p);
    struct tape_format other = p.format;
    other.name = "another";
    struct tape_medium *wrong = tape_medium_create(&other, "W"),
                       *m = tape_medium_create(&p.format, "M");
    cr_assert_eq(change(d, wrong), 0);
    cr_assert_eq(media_status, BLK_NO_MEDIUM);
    cr_assert_eq(change(d, NULL), 0);
    cr_assert_eq(media_status, BLK_NO_MEDIUM);
    cr_assert_eq(change(d, m), p.load_blank);
    cr_assert_eq(media_status, BLK_OK);
    put(d, 0, 1, 500);
    cr_assert_eq(change(d, m), 0);
    cr_assert_eq(media_status, BLK_NO_MEDIUM);
    change(d, NULL);
    cr_assert_eq(given, m);
    cr_assert_eq(tape_medium_items(m), 1); /* what was in the buffer has come along */
    tape_medium_protect(m, true);
    cr_assert_eq(change(d, m), p.load);
    put(d, 1, 1, 500);
    cr_assert_eq(last.status, BLK_NO_MEDIUM);
    ask(d, BLK_ERASE, 0, NULL);
    cr_assert_eq(last.status, BLK_NO_MEDIUM);
    ask(d, BLK_READ, 0, NULL);
    cr_assert(holds(1, 500));
    cr_assert_eq(tape_locate_time(d, 0, 1),
                 sim_time_min(sim_time_of_bytes(500 + 2992, p.format.rate),
                              sim_time_of_bytes(500 + 2992, p.format.search)));
    d->ops->kill(d);
    ask(d, BLK_READ, 0, NULL);
    cr_assert_eq(last.status, BLK_ERR_DEVICE);
    change(d, NULL);
    cr_assert_eq(media_status, BLK_ERR_DEVICE);
    cr_assert_eq(tape_take_out(d), m);
    cr_assert_eq(tape_locate_time(d, 0, 1), SIM_NEVER);
    cr_assert_eq(tape_medium_wear(m)->loads, 2);
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    tape_medium_destroy(wrong);
    tape_medium_destroy(m);
    sim_destroy(s);
}

/* Several drives on one bus: each keeps its bytes, and the bus its rate. */
Test(tape, drives_that_share_a_bus_share_its_rate)
{
    enum { DRIVES = 3, BLOCKS = 60 };
    struct sim *s = kit_sim(1);
    struct tape_params p = bare();
    p.bus.rate = 4000000;
    p.buffer.size = 100 * SIZE;
    struct scsi_bus *bus = scsi_create(s, &p.bus, -1, "bus");
    struct blkdev *d[DRIVES];
    static struct host h[DRIVES];
    for (uint32_t i = 0; i < DRIVES; i++) {
        d[i] = drive(s, &p);
        d[i]->ops->attach(d[i], bus, i);
        h[i] = (struct host){ .d = d[i], .blocks = BLOCKS, .length = SIZE };
        sim_event_init(&h[i].tick, SIM_CLASS_DEVICE, host_go);
        sim_at(s, &h[i].tick, 0);
    }
    for (uint32_t i = 0; i < DRIVES; i++)
        sim_run(s); /* each stops it once */
    cr_assert_eq(sim_now(s), sim_time_of_bytes((int64_t)DRIVES * BLOCKS * SIZE, 4000000));
    for (uint32_t i = 0; i < DRIVES; i++)
        d[i]->ops->destroy(d[i]);
    sim_destroy(s);
}

/* ---- everything at once ---- */

enum { CROWD = 6 };
struct crowd {
    struct sim *s;
    struct blkdev *d;
    struct sim_rng g;
    struct blk_req r[CROWD];
    struct sim_event next;
    struct tape_medium *media[3];
    bool out[3]; /* not in the drive, and not on its way */
    uint32_t open, asked, answered, left, moving;
    bool busy[CROWD];
};

static void crowd_done(struct blk_req *r)
{
    struct crowd *c = r->owner;
    uint32_t i = (uint32_t)(r - c->r);
    cr_assert(c->busy[i], "a request is done twice (BLK1)");
    c->busy[i] = false;
    c->answered++;
    blk_req_fini(r);
}

static uint32_t medium_index(const struct crowd *c, const struct tape_medium *m)
{
    return m == c->media[0] ? 0 : m == c->media[1] ? 1 : 2;
}

static void crowd_loaded(void *arg, struct blkdev *d, enum blk_status s, struct tape_medium *m)
{
    struct crowd *c = arg;
    c->moving--;
    cr_assert((s == BLK_OK) == (tape_loaded(d) == m));
    c->out[medium_index(c, m)] = s != BLK_OK;
}

static void crowd_unloaded(void *arg, struct blkdev *d, enum blk_status s, struct tape_medium *m)
{
    struct crowd *c = arg;
    (void)d;
    c->moving--;
    if (s == BLK_OK)
        c->out[medium_index(c, m)] = true;
}

static void crowd_step(struct sim *s, struct sim_event *e)
{
    struct crowd *c = CONTAINER_OF(e, struct crowd, next);
    uint64_t what = sim_rng_below(&c->g, 100), n = sim_rng_below(&c->g, 12);
    struct disk_fault f = { .kind = DISK_FAULT_POWER, .count = 1, .sector = n, .sectors = 2 };
    if (what < 70) {
        for (uint32_t i = 0; i < CROWD; i++) {
            if (c->busy[i])
                continue;
            enum blk_op op = (enum blk_op)sim_rng_below(&c->g, BLK_ERASE + (what < 4));
            c->busy[i] = true;
            c->asked++;
            blk_req_init(&c->r[i], op, n, op <= BLK_WRITE, crowd_done, c);
            if (op == BLK_WRITE)
                rope_add_pattern(&c->r[i].data, n, 0, 1 + sim_rng_below(&c->g, 30000));
            blk_submit(c->d, &c->r[i]);
            break;
        }
    } else if (what < 78) {
        uint64_t i = sim_rng_below(&c->g, 3);
        if (c->out[i]) {
            c->out[i] = false;
            c->moving++;
            tape_load(c->d, c->media[i], crowd_loaded, c);
        }
    } else if (what < 84) {
        c->moving++;
        tape_unload(c->d, crowd_unloaded, c);
    } else if (what < 92) {
        f.kind = what < 87 ? DISK_FAULT_POWER : what < 89 ? DISK_FAULT_TRANSIENT : DISK_FAULT_SOFT;
        f.ppm = 200000;
        c->d->ops->fault(c->d, 0, &f);
    } else if (what < 94) {
        f.kind = DISK_FAULT_SLOW;
        f.factor_percent = 100 + (int64_t)sim_rng_below(&c->g, 200);
        c->d->ops->fault(c->d, 0, &f);
    } else if (what == 94 && n == 0) {
        c->d->ops->kill(c->d);
    }
    if (--c->left > 0)
        sim_after(s, e, (sim_time)sim_rng_below(&c->g, what < 50 ? 30 : 4000) * SIM_MS);
}

/* BLK1, TAPE6: whatever comes when, each request and each load is answered once, and the accounts
 * balance. */
Test(tape, whatever_comes_when_each_is_answered_once)
{
    uint64_t seeds = sample("TAPE_CROWDS", 120), asked = 0;
    for (uint64_t seed = 0; seed < seeds; seed++) {
        static struct crowd c;
        memset(&c, 0, sizeof c);
        c.s = kit_sim(seed);
        sim_rng_init_seed(&c.g, seed, "crowd");
        struct tape_params p = small((int)(seed % 6));
        p.cartridge = "";
        p.buffer.size = 60000;
        p.buffer.read_ahead = seed % 4 != 0;
        p.mark_flushes = seed % 5 != 0;
        p.load = p.unload = SIM_SEC / 2;
        p.errors.retries = 3;
        c.d = drive(c.s, &p);
        for (int i = 0; i < 3; i++) {
            c.media[i] = tape_medium_create(&p.format, i == 0 ? "A" : i == 1 ? "B" : "C");
            c.out[i] = true;
        }
        c.left = 250;
        sim_event_init(&c.next, SIM_CLASS_SOFTWARE, crowd_step);
        sim_at(c.s, &c.next, 0);
        cr_assert_eq(sim_run(c.s), SIM_END_IDLE);
        cr_assert_eq(c.asked, c.answered, "seed %d", (int)seed);
        cr_assert_eq(c.moving, 0, "seed %d", (int)seed);
        asked += c.asked;
        cr_assert(kit_audit(c.s), "seed %d", (int)seed);
        c.d->ops->destroy(c.d);
        for (int i = 0; i < 3; i++)
            tape_medium_destroy(c.media[i]);
        sim_destroy(c.s);
    }
    cr_assert_gt(asked, 80 * seeds);
}

/* ---- the rest, one by one ---- */

/* Faults of a drive: so many requests fail, all takes longer, a byte turns over, and with the power
 * the tape is rewound before anything else; erasing takes the tape to its end. */
Test(tape, faults_of_a_drive_and_what_they_take)
{
    struct sim *s = kit_sim(1);
    struct tape_params p = bare();
    p.buffer.read_ahead = false;
    p.hitch = 0;
    struct blkdev *d = drive(s, &p);
    const sim_time block = sim_time_of_bytes(SIZE, p.format.rate);
    const sim_time bus = sim_time_of_bytes(SIZE, p.bus.rate);
    const uint64_t each = SIZE + 2992;
    for (uint64_t i = 0; i < 20; i++)
        put(d, i, i, SIZE);
    ask(d, BLK_LOCATE, 5, NULL);
    struct disk_fault f = { .kind = DISK_FAULT_TRANSIENT, .count = 2 };
    cr_assert(d->ops->fault(d, 0, &f));
    for (int i = 0; i < 3; i++) {
        ask(d, BLK_READ, 5, NULL);
        cr_assert_eq(last.status, i < 2 ? BLK_ERR_MEDIUM : BLK_OK);
    }
    f = (struct disk_fault){ .kind = DISK_FAULT_FLIP, .sector = 6, .byte = 77, .bits = 4 };
    cr_assert(d->ops->fault(d, 0, &f));
    cr_assert(!d->ops->corrupt(d, 20, 0, 1) && !d->ops->corrupt(d, 6, SIZE, 1));
    ask(d, BLK_READ, 6, NULL);
    struct rope want;
    rope_init(&want);
    rope_add_pattern(&want, 6, 0, SIZE);
    cr_assert_eq(rope_first_difference(&want, &last.data), 77);
    rope_fini(&want);
    ask(d, BLK_LOCATE, 0, NULL);
    f = (struct disk_fault){ .kind = DISK_FAULT_SLOW, .factor_percent = 250 };
    cr_assert(d->ops->fault(d, 0, &f));
    cr_assert_eq(ask(d, BLK_READ, 0, NULL), 5 * block / 2 + bus);
    cr_assert_eq(
        ask(d, BLK_LOCATE, 9, NULL),
        sim_time_scale(sim_time_of_bytes((int64_t)(9 * each - SIZE), p.format.search), 2.5));
    f.factor_percent = 100;
    cr_assert(d->ops->fault(d, 0, &f));
    f.kind = DISK_FAULT_POWER;
    cr_assert(d->ops->fault(d, 0, &f));
    cr_assert_eq(ask(d, BLK_READ, 0, NULL),
                 sim_time_of_bytes((int64_t)(9 * each), p.format.rewind) + block + bus);
    f.kind = DISK_FAULT_TORN;
    cr_assert(!d->ops->fault(d, 0, &f) && !d->ops->fault(d, 1, &f));
    cr_assert_eq(ask(d, BLK_ERASE, 1, NULL),
                 sim_time_min(sim_time_of_bytes(2992, p.format.rate),
                              sim_time_of_bytes(2992, p.format.search)) +
                     sim_time_of_bytes((int64_t)(tape_capacity(&p.format) - each), p.format.rate));
    cr_assert_eq(tape_medium_items(tape_loaded(d)), 1);
    ask(d, BLK_READ, 1, NULL);
    cr_assert(last.status == BLK_END && last.end == BLK_END_DATA);
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    sim_destroy(s);
}

/* A command takes its time when the tape stands, and another while it rolls; a large block is read
 * through a smaller buffer. */
Test(tape, commands_take_their_time)
{
    struct sim *s = kit_sim(1);
    struct tape_params p = bare();
    p.command = 7 * SIM_MS;
    p.command_streaming = 3 * SIM_MS;
    p.format.gap = 0;
    p.buffer.size = 5 * SIZE;
    struct blkdev *d = drive(s, &p);
    const sim_time bus = sim_time_of_bytes(SIZE, p.bus.rate);
    cr_assert_eq(put(d, 0, 0, SIZE), 7 * SIM_MS + bus);
    for (uint64_t i = 1; i < 5; i++)
        put(d, i, i, SIZE);
    kit_pass(s, SIM_MS); /* it is full, and rolls */
    cr_assert_eq(tape_drive_state(d), TAPE_WRITING);
    kit_pass(s, 3 * SIM_MS); /* the first block is on the tape: there is room */
    cr_assert_eq(put(d, 5, 5, SIZE), 3 * SIM_MS + bus);
    put(d, 6, 6, 60000);
    ask(d, BLK_LOCATE, 5, NULL);
    ask(d, BLK_READ, 5, NULL);
    cr_assert(holds(5, SIZE));
    ask(d, BLK_READ, 6, NULL);
    cr_assert(holds(6, 60000));
    struct tape_counts c = tape_counts(d);
    cr_assert_eq(c.blocks_written, 7);
    cr_assert_eq(c.bytes_read, SIZE + 60000);
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    sim_destroy(s);
}

/* A tape that was given out at a system zone is threaded there again. */
Test(tape, a_tape_is_threaded_again_where_it_was_given_out)
{
    struct sim *s = kit_sim(1);
    struct tape_params p = small(2);
    p.cartridge = "";
    p.early_warning = 1000;
    struct blkdev *d = drive(s, &p);
    struct tape_medium *m = tape_medium_create(&p.format, "Z");
    change(d, m);
    for (uint64_t i = 0; i < 100; i++)
        put(d, i, i, SIZE);
    ask(d, BLK_READ, 70, NULL); /* in the second of five parts of 600003 bytes */
    kit_wait(s, SIM_SEC);
    change(d, NULL);
    uint64_t zone = tape_medium_parked(m), part = 3000017 / 5;
    cr_assert_eq(zone, part);
    cr_assert_eq(change(d, m), p.load);
    cr_assert_eq(tape_head(d), zone);
    uint64_t way = 70 * (SIZE + 2992) - zone;
    cr_assert_eq(ask(d, BLK_LOCATE, 70, NULL),
                 sim_time_min(sim_time_of_bytes((int64_t)way, p.format.search),
                              sim_time_of_bytes((int64_t)way, p.format.rate)));
    blk_req_fini(&last);
    cr_assert(kit_audit(s));
    d->ops->destroy(d);
    tape_medium_destroy(m);
    sim_destroy(s);
}
