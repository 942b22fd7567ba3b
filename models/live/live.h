/* live.h: one node as a process of the host: os/port.h over its clock, its sockets and its TAPs.
 *
 * The third implementation, beside the simulator and tests/fake/: the same sources of os/ run in
 * real time and talk to whoever is on the wire.  A process has one node; what runs there is written
 * against os/port.h and cannot tell.  Not there: storage, changers, a detector of failures, other
 * processors, domains that are protected from each other; a node has no devices, and nobody is told
 * of other nodes.
 *
 *   LIVE1  One piece of code runs at a time, on one thread of the host; upcalls and threads wait in
 *       one list and run in the order of the moments they are due, and of their asking.
 *   LIVE2  Time is the host's monotonic clock since live_create.  Work costs what it takes: what is
 *       named is counted and not waited for.
 *   LIVE3  What a task owns goes with it without running any of its code (PORT3).
 */
#ifndef MODELS_LIVE_LIVE_H
#define MODELS_LIVE_LIVE_H

#include <stdio.h>

#include "os/port.h"
#include "sim/base/err.h"

struct live;

struct live_options {
    uint32_t node, nodes; /* which it is, and of how many; nodes 0: 1 */
    uint64_t seed;        /* of port_random */
    /* What a program remarks, or that its result is wrong (`failed`); NULL: nobody hears it. */
    void (*say)(void *arg, bool failed, const char *sentence);
    void *arg;
};

/* A node without interfaces, which does not run yet; its end, with all that its tasks own. */
struct live *live_create(const struct live_options *o);
void live_destroy(struct live *l);

/* Before live_run: an interface on the network of that name: the TAP of that name, which must be
 * there.  The host's end of it is given the address 02:00 and `host`, and goes up; this node is
 * `station`, on the same wire.  `mtu`: bytes of a frame with its header.  False with a sentence. */
bool live_tap(struct live *l, const char *network, const char *device, uint32_t station,
              uint32_t host, uint32_t mtu, struct err *e) MUST_CHECK;
/* The same of a socket that keeps the bounds of messages and has one peer, which is the node `peer`
 * of that network: a pair of local ones, or connected UDP.  Closed with the node.  `reliable`:
 * frames are neither lost nor overtaken on it. */
void live_socket(struct live *l, const char *network, int fd, uint32_t peer, uint32_t mtu,
                 bool reliable);
/* Each frame that an interface takes or gives is written to f from now on, as one of Ethernet, with
 * its time since live_create; NULL: no more. */
void live_capture(struct live *l, FILE *f);

/* Runs the node: fn is the first upcall of its kernel task.  Returns after live_stop, or with false
 * when nothing can happen any more: no timer is set, and no interface has anybody at its other
 * end. */
bool live_run(struct live *l, void (*fn)(struct port *p, void *arg), void *arg);
/* From inside, or from a handler of signals: live_run returns when the running code has. */
void live_stop(struct live *l);

/* Waits until the file descriptor can be read (or, `out`, written), or has failed.  (blocks) */
void live_wait(struct port *p, int fd, bool out);
/* Who waits for it goes on, whatever it is. */
void live_wait_over(struct port *p, int fd);

/* "owner.name" over all that count so (port_counters), also those that are gone; false: nothing
 * does. */
bool live_count(const struct live *l, const char *name, uint64_t *value);
uint64_t live_work(const struct live *l, enum port_work kind); /* named so far */
struct live_counts {
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t bad;      /* frames cut short, too long, or from no peer */
    uint64_t nobody;   /* frames for which no end was open */
    uint64_t lost;     /* frames that the host did not take: nobody is at the other end */
    uint64_t busy;     /* PORT_IF_BUSY given */
    uint64_t measured; /* observations */
    uint64_t delivered, delivered_bytes, digest; /* port_delivered, in order */
    uint64_t failures;                           /* port_fail */
};
/* Since live_create; it goes on rising. */
const struct live_counts *live_counts(const struct live *l);

#endif
