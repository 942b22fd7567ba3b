/* mach_eye.h: Mach's IPC over several nodes, tasks that do whatever they may, and an eye that sees
 * all nodes at once.
 *
 * The eye knows nothing of how a net counts.  After every event it recounts from all tables, queues
 * and messages, and asserts:
 *   - a port's receive right is in one place, or the port is dead;
 *   - what each node's ports say of their rights is what is there;
 *   - no-senders is told when no send right is left anywhere;
 *   - every send-once right that was made is somewhere, or was used for one message;
 *   - what a thread sends to a port arrives once, in order.
 * When nothing is pending (eye_settle) also that no message is missing, that no-senders has been
 * told where it is due, and that everybody who wanted to hear of a death has.
 *
 * A net joins by a struct eye_net: what it holds itself, and its own accounts.
 */
#ifndef TESTS_OS_MACH_EYE_H
#define TESTS_OS_MACH_EYE_H

#include "os/mach/mach_internal.h"
#include "tests/os/xk_rig.h"

#define EYE_NODES 8
#define EYE_TASKS 4
#define EYE_SENDERS 160 /* tasks that there have been */
#define EYE_PORTS 400   /* ports that tasks have made */

struct eye;

/* A right that a net holds. */
struct eye_right {
    struct mach_port *port; /* it counts at this port of the node; NULL: at none */
    uint64_t uid;           /* of which port; 0: as `port` says */
    enum mach_held_kind kind;
    bool dest;   /* it is the destination of a message */
    bool flying; /* nobody else will be seen to have it */
    bool unsure; /* or somebody may have used it up, and the port has died */
};
struct eye_net {
    const char *graph, *instance; /* of the rig; which of them is the net */
    uint32_t mtu;                 /* of the fake's network; 0: its own */
    /* Calls fn for all rights that the net of that node holds. */
    void (*held)(struct eye *e, uint32_t node, void (*fn)(void *arg, const struct eye_right *r),
                 void *arg);
    /* Its own accounts, after each event; NULL: nothing. */
    void (*check)(struct eye *e);
    /* Node `from` has lent a send right of that principal to node `to`, long ago; for eye_lend. */
    struct mach_held (*lend)(struct eye *e, uint32_t from, struct mach_record *r, uint32_t to);
    bool mends; /* it cleans up after dead nodes */
};

struct eye_task {
    struct eye *e;
    uint32_t node, place;
    uint32_t sender; /* which of all tasks there have been */
    struct port *port;
    struct mach_task *t; /* NULL: it has ended, and is to be made anew */
    struct port_thread *thread;
    void (*todo)(struct eye_task *k); /* what its thread does now; NULL: it waits for a command */
    bool idle;                        /* it waits */
};
struct eye_node {
    struct port *port;
    struct mach *m;
    struct xk_protl *net;
    struct eye_task tasks[EYE_TASKS];
    mach_name special; /* task 0's */
};
/* What is known of a port from the actions of tasks. */
struct eye_port {
    uint32_t node; /* where it was made, */
    uint64_t id;   /* as this one of the node */
    uint32_t life;
    uint64_t uid; /* 0: it has not been seen elsewhere */
    uint32_t onces_made, onces_used;
    bool requested; /* no-senders, at the last look */
};

struct eye {
    struct rig r;
    const struct eye_net *net;
    struct eye_node node[EYE_NODES];
    uint32_t nodes, tasks;
    uint64_t random;
    struct eye_port ports[EYE_PORTS];
    uint32_t port_count, sender_count;
    /* [sender][port]: messages sent and last one received; which of them had receive rights */
    uint32_t (*out)[EYE_PORTS], (*in)[EYE_PORTS];
    uint64_t (*carried)[EYE_PORTS];
    uint64_t did[32]; /* actions by kind */
    bool crashed;     /* some node has */
    bool later;       /* threads begin when they are told (eye_begin) */
};

struct eye_options {
    const struct eye_net *net;
    uint64_t seed;
    uint32_t nodes, tasks; /* tasks of a node */
    uint32_t actions;      /* that are asked for */
    uint32_t task_deaths;  /* in a thousand actions */
    uint32_t node_crashes; /* the same */
    struct fake_options fake;
};
/* A whole random run, checked after every event; ends with eye_settle and with the end of all
 * tasks. */
void eye_run(const struct eye_options *o, struct eye *e);

/* The parts of it, for directed cases.  eye_start boots nodes and tasks, each with a send right to
 * the special port of each node. */
void eye_start(struct eye *e, const struct eye_options *o);
void eye_boot(struct eye *e, const struct eye_options *o, struct fake *f, struct xk_graph *g);
void eye_stop(struct eye *e);
/* A thread of the task does `todo`; false: it is busy. */
bool eye_do(struct eye_task *k, void (*todo)(struct eye_task *k));
/* Steps until nothing is pending, with the checks. */
void eye_steps(struct eye *e);
void eye_look(struct eye *e);
void eye_settle(struct eye *e);
bool eye_there(const struct eye *e, uint32_t node); /* it is up, and has booted */
uint64_t eye_random(struct eye *e, uint64_t below);
/* Which port it is; EYE_PORTS: none that a task has made. */
uint32_t eye_which(struct eye *e, uint32_t node, const struct mach_port *port);
/* Between eye_boot and the first step: the task makes a port; another one, of any node, has a send
 * right to it; its thread begins with that. */
mach_name eye_make(struct eye_task *k);
mach_name eye_lend(struct eye_task *from, mach_name port, struct eye_task *to);
void eye_begin(struct eye_task *k, void (*todo)(struct eye_task *k));
/* A task makes a port, sends what it has, takes what is there: as random runs do, with notes. */
mach_name eye_port_new(struct eye_task *k);
struct eye_give {
    mach_name name;
    enum mach_disposition d;
};
enum mach_msg_return eye_send(struct eye_task *k, mach_name to, enum mach_disposition d,
                              const struct eye_give *gives, uint32_t count, sim_time timeout);
/* MACH_MSG_SUCCESS: *msg is the caller's (mach_msg_fini). */
enum mach_msg_return eye_receive(struct eye_task *k, mach_name from, struct mach_msg *msg,
                                 sim_time timeout);

extern const struct eye_net eye_norma, eye_machipc;

#endif
