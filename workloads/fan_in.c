/* fan_in.c: many programs send to one at once.
 *
 * Ranks 1 and up send `messages` each, rank 0 receives whatever comes next, from anybody; the
 * content of every message is checked.  How evenly they were served is Jain's index of the bytes
 * that had come from each when the first of them had sent all: 1 where all had the same, 1 / n
 * where one had everything [Jain, Chiu and Hawe 1984].
 */
#include "os/nx/nx.h"
#include "sim/base/fair.h"
#include "workloads/workload.h"

#define FAN_TYPE 1

struct fan_in_params {
    int64_t senders, messages, size;
};

static const struct param params_desc[] = {
    P_INT(fan_in_params, senders, "0", "0", "1000000",
          "Programs that send; 0: all but the one that receives.", "ASSUMED(all there are)"),
    P_INT(fan_in_params, messages, "20", "1", "1000000", "Messages that each sends.",
          "ASSUMED(a small example)"),
    P_SIZE(fan_in_params, size, "64KiB", "1B", "1GiB", "Length of a message.",
           "ASSUMED(a buffer of a file)"),
    P_END,
};

enum { M_GOODPUT, M_FAIRNESS, M_LONGEST };
static const struct measure measures[] = {
    [M_GOODPUT] = { "goodput", "B/s", "Bytes of messages that came, over the time of all.",
                    MEASURE_DETERMINISTIC | MEASURE_COLUMN | MEASURE_TOTAL },
    [M_FAIRNESS] = { "fairness", "1",
                     "Jain's index of the bytes from each sender when the first had sent all.",
                     MEASURE_DETERMINISTIC | MEASURE_COLUMN | MEASURE_TOTAL },
    [M_LONGEST] = { "longest", "s", "Longest time between two messages of one sender.",
                    MEASURE_DETERMINISTIC | MEASURE_TOTAL },
    { .name = NULL }
};

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct fan_in_params *p = params;
    if (layout->compute_count < 2)
        return err_set(e, "a fan-in needs two compute nodes, one that receives and one that sends");
    if (p->senders >= layout->compute_count)
        return err_set(e,
                       "workload.senders is %ld, but beside the receiver there are %u compute "
                       "nodes",
                       (long)p->senders, layout->compute_count - 1);
    return true;
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    int64_t senders = ((const struct fan_in_params *)params)->senders;
    return senders ? (uint32_t)senders + 1 : layout->compute_count;
}

static uint64_t seed_of(uint32_t rank, uint64_t i)
{
    return (uint64_t)rank << 32 | i;
}

static void send_all(struct os_node *node, const struct fan_in_params *p, uint32_t rank)
{
    struct nx *nx = os_find(node, &nx_service);
    for (uint64_t i = 0; i < (uint64_t)p->messages; i++) {
        struct rope data;
        rope_init(&data);
        rope_add_pattern(&data, seed_of(rank, i), 0, (uint64_t)p->size);
        enum nx_status s = nx_csend(nx, FAN_TYPE, &data, 0);
        rope_fini(&data);
        if (s != NX_OK) {
            port_fail(node->port, "rank %u could not send: %s", rank, nx_status_name(s));
            return;
        }
    }
}

/* What has come from one sender. */
struct fan_from {
    uint64_t messages;
    sim_time last;
};

/* The next message; whose, or NX_NO_NODE: it is wrong. (blocks) */
static uint32_t receive(struct os_node *node, const struct fan_in_params *p, struct fan_from *from,
                        uint32_t count)
{
    struct nx *nx = os_find(node, &nx_service);
    struct rope data, want;
    struct nx_info info = nx_crecv(nx, FAN_TYPE, (uint64_t)p->size, &data);
    uint32_t who =
        info.status == NX_OK && info.node > 0 && info.node < count ? info.node : NX_NO_NODE;
    if (who != NX_NO_NODE) {
        rope_init(&want);
        rope_add_pattern(&want, seed_of(who, from[who].messages), 0, (uint64_t)p->size);
        if (!rope_equal(&data, &want))
            who = NX_NO_NODE;
        rope_fini(&want);
    }
    if (who == NX_NO_NODE)
        port_fail(node->port, "a message is wrong: %s", nx_status_name(info.status));
    rope_fini(&data);
    return who;
}

/* Of all but this node. */
static double jain(struct port *port, const struct fan_from *from, uint32_t count)
{
    double *x = port_alloc(port, (count - 1) * sizeof *x);
    for (uint32_t i = 1; i < count; i++)
        x[i - 1] = (double)from[i].messages;
    double index = fair_index(x, count - 1);
    port_free(port, x);
    return index;
}

static void receive_all(struct os_node *node, const struct fan_in_params *p, uint32_t count)
{
    struct port *port = node->port;
    struct fan_from *from = port_alloc(port, count * sizeof *from);
    uint64_t all = (uint64_t)(count - 1) * (uint64_t)p->messages;
    sim_time start = port_now(port), longest = 0;
    double fairness = 0;
    for (uint32_t i = 0; i < count; i++)
        from[i].last = start;
    port_window(port, true, 1);
    for (uint64_t i = 0; i < all; i++) {
        uint32_t who = receive(node, p, from, count);
        if (who == NX_NO_NODE)
            break;
        sim_time now = port_now(port);
        longest = sim_time_max(longest, now - from[who].last);
        from[who].last = now;
        if (++from[who].messages == (uint64_t)p->messages && fairness == 0)
            fairness = jain(port, from, count);
    }
    port_window(port, false, 1);
    double took = (double)(port_now(port) - start) / (double)SIM_SEC;
    port_measure(port, &measures[M_GOODPUT], (double)(all * (uint64_t)p->size) / took);
    port_measure(port, &measures[M_FAIRNESS], fairness);
    port_measure(port, &measures[M_LONGEST], (double)longest / (double)SIM_SEC);
    port_free(port, from);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct fan_in_params *p = me->params;
    if (me->rank == 0)
        receive_all(node, p, me->ranks);
    else
        send_all(node, p, me->rank);
}

static const struct os_service_ops *const services[] = { &nx_service, NULL };

const struct workload_ops workload_fan_in = {
    .kind = { .name = "fan_in",
              .doc = "Many programs send to one at once.",
              .params = params_desc,
              .params_size = sizeof(struct fan_in_params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .services = services,
    .main = program,
};
