/* disk_io.h: what the drivers of bare devices share: requests, their record, their measures. */
#ifndef WORKLOADS_DIRECT_DISK_IO_H
#define WORKLOADS_DIRECT_DISK_IO_H

#include <stdio.h>

#include "sim/population.h"
#include "workloads/direct/direct.h"

struct disk_io;

/* A request of a driver, from the driver's pool. */
struct disk_io_req {
    struct blk_req blk;
    struct disk_io *io;
    struct disk_io_req *next_free;
    uint64_t index;
    uint32_t device;
    struct sim_customer own, *customer; /* of an open loop; whose request it is */
    uint64_t tag;                       /* the driver's own */
};

struct disk_io {
    struct sim *sim;
    const struct direct_world *world;
    void (*done)(struct disk_io *io, struct disk_io_req *r); /* the driver's, after the record */
    void *driver;
    struct blk_describe *about; /* of each device */
    struct disk_io_req *free_reqs;
    uint64_t issued, completed, failed, wrong, skip;
    uint64_t
        expected;   /* completions in all, the driver's to set; the window closes with the last */
    uint64_t bytes; /* of measured requests */
    sim_time from, to; /* of the measured span */
    bool verify;
    FILE *csv;                        /* requests.csv; NULL: not written */
    struct sim_population population; /* requests, and the places of a closed loop between them */
    struct sim_measure *response, *read, *write, *seek, *rotation, *transfer, *bus, *wait;
};

/* The first `skip` completions are not measured: the window opens with the last of them, or with
 * the first request. */
void disk_io_init(struct disk_io *io, struct sim *s, const struct direct_world *w, uint64_t skip,
                  bool verify, void *driver, void (*done)(struct disk_io *, struct disk_io_req *));
void disk_io_fini(struct disk_io *io);
/* Submits for a customer (NULL: of an open loop), who is between two requests once it is done; the
 * data of a write follow from device and sector, so that reads can be checked. */
void disk_io_issue(struct disk_io *io, enum blk_op op, uint32_t device, uint64_t sector,
                   uint32_t sectors, struct sim_customer *customer, uint64_t tag);
/* Scalars and remarks after the run. */
void disk_io_report(struct disk_io *io);

extern const struct direct_ops direct_disk_load, direct_disk_replay;

#endif
