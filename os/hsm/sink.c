/* sink.c: sinks: who takes what movers push.  See mover.h. */
#include "os/hsm/mover.h"

#include "os/proto/select/select.h"
#include "os/xk/map.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

struct opened {
    uint64_t token;
    void (*take)(void *arg, uint64_t offset, struct rope *data);
    void (*give)(void *arg, uint64_t offset, uint64_t length, struct rope *out);
    sim_time (*when)(void *arg, uint64_t offset, uint64_t length);
    void *arg;
};

struct hsm_sink {
    struct port *port;
    struct xk_map opened; /* token -> struct opened */
    uint64_t last;
};

/* What is pulled and is not there yet. */
struct late {
    struct port_timer timer;
    struct hsm_sink *s;
    struct select_request *request;
    uint64_t token, offset, length;
};

static void hand_over(struct hsm_sink *s, struct select_request *request, uint64_t token,
                      uint64_t offset, uint64_t length)
{
    const struct opened *o = xk_map_resolve(&s->opened, &token);
    struct rope reply;
    rope_init(&reply);
    if (o != NULL && o->give != NULL)
        o->give(o->arg, offset, length, &reply);
    select_reply(request, &reply);
}

static void is_there(struct port_timer *t)
{
    struct late *x = t->arg;
    hand_over(x->s, x->request, x->token, x->offset, x->length);
    port_free(x->s->port, x);
}

static void pulled(struct hsm_sink *s, struct select_request *request, uint64_t token,
                   uint64_t offset, uint64_t length)
{
    const struct opened *o = xk_map_resolve(&s->opened, &token);
    sim_time now = port_now(s->port);
    sim_time at = o != NULL && o->when != NULL ? o->when(o->arg, offset, length) : now;
    if (at <= now) {
        hand_over(s, request, token, offset, length);
        return;
    }
    struct late *x = port_alloc(s->port, sizeof *x);
    x->s = s;
    x->request = request;
    x->token = token;
    x->offset = offset;
    x->length = length;
    port_timer_init(s->port, &x->timer, is_there, x);
    port_timer_set(&x->timer, at - now);
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct hsm_sink *s = arg;
    uint8_t wire[24] = { 0 };
    struct rope reply;
    size_t head = procedure == SINK_PULL ? 24 : 16;
    port_work(s->port, PORT_WORK_RPC, 1);
    rope_init(&reply);
    if (args->length >= head)
        rope_take_front(args, head, wire);
    uint64_t token = wire_get64(wire);
    if (procedure == SINK_PULL) {
        pulled(s, request, token, wire_get64(wire + 8), wire_get64(wire + 16));
        return;
    }
    const struct opened *o = xk_map_resolve(&s->opened, &token);
    if (o != NULL && procedure == SINK_DATA && o->take != NULL)
        o->take(o->arg, wire_get64(wire + 8), args);
    select_reply(request, &reply);
}

struct hsm_sink *hsm_sink_serve(struct xk_protl *rpc)
{
    struct hsm_sink *s = select_server(rpc, HSM_SERVICE_SINK);
    if (s != NULL)
        return s;
    s = port_alloc(xk_port(rpc), sizeof *s);
    s->port = xk_port(rpc);
    xk_map_init(&s->opened, s->port, sizeof(uint64_t));
    enum xk_status served = select_serve(rpc, HSM_SERVICE_SINK, serve, s);
    ASSERT(served == XK_OK);
    return s;
}

static uint64_t add(struct hsm_sink *s, struct opened as)
{
    struct opened *o = port_alloc(s->port, sizeof *o);
    *o = as;
    o->token = (uint64_t)port_incarnation(s->port) << 40 | ++s->last;
    xk_map_bind(&s->opened, &o->token, o);
    return o->token;
}

uint64_t hsm_sink_open(struct hsm_sink *s,
                       void (*take)(void *arg, uint64_t offset, struct rope *data), void *arg)
{
    return add(s, (struct opened){ .take = take, .arg = arg });
}

uint64_t hsm_source_open(struct hsm_sink *s,
                         void (*give)(void *arg, uint64_t offset, uint64_t length,
                                      struct rope *out),
                         sim_time (*when)(void *arg, uint64_t offset, uint64_t length), void *arg)
{
    return add(s, (struct opened){ .give = give, .when = when, .arg = arg });
}

void hsm_sink_close(struct hsm_sink *s, uint64_t token)
{
    port_free(s->port, xk_map_unbind(&s->opened, &token));
}
