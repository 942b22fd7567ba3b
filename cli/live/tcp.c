/* tcp.c: psim live tcp: a connection between a peer and the standard streams, or, with --relay,
 * many between peers and sockets of this machine.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/live/relay.h"

#define PIECE 4096        /* bytes that a pipe takes at once when it takes any [POSIX, PIPE_BUF] */
#define LAST_WAIT SIM_SEC /* for the acknowledgement of the end, each time it is not there yet */

struct call {
    bool listens;
    uint16_t port;
    const char *host;
    struct xk_parts peer;
    struct stack *stack;
    struct sock *sock;
    struct port_thread *waits; /* for the sender to end */
    bool sent;
    enum xk_status status; /* of sending */
    uint64_t out, in;
    const char *here; /* --relay; NULL: the standard streams */
    struct relay relay;
};

/* Reads standard input until its end. */
static void sender(void *arg)
{
    struct call *c = arg;
    struct port *p = c->stack->port;
    uint8_t bytes[PIECE];
    c->status = XK_OK;
    while (c->status == XK_OK) {
        struct rope data;
        live_wait(p, STDIN_FILENO, false);
        ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
        if (n <= 0)
            break;
        rope_init(&data);
        rope_add_bytes(&data, bytes, (size_t)n);
        c->status = sock_send(c->sock, &data);
        c->out += c->status == XK_OK ? (uint64_t)n : 0;
        rope_fini(&data);
    }
    if (c->status == XK_OK)
        sock_finish(c->sock);
    c->sent = true;
    if (c->waits)
        port_thread_wake(p, c->waits);
}

/* False: nobody takes what is written any more. */
static bool write_all(struct port *p, const struct rope *data)
{
    uint8_t bytes[PIECE];
    for (uint64_t at = 0; at < data->length;) {
        size_t n = data->length - at < PIECE ? (size_t)(data->length - at) : PIECE;
        rope_read(data, at, n, bytes);
        live_wait(p, STDOUT_FILENO, true);
        ssize_t done = write(STDOUT_FILENO, bytes, n);
        if (done < 0 && errno != EAGAIN)
            return false;
        at += done > 0 ? (uint64_t)done : 0;
    }
    return true;
}

static enum xk_status receive_all(struct call *c, bool *written)
{
    for (;;) {
        struct rope data;
        enum xk_status r = sock_recv(c->sock, 65536, &data);
        bool end = r != XK_OK || data.length == 0;
        c->in += data.length;
        *written = end || write_all(c->stack->port, &data);
        rope_fini(&data);
        if (end || !*written)
            return r;
    }
}

/* Until the peer has acknowledged all: the process must not end before. */
static void last_words(const struct call *c)
{
    sim_time until = port_now(c->stack->port) + 10 * LAST_WAIT;
    while (sock_sessn(c->sock) && port_now(c->stack->port) < until) {
        struct tcp_view v;
        tcp_look(sock_sessn(c->sock), &v);
        if (v.state == TCP_TIME_WAIT || v.state == TCP_CLOSED)
            break;
        port_thread_sleep(c->stack->port, SIM_MS);
    }
}

static void talk(struct call *c)
{
    struct stack *s = c->stack;
    struct port *p = s->port;
    bool written = true;
    if (!port_thread_spawn(p, "sender", sender, c, 0)) {
        stack_end(s, cli_complainf(CLI_POINT, "there is no room for a thread"));
        return;
    }
    enum xk_status r = receive_all(c, &written);
    c->waits = port_thread_self(p);
    while (r == XK_OK && written && !c->sent)
        port_thread_block(p, "end of what is sent", 0);
    if (r == XK_OK && c->sent)
        r = c->status;
    int code = CLI_OK;
    if (!written) {
        code = cli_complainf(CLI_POINT, "standard output could not be written");
        sock_abort(c->sock);
    }
    if (written && r != XK_OK)
        code = cli_complainf(CLI_FAILED, "the connection broke: %s", xk_status_name(r));
    if (code == CLI_OK)
        last_words(c);
    fprintf(stderr, "%llu B sent, %llu B received\n", (unsigned long long)c->out,
            (unsigned long long)c->in);
    stack_end(s, code);
}

/* Whoever is at the other end would wait for what never comes. */
static void tcp_stopped(struct stack *s)
{
    struct call *c = s->arg;
    if (c->here)
        relay_stop(&c->relay);
    else if (c->sock)
        sock_abort(c->sock);
}

static void tcp_main(struct stack *s)
{
    struct call *c = s->arg;
    struct xk_protl *sock = xk_find(s->xk, "sock");
    enum xk_status why = XK_OK;
    c->stack = s;
    if (c->here) {
        c->relay.stack = s;
        relay_run(&c->relay);
        return;
    }
    if (c->listens) {
        why = sock_listen(sock, c->port);
        c->sock = why == XK_OK ? sock_accept(sock, c->port) : NULL;
    } else {
        c->sock = sock_connect(sock, c->peer, &why);
    }
    if (c->sock)
        talk(c);
    else
        stack_end(s, cli_complainf(CLI_FAILED, "no connection with %s, port %u: %s",
                                   c->listens ? "anybody" : c->host, c->port, xk_status_name(why)));
}

/* listen PORT, connect HOST PORT. */
static bool read_call(struct call *c, const char **words, size_t n, struct err *e)
{
    static const char *const verbs[] = { "listen", "connect", NULL };
    c->listens = strcmp(words[0], "listen") == 0;
    if (!c->listens && strcmp(words[0], "connect") != 0) {
        err_set(e, "'psim live tcp' knows no '%s'", words[0]);
        err_nearest(e, words[0], verbs);
        return false;
    }
    if (n != (c->listens ? 2 : 3))
        return err_set(e, "'psim live tcp' is 'listen PORT' or 'connect HOST PORT'");
    if (!stack_port(words[n - 1], &c->port, e))
        return false;
    c->host = words[1];
    if (!c->listens && !stack_address(c->host, &c->peer, e))
        return false;
    if (!c->listens)
        xk_part_push(&c->peer, XK_PART_PORT, c->port);
    c->relay = (struct relay){ .listens = c->listens, .port = c->port, .peer = c->peer };
    list_init(&c->relay.carried);
    return !c->here || relay_address(c->here, &c->relay.at, e);
}

int live_tcp(int argc, char **argv)
{
    struct stack_options o = STACK_DEFAULTS;
    struct call c = { .listens = false };
    const struct cli_option options[] = {
        STACK_OPTIONS(o),
        { 0, "relay", CLI_TEXT, &c.here, "[HOST:]PORT",
          "carry connections to this end of the machine, or from it" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "live tcp",
        .operands = "listen PORT | connect HOST PORT",
        .doc =
            "A host of its own on a TAP, with one connection of TCP: sends standard input, and\n"
            "writes what comes to standard output, until both sides have finished.\n"
            "With --relay it goes on until it is stopped: each connection that comes to PORT is\n"
            "carried to that end of this machine, or (connect) each that comes to that end of "
            "this\n"
            "machine to HOST PORT; what either side finishes or resets, the other sees so.",
        .options = options,
        .operands_min = 2,
        .operands_max = 3,
    };
    struct err e = ERR_INIT;
    const char *words[3];
    size_t n;
    int code;
    if (!cli_options(&usage, argc, argv, words, &n, &code))
        return code;
    if (!read_call(&c, words, n, &e))
        return cli_complain(CLI_USAGE, &e);
    struct stack s = { .main = tcp_main, .stopped = tcp_stopped, .arg = &c };
    code = stack_run(&s, &o);
    if (c.here && code == CLI_OK)
        relay_tell(&c.relay);
    return code;
}
