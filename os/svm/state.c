/* state.c: see state.h. */
#include "os/svm/state.h"

#include "os/svm/svm_internal.h"

const char *const svm_state_names[SVM_STATE_COUNT] = {
    [SVM_INVALID] = "invalid",
    [SVM_READING] = "reading",
    [SVM_READING_PIN] = "reading, pin",
    [SVM_WRITING] = "writing",
    [SVM_WRITING_PIN] = "writing, pin",
    [SVM_AWAY] = "own, away",
    [SVM_OWN_READ] = "own, read",
    [SVM_OWN_READ_PIN] = "own, read, pin",
    [SVM_OWN_WRITE] = "own, write",
    [SVM_OWN_WRITE_PIN] = "own, write, pin",
    [SVM_PUTTING] = "putting",
    [SVM_FETCHING] = "fetching",
    [SVM_WANTING] = "wanting",
    [SVM_UPGRADING] = "upgrading",
    [SVM_ASKING] = "asking",
    [SVM_CLEARING] = "clearing",
    [SVM_PASSING] = "passing",
};

const char *const svm_event_names[SVM_EVENT_COUNT] = {
    [SVM_ON_READ_FAULT] = "read fault",
    [SVM_ON_WRITE_FAULT] = "write fault",
    [SVM_ON_EVICT] = "evict",
    [SVM_ON_REFUSED] = "refused",
    [SVM_ON_UNPIN] = "unpin",
    [SVM_ON_RETRY] = "retry",
    [SVM_ON_PUT] = "put away",
    [SVM_ON_FETCHED] = "fetched",
    [SVM_ON_READ_REQUEST] = "read request",
    [SVM_ON_WRITE_REQUEST] = "write request",
    [SVM_ON_READ_FORWARD] = "read forward",
    [SVM_ON_WRITE_FORWARD] = "write forward",
    [SVM_ON_COPY] = "copy",
    [SVM_ON_OWNERSHIP] = "ownership",
    [SVM_ON_CONFIRM] = "confirm",
    [SVM_ON_INVALIDATE] = "invalidate",
    [SVM_ON_ACK] = "ack",
    [SVM_ON_ANNOUNCE] = "announce",
    [SVM_ON_FLUSH] = "flush",
    [SVM_ON_DATA] = "data",
};

enum svm_state svm_state_of(const struct svm *s, const struct svm_page *sp)
{
    enum vm_prot prot = vm_page_prot(s->region, sp->page);
    bool pin = vm_page_pinned(s->region, sp->page);
    if (sp->putting)
        return SVM_PUTTING;
    if (sp->fetching)
        return SVM_FETCHING;
    if (sp->ack_below)
        return SVM_PASSING;
    if (sp->locked && sp->owner)
        return sp->acks.count > 0 ? SVM_CLEARING : SVM_ASKING;
    if (sp->locked)
        return prot == VM_NONE ? SVM_WANTING : SVM_UPGRADING;
    if (prot == VM_NONE)
        return sp->owner ? SVM_AWAY : SVM_INVALID;
    if (!sp->owner)
        return (prot == VM_READ ? SVM_READING : SVM_WRITING) + pin;
    return (prot == VM_READ ? SVM_OWN_READ : SVM_OWN_WRITE) + pin;
}

/* ---- what cannot be ---- */

enum { /* managers, as bits of their place in svm_managers */
       CENTRAL = 1,
       IMPROVED = 2 + 4, /* and fixed */
       BROADCAST = 8,
       DYNAMIC = 16,
       DYNAMIC_S = 32,
       TREE = 64,
       XMM = 128,
       HINTS = DYNAMIC + DYNAMIC_S + TREE,
       ALL = 255
};

#define S(name) (1u << SVM_##name)
#define E(name) (1u << SVM_ON_##name)

#define ANY UINT32_MAX
#define PINNED (S(READING_PIN) | S(WRITING_PIN) | S(OWN_READ_PIN) | S(OWN_WRITE_PIN))
#define LOCKED (S(WANTING) | S(UPGRADING) | S(ASKING) | S(CLEARING))
#define OWNING                                                                                     \
    (S(AWAY) | S(OWN_READ) | S(OWN_READ_PIN) | S(OWN_WRITE) | S(OWN_WRITE_PIN) | S(PUTTING))
#define FAULTS (E(READ_FAULT) | E(WRITE_FAULT))
#define REQUESTS (E(READ_REQUEST) | E(WRITE_REQUEST))
#define FORWARDS (E(READ_FORWARD) | E(WRITE_FORWARD))

static const struct rule {
    uint32_t managers, states, events;
    const char *why;
} rules[] = {
#include "os/svm/state_rules.h"
};

const char *svm_why_never(int manager, enum svm_state state, enum svm_event e)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (rules[i].managers >> manager & rules[i].states >> state & rules[i].events >> e & 1)
            return rules[i].why;
    return NULL;
}

void svm_never(int manager, uint32_t never[SVM_STATE_COUNT])
{
    for (uint32_t state = 0; state < SVM_STATE_COUNT; state++) {
        never[state] = 0;
        for (size_t i = 0; i < ARRAY_LEN(rules); i++)
            if (rules[i].managers >> manager & rules[i].states >> state & 1)
                never[state] |= rules[i].events;
    }
}

void svm_event(struct svm *s, struct svm_page *sp, enum svm_event e)
{
    enum svm_state state = svm_state_of(s, sp);
    if (s->watch)
        s->watch(s->watch_arg, state, e);
    ASSERT_MSG(!(s->never[state] >> e & 1), "an event meets a page in a state where it cannot be");
}

void svm_watch(struct svm *s, void (*fn)(void *arg, enum svm_state state, enum svm_event e),
               void *arg)
{
    s->watch = fn;
    s->watch_arg = arg;
}
