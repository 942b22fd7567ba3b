/* tcp.c: psim live tcp: a connection between a peer and the standard streams, or, with --relay,
 * many between peers and sockets of this machine.
 */
#include <stdio.h>

#include "cli/live/relay.h"

#define PIECE 4096        /* bytes that are read at once */
#define LAST_WAIT SIM_SEC /* for the acknowledgement of the end, each time it is not there yet */

struct call {
    struct stack_ends ends; /* own: it listens */
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
    c->status = XK_OK;
    for (struct rope data; c->status == XK_OK && stack_read(c->stack, PIECE, &data);) {
        c->status = sock_send(c->sock, &data);
        c->out += c->status == XK_OK ? data.length : 0;
        rope_fini(&data);
    }
    if (c->status == XK_OK)
        sock_finish(c->sock);
    c->sent = true;
    if (c->waits)
        port_thread_wake(p, c->waits);
}

static enum xk_status receive_all(struct call *c, bool *written)
{
    for (;;) {
        struct rope data;
        enum xk_status r = sock_recv(c->sock, 65536, &data);
        bool end = r != XK_OK || data.length == 0;
        c->in += data.length;
        *written = end || stack_write(c->stack, &data);
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
    if (c->ends.own) {
        why = sock_listen(sock, c->ends.port);
        c->sock = why == XK_OK ? sock_accept(sock, c->ends.port) : NULL;
    } else {
        c->sock = sock_connect(sock, c->ends.peer, &why);
    }
    if (c->sock)
        talk(c);
    else
        stack_end(s, cli_complainf(CLI_FAILED, "no connection with %s, port %u: %s",
                                   c->ends.own ? "anybody" : c->ends.host, c->ends.port,
                                   xk_status_name(why)));
}

static bool read_call(struct call *c, const char **words, size_t n, struct err *e)
{
    static const char *const verbs[] = { "listen", "connect", NULL };
    if (!stack_words("tcp", verbs, words, n, &c->ends, e))
        return false;
    c->relay = (struct relay){ .ends = c->ends };
    list_init(&c->relay.carried);
    return !c->here || relay_address(c->here, &c->relay.at, e);
}

int live_tcp(int argc, char **argv)
{
    struct stack_options o = STACK_DEFAULTS;
    struct call c = { .here = NULL };
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
