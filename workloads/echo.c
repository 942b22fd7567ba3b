/* echo.c: a program talks to one layer of a graph: it sends a message to another node, which sends
 * it back, time and again.
 *
 * Rank 0 asks, the last rank answers at once, in the upcall that brings the message.  The layer is
 * what an instance of USER stands on (with `serve` and `echo`), or an instance of SELECT.  What
 * comes back is compared with what was sent.  As the latency test of partial stacks [Hutchinson &
 * Peterson 1991].
 */
#include "os/proto/select/select.h"
#include "os/proto/user/user.h"
#include "workloads/workload.h"

#define ECHO_SERVICE 101

struct echo_params {
    const char *over;
    int64_t size, rounds, warmup;
    int waits;
};

enum { WAITS_THREAD, WAITS_UPCALL };
static const char *const waits_names[] = { "thread", "upcall", NULL };

static const struct param params_desc[] = {
    P_STRING(echo_params, over, "user", "The instance of USER or of SELECT that is talked to."),
    P_SIZE(echo_params, size, "0", "0", "1GiB", "Bytes of an echo.",
           "ASSUMED(the null message measures latency)"),
    P_INT(echo_params, rounds, "20", "1", "1000000", "Echoes that are measured.",
          "ASSUMED(a small example)"),
    P_INT(echo_params, warmup, "2", "0", "1000000", "Echoes before them.",
          "ASSUMED(sessions are opened by the first)"),
    P_CHOICE(echo_params, waits, "thread", waits_names,
             "What takes an echo and sends the next: a thread that is woken, or the upcall that "
             "brings it."),
    P_END,
};

enum { M_ECHO };
static const struct measure measures[] = {
    [M_ECHO] = { "echo.time", "s", "From a message to its echo.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    { .name = NULL },
};

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct echo_params *p = params;
    const struct xk_graph *g = layout->boot ? layout->boot->graph : NULL;
    const struct xk_protl_ops *protl = g ? xk_graph_protocol(g, p->over) : NULL;
    if (layout->compute_count < 2)
        return err_set(e, "echoes need two compute nodes, who asks and who answers");
    if (g && protl != &user_protl && protl != &select_protl)
        return err_set(e, "workload.over is '%s', which is no instance of 'user' or 'select'",
                       p->over);
    if (g && (uint64_t)p->size > xk_graph_carries(g, p->over))
        return err_set(e, "workload.size is %ldB, but '%s' carries %luB at most", (long)p->size,
                       p->over, (unsigned long)xk_graph_carries(g, p->over));
    return true;
}

/* ---- who answers ---- */

static void answer(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct rope reply;
    (void)arg;
    (void)procedure;
    rope_move(&reply, args);
    select_reply(q, &reply);
    rope_fini(&reply);
}

/* ---- who asks ---- */

struct asker {
    struct port *port;
    const struct echo_params *p;
    struct xk_protl *over;
    bool calls; /* over SELECT */
    uint32_t to;
    int64_t number; /* of the echo that is out */
    sim_time start;
    struct port_thread *thread; /* of upcalls: woken after the last */
    bool ended;
};

static void message(const struct asker *a, struct rope *data)
{
    rope_init(data);
    rope_add_pattern(data, (uint64_t)a->number, 0, (uint64_t)a->p->size);
    if (a->number == a->p->warmup)
        port_window(a->port, true, 1);
}

/* It came back, or did not.  False: that was the last. */
static bool came(struct asker *a, enum xk_status why, const struct rope *data)
{
    struct rope want;
    bool first = a->number < a->p->warmup, right;
    rope_init(&want);
    rope_add_pattern(&want, (uint64_t)a->number, 0, (uint64_t)a->p->size);
    right = why == XK_OK && rope_equal(data, &want);
    rope_fini(&want);
    /* Who answers may start later. */
    if (!right && !first) {
        port_fail(a->port, "echo %ld: %s", (long)a->number,
                  why == XK_OK ? "other bytes came" : xk_status_name(why));
        return false;
    }
    if (!first)
        port_measure(a->port, &measures[M_ECHO], (double)(port_now(a->port) - a->start) / SIM_SEC);
    a->number++;
    return a->number < a->p->warmup + a->p->rounds;
}

/* One echo, in a thread. (blocks) */
static enum xk_status wait_for_one(struct asker *a, struct rope *data)
{
    struct rope out;
    uint32_t from;
    enum xk_status s;
    message(a, &out);
    a->start = port_now(a->port);
    if (a->calls)
        return select_call_wait(a->over, a->to, ECHO_SERVICE, 0, &out, data);
    s = user_send(a->over, a->to, &out);
    rope_fini(&out);
    rope_init(data);
    return s == XK_OK ? user_receive(a->over, &from, data) : s;
}

static void next(struct asker *a);

static void taken(struct asker *a, enum xk_status why, const struct rope *data)
{
    if (came(a, why, data)) {
        next(a);
        return;
    }
    a->ended = true;
    port_thread_wake(a->port, a->thread);
}

static void take(void *arg, enum xk_status why, uint32_t host, struct rope *data)
{
    (void)host;
    taken(arg, why, data);
}

static void done(void *arg, enum xk_status why, struct rope *reply)
{
    taken(arg, why, reply);
}

/* One echo, of which an upcall will tell. */
static void next(struct asker *a)
{
    struct rope out;
    enum xk_status s;
    message(a, &out);
    a->start = port_now(a->port);
    s = a->calls ? select_call(a->over, a->to, ECHO_SERVICE, 0, &out, done, a)
                 : user_push(a->over, a->to, &out);
    rope_fini(&out);
    if (s != XK_OK)
        port_fail(a->port, "no echo goes out: %s", xk_status_name(s));
}

static void ask(struct os_node *node, const struct echo_params *p, bool calls, uint32_t to)
{
    struct port *port = node->port;
    struct asker *a = port_alloc(port, sizeof *a);
    *a = (struct asker){ .port = port,
                         .p = p,
                         .over = xk_find(node->xk, p->over),
                         .calls = calls,
                         .to = to,
                         .thread = port_thread_self(port) };
    if (p->waits == WAITS_UPCALL) {
        if (!calls)
            user_on_receive(a->over, take, a);
        next(a);
        while (!a->ended)
            port_thread_block(port, "echoes of node", to);
    } else {
        bool more = true;
        while (more) {
            struct rope data;
            enum xk_status s = wait_for_one(a, &data);
            more = came(a, s, &data);
            rope_fini(&data);
        }
    }
    port_window(port, false, 1);
    port_free(port, a);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct echo_params *p = me->params;
    struct xk_protl *over = xk_find(node->xk, p->over);
    bool calls = over->ops == &select_protl;
    if (me->rank == 0)
        ask(node, p, calls, node->layout->compute[me->ranks - 1]);
    else if (me->rank == me->ranks - 1 && calls &&
             select_serve(over, ECHO_SERVICE, answer, NULL) != XK_OK)
        port_fail(node->port, "service %d is served already", ECHO_SERVICE);
}

const struct workload_ops workload_echo = {
    .kind = { .name = "echo",
              .doc = "A program sends messages to another node through one layer, and gets them "
                     "back.",
              .params = params_desc,
              .params_size = sizeof(struct echo_params) },
    .measures = measures,
    .check = check,
    .main = program,
};
