/* message_time.c: message time against size in one run: latency, asymptotic rate, half-rate length.
 *
 * The echo test of [Dongarra & Dunigan, UT CS-95-299]: adjacent programs, one-way time is half of a
 * round trip, the asymptotic rate is that of 10^6 bytes, n-half is the length that reaches half of
 * it, on the straight line between the two neighbouring sizes that were measured.
 */
#include "os/nx/nx.h"
#include "workloads/pingpong.h"

#define ECHO_TYPE 1
#define LARGEST 1000000 /* bytes [Dongarra & Dunigan] */

struct message_time_params {
    int64_t rounds, partner;
};

static const struct param params_desc[] = {
    P_INT(message_time_params, rounds, "3", "1", "1000000000",
          "Round trips of each size; the first is not measured when there are more.",
          "ASSUMED(a simulated machine repeats itself; 10 to 50 on a real one)"),
    P_INT(message_time_params, partner, "1", "1", NULL, "Rank of the program that echoes.",
          "Dongarra & Dunigan: adjacent nodes"),
    P_END,
};

enum { M_LATENCY, M_ASYMPTOTE, M_N_HALF };
static const struct measure measures[] = {
    [M_LATENCY] = { "latency", "s", "One-way time of an empty message.",
                    MEASURE_DETERMINISTIC | MEASURE_COLUMN | MEASURE_TOTAL },
    [M_ASYMPTOTE] = { "asymptote", "B/s", "Rate of messages of a million bytes.",
                      MEASURE_DETERMINISTIC | MEASURE_COLUMN | MEASURE_TOTAL },
    [M_N_HALF] = { "n_half", "B", "Length that reaches half of the asymptotic rate.",
                   MEASURE_DETERMINISTIC | MEASURE_COLUMN | MEASURE_TOTAL },
    { .name = NULL }
};

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct message_time_params *p = params;
    if (p->partner >= layout->compute_count)
        return err_set(e, "workload.partner is %ld, but the compute nodes have ranks 0 to %u",
                       (long)p->partner, layout->compute_count - 1);
    return true;
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    (void)layout;
    return (uint32_t)((const struct message_time_params *)params)->partner + 1;
}

/* The sizes in order: 0, then doubling, then the largest. */
static uint64_t next_size(uint64_t size)
{
    if (size == 0)
        return 8;
    return size * 2 < LARGEST ? size * 2 : LARGEST;
}

static void echo(struct os_node *node, const struct message_time_params *p, uint64_t size)
{
    struct nx *nx = os_find(node, &nx_service);
    for (int64_t i = 0; i < p->rounds; i++) {
        struct rope data;
        struct nx_info info = nx_crecv(nx, ECHO_TYPE, size, &data);
        bool good = info.status == NX_OK && nx_csend(nx, ECHO_TYPE, &data, info.node) == NX_OK;
        rope_fini(&data);
        if (!good) {
            port_fail(node->port, "an echo of %lu bytes failed", (unsigned long)size);
            return;
        }
    }
}

/* Mean one-way time in seconds. */
static double measure(struct os_node *node, const struct message_time_params *p, uint64_t size)
{
    struct nx *nx = os_find(node, &nx_service);
    sim_time start = port_now(node->port);
    int64_t counted = p->rounds;
    for (int64_t i = 0; i < p->rounds; i++) {
        if (i == 1) {
            start = port_now(node->port);
            counted--;
        }
        struct rope out, in, want;
        rope_init(&out);
        rope_add_pattern(&out, size + (uint64_t)i, 0, size);
        rope_copy(&want, &out);
        struct nx_info info =
            nx_csendrecv(nx, ECHO_TYPE, &out, (uint32_t)p->partner, ECHO_TYPE, size, &in);
        if (info.status != NX_OK || !rope_equal(&in, &want))
            port_fail(node->port, "the echo of %lu bytes is wrong", (unsigned long)size);
        rope_fini(&out);
        rope_fini(&in);
        rope_fini(&want);
    }
    return (double)(port_now(node->port) - start) / (double)(2 * counted) / (double)SIM_SEC;
}

static void program(struct os_node *node, const struct program *me)
{
    const struct message_time_params *p = me->params;
    if (me->rank != 0 && me->rank != (uint32_t)p->partner)
        return;
    double sizes[32], rates[32];
    size_t count = 0;
    if (me->rank == 0)
        port_window(node->port, true, 1);
    for (uint64_t size = 0;; size = next_size(size)) {
        if (me->rank == 0) {
            double way = measure(node, p, size);
            if (size == 0)
                port_measure(node->port, &measures[M_LATENCY], way);
            sizes[count] = (double)size;
            rates[count++] = (double)size / way;
        } else {
            echo(node, p, size);
        }
        if (size == LARGEST)
            break;
    }
    if (me->rank != 0)
        return;
    port_window(node->port, false, 1);
    double half = rates[count - 1] / 2;
    port_measure(node->port, &measures[M_ASYMPTOTE], rates[count - 1]);
    for (size_t i = 1; i < count; i++)
        if (rates[i] >= half) {
            double part = (half - rates[i - 1]) / (rates[i] - rates[i - 1]);
            port_measure(node->port, &measures[M_N_HALF],
                         sizes[i - 1] + part * (sizes[i] - sizes[i - 1]));
            break;
        }
}

static const struct os_service_ops *const services[] = { &nx_service, NULL };

const struct workload_ops workload_message_time = {
    .kind = { .name = "message_time",
              .doc = "Message time against size: latency, asymptotic rate, half-rate length.",
              .params = params_desc,
              .params_size = sizeof(struct message_time_params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .services = services,
    .main = program,
};
