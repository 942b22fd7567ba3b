/* node.h: one node of a machine, as the models see it: CPUs, bus, interface, devices, tasks.
 *
 * Private to models/ and its tests.  The application CPU runs threads; upcalls run on it, on the
 * message coprocessor, or where their task is placed.  CPUs are servers (sim/server.h): class
 * CLASS_UPCALL before CLASS_THREAD.
 *
 *   NODE1  One piece of code runs at a time in the whole process; machine->running is its activity,
 *       NULL between.  An activity's present is start + work.
 *   NODE2  An upcall's code runs when its CPU is granted; the CPU is busy for the work it named.
 *   NODE3  A thread runs only while its job holds the application CPU (SIM_HOLD).  What it named is
 *       served when it leaves: segment by segment, each effect taking place where it was made;
 *       nothing pre-empts it before its last effect.
 *   NODE4  Every upcall, effect, timer, thread and request in flight is in one list of its node or
 *       task, so that a crash finds all of them; what a crash finds is counted as dropped.
 *   NODE5  Frames to one destination of an interface leave, and requests to one device are
 *       submitted, in the order of the calls, one to all (PORT_ALL) in the order of each, and a
 *       marker (PORT_CONTROL) behind all frames of calls before it, though an upcall may have
 *       interrupted the thread that called before.
 *   NODE6  A frame is in exactly one place: an effect, the network interface, an upcall, a
 *       receiver.
 */
#ifndef MODELS_NODE_H
#define MODELS_NODE_H

#include "disks/blkdev.h"
#include "disks/library/changer.h"
#include "mesh/train.h"
#include "models/adapter.h"
#include "models/machine.h"
#include "models/price.h"
#include "sim/audit.h"
#include "sim/counts.h"
#include "sim/digest.h"
#include "sim/ledger.h"
#include "sim/measure.h"
#include "sim/population.h"
#include "sim/rng.h"
#include "sim/server.h"
#include "sim/thread.h"

enum { CLASS_UPCALL = 1, CLASS_THREAD = 2 };

/* What runs: when it was granted its CPU, and the work named since. */
struct activity {
    struct node *node;
    struct port *task;
    struct port_thread *thread; /* NULL: an upcall */
    sim_time start, work;
    bool unpriced; /* booting costs nothing */
    bool polls;    /* on the coprocessor: interrupts cost nothing */
};

/* A task: what os/ holds as its port. */
struct port {
    struct node *node;
    struct machine *machine;
    const char *name;
    struct list link; /* node->tasks */
    struct heap_block **heap;
    size_t heap_count, heap_room;
    struct list timers;  /* pending: struct timer */
    struct list threads; /* alive */
    struct list watchers;
    struct list ends;       /* struct port_end */
    struct list counters;   /* struct task_counters */
    struct sim_server *cpu; /* that runs its upcalls */
    void (*on_end)(void *arg);
    void *on_end_arg;
    uint64_t heap_bytes, heap_most;
    struct sim_rng rng;
    struct sim_customer customer;
    struct sim_ledger *ledger; /* NULL: it has none */
    uint32_t id;               /* 0: the kernel */
    bool rng_ready, dead;
};

enum thread_state {
    THREAD_NEW,     /* its job waits for the first grant; no actor yet */
    THREAD_READY,   /* woken; its job waits for the CPU */
    THREAD_RUNNING, /* holds the CPU; its code runs */
    THREAD_PAYING,  /* its code waits while its work is served */
    THREAD_BLOCKED, /* off the CPU until a wake or its deadline */
    THREAD_ASLEEP,  /* off the CPU until its deadline */
    THREAD_ENDED
};
enum thread_then { THEN_RUN, THEN_BLOCK, THEN_SLEEP, THEN_END };

struct port_thread {
    struct activity at;
    struct sim_job job;
    struct sim_event deadline_event;
    struct list link;    /* task->threads, or node->free_threads */
    struct list effects; /* made, not yet reached by the work that is paid */
    struct sim_thread *actor;
    void (*fn)(void *arg);
    void *arg;
    const char *name, *what;
    uint64_t on;
    sim_time deadline; /* SIM_NEVER: none */
    sim_time paid;     /* of at.work */
    uint32_t number;   /* of the node, for the digest */
    uint8_t flags, state, then;
    bool token, timed_out;
};

/* Effects: what code does to the world, taking place at its present. */
enum effect_kind {
    EFFECT_SEND,
    EFFECT_WAKE,
    EFFECT_SUBMIT,
    EFFECT_CHANGE,
    EFFECT_SPAWN,
    EFFECT_TASK,
    EFFECT_CRASH,
    EFFECT_KINDS
};
struct effect {
    struct sim_event event;
    struct list link;  /* node->effects, or a thread's effects */
    struct list order; /* node->order: sends and submits, as they were called */
    struct port *task;
    sim_time offset; /* into a thread's work */
    uint8_t kind;
    bool due;     /* its moment has come */
    bool control; /* of a send: PORT_CONTROL */
    uint32_t dst;
    struct iface *iface; /* of a send */
    struct port *about;
    union {
        struct nic_frame *frame;
        struct port_thread *thread;
        struct request *request;
        struct change *change;
        struct {
            void (*main)(struct port *task, void *arg);
            void *arg;
        };
    };
};

enum upcall_kind {
    UPCALL_BOOT,
    UPCALL_FRAME,
    UPCALL_READY,
    UPCALL_TIMER,
    UPCALL_IO,
    UPCALL_CHANGE,
    UPCALL_TASK,
    UPCALL_NODE,
    UPCALL_KINDS
};
struct upcall {
    struct sim_job job;
    struct sim_event event;
    struct list link; /* node->upcalls */
    struct port *task;
    struct port_end *end; /* of a frame and of room for one; NULL: it is closed */
    uint32_t shapes;      /* looked at to find it */
    uint8_t kind;
    bool started, up;
    bool interrupts; /* its frame has told the CPU that it is there */
    union {
        struct nic_frame *frame; /* cookie: rope_name as it was sent */
        struct timer *timer;
        struct request *request;
        struct change *change;
        struct {
            struct watcher *watcher;
            uint32_t about, life;
        };
        struct {
            void (*main)(struct port *task, void *arg);
            void *arg;
        };
    };
};

/* The part of a port_timer that is ours. */
struct timer {
    struct sim_event event;
    struct list link;      /* task->timers while pending */
    struct upcall *queued; /* fired, its upcall not started */
};

/* A block request in flight. */
struct request {
    struct blk_req blk;
    struct list link; /* node->requests */
    struct node *node;
    struct port *task;
    struct port_io *io; /* NULL: its task is gone */
    uint32_t dev;
    uint64_t bytes; /* that the device moves */
    uint64_t trace; /* its id in a trace */
};

/* A request to a library in flight. */
struct change {
    struct changer_req req;
    struct list link; /* node->changes */
    struct node *node;
    struct port *task;
    struct port_change *io; /* NULL: its task is gone */
    struct changer *to;
};

struct watcher {
    struct list link; /* task->watchers */
    struct port *task;
    void (*fn)(void *arg, uint32_t node, uint32_t life, bool up);
    void *arg;
};

#define NETWORKS_MAX 8

/* What a network may have of its own. */
struct network_own {
    struct nic_params nic;
    struct price_list prices; /* those of network.priced */
};

/* What the interfaces of some nodes to it are to them. */
struct net_side {
    const struct adapter_ops *adapter; /* NULL: as dma that never interrupts */
    struct adapter_params *params;
    struct nic_params nic;
};

struct network {
    const char *name;
    char *path; /* of its table, in sentences */
    const struct net_ops *ops;
    void *params;
    struct val *table; /* what params borrows from */
    struct net *net;
    struct network_own own;
    struct net_side *sides; /* [0]: of those whose group says nothing; then by group that does */
    uint32_t side_count;
    const struct net_side **side_of; /* by node */
    unsigned priced;                 /* bits: which prices are its own */
    bool plain;                      /* the short form: names of parts have no prefix */
    bool all;                        /* every node is on it: station = node */
    bool faults, overtakes, drops;   /* channels die by a schedule; as net_grid says */
    uint32_t count;                  /* stations */
    uint32_t *nodes, *station_of;    /* station -> node; node -> station, or UINT32_MAX */
    struct iface **at;               /* by station */
};

struct capture;

/* A capture that looks at an interface. */
struct tap {
    struct capture *of;
    struct tap *next; /* on the same */
};

/* A node's place on a network. */
struct iface {
    struct node *node;
    struct network *network;
    const struct net_side *side;
    uint32_t station;
    struct nic *nic;
    struct adapter_state adapter;
    uint32_t sends_pending;    /* frames accepted, not yet in the interface's queue */
    struct match_set ends;     /* struct port_end */
    struct list open, refused; /* the same in their order; those that wait for room */
    struct tap *taps;          /* captures that look at it; NULL: none */
};

struct node {
    struct machine *machine;
    struct node_own *own;     /* its group's or the machine's */
    uint32_t id, incarnation; /* from 1; rises at each restart */
    uint64_t kept;            /* port_keep */
    bool up;
    struct sim_server cpu, coprocessor, bus;
    struct sim_server *third; /* CPU; NULL: it has none */
    struct iface *ifaces;
    uint32_t iface_count;
    struct blkdev **devs;      /* owned */
    struct sim_inside *in_dev; /* by device: requests in it */
    uint32_t dev_count;
    struct changer **changers; /* that it controls; the machine's */
    uint32_t changer_count;
    struct list tasks, dead_tasks; /* struct port */
    struct list effects, order, upcalls, requests, changes, free_threads;
    uint32_t next_task, next_thread;
};

struct node_params {
    bool coprocessor, third, preempt;
    int upcall_cpu; /* NODE_UPCALL_* */
    int byte_order; /* NODE_ORDER_* */
    int64_t memory, heap_limit;
};
enum { NODE_UPCALL_APPLICATION, NODE_UPCALL_COPROCESSOR };
enum { NODE_ORDER_BIG, NODE_ORDER_LITTLE };

/* What a group of nodes may have of its own. */
struct node_own {
    struct node_params node;
    struct price_list prices;
};
extern const struct param node_own_params[];
extern const char *const node_own_names[]; /* of these, and its devices */

/* Devices that each of some nodes has. */
struct storage {
    struct os_disk first; /* of them */
    const struct val *spec;
    char *path;
};

/* What became of things, for the audit. */
enum drop_reason {
    DROP_SENDER_CRASHED,   /* accepted by the port, not yet in the interface */
    DROP_RECEIVER_CRASHED, /* received, its upcall not started */
    DROP_NO_RECEIVER,      /* no end is for it */
    DROP_ADAPTER_FULL,     /* its cells found no room (ADAPT2) */
    DROP_REASONS
};
struct tally { /* made = done + dropped + inside */
    uint64_t made, done, dropped, inside;
};
struct machine_counts {
    uint64_t frames_in, frames_out, frames_dropped[DROP_REASONS];
    uint64_t bytes_in, bytes_out, controls, filter_looks, adapter_interrupts;
    struct tally effects, upcalls, requests, changes, threads;
    uint64_t timers_dropped;
    uint64_t crashes, restarts;
    /* Sums over frames delivered and requests completed, for the split of time. */
    sim_u128 frame_queue, frame_dma, frame_mesh, frame_blocked;
    sim_time upcall_wait, upcall_work;
    double io_queue, io_device, io_bytes; /* moved by devices inside the window so far */
};

/* The window as programs state it, and what is read at its edges. */
struct machine_window {
    struct sim_event edges[2]; /* [true]: it opens */
    uint32_t said[2], of;      /* programs: that have said so, that are to */
    bool asked, missed;        /* missed: closed before it had opened */
    bool told;                 /* port_progress was called */
    double progress;           /* made inside */
    sim_time bin;              /* width of the bins of progress over time; 0: none */
    double *bins;              /* of the whole run, from time 0 */
    size_t bin_count;
    struct machine_counts at_open, at_close;
    struct sim_population programs; /* port_stage */
    struct sim_ledger_book ledgers; /* port_ledger */
    struct machine_measure {
        const struct measure *of;
        struct sim_measure *to;
    } * measures;
    size_t known;
};

struct machine_params {
    int64_t rows, columns, io_nodes;
    int mapping; /* of ranks */
    int64_t mapping_block;
    const struct val *mapping_list;
    bool service_node, flatten, restart_programs, trains;
    sim_time detector_delay;
    struct node_own own;
    struct nic_params nic;
    const struct val *network, *networks, *storage, *libraries, *nodes, *os, *graph, *domains,
        *faults, *captures;
};

struct sim_faults;
struct machine {
    struct sim *sim;
    const char *path; /* of its table, in sentences */
    const struct machine_registry *reg;
    struct machine_params params;
    struct activity *running; /* NODE1 */
    struct network networks[NETWORKS_MAX];
    struct xk_network xk_networks[NETWORKS_MAX]; /* what the graph knows of them */
    uint32_t network_count;
    uint32_t *iface_counts; /* by node */
    struct capture **captures;
    size_t capture_count;
    struct node *nodes;
    struct os_layout layout;
    uint32_t *compute, *io, *ranks;
    struct os_hardware *hardware; /* the layout's */
    struct os_boot boot;
    const struct measure *measures, *rate; /* the workload's */
    const struct counter_ratio *ratios;
    struct sim_event boot_event;
    struct list free_upcalls, free_effects, free_requests;
    struct list notices; /* of the failure detector, on their way */
    struct list trains, free_trains;
    struct sim_settler settler;
    struct train *gathering; /* frames of what runs, not yet on their way; NULL: none */
    bool train_runs;         /* an upcall of a train's frame */
    bool closing;
    bool looking;      /* machine_look */
    uint64_t programs; /* threads inside that are not services' */
    struct sim_faults *faults;
    uint64_t steps, fault_step; /* fault_step: the next at which a fault is due; UINT64_MAX: none */
    struct machine_counts counts;
    struct node_own **owns; /* of groups that say so */
    size_t own_count;
    struct storage *storages; /* the machine's, if it has I/O nodes, and of groups that say so */
    size_t storage_count;
    struct os_disk **disks; /* by node: of one of these; NULL: it has no devices */
    struct changer_list libraries;
    struct machine_window window;
    struct sim_counted counted;
    char *failure;
};

/* ---- node.c ---- */
/* Down, with its CPUs and its bus; n->own is set. */
void node_init(struct node *n, struct machine *m, uint32_t id);
/* Its next network interface, at that station. */
bool node_connect(struct node *n, struct network *to, uint32_t station, struct err *e);
void node_fini(struct node *n); /* crashes it, and frees its devices and its interface */
void node_boot(struct node *n); /* in the boot upcall: the machine's boot code */
/* Ends a life, and begins the next; harmless on a node that is down, or up. */
void node_crash(struct node *n);
void node_restart(struct node *n);
void node_start(struct node *n);                               /* its first incarnation */
void machine_tell(struct machine *m, uint32_t about, bool up); /* after the detector's delay */
void machine_forget_notices(struct machine *m);                /* those still to be told */

/* ---- fault.c ---- */
/* Reads machine.faults (NULL: none), when nodes, network and devices are there. */
bool faults_load(struct machine *m, const struct val *v, const char *path, struct err *e);
void faults_free(struct machine *m);
void faults_step(struct machine *m); /* a fault waits for this step */
/* Counts a happening; a fault that waits for it comes right after it. */
static inline void machine_step(struct machine *m)
{
    if (++m->steps == m->fault_step)
        faults_step(m);
}

/* ---- networks.c ---- */
/* Of the loaded parameters, when groups of nodes are there. */
bool networks_plan(struct machine *m, struct err *e);
bool networks_build(struct machine *m, struct err *e); /* when nodes are there; their interfaces */
void networks_fault_targets(struct machine *m);
void networks_free(struct machine *m);
/* Of work at an interface of that node to it: its own price, or the node's. */
sim_time network_cost(struct network *n, struct node *node, enum port_work kind, uint64_t amount);

/* ---- capture.c ---- */
/* When networks are planned. */
bool captures_plan(struct machine *m, struct err *e);
void captures_free(struct machine *m); /* with the machine */
/* What comes now is in no file. */
void captures_end(struct machine *m);
/* A frame that an interface is given to send, or got. */
void captures_write(const struct tap *t, const struct nic_frame *f, bool in);

/* ---- layout.c ---- */
/* Of the loaded parameters.  False with a sentence. */
bool layout_make(struct machine *m, const char *path, struct err *e);

/* ---- port_window.c ---- */
/* Watches the window's edges. */
void machine_window_init(struct machine *m);
void machine_window_fini(struct machine *m);
void machine_window_declare(struct machine *m); /* the workload's measures */
void machine_window_finish(struct machine *m);  /* the rate; at_close is set */

/* ---- train.c ---- */
/* A frame that code of this node sends at its present.  False: as an effect of its own. */
bool train_takes(struct port *task, struct iface *i, struct nic_frame *f, bool part);
/* What was gathered goes its way: before any other effect of the code, and when it ends. */
void train_leaves(struct machine *m);
void train_wants_room(struct iface *i); /* frame_left, once a frame of a train has left its queue */
void trains_lose(struct port_end *e);   /* what comes to it by train has nobody to go to */
void trains_settle(void *machine);      /* all of them become ordinary frames, wherever they are */
void trains_free(struct machine *m);

/* ---- effect.c ---- */
/* The present of whatever runs, or the clock. */
sim_time activity_now(const struct machine *m);
struct effect *effect_new(struct port *task, enum effect_kind kind);
/* Lets it take place at the present: at once, or when the work named so far is done. */
void effect_take(struct effect *f);
void effect_at(struct effect *f, sim_time when); /* at a moment from now on */
void effect_now(struct effect *f);
void effect_hasten(struct effect *f); /* one of a thread, whose work is paid no more: now */
void effect_do(struct effect *f);
void effect_drop(struct effect *f);
/* Does what was due and waited for effects that are gone. */
void effects_release(struct node *n);

/* ---- upcall.c ---- */
/* Of a task, which drops it when it goes; to be submitted. */
struct upcall *upcall_new(struct port *task, enum upcall_kind kind);
/* Queues it at the CPU that runs upcalls, now. */
void upcall_submit(struct upcall *u);
struct sim_server *cpu_of_upcalls(struct node *n); /* of tasks that are not placed elsewhere */
void upcall_drop(struct upcall *u);

/* ---- port_task.c ---- */
/* Has no code yet; of a node that is up. */
struct port *task_new(struct node *n, const char *name);
/* Ends a task: its memory, threads, timers, and what is in flight for it. */
void task_crash(struct port *t);
void task_free(struct port *t);
struct port *node_kernel(const struct node *n);

/* ---- port_thread.c ---- */
/* To be begun by thread_start. */
struct port_thread *thread_new(struct port *task, const char *name, void (*fn)(void *arg),
                               void *arg, unsigned flags);
void thread_start(struct port_thread *t); /* joins the queue for the CPU */
/* The first lets it go on, or counts for its next block; the second ends it where it stands. */
void thread_wake(struct port_thread *t);
void thread_kill(struct port_thread *t);

/* ---- port_timer.c, port_blk.c, port_net.c ---- */
struct timer *timer_of(struct port_timer *t); /* in its opaque part */
void timers_drop(struct port *task);          /* all that are pending */
/* Given to its device; when its task goes, it completes for nobody. */
void request_submit(struct request *r);
void request_orphan(struct request *r);
void request_finish(struct request *r); /* in its upcall */
void request_free(struct request *r);   /* back to the machine's pool */
/* ---- port_changer.c ---- */
bool libraries_make(struct machine *m, struct err *e); /* when all devices are there */
void change_submit(struct change *x);                  /* given to its library */
void change_finish(struct change *x);                  /* in its upcall */
void change_free(struct change *x);                    /* forgets it, wherever it is */
/* To the interface, now. */
void frame_send(struct iface *i, struct nic_frame *f);
void frame_left(struct iface *i);      /* the transmit queue has moved on */
void frame_received(struct upcall *u); /* in its upcall */
void frame_up(struct port_end *e, struct nic_frame *f, sim_time at); /* the same; f stays */
void end_ready(struct upcall *u);                                    /* in its upcall */
struct nic_handler iface_handler(struct iface *i);                   /* for nic_set_handler */
/* The end that takes every frame, whatever it is; NULL: that must be looked at. */
struct port_end *iface_taker(const struct iface *i);
struct port *end_task(const struct port_end *e);
void ends_close(struct port *task); /* all of a task */

#endif
