/* seen.h: what programs saw of records of files, gathered by NX at rank 0 and judged. */
#ifndef WORKLOADS_SEEN_H
#define WORKLOADS_SEEN_H

#include "os/nx/nx.h"
#include "os/svm/history.h"

/* Each rank, after its last access, at most `most` a rank.  Those of rank 0 are gathered in `mine`
 * and must be what one cell of memory for each location allows, in real time (history_recent): else
 * port_fail with `what` and a sentence.  Rank 0: accesses that were judged; 0: it has failed, and
 * at others.  Of whom `missing` (NULL: of nobody) says so nothing comes any more: he has died, and
 * what he wrote is not known, so that reads of it are not judged.  The value of a record is then
 * (rank + 1) << 32 and more. (blocks) */
uint64_t seen_judge(struct port *p, struct nx *nx, uint32_t rank, uint32_t ranks, uint64_t most,
                    struct history *mine, const char *what,
                    bool (*missing)(void *arg, uint32_t rank), void *arg);

#endif
