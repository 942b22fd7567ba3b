/* relay.c: see relay.h.
 *
 * A connection is two ends, a sock and a socket, and two threads, one for each way.  The thread
 * that finds an end broken breaks the other one, which has its companion go on; who ends last
 * closes both.
 */
#include "cli/live/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 16384         /* bytes that are read at once; they stand on a thread's stack */
#define LATER (10 * SIM_MS) /* then it tries again to accept, when there was no room for a socket */
#define WAITING 128         /* connections of this machine that are not accepted yet */

struct carried {
    struct list link; /* of the relay's */
    struct relay *relay;
    struct sock *sock;
    int fd;
    bool broken;
    uint32_t threads; /* that still carry */
};

bool relay_address(const char *text, struct sockaddr_in *out, struct err *e)
{
    const char *colon = strrchr(text, ':');
    char host[INET_ADDRSTRLEN] = "127.0.0.1", *end;
    const char *port = colon ? colon + 1 : text;
    unsigned long v = strtoul(port, &end, 10);
    *out = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)v) };
    if (colon)
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    if (port[0] >= '0' && port[0] <= '9' && *end == '\0' && v > 0 && v <= UINT16_MAX &&
        inet_pton(AF_INET, host, &out->sin_addr) == 1)
        return true;
    return err_set(e, "'%s' is no end of this machine like 127.0.0.1:80, or 80", text);
}

/* ---- one connection ---- */

static struct port *port_of(const struct carried *c)
{
    return c->relay->stack->port;
}

static void break_off(struct carried *c)
{
    c->broken = true;
    sock_abort(c->sock);
    live_wait_over(port_of(c), c->fd);
}

/* The socket's peer is told of a reset, where it was broken. */
static void close_socket(int fd, bool broken)
{
    const struct linger none = { .l_onoff = 1, .l_linger = 0 };
    if (broken)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

static void thread_ends(struct carried *c)
{
    if (--c->threads > 0)
        return;
    c->relay->broken += c->broken;
    list_remove(&c->link);
    close_socket(c->fd, c->broken);
    sock_close(c->sock);
    port_free(port_of(c), c);
}

/* What this machine sends goes out of the live host. */
static void carry_out(struct carried *c)
{
    uint8_t bytes[PIECE];
    while (!c->broken) {
        struct rope data;
        ssize_t n = read(c->fd, bytes, sizeof bytes);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            live_wait(port_of(c), c->fd, false);
            continue;
        }
        if (n < 0)
            break_off(c);
        if (n == 0)
            sock_finish(c->sock);
        if (n <= 0)
            break;
        rope_init(&data);
        rope_add_bytes(&data, bytes, (size_t)n);
        if (sock_send(c->sock, &data) == XK_OK)
            c->relay->out += (uint64_t)n;
        else
            break_off(c);
        rope_fini(&data);
    }
}

static void write_all(struct carried *c, const struct rope *data)
{
    uint8_t bytes[PIECE];
    for (uint64_t at = 0; at < data->length && !c->broken;) {
        size_t n = data->length - at < PIECE ? (size_t)(data->length - at) : PIECE;
        rope_read(data, at, n, bytes);
        ssize_t done = send(c->fd, bytes, n, MSG_NOSIGNAL);
        if (done >= 0)
            at += (uint64_t)done;
        else if (errno == EAGAIN || errno == EINTR)
            live_wait(port_of(c), c->fd, true);
        else
            break_off(c);
    }
}

/* What comes to the live host goes to this machine. */
static void carry_in(struct carried *c)
{
    while (!c->broken) {
        struct rope data;
        enum xk_status r = sock_recv(c->sock, PIECE, &data);
        uint64_t n = data.length;
        c->relay->in += n;
        write_all(c, &data);
        rope_fini(&data);
        if (r != XK_OK)
            break_off(c);
        if (r == XK_OK && n == 0 && !c->broken)
            shutdown(c->fd, SHUT_WR);
        if (n == 0)
            break;
    }
}

static void in_main(void *arg)
{
    carry_in(arg);
    thread_ends(arg);
}

/* A connection of this machine to `at`, which is still being made; -1: there is none. */
static int call_socket(const struct sockaddr_in *at)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

/* Its second end; false: it cannot be had. */
static bool complete(struct carried *c)
{
    struct relay *r = c->relay;
    int failure = 0;
    socklen_t size = sizeof failure;
    enum xk_status why;
    if (r->ends.own) {
        c->fd = call_socket(&r->at);
        if (c->fd < 0)
            return false;
        live_wait(port_of(c), c->fd, true);
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failure, &size);
    } else {
        c->sock = sock_connect(xk_find(r->stack->xk, "sock"), r->ends.peer, &why);
    }
    return failure == 0 && c->sock && port_thread_spawn(port_of(c), "relay in", in_main, c, 0);
}

static void carried_main(void *arg)
{
    struct carried *c = arg;
    c->threads = 2;
    if (complete(c)) {
        carry_out(c);
        thread_ends(c);
        return;
    }
    c->relay->refused++;
    list_remove(&c->link);
    if (c->fd >= 0)
        close_socket(c->fd, true);
    if (c->sock) {
        sock_abort(c->sock);
        sock_close(c->sock);
    }
    port_free(port_of(c), c);
}

/* ---- all of them ---- */

/* One of its ends is there: takes it. */
static void begin(struct relay *r, struct sock *sock, int fd)
{
    struct carried *c = port_alloc(r->stack->port, sizeof *c);
    *c = (struct carried){ .relay = r, .sock = sock, .fd = fd };
    r->begun++;
    list_push(&r->carried, &c->link);
    if (port_thread_spawn(r->stack->port, "relay out", carried_main, c, 0))
        return;
    r->refused++;
    list_remove(&c->link);
    if (sock)
        sock_close(sock);
    if (fd >= 0)
        close_socket(fd, true);
    port_free(port_of(c), c);
}

static int listen_here(const struct sockaddr_in *at)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) == 0 && listen(fd, WAITING) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static void accept_here(struct relay *r, int fd)
{
    for (;;) {
        int c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (c >= 0)
            begin(r, NULL, c);
        else if (errno == EAGAIN)
            live_wait(r->stack->port, fd, false);
        else
            port_thread_sleep(r->stack->port, LATER);
    }
}

void relay_run(struct relay *r)
{
    struct xk_protl *sock = xk_find(r->stack->xk, "sock");
    int fd = r->ends.own ? -1 : listen_here(&r->at);
    enum xk_status why = r->ends.own ? sock_listen(sock, r->ends.port) : XK_OK;
    if (why != XK_OK)
        stack_end(r->stack, cli_complainf(CLI_FAILED, "nobody can listen at port %u: %s",
                                          r->ends.port, xk_status_name(why)));
    else if (fd >= 0)
        accept_here(r, fd);
    else if (!r->ends.own)
        stack_end(r->stack, cli_complainf(CLI_FAILED, "port %u of this machine cannot be had: %s",
                                          ntohs(r->at.sin_port), strerror(errno)));
    else
        for (;;)
            begin(r, sock_accept(sock, r->ends.port), -1);
}

void relay_stop(struct relay *r)
{
    LIST_EACH (it, &r->carried) {
        struct carried *c = LIST_ENTRY(it, struct carried, link);
        if (c->sock)
            sock_abort(c->sock);
        if (c->fd >= 0)
            close_socket(c->fd, true);
    }
}

void relay_tell(const struct relay *r)
{
    fprintf(stderr, "%llu connections, %llu refused, %llu broken, %llu B sent, %llu B received\n",
            (unsigned long long)r->begun, (unsigned long long)r->refused,
            (unsigned long long)r->broken, (unsigned long long)r->out, (unsigned long long)r->in);
}
