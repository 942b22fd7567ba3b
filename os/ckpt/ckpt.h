/* ckpt.h: checkpoints: a job that passes messages or shares memory is saved while it runs, and goes
 * on from there after crashes of any of its nodes.
 *
 * The service `ckpt` boots on the compute nodes.  What a program must do: keep all that is to
 * survive in virtual memory over vm_pager_zero, over vm_pager_store (a store of its own each time
 * it is entered) or in shared memory (ckpt_shared), say os_safe_point or os_safe_call (os/node.h)
 * often enough, and call ckpt_memory once it has mapped its regions, each time it is entered.  A
 * page that its pager has lost sends the job back to its last checkpoint.  What is saved of a rank:
 *   - its resume point, and whether it has ended;
 *   - of the message library what it holds, and the progress of the call in which it waits;
 *   - messages in flight, as the cut logs them (os/ckpt/cut.h);
 *   - each page that has a frame, or is in a store, of the ranges that are to be saved; of shared
 *     memory each page that this rank owns, and what it knows of owners, copies, locks, barriers
 *     and event counts.
 *   - its files, where it opens them by os/ckpt/files.h.
 * Host stacks are never saved.
 *
 * When ranks are saved is agreed by the service `cut`, which must stand before this one in the list
 * of services: its algorithm says whether all stop (sns), or each for itself (cl, ns).
 *
 * One rank is saved in three steps.  It *stops* at a place where it can be saved; its state is
 * *captured* at one moment, pages as snapshots that share their frames; and what was captured is
 * *written* to the sink: pages, and when the cut is complete the rest.  What lies between is the
 * save policy, a const ops struct of ckpt_policies:
 *
 *   policy  its program goes on when        what a first write to a page costs meanwhile
 *   stop    all pages are on the sink       -
 *   copy    all is copied to memory         -
 *   cow     all is write-protected          a fault, and a copy if the page is not written yet
 *   cll     all is write-protected          the same if it is not copied yet: a copier goes ahead
 *                                           of the writer, in a pool of so many pages; when that is
 *                                           full the program waits
 * [Li, Naughton & Plank, PPoPP 1990 and TPDS 1994.]  With `incremental` only pages that were
 * written since the checkpoint before are saved; they are known by write protection under all
 * policies.  With `compare` the words alone that differ from what was saved of a page are written,
 * with `compress` what is written is compressed (blob.c).
 *
 * Where to is a sink, a const ops struct of ckpt_sinks: bytes by rank and offset.  One that is full
 * or gives an error keeps a checkpoint from being committed, and the job goes on.  In it each rank
 * has (store.c) two headers, two commit records, of which rank 0's count, and frames of a page or a
 * part of one.  A header says where the image of one checkpoint is: an index of pages, and the
 * parts.
 *
 *   CKPT1  A checkpoint counts when its commit record is on the sink; that is written when all
 *       ranks have written, and flushed, all that is theirs.
 *   CKPT2  What the last committed checkpoint refers to is not written until the next one is
 *       committed.
 *   CKPT3  An incremental checkpoint writes exactly the pages that were written since the last.
 *   CKPT6  A page of a read-only range is saved once, and again only when it was written.
 *   CKPT4  A restart begins from what is on the sink, and nothing else: all ranks begin a new run,
 *       and messages of former runs are dropped.
 *   CKPT5  Headers, images, pages and commit records have checksums.  What is damaged is not used:
 *       all ranks go back to the checkpoint before, where that is still there.
 *
 *   CKPT9  A checkpoint that was found damaged counts no more before the one before it is loaded:
 *       what ranks write next has the same generation, and is not taken for it.
 *   CKPT7  A message in flight at a checkpoint is in the image of one rank, once, and is received
 *       once after a restart, in its turn: none that is in a log is in a library's image, too, or
 *       counts as received in a call.
 *   CKPT8  No checkpoint waits for ever: one that is not written within `limit` is abandoned, and
 *       programs go on; a restart that waits so long for an answer ends the job with a sentence.
 *   CKPT10  A job of which one program has failed ends: no checkpoint or restart of it follows, and
 *       the last good checkpoint stays on the sink.
 *
 * One node leads, at first rank 0's: it starts a checkpoint each `interval`, and a restart when a
 * member has crashed and all ranks have a node again.  When it dies itself another leads (place.c).
 *
 * Ranks are on the first compute nodes, and the last `spares` have none.  A node that is down for
 * longer than `patience` loses its rank to one that has none, a spare or one that has come back
 * since; while there is none the job waits, until it is given up.
 */
#ifndef OS_CKPT_CKPT_H
#define OS_CKPT_CKPT_H

#include "os/node.h"
#include "os/vm/vm.h"

struct ckpt; /* on one node */
extern const struct os_service_ops ckpt_service;

/* How many compute nodes have no rank at first, on a machine that boots the service. */
uint32_t ckpt_spares(const struct os_layout *l);

/* Refuses a job of so many ranks on that machine when the parameters want more than it has. */
bool ckpt_fits(const struct os_layout *l, uint32_t ranks, struct err *e) MUST_CHECK;

/* The program's memory: from now on its pages are saved.  Of a program that goes on from a
 * checkpoint the pages have the bytes that they had then: it maps the same regions.  (blocks) */
void ckpt_memory(struct ckpt *c, struct vm_space *s);
uint32_t ckpt_run(const struct ckpt *c); /* rises each time that programs are entered */
/* The program has failed and has said why (port_fail): the job ends, for a restart would not help,
 * and other ranks may wait for this one (CKPT10).  c: or NULL. */
void ckpt_failed(struct ckpt *c);
/* Shared memory over these instances of svm and sync is saved with the program (os/svm/save.h):
 * before svm_join and sync_join, each time it is entered; ckpt_memory follows. */
void ckpt_shared(struct ckpt *c, struct xk_protl *svm, struct xk_protl *sync);
/* Ranges of whole pages: after ckpt_memory, before the program writes anything or has a safe point,
 * each time it is entered.  What is not saved is zero after a restart. */
void ckpt_exclude(struct ckpt *c, uint64_t base, uint64_t length); /* they are not saved */
/* They must be saved: with one or more of these all else is left out. */
void ckpt_only(struct ckpt *c, uint64_t base, uint64_t length);
/* They are written before the first checkpoint alone: that saves them, and those behind it refer to
 * it (CKPT6).  One that is written after all is saved again, and told in a remark. */
void ckpt_read_only(struct ckpt *c, uint64_t base, uint64_t length);

enum ckpt_status {
    CKPT_OK,
    CKPT_NONE,    /* the sink has no such checkpoint */
    CKPT_DAMAGED, /* its bytes are not those that were written */
    CKPT_LOST,    /* who kept it has lost it */
    CKPT_IO,      /* the sink gives an error */
    CKPT_FULL,    /* the sink has no room */
    CKPT_STATE,   /* the program is in a state that cannot be saved */
    CKPT_CUT,     /* a death has ended the cut that it is of */
    CKPT_GONE,    /* a file that it has is there no more */
    CKPT_STATUS_COUNT
};
const char *ckpt_status_name(enum ckpt_status s); /* in words; static */

/* A part of what is saved of a rank.  `save` appends to out; false: it cannot, for a reason that is
 * told.  `load`: false: what was saved makes no sense. */
struct ckpt_part_ops {
    const char *name; /* at most 15 bytes */
    bool (*save)(void *obj, struct rope *out, const char **why);
    bool (*load)(void *obj, struct rope *in);
};
/* More of it, in the start of a service.  Parts are saved and loaded in the order of this. */
void ckpt_part(struct ckpt *c, const struct ckpt_part_ops *ops, void *obj);

/* Where checkpoints go: for each rank bytes by offset.  In threads; all block. */
struct ckpt_sink_ops {
    struct kind kind;
    /* Refuses a machine without what it needs; NULL: takes all. */
    bool (*check)(const void *service_params, const struct os_boot *b, const char *path,
                  struct err *e);
    /* The same, once it is known how many ranks there are. */
    bool (*fit)(const void *service_params, const struct os_layout *l, uint32_t ranks,
                struct err *e);
    void *(*start)(struct ckpt *c); /* in the boot upcall: its state on this node */
    /* While all load, when nobody writes: what crashes of others, or of this node, have taken is
     * made good.  `anew`: nothing that was written counts, and it may be let go.  CKPT_LOST: it
     * cannot be; CKPT_IO: not now.  NULL: nothing is to be done. */
    enum ckpt_status (*recover)(void *state, bool anew);
    /* What is written next lies before `end`: room for all of it may be made at once.  NULL: each
     * write makes its own. */
    enum ckpt_status (*expect)(void *state, uint64_t end);
    enum ckpt_status (*write)(void *state, uint64_t at, struct rope *data); /* data is taken */
    /* out is initialised here; short where nothing was written. */
    enum ckpt_status (*read)(void *state, uint64_t at, uint64_t length, struct rope *out);
    enum ckpt_status (*flush)(void *state); /* what was written survives */
    /* Something that was written has been lost since it was asked last, though no rank has crashed:
     * what is captured now must refer to nothing before.  Not blocking.  Until it is asked a
     * flush of frames ends in CKPT_LOST.  NULL: that is never so. */
    bool (*lost)(void *state);
    /* What is not found may have been lost, though no read says so.  NULL: that is never so. */
    bool (*torn)(void *state);
    /* Ranks are on other nodes now; this node has another rank, or none, if `own`.  NULL: nothing
     * is to be done. */
    void (*placed)(void *state, bool own);
    uint64_t piece; /* bytes of a write that suit it */
    bool anywhere;  /* nothing is kept on the nodes of ranks: all may move at once */
};
extern const struct kind_set ckpt_sinks; /* file, memory, servers */
extern const struct kind_set ckpt_policies;
extern const struct counter ckpt_counters[]; /* "ckpt.*" */

#endif
