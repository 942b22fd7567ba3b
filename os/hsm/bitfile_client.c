/* bitfile_client.c: a node's door to the bitfile server.  See bitfile.h. */
#include "os/hsm/bitfile_internal.h"
#include "os/node.h"

struct bitfile_client_params {
    sim_time retry;
};
static const struct param params_desc[] = {
    P_TIME(bitfile_client_params, retry, "10ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_END,
};

struct bitfile_door {
    struct port *port;
    struct hsm_calls calls;
    struct hsm_sink *sink;
    uint32_t host;
};

struct range { /* bytes that have been taken */
    struct list link;
    uint64_t from, to;
};

/* Hands on what of these bytes the call has not had yet: blocks are longer than what was asked for,
 * and a copy that was read to a bad place is followed by another. */
static void take(void *arg, uint64_t offset, struct rope *data)
{
    struct bitfile_call *c = arg;
    struct port *p = c->door->port;
    uint64_t at = offset > c->offset ? offset : c->offset;
    uint64_t end = offset + data->length, last = c->offset + c->length;
    struct list *place = c->ranges.next;
    end = end < last ? end : last;
    while (at < end) {
        const struct range *r = NULL;
        for (; place != &c->ranges; place = place->next) {
            r = LIST_ENTRY(place, struct range, link);
            if (r->to > at)
                break;
            r = NULL;
        }
        if (r != NULL && r->from <= at) {
            at = r->to;
            continue;
        }
        uint64_t to = r != NULL && r->from < end ? r->from : end;
        struct range *mine = port_alloc(p, sizeof *mine);
        struct rope piece;
        *mine = (struct range){ .from = at, .to = to };
        list_push(place, &mine->link); /* before it */
        c->taken += to - at;
        rope_init(&piece);
        rope_add_slice(&piece, data, at - offset, to - at);
        c->take(c, at, &piece);
        rope_fini(&piece);
        at = to;
    }
}

/* Joins ranges that touch. */
static void tidy(struct bitfile_call *c)
{
    LIST_EACH_SAFE (l, next, &c->ranges) {
        struct range *r = LIST_ENTRY(l, struct range, link);
        if (next == &c->ranges)
            break;
        struct range *n = LIST_ENTRY(next, struct range, link);
        if (r->to != n->from)
            continue;
        n->from = r->from;
        list_remove(l);
        port_free(c->door->port, r);
    }
}

static void take_tidy(void *arg, uint64_t offset, struct rope *data)
{
    take(arg, offset, data);
    tidy(arg);
}

/* Behind the last byte the last block has zeros. */
static void give(void *arg, uint64_t offset, uint64_t length, struct rope *out)
{
    struct bitfile_call *c = arg;
    uint64_t left = offset < c->size ? c->size - offset : 0, n = length < left ? length : left;
    if (n > 0)
        c->give(c, offset, n, out);
    if (n < length)
        rope_add_zero(out, length - n);
}

static sim_time when(void *arg, uint64_t offset, uint64_t length)
{
    struct bitfile_call *c = arg;
    uint64_t left = offset < c->size ? c->size - offset : 0, n = length < left ? length : left;
    return c->when != NULL && n > 0 ? c->when(c, offset, n) : 0;
}

/* ---- bytes that are given later ---- */

struct waits {                /* a mover */
    struct bitfile_pull pull; /* first */
    struct bitfile_door *door;
    struct select_request *from;
    uint64_t zeros; /* behind the last byte */
};

static void answer(struct bitfile_pull *p)
{
    struct waits *w = CONTAINER_OF(p, struct waits, pull);
    ASSERT_MSG(p->data.length <= p->length, "more bytes than were asked for");
    list_remove(&p->link);
    if (p->data.length < p->length)
        rope_fini(&p->data);
    else
        rope_add_zero(&p->data, w->zeros);
    hsm_source_answer(w->from, &p->data);
    port_free(w->door->port, w);
}

static void ask(void *arg, uint64_t offset, uint64_t length, struct select_request *from)
{
    struct bitfile_call *c = arg;
    uint64_t left = offset < c->size ? c->size - offset : 0, n = length < left ? length : left;
    struct waits *w = port_alloc(c->door->port, sizeof *w);
    *w = (struct waits){ .pull = { .offset = offset, .length = n, .answer = answer },
                         .door = c->door,
                         .from = from,
                         .zeros = length - n };
    rope_init(&w->pull.data);
    list_push(&c->pulls, &w->pull.link);
    if (n > 0)
        c->ask(c);
    else
        answer(&w->pull);
}

/* Who still waits gets nothing. */
static void answer_all(struct bitfile_call *c)
{
    while (!list_empty(&c->pulls)) {
        struct bitfile_pull *p = LIST_ENTRY(c->pulls.next, struct bitfile_pull, link);
        rope_fini(&p->data);
        answer(p);
    }
}

static void ended(void *arg, enum xk_status status, struct rope *reply)
{
    struct bitfile_call *c = arg;
    struct bitfile_door *d = c->door;
    uint8_t wire[BITFILE_REPLY_BYTES] = { 0 };
    struct list *l;
    uint64_t id = c->id;
    c->status = hsm_reply_status(status, reply);
    if (reply->length >= sizeof wire - 1) {
        rope_take_front(reply, sizeof wire - 1, wire + 1);
        bitfile_reply_load(wire, &id, &c->stat);
    }
    if ((c->op == BITFILE_CREATE || c->op == BITFILE_REPACK || c->op == BITFILE_LIST) &&
        c->status == HSM_OK)
        c->id = id;
    for (c->found_count = 0;
         c->op == BITFILE_LIST && reply->length >= 8 && c->found_count < BITFILE_LISTED;) {
        rope_take_front(reply, 8, wire);
        c->found[c->found_count++] = wire_get64(wire);
    }
    if (c->token != 0)
        hsm_sink_close(d->sink, c->token);
    answer_all(c);
    ASSERT_MSG(c->op != BITFILE_READ || c->status != HSM_OK || c->taken == c->length, "BITF4");
    while ((l = list_pop(&c->ranges)) != NULL)
        port_free(d->port, LIST_ENTRY(l, struct range, link));
    c->done(c);
}

void bitfile_ask(struct bitfile_door *d, struct bitfile_call *c)
{
    uint8_t wire[BITFILE_CALL_BYTES];
    struct rope args;
    c->door = d;
    c->token = c->taken = 0;
    list_init(&c->ranges);
    list_init(&c->pulls);
    if (c->op == BITFILE_READ)
        c->token = hsm_sink_open(d->sink, take_tidy, c);
    else if (c->op == BITFILE_WRITE && c->ask != NULL)
        c->token = hsm_source_open_held(d->sink, ask, c);
    else if (c->op == BITFILE_WRITE)
        c->token = hsm_source_open(d->sink, give, when, c);
    wire_put64(wire, c->id);
    wire_put32(wire + 8, c->cos);
    wire_put64(wire + 12, c->size);
    wire_put64(wire + 20, c->op == BITFILE_CREATE || c->op == BITFILE_LIST ? c->owner : c->offset);
    wire_put64(wire + 28, c->length);
    wire_put64(wire + 36, c->token);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    (void)hsm_call(&d->calls, d->host, HSM_SERVICE_BITFILE, c->op, &args, ended, c);
}

struct waiting {
    struct port *port;
    struct port_thread *thread;
    bool over;
};

static void woken(struct bitfile_call *c)
{
    struct waiting *w = c->waiting;
    w->over = true;
    port_thread_wake(w->port, w->thread);
}

enum hsm_status bitfile_wait(struct bitfile_door *d, struct bitfile_call *c)
{
    struct waiting *w = port_alloc(d->port, sizeof *w);
    w->port = d->port;
    w->thread = port_thread_self(d->port);
    c->waiting = w;
    c->done = woken;
    bitfile_ask(d, c);
    while (!w->over)
        port_thread_block(d->port, "a call of bitfiles", c->id);
    port_free(d->port, w);
    return c->status;
}

struct bitfile_door *bitfile_open(struct xk_protl *rpc, uint32_t host, sim_time retry)
{
    struct bitfile_door *d = port_alloc(xk_port(rpc), sizeof *d);
    d->port = xk_port(rpc);
    d->host = host;
    hsm_calls_init(&d->calls, rpc, HSM_ANSWER_BITFILE_CLIENT, retry);
    d->sink = hsm_sink_serve(rpc);
    return d;
}

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    (void)params;
    return hsm_host(b, &bitfile_service) != UINT32_MAX ||
           err_set(e, "%s: a door to bitfiles needs the service bitfile in the list", path);
}

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    const struct bitfile_client_params *p = s->params;
    return bitfile_open(over, hsm_host(n->boot, &bitfile_service), p->retry);
}

const struct os_service_ops bitfile_client_service = {
    .kind = { .name = "bitfile_client",
              .doc = "A node's door to the bitfiles of an archive.",
              .params = params_desc,
              .params_size = sizeof(struct bitfile_client_params) },
    .on = "compute",
    .over = "rpc",
    .protocol = &select_protl,
    .ready = ready,
    .start = start,
};
