/* port_task.c: tasks: what belongs to them, their end, and what else the port offers.
 *
 * Everything that a task owns is in one of its lists, so that a crash drops it without running any
 * of its code (PORT3).  The port of a dead task stays until its node ends, since others of the node
 * may still hold it.
 */
#include "models/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/pool.h"
#include "sim/base/units.h"
#include "sim/trace.h"

/* Its task has it in an array, so that it comes and goes without a look at its neighbours. */
struct heap_block { /* 16 bytes: keeps the memory aligned to 16 */
    size_t size;
    size_t index; /* in task->heap */
};

static struct heap_block *block_new(struct port *p, size_t size)
{
    struct heap_block *b = pool_take(sizeof *b + size);
    if (p->heap_count == p->heap_room) {
        p->heap_room = p->heap_room ? 2 * p->heap_room : 32;
        p->heap = base_realloc(p->heap, p->heap_room * sizeof(struct heap_block *));
    }
    b->size = size;
    b->index = p->heap_count;
    p->heap[p->heap_count++] = b;
    return b;
}

static void block_free(struct port *p, struct heap_block *b)
{
    struct heap_block *last = p->heap[--p->heap_count];
    last->index = b->index;
    p->heap[b->index] = last;
    pool_give(b, sizeof *b + b->size);
}

struct task_counters {
    struct list link; /* task->counters */
    struct sim_counted counted;
};

static void counters_end(struct task_counters *c)
{
    sim_count_end(&c->counted);
    list_remove(&c->link);
    free(c);
}

struct port *task_new(struct node *n, const char *name)
{
    struct port *t = base_zalloc(1, sizeof *t);
    t->node = n;
    t->machine = n->machine;
    t->name = base_strdup(name);
    t->id = n->next_task++;
    t->cpu = cpu_of_upcalls(n);
    list_init(&t->timers);
    list_init(&t->threads);
    list_init(&t->watchers);
    list_init(&t->ends);
    list_init(&t->counters);
    list_init(&t->link);
    list_push(&n->tasks, &t->link);
    return t;
}

struct port *node_kernel(const struct node *n)
{
    ASSERT_MSG(!list_empty(&n->tasks), "the node is down");
    return LIST_ENTRY(n->tasks.next, struct port, link);
}

/* In service last: what its leaving lets in is not to be the task's own. */
static void drop_upcalls(struct port *t)
{
    struct node *n = t->node;
    for (struct list *it = n->upcalls.prev, *nx = it->prev; it != &n->upcalls;
         it = nx, nx = it->prev) {
        struct upcall *u = LIST_ENTRY(it, struct upcall, link);
        if (u->task == t)
            upcall_drop(u);
    }
}

static void kill_threads(struct port *t)
{
    struct sim_server *cpu = &t->node->cpu;
    struct port_thread *served = NULL;
    LIST_EACH_SAFE (it, nx, &t->threads) {
        struct port_thread *h = LIST_ENTRY(it, struct port_thread, link);
        if (&h->job == cpu->current)
            served = h;
        else
            thread_kill(h);
    }
    if (served != NULL)
        thread_kill(served);
}

/* What its heap held of the pool of message data goes back to it. */
static void sweep_heap(struct port *t)
{
    struct rope_span *spans = base_alloc((t->heap_count + 1) * sizeof *spans);
    for (size_t i = 0; i < t->heap_count; i++)
        spans[i] = (struct rope_span){ t->heap[i] + 1, t->heap[i]->size };
    rope_sweep(spans, t->heap_count);
    free(spans);
}

void task_crash(struct port *t)
{
    struct node *n = t->node;
    ASSERT_MSG(n->machine->running == NULL, "a task ends between pieces of code");
    if (t->dead)
        return;
    t->dead = true;
    if (t->on_end != NULL && n->up)
        t->on_end(t->on_end_arg);
    if (t->customer.stage != SIM_ABSENT)
        sim_population_move(&t->machine->window.programs, &t->customer, SIM_ABSENT,
                            sim_now(t->machine->sim), false);
    if (t->ledger != NULL)
        sim_ledger_leave(t->ledger, t, sim_now(t->machine->sim));
    LIST_EACH_SAFE (it, nx, &n->effects) {
        struct effect *f = LIST_ENTRY(it, struct effect, link);
        if (f->task == t || f->about == t)
            effect_drop(f);
    }
    LIST_EACH (it, &n->requests) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        if (r->task == t)
            request_orphan(r);
    }
    LIST_EACH (it, &n->changes) {
        struct change *x = LIST_ENTRY(it, struct change, link);
        if (x->task == t)
            x->io = NULL;
    }
    timers_drop(t);
    /* Upcalls wait before threads on a CPU that both share. */
    kill_threads(t);
    effects_release(n);
    drop_upcalls(t);
    ends_close(t);
    struct list *l;
    while ((l = list_pop(&t->watchers)) != NULL)
        free(LIST_ENTRY(l, struct watcher, link));
    while ((l = list_pop(&t->counters)) != NULL)
        counters_end(LIST_ENTRY(l, struct task_counters, link));
    sweep_heap(t);
    while (t->heap_count > 0)
        block_free(t, t->heap[t->heap_count - 1]);
    free(t->heap);
    t->heap = NULL;
    t->heap_room = 0;
    t->heap_bytes = 0;
    list_remove(&t->link);
    list_push(&n->dead_tasks, &t->link);
}

void task_free(struct port *t)
{
    list_remove(&t->link);
    free((void *)(uintptr_t)t->name);
    free(t);
}

struct port *port_task_create(struct port *p, const char *name,
                              void (*main)(struct port *task, void *arg), void *arg)
{
    struct port *t = task_new(p->node, name);
    if (main == NULL)
        return t;
    struct effect *f = effect_new(p, EFFECT_TASK);
    f->about = t;
    f->main = main;
    f->arg = arg;
    effect_take(f);
    return t;
}

void port_task_crash(struct port *task)
{
    struct effect *f = effect_new(node_kernel(task->node), EFFECT_CRASH);
    f->about = task;
    effect_take(f);
}

void port_task_on_end(struct port *task, void (*fn)(void *arg), void *arg)
{
    task->on_end = fn;
    task->on_end_arg = arg;
}

bool port_task_place(struct port *task, const char *cpu)
{
    struct node *n = task->node;
    struct sim_server *v = strcmp(cpu, "application") == 0   ? &n->cpu
                           : strcmp(cpu, "coprocessor") == 0 ? &n->coprocessor
                                                             : n->third;
    if (v == NULL || (v == &n->coprocessor && !n->own->node.coprocessor))
        return false;
    task->cpu = v;
    return true;
}

const char *port_task_cpu(const struct port *task)
{
    const struct node *n = task->node;
    return task->cpu == &n->cpu           ? "application"
           : task->cpu == &n->coprocessor ? "coprocessor"
                                          : "third";
}

void port_task_run(struct port *task, void (*fn)(struct port *task, void *arg), void *arg)
{
    if (task->dead)
        return;
    struct effect *f = effect_new(task, EFFECT_TASK);
    f->about = task;
    f->main = fn;
    f->arg = arg;
    if (task->machine->running == NULL) /* not from inside what ends another task */
        effect_at(f, sim_now(task->machine->sim));
    else
        effect_take(f);
}

void port_on_node_change(struct port *p,
                         void (*fn)(void *arg, uint32_t node, uint32_t life, bool up), void *arg)
{
    struct watcher *w = base_zalloc(1, sizeof *w);
    w->task = p;
    w->fn = fn;
    w->arg = arg;
    list_init(&w->link);
    list_push(&p->watchers, &w->link);
}

/* ---- memory ---- */

static void account(struct port *p, size_t add, size_t sub)
{
    p->heap_bytes += add;
    p->heap_bytes -= sub;
    if (p->heap_bytes > p->heap_most)
        p->heap_most = p->heap_bytes;
    int64_t limit = p->node->own->node.heap_limit;
    if (limit == 0 || p->heap_bytes <= (uint64_t)limit)
        return;
    char text[32];
    fprintf(stderr,
            "psim: task '%s' of node %u needs more memory than machine.node.heap_limit, %s\n",
            p->name, p->node->id, units_format_size(limit, text, sizeof text));
    exit(3);
}

void *port_alloc(struct port *p, size_t size)
{
    ASSERT_MSG(!p->dead, "memory for a task that has ended");
    struct heap_block *b = block_new(p, size);
    memset(b + 1, 0, size);
    account(p, size, 0);
    return b + 1;
}

void *port_realloc(struct port *p, void *ptr, size_t size)
{
    if (ptr == NULL)
        return port_alloc(p, size);
    struct heap_block *b = (struct heap_block *)ptr - 1;
    size_t old = b->size;
    struct heap_block *moved = block_new(p, size);
    memcpy(moved + 1, b + 1, old < size ? old : size);
    if (size > old)
        memset((char *)(moved + 1) + old, 0, size - old);
    block_free(p, b);
    account(p, size, old);
    return moved + 1;
}

void port_free(struct port *p, void *ptr)
{
    if (ptr == NULL)
        return;
    struct heap_block *b = (struct heap_block *)ptr - 1;
    account(p, 0, b->size);
    block_free(p, b);
}

uint64_t port_heap_bytes(const struct port *p)
{
    return p->heap_bytes;
}

/* ---- draws, trace ---- */

static struct sim_rng *stream(struct port *p)
{
    if (!p->rng_ready) {
        char name[128];
        snprintf(name, sizeof name, "task/%s/%u/%u", p->name, p->id, p->node->incarnation);
        sim_rng_init_indexed(&p->rng, p->machine->sim, name, p->node->id);
        p->rng_ready = true;
    }
    return &p->rng;
}

uint64_t port_random(struct port *p)
{
    return sim_rng_u64(stream(p));
}

uint64_t port_random_below(struct port *p, uint64_t n)
{
    return sim_rng_below(stream(p), n);
}

void port_counters(struct port *p, const char *owner, const struct counter *d, const void *base)
{
    struct task_counters *c = base_zalloc(1, sizeof *c);
    sim_count(&c->counted, p->machine->sim, owner, (int32_t)p->node->id, d, base);
    list_push(&p->counters, &c->link);
}

void port_counters_end(struct port *p, const void *base)
{
    LIST_EACH_SAFE (it, nx, &p->counters) {
        struct task_counters *c = LIST_ENTRY(it, struct task_counters, link);
        if (c->counted.base == base)
            counters_end(c);
    }
}

void port_delivered(struct port *p, uint64_t length, uint64_t content)
{
    sim_waist(p->machine->sim, SIM_WAIST_MESSAGE, port_now(p), p->node->id, length, content);
}

bool port_trace_on(const struct port *p)
{
    return sim_trace_on(p->machine->sim, "os");
}

void port_trace_begin(struct port *p, const char *track, const char *name, uint64_t id)
{
    if (port_trace_on(p))
        sim_trace_begin(p->machine->sim, "os", p->node->id, track, name, id, port_now(p));
}

void port_trace_end(struct port *p, const char *track, const char *name, uint64_t id)
{
    if (port_trace_on(p))
        sim_trace_end(p->machine->sim, "os", p->node->id, track, name, id, port_now(p));
}

void port_remark(struct port *p, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sim_remark(p->machine->sim, "node %u, %s: %s", p->node->id, p->name, text);
}

void port_fail(struct port *p, const char *fmt, ...)
{
    struct machine *m = p->machine;
    if (m->failure != NULL)
        return;
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    m->failure = base_printf("node %u, %s: %s", p->node->id, p->name, text);
}
