/* sink.c: sinks: who takes what movers push.  See mover.h. */
#include "os/hsm/mover.h"

#include "os/proto/select/select.h"
#include "os/xk/map.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

struct opened {
    uint64_t token;
    struct list folded; /* pieces of which not all that belong to them have come */
    void (*take)(void *arg, uint64_t offset, struct rope *data);
    void (*held)(void *arg, uint64_t offset, struct rope *data, struct select_request *from);
    void (*give)(void *arg, uint64_t offset, uint64_t length, struct rope *out);
    sim_time (*when)(void *arg, uint64_t offset, uint64_t length);
    void (*ask)(void *arg, uint64_t offset, uint64_t length, struct select_request *from);
    void *arg;
};

struct hsm_sink {
    struct port *port;
    struct xk_map opened; /* token -> struct opened */
    struct xk_map folded; /* token, tag, offset -> struct folded */
    uint64_t last;
};

struct folded {
    struct list link;
    uint64_t key[3];
    uint32_t count; /* so many have come */
    struct rope sum;
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
    if (o != NULL && o->ask != NULL) {
        o->ask(o->arg, offset, length, request);
        return;
    }
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

static void folded_free(struct hsm_sink *s, struct folded *f)
{
    (void)xk_map_unbind(&s->folded, f->key);
    list_remove(&f->link);
    rope_fini(&f->sum);
    port_free(s->port, f);
}

/* MOV5: one of `fold` pieces that are one together. */
static void fold_in(struct hsm_sink *s, struct opened *o, uint64_t offset, uint64_t tag,
                    uint32_t fold, struct rope *data)
{
    const uint64_t key[3] = { o->token, tag, offset };
    struct folded *f = xk_map_resolve(&s->folded, key);
    struct rope sum;
    if (f == NULL) {
        f = port_alloc(s->port, sizeof *f);
        memcpy(f->key, key, sizeof key);
        rope_move(&f->sum, data);
        list_push(&o->folded, &f->link);
        xk_map_bind(&s->folded, f->key, f);
    } else {
        const struct rope *const both[] = { &f->sum, data };
        ASSERT_MSG(f->sum.length == data->length, "MOV5: pieces are cut alike");
        port_work(s->port, PORT_WORK_XOR, data->length);
        rope_xor(&sum, both, 2);
        rope_fini(&f->sum);
        rope_move(&f->sum, &sum);
    }
    if (++f->count < fold)
        return;
    rope_move(&sum, &f->sum);
    folded_free(s, f);
    o->take(o->arg, offset, &sum);
    rope_fini(&sum);
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct hsm_sink *s = arg;
    uint8_t wire[25] = { 0 };
    struct rope reply;
    size_t head = procedure == SINK_PULL ? 24 : procedure == SINK_FOLD ? 25 : 16;
    port_work(s->port, PORT_WORK_RPC, 1);
    rope_init(&reply);
    if (args->length >= head)
        rope_take_front(args, head, wire);
    uint64_t token = wire_get64(wire);
    if (procedure == SINK_PULL) {
        pulled(s, request, token, wire_get64(wire + 8), wire_get64(wire + 16));
        return;
    }
    struct opened *o = xk_map_resolve(&s->opened, &token);
    if (o != NULL && procedure == SINK_DATA && o->held != NULL) {
        o->held(o->arg, wire_get64(wire + 8), args, request);
        return;
    }
    if (o != NULL && procedure == SINK_DATA && o->take != NULL)
        o->take(o->arg, wire_get64(wire + 8), args);
    else if (o != NULL && procedure == SINK_FOLD && o->take != NULL)
        fold_in(s, o, wire_get64(wire + 8), wire_get64(wire + 16), wire[24], args);
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
    xk_map_init(&s->folded, s->port, 3 * sizeof(uint64_t));
    enum xk_status served = select_serve(rpc, HSM_SERVICE_SINK, serve, s);
    ASSERT(served == XK_OK);
    return s;
}

static uint64_t add(struct hsm_sink *s, struct opened as)
{
    struct opened *o = port_alloc(s->port, sizeof *o);
    *o = as;
    list_init(&o->folded);
    o->token = (uint64_t)port_incarnation(s->port) << 40 | ++s->last;
    xk_map_bind(&s->opened, &o->token, o);
    return o->token;
}

uint64_t hsm_sink_open(struct hsm_sink *s,
                       void (*take)(void *arg, uint64_t offset, struct rope *data), void *arg)
{
    return add(s, (struct opened){ .take = take, .arg = arg });
}

uint64_t hsm_sink_open_held(struct hsm_sink *s,
                            void (*take)(void *arg, uint64_t offset, struct rope *data,
                                         struct select_request *from),
                            void *arg)
{
    return add(s, (struct opened){ .held = take, .arg = arg });
}

void hsm_sink_answer(struct select_request *from)
{
    struct rope empty;
    rope_init(&empty);
    select_reply(from, &empty);
}

uint64_t hsm_source_open(struct hsm_sink *s,
                         void (*give)(void *arg, uint64_t offset, uint64_t length,
                                      struct rope *out),
                         sim_time (*when)(void *arg, uint64_t offset, uint64_t length), void *arg)
{
    return add(s, (struct opened){ .give = give, .when = when, .arg = arg });
}

uint64_t hsm_source_open_held(struct hsm_sink *s,
                              void (*ask)(void *arg, uint64_t offset, uint64_t length,
                                          struct select_request *from),
                              void *arg)
{
    return add(s, (struct opened){ .ask = ask, .arg = arg });
}

void hsm_source_answer(struct select_request *from, struct rope *data)
{
    select_reply(from, data);
}

void hsm_sink_close(struct hsm_sink *s, uint64_t token)
{
    struct opened *o = xk_map_unbind(&s->opened, &token);
    while (o != NULL && !list_empty(&o->folded))
        folded_free(s, LIST_ENTRY(o->folded.next, struct folded, link));
    port_free(s->port, o);
}
