/* datagrams.c: requests and answers over sockets of datagrams: sendto, recvfrom, select.
 *
 * One program answers: one thread, which waits at `ports` sockets by select.  Each of `clients`
 * others asks at one of these, one request after another: one that is not answered within `wait`
 * is sent again, `tries` times in all.  The server ends when nobody has asked for so long as the
 * last of a client's tries takes.
 *
 * A request begins with its number, 4 bytes, big-endian, and so does the answer to it.
 */
#include "os/proto/sock/fd.h"
#include "workloads/workload.h"

#define FIRST_PORT 5010
#define AGAIN (10 * SIM_MS) /* where nobody has the port: the server may not have begun */
#define NUMBER 4
#define REPLY_SEED 78

struct datagrams_params {
    int64_t clients, ports, requests, each, request, reply, tries;
    sim_time wait;
    bool connected;
    const char *over;
};

static const struct param params_desc[] = {
    P_INT(datagrams_params, clients, "1", "1", "1000", "Programs that ask.",
          "ASSUMED(the simplest)"),
    P_INT(datagrams_params, ports, "1", "1", "64", "Sockets of who answers, each with a port.",
          "ASSUMED(the simplest)"),
    P_INT(datagrams_params, requests, "64", "1", "1000000", "Requests of each, one after another.",
          "ASSUMED(as many as show a mean)"),
    P_INT(datagrams_params, each, "0", "0", "1000000",
          "Requests by one socket, then it is closed and another made; 0: all.",
          "ASSUMED(a program keeps its socket)"),
    P_SIZE(datagrams_params, request, "100B", "4B", "65507B", "Bytes of a request.",
           "ASSUMED(a line that names what is wanted)"),
    P_SIZE(datagrams_params, reply, "1KiB", "4B", "65507B", "Bytes of its answer.",
           "ASSUMED(a small record)"),
    P_INT(datagrams_params, tries, "8", "1", "1000", "Times that a request is sent at most.",
          "ASSUMED(one in ten lost, both ways, leaves one of 500,000)"),
    P_TIME(datagrams_params, wait, "500ms", "1us", "1h",
           "Time for an answer, then a request is sent again.",
           "ASSUMED(many round trips, also where each packet waits for a server)"),
    P_BOOL(datagrams_params, connected, "true",
           "A client connects its socket: it hears errors, and its peer alone."),
    P_STRING(datagrams_params, over, "sock", "Instance of the graph: of protocol sock.",
             "ASSUMED(its usual name)"),
    P_END,
};

static const struct measure rate = { "datagrams.rate", "1/s", "Requests that were answered.",
                                     MEASURE_DETERMINISTIC | MEASURE_COLUMN };
enum { M_ROUND, M_AGAIN };
static const struct measure measures[] = {
    [M_ROUND] = { "round", "s", "From the call that sends a request until its answer is there.",
                  MEASURE_COLUMN },
    [M_AGAIN] = { "again", "1", "Times that a request was sent again.", 0 },
    { .name = NULL }
};

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    const struct datagrams_params *p = params;
    (void)layout;
    return (uint32_t)p->clients + 1;
}

static void broke(struct port *port, const char *call, enum sock_error e)
{
    port_fail(port, "a socket of datagrams breaks off: %s is answered %s", call,
              sock_error_name(e));
}

static void numbered(struct rope *out, uint32_t number)
{
    uint8_t wire[NUMBER];
    wire_put32(wire, number);
    rope_init(out);
    rope_add_bytes(out, wire, sizeof wire);
}

static uint32_t number_of(const struct rope *data)
{
    uint8_t wire[NUMBER];
    rope_read(data, 0, sizeof wire, wire);
    return wire_get32(wire);
}

static void make_reply(struct rope *out, uint32_t number, int64_t bytes)
{
    numbered(out, number);
    rope_add_pattern(out, REPLY_SEED, number, (uint64_t)bytes - NUMBER);
}

/* ---- who asks ---- */

struct client {
    struct port *port;
    struct sock_fds *f;
    const struct datagrams_params *p;
    struct xk_parts peer;
    int fd;
    uint32_t number;
};

static enum sock_error send_one(struct client *c)
{
    struct rope data;
    numbered(&data, c->number);
    rope_add_zero(&data, (uint64_t)c->p->request - NUMBER);
    enum sock_error e = c->p->connected ? fd_send(c->f, c->fd, &data, false)
                                        : fd_sendto(c->f, c->fd, &data, c->peer);
    rope_fini(&data);
    return e;
}

/* The answer to that request; one to an older is dropped.  EWOULDBLOCK: none in time. */
static enum sock_error take_answer(struct client *c)
{
    sim_time until = port_now(c->port) + c->p->wait;
    for (;;) {
        struct sock_set read = { { 0 } };
        struct rope data, want;
        uint32_t count = 0;
        sim_time now = port_now(c->port);
        sock_set_add(&read, c->fd);
        enum sock_error e =
            fd_select(c->f, &read, NULL, NULL, now < until ? until - now : 0, &count);
        if (e != SOCK_OK || count == 0)
            return e != SOCK_OK ? e : SOCK_EWOULDBLOCK;
        e = fd_recv(c->f, c->fd, (uint64_t)c->p->reply, &data, NULL);
        bool mine = e == SOCK_OK && data.length >= NUMBER && number_of(&data) == c->number;
        make_reply(&want, c->number, c->p->reply);
        bool right = !mine || rope_equal(&data, &want);
        rope_fini(&want);
        rope_fini(&data);
        if (!right)
            port_fail(c->port, "the answer to request %u differs", c->number);
        if (e != SOCK_OK || mine)
            return e;
    }
}

/* One request, until it is answered; `early`: so long as nobody has the port, too. */
static bool ask(struct client *c, bool early)
{
    enum sock_error e = SOCK_EWOULDBLOCK;
    sim_time since = port_now(c->port);
    int64_t tries = 0;
    c->number++;
    while (tries < c->p->tries && (e == SOCK_EWOULDBLOCK || (early && e == SOCK_ECONNREFUSED))) {
        if (e == SOCK_ECONNREFUSED)
            port_thread_sleep(c->port, AGAIN);
        e = send_one(c);
        if (e == SOCK_OK)
            e = take_answer(c);
        tries += e != SOCK_ECONNREFUSED || port_now(c->port) - since > c->p->wait;
    }
    if (e != SOCK_OK) {
        broke(c->port, "a request", e == SOCK_EWOULDBLOCK ? SOCK_ETIMEDOUT : e);
        return false;
    }
    port_pay(c->port);
    port_progress(c->port, since, 1);
    port_measure(c->port, &measures[M_ROUND], (double)(port_now(c->port) - since) / SIM_SEC);
    port_measure(c->port, &measures[M_AGAIN], (double)(tries - 1));
    return true;
}

static bool open_socket(struct client *c)
{
    enum sock_error e = fd_socket(c->f, SOCK_DGRAM, &c->fd);
    if (e == SOCK_OK)
        e = c->p->connected ? fd_connect(c->f, c->fd, c->peer) : fd_bind(c->f, c->fd, 0);
    if (e != SOCK_OK)
        broke(c->port, "connect or bind", e);
    return e == SOCK_OK;
}

static void client(struct client *c, uint32_t rank, uint32_t server)
{
    c->peer = xk_node(server);
    xk_part_push(&c->peer, XK_PART_PORT, FIRST_PORT + (rank - 1) % (uint32_t)c->p->ports);
    /* addresses are learned, and the server is there */
    bool good = open_socket(c) && ask(c, true);
    port_window(c->port, true, (uint32_t)c->p->clients);
    for (int64_t i = 0; i < c->p->requests && good; i++) {
        if (c->p->each > 0 && i % c->p->each == 0) {
            (void)fd_close(c->f, c->fd);
            good = open_socket(c);
        }
        good = good && ask(c, false);
    }
    port_window(c->port, false, (uint32_t)c->p->clients);
}

/* ---- who answers ---- */

static bool answer(struct port *port, struct sock_fds *f, const struct datagrams_params *p, int fd)
{
    struct rope data;
    struct sock_name from;
    enum sock_error e = fd_recv(f, fd, (uint64_t)p->request, &data, &from);
    bool whole = e == SOCK_OK && data.length == (uint64_t)p->request;
    uint32_t number = whole ? number_of(&data) : 0;
    rope_fini(&data);
    if (whole) {
        struct xk_parts to = xk_any();
        xk_part_push(&to, XK_PART_ADDRESS, from.address);
        xk_part_push(&to, XK_PART_PORT, from.port);
        make_reply(&data, number, p->reply);
        e = fd_sendto(f, fd, &data, to);
        rope_fini(&data);
    }
    if (e != SOCK_OK)
        broke(port, "recvfrom or sendto of the server", e);
    return e == SOCK_OK;
}

static void server(struct port *port, struct sock_fds *f, const struct datagrams_params *p)
{
    struct sock_set open = { { 0 } };
    sim_time quiet = p->wait * (p->tries + 1);
    bool good = true;
    for (int64_t i = 0; i < p->ports && good; i++) {
        int fd = -1;
        enum sock_error e = fd_socket(f, SOCK_DGRAM, &fd);
        if (e == SOCK_OK)
            e = fd_bind(f, fd, (uint16_t)(FIRST_PORT + i));
        good = e == SOCK_OK;
        if (good)
            sock_set_add(&open, fd);
        else
            broke(port, "socket or bind of the server", e);
    }
    for (uint32_t count = 1; good && count > 0;) {
        struct sock_set read = open;
        enum sock_error e = fd_select(f, &read, NULL, NULL, quiet, &count);
        good = e == SOCK_OK;
        for (int fd = 0; fd < SOCK_FDS && good; fd++)
            good = !sock_set_has(&read, fd) || answer(port, f, p, fd);
    }
}

static void program(struct os_node *node, const struct program *me)
{
    const struct datagrams_params *p = me->params;
    struct sock_fds *f = sock_fds_new(xk_find(node->xk, p->over));
    struct client c = { .port = node->port, .f = f, .p = p };
    if (me->rank > 0)
        client(&c, me->rank, node->places.nodes[0]);
    else
        server(node->port, f, p);
    sock_fds_exit(f);
}

static const struct workload_instance instances[] = {
    { "over", offsetof(struct datagrams_params, over), &sock_protl },
    { .name = NULL },
};

const struct workload_ops workload_datagrams = {
    .kind = { .name = "datagrams",
              .doc = "Requests and answers over sockets of datagrams.",
              .params = params_desc,
              .params_size = sizeof(struct datagrams_params) },
    .measures = measures,
    .rate = &rate,
    .instances = instances,
    .programs = programs,
    .main = program,
};
