/* pattern.c: see pattern.h. */
#include "workloads/io/pattern.h"

const char *const io_access_names[] = { "interleaved", "partitioned", "broadcast", NULL };

uint64_t io_pattern_offset(const struct io_pattern *p, uint64_t k)
{
    switch (p->access) {
    case IO_BROADCAST:
        return k * p->size;
    case IO_PARTITIONED:
        return (p->rank * p->per_rank + k) * p->size;
    case IO_INTERLEAVED:
        break;
    }
    return (k * p->ranks + p->rank) * p->size;
}

uint64_t io_pattern_extent(const struct io_pattern *p)
{
    uint64_t mine = p->per_rank * p->size;
    return p->access == IO_BROADCAST ? mine : mine * p->ranks;
}
