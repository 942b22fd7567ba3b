/* ping.c: psim live ping: echoes to a host, and answers to whoever asks. */
#include <stdio.h>

#include "cli/live/stack.h"
#include "os/proto/icmp/ping.h"

#define LONGEST 65507 /* bytes of an echo: a datagram without the headers of IP and ICMP */

struct asked {
    const char *host; /* NULL: it answers only */
    struct xk_parts peer;
    int64_t count, wait, interval; /* times in milliseconds */
    struct cli_seed size;          /* which may be 0 */
};

static void echoes(struct stack *s, const struct asked *a)
{
    struct xk_protl *ping = xk_find(s->xk, "ping");
    enum xk_status why;
    int64_t answers = 0;
    struct xk_sessn *to = xk_open(ping->down[0], ping, a->peer, &why);
    if (!to) {
        stack_end(s, cli_complainf(CLI_FAILED, "there is no way to %s: %s", a->host,
                                   xk_status_name(why)));
        return;
    }
    for (int64_t i = 1; i <= a->count; i++) {
        sim_time rtt;
        enum xk_status r = ping_echo(to, (uint64_t)i, a->size.value, a->wait * SIM_MS, &rtt);
        if (r == XK_OK)
            printf("echo %lld to %s: %llu B, %.3f ms\n", (long long)i, a->host,
                   (unsigned long long)a->size.value, sim_time_seconds(rtt) * 1e3);
        else
            printf("echo %lld to %s: %s\n", (long long)i, a->host,
                   r == XK_CLOSED ? "no answer" : xk_status_name(r));
        fflush(stdout);
        answers += r == XK_OK;
        if (i < a->count)
            port_thread_sleep(s->port, a->interval * SIM_MS);
    }
    xk_close(to);
    printf("%lld of %lld answered\n", (long long)answers, (long long)a->count);
    stack_end(s, answers == a->count ? CLI_OK : CLI_FAILED);
}

static void ping_main(struct stack *s)
{
    const struct asked *a = s->arg;
    if (a->host)
        echoes(s, a);
    /* Else the thread ends, and the host answers until it is stopped. */
}

int live_ping(int argc, char **argv)
{
    struct stack_options o = STACK_DEFAULTS;
    struct asked a = { .count = 3, .size = { .value = 56 }, .wait = 2000, .interval = 200 };
    const struct cli_option options[] = {
        STACK_OPTIONS(o),
        { 'c', "count", CLI_COUNT, &a.count, "N", "so many echoes (3)" },
        { 's', "size", CLI_SEED, &a.size, "BYTES", "in each (56)" },
        { 0, "wait", CLI_COUNT, &a.wait, "MS", "for an answer (2000)" },
        { 'i', "interval", CLI_COUNT, &a.interval, "MS", "from an answer to the next (200)" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "live ping",
        .operands = "[HOST]",
        .doc = "A host of its own on a TAP: sends echoes to HOST, and answers those that come.\n"
               "Without HOST it answers until it is stopped.",
        .options = options,
        .operands_max = 1,
    };
    struct err e = ERR_INIT;
    size_t n;
    int code;
    if (!cli_options(&usage, argc, argv, &a.host, &n, &code))
        return code;
    if (a.size.value > LONGEST)
        return cli_complainf(CLI_USAGE, "an echo has at most %d bytes", LONGEST);
    if (n == 0)
        a.host = NULL;
    else if (!stack_address(a.host, &a.peer, &e))
        return cli_complain(CLI_USAGE, &e);
    struct stack s = { .main = ping_main, .arg = &a };
    return stack_run(&s, &o);
}
