/* svm_internal.h: messages, page records and the manager interface of shared virtual memory.
 *
 * The in-flight rules, common to all managers:
 *   SVMI1  Each fault has a number; a page that answers an older fault of this node is no surprise:
 *       READ copies are dropped (their sender keeps us in its copy set, which costs an invalidation
 *       at most), ownership is accepted as a gift, because nobody else has it.
 *   SVMI2  A page has a version, which rises by one each time a new writer takes it.  An
 *       invalidation carries the version that makes old copies void. A READ copy that arrives with
 *       a lower version than an invalidation that overtook it is dropped, and the fault asks again.
 *   SVMI3  An invalidation is answered at once, whatever fault is in progress here, unless the page
 *       is pinned: then when the last pin is gone.
 *   SVMI4  Ownership has a number too, which rises with each move; an announcement that is older
 *       than what a node knows changes no hint, so hints never form a cycle.
 *   SVMI5  A requester's own copy is good if its version is the owner's: then ownership travels
 *       without the page's bytes.
 *   SVMI6  An owner serves requests in the order in which they reached it, also those that waited
 *       for a pin: a manager has sent who comes after a writer to that writer.
 *   SVMI7  An owned page may be paged out: its contents go to the node's store and the node stays
 *       owner (`stored`). Requests that come while the put is out wait for its end; then they find
 *       the bytes in the frame, which is kept for them. Later requests have the bytes fetched into
 *       a buffer (`arrived`), not into a frame, so that a node whose frames are all in use can
 *       answer. Who gives the ownership away has its stored copy dropped.
 *   SVMI8  Contents that cannot be had any more (`lost`) travel with the ownership as a status;
 *       every access ends with it.
 *   SVMI9  From the news of a death to the leader's verdict a node is `frozen`: it sends nothing of
 *       these rules and evicts nothing; recover.c says what becomes of what was in flight.
 *
 * States of a page at a node (state.h has them finer; SVMI7 adds putting and fetching):
 *   state      guarantee                              event -> next
 *   invalid    no copy                                fault -> wanting
 *   reading    READ copy, not owner                   invalidation -> invalid; fault -> wanting
 *   owning     owner; READ with copies, WRITE, or     request -> reading or invalid
 *              the contents are in the store
 *   wanting    locked; a fault is out                 page -> reading, owning or clearing
 *   clearing   locked; owner; invalidations are out   last acknowledgement -> owning
 */
#ifndef OS_SVM_SVM_INTERNAL_H
#define OS_SVM_SVM_INTERNAL_H

#include "os/svm/nodeset.h"
#include "os/svm/save.h"
#include "os/svm/state.h"
#include "os/svm/svm.h"

enum svm_op {
    SVM_REQUEST,    /* origin wants access; on its way to a manager or along hints */
    SVM_FORWARD,    /* a manager passes a request to the owner */
    SVM_PAGE,       /* grants access: with bytes, or without when origin has them */
    SVM_CONFIRM,    /* origin has it: the manager may go on */
    SVM_INVALIDATE, /* drop your copy */
    SVM_ACK,        /* dropped */
    SVM_ANNOUNCE,   /* origin is owner */
    SVM_FLUSH,      /* xmm: give the page back, keep at most `access` */
    SVM_DATA,       /* xmm: here it is */
    SVM_FETCH,      /* hlrc, lrc_page.c: a copy with these intervals, please */
    SVM_COPY,       /* hlrc: here it is */
    SVM_DIFF,       /* hlrc: bytes that the sender has changed */
    SVM_MARK,    /* recover.c: the sender knows of these dead, and sends nothing older after this */
    SVM_REPORT,  /* what the sender has of each page */
    SVM_VERDICT, /* who owns each page now */
    SVM_OP_COUNT
};

struct svm_msg {
    struct list link;
    enum svm_op op;
    enum vm_prot access; /* wanted, granted, or what may be kept */
    bool has_copy;       /* REQUEST: origin has a READ copy */
    bool ownership;      /* PAGE: it carries the ownership */
    enum vm_status lost; /* PAGE: there are no contents any more (SVMI8); VM_OK: there are */
    uint64_t page;
    uint32_t origin;       /* whose fault it is; INVALIDATE: who wants the ack */
    uint32_t from;         /* who sent this message */
    uint32_t fault;        /* number of origin's fault; REPORT, VERDICT: how many are dead */
    uint32_t version;      /* of the page's bytes, see SVMI2 */
    uint32_t moves;        /* of the page's ownership, see SVMI4 */
    uint32_t hops;         /* times forwarded */
    struct nodeset copies; /* PAGE with ownership */
    struct rope data;
};

struct svm_page {
    uint64_t page;
    struct svm *svm;
    bool owner;
    bool locked;           /* wanting or clearing */
    bool arrived_bytes;    /* `arrived` holds the page, which has no frame here */
    bool stored;           /* the store has the page as it was when it was last clean here */
    bool putting;          /* on its way to the store */
    bool fetching;         /* on its way from there */
    enum vm_status lost;   /* the contents are gone, and why; VM_OK: they are not */
    bool unsent_ack;       /* an invalidation waits for an unpin; to `ack_to` */
    enum vm_prot want;     /* of the fault in progress */
    uint32_t hint;         /* probable owner */
    uint32_t fault;        /* number of the last fault here */
    uint32_t version;      /* of the copy here, or the highest that is known to have voided it */
    uint32_t moves;        /* highest number of ownership that this node knows */
    uint32_t ack_to;       /* tree: whose invalidation our readers' acks answer */
    bool ack_below;        /* tree: such acks are out */
    uint32_t served;       /* since the last announcement */
    uint32_t tries;        /* broadcast: requests made for the fault in progress */
    uint32_t handed_down;  /* tree: readers passed on to holders below */
    struct list deferred;  /* struct svm_msg */
    struct nodeset copies; /* readers that this node answers for */
    struct nodeset acks;   /* whose acknowledgements are missing */
    struct rope arrived;
    struct list all; /* in svm->all */
    struct port_timer retry;
    bool source; /* xmm: the new manager needs the bytes from here */
    uint8_t was; /* enum vm_prot: when it was saved; of what is restored */
    void *mgr;   /* the manager's record of this page, on its manager's node */
};

struct svm {
    /* What each message looks at stands first. */
    struct svm *next;
    uint32_t id; /* of the region among this node's */
    uint32_t self;
    struct port *port;
    struct xk_protl *protl;
    struct vm_region *region;
    uint64_t pages, page_bytes; /* of the region; of a page */
    const struct svm_mgr_ops *ops;
    struct svm_recovery *recovery;                     /* recover.c; NULL: nobody has died */
    void (*receive)(struct svm *s, struct svm_msg *m); /* svm_receive, for those below it */
    uint64_t last_page;    /* whose record was asked for last: that costs no lookup */
    bool frozen;           /* the survivors are agreeing on what is left */
    bool out;              /* this node has crashed since: it shares nothing any more */
    bool gone;             /* its program is being ended: nothing is answered any more */
    struct svm_kept *kept; /* of its instance; NULL: nobody saves it */
    uint32_t manager;      /* node: the first of the list that lived when it was last asked */
    void (*watch)(void *arg, enum svm_state state, enum svm_event e); /* NULL: nobody */
    void *watch_arg;
    uint32_t never[SVM_STATE_COUNT]; /* events that cannot meet a page in that state */
    struct svm_counts counts;
    struct vm_space *space;
    struct vm_store *store; /* for owned pages; NULL: they stay in their frames */
    struct svm_params params;
    const uint32_t *nodes; /* the caller's */
    uint32_t count;
    struct list all;   /* struct svm_page */
    struct list local; /* messages to this node */
    struct port_timer local_timer;
    struct lrc *relaxed;                 /* hlrc's part; lrc.h */
    struct nodeset dead;                 /* as far as is known here */
    void (*retry)(struct port_timer *t); /* of a page's timer */
};

/* The instance of the protocol on a node. */
struct svm_instance {
    struct svm *regions; /* of this node */
    uint32_t count;
    struct svm_kept *kept; /* NULL: nobody saves them */
    /* A message with its header, for the region of that key: svm.c, for those below it. */
    void (*arrived)(struct svm_instance *in, uint32_t from, uint32_t key, struct xk_msg *m);
};

/* Of an instance whose regions are saved with their programs (save.c).  Each message has the number
 * of the run before its header. */
struct svm_kept {
    struct port *port;
    uint32_t run;
    bool open;          /* the memory of the program is there: messages are handled */
    struct rope image;  /* what regions that are joined go on from; empty: from the beginning */
    struct list early;  /* struct svm_early: of this run, before it is open */
    struct svm *former; /* regions of a program that is ended: its thread may look at them once */
    uint64_t sent, received;
    uint32_t *ranks; /* while an image is made: node -> place in the list of nodes */
};
#define SVM_RUN 4 /* bytes of that number */

/* An image that is read. */
struct svm_image {
    const struct rope *bytes;
    uint64_t at;
    bool good; /* it has had all that was asked of it */
};

struct svm_mgr_ops {
    struct kind kind;
    /* Sends the request of a fault that has begun (sp->want, sp->fault). */
    void (*request)(struct svm *s, struct svm_page *sp, bool has_copy);
    /* A REQUEST or FORWARD for this node; the message is the callee's to reuse or free. */
    void (*serve)(struct svm *s, struct svm_page *sp, struct svm_msg *m);
    /* Must a request wait for the fault that is in progress here? */
    bool (*defers)(struct svm *s, const struct svm_page *sp, const struct svm_msg *m);
    /* Access is granted to the program here; NULL: nothing to do. */
    void (*granted)(struct svm *s, struct svm_page *sp);
    /* Any other message first comes here; true: it was for the manager.  NULL: none is. */
    bool (*message)(struct svm *s, struct svm_page *sp, struct svm_msg *m);
    /* Ownerless: replacement takes the frame of a page with this protection, or no frame was found
     * for these bytes (NULL: zeroes).  False: the page stays.  NULL: the page has an owner. */
    bool (*page_out)(struct svm *s, struct svm_page *sp, struct rope *data, enum vm_prot prot);
    /* ---- after a death (recover.c); all may be NULL ---- */
    /* Forgets what the manager here was doing for a page. */
    void (*reset)(struct svm *s, struct svm_page *sp);
    /* Is this node manager of the page, of those that live? */
    bool (*manages)(const struct svm *s, uint64_t page);
    /* The page has this owner, and these other copies (to be taken or left). */
    void (*rebuild)(struct svm *s, struct svm_page *sp, uint32_t owner, enum vm_status lost,
                    struct nodeset *copies);
    /* Ownerless: a DATA that was sent before the death was known; the caller frees it. */
    void (*late)(struct svm *s, struct svm_page *sp, struct svm_msg *m);
    /* Ownerless: does the manager, which is the leader, need the page's bytes from somebody? */
    bool (*absent)(struct svm *s, uint64_t page);
    /* Ownerless: gives the manager what it needs of a page from this node (sp->source). */
    void (*resumed)(struct svm *s, struct svm_page *sp);
    /* A node has died, instead of all of this. */
    void (*down)(struct svm *s, uint32_t node);
    /* ---- for who saves it (save.c); all may be NULL ---- */
    /* Is nothing under way at the manager of the page, this node? */
    bool (*idle)(const struct svm_page *sp);
    /* What it keeps of the page, appended; and back again (svm_get32; false: it makes no sense). */
    void (*save)(const struct svm_page *sp, struct rope *out);
    bool (*load)(struct svm_page *sp, struct svm_image *in);
    void (*forget)(struct svm_page *sp); /* frees it */
    /* Ownerless: the bytes that the manager has and nobody else may write; NULL: none.  And bytes
     * that were saved as that, which are taken. */
    const struct rope *(*contents)(const struct svm_page *sp);
    void (*restored)(struct svm_page *sp, struct rope *data);
    bool copies_in_tree; /* invalidations go down the copy sets of copies */
    bool hints;          /* sp->hint is kept up to date by grants and invalidations */
    bool managed;        /* the manager is asked even by the owner, and it invalidates */
    bool ownerless;      /* no node owns: the manager has the page */
    /* A relaxed manager shares nothing with the others but the messages: these three and `memory`
     * are set, and none of the above. */
    const struct vm_pager_ops *pager;
    void (*start)(struct svm *s);                   /* the region has been joined */
    void (*take)(struct svm *s, struct svm_msg *m); /* a message came; to reuse or free */
    const struct sync_memory *memory;               /* its argument: the struct svm */
};

/* region.c */
bool svm_alive(const struct svm *s, uint32_t node); /* as far as is known here */
uint32_t svm_alive_from(const struct svm *s,
                        uint32_t index);  /* the first from there on, in a circle */
uint32_t svm_leader(const struct svm *s); /* the first that lives */
struct svm_page *svm_page_get(struct svm *s, uint64_t page);
struct svm_page *svm_page_find(struct svm *s, uint64_t page); /* NULL: never touched here */
/* Who owns a page that was never touched; and the leader, if that node is dead. */
uint32_t svm_first_owner(const struct svm *s, uint64_t page);
uint32_t svm_initial_owner(const struct svm *s, uint64_t page);
struct svm_msg *svm_msg_new(struct svm *s, enum svm_op op, uint64_t page);
void svm_msg_free(struct svm *s, struct svm_msg *m);
/* Takes the message.  To this node itself: handled soon, no message of the network. */
void svm_send(struct svm *s, uint32_t node, struct svm_msg *m);
void svm_pass_on(struct svm *s, uint32_t node, struct svm_msg *m); /* send, counted as a forward */
void svm_drop_all(struct svm *s, struct list *list);               /* of struct svm_msg */
/* The leader owns the page of a dead node that no survivor had touched: nobody knows whether it was
 * written, so it is lost. */
void svm_page_of_dead(struct svm *s, struct svm_page *sp);

#define SVM_HEADER 28
_Static_assert(VM_BEHIND <= 8, "a status of shared memory has three bits on the wire");
#define COPIES_PART                                                                                \
    64 /* members of a copy set that are put on the wire, or taken off it, at once */

/* coherence.c: what owners, holders and requesters do, whoever manages */
/* Holder: sends a copy to the origin of the request, or what is needed of it; and takes the
 * message.  False:
 * the page is pinned, the message was put aside until it is not. */
bool svm_serve_copy(struct svm *s, struct svm_page *sp, struct svm_msg *request);
/* Owner: gives the ownership with its copy set, and keeps at most `keep` itself.  As above. */
bool svm_serve_ownership(struct svm *s, struct svm_page *sp, struct svm_msg *request,
                         enum vm_prot keep);
/* Owner: the fault of its own program ends with `prot`.  As above. */
bool svm_serve_self(struct svm *s, struct svm_page *sp, struct svm_msg *request);
/* What managers have in common: `defers` always, never, or only while the node owns or will. */
bool svm_defers_all(struct svm *s, const struct svm_page *sp, const struct svm_msg *m);
bool svm_defers_none(struct svm *s, const struct svm_page *sp, const struct svm_msg *m);
bool svm_defers_owning(struct svm *s, const struct svm_page *sp, const struct svm_msg *m);
/* A REQUEST of the fault that is in progress here. */
struct svm_msg *svm_request_new(struct svm *s, struct svm_page *sp, bool has_copy);
/* Tells every member of sp->copies but this node and `writer` to drop its copy of a version below
 * `version`;
 * the set is empty afterwards, sp->acks has who must answer. */
void svm_invalidate_copies(struct svm *s, struct svm_page *sp, uint32_t writer, uint32_t version);
/* Puts a message aside until the fault is over or the page is unpinned. */
void svm_defer(struct svm_page *sp, struct svm_msg *m);
void svm_ask_again(struct svm *s, struct svm_page *sp);
/* A message for this node that no recovery takes. */
void svm_handle(struct svm *s, struct svm_msg *m);
/* The fault is over: the program has `prot`.  data: NULL, the copy here is good; else the page's
 * bytes. */
void svm_grant(struct svm *s, struct svm_page *sp, struct rope *data, enum vm_prot prot);
/* A READ copy has come, or (ownerless) what the manager grants. */
void svm_copy_arrived(struct svm *s, struct svm_page *sp, struct svm_msg *m);
/* After a recovery: what this node waits for is asked for again. */
void svm_resume(struct svm *s, struct svm_page *sp);
extern const struct vm_pager_ops svm_pager;

/* save.c */
extern const struct vm_saving_ops svm_saving;
void svm_put32(struct rope *out, uint32_t v);
/* Nodes have in an image their places in the list, for the list may be another next time. */
void svm_put_node(const struct svm *s, struct rope *out, uint32_t node);
/* u32 members, each a node. */
void svm_put_nodes(const struct svm *s, struct rope *out, const struct nodeset *n);
uint32_t svm_get32(struct svm_image *in);
uint32_t svm_get_node(const struct svm *s, struct svm_image *in);
void svm_get_nodes(struct svm *s, struct svm_image *in, struct nodeset *n);
/* A region has been joined: it goes on from the image of its instance, if that has one. */
void svm_restore(struct svm *s);
/* A message that is of another run, or too early: taken. */
bool svm_kept_takes(struct svm_kept *k, const struct xk_sessn *lower, struct xk_msg *m);

/* recover.c */
void svm_node_down(struct svm *s, uint32_t node); /* the failure detector says so */
/* A message for this node, of any kind; in a recovery it may be dropped, or wait. */
void svm_receive(struct svm *s, struct svm_msg *m);

extern const struct svm_mgr_ops svm_mgr_central, svm_mgr_improved, svm_mgr_fixed, svm_mgr_broadcast,
    svm_mgr_dynamic, svm_mgr_dynamic_s, svm_mgr_tree, svm_mgr_xmm, svm_mgr_hlrc;

#endif
