/* call.c: long calls.  See call.h. */
#include "os/hsm/call.h"

#include "os/xk/msg.h" /* wire_put / wire_get */
#include "os/xk/peers.h"

enum { HEAD = 12 };

struct waiting {
    uint64_t ticket, number;
    uint32_t host;
    select_done_fn done;
    void *arg;
    struct hsm_calls *calls;
};

/* A short call that is made until there is room for it. */
struct sending {
    struct port_timer timer;
    struct hsm_calls *calls;
    uint32_t host, service, procedure;
    struct rope args;
    uint64_t ticket; /* of a long call: who waits is told if it is not taken; 0: nobody */
};

static void end(struct waiting *w, enum xk_status s, struct rope *reply)
{
    struct rope none;
    rope_init(&none);
    void *bound = xk_map_unbind(&w->calls->waiting, &w->ticket);
    ASSERT_MSG(bound == w, "LONG1");
    w->done(w->arg, s, reply != NULL ? reply : &none);
    port_free(w->calls->port, w);
}

static void sent(void *arg, enum xk_status status, struct rope *reply)
{
    struct sending *x = arg;
    struct waiting *w = x->ticket != 0 ? xk_map_resolve(&x->calls->waiting, &x->ticket) : NULL;
    (void)reply;
    rope_fini(&x->args);
    port_free(x->calls->port, x);
    if (w != NULL && status != XK_OK)
        end(w, status, NULL);
}

static void send(struct port_timer *t)
{
    struct sending *x = t->arg;
    struct rope copy, none;
    rope_copy(&copy, &x->args);
    enum xk_status s =
        select_call(x->calls->rpc, x->host, x->service, x->procedure, &copy, sent, x);
    if (s == XK_OK)
        return;
    rope_fini(&copy);
    if (s == XK_BUSY) {
        port_timer_set(&x->timer, x->calls->retry);
        return;
    }
    rope_init(&none);
    sent(x, s, &none);
}

/* The first time in an upcall of its own, for `done` is never called from inside. */
static void send_later(struct hsm_calls *c, uint32_t host, uint32_t service, uint32_t procedure,
                       struct rope *args, uint64_t ticket)
{
    struct sending *x = port_alloc(c->port, sizeof *x);
    x->calls = c;
    x->host = host;
    x->service = service;
    x->procedure = procedure;
    x->ticket = ticket;
    rope_move(&x->args, args);
    port_timer_init(c->port, &x->timer, send, x);
    port_timer_set(&x->timer, 0);
}

static void answered(void *arg, struct select_request *request, uint32_t procedure,
                     struct rope *args)
{
    struct hsm_calls *c = arg;
    uint8_t wire[8] = { 0 };
    struct rope empty;
    (void)procedure;
    rope_init(&empty);
    if (args->length >= sizeof wire)
        rope_take_front(args, sizeof wire, wire);
    uint64_t ticket = wire_get64(wire);
    struct waiting *w = xk_map_resolve(&c->waiting, &ticket);
    select_reply(request, &empty);
    if (w != NULL)
        end(w, XK_OK, args);
}

struct dead {
    struct hsm_calls *calls;
    uint32_t host;
    uint64_t last; /* what begins later finds out by itself */
    struct waiting *found;
};

static bool look(void *arg, const void *key, void *value)
{
    struct dead *d = arg;
    struct waiting *w = value;
    (void)key;
    d->found = w->host == d->host && w->number <= d->last ? w : NULL;
    return d->found == NULL;
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct hsm_calls *c = arg;
    struct dead d = { c, host, c->begun, NULL };
    (void)life;
    if (alive)
        return;
    do { /* LONG1; who is told may call again */
        d.found = NULL;
        xk_map_each(&d.calls->waiting, look, &d);
        if (d.found != NULL)
            end(d.found, XK_UNREACHABLE, NULL);
    } while (d.found != NULL);
}

void hsm_calls_init(struct hsm_calls *c, struct xk_protl *rpc, uint32_t service, sim_time retry)
{
    *c = (struct hsm_calls){ .port = xk_port(rpc), .rpc = rpc, .service = service, .retry = retry };
    xk_map_init(&c->waiting, c->port, sizeof(uint64_t));
    if (service == 0)
        return;
    enum xk_status served = select_serve(rpc, service, answered, c);
    ASSERT(served == XK_OK);
    xk_on_peer(rpc->kernel, peer_changed, c);
}

uint64_t hsm_call(struct hsm_calls *c, uint32_t host, uint32_t service, uint32_t procedure,
                  struct rope *args, select_done_fn done, void *arg)
{
    struct waiting *w = port_alloc(c->port, sizeof *w);
    uint8_t head[HEAD];
    struct rope all;
    *w = (struct waiting){ port_random(c->port) | 1, ++c->begun, host, done, arg, c };
    wire_put32(head, c->service);
    wire_put64(head + 4, w->ticket);
    rope_init(&all);
    rope_add_bytes(&all, head, sizeof head);
    rope_join(&all, args);
    xk_map_bind(&c->waiting, &w->ticket, w);
    send_later(c, host, service, procedure, &all, w->ticket);
    return w->ticket;
}

struct sleeper {
    struct hsm_calls *c;
    struct port_thread *thread;
    bool over;
    enum xk_status status;
    struct rope reply;
};

static void woken(void *arg, enum xk_status status, struct rope *reply)
{
    struct sleeper *x = arg;
    x->over = true;
    x->status = status;
    rope_move(&x->reply, reply);
    port_thread_wake(x->c->port, x->thread);
}

enum xk_status hsm_call_wait(struct hsm_calls *c, uint32_t host, uint32_t service,
                             uint32_t procedure, struct rope *args, struct rope *reply,
                             uint64_t *ticket)
{
    struct sleeper *x = port_alloc(c->port, sizeof *x);
    x->c = c;
    x->thread = port_thread_self(c->port);
    rope_init(&x->reply);
    *ticket = hsm_call(c, host, service, procedure, args, woken, x);
    while (!x->over)
        port_thread_block(c->port, "an answer", host);
    enum xk_status s = x->status;
    rope_init(reply);
    rope_join(reply, &x->reply);
    port_free(c->port, x);
    return s;
}

void hsm_tell(struct hsm_calls *c, uint32_t host, uint32_t service, uint32_t procedure,
              const void *bytes, size_t n)
{
    struct rope args;
    rope_init(&args);
    rope_add_bytes(&args, bytes, n);
    send_later(c, host, service, procedure, &args, 0);
}

struct hsm_caller hsm_take(struct select_request *request, struct rope *args)
{
    uint8_t head[HEAD] = { 0 };
    struct rope empty;
    if (args->length >= sizeof head)
        rope_take_front(args, sizeof head, head);
    struct hsm_caller c = { .host = select_request_host(request),
                            .service = wire_get32(head),
                            .ticket = wire_get64(head + 4) };
    rope_init(&empty);
    select_reply(request, &empty);
    return c;
}

void hsm_answer(struct hsm_calls *c, const struct hsm_caller *to, struct rope *reply)
{
    uint8_t wire[8];
    struct rope all;
    wire_put64(wire, to->ticket);
    rope_init(&all);
    rope_add_bytes(&all, wire, sizeof wire);
    rope_join(&all, reply);
    send_later(c, to->host, to->service, 1, &all, 0);
}
