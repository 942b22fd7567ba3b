/* nx_recv.c: receives: matching, buffering, completion.
 *
 * Matching compares in order (NX2) and names each comparison.  A message that has begun to arrive
 * is matched like a whole one.
 */
#include "os/nx/nx_internal.h"

static bool fits(const struct nx_op *op, bool system, int64_t type, uint32_t source)
{
    if (op->system != system || (op->source != NX_NO_NODE && op->source != source))
        return false;
    if (op->typesel == NX_ANY)
        return !(type & NX_TYPE_FORCE);
    return op->typesel == type;
}

/* The oldest posted receive that a message fits, or NULL. */
static struct nx_op *match_posted(struct nx *n, const struct nx_inbound *in)
{
    uint64_t compared = 0;
    struct nx_op *found = NULL;
    LIST_EACH (it, &n->posted) {
        struct nx_op *op = LIST_ENTRY(it, struct nx_op, link);
        compared++;
        if (fits(op, in->peer->system, in->type, in->peer->rank)) {
            found = op;
            break;
        }
    }
    port_work(n->port, PORT_WORK_MATCH, compared);
    return found;
}

/* The oldest message that a receive fits, or NULL. */
static struct nx_inbound *match_unexpected(struct nx *n, const struct nx_op *op)
{
    uint64_t compared = 0;
    struct nx_inbound *found = NULL;
    LIST_EACH (it, &n->unexpected) {
        struct nx_inbound *in = LIST_ENTRY(it, struct nx_inbound, link);
        compared++;
        if (fits(op, in->peer->system, in->type, in->peer->rank)) {
            found = in;
            break;
        }
    }
    port_work(n->port, PORT_WORK_MATCH, compared);
    return found;
}

void nx_forget(struct nx *n, struct nx_inbound *in)
{
    list_remove(&in->link);
    if (in->peer->partial == in)
        in->peer->partial = NULL;
    rope_fini(&in->data);
    port_free(n->port, in);
}

/* The last segment is in: hands the message to its receive. */
static void finish(struct nx *n, struct nx_inbound *in)
{
    struct nx_op *op = in->op;
    enum nx_status status = in->length > op->max ? NX_TOO_LONG : NX_OK;
    if (!in->peer->system)
        n->counts.received++;
    nx_forget(n, in);
    nx_op_done(op, status);
}

/* Adds data to what the receive has, as far as it allows. */
static void fill(struct nx_op *op, struct rope *data)
{
    rope_join(&op->data, data);
    if (op->data.length > op->max)
        rope_truncate(&op->data, op->max);
}

static void attach(struct nx_inbound *in, struct nx_op *op)
{
    in->op = op;
    op->taken = true;
    list_remove(&op->link);
    op->info = (struct nx_info){ .type = in->type, .count = in->length, .node = in->peer->rank };
}

/* Wakes those in cprobe to look again. */
static void tell_probes(struct nx *n)
{
    LIST_EACH (it, &n->probes)
        port_thread_wake(n->port, LIST_ENTRY(it, struct nx_op, link)->waiter);
}

static struct nx_inbound *begin(struct nx *n, struct nx_peer *p, struct xk_sessn *lower,
                                const struct nx_header *h)
{
    struct nx_inbound *in = port_alloc(n->port, sizeof(*in));
    list_init(&in->link);
    rope_init(&in->data);
    in->peer = p;
    in->sessn = lower;
    in->type = (int64_t)h->type;
    in->length = h->length;
    p->partial = in;
    bool wanted = h->run == n->run;
    struct nx_op *op = wanted ? match_posted(n, in) : NULL;
    if (op) {
        attach(in, op);
    } else if (!wanted || (!p->system && (in->type & NX_TYPE_FORCE))) {
        in->dropped = true;
        n->counts.dropped++;
    } else {
        n->counts.unexpected += !p->system;
        list_push(&n->unexpected, &in->link);
        tell_probes(n);
    }
    return in;
}

/* The message that a piece belongs to; NULL: none that makes sense. */
static struct nx_inbound *inbound_of(struct nx *n, struct xk_sessn *lower, struct xk_msg *m)
{
    struct nx_peer *p = nx_peer_at(n, lower);
    uint8_t wire[NX_HEADER];
    struct nx_header h;
    if (!xk_first(lower))
        return p ? p->partial : NULL;
    if (p)
        nx_peer_drop_partial(n, p); /* it said that it was longer */
    if (!xk_msg_pop(m, wire, sizeof(wire)))
        return NULL;
    nx_header_load(wire, &h);
    if (h.source >= n->count || n->nodes[h.source] != lower->host)
        return NULL;
    if (!p)
        lower->upper_state = p = nx_peer_of(n, h.source, lower->key);
    return begin(n, p, lower, &h);
}

void nx_message(struct nx *n, struct nx_peer *p, const struct nx_header *h, struct rope *data)
{
    struct nx_inbound *in = begin(n, p, NULL, h);
    p->partial = NULL;
    in->got = data->length;
    if (in->op)
        fill(in->op, data);
    else
        rope_join(&in->data, data);
    if (in->dropped)
        nx_forget(n, in);
    else if (in->op)
        finish(n, in);
}

void nx_arrive(struct nx *n, struct xk_sessn *lower, struct xk_msg *m)
{
    uint64_t used = xk_msg_length(m);
    struct nx_inbound *in = inbound_of(n, lower, m);
    struct rope data;
    xk_msg_to_rope(m, &data);
    uint64_t size = data.length;
    if (!in || in->got + size > in->length) {
        n->counts.dropped++;
        rope_fini(&data);
        xk_consumed(lower, used);
        return;
    }
    in->got += size;
    bool whole = in->got == in->length, buffered = !in->op && !in->dropped;
    if (in->op && n->params->copies != NX_COPY_UNEXPECTED)
        nx_copied(n, size);
    else if (in->op)
        n->counts.straight_bytes += size;
    if (in->op)
        fill(in->op, &data);
    else if (buffered)
        rope_join(&in->data, &data);
    rope_fini(&data);
    if (buffered)
        in->held += used;
    if (whole)
        in->peer->partial = NULL;
    if (whole && in->dropped)
        nx_forget(n, in);
    else if (whole && in->op)
        finish(n, in);
    if (!buffered)
        xk_consumed(lower, used);
}

void nx_peer_drop_partial(struct nx *n, struct nx_peer *p)
{
    struct nx_inbound *in = p->partial;
    if (!in)
        return;
    struct nx_op *op = in->op;
    struct xk_sessn *sessn = in->sessn;
    uint64_t held = in->held;
    n->counts.dropped++;
    nx_forget(n, in);
    if (op)
        nx_op_done(op, NX_PEER_DOWN);
    if (held > 0)
        xk_consumed(sessn, held);
}

void nx_peer_holds_nothing(struct nx *n, const struct nx_peer *p)
{
    LIST_EACH (it, &n->unexpected) {
        struct nx_inbound *in = LIST_ENTRY(it, struct nx_inbound, link);
        if (in->peer == p)
            in->held = 0;
    }
    if (p->partial)
        p->partial->held = 0;
}

/* NX7: nobody may be left to send what it waits for. */
static void end_alone(struct nx_op *op)
{
    op->info.node = NX_NO_NODE;
    nx_op_done(op, NX_PEER_DOWN);
}

static bool pump(void *arg, const void *rank, void *peer)
{
    (void)rank;
    nx_peer_pump(arg, peer);
    return true;
}

void nx_member_died(struct nx *n)
{
    if (nx_kept(n)) /* NX9 */
        return;
    n->bereaved = n->broken = true;
    xk_map_each(&n->peers, pump, n);
    LIST_EACH_SAFE (it, next, &n->posted)
        end_alone(LIST_ENTRY(it, struct nx_op, link));
    tell_probes(n);
}

void nx_go_on(struct nx *n)
{
    n->bereaved = false;
}

struct nx_op *nx_receive(struct nx *n, bool system, int64_t typesel, uint32_t source, uint64_t max)
{
    ASSERT_MSG(n->rank != NX_NO_NODE, "this node is not in the partition");
    struct nx_op *op = nx_op_new(n, NX_OP_RECEIVE);
    if (nx_log_received(n, op))
        return op;
    if (n->params->trap)
        port_work(n->port, PORT_WORK_TRAP, 1);
    op->system = system;
    op->typesel = typesel;
    op->source = source;
    op->max = max;
    struct nx_inbound *in = match_unexpected(n, op);
    if (!in) {
        list_push(&n->posted, &op->link);
        if (system ? n->broken : n->bereaved)
            end_alone(op);
        return op;
    }
    list_remove(&in->link);
    attach(in, op);
    uint64_t held = in->held;
    struct xk_sessn *sessn = in->sessn;
    nx_copied(n, in->data.length);
    in->held = 0;
    fill(op, &in->data);
    if (in->got == in->length)
        finish(n, in);
    if (held > 0)
        xk_consumed(sessn, held);
    return op;
}

bool nx_iprobe(struct nx *n, int64_t typesel, struct nx_info *info)
{
    struct nx_op sel = { .typesel = typesel, .source = NX_NO_NODE };
    struct nx_inbound *in = match_unexpected(n, &sel);
    if (!in)
        return false;
    n->info = (struct nx_info){ .type = in->type, .count = in->length, .node = in->peer->rank };
    if (info)
        *info = n->info;
    return true;
}

struct nx_info nx_cprobe(struct nx *n, int64_t typesel)
{
    struct nx_info info;
    struct nx_op me = { .waiter = port_thread_self(n->port) };
    list_init(&me.link);
    bool announced = nx_enter(n);
    while (!nx_iprobe(n, typesel, &info)) {
        if (n->bereaved) {
            info = (struct nx_info){ .type = typesel, .node = NX_NO_NODE, .status = NX_PEER_DOWN };
            break;
        }
        list_push(&n->probes, &me.link);
        port_thread_block(n->port, "nx message of type", (uint64_t)typesel);
        list_remove(&me.link);
    }
    nx_leave(n, announced);
    return info;
}
