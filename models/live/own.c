/* own.c: memory, counters and coroutines of tasks.  See own.h. */
#include "models/live/own.h"

#include <stdlib.h>

#include "sim/base/rope.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)0)
#endif

/* ---- memory ---- */

#define HEAP_MAGIC 0x70736d66616b6568u

struct heap_block { /* 32 bytes: what follows is aligned to 16 */
    struct list link;
    size_t size;
    uint64_t magic;
};

static struct heap_block *block_at(const void *at)
{
    struct heap_block *b = (struct heap_block *)(uintptr_t)at - 1;
    ASSERT_MSG(b->magic == HEAP_MAGIC, "freed twice, or not from port_alloc");
    return b;
}

void heap_init(struct heap *h)
{
    *h = (struct heap){ .bytes = 0 };
    list_init(&h->blocks);
}

void *heap_take(struct heap *h, size_t size)
{
    struct heap_block *b = base_zalloc(1, sizeof *b + size);
    b->size = size;
    b->magic = HEAP_MAGIC;
    list_push(&h->blocks, &b->link);
    h->bytes += size;
    h->count++;
    return b + 1;
}

size_t heap_size(const void *at)
{
    return block_at(at)->size;
}

void heap_give(struct heap *h, void *at)
{
    struct heap_block *b = block_at(at);
    h->bytes -= b->size;
    h->count--;
    list_remove(&b->link);
    b->magic = 0;
    free(b);
}

void heap_end(struct heap *h)
{
    struct rope_span *spans = base_zalloc(h->count + 1, sizeof *spans);
    struct list *k;
    size_t n = 0;
    LIST_EACH (i, &h->blocks) {
        struct heap_block *b = LIST_ENTRY(i, struct heap_block, link);
        spans[n++] = (struct rope_span){ b + 1, b->size };
    }
    rope_sweep(spans, n);
    free(spans);
    while ((k = list_pop(&h->blocks)))
        free(LIST_ENTRY(k, struct heap_block, link));
    h->bytes = h->count = 0;
}

/* ---- counters ---- */

struct counted {
    struct list link;
    char owner[32];
    const struct counter *counters;
    const void *base; /* NULL: gone, see values */
    uint64_t *values;
};

void counted_begin(struct list *parts, const char *owner, const struct counter *d, const void *base)
{
    struct counted *c = base_zalloc(1, sizeof *c);
    size_t n = strlen(owner);
    c->counters = d;
    c->base = base;
    memcpy(c->owner, owner, n < sizeof c->owner ? n : sizeof c->owner - 1);
    list_push(parts, &c->link);
}

void counted_end(struct list *parts, const void *base, struct list *gone)
{
    LIST_EACH_SAFE (k, nx, parts) {
        struct counted *c = LIST_ENTRY(k, struct counted, link);
        if (base && c->base != base)
            continue;
        size_t n = 0;
        while (c->counters[n].name)
            n++;
        c->values = base_zalloc(n + 1, sizeof *c->values);
        for (size_t i = 0; i < n; i++)
            if (c->counters[i].how != COUNTER_NOW)
                c->values[i] = counter_read(&c->counters[i], c->base);
        c->base = NULL;
        list_remove(k);
        list_push(gone, k);
    }
}

void counted_free(struct list *gone)
{
    struct list *k;
    while ((k = list_pop(gone))) {
        struct counted *c = LIST_ENTRY(k, struct counted, link);
        free(c->values);
        free(c);
    }
}

bool counted_add(const struct list *parts, const char *name, uint64_t *sum)
{
    bool found = false;
    LIST_EACH (k, parts) {
        const struct counted *c = LIST_ENTRY(k, struct counted, link);
        size_t n = strlen(c->owner);
        if (strncmp(name, c->owner, n) != 0 || name[n] != '.')
            continue;
        for (size_t i = 0; c->counters[i].name; i++) {
            const struct counter *d = &c->counters[i];
            if (strcmp(d->name, name + n + 1) != 0)
                continue;
            uint64_t v = c->base ? counter_read(d, c->base) : c->values[i];
            if (d->how == COUNTER_LEFT && c->base)
                v = 0;
            *sum = d->how != COUNTER_MOST ? *sum + v : v > *sum ? v : *sum;
            found = true;
        }
    }
    return found;
}

/* ---- coroutines ---- */

static void enter(unsigned lo, unsigned hi)
{
    struct coroutine *c = (struct coroutine *)((uintptr_t)lo | (uintptr_t)hi << 32);
    c->fn(c->arg);
    c->done = true;
    coroutine_leave(c);
}

void coroutine_init(struct coroutine *c, void *stack, size_t size, void (*fn)(void *arg), void *arg)
{
    uintptr_t u = (uintptr_t)c;
    ASAN_UNPOISON_MEMORY_REGION(stack, size); /* of a coroutine that was left where it stood */
    *c = (struct coroutine){ .fn = fn, .arg = arg };
    getcontext(&c->context);
    c->context.uc_stack.ss_sp = stack;
    c->context.uc_stack.ss_size = size;
    c->context.uc_link = NULL;
    makecontext(&c->context, (void (*)(void))enter, 2, (unsigned)u, (unsigned)(u >> 32));
}

void coroutine_run(struct coroutine *c)
{
    ucontext_t here;
    c->back = &here;
    swapcontext(&here, &c->context);
    c->back = NULL;
}

void coroutine_leave(struct coroutine *c)
{
    swapcontext(&c->context, c->back);
}

/* ---- draws and digests ---- */

uint64_t draw_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t digest_delivered(uint64_t digest, uint32_t node, uint64_t length, uint64_t content)
{
    uint64_t h = digest ^ node;
    h = draw_next(&h) ^ length;
    h = draw_next(&h) ^ content;
    return draw_next(&h);
}
