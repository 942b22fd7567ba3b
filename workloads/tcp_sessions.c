/* tcp_sessions.c: many short connections: connect, ask, be answered, close.
 *
 * One program answers: one thread, which waits for all of its sockets by select.  Each of `clients`
 * others makes `sessions` connections, one after another: it sends `request` bytes, receives
 * `reply` bytes, each of which is checked, and closes.  The server has clients probed that are
 * silent for long, for they may have died.
 */
#include "os/proto/sock/fd.h"
#include "workloads/workload.h"

#define SESSION_PORT 5002
#define TRIES 100           /* to connect, */
#define AGAIN (10 * SIM_MS) /* so long apart: the server may not listen yet */
#define REPLY_SEED 77

struct tcp_sessions_params {
    int64_t clients, sessions, request, reply;
    bool nodelay;
    const char *over;
};

static const struct param params_desc[] = {
    P_INT(tcp_sessions_params, clients, "1", "1", "1000", "Programs that ask.",
          "ASSUMED(the simplest)"),
    P_INT(tcp_sessions_params, sessions, "32", "1", "3000",
          "Connections that each makes, one after another.",
          "ASSUMED(as many as show a mean; each takes a port for twice the life of a segment)"),
    P_SIZE(tcp_sessions_params, request, "100B", "1B", "1GiB", "Bytes that a client sends.",
           "ASSUMED(a line that names what is wanted)"),
    P_SIZE(tcp_sessions_params, reply, "1KiB", "1B", "1GiB", "Bytes that it is answered with.",
           "ASSUMED(a small file)"),
    P_BOOL(tcp_sessions_params, nodelay, "true",
           "The last segment of a reply does not wait for an acknowledgement, which the client "
           "delays."),
    P_STRING(tcp_sessions_params, over, "sock", "Instance of the graph: of protocol sock.",
             "ASSUMED(its usual name)"),
    P_END,
};

static const struct measure rate = { "tcp_sessions.rate", "1/s",
                                     "Connections that were made, used and closed.",
                                     MEASURE_DETERMINISTIC | MEASURE_COLUMN };
enum { M_SESSION, M_CONNECT };
static const struct measure measures[] = {
    [M_SESSION] = { "session", "s", "From the call that connects until that which closes is done.",
                    MEASURE_COLUMN },
    [M_CONNECT] = { "connect", "s", "The first of these calls.", 0 },
    { .name = NULL }
};

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    const struct tcp_sessions_params *p = params;
    (void)layout;
    return (uint32_t)p->clients + 1;
}

/* Says what went wrong. */
static void broke(struct port *port, const char *call, enum sock_error e)
{
    port_fail(port, "a session breaks off: %s is answered %s", call, sock_error_name(e));
}

/* ---- who asks ---- */

static enum sock_error connect_to(struct port *port, struct sock_fds *f, uint32_t node, int *fd)
{
    struct xk_parts peer = xk_node(node);
    xk_part_push(&peer, XK_PART_PORT, SESSION_PORT);
    enum sock_error e = fd_socket(f, SOCK_STREAM, fd);
    if (e == SOCK_OK)
        e = fd_connect(f, *fd, peer);
    for (uint32_t i = 0; e == SOCK_ECONNREFUSED && i < TRIES; i++) {
        port_thread_sleep(port, AGAIN);
        e = fd_connect(f, *fd, peer);
    }
    return e;
}

static enum sock_error ask(struct sock_fds *f, int fd, uint64_t bytes)
{
    struct rope data;
    rope_init(&data);
    rope_add_zero(&data, bytes);
    enum sock_error e = fd_send(f, fd, &data, false);
    rope_fini(&data);
    return e;
}

/* All of the reply, and that it is right. */
static bool answered(struct port *port, struct sock_fds *f, int fd, uint64_t bytes)
{
    for (uint64_t got = 0; got < bytes;) {
        struct rope data, want;
        enum sock_error e = fd_recv(f, fd, bytes - got, &data, NULL);
        rope_init(&want);
        rope_add_pattern(&want, REPLY_SEED, got, data.length);
        bool right = rope_equal(&data, &want);
        uint64_t n = data.length;
        rope_fini(&want);
        rope_fini(&data);
        if (e != SOCK_OK || n == 0) {
            broke(port, "recv", e);
            return false;
        }
        if (!right) {
            port_fail(port, "a reply differs behind byte %lu", (unsigned long)got);
            return false;
        }
        got += n;
    }
    return true;
}

static bool session(struct port *port, struct sock_fds *f, const struct tcp_sessions_params *p,
                    uint32_t node)
{
    int fd = -1;
    sim_time since = port_now(port);
    enum sock_error e = connect_to(port, f, node, &fd);
    port_measure(port, &measures[M_CONNECT], (double)(port_now(port) - since) / (double)SIM_SEC);
    if (e == SOCK_OK)
        e = ask(f, fd, (uint64_t)p->request);
    if (e != SOCK_OK) {
        broke(port, "connect or send", e);
        return false;
    }
    if (!answered(port, f, fd, (uint64_t)p->reply))
        return false;
    (void)fd_close(f, fd);
    port_pay(port);
    port_progress(port, since, 1);
    port_measure(port, &measures[M_SESSION], (double)(port_now(port) - since) / (double)SIM_SEC);
    return true;
}

static void client(struct os_node *node, struct sock_fds *f, const struct tcp_sessions_params *p,
                   uint32_t server)
{
    struct port *port = node->port;
    bool good = session(port, f, p, server); /* addresses are learned, and the server listens */
    port_window(port, true, (uint32_t)p->clients);
    for (int64_t i = 0; i < p->sessions && good; i++)
        good = session(port, f, p, server);
    port_window(port, false, (uint32_t)p->clients);
}

/* ---- who answers ---- */

struct server {
    struct port *port;
    struct sock_fds *f;
    const struct tcp_sessions_params *p;
    struct sock_set open;
    uint64_t asked[SOCK_FDS]; /* bytes of the request that have come */
    int64_t ended;
};

/* Something comes on a connection: false: it is broken. */
static bool serve(struct server *s, int fd)
{
    struct rope data;
    enum sock_error e = fd_recv(s->f, fd, (uint64_t)s->p->request, &data, NULL);
    uint64_t n = data.length;
    rope_fini(&data);
    s->asked[fd] += n;
    if (e == SOCK_OK && n == 0) { /* the client has closed */
        s->asked[fd] = 0;
        s->open.bits[fd / 64] &= ~(UINT64_C(1) << fd % 64);
        s->ended++;
        return fd_close(s->f, fd) == SOCK_OK;
    }
    if (e == SOCK_OK && s->asked[fd] == (uint64_t)s->p->request) {
        rope_init(&data);
        rope_add_pattern(&data, REPLY_SEED, 0, (uint64_t)s->p->reply);
        e = fd_send(s->f, fd, &data, false);
        rope_fini(&data);
    }
    if (e != SOCK_OK)
        broke(s->port, "recv or send of the server", e);
    return e == SOCK_OK;
}

/* What select names: a new connection, or bytes. */
static bool turn(struct server *s, int listener, int fd)
{
    int c = -1;
    if (fd != listener)
        return serve(s, fd);
    enum sock_error e = fd_accept(s->f, listener, &c);
    if (e == SOCK_OK)
        sock_set_add(&s->open, c);
    else
        broke(s->port, "accept", e);
    return e == SOCK_OK;
}

static void server(struct server *s)
{
    int listener = -1;
    enum sock_error e = fd_socket(s->f, SOCK_STREAM, &listener);
    bool good = e == SOCK_OK && (e = fd_bind(s->f, listener, SESSION_PORT)) == SOCK_OK &&
                (e = fd_set_option(s->f, listener, SOCK_NODELAY, s->p->nodelay)) == SOCK_OK &&
                (e = fd_set_option(s->f, listener, SOCK_KEEPALIVE, 1)) == SOCK_OK &&
                (e = fd_listen(s->f, listener, (uint32_t)s->p->clients)) == SOCK_OK;
    if (!good)
        broke(s->port, "bind or listen", e);
    sock_set_add(&s->open, listener);
    while (good && s->ended < s->p->clients * (s->p->sessions + 1)) {
        struct sock_set read = s->open;
        uint32_t count = 0;
        good = fd_select(s->f, &read, NULL, NULL, SIM_NEVER, &count) == SOCK_OK;
        for (int fd = 0; fd < SOCK_FDS && good; fd++)
            good = !sock_set_has(&read, fd) || turn(s, listener, fd);
    }
}

static void program(struct os_node *node, const struct program *me)
{
    const struct tcp_sessions_params *p = me->params;
    struct sock_fds *f = sock_fds_new(xk_find(node->xk, p->over));
    if (me->rank > 0) {
        client(node, f, p, node->places.nodes[0]);
    } else {
        struct server *s = port_alloc(node->port, sizeof *s);
        s->port = node->port;
        s->f = f;
        s->p = p;
        server(s);
        port_free(node->port, s);
    }
    sock_fds_exit(f);
}

static const struct workload_instance instances[] = {
    { "over", offsetof(struct tcp_sessions_params, over), &sock_protl },
    { .name = NULL },
};

const struct workload_ops workload_tcp_sessions = {
    .kind = { .name = "tcp_sessions",
              .doc = "Many short connections to a server of one thread, over TCP.",
              .params = params_desc,
              .params_size = sizeof(struct tcp_sessions_params) },
    .measures = measures,
    .rate = &rate,
    .instances = instances,
    .programs = programs,
    .main = program,
};
