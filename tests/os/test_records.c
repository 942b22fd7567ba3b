/* test_records.c: records against a shadow, power lost at any device write. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/hsm/records.h"
#include "tests/os/lfs_world.h"

enum { COMMITS = 48, WRITERS = 3, SMALL = 40, LARGE = 30, PUTS = 4 };
#define SMALL_BYTES 20
#define LARGE_BYTES 300

static uint64_t state;

static uint64_t draw(uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
}

/* What commit k (from 1) does; drawn from its number alone. */
struct put {
    uint32_t table;
    uint64_t n;
};
static uint32_t puts_of(uint64_t seed, uint32_t k, struct put *out)
{
    state = seed * 1000 + k;
    (void)draw(2);
    uint32_t n = 1 + (uint32_t)draw(PUTS);
    for (uint32_t i = 0; i < n; i++) {
        out[i].table = (uint32_t)draw(2);
        out[i].n = draw(out[i].table == 0 ? SMALL : LARGE);
    }
    return n;
}

static void fill(uint32_t table, uint64_t n, uint32_t k, uint8_t *out)
{
    memset(out, (int)(k * 7 + table + n), table == 0 ? SMALL_BYTES : LARGE_BYTES);
    out[0] = (uint8_t)k; /* 0: declared */
}

static void declare(void *arg, uint64_t n, uint8_t *out)
{
    (void)arg;
    fill(0, n, 0, out);
}

struct world {
    struct lfs_world w;
    struct records_params params;
    struct records *r;
    uint64_t seed;
    enum file_status opened;
    uint32_t order[COMMITS + 1], next,
        called; /* order: of the calls; commits that are there come first */
    bool acked[COMMITS + 1], wrong;
    uint8_t seen[2][SMALL];
    bool known[2][SMALL]; /* it was given, whatever it says */
    uint32_t refused;     /* records that were not given */
    bool checked;
    /* Of this read below, from 1, one bit of byte flip_at is wrong, if it has so many. */
    struct file_sys flipper;
    uint32_t reads, flip;
    uint64_t flip_at;
    bool flipped;
};

/* A read of which a bit is wrong. */
struct flipped {
    struct world *x;
    void (*done)(struct file_req *r);
    void *arg;
};

static void was_read(struct file_req *r)
{
    struct flipped f = *(struct flipped *)r->arg;
    free(r->arg);
    r->done = f.done;
    r->arg = f.arg;
    if (++f.x->reads == f.x->flip && r->status == FILE_OK && r->data.length > f.x->flip_at) {
        uint8_t bytes[8192];
        size_t n = r->data.length;
        cr_assert_leq(n, sizeof bytes);
        rope_read(&r->data, 0, n, bytes);
        bytes[f.x->flip_at] ^= (uint8_t)(1 << f.x->flip_at % 8);
        rope_fini(&r->data);
        rope_init(&r->data);
        rope_add_bytes(&r->data, bytes, n);
        f.x->flipped = true;
    }
    r->done(r);
}

static void flipper_submit(struct file_sys *s, struct file_req *r)
{
    struct world *x = CONTAINER_OF(s, struct world, flipper);
    if (r->op == FILE_READ) {
        struct flipped *f = malloc(sizeof *f);
        *f = (struct flipped){ x, r->done, r->arg };
        r->done = was_read;
        r->arg = f;
    }
    file_submit(x->w.top, r);
}
static const struct file_ops flipper_ops = { .submit = flipper_submit };

static void make(struct world *x)
{
    struct port *p = fake_port(x->w.fake, 0);
    x->flipper = (struct file_sys){ .ops = &flipper_ops, .port = p, .below = x->w.top };
    x->r = records_create(p, &x->flipper, "test", &x->params);
    cr_assert_eq(records_table(x->r, "small", SMALL_BYTES, SMALL, declare, NULL), 0);
    cr_assert_eq(records_table(x->r, "large", LARGE_BYTES, LARGE, NULL, NULL), 1);
    x->opened = records_open(x->r);
}

/* What a record says while all goes on: commit k, or one that was called later. */
static bool is_newer(struct world *x, const struct put *of, uint32_t k)
{
    uint8_t record[LARGE_BYTES];
    uint32_t mine = 0, its = 0;
    if (records_get(x->r, of->table, of->n, record) != FILE_OK)
        return false;
    for (uint32_t i = 0; i < x->called; i++) {
        mine = x->order[i] == k ? i : mine;
        its = x->order[i] == record[0] ? i : its;
    }
    x->wrong = x->wrong || record[0] == 0 || its < mine;
    return true;
}

static void writer(void *arg)
{
    struct world *x = arg;
    while (x->next <= COMMITS) {
        uint32_t k = x->next++;
        struct put put[PUTS];
        struct records_change c;
        uint32_t n = puts_of(x->seed, k, put);
        records_begin(&c);
        for (uint32_t i = 0; i < n; i++) {
            uint8_t record[LARGE_BYTES];
            fill(put[i].table, put[i].n, k, record);
            records_put(x->r, &c, put[i].table, put[i].n, record);
        }
        x->order[x->called++] = k;
        x->acked[k] = records_commit(x->r, &c) == FILE_OK;
        if (!x->acked[k] || !is_newer(x, &put[0], k))
            return;
    }
}

static void work(void *arg)
{
    struct world *x = arg;
    make(x);
    if (x->opened != FILE_OK)
        return;
    for (int i = 0; i < WRITERS; i++)
        (void)port_thread_spawn(fake_port(x->w.fake, 0), "writer", writer, x, 0);
}

/* Reads all; what record says is the number of the commit that wrote it. */
static void look(void *arg)
{
    struct world *x = arg;
    make(x);
    for (uint32_t t = 0; x->opened == FILE_OK && t < 2; t++)
        for (uint64_t n = 0; n < (t == 0 ? SMALL : LARGE); n++) {
            uint8_t record[LARGE_BYTES], should[LARGE_BYTES];
            enum file_status s = records_get(x->r, t, n, record);
            cr_assert(s == FILE_OK || (x->flip > 0 && s == FILE_CORRUPT), "%s",
                      file_status_name(s));
            x->known[t][n] = s == FILE_OK;
            x->refused += s != FILE_OK;
            if (s != FILE_OK)
                continue;
            x->seen[t][n] = record[0];
            fill(t, n, record[0], should);
            if (t == 1 && record[0] == 0)
                memset(should, 0, sizeof should);
            if (memcmp(record, should, t == 0 ? SMALL_BYTES : LARGE_BYTES) != 0)
                x->wrong = true;
        }
    x->checked = true;
}

static void spawn(struct port *p, void *arg)
{
    struct world *x = arg;
    (void)port_thread_spawn(p, "test", x->checked ? work : look, arg, 0);
}

static void run(struct world *x, bool reads)
{
    x->checked = !reads;
    fake_call(x->w.fake, 0, spawn, x);
    while (!x->w.crashed && fake_step(x->w.fake) && !(reads && x->checked))
        ;
}

static bool looks_so(const struct world *x, uint8_t is[2][SMALL])
{
    for (int t = 0; t < 2; t++)
        for (int n = 0; n < SMALL; n++)
            if (x->known[t][n] && is[t][n] != x->seen[t][n])
                return false;
    return true;
}

/* How many commits, in the order of the calls, are there: all of them, and no more.  Some of the
 * last write of the log, which has at most one commit of each writer, are gone if it is damaged. */
static void judge(const struct world *x)
{
    uint8_t is[2][SMALL] = { { 0 } };
    uint32_t there = 0, least = 0;
    bool found = looks_so(x, is);
    for (uint32_t i = 0; i < x->called; i++)
        least = x->acked[x->order[i]] ? i + 1 : least;
    for (uint32_t i = 0; i < x->called; i++) {
        struct put put[PUTS];
        uint32_t n = puts_of(x->seed, x->order[i], put);
        for (uint32_t k = 0; k < n; k++)
            is[put[k].table][put[k].n] = (uint8_t)x->order[i];
        if (looks_so(x, is)) {
            found = true;
            there = i + 1; /* the largest number that looks so */
        }
    }
    cr_assert(found, "what is there is no state between two commits (RDO1)");
    cr_assert_geq(there + (x->flip > 0 ? WRITERS : 0), least,
                  "a commit that had ended is gone (RDO2)");
    cr_assert(!x->wrong, "a record is not as any commit wrote it (RDO3)");
}

static void begin(struct world *x, uint64_t seed)
{
    struct lfs_params p = lfs_world_params();
    memset(x, 0, sizeof *x);
    p.cache = 8;
    lfs_world_init(&x->w, &(struct fake_options){ .nodes = 1, .disks = 1, .disk_sectors = 2048 },
                   &p);
    x->params =
        (struct records_params){ .page = 512 << seed % 2, .cache = seed % 3 ? 6 : 64, .log = 6000 };
    x->seed = seed;
    x->next = 1;
}

/* The power goes at write number `at`, of which so many sectors are done; false: there are fewer.
 */
static bool power_off(uint64_t seed, uint64_t at, uint32_t torn)
{
    struct world x;
    begin(&x, seed);
    x.w.crash_at_write = x.w.writes + at;
    x.w.torn_sectors = torn;
    run(&x, false);
    bool crashed = x.w.crashed;
    for (int again = 0; again < 2; again++) { /* and in the recovery */
        lfs_world_restart(&x.w);
        x.w.torn_sectors = UINT32_MAX;
        x.w.crash_at_write = again == 0 ? x.w.writes + 1 + at % 5 : 0;
        run(&x, true);
    }
    cr_assert_eq(x.opened, FILE_OK);
    judge(&x);
    if (!crashed)
        cr_assert(x.acked[COMMITS]);
    lfs_world_fini(&x.w);
    return crashed;
}

Test(records, after_power_is_lost_at_any_write)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        uint64_t at = 1 + seed % 2;
        for (; power_off(seed, at, at % 4 == 0 ? UINT32_MAX : (uint32_t)(at / 4 % 4)); at += 2)
            ;
        cr_assert_gt(at, 40);
    }
}

/* RDO4: a bit is wrong in what is read at a start, or later. */
Test(records, what_is_damaged_is_not_given)
{
    uint32_t logs = 0, refused = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct world x;
        begin(&x, seed % 20);
        run(&x, false);
        lfs_world_restart(&x.w);
        state = seed;
        x.reads = 0;
        x.flip = 2 + (uint32_t)draw(20);
        x.flip_at = draw(x.flip == 2 ? 6000 : 512);
        run(&x, true);
        if (x.opened == FILE_OK)
            judge(&x);
        else
            cr_assert_eq(x.opened, FILE_CORRUPT);
        cr_assert(x.flipped || (x.opened == FILE_OK && x.refused == 0));
        logs += x.opened != FILE_OK;
        refused += x.refused;
        lfs_world_fini(&x.w);
    }
    cr_assert(logs > 0 && refused > 20, "%u logs and %u records were refused", logs, refused);
}

Test(records, a_device_that_fails)
{
    for (uint64_t at = 1; at < 60; at += 7) {
        struct world x;
        begin(&x, at);
        x.w.fail_at_write = x.w.writes + 12 + at;
        x.w.torn_sectors = 0;
        run(&x, false);
        lfs_world_restart(&x.w);
        x.w.fail_at_write = 0;
        run(&x, true);
        cr_assert_eq(x.opened, FILE_OK);
        judge(&x);
        lfs_world_fini(&x.w);
    }
}
