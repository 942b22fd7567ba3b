/* mach_supervisor.c: a service that dies is started again, and its clients find it by its name.
 *
 * On the first node a supervisor has a service started, asks to be told when its port dies, and
 * checks the port in under a name (os/mach/netname.h).  When it is told it has another one started
 * and checks that in.  On each host (with hosts = 0: the first node) an agent starts services for
 * it, each in a task of its own; a service ends by a crash of its task after `lives`, or with its
 * node, by a fault of the configuration.  Clients on all other nodes look the name up and call.  A
 * call that finds the port dead has not been sent, and is made anew.  One that the service died
 * under is in doubt: it may have been executed or not, and the client is told so, by the
 * notification of its send-once right; with `repeat` it makes the call again, else it gives it up.
 *
 *   SUPER1  No request is executed more often than its client has been told of doubts, and once.
 *   SUPER2  Nothing of a request is executed after its client has gone on to the next.
 *   SUPER3  Each call has one answer, its own: a reply, a notification, or that it was not sent.
 *       No client hears of an older service after a newer one.
 *
 * The first two are looked at by every host, for as long as its node lives.
 */
#include "os/mach/mach_net.h"
#include "os/mach/netname.h"
#include "workloads/workload.h"

#include <stdio.h> /* snprintf alone */

#define SPECIAL 10 /* an agent's port among the special ports of its node */
#define NAME "service"

struct super_params {
    int64_t hosts, clients, rounds, crashes;
    sim_time work, lives, wait, patience;
    bool repeat;
};

static const struct param params_desc[] = {
    P_INT(super_params, hosts, "0", "0", "4096",
          "Nodes that services are started on in turn, those after the first; 0: the first itself.",
          "ASSUMED(a service beside its supervisor is the small case)"),
    P_INT(super_params, clients, "2", "1", "1000", "Client tasks on each node that is no host.",
          "ASSUMED(a small example)"),
    P_INT(super_params, rounds, "100", "1", "1000000", "Calls of each client.",
          "ASSUMED(a small example)"),
    P_TIME(super_params, work, "100us", "0", NULL, "Processor time of a request at the service.",
           "ASSUMED(a short request)"),
    P_INT(super_params, crashes, "1", "0", "1000000",
          "Services whose task crashes: so many, from the first on.", "ASSUMED(a small example)"),
    P_TIME(super_params, lives, "5ms", "1us", NULL, "From the start of such a service to its end.",
           "ASSUMED(under the calls of a small example)"),
    P_TIME(super_params, wait, "1ms", "1us", NULL,
           "From one look for a service, or a host, that is not there to the next.",
           "ASSUMED(short beside the death of a node, long beside a look-up)"),
    P_TIME(super_params, patience, "10s", "1us", NULL,
           "How long a client looks for the service before the run has failed.",
           "ASSUMED(longer than the failure detector)"),
    P_BOOL(super_params, repeat, "true", "A call that is in doubt is made again.",
           "ASSUMED(the experiment's choice)"),
    P_END,
};

enum { M_TIME, M_ANSWERED, M_DOUBTS, M_EXECUTED, M_GAP, M_RESTART };
static const struct measure measures[] = {
    [M_TIME] = { "mach_supervisor.time", "s", "Of a call, until its reply or until it is given up.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_ANSWERED] = { "mach_supervisor.answered", "1", "Calls with a reply, of all.",
                     MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_DOUBTS] = { "mach_supervisor.doubts", "1", "How often a call was in doubt.",
                   MEASURE_DETERMINISTIC },
    [M_EXECUTED] = { "mach_supervisor.executed", "1",
                     "At each execution: which of its request it is, on that node.",
                     MEASURE_DETERMINISTIC },
    [M_GAP] = { "mach_supervisor.gap", "s",
                "From a client's last reply of a service to its first of a later one.",
                MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_RESTART] = { "mach_supervisor.restart", "s",
                    "From the supervisor's notice of a death to the name of the next service.",
                    MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    { .name = NULL }
};

struct tally { /* of a client, at a host */
    uint32_t number, times;
};

struct cell { /* of a node */
    const struct super_params *p;
    struct port *port;
    struct port_thread *main;
    struct mach *mach;
    const uint32_t *compute; /* nodes by rank */
    uint32_t running;        /* clients */
    struct tally *tallies;   /* of a host */
    struct mach_task *agent;
};

struct service {
    struct cell *cell;
    struct port *port;
    struct mach_task *task;
    mach_name name;
    uint32_t serial;
    struct port_timer end;
};

struct client {
    struct cell *cell;
    struct port *port;
    struct mach_task *task;
    struct netname_user names;
    mach_name service, reply; /* send right, or none; receive right */
    uint32_t number, serial;  /* among all; of the service that has answered last */
    sim_time heard;           /* when */
};

/* ---- a service ---- */

static int32_t execute(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct service *s = arg;
    uint32_t client = in[0].word, number = in[1].word, doubts = in[2].word;
    struct tally *t = &s->cell->tallies[client];
    port_compute(s->port, s->cell->p->work / 2);
    if (number > t->number)
        *t = (struct tally){ .number = number };
    if (number < t->number || t->times > doubts)
        port_fail(s->cell->port, "SUPER1, SUPER2: request %u of client %u is executed again",
                  number, client);
    t->times++;
    port_measure(s->port, &measures[M_EXECUTED], t->times);
    port_compute(s->port, s->cell->p->work - s->cell->p->work / 2);
    out[0].word = s->serial;
    out[1].word = number;
    return KERN_SUCCESS;
}

static const struct mach_routine service_routines[] = {
    { .name = "execute", /* client, number, doubts; the service's serial number, number */
      .in = { { .kind = MACH_ARG_WORD }, { .kind = MACH_ARG_WORD }, { .kind = MACH_ARG_WORD } },
      .out = { { .kind = MACH_ARG_WORD }, { .kind = MACH_ARG_WORD } },
      .serve = execute },
};
static const struct mach_subsystem service_subsystem = { "service", 3000, 1, service_routines };

static void serves(void *arg)
{
    static const struct mach_subsystem *const subsystems[] = { &service_subsystem, NULL };
    struct service *s = arg;
    struct mach_server server = { .task = s->task, .subsystems = subsystems, .arg = s };
    (void)mach_msg_server(&server, s->name);
}

static void task_ended(void *arg)
{
    const struct service *s = arg;
    mach_task_crashed(s->task);
}

static void crashes(struct port_timer *t)
{
    const struct service *s = t->arg;
    port_task_crash(s->port);
}

/* ---- an agent ---- */

static int32_t start(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct cell *c = arg;
    struct service *s = port_alloc(c->port, sizeof *s); /* outlives the task */
    *s = (struct service){ .cell = c, .serial = in[0].word };
    s->port = port_task_create(c->port, "service", NULL, NULL);
    s->task = mach_task_create(c->mach, s->port);
    port_task_on_end(s->port, task_ended, s);
    if (mach_port_allocate(s->task, MACH_RIGHT_RECEIVE, &s->name) != KERN_SUCCESS ||
        mach_port_give(s->task, s->name, MACH_MAKE_SEND, c->agent, &out[0].name) != KERN_SUCCESS ||
        !port_thread_spawn(s->port, "service", serves, s, PORT_THREAD_SERVICE)) {
        port_fail(c->port, "no room for a service");
        return KERN_FAILURE;
    }
    out[0].disposition = MACH_MOVE_SEND;
    port_timer_init(c->port, &s->end, crashes, s);
    if (s->serial <= c->p->crashes)
        port_timer_set(&s->end, c->p->lives);
    return KERN_SUCCESS;
}

static const struct mach_routine agent_routines[] = {
    { .name = "start", /* serial number; the service */
      .in = { { .kind = MACH_ARG_WORD } },
      .out = { { .kind = MACH_ARG_SEND } },
      .serve = start },
};
static const struct mach_subsystem agent_subsystem = { "agent", 2000, 1, agent_routines };

static void agent(void *arg)
{
    static const struct mach_subsystem *const subsystems[] = { &agent_subsystem, NULL };
    struct cell *c = arg;
    struct mach_server server = { .task = c->agent, .subsystems = subsystems, .arg = c };
    mach_name name;
    if (mach_port_allocate(c->agent, MACH_RIGHT_RECEIVE, &name) == KERN_SUCCESS &&
        mach_special_set(c->agent, SPECIAL, name, MACH_MAKE_SEND) == KERN_SUCCESS)
        (void)mach_msg_server(&server, name);
    port_fail(c->port, "the agent has ended");
}

/* ---- the supervisor ---- */

/* A service of that host, a send right; or it is not there, or has died over it. (blocks) */
static bool start_at(struct mach_task *t, uint32_t host, mach_name reply, uint32_t serial,
                     mach_name *service)
{
    struct mach_value in[1], out[1];
    mach_name agent_port;
    if (mach_special_get(t, host, SPECIAL, &agent_port) != KERN_SUCCESS)
        return false;
    mach_values_init(in, 1);
    mach_values_init(out, 1);
    in[0].word = serial;
    int32_t r = mach_call(t, &agent_subsystem, 0, agent_port, reply, in, out);
    (void)mach_port_deallocate(t, agent_port);
    *service = out[0].name;
    return r == KERN_SUCCESS && *service != MACH_PORT_NULL && *service != MACH_PORT_DEAD;
}

/* On the first host at first, then on the next each time; a host that is down is passed over.
 * (blocks) */
static mach_name start_somewhere(const struct cell *c, struct mach_task *t, mach_name reply,
                                 uint32_t serial, uint32_t *turn)
{
    mach_name service;
    for (;;) {
        uint32_t hosts = (uint32_t)c->p->hosts;
        uint32_t host = c->compute[hosts > 0 ? 1 + *turn % hosts : 0];
        bool good = start_at(t, host, reply, serial, &service);
        if (serial > 1 || good)
            ++*turn;
        if (good)
            return service;
        port_thread_sleep(mach_task_port(t), c->p->wait);
    }
}

/* Waits until the port is dead; then nothing is left of its name. (blocks) */
static bool wait_for_death(struct mach_task *t, mach_name service, mach_name box)
{
    struct mach_msg msg;
    mach_name old;
    mach_msg_init(&msg);
    bool good = mach_port_request_notification(t, service, MACH_NOTIFY_DEAD_NAME, 1, box,
                                               MACH_MAKE_SEND_ONCE, &old) == KERN_SUCCESS &&
                mach_msg(t, &msg, MACH_RCV_MSG, box, 0, 0) == MACH_MSG_SUCCESS &&
                msg.id == MACH_NOTIFY_DEAD_NAME &&
                mach_port_mod_refs(t, service, MACH_RIGHT_DEAD_NAME, -2) == KERN_SUCCESS;
    mach_msg_fini(t, &msg);
    return good;
}

static void supervisor(void *arg)
{
    struct cell *c = arg;
    struct port *port = port_task_create(c->port, "supervisor", NULL, NULL);
    struct mach_task *t = mach_task_create(c->mach, port);
    struct netname_user names;
    mach_name box, service;
    uint32_t serial = 1, turn = 0;
    sim_time told = 0;
    bool good = netname_open(&names, t) == KERN_SUCCESS &&
                mach_port_allocate(t, MACH_RIGHT_RECEIVE, &box) == KERN_SUCCESS;
    for (; good; serial++) {
        service = start_somewhere(c, t, names.reply, serial, &turn);
        int32_t r = netname_check_in(&names, NAME, box, MACH_MAKE_SEND, service, MACH_COPY_SEND);
        good = r == KERN_SUCCESS || r == NETNAME_INVALID_PORT; /* it has died meanwhile */
        if (serial > 1)
            port_measure(port, &measures[M_RESTART], sim_time_seconds(port_now(port) - told));
        good = good && wait_for_death(t, service, box);
        told = port_now(port);
    }
    port_fail(c->port, "the supervisor has ended");
}

/* ---- a client ---- */

/* (blocks) */
static bool find(struct client *k)
{
    struct cell *c = k->cell;
    sim_time end = port_now(k->port) + c->p->patience;
    char host[16];
    snprintf(host, sizeof host, "%u", c->compute[0]);
    while (netname_look_up(&k->names, host, NAME, &k->service) != KERN_SUCCESS ||
           k->service == MACH_PORT_DEAD) {
        k->service = MACH_PORT_NULL;
        if (port_now(k->port) >= end) {
            port_fail(c->port, "client %u has found no service in %g s", k->number,
                      sim_time_seconds(c->p->patience));
            return false;
        }
        port_thread_sleep(k->port, c->p->wait);
    }
    return true;
}

static void heard(struct client *k, uint32_t number, uint32_t serial, uint32_t answered)
{
    sim_time now = port_now(k->port);
    if (serial < k->serial || answered != number)
        port_fail(k->cell->port, "SUPER3: service %u answers call %u of client %u, after %u and %u",
                  serial, answered, k->number, k->serial, number);
    if (k->serial > 0 && serial > k->serial)
        port_measure(k->port, &measures[M_GAP], sim_time_seconds(now - k->heard));
    k->serial = serial;
    k->heard = now;
}

/* Once, by the right that it has.  KERN_SUCCESS, or why there is no answer. (blocks) */
static int32_t attempt(struct client *k, uint32_t number, uint32_t doubts)
{
    struct mach_value in[3], out[2];
    mach_values_init(in, 3);
    mach_values_init(out, 2);
    in[0].word = k->number;
    in[1].word = number;
    in[2].word = doubts;
    int32_t r = mach_call(k->task, &service_subsystem, 0, k->service, k->reply, in, out);
    if (r == KERN_SUCCESS) {
        heard(k, number, out[0].word, out[1].word);
    } else {
        (void)mach_port_deallocate(k->task, k->service);
        k->service = MACH_PORT_NULL;
    }
    return r;
}

/* False: the client cannot go on. (blocks) */
static bool call(struct client *k, uint32_t number)
{
    const struct super_params *p = k->cell->p;
    sim_time begun = port_now(k->port);
    uint32_t doubts = 0;
    int32_t r = MACH_SEND_INVALID_DEST;
    while (r == (int32_t)MACH_SEND_INVALID_DEST || (r == MIG_SERVER_DIED && p->repeat)) {
        if (k->service == MACH_PORT_NULL && !find(k))
            return false;
        r = attempt(k, number, doubts);
        doubts += r == MIG_SERVER_DIED;
    }
    port_measure(k->port, &measures[M_TIME], sim_time_seconds(port_now(k->port) - begun));
    port_measure(k->port, &measures[M_ANSWERED], r == KERN_SUCCESS);
    port_measure(k->port, &measures[M_DOUBTS], doubts);
    if (r == KERN_SUCCESS || r == MIG_SERVER_DIED)
        return true;
    port_fail(k->cell->port, "client %u: call %u: code %ld", k->number, number, (long)r);
    return false;
}

static void client(void *arg)
{
    struct client *k = arg;
    struct cell *c = k->cell;
    bool good = netname_open(&k->names, k->task) == KERN_SUCCESS &&
                mach_port_allocate(k->task, MACH_RIGHT_RECEIVE, &k->reply) == KERN_SUCCESS;
    for (uint32_t i = 1; good && i <= c->p->rounds; i++)
        good = call(k, i);
    struct mach_status status = { .messages = 0 };
    if (mach_port_get_status(k->task, k->reply, &status) != KERN_SUCCESS || status.messages > 0)
        port_fail(c->port, "SUPER3: client %u has %u answers left", k->number, status.messages);
    mach_task_terminate(k->task);
    c->running--;
    port_thread_wake(c->port, c->main);
}

/* ---- a node ---- */

static bool begin(const struct cell *c, struct port *task, void (*fn)(void *arg), void *arg,
                  unsigned flags)
{
    if (port_thread_spawn(task, "super", fn, arg, flags))
        return true;
    port_fail(c->port, "no room for the threads of the tasks");
    return false;
}

static bool begin_client(struct cell *c, uint32_t number)
{
    struct client *k = port_alloc(c->port, sizeof *k);
    *k = (struct client){ .cell = c, .number = number };
    k->port = port_task_create(c->port, "client", NULL, NULL);
    k->task = mach_task_create(c->mach, k->port);
    c->running++;
    return begin(c, k->port, client, k, 0);
}

static bool begin_agent(struct cell *c, uint32_t clients)
{
    struct port *port = port_task_create(c->port, "agent", NULL, NULL);
    c->tallies = port_alloc(c->port, clients * sizeof *c->tallies);
    c->agent = mach_task_create(c->mach, port);
    return begin(c, port, agent, c, PORT_THREAD_SERVICE);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct super_params *p = me->params;
    struct cell *c = port_alloc(node->port, sizeof *c); /* for threads of other tasks */
    uint32_t hosts = (uint32_t)p->hosts, clients = (uint32_t)p->clients;
    bool host = hosts > 0 ? me->rank > 0 && me->rank <= hosts : me->rank == 0;
    *c = (struct cell){ .p = p,
                        .port = node->port,
                        .main = port_thread_self(node->port),
                        .mach = os_find(node, &mach_service),
                        .compute = node->layout->compute };
    if (host && !begin_agent(c, me->ranks * clients))
        return;
    if (me->rank == 0 && !begin(c, c->port, supervisor, c, PORT_THREAD_SERVICE))
        return;
    for (uint32_t i = 0; (!host || hosts == 0) && i < clients; i++)
        if (!begin_client(c, me->rank * clients + i))
            return;
    while (c->running > 0)
        port_thread_block(c->port, "clients of node", port_node(c->port));
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct super_params *p = params;
    const struct os_service *s = os_served(l, &mach_service, "compute");
    if (p->hosts >= (int64_t)l->compute_count)
        return err_set(e,
                       "workload.hosts is %ld, but the machine has %u compute nodes, and the "
                       "first is no host",
                       (long)p->hosts, l->compute_count);
    if (l->compute_count > 1 && s && !xk_graph_protocol(l->boot->graph, s->over)->rights)
        return err_set(
            e,
            "workload.kind: 'mach_supervisor' on several nodes needs service 'mach' over "
            "an instance that carries Mach IPC, and '%s' does not",
            s->over);
    return true;
}

static const struct os_service_ops *const services[] = { &mach_service, &mach_names_service, NULL };

const struct workload_ops workload_mach_supervisor = {
    .kind = { .name = "mach_supervisor",
              .doc = "A service of Mach IPC that dies is started again, here or on another node.",
              .params = params_desc,
              .params_size = sizeof(struct super_params) },
    .measures = measures,
    .services = services,
    .check = check,
    .main = program,
};
