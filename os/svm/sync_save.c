/* sync_save.c: see save.h: synchronisation as part of what is saved.
 *
 * Image, big-endian: u32 tokens, u64 barriers entered, u32 rounds, u64 messages of each; twice
 * (locks, event counts): u32 objects, each: u32 number, u32 held, u32 rank of its holder, u64
 * count, u32 who wait, each of them u32 rank, u32 token, u64 value; then the call: u32 flags, and
 * if it is in one u32 what, u32 number, u32 token, u32 round, u64 value.
 */
#include "os/svm/save.h"
#include "os/svm/sync_internal.h"

enum { IN_CALL = 1, DONE = 2 };

static void put32(struct rope *out, uint32_t v)
{
    uint8_t wire[4];
    wire_put32(wire, v);
    rope_add_bytes(out, wire, sizeof wire);
}

static void put64(struct rope *out, uint64_t v)
{
    put32(out, (uint32_t)(v >> 32));
    put32(out, (uint32_t)v);
}

struct reading {
    const struct rope *bytes;
    uint64_t at;
};

static uint32_t get32(struct reading *in)
{
    uint8_t wire[4];
    ASSERT_MSG(in->bytes->length - in->at >= sizeof wire, "an image of synchronisation is short");
    rope_read(in->bytes, in->at, sizeof wire, wire);
    in->at += sizeof wire;
    return wire_get32(wire);
}

static uint64_t get64(struct reading *in)
{
    uint64_t high = get32(in);
    return high << 32 | get32(in);
}

/* ---- calls ---- */

bool sync_call_begin(struct sync *y, enum sync_op op, uint32_t number)
{
    struct sync_call *c = &y->call;
    if (!y->kept || y->gone || !os_call_begin(y->kept->os))
        return false;
    if (!c->loaded)
        *c = (struct sync_call){ .on = true, .op = op, .number = number };
    c->made = true;
    ASSERT_MSG(c->op == op && c->number == number,
               "a program that goes on makes another call than it was in (SVMS6)");
    return true;
}

void sync_call_end(struct sync *y, bool announced, uint64_t value)
{
    if (!announced)
        return;
    y->call.done = true;
    y->call.value = value;
    os_call_end(y->kept->os);
    y->call = (struct sync_call){ .on = false };
}

/* Can the thread go on in its call? */
static bool goes_on(const struct sync *y)
{
    const struct sync_call *c = &y->call;
    if (!c->made || c->done)
        return false;
    if (!y->waits)
        return true;
    if (c->op == BARRIER)
        return y->arrived[y->round] >= y->epoch;
    LIST_EACH (l, &y->pending)
        if (LIST_ENTRY(l, struct sync_pending, link)->token == c->token)
            return false;
    return true;
}

/* ---- the image ---- */

static uint32_t rank_of(const struct sync *y, uint32_t node)
{
    uint32_t i = y->rank; /* of this node mostly, or near */
    while (y->nodes[i] != node)
        i = (i + 1) % y->count;
    return i;
}

struct saving {
    const struct sync *y;
    struct rope *out;
};

static bool count_one(void *arg, const void *key, void *value)
{
    (void)key;
    (void)value;
    ++*(uint32_t *)arg;
    return true;
}

static bool save_object(void *arg, const void *key, void *value)
{
    const struct saving *s = arg;
    struct rope *out = s->out;
    const struct sync_object *o = value;
    uint32_t waiters = 0;
    ASSERT(!o->broken && !o->memory);
    LIST_EACH (l, &o->waiters)
        waiters++;
    put32(out, *(const uint32_t *)key);
    put32(out, o->held);
    put32(out, o->held ? rank_of(s->y, o->holder) : 0);
    put64(out, o->count);
    put32(out, waiters);
    LIST_EACH (l, &o->waiters) {
        const struct sync_waiter *w = LIST_ENTRY(l, struct sync_waiter, link);
        put32(out, rank_of(s->y, w->node));
        put32(out, w->token);
        put64(out, w->value);
    }
    return true;
}

void sync_save(const struct xk_protl *sync, struct rope *out)
{
    const struct sync_instance *in = sync->state;
    struct sync *y = in->sync;
    uint32_t rounds = 0;
    if (!y)
        return;
    while (rounds < ROUNDS && y->arrived[rounds] > 0)
        rounds++;
    put32(out, y->tokens);
    put64(out, y->epoch);
    put32(out, rounds);
    for (uint32_t r = 0; r < rounds; r++)
        put64(out, y->arrived[r]);
    for (int k = 0; k < 2; k++) {
        uint32_t objects = 0;
        xk_map_each(&y->objects[k], count_one, &objects);
        put32(out, objects);
        xk_map_each(&y->objects[k], save_object, &(struct saving){ y, out });
    }
    const struct sync_call *c = &y->call;
    bool done = c->done || c->answered;
    put32(out, (c->on ? IN_CALL : 0u) | (done ? DONE : 0u));
    if (!c->on)
        return;
    put32(out, c->op);
    put32(out, c->number);
    put32(out, c->token);
    put32(out, y->round);
    put64(out, c->answered ? c->answered->value : c->value);
}

static uint32_t get_node(const struct sync *y, struct reading *in)
{
    uint32_t rank = get32(in);
    ASSERT_MSG(rank < y->count, "an image of synchronisation names no rank");
    return y->nodes[rank];
}

static void load_object(struct sync *y, bool is_count, struct reading *in)
{
    struct sync_object *o = sync_object_of(y, is_count, get32(in));
    o->held = get32(in) != 0;
    o->holder = get_node(y, in);
    o->count = get64(in);
    for (uint32_t left = get32(in); left > 0; left--) {
        struct sync_waiter *w = port_alloc(y->port, sizeof *w);
        w->node = get_node(y, in);
        w->token = get32(in);
        w->value = get64(in);
        rope_init(&w->asked);
        list_push(&o->waiters, &w->link);
    }
}

/* Its answer may come before the call is made again. */
static void await_answer(struct sync *y)
{
    struct sync_pending *w = port_alloc(y->port, sizeof *w);
    w->token = y->call.token;
    w->home = y->nodes[y->call.number % y->count];
    rope_init(&w->notes);
    list_push(&y->pending, &w->link);
}

static void load(struct sync *y, struct reading *in)
{
    y->tokens = get32(in);
    y->epoch = get64(in);
    uint32_t rounds = get32(in);
    ASSERT(rounds <= ROUNDS);
    for (uint32_t r = 0; r < rounds; r++)
        y->arrived[r] = get64(in);
    for (int k = 0; k < 2; k++)
        for (uint32_t left = get32(in); left > 0; left--)
            load_object(y, k != 0, in);
    uint32_t flags = get32(in);
    if (!(flags & IN_CALL))
        return;
    struct sync_call *c = &y->call;
    *c = (struct sync_call){ .on = true, .loaded = true, .done = (flags & DONE) != 0 };
    c->op = (enum sync_op)get32(in);
    c->number = get32(in);
    c->token = get32(in);
    c->round = y->round = get32(in);
    c->value = get64(in);
    if (c->op != BARRIER && !c->done)
        await_answer(y);
}

void sync_restore(struct sync *y, void (*arrived)(struct sync *y, uint32_t from, struct xk_msg *m))
{
    struct sync_kept *k = y->kept;
    struct reading in = { .bytes = &k->image };
    struct list *l;
    ASSERT(!y->memory);
    if (in.bytes->length > 0) {
        load(y, &in);
        ASSERT_MSG(in.at == in.bytes->length, "an image of synchronisation is long");
        rope_fini(&k->image);
    }
    while ((l = list_pop(&k->early))) {
        struct sync_message *m = LIST_ENTRY(l, struct sync_message, link);
        struct xk_msg msg;
        xk_msg_init_rope(&msg, &m->body);
        arrived(y, m->node, &msg);
        xk_msg_fini(&msg);
        port_free(k->port, m);
    }
}

/* ---- an instance that is kept ---- */

void sync_keep(struct xk_protl *sync, struct os_node *n, uint32_t run, struct rope *image)
{
    struct sync_instance *in = sync->state;
    struct sync_kept *k = in->kept;
    if (!k) {
        k = in->kept = port_alloc(xk_port(sync), sizeof *k);
        k->port = xk_port(sync);
        k->os = n;
        k->run = run;
        rope_init(&k->image);
        list_init(&k->early);
    }
    ASSERT(!in->sync && k->run == run);
    rope_fini(&k->image);
    rope_move(&k->image, image);
}

bool sync_kept_takes(struct sync_kept *k, bool joined, uint32_t from, struct xk_msg *m)
{
    uint8_t run[SYNC_RUN];
    if (!xk_msg_pop(m, run, sizeof run) || wire_get32(run) != k->run)
        return true;
    k->received++;
    if (joined)
        return false;
    struct sync_message *e = port_alloc(k->port, sizeof *e);
    list_init(&e->link);
    e->node = from;
    xk_msg_to_rope(m, &e->body);
    list_push(&k->early, &e->link);
    return true;
}

static bool free_object(void *arg, const void *key, void *value)
{
    struct sync *y = arg;
    struct sync_object *o = value;
    struct list *l;
    (void)key;
    while ((l = list_pop(&o->waiters))) {
        struct sync_waiter *w = LIST_ENTRY(l, struct sync_waiter, link);
        rope_fini(&w->asked);
        port_free(y->port, w);
    }
    port_free(y->port, o);
    return true;
}

/* Of a program that has ended long since. */
static void free_former(struct sync_kept *k)
{
    struct sync *y = k->former;
    struct list *l;
    if (!y)
        return;
    for (int i = 0; i < 2; i++) {
        xk_map_each(&y->objects[i], free_object, y);
        xk_map_fini(&y->objects[i]);
    }
    while ((l = list_pop(&y->pending))) {
        rope_fini(&LIST_ENTRY(l, struct sync_pending, link)->notes);
        port_free(y->port, LIST_ENTRY(l, struct sync_pending, link));
    }
    port_free(y->port, y);
    k->former = NULL;
}

void sync_drop(struct xk_protl *sync, uint32_t run)
{
    struct sync_instance *in = sync->state;
    struct sync_kept *k = in->kept;
    struct list *l;
    if (!k)
        return;
    free_former(k);
    while ((l = list_pop(&k->early))) {
        struct sync_message *m = LIST_ENTRY(l, struct sync_message, link);
        rope_fini(&m->body);
        port_free(k->port, m);
    }
    k->run = run;
    k->sent = k->received = 0;
    if (in->sync)
        in->sync->gone = true;
    k->former = in->sync;
    in->sync = NULL;
}

void sync_add_traffic(const struct xk_protl *sync, struct svm_traffic *t)
{
    const struct sync_instance *in = sync->state;
    t->sent += in->kept->sent;
    t->received += in->kept->received;
    t->busy |= !in->sync || goes_on(in->sync);
}
