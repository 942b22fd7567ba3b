/* own.h: what a task owns in a port whose node is a process of the host: this one, and tests/fake/.
 *
 * Memory, what its parts count, threads as coroutines: what two ports would say twice.
 */
#ifndef MODELS_LIVE_OWN_H
#define MODELS_LIVE_OWN_H

#include <ucontext.h>

#include "sim/base/counter.h"
#include "sim/base/list.h"

/* ---- memory ---- */

struct heap {
    struct list blocks;
    uint64_t bytes, count; /* in use, and in how many blocks */
};

void heap_init(struct heap *h);               /* empty */
void *heap_take(struct heap *h, size_t size); /* zeros, aligned like malloc's */
size_t heap_size(const void *at);         /* as asked for; stops where heap_take did not give it */
void heap_give(struct heap *h, void *at); /* frees what heap_take gave */
/* Frees all, and the message data that ropes in it hold. */
void heap_end(struct heap *h);

/* ---- counters (sim/base/counter.h) ---- */

/* A part, in a list of its task's; and, with its last values, in a list of those that have gone. */
void counted_begin(struct list *parts, const char *owner, const struct counter *d,
                   const void *base);
/* Those at `base` go, NULL: all. */
void counted_end(struct list *parts, const void *base, struct list *gone);
void counted_free(struct list *gone);
/* Adds to *sum what those in a list count as "owner.name"; false: none does. */
bool counted_add(const struct list *parts, const char *name, uint64_t *sum);

/* ---- coroutines ---- */

struct coroutine {
    ucontext_t context, *back; /* back: of who runs it now */
    void (*fn)(void *arg);
    void *arg;
    bool done; /* fn has returned */
};

/* On a stack of the caller's, which is free again when it is done or is not run any more. */
void coroutine_init(struct coroutine *c, void *stack, size_t size, void (*fn)(void *arg),
                    void *arg);
void coroutine_run(struct coroutine *c);   /* until it leaves or is done */
void coroutine_leave(struct coroutine *c); /* from inside; goes on where it is run next */

/* ---- draws and digests ---- */

uint64_t draw_next(uint64_t *state); /* splitmix64 [Steele, Lea, Flood 2014] */
/* A digest of deliveries, in order, after one more (port_delivered). */
uint64_t digest_delivered(uint64_t digest, uint32_t node, uint64_t length, uint64_t content);

#endif
