/* tcp_errors.c: what goes wrong with sockets, one thing a run: the program meets it, and says so.
 *
 * Rank 0 is a client, rank 1 its server.  The run fails with the call, the error of 4.4BSD and what
 * it means; it ends well only where there was none.
 */
#include "os/proto/sock/fd.h"
#include "workloads/workload.h"

#define PORT 5001
#define TABLES 64           /* programs of the client's host, of SOCK_FDS descriptors each */
#define PIECE 1000u         /* bytes that are sent at a time, */
#define PACE (20 * SIM_MS)  /* so long apart */
#define QUIET (2 * SIM_SEC) /* the server ends when nobody has come for so long */

struct tcp_errors_params {
    int what;
    const char *over;
};

enum { NONE, IN_USE, NO_PORT, REFUSED, NO_HOST, RESET, GONE };
static const char *const what_names[] = { "none",    "in_use", "no_port", "refused",
                                          "no_host", "reset",  "gone",    NULL };

static const struct param params_desc[] = {
    P_CHOICE(tcp_errors_params, what, "none", what_names,
             "none; in_use: a port is bound twice; no_port: connections until the host has no port "
             "left; refused: nobody listens; no_host: an address that nobody has; reset: the peer "
             "breaks off; gone: it does not answer any more, for its node has crashed."),
    P_STRING(tcp_errors_params, over, "sock", "Instance of the graph: of protocol sock.",
             "ASSUMED(its usual name)"),
    P_END,
};

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    (void)params;
    if (layout->compute_count >= 2)
        return true;
    return err_set(e, "a client and a server take two compute nodes, and there is %u",
                   layout->compute_count);
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    (void)params;
    (void)layout;
    return 2;
}

static const char *meaning(enum sock_error e)
{
    switch (e) {
    case SOCK_EADDRINUSE:
        return "somebody has that port";
    case SOCK_EADDRNOTAVAIL:
        return "all ports of the host are taken";
    case SOCK_ECONNREFUSED:
        return "nobody listens there";
    case SOCK_ECONNRESET:
        return "the peer has broken off";
    case SOCK_ETIMEDOUT:
        return "the peer does not answer";
    case SOCK_EHOSTUNREACH:
        return "there is no way to that host";
    default:
        return "that was not expected";
    }
}

/* True: it went well; else the run says so. */
static bool well(struct os_node *node, const char *call, enum sock_error e)
{
    if (e != SOCK_OK)
        port_fail(node->port, "%s: %s: %s", call, sock_error_name(e), meaning(e));
    return e == SOCK_OK;
}

/* ---- the client ---- */

static enum sock_error connect_to(struct sock_fds *f, int *fd, struct xk_parts host)
{
    enum sock_error e = fd_socket(f, SOCK_STREAM, fd);
    xk_part_push(&host, XK_PART_PORT, PORT);
    return e == SOCK_OK ? fd_connect(f, *fd, host) : e;
}

/* Connections, each held, until one cannot be made; programs of a host share its ports. */
static void take_all(struct os_node *node, struct xk_protl *sock, struct xk_parts host)
{
    struct sock_fds *tables[TABLES];
    enum sock_error e = SOCK_EMFILE;
    uint32_t count = 0;
    int fd;
    while (count < TABLES && e == SOCK_EMFILE) {
        tables[count] = sock_fds_new(sock);
        do
            e = connect_to(tables[count], &fd, host);
        while (e == SOCK_OK);
        count++;
    }
    well(node, "connect", e);
    while (count > 0)
        sock_fds_exit(tables[--count]);
}

/* An address on the same network that no node has. */
static struct xk_parts nobody(struct sock_fds *f, int fd)
{
    struct xk_parts parts = { .count = 0 };
    struct sock_name me = { .address = 0 };
    (void)fd_name(f, fd, &me);
    xk_part_push(&parts, XK_PART_ADDRESS, (me.address & ~UINT32_C(255)) | 254);
    return parts;
}

/* Sends for a second, and on as long as it goes wrong. */
static void talk(struct os_node *node, struct sock_fds *f, int fd, bool on)
{
    enum sock_error e = SOCK_OK;
    struct rope data, back;
    for (uint32_t i = 0; e == SOCK_OK && (on || i < 50); i++) {
        rope_init(&data);
        rope_add_pattern(&data, 1, (uint64_t)i * PIECE, PIECE);
        e = fd_send(f, fd, &data, false);
        rope_fini(&data);
        port_thread_sleep(node->port, PACE);
    }
    if (!well(node, "send", e))
        return;
    e = fd_shutdown(f, fd, SOCK_WRITE_END);
    if (e == SOCK_OK) {
        e = fd_recv(f, fd, 1, &back, NULL);
        rope_fini(&back);
    }
    well(node, "recv", e);
}

static void client(struct os_node *node, struct xk_protl *sock, int what)
{
    struct xk_parts server = xk_node(node->places.nodes[1]);
    struct sock_fds *f = sock_fds_new(sock);
    enum sock_error e;
    int fd, probe;
    port_thread_sleep(node->port, PACE); /* until the server listens */
    if (what == NO_PORT) {
        take_all(node, sock, server);
    } else if (what != IN_USE) {
        e = connect_to(f, &fd, server);
        if (what == NO_HOST && e == SOCK_OK)
            e = connect_to(f, &probe, nobody(f, fd));
        if (well(node, "connect", e))
            talk(node, f, fd, what == GONE);
    }
    sock_fds_exit(f);
}

/* ---- the server ---- */

static void take_in(struct os_node *node, struct sock_fds *f, int fd)
{
    struct rope data;
    uint64_t n;
    enum sock_error e;
    do {
        e = fd_recv(f, fd, PIECE, &data, NULL);
        n = data.length;
        rope_fini(&data);
    } while (e == SOCK_OK && n > 0);
    well(node, "recv", e);
}

static void server(struct os_node *node, struct xk_protl *sock, int what)
{
    struct sock_fds *f = sock_fds_new(sock);
    int fd, next;
    bool up = well(node, "socket", fd_socket(f, SOCK_STREAM, &fd)) &&
              well(node, "bind", fd_bind(f, fd, PORT)) &&
              well(node, "listen", fd_listen(f, fd, 64));
    if (up && what == IN_USE && well(node, "socket", fd_socket(f, SOCK_STREAM, &next)))
        up = well(node, "bind", fd_bind(f, next, PORT));
    while (up && what != IN_USE) {
        struct sock_set in = { { 0 } };
        uint32_t ready = 0;
        sock_set_add(&in, fd);
        up = well(node, "select", fd_select(f, &in, NULL, NULL, QUIET, &ready)) && ready > 0 &&
             well(node, "accept", fd_accept(f, fd, &next));
        if (!up)
            break;
        if (what == RESET)
            (void)fd_set_option(f, next, SOCK_LINGER, 0);
        else if (what != NO_PORT)
            take_in(node, f, next);
        (void)fd_close(f, next);
    }
    sock_fds_exit(f);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct tcp_errors_params *p = me->params;
    struct xk_protl *sock = xk_find(node->xk, p->over);
    if (me->rank == 0)
        client(node, sock, p->what);
    else if (p->what != REFUSED)
        server(node, sock, p->what);
}

static const struct workload_instance instances[] = {
    { "over", offsetof(struct tcp_errors_params, over), &sock_protl },
    { .name = NULL },
};

const struct workload_ops workload_tcp_errors = {
    .kind = { .name = "tcp_errors",
              .doc = "What goes wrong with sockets, one thing a run.",
              .params = params_desc,
              .params_size = sizeof(struct tcp_errors_params) },
    .instances = instances,
    .check = check,
    .programs = programs,
    .main = program,
};
