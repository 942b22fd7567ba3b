/* live.c: the node: the loop over what is due and over the descriptors, tasks, memory.  See live.h.
 */
#include "models/live/live_internal.h"

#include <stdlib.h>

/* ---- life ---- */

static struct port *task_new(struct live *l, const char *name)
{
    struct port *p = base_zalloc(1, sizeof *p);
    p->live = l;
    size_t n = strlen(name);
    memcpy(p->name, name, n < sizeof p->name ? n : sizeof p->name - 1);
    heap_init(&p->heap);
    list_init(&p->threads);
    list_init(&p->counters);
    list_init(&p->ends);
    p->random = l->o.seed ^ ((uint64_t)l->o.node << 40) ^ l->task_count++;
    list_push(&l->tasks, &p->link);
    return p;
}

/* LIVE3. */
static void task_drop(struct port *t)
{
    struct live *l = t->live;
    if (t->on_end)
        t->on_end(t->on_end_arg);
    LIST_EACH_SAFE (it, nx, &l->due)
        if (LIST_ENTRY(it, struct due, link)->task == t)
            live_undo(LIST_ENTRY(it, struct due, link));
    while (!list_empty(&t->threads))
        live_thread_free(LIST_ENTRY(t->threads.next, struct port_thread, link));
    counted_end(&t->counters, NULL, &l->gone);
    while (!list_empty(&t->ends))
        port_end_close(LIST_ENTRY(t->ends.next, struct port_end, link));
    heap_end(&t->heap);
    list_remove(&t->link);
    free(t);
}

struct live *live_create(const struct live_options *o)
{
    struct live *l = base_zalloc(1, sizeof *l);
    l->o = *o;
    l->o.nodes = o->nodes ? o->nodes : 1;
    ASSERT(o->node < l->o.nodes);
    list_init(&l->tasks);
    list_init(&l->due);
    list_init(&l->gone);
    live_begin(l);
    l->frame = base_alloc(LIVE_HEADER + LIVE_FRAME_MAX);
    return l;
}

void live_destroy(struct live *l)
{
    ASSERT(!l->running);
    while (!list_empty(&l->tasks))
        task_drop(LIST_ENTRY(l->tasks.prev, struct port, link));
    for (uint32_t i = 0; i < l->if_count; i++)
        live_if_close(&l->ifs[i]);
    counted_free(&l->gone);
    free(l->waits);
    free(l->polled);
    free(l->frame);
    free(l);
}

/* ---- the loop ---- */

static void enter(struct live *l, struct port *task)
{
    ASSERT_MSG(!l->running, "LIVE1");
    l->running = task;
}

/* The task may be gone then. */
static void leave(struct live *l)
{
    struct port *task = l->running;
    l->running = NULL;
    if (task->dead)
        task_drop(task);
}

static void run_due(struct live *l, struct due *d)
{
    struct due now = *d; /* it is done before its code runs, which may ask anew */
    live_undo(d);
    enter(l, now.task);
    switch (now.kind) {
    case DUE_RUN:
        now.u.run.fn(now.task, now.u.run.arg);
        break;
    case DUE_TIMER:
        now.u.timer->fn(now.u.timer);
        break;
    case DUE_TIMEOUT:
        now.u.thread->timed_out = true;
        live_thread_run(l, now.u.thread);
        break;
    case DUE_THREAD:
        live_thread_run(l, now.u.thread);
        break;
    case DUE_READY:
        now.u.end->ops->ready(now.u.end->arg);
        break;
    }
    leave(l);
}

/* What is due when it begins: what that asks for is left for the next round, so that no descriptor
 * waits for ever. */
static void run_all_due(struct live *l)
{
    sim_time until = live_now(l);
    while (!l->stopped && !list_empty(&l->due)) {
        struct due *d = LIST_ENTRY(l->due.next, struct due, link);
        if (d->at > until)
            break;
        run_due(l, d);
    }
}

#define BATCH 64 /* frames taken before others have their turn */

/* What has come to an interface goes up to its ends. */
static void take_frames(struct live *l, struct live_if *f)
{
    struct live_taken t;
    for (int i = 0; i < BATCH && !l->stopped && live_if_take(f, &t); i++) {
        if (t.end) {
            enter(l, t.end->task);
            if (f->ends.conditioned > 0)
                port_work(t.end->task, PORT_WORK_FILTER, f->ends.conditioned);
            t.end->ops->receive(t.end->arg, t.from, t.flags, &t.frame);
            leave(l);
        }
        rope_fini(&t.frame);
    }
}

static void serve(struct live *l, struct live_if *f, short events)
{
    if (events & POLLOUT)
        live_if_room(f);
    if (events & ~POLLOUT)
        take_frames(l, f);
    if (events & (POLLHUP | POLLNVAL))
        live_if_close(f); /* the peer has gone, for good */
}

/* Waits for a descriptor, or for what is due next. */
static void poll_all(struct live *l)
{
    struct pollfd *fds = l->polled =
        base_realloc(l->polled, (LIVE_IFS_MAX + l->wait_count) * sizeof *fds);
    struct timespec wait = { 0, 0 }, *limit = NULL;
    nfds_t n = 0;
    for (uint32_t i = 0; i < l->if_count; i++)
        fds[n++] = (struct pollfd){ .fd = l->ifs[i].fd, .events = live_if_events(&l->ifs[i]) };
    for (uint32_t i = 0; i < l->wait_count; i++)
        fds[n++] = (struct pollfd){ .fd = l->waits[i].fd, .events = l->waits[i].events };
    if (!list_empty(&l->due)) {
        sim_time left = LIST_ENTRY(l->due.next, struct due, link)->at - live_now(l);
        if (left > 0) {
            wait.tv_sec = left / SIM_SEC;
            wait.tv_nsec = left % SIM_SEC / SIM_NS + 1;
        }
        limit = &wait;
    }
    sigset_t none;
    sigemptyset(&none);
    if (ppoll(fds, n, limit, &none) <= 0)
        return;
    for (uint32_t i = 0; i < l->if_count && !l->stopped; i++)
        if (fds[i].revents != 0)
            serve(l, &l->ifs[i], fds[i].revents);
    for (nfds_t i = l->if_count; i < n; i++)
        if (fds[i].revents != 0)
            live_waits_end(l, fds[i].fd, fds[i].revents);
}

/* Something may still come. */
static bool may_go_on(const struct live *l)
{
    bool open = l->wait_count > 0 || !list_empty(&l->due);
    for (uint32_t i = 0; i < l->if_count; i++)
        open |= l->ifs[i].fd >= 0;
    return open;
}

bool live_run(struct live *l, void (*fn)(struct port *p, void *arg), void *arg)
{
    struct port *kernel = task_new(l, "kernel");
    port_task_run(kernel, fn, arg);
    /* A signal that stops it comes while it polls, so none is missed between. */
    sigset_t stops, before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, &before);
    while (!l->stopped && may_go_on(l)) {
        run_all_due(l);
        if (!l->stopped && may_go_on(l))
            poll_all(l);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return l->stopped;
}

void live_stop(struct live *l)
{
    l->stopped = 1;
}

/* ---- who ---- */

uint32_t port_node(const struct port *p)
{
    return p->live->o.node;
}

uint32_t port_nodes(const struct port *p)
{
    return p->live->o.nodes;
}

uint32_t port_incarnation(const struct port *p)
{
    (void)p;
    return 1;
}

uint64_t port_kept(const struct port *p)
{
    return p->live->kept;
}

void port_keep(struct port *p, uint64_t value)
{
    p->live->kept = value;
}

bool port_little_endian(const struct port *p)
{
    (void)p;
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

uint64_t port_memory(const struct port *p)
{
    (void)p;
    return 0;
}

const char *port_task_name(const struct port *p)
{
    return p->name;
}

/* ---- tasks ---- */

struct port *port_task_create(struct port *p, const char *name,
                              void (*main)(struct port *task, void *arg), void *arg)
{
    ASSERT(name);
    struct port *t = task_new(p->live, name);
    if (main)
        port_task_run(t, main, arg);
    return t;
}

void port_task_crash(struct port *task)
{
    struct live *l = task->live;
    if (l->running != task) {
        task_drop(task);
        return;
    }
    task->dead = true;
    if (l->thread)
        coroutine_leave(&l->thread->run);
}

void port_task_on_end(struct port *task, void (*fn)(void *arg), void *arg)
{
    task->on_end = fn;
    task->on_end_arg = arg;
}

bool port_task_place(struct port *task, const char *cpu)
{
    (void)task;
    return strcmp(cpu, "application") == 0;
}

const char *port_task_cpu(const struct port *task)
{
    (void)task;
    return "application";
}

void port_task_run(struct port *task, void (*fn)(struct port *task, void *arg), void *arg)
{
    if (task->dead)
        return;
    struct due *d = live_due(task->live, DUE_RUN, task, live_now(task->live));
    d->u.run.fn = fn;
    d->u.run.arg = arg;
}

void port_on_node_change(struct port *p,
                         void (*fn)(void *arg, uint32_t node, uint32_t life, bool up), void *arg)
{
    (void)p; /* there is no detector */
    (void)fn;
    (void)arg;
}

/* ---- memory ---- */

void *port_alloc(struct port *p, size_t size)
{
    return heap_take(&p->heap, size);
}

void port_free(struct port *p, void *ptr)
{
    if (ptr)
        heap_give(&p->heap, ptr);
}

void *port_realloc(struct port *p, void *ptr, size_t size)
{
    void *fresh = port_alloc(p, size);
    if (ptr) {
        size_t old = heap_size(ptr);
        memcpy(fresh, ptr, old < size ? old : size);
        port_free(p, ptr);
    }
    return fresh;
}

uint64_t port_heap_bytes(const struct port *p)
{
    return p->heap.bytes;
}
