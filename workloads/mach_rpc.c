/* mach_rpc.c: tasks of one node call a server task of the same node by Mach IPC.
 *
 * On every node a server has the receive right of a port, and each client a send right to it.  A
 * call is one mach_msg that sends the request with a send-once right to the client's own port, and
 * receives the reply there; the server replies and takes the next request in one mach_msg, too.
 * Requests and replies carry their bytes in line, and are compared byte for byte.  The server ends
 * by the no-senders notification, after the last client has dropped its right; then the node must
 * have no port and no message left.  `formula` is what a configuration says a call takes; it
 * becomes a measure beside the measured one, with the difference.
 */
#include "os/mach/mach_msg.h"
#include "os/mach/mach_port.h"
#include "workloads/workload.h"

/* A reply's id above its request's, as MIG makes them; requests have the ids from FIRST_ID on. */
#define REPLY_ID 100
#define FIRST_ID 1000

struct rpc_params {
    int64_t clients, size, reply, rounds, warmup;
    sim_time formula;
};

static const struct param params_desc[] = {
    P_INT(rpc_params, clients, "1", "1", "1000", "Client tasks on each node.",
          "ASSUMED(the null call measures latency)"),
    P_SIZE(rpc_params, size, "0", "0", "16MiB", "Bytes of a request, in line.",
           "ASSUMED(the null call measures latency)"),
    P_SIZE(rpc_params, reply, "0", "0", "16MiB", "Bytes of a reply, in line.",
           "ASSUMED(the null call measures latency)"),
    P_INT(rpc_params, rounds, "20", "1", "1000000", "Calls of each client that are measured.",
          "ASSUMED(a small example)"),
    P_INT(rpc_params, warmup, "2", "0", "1000", "Calls of each client before them.",
          "ASSUMED(the first finds the server not yet waiting)"),
    P_TIME(rpc_params, formula, "0", "0", NULL,
           "Time of a call by a formula of the configuration; 0: none.",
           "ASSUMED(only a configuration that has a formula sets it)"),
    P_END,
};

enum { M_CALL, M_RATE, M_FORMULA, M_DIFFERENCE };
static const struct measure measures[] = {
    [M_CALL] = { "mach_rpc.time", "s", "From a call to its reply.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_RATE] = { "mach_rpc.rate", "1/s", "Calls by time, of all clients of a node.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN | MEASURE_TOTAL },
    [M_FORMULA] = { "formula", "s", "Time of a call by the configuration's formula.",
                    MEASURE_DETERMINISTIC },
    [M_DIFFERENCE] = { "difference", "s", "Measured time of a call minus the formula's.",
                       MEASURE_DETERMINISTIC },
    { .name = NULL }
};

struct client;

struct cell { /* of a node */
    const struct rpc_params *p;
    struct port *port;
    struct port_thread *main;
    struct mach *mach;
    struct mach_task *server;
    struct client *clients;
    mach_name service;
    uint32_t nodes, running; /* threads */
    uint64_t served;
    sim_time begun, ended; /* calls that are measured: of the first and of the last */
    bool ready;
};

struct client {
    struct cell *cell;
    struct mach_task *task;
    mach_name service, reply; /* send right; receive right */
    uint32_t number;
};

static int64_t calls_of_all(const struct rpc_params *p)
{
    return p->clients * (p->warmup + p->rounds);
}

/* The bytes of a message are told by its id. */
static void content(int32_t id, int64_t size, struct rope *r)
{
    rope_init(r);
    rope_add_pattern(r, (uint64_t)id, 0, (uint64_t)size);
}

static void fill(struct mach_msg *msg, int32_t id, int64_t size)
{
    struct rope data;
    msg->id = id;
    if (size == 0)
        return;
    content(id, size, &data);
    mach_msg_add(msg, MACH_TYPE_BYTE, &data);
}

/* Is it what `fill` makes? */
static bool is(const struct mach_msg *msg, int32_t id, int64_t size)
{
    struct rope want;
    if (msg->id != id || msg->item_count != (size > 0))
        return false;
    if (size == 0)
        return true;
    content(id, size, &want);
    bool same = msg->items[0].type == MACH_TYPE_BYTE && rope_equal(&msg->items[0].data, &want);
    rope_fini(&want);
    return same;
}

static void ends(struct cell *c)
{
    c->running--;
    port_thread_wake(c->port, c->main);
}

/* ---- the server ---- */

/* Takes requests and answers them, until nobody can send any more. (blocks) */
static bool serve(struct cell *c, struct mach_msg *msg)
{
    const struct rpc_params *p = c->p;
    unsigned options = MACH_RCV_MSG;
    while (mach_msg(c->server, msg, options, c->service, 0, 0) == MACH_MSG_SUCCESS) {
        if (msg->id == MACH_NOTIFY_NO_SENDERS && msg->remote_disp == MACH_NO_RIGHT)
            return c->served == (uint64_t)calls_of_all(p);
        if (msg->remote_disp != MACH_PORT_SEND_ONCE || !is(msg, msg->id, p->size))
            return false;
        mach_msg_fini(c->server, msg);
        msg->local_disp = MACH_NO_RIGHT;
        msg->local = MACH_PORT_NULL;
        fill(msg, msg->id + REPLY_ID, p->reply);
        c->served++;
        options = MACH_SEND_MSG | MACH_RCV_MSG;
    }
    return false;
}

static void server(void *arg)
{
    struct cell *c = arg;
    struct mach_msg msg;
    mach_name before;
    bool good =
        mach_port_allocate(c->server, MACH_RIGHT_RECEIVE, &c->service) == KERN_SUCCESS &&
        mach_port_request_notification(c->server, c->service, MACH_NOTIFY_NO_SENDERS, 1, c->service,
                                       MACH_MAKE_SEND_ONCE, &before) == KERN_SUCCESS;
    c->ready = true;
    port_thread_wake(c->port, c->main);
    mach_msg_init(&msg);
    if (!good || !serve(c, &msg))
        port_fail(c->port, "the server ended after %lu of %ld calls, or got another request",
                  (unsigned long)c->served, (long)calls_of_all(c->p));
    mach_msg_fini(c->server, &msg);
    mach_task_terminate(c->server);
    ends(c);
}

/* ---- a client ---- */

/* One call. (blocks) */
static bool call(const struct client *k, int32_t id)
{
    const struct rpc_params *p = k->cell->p;
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = k->service;
    msg.remote_disp = MACH_COPY_SEND;
    msg.local = k->reply;
    msg.local_disp = MACH_MAKE_SEND_ONCE;
    fill(&msg, id, p->size);
    enum mach_msg_return r = mach_msg(k->task, &msg, MACH_SEND_MSG | MACH_RCV_MSG, k->reply, 0, 0);
    bool good = r == MACH_MSG_SUCCESS && is(&msg, id + REPLY_ID, p->reply);
    if (!good)
        port_fail(k->cell->port, "call %d: code %#x, or another reply than was made", (int)id,
                  (unsigned)r);
    mach_msg_fini(k->task, &msg);
    return good;
}

static void call_measured(const struct client *k, int32_t id)
{
    struct cell *c = k->cell;
    sim_time start = port_now(c->port), time;
    if (!call(k, id))
        return;
    c->ended = port_now(c->port);
    time = c->ended - start;
    port_measure(c->port, &measures[M_CALL], (double)time / (double)SIM_SEC);
    if (c->p->formula == 0)
        return;
    port_measure(c->port, &measures[M_FORMULA], (double)c->p->formula / (double)SIM_SEC);
    port_measure(c->port, &measures[M_DIFFERENCE],
                 (double)(time - c->p->formula) / (double)SIM_SEC);
}

static void client(void *arg)
{
    struct client *k = arg;
    struct cell *c = k->cell;
    const struct rpc_params *p = c->p;
    uint32_t all = c->nodes * (uint32_t)p->clients;
    if (mach_port_allocate(k->task, MACH_RIGHT_RECEIVE, &k->reply) != KERN_SUCCESS)
        port_fail(c->port, "client %u has no port for replies", k->number);
    for (int64_t i = 0; i < p->warmup + p->rounds; i++) {
        int32_t id = FIRST_ID + (int32_t)(i * p->clients + k->number); /* 1.1e9 at most */
        if (i == p->warmup) {
            port_window(c->port, true, all);
            if (c->begun == 0)
                c->begun = port_now(c->port);
        }
        if (i < p->warmup)
            (void)call(k, id);
        else
            call_measured(k, id);
    }
    port_window(c->port, false, all);
    mach_task_terminate(k->task);
    ends(c);
}

/* ---- a node ---- */

static struct port *task_of(struct cell *c, const char *name, struct mach_task **task)
{
    struct port *port = port_task_create(c->port, name, NULL, NULL);
    *task = mach_task_create(c->mach, port);
    return port;
}

static bool begin(struct cell *c, struct port *task, const char *name, void (*fn)(void *arg),
                  void *arg)
{
    bool good = port_thread_spawn(task, name, fn, arg, 0) != NULL;
    if (good)
        c->running++;
    else
        port_fail(c->port, "no room for the threads of the tasks");
    return good;
}

/* The server, then the clients, which are given their rights before the first may end. (blocks) */
static void run(struct cell *c)
{
    if (!begin(c, task_of(c, "server", &c->server), "server", server, c))
        return;
    while (!c->ready)
        port_thread_block(c->port, "server of node", port_node(c->port));
    for (uint32_t i = 0; i < c->p->clients; i++) {
        struct client *k = &c->clients[i];
        k->cell = c;
        k->number = i;
        (void)task_of(c, "client", &k->task);
        if (mach_port_give(c->server, c->service, MACH_MAKE_SEND, k->task, &k->service) !=
            KERN_SUCCESS)
            port_fail(c->port, "client %u has no right to the server", i);
    }
    for (uint32_t i = 0; i < c->p->clients; i++)
        if (!begin(c, mach_task_port(c->clients[i].task), "client", client, &c->clients[i]))
            return;
    while (c->running > 0)
        port_thread_block(c->port, "tasks of node", port_node(c->port));
    if (c->ended > c->begun)
        port_measure(c->port, &measures[M_RATE],
                     (double)(c->p->clients * c->p->rounds) * (double)SIM_SEC /
                         (double)(c->ended - c->begun));
    if (mach_ports(c->mach) > 0 || mach_messages(c->mach) > 0)
        port_fail(c->port, "%lu ports and %lu messages outlive their tasks",
                  (unsigned long)mach_ports(c->mach), (unsigned long)mach_messages(c->mach));
}

static void program(struct os_node *node, const struct program *me)
{
    const struct rpc_params *p = me->params;
    struct port *port = node->port;
    struct cell *c = port_alloc(port, sizeof *c); /* for threads of other tasks */
    *c = (struct cell){ .p = p,
                        .port = port,
                        .main = port_thread_self(port),
                        .mach = os_find(node, &mach_service),
                        .nodes = me->ranks };
    c->clients = port_alloc(port, (size_t)p->clients * sizeof *c->clients);
    run(c);
}

static const struct os_service_ops *const services[] = { &mach_service, NULL };

const struct workload_ops workload_mach_rpc = {
    .kind = { .name = "mach_rpc",
              .doc = "Tasks call a server task of their node by Mach IPC.",
              .params = params_desc,
              .params_size = sizeof(struct rpc_params) },
    .measures = measures,
    .services = services,
    .main = program,
};
