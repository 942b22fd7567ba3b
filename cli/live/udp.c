/* udp.c: psim live udp: answers each datagram with its own bytes, or sends what is read. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/live/stack.h"
#include "os/proto/sock/fd.h"

#define LONGEST 65507 /* bytes of a datagram without the headers of IP and UDP */

struct talk {
    bool echoes; /* at `port`; else it sends to `peer` */
    uint16_t port;
    const char *host;
    struct xk_parts peer;
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
    uint8_t *bytes = port_alloc(p, (size_t)x->size);
    while (x->failed == SOCK_OK) {
        struct rope data;
        live_wait(p, STDIN_FILENO, false);
        ssize_t n = read(STDIN_FILENO, bytes, (size_t)x->size);
        if (n <= 0)
            break;
        rope_init(&data);
        rope_add_bytes(&data, bytes, (size_t)n);
        enum sock_error e = fd_send(x->fds, x->fd, &data, false);
        rope_fini(&data);
        x->failed = x->failed == SOCK_OK ? e : x->failed;
        x->sent += e == SOCK_OK;
        x->last = port_now(p);
        port_thread_sleep(p, x->interval * SIM_MS);
    }
    x->sent_all = true;
    port_free(p, bytes);
}

/* Writes a datagram as it is. */
static bool write_all(struct port *p, const struct rope *data)
{
    uint8_t bytes[4096];
    for (uint64_t at = 0; at < data->length;) {
        size_t n = data->length - at < sizeof bytes ? (size_t)(data->length - at) : sizeof bytes;
        rope_read(data, at, n, bytes);
        live_wait(p, STDOUT_FILENO, true);
        ssize_t done = write(STDOUT_FILENO, bytes, n);
        if (done < 0 && errno != EAGAIN)
            return false;
        at += done > 0 ? (uint64_t)done : 0;
    }
    return true;
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
        x->unwritten = !write_all(p, &data);
        rope_fini(&data);
    }
}

static void send_all(struct talk *x)
{
    struct stack *s = x->stack;
    x->failed = fd_connect(x->fds, x->fd, x->peer);
    if (x->failed == SOCK_OK && port_thread_spawn(s->port, "sender", sender, x, 0))
        take_answers(x);
    int code = CLI_OK;
    if (x->failed == SOCK_ECONNREFUSED)
        code = cli_complainf(CLI_FAILED, "nobody takes datagrams at %s, port %u", x->host, x->port);
    else if (x->failed != SOCK_OK)
        code = cli_complainf(CLI_FAILED, "no datagrams to %s, port %u: %s", x->host, x->port,
                             sock_error_name(x->failed));
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
    if (e == SOCK_OK && x->echoes)
        e = fd_bind(x->fds, x->fd, x->port);
    if (e != SOCK_OK)
        stack_end(s, cli_complainf(CLI_FAILED, "no socket with port %u: %s", x->port,
                                   sock_error_name(e)));
    else if (x->echoes)
        echo(x);
    else
        send_all(x);
}

/* echo PORT, send HOST PORT. */
static bool read_talk(struct talk *x, const char **words, size_t n, struct err *e)
{
    static const char *const verbs[] = { "echo", "send", NULL };
    x->echoes = strcmp(words[0], "echo") == 0;
    if (!x->echoes && strcmp(words[0], "send") != 0) {
        err_set(e, "'psim live udp' knows no '%s'", words[0]);
        err_nearest(e, words[0], verbs);
        return false;
    }
    if (n != (x->echoes ? 2 : 3))
        return err_set(e, "'psim live udp' is 'echo PORT' or 'send HOST PORT'");
    if (!stack_port(words[n - 1], &x->port, e))
        return false;
    if (x->size > LONGEST)
        return err_set(e, "a datagram has at most %d bytes", LONGEST);
    x->host = words[1];
    if (x->echoes)
        return true;
    if (!stack_address(x->host, &x->peer, e))
        return false;
    xk_part_push(&x->peer, XK_PART_PORT, x->port);
    return true;
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
