/* main.c: psim-live: a node of os/ as a process of the host; `psim live` runs it.
 *
 * A program of its own, for os/port.h is bound when it is linked, and psim has the simulator's.
 */
#include <stdio.h>

#include "cli/clean.h"
#include "cli/live/stack.h"

static const struct cli_command commands[] = {
    { "ping", live_ping, "send echoes to a host, and answer those that come" },
    { "tcp", live_tcp, "connections with the standard streams, or with this machine's sockets" },
    { "udp", live_udp, "answer datagrams, or send standard input as such" },
    { NULL, NULL, NULL },
};

static int help(void)
{
    puts("A host of its own on a TAP of this machine: the protocols of os/ in real time.\n\n"
         "usage: psim live COMMAND [OPTION]... [ARGUMENT]...\n\ncommands:");
    for (const struct cli_command *c = commands; c->name; c++)
        printf("  %-10s %s\n", c->name, c->doc);
    puts("\n'psim live COMMAND --help' explains one.");
    return CLI_OK;
}

static int run(int argc, char **argv)
{
    const char *names[ARRAY_LEN(commands)];
    size_t n = 0;
    struct err e = ERR_INIT;
    for (const struct cli_command *c = commands; c->name; c++) {
        if (strcmp(argv[1], c->name) == 0)
            return c->fn(argc - 1, argv + 1);
        names[n++] = c->name;
    }
    names[n] = NULL;
    err_set(&e, "'psim live' knows no '%s'", argv[1]);
    err_nearest(&e, argv[1], names);
    return cli_complain(CLI_USAGE, &e);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return cli_complainf(CLI_USAGE, "which command? 'psim live --help' lists them");
    int code =
        strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ? help() : run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_complainf(CLI_POINT, "standard output could not be written");
    return code;
}
