/* pingpong.c: two programs send a message of one size to and fro.
 *
 * Rank 0 sends, rank `partner` echoes; the one-way time is half of a round trip, as in the echo
 * test of [Dongarra & Dunigan, UT CS-95-299].  The content of every message is checked.  `formula`
 * is a time that the configuration has worked out by other means; it is reported beside the
 * measured one, with the difference.
 */
#include "workloads/pingpong.h"

#include "os/nx/nx.h"

#define ECHO_TYPE 1
#define BEHIND_TYPE 2 /* follows one that is to come unexpected */

struct pingpong_params {
    int64_t size, rounds, warmup, partner;
    bool unexpected;
    sim_time formula;
};

static const struct param params_desc[] = {
    P_SIZE(pingpong_params, size, "0", "0", "1GiB", "Length of the message.",
           "ASSUMED(the empty message measures latency)"),
    P_INT(pingpong_params, rounds, "10", "1", "1000000000", "Round trips that are measured.",
          "Dongarra & Dunigan: 10 to 50"),
    P_INT(pingpong_params, warmup, "2", "0", "1000000000", "Round trips before them.",
          "ASSUMED(sessions are opened by the first)"),
    P_INT(pingpong_params, partner, "1", "1", NULL, "Rank of the program that echoes.",
          "Dongarra & Dunigan: adjacent nodes"),
    P_BOOL(
        pingpong_params, unexpected, "false",
        "Each message has come whole before it is asked for: one that is empty goes behind it, and "
        "is received first.  It has to fit the receiver's buffers (grant of NX).",
        "ASSUMED(programs post their receives first)"),
    P_TIME(pingpong_params, formula, "0", "0", NULL,
           "One-way time by a formula of the configuration; 0: none.",
           "ASSUMED(a comparison of the experiment)"),
    P_END,
};

enum { M_ONE_WAY, M_BANDWIDTH, M_FORMULA, M_DIFFERENCE };
static const struct measure measures[] = {
    [M_ONE_WAY] = { "one_way", "s", "Half of a round trip.",
                    MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_BANDWIDTH] = { "bandwidth", "B/s", "Length over one-way time.",
                      MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_FORMULA] = { "formula", "s", "One-way time by the configuration's formula.",
                    MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    [M_DIFFERENCE] = { "difference", "s", "Measured one-way time minus the formula's.",
                       MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    { .name = NULL }
};

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct pingpong_params *p = params;
    if (p->partner >= layout->compute_count)
        return err_set(e, "workload.partner is %ld, but the compute nodes have ranks 0 to %u",
                       (long)p->partner, layout->compute_count - 1);
    return true;
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    (void)layout;
    return (uint32_t)((const struct pingpong_params *)params)->partner + 1;
}

/* The data, which are taken, to a rank. (blocks) */
static enum nx_status send(struct nx *nx, const struct pingpong_params *p, struct rope *data,
                           uint32_t to)
{
    struct rope none;
    rope_init(&none);
    enum nx_status s = nx_csend(nx, ECHO_TYPE, data, to);
    return p->unexpected && s == NX_OK ? nx_csend(nx, BEHIND_TYPE, &none, to) : s;
}

/* The next message of the other. (blocks) */
static struct nx_info receive(struct nx *nx, const struct pingpong_params *p, struct rope *data)
{
    struct rope none;
    if (p->unexpected) {
        (void)nx_crecv(nx, BEHIND_TYPE, 0, &none); /* of a death the next call tells */
        rope_fini(&none);
    }
    return nx_crecv(nx, ECHO_TYPE, (uint64_t)p->size, data);
}

/* The same with one call where the receive is to be posted before the answer can come. (blocks) */
static struct nx_info send_and_receive(struct nx *nx, const struct pingpong_params *p,
                                       struct rope *out, struct rope *in)
{
    uint32_t to = (uint32_t)p->partner;
    if (!p->unexpected)
        return nx_csendrecv(nx, ECHO_TYPE, out, to, ECHO_TYPE, (uint64_t)p->size, in);
    enum nx_status s = send(nx, p, out, to);
    if (s == NX_OK)
        return receive(nx, p, in);
    rope_init(in);
    return (struct nx_info){ .status = s };
}

/* One message to the other, and its answer back; false: it did not come. (blocks) */
static bool round_trip(struct os_node *node, const struct pingpong_params *p, uint64_t seed)
{
    struct nx *nx = os_find(node, &nx_service);
    struct rope out, in, want;
    rope_init(&out);
    rope_add_pattern(&out, seed, 0, (uint64_t)p->size);
    rope_copy(&want, &out);
    struct nx_info i = send_and_receive(nx, p, &out, &in);
    if (i.status != NX_OK)
        port_fail(node->port, "the echo failed: %s", nx_status_name(i.status));
    else if (!rope_equal(&in, &want))
        port_fail(node->port, "the echo differs at byte %lu of %ld",
                  (unsigned long)rope_first_difference(&in, &want), (long)p->size);
    rope_fini(&out);
    rope_fini(&in);
    rope_fini(&want);
    return i.status == NX_OK;
}

static void ping(struct os_node *node, const struct pingpong_params *p)
{
    struct port *port = node->port;
    for (int64_t i = 0; i < p->warmup; i++)
        if (!round_trip(node, p, (uint64_t)i))
            return;
    port_window(port, true, 1);
    for (int64_t i = 0; i < p->rounds; i++) {
        sim_time start = port_now(port);
        if (!round_trip(node, p, (uint64_t)(p->warmup + i)))
            return;
        sim_time both = port_now(port) - start;
        double way = (double)both / 2 / (double)SIM_SEC;
        port_measure(port, &measures[M_ONE_WAY], way);
        if (p->size > 0)
            port_measure(port, &measures[M_BANDWIDTH], (double)p->size / way);
        if (p->formula > 0) {
            port_measure(port, &measures[M_FORMULA], (double)p->formula / (double)SIM_SEC);
            port_measure(port, &measures[M_DIFFERENCE],
                         (double)(both - sim_time_mul(p->formula, 2)) / 2 / (double)SIM_SEC);
        }
    }
    port_window(port, false, 1);
}

static void pong(struct os_node *node, const struct pingpong_params *p)
{
    struct nx *nx = os_find(node, &nx_service);
    for (int64_t i = 0; i < p->warmup + p->rounds; i++) {
        struct rope data;
        struct nx_info info = receive(nx, p, &data);
        bool good = info.status == NX_OK && send(nx, p, &data, info.node) == NX_OK;
        rope_fini(&data);
        if (!good) {
            port_fail(node->port, "rank %ld could not echo", (long)p->partner);
            return;
        }
    }
}

static void program(struct os_node *node, const struct program *me)
{
    const struct pingpong_params *p = me->params;
    if (me->rank == 0)
        ping(node, p);
    else if (me->rank == (uint32_t)p->partner)
        pong(node, p);
}

static const struct os_service_ops *const services[] = { &nx_service, NULL };

const struct workload_ops workload_pingpong = {
    .kind = { .name = "pingpong",
              .doc = "Two programs send a message to and fro.",
              .params = params_desc,
              .params_size = sizeof(struct pingpong_params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .services = services,
    .main = program,
};
