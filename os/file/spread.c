/* spread.c: see spread.h. */
#include "os/file/spread.h"

struct spread {
    struct port *port;
    struct xk_protl *rpc;
    const uint32_t *hosts;
    uint32_t service, procedure;
    uint64_t chunk;
    sim_time retry_delay;
    struct list outcomes, again; /* again: sends that wait to be tried once more */
    struct list crashed;
    uint64_t crashes, all; /* all: the last that failed whoever waited */
    struct port_timer timer;
};

/* A node that has crashed: the number of the last time, and whether it is back. */
struct crashed {
    struct list link;
    uint32_t node;
    uint64_t number;
    bool back;
};

/* At a rank: who takes it waits for it, or it for who takes it. */
struct outcome {
    struct list link;
    struct spread *s;
    struct spread_outcome o;
    bool whole, given;
    uint32_t rank, sends; /* sends: to children under way */
    struct rope data;
    void (*done)(void *arg, const struct spread_outcome *o); /* NULL: nobody waits */
    void *arg;
};

struct send {
    struct list link;
    struct outcome *of;
    uint32_t child;
    uint64_t at;
};

static struct outcome *find(struct spread *s, uint64_t key, uint32_t round)
{
    LIST_EACH (l, &s->outcomes) {
        struct outcome *x = LIST_ENTRY(l, struct outcome, link);
        if (x->o.key == key && x->o.round == round && !x->given)
            return x;
    }
    struct outcome *x = port_alloc(s->port, sizeof *x);
    x->s = s;
    x->o = (struct spread_outcome){ .key = key, .round = round };
    rope_init(&x->data);
    list_push(&s->outcomes, &x->link);
    return x;
}

static void put(struct outcome *x)
{
    if (!x->given || x->sends > 0)
        return;
    list_remove(&x->link);
    rope_fini(&x->data);
    port_free(x->s->port, x);
}

static void send_part(struct send *n);

static void part_sent(void *arg, enum xk_status status, struct rope *reply)
{
    struct send *n = arg;
    struct outcome *x = n->of;
    (void)reply;
    if (status == XK_OK && n->at < x->data.length) {
        send_part(n);
        return;
    }
    port_free(x->s->port, n);
    x->sends--;
    put(x);
}

static void send_part(struct send *n)
{
    struct outcome *x = n->of;
    struct spread *s = x->s;
    uint64_t left = x->data.length - n->at, bytes = left < s->chunk ? left : s->chunk;
    uint8_t b[SPREAD_HEAD] = { 0 };
    struct rope args;
    wire_put32(b, x->o.status);
    wire_put32(b + 4, x->o.data != NULL);
    wire_put64(b + 8, x->o.key);
    wire_put64(b + 16, x->o.moved);
    wire_put64(b + 24, n->at);
    wire_put32(b + 32, x->o.round);
    wire_put32(b + 36, n->child);
    wire_put32(b + 40, x->o.ranks);
    rope_init(&args);
    rope_add_bytes(&args, b, sizeof b);
    rope_add_slice(&args, &x->data, n->at, bytes);
    enum xk_status st =
        select_call(s->rpc, s->hosts[n->child], s->service, s->procedure, &args, part_sent, n);
    rope_fini(&args);
    if (st == XK_OK) {
        n->at += bytes;
    } else if (st == XK_BUSY) {
        list_push(&s->again, &n->link);
        if (!port_timer_pending(&s->timer))
            port_timer_set(&s->timer, s->retry_delay);
    } else {
        part_sent(n, st, NULL);
    }
}

static void tick(struct port_timer *t)
{
    struct spread *s = t->arg;
    struct list again, *l;
    list_init(&again);
    list_splice(&again, &s->again);
    while ((l = list_pop(&again)) != NULL)
        send_part(LIST_ENTRY(l, struct send, link));
}

static void tell(struct outcome *x)
{
    ASSERT_MSG(!x->given, "SPR1: an outcome is told once");
    x->given = true;
    if (x->done != NULL)
        x->done(x->arg, &x->o);
}

/* It is whole here: on to the children, and to who waits. */
static void deliver(struct outcome *x)
{
    struct spread *s = x->s;
    uint32_t below = x->rank == 0 ? x->o.ranks : (x->rank & -x->rank);
    x->whole = true;
    x->sends++; /* while sends begin */
    for (uint32_t step = 1; step < below && x->rank + step < x->o.ranks; step *= 2) {
        struct send *n = port_alloc(s->port, sizeof *n);
        *n = (struct send){ .of = x, .child = x->rank + step };
        x->sends++;
        send_part(n);
    }
    x->sends--;
    if (x->done != NULL)
        tell(x);
    put(x);
}

void spread_give(struct spread *s, const struct spread_outcome *o)
{
    struct outcome *x = find(s, o->key, o->round);
    x->o = *o;
    if (o->data != NULL) {
        rope_add_slice(&x->data, o->data, 0, o->data->length);
        x->o.data = &x->data;
    }
    x->given = true;
    deliver(x);
}

uint64_t spread_crashes(const struct spread *s)
{
    return s->crashes;
}

static struct crashed *crash_of(const struct spread *s, uint32_t node)
{
    LIST_EACH (l, &s->crashed)
        if (LIST_ENTRY(l, struct crashed, link)->node == node)
            return LIST_ENTRY(l, struct crashed, link);
    return NULL;
}

/* Nobody will have told spread_fail of who comes to wait now. */
static bool is_lost(const struct spread *s, uint32_t ranks, uint64_t since)
{
    bool lost = s->all > since;
    for (uint32_t i = 0; i < ranks && !list_empty(&s->crashed); i++) {
        const struct crashed *x = crash_of(s, s->hosts[i]);
        lost |= x != NULL && (!x->back || x->number > since);
    }
    return lost;
}

void spread_take(struct spread *s, uint64_t key, uint32_t round, uint32_t ranks, uint64_t since,
                 void (*done)(void *arg, const struct spread_outcome *o), void *arg)
{
    struct outcome *x = find(s, key, round);
    x->done = done;
    x->arg = arg;
    x->o.ranks = ranks;
    if (!x->whole)
        x->o.lost = is_lost(s, ranks, since);
    if (x->whole || x->o.lost) {
        tell(x);
        put(x);
    }
}

void spread_receive(struct spread *s, struct select_request *q, struct rope *args)
{
    uint8_t b[SPREAD_HEAD];
    struct rope none;
    bool good = args->length >= sizeof b;
    rope_init(&none);
    select_reply(q, &none);
    rope_fini(&none);
    if (!good)
        return;
    rope_take_front(args, sizeof b, b);
    struct outcome *x = find(s, wire_get64(b + 8), wire_get32(b + 32));
    if (wire_get64(b + 24) != x->data.length)
        return;
    x->o.status = wire_get32(b);
    x->o.data = wire_get32(b + 4) ? &x->data : NULL;
    x->o.moved = wire_get64(b + 16);
    x->rank = wire_get32(b + 36);
    x->o.ranks = wire_get32(b + 40);
    rope_join(&x->data, args);
    if (x->o.data == NULL || x->data.length == x->o.moved)
        deliver(x);
}

void spread_fail(struct spread *s, uint32_t node, bool all)
{
    struct crashed *y = crash_of(s, node);
    if (y == NULL) {
        y = port_alloc(s->port, sizeof *y);
        y->node = node;
        list_push(&s->crashed, &y->link);
    }
    y->number = ++s->crashes;
    y->back = false;
    if (all)
        s->all = s->crashes;
    LIST_EACH_SAFE (l, nx, &s->outcomes) {
        struct outcome *x = LIST_ENTRY(l, struct outcome, link);
        bool ours = all;
        for (uint32_t i = 0; x->done != NULL && i < x->o.ranks; i++)
            ours |= s->hosts[i] == node;
        if (x->done == NULL || x->given || !ours)
            continue;
        x->o.lost = true;
        tell(x);
        put(x);
    }
}

void spread_back(struct spread *s, uint32_t node)
{
    struct crashed *y = crash_of(s, node);
    if (y != NULL)
        y->back = true;
}

struct spread *spread_start(struct xk_protl *rpc, const uint32_t *hosts, uint32_t service,
                            uint32_t procedure, uint64_t chunk, sim_time retry_delay)
{
    struct port *p = xk_port(rpc);
    struct spread *s = port_alloc(p, sizeof *s);
    s->port = p;
    s->rpc = rpc;
    s->hosts = hosts;
    s->service = service;
    s->procedure = procedure;
    s->chunk = chunk;
    s->retry_delay = retry_delay;
    list_init(&s->outcomes);
    list_init(&s->again);
    list_init(&s->crashed);
    port_timer_init(p, &s->timer, tick, s);
    return s;
}
