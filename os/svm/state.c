/* state.c: see state.h. */
#include "os/svm/state.h"

#include <stdio.h> /* snprintf alone */

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

#define PINNED (S(READING_PIN) | S(WRITING_PIN) | S(OWN_READ_PIN) | S(OWN_WRITE_PIN))
#define OWNER                                                                                      \
    (S(AWAY) | S(OWN_READ) | S(OWN_READ_PIN) | S(OWN_WRITE) | S(OWN_WRITE_PIN) | S(PUTTING) |      \
     S(FETCHING) | S(ASKING) | S(CLEARING))
#define WRITE (S(WRITING) | S(WRITING_PIN) | S(OWN_WRITE) | S(OWN_WRITE_PIN))
#define COPY (S(READING) | S(READING_PIN) | S(OWN_READ) | S(OWN_READ_PIN) | WRITE)
#define LOCKED (S(WANTING) | S(UPGRADING) | S(ASKING) | S(CLEARING))
#define BUT(states) (~(states))
#define FAULTS (E(READ_FAULT) | E(WRITE_FAULT))
#define FORWARDS (E(READ_FORWARD) | E(WRITE_FORWARD))
#define EVERY (~0u)

static const struct rule {
    uint32_t managers, states, events;
    const char *why;
} rules[] = {
    /* States. */
    { XMM, OWNER | S(PASSING), EVERY, "nobody owns a page" },
    { ALL - XMM, S(WRITING) | S(WRITING_PIN), EVERY, "who may write owns the page" },
    { ALL - CENTRAL, S(ASKING), EVERY, "an owner asks nobody" },
    { CENTRAL, S(CLEARING), EVERY, "the manager invalidates" },
    { ALL - TREE, S(PASSING), EVERY, "nobody else has copies to answer for" },
    /* Events. */
    { ALL - BROADCAST, EVERY, E(RETRY), "a request is sure to be answered" },
    { ALL - CENTRAL - IMPROVED, EVERY, FORWARDS, "no manager forwards" },
    { ALL - CENTRAL, EVERY, E(CONFIRM), "no manager waits for confirmations" },
    { ALL - HINTS, EVERY, E(ANNOUNCE), "there are no hints" },
    { ALL - XMM, EVERY, E(FLUSH) | E(DATA), "contents go from owner to requester" },
    { XMM, EVERY, E(OWNERSHIP) | E(INVALIDATE) | E(ACK), "copies are flushed" },
    { DYNAMIC, EVERY, E(COPY), "a read moves the ownership too" },
    /* The program and its memory. */
    { ALL, COPY, E(READ_FAULT), "the page may be read" },
    { ALL, WRITE, E(WRITE_FAULT), "the page may be written" },
    { ALL, LOCKED, FAULTS, "a fault is out already (VM2)" },
    { ALL, S(PUTTING), FAULTS, "the fault waits for the eviction's end" },
    { ALL, BUT(COPY) | PINNED, E(EVICT), "there is no frame, or it must stay" },
    { ALL, BUT(S(INVALID) | S(AWAY)), E(REFUSED), "what waits for a frame counts as pinned" },
    { ALL, PINNED, E(UNPIN), "the last pin is gone" },
    { BROADCAST, BUT(S(WANTING) | S(UPGRADING) | S(CLEARING)), E(RETRY), "no request is out" },
    { ALL, BUT(S(PUTTING)), E(PUT), "nothing is on its way to the store" },
    { ALL, BUT(S(FETCHING)), E(FETCHED), "nothing is on its way from the store" },
    /* Messages. */
    { CENTRAL | IMPROVED, S(INVALID) | S(READING) | S(READING_PIN), FORWARDS,
      "the manager knows who owns, or will" },
    { CENTRAL, S(WANTING) | S(UPGRADING), FORWARDS,
      "the manager waits for the confirmation of the request before" },
    { CENTRAL, S(FETCHING), E(CONFIRM) | E(ACK), "the request in service waits for the contents" },
    { CENTRAL, WRITE, E(ACK), "there are no copies" },
    { ALL - CENTRAL, BUT(S(CLEARING) | S(PASSING)), E(ACK), "nothing was invalidated" },
    { CENTRAL | IMPROVED | DYNAMIC_S, BUT(S(WANTING)), E(COPY), "nobody has asked to read" },
    { TREE, BUT(S(WANTING) | S(PASSING)), E(COPY), "nobody has asked to read" },
    { XMM, BUT(S(WANTING) | S(UPGRADING)), E(COPY), "nobody has asked" },
    { ALL, OWNER, E(OWNERSHIP), "there is one owner (SVM2)" },
    { ALL - BROADCAST, S(INVALID) | S(READING) | S(READING_PIN), E(OWNERSHIP),
      "nobody has asked to write" },
    { BROADCAST, S(READING) | S(READING_PIN), E(OWNERSHIP),
      "an older request reaches every node before a newer, and is served before it (SVMI6)" },
    { TREE, S(PASSING), E(OWNERSHIP), "the owner waits for the acknowledgement from here" },
    { ALL, OWNER, E(INVALIDATE), "an owner gives nothing away while copies are invalidated" },
    { XMM, S(WRITING) | S(WRITING_PIN), E(DATA), "nobody else has anything" },
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
    if (!s->recovery && s->never[state] >> e & 1) {
        char text[120];
        snprintf(text, sizeof text, "%s: %s meets page %llu in the state %s, where it cannot be",
                 s->ops->kind.name, svm_event_names[e], (unsigned long long)sp->page,
                 svm_state_names[state]);
        ASSERT_MSG(false, text);
    }
}

void svm_watch(struct svm *s, void (*fn)(void *arg, enum svm_state state, enum svm_event e),
               void *arg)
{
    s->watch = fn;
    s->watch_arg = arg;
}
