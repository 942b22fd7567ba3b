/* live_internal.h: private to models/live/: the node, its tasks and threads, what is due. */
#ifndef MODELS_LIVE_LIVE_INTERNAL_H
#define MODELS_LIVE_LIVE_INTERNAL_H

#include <poll.h>
#include <signal.h>

#include "models/live/live.h"
#include "models/live/own.h"

#define LIVE_IFS_MAX 4
#define LIVE_STACK (256 * 1024)
#define LIVE_FRAME_MAX 65536 /* bytes of a frame */
#define LIVE_HEADER 8        /* of a frame on a socket: its station and its flags, big-endian */
#define LIVE_ETHERNET 14     /* bytes of an Ethernet header */

enum due_kind { DUE_RUN, DUE_TIMER, DUE_THREAD, DUE_TIMEOUT, DUE_READY };

struct due {
    struct list link; /* in live.due, by time */
    enum due_kind kind;
    sim_time at;
    struct port *task;
    union {
        struct port_timer *timer;
        struct port_thread *thread;
        struct port_end *end;
        struct {
            void (*fn)(struct port *task, void *arg);
            void *arg;
        } run;
    } u;
};

struct port {
    struct list link; /* in the node's tasks */
    struct live *live;
    char name[32];
    bool dead; /* crashed while it ran: dropped when its code returns */
    struct heap heap;
    struct list threads, counters, ends;
    uint64_t random;
    void (*on_end)(void *arg);
    void *on_end_arg;
};

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED };

struct port_thread {
    struct list link; /* in the task's threads */
    struct port *task;
    enum thread_state state;
    bool token, timed_out;
    struct due *due; /* READY, or a timeout: what will run it; else NULL */
    struct coroutine run;
    void *stack;
};

struct port_end {
    struct match_entry match; /* of its interface */
    struct list link;         /* in the task's ends */
    struct list refused;      /* in the interface's, while it waits for room */
    struct port *task;
    struct live_if *ifc;
    const struct port_end_ops *ops;
    void *arg;
    struct due *ready; /* `ready` is to be called; else NULL */
};

struct live_if {
    struct live *live;
    struct port_if_info info;
    int fd;
    bool tap;
    uint32_t peer; /* of a socket: the node at its other end */
    struct match_set ends;
    struct list refused; /* struct port_end */
};

struct live {
    struct live_options o;
    struct live_if ifs[LIVE_IFS_MAX];
    uint32_t if_count;
    struct list tasks; /* the first is the kernel */
    struct list due;
    struct list gone; /* what its tasks that have ended counted */
    uint32_t task_count;
    sim_time origin; /* of the clock of the host */
    volatile sig_atomic_t stopped;
    uint64_t kept;
    uint64_t work[PORT_WORK_COUNT];
    struct live_counts counts;
    struct live_wait_for {
        int fd;
        short events;
        struct port_thread *thread;
    } * waits;             /* threads that wait for descriptors */
    struct pollfd *polled; /* room for the interfaces and for all of them */
    uint32_t wait_count, wait_room;
    FILE *capture;
    uint8_t *frame; /* room for one */
    /* what runs now */
    struct port *running; /* NULL: nobody */
    struct port_thread *thread;
};

struct live_taken { /* a frame that has come */
    struct rope frame;
    struct port_end *end; /* for which it is; NULL: nobody's */
    uint64_t from;
    unsigned flags;
};

/* live_due.c */
void live_begin(struct live *l); /* its time is 0 now */
sim_time live_now(const struct live *l);
struct due *live_due(struct live *l, enum due_kind kind, struct port *task, sim_time at);
void live_undo(struct due *d); /* off the list and freed; NULL is fine */

/* live_thread.c */
void live_thread_run(struct live *l, struct port_thread *t);
void live_thread_free(struct port_thread *t);
/* Those go on that wait for one of these events of the descriptor, or for its failure. */
void live_waits_end(struct live *l, int fd, int events);

/* live_net.c */
short live_if_events(const struct live_if *f);              /* what it waits for */
void live_if_room(struct live_if *f);                       /* there is room again */
bool live_if_take(struct live_if *f, struct live_taken *t); /* false: nothing has come */
void live_if_close(struct live_if *f);                      /* harmless on a closed one */

#endif
