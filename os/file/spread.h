/* spread.h: what rank 0 has, at all ranks: along a binomial tree of calls.
 *
 * Rank r of a group is the r-th host of a list that all nodes have.  An outcome is a status, a
 * number of bytes and, where rank 0 has any, data; it has a key (of the group) and the number of a
 * round.  From rank 0 it goes to rank r's children r + 1, r + 2, r + 4 ... below r's lowest bit, in
 * parts of one call each; a rank hands it on once it has all of it.
 *
 *   SPR1  Who takes an outcome is told it once: when it is whole here, or that it is lost, because
 *       the node of a rank has crashed: while it waits, or before it came to wait and after it had
 *       begun with its group, or so that it is down.
 *
 * Who calls it: PFS's M_GLOBAL (os/pfs), and the same over another file system (os/pio).
 */
#ifndef OS_FILE_SPREAD_H
#define OS_FILE_SPREAD_H

#include "os/proto/select/select.h"

struct spread; /* of a node */

struct spread_outcome {
    uint64_t key;
    uint32_t round, ranks;
    bool lost; /* the rest is not set */
    uint32_t status;
    uint64_t moved;
    const struct rope *data; /* NULL: none; as long as `moved` */
};

/* By calls of this procedure of `service` at hosts[], `chunk` bytes of data each at most. */
struct spread *spread_start(struct xk_protl *rpc, const uint32_t *hosts, uint32_t service,
                            uint32_t procedure, uint64_t chunk, sim_time retry_delay);
/* Bytes of such a call beside its data; ASSUMED(as many as a call to PFS's service node has). */
#define SPREAD_HEAD 128
/* One has come. */
void spread_receive(struct spread *s, struct select_request *q, struct rope *args);
/* At rank 0: that is how it went. */
void spread_give(struct spread *s, const struct spread_outcome *o);
/* How many crashes it has been told of: what a rank notes as it begins with a group. */
uint64_t spread_crashes(const struct spread *s);
/* At another rank: tells `done`, at once or later.  since: spread_crashes when it began. */
void spread_take(struct spread *s, uint64_t key, uint32_t round, uint32_t ranks, uint64_t since,
                 void (*done)(void *arg, const struct spread_outcome *o), void *arg);
/* The node has crashed: those wait no more who have it among their ranks; all: whoever waits. */
void spread_fail(struct spread *s, uint32_t node, bool all);
void spread_back(struct spread *s, uint32_t node); /* it is up again */

#endif
