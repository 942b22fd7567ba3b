/* bench_disks.c: requests simulated per second of host time, for one drive, many drives and arrays.
 *
 * Prints name<TAB>value<TAB>unit<TAB>peer<TAB>ratio.  The peers are DiskSim 4.0's speeds on the
 * same
 * class of machine (docs/models/disk.md says where they come from).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "disks/build.h"
#include "disks/disk.h"
#include "sim/rng.h"
#include "sim/sim.h"

#define OUTSTANDING_MAX 64
#define BYTES_MAX (256 * 1024)

struct load {
    struct blkdev *dev[OUTSTANDING_MAX];
    uint32_t devices, outstanding, sectors;
    uint64_t span, left;
    double writes;
    bool bytes; /* real bytes, else a pattern */
    struct sim_rng rng;
    struct blk_req reqs[OUTSTANDING_MAX];
    struct rope block;
    uint32_t sector_bytes;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void ended(struct blk_req *r);

static void next(struct load *l, struct blk_req *r, size_t i)
{
    bool write = sim_rng_unit(&l->rng) < l->writes;
    uint64_t at = sim_rng_below(&l->rng, l->span / l->sectors) * l->sectors;
    blk_req_init(r, write ? BLK_WRITE : BLK_READ, at, l->sectors, ended, l);
    uint64_t len = (uint64_t)l->sectors * l->sector_bytes;
    if (write && l->bytes)
        rope_add_slice(&r->data, &l->block, 0, len);
    else if (write)
        rope_add_pattern(&r->data, 1, at * l->sector_bytes, len);
    blk_submit(l->dev[i % l->devices], r);
}

static void ended(struct blk_req *r)
{
    struct load *l = r->owner;
    blk_req_fini(r);
    if (l->left > 0) {
        l->left--;
        next(l, r, (size_t)(r - l->reqs));
    }
}

static struct val *table(const char *kind)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "kind", val_new_string(kind, NULL, 0));
    return v;
}

static double run(struct load *l, const struct val *spec, uint64_t n)
{
    struct sim_options o = { .seed = 1 };
    struct sim *s = sim_create(&o);
    struct err e = ERR_INIT;
    struct blk_describe about;
    for (uint32_t i = 0; i < l->devices; i++) {
        l->dev[i] = blk_build(s, spec, (int32_t)i, "bench", "bench", &e);
        if (l->dev[i] == NULL) {
            fprintf(stderr, "%s\n", e.text);
            exit(2);
        }
    }
    l->dev[0]->ops->describe(l->dev[0], &about);
    l->span = about.sectors;
    l->sector_bytes = about.sector_bytes;
    l->left = n;
    sim_rng_init_seed(&l->rng, 1, "bench");
    static uint8_t bytes[BYTES_MAX];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)sim_rng_u32(&l->rng);
    rope_init(&l->block);
    rope_add_bytes(&l->block, bytes, sizeof bytes);
    double from = now_s();
    for (uint32_t i = 0; i < l->outstanding; i++)
        next(l, &l->reqs[i], i);
    sim_run(s);
    double took = now_s() - from;
    rope_fini(&l->block);
    for (uint32_t i = 0; i < l->devices; i++)
        l->dev[i]->ops->destroy(l->dev[i]);
    sim_destroy(s);
    return (double)n / took;
}

static void report(const char *name, double rate, double peer)
{
    if (peer > 0)
        printf("%s\t%.0f\trequests/s\tDiskSim 4.0\t%.2f\n", name, rate, rate / peer);
    else
        printf("%s\t%.0f\trequests/s\t-\t-\n", name, rate);
    fflush(stdout);
}

int main(void)
{
    struct val *disk = table("disk"), *raid3 = table("raid3");
    struct load l;
    l = (struct load){ .devices = 1, .outstanding = 1, .sectors = 8 };
    report("disk 4 KiB random reads", run(&l, disk, 500000), 137000);
    l = (struct load){ .devices = 1, .outstanding = 1, .sectors = 128 };
    report("disk 64 KiB random reads", run(&l, disk, 300000), 22000);
    l = (struct load){ .devices = 1, .outstanding = 1, .sectors = 8, .writes = 0.5 };
    report("disk 4 KiB, half writes of a pattern", run(&l, disk, 500000), 0);
    l = (struct load){ .devices = 1, .outstanding = 1, .sectors = 8, .writes = 0.5, .bytes = true };
    report("disk 4 KiB, half writes of bytes", run(&l, disk, 500000), 0);
    l = (struct load){ .devices = 8, .outstanding = 8, .sectors = 8 };
    report("8 disks 4 KiB random reads", run(&l, disk, 500000), 65000);
    l = (struct load){ .devices = 64, .outstanding = 64, .sectors = 8 };
    report("64 disks 4 KiB random reads", run(&l, disk, 500000), 0);
    struct val *queue = val_new(VAL_TABLE, NULL, 0);
    val_put(queue, "policy", val_new_string("sptf", NULL, 0));
    struct val *sptf = table("disk");
    val_put(sptf, "queue", queue);
    l = (struct load){ .devices = 1, .outstanding = 64, .sectors = 8 };
    report("disk 4 KiB random reads, sptf among 64", run(&l, sptf, 200000), 0);
    l = (struct load){ .devices = 1, .outstanding = 1, .sectors = 32, .writes = 0.5 };
    report("raid3 64 KiB, half writes of a pattern", run(&l, raid3, 200000), 0);
    struct val *raid5 = table("raid5");
    val_put(raid5, "members", val_new_int(9, NULL, 0));
    l = (struct load){ .devices = 1, .outstanding = 8, .sectors = 8, .writes = 1 };
    report("raid5 of 9, 4 KiB writes of a pattern, 8 outstanding", run(&l, raid5, 10000), 5900);
    report("raid5 of 9, the same, 100,000 of them", run(&l, raid5, 100000), 5900);
    report("raid5 of 9, the same, 1,000,000 of them", run(&l, raid5, 1000000), 5900);
    l = (struct load){ .devices = 1, .outstanding = 8, .sectors = 8, .writes = 1, .bytes = true };
    report("raid5 of 9, 4 KiB writes of bytes, 8 outstanding", run(&l, raid5, 50000), 5900);
    val_free(raid5);
    val_free(sptf);
    val_free(disk);
    val_free(raid3);
    return 0;
}
