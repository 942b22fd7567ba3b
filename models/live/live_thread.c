/* live_thread.c: threads of a live node: coroutines on the host's one thread (LIVE1). */
#include "models/live/live_internal.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Below the stack lies a page that nobody may touch: who runs over stops there. */
static void *stack_take(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at = mmap(NULL, LIVE_STACK + page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (at == MAP_FAILED || mprotect(at, page, PROT_NONE) != 0)
        return NULL;
    return at + page;
}

static void stack_give(void *stack)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    munmap((char *)stack - page, LIVE_STACK + page);
}

void live_thread_free(struct port_thread *t)
{
    struct live *l = t->task->live;
    for (uint32_t i = 0; i < l->wait_count; i++)
        if (l->waits[i].thread == t)
            l->waits[i--] = l->waits[--l->wait_count];
    live_undo(t->due);
    list_remove(&t->link);
    stack_give(t->stack);
    free(t);
}

void live_thread_run(struct live *l, struct port_thread *t)
{
    t->state = THREAD_RUNNING;
    l->thread = t;
    coroutine_run(&t->run);
    l->thread = NULL;
    if (t->run.done)
        live_thread_free(t);
}

static void make_ready(struct port_thread *t, sim_time at)
{
    t->state = THREAD_READY;
    t->due = live_due(t->task->live, DUE_THREAD, t->task, at);
    t->due->u.thread = t;
}

struct port_thread *port_thread_spawn(struct port *p, const char *name, void (*fn)(void *arg),
                                      void *arg, unsigned flags)
{
    void *stack = stack_take();
    (void)name;
    (void)flags;
    if (!stack)
        return NULL;
    struct port_thread *t = base_zalloc(1, sizeof *t);
    t->task = p;
    t->stack = stack;
    coroutine_init(&t->run, stack, LIVE_STACK, fn, arg);
    list_push(&p->threads, &t->link);
    make_ready(t, live_now(p->live));
    return t;
}

struct port_thread *port_thread_self(struct port *p)
{
    return p->live->thread;
}

bool port_in_thread(const struct port *p)
{
    return p->live->thread != NULL;
}

bool port_thread_block_for(struct port *p, const char *what, uint64_t on, sim_time timeout)
{
    struct live *l = p->live;
    struct port_thread *t = l->thread;
    (void)what;
    (void)on;
    ASSERT_MSG(t, "an upcall blocks");
    if (t->token) {
        t->token = false;
        return true;
    }
    t->state = THREAD_BLOCKED;
    t->timed_out = false;
    if (timeout != SIM_NEVER) {
        t->due = live_due(l, DUE_TIMEOUT, t->task, sim_time_add(live_now(l), timeout));
        t->due->u.thread = t;
    }
    coroutine_leave(&t->run);
    return !t->timed_out;
}

void port_thread_block(struct port *p, const char *what, uint64_t on)
{
    port_thread_block_for(p, what, on, SIM_NEVER);
}

void port_thread_wake(struct port *p, struct port_thread *t)
{
    (void)p;
    if (t->state != THREAD_BLOCKED) {
        t->token = true;
        return;
    }
    live_undo(t->due);
    make_ready(t, live_now(t->task->live));
}

void port_thread_sleep(struct port *p, sim_time delay)
{
    struct live *l = p->live;
    struct port_thread *t = l->thread;
    ASSERT_MSG(t, "an upcall blocks");
    make_ready(t, sim_time_add(live_now(l), delay));
    coroutine_leave(&t->run);
}

void port_pay(struct port *p)
{
    (void)p; /* LIVE2 */
}

void port_compute(struct port *p, sim_time duration)
{
    sim_time until = sim_time_add(live_now(p->live), duration);
    if (p->live->thread)
        port_thread_sleep(p, duration);
    while (live_now(p->live) < until)
        continue; /* an upcall has the node to itself meanwhile */
}

void live_wait(struct port *p, int fd, bool out)
{
    struct live *l = p->live;
    struct port_thread *t = l->thread;
    ASSERT_MSG(t, "an upcall blocks");
    if (l->wait_count == l->wait_room) {
        l->wait_room = l->wait_room ? 2 * l->wait_room : 16;
        l->waits = base_realloc(l->waits, l->wait_room * sizeof *l->waits);
    }
    l->waits[l->wait_count++] =
        (struct live_wait_for){ .fd = fd, .events = out ? POLLOUT : POLLIN, .thread = t };
    for (bool waits = true; waits;) {
        t->state = THREAD_BLOCKED;
        coroutine_leave(&t->run);
        waits = false;
        for (uint32_t i = 0; i < l->wait_count; i++)
            waits |= l->waits[i].thread == t;
        t->token |= waits; /* somebody woke it, and it waits on: that wake counts later */
    }
}

void live_waits_end(struct live *l, int fd, int events)
{
    for (uint32_t i = 0; i < l->wait_count;) {
        struct port_thread *t = l->waits[i].thread;
        if (l->waits[i].fd != fd ||
            !(events & (l->waits[i].events | POLLERR | POLLHUP | POLLNVAL))) {
            i++;
            continue;
        }
        l->waits[i] = l->waits[--l->wait_count];
        if (t->state == THREAD_BLOCKED)
            port_thread_wake(t->task, t);
    }
}

void live_wait_over(struct port *p, int fd)
{
    live_waits_end(p->live, fd, ~0);
}
