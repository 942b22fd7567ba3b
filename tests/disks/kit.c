/* kit.c: what the tests of devices share. */
#include "tests/disks/kit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "disks/sched.h"
#include "sim/audit.h"

static enum blk_status last;

struct sim *kit_sim(uint64_t seed)
{
    struct sim_options o = { .seed = seed };
    return sim_create(&o);
}

struct disk_params kit_bare(void)
{
    struct disk_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(disk_params, &p, NULL, "disk", &e), "%s", e.text);
    p.overhead = (struct disk_overhead_params){ 0 };
    p.bus.rate = INT64_C(1000000000000);
    p.cache.enabled = false;
    p.cache.read_ahead = 0;
    return p;
}

struct blkdev *kit_disk(struct sim *s, const struct disk_params *p)
{
    struct err e = ERR_INIT;
    struct blkdev *d = disk_create(s, p, -1, "disk", "disk", &e);
    cr_assert(d != NULL, "%s", e.text);
    return d;
}

static void ended(struct blk_req *r)
{
    *(bool *)r->owner = true;
}

static sim_time one(struct blkdev *d, enum blk_op op, uint64_t sector, uint32_t sectors,
                    const struct rope *data, struct rope *out)
{
    struct blk_req r;
    bool done = false;
    blk_req_init(&r, op, sector, sectors, ended, &done);
    if (data != NULL)
        rope_add_slice(&r.data, data, 0, data->length);
    blk_submit(d, &r);
    sim_run(d->sim);
    cr_assert(done);
    last = r.status;
    sim_time t = r.completed - r.submitted;
    if (out != NULL)
        rope_join(out, &r.data);
    blk_req_fini(&r);
    return t;
}

sim_time kit_read(struct blkdev *d, uint64_t sector, uint32_t sectors, struct rope *out)
{
    return one(d, BLK_READ, sector, sectors, NULL, out);
}

sim_time kit_write(struct blkdev *d, uint64_t sector, uint32_t sectors, const struct rope *data)
{
    return one(d, BLK_WRITE, sector, sectors, data, NULL);
}

enum blk_status kit_status(void)
{
    return last;
}

static void nothing(struct sim *s, struct sim_event *e)
{
    (void)s;
    (void)e;
}

void kit_wait(struct sim *s, sim_time length)
{
    struct sim_event e;
    sim_event_init(&e, SIM_CLASS_SOFTWARE, nothing);
    sim_after(s, &e, length);
    sim_run(s);
}

static void halt(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_stop(s);
}

void kit_pass(struct sim *s, sim_time length)
{
    struct sim_event e;
    sim_event_init(&e, SIM_CLASS_SOFTWARE, halt);
    sim_after(s, &e, length);
    while (sim_run(s) == SIM_END_STOPPED && sim_event_pending(&e)) {
    }
}

void kit_pattern(struct rope *r, uint64_t seed, uint64_t off, uint64_t len)
{
    rope_init(r);
    rope_add_pattern(r, seed, off, len);
}

bool kit_audit(struct sim *s)
{
    char text[2000] = "";
    size_t bad = sim_audit_run(s, text, sizeof text);
    if (bad > 0)
        fprintf(stderr, "%s", text);
    return bad == 0;
}

int kit_policy(const char *name)
{
    int i = 0;
    while (strcmp(sched_policies.items[i]->name, name) != 0)
        i++;
    return i;
}
