/* tcp_streams.c: streams of bytes between programs, over TCP.
 *
 * Each of `flows` programs connects to another and sends `bytes` in pieces of `chunk`, with `think`
 * between two; then it finishes, and waits until the other has.  Either all send to one program, or
 * each has one of its own.  Every byte is checked.  How evenly one program was served is Jain's
 * index of the bytes that have come from each since all were connected, when the first has sent all
 * (sim/base/fair.h).  Of the same bytes the senders that are `apart`, far away or late, have a
 * share.
 */
#include <math.h>

#include "os/proto/sock/sock.h"
#include "sim/base/fair.h"
#include "workloads/workload.h"

#define STREAM_PORT 5001
#define TRIES 100           /* to connect, */
#define AGAIN (10 * SIM_MS) /* so long apart: programs start at once, or nearly */

struct tcp_streams_params {
    int64_t flows, bytes, chunk, apart;
    sim_time think, start, late;
    int to;
    const char *over;
};

enum { TO_ONE, TO_EACH };
static const char *const to_names[] = { "one", "each", NULL };

static const struct param params_desc[] = {
    P_INT(tcp_streams_params, flows, "1", "1", "1000000", "Programs that send.",
          "ASSUMED(the simplest)"),
    P_SIZE(tcp_streams_params, bytes, "1MiB", "1B", "1TiB", "Bytes that each sends.",
           "ASSUMED(as long as several hundred segments)"),
    P_SIZE(tcp_streams_params, chunk, "8KiB", "1B", "1GiB", "Bytes of one call.",
           "ASSUMED(a block of a file)"),
    P_TIME(tcp_streams_params, think, "0", "0", "1h", "Time between two calls.",
           "ASSUMED(none: as fast as it goes)"),
    P_TIME(tcp_streams_params, start, "0", "0", "1h",
           "Each begins at a time that is drawn, at most this.", "ASSUMED(all at once)"),
    P_INT(tcp_streams_params, apart, "0", "0", "1000000",
          "So many senders, the last, are told apart from the others.", "ASSUMED(none)"),
    P_TIME(tcp_streams_params, late, "0", "0", "1h", "And begin so much later.",
           "ASSUMED(with the others)"),
    P_CHOICE(tcp_streams_params, to, "one", to_names,
             "All send to one program, or each to one of its own."),
    P_STRING(tcp_streams_params, over, "sock", "Instance of the graph: of protocol sock.",
             "ASSUMED(its usual name)"),
    P_END,
};

static const struct measure rate = { "tcp_streams.goodput", "B/s",
                                     "Bytes that programs received, over the time of all.",
                                     MEASURE_DETERMINISTIC | MEASURE_COLUMN };
enum { M_FLOW, M_CONNECT, M_FAIRNESS, M_SHARE };
static const struct measure measures[] = {
    [M_FLOW] = { "flow", "B/s", "Bytes of one stream over its time, from its connection on.",
                 MEASURE_COLUMN | MEASURE_TOTAL },
    [M_CONNECT] = { "connect", "s", "Time to make a connection.", MEASURE_TOTAL },
    [M_FAIRNESS] = { "fairness", "1",
                     "Jain's index of the bytes from each sender, from when all were connected to "
                     "when the first had sent all.",
                     MEASURE_DETERMINISTIC | MEASURE_TOTAL },
    [M_SHARE] = { "apart_share", "1",
                  "Of the same bytes, those of a sender that is apart over those of another.",
                  MEASURE_DETERMINISTIC | MEASURE_TOTAL },
    { .name = NULL }
};

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    const struct tcp_streams_params *p = params;
    (void)layout;
    return (uint32_t)(p->to == TO_ONE ? p->flows + 1 : 2 * p->flows);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct tcp_streams_params *p = params;
    if (p->apart > 0 && (p->apart >= p->flows || p->to != TO_ONE))
        return err_set(e,
                       "workload.apart is %ld of %ld flows, to %s: allowed are fewer than all, "
                       "to one",
                       (long)p->apart, (long)p->flows, to_names[p->to]);
    if (programs(params, layout) <= layout->compute_count)
        return true;
    return err_set(e, "workload.flows is %ld, to %s: that takes %u compute nodes, and there are %u",
                   (long)p->flows, to_names[p->to], programs(params, layout),
                   layout->compute_count);
}

/* ---- who receives ---- */

struct receiver {
    struct os_node *node;
    const struct tcp_streams_params *params;
    struct port_thread *main;
    uint32_t count, done; /* streams */
    bool first;           /* one has sent all */
    struct stream {
        struct receiver *of;
        struct sock *sock;
        uint64_t got, before; /* bytes; of these, before all were connected */
        bool apart;
    } * at;
};

/* One has sent all: how the bytes are shared since all were connected. */
static void measure_shares(const struct receiver *r)
{
    struct port *port = r->node->port;
    double *x = port_alloc(port, r->count * sizeof *x);
    double of[2] = { 0, 0 };
    uint32_t n[2] = { 0, 0 };
    for (uint32_t i = 0; i < r->count; i++) {
        const struct stream *s = &r->at[i];
        x[i] = (double)(s->got - s->before);
        of[s->apart] += x[i];
        n[s->apart]++;
    }
    double index = fair_index(x, r->count);
    if (!isnan(index))
        port_measure(port, &measures[M_FAIRNESS], index);
    if (n[1] > 0 && of[0] > 0)
        port_measure(port, &measures[M_SHARE], of[1] / n[1] / (of[0] / n[0]));
    port_free(port, x);
}

/* The next bytes are those that the sender sent. */
static bool is_right(const struct stream *s, const struct rope *data)
{
    struct rope want;
    struct xk_sessn *sessn = sock_sessn(s->sock);
    bool right = true;
    if (!sessn)
        return true; /* it ended meanwhile: who sent is not known any more */
    rope_init(&want);
    rope_add_pattern(&want, sessn->host, s->got, data->length);
    right = rope_equal(data, &want);
    rope_fini(&want);
    return right;
}

static void receive(void *arg)
{
    struct stream *s = arg;
    struct receiver *r = s->of;
    struct port *port = r->node->port;
    uint64_t all = (uint64_t)r->params->bytes;
    sim_time start = port_now(port);
    for (;;) {
        struct rope data;
        sim_time since = port_now(port);
        enum xk_status why = sock_recv(s->sock, (uint64_t)r->params->chunk, &data);
        uint64_t n = data.length;
        bool right = is_right(s, &data);
        rope_fini(&data);
        if (why != XK_OK || !right)
            port_fail(port, "a stream is wrong at byte %lu: %s", (unsigned long)s->got,
                      right ? xk_status_name(why) : "other bytes");
        if (why != XK_OK || !right || n == 0)
            break;
        s->got += n;
        port_progress(port, since, (double)n);
        if (s->got == all && !r->first) {
            r->first = true;
            measure_shares(r);
        }
    }
    double took = (double)(port_now(port) - start) / (double)SIM_SEC;
    if (took > 0)
        port_measure(port, &measures[M_FLOW], (double)s->got / took);
    sock_close(s->sock);
    r->done++;
    port_thread_wake(port, r->main);
}

/* Is it one of the last `apart`? */
static bool is_apart(const struct receiver *r, const struct xk_sessn *sessn)
{
    const struct tcp_streams_params *p = r->params;
    for (int64_t rank = p->flows - p->apart; rank < p->flows; rank++)
        if (sessn && r->node->places.nodes[rank] == sessn->host)
            return true;
    return false;
}

static void receive_all(struct os_node *node, struct xk_protl *over,
                        const struct tcp_streams_params *p, uint32_t receivers)
{
    struct port *port = node->port;
    struct receiver r = { .node = node, .params = p, .main = port_thread_self(port) };
    uint32_t flows = p->to == TO_ONE ? (uint32_t)p->flows : 1;
    r.at = port_alloc(port, flows * sizeof *r.at);
    port_window(port, true, receivers);
    while (r.count < flows) {
        struct stream *s = &r.at[r.count];
        s->of = &r;
        s->sock = sock_accept(over, STREAM_PORT);
        s->apart = is_apart(&r, sock_sessn(s->sock));
        r.count++;
        for (uint32_t i = 0; i < r.count && !r.first; i++)
            r.at[i].before = r.at[i].got;
        if (!port_thread_spawn(port, "stream", receive, s, 0)) {
            port_fail(port, "there is no room for a thread of stream %u", r.count - 1);
            return;
        }
    }
    while (r.done < flows)
        port_thread_block(port, "streams to end", 0);
    port_window(port, false, receivers);
    port_free(port, r.at);
}

/* ---- who sends ---- */

static enum xk_status send_all(struct port *port, struct sock *s,
                               const struct tcp_streams_params *p)
{
    struct rope data;
    enum xk_status why = XK_OK;
    for (uint64_t at = 0; at < (uint64_t)p->bytes && why == XK_OK;) {
        uint64_t left = (uint64_t)p->bytes - at;
        uint64_t n = left < (uint64_t)p->chunk ? left : (uint64_t)p->chunk;
        if (at > 0 && p->think > 0)
            port_thread_sleep(port, p->think);
        rope_init(&data);
        rope_add_pattern(&data, port_node(port), at, n);
        why = sock_send(s, &data);
        at += n;
    }
    if (why != XK_OK)
        return why;
    sock_finish(s);
    why = sock_recv(s, 1, &data); /* its end */
    rope_fini(&data);
    return why;
}

static void send_one(struct os_node *node, struct xk_protl *over,
                     const struct tcp_streams_params *p, uint32_t rank, uint32_t to)
{
    struct port *port = node->port;
    struct xk_parts peer = xk_node(to);
    enum xk_status why;
    if (p->start > 0)
        port_thread_sleep(port, (sim_time)port_random_below(port, (uint64_t)p->start));
    if (rank >= p->flows - p->apart && p->late > 0)
        port_thread_sleep(port, p->late);
    sim_time start = port_now(port);
    xk_part_push(&peer, XK_PART_PORT, STREAM_PORT);
    struct sock *s = sock_connect(over, peer, &why);
    for (uint32_t i = 0; !s && why == XK_REFUSED && i < TRIES; i++) { /* it does not listen yet */
        port_thread_sleep(port, AGAIN);
        s = sock_connect(over, peer, &why);
    }
    if (!s) {
        port_fail(port, "rank %u could not connect: %s", rank, xk_status_name(why));
        return;
    }
    port_measure(port, &measures[M_CONNECT], (double)(port_now(port) - start) / (double)SIM_SEC);
    why = send_all(port, s, p);
    if (why != XK_OK)
        port_fail(port, "rank %u could not send: %s", rank, xk_status_name(why));
    sock_close(s);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct tcp_streams_params *p = me->params;
    uint32_t flows = (uint32_t)p->flows, receivers = p->to == TO_ONE ? 1 : flows;
    struct xk_protl *over = xk_find(node->xk, p->over);
    if (me->rank < flows) {
        uint32_t to = flows + (p->to == TO_ONE ? 0 : me->rank);
        send_one(node, over, p, me->rank, node->places.nodes[to]);
    } else {
        enum xk_status why = sock_listen(over, STREAM_PORT);
        if (why != XK_OK)
            port_fail(node->port, "rank %u could not listen: %s", me->rank, xk_status_name(why));
        else
            receive_all(node, over, p, receivers);
    }
}

static const struct workload_instance instances[] = {
    { "over", offsetof(struct tcp_streams_params, over), &sock_protl },
    { .name = NULL },
};

const struct workload_ops workload_tcp = {
    .kind = { .name = "tcp",
              .doc = "Streams of bytes between programs, over TCP.",
              .params = params_desc,
              .params_size = sizeof(struct tcp_streams_params) },
    .measures = measures,
    .rate = &rate,
    .instances = instances,
    .check = check,
    .programs = programs,
    .main = program,
};
