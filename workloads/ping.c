/* ping.c: programs ask other nodes for echoes (ICMP) and measure how long they take.
 *
 * Rank 0 asks the node of rank `partner`, or (`all`) each rank that half of the ranks further on.
 * What does not come back in `wait`, or of which an error tells, is lost.
 */
#include "os/proto/icmp/ping.h"
#include "workloads/workload.h"

struct ping_params {
    const char *over;
    int64_t size, count, partner;
    sim_time interval, wait;
    bool all;
};

static const struct param params_desc[] = {
    P_STRING(ping_params, over, "ping", "The instance of protocol 'ping'."),
    P_SIZE(ping_params, size, "56B", "0", "65503B", "Octets of an echo behind its header."),
    P_INT(ping_params, count, "10", "1", "1000000000", "Echoes of each program."),
    P_INT(ping_params, partner, "1", "0", "1000000", "Rank of the node that rank 0 asks."),
    P_BOOL(ping_params, all, "false", "Every rank asks another."),
    P_TIME(ping_params, interval, "0", "0", "1h", "Time between an answer and the next echo."),
    P_TIME(ping_params, wait, "1s", "1us", "1h", "Time after which an echo is lost."),
    P_END,
};

enum { M_RTT, M_LOST };
static const struct measure measures[] = {
    [M_RTT] = { "rtt", "s", "From an echo to its answer.", MEASURE_COLUMN },
    [M_LOST] = { "lost", "1", "Share of echoes without an answer.", MEASURE_COLUMN },
    { .name = NULL }
};

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct ping_params *p = params;
    if (!p->all && p->partner >= layout->compute_count)
        return err_set(e, "workload.partner is %ld, but the compute nodes have ranks 0 to %u",
                       (long)p->partner, layout->compute_count - 1);
    return true;
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return ((const struct ping_params *)params)->all ? layout->compute_count : 1;
}

static void program(struct os_node *node, const struct program *me)
{
    const struct ping_params *p = me->params;
    struct port *port = node->port;
    uint32_t partner = p->all ? (me->rank + me->ranks / 2) % me->ranks : (uint32_t)p->partner;
    enum xk_status why, last = XK_OK;
    struct xk_sessn *s =
        ping_open(xk_find(node->xk, p->over), node->layout->compute[partner], &why);
    if (!s) {
        port_fail(port, "there is no way to the node of rank %u: %s", partner, xk_status_name(why));
        return;
    }
    port_window(port, true, me->ranks);
    for (int64_t i = 0; i < p->count; i++) {
        sim_time rtt;
        uint64_t seed = (uint64_t)me->rank << 32 | (uint64_t)i;
        if (i > 0 && p->interval > 0)
            port_thread_sleep(port, p->interval);
        why = ping_echo(s, seed, (uint64_t)p->size, p->wait, &rtt);
        port_measure(port, &measures[M_LOST], why != XK_OK);
        if (why == XK_OK)
            port_measure(port, &measures[M_RTT], (double)rtt / (double)SIM_SEC);
        if (why != XK_OK && why != last && me->rank == 0)
            port_remark(port, "echo %ld to the node of rank %u: %s", (long)i + 1, partner,
                        why == XK_CLOSED ? "no answer" : xk_status_name(why));
        last = why;
    }
    port_window(port, false, me->ranks);
    xk_close(s);
}

static const struct workload_instance instances[] = {
    { "over", offsetof(struct ping_params, over), &ping_protl },
    { .name = NULL },
};

const struct workload_ops workload_ping = {
    .kind = { .name = "ping",
              .doc = "Programs ask other nodes for echoes (ICMP).",
              .params = params_desc,
              .params_size = sizeof(struct ping_params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .instances = instances,
    .main = program,
};
