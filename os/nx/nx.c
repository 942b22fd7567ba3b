/* nx.c: the protocol instance: start, peers, lives, what comes from below.
 *
 * What is modelled: type selection, buffering of unexpected messages under grants (RDM's credit),
 * asynchronous forms, handlers, global operations.  What is not: process types (one program a
 * node), buffers that run out at a receiver of many senders (a grant is always honoured).
 */
#include "os/nx/nx_internal.h"

const char *nx_status_name(enum nx_status s)
{
    static const char *const names[] = { "ok", "message too long", "peer down", "no such node" };
    return (size_t)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

void nx_header_store(uint8_t out[NX_HEADER], const struct nx_header *h)
{
    wire_put32(out, h->run);
    wire_put32(out + 4, h->source);
    wire_put64(out + 8, h->type);
    wire_put64(out + 16, h->length);
}

void nx_header_load(const uint8_t in[NX_HEADER], struct nx_header *h)
{
    h->run = wire_get32(in);
    h->source = wire_get32(in + 4);
    h->type = wire_get64(in + 8);
    h->length = wire_get64(in + 16);
}

bool nx_logged(const struct rope *message, int64_t *type, uint64_t *offset)
{
    uint8_t wire[NX_HEADER];
    struct nx_header h;
    if (message->length < sizeof wire)
        return false;
    rope_read(message, 0, sizeof wire, wire);
    nx_header_load(wire, &h);
    *type = (int64_t)h.type;
    *offset = NX_HEADER;
    return true;
}

/* ---- what is to be saved ---- */
struct asked {
    struct nx *n;
    void (*fn)(void *arg, enum nx_waits what, const struct nx_info *info, const struct rope *data);
    void *arg;
};

static bool each_to_go(void *arg, const void *key, void *value)
{
    const struct asked *a = arg;
    const struct nx_peer *p = value;
    (void)key;
    LIST_EACH (it, &p->outgoing) {
        const struct nx_op *op = LIST_ENTRY(it, struct nx_op, link);
        if (!p->system && !(p->pushed && it == p->outgoing.next))
            a->fn(a->arg, NX_WAITS_TO_GO, &op->info, &op->data);
    }
    return true;
}

void nx_each_waiting(struct nx *n,
                     void (*fn)(void *arg, enum nx_waits what, const struct nx_info *info,
                                const struct rope *data),
                     void *arg)
{
    LIST_EACH (it, &n->handled) {
        const struct nx_op *op = LIST_ENTRY(it, struct nx_op, link);
        fn(arg, NX_WAITS_ARRIVED, &op->info, &op->data);
    }
    LIST_EACH (it, &n->unexpected) {
        const struct nx_inbound *in = LIST_ENTRY(it, struct nx_inbound, link);
        struct nx_info info = { .type = in->type, .count = in->length, .node = in->peer->rank };
        if (in->got == in->length && !in->peer->system)
            fn(arg, NX_WAITS_ARRIVED, &info, &in->data);
    }
    xk_map_each(&n->peers, each_to_go, &(struct asked){ n, fn, arg });
}

/* ---- peers ---- */
static uint64_t peer_key(uint32_t rank, bool system)
{
    return (uint64_t)rank << 1 | system;
}

struct nx_peer *nx_peer_of(struct nx *n, uint32_t rank, bool system)
{
    uint64_t key = peer_key(rank, system);
    struct nx_peer *p = xk_map_resolve(&n->peers, &key);
    if (p)
        return p;
    p = port_alloc(n->port, sizeof(*p));
    p->rank = rank;
    p->system = system;
    list_init(&p->link);
    list_init(&p->outgoing);
    xk_map_bind(&n->peers, &key, p);
    return p;
}

/* The peer is gone, or is back in another life: what was between us is void (NXI5). */
static void reset_peer(struct nx *n, struct nx_peer *p)
{
    nx_peer_holds_nothing(n, p);
    nx_peer_fail_sends(p);
    nx_peer_drop_partial(n, p);
}

/* ---- from below ---- */
void nx_hold(struct nx *n, struct xk_sessn *s)
{
    xk_pieces(s);
    xk_hold(s, (uint64_t)n->params->grant);
}

static void open_done(struct xk_protl *self, struct xk_sessn *lower)
{
    nx_hold(self->state, lower);
}

static void demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    nx_arrive(self->state, lower, m);
}

struct nx_peer *nx_peer_at(const struct nx *n, const struct xk_sessn *lower)
{
    struct nx_peer *p = lower->upper_state;
    return p && n->nodes[p->rank] == lower->host ? p : NULL;
}

static void ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct nx_peer *p = nx_peer_at(self->state, lower);
    if (p)
        nx_peer_pump(self->state, p);
}

/* A message broke off. */
static void failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct nx_peer *p = nx_peer_at(self->state, lower);
    if (p && why == XK_CLOSED)
        nx_peer_drop_partial(self->state, p);
    else if (p)
        reset_peer(self->state, p);
}

/* A life of a node has ended. */
static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct nx *n = arg;
    (void)life;
    for (uint32_t rank = 0; !alive && rank < n->count; rank++) {
        if (n->nodes[rank] != node)
            continue;
        for (uint64_t key = peer_key(rank, false); key <= peer_key(rank, true); key++) {
            struct nx_peer *p = xk_map_resolve(&n->peers, &key);
            if (p)
                reset_peer(n, p);
        }
        nx_member_died(n);
    }
}

/* Closes the session below of a peer that has nothing to send. */
static bool free_session(void *arg, const void *key, void *value)
{
    struct nx_peer *p = value;
    (void)key;
    if (p->sessn && list_empty(&p->outgoing) && list_empty(&p->link)) {
        xk_close(p->sessn);
        p->sessn = NULL;
        ++*(uint64_t *)arg;
    }
    return true;
}

static enum xk_status control(struct xk_protl *self, struct xk_control *c)
{
    struct nx *n = self->state;
    switch (c->op) {
    case XK_FREE_RESOURCES:
        c->u64 = 0;
        xk_map_each(&n->peers, free_session, &c->u64);
        return XK_OK;
    default:
        return xk_protl_control(self->down[0], c);
    }
}

/* ---- work that is done in an upcall of its own ---- */
static void do_work(struct port_timer *t)
{
    struct nx *n = t->arg;
    nx_pump_offloaded(n);
    while (!list_empty(&n->handled)) {
        struct nx_op *op = LIST_ENTRY(list_pop(&n->handled), struct nx_op, link);
        port_work(n->port, PORT_WORK_RECEIVE, 1);
        op->fn(op->arg, &op->info, &op->data);
        rope_fini(&op->data);
        port_free(n->port, op);
    }
}

void nx_work_later(struct nx *n)
{
    if (!port_timer_pending(&n->work))
        port_timer_set(&n->work, 0);
}

/* ---- start ---- */
static enum xk_status init(struct xk_protl *self, const void *params)
{
    struct nx *n = self->state;
    n->port = xk_port(self);
    n->protl = self;
    n->params = params;
    xk_map_init(&n->peers, n->port, sizeof(uint64_t));
    list_init(&n->offloaded);
    list_init(&n->posted);
    list_init(&n->unexpected);
    list_init(&n->handled);
    list_init(&n->probes);
    list_init(&n->orphans);
    port_timer_init(n->port, &n->work, do_work, n);
    xk_on_peer(self->kernel, peer_changed, n);
    return XK_OK;
}

struct nx *nx_start(struct xk_protl *protl, const uint32_t *nodes, uint32_t count, uint32_t rank)
{
    ASSERT(protl->ops == &nx_protl);
    struct nx *n = protl->state;
    n->nodes = nodes;
    n->count = count;
    n->rank = rank;
    n->bereaved = n->broken = port_incarnation(n->port) > 1;
    xk_open_enable(protl->down[0], protl, xk_key(0));
    xk_open_enable(protl->down[0], protl, xk_key(1));
    return n;
}

/* What is with the node that had the rank. */
static bool leave(void *arg, const void *key, void *value)
{
    struct nx *n = arg;
    struct nx_peer *p = value;
    (void)key;
    nx_peer_drop_partial(n, p);
    if (!p->sessn || (p->sessn->host == n->nodes[p->rank] && n->rank != NX_NO_NODE))
        return true;
    if (p->pushed && !xk_gone(p->sessn))
        xk_give_up(p->sessn);
    nx_peer_fail_sends(p);
    p->sessn->upper_state = NULL;
    xk_close(p->sessn);
    p->sessn = NULL;
    return true;
}

void nx_place(struct nx *n, const uint32_t *nodes, uint32_t rank)
{
    ASSERT(n->quiet);
    n->nodes = nodes;
    n->rank = rank;
    xk_map_each(&n->peers, leave, n);
}

uint32_t nx_mynode(const struct nx *n)
{
    return n->rank;
}

uint32_t nx_numnodes(const struct nx *n)
{
    return n->count;
}

uint64_t nx_infocount(const struct nx *n)
{
    return n->info.count;
}

uint32_t nx_infonode(const struct nx *n)
{
    return n->info.node;
}

int64_t nx_infotype(const struct nx *n)
{
    return n->info.type;
}

static const char *const copies_names[] = { "unexpected", "received", "all", NULL };

static const struct param nx_params_desc[] = {
    P_SIZE(
        nx_params, grant, "64KiB", "0B", "16MiB",
        "Bytes, headers included, that each sender may have in the buffers of a receiver; global "
        "operations have as many of their own.",
        "ASSUMED(the Paragon's -mea option set it for each application; no source at hand gives "
        "its default)"),
    P_BOOL(
        nx_params, offload, "false",
        "Sends are posted and pushed by an upcall, on the message coprocessor where there is one.",
        "OSF/1 R1.2 and later use the second i860 for messages; see configs/machines"),
    P_BOOL(nx_params, trap, "false", "Every send and every receive enters the kernel.",
           "ASSUMED(early OSF/1 passed messages by system calls, later releases by a mailbox that "
           "the program shares with the coprocessor)"),
    P_CHOICE(nx_params, copies, "unexpected", copies_names,
             "Which messages are copied through system buffers: unexpected ones, all that are "
             "received, or all that are sent and received.",
             "with the receive posted the Paragon did not buffer [netlib pvmmpp, node 28]"),
    P_END,
};

static const struct counter counters[] = {
    C_SUM(nx, counts, sent, "1", "Messages sent."),
    C_SUM(nx, counts, received, "1", "Messages received."),
    C_SUM(nx, counts, unexpected, "1", "Of these, those that came before they were asked for."),
    C_SUM(nx, counts, dropped, "1", "Messages dropped: nobody wants them, or they make no sense."),
    C_SUM(nx, counts, sent_bytes, "B", "Bytes of what was sent."),
    C_SUM(nx, counts, copied_bytes, "B", "Bytes copied from buffers to programs."),
    C_SUM(nx, counts, straight_bytes, "B",
          "Bytes that came when their receive was posted, and went straight there."),
    C_END,
};

const struct xk_protl_ops nx_protl = {
    .kind = { .name = "nx",
              .doc = "Message passing of programs: types, grants, global operations.",
              .params = nx_params_desc,
              .params_size = sizeof(struct nx_params),
              .state_size = sizeof(struct nx),
              .counters = counters },
    .header = NX_HEADER,
    .down_min = 1,
    .down_max = 1,
    .needs = XK_NETWORK | XK_LIVES | XK_LONG | XK_PIECES,
    .called = true,
    .init = init,
    .open_done = open_done,
    .demux = demux,
    .ready = ready,
    .failed = failed,
    .control = control,
};

static void *service_start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    /* A partition is what a job is loaded on. */
    uint32_t jobs = n->boot->ranks, rank = os_rank(n, s->on);
    uint32_t count = jobs > 0 && s->on->nodes == n->layout->compute ? jobs : s->on->count;
    struct nx *x = nx_start(over, s->on->nodes, count, rank < count ? rank : NX_NO_NODE);
    x->os = n;
    return x;
}

const struct os_service_ops nx_service = {
    .kind = { .name = "nx", .doc = "Message passing of programs." },
    .on = "compute",
    .over = "nx",
    .protocol = &nx_protl,
    .with = "compute",
    .start = service_start,
};
