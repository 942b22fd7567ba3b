/* nx_op.c: operations: what a program holds while a send or a receive is under way. */
#include "os/nx/nx_internal.h"

struct nx_op *nx_op_new(struct nx *n, enum nx_op_kind kind)
{
    struct nx_op *op = port_alloc(n->port, sizeof(*op));
    list_init(&op->link);
    rope_init(&op->data);
    op->nx = n;
    op->kind = kind;
    op->source = NX_NO_NODE;
    op->number = ++n->ops;
    nx_op_trace(op, port_trace_begin);
    return op;
}

void nx_op_trace(const struct nx_op *op,
                 void (*mark)(struct port *, const char *, const char *, uint64_t))
{
    static const char *const names[] = { [NX_OP_SEND] = "send", [NX_OP_RECEIVE] = "receive" };
    mark(op->nx->port, "messages", names[op->kind], op->number);
}

void nx_copied(struct nx *n, uint64_t bytes)
{
    if (bytes == 0)
        return;
    port_work(n->port, PORT_WORK_COPY, bytes);
    n->counts.copied_bytes += bytes;
}

void nx_op_free(struct nx_op *op)
{
    struct port *port = op->nx->port;
    list_remove(&op->link);
    rope_fini(&op->data);
    port_free(port, op);
}

void nx_op_done(struct nx_op *op, enum nx_status status)
{
    struct nx *n = op->nx;
    list_remove(&op->link);
    if (status == NX_PEER_DOWN && nx_kept(n)) { /* NX9 */
        list_push(&n->orphans, &op->link);
        return;
    }
    nx_op_trace(op, port_trace_end);
    op->done = true;
    op->info.status = status;
    if (op->kind == NX_OP_SEND)
        rope_truncate(&op->data, 0);
    if (op->logged > 0)
        nx_log_done(op);
    if (op->fn) {
        list_push(&n->handled, &op->link);
        nx_work_later(n);
    } else if (op->ignored) {
        nx_op_free(op);
    } else if (op->waiter) {
        port_thread_wake(n->port, op->waiter);
    }
}

bool nx_msgdone(const struct nx_op *op)
{
    return op->done;
}

struct nx_info nx_msgwait(struct nx_op *op, struct rope *out)
{
    struct nx *n = op->nx;
    op->waiter = port_thread_self(n->port);
    while (!op->done) {
        if (op->kind == NX_OP_SEND)
            port_thread_block(n->port, "nx send to node", op->info.node);
        else
            port_thread_block(n->port, "nx message of type", (uint64_t)op->typesel);
    }
    struct nx_info info = op->info;
    if (op->kind == NX_OP_RECEIVE) {
        port_work(n->port, PORT_WORK_RECEIVE, 1);
        if (!op->system)
            n->info = info;
    }
    if (out)
        rope_move(out, &op->data);
    nx_op_free(op);
    return info;
}

void nx_msgignore(struct nx_op *op)
{
    if (op->done)
        nx_op_free(op);
    else
        op->ignored = true;
}

bool nx_msgcancel(struct nx_op *op)
{
    if (op->kind == NX_OP_SEND || op->taken || op->done)
        return false;
    nx_op_trace(op, port_trace_end);
    nx_op_free(op);
    return true;
}

struct nx_op *nx_isend(struct nx *n, int64_t type, struct rope *data, uint32_t node)
{
    return nx_send(n, false, type, data, node);
}

struct nx_op *nx_irecv(struct nx *n, int64_t typesel, uint64_t max)
{
    return nx_receive(n, false, typesel, NX_NO_NODE, max);
}

enum nx_status nx_csend(struct nx *n, int64_t type, struct rope *data, uint32_t node)
{
    bool announced = nx_enter(n);
    enum nx_status status = nx_msgwait(nx_isend(n, type, data, node), NULL).status;
    nx_leave(n, announced);
    return status;
}

struct nx_info nx_crecv(struct nx *n, int64_t typesel, uint64_t max, struct rope *out)
{
    bool announced = nx_enter(n);
    struct nx_info info = nx_msgwait(nx_irecv(n, typesel, max), out);
    nx_leave(n, announced);
    return info;
}

struct nx_info nx_csendrecv(struct nx *n, int64_t type, struct rope *data, uint32_t node,
                            int64_t typesel, uint64_t max, struct rope *out)
{
    bool announced = nx_enter(n);
    struct nx_op *op = nx_irecv(n, typesel, max);
    nx_csend(n, type, data, node);
    struct nx_info info = nx_msgwait(op, out);
    nx_leave(n, announced);
    return info;
}

void nx_hrecv(struct nx *n, int64_t typesel, uint64_t max,
              void (*fn)(void *arg, const struct nx_info *info, struct rope *data), void *arg)
{
    struct nx_op *op = nx_receive(n, false, typesel, NX_NO_NODE, max);
    op->fn = fn;
    op->arg = arg;
    if (op->done) {
        list_push(&n->handled, &op->link);
        nx_work_later(n);
    }
}
