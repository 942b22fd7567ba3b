/* mach_names.c: tasks find each other's ports by the name service of Mach IPC.
 *
 * On every node an owner checks ports in under names, and a user of the same node looks each up and
 * sends a message to what it has found; with `remote` a second user does so with the names of the
 * next node.  The owner sees that each message came to the port of its name.  When all have come it
 * destroys every second port, whose names must be gone then, and checks the others out.
 */
#include "os/mach/netname.h"
#include "workloads/workload.h"

#include <stdio.h> /* snprintf alone */

#define USERS 2
#define AGAIN SIM_MS /* ASSUMED(the owner of another node is about to check its names in) */

struct names_params {
    int64_t names, rounds;
    bool remote;
};

static const struct param params_desc[] = {
    P_INT(names_params, names, "8", "2", "1000", "Names that a task of each node checks in.",
          "ASSUMED(a small example)"),
    P_INT(names_params, rounds, "4", "1", "100000", "Look-ups of each name by each user.",
          "ASSUMED(a small example)"),
    P_BOOL(names_params, remote, "false", "The names of the next node are looked up, too.",
           "ASSUMED(without a net there are no others)"),
    P_END,
};

enum { M_HERE, M_THERE };
static const struct measure measures[] = {
    [M_HERE] = { "mach_names.here", "s", "Look-up of a name of the same node.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_THERE] = { "mach_names.there", "s", "Look-up of a name of another node.",
                  MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    { .name = NULL }
};

struct cell;
struct user {
    struct cell *cell;
    struct port *port;
    struct mach_task *task;
    bool remote;
};
struct cell { /* of a node */
    const struct names_params *p;
    struct port *port; /* of the owner's task */
    struct port_thread *main;
    struct port *main_port;
    struct mach_task *owner;
    mach_name *ports, signature, set;
    struct netname_user names;
    struct user users[USERS];
    uint32_t user_count, running, nodes, next;
    bool ready;
};

static void ends(struct cell *c)
{
    c->running--;
    port_thread_wake(c->main_port, c->main);
}

static const char *name_of(char *buffer, size_t size, int64_t i)
{
    snprintf(buffer, size, "service %lld", (long long)i);
    return buffer;
}

/* ---- the owner ---- */

static bool check_in(struct cell *c, int64_t i)
{
    char name[NETNAME_BYTES];
    return mach_port_allocate(c->owner, MACH_RIGHT_RECEIVE, &c->ports[i]) == KERN_SUCCESS &&
           mach_port_move_member(c->owner, c->ports[i], c->set) == KERN_SUCCESS &&
           netname_check_in(&c->names, name_of(name, sizeof name, i), c->signature, MACH_MAKE_SEND,
                            c->ports[i], MACH_MAKE_SEND) == KERN_SUCCESS;
}

/* Each message comes to the port of its name. (blocks) */
static bool take_all(struct cell *c)
{
    int64_t all = c->user_count * c->p->rounds * c->p->names;
    struct mach_msg msg;
    bool good = true;
    mach_msg_init(&msg);
    for (int64_t i = 0; good && i < all; i++)
        good = mach_msg(c->owner, &msg, MACH_RCV_MSG, c->set, 0, 0) == MACH_MSG_SUCCESS &&
               msg.id >= 0 && msg.id < c->p->names && msg.local == c->ports[msg.id];
    mach_msg_fini(c->owner, &msg);
    return good;
}

static bool is_there(struct cell *c, int64_t i)
{
    char name[NETNAME_BYTES];
    mach_name port;
    int32_t r = netname_look_up(&c->names, "", name_of(name, sizeof name, i), &port);
    if (r != KERN_SUCCESS)
        return false;
    return port == c->ports[i] && mach_port_deallocate(c->owner, port) == KERN_SUCCESS;
}

/* Names go with their ports, or when they are checked out. */
static bool end_all(struct cell *c)
{
    char name[NETNAME_BYTES];
    bool good = true;
    for (int64_t i = 0; i < c->p->names; i++)
        good = is_there(c, i) && good;
    for (int64_t i = 1; i < c->p->names; i += 2)
        good = mach_port_destroy(c->owner, c->ports[i]) == KERN_SUCCESS && !is_there(c, i) && good;
    for (int64_t i = 0; i < c->p->names; i += 2)
        good = is_there(c, i) &&
               netname_check_out(&c->names, name_of(name, sizeof name, i), c->signature,
                                 MACH_MAKE_SEND) == KERN_SUCCESS &&
               !is_there(c, i) && good;
    return good;
}

static void owner(void *arg)
{
    struct cell *c = arg;
    bool good = netname_open(&c->names, c->owner) == KERN_SUCCESS &&
                mach_port_allocate(c->owner, MACH_RIGHT_PORT_SET, &c->set) == KERN_SUCCESS &&
                mach_port_allocate(c->owner, MACH_RIGHT_RECEIVE, &c->signature) == KERN_SUCCESS;
    for (int64_t i = 0; i < c->p->names; i++)
        good = good && check_in(c, i);
    c->ready = true;
    port_thread_wake(c->main_port, c->main);
    if (!good)
        port_fail(c->port, "a port found no name");
    else if (!take_all(c))
        port_fail(c->port, "a message came to the port of another name");
    else if (!end_all(c))
        port_fail(c->port, "a name is there without its port, or a port without its name");
    mach_task_terminate(c->owner);
    ends(c);
}

/* ---- a user ---- */

/* (blocks) */
static bool look_up(struct user *u, const struct netname_user *names, const char *host, int64_t i)
{
    struct port *p = u->port;
    char name[NETNAME_BYTES];
    struct mach_msg msg;
    sim_time start = port_now(p);
    mach_msg_init(&msg);
    int32_t r = netname_look_up(names, host, name_of(name, sizeof name, i), &msg.remote);
    if (r != KERN_SUCCESS)
        return false;
    port_measure(p, &measures[u->remote ? M_THERE : M_HERE], sim_time_seconds(port_now(p) - start));
    msg.remote_disp = MACH_MOVE_SEND;
    msg.id = (int32_t)i;
    return mach_msg(u->task, &msg, MACH_SEND_MSG, 0, 0, 0) == MACH_MSG_SUCCESS;
}

static void user(void *arg)
{
    struct user *u = arg;
    struct cell *c = u->cell;
    struct netname_user names;
    char host[16] = "";
    bool good = netname_open(&names, u->task) == KERN_SUCCESS;
    mach_name port;
    if (u->remote)
        snprintf(host, sizeof host, "%u", c->next);
    /* The last of the other node's names is there, too. */
    char last[NETNAME_BYTES];
    name_of(last, sizeof last, c->p->names - 1);
    while (good && u->remote && netname_look_up(&names, host, last, &port) != KERN_SUCCESS)
        port_thread_sleep(u->port, AGAIN);
    if (good && u->remote)
        good = mach_port_deallocate(u->task, port) == KERN_SUCCESS;
    port_window(u->port, true, c->nodes * c->user_count);
    for (int64_t n = 0; n < c->p->rounds; n++)
        for (int64_t i = 0; good && i < c->p->names; i++)
            good = look_up(u, &names, host, i);
    port_window(u->port, false, c->nodes * c->user_count);
    if (!good)
        port_fail(u->port, "a name of node %u was not found",
                  u->remote ? c->next : port_node(u->port));
    mach_task_terminate(u->task);
    ends(c);
}

/* ---- a node ---- */

static bool begin(struct cell *c, struct port *task, void (*fn)(void *arg), void *arg)
{
    bool good = port_thread_spawn(task, "names", fn, arg, 0) != NULL;
    c->running += good;
    if (!good)
        port_fail(c->main_port, "no room for the threads of the tasks");
    return good;
}

static void program(struct os_node *node, const struct program *me)
{
    const struct names_params *p = me->params;
    struct mach *m = os_find(node, &mach_service);
    struct cell *c = port_alloc(node->port, sizeof *c); /* for threads of other tasks */
    *c = (struct cell){ .p = p,
                        .main = port_thread_self(node->port),
                        .main_port = node->port,
                        .user_count = p->remote ? USERS : 1,
                        .nodes = me->ranks,
                        .next = node->layout->compute[(me->rank + 1) % me->ranks] };
    c->ports = port_alloc(node->port, (size_t)p->names * sizeof *c->ports);
    c->port = port_task_create(node->port, "owner", NULL, NULL);
    c->owner = mach_task_create(m, c->port);
    if (!begin(c, c->port, owner, c))
        return;
    while (!c->ready)
        port_thread_block(node->port, "owner of node", port_node(node->port));
    for (uint32_t i = 0; i < c->user_count; i++) {
        struct user *u = &c->users[i];
        u->cell = c;
        u->remote = i > 0;
        u->port = port_task_create(node->port, "user", NULL, NULL);
        u->task = mach_task_create(m, u->port);
        if (!begin(c, u->port, user, u))
            return;
    }
    while (c->running > 0)
        port_thread_block(node->port, "tasks of node", port_node(node->port));
    if (netname_count(os_find(node, &mach_names_service)) > 0)
        port_fail(node->port, "names outlive their ports");
}

static const struct os_service_ops *const services[] = { &mach_service, &mach_names_service, NULL };

const struct workload_ops workload_mach_names = {
    .kind = { .name = "mach_names",
              .doc = "Tasks find each other's ports by Mach's name service.",
              .params = params_desc,
              .params_size = sizeof(struct names_params) },
    .measures = measures,
    .services = services,
    .main = program,
};
