/* sync.c: see sync.h.
 *
 * Wire image, 16 bytes, big-endian:  0 op  1 token(3)  4 object(4)  8 value(8)
 * A request carries a token of its sender, which comes back in the answer and finds the waiting
 * thread.  Behind the header stands what the memory has to say, if it is relaxed (struct
 * sync_memory).  RDM below carries whole messages, in order, and takes all that is pushed.
 */
#include "os/svm/sync_internal.h"

#include "os/svm/save.h"
#include "os/xk/peers.h"

#include <stdio.h> /* snprintf alone */

static void handle(struct sync *y, uint32_t from, const uint8_t *h, struct rope *body);

static struct sync_message *message_new(struct port *p, uint32_t node, const uint8_t *header)
{
    struct sync_message *m = port_alloc(p, sizeof *m);
    m->node = node;
    for (size_t i = 0; i < SYNC_HEADER; i++)
        m->header[i] = header[i];
    list_init(&m->link);
    rope_init(&m->body);
    return m;
}

static void message_free(struct port *p, struct sync_message *m)
{
    rope_fini(&m->body);
    port_free(p, m);
}

/* The body is taken; NULL: none.  To the dead it is lost. */
static void send(struct sync *y, uint32_t node, enum sync_op op, uint32_t object, uint32_t token,
                 uint64_t value, struct rope *body)
{
    uint8_t h[SYNC_HEADER];
    struct rope none;
    rope_init(&none);
    if (y->gone)
        return;
    wire_put32(h, (uint32_t)op << 24 | token);
    wire_put32(h + 4, object);
    wire_put64(h + 8, value);
    if (node == port_node(y->port)) {
        port_pay(y->port); /* a message would leave after the thread's work so far too */
        handle(y, node, h, body ? body : &none);
        return;
    }
    enum xk_status why;
    struct xk_sessn *s = xk_open(y->protl->down[0], y->protl, xk_node(node), &why);
    if (!s)
        return;
    struct xk_msg m;
    xk_msg_init_rope(&m, body ? body : &none);
    uint8_t *front = xk_msg_push(&m, SYNC_HEADER);
    for (size_t i = 0; i < SYNC_HEADER; i++)
        front[i] = h[i];
    if (y->kept) {
        wire_put32(xk_msg_push(&m, SYNC_RUN), y->kept->run);
        y->kept->sent++;
    }
    enum xk_status status = xk_push(s, &m);
    ASSERT(status == XK_OK || status == XK_UNREACHABLE);
    xk_msg_fini(&m);
    xk_close(s);
}

/* ---- at the home ---- */

/* Takes `asked`. */
static void wait_at(struct sync *y, struct sync_object *o, uint32_t node, uint32_t token,
                    uint64_t value, struct rope *asked)
{
    struct sync_waiter *w = port_alloc(y->port, sizeof *w);
    w->node = node;
    w->token = token;
    w->value = value;
    rope_move(&w->asked, asked);
    list_push(&o->waiters, &w->link);
}

static void answer(struct sync *y, struct sync_object *o, uint32_t node, uint32_t token,
                   uint64_t value, const struct rope *asked)
{
    struct rope body;
    rope_init(&body);
    if (y->memory)
        y->memory->grant(y->memory_arg, o->memory, asked, &body);
    send(y, node, ANSWER, 0, token, value, &body);
    rope_fini(&body);
}

static void answer_waiter(struct sync *y, struct sync_object *o, struct sync_waiter *w,
                          uint64_t value)
{
    list_remove(&w->link);
    answer(y, o, w->node, w->token, value, &w->asked);
    rope_fini(&w->asked);
    port_free(y->port, w);
}

static void released(struct sync *y, struct sync_object *o, const struct rope *notes)
{
    if (y->memory)
        y->memory->merge(y->memory_arg, &o->memory, notes);
}

static void lock_at_home(struct sync *y, struct sync_object *o, uint32_t from, uint32_t token,
                         struct rope *asked)
{
    if (o->broken) {
        send(y, from, BROKEN, 0, token, o->holder, NULL);
    } else if (o->held) {
        wait_at(y, o, from, token, 0, asked);
    } else {
        o->held = true;
        o->holder = from;
        answer(y, o, from, token, 0, asked);
    }
}

static void unlock_at_home(struct sync *y, struct sync_object *o, const struct rope *notes)
{
    released(y, o, notes);
    o->held = !list_empty(&o->waiters);
    if (!o->held)
        return;
    struct sync_waiter *next = LIST_ENTRY(o->waiters.next, struct sync_waiter, link);
    o->holder = next->node;
    answer_waiter(y, o, next, 0);
}

static void advance_at_home(struct sync *y, struct sync_object *o, const struct rope *notes)
{
    released(y, o, notes);
    o->count++;
    LIST_EACH_SAFE (l, next, &o->waiters) {
        struct sync_waiter *w = LIST_ENTRY(l, struct sync_waiter, link);
        if (w->value <= o->count)
            answer_waiter(y, o, w, o->count);
    }
}

/* The event that is awaited may have been the dead's to bring. */
static void await_at_home(struct sync *y, struct sync_object *o, uint32_t from, uint32_t token,
                          uint64_t value, struct rope *asked)
{
    if (o->count >= value)
        answer(y, o, from, token, o->count, asked);
    else if (y->dead.count > 0)
        send(y, from, BROKEN, 0, token, y->dead.nodes[0], NULL);
    else
        wait_at(y, o, from, token, value, asked);
}

/* Nobody waits at an object whose holder is dead; the dead wait for nothing. */
static void break_waiters(struct sync *y, struct sync_object *o, uint32_t dead, bool all)
{
    LIST_EACH_SAFE (l, next, &o->waiters) {
        struct sync_waiter *w = LIST_ENTRY(l, struct sync_waiter, link);
        if (!all && w->node != dead)
            continue;
        list_remove(l);
        if (w->node != dead)
            send(y, w->node, BROKEN, 0, w->token, dead, NULL);
        rope_fini(&w->asked);
        port_free(y->port, w);
    }
}

static bool lock_without(void *arg, const void *key, void *value)
{
    struct sync *y = arg;
    struct sync_object *o = value;
    uint32_t dead = y->dead_now;
    (void)key;
    o->broken |= o->held && o->holder == dead;
    break_waiters(y, o, dead, o->broken);
    return true;
}

static bool count_without(void *arg, const void *key, void *value)
{
    struct sync *y = arg;
    (void)key;
    break_waiters(y, value, y->dead_now, true);
    return true;
}

static void end_wait(struct sync *y, struct sync_pending *w, uint32_t from, uint64_t value,
                     bool broken)
{
    list_remove(&w->link);
    w->done = true;
    w->broken = broken;
    w->value = value;
    w->from = from;
    if (w->thread)
        port_thread_wake(y->port, w->thread);
}

/* A member has crashed: what waits for it ends. */
static void member_down(struct sync *y, uint32_t node)
{
    bool member = false;
    for (uint32_t i = 0; i < y->count; i++)
        member |= y->nodes[i] == node;
    if (!member)
        return;
    nodeset_add(y->port, &y->dead, node);
    y->dead_now = node;
    xk_map_each(&y->objects[0], lock_without, y);
    xk_map_each(&y->objects[1], count_without, y);
    LIST_EACH_SAFE (l, next, &y->pending) {
        struct sync_pending *w = LIST_ENTRY(l, struct sync_pending, link);
        if (w->home == node)
            end_wait(y, w, node, node, true);
    }
    if (y->at_barrier)
        port_thread_wake(y->port, y->at_barrier);
}

/* Takes the notes. */
static void answered(struct sync *y, uint32_t from, uint32_t token, uint64_t value,
                     struct rope *notes, bool broken)
{
    LIST_EACH (l, &y->pending) {
        struct sync_pending *w = LIST_ENTRY(l, struct sync_pending, link);
        if (w->token != token)
            continue;
        rope_join(&w->notes, notes);
        if (!w->thread)
            y->call.answered = w;
        end_wait(y, w, from, value, broken);
        return;
    }
}

static void arrived_at_barrier(struct sync *y, uint32_t from, uint32_t round, const uint8_t *h,
                               struct rope *notes)
{
    if (round >= ROUNDS)
        return;
    if (y->memory) {
        struct sync_message *m = message_new(y->port, from, h);
        rope_join(&m->body, notes);
        list_push(&y->notes[round], &m->link);
    }
    y->arrived[round]++;
    if (y->at_barrier)
        port_thread_wake(y->port, y->at_barrier);
}

/* Whatever is not taken of the body stays the caller's. */
static void handle(struct sync *y, uint32_t from, const uint8_t *h, struct rope *body)
{
    uint32_t number = wire_get32(h + 4), token = wire_get32(h) & TOKEN_MAX;
    uint64_t value = wire_get64(h + 8);
    struct sync_object *o = NULL;
    if (y->out || nodeset_has(&y->dead, from)) /* it is too late: others have been told */
        return;
    if (h[0] <= UNLOCK)
        o = sync_object_of(y, false, number);
    else if (h[0] <= READ)
        o = sync_object_of(y, true, number);
    switch (h[0]) {
    case LOCK:
        lock_at_home(y, o, from, token, body);
        break;
    case UNLOCK:
        unlock_at_home(y, o, body);
        break;
    case ADVANCE:
        advance_at_home(y, o, body);
        break;
    case AWAIT:
        await_at_home(y, o, from, token, value, body);
        break;
    case READ:
        answer(y, o, from, token, o->count, body);
        break;
    case ANSWER:
    case BROKEN:
        answered(y, from, token, value, body, h[0] == BROKEN);
        break;
    case BARRIER:
        arrived_at_barrier(y, from, number, h, body);
        break;
    default:
        break;
    }
}

/* ---- programs ---- */

/* What the memory tells a node with a release or a barrier message. */
static void tell(struct sync *y, uint32_t node, struct rope *out)
{
    rope_init(out);
    if (y->memory)
        y->memory->tell(y->memory_arg, node, out);
}

/* What a thread asked for will never be: told; does not return when nobody takes it. */
static void failed(struct sync *y, const char *what, uint32_t number, uint64_t dead)
{
    char text[128];
    snprintf(text, sizeof text, "a program cannot %s %u: node %u, which takes part, has crashed",
             what, number, (uint32_t)dead);
    if (y->on_error && y->on_error(y->on_error_arg, text))
        return;
    port_fail(y->port, "%s", text);
    port_task_crash(y->port);
    for (;;)
        port_thread_block(y->port, "the end of its task", 0);
}

static const char *const asked_for[] = {
    [LOCK] = "take lock", [AWAIT] = "wait for event count", [READ] = "read event count"
};

/* A request is on its way, or (again) was when the program was saved. */
static struct sync_pending *pending_of(struct sync *y, uint32_t home, bool announced, bool again)
{
    struct sync_pending *w = NULL;
    LIST_EACH (l, &y->pending)
        if (again && LIST_ENTRY(l, struct sync_pending, link)->token == y->call.token)
            w = LIST_ENTRY(l, struct sync_pending, link);
    if (again && !w) /* its answer has come since */
        w = y->call.answered;
    if (!w) {
        w = port_alloc(y->port, sizeof *w);
        w->home = home;
        w->token = ++y->tokens & TOKEN_MAX;
        rope_init(&w->notes);
        list_push(&y->pending, &w->link);
    }
    w->thread = port_thread_self(y->port);
    if (announced)
        y->call.token = w->token;
    return w;
}

static uint64_t ask(struct sync *y, enum sync_op op, uint32_t number, uint64_t value)
{
    uint32_t home = y->nodes[number % y->count];
    uint32_t gone = y->out ? port_node(y->port) : home;
    if (nodeset_has(&y->dead, gone)) {
        failed(y, asked_for[op], number, gone);
        return 0;
    }
    bool announced = sync_call_begin(y, op, number), again = announced && y->call.loaded;
    if (again && y->call.done) {
        uint64_t known = y->call.value;
        sync_call_end(y, true, known);
        return known;
    }
    struct sync_pending *w = pending_of(y, home, announced, again);
    struct rope asked;
    rope_init(&asked);
    if (y->memory)
        y->memory->clock(y->memory_arg, &asked);
    const char *name = op == LOCK ? "lock" : "event count";
    port_trace_begin(y->port, "synchronisation", name, number);
    if (!again)
        send(y, home, op, number, w->token, value, &asked);
    rope_fini(&asked);
    y->waits = true;
    while (!w->done)
        port_thread_block(y->port, name, number);
    y->waits = false;
    port_trace_end(y->port, "synchronisation", name, number);
    if (y->memory && !w->broken) {
        y->memory->learn(y->memory_arg, w->from, &w->notes);
        y->memory->acquired(y->memory_arg, false);
    }
    uint64_t got = w->value;
    bool broken = w->broken;
    rope_fini(&w->notes);
    port_free(y->port, w);
    if (broken)
        failed(y, asked_for[op], number, got);
    sync_call_end(y, announced, got);
    return broken ? 0 : got;
}

static void release(struct sync *y, enum sync_op op, uint32_t number)
{
    uint32_t home = y->nodes[number % y->count];
    struct rope notes;
    if (y->memory)
        y->memory->release(y->memory_arg);
    tell(y, home, &notes);
    send(y, home, op, number, 0, 0, &notes);
    rope_fini(&notes);
}

void sync_lock(struct sync *y, uint32_t lock)
{
    ask(y, LOCK, lock, 0);
}

void sync_unlock(struct sync *y, uint32_t lock)
{
    release(y, UNLOCK, lock);
}

void sync_advance(struct sync *y, uint32_t count)
{
    release(y, ADVANCE, count);
}

void sync_await(struct sync *y, uint32_t count, uint64_t value)
{
    ask(y, AWAIT, count, value);
}

uint64_t sync_read(struct sync *y, uint32_t count)
{
    return ask(y, READ, count, 0);
}

/* The notes of one barrier message a round, oldest first: a neighbour may be a barrier ahead. */
static void learn_round(struct sync *y, uint32_t round)
{
    struct list *l = list_pop(&y->notes[round]);
    if (!l)
        return;
    ASSERT(y->memory != NULL); /* only then are notes kept */
    struct sync_message *m = LIST_ENTRY(l, struct sync_message, link);
    y->memory->learn(y->memory_arg, m->node, &m->body);
    message_free(y->port, m);
}

void sync_barrier(struct sync *y)
{
    if (y->memory)
        y->memory->release(y->memory_arg);
    bool announced = sync_call_begin(y, BARRIER, 0), again = announced && y->call.loaded;
    y->epoch += !again;
    port_trace_begin(y->port, "synchronisation", "barrier", y->epoch);
    y->at_barrier = port_thread_self(y->port);
    uint32_t round = 0;
    for (uint32_t step = 1; step < y->count; step *= 2, round++) {
        uint32_t node = y->nodes[(y->rank + step) % y->count];
        struct rope notes;
        if (again && (y->call.done || round < y->call.round)) /* it had gone on already */
            continue;
        tell(y, node, &notes);
        if (!again || round > y->call.round)
            send(y, node, BARRIER, round, 0, y->epoch, &notes);
        rope_fini(&notes);
        y->round = round;
        y->waits = true;
        while (y->arrived[round] < y->epoch && y->dead.count == 0)
            port_thread_block(y->port, "barrier", round);
        y->waits = false;
        if (y->arrived[round] < y->epoch) {
            y->at_barrier = NULL;
            port_trace_end(y->port, "synchronisation", "barrier", y->epoch);
            failed(y, "pass barrier", (uint32_t)y->epoch, y->dead.nodes[0]);
            return;
        }
        learn_round(y, round);
    }
    y->at_barrier = NULL;
    port_trace_end(y->port, "synchronisation", "barrier", y->epoch);
    if (y->memory)
        y->memory->acquired(y->memory_arg, true);
    sync_call_end(y, announced, 0);
}

/* ---- the protocol ---- */

static void arrived(struct sync *y, uint32_t from, struct xk_msg *in)
{
    uint8_t h[SYNC_HEADER];
    struct rope body;
    if (!xk_msg_pop(in, h, sizeof h) || h[0] >= OP_COUNT)
        return;
    xk_msg_to_rope(in, &body);
    handle(y, from, h, &body);
    rope_fini(&body);
}

static void demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *in)
{
    const struct sync_instance *i = self->state;
    if (!i->kept || !sync_kept_takes(i->kept, i->sync != NULL, lower->host, in))
        arrived(i->sync, lower->host, in);
}

/* A node that is back has forgotten what it held: it stays dead here. */
static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct xk_protl *self = arg;
    struct sync_instance *in = self->state;
    (void)life;
    if (alive || in->kept) /* who keeps the programs restarts them all */
        return;
    if (in->sync)
        member_down(in->sync, node);
}

static enum xk_status init(struct xk_protl *self, const void *params)
{
    (void)params;
    xk_on_peer(self->kernel, peer_changed, self);
    return XK_OK;
}

const struct xk_protl_ops sync_protl = {
    .kind = { .name = "sync",
              .doc = "Locks, barriers and event counts of programs that share memory.",
              .state_size = sizeof(struct sync_instance) },
    .header = SYNC_HEADER,
    .down_min = 1,
    .down_max = 1,
    .needs = XK_NETWORK | XK_LONG | XK_LIVES | XK_TAKES,
    .called = true,
    .init = init,
    .demux = demux,
};

struct sync *sync_join(struct xk_protl *protl, const uint32_t *nodes, uint32_t count)
{
    return sync_join_memory(protl, nodes, count, NULL, NULL);
}

struct sync *sync_join_memory(struct xk_protl *protl, const uint32_t *nodes, uint32_t count,
                              const struct sync_memory *memory, void *arg)
{
    struct sync_instance *in = protl->state;
    struct port *p = xk_port(protl);
    ASSERT(!in->sync);
    struct sync *y = port_alloc(p, sizeof *y);
    y->port = p;
    y->protl = protl;
    y->count = count;
    y->nodes = nodes;
    for (uint32_t i = 0; i < count; i++)
        if (nodes[i] == port_node(p))
            y->rank = i;
    xk_map_init(&y->objects[0], p, sizeof(uint32_t));
    xk_map_init(&y->objects[1], p, sizeof(uint32_t));
    list_init(&y->pending);
    for (uint32_t i = 0; i < ROUNDS; i++)
        list_init(&y->notes[i]);
    y->memory = memory;
    y->memory_arg = arg;
    in->sync = y;
    y->kept = in->kept;
    y->out = port_incarnation(p) > 1 && !y->kept;
    if (y->out)
        member_down(y, port_node(p));
    for (uint32_t i = 0; i < count && !y->kept; i++)
        if (xk_died(protl->kernel, nodes[i]))
            member_down(y, nodes[i]);
    if (y->kept)
        sync_restore(y, arrived);
    xk_open_enable(protl->down[0], protl, xk_any());
    return y;
}

void sync_on_error(struct sync *y, bool (*fn)(void *arg, const char *text), void *arg)
{
    y->on_error = fn;
    y->on_error_arg = arg;
}
