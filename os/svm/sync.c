/* sync.c: see sync.h.
 *
 * Wire image, 20 bytes, big-endian:  0 op  1..3 zero  4 object(4)  8 token(4)  12 value(8)
 * A request carries a token of its sender, which comes back in the answer and finds the waiting
 * thread.
 */
#include "os/svm/sync.h"
#include "os/xk/map.h"

#define SYNC_HEADER 20
#define ROUNDS 32

enum op { LOCK, UNLOCK, ADVANCE, AWAIT, READ, ANSWER, BARRIER, OP_COUNT };

struct waiter { /* a request that its home has not answered */
    struct list link;
    uint32_t node, token;
    uint64_t value;
};

struct object { /* at its home */
    bool held;
    uint64_t count;
    struct list waiters;
};

struct pending { /* a thread of this node that waits for an answer */
    struct list link;
    uint32_t token;
    struct port_thread *thread;
    uint64_t value;
    bool done;
};

struct sync {
    struct port *port;
    struct xk_protl *protl;
    const uint32_t *nodes; /* the caller's */
    uint32_t count, rank, tokens;
    struct xk_map objects[2]; /* locks, event counts */
    struct list pending;
    struct list outbox;       /* struct outgoing */
    struct xk_sessn *stalled; /* that refused the head of the outbox; NULL: none */
    uint64_t epoch;           /* barriers that this node has entered */
    uint64_t arrived[ROUNDS];
    struct port_thread *at_barrier;
};

struct outgoing {
    struct list link;
    uint32_t node;
    uint8_t header[SYNC_HEADER];
};

struct instance {
    struct sync *sync;
    struct list early; /* struct outgoing: what came before this node joined */
};

static void handle(struct sync *y, uint32_t from, const uint8_t *h);

static bool push(struct sync *y, uint32_t node, const uint8_t *header)
{
    enum xk_status why;
    struct xk_part peer = { .host = node };
    struct xk_sessn *s = xk_open(y->protl->down[0], y->protl, &peer, &why);
    if (!s)
        return why != XK_BUSY;
    struct xk_msg m;
    xk_msg_init(&m);
    uint8_t *h = xk_msg_push(&m, SYNC_HEADER);
    for (size_t i = 0; i < SYNC_HEADER; i++)
        h[i] = header[i];
    enum xk_status status = xk_push(s, &m);
    xk_msg_fini(&m);
    if (status == XK_BUSY)
        y->stalled = s; /* kept open, so that `ready` is called for it */
    else
        xk_close(s);
    return status != XK_BUSY;
}

static void keep(struct port *p, struct list *list, uint32_t node, const uint8_t *header)
{
    struct outgoing *o = port_alloc(p, sizeof *o);
    o->node = node;
    for (size_t i = 0; i < SYNC_HEADER; i++)
        o->header[i] = header[i];
    list_push(list, &o->link);
}

static void send(struct sync *y, uint32_t node, enum op op, uint32_t object, uint32_t token,
                 uint64_t value)
{
    uint8_t h[SYNC_HEADER] = { (uint8_t)op };
    wire_put32(h + 4, object);
    wire_put32(h + 8, token);
    wire_put64(h + 12, value);
    if (node == port_node(y->port))
        handle(y, node, h);
    else if (!list_empty(&y->outbox) || !push(y, node, h))
        keep(y->port, &y->outbox, node, h);
}

/* ---- at the home ---- */

static struct object *object_of(struct sync *y, bool is_count, uint32_t number)
{
    struct object *o = xk_map_resolve(&y->objects[is_count], &number);
    if (!o) {
        o = port_alloc(y->port, sizeof *o);
        list_init(&o->waiters);
        xk_map_bind(&y->objects[is_count], &number, o);
    }
    return o;
}

static void wait_at(struct sync *y, struct object *o, uint32_t node, uint32_t token, uint64_t value)
{
    struct waiter *w = port_alloc(y->port, sizeof *w);
    *w = (struct waiter){ .node = node, .token = token, .value = value };
    list_push(&o->waiters, &w->link);
}

static void unlock_at_home(struct sync *y, struct object *o)
{
    struct list *l = list_pop(&o->waiters);
    o->held = l != NULL;
    if (!l)
        return;
    struct waiter *w = LIST_ENTRY(l, struct waiter, link);
    send(y, w->node, ANSWER, 0, w->token, 0);
    port_free(y->port, w);
}

static void advance_at_home(struct sync *y, struct object *o)
{
    o->count++;
    LIST_EACH_SAFE (l, next, &o->waiters) {
        struct waiter *w = LIST_ENTRY(l, struct waiter, link);
        if (w->value > o->count)
            continue;
        list_remove(l);
        send(y, w->node, ANSWER, 0, w->token, o->count);
        port_free(y->port, w);
    }
}

static void answered(struct sync *y, uint32_t token, uint64_t value)
{
    LIST_EACH (l, &y->pending) {
        struct pending *w = LIST_ENTRY(l, struct pending, link);
        if (w->token != token)
            continue;
        list_remove(l);
        w->done = true;
        w->value = value;
        port_thread_wake(y->port, w->thread);
        return;
    }
}

static void handle(struct sync *y, uint32_t from, const uint8_t *h)
{
    uint32_t number = wire_get32(h + 4), token = wire_get32(h + 8);
    uint64_t value = wire_get64(h + 12);
    struct object *o = NULL;
    if (h[0] <= UNLOCK)
        o = object_of(y, false, number);
    else if (h[0] <= READ)
        o = object_of(y, true, number);
    switch (h[0]) {
    case LOCK:
        if (o->held) {
            wait_at(y, o, from, token, 0);
        } else {
            o->held = true;
            send(y, from, ANSWER, 0, token, 0);
        }
        break;
    case UNLOCK:
        unlock_at_home(y, o);
        break;
    case ADVANCE:
        advance_at_home(y, o);
        break;
    case AWAIT:
        if (o->count >= value)
            send(y, from, ANSWER, 0, token, o->count);
        else
            wait_at(y, o, from, token, value);
        break;
    case READ:
        send(y, from, ANSWER, 0, token, o->count);
        break;
    case ANSWER:
        answered(y, token, value);
        break;
    case BARRIER:
        if (number < ROUNDS) {
            y->arrived[number]++;
            if (y->at_barrier)
                port_thread_wake(y->port, y->at_barrier);
        }
        break;
    default:
        break;
    }
}

/* ---- programs ---- */

static uint64_t ask(struct sync *y, enum op op, uint32_t number, uint64_t value)
{
    struct pending w = { .token = ++y->tokens, .thread = port_thread_self(y->port) };
    list_push(&y->pending, &w.link);
    send(y, y->nodes[number % y->count], op, number, w.token, value);
    while (!w.done)
        port_thread_block(y->port, op == LOCK ? "lock" : "event count", number);
    return w.value;
}

void sync_lock(struct sync *y, uint32_t lock)
{
    ask(y, LOCK, lock, 0);
}

void sync_unlock(struct sync *y, uint32_t lock)
{
    send(y, y->nodes[lock % y->count], UNLOCK, lock, 0, 0);
}

void sync_advance(struct sync *y, uint32_t count)
{
    send(y, y->nodes[count % y->count], ADVANCE, count, 0, 0);
}

void sync_await(struct sync *y, uint32_t count, uint64_t value)
{
    ask(y, AWAIT, count, value);
}

uint64_t sync_read(struct sync *y, uint32_t count)
{
    return ask(y, READ, count, 0);
}

void sync_barrier(struct sync *y)
{
    y->epoch++;
    y->at_barrier = port_thread_self(y->port);
    uint32_t round = 0;
    for (uint32_t step = 1; step < y->count; step *= 2, round++) {
        send(y, y->nodes[(y->rank + step) % y->count], BARRIER, round, 0, y->epoch);
        while (y->arrived[round] < y->epoch)
            port_thread_block(y->port, "barrier", round);
    }
    y->at_barrier = NULL;
}

/* ---- the protocol ---- */

static void demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct instance *in = self->state;
    struct xk_control peer = { .op = XK_GET_PEER_HOST };
    uint8_t h[SYNC_HEADER];
    if (!xk_msg_pop(m, h, sizeof h) || h[0] >= OP_COUNT || xk_sessn_control(lower, &peer) != XK_OK)
        return;
    if (in->sync)
        handle(in->sync, (uint32_t)peer.u64, h);
    else
        keep(xk_port(self), &in->early, (uint32_t)peer.u64, h);
}

static void ready(struct xk_protl *self, struct xk_sessn *lower)
{
    (void)lower;
    struct instance *in = self->state;
    struct sync *y = in->sync;
    if (y && y->stalled)
        xk_close(y->stalled);
    if (y)
        y->stalled = NULL;
    while (y && !list_empty(&y->outbox)) {
        struct outgoing *o = LIST_ENTRY(y->outbox.next, struct outgoing, link);
        if (!push(y, o->node, o->header))
            return;
        list_remove(&o->link);
        port_free(y->port, o);
    }
}

static enum xk_status init(struct xk_protl *self, const void *params)
{
    (void)params;
    struct instance *in = self->state;
    list_init(&in->early);
    return xk_open_enable(self->down[0], self, 0);
}

const struct xk_protl_ops sync_protl = {
    .name = "sync",
    .doc = "Locks, barriers and event counts of programs that share memory.",
    .state_size = sizeof(struct instance),
    .down_min = 1,
    .down_max = 1,
    .needs_reliable = true,
    .init = init,
    .demux = demux,
    .ready = ready,
};

struct sync *sync_join(struct xk_protl *protl, const uint32_t *nodes, uint32_t count)
{
    struct instance *in = protl->state;
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
    list_init(&y->outbox);
    in->sync = y;
    struct list *l;
    while ((l = list_pop(&in->early))) {
        struct outgoing *o = LIST_ENTRY(l, struct outgoing, link);
        handle(y, o->node, o->header);
        port_free(p, o);
    }
    return y;
}
