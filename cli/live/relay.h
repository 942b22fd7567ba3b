/* relay.h: connections of a live host carried to sockets of this machine, and the other way. */
#ifndef CLI_LIVE_RELAY_H
#define CLI_LIVE_RELAY_H

#include <netinet/in.h>

#include "cli/live/stack.h"
#include "os/proto/sock/sock.h"

/* One for each run of psim live tcp with --relay. */
struct relay {
    struct stack_ends ends; /* own: it listens there; else it calls, for each that comes to `at` */
    struct sockaddr_in at;  /* this machine's end: called, or listened at */
    struct stack *stack;
    struct list carried;             /* connections that there are: relay.c */
    uint64_t begun, refused, broken; /* connections; broken: they ended by a reset */
    uint64_t out, in;                /* bytes that the live host sent, and received */
};

/* "127.0.0.1:80", or "80": of this machine itself.  False with a sentence. */
bool relay_address(const char *text, struct sockaddr_in *out, struct err *e) MUST_CHECK;
/* Carries connections until the run ends; the command's thread.  Each half ends when its peer has
 * finished, and a reset, or a call that fails, becomes a reset on the other side. (blocks) */
void relay_run(struct relay *r);
/* The run is to end: all that are carried are reset, on both sides. */
void relay_stop(struct relay *r);
/* To standard error: how many there were, and their bytes. */
void relay_tell(const struct relay *r);

#endif
