/* sync.h: locks, barriers and event counts for programs that share memory, over messages.
 *
 * An object is a number; its home is node (number mod N) of the list.  Locks queue at their home,
 * first come
 * first served.  A barrier is by dissemination [Hensgen, Finkel & Manber 1988]: ceil(log2 N)
 * messages a node.
 * An event count rises by one at each advance; await returns once it has reached a value [Reed &
 * Kanodia
 * 1979], as IVY's programs used them.
 *   SYNC1  A lock has one holder; who waits is served in the order of arrival at the home.
 *   SYNC2  What a node did before an unlock, an advance or a barrier is done before whoever comes
 *       after it by the next lock, an await, a read or that barrier: sequentially consistent memory
 *       is so by itself, relaxed memory sends word of its writes with these messages (struct
 *       sync_memory).
 *   SYNC3  Nobody waits for the dead. Once the failure detector has told of a member's crash, a
 *       barrier that is not complete, a count that has not been reached, a lock that the dead held,
 *       and whatever has the dead as its home end in a sentence (sync_on_error). Other locks go on.
 */
#ifndef OS_SVM_SYNC_H
#define OS_SVM_SYNC_H

#include "os/xk/xobj.h"

struct sync;

/* Put it above RDM: { name = "sync", protocol = "sync", below = { "rdm" } }. */
extern const struct xk_protl_ops sync_protl;

/* This node's part; the same list in the same order on every node, which stays the caller's.  One a
 * node. */
struct sync *sync_join(struct xk_protl *protl, const uint32_t *nodes, uint32_t count);

/* What a relaxed memory does at synchronisation.  Lock, await and read acquire; unlock and advance
 * release; a barrier releases, then acquires from all.  One thread of a node synchronises. */
struct sync_memory {
    /* ---- in the program's thread ---- */
    void (*release)(void *arg);                 /* what was written so far is to be told of */
    void (*clock)(void *arg, struct rope *out); /* goes with an acquiring request */
    /* Goes with a release or a barrier message to `node`: all that this node knows of writes, what
     * it has just learned included, and `node` may not know. */
    void (*tell)(void *arg, uint32_t node, struct rope *out);
    void (*learn)(void *arg, uint32_t from,
                  const struct rope *notes); /* what came with a message */
    /* From here on the program sees what was learned; after a barrier (`all`) all nodes know of all
     * writes that were released before it. */
    void (*acquired)(void *arg, bool all);
    /* ---- upcalls at the home of an object; *object is NULL at first and the memory's ---- */
    void (*merge)(void *arg, void **object, const struct rope *notes); /* a release came */
    /* What goes with the answer to a request that came with `asked`. */
    void (*grant)(void *arg, const void *object, const struct rope *asked, struct rope *out);
};
/* As sync_join, over such a memory; NULL: the memory is sequentially consistent. */
struct sync *sync_join_memory(struct xk_protl *protl, const uint32_t *nodes, uint32_t count,
                              const struct sync_memory *memory, void *arg);

/* Who is told that a call has no end, instead of ending the task: returns true when it has taken
 * it; then the call returns, with nothing held or reached. */
void sync_on_error(struct sync *y, bool (*fn)(void *arg, const char *text), void *arg);

void sync_lock(struct sync *y, uint32_t lock);   /* (blocks) */
void sync_unlock(struct sync *y, uint32_t lock); /* the caller holds it */
/* Waits until every node of the list has come as often.  One thread a node.  (blocks) */
void sync_barrier(struct sync *y);
void sync_advance(struct sync *y, uint32_t count);
void sync_await(struct sync *y, uint32_t count, uint64_t value); /* (blocks) */
uint64_t sync_read(struct sync *y, uint32_t count);              /* (blocks) asks the home */

#endif
