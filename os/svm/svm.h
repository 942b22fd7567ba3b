/* svm.h: shared virtual memory: one address space over the memories of many nodes.
 *
 * Single writer or many readers, invalidate on write: a read returns the most recent write
 * [Li & Hudak 1989].  A region of each node's space (os/vm) is backed by the pager of this module;
 * who finds a page's owner, and how, is the manager: a policy with a name.
 *
 *   name        who knows the owner                                     messages of a fault
 *   central     one node knows owner and copies, and serialises         4 read, 4 + 2m write
 *   improved    one node knows the owner; the owner knows the copies    3 read, 3 + 2m write
 *   fixed       as improved, with a manager for each page by hashing    3 read, 3 + 2m write
 *   broadcast   nobody: all are asked                                   N read, N + 2m write
 *   dynamic     each node has a hint; ownership moves on reads too      2 + f, 2 + f + 2m
 *   dynamic_s   each node has a hint; a read leaves the owner           2 + f, 2 + f + 2m
 *   tree        dynamic hints; read copies form a tree                  2 + f, 2 + f + 2m
 *   xmm         OSF/1 AD: manager at the pager's node, data through it  (the baseline)
 *   hlrc        each page has a home; relaxed: see lrc.h                2; a diff home a release
 * m: copies to invalidate; f: times that a request is forwarded.  A manager that is itself the
 * requester or the owner saves a message.
 *
 *   SVM1  At most one node has WRITE on a page; while one has, no other has any access.
 *   SVM2  Every page has exactly one owner, or its ownership is in one message, or it is lost and
 *       said so.
 *   SVM3  All copies but the owner's are reachable from the owner: in its copy set, or (tree) in
 *       the copy sets below it.
 *   SVM4  Following hints (dynamic) from any node reaches the owner, or a node that will be owner.
 *   SVM5  A node that is waiting to become owner keeps the requests that reach it until it is.
 * Sources: [Li & Hudak 1989] for all but xmm; the in-flight rules (versions, gifts) are our own and
 * stand in svm_internal.h.
 */
#ifndef OS_SVM_SVM_H
#define OS_SVM_SVM_H

#include "os/vm/store.h"
#include "os/xk/xobj.h"

struct svm; /* one node's part of one shared region */

struct svm_params {
    int manager;            /* of svm_managers */
    int64_t hash_block;     /* fixed, hlrc: pages p of equal p / hash_block share manager or home */
    int64_t announce_every; /* dynamic: the owner tells all nodes after so many served; 0: never */
    int64_t fanout;         /* tree: copies that a node answers for itself; 0: no limit */
    sim_time retry;         /* broadcast: ask again when nobody answered */
    int initial_owner;      /* "first", "modulo", "block": of svm_params_desc */
    int homes;              /* hlrc: "hash", "first_touch" */
    int watch;              /* hlrc: "always", "served" */
    int64_t twins;          /* hlrc: most twins at a time; 0: no limit */
};
extern const struct param svm_params_desc[];

/* The protocol instance through which the parts talk: put it above RDM in the graph, e.g.
 * { name = "svm", protocol = "svm", below = { "rdm" } }. */
extern const struct xk_protl_ops svm_protl;

#define SVM_SPACE_MAX                                                                              \
    (64ull << 32) /* a page's number has 32 bits on the wire; a page 64 B or more */

/* Joins this node to the shared region [base, base + length) of `space`.  Every node of `nodes`
 * (count of them, the same list in the same order everywhere, this node among them) makes the same
 * call; a request that comes earlier waits.  The list stays the caller's and outlives the region,
 * for thousands of nodes share it.  `protl` is the node's svm instance.  NULL when the region
 * cannot be mapped, is longer than 256 GiB, is above sixteen, or this node is not listed.  Pages
 * are zero. */
struct svm *svm_join(struct xk_protl *protl, struct vm_space *space, uint64_t base, uint64_t length,
                     const uint32_t *nodes, uint32_t count, const struct svm_params *params);

/* Pages that this node owns go to this store when their frames are needed, and stay owned.  NULL,
 * as it is at first: they keep their frames.  Before the first page is touched. */
void svm_set_store(struct svm *s, struct vm_store *store);

struct svm_counts {
    uint64_t read_faults, write_faults, sent, forwards, invalidations, pages_sent, retries;
    uint64_t page_outs, page_ins, lost, recoveries, twins, diffs;
};
extern const struct counter svm_counters[]; /* of struct svm, under its instance's name */
void svm_counts(const struct svm *s, struct svm_counts *out); /* of this node's part, so far */

/* ---- for checkers and tests ---- */
/* What this node believes of a page. */
struct svm_view {
    bool owner, locked;
    bool stored;     /* its bytes are in the store */
    uint32_t hint;   /* probable owner, a node number */
    uint32_t copies; /* in its copy set */
    enum vm_prot prot;
};
/* Page 0 is the region's first; one that was never touched here is as it was at the beginning. */
void svm_look(const struct svm *s, uint64_t page, struct svm_view *out);

/* What a relaxed memory does at synchronisation, for sync_join_memory with the struct svm as its
 * argument; NULL: a read returns the most recent write without it. */
struct sync_memory;
const struct sync_memory *svm_memory(const struct svm *s);

/* In the order above: those under which a read returns the most recent write come first, then those
 * that promise so only to programs without data races. */
extern const struct kind_set svm_managers;
/* Is `index` of the first part? */
bool svm_is_strict(int index);

#endif
