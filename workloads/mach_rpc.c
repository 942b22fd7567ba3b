/* mach_rpc.c: tasks call a server task by Mach IPC, of their own node or of another.
 *
 * On every node a server has the receive right of a port, and each client a send right to it; with
 * server = "remote" there is one server, on the first node, whose port the clients of all others
 * get as that node's special port (os/mach/mach_net.h), and the net below carries the messages.  A
 * call is one mach_msg that sends the request with a send-once right to the client's own port, and
 * receives the reply there; the server replies and takes the next request in one mach_msg, too.
 * Requests and replies carry their bytes in line, and are compared byte for byte.  The server ends
 * by the no-senders notification, after the last client has dropped its right; then a node of its
 * own must have no port and no message left.  With `start` all clients begin their measured calls
 * at one moment, and what each has had of the server, when the first has had all, is compared by
 * Jain's index; `ports` fill the nodes.  Who gets no answer within `patience` says so, and the run
 * has failed.  `formula` is what a configuration says a call takes; it becomes a measure beside the
 * measured one, with the difference.
 */
#include "os/mach/mach_msg.h"
#include "os/mach/mach_net.h"
#include "os/mach/mach_port.h"
#include "sim/base/fair.h"
#include "workloads/workload.h"

/* A reply's id above its request's, as MIG makes them; requests have the ids from FIRST_ID on:
 * those of the first call of all clients of a server, then of the second, and so on. */
#define REPLY_ID 100
#define FIRST_ID 1000
#define CALLS_MAX 2000000000
#define SPECIAL 8 /* the server's port among the special ports of its node */

enum { LOCAL, REMOTE };
static const char *const servers[] = { "local", "remote", NULL };

struct rpc_params {
    int64_t clients, size, reply, rounds, warmup, queue, ports;
    int server;
    sim_time formula, patience, start;
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
    P_CHOICE(rpc_params, server, "local", servers,
             "Where the server is: on each node one for its clients, or on the first for those of "
             "all others.",
             "ASSUMED(the experiment's choice)"),
    P_INT(rpc_params, queue, "5", "1", "16", "Messages that the server's port holds: its limit.",
          "Mach 3.0, mach/port.h, MACH_PORT_QLIMIT_DEFAULT"),
    P_INT(rpc_params, ports, "0", "0", "1000000",
          "Ports that each client has besides, from before its first call to its end.",
          "ASSUMED(only a test of the memory they take sets it)"),
    P_TIME(rpc_params, start, "0", "0", NULL,
           "Time at which all clients begin the calls that are measured, if later than their "
           "warm-up's end; who is late then has failed. 0: each begins when it is ready.",
           "ASSUMED(only a comparison of clients sets it)"),
    P_TIME(rpc_params, patience, "0", "0", NULL,
           "Time after which a call without an answer ends the client, as a failure; 0: never.",
           "ASSUMED(only a configuration in which nodes die sets it)"),
    P_TIME(rpc_params, formula, "0", "0", NULL,
           "Time of a call by a formula of the configuration; 0: none.",
           "ASSUMED(only a configuration that has a formula sets it)"),
    P_END,
};

enum {
    M_CALL,
    M_RATE,
    M_BANDWIDTH,
    M_CLIENT,
    M_FAIRNESS,
    M_SERVED,
    M_KERNEL,
    M_FORMULA,
    M_DIFFERENCE
};
static const struct measure measures[] = {
    [M_CALL] = { "mach_rpc.time", "s", "From a call to its reply.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_RATE] = { "mach_rpc.rate", "1/s", "Calls by time, of all clients of a node.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN | MEASURE_TOTAL },
    [M_BANDWIDTH] = { "mach_rpc.bandwidth", "B/s",
                      "Bytes of requests and replies by time, of all clients of a node.",
                      MEASURE_DETERMINISTIC | MEASURE_TOTAL },
    [M_CLIENT] = { "mach_rpc.client", "1/s", "Calls by time, of each client.",
                   MEASURE_DETERMINISTIC | MEASURE_TOTAL },
    [M_FAIRNESS] = { "mach_rpc.fairness", "1",
                     "Jain's index of the calls of a server's clients when the first has made all.",
                     MEASURE_DETERMINISTIC | MEASURE_TOTAL },
    [M_SERVED] = { "mach_rpc.served", "1/s",
                   "Requests by time, of a server, from the first that is measured to the last.",
                   MEASURE_DETERMINISTIC | MEASURE_TOTAL },
    [M_KERNEL] = { "mach_rpc.kernel", "B",
                   "Memory of a node's kernel when all its clients have their ports.",
                   MEASURE_DETERMINISTIC | MEASURE_TOTAL },
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
    uint32_t first;                /* the node of a remote server */
    uint32_t rank, nodes, running; /* threads */
    uint64_t served, known;        /* calls; clients that have called */
    uint64_t measured;             /* calls of those that clients measure, */
    double *shares;                /* by client, */
    sim_time first_at, last_at;    /* and when the first and the last came to the server */
    int64_t filled;                /* clients that have their ports */
    uint64_t heap;                 /* of the kernel when all have them */
    sim_time begun, ended;         /* calls that are measured: of the first and of the last */
    bool ready;
};

struct client {
    struct cell *cell;
    struct mach_task *task;
    mach_name service, reply; /* send right; receive right */
    uint32_t number;          /* of its server's */
};

/* Of a server. */
static int64_t clients_of_all(const struct cell *c)
{
    return c->p->server == REMOTE ? c->p->clients * (c->nodes - 1) : c->p->clients;
}

static int64_t calls(const struct rpc_params *p)
{
    return p->warmup + p->rounds;
}

static int64_t calls_of_all(const struct cell *c)
{
    return clients_of_all(c) * calls(c->p);
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

/* All clients have their rights when each has called: nobody else is to get one. */
static void known(struct cell *c, int32_t id)
{
    if (c->p->server != REMOTE || id >= FIRST_ID + clients_of_all(c))
        return;
    if ((int64_t)++c->known == clients_of_all(c))
        (void)mach_special_set(c->server, SPECIAL, MACH_PORT_NULL, MACH_MAKE_SEND);
}

/* A request has come: of whom, and when? */
static void took(struct cell *c, int32_t id)
{
    int64_t all = clients_of_all(c), call = (id - FIRST_ID) / all;
    if (call < c->p->warmup)
        return;
    c->last_at = port_now(c->port);
    if (c->measured++ == 0)
        c->first_at = c->last_at;
    if (!c->shares)
        return;
    c->shares[(id - FIRST_ID) % all]++;
    if (call < calls(c->p) - 1)
        return;
    port_measure(c->port, &measures[M_FAIRNESS], fair_index(c->shares, (size_t)all));
    port_free(c->port, c->shares);
    c->shares = NULL;
}

/* Takes requests and answers them, until nobody can send any more. (blocks) */
static bool serve(struct cell *c, struct mach_msg *msg)
{
    const struct rpc_params *p = c->p;
    unsigned options = MACH_RCV_MSG;
    while (mach_msg(c->server, msg, options, c->service, 0, 0) == MACH_MSG_SUCCESS) {
        if (msg->id == MACH_NOTIFY_NO_SENDERS && msg->remote_disp == MACH_NO_RIGHT)
            return c->served == (uint64_t)calls_of_all(c);
        if (msg->remote_disp != MACH_PORT_SEND_ONCE || !is(msg, msg->id, p->size))
            return false;
        known(c, msg->id);
        took(c, msg->id);
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
        mach_port_set_qlimit(c->server, c->service, (uint32_t)c->p->queue) == KERN_SUCCESS &&
        mach_port_request_notification(c->server, c->service, MACH_NOTIFY_NO_SENDERS, 1, c->service,
                                       MACH_MAKE_SEND_ONCE, &before) == KERN_SUCCESS;
    if (c->p->server == REMOTE)
        good = good &&
               mach_special_set(c->server, SPECIAL, c->service, MACH_MAKE_SEND) == KERN_SUCCESS;
    c->shares = port_alloc(c->port, (size_t)clients_of_all(c) * sizeof *c->shares);
    c->ready = true;
    port_thread_wake(c->port, c->main);
    mach_msg_init(&msg);
    if (!good || !serve(c, &msg))
        port_fail(c->port, "the server ended after %lu of %ld calls, or got another request",
                  (unsigned long)c->served, (long)calls_of_all(c));
    mach_msg_fini(c->server, &msg);
    if (c->last_at > c->first_at)
        port_measure(c->port, &measures[M_SERVED],
                     (double)(c->measured - 1) * (double)SIM_SEC /
                         (double)(c->last_at - c->first_at));
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
    unsigned options = MACH_SEND_MSG | MACH_RCV_MSG | (p->patience ? MACH_RCV_TIMEOUT : 0);
    enum mach_msg_return r = mach_msg(k->task, &msg, options, k->reply, 0, p->patience);
    bool good = r == MACH_MSG_SUCCESS && is(&msg, id + REPLY_ID, p->reply);
    if (r == MACH_RCV_TIMED_OUT)
        port_fail(k->cell->port, "node %u: call %d has had no answer in %g s: it hangs",
                  port_node(k->cell->port), (int)id, sim_time_seconds(p->patience));
    else if (!good)
        port_fail(k->cell->port, "call %d: code %#x, or another reply than was made", (int)id,
                  (unsigned)r);
    mach_msg_fini(k->task, &msg);
    return good;
}

static bool call_measured(const struct client *k, int32_t id)
{
    struct cell *c = k->cell;
    sim_time start = port_now(c->port), time;
    if (!call(k, id))
        return false;
    c->ended = port_now(c->port);
    time = c->ended - start;
    port_measure(c->port, &measures[M_CALL], sim_time_seconds(time));
    if (c->p->formula == 0)
        return true;
    port_measure(c->port, &measures[M_FORMULA], sim_time_seconds(c->p->formula));
    port_measure(c->port, &measures[M_DIFFERENCE], sim_time_seconds(time - c->p->formula));
    return true;
}

/* A right to the server on the first node, as soon as it has one. (blocks) */
static bool find_server(struct client *k)
{
    enum kern_return kr;
    while ((kr = mach_special_get(k->task, k->cell->first, SPECIAL, &k->service)) == KERN_FAILURE)
        port_thread_sleep(mach_task_port(k->task), SIM_MS);
    return kr == KERN_SUCCESS;
}

/* Its port for replies, and those that only take memory. */
static void allocate(struct client *k)
{
    struct cell *c = k->cell;
    mach_name name;
    bool good = mach_port_allocate(k->task, MACH_RIGHT_RECEIVE, &k->reply) == KERN_SUCCESS;
    for (int64_t i = 0; good && i < c->p->ports; i++)
        good = mach_port_allocate(k->task, MACH_RIGHT_RECEIVE, &name) == KERN_SUCCESS;
    if (!good)
        port_fail(c->port, "client %u has no port for replies", k->number);
    if (++c->filled == c->p->clients)
        c->heap = port_heap_bytes(mach_port_task(c->mach));
}

/* The calls that are measured begin: when all begin, or now. (blocks) */
static void set_out(struct cell *c, const struct client *k)
{
    sim_time now = port_now(c->port), start = c->p->start;
    if (start > 0 && now > start)
        port_fail(c->port, "client %u of node %u is ready at %g s, not at workload.start",
                  k->number, port_node(c->port), sim_time_seconds(now));
    else if (start > now)
        port_thread_sleep(mach_task_port(k->task), start - now);
    if (c->begun == 0)
        c->begun = port_now(c->port);
}

static void client(void *arg)
{
    struct client *k = arg;
    struct cell *c = k->cell;
    const struct rpc_params *p = c->p;
    bool remote = p->server == REMOTE, going = !remote || find_server(k);
    uint32_t windows = (c->nodes - remote) * (uint32_t)p->clients;
    if (!going)
        port_fail(c->port, "client %u found no server: its nodes need a net (machine.os)",
                  k->number);
    sim_time begun = 0;
    allocate(k);
    for (int64_t i = 0; going && i < calls(p); i++) {
        int32_t id = FIRST_ID + (int32_t)(i * clients_of_all(c) + k->number);
        if (i == p->warmup) {
            set_out(c, k);
            begun = port_now(c->port);
            port_window(c->port, true, windows);
        }
        going = i < p->warmup ? call(k, id) : call_measured(k, id);
    }
    port_window(c->port, false, windows);
    if (going && port_now(c->port) > begun)
        port_measure(c->port, &measures[M_CLIENT],
                     (double)p->rounds * (double)SIM_SEC / (double)(port_now(c->port) - begun));
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

/* Clients, each with its right to the server if that is here, before the first may end. */
static bool begin_clients(struct cell *c, bool remote)
{
    for (uint32_t i = 0; i < c->p->clients; i++) {
        struct client *k = &c->clients[i];
        k->cell = c;
        k->number = i + (remote ? (c->rank - 1) * (uint32_t)c->p->clients : 0);
        (void)task_of(c, "client", &k->task);
        if (!remote && mach_port_give(c->server, c->service, MACH_MAKE_SEND, k->task,
                                      &k->service) != KERN_SUCCESS)
            port_fail(c->port, "client %u has no right to the server", i);
    }
    for (uint32_t i = 0; i < c->p->clients; i++)
        if (!begin(c, mach_task_port(c->clients[i].task), "client", client, &c->clients[i]))
            return false;
    return true;
}

/* The server if one is here, then the clients. (blocks) */
static void run(struct cell *c, bool first)
{
    bool remote = c->p->server == REMOTE;
    if (!remote || first) {
        if (!begin(c, task_of(c, "server", &c->server), "server", server, c))
            return;
        while (!c->ready)
            port_thread_block(c->port, "server of node", port_node(c->port));
    }
    if ((!remote || !first) && !begin_clients(c, remote))
        return;
    while (c->running > 0)
        port_thread_block(c->port, "tasks of node", port_node(c->port));
    if (c->heap > 0)
        port_measure(c->port, &measures[M_KERNEL], (double)c->heap);
    if (c->ended > c->begun) {
        double rate = (double)(c->p->clients * c->p->rounds) * (double)SIM_SEC /
                      (double)(c->ended - c->begun);
        port_measure(c->port, &measures[M_RATE], rate);
        port_measure(c->port, &measures[M_BANDWIDTH], rate * (double)(c->p->size + c->p->reply));
    }
    if (!remote && (mach_ports(c->mach) > 0 || mach_messages(c->mach) > 0))
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
                        .first = node->layout->compute[0],
                        .rank = me->rank,
                        .nodes = me->ranks };
    c->clients = port_alloc(port, (size_t)p->clients * sizeof *c->clients);
    run(c, me->rank == 0);
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct rpc_params *p = params;
    const struct os_service *s = os_served(l, &mach_service, "compute");
    int64_t clients = p->clients * (p->server == REMOTE ? l->compute_count : 1);
    if (clients * calls(p) > CALLS_MAX)
        return err_set(e,
                       "workload.clients of all nodes of a server, times workload.rounds and "
                       "workload.warmup, is more than %d, the ids of its messages",
                       CALLS_MAX);
    if (p->server != REMOTE)
        return true;
    if (l->compute_count < 2)
        return err_set(e, "workload.server is 'remote', but the machine has one compute node");
    if (s && !xk_graph_protocol(l->boot->graph, s->over)->rights)
        return err_set(e,
                       "workload.server is 'remote', but service 'mach' talks over '%s', which "
                       "carries no Mach IPC; allowed are instances of norma and others like it",
                       s->over);
    return true;
}

static const struct os_service_ops *const services[] = { &mach_service, NULL };

const struct workload_ops workload_mach_rpc = {
    .kind = { .name = "mach_rpc",
              .doc = "Tasks call a server task of their node, or of another, by Mach IPC.",
              .params = params_desc,
              .params_size = sizeof(struct rpc_params) },
    .measures = measures,
    .services = services,
    .check = check,
    .main = program,
};
