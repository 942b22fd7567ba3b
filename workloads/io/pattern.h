/* pattern.h: which bytes of a file a program touches with its k-th request.
 *
 *   interleaved  request k of rank r is at (k * ranks + r) * size
 *   partitioned  at (r * requests of a rank + k) * size
 *   broadcast    at k * size: all ranks touch the same bytes
 * Source: Nitzberg.  Pure C: for programs and for drivers of bare devices.
 */
#ifndef WORKLOADS_IO_PATTERN_H
#define WORKLOADS_IO_PATTERN_H

#include "sim/base/base.h"

enum io_access { IO_INTERLEAVED, IO_PARTITIONED, IO_BROADCAST };
extern const char *const io_access_names[];

struct io_pattern {
    enum io_access access;
    uint64_t size, per_rank; /* of a request; requests of a rank */
    uint32_t rank, ranks;
};

/* The byte at which request k (from 0) of the pattern's rank begins. */
uint64_t io_pattern_offset(const struct io_pattern *p, uint64_t k);
uint64_t io_pattern_extent(const struct io_pattern *p); /* bytes that all requests reach over */

#endif
