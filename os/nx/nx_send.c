/* nx_send.c: sends: queues of messages by peer.
 *
 * The first of a peer's queue is with RDM, which tells when it has gone, or waits for credit.
 */
#include "os/nx/nx_internal.h"

static bool session_of(struct nx *n, struct nx_peer *p)
{
    if (p->sessn)
        return true;
    enum xk_status why;
    p->sessn =
        xk_open(n->protl->down[0], n->protl, xk_node_key(n->nodes[p->rank], p->system), &why);
    if (!p->sessn)
        return false;
    p->sessn->upper_state = p;
    nx_hold(n, p->sessn);
    return true;
}

static bool push(struct nx *n, struct nx_peer *p, struct nx_op *op)
{
    struct nx_header h = {
        .run = n->run, .source = n->rank, .type = (uint64_t)op->info.type, .length = op->info.count
    };
    struct xk_msg m;
    xk_msg_init_rope(&m, &op->data);
    nx_header_store(xk_msg_push(&m, NX_HEADER), &h);
    p->pushed = xk_push(p->sessn, &m) == XK_OK;
    xk_msg_fini(&m);
    if (p->pushed && n->params->copies == NX_COPY_ALL)
        nx_copied(n, op->info.count);
    return p->pushed;
}

/* The first of the queue has gone, or goes to RDM; else what it waits for is told (ready). */
static bool first_goes(struct nx *n, struct nx_peer *p)
{
    struct nx_op *op = LIST_ENTRY(p->outgoing.next, struct nx_op, link);
    enum nx_status status = NX_OK;
    if (session_of(n, p) && !xk_gone(p->sessn)) {
        if (!p->pushed || !xk_stalled(p->sessn) || !(op->system ? n->broken : n->bereaved))
            return false;
        xk_give_up(p->sessn); /* NX7: nobody may be left to give it credit */
        status = NX_PEER_DOWN;
    } else if (!p->pushed) {
        if (p->sessn && push(n, p, op))
            return true;
        status = NX_PEER_DOWN;
    }
    p->pushed = false;
    nx_op_done(op, status);
    return true;
}

void nx_peer_pump(struct nx *n, struct nx_peer *p)
{
    list_remove(&p->link);
    while (!n->quiet && !list_empty(&p->outgoing) && first_goes(n, p))
        continue;
}

void nx_pump_offloaded(struct nx *n)
{
    struct list *l;
    while ((l = list_pop(&n->offloaded)))
        nx_peer_pump(n, LIST_ENTRY(l, struct nx_peer, link));
}

void nx_peer_fail_sends(struct nx_peer *p)
{
    p->pushed = false;
    LIST_EACH_SAFE (it, next, &p->outgoing) {
        struct nx_op *op = LIST_ENTRY(it, struct nx_op, link);
        if (!op->nx->quiet) /* else it is for the life to come */
            nx_op_done(op, NX_PEER_DOWN);
    }
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
    if (nx_log_sent(n)) {
        nx_op_done(op, NX_OK);
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
    op->peer = nx_peer_of(n, rank, system);
    bool first = list_empty(&op->peer->outgoing);
    list_push(&op->peer->outgoing, &op->link);
    if (!n->params->offload) {
        if (first)
            nx_peer_pump(n, op->peer);
        return op;
    }
    if (first) {
        list_remove(&op->peer->link);
        list_push(&n->offloaded, &op->peer->link);
    }
    nx_work_later(n);
    return op;
}
