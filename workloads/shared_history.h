/* shared_history.h: programs over shared memory that record what they saw, and have it judged.
 *
 * Every node records its own accesses; at the end the records travel to rank 0, which judges them
 * (os/svm/history.h) and fails the run with a sentence when they are wrong.  They travel in a
 * region of shared memory of their own, with unlimited frames, the manager "improved" and a
 * checksum by their sender: a memory that damages them does not pass for a good one.
 */
#ifndef WORKLOADS_SHARED_HISTORY_H
#define WORKLOADS_SHARED_HISTORY_H

#include "os/svm/history.h"
#include "workloads/shared.h"

struct shared_history {
    struct shared *shared;
    struct history mine;
    uint64_t most; /* accesses of a rank */
    struct vm_space *space;
    uint64_t slot_bytes; /* of a rank, in the region of records */
    bool on;
};

/* Bytes that the records of so many accesses take, of a rank; saturating. */
uint64_t shared_history_bytes(uint64_t most);
/* Every rank makes the same calls.  `most`: accesses that a rank records at most.
 * (blocks) */
void shared_history_open(struct shared_history *r, struct shared *h, uint64_t most);
/* Pays for the work so far and says when an access begins; 0 while nothing is recorded. (blocks) */
sim_time shared_history_begin(struct shared_history *r);
void shared_history_end(struct shared_history *r, sim_time begun, uint64_t addr, uint32_t size,
                        bool write, uint64_t value);
/* Gathers and judges; reports "svm.checked". (blocks) */
void shared_history_judge(struct shared_history *r);

#endif
