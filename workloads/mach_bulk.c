/* mach_bulk.c: a client gives bytes to a server task of its node by Mach IPC: in line, as memory
 * out of line, or as memory that goes with the message.
 *
 * A call is a typed procedure (os/mach/mach_stub.h).  In line the bytes are copied into the kernel
 * and out of it; out of line their pages are shared until one side writes.  The server may read or
 * write a word of each page, and removes the memory that it got; with `again` the client writes
 * each page before each call.  Every page that is read is compared with what the client wrote.
 * `formula` is what a configuration says a call takes.
 */
#include "os/mach/mach_stub.h"
#include "os/vm/vm.h"
#include "workloads/workload.h"

#define BASE 0x10000000u /* of the client's memory */

enum how { IN_LINE, MEMORY, MOVED };
static const char *const hows[] = { "in_line", "memory", "moved", NULL };
enum use { NOTHING, READS, WRITES };
static const char *const uses[] = { "nothing", "reads", "writes", NULL };

struct bulk_params {
    int64_t size, rounds, page;
    int how, use;
    bool again;
    sim_time formula;
};

static const struct param params_desc[] = {
    P_SIZE(bulk_params, size, "64KiB", "1B", "16MiB", "Bytes of a call.",
           "ASSUMED(a small example)"),
    P_CHOICE(
        bulk_params, how, "memory", hows,
        "How they go: in line, as memory of which both have a copy then, or as memory that the "
        "client has no more.",
        "ASSUMED(the experiment's choice)"),
    P_CHOICE(bulk_params, use, "reads", uses, "What the server does with each page.",
             "ASSUMED(the experiment's choice)"),
    P_BOOL(bulk_params, again, "false", "The client writes each page before each call.",
           "ASSUMED(the experiment's choice)"),
    P_INT(bulk_params, rounds, "10", "1", "1000000", "Calls that are measured; one goes before.",
          "ASSUMED(a small example)"),
    P_SIZE(bulk_params, page, "4KiB", "64B", "1MiB", "Bytes of a page; a power of two.",
           "4 KB pages of the i860 [memory, high]"),
    P_TIME(bulk_params, formula, "0", "0", NULL,
           "Time of a call by a formula of the configuration; 0: none.",
           "ASSUMED(only a configuration that has a formula sets it)"),
    P_END,
};

enum { M_CALL, M_RATE, M_DIFFERENCE };
static const struct measure measures[] = {
    [M_CALL] = { "mach_bulk.time", "s", "From a call to its reply.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_RATE] = { "mach_bulk.rate", "B/s", "Bytes by time of a call.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_DIFFERENCE] = { "difference", "s", "Measured time of a call minus the formula's.",
                       MEASURE_DETERMINISTIC },
    { .name = NULL }
};

struct side { /* of a task */
    struct port *port;
    struct mach_task *task;
    struct vm_space *space;
};
struct cell { /* of a node */
    const struct bulk_params *p;
    struct port *main_port;
    struct port_thread *main;
    struct side server, client;
    struct mach_server serving;
    mach_name service, to, reply; /* receive right; send right to it; the client's */
    uint32_t nodes, running;
    uint8_t round; /* that the client has written */
    bool good;
};

static uint64_t pages(const struct bulk_params *p)
{
    return (uint64_t)(p->size + p->page - 1) / (uint64_t)p->page;
}

/* ---- the server ---- */

enum { TAKE_BYTES, TAKE_MEMORY, STOP, ROUTINES };

static int32_t take_bytes(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct cell *c = arg;
    struct rope want;
    (void)out;
    rope_init(&want);
    rope_add_pattern(&want, c->round, 0, (uint64_t)c->p->size);
    c->good = rope_equal(&want, &in[0].data) && c->good;
    rope_fini(&want);
    return KERN_SUCCESS;
}

/* (blocks on faults) */
static int32_t take_memory(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct cell *c = arg;
    (void)out;
    c->good = in[0].bytes == (uint64_t)c->p->size && c->good;
    for (uint64_t i = 0; i < pages(c->p); i++) {
        uint64_t at = in[0].address + i * (uint64_t)c->p->page;
        if (c->p->use == WRITES)
            vm_store_u8(c->server.space, at, 0xff);
        else if (c->p->use == READS)
            c->good = vm_load_u8(c->server.space, at) == c->round && c->good;
    }
    c->good = mach_vm_deallocate(c->server.task, in[0].address) && c->good;
    return KERN_SUCCESS;
}

static int32_t stop(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct cell *c = arg;
    (void)in;
    (void)out;
    c->serving.stop = true;
    return KERN_SUCCESS;
}

static const struct mach_routine routines[ROUTINES] = {
    [TAKE_BYTES] = { .name = "take_bytes",
                     .in = { { MACH_ARG_BYTES, 16 << 20 } },
                     .serve = take_bytes },
    [TAKE_MEMORY] = { .name = "take_memory",
                      .in = { { .kind = MACH_ARG_MEMORY } },
                      .serve = take_memory },
    [STOP] = { .name = "stop", .serve = stop },
};
static const struct mach_subsystem subsystem = { "bulk", 2000, ROUTINES, routines };

static void ends(struct cell *c)
{
    c->running--;
    port_thread_wake(c->main_port, c->main);
}

static void server(void *arg)
{
    static const struct mach_subsystem *const all[] = { &subsystem, NULL };
    struct cell *c = arg;
    c->serving = (struct mach_server){ .task = c->server.task, .subsystems = all, .arg = c };
    if (mach_msg_server(&c->serving, c->service) != MACH_MSG_SUCCESS || !c->good)
        port_fail(c->main_port, "the server got other bytes than were sent");
    mach_task_terminate(c->server.task);
    ends(c);
}

/* ---- the client ---- */

static bool map(struct cell *c)
{
    uint64_t length = pages(c->p) * (uint64_t)c->p->page;
    return vm_map(c->client.space, BASE, length, VM_WRITE, &vm_pager_zero, NULL) != NULL;
}

/* The first byte of each page is the round. */
static void write_all(struct cell *c)
{
    c->round++;
    for (uint64_t i = 0; i < pages(c->p); i++)
        vm_store_u8(c->client.space, BASE + i * (uint64_t)c->p->page, c->round);
}

static bool call(struct cell *c)
{
    struct mach_value in;
    bool in_line = c->p->how == IN_LINE;
    mach_values_init(&in, 1);
    if (in_line)
        rope_add_pattern(&in.data, c->round, 0, (uint64_t)c->p->size);
    in.address = BASE;
    in.bytes = (uint64_t)c->p->size;
    in.deallocate = c->p->how == MOVED;
    int32_t r = mach_call(c->client.task, &subsystem, in_line ? TAKE_BYTES : TAKE_MEMORY, c->to,
                          c->reply, &in, NULL);
    mach_values_fini(&in, 1);
    if (r != KERN_SUCCESS)
        port_fail(c->main_port, "a call gave %ld", (long)r);
    return r == KERN_SUCCESS;
}

static void call_measured(struct cell *c)
{
    struct port *p = c->client.port;
    sim_time start = port_now(p);
    if (!call(c))
        return;
    sim_time time = port_now(p) - start;
    port_measure(p, &measures[M_CALL], sim_time_seconds(time));
    port_measure(p, &measures[M_RATE], (double)c->p->size / sim_time_seconds(time));
    if (c->p->formula > 0)
        port_measure(p, &measures[M_DIFFERENCE], sim_time_seconds(time - c->p->formula));
}

static void client(void *arg)
{
    struct cell *c = arg;
    bool in_line = c->p->how == IN_LINE;
    for (int64_t i = 0; i <= c->p->rounds; i++) {
        if (!in_line && (i == 0 || c->p->how == MOVED))
            c->good = map(c) && c->good;
        if (!in_line && (i == 0 || c->p->again || c->p->how == MOVED))
            write_all(c);
        port_pay(c->client.port);
        if (i == 1)
            port_window(c->client.port, true, c->nodes);
        if (i == 0)
            (void)call(c);
        else
            call_measured(c);
    }
    port_window(c->client.port, false, c->nodes);
    (void)mach_call(c->client.task, &subsystem, STOP, c->to, c->reply, NULL, NULL);
    mach_task_terminate(c->client.task);
    ends(c);
}

/* ---- a node ---- */

static void side(struct cell *c, struct side *s, struct mach *m, const char *name)
{
    struct vm_params params = { .page = c->p->page };
    s->port = port_task_create(c->main_port, name, NULL, NULL);
    s->task = mach_task_create(m, s->port);
    s->space = vm_space_create(vm_create(s->port, &params), name);
    mach_task_memory(s->task, s->space);
}

static bool begin(struct cell *c, struct port *task, void (*fn)(void *arg))
{
    bool good = port_thread_spawn(task, "bulk", fn, c, 0) != NULL;
    c->running += good;
    if (!good)
        port_fail(c->main_port, "no room for the threads of the tasks");
    return good;
}

static void program(struct os_node *node, const struct program *me)
{
    struct mach *m = os_find(node, &mach_service);
    struct cell *c = port_alloc(node->port, sizeof *c); /* for threads of other tasks */
    *c = (struct cell){ .p = me->params,
                        .main_port = node->port,
                        .main = port_thread_self(node->port),
                        .nodes = me->ranks,
                        .good = true };
    side(c, &c->server, m, "server");
    side(c, &c->client, m, "client");
    if (mach_port_allocate(c->server.task, MACH_RIGHT_RECEIVE, &c->service) != KERN_SUCCESS ||
        mach_port_allocate(c->client.task, MACH_RIGHT_RECEIVE, &c->reply) != KERN_SUCCESS ||
        mach_port_give(c->server.task, c->service, MACH_MAKE_SEND, c->client.task, &c->to) !=
            KERN_SUCCESS)
        port_fail(node->port, "the client has no right to the server");
    if (!begin(c, c->server.port, server) || !begin(c, c->client.port, client))
        return;
    while (c->running > 0)
        port_thread_block(node->port, "tasks of node", port_node(node->port));
    if (mach_ports(m) > 0 || mach_messages(m) > 0)
        port_fail(node->port, "ports or messages outlive their tasks");
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct bulk_params *p = params;
    (void)l;
    return (p->page & (p->page - 1)) == 0 ||
           err_set(e, "workload.page is %lld bytes; allowed are powers of two", (long long)p->page);
}

static const struct os_service_ops *const services[] = { &mach_service, NULL };

const struct workload_ops workload_mach_bulk = {
    .kind = { .name = "mach_bulk",
              .doc = "A task gives bytes to another by Mach IPC, in line or out of line.",
              .params = params_desc,
              .params_size = sizeof(struct bulk_params) },
    .measures = measures,
    .services = services,
    .check = check,
    .main = program,
};
