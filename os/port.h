/* port.h: the narrow waist: all that os/ and workloads/ know of the world they run in.
 *
 * Bound at link time.  Implementations: models/ (the simulator), tests/fake/ (holds every pending
 * message and timer and lets a driver choose the next), models/live/ (a process on the host's
 * network).  Nothing here says whether it is simulated.
 *
 * A `struct port` is one task's view of its node.  Two kinds of code run (law 4):
 *   upcalls   message arrival, timer, I/O completion: never block;
 *   threads   may block in the calls marked (blocks).
 * On one node one piece of code runs at a time and is switched only where it blocks.
 *
 *   PORT1  os/ names the work it does (port_work); the machine prices it. port_now() inside an
 *       upcall is its start plus the work named so far; what it sends, wakes, arms or submits is
 *       stamped with that.
 *   PORT2  A thread's work is paid for at the next call that others can observe.
 *   PORT3  Everything a task owns (heap, threads, timers, I/O, receivers) goes when it crashes,
 *       without running any of its code; what comes late for it is dropped and counted.  What a
 *       thread of it has done in the name of another task of the node takes place all the same.
 *   PORT4  Data lives in ropes (sim/base/rope.h), outside any task.
 */
#ifndef OS_PORT_H
#define OS_PORT_H

#include "sim/base/base.h"
#include "sim/base/counter.h"
#include "sim/base/list.h"
#include "sim/base/match.h"
#include "sim/base/rope.h"
#include "sim/base/time.h"

struct port;

/* ---- who and when ---- */
/* Its node's present: PORT1. */
sim_time port_now(struct port *p);
uint32_t port_node(const struct port *p);        /* 0 .. port_nodes()-1 */
uint32_t port_nodes(const struct port *p);       /* nodes of the machine */
uint32_t port_incarnation(const struct port *p); /* of the node: rises at each restart, from 1 */
/* One number of the node that outlives its crashes; 0 at first. */
uint64_t port_kept(const struct port *p);
void port_keep(struct port *p, uint64_t value);
/* Which byte of a word stands first in its memory: its CPU has to swap the words of what travels,
 * which is big-endian (PORT_WORK_SWAP). */
bool port_little_endian(const struct port *p);
/* Physical memory of the node, which pages of programs have frames in; 0: no limit. */
uint64_t port_memory(const struct port *p);
const char *port_task_name(const struct port *p);
bool port_in_thread(const struct port *p);

/* ---- work: what the code does; the machine's price list turns it into CPU time ----
 * SWITCH is named by the port itself, when a thread that waited gets the CPU again; INTERRUPT by
 * the code that an upcall enters, and it costs nothing on a CPU that polls (the coprocessor). */
enum port_work {
    PORT_WORK_COPY,      /* bytes copied by the CPU */
    PORT_WORK_CHECKSUM,  /* bytes summed */
    PORT_WORK_COPY_SUM,  /* bytes copied and summed in one pass */
    PORT_WORK_XOR,       /* bytes XORed */
    PORT_WORK_TRAP,      /* system calls: user to kernel and back */
    PORT_WORK_INTERRUPT, /* interrupts taken */
    PORT_WORK_SWITCH,    /* context switches between threads */
    PORT_WORK_CROSS,     /* protection domains crossed by a message */
    PORT_WORK_SEND,    /* messages posted to the network by a program's library: fixed send path */
    PORT_WORK_RECEIVE, /* messages taken from the network for a program: fixed receive path */
    PORT_WORK_FRAME_OUT,   /* frames given to a network interface */
    PORT_WORK_FRAME_IN,    /* frames taken from a network interface */
    PORT_WORK_FILTER,      /* look-ups of a frame that came, to find the end that it is for: one for
                              each shape of conditions (match.h, which the port names; and
                              os/proto/filter/program.h) */
    PORT_WORK_FILTER_STEP, /* instructions of filters that are run on a datagram that came */
    PORT_WORK_FRAME_BYTES, /* their bytes, moved between memory and the interface; free where DMA
                              does that without the CPU */
    PORT_WORK_LAYER,       /* passes of a message through a protocol layer (header made or read) */
    PORT_WORK_CHOICE,      /* passes through a protocol without a header, which only chooses */
    PORT_WORK_SWAP,        /* words of four bytes whose bytes are put in the other order */
    PORT_WORK_LOOKUP,      /* keys looked up in a map */
    PORT_WORK_TIMER,       /* timers set or cancelled */
    PORT_WORK_ALLOC,       /* blocks of memory allocated */
    PORT_WORK_MATCH,       /* entries compared while a receive is matched */
    PORT_WORK_RPC,         /* server procedures entered: dispatch and stub */
    PORT_WORK_FILE,        /* file system operations: fixed part of a request */
    PORT_WORK_CALL,        /* layers of files entered: a call through a table, and its return */
    PORT_WORK_BLOCK,       /* file blocks mapped to disk blocks */
    PORT_WORK_IO,          /* device requests set up */
    PORT_WORK_MAP,         /* pages mapped or reprotected */
    PORT_WORK_UNMAP,       /* pages taken out of a domain's map */
    PORT_WORK_PROTECT,     /* pages of message buffers whose protection changes */
    PORT_WORK_RANGE,       /* pages for which a range of addresses is looked for in a domain */
    PORT_WORK_CLEAR,       /* bytes of pages that are cleared for another domain */
    PORT_WORK_TOUCH,       /* pages first touched by a domain that has just got them: TLB misses */
    PORT_WORK_INVALIDATE,  /* pages taken from the program that had them */
    PORT_WORK_FAULT,       /* page faults taken */
    PORT_WORK_TWIN,        /* bytes of a page copied, so that its changes can be told later */
    PORT_WORK_DIFF,        /* bytes of a page compared with its twin */
    PORT_WORK_DIFF_OUT,    /* bytes of a diff written down */
    PORT_WORK_DIFF_IN,     /* bytes of a diff brought into a page */
    PORT_WORK_PACK,        /* bytes compressed */
    PORT_WORK_UNPACK,      /* bytes made by expanding */
    PORT_WORK_FLOP,        /* floating-point operations of a program */
    PORT_WORK_OP,          /* simple operations of a program */
    PORT_WORK_COUNT
};
/* The running code has done so much of `kind`: its CPU time is paid for as PORT1 and PORT2 say.
 * Never blocks. */
void port_work(struct port *p, enum port_work kind, uint64_t amount);
/* A program's own time (think time, compute phases): a parameter of the workload, on the CPU.
 * (blocks in a thread; in an upcall it is work) */
void port_compute(struct port *p, sim_time duration);

/* ---- memory of the task ---- */
void *port_alloc(struct port *p,
                 size_t size); /* zeroed; never NULL: the task's limit is a crash of the point */
void *port_realloc(struct port *p, void *ptr, size_t size); /* the grown part is zeroed */
void port_free(struct port *p, void *ptr);                  /* NULL is fine */
uint64_t port_heap_bytes(const struct port *p); /* that it has now; without ropes' data */

/* ---- timers (upcalls) ---- */
struct port_timer {
    void (*fn)(struct port_timer *t);
    struct port *port;
    void *arg;
    uint64_t opaque[16]; /* the implementation's */
};
/* Prepares a timer, which is not pending; fn is called as an upcall of the task each time it
 * expires.  The memory is the caller's, and stays while it is pending. */
void port_timer_init(struct port *p, struct port_timer *t, void (*fn)(struct port_timer *t),
                     void *arg);
void port_timer_set(struct port_timer *t,
                    sim_time delay);                 /* from port_now(); sets anew when pending */
bool port_timer_cancel(struct port_timer *t);        /* false when it was not pending */
bool port_timer_pending(const struct port_timer *t); /* fn is still to be called */

/* ---- threads ---- */
struct port_thread;
enum { PORT_THREAD_SERVICE = 1 }; /* waits for work for ever: no deadlock */
/* NULL when the machine has no room for another thread. */
struct port_thread *port_thread_spawn(struct port *p, const char *name, void (*fn)(void *arg),
                                      void *arg, unsigned flags);
struct port_thread *port_thread_self(struct port *p); /* NULL in an upcall */
/* (blocks) until port_thread_wake; a wake that came before counts.  Wait in a loop.  `what` is
 * static text. */
void port_thread_block(struct port *p, const char *what, uint64_t on);
bool port_thread_block_for(struct port *p, const char *what, uint64_t on,
                           sim_time timeout); /* (blocks) false: timed out */
void port_thread_wake(struct port *p, struct port_thread *t);
void port_thread_sleep(struct port *p, sim_time delay); /* (blocks) off the CPU */
/* Pays for the work named so far. (blocks in a thread; nothing in an upcall) */
void port_pay(struct port *p);

/* ---- network interfaces ----
 *
 * A node has as many as it is on networks; those without a network have none.  Frames come and go
 * by ends, each of a task: a frame that arrives goes to the first end of its interface, in the
 * order in which they were opened (but see port_end_first), whose conditions it meets
 * (sim/base/match.h), as an upcall of its task; one that meets none is dropped and counted.  Nobody
 * but its network knows what a station is: on one of numbered nodes port_if_station tells it,
 * elsewhere it is learned (ARP). */
struct port_if_info {
    char name[16];    /* its network's */
    uint32_t mtu;     /* largest frame in bytes: header and data */
    uint64_t station; /* of this node on that network */
    uint64_t rate;    /* bytes a second that its medium carries at most; 0: not known */
    bool reliable;    /* frames are not lost while both ends live */
    bool ordered;     /* frames between two nodes keep their order */
    bool control;     /* takes PORT_CONTROL */
    bool broadcast;   /* takes PORT_ALL */
};
enum port_if_result {
    PORT_IF_OK,
    PORT_IF_BUSY,       /* the transmit queue is full */
    PORT_IF_TOO_LONG,   /* longer than the interface takes */
    PORT_IF_NO_STATION, /* no such station, or no way to all */
    PORT_IF_NONE,       /* the node has no such interface */
    PORT_IF_TAKEN       /* an end with equal conditions is open there */
};

uint32_t port_if_count(const struct port *p); /* of this node: `ifc` is below it */
/* Fills `out`. */
void port_if_describe(const struct port *p, uint32_t ifc, struct port_if_info *out);
/* The station of a node of the machine on that network; false: it is not on it. */
bool port_if_station(const struct port *p, uint32_t ifc, uint32_t host, uint64_t *station);
/* The node at a station; false: there is none. */
bool port_if_host(const struct port *p, uint32_t ifc, uint64_t station, uint32_t *host);

struct port_end;
struct port_end_ops {
    /* A frame from a station, which is the receiver's to keep; flags: PORT_ALL. */
    void (*receive)(void *arg, uint64_t from, unsigned flags, struct rope *frame);
    void (*ready)(void *arg); /* there is room again after PORT_IF_BUSY; may be NULL */
};
/* An end of that task, until it closes it or the task ends; `ops` lives as long.  Without
 * conditions it takes every frame.  NULL: PORT_IF_NONE or PORT_IF_TAKEN in *why. */
struct port_end *port_end_open(struct port *task, uint32_t ifc, const struct match *m,
                               uint32_t count, const struct port_end_ops *ops, void *arg,
                               enum port_if_result *why);
/* It is before all other ends of its interface from now on, whenever they were opened: what taps a
 * node for itself.  One for all frames has a condition with an empty mask then. */
void port_end_first(struct port_end *e);
/* What is on its way up to it is dropped and counted.  NULL is fine. */
void port_end_close(struct port_end *e);
enum {
    /* A piece of a message between its first and its last, sent to a node whose receiver will join
     * it to what it has and do nothing else that anybody can observe: a hint, by which a simulator
     * saves time. */
    PORT_PART = 1,
    /* A marker that keeps its place: it leaves the transmit queue in its turn, behind all that this
     * node had posted there before, to whatever station; it goes by the channels as any other frame
     * does; and it is handed up in its turn.  An interface that cannot promise that says so
     * (port_if_info.control), and is not given any: a live one over UDP, whose kernel has queues of
     * its own, and no channels. */
    PORT_CONTROL = 2,
    /* To every station but this one; `station` is not looked at.  Where the interface cannot:
     * PORT_IF_NO_STATION. */
    PORT_ALL = 4
};
/* Sends one frame; the rope is taken (empty afterwards) when the result is PORT_IF_OK.  Never
 * blocks: after PORT_IF_BUSY `ready` of this end is called once there is room; who else was
 * answered so may take it before. */
enum port_if_result port_end_send(struct port_end *e, uint64_t station, unsigned flags,
                                  struct rope *frame) MUST_CHECK;
/* The running code hands a frame of so many bytes to the interface, or takes one from it: names
 * PORT_WORK_FRAME_OUT or _IN, and _BYTES, at the prices of its network.  The driver says when, once
 * for each frame. */
void port_end_out(struct port_end *e, uint64_t bytes);
void port_end_in(struct port_end *e, uint64_t bytes);

/* ---- block devices ---- */
struct port_blk_info {
    char name[32];
    uint64_t sectors;
    uint32_t sector_bytes;
    uint32_t best_sectors;
    bool volatile_writes; /* a write may be done before it is on the medium: flush */
    /* A tape drive: `sector` is the number of a block on the medium, which has a length of its own
     * of at most `largest` bytes; a request is for one (sectors == 1); what is written makes all
     * behind it unreadable.  `sectors` is what fits, in bytes. */
    bool sequential;
    uint32_t largest;
    char medium[32]; /* the label of what is loaded; "": nothing, */
    uint64_t at;     /* and the block that comes next */
};
enum port_io_op {
    PORT_IO_READ,
    PORT_IO_WRITE,
    PORT_IO_FLUSH,  /* has no sectors: writes done before it are on the medium */
    PORT_IO_LOCATE, /* these of sequential devices, and without sectors, too: to block `sector`; */
    PORT_IO_MARK,   /* a mark there; */
    PORT_IO_ERASE   /* from there to the end of the medium */
};
enum port_io_status {
    PORT_IO_OK,
    PORT_IO_MEDIUM,
    PORT_IO_DEVICE,
    PORT_IO_ABORTED,
    PORT_IO_NO_MEDIUM, /* nothing is loaded, or not for writing; or the device is not sequential */
    PORT_IO_END        /* sequential devices: `end` says of what */
};
enum port_io_end {
    PORT_END_NONE,
    PORT_END_MARK,  /* there is a mark; what follows it is the next block */
    PORT_END_DATA,  /* nothing is written there */
    PORT_END_MEDIUM /* no room for more */
};
struct port_io {
    enum port_io_op op;
    uint64_t sector;
    uint32_t sectors;
    struct rope data; /* in: to be written; out: what was read */
    enum port_io_status status;
    enum port_io_end end; /* out, of a sequential device, like `moved` */
    uint64_t moved;       /* bytes of the block; of PORT_IO_LOCATE the block that it stands at */
    void (*done)(struct port_io *io); /* upcall */
    void *arg;
    struct port *port;
    sim_time queued_for, device_for; /* out: the split of its time, for reports */
    uint64_t trace;                  /* its id in a trace; 0: its sector */
    uint64_t opaque[4];
};
uint32_t port_blk_count(const struct port *p); /* of this node: `dev` is below it */
/* Fills `out`. */
void port_blk_describe(const struct port *p, uint32_t dev, struct port_blk_info *out);
void port_blk_submit(struct port *p, uint32_t dev, struct port_io *io); /* never blocks */
/* What a sequential device tells of the time from block to block of what is loaded, when nothing
 * else is asked of it; SIM_NEVER: nothing is loaded, or it is not sequential. */
sim_time port_blk_locate_time(const struct port *p, uint32_t dev, uint64_t from, uint64_t to);
/* Where a block lies on it. */
struct port_blk_spot {
    uint64_t place; /* along the tape, from its load point, in units of the device */
    uint32_t pass, section;
    bool back; /* this pass leads towards the load point */
};
/* Of what is loaded, as a sequential device tells it; false: nothing is, or it is none. */
bool port_blk_spot(const struct port *p, uint32_t dev, uint64_t block, struct port_blk_spot *out);

/* ---- media changers: libraries of which this node has the control path ---- */
enum port_element { PORT_CELL, PORT_DRIVE, PORT_PORT, PORT_PASS, PORT_HAND, PORT_ELEMENTS };
struct port_place {
    uint32_t element, index; /* enum port_element */
};
#define PORT_LABEL_SIZE 16 /* of a label, with its end */
enum port_change_op {
    PORT_CHANGE_MOVE,      /* what is in `from` goes to `to`: unloaded before, loaded afterwards */
    PORT_CHANGE_LOOK,      /* what the library believes to be in `from`; nothing moves */
    PORT_CHANGE_INVENTORY, /* an arm reads the label in `from` */
    PORT_CHANGE_IMPORT,    /* somebody puts the cartridge with that label into the port `from` */
    PORT_CHANGE_EXPORT     /* somebody takes out what is in the port, or the dead drive, `from` */
};
enum port_change_status {
    PORT_CHANGE_OK,
    PORT_CHANGE_EMPTY,      /* there is nothing in `from` */
    PORT_CHANGE_FULL,       /* there is something in `to` */
    PORT_CHANGE_LABEL,      /* it bears another label than was asked for: it has not been moved */
    PORT_CHANGE_STUCK,      /* it does not come out */
    PORT_CHANGE_ARM,        /* no arm works; the cartridge may be in a hand */
    PORT_CHANGE_DRIVE_DEAD, /* the drive does not work; the cartridge may be in it */
    PORT_CHANGE_UNFIT,      /* the drive cannot read such a cartridge, which is in it */
    PORT_CHANGE_BLOCKED,    /* the pass does not work; the cartridge may be in it */
    PORT_CHANGE_NO_ELEMENT, /* there is none, or the request is not for one of that kind */
    PORT_CHANGE_STATUSES
};
struct port_change {
    enum port_change_op op;
    struct port_place from, to;
    char label[PORT_LABEL_SIZE]; /* in: what is expected, "": anything; out: what was read */
    enum port_change_status status;
    void (*done)(struct port_change *c); /* upcall */
    void *arg;
    struct port *port;
    sim_time waited_for, moved_for, drive_for; /* out: for an arm; by one; (un)loading */
};
struct port_changer_info {
    char name[32];
    uint32_t count[PORT_ELEMENTS];
    uint32_t cartridges; /* that it began with: port_changer_home */
};
uint32_t port_changer_count(const struct port *p); /* of this node: `changer` is below it */
/* Fills `out`. */
void port_changer_describe(const struct port *p, uint32_t changer, struct port_changer_info *out);
/* The cell in which cartridge k was at the start, and its label: what a catalogue has. */
uint32_t port_changer_home(const struct port *p, uint32_t changer, uint32_t k,
                           char label[PORT_LABEL_SIZE]);
/* Where a drive is a block device: of which node, and there which.  False: nowhere. */
bool port_changer_drive(const struct port *p, uint32_t changer, uint32_t drive, uint32_t *node,
                        uint32_t *dev);
/* Never blocks.  Requests that name one element are served in their order.  What has begun when
 * this task crashes goes on; a look or an inventory tells later what became of it. */
void port_changer_submit(struct port *p, uint32_t changer, struct port_change *c);

/* ---- random draws, measures, trace ---- */
uint64_t port_random(struct port *p);                   /* the task's own named stream */
uint64_t port_random_below(struct port *p, uint64_t n); /* n > 0 */

/* The measurement window: all figures of a run speak of it.  It opens when `of` tasks have said so,
 * and closes when `of` have said that; a task that says nothing has no part in it.  When it is
 * closed before it has opened there is none, and the results say so. */
void port_window(struct port *p, bool open, uint32_t of);
/* An amount (bytes moved, operations done) made since `since`, until now: the part inside the
 * window counts.  The sum of all nodes over the window's length is the run's rate, in the words of
 * the workload. */
void port_progress(struct port *p, sim_time since, double amount);

/* What is observed.  It lives as long as the run: a static array beside the code, as a rule. */
struct measure {
    const char *name; /* NULL ends an array */
    const char *unit; /* "s", "B/s", "1" */
    const char *doc;
    unsigned flags; /* MEASURE_ */
};
enum {
    MEASURE_HISTOGRAM = 1,
    MEASURE_DETERMINISTIC = 2, /* nothing random feeds it: no interval */
    MEASURE_COLUMN = 4,        /* shown in the table */
    MEASURE_TOTAL = 8,         /* said once, of the whole: counts after the window has closed too */
    MEASURE_INSIDE = 16,       /* the time of a request of a program, and */
    MEASURE_OUTSIDE = 32       /* between two: what port_stage is audited by */
};
/* One observation.  It counts when it is made inside the window, or when there is none. */
void port_measure(struct port *p, const struct measure *m, double value);
/* This task, a customer of a closed population, is from now on in a request or between two, as the
 * flags of m say; NULL: it is a customer no more.  The time of a stage is observed under its m as
 * it ends, but for a request that failed: the run's audit compares (sim/population.h). */
void port_stage(struct port *p, const struct measure *m);
/* Where the time of `who` goes, who outlives tasks, as a rank of a job that goes on after crashes
 * does.  The ledger is the run's: no crash takes it, and no program reads it.  At each moment it
 * is in one part: in LEDGER_AWAY from the beginning of the run, and again from the end of the task
 * that has it. */
enum ledger_part { LEDGER_AWAY, LEDGER_REST, LEDGER_WORK, LEDGER_STOPPED, LEDGER_PARTS };
/* This task has that ledger from now on; it is in LEDGER_REST. */
void port_ledger(struct port *p, uint64_t who);
/* It passes to that part; what is spent there until it passes on, beyond `most`, is of
 * LEDGER_REST.  Nothing of a task that has none. */
void port_ledger_part(struct port *p, enum ledger_part part, sim_time most);
/* An observation of m: what has been spent in that part until now, less so much. */
void port_ledger_tell(struct port *p, enum ledger_part part, const struct measure *m,
                      sim_time less);
/* Says where a part of this task counts: its counters are in the results as "owner.name", over all
 * nodes (owner: the instance's name for a protocol, else the service's).  They are read when the
 * measurement window opens and closes, and before the task goes; `base` lives as long as it does.
 */
void port_counters(struct port *p, const char *owner, const struct counter *d, const void *base);
/* For a base that goes before its task: reads it for the last time. */
void port_counters_end(struct port *p, const void *base);
/* Says that data of this content reached its final receiver: a record of the digest. */
void port_delivered(struct port *p, uint64_t length, uint64_t content);
/* A span of this node on a track; spans of one name may overlap when their ids differ.  Free while
 * no trace is open; port_trace_on guards the making of a name. */
bool port_trace_on(const struct port *p);
void port_trace_begin(struct port *p, const char *track, const char *name, uint64_t id);
void port_trace_end(struct port *p, const char *track, const char *name, uint64_t id);
/* A condition that the user should see in the results ("file full"); the run goes on. */
void port_remark(struct port *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The program found that the run's result is wrong (data that does not verify): the run fails with
 * this sentence, exit code 1, after it has ended. */
void port_fail(struct port *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- tasks and failures ---- */
/* A new task on this node; `main` runs as its first upcall (NULL: there is none, and threads are
 * spawned on it from outside).  NULL name is not allowed. */
struct port *port_task_create(struct port *p, const char *name,
                              void (*main)(struct port *task, void *arg), void *arg);
/* Ends a task of this node as a crash does (PORT3). */
void port_task_crash(struct port *task);
/* fn is called at the moment at which a task of this node crashes while the node lives on, before
 * what it owns goes, from outside any code of the node: it notes that, and asks for upcalls; it
 * names no work and sends nothing.  One fn a task. */
void port_task_on_end(struct port *task, void (*fn)(void *arg), void *arg);
/* The upcalls of the task, which has had none, run on the CPU of that name: "application",
 * "coprocessor", "third"; false: the node has none. */
bool port_task_place(struct port *task, const char *cpu) MUST_CHECK;
const char *port_task_cpu(const struct port *task); /* on which its upcalls run; static */
/* fn runs as an upcall of that task of this node: where its CPU is another one, beside the code
 * that asks.  Never, if the task ends before. */
void port_task_run(struct port *task, void (*fn)(struct port *task, void *arg), void *arg);
/* fn is called when a node is known to have crashed (its life `life` has ended) or to be back (up:
 * in life `life`): the machine's failure detector, after its delay.  Each change is told once, in
 * order; a node that comes back is told who is down. */
void port_on_node_change(struct port *p,
                         void (*fn)(void *arg, uint32_t node, uint32_t life, bool up), void *arg);

#endif
