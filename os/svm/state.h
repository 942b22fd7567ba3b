/* state.h: the states of a page at a node and the events that meet them; which pairs cannot be.
 *
 * Every event goes through svm_event, which asserts, while no node has died, that it may meet the
 * page in its state.  A test
 * looks on (svm_watch) and shows that all the other pairs do happen.
 */
#ifndef OS_SVM_STATE_H
#define OS_SVM_STATE_H

#include "os/svm/svm.h"

struct svm_page;

enum svm_state {
    SVM_INVALID,       /* not owner, no copy */
    SVM_READING,       /* not owner, READ copy */
    SVM_READING_PIN,   /* the same, pinned */
    SVM_WRITING,       /* xmm, where nobody owns: WRITE */
    SVM_WRITING_PIN,   /* */
    SVM_AWAY,          /* owner, no frame: never touched, or in the store */
    SVM_OWN_READ,      /* owner with READ */
    SVM_OWN_READ_PIN,  /* */
    SVM_OWN_WRITE,     /* owner with WRITE */
    SVM_OWN_WRITE_PIN, /* */
    SVM_PUTTING,       /* owner; its contents are on their way to the store */
    SVM_FETCHING,      /* owner; on their way from there */
    SVM_WANTING,       /* a fault is out, no copy */
    SVM_UPGRADING,     /* a fault is out, READ copy */
    SVM_ASKING,        /* the same at the owner: its manager is asked */
    SVM_CLEARING,      /* a fault of the owner: invalidations are out */
    SVM_PASSING,       /* tree: a copy is gone, and the copies below it are not yet */
    SVM_STATE_COUNT
};

enum svm_event {
    SVM_ON_READ_FAULT,
    SVM_ON_WRITE_FAULT,
    SVM_ON_EVICT,   /* replacement wants the frame */
    SVM_ON_REFUSED, /* no frame for what was granted */
    SVM_ON_UNPIN,   /* the last pin is gone */
    SVM_ON_RETRY,   /* broadcast's timer */
    SVM_ON_PUT,     /* the store has it */
    SVM_ON_FETCHED, /* here it is again */
    SVM_ON_READ_REQUEST,
    SVM_ON_WRITE_REQUEST,
    SVM_ON_READ_FORWARD,
    SVM_ON_WRITE_FORWARD,
    SVM_ON_COPY,      /* PAGE without ownership */
    SVM_ON_OWNERSHIP, /* PAGE with it */
    SVM_ON_CONFIRM,
    SVM_ON_INVALIDATE,
    SVM_ON_ACK,
    SVM_ON_ANNOUNCE,
    SVM_ON_FLUSH,
    SVM_ON_DATA,
    SVM_EVENT_COUNT
};

extern const char *const svm_state_names[SVM_STATE_COUNT];
extern const char *const svm_event_names[SVM_EVENT_COUNT];

/* The state in which the page is here, now. */
enum svm_state svm_state_of(const struct svm *s, const struct svm_page *sp);
/* The event meets the page now: asserts that it may. */
void svm_event(struct svm *s, struct svm_page *sp, enum svm_event e);

/* The pairs that cannot be under a manager (an index of svm_managers): bit e of [state]. */
void svm_never(int manager, uint32_t never[SVM_STATE_COUNT]);
/* Why a pair cannot be; NULL: it can. */
const char *svm_why_never(int manager, enum svm_state state, enum svm_event e);

/* Calls fn for every event of this node's region, before it takes effect. */
void svm_watch(struct svm *s, void (*fn)(void *arg, enum svm_state state, enum svm_event e),
               void *arg);

#endif
