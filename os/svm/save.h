/* save.h: shared memory and its synchronisation as parts of programs that are saved while they run,
 * and go on from there after crashes (os/ckpt).
 *
 * Who saves programs keeps the instances of svm and sync that they use: their messages carry the
 * number of the run, and the death of a member is no news to them, for all programs will be ended
 * and entered again.  What is saved is a cut: all programs of all members stand where they can be
 * saved, and nothing is under way.
 *
 *   SVMS1  Nothing is under way when no member is busy and all messages that were sent have come:
 *       the counts of two rounds say so, if what was sent by the second is what had come by the
 *       first [Mattern 1987, the four-counter method].  Busy is a page with a fault, an
 *       acknowledgement or a request that waits, a manager that serves, a message of a node to
 *       itself, a store that is asked, a program that can go on in a call.
 *   SVMS2  A page's bytes are saved once: by its owner; where nobody owns (xmm) by who may write,
 *       else by the manager.  A page that nobody has touched, and copies, are not saved.
 *   SVMS3  A restart brings back owners, hints, copy sets and managers' tables as they were at the
 *       cut.  Copies are gone: their holders stay in the copy sets, as those do whose copy was
 *       replaced, and ask again.
 *   SVMS4  Messages of former runs are dropped; what comes before the program has its memory waits.
 *   SVMS5  A page is written again by an incremental checkpoint if it was written, or has come to
 *       the node, since the last: what fills a frame is a change.  Ownership that comes without
 *       bytes finds no page of this node in the last checkpoint, or a frame that has not changed
 *       since that.
 *   SVMS6  A thread that is saved in a call of sync, which it has announced (os_safe_call), goes on
 *       in it: what it has sent is not sent again, what has come for it is in the image.
 */
#ifndef OS_SVM_SAVE_H
#define OS_SVM_SAVE_H

#include "os/node.h"
#include "os/svm/svm.h"
#include "os/svm/sync.h"

/* Adds up over the instances of a node: messages to and from other nodes in this run. */
struct svm_traffic {
    uint64_t sent, received;
    bool busy;
};

/* Before svm_join, each time a program is entered: the region goes on from the image, which is
 * taken; empty: from the beginning. */
void svm_keep(struct xk_protl *svm, uint32_t run, struct rope *image);
void svm_open(struct xk_protl *svm); /* what was saved of the pages is there: vm_restore */
/* The program is about to be ended: nothing of it is answered or sent any more.  Run `run` begins.
 */
void svm_drop(struct xk_protl *svm, uint32_t run);
void svm_add_traffic(const struct xk_protl *svm, struct svm_traffic *t);
/* Appends all but the bytes of pages.  *copies rises by the copies that are not saved. */
void svm_save(const struct xk_protl *svm, struct rope *out, uint64_t *copies);

/* The same of synchronisation; the image is there with sync_join.  `n` is whose program calls. */
void sync_keep(struct xk_protl *sync, struct os_node *n, uint32_t run, struct rope *image);
void sync_drop(struct xk_protl *sync, uint32_t run);
void sync_add_traffic(const struct xk_protl *sync, struct svm_traffic *t);
void sync_save(const struct xk_protl *sync, struct rope *out);

#endif
