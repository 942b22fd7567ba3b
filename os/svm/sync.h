/* sync.h: locks, barriers and event counts for programs that share memory, over messages.
 *
 * An object is a number; its home is node (number mod N) of the list.  Locks queue at their home,
 * first come
 * first served.  A barrier is by dissemination [Hensgen, Finkel & Manber 1988]: ceil(log2 N)
 * messages a node.
 * An event count rises by one at each advance; await returns once it has reached a value [Reed &
 * Kanodia
 * 1979], as IVY's programs used them.
 *   L1  A lock has one holder; who waits is served in the order of arrival at the home.
 *   L2  What a holder did before unlock is done before the next holder's lock returns (shared
 *   memory is
 *       sequentially consistent by itself; a relaxed protocol hooks its acquire and release here).
 */
#ifndef OS_SVM_SYNC_H
#define OS_SVM_SYNC_H

#include "os/xk/xobj.h"

struct sync;

/* Put it above the driver: { name = "sync", protocol = "sync", below = { "mesh" } }. */
extern const struct xk_protl_ops sync_protl;

/* This node's part; the same list in the same order on every node, which stays the caller's.  One a
 * node. */
struct sync *sync_join(struct xk_protl *protl, const uint32_t *nodes, uint32_t count);

void sync_lock(struct sync *y, uint32_t lock);   /* (blocks) */
void sync_unlock(struct sync *y, uint32_t lock); /* the caller holds it */
/* Waits until every node of the list has come as often.  One thread a node.  (blocks) */
void sync_barrier(struct sync *y);
void sync_advance(struct sync *y, uint32_t count);
void sync_await(struct sync *y, uint32_t count, uint64_t value); /* (blocks) */
uint64_t sync_read(struct sync *y, uint32_t count);              /* (blocks) asks the home */

#endif
