/* mach_death.c: how long it takes until all nodes know that a port of another node is dead.
 *
 * The first node has a port, which is one of its special ports; a task of each other node has a
 * send right to it, has asked to be told of its death, and has a call out that is never answered.
 * At `at` the port dies, or (dies = "node", by a fault of the configuration at that time) its node.
 * Each holder is to get two notifications: that the name is dead, and that the send-once right for
 * its reply is lost.  Who has not got both after `patience` has not been told.
 */
#include "os/mach/mach_msg.h"
#include "os/mach/mach_net.h"
#include "os/mach/mach_port.h"
#include "workloads/workload.h"

#define SPECIAL 9 /* the port among the special ports of the first node */

enum { BY_NODE, BY_PORT };
static const char *const deaths[] = { "node", "port", NULL };

struct death_params {
    int dies;
    sim_time at, patience;
};

static const struct param params_desc[] = {
    P_CHOICE(death_params, dies, "node", deaths,
             "What dies: the node, by a fault of the configuration, or the port alone.",
             "ASSUMED(the experiment's choice)"),
    P_TIME(death_params, at, "50ms", "1us", NULL, "When: the fault's time, too.",
           "ASSUMED(all holders are ready by then)"),
    P_TIME(death_params, patience, "10s", "1us", NULL,
           "How long a holder waits after that for the notifications.",
           "ASSUMED(longer than the failure detector)"),
    P_END,
};

enum { M_TIME, M_TOLD };
static const struct measure measures[] = {
    [M_TIME] = { "mach_death.time", "s", "From the death to the last notification of a holder.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_TOLD] = { "mach_death.told", "1", "Holders that were told, of all.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    { .name = NULL }
};

struct holder {
    const struct death_params *p;
    struct port *port;
    struct mach_task *task;
    uint32_t node; /* whose port it is */
    uint32_t all;
};

/* ---- the first node ---- */

/* (blocks) */
static bool has_port(const struct holder *k, mach_name *name)
{
    return mach_port_allocate(k->task, MACH_RIGHT_RECEIVE, name) == KERN_SUCCESS &&
           mach_special_set(k->task, SPECIAL, *name, MACH_MAKE_SEND) == KERN_SUCCESS;
}

static void owner(const struct holder *k)
{
    mach_name name;
    sim_time end = k->p->at + (k->p->dies == BY_PORT ? 0 : k->p->patience);
    if (!has_port(k, &name))
        port_fail(k->port, "the first node has no port");
    port_thread_sleep(k->port, end - port_now(k->port)); /* or it dies meanwhile */
    (void)mach_port_destroy(k->task, name);
}

/* ---- the others ---- */

/* A right to the port, as soon as there is one; asks for its death, and calls. (blocks) */
static bool is_ready(const struct holder *k, mach_name *box)
{
    struct mach_msg msg;
    mach_name name, old;
    enum kern_return kr;
    while ((kr = mach_special_get(k->task, k->node, SPECIAL, &name)) == KERN_FAILURE &&
           port_now(k->port) < k->p->at)
        port_thread_sleep(k->port, SIM_MS);
    if (kr != KERN_SUCCESS ||
        mach_port_allocate(k->task, MACH_RIGHT_RECEIVE, box) != KERN_SUCCESS ||
        mach_port_request_notification(k->task, name, MACH_NOTIFY_DEAD_NAME, 0, *box,
                                       MACH_MAKE_SEND_ONCE, &old) != KERN_SUCCESS)
        return false;
    mach_msg_init(&msg);
    msg.remote = name;
    msg.remote_disp = MACH_COPY_SEND;
    msg.local = *box;
    msg.local_disp = MACH_MAKE_SEND_ONCE;
    enum mach_msg_return r = mach_msg(k->task, &msg, MACH_SEND_MSG | MACH_SEND_TIMEOUT, 0, 0,
                                      k->p->at - port_now(k->port));
    mach_msg_fini(k->task, &msg);
    return r == MACH_MSG_SUCCESS;
}

/* False: they do not come. (blocks) */
static bool is_told(const struct holder *k, mach_name box)
{
    bool dead = false, lost = false;
    while (!dead || !lost) {
        struct mach_msg msg;
        sim_time end = k->p->at + k->p->patience, now = port_now(k->port);
        mach_msg_init(&msg);
        enum mach_msg_return r = mach_msg(k->task, &msg, MACH_RCV_MSG | MACH_RCV_TIMEOUT, box, 0,
                                          end > now ? end - now : 0);
        dead = dead || msg.id == MACH_NOTIFY_DEAD_NAME;
        lost = lost || msg.id == MACH_NOTIFY_SEND_ONCE;
        mach_msg_fini(k->task, &msg);
        if (r != MACH_MSG_SUCCESS)
            return false;
    }
    return true;
}

static void holder(const struct holder *k)
{
    mach_name box;
    if (!is_ready(k, &box)) {
        port_fail(k->port, "node %u has no right to the port, or could not call, before its death",
                  port_node(k->port));
        return;
    }
    port_window(k->port, true, k->all - 1);
    bool told = is_told(k, box);
    port_window(k->port, false, k->all - 1);
    port_measure(k->port, &measures[M_TOLD], told);
    if (told)
        port_measure(k->port, &measures[M_TIME], sim_time_seconds(port_now(k->port) - k->p->at));
}

static void program(struct os_node *node, const struct program *me)
{
    const struct os_group *compute = os_group(node->boot, "compute");
    struct holder k = { .p = me->params, .port = me->task, .all = me->ranks };
    k.task = mach_task_create(os_find(node, &mach_service), k.port);
    k.node = compute->nodes[0];
    if (me->rank == 0)
        owner(&k);
    else
        holder(&k);
    mach_task_terminate(k.task);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    (void)params;
    if (layout->compute_count > 1)
        return true;
    return err_set(e, "workload.kind: 'mach_death' needs two compute nodes, and there is one");
}

static const struct os_service_ops *const services[] = { &mach_service, NULL };

const struct workload_ops workload_mach_death = {
    .kind = { .name = "mach_death",
              .doc = "Holders of Mach rights to another node's port are told of its death.",
              .params = params_desc,
              .params_size = sizeof(struct death_params) },
    .measures = measures,
    .services = services,
    .check = check,
    .main = program,
};
