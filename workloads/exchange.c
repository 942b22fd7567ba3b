/* exchange.c: messages between two instances of USER, of one node or of two, and what they cost.
 *
 * Bulk: the source sends, the sink says after every `window` messages that it has them; every
 * message is compared with what was sent.  Calls: each message is answered before the next.  Where
 * `slope` is set a second round has messages twice as long, and the difference is what a page more
 * costs, without what each message costs.
 */
#include "os/proto/user/user.h"
#include "workloads/workload.h"

#define PAGE 4096

struct exchange_params {
    const char *source, *sink;
    int64_t size, rounds, warmup, window, partner;
    bool calls, slope;
};

static const struct param params_desc[] = {
    P_STRING(exchange_params, source, "source", "The instance of USER that sends."),
    P_STRING(exchange_params, sink, "sink", "The one that receives; of calls it serves."),
    P_SIZE(exchange_params, size, "4KiB", "0", "1GiB", "Length of a message."),
    P_INT(exchange_params, rounds, "32", "1", "1000000000", "Messages that are measured."),
    P_INT(exchange_params, warmup, "8", "0", "1000000000", "Messages before them.",
          "ASSUMED(sessions are opened, buffers are cached)"),
    P_INT(exchange_params, window, "8", "1", "1000000",
          "Messages until the sink says that it "
          "has them."),
    P_INT(exchange_params, partner, "0", "0", NULL,
          "Rank of the program with the sink; 0: the same node."),
    P_BOOL(exchange_params, calls, "false", "Each message waits for the answer to that before."),
    P_BOOL(exchange_params, slope, "false", "Measures what a page more of a message costs, too."),
    P_END,
};

enum { M_ONE, M_BANDWIDTH, M_PAGE };
static const struct measure measures[] = {
    [M_ONE] = { "message", "s", "Time of a message; of a call with its answer.",
                MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_BANDWIDTH] = { "bandwidth", "B/s", "Length over the time of a message.",
                      MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_PAGE] = { "page", "s", "What 4 KiB more of a message cost.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    { .name = NULL }
};

static const struct workload_instance instances[] = {
    { "source", offsetof(struct exchange_params, source), &user_protl },
    { "sink", offsetof(struct exchange_params, sink), &user_protl },
    { .name = NULL },
};

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct exchange_params *p = params;
    if (p->partner >= layout->compute_count)
        return err_set(e, "workload.partner is %ld, but the compute nodes have ranks 0 to %u",
                       (long)p->partner, layout->compute_count - 1);
    const struct xk_graph *g = layout->boot ? layout->boot->graph : NULL;
    uint64_t carries = xk_graph_carries(g, p->source), most = (uint64_t)p->size << p->slope;
    if (g && carries > 0 && most > carries)
        return err_set(e,
                       "workload.size is %ld, and messages of %lu bytes are sent, but '%s' carries "
                       "%lu at most",
                       (long)p->size, (unsigned long)most, p->source, (unsigned long)carries);
    return true;
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    (void)layout;
    return (uint32_t)((const struct exchange_params *)params)->partner + 1;
}

struct exchange {
    struct os_node *node;
    const struct exchange_params *p;
};

static int64_t phases(const struct exchange_params *p)
{
    return p->slope ? 2 : 1;
}

/* The i-th message of a phase. */
static void make(const struct exchange_params *p, int64_t phase, int64_t i, struct rope *data)
{
    rope_init(data);
    rope_add_pattern(data, (uint64_t)i, 0, (uint64_t)(p->size * (phase + 1)));
}

static bool last_of_window(const struct exchange_params *p, int64_t i)
{
    return (i + 1) % p->window == 0 || i + 1 == p->warmup || i + 1 == p->warmup + p->rounds;
}

static bool take_all(struct exchange *x, struct xk_protl *sink, int64_t phase)
{
    const struct exchange_params *p = x->p;
    for (int64_t i = 0; i < p->warmup + p->rounds; i++) {
        struct rope got, want;
        uint32_t from;
        enum xk_status s = user_receive(sink, &from, &got);
        make(p, phase, i, &want);
        rope_settle(&got);
        bool same = s == XK_OK && rope_equal(&got, &want);
        if (same)
            port_delivered(x->node->port, got.length, rope_hash(&got));
        else
            port_fail(x->node->port, "message %ld is not what was sent", (long)i);
        rope_fini(&got);
        rope_fini(&want);
        rope_init(&got);
        rope_add_zero(&got, 1);
        if (same && last_of_window(p, i) && user_send(sink, from, &got) != XK_OK) {
            port_fail(x->node->port, "the sink cannot answer");
            same = false;
        }
        rope_fini(&got);
        if (!same)
            return false;
    }
    return true;
}

static void sink_main(void *arg)
{
    struct exchange *x = arg;
    struct xk_protl *sink = xk_find(x->node->xk, x->p->sink);
    for (int64_t phase = 0; phase < phases(x->p); phase++)
        if (!take_all(x, sink, phase))
            return;
}

/* Sends one, and waits where that is due; false: it could not. */
static bool send_one(struct exchange *x, struct xk_protl *source, uint32_t to, int64_t phase,
                     int64_t i)
{
    struct rope data;
    uint32_t from;
    make(x->p, phase, i, &data);
    enum xk_status s = user_send(source, to, &data);
    rope_fini(&data);
    if (s == XK_OK && (x->p->calls || last_of_window(x->p, i))) {
        s = user_receive(source, &from, &data);
        rope_fini(&data);
    }
    if (s != XK_OK)
        port_fail(x->node->port, "message %ld: %s", (long)i, xk_status_name(s));
    return s == XK_OK;
}

static void source_main(struct exchange *x, uint32_t to)
{
    const struct exchange_params *p = x->p;
    struct port *port = x->node->port;
    struct xk_protl *source = xk_find(x->node->xk, p->source);
    sim_time each[2] = { 0, 0 };
    for (int64_t phase = 0; phase < phases(p); phase++) {
        sim_time start = 0;
        for (int64_t i = 0; i < p->warmup + p->rounds; i++) {
            if (i == p->warmup && phase == 0)
                port_window(port, true, 1);
            if (i == p->warmup)
                start = port_now(port);
            if (!send_one(x, source, to, phase, i))
                return;
        }
        each[phase] = (port_now(port) - start) / p->rounds;
    }
    double one = (double)each[0] / (double)SIM_SEC, pages = (double)p->size / PAGE;
    port_measure(port, &measures[M_ONE], one);
    if (p->size > 0 && one > 0)
        port_measure(port, &measures[M_BANDWIDTH], (double)p->size / one);
    if (p->slope && pages > 0)
        port_measure(port, &measures[M_PAGE],
                     (double)(each[1] - each[0]) / (double)SIM_SEC / pages);
    port_window(port, false, 1);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct exchange_params *p = me->params;
    struct exchange *x = port_alloc(me->task, sizeof *x);
    x->node = node;
    x->p = p;
    bool here = me->rank == (uint32_t)p->partner && !p->calls;
    if (here && me->rank != 0) {
        sink_main(x);
        return;
    }
    if (here && !port_thread_spawn(me->task, "sink", sink_main, x, 0))
        port_fail(node->port, "no room for the sink's thread");
    if (me->rank == 0)
        source_main(x, node->layout->compute[p->partner]);
}

const struct workload_ops workload_exchange = {
    .kind = { .name = "exchange",
              .doc = "Messages between two ends of a graph, of one node or two.",
              .params = params_desc,
              .params_size = sizeof(struct exchange_params) },
    .measures = measures,
    .instances = instances,
    .check = check,
    .programs = programs,
    .main = program,
};
