/* tcp_streams.c: streams of bytes between programs, over TCP.
 *
 * Each of `flows` programs connects to another and sends `bytes` in pieces of `chunk`, with `think`
 * between two; then it is `idle`, finishes, and waits until the other has.  Either all send to one
 * program, or each has one of its own, or some share one.  Every byte is checked.  How evenly one
 * program was served is Jain's index of the bytes that have come from each since all were
 * connected, when the first has sent all (sim/base/fair.h).  Of the same bytes the senders that are
 * `apart`, far away or late, have a share.
 */
#include <math.h>

#include "os/proto/sock/sock.h"
#include "os/xk/domain.h"
#include "sim/base/fair.h"
#include "workloads/workload.h"

#define STREAM_PORT 5001
#define TRIES 100           /* to connect, */
#define AGAIN (10 * SIM_MS) /* so long apart: programs start at once, or nearly */

struct tcp_streams_params {
    int64_t flows, bytes, chunk, apart, receivers;
    sim_time think, start, late, idle;
    int to;
    bool again;
    const char *over;
};

enum { TO_ONE, TO_EACH, TO_SHARED };
static const char *const to_names[] = { "one", "each", "shared", NULL };

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
    P_TIME(tcp_streams_params, idle, "0", "0", "24h",
           "Each keeps its connection for so long when it has sent all.",
           "ASSUMED(it has no more to do)"),
    P_BOOL(tcp_streams_params, again, "false",
           "And then makes a second one, with which it does the same.",
           "ASSUMED(one connection is enough)"),
    P_CHOICE(tcp_streams_params, to, "one", to_names,
             "All send to one program, or each to one of its own, or in turn to one of several."),
    P_INT(tcp_streams_params, receivers, "1", "1", "1000000", "So many (to = shared).",
          "ASSUMED(the simplest)"),
    P_STRING(tcp_streams_params, over, "sock", "Instance of the graph: of protocol sock.",
             "ASSUMED(its usual name)"),
    P_END,
};

static const struct measure rate = { "tcp_streams.goodput", "B/s",
                                     "Bytes that programs received, over the time of all.",
                                     MEASURE_DETERMINISTIC | MEASURE_COLUMN };
enum { M_FLOW, M_CONNECT, M_FAIRNESS, M_SHARE, M_HEAP, M_AGAIN };
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
    [M_HEAP] = { "idle_heap", "B",
                 "Memory that a connection takes while it is idle: what the heaps of who "
                 "receives, of all domains, have grown by, over its connections.",
                 MEASURE_TOTAL },
    [M_AGAIN] = { "again_heap", "B",
                  "The same of the second connections: with hosts that are known.", MEASURE_TOTAL },
    { .name = NULL }
};

static uint32_t receivers(const struct tcp_streams_params *p)
{
    return (uint32_t)(p->to == TO_ONE ? 1 : p->to == TO_EACH ? p->flows : p->receivers);
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    const struct tcp_streams_params *p = params;
    (void)layout;
    return (uint32_t)p->flows + receivers(p);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct tcp_streams_params *p = params;
    if (p->apart > 0 && (p->apart >= p->flows || p->to != TO_ONE))
        return err_set(e,
                       "workload.apart is %ld of %ld flows, to %s: allowed are fewer than all, "
                       "to one",
                       (long)p->apart, (long)p->flows, to_names[p->to]);
    if (p->to == TO_SHARED && p->receivers > p->flows)
        return err_set(e, "workload.receivers is %ld, for %ld flows: one would have none",
                       (long)p->receivers, (long)p->flows);
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
    uint32_t count, whole, done; /* streams: connected, come whole, ended */
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
        if (s->got == all && r->whole++ == 0)
            measure_shares(r);
        if (s->got == all && r->params->idle > 0)
            port_thread_wake(port, r->main);
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

/* All of the first, or second, have sent all, and keep their connections.  The heap is measured
 * from `heap` on. */
static uint64_t measure_idle(struct receiver *r, uint32_t m, uint32_t whole, uint32_t count,
                             uint64_t heap)
{
    struct port *port = r->node->port;
    while (r->whole < whole)
        port_thread_block(port, "streams to be idle", 0);
    port_thread_sleep(port, r->params->idle / 2);
    uint64_t now = xk_domains_heap(r->node->xk);
    if (r->count == whole)
        port_measure(port, &measures[m], ((double)now - (double)heap) / (double)count);
    return now;
}

/* The receiver of number `own`. */
static void receive_all(struct os_node *node, struct xk_protl *over,
                        const struct tcp_streams_params *p, uint32_t own)
{
    struct port *port = node->port;
    struct receiver r = { .node = node, .params = p, .main = port_thread_self(port) };
    uint32_t all = (uint32_t)p->flows, flows = all / receivers(p) + (own < all % receivers(p));
    uint32_t times = p->again ? 2 : 1;
    r.at = port_alloc(port, times * flows * sizeof *r.at);
    uint64_t heap = xk_domains_heap(node->xk);
    port_window(port, true, receivers(p));
    while (r.count < times * flows) {
        struct stream *s = &r.at[r.count];
        s->of = &r;
        s->sock = sock_accept(over, STREAM_PORT);
        s->apart = is_apart(&r, sock_sessn(s->sock));
        r.count++;
        for (uint32_t i = 0; i < r.count && r.whole == 0; i++)
            r.at[i].before = r.at[i].got;
        if (!port_thread_spawn(port, "stream", receive, s, 0)) {
            port_fail(port, "there is no room for a thread of stream %u", r.count - 1);
            return;
        }
        if (p->again && p->idle > 0 && r.count == flows)
            heap = measure_idle(&r, M_HEAP, flows, flows, heap);
    }
    if (p->idle > 0)
        measure_idle(&r, times > 1 ? M_AGAIN : M_HEAP, times * flows, flows, heap);
    while (r.done < times * flows)
        port_thread_block(port, "streams to end", 0);
    port_window(port, false, receivers(p));
    port_free(port, r.at);
}

/* ---- who sends ---- */

static enum xk_status send_bytes(struct port *port, struct sock *s,
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
    if (why == XK_OK && p->idle > 0)
        port_thread_sleep(port, p->idle);
    return why;
}

static enum xk_status finish(struct sock *s)
{
    struct rope data;
    sock_finish(s);
    enum xk_status why = sock_recv(s, 1, &data); /* its end */
    rope_fini(&data);
    return why;
}

/* NULL: it has said so. */
static struct sock *connect_to(struct port *port, struct xk_protl *over, uint32_t rank, uint32_t to)
{
    struct xk_parts peer = xk_node(to);
    enum xk_status why;
    sim_time start = port_now(port);
    xk_part_push(&peer, XK_PART_PORT, STREAM_PORT);
    struct sock *s = sock_connect(over, peer, &why);
    for (uint32_t i = 0; !s && why == XK_REFUSED && i < TRIES; i++) { /* it does not listen yet */
        port_thread_sleep(port, AGAIN);
        s = sock_connect(over, peer, &why);
    }
    if (s)
        port_measure(port, &measures[M_CONNECT],
                     (double)(port_now(port) - start) / (double)SIM_SEC);
    else
        port_fail(port, "rank %u could not connect: %s", rank, xk_status_name(why));
    return s;
}

static void send_one(struct os_node *node, struct xk_protl *over,
                     const struct tcp_streams_params *p, uint32_t rank, uint32_t to)
{
    struct port *port = node->port;
    struct sock *s[2] = { NULL, NULL };
    uint32_t n = 0, times = p->again ? 2 : 1;
    enum xk_status why = XK_OK;
    if (p->start > 0)
        port_thread_sleep(port, (sim_time)port_random_below(port, (uint64_t)p->start));
    if (rank >= p->flows - p->apart && p->late > 0)
        port_thread_sleep(port, p->late);
    while (n < times && why == XK_OK && (s[n] = connect_to(port, over, rank, to)))
        why = send_bytes(port, s[n++], p);
    for (uint32_t i = 0; i < n && why == XK_OK; i++)
        why = finish(s[i]);
    if (why != XK_OK)
        port_fail(port, "rank %u could not send: %s", rank, xk_status_name(why));
    for (uint32_t i = 0; i < n; i++)
        sock_close(s[i]);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct tcp_streams_params *p = me->params;
    uint32_t flows = (uint32_t)p->flows;
    struct xk_protl *over = xk_find(node->xk, p->over);
    if (me->rank < flows) {
        uint32_t to = flows + me->rank % receivers(p);
        send_one(node, over, p, me->rank, node->places.nodes[to]);
    } else {
        enum xk_status why = sock_listen(over, STREAM_PORT);
        if (why != XK_OK)
            port_fail(node->port, "rank %u could not listen: %s", me->rank, xk_status_name(why));
        else
            receive_all(node, over, p, me->rank - flows);
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
