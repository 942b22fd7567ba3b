/* nx_send.c: sends: queues of messages by peer, segments, grants.
 *
 * A peer with something to push that could not be pushed because the layer below was full stands in
 * nx.waiting; one that lacks grant does not: the grant's arrival pumps it.
 */
#include "os/nx/nx_internal.h"

static bool session_of(struct nx *n, struct nx_peer *p)
{
    if (p->sessn)
        return true;
    struct xk_part part = { .host = n->nodes[p->rank] };
    enum xk_status why;
    p->sessn = xk_open(n->protl->down[0], n->protl, &part, &why);
    return p->sessn != NULL;
}

/* Puts the header in front and pushes.  The message is empty afterwards in every case. */
static enum xk_status push(struct nx *n, struct nx_peer *p, struct nx_header *h, struct xk_msg *m)
{
    if (!session_of(n, p)) {
        xk_msg_fini(m);
        return XK_NO_PEER;
    }
    h->source = n->rank;
    nx_header_store(xk_msg_push(m, NX_HEADER), h);
    enum xk_status status = xk_push(p->sessn, m);
    xk_msg_fini(m);
    return status;
}

/* Gives back what is owed.  False: the layer below is full. */
static bool push_grant(struct nx *n, struct nx_peer *p)
{
    struct nx_header h = { .kind = NX_GRANT, .length = p->owed };
    struct xk_msg m;
    xk_msg_init(&m);
    if (push(n, p, &h, &m) == XK_BUSY)
        return false;
    p->owed = 0;
    n->counts.grants++;
    return true;
}

/* False: the layer below is full. */
static bool push_quit(struct nx *n, struct nx_peer *p)
{
    struct nx_header h = { .kind = NX_QUIT };
    struct xk_msg m;
    xk_msg_init(&m);
    p->quit = push(n, p, &h, &m) == XK_BUSY;
    return !p->quit;
}

static bool grant_due(const struct nx *n, const struct nx_peer *p)
{
    return p->owed >= n->grant / 2;
}

enum pushed { PUSHED, FULL, NO_GRANT, FAILED };

/* Pushes the next segment of a message. */
static enum pushed push_segment(struct nx *n, struct nx_peer *p, struct nx_op *op)
{
    uint64_t left = op->data.length - op->sent;
    uint64_t size = left < n->segment ? left : n->segment;
    if (size + NX_ROOM > p->credit) {
        n->counts.stalled += !op->stalled;
        op->stalled = true;
        return NO_GRANT;
    }
    struct nx_header h = { .kind = op->started ? NX_MORE : NX_FIRST,
                           .flags = op->system ? NX_FLAG_SYSTEM : 0,
                           .type = (uint64_t)op->info.type,
                           .length = op->started ? op->sent : op->data.length };
    struct rope slice;
    struct xk_msg m;
    rope_init(&slice);
    rope_add_slice(&slice, &op->data, op->sent, size);
    xk_msg_init_rope(&m, &slice);
    enum xk_status status = push(n, p, &h, &m);
    if (status == XK_BUSY)
        return FULL;
    if (status != XK_OK)
        return FAILED;
    if (n->params->copies == NX_COPY_ALL)
        nx_copied(n, size);
    p->credit -= size + NX_ROOM;
    op->started = true;
    op->sent += size;
    return PUSHED;
}

/* Pushes all of the first message that may be pushed.  False: come back when below is ready. */
static bool push_message(struct nx *n, struct nx_peer *p, bool *more)
{
    struct nx_op *op = LIST_ENTRY(p->outgoing.next, struct nx_op, link);
    do {
        switch (push_segment(n, p, op)) {
        case FULL:
            return false;
        case NO_GRANT:
            *more = op->system ? n->broken : n->bereaved;
            if (!*more)
                return true;
            p->quit = op->started; /* NX7: nobody may be left to give it */
            nx_op_done(op, NX_PEER_DOWN);
            return !p->quit || push_quit(n, p);
        case FAILED:
            nx_op_done(op, NX_PEER_DOWN);
            return true;
        case PUSHED:
            break;
        }
    } while (op->sent < op->data.length);
    nx_op_done(op, NX_OK);
    return true;
}

void nx_peer_pump(struct nx *n, struct nx_peer *p)
{
    bool below_ready = (!grant_due(n, p) || push_grant(n, p)) && (!p->quit || push_quit(n, p));
    bool more = true;
    while (below_ready && more && !list_empty(&p->outgoing))
        below_ready = push_message(n, p, &more);
    list_remove(&p->link);
    if (!below_ready)
        list_push(&n->waiting, &p->link);
}

void nx_pump_all(struct nx *n)
{
    /* Those that find it full again come back to the end of the list. */
    struct list now;
    list_init(&now);
    while (!list_empty(&n->waiting))
        list_push(&now, list_pop(&n->waiting));
    struct list *l;
    while ((l = list_pop(&now)))
        nx_peer_pump(n, LIST_ENTRY(l, struct nx_peer, link));
}

void nx_peer_owe(struct nx *n, struct nx_peer *p, uint64_t bytes)
{
    bool due = grant_due(n, p);
    p->owed += bytes;
    if (!due && grant_due(n, p))
        nx_peer_pump(n, p);
}

void nx_peer_fail_sends(struct nx_peer *p)
{
    while (!list_empty(&p->outgoing))
        nx_op_done(LIST_ENTRY(p->outgoing.next, struct nx_op, link), NX_PEER_DOWN);
}

struct nx_op *nx_send(struct nx *n, bool system, int64_t type, struct rope *data, uint32_t rank)
{
    ASSERT_MSG(n->rank != NX_NO_NODE, "this node is not in the partition");
    ASSERT_MSG(system || (type >= 0 && type <= NX_TYPE_MAX), "a message's type is 0 .. 2^31 - 1");
    struct nx_op *op = nx_op_new(n, NX_OP_SEND);
    rope_move(&op->data, data);
    op->system = system;
    op->info = (struct nx_info){ .type = type, .count = op->data.length, .node = rank };
    if (rank >= n->count) {
        nx_op_done(op, NX_NO_PEER);
        return op;
    }
    if (!xk_alive(n->protl->kernel, n->nodes[rank])) {
        nx_op_done(op, NX_PEER_DOWN);
        return op;
    }
    if (n->params->trap)
        port_work(n->port, PORT_WORK_TRAP, 1);
    port_work(n->port, PORT_WORK_SEND, 1);
    n->counts.sent++;
    n->counts.sent_bytes += op->data.length;
    op->peer = nx_peer_of(n, rank);
    bool first = list_empty(&op->peer->outgoing);
    list_push(&op->peer->outgoing, &op->link);
    if (!n->params->offload) {
        if (first)
            nx_peer_pump(n, op->peer);
        return op;
    }
    if (first) {
        list_remove(&op->peer->link);
        list_push(&n->waiting, &op->peer->link);
    }
    nx_work_later(n);
    return op;
}
