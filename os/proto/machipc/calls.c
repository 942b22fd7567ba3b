/* calls.c: calls to other nodes, which wait while SELECT's queue is full. */
#include "os/proto/machipc/machipc_internal.h"

struct xipc_call {
    struct list link; /* of the busy, or of those that failed at once */
    struct xipc *n;
    uint32_t host, service, procedure;
    struct rope args;
    select_done_fn done;
    void *arg;
    enum xk_status status;
};

static void start(struct xipc_call *c);

static void ended(void *arg, enum xk_status status, struct rope *reply)
{
    struct xipc_call *c = arg;
    struct xipc *n = c->n;
    select_done_fn done = c->done;
    void *of = c->arg;
    port_free(n->port, c);
    done(of, status, reply);
    struct list again;
    list_init(&again);
    list_splice(&again, &n->busy);
    for (struct list *it; (it = list_pop(&again)) != NULL;)
        start(LIST_ENTRY(it, struct xipc_call, link));
}

static void start(struct xipc_call *c)
{
    struct xipc *n = c->n;
    struct rope args;
    rope_move(&args, &c->args);
    c->status = select_call(n->rpc, c->host, c->service, c->procedure, &args, ended, c);
    if (c->status == XK_OK)
        return;
    rope_move(&c->args, &args);
    if (c->status == XK_BUSY) {
        list_push(&n->busy, &c->link);
        return;
    }
    list_push(&n->failed, &c->link);
    if (!port_timer_pending(&n->tell))
        port_timer_set(&n->tell, 0);
}

static void tell(struct port_timer *t)
{
    struct xipc *n = t->arg;
    struct list failed;
    list_init(&failed);
    list_splice(&failed, &n->failed);
    for (struct list *it; (it = list_pop(&failed)) != NULL;) {
        struct xipc_call *c = LIST_ENTRY(it, struct xipc_call, link);
        struct rope none;
        rope_init(&none);
        rope_fini(&c->args);
        ended(c, c->status, &none);
        rope_fini(&none);
    }
}

/* ---- who is there? ---- */

struct xipc_hello {
    struct list link;
    struct xipc *n;
    uint32_t host;
    struct list calls; /* struct xipc_call: that wait for it */
};

static void has_said(void *arg, enum xk_status status, struct rope *reply)
{
    struct xipc_hello *h = arg;
    struct xipc *n = h->n;
    (void)status, (void)reply; /* if it gave none, the others will have none */
    list_remove(&h->link);
    for (struct list *it; (it = list_pop(&h->calls)) != NULL;)
        start(LIST_ENTRY(it, struct xipc_call, link));
    port_free(n->port, h);
    n->places++;
    xipc_news(n);
}

static struct xipc_call *call_new(struct xipc *n, uint32_t host, uint32_t service,
                                  uint32_t procedure, struct rope *args, select_done_fn done,
                                  void *arg)
{
    struct xipc_call *c = port_alloc(n->port, sizeof *c);
    list_init(&c->link);
    c->n = n;
    c->host = host;
    c->service = service;
    c->procedure = procedure;
    c->done = done;
    c->arg = arg;
    rope_move(&c->args, args);
    return c;
}

static struct xipc_hello *hello(struct xipc *n, uint32_t host)
{
    LIST_EACH (it, &n->hellos)
        if (LIST_ENTRY(it, struct xipc_hello, link)->host == host)
            return LIST_ENTRY(it, struct xipc_hello, link);
    struct xipc_hello *h = port_alloc(n->port, sizeof *h);
    struct rope none;
    rope_init(&none);
    h->n = n;
    h->host = host;
    list_init(&h->link);
    list_init(&h->calls);
    list_push(&n->hellos, &h->link);
    start(call_new(n, host, XIPC_PORTM, PORTM_HELLO, &none, has_said, h));
    return h;
}

bool xipc_met(struct xipc *n, uint32_t host)
{
    if (host == n->me || xk_life(n->self->kernel, host) > 0)
        return true;
    (void)hello(n, host);
    return false;
}

void xipc_call(struct xipc *n, uint32_t host, uint32_t service, uint32_t procedure,
               struct rope *args, select_done_fn done, void *arg)
{
    struct xipc_call *c = call_new(n, host, service, procedure, args, done, arg);
    if (xipc_met(n, host))
        start(c);
    else
        list_push(&hello(n, host)->calls, &c->link);
}

static void no_matter(void *arg, enum xk_status status, struct rope *reply)
{
    (void)arg, (void)status, (void)reply;
}

void xipc_tell(struct xipc *n, uint32_t host, uint32_t service, uint32_t procedure,
               struct rope *args)
{
    xipc_call(n, host, service, procedure, args, no_matter, NULL);
}

static void again(struct port_timer *t)
{
    struct xipc *n = t->arg;
    n->places++;
    xipc_news(n);
}

void xipc_later(struct xipc *n)
{
    sim_time wait = n->params->retry; /* not as long as others who wait for this node */
    if (!port_timer_pending(&n->retry))
        port_timer_set(&n->retry, wait + (sim_time)port_random_below(n->port, (uint64_t)wait));
}

void xipc_calls_init(struct xipc *n)
{
    port_timer_init(n->port, &n->retry, again, n);
    list_init(&n->busy);
    list_init(&n->failed);
    list_init(&n->hellos);
    port_timer_init(n->port, &n->tell, tell, n);
}
