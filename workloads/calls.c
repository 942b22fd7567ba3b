/* calls.c: a program calls a procedure on another node, time and again.
 *
 * Rank 0 is the client, the last rank the server, which answers at once with `reply` bytes.  The
 * content of every call and reply is checked, and the server marks which calls it has executed: an
 * RPC that is at most once executes none twice, whatever is lost below.  As the null and the
 * throughput tests of [Hutchinson & Peterson 1991].
 */
#include "os/proto/select/select.h"
#include "workloads/workload.h"

#define CALLS_SERVICE 100
enum { CALLS_WORK, CALLS_STOP };

struct calls_params {
    int64_t size, reply, rounds, warmup;
    const char *over;
};

static const struct param params_desc[] = {
    P_SIZE(calls_params, size, "0", "0", "1GiB", "Bytes of a call.",
           "ASSUMED(the null call measures latency)"),
    P_SIZE(calls_params, reply, "0", "0", "1GiB", "Bytes of a reply.",
           "ASSUMED(the null call measures latency)"),
    P_INT(calls_params, rounds, "20", "1", "1000000", "Calls that are measured.",
          "ASSUMED(a small example)"),
    P_INT(calls_params, warmup, "2", "0", "1000000", "Calls before them.",
          "ASSUMED(sessions are opened by the first)"),
    P_STRING(calls_params, over, "rpc", "The instance of SELECT that carries them."),
    P_END,
};

enum { M_CALL, M_THROUGHPUT, M_FAILED, M_TWICE };
static const struct measure measures[] = {
    [M_CALL] = { "calls.time", "s", "From a call to its reply.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_THROUGHPUT] = { "calls.throughput", "B/s",
                       "Bytes of the calls that were answered, and of their replies, over the time "
                       "of all.",
                       MEASURE_DETERMINISTIC | MEASURE_COLUMN | MEASURE_TOTAL },
    [M_FAILED] = { "calls.failed", "1", "Calls that had no answer.",
                   MEASURE_DETERMINISTIC | MEASURE_TOTAL },
    [M_TWICE] = { "calls.twice", "1", "Executions of a call that had been executed.",
                  MEASURE_DETERMINISTIC | MEASURE_TOTAL },
    { .name = NULL }
};

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct calls_params *p = params;
    uint64_t most = xk_graph_carries(layout->boot->graph, p->over);
    if (layout->compute_count < 2)
        return err_set(e, "calls need two compute nodes, a client and a server");
    for (int reply = 0; reply < 2; reply++)
        if ((uint64_t)(reply ? p->reply : p->size) > most)
            return err_set(e, "workload.%s is %ldB, but calls over '%s' carry %luB at most",
                           reply ? "reply" : "size", (long)(reply ? p->reply : p->size), p->over,
                           (unsigned long)most);
    return true;
}

/* ---- the server ---- */

struct server {
    const struct calls_params *p;
    struct port *port;
    struct port_thread *thread;
    uint8_t *seen; /* by number of the call */
    uint64_t twice;
    bool wrong, stopped;
};

static void pattern(struct rope *r, uint32_t procedure, int64_t size)
{
    rope_init(r);
    rope_add_pattern(r, procedure, 0, (uint64_t)size);
}

static void serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct server *s = arg;
    struct rope want, reply;
    if (procedure == CALLS_STOP) {
        rope_init(&reply);
        select_reply(q, &reply);
        if (!s->stopped)
            port_thread_wake(s->port, s->thread);
        s->stopped = true;
        return;
    }
    uint32_t n = procedure - CALLS_STOP - 1;
    pattern(&want, procedure, s->p->size);
    s->wrong |= n >= s->p->warmup + s->p->rounds || !rope_equal(args, &want);
    rope_fini(&want);
    if (!s->wrong)
        s->twice += s->seen[n]++ > 0;
    pattern(&reply, ~procedure, s->p->reply);
    select_reply(q, &reply);
    rope_fini(&reply);
}

static void server(struct os_node *node, struct xk_protl *rpc, const struct calls_params *p)
{
    struct port *port = node->port;
    struct server *s = port_alloc(port, sizeof *s); /* it serves until the node ends */
    *s = (struct server){ .p = p,
                          .port = port,
                          .thread = port_thread_self(port),
                          .seen = port_alloc(port, (size_t)(p->warmup + p->rounds)) };
    if (select_serve(rpc, CALLS_SERVICE, serve, s) != XK_OK)
        port_fail(port, "service %d is served already", CALLS_SERVICE);
    while (!s->stopped)
        port_thread_block(port, "calls of node", 0);
    port_measure(port, &measures[M_TWICE], (double)s->twice);
    if (s->wrong)
        port_fail(port, "a call came otherwise than it was made");
}

/* ---- the client ---- */

/* One call; false: it had no answer. (blocks) */
static bool call(struct os_node *node, struct xk_protl *rpc, const struct calls_params *p,
                 uint32_t to, uint32_t procedure)
{
    struct rope args, reply, want;
    pattern(&args, procedure, p->size);
    enum xk_status s = select_call_wait(rpc, to, CALLS_SERVICE, procedure, &args, &reply);
    pattern(&want, ~procedure, p->reply);
    if (s == XK_OK && !rope_equal(&reply, &want))
        port_fail(node->port, "a reply differs at byte %lu of %ld",
                  (unsigned long)rope_first_difference(&reply, &want), (long)p->reply);
    rope_fini(&want);
    rope_fini(&reply);
    return s == XK_OK;
}

static void client(struct os_node *node, struct xk_protl *rpc, const struct calls_params *p,
                   uint32_t to)
{
    struct port *port = node->port;
    struct rope none, reply;
    uint64_t failed = 0;
    uint32_t procedure = CALLS_STOP + 1;
    sim_time begun = 0;
    /* The server's program may start later. */
    for (int64_t i = 0; i < p->warmup; i++)
        (void)call(node, rpc, p, to, procedure++);
    port_window(port, true, 1);
    begun = port_now(port);
    for (int64_t i = 0; i < p->rounds; i++) {
        sim_time start = port_now(port);
        if (call(node, rpc, p, to, procedure++))
            port_measure(port, &measures[M_CALL],
                         (double)(port_now(port) - start) / (double)SIM_SEC);
        else
            failed++;
    }
    double seconds = (double)(port_now(port) - begun) / (double)SIM_SEC;
    port_window(port, false, 1);
    port_measure(port, &measures[M_THROUGHPUT],
                 (double)(p->rounds - (int64_t)failed) * (double)(p->size + p->reply) / seconds);
    port_measure(port, &measures[M_FAILED], (double)failed);
    for (enum xk_status s = XK_CLOSED; s != XK_OK && s != XK_REFUSED;) {
        rope_init(&none);
        s = select_call_wait(rpc, to, CALLS_SERVICE, CALLS_STOP, &none, &reply);
        rope_fini(&reply);
    }
}

static void program(struct os_node *node, const struct program *me)
{
    const struct calls_params *p = me->params;
    struct xk_protl *rpc = xk_find(node->xk, p->over);
    const struct os_layout *l = node->layout;
    if (me->rank == 0)
        client(node, rpc, p, l->compute[me->ranks - 1]);
    else if (me->rank == me->ranks - 1)
        server(node, rpc, p);
}

static const struct workload_instance instances[] = {
    { "over", offsetof(struct calls_params, over), &select_protl },
    { .name = NULL },
};

const struct workload_ops workload_calls = {
    .kind = { .name = "calls",
              .doc = "A program calls a procedure on another node, time and again.",
              .params = params_desc,
              .params_size = sizeof(struct calls_params) },
    .measures = measures,
    .check = check,
    .instances = instances,
    .main = program,
};
