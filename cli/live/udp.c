/* udp.c: psim live udp: answers each datagram with its own bytes, or sends what is read. */
#include <stdio.h>

#include "cli/live/stack.h"
#include "os/proto/sock/fd.h"

#define LONGEST 65507 /* bytes of a datagram without the headers of IP and UDP */

struct talk {
    struct stack_ends ends;       /* own: it echoes */
    int64_t size, interval, wait; /* bytes of each; milliseconds */
    struct stack *stack;
    struct sock_fds *fds;
    int fd;
    bool sent_all, unwritten;
    sim_time last; /* that something was sent or came */
    enum sock_error failed;
    uint64_t sent, received;
};

/* Until the run ends. */
static void echo(struct talk *x)
{
    for (;;) {
        struct rope data;
        struct sock_name from;
        enum sock_error e = fd_recv(x->fds, x->fd, LONGEST, &data, &from);
        if (e == SOCK_OK) {
            struct xk_parts to = { .count = 0 };
            x->received++;
            xk_part_push(&to, XK_PART_ADDRESS, from.address);
            xk_part_push(&to, XK_PART_PORT, from.port);
            x->sent += fd_sendto(x->fds, x->fd, &data, to) == SOCK_OK;
        } /* else an answer did not arrive: its peer has gone */
        rope_fini(&data);
    }
}

static void sender(void *arg)
{
    struct talk *x = arg;
    struct port *p = x->stack->port;
    for (struct rope data; x->failed == SOCK_OK && stack_read(x->stack, (size_t)x->size, &data);) {
        enum sock_error e = fd_send(x->fds, x->fd, &data, false);
        rope_fini(&data);
        x->failed = x->failed == SOCK_OK ? e : x->failed;
        x->sent += e == SOCK_OK;
        x->last = port_now(p);
        port_thread_sleep(p, x->interval * SIM_MS);
    }
    x->sent_all = true;
}

/* What comes is written, until nothing has come for so long after the last that was sent. */
static void take_answers(struct talk *x)
{
    struct port *p = x->stack->port;
    while (x->failed == SOCK_OK && !x->unwritten &&
           (!x->sent_all || port_now(p) - x->last < x->wait * SIM_MS)) {
        struct sock_set from = { .bits = { 0 } };
        uint32_t count;
        struct rope data;
        sock_set_add(&from, x->fd);
        x->failed = fd_select(x->fds, &from, NULL, NULL, 10 * SIM_MS, &count);
        if (x->failed != SOCK_OK || count == 0)
            continue;
        x->failed = fd_recv(x->fds, x->fd, LONGEST, &data, NULL);
        x->received += x->failed == SOCK_OK;
        x->last = port_now(p);
        x->unwritten = !stack_write(x->stack, &data);
        rope_fini(&data);
    }
}

static void send_all(struct talk *x)
{
    struct stack *s = x->stack;
    x->failed = fd_connect(x->fds, x->fd, x->ends.peer);
    if (x->failed == SOCK_OK && port_thread_spawn(s->port, "sender", sender, x, 0))
        take_answers(x);
    int code = CLI_OK;
    if (x->failed == SOCK_ECONNREFUSED)
        code = cli_complainf(CLI_FAILED, "nobody takes datagrams at %s, port %u", x->ends.host,
                             x->ends.port);
    else if (x->failed != SOCK_OK)
        code = cli_complainf(CLI_FAILED, "no datagrams to %s, port %u: %s", x->ends.host,
                             x->ends.port, sock_error_name(x->failed));
    else if (x->unwritten)
        code = cli_complainf(CLI_POINT, "standard output could not be written");
    stack_end(s, code);
}

static void udp_main(struct stack *s)
{
    struct talk *x = s->arg;
    x->stack = s;
    x->fds = sock_fds_new(xk_find(s->xk, "sock"));
    enum sock_error e = fd_socket(x->fds, SOCK_DGRAM, &x->fd);
    if (e == SOCK_OK && x->ends.own)
        e = fd_bind(x->fds, x->fd, x->ends.port);
    if (e != SOCK_OK)
        stack_end(s, cli_complainf(CLI_FAILED, "no socket with port %u: %s", x->ends.port,
                                   sock_error_name(e)));
    else if (x->ends.own)
        echo(x);
    else
        send_all(x);
}

static bool read_talk(struct talk *x, const char **words, size_t n, struct err *e)
{
    static const char *const verbs[] = { "echo", "send", NULL };
    if (x->size > LONGEST)
        return err_set(e, "a datagram has at most %d bytes", LONGEST);
    return stack_words("udp", verbs, words, n, &x->ends, e);
}

int live_udp(int argc, char **argv)
{
    struct stack_options o = STACK_DEFAULTS;
    struct talk x = { .size = 1024, .interval = 1, .wait = 1000 };
    const struct cli_option options[] = {
        STACK_OPTIONS(o),
        { 's', "size", CLI_COUNT, &x.size, "BYTES", "of a datagram, at most (1024)" },
        { 'i', "interval", CLI_COUNT, &x.interval, "MS", "from one to the next (1)" },
        { 0, "wait", CLI_COUNT, &x.wait, "MS", "for answers, after the last (1000)" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "live udp",
        .operands = "echo PORT | send HOST PORT",
        .doc =
            "A host of its own on a TAP: answers each datagram to PORT with its bytes, until it\n"
            "is stopped; or sends standard input as datagrams, and writes what is answered.",
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
    if (!read_talk(&x, words, n, &e))
        return cli_complain(CLI_USAGE, &e);
    struct stack s = { .main = udp_main, .arg = &x };
    code = stack_run(&s, &o);
    if (code == CLI_OK)
        fprintf(stderr, "%llu datagrams sent, %llu received\n", (unsigned long long)x.sent,
                (unsigned long long)x.received);
    return code;
}
