/* stack.h: the internet protocols of a host on a TAP: what the commands of psim-live share. */
#ifndef CLI_LIVE_STACK_H
#define CLI_LIVE_STACK_H

#include "cli/commands.h"
#include "models/live/live.h"
#include "os/xk/graph.h"

/* Options of every command. */
struct stack_options {
    const char *tap, *address, *gateway, *pcap;
    int64_t mtu; /* bytes of a datagram */
    struct cli_seed seed;
    struct cli_list set; /* "tcp.sack=true": parameters of instances; stack_run frees it */
    bool netstat;        /* at the end, to standard error */
};
#define STACK_OPTIONS(o)                                                                           \
    { 0, "tap", CLI_TEXT, &(o).tap, "NAME", "the TAP that this host is on (tap0)" },               \
        { 0, "address", CLI_TEXT, &(o).address, "A/PREFIX", "its address (10.0.0.2/24)" },         \
        { 0, "gateway", CLI_TEXT, &(o).gateway, "A", "where what is for other networks goes" },    \
        { 0, "mtu", CLI_COUNT, &(o).mtu, "BYTES", "the longest datagram uncut (1500)" },           \
        { 0, "pcap", CLI_TEXT, &(o).pcap, "FILE", "write every frame" },                           \
        { 0, "netstat", CLI_FLAG, &(o).netstat, NULL, "tell at the end what was counted" },        \
        { 0, "set", CLI_LIST, &(o).set, "A.B=VALUE", "parameter B of protocol A: tcp.sack=true" }, \
    {                                                                                              \
        0, "seed", CLI_SEED, &(o).seed, "N", "of what it draws; else the moment it starts"         \
    }
#define STACK_DEFAULTS                                                                             \
    {                                                                                              \
        .tap = "tap0", .address = "10.0.0.2/24", .mtu = 1500                                       \
    }

/* A host while it runs: ended by stack_end. */
struct stack {
    struct xk_kernel *xk;
    struct port *port;
    int code; /* of the command: enum cli_exit */
    /* The command's thread, once the host has booted; it ends the run. */
    void (*main)(struct stack *s);
    /* A signal says that it is to end: what its peers have to know then.  NULL: nothing. */
    void (*stopped)(struct stack *s);
    void *arg;
    struct live *live; /* and what follows: private */
    struct xk_graph *graph;
    int signals[2]; /* a pipe: a byte for each that came */
};

/* Runs the host until `main` calls stack_end, or a signal comes; what the command returns. */
int stack_run(struct stack *s, const struct stack_options *o);
/* The run ends with that code when the running code has returned or waits. */
void stack_end(struct stack *s, int code);
/* "10.0.0.1" as a participant: false with a sentence. */
bool stack_address(const char *text, struct xk_parts *out, struct err *e) MUST_CHECK;
/* Whom a command is for, as its operands say: VERB PORT, or OTHER HOST PORT. */
struct stack_ends {
    bool own; /* VERB: at `port` of this host; else it calls `peer` */
    uint16_t port;
    const char *host;     /* as it was written */
    struct xk_parts peer; /* host and port */
};
/* verbs: of its own port, of another host's, NULL.  False with a sentence. */
bool stack_words(const char *command, const char *const *verbs, const char *const *words, size_t n,
                 struct stack_ends *out, struct err *e) MUST_CHECK;
/* What standard input has next, at most so many bytes; false, and empty: it has ended. (blocks) */
bool stack_read(struct stack *s, size_t most, struct rope *out) MUST_CHECK;
/* To standard output; false: nobody takes what is written any more. (blocks) */
bool stack_write(struct stack *s, const struct rope *data) MUST_CHECK;

/* The commands, as in cli/commands.h. */
int live_ping(int argc, char **argv);
int live_tcp(int argc, char **argv);
int live_udp(int argc, char **argv);

#endif
