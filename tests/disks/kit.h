/* kit.h: what the tests of devices share. */
#ifndef TESTS_DISKS_KIT_H
#define TESTS_DISKS_KIT_H

#include "disks/blkdev.h"
#include "disks/build.h"
#include "disks/disk.h"
#include "sim/sim.h"

struct sim *kit_sim(uint64_t seed);
/* Default parameters of a drive with an instant bus, no overheads and no cache: bare mechanics. */
struct disk_params kit_bare(void);
struct blkdev *kit_disk(struct sim *s, const struct disk_params *p);
int kit_policy(const char *name); /* of sched_policies */
/* Submits one request, runs until it is done, and returns how long it took. */
sim_time kit_read(struct blkdev *d, uint64_t sector, uint32_t sectors, struct rope *out);
sim_time kit_write(struct blkdev *d, uint64_t sector, uint32_t sectors, const struct rope *data);
enum blk_status kit_status(void); /* of the last of these */
/* Lets so much simulated time pass, and no more. */
void kit_pass(struct sim *s, sim_time length);
/* Lets simulated time pass, until nothing is to be done. */
void kit_wait(struct sim *s, sim_time length);
void kit_pattern(struct rope *r, uint64_t seed, uint64_t off, uint64_t len);
/* The audit, drained; true when nothing failed. */
bool kit_audit(struct sim *s);

#endif
